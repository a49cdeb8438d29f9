// SPDX-License-Identifier: GPL-2.0-only
/*
 * FTP and TFTP: the time of a helper's ->help for one message of a subscriber behind source NAT.
 *
 * Both helpers see a connection as it is in life: every message the next in-order segment, answered and acknowledged before the
 * next. Each announcement opens a pinhole that did not stand before; it is closed outside the timed part.
 */
#include <linux/module.h>
#include <net/netfilter/nf_conntrack_expect.h>

#include "conn.h"

int nf_alg_pinhole_close_id(struct net *net, u32 id);	/* exported by nf_alg */

#define PINHOLES_TRIED	(1 << 20)
#define BATCH	16	/* messages to one helper before it is the other's turn */

/*
 * struct message - one measurement
 * @name:	for the report
 * @kind:	connection
 * @client:	what the client says
 * @server:	the server's answer; NULL for a protocol that has none on this connection
 * @timed:	direction that is measured
 * @whole:	not ->help alone
 * @pinholes:	that the message opens
 */
struct message {
	const char *name;
	const struct conn_kind *kind;
	const char *client;
	u32 client_len;
	const char *server;
	enum ip_conntrack_dir timed;
	bool whole;
	u8 pinholes;
};

static const struct conn_kind ftp = { .kernel = "ftp", .ours = "alg-ftp", .l4proto = IPPROTO_TCP, .port = 21 };
static const struct conn_kind tftp = { .kernel = "tftp", .ours = "alg-tftp", .l4proto = IPPROTO_UDP, .port = 69,
				       .unanswered = true };

#define TEXT(s) .client = (s), .client_len = sizeof(s) - 1
#define FTP	.kind = &ftp
#define TFTP	.kind = &tftp

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

static u32 pinhole_id;	/* the next pinhole in the namespace of our helper has this number, or a little higher */
static int (*pinhole_close)(struct net *net, u32 id);

static bool login(struct conn *c)
{
	static const char user[] = "USER anonymous\r\n", welcome[] = "220 Ready\r\n", password[] = "331 Password, please\r\n";
	bool fine;

	local_bh_disable();
	rcu_read_lock();
	fine = conn_say(c, IP_CT_DIR_REPLY, welcome, sizeof(welcome) - 1) &&
	       conn_say(c, IP_CT_DIR_ORIGINAL, user, sizeof(user) - 1) &&
	       conn_say(c, IP_CT_DIR_REPLY, password, sizeof(password) - 1);
	rcu_read_unlock();
	local_bh_enable();
	return fine;
}

static bool open_both(struct conn *c, const struct message *msg)
{
	int i;

	for (i = 0; i < 2; i++)
		if (!conn_open(&c[i], msg->kind, msg->name, i) || (msg->kind == &ftp && !login(&c[i])))
			return false;
	return true;
}

/* ---- one message ---- */

static void close_pinholes(const struct conn *c)
{
	u32 last = pinhole_id + PINHOLES_TRIED;

	if (!conn_pinholes(c))
		return;
	while (c->ours && pinhole_close(c->net, pinhole_id++)) {
		if (pinhole_id == last) {
			bench_complain("%s: no pinhole is known", c->name);
			break;
		}
	}
	nf_ct_remove_expectations(c->ct);
}

static u64 message_timed(struct conn *c, const struct message *m, enum ip_conntrack_dir dir, const char *data, u32 len)
{
	enum conn_time time = m->kind->l4proto == IPPROTO_UDP ? CONN_FIRST : m->whole ? CONN_WHOLE : CONN_HELP;
	u64 ticks = conn_timed(c, dir, data, len, time, NULL);

	if (ticks && conn_pinholes(c) != m->pinholes)
		bench_complain("%s: %u pinholes of %s", c->name, conn_pinholes(c), c->who);
	return ticks;
}

/* One command and its answer. Return: ticks of the timed one. */
static u64 dialogue(struct conn *c, const struct message *m)
{
	u64 ticks = 0;

	if (m->timed == IP_CT_DIR_ORIGINAL)
		ticks = message_timed(c, m, IP_CT_DIR_ORIGINAL, m->client, m->client_len);
	else
		conn_say(c, IP_CT_DIR_ORIGINAL, m->client, m->client_len);
	close_pinholes(c);
	if (m->timed == IP_CT_DIR_REPLY)
		ticks = message_timed(c, m, IP_CT_DIR_REPLY, m->server, strlen(m->server));
	else if (m->server)
		conn_say(c, IP_CT_DIR_REPLY, m->server, strlen(m->server));
	return ticks;
}

static void batch(struct conn *c, const struct message *m, struct bench_series *s)
{
	u64 took[BATCH], empty[BATCH];
	int i;

	for (i = 0; i < BATCH && !bench_failed(); i++) {
		local_bh_disable();
		rcu_read_lock();
		took[i] = dialogue(c, m);
		empty[i] = bench_empty();
		rcu_read_unlock();
		local_bh_enable();
	}
	if (bench_failed())
		return;
	bench_series_batch(s, took, empty, BATCH);
	rcu_barrier();	/* what was closed is freed: every batch finds the same heap */
}

static int measure(const struct message *msg, u32 rounds)
{
	struct bench_series *s[2] = { bench_series_new(msg->name, "kernel", rounds), bench_series_new(msg->name, "ours", rounds) };
	struct conn c[2] = {};
	u32 r;

	if (!s[0] || !s[1])
		return -ENOMEM;
	if (open_both(c, msg)) {
		for (r = 0; r < rounds && !bench_failed(); r++) {
			batch(&c[r & 1], msg, s[r & 1]);
			batch(&c[!(r & 1)], msg, s[!(r & 1)]);
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
