// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl call: calls that gateways follow, with the flows that belong to them. */
#include "state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"

#define A(what) NF_ALG_A_CALL_##what

static const struct field call_fields[] = {
	STATE_FIELDS(call, NF_ALG_A_CALL),
	STATE_FIELD("state", A(STATE), call, state, .kind = FIELD_WORD, .word = call_state_name),
	STATE_FIELD("name", A(NAME), call, name, .kind = FIELD_TEXT),
	STATE_FIELD("from", A(FROM), call, from, .kind = FIELD_TEXT),
	STATE_FIELD("to", A(TO), call, to, .kind = FIELD_TEXT),
	STATE_ENDPOINT("source", A(SOURCE_ADDRESS), A(SOURCE_PORT), call, source),
	STATE_ENDPOINT("destination", A(DESTINATION_ADDRESS), A(DESTINATION_PORT), call, destination),
	STATE_FIELD("age", A(AGE), call, s.age),
	STATE_FIELD("timeout", A(TIMEOUT), call, s.timeout),
	{ 0 }
};

#undef A
#define A(what) NF_ALG_A_FLOW_##what

static const struct field flow_fields[] = {
	STATE_FIELD("type", A(TYPE), flow, type, .kind = FIELD_TEXT),
	STATE_FIELD("party", A(PARTY), flow, party),
	STATE_FIELD("transport", A(TRANSPORT), flow, transport, .kind = FIELD_WORD, .word = transport_name),
	STATE_FIELD("state", A(STATE), flow, state, .kind = FIELD_WORD, .word = state_name),
	STATE_ENDPOINT("peer", A(PEER_ADDRESS), A(PEER_PORT), flow, peer),
	STATE_ENDPOINT("public", A(PUBLIC_ADDRESS), A(PUBLIC_PORT), flow, public),
	STATE_ENDPOINT("target", A(TARGET_ADDRESS), A(TARGET_PORT), flow, target),
	STATE_FIELD("packets", A(PACKETS), flow, packets, .optional = true),
	STATE_FIELD("bytes", A(BYTES), flow, bytes, .optional = true),
	{ 0 }
};

#undef A

