/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream of PPTP control messages: what is found in the whole is found in pieces, and every message is at least as long as
 * its type.
 */
#include "fuzz.h"
#include "alg/proto/pptp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct alg_pptp_msg msg, again;
	size_t off = 0;
	u32 used, used_again;

	while (off < size) {
		uint8_t *rest = exact_copy(data + off, size - off);
		enum alg_parse answer;

		memset(&msg, 0xee, sizeof(msg));
		answer = alg_pptp_parse(rest, (u32)(size - off), &msg, &used);
		if (answer == ALG_PARSE_COMPLETE) {
			PROPERTY(used >= ALG_PPTP_HEADER && used <= ALG_PPTP_MESSAGE_MAX && used <= size - off);
			PROPERTY(used == get_unaligned_be16(rest));
			PROPERTY(msg.type < ALG_PPTP_TYPES);
			PROPERTY(!msg.whose[0] || msg.id[0] == get_unaligned_be16(rest + ALG_PPTP_ID_OFF));
			PROPERTY(!msg.whose[1] || (msg.whose[0] && msg.id[1] == get_unaligned_be16(rest + ALG_PPTP_ID_OFF + 2)));
			/* Any shorter piece is waited for; exactly this one says the same. */
			for (u32 len = 0; len < used; len += 1 + len / 8)
				PROPERTY(alg_pptp_parse(rest, len, &again, &used_again) == ALG_PARSE_PARTIAL && !used_again);
			memset(&again, 0xee, sizeof(again));
			PROPERTY(alg_pptp_parse(rest, used, &again, &used_again) == ALG_PARSE_COMPLETE && used_again == used);
			PROPERTY(!memcmp(&again, &msg, sizeof(msg)));
		} else {
			PROPERTY(answer == ALG_PARSE_PARTIAL || answer == ALG_PARSE_MALFORMED);
			PROPERTY(used == (answer == ALG_PARSE_PARTIAL ? 0 : size - off));
		}
		free(rest);
		if (answer != ALG_PARSE_COMPLETE)
			break;
		off += used;
	}
	return 0;
}
