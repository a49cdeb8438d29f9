// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A small kernel in the process, behind the same transport as the real one: it takes the family's messages, keeps the
 * objects in the file that ALGCTL_FAKE names (none: in memory), and refuses with messages that point at attributes. So
 * everything of algctl but the socket itself is run.
 *
 * ALGCTL_FAKE_FAIL=COMMAND=ERRNO[,...] refuses a command, as in "config-commit=116"; COMMAND "family" hides the family.
 */
#include "transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "msg.h"

enum { FAMILY = 40, GROUP = 7, REPLY = 65536 };

struct datagram {
	struct datagram *next;
	size_t size;
	_Alignas(8) char data[];
};

struct transport {
	struct datagram *first, **last;
	struct objects running, shadow;
	bool transaction;
	uint32_t generation;
};

/* One request, and where its answers go. */
struct call {
	struct transport *t;
	const struct nlmsghdr *request;
	uint8_t command;
	struct objects *list;	/* what it works on */
};

static const struct { const char *name; uint32_t protocol; uint8_t transport; uint16_t port; } predefined[] = {
	{ "ftp", NF_ALG_PROTOCOL_FTP, IPPROTO_TCP, 21 }, { "sip-udp", NF_ALG_PROTOCOL_SIP, IPPROTO_UDP, 5060 },
	{ "sip-tcp", NF_ALG_PROTOCOL_SIP, IPPROTO_TCP, 5060 }, { "tftp", NF_ALG_PROTOCOL_TFTP, IPPROTO_UDP, 69 },
	{ "pptp", NF_ALG_PROTOCOL_PPTP, IPPROTO_TCP, 1723 }, { "ike", NF_ALG_PROTOCOL_IKE, IPPROTO_UDP, 500 },
};

/* ---- configurations ---- */

static struct object *find(const struct objects *list, enum kind kind, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i]->kind == kind && !strcmp(list->v[i]->name, name))
			return list->v[i];
	return NULL;
}

static struct object *named(enum kind kind, const char *name)
{
	struct object *o = object_new(kind);

	snprintf(o->name, sizeof(o->name), "%s", name);
	return o;
}

static void start_config(struct objects *list)
{
	for (size_t i = 0; i < sizeof(predefined) / sizeof(predefined[0]); i++) {
		struct service *s = to_service(named(KIND_SERVICE, predefined[i].name));

		s->protocol = predefined[i].protocol;
		s->transport = predefined[i].transport;
		s->port_min = s->port_max = predefined[i].port;
		s->predefined = 1;
		s->o.have = BIT(NF_ALG_A_SERVICE_PROTOCOL) | BIT(NF_ALG_A_SERVICE_TRANSPORT) |
			    BIT(NF_ALG_A_SERVICE_PORT_MIN) | BIT(NF_ALG_A_SERVICE_PORT_MAX);
		objects_add(list, &s->o);
	}
	objects_add(list, named(KIND_POLICY, "default"));
}

static bool path_of_state(const char **path)
{
	*path = getenv("ALGCTL_FAKE");
	return *path && **path;
}

static void state_save(struct transport *t)
{
	char buffer[MSG_SIZE];
	const char *path;
	FILE *f;

	if (!path_of_state(&path))
		return;
	f = fopen(path, "w");
	fwrite(&t->generation, sizeof(t->generation), 1, f);
	for (size_t i = 0; i < t->running.n; i++) {
		struct msg m = { 0 };
		const struct object *o = t->running.v[i];

		if (o->kind == KIND_SERVICE && ((const struct service *)o)->predefined)
			continue;
		msg_start(&m, buffer, sizeof(buffer), (uint16_t)o->kind, 0, 0, 0);
		object_put(&m, o);
		fwrite(buffer, m.header->nlmsg_len, 1, f);
	}
	fclose(f);
}

