// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hooks around conntrack. In front of it a packet of ESP gets to know whose it is, and the zone of that client's slot, or, once
 * packets went both ways, its connection itself; behind it a new flow becomes a child of its IKE connection and is translated as
 * that is.
 */
#include <linux/icmp.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/esp.h>
#include <net/xfrm.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_ecache.h>
#include <net/netfilter/nf_conntrack_l4proto.h>
#include <net/netfilter/nf_conntrack_timeout.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "esp.h"

void esp_refuse(struct esp_net *en, const struct esp_tunnel *tunnel, enum nf_alg_reason reason)
{
	if (tunnel)
		nf_alg_count(tunnel->account, NF_ALG_PROTOCOL_IKE, reason);
	nf_alg_event_refused(en->net, tunnel ? tunnel->tenant : 0, NF_ALG_PROTOCOL_IKE, reason);
}

/* ---- zones ---- */

bool esp_zones_of(const struct sk_buff *skb, struct esp_zones *zones)
{
	const struct nf_conntrack_zone *zone;
	enum ip_conntrack_info ctinfo;
	struct nf_conntrack_zone tmp;
	const struct nf_conn *tmpl = nf_ct_get(skb, &ctinfo);

	if (!tmpl && likely(ctinfo != IP_CT_UNTRACKED)) {
		zones->id[0] = zones->id[1] = NF_CT_DEFAULT_ZONE_ID;
		zones->n = 1;
		return true;
	}
	if (!tmpl || !nf_ct_is_template(tmpl))
		return false;
	zone = nf_ct_zone_tmpl(tmpl, skb, &tmp);
	zones->id[0] = nf_ct_zone_id(zone, IP_CT_DIR_ORIGINAL);
	zones->id[1] = nf_ct_zone_id(zone, IP_CT_DIR_REPLY);
	zones->n = 1 + (zones->id[0] != zones->id[1]);
	return true;
}

static unsigned int put_template(struct sk_buff *skb, struct nf_conn *tmpl)
{
	if (!tmpl)
		return NF_ACCEPT;
	if (skb_nfct(skb))
		nf_conntrack_put(skb_nfct(skb));
	nf_conntrack_get(&tmpl->ct_general);
	nf_ct_set(skb, tmpl, IP_CT_NEW);
	return NF_ACCEPT;
}

unsigned int esp_track(struct sk_buff *skb, const struct esp_tunnel *tunnel)
{
	return put_template(skb, tunnel->tmpl);
}

/* ---- packets of unknown SPIs, or of such that are not settled ---- */

/*
 * Asks again with memory if it is that which is missing. @packet->pair is valid as long as the lock is held if the answer is
 * PASS or BOUND.
 */
static enum alg_esp_verdict decide(struct esp_group *group, struct alg_esp_pair *from, struct alg_esp_packet *packet)
{
	enum alg_esp_verdict verdict;
	struct esp_sa *fresh = NULL;

	verdict = from ? alg_esp_out(from, packet) : alg_esp_in(&group->bind, packet);
	if (verdict != ALG_ESP_NO_MEMORY)
		return verdict;
	fresh = kzalloc(sizeof(*fresh), GFP_ATOMIC | __GFP_NOWARN);
	if (!fresh)
		return verdict;
	packet->fresh = &fresh->bind;
	verdict = from ? alg_esp_out(from, packet) : alg_esp_in(&group->bind, packet);
	if (verdict != ALG_ESP_BOUND) {
		kfree(fresh);
		return verdict;
	}
	if (packet->victim)
		esp_sa_free(esp_sa_of(packet->victim));
	if (!esp_sa_add(fresh))
		return ALG_ESP_NO_MEMORY;
	nf_alg_count(esp_tunnel_of(packet->pair)->account, NF_ALG_PROTOCOL_IKE, NF_ALG_REASON_SPI_BOUND);
	return verdict;
}

/* Under the lock, which is given back. */
static unsigned int conclude(struct esp_net *en, struct sk_buff *skb, struct esp_group *group, struct esp_tunnel *tunnel,
			     enum alg_esp_verdict verdict)
{
	bool passes = verdict == ALG_ESP_PASS || verdict == ALG_ESP_BOUND;

	if (!passes)
		esp_refuse(en, tunnel, esp_reason(verdict));
	esp_unlock(group);
	return passes ? esp_track(skb, tunnel) : NF_DROP;
}

