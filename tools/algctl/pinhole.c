// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl pinhole: connections that control traffic announced, joined with conntrack's expectations. */
#include "pinhole.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "object.h"
#include "query.h"

const char *transport_name(uint8_t transport)
{
	switch (transport) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_GRE:
		return "gre";
	case IPPROTO_ESP:
		return "esp";
	default:
		return name_of(NULL, 0, transport);
	}
}

char *address_endpoint(const struct address *a)
{
	return endpoint_text(a->bytes, a->size, a->has_port, a->port);
}

static void json_end(json_t *j, const char *name, const struct address *a)
{
	json_t *end;
	char *text;

	if (!a->size && !a->has_port)
		return;
	end = json_object();
	if (a->size) {
		text = address_text(a->bytes, a->size);
		json_object_set_new(end, "address", json_string(text));
		free(text);
	}
	if (a->has_port)
		json_object_set_new(end, "port", json_integer(a->port));
	json_object_set_new(j, name, end);
}

json_t *pinhole_json(const struct pinhole *p)
{
	json_t *j = json_object();

	json_object_set_new(j, "id", json_integer((json_int_t)p->id));
	json_object_set_new(j, "tenant", json_string(p->tenant));
	json_object_set_new(j, "protocol", json_string(protocol_name(p->protocol)));
	json_object_set_new(j, "state", json_string(state_name(p->state)));
	json_object_set_new(j, "transport", json_string(transport_name(p->transport)));
	json_object_set_new(j, "zone", json_integer(p->zone));
	json_end(j, "peer", &p->peer);
	json_end(j, "public", &p->public);
	json_end(j, "target", &p->target);
	json_object_set_new(j, "age", json_integer(p->age));
	if (p->has_timeout)
		json_object_set_new(j, "timeout", json_integer(p->timeout));
	json_end(j, "master-source", &p->master_source);
	json_end(j, "master-destination", &p->master_destination);
	json_end(j, "child-source", &p->child_source);
	json_end(j, "child-destination", &p->child_destination);
	return j;
}

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

static void print_pinholes_json(struct ctx *ctx, const struct pinhole_list *list,
				const struct expectation_list *expected)
{
	json_t *all = json_array(), *top = json_object();

	for (size_t i = 0; i < list->n; i++) {
		json_t *one = pinhole_json(&list->v[i]);

		json_object_set_new(one, "expectation", expectation_json(expectation_of(expected, &list->v[i])));
		json_array_append_new(all, one);
	}
	json_object_set_new(top, "pinholes", all);
	json_object_set_new(top, "ctnetlink", json_boolean(!expected->error));
	print_json(ctx, top);
}

static void add_left(struct words *out, const struct pinhole *p, const struct expectation *e)
{
	if (p->state == NF_ALG_PINHOLE_STATE_PENDING && (e || p->has_timeout))
		words_addf(out, "%us", e ? e->timeout : p->timeout);
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

static void print_pinholes(struct ctx *ctx, const struct pinhole_list *list, const struct expectation_list *expected)
{
	static const char *const head[] = {
		"ID", "TENANT", "PROTOCOL", "STATE", "TRANSPORT", "PEER", "PUBLIC", "TARGET", "AGE", "LEFT", "HELPER"
	};
	struct columns c = { .width = sizeof(head) / sizeof(head[0]) };

	for (size_t i = 0; i < c.width; i++)
		words_add(&c.cells, head[i]);
	for (size_t i = 0; i < list->n; i++) {
		const struct pinhole *p = &list->v[i];
		const struct expectation *e = expectation_of(expected, p);
		const struct address *ends[] = { &p->peer, &p->public, &p->target };

		words_addf(&c.cells, "%" PRIu64, p->id);
		words_add(&c.cells, p->tenant);
		words_add(&c.cells, protocol_name(p->protocol));
		words_add(&c.cells, state_name(p->state));
		words_add(&c.cells, transport_name(p->transport));
		for (size_t j = 0; j < sizeof(ends) / sizeof(ends[0]); j++) {
			char *text = address_endpoint(ends[j]);

			words_add(&c.cells, text);
			free(text);
		}
		words_addf(&c.cells, "%us", p->age);
		add_left(&c.cells, p, e);
		add_helper(&c.cells, e);
	}
	if (list->n)
		columns_print(ctx, &c);
	words_free(&c.cells);
	if (expected->error)
		fprintf(stderr,
			"ctnetlink is not available (%s): shown without what conntrack knows of the expectations\n",
			strerror(expected->error));
}

static int pinhole_order(const void *a, const void *b)
{
	const struct pinhole *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static bool pinhole_show(struct ctx *ctx, const struct command *command, void *object)
{
	struct expectation_list expected = { 0 };
	struct pinhole_list list = { 0 };
	bool good = backend(ctx) && ctx->backend->ops->pinholes(ctx, object, &list);

	(void)command;
	if (good)
		expectations_read(&expected);
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), pinhole_order);
	if (good && ctx->json)
		print_pinholes_json(ctx, &list, &expected);
	else if (good)
		print_pinholes(ctx, &list, &expected);
	free(expected.v);
	free(list.v);
	return good;
}

static bool pinhole_del(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return done(ctx, backend(ctx) && ctx->backend->ops->pinhole_del(ctx, object));
}

static void list_ids(const struct setter *s, const struct param *p, struct words *out)
{
	static const struct query all;
	struct pinhole_list list = { 0 };
	bool quiet = s->ctx->quiet;

	(void)p;
	s->ctx->quiet = true;
	if (backend(s->ctx) && s->ctx->backend->ops->pinholes(s->ctx, &all, &list))
		for (size_t i = 0; i < list.n; i++)
			words_addf(out, "%" PRIu64, list.v[i].id);
	s->ctx->quiet = quiet;
	free(list.v);
}

static const struct param show_params[] = {
	{ .name = "tenant", .metavar = "TENANT", .help = "of that tenant only",
	  .kind = PARAM_VALUE, .set = set_query_tenant, .list = list_tenants },
	{ .name = "protocol", .metavar = "PROTOCOL", .help = "of that protocol only",
	  .kind = PARAM_VALUE, .set = set_query_protocol, .list = list_protocols },
	{ 0 }
};

static const struct param del_params[] = {
	{ .name = "id", .metavar = "ID", .help = "the pending pinhole with that id",
	  .kind = PARAM_VALUE, .flags = PARAM_REQUIRED, .group = 1, .set = set_query_id, .list = list_ids },
	{ .name = "tenant", .metavar = "TENANT", .help = "all pending pinholes of that tenant",
	  .kind = PARAM_VALUE, .flags = PARAM_REQUIRED, .group = 1, .set = set_query_tenant, .list = list_tenants },
	{ 0 }
};

static const struct command commands[] = {
	{ .name = "show", .help = "list pinholes",
	  .params = show_params, .size = sizeof(struct query), .run = pinhole_show },
	{ .name = "del", .help = "close pending pinholes",
	  .params = del_params, .flags = COMMAND_MAKES, .size = sizeof(struct query), .run = pinhole_del },
	{ 0 }
};

const struct object_def pinhole_object = {
	.name = "pinhole",
	.help = "connections that control traffic announced",
	.commands = commands,
	.more = "A pinhole lets PEER reach PUBLIC, which is TARGET behind NAT. Pending ones wait for their\n"
		"connection, active ones have it. Time left, helper and flags come from conntrack's expectation.",
};
