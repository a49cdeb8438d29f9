/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIP messages as a whole: what is read from them, where they end, streams, bodies, limits, and what is no message. */
#include "sip_text.h"
#include <strings.h>

#define EOL "\r\n"

static struct alg_sip_msg msg;
static u32 used;

#define HEAD(first, method)					\
	first EOL						\
	"Via: SIP/2.0/UDP 10.0.0.2:5070;rport;branch=z9hG4bKtop" EOL	\
	"Via: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKnext" EOL	\
	"From: \"Anna\" <sip:anna@10.0.0.2:5071;user=phone>;tag=from-1" EOL	\
	"To: sip:ben@192.0.2.9;tag=to-1" EOL			\
	"Call-ID: call-1@10.0.0.2" EOL				\
	"CSeq: 21 " method EOL

#define DESCRIPTION						\
	"v=0" EOL "o=- 1 1 IN IP4 10.0.0.2" EOL "s=-" EOL "c=IN IP4 10.0.0.2" EOL "t=0 0" EOL	\
	"m=audio 4000 RTP/AVP 0" EOL

static const char invite[] =
	HEAD("INVITE sip:ben@192.0.2.9 SIP/2.0", "INVITE")
	"Contact: <sip:anna@10.0.0.2:5070;transport=udp>;expires=90" EOL
	"Expires: 120" EOL
	"Session-Expires: 1800;refresher=uac" EOL
	"User-Agent: test" EOL
	"Content-Type: application/sdp" EOL
	"Content-Length: 85" EOL
	EOL
	DESCRIPTION;

static const char bye[] = HEAD("BYE sip:ben@192.0.2.9 SIP/2.0", "BYE") "Content-Length: 0" EOL EOL;
static const char ok[] = HEAD("SIP/2.0 200 OK", "INVITE") "l: 0" EOL EOL;

#define LEN(text) ((u32)sizeof(text) - 1)

static void test_fields(void **state)
{
	assert_int_equal(sip_parse(invite, LEN(invite), false, &msg, &used), COMPLETE);
	assert_int_equal(used, LEN(invite));
	assert_int_equal(msg.kind, ALG_SIP_REQUEST);
	assert_int_equal(msg.method, ALG_SIP_INVITE);
	assert_int_equal(msg.cseq, 21);
	assert_int_equal(msg.status, 0);
	assert_true(SPAN_IS(invite, msg.method_text, "INVITE"));
	assert_true(SPAN_IS(invite, msg.call_id, "call-1@10.0.0.2"));
	assert_true(SPAN_IS(invite, msg.from_tag, "from-1"));
	assert_true(SPAN_IS(invite, msg.to_tag, "to-1"));
	assert_true(SPAN_IS(invite, msg.branch, "z9hG4bKtop"));
	assert_true(SPAN_IS(invite, msg.from_uri, "sip:anna@10.0.0.2:5071"));
	assert_true(SPAN_IS(invite, msg.to_uri, "sip:ben@192.0.2.9"));
	assert_true(SPAN_IS(invite, msg.length, "85"));
	assert_int_equal(msg.expires, 120);
	assert_int_equal(msg.session_expires, 1800);
	assert_int_equal(msg.content_length, 85);
	assert_int_equal(msg.body_len, 85);
	assert_int_equal(msg.header_len, LEN(invite) - 85);
	assert_false(msg.star || msg.multipart || msg.too_many);
	assert_string_equal(sip_refs_text(&msg),
	  "uri 192.0.2.9, via 10.0.0.2 5070 +rport, via 10.0.0.3, from 10.0.0.2 5071, to 192.0.2.9, "
						 "contact 10.0.0.2 5070");
	assert_int_equal(msg.top_via, 1);
	assert_int_equal(msg.n_contacts, 1);
	assert_int_equal(msg.contacts[0].ref, 5);
	assert_int_equal(msg.contacts[0].expires, 90);
	assert_true(SPAN_IS(invite, msg.contacts[0].uri, "sip:anna@10.0.0.2:5070;transport=udp"));
	assert_int_equal(msg.n_bodies, 1);
	assert_int_equal(msg.bodies[0].off, msg.header_len);
	assert_int_equal(msg.bodies[0].len, 85);
	assert_int_equal(msg.bodies[0].length.len, 0);
}

