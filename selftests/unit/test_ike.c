/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams of udp/500 and udp/4500. */
#include "unit.h"
#include "alg/proto/ike.h"

#define MESSAGE		ALG_IKE_MESSAGE
#define MALFORMED	ALG_IKE_MALFORMED

#define I_SPI	0x0102030405060708ull
#define R_SPI	0x1112131415161718ull

static u8 buf[4096];
static u32 size;

static void put(u32 off, u64 v, u32 bytes)
{
	while (bytes--) {
		buf[off + bytes] = v & 0xff;
		v >>= 8;
	}
}

static void header(u8 version, u8 exchange, u8 flags, u8 next, u32 id)
{
	memset(buf, 0, sizeof(buf));
	put(0, I_SPI, 8);
	put(8, R_SPI, 8);
	buf[16] = next;
	buf[17] = version << 4;
	buf[18] = exchange;
	buf[19] = flags;
	put(20, id, 4);
	size = 28;
	put(24, size, 4);
}

static void payload(u8 next, const void *body, u32 len)
{
	buf[size] = next;
	put(size + 2, len + 4, 2);
	if (len)
		memcpy(buf + size + 4, body, len);
	size += len + 4;
	put(24, size, 4);
}

static enum alg_ike_what parse(const u8 *data, u32 len, bool natt, struct alg_ike_msg *msg)
{
	struct alg_ike_msg other;
	enum alg_ike_what what;

	memset(&other, 0xaa, sizeof(other));
	memset(msg, 0x55, sizeof(*msg));
	what = alg_ike_parse(guard_start(data, len), len, natt, &other);
	assert_int_equal(alg_ike_parse(guard_end(data, len), len, natt, msg), what);
	assert_memory_equal(msg, &other, sizeof(other));
	assert_int_equal(what == MALFORMED, msg->bad != ALG_IKE_BAD_NOTHING);
	return what;
}

/* What is cut is refused, whatever is cut; what is appended is not looked at. */
static void check_cuts(const char *row)
{
	struct alg_ike_msg msg, whole;

	ROW_CHECK(parse(buf, size, false, &whole) == MESSAGE, row, "whole");
	for (u32 len = 0; len < size; len++) {
		ROW_CHECK(parse(buf, len, false, &msg) == MALFORMED, row, "prefix");
		ROW_CHECK(msg.bad == (len < 28 ? ALG_IKE_BAD_SHORT : ALG_IKE_BAD_LENGTH), row, "reason");
		if (len >= 28) {	/* and if the header agrees, nothing is read beyond it */
			put(24, len, 4);
			parse(buf, len, false, &msg);
			ROW_CHECK(msg.n_payloads <= whole.n_payloads, row, "payloads of a prefix");
			put(24, size, 4);
		}
	}
	memset(buf + size, 0xff, 9);
	ROW_CHECK(parse(buf, size + 9, false, &msg) == MESSAGE && !memcmp(&msg, &whole, sizeof(msg)), row, "trailing bytes");
}

static const struct {
	const char *what;
	u8 version, exchange;
	enum alg_ike_kind kind;
} kinds[] = {
	{ "none", 1, 0, ALG_IKE_KIND_OTHER },
	{ "base", 1, 1, ALG_IKE_KIND_PHASE1 },
	{ "main mode", 1, 2, ALG_IKE_KIND_PHASE1 },
	{ "authentication only", 1, 3, ALG_IKE_KIND_PHASE1 },
	{ "aggressive mode", 1, 4, ALG_IKE_KIND_PHASE1 },
	{ "informational", 1, 5, ALG_IKE_KIND_INFO },
	{ "transaction", 1, 6, ALG_IKE_KIND_OTHER },
	{ "quick mode", 1, 32, ALG_IKE_KIND_CREATES },
	{ "new group mode", 1, 33, ALG_IKE_KIND_OTHER },
	{ "IKEv2's in IKEv1", 1, 35, ALG_IKE_KIND_OTHER },
	{ "IKE_SA_INIT", 2, 34, ALG_IKE_KIND_PHASE1 },
	{ "IKE_AUTH", 2, 35, ALG_IKE_KIND_CREATES },
	{ "CREATE_CHILD_SA", 2, 36, ALG_IKE_KIND_CREATES },
	{ "INFORMATIONAL", 2, 37, ALG_IKE_KIND_INFO },
	{ "IKE_SESSION_RESUME", 2, 38, ALG_IKE_KIND_PHASE1 },
	{ "GSA_AUTH", 2, 39, ALG_IKE_KIND_OTHER },
	{ "IKE_INTERMEDIATE", 2, 43, ALG_IKE_KIND_PHASE1 },
	{ "IKE_FOLLOWUP_KE", 2, 44, ALG_IKE_KIND_CREATES },
	{ "IKEv1's in IKEv2", 2, 32, ALG_IKE_KIND_OTHER },
	{ "main mode in IKEv2", 2, 2, ALG_IKE_KIND_OTHER },
	{ "private", 2, 255, ALG_IKE_KIND_OTHER },
};

