/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Session descriptions: what is read from them, as text. */
#include "sip_text.h"

static struct alg_sdp sdp;

static int parse_at(const char *text, u32 len, u32 off, bool start)
{
	static char room[GUARD_ROOM];
	const u8 *data;
	int err;

	memset(room, 'c', off);
	memcpy(room + off, text, len);
	data = start ? guard_start(room, off + len) : guard_end(room, off + len);
	memset(&sdp, 0xdd, sizeof(sdp));
	sdp.n_addrs = sdp.n_media = sdp.n_candidates = 0;
	err = alg_sdp_parse(data, off, len, &sdp);
	if (!err)
		sdp_check(data, off, len, &sdp);
	return err;
}

static int parse(const char *text, u32 len)
{
	int err = parse_at(text, len, 17, false);

	assert_int_equal(parse_at(text, len, 0, true), err);
	return err;
}

static size_t print_addr(char *out, size_t size, u8 index)
{
	if (index == ALG_SDP_ADDRS)
		return (size_t)snprintf(out, size, "-");
	if (!sdp.addrs[index].ep.family)
		return (size_t)snprintf(out, size, "name");
	return (size_t)sip_print_endpoint(out, size, &sdp.addrs[index].ep);
}

/* "rtp 4000/2 10.0.0.1 rtcp 4001 10.0.0.2 mux bundle sendonly active; 1.1 host 10.0.0.1 4000; ..." */
static const char *sdp_text(void)
{
	static const char *const transport[] = { "rtp", "udp", "tcp", "other" };
	static const char *const direction[] = { "", " sendonly", " recvonly", " inactive" };
	static const char *const setup[] = { "", " active", " passive", " actpass", " holdconn" };
	static char out[8192];
	size_t n = 0, size = sizeof(out);

	out[0] = '\0';
	for (u32 i = 0; i < sdp.n_media; i++) {
		const struct alg_sdp_media *m = &sdp.media[i];

		n += (size_t)snprintf(out + n, size - n, "%s%s %u", i ? "; " : "", transport[m->transport], m->port);
		if (m->count != 1)
			n += (size_t)snprintf(out + n, size - n, "/%u", m->count);
		out[n++] = ' ';
		n += print_addr(out + n, size - n, m->addr);
		if (m->rtcp_port)
			n += (size_t)snprintf(out + n, size - n, " rtcp %u", m->rtcp_port);
		if (m->rtcp_addr != ALG_SDP_ADDRS) {
			out[n++] = ' ';
			n += print_addr(out + n, size - n, m->rtcp_addr);
		}
		n += (size_t)snprintf(out + n, size - n, "%s%s%s%s", m->mux ? " mux" : "", m->bundled ? " bundle" : "",
				      direction[m->direction], setup[m->setup]);
	}
	for (u32 i = 0; i < sdp.n_candidates; i++) {
		const struct alg_sdp_candidate *c = &sdp.candidates[i];

		n += (size_t)snprintf(out + n, size - n, "; %u.%u%s%s%s%s ", c->media, c->component,
		  c->tcp ? " tcp" : "", c->host ? " host" : "",
				      c->related ? " related" : "", c->remote ? " remote" : "");
		n += (size_t)sip_print_endpoint(out + n, size - n, &c->ep);
		assert_true(n < size);
	}
	return out;
}

#define V "v=0\r\n"
#define C "c=IN IP4 10.0.0.1\r\n"
#define M "m=audio 4000 RTP/AVP 0\r\n"

