// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module was unloaded and comes back: conntrack has kept the IKE connections that it served, without helper. They get
 * it back. Whose they are is found out anew, with the client's next message: the configuration may have been replaced.
 */
#include <linux/netdevice.h>
#include <net/netfilter/nf_conntrack_core.h>

#include "esp.h"

static int adopt(struct nf_conn *ct, void *unused)
{
	const struct nf_conntrack_tuple *t = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct nf_conn_help *help = nfct_help(ct);
	struct nf_conntrack_helper *helper;
	struct nf_alg_conn *data;

	if (!help || t->dst.protonum != IPPROTO_UDP || t->dst.u.udp.port != htons(ALG_IKE_PORT))
		return 0;
	rcu_read_lock();
	helper = nf_alg_protocol_helper(NF_ALG_PROTOCOL_IKE, t->src.l3num, IPPROTO_UDP);
	if (helper && !rcu_access_pointer(help->helper)) {
		data = nfct_help_data(ct);
		data->adopted = data->assigned;
		data->assigned = false;
		data->session = NULL;
		rcu_assign_pointer(help->helper, helper);
	}
	rcu_read_unlock();
	return 0;	/* it is not to be removed */
}

void ike_adopt_all(void)
{
	struct net *net;

	down_read(&net_rwsem);
	for_each_net(net) {
		struct nf_ct_iter_data iter = { .net = net };

		nf_ct_iterate_cleanup_net(adopt, &iter);
	}
	up_read(&net_rwsem);
}

bool ike_adopted(struct nf_alg_work *w)
{
	struct nf_alg_conn *data = nfct_help_data(w->ct);
	const struct nf_alg_tenant *tenant;

	if (w->dir != IP_CT_DIR_ORIGINAL)
		return false;
	tenant = nf_alg_tenant_classify(w->net, w->ct, w->skb->mark, dev_get_by_index_rcu(w->net, w->skb->skb_iif));
	if (!tenant || !nf_alg_tenant_serves(tenant, NF_ALG_PROTOCOL_IKE, &w->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple))
		return false;
	nf_alg_conn_assigned(w->ct, nf_alg_tenant_id(tenant));
	data->adopted = false;
	return true;
}
