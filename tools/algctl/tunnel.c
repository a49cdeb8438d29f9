// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl tunnel: clients and gateways with IKE and ESP between them. */
#include "state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"

#define A(what) NF_ALG_A_TUNNEL_##what

static const struct field tunnel_fields[] = {
	STATE_FIELD("id", A(ID), tunnel, s.id),
	STATE_FIELD("tenant", A(TENANT), tunnel, s.tenant, .kind = FIELD_TEXT),
	STATE_ENDPOINT("client", A(CLIENT_ADDRESS), 0, tunnel, client),
	STATE_ENDPOINT("gateway", A(GATEWAY_ADDRESS), 0, tunnel, gateway),
	STATE_ENDPOINT("public", A(PUBLIC_ADDRESS), 0, tunnel, public),
	STATE_FIELD("zone", A(ZONE), tunnel, zone),
	STATE_FIELD("slot", A(SLOT), tunnel, slot),
	STATE_FIELD("slot-zone", A(SLOT_ZONE), tunnel, slot_zone),
	STATE_FIELD("gate", A(GATE), tunnel, gate, .kind = FIELD_FLAG),
	STATE_FIELD("age", A(AGE), tunnel, s.age),
	STATE_FIELD("idle", A(IDLE), tunnel, idle),
	STATE_FIELD("packets-out", A(PACKETS_OUT), tunnel, packets_out, .optional = true),
	STATE_FIELD("bytes-out", A(BYTES_OUT), tunnel, bytes_out, .optional = true),
	STATE_FIELD("packets-in", A(PACKETS_IN), tunnel, packets_in, .optional = true),
	STATE_FIELD("bytes-in", A(BYTES_IN), tunnel, bytes_in, .optional = true),
	STATE_FIELD("ikes", A(IKES), tunnel, ikes),
	STATE_FIELD("sas", A(SAS), tunnel, sas),
	{ 0 }
};

#undef A
#define A(what) NF_ALG_A_IKE_##what

static const struct field ike_fields[] = {
	STATE_FIELD("version", A(VERSION), ike, version),
	STATE_FIELD("ispi", A(ISPI), ike, ispi, .kind = FIELD_HEX),
	STATE_FIELD("rspi", A(RSPI), ike, rspi, .kind = FIELD_HEX, .optional = true),
	STATE_FIELD("age", A(AGE), ike, age),
	STATE_FIELD("idle", A(IDLE), ike, idle),
	{ 0 }
};

#undef A
#define A(what) NF_ALG_A_SA_##what

static const struct field sa_fields[] = {
	STATE_FIELD("direction", A(DIRECTION), sa, direction, .kind = FIELD_WORD, .word = direction_name),
	STATE_FIELD("spi", A(SPI), sa, spi, .kind = FIELD_HEX),
	STATE_FIELD("peer", A(PEER), sa, peer, .kind = FIELD_HEX, .optional = true),
	STATE_FIELD("sequence", A(SEQUENCE), sa, sequence),
	STATE_FIELD("age", A(AGE), sa, age),
	STATE_FIELD("idle", A(IDLE), sa, idle),
	{ 0 }
};

#undef A

static void get_parts(struct state *s, const struct nlattr *nest)
{
	struct tunnel *t = (struct tunnel *)s;

	attrs_each_nested(a, nest) {
		const void *payload = mnl_attr_get_payload(a);
		size_t size = mnl_attr_get_payload_len(a);

		if (mnl_attr_get_type(a) == NF_ALG_A_TUNNEL_IKE) {
			t->ike = grow(t->ike, t->nike, &t->ike_room, sizeof(*t->ike));
			fields_get(ike_fields, &t->ike[t->nike++], payload, size);
		} else if (mnl_attr_get_type(a) == NF_ALG_A_TUNNEL_SA) {
			t->sa = grow(t->sa, t->nsa, &t->sa_room, sizeof(*t->sa));
			fields_get(sa_fields, &t->sa[t->nsa++], payload, size);
		}
	}
	s->protocol = NF_ALG_PROTOCOL_IKE;
}

static void free_parts(struct state *s)
{
	free(((struct tunnel *)s)->ike);
	free(((struct tunnel *)s)->sa);
}

static json_t *part_json(const struct field *fields, const void *record)
{
	json_t *one = json_object();

	fields_json(fields, record, one);
	return one;
}