static unsigned int outbound(struct esp_net *en, struct sk_buff *skb, struct esp_tunnel *tunnel, u32 spi, u32 seq)
{
	struct alg_esp_packet packet = { .spi = spi, .seq = seq, .now = esp_now() };
	struct esp_group *group = tunnel->group;
	struct esp_sa *known;

	if (!esp_lock_tunnel(tunnel))
		return NF_ACCEPT;
	if (!esp_tunnel_allowed(tunnel)) {
		esp_unlock(group);
		return NF_ACCEPT;
	}
	known = esp_sa_find(group, ALG_ESP_OUT, spi);
	packet.known = known ? &known->bind : NULL;
	if (known)
		WRITE_ONCE(known->gen, esp_tunnel_of(known->bind.pair)->gen);
	return conclude(en, skb, group, tunnel, decide(group, &tunnel->bind, &packet));
}

bool esp_is_own_sa(const struct esp_net *en, const struct sk_buff *skb, u16 family, const union nf_inet_addr *dst, u32 spi)
{
#ifdef CONFIG_XFRM
	struct xfrm_state *x = xfrm_state_lookup(en->net, skb->mark, (const xfrm_address_t *)dst, htonl(spi), IPPROTO_ESP, family);

	if (x)
		xfrm_state_put(x);
	return x;
#else
	return false;
#endif
}

unsigned int esp_track_own(struct esp_net *en, struct sk_buff *skb, const struct esp_group *group)
{
	if (!READ_ONCE(group->bind.own))
		return NF_ACCEPT;
	return put_template(skb, esp_own_template(en));
}

/* For whom what is refused counts, under the lock. */
static struct esp_tunnel *group_first(struct esp_group *group)
{
	struct alg_link *head = &group->bind.pairs;

	return head->next == head ? NULL : esp_tunnel_of(alg_esp_entry(head->next, struct alg_esp_pair, list));
}

static unsigned int inbound(struct esp_net *en, struct sk_buff *skb, struct esp_group *group, u32 spi, u32 seq)
{
	struct alg_esp_packet packet = { .spi = spi, .seq = seq, .now = esp_now() };
	struct esp_sa *known = esp_sa_find(group, ALG_ESP_IN, spi);
	enum alg_esp_verdict verdict;
	struct esp_tunnel *tunnel;

	if (!known && esp_is_own_sa(en, skb, group->key.family, &group->key.in.dst, spi))
		return esp_track_own(en, skb, group);
	if (!esp_lock_group(group))
		return NF_ACCEPT;
	known = esp_sa_find(group, ALG_ESP_IN, spi);
	packet.known = known ? &known->bind : NULL;
	verdict = decide(group, NULL, &packet);
	if (verdict != ALG_ESP_PASS && verdict != ALG_ESP_BOUND)
		return conclude(en, skb, group, group_first(group), verdict);
	tunnel = esp_tunnel_of(packet.pair);
	if (esp_tunnel_allowed(tunnel)) {
		if (known)
			WRITE_ONCE(known->gen, tunnel->gen);
		return conclude(en, skb, group, tunnel, verdict);
	}
	esp_unlock(group);
	/* Conntrack would find another client's connection. */
	esp_refuse(en, tunnel, NF_ALG_REASON_NO_CLIENT);
	return NF_DROP;
}

/* @leaves: this box sends it, perhaps with a forwarded packet inside. */
static noinline unsigned int slow(struct esp_net *en, struct sk_buff *skb, const struct esp_key *key,
				  const struct esp_zones *zones, u32 spi, u32 seq, bool leaves)
{
	struct esp_tunnel *tunnel;
	struct esp_group *group;
	unsigned int i;

	for (i = 0; i < zones->n; i++) {
		tunnel = esp_tunnel_find(en->net, zones->id[i], key->family, &key->out.src, &key->out.dst);
		if (tunnel)
			return outbound(en, skb, tunnel, spi, seq);
		group = esp_group_find(en->net, zones->id[i], key->family, &key->in.src, &key->in.dst);
		if (group)
			return inbound(en, skb, group, spi, seq);
	}
	if (!leaves)
		return NF_ACCEPT;
	group = esp_group_find(en->net, zones->id[0], key->family, &key->out.dst, &key->out.src);
	return group ? esp_track_own(en, skb, group) : NF_ACCEPT;
}