static void test_nothing_given(void **state)
{
	static const char text[] = "SIP/2.0 183 x" EOL "v: SIP/2.0/UDP h" EOL "f: tel:+49;phone-context=x;tag=1" EOL
	  "t: <tel:+49;a=b>" EOL "i: 1" EOL
				   "CSeq: 1 FOO" EOL EOL;

	assert_int_equal(sip_parse(text, LEN(text), false, &msg, &used), COMPLETE);
	assert_int_equal(msg.kind, ALG_SIP_RESPONSE);
	assert_int_equal(msg.status, 183);
	assert_int_equal(msg.method, ALG_SIP_UNKNOWN);
	assert_true(SPAN_IS(text, msg.method_text, "FOO"));
	assert_int_equal(msg.n_refs, 0);
	assert_int_equal(msg.top_via, ALG_SIP_REFS);
	assert_int_equal(msg.expires, ALG_SIP_NONE);
	assert_int_equal(msg.session_expires, ALG_SIP_NONE);
	assert_int_equal(msg.content_length, ALG_SIP_NONE);
	assert_int_equal(msg.length.len, 0);
	assert_int_equal(msg.branch.len, 0);
	assert_int_equal(msg.to_tag.len, 0);
	assert_true(SPAN_IS(text, msg.from_tag, "1"));
	assert_true(SPAN_IS(text, msg.from_uri, "tel:+49"));
	assert_true(SPAN_IS(text, msg.to_uri, "tel:+49"));
	assert_int_equal(msg.body_len, 0);
}

/* RFC 4475, 3.1.2.4; RFC 3261, 20.10 and 20.19: what is no number that can be meant is the default. */
static void test_seconds(void **state)
{
	static const struct {
		const char *value;
		u32 expires, contact, session;
	} rows[] = {
		{ "60", 60, 60, 60 },
		{ "0", 0, 0, 0 },
		{ "4294967294", 4294967294, 4294967294, 4294967294 },
		{ "4294967295", 3600, 3600, ALG_SIP_NONE },
		{ "10000000000000000000000000000000000", 3600, 3600, ALG_SIP_NONE },
		{ "-1", 3600, 3600, ALG_SIP_NONE },
		{ "1x", 3600, 3600, ALG_SIP_NONE },
	};
	char text[2048];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *v = rows[i].value;
		u32 len = (u32)snprintf(text, sizeof(text), HEAD("REGISTER sip:192.0.2.9 SIP/2.0", "REGISTER")
					"Expires:%s" EOL "Contact: <sip:a@h>;q=1;expires=%s, <sip:b@10.0.0.1>" EOL
					  "x: %s ;a=b" EOL EOL, v, v, v);

		ROW_CHECK(sip_parse(text, len, false, &msg, &used) == COMPLETE, v, "answer");
		ROW_CHECK(msg.expires == rows[i].expires, v, "Expires");
		ROW_CHECK(msg.session_expires == rows[i].session, v, "Session-Expires");
		ROW_CHECK(msg.n_contacts == 2 && msg.contacts[0].expires == rows[i].contact, v, "Contact");
		ROW_CHECK(msg.contacts[1].expires == ALG_SIP_NONE, v, "Contact without");
		ROW_CHECK(msg.contacts[0].ref == ALG_SIP_REFS && msg.contacts[1].ref == 5, v, "Contact's address");
	}
}

