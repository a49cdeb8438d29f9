// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl fleet: boxes, what they run, releasing those that hold a change. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "fleet.h"
#include "meta.h"
#include "object.h"
#include "operation.h"

static void forget(struct fleet_box *b)
{
	free(b->login);
	free(b->o.description);
	words_free(&b->o.tags);
}

static struct ref about(const char *name)
{
	return ref_of(KIND_BOX, name, 0);
}

/* ---- status ---- */

static json_t *state_json(const struct box *b, int64_t entry)
{
	json_t *j = json_pack("{s:s, s:s, s:I, s:I, s:s, s:I, s:s}", "box", b->name, "state",
			      box_state_names[box_state(b, entry)], "entry", (json_int_t)b->entry, "wanted", (json_int_t)entry,
			      "hash", b->hash, "holds", (json_int_t)b->holds, "error", b->error);

	if (b->age < 0)
		return j;
	json_object_set_new(j, "age", json_integer(b->age));
	json_object_set_new(j, "every", json_integer(b->every));
	json_object_set_new(j, "tried", json_integer(b->tried));
	json_object_set_new(j, "applied-at", json_integer(b->applied_at));
	json_object_set_new(j, "agent", json_string(b->agent));
	if (*b->error)
		json_object_set_new(j, "error-at", json_integer(b->error_at));
	return j;
}

static void state_row(struct columns *c, const struct box *b, int64_t entry)
{
	words_add(&c->cells, b->name);
	words_addf(&c->cells, "%s%s", box_state_names[box_state(b, entry)], b->holds ? ", holds" : "");
	words_addf(&c->cells, b->age < 0 ? "-" : "%lld", (long long)b->entry);
	words_addf(&c->cells, b->age < 0 ? "-" : "%lld s ago", (long long)b->age);
	if (b->applied_at) {
		char *when = time_text(b->applied_at);

		words_addf(&c->cells, "%.12s of %s", b->hash, when);
		free(when);
	} else {
		words_add(&c->cells, "-");
	}
	words_add(&c->cells, b->error);
}

static void print_states(struct ctx *ctx, const struct boxes *all, const char *only, int64_t entry)
{
	static const char *const head[] = { "BOX", "STATE", "ENTRY", "SEEN", "CONFIGURATION", "ERROR" };
	struct columns c = { .width = sizeof(head) / sizeof(head[0]) };
	size_t count[BOX_STATES] = { 0 }, holds = 0;
	const char *comma = "";

	words_add_all(&c.cells, head, c.width);
	for (size_t i = 0; i < all->n; i++) {
		const struct box *b = &all->v[i];

		if (*only && strcmp(only, b->name))
			continue;
		count[box_state(b, entry)]++;
		holds += b->holds > 0;
		state_row(&c, b, entry);
	}
	columns_print(ctx, &c);
	fprintf(ctx->out, "entry %lld of the log is the newest:", (long long)entry);
	for (int i = 0; i < BOX_STATES; i++) {
		if (count[i])
			fprintf(ctx->out, "%s %zu %s", comma, count[i], box_state_names[i]);
		comma = count[i] ? "," : comma;
	}
	fprintf(ctx->out, holds ? "%s %zu hold a staged change\n" : "\n", comma, holds);
}

static bool may_look(struct ctx *ctx, struct boxes *all, int64_t *entry)
{
	struct store *s;
	uint32_t level;

	if (!fleet_wanted(ctx))
		return false;
	s = store_of(ctx);
	if (!store_begin(s, BEGIN_READ) || !identity_load(s) || !access_level(s, KIND_TENANT, NULL, &level))
		return false;
	if (level < LEVEL_VIEW)
		return fail_errno(ctx, EPERM, NOWHERE, "not permitted to see the fleet");
	return fleet_entry(s, entry) && fleet_load(s, all);
}

static bool there(struct ctx *ctx, const struct boxes *all, const struct object *o)
{
	return !*o->name || boxes_find(all, o->name) || fail_errno(ctx, ENOENT, o->at, "the fleet has no box '%s'", o->name);
}

