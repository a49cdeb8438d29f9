/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an FTP session has promised: which replies open something, and when it can be read. */
#include "unit.h"
#include "alg/proto/ftp.h"

/* One line of a dialogue and what the session says to it. */
struct step {
	const char *line;	/* "C: ..." or "S: ...", without its CRLF */
	enum alg_ftp_action action;
};

#define P227 "S: 227 Entering Passive Mode (192,168,1,11,19,137)"
#define P228 "S: 228 Entering Long Passive Mode (4,4,192,168,1,11,2,19,137)"
#define P229 "S: 229 Entering Extended Passive Mode (|||5001|)"

static enum alg_ftp_action feed(struct alg_ftp_session *s, const char *line)
{
	bool reply = line[0] == 'S';
	struct alg_ftp_msg msg;
	enum alg_parse answer;
	char text[1200];
	u32 used;
	int n;

	n = snprintf(text, sizeof(text), "%s\r\n", line + 3);
	answer = alg_ftp_parse(guard_end(text, (size_t)n), (u32)n, reply, &s->multi, &msg, &used);
	assert_true(answer == ALG_PARSE_COMPLETE || answer == ALG_PARSE_MALFORMED);
	assert_int_equal(used, n);
	return alg_ftp_session_step(s, reply, &msg);
}

static void play(struct alg_ftp_session *s, const struct step *steps)
{
	for (int i = 0; steps[i].line; i++) {
		char what[120];

		snprintf(what, sizeof(what), "%d: %s", i + 1, steps[i].line);
		ROW_CHECK(feed(s, steps[i].line) == steps[i].action, what, "action");
	}
}

#define DIALOGUE(name, ...)								\
static void name(void **state)								\
{											\
	static const struct step steps[] = { __VA_ARGS__, { NULL, ALG_FTP_PASS } };	\
	struct alg_ftp_session s = { 0 };						\
											\
	play(&s, steps);								\
}

DIALOGUE(test_active,
	{ "S: 220 ready", ALG_FTP_PASS },
	{ "C: USER x", ALG_FTP_PASS },
	{ "S: 230 ok", ALG_FTP_PASS },
	{ "C: PORT 1,2,3,4,5,6", ALG_FTP_OPEN },
	{ "S: 200 ok", ALG_FTP_PASS },
	{ "C: EPRT |2|::1|99|", ALG_FTP_OPEN },
	{ "S: 200 ok", ALG_FTP_PASS },
	{ "C: LPRT 4,4,1,2,3,4,2,5,6", ALG_FTP_OPEN },
	{ "C: PORT 1,2,3,4,5,300", ALG_FTP_PASS })

DIALOGUE(test_passive,
	{ "S: 220 ready", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN },
	{ "C: LIST", ALG_FTP_PASS },
	{ "S: 150 here it comes", ALG_FTP_PASS },
	{ "S: 226 done", ALG_FTP_PASS },
	{ "C: EPSV", ALG_FTP_PASS },
	{ P229, ALG_FTP_OPEN },
	{ "C: EPSV 2", ALG_FTP_PASS },
	{ P229, ALG_FTP_OPEN },
	{ "C: LPSV", ALG_FTP_PASS },
	{ P228, ALG_FTP_OPEN })

