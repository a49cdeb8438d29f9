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

/* Strings, each ended by a NUL: two, then in pairs; of a pair the first is not empty, of the first pair both. */
static bool strings_are_request(const u8 *p, u32 len)
{
	u32 i, start = 0, n = 0;

	for (i = 0; i < len; i++) {
		if (p[i])
			continue;
		if (i == start && (n < 2 || n % 2 == 0))
			return false;
		n++;
		start = i + 1;
	}
	return start == len && n >= 2 && n % 2 == 0;
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