static void test_header(void **state)
{
	struct alg_ike_msg msg;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *row = kinds[i].what;

		header(kinds[i].version, kinds[i].exchange, 0, 0, 0x89abcdef);
		buf[17] |= 7;	/* a minor version is nothing to stumble over: RFC 7296, 2.5 */
		ROW_CHECK(parse(buf, size, false, &msg) == MESSAGE, row, "answer");
		ROW_CHECK(msg.ispi == I_SPI && msg.rspi == R_SPI && msg.id == 0x89abcdef && msg.length == 28, row, "fields");
		ROW_CHECK(msg.version == kinds[i].version && msg.exchange == kinds[i].exchange, row, "exchange");
		ROW_CHECK(msg.kind == kinds[i].kind, row, "kind");
		ROW_CHECK(!msg.first && !msg.encrypted && !msg.marker && !msg.initiator && !msg.response, row, "flags");
		check_cuts(row);
		put(8, 0, 8);
		ROW_CHECK(parse(buf, size, false, &msg) == MESSAGE && msg.first == (kinds[i].kind == ALG_IKE_KIND_PHASE1), row,
			  "first");
	}
}

static void test_flags(void **state)
{
	struct alg_ike_msg msg;

	for (int flags = 0; flags < 256; flags++) {
		header(2, ALG_IKE_SA_INIT, flags, 0, 0);
		put(8, 0, 8);
		assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
		assert_int_equal(msg.initiator, !!(flags & 0x08));
		assert_int_equal(msg.response, !!(flags & 0x20));
		assert_int_equal(msg.first, !(flags & 0x20));	/* a COOKIE request has no responder's SPI either */
		assert_false(msg.encrypted);

		/* what is encrypted is not read: here it would be malformed */
		header(1, ALG_IKE_QUICK, flags, 8, 0x1234);
		memset(buf + size, 0xee, 64);
		size += 64;
		put(24, size, 4);
		assert_int_equal(parse(buf, size, false, &msg), flags & 1 ? MESSAGE : MALFORMED);
		assert_int_equal(msg.encrypted, flags & 1);
		assert_false(msg.initiator);
		assert_false(msg.response);
		assert_int_equal(msg.payload, 8);
	}
}

static void test_bad_header(void **state)
{
	struct alg_ike_msg msg;

	for (int version = 0; version < 16; version++) {
		header(version, 2, 0, 0, 0);
		assert_int_equal(parse(buf, size, false, &msg), version == 1 || version == 2 ? MESSAGE : MALFORMED);
		if (version != 1 && version != 2)
			assert_int_equal(msg.bad, ALG_IKE_BAD_VERSION);
	}
	header(2, ALG_IKE_AUTH, 0, 0, 0);
	put(0, 0, 8);
	assert_int_equal(parse(buf, size, false, &msg), MALFORMED);
	assert_int_equal(msg.bad, ALG_IKE_BAD_ZERO_SPI);
	static const u32 lengths[] = { 0, 1, 27, 29, 0x7fffffff, 0x80000000, 0xffffffff };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		header(2, ALG_IKE_AUTH, 0, 0, 0);
		put(24, lengths[i], 4);
		assert_int_equal(parse(buf, size, false, &msg), MALFORMED);
		assert_int_equal(msg.bad, ALG_IKE_BAD_LENGTH);
	}
}

