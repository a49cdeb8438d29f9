// SPDX-License-Identifier: GPL-2.0-only
#include "tftp.h"
#include "poison.h"

enum {
	OP_RRQ = 1,
	OP_WRQ,
	OP_DATA,
	OP_ACK,
	OP_ERROR,
	OP_OACK,	/* RFC 2347 */
};

static const u8 *find_nul(const u8 *p, const u8 *end)
{
	const u64 ones = ~0ULL / 255;
	u64 w;

	/* Is a byte of w zero? Eight at a time; the mark of the lowest one is exact. */
	for (; (size_t)(end - p) >= sizeof(w); p += sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		w = (w - ones) & ~w & ones << 7;
		if (!w)
			continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		return p + (__builtin_ctzll(w) >> 3);
#else
		break;
#endif
	}
	while (p < end && *p)
		p++;
	return p;
}

/* Strings, each ended by a NUL: two, then in pairs; of a pair the first is not empty, of the first pair both. */
static bool strings_are_request(const u8 *p, u32 len)
{
	const u8 *end = p + len, *nul;
	u32 n = 0;

	for (; p < end; p = nul + 1, n++) {
		nul = find_nul(p, end);
		if (nul == end || (nul == p && (n < 2 || n % 2 == 0)))
			return false;
	}
	return n >= 2 && n % 2 == 0;
}

enum alg_parse alg_tftp_parse(const u8 *data, u32 len, struct alg_tftp_msg *msg)
{
	u16 op;

	msg->kind = ALG_TFTP_OTHER;
	if (len < 2)
		return ALG_PARSE_MALFORMED;
	op = get_unaligned_be16(data);
	if (op >= OP_DATA && op <= OP_OACK)
		return ALG_PARSE_COMPLETE;
	if ((op != OP_RRQ && op != OP_WRQ) || len > ALG_TFTP_REQUEST_MAX || !strings_are_request(data + 2, len - 2))
		return ALG_PARSE_MALFORMED;
	msg->kind = op == OP_RRQ ? ALG_TFTP_RRQ : ALG_TFTP_WRQ;
	return ALG_PARSE_COMPLETE;
}
