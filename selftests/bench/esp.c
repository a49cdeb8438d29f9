// SPDX-License-Identifier: GPL-2.0-only
/*
 * ESP of clients behind source NAT to a few gateways: what a packet of a known SA costs on its way past netfilter, with and without
 * the hooks of module nf_alg_ike. Without them it is told the zone that it is tracked in beforehand, as a rule in the raw table
 * might: conntrack and address translation do the same then.
 */
#include <linux/ip.h>
#include <linux/netfilter_ipv4.h>
#include <linux/unaligned.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "bench.h"

#define BATCH		64
#define GATEWAYS	16
#define STRIDE		7919	/* prime: a batch's tunnels are far from each other */
#define CLIENT		0x0a000001
#define GATEWAY		0xcb007101
#define PUBLIC		0xc6336407	/* measure.sh has it, too */
#define IKE		500
#define IKE_HEADER	28
#define ESP_BYTES	96

struct tunnel {
	u32 client, gateway, spi, seq;
	struct nf_conn *zone;	/* template, NULL: tracked in zone 0 */
};

/*
 * struct chain - the hooks that a packet passes
 * @who:	for the report
 * @told:	packets are told their zone
 */
struct chain {
	const char *who;
	bool told;
	struct nf_hook_entries *in, *out;
};

/*
 * struct field - what is worked with
 * @dev:	packets come from there
 * @n:		tunnels that are open
 * @at:		number of the next packet
 */
struct field {
	struct net *net;
	struct net_device *dev;
	struct tunnel *tunnels;
	u32 n, at;
	struct chain chains[2];
	struct sk_buff *skb[BATCH];
};

/* ---- packets ---- */

static struct sk_buff *arrived(const struct field *f, struct sk_buff *skb)
{
	if (skb) {
		skb->dev = f->dev;
		skb->skb_iif = f->dev->ifindex;
	}
	return skb;
}

static struct sk_buff *esp_skb(const struct field *f, const struct tunnel *t, bool inbound)
{
	u8 data[ESP_BYTES] = {};
	struct bench_packet p = { .net = f->net, .l4proto = IPPROTO_UDP, .data = data, .len = sizeof(data),
				  .src = inbound ? t->gateway : t->client, .dst = inbound ? PUBLIC : t->gateway };
	struct sk_buff *skb = bench_skb(&p);
	struct iphdr *iph;

	if (!skb)
		return NULL;
	iph = ip_hdr(skb);
	iph->protocol = IPPROTO_ESP;
	ip_send_check(iph);
	put_unaligned_be32(t->spi + inbound, skb_transport_header(skb));
	put_unaligned_be32(t->seq, skb_transport_header(skb) + 4);
	return arrived(f, skb);
}

/* The first message of an IKE_SA_INIT exchange, or the answer to it, without payloads. */
static struct sk_buff *ike_skb(const struct field *f, const struct tunnel *t, u16 port, bool response)
{
	u8 data[IKE_HEADER] = { [17] = 0x20, [18] = 34, [19] = response ? 0x20 : 0x08 };
	struct bench_packet p = { .net = f->net, .l4proto = IPPROTO_UDP, .data = data, .len = sizeof(data),
				  .src = response ? t->gateway : t->client, .dst = response ? PUBLIC : t->gateway,
				  .sport = IKE, .dport = response ? port : IKE };

	put_unaligned_be64(t->spi | 1ull << 40, data);
	put_unaligned_be64(response, data + 8);
	put_unaligned_be32(sizeof(data), data + 24);
	return arrived(f, bench_skb(&p));
}

/* Return: the packet's connection, NULL when it was dropped. It is freed. */
static struct nf_conn *pass(struct net *net, struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct;

	if (!skb || !bench_hook(skb, net, NF_INET_PRE_ROUTING) || !bench_hook(skb, net, NF_INET_POST_ROUTING))
		return NULL;
	ct = nf_ct_get(skb, &ctinfo);	/* conntrack's table has a reference */
	kfree_skb(skb);
	return ct;
}

/* ---- tunnels ---- */

static struct nf_conn *zone_template(struct net *net, const struct nf_conn *ct)
{
	struct nf_conn *tmpl = NULL;

