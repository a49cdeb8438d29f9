// SPDX-License-Identifier: GPL-2.0-or-later
/* list, versions, diff, rollback, clone, permissions, permit. */
#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "meta.h"
#include "object.h"
#include "operation.h"

bool store_wanted(struct ctx *ctx)
{
	if (!backend(ctx))
		return false;
	if (store_of(ctx))
		return true;
	fail(ctx, ALGCTL_USAGE, NOWHERE, "this needs a store");
	error_hint(ctx, "algctl store init makes one");
	return false;
}

struct store *store_read(struct ctx *ctx)
{
	struct store *s = store_wanted(ctx) ? store_of(ctx) : NULL;

	return s && store_begin(s, BEGIN_READ) && identity_load(s) ? s : NULL;
}

struct store *version_read(struct ctx *ctx, const struct version_args *a, struct stored *one)
{
	struct store *s = store_read(ctx);

	return s && version_get(s, &a->one, a->one_at, one) &&
	       access_check(s, a->one.kind, a->one.name, LEVEL_VIEW, a->one_at) ? s : NULL;
}

static enum kind kind_of(const struct ctx *ctx)
{
	int kind = ctx->nwords ? index_of(kind_names, STORE_KINDS, ctx->words[0]) : -1;

	return kind < 0 ? STORE_KINDS : (enum kind)kind;
}

char *time_text(int64_t at)
{
	char text[32] = "?";
	time_t t = (time_t)at;
	struct tm tm;

	if (localtime_r(&t, &tm))
		strftime(text, sizeof(text), "%F %T", &tm);
	return copy(text);
}

static bool read_ref(struct setter *s, const char *text, struct ref *out, struct where *at)
{
	enum kind kind = kind_of(s->ctx);

	*out = (struct ref){ .kind = kind };
	*at = s->at;
	return read_name_version(s, kind_names[kind], text, out->name, &out->version);
}

static bool set_one(struct setter *s, const struct param *p, const char *text)
{
	struct version_args *a = s->object;

	(void)p;
	return read_ref(s, text, &a->one, &a->one_at);
}

static bool set_two(struct setter *s, const struct param *p, const char *text)
{
	struct version_args *a = s->object;

	(void)p;
	return read_ref(s, text, &a->two, &a->two_at);
}

static void list_names(const struct setter *s, const struct param *p, struct words *out)
{
	(void)p;
	list_live(s->ctx, kind_of(s->ctx), -1, out);
}

static bool set_from(struct setter *s, const struct param *p, const char *text)
{
	enum { MOST = sizeof(((struct propagation *)0)->from) / sizeof(uint32_t) };
	struct propagation *pr = &((struct version_args *)s->object)->propagation;
	uint32_t version;

	pr->from_at = s->at;
	if (!strcmp(text, "all")) {
		pr->from_all = true;
		return true;
	}
	if (!read_number(s, p->name, text, 1, INT32_MAX, &version))
		return false;
	if (pr->nfrom == MOST)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "these are too many versions: use 'from all'");
	pr->from[pr->nfrom++] = version;
	return true;
}

static void list_from(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	(void)p;
	words_add(out, "all");
}

/* tenant:acme */
static bool set_only(struct setter *s, const struct param *p, const char *text)
{
	struct propagation *pr = &((struct version_args *)s->object)->propagation;
	const char *colon = strchr(text, ':');
	char *kind = colon ? strndup(text, (size_t)(colon - text)) : copy(text);
	bool good = colon && index_of(kind_names, STORE_KINDS, kind) >= 0 && colon[1];

	(void)p;
	free(kind);
	if (!good)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "a referrer is KIND:NAME (tenant:acme), not '%s'", text);
	if (!words_have(&pr->only, text))
		words_add(&pr->only, text);
	return true;
}

static bool set_first(struct setter *s, const struct param *p, const char *text)
{
	struct version_args *a = s->object;

	(void)p;
	a->first_at = s->at;
	return read_name(s, "box", text, a->first);
}

static bool set_wait(struct setter *s, const struct param *p, const char *text)
{
	return read_duration(s, p->name, text, &((struct version_args *)s->object)->patience);
}

static bool set_role(struct setter *s, const struct param *p, const char *text)
{
	struct version_args *a = s->object;

	(void)p;
	a->role_at = s->at;
	return read_name(s, "role", text, a->role);
}

static void list_roles(const struct setter *s, const struct param *p, struct words *out)
{
	(void)p;
	list_live(s->ctx, KIND_ROLE, -1, out);
}

static bool set_level(struct setter *s, const struct param *p, const char *text)
{
	struct version_args *a = s->object;
	uint32_t level = 0;

	(void)p;
	if (strcmp(text, "default") && !read_word(s, "permission", text, level_names, LEVELS, &level))
		return false;
	a->level = strcmp(text, "default") ? (int)level : -1;
	return true;
}

