// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A propagate in stages: in its transaction the boxes that it concerns, but the first, hold the versions of tenants that
 * they have. When the first has reported that it has applied it the others are released.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "fleet.h"
#include "operation.h"
#include "output.h"

/* Boxes that serve a tenant which moves. */
static bool find_concerned(struct store *s, const struct propagation *p, const struct boxes *all, bool *concerned)
{
	for (size_t i = 0; i < p->nmoves; i++) {
		const struct move *m = &p->moves[i];
		struct stored stored = { 0 };
		struct object *o;

		if (m->from.kind != KIND_TENANT || !m->version)
			continue;
		o = store_get(s, &m->from, &stored) ? definition_load(s->ctx, &stored) : NULL;
		stored_free(&stored);
		if (!o)
			return false;
		for (size_t k = 0; k < all->n; k++)
			concerned[k] |= box_serves(&all->v[k], to_tenant(o));
		object_free(o);
	}
	return true;
}

/* What the box holds already it goes on to hold. */
static void hold(struct store *s, const struct propagation *p, const char *box)
{
	for (size_t i = 0; i < p->nmoves; i++) {
		const struct ref *from = &p->moves[i].from;

		if (from->kind == KIND_TENANT && p->moves[i].version)
			sql_run(s, SQL_HOLD_ADD, "tttn", box, kind_names[KIND_TENANT], from->name, (int64_t)from->version);
	}
}

static void let_go(struct store *s, const struct propagation *p, const char *box)
{
	for (size_t i = 0; i < p->nmoves; i++)
		if (p->moves[i].from.kind == KIND_TENANT && p->moves[i].version)
			sql_run(s, SQL_HOLD_DEL, "ttt", box, kind_names[KIND_TENANT], p->moves[i].from.name);
}

static bool no_box(struct store *s, const struct stage *stage)
{
	return fail_errno(s->ctx, ENOENT, stage->at, "the fleet has no box '%s'", stage->first);
}

static bool choose_first(struct store *s, const struct boxes *all, const bool *concerned, struct stage *stage)
{
	size_t i = 0;

	while (i < all->n && (*stage->first ? strcmp(all->v[i].name, stage->first) != 0 : !concerned[i]))
		i++;
	if (i < all->n && !concerned[i])
		return fail(s->ctx, ALGCTL_USAGE, stage->at, "box '%s' has none of the tenants that would move", stage->first);
	if (i < all->n)
		snprintf(stage->first, sizeof(stage->first), "%s", all->v[i].name);
	return true;
}

bool stage_hold(struct store *s, const struct propagation *p, struct stage *stage)
{
	struct boxes all = { 0 };
	bool *concerned, good = fleet_load(s, &all);

	if (good && !all.n)
		good = fail(s->ctx, ALGCTL_USAGE, NOWHERE, "there is no fleet: --staged needs boxes");
	if (good && *stage->first && !boxes_find(&all, stage->first))
		good = no_box(s, stage);
	if (!p->nmoves || !good) {
		*stage->first = '\0';	/* nobody waits for it */
		boxes_free(&all);
		return good;
	}
	concerned = zalloc((all.n + 1) * sizeof(*concerned));
	good = good && find_concerned(s, p, &all, concerned) && choose_first(s, &all, concerned, stage);
	for (size_t i = 0; i < all.n && good; i++) {
		if (!concerned[i])
			continue;
		if (!strcmp(all.v[i].name, stage->first)) {
			let_go(s, p, stage->first);
			continue;
		}
		words_add(&stage->rest, all.v[i].name);
		hold(s, p, all.v[i].name);
	}
	if (good && *stage->first) {
		char *list = words_join(&stage->rest, ","), *text;
		struct ref about = ref_of(KIND_BOX, stage->first, 0);

		text = format_text("first, held: %s", *list ? list : "none");
		good = audit_add(s, &about, NULL, text, audit_done);
		free(text);
		free(list);
	}
	boxes_free(&all);
	free(concerned);
	return good && !s->failed;
}

bool fleet_release(struct store *s, const struct words *boxes)
{
	struct boxes all = { 0 };
	bool good = access_kind(s, KIND_TENANT, LEVEL_PROPAGATE) && fleet_load(s, &all);

	for (size_t i = 0; i < boxes->n && good; i++)
		if (!boxes_find(&all, boxes->v[i]))
			good = fail_errno(s->ctx, ENOENT, NOWHERE, "the fleet has no box '%s'", boxes->v[i]);
	for (size_t i = 0; i < all.n && good; i++) {
		struct ref about = ref_of(KIND_BOX, all.v[i].name, 0);

		if (!all.v[i].holds || (boxes->n && !words_have(boxes, all.v[i].name)))
			continue;
		good = sql_run(s, SQL_HOLDS_DEL, "t", all.v[i].name) && audit_add(s, &about, NULL, "released", audit_done);
	}
	boxes_free(&all);
	return good;
}

