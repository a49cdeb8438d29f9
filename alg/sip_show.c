// SPDX-License-Identifier: GPL-2.0-only
/* Calls for dumps and events, and how they are ended from outside. */
#include <linux/module.h>

#include "sip_call.h"

static u32 seconds(unsigned long jiffies_left)
{
	return (long)jiffies_left > 0 ? jiffies_left / HZ : 0;
}

static void call_info(const struct sip_call *call, struct nf_alg_call_info *info)
{
	info->net = call->net;
	info->id = call->id;
	info->tenant = call->account ? call->account->id : 0;
	info->protocol = NF_ALG_PROTOCOL_SIP;
	info->state = call->state;
	memcpy(info->name, call->name, sizeof(info->name));
	memcpy(info->from, call->from, sizeof(info->from));
	memcpy(info->to, call->to, sizeof(info->to));
	info->from_addr = call->from_addr;
	info->to_addr = call->to_addr;
	info->age = seconds(jiffies - call->begun);
	info->timeout = seconds(call->deadline - jiffies);
	info->n_flows = 0;
}

void sip_call_event(const struct sip_call *call, enum nf_alg_event event)
{
	struct nf_alg_call_info *info;

	if (likely(!nf_alg_event_wanted(call->net)))
		return;
	info = kmalloc(sizeof(*info), GFP_ATOMIC | __GFP_NOWARN);	/* too large for the stack */
	if (!info)
		return;
	call_info(call, info);
	nf_alg_event_call(info, event);
	kfree(info);
}

/* ---- flows ---- */

static void flow_type(struct nf_alg_flow_info *flow, const struct sip_hole *h)
{
	memcpy(flow->type, h->type, sizeof(h->type));
	if (h->rtcp)
		strlcat(flow->type, " rtcp", sizeof(flow->type));
}

static void flow_add(struct nf_alg_flow_info *flow, u64 back[2], const u64 packets[2], const u64 bytes[2])
{
	flow->packets += packets[0];
	flow->bytes += bytes[0];
	back[0] += packets[1];
	back[1] += bytes[1];
}

static void flow_info(const struct sip_hole *h, struct nf_alg_flow_info *flow, u64 back[2])
{
	struct nf_alg_pinhole_info pinhole;
	u64 packets[2], bytes[2];

	memset(flow, 0, sizeof(*flow));
	flow_type(flow, h);
	flow->party = h->role;
	flow->l4proto = h->to->l4proto;
	if (!h->anyone)
		flow->peer = h->peer;
	flow->public = h->to->public;
	flow->target = h->to->target;
	memset(back, 0, 2 * sizeof(*back));
	if (nf_alg_hole_traffic(h->hole, &pinhole, packets, bytes))
		flow->state = pinhole.state;
	flow_add(flow, back, packets, bytes);
	if (h->former && nf_alg_hole_traffic(h->former, &pinhole, packets, bytes)) {
		flow->state = NF_ALG_PINHOLE_STATE_ACTIVE;
		flow_add(flow, back, packets, bytes);
	}
}

/* Where both directions of a stream are one connection, each has its own direction's packets. */
static void flow_add_back(struct nf_alg_call_info *info, const struct nf_alg_flow_info *of, const u64 back[2])
{
	unsigned int i;

	for (i = 0; i < info->n_flows; i++) {
		struct nf_alg_flow_info *flow = &info->flows[i];

		if (flow == of || flow->party == of->party || strcmp(flow->type, of->type) ||
		    !sip_same_addr(&flow->peer, &of->target) || !sip_same_addr(&of->peer, &flow->target))
			continue;
		flow->packets += back[0];
		flow->bytes += back[1];
		flow->state = NF_ALG_PINHOLE_STATE_ACTIVE;
		return;
	}
}

static void call_flows(const struct sip_call *call, struct nf_alg_call_info *info)
{
	u64 back[NF_ALG_CALL_FLOWS][2];
	const struct sip_hole *h;
	unsigned int i;

	list_for_each_entry(h, &call->holes, list) {
		if (!h->hole)
			continue;
		if (info->n_flows == NF_ALG_CALL_FLOWS)
			break;
		flow_info(h, &info->flows[info->n_flows], back[info->n_flows]);
		info->n_flows++;
	}
	for (i = 0; i < info->n_flows; i++)
		if (back[i][0])
			flow_add_back(info, &info->flows[i], back[i]);
}

/* ---- operations ---- */

static void copy_out(struct sip_call *call, void *arg)
{
	struct nf_alg_call_info *info = arg;

	call_info(call, info);
	call_flows(call, info);
}

static int walk(struct net *net, u32 after, int (*fn)(const struct nf_alg_call_info *info, void *arg), void *arg)
{
	struct nf_alg_call_info *info = kmalloc(sizeof(*info), GFP_KERNEL);
	int ret = 0;

	if (!info)
		return -ENOMEM;
	info->id = 0;
	while (!ret && sip_call_next(net, &after, copy_out, info)) {
		if (info->id == after)	/* else it ended this moment */
			ret = fn(info, arg);
		cond_resched();
	}
	kfree(info);
	return ret;
}

/* Which calls are to be ended, 0: all; and how many were. */
struct closing {
	u32 id, tenant;
	unsigned int closed;
};

static void close_one(struct sip_call *call, void *arg)
{
	struct closing *c = arg;

	if ((c->id && c->id != call->id) || (c->tenant && (!call->account || call->account->id != c->tenant)))
		return;
	sip_call_end(call, 0);
	c->closed++;
}

static int close_call(struct net *net, u32 id)
{
	struct closing c = { .id = id };
	u32 after = id - 1;

	if (id)
		sip_call_next(net, &after, close_one, &c);
	return c.closed ? 0 : -ENOENT;
}

static unsigned int close_tenant(struct net *net, u32 tenant)
{
	struct closing c = { .tenant = tenant };
	u32 id = 0;

	while (sip_call_next(net, &id, close_one, &c))
		cond_resched();
	return c.closed + sip_register_close_tenant(net, tenant);
}

static void revise_one(struct sip_call *call, void *arg)
{
	if (!sip_call_allowed(call))
		sip_call_end(call, 0);
}

static void revise(struct net *net)
{
	u32 id = 0;

	while (sip_call_next(net, &id, revise_one, NULL))
		cond_resched();
	sip_register_revise(net);
}

const struct nf_alg_call_ops sip_call_ops = {
	.walk = walk,
	.walk_registrations = sip_register_walk,
	.close = close_call,
	.close_registration = sip_register_close,
	.close_tenant = close_tenant,
	.revise = revise,
	.count = sip_call_number,
	.count_registrations = sip_register_count,
};
