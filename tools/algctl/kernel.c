// SPDX-License-Identifier: GPL-2.0-or-later
/* The generic netlink family nf_alg as backend. */
#include "kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/genetlink.h>

#include "field.h"

const uint8_t set_commands[KINDS] = { NF_ALG_CMD_SERVICE_SET, NF_ALG_CMD_POLICY_SET, NF_ALG_CMD_TENANT_SET };
static const uint8_t del_commands[KINDS] = { NF_ALG_CMD_SERVICE_DEL, NF_ALG_CMD_POLICY_DEL, NF_ALG_CMD_TENANT_DEL };
static const uint8_t get_commands[KINDS] = { NF_ALG_CMD_SERVICE_GET, NF_ALG_CMD_POLICY_GET, NF_ALG_CMD_TENANT_GET };

/* All three kinds have their name at the same place. */
_Static_assert((int)NF_ALG_A_SERVICE_NAME == (int)NF_ALG_A_POLICY_NAME &&
	       (int)NF_ALG_A_SERVICE_NAME == (int)NF_ALG_A_TENANT_NAME, "names");

void request_start(struct kernel *k, struct msg *m, uint8_t command, uint16_t flags)
{
	msg_start(m, k->request, sizeof(k->request), k->family, command, flags, ++k->sequence);
	m->track = true;
}

/* One datagram's messages. 1: go on, 0: done, -1: refused, as @r says. */
static int take_replies(struct kernel *k, ssize_t n, reply_fn *reply, void *data, struct refusal *r, bool *interrupted)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)k->reply;

	for (int left = (int)n; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_seq != k->sequence)
			continue;
		*interrupted |= nlh->nlmsg_flags & NLM_F_DUMP_INTR;
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
			refusal_read(r, nlh);
			return r->number ? -1 : 0;
		}
		if (reply && nlh->nlmsg_type >= NLMSG_MIN_TYPE)
			reply(data, nlh);
	}
	return 1;
}

static int exchange(struct kernel *k, const struct msg *m, reply_fn *reply, void *data, struct refusal *r)
{
	bool interrupted = false;
	int state = 1;

	memset(r, 0, sizeof(*r));
	if (transport_send(k->transport, m->header, m->header->nlmsg_len) < 0) {
		r->number = errno;
		return 1;
	}
	while (state > 0) {
		ssize_t n = transport_receive(k->transport, k->reply, sizeof(k->reply), 1);

		if (n < 0) {
			r->number = errno;
			return 1;
		}
		state = take_replies(k, n, reply, data, r, &interrupted);
	}
	return state < 0 ? 1 : interrupted ? -1 : 0;
}

int request_run(struct ctx *ctx, struct msg *m, reply_fn *reply, void *data, const struct object *o)
{
	struct kernel *k = kernel_of(ctx);
	struct refusal r;
	int result;

	if (m->full) {
		fail(ctx, ALGCTL_USAGE, o ? o->at : NOWHERE, "this is more than one request can carry");
		return 1;
	}
	if (k->dry) {
		msg_print(ctx->out, m->header);
		return 0;
	}
	result = exchange(k, m, reply, data, &r);
	if (result > 0)
		refusal_report(ctx, &r, m, o);
	return result;
}

bool request_simple(struct ctx *ctx, struct msg *m, const struct object *o)
{
	bool good = request_run(ctx, m, NULL, NULL, o) == 0;

	msg_free(m);
	return good;
}

static void get_status(void *data, const struct nlmsghdr *nlh)
{
	fields_get(status_fields, data, msg_attrs(nlh), msg_attrs_size(nlh));
}

static bool kernel_status(struct ctx *ctx, struct status *status)
{
	struct msg m = { 0 };
	bool good;

	request_start(kernel_of(ctx), &m, NF_ALG_CMD_STATUS_GET, NLM_F_ACK);
	good = request_run(ctx, &m, get_status, status, NULL) == 0;
	msg_free(&m);
	return good;
}

