// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows of the store as structures. */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ref ref_of(enum kind kind, const char *name, uint32_t version)
{
	struct ref ref = { .kind = kind, .version = version };

	snprintf(ref.name, sizeof(ref.name), "%s", name);
	return ref;
}

char *ref_text(const struct ref *ref)
{
	return ref->version ? format_text("%s@%u", ref->name, ref->version) : copy(ref->name);
}

char *ref_full_text(const struct ref *ref)
{
	char *text = ref_text(ref), *full = format_text("%s %s", kind_names[ref->kind], text);

	free(text);
	return full;
}

void refs_add(struct refs *list, const struct ref *ref)
{
	list->v = grow(list->v, list->n, &list->room, sizeof(*list->v));
	list->v[list->n++] = *ref;
}

bool refs_have(const struct refs *list, const struct ref *ref)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].kind == ref->kind && !strcmp(list->v[i].name, ref->name) &&
		    list->v[i].version == ref->version)
			return true;
	return false;
}

void stored_free(struct stored *o)
{
	free(o->description);
	free(o->definition);
	words_free(&o->tags);
	free(o->created.by);
	free(o->changed.by);
	free(o->made.by);
	*o = (struct stored){ 0 };
}

void stored_list_free(struct stored_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		stored_free(&list->v[i]);
	free(list->v);
	*list = (struct stored_list){ 0 };
}

static enum kind kind_of(const char *name)
{
	int i = index_of(kind_names, STORE_KINDS, name);

	return i < 0 ? STORE_KINDS : (enum kind)i;
}

/* Columns as ROW in store_sql.def has them. */
static void read_row(struct store *s, enum sql q, struct stored *o)
{
	*o = (struct stored){
		.ref = ref_of(kind_of(sql_text(s, q, 0)), sql_text(s, q, 1), (uint32_t)sql_number(s, q, 2)),
		.latest = (uint32_t)sql_number(s, q, 3),
		.retired = sql_number(s, q, 4),
		.reusable = sql_number(s, q, 5),
		.description = copy(sql_text(s, q, 6)),
		.created = { sql_number(s, q, 7), copy(sql_text(s, q, 8)) },
		.changed = { sql_number(s, q, 9), copy(sql_text(s, q, 10)) },
		.definition = copy(sql_text(s, q, 11)),
		.made = { sql_number(s, q, 12), copy(sql_text(s, q, 13)) },
	};
}

int ref_order(const struct ref *a, const struct ref *b)
{
	int order = kind_name_order(a->kind, a->name, b->kind, b->name);

	if (order)
		return order;
	return a->version < b->version ? -1 : a->version > b->version;
}

static int stored_order(const void *a, const void *b)
{
	return ref_order(&((const struct stored *)a)->ref, &((const struct stored *)b)->ref);
}

/* An index may have had them in order. */
static void sort(struct stored_list *list)
{
	size_t i = 1;

	while (i < list->n && stored_order(&list->v[i - 1], &list->v[i]) <= 0)
		i++;
	if (i < list->n)
		qsort(list->v, list->n, sizeof(*list->v), stored_order);
}

static bool read_rows(struct store *s, enum sql q, struct stored_list *out)
{
	while (sql_row(s, q)) {
		out->v = grow(out->v, out->n, &out->room, sizeof(*out->v));
		read_row(s, q, &out->v[out->n++]);
	}
	sort(out);
	return !s->failed;
}

static void read_tags(struct store *s, struct stored *o)
{
	sql_start(s, SQL_TAGS_OF, "tt", kind_names[o->ref.kind], o->ref.name);
	while (sql_row(s, SQL_TAGS_OF))
		words_add(&o->tags, sql_text(s, SQL_TAGS_OF, 0));
	words_sort(&o->tags);
}

struct stored stored_copy(const struct stored *o)
{
	struct stored new = *o;

	new.description = copy(o->description ? o->description : "");
	new.definition = copy(o->definition);
	new.created.by = copy(o->created.by ? o->created.by : "");
	new.changed.by = copy(o->changed.by ? o->changed.by : "");
	new.made.by = copy(o->made.by ? o->made.by : "");
	new.tags = (struct words){ 0 };
	for (size_t i = 0; i < o->tags.n; i++)
		words_add(&new.tags, o->tags.v[i]);
	return new;
}

