// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests nf_alg_apply() on packets of every make: IPv4 and IPv6, UDP and TCP, each way a checksum can be carried, linear, paged,
 * shared, without tailroom, GSO. Prints one line "apply: ok TITLE" or "apply: not ok TITLE: why" for each case to the kernel's log
 * and a closing "apply: done"; never stays loaded.
 */
#include <linux/module.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/in6.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "alg/nf_alg.h"

#define PAYLOAD	600
#define HEADROOM 64

enum shape { LINEAR, TIGHT, PAGED, CLONED, SHAPES };
static const char *const shape_name[] = { "linear", "no tailroom", "paged", "cloned" };

static const u8 summed[] = { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, CHECKSUM_COMPLETE, CHECKSUM_PARTIAL };
static const char *const summed_name[] = { "none", "unnecessary", "complete", "partial" };

struct make {
	bool v6, tcp;
	enum shape shape;
	unsigned int summed;
};

static u8 *source, *want;

static unsigned int ip_len(const struct make *m)
{
	return m->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

static unsigned int l4_len(const struct make *m)
{
	return m->tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr);
}

static u8 l4_proto(const struct make *m)
{
	return m->tcp ? IPPROTO_TCP : IPPROTO_UDP;
}

static __sum16 *check_field(const struct make *m, struct sk_buff *skb)
{
	void *l4 = skb->data + ip_len(m);

	return m->tcp ? &((struct tcphdr *)l4)->check : &((struct udphdr *)l4)->check;
}

static __sum16 magic(const struct make *m, struct sk_buff *skb, u32 len, __wsum sum)
{
	if (m->v6)
		return csum_ipv6_magic(&ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr, len, l4_proto(m), sum);
	return csum_tcpudp_magic(ip_hdr(skb)->saddr, ip_hdr(skb)->daddr, len, l4_proto(m), sum);
}

static void put_ip(const struct make *m, struct sk_buff *skb, u32 len)
{
	if (m->v6) {
		struct ipv6hdr *ip6 = skb_put_zero(skb, sizeof(*ip6));

		ip6->version = 6;
		ip6->hop_limit = 64;
		ip6->nexthdr = l4_proto(m);
		ip6->payload_len = htons(l4_len(m) + len);
		ip6->saddr.s6_addr32[0] = htonl(0x20010db8);
		ip6->daddr.s6_addr32[0] = htonl(0x20010db8);
		ip6->daddr.s6_addr32[3] = htonl(2);
	} else {
		struct iphdr *ip = skb_put_zero(skb, sizeof(*ip));

		ip->version = 4;
		ip->ihl = 5;
		ip->ttl = 64;
		ip->protocol = l4_proto(m);
		ip->saddr = htonl(0xc0a8010b);
		ip->daddr = htonl(0xcb007102);
		ip->tot_len = htons(sizeof(*ip) + l4_len(m) + len);
		ip->check = ip_fast_csum(ip, 5);
	}
}

static void put_l4(const struct make *m, struct sk_buff *skb, u32 len)
{
	if (m->tcp) {
		struct tcphdr *th = skb_put_zero(skb, sizeof(*th));

		th->source = htons(40000);
		th->dest = htons(21);
		th->seq = htonl(0xfffffff0);
		th->doff = 5;
		th->ack = 1;
	} else {
		struct udphdr *uh = skb_put_zero(skb, sizeof(*uh));

		uh->source = htons(40000);
		uh->dest = htons(69);
		uh->len = htons(sizeof(*uh) + len);
	}
}

/* Half of the payload goes into a page. */
static int make_paged(struct sk_buff *skb, u32 len)
{
	struct page *page = alloc_page(GFP_KERNEL);
	u32 half = len / 2;

	if (!page)
		return -ENOMEM;
	skb_put_data(skb, source, len - half);
	memcpy(page_address(page), source + len - half, half);
	skb_add_rx_frag(skb, 0, page, 0, half, PAGE_SIZE);
	return 0;
}

static void set_checksum(const struct make *m, struct sk_buff *skb, u32 len)
{
	u32 off = ip_len(m), total = l4_len(m) + len;

	skb->ip_summed = summed[m->summed];
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		*check_field(m, skb) = ~magic(m, skb, total, 0);
		skb->csum_start = skb_headroom(skb) + off;
		skb->csum_offset = (u8 *)check_field(m, skb) - (skb->data + off);
		return;
	}
	*check_field(m, skb) = 0;
	*check_field(m, skb) = magic(m, skb, total, skb_checksum(skb, off, total, 0));
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = skb_checksum(skb, 0, skb->len, 0);
}

static struct sk_buff *make_skb(const struct make *m, u32 len)
{
	u32 linear = ip_len(m) + l4_len(m) + (m->shape == PAGED ? len - len / 2 : len);
	struct sk_buff *skb = alloc_skb(HEADROOM + linear + (m->shape == TIGHT || m->shape == PAGED ? 0 : 2048), GFP_KERNEL);