static void list_levels_or_default(const struct setter *s, const struct param *p, struct words *out)
{
	list_levels(s, p, out);
	words_add(out, "default");
}

#define ONE(word, text) \
	{ .name = word, .help = text, .kind = PARAM_POSITION, .set = set_one, .list = list_names }

#define NAMED(text, more) \
	{ .name = "NAME", .help = text, .kind = PARAM_POSITION, .flags = more, .set = set_object_name, \
	  .list = list_object_names }

const struct param name_params[] = { NAMED("its name", 0), { 0 } };
const struct param name_or_all_params[] = { NAMED("that one only; NAME@VERSION for a version", PARAM_OPTIONAL), { 0 } };

const struct param list_params[] = { { 0 } };
const struct param edit_params[] = { ONE("NAME", "its name"), { 0 } };
const struct param versions_params[] = { ONE("NAME", "its name"), { 0 } };
const struct param diff_params[] = {
	ONE("NAME@VERSION", "the one"),
	{ .name = "NAME@VERSION", .help = "the other; the latest version if not given",
	  .kind = PARAM_POSITION, .flags = PARAM_OPTIONAL, .set = set_two, .list = list_names },
	{ .name = "side-by-side", .help = "in two columns", .kind = PARAM_FLAG,
	  .arg = offsetof(struct version_args, side_by_side), .set = set_flag },
	{ 0 }
};
const struct param rollback_params[] = { ONE("NAME@VERSION", "the version to go back to"), { 0 } };
const struct param clone_params[] = {
	ONE("NAME", "what is cloned, NAME@VERSION for a version; a tenant's selectors are not"),
	{ .name = "NEW", .help = "name of the new one", .kind = PARAM_POSITION, .set = set_two },
	{ 0 }
};
const struct param references_params[] = { ONE("NAME", "its name, NAME@VERSION for a version"), { 0 } };
const struct param propagate_params[] = {
	ONE("NAME", "what is propagated, NAME@VERSION for a version that is not the latest"),
	{ .name = "from", .metavar = "VERSION[,VERSION...]",
	  .help = "move those that refer to these versions; 'all' for all; needed where several are referred to",
	  .kind = PARAM_VALUE, .flags = PARAM_LIST, .set = set_from, .list = list_from },
	{ .name = "only", .metavar = "KIND:NAME[,...]", .help = "move these, and what is between, only",
	  .kind = PARAM_VALUE, .flags = PARAM_LIST, .set = set_only },
	{ .name = "first", .metavar = "BOX", .help = "with --staged: the box that comes first; the first by name if not given",
	  .kind = PARAM_VALUE, .set = set_first },
	{ .name = "wait", .metavar = "TIME", .help = "with --staged: how long a box may take, 2m if not given",
	  .kind = PARAM_VALUE, .set = set_wait },
	{ 0 }
};
const struct param permissions_params[] = { ONE("NAME", "its name"), { 0 } };
const struct param permit_params[] = {
	ONE("NAME", "its name"),
	{ .name = "ROLE", .help = "the role", .kind = PARAM_POSITION, .set = set_role, .list = list_roles },
	{ .name = "PERMISSION", .help = "none, view, edit, delete, propagate; default for what the role has by itself",
	  .kind = PARAM_POSITION, .set = set_level, .list = list_levels_or_default },
	{ 0 }
};

/* ---- list, versions ---- */

static bool matches(const struct ctx *ctx, const struct stored *o)
{
	if (ctx->tag && !words_have(&o->tags, ctx->tag))
		return false;
	return !ctx->search || strcasestr(o->ref.name, ctx->search) || strcasestr(o->description, ctx->search) ||
	       words_have(&o->tags, ctx->search);
}

static json_t *stored_json(const struct stored *o, bool object)
{
	const struct stamp *stamp = object ? &o->changed : &o->made;
	json_t *j = json_pack("{s:s, s:i}", "name", o->ref.name, "version", (int)o->ref.version), *tags = json_array();

	for (size_t i = 0; i < o->tags.n; i++)
		json_array_append_new(tags, json_string(o->tags.v[i]));
	if (object) {
		json_object_set_new(j, "description", json_string(o->description));
		json_object_set_new(j, "tags", json_incref(tags));
		json_object_set_new(j, "created", json_integer(o->created.at));
		json_object_set_new(j, "created-by", json_string(o->created.by));
		json_object_set_new(j, "changed", json_integer(o->changed.at));
		json_object_set_new(j, "changed-by", json_string(o->changed.by));
	} else {
		json_object_set_new(j, "made", json_integer(stamp->at));
		json_object_set_new(j, "made-by", json_string(stamp->by));
		json_object_set_new(j, "definition", json_loads(o->definition, 0, NULL));
	}
	json_decref(tags);
	return j;
}

