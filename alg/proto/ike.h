/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One datagram of IKE's ports: IKEv1 (RFC 2408, RFC 2409), IKEv2 (RFC 7296), and what else comes to udp/4500 (RFC 3948). Of
 * interest are who talks to whom (SPIs), whether the exchange makes ESP SAs, and whether the peers find out about NAT by
 * themselves. All of it is in clear and protected by nothing: whoever acts on it must be able to afford that it is a lie.
 */
#ifndef NF_ALG_PROTO_IKE_H
#define NF_ALG_PROTO_IKE_H

#include "env.h"

#define ALG_IKE_HEADER		28
#define ALG_IKE_PORT		500
#define ALG_IKE_PORT_NATT	4500
#define ALG_IKE_PAYLOADS_MAX	64	/* of one message, in clear */

/* What a datagram is. */
enum alg_ike_what {
	ALG_IKE_MALFORMED,	/* msg->bad says why */
	ALG_IKE_MESSAGE,
	ALG_IKE_KEEPALIVE,	/* one byte 0xff (RFC 3948, 2.3) */
	ALG_IKE_ESP,		/* ESP in UDP (RFC 3948, 2.1): msg->spi, msg->seq */
};

/* X(symbol, "name", "what is wrong") */
#define ALG_IKE_BAD_LIST(X)									\
	X(NOTHING, "well-formed", "Nothing.")							\
	X(SHORT, "short", "Shorter than a header.")						\
	X(ZERO_SPI, "zero-spi", "The initiator's SPI is zero (RFC 7296, 3.1), as in ESP of drafts that used udp/500.")	\
	X(VERSION, "version", "A major version other than 1 and 2.")				\
	X(LENGTH, "length", "The length in the header is more than there is, or less than a header.")	\
	X(PAYLOAD, "payload", "A payload shorter than its header, or beyond the message's end.")	\
	X(PAYLOADS, "payloads", "More payloads than any peer sends.")				\
	X(NOTIFY, "notify", "A notify payload shorter than its fields.")			\
	X(FRAGMENT, "fragment", "A fragment without number, or behind the last one.")

enum alg_ike_bad {
#define X(symbol, name, text) ALG_IKE_BAD_##symbol,
	ALG_IKE_BAD_LIST(X)
#undef X
	ALG_IKE_BADS,
};

const char *alg_ike_bad_name(enum alg_ike_bad bad);

enum alg_ike_exchange {
	/* IKEv1: RFC 2408, 3.1; RFC 2409, appendix A; transaction: draft-dukes-ike-mode-cfg */
	ALG_IKE_BASE = 1,
	ALG_IKE_MAIN = 2,
	ALG_IKE_AUTH_ONLY = 3,
	ALG_IKE_AGGRESSIVE = 4,
	ALG_IKE_INFO_V1 = 5,
	ALG_IKE_TRANSACTION = 6,
	ALG_IKE_QUICK = 32,
	ALG_IKE_NEW_GROUP = 33,
	/* IKEv2: RFC 7296, 3.1; RFC 5723; RFC 9242; RFC 9370 */
	ALG_IKE_SA_INIT = 34,
	ALG_IKE_AUTH = 35,
	ALG_IKE_CREATE_CHILD_SA = 36,
	ALG_IKE_INFORMATIONAL = 37,
	ALG_IKE_SESSION_RESUME = 38,
	ALG_IKE_INTERMEDIATE = 43,
	ALG_IKE_FOLLOWUP_KE = 44,
};

/* What an exchange does, as far as ESP goes. */
enum alg_ike_kind {
	ALG_IKE_KIND_OTHER,
	ALG_IKE_KIND_PHASE1,	/* sets an IKE SA up */
	ALG_IKE_KIND_CREATES,	/* may make ESP SAs: IKEv1 quick mode; IKE_AUTH, CREATE_CHILD_SA and what follows it */
	ALG_IKE_KIND_INFO,	/* deletes, errors, liveness */
};