static void state_load(struct transport *t)
{
	_Alignas(8) char buffer[MSG_SIZE];
	struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)buffer;
	const char *path;
	FILE *f = path_of_state(&path) ? fopen(path, "r") : NULL;

	start_config(&t->running);
	t->generation = 1;
	if (!f)
		return;
	object_free(t->running.v[--t->running.n]);
	if (fread(&t->generation, sizeof(t->generation), 1, f) != 1)
		abort();
	while (fread(nlh, sizeof(*nlh), 1, f) == 1 && fread(nlh + 1, nlh->nlmsg_len - sizeof(*nlh), 1, f) == 1) {
		struct object *o = object_new((enum kind)nlh->nlmsg_type);

		object_get(o, msg_attrs(nlh), msg_attrs_size(nlh));
		objects_add(&t->running, o);
	}
	fclose(f);
}

/* ---- answers ---- */

static struct nlmsghdr *answer_start(char *buffer, const struct call *c, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = c->request->nlmsg_seq;
	return nlh;
}

static void queue(struct transport *t, const struct nlmsghdr *nlh)
{
	struct datagram *d = zalloc(sizeof(*d) + nlh->nlmsg_len);

	memcpy(d->data, nlh, nlh->nlmsg_len);
	d->size = nlh->nlmsg_len;
	*t->last = d;
	t->last = &d->next;
}

static int acknowledge(const struct call *c, int error, const char *text, const struct nlattr *bad)
{
	_Alignas(8) char buffer[1024];
	struct nlmsghdr *nlh = answer_start(buffer, c, NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));

	e->error = -error;
	e->msg = *c->request;
	if (text)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	if (bad)
		mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, (uint32_t)((const char *)bad - (const char *)c->request));
	queue(c->t, nlh);
	return error;
}

static int refuse(const struct call *c, int error, const struct nlattr *bad, const char *text)
{
	return acknowledge(c, error, text, bad);
}

static void done(const struct call *c)
{
	_Alignas(8) char buffer[64];
	struct nlmsghdr *nlh = answer_start(buffer, c, NLMSG_DONE, NLM_F_MULTI);

	*(int *)mnl_nlmsg_put_extra_header(nlh, sizeof(int)) = 0;
	queue(c->t, nlh);
}

static struct nlmsghdr *reply_start(char *buffer, const struct call *c, uint16_t flags)
{
	struct nlmsghdr *nlh = answer_start(buffer, c, FAMILY, flags);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	genl->cmd = c->command;
	return nlh;
}

static void reply_generation(const struct call *c)
{
	_Alignas(8) char buffer[128];
	struct nlmsghdr *nlh = reply_start(buffer, c, 0);

	mnl_attr_put_u32(nlh, NF_ALG_A_CONFIG_GENERATION, c->t->generation);
	queue(c->t, nlh);
}

static void reply_object(const struct call *c, const struct object *o, uint16_t flags)
{
	char *buffer = zalloc(REPLY);
	struct msg m = { 0 };

	m.header = reply_start(buffer, c, flags);
	m.size = REPLY;
	object_put(&m, o);
	if (o->kind == KIND_SERVICE)
		msg_put_u8(&m, NF_ALG_A_SERVICE_PREDEFINED, ((const struct service *)o)->predefined, NOWHERE);
	queue(c->t, m.header);
	free(buffer);
}

/* ---- changes ---- */

static const struct nlattr *attribute(const struct call *c, uint16_t type)
{
	const struct nlattr *found = NULL;

	attrs_each(a, msg_attrs(c->request), msg_attrs_size(c->request))
		if (mnl_attr_get_type(a) == type)
			found = a;
	return found;
}

static void merge_service(struct service *to, struct service *from)
{
	uint32_t have = from->o.have;

	to->protocol = have & BIT(NF_ALG_A_SERVICE_PROTOCOL) ? from->protocol : to->protocol;
	if (have & BIT(NF_ALG_A_SERVICE_PORT_MIN)) {
		to->transport = from->transport;
		to->port_min = from->port_min;
		to->port_max = from->port_max;
	}
	if (from->to.n) {
		free(to->to.v);
		to->to = from->to;
		from->to = (struct prefixes){ 0 };
	}
	if (from->except.n) {
		free(to->except.v);
		to->except = from->except;
		from->except = (struct prefixes){ 0 };
	}
}

