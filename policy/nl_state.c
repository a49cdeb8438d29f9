// SPDX-License-Identifier: GPL-2.0-only
/* Family nf_alg: counters and pinholes, always those of the running configuration. */

#include "netlink.h"
#include "../alg/nf_alg.h"

const struct nla_policy nf_alg_stats_nla[NF_ALG_A_STATS_PROTOCOL + 1] = {
	[NF_ALG_A_STATS_TENANT]		= { .type = NLA_NUL_STRING, .len = NF_ALG_NAME_MAX },
	[NF_ALG_A_STATS_PROTOCOL]	= NLA_POLICY_MAX(NLA_U32, NF_ALG_PROTOCOL_IKE),
};

const struct nla_policy nf_alg_pinhole_get_nla[NF_ALG_A_PINHOLE_QUERY_PROTOCOL + 1] = {
	[NF_ALG_A_PINHOLE_QUERY_TENANT]		= { .type = NLA_NUL_STRING, .len = NF_ALG_NAME_MAX },
	[NF_ALG_A_PINHOLE_QUERY_PROTOCOL]	= NLA_POLICY_MAX(NLA_U32, NF_ALG_PROTOCOL_IKE),
};

const struct nla_policy nf_alg_pinhole_del_nla[NF_ALG_A_PINHOLE_QUERY_TENANT + 1] = {
	[NF_ALG_A_PINHOLE_QUERY_ID]		= { .type = NLA_U64 },
	[NF_ALG_A_PINHOLE_QUERY_TENANT]		= { .type = NLA_NUL_STRING, .len = NF_ALG_NAME_MAX },
};

/**
 * nf_alg_filter_parse() - what a request is narrowed to
 * @net:	namespace
 * @filter:	result
 * @tenant:	attribute, NULL for all
 * @protocol:	the same
 * @extack:	of the request
 * Return: 0, or -ENOENT for a tenant that is not there.
 */
int nf_alg_filter_parse(struct net *net, struct nf_alg_filter *filter, struct nlattr *tenant, struct nlattr *protocol,
			struct netlink_ext_ack *extack)
{
	struct nf_alg_policy_net *pn = nf_alg_policy_net(net);
	const struct nf_alg_tenant *found;
	struct nf_alg_conf *conf;

	memset(filter, 0, sizeof(*filter));
	filter->next = 1;
	filter->protocol = protocol ? nla_get_u32(protocol) : NF_ALG_PROTOCOLS;
	if (!tenant)
		return 0;
	rcu_read_lock();
	conf = rcu_dereference(pn->conf);
	found = conf ? nf_alg_table_find(&conf->tenants, nla_data(tenant)) : NULL;
	filter->tenant = found ? found->object.id : 0;
	rcu_read_unlock();
	if (found)
		return 0;
	return nf_alg_refuse_fmt(extack, tenant, -ENOENT, "no tenant %s", (const char *)nla_data(tenant));
}

/* The filter of a dump. Where there is no extack at its start yet (6.1), the first message refuses. */
int nf_alg_filter_prepare(struct netlink_callback *cb, int tenant, int protocol)
{
	struct nlattr **attrs = nf_alg_dump_attrs(cb);
	struct nf_alg_filter *filter = (void *)cb->ctx;
	int err;

	BUILD_BUG_ON(sizeof(*filter) > sizeof(cb->ctx));
	if (filter->ready || !cb->extack)
		return 0;
	err = nf_alg_filter_parse(sock_net(cb->skb->sk), filter, attrs[tenant], attrs[protocol], cb->extack);
	filter->ready = !err;
	return err;
}

/* ---- counters ---- */

int nf_alg_nl_stats_start(struct netlink_callback *cb)
{
	return nf_alg_filter_prepare(cb, NF_ALG_A_STATS_TENANT, NF_ALG_A_STATS_PROTOCOL);
}

