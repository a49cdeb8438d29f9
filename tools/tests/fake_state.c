// SPDX-License-Identifier: GPL-2.0-or-later
/* The tests' kernel: pinholes, calls, registrations, tunnels and events, always the same ones. */
#include "fake_kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* An attribute. */
struct value {
	uint16_t type;
	enum { BYTE, PORT, NUMBER, LARGE, TEXT, ADDRESS, FLAG, NEST } kind;
	uint64_t number;
	const char *text;
	const struct value *nest;
};

static void put_values(struct nlmsghdr *nlh, const struct value *v);

static void put_value(struct nlmsghdr *nlh, const struct value *v)
{
	uint8_t address[16];
	struct nlattr *nest;

	switch (v->kind) {
	case TEXT:
		mnl_attr_put_strz(nlh, v->type, v->text);
		return;
	case ADDRESS:
		if (inet_pton(AF_INET, v->text, address) == 1)
			mnl_attr_put(nlh, v->type, 4, address);
		else if (inet_pton(AF_INET6, v->text, address) == 1)
			mnl_attr_put(nlh, v->type, 16, address);
		return;
	case FLAG:
		mnl_attr_put(nlh, v->type, 0, NULL);
		return;
	case NEST:
		nest = mnl_attr_nest_start(nlh, v->type);
		put_values(nlh, v->nest);
		mnl_attr_nest_end(nlh, nest);
		return;
	case BYTE:
		mnl_attr_put_u8(nlh, v->type, (uint8_t)v->number);
		return;
	case PORT:
		mnl_attr_put_u16(nlh, v->type, (uint16_t)v->number);
		return;
	case NUMBER:
		mnl_attr_put_u32(nlh, v->type, (uint32_t)v->number);
		return;
	default:
		mnl_attr_put_u64(nlh, v->type, v->number);
	}
}

static void put_values(struct nlmsghdr *nlh, const struct value *v)
{
	for (; v->type; v++)
		put_value(nlh, v);
}

#define P(what) NF_ALG_A_PINHOLE_##what
static const struct value ftp_pinhole[] = {
	{ P(ID), LARGE, .number = 77 }, { P(TENANT), TEXT, .text = "default" },
	{ P(PROTOCOL), NUMBER, .number = NF_ALG_PROTOCOL_FTP },
	{ P(STATE), NUMBER, .number = NF_ALG_PINHOLE_STATE_PENDING }, { P(TRANSPORT), BYTE, .number = IPPROTO_TCP },
	{ P(PEER_ADDRESS), ADDRESS, .text = "203.0.113.2" }, { P(PUBLIC_ADDRESS), ADDRESS, .text = "203.0.113.1" },
	{ P(PUBLIC_PORT), PORT, .number = 50001 }, { P(TARGET_ADDRESS), ADDRESS, .text = "192.168.1.11" },
	{ P(TARGET_PORT), PORT, .number = 40001 }, { P(AGE), NUMBER, .number = 5 },
	{ P(TIMEOUT), NUMBER, .number = 55 }, { 0 }
};

static const struct value rtp_pinhole[] = {
	{ P(ID), LARGE, .number = 78 }, { P(TENANT), TEXT, .text = "default" },
	{ P(PROTOCOL), NUMBER, .number = NF_ALG_PROTOCOL_SIP },
	{ P(STATE), NUMBER, .number = NF_ALG_PINHOLE_STATE_ACTIVE }, { P(TRANSPORT), BYTE, .number = IPPROTO_UDP },
	{ P(PUBLIC_ADDRESS), ADDRESS, .text = "2001:db8::1" }, { P(PUBLIC_PORT), PORT, .number = 20000 },
	{ P(TARGET_ADDRESS), ADDRESS, .text = "2001:db8::1" }, { P(TARGET_PORT), PORT, .number = 20000 },
	{ P(AGE), NUMBER, .number = 6 }, { P(CALL), NUMBER, .number = 12 }, { 0 }
};

#undef P
#define F(what) NF_ALG_A_FLOW_##what
static const struct value audio[] = {
	{ F(TYPE), TEXT, .text = "audio" }, { F(PARTY), NUMBER, .number = 0 },
	{ F(TRANSPORT), BYTE, .number = IPPROTO_UDP }, { F(STATE), NUMBER, .number = NF_ALG_PINHOLE_STATE_ACTIVE },
	{ F(PEER_ADDRESS), ADDRESS, .text = "203.0.113.2" }, { F(PEER_PORT), PORT, .number = 30000 },
	{ F(PUBLIC_ADDRESS), ADDRESS, .text = "203.0.113.1" }, { F(PUBLIC_PORT), PORT, .number = 20000 },
	{ F(TARGET_ADDRESS), ADDRESS, .text = "192.168.1.11" }, { F(TARGET_PORT), PORT, .number = 4000 },
	{ F(PACKETS), LARGE, .number = 500 }, { F(BYTES), LARGE, .number = 86000 }, { 0 }
};

