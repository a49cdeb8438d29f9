// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the store to the kernel: the latest version of every tenant, and the versions of policies and services that those
 * refer to. The kernel knows names only. Where several versions of one object are in use the newest has its name, and
 * version N of the others the name NAME.vN.
 */
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "operation.h"

/* References go this way only. */
static const enum kind down[] = { KIND_TENANT, KIND_TEMPLATE, KIND_POLICY, KIND_SERVICE };

struct build {
	struct refs used;		/* sorted by kind, name, version; */
	struct objects objects;		/* the same, in the same order, */
	char (*names)[NAME_SIZE];	/* and their names in the kernel */
};

static bool taken(const struct build *b, enum kind kind, const char *name)
{
	for (size_t i = 0; i < b->used.n; i++)
		if (b->used.v[i].kind == kind && !strcmp(b->used.v[i].name, name))
			return true;
	return kind == KIND_SERVICE && predefined_find(name);
}

static void name_old(struct build *b, size_t i)
{
	const struct ref *ref = &b->used.v[i];
	char end[24];
	int room;

	snprintf(end, sizeof(end), ".v%u", ref->version);
	do {
		room = (int)(NAME_SIZE - 1 - strlen(end));
		snprintf(b->names[i], NAME_SIZE, "%.*s%s", room, ref->name, end);
		strcat(end, "_");
	} while (taken(b, ref->kind, b->names[i]) && strlen(end) < sizeof(end) - 1);
}

static void name_all(struct build *b)
{
	for (size_t i = 0; i < b->used.n; i++) {
		const struct ref *ref = &b->used.v[i], *next = i + 1 < b->used.n ? &b->used.v[i + 1] : NULL;

		if (next && next->kind == ref->kind && !strcmp(next->name, ref->name))
			name_old(b, i);
		else
			memcpy(b->names[i], ref->name, NAME_SIZE);
	}
}

static int order(const void *a, const void *b)
{
	return ref_order(a, b);
}

/* Index of the version, or the number of all when it is not used. */
static size_t find_used(const struct build *b, const struct ref *ref)
{
	const struct ref *v = b->used.v, *found = b->used.n ? bsearch(ref, v, b->used.n, sizeof(*v), order) : NULL;

	return found ? (size_t)(found - v) : b->used.n;
}

static bool kernel_name(void *data, enum kind kind, struct where at, char text[REF_SIZE])
{
	const struct build *b = data;
	struct ref ref;
	size_t i;

	(void)at;
	if (!ref_read(kind, text, &ref))
		return true;
	i = find_used(b, &ref);
	if (i < b->used.n)
		snprintf(text, REF_SIZE, "%s", b->names[i]);
	return true;
}

static void inherit(const struct build *b, struct tenant *t)
{
	struct ref ref;
	size_t i;

	if (!*t->template)
		return;
	ref_read(KIND_TEMPLATE, t->template, &ref);
	i = find_used(b, &ref);
	if (i < b->used.n)
		tenant_inherit(t, (const struct tenant *)b->objects.v[i]);
	for (int k = NF_ALG_A_TENANT_MAX_SESSIONS; k <= NF_ALG_A_TENANT_BLOCK_SIZE; k++)
		t->o.have |= BIT(k);
	*t->template = '\0';
}

/* What only the store knows means nothing to the kernel. */
static void strip(struct object *o)
{
	if (o->kind == KIND_POLICY) {
		to_policy(o)->version = o->version;
		o->have |= BIT(NF_ALG_A_POLICY_VERSION);
	} else if (o->kind == KIND_TENANT) {
		o->have |= BIT(NF_ALG_A_TENANT_POLICY);
	}
	o->version = 0;
	o->have_meta = 0;
}

static void finish(struct store *s, struct build *b, size_t i, struct objects *out)
{
	struct object *o = b->objects.v[i];
	const struct object *said;

	if (o->kind == KIND_TENANT) {
		inherit(b, to_tenant(o));
		words_free(&to_tenant(o)->boxes);
	}
	said = s->said && !strcmp(b->names[i], o->name) ? objects_find(s->said, o->kind, o->name) : NULL;
	if (said)
		object_take_places(o, said);
	references_map(o, kernel_name, b);
	memcpy(o->name, b->names[i], NAME_SIZE);
	strip(o);
	objects_add(out, o);
	b->objects.v[i] = NULL;
}

void config_add_default_policy(struct objects *out)
{
	struct object *o;

	objects_sort(out);
	if (objects_find(out, KIND_POLICY, "default"))
		return;
	o = object_new(KIND_POLICY);
	strcpy(o->name, "default");
	objects_add(out, o);
	objects_sort(out);
}

/* ---- what of it is a box's ---- */

struct reach {
	struct build *b;
	bool *keep;
};

