// SPDX-License-Identifier: GPL-2.0-or-later
#include "object.h"

#include <stdlib.h>
#include <string.h>

#include "commands.h"

const char nothing_configured[] = "nothing is configured in this network namespace\n";

struct object *object_new(enum kind kind)
{
	static const size_t sizes[LOG_KINDS] = {
		[KIND_SERVICE] = sizeof(struct service), [KIND_POLICY] = sizeof(struct policy),
		[KIND_TENANT] = sizeof(struct tenant), [KIND_TEMPLATE] = sizeof(struct tenant),
		[KIND_ROLE] = sizeof(struct role), [KIND_BOX] = sizeof(struct fleet_box),
	};
	struct object *o = zalloc(sizes[kind]);

	o->kind = kind;
	o->reusable = true;
	return o;
}

void object_free(struct object *o)
{
	if (!o)
		return;
	if (o->kind == KIND_SERVICE) {
		free(to_service(o)->to.v);
		free(to_service(o)->except.v);
	} else if (o->kind == KIND_TENANT || o->kind == KIND_TEMPLATE) {
		free(to_tenant(o)->selectors);
		words_free(&to_tenant(o)->boxes);
	} else if (o->kind == KIND_ROLE) {
		words_free(&to_role(o)->members);
	} else if (o->kind == KIND_BOX) {
		free(to_box(o)->login);
	}
	for (int i = 0; i < PROTOCOLS && o->kind == KIND_POLICY; i++) {
		struct rule *r = to_policy(o)->rule[i];

		if (!r)
			continue;
		words_free(&r->services);
		free(r->services_at);
		free(r);
	}
	free(o->description);
	words_free(&o->tags);
	free(o);
}

void objects_add(struct objects *list, struct object *o)
{
	list->v = grow(list->v, list->n, &list->room, sizeof(*list->v));
	list->v[list->n++] = o;
}

void objects_free(struct objects *list)
{
	for (size_t i = 0; i < list->n; i++)
		object_free(list->v[i]);
	free(list->v);
	*list = (struct objects){ 0 };
}

int kind_name_order(enum kind kind, const char *name, enum kind other_kind, const char *other)
{
	if (kind != other_kind)
		return kind < other_kind ? -1 : 1;
	return strcmp(name, other);
}

int object_order(const void *a, const void *b)
{
	const struct object *x = *(struct object *const *)a, *y = *(struct object *const *)b;

	return kind_name_order(x->kind, x->name, y->kind, y->name);
}

void objects_sort(struct objects *list)
{
	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), object_order);
}

struct wanted {
	enum kind kind;
	const char *name;
};

static int wanted_order(const void *key, const void *element)
{
	const struct wanted *wanted = key;
	const struct object *o = *(struct object *const *)element;

	return kind_name_order(wanted->kind, wanted->name, o->kind, o->name);
}

struct object *objects_find(const struct objects *list, enum kind kind, const char *name)
{
	const struct wanted wanted = { kind, name };
	struct object **found = list->n ? bsearch(&wanted, list->v, list->n, sizeof(*list->v), wanted_order) : NULL;

	return found ? *found : NULL;
}

void definition_view(const struct object *o, const struct predefined *predefined, struct view *view)
{
	switch (o->kind) {
	case KIND_SERVICE:
		service_view((const struct service *)o, view);
		return;
	case KIND_POLICY:
		policy_view((const struct policy *)o, predefined, view);
		return;
	case KIND_TENANT:
	case KIND_TEMPLATE:
		tenant_view((const struct tenant *)o, view);
		return;
	case KIND_BOX:
		box_view((const struct fleet_box *)o, view);
		return;
	case KIND_ROLE:
	case STORE_KINDS:
	case LOG_KINDS:
		role_view((const struct role *)o, view);
		return;
	}
}

static void meta_view(const struct object *o, struct view *view)
{
	struct item *item;

	view_text(view, "description", o->description ? o->description : "", !o->description || !*o->description);
	item = view_add(view, "tags", NULL, NULL);
	item->list = true;
	item->standard = !o->tags.n;
	for (size_t i = 0; i < o->tags.n; i++)
		words_add(&item->values, o->tags.v[i]);
	words_sort(&item->values);
	if (o->kind == KIND_POLICY) {
		item = view_add(view, "reusable", NULL, NULL);
		item->type = ITEM_BOOL;
		item->standard = o->reusable;
		words_add(&item->values, o->reusable ? "yes" : "no");
	}
}

