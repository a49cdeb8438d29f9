// SPDX-License-Identifier: GPL-2.0-or-later
/* Who refers to what, and moving referrers to a new version. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "version.h"

/* References go up this order only. */
static const enum kind chain[] = { KIND_SERVICE, KIND_POLICY, KIND_TEMPLATE, KIND_TENANT };

enum { CHAIN = sizeof(chain) / sizeof(chain[0]) };

static int link_order(const void *a, const void *b)
{
	return ref_order(&((const struct link *)a)->from, &((const struct link *)b)->from);
}

static bool sorted_links(struct store *s, const struct ref *ref, struct links *out)
{
	bool good = store_refs_to(s, ref, out);

	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), link_order);
	return good;
}

static bool known(const struct referrers *list, const struct link *l, const struct ref *to)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct referrer *r = &list->v[i];

		if (r->link.from.kind == l->from.kind && r->link.from.version == l->from.version &&
		    !strcmp(r->link.from.name, l->from.name) && r->to.version == to->version && r->to.kind == to->kind &&
		    !strcmp(r->to.name, to->name))
			return true;
	}
	return false;
}

/* Referrers of @ref, at most CHAIN levels up: the list itself is the queue. */
bool version_referrers(struct store *s, const struct ref *ref, struct referrers *out)
{
	struct ref at = *ref;
	uint32_t level = 1;

	for (size_t next = 0;; next++) {
		struct links links = { 0 };

		sorted_links(s, &at, &links);
		for (size_t i = 0; i < links.n; i++) {
			struct ref to = ref_of(at.kind, at.name, links.v[i].to_version);

			if (known(out, &links.v[i], &to))
				continue;
			out->v = grow(out->v, out->n, &out->room, sizeof(*out->v));
			out->v[out->n++] = (struct referrer){ .link = links.v[i], .to = to, .level = level };
		}
		free(links.v);
		if (s->failed || next == out->n)
			return !s->failed;
		at = out->v[next].link.from;
		level = out->v[next].level + 1;
	}
}

/* ---- propagate ---- */

void propagation_free(struct propagation *p)
{
	free(p->moves);
	words_free(&p->only);
	p->moves = NULL;
	p->nmoves = p->room = 0;
}

static void add_move(struct propagation *p, const struct ref *from, const struct ref *stays_at)
{
	p->moves = grow(p->moves, p->nmoves, &p->room, sizeof(*p->moves));
	p->moves[p->nmoves++] = (struct move){ .from = *from, .stays_at = *stays_at };
}

static struct move *find_move(struct propagation *p, enum kind kind, const char *name)
{
	for (size_t i = 0; i < p->nmoves; i++)
		if (p->moves[i].from.kind == kind && !strcmp(p->moves[i].from.name, name))
			return &p->moves[i];
	return NULL;
}

static bool is_from(const struct propagation *p, uint32_t version)
{
	for (size_t i = 0; i < p->nfrom; i++)
		if (p->from[i] == version)
			return true;
	return p->from_all;
}

/* Several versions are in use, and it was not said which of them: the choice is the operator's. */
static bool which(struct store *s, const struct propagation *p, const struct links *links)
{
	struct words list = { 0 };
	char *text;

	fail_errno(s->ctx, EINVAL, p->at, "%s '%s': several versions are referred to", kind_names[p->to.kind], p->to.name);
	for (size_t i = 0; i < links->n; i++) {
		const struct link *l = &links->v[i];

		if (!l->retired && l->from.version == l->latest && l->to_version != p->to.version)
			words_addf(&list, "version %u by %s %s@%u", l->to_version, kind_names[l->from.kind], l->from.name,
				   l->from.version);
	}
	text = words_join(&list, "; ");
	error_hint(s->ctx, "%s: add 'from VERSION[,VERSION...]' or 'from all'", text);
	free(text);
	words_free(&list);
	return false;
}

static bool is_candidate(const struct link *l, const struct ref *to)
{
	return !l->retired && l->from.version == l->latest && l->to_version != to->version;
}

/* Direct referrers in their latest version. */
static bool find_first(struct store *s, struct propagation *p)
{
	struct ref any = ref_of(p->to.kind, p->to.name, 0);
	struct links links = { 0 };
	uint32_t only = 0;
	bool several = false;

	sorted_links(s, &any, &links);
	for (size_t i = 0; i < links.n; i++) {
		if (!is_candidate(&links.v[i], &p->to))
			continue;
		several |= only && only != links.v[i].to_version;
		only = links.v[i].to_version;
	}
	if (several && !p->nfrom && !p->from_all) {
		which(s, p, &links);
		free(links.v);
		return false;
	}
	for (size_t i = 0; i < links.n; i++) {
		struct ref stays = ref_of(p->to.kind, p->to.name, links.v[i].to_version);

		if (!is_candidate(&links.v[i], &p->to))
			continue;
		if ((!p->nfrom && !p->from_all) || is_from(p, links.v[i].to_version))
			stays = (struct ref){ 0 };
		if (!find_move(p, links.v[i].from.kind, links.v[i].from.name))
			add_move(p, &links.v[i].from, &stays);
	}
	free(links.v);
	return !s->failed;
}