static const struct {
	const char *what, *text;
	int err;
	const char *result;
} rows[] = {
	/* addresses */
	{ "session's", V C M, 0, "rtp 4000 10.0.0.1" },
	{ "media's", V M C, 0, "rtp 4000 10.0.0.1" },
	{ "both", V C M "c=IN IP4 10.0.0.2\r\nm=video 4002 RTP/AVP 31\r\n", 0, "rtp 4000 10.0.0.2; rtp 4002 10.0.0.1" },
	{ "only one media has one", V M "m=video 4002 RTP/AVP 31\r\n" C, 0, "rtp 4000 -; rtp 4002 10.0.0.1" },
	{ "none", V M, 0, "rtp 4000 -" },
	{ "IPv6", V "c=IN IP6 2001:DB8::1\r\n" M, 0, "rtp 4000 2001:db8::1" },
	{ "name", V "c=IN IP4 host.example\r\n" M, 0, "rtp 4000 name" },
	{ "name with underscores and a last dot", V "c=IN IP6 a_b.host1.\r\n" M, 0, "rtp 4000 name" },
	{ "multicast", V "c=IN IP4 233.252.0.1/127\r\n" M, 0, "rtp 4000 233.252.0.1" },
	{ "multicast groups", V "c=IN IP4 233.252.0.1/127/3\r\n" M, 0, "rtp 4000 233.252.0.1" },
	{ "multicast in IPv6", V "c=IN IP6 ff15::101/3\r\n" M, 0, "rtp 4000 ff15::101" },
	{ "hold as in RFC 2543", V "c=IN IP4 0.0.0.0\r\n" M, 0, "rtp 4000 0.0.0.0" },
	{ "text behind it", V "c=IN IP4 10.0.0.1 WHATEVER x\r\n" M, 0, "rtp 4000 10.0.0.1" },
	{ "more spaces", V "c=IN  IP4\t10.0.0.1  \r\n" M, 0, "rtp 4000 10.0.0.1" },
	{ "lower case", V "c=in ip4 10.0.0.1\r\n" M, 0, "rtp 4000 10.0.0.1" },
	{ "other network", V "c=ATM NSAP 47.0091.8100\r\n" M, 0, "rtp 4000 name" },
	{ "other address type", V "c=IN IP9 10.0.0.1\r\n" M, 0, "rtp 4000 name" },
	{ "several in a media", V M C "c=IN IP4 10.0.0.2\r\n", 0, "rtp 4000 10.0.0.1" },
	{ "not four numbers", V "c=IN IP4 10.0.1\r\n" M, -EINVAL, "" },
	{ "number out of range", V "c=IN IP4 10.0.0.256\r\n" M, -EINVAL, "" },
	{ "leading zeros", V "c=IN IP4 10.0.0.01\r\n" M, -EINVAL, "" },
	{ "IPv6 for IP4", V "c=IN IP4 2001:db8::1\r\n" M, -EINVAL, "" },
	{ "IPv4 for IP6", V "c=IN IP6 10.0.0.1\r\n" M, -EINVAL, "" },
	{ "brackets", V "c=IN IP6 [2001:db8::1]\r\n" M, -EINVAL, "" },
	{ "no address", V "c=IN IP4 \r\n" M, -EINVAL, "" },
	{ "no address but a slash", V "c=IN IP4 /3\r\n" M, -EINVAL, "" },
	{ "nothing", V "c=\r\n" M, -EINVAL, "" },

	/* o= */
	{ "origin", V "o=- 1 1 IN IP4 10.0.0.9\r\n" C M, 0, "rtp 4000 10.0.0.1" },
	{ "origin that is broken", V "o=- 1 1 IN IP4 10.0.0.900\r\no=\r\no=x\r\no=a b IN IP4\r\n" C M, 0,
	  "rtp 4000 10.0.0.1" },

	/* m= */
	{ "every kind", V C
	  "m=audio 4000 RTP/SAVP 0\r\nm=video 4002 rtp/avpf 0\r\nm=audio 4004 UDP/TLS/RTP/SAVPF 111\r\n"
	  "m=image 4006 udptl t38\r\n"
	  "m=application 4008 UDP/DTLS/SCTP x\r\nm=image 4010 UDP/TLS/UDPTL t38\r\nm=data 4012 udp x\r\n"
	  "m=application 4014 DTLS/SCTP 5000\r\n"
	  "m=message 4016 TCP/MSRP *\r\nm=image 4018 TCP t38\r\nm=audio 4020 TCP/RTP/AVP 0\r\nm=x 4022 SCTP x\r\n"
	  "m=x 4024 AAL2/ITU x\r\nm=x 4026 UDPX 1\r\n",
	  0, "rtp 4000 10.0.0.1; rtp 4002 10.0.0.1; rtp 4004 10.0.0.1; udp 4006 10.0.0.1; udp 4008 10.0.0.1; udp 4010 "
	  "10.0.0.1; udp 4012 10.0.0.1; "
	  "udp 4014 10.0.0.1; tcp 4016 10.0.0.1; tcp 4018 10.0.0.1; tcp 4020 10.0.0.1; other 4022 10.0.0.1; other 4024 "
	  "10.0.0.1; other 4026 10.0.0.1" },
	{ "port 0", V C "m=audio 0 RTP/AVP 0\r\n", 0, "rtp 0 10.0.0.1" },
	{ "largest port", V C "m=audio 65535 RTP/AVP 0\r\n", 0, "rtp 65535 10.0.0.1" },
	{ "several ports", V C "m=audio 4000/4 RTP/AVP 0\r\n", 0, "rtp 4000/4 10.0.0.1" },
	{ "a control byte where a slash would be", V C "m=audio 4000 UDP\x0fX 0\r\n", 0, "other 4000 10.0.0.1" },
	{ "no formats", V C "m=audio 4000 RTP/AVP\r\n", 0, "rtp 4000 10.0.0.1" },
	{ "port out of range", V C "m=audio 65536 RTP/AVP 0\r\n", -EINVAL, "" },
	{ "port far out of range", V C "m=audio 18446744073709555616 RTP/AVP 0\r\n", -EINVAL, "" },
	{ "no number", V C "m=audio x RTP/AVP 0\r\n", -EINVAL, "" },
	{ "negative", V C "m=audio -1 RTP/AVP 0\r\n", -EINVAL, "" },
	{ "number and text", V C "m=audio 4000x RTP/AVP 0\r\n", -EINVAL, "" },
	{ "no ports", V C "m=audio 4000/0 RTP/AVP 0\r\n", -EINVAL, "" },
	{ "no number of ports", V C "m=audio 4000/ RTP/AVP 0\r\n", -EINVAL, "" },
	{ "number of ports and text", V C "m=audio 4000/2x RTP/AVP 0\r\n", -EINVAL, "" },
	{ "number of ports out of range", V C "m=audio 4000/65536 RTP/AVP 0\r\n", -EINVAL, "" },
	{ "no transport", V C "m=audio 4000\r\n", -EINVAL, "" },
	{ "no port", V C "m=audio\r\n", -EINVAL, "" },
	{ "empty", V C "m=\r\n", -EINVAL, "" },

	/* a=rtcp, rtcp-mux */
	{ "rtcp", V C M "a=rtcp:5001\r\n", 0, "rtp 4000 10.0.0.1 rtcp 5001" },
	{ "rtcp with address", V C M "a=rtcp:5001 IN IP4 10.0.0.3\r\n", 0, "rtp 4000 10.0.0.1 rtcp 5001 10.0.0.3" },
	{ "rtcp in IPv6", V C M "a=rtcp:5001 IN IP6 2001:db8::3\r\n", 0, "rtp 4000 10.0.0.1 rtcp 5001 2001:db8::3" },
	{ "rtcp 0", V C M "a=rtcp:0\r\n", 0, "rtp 4000 10.0.0.1" },
	{ "rtcp twice", V C M "a=rtcp:5001\r\na=rtcp:5003\r\n", 0, "rtp 4000 10.0.0.1 rtcp 5001" },
	{ "rtcp of the session", V C "a=rtcp:5001\r\n" M, 0, "rtp 4000 10.0.0.1" },
	{ "rtcp without port", V C M "a=rtcp\r\n", -EINVAL, "" },
	{ "rtcp out of range", V C M "a=rtcp:65536\r\n", -EINVAL, "" },
	{ "rtcp, address broken", V C M "a=rtcp:5001 IN IP4 10.0.0\r\n", -EINVAL, "" },
	{ "rtcp, address missing", V C M "a=rtcp:5001 IN\r\n", -EINVAL, "" },
	{ "rtcp-mux", V C M "a=rtcp-mux\r\n", 0, "rtp 4000 10.0.0.1 mux" },
	{ "others that begin so", V C M "a=rtcp-mux-only\r\na=rtcp-fb:* nack\r\na=rtcp-rsize\r\na=rtcp-xr:x\r\n", 0,
	  "rtp 4000 10.0.0.1" },
	{ "bundle", V C "a=group:BUNDLE a b\r\n" M "m=video 0 RTP/AVP 0\r\na=bundle-only\r\n", 0,
	  "rtp 4000 10.0.0.1; rtp 0 10.0.0.1 bundle" },

	/* directions, setup */
	{ "sendonly", V C M "a=sendonly\r\n", 0, "rtp 4000 10.0.0.1 sendonly" },
	{ "recvonly", V C M "a=recvonly\r\n", 0, "rtp 4000 10.0.0.1 recvonly" },
	{ "inactive of the session", V C "a=inactive\r\n" M "m=video 4002 RTP/AVP 0\r\na=sendrecv\r\n", 0,
	  "rtp 4000 10.0.0.1 inactive; rtp 4002 10.0.0.1" },
	{ "each its own", V C M "a=sendonly\r\nm=video 4002 RTP/AVP 0\r\n", 0,
	  "rtp 4000 10.0.0.1 sendonly; rtp 4002 10.0.0.1" },
	{ "nearly", V C M "a=sendonlyx\r\na=sendonl\r\na= sendonly\r\na=Sendonly\r\na=recvonlx\r\na=inactivx\r\n", 0,
	  "rtp 4000 10.0.0.1" },
	{ "setup", V C "a=setup:actpass\r\n" M "m=x 4002 TCP x\r\na=setup:passive\r\nm=x 1 TCP x\r\na=setup:active\r\n"
	  "m=x 2 TCP x\r\na=setup:holdconn\r\n", 0,
	  "rtp 4000 10.0.0.1 actpass; tcp 4002 10.0.0.1 passive; tcp 1 10.0.0.1 active; tcp 2 10.0.0.1 holdconn" },
	{ "setup that nobody knows", V C M "a=setup:whatever\r\na=setup\r\na=setup:\r\n", 0, "rtp 4000 10.0.0.1" },

	/* candidates */
	{ "host", V C M "a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\r\n", 0,
	  "rtp 4000 10.0.0.1; 0.1 host 10.0.0.1 4000" },
	{ "component 2, extensions", V C M "a=candidate:x/+ 2 udp 1 10.0.0.1 4001 typ host generation 0\r\n", 0,
	  "rtp 4000 10.0.0.1; 0.2 host 10.0.0.1 4001" },
	{ "reflexive", V C M "a=candidate:1 1 UDP 1 192.0.2.1 5000 typ srflx raddr 10.0.0.1 rport 4000\r\n", 0,
	  "rtp 4000 10.0.0.1; 0.1 192.0.2.1 5000; 0.1 related 10.0.0.1 4000" },
	{ "reflexive, other order", V C M "a=candidate:1 1 UDP 1 192.0.2.1 5000 typ srflx x y rport 4000 raddr "
	  "10.0.0.1\r\n", 0,
	  "rtp 4000 10.0.0.1; 0.1 192.0.2.1 5000; 0.1 related 10.0.0.1 4000" },
	{ "raddr alone", V C M "a=candidate:1 1 UDP 1 192.0.2.1 5000 typ relay raddr 10.0.0.1\r\n", 0,
	  "rtp 4000 10.0.0.1; 0.1 192.0.2.1 5000" },
	{ "tcp", V C M "a=candidate:1 1 TCP 1 2001:db8::1 9 typ host tcptype active\r\n", 0,
	  "rtp 4000 10.0.0.1; 0.1 tcp host 2001:db8::1 9" },
	{ "second media", V C M "m=video 4002 RTP/AVP 0\r\na=candidate:1 1 UDP 1 10.0.0.1 4002 typ host\r\n", 0,
	  "rtp 4000 10.0.0.1; rtp 4002 10.0.0.1; 1.1 host 10.0.0.1 4002" },
	{ "name", V C M "a=candidate:1 1 UDP 1 abc.local 4000 typ host\r\n", 0, "rtp 4000 10.0.0.1" },
	{ "broken ones", V C M
	  "a=candidate\r\na=candidate:\r\na=candidate:1 1 UDP 1 10.0.0.1 4000 typ\r\na=candidate:1 1 UDP 1 10.0.0.1 "
	  "4000 type host\r\n"
	  "a=candidate:1 256 UDP 1 10.0.0.1 4000 typ host\r\na=candidate:1 x UDP 1 10.0.0.1 4000 typ host\r\n"
	  "a=candidate:1 1 SCTP 1 10.0.0.1 4000 typ host\r\n"
	  "a=candidate:1 1 UDP 1 10.0.0.1 65536 typ host\r\na=candidate:1 1 UDP 1 10.0.0.1x 4000 typ host\r\n", 0,
	  "rtp 4000 10.0.0.1" },
	{ "of the session", V C "a=candidate:1 1 UDP 1 10.0.0.1 4000 typ host\r\n" M, 0, "rtp 4000 10.0.0.1" },
	{ "remote", V C M "a=remote-candidates:1 192.0.2.1 5000 2 192.0.2.1 5001\r\n", 0,
	  "rtp 4000 10.0.0.1; 0.1 remote 192.0.2.1 5000; 0.2 remote 192.0.2.1 5001" },
	{ "remote, the second one broken", V C M "a=remote-candidates:1 192.0.2.1 5000 2 192.0.2.1\r\n", 0,
	  "rtp 4000 10.0.0.1; 0.1 remote 192.0.2.1 5000" },
	{ "remote, no component", V C M "a=remote-candidates:x 192.0.2.1 5000\r\n", 0, "rtp 4000 10.0.0.1" },

	/* lines */
	{ "LF", "v=0\nc=IN IP4 10.0.0.1\nm=audio 4000 RTP/AVP 0\na=sendonly\n", 0, "rtp 4000 10.0.0.1 sendonly" },
	{ "CR", "v=0\rc=IN IP4 10.0.0.1\rm=audio 4000 RTP/AVP 0\ra=sendonly\r", 0, "rtp 4000 10.0.0.1 sendonly" },
	{ "address where the text ends", V M "c=IN IP4 192.168.100.1", 0, "rtp 4000 192.168.100.1" },
	{ "last line without an end", V C "m=audio 4000 RTP/AVP 0", 0, "rtp 4000 10.0.0.1" },
	{ "empty lines", V "\r\n\n" C "\n\r\r" M "\r\n\r\n", 0, "rtp 4000 10.0.0.1" },
	{ "other lines", V "s=\r\ni=m=audio 1 RTP/AVP 0\r\nu=x\r\nt=0 0\r\nz=\r\nb=AS:1\r\nk=clear:c=IN IP4 1.2.3.4\r\n"
	  C M "x\r\n=\r\nm =video 1 RTP/AVP 0\r\n", 0,
	  "rtp 4000 10.0.0.1" },
	{ "tab in a line", V "s=a\tb\x0b\x01\r\n" C M, 0, "rtp 4000 10.0.0.1" },
	{ "nothing but the version", "v=0", 0, "" },
	{ "nothing", "", -EINVAL, "" },
	{ "other version", "v=1\r\n" C M, -EINVAL, "" },
	{ "version with more", "v=00\r\n" C M, -EINVAL, "" },
	{ "no version", C M, -EINVAL, "" },
	{ "something before the version", "\r\n" V C M, -EINVAL, "" },
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 len = (u32)strlen(rows[i].text);

		ROW_CHECK(parse(rows[i].text, len) == rows[i].err, rows[i].text, rows[i].what);
		if (rows[i].err)
			continue;
		if (strcmp(sdp_text(), rows[i].result))
			print_error("# found '%s', expected '%s'\n", sdp_text(), rows[i].result);
		ROW_CHECK(!strcmp(sdp_text(), rows[i].result), rows[i].text, rows[i].what);
	}
}