static const struct value rtcp[] = {
	{ F(TYPE), TEXT, .text = "audio rtcp" }, { F(PARTY), NUMBER, .number = 0 },
	{ F(TRANSPORT), BYTE, .number = IPPROTO_UDP }, { F(STATE), NUMBER, .number = NF_ALG_PINHOLE_STATE_PENDING },
	{ F(PUBLIC_ADDRESS), ADDRESS, .text = "203.0.113.1" }, { F(PUBLIC_PORT), PORT, .number = 20001 },
	{ F(TARGET_ADDRESS), ADDRESS, .text = "203.0.113.1" }, { F(TARGET_PORT), PORT, .number = 20001 }, { 0 }
};

#undef F
#define C(what) NF_ALG_A_CALL_##what
static const struct value sip_call[] = {
	{ C(ID), NUMBER, .number = 12 }, { C(TENANT), TEXT, .text = "default" },
	{ C(PROTOCOL), NUMBER, .number = NF_ALG_PROTOCOL_SIP },
	{ C(STATE), NUMBER, .number = NF_ALG_CALL_STATE_ESTABLISHED }, { C(NAME), TEXT, .text = "a84b4c76\033@\377pc" },
	{ C(FROM), TEXT, .text = "alice@example.org" }, { C(TO), TEXT, .text = "bob@example.net" },
	{ C(SOURCE_ADDRESS), ADDRESS, .text = "192.168.1.11" }, { C(SOURCE_PORT), PORT, .number = 5060 },
	{ C(DESTINATION_ADDRESS), ADDRESS, .text = "203.0.113.2" }, { C(DESTINATION_PORT), PORT, .number = 5060 },
	{ C(AGE), NUMBER, .number = 35 }, { C(TIMEOUT), NUMBER, .number = 43165 },
	{ C(FLOW), NEST, .nest = audio }, { C(FLOW), NEST, .nest = rtcp }, { 0 }
};

static const struct value sip_call_early[] = {
	{ C(ID), NUMBER, .number = 13 }, { C(TENANT), TEXT, .text = "default" },
	{ C(PROTOCOL), NUMBER, .number = NF_ALG_PROTOCOL_SIP },
	{ C(STATE), NUMBER, .number = NF_ALG_CALL_STATE_EARLY }, { C(FROM), TEXT, .text = "carol@example.org" },
	{ C(TO), TEXT, .text = "dave@example.net" }, { C(AGE), NUMBER, .number = 2 },
	{ C(TIMEOUT), NUMBER, .number = 178 }, { 0 }
};

static const struct value pptp_call[] = {
	{ C(ID), NUMBER, .number = 12 }, { C(PROTOCOL), NUMBER, .number = NF_ALG_PROTOCOL_PPTP },
	{ C(STATE), NUMBER, .number = NF_ALG_CALL_STATE_SETUP }, { C(FROM), TEXT, .text = "192.168.1.12" },
	{ C(TO), TEXT, .text = "203.0.113.3" }, { 0 }
};

#undef C
#define R(what) NF_ALG_A_REGISTRATION_##what
static const struct value registration[] = {
	{ R(ID), NUMBER, .number = 3 }, { R(TENANT), TEXT, .text = "default" },
	{ R(PROTOCOL), NUMBER, .number = NF_ALG_PROTOCOL_SIP }, { R(AOR), TEXT, .text = "alice@example.org" },
	{ R(TRANSPORT), BYTE, .number = IPPROTO_UDP }, { R(CONTACT_ADDRESS), ADDRESS, .text = "192.168.1.11" },
	{ R(CONTACT_PORT), PORT, .number = 5060 }, { R(PUBLIC_ADDRESS), ADDRESS, .text = "203.0.113.1" },
	{ R(PUBLIC_PORT), PORT, .number = 20010 }, { R(REGISTRAR_ADDRESS), ADDRESS, .text = "203.0.113.2" },
	{ R(AGE), NUMBER, .number = 60 }, { R(TIMEOUT), NUMBER, .number = 3540 }, { 0 }
};

#undef R
#define I(what) NF_ALG_A_IKE_##what
static const struct value ike_session[] = {
	{ I(ISPI), LARGE, .number = 0xf123456789abcdef }, { I(RSPI), LARGE, .number = 0xc0ffee },
	{ I(VERSION), BYTE, .number = 2 }, { I(AGE), NUMBER, .number = 40 }, { I(IDLE), NUMBER, .number = 3 }, { 0 }
};

static const struct value ike_begun[] = {
	{ I(ISPI), LARGE, .number = 1 }, { I(VERSION), BYTE, .number = 1 }, { I(AGE), NUMBER, .number = 2 },
	{ I(IDLE), NUMBER, .number = 0 }, { 0 }
};

