// SPDX-License-Identifier: GPL-2.0-or-later
#include "msg.h"

#include <stdlib.h>
#include <string.h>

void msg_start(struct msg *m, void *buffer, size_t size, uint16_t type, uint8_t command, uint16_t flags,
	       uint32_t sequence)
{
	struct genlmsghdr *genl;

	m->header = mnl_nlmsg_put_header(buffer);
	m->header->nlmsg_type = type;
	m->header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	m->header->nlmsg_seq = sequence;
	genl = mnl_nlmsg_put_extra_header(m->header, sizeof(*genl));
	genl->cmd = command;
	genl->version = 1;
	m->size = size;
	m->full = false;
	m->nplaces = 0;
}

static void place(struct msg *m, const void *start, struct where at)
{
	struct msg_place *p;

	if (!m->track || (!at.line && !at.column))
		return;
	m->places = grow(m->places, m->nplaces, &m->room, sizeof(*m->places));
	p = &m->places[m->nplaces++];
	p->start = (uint32_t)((const char *)start - (const char *)m->header);
	p->end = m->header->nlmsg_len;
	p->at = at;
}

void msg_put(struct msg *m, uint16_t type, const void *data, size_t size, struct where at)
{
	void *start = mnl_nlmsg_get_payload_tail(m->header);

	if (m->full || !mnl_attr_put_check(m->header, m->size, type, size, data)) {
		m->full = true;
		return;
	}
	place(m, start, at);
}

#define MSG_PUT(bits)	\
	void msg_put_u##bits(struct msg *m, uint16_t type, uint##bits##_t value, struct where at)	\
	{										\
		msg_put(m, type, &value, sizeof(value), at);				\
	}

MSG_PUT(8)
MSG_PUT(16)
MSG_PUT(32)
MSG_PUT(64)

void msg_put_text(struct msg *m, uint16_t type, const char *text, struct where at)
{
	msg_put(m, type, text, strlen(text) + 1, at);
}

struct msg_nest msg_nest(struct msg *m, uint16_t type, struct where at)
{
	struct msg_nest nest = { NULL, at };

	if (!m->full)
		nest.attr = mnl_attr_nest_start_check(m->header, m->size, type);
	if (!nest.attr)
		m->full = true;
	return nest;
}

void msg_nest_end(struct msg *m, struct msg_nest nest)
{
	if (m->full)
		return;
	if ((char *)mnl_nlmsg_get_payload_tail(m->header) - (char *)nest.attr > UINT16_MAX) {
		m->full = true;
		return;
	}
	mnl_attr_nest_end(m->header, nest.attr);
	place(m, nest.attr, nest.at);
}

void msg_free(struct msg *m)
{
	free(m->places);
	m->places = NULL;
	m->nplaces = 0;
	m->room = 0;
}

struct where msg_where(const struct msg *m, uint32_t offset)
{
	const struct msg_place *best = NULL;

	for (size_t i = 0; i < m->nplaces; i++) {
		const struct msg_place *p = &m->places[i];

		if (offset < p->start || offset >= p->end)
			continue;
		if (!best || p->end - p->start < best->end - best->start)
			best = p;
	}
	return best ? best->at : NOWHERE;
}

void attrs_index(const struct nlattr **table, unsigned int max, const void *attrs, size_t size)
{
	memset(table, 0, (max + 1) * sizeof(*table));
	attrs_each(attr, attrs, size)
		if (mnl_attr_get_type(attr) <= max)
			table[mnl_attr_get_type(attr)] = attr;
}

void attrs_of_nest(const struct nlattr **table, unsigned int max, const struct nlattr *nest)
{
	if (nest)
		attrs_index(table, max, mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest));
	else
		memset(table, 0, (max + 1) * sizeof(*table));
}

static void attr_read(const struct nlattr *a, void *out, size_t size)
{
	memset(out, 0, size);
	if (a && mnl_attr_get_payload_len(a) == size)
		memcpy(out, mnl_attr_get_payload(a), size);
}

#define ATTR(bits)	\
	uint##bits##_t attr_u##bits(const struct nlattr *a)	\
	{							\
		uint##bits##_t value;				\
								\
		attr_read(a, &value, sizeof(value));		\
		return value;					\
	}

ATTR(8)
ATTR(16)
ATTR(32)
ATTR(64)

void attr_text(const struct nlattr *a, char *out, size_t size)
{
	size_t n = a ? mnl_attr_get_payload_len(a) : 0;

	if (n >= size)
		n = size - 1;
	if (n)
		memcpy(out, mnl_attr_get_payload(a), n);
	out[n] = '\0';
}