/* ---- waiting for reports ---- */

enum verdict { VERDICT_WAITING, VERDICT_APPLIED, VERDICT_REFUSED };

static enum verdict verdict(const struct box *b, int64_t entry)
{
	if (b->age < 0 || b->tried < entry)
		return VERDICT_WAITING;
	return *b->error ? VERDICT_REFUSED : b->entry >= entry ? VERDICT_APPLIED : VERDICT_WAITING;
}

static int64_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static bool read_fleet(struct store *s, struct boxes *all)
{
	bool good;

	boxes_free(all);
	good = store_begin(s, BEGIN_READ) && fleet_load(s, all);
	store_rollback(s);
	return good;
}

static bool all_decided(const struct boxes *all, const struct words *names, int64_t entry)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct box *b = boxes_find(all, names->v[i]);

		if (b && verdict(b, entry) == VERDICT_WAITING)
			return false;
	}
	return true;
}

/* Until all have reported on @entry, or @patience is over. @all has their last reports. */
static bool wait_for(struct store *s, const struct words *names, int64_t entry, int64_t patience, struct boxes *all)
{
	int64_t until = seconds() + patience;

	while (read_fleet(s, all)) {
		int64_t left = until - seconds();

		if (all_decided(all, names, entry) || left <= 0)
			return true;
		if (store_wait(s, (int)(left < 3600 ? left : 3600) * 1000, NULL) == NEWS_LOST)
			return false;
	}
	return false;
}

/* Prints what became of them; false: not all have applied it. */
static bool tell(struct ctx *ctx, const struct boxes *all, const struct words *names, int64_t entry, json_t *told)
{
	static const char *const words[] = { "silent", "applied", "refused" };
	bool good = true;

	for (size_t i = 0; i < names->n; i++) {
		const struct box *b = boxes_find(all, names->v[i]);
		enum verdict v = b ? verdict(b, entry) : VERDICT_WAITING;
		const char *error = v == VERDICT_REFUSED ? b->error : "";
		char *shown = printable(error);

		good &= v == VERDICT_APPLIED;
		json_array_append_new(told, json_pack("{s:s, s:s, s:s}", "box", names->v[i], "state", words[v], "error", error));
		if (!ctx->json)
			fprintf(ctx->out, "box %s: %s%s%s\n", names->v[i], words[v], *error ? ": " : "", shown);
		free(shown);
	}
	fflush(ctx->out);
	return good;
}

static bool stop(struct ctx *ctx, const struct stage *stage, json_t *told)
{
	char *list = words_join(&stage->rest, ", ");

	for (size_t i = 0; i < stage->rest.n; i++) {
		json_array_append_new(told, json_pack("{s:s, s:s, s:s}", "box", stage->rest.v[i], "state", "held", "error", ""));
		if (!ctx->json)
			fprintf(ctx->out, "box %s: held\n", stage->rest.v[i]);
	}
	fail(ctx, ALGCTL_REFUSED, NOWHERE, "box %s has not applied it; held, as they were before: %s", stage->first,
	     *list ? list : "none");
	error_hint(ctx, "'algctl fleet release' goes on; propagate the former version from all, then release, to go back");
	free(list);
	return false;
}

static bool do_release(struct store *s, void *data)
{
	return fleet_release(s, data);
}

static bool now_at(struct store *s, int64_t *entry)
{
	bool good = store_begin(s, BEGIN_READ) && fleet_entry(s, entry);

	store_rollback(s);
	return good;
}

bool stage_go_on(struct ctx *ctx, const struct stage *stage, json_t *told)
{
	struct words first = { 0 };
	struct store *s = store_of(ctx);
	struct boxes all = { 0 };
	int64_t entry = 0;
	bool good;

	words_add(&first, stage->first);
	good = store_listen(s, FLEET_REPORTS) && now_at(s, &entry) && wait_for(s, &first, entry, stage->patience, &all);
	if (good && !tell(ctx, &all, &first, entry, told))
		good = stop(ctx, stage, told);
	else if (good && stage->rest.n)
		good = operation_run(ctx, do_release, (void *)(uintptr_t)&stage->rest, NULL) && now_at(s, &entry) &&
		       wait_for(s, &stage->rest, entry, stage->patience, &all) &&
		       (tell(ctx, &all, &stage->rest, entry, told) ||
			fail(ctx, ALGCTL_REFUSED, NOWHERE, "not all boxes have applied it: algctl fleet status"));
	boxes_free(&all);
	words_free(&first);
	return good;
}