static bool read_version(struct store *s, const struct ref *ref, struct stored *out)
{
	bool found = false;

	if (heads_lack(s, ref))
		return false;
	sql_start(s, SQL_GET, "ttn", kind_names[ref->kind], ref->name, (int64_t)ref->version);
	while (sql_row(s, SQL_GET)) {
		if (found)
			stored_free(out);
		read_row(s, SQL_GET, out);
		found = true;
	}
	return found;
}

bool store_get(struct store *s, const struct ref *ref, struct stored *out)
{
	const struct stored *known = heads_find(s, ref);
	bool found;

	if (known) {
		*out = stored_copy(known);
		return true;
	}
	found = read_version(s, ref, out);
	if (found)
		read_tags(s, out);
	return found;
}

bool store_get_head(struct store *s, const struct ref *ref, struct head *out)
{
	const struct stored *known = heads_find(s, ref);
	struct stored o = { 0 };

	if (!known && read_version(s, ref, &o))
		known = &o;
	if (known)
		*out = (struct head){ .ref = known->ref, .retired = known->retired, .reusable = known->reusable };
	stored_free(&o);
	return known;
}

static int latest_order(const void *key, const void *element)
{
	const struct ref *wanted = key, *ref = &((const struct stored *)element)->ref;

	return kind_name_order(wanted->kind, wanted->name, ref->kind, ref->name);
}

struct stored *stored_find(const struct stored_list *list, const struct ref *ref)
{
	return list->n ? bsearch(ref, list->v, list->n, sizeof(*list->v), latest_order) : NULL;
}

bool store_list(struct store *s, enum kind kind, struct stored_list *out)
{
	sql_start(s, SQL_LIST, "t", kind_names[kind]);
	read_rows(s, SQL_LIST, out);
	sql_start(s, SQL_TAGS, "t", kind_names[kind]);
	while (sql_row(s, SQL_TAGS)) {
		const struct ref ref = ref_of(kind, sql_text(s, SQL_TAGS, 0), 0);
		struct stored *o = stored_find(out, &ref);

		if (o)
			words_add(&o->tags, sql_text(s, SQL_TAGS, 1));
	}
	for (size_t i = 0; i < out->n; i++)
		words_sort(&out->v[i].tags);
	return !s->failed;
}

bool store_heads(struct store *s, struct stored_list *out)
{
	enum sql q = SQL_HEADS;

	sql_start(s, q, "");
	while (sql_row(s, q)) {
		uint32_t latest = (uint32_t)sql_number(s, q, 2);

		out->v = grow(out->v, out->n, &out->room, sizeof(*out->v));
		out->v[out->n++] = (struct stored){
			.ref = ref_of(kind_of(sql_text(s, q, 0)), sql_text(s, q, 1), latest), .latest = latest,
			.retired = sql_number(s, q, 3), .reusable = sql_number(s, q, 4),
			.description = copy(sql_text(s, q, 5)), .definition = copy(sql_text(s, q, 6)),
			.made = { sql_number(s, q, 7), copy(sql_text(s, q, 8)) },
		};
	}
	return !s->failed;
}

bool store_versions(struct store *s, enum kind kind, const char *name, struct stored_list *out)
{
	sql_start(s, SQL_VERSIONS, "tt", kind_names[kind], name);
	return read_rows(s, SQL_VERSIONS, out);
}

bool store_sees_all(struct store *s)
{
	bool all = true;

	sql_start(s, SQL_HIDDEN, "");
	while (sql_row(s, SQL_HIDDEN))
		all = false;
	if (s->failed || all)
		return !s->failed;
	fail_errno(s->ctx, EPERM, NOWHERE, "not permitted to view all that tenants have, which the kernel would get");
	s->refused = true;
	return false;
}

bool store_used(struct store *s, const char *box, struct stored_list *out)
{
	enum sql q = box ? SQL_USED_BY_BOX : SQL_USED;

	if (box)
		sql_start(s, q, "t", box);
	else
		sql_start(s, q, "");
	return read_rows(s, q, out);
}

static void add_tags(struct store *s, const struct stored *o)
{
	for (size_t i = 0; i < o->tags.n; i++)
		sql_run(s, SQL_TAG_ADD, "ttt", kind_names[o->ref.kind], o->ref.name, o->tags.v[i]);
}

