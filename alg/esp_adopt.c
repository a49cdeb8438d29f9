// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module was loaded anew while IKE connections went on that it served before: they get their helper back, and their parties
 * a tunnel, before there is IKE. SPIs to the client were left with its IKE connection, in what memory a helper has there; those
 * that it sends to are learned again. What is left is ike_adopt.c's.
 */
#include <linux/mm.h>
#include <linux/netfilter_ipv6.h>
#include <net/route.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "esp.h"

#define ADOPT_MAX	65536	/* of a namespace */

struct found {
	struct nf_conn **ct;	/* with a reference each; NULL: they are counted */
	unsigned int n, max;
};

/* Conntrack took its helper away, and it stands on a service of the policy as before. */
static const struct nf_alg_tenant *orphan_tenant(const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);
	const struct nf_alg_conn *data;
	const struct nf_alg_tenant *tenant;

	if (nf_ct_protonum(ct) != IPPROTO_UDP || !help || rcu_access_pointer(help->helper) ||
	    !test_bit(IPS_HELPER_BIT, &ct->status))
		return NULL;
	data = (const struct nf_alg_conn *)help->data;
	if (!data->assigned)
		return NULL;
	tenant = nf_alg_tenant_by_id(nf_ct_net(ct), data->tenant);
	if (!tenant || nf_alg_tenant_rule(tenant, NF_ALG_PROTOCOL_IKE)->mode == NF_ALG_MODE_OFF ||
	    !nf_alg_tenant_serves(tenant, NF_ALG_PROTOCOL_IKE, &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple))
		return NULL;
	return tenant;
}

/* Nothing is deleted: conntrack's only walk for others is one that deletes what it is told to. */
static int find(struct nf_conn *ct, void *arg)
{
	struct found *found = arg;
	bool orphan;

	rcu_read_lock();
	orphan = orphan_tenant(ct);
	rcu_read_unlock();
	if (!orphan)
		return 0;
	if (!found->ct)
		found->n++;
	else if (found->n < found->max && refcount_inc_not_zero(&ct->ct_general.use))
		found->ct[found->n++] = ct;
	return 0;
}

static bool is_local(struct net *net, u16 family, const union nf_inet_addr *addr)
{
	if (family == NFPROTO_IPV4)
		return inet_addr_type(net, addr->ip) == RTN_LOCAL;
	return nf_ipv6_chk_addr(net, &addr->in6, NULL, 0);
}

/* As ike.c tells client and gateway apart. */
static bool join_of(struct esp_join *join, const struct nf_conn *ct, const struct nf_alg_tenant *tenant)
{
	bool by_gateway = !esp_translated(ct, IP_CT_DIR_ORIGINAL) && esp_translated(ct, IP_CT_DIR_REPLY);
	struct net *net = nf_ct_net(ct);

	esp_join_fill(join, ct, by_gateway ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL);
	join->tenant = tenant;
	join->account = nf_alg_tenant_account(tenant);
	join->on_service = true;
	join->gen = nf_alg_generation(net);
	join->rule = nf_alg_tenant_rule(tenant, NF_ALG_PROTOCOL_IKE);
	return join->rule->mode == NF_ALG_MODE_ON && !is_local(net, join->family, &join->out.src) &&
	       !is_local(net, join->family, &join->in.src);
}

/* ---- SPIs ---- */

static const struct alg_esp_sa *later_one(const struct alg_esp_sa *a, const struct alg_esp_sa *b)
{
	return !a || (s32)(READ_ONCE(b->last) - READ_ONCE(a->last)) > 0 ? b : a;
}

/* The inbound SA that was used last, but for those in @spis, and for what anybody may have made up. */
static const struct alg_esp_sa *latest_in(const struct esp_tunnel *tunnel, const u32 *spis, unsigned int n)
{
	const struct alg_link *head = &tunnel->bind.sas, *link;
	const struct alg_esp_sa *found = NULL;
	unsigned int i;

	for (link = head->prev; link != head; link = link->prev) {
		const struct alg_esp_sa *sa = alg_esp_entry(link, struct alg_esp_sa, list);

		for (i = 0; i < n && spis[i] != sa->spi; i++)
			;
		if (i == n && sa->dir == ALG_ESP_IN && (sa->settled || !sa->era))
			found = later_one(found, sa);
	}
	return found;
}