static void test_star(void **state)
{
	static const char text[] = HEAD("REGISTER sip:192.0.2.9 SIP/2.0", "REGISTER") "Contact: *" EOL "Expires: 0" EOL
	  EOL;

	assert_int_equal(sip_parse(text, LEN(text), false, &msg, &used), COMPLETE);
	assert_true(msg.star);
	assert_int_equal(msg.n_contacts, 0);
	assert_int_equal(msg.expires, 0);
}

/* ---- streams ---- */

static void test_prefixes(void **state)
{
	sip_check_prefixes(invite, LEN(invite));
	sip_check_prefixes(bye, LEN(bye));
	sip_check_prefixes(ok, LEN(ok));
}

/* A stream cut every @step bytes is the same messages. */
static void walk(const char *stream, u32 len, u32 step, const u8 *kinds, u32 n)
{
	u32 pending = 0, found = 0;

	for (u32 end = step; end < len + step; end += step) {
		u32 there = end < len ? end : len;

		while (pending < there) {
			enum alg_parse answer = sip_parse(stream + pending, there - pending, true, &msg, &used);

			if (answer == PARTIAL)
				break;
			assert_int_equal(answer, COMPLETE);
			pending += used;
			if (msg.kind == ALG_SIP_KEEPALIVE)
				continue;
			assert_true(found < n && kinds[found] == msg.method);
			found++;
		}
	}
	assert_int_equal(found, n);
	assert_int_equal(pending, len);
}

static void test_stream(void **state)
{
	static const u8 kinds[] = { ALG_SIP_INVITE, ALG_SIP_INVITE, ALG_SIP_BYE, ALG_SIP_MESSAGE, ALG_SIP_BYE };
	static char stream[8192];
	u32 len = (u32)snprintf(stream, sizeof(stream), EOL EOL "%s%s" EOL "%s%s" EOL EOL EOL "%s", ok, invite, bye,
				HEAD("MESSAGE sip:h SIP/2.0", "MESSAGE") "Content-Type: text/plain" EOL "l:  12 " EOL
				  EOL "INVITE sip:x", bye);

	for (u32 step = 1; step < 40; step++)
		walk(stream, len, step, kinds, ARRAY_SIZE(kinds));
	walk(stream, len, len, kinds, ARRAY_SIZE(kinds));
}

/* A body of no interest need not be there. */
static void test_stream_other_body(void **state)
{
	static const char text[] = HEAD("MESSAGE sip:h SIP/2.0", "MESSAGE") "Content-Type: text/plain" EOL
	  "Content-Length: 70000" EOL EOL "hello";

	assert_int_equal(sip_parse(text, LEN(text), true, &msg, &used), COMPLETE);
	assert_int_equal(used, LEN(text) - 5 + 70000);
	assert_int_equal(msg.body_len, 70000);
	assert_int_equal(sip_parse(text, LEN(text), false, &msg, &used), MALFORMED);
	assert_int_equal(used, LEN(text));
}