static bool kernel_set(struct ctx *ctx, const struct object *o, enum write_how how)
{
	static const uint16_t flags[] = {
		[WRITE_ADD] = NLM_F_CREATE | NLM_F_EXCL,
		[WRITE_CHANGE] = 0,
		[WRITE_REPLACE] = NLM_F_REPLACE,
	};
	struct msg m = { 0 };

	request_start(kernel_of(ctx), &m, set_commands[o->kind], (uint16_t)(NLM_F_ACK | flags[how]));
	object_put(&m, o);
	return request_simple(ctx, &m, o);
}

static bool kernel_del(struct ctx *ctx, const struct object *o)
{
	struct msg m = { 0 };

	request_start(kernel_of(ctx), &m, del_commands[o->kind], NLM_F_ACK);
	msg_put_text(&m, NF_ALG_A_SERVICE_NAME, o->name, o->at);
	return request_simple(ctx, &m, o);
}

struct list_state {
	enum kind kind;
	struct objects found;
};

static void get_object(void *data, const struct nlmsghdr *nlh)
{
	struct list_state *l = data;
	struct object *o = object_new(l->kind);

	object_get(o, msg_attrs(nlh), msg_attrs_size(nlh));
	objects_add(&l->found, o);
}

bool request_dump(struct ctx *ctx, struct msg *m, reply_fn *reply, void *data, void (*forget)(void *data))
{
	enum { ATTEMPTS = 8 };
	struct kernel *k = kernel_of(ctx);
	int result = -1;

	for (int i = 0; i < ATTEMPTS && result < 0; i++) {
		forget(data);
		m->header->nlmsg_seq = ++k->sequence;
		result = request_run(ctx, m, reply, data, NULL);
	}
	msg_free(m);
	if (result < 0)
		return fail(ctx, ALGCTL_REFUSED, NOWHERE,
			    "the configuration changes faster than it can be read: try again");
	return result == 0;
}

static void forget_objects(void *data)
{
	objects_free(&((struct list_state *)data)->found);
}

static bool kernel_list(struct ctx *ctx, enum kind kind, const struct object *one, struct objects *out)
{
	struct list_state l = { .kind = kind };
	struct msg m = { 0 };
	bool good;

	request_start(kernel_of(ctx), &m, get_commands[kind], one ? NLM_F_ACK : NLM_F_DUMP);
	if (one) {
		msg_put_text(&m, NF_ALG_A_SERVICE_NAME, one->name, one->at);
		good = request_run(ctx, &m, get_object, &l, one) == 0;
		msg_free(&m);
	} else {
		good = request_dump(ctx, &m, get_object, &l, forget_objects);
	}
	for (size_t i = 0; good && i < l.found.n; i++)
		objects_add(out, l.found.v[i]);
	if (good)
		free(l.found.v);
	else
		objects_free(&l.found);
	return good;
}

static void put_stats_query(struct msg *m, const struct query *q)
{
	if (*q->tenant)
		msg_put_text(m, NF_ALG_A_STATS_TENANT, q->tenant, q->tenant_at);
	if (q->has_protocol)
		msg_put_u32(m, NF_ALG_A_STATS_PROTOCOL, q->protocol, q->protocol_at);
}

static void get_counter(struct stats *s, const struct nlattr *nest)
{
	const struct nlattr *a[NF_ALG_A_COUNTER_MAX + 1];
	uint32_t reason;

	attrs_of_nest(a, NF_ALG_A_COUNTER_MAX, nest);
	reason = attr_u32(a[NF_ALG_A_COUNTER_REASON]);
	if (reason < REASONS && a[NF_ALG_A_COUNTER_REASON])
		s->count[reason] = attr_u64(a[NF_ALG_A_COUNTER_VALUE]);
}

static void get_stats(void *data, const struct nlmsghdr *nlh)
{
	const struct nlattr *a[NF_ALG_A_STATS_MAX + 1];
	struct stats_list *list = data;
	struct stats *s;

	list->v = grow(list->v, list->n, &list->room, sizeof(*list->v));
	s = &list->v[list->n++];
	memset(s, 0, sizeof(*s));
	attrs_index(a, NF_ALG_A_STATS_MAX, msg_attrs(nlh), msg_attrs_size(nlh));
	attr_text(a[NF_ALG_A_STATS_TENANT], s->tenant, sizeof(s->tenant));
	s->protocol = attr_u32(a[NF_ALG_A_STATS_PROTOCOL]);
	attrs_each(attr, msg_attrs(nlh), msg_attrs_size(nlh))
		if (mnl_attr_get_type(attr) == NF_ALG_A_STATS_COUNTER)
			get_counter(s, attr);
}