/* Names of the signs, as the RFCs write their vendor IDs: MD5 of a text. */
static const struct {
	const char *what, *hex;
	u16 sign;
} vids[] = {
	{ "RFC 3947", "4a131c81070358455c5728f20e95452f", ALG_IKE_VID_RFC3947 },
	{ "draft-ietf-ipsec-nat-t-ike-03", "7d9419a65310ca6f2c179d9215529d56", ALG_IKE_VID_DRAFT },
	{ "draft-ietf-ipsec-nat-t-ike-02", "cd60464335df21f87cfdb2fc68b6a448", ALG_IKE_VID_DRAFT },
	{ "draft-ietf-ipsec-nat-t-ike-02 and a line's end", "90cb80913ebb696e086381b5ec427b1f", ALG_IKE_VID_DRAFT },
	{ "dead peer detection", "afcad71368a1f1c96b8696fc77570100", 0 },
	{ "one bit off", "4a131c81070358455c5728f20e95452e", 0 },
};

static void test_vendors(void **state)
{
	struct alg_ike_msg msg;

	for (size_t i = 0; i < ARRAY_SIZE(vids); i++) {
		const char *row = vids[i].what;
		u8 id[17] = { 0 };

		for (int b = 0; b < 16; b++)
			assert_int_equal(sscanf(vids[i].hex + 2 * b, "%2hhx", &id[b]), 1);
		for (u32 len = 0; len <= 17; len++) {
			u16 sign = len == 16 ? vids[i].sign : 0;

			header(1, ALG_IKE_MAIN, 0, 1, 0);
			payload(13, "proposals", 9);
			payload(0, id, len);
			ROW_CHECK(parse(buf, size, false, &msg) == MESSAGE && msg.n_payloads == 2 && msg.signs == sign, row,
				  "IKEv1");
			if (len == 16)
				check_cuts(row);
			header(2, ALG_IKE_SA_INIT, 8, 43, 0);
			payload(0, id, len);
			ROW_CHECK(parse(buf, size, false, &msg) == MESSAGE && msg.signs == sign, row, "IKEv2");
			/* the other version's type is not a vendor ID */
			header(2, ALG_IKE_SA_INIT, 8, 13, 0);
			payload(0, id, len);
			ROW_CHECK(parse(buf, size, false, &msg) == MESSAGE && !msg.signs, row, "IKEv2, 13");
		}
	}
}

static void test_nat_d(void **state)
{
	struct alg_ike_msg msg;

	for (int type = 1; type < 256; type++) {
		bool nat_d = type == 20 || type == 130;

		if (type == 11 || type == 132)
			continue;
		header(1, ALG_IKE_MAIN, 0, type, 0);
		payload(type, "0123456789abcdef", 16);
		payload(0, "0123456789abcdef", 16);
		assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
		assert_int_equal(msg.signs, nat_d ? ALG_IKE_NAT_D : 0);
		assert_int_equal(msg.n_payloads, 2);
		if (type == 41 || type == 53)
			continue;
		header(2, ALG_IKE_SA_INIT, 0, type, 0);
		payload(0, "0123456789abcdef", 16);
		assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
		assert_int_equal(msg.signs, 0);
		assert_int_equal(msg.encrypted, type == 46);
	}
}

static const struct {
	u16 type, signs, error;
} notifies[] = {
	{ 0, 0, 0 },
	{ 7, 0, 7 },				/* INVALID_SYNTAX */
	{ 14, 0, 14 },				/* NO_PROPOSAL_CHOSEN */
	{ 17, ALG_IKE_INVALID_KE, 17 },
	{ 16383, 0, 16383 },
	{ 16384, 0, 0 },			/* INITIAL_CONTACT */
	{ 16388, ALG_IKE_NAT_SOURCE, 0 },
	{ 16389, ALG_IKE_NAT_DESTINATION, 0 },
	{ 16390, ALG_IKE_COOKIE, 0 },
	{ 16407, ALG_IKE_REDIRECTED, 0 },
	{ 16430, ALG_IKE_FRAGMENTS, 0 },
	{ 40000, 0, 0 },
};

