// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a packet to its tenant, and from a new connection to its ALG.
 *
 * The hook runs after conntrack and after mangle, so that marks are set, and before DNAT, so that a service is what the
 * client asked for and NAT makes room for sequence adjustment because a helper is there.
 */

#include "config.h"
#include "../alg/nf_alg.h"
#include "../alg/proto/ike.h"

#include <linux/export.h>
#include <linux/netdevice.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/l3mdev.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "rules.h"

/* ---- tenants ---- */

/* The most specific mask counts: the one with the most bits. */
static const struct nf_alg_tenant *classify_mark(struct nf_alg_conf *conf, u32 mark)
{
	struct nf_alg_selector_key key = { .kind = NF_ALG_SELECTOR_MARK };
	const struct nf_alg_tenant *tenant, *best = NULL;
	u32 mask, best_mask = 0;
	unsigned int i;

	for (i = 0; i < NF_ALG_CONF_MASKS; i++) {
		mask = READ_ONCE(conf->masks[i]);
		if (!mask)
			continue;
		key.value = mark & mask;
		key.mask = mask;
		tenant = nf_alg_tenant_by_selector(conf, &key);
		if (tenant && (!best || hweight32(mask) > hweight32(best_mask) ||
			       (hweight32(mask) == hweight32(best_mask) && mask > best_mask))) {
			best = tenant;
			best_mask = mask;
		}
	}
	return best;
}

static const struct nf_alg_tenant *classify_zone(struct nf_alg_conf *conf, const struct nf_conn *ct)
{
	struct nf_alg_selector_key key = { .kind = NF_ALG_SELECTOR_ZONE };

	key.value = nf_ct_zone_id(nf_ct_zone(ct), IP_CT_DIR_ORIGINAL);
	return nf_alg_tenant_by_selector(conf, &key);
}

static const struct nf_alg_tenant *classify_interface(struct nf_alg_conf *conf, const struct net_device *dev)
{
	struct nf_alg_selector_key key = { .kind = NF_ALG_SELECTOR_INTERFACE };
	const struct nf_alg_tenant *tenant;
	struct net_device *master;

	strscpy_pad(key.name, dev->name, sizeof(key.name));
	tenant = nf_alg_tenant_by_selector(conf, &key);
	if (tenant)
		return tenant;
	master = l3mdev_master_dev_rcu(dev);
	if (!master || master == dev)
		return NULL;
	strscpy_pad(key.name, master->name, sizeof(key.name));
	return nf_alg_tenant_by_selector(conf, &key);
}

static const struct nf_alg_tenant *classify(struct nf_alg_conf *conf, const struct nf_conn *ct, u32 mark,
					    const struct net_device *dev)
{
	const struct nf_alg_tenant *tenant = NULL;

	if (READ_ONCE(conf->kinds[NF_ALG_SELECTOR_MARK]))
		tenant = classify_mark(conf, mark);
	if (!tenant && READ_ONCE(conf->kinds[NF_ALG_SELECTOR_ZONE]))
		tenant = classify_zone(conf, ct);
	if (!tenant && dev && READ_ONCE(conf->kinds[NF_ALG_SELECTOR_INTERFACE]))
		tenant = classify_interface(conf, dev);
	return tenant ?: rcu_dereference(conf->fallback);
}

const struct nf_alg_tenant *nf_alg_tenant_classify(struct net *net, const struct nf_conn *ct, u32 mark,
						   const struct net_device *dev)
{
	struct nf_alg_conf *conf = rcu_dereference(nf_alg_policy_net(net)->conf);

	return conf ? classify(conf, ct, mark, dev) : NULL;
}
EXPORT_SYMBOL_GPL(nf_alg_tenant_classify);

/**
 * nf_alg_tenant_by_id() - tenant by id
 * @net:	namespace
 * @id:		from nf_alg_tenant_id(); 0 is nobody's
 * Return: tenant, NULL when it is gone.
 */
const struct nf_alg_tenant *nf_alg_tenant_by_id(struct net *net, u32 id)
{
	struct nf_alg_conf *conf = rcu_dereference(nf_alg_policy_net(net)->conf);

	return conf && id ? nf_alg_table_by_id(&conf->tenants, id) : NULL;
}
EXPORT_SYMBOL_GPL(nf_alg_tenant_by_id);

u32 nf_alg_tenant_id(const struct nf_alg_tenant *tenant)
{
	return tenant->object.id;
}
EXPORT_SYMBOL_GPL(nf_alg_tenant_id);

