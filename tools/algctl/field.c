// SPDX-License-Identifier: GPL-2.0-or-later
#include "field.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "value.h"

enum { ATTRS_MAX = 63 };	/* bits of have */

static uint64_t number_get(const struct nlattr *a)
{
	switch (a ? mnl_attr_get_payload_len(a) : 0) {
	case sizeof(uint8_t):
		return attr_u8(a);
	case sizeof(uint16_t):
		return attr_u16(a);
	case sizeof(uint32_t):
		return attr_u32(a);
	default:
		return attr_u64(a);
	}
}

/* What came off the wire must not reach a terminal as it is, nor break JSON. */
static void text_get(const struct nlattr *a, char *out, size_t size)
{
	attr_text(a, out, size);
	for (; *out; out++)
		if (*out < ' ' || *out > '~')
			*out = '?';
}

static void endpoint_get(struct address *out, const struct nlattr *address, const struct nlattr *port)
{
	size_t size = address ? mnl_attr_get_payload_len(address) : 0;

	if (size == 4 || size == 16) {
		memcpy(out->bytes, mnl_attr_get_payload(address), size);
		out->size = (uint8_t)size;
	}
	out->has_port = port;
	out->port = attr_u16(port);
}

static void field_get(const struct field *f, void *at, const struct nlattr *const *table)
{
	uint64_t number;

	switch (f->kind) {
	case FIELD_NUMBER:
	case FIELD_WORD:
	case FIELD_HEX:
		number = number_get(table[f->attr]);
		if (f->size == sizeof(uint64_t))
			*(uint64_t *)at = number;
		else
			*(uint32_t *)at = (uint32_t)number;
		return;
	case FIELD_FLAG:
		*(uint32_t *)at = table[f->attr] != NULL;
		return;
	case FIELD_TEXT:
		text_get(table[f->attr], at, f->size);
		return;
	case FIELD_ENDPOINT:
		endpoint_get(at, table[f->attr], f->port ? table[f->port] : NULL);
		return;
	}
}

void fields_get(const struct field *fields, void *record, const void *attrs, size_t size)
{
	const struct nlattr *table[ATTRS_MAX + 1];
	uint64_t *have = record;

	attrs_index(table, ATTRS_MAX, attrs, size);
	for (const struct field *f = fields; f->attr; f++) {
		field_get(f, (char *)record + f->offset, table);
		if (table[f->attr])
			*have |= 1ull << f->attr;
	}
}

static json_t *endpoint_json(const struct address *a)
{
	json_t *end;
	char *text;

	if (!a->size && !a->has_port)
		return NULL;
	end = json_object();
	if (a->size) {
		text = address_text(a->bytes, a->size);
		json_object_set_new(end, "address", json_string(text));
		free(text);
	}
	if (a->has_port)
		json_object_set_new(end, "port", json_integer(a->port));
	return end;
}

static json_t *field_json(const struct field *f, const void *at)
{
	uint64_t number = f->size == sizeof(uint64_t) ? *(const uint64_t *)at : *(const uint32_t *)at;

	switch (f->kind) {
	case FIELD_NUMBER:
		return json_integer((json_int_t)number);
	case FIELD_HEX:
		return json_sprintf("0x%0*" PRIx64, 2 * (int)f->size, number);
	case FIELD_FLAG:
		return json_boolean(number);
	case FIELD_WORD:
		return json_string(f->word(*(const uint32_t *)at));
	case FIELD_TEXT:
		return json_string(at);
	case FIELD_ENDPOINT:
		return endpoint_json(at);
	}
	return NULL;
}

void fields_json(const struct field *fields, const void *record, json_t *out)
{
	for (const struct field *f = fields; f->attr; f++) {
		json_t *value;

		if (!f->name || (f->optional && !has(record, f->attr)))
			continue;
		value = field_json(f, (const char *)record + f->offset);
		if (value)
			json_object_set_new(out, f->name, value);
	}
}
