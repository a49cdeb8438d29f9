// SPDX-License-Identifier: GPL-2.0-only
/*
 * Option preserve-port: gateways that insist on it see source port 500 of all clients behind a public address. Conntrack gives
 * every client but one another port, and goes on believing in it: a message leaves with port 500 when conntrack is done with it
 * (in ->help), and what comes to port 500 gets the port back that its session's connection has before conntrack sees it
 * (in esp_hook.c's hook). Messages of sessions that are not preserved pass as they are: they belong to
 * the client that has port 500 itself, or to an IKE daemon of this box.
 *
 * IPv4 only: where IPv6 is translated, every host has an address of its own.
 */
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/siphash.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "esp.h"

#define PORT_BITS	11
#define PAIRS_MAX	64	/* clients of a group that are looked at for an ICMP error */

/*
 * Preserved sessions by initiator's SPI. Changed under the lock, which is taken below gateways' locks; read under RCU. A session
 * may be put in again without a grace period after it was taken out (the option, or the client's port, changed). It has one SPI as
 * long as it lives, so it is the same bucket, and who stands on it goes on with that bucket's first one: sees some twice, misses
 * none.
 */
static struct hlist_head sessions[1 << PORT_BITS];
static DEFINE_SPINLOCK(sessions_lock);
u32 ike_port_sessions;
static siphash_aligned_key_t sessions_key;

static struct hlist_head *session_bucket(u64 ispi)
{
	return &sessions[siphash_1u64(ispi, &sessions_key) & ((1 << PORT_BITS) - 1)];
}

/* ---- sessions ---- */

void ike_port_learn(struct esp_ike *ike, const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *own = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	const struct esp_tunnel *tunnel = esp_tunnel_of(ike->bind.pair);
	__be16 port = ct->tuplehash[IP_CT_DIR_REPLY].tuple.dst.u.udp.port;

	if (tunnel->key.family != NFPROTO_IPV4 || !nf_inet_addr_cmp(&own->src.u3, &tunnel->key.out.src) ||
	    own->src.u.udp.port != htons(ALG_IKE_PORT) || port == htons(ALG_IKE_PORT)) {
		ike_port_forget(ike);
		return;
	}
	if (ike->port == port)
		return;
	spin_lock_bh(&sessions_lock);
	/* What an adopted connection has before its client was heard of is no SPI; it never gets here. */
	if (WARN_ON_ONCE(!ike->bind.ispi)) {
		spin_unlock_bh(&sessions_lock);
		return;
	}
	if (!ike->port) {
		hlist_add_head_rcu(&ike->by_ispi, session_bucket(ike->bind.ispi));
		WRITE_ONCE(ike_port_sessions, ike_port_sessions + 1);
	}
	WRITE_ONCE(ike->port, port);
	spin_unlock_bh(&sessions_lock);
}

void ike_port_forget(struct esp_ike *ike)
{
	if (!ike->port)
		return;
	spin_lock_bh(&sessions_lock);
	hlist_del_rcu(&ike->by_ispi);
	WRITE_ONCE(ike_port_sessions, ike_port_sessions - 1);
	WRITE_ONCE(ike->port, 0);
	spin_unlock_bh(&sessions_lock);
}

/* ---- which port ---- */

/*
 * struct arrival - something from a gateway to a public address, or an error of a packet that went the other way
 * @port:	the gateway's
 * @zones:	in which conntrack is going to look it up
 */
struct arrival {
	struct net *net;
	union nf_inet_addr gateway, public;
	__be16 port;
	struct esp_zones zones;
};

static bool in_zone(const struct arrival *a, u16 id)
{
	return id == a->zones.id[0] || id == a->zones.id[1];
}

static __be16 port_by_spi(const struct arrival *a, u64 ispi)
{
	const struct esp_ike *ike;

	hlist_for_each_entry_rcu(ike, session_bucket(ispi), by_ispi) {
		const struct esp_tunnel *tunnel = esp_tunnel_of(ike->bind.pair);

		if (ike->bind.ispi == ispi && net_eq(esp_tunnel_net(tunnel), a->net) && in_zone(a, tunnel->in_zone) &&
		    tunnel->in.src.ip == a->gateway.ip && tunnel->in.dst.ip == a->public.ip)
			return READ_ONCE(ike->port);
	}
	return 0;
}

enum owner {
	OWNER_NONE,
	OWNER_CLIENT,
	OWNER_BOX,
};

