// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libyaml reads both formats, for JSON is a subset of what it takes and it tells where each value stands; jansson looks
 * at JSON first, so that what is no JSON is not taken for it.
 */
#include "document.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "caller.h"

enum { DEEPEST = 16 };

/* Its first value, and what holds all of them. */
struct document {
	struct node root;
	struct region region;
};

struct build {
	struct ctx *ctx;
	struct document *document;
	struct node *root, *open;	/* @open: map or list that values go into */
	char *key;			/* read, its value comes next */
	struct where key_at;
	int depth;
};

static struct where mark(const yaml_mark_t *m)
{
	return (struct where){ (uint32_t)m->line + 1, (uint32_t)m->column + 1 };
}

bool node_is_null(const struct node *n)
{
	return n->type == NODE_SCALAR && n->plain &&
	       (!*n->text || !strcmp(n->text, "~") || !strcasecmp(n->text, "null"));
}

static struct node *add_node(struct build *b, enum node_type type, struct where at)
{
	struct node *parent = b->open, *n = parent ? region_take(&b->document->region, sizeof(*n)) : &b->document->root;

	n->type = type;
	n->at = at;
	n->parent = parent;
	n->name = b->key;
	n->name_at = b->key_at;
	b->key = NULL;
	if (!parent)
		b->root = n;
	else if (parent->last)
		parent->last->next = n;
	else
		parent->child = n;
	if (parent)
		parent->last = n;
	return n;
}

static bool add_scalar(struct build *b, const yaml_event_t *e, struct where at)
{
	const char *text = (const char *)e->data.scalar.value;
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (strlen(text) != e->data.scalar.length)
		return fail(b->ctx, ALGCTL_USAGE, at, "a value contains a zero byte");
	if (b->open && b->open->type == NODE_MAP && !b->key) {
		b->key = region_copy(&b->document->region, text);
		b->key_at = at;
		return true;
	}
	add_node(b, NODE_SCALAR, at)->text = region_copy(&b->document->region, text);
	(b->open ? b->open->last : b->root)->plain = plain;
	return true;
}

static bool open_node(struct build *b, enum node_type type, struct where at)
{
	if (b->open && b->open->type == NODE_MAP && !b->key)
		return fail(b->ctx, ALGCTL_USAGE, at, "a key must be a word");
	if (++b->depth > DEEPEST)
		return fail(b->ctx, ALGCTL_USAGE, at, "this is nested too deeply");
	b->open = add_node(b, type, at);
	return true;
}

static bool take_event(struct build *b, const yaml_event_t *e)
{
	struct where at = mark(&e->start_mark);

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return !b->root || fail(b->ctx, ALGCTL_USAGE, at, "a second document begins here");
	case YAML_SCALAR_EVENT:
		return add_scalar(b, e, at);
	case YAML_MAPPING_START_EVENT:
		return open_node(b, NODE_MAP, at);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(b, NODE_LIST, at);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		b->open = b->open->parent;
		b->depth--;
		return true;
	case YAML_ALIAS_EVENT:
		return fail(b->ctx, ALGCTL_USAGE, at, "aliases (*name) are not taken");
	default:
		return true;
	}
}

/* Bytes that are no text at all have no mark: their place is counted here. */
static struct where problem(const yaml_parser_t *parser, const char *text, size_t size)
{
	struct where at = { 1, 1 };

	if (parser->error != YAML_READER_ERROR)
		return mark(&parser->problem_mark);
	for (size_t i = 0; i < size && i < parser->problem_offset; i++) {
		if (text[i] == '\n')
			at = (struct where){ at.line + 1, 1 };
		else
			at.column += ((unsigned char)text[i] & 0xc0) != 0x80;
	}
	return at;
}