static void test_stream_lengths(void **state)
{
	static const char without[] = HEAD("INVITE sip:h SIP/2.0", "INVITE") "Content-Type: application/sdp" EOL
	  EOL DESCRIPTION;
	static const char broken[] = HEAD("INVITE sip:h SIP/2.0", "ACK") "Content-Length: 1000" EOL EOL "abc";
	static const char two[] = HEAD("INVITE sip:h SIP/2.0", "INVITE") "Content-Length: 1" EOL "l: 2" EOL EOL "abc";
	static const char big[] = HEAD("INVITE sip:h SIP/2.0", "INVITE") "Content-Type: application/sdp" EOL
	  "Content-Length: 65500" EOL EOL "v=0";
	char text[2048];
	u32 len;

	/* RFC 3261, 18.3: no length, no end */
	assert_int_equal(sip_parse(without, LEN(without), true, &msg, &used), MALFORMED);
	assert_int_equal(used, LEN(without));
	assert_int_equal(sip_parse(without, LEN(without), false, &msg, &used), COMPLETE);
	assert_int_equal(msg.n_bodies, 1);
	/* malformed, but one can tell where it ends */
	assert_int_equal(sip_parse(broken, LEN(broken), true, &msg, &used), MALFORMED);
	assert_int_equal(used, LEN(broken) - 3 + 1000);
	assert_int_equal(sip_parse(two, LEN(two), true, &msg, &used), MALFORMED);
	assert_int_equal(used, LEN(two));
	/* a description that exceeds what a message may be */
	assert_int_equal(sip_parse(big, LEN(big), true, &msg, &used), MALFORMED);
	assert_int_equal(used, LEN(big) - 3 + 65500);
	len = (u32)snprintf(text, sizeof(text), "%sl: 3" EOL "Content-Length : 03" EOL EOL "abc",
			    HEAD("BYE sip:h SIP/2.0", "BYE"));
	assert_int_equal(sip_parse(text, len, true, &msg, &used), COMPLETE);
	assert_true(SPAN_IS(text, msg.length, "3") && SPAN_IS(text, msg.length_again, "03"));
	/* a start line that is SIP's, but broken */
	len = (u32)snprintf(text, sizeof(text), "%s" "l: 3" EOL EOL "abc%s", HEAD("BYE sip:h SIP/2.0 ", "BYE"), ok);
	assert_int_equal(sip_parse(text, len, true, &msg, &used), MALFORMED);
	assert_int_equal(used, len - LEN(ok));
	/* no body, no length: RFC 3261, 20.14, wants one, many do without */
	len = (u32)snprintf(text, sizeof(text), "%s" EOL "%s", HEAD("BYE sip:h SIP/2.0", "BYE"), ok);
	assert_int_equal(sip_parse(text, len, true, &msg, &used), COMPLETE);
	assert_int_equal(used, len - LEN(ok));
}

static void test_datagram_lengths(void **state)
{
	char text[2048];
	u32 len = (u32)snprintf(text, sizeof(text), "%s%s", bye, invite);

	/* RFC 4475, 3.1.1.8; RFC 3261, 18.3 */
	assert_int_equal(sip_parse(text, len, false, &msg, &used), COMPLETE);
	assert_int_equal(used, LEN(bye));
	assert_int_equal(msg.method, ALG_SIP_BYE);
	assert_int_equal(sip_parse(invite, LEN(invite) - 1, false, &msg, &used), MALFORMED);
	assert_int_equal(used, LEN(invite) - 1);
	assert_int_equal(sip_parse(invite, LEN(invite) - 1, true, &msg, &used), PARTIAL);
	/* CRLFs before it are nothing */
	len = (u32)snprintf(text, sizeof(text), EOL EOL "%s", invite);
	assert_int_equal(sip_parse(text, len, false, &msg, &used), COMPLETE);
	assert_int_equal(used, len);
	assert_int_equal(msg.refs[0].off, 4 + 15);
	assert_int_equal(msg.bodies[0].off, msg.header_len);
	/* no empty line */
	assert_int_equal(sip_parse(bye, LEN(bye) - 2, false, &msg, &used), MALFORMED);
}

/* What is not SIP at all: its first bytes say so. */
static void test_not_sip(void **state)
{
	static const char *const others[] = {
		"GET / HTTP/1.1" EOL "Host: x" EOL EOL, "\x16\x03\x01\x02", "\xff\xff\xff\xff",
		  " INVITE sip:h SIP/2.0" EOL, "SIP/x", "SIP 2.0" EOL,
		"a/b", ":x", "INVITE\tsip:h SIP/2.0" EOL, "INVITE" EOL, "foo" EOL EOL, "SSH-2.0-x" EOL, "\x04" "abc",
		  "INVITE sip:h" EOL,
	};
	enum alg_parse answer;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		u32 len = (u32)strlen(others[i]);

		answer = sip_parse(others[i], len, true, &msg, &used);
		ROW_CHECK((answer == MALFORMED && used == len) || !strcmp(others[i], "SIP/x"), others[i], "stream");
		ROW_CHECK(sip_parse(others[i], len, false, &msg, &used) == MALFORMED && used == len, others[i],
		  "datagram");
		sip_check_prefixes(others[i], len);
	}
}

