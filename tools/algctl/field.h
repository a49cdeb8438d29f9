/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells of something, as a table: read from attributes and written as JSON by the same rows. */
#ifndef ALGCTL_FIELD_H
#define ALGCTL_FIELD_H

#include <jansson.h>

#include "backend.h"

enum field_kind {
	FIELD_NUMBER,		/* unsigned, of four or eight bytes */
	FIELD_WORD,		/* a number that has a name */
	FIELD_HEX,		/* a number of which all digits count: text in JSON */
	FIELD_FLAG,		/* a number, 1 if the attribute is there */
	FIELD_TEXT,		/* an array of characters */
	FIELD_ENDPOINT,		/* struct address: two attributes */
};

/**
 * struct field - one value of a record
 * @name:	in JSON, NULL: not there
 * @attr:	netlink attribute; of an endpoint that of the address
 * @port:	attribute of an endpoint's port, 0: it has none
 * @word:	name of a number
 * @optional:	not in JSON when the kernel did not tell it; endpoints never are
 */
struct field {
	const char *name;
	enum field_kind kind;
	unsigned int attr, port;
	size_t offset, size;
	const char *(*word)(uint32_t value);
	bool optional;
};

#define FIELD_AT(type, member) .offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)

extern const struct field status_fields[], event_fields[];	/* status.c, monitor.c */

struct nlattr;

/* A record is a structure whose first member is uint64_t have. @fields end with an empty one. */
void fields_get(const struct field *fields, void *record, const void *attrs, size_t size);
void fields_json(const struct field *fields, const void *record, json_t *out);

/* Has the kernel told it? */
static inline bool has(const void *record, unsigned int attr)
{
	return *(const uint64_t *)record & 1ull << attr;
}

#endif /* ALGCTL_FIELD_H */
