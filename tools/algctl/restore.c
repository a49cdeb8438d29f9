// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl restore: the kernel as the store has it; on a box of a fleet from the database, or from what its agent has kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "fleet.h"
#include "kept.h"
#include "object.h"
#include "operation.h"

struct restore_args {
	bool kept;
	const char *box, *file;
};

bool operation_restore(struct store *s, void *data)
{
	(void)data;
	s->subject = ref_of(STORE_KINDS, "", 0);
	s->applied = true;
	return access_kind(s, KIND_TENANT, LEVEL_EDIT) &&
	       audit_add(s, &s->subject, NULL, "restored", audit_done);
}

/* It changes nothing in the database, so it asks for no right there. */
static bool restore_box(struct ctx *ctx, const struct restore_args *a, struct outcome *out)
{
	struct store *s = store_of(ctx);
	struct boxes all = { 0 };
	struct backend *front;
	const struct box *here = box_here(s, a->box, &all);
	bool good = here && compile_box(s, here, &out->wanted);

	boxes_free(&all);
	store_rollback(s);
	if (!good || !kernel_enter(ctx, &front))
		return false;
	good = kernel_bring(ctx, out);
	kernel_leave(ctx, front);
	return good;
}

static bool restore_kept(struct ctx *ctx, const char *path, struct outcome *out)
{
	struct kept k;
	bool good;

	if (!kept_is_ours(ctx) || !kept_read(ctx, path, &k))
		return false;
	if (!ctx->json)
		fprintf(ctx->out, "box %s as it was with entry %lld of the log\n", k.box, (long long)k.entry);
	out->wanted = k.objects;
	ctx->backend = kernel_open(ctx);
	good = ctx->backend && kernel_bring(ctx, out);
	return good;
}

static bool bring(struct ctx *ctx, const struct restore_args *a, const char *kept, struct outcome *out)
{
	bool there = !access(kept, F_OK);

	if (a->kept && (there || a->file))
		return restore_kept(ctx, kept, out);
	if (store_wanted(ctx) && store_begin(store_of(ctx), BEGIN_READ)) {
		if (fleet_used(store_of(ctx)))
			return restore_box(ctx, a, out);
		store_rollback(store_of(ctx));
		return operation_run(ctx, operation_restore, NULL, out);
	}
	if (!there || ctx->backend)
		return false;
	for (size_t i = 0; i < ctx->nerrors; i++)
		fprintf(stderr, "%s\n", ctx->errors[i].message);
	errors_drop(ctx);
	return restore_kept(ctx, kept, out);
}

static bool restore(struct ctx *ctx, const struct command *command, void *object)
{
	const struct restore_args *a = object;
	char *kept = kept_path(ctx, a->file);
	struct outcome out = { 0 };
	bool good = bring(ctx, a, kept, &out);
	json_t *j;

	(void)command;
	if (good && ctx->json) {
		j = json_pack("{s:b}", "applied", !ctx->dry_run);
		changes_json(j, &out.changes);
		print_json(ctx, j);
	} else if (good) {
		changes_print(ctx, &out.changes);
		fprintf(ctx->out, "%zu added, %zu changed, %zu removed\n", out.changes.added, out.changes.changed,
			out.changes.removed);
	}
	outcome_free(&out);
	free(kept);
	return good;
}

static const struct param params[] = {
	{ .name = "kept", .help = "what the agent of this box has kept, without a database; where it has none, the store",
	  .kind = PARAM_FLAG, .arg = offsetof(struct restore_args, kept), .set = set_flag },
	{ .name = "box", .metavar = "BOX", .help = "of a fleet; this host's if not given", .kind = PARAM_VALUE,
	  .arg = offsetof(struct restore_args, box), .set = set_text },
	{ .name = "file", .metavar = "FILE", .help = "where the agent has kept it", .kind = PARAM_VALUE,
	  .arg = offsetof(struct restore_args, file), .set = set_text },
	{ 0 }
};

static const struct command restore_commands[] = {
	{ .help = "bring the kernel to what the store has",
	  .params = params, .options = OPTION_DRY_RUN, .size = sizeof(struct restore_args), .run = restore },
	{ 0 }
};

const struct object_def restore_object = {
	.name = "restore",
	.help = "bring the kernel to what the store has",
	.commands = restore_commands,
	.more = "For the start of a box, and where 'store status' shows a difference. A box of a fleet gets what is its own;\n"
		"while the database is away what its agent has applied last.",
};
