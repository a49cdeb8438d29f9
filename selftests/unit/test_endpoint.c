/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses and numbers in text, both ways. */
#include "unit.h"
#include <arpa/inet.h>
#include "alg/proto/endpoint.h"

/* Reads @text flush against an inaccessible page on either side. */
static bool read_addr(int family, const char *text, size_t len, u8 addr[16])
{
	bool (*parse)(const u8 *p, u32 len, u8 addr[16]) = family == 4 ? alg_parse_ipv4 : alg_parse_ipv6;
	u8 other[16];
	bool good;

	memset(other, 0xee, 16);
	memset(addr, 0xee, 16);
	good = parse(guard_start(text, len), (u32)len, other);
	assert_int_equal(parse(guard_end(text, len), (u32)len, addr), good);
	assert_memory_equal(addr, other, 16);
	if (!good) {
		memset(other, 0xee, 16);
		assert_memory_equal(addr, other, 16);	/* unchanged */
	}
	return good;
}

static void test_ipv4(void **state)
{
	static const struct {
		const char *text;
		bool good;
		u8 addr[4];
	} rows[] = {
		{ "0.0.0.0", true, { 0, 0, 0, 0 } },
		{ "1.2.3.4", true, { 1, 2, 3, 4 } },
		{ "192.168.1.11", true, { 192, 168, 1, 11 } },
		{ "255.255.255.255", true, { 255, 255, 255, 255 } },
		/* out of range */
		{ "256.1.1.1", false, { 0 } },
		{ "1.1.1.256", false, { 0 } },
		{ "255.255.255.2555", false, { 0 } },
		{ "1.1.1.1000", false, { 0 } },
		/* leading zeros are octal to some */
		{ "1.1.1.01", false, { 0 } },
		{ "010.1.1.1", false, { 0 } },
		{ "1.1.1.00", false, { 0 } },
		/* not four numbers */
		{ "", false, { 0 } },
		{ "1", false, { 0 } },
		{ "1.2.3", false, { 0 } },
		{ "1.2.3.", false, { 0 } },
		{ "1.2.3.4.", false, { 0 } },
		{ "1.2.3.4.5", false, { 0 } },
		{ ".1.2.3.4", false, { 0 } },
		{ "1..3.4", false, { 0 } },
		{ "16909060", false, { 0 } },
		/* other bytes */
		{ " 1.2.3.4", false, { 0 } },
		{ "1.2.3.4 ", false, { 0 } },
		{ "1.2.3.-4", false, { 0 } },
		{ "1.2.3.+4", false, { 0 } },
		{ "1.2.0x3.4", false, { 0 } },
		{ "1,2,3,4", false, { 0 } },
		{ "::1", false, { 0 } },
	};
	static const u8 zero[12];
	u8 addr[16];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool good = read_addr(4, rows[i].text, strlen(rows[i].text), addr);

		ROW_CHECK(good == rows[i].good, rows[i].text, "accepted or not");
		if (good) {
			ROW_CHECK(!memcmp(addr, rows[i].addr, 4), rows[i].text, "address");
			ROW_CHECK(!memcmp(addr + 4, zero, 12), rows[i].text, "the rest is zero");
		}
	}
	/* a NUL doesn't end the text */
	assert_false(read_addr(4, "1.2.3.4\0", 8, addr));
	assert_true(read_addr(4, "1.2.3.45", 7, addr));
}

static void test_ipv6(void **state)
{
	/* What inet_pton() says is the truth, with the exceptions named below. */
	static const char *const rows[] = {
		"::", "::1", "1::", "2001:db8::1", "2001:DB8::A",
		"2001:db8:0:0:0:0:0:1", "1:2:3:4:5:6:7:8", "fe80::1:2:3:4",
		"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "1:2:3::7:8", "::ffff:192.0.2.1", "::192.0.2.1",
		"1:2:3:4:5:6:192.0.2.1", "1::192.0.2.1", "1:2:3:4:5::192.0.2.1", "64:ff9b::192.0.2.33",
		"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0001::", "abcd::",
		/* colons */
		":", ":::", "::::", ":1", "1:", "1:2:3:4:5:6:7:", ":2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:", "::1:", ":1::",
		"1::2::3", "::1::", "1:::2", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8",
		/* groups */
		"", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::12345",
		"::00001", "g::", "::g", "1:2:3:4:5:6:7:g",
		/* embedded IPv4 */
		"1:2:3:4:5:6:7:192.0.2.1", "1:2:3:4:5:6:7:8:192.0.2.1", "::192.0.2",
		"::192.0.2.256", "::192.0.2.1.1", "::192.0.2.1:1",
		"192.0.2.1::", "::1.2.3.4:", "1.2.3.4", "1:2:3:4:5:192.0.2.1",
		"::a.2.3.4", "::01.2.3.4", "::1.2.3.", "::.1.2.3",
		"1:2:3:4:5:6::192.0.2.1", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555",
		/* other bytes */
		"fe80::1%eth0", "fe80::1%1", "[::1]", " ::1", "::1 ", "::1/64", "::-1", "::0x1",
	};
	u8 addr[16], truth[16];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *text = rows[i];
		size_t n = strlen(text);

		for (size_t len = 0; len <= n; len++) {	/* and every prefix of it */
			char prefix[64];
			bool expected;

			snprintf(prefix, sizeof(prefix), "%.*s", (int)len, text);
			expected = inet_pton(AF_INET6, prefix, truth) == 1;
			ROW_CHECK(read_addr(6, text, len, addr) == expected, prefix, "accepted or not");
			ROW_CHECK(!expected || !memcmp(addr, truth, 16), prefix, "address");
		}
	}
	assert_false(read_addr(6, "::1\0", 4, addr));
}