	if (nf_ct_zone(ct)->id) {
		tmpl = nf_ct_tmpl_alloc(net, nf_ct_zone(ct), GFP_ATOMIC);
		if (tmpl)
			__set_bit(IPS_CONFIRMED_BIT, &tmpl->status);
	}
	return tmpl;
}

static bool tunnel_ike(struct field *f, struct tunnel *t)
{
	struct nf_conn *ct = pass(f->net, ike_skb(f, t, 0, false));

	return ct && pass(f->net, ike_skb(f, t, ntohs(ct->tuplehash[IP_CT_DIR_REPLY].tuple.dst.u.udp.port), true));
}

/* Three packets each way: the SAs are known, and known to belong together, and so is their connection. */
static bool tunnel_esp(struct field *f, struct tunnel *t)
{
	struct nf_conn *ct = NULL;

	for (t->seq = 1; t->seq <= 3; t->seq++) {
		if (!pass(f->net, esp_skb(f, t, false)))
			return false;
		ct = pass(f->net, esp_skb(f, t, true));
		if (!ct)
			return false;
	}
	t->zone = zone_template(f->net, ct);
	return t->zone || !nf_ct_zone(ct)->id;
}

static bool tunnel_open(struct field *f, u32 n)
{
	struct tunnel *t = &f->tunnels[n];
	bool fine;

	t->client = CLIENT + n;
	t->gateway = GATEWAY + n % GATEWAYS;
	t->spi = 0x10000 + 2 * n;
	local_bh_disable();
	rcu_read_lock();
	fine = tunnel_ike(f, t) && tunnel_esp(f, t);
	rcu_read_unlock();
	local_bh_enable();
	if (!fine)
		bench_complain("esp: no tunnel for client %u", n);
	return fine;
}

static bool tunnels_open(struct field *f, u32 n)
{
	while (f->n < n) {
		if (!tunnel_open(f, f->n))
			return false;
		f->n++;
		cond_resched();
	}
	return true;
}

/* ---- chains ---- */

/* Where nf_alg_ike has its hooks, and nobody else. */
static bool is_ike(int priority)
{
	return priority == NF_IP_PRI_CONNTRACK - 1 || priority == NF_IP_PRI_CONNTRACK + 1 || priority == NF_IP_PRI_NAT_SRC + 1;
}

/* A copy of a hook's functions, all, or without those of nf_alg_ike. */
static struct nf_hook_entries *entries_copy(struct net *net, unsigned int hook, bool all)
{
	struct nf_hook_entries *from = rcu_dereference_raw(net->nf.hooks_ipv4[hook]), *to;
	u32 i, n = from ? from->num_hook_entries : 0;

	to = kzalloc(struct_size(to, hooks, n), GFP_KERNEL);
	for (i = 0; to && i < n; i++)
		if (all || !is_ike(nf_hook_entries_get_hook_ops(from)[i]->priority))
			to->hooks[to->num_hook_entries++] = from->hooks[i];
	return to;
}

static int chains_get(struct field *f)
{
	int i;

	f->chains[0] = (struct chain){ .who = "kernel", .told = true };
	f->chains[1] = (struct chain){ .who = "ours" };
	for (i = 0; i < 2; i++) {
		f->chains[i].in = entries_copy(f->net, NF_INET_PRE_ROUTING, i);
		f->chains[i].out = entries_copy(f->net, NF_INET_POST_ROUTING, i);
		if (!f->chains[i].in || !f->chains[i].out)
			return -ENOMEM;
	}
	if (f->chains[0].in->num_hook_entries + 2 > f->chains[1].in->num_hook_entries)
		bench_complain("esp: the module has no hooks");
	return 0;
}

/* ---- the timed part ---- */

static u64 timed(struct field *f, const struct chain *c)
{
	struct nf_hook_state in, out;
	u64 start;
	int i;

	nf_hook_state_init(&in, NF_INET_PRE_ROUTING, NFPROTO_IPV4, f->dev, NULL, NULL, f->net, NULL);
	nf_hook_state_init(&out, NF_INET_POST_ROUTING, NFPROTO_IPV4, NULL, f->dev, NULL, f->net, NULL);
	start = bench_ticks();
	for (i = 0; i < BATCH; i++)
		if (nf_hook_slow(f->skb[i], &in, c->in, 0) != 1 || nf_hook_slow(f->skb[i], &out, c->out, 0) != 1)
			break;
	if (i < BATCH) {
		f->skb[i] = NULL;
		bench_complain("esp: a packet was dropped");
	}
	return bench_ticks() - start;
}