/* msg->signs: seen in clear */
#define ALG_IKE_VID_RFC3947	0x0001	/* vendor ID of NAT traversal */
#define ALG_IKE_VID_DRAFT	0x0002	/* of its drafts 02 and 03 */
#define ALG_IKE_NAT_D		0x0004	/* RFC 3947, 3.2: payload 20; drafts: 130 */
#define ALG_IKE_NAT_SOURCE	0x0008	/* RFC 7296, 2.23: notify 16388 */
#define ALG_IKE_NAT_DESTINATION	0x0010	/* notify 16389 */
#define ALG_IKE_COOKIE		0x0020	/* RFC 7296, 2.6 */
#define ALG_IKE_INVALID_KE	0x0040	/* RFC 7296, 1.3 */
#define ALG_IKE_FRAGMENTS	0x0080	/* RFC 7383, 2.3: its sender understands fragments */
#define ALG_IKE_REDIRECTED	0x0100	/* RFC 5685, 3 */
#define ALG_IKE_NAT_SIGNS	(ALG_IKE_VID_RFC3947 | ALG_IKE_VID_DRAFT | ALG_IKE_NAT_D | ALG_IKE_NAT_SOURCE | \
				 ALG_IKE_NAT_DESTINATION)

/**
 * struct alg_ike_msg - a datagram
 * @bad:	enum alg_ike_bad
 * @version:	major: 1 or 2
 * @exchange:	as on the wire; other values than enum alg_ike_exchange's are possible
 * @kind:	enum alg_ike_kind
 * @flags:	as on the wire
 * @initiator:	IKEv2: its sender is the IKE SA's original initiator
 * @response:	IKEv2: answers the message with the same ID that went the other way
 * @first:	begins an IKE SA: phase 1 without a responder's SPI, not a response
 * @encrypted:	IKEv1: the flag, unless it is a fragment. IKEv2: there is a payload SK or SKF
 * @marker:	came behind the non-ESP marker (RFC 3948, 2.2)
 * @ispi, @rspi: SPIs (cookies) of the IKE SA's initiator and responder
 * @id:		message ID
 * @length:	of the message, marker and what is behind it not counted
 * @payload:	type of the first payload, 0: none
 * @n_payloads:	payloads in clear, SK and SKF counted
 * @frag:	number of the fragment (RFC 7383, 2.5; IKEv1: payload 132), from 1 on; 0: none
 * @frags:	how many there are, 0: not known (IKEv1, but for the last)
 * @frag_id:	IKEv1: of all fragments of a message
 * @signs:	ALG_IKE_...
 * @error:	first notify of an error in clear (RFC 7296, 3.10.1; RFC 2408, 3.14.1), 0: none
 * @spi, @seq:	of ESP
 */
struct alg_ike_msg {
	u8 bad;
	u8 version;
	u8 exchange;
	u8 kind;
	u8 flags;
	bool initiator;
	bool response;
	bool first;
	bool encrypted;
	bool marker;
	u8 payload;
	u8 n_payloads;
	u64 ispi, rspi;
	u32 id;
	u32 length;
	u16 frag, frags, frag_id;
	u16 signs;
	u16 error;
	u32 spi, seq;
};

/**
 * alg_ike_parse() - a datagram's payload
 * @data, @len:	all of it
 * @natt:	one of its ports is 4500: ESP or the marker is in front
 * @msg:	filled in whatever the answer is; of a malformed datagram as far as it was read
 *
 * Bytes behind the message's own length are nobody's business.
 */
enum alg_ike_what alg_ike_parse(const u8 *data, u32 len, bool natt, struct alg_ike_msg *msg);

/*
 * Of two messages that went the same way: is one the other again? IKEv1's message IDs don't tell the messages of one exchange from
 * each other, so their first payload and length must. (A repetition is the same bytes: RFC 7296, 2.1.)
 */
bool alg_ike_repeats(const struct alg_ike_msg *a, const struct alg_ike_msg *b);

#endif /* NF_ALG_PROTO_IKE_H */