struct nf_alg_ports nf_alg_tenant_ports(const struct nf_alg_tenant *tenant)
{
	return tenant->ports;
}

struct nf_alg_account *nf_alg_tenant_account(const struct nf_alg_tenant *tenant)
{
	return tenant->account;
}
EXPORT_SYMBOL_GPL(nf_alg_tenant_account);

const struct nf_alg_rule *nf_alg_tenant_rule(const struct nf_alg_tenant *tenant, enum nf_alg_protocol protocol)
{
	return &rcu_dereference(tenant->policy->def)->rule[protocol];
}
EXPORT_SYMBOL_GPL(nf_alg_tenant_rule);

/* ---- services ---- */

static bool def_serves(const struct nf_alg_policy_def *def, enum nf_alg_protocol protocol,
		       const struct nf_conntrack_tuple *tuple)
{
	unsigned int i;

	for (i = def->first[protocol]; i < def->first[protocol + 1]; i++)
		if (nf_alg_service_matches(rcu_dereference(def->service[i]->def), tuple->dst.protonum,
					   ntohs(tuple->dst.u.all), tuple->src.l3num, &tuple->dst.u3))
			return true;
	return false;
}

bool nf_alg_tenant_serves(const struct nf_alg_tenant *tenant, enum nf_alg_protocol protocol,
			  const struct nf_conntrack_tuple *tuple)
{
	return def_serves(rcu_dereference(tenant->policy->def), protocol, tuple);
}
EXPORT_SYMBOL_GPL(nf_alg_tenant_serves);

/* Protocol whose ALG the connection gets, NF_ALG_PROTOCOLS for none. */
static unsigned int tenant_match(const struct nf_alg_tenant *tenant, const struct nf_conn *ct)
{
	const struct nf_alg_policy_def *def = rcu_dereference(tenant->policy->def);
	unsigned int protocol;

	for (protocol = 0; protocol < NF_ALG_PROTOCOLS; protocol++)
		if (def->rule[protocol].mode != NF_ALG_MODE_OFF &&
		    def_serves(def, protocol, &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple))
			break;
	return protocol;
}

/* ---- the hook ---- */

/* Almost always this is all that a packet has to do with us. */
static bool port_filtered(const struct nf_alg_conf *conf, __be16 port)
{
	unsigned int bit = nf_alg_filter_bit(port);

	return !(READ_ONCE(conf->filter[BIT_WORD(bit)]) >> bit % BITS_PER_LONG & 1);
}

static bool port_served(const struct nf_alg_conf *conf, const struct nf_conntrack_tuple *tuple)
{
	bool udp = tuple->dst.protonum == IPPROTO_UDP;
	unsigned int port = ntohs(tuple->dst.u.all);

	BUILD_BUG_ON(NF_ALG_TRANSPORT_TCP != 0 || NF_ALG_TRANSPORT_UDP != 1);
	if (!udp && tuple->dst.protonum != IPPROTO_TCP)
		return false;
	return READ_ONCE(conf->ports[udp][BIT_WORD(port)]) >> port % BITS_PER_LONG & 1;
}

/* A connection that can be given a helper: still ours alone, with none yet, and nobody's child. */
static bool ct_eligible(const struct nf_conn *ct)
{
	return !nf_ct_is_template(ct) && !nf_ct_is_confirmed(ct) && !ct->master &&
	       !test_bit(IPS_HELPER_BIT, &ct->status) && !nfct_help(ct) && refcount_read(&ct->ct_general.use) == 1;
}

static bool give_helper(struct nf_conn *ct, struct nf_conntrack_helper *helper)
{
	struct nf_conn_help *help = nf_ct_helper_ext_add(ct, GFP_ATOMIC);

	/* without sequence adjustment a translated connection would break at the first rewrite: no ALG then */
	if (!help || ((ct->status & IPS_NAT_MASK) && !nfct_seqadj(ct) && !nfct_seqadj_ext_add(ct)))
		return false;
	help = nfct_help(ct);	/* extensions may have moved */
	rcu_assign_pointer(help->helper, helper);
	set_bit(IPS_HELPER_BIT, &ct->status);
	return true;
}

static void assign_helper(struct nf_conn *ct, struct nf_conntrack_helper *helper, const struct nf_alg_tenant *tenant,
			  enum nf_alg_protocol protocol)
{
	if (give_helper(ct, helper))
		nf_alg_conn_assigned(ct, tenant->object.id);
	else
		nf_alg_count(tenant->account, protocol, NF_ALG_REASON_NO_MEMORY);
}

