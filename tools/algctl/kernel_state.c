// SPDX-License-Identifier: GPL-2.0-or-later
/* Pinholes, calls, registrations and tunnels: the family's requests for them. */
#include "kernel.h"

#include <string.h>

#include "state.h"

#define CALL_QUERY .id = NF_ALG_A_CALL_QUERY_ID, .tenant = NF_ALG_A_CALL_QUERY_TENANT, \
		   .protocol = NF_ALG_A_CALL_QUERY_PROTOCOL

/* Commands, and the attributes of their requests and replies. */
static const struct {
	uint8_t get, del;
	uint16_t id, tenant, protocol, nest;
} requests[STATE_KINDS] = {
	[STATE_PINHOLE] = { NF_ALG_CMD_PINHOLE_GET, NF_ALG_CMD_PINHOLE_DEL, NF_ALG_A_PINHOLE_QUERY_ID,
			    NF_ALG_A_PINHOLE_QUERY_TENANT, NF_ALG_A_PINHOLE_QUERY_PROTOCOL,
			    NF_ALG_A_PINHOLE_QUERY_PINHOLE },
	[STATE_CALL] = { NF_ALG_CMD_CALL_GET, NF_ALG_CMD_CALL_DEL, CALL_QUERY, .nest = NF_ALG_A_CALL_QUERY_CALL },
	[STATE_REGISTRATION] = { NF_ALG_CMD_REGISTRATION_GET, NF_ALG_CMD_REGISTRATION_DEL, CALL_QUERY,
				 .nest = NF_ALG_A_CALL_QUERY_REGISTRATION },
	[STATE_TUNNEL] = { NF_ALG_CMD_TUNNEL_GET, NF_ALG_CMD_TUNNEL_DEL, .id = NF_ALG_A_TUNNEL_QUERY_ID,
			   .tenant = NF_ALG_A_TUNNEL_QUERY_TENANT, .nest = NF_ALG_A_TUNNEL_QUERY_TUNNEL },
};

struct reading {
	enum state_kind kind;
	struct state_list *list;
};

static void get_state(void *data, const struct nlmsghdr *nlh)
{
	const struct reading *r = data;
	struct state_list *list = r->list;

	attrs_each(a, msg_attrs(nlh), msg_attrs_size(nlh)) {
		if (mnl_attr_get_type(a) != requests[r->kind].nest)
			continue;
		list->v = grow(list->v, list->n, &list->room, sizeof(*list->v));
		list->v[list->n++] = state_get(r->kind, a);
	}
}

static void forget_states(void *data)
{
	states_free(((struct reading *)data)->list);
}

static void put_query(struct msg *m, enum state_kind kind, const struct query *q)
{
	if (*q->tenant)
		msg_put_text(m, requests[kind].tenant, q->tenant, q->tenant_at);
	if (q->has_protocol)
		msg_put_u32(m, requests[kind].protocol, q->protocol, q->protocol_at);
}

bool kernel_states(struct ctx *ctx, enum state_kind kind, const struct query *q, struct state_list *out)
{
	struct reading reading = { kind, out };
	struct msg m = { 0 };

	request_start(kernel_of(ctx), &m, requests[kind].get, NLM_F_DUMP);
	put_query(&m, kind, q);
	return request_dump(ctx, &m, get_state, &reading, forget_states);
}

bool kernel_state_del(struct ctx *ctx, enum state_kind kind, const struct query *q)
{
	struct msg m = { 0 };

	request_start(kernel_of(ctx), &m, requests[kind].del, NLM_F_ACK);
	if (q->has_id && kind == STATE_PINHOLE)
		msg_put_u64(&m, requests[kind].id, q->id, q->id_at);
	else if (q->has_id)
		msg_put_u32(&m, requests[kind].id, (uint32_t)q->id, q->id_at);
	put_query(&m, kind, q);
	return request_simple(ctx, &m, NULL);
}
