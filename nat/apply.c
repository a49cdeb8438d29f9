// SPDX-License-Identifier: GPL-2.0-only
/* Applies an edit list to a packet: one sweep over the payload, one change of lengths and checksum. Knows no protocol. */
#include <linux/module.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "alg/nf_alg.h"

/*
 * struct target - the packet that is edited
 * @l4:		IPPROTO_TCP or IPPROTO_UDP
 * @hdr:	bytes of the transport header
 * @csum:	offset of the checksum within it
 */
struct target {
	struct sk_buff *skb;
	unsigned int protoff;
	u8 l4;
	unsigned int hdr;
	unsigned int csum;
};

static bool is_ipv4(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 4;
}

static u8 *l4_hdr(const struct target *t)
{
	return t->skb->data + t->protoff;
}

static unsigned int payload_len(const struct target *t)
{
	return t->skb->len - t->protoff - t->hdr;
}

/* IPv6 extension headers lie between: conntrack found the transport, protoff tells where. */
static int target_init(struct target *t, struct sk_buff *skb, unsigned int protoff, u8 l4)
{
	t->skb = skb;
	t->protoff = protoff;
	t->l4 = l4;
	if (l4 == IPPROTO_TCP) {
		if (skb->len < protoff + sizeof(struct tcphdr))
			return -EINVAL;
		t->hdr = ((struct tcphdr *)l4_hdr(t))->doff * 4;
		t->csum = offsetof(struct tcphdr, check);
	} else {
		t->hdr = sizeof(struct udphdr);
		t->csum = offsetof(struct udphdr, check);
	}
	return skb->len < protoff + t->hdr ? -EINVAL : 0;
}

/* IPv4: total length; IPv6: payload length. Both end at 65535, and so does UDP's. */
static bool too_large(const struct target *t, s32 delta)
{
	u32 ip_len = t->skb->len - skb_network_offset(t->skb);

	if (!is_ipv4(t->skb))
		ip_len -= sizeof(struct ipv6hdr);
	return (s32)ip_len + delta > 65535;
}

static void fix_ip_length(struct sk_buff *skb)
{
	u32 len = skb->len - skb_network_offset(skb);

	if (is_ipv4(skb)) {
		struct iphdr *ip = ip_hdr(skb);
		__be16 old = ip->tot_len;

		ip->tot_len = htons(len);
		csum_replace2(&ip->check, old, ip->tot_len);
	} else {
		ipv6_hdr(skb)->payload_len = htons(len - sizeof(struct ipv6hdr));
	}
}

static __sum16 pseudo(const struct target *t, u32 len)
{
	struct sk_buff *skb = t->skb;

	if (is_ipv4(skb))
		return ~csum_tcpudp_magic(ip_hdr(skb)->saddr, ip_hdr(skb)->daddr, len, t->l4, 0);
	return ~csum_ipv6_magic(&ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr, len, t->l4, 0);
}

/*
 * The sum is left to the device, or to the stack just before it: that reads the payload once, however many edits there were.
 * A UDP packet without checksum (RFC 768) stays so.
 */
static void fix_checksum(const struct target *t)
{
	struct sk_buff *skb = t->skb;
	u32 len = skb->len - t->protoff;
	__sum16 *check = (__sum16 *)(l4_hdr(t) + t->csum);

	if (t->l4 == IPPROTO_UDP) {
		((struct udphdr *)l4_hdr(t))->len = htons(len);
		if (!*check && skb->ip_summed != CHECKSUM_PARTIAL) {
			skb->ip_summed = CHECKSUM_NONE;
			return;
		}
	}
	*check = pseudo(t, len);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_headroom(skb) + t->protoff;
	skb->csum_offset = t->csum;
	skb->csum_valid = 0;
}

/* A TCP payload that one segment can't carry leaves as a GSO packet; one that was GSO may have become short enough. */
static void fix_gso(const struct target *t, u16 mss)
{
	struct skb_shared_info *sh = skb_shinfo(t->skb);
	u32 len = payload_len(t), size = sh->gso_size;

	if (t->l4 != IPPROTO_TCP || !mss)
		return;
	if (!size)
		size = mss;
	if (len <= size) {
		sh->gso_size = 0;
		sh->gso_segs = 0;
		sh->gso_type = 0;
		return;
	}
	sh->gso_size = size;
	sh->gso_segs = DIV_ROUND_UP(len, size);
	sh->gso_type = is_ipv4(t->skb) ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
}

/* A linear packet that nobody shares, with room behind it. */
static int make_room(struct sk_buff *skb, s32 delta)
{
	int missing;

	if (skb_ensure_writable(skb, skb->len))
		return -ENOMEM;
	missing = delta - skb_tailroom(skb);
	return delta > 0 && missing > 0 ? pskb_expand_head(skb, 0, missing, GFP_ATOMIC) : 0;
}

/**
 * nf_alg_apply() - applies a plan to a packet's payload in one pass
 * @skb:	packet; pointers into it are invalid afterwards
 * @protoff:	offset of the transport header
 * @l4proto:	IPPROTO_UDP or IPPROTO_TCP
 * @plan:	edits relative to the payload
 * @mss:	TCP: largest payload of one segment; a longer result leaves as a GSO packet. 0: not known
 *
 * IPv4 and IPv6; fixes lengths and checksums. Does not touch sequence numbers.
 *
 * Context: softirq or process. Return: 0; -EMSGSIZE if the packet would exceed IP's length limit, -EINVAL if an edit lies outside
 * the payload or the packet is a bundle of UDP datagrams, -ENOMEM; the packet's content is unchanged then.
 */
int nf_alg_apply(struct sk_buff *skb, unsigned int protoff, u8 l4proto, const struct alg_plan *plan, u16 mss)
{
	struct target t;
	u32 len;

	if (!plan->n)
		return 0;
	if (l4proto == IPPROTO_UDP && skb_is_gso(skb))
		return -EINVAL;
	if (make_room(skb, plan->delta))
		return -ENOMEM;
	if (target_init(&t, skb, protoff, l4proto))
		return -EINVAL;
	len = payload_len(&t);
	if (!alg_plan_fits(plan, len))
		return -EINVAL;
	if (too_large(&t, plan->delta))
		return -EMSGSIZE;

	if (plan->delta > 0)
		skb_put(skb, plan->delta);
	alg_plan_apply(plan, l4_hdr(&t) + t.hdr, len);
	if (plan->delta < 0)
		__skb_trim(skb, skb->len + plan->delta);

	if (plan->delta)
		fix_ip_length(skb);
	fix_checksum(&t);
	fix_gso(&t, mss);
	return 0;
}
EXPORT_SYMBOL_GPL(nf_alg_apply);
