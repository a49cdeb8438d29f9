/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a SIP message starts in a stream that is not in step. */
#include "unit.h"
#include "alg/proto/sip.h"

struct row {
	const char *what;
	const char *data;
	u32 at;
};

#define REQUEST "OPTIONS sip:b@example.com SIP/2.0\r\n"

static const struct row rows[] = {
	{ "nothing", "", 0 },
	{ "a request", REQUEST, 0 },
	{ "a response", "SIP/2.0 200 OK\r\n", 0 },
	{ "an unknown method in capitals", "FETCH sip:b@example.com SIP/2.0\r\n", 0 },
	{ "LF alone", "OPTIONS sip:b@example.com SIP/2.0\nVia", 0 },
	{ "the first letter", "O", 0 },
	{ "half a method", "OPTI", 0 },
	{ "half a request line", "OPTIONS sip:b@exa", 0 },
	{ "half a version", "SIP/2", 0 },
	{ "behind a line", "m=audio 4000 RTP/AVP 8\r\n" REQUEST, 24 },
	{ "behind keep-alives", "\r\n\r\n" REQUEST, 4 },
	{ "behind half a line", "xyz\nSIP/2.0 180 Ringing\r\n", 4 },
	{ "its beginning behind a line", "a\nINV", 2 },
	{ "the first of two", "x\n" REQUEST REQUEST, 2 },
	{ "not within a line", "x " REQUEST "y", 38 },
	{ "another version", "OPTIONS sip:b@example.com SIP/7.0\r\nx", 36 },
	{ "another protocol", "GET / HTTP/1.1\r\nHost: a\r\n", 25 },
	{ "a header line", "Via: SIP/2.0/UDP a SIP/2.0\r\n", 28 },
	{ "capitals without end", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 40 },
	{ "capitals and a colon", "CSEQ: 1 SIP/2.0\r\n", 17 },
	{ "TLS", "\x16\3\1\2", 4 },
};

static void test_rows(void **state)
{
	for (const struct row *r = rows; r < rows + ARRAY_SIZE(rows); r++) {
		u32 len = strlen(r->data);

		ROW_CHECK(alg_sip_find_start(guard_end(r->data, len), len) == r->at, r->what, "place");
		ROW_CHECK(alg_sip_find_start(guard_start(r->data, len), len) == r->at, r->what, "place");
	}
}

/* What has all come is found wherever the bytes before it were cut. */
static void test_cut(void **state)
{
	static const char text[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n" REQUEST;
	u32 len = sizeof(text) - 1, start = len - (sizeof(REQUEST) - 1);

	for (u32 cut = 0; cut <= start; cut++)
		assert_int_equal(alg_sip_find_start(guard_end(text + cut, len - cut), len - cut), start - cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("sip_start", tests, NULL, NULL);
}
