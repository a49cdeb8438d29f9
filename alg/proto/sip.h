/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SIP messages (RFC 3261): start line, the headers that an ALG needs, and every IP address that stands in one of them.
 * Pure function of the bytes; host names are of no interest and not reported. Offsets count from the message's first
 * byte.
 */
#ifndef NF_ALG_PROTO_SIP_H
#define NF_ALG_PROTO_SIP_H

#include "endpoint.h"
#include "parse.h"

#define ALG_SIP_PORT		5060	/* meant where none is written (RFC 3261, 19.1.2) */
#define ALG_SIP_PORT_TLS	5061	/* the same for sips: and TLS */
#define ALG_SIP_MESSAGE_MAX	65535
#define ALG_SIP_REFS		96	/* addresses of one message; one with more is malformed */
#define ALG_SIP_CONTACTS	16
#define ALG_SIP_BODIES		4	/* SDP parts of one message */
#define ALG_SIP_NONE		0xffffffffu	/* a number that is not given */

enum alg_sip_method {
	ALG_SIP_UNKNOWN,	/* a token that is none of these */
	ALG_SIP_INVITE, ALG_SIP_ACK, ALG_SIP_BYE, ALG_SIP_CANCEL, ALG_SIP_REGISTER, ALG_SIP_OPTIONS,	/* RFC 3261 */
	ALG_SIP_PRACK,		/* RFC 3262 */
	ALG_SIP_SUBSCRIBE, ALG_SIP_NOTIFY,	/* RFC 6665 */
	ALG_SIP_UPDATE,		/* RFC 3311 */
	ALG_SIP_MESSAGE,	/* RFC 3428 */
	ALG_SIP_REFER,		/* RFC 3515 */
	ALG_SIP_PUBLISH,	/* RFC 3903 */
	ALG_SIP_INFO,		/* RFC 6086 */
	ALG_SIP_METHODS,
};

enum alg_sip_kind {
	ALG_SIP_REQUEST,
	ALG_SIP_RESPONSE,
	ALG_SIP_KEEPALIVE,	/* CRLFs (RFC 5626, 3.5.1) or NULs, nothing else; of a stream: those before a message */
	ALG_SIP_STUN,		/* RFC 5389, 8: on the same port */
};

/* Header (or line) that an address stands in. */
enum alg_sip_where {
	ALG_SIP_AT_REQUEST_URI, ALG_SIP_AT_VIA, ALG_SIP_AT_FROM, ALG_SIP_AT_TO, ALG_SIP_AT_CONTACT, ALG_SIP_AT_ROUTE,
	ALG_SIP_AT_RECORD_ROUTE, ALG_SIP_AT_PATH, ALG_SIP_AT_SERVICE_ROUTE, ALG_SIP_AT_REFER_TO, ALG_SIP_AT_REFERRED_BY,
	ALG_SIP_AT_REPLY_TO, ALG_SIP_AT_ASSERTED, ALG_SIP_AT_PREFERRED, ALG_SIP_AT_REMOTE_PARTY,
	ALG_SIP_AT_DIVERSION, ALG_SIP_AT_HISTORY,
};

enum alg_sip_part {
	ALG_SIP_HOST,		/* host of a URI, or sent-by of a Via */
	ALG_SIP_MADDR,		/* maddr parameter */
	ALG_SIP_RECEIVED,	/* Via: received parameter; the port is the value of rport, if any (RFC 3581, 4) */
};

#define ALG_SIP_REF_SECURE	0x1	/* sips:, transport=tls, or Via .../TLS: no port means 5061 */
#define ALG_SIP_REF_TCP		0x2	/* transport=tcp, or Via .../TCP */
#define ALG_SIP_REF_RPORT	0x4	/* Via has an rport parameter, with a value or without */
#define ALG_SIP_REF_BRACKETS	0x8	/* the IPv6 address is in brackets, which belong to the text */

/**
 * struct alg_sip_ref - an IP address in a message and the port that goes with it
 * @off, @len:	the address's text, with its brackets
 * @port_off, @port_len: digits of the port. @port_len 0: none is written; ':' and a port may be inserted at @off + @len
 *		(HOST)
 * @where:	enum alg_sip_where
 * @part:	enum alg_sip_part
 * @flags:	ALG_SIP_REF_*
 * @ep:		port 0: none is written
 *
 * @rport:	HOST of a Via without received: value of rport, @rport_len digits at @rport_off; 0: there is none. Who finds sent-by
 *		right need not add received (RFC 3261, 18.2.1)
 *
 * In the order in which they stand in the message. RECEIVED comes at its own place behind its Via's HOST; its rport may
 * stand before or behind it (then @port_off is smaller or larger than @off; the two texts never overlap).
 */
struct alg_sip_ref {
	u16 off, len;
	u16 port_off, port_len;
	u8 where, part, flags;
	u8 rport_len;
	u16 rport_off, rport;
	struct alg_endpoint ep;
};