static void merge_rule(struct rule *to, struct rule *from)
{
	if (from->have & BIT(NF_ALG_A_RULE_MODE))
		to->mode = from->mode;
	if (from->services.n) {
		words_free(&to->services);
		to->services = from->services;
		from->services = (struct words){ 0 };
	}
	for (int i = 0; i < OPTIONS; i++)
		if (from->have_option & BIT(i))
			to->option[i] = from->option[i];
	to->have |= from->have;
	to->have_option |= from->have_option;
}

static void merge_tenant(struct tenant *to, struct tenant *from)
{
	if (*from->policy)
		memcpy(to->policy, from->policy, sizeof(to->policy));
	if (from->nselectors || from->o.have & BIT(NF_ALG_A_TENANT_NO_SELECTORS)) {
		free(to->selectors);
		to->selectors = from->selectors;
		to->nselectors = from->nselectors;
		to->selectors_room = from->selectors_room;
		from->selectors = NULL;
		from->nselectors = 0;
	}
	for (int i = NF_ALG_A_TENANT_MAX_SESSIONS; i <= NF_ALG_A_TENANT_BLOCK_SIZE; i++)
		if (from->o.have & BIT(i))
			to->number[i] = from->number[i];
}

static void merge(struct object *to, struct object *from)
{
	if (to->kind == KIND_SERVICE)
		merge_service(to_service(to), to_service(from));
	else if (to->kind == KIND_TENANT)
		merge_tenant(to_tenant(to), to_tenant(from));
	for (uint32_t i = 0; to->kind == KIND_POLICY && i < PROTOCOLS; i++)
		if (to_policy(from)->rule[i])
			merge_rule(policy_rule(to_policy(to), i), to_policy(from)->rule[i]);
	if (to->kind == KIND_POLICY && from->have & BIT(NF_ALG_A_POLICY_VERSION))
		to_policy(to)->version = to_policy(from)->version;
	to->have |= from->have;
}

static int check_policy(const struct call *c)
{
	attrs_each(rule, msg_attrs(c->request), msg_attrs_size(c->request)) {
		if (mnl_attr_get_type(rule) != NF_ALG_A_POLICY_RULE)
			continue;
		attrs_each_nested(a, rule) {
			char name[NAME_SIZE], text[128];

			if (mnl_attr_get_type(a) != NF_ALG_A_RULE_SERVICE)
				continue;
			attr_text(a, name, sizeof(name));
			snprintf(text, sizeof(text), "no service %s", name);
			if (!find(c->list, KIND_SERVICE, name))
				return refuse(c, ENOENT, a, text);
		}
	}
	return 0;
}

static bool same_selector(const struct selector *a, const struct selector *b)
{
	return a->type == b->type && a->zone == b->zone && a->mark == b->mark && !strcmp(a->interface, b->interface);
}

static int check_selector(const struct call *c, const struct tenant *t, const struct selector *s,
			  const struct nlattr *a)
{
	for (size_t i = 0; i < c->list->n; i++) {
		const struct tenant *other = (const struct tenant *)c->list->v[i];
		char text[128];

		if (other->o.kind != KIND_TENANT || !strcmp(other->o.name, t->o.name))
			continue;
		snprintf(text, sizeof(text), "tenant %s has it", other->o.name);
		for (size_t j = 0; j < other->nselectors; j++)
			if (same_selector(&other->selectors[j], s))
				return refuse(c, EEXIST, a, text);
	}
	return 0;
}

