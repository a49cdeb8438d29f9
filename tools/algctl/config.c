// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "object.h"

static const struct param *const params_of[LOG_KINDS] = {
	service_params, policy_params, tenant_params, template_params, role_params, [KIND_BOX] = box_params
};

static const struct param *file_param(const struct param *params, const char *name)
{
	const struct param *p = param_find(params, name);

	return p && !(p->flags & PARAM_NO_FILE) ? p : NULL;
}

static bool unknown_key(struct ctx *ctx, const struct node *n, const char *what, const struct param *params)
{
	struct words known = { 0 };

	for (const struct param *p = params; p->name; p++)
		if (p->kind != PARAM_POSITION && !(p->flags & PARAM_NO_FILE))
			words_add(&known, p->name);
	fail(ctx, ALGCTL_USAGE, n->name_at, "%s has no key '%s'", what, n->name);
	error_expected(ctx, n->name, &known);
	words_free(&known);
	return false;
}

static int name_order(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : (int)x->name_at.line - (int)y->name_at.line;
}

/* Few keys need no sorting to see that they differ. */
static bool few_differ(const struct node *map, size_t n)
{
	enum { FEW = 8 };

	for (const struct node *c = map->child; c && n <= FEW; c = c->next)
		for (const struct node *d = c->next; d; d = d->next)
			if (!strcmp(c->name, d->name))
				return false;
	return n <= FEW;
}

static bool check_twice(struct ctx *ctx, const struct node *map)
{
	const struct node **all;
	bool good = true;
	size_t n = 0;

	for (const struct node *c = map->child; c; c = c->next)
		n++;
	if (few_differ(map, n))
		return true;
	all = zalloc((n + 1) * sizeof(*all));
	n = 0;
	for (const struct node *c = map->child; c; c = c->next)
		all[n++] = c;
	qsort(all, n, sizeof(*all), name_order);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(all[i - 1]->name, all[i]->name))
			good = fail(ctx, ALGCTL_USAGE, all[i]->name_at, "'%s' is given twice, first in line %u",
				    all[i]->name, all[i - 1]->name_at.line);
	free(all);
	return good;
}

static bool scalar(struct setter *s, const char *what, const struct node *n)
{
	if (n->type != NODE_SCALAR)
		return fail(s->ctx, ALGCTL_USAGE, n->at, "%s wants a single value", what);
	if (node_is_null(n))
		return fail(s->ctx, ALGCTL_USAGE, n->at, "%s has no value", what);
	s->at = n->at;
	return true;
}

static bool set_list(struct setter *s, const struct param *p, const struct node *n)
{
	bool good = true;

	if (n->type != NODE_LIST)
		return scalar(s, p->name, n) && param_set(s, p, n->text);
	for (const struct node *c = n->child; c; c = c->next)
		good &= scalar(s, p->name, c) && p->set(s, p, c->text);
	return good;
}

static bool set_pairs(struct setter *s, const struct param *p, const struct node *n)
{
	bool good = true;

	if (n->type != NODE_MAP)
		return fail(s->ctx, ALGCTL_USAGE, n->at, "%s wants names with values", p->name);
	good = check_twice(s->ctx, n);
	for (const struct node *c = n->child; c; c = c->next) {
		char *pair;

		if (!scalar(s, c->name, c)) {
			good = false;
			continue;
		}
		pair = format_text("%s=%s", c->name, c->text);
		good &= p->set(s, p, pair);
		free(pair);
	}
	return good;
}

/* A parameter that is no block. */
static bool set_simple(struct setter *s, const struct param *p, const struct node *n)
{
	if (p->kind == PARAM_PAIRS)
		return set_pairs(s, p, n);
	if (p->flags & PARAM_LIST)
		return set_list(s, p, n);
	return scalar(s, p->name, n) && p->set(s, p, n->text);
}

/* A block is a map of its parameters, or just the value that may stand alone ("ftp: off"). */
static bool set_block(struct setter *s, const struct param *p, const struct node *n)
{
	bool good;

	s->protocol = (int)p->arg;
	if (n->type == NODE_SCALAR) {
		for (const struct param *q = p->sub; q->name; q++)
			if (q->flags & PARAM_BARE)
				return set_simple(s, q, n);
	}
	if (n->type != NODE_MAP)
		return fail(s->ctx, ALGCTL_USAGE, n->at, "%s wants a mode or keys", p->name);
	good = check_twice(s->ctx, n);
	for (const struct node *c = n->child; c; c = c->next) {
		const struct param *q = file_param(p->sub, c->name);

		good &= q ? set_simple(s, q, c) : unknown_key(s->ctx, c, p->name, p->sub);
	}
	return good;
}

