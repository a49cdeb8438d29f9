// SPDX-License-Identifier: GPL-2.0-only
/* Family nf_alg: calls and registrations, which the protocols' modules keep; dumps go through all protocols in turn. */

#include "netlink.h"
#include "../alg/nf_alg.h"

#include <linux/ctype.h>
#include <net/netfilter/nf_conntrack_acct.h>

#define QUERY(what)	NF_ALG_A_CALL_QUERY_##what

#define QUERY_TENANT	[QUERY(TENANT)] = { .type = NLA_NUL_STRING, .len = NF_ALG_NAME_MAX }
#define QUERY_PROTOCOL	[QUERY(PROTOCOL)] = NLA_POLICY_MAX(NLA_U32, NF_ALG_PROTOCOL_IKE)
#define QUERY_ID	[QUERY(ID)] = { .type = NLA_U32 }

const struct nla_policy nf_alg_call_get_nla[QUERY(PROTOCOL) + 1] = { QUERY_TENANT, QUERY_PROTOCOL };
const struct nla_policy nf_alg_call_del_nla[QUERY(PROTOCOL) + 1] = { QUERY_ID, QUERY_TENANT, QUERY_PROTOCOL };
const struct nla_policy nf_alg_registration_del_nla[QUERY(PROTOCOL) + 1] = { QUERY_ID, QUERY_PROTOCOL };

/* ---- into messages ---- */

/* Text that came off the wire: what is no printable ASCII must not reach a terminal. */
static int text_fill(struct sk_buff *skb, int type, const char *text)
{
	size_t len = strlen(text), i;
	struct nlattr *nla = nla_reserve(skb, type, len + 1);
	char *to;

	if (!nla)
		return -EMSGSIZE;
	to = nla_data(nla);
	for (i = 0; i < len; i++)
		to[i] = isascii(text[i]) && isprint(text[i]) ? text[i] : '?';
	to[len] = '\0';
	return 0;
}

#define FLOW(what)	NF_ALG_A_FLOW_##what

