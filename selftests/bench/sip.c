// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIP over UDP: the time of a helper's ->help for one message. Every INVITE is a new call's and every REGISTER a new registration;
 * what it left behind (expectations, calls, registrations) is taken away outside the timed part, for both helpers alike. Only the
 * trunk keeps its calls: they pile up on one connection of ours.
 */
#include <linux/module.h>
#include <net/netfilter/nf_conntrack_expect.h>

#include "conn.h"

unsigned int nf_alg_calls_close(struct net *net, u32 tenant);	/* exported by nf_alg */

#define BATCH		16	/* messages to one helper before it is the other's turn */
#define TRUNK_CALLS	10000
#define TRUNK_EDGE	64	/* first and last calls of a trunk that are timed */
#define TRUNK_PORTS	10000	/* media ports of a trunk's calls, four each */

#define AUDIO_PORT	49170
#define VIDEO_PORT	51372

/* Written over with numbers of the same width. */
#define CALL		"CALLNUMBER"
#define AUDIO		"AUDIO"
#define VIDEO		"VIDEO"

/* ---- what is said ---- */

#define MEDIA(address) \
	"c=IN IP4 " address "\r\n" \
	"t=0 0\r\n" \
	"m=audio " AUDIO " RTP/AVP 0 8 18 101\r\n" \
	"a=rtpmap:0 PCMU/8000\r\n" \
	"a=rtpmap:8 PCMA/8000\r\n" \
	"a=rtpmap:18 G729/8000\r\n" \
	"a=fmtp:18 annexb=no\r\n" \
	"a=rtpmap:101 telephone-event/8000\r\n" \
	"a=fmtp:101 0-16\r\n" \
	"a=ptime:20\r\n" \
	"a=sendrecv\r\n" \
	"m=video " VIDEO " RTP/AVP 99\r\n" \
	"a=rtpmap:99 H264/90000\r\n" \
	"a=fmtp:99 profile-level-id=42801F\r\n"

#define OFFER \
	"v=0\r\n" \
	"o=alice 2890844526 2890844526 IN IP4 10.20.30.40\r\n" \
	"s=-\r\n" \
	MEDIA("10.20.30.40")

#define ANSWER \
	"v=0\r\n" \
	"o=bob 2808844564 2808844564 IN IP4 203.0.113.5\r\n" \
	"s=-\r\n" \
	MEDIA("203.0.113.5")

static const char invite[] =
	"INVITE sip:bob@203.0.113.5:5060 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 10.20.30.40:5060;branch=z9hG4bK" CALL ";rport\r\n"
	"Max-Forwards: 70\r\n"
	"From: \"Alice\" <sip:alice@10.20.30.40:5060>;tag=" CALL "\r\n"
	"To: Bob <sip:bob@203.0.113.5:5060>\r\n"
	"Call-ID: " CALL "a84b4c76e66710\r\n"
	"CSeq: 314159 INVITE\r\n"
	"Contact: <sip:alice@10.20.30.40:5060;transport=udp>\r\n"
	"User-Agent: Phone/1.0\r\n"
	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO\r\n"
	"Supported: replaces, timer, 100rel\r\n"
	"Session-Expires: 1800\r\n"
	"Content-Type: application/sdp\r\n"
	"Content-Length: LENG\r\n"
	"\r\n" OFFER;

/* To what the other side saw of it. */
static const char invite_ok[] =
	"SIP/2.0 200 OK\r\n"
	"Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK" CALL ";received=198.51.100.7;rport=5060\r\n"
	"From: \"Alice\" <sip:alice@198.51.100.7:5060>;tag=" CALL "\r\n"
	"To: Bob <sip:bob@203.0.113.5:5060>;tag=8321234356\r\n"
	"Call-ID: " CALL "a84b4c76e66710\r\n"
	"CSeq: 314159 INVITE\r\n"
	"Contact: <sip:bob@203.0.113.5:5060;transport=udp>\r\n"
	"Server: Exchange/2.0\r\n"
	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO\r\n"
	"Supported: replaces, timer\r\n"
	"Content-Type: application/sdp\r\n"
	"Content-Length: LENG\r\n"
	"\r\n" ANSWER;

static const char register_request[] =
	"REGISTER sip:203.0.113.5 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 10.20.30.40:5060;branch=z9hG4bK" CALL ";rport\r\n"
	"Max-Forwards: 70\r\n"
	"From: <sip:" CALL "@203.0.113.5>;tag=" CALL "\r\n"
	"To: <sip:" CALL "@203.0.113.5>\r\n"
	"Call-ID: " CALL "a84b4c76e66710\r\n"
	"CSeq: 1826 REGISTER\r\n"
	"Contact: <sip:alice@10.20.30.40:5060;transport=udp>\r\n"
	"User-Agent: Phone/1.0\r\n"
	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO\r\n"
	"Expires: 3600\r\n"
	"Content-Length: LENG\r\n"
	"\r\n";

