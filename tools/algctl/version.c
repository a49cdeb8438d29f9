// SPDX-License-Identifier: GPL-2.0-or-later
#include "fleet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* State while an object's references are brought to versions. */
struct resolve {
	struct store *s;
	const struct object *o;
	struct refs refs;
};

static bool no_such(struct store *s, const struct ref *ref, struct where at)
{
	if (ref->version)
		return fail_errno(s->ctx, ENOENT, at, "%s '%s': there is no version %u", kind_names[ref->kind], ref->name,
				  ref->version);
	fail_errno(s->ctx, ENOENT, at, "%s '%s': does not exist", kind_names[ref->kind], ref->name);
	if (ref->kind == KIND_SERVICE && predefined_find(ref->name))
		error_hint(s->ctx, "it is predefined: it never changes, and the store has no versions of it");
	return false;
}

bool version_get(struct store *s, const struct ref *ref, struct where at, struct stored *out)
{
	if (store_get(s, ref, out)) {
		if (!out->retired || ref->version)
			return true;
		stored_free(out);
	}
	if (s->failed || !identity_load(s) || !access_check(s, ref->kind, ref->name, LEVEL_VIEW, at))
		return false;
	return no_such(s, ref, at);
}

struct object *version_load(struct store *s, const struct ref *ref, struct where at)
{
	struct stored stored = { 0 };
	struct object *o = NULL;

	if (!version_get(s, ref, at, &stored))
		return NULL;
	if (access_check(s, ref->kind, ref->name, LEVEL_VIEW, at))
		o = definition_load(s->ctx, &stored);
	stored_free(&stored);
	return o;
}

/* Others whose latest version refers to any version of @ref. */
static void live_referrers(struct store *s, const struct ref *ref, const struct object *but, struct words *out)
{
	struct ref any = ref_of(ref->kind, ref->name, 0);
	struct links links = { 0 };

	store_refs_to(s, &any, &links);
	for (size_t i = 0; i < links.n; i++) {
		const struct link *l = &links.v[i];
		char *name;

		if (l->retired || l->from.version != l->latest ||
		    (but && l->from.kind == but->kind && !strcmp(l->from.name, but->name)))
			continue;
		name = ref_full_text(&l->from);
		if (!words_have(out, name))
			words_add(out, name);
		free(name);
	}
	words_sort(out);
	free(links.v);
}

/* A policy that is not reusable belongs to one referrer. */
static bool check_reusable(struct store *s, const struct object *o, const struct head *to, struct where at)
{
	struct words others = { 0 };
	bool good = true;

	if (!to->reusable)
		live_referrers(s, &to->ref, o, &others);
	if (others.n) {
		char *list = words_join(&others, ", ");

		good = fail_errno(s->ctx, EBUSY, at, "%s '%s': policy '%s' is not reusable, it belongs to %s",
				  kind_names[o->kind], o->name, to->ref.name, list);
		free(list);
	}
	words_free(&others);
	return good;
}

/* It can't become that while several have it. */
static bool check_becomes_single(struct store *s, const struct object *o, const struct stored *old)
{
	struct words users = { 0 };
	bool good = true;

	if (old && old->reusable && !o->reusable)
		live_referrers(s, &old->ref, NULL, &users);
	if (users.n > 1) {
		char *list = words_join(&users, ", ");

		good = fail_errno(s->ctx, EBUSY, o->at, "%s '%s': must stay reusable, it belongs to %s",
				  kind_names[o->kind], o->name, list);
		free(list);
	}
	words_free(&users);
	return good;
}

/* In the kernel's words where the kernel would say it. */
static bool no_target(struct resolve *r, const struct ref *ref, struct where at)
{
	const char *kind = kind_names[r->o->kind], *name = r->o->name;

	if (r->s->failed || !access_check(r->s, ref->kind, ref->name, LEVEL_VIEW, at))
		return false;
	if (ref->version)
		return fail_errno(r->s->ctx, ENOENT, at, "%s '%s': %s '%s' has no version %u", kind, name,
				  kind_names[ref->kind], ref->name, ref->version);
	if (ref->kind == KIND_SERVICE)
		return fail_errno(r->s->ctx, ENOENT, at, "%s '%s': no service %s", kind, name, ref->name);
	return fail_errno(r->s->ctx, ENOENT, at, "%s '%s': no such %s", kind, name, kind_names[ref->kind]);
}

