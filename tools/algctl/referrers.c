// SPDX-License-Identifier: GPL-2.0-or-later
/* references, propagate. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "fleet.h"
#include "object.h"
#include "operation.h"

static json_t *referrer_json(const struct referrer *r)
{
	return json_pack("{s:s, s:s, s:i, s:b, s:{s:s, s:s, s:i}, s:i}", "object", kind_names[r->link.from.kind], "name",
			 r->link.from.name, "version", (int)r->link.from.version, "latest",
			 r->link.from.version == r->link.latest && !r->link.retired, "to", "object",
			 kind_names[r->to.kind], "name", r->to.name, "version", (int)r->to.version, "level",
			 (int)r->level);
}

static void print_referrer(struct ctx *ctx, const struct referrer *r)
{
	char *from = ref_full_text(&r->link.from), *to = ref_full_text(&r->to);

	fprintf(ctx->out, "%*s%s -> %s%s\n", (int)(r->level - 1) * 2, "", from, to,
		r->link.retired ? "  (deleted)" : r->link.from.version == r->link.latest ? "" : "  (not its latest)");
	free(from);
	free(to);
}

bool references_run(struct ctx *ctx, const struct command *command, void *object)
{
	struct version_args *a = object;
	struct referrers list = { 0 };
	struct stored one = { 0 };
	json_t *all = json_array();
	struct store *s;
	bool good;

	(void)command;
	good = (s = version_read(ctx, a, &one)) && version_referrers(s, &a->one, &list);
	for (size_t i = 0; good && i < list.n; i++) {
		json_array_append_new(all, referrer_json(&list.v[i]));
		if (!ctx->json)
			print_referrer(ctx, &list.v[i]);
	}
	if (good && ctx->json)
		print_json(ctx, json_pack("{s:O}", "references", all));
	json_decref(all);
	free(list.v);
	stored_free(&one);
	return good;
}

struct propagate {
	struct propagation *p;
	struct stage stage;
};

static bool do_propagate(struct store *s, void *data)
{
	struct propagate *w = data;

	return version_propagate(s, w->p) && (!s->ctx->staged || stage_hold(s, w->p, &w->stage));
}

static void print_move(struct ctx *ctx, const struct move *m)
{
	char *from = ref_full_text(&m->from), *at = ref_full_text(&m->stays_at);

	if (m->version)
		fprintf(ctx->out, "%s -> %u\n", from, m->version);
	else
		fprintf(ctx->out, "%s stays: it refers to %s\n", from, at);
	free(from);
	free(at);
}

static json_t *move_json(const struct move *m)
{
	json_t *j = json_pack("{s:s, s:s, s:i}", "object", kind_names[m->from.kind], "name", m->from.name, "version",
			      (int)m->from.version);

	if (m->version)
		json_object_set_new(j, "new", json_integer(m->version));
	else
		json_object_set_new(j, "stays-at", json_integer(m->stays_at.version));
	return j;
}

/* @told: the document for --json, filled */
static void print_outcome(struct ctx *ctx, const struct propagation *p, const struct outcome *out, json_t *told)
{
	json_t *moves = json_array(), *kernel = json_object();

	for (size_t i = 0; i < p->nmoves; i++) {
		json_array_append_new(moves, move_json(&p->moves[i]));
		if (!ctx->json)
			print_move(ctx, &p->moves[i]);
	}
	changes_json(kernel, &out->changes);
	json_object_set_new(told, "done", json_boolean(!ctx->dry_run));
	json_object_set(told, "moves", moves);
	json_object_set(told, "kernel", kernel);
	if (!ctx->json && !p->nmoves)
		fputs("nothing refers to another version of it\n", ctx->out);
	else if (!ctx->json && ctx->dry_run && out->changes.n)
		fputs("in the kernel:\n", ctx->out);
	if (!ctx->json && ctx->dry_run)
		changes_print(ctx, &out->changes);
	json_decref(moves);
	json_decref(kernel);
}

/* The first box, and what it holds back or lets go. */
static bool go_on(struct ctx *ctx, const struct stage *stage, json_t *told)
{
	json_t *boxes = json_array();
	char *rest = words_join(&stage->rest, ", ");
	bool good = true;

	json_object_set(told, "boxes", boxes);
	if (!*stage->first && !ctx->json)
		fputs("no box is concerned\n", ctx->out);
	else if (ctx->dry_run && !ctx->json)
		fprintf(ctx->out, "first box %s, then %s\n", stage->first, *rest ? rest : "no other");
	else if (*stage->first && !ctx->dry_run)
		good = stage_go_on(ctx, stage, boxes);
	json_decref(boxes);
	free(rest);
	return good;
}

bool propagate_run(struct ctx *ctx, const struct command *command, void *object)
{
	struct version_args *a = object;
	struct propagate work = { &a->propagation, { .at = a->first_at, .patience = a->patience ? a->patience : 120 } };
	struct outcome out = { 0 };
	json_t *told = json_object();
	bool good;

	(void)command;
	memcpy(work.stage.first, a->first, sizeof(work.stage.first));
	a->propagation.to = a->one;
	a->propagation.at = a->one_at;
	if ((*a->first || a->patience) && !ctx->staged)
		return fail(ctx, ALGCTL_USAGE, a->first_at, "'first' and 'wait' belong to --staged");
	good = (ctx->staged ? fleet_wanted(ctx) : store_wanted(ctx)) && operation_run(ctx, do_propagate, &work, &out);
	if (good) {
		print_outcome(ctx, &a->propagation, &out, told);
		fflush(ctx->out);
		good = !ctx->staged || go_on(ctx, &work.stage, told);
		if (ctx->json && good)
			print_json(ctx, json_incref(told));
		else if (ctx->json)
			ctx->told = json_incref(told);
	}
	outcome_free(&out);
	propagation_free(&a->propagation);
	words_free(&work.stage.rest);
	json_decref(told);
	return good;
}
