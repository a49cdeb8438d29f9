// SPDX-License-Identifier: GPL-2.0-or-later
#include "access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "caller.h"
#include "definition.h"

#define LEVELS_OF(objects, roles) { \
	[KIND_SERVICE] = objects, [KIND_POLICY] = objects, [KIND_TENANT] = objects, [KIND_TEMPLATE] = objects, \
	[KIND_ROLE] = roles }

const struct role_preset role_presets[] = {
	{ "administrator", "everything, roles as well", LEVELS_OF(LEVEL_PROPAGATE, LEVEL_PROPAGATE) },
	{ "operator", "services, policies, templates and tenants", LEVELS_OF(LEVEL_PROPAGATE, LEVEL_VIEW) },
	{ "viewer", "looks only", LEVELS_OF(LEVEL_VIEW, LEVEL_VIEW) },
	{ 0 }
};

static char *user_name(uid_t uid)
{
	const struct passwd *p = getpwuid(uid);

	return p ? copy(p->pw_name) : format_text("%u", (unsigned int)uid);
}

static void add_groups(struct identity *i, gid_t gid)
{
	enum { MOST = 1024 };
	gid_t *list = zalloc(MOST * sizeof(*list));
	int n = MOST;

	if (getgrouplist(i->user, gid, list, &n) < 0)
		n = MOST;
	for (int k = 0; k < n; k++) {
		const struct group *g = getgrgid(list[k]);

		if (g && !words_have(&i->groups, g->gr_name))
			words_add(&i->groups, g->gr_name);
	}
	free(list);
}

static void system_identity(struct identity *i)
{
	struct caller c = caller_get();

	i->user = c.name ? copy(c.name) : user_name(c.uid);
	i->root = !c.uid;
	add_groups(i, c.gid);
}

/* host/terminal */
static char *origin(void)
{
	const char *terminal = ttyname(STDIN_FILENO);
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	if (!terminal)
		return copy(host);
	return format_text("%s/%s", host, strncmp(terminal, "/dev/", 5) ? terminal : terminal + 5);
}

bool identity_load(struct store *s)
{
	struct identity *i = &s->identity;

	if (i->user)
		return true;
	i->origin = origin();
	if (!s->db->driver->who) {
		system_identity(i);
		return true;
	}
	return s->db->driver->who(s->db, &i->user, &i->groups, &i->root) ||
	       fail(s->ctx, ALGCTL_REFUSED, NOWHERE, "store: %s", s->db->message);
}

static bool is_member(const struct identity *i, const struct role *r)
{
	for (size_t k = 0; k < r->members.n; k++) {
		const char *member = r->members.v[k];

		if (!strncmp(member, "user:", 5) ? !strcmp(member + 5, i->user) : words_have(&i->groups, member + 6))
			return true;
	}
	return false;
}

static int exception_order(const void *a, const void *b)
{
	const struct exception *x = a, *y = b;
	int order = strcmp(x->ref.name, y->ref.name);

	order = order ? order : (int)x->ref.kind - (int)y->ref.kind;
	return order ? order : strcmp(x->role, y->role);
}

static void load_exceptions(struct store *s)
{
	struct identity *i = &s->identity;
	enum sql q = SQL_PERMISSIONS_ALL;
	size_t room = 0;

	free(i->exceptions);
	i->exceptions = NULL;
	i->nexceptions = 0;
	sql_start(s, q, "");
	while (sql_row(s, q)) {
		int kind = index_of(kind_names, STORE_KINDS, sql_text(s, q, 0));
		struct exception *e;

		i->exceptions = grow(i->exceptions, i->nexceptions, &room, sizeof(*e));
		e = &i->exceptions[i->nexceptions++];
		*e = (struct exception){ .level = (uint32_t)sql_number(s, q, 3) };
		e->ref = ref_of(kind < 0 ? STORE_KINDS : (enum kind)kind, sql_text(s, q, 1), 0);
		snprintf(e->role, sizeof(e->role), "%s", sql_text(s, q, 2));
	}
	if (i->nexceptions)
		qsort(i->exceptions, i->nexceptions, sizeof(*i->exceptions), exception_order);
}

/* Keeps the roles that he is member of. */
static bool load_roles(struct store *s)
{
	struct identity *i = &s->identity;
	struct stored_list list = { 0 };
	struct objects all = { 0 };
	bool good;

	if (i->loaded)
		return true;
	objects_free(&i->roles);
	load_exceptions(s);
	good = store_list(s, KIND_ROLE, &list) && definitions_load(s->ctx, &list, &all);
	for (size_t k = 0; k < all.n; k++) {
		if (!good || !is_member(i, to_role(all.v[k])))
			continue;
		objects_add(&i->roles, all.v[k]);
		all.v[k] = NULL;
	}
	objects_free(&all);
	stored_list_free(&list);
	i->loaded = good;
	return good;
}

/* What the role may do with the object, or with new ones. */
static uint32_t level_of(const struct identity *i, const struct role *r, enum kind kind, const char *name)
{
	struct exception key = { 0 };
	const struct exception *own = NULL;

	if (name && i->nexceptions) {
		key.ref = ref_of(kind, name, 0);
		snprintf(key.role, sizeof(key.role), "%s", r->o.name);
		own = bsearch(&key, i->exceptions, i->nexceptions, sizeof(key), exception_order);
	}
	return own ? own->level : r->level[kind];
}

bool access_level(struct store *s, enum kind kind, const char *name, uint32_t *level)
{
	bool good;

	*level = LEVEL_PROPAGATE;
	if (s->identity.root)
		return true;
	*level = LEVEL_NONE;
	good = load_roles(s);
	for (size_t i = 0; good && i < s->identity.roles.n; i++) {
		uint32_t here = level_of(&s->identity, to_role(s->identity.roles.v[i]), kind, name);

		*level = here > *level ? here : *level;
	}
	return good;
}

static bool refuse(struct store *s, const char *text)
{
	char *roles;
	struct words names = { 0 };

	s->refused = true;
	fail_errno(s->ctx, EPERM, NOWHERE, "%s", text);
	for (size_t i = 0; i < s->identity.roles.n; i++)
		words_add(&names, s->identity.roles.v[i]->name);
	roles = words_join(&names, ", ");
	error_hint(s->ctx, *roles ? "user '%s' has the roles: %s" : "user '%s' has no role%s", s->identity.user, roles);
	free(roles);
	words_free(&names);
	return false;
}

bool access_check(struct store *s, enum kind kind, const char *name, enum level level, struct where at)
{
	uint32_t has;
	char *text;

	(void)at;
	if (!access_level(s, kind, name, &has))
		return false;
	if (has >= level)
		return true;
	if (name && !*s->subject.name)
		s->subject = ref_of(kind, name, 0);
	text = name ? format_text("%s '%s': not permitted to %s it", kind_names[kind], name, level_names[level]) :
		      format_text("not permitted to add a %s", kind_names[kind]);
	refuse(s, text);
	free(text);
	return false;
}

bool access_kind(struct store *s, enum kind kind, enum level level)
{
	uint32_t has;
	char *text;

	if (!access_level(s, kind, NULL, &has))
		return false;
	if (has >= level)
		return true;
	text = format_text("not permitted to %s %s", level_names[level], kind_plurals[kind]);
	refuse(s, text);
	free(text);
	return false;
}

bool access_administrator(struct store *s, const char *what)
{
	uint32_t has;
	char *text;

	if (!access_level(s, KIND_ROLE, NULL, &has))
		return false;
	if (has >= LEVEL_EDIT)
		return true;
	text = format_text("%s: not permitted", what);
	refuse(s, text);
	free(text);
	return false;
}