static bool run_parser(struct build *b, yaml_parser_t *parser, const char *text, size_t size)
{
	bool good = true, done = false;
	yaml_event_t e;

	while (good && !done) {
		if (!yaml_parser_parse(parser, &e))
			return fail(b->ctx, ALGCTL_USAGE, problem(parser, text, size), "%s%s%s",
				    parser->problem ? parser->problem : "no YAML", parser->context ? " " : "",
				    parser->context ? parser->context : "");
		done = e.type == YAML_STREAM_END_EVENT;
		good = take_event(b, &e);
		yaml_event_delete(&e);
	}
	return good;
}

static bool check_json(struct ctx *ctx, const char *text, size_t size)
{
	json_error_t error;
	json_t *j = json_loadb(text, size, 0, &error);

	if (!j)
		return fail(ctx, ALGCTL_USAGE, (struct where){ error.line > 0 ? (uint32_t)error.line : 1,
			    error.column > 0 ? (uint32_t)error.column : 1 }, "%s", error.text);
	json_decref(j);
	return true;
}

struct node *document_parse(struct ctx *ctx, const char *text, size_t size, enum document_format format)
{
	struct build b = { .ctx = ctx };
	yaml_parser_t parser;
	bool good;

	if (format == DOCUMENT_JSON && !check_json(ctx, text, size))
		return NULL;
	if (!yaml_parser_initialize(&parser)) {
		fail(ctx, ALGCTL_REFUSED, NOWHERE, "out of memory");
		return NULL;
	}
	b.document = zalloc(sizeof(*b.document));
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	good = run_parser(&b, &parser, text, size);
	yaml_parser_delete(&parser);
	if (good && (!b.root || node_is_null(b.root))) {
		good = fail(ctx, ALGCTL_USAGE, (struct where){ 1, 1 }, "the file is empty");
		error_hint(ctx, "a configuration without anything is written {}");
	}
	if (good)
		return b.root;
	document_free(&b.document->root);
	return NULL;
}

void document_free(struct node *root)
{
	struct document *d = (struct document *)root;

	if (!d)
		return;
	region_free(&d->region);
	free(d);
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcasecmp(text + n - m, end);
}

bool document_format(struct ctx *ctx, const char *path, const char *text, enum document_format *out)
{
	*out = DOCUMENT_YAML;
	if (ctx->format && !strcmp(ctx->format, "json"))
		*out = DOCUMENT_JSON;
	else if (ctx->format && strcmp(ctx->format, "yaml"))
		return fail(ctx, ALGCTL_USAGE, NOWHERE, "--format is yaml or json, not '%s'", ctx->format);
	else if (!ctx->format && (ends_with(path, ".json") || (!ends_with(path, ".yaml") && !ends_with(path, ".yml") &&
							       text[strspn(text, " \t\r\n")] == '{')))
		*out = DOCUMENT_JSON;
	return true;
}

/* With the caller's rights: what is wrong in a file is told, which must not be more than he may read. */
static FILE *open_file(const char *path)
{
	FILE *f;
	int number;

	if (!caller_enter())
		return NULL;
	f = fopen(path, "re");
	number = errno;
	caller_leave();
	errno = number;
	return f;
}

char *file_text(struct ctx *ctx, const char *path, size_t *size)
{
	enum { MOST = 512 << 20, STEP = 1 << 16 };
	FILE *f = strcmp(path, "-") ? open_file(path) : stdin;
	size_t room = 0;
	char *text = NULL;

	*size = 0;
	if (!f) {
		fail(ctx, ALGCTL_USAGE, NOWHERE, "%s: %s", path, strerror(errno));
		return NULL;
	}
	do {
		if (room - *size < STEP + 1) {
			room = room ? room * 2 : 4 * STEP;
			text = realloc(text, room);
			if (!text)
				abort();
		}
		*size += fread(text + *size, 1, STEP, f);
		text[*size] = '\0';
	} while (!feof(f) && !ferror(f) && *size < MOST);
	if (ferror(f) || *size >= MOST) {
		fail(ctx, ALGCTL_USAGE, NOWHERE, "%s: %s", path, ferror(f) ? strerror(errno) : "too large");
		free(text);
		text = NULL;
	}
	if (f != stdin)
		fclose(f);
	return text;
}