static void test_notifies(void **state)
{
	struct alg_ike_msg msg;

	for (size_t i = 0; i < ARRAY_SIZE(notifies); i++) {
		u8 n[16] = { 1, 4, notifies[i].type >> 8, notifies[i].type & 0xff, 1, 2, 3, 4, 'd', 'a', 't', 'a' };
		u8 n1[20] = { 0, 0, 0, 1 };

		header(2, ALG_IKE_SA_INIT, 0x20, 41, 0);
		payload(0, n, 12);
		assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
		assert_int_equal(msg.signs, notifies[i].signs);
		assert_int_equal(msg.error, notifies[i].error);
		check_cuts("notify");
		for (u32 len = 0; len < 8; len++) {	/* fields and SPI */
			header(2, ALG_IKE_SA_INIT, 0x20, 41, 0);
			payload(0, n, len);
			assert_int_equal(parse(buf, size, false, &msg), MALFORMED);
			assert_int_equal(msg.bad, ALG_IKE_BAD_NOTIFY);
		}
		memcpy(n1 + 4, n, 12);
		header(1, ALG_IKE_INFO_V1, 0, 11, 0);
		payload(0, n1, 16);
		assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
		assert_int_equal(msg.signs, 0);
		assert_int_equal(msg.error, notifies[i].error);
		for (u32 len = 0; len < 12; len++) {
			header(1, ALG_IKE_INFO_V1, 0, 11, 0);
			payload(0, n1, len);
			assert_int_equal(parse(buf, size, false, &msg), MALFORMED);
			assert_int_equal(msg.bad, ALG_IKE_BAD_NOTIFY);
		}
	}
	/* the first error counts, all signs do */
	header(2, ALG_IKE_SA_INIT, 0x20, 41, 0);
	payload(41, "\0\0\x00\x0e", 4);
	payload(41, "\0\0\x00\x11", 4);
	payload(41, "\0\0\x40\x04", 4);
	payload(0, "\0\0\x40\x05", 4);
	assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
	assert_int_equal(msg.error, 14);
	assert_int_equal(msg.signs, ALG_IKE_INVALID_KE | ALG_IKE_NAT_SOURCE | ALG_IKE_NAT_DESTINATION);
	assert_int_equal(msg.n_payloads, 4);
}

static void test_encrypted(void **state)
{
	struct alg_ike_msg msg;

	/* SK says of its first inner payload what the others say of their successor: nothing is read there */
	header(2, ALG_IKE_AUTH, 8, 46, 1);
	payload(35, "ciphertext", 10);
	assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
	assert_true(msg.encrypted);
	assert_int_equal(msg.n_payloads, 1);
	assert_int_equal(msg.frag, 0);
	check_cuts("SK");
	/* in clear in front of it */
	header(2, ALG_IKE_AUTH, 8, 41, 1);
	payload(46, "\0\0\x40\x06", 4);
	payload(35, "ciphertext", 10);
	assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
	assert_true(msg.encrypted);
	assert_int_equal(msg.signs, ALG_IKE_COOKIE);
	assert_int_equal(msg.n_payloads, 2);
}

static const struct {
	u16 frag, frags;
	bool good;
} fragments[] = {
	{ 1, 1, true }, { 1, 2, true }, { 2, 2, true }, { 65535, 65535, true }, { 0, 1, false }, { 2, 1, false }, { 0, 0, false },
	{ 1, 0, false },
};

