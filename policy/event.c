// SPDX-License-Identifier: GPL-2.0-only
/* Events to the multicast group, built only when somebody listens. */

#include "netlink.h"
#include "../alg/nf_alg.h"

#define GROUP_EVENTS	0
#define REFUSALS_RATE	100	/* events a second in one namespace; counters count them all */
#define EVENT_SIZE	1024

bool nf_alg_event_wanted(struct net *net)
{
	return genl_has_listeners(&nf_alg_family, net, GROUP_EVENTS);
}
EXPORT_SYMBOL_GPL(nf_alg_event_wanted);

/* Message with its kind set, NULL when nobody listens or memory ran out. */
static struct sk_buff *event_begin(struct net *net, enum nf_alg_event event, void **head)
{
	struct sk_buff *msg;

	if (!genl_has_listeners(&nf_alg_family, net, GROUP_EVENTS))
		return NULL;
	msg = nlmsg_new(EVENT_SIZE, GFP_ATOMIC | __GFP_NOWARN);
	if (!msg)
		return NULL;
	*head = genlmsg_put(msg, 0, 0, &nf_alg_family, 0, NF_ALG_CMD_EVENT);
	if (*head && !nla_put_u32(msg, NF_ALG_A_EVENT_EVENT, event))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static void event_end(struct net *net, struct sk_buff *msg, void *head, int err)
{
	if (err) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, head);
	genlmsg_multicast_netns(&nf_alg_family, net, msg, 0, GROUP_EVENTS, GFP_ATOMIC);
}

/* A change of the running configuration; @name of the object, NULL for the whole. Under lock. */
void nf_alg_event_config(struct nf_alg_policy_net *pn, enum nf_alg_event event, const char *name)
{
	struct sk_buff *msg;
	void *head;
	int err;

	msg = event_begin(pn->net, event, &head);
	if (!msg)
		return;
	err = nla_put_u32(msg, NF_ALG_A_EVENT_GENERATION, pn->generation);
	if (!err && name)
		err = nla_put_string(msg, NF_ALG_A_EVENT_NAME, name);
	event_end(pn->net, msg, head, err);
}

static int tenant_put(struct sk_buff *msg, struct net *net, u32 id, const struct nf_alg_tenant **found)
{
	const struct nf_alg_tenant *tenant = nf_alg_tenant_by_id(net, id);

	if (found)
		*found = tenant;
	return tenant ? nla_put_string(msg, NF_ALG_A_EVENT_TENANT, tenant->object.name) : 0;
}

/* What became of a pinhole, call, registration or tunnel: @type is its attribute. */
static void event_state(struct net *net, enum nf_alg_event event, u32 tenant_id, u32 protocol, int type,
			nf_alg_fill_fn *fill, const void *info)
{
	const struct nf_alg_tenant *tenant;
	struct sk_buff *msg;
	void *head;
	int err;

	msg = event_begin(net, event, &head);
	if (!msg)
		return;
	rcu_read_lock();
	err = tenant_put(msg, net, tenant_id, &tenant);
	if (!err)
		err = nla_put_u32(msg, NF_ALG_A_EVENT_PROTOCOL, protocol);
	if (!err)
		err = fill(msg, type, info, tenant ? tenant->object.name : NULL);
	rcu_read_unlock();
	event_end(net, msg, head, err);
}

/**
 * nf_alg_event_pinhole() - tells listeners what became of a pinhole
 * @info:	the pinhole
 * @event:	NF_ALG_EVENT_PINHOLE_*
 *
 * Context: any.
 */
void nf_alg_event_pinhole(const struct nf_alg_pinhole_info *info, enum nf_alg_event event)
{
	event_state(info->net, event, info->tenant, info->protocol, NF_ALG_A_EVENT_PINHOLE, nf_alg_pinhole_fill, info);
}

/**
 * nf_alg_event_call() - tells listeners what became of a call
 * @info:	the call; flows don't matter
 * @event:	NF_ALG_EVENT_CALL_*
 *
 * Context: any.
 */
void nf_alg_event_call(const struct nf_alg_call_info *info, enum nf_alg_event event)
{
	event_state(info->net, event, info->tenant, info->protocol, NF_ALG_A_EVENT_CALL, nf_alg_call_fill, info);
}
EXPORT_SYMBOL_GPL(nf_alg_event_call);

/**
 * nf_alg_event_registration() - tells listeners what became of a registration
 * @info:	the registration
 * @event:	NF_ALG_EVENT_REGISTERED, NF_ALG_EVENT_UNREGISTERED
 *
 * Context: any.
 */
void nf_alg_event_registration(const struct nf_alg_registration_info *info, enum nf_alg_event event)
{
	event_state(info->net, event, info->tenant, info->protocol, NF_ALG_A_EVENT_REGISTRATION,
		    nf_alg_registration_fill, info);
}
EXPORT_SYMBOL_GPL(nf_alg_event_registration);

/**
 * nf_alg_event_tunnel() - tells listeners what became of a tunnel
 * @info:	the tunnel; its IKE sessions and SAs don't matter, their numbers do
 * @event:	NF_ALG_EVENT_TUNNEL_*
 *
 * Context: any.
 */
void nf_alg_event_tunnel(const struct nf_alg_tunnel_info *info, enum nf_alg_event event)
{
	event_state(info->net, event, info->tenant, NF_ALG_PROTOCOL_IKE, NF_ALG_A_EVENT_TUNNEL, nf_alg_tunnel_fill, info);
}
EXPORT_SYMBOL_GPL(nf_alg_event_tunnel);

/**
 * nf_alg_event_refused() - tells listeners that an ALG refused something; no more often than REFUSALS_RATE
 * @net:	namespace
 * @tenant_id:	whose; 0 or gone: not named
 * @protocol:	of the ALG
 * @reason:	why
 *
 * Context: any.
 */
void nf_alg_event_refused(struct net *net, u32 tenant_id, enum nf_alg_protocol protocol, enum nf_alg_reason reason)
{
	struct sk_buff *msg;
	void *head;
	int err;

	if (!genl_has_listeners(&nf_alg_family, net, GROUP_EVENTS) ||
	    !nf_alg_bucket_take(&nf_alg_policy_net(net)->refusals, REFUSALS_RATE, REFUSALS_RATE))
		return;
	msg = event_begin(net, NF_ALG_EVENT_REFUSED, &head);
	if (!msg)
		return;
	rcu_read_lock();
	err = tenant_put(msg, net, tenant_id, NULL);
	rcu_read_unlock();
	if (!err)
		err = nla_put_u32(msg, NF_ALG_A_EVENT_PROTOCOL, protocol);
	if (!err)
		err = nla_put_u32(msg, NF_ALG_A_EVENT_REASON, reason);
	event_end(net, msg, head, err);
}
EXPORT_SYMBOL_GPL(nf_alg_event_refused);
