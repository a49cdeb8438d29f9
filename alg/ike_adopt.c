// SPDX-License-Identifier: GPL-2.0-only
/*
 * IKE connections that are nobody's (yet). The module was unloaded and comes back: conntrack has kept those that it served, without
 * helper. They get it back. Or no policy served them when they began. Whose they are is found out with their initiator's next
 * message: the configuration may have been replaced.
 */
#include <linux/netdevice.h>
#include <net/netfilter/nf_conntrack_core.h>

#include "esp.h"

static DEFINE_SPINLOCK(claim_lock);	/* of what is found out, below no other lock */

static void claimed(struct esp_net *en)
{
	if (atomic_dec_and_test(&en->unclaimed))
		WRITE_ONCE(en->crowd, false);
}

static int adopt(struct nf_conn *ct, void *arg)
{
	const struct nf_conntrack_tuple *t = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct nf_conn_help *help = nfct_help(ct);
	struct nf_conntrack_helper *helper;
	struct nf_alg_conn *data;
	struct esp_net *en = arg;

	if (!help || t->dst.protonum != IPPROTO_UDP || t->dst.u.udp.port != htons(ALG_IKE_PORT))
		return 0;
	rcu_read_lock();
	helper = nf_alg_protocol_helper(NF_ALG_PROTOCOL_IKE, t->src.l3num, IPPROTO_UDP);
	if (helper && !rcu_access_pointer(help->helper)) {
		data = nfct_help_data(ct);
		if (data->assigned)
			data->adopted = true;
		data->assigned = false;
		data->orphan = true;
		data->session = NULL;
		atomic_inc(&en->unclaimed);
		rcu_assign_pointer(help->helper, helper);
		/* Conntrack marks what it deletes, then asks for its helper: one of us sees the other. */
		smp_mb();
		if (nf_ct_is_dying(ct))
			ike_orphan_known(ct);
	}
	rcu_read_unlock();
	return 0;	/* it is not to be removed */
}

void ike_adopt_all(void)
{
	struct net *net;

	down_read(&net_rwsem);
	for_each_net(net) {
		struct esp_net *en = esp_net(net);
		struct nf_ct_iter_data iter = { .net = net, .data = en };

		if (!READ_ONCE(en->crowd))
			continue;
		nf_ct_iterate_cleanup_net(adopt, &iter);
		claimed(en);
	}
	up_read(&net_rwsem);
}

void ike_orphan_known(struct nf_conn *ct)
{
	struct nf_alg_conn *data = nfct_help(ct) ? nfct_help_data(ct) : NULL;
	bool orphan;

	if (!data || likely(!READ_ONCE(data->orphan)))
		return;
	spin_lock_bh(&claim_lock);
	orphan = data->orphan;
	data->orphan = false;
	spin_unlock_bh(&claim_lock);
	if (orphan)
		claimed(esp_net(nf_ct_net(ct)));
}

bool ike_adopted(struct nf_alg_work *w)
{
	struct nf_alg_conn *data = nfct_help_data(w->ct);
	const struct nf_alg_tenant *tenant;

	if (w->dir != IP_CT_DIR_ORIGINAL)
		return false;
	tenant = nf_alg_tenant_classify(w->net, w->ct, w->skb->mark, dev_get_by_index_rcu(w->net, w->skb->skb_iif));
	if (!tenant || nf_alg_tenant_rule(tenant, NF_ALG_PROTOCOL_IKE)->mode == NF_ALG_MODE_OFF ||
	    !nf_alg_tenant_serves(tenant, NF_ALG_PROTOCOL_IKE, &w->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple))
		return false;
	spin_lock_bh(&claim_lock);
	nf_alg_conn_assigned(w->ct, nf_alg_tenant_id(tenant));
	data->adopted = false;
	spin_unlock_bh(&claim_lock);
	return true;
}
