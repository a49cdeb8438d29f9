// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets past conntrack's hooks in namespaces with and without the assignment hook: what the hook adds. The same packets, memory
 * included, go through all namespaces in turns.
 */
#include <linux/random.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "bench.h"

#define BATCH	64

static const char *const lane_name[BENCH_LANES] = { "plain", "twin", "empty", "one", "many" };

/*
 * struct walk - one measurement
 * @name:	for the report
 * @l4proto, @port: of the packets
 * @established: their connections are; otherwise each begins one
 * @zones:	each batch comes from other zones, each a tenant of BENCH_MANY; otherwise all come from zone 0
 */
struct walk {
	const char *name;
	u8 l4proto;
	u16 port;
	bool established;
	bool zones;
};

static const struct walk walks[] = {
	{ "new-tcp", IPPROTO_TCP, 443 },
	{ "new-udp", IPPROTO_UDP, 443 },
	{ "established", IPPROTO_UDP, 443, .established = true },
	{ "served", IPPROTO_TCP, 21 },
	{ "served-zones", IPPROTO_TCP, 21, .zones = true },
};

/*
 * struct field - what one measurement works with
 * @skb:	packets without a connection
 * @zone:	templates that say in which zone a packet is, as a rule in the raw table would; used if the walk has zones
 */
struct field {
	const struct walk *walk;
	struct sk_buff *skb[BATCH];
	struct nf_conn *zone[BATCH];
};

static struct sk_buff *packet(const struct walk *w, u32 n, bool reply)
{
	struct bench_packet p = { .net = bench_net[BENCH_PLAIN], .l4proto = w->l4proto, .syn = true, .seq = 1000, .data = "x" };
	u32 client = 0x0a000001 + n, server = 0xcb007100 + n % 251;

	p.len = w->l4proto == IPPROTO_UDP;
	p.src = reply ? server : client;
	p.dst = reply ? client : server;
	p.sport = reply ? w->port : 20000 + n;
	p.dport = reply ? 20000 + n : w->port;
	return bench_skb(&p);
}

/* One packet in and out. Return: false if it was dropped, and is gone. */
static bool pass(struct sk_buff *skb, struct net *net)
{
	return bench_hook(skb, net, NF_INET_PRE_ROUTING) && bench_hook(skb, net, NF_INET_POST_ROUTING);
}

static void forget(struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (ct && nf_ct_is_confirmed(ct))
		nf_ct_delete(ct, 0, 0);
	nf_reset_ct(skb);
}

/* ---- what stands before the timed part ---- */

static bool establish(struct field *f, struct net *net)
{
	struct sk_buff *reply;
	int i;

	for (i = 0; i < BATCH; i++) {
		reply = packet(f->walk, i, true);
		if (!reply)
			return false;
		if (!pass(f->skb[i], net) || !pass(reply, net)) {
			bench_complain("%s: no connection", f->walk->name);
			return false;
		}
		nf_reset_ct(f->skb[i]);
		kfree_skb(reply);
	}
	return true;
}

static void zones_put(struct field *f)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		if (f->zone[i])
			nf_ct_put(f->zone[i]);
		f->zone[i] = NULL;
	}
}

static bool zones_get(struct field *f, struct net *net, const u16 *ids)
{
	struct nf_conntrack_zone zone = { .flags = 0, .dir = NF_CT_DEFAULT_ZONE_DIR };
	int i;

	for (i = 0; i < BATCH; i++) {
		zone.id = ids[i];
		f->zone[i] = nf_ct_tmpl_alloc(net, &zone, GFP_KERNEL);
		if (!f->zone[i]) {
			zones_put(f);
			return false;
		}
		__set_bit(IPS_CONFIRMED_BIT, &f->zone[i]->status);
		nf_conntrack_get(&f->zone[i]->ct_general);
		nf_ct_set(f->skb[i], f->zone[i], IP_CT_NEW);
	}
	return true;
}

