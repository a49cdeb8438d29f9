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

/* A document of all of them, each under its number, so that versions of one object do not meet. */
static char *document_of(const struct stored_list *list)
{
	static const enum kind order[] = { KIND_SERVICE, KIND_POLICY, KIND_TEMPLATE, KIND_TENANT, KIND_ROLE };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	const char *section = "";

	fputc('{', f);
	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
		const char *comma = "";

		for (size_t i = 0; i < list->n; i++) {
			if (list->v[i].ref.kind != order[k])
				continue;
			if (!*comma)
				fprintf(f, "%s\"%s\":{", section, kind_plurals[order[k]]);
			fprintf(f, "%s\"%zu\":%s\n", comma, i, list->v[i].definition);
			comma = ",";
		}
		if (*comma)
			fputc('}', f);
		section = *comma ? "," : section;
	}
	fputs("}", f);
	fclose(f);
	return text;
}

static void take_meta(struct object *o, const struct stored *from)
{
	snprintf(o->name, sizeof(o->name), "%s", from->ref.name);
	o->version = from->ref.version;
	o->description = from->description ? copy(from->description) : NULL;
	o->reusable = from->reusable;
	for (size_t i = 0; i < from->tags.n; i++)
		words_add(&o->tags, from->tags.v[i]);
}

static int number_order(const void *a, const void *b)
{
	unsigned long x = strtoul((*(struct object *const *)a)->name, NULL, 10);
	unsigned long y = strtoul((*(struct object *const *)b)->name, NULL, 10);

	return x < y ? -1 : x > y;
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

bool definitions_load(struct ctx *ctx, const struct stored_list *list, struct objects *out)
{
	const char *file = ctx->file;
	char *text = document_of(list);
	struct objects found = { 0 };
	struct node *root;
	bool good;

	ctx->file = "store";
	root = document_parse(ctx, text, strlen(text), DOCUMENT_JSON);
	good = root && config_objects(ctx, root, &found) && found.n == list->n;
	document_free(root);
	free(text);
	if (good)
		ctx->file = file;
	if (good && found.n)
		qsort(found.v, found.n, sizeof(*found.v), number_order);
	for (size_t i = 0; i < found.n && good; i++) {
		take_meta(found.v[i], &list->v[i]);
		forget_places(found.v[i]);
		objects_add(out, found.v[i]);
		found.v[i] = NULL;
	}
	objects_free(&found);
	return good;
}

struct object *definition_load(struct ctx *ctx, const struct stored *o)
{
	const struct stored_list list = { .v = (struct stored *)(uintptr_t)o, .n = 1 };
	struct objects found = { 0 };
	struct object *one = NULL;

	if (definitions_load(ctx, &list, &found))
		one = found.v[0];
	free(found.v);
	return one;
}
