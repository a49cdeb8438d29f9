// SPDX-License-Identifier: GPL-2.0-or-later
/* Help, made of the tables that parse the command line. */
#include "object.h"

#include <stdlib.h>
#include <string.h>

const struct option_row option_rows[] = {
	{ "json", 'j', NULL, "output and errors as JSON", 0 },
	{ "netns", 'n', "NETNS", "in that network namespace (of ip-netns(8))", 0 },
	{ "store", 0, "STORE", "a file or postgresql://..., 'none' for the kernel alone", 0 },
	{ "help", 'h', NULL, "print this help", 0 },
	{ "version", 'V', NULL, "print the version", 0 },
	{ "explain", 0, NULL, "with a sentence for each reason", OPTION_EXPLAIN },
	{ "dry-run", 0, NULL, "show what would change, let the kernel check it, change nothing", OPTION_DRY_RUN },
	{ "format", 0, "FORMAT", "yaml or json", OPTION_FORMAT },
	{ "count", 0, "NUMBER", "end after so many events", OPTION_COUNT },
	{ "tag", 0, "TAG", "those with that tag", OPTION_TAG },
	{ "search", 0, "TEXT", "those with the text in name or description, or as tag", OPTION_SEARCH },
	{ "staged", 0, NULL, "one box of the fleet first, the others when it has applied it", OPTION_STAGED },
	{ "follow", 0, NULL, "go on with what comes", OPTION_FOLLOW },
	{ 0 }
};

static void add_part(struct words *parts, const struct command *c, const struct param *p, const char *text)
{
	if (p->kind == PARAM_POSITION ? !(p->flags & PARAM_OPTIONAL)
				      : c->flags & COMMAND_MAKES && p->flags & PARAM_REQUIRED)
		words_add(parts, text);
	else
		words_addf(parts, "[%s]", text);
}

static char *param_text(const struct param *p)
{
	if (p->kind == PARAM_POSITION || !p->metavar)
		return copy(p->name);
	return format_text("%s %s", p->name, p->metavar);
}

/* Alternatives of a group, and blocks, are written together: {tcp PORTS | udp PORTS}. Returns what comes behind. */
static const struct param *add_alternatives(struct words *parts, const struct command *c, const struct param *p)
{
	const struct param *first = p;
	struct words names = { 0 };
	char *list, *text;

	for (; p->name && p->kind == first->kind && (first->kind == PARAM_BLOCK || p->group == first->group); p++) {
		text = first->kind == PARAM_BLOCK ? copy(p->name) : param_text(p);
		words_add(&names, text);
		free(text);
	}
	list = words_join(&names, first->kind == PARAM_BLOCK ? "|" : " | ");
	text = format_text(first->kind == PARAM_BLOCK ? "{%s} RULE" : "{%s}", list);
	add_part(parts, c, first, text);
	if (first->kind == PARAM_BLOCK)
		words_add(parts, "...");
	free(text);
	free(list);
	words_free(&names);
	return p;
}

static void usage_line(struct ctx *ctx, const struct object_def *object, const struct command *c)
{
	struct words parts = { 0 };
	const struct param *p = c->params;
	char *text;

	words_addf(&parts, "algctl %s%s%s", object->name, c->name ? " " : "", c->name ? c->name : "");
	while (p && p->name) {
		if (p->group || p->kind == PARAM_BLOCK) {
			p = add_alternatives(&parts, c, p);
			continue;
		}
		text = param_text(p);
		add_part(&parts, c, p, text);
		free(text);
		p++;
	}
	for (const struct option_row *o = option_rows; o->name; o++)
		if (o->command_option & c->options)
			words_addf(&parts, "[--%s%s%s]", o->name, o->metavar ? " " : "", o->metavar ? o->metavar : "");
	text = words_join(&parts, " ");
	fprintf(ctx->out, "  %s\n", text);
	free(text);
	words_free(&parts);
}

static void row(struct columns *c, const char *what, const char *help)
{
	words_addf(&c->cells, "  %s", what);
	words_add(&c->cells, help);
}

static const char any_block[] = "what that protocol's ALG does; not named: unchanged, or on in a new policy";

static void param_rows(struct columns *c, const struct param *params)
{
	for (const struct param *p = params; p && p->name; p++) {
		char *text;

		if (p->kind == PARAM_BLOCK && p > params && p[-1].kind == PARAM_BLOCK)
			continue;
		text = p->kind == PARAM_BLOCK ? copy("PROTOCOL RULE") : param_text(p);
		row(c, text, p->kind == PARAM_BLOCK ? any_block : p->help);
		free(text);
	}
}

static const struct param *block_of(const struct command *c)
{
	for (const struct param *p = c->params; p && p->name; p++)
		if (p->kind == PARAM_BLOCK)
			return p;
	return NULL;
}

