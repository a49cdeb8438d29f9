// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control messages: the time of a helper's ->help for one message of a subscriber behind source NAT.
 *
 * Both helpers see a connection as it is in life: set up packet by packet, every message the next in-order segment, answered and
 * acknowledged before the next. Each announcement opens a pinhole that did not stand before; it is closed outside the timed part.
 */
#include <linux/module.h>
#include <linux/tcp.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_expect.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_nat.h>

#include "bench.h"

int nf_alg_pinhole_close_id(struct net *net, u32 id);	/* exported by nf_alg */

#define SUBSCRIBER	0x0a141e28	/* 10.20.30.40 */
#define SERVER		0xcb007105	/* 203.0.113.5 */
#define PUBLIC		0xc6336407	/* 198.51.100.7 */

#define PINHOLES_TRIED	(1 << 20)
#define BATCH	16	/* messages to one helper before it is the other's turn */

/*
 * struct message - one measurement
 * @name:	for the report
 * @kernel, @ours: helpers
 * @client:	what the client says
 * @server:	the server's answer; NULL for a protocol that has none on this connection
 * @timed:	direction that is measured
 * @whole:	not ->help alone: all of conntrack's last hook (sequence adjustment) and the checksum that is left to the device
 * @pinholes:	that the message opens
 */
struct message {
	const char *name;
	const char *kernel, *ours;
	u8 l4proto;
	u16 port;
	const char *client;
	u32 client_len;
	const char *server;
	enum ip_conntrack_dir timed;
	bool whole;
	u8 pinholes;
};

#define TEXT(s) .client = (s), .client_len = sizeof(s) - 1
#define FTP	.kernel = "ftp", .ours = "alg-ftp", .l4proto = IPPROTO_TCP, .port = 21
#define TFTP	.kernel = "tftp", .ours = "alg-tftp", .l4proto = IPPROTO_UDP, .port = 69

static const struct message messages[] = {
	{ "ftp-port", FTP, TEXT("PORT 10,20,30,40,19,137\r\n"), "200 PORT command successful.\r\n", .pinholes = 1 },
	{ "ftp-eprt", FTP, TEXT("EPRT |1|10.20.30.40|5001|\r\n"), "200 EPRT command successful.\r\n", .pinholes = 1 },
	{ "ftp-command", FTP, TEXT("RETR pub/linux-6.12.tar.xz\r\n"), "226 Transfer complete.\r\n" },
	{ "ftp-reply", FTP, TEXT("RETR pub/linux-6.12.tar.xz\r\n"), "226 Transfer complete.\r\n", .timed = IP_CT_DIR_REPLY },
	{ "tftp-rrq", TFTP, TEXT("\0\1pxelinux.0\0octet\0tsize\0" "0\0blksize\0" "1408\0"), .pinholes = 1 },
	{ "ftp-port-whole", FTP, TEXT("PORT 10,20,30,40,19,137\r\n"), "200 PORT command successful.\r\n", .pinholes = 1,
	  .whole = true },
	{ "ftp-eprt-whole", FTP, TEXT("EPRT |1|10.20.30.40|5001|\r\n"), "200 EPRT command successful.\r\n", .pinholes = 1,
	  .whole = true },
	{ "ftp-command-whole", FTP, TEXT("RETR pub/linux-6.12.tar.xz\r\n"), "226 Transfer complete.\r\n", .whole = true },
};

/*
 * struct conn - a control connection, seen by one helper
 * @help:	the helper's extension
 * @next:	sequence number of each direction's next byte, as its sender counts
 * @grown:	bytes that edits added to each direction
 */
struct conn {
	const struct message *msg;
	struct net *net;
	bool ours;
	u16 sport;
	struct nf_conn *ct;
	struct nf_conn_help *help;
	u32 next[IP_CT_DIR_MAX];
	s32 grown[IP_CT_DIR_MAX];
};

static u32 pinhole_id;	/* the next pinhole in the namespace of our helper has this number, or a little higher */
static int (*pinhole_close)(struct net *net, u32 id);

/* ---- packets of a connection ---- */