static void parts_json(const struct state *s, json_t *out)
{
	const struct tunnel *t = (const struct tunnel *)s;
	json_t *ike = json_array(), *sa = json_array();

	for (size_t i = 0; i < t->nike; i++)
		json_array_append_new(ike, part_json(ike_fields, &t->ike[i]));
	for (size_t i = 0; i < t->nsa; i++)
		json_array_append_new(sa, part_json(sa_fields, &t->sa[i]));
	json_object_set_new(out, "ike", ike);
	json_object_set_new(out, "sa", sa);
}

static char *tunnel_text(const struct state *s)
{
	const struct tunnel *t = (const struct tunnel *)s;
	char *client = address_endpoint(&t->client), *gateway = address_endpoint(&t->gateway);
	char *public = address_endpoint(&t->public);
	bool translated = strcmp(client, public);
	char *text = format_text("%" PRIu64 " %s -> %s%s%s, slot %u, %us", s->id, client, gateway,
				 translated ? " as " : "", translated ? public : "", t->slot, s->age);

	free(client);
	free(gateway);
	free(public);
	return text;
}

static bool prefix_has(const struct prefix *p, const struct address *a)
{
	unsigned int bytes = p->length / 8, rest = p->length % 8;

	return !p->size || (p->size == a->size && !memcmp(p->address, a->bytes, bytes) &&
			    (!rest || p->address[bytes] >> (8 - rest) == a->bytes[bytes] >> (8 - rest)));
}

static bool tunnel_selects(const struct state *s, const struct query *q)
{
	const struct tunnel *t = (const struct tunnel *)s;

	return prefix_has(&q->client, &t->client) && prefix_has(&q->gateway, &t->gateway);
}

const struct state_def tunnel_def = {
	.name = "tunnel",
	.plural = "tunnels",
	.size = sizeof(struct tunnel),
	.id_max = UINT32_MAX,
	.fields = tunnel_fields,
	.text = tunnel_text,
	.get = get_parts,
	.free = free_parts,
	.json = parts_json,
	.selects = tunnel_selects,
};

static void add_row(struct words *cells, const struct state *s, const void *data)
{
	const struct tunnel *t = (const struct tunnel *)s;
	bool counted = has(t, NF_ALG_A_TUNNEL_BYTES_OUT);

	(void)data;
	words_addf(cells, "%" PRIu64, s->id);
	words_add(cells, s->tenant);
	add_endpoint(cells, &t->client);
	add_endpoint(cells, &t->gateway);
	add_endpoint(cells, &t->public);
	words_addf(cells, "%u", t->slot);
	words_addf(cells, "%u", t->ikes);
	words_addf(cells, "%u", t->sas);
	words_addf(cells, "%us", s->age);
	words_addf(cells, "%us", t->idle);
	words_addf(cells, counted ? "%" PRIu64 : "-", t->bytes_out);
	words_addf(cells, counted ? "%" PRIu64 : "-", t->bytes_in);
}

/* ---- what is below a row ---- */

static void add_tracking(struct words *lines, const struct tunnel *t)
{
	words_addf(lines, "    zone %u, ESP is tracked in zone %u", t->zone, t->slot_zone);
	if (has(t, NF_ALG_A_TUNNEL_PACKETS_OUT))
		words_addf(lines, "; %" PRIu64 " packets out, %" PRIu64 " in", t->packets_out, t->packets_in);
	words_add(lines, t->gate ? "; new SAs are waited for\n" : "\n");
}

static void add_ike(struct words *lines, const struct ike *i)
{
	words_addf(lines, "    ike v%u   0x%016" PRIx64 " ", i->version, i->ispi);
	if (has(i, NF_ALG_A_IKE_RSPI))
		words_addf(lines, "0x%016" PRIx64, i->rspi);
	else
		words_addf(lines, "%-18s", "-");
	words_addf(lines, "  age %us  idle %us\n", i->age, i->idle);
}

static void add_sa(struct words *lines, const struct sa *a)
{
	words_addf(lines, "    esp %-3s  0x%08x  peer ", direction_name(a->direction), a->spi);
	if (has(a, NF_ALG_A_SA_PEER))
		words_addf(lines, "0x%08x", a->peer);
	else
		words_addf(lines, "%-10s", "-");
	words_addf(lines, "  age %us  idle %us\n", a->age, a->idle);
}

