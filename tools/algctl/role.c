// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl role: who may do what. */
#include "object.h"

#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "meta.h"

static void *make(void)
{
	return object_new(KIND_ROLE);
}

/* user:NAME or group:NAME */
static bool set_member(struct setter *s, const struct param *p, const char *text)
{
	struct role *r = s->object;
	bool user = !strncmp(text, "user:", 5), group = !strncmp(text, "group:", 6);

	(void)p;
	r->o.have |= BIT(STORE_KINDS);
	if (!strcmp(text, "none"))
		return true;
	if ((!user && !group) || !strchr(text, ':')[1] || strlen(text) > 256)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "a member is user:NAME or group:NAME, not '%s'", text);
	if (words_have(&r->members, text))
		return fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' is named twice", text);
	words_add(&r->members, text);
	return true;
}

static bool set_level(struct setter *s, const struct param *p, const char *text)
{
	struct role *r = s->object;

	r->o.have |= BIT(p->arg);
	return read_word(s, "permission", text, level_names, LEVELS, &r->level[p->arg]);
}

void list_levels(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	(void)p;
	words_add_all(out, level_names, LEVELS);
}

#define LEVEL(word, of) \
	{ .name = word, .metavar = "PERMISSION", .help = "what its members may do with objects of this kind", \
	  .kind = PARAM_VALUE, .arg = of, .set = set_level, .list = list_levels }

const struct param role_params[] = {
	{ .name = "NAME", .help = "name of the role",
	  .kind = PARAM_POSITION, .flags = PARAM_NO_FILE, .set = set_object_name, .list = list_object_names },
	{ .name = "members", .metavar = "MEMBER[,MEMBER...]",
	  .help = "user:NAME and group:NAME of the system; with PostgreSQL roles of the database; 'none' for none",
	  .kind = PARAM_VALUE, .flags = PARAM_LIST, .set = set_member },
	LEVEL("service", KIND_SERVICE),
	LEVEL("policy", KIND_POLICY),
	LEVEL("template", KIND_TEMPLATE),
	LEVEL("tenant", KIND_TENANT),
	LEVEL("role", KIND_ROLE),
	META_PARAMS,
	{ 0 }
};

void role_view(const struct role *r, struct view *view)
{
	static const enum kind order[] = { KIND_SERVICE, KIND_POLICY, KIND_TEMPLATE, KIND_TENANT, KIND_ROLE };
	struct item *item = view_add(view, "members", NULL, NULL);

	for (size_t i = 0; i < r->members.n; i++)
		words_add(&item->values, r->members.v[i]);
	words_sort(&item->values);
	item->list = true;
	item->standard = !r->members.n;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		view_text(view, kind_names[order[i]], level_names[r->level[order[i]]], !r->level[order[i]]);
}

static void add_row(struct words *cells, const struct object *o)
{
	struct view view = { 0 };
	char *members;

	role_view((const struct role *)o, &view);
	members = words_join(&view.v[0].values, ",");
	words_add(cells, o->name);
	for (size_t i = 1; i < view.n; i++)
		words_add(cells, view.v[i].values.v[0]);
	words_add(cells, members);
	free(members);
	view_free(&view);
}

static bool role_show(struct ctx *ctx, const struct command *command, void *object)
{
	static const char *const head[] = { "ROLE", "SERVICE", "POLICY", "TEMPLATE", "TENANT", "ROLES", "MEMBERS" };
	static const struct object_table table = { KIND_ROLE, head, sizeof(head) / sizeof(head[0]), add_row, NULL };

	(void)command;
	return object_show(ctx, &table, object);
}

static const struct command commands[] = {
	{ .name = "show", .help = "list roles with permissions and members",
	  .params = name_or_all_params, .make = make, .run = role_show },
	{ .name = "add", .help = "make a role; what is not named is none",
	  .params = role_params, .flags = COMMAND_MAKES, .options = OPTION_DRY_RUN, .make = make, .run = object_add },
	{ .name = "set", .help = "change a role; what is not named stays",
	  .params = role_params, .flags = COMMAND_CHANGES, .options = OPTION_DRY_RUN, .make = make, .run = object_set },
	{ .name = "del", .help = "delete a role",
	  .params = name_params, .options = OPTION_DRY_RUN, .make = make, .run = object_del },
	STORE_COMMAND(list, "list names with version, tags and description", OPTION_TAG | OPTION_SEARCH, list_run),
	STORE_COMMAND(edit, "change a role in an editor", OPTION_DRY_RUN, edit_run),
	STORE_COMMAND(versions, "list the versions of a role", 0, versions_run),
	STORE_COMMAND(diff, "compare two versions", 0, diff_run),
	STORE_COMMAND(rollback, "make a new version that is equal to an old one", OPTION_DRY_RUN, rollback_run),
	STORE_COMMAND(clone, "make another of a version, with its members", OPTION_DRY_RUN, clone_run),
	{ 0 }
};

const struct object_def role_object = {
	.name = "role",
	.help = "who may do what; needs a store",
	.commands = commands,
	.more = "Permissions are none, view, edit, delete, propagate; each has those before it. A user has the highest\n"
		"that his roles give. Root itself, and the owner of a database, may do everything.",
};
