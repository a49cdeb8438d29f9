// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A small kernel in the process, behind the same transport as the real one: it takes the family's messages, keeps the
 * objects in the file that ALGCTL_FAKE names (none: in memory), and refuses with messages that point at attributes. So
 * everything of algctl but the socket itself is run.
 *
 * ALGCTL_FAKE_FAIL=COMMAND=ERRNO[,...] refuses a command, as in "config-commit=116"; COMMAND "family" hides the family.
 */
#include "fake_kernel.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

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
	for (const struct predefined_service *p = predefined_services; p->name; p++) {
		struct service *s = to_service(named(KIND_SERVICE, p->name));

		s->protocol = p->protocol;
		s->transport = p->transport;
		s->port_min = s->port_max = p->port;
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
	char *new;
	FILE *f;

	if (!path_of_state(&path))
		return;
	new = format_text("%s.new", path);
	f = fopen(new, "w");
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
	if (rename(new, path))
		abort();
	free(new);
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

void queue(struct transport *t, const struct nlmsghdr *nlh)
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

int refuse(const struct call *c, int error, const struct nlattr *bad, const char *text)
{
	return acknowledge(c, error, text, bad);
}

void answer_done(const struct call *c)
{
	_Alignas(8) char buffer[64];
	struct nlmsghdr *nlh = answer_start(buffer, c, NLMSG_DONE, NLM_F_MULTI);

	*(int *)mnl_nlmsg_put_extra_header(nlh, sizeof(int)) = 0;
	queue(c->t, nlh);
}

struct nlmsghdr *reply_start(char *buffer, const struct call *c, uint16_t flags)
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

const struct nlattr *attribute(const struct call *c, uint16_t type)
{
	const struct nlattr *found = NULL;

	attrs_each(a, msg_attrs(c->request), msg_attrs_size(c->request))
		if (mnl_attr_get_type(a) == type)
			found = a;
	return found;
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

		if (other->o.kind != KIND_TENANT)
			continue;
		for (size_t j = 0; j < other->nselectors; j++) {
			if (!same_selector(&other->selectors[j], s) || !strcmp(other->o.name, t->o.name))
				continue;
			snprintf(text, sizeof(text), "tenant %s has it", other->o.name);
			return refuse(c, EEXIST, a, text);
		}
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
	step();
	t->generation++;
	state_save(t);
	step();
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
		object_merge(old, new);
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
		answer_done(c);
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
	mnl_attr_put_u32(nlh, NF_ALG_A_STATUS_TUNNELS, 2);
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
	answer_done(c);
	return -1;
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
	case NF_ALG_CMD_TUNNEL_GET:
		return states_get(c);
	case NF_ALG_CMD_PINHOLE_DEL:
	case NF_ALG_CMD_CALL_DEL:
	case NF_ALG_CMD_REGISTRATION_DEL:
	case NF_ALG_CMD_TUNNEL_DEL:
		return states_del(c);
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