static void forget_stats(void *data)
{
	((struct stats_list *)data)->n = 0;
}

static bool kernel_stats(struct ctx *ctx, const struct query *q, struct stats_list *out)
{
	struct msg m = { 0 };

	request_start(kernel_of(ctx), &m, NF_ALG_CMD_STATS_GET, NLM_F_DUMP);
	put_stats_query(&m, q);
	return request_dump(ctx, &m, get_stats, out, forget_stats);
}

static bool kernel_stats_reset(struct ctx *ctx, const struct query *q)
{
	struct msg m = { 0 };

	request_start(kernel_of(ctx), &m, NF_ALG_CMD_STATS_RESET, NLM_F_ACK);
	put_stats_query(&m, q);
	return request_simple(ctx, &m, NULL);
}

static void kernel_close(struct ctx *ctx)
{
	struct kernel *k = kernel_of(ctx);

	if (k->transport)
		transport_close(k->transport);
	free(k);
	ctx->backend = NULL;
}

static const struct backend_ops ops = {
	.status = kernel_status,
	.set = kernel_set,
	.del = kernel_del,
	.list = kernel_list,
	.stats = kernel_stats,
	.stats_reset = kernel_stats_reset,
	.states = kernel_states,
	.state_del = kernel_state_del,
	.watch = kernel_watch,
	.begin = kernel_begin,
	.load = kernel_load,
	.commit = kernel_commit,
	.abort = kernel_abort,
	.close = kernel_close,
};

static void get_group(struct kernel *k, const struct nlattr *groups)
{
	attrs_each_nested(attr, groups) {
		const struct nlattr *a[CTRL_ATTR_MCAST_GRP_MAX + 1];
		char name[64];

		attrs_of_nest(a, CTRL_ATTR_MCAST_GRP_MAX, attr);
		attr_text(a[CTRL_ATTR_MCAST_GRP_NAME], name, sizeof(name));
		if (!strcmp(name, NF_ALG_MCGRP_EVENTS))
			k->group = attr_u32(a[CTRL_ATTR_MCAST_GRP_ID]);
	}
}

static void get_family(void *data, const struct nlmsghdr *nlh)
{
	const struct nlattr *a[CTRL_ATTR_MAX + 1];
	struct kernel *k = data;

	attrs_index(a, CTRL_ATTR_MAX, msg_attrs(nlh), msg_attrs_size(nlh));
	k->family = attr_u16(a[CTRL_ATTR_FAMILY_ID]);
	if (a[CTRL_ATTR_MCAST_GROUPS])
		get_group(k, a[CTRL_ATTR_MCAST_GROUPS]);
}

static bool find_family(struct ctx *ctx, struct kernel *k)
{
	struct msg m = { 0 };
	struct refusal r;
	int result;

	k->family = GENL_ID_CTRL;
	request_start(k, &m, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	msg_put_text(&m, CTRL_ATTR_FAMILY_NAME, NF_ALG_FAMILY_NAME, NOWHERE);
	k->family = 0;
	result = exchange(k, &m, get_family, k, &r);
	msg_free(&m);
	if (!result && k->family)
		return true;
	if (!result || r.number == ENOENT)
		return fail_errno(ctx, ENOENT, NOWHERE, "kernel module nf_alg is not loaded: run 'modprobe nf_alg'");
	return fail_errno(ctx, r.number, NOWHERE, "netlink: %s", strerror(r.number));
}

struct backend *kernel_open(struct ctx *ctx)
{
	struct kernel *k = zalloc(sizeof(*k));

	k->backend.ops = &ops;
	k->backend.kinds = KINDS;
	k->sequence = (uint32_t)getpid() << 8;
	k->dry = getenv("ALGCTL_DRY");
	if (k->dry)
		return &k->backend;
	k->transport = transport_open();
	if (!k->transport) {
		fail_errno(ctx, errno, NOWHERE, "netlink: %s", strerror(errno));
		free(k);
		return NULL;
	}
	if (find_family(ctx, k))
		return &k->backend;
	transport_close(k->transport);
	free(k);
	return NULL;
}