	if (!skb)
		return NULL;
	skb_reserve(skb, HEADROOM);
	if (m->shape == TIGHT)	/* the allocator rounds up */
		skb_reserve(skb, skb_tailroom(skb) - linear);
	skb_reset_network_header(skb);
	put_ip(m, skb, len);
	skb_set_transport_header(skb, ip_len(m));
	put_l4(m, skb, len);
	skb->protocol = htons(m->v6 ? ETH_P_IPV6 : ETH_P_IP);
	if (m->shape != PAGED) {
		skb_put_data(skb, source, len);
	} else if (make_paged(skb, len)) {
		kfree_skb(skb);
		return NULL;
	}
	set_checksum(m, skb, len);
	return skb;
}

/* Why the packet is not what it should be, NULL if it is. */
static const char *inspect(const struct make *m, struct sk_buff *skb, const u8 *payload, u32 len)
{
	u32 off = ip_len(m), total = l4_len(m) + len;

	if (skb->len != off + total)
		return "length of the packet";
	if (skb_linearize(skb))
		return "memory";
	if (memcmp(skb->data + off + l4_len(m), payload, len))
		return "payload";
	if (m->v6 ? ntohs(ipv6_hdr(skb)->payload_len) != total : ntohs(ip_hdr(skb)->tot_len) != skb->len)
		return "length in the IP header";
	if (!m->v6 && ip_fast_csum(ip_hdr(skb), 5))
		return "checksum of the IP header";
	if (!m->tcp && ntohs(((struct udphdr *)(skb->data + off))->len) != total)
		return "length in the UDP header";
	if (skb->ip_summed == CHECKSUM_PARTIAL && skb_checksum_help(skb))
		return "deferred checksum";
	if (magic(m, skb, total, skb_checksum(skb, off, total, 0)))
		return "checksum of the transport";
	return NULL;
}

static void report(const char *why, const char *fmt, ...)
{
	struct va_format vf;
	va_list args;

	va_start(args, fmt);
	vf.fmt = fmt;
	vf.va = &args;
	if (why)
		pr_info("apply: not ok %pV: %s\n", &vf, why);
	else
		pr_info("apply: ok %pV\n", &vf);
	va_end(args);
}

/* ---- edits ---- */

static struct alg_edit edits[4];
static u8 bytes[256];

static const struct recipe {
	const char *name;
	unsigned int n;
	struct { u32 off; u16 old_len; const char *text; } edit[4];
} recipes[] = {
	{ "no edit", 0, { } },
	{ "same length", 1, { { 5, 4, "ABCD" } } },
	{ "growth at the start", 1, { { 0, 1, "longer than it was" } } },
	{ "growth at the end", 1, { { PAYLOAD - 1, 1, "one more at the end" } } },
	{ "insertion at both ends", 2, { { 0, 0, "head" }, { PAYLOAD, 0, "tail" } } },
	{ "shrinking", 2, { { 3, 40, "x" }, { 100, 200, "" } } },
	{ "mixed", 4, { { 10, 20, "a" }, { 50, 2, "much longer text than two" }, { 200, 100, "" },
			{ 500, 1, "another longer one" } } },
	{ "everything replaced", 1, { { 0, PAYLOAD, "short" } } },
};

