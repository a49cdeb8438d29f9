// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON that a store has, in its own text: values point into it, and the nodes are one array that is used again. */
#include "document.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 16 };

struct reader {
	char *start, *at;
	struct node *open, *nodes;
	size_t n;
	int depth;
};

static void skip_space(struct reader *r)
{
	r->at += strspn(r->at, " \t\r\n");
}

static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

static bool four_digits(struct reader *r, uint32_t *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *found = *r->at ? strchr(digits, *r->at | ' ') : NULL;

		if (!found)
			return false;
		*out = *out << 4 | (uint32_t)(found - digits);
		r->at++;
	}
	return true;
}

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

/* Behind \u; what is beyond 16 bits comes in two halves. */
static bool unicode(struct reader *r, char **to)
{
	uint32_t c, low;

	if (!four_digits(r, &c) || !c || (c >= 0xdc00 && c < 0xe000))
		return false;
	if (c >= 0xd800 && c < 0xdc00) {
		if (r->at[0] != '\\' || r->at[1] != 'u')
			return false;
		r->at += 2;
		if (!four_digits(r, &low) || low < 0xdc00 || low >= 0xe000)
			return false;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = put_utf8(*to, c);
	return true;
}

static bool escaped(struct reader *r, char **to)
{
	static const char from[] = "\"\\/bfnrt", is[] = "\"\\/\b\f\n\r\t";
	char c = *r->at;
	const char *found = c ? strchr(from, c) : NULL;

	r->at += c != '\0';
	if (c == 'u')
		return unicode(r, to);
	if (found)
		*(*to)++ = is[found - from];
	return found;
}

/* Behind the first quote. No text is longer than it was written. */
static bool quoted(struct reader *r, char **out)
{
	char *to = r->at;

	*out = to;
	for (;;) {
		unsigned char c = (unsigned char)*r->at;

		if (c < ' ')
			return false;
		r->at++;
		if (c == '"')
			break;
		if (c != '\\')
			*to++ = (char)c;
		else if (!escaped(r, &to))
			return false;
	}
	*to = '\0';
	return true;
}

/* A number, true, false, null: one byte to the left, where something was read, there is room for its end. */
static bool word(struct reader *r, char **out)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t n = strspn(r->at, "-+.0123456789eE");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !n; i++)
		if (!strncmp(r->at, words[i], strlen(words[i])))
			n = strlen(words[i]);
	*out = memmove(r->at - 1, r->at, n);
	r->at += n;
	r->at[-1] = '\0';
	return n;
}

static struct node *add_node(struct reader *r, char *name, struct where name_at)
{
	struct node *n = &r->nodes[r->n++], *parent = r->open;

	*n = (struct node){ .name = name, .name_at = name_at, .parent = parent };
	n->at = (struct where){ 1, (uint32_t)(r->at - r->start) + 1 };
	if (parent && parent->last)
		parent->last->next = n;
	else if (parent)
		parent->child = n;
	if (parent)
		parent->last = n;
	return n;
}

/* A value, or the beginning of one that has others. */
static bool read_value(struct reader *r)
{
	struct where name_at = NOWHERE;
	char *name = NULL;
	struct node *n;

	skip_space(r);
	if (r->open && r->open->type == NODE_MAP) {
		name_at = (struct where){ 1, (uint32_t)(r->at - r->start) + 1 };
		if (!take(r, '"') || !quoted(r, &name) || !take(r, ':'))
			return false;
		skip_space(r);
	}
	n = add_node(r, name, name_at);
	n->type = *r->at == '{' ? NODE_MAP : *r->at == '[' ? NODE_LIST : NODE_SCALAR;
	if (n->type != NODE_SCALAR) {
		r->at++;
		r->open = n;
		return ++r->depth <= DEEPEST;
	}
	n->plain = *r->at != '"';
	return n->plain ? word(r, &n->text) : (r->at++, quoted(r, &n->text));
}

/* Ends what ends here. */
static bool read_ends(struct reader *r)
{
	while (r->open && take(r, r->open->type == NODE_MAP ? '}' : ']')) {
		r->open = r->open->parent;
		r->depth--;
	}
	return !r->open || (!r->open->child || take(r, ','));
}

/* No value has none of these in front of it. */
static size_t most_nodes(const char *text)
{
	size_t n = 1;

	for (const char *c = text; *c; c++)
		n += *c == ',' || *c == '{' || *c == '[';
	return n;
}

static void make_room(void **array, size_t wanted, size_t *room)
{
	if (wanted <= *room)
		return;
	free(*array);
	*array = zalloc(wanted);
	*room = wanted;
}

struct node *document_stored(struct node_room *room, const char *text)
{
	size_t size = strlen(text) + 1, n = most_nodes(text);
	struct reader r;

	make_room((void **)&room->text, size, &room->text_room);
	make_room((void **)&room->nodes, n * sizeof(*room->nodes), &room->nodes_room);
	memcpy(room->text, text, size);
	r = (struct reader){ .start = room->text, .at = room->text, .nodes = room->nodes };
	skip_space(&r);
	if (*r.at != '{')
		return NULL;
	do {
		if (!read_value(&r) || !read_ends(&r))
			return NULL;
	} while (r.open);
	skip_space(&r);
	return *r.at ? NULL : room->nodes;
}

void node_room_free(struct node_room *room)
{
	free(room->text);
	free(room->nodes);
	*room = (struct node_room){ 0 };
}