static bool stays(const struct move *m)
{
	return *m->stays_at.name;
}

/* Those of move @i: they move when they refer to the version that it leaves. */
static void find_next(struct store *s, struct propagation *p, size_t i)
{
	const struct ref from = p->moves[i].from;
	struct ref any = ref_of(from.kind, from.name, 0);
	struct links links = { 0 };

	if (stays(&p->moves[i]))
		return;
	sorted_links(s, &any, &links);
	for (size_t k = 0; k < links.n; k++) {
		const struct link *l = &links.v[k];
		struct ref at = ref_of(from.kind, from.name, l->to_version);
		struct move *m = find_move(p, l->from.kind, l->from.name);

		if (l->retired || l->from.version != l->latest)
			continue;
		if (l->to_version == from.version)
			at = (struct ref){ 0 };
		if (!m)
			add_move(p, &l->from, &at);
		else if (!*at.name)
			m->stays_at = at;
	}
	free(links.v);
}

static bool is_named(const struct propagation *p, const struct ref *ref)
{
	char *full = format_text("%s:%s", kind_names[ref->kind], ref->name);
	bool named = words_have(&p->only, full);

	free(full);
	return named;
}

/* Does @m refer to the referrer @to? */
static bool is_above(struct store *s, const struct move *m, const struct ref *to)
{
	struct links links = { 0 };
	bool above = false;

	store_refs_to(s, to, &links);
	for (size_t i = 0; i < links.n && !above; i++)
		above = links.v[i].from.kind == m->from.kind && links.v[i].from.version == m->from.version &&
			!strcmp(links.v[i].from.name, m->from.name);
	free(links.v);
	return above;
}

/* Leaves those that were named and those in between. */
static bool select_named(struct store *s, struct propagation *p)
{
	bool *keep = zalloc((p->nmoves + 1) * sizeof(*keep));
	size_t n = 0, named = 0;

	for (size_t i = p->nmoves; i-- > 0;) {
		keep[i] = is_named(p, &p->moves[i].from);
		named += keep[i];
		for (size_t k = i + 1; k < p->nmoves && !keep[i]; k++)
			keep[i] = keep[k] && !stays(&p->moves[k]) && is_above(s, &p->moves[k], &p->moves[i].from);
	}
	for (size_t i = 0; i < p->nmoves; i++)
		if (keep[i])
			p->moves[n++] = p->moves[i];
	p->nmoves = n;
	free(keep);
	if (named == p->only.n)
		return true;
	return fail(s->ctx, ALGCTL_USAGE, p->at, "%s '%s': not all that were named refer to it", kind_names[p->to.kind],
		    p->to.name);
}


/* References to what moves become references to its new version. */
static bool repoint(void *data, enum kind kind, struct where at, char text[REF_SIZE])
{
	struct propagation *p = data;
	const struct move *m;
	struct ref ref;

	(void)at;
	if (!ref_read(kind, text, &ref))
		return true;
	if (kind == p->to.kind && !strcmp(ref.name, p->to.name)) {
		snprintf(text, REF_SIZE, "%s@%u", ref.name, p->to.version);
		return true;
	}
	m = find_move(p, kind, ref.name);
	if (m && m->version && ref.version == m->from.version)
		snprintf(text, REF_SIZE, "%s@%u", ref.name, m->version);
	return true;
}

static bool make_move(struct store *s, struct propagation *p, struct move *m)
{
	struct stored latest = { 0 };
	struct object *o = NULL;
	bool good = version_get(s, &m->from, p->at, &latest) &&
		    access_check(s, m->from.kind, m->from.name, LEVEL_EDIT, p->at) &&
		    (o = definition_load(s->ctx, &latest));

	good = good && references_map(o, repoint, p) && version_save(s, o, &latest);
	if (good)
		m->version = latest.latest + 1;
	object_free(o);
	stored_free(&latest);
	return good;
}

static bool make_moves(struct store *s, struct propagation *p)
{
	for (size_t level = 0; level < CHAIN; level++)
		for (size_t i = 0; i < p->nmoves; i++)
			if (p->moves[i].from.kind == chain[level] && !stays(&p->moves[i]) &&
			    !make_move(s, p, &p->moves[i]))
				return false;
	return true;
}

bool version_propagate(struct store *s, struct propagation *p)
{
	struct stored to = { 0 };
	bool good;

	s->subject = p->to;
	good = version_get(s, &p->to, p->at, &to) && access_check(s, p->to.kind, p->to.name, LEVEL_PROPAGATE, p->at);
	p->to.version = to.ref.version;
	stored_free(&to);
	if (!good || !find_first(s, p))
		return false;
	for (size_t i = 0; i < p->nmoves && !s->failed; i++)
		find_next(s, p, i);
	return !s->failed && (!p->only.n || select_named(s, p)) && make_moves(s, p) &&
	       audit_add(s, &p->to, NULL, "propagated", audit_done);
}