static bool plan_of(const struct recipe *r, struct alg_plan *plan)
{
	unsigned int i;

	alg_plan_init(plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
	for (i = 0; i < r->n; i++)
		if (!alg_plan_add(plan, r->edit[i].off, r->edit[i].old_len, r->edit[i].text, strlen(r->edit[i].text)))
			return false;
	return true;
}

/* What the payload must become, made the simple way. */
static u32 expect_of(const struct recipe *r)
{
	u32 from = 0, to = 0;
	unsigned int i;

	for (i = 0; i < r->n; i++) {
		memcpy(want + to, source + from, r->edit[i].off - from);
		to += r->edit[i].off - from;
		memcpy(want + to, r->edit[i].text, strlen(r->edit[i].text));
		to += strlen(r->edit[i].text);
		from = r->edit[i].off + r->edit[i].old_len;
	}
	memcpy(want + to, source + from, PAYLOAD - from);
	return to + PAYLOAD - from;
}

static const char *run_case(const struct make *m, const struct recipe *r)
{
	struct sk_buff *skb = make_skb(m, PAYLOAD), *twin = NULL;
	const char *why = NULL;
	struct alg_plan plan;
	u32 len = expect_of(r);

	if (!skb)
		return "memory";
	if (m->shape == CLONED)
		twin = skb_clone(skb, GFP_KERNEL);
	if (!plan_of(r, &plan))
		why = "the plan was refused";
	else if (nf_alg_apply(skb, ip_len(m), l4_proto(m), &plan, 1460))
		why = "the edits were refused";
	if (!why)
		why = inspect(m, skb, want, len);
	if (!why && twin)
		why = inspect(m, twin, source, PAYLOAD) ? "the other owner's packet changed" : NULL;
	kfree_skb(twin);
	kfree_skb(skb);
	return why;
}

static void test_edits(void)
{
	struct make m;
	const char *why;
	unsigned int i, s;

	for (i = 0; i < 4; i++) {
		m.v6 = i & 1;
		m.tcp = i & 2;
		for (m.summed = 0; m.summed < ARRAY_SIZE(summed); m.summed++) {
			for (s = 0; s < SHAPES; s++) {
				unsigned int r;

				m.shape = s;
				for (r = 0, why = NULL; r < ARRAY_SIZE(recipes) && !why; r++)
					why = run_case(&m, &recipes[r]);
				report(why, "IPv%d %s, checksum %s, %s%s%s", m.v6 ? 6 : 4, m.tcp ? "TCP" : "UDP",
				       summed_name[m.summed], shape_name[s], why ? ", " : "", why ? recipes[r - 1].name : "");
			}
		}
	}
}

/* ---- special packets ---- */

static void insert_plan(struct alg_plan *plan, u32 n)
{
	static u8 fill[64];

	alg_plan_init(plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
	memset(fill, '+', sizeof(fill));
	alg_plan_add(plan, 0, 0, fill, n);
}

static const char *gso_case(u32 len, u16 gso_size, u32 grow, u16 mss, u16 want_size, u16 want_segs)
{
	struct make m = { .tcp = true, .summed = 3 };
	struct sk_buff *skb = make_skb(&m, len);
	const char *why = NULL;
	struct alg_plan plan;

	if (!skb)
		return "memory";
	if (gso_size) {
		skb_shinfo(skb)->gso_size = gso_size;
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(len, gso_size);
		skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4;
	}
	if (grow < len) {
		insert_plan(&plan, grow);
	} else {
		alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
		alg_plan_add(&plan, 1, len - 2, "", 0);
	}
	if (nf_alg_apply(skb, ip_len(&m), IPPROTO_TCP, &plan, mss))
		why = "refused";
	else if (skb_shinfo(skb)->gso_size != want_size || (want_size && skb_shinfo(skb)->gso_segs != want_segs))
		why = "segments";
	else if (want_size && skb_shinfo(skb)->gso_type != SKB_GSO_TCPV4)
		why = "type";
	kfree_skb(skb);
	return why;
}

static void test_gso(void)
{
	report(gso_case(500, 100, 10, 1460, 100, 6), "GSO packet grows by a segment");
	report(gso_case(600, 0, 10, 605, 605, 2), "packet that outgrows the MSS becomes GSO");
	report(gso_case(600, 0, 5, 605, 0, 0), "packet that just fits stays one segment");
	report(gso_case(500, 400, U32_MAX, 1460, 0, 0), "GSO packet that shrinks below one segment");
}

static void test_udp_without_checksum(void)
{
	struct make m = { .summed = 0 };
	struct sk_buff *skb = make_skb(&m, PAYLOAD);
	const char *why = NULL;
	struct alg_plan plan;

	if (!skb)
		return;
	*check_field(&m, skb) = 0;
	insert_plan(&plan, 8);
	if (nf_alg_apply(skb, ip_len(&m), IPPROTO_UDP, &plan, 0))
		why = "refused";
	else if (*check_field(&m, skb) || skb->ip_summed == CHECKSUM_PARTIAL)
		why = "got a checksum";
	report(why, "UDP without checksum stays without");
	kfree_skb(skb);
}

static const char *refuse_case(const struct make *m, u32 len, struct alg_plan *plan, int err, bool udp_gso)
{
	struct sk_buff *skb = make_skb(m, len);
	const char *why = NULL;

	if (!skb)
		return "memory";
	if (udp_gso) {
		skb_shinfo(skb)->gso_size = 100;
		skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	}
	if (nf_alg_apply(skb, ip_len(m), l4_proto(m), plan, 0) != err)
		why = "other answer";
	else if (!udp_gso)
		why = inspect(m, skb, source, len);
	kfree_skb(skb);
	return why;
}

static void test_refusals(void)
{
	struct make v4 = { .summed = 0 }, v6 = { .v6 = true, .summed = 0 };
	struct alg_plan plan;

	insert_plan(&plan, 1);
	report(refuse_case(&v4, 65535 - 28, &plan, -EMSGSIZE, false), "IPv4 packet would exceed its length field");
	report(refuse_case(&v6, 65535 - 8, &plan, -EMSGSIZE, false), "IPv6 packet would exceed its length field");
	report(refuse_case(&v4, PAYLOAD, &plan, -EINVAL, true), "bundle of UDP datagrams");
	alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
	alg_plan_add(&plan, PAYLOAD - 1, 2, "xy", 2);
	report(refuse_case(&v4, PAYLOAD, &plan, -EINVAL, false), "edit reaches behind the payload");
}

static int __init apply_test_init(void)
{
	u32 i;

	source = kvmalloc(70000, GFP_KERNEL);
	want = kvmalloc(70000, GFP_KERNEL);
	if (source && want) {
		for (i = 0; i < 70000; i++)
			source[i] = ' ' + i % 91;
		test_edits();
		test_gso();
		test_udp_without_checksum();
		test_refusals();
		pr_info("apply: done\n");
	}
	kvfree(source);
	kvfree(want);
	return -ECANCELED;
}

module_init(apply_test_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of packet edits");
