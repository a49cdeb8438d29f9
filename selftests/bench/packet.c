// SPDX-License-Identifier: GPL-2.0-only
/* IPv4 packets as they reach netfilter: linear, unshared, with the checksum verified by the device. */
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>

#include "bench.h"

#define HEADROOM	128
#define TAILROOM	128

unsigned int bench_headers(u8 l4proto)
{
	return sizeof(struct iphdr) + (l4proto == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr));
}

static void put_ip(struct sk_buff *skb, const struct bench_packet *p, unsigned int total)
{
	struct iphdr *ip = skb_put_zero(skb, sizeof(*ip));

	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->ttl = 64;
	ip->protocol = p->l4proto;
	ip->saddr = htonl(p->src);
	ip->daddr = htonl(p->dst);
	ip->tot_len = htons(total);
	ip_send_check(ip);
}

static void put_tcp(struct sk_buff *skb, const struct bench_packet *p)
{
	struct tcphdr *th = skb_put_zero(skb, sizeof(*th));

	th->source = htons(p->sport);
	th->dest = htons(p->dport);
	th->seq = htonl(p->seq);
	th->ack_seq = htonl(p->ack_seq);
	th->doff = sizeof(*th) / 4;
	th->syn = p->syn;
	th->ack = p->ack;
	th->psh = p->len != 0;
	th->window = htons(64000);
}

static void put_udp(struct sk_buff *skb, const struct bench_packet *p)
{
	struct udphdr *uh = skb_put_zero(skb, sizeof(*uh));

	uh->source = htons(p->sport);
	uh->dest = htons(p->dport);
	uh->len = htons(sizeof(*uh) + p->len);
	uh->check = CSUM_MANGLED_0;	/* there is a checksum, nobody looks at its value */
}

struct sk_buff *bench_skb(const struct bench_packet *p)
{
	unsigned int headers = bench_headers(p->l4proto);
	struct sk_buff *skb = alloc_skb(HEADROOM + headers + p->len + TAILROOM, GFP_KERNEL);

	if (!skb)
		return NULL;
	skb_reserve(skb, HEADROOM);
	skb_reset_network_header(skb);
	put_ip(skb, p, headers + p->len);
	skb_set_transport_header(skb, sizeof(struct iphdr));
	if (p->l4proto == IPPROTO_TCP)
		put_tcp(skb, p);
	else
		put_udp(skb, p);
	if (p->len)
		skb_put_data(skb, p->data, p->len);
	skb->protocol = htons(ETH_P_IP);
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->dev = p->net->loopback_dev;
	return skb;
}