DIALOGUE(test_unsolicited,
	{ P227, ALG_FTP_UNSOLICITED },
	{ P228, ALG_FTP_UNSOLICITED },
	{ P229, ALG_FTP_UNSOLICITED },
	/* one command, one endpoint */
	{ "C: PASV", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN },
	{ P227, ALG_FTP_UNSOLICITED },
	/* the reply to another command */
	{ "C: EPSV", ALG_FTP_PASS },
	{ P227, ALG_FTP_UNSOLICITED },
	{ P229, ALG_FTP_OPEN },
	{ "C: NOOP", ALG_FTP_PASS },
	{ P227, ALG_FTP_UNSOLICITED },
	/* refused: the question is answered */
	{ "C: PASV", ALG_FTP_PASS },
	{ "S: 502 no", ALG_FTP_PASS },
	{ P227, ALG_FTP_UNSOLICITED },
	{ "C: PASV", ALG_FTP_PASS },
	{ "S: 425 no", ALG_FTP_PASS },
	{ P227, ALG_FTP_UNSOLICITED },
	/* answered, but unreadable */
	{ "C: PASV", ALG_FTP_PASS },
	{ "S: 227 somewhere", ALG_FTP_PASS },
	{ P227, ALG_FTP_UNSOLICITED },
	/* malformed commands ask for nothing */
	{ "C: EPSV foo", ALG_FTP_PASS },
	{ P229, ALG_FTP_UNSOLICITED },
	/* commands from the server, replies from the client */
	{ "S: PASV", ALG_FTP_PASS },
	{ P227, ALG_FTP_UNSOLICITED },
	{ "S: PORT 1,2,3,4,5,6", ALG_FTP_PASS },
	{ "C: 227 Entering Passive Mode (1,2,3,4,5,6)", ALG_FTP_PASS })

DIALOGUE(test_preliminary_is_no_answer,
	{ "C: PASV", ALG_FTP_PASS },
	{ "S: 120 in a minute", ALG_FTP_PASS },
	{ "S: 150 soon", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN },
	{ P227, ALG_FTP_UNSOLICITED })

DIALOGUE(test_multi_line,
	{ "C: PASV", ALG_FTP_PASS },
	{ "S: 211-Features", ALG_FTP_PASS },
	{ P227, ALG_FTP_PASS },		/* text inside the 211 */
	{ "S: 211 end", ALG_FTP_PASS },
	{ "S: 227-listen", ALG_FTP_PASS },
	{ "S: (1,2,3,4,5,6)", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN })

/* Commands sent without waiting: each reply goes to its own. */
DIALOGUE(test_pipelined,
	{ "S: 220 ready", ALG_FTP_PASS },
	{ "C: USER x", ALG_FTP_PASS },
	{ "C: PASS y", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ "C: RETR a", ALG_FTP_PASS },
	{ "C: EPSV", ALG_FTP_PASS },
	{ "C: RETR b", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ "S: 331 password", ALG_FTP_PASS },
	{ "S: 530 no", ALG_FTP_PASS },	/* PASS; the PASV is still open */
	{ P227, ALG_FTP_OPEN },
	{ "S: 150 a", ALG_FTP_PASS },
	{ "S: 226 a", ALG_FTP_PASS },
	{ "S: 500 EPSV unknown", ALG_FTP_PASS },
	{ "S: 550 no b", ALG_FTP_PASS },
	{ P229, ALG_FTP_UNSOLICITED },
	{ P227, ALG_FTP_OPEN },
	{ P227, ALG_FTP_OPEN },
	{ P227, ALG_FTP_UNSOLICITED })

/* A client that doesn't wait for the greeting. */
DIALOGUE(test_early_commands,
	{ "C: PASV", ALG_FTP_PASS },
	{ "S: 220 ready", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN })

/* RFC 959, 4.1.3: ABOR ends a transfer with 426 and is answered by 226; some servers say more, some less. */
DIALOGUE(test_abor,
	{ "C: PASV", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN },
	{ "C: RETR a", ALG_FTP_PASS },
	{ "S: 150 a", ALG_FTP_PASS },
	{ "C: ABOR", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ "S: 426 aborted", ALG_FTP_PASS },
	{ "S: 226 ok", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN },
	/* three replies to two commands */
	{ "C: RETR a", ALG_FTP_PASS },
	{ "S: 150 a", ALG_FTP_PASS },
	{ "C: ABOR", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ "S: 426 aborted", ALG_FTP_PASS },
	{ "S: 226 transfer ended", ALG_FTP_PASS },
	{ "S: 226 ok", ALG_FTP_PASS },
	{ "S: 426 late", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN },
	/* one reply to two commands */
	{ "C: RETR a", ALG_FTP_PASS },
	{ "C: ABOR", ALG_FTP_PASS },
	{ "S: 226 ok", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN },
	{ P227, ALG_FTP_UNSOLICITED })

