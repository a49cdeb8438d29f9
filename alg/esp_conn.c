// SPDX-License-Identifier: GPL-2.0-only
/* Conntrack's view of tunnels: their ESP connections and IKE's, and what stands in their way. */
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "esp.h"

static struct nf_conn *esp_conn_get(struct net *net, u16 zone_id, u16 family, const struct esp_addrs *addrs,
				    enum ip_conntrack_dir *dir)
{
	struct nf_conntrack_tuple tuple = { .src = { .u3 = addrs->src, .l3num = family },
					    .dst = { .u3 = addrs->dst, .protonum = IPPROTO_ESP } };
	struct nf_conntrack_tuple_hash *h;
	struct nf_conntrack_zone zone;

	nf_ct_zone_init(&zone, zone_id, NF_CT_DEFAULT_ZONE_DIR, 0);
	h = nf_conntrack_find_get(net, &zone, &tuple);
	if (!h)
		return NULL;
	*dir = NF_CT_DIRECTION(h);
	return nf_ct_tuplehash_to_ctrack(h);
}

struct nf_conn *esp_tunnel_flow(const struct esp_tunnel *tunnel)
{
	const union nf_inet_addr *other;
	enum ip_conntrack_dir dir;
	struct nf_conn *ct;

	ct = esp_conn_get(esp_tunnel_net(tunnel), tunnel->zone, tunnel->key.family, &tunnel->key.out, &dir);
	if (!ct)
		return NULL;
	other = &ct->tuplehash[!dir].tuple.dst.u3;
	if (nf_inet_addr_cmp(other, &tunnel->in.dst))
		return ct;
	nf_ct_put(ct);
	return NULL;
}

void esp_tunnel_flow_kill(const struct esp_tunnel *tunnel)
{
	struct nf_conn *ct = esp_tunnel_flow(tunnel);

	if (!ct)
		return;
	nf_ct_kill(ct);
	nf_ct_put(ct);
}

bool esp_own_zone_free(const struct esp_join *join)
{
	enum ip_conntrack_dir dir;
	bool free = true;
	struct nf_conn *ct;

	if (join->out_zone != join->in_zone || esp_zone_is_slot(join->in_zone) || (join->translated && join->in_zone))
		return false;
	ct = esp_conn_get(join->net, join->in_zone, join->family, &join->in, &dir);
	if (!ct)
		return true;
	if (!nf_inet_addr_cmp(&ct->tuplehash[!dir].tuple.src.u3, &join->out.src)) {
		if (dir == IP_CT_DIR_ORIGINAL && !test_bit(IPS_SEEN_REPLY_BIT, &ct->status))
			nf_ct_kill(ct);
		else
			free = false;
	}
	nf_ct_put(ct);
	return free;
}

void esp_own_zone_clear(const struct esp_join *join, bool all)
{
	enum ip_conntrack_dir dir;
	struct nf_conn *ct = esp_conn_get(join->net, join->out_zone, join->family, &join->out, &dir);

	if (!ct)
		return;
	if (all || !nf_inet_addr_cmp(&ct->tuplehash[!dir].tuple.dst.u3, &join->in.dst))
		nf_ct_kill(ct);
	nf_ct_put(ct);
}

/* A live connection of @ike, which gave the client the public address that it has now. */
static struct nf_conn *ike_conn_get(const struct esp_tunnel *tunnel, const struct esp_ike *ike)
{
	struct nf_conntrack_tuple_hash *h;
	enum ip_conntrack_dir in;
	struct nf_conn *ct;

	if (!ike->tuple.dst.protonum)
		return NULL;
	h = nf_conntrack_find_get(esp_tunnel_net(tunnel), &ike->zone, &ike->tuple);
	if (!h)
		return NULL;
	ct = nf_ct_tuplehash_to_ctrack(h);
	in = nf_inet_addr_cmp(&ike->tuple.src.u3, &tunnel->key.out.src) ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL;
	if (NF_CT_DIRECTION(h) == IP_CT_DIR_ORIGINAL && nf_ct_is_confirmed(ct) && !nf_ct_is_dying(ct) &&
	    nf_inet_addr_cmp(&ct->tuplehash[in].tuple.dst.u3, &tunnel->in.dst))
		return ct;
	nf_ct_put(ct);
	return NULL;
}

struct nf_conn *esp_tunnel_master(struct esp_tunnel *tunnel)
{
	struct alg_link *head = &tunnel->bind.ikes, *link;
	struct nf_conn *ct;

	for (link = head->next; link != head; link = link->next) {
		ct = ike_conn_get(tunnel, esp_ike_of(alg_esp_entry(link, struct alg_esp_ike, list)));
		if (ct)
			return ct;
	}
	return NULL;
}

/* ---- of SAs ---- */

/* Both ways, and it will stay; between the tunnel's client and its public address. */
static bool fits(const struct nf_conn *ct, enum ip_conntrack_dir dir, const struct esp_sa *sa)
{
	const unsigned long wanted = IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED;
	const struct nf_conntrack_tuple *other = &ct->tuplehash[!dir].tuple;
	const struct esp_tunnel *tunnel = esp_tunnel_of(sa->bind.pair);

	if ((READ_ONCE(ct->status) & (wanted | IPS_DYING)) != wanted)
		return false;
	if (sa->bind.dir == ALG_ESP_OUT)
		return nf_inet_addr_cmp(&other->dst.u3, &tunnel->in.dst);
	return nf_inet_addr_cmp(&other->src.u3, &tunnel->key.out.src);
}

unsigned long esp_sa_seek(struct esp_sa *sa)
{
	u16 zone = sa->tmpl ? nf_ct_zone(sa->tmpl)->id : sa->key.zone;
	struct esp_addrs addrs = sa->key.out;
	enum ip_conntrack_dir dir;
	unsigned long nfct;
	struct nf_conn *ct;

	if (READ_ONCE(sa->sought) == (u32)jiffies)
		return 0;
	WRITE_ONCE(sa->sought, (u32)jiffies);
	ct = esp_conn_get(read_pnet(&sa->key.net), zone, sa->key.family, &addrs, &dir);
	if (!ct)
		return 0;
	nfct = (unsigned long)ct | (dir == IP_CT_DIR_ORIGINAL ? IP_CT_ESTABLISHED : IP_CT_ESTABLISHED_REPLY);
	if (fits(ct, dir, sa) && !cmpxchg(&sa->nfct, 0, nfct))
		return nfct;
	nf_ct_put(ct);
	return 0;
}

void esp_sa_release(struct esp_sa *sa, unsigned long nfct)
{
	if (cmpxchg(&sa->nfct, nfct, 0) == nfct)
		nf_conntrack_put((struct nf_conntrack *)(nfct & NFCT_PTRMASK));
}

void esp_sa_tidy(struct esp_sa *sa)
{
	unsigned long nfct = READ_ONCE(sa->nfct);

	if (nfct & NFCT_PTRMASK && nf_ct_is_dying((struct nf_conn *)(nfct & NFCT_PTRMASK)))
		esp_sa_release(sa, nfct);
}