/*
 * IKE that nobody's policy serves: it may last for days, and a policy that does so later is to reach it. Then a helper must be
 * there, which can't be added any more.
 */
static bool is_ike(const struct nf_conntrack_tuple *tuple)
{
	return tuple->dst.protonum == IPPROTO_UDP && tuple->dst.u.udp.port == htons(ALG_IKE_PORT);
}

static void assign_later(struct nf_conn *ct)
{
	struct nf_conntrack_helper *helper;

	if (!is_ike(&ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple))
		return;
	helper = nf_alg_protocol_helper(NF_ALG_PROTOCOL_IKE, nf_ct_l3num(ct), IPPROTO_UDP);
	if (helper && give_helper(ct, helper))
		nf_alg_conn_waits(ct);
}

static void assign(struct nf_alg_conf *conf, struct nf_conn *ct, const struct sk_buff *skb,
		   const struct nf_hook_state *state)
{
	const struct nf_alg_tenant *tenant = classify(conf, ct, skb->mark, state->in);
	struct nf_conntrack_helper *helper;
	unsigned int protocol;

	protocol = tenant ? tenant_match(tenant, ct) : NF_ALG_PROTOCOLS;
	if (protocol == NF_ALG_PROTOCOLS) {
		assign_later(ct);
		return;
	}
	helper = nf_alg_protocol_helper(protocol, nf_ct_l3num(ct), nf_ct_protonum(ct));
	if (helper)
		assign_helper(ct, helper, tenant, protocol);
}

/* A packet of a VRF comes here again with the VRF for an interface; the first time has decided, and asked for the VRF. */
static bool second_visit(const struct nf_hook_state *state)
{
	return state->in && netif_is_l3_master(state->in);
}

static unsigned int assign_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct nf_alg_policy_net *pn = priv;
	const struct nf_conntrack_tuple *tuple;
	enum ip_conntrack_info ctinfo;
	struct nf_alg_conf *conf;
	struct nf_conn *ct;

	ct = nf_ct_get(skb, &ctinfo);
	if (!ct || ctinfo != IP_CT_NEW)
		return NF_ACCEPT;
	conf = rcu_dereference(pn->conf);
	tuple = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	if (!conf || likely(port_filtered(conf, tuple->dst.u.all)))
		return NF_ACCEPT;
	if ((port_served(conf, tuple) || is_ike(tuple)) && ct_eligible(ct) && !second_visit(state))
		assign(conf, ct, skb, state);
	return NF_ACCEPT;
}

static const struct nf_hook_ops assign_hooks[] = {
	{ .hook = assign_hook, .pf = NFPROTO_IPV4, .hooknum = NF_INET_PRE_ROUTING, .priority = NF_IP_PRI_NAT_DST - 1 },
	{ .hook = assign_hook, .pf = NFPROTO_IPV4, .hooknum = NF_INET_LOCAL_OUT, .priority = NF_IP_PRI_NAT_DST - 1 },
	{ .hook = assign_hook, .pf = NFPROTO_IPV6, .hooknum = NF_INET_PRE_ROUTING, .priority = NF_IP6_PRI_NAT_DST - 1 },
	{ .hook = assign_hook, .pf = NFPROTO_IPV6, .hooknum = NF_INET_LOCAL_OUT, .priority = NF_IP6_PRI_NAT_DST - 1 },
};

/**
 * nf_alg_assign_start() - makes the namespace's new connections pass the hook
 * @pn:		namespace, locked, not hooked
 * Return: 0 or a negative errno.
 */
int nf_alg_assign_start(struct nf_alg_policy_net *pn)
{
	unsigned int i;
	int err;

	BUILD_BUG_ON(ARRAY_SIZE(assign_hooks) != ARRAY_SIZE(pn->hooks));
	err = nf_ct_netns_get(pn->net, NFPROTO_INET);
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(assign_hooks); i++) {
		pn->hooks[i] = assign_hooks[i];
		pn->hooks[i].priv = pn;
	}
	err = nf_register_net_hooks(pn->net, pn->hooks, ARRAY_SIZE(pn->hooks));
	if (err) {
		nf_ct_netns_put(pn->net, NFPROTO_INET);
		return err;
	}
	pn->hooked = true;
	return 0;
}

/* Packets may still be in the hook for a grace period. */
void nf_alg_assign_stop(struct nf_alg_policy_net *pn)
{
	if (!pn->hooked)
		return;
	nf_unregister_net_hooks(pn->net, pn->hooks, ARRAY_SIZE(pn->hooks));
	nf_ct_netns_put(pn->net, NFPROTO_INET);
	pn->hooked = false;
}
