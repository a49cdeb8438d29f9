// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP errors about ESP. They quote a packet's addresses and SPI; conntrack, which would translate them, knows no SPI and looks
 * in the zone of the error itself, so it is told the zone of the tunnel.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "esp.h"

/* What an error quotes: the packet's addresses as it had them where the error arose. */
struct quote {
	u16 family;
	union nf_inet_addr src, dst;
	u32 spi;
};

static bool quote_spi(const struct sk_buff *skb, unsigned int off, struct quote *q)
{
	__be32 buffer, *spi = skb_header_pointer(skb, off, sizeof(buffer), &buffer);

	if (spi)
		q->spi = ntohl(*spi);
	return spi;
}

static bool quote4(const struct sk_buff *skb, unsigned int off, struct quote *q)
{
	struct icmphdr icmp_buffer, *icmph = skb_header_pointer(skb, off, sizeof(icmp_buffer), &icmp_buffer);
	struct iphdr buffer, *iph;

	if (!icmph || !icmp_is_err(icmph->type))
		return false;
	off += sizeof(*icmph);
	iph = skb_header_pointer(skb, off, sizeof(buffer), &buffer);
	if (!iph || iph->version != 4 || iph->ihl < 5 || iph->protocol != IPPROTO_ESP || (iph->frag_off & htons(IP_OFFSET)))
		return false;
	q->src.ip = iph->saddr;
	q->dst.ip = iph->daddr;
	return quote_spi(skb, off + iph->ihl * 4, q);
}

static bool quote6(const struct sk_buff *skb, int off, struct quote *q)
{
	struct icmp6hdr icmp_buffer, *icmph = skb_header_pointer(skb, off, sizeof(icmp_buffer), &icmp_buffer);
	struct ipv6hdr buffer, *ip6h;
	__be16 frag;
	u8 proto;

	if (!icmph || (icmph->icmp6_type & ICMPV6_INFOMSG_MASK))
		return false;
	off += sizeof(*icmph);
	ip6h = skb_header_pointer(skb, off, sizeof(buffer), &buffer);
	if (!ip6h || ip6h->version != 6)
		return false;
	q->src.in6 = ip6h->saddr;
	q->dst.in6 = ip6h->daddr;
	proto = ip6h->nexthdr;
	off = ipv6_skip_exthdr(skb, off + sizeof(*ip6h), &proto, &frag);
	return off >= 0 && proto == IPPROTO_ESP && !(frag & htons(~0x7)) && quote_spi(skb, off, q);
}

/* About a client's packet, from the gateway's side. NULL: it can't be told whose that was. */
static struct esp_tunnel *by_outbound(struct esp_group *group, u32 spi)
{
	struct esp_sa *sa = esp_sa_find(group, ALG_ESP_OUT, spi);
	struct esp_tunnel *tunnel = NULL;

	if (sa)
		return esp_tunnel_of(sa->bind.pair);
	if (!esp_lock_group(group))
		return NULL;
	if (group->bind.n_pairs == 1)
		tunnel = esp_tunnel_of(alg_esp_entry(group->bind.pairs.next, struct alg_esp_pair, list));
	else
		esp_refuse(esp_net(read_pnet(&group->key.net)), NULL, NF_ALG_REASON_AMBIGUOUS);
	esp_unlock(group);
	return tunnel;
}

unsigned int esp_icmp(struct esp_net *en, struct sk_buff *skb, u16 family, unsigned int off)
{
	struct quote q = { .family = family };
	struct esp_tunnel *tunnel;
	struct esp_zones zones;
	struct esp_group *group;
	unsigned int i;

	if (!(family == NFPROTO_IPV4 ? quote4(skb, off, &q) : quote6(skb, off, &q)) || !esp_zones_of(skb, &zones))
		return NF_ACCEPT;
	for (i = 0; i < zones.n; i++) {
		/* about a packet to the client, from its side: there its address is its own */
		tunnel = esp_tunnel_find(en->net, zones.id[i], family, &q.dst, &q.src);
		if (tunnel)
			return esp_track(skb, tunnel);
		group = esp_group_find(en->net, zones.id[i], family, &q.dst, &q.src);
		if (!group)
			continue;
		if (!esp_sa_find(group, ALG_ESP_OUT, q.spi) && esp_is_own_sa(en, skb, family, &q.dst, q.spi))
			return esp_track_own(en, skb, group);
		tunnel = by_outbound(group, q.spi);
		return tunnel ? esp_track(skb, tunnel) : NF_DROP;
	}
	return NF_ACCEPT;
}
