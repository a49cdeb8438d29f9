// SPDX-License-Identifier: GPL-2.0-or-later
#include "output.h"

#include <stdlib.h>
#include <string.h>

void print_json(struct ctx *ctx, json_t *document)
{
	json_dumpf(document, ctx->out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	fputc('\n', ctx->out);
	json_decref(document);
}

void print_json_line(struct ctx *ctx, json_t *document)
{
	json_dumpf(document, ctx->out, JSON_COMPACT | JSON_PRESERVE_ORDER);
	fputc('\n', ctx->out);
	fflush(ctx->out);
	json_decref(document);
}

/* Bytes of a control character, of ASCII or as UTF-8 has those from 0x80 on; 0: it is none. */
static size_t control(const char *c)
{
	const unsigned char *u = (const unsigned char *)c;

	if (*u < ' ' || *u == 0x7f)
		return 1;
	return *u == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0 ? 2 : 0;
}

char *printable(const char *text)
{
	char *out = zalloc(strlen(text) * 4 + 1), *to = out;

	for (const char *c = text; *c;) {
		size_t n = control(c);

		if (n)
			to += sprintf(to, "\\x%02x", (unsigned char)c[n - 1]);
		else
			*to++ = *c;
		c += n ? n : 1;
	}
	return out;
}

void columns_print(struct ctx *ctx, struct columns *c)
{
	int *widest = zalloc((c->width + 1) * sizeof(*widest));

	for (size_t i = 0; i < c->cells.n; i++) {
		char *cell = printable(c->cells.v[i]);
		int n = (int)strlen(cell);

		free(c->cells.v[i]);
		c->cells.v[i] = cell;
		if (n > widest[i % c->width])
			widest[i % c->width] = n;
	}
	for (size_t i = 0; i < c->cells.n; i++) {
		if (i % c->width != c->width - 1) {
			fprintf(ctx->out, "%-*s  ", widest[i % c->width], c->cells.v[i]);
			continue;
		}
		fprintf(ctx->out, "%s\n", c->cells.v[i]);
		if (i / c->width < c->below.n)
			fputs(c->below.v[i / c->width], ctx->out);
	}
	free(widest);
	words_free(&c->cells);
	words_free(&c->below);
}

static json_t *error_json(const struct ctx *ctx, const struct error *e)
{
	json_t *j = json_object();

	json_object_set_new(j, "error", json_string(e->message));
	if (e->argument)
		json_object_set_new(j, "argument", json_string(e->argument));
	if (e->at.line) {
		json_object_set_new(j, "file", json_string(ctx->file ? ctx->file : ""));
		json_object_set_new(j, "line", json_integer(e->at.line));
		json_object_set_new(j, "column", json_integer(e->at.column));
	}
	if (e->number && strerrorname_np(e->number))
		json_object_set_new(j, "code", json_string(strerrorname_np(e->number)));
	if (e->hint)
		json_object_set_new(j, "hint", json_string(e->hint));
	if (e->expected.n) {
		json_t *list = json_array();

		for (size_t i = 0; i < e->expected.n; i++)
			json_array_append_new(list, json_string(e->expected.v[i]));
		json_object_set_new(j, "expected", list);
	}
	return j;
}

static void errors_print_json(struct ctx *ctx)
{
	json_t *list, *j;

	if (ctx->nerrors == 1) {
		j = error_json(ctx, &ctx->errors[0]);
		if (ctx->told)
			json_object_update_missing(j, ctx->told);
		print_json(ctx, j);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < ctx->nerrors; i++)
		json_array_append_new(list, error_json(ctx, &ctx->errors[i]));
	j = json_object();
	json_object_set_new(j, "error", json_sprintf("%zu errors", ctx->nerrors + ctx->errors_left_out));
	json_object_set_new(j, "errors", list);
	print_json(ctx, j);
}

static void error_print(const struct ctx *ctx, const struct error *e)
{
	if (e->at.line)
		fprintf(stderr, "%s:%u:%u: %s\n", ctx->file ? ctx->file : "-", e->at.line, e->at.column, e->message);
	else
		fprintf(stderr, "Error: %s\n", e->message);
	if (e->argument)
		fprintf(stderr, "  argument: %s\n", e->argument);
	if (e->hint)
		fprintf(stderr, "  %s\n", e->hint);
	if (e->expected.n) {
		char *list = words_join(&e->expected, ", ");

		fprintf(stderr, "  expected: %s\n", list);
		free(list);
	}
}

static int error_order(const void *a, const void *b)
{
	const struct where *x = &((const struct error *)a)->at, *y = &((const struct error *)b)->at;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

int errors_print(struct ctx *ctx)
{
	int code = ALGCTL_OK;

	fflush(ctx->out);
	if (ctx->nerrors > 1)
		qsort(ctx->errors, ctx->nerrors, sizeof(*ctx->errors), error_order);
	for (size_t i = 0; i < ctx->nerrors; i++)
		if (ctx->errors[i].code > code)
			code = ctx->errors[i].code;
	if (ctx->json && ctx->nerrors) {
		errors_print_json(ctx);
		return code;
	}
	for (size_t i = 0; i < ctx->nerrors; i++)
		error_print(ctx, &ctx->errors[i]);
	if (ctx->errors_left_out)
		fprintf(stderr, "… and %zu more\n", ctx->errors_left_out);
	return code;
}
