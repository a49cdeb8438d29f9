/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PPTP control messages. */
#include "unit.h"
#include "alg/proto/pptp.h"

#define COMPLETE	ALG_PARSE_COMPLETE
#define PARTIAL		ALG_PARSE_PARTIAL
#define MALFORMED	ALG_PARSE_MALFORMED

#define OWN	ALG_PPTP_SENDER
#define PEER	ALG_PPTP_RECEIVER

/* What RFC 2637 says of each message, read anew from its sections: length, whose call IDs, where the result is. */
struct row {
	const char *what;
	u16 type, len;
	u8 whose[2];
	bool result;
};

static const struct row rows[] = {
	{ "2.1 Start-Control-Connection-Request", 1, 156, { 0, 0 }, false },
	{ "2.2 Start-Control-Connection-Reply", 2, 156, { 0, 0 }, false },
	{ "2.3 Stop-Control-Connection-Request", 3, 16, { 0, 0 }, false },
	{ "2.4 Stop-Control-Connection-Reply", 4, 16, { 0, 0 }, false },
	{ "2.5 Echo-Request", 5, 16, { 0, 0 }, false },
	{ "2.6 Echo-Reply", 6, 20, { 0, 0 }, false },
	{ "2.7 Outgoing-Call-Request", 7, 168, { OWN, 0 }, false },
	{ "2.8 Outgoing-Call-Reply", 8, 32, { OWN, PEER }, true },
	{ "2.9 Incoming-Call-Request", 9, 220, { OWN, 0 }, false },
	{ "2.10 Incoming-Call-Reply", 10, 24, { OWN, PEER }, true },
	{ "2.11 Incoming-Call-Connected", 11, 28, { PEER, 0 }, false },
	{ "2.12 Call-Clear-Request", 12, 16, { OWN, 0 }, false },
	{ "2.13 Call-Disconnect-Notify", 13, 148, { OWN, 0 }, false },
	{ "2.14 WAN-Error-Notify", 14, 40, { PEER, 0 }, false },
	{ "2.15 Set-Link-Info", 15, 24, { PEER, 0 }, false },
};

static void put16(u8 *p, u16 v)
{
	p[0] = v >> 8;
	p[1] = v & 0xff;
}

/* A message of @len bytes: IDs 0x1234 and 0x5678, result 1 where a reply has it. */
static void make(u8 *m, u16 type, u16 len)
{
	memset(m, 0, len);
	put16(m, len);
	put16(m + 2, 1);
	memcpy(m + 4, "\x1a\x2b\x3c\x4d", 4);
	put16(m + 8, type);
	if (len >= 14)
		put16(m + 12, 0x1234);
	if (len >= 16)
		put16(m + 14, 0x5678);
	if (len > 16)
		m[16] = 1;
}

static enum alg_parse parse(const u8 *m, u32 len, struct alg_pptp_msg *msg, u32 *used)
{
	struct alg_pptp_msg other;
	u32 other_used;
	enum alg_parse answer;

	memset(&other, 0xaa, sizeof(other));
	memset(msg, 0x55, sizeof(*msg));
	answer = alg_pptp_parse(guard_start(m, len), len, &other, &other_used);
	assert_int_equal(alg_pptp_parse(guard_end(m, len), len, msg, used), answer);
	assert_int_equal(*used, other_used);
	return answer;
}

static void check_row(const struct row *r, const struct alg_pptp_msg *msg)
{
	ROW_CHECK(msg->type == r->type, r->what, "type");
	ROW_CHECK(msg->whose[0] == r->whose[0] && msg->whose[1] == r->whose[1], r->what, "whose");
	ROW_CHECK(!r->whose[0] || msg->id[0] == 0x1234, r->what, "first ID");
	ROW_CHECK(!r->whose[1] || msg->id[1] == 0x5678, r->what, "second ID");
	ROW_CHECK(msg->accepted == r->result, r->what, "accepted");
}