#undef I
#define S(what) NF_ALG_A_SA_##what
static const struct value sa_out[] = {
	{ S(SPI), NUMBER, .number = 0xc1a2b3c4 }, { S(PEER), NUMBER, .number = 0xd0e0f10 },
	{ S(DIRECTION), NUMBER, .number = NF_ALG_DIRECTION_OUT }, { S(SEQUENCE), NUMBER, .number = 500 },
	{ S(AGE), NUMBER, .number = 35 }, { S(IDLE), NUMBER, .number = 0 }, { 0 }
};

static const struct value sa_in[] = {
	{ S(SPI), NUMBER, .number = 0xd0e0f10 }, { S(DIRECTION), NUMBER, .number = NF_ALG_DIRECTION_IN },
	{ S(SEQUENCE), NUMBER, .number = 498 }, { S(AGE), NUMBER, .number = 35 }, { S(IDLE), NUMBER, .number = 1 }, { 0 }
};

#undef S
#define T(what) NF_ALG_A_TUNNEL_##what
static const struct value tunnel[] = {
	{ T(ID), NUMBER, .number = 7 }, { T(TENANT), TEXT, .text = "default" }, { T(ZONE), PORT, .number = 5 },
	{ T(SLOT), PORT, .number = 1 }, { T(SLOT_ZONE), PORT, .number = 61440 }, { T(GATE), FLAG, .number = 1 },
	{ T(CLIENT_ADDRESS), ADDRESS, .text = "192.168.1.11" }, { T(GATEWAY_ADDRESS), ADDRESS, .text = "203.0.113.2" },
	{ T(PUBLIC_ADDRESS), ADDRESS, .text = "203.0.113.1" }, { T(AGE), NUMBER, .number = 41 },
	{ T(IDLE), NUMBER, .number = 0 }, { T(IKES), NUMBER, .number = 2 }, { T(SAS), NUMBER, .number = 12 },
	{ T(IKE), NEST, .nest = ike_session }, { T(IKE), NEST, .nest = ike_begun }, { T(SA), NEST, .nest = sa_out },
	{ T(SA), NEST, .nest = sa_in }, { T(PACKETS_OUT), LARGE, .number = 500 }, { T(BYTES_OUT), LARGE, .number = 66000 },
	{ T(PACKETS_IN), LARGE, .number = 498 }, { T(BYTES_IN), LARGE, .number = 65736 }, { 0 }
};

static const struct value tunnel_ipv6[] = {
	{ T(ID), NUMBER, .number = 8 }, { T(TENANT), TEXT, .text = "default" }, { T(ZONE), PORT, .number = 0 },
	{ T(SLOT), PORT, .number = 0 }, { T(SLOT_ZONE), PORT, .number = 0 },
	{ T(CLIENT_ADDRESS), ADDRESS, .text = "2001:db8::11" }, { T(GATEWAY_ADDRESS), ADDRESS, .text = "2001:db8:1::2" },
	{ T(PUBLIC_ADDRESS), ADDRESS, .text = "2001:db8::11" }, { T(AGE), NUMBER, .number = 2 },
	{ T(IDLE), NUMBER, .number = 2 }, { T(IKES), NUMBER, .number = 1 }, { T(SAS), NUMBER, .number = 0 },
	{ T(IKE), NEST, .nest = ike_begun }, { 0 }
};

#undef T
#define TQ(what) NF_ALG_A_TUNNEL_QUERY_##what
#define Q(what) NF_ALG_A_CALL_QUERY_##what
#define PQ(what) NF_ALG_A_PINHOLE_QUERY_##what
#define MOST 3
static const struct states {
	uint8_t get, del;
	uint16_t id, tenant, protocol, nest;
	const char *name;
	struct { uint32_t id, protocol; const struct value *values; } one[MOST];
} states[] = {
	{ NF_ALG_CMD_PINHOLE_GET, NF_ALG_CMD_PINHOLE_DEL, PQ(ID), PQ(TENANT), PQ(PROTOCOL), PQ(PINHOLE), "pinhole",
	  { { 77, NF_ALG_PROTOCOL_FTP, ftp_pinhole }, { 78, NF_ALG_PROTOCOL_SIP, rtp_pinhole } } },
	{ NF_ALG_CMD_CALL_GET, NF_ALG_CMD_CALL_DEL, Q(ID), Q(TENANT), Q(PROTOCOL), Q(CALL), "call",
	  { { 12, NF_ALG_PROTOCOL_PPTP, pptp_call }, { 13, NF_ALG_PROTOCOL_SIP, sip_call_early },
	    { 12, NF_ALG_PROTOCOL_SIP, sip_call } } },
	{ NF_ALG_CMD_REGISTRATION_GET, NF_ALG_CMD_REGISTRATION_DEL, Q(ID), Q(TENANT), Q(PROTOCOL), Q(REGISTRATION),
	  "registration", { { 3, NF_ALG_PROTOCOL_SIP, registration } } },
	{ NF_ALG_CMD_TUNNEL_GET, NF_ALG_CMD_TUNNEL_DEL, TQ(ID), TQ(TENANT), 0, TQ(TUNNEL), "tunnel",
	  { { 8, NF_ALG_PROTOCOL_IKE, tunnel_ipv6 }, { 7, NF_ALG_PROTOCOL_IKE, tunnel } } },
};

