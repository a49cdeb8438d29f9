// SPDX-License-Identifier: GPL-2.0-or-later
#include "operation.h"

#include "fleet.h"

#include <stdlib.h>
#include <string.h>

void outcome_free(struct outcome *out)
{
	changes_free(&out->changes);
	objects_free(&out->running);
	objects_free(&out->wanted);
	free(out->gone.v);
	out->gone = (struct refs){ 0 };
}

/* One object is changed in one request, everything else as a whole. */
static bool change_one(struct ctx *ctx, const struct change *c)
{
	if (!c->new)
		return ctx->backend->ops->del(ctx, c->old);
	return ctx->backend->ops->set(ctx, c->new, c->old ? WRITE_REPLACE : WRITE_ADD);
}

static bool replace_all(struct ctx *ctx, const struct outcome *out, uint32_t generation)
{
	const struct backend_ops *ops = ctx->backend->ops;
	uint32_t base, now;
	bool good;

	if (!ops->begin(ctx, &base))
		return false;
	if (base != generation)
		good = fail(ctx, ALGCTL_REFUSED, NOWHERE, "the kernel's configuration was changed meanwhile: try again");
	else
		good = ops->load(ctx, &out->wanted) && (ctx->dry_run || ops->commit(ctx, generation, &now));
	if (!good || ctx->dry_run)
		ops->abort(ctx);
	return good;
}

bool kernel_bring(struct ctx *ctx, struct outcome *out)
{
	uint32_t generation;

	if (!config_read(ctx, &out->running, &generation))
		return false;
	config_compare(&out->running, &out->wanted, &out->changes);
	/* Where nothing is configured yet the first single change would make the policy "default" by itself. */
	if (out->changes.n == 1 && out->running.n && !ctx->dry_run)
		return change_one(ctx, &out->changes.v[0]);
	return !out->changes.n || replace_all(ctx, out, generation);
}

/* The kernel as the store wants it. In front of the store's commit: when it refuses, nothing has happened. */
static bool bring_kernel(struct store *s, struct outcome *out)
{
	struct ctx *ctx = s->ctx;
	struct backend *front;
	bool good;

	if (!compile(s, &out->wanted) || !kernel_enter(ctx, &front))
		return false;
	heads_free(s);
	good = kernel_bring(ctx, out);
	kernel_leave(ctx, front);
	out->kernel = good;
	return good;
}

/* What this host's kernel is to have. */
static bool compile_here(struct store *s, struct objects *out)
{
	struct boxes all = { 0 };
	const struct box *here;
	bool good;

	if (!fleet_used(s))
		return compile(s, out);
	here = box_here(s, NULL, &all);
	good = here && compile_box(s, here, out);
	boxes_free(&all);
	return good;
}

/* Versions in the kernel, as gold.v2, are an object's. */
static bool may_view(struct store *s, const struct object *o)
{
	const char *end = strstr(o->name, ".v");
	char name[NAME_SIZE];
	uint32_t level, whole;

	snprintf(name, sizeof(name), "%.*s", o->kind == KIND_POLICY && end ? (int)(end - o->name) : (int)sizeof(name), o->name);
	return access_level(s, o->kind, o->name, &whole) && access_level(s, o->kind, name, &level) && level >= LEVEL_VIEW &&
	       whole >= LEVEL_VIEW;
}

/* Where the database has not done that already. */
static void drop_unseen(struct store *s, struct changes *c)
{
	size_t n = 0;

	if (s->identity.root || s->db->driver->who)
		return;
	for (size_t i = 0; i < c->n; i++) {
		const struct change *one = &c->v[i];

		if (may_view(s, one->new ? one->new : one->old))
			c->v[n++] = *one;
		else
			*(!one->old ? &c->added : !one->new ? &c->removed : &c->changed) -= 1;
	}
	c->n = n;
}

bool drift(struct ctx *ctx, struct outcome *out)
{
	struct store *s = store_of(ctx);
	struct backend *front;
	uint32_t generation;
	bool good;

	if (!store_begin(s, BEGIN_READ) || !identity_load(s) || !compile_here(s, &out->wanted) || !kernel_enter(ctx, &front))
		return false;
	good = config_read(ctx, &out->running, &generation);
	kernel_leave(ctx, front);
	if (good) {
		config_compare(&out->running, &out->wanted, &out->changes);
		drop_unseen(s, &out->changes);
	}
	return good;
}

/* What was wrong with the command line alone is none of the log's business. */
void operation_refused(struct store *s)
{
	const struct ctx *ctx = s->ctx;
	char *text;

	if (!ctx->nerrors || ctx->errors[0].code != ALGCTL_REFUSED || ctx->dry_run || !s->identity.user)
		return;
	s->refused = false;
	text = format_text("refused: %s", ctx->errors[0].message);
	if (store_begin(s, BEGIN_WRITE) && audit_add(s, &s->subject, NULL, NULL, text))
		store_commit(s);
	free(text);
}

/* The store did not take what the kernel has already: the kernel gets back what the store has. */
static void take_back(struct store *s)
{
	struct outcome out = { 0 };

	if (store_begin(s, BEGIN_READ) && bring_kernel(s, &out))
		error_hint(s->ctx, "the kernel has its former configuration again");
	else
		error_hint(s->ctx, "the kernel has a configuration that the store has not: algctl restore repairs it");
	outcome_free(&out);
}

static bool finish(struct store *s, const struct outcome *out)
{
	if (s->ctx->dry_run) {
		store_rollback(s);
		return true;
	}
	if (store_commit(s))
		return true;
	if (out->kernel && out->changes.n)
		take_back(s);
	return false;
}

/* The kernels of a fleet are changed by its agents. A dry run compares with what the store had before. */
static bool foresee(struct store *s, struct outcome *out)
{
	if (!s->ctx->dry_run)
		return true;
	if (!compile(s, &out->wanted))
		return false;
	config_compare(&out->running, &out->wanted, &out->changes);
	return true;
}

bool operation_run(struct ctx *ctx, operation_fn *work, void *data, struct outcome *given)
{
	struct store *s = store_of(ctx);
	struct outcome local = { 0 }, *out = given ? given : &local;
	bool good = store_begin(s, BEGIN_WRITE) && identity_load(s), fleet = good && fleet_used(s);

	good = good && (!fleet || !ctx->dry_run || compile(s, &out->running)) && work(s, data) && version_sweep(s, &out->gone);
	if (good && s->applied && fleet)
		good = foresee(s, out);
	else if (good && s->applied && !fleet_used(s))
		good = bring_kernel(s, out);
	if (good) {
		good = finish(s, out);
	} else {
		bool broken = s->failed;

		store_rollback(s);
		if (!broken)
			operation_refused(s);
	}
	outcome_free(&local);
	return good;
}