static int check_tenant(const struct call *c, const struct tenant *t)
{
	size_t i = 0;

	if (*t->policy && !find(c->list, KIND_POLICY, t->policy))
		return refuse(c, ENOENT, attribute(c, NF_ALG_A_TENANT_POLICY), "no such policy");
	attrs_each(a, msg_attrs(c->request), msg_attrs_size(c->request))
		if (mnl_attr_get_type(a) == NF_ALG_A_TENANT_SELECTOR && check_selector(c, t, &t->selectors[i++], a))
			return EEXIST;
	return 0;
}

static void changed(struct transport *t)
{
	if (t->transaction)
		return;
	t->generation++;
	state_save(t);
}

static void take_out(struct objects *list, struct object *o)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] == o) {
			memmove(&list->v[i], &list->v[i + 1], (list->n - i - 1) * sizeof(*list->v));
			list->n--;
			object_free(o);
			return;
		}
}

static int check(const struct call *c, const struct object *o)
{
	if (o->kind == KIND_POLICY)
		return check_policy(c);
	return o->kind == KIND_TENANT ? check_tenant(c, (const struct tenant *)o) : 0;
}

static int set(const struct call *c, enum kind kind)
{
	const struct nlattr *name = attribute(c, NF_ALG_A_SERVICE_NAME);
	struct object *new = object_new(kind), *old;
	int error;

	object_get(new, msg_attrs(c->request), msg_attrs_size(c->request));
	old = find(c->list, kind, new->name);
	if (old && kind == KIND_SERVICE && to_service(old)->predefined)
		error = refuse(c, EPERM, name, "predefined services can't be changed");
	else if (old && c->request->nlmsg_flags & NLM_F_EXCL)
		error = refuse(c, EEXIST, name, "exists already");
	else if (!old && !(c->request->nlmsg_flags & NLM_F_CREATE))
		error = refuse(c, ENOENT, name, "does not exist");
	else
		error = check(c, new);
	if (error) {
		object_free(new);
		return error;
	}
	if (old && c->request->nlmsg_flags & NLM_F_REPLACE) {
		take_out(c->list, old);
		old = NULL;
	}
	if (old) {
		merge(old, new);
		object_free(new);
	} else {
		objects_add(c->list, new);
	}
	changed(c->t);
	return 0;
}

static int del(const struct call *c, enum kind kind)
{
	const struct nlattr *name = attribute(c, NF_ALG_A_SERVICE_NAME);
	char text[NAME_SIZE];
	struct object *o;

	attr_text(name, text, sizeof(text));
	o = find(c->list, kind, text);
	if (!o)
		return refuse(c, ENOENT, name, "does not exist");
	for (size_t i = 0; kind == KIND_POLICY && i < c->list->n; i++)
		if (c->list->v[i]->kind == KIND_TENANT && !strcmp(to_tenant(c->list->v[i])->policy, text))
			return refuse(c, EBUSY, name, "a tenant has it");
	take_out(c->list, o);
	changed(c->t);
	return 0;
}

/* ---- questions ---- */

