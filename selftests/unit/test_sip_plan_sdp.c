/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is rewritten in the bodies of SIP messages. */
#include "sip_plan.h"

/* ---- session descriptions ---- */

struct sdp_row {
	const char *title;
	const struct link *link;	/* NULL: headers are left alone */
	struct map_row map[5];
	const char *in, *out;		/* NULL: as @in */
	const struct known *known;
};

static const struct known remote[] = { { "203.0.113.7:8000", "10.0.0.7:8000" }, { "203.0.113.7:8001", "10.0.0.7:9001" },
	{ NULL, NULL } };

static const struct sdp_row sdp_rows[] = {
	{ "session's c-line, ports", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=sendrecv\n", HEAD_OUT "m=audio 50000 RTP/AVP 0\na=sendrecv\n" },
	{ "ports stay", &client, { { "198.51.100.1:49170", "198.51.100.1:49171" } }, HEAD "m=audio 49170 RTP/AVP 0\n",
	  HEAD_OUT "m=audio 49170 RTP/AVP 0\n" },
	{ "two m-lines", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" }, { "198.51.100.1:50002",
	  "198.51.100.1:50003" } },
	  HEAD "m=audio 49170 RTP/AVP 0\nm=video 51372/1 RTP/AVP 99\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\nm=video 50002/1 RTP/AVP 99\n" },
	{ "fewer ports than announced", &client, { { "198.51.100.1:50000", "198.51.100.1:50001", 2 },
	  { "198.51.100.1:51372", "198.51.100.1:51373", 1 }, { "198.51.100.1:50010", "198.51.100.1:50011", 4 } },
	  HEAD "m=audio 49170/4 RTP/AVP 0\nm=video 51372/03 RTP/AVP 99\nm=video 51382/2 RTP/AVP 99\n",
	  HEAD_OUT "m=audio 50000/2 RTP/AVP 0\nm=video 51372 RTP/AVP 99\nm=video 50010/2 RTP/AVP 99\n" },
	{ "no headers", NULL, { { "198.51.100.1:50000", "198.51.100.1:50001" } }, HEAD "m=audio 49170 RTP/AVP 0\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\n" },
	{ "nothing to rewrite", NULL, { { 0 } }, HEAD "m=audio 49170 RTP/AVP 0\n" },
	{ "nothing changes", NULL, { { "192.168.1.10:49170", "192.168.1.10:49171" } }, HEAD "m=audio 49170 RTP/AVP 0\n" },
	{ "nothing changes, zeros in front of ports", NULL, { { "192.168.1.10:49170", "192.168.1.10:49180" } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=rtcp:049180\na=candidate:1 1 UDP 2130706431 192.168.1.10 049170 typ host\n" },
	{ "the m-line's own c-line", &client, { { "198.51.100.2:50000", "198.51.100.2:50001" } },
	  "v=0\no=a 1 1 IN IP4 192.168.1.10\ns=-\nt=0 0\nm=audio 49170 RTP/AVP 0\nc=IN IP4 192.168.1.10\n",
	  "v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nt=0 0\nm=audio 50000 RTP/AVP 0\nc=IN IP4 198.51.100.2\n" },
	{ "origin follows the c-line", &server, { { "198.51.100.2:50000", NULL } },
	  "v=0\no=a 1 1 IN IP4 192.0.2.7\ns=-\nt=0 0\nm=audio 49170 RTP/AVP 0\nc=IN IP4 192.0.2.7\n",
	  "v=0\no=a 1 1 IN IP4 198.51.100.2\ns=-\nt=0 0\nm=audio 50000 RTP/AVP 0\nc=IN IP4 198.51.100.2\n" },
	{ "origin follows the c-line where the sender is not translated", &none, { { "198.51.100.2:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\n",
	  "v=0\no=a 1 1 IN IP4 198.51.100.2\ns=-\nc=IN IP4 198.51.100.2\nt=0 0\nm=audio 50000 RTP/AVP 0\n" },
	{ "origin follows the one that is rewritten", NULL, { { 0 }, { "198.51.100.1:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\nm=video 49172 RTP/AVP 0\n",
	  HEAD_C "m=audio 49170 RTP/AVP 0\nm=video 50000 RTP/AVP 0\nc=IN IP4 198.51.100.1\n" },
	{ "origin of another", &client, { { "198.51.100.1:50000", NULL } },
	  "v=0\no=a 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\nm=audio 49170 RTP/AVP 0\n",
	  "v=0\no=a 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\nm=audio 50000 RTP/AVP 0\n" },
	{ "origin is a name", &client, { { "198.51.100.1:50000", NULL } },
	  "v=0\no=a 1 1 IN IP4 a.example\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\nm=audio 49170 RTP/AVP 0\n",
	  "v=0\no=a 1 1 IN IP4 a.example\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\nm=audio 50000 RTP/AVP 0\n" },
	{ "session's c-line that nobody uses", &client, { { "198.51.100.2:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\nc=IN IP4 192.168.1.10\n", HEAD_OUT "m=audio 50000 RTP/AVP 0\nc=IN IP4 198.51.100.2\n" },
	{ "hold: 0.0.0.0 stays, the port does not", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" } },
	  "v=0\no=a 1 1 IN IP4 192.168.1.10\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio 49170 RTP/AVP 0\n",
	  "v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio 50000 RTP/AVP 0\n" },
	{ "a refused m-line stays, and hinders no other", &client, { { "198.51.100.1:50000", NULL }, { "198.51.100.1:50002",
	  NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\nm=video 0 RTP/AVP 99\n", HEAD_OUT "m=audio 50000 RTP/AVP 0\nm=video 0 RTP/AVP 99\n" },
	{ "all are refused", &client, { { 0 } }, HEAD "m=audio 0 RTP/AVP 0\n", HEAD_OUT "m=audio 0 RTP/AVP 0\n" },
	{ "c-line is a name", &client, { { "198.51.100.1:50000", NULL } },
	  "v=0\no=a 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 a.example\nt=0 0\nm=audio 49170 RTP/AVP 0\n" },
	{ "a public endpoint is of another family", &client, { { "[2001:db8::1]:50000",
	  NULL } }, HEAD "m=audio 49170 RTP/AVP 0\n",
	  HEAD_C "m=audio 49170 RTP/AVP 0\n" },

	{ "only one of two is rewritten: it gets an address of its own", &client, { { 0 }, { "198.51.100.1:50002", NULL } },
	  HEAD "m=message 2855 TCP/MSRP *\na=x\nm=video 51372 RTP/AVP 99\ni=a title\nb=AS:1\na=y\n",
	  HEAD_C "m=message 2855 TCP/MSRP *\na=x\nm=video 50002 RTP/AVP 99\ni=a title\nc=IN IP4 198.51.100.1\nb=AS:1\na=y\n" },
	{ "only the first of two", &client, { { "198.51.100.1:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\nm=message 2855 TCP/MSRP *\n",
	  HEAD_C "m=audio 50000 RTP/AVP 0\nc=IN IP4 198.51.100.1\nm=message 2855 TCP/MSRP *\n" },
	{ "two public addresses", &client, { { "198.51.100.1:50000", NULL }, { "198.51.100.2:50002", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\nm=video 51372 RTP/AVP 99\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\nm=video 50002 RTP/AVP 99\nc=IN IP4 198.51.100.2\n" },
	{ "at the end of a description without a line end", &client, { { 0 }, { "198.51.100.1:50002", "198.51.100.1:50009" } },
	  HEAD "m=message 2855 TCP/MSRP *\nm=video 51372 RTP/AVP 99",
	  HEAD_C "m=message 2855 TCP/MSRP *\nm=video 50002 RTP/AVP 99\nc=IN IP4 198.51.100.1\na=rtcp:50009" },

	{ "a=rtcp is written", &client, { { "198.51.100.1:50000", "198.51.100.1:50005" }, { "198.51.100.1:50002",
	  "198.51.100.1:50003" } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=sendrecv\nm=video 51372 RTP/AVP 99\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=sendrecv\na=rtcp:50005\nm=video 50002 RTP/AVP 99\n" },
	{ "a=rtcp is written, white space before a type", &client, { { "198.51.100.1:50000", "198.51.100.1:50005" } },
	  HEAD "m=audio 49170 RTP/AVP 0\nm= video 0 RTP/AVP 99\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp:50005\nm= video 0 RTP/AVP 99\n" },
	{ "a=rtcp is there", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=rtcp:53020\na=sendrecv\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp:50001\na=sendrecv\n" },
	{ "a=rtcp has an address", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=rtcp:53020 IN IP4 192.168.1.11\nc=IN IP4 192.168.1.10\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp:50001 IN IP4 198.51.100.1\nc=IN IP4 198.51.100.1\n" },
	{ "a=rtcp with mux is RTP's", &client, { { "198.51.100.1:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=rtcp:49170 IN IP4 192.168.1.10\na=rtcp-mux\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp:50000 IN IP4 198.51.100.1\na=rtcp-mux\n" },
	{ "a=rtcp of one that has no RTCP", &client, { { "198.51.100.1:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=rtcp:53020 IN IP4 192.168.1.11\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp:53020 IN IP4 192.168.1.11\n" },
	{ "mux, none written", &client, { { "198.51.100.1:50000", NULL } }, HEAD "m=audio 49170 RTP/AVP 0\na=rtcp-mux\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp-mux\n" },

	{ "candidates", &client, { { "198.51.100.1:50000", "198.51.100.1:50005" } },
	  HEAD "m=audio 49170 RTP/AVP 0\n"
	  "a=candidate:1 1 UDP 2130706431 192.168.1.10 49170 typ host\n"
	  "a=candidate:1 2 UDP 2130706430 192.168.1.10 49171 typ host\n"
	  "a=candidate:2 1 UDP 2130706431 192.168.7.10 49170 typ host\n"
	  "a=candidate:3 1 TCP 2130706431 192.168.1.10 49170 typ host tcptype passive\n"
	  "a=candidate:4 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 192.168.1.10 rport 49170\n"
	  "a=candidate:4 2 UDP 1694498815 192.0.2.3 45665 typ srflx raddr 192.168.1.10 rport 49171\n"
	  "a=candidate:5 1 UDP 1694498815 192.168.1.10 49170 typ relay raddr 192.168.1.10 rport 9\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\n"
	  "a=candidate:1 1 UDP 2130706431 198.51.100.1 50000 typ host\n"
	  "a=candidate:1 2 UDP 2130706430 198.51.100.1 50005 typ host\n"
	  "a=candidate:2 1 UDP 2130706431 192.168.7.10 49170 typ host\n"
	  "a=candidate:3 1 TCP 2130706431 192.168.1.10 49170 typ host tcptype passive\n"
	  "a=candidate:4 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 198.51.100.1 rport 50000\n"
	  "a=candidate:4 2 UDP 1694498815 192.0.2.3 45665 typ srflx raddr 198.51.100.1 rport 50005\n"
	  "a=candidate:5 1 UDP 1694498815 192.168.1.10 49170 typ relay raddr 192.168.1.10 rport 9\n"
	  "a=rtcp:50005\n" },
	{ "candidates, RTCP elsewhere", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=candidate:1 2 UDP 2130706430 192.168.1.11 53020 typ host\n"
	  "a=rtcp:53020 IN IP4 192.168.1.11\na=candidate:1 2 UDP 2130706430 192.168.1.10 49171 typ host\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=candidate:1 2 UDP 2130706430 198.51.100.1 50001 typ host\n"
	  "a=rtcp:50001 IN IP4 198.51.100.1\na=candidate:1 2 UDP 2130706430 192.168.1.10 49171 typ host\n" },
	{ "candidates of TCP media", &client, { { "198.51.100.1:50000", NULL } },
	  HEAD "m=image 49170 TCP t38\na=candidate:3 1 TCP 2130706431 192.168.1.10 49170 typ host tcptype passive\n",
	  HEAD_OUT "m=image 50000 TCP t38\na=candidate:3 1 TCP 2130706431 198.51.100.1 50000 typ host tcptype passive\n" },
	{ "remote candidates are the other's", &client, { { "198.51.100.1:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=remote-candidates:1 203.0.113.7 8000 2 203.0.113.7 8001\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=remote-candidates:1 10.0.0.7 8000 2 10.0.0.7 9001\n", remote },
	{ "public by STUN", &client, { { 0 } },
	  "v=0\no=a 1 1 IN IP4 192.0.2.3\ns=-\nc=IN IP4 192.0.2.3\nt=0 0\nm=audio 45664 RTP/AVP 0\n"
	  "a=candidate:1 1 UDP 2130706431 192.168.1.10 49170 typ host\n"
	  "a=candidate:4 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 192.168.1.10 rport 49170\n" },
	{ "IPv6", &nat66, { { "[2001:db8:1::1]:50000", "[2001:db8:1::1]:50003" } },
	  "v=0\no=a 1 1 IN IP6 fd00::10\ns=-\nc=IN IP6 fd00::10\nt=0 0\nm=audio 49170 RTP/AVP 0\n",
	  "v=0\no=a 1 1 IN IP6 2001:db8:1::1\ns=-\nc=IN IP6 2001:db8:1::1\nt=0 0\nm=audio 50000 RTP/AVP 0\na=rtcp:50003\n" },
	{ "IPv6, an address of its own", &nat66, { { 0 }, { "[2001:db8:1::1]:50000", NULL } },
	  "v=0\no=a 1 1 IN IP6 fd00::10\ns=-\nc=IN IP6 fd00::10\nt=0 0\nm=message 2855 TCP/MSRP *\nm=audio 49170 RTP/AVP 0\na=x\n",
	  "v=0\no=a 1 1 IN IP6 2001:db8:1::1\ns=-\nc=IN IP6 fd00::10\nt=0 0\nm=message 2855 TCP/MSRP *\nm=audio 50000 RTP/AVP 0\n"
	  "c=IN IP6 2001:db8:1::1\na=x\n" },
};

static void sdp_message(const char *header, const char *sdp, char *out)
{
	char text[ROOM];

	snprintf(text, sizeof(text), SIP_HEAD "Content-Type: application/sdp\n%s\n%s", header, sdp);
	expand(text, out);
}

static void check_sdp(const struct sdp_row *row, const char *header)
{
	static struct rewritten r;
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	struct finder finder = { .known = row->known };
	struct alg_sip_nat nat;
	char in[ROOM], want[ROOM];

	if (row->link)
		nat = nat_of(row->link, row->link == &server ? TO_A : TO_B);
	nat.find = find;
	nat.ctx = &finder;
	set_media(row->map, media);
	sdp_message(header, row->in, in);
	sdp_message(header, row->out ? row->out : row->in, want);
	rewrite(in, row->link ? &nat : NULL, media, row->title, &r);
	check_text(row->title, r.text, want);
	ROW_CHECK(row->out || !r.edits, row->title, "no edits");
}

static void test_sdp(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(sdp_rows); i++)
		check_sdp(&sdp_rows[i], "Content-Length: LEN\n");
}

/* No Content-Length (RFC 3261, 18.3), and two that say the same. */
static void test_no_length(void **state)
{
	static const struct sdp_row row = { "grows", &client, { { "198.51.100.1:50000", "198.51.100.1:50009" } },
		HEAD "m=audio 49170 RTP/AVP 0\n", HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp:50009\n" };

	static const struct sdp_row same = { "zeros in front", NULL, { { 0 } }, HEAD "m=audio 49170 RTP/AVP 0\n" };

	check_sdp(&same, "Content-Length: 000LEN\n");
	check_sdp(&row, "");
	check_sdp(&row, "l: LEN\nContent-Length: LEN\n");
}

/* Lines of a description may end in LF alone; what is inserted does, too. */
static void test_line_ends(void **state)
{
	static struct rewritten r;
	static const char *const ends[] = { "\n", "\r" };
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	const struct map_row map[5] = { { 0 }, { "198.51.100.1:50000", "198.51.100.1:50009" }, { "198.51.100.1:50002",
		"198.51.100.1:50004" } };

	set_media(map, media);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		char in[1024], want[1024], *p;

		snprintf(in, sizeof(in), "v=0#o=a 1 1 IN IP4 192.0.2.1#s=-#c=IN IP4 192.0.2.2#t=0 0#m=a 5000 RTP/AVP 0#"
			 "m=b 49170 RTP/AVP 0#a=x#m=c 49172 RTP/AVP 0#");
		snprintf(want, sizeof(want), "v=0#o=a 1 1 IN IP4 192.0.2.1#s=-#c=IN IP4 192.0.2.2#t=0 0#m=a 5000 RTP/AVP 0#"
			 "m=b 50000 RTP/AVP 0#c=IN IP4 198.51.100.1#a=x#a=rtcp:50009#"
			 "m=c 50002 RTP/AVP 0#c=IN IP4 198.51.100.1#a=rtcp:50004#");
		while ((p = strchr(in, '#')))
			*p = *ends[i];
		while ((p = strchr(want, '#')))
			*p = *ends[i];
		{
			char message[2048], result[2048];
			const char *head = "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@a>;tag=1\r\n"
				"To: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n"
				"Content-Length: ";

			snprintf(message, sizeof(message), "%s%zu\r\n\r\n%s", head, strlen(in), in);
			snprintf(result, sizeof(result), "%s%zu\r\n\r\n%s", head, strlen(want), want);
			rewrite(message, NULL, media, ends[i], &r);
			/* o= is the announced address of none */
			check_text("line ends", r.text, result);
		}
	}
}

/* Headers and body together, as a phone sends them. */
static void test_whole(void **state)
{
	static struct rewritten r;
	static const char text[] =
		"INVITE sip:bob@203.0.113.5:5060 SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK776asdhds;rport\nMax-Forwards: 70\n"
		"From: \"Alice\" <sip:alice@%s>;tag=1928301774\nTo: Bob <sip:bob@203.0.113.5:5060>\n"
		"Call-ID: a84b4c76e66710@192.168.1.10\nCSeq: 314159 INVITE\nContact: <sip:alice@%s;transport=udp>\n"
		"Content-Length: LEN\nContent-Type: application/sdp\nWarning: 399 192.168.1.10:5060 \"192.168.1.10:5060\"\n\n"
		"v=0\no=alice 2890844526 2890844526 IN IP4 %s\ns=-\nc=IN IP4 %s\nt=0 0\nm=audio %u RTP/AVP 0 8 18 101\n"
		"a=rtpmap:0 PCMU/8000\na=ptime:20\n%sm=video %u RTP/AVP 99\na=rtpmap:99 H264/90000\n";
	const struct map_row map[5] = { { "198.51.100.1:1024", "198.51.100.1:1027" },
					{ "198.51.100.1:50002", "198.51.100.1:50003" } };
	struct alg_sip_nat nat = nat_of(&client, TO_B);
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	const char *a = "192.168.1.10:5060", *b = "198.51.100.1:40001", *host = "192.168.1.10", *public = "198.51.100.1";
	char row[ROOM], in[ROOM], want[ROOM];

	set_media(map, media);
	snprintf(row, sizeof(row), text, a, a, a, host, host, 49170, "", 51372);
	expand(row, in);
	snprintf(row, sizeof(row), text, b, b, b, public, public, 1024, "a=rtcp:1027\n", 50002);
	expand(row, want);
	rewrite(in, &nat, media, "whole", &r);
	check_text("whole", r.text, want);
	assert_int_equal(r.edits, 9);
}

static void test_multipart(void **state)
{
	static struct rewritten r;
	static const char in[] = SIP_HEAD
		"Contact: <sip:%s>\nContent-Type: multipart/mixed;boundary=bb\nContent-Length: LEN\n\n"
		"--bb\nContent-Type: text/plain\nContent-Length: 12\n\n192.168.1.10\n"
		"--bb\nContent-Type: application/sdp\nContent-Length: %u\n\n%s\n"
		"--bb\nContent-Type: application/sdp\nContent-Length:%u\n\n%s\n--bb--\n";
	static const char *const sdp[] = {
		"v=0\no=a 1 1 IN IP4 192.168.1.10\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\nm=audio 49170 RTP/AVP 0",
		"v=0\no=a 1 1 IN IP4 192.168.1.10\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\nm=video 49172 RTP/AVP 0\na=rtcp:4918\n",
	};
	static const char *const sdp_out[] = {
		"v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\nm=audio 50000 RTP/AVP 0\na=rtcp:50009",
		"v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\nm=video 50002 RTP/AVP 0\na=rtcp:50003\n",
	};
	const struct map_row map[5] = { { "198.51.100.1:50000", "198.51.100.1:50009" }, { "198.51.100.1:50002",
		"198.51.100.1:50003" } };
	struct alg_sip_nat nat = nat_of(&client, TO_B);
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	char text[ROOM], message[ROOM], want[ROOM];

	set_media(map, media);
	/* a CR for each of its line ends */
	snprintf(text, sizeof(text), in, "192.168.1.10", (unsigned int)strlen(sdp[0]) + 5, sdp[0], (unsigned int)strlen(sdp[1]) + 7,
		 sdp[1]);
	expand(text, message);
	snprintf(text, sizeof(text), in, "198.51.100.1:40001", (unsigned int)strlen(sdp_out[0]) + 6, sdp_out[0],
		 (unsigned int)strlen(sdp_out[1]) + 7, sdp_out[1]);
	expand(text, want);
	rewrite(message, &nat, media, "multipart", &r);
	assert_true(r.msg.multipart);
	assert_int_equal(r.msg.n_bodies, 2);
	check_text("multipart", r.text, want);
}

static const char invite[] = SIP_HEAD "Via: SIP/2.0/UDP 192.168.1.10;branch=z9hG4bK0\n"
	"Record-Route: <sip:192.168.1.10;lr>, <sip:192.168.1.10;lr>\nContent-Type: application/sdp\nContent-Length: LEN\n\n"
	HEAD "m=audio 49170 RTP/AVP 0\n";

static void test_small_plans(void **state)
{
	static struct rewritten r;
	const struct map_row map[5] = { { "198.51.100.1:50000", "198.51.100.1:50009" } };
	struct alg_sip_nat nat = nat_of(&client, TO_B);
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	struct alg_edit edits[ALG_SIP_PLAN_EDITS];
	u8 bytes[ALG_SIP_PLAN_BYTES];
	struct alg_plan plan;
	char in[ROOM];
	u16 used;

	set_media(map, media);
	expand(invite, in);
	rewrite(in, &nat, media, "room", &r);
	assert_int_equal(r.edits, 8);
	for (u16 n = 0; n < 8; n++) {
		alg_plan_init(&plan, edits, n, bytes, sizeof(bytes));
		assert_int_equal(alg_sip_plan((u8 *)in, &r.msg, &r.sdp, &nat, media, &plan), -ENOSPC);
		assert_true(!plan.n && !plan.used && !plan.delta);
	}
	alg_plan_init(&plan, edits, 8, bytes, sizeof(bytes));
	assert_int_equal(alg_sip_plan((u8 *)in, &r.msg, &r.sdp, &nat, media, &plan), 0);
	used = plan.used;
	alg_plan_init(&plan, edits, 8, bytes, (u16)(used - 1));
	assert_int_equal(alg_sip_plan((u8 *)in, &r.msg, &r.sdp, &nat, media, &plan), -ENOSPC);
	assert_true(!plan.n && !plan.used && !plan.delta);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sdp),
		cmocka_unit_test(test_no_length),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_multipart),
		cmocka_unit_test(test_small_plans),
	};

	return cmocka_run_group_tests_name("sip_plan_sdp", tests, NULL, NULL);
}
