// SPDX-License-Identifier: GPL-2.0-only
#include "pptp.h"

#define OFF_TYPE	2	/* message type: control or management */
#define OFF_COOKIE	4
#define OFF_CONTROL	8
#define OFF_RESULT	16	/* of the replies to call requests */

#define TYPE_CONTROL	1
#define TYPE_MANAGEMENT	2
#define RESULT_GRANTED	1

/*
 * By control message type: length (RFC 2637, 2.1 to 2.15), whose IDs it carries, does it have a result that grants a call.
 * A field "Call ID" holds the sender's own number, "Peer's Call ID" the receiver's.
 */
static const struct {
	u16 len;
	u8 whose[ALG_PPTP_IDS];
	bool result;
} types[ALG_PPTP_TYPES] = {
	[ALG_PPTP_START_REQUEST]	= { .len = 156 },
	[ALG_PPTP_START_REPLY]		= { .len = 156 },
	[ALG_PPTP_STOP_REQUEST]		= { .len = 16 },
	[ALG_PPTP_STOP_REPLY]		= { .len = 16 },
	[ALG_PPTP_ECHO_REQUEST]		= { .len = 16 },
	[ALG_PPTP_ECHO_REPLY]		= { .len = 20 },
	[ALG_PPTP_OUT_CALL_REQUEST]	= { .len = 168, .whose = { ALG_PPTP_SENDER } },
	[ALG_PPTP_OUT_CALL_REPLY]	= { .len = 32, .whose = { ALG_PPTP_SENDER, ALG_PPTP_RECEIVER }, .result = true },
	[ALG_PPTP_IN_CALL_REQUEST]	= { .len = 220, .whose = { ALG_PPTP_SENDER } },
	[ALG_PPTP_IN_CALL_REPLY]	= { .len = 24, .whose = { ALG_PPTP_SENDER, ALG_PPTP_RECEIVER }, .result = true },
	[ALG_PPTP_IN_CALL_CONNECTED]	= { .len = 28, .whose = { ALG_PPTP_RECEIVER } },
	/* The PNS's own, because it may not know the PAC's yet (RFC 2637, 2.12). */
	[ALG_PPTP_CALL_CLEAR]		= { .len = 16, .whose = { ALG_PPTP_SENDER } },
	/* The PAC's own (RFC 2637, 2.13). */
	[ALG_PPTP_CALL_DISCONNECT]	= { .len = 148, .whose = { ALG_PPTP_SENDER } },
	[ALG_PPTP_WAN_ERROR]		= { .len = 40, .whose = { ALG_PPTP_RECEIVER } },
	[ALG_PPTP_SET_LINK_INFO]	= { .len = 24, .whose = { ALG_PPTP_RECEIVER } },
};

/* What is there of the header must be right: garbage is not waited for. */
static bool header_fits(const u8 *data, u32 len)
{
	u32 total;
	u16 type;

	if (len < OFF_TYPE)
		return true;
	total = get_unaligned_be16(data);
	if (total < ALG_PPTP_HEADER || total > ALG_PPTP_MESSAGE_MAX)
		return false;
	if (len < OFF_COOKIE)
		return true;
	type = get_unaligned_be16(data + OFF_TYPE);
	if (type != TYPE_CONTROL && type != TYPE_MANAGEMENT)
		return false;
	return len < OFF_CONTROL || get_unaligned_be32(data + OFF_COOKIE) == ALG_PPTP_COOKIE;
}

static void read_ids(const u8 *data, struct alg_pptp_msg *msg)
{
	int i;

	for (i = 0; i < ALG_PPTP_IDS; i++) {
		msg->whose[i] = types[msg->type].whose[i];
		if (msg->whose[i])
			msg->id[i] = get_unaligned_be16(data + ALG_PPTP_ID_OFF + 2 * i);
	}
	msg->accepted = types[msg->type].result && data[OFF_RESULT] == RESULT_GRANTED;
}

enum alg_parse alg_pptp_parse(const u8 *data, u32 len, struct alg_pptp_msg *msg, u32 *used)
{
	u32 total, control;

	*used = len;
	if (!header_fits(data, len))
		return ALG_PARSE_MALFORMED;
	if (len < ALG_PPTP_HEADER) {
		*used = 0;
		return ALG_PARSE_PARTIAL;
	}
	total = get_unaligned_be16(data);
	control = get_unaligned_be16(data + OFF_CONTROL);
	if (get_unaligned_be16(data + OFF_TYPE) != TYPE_CONTROL || control >= ALG_PPTP_TYPES)
		control = 0;
	if (total < types[control].len)
		return ALG_PARSE_MALFORMED;
	if (len < total) {
		*used = 0;
		return ALG_PARSE_PARTIAL;
	}

	*used = total;
	memset(msg, 0, sizeof(*msg));
	msg->type = control;
	if (control)
		read_ids(data, msg);
	return ALG_PARSE_COMPLETE;
}
