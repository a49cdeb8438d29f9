// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl pinhole: connections that control traffic announced, joined with conntrack's expectations. */
#include "state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"

#define A(what) NF_ALG_A_PINHOLE_##what

static const struct field pinhole_fields[] = {
	STATE_FIELDS(pinhole, NF_ALG_A_PINHOLE),
	STATE_FIELD("state", A(STATE), pinhole, state, .kind = FIELD_WORD, .word = state_name),
	STATE_FIELD("transport", A(TRANSPORT), pinhole, transport, .kind = FIELD_WORD, .word = transport_name),
	STATE_FIELD("zone", A(ZONE), pinhole, zone),
	STATE_ENDPOINT("peer", A(PEER_ADDRESS), A(PEER_PORT), pinhole, peer),
	STATE_ENDPOINT("public", A(PUBLIC_ADDRESS), A(PUBLIC_PORT), pinhole, public),
	STATE_ENDPOINT("target", A(TARGET_ADDRESS), A(TARGET_PORT), pinhole, target),
	STATE_FIELD("age", A(AGE), pinhole, s.age),
	STATE_FIELD("timeout", A(TIMEOUT), pinhole, s.timeout, .optional = true),
	STATE_FIELD("call", A(CALL), pinhole, call, .optional = true),
	STATE_ENDPOINT("master-source", A(MASTER_SOURCE), A(MASTER_SOURCE_PORT), pinhole, master_source),
	STATE_ENDPOINT("master-destination", A(MASTER_DESTINATION), A(MASTER_DESTINATION_PORT), pinhole,
		       master_destination),
	STATE_ENDPOINT("child-source", A(CHILD_SOURCE), A(CHILD_SOURCE_PORT), pinhole, child_source),
	STATE_ENDPOINT("child-destination", A(CHILD_DESTINATION), A(CHILD_DESTINATION_PORT), pinhole,
		       child_destination),
	{ 0 }
};

#undef A

static char *pinhole_text(const struct state *s)
{
	const struct pinhole *p = (const struct pinhole *)s;
	char *peer = address_endpoint(&p->peer);
	char *public = address_endpoint(&p->public);
	char *target = address_endpoint(&p->target);
	bool translated = strcmp(public, target);
	char *text = format_text("%s %s to %s%s%s", transport_name(p->transport), peer, public,
				 translated ? " for " : "", translated ? target : "");

	free(peer);
	free(public);
	free(target);
	return text;
}

const struct state_def pinhole_def = {
	.name = "pinhole",
	.plural = "pinholes",
	.size = sizeof(struct pinhole),
	.id_max = UINT64_MAX,
	.fields = pinhole_fields,
	.text = pinhole_text,
};

static json_t *expectation_json(const struct expectation *e)
{
	struct words flags = { 0 };
	json_t *j, *list;

	if (!e)
		return json_null();
	j = json_object();
	list = json_array();
	expectation_flags(e, &flags);
	for (size_t i = 0; i < flags.n; i++)
		json_array_append_new(list, json_string(flags.v[i]));
	words_free(&flags);
	json_object_set_new(j, "timeout", json_integer(e->timeout));
	json_object_set_new(j, "class", json_integer(e->class));
	json_object_set_new(j, "flags", list);
	json_object_set_new(j, "helper", json_string(e->helper));
	return j;
}

static void print_pinholes_json(struct ctx *ctx, const struct state_list *list,
				const struct expectation_list *expected)
{
	json_t *all = json_array(), *top = json_object();

	for (size_t i = 0; i < list->n; i++) {
		json_t *one = state_json(list->v[i]);
		const struct pinhole *p = (const struct pinhole *)list->v[i];

		json_object_set_new(one, "expectation", expectation_json(expectation_of(expected, p)));
		json_array_append_new(all, one);
	}
	json_object_set_new(top, "pinholes", all);
	json_object_set_new(top, "ctnetlink", json_boolean(!expected->error));
	print_json(ctx, top);
}

