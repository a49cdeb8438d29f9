// SPDX-License-Identifier: GPL-2.0-or-later
/* What differs between two configurations, for people and as JSON. */
#include <stdlib.h>

#include "config.h"
#include "object.h"

static char *item_text(const struct item *item)
{
	return item->values.n ? words_join(&item->values, ",") : copy("none");
}

/* One changed object: the values that differ, old -> new. */
static void print_fields(struct ctx *ctx, const struct change *c, const struct predefined *predefined)
{
	struct view old = { 0 }, new = { 0 };
	const char *comma = "";

	if (c->old)
		object_view(c->old, predefined, &old);
	object_view(c->new, predefined, &new);
	for (size_t i = 0; i < new.n; i++) {
		const struct item *item = &new.v[i], *before = c->old ? view_find(&old, item) : NULL;
		char *path, *from, *to;

		if (item->read_only ||
		    (c->old ? before && words_equal(&before->values, &item->values) : item->standard))
			continue;
		path = item_path(item);
		from = before ? item_text(before) : copy("none");
		to = item_text(item);
		if (c->old)
			fprintf(ctx->out, "%s %s %s -> %s", comma, path, from, to);
		else
			fprintf(ctx->out, "%s %s %s", comma, path, to);
		comma = ",";
		free(path);
		free(from);
		free(to);
	}
	view_free(&old);
	view_free(&new);
}

void changes_print(struct ctx *ctx, const struct changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		const struct change *c = &changes->v[i];
		const struct object *o = c->new ? c->new : c->old;

		fprintf(ctx->out, "%c %s %s", !c->old ? '+' : !c->new ? '-' : '~', kind_names[o->kind], o->name);
		if (c->new)
			print_fields(ctx, c, &changes->predefined);
		fputc('\n', ctx->out);
	}
}

static json_t *fields_json(const struct change *c, const struct predefined *predefined)
{
	struct view old = { 0 }, new = { 0 };
	json_t *j = json_object();

	object_view(c->old, predefined, &old);
	object_view(c->new, predefined, &new);
	for (size_t i = 0; i < new.n; i++) {
		const struct item *before = view_find(&old, &new.v[i]);
		json_t *from;
		char *path;

		if (new.v[i].read_only || (before && words_equal(&before->values, &new.v[i].values)))
			continue;
		path = item_path(&new.v[i]);
		from = before ? item_json(before) : json_null();
		json_object_set_new(j, path, json_pack("{s:o, s:o}", "old", from, "new", item_json(&new.v[i])));
		free(path);
	}
	view_free(&old);
	view_free(&new);
	return j;
}

static json_t *change_json(const struct change *c, const struct predefined *predefined)
{
	const struct object *o = c->new ? c->new : c->old;
	json_t *j = json_pack("{s:s, s:s}", "object", kind_names[o->kind], "name", o->name);
	struct view view = { 0 };

	if (c->old && c->new) {
		json_object_set_new(j, "fields", fields_json(c, predefined));
	} else if (c->new) {
		object_view(c->new, predefined, &view);
		json_object_set_new(j, "fields", view_json(&view, false));
		view_free(&view);
	}
	return j;
}

void changes_tell(struct ctx *ctx, const struct changes *changes)
{
	if (ctx->json && !ctx->told) {
		ctx->told = json_pack("{s:b}", "done", 0);
		changes_json(ctx->told, changes);
	} else if (!ctx->json) {
		changes_print(ctx, changes);
	}
}

void changes_json(json_t *j, const struct changes *changes)
{
	json_t *added = json_array(), *changed = json_array(), *removed = json_array();

	for (size_t i = 0; i < changes->n; i++) {
		const struct change *c = &changes->v[i];
		json_t *list = !c->new ? removed : c->old ? changed : added;

		json_array_append_new(list, change_json(c, &changes->predefined));
	}
	json_object_set_new(j, "added", added);
	json_object_set_new(j, "changed", changed);
	json_object_set_new(j, "removed", removed);
}