static bool prepare(struct field *f, const struct chain *c, bool inbound, u32 at)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		struct tunnel *t = &f->tunnels[(u64)(at + i) * STRIDE % f->n];

		t->seq++;
		f->skb[i] = esp_skb(f, t, inbound);
		if (!f->skb[i])
			return false;
		if (!c->told || !t->zone)
			continue;
		nf_conntrack_get(&t->zone->ct_general);
		nf_ct_set(f->skb[i], t->zone, IP_CT_NEW);
	}
	return true;
}

/* Did they all go out as, and arrive at, whom they should? */
static void look(const struct field *f, bool inbound, u32 at)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		const struct tunnel *t = &f->tunnels[(u64)(at + i) * STRIDE % f->n];

		if (ip_hdr(f->skb[i])->saddr != htonl(inbound ? t->gateway : PUBLIC) ||
		    ip_hdr(f->skb[i])->daddr != htonl(inbound ? t->client : t->gateway))
			return bench_complain("esp: client %u's packet went astray", t->client - CLIENT);
	}
}

static void batch(struct field *f, const struct chain *c, bool inbound, u32 at, struct bench_series *s)
{
	u64 ticks;
	int i;

	memset(f->skb, 0, sizeof(f->skb));
	if (prepare(f, c, inbound, at)) {
		local_bh_disable();
		rcu_read_lock();
		ticks = timed(f, c);
		rcu_read_unlock();
		local_bh_enable();
		if (!bench_failed())
			look(f, inbound, at);
		bench_series_add(s, ticks, BATCH);
	} else {
		bench_complain("esp: no memory");
	}
	for (i = 0; i < BATCH; i++)
		kfree_skb(f->skb[i]);
}

static int measure_way(struct field *f, const char *name, bool inbound, u32 rounds)
{
	struct bench_series *s[2];
	u32 r, i;

	if (!bench_wanted(name))
		return 0;
	for (i = 0; i < 2; i++) {
		s[i] = bench_series_new(name, f->chains[i].who, rounds);
		if (!s[i])
			return -ENOMEM;
	}
	for (r = 0; r < rounds && !bench_failed(); r++) {
		for (i = 0; i < 2 && !bench_failed(); i++)	/* each has its own tunnels: no caches from the other's */
			batch(f, &f->chains[(i + r) % 2], inbound, f->at += BATCH, s[(i + r) % 2]);
		cond_resched();
	}
	return 0;
}

/* Both ways, as far as wanted. */
static int measure(struct field *f, const char *out, const char *in, u32 tunnels, u32 rounds)
{
	if (!bench_wanted(out) && !bench_wanted(in))
		return 0;
	if (bench_failed() || !tunnels_open(f, tunnels))
		return 0;
	return measure_way(f, out, false, rounds) ?: measure_way(f, in, true, rounds);
}

static void field_free(struct field *f)
{
	u32 i;

	for (i = 0; i < f->n; i++)
		if (f->tunnels[i].zone)
			nf_ct_put(f->tunnels[i].zone);
	for (i = 0; i < 2; i++) {
		kfree(f->chains[i].in);
		kfree(f->chains[i].out);
	}
	kvfree(f->tunnels);
	dev_put(f->dev);
}

int bench_esp(struct net *net, u32 rounds)
{
	struct field f = { .net = net };
	int err;

	f.dev = dev_get_by_name(net, "esp0");
	if (!f.dev)
		return -ENODEV;
	f.tunnels = kvcalloc(BENCH_TUNNELS, sizeof(*f.tunnels), GFP_KERNEL);
	err = f.tunnels ? chains_get(&f) : -ENOMEM;
	if (!err)
		err = measure(&f, "esp-out-one", "esp-in-one", 1, rounds) ?:
		      measure(&f, "esp-out-many", "esp-in-many", BENCH_TUNNELS, rounds);
	field_free(&f);
	return err;
}