/* Who has port 500 itself towards the gateway, so that what is not translated here is his. */
static enum owner port_owner(const struct arrival *a)
{
	struct nf_conntrack_tuple tuple = { .src = { .u3 = a->gateway, .u.udp.port = a->port, .l3num = NFPROTO_IPV4 },
					    .dst = { .u3 = a->public, .u.udp.port = htons(ALG_IKE_PORT),
						     .protonum = IPPROTO_UDP } };
	struct nf_conntrack_tuple_hash *h;
	struct nf_conntrack_zone zone;
	enum owner owner;
	struct nf_conn *ct;

	nf_ct_zone_init(&zone, a->zones.id[0], NF_CT_DEFAULT_ZONE_DIR, 0);
	h = nf_conntrack_find_get(a->net, &zone, &tuple);
	if (!h)
		return OWNER_NONE;
	ct = nf_ct_tuplehash_to_ctrack(h);
	owner = ct->tuplehash[!NF_CT_DIRECTION(h)].tuple.src.u3.ip == a->public.ip ? OWNER_BOX : OWNER_CLIENT;
	nf_ct_put(ct);
	return owner;
}

/* With its lock. */
static struct esp_group *group_lock(const struct arrival *a)
{
	struct esp_group *group;
	unsigned int i;

	for (i = 0; i < a->zones.n; i++) {
		group = esp_group_find(a->net, a->zones.id[i], NFPROTO_IPV4, &a->gateway, &a->public);
		if (group && esp_lock_group(group))
			return group;
	}
	return NULL;
}

/* *@port: that the preserved sessions of a client have. false: they have several, or another than *@port was. */
static bool port_of_pair(const struct alg_esp_pair *pair, __be16 *port)
{
	const struct alg_link *link;

	for (link = pair->ikes.next; link != &pair->ikes; link = link->next) {
		const struct esp_ike *ike = esp_ike_of(alg_esp_entry(link, struct alg_esp_ike, list));

		if (ike->port && *port && ike->port != *port)
			return false;
		*port = ike->port ?: *port;
	}
	return true;
}

/*
 * A gateway rekeyed an IKE SA and uses the new one first, whose SPIs were told under encryption: it is the one of the client that
 * is making SAs with it right now (there is no more than one), unless this box has an IKE daemon that talks to the gateway. What
 * begins an IKE SA in clear is for who has the port itself.
 */
static __be16 port_of_window(const struct arrival *a)
{
	struct esp_group *group = port_owner(a) == OWNER_BOX ? NULL : group_lock(a);
	u32 now = (u32)esp_now();
	__be16 port = 0;

	if (!group)
		return 0;
	if (group->bind.holder && (s32)(now - group->bind.opened) < (s32)group->bind.span &&
	    !port_of_pair(group->bind.holder, &port))
		port = 0;
	esp_unlock(group);
	return port;
}

/* An error that doesn't quote the SPI: whose, if it can be one client's only? */
static __be16 port_of_group(const struct arrival *a)
{
	struct esp_group *group = port_owner(a) == OWNER_NONE ? group_lock(a) : NULL;
	const struct alg_link *link;
	__be16 port = 0;
	bool one;

	if (!group)
		return 0;
	one = group->bind.n_pairs <= PAIRS_MAX;
	for (link = group->bind.pairs.next; link != &group->bind.pairs && one; link = link->next)
		one = port_of_pair(alg_esp_entry(link, struct alg_esp_pair, list), &port);
	esp_unlock(group);
	return one ? port : 0;
}

/* ---- packets ---- */

static void port_set(struct sk_buff *skb, struct udphdr *uh, __be16 *where, __be16 port)
{
	if (uh->check || skb->ip_summed == CHECKSUM_PARTIAL) {
		inet_proto_csum_replace2(&uh->check, skb, *where, port, false);
		if (!uh->check)
			uh->check = CSUM_MANGLED_0;
	}
	*where = port;
}

int ike_port_send(struct sk_buff *skb, unsigned int protoff)
{
	struct udphdr *uh;

	if (skb_ensure_writable(skb, protoff + sizeof(*uh)))
		return NF_DROP;
	uh = (struct udphdr *)(skb->data + protoff);
	port_set(skb, uh, &uh->source, htons(ALG_IKE_PORT));
	return NF_ACCEPT;
}

