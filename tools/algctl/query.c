// SPDX-License-Identifier: GPL-2.0-or-later
#include "query.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "backend.h"
#include "value.h"

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

bool set_query_id(struct setter *s, const struct param *p, const char *text)
{
	struct query *q = s->object;
	char *end;

	(void)p;
	q->has_id = true;
	q->id_at = s->at;
	errno = 0;
	q->id = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' is no id of a pinhole", text);
	return true;
}
