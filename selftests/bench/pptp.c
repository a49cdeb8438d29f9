// SPDX-License-Identifier: GPL-2.0-only
/*
 * PPTP: the time of a helper's ->help for the two messages that set up a call (RFC 2637, 2.7 and 2.8) of a subscriber behind source
 * NAT. The reply opens GRE in both directions. Each call is a new one; it is cleared (2.12, 2.13) outside the timed part, as the
 * kernel's helper knows only one for each control connection.
 */
#include <linux/module.h>
#include <linux/unaligned.h>
#include <net/netfilter/nf_conntrack_expect.h>

#include "conn.h"

#define BATCH	16	/* calls of one helper before it is the other's turn */
#define COOKIE	0x1a2b3c4d

enum type {
	START_REQUEST = 1, START_REPLY, CALL_REQUEST = 7, CALL_REPLY, CLEAR = 12, DISCONNECT
};

static const u8 lengths[] = {
	[START_REQUEST] = 156, [START_REPLY] = 156, [CALL_REQUEST] = 168, [CALL_REPLY] = 32, [CLEAR] = 16, [DISCONNECT] = 148
};

#define OFF_ID		12
#define OFF_PEER_ID	14
#define OFF_RESULT	16	/* of a reply; of a start reply it is at 14 */

#define OWN_ID		5000	/* of the subscriber's end: the same for every call */
#define SERVER_ID	40	/* of the server's first call */

static const struct conn_kind pptp = { .kernel = "pptp", .ours = "alg-pptp", .l4proto = IPPROTO_TCP, .port = 1723 };

/*
 * struct run - one helper's part
 * @request, @reply: series
 * @server_id:	grows from call to call
 * @took:	of the requests, of the replies
 */
struct run {
	struct conn conn;
	struct bench_series *request, *reply;
	u16 server_id;
	u8 text[256];
	u64 took[2][BATCH], empty[2][BATCH];
};

static u16 told;	/* number of the subscriber's end as the last message had it when it left */

/* Return: length. */
static u32 say(u8 *text, enum type type, u16 id, u16 peer_id)
{
	memset(text, 0, lengths[type]);
	put_unaligned_be16(lengths[type], text);
	put_unaligned_be16(1, text + 2);
	put_unaligned_be32(COOKIE, text + 4);
	put_unaligned_be16(type, text + 8);
	put_unaligned_be16(id, text + OFF_ID);
	put_unaligned_be16(peer_id, text + OFF_PEER_ID);
	text[OFF_RESULT] = type == CALL_REPLY;
	return lengths[type];
}

static bool send_untimed(struct run *r, enum ip_conntrack_dir dir, enum type type, u16 id, u16 peer_id)
{
	return conn_say(&r->conn, dir, (const char *)r->text, say(r->text, type, id, peer_id));
}

static u64 send_timed(struct run *r, enum ip_conntrack_dir dir, enum type type, u16 id, u16 peer_id,
		      void (*look)(const struct conn *c, const struct sk_buff *skb))
{
	return conn_timed(&r->conn, dir, (const char *)r->text, say(r->text, type, id, peer_id), CONN_HELP, look);
}

static void look_request(const struct conn *c, const struct sk_buff *skb)
{
	told = get_unaligned_be16(skb->data + bench_headers(IPPROTO_TCP) + OFF_ID);
}

static void look_reply(const struct conn *c, const struct sk_buff *skb)
{
	u16 id = get_unaligned_be16(skb->data + bench_headers(IPPROTO_TCP) + OFF_PEER_ID);

	if (id != OWN_ID)
		bench_complain("%s: the subscriber's call %u is number %u for %s", c->name, OWN_ID, id, c->who);
	if (conn_pinholes(c) != 2)
		bench_complain("%s: %u pinholes of %s", c->name, conn_pinholes(c), c->who);
}

/* A control connection begins (RFC 2637, 2.1 and 2.2). The version stands where other messages have a call's number. */
static bool run_start(struct run *r, bool ours)
{
	bool fine;

	if (!conn_open(&r->conn, &pptp, "pptp", ours))
		return false;
	local_bh_disable();
	rcu_read_lock();
	fine = send_untimed(r, IP_CT_DIR_ORIGINAL, START_REQUEST, 0x100, 0) &&
	       send_untimed(r, IP_CT_DIR_REPLY, START_REPLY, 0x100, 0x100);
	rcu_read_unlock();
	local_bh_enable();
	return fine;
}

/* One call, from its request to its end. */
static void run_call(struct run *r, int i)
{
	u16 far = r->server_id++;

	r->took[0][i] = send_timed(r, IP_CT_DIR_ORIGINAL, CALL_REQUEST, OWN_ID, 1, look_request);
	r->empty[0][i] = bench_empty();
	r->took[1][i] = send_timed(r, IP_CT_DIR_REPLY, CALL_REPLY, far, told, look_reply);
	r->empty[1][i] = bench_empty();
	if (!r->took[0][i] || !r->took[1][i])
		return;
	send_untimed(r, IP_CT_DIR_ORIGINAL, CLEAR, OWN_ID, 0);
	send_untimed(r, IP_CT_DIR_REPLY, DISCONNECT, far, 0);
	nf_ct_remove_expectations(r->conn.ct);	/* the kernel's helper leaves them */
}

static void run_batch(struct run *r)
{
	int i;

	for (i = 0; i < BATCH && !bench_failed(); i++) {
		local_bh_disable();
		rcu_read_lock();
		run_call(r, i);
		rcu_read_unlock();
		local_bh_enable();
	}
	if (bench_failed())
		return;
	bench_series_batch(r->request, r->took[0], r->empty[0], BATCH);
	bench_series_batch(r->reply, r->took[1], r->empty[1], BATCH);
	rcu_barrier();	/* what was closed is freed: every batch finds the same heap */
}

int bench_pptp(u32 rounds)
{
	bool ours = conn_has_helper(&pptp, true), fine = true;
	struct run *runs;
	u32 round;
	int i, n = ours ? 2 : 1;

	if (!bench_wanted("pptp-request") && !bench_wanted("pptp-reply"))
		return 0;
	runs = kcalloc(2, sizeof(*runs), GFP_KERNEL);
	if (!runs)
		return -ENOMEM;
	for (i = 0; i < n && fine; i++) {
		runs[i].request = bench_series_new("pptp-request", i ? "ours" : "kernel", rounds);
		runs[i].reply = bench_series_new("pptp-reply", i ? "ours" : "kernel", rounds);
		runs[i].server_id = SERVER_ID;
		fine = runs[i].request && runs[i].reply && run_start(&runs[i], i);
	}
	for (round = 0; fine && round < rounds && !bench_failed(); round++) {
		for (i = 0; i < n; i++)
			run_batch(&runs[(i + round) % n]);
		cond_resched();
	}
	for (i = 0; i < n; i++)
		conn_close(&runs[i].conn);
	rcu_barrier();
	kfree(runs);
	return 0;
}