static const char register_ok[] =
	"SIP/2.0 200 OK\r\n"
	"Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK" CALL ";received=198.51.100.7;rport=5060\r\n"
	"From: <sip:" CALL "@203.0.113.5>;tag=" CALL "\r\n"
	"To: <sip:" CALL "@203.0.113.5>;tag=2493k59kd\r\n"
	"Call-ID: " CALL "a84b4c76e66710\r\n"
	"CSeq: 1826 REGISTER\r\n"
	"Contact: <sip:alice@198.51.100.7:5060;transport=udp>;expires=3600\r\n"
	"Server: Exchange/2.0\r\n"
	"Content-Length: LENG\r\n"
	"\r\n";

static const char options[] =
	"OPTIONS sip:bob@203.0.113.5:5060 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 10.20.30.40:5060;branch=z9hG4bK" CALL ";rport\r\n"
	"Max-Forwards: 70\r\n"
	"From: \"Alice\" <sip:alice@10.20.30.40:5060>;tag=" CALL "\r\n"
	"To: Bob <sip:bob@203.0.113.5:5060>\r\n"
	"Call-ID: " CALL "a84b4c76e66710\r\n"
	"CSeq: 63104 OPTIONS\r\n"
	"Contact: <sip:alice@10.20.30.40:5060;transport=udp>\r\n"
	"User-Agent: Phone/1.0\r\n"
	"Accept: application/sdp\r\n"
	"Content-Length: LENG\r\n"
	"\r\n";

static void write_over(char *text, const char *field, u32 number)
{
	unsigned int width = strlen(field);
	char digits[16];
	char *at;

	snprintf(digits, sizeof(digits), "%0*u", width, number);
	for (at = strstr(text, field); at; at = strstr(at + width, field))
		memcpy(at, digits, width);
}

/* Call number @call's message. Return: its length. */
static u32 say(char *text, const char *what, u32 call, u16 audio, u16 video)
{
	const char *body;

	strcpy(text, what);
	body = strstr(text, "\r\n\r\n") + 4;
	write_over(text, CALL, call);
	write_over(text, AUDIO, audio);
	write_over(text, VIDEO, video);
	write_over(text, "LENG", strlen(body));
	return body - text + strlen(body);
}

/* ---- measurements ---- */

static const struct conn_kind translated = {
	.kernel = "sip", .ours = "alg-sip", .l4proto = IPPROTO_UDP, .port = 5060, .sport = 5060
};
static const struct conn_kind plain = {
	.kernel = "sip", .ours = "alg-sip", .l4proto = IPPROTO_UDP, .port = 5060, .sport = 5060, .plain = true
};

/*
 * struct measurement
 * @name:	for the report
 * @kind:	connection
 * @before:	what was asked before @timed, which then is the answer; NULL: @timed is a request
 * @timed:	what is measured
 * @opens:	it opens something
 * @hidden:	address that must not be left in what becomes of it
 */
struct measurement {
	const char *name;
	const struct conn_kind *kind;
	const char *before, *timed;
	bool opens;
	const char *hidden;
};

#define INSIDE	"10.20.30.40"
#define OUTSIDE	"198.51.100.7"

static const struct measurement measurements[] = {
	{ "sip-invite", &translated, NULL, invite, true, INSIDE },
	{ "sip-invite-plain", &plain, NULL, invite, true },
	{ "sip-ok", &translated, invite, invite_ok, true, OUTSIDE },
	{ "sip-register", &translated, NULL, register_request, false, INSIDE },
	{ "sip-register-ok", &translated, register_request, register_ok, false, OUTSIDE },
	{ "sip-options", &translated, NULL, options, false, INSIDE },
};

/* struct run - one helper's part of a measurement; @text has room for any message */
struct run {
	const struct measurement *m;
	struct conn conn;
	struct bench_series *series;
	char text[2048];
	u64 took[BATCH], empty[BATCH];
};

static u32 call_number;
static const struct measurement *looked_at;
static unsigned int (*calls_close)(struct net *net, u32 tenant);

static void look(const struct conn *c, const struct sk_buff *skb)
{
	unsigned int headers = bench_headers(IPPROTO_UDP);

	if (looked_at->hidden && strnstr(skb->data + headers, looked_at->hidden, skb->len - headers))
		bench_complain("%s: %s is left in the message by %s", c->name, looked_at->hidden, c->who);
	if (looked_at->opens && !conn_pinholes(c))
		bench_complain("%s: %s opened nothing", c->name, c->who);
}

/* What a message left behind: outside of softirqs and RCU. */
static void forget(struct conn *c)
{
	if (c->ours)
		calls_close(c->net, 0);
	local_bh_disable();
	nf_ct_remove_expectations(c->ct);
	local_bh_enable();
}

static u64 dialogue(struct run *r)
{
	const struct measurement *m = r->m;
	u32 len;

	call_number++;
	if (m->before) {
		len = say(r->text, m->before, call_number, AUDIO_PORT, VIDEO_PORT);
		if (!conn_say(&r->conn, IP_CT_DIR_ORIGINAL, r->text, len))
			return 0;
	}
	len = say(r->text, m->timed, call_number, AUDIO_PORT, VIDEO_PORT);
	looked_at = m;
	return conn_timed(&r->conn, m->before ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL, r->text, len, CONN_HELP, look);
}