void object_view(const struct object *o, const struct predefined *predefined, struct view *view)
{
	definition_view(o, predefined, view);
	if (o->version && o->kind != KIND_POLICY)
		view_use(view, "version", o->version);
	if (o->version || o->have_meta)
		meta_view(o, view);
}

void object_put(struct msg *m, const struct object *o)
{
	switch (o->kind) {
	case KIND_SERVICE:
		service_put(m, (const struct service *)o);
		return;
	case KIND_POLICY:
		policy_put(m, (const struct policy *)o);
		return;
	case KIND_TENANT:
		tenant_put(m, (const struct tenant *)o);
		return;
	case KIND_TEMPLATE:
	case KIND_ROLE:
	case STORE_KINDS:
	case KIND_BOX:
	case LOG_KINDS:
		return;
	}
}

void object_get(struct object *o, const void *attrs, size_t size)
{
	switch (o->kind) {
	case KIND_SERVICE:
		service_get(to_service(o), attrs, size);
		return;
	case KIND_POLICY:
		policy_get(to_policy(o), attrs, size);
		return;
	case KIND_TENANT:
		tenant_get(to_tenant(o), attrs, size);
		return;
	case KIND_TEMPLATE:
	case KIND_ROLE:
	case STORE_KINDS:
	case KIND_BOX:
	case LOG_KINDS:
		return;
	}
}

struct item *view_add(struct view *view, const char *a, const char *b, const char *c)
{
	struct item *item;

	view->v = grow(view->v, view->n, &view->room, sizeof(*view->v));
	item = &view->v[view->n++];
	*item = (struct item){ .path = { a, b, c } };
	return item;
}

void view_text(struct view *view, const char *name, const char *value, bool standard)
{
	struct item *item = view_add(view, name, NULL, NULL);

	words_add(&item->values, value);
	item->standard = standard;
}

void view_number(struct view *view, const char *name, uint32_t value, uint32_t standard)
{
	struct item *item = view_add(view, name, NULL, NULL);

	words_addf(&item->values, "%u", value);
	item->type = ITEM_NUMBER;
	item->standard = value == standard;
}

void view_use(struct view *view, const char *name, uint32_t value)
{
	view_number(view, name, value, value);
	view->v[view->n - 1].read_only = true;
}

void view_free(struct view *view)
{
	for (size_t i = 0; i < view->n; i++)
		words_free(&view->v[i].values);
	free(view->v);
	*view = (struct view){ 0 };
}

char *item_path(const struct item *item)
{
	return format_text("%s%s%s%s%s", item->path[0], item->path[1] ? " " : "", item->path[1] ? item->path[1] : "",
			   item->path[2] ? " " : "", item->path[2] ? item->path[2] : "");
}

static json_t *value_json(const struct item *item, const char *value)
{
	if (item->type == ITEM_NUMBER)
		return json_integer(strtoll(value, NULL, 10));
	if (item->type == ITEM_BOOL)
		return json_boolean(!strcmp(value, "yes"));
	return json_string(value);
}

json_t *item_json(const struct item *item)
{
	json_t *list;

	if (!item->list)
		return value_json(item, item->values.n ? item->values.v[0] : "");
	list = json_array();
	for (size_t i = 0; i < item->values.n; i++)
		json_array_append_new(list, value_json(item, item->values.v[i]));
	return list;
}

/* The object at @key, made when absent. */
static json_t *json_child(json_t *parent, const char *key)
{
	json_t *child = json_object_get(parent, key);

	if (!child) {
		child = json_object();
		json_object_set_new(parent, key, child);
	}
	return child;
}

json_t *view_json(const struct view *view, bool all)
{
	json_t *top = json_object();

	for (size_t i = 0; i < view->n; i++) {
		const struct item *item = &view->v[i];
		json_t *at = top;
		int last = 0;

		if (!all && (item->standard || item->read_only))
			continue;
		while (last < 2 && item->path[last + 1])
			at = json_child(at, item->path[last++]);
		json_object_set_new(at, item->path[last], item_json(item));
	}
	return top;
}