static const struct states *states_of(uint8_t command)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (states[i].get == command || states[i].del == command)
			return &states[i];
	return NULL;
}

/* The tenant that a request names must be "default". */
static int check_query(const struct call *c, const struct states *s)
{
	const struct nlattr *tenant = attribute(c, s->tenant);
	char name[NAME_SIZE];

	attr_text(tenant, name, sizeof(name));
	return tenant && strcmp(name, "default") ? refuse(c, ENOENT, tenant, "no such tenant") : 0;
}

int states_get(const struct call *c)
{
	const struct states *s = states_of(c->command);
	const struct nlattr *protocol = attribute(c, s->protocol);
	_Alignas(8) char buffer[4096];

	if (check_query(c, s))
		return ENOENT;
	for (int i = 0; i < MOST && s->one[i].id; i++) {
		struct nlmsghdr *nlh;

		if (protocol && attr_u32(protocol) != s->one[i].protocol)
			continue;
		nlh = reply_start(buffer, c, NLM_F_MULTI);
		put_value(nlh, &(struct value){ s->nest, NEST, .nest = s->one[i].values });
		queue(c->t, nlh);
	}
	answer_done(c);
	return -1;
}

int states_del(const struct call *c)
{
	const struct states *s = states_of(c->command);
	const struct nlattr *id = attribute(c, s->id), *protocol = attribute(c, s->protocol);
	uint64_t number = id && mnl_attr_get_payload_len(id) == sizeof(number) ? attr_u64(id) : attr_u32(id);
	char text[64];

	for (int i = 0; id && i < MOST && s->one[i].id; i++)
		if (s->one[i].id == number && (!protocol || attr_u32(protocol) == s->one[i].protocol))
			return 0;
	snprintf(text, sizeof(text), "no such %s", s->name);
	return id ? refuse(c, ENOENT, id, text) : check_query(c, s);
}

void queue_events(struct transport *t)
{
	static const struct {
		uint32_t event, protocol;
		uint16_t nest;
		const struct value *values;
	} events[] = {
		{ NF_ALG_EVENT_CALL_STARTED, NF_ALG_PROTOCOL_SIP, NF_ALG_A_EVENT_CALL, sip_call_early },
		{ NF_ALG_EVENT_PINHOLE_OPENED, NF_ALG_PROTOCOL_SIP, NF_ALG_A_EVENT_PINHOLE, rtp_pinhole },
		{ NF_ALG_EVENT_CALL_ANSWERED, NF_ALG_PROTOCOL_SIP, NF_ALG_A_EVENT_CALL, sip_call },
		{ NF_ALG_EVENT_CALL_ENDED, NF_ALG_PROTOCOL_PPTP, NF_ALG_A_EVENT_CALL, pptp_call },
		{ NF_ALG_EVENT_REGISTERED, NF_ALG_PROTOCOL_SIP, NF_ALG_A_EVENT_REGISTRATION, registration },
		{ NF_ALG_EVENT_UNREGISTERED, NF_ALG_PROTOCOL_SIP, NF_ALG_A_EVENT_REGISTRATION, registration },
		{ NF_ALG_EVENT_TUNNEL_STARTED, NF_ALG_PROTOCOL_IKE, NF_ALG_A_EVENT_TUNNEL, tunnel },
		{ NF_ALG_EVENT_TUNNEL_ENDED, NF_ALG_PROTOCOL_IKE, NF_ALG_A_EVENT_TUNNEL, tunnel_ipv6 },
	};
	const struct nlmsghdr none = { 0 };
	const struct call c = { .t = t, .request = &none, .command = NF_ALG_CMD_EVENT };
	_Alignas(8) char buffer[4096];

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct nlmsghdr *nlh = reply_start(buffer, &c, 0);

		mnl_attr_put_u32(nlh, NF_ALG_A_EVENT_EVENT, events[i].event);
		mnl_attr_put_strz(nlh, NF_ALG_A_EVENT_TENANT, "default");
		mnl_attr_put_u32(nlh, NF_ALG_A_EVENT_PROTOCOL, events[i].protocol);
		put_value(nlh, &(struct value){ events[i].nest, NEST, .nest = events[i].values });
		queue(t, nlh);
	}
}
