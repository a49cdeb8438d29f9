// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl apply on a box with a store: the file's objects become versions, in one transaction with the kernel. */
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "store_apply.h"

static const enum kind order[] = { KIND_SERVICE, KIND_POLICY, KIND_TEMPLATE, KIND_TENANT, KIND_ROLE };

enum { ORDER = sizeof(order) / sizeof(order[0]), ALL_META = META_DESCRIPTION | META_TAGS | META_REUSABLE };

struct work {
	struct store *s;
	struct store_apply *a;
};

struct question {
	struct store *s;
	bool touched;
};

/* A reference without a version follows what has just got a new one. */
static bool ask(void *data, enum kind kind, struct where at, char text[REF_SIZE])
{
	struct question *q = data;
	struct ref ref;

	(void)at;
	q->touched |= ref_read(kind, text, &ref) && !ref.version && heads_made(q->s, &ref);
	return true;
}

static bool follows(struct work *w, struct object *o)
{
	struct question q = { .s = w->s };

	references_map(o, ask, &q);
	return q.touched;
}

static int change_order(const void *key, const void *element)
{
	const struct change *c = element;

	return object_order(key, c->new ? &c->new : &c->old);
}

static const struct change *find_change(const struct changes *c, const struct object *o)
{
	return c->n ? bsearch(&o, c->v, c->n, sizeof(*c->v), change_order) : NULL;
}

/* Roles stay when the file says nothing of any, and so do boxes. */
static bool has_kind(const struct objects *wanted, enum kind kind)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (wanted->v[i]->kind == kind)
			return true;
	return false;
}

static bool stays(const struct object *o, bool roles)
{
	return o->kind == KIND_ROLE && (roles || !strcmp(o->name, "administrator"));
}

static bool may_have_boxes(struct store *s, const struct store_apply *a)
{
	for (size_t i = 0; i < a->wanted->n && !fleet_possible(s); i++)
		if (a->wanted->v[i]->kind == KIND_BOX)
			return fail(s->ctx, ALGCTL_USAGE, a->wanted->v[i]->at,
				    "a fleet needs a store in PostgreSQL, this one is a file");
	return true;
}

/* What the file is compared with. Its objects become changes of the versions that are there. */
static bool load_running(struct store *s, struct store_apply *a)
{
	bool roles = !has_kind(a->wanted, KIND_ROLE), boxes = has_kind(a->wanted, KIND_BOX);
	bool good = !boxes || may_have_boxes(s, a);
	struct objects all = { 0 };

	for (int kind = 0; kind < STORE_KINDS && good; kind++)
		good = version_list(s, (enum kind)kind, true, &all);
	if (good && boxes)
		good = fleet_list(s, &all);
	objects_sort(&all);
	for (size_t i = 0; i < all.n && good; i++) {
		struct object *o = objects_find(a->wanted, all.v[i]->kind, all.v[i]->name);

		if (!o && stays(all.v[i], roles))
			continue;
		if (o) {
			o->version = all.v[i]->version;
			o->have_meta |= ALL_META;
		}
		objects_add(&a->running, all.v[i]);
		all.v[i] = NULL;
	}
	objects_free(&all);
	return good;
}

static bool collect(void *data, enum kind kind, struct where at, char text[REF_SIZE])
{
	(void)kind;
	(void)at;
	words_add(data, text);
	return true;
}

/* A policy that was not there before is the implied one. */
struct restore {
	struct words texts;
	size_t i;
};

static bool restore(void *data, enum kind kind, struct where at, char text[REF_SIZE])
{
	struct restore *r = data;

	(void)kind;
	(void)at;
	snprintf(text, REF_SIZE, "%s", r->i < r->texts.n ? r->texts.v[r->i] : "default");
	r->i++;
	return true;
}

/* What is shown of the object afterwards has the references of the file. */
static bool save(struct store *s, struct object *o, const struct change *c)
{
	bool added = c && !c->old, good;
	struct restore r = { 0 };

	references_map(o, collect, &r.texts);
	good = added ? version_add(s, o) : version_set(s, o, WRITE_REPLACE);
	if (good)
		references_map(o, restore, &r);
	words_free(&r.texts);
	return good;
}

/* All errors are told, so it goes on after one. */
static bool save_kind(struct work *w, enum kind kind)
{
	struct store *s = w->s;
	struct objects *wanted = w->a->wanted;
	bool good = true;

	for (size_t i = 0; i < wanted->n && !s->failed; i++) {
		struct object *o = wanted->v[i];
		const struct change *c = o->kind == kind ? find_change(&w->a->changes, o) : NULL;

		if (o->kind == kind && (c || follows(w, o)))
			good &= save(s, o, c);
	}
	return good && !s->failed;
}

static bool remove_kind(struct store *s, struct work *w, enum kind kind)
{
	const struct changes *c = &w->a->changes;
	bool good = true;

	for (size_t i = 0; i < c->n && !s->failed; i++) {
		struct ref ref;

		if (c->v[i].new || c->v[i].old->kind != kind)
			continue;
		ref = ref_of(kind, c->v[i].old->name, 0);
		good &= version_del(s, &ref, NOWHERE);
	}
	return good && !s->failed;
}

/* What the file does not say of a box is as it was not said of a new one. */
static bool save_boxes(struct work *w, bool gone)
{
	const struct changes *c = &w->a->changes;
	bool good = true;

	for (size_t i = 0; i < c->n && !w->s->failed; i++) {
		const struct object *old = c->v[i].old, *new = c->v[i].new;
		struct fleet_box box;

		if ((new ? new : old)->kind != KIND_BOX || gone != !new)
			continue;
		if (!new) {
			good &= fleet_box_del(w->s, old);
			continue;
		}
		box = *(const struct fleet_box *)new;
		box.login = box.login ? box.login : (char *)(uintptr_t)"";
		good &= old ? fleet_box_set(w->s, &box) : fleet_box_add(w->s, &box);
	}
	return good && !w->s->failed;
}

/* What is like the file's is not looked at again. */
static void drop_same(struct objects *running, const struct changes *c)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < running->n; i++) {
		while (k < c->n && !c->v[k].old)
			k++;
		if (k < c->n && c->v[k].old == running->v[i]) {
			running->v[n++] = running->v[i];
			k++;
		} else {
			object_free(running->v[i]);
		}
	}
	running->n = n;
}

static bool work(struct store *s, void *data)
{
	struct store_apply *a = data;
	struct work w = { .s = s, .a = a };
	bool good = heads_load(s) && load_running(s, a);

	s->said = a->wanted;
	if (good) {
		config_compare(&a->running, a->wanted, &a->changes);
		drop_same(&a->running, &a->changes);
	}
	good = good && save_boxes(&w, false);
	for (size_t i = 0; i < ORDER && good; i++)
		good = save_kind(&w, order[i]);
	for (size_t i = ORDER; i-- > 0 && good;)
		good = remove_kind(s, &w, order[i]);
	good = good && save_boxes(&w, true);
	s->applied = true;
	return good;
}

bool store_apply(struct ctx *ctx, struct store_apply *a)
{
	return operation_run(ctx, work, a, &a->outcome);
}

void store_apply_free(struct store_apply *a)
{
	changes_free(&a->changes);
	objects_free(&a->running);
	outcome_free(&a->outcome);
}