/* ---- in front of conntrack ---- */

static bool quick(const struct esp_net *en, struct esp_sa *sa, u32 seq)
{
	return READ_ONCE(sa->gen) == smp_load_acquire(en->gen) && alg_esp_quick(&sa->bind, seq, esp_now());
}

/*
 * Takes a reference of @sa's connection. As long as the SA has one, the connection stays what it was found to be; once it has given
 * it up, the memory may be another connection's, but then @sa says so.
 */
static struct nf_conn *sa_conn_get(const struct esp_sa *sa, unsigned long nfct)
{
	struct nf_conn *ct = (struct nf_conn *)(nfct & NFCT_PTRMASK);

	if (!ct || !refcount_inc_not_zero(&ct->ct_general.use))
		return NULL;
	smp_acquire__after_ctrl_dep();
	if (likely(READ_ONCE(sa->nfct) == nfct))
		return ct;
	nf_ct_put(ct);
	return NULL;
}

/* What conntrack does for each packet of a connection without a tracker of its own. */
static void refresh(struct sk_buff *skb, struct nf_conn *ct, enum ip_conntrack_info ctinfo, struct net *net)
{
	const unsigned int *timeout = nf_ct_timeout_lookup(ct);

	nf_ct_refresh_acct(ct, ctinfo, skb, timeout ? *timeout : READ_ONCE(nf_generic_pernet(net)->timeout));
}

/*
 * The packet gets the connection that conntrack would find for it, which then has nothing left to do. @same_zone: it would look in
 * the zone of @sa's packets, if that is not a slot's. false: let conntrack look.
 */
static bool attach(const struct esp_net *en, struct sk_buff *skb, struct esp_sa *sa, bool same_zone)
{
	unsigned long nfct = READ_ONCE(sa->nfct) ?: esp_sa_seek(sa);
	struct nf_conn *ct = sa_conn_get(sa, nfct);

	if (unlikely(!ct))
		return false;
	if (unlikely(nf_ct_is_dying(ct) || nf_ct_is_expired(ct))) {
		esp_sa_release(sa, nfct);
		nf_ct_put(ct);
		return false;
	}
	if (unlikely(!same_zone && !esp_zone_is_slot(nf_ct_zone(ct)->id))) {
		nf_ct_put(ct);
		return false;
	}
	if (unlikely(skb_nfct(skb)))
		nf_conntrack_put(skb_nfct(skb));
	skb_set_nfct(skb, nfct);
	refresh(skb, ct, nfct & NFCT_INFOMASK, en->net);
	return true;
}

/* A public address that tenants in several zones share: its SAs are in zone 0. */
static struct esp_sa *sa_any_zone(struct esp_key *key, const struct esp_zones *zones)
{
	struct esp_sa *sa;

	if (likely(zones->n == 1 && !zones->id[0]))
		return NULL;
	key->zone = 0;
	sa = esp_sa_find_key(key);
	return sa && sa->bind.dir == ALG_ESP_IN && esp_tunnel_of(sa->bind.pair)->group->any_zone ? sa : NULL;
}

static unsigned int esp_packet(struct esp_net *en, struct sk_buff *skb, struct esp_key *key, unsigned int off, bool leaves)
{
	struct ip_esp_hdr buffer, *esph = skb_header_pointer(skb, off, sizeof(buffer), &buffer);
	u32 spi = esph ? ntohl(esph->spi) : 0, seq = esph ? ntohl(esph->seq_no) : 0;
	struct esp_sa *sa = NULL;
	struct esp_zones zones;
	unsigned int i;
	bool same_zone;

	if (!esp_zones_of(skb, &zones))
		return NF_ACCEPT;
	key->spi = spi;
	for (i = 0; i < zones.n && !sa; i++) {
		key->zone = zones.id[i];
		sa = esp_sa_find_key(key);
	}
	same_zone = zones.n == 1;
	if (unlikely(!sa)) {
		sa = sa_any_zone(key, &zones);
		same_zone = false;
	}
	if (unlikely(!sa || !quick(en, sa, seq)))
		return slow(en, skb, key, &zones, spi, seq, leaves);
	return likely(attach(en, skb, sa, same_zone)) ? NF_ACCEPT : put_template(skb, sa->tmpl);
}