static void list_row(struct columns *c, const struct stored *o)
{
	char *tags = words_join(&o->tags, ","), *when = time_text(o->changed.at);

	words_add(&c->cells, o->ref.name);
	words_addf(&c->cells, "%u", o->ref.version);
	words_add(&c->cells, when);
	words_add(&c->cells, o->changed.by);
	words_add(&c->cells, *tags ? tags : "-");
	words_add(&c->cells, o->description);
	free(tags);
	free(when);
}

bool list_run(struct ctx *ctx, const struct command *command, void *object)
{
	static const char *const head[] = { "NAME", "VERSION", "CHANGED", "BY", "TAGS", "DESCRIPTION" };
	struct columns c = { .width = sizeof(head) / sizeof(head[0]) };
	enum kind kind = kind_of(ctx);
	struct stored_list list = { 0 };
	json_t *all = json_array();
	struct store *s;
	bool good;

	(void)command;
	(void)object;
	good = (s = store_read(ctx)) && store_list(s, kind, &list);
	words_add_all(&c.cells, head, c.width);
	for (size_t i = 0; good && i < list.n; i++) {
		uint32_t level;

		if (!access_level(s, kind, list.v[i].ref.name, &level) || level < LEVEL_VIEW || !matches(ctx, &list.v[i]))
			continue;
		json_array_append_new(all, stored_json(&list.v[i], true));
		list_row(&c, &list.v[i]);
	}
	if (good && ctx->json)
		print_json(ctx, json_pack("{s:O}", kind_plurals[kind], all));
	else if (good)
		columns_print(ctx, &c);
	words_free(&c.cells);
	json_decref(all);
	stored_list_free(&list);
	return good;
}

bool versions_run(struct ctx *ctx, const struct command *command, void *object)
{
	static const char *const head[] = { "VERSION", "MADE", "BY", "DEFINITION" };
	struct columns c = { .width = sizeof(head) / sizeof(head[0]) };
	struct version_args *a = object;
	struct stored_list list = { 0 };
	struct stored latest = { 0 };
	json_t *all = json_array();
	struct store *s;
	bool good;

	(void)command;
	good = (s = version_read(ctx, a, &latest)) && store_versions(s, a->one.kind, a->one.name, &list);
	words_add_all(&c.cells, head, c.width);
	for (size_t i = 0; good && i < list.n; i++) {
		char *when = time_text(list.v[i].made.at);

		json_array_append_new(all, stored_json(&list.v[i], false));
		words_addf(&c.cells, "%u", list.v[i].ref.version);
		words_add(&c.cells, when);
		words_add(&c.cells, list.v[i].made.by);
		words_add(&c.cells, list.v[i].definition);
		free(when);
	}
	if (good && ctx->json)
		print_json(ctx, json_pack("{s:O}", "versions", all));
	else if (good)
		columns_print(ctx, &c);
	words_free(&c.cells);
	json_decref(all);
	stored_free(&latest);
	stored_list_free(&list);
	return good;
}

/* ---- diff ---- */

static char *value_text(const struct item *item)
{
	return item && item->values.n ? words_join(&item->values, ",") : copy("none");
}

static bool shown(const struct item *item)
{
	return !item->read_only && strcmp(item->path[0], "version");
}

static void diff_item(struct ctx *ctx, const struct version_args *a, const struct item *item, const struct item *other,
		      bool swapped, json_t *fields, struct columns *c)
{
	const struct item *old = swapped ? other : item, *new = swapped ? item : other;
	char *path = item_path(item), *from = value_text(old), *to = value_text(new);

	if (strcmp(from, to)) {
		json_object_set_new(fields, path, json_pack("{s:o, s:o}", "old", old ? item_json(old) : json_null(), "new",
							    new ? item_json(new) : json_null()));
		if (a->side_by_side) {
			words_add(&c->cells, path);
			words_add(&c->cells, from);
			words_add(&c->cells, to);
		} else if (!ctx->json) {
			fprintf(ctx->out, "-%s %s\n+%s %s\n", path, from, path, to);
		}
	}
	free(path);
	free(from);
	free(to);
}

