// SPDX-License-Identifier: GPL-2.0-or-later
#include "query.h"

#include "backend.h"

bool set_query_tenant(struct setter *s, const struct param *p, const char *text)
{
	struct query *q = s->object;

	(void)p;
	q->tenant_at = s->at;
	return read_name(s, "tenant", text, q->tenant);
}

bool set_query_protocol(struct setter *s, const struct param *p, const char *text)
{
	struct query *q = s->object;

	(void)p;
	q->has_protocol = true;
	q->protocol_at = s->at;
	return read_word(s, "protocol", text, protocol_names, PROTOCOLS, &q->protocol);
}

const struct param query_params[] = {
	QUERY_TENANT_PARAM("of that tenant only"),
	QUERY_PROTOCOL_PARAM("of that protocol only"),
	{ 0 }
};