/* ---- keep-alives, STUN ---- */

static void test_keepalive(void **state)
{
	static const struct {
		const char *text;
		u32 len, datagram, stream;	/* bytes used, 0: malformed */
	} rows[] = {
		{ "\r\n\r\n", 4, 4, 4 }, { "\r\n", 2, 2, 2 }, { "\r", 1, 1, 1 }, { "\n\n", 2, 2, 2 }, { "\0", 1, 1, 1 },
		{ "\0\0\0\0", 4, 4, 4 }, { "\r\n\r\nX", 5, 0, 4 }, { "\0X", 2, 0, 1 }, { "\0\0\0\0\0\0\0\0", 8, 8, 8 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum alg_parse answer = sip_parse(rows[i].text, rows[i].len, false, &msg, &used);

		assert_int_equal(answer, rows[i].datagram ? COMPLETE : MALFORMED);
		assert_int_equal(used, rows[i].datagram ? rows[i].datagram : rows[i].len);
		if (answer == COMPLETE)
			assert_int_equal(msg.kind, ALG_SIP_KEEPALIVE);
		answer = sip_parse(rows[i].text, rows[i].len, true, &msg, &used);
		if (answer == PARTIAL) {	/* may be STUN */
			assert_true(!rows[i].text[0] && rows[i].len > 1 && rows[i].len < 8);
			continue;
		}
		assert_int_equal(answer, COMPLETE);
		assert_int_equal(used, rows[i].stream);
		assert_int_equal(msg.kind, ALG_SIP_KEEPALIVE);
	}
	assert_int_equal(sip_parse("", 0, true, &msg, &used), PARTIAL);
	assert_int_equal(sip_parse("", 0, false, &msg, &used), MALFORMED);
}

static void test_stun(void **state)
{
	static const u8 request[] = { 0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2,
	  3, 4, 5, 6, 7, 8 };
	u8 other[sizeof(request)];

	assert_int_equal(sip_parse(request, sizeof(request), false, &msg, &used), COMPLETE);
	assert_int_equal(msg.kind, ALG_SIP_STUN);
	assert_int_equal(used, sizeof(request));
	assert_int_equal(sip_parse(request, 19, false, &msg, &used), MALFORMED);
	for (u32 n = 2; n <= sizeof(request); n++) {
		enum alg_parse answer = sip_parse(request, n, true, &msg, &used);

		assert_int_equal(answer, n < 8 ? PARTIAL : COMPLETE);
		if (n >= 8)
			assert_int_equal(used, sizeof(request));
	}
	for (u32 i = 4; i < 8; i++) {
		memcpy(other, request, sizeof(request));
		other[i] ^= 1;
		assert_int_equal(sip_parse(other, sizeof(other), false, &msg, &used), MALFORMED);
	}
	memcpy(other, request, sizeof(request));
	other[0] = 4;
	assert_int_equal(sip_parse(other, sizeof(other), false, &msg, &used), MALFORMED);
}

/* ---- bodies ---- */

#define PART(type, more, body) "--limit" EOL "Content-Type: " type EOL more EOL body EOL

/* Each body's first and last line, and its length's digits. */
static const char *bodies_text(const char *text)
{
	static char out[512];
	size_t n = 0;

	out[0] = '\0';
	for (u32 i = 0; i < msg.n_bodies; i++) {
		const struct alg_sip_body *b = &msg.bodies[i];

		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s", i ? "|" : "", b->len, text + b->off);
		if (b->length.len)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "(%.*s)", b->length.len, text + b->length.off);
	}
	return out;
}