static void get_flows(struct state *s, const struct nlattr *nest)
{
	struct call *c = (struct call *)s;

	attrs_each_nested(a, nest) {
		if (mnl_attr_get_type(a) != NF_ALG_A_CALL_FLOW)
			continue;
		c->flows = grow(c->flows, c->nflows, &c->room, sizeof(*c->flows));
		fields_get(flow_fields, &c->flows[c->nflows++], mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	}
}

static void free_flows(struct state *s)
{
	free(((struct call *)s)->flows);
}

static void flows_json(const struct state *s, json_t *out)
{
	const struct call *c = (const struct call *)s;
	json_t *list = json_array();

	for (size_t i = 0; i < c->nflows; i++) {
		json_t *one = json_object();

		fields_json(flow_fields, &c->flows[i], one);
		json_array_append_new(list, one);
	}
	json_object_set_new(out, "flows", list);
}

static char *call_text(const struct state *s)
{
	const struct call *c = (const struct call *)s;

	return format_text("%s -> %s, %s, %us", c->from, c->to, call_state_name(c->state), s->age);
}

const struct state_def call_def = {
	.name = "call",
	.plural = "calls",
	.size = sizeof(struct call),
	.id_max = UINT32_MAX,
	.own_ids = true,
	.fields = call_fields,
	.text = call_text,
	.get = get_flows,
	.free = free_flows,
	.json = flows_json,
};

static void add_packets(struct words *cells, const struct call *c)
{
	bool counted = false;
	uint64_t n = 0;

	for (size_t i = 0; i < c->nflows; i++) {
		counted |= has(&c->flows[i], NF_ALG_A_FLOW_PACKETS);
		n += c->flows[i].packets;
	}
	if (counted)
		words_addf(cells, "%" PRIu64, n);
	else
		words_add(cells, "-");
}

static void add_row(struct words *cells, const struct state *s, const void *data)
{
	const struct call *c = (const struct call *)s;

	(void)data;
	words_addf(cells, "%" PRIu64, s->id);
	words_add(cells, protocol_name(s->protocol));
	words_add(cells, call_state_name(c->state));
	words_addf(cells, "%us", s->age);
	words_addf(cells, "%s -> %s", c->from, c->to);
	words_add(cells, s->tenant);
	words_addf(cells, "%zu", c->nflows);
	add_packets(cells, c);
}

/* type, peer -> public -> target, traffic, state */
static char *flow_line(const struct flow *f)
{
	struct words way = { 0 };
	char *list, *text;

	add_endpoint(&way, &f->peer);
	add_endpoint(&way, &f->public);
	add_endpoint(&way, &f->target);
	if (!strcmp(way.v[1], way.v[2]))	/* nothing is translated */
		free(way.v[--way.n]);
	list = words_join(&way, " -> ");
	if (has(f, NF_ALG_A_FLOW_PACKETS))
		text = format_text("    %-12s %s  %s  %" PRIu64 " packets, %" PRIu64 " bytes  %s\n", f->type,
				   transport_name(f->transport), list, f->packets, f->bytes, state_name(f->state));
	else
		text = format_text("    %-12s %s  %s  %s\n", f->type, transport_name(f->transport), list,
				   state_name(f->state));
	free(list);
	words_free(&way);
	return text;
}

static char *flow_lines(const struct state *s)
{
	const struct call *c = (const struct call *)s;
	struct words lines = { 0 };
	char *text;

	for (size_t i = 0; i < c->nflows; i++) {
		text = flow_line(&c->flows[i]);
		words_add(&lines, text);
		free(text);
	}
	text = words_join(&lines, "");
	words_free(&lines);
	return text;
}

static bool call_show(struct ctx *ctx, const struct command *command, void *object)
{
	static const char *const head[] = {
		"ID", "PROTOCOL", "STATE", "AGE", "FROM -> TO", "TENANT", "FLOWS", "PACKETS"
	};
	const struct query *q = object;
	struct state_table table = { .head = head, .width = sizeof(head) / sizeof(head[0]), .row = add_row };

	(void)command;
	if (q->flows || q->has_id)
		table.below = flow_lines;
	return state_show(ctx, STATE_CALL, q, &table);
}

static bool call_del(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return state_del(ctx, STATE_CALL, object);
}

static const struct param show_params[] = {
	STATE_ID_PARAM(STATE_CALL, "the call with that id, with its flows"),
	QUERY_TENANT_PARAM("of that tenant only"),
	QUERY_PROTOCOL_PARAM("of that protocol only"),
	{ .name = "flows", .help = "with the flows of each", .kind = PARAM_FLAG,
	  .arg = offsetof(struct query, flows), .set = set_flag },
	{ 0 }
};

static const struct param del_params[] = {
	STATE_ID_PARAM(STATE_CALL, "the call with that id", STATE_ONE),
	QUERY_TENANT_PARAM("all calls and registrations of that tenant", STATE_ONE),
	QUERY_PROTOCOL_PARAM("of that protocol; needed where several have the id"),
	{ 0 }
};

static const struct command commands[] = {
	{ .name = "show", .help = "list calls",
	  .params = show_params, .size = sizeof(struct query), .run = call_show },
	{ .name = "del", .help = "end calls: close what was opened for them",
	  .params = del_params, .flags = COMMAND_MAKES, .size = sizeof(struct query), .run = call_del },
	{ 0 }
};

const struct object_def call_object = {
	.name = "call",
	.help = "calls that gateways follow, and their flows",
	.commands = commands,
	.more = "A flow lets a peer send to a public endpoint, which is the target behind NAT. Packets are those that\n"
		"came through, where conntrack counts them (sysctl net.netfilter.nf_conntrack_acct).",
};