/* A server that doesn't count an empty line as a command. */
DIALOGUE(test_unanswered,
	{ "C: ", ALG_FTP_PASS },
	{ "C: ", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN },
	{ P227, ALG_FTP_UNSOLICITED },
	/* replies come in order: what was asked before the PASV is answered no more */
	{ "C: EPSV", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN },
	{ P229, ALG_FTP_UNSOLICITED })

/* RFC 2428, 4 */
DIALOGUE(test_epsv_all,
	{ "C: EPSV ALL", ALG_FTP_PASS },
	{ "C: PORT 1,2,3,4,5,6", ALG_FTP_OPEN },	/* not accepted yet */
	{ "S: 200 ok", ALG_FTP_PASS },
	{ "S: 500 no PORT", ALG_FTP_PASS },
	{ "C: PORT 1,2,3,4,5,6", ALG_FTP_NOT_ALLOWED },
	{ "C: EPRT |1|1.2.3.4|99|", ALG_FTP_NOT_ALLOWED },
	{ "C: LPRT 4,4,1,2,3,4,2,5,6", ALG_FTP_NOT_ALLOWED },
	{ "C: PASV", ALG_FTP_NOT_ALLOWED },
	{ "C: LPSV", ALG_FTP_NOT_ALLOWED },
	{ P227, ALG_FTP_UNSOLICITED },
	{ P228, ALG_FTP_UNSOLICITED },
	{ "C: EPSV", ALG_FTP_PASS },
	{ P229, ALG_FTP_OPEN })

/* What is left over from a transfer accepts nothing. */
DIALOGUE(test_epsv_all_left_over,
	{ "C: EPSV ALL", ALG_FTP_PASS },
	{ "S: 225 x", ALG_FTP_PASS },
	{ "S: 226 x", ALG_FTP_PASS },
	{ "S: 250 x", ALG_FTP_PASS },
	{ "S: 350 x", ALG_FTP_PASS },
	{ "S: 426 x", ALG_FTP_PASS },
	{ P227, ALG_FTP_UNSOLICITED },
	{ P229, ALG_FTP_UNSOLICITED },
	{ "C: PORT 1,2,3,4,5,6", ALG_FTP_OPEN },
	{ "S: 200 ok", ALG_FTP_PASS },
	{ "C: PORT 1,2,3,4,5,6", ALG_FTP_NOT_ALLOWED })

DIALOGUE(test_epsv_all_refused,
	{ "C: EPSV ALL", ALG_FTP_PASS },
	{ "S: 501 no", ALG_FTP_PASS },
	{ "C: PORT 1,2,3,4,5,6", ALG_FTP_OPEN },
	{ "C: PASV", ALG_FTP_PASS },
	{ "S: 200 PORT", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN })

DIALOGUE(test_auth_refused,
	{ "C: AUTH TLS", ALG_FTP_AUTH_SEEN },
	{ "S: 530 no", ALG_FTP_PASS },
	{ "C: AUTH SSL", ALG_FTP_AUTH_SEEN },
	{ "S: 504 no", ALG_FTP_PASS },
	{ "S: 234 nobody asked", ALG_FTP_PASS },
	{ "C: AUTH GSSAPI", ALG_FTP_AUTH_SEEN },
	{ "S: 334 send data", ALG_FTP_PASS },
	{ "S: 234 that was answered", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN },
	{ "C: PORT 1,2,3,4,5,6", ALG_FTP_OPEN },
	/* in plain text CCC means nothing */
	{ "C: CCC", ALG_FTP_PASS },
	{ "S: 533 no", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ P227, ALG_FTP_OPEN })

/* RFC 2228: other ends of AUTH, and replies that don't end it. */
DIALOGUE(test_auth_other_ends,
	{ "S: 220 ready", ALG_FTP_PASS },
	{ "C: AUTH X", ALG_FTP_AUTH_SEEN },
	{ "S: 235 enough", ALG_FTP_PASS },
	{ "S: 234 too late", ALG_FTP_PASS },
	{ "C: AUTH X", ALG_FTP_AUTH_SEEN },
	{ "S: 220 ready again (REIN)", ALG_FTP_PASS },
	{ "S: 226 left over", ALG_FTP_PASS },
	{ "S: 250 left over", ALG_FTP_PASS },
	{ "S: 426 left over", ALG_FTP_PASS },
	{ "S: 631 protected", ALG_FTP_PASS },
	{ "S: 234 go", ALG_FTP_ENCRYPTED })