static bool keep_target(void *data, enum kind kind, struct where at, char text[REF_SIZE])
{
	struct reach *r = data;
	struct ref ref;
	size_t i;

	(void)at;
	if (!ref_read(kind, text, &ref))
		return true;
	i = find_used(r->b, &ref);
	if (i < r->b->used.n)
		r->keep[i] = true;
	return true;
}

/* Tenants that it serves, and what these refer to, from the top down. */
static void keep_those_of(struct build *b, const struct box *box, bool *keep)
{
	struct reach r = { b, keep };

	for (size_t k = 0; k < sizeof(down) / sizeof(down[0]); k++) {
		for (size_t i = 0; i < b->used.n; i++) {
			struct object *o = b->objects.v[i];

			if (o->kind != down[k])
				continue;
			if (o->kind == KIND_TENANT)
				keep[i] = box_serves(box, to_tenant(o));
			if (keep[i])
				references_map(o, keep_target, &r);
		}
	}
}

static void leave_others(struct build *b, const struct box *box)
{
	bool *keep = zalloc((b->used.n + 1) * sizeof(*keep));
	size_t n = 0;

	keep_those_of(b, box, keep);
	for (size_t i = 0; i < b->used.n; i++) {
		if (!keep[i]) {
			object_free(b->objects.v[i]);
			continue;
		}
		b->used.v[n] = b->used.v[i];
		b->objects.v[n++] = b->objects.v[i];
	}
	b->used.n = b->objects.n = n;
	free(keep);
}

/* ---- what is in use ---- */

static bool load_used(struct store *s, struct build *b, const struct box *box)
{
	struct stored_list list = { 0 };
	bool good = store_used(s, box ? box->name : NULL, &list) && definitions_load(s->ctx, &list, &b->objects);

	for (size_t i = 0; good && i < list.n; i++)
		refs_add(&b->used, &list.v[i].ref);
	stored_list_free(&list);
	return good;
}

/* Latest versions that are in use; @old: others are as well. */
struct latest {
	struct store *s;
	bool *used, old;
	struct objects objects;
};

static bool use_target(void *data, enum kind kind, struct where at, char text[REF_SIZE])
{
	struct latest *l = data;
	const struct stored *to;
	struct ref ref;

	(void)at;
	if (!ref_read(kind, text, &ref))
		return true;
	to = heads_find(l->s, &ref);
	l->old |= !to;
	if (to)
		l->used[to - l->s->heads.list.v] = true;
	return to;
}

static bool use_kind(struct latest *l, enum kind kind, struct node_room *room)
{
	const struct stored_list *all = &l->s->heads.list;
	bool good = true;

	for (size_t i = 0; i < all->n && good; i++) {
		const struct stored *from = &all->v[i];
		struct object *o;

		if (from->ref.kind != kind || !(kind == KIND_TENANT ? !from->retired : l->used[i]))
			continue;
		o = definition_load_in(l->s->ctx, from, room);
		if (o)
			objects_add(&l->objects, o);
		good = o && references_map(o, use_target, l);
	}
	return good;
}

/* Without asking the database, whose heads are known; with @old there is nothing. */
static bool load_latest(struct store *s, struct build *b, bool *old)
{
	struct latest l = { .s = s, .used = zalloc((s->heads.list.n + 1) * sizeof(*l.used)) };
	struct node_room room = { 0 };
	bool good = true;

	for (size_t i = 0; i < sizeof(down) / sizeof(down[0]) && good; i++)
		good = use_kind(&l, down[i], &room);
	objects_sort(&l.objects);
	for (size_t i = 0; good && i < l.objects.n; i++) {
		struct ref ref = ref_of(l.objects.v[i]->kind, l.objects.v[i]->name, l.objects.v[i]->version);

		refs_add(&b->used, &ref);
	}
	*old = l.old;
	if (good)
		b->objects = l.objects;
	else
		objects_free(&l.objects);
	node_room_free(&room);
	free(l.used);
	return good;
}

static bool load(struct store *s, struct build *b, const struct box *box)
{
	bool old = false;

	if (!store_sees_all(s))
		return false;
	if (!box && (s->heads.known || heads_load(s))) {
		bool good = load_latest(s, b, &old);

		if (!old)
			return good;
	}
	return load_used(s, b, box);
}

bool compile(struct store *s, struct objects *out)
{
	return compile_box(s, NULL, out);
}

bool compile_box(struct store *s, const struct box *box, struct objects *out)
{
	struct build b = { 0 };
	bool good = load(s, &b, box);

	if (good && box)
		leave_others(&b, box);
	if (good) {
		b.names = zalloc((b.used.n + 1) * sizeof(*b.names));
		name_all(&b);
		for (size_t i = 0; i < b.used.n; i++)
			if (b.used.v[i].kind < KINDS)
				finish(s, &b, i, out);
		config_add_default_policy(out);
	}
	free(b.names);
	objects_free(&b.objects);
	free(b.used.v);
	return good;
}