static void test_fragments(void **state)
{
	struct alg_ike_msg msg;

	for (size_t i = 0; i < ARRAY_SIZE(fragments); i++) {
		u8 skf[12] = { fragments[i].frag >> 8, fragments[i].frag & 0xff, fragments[i].frags >> 8,
			       fragments[i].frags & 0xff };

		header(2, ALG_IKE_AUTH, 8, 53, 1);
		payload(fragments[i].frag == 1 ? 35 : 0, skf, 12);
		assert_int_equal(parse(buf, size, false, &msg), fragments[i].good ? MESSAGE : MALFORMED);
		if (!fragments[i].good) {
			assert_int_equal(msg.bad, ALG_IKE_BAD_FRAGMENT);
			continue;
		}
		assert_int_equal(msg.frag, fragments[i].frag);
		assert_int_equal(msg.frags, fragments[i].frags);
		assert_true(msg.encrypted);
		check_cuts("SKF");
	}
	header(2, ALG_IKE_AUTH, 8, 53, 1);
	payload(35, "\0\1\0\1", 4);
	assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
	header(1, ALG_IKE_MAIN, 0, 132, 0);
	payload(0, "\0\1\1\1", 4);
	assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
	header(2, ALG_IKE_AUTH, 8, 53, 1);
	payload(35, "\0\1\0", 3);
	assert_int_equal(parse(buf, size, false, &msg), MALFORMED);
	assert_int_equal(msg.bad, ALG_IKE_BAD_FRAGMENT);

	for (int flags = 0; flags < 2; flags++) {	/* the flag is about what is carried */
		header(1, ALG_IKE_MAIN, flags, 132, 0);
		payload(0, "\x12\x34\x03\x01piece", 9);
		assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
		assert_int_equal(msg.frag_id, 0x1234);
		assert_int_equal(msg.frag, 3);
		assert_int_equal(msg.frags, 3);
		assert_false(msg.encrypted);
		check_cuts("IKEv1 fragment");
		buf[28 + 7] = 0;	/* not the last one */
		assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
		assert_int_equal(msg.frags, 0);
		buf[28 + 6] = 0;
		assert_int_equal(parse(buf, size, false, &msg), MALFORMED);
		assert_int_equal(msg.bad, ALG_IKE_BAD_FRAGMENT);
		header(1, ALG_IKE_MAIN, flags, 132, 0);
		payload(0, "\x12\x34\x03", 3);
		assert_int_equal(parse(buf, size, false, &msg), MALFORMED);
		assert_int_equal(msg.bad, ALG_IKE_BAD_FRAGMENT);
	}
}

static void test_chain(void **state)
{
	struct alg_ike_msg msg;

	/* as many as are allowed, and one more */
	header(1, ALG_IKE_MAIN, 0, 13, 0);
	for (int i = 1; i <= ALG_IKE_PAYLOADS_MAX; i++)
		payload(i == ALG_IKE_PAYLOADS_MAX ? 0 : 13, "", 0);
	assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
	assert_int_equal(msg.n_payloads, ALG_IKE_PAYLOADS_MAX);
	check_cuts("longest chain");
	buf[size - 4] = 13;
	payload(0, "", 0);
	assert_int_equal(parse(buf, size, false, &msg), MALFORMED);
	assert_int_equal(msg.bad, ALG_IKE_BAD_PAYLOADS);

	static const u16 lengths[] = { 0, 1, 3, 13, 0x7fff, 0xffff };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		header(2, ALG_IKE_SA_INIT, 0, 33, 0);
		payload(0, "01234567", 8);
		put(30, lengths[i], 2);
		assert_int_equal(parse(buf, size, false, &msg), MALFORMED);
		assert_int_equal(msg.bad, ALG_IKE_BAD_PAYLOAD);
	}
	/* the chain goes on where the message ends */
	header(2, ALG_IKE_SA_INIT, 0, 33, 0);
	assert_int_equal(parse(buf, size, false, &msg), MALFORMED);
	assert_int_equal(msg.bad, ALG_IKE_BAD_PAYLOAD);
	payload(34, "01234567", 8);
	assert_int_equal(parse(buf, size, false, &msg), MALFORMED);
	/* and the other way round: padding */
	header(2, ALG_IKE_SA_INIT, 0, 33, 0);
	payload(0, "01234567", 8);
	size += 3;
	put(24, size, 4);
	assert_int_equal(parse(buf, size, false, &msg), MESSAGE);
}