static void test_prefixes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (u32 n = 0; n < strlen(rows[i].text); n++)
			parse(rows[i].text, n);
}

/* All addresses, the origin's and those in a=rtcp too, are there for whoever rewrites them. */
static void test_addresses(void **state)
{
	static const char text[] = V "o=Anna Berg 1 2 IN IP4 10.0.0.7\r\n" C M "a=rtcp:4001 IN IP4 10.0.0.8\r\n"
	  "c=IN IP4 host.example\r\n"
				   "o=- 1 1 IN IP4 10.0.0.9\r\n";

	assert_int_equal(parse(text, sizeof(text) - 1), 0);
	assert_int_equal(sdp.n_addrs, 4);
	for (u32 i = 0; i < 4; i++) {
		static const char *const expected[] = { "10.0.0.7", "10.0.0.1", "10.0.0.8", "host.example" };

		assert_int_equal(sdp.addrs[i].len, strlen(expected[i]));
		assert_memory_equal(text + sdp.addrs[i].off, expected[i], sdp.addrs[i].len);
	}
	assert_int_equal(sdp.addrs[3].ep.family, 0);
	assert_int_equal(sdp.media[0].addr, 3);
	assert_int_equal(sdp.media[0].rtcp_addr, 2);
	assert_memory_equal(text + sdp.media[0].type_off, "audio", 5);
	assert_memory_equal(text + sdp.media[0].port_off, "4000", 4);
	assert_memory_equal(text + sdp.media[0].rtcp_off, "4001", 4);
	assert_int_equal(sdp.media[0].type_len, 5);
	assert_int_equal(sdp.media[0].port_len, 4);
	assert_int_equal(sdp.media[0].rtcp_len, 4);
}