static char *part_lines(const struct state *s)
{
	const struct tunnel *t = (const struct tunnel *)s;
	struct words lines = { 0 };
	char *text;

	add_tracking(&lines, t);
	for (size_t i = 0; i < t->nike; i++)
		add_ike(&lines, &t->ike[i]);
	for (size_t i = 0; i < t->nsa; i++)
		add_sa(&lines, &t->sa[i]);
	if (t->ikes > t->nike || t->sas > t->nsa)
		words_addf(&lines, "    and %zu IKE sessions, %zu SAs more\n", t->ikes > t->nike ? t->ikes - t->nike : 0,
			   t->sas > t->nsa ? t->sas - t->nsa : 0);
	text = words_join(&lines, "");
	words_free(&lines);
	return text;
}

/* ---- commands ---- */

static bool tunnel_show(struct ctx *ctx, const struct command *command, void *object)
{
	static const char *const head[] = {
		"ID", "TENANT", "CLIENT", "GATEWAY", "PUBLIC", "SLOT", "IKE", "SAS", "AGE", "IDLE", "BYTES-OUT", "BYTES-IN"
	};
	const struct query *q = object;
	struct state_table table = { .head = head, .width = sizeof(head) / sizeof(head[0]), .row = add_row };

	(void)command;
	if (q->sas || q->has_id)
		table.below = part_lines;
	return state_show(ctx, STATE_TUNNEL, q, &table);
}

static bool tunnel_del(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	return state_del(ctx, STATE_TUNNEL, object);
}

enum { OF_CLIENT, OF_GATEWAY };

static bool set_address(struct setter *s, const struct param *p, const char *text)
{
	struct query *q = s->object;

	return read_prefix(s, text, p->arg == OF_CLIENT ? &q->client : &q->gateway);
}

/* Those of live tunnels, each once. */
static void list_addresses(const struct setter *s, const struct param *p, struct words *out)
{
	static const struct query all;
	struct state_list list = { 0 };
	bool quiet = s->ctx->quiet;

	s->ctx->quiet = true;
	if (states_fetch(s->ctx, STATE_TUNNEL, &all, &list)) {
		for (size_t i = 0; i < list.n; i++) {
			const struct tunnel *t = (const struct tunnel *)list.v[i];
			char *text = address_endpoint(p->arg == OF_CLIENT ? &t->client : &t->gateway);

			if (!words_have(out, text))
				words_add(out, text);
			free(text);
		}
	}
	s->ctx->quiet = quiet;
	states_free(&list);
}

#define ADDRESS_PARAM(word, whose, text) \
	{ .name = word, .metavar = "ADDRESS", .help = text, .kind = PARAM_VALUE, .arg = whose, .set = set_address, \
	  .list = list_addresses }

static const struct param show_params[] = {
	STATE_ID_PARAM(STATE_TUNNEL, "the tunnel with that id, with its IKE sessions and SAs"),
	QUERY_TENANT_PARAM("of that tenant only"),
	ADDRESS_PARAM("client", OF_CLIENT, "of that client, or of clients in that prefix, only"),
	ADDRESS_PARAM("gateway", OF_GATEWAY, "to that gateway, or to gateways in that prefix, only"),
	{ .name = "sas", .help = "with IKE sessions and SAs of each", .kind = PARAM_FLAG,
	  .arg = offsetof(struct query, sas), .set = set_flag },
	{ 0 }
};

static const struct param del_params[] = {
	STATE_ID_PARAM(STATE_TUNNEL, "the tunnel with that id", STATE_ONE),
	QUERY_TENANT_PARAM("all tunnels of that tenant", STATE_ONE),
	{ 0 }
};

static const struct command commands[] = {
	{ .name = "show", .help = "list tunnels",
	  .params = show_params, .size = sizeof(struct query), .run = tunnel_show },
	{ .name = "del", .help = "forget tunnels: their ESP does not pass until there is IKE again",
	  .params = del_params, .flags = COMMAND_MAKES, .size = sizeof(struct query), .run = tunnel_del },
	{ 0 }
};

const struct object_def tunnel_object = {
	.name = "tunnel",
	.help = "clients and gateways with IKE and ESP between them",
	.commands = commands,
	.more = "The gateway knows CLIENT as PUBLIC. ESP of the first client of a gateway is tracked in its own conntrack\n"
		"zone (SLOT 0), that of others in a zone for each. Bytes are those of ESP, where conntrack counts them\n"
		"(sysctl net.netfilter.nf_conntrack_acct).",
};