/* What @p's group, or @p itself, has among the keys. */
static int count_keys(const struct node *map, const struct param *params, const struct param *p)
{
	int n = 0;

	for (const struct node *c = map->child; c; c = c->next) {
		const struct param *q = file_param(params, c->name);

		n += q && (q == p || (p->group && q->group == p->group));
	}
	return n;
}

static bool check_required(struct ctx *ctx, const struct object *o, const struct node *map, const struct param *params)
{
	uint32_t groups = 0;
	bool good = true;

	for (const struct param *p = params; p->name; p++) {
		int n;

		if (p->kind == PARAM_POSITION || (p->group ? groups & BIT(p->group) : !(p->flags & PARAM_REQUIRED)))
			continue;
		groups |= p->group ? BIT(p->group) : 0;
		n = count_keys(map, params, p);
		if (!n && p->flags & PARAM_REQUIRED)
			good = fail(ctx, ALGCTL_USAGE, o->at, "%s '%s' has no %s%s%s", kind_names[o->kind], o->name,
				    p->name, p->group ? " or " : "", p->group ? p[1].name : "");
		if (n > 1 && p->group)
			good = fail(ctx, ALGCTL_USAGE, o->at, "%s '%s' has both %s and %s", kind_names[o->kind],
				    o->name, p->name, p[1].name);
	}
	return good;
}

bool config_object(struct ctx *ctx, struct object *o, const struct node *n)
{
	const struct param *params = params_of[o->kind];
	bool good = check_twice(ctx, n);

	for (const struct node *c = n->child; c; c = c->next) {
		const struct param *p = file_param(params, c->name);
		struct setter s = { .ctx = ctx, .object = o, .protocol = -1, .at = c->at };

		if (!p)
			good = unknown_key(ctx, c, kind_names[o->kind], params);
		else
			good &= p->kind == PARAM_BLOCK ? set_block(&s, p, c) : set_simple(&s, p, c);
	}
	return check_required(ctx, o, n, params) && good;
}

static bool load_object(struct ctx *ctx, enum kind kind, const struct node *n, struct objects *out)
{
	static const struct node empty = { .type = NODE_MAP };
	struct object *o = object_new(kind);
	struct setter s = { .ctx = ctx, .object = o, .protocol = -1, .at = n->name_at };
	bool good;

	o->at = n->name_at;
	objects_add(out, o);
	good = read_name(&s, kind_names[kind], n->name, o->name);
	if (n->type == NODE_MAP)
		return config_object(ctx, o, n) && good;
	if (node_is_null(n))
		return config_object(ctx, o, &empty) && good;
	return fail(ctx, ALGCTL_USAGE, n->at, "%s '%s' wants keys", kind_names[kind], n->name);
}

static bool load_kind(struct ctx *ctx, enum kind kind, const struct node *n, struct objects *out)
{
	bool good;

	if (node_is_null(n))
		return true;
	if (n->type != NODE_MAP)
		return fail(ctx, ALGCTL_USAGE, n->at, "%s wants names with keys", kind_plurals[kind]);
	good = check_twice(ctx, n);
	for (const struct node *c = n->child; c; c = c->next)
		good &= load_object(ctx, kind, c, out);
	return good;
}

static bool unknown_section(struct ctx *ctx, const struct node *n)
{
	struct words known = { 0 };

	words_add_all(&known, kind_plurals, store_in_use(ctx) ? STORE_KINDS : KINDS);
	if (store_in_use(ctx))
		words_add(&known, kind_plurals[KIND_BOX]);
	fail(ctx, ALGCTL_USAGE, n->name_at, "unknown section '%s'", n->name);
	error_expected(ctx, n->name, &known);
	words_free(&known);
	return false;
}

/* Tenants whose policy the file has not; "default" always exists. Services are left to the kernel, which has more. */
static bool check_policies(struct ctx *ctx, const struct objects *list)
{
	bool good = true;

	for (size_t i = 0; i < list->n; i++) {
		const struct tenant *t = (const struct tenant *)list->v[i];

		if (t->o.kind != KIND_TENANT || !*t->policy || !strcmp(t->policy, "default"))
			continue;
		if (!objects_find(list, KIND_POLICY, t->policy))
			good = fail(ctx, ALGCTL_USAGE, t->at[NF_ALG_A_TENANT_POLICY], "the file has no policy '%s'",
				    t->policy);
	}
	return good;
}