static bool ah_forbidden(struct esp_net *en, const struct esp_key *key, struct esp_tunnel **tunnel)
{
	struct esp_group *group;

	*tunnel = esp_tunnel_find(en->net, key->zone, key->family, &key->out.src, &key->out.dst);
	if (*tunnel)
		return (*tunnel)->translated;
	group = esp_group_find(en->net, key->zone, key->family, &key->in.src, &key->in.dst);
	if (!group || !esp_lock_group(group))
		return false;
	*tunnel = group_first(group);
	esp_unlock(group);
	return *tunnel && (*tunnel)->translated;
}

/* It protects the addresses that are to be translated (RFC 4302, 3.3.3.1.1.1). */
static unsigned int ah_packet(struct esp_net *en, struct sk_buff *skb, struct esp_key *key)
{
	struct esp_tunnel *tunnel;
	struct esp_zones zones;
	unsigned int i;

	if (!esp_zones_of(skb, &zones))
		return NF_ACCEPT;
	for (i = 0; i < zones.n; i++) {
		key->zone = zones.id[i];
		key->spi = 0;
		if (!ah_forbidden(en, key, &tunnel))
			continue;
		esp_refuse(en, tunnel, NF_ALG_REASON_AH);
		return NF_DROP;
	}
	return NF_ACCEPT;
}

static unsigned int security4(struct esp_net *en, struct sk_buff *skb, const struct iphdr *iph, bool leaves)
{
	struct esp_key key;

	memset(&key, 0, sizeof(key));	/* an initialiser need not reach the rest of a union */
	write_pnet(&key.net, en->net);
	key.family = NFPROTO_IPV4;
	key.out.src.ip = iph->saddr;
	key.out.dst.ip = iph->daddr;
	if (likely(iph->protocol == IPPROTO_ESP))
		return esp_packet(en, skb, &key, skb_network_offset(skb) + ip_hdrlen(skb), leaves);
	return ah_packet(en, skb, &key);
}

static unsigned int port500(const struct esp_net *en, struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (likely(!READ_ONCE(ike_port_sessions)) || state->hook != NF_INET_PRE_ROUTING)
		return NF_ACCEPT;
	return ike_port_receive(skb, en->net);
}

static unsigned int error4(struct esp_net *en, struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (port500(en, skb, state) != NF_ACCEPT)
		return NF_DROP;
	return esp_icmp(en, skb, NFPROTO_IPV4, skb_network_offset(skb) + ip_hdrlen(skb));
}

static unsigned int before4(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct esp_net *en = priv;

	if (!atomic_read(&en->tunnels))
		return NF_ACCEPT;
	switch (iph->protocol) {
	case IPPROTO_ESP:
	case IPPROTO_AH:
		return ip_is_fragment(iph) ? NF_ACCEPT : security4(en, skb, iph, state->hook == NF_INET_LOCAL_OUT);
	case IPPROTO_ICMP:
		return ip_is_fragment(iph) ? NF_ACCEPT : error4(en, skb, state);
	case IPPROTO_UDP:
		return port500(en, skb, state);
	default:
		return NF_ACCEPT;
	}
}

/* The protocol as conntrack sees it, behind extension headers, of which AH is one; 0: none. */
static u8 protocol6(const struct sk_buff *skb, int *off)
{
	u8 proto = ipv6_hdr(skb)->nexthdr;
	__be16 frag;

	*off = skb_network_offset(skb) + sizeof(struct ipv6hdr);
	if (!ipv6_ext_hdr(proto))
		return proto;
	*off = ipv6_skip_exthdr(skb, *off, &proto, &frag);
	return *off < 0 || (frag & htons(~0x7)) ? 0 : proto;
}

static unsigned int before6(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);
	struct esp_net *en = priv;
	struct esp_key key;
	u8 proto;
	int off;

	if (!atomic_read(&en->tunnels))
		return NF_ACCEPT;
	proto = protocol6(skb, &off);
	if (proto == IPPROTO_ICMPV6)
		return esp_icmp(en, skb, NFPROTO_IPV6, off);
	if (proto != IPPROTO_ESP && ip6h->nexthdr != IPPROTO_AH)
		return NF_ACCEPT;
	memset(&key, 0, sizeof(key));
	write_pnet(&key.net, en->net);
	key.family = NFPROTO_IPV6;
	key.out.src.in6 = ip6h->saddr;
	key.out.dst.in6 = ip6h->daddr;
	if (ip6h->nexthdr == IPPROTO_AH && ah_packet(en, skb, &key) == NF_DROP)
		return NF_DROP;
	return proto == IPPROTO_ESP ? esp_packet(en, skb, &key, off, state->hook == NF_INET_LOCAL_OUT) : NF_ACCEPT;
}