static bool status(struct ctx *ctx, const struct command *command, void *object)
{
	const struct fleet_box *a = object;
	struct boxes all = { 0 };
	int64_t entry;
	bool good = may_look(ctx, &all, &entry) && there(ctx, &all, &a->o);

	(void)command;
	if (good && ctx->json) {
		json_t *list = json_array();

		for (size_t i = 0; i < all.n; i++)
			if (!*a->o.name || !strcmp(a->o.name, all.v[i].name))
				json_array_append_new(list, state_json(&all.v[i], entry));
		print_json(ctx, json_pack("{s:I, s:o}", "entry", (json_int_t)entry, "boxes", list));
	} else if (good && !all.n) {
		fputs("there are no boxes: the store works on the local kernel; algctl fleet add makes one\n", ctx->out);
	} else if (good) {
		print_states(ctx, &all, a->o.name, entry);
	}
	boxes_free(&all);
	return good;
}

/* ---- show ---- */

static void tenants_of(const struct box *b, const struct objects *tenants, struct words *out)
{
	for (size_t i = 0; i < tenants->n; i++)
		if (box_serves(b, to_tenant(tenants->v[i])))
			words_add(out, tenants->v[i]->name);
}

static json_t *words_json(const struct words *w)
{
	json_t *j = json_array();

	for (size_t i = 0; i < w->n; i++)
		json_array_append_new(j, json_string(w->v[i]));
	return j;
}

static void show_one(struct columns *c, json_t *list, const struct box *b, const struct objects *tenants)
{
	char *tags = words_join(&b->tags, ",");
	struct words served = { 0 };

	tenants_of(b, tenants, &served);
	words_add(&c->cells, b->name);
	words_add(&c->cells, *tags ? tags : "-");
	words_add(&c->cells, *b->login ? b->login : "any");
	words_addf(&c->cells, "%zu", served.n);
	words_add(&c->cells, b->description);
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "box", b->name, "description", b->description,
					      "login", b->login, "tags", words_json(&b->tags), "tenants",
					      words_json(&served)));
	words_free(&served);
	free(tags);
}

static bool show(struct ctx *ctx, const struct command *command, void *object)
{
	static const char *const head[] = { "BOX", "TAGS", "LOGIN", "TENANTS", "DESCRIPTION" };
	struct columns c = { .width = sizeof(head) / sizeof(head[0]) };
	const struct fleet_box *a = object;
	struct objects tenants = { 0 };
	json_t *list = json_array();
	struct boxes all = { 0 };
	int64_t entry;
	bool good = may_look(ctx, &all, &entry) && there(ctx, &all, &a->o) &&
		    version_list(store_of(ctx), KIND_TENANT, false, &tenants);

	(void)command;
	objects_sort(&tenants);
	words_add_all(&c.cells, head, c.width);
	for (size_t i = 0; i < all.n && good; i++)
		if (!*a->o.name || !strcmp(a->o.name, all.v[i].name))
			show_one(&c, list, &all.v[i], &tenants);
	if (good && ctx->json)
		print_json(ctx, json_pack("{s:O}", "boxes", list));
	else if (good)
		columns_print(ctx, &c);
	words_free(&c.cells);
	json_decref(list);
	objects_free(&tenants);
	boxes_free(&all);
	return good;
}

/* ---- changes ---- */

static char *described(const char *description, const char *login, const struct words *tags)
{
	char *list = words_join(tags, ","), *text;

	text = format_text("description \"%s\" tags %s login %s", description, *list ? list : "none", *login ? login : "any");
	free(list);
	return text;
}

static void write_tags(struct store *s, const char *name, const struct words *tags)
{
	sql_run(s, SQL_BOX_TAGS_DEL, "t", name);
	for (size_t i = 0; i < tags->n; i++)
		sql_run(s, SQL_BOX_TAG_ADD, "tt", name, tags->v[i]);
}

static struct fleet_box *box_object(const struct box *b)
{
	struct fleet_box *o = to_box(object_new(KIND_BOX));

	snprintf(o->o.name, sizeof(o->o.name), "%s", b->name);
	o->o.description = copy(b->description);
	o->o.have_meta = META_DESCRIPTION | META_TAGS;
	o->login = copy(b->login);
	for (size_t i = 0; i < b->tags.n; i++)
		words_add(&o->o.tags, b->tags.v[i]);
	return o;
}

bool fleet_list(struct store *s, struct objects *out)
{
	struct boxes all = { 0 };
	bool good = !fleet_possible(s) || fleet_load(s, &all);

	for (size_t i = 0; i < all.n && good; i++)
		objects_add(out, &box_object(&all.v[i])->o);
	boxes_free(&all);
	return good;
}

void box_view(const struct fleet_box *b, struct view *view)
{
	view_text(view, "login", b->login ? b->login : "", !b->login || !*b->login);
}

