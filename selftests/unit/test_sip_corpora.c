/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SIP messages that others have made (environment NF_ALG_CORPORA, subdirectory sip): the torture messages of RFC 4475,
 * one by one, and captures and collections, put together by sip_messages.py, of which the parser must find what the
 * facts beside them say. Skipped without them.
 */
#include "sip_text.h"
#include "corpora.h"

#define MAX_BYTES	(1 << 20)

static struct alg_sip_msg msg;
static struct alg_sdp sdp;

/* ---- RFC 4475 ---- */

/*
 * What an element on the path makes of each. Where the RFC leaves it to the element whether to reject or to be liberal,
 * the message is malformed if the broken part is one that the element reads.
 */
static const struct {
	const char *file;
	enum alg_parse answer;
	const char *refs;
	u8 bodies;
} torture[] = {
	/* 3.1.1 valid */
	{ "wsinv", COMPLETE, "via 192.0.2.2, via 192.168.255.111", 1 },
	{ "intmeth", COMPLETE, "", 0 },
	{ "esc01", COMPLETE, "", 1 },
	{ "escnull", COMPLETE, "", 0 },
	{ "esc02", COMPLETE, "", 0 },
	{ "lwsdisp", COMPLETE, "", 0 },
	{ "longreq", COMPLETE, "via.received 192.0.2.5 +tcp", 1 },
	{ "dblreq", COMPLETE, "via 192.0.2.125", 0 },
	{ "semiuri", COMPLETE, "via 192.0.2.1", 0 },
	{ "transports", COMPLETE, "", 0 },
	{ "mpart01", COMPLETE, "via 127.0.0.1 5070 +rport, route 127.0.0.1 5080, contact 127.0.0.1 5070", 0 },
	{ "unreason", COMPLETE, "via 192.0.2.198", 1 },
	{ "noreason", COMPLETE, "via 192.0.2.105", 0 },
	/* 3.1.2 invalid */
	{ "badinv01", MALFORMED, "", 0 },	/* separators in Via and Contact */
	{ "clerr", MALFORMED, "", 0 },		/* Content-Length beyond the datagram */
	{ "ncl", MALFORMED, "", 0 },		/* negative Content-Length */
	{ "scalar02", MALFORMED, "", 0 },	/* CSeq too large */
	{ "scalarlg", MALFORMED, "", 0 },	/* CSeq of a response too large */
	{ "quotbal", MALFORMED, "", 0 },	/* To: quotes */
	{ "ltgtruri", MALFORMED, "", 0 },	/* Request-URI in <> */
	{ "lwsruri", MALFORMED, "", 0 },	/* white space in the Request-URI */
	{ "lwsstart", MALFORMED, "", 0 },	/* white space in the start line */
	{ "trws", MALFORMED, "", 0 },		/* white space behind it */
	{ "escruri", MALFORMED, "", 0 },	/* headers in the Request-URI */
	{ "baddate", COMPLETE, "", 1 },		/* nobody here reads a Date */
	{ "regbadct", MALFORMED, "", 0 },	/* Contact's URI needs <> */
	{ "badaspec", MALFORMED, "", 0 },	/* white space in To's URI */
	{ "baddn", MALFORMED, "", 0 },		/* commas in display names */
	{ "badvers", MALFORMED, "", 0 },	/* SIP/7.0 */
	{ "mismatch01", MALFORMED, "", 0 },	/* CSeq's method */
	{ "mismatch02", MALFORMED, "", 0 },
	{ "bigcode", MALFORMED, "", 0 },	/* status code */
	/* 3.2 transactions: of no importance to an element that keeps none */
	{ "badbranch", COMPLETE, "via 192.0.2.1", 0 },
	/* 3.3 application layer */
	{ "insuf", MALFORMED, "", 0 },		/* no From, To, Call-ID */
	{ "unkscm", COMPLETE, "", 0 },
	{ "novelsc", COMPLETE, "", 0 },
	{ "unksm2", COMPLETE, "via 192.0.2.21 5060", 0 },
	{ "bext01", COMPLETE, "", 0 },
	{ "invut", COMPLETE, "", 0 },
	{ "regaut01", COMPLETE, "via 192.0.2.253 +tcp", 0 },
	{ "multi01", MALFORMED, "", 0 },	/* headers twice that may be there once */
	{ "mcl01", MALFORMED, "", 0 },		/* two Content-Lengths */
	{ "bcast", COMPLETE, "via 192.0.2.198, via 255.255.255.255", 1 },
	{ "zeromf", COMPLETE, "", 0 },
	{ "cparam01", COMPLETE, "", 0 },
	{ "cparam02", COMPLETE, "", 0 },
	{ "regescrt", COMPLETE, "", 0 },
	{ "sdp01", COMPLETE, "via 192.0.2.15", 1 },
	/* 3.4 */
	{ "inv2543", COMPLETE, "", 1 },
	/* not in the RFC, but beside the others */
	{ "test", MALFORMED, "", 0 },
};