/* ---- behind conntrack ---- */

static struct esp_tunnel *flow_tunnel(const struct esp_net *en, const struct nf_conn *ct, bool *outbound)
{
	const struct nf_conntrack_tuple *t = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct esp_addrs addrs = { .src = t->src.u3, .dst = t->dst.u3 };
	u16 zone = nf_ct_zone_id(nf_ct_zone(ct), IP_CT_DIR_ORIGINAL);
	u16 other = nf_ct_zone_id(nf_ct_zone(ct), IP_CT_DIR_REPLY);
	struct esp_tunnel *tunnel;

	tunnel = esp_tunnel_of_flow(en->net, zone, t->src.l3num, &addrs, outbound);
	if (!tunnel && zone != other)
		tunnel = esp_tunnel_of_flow(en->net, other, t->src.l3num, &addrs, outbound);
	return tunnel;
}

/* As conntrack does it for what is expected. @master's reference moves. */
static void adopt_flow(struct sk_buff *skb, struct nf_conn *ct, struct nf_conn *master)
{
	ct->master = master;
	__set_bit(IPS_EXPECTED_BIT, &ct->status);
#ifdef CONFIG_NF_CONNTRACK_MARK
	ct->mark = READ_ONCE(master->mark);
#endif
#ifdef CONFIG_NF_CONNTRACK_SECMARK
	ct->secmark = master->secmark;
#endif
	nf_ct_set(skb, ct, IP_CT_RELATED);
}

static unsigned int flow_refused(struct esp_net *en, const struct esp_tunnel *tunnel, enum nf_alg_reason reason)
{
	esp_refuse(en, tunnel, reason);
	return NF_DROP;
}

/* Both ways as IKE's connection, whatever the rules say: what is translated by now they don't see. */
static bool flow_translate(struct nf_conn *ct, const struct esp_tunnel *tunnel, bool outbound)
{
	if (outbound)
		return nf_alg_nat_addresses(ct, &tunnel->in.dst, &tunnel->in.src);
	return nf_alg_nat_addresses(ct, &tunnel->key.out.dst, &tunnel->key.out.src);
}

/* A packet of a tunnel that left meanwhile: a connection in its slot would be in the way of the next one's. */
static bool is_left_over(const struct nf_conn *ct)
{
	u16 zone = nf_ct_zone(ct)->id;

	return esp_zone_is_slot(zone) && zone != esp_own_zone();
}

/*
 * The first packet of a flow, or one more before the first was confirmed. Without a connection that IKE came through it is a new
 * one for the rules, too, if its client began it.
 */
static unsigned int flow_begins(struct esp_net *en, struct sk_buff *skb, struct nf_conn *ct)
{
	struct esp_tunnel *tunnel;
	struct nf_conn *master;
	bool outbound, require;

	if (ct->master || refcount_read(&ct->ct_general.use) != 1 || (ct->status & IPS_NAT_DONE_MASK))
		return NF_ACCEPT;
	tunnel = flow_tunnel(en, ct, &outbound);
	if (!tunnel || !esp_lock_tunnel(tunnel))
		return is_left_over(ct) ? flow_refused(en, NULL, NF_ALG_REASON_NO_CLIENT) : NF_ACCEPT;
	master = esp_tunnel_master(tunnel);
	require = tunnel->group->config.require_ike;
	esp_unlock(tunnel->group);

	if (!master && require && !outbound)
		return flow_refused(en, tunnel, NF_ALG_REASON_NO_IKE);
	if (tunnel->translated && !flow_translate(ct, tunnel, outbound)) {
		if (master)
			nf_ct_put(master);
		return flow_refused(en, tunnel, NF_ALG_REASON_NAT_MISSING);
	}
	if (master)
		adopt_flow(skb, ct, master);
	return NF_ACCEPT;
}