static void add_protocols(struct words *out, uint32_t protocols)
{
	for (int i = 0; i < PROTOCOLS; i++)
		if (protocols & BIT(i))
			words_add(out, protocol_names[i]);
}

static void option_rows_of_policy(struct ctx *ctx)
{
	fputs("\nOptions:\n", ctx->out);
	for (unsigned int i = 1; i < OPTIONS; i++) {
		const struct option_def *o = &options[i];
		struct words protocols = { 0 };
		char *list, *standard;

		if (!o->name)
			continue;
		add_protocols(&protocols, o->protocols);
		list = words_join(&protocols, ", ");
		standard = option_text(i, o->standard);
		if (o->kind == OPTION_NUMBER)
			fprintf(ctx->out, "  %s=%u..%u %s", o->name, o->min, o->max, o->values);
		else
			fprintf(ctx->out, "  %s=%s", o->name, o->values);
		fprintf(ctx->out, "  (%s; default %s)\n      %s\n", list, standard, o->sentence);
		free(standard);
		free(list);
		words_free(&protocols);
	}
}

static void values_row(struct columns *c, const struct param *params)
{
	for (const struct param *p = params; p && p->name; p++) {
		struct words names = { 0 };
		char *list, *text;

		if (p->list != list_protocols)
			continue;
		list_protocols(NULL, p, &names);
		list = words_join(&names, ", ");
		text = format_text("one of %s", list);
		row(c, p->metavar, text);
		free(text);
		free(list);
		words_free(&names);
	}
}

static void command_help(struct ctx *ctx, const struct object_def *object, const struct command *c)
{
	struct columns rows = { .width = 2 };
	const struct param *block = block_of(c);

	fprintf(ctx->out, "algctl %s%s%s: %s\n\nUsage:\n", object->name, c->name ? " " : "", c->name ? c->name : "",
		c->help);
	usage_line(ctx, object, c);
	param_rows(&rows, c->params);
	values_row(&rows, c->params);
	for (const struct option_row *o = option_rows; o->name; o++)
		if (o->command_option & c->options) {
			char *text =
				format_text("--%s%s%s", o->name, o->metavar ? " " : "", o->metavar ? o->metavar : "");

			row(&rows, text, o->help);
			free(text);
		}
	if (rows.cells.n) {
		fputc('\n', ctx->out);
		columns_print(ctx, &rows);
	}
	if (!block)
		return;
	fputs("\nRULE is one or more of:\n", ctx->out);
	param_rows(&rows, block->sub);
	row(&rows, "on, off, observe", "the same as 'mode' with that word");
	columns_print(ctx, &rows);
	option_rows_of_policy(ctx);
}

static void object_help(struct ctx *ctx, const struct object_def *object)
{
	struct columns rows = { .width = 2 };

	if (!object->commands->name) {
		command_help(ctx, object, object->commands);
	} else {
		fprintf(ctx->out, "algctl %s: %s\n\nUsage:\n", object->name, object->help);
		for (const struct command *c = object->commands; c->run; c++)
			usage_line(ctx, object, c);
		fputc('\n', ctx->out);
		for (const struct command *c = object->commands; c->run; c++)
			row(&rows, c->name, c->help);
		columns_print(ctx, &rows);
		fprintf(ctx->out, "\nalgctl help %s COMMAND explains one. Without a command: %s.\n", object->name,
			object->commands->name);
	}
	if (object->more)
		fprintf(ctx->out, "\n%s\n", object->more);
}

static void top_help(struct ctx *ctx)
{
	struct columns rows = { .width = 2 };

	fputs("algctl: application layer gateways of the kernel (nf_alg), per tenant\n\n"
	      "Usage:\n  algctl [-j] [-n NETNS] OBJECT [COMMAND] [ARGS]\n\nObjects:\n", ctx->out);
	for (int i = 0; objects[i]; i++)
		row(&rows, objects[i]->name, objects[i]->help);
	columns_print(ctx, &rows);
	fputs("\nOptions:\n", ctx->out);
	for (const struct option_row *o = option_rows; o->name; o++) {
		char *text;

		if (o->command_option)
			continue;
		text = format_text(o->letter ? "-%c, --%s%s%s" : "%c   --%s%s%s", o->letter ? o->letter : ' ', o->name,
				   o->metavar ? " " : "", o->metavar ? o->metavar : "");
		row(&rows, text, o->help);
		free(text);
	}
	columns_print(ctx, &rows);
	fputs("\nalgctl help OBJECT [COMMAND] explains each. Exit status: 0 done, 1 usage, 2 refused by the kernel or store.\n",
	      ctx->out);
}

void help_print(struct ctx *ctx, const struct object_def *object, const struct command *command)
{
	if (command)
		command_help(ctx, object, command);
	else if (object)
		object_help(ctx, object);
	else
		top_help(ctx);
}