static void test_torture(void **state)
{
	static u8 data[65536];
	const char *dir = corpora("sip");
	char path[1200];
	u32 len, used;

	if (!dir)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(torture); i++) {
		const char *name = torture[i].file;
		FILE *f;

		snprintf(path, sizeof(path), "%s/rfc4475/%s.dat", dir, name);
		f = fopen(path, "rb");
		ROW_CHECK(f, name, "not there");
		len = (u32)fread(data, 1, sizeof(data), f);
		fclose(f);
		ROW_CHECK(sip_parse(data, len, false, &msg, &used) == torture[i].answer, name, "answer");
		if (torture[i].answer == COMPLETE) {
			ROW_CHECK(!strcmp(sip_refs_text(&msg), torture[i].refs), name, sip_refs_text(&msg));
			ROW_CHECK(msg.n_bodies == torture[i].bodies, name, "bodies");
		}
		sip_check_prefixes(data, len);
	}
}

/* ---- captures ---- */

struct list {
	char text[200][256];
	u32 n;
};

static void note(struct list *list, const char *text)
{
	assert_in_range(list->n, 0, 199);
	snprintf(list->text[list->n++], sizeof(list->text[0]), "%.250s", text);
}

struct entry {
	char kind[16], title[200];
	u8 data[MAX_BYTES];
	u32 len;
	bool odd;
	struct list expected;
};

static struct entry entry;
static u32 good, malformed, odd, in_streams, descriptions;

/* Well-formed for the decoder that the facts are from, but not for this parser. */
static const char *const broken[] = {
	"fuzz-seeds-sip/sip-input.1.sip",	/* lines that end in a CR alone */
};

/* What the decoder misread: folding, a method that begins with '!', and the port of a Via without parameters. */
static const char *const misread[] = {
	"fuzz-seeds-sip/sip-input.3.sip", "kamailio/invite01.sip", "kamailio/pingtel.sip", "rfc4475/intmeth.dat",
	  "rfc4475/wsinv.dat",
};

static void note_refs(struct list *found, const char *name, u8 where)
{
	char text[100];
	int n = snprintf(text, sizeof(text), "%s ", name);

	for (u32 i = 0; i < msg.n_refs; i++) {
		if (msg.refs[i].where != where || msg.refs[i].part != ALG_SIP_HOST)
			continue;
		sip_print_endpoint(text + n, sizeof(text) - (size_t)n, &msg.refs[i].ep);
		note(found, text);
	}
}

static void note_media(struct list *found)
{
	char text[100];

	memset(&sdp, 0, sizeof(sdp));
	for (u32 i = 0; i < msg.n_bodies; i++) {
		if (alg_sdp_parse(entry.data, msg.bodies[i].off, msg.bodies[i].len, &sdp)) {
			print_error("# %s: description\n", entry.title);
			fail();
		}
	}
	for (u32 i = 0; i < sdp.n_media; i++) {
		struct alg_endpoint ep;

		if (sdp.media[i].addr == ALG_SDP_ADDRS || !sdp.addrs[sdp.media[i].addr].ep.family)
			continue;
		ep = sdp.addrs[sdp.media[i].addr].ep;
		ep.port = sdp.media[i].port;
		sip_print_endpoint(text + snprintf(text, sizeof(text), "media "), 80, &ep);
		note(found, text);
		descriptions++;
	}
}

static void compare(const struct list *found)
{
	for (u32 i = 0; i < found->n || i < entry.expected.n; i++) {
		const char *is = i < found->n ? found->text[i] : "nothing",
		  *should = i < entry.expected.n ? entry.expected.text[i] : "nothing";

		if (strcmp(is, should))
			print_error("# %s: found '%s', expected '%s'\n", entry.title, is, should);
		assert_string_equal(is, should);
	}
}

static bool is_among(const char *const *titles, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(titles[i], entry.title))
			return true;
	return false;
}

static void check_datagram(void)
{
	static struct list found;
	bool fuzzed = !strncmp(entry.title, "ndpi-fuzzed", 11), ours = !strncmp(entry.title, "rfc4475/", 8);
	char text[256];
	u32 used;

	sip_check_prefixes(entry.data, entry.len);
	if (sip_parse(entry.data, entry.len, false, &msg, &used) != COMPLETE) {
		ROW_CHECK(entry.odd || fuzzed || ours || is_among(broken, ARRAY_SIZE(broken)), entry.title,
		  "malformed");
		malformed++;
		return;
	}
	if (entry.odd || fuzzed || is_among(misread, ARRAY_SIZE(misread))) {
		odd++;
		return;
	}
	found.n = 0;
	snprintf(text, sizeof(text), "call-id %.*s", msg.call_id.len, entry.data + msg.call_id.off);
	note(&found, text);
	snprintf(text, sizeof(text), "cseq %u %.*s", msg.cseq, msg.method_text.len, entry.data + msg.method_text.off);
	note(&found, text);
	note_refs(&found, "via", ALG_SIP_AT_VIA);
	note_refs(&found, "contact", ALG_SIP_AT_CONTACT);
	note_media(&found);
	compare(&found);
	good++;
}