static unsigned int receive_udp(struct sk_buff *skb, unsigned int off, struct arrival *a)
{
	struct {
		struct udphdr uh;
		__be64 ispi, rspi;
	} __packed buffer, *head = skb_header_pointer(skb, off, sizeof(buffer), &buffer);
	struct udphdr *uh;
	__be16 port;

	if (!head || head->uh.dest != htons(ALG_IKE_PORT))
		return NF_ACCEPT;
	a->gateway.ip = ip_hdr(skb)->saddr;
	a->public.ip = ip_hdr(skb)->daddr;
	a->port = head->uh.source;
	port = port_by_spi(a, get_unaligned_be64(&head->ispi));
	if (!port && head->rspi)
		port = port_of_window(a);
	if (!port)
		return NF_ACCEPT;
	if (skb_ensure_writable(skb, off + sizeof(*uh)))
		return NF_DROP;
	uh = (struct udphdr *)(skb->data + off);
	port_set(skb, uh, &uh->dest, port);
	return NF_ACCEPT;
}

/* ICMP's sum covers all of what it quotes. */
static void quoted_port_set(struct sk_buff *skb, unsigned int off, unsigned int inner, bool has_sum, __be16 port)
{
	struct icmphdr *icmph = (struct icmphdr *)(skb->data + off);
	struct udphdr *uh = (struct udphdr *)(skb->data + inner);
	__be16 from = uh->source;
	__sum16 sum;

	uh->source = port;
	inet_proto_csum_replace2(&icmph->checksum, skb, from, port, false);
	if (!has_sum || !uh->check)
		return;
	sum = uh->check;
	csum_replace2(&uh->check, from, port);
	inet_proto_csum_replace2(&icmph->checksum, skb, (__force __be16)sum, (__force __be16)uh->check, false);
}

/* An error about a message that left from port 500. */
static unsigned int receive_icmp(struct sk_buff *skb, unsigned int off, struct arrival *a)
{
	unsigned int inner = off + sizeof(struct icmphdr);
	struct icmphdr icmp_buffer, *icmph = skb_header_pointer(skb, off, sizeof(icmp_buffer), &icmp_buffer);
	struct iphdr ip_buffer, *iph;
	__be16 ports_buffer[2], *ports;
	__be64 ispi_buffer, *ispi;
	__be16 port;

	if (!icmph || (icmph->type != ICMP_DEST_UNREACH && icmph->type != ICMP_TIME_EXCEEDED && icmph->type != ICMP_PARAMETERPROB))
		return NF_ACCEPT;
	iph = skb_header_pointer(skb, inner, sizeof(ip_buffer), &ip_buffer);
	if (!iph || iph->version != 4 || iph->ihl < 5 || iph->protocol != IPPROTO_UDP || iph->frag_off & htons(IP_OFFSET) ||
	    iph->saddr != ip_hdr(skb)->daddr)
		return NF_ACCEPT;
	a->gateway.ip = iph->daddr;
	a->public.ip = iph->saddr;
	inner += iph->ihl * 4;
	ports = skb_header_pointer(skb, inner, sizeof(ports_buffer), ports_buffer);
	if (!ports || ports[0] != htons(ALG_IKE_PORT))
		return NF_ACCEPT;
	a->port = ports[1];
	ispi = skb_header_pointer(skb, inner + sizeof(struct udphdr), sizeof(ispi_buffer), &ispi_buffer);
	port = ispi ? port_by_spi(a, get_unaligned_be64(ispi)) : port_of_group(a);
	if (!port)
		return NF_ACCEPT;
	if (skb_ensure_writable(skb, min_t(unsigned int, skb->len, inner + sizeof(struct udphdr))))
		return NF_DROP;
	quoted_port_set(skb, off, inner, skb->len >= inner + sizeof(struct udphdr), port);
	return NF_ACCEPT;
}

unsigned int ike_port_receive(struct sk_buff *skb, struct net *net)
{
	struct arrival a;
	unsigned int off;

	if (ip_is_fragment(ip_hdr(skb)) || !esp_zones_of(skb, &a.zones))
		return NF_ACCEPT;
	a.net = net;
	off = skb_network_offset(skb) + ip_hdrlen(skb);
	return ip_hdr(skb)->protocol == IPPROTO_UDP ? receive_udp(skb, off, &a) : receive_icmp(skb, off, &a);
}

void ike_port_init(void)
{
	get_random_bytes(&sessions_key, sizeof(sessions_key));
}
