// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl apply: replaces the whole configuration by a file's, all or nothing. */
#include "object.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "fleet.h"
#include "store_apply.h"

struct source {
	const char *path;
};

/* Everything that apply works on. */
struct apply {
	struct objects wanted, running;
	struct changes changes;
	uint32_t generation;
	bool default_policy_implied;
};

static bool read_file(struct ctx *ctx, const char *path, struct objects *out)
{
	enum document_format format;
	struct node *root = NULL;
	size_t size;
	char *text = file_text(ctx, path, &size);
	bool good;

	if (!text)
		return false;
	if (document_format(ctx, path, text, &format))
		root = document_parse(ctx, text, size, format);
	good = root && config_load(ctx, root, out);
	document_free(root);
	free(text);
	return good;
}

/* The policy "default" exists in every configuration: what the file does not say about it has defaults. */
static void imply_default_policy(struct apply *a)
{
	struct object *o;

	if (objects_find(&a->wanted, KIND_POLICY, "default"))
		return;
	o = object_new(KIND_POLICY);
	strcpy(o->name, "default");
	objects_add(&a->wanted, o);
	objects_sort(&a->wanted);
	a->default_policy_implied = true;
}

/*
 * A socket with a transaction sees what the transaction has collected, so what runs is read first; the transaction must
 * stand on the same generation.
 */
static bool begin(struct ctx *ctx, struct apply *a)
{
	enum { ATTEMPTS = 8 };

	for (int i = 0; i < ATTEMPTS; i++) {
		uint32_t base;

		if (!config_read(ctx, &a->running, &a->generation) || !ctx->backend->ops->begin(ctx, &base))
			return false;
		if (base == a->generation)
			return true;
		ctx->backend->ops->abort(ctx);
		objects_free(&a->running);
	}
	return fail(ctx, ALGCTL_REFUSED, NOWHERE, "the configuration changes faster than it can be read: try again");
}

static bool has_default_tenant(const struct apply *a)
{
	return objects_find(&a->wanted, KIND_TENANT, "default");
}

static size_t count_kind(const struct apply *a, enum kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < a->wanted.n; i++)
		n += a->wanted.v[i]->kind == kind;
	return n;
}

static const char no_default_tenant[] = "there is no tenant 'default': traffic that no selector takes is not served";

static json_t *counts_json(const struct changes *c)
{
	return json_pack("{s:I, s:I, s:I}", "added", (json_int_t)c->added, "changed", (json_int_t)c->changed, "removed",
			 (json_int_t)c->removed);
}

static void print_summary_json(struct ctx *ctx, const struct apply *a, uint32_t now)
{
	json_t *j = json_object(), *notes = json_array();

	json_object_set_new(j, "applied", json_boolean(!ctx->dry_run));
	if (!store_of(ctx))
		json_object_set_new(j, "generation", json_integer(now));
	for (int i = 0; i < ctx->backend->kinds; i++)
		json_object_set_new(j, kind_plurals[i], json_integer((json_int_t)count_kind(a, (enum kind)i)));
	if (count_kind(a, KIND_BOX))
		json_object_set_new(j, kind_plurals[KIND_BOX], json_integer((json_int_t)count_kind(a, KIND_BOX)));
	json_object_set_new(j, "summary", counts_json(&a->changes));
	if (ctx->dry_run)
		changes_json(j, &a->changes);
	if (!has_default_tenant(a))
		json_array_append_new(notes, json_string(no_default_tenant));
	json_object_set_new(j, "notes", notes);
	print_json(ctx, j);
}