static json_t *object_json(const struct object *o, const struct predefined *predefined)
{
	json_t *j = json_object(), *values;
	struct view view = { 0 };

	object_view(o, predefined, &view);
	values = view_json(&view, true);
	json_object_set_new(j, "name", json_string(o->name));
	json_object_update(j, values);
	json_decref(values);
	view_free(&view);
	return j;
}

json_t *objects_json(enum kind kind, const struct objects *list, const struct predefined *predefined)
{
	json_t *all = json_array(), *j = json_object();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(all, object_json(list->v[i], predefined));
	json_object_set_new(j, kind_plurals[kind], all);
	return j;
}

void predefined_learn(struct predefined *p, const struct objects *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct service *s = (const struct service *)list->v[i];

		if (s->o.kind == KIND_SERVICE && s->predefined && s->protocol < PROTOCOLS)
			words_add(&p->of[s->protocol], s->o.name);
	}
	for (int i = 0; i < PROTOCOLS; i++)
		words_sort(&p->of[i]);
}

const struct predefined_service *predefined_find(const char *name)
{
	for (const struct predefined_service *p = predefined_services; p->name; p++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

const struct predefined *predefined_standard(void)
{
	static struct predefined standard;

	for (const struct predefined_service *p = predefined_services; p->name && !standard.of[PROTOCOLS - 1].n; p++)
		words_add(&standard.of[p->protocol], p->name);
	for (int i = 0; i < PROTOCOLS; i++)
		words_sort(&standard.of[i]);
	return &standard;
}

void predefined_free(struct predefined *p)
{
	for (int i = 0; i < PROTOCOLS; i++)
		words_free(&p->of[i]);
}

/* Opens the backend; not every one has every kind. */
static bool has_kind(struct ctx *ctx, enum kind kind)
{
	return backend(ctx) && ((int)kind < ctx->backend->kinds || store_wanted(ctx));
}

bool object_backend(struct ctx *ctx, enum kind kind)
{
	if (!has_kind(ctx, kind))
		return false;
	if (!ctx->dry_run || store_of(ctx))
		return true;
	fail(ctx, ALGCTL_USAGE, NOWHERE, "--dry-run of a single change needs a store");
	error_hint(ctx, "algctl apply FILE --dry-run works without");
	return false;
}

bool object_fetch(struct ctx *ctx, enum kind kind, const struct object *one, struct objects *out)
{
	if (!has_kind(ctx, kind) || !ctx->backend->ops->list(ctx, kind, one && *one->name ? one : NULL, out))
		return false;
	objects_sort(out);
	return true;
}

bool object_show(struct ctx *ctx, const struct object_table *table, const struct object *one)
{
	struct columns c = { .width = table->width };
	struct objects list = { 0 };
	bool good = object_fetch(ctx, table->kind, one, &list);

	words_add_all(&c.cells, table->head, table->width);
	for (size_t i = 0; i < list.n; i++)
		table->row(&c.cells, list.v[i]);
	if (good && ctx->json)
		print_json(ctx, objects_json(table->kind, &list, NULL));
	else if (good && !list.n && table->none)
		fputs(table->none, ctx->out);
	else if (good)
		columns_print(ctx, &c);
	words_free(&c.cells);
	objects_free(&list);
	return good;
}

static enum kind kind_of(const struct object *o)
{
	return o->kind;
}

bool done(struct ctx *ctx, bool good)
{
	json_t *j = good && ctx->json ? json_pack("{s:b}", "ok", 1) : NULL;

	if (j && ctx->told)
		json_object_update(j, ctx->told);
	if (j)
		print_json(ctx, j);
	return good;
}

bool object_add(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return done(ctx, object_backend(ctx, kind_of(object)) && ctx->backend->ops->set(ctx, object, WRITE_ADD));
}

bool object_set(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return done(ctx, object_backend(ctx, kind_of(object)) && ctx->backend->ops->set(ctx, object, WRITE_CHANGE));
}

bool object_del(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return done(ctx, object_backend(ctx, kind_of(object)) && ctx->backend->ops->del(ctx, object));
}

bool set_object_name(struct setter *s, const struct param *p, const char *text)
{
	struct object *o = s->object;

	(void)p;
	o->at = s->at;
	return read_name_version(s, kind_names[o->kind], text, o->name, &o->version);
}

void list_object_names(const struct setter *s, const struct param *p, struct words *out)
{
	const struct object *o = s->object;

	(void)p;
	list_live(s->ctx, o->kind, -1, out);
}