static const struct {
	const char *type, *body, *bodies;
} multiparts[] = {
	{ "application/sdp", "v=0", "v=0" },
	{ "APPLICATION / Sdp ; charset=x", "v=0", "v=0" },
	{ "application/sdp", "", "" },
	{ "application/sdpx", "v=0", "" },
	{ "text/sdp", "v=0", "" },
	{ "application/sdp" EOL "Content-Encoding: gzip", "v=0", "" },
	{ "application/sdp" EOL "e: identity", "v=0", "v=0" },
	{ "multipart/mixed;boundary=limit", PART("application/sdp", "", "v=0") "--limit--" EOL, "v=0" },
	{ "multipart/mixed;boundary=\"limit\"", "preamble" EOL PART("application/sdp", "Content-Length: 3" EOL,
	  "v=0") "--limit--", "v=0(3)" },
	{ "Multipart/Related; x=y; Boundary = limit", PART("text/plain", "", "v=1") PART("application/sdp", "",
	  "v=0" EOL "s=-") "--limit--", "v=0" EOL "s=-" },
	{ "multipart/mixed;boundary=limit", PART("application/sdp", "", "v=0") PART("c/d", "",
	  "") PART("application/SDP", "l:9" EOL, "v=2") "--limit--", "v=0|v=2(9)" },
	{ "multipart/mixed;boundary=limit", PART("application/sdp", "", "v=0"), "v=0" EOL },
	{ "multipart/mixed;boundary=limit", PART("application/sdp", "", "") "--limit--", "" },
	{ "multipart/mixed;boundary=limit",
	  PART("application/sdp", "l: 3" EOL "Content-Length: 3" EOL, "v=0") "--limit--", "" },
	{ "multipart/mixed;boundary=limit", "--limit" EOL EOL "v=0" EOL "--limit--", "" },
	{ "multipart/mixed;boundary=limit", "--limit" EOL "Content-Type: application/sdp" EOL "--limit--", "" },
	{ "multipart/mixed;boundary=limit", "--limit--" EOL PART("application/sdp", "", "v=0"), "" },
	{ "multipart/mixed;boundary=limit",
	  "--limit" EOL "Content-Encoding: gzip" EOL PART("application/sdp", "", "v=0") "--limit--", "v=0" },
	{ "multipart/mixed;boundary=limit", PART("application/sdp", "", "v=0" EOL "--limits" EOL "--limi") "--limit \t"
	  EOL EOL "x" EOL "--limit--",
	  "v=0" EOL "--limits" EOL "--limi" },
	{ "multipart/mixed;boundary=limit", PART("application/sdp", "Content-Transfer-Encoding: base64" EOL,
	  "dj0w") "--limit--", "" },
	{ "multipart/mixed;boundary=limit", PART("application/sdp", "Content-Transfer-Encoding: Binary" EOL,
	  "v=0") "--limit--", "v=0" },
	{ "multipart/mixed;boundary=limit", PART("application/sdp", "Content-Encoding: gzip" EOL, "v=0") "--limit--",
	  "" },
	{ "multipart/mixed;boundary=limit", PART("application/sdp", "A: b" EOL " folded" EOL "no name" EOL,
	  "v=0") "--limit--", "v=0" },
	/* nested */
	{ "multipart/mixed;boundary=limit",
	  PART("multipart/alternative;boundary=in", "", "--in" EOL "c: application/sdp" EOL EOL "v=0" EOL "--in" EOL
	  "c: application/sdp" EOL EOL "v=1" EOL "--in--")
	  PART("application/sdp", "", "v=2") "--limit--", "v=0|v=1|v=2" },
	{ "multipart/mixed;boundary=limit",	/* the inner one has no end of its own */
	  PART("multipart/mixed;boundary=in", "", "--in" EOL "c: application/sdp" EOL EOL "v=0") PART("application/sdp",
	  "", "v=2" EOL "--in" EOL EOL) "--limit--",
	  "v=0|v=2" EOL "--in" EOL EOL },
	{ "multipart/mixed;boundary=limit",	/* the inner boundary begins as the outer one does */
	  PART("multipart/mixed;boundary=limit2", "", "--limit2" EOL "c: application/sdp" EOL EOL "v=0" EOL
	  "--limit2--") "--limit--", "v=0" },
	{ "multipart/a;boundary=1",
	  "--1\nc:multipart/a;boundary=2\n\n--2\nc:multipart/a;boundary=3\n\n--3\nc:multipart/a;boundary=4\n\n"
	  "--4\nc:application/sdp\n\nv=0\n--1--", "v=0" },
	{ "multipart/a;boundary=1",
	  "--1\nc:multipart/a;boundary=2\n\n--2\nc:multipart/a;boundary=3\n\n--3\nc:multipart/a;boundary=4\n\n"
	  "--4\nc:multipart/a;boundary=5\n\n--5\nc:application/sdp\n\nv=0\n--1--", "" },
};