static void diff_views(struct ctx *ctx, const struct version_args *a, const struct view *x, const struct view *y,
		       json_t *fields)
{
	struct columns c = { .width = 3 };
	char *one = ref_text(&a->one), *two = ref_text(&a->two);

	words_add(&c.cells, "");
	words_add(&c.cells, one);
	words_add(&c.cells, two);
	if (!ctx->json && !a->side_by_side)
		fprintf(ctx->out, "--- %s %s\n+++ %s %s\n", kind_names[a->one.kind], one, kind_names[a->two.kind], two);
	for (size_t i = 0; i < x->n; i++)
		if (shown(&x->v[i]))
			diff_item(ctx, a, &x->v[i], view_find(y, &x->v[i]), false, fields, &c);
	for (size_t i = 0; i < y->n; i++)
		if (shown(&y->v[i]) && !view_find(x, &y->v[i]))
			diff_item(ctx, a, &y->v[i], NULL, true, fields, &c);
	if (!ctx->json && a->side_by_side)
		columns_print(ctx, &c);
	words_free(&c.cells);
	free(one);
	free(two);
}

bool diff_run(struct ctx *ctx, const struct command *command, void *object)
{
	struct version_args *a = object;
	struct object *x = NULL, *y = NULL;
	struct view vx = { 0 }, vy = { 0 };
	json_t *fields = json_object();
	struct store *s;
	bool good;

	(void)command;
	if (!*a->two.name)
		a->two = ref_of(a->one.kind, a->one.name, 0);
	good = (s = store_read(ctx)) && (x = version_load(s, &a->one, a->one_at)) && (y = version_load(s, &a->two, a->two_at));
	if (good) {
		a->one.version = x->version;
		a->two.version = y->version;
		definition_view(x, predefined_standard(), &vx);
		definition_view(y, predefined_standard(), &vy);
		diff_views(ctx, a, &vx, &vy, fields);
		if (ctx->json)
			print_json(ctx, json_pack("{s:s, s:{s:s, s:i}, s:{s:s, s:i}, s:O}", "object",
						  kind_names[a->one.kind], "old", "name", x->name, "version",
						  (int)x->version, "new", "name", y->name, "version", (int)y->version,
						  "fields", fields));
	}
	view_free(&vx);
	view_free(&vy);
	object_free(x);
	object_free(y);
	json_decref(fields);
	return good;
}

/* ---- changes ---- */

static bool do_rollback(struct store *s, void *data)
{
	const struct version_args *a = data;

	return version_rollback(s, &a->one, a->one_at);
}

static bool do_clone(struct store *s, void *data)
{
	const struct version_args *a = data;

	if (a->two.version)
		return fail(s->ctx, ALGCTL_USAGE, a->two_at, "a new %s has no version yet", kind_names[a->two.kind]);
	return version_clone(s, &a->one, a->one_at, a->two.name);
}

static bool do_permit(struct store *s, void *data)
{
	const struct version_args *a = data;

	return version_permit(s, &a->one, a->one_at, a->role, a->role_at, a->level);
}

static bool run(struct ctx *ctx, operation_fn *work, void *object)
{
	struct outcome out = { 0 };
	bool good = store_wanted(ctx) && operation_run(ctx, work, object, &out);

	if (good && ctx->dry_run)
		changes_tell(ctx, &out.changes);
	outcome_free(&out);
	return done(ctx, good);
}

bool rollback_run(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return run(ctx, do_rollback, object);
}

bool clone_run(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return run(ctx, do_clone, object);
}

bool permit_run(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return run(ctx, do_permit, object);
}

static const struct permission *find_permission(const struct permissions *own, const char *role)
{
	for (size_t i = 0; i < own->n; i++)
		if (!strcmp(own->v[i].role, role))
			return &own->v[i];
	return NULL;
}

static void permission_row(struct columns *c, json_t *all, const struct role *r, enum kind kind,
			   const struct permissions *own)
{
	const struct permission *p = find_permission(own, r->o.name);
	const char *level = level_names[p ? p->level : r->level[kind]];

	words_add(&c->cells, r->o.name);
	words_add(&c->cells, level);
	words_add(&c->cells, p ? "" : "default");
	json_object_set_new(all, r->o.name, json_pack("{s:s, s:b}", "permission", level, "default", !p));
}

bool permissions_run(struct ctx *ctx, const struct command *command, void *object)
{
	struct version_args *a = object;
	struct columns c = { .width = 3 };
	struct permissions own = { 0 };
	struct objects roles = { 0 };
	struct stored one = { 0 };
	json_t *all = json_object();
	struct store *s;
	bool good;

	(void)command;
	good = (s = version_read(ctx, a, &one)) && version_list(s, KIND_ROLE, false, &roles) &&
	       store_permissions(s, a->one.kind, a->one.name, &own);
	for (size_t i = 0; i < roles.n; i++)
		permission_row(&c, all, to_role(roles.v[i]), a->one.kind, &own);
	if (good && ctx->json)
		print_json(ctx, json_pack("{s:O}", "permissions", all));
	else if (good)
		columns_print(ctx, &c);
	words_free(&c.cells);
	free(own.v);
	json_decref(all);
	objects_free(&roles);
	stored_free(&one);
	return good;
}