/* Ours in an IKE connection: its helper is the module's, or was, and not one that a rule has given it. */
static struct nf_alg_conn *conn_data(const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);
	const struct nf_conntrack_helper *helper = help ? rcu_dereference(help->helper) : NULL;

	if (!help || (helper && helper != nf_alg_protocol_helper(NF_ALG_PROTOCOL_IKE, nf_ct_l3num(ct), IPPROTO_UDP)))
		return NULL;
	return nfct_help_data(ct);
}

void esp_spis_leave(struct esp_tunnel *tunnel)
{
	struct nf_conn *ct = esp_tunnel_master(tunnel);
	const struct alg_esp_sa *sa;
	struct nf_alg_conn *data;
	unsigned int n;

	if (!ct)
		return;
	data = conn_data(ct);
	for (n = 0; data && n < NF_ALG_CONN_SPIS; n++) {
		sa = latest_in(tunnel, data->spi, n);
		if (!sa)
			break;
		data->spi[n] = sa->spi;
	}
	nf_ct_put(ct);
}

static void spi_find(struct esp_tunnel *tunnel, u32 spi)
{
	struct esp_sa *sa;

	if (esp_sa_find(tunnel->group, ALG_ESP_IN, spi))
		return;
	sa = kzalloc(sizeof(*sa), GFP_ATOMIC | __GFP_NOWARN);
	if (!sa)
		return;
	if (!alg_esp_known(&tunnel->bind, &sa->bind, spi, esp_now()))
		kfree(sa);
	else if (esp_sa_add(sa))
		nf_alg_count(tunnel->account, NF_ALG_PROTOCOL_IKE, NF_ALG_REASON_SPI_BOUND);
}

void esp_spis_find(struct esp_tunnel *tunnel, const struct nf_conn *ct)
{
	struct nf_alg_conn *data = nfct_help_data(ct);
	unsigned int n;

	for (n = 0; n < NF_ALG_CONN_SPIS && data->spi[n]; n++) {
		spi_find(tunnel, data->spi[n]);
		data->spi[n] = 0;
	}
}

/* ---- connections ---- */

static void tunnel_adopt(const struct nf_conn *ct, const struct nf_alg_tenant *tenant)
{
	enum nf_alg_reason reason;
	struct esp_tunnel *tunnel;
	struct esp_join join;
	struct esp_ike *ike;

	if (!join_of(&join, ct, tenant))
		return;
	tunnel = esp_tunnel_get_locked(&join, &reason);
	if (!tunnel) {
		nf_alg_count(join.account, NF_ALG_PROTOCOL_IKE, reason);
		return;
	}
	ike = esp_ike_new(tunnel, 0, false);
	if (ike) {
		ike->tuple = ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
		ike->zone = *nf_ct_zone(ct);
		ike->used = test_bit(IPS_SEEN_REPLY_BIT, &ct->status);
	}
	esp_spis_find(tunnel, ct);
	esp_unlock(tunnel->group);
}

static void adopt(struct nf_conn *ct)
{
	struct nf_conn_help *help = nfct_help(ct);
	struct nf_conntrack_helper *helper;
	const struct nf_alg_tenant *tenant;

	rcu_read_lock();
	helper = nf_alg_protocol_helper(NF_ALG_PROTOCOL_IKE, nf_ct_l3num(ct), IPPROTO_UDP);
	tenant = orphan_tenant(ct);
	if (helper && tenant && !nf_ct_is_dying(ct)) {
		rcu_assign_pointer(help->helper, helper);
		tunnel_adopt(ct, tenant);
	}
	rcu_read_unlock();
}

static void adopt_net(struct net *net)
{
	struct found found = {};
	struct nf_ct_iter_data iter = { .net = net, .data = &found };
	unsigned int i;

	nf_ct_iterate_cleanup_net(find, &iter);
	if (!found.n)
		return;
	found.max = min_t(unsigned int, found.n, ADOPT_MAX);
	found.ct = kvmalloc_array(found.max, sizeof(*found.ct), GFP_KERNEL);
	if (!found.ct)
		return;
	found.n = 0;
	nf_ct_iterate_cleanup_net(find, &iter);
	for (i = 0; i < found.n; i++) {
		adopt(found.ct[i]);
		nf_ct_put(found.ct[i]);
		cond_resched();
	}
	kvfree(found.ct);
}

void esp_adopt(void)
{
	struct net *net;

	if (!nf_alg_protocol_reloaded(NF_ALG_PROTOCOL_IKE))
		return;
	down_read(&net_rwsem);
	for_each_net(net)
		if (nf_alg_generation(net))
			adopt_net(net);
	up_read(&net_rwsem);
}