/* @translated: as it leaves the box. An acknowledgement counts what arrived: edits included. */
static struct sk_buff *conn_skb(const struct conn *c, enum ip_conntrack_dir dir, bool translated, bool syn,
				const char *data, u32 len)
{
	struct bench_packet p = {
		.net = c->net, .l4proto = c->msg->l4proto, .syn = syn, .ack = !syn || dir, .data = data, .len = len,
		.seq = c->next[dir], .ack_seq = c->next[!dir] + c->grown[!dir],
	};

	if (dir == IP_CT_DIR_ORIGINAL) {
		p.src = translated ? PUBLIC : SUBSCRIBER;
		p.dst = SERVER;
		p.sport = c->sport;
		p.dport = c->msg->port;
	} else {
		p.src = SERVER;
		p.dst = translated ? SUBSCRIBER : PUBLIC;
		p.sport = c->msg->port;
		p.dport = c->sport;
	}
	return bench_skb(&p);
}

/* Runs a packet past conntrack on its way in. Return: the packet as it would leave, not yet past the last hook. */
static struct sk_buff *conn_arrive(struct conn *c, enum ip_conntrack_dir dir, bool syn)
{
	struct sk_buff *in = conn_skb(c, dir, false, syn, NULL, 0), *out = conn_skb(c, dir, true, syn, NULL, 0);
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct;

	if (!in || !out)
		goto fail;
	if (!bench_hook(in, c->net, NF_INET_PRE_ROUTING)) {
		in = NULL;
		goto fail;
	}
	ct = nf_ct_get(in, &ctinfo);
	if (!ct || nf_ct_is_template(ct))
		goto fail;
	nf_ct_set(out, ct, ctinfo);
	in->_nfct = 0;	/* @out has the reference now */
	kfree_skb(in);
	return out;

fail:
	kfree_skb(in);
	kfree_skb(out);
	return NULL;
}

static bool conn_leave(struct conn *c, struct sk_buff *skb)
{
	bool passed = skb && bench_hook(skb, c->net, NF_INET_POST_ROUTING);

	if (passed)
		consume_skb(skb);
	else
		bench_complain("%s: a packet was dropped", c->msg->name);
	return passed;
}

/* ---- a connection's life ---- */

static bool conn_translate(struct nf_conn *ct)
{
	struct nf_nat_range2 src = { .flags = NF_NAT_RANGE_MAP_IPS }, dst = src;

	src.min_addr.ip = src.max_addr.ip = htonl(PUBLIC);
	dst.min_addr.ip = dst.max_addr.ip = htonl(SERVER);
	return nf_nat_setup_info(ct, &src, NF_NAT_MANIP_SRC) == NF_ACCEPT &&
	       nf_nat_setup_info(ct, &dst, NF_NAT_MANIP_DST) == NF_ACCEPT;
}

/* What "ct helper set" of nftables does. The assignment hook has done it already where our policy is at work. */
static bool conn_helper(struct conn *c, struct nf_conn *ct)
{
	const char *name = c->ours ? c->msg->ours : c->msg->kernel;
	struct nf_conntrack_helper *helper;

	if (!c->ours) {
		helper = __nf_conntrack_helper_find(name, NFPROTO_IPV4, c->msg->l4proto);
		c->help = helper ? nf_ct_helper_ext_add(ct, GFP_ATOMIC) : NULL;
		if (!c->help)
			return false;
		memset(c->help->data, 0, sizeof(c->help->data));
		rcu_assign_pointer(c->help->helper, helper);
		set_bit(IPS_HELPER_BIT, &ct->status);
	}
	c->help = nfct_help(ct);
	helper = c->help ? rcu_dereference(c->help->helper) : NULL;
	return helper && !strcmp(helper->name, name);
}

static bool conn_first(struct conn *c)
{
	struct sk_buff *skb = conn_arrive(c, IP_CT_DIR_ORIGINAL, true);
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct;

	if (!skb)
		return false;
	ct = nf_ct_get(skb, &ctinfo);
	if (!conn_helper(c, ct)) {
		bench_complain("%s: no helper of %s", c->msg->name, c->ours ? "ours" : "the kernel");
		kfree_skb(skb);
		return false;
	}
	if (!conn_translate(ct)) {
		kfree_skb(skb);
		return false;
	}
	c->help = nfct_help(ct);	/* extensions may have moved */
	nf_conntrack_get(&ct->ct_general);
	c->ct = ct;
	return conn_leave(c, skb);
}