static void test_messages(void **state)
{
	u8 m[ALG_PPTP_MESSAGE_MAX + 1];
	struct alg_pptp_msg msg;
	u32 used;

	for (const struct row *r = rows; r < rows + ARRAY_SIZE(rows); r++) {
		make(m, r->type, r->len);
		ROW_CHECK(parse(m, r->len, &msg, &used) == COMPLETE && used == r->len, r->what, "answer");
		check_row(r, &msg);
		/* the next message is none of its business */
		memset(m + r->len, 0xff, 20);
		ROW_CHECK(parse(m, r->len + 20, &msg, &used) == COMPLETE && used == r->len, r->what, "two at once");
		check_row(r, &msg);
		/* longer than the RFC knows */
		make(m, r->type, r->len + 8);
		ROW_CHECK(parse(m, r->len + 8, &msg, &used) == COMPLETE && used == r->len + 8u, r->what, "longer");
		/* too short for its type, though longer than a header */
		make(m, r->type, r->len - 1);
		ROW_CHECK(parse(m, r->len, &msg, &used) == MALFORMED && used == r->len, r->what, "shorter");
		make(m, r->type, r->len);
		for (u32 len = 0; len < r->len; len++)
			ROW_CHECK(parse(m, len, &msg, &used) == PARTIAL && used == 0, r->what, "prefix");
	}
}

static void test_results(void **state)
{
	u8 m[64];
	struct alg_pptp_msg msg;
	u32 used;

	for (int type = ALG_PPTP_OUT_CALL_REPLY; type <= ALG_PPTP_IN_CALL_REPLY; type += 2) {
		for (int result = 0; result < 256; result++) {
			make(m, type, 32);
			m[16] = result;
			assert_int_equal(parse(m, 32, &msg, &used), COMPLETE);
			assert_int_equal(msg.accepted, result == 1);
		}
	}
}

/* Of no interest, but read on behind it. */
static void test_other_types(void **state)
{
	u8 m[64];
	struct alg_pptp_msg msg;
	u32 used;

	static const u16 unknown[] = { 0, 16, 255, 256 + 7, 0xffff };

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		make(m, unknown[i], 40);
		assert_int_equal(parse(m, 40, &msg, &used), COMPLETE);
		assert_int_equal(used, 40);
		assert_int_equal(msg.type, 0);
		assert_int_equal(msg.whose[0], 0);
	}
	make(m, ALG_PPTP_CALL_CLEAR, 16);
	put16(m + 2, 2);	/* management (RFC 2637, 1.4) */
	assert_int_equal(parse(m, 16, &msg, &used), COMPLETE);
	assert_int_equal(msg.type, 0);
}

static void test_malformed(void **state)
{
	u8 m[ALG_PPTP_MESSAGE_MAX + 1];
	struct alg_pptp_msg msg;
	u32 used;

	static const u16 lengths[] = { 0, 1, 11, ALG_PPTP_MESSAGE_MAX + 1, 0xffff };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		make(m, ALG_PPTP_ECHO_REQUEST, 16);
		put16(m, lengths[i]);
		for (u32 len = 2; len <= 16; len++) {	/* known as soon as it is seen */
			assert_int_equal(parse(m, len, &msg, &used), MALFORMED);
			assert_int_equal(used, len);
		}
	}
	for (int byte = 4; byte < 8; byte++) {
		make(m, ALG_PPTP_ECHO_REQUEST, 16);
		m[byte] ^= 1;
		assert_int_equal(parse(m, 7, &msg, &used), PARTIAL);
		assert_int_equal(parse(m, 8, &msg, &used), MALFORMED);
	}
	make(m, ALG_PPTP_ECHO_REQUEST, 16);
	put16(m + 2, 3);
	assert_int_equal(parse(m, 4, &msg, &used), MALFORMED);
	make(m, ALG_PPTP_ECHO_REQUEST, ALG_PPTP_MESSAGE_MAX);
	assert_int_equal(parse(m, ALG_PPTP_MESSAGE_MAX, &msg, &used), COMPLETE);
	/* a bare header of a message without body that is not known */
	make(m, 0, ALG_PPTP_HEADER);
	assert_int_equal(parse(m, ALG_PPTP_HEADER, &msg, &used), COMPLETE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_other_types),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests_name("pptp", tests, NULL, NULL);
}
