// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Heads: what is asked of every object that a file has, so that it is read at once and not one by one. A hash table; where
 * its answer would be a guess the database is asked.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1024 };

static size_t hash(enum kind kind, const char *name)
{
	uint64_t h = 14695981039346656037ULL ^ kind;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211ULL;
	return (size_t)(h ^ h >> 32);
}

/* Its place, or the free one where it would be. */
static struct head *find(const struct heads *h, const struct ref *ref)
{
	size_t i = hash(ref->kind, ref->name) & (h->room - 1);

	while (h->v[i].ref.version && (h->v[i].ref.kind != ref->kind || strcmp(h->v[i].ref.name, ref->name)))
		i = (i + 1) & (h->room - 1);
	return &h->v[i];
}

static void make_room(struct heads *h)
{
	struct heads old = *h;

	if (h->n * 2 < h->room)
		return;
	h->room = h->room ? h->room * 2 : FIRST_ROOM;
	h->v = zalloc(h->room * sizeof(*h->v));
	for (size_t i = 0; i < old.room; i++)
		if (old.v[i].ref.version)
			*find(h, &old.v[i].ref) = old.v[i];
	free(old.v);
}

/* Its place, made when there is none. */
static struct head *place(struct heads *h, const struct ref *ref)
{
	struct head *at;

	make_room(h);
	at = find(h, ref);
	if (!at->ref.version) {
		at->ref = *ref;
		h->n++;
	}
	return at;
}

void heads_put(struct store *s, const struct stored *o)
{
	struct head *at;

	if (!s->heads.known)
		return;
	at = place(&s->heads, &o->ref);
	at->ref.version = o->latest;
	at->retired = false;
	at->reusable = o->reusable;
	stored_free(&at->stored);
}

void heads_free(struct store *s)
{
	for (size_t i = 0; i < s->heads.room; i++)
		stored_free(&s->heads.v[i].stored);
	free(s->heads.v);
	s->heads = (struct heads){ 0 };
}

bool heads_load(struct store *s)
{
	struct stored_list all = { 0 };

	heads_free(s);
	for (int kind = 0; kind < STORE_KINDS; kind++)
		store_list_all(s, (enum kind)kind, &all);
	make_room(&s->heads);
	for (size_t i = 0; i < all.n; i++) {
		struct head *at = place(&s->heads, &all.v[i].ref);

		at->retired = all.v[i].retired;
		at->reusable = all.v[i].reusable;
		at->stored = all.v[i];
	}
	free(all.v);
	s->heads.known = !s->failed;
	return !s->failed;
}

const struct head *heads_find(const struct store *s, const struct ref *ref)
{
	const struct head *head = s->heads.known ? find(&s->heads, ref) : NULL;

	return head && head->ref.version && (!ref->version || ref->version == head->ref.version) ? head : NULL;
}

bool heads_lack(const struct store *s, const struct ref *ref)
{
	return s->heads.known && !find(&s->heads, ref)->ref.version;
}

bool heads_made(const struct store *s, const struct ref *ref)
{
	const struct head *head = heads_find(s, ref);

	return head && !head->stored.definition;
}