static void batch(struct run *r)
{
	int i;

	for (i = 0; i < BATCH && !bench_failed(); i++) {
		local_bh_disable();
		rcu_read_lock();
		r->took[i] = dialogue(r);
		r->empty[i] = bench_empty();
		rcu_read_unlock();
		local_bh_enable();
		forget(&r->conn);
	}
	if (bench_failed())
		return;
	bench_series_batch(r->series, r->took, r->empty, BATCH);
	rcu_barrier();	/* what was closed is freed: every batch finds the same heap */
}

/* @who: who takes part, one or both */
static int measure(const struct measurement *m, struct run *runs, int n, u32 rounds)
{
	u32 round;
	int i;

	for (i = 0; i < n; i++) {
		runs[i].m = m;
		runs[i].series = bench_series_new(m->name, i ? "ours" : "kernel", rounds);
		if (!runs[i].series)
			return -ENOMEM;
	}
	for (i = 0; i < n; i++)
		conn_open(&runs[i].conn, m->kind, m->name, i);
	for (round = 0; round < rounds && !bench_failed(); round++) {
		for (i = 0; i < n; i++)
			batch(&runs[(i + round) % n]);
		cond_resched();
	}
	for (i = 0; i < n; i++)
		conn_close(&runs[i].conn);
	rcu_barrier();	/* the same ports again */
	return 0;
}

/* ---- a trunk: calls that stay ---- */

/* One more call, answered. Return: ticks of its INVITE. */
static u64 trunk_call(struct run *r, u32 n)
{
	u16 audio = TRUNK_PORTS + 4 * n, video = audio + 2;
	u64 ticks = 0;
	u32 len;

	local_bh_disable();
	rcu_read_lock();
	len = say(r->text, invite, ++call_number, audio, video);
	looked_at = &measurements[0];
	ticks = conn_timed(&r->conn, IP_CT_DIR_ORIGINAL, r->text, len, CONN_HELP, look);
	len = say(r->text, invite_ok, call_number, audio, video);
	if (ticks)
		conn_say(&r->conn, IP_CT_DIR_REPLY, r->text, len);
	rcu_read_unlock();
	local_bh_enable();
	return ticks;
}

struct trunk {
	u64 first[TRUNK_EDGE], last[TRUNK_EDGE], empty[2][TRUNK_EDGE];
};

static void trunk_round(struct run *r, struct trunk *t, struct bench_series **s)
{
	u64 ticks;
	u32 n;

	for (n = 0; n < TRUNK_CALLS && !bench_failed(); n++) {
		ticks = trunk_call(r, n);
		if (n < TRUNK_EDGE) {
			t->first[n] = ticks;
			t->empty[0][n] = bench_empty();
		} else if (n >= TRUNK_CALLS - TRUNK_EDGE) {
			t->last[n - (TRUNK_CALLS - TRUNK_EDGE)] = ticks;
			t->empty[1][n - (TRUNK_CALLS - TRUNK_EDGE)] = bench_empty();
		}
		if (n % BATCH == 0)
			cond_resched();
	}
	n = calls_close(r->conn.net, 0);
	if (n != TRUNK_CALLS)
		bench_complain("%s: %u calls stood", r->conn.name, n);
	rcu_barrier();
	if (!s || bench_failed())
		return;
	bench_series_batch(s[0], t->first, t->empty[0], TRUNK_EDGE);
	bench_series_batch(s[1], t->last, t->empty[1], TRUNK_EDGE);
}

static int trunk(struct run *r, u32 rounds)
{
	struct bench_series *s[2] = {
		bench_series_new("sip-trunk", "first", rounds), bench_series_new("sip-trunk", "last", rounds)
	};
	struct trunk *t = kzalloc(sizeof(*t), GFP_KERNEL);
	int err = s[0] && s[1] && t ? 0 : -ENOMEM;
	u32 i;

	if (!err && conn_open(&r->conn, &translated, "sip-trunk", true)) {
		trunk_round(r, t, NULL);	/* whose memory the others find */
		for (i = 0; i < rounds && !bench_failed(); i++)
			trunk_round(r, t, s);
	}
	conn_close(&r->conn);
	kfree(t);
	return err;
}

int bench_sip(u32 rounds)
{
	struct run *runs = kcalloc(2, sizeof(*runs), GFP_KERNEL);
	int i, n, err = 0;

	if (!runs)
		return -ENOMEM;
	calls_close = symbol_get(nf_alg_calls_close);
	/* Without a module of ours there are the kernel's figures only, and the report says so. */
	n = calls_close && conn_has_helper(&translated, true) ? 2 : 1;
	for (i = 0; i < ARRAY_SIZE(measurements) && !err && !bench_failed(); i++)
		if (bench_wanted(measurements[i].name))
			err = measure(&measurements[i], runs, n, rounds);
	if (n == 2 && !err && bench_wanted("sip-trunk"))
		err = trunk(runs, max(rounds / 8, 5U));
	if (calls_close)
		symbol_put(nf_alg_calls_close);
	kfree(runs);
	return err;
}
