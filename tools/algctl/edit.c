// SPDX-License-Identifier: GPL-2.0-or-later
/* edit: an object as a file in the caller's editor, and back as a new version. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caller.h"
#include "commands.h"
#include "config.h"
#include "object.h"
#include "operation.h"

/**
 * struct edit - one session
 * @latest:	the version that the change is made for
 * @text:	what the file had at first
 */
struct edit {
	struct ctx *ctx;
	struct ref ref;
	struct where at;
	uint32_t latest;
	char *path, *text;
};

/* Both files and editor are the caller's. */
static bool write_file(struct edit *e)
{
	const char *directory = getenv("TMPDIR");
	FILE *f = NULL;
	bool good;
	int fd;

	e->path = format_text("%s/algctl-%s-XXXXXX.yaml", directory && *directory ? directory : "/tmp", e->ref.name);
	if (!caller_enter())
		return fail_errno(e->ctx, errno, NOWHERE, "%s: %s", e->path, strerror(errno));
	fd = mkstemps(e->path, sizeof(".yaml") - 1);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	good = f && fputs(e->text, f) >= 0;
	good = f && !fclose(f) && good;
	if (!good)
		fail_errno(e->ctx, errno, NOWHERE, "%s: %s", e->path, strerror(errno));
	caller_leave();
	return good;
}

static void remove_file(struct edit *e)
{
	if (caller_enter()) {
		unlink(e->path);
		caller_leave();
	}
}

static bool run_editor(struct edit *e)
{
	static const char command[] = "exec ${VISUAL:-${EDITOR:-vi}} \"$1\"";
	int status = 0;
	pid_t child;

	fflush(e->ctx->out);
	child = fork();
	if (!child) {
		if (caller_become())
			execl("/bin/sh", "sh", "-c", command, "sh", e->path, (char *)NULL);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child > 0 && WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	return fail(e->ctx, ALGCTL_REFUSED, NOWHERE, "the editor failed: nothing is changed");
}

static char *object_text(const struct object *o, const struct edit *e)
{
	char *text = NULL, *what = ref_full_text(&e->ref);
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fprintf(f, "# %s. 'algctl help %s set' explains the keys. Without a change nothing happens.\n", what,
		kind_names[o->kind]);
	object_print(f, o, predefined_standard());
	fclose(f);
	free(what);
	return text;
}

static bool load(struct edit *e)
{
	struct store *s = store_of(e->ctx);
	struct ref any = ref_of(e->ref.kind, e->ref.name, 0);
	struct stored latest = { 0 };
	struct object *o = NULL;
	bool good = store_begin(s, BEGIN_READ) && identity_load(s) && version_get(s, &any, e->at, &latest) &&
		    access_check(s, e->ref.kind, e->ref.name, LEVEL_EDIT, e->at) && (o = version_load(s, &e->ref, e->at));

	if (good) {
		e->latest = latest.latest;
		e->ref.version = o->version;
		e->text = object_text(o, e);
	}
	store_rollback(s);	/* an editor takes its time */
	object_free(o);
	stored_free(&latest);
	return good;
}

/* The one object of the file, under its name; everything that the file does not have gets its default. */
static bool save(struct edit *e, const char *text, size_t size)
{
	struct node *root = document_parse(e->ctx, text, size, DOCUMENT_YAML);
	struct objects found = { 0 };
	bool good = root && config_objects(e->ctx, root, &found);

	if (good && (found.n != 1 || found.v[0]->kind != e->ref.kind || strcmp(found.v[0]->name, e->ref.name)))
		good = fail(e->ctx, ALGCTL_USAGE, (struct where){ 1, 1 }, "the file must have %s '%s', and nothing else",
			    kind_names[e->ref.kind], e->ref.name);
	if (good) {
		found.v[0]->version = e->latest;
		found.v[0]->have_meta |= META_DESCRIPTION | META_TAGS | META_REUSABLE;
		good = e->ctx->backend->ops->set(e->ctx, found.v[0], WRITE_REPLACE);
	}
	document_free(root);
	objects_free(&found);
	return good;
}

static bool ask_again(struct ctx *ctx)
{
	char line[16] = "";

	if (!isatty(STDIN_FILENO) || ctx->json)
		return false;
	errors_print(ctx);
	fputs("Edit it again? [Y/n] ", stderr);
	if (!fgets(line, sizeof(line), stdin) || strchr("nN", *line))
		return false;
	errors_drop(ctx);
	return true;
}

/* True: a new version, or nothing to do. What was written is kept when it was refused. */
static bool session(struct edit *e)
{
	bool good, again;

	do {
		char *text = NULL;
		size_t size;

		again = false;
		good = run_editor(e) && (text = file_text(e->ctx, e->path, &size));
		if (!good || !strcmp(text, e->text)) {
			free(text);
			break;
		}
		e->ctx->file = e->path;
		good = save(e, text, size);
		again = !good && ask_again(e->ctx);
		free(text);
	} while (again);
	return good;
}

/* Was anything written that may be missed? */
static bool is_written(struct edit *e)
{
	bool quiet = e->ctx->quiet, written;
	size_t size;
	char *text;

	e->ctx->quiet = true;
	text = file_text(e->ctx, e->path, &size);
	e->ctx->quiet = quiet;
	written = text && strcmp(text, e->text);
	free(text);
	return written;
}

bool edit_run(struct ctx *ctx, const struct command *command, void *object)
{
	const struct version_args *a = object;
	struct edit e = { .ctx = ctx, .ref = a->one, .at = a->one_at };
	bool good = store_wanted(ctx) && load(&e) && write_file(&e);

	(void)command;
	if (good) {
		good = session(&e);
		if (!good && is_written(&e))
			error_hint(ctx, "what was written is in %s", e.path);
		else
			remove_file(&e);
	}
	ctx->own_file = e.path;
	free(e.text);
	return done(ctx, good);
}
