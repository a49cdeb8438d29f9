// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Heads: what is asked of every object that a file has, so that it is read at once and not one by one. A list with an index
 * by hash; where its answer would be a guess the database is asked.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1024 };

static size_t hash(enum kind kind, const char *name)
{
	uint64_t h = 14695981039346656037ULL ^ kind;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211ULL;
	return (size_t)(h ^ h >> 32);
}

/* Where the number of the object is, counted from 1, or would be: 0. */
static uint32_t *find(const struct heads *h, const struct ref *ref)
{
	size_t i = hash(ref->kind, ref->name) & (h->slots - 1);

	for (; h->index[i]; i = (i + 1) & (h->slots - 1)) {
		const struct ref *there = &h->list.v[h->index[i] - 1].ref;

		if (there->kind == ref->kind && !strcmp(there->name, ref->name))
			break;
	}
	return &h->index[i];
}

static void make_index(struct heads *h)
{
	if (h->slots > h->list.n * 2)
		return;
	free(h->index);
	for (h->slots = h->slots ? h->slots : FIRST_SLOTS; h->slots <= h->list.n * 2;)
		h->slots *= 2;
	h->index = zalloc(h->slots * sizeof(*h->index));
	for (size_t i = 0; i < h->list.n; i++)
		*find(h, &h->list.v[i].ref) = (uint32_t)i + 1;
}

static struct stored *known(const struct store *s, const struct ref *ref)
{
	uint32_t i = s->heads.known ? *find(&s->heads, ref) : 0;

	return i ? &s->heads.list.v[i - 1] : NULL;
}

void heads_put(struct store *s, const struct stored *o)
{
	struct heads *h = &s->heads;
	struct stored *at;

	if (!h->known)
		return;
	at = known(s, &o->ref);
	if (at) {
		stored_free(at);
	} else {
		h->list.v = grow(h->list.v, h->list.n, &h->list.room, sizeof(*h->list.v));
		at = &h->list.v[h->list.n];
		*find(h, &o->ref) = (uint32_t)++h->list.n;
	}
	*at = stored_copy(o);
	at->made_now = true;
	make_index(h);
}

void heads_free(struct store *s)
{
	stored_list_free(&s->heads.list);
	free(s->heads.index);
	s->heads = (struct heads){ 0 };
}

static void read_tags(struct store *s)
{
	enum sql q = SQL_TAGS_ALL;

	sql_start(s, q, "");
	while (sql_row(s, q)) {
		int kind = index_of(kind_names, STORE_KINDS, sql_text(s, q, 0));
		const struct ref ref = ref_of(kind < 0 ? STORE_KINDS : (enum kind)kind, sql_text(s, q, 1), 0);
		struct stored *o = known(s, &ref);

		if (o)
			words_add(&o->tags, sql_text(s, q, 2));
	}
	for (size_t i = 0; i < s->heads.list.n; i++)
		words_sort(&s->heads.list.v[i].tags);
}

bool heads_load(struct store *s)
{
	heads_free(s);
	store_heads(s, &s->heads.list);
	make_index(&s->heads);
	s->heads.known = !s->failed;
	read_tags(s);
	return !s->failed;
}

const struct stored *heads_find(const struct store *s, const struct ref *ref)
{
	const struct stored *head = known(s, ref);

	return head && (!ref->version || ref->version == head->ref.version) ? head : NULL;
}

bool heads_lack(const struct store *s, const struct ref *ref)
{
	return s->heads.known && !known(s, ref);
}

bool heads_made(const struct store *s, const struct ref *ref)
{
	const struct stored *head = heads_find(s, ref);

	return head && head->made_now;
}