DIALOGUE(test_auth_accepted,
	{ "C: PASV", ALG_FTP_PASS },
	{ "C: AUTH TLS", ALG_FTP_AUTH_SEEN },
	{ P227, ALG_FTP_OPEN },
	{ "S: 234 go", ALG_FTP_ENCRYPTED },
	/* nothing counts any more */
	{ "C: PORT 1,2,3,4,5,6", ALG_FTP_PASS },
	{ "C: PASV", ALG_FTP_PASS },
	{ P227, ALG_FTP_PASS },
	{ "S: 234 go", ALG_FTP_PASS })

/* More questions than are remembered: those beyond open nothing; nothing overflows. */
static void test_many(void **state)
{
	struct alg_ftp_session s = { 0 };

	for (int i = 0; i < 1000; i++)
		assert_int_equal(feed(&s, "C: PASV"), ALG_FTP_PASS);
	assert_int_equal(s.queued, ALG_FTP_QUEUE);
	assert_int_equal(s.behind, 255);
	for (int i = 0; i < ALG_FTP_QUEUE; i++)
		assert_int_equal(feed(&s, P227), ALG_FTP_OPEN);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(feed(&s, P227), ALG_FTP_UNSOLICITED);
	assert_int_equal(s.queued, 0);
	assert_int_equal(s.behind, 0);
	/* and it works again */
	for (int i = 0; i < 1000; i++)
		feed(&s, "C: NOOP");
	assert_int_equal(feed(&s, "C: PASV"), ALG_FTP_PASS);
	assert_int_equal(s.queue[0].ahead, 255);
	for (int i = 0; i < 255; i++)
		assert_int_equal(feed(&s, "S: 500 no"), ALG_FTP_PASS);
	assert_int_equal(feed(&s, P227), ALG_FTP_OPEN);
}

/* ---- TLS ---- */

