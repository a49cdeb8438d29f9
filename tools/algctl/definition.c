// SPDX-License-Identifier: GPL-2.0-or-later
#include "definition.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "object.h"

char *definition_of(const struct object *o)
{
	struct view view = { 0 };
	json_t *j;
	char *text;

	definition_view(o, predefined_standard(), &view);
	j = view_json(&view, false);
	if (o->kind == KIND_POLICY)
		json_object_del(j, "version");
	text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(j);
	view_free(&view);
	return text;
}

bool ref_read(enum kind kind, const char *text, struct ref *out)
{
	const char *at = strchr(text, '@');
	size_t n = at ? (size_t)(at - text) : strlen(text);

	*out = (struct ref){ .kind = kind, .version = at ? (uint32_t)strtoul(at + 1, NULL, 10) : 0 };
	if (n < sizeof(out->name))
		memcpy(out->name, text, n);
	return kind != KIND_SERVICE || !predefined_find(out->name);
}

static bool map_services(struct rule *r, reference_fn *map, void *data)
{
	for (size_t i = 0; i < r->services.n; i++) {
		char text[REF_SIZE];

		snprintf(text, sizeof(text), "%s", r->services.v[i]);
		if (!map(data, KIND_SERVICE, r->services_at ? r->services_at[i] : NOWHERE, text))
			return false;
		if (!strcmp(text, r->services.v[i]))
			continue;
		free(r->services.v[i]);
		r->services.v[i] = copy(text);
	}
	return true;
}

bool references_map(struct object *o, reference_fn *map, void *data)
{
	struct tenant *t = to_tenant(o);

	for (int i = 0; o->kind == KIND_POLICY && i < PROTOCOLS; i++)
		if (to_policy(o)->rule[i] && !map_services(to_policy(o)->rule[i], map, data))
			return false;
	if (o->kind != KIND_TENANT && o->kind != KIND_TEMPLATE)
		return true;
	if (*t->template && !map(data, KIND_TEMPLATE, t->template_at, t->template))
		return false;
	return !*t->policy || map(data, KIND_POLICY, t->at[NF_ALG_A_TENANT_POLICY], t->policy);
}

static void take_meta(struct object *o, const struct stored *from)
{
	o->version = from->ref.version;
	o->description = from->description ? copy(from->description) : NULL;
	o->reusable = from->reusable;
	for (size_t i = 0; i < from->tags.n; i++)
		words_add(&o->tags, from->tags.v[i]);
}

/* Where a value stands in the document means nothing to anybody. */
static void forget_places(struct object *o)
{
	struct tenant *t = to_tenant(o);

	o->at = NOWHERE;
	if (o->kind == KIND_TENANT || o->kind == KIND_TEMPLATE) {
		memset(t->at, 0, sizeof(t->at));
		t->template_at = NOWHERE;
	}
	for (int i = 0; o->kind == KIND_POLICY && i < PROTOCOLS; i++) {
		struct rule *r = to_policy(o)->rule[i];

		if (!r)
			continue;
		free(r->services_at);
		r->services_at = NULL;
		r->services_at_room = 0;
		r->at = r->mode_at = NOWHERE;
		memset(r->option_at, 0, sizeof(r->option_at));
	}
	for (size_t i = 0; o->kind == KIND_TENANT && i < t->nselectors; i++)
		t->selectors[i].at = NOWHERE;
}

struct object *definition_load_in(struct ctx *ctx, const struct stored *from, struct node_room *room)
{
	const struct node *n = from->ref.kind < STORE_KINDS ? document_stored(room, from->definition) : NULL;
	const char *file = ctx->file;
	struct object *o;

	if (!n) {
		fail(ctx, ALGCTL_REFUSED, NOWHERE, "store: version %u of '%s' can't be read", from->ref.version,
		     from->ref.name);
		return NULL;
	}
	o = object_new(from->ref.kind);
	snprintf(o->name, sizeof(o->name), "%s", from->ref.name);
	ctx->file = "store";
	if (!config_object(ctx, o, n)) {
		object_free(o);
		return NULL;
	}
	ctx->file = file;
	take_meta(o, from);
	forget_places(o);
	return o;
}

bool definitions_load(struct ctx *ctx, const struct stored_list *list, struct objects *out)
{
	struct node_room room = { 0 };
	struct object *o = NULL;

	for (size_t i = 0; i < list->n; i++) {
		o = definition_load_in(ctx, &list->v[i], &room);
		if (!o)
			break;
		objects_add(out, o);
	}
	node_room_free(&room);
	return o || !list->n;
}

struct object *definition_load(struct ctx *ctx, const struct stored *from)
{
	struct node_room room = { 0 };
	struct object *o = definition_load_in(ctx, from, &room);

	node_room_free(&room);
	return o;
}