static bool resolve(void *data, enum kind kind, struct where at, char text[REF_SIZE])
{
	struct resolve *r = data;
	struct head to;
	struct ref ref;

	if (!ref_read(kind, text, &ref))
		return true;
	if (!store_get_head(r->s, &ref, &to) || (to.retired && !ref.version))
		return no_target(r, &ref, at);
	snprintf(text, REF_SIZE, "%s@%u", to.ref.name, to.ref.version);
	if (!refs_have(&r->refs, &to.ref))
		refs_add(&r->refs, &to.ref);
	return access_check(r->s, kind, to.ref.name, LEVEL_VIEW, at) && check_reusable(r->s, r->o, &to, at);
}

static bool collect(void *data, enum kind kind, struct where at, char text[REF_SIZE])
{
	struct ref ref;

	(void)at;
	if (ref_read(kind, text, &ref))
		refs_add(data, &ref);
	return true;
}

/* The version of @to that is referred to, @to's own where that is one of several. */
static uint32_t referred_version(const struct refs *refs, const struct ref *to)
{
	uint32_t version = 0;

	for (size_t i = 0; i < refs->n; i++) {
		const struct ref *r = &refs->v[i];

		if (r->kind == to->kind && !strcmp(r->name, to->name))
			version = r->version == to->version || !version ? r->version : version;
	}
	return version;
}

/* A referrer that moves from one version to another is what propagate is, by whatever command. */
static bool check_moves(struct store *s, const struct stored *old, const struct refs *refs, struct where at)
{
	struct refs before = { 0 };
	struct object *o;
	bool good;

	if (!old || s->identity.root)
		return true;
	o = definition_load(s->ctx, old);
	good = o && references_map(o, collect, &before);
	for (size_t i = 0; i < refs->n && good; i++) {
		const struct ref *to = &refs->v[i];
		uint32_t was = referred_version(&before, to);

		good = !was || was == to->version || access_check(s, to->kind, to->name, LEVEL_PROPAGATE, at);
	}
	object_free(o);
	free(before.v);
	return good && !s->failed;
}

/* The policy "default" is there when nothing else is said; a store has it from the beginning. */
static void imply_policy(struct object *o)
{
	struct tenant *t = to_tenant(o);

	if ((o->kind == KIND_TENANT || o->kind == KIND_TEMPLATE) && !*t->policy && !*t->template)
		strcpy(t->policy, "default");
}

static bool same_meta(const struct stored *a, const struct object *b)
{
	return !strcmp(a->description ? a->description : "", b->description ? b->description : "") &&
	       words_equal(&a->tags, &b->tags) && a->reusable == b->reusable;
}

static char *described(const char *definition, const char *description, const struct words *tags, bool reusable)
{
	char *list = words_join(tags, ","), *text;

	text = format_text("%s%s%s%s%s%s", definition, description && *description ? " description " : "",
			   description ? description : "", *list ? " tags " : "", list, reusable ? "" : " not reusable");
	free(list);
	return text;
}

static bool write_rows(struct store *s, const struct object *o, const struct stored *old, const char *definition,
		       const struct refs *refs)
{
	bool same = old && !old->retired && !strcmp(old->definition, definition);
	struct stored new = {
		.ref = ref_of(o->kind, o->name, same ? old->latest : old ? old->latest + 1 : 1),
		.description = o->description, .definition = (char *)(uintptr_t)definition, .tags = o->tags,
		.reusable = o->reusable,
	};
	char *was = old ? described(old->definition, old->description, &old->tags, old->reusable) : NULL;
	char *is = described(definition, o->description, &o->tags, o->reusable);

	new.latest = new.ref.version;
	if (old)
		store_change(s, &new, !words_equal(&old->tags, &o->tags));
	else
		store_add(s, &new);
	if (!same)
		store_add_version(s, &new, refs);
	audit_add(s, &new.ref, was, is, audit_done);
	s->applied |= o->kind == KIND_TENANT && !same;
	s->identity.loaded &= o->kind != KIND_ROLE;
	free(was);
	free(is);
	return !s->failed;
}

bool version_save(struct store *s, struct object *o, const struct stored *old)
{
	struct resolve r = { .s = s, .o = o };
	char *definition;
	bool good;

	imply_policy(o);
	good = (o->kind != KIND_TENANT || fleet_check_tenant(s, to_tenant(o))) && check_becomes_single(s, o, old) &&
	       references_map(o, resolve, &r) && check_moves(s, old, &r.refs, o->at);
	definition = definition_of(o);
	if (good && !(old && !old->retired && !strcmp(old->definition, definition) && same_meta(old, o)))
		good = write_rows(s, o, old, definition, &r.refs);
	free(definition);
	free(r.refs.v);
	return good;
}