struct alg_sip_span {
	u16 off, len;
};

/**
 * struct alg_sip_contact - one value of Contact
 * @ref:	index of its URI's host; ALG_SIP_REFS when that is a name
 * @expires:	its parameter in seconds, ALG_SIP_NONE when not given
 * @uri:	the URI without angle brackets
 */
struct alg_sip_contact {
	u8 ref;
	u32 expires;
	struct alg_sip_span uri;
};

/*
 * A body or a part of a multipart body that is SDP. @length: digits of this part's own Content-Length, len 0: it has
 * none.
 */
struct alg_sip_body {
	u16 off, len;
	struct alg_sip_span length;
};

/**
 * struct alg_sip_msg - a message; filled in by alg_sip_parse(), the arrays as far as their counts say
 * @kind:	enum alg_sip_kind; for the last two everything else is zero
 * @method:	enum alg_sip_method; of a response the one in its CSeq
 * @status:	of a response, 100 to 699
 * @cseq:	number
 * @method_text, @call_id, @from_tag, @to_tag, @branch: text; len 0: not there. @branch of the topmost Via
 * @from_uri, @to_uri: without angle brackets and URI parameters, for people
 * @expires, @session_expires, @content_length: values, ALG_SIP_NONE when not given
 * @length:	digits of Content-Length
 * @length_again: digits of a second Content-Length, which says the same; len 0: there is none
 * @header_len:	bytes up to and with the empty line
 * @body_len:	bytes of the body: Content-Length, or what is there over UDP
 * @star:	a Contact is "*" (RFC 3261, 10.2.2)
 * @multipart:	the body is multipart/...; @bodies are parts of it
 * @too_many:	parts or contacts were left out
 * @top_via:	index of the topmost Via's HOST in @refs, ALG_SIP_REFS if that is a name
 */
struct alg_sip_msg {
	u8 kind, method;
	u16 status;
	u32 cseq;
	struct alg_sip_span method_text, call_id, from_tag, to_tag, branch, from_uri, to_uri;
	u32 expires, session_expires, content_length;
	struct alg_sip_span length, length_again;
	u16 header_len;
	u32 body_len;
	bool star, multipart, too_many;
	u8 top_via;
	u8 n_refs, n_contacts, n_bodies;
	struct alg_sip_contact contacts[ALG_SIP_CONTACTS];
	struct alg_sip_body bodies[ALG_SIP_BODIES];
	struct alg_sip_ref refs[ALG_SIP_REFS];
};

/**
 * alg_sip_parse() - one message
 * @data, @len:	from its first byte on
 * @stream:	true: TCP. The message ends where Content-Length says, which must be there when a body is (RFC 3261,
 *		18.3), and may be PARTIAL. false: a datagram is one message; bytes behind Content-Length are not its
 *		own, a length beyond the datagram is malformed. Never PARTIAL.
 * @header_max:	longest header section that is looked at; a longer one is malformed (not less than 256)
 * @msg:	valid on COMPLETE
 * @used:	COMPLETE, MALFORMED: bytes of the message. Where the end of a malformed message can't be told: all of
 *		@len. PARTIAL: 0
 *
 * A stream's message whose body is neither SDP nor multipart is COMPLETE as soon as its header section is there: @used
 * is then larger than @len where the body has not all come, and the caller lets the rest pass. Likewise a malformed
 * message whose length is known, and STUN.
 *
 * A datagram may begin with CRLFs; @msg->header_len counts them.
 *
 * What RFC 4475, 3.1.1 calls valid is COMPLETE, however odd. Malformed: a start line, Via, From, To, CSeq, Call-ID that
 * is missing or breaks its grammar in a way that matters to an element on the path, a CSeq method other than the
 * request's, a number out of range, two different Content-Lengths or more than two, From, To, Call-ID or CSeq twice,
 * SIP versions other than 2.0. Folding (RFC 3261, 7.3.1), compact names, any case, white space around the colon, quoted
 * strings with escapes. Likewise malformed: a Contact that breaks its grammar, two Content-Types, a multipart without
 * boundary. Other headers with addresses that break theirs are as if they were not there; an Expires that is no number
 * means 3600 (RFC 4475, 3.1.2.4).
 */
enum alg_parse alg_sip_parse(const u8 *data, u32 len, bool stream, u32 header_max, struct alg_sip_msg *msg, u32 *used);

/*
 * Offset of the first line that could start a message, from @data's first byte or behind an LF; @len: none. A line that has not
 * all come counts if its first word is a method in capitals, or the version, or begins so.
 */
u32 alg_sip_find_start(const u8 *data, u32 len);

/* "INVITE"; "unknown" for a number that is none. */
const char *alg_sip_method_name(enum alg_sip_method method);

#endif /* NF_ALG_PROTO_SIP_H */