static void test_bodies(void **state)
{
	static char text[4096];

	for (size_t i = 0; i < ARRAY_SIZE(multiparts); i++) {
		const char *body = multiparts[i].body;
		u32 len = (u32)snprintf(text, sizeof(text), "%sContent-Type: %s" EOL "Content-Length: %zu" EOL EOL "%s",
					HEAD("INVITE sip:h SIP/2.0", "INVITE"), multiparts[i].type, strlen(body), body);

		ROW_CHECK(sip_parse(text, len, false, &msg, &used) == COMPLETE && used == len, body, "answer");
		if (strcmp(bodies_text(text), multiparts[i].bodies))
			print_error("# found '%s', expected '%s'\n", bodies_text(text), multiparts[i].bodies);
		ROW_CHECK(!strcmp(bodies_text(text), multiparts[i].bodies), body, multiparts[i].type);
		ROW_CHECK(msg.multipart == !strncasecmp(multiparts[i].type, "multipart", 9), body, "multipart");
		sip_check_prefixes(text, len);
	}
}

/* ---- limits ---- */

static u32 repeat(char *out, size_t size, const char *head, const char *line, u32 times, const char *tail)
{
	size_t n = (size_t)snprintf(out, size, "%s", head);

	while (times--)
		n += (size_t)snprintf(out + n, size - n, "%s", line);
	n += (size_t)snprintf(out + n, size - n, "%s", tail);
	assert_true(n < size);
	return (u32)n;
}

static void test_limits(void **state)
{
	static char text[32768];
	static const char head[] = HEAD("INVITE sip:h SIP/2.0", "INVITE");	/* four addresses */
	u32 len;

	len = repeat(text, sizeof(text), head, "Route: <sip:10.0.0.9:5062>" EOL, ALG_SIP_REFS - 4, EOL);
	assert_int_equal(sip_parse(text, len, false, &msg, &used), COMPLETE);
	assert_int_equal(msg.n_refs, ALG_SIP_REFS);
	len = repeat(text, sizeof(text), head, "Route: <sip:10.0.0.9:5062>" EOL, ALG_SIP_REFS - 3, EOL);
	assert_int_equal(sip_parse(text, len, false, &msg, &used), MALFORMED);
	len = repeat(text, sizeof(text), head, "Route: <sip:[::1]:5062>" EOL, ALG_SIP_REFS - 3, EOL);
	assert_int_equal(sip_parse(text, len, false, &msg, &used), MALFORMED);

	len = repeat(text, sizeof(text), head, "Contact: <sip:10.0.0.9>" EOL, ALG_SIP_CONTACTS, EOL);
	assert_int_equal(sip_parse(text, len, false, &msg, &used), COMPLETE);
	assert_true(msg.n_contacts == ALG_SIP_CONTACTS && !msg.too_many);
	len = repeat(text, sizeof(text), head, "Contact: <sip:10.0.0.9>" EOL, ALG_SIP_CONTACTS + 1, EOL);
	assert_int_equal(sip_parse(text, len, false, &msg, &used), COMPLETE);
	assert_true(msg.n_contacts == ALG_SIP_CONTACTS && msg.too_many);
	assert_int_equal(msg.n_refs, 4 + ALG_SIP_CONTACTS + 1);

	len = repeat(text, sizeof(text), HEAD("INVITE sip:h SIP/2.0", "INVITE") "c: multipart/x;boundary=limit" EOL EOL,
		     PART("application/sdp", "", "v=0"), ALG_SIP_BODIES, "--limit--");
	assert_int_equal(sip_parse(text, len, false, &msg, &used), COMPLETE);
	assert_true(msg.n_bodies == ALG_SIP_BODIES && !msg.too_many);
	len = repeat(text, sizeof(text), HEAD("INVITE sip:h SIP/2.0", "INVITE") "c: multipart/x;boundary=limit" EOL EOL,
		     PART("application/sdp", "", "v=0"), ALG_SIP_BODIES + 1, "--limit--");
	assert_int_equal(sip_parse(text, len, false, &msg, &used), COMPLETE);
	assert_true(msg.n_bodies == ALG_SIP_BODIES && msg.too_many);
}