static void add_left(struct words *out, const struct pinhole *p, const struct expectation *e)
{
	if (p->state == NF_ALG_PINHOLE_STATE_PENDING && (e || has(p, NF_ALG_A_PINHOLE_TIMEOUT)))
		words_addf(out, "%us", e ? e->timeout : p->s.timeout);
	else
		words_add(out, "-");
}

static void add_helper(struct words *out, const struct expectation *e)
{
	struct words flags = { 0 };
	char *list;

	if (!e) {
		words_add(out, "-");
		return;
	}
	expectation_flags(e, &flags);
	list = words_join(&flags, ",");
	words_addf(out, "%s%s%s", *e->helper ? e->helper : "none", *list ? " " : "", list);
	free(list);
	words_free(&flags);
}

static void add_row(struct words *cells, const struct state *s, const void *expected)
{
	const struct pinhole *p = (const struct pinhole *)s;
	const struct expectation *e = expectation_of(expected, p);

	words_addf(cells, "%" PRIu64, s->id);
	words_add(cells, s->tenant);
	words_add(cells, protocol_name(s->protocol));
	words_add(cells, state_name(p->state));
	words_add(cells, transport_name(p->transport));
	add_endpoint(cells, &p->peer);
	add_endpoint(cells, &p->public);
	add_endpoint(cells, &p->target);
	words_addf(cells, "%us", s->age);
	add_left(cells, p, e);
	words_addf(cells, has(p, NF_ALG_A_PINHOLE_CALL) ? "%u" : "-", p->call);
	add_helper(cells, e);
}

static void print_pinholes(struct ctx *ctx, const struct state_list *list, const struct expectation_list *expected)
{
	static const char *const head[] = {
		"ID", "TENANT", "PROTOCOL", "STATE", "TRANSPORT", "PEER", "PUBLIC", "TARGET", "AGE", "LEFT", "CALL",
		"HELPER"
	};
	static const struct state_table table = {
		.head = head, .width = sizeof(head) / sizeof(head[0]), .row = add_row
	};

	states_print(ctx, list, &table, expected);
	if (expected->error)
		fprintf(stderr,
			"ctnetlink is not available (%s): shown without what conntrack knows of the expectations\n",
			strerror(expected->error));
}

static bool pinhole_show(struct ctx *ctx, const struct command *command, void *object)
{
	struct expectation_list expected = { 0 };
	struct state_list list = { 0 };
	bool good = states_fetch(ctx, STATE_PINHOLE, object, &list);

	(void)command;
	if (good)
		expectations_read(&expected);
	if (good && ctx->json)
		print_pinholes_json(ctx, &list, &expected);
	else if (good)
		print_pinholes(ctx, &list, &expected);
	free(expected.v);
	states_free(&list);
	return good;
}

static bool pinhole_del(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return state_del(ctx, STATE_PINHOLE, object);
}

static const struct param del_params[] = {
	STATE_ID_PARAM(STATE_PINHOLE, "the pending pinhole with that id", STATE_ONE),
	QUERY_TENANT_PARAM("all pending pinholes of that tenant", STATE_ONE),
	{ 0 }
};

static const struct command commands[] = {
	{ .name = "show", .help = "list pinholes",
	  .params = query_params, .size = sizeof(struct query), .run = pinhole_show },
	{ .name = "del", .help = "close pending pinholes",
	  .params = del_params, .flags = COMMAND_MAKES, .size = sizeof(struct query), .run = pinhole_del },
	{ 0 }
};

const struct object_def pinhole_object = {
	.name = "pinhole",
	.help = "connections that control traffic announced",
	.commands = commands,
	.more = "A pinhole lets PEER reach PUBLIC, which is TARGET behind NAT. Pending ones wait for their\n"
		"connection, active ones have it. Time left, helper and flags come from conntrack's expectation.\n"
		"CALL is the id of the call or registration that it belongs to.",
};
