/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TFTP datagrams. */
#include "unit.h"
#include "alg/proto/tftp.h"

#define COMPLETE	ALG_PARSE_COMPLETE
#define MALFORMED	ALG_PARSE_MALFORMED

struct row {
	const char *what;
	const char *data;
	u32 len;
	enum alg_parse answer;
	u8 kind;
};

#define DATAGRAM(bytes) bytes, sizeof(bytes) - 1

static const struct row rows[] = {
	{ "read request", DATAGRAM("\0\1file\0octet\0"), COMPLETE, ALG_TFTP_RRQ },
	{ "write request", DATAGRAM("\0\2file\0netascii\0"), COMPLETE, ALG_TFTP_WRQ },
	{ "any mode, upper case", DATAGRAM("\0\1f\0MAIL\0"), COMPLETE, ALG_TFTP_RRQ },
	{ "unknown mode", DATAGRAM("\0\1f\0x\0"), COMPLETE, ALG_TFTP_RRQ },
	{ "bytes beyond ASCII and spaces in the name", DATAGRAM("\0\1a \xc3\xa4\n\0octet\0"), COMPLETE, ALG_TFTP_RRQ },
	{ "one option", DATAGRAM("\0\1file\0octet\0blksize\0""1428\0"), COMPLETE, ALG_TFTP_RRQ },
	{ "options", DATAGRAM("\0\2f\0octet\0tsize\0""0\0timeout\0""5\0windowsize\0""16\0"), COMPLETE, ALG_TFTP_WRQ },
	{ "option with an empty value", DATAGRAM("\0\1f\0octet\0multicast\0\0"), COMPLETE, ALG_TFTP_RRQ },

	{ "DATA", DATAGRAM("\0\3\0\1abc"), COMPLETE, ALG_TFTP_OTHER },
	{ "ACK", DATAGRAM("\0\4\0\1"), COMPLETE, ALG_TFTP_OTHER },
	{ "ERROR", DATAGRAM("\0\5\0\1no\0"), COMPLETE, ALG_TFTP_OTHER },
	{ "OACK", DATAGRAM("\0\6tsize\0""5\0"), COMPLETE, ALG_TFTP_OTHER },

	{ "nothing", "", 0, MALFORMED, 0 },
	{ "half an opcode", DATAGRAM("\0"), MALFORMED, 0 },
	{ "opcode 0", DATAGRAM("\0\0file\0octet\0"), MALFORMED, 0 },
	{ "opcode 7", DATAGRAM("\0\7file\0octet\0"), MALFORMED, 0 },
	{ "opcode in the wrong order", DATAGRAM("\1\0file\0octet\0"), MALFORMED, 0 },
	{ "opcode 257", DATAGRAM("\1\1file\0octet\0"), MALFORMED, 0 },
	{ "opcode alone", DATAGRAM("\0\1"), MALFORMED, 0 },
	{ "empty name", DATAGRAM("\0\1\0octet\0"), MALFORMED, 0 },
	{ "empty mode", DATAGRAM("\0\1file\0\0"), MALFORMED, 0 },
	{ "no mode", DATAGRAM("\0\1file\0"), MALFORMED, 0 },
	{ "name without end", DATAGRAM("\0\1file"), MALFORMED, 0 },
	{ "mode without end", DATAGRAM("\0\1file\0octet"), MALFORMED, 0 },
	{ "option without value", DATAGRAM("\0\1file\0octet\0blksize\0"), MALFORMED, 0 },
	{ "option name without end", DATAGRAM("\0\1file\0octet\0blksize"), MALFORMED, 0 },
	{ "option value without end", DATAGRAM("\0\1file\0octet\0blksize\0""512"), MALFORMED, 0 },
	{ "empty option name", DATAGRAM("\0\1file\0octet\0\0""512\0"), MALFORMED, 0 },
	{ "second option name empty", DATAGRAM("\0\1file\0octet\0tsize\0""0\0\0x\0"), MALFORMED, 0 },
	{ "one NUL too many", DATAGRAM("\0\1file\0octet\0\0"), MALFORMED, 0 },
	{ "garbage behind", DATAGRAM("\0\1file\0octet\0x"), MALFORMED, 0 },
};

static enum alg_parse parse(const void *data, u32 len, struct alg_tftp_msg *msg)
{
	struct alg_tftp_msg other = { .kind = 77 };
	enum alg_parse answer = alg_tftp_parse(guard_start(data, len), len, &other);

	msg->kind = 78;
	assert_int_equal(alg_tftp_parse(guard_end(data, len), len, msg), answer);
	assert_int_equal(msg->kind, other.kind);
	return answer;
}

static void test_rows(void **state)
{
	struct alg_tftp_msg msg;

	for (const struct row *r = rows; r < rows + ARRAY_SIZE(rows); r++) {
		ROW_CHECK(parse(r->data, r->len, &msg) == r->answer, r->what, "answer");
		ROW_CHECK(msg.kind == r->kind, r->what, "kind");
	}
}

/* A prefix of a request is a request only where a string of an even number ends. */
static void test_prefixes(void **state)
{
	struct alg_tftp_msg msg;

	for (const struct row *r = rows; r < rows + ARRAY_SIZE(rows); r++) {
		if (r->kind != ALG_TFTP_RRQ && r->kind != ALG_TFTP_WRQ)
			continue;
		for (u32 len = 0, strings = 0; len <= r->len; len++) {
			bool whole;

			strings += len > 2 && !r->data[len - 1];
			whole = strings >= 2 && strings % 2 == 0 && !r->data[len - 1];
			ROW_CHECK(parse(r->data, len, &msg) == (whole ? COMPLETE : MALFORMED), r->what, "prefix");
		}
	}
}

/* RFC 2347: a request has at most 512 bytes. */
static void test_length(void **state)
{
	u8 data[ALG_TFTP_REQUEST_MAX + 1];
	struct alg_tftp_msg msg;

	for (u32 len = ALG_TFTP_REQUEST_MAX - 1; len <= sizeof(data); len++) {
		memset(data, 'a', len);
		memcpy(data, "\0\1", 2);
		data[len - 1] = 0;
		memcpy(data + len - 7, "\0octet", 6);
		assert_int_equal(parse(data, len, &msg), len <= ALG_TFTP_REQUEST_MAX ? COMPLETE : MALFORMED);
	}
	/* other datagrams may be longer */
	memcpy(data, "\0\3", 2);
	assert_int_equal(parse(data, sizeof(data), &msg), COMPLETE);
	assert_int_equal(msg.kind, ALG_TFTP_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_length),
	};

	return cmocka_run_group_tests_name("tftp", tests, NULL, NULL);
}