static void print_summary(struct ctx *ctx, const struct apply *a, uint32_t now)
{
	if (ctx->dry_run)
		changes_print(ctx, &a->changes);
	for (int i = 0; i < LOG_KINDS; i++) {
		char *text;

		if (i >= ctx->backend->kinds && !count_kind(a, (enum kind)i))
			continue;
		text = counted(count_kind(a, (enum kind)i), (enum kind)i);
		fprintf(ctx->out, "%s%s", i ? ", " : "", text);
		free(text);
	}
	fprintf(ctx->out, ": %zu added, %zu changed, %zu removed\n", a->changes.added, a->changes.changed,
		a->changes.removed);
	if (store_of(ctx) && fleet_used(store_of(ctx)))
		fputs(ctx->dry_run ? "nothing was applied\n" : "applied; the boxes follow: algctl fleet status\n", ctx->out);
	else if (ctx->dry_run)
		fputs("the kernel accepts it; nothing was applied\n", ctx->out);
	else if (store_of(ctx))
		fputs("applied\n", ctx->out);
	else
		fprintf(ctx->out, "applied, generation %u\n", now);
	if (!has_default_tenant(a))
		fprintf(ctx->out, "note: %s\n", no_default_tenant);
}

/* From begin to commit or abort. */
static bool transact(struct ctx *ctx, struct apply *a, uint32_t *now)
{
	const struct backend_ops *ops = ctx->backend->ops;

	*now = a->generation;
	if (ops->load(ctx, &a->wanted) && (ctx->dry_run || ops->commit(ctx, a->generation, now))) {
		if (ctx->dry_run)
			ops->abort(ctx);
		return true;
	}
	ops->abort(ctx);
	return false;
}

static bool apply_kernel(struct ctx *ctx, struct apply *a, uint32_t *now)
{
	if (!begin(ctx, a))
		return false;
	config_compare(&a->running, &a->wanted, &a->changes);
	return transact(ctx, a, now);
}

/* What the store says of it is what is shown of it. */
static bool apply_store(struct ctx *ctx, struct apply *a)
{
	struct store_apply s = { .wanted = &a->wanted };
	bool good = store_apply(ctx, &s);

	a->running = s.running;
	a->changes = s.changes;
	s.running = (struct objects){ 0 };
	s.changes = (struct changes){ 0 };
	store_apply_free(&s);
	return good;
}

static bool apply(struct ctx *ctx, const struct command *command, void *object)
{
	struct source *source = object;
	struct apply a = { 0 };
	uint32_t now = 0;
	bool good;

	(void)command;
	ctx->file = strcmp(source->path, "-") ? source->path : "<stdin>";
	good = read_file(ctx, source->path, &a.wanted) && backend(ctx);
	if (good) {
		imply_default_policy(&a);
		good = store_of(ctx) ? apply_store(ctx, &a) : apply_kernel(ctx, &a, &now);
	}
	if (good && ctx->json)
		print_summary_json(ctx, &a, now);
	else if (good)
		print_summary(ctx, &a, now);
	changes_free(&a.changes);
	objects_free(&a.wanted);
	objects_free(&a.running);
	return good;
}

static const struct param params[] = {
	{ .name = "FILE", .help = "configuration in YAML or JSON; - for standard input",
	  .kind = PARAM_POSITION, .arg = offsetof(struct source, path), .set = set_text },
	{ 0 }
};

static const struct command commands[] = {
	{ .help = "replace the whole configuration by a file's, all or nothing",
	  .params = params, .options = OPTION_DRY_RUN | OPTION_FORMAT, .size = sizeof(struct source), .run = apply },
	{ 0 }
};

static bool diff(struct ctx *ctx, const struct command *command, void *object)
{
	ctx->dry_run = true;
	return apply(ctx, command, object);
}

static const struct command diff_commands[] = {
	{ .help = "print how a file differs from the configuration",
	  .params = params, .options = OPTION_FORMAT, .size = sizeof(struct source), .run = diff },
	{ 0 }
};

const struct object_def diff_object = {
	.name = "diff",
	.help = "print how a file differs from the configuration",
	.commands = diff_commands,
	.more = "The same as 'apply --dry-run': the kernel checks the file, and nothing changes.",
};

const struct object_def apply_object = {
	.name = "apply",
	.help = "replace the whole configuration by a file's",
	.commands = commands,
	.more = "What the file does not have is removed. Every error is reported with line and column, and then\n"
		"nothing is applied. Counters, sessions and quotas of tenants that stay are kept. The format is told\n"
		"by --format, the file's name or its first byte.",
};
