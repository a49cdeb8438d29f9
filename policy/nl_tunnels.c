// SPDX-License-Identifier: GPL-2.0-only
/* Family nf_alg: tunnels of IKE and ESP, which nf_alg_ike keeps. */

#include "netlink.h"
#include "../alg/nf_alg.h"

#include <net/netfilter/nf_conntrack_acct.h>

#define QUERY(what)	NF_ALG_A_TUNNEL_QUERY_##what

#define QUERY_TENANT	[QUERY(TENANT)] = { .type = NLA_NUL_STRING, .len = NF_ALG_NAME_MAX }

const struct nla_policy nf_alg_tunnel_get_nla[QUERY(TENANT) + 1] = { QUERY_TENANT };
const struct nla_policy nf_alg_tunnel_del_nla[QUERY(TENANT) + 1] = { [QUERY(ID)] = { .type = NLA_U32 }, QUERY_TENANT };

/* ---- into messages ---- */

#define IKE(what)	NF_ALG_A_IKE_##what

static int ikes_fill(struct sk_buff *skb, const struct nf_alg_tunnel_info *info)
{
	unsigned int i, n = min_t(unsigned int, info->n_ikes, NF_ALG_TUNNEL_IKES);
	struct nlattr *nest;

	for (i = 0; i < n; i++) {
		nest = nla_nest_start(skb, NF_ALG_A_TUNNEL_IKE);
		if (!nest || nla_put_u64_64bit(skb, IKE(ISPI), info->ike[i].ispi, IKE(PAD)) ||
		    (info->ike[i].rspi && nla_put_u64_64bit(skb, IKE(RSPI), info->ike[i].rspi, IKE(PAD))) ||
		    nla_put_u8(skb, IKE(VERSION), info->ike[i].version) ||
		    nla_put_u32(skb, IKE(AGE), info->ike[i].age) || nla_put_u32(skb, IKE(IDLE), info->ike[i].idle))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

#define SA(what)	NF_ALG_A_SA_##what

static int sas_fill(struct sk_buff *skb, const struct nf_alg_tunnel_info *info)
{
	unsigned int i, n = min_t(unsigned int, info->n_sas, NF_ALG_TUNNEL_SAS);
	struct nlattr *nest;

	for (i = 0; i < n; i++) {
		nest = nla_nest_start(skb, NF_ALG_A_TUNNEL_SA);
		if (!nest || nla_put_u32(skb, SA(SPI), info->sa[i].spi) ||
		    (info->sa[i].peer && nla_put_u32(skb, SA(PEER), info->sa[i].peer)) ||
		    nla_put_u32(skb, SA(DIRECTION), info->sa[i].in ? NF_ALG_DIRECTION_IN : NF_ALG_DIRECTION_OUT) ||
		    nla_put_u32(skb, SA(SEQUENCE), info->sa[i].seq) || nla_put_u32(skb, SA(AGE), info->sa[i].age) ||
		    nla_put_u32(skb, SA(IDLE), info->sa[i].idle))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

#define TUNNEL(what)	NF_ALG_A_TUNNEL_##what

static int traffic_fill(struct sk_buff *skb, const struct nf_alg_tunnel_info *info)
{
	if (!nf_ct_acct_enabled(info->net) && !info->packets[0] && !info->packets[1])
		return 0;
	return nla_put_u64_64bit(skb, TUNNEL(PACKETS_OUT), info->packets[0], TUNNEL(PAD)) ?:
	       nla_put_u64_64bit(skb, TUNNEL(BYTES_OUT), info->bytes[0], TUNNEL(PAD)) ?:
	       nla_put_u64_64bit(skb, TUNNEL(PACKETS_IN), info->packets[1], TUNNEL(PAD)) ?:
	       nla_put_u64_64bit(skb, TUNNEL(BYTES_IN), info->bytes[1], TUNNEL(PAD));
}

static int head_fill(struct sk_buff *skb, const struct nf_alg_tunnel_info *info, const char *tenant)
{
	if (nla_put_u32(skb, TUNNEL(ID), info->id) || (tenant && nla_put_string(skb, TUNNEL(TENANT), tenant)) ||
	    nla_put_u16(skb, TUNNEL(ZONE), info->zone) || nla_put_u16(skb, TUNNEL(SLOT), info->slot) ||
	    nla_put_u16(skb, TUNNEL(SLOT_ZONE), info->slot_zone) ||
	    (info->gate && nla_put_flag(skb, TUNNEL(GATE))) ||
	    nf_alg_address_fill(skb, TUNNEL(CLIENT_ADDRESS), &info->client) ||
	    nf_alg_address_fill(skb, TUNNEL(GATEWAY_ADDRESS), &info->gateway) ||
	    nf_alg_address_fill(skb, TUNNEL(PUBLIC_ADDRESS), &info->public) ||
	    nla_put_u32(skb, TUNNEL(AGE), info->age) || nla_put_u32(skb, TUNNEL(IDLE), info->idle) ||
	    nla_put_u32(skb, TUNNEL(IKES), info->n_ikes) || nla_put_u32(skb, TUNNEL(SAS), info->n_sas))
		return -EMSGSIZE;
	return traffic_fill(skb, info);
}

/**
 * nf_alg_tunnel_fill() - puts a tunnel without its IKE sessions and SAs into a message
 * @skb:	message
 * @type:	attribute that holds the tunnel
 * @state:	struct nf_alg_tunnel_info
 * @tenant:	name, NULL when it is gone
 *
 * Context: any. Return: 0 or -EMSGSIZE.
 */
int nf_alg_tunnel_fill(struct sk_buff *skb, int type, const void *state, const char *tenant)
{
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest || head_fill(skb, state, tenant))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int tunnel_fill_all(struct sk_buff *skb, int type, const void *state, const char *tenant)
{
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest || head_fill(skb, state, tenant) || ikes_fill(skb, state) || sas_fill(skb, state))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* ---- dump ---- */

static int dump_tunnel(const struct nf_alg_tunnel_info *info, void *arg)
{
	return nf_alg_dump_one(arg, info->net, info->tenant, NF_ALG_PROTOCOL_IKE, info->id, info);
}

/* The module's offer, NULL when it is not loaded or has no tunnels; nf_alg_protocol_put() if not. */
static const struct nf_alg_call_ops *tunnels_get(void)
{
	const struct nf_alg_call_ops *ops = nf_alg_protocol_calls_get(NF_ALG_PROTOCOL_IKE);

	if (!ops || ops->walk_tunnels)
		return ops;
	nf_alg_protocol_put(NF_ALG_PROTOCOL_IKE);
	return NULL;
}

int nf_alg_nl_tunnel_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = NF_ALG_REPLY_SIZE;
	return nf_alg_filter_prepare(cb, QUERY(TENANT), 0);
}

int nf_alg_nl_tunnel_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nf_alg_dump dump = { .skb = skb, .cb = cb, .type = QUERY(TUNNEL), .fill = tunnel_fill_all };
	struct nf_alg_filter *filter = (void *)cb->ctx;
	const struct nf_alg_call_ops *ops;
	int err = nf_alg_nl_tunnel_start(cb);

	if (err || !filter->next)
		return err;
	ops = tunnels_get();
	if (!ops)
		return 0;
	err = ops->walk_tunnels(sock_net(skb->sk), filter->next - 1, dump_tunnel, &dump);
	nf_alg_protocol_put(NF_ALG_PROTOCOL_IKE);
	if (!err)
		filter->next = 0;
	return skb->len ?: err;
}

/* ---- removal, number ---- */

static int close_id(struct genl_info *info, struct nlattr *id)
{
	const struct nf_alg_call_ops *ops = tunnels_get();
	int err = -ENOENT;

	if (ops) {
		err = ops->close_tunnel(genl_info_net(info), nla_get_u32(id));
		nf_alg_protocol_put(NF_ALG_PROTOCOL_IKE);
	}
	return err ? nf_alg_refuse(info->extack, id, err, "no such tunnel") : 0;
}

static int close_tenant(struct genl_info *info, struct nlattr *tenant)
{
	const struct nf_alg_call_ops *ops;
	struct nf_alg_filter filter;
	int err;

	err = nf_alg_filter_parse(genl_info_net(info), &filter, tenant, NULL, info->extack);
	if (err)
		return err;
	ops = tunnels_get();
	if (ops) {
		ops->close_tenant(genl_info_net(info), filter.tenant);
		nf_alg_protocol_put(NF_ALG_PROTOCOL_IKE);
	}
	return 0;
}

int nf_alg_nl_tunnel_del(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[QUERY(ID)], *tenant = info->attrs[QUERY(TENANT)];

	if (!id && !tenant)
		return nf_alg_refuse_missing(info->extack, NULL, QUERY(ID), "which tunnel, or whose?");
	if (id && tenant)
		return nf_alg_refuse(info->extack, tenant, -EINVAL, "either id or tenant");
	return id ? close_id(info, id) : close_tenant(info, tenant);
}

u32 nf_alg_nl_tunnel_count(struct net *net)
{
	const struct nf_alg_call_ops *ops = tunnels_get();
	u32 n;

	if (!ops)
		return 0;
	n = ops->count_tunnels(net);
	nf_alg_protocol_put(NF_ALG_PROTOCOL_IKE);
	return n;
}