/* ---- the timed part ---- */

/* @passed: packets that all hooks let pass; the next one is gone. */
static u64 time_taken(struct field *f, u64 start, int passed)
{
	u64 took = bench_ticks() - start;

	if (passed < BATCH) {
		f->skb[passed] = NULL;
		bench_complain("%s: a packet was dropped", f->walk->name);
	}
	return took;
}

static u64 time_new(struct field *f, struct net *net)
{
	u64 start = bench_ticks();
	int i;

	for (i = 0; i < BATCH; i++)
		if (!bench_hook(f->skb[i], net, NF_INET_PRE_ROUTING) || !bench_hook(f->skb[i], net, NF_INET_POST_ROUTING))
			break;
	return time_taken(f, start, i);
}

/* The hook that is ours runs on the way in only. */
static u64 time_established(struct field *f, struct net *net)
{
	u64 start = bench_ticks();
	int i;

	for (i = 0; i < BATCH; i++)
		if (!bench_hook(f->skb[i], net, NF_INET_PRE_ROUTING))
			break;
	return time_taken(f, start, i);
}

static void set_device(struct field *f, struct net *net)
{
	int i;

	for (i = 0; i < BATCH; i++)
		f->skb[i]->dev = net->loopback_dev;
}

static void batch(struct field *f, struct net *net, const u16 *ids, struct bench_series *s)
{
	u64 ticks;
	int i;

	set_device(f, net);
	if (f->walk->zones && !zones_get(f, net, ids))
		return bench_complain("%s: no memory", f->walk->name);
	local_bh_disable();
	ticks = f->walk->established ? time_established(f, net) : time_new(f, net);
	for (i = 0; i < BATCH && f->skb[i]; i++) {
		if (f->walk->established)
			nf_reset_ct(f->skb[i]);
		else
			forget(f->skb[i]);
	}
	local_bh_enable();
	zones_put(f);
	bench_series_add(s, ticks, BATCH);
}

static void round(struct field *f, u32 r, struct bench_series **s)
{
	u16 ids[BATCH];
	u32 i;

	get_random_bytes(ids, sizeof(ids));
	for (i = 0; i < BENCH_LANES && !bench_failed(); i++) {
		u32 lane = (i + r) % BENCH_LANES;

		batch(f, bench_net[lane], ids, s[lane]);
	}
	rcu_barrier();
}

static int run(struct field *f, u32 rounds, struct bench_series **s)
{
	u32 i;

	for (i = 0; i < BATCH; i++) {
		f->skb[i] = packet(f->walk, i, false);
		if (!f->skb[i])
			return -ENOMEM;
	}
	for (i = 0; f->walk->established && i < BENCH_LANES; i++) {
		set_device(f, bench_net[i]);
		if (!establish(f, bench_net[i]))
			return -ENOMEM;
	}
	for (i = 0; i < rounds && !bench_failed(); i++) {
		round(f, i, s);
		cond_resched();
	}
	return 0;
}

static int measure(const struct walk *w, u32 rounds)
{
	struct field *f = kzalloc(sizeof(*f), GFP_KERNEL);
	struct bench_series *s[BENCH_LANES];
	int i, err = 0;

	if (!f)
		return -ENOMEM;
	f->walk = w;
	for (i = 0; i < BENCH_LANES; i++) {
		s[i] = bench_series_new(w->name, lane_name[i], rounds);
		if (!s[i])
			err = -ENOMEM;
	}
	if (!err)
		err = run(f, rounds, s);
	for (i = 0; i < BATCH; i++) {
		if (f->skb[i])
			nf_reset_ct(f->skb[i]);
		kfree_skb(f->skb[i]);
	}
	kfree(f);
	return err;
}

int bench_path(u32 rounds)
{
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(walks) && !err && !bench_failed(); i++)
		if (bench_wanted(walks[i].name))
			err = measure(&walks[i], rounds);
	return err;
}