/* Finds the box for a change. */
static const struct box *to_change(struct store *s, const struct object *o, struct boxes *all)
{
	s->subject = about(o->name);
	if (!access_administrator(s, "fleet") || !fleet_load(s, all) || !there(s->ctx, all, o))
		return NULL;
	return boxes_find(all, o->name);
}

bool fleet_box_add(struct store *s, const struct fleet_box *b)
{
	const char *description = b->o.description ? b->o.description : "", *login = b->login ? b->login : "";
	struct ref ref = about(b->o.name);
	struct boxes all = { 0 };
	char *text;
	bool good;

	s->subject = ref;
	if (!access_administrator(s, "fleet") || !fleet_load(s, &all))
		return false;
	good = !boxes_find(&all, b->o.name);
	boxes_free(&all);
	if (!good)
		return fail_errno(s->ctx, EEXIST, b->o.at, "box '%s': exists already", b->o.name);
	sql_run(s, SQL_BOX_ADD, "tttnt", b->o.name, description, login, s->now, s->identity.user);
	write_tags(s, b->o.name, &b->o.tags);
	text = described(description, login, &b->o.tags);
	good = audit_add(s, &ref, NULL, text, audit_done);
	free(text);
	return good;
}

bool fleet_box_set(struct store *s, const struct fleet_box *a)
{
	struct boxes all = { 0 };
	const struct box *b = to_change(s, &a->o, &all);
	struct ref ref = about(a->o.name);
	bool good = b;

	if (b) {
		const char *description = a->o.have_meta & META_DESCRIPTION && a->o.description ? a->o.description :
					  a->o.have_meta & META_DESCRIPTION ? "" : b->description;
		const struct words *tags = a->o.have_meta & META_TAGS ? &a->o.tags : &b->tags;
		const char *login = a->login ? a->login : b->login;
		char *was = described(b->description, b->login, &b->tags), *is = described(description, login, tags);

		sql_run(s, SQL_BOX_SET, "ttt", a->o.name, description, login);
		write_tags(s, a->o.name, tags);
		good = audit_add(s, &ref, was, is, audit_done);
		free(was);
		free(is);
	}
	boxes_free(&all);
	return good;
}

/* Tenants that run on it by its name. */
static bool check_unnamed(struct store *s, const struct object *o)
{
	struct objects tenants = { 0 };
	struct words names = { 0 };
	bool good = version_list(s, KIND_TENANT, false, &tenants);

	for (size_t i = 0; i < tenants.n; i++)
		if (words_have(&to_tenant(tenants.v[i])->boxes, o->name))
			words_add(&names, tenants.v[i]->name);
	if (good && names.n) {
		char *list = words_join(&names, ", ");

		good = fail_errno(s->ctx, EBUSY, o->at, "box '%s': tenants run on it by name: %s", o->name, list);
		free(list);
	}
	words_free(&names);
	objects_free(&tenants);
	return good;
}

bool fleet_box_del(struct store *s, const struct object *o)
{
	struct ref ref = about(o->name);
	struct boxes all = { 0 };
	const struct box *b = to_change(s, o, &all);
	bool good = b && check_unnamed(s, o);

	if (good) {
		char *was = described(b->description, b->login, &b->tags);

		good = sql_run(s, SQL_BOX_DEL, "t", o->name) && audit_add(s, &ref, was, NULL, audit_done);
		free(was);
	}
	boxes_free(&all);
	return good;
}

static bool do_add(struct store *s, void *data)
{
	return fleet_box_add(s, data);
}

static bool do_set(struct store *s, void *data)
{
	return fleet_box_set(s, data);
}

static bool do_del(struct store *s, void *data)
{
	return fleet_box_del(s, data);
}

static bool do_release(struct store *s, void *data)
{
	struct fleet_box *a = data;
	struct words names = { 0 };
	bool good;

	s->subject = about(a->o.name);
	if (*a->o.name)
		words_add(&names, a->o.name);
	good = fleet_release(s, &names);
	words_free(&names);
	return good;
}

static bool change(struct ctx *ctx, operation_fn *work, struct fleet_box *a)
{
	bool good = fleet_wanted(ctx) && operation_run(ctx, work, a, NULL);

	forget(a);
	return done(ctx, good);
}

static bool add(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return change(ctx, do_add, object);
}

static bool set(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return change(ctx, do_set, object);
}