/* Says a line without measuring: what a real connection has besides. */
static bool conn_say(struct conn *c, enum ip_conntrack_dir dir, const char *data, u32 len)
{
	struct sk_buff *skb = conn_skb(c, dir, true, false, data, len);

	if (!skb)
		return false;
	nf_ct_set(skb, c->ct, dir ? IP_CT_ESTABLISHED_REPLY : IP_CT_ESTABLISHED);
	nf_conntrack_get(&c->ct->ct_general);
	c->next[dir] += len;
	return conn_leave(c, skb);
}

static bool conn_handshake(struct conn *c)
{
	static const char user[] = "USER anonymous\r\n", welcome[] = "220 Ready\r\n", password[] = "331 Password, please\r\n";

	c->next[IP_CT_DIR_ORIGINAL]++;
	if (!conn_leave(c, conn_arrive(c, IP_CT_DIR_REPLY, true)))
		return false;
	c->next[IP_CT_DIR_REPLY]++;
	return conn_leave(c, conn_arrive(c, IP_CT_DIR_ORIGINAL, false)) &&
	       conn_say(c, IP_CT_DIR_REPLY, welcome, sizeof(welcome) - 1) &&
	       conn_say(c, IP_CT_DIR_ORIGINAL, user, sizeof(user) - 1) &&
	       conn_say(c, IP_CT_DIR_REPLY, password, sizeof(password) - 1);
}

static bool conn_open(struct conn *c, const struct message *msg, bool ours)
{
	static u16 sport = 32768;
	bool fine;

	*c = (struct conn){ .msg = msg, .ours = ours, .net = bench_net[ours ? BENCH_ONE : BENCH_PLAIN], .sport = sport++ };
	c->next[IP_CT_DIR_ORIGINAL] = 1000;
	c->next[IP_CT_DIR_REPLY] = 700000;
	local_bh_disable();
	rcu_read_lock();
	fine = conn_first(c) && (msg->l4proto != IPPROTO_TCP || conn_handshake(c));
	rcu_read_unlock();
	local_bh_enable();
	if (!fine)
		bench_complain("%s: no connection for %s", msg->name, ours ? "ours" : "the kernel");
	return fine;
}

static void conn_close(struct conn *c)
{
	if (!c->ct)
		return;
	nf_ct_delete(c->ct, 0, 0);
	nf_ct_put(c->ct);
}

/* ---- one message ---- */

static void close_pinholes(const struct conn *c)
{
	u32 last = pinhole_id + PINHOLES_TRIED;

	if (!c->help->expecting[NF_CT_EXPECT_CLASS_DEFAULT])
		return;
	while (c->ours && pinhole_close(c->net, pinhole_id++)) {
		if (pinhole_id == last) {
			bench_complain("%s: no pinhole is known", c->msg->name);
			break;
		}
	}
	nf_ct_remove_expectations(c->ct);
}

/* Return: ticks, 0 if the packet is gone. */
static u64 time_help(struct conn *c, struct sk_buff *skb, enum ip_conntrack_info ctinfo)
{
	const struct nf_conntrack_helper *helper = rcu_dereference(c->help->helper);
	u64 start, end;
	int verdict;

	start = bench_ticks();
	verdict = helper->help(skb, sizeof(struct iphdr), c->ct, ctinfo);
	end = bench_ticks();
	return verdict == NF_ACCEPT ? end - start : 0;
}

static u64 time_whole(struct conn *c, struct sk_buff *skb)
{
	u64 start, end;

	start = bench_ticks();
	if (!bench_hook(skb, c->net, NF_INET_POST_ROUTING))
		return 0;
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		skb_checksum_help(skb);
	end = bench_ticks();
	return end - start;
}

/* A datagram that asks is its connection's first packet: conntrack has not confirmed it when the helper sees it. */
static u64 time_first(struct conn *c, struct sk_buff *skb)
{
	u64 ticks;

	clear_bit(IPS_CONFIRMED_BIT, &c->ct->status);
	ticks = time_help(c, skb, IP_CT_NEW);
	set_bit(IPS_CONFIRMED_BIT, &c->ct->status);
	return ticks;
}

