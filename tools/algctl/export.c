// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl export: the running configuration as apply takes it, canonical: sorted, without defaults. */
#include "object.h"

#include <ctype.h>
#include <string.h>

#include "config.h"

/* Words that YAML or its users take for something else than text. */
static bool reserved(const char *text)
{
	static const char *const words[] = { "y", "n", "yes", "no", "on", "off", "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(text, words[i]))
			return true;
	return !isalpha((unsigned char)*text);
}

/* Names keep being text for every reader; other values have no need of it. */
static void print_word(FILE *out, const char *text, bool name)
{
	bool plain = *text && !(name && reserved(text));

	for (const char *c = text; *c && plain; c++)
		plain = isalnum((unsigned char)*c) || (c > text && strchr("._/-@", *c));
	if (!plain)
		fputc('"', out);
	for (const char *c = text; *c; c++)
		fprintf(out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	if (!plain)
		fputc('"', out);
}

static bool is_name(const struct item *item)
{
	const char *last = item->path[1] ? item->path[1] : item->path[0];

	return !strcmp(last, "policy") || !strcmp(last, "services") || !strcmp(last, "interface") ||
	       !strcmp(last, "template") || !strcmp(last, "boxes") || !strcmp(last, "tags") || !strcmp(last, "description") ||
	       !strcmp(last, "login");
}

static void print_values(FILE *out, const struct item *item)
{
	bool many = item->values.n != 1;

	fputs(many ? " [" : " ", out);
	for (size_t i = 0; i < item->values.n; i++) {
		if (i)
			fputs(", ", out);
		print_word(out, item->values.v[i], is_name(item));
	}
	fputs(many ? "]\n" : "\n", out);
}

static bool exported(const struct item *item)
{
	return !item->standard && !item->read_only;
}

/* Is it the only one of its block? Then the mode stands alone: "ftp: off". */
static bool alone(const struct view *view, size_t i)
{
	size_t n = 0;

	for (size_t j = 0; j < view->n; j++)
		n += exported(&view->v[j]) && !strcmp(view->v[j].path[0], view->v[i].path[0]);
	return n == 1 && view->v[i].path[1] && !strcmp(view->v[i].path[1], "mode");
}

static void print_item(FILE *out, const struct view *view, size_t i, const struct item **last)
{
	const struct item *item = &view->v[i], *before = *last;
	bool same_block = before && !strcmp(before->path[0], item->path[0]);
	bool same_group = same_block && before->path[2] && item->path[2];

	*last = item;
	if (!item->path[1] || alone(view, i)) {
		fprintf(out, "    %s:", item->path[0]);
		print_values(out, item);
		return;
	}
	if (!same_block)
		fprintf(out, "    %s:\n", item->path[0]);
	if (item->path[2] && !same_group)
		fprintf(out, "      %s:\n", item->path[1]);
	fprintf(out, "%*s%s:", item->path[2] ? 8 : 6, "", item->path[2] ? item->path[2] : item->path[1]);
	print_values(out, item);
}

static void print_object(FILE *out, const struct object *o, const struct predefined *predefined)
{
	const struct item *last = NULL;
	struct view view = { 0 };

	object_view(o, predefined, &view);
	fputs("  ", out);
	print_word(out, o->name, true);
	fputc(':', out);
	for (size_t i = 0; i < view.n; i++) {
		if (!exported(&view.v[i]))
			continue;
		if (!last)
			fputc('\n', out);
		print_item(out, &view, i, &last);
	}
	fputs(last ? "" : " {}\n", out);
	view_free(&view);
}

void object_print(FILE *out, const struct object *o, const struct predefined *predefined)
{
	fprintf(out, "%s:\n", kind_plurals[o->kind]);
	print_object(out, o, predefined);
}

/* Predefined services, and the policy "default" while it has nothing but defaults, are in every configuration. */
static bool always_there(const struct object *o, const struct predefined *predefined)
{
	struct view view = { 0 };
	bool there = true;

	if (o->kind == KIND_SERVICE)
		return ((const struct service *)o)->predefined;
	if (o->kind != KIND_POLICY || strcmp(o->name, "default"))
		return false;
	object_view(o, predefined, &view);
	for (size_t i = 0; i < view.n; i++)
		there &= !exported(&view.v[i]);
	view_free(&view);
	return there;
}

static void print_yaml(struct ctx *ctx, const struct objects *list, const struct predefined *predefined)
{
	int open = -1;

	for (size_t i = 0; i < list->n; i++) {
		const struct object *o = list->v[i];

		if (always_there(o, predefined))
			continue;
		if (open != (int)o->kind)
			fprintf(ctx->out, "%s:\n", kind_plurals[o->kind]);
		open = (int)o->kind;
		print_object(ctx->out, o, predefined);
	}
	if (open < 0)
		fputs("tenants: {}\n", ctx->out);
}

json_t *config_json(int kinds, const struct objects *list, const struct predefined *predefined)
{
	json_t *top = json_object();

	for (int i = 0; i < kinds; i++)
		json_object_set_new(top, kind_plurals[i], json_object());
	for (size_t i = 0; i < list->n; i++) {
		const struct object *o = list->v[i];
		struct view view = { 0 };

		if (always_there(o, predefined))
			continue;
		object_view(o, predefined, &view);
		if (!json_object_get(top, kind_plurals[o->kind]))
			json_object_set_new(top, kind_plurals[o->kind], json_object());
		json_object_set_new(json_object_get(top, kind_plurals[o->kind]), o->name, view_json(&view, false));
		view_free(&view);
	}
	return top;
}

static bool export(struct ctx *ctx, const struct command *command, void *object)
{
	struct predefined predefined = { 0 };
	struct objects list = { 0 };
	enum document_format format;
	uint32_t generation;
	bool good;

	(void)command;
	(void)object;
	if (!ctx->format && ctx->json)
		ctx->format = "json";
	ctx->plain = true;
	good = document_format(ctx, "-", "", &format) && backend(ctx) && config_read(ctx, &list, &generation);
	predefined_learn(&predefined, &list);
	if (good && format == DOCUMENT_JSON)
		print_json(ctx, config_json(ctx->backend->kinds, &list, &predefined));
	else if (good)
		print_yaml(ctx, &list, &predefined);
	predefined_free(&predefined);
	objects_free(&list);
	return good;
}

static const struct command commands[] = {
	{ .help = "print the running configuration",
	  .options = OPTION_FORMAT, .run = export },
	{ 0 }
};

const struct object_def export_object = {
	.name = "export",
	.help = "print the running configuration as a file for apply",
	.commands = commands,
	.more = "YAML unless --format json or --json is given. Defaults and predefined services are left out.",
};