static int parse_times(const char *head, const char *line, u32 times)
{
	static char text[16384];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", head);

	while (times--)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", line);
	assert_true(n < sizeof(text));
	return parse(text, (u32)n);
}

static void test_limits(void **state)
{
	assert_int_equal(parse_times(V C, M, ALG_SDP_MEDIA), 0);
	assert_int_equal(sdp.n_media, ALG_SDP_MEDIA);
	assert_int_equal(parse_times(V C, M, ALG_SDP_MEDIA + 1), -E2BIG);
	assert_int_equal(parse_times(V, C, ALG_SDP_ADDRS), 0);
	assert_int_equal(sdp.n_addrs, ALG_SDP_ADDRS);
	assert_int_equal(parse_times(V, C, ALG_SDP_ADDRS + 1), -E2BIG);
	assert_int_equal(parse_times(V, "o=- 1 1 IN IP4 10.0.0.1\r\n", ALG_SDP_ADDRS + 1), -E2BIG);
	/* the most that a description of the largest size may have */
	assert_int_equal(parse_times(V "o=- 1 1 IN IP4 10.0.0.1\r\n" C, M C "a=rtcp:1 IN IP4 10.0.0.1\r\n",
	  ALG_SDP_MEDIA), 0);
	assert_int_equal(parse_times(V C M, "a=candidate:1 1 UDP 1 10.0.0.1 4000 typ host\r\n", ALG_SDP_CANDIDATES + 5),
	  0);
	assert_int_equal(sdp.n_candidates, ALG_SDP_CANDIDATES);
}

/* A second description of the message: its session is another one. */
static void test_two(void **state)
{
	static const char first[] = V C "a=inactive\r\na=setup:active\r\n" M,
	  second[] = V M "a=sendonly\r\nm=video 4002 RTP/AVP 0\r\nc=IN IP4 10.0.0.2\r\n";
	char text[512];
	u32 len = (u32)snprintf(text, sizeof(text), "%s%s", first, second);

	memset(&sdp, 0, sizeof(sdp));
	assert_int_equal(alg_sdp_parse((u8 *)text, 0, sizeof(first) - 1, &sdp), 0);
	assert_int_equal(alg_sdp_parse((u8 *)text, sizeof(first) - 1, len - (sizeof(first) - 1), &sdp), 0);
	assert_string_equal(sdp_text(), "rtp 4000 10.0.0.1 inactive active; rtp 4000 - sendonly; rtp 4002 10.0.0.2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_two),
	};

	return cmocka_run_group_tests_name("SDP", tests, NULL, NULL);
}