/* Its rows of before come first. */
static void begin_rows(struct store *s, const struct stored *o)
{
	const struct ref ref = ref_of(o->ref.kind, o->ref.name, 0);

	if (heads_made(s, &ref))
		sql_flush(s);
	heads_put(s, o);
}

bool store_add(struct store *s, const struct stored *o)
{
	begin_rows(s, o);
	sql_run(s, SQL_OBJECT_ADD, "ttntnnt", kind_names[o->ref.kind], o->ref.name, (int64_t)o->ref.version,
		o->description ? o->description : "", (int64_t)o->reusable, s->now, s->identity.user);
	add_tags(s, o);
	return !s->failed;
}

bool store_change(struct store *s, const struct stored *o, bool tags)
{
	begin_rows(s, o);
	sql_run(s, SQL_OBJECT_SET, "ttntnnt", kind_names[o->ref.kind], o->ref.name, (int64_t)o->latest,
		o->description ? o->description : "", (int64_t)o->reusable, s->now, s->identity.user);
	if (tags) {
		sql_run(s, SQL_TAGS_DEL, "tt", kind_names[o->ref.kind], o->ref.name);
		add_tags(s, o);
	}
	return !s->failed;
}

bool store_add_version(struct store *s, const struct stored *o, const struct refs *refs)
{
	const char *kind = kind_names[o->ref.kind];

	sql_run(s, SQL_VERSION_ADD, "ttntnt", kind, o->ref.name, (int64_t)o->ref.version, o->definition, s->now,
		s->identity.user);
	for (size_t i = 0; i < refs->n; i++)
		sql_run(s, SQL_REF_ADD, "ttnttn", kind, o->ref.name, (int64_t)o->ref.version,
			kind_names[refs->v[i].kind], refs->v[i].name, (int64_t)refs->v[i].version);
	return !s->failed;
}

bool store_delete(struct store *s, const struct ref *ref)
{
	const char *kind = kind_names[ref->kind];

	heads_free(s);
	if (ref->version)
		return sql_run(s, SQL_VERSION_DEL, "ttn", kind, ref->name, (int64_t)ref->version);
	sql_run(s, SQL_OBJECT_RETIRE, "ttnt", kind, ref->name, s->now, s->identity.user);
	sql_run(s, SQL_TAGS_DEL, "tt", kind, ref->name);
	return sql_run(s, SQL_VERSIONS_DEL, "tt", kind, ref->name) && sql_run(s, SQL_OBJECT_PURGE, "tt", kind, ref->name);
}

/* None of them has a version, so no head either. */
bool store_purge(struct store *s)
{
	return sql_run(s, SQL_OBJECTS_PURGE, "");
}

bool store_refs_to(struct store *s, const struct ref *ref, struct links *out)
{
	enum sql q = SQL_REFS_TO;

	sql_start(s, q, "ttn", kind_names[ref->kind], ref->name, (int64_t)ref->version);
	while (sql_row(s, q)) {
		out->v = grow(out->v, out->n, &out->room, sizeof(*out->v));
		out->v[out->n++] = (struct link){
			.from = ref_of(kind_of(sql_text(s, q, 0)), sql_text(s, q, 1), (uint32_t)sql_number(s, q, 2)),
			.to_version = (uint32_t)sql_number(s, q, 3),
			.latest = (uint32_t)sql_number(s, q, 4),
			.retired = sql_number(s, q, 5),
		};
	}
	return !s->failed;
}

bool store_old(struct store *s, enum kind kind, int64_t before, struct refs *out)
{
	enum sql q = SQL_VERSIONS_OLD;

	sql_start(s, q, "tn", kind_names[kind], before);
	while (sql_row(s, q)) {
		struct ref ref = ref_of(kind_of(sql_text(s, q, 0)), sql_text(s, q, 1), (uint32_t)sql_number(s, q, 2));

		refs_add(out, &ref);
	}
	return !s->failed;
}

bool store_permissions(struct store *s, enum kind kind, const char *name, struct permissions *out)
{
	enum sql q = SQL_PERMISSIONS;

	sql_start(s, q, "tt", kind_names[kind], name);
	while (sql_row(s, q)) {
		struct permission *p;

		out->v = grow(out->v, out->n, &out->room, sizeof(*out->v));
		p = &out->v[out->n++];
		snprintf(p->role, sizeof(p->role), "%s", sql_text(s, q, 0));
		p->level = (uint32_t)sql_number(s, q, 1);
	}
	return !s->failed;
}