static bool check_name(struct store *s, const struct object *o)
{
	if (o->version)
		return fail(s->ctx, ALGCTL_USAGE, o->at, "a new %s has no version yet", kind_names[o->kind]);
	if (o->kind == KIND_SERVICE && predefined_find(o->name))
		return fail_errno(s->ctx, EPERM, o->at, "service '%s': predefined services can't be changed", o->name);
	return true;
}

bool version_add(struct store *s, struct object *o)
{
	struct stored old = { 0 };
	struct ref ref = ref_of(o->kind, o->name, 0);
	bool there, good;

	s->subject = ref;
	if (!check_name(s, o) || !access_check(s, o->kind, NULL, LEVEL_EDIT, o->at))
		return false;
	there = store_get(s, &ref, &old);
	if (there && !old.retired)
		good = fail_errno(s->ctx, EEXIST, o->at, "%s '%s': exists already", kind_names[o->kind], o->name);
	else
		good = !s->failed && version_save(s, o, there ? &old : NULL);
	stored_free(&old);
	return good;
}

static bool conflict(struct store *s, const struct object *o, const struct stored *latest)
{
	char when[32] = "";
	time_t at = (time_t)latest->made.at;
	struct tm tm;

	if (localtime_r(&at, &tm))
		strftime(when, sizeof(when), "%F %T", &tm);
	fail_errno(s->ctx, ESTALE, o->at, "%s '%s': version %u is not the latest any more", kind_names[o->kind], o->name,
		   o->version);
	error_hint(s->ctx, "%s made version %u at %s: look at it (algctl %s diff %s@%u %s@%u) and try again",
		   latest->made.by, latest->latest, when, kind_names[o->kind], o->name, o->version, o->name,
		   latest->latest);
	return false;
}

/* Versions never change, so that a template once read is kept. */
static const struct object *template_of(struct store *s, const struct ref *ref)
{
	struct stored stored = { 0 };
	struct object *o = NULL;

	for (size_t i = 0; i < s->templates.n; i++)
		if (s->templates.v[i]->version == ref->version && !strcmp(s->templates.v[i]->name, ref->name))
			return s->templates.v[i];
	if (store_get(s, ref, &stored))
		o = definition_load(s->ctx, &stored);
	stored_free(&stored);
	if (o)
		objects_add(&s->templates, o);
	return o;
}

void tenant_inherit(struct tenant *t, const struct tenant *from)
{
	memcpy(t->policy, from->policy, sizeof(t->policy));
	for (int i = NF_ALG_A_TENANT_MAX_SESSIONS; i <= NF_ALG_A_TENANT_BLOCK_SIZE; i++)
		if (!(t->o.have & BIT(i)))
			t->number[i] = from->number[i];
}

bool tenant_resolve(struct store *s, struct tenant *t)
{
	const struct object *from;
	struct ref ref;

	if (!*t->template)
		return true;
	ref_read(KIND_TEMPLATE, t->template, &ref);
	from = template_of(s, &ref);
	if (!from)
		return s->failed ? false : no_such(s, &ref, t->template_at);
	tenant_inherit(t, (const struct tenant *)from);
	return true;
}

/* A tenant that leaves its template keeps what it had from it. */
static bool leave_template(struct store *s, struct object *old, const struct object *new)
{
	struct tenant *t = to_tenant(old);
	const struct tenant *to = (const struct tenant *)new;

	if (old->kind != KIND_TENANT || !*t->template)
		return true;
	if (!*to->policy && !(new->have_meta & META_TEMPLATE && !*to->template))
		return true;
	if (!tenant_resolve(s, t))
		return false;
	*t->template = '\0';
	return true;
}

static bool save_change(struct store *s, struct object *o, enum write_how how, const struct stored *latest)
{
	struct object *now;
	bool good;

	if (o->version && o->version != latest->latest)
		return conflict(s, o, latest);
	now = definition_load(s->ctx, latest);
	if (!now)
		return false;
	good = leave_template(s, now, o);
	if (good && how != WRITE_REPLACE)
		object_merge(now, o);
	good = good && version_save(s, how == WRITE_REPLACE ? o : now, latest);
	object_free(now);
	return good;
}

bool version_set(struct store *s, struct object *o, enum write_how how)
{
	struct stored latest = { 0 };
	struct ref ref = ref_of(o->kind, o->name, 0);
	bool good;

	s->subject = ref;
	if (o->kind == KIND_SERVICE && predefined_find(o->name))
		return fail_errno(s->ctx, EPERM, o->at, "service '%s': predefined services can't be changed", o->name);
	if (!version_get(s, &ref, o->at, &latest))
		return false;
	good = access_check(s, o->kind, o->name, LEVEL_EDIT, o->at) && save_change(s, o, how, &latest);
	stored_free(&latest);
	return good;
}

