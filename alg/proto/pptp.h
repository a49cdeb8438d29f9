/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PPTP control messages (RFC 2637, 2). Binary, network byte order, each with its length in front. Of interest are the call IDs:
 * each party numbers its end of a call, and GRE packets to a party carry that party's number (RFC 2637, 4.1).
 */
#ifndef NF_ALG_PROTO_PPTP_H
#define NF_ALG_PROTO_PPTP_H

#include "parse.h"

enum alg_pptp_type {	/* control message type */
	ALG_PPTP_START_REQUEST = 1,
	ALG_PPTP_START_REPLY,
	ALG_PPTP_STOP_REQUEST,
	ALG_PPTP_STOP_REPLY,
	ALG_PPTP_ECHO_REQUEST,
	ALG_PPTP_ECHO_REPLY,
	ALG_PPTP_OUT_CALL_REQUEST,
	ALG_PPTP_OUT_CALL_REPLY,
	ALG_PPTP_IN_CALL_REQUEST,
	ALG_PPTP_IN_CALL_REPLY,
	ALG_PPTP_IN_CALL_CONNECTED,
	ALG_PPTP_CALL_CLEAR,
	ALG_PPTP_CALL_DISCONNECT,
	ALG_PPTP_WAN_ERROR,
	ALG_PPTP_SET_LINK_INFO,
	ALG_PPTP_TYPES,
};

#define ALG_PPTP_HEADER		12	/* length, message type, cookie, control type, reserved */
#define ALG_PPTP_COOKIE		0x1a2b3c4du
#define ALG_PPTP_MESSAGE_MAX	1024	/* the longest message has 220 bytes; whoever adds to it may */

/* Who numbers a call: the field holds an ID of the message's sender, or one of its receiver that the sender was told. */
enum alg_pptp_whose {
	ALG_PPTP_NOBODY,
	ALG_PPTP_SENDER,
	ALG_PPTP_RECEIVER,
};

#define ALG_PPTP_ID_OFF		12	/* of the first ID; the second one follows */
#define ALG_PPTP_IDS		2

/**
 * struct alg_pptp_msg - a control message
 * @type:	enum alg_pptp_type; 0: not a control message, or one of no known type
 * @whose:	of the IDs at ALG_PPTP_ID_OFF and behind it
 * @id:		their values
 * @accepted:	a reply that grants the call (result code 1)
 */
struct alg_pptp_msg {
	u8 type;
	u8 whose[ALG_PPTP_IDS];
	u16 id[ALG_PPTP_IDS];
	bool accepted;
};

/**
 * alg_pptp_parse() - one message of a stream
 * @data, @len:	from its first byte on
 * @msg:	valid on COMPLETE
 * @used:	COMPLETE: its length. PARTIAL: nothing may pass. MALFORMED: all of @len, the stream can't be read further
 *
 * Malformed: a length that its type can't have, another cookie, a message type that is neither control nor management.
 */
enum alg_parse alg_pptp_parse(const u8 *data, u32 len, struct alg_pptp_msg *msg, u32 *used);

#endif /* NF_ALG_PROTO_PPTP_H */