static void test_u32(void **state)
{
	static const struct {
		const char *text;
		u32 max;
		bool good;
		u32 val;
	} rows[] = {
		{ "0", 0, true, 0 },
		{ "7", 7, true, 7 },
		{ "8", 7, false, 0 },
		{ "65535", 65535, true, 65535 },
		{ "65536", 65535, false, 0 },
		{ "00021", 65535, true, 21 },
		{ "4294967295", UINT32_MAX, true, UINT32_MAX },
		{ "4294967296", UINT32_MAX, false, 0 },
		{ "9999999999", UINT32_MAX, false, 0 },
		{ "00000000001", UINT32_MAX, false, 0 },
		{ "18446744073709551617", UINT32_MAX, false, 0 },
		{ "", UINT32_MAX, false, 0 },
		{ "-1", UINT32_MAX, false, 0 },
		{ "+1", UINT32_MAX, false, 0 },
		{ " 1", UINT32_MAX, false, 0 },
		{ "1 ", UINT32_MAX, false, 0 },
		{ "1a", UINT32_MAX, false, 0 },
		{ "/", UINT32_MAX, false, 0 },
		{ ":", UINT32_MAX, false, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].text);
		u32 val = 4711;
		bool good = alg_parse_u32(guard_end(rows[i].text, len), (u32)len, rows[i].max, &val);

		ROW_CHECK(good == rows[i].good, rows[i].text, "accepted or not");
		ROW_CHECK(val == (good ? rows[i].val : 4711), rows[i].text, "value");
	}
}

static void test_format_u32(void **state)
{
	static const u32 values[] = { 0, 1, 9, 10, 99, 100, 255, 1024, 65535, 1000000000, UINT32_MAX };
	char buf[10], expected[16];

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		int n = snprintf(expected, sizeof(expected), "%u", values[i]);

		assert_int_equal(alg_format_u32(buf, values[i]), n);
		assert_memory_equal(buf, expected, n);
	}
}

/* RFC 5952: the longest run of zeros, the first of equals, never a single group; lower case. */
static void test_format_addr(void **state)
{
	static const struct {
		u8 family;
		const char *from;
		const char *text;
	} rows[] = {
		{ 4, "0.0.0.0", "0.0.0.0" },
		{ 4, "203.0.113.10", "203.0.113.10" },
		{ 4, "255.255.255.255", "255.255.255.255" },
		{ 6, "::", "::" },
		{ 6, "::1", "::1" },
		{ 6, "1::", "1::" },
		{ 6, "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ 6, "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ 6, "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ 6, "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ 6, "0:0:1::", "0:0:1::" },
		{ 6, "1:2:3:4:5:6::", "1:2:3:4:5:6::" },
		{ 6, "1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0" },
		{ 6, "0:2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
		{ 6, "::ffff:192.0.2.1", "::ffff:c000:201" },
		{ 6, "abcd:0def:0012:0003:1000:100:10:1", "abcd:def:12:3:1000:100:10:1" },
		{ 6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct alg_endpoint ep = { .family = rows[i].family };
		size_t len = strlen(rows[i].text);
		char buf[ALG_ADDR_TEXT];
		u8 back[16];

		assert_true(read_addr(ep.family, rows[i].from, strlen(rows[i].from), ep.addr));
		memset(buf, 'x', sizeof(buf));
		ROW_CHECK(alg_format_addr(buf, (u32)len + 1, &ep) == (int)len, rows[i].text, "length");
		ROW_CHECK(!strcmp(buf, rows[i].text), rows[i].text, buf);
		ROW_CHECK(alg_format_addr(buf, (u32)len, &ep) == 0, rows[i].text, "no room for the NUL");
		ROW_CHECK(alg_format_addr(buf, 0, &ep) == 0, rows[i].text, "no room at all");
		ROW_CHECK(read_addr(ep.family, buf, len, back), rows[i].text, "reads back");
		ROW_CHECK(!memcmp(back, ep.addr, 16), rows[i].text, "as the same address");
	}
}

/* Every pattern of zero and non-zero groups. */
static void test_format_ipv6_patterns(void **state)
{
	for (unsigned int pattern = 0; pattern < 256; pattern++) {
		struct alg_endpoint ep = { .family = 6 };
		char buf[ALG_ADDR_TEXT];
		u8 back[16];
		int n;

		for (int g = 0; g < 8; g++)
			ep.addr[2 * g + (pattern & 1)] = pattern >> g & 1 ? (u8)(g + 1) : 0;
		n = alg_format_addr(buf, sizeof(buf), &ep);
		assert_int_equal(n, strlen(buf));
		assert_true(alg_parse_ipv6((u8 *)buf, (u32)n, back));
		assert_memory_equal(back, ep.addr, 16);
		assert_int_equal(inet_pton(AF_INET6, buf, back), 1);
		assert_memory_equal(back, ep.addr, 16);
	}
}

static void test_format_no_family(void **state)
{
	struct alg_endpoint ep = { .family = 0 };
	char buf[ALG_ADDR_TEXT];

	assert_int_equal(alg_format_addr(buf, sizeof(buf), &ep), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_u32),
		cmocka_unit_test(test_format_u32),
		cmocka_unit_test(test_format_addr),
		cmocka_unit_test(test_format_ipv6_patterns),
		cmocka_unit_test(test_format_no_family),
	};

	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