static bool is_fixed(const struct ref *ref)
{
	return (ref->kind == KIND_ROLE && !strcmp(ref->name, "administrator")) ||
	       (ref->kind == KIND_POLICY && !strcmp(ref->name, "default"));
}

static bool referred(struct store *s, const struct ref *ref, struct where at, const struct words *names)
{
	char *list = words_join(names, ", "), *what = ref_text(ref);

	fail_errno(s->ctx, EBUSY, at, "%s '%s': is referred to by %s", kind_names[ref->kind], what, list);
	free(list);
	free(what);
	return false;
}

static bool check_unreferred(struct store *s, const struct ref *ref, const struct stored *o, struct where at)
{
	struct words names = { 0 };
	struct links links = { 0 };
	bool good = true;

	if (ref->version && ref->version == o->latest && !o->retired)
		return fail_errno(s->ctx, EBUSY, at, "%s '%s': version %u is the latest", kind_names[ref->kind], ref->name,
				  ref->version);
	if (!ref->version) {
		live_referrers(s, ref, NULL, &names);
	} else {
		store_refs_to(s, ref, &links);
		for (size_t i = 0; i < links.n; i++) {
			char *name = ref_full_text(&links.v[i].from);

			words_add(&names, name);
			free(name);
		}
		words_sort(&names);
		fleet_holders(s, ref, &names);
	}
	if (names.n)
		good = referred(s, ref, at, &names);
	words_free(&names);
	free(links.v);
	return good && !s->failed;
}

bool version_del(struct store *s, const struct ref *ref, struct where at)
{
	struct stored o = { 0 };
	bool good;

	s->subject = *ref;
	if (ref->kind == KIND_SERVICE && predefined_find(ref->name))
		return fail_errno(s->ctx, EPERM, at, "service '%s': predefined services can't be deleted", ref->name);
	if (!version_get(s, ref, at, &o))
		return false;
	good = access_check(s, ref->kind, ref->name, LEVEL_DELETE, at);
	if (good && !ref->version && is_fixed(ref))
		good = fail_errno(s->ctx, EPERM, at, "%s '%s': can't be deleted", kind_names[ref->kind], ref->name);
	good = good && check_unreferred(s, ref, &o, at) && store_delete(s, ref);
	if (good && ref->kind == KIND_ROLE && !ref->version)
		sql_run(s, SQL_PERMISSIONS_DEL_ROLE, "t", ref->name);
	good = good && audit_add(s, ref, o.definition, NULL, audit_done);
	s->applied |= ref->kind == KIND_TENANT && !ref->version;
	s->identity.loaded &= ref->kind != KIND_ROLE;
	stored_free(&o);
	return good;
}

/* A clone of a tenant has no selectors: they are its own. */
bool version_clone(struct store *s, const struct ref *from, struct where at, const char *name)
{
	struct object *o;
	bool good;

	s->subject = ref_of(from->kind, name, 0);
	o = version_load(s, from, at);
	if (!o)
		return false;
	snprintf(o->name, sizeof(o->name), "%s", name);
	o->version = 0;
	o->at = at;
	if (o->kind == KIND_TENANT)
		to_tenant(o)->nselectors = 0;
	good = version_add(s, o);
	object_free(o);
	return good;
}

static bool is_other(struct store *s, const struct object *o, const struct ref *to, const struct stored *latest,
		     struct where at)
{
	char *definition = definition_of(o);
	bool same = !strcmp(definition, latest->definition);

	free(definition);
	return !same || fail_errno(s->ctx, EEXIST, at, "%s '%s': the latest version %u is equal to version %u",
				   kind_names[to->kind], to->name, latest->latest, to->version);
}

bool version_rollback(struct store *s, const struct ref *to, struct where at)
{
	struct stored latest = { 0 };
	struct ref ref = ref_of(to->kind, to->name, 0);
	struct object *o = NULL;
	bool good;

	s->subject = *to;
	if (!to->version)
		return fail(s->ctx, ALGCTL_USAGE, at, "which version? %s@VERSION", to->name);
	good = version_get(s, &ref, at, &latest) && access_check(s, to->kind, to->name, LEVEL_EDIT, at) &&
	       (o = version_load(s, to, at));
	good = good && is_other(s, o, to, &latest, at) && version_save(s, o, &latest);
	object_free(o);
	stored_free(&latest);
	return good;
}

static bool check_role(struct store *s, const char *role, struct where at)
{
	struct ref ref = ref_of(KIND_ROLE, role, 0);
	struct stored found = { 0 };
	bool good = version_get(s, &ref, at, &found);

	stored_free(&found);
	return good;
}