static void test_natt(void **state)
{
	struct alg_ike_msg msg;
	u8 data[100] = { 0xff };

	for (int natt = 0; natt < 2; natt++) {
		assert_int_equal(parse(data, 1, natt, &msg), ALG_IKE_KEEPALIVE);
		assert_int_equal(parse(data, 0, natt, &msg), MALFORMED);
		assert_int_equal(msg.bad, ALG_IKE_BAD_SHORT);
		assert_int_equal(parse((const u8 *)"\xfe", 1, natt, &msg), MALFORMED);
		assert_int_equal(parse((const u8 *)"\xff\xff", 2, natt, &msg), MALFORMED);
	}
	memcpy(data, "\x00\x00\x00\x01\x89\xab\xcd\xef", 8);
	for (u32 len = 0; len < sizeof(data); len++) {
		assert_int_equal(parse(data, len, true, &msg), len < 8 ? MALFORMED : ALG_IKE_ESP);
		if (len >= 8) {
			assert_int_equal(msg.spi, 1);
			assert_int_equal(msg.seq, 0x89abcdefu);
		}
	}
	header(1, ALG_IKE_MAIN, 0, 0, 7);
	memmove(buf + 4, buf, size);
	memset(buf, 0, 4);
	for (u32 len = 0; len < size + 4; len++) {
		assert_int_equal(parse(buf, len, true, &msg), MALFORMED);
		assert_int_equal(msg.bad, ALG_IKE_BAD_SHORT);
	}
	assert_int_equal(parse(buf, size + 4, true, &msg), MESSAGE);
	assert_true(msg.marker);
	assert_int_equal(msg.id, 7);
	assert_int_equal(msg.length, 28);
	assert_int_equal(parse(buf, size + 4, false, &msg), MALFORMED);	/* no marker on udp/500 */
}

static void test_repeats(void **state)
{
	struct alg_ike_msg a, b;

	header(1, ALG_IKE_QUICK, 1, 8, 0x1234);
	payload(0, "ciphertext", 10);
	parse(buf, size, false, &a);
	parse(buf, size, false, &b);
	assert_true(alg_ike_repeats(&a, &b));
	static const u32 differ[] = { 7, 15, 16, 18, 23 };	/* SPIs, first payload, exchange, message ID */

	for (size_t i = 0; i < ARRAY_SIZE(differ); i++) {
		buf[differ[i]] ^= 1;
		assert_int_equal(parse(buf, size, false, &b), MESSAGE);
		assert_false(alg_ike_repeats(&a, &b));
		buf[differ[i]] ^= 1;
	}
	buf[19] ^= 2;
	parse(buf, size, false, &b);
	assert_false(alg_ike_repeats(&a, &b));
	buf[19] ^= 2;
	payload(0, "", 0);	/* the third message of quick mode is not the first */
	parse(buf, size, false, &b);
	assert_false(alg_ike_repeats(&a, &b));

	header(2, ALG_IKE_AUTH, 8, 53, 1);
	payload(35, "\0\1\0\2ciphertext", 14);
	parse(buf, size, false, &a);
	buf[28 + 5] = 2;
	parse(buf, size, false, &b);
	assert_false(alg_ike_repeats(&a, &b));
	header(1, ALG_IKE_MAIN, 0, 132, 0);
	payload(0, "\0\1\1\0piece", 9);
	parse(buf, size, false, &a);
	buf[28 + 5] = 2;
	parse(buf, size, false, &b);
	assert_false(alg_ike_repeats(&a, &b));
	a = b;
	a.version = 2;
	assert_false(alg_ike_repeats(&a, &b));
}

static void test_names(void **state)
{
	for (int bad = 0; bad < ALG_IKE_BADS; bad++)
		assert_true(alg_ike_bad_name(bad)[0]);
	assert_string_equal(alg_ike_bad_name(ALG_IKE_BAD_ZERO_SPI), "zero-spi");
	assert_string_equal(alg_ike_bad_name(ALG_IKE_BADS), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_bad_header),
		cmocka_unit_test(test_vendors),
		cmocka_unit_test(test_nat_d),
		cmocka_unit_test(test_notifies),
		cmocka_unit_test(test_encrypted),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_natt),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("ike", tests, NULL, NULL);
}