static bool del(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return change(ctx, do_del, object);
}

static bool release(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return change(ctx, do_release, object);
}

/* On the box itself: its address of the store, and its name. */
static bool join(struct ctx *ctx, const struct command *command, void *object)
{
	struct fleet_box *a = object;
	char name[NAME_SIZE];
	struct boxes all = { 0 };
	bool good = fleet_wanted(ctx) && store_begin(store_of(ctx), BEGIN_READ) && box_here(store_of(ctx), a->o.name, &all) &&
		    box_name(ctx, a->o.name, name) && store_place_join(ctx, store_of(ctx)->where, name);

	(void)command;
	boxes_free(&all);
	if (good && !ctx->json)
		fprintf(ctx->out, "this is box %s: systemctl enable --now nf-alg-restore nf-alg-agent\n", name);
	return ctx->json ? done(ctx, good) : good;
}

/* ---- what is typed ---- */

static bool set_name(struct setter *s, const struct param *p, const char *text)
{
	struct fleet_box *a = s->object;

	(void)p;
	a->o.at = s->at;
	return read_name(s, "box", text, a->o.name);
}

static void list_boxes(const struct setter *s, const struct param *p, struct words *out)
{
	struct boxes all = { 0 };

	(void)p;
	if (fleet_wanted(s->ctx) && store_begin(store_of(s->ctx), BEGIN_READ) && fleet_load(store_of(s->ctx), &all))
		for (size_t i = 0; i < all.n; i++)
			words_add(out, all.v[i].name);
	boxes_free(&all);
}

static bool set_login(struct setter *s, const struct param *p, const char *text)
{
	struct fleet_box *a = s->object;

	(void)p;
	if (strlen(text) > 63)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' is no user of a database", text);
	free(a->login);
	a->login = copy(strcmp(text, "any") ? text : "");
	return true;
}

static void list_any(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	(void)p;
	words_add(out, "any");
}

#define BOX(text, more) \
	{ .name = "BOX", .help = text, .kind = PARAM_POSITION, .flags = more, .set = set_name, .list = list_boxes }

static const struct param one_params[] = { BOX("its name", 0), { 0 } };
static const struct param some_params[] = { BOX("that one only", PARAM_OPTIONAL), { 0 } };
static const struct param join_params[] = { BOX("which one this is; by the host's name if not given", PARAM_OPTIONAL), { 0 } };
const struct param box_params[] = {
	{ .name = "BOX", .help = "its name; an agent goes by the host's name unless it is told",
	  .kind = PARAM_POSITION, .flags = PARAM_NO_FILE, .set = set_name, .list = list_boxes },
	{ .name = "login", .metavar = "USER",
	  .help = "the database's user whose reports are taken for it; 'any' if not given",
	  .kind = PARAM_VALUE, .set = set_login, .list = list_any },
	META_PARAMS,
	{ 0 }
};

#define SIZE .size = sizeof(struct fleet_box)

static const struct command commands[] = {
	{ .name = "status", .help = "what each box runs, what it refused, which are silent",
	  .params = some_params, SIZE, .run = status },
	{ .name = "show", .help = "list boxes with tags and the number of their tenants",
	  .params = some_params, SIZE, .run = show },
	{ .name = "add", .help = "make a box; with the first one changes leave the local kernel alone",
	  .params = box_params, .flags = COMMAND_MAKES, .options = OPTION_DRY_RUN, SIZE, .run = add },
	{ .name = "set", .help = "change a box; what is not named stays",
	  .params = box_params, .flags = COMMAND_CHANGES, .options = OPTION_DRY_RUN, SIZE, .run = set },
	{ .name = "del", .help = "delete a box; its kernel stays as it is",
	  .params = one_params, .options = OPTION_DRY_RUN, SIZE, .run = del },
	{ .name = "release", .help = "let boxes that hold a staged change have it",
	  .params = some_params, .options = OPTION_DRY_RUN, SIZE, .run = release },
	{ .name = "join", .help = "on a box: keep the store given by --store as its own, and its name",
	  .params = join_params, SIZE, .run = join },
	{ 0 }
};

const struct object_def fleet_object = {
	.name = "fleet",
	.help = "boxes that follow one store in PostgreSQL",
	.commands = commands,
	.more = "A store that has boxes changes no kernel itself: the agent of each box does. A tenant runs on all boxes\n"
		"unless it names some (algctl tenant set acme boxes paris,tag:edge).",
};