/* Cut every @step bytes. */
static void check_stream(u32 step)
{
	static struct list found;
	u32 pending = 0, used;
	char text[256];

	found.n = 0;
	for (u32 end = step; end < entry.len + step; end += step) {
		u32 there = end < entry.len ? end : entry.len;

		while (pending < there) {
			enum alg_parse answer = sip_parse(entry.data + pending, there - pending, true, &msg, &used);
			const u8 *line = entry.data + pending;

			if (answer == PARTIAL)
				break;
			pending += used;
			if (answer == COMPLETE && msg.kind > ALG_SIP_RESPONSE)
				continue;
			assert_int_equal(answer, COMPLETE);
			snprintf(text, sizeof(text), "message %.*s", (int)strcspn((const char *)line, "\r\n"), line);
			note(&found, text);
			in_streams++;
		}
	}
	compare(&found);
}

static void check_entry(void)
{
	u32 used;

	if (!strcmp(entry.kind, "datagram")) {
		check_datagram();
	} else if (!strcmp(entry.kind, "stream")) {
		check_stream(entry.len);
		check_stream(1);
		check_stream(100);
	} else if (!strcmp(entry.kind, "sdp")) {
		memset(&sdp, 0, sizeof(sdp));
		assert_int_equal(alg_sdp_parse(guard_end(entry.data, entry.len), 0, entry.len, &sdp), 0);
		sdp_check(entry.data, 0, entry.len, &sdp);
		assert_true(sdp.n_media);
	} else {
		sip_parse(entry.data, entry.len, false, &msg, &used);
		sip_parse(entry.data, entry.len, true, &msg, &used);
	}
}

static void test_facts(void **state)
{
	static char line[1 << 18];
	u32 entries = 0;
	FILE *in = corpora_open("sip", "sip_messages.py");

	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "bytes ", 6)) {
			entry.len += corpora_bytes(line + 6, entry.data + entry.len, sizeof(entry.data) - entry.len);
		} else if (!strcmp(line, "odd")) {
			entry.odd = true;
		} else if (!strncmp(line, "expect ", 7)) {
			note(&entry.expected, line + 7);
		} else if (!strcmp(line, "end")) {
			check_entry();
			entries++;
		} else {
			entry.len = entry.expected.n = 0;
			entry.odd = false;
			assert_int_equal(sscanf(line, "%15s %199[^\n]", entry.kind, entry.title), 2);
		}
	}
	assert_int_equal(pclose(in), 0);
	print_message("# %u entries: %u messages as the facts have them (%u media), %u malformed, %u read though odd, "
	  "%u in streams\n", entries,
		      good, descriptions, malformed, odd, in_streams / 3);
	assert_true(entries > 0);
}

/* Call flows as text, one message behind the other without lengths: every description in them can be read. */
static void test_flows(void **state)
{
	static u8 data[1 << 18];
	const char *dir = corpora("sip");
	u32 len, n = 0, lines = 0;
	char path[1200];
	FILE *f;

	if (!dir)
		skip();
	snprintf(path, sizeof(path), "%s/streams/rfc-call-flows.txt", dir);
	f = fopen(path, "rb");
	if (!f)
		skip();
	len = (u32)fread(data, 1, sizeof(data), f);
	fclose(f);
	for (u32 i = 0; i + 5 < len; i++) {
		u32 end = i;

		if (memcmp(data + i, "v=0\r\n", 5) || (i && data[i - 1] != '\n'))
			continue;
		while (end + 2 < len && data[end + 1] == '=')
			end += (u32)((const u8 *)memchr(data + end, '\n', len - end) + 1 - (data + end));
		memset(&sdp, 0, sizeof(sdp));
		assert_int_equal(alg_sdp_parse(data + i, 0, end - i, &sdp) ? i : 0, 0);
		sdp_check(data + i, 0, end - i, &sdp);
		n++;
		lines += sdp.n_media;
	}
	print_message("# %u descriptions, %u m-lines\n", n, lines);
	assert_true(n > 10 && lines >= n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_torture),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_flows),
	};

	return cmocka_run_group_tests_name("SIP corpora", tests, NULL, NULL);
}