static bool flow_is_ours(const struct nf_conn *ct)
{
	return test_bit(IPS_EXPECTED_BIT, &ct->status) || esp_zone_is_slot(nf_ct_zone(ct)->id);
}

static void natt_begins(const struct esp_net *en, const struct sk_buff *skb, const struct nf_conn *ct)
{
	int off = skb_network_offset(skb) + ip_hdrlen(skb);

	if (nf_ct_l3num(ct) == NFPROTO_IPV6 && protocol6(skb, &off) != IPPROTO_UDP)
		return;
	ike_natt_begins(en->net, nf_ct_zone_id(nf_ct_zone(ct), IP_CT_DIR_ORIGINAL), skb, off, ct);
}

static unsigned int behind(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct esp_net *en = priv;
	struct nf_conn *ct;

	if (!atomic_read(&en->tunnels))
		return NF_ACCEPT;
	ct = nf_ct_get(skb, &ctinfo);
	if (!ct || nf_ct_is_template(ct))
		return NF_ACCEPT;
	if (nf_ct_protonum(ct) == IPPROTO_ESP) {
		if (unlikely(!nf_ct_is_confirmed(ct)))
			return ctinfo == IP_CT_NEW ? flow_begins(en, skb, ct) : NF_ACCEPT;
		if (ctinfo == IP_CT_ESTABLISHED_REPLY && unlikely(!test_bit(IPS_ASSURED_BIT, &ct->status)) &&
		    flow_is_ours(ct) && !test_and_set_bit(IPS_ASSURED_BIT, &ct->status))
			nf_conntrack_event_cache(IPCT_ASSURED, ct);
		return NF_ACCEPT;
	}
	if (ctinfo == IP_CT_NEW && !nf_ct_is_confirmed(ct) && nf_ct_protonum(ct) == IPPROTO_UDP &&
	    ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.dst.u.udp.port == htons(ALG_IKE_PORT_NATT))
		natt_begins(en, skb, ct);
	return NF_ACCEPT;
}

/* ---- namespaces ---- */

static const struct nf_hook_ops hooks[] = {
	{ .hook = before4, .pf = NFPROTO_IPV4, .hooknum = NF_INET_PRE_ROUTING, .priority = NF_IP_PRI_CONNTRACK - 1 },
	{ .hook = before4, .pf = NFPROTO_IPV4, .hooknum = NF_INET_LOCAL_OUT, .priority = NF_IP_PRI_CONNTRACK - 1 },
	{ .hook = behind, .pf = NFPROTO_IPV4, .hooknum = NF_INET_PRE_ROUTING, .priority = NF_IP_PRI_CONNTRACK + 1 },
	{ .hook = behind, .pf = NFPROTO_IPV4, .hooknum = NF_INET_LOCAL_OUT, .priority = NF_IP_PRI_CONNTRACK + 1 },
	{ .hook = before6, .pf = NFPROTO_IPV6, .hooknum = NF_INET_PRE_ROUTING, .priority = NF_IP6_PRI_CONNTRACK - 1 },
	{ .hook = before6, .pf = NFPROTO_IPV6, .hooknum = NF_INET_LOCAL_OUT, .priority = NF_IP6_PRI_CONNTRACK - 1 },
	{ .hook = behind, .pf = NFPROTO_IPV6, .hooknum = NF_INET_PRE_ROUTING, .priority = NF_IP6_PRI_CONNTRACK + 1 },
	{ .hook = behind, .pf = NFPROTO_IPV6, .hooknum = NF_INET_LOCAL_OUT, .priority = NF_IP6_PRI_CONNTRACK + 1 },
};

int esp_hook_start(struct esp_net *en)
{
	unsigned int i;
	int err;

	en->hooks = kmemdup(hooks, sizeof(hooks), GFP_KERNEL);
	if (!en->hooks)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		en->hooks[i].priv = en;
	err = nf_register_net_hooks(en->net, en->hooks, ARRAY_SIZE(hooks));
	if (err)
		kfree(en->hooks);
	return err;
}

/* The hooks' memory is theirs until a grace period has passed. */
void esp_hook_stop(struct esp_net *en)
{
	nf_unregister_net_hooks(en->net, en->hooks, ARRAY_SIZE(hooks));
}

void esp_hook_free(struct esp_net *en)
{
	kfree(en->hooks);
}