static int flow_fill(struct sk_buff *skb, const struct nf_alg_flow_info *info, bool accounting)
{
	struct nlattr *nest = nla_nest_start(skb, NF_ALG_A_CALL_FLOW);

	if (!nest || text_fill(skb, FLOW(TYPE), info->type) || nla_put_u32(skb, FLOW(PARTY), info->party) ||
	    nla_put_u8(skb, FLOW(TRANSPORT), info->l4proto) || nla_put_u32(skb, FLOW(STATE), info->state) ||
	    nf_alg_endpoint_fill(skb, FLOW(PEER_ADDRESS), FLOW(PEER_PORT), &info->peer) ||
	    nf_alg_endpoint_fill(skb, FLOW(PUBLIC_ADDRESS), FLOW(PUBLIC_PORT), &info->public) ||
	    nf_alg_endpoint_fill(skb, FLOW(TARGET_ADDRESS), FLOW(TARGET_PORT), &info->target))
		return -EMSGSIZE;
	if ((accounting || info->packets) &&
	    (nla_put_u64_64bit(skb, FLOW(PACKETS), info->packets, FLOW(PAD)) ||
	     nla_put_u64_64bit(skb, FLOW(BYTES), info->bytes, FLOW(PAD))))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int flows_fill(struct sk_buff *skb, const struct nf_alg_call_info *info)
{
	bool accounting = nf_ct_acct_enabled(info->net);
	unsigned int i;

	for (i = 0; i < min_t(unsigned int, info->n_flows, NF_ALG_CALL_FLOWS); i++)
		if (flow_fill(skb, &info->flows[i], accounting))
			return -EMSGSIZE;
	return 0;
}

#define CALL(what)	NF_ALG_A_CALL_##what

static int call_fill(struct sk_buff *skb, int type, const struct nf_alg_call_info *info, const char *tenant, bool flows)
{
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest || nla_put_u32(skb, CALL(ID), info->id) || (tenant && nla_put_string(skb, CALL(TENANT), tenant)) ||
	    nla_put_u32(skb, CALL(PROTOCOL), info->protocol) || nla_put_u32(skb, CALL(STATE), info->state) ||
	    text_fill(skb, CALL(NAME), info->name) || text_fill(skb, CALL(FROM), info->from) ||
	    text_fill(skb, CALL(TO), info->to) ||
	    nf_alg_endpoint_fill(skb, CALL(SOURCE_ADDRESS), CALL(SOURCE_PORT), &info->from_addr) ||
	    nf_alg_endpoint_fill(skb, CALL(DESTINATION_ADDRESS), CALL(DESTINATION_PORT), &info->to_addr) ||
	    nla_put_u32(skb, CALL(AGE), info->age) || nla_put_u32(skb, CALL(TIMEOUT), info->timeout) ||
	    (flows && flows_fill(skb, info)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * nf_alg_call_fill() - puts a call without its flows into a message
 * @skb:	message
 * @type:	attribute that holds the call
 * @state:	struct nf_alg_call_info
 * @tenant:	name, NULL when it is gone
 *
 * Context: any. Return: 0 or -EMSGSIZE.
 */
int nf_alg_call_fill(struct sk_buff *skb, int type, const void *state, const char *tenant)
{
	return call_fill(skb, type, state, tenant, false);
}

static int call_fill_flows(struct sk_buff *skb, int type, const void *state, const char *tenant)
{
	return call_fill(skb, type, state, tenant, true);
}

#define REGISTRATION(what)	NF_ALG_A_REGISTRATION_##what

/* The same for a registration, struct nf_alg_registration_info. */
int nf_alg_registration_fill(struct sk_buff *skb, int type, const void *state, const char *tenant)
{
	const struct nf_alg_registration_info *info = state;
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest || nla_put_u32(skb, REGISTRATION(ID), info->id) ||
	    (tenant && nla_put_string(skb, REGISTRATION(TENANT), tenant)) ||
	    nla_put_u32(skb, REGISTRATION(PROTOCOL), info->protocol) || text_fill(skb, REGISTRATION(AOR), info->aor) ||
	    nla_put_u8(skb, REGISTRATION(TRANSPORT), info->l4proto) ||
	    nf_alg_endpoint_fill(skb, REGISTRATION(CONTACT_ADDRESS), REGISTRATION(CONTACT_PORT), &info->contact) ||
	    nf_alg_endpoint_fill(skb, REGISTRATION(PUBLIC_ADDRESS), REGISTRATION(PUBLIC_PORT), &info->public) ||
	    nf_alg_address_fill(skb, REGISTRATION(REGISTRAR_ADDRESS), &info->registrar) ||
	    nla_put_u32(skb, REGISTRATION(AGE), info->age) || nla_put_u32(skb, REGISTRATION(TIMEOUT), info->timeout))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* ---- dumps ---- */

static int dump_call(const struct nf_alg_call_info *info, void *arg)
{
	return nf_alg_dump_one(arg, info->net, info->tenant, info->protocol, info->id, info);
}

static int dump_registration(const struct nf_alg_registration_info *info, void *arg)
{
	return nf_alg_dump_one(arg, info->net, info->tenant, info->protocol, info->id, info);
}

static int walk_calls(const struct nf_alg_call_ops *ops, struct net *net, u32 after, struct nf_alg_dump *dump)
{
	return ops->walk ? ops->walk(net, after, dump_call, dump) : 0;
}

static int walk_registrations(const struct nf_alg_call_ops *ops, struct net *net, u32 after, struct nf_alg_dump *dump)
{
	return ops->walk_registrations ? ops->walk_registrations(net, after, dump_registration, dump) : 0;
}

/* What is left of one protocol; its module stays for that long. */
static int dump_protocol(struct nf_alg_dump *dump, u32 protocol,
			 int (*walk)(const struct nf_alg_call_ops *, struct net *, u32, struct nf_alg_dump *))
{
	const struct nf_alg_filter *filter = (void *)dump->cb->ctx;
	const struct nf_alg_call_ops *ops = nf_alg_protocol_calls_get(protocol);
	int err;

	if (!ops)
		return 0;
	err = walk(ops, sock_net(dump->skb->sk), filter->next - 1, dump);
	nf_alg_protocol_put(protocol);
	return err;
}

int nf_alg_nl_call_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = NF_ALG_REPLY_SIZE;
	return nf_alg_filter_prepare(cb, QUERY(TENANT), QUERY(PROTOCOL));
}

static int dump_all(struct nf_alg_dump *dump,
		    int (*walk)(const struct nf_alg_call_ops *, struct net *, u32, struct nf_alg_dump *))
{
	struct nf_alg_filter *filter = (void *)dump->cb->ctx;
	int err = nf_alg_nl_call_start(dump->cb);

	if (err)
		return err;
	for (; filter->next_protocol < NF_ALG_PROTOCOLS; filter->next_protocol++) {
		if (filter->protocol != NF_ALG_PROTOCOLS && filter->protocol != filter->next_protocol)
			continue;
		err = dump_protocol(dump, filter->next_protocol, walk);
		if (err)
			return dump->skb->len ?: err;
		filter->next = 1;
	}
	return dump->skb->len;
}

int nf_alg_nl_call_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nf_alg_dump dump = { .skb = skb, .cb = cb, .type = QUERY(CALL), .fill = call_fill_flows };

	return dump_all(&dump, walk_calls);
}

int nf_alg_nl_registration_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nf_alg_dump dump = { .skb = skb, .cb = cb, .type = QUERY(REGISTRATION), .fill = nf_alg_registration_fill };

	return dump_all(&dump, walk_registrations);
}

