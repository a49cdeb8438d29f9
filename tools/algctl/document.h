/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A YAML or JSON file as a tree that knows its lines and columns. */
#ifndef ALGCTL_DOCUMENT_H
#define ALGCTL_DOCUMENT_H

#include "algctl.h"

enum node_type { NODE_SCALAR, NODE_MAP, NODE_LIST };

/**
 * struct node - a value
 * @name:	key, when it is in a map, at @name_at
 * @text:	of a scalar
 * @plain:	the scalar is not quoted: it may mean null
 * @child:	first value of a map or list, which go on by @next
 */
struct node {
	enum node_type type;
	char *name, *text;
	bool plain;
	struct where at, name_at;
	struct node *child, *last, *next, *parent;
};

enum document_format { DOCUMENT_YAML, DOCUMENT_JSON };

/* All of a file, "-" for standard input, with a 0 behind it. NULL: reported. Caller frees. */
char *file_text(struct ctx *ctx, const char *path, size_t *size);

/* ctx->format, else by the file's name, else by its first byte; false: reported. */
bool document_format(struct ctx *ctx, const char *path, const char *text, enum document_format *out);

/* NULL: reported. An empty document is refused. */
struct node *document_parse(struct ctx *ctx, const char *text, size_t size, enum document_format format);
void document_free(struct node *root);

/* What document_stored() works in. */
struct node_room {
	char *text;
	struct node *nodes;
	size_t text_room, nodes_room;
};

/* A JSON object as a store has it; it lasts until the next one in the same room. NULL: it is none, not reported. */
struct node *document_stored(struct node_room *room, const char *text);
void node_room_free(struct node_room *room);
bool node_is_null(const struct node *n);

#endif /* ALGCTL_DOCUMENT_H */
