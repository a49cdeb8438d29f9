// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which store this invocation uses: --store, then ALGCTL_STORE ("none" is none), then the box's own. A box has one when
 * its file is there or a file beside it names a database. Every network namespace with a name has a store of its own, the
 * initial one that of the box; other namespaces have none.
 */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caller.h"

#ifndef ALGCTL_STORE_DIR
#define ALGCTL_STORE_DIR "/var/lib/nf-alg"
#endif

static char *directory(const struct ctx *ctx)
{
	return ctx->netns ? format_text("%s/netns/%s", ALGCTL_STORE_DIR, ctx->netns) : copy(ALGCTL_STORE_DIR);
}

static char *path_in(const struct ctx *ctx, const char *name)
{
	char *d = directory(ctx), *path = format_text("%s/%s", d, name);

	free(d);
	return path;
}

/* Unknown counts as the initial one: who can't look at it is not in a namespace that root made without a name. */
static bool in_initial_namespace(void)
{
	struct stat own, first;

	return stat("/proc/self/ns/net", &own) || stat("/proc/1/ns/net", &first) ||
	       (own.st_dev == first.st_dev && own.st_ino == first.st_ino);
}

/* The address in the file, NULL when there is none. */
static char *read_address(const char *path)
{
	char line[1024];
	FILE *f = fopen(path, "re");
	char *got = f ? fgets(line, sizeof(line), f) : NULL;

	if (f)
		fclose(f);
	if (!got)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return *line ? copy(line) : NULL;
}

static bool own_place(struct ctx *ctx, char **where)
{
	char *file = path_in(ctx, "store.db"), *other = path_in(ctx, "store.address");
	int number;

	*where = read_address(other);
	number = *where || !access(file, F_OK) ? 0 : errno;
	if (!*where && !number) {
		*where = file;
		file = NULL;
	}
	free(file);
	free(other);
	if (number == EACCES) {
		fail_errno(ctx, number, NOWHERE, "the store of this box: %s", strerror(number));
		error_hint(ctx, "the store is for root: use sudo");
		return false;
	}
	return true;
}

/* Through sudo an operator works with the box's store: another one would know nothing of his permissions. */
static bool may_choose(struct ctx *ctx, char **own)
{
	*own = NULL;
	if (!caller_get().other)
		return true;
	if (!own_place(ctx, own))
		return false;
	if (!*own)
		return true;
	fail(ctx, ALGCTL_REFUSED, NOWHERE, "this box has a store, %s: no other can be given through sudo", *own);
	return false;
}

bool store_place(struct ctx *ctx, char **where)
{
	const char *given = ctx->store_path ? ctx->store_path : getenv("ALGCTL_STORE");
	char *own = NULL;
	bool good;

	*where = NULL;
	if (!given || !*given)
		return (!ctx->netns && !in_initial_namespace()) || own_place(ctx, where);
	good = may_choose(ctx, &own);
	free(own);
	if (good && strcmp(given, "none"))
		*where = copy(given);
	return good;
}

bool store_in_use(struct ctx *ctx)
{
	bool quiet = ctx->quiet;
	char *where = NULL;

	if (!ctx->store_known) {
		ctx->quiet = true;
		ctx->store_used = !store_place(ctx, &where) || where;
		ctx->quiet = quiet;
		ctx->store_known = true;
		free(where);
	}
	return ctx->store_used;
}

static bool make_directories(struct ctx *ctx, const char *path)
{
	char *part = copy(path);
	bool good = true;

	for (char *c = part + 1; good && (c = strchr(c, '/')); c++) {
		*c = '\0';
		good = !mkdir(part, 0755) || errno == EEXIST ||
		       fail_errno(ctx, errno, NOWHERE, "%s: %s", part, strerror(errno));
		*c = '/';
	}
	free(part);
	return good;
}

static bool write_address(struct ctx *ctx, const char *path, const char *where)
{
	char *line = format_text("%s\n", where);
	bool good = file_replace(path, line);

	free(line);
	return good || fail_errno(ctx, errno, NOWHERE, "%s: %s", path, strerror(errno));
}

bool store_place_prepare(struct ctx *ctx, const char *where)
{
	return strncmp(where, ALGCTL_STORE_DIR "/", sizeof(ALGCTL_STORE_DIR)) != 0 || make_directories(ctx, where);
}

bool store_place_keep(struct ctx *ctx, const char *where)
{
	char *path = path_in(ctx, "store.address");
	bool good = true;

	if (ctx->store_path && strstr(where, "://"))
		good = make_directories(ctx, path) && write_address(ctx, path, where);
	free(path);
	return good;
}

bool store_place_join(struct ctx *ctx, const char *where, const char *box)
{
	char *address = path_in(ctx, "store.address"), *name = path_in(ctx, "box");
	bool good = make_directories(ctx, address) && write_address(ctx, address, where) && write_address(ctx, name, box);

	free(address);
	free(name);
	return good;
}

char *store_own_file(const struct ctx *ctx, const char *name)
{
	return path_in(ctx, name);
}

char *store_own_path(const struct ctx *ctx)
{
	return path_in(ctx, "store.db");
}