static u64 message_timed(struct conn *c, enum ip_conntrack_dir dir, const char *data, u32 len)
{
	enum ip_conntrack_info ctinfo = dir ? IP_CT_ESTABLISHED_REPLY : IP_CT_ESTABLISHED;
	struct sk_buff *skb = conn_skb(c, dir, true, false, data, len);
	u32 before;
	u64 ticks;

	if (!skb)
		return 0;
	before = skb->len;
	nf_ct_set(skb, c->ct, ctinfo);
	nf_conntrack_get(&c->ct->ct_general);
	if (c->msg->l4proto == IPPROTO_UDP)
		ticks = time_first(c, skb);
	else
		ticks = c->msg->whole ? time_whole(c, skb) : time_help(c, skb, ctinfo);
	if (!ticks) {
		bench_complain("%s: a message was dropped by %s", c->msg->name, c->ours ? "ours" : "the kernel");
		if (c->msg->whole)
			return 0;
	}
	c->grown[dir] += skb->len - before;
	c->next[dir] += len;
	kfree_skb(skb);
	if (c->help->expecting[NF_CT_EXPECT_CLASS_DEFAULT] != c->msg->pinholes)
		bench_complain("%s: %u pinholes of %s", c->msg->name, c->help->expecting[NF_CT_EXPECT_CLASS_DEFAULT],
			       c->ours ? "ours" : "the kernel");
	return ticks;
}

/* One command and its answer. Return: ticks of the timed one. */
static u64 dialogue(struct conn *c)
{
	const struct message *m = c->msg;
	u64 ticks = 0;

	if (m->timed == IP_CT_DIR_ORIGINAL)
		ticks = message_timed(c, IP_CT_DIR_ORIGINAL, m->client, m->client_len);
	else
		conn_say(c, IP_CT_DIR_ORIGINAL, m->client, m->client_len);
	close_pinholes(c);
	if (m->timed == IP_CT_DIR_REPLY)
		ticks = message_timed(c, IP_CT_DIR_REPLY, m->server, strlen(m->server));
	else if (m->server)
		conn_say(c, IP_CT_DIR_REPLY, m->server, strlen(m->server));
	return ticks;
}

static void batch(struct conn *c, struct bench_series *s)
{
	u64 took[BATCH], empty[BATCH], start, cost, none;
	int i;

	for (i = 0; i < BATCH && !bench_failed(); i++) {
		local_bh_disable();
		rcu_read_lock();
		took[i] = dialogue(c);
		start = bench_ticks();
		empty[i] = bench_ticks() - start;
		rcu_read_unlock();
		local_bh_enable();
	}
	if (bench_failed())
		return;
	cost = bench_middle(took, BATCH);
	none = bench_middle(empty, BATCH);
	bench_series_add(s, cost > none ? cost - none : 0, BATCH - BATCH / 4 * 2);
	rcu_barrier();	/* what was closed is freed: every batch finds the same heap */
}

static int measure(const struct message *msg, u32 rounds)
{
	struct bench_series *s[2] = { bench_series_new(msg->name, "kernel", rounds), bench_series_new(msg->name, "ours", rounds) };
	struct conn c[2] = {};
	u32 r;

	if (!s[0] || !s[1])
		return -ENOMEM;
	if (conn_open(&c[0], msg, false) && conn_open(&c[1], msg, true)) {
		for (r = 0; r < rounds && !bench_failed(); r++) {
			batch(&c[r & 1], s[r & 1]);
			batch(&c[!(r & 1)], s[!(r & 1)]);
			cond_resched();
		}
	}
	conn_close(&c[0]);
	conn_close(&c[1]);
	return 0;
}

int bench_control(u32 rounds)
{
	int i, err = 0;

	pinhole_close = symbol_get(nf_alg_pinhole_close_id);
	if (!pinhole_close) {
		bench_complain("module nf_alg is not loaded");
		return 0;
	}
	pinhole_id = 1;
	for (i = 0; i < ARRAY_SIZE(messages) && !err; i++)
		if (bench_wanted(messages[i].name))
			err = measure(&messages[i], rounds);
	symbol_put(nf_alg_pinhole_close_id);
	return err;
}