bool version_permit(struct store *s, const struct ref *ref, struct where at, const char *role, struct where role_at,
		    int level)
{
	struct stored found = { 0 };
	char *text;
	bool good;

	s->subject = *ref;
	good = version_get(s, ref, at, &found) && access_administrator(s, "permissions") && check_role(s, role, role_at);
	stored_free(&found);
	if (!good)
		return false;
	if (level < 0)
		sql_run(s, SQL_PERMISSION_DEL, "ttt", kind_names[ref->kind], ref->name, role);
	else
		sql_run(s, SQL_PERMISSION_SET, "tttn", kind_names[ref->kind], ref->name, role, (int64_t)level);
	text = format_text("role %s %s", role, level < 0 ? "default" : level_names[level]);
	audit_add(s, ref, NULL, text, audit_done);
	free(text);
	s->identity.loaded = false;
	return !s->failed;
}

bool version_sweep(struct store *s, struct refs *gone)
{
	static const enum kind order[] = { KIND_TENANT, KIND_TEMPLATE, KIND_POLICY, KIND_SERVICE, KIND_ROLE };
	int64_t keep[STORE_KINDS];

	for (int i = 0; i < STORE_KINDS; i++)
		keep[i] = -1;
	sql_start(s, SQL_RETENTION, "");
	while (sql_row(s, SQL_RETENTION)) {
		int kind = index_of(kind_names, STORE_KINDS, sql_text(s, SQL_RETENTION, 0));

		if (kind >= 0)
			keep[kind] = sql_number(s, SQL_RETENTION, 1);
	}
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		size_t first = gone->n;

		if (keep[order[i]] >= 0)
			store_old(s, order[i], s->now - keep[order[i]], gone);
		for (size_t k = first; k < gone->n && !s->failed; k++) {
			store_delete(s, &gone->v[k]);
			audit_add(s, &gone->v[k], NULL, "deleted automatically", audit_done);
		}
	}
	return store_purge(s);
}

struct plain {
	struct store *s;
	struct stored_list latest[STORE_KINDS];
	bool loaded[STORE_KINDS];
};

static const struct stored *find_latest(struct plain *p, const struct ref *ref)
{
	const struct stored *head = p->s->heads.known ? heads_find(p->s, ref) : NULL;
	struct stored_list *list = &p->latest[ref->kind];

	if (p->s->heads.known)
		return head && !head->retired ? head : NULL;
	if (!p->loaded[ref->kind])
		store_list(p->s, ref->kind, list);
	p->loaded[ref->kind] = true;
	return stored_find(list, ref);
}

static bool make_plain(void *data, enum kind kind, struct where at, char text[REF_SIZE])
{
	struct plain *p = data;
	const struct stored *latest;
	struct ref ref;

	(void)at;
	if (!ref_read(kind, text, &ref) || !ref.version)
		return true;
	latest = find_latest(p, &ref);
	if (latest && latest->ref.version == ref.version)
		snprintf(text, REF_SIZE, "%s", ref.name);
	return true;
}

static bool is_hidden(struct store *s, const struct ref *ref)
{
	uint32_t level;

	return !s->identity.root && !s->db->driver->who &&
	       !(access_level(s, ref->kind, ref->name, &level) && level >= LEVEL_VIEW);
}

/* Those of @kind that are there and may be seen. */
static bool load_list(struct store *s, enum kind kind, const struct stored_list *list, struct objects *out)
{
	struct node_room room = { 0 };
	bool good = true;

	for (size_t i = 0; i < list->n && good; i++) {
		const struct stored *from = &list->v[i];
		struct object *o;

		if (from->ref.kind != kind || from->retired || is_hidden(s, &from->ref))
			continue;
		o = definition_load_in(s->ctx, from, &room);
		good = o;
		if (o)
			objects_add(out, o);
	}
	node_room_free(&room);
	return good;
}

bool version_list(struct store *s, enum kind kind, bool plain, struct objects *out)
{
	struct plain p = { .s = s };
	struct stored_list list = { 0 };
	size_t first = out->n;
	bool good = s->heads.known ? load_list(s, kind, &s->heads.list, out) :
		    store_list(s, kind, &list) && load_list(s, kind, &list, out);

	for (size_t i = first; plain && good && i < out->n; i++)
		references_map(out->v[i], make_plain, &p);
	for (int i = 0; i < STORE_KINDS; i++)
		stored_list_free(&p.latest[i]);
	stored_list_free(&list);
	return good && !s->failed;
}