static void test_is_tls_record(void **state)
{
	static const struct {
		u8 bytes[5];
		bool is;
	} rows[] = {
		{ { 20, 3, 3, 0, 1 }, true },
		{ { 21, 3, 3, 0, 2 }, true },
		{ { 22, 3, 1, 2, 0 }, true },
		{ { 23, 3, 3, 0x48, 0 }, true },	/* 2^14 + 2048 */
		{ { 24, 3, 0, 0, 0 }, true },
		{ { 23, 3, 3, 0x48, 1 }, false },
		{ { 23, 3, 3, 0xff, 0xff }, false },
		{ { 19, 3, 3, 0, 1 }, false },
		{ { 25, 3, 3, 0, 1 }, false },
		{ { 22, 2, 0, 0, 1 }, false },
		{ { 22, 4, 0, 0, 1 }, false },
		{ { 'P', 'A', 'S', 'V', '\r' }, false },
		{ { '2', '0', '0', ' ', 'o' }, false },
		{ { 0x80, 0x2e, 1, 3, 1 }, false },	/* SSL 2 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(alg_ftp_is_tls_record(guard_end(rows[i].bytes, 5), 5), rows[i].is);
		for (u32 len = 0; len < 5; len++)
			assert_false(alg_ftp_is_tls_record(guard_end(rows[i].bytes, len), len));
	}
}

static void test_looks_plain(void **state)
{
	static const struct {
		const char *text;
		u32 len;
		bool reply;
		bool is;
	} rows[] = {
		{ "PASV\r\n", 6, false, true },
		{ "pwd\n", 4, false, true },
		{ "PORT 1,2,3,4,5,6\r\n", 18, false, true },
		{ "XSHA256 f\r\n", 11, false, true },
		{ "ABCDEFGH x", 10, false, true },
		{ "ABCDEFGHI x", 11, false, false },
		{ "1ABC\r\n", 6, false, false },
		{ "PA:V\r\n", 6, false, false },
		{ "\r\n", 2, false, false },
		{ "200 ok\r\n", 8, false, false },
		{ "\x15\3\3\0\2", 5, false, false },
		{ "PASV\0", 5, false, false },
		{ "200 ok\r\n", 8, true, true },
		{ "230-x\r\n", 7, true, true },
		{ "200\r\n", 5, true, true },
		{ "200\n", 4, true, true },
		{ "200x\n", 5, true, false },
		{ "000 ok", 6, true, false },
		{ "720 ok", 6, true, false },
		{ "PASV\r\n", 6, true, false },
		{ "\x17\3\3\0\2", 5, true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool is = true;

		assert_false(alg_ftp_looks_plain(guard_end("", 0), 0, rows[i].reply));
		for (u32 len = 1; len <= rows[i].len; len++) {
			bool now = alg_ftp_looks_plain(guard_end(rows[i].text, len), len, rows[i].reply);

			ROW_CHECK(is || !now, rows[i].text, "more bytes don't bring it back");
			is = now;
		}
		ROW_CHECK(is == rows[i].is, rows[i].text, "answer");
	}
	/* no start of a record looks plain, whatever follows */
	for (int c = 20; c <= 24; c++) {
		u8 byte = (u8)c;

		assert_false(alg_ftp_looks_plain(&byte, 1, false));
		assert_false(alg_ftp_looks_plain(&byte, 1, true));
	}
}

/* A record of @body bytes that look like FTP lines, at @buf. Return: its length. */
static u32 put_record(u8 *buf, u8 type, u32 body)
{
	static const char fill[] = "\nPASV\r\n227 (1,2,3,4,5,6)\r\n";

	buf[0] = type;
	buf[1] = 3;
	buf[2] = 3;
	buf[3] = (u8)(body >> 8);
	buf[4] = (u8)body;
	for (u32 i = 0; i < body; i++)
		buf[5 + i] = (u8)fill[i % (sizeof(fill) - 1)];
	return 5 + body;
}

/* Feeds bytes [@from, @to) of a stream that starts at sequence number @isn. */
static bool segment(struct alg_ftp_tls *t, bool reply, u32 isn, const u8 *stream, u32 from, u32 to)
{
	return alg_ftp_tls_segment(t, reply, isn + from, guard_end(stream + from, to - from), to - from);
}

/* Records, then plain lines, cut into segments of every size, the sequence numbers wrapping. */
static void test_tls_cuts(void **state)
{
	static u8 stream[2000];
	u32 plain, len = 0;

	len += put_record(stream, 22, 300);
	len += put_record(stream + len, 20, 1);
	len += put_record(stream + len, 23, 0);
	len += put_record(stream + len, 23, 40);
	len += put_record(stream + len, 21, 2);
	plain = len;
	len += (u32)sprintf((char *)stream + len, "PASV\r\nRETR x\r\n");

	for (u32 size = 1; size <= len; size++) {
		const u32 isn = 0xffffff80;
		struct alg_ftp_tls t;
		int back = -1;

		alg_ftp_tls_start(&t, isn);
		for (u32 at = 0; at < len && back < 0; at += size) {
			u32 to = at + size < len ? at + size : len;

			if (segment(&t, false, isn, stream, at, to))
				back = (int)at;
		}
		/* with the first plain byte, or with the next line that starts a segment, if there is one */
		if (plain % size == 0) {
			assert_int_equal(back, plain);
		} else if (back < 0) {
			assert_int_equal(t.state, ALG_FTP_TLS_ENDED);
			assert_true((plain + 6) % size != 0);
		} else {
			assert_int_equal(back, plain + 6);
		}
		if (back >= 0)
			assert_int_equal(t.state, ALG_FTP_TLS_OFF);
	}
}

static void test_tls_retransmission(void **state)
{
	static u8 stream[400];
	struct alg_ftp_tls t;
	u32 len, plain;

	len = put_record(stream, 22, 100);
	plain = len;
	memcpy(stream + len, "PASV\r\nLIST\r\n", 12);

	/* what was sent before the first record looks plain, and is old */
	alg_ftp_tls_start(&t, 1000);
	assert_false(alg_ftp_tls_segment(&t, false, 990, (const u8 *)"AUTH TLS\r\n", 10));
	assert_int_equal(t.state, ALG_FTP_TLS_RECORDS);
	assert_false(segment(&t, false, 1000, stream, 0, 60));
	assert_false(segment(&t, false, 1000, stream, 0, 60));
	assert_false(segment(&t, false, 1000, stream, 20, 60));
	assert_int_equal(t.left, 45);
	/* old and new bytes in one segment: the plain line doesn't start it, the one behind does */
	assert_false(segment(&t, false, 1000, stream, 40, plain + 6));
	assert_int_equal(t.state, ALG_FTP_TLS_ENDED);
	assert_false(segment(&t, false, 1000, stream, plain, plain + 6));
	assert_false(segment(&t, false, 1000, stream, plain, plain + 12));	/* starts a line, but an old one */
	assert_int_equal(t.state, ALG_FTP_TLS_ENDED);
	assert_true(alg_ftp_tls_segment(&t, false, 1000 + plain + 12, (const u8 *)"PASV\r\n", 6));
	assert_int_equal(t.state, ALG_FTP_TLS_OFF);
	assert_false(alg_ftp_tls_segment(&t, false, 1000 + plain + 18, (const u8 *)"PASV\r\n", 6));
}

static void test_tls_gap(void **state)
{
	static u8 stream[400];
	struct alg_ftp_tls t;
	u32 len;

	len = put_record(stream, 22, 100);
	memcpy(stream + len, "PASV\r\nLIST\r\n", 12);

	/* inside a body */
	alg_ftp_tls_start(&t, 0);
	assert_false(segment(&t, false, 0, stream, 0, 10));
	assert_false(segment(&t, false, 0, stream, 50, 60));
	assert_false(segment(&t, false, 0, stream, 10, 50));
	assert_int_equal(t.left, 45);
	/* up to its end */
	assert_true(segment(&t, false, 0, stream, len, len + 6));

	/* across a header */
	alg_ftp_tls_start(&t, 0);
	assert_false(segment(&t, false, 0, stream, 0, 10));
	assert_false(segment(&t, false, 0, stream, len + 6, len + 12));
	assert_int_equal(t.state, ALG_FTP_TLS_LOST);
	assert_false(alg_ftp_tls_segment(&t, false, len + 12, (const u8 *)"PASV\r\n", 6));

	/* within a header */
	alg_ftp_tls_start(&t, 0);
	assert_false(segment(&t, false, 0, stream, 0, 3));
	assert_false(segment(&t, false, 0, stream, 4, 10));
	assert_int_equal(t.state, ALG_FTP_TLS_LOST);

	/* behind the end: the next line that certainly starts a segment */
	alg_ftp_tls_start(&t, 0);
	assert_false(segment(&t, false, 0, stream, 0, len + 6));
	assert_int_equal(t.state, ALG_FTP_TLS_ENDED);
	assert_false(alg_ftp_tls_segment(&t, false, len + 100, (const u8 *)"LIST\r\n", 6));
	assert_true(alg_ftp_tls_segment(&t, false, len + 106, (const u8 *)"PASV\r\n", 6));
}

static void test_tls_nonsense(void **state)
{
	struct alg_ftp_tls t;

	alg_ftp_tls_start(&t, 0);
	assert_false(alg_ftp_tls_segment(&t, false, 0, (const u8 *)"\x80\x2e\1\3\1\0\5", 7));	/* SSL 2 */
	assert_int_equal(t.state, ALG_FTP_TLS_LOST);
	alg_ftp_tls_start(&t, 0);
	assert_false(alg_ftp_tls_segment(&t, false, 0, (const u8 *)"\x17\3\3\xff\xff", 5));
	assert_int_equal(t.state, ALG_FTP_TLS_LOST);
	alg_ftp_tls_start(&t, 0);
	assert_false(alg_ftp_tls_segment(&t, true, 0, (const u8 *)"PASV\r\n", 6));	/* plain, but not a reply */
	assert_int_equal(t.state, ALG_FTP_TLS_LOST);
}

/* RFC 4217: AUTH TLS, a login, CCC, and plain commands again. */
static void test_ccc(void **state)
{
	struct alg_ftp_session s = { 0 };
	static u8 client[600], server[600];
	u32 c = 5000, r = 7000, n;

	assert_int_equal(feed(&s, "S: 220 ready"), ALG_FTP_PASS);
	assert_int_equal(feed(&s, "C: AUTH TLS"), ALG_FTP_AUTH_SEEN);
	assert_false(alg_ftp_session_tls(&s, false, c, (const u8 *)"USER", 4));	/* not encrypted yet */
	assert_int_equal(feed(&s, "S: 234 go"), ALG_FTP_ENCRYPTED);
	alg_ftp_session_encrypt(&s, c, r);
	n = put_record(client, 22, 500);
	assert_false(alg_ftp_session_tls(&s, false, c, client, n));
	c += n;
	n = put_record(server, 22, 400);
	assert_false(alg_ftp_session_tls(&s, true, r, server, n));
	r += n;
	n = put_record(client, 23, 30);		/* CCC */
	assert_false(alg_ftp_session_tls(&s, false, c, client, n));
	c += n;
	n = put_record(server, 23, 40);		/* 200 */
	n += put_record(server + n, 21, 2);	/* close_notify */
	assert_false(alg_ftp_session_tls(&s, true, r, server, n));
	r += n;
	n = put_record(client, 21, 2);
	assert_false(alg_ftp_session_tls(&s, false, c, client, n));
	c += n;
	assert_int_equal(feed(&s, "C: PASV"), ALG_FTP_PASS);
	assert_int_equal(s.queued, 0);

	assert_true(alg_ftp_session_tls(&s, false, c, (const u8 *)"PASV\r\n", 6));
	assert_true(s.encrypted);
	assert_int_equal(feed(&s, "C: PASV"), ALG_FTP_PASS);
	assert_int_equal(feed(&s, P227), ALG_FTP_PASS);	/* the server's side is not back yet */
	assert_true(alg_ftp_session_tls(&s, true, r, (const u8 *)"227", 3));
	assert_false(s.encrypted);
	assert_int_equal(feed(&s, P227), ALG_FTP_OPEN);
	assert_int_equal(feed(&s, "C: PORT 1,2,3,4,5,6"), ALG_FTP_OPEN);

	/* and once more */
	assert_int_equal(feed(&s, "C: AUTH TLS"), ALG_FTP_AUTH_SEEN);
	assert_int_equal(feed(&s, "S: 234 go"), ALG_FTP_ENCRYPTED);
	assert_true(s.encrypted);
	assert_int_equal(feed(&s, "C: PORT 1,2,3,4,5,6"), ALG_FTP_PASS);
	/* without alg_ftp_session_encrypt() there is no way back */
	assert_false(alg_ftp_session_tls(&s, false, c, (const u8 *)"PASV\r\n", 6));
}

/* The short way, on a copy, against the long way on another. Return: was it taken? */
static bool quick_is_true(const struct alg_ftp_session *from, bool reply, const char *text, size_t len)
{
	const u8 *data = guard_end(text, len);
	struct alg_ftp_session s, t;
	struct alg_ftp_msg msg;
	bool taken;
	u32 used;

	memcpy(&s, from, sizeof(s));
	memcpy(&t, from, sizeof(t));
	taken = alg_ftp_quick(&s, reply, data, (u32)len);
	if (taken) {
		assert_int_equal(alg_ftp_parse(data, (u32)len, reply, &t.multi, &msg, &used), ALG_PARSE_COMPLETE);
		assert_int_equal(used, len);
		assert_int_equal(alg_ftp_session_step(&t, reply, &msg), ALG_FTP_PASS);
	}
	assert_memory_equal(&s, &t, sizeof(s));
	return taken;
}

/* Every reply code behind every kind of command that waits, with other commands before it or without. */
static void test_quick_replies(void **state)
{
	static const char *const waits[] = { NULL, "C: PASV", "C: EPSV", "C: EPSV ALL", "C: LPSV", "C: AUTH TLS" };
	static const char *const ends[] = { " ok\r\n", "-more\r\n", "\r\n", " \n", " ok", "", " a\nb\r\n", "5 x\r\n" };
	unsigned int w, ahead, greeted, code, end, taken = 0;

	for (w = 0; w < ARRAY_SIZE(waits); w++)
		for (ahead = 0; ahead < 4; ahead++)
			for (greeted = 0; greeted < 2; greeted++) {
				struct alg_ftp_session s = { 0 };

				if (greeted)
					feed(&s, "S: 220 ready");
				if (ahead & 1)
					feed(&s, "C: NOOP");
				if (waits[w])
					feed(&s, waits[w]);
				if (ahead & 2)
					feed(&s, "C: STAT");
				for (code = 0; code < 1000; code++)
					for (end = 0; end < ARRAY_SIZE(ends); end++) {
						char text[20];
						int n = snprintf(text, sizeof(text), "%03u%s", code, ends[end]);

						taken += quick_is_true(&s, true, text, (size_t)n);
					}
			}
	/* two of the ends, codes from 100 to 699, but for 227 to 229; 234 when nothing waits */
	assert_int_equal(taken, 2 * (6 * 4 * 2 * 596 + 4 * 2));
}

static void test_quick_commands(void **state)
{
	static const char *const words[] = {
		"PORT", "EPRT", "PASV", "EPSV", "LPRT", "LPSV", "AUTH", "CCC", "NOOP", "PORTS", "LIST", "CWD", "ccca", "por\x14",
		" PASV", "\xff\xf4PASV", "A", "PA", "PAS", "", "p@sv", "PASS x", "\xff\xfb", "QUIT",
	};
	static const char *const ends[] = { "\r\n", "\n", " x\r\n", "", " a\nb\n", "\r", "\t\n", " 1,2,3,4,5,6\r\n" };
	struct alg_ftp_session s = { 0 };
	unsigned int i, w, end;

	for (i = 0; i < 300; i++) {
		for (w = 0; w < ARRAY_SIZE(words); w++)
			for (end = 0; end < ARRAY_SIZE(ends); end++) {
				char text[40];
				int n = snprintf(text, sizeof(text), "%s%s", words[w], ends[end]);

				quick_is_true(&s, false, text, (size_t)n);
			}
		assert_true(quick_is_true(&s, false, "LIST\r\n", 6));
		assert_true(quick_is_true(&s, false, "CWD a\r\n", 7));
		assert_false(quick_is_true(&s, false, "PASV\r\n", 6));
		assert_false(quick_is_true(&s, false, "ccc\r\n", 5));
		feed(&s, i % 40 ? "C: NOOP" : "C: PASV");
	}
	s.multi = 230;
	assert_false(quick_is_true(&s, true, "230 ok\r\n", 8));
	s.multi = 0;
	assert_true(quick_is_true(&s, true, "230 ok\r\n", 8));
	s.encrypted = true;
	assert_false(quick_is_true(&s, true, "230 ok\r\n", 8));
	assert_false(quick_is_true(&s, false, "NOOP\r\n", 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_active),
		cmocka_unit_test(test_passive),
		cmocka_unit_test(test_unsolicited),
		cmocka_unit_test(test_preliminary_is_no_answer),
		cmocka_unit_test(test_multi_line),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_early_commands),
		cmocka_unit_test(test_abor),
		cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_epsv_all),
		cmocka_unit_test(test_epsv_all_left_over),
		cmocka_unit_test(test_epsv_all_refused),
		cmocka_unit_test(test_auth_other_ends),
		cmocka_unit_test(test_auth_refused),
		cmocka_unit_test(test_auth_accepted),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_is_tls_record),
		cmocka_unit_test(test_looks_plain),
		cmocka_unit_test(test_tls_cuts),
		cmocka_unit_test(test_tls_retransmission),
		cmocka_unit_test(test_tls_gap),
		cmocka_unit_test(test_tls_nonsense),
		cmocka_unit_test(test_ccc),
		cmocka_unit_test(test_quick_replies),
		cmocka_unit_test(test_quick_commands),
	};

	return cmocka_run_group_tests_name("ftp session", tests, NULL, NULL);
}