/* ---- removal, numbers ---- */

static int close_call(const struct nf_alg_call_ops *ops, struct net *net, u32 id)
{
	return ops->close ? ops->close(net, id) : -ENOENT;
}

static int close_registration(const struct nf_alg_call_ops *ops, struct net *net, u32 id)
{
	return ops->close_registration ? ops->close_registration(net, id) : -ENOENT;
}

/* Ids are each protocol's own: the request must say whose it means. */
static int close_one(struct genl_info *info, const char *what,
		     int (*close)(const struct nf_alg_call_ops *, struct net *, u32))
{
	struct nlattr *id = info->attrs[QUERY(ID)], *protocol = info->attrs[QUERY(PROTOCOL)];
	const struct nf_alg_call_ops *ops;
	int err = -ENOENT;

	if (!protocol)
		return nf_alg_refuse_missing(info->extack, NULL, QUERY(PROTOCOL), "whose? ids are each protocol's own");
	ops = nf_alg_protocol_calls_get(nla_get_u32(protocol));
	if (ops) {
		err = close(ops, genl_info_net(info), nla_get_u32(id));
		nf_alg_protocol_put(nla_get_u32(protocol));
	}
	return err ? nf_alg_refuse_fmt(info->extack, id, err, "%s has no such %s",
				       nf_alg_protocol_name[nla_get_u32(protocol)], what) : 0;
}

static int close_tenant(struct genl_info *info)
{
	struct net *net = genl_info_net(info);
	const struct nf_alg_call_ops *ops;
	struct nf_alg_filter filter;
	unsigned int protocol;
	int err;

	err = nf_alg_filter_parse(net, &filter, info->attrs[QUERY(TENANT)], info->attrs[QUERY(PROTOCOL)], info->extack);
	for (protocol = 0; !err && protocol < NF_ALG_PROTOCOLS; protocol++) {
		if (!nf_alg_filter_passes(&filter, filter.tenant, protocol))
			continue;
		ops = nf_alg_protocol_calls_get(protocol);
		if (!ops)
			continue;
		if (ops->walk)	/* else it has tunnels, which are not meant */
			ops->close_tenant(net, filter.tenant);
		nf_alg_protocol_put(protocol);
	}
	return err;
}

int nf_alg_nl_call_del(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[QUERY(ID)], *tenant = info->attrs[QUERY(TENANT)];

	if (!id && !tenant)
		return nf_alg_refuse_missing(info->extack, NULL, QUERY(ID), "which call, or whose?");
	if (id && tenant)
		return nf_alg_refuse(info->extack, tenant, -EINVAL, "either id or tenant");
	return id ? close_one(info, "call", close_call) : close_tenant(info);
}

int nf_alg_nl_registration_del(struct sk_buff *skb, struct genl_info *info)
{
	if (!info->attrs[QUERY(ID)])
		return nf_alg_refuse_missing(info->extack, NULL, QUERY(ID), "which registration?");
	return close_one(info, "registration", close_registration);
}

void nf_alg_nl_call_counts(struct net *net, u32 *calls, u32 *registrations)
{
	const struct nf_alg_call_ops *ops;
	unsigned int protocol;

	*calls = 0;
	*registrations = 0;
	for (protocol = 0; protocol < NF_ALG_PROTOCOLS; protocol++) {
		ops = nf_alg_protocol_calls_get(protocol);
		if (!ops)
			continue;
		if (ops->count)
			*calls += ops->count(net);
		if (ops->count_registrations)
			*registrations += ops->count_registrations(net);
		nf_alg_protocol_put(protocol);
	}
}