static int get(const struct call *c, enum kind kind)
{
	bool all = (c->request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	const struct nlattr *name = attribute(c, NF_ALG_A_SERVICE_NAME);
	struct object *o;
	char text[NAME_SIZE];

	for (size_t i = 0; all && i < c->list->n; i++)
		if (c->list->v[i]->kind == kind)
			reply_object(c, c->list->v[i], NLM_F_MULTI);
	if (all) {
		done(c);
		return -1;
	}
	attr_text(name, text, sizeof(text));
	o = find(c->list, kind, text);
	if (!o)
		return refuse(c, ENOENT, name, "does not exist");
	reply_object(c, o, 0);
	return 0;
}

static int status(const struct call *c)
{
	_Alignas(8) char buffer[512];
	struct nlmsghdr *nlh = reply_start(buffer, c, 0);
	uint32_t count[KINDS] = { 0 };

	for (size_t i = 0; i < c->t->running.n; i++)
		count[c->t->running.v[i]->kind]++;
	mnl_attr_put_strz(nlh, NF_ALG_A_STATUS_VERSION, "fake");
	mnl_attr_put_u32(nlh, NF_ALG_A_STATUS_GENERATION, c->t->generation);
	mnl_attr_put_u32(nlh, NF_ALG_A_STATUS_SERVICES, count[KIND_SERVICE]);
	mnl_attr_put_u32(nlh, NF_ALG_A_STATUS_POLICIES, count[KIND_POLICY]);
	mnl_attr_put_u32(nlh, NF_ALG_A_STATUS_TENANTS, count[KIND_TENANT]);
	mnl_attr_put_u32(nlh, NF_ALG_A_STATUS_PROTOCOLS, BIT(NF_ALG_PROTOCOL_FTP));
	mnl_attr_put_u32(nlh, NF_ALG_A_STATUS_CALLS, 3);
	mnl_attr_put_u32(nlh, NF_ALG_A_STATUS_REGISTRATIONS, 1);
	queue(c->t, nlh);
	return 0;
}

static int stats(const struct call *c)
{
	static const uint32_t counted[] = { NF_ALG_REASON_LOW_PORT, NF_ALG_REASON_INVITE, NF_ALG_REASON_STATUS_6XX };
	_Alignas(8) char buffer[512];
	struct nlmsghdr *nlh = reply_start(buffer, c, NLM_F_MULTI);
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, NF_ALG_A_STATS_TENANT, "default");
	mnl_attr_put_u32(nlh, NF_ALG_A_STATS_PROTOCOL, NF_ALG_PROTOCOL_FTP);
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		nest = mnl_attr_nest_start(nlh, NF_ALG_A_STATS_COUNTER);
		mnl_attr_put_u32(nlh, NF_ALG_A_COUNTER_REASON, counted[i]);
		mnl_attr_put_u64(nlh, NF_ALG_A_COUNTER_VALUE, 3 + i);
		mnl_attr_nest_end(nlh, nest);
	}
	queue(c->t, nlh);
	done(c);
	return -1;
}

/* ---- pinholes, calls, registrations: always the same ones ---- */

/* An attribute. */
struct value {
	uint16_t type;
	enum { BYTE, PORT, NUMBER, LARGE, TEXT, ADDRESS, NEST } kind;
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

static int states_get(const struct call *c, const struct states *s)
{
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
	done(c);
	return -1;
}

static int states_del(const struct call *c, const struct states *s)
{
	const struct nlattr *id = attribute(c, s->id), *protocol = attribute(c, s->protocol);
	uint64_t number = id && mnl_attr_get_payload_len(id) == sizeof(number) ? attr_u64(id) : attr_u32(id);
	char text[64];

	for (int i = 0; id && i < MOST && s->one[i].id; i++)
		if (s->one[i].id == number && (!protocol || attr_u32(protocol) == s->one[i].protocol))
			return 0;
	snprintf(text, sizeof(text), "no such %s", s->name);
	return id ? refuse(c, ENOENT, id, text) : check_query(c, s);
}

/* What a listener hears. */
static void queue_events(struct transport *t)
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

static int config(const struct call *c)
{
	struct transport *t = c->t;

	objects_free(&t->shadow);
	if (c->command == NF_ALG_CMD_CONFIG_BEGIN) {
		start_config(&t->shadow);
		t->transaction = true;
		reply_generation(c);
		return 0;
	}
	t->transaction = false;
	return 0;
}

static int commit(const struct call *c)
{
	struct transport *t = c->t;

	objects_free(&t->running);
	t->running = t->shadow;
	t->shadow = (struct objects){ 0 };
	t->transaction = false;
	changed(t);
	reply_generation(c);
	return 0;
}

static int family(const struct call *c)
{
	_Alignas(8) char buffer[512];
	struct nlmsghdr *nlh = answer_start(buffer, c, GENL_ID_CTRL, 0);
	struct nlattr *groups, *group;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct genlmsghdr));
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAMILY);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, GROUP);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, NF_ALG_MCGRP_EVENTS);
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
	queue(c->t, nlh);
	return 0;
}

