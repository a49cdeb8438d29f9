/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A dialog of a call (RFC 3261, 12), seen from a box between its two sides: which requests are open, whose turn it is
 * to answer an offer (RFC 3264, RFC 6337, 2.2), and when it is over. No addresses, no tags, no time.
 */
#ifndef NF_ALG_PROTO_SIP_DIALOG_H
#define NF_ALG_PROTO_SIP_DIALOG_H

#include "sip.h"

enum alg_sip_dialog_state {
	ALG_SIP_DIALOG_NONE,		/* nothing seen */
	ALG_SIP_DIALOG_EARLY,		/* INVITE, no final response */
	ALG_SIP_DIALOG_CANCELLED,	/* the same, and the caller has given up */
	ALG_SIP_DIALOG_CONFIRMED,	/* 2xx */
	ALG_SIP_DIALOG_ENDED,
};

/**
 * struct alg_sip_transaction - a request that may carry an offer
 * @cseq:	its number, of the numbers of side @side
 * @method:	INVITE, UPDATE or PRACK; 0: none
 * @side:	who sent it, 0 or 1
 * @offer:	it carried an offer, so that the response's description is an answer
 * @open:	no final response yet
 */
struct alg_sip_transaction {
	u32 cseq;
	u8 method;
	u8 side;
	bool offer;
	bool open;
};

/**
 * struct alg_sip_dialog - zeroed before the first message; copied when an INVITE forks
 * @state:	enum alg_sip_dialog_state
 * @caller:	side that began it
 * @invite:	the last INVITE of each side: both may be open (RFC 3261, 14.1, glare). One without offer: its 2xx or
 *		reliable 1xx makes it, ACK or PRACK answers
 * @other:	the last UPDATE or PRACK
 * @cseq:	of each side's last request, whatever its method; valid where bit @side of @numbered is set
 */
struct alg_sip_dialog {
	u8 state, caller;
	struct alg_sip_transaction invite[2], other;
	u32 cseq[2];
	u8 numbered;
};

/**
 * struct alg_sip_event - a message as a dialog sees it
 * @side:	who sent it, 0 or 1
 * @status:	0: a request
 * @method:	enum alg_sip_method, of a response that of its CSeq
 * @cseq:	number
 * @sdp:	it has a description
 */
struct alg_sip_event {
	u8 side;
	u16 status;
	u8 method;
	u32 cseq;
	bool sdp;
};

/* What a message means. ALIVE is missing where it is no part of the dialog, or stale: then nothing is to be done. */
#define ALG_SIP_ALIVE		0x01
#define ALG_SIP_OFFER		0x02	/* its description is an offer, perhaps once more */
#define ALG_SIP_ANSWER		0x04	/* its description is an answer, perhaps once more */
#define ALG_SIP_COMMIT		0x08	/* what both said last counts for good */
#define ALG_SIP_RESTORE		0x10	/* what was offered since the last COMMIT is void, and its answers */
#define ALG_SIP_ANSWERED	0x20	/* the call is accepted */
#define ALG_SIP_END		0x40	/* the dialog is over */
#define ALG_SIP_AGAIN		0x80	/* with END: the caller is expected to try again by himself */
#define ALG_SIP_GIVEN_UP	0x100	/* the caller has cancelled: only a 2xx that crosses makes a call of it yet */
#define ALG_SIP_ONE		0x200	/* with RESTORE: only of who asked, the other side has an offer open itself */

/* Return: mask of ALG_SIP_*; @dialog has moved on. */
u32 alg_sip_dialog_step(struct alg_sip_dialog *dialog, const struct alg_sip_event *event);

#endif /* NF_ALG_PROTO_SIP_DIALOG_H */