static void test_header_max(void **state)
{
	u32 header, n;

	assert_int_equal(sip_parse(invite, LEN(invite), false, &msg, &used), COMPLETE);
	header = msg.header_len;
	for (int stream = 0; stream < 2; stream++) {
		assert_int_equal(sip_parse_max(invite, LEN(invite), stream, header, &msg, &used), COMPLETE);
		assert_int_equal(sip_parse_max(invite, LEN(invite), stream, header - 1, &msg, &used), MALFORMED);
		assert_int_equal(used, LEN(invite));
	}
	for (n = 300; n < header; n++)
		assert_int_equal(sip_parse_max(invite, n, true, 300, &msg, &used), MALFORMED);
	assert_int_equal(sip_parse_max(invite, 299, true, 300, &msg, &used), PARTIAL);
	assert_int_equal(sip_parse_max(invite, LEN(invite), false, 0xffffffff, &msg, &used), COMPLETE);
}

/* Offsets are 16 bits wide: the longest message, and one that is longer. */
static void test_longest(void **state)
{
	static char text[70000];
	u32 n = (u32)snprintf(text, sizeof(text), "%s", HEAD("INVITE sip:h SIP/2.0", "INVITE") "Subject: ");
	static const char tail[] = EOL "Contact: <sip:10.0.0.9>" EOL EOL;

	memset(text + n, 'x', sizeof(text) - n);
	memcpy(text + ALG_SIP_MESSAGE_MAX - LEN(tail), tail, LEN(tail));
	assert_int_equal(sip_parse_max(text, ALG_SIP_MESSAGE_MAX, true, 1 << 20, &msg, &used), COMPLETE);
	assert_int_equal(used, ALG_SIP_MESSAGE_MAX);
	assert_int_equal(msg.header_len, ALG_SIP_MESSAGE_MAX);
	assert_int_equal(msg.refs[msg.n_refs - 1].off, ALG_SIP_MESSAGE_MAX - 4 - 1 - 8);
	assert_int_equal(alg_sip_parse((u8 *)text, sizeof(text), true, 1 << 20, &msg, &used), COMPLETE);
	assert_int_equal(used, ALG_SIP_MESSAGE_MAX);
	memset(text + n, 'x', sizeof(text) - n);
	assert_int_equal(alg_sip_parse((u8 *)text, sizeof(text), true, 1 << 20, &msg, &used), MALFORMED);
	assert_int_equal(used, ALG_SIP_MESSAGE_MAX);
	assert_int_equal(alg_sip_parse((u8 *)text, ALG_SIP_MESSAGE_MAX - 1, true, 1 << 20, &msg, &used), PARTIAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_nothing_given),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_star),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_stream_other_body),
		cmocka_unit_test(test_stream_lengths),
		cmocka_unit_test(test_datagram_lengths),
		cmocka_unit_test(test_not_sip),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_stun),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_header_max),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests_name("SIP messages", tests, NULL, NULL);
}