/* An error that the test asked for, 0 for none. */
static int wanted_failure(const char *name)
{
	const char *list = getenv("ALGCTL_FAKE_FAIL");
	const char *found = list ? strstr(list, name) : NULL;

	return found && found[strlen(name)] == '=' ? atoi(found + strlen(name) + 1) : 0;
}

/* 0: acknowledge, above: refused already, below: answered already. */
static int run(const struct call *c)
{
	int failure = wanted_failure(c->request->nlmsg_type == GENL_ID_CTRL ? "family" : command_name(c->command));

	if (failure)
		return refuse(c, failure, NULL, NULL);
	if (c->request->nlmsg_type == GENL_ID_CTRL)
		return family(c);
	switch (c->command) {
	case NF_ALG_CMD_STATUS_GET:
		return status(c);
	case NF_ALG_CMD_SERVICE_SET:
	case NF_ALG_CMD_POLICY_SET:
	case NF_ALG_CMD_TENANT_SET:
		return set(c, (enum kind)((c->command - NF_ALG_CMD_SERVICE_SET) / 3));
	case NF_ALG_CMD_SERVICE_DEL:
	case NF_ALG_CMD_POLICY_DEL:
	case NF_ALG_CMD_TENANT_DEL:
		return del(c, (enum kind)((c->command - NF_ALG_CMD_SERVICE_SET) / 3));
	case NF_ALG_CMD_SERVICE_GET:
	case NF_ALG_CMD_POLICY_GET:
	case NF_ALG_CMD_TENANT_GET:
		return get(c, (enum kind)((c->command - NF_ALG_CMD_SERVICE_SET) / 3));
	case NF_ALG_CMD_STATS_GET:
		return stats(c);
	case NF_ALG_CMD_PINHOLE_GET:
	case NF_ALG_CMD_CALL_GET:
	case NF_ALG_CMD_REGISTRATION_GET:
		return states_get(c, states_of(c->command));
	case NF_ALG_CMD_PINHOLE_DEL:
	case NF_ALG_CMD_CALL_DEL:
	case NF_ALG_CMD_REGISTRATION_DEL:
		return states_del(c, states_of(c->command));
	case NF_ALG_CMD_CONFIG_BEGIN:
	case NF_ALG_CMD_CONFIG_ABORT:
		return config(c);
	case NF_ALG_CMD_CONFIG_COMMIT:
		return commit(c);
	default:
		return 0;
	}
}

/* ---- the transport ---- */

struct transport *transport_open(void)
{
	struct transport *t = zalloc(sizeof(*t));

	t->last = &t->first;
	state_load(t);
	return t;
}

void transport_close(struct transport *t)
{
	while (t->first) {
		struct datagram *d = t->first;

		t->first = d->next;
		free(d);
	}
	objects_free(&t->running);
	objects_free(&t->shadow);
	free(t);
}

ssize_t transport_send(struct transport *t, const void *data, size_t size)
{
	const struct nlmsghdr *nlh = data;

	for (int left = (int)size; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
		struct call c = { .t = t, .request = nlh, .command = genl->cmd };

		c.list = t->transaction ? &t->shadow : &t->running;
		if (!run(&c) && nlh->nlmsg_flags & NLM_F_ACK)
			acknowledge(&c, 0, NULL, NULL);
	}
	return (ssize_t)size;
}

ssize_t transport_receive(struct transport *t, void *data, size_t size, int wait)
{
	struct datagram *d = t->first;
	size_t n;

	(void)wait;
	if (!d) {
		errno = EAGAIN;
		return -1;
	}
	n = d->size < size ? d->size : size;
	memcpy(data, d->data, n);
	t->first = d->next;
	if (!t->first)
		t->last = &t->first;
	free(d);
	return (ssize_t)n;
}

int transport_join(struct transport *t, uint32_t group)
{
	queue_events(t);
	return group == GROUP ? 0 : -1;
}