static int section_kind(struct ctx *ctx, const char *name)
{
	if (store_in_use(ctx) && !strcmp(name, kind_plurals[KIND_BOX]))
		return KIND_BOX;
	return index_of(kind_plurals, store_in_use(ctx) ? STORE_KINDS : KINDS, name);
}

bool config_objects(struct ctx *ctx, const struct node *root, struct objects *out)
{
	bool good;

	if (root->type != NODE_MAP) {
		fail(ctx, ALGCTL_USAGE, root->at, "a configuration has the sections services, policies, tenants");
		return false;
	}
	good = check_twice(ctx, root);
	for (const struct node *n = root->child; n; n = n->next) {
		int kind = section_kind(ctx, n->name);

		good &= kind < 0 ? unknown_section(ctx, n) : load_kind(ctx, (enum kind)kind, n, out);
	}
	objects_sort(out);
	return good;
}

bool config_load(struct ctx *ctx, const struct node *root, struct objects *out)
{
	bool good = config_objects(ctx, root, out);

	return (store_in_use(ctx) || check_policies(ctx, out)) && good;
}

/* A store is read in one transaction, and needs no kernel for it. */
static bool read_generation(struct ctx *ctx, uint32_t *generation)
{
	struct status status = { 0 };

	if (!store_of(ctx) && !ctx->backend->ops->status(ctx, &status))
		return false;
	*generation = status.generation;
	return true;
}

bool config_read(struct ctx *ctx, struct objects *out, uint32_t *generation)
{
	enum { ATTEMPTS = 8 };

	for (int i = 0; i < ATTEMPTS; i++) {
		uint32_t before;
		bool good = read_generation(ctx, &before);

		for (int kind = 0; kind < ctx->backend->kinds && good; kind++)
			good = ctx->backend->ops->list(ctx, (enum kind)kind, NULL, out);
		if (good && store_of(ctx))
			good = fleet_list(store_of(ctx), out);
		if (!good || !read_generation(ctx, generation))
			return false;
		if (before == *generation) {
			objects_sort(out);
			return true;
		}
		objects_free(out);
	}
	return fail(ctx, ALGCTL_REFUSED, NOWHERE, "the configuration changes faster than it can be read: try again");
}

const struct item *view_find(const struct view *view, const struct item *like)
{
	for (size_t i = 0; i < view->n; i++) {
		const struct item *item = &view->v[i];
		bool same = true;

		for (int k = 0; k < 3 && same; k++)
			same = (!item->path[k] && !like->path[k]) ||
			       (item->path[k] && like->path[k] && !strcmp(item->path[k], like->path[k]));
		if (same)
			return item;
	}
	return NULL;
}

static bool same_object(const struct object *a, const struct object *b, const struct predefined *predefined)
{
	struct view x = { 0 }, y = { 0 };
	bool same = true;

	if (object_same(a, b, predefined))
		return true;
	object_view(a, predefined, &x);
	object_view(b, predefined, &y);
	for (size_t i = 0; i < x.n && same; i++) {
		const struct item *other = view_find(&y, &x.v[i]);

		same = x.v[i].read_only || (other && words_equal(&x.v[i].values, &other->values));
	}
	for (size_t i = 0; i < y.n && same; i++)
		same = y.v[i].read_only || view_find(&x, &y.v[i]);
	view_free(&x);
	view_free(&y);
	return same;
}

static void add_change(struct changes *c, const struct object *old, const struct object *new)
{
	c->v = grow(c->v, c->n, &c->room, sizeof(*c->v));
	c->v[c->n++] = (struct change){ old, new };
	if (!old)
		c->added++;
	else if (!new)
		c->removed++;
	else
		c->changed++;
}

static bool counts(const struct object *o)
{
	return o->kind != KIND_SERVICE || !((const struct service *)o)->predefined;
}

void config_compare(const struct objects *old, const struct objects *new, struct changes *out)
{
	size_t i = 0, j = 0;

	predefined_learn(&out->predefined, old);
	while (i < old->n || j < new->n) {
		const struct object *a = i < old->n ? old->v[i] : NULL, *b = j < new->n ? new->v[j] : NULL;
		int order = !a ? 1 : !b ? -1 : object_order(&a, &b);

		i += order <= 0;
		j += order >= 0;
		if (order < 0 && counts(a))
			add_change(out, a, NULL);
		else if (order > 0)
			add_change(out, NULL, b);
		else if (!order && !same_object(a, b, &out->predefined))
			add_change(out, a, b);
	}
}

void changes_free(struct changes *c)
{
	predefined_free(&c->predefined);
	free(c->v);
	*c = (struct changes){ 0 };
}