static int counter_fill(struct sk_buff *skb, u32 reason, u64 value)
{
	struct nlattr *nest = nla_nest_start(skb, NF_ALG_A_STATS_COUNTER);

	if (!nest || nla_put_u32(skb, NF_ALG_A_COUNTER_REASON, reason) ||
	    nla_put_u64_64bit(skb, NF_ALG_A_COUNTER_VALUE, value, NF_ALG_A_COUNTER_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Return: number of counters that are not zero, or -EMSGSIZE. */
static int counters_fill(struct sk_buff *skb, const struct nf_alg_counters *counters)
{
	unsigned int reason;
	int n = 0;
	u64 value;

	for (reason = 0; reason < NF_ALG_REASONS; reason++) {
		value = atomic64_read(&counters->c[reason]);
		if (!value)
			continue;
		if (counter_fill(skb, reason, value))
			return -EMSGSIZE;
		n++;
	}
	return n;
}

/* One tenant's counters of one protocol, nothing if there are none. Return: 0 or -EMSGSIZE. */
static int stats_put(struct sk_buff *skb, struct netlink_callback *cb, const struct nf_alg_tenant *tenant, u32 protocol)
{
	const struct nf_alg_counters *counters = rcu_dereference(tenant->account->counters[protocol]);
	void *head;
	int n;

	if (!counters)
		return 0;
	head = nf_alg_dump_put(skb, cb);
	if (!head)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, head);
	n = -EMSGSIZE;
	if (!nla_put_string(skb, NF_ALG_A_STATS_TENANT, tenant->object.name) &&
	    !nla_put_u32(skb, NF_ALG_A_STATS_PROTOCOL, protocol))
		n = counters_fill(skb, counters);
	if (n > 0)
		genlmsg_end(skb, head);
	else
		genlmsg_cancel(skb, head);
	return min(n, 0);
}

static int stats_put_tenant(struct sk_buff *skb, struct netlink_callback *cb, const struct nf_alg_tenant *tenant)
{
	struct nf_alg_filter *filter = (void *)cb->ctx;
	int err = 0;

	for (; filter->next_protocol < NF_ALG_PROTOCOLS; filter->next_protocol++) {
		if (!nf_alg_filter_passes(filter, tenant->object.id, filter->next_protocol))
			continue;
		rcu_read_lock();
		err = stats_put(skb, cb, tenant, filter->next_protocol);
		rcu_read_unlock();
		if (err)
			return err;
	}
	filter->next_protocol = 0;
	return 0;
}

static int stats_put_all(struct sk_buff *skb, struct netlink_callback *cb, struct nf_alg_conf *conf)
{
	struct nf_alg_filter *filter = (void *)cb->ctx;
	const struct nf_alg_tenant *tenant;
	u32 id;

	cb->seq = conf->revision;
	if (filter->next && filter->next < filter->tenant)
		filter->next = filter->tenant;
	while ((id = filter->next)) {
		tenant = nf_alg_table_next(&conf->tenants, &id);
		if (!tenant || (filter->tenant && filter->tenant != id))
			break;
		if (id != filter->next)
			filter->next_protocol = 0;
		filter->next = id;
		if (stats_put_tenant(skb, cb, tenant))
			return skb->len ?: -EMSGSIZE;
		filter->next++;
		cond_resched();
	}
	filter->next = 0;
	return skb->len;
}

int nf_alg_nl_stats_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nf_alg_policy_net *pn = nf_alg_policy_net(sock_net(skb->sk));
	struct nf_alg_conf *conf;
	int ret = nf_alg_nl_stats_start(cb);

	if (ret)
		return ret;
	mutex_lock(&pn->lock);
	conf = nf_alg_conf_running(pn);
	if (conf)
		ret = stats_put_all(skb, cb, conf);
	mutex_unlock(&pn->lock);
	return ret;
}

static void account_reset(struct nf_alg_account *account, const struct nf_alg_filter *filter)
{
	struct nf_alg_counters *counters;
	unsigned int protocol, reason;

	rcu_read_lock();
	for (protocol = 0; protocol < NF_ALG_PROTOCOLS; protocol++) {
		counters = rcu_dereference(account->counters[protocol]);
		if (!counters || !nf_alg_filter_passes(filter, account->id, protocol))
			continue;
		for (reason = 0; reason < NF_ALG_REASONS; reason++)
			atomic64_set(&counters->c[reason], 0);
	}
	rcu_read_unlock();
}

int nf_alg_nl_stats_reset(struct sk_buff *skb, struct genl_info *info)
{
	struct nf_alg_policy_net *pn = nf_alg_policy_net(genl_info_net(info));
	struct nf_alg_tenant *tenant;
	struct nf_alg_conf *conf;
	struct nf_alg_filter filter;
	int err;
	u32 id;

	mutex_lock(&pn->lock);
	err = nf_alg_filter_parse(pn->net, &filter, info->attrs[NF_ALG_A_STATS_TENANT],
				  info->attrs[NF_ALG_A_STATS_PROTOCOL], info->extack);
	conf = nf_alg_conf_running(pn);
	for (id = 1; !err && conf && (tenant = nf_alg_table_next(&conf->tenants, &id)); id++) {
		account_reset(tenant->account, &filter);
		cond_resched();
	}
	mutex_unlock(&pn->lock);
	return err;
}

/* ---- pinholes ---- */

int nf_alg_address_fill(struct sk_buff *skb, int type, const struct alg_endpoint *ep)
{
	return ep->family ? nla_put(skb, type, ep->family == 4 ? 4 : 16, ep->addr) : 0;
}

int nf_alg_endpoint_fill(struct sk_buff *skb, int address_type, int port_type, const struct alg_endpoint *ep)
{
	if (nf_alg_address_fill(skb, address_type, ep))
		return -EMSGSIZE;
	return ep->port && nla_put_u16(skb, port_type, ep->port) ? -EMSGSIZE : 0;
}

#define ENDPOINT_FILL(skb, what, ep)	\
	nf_alg_endpoint_fill(skb, NF_ALG_A_PINHOLE_##what##_ADDRESS, NF_ALG_A_PINHOLE_##what##_PORT, ep)
#define FLOW_FILL(skb, what, ep)	\
	nf_alg_endpoint_fill(skb, NF_ALG_A_PINHOLE_##what, NF_ALG_A_PINHOLE_##what##_PORT, ep)

static int pinhole_fill_endpoints(struct sk_buff *skb, const struct nf_alg_pinhole_info *info)
{
	if (ENDPOINT_FILL(skb, PEER, &info->peer) || ENDPOINT_FILL(skb, PUBLIC, &info->public) ||
	    ENDPOINT_FILL(skb, TARGET, &info->target) || FLOW_FILL(skb, MASTER_SOURCE, &info->master_src) ||
	    FLOW_FILL(skb, MASTER_DESTINATION, &info->master_dst))
		return -EMSGSIZE;
	if (info->state != NF_ALG_PINHOLE_STATE_ACTIVE)
		return 0;
	return FLOW_FILL(skb, CHILD_SOURCE, &info->child_src) ?: FLOW_FILL(skb, CHILD_DESTINATION, &info->child_dst);
}

/**
 * nf_alg_pinhole_fill() - puts a pinhole into a message
 * @skb:	message
 * @type:	attribute that holds the pinhole
 * @state:	struct nf_alg_pinhole_info
 * @tenant:	name, NULL when it is gone
 *
 * Context: any. Return: 0 or -EMSGSIZE.
 */
int nf_alg_pinhole_fill(struct sk_buff *skb, int type, const void *state, const char *tenant)
{
	const struct nf_alg_pinhole_info *info = state;
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest || nla_put_u64_64bit(skb, NF_ALG_A_PINHOLE_ID, info->id, NF_ALG_A_PINHOLE_PAD) ||
	    (tenant && nla_put_string(skb, NF_ALG_A_PINHOLE_TENANT, tenant)) ||
	    nla_put_u32(skb, NF_ALG_A_PINHOLE_PROTOCOL, info->protocol) ||
	    nla_put_u32(skb, NF_ALG_A_PINHOLE_STATE, info->state) ||
	    nla_put_u8(skb, NF_ALG_A_PINHOLE_TRANSPORT, info->l4proto) ||
	    nla_put_u16(skb, NF_ALG_A_PINHOLE_ZONE, info->zone) || nla_put_u32(skb, NF_ALG_A_PINHOLE_AGE, info->age) ||
	    (info->state == NF_ALG_PINHOLE_STATE_PENDING &&
	     nla_put_u32(skb, NF_ALG_A_PINHOLE_TIMEOUT, info->timeout)) ||
	    (info->call && nla_put_u32(skb, NF_ALG_A_PINHOLE_CALL, info->call)) ||
	    pinhole_fill_endpoints(skb, info))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int dump_object(const struct nf_alg_dump *dump, struct net *net, u32 tenant, const void *info)
{
	void *head = nf_alg_dump_put(dump->skb, dump->cb);
	const struct nf_alg_tenant *found;
	int err;

	if (!head)
		return -EMSGSIZE;
	rcu_read_lock();
	found = nf_alg_tenant_by_id(net, tenant);
	err = dump->fill(dump->skb, dump->type, info, found ? found->object.name : NULL);
	rcu_read_unlock();
	if (err)
		genlmsg_cancel(dump->skb, head);
	else
		genlmsg_end(dump->skb, head);
	return err;
}

/**
 * nf_alg_dump_one() - one message of a dump, with one object in it, if it is one of those that were asked for
 * @dump:	the dump; the next call of it begins behind this object
 * @net:	namespace
 * @tenant:	id of its tenant
 * @protocol:	its protocol
 * @id:		its number
 * @info:	what is filled in
 *
 * Return: 0; -EMSGSIZE ends this call of the dump.
 */
int nf_alg_dump_one(const struct nf_alg_dump *dump, struct net *net, u32 tenant, u32 protocol, u32 id, const void *info)
{
	struct nf_alg_filter *filter = (void *)dump->cb->ctx;
	int err = 0;

	if (nf_alg_filter_passes(filter, tenant, protocol))
		err = dump_object(dump, net, tenant, info);
	if (!err)
		filter->next = id + 1;
	return err;
}

static int dump_pinhole(const struct nf_alg_pinhole_info *info, void *arg)
{
	return nf_alg_dump_one(arg, info->net, info->tenant, info->protocol, info->id, info);
}

int nf_alg_nl_pinhole_start(struct netlink_callback *cb)
{
	return nf_alg_filter_prepare(cb, NF_ALG_A_PINHOLE_QUERY_TENANT, NF_ALG_A_PINHOLE_QUERY_PROTOCOL);
}

int nf_alg_nl_pinhole_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nf_alg_dump dump = {
		.skb = skb,
		.cb = cb,
		.type = NF_ALG_A_PINHOLE_QUERY_PINHOLE,
		.fill = nf_alg_pinhole_fill,
	};
	struct nf_alg_filter *filter = (void *)cb->ctx;
	int err = nf_alg_nl_pinhole_start(cb);

	if (err || !filter->next)
		return err;
	err = nf_alg_pinhole_walk(sock_net(skb->sk), filter->next - 1, dump_pinhole, &dump);
	if (!err)
		filter->next = 0;
	return skb->len ?: err;
}

int nf_alg_nl_pinhole_del(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[NF_ALG_A_PINHOLE_QUERY_ID];
	struct nlattr *tenant = info->attrs[NF_ALG_A_PINHOLE_QUERY_TENANT];
	struct net *net = genl_info_net(info);
	struct nf_alg_filter filter;
	int err;

	if (!id && !tenant)
		return nf_alg_refuse_missing(info->extack, NULL, NF_ALG_A_PINHOLE_QUERY_ID, "which pinhole, or whose?");
	if (id && tenant)
		return nf_alg_refuse(info->extack, tenant, -EINVAL, "either id or tenant");
	if (id) {
		err = nla_get_u64(id) > U32_MAX ? -ENOENT : nf_alg_pinhole_close_id(net, nla_get_u64(id));
		return err ? nf_alg_refuse(info->extack, id, err, "no such pending pinhole") : 0;
	}
	err = nf_alg_filter_parse(net, &filter, tenant, NULL, info->extack);
	if (!err)
		nf_alg_pinhole_close_tenant(net, filter.tenant);
	return err;
}
