/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measurements inside one kernel: conntrack's own helpers and ours, with and without the assignment hook, on the same packets in
 * turns. What is compared is measured within the same few hundred microseconds, so that a busy machine disturbs all alike.
 */
#ifndef NF_ALG_BENCH_H
#define NF_ALG_BENCH_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack.h>

/* Namespaces of one boot. In the first three nothing of ours is configured. */
enum bench_lane {
	BENCH_PLAIN,
	BENCH_TWIN,	/* as plain: their difference is the noise */
	BENCH_EMPTY,	/* has a hook that does nothing in the place of the assignment hook */
	BENCH_ONE,	/* one tenant, zone 0 */
	BENCH_MANY,	/* 65,536 tenants, one for each zone */
	BENCH_LANES,
};

extern struct net *bench_net[BENCH_LANES];

/* ---- time ---- */

/* The processor's counter: the guest's clock is a system call of the host. */
static inline u64 bench_ticks(void)
{
#ifdef __x86_64__
	u32 lo, hi;

	asm volatile("lfence; rdtsc; lfence" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
#else
	return ktime_get_ns();
#endif
}

/* What a measured span takes in which nothing happens. */
static inline u64 bench_empty(void)
{
	u64 start = bench_ticks();

	return bench_ticks() - start;
}

/* ---- results: main.c ---- */

/*
 * struct bench_series - what was measured in one way, a value for each round
 * @node:	in the list of all
 * @name:	what, as the report knows it
 * @who:	"kernel", "ours", or the lane
 * @n:		rounds so far
 * @ticks:	per round, in 1/16 ticks
 */
struct bench_series {
	struct list_head node;
	const char *name;
	const char *who;
	u32 n, max;
	u32 ticks[];
};

struct bench_series *bench_series_new(const char *name, const char *who, u32 rounds);	/* NULL: no memory */
void bench_series_add(struct bench_series *s, u64 ticks, u32 divisor);
/* Adds what one of @n timed spans took, outliers set aside, less what measuring itself takes (bench_empty()). Sorts both. */
void bench_series_batch(struct bench_series *s, u64 *took, u64 *empty, u32 n);
/*
 * Sum of the n - n / 4 * 2 values in the middle; sorts @v. Outliers don't count, as in a median, but a sum resolves more than one
 * step of the counter, which may be 10 ns long.
 */
u64 bench_middle(u64 *v, u32 n);
__printf(1, 2) void bench_complain(const char *fmt, ...);	/* the first complaint is kept and fails the run */
bool bench_failed(void);
bool bench_wanted(const char *name);

/* ---- packets: packet.c ---- */

/*
 * struct bench_packet - what a packet is made of
 * @l4proto:	IPPROTO_TCP, IPPROTO_UDP
 * @src, @dst, @sport, @dport: host byte order
 * @syn, @ack:	TCP flags
 * @seq, @ack_seq: TCP
 */
struct bench_packet {
	struct net *net;
	u8 l4proto;
	u32 src, dst;
	u16 sport, dport;
	bool syn, ack;
	u32 seq, ack_seq;
	const void *data;
	u32 len;
};

struct sk_buff *bench_skb(const struct bench_packet *p);	/* NULL: no memory */
unsigned int bench_headers(u8 l4proto);				/* bytes before the payload */

/* Runs a hook. Return: true if the packet is still the caller's; otherwise it was dropped and freed. */
static inline bool bench_hook(struct sk_buff *skb, struct net *net, unsigned int hook)
{
	struct net_device *lo = net->loopback_dev;

	return nf_hook(NFPROTO_IPV4, hook, net, NULL, skb, hook == NF_INET_PRE_ROUTING ? lo : NULL,
		       hook == NF_INET_PRE_ROUTING ? NULL : lo, NULL) == 1;
}

/* ---- measurements ---- */

int bench_control(u32 rounds);	/* control.c: FTP and TFTP messages to helpers */
int bench_sip(u32 rounds);	/* sip.c: SIP messages to helpers */
int bench_pptp(u32 rounds);	/* pptp.c: PPTP messages to helpers */
int bench_path(u32 rounds);	/* path.c: packets past the assignment hook */

#define BENCH_TUNNELS	16000
int bench_esp(struct net *net, u32 rounds);	/* esp.c: ESP packets past the hooks; @net translates */

#endif /* NF_ALG_BENCH_H */
