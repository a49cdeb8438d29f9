/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What has to be rewritten in a SIP message when addresses are translated. Pure function: what an address means in this connection
 * is told by the caller; nothing here opens anything.
 */
#ifndef NF_ALG_PROTO_SIP_PLAN_H
#define NF_ALG_PROTO_SIP_PLAN_H

#include "edit.h"
#include "sdp.h"
#include "sip.h"

#define ALG_SIP_PLAN_EDITS	192
#define ALG_SIP_PLAN_BYTES	8192

/**
 * struct alg_sip_nat - what addresses mean for a message
 * @own:	the sender, as it knows itself (the packet's source before translation)
 * @own_public:	the sender, as the receiver sees it
 * @peer:	the receiver, as the sender sees it (the packet's destination before translation)
 * @peer_real:	the receiver, as it knows itself
 * @stream:	the connection is TCP
 * @find:	any other endpoint (its port filled in, 5060 where none was written): what the receiver must see instead. false:
 *		leave it alone. A Contact's listening port, a registration's public endpoint, another subscriber behind the box.
 */
struct alg_sip_nat {
	struct alg_endpoint own, own_public, peer, peer_real;
	bool stream;
	bool (*find)(void *ctx, const struct alg_sip_ref *ref, const struct alg_endpoint *ep, struct alg_endpoint *seen);
	void *ctx;
};

/**
 * struct alg_sip_media_map - what the receiver must see of one m-line
 * @rewrite:	false: leave port, a=rtcp, candidates of this line as they are
 * @rtp, @rtcp:	@rtcp.port 0: there is none (mux, or no RTP). Its address is @rtp's
 *
 * A c-line is rewritten to @rtp's address of the m-lines that use it; the caller gives all m-lines under one c-line the same address.
 */
struct alg_sip_media_map {
	bool rewrite;
	struct alg_endpoint rtp, rtcp;
};

/**
 * alg_sip_plan() - the edits of one message, in order
 * @data:	message
 * @msg:	parsed
 * @sdp:	parsed, or NULL when it has none (or bodies are to be left alone)
 * @nat:	what addresses mean; NULL: leave the headers alone
 * @media:	one for each m-line of @sdp
 * @plan:	empty, with room for ALG_SIP_PLAN_*; less makes large messages fail
 *
 * Headers: an address that is @nat->own with its port (or without one, where 5060 is meant) becomes @own_public; likewise @peer becomes
 * @peer_real, and what @find knows becomes what it says. In Request-URI, Via, Contact, Route, Record-Route, Path, Service-Route
 * and Refer-To the port is part of the match and is written unless it is the one that is meant anyway and none was written. In From, To and the
 * identity headers a missing port stays missing. A Via of @own with another port and without rport becomes @own_public with its port: the answer
 * comes by this connection (the caller sends it to the port that the Via named). received and rport together. maddr by address.
 * Never: Call-ID, tags, branch, authentication.
 * SDP: c=, o= (when its address is one that a c-line had, or @own's), m= ports, a=rtcp (written if the RTCP port is not the next
 * one), a=candidate of type host, and raddr/rport, that name an announced endpoint; a=remote-candidates as endpoints of the other side, by @find.
 * Content-Length of the message and of its part follow.
 *
 * Return: 0; -ENOSPC: the plan is too small, -EMSGSIZE: the message would exceed ALG_SIP_MESSAGE_MAX; @plan is empty then.
 */
int alg_sip_plan(const u8 *data, const struct alg_sip_msg *msg, const struct alg_sdp *sdp, const struct alg_sip_nat *nat,
		 const struct alg_sip_media_map *media, struct alg_plan *plan);

#endif /* NF_ALG_PROTO_SIP_PLAN_H */
