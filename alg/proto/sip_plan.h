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
 * @peer_real:	the receiver, as it knows itself. A user agent that does its own NAT traversal knows itself by its public endpoint:
 *		equal to @peer for such (alg_sip_knows_public())
 * @stream:	the connection is TCP
 * @via_port:	of a response over UDP: the port that the receiver wrote in its Via, when its requests come from another (what the
 *		caller remembered of the request: its topmost Via's port, 5060 if none, where that has no rport); 0: @peer_real's
 * @find:	any other endpoint (its port filled in, 5060 where none was written): what the receiver must see instead. false:
 *		leave it alone. A Contact's listening port, a registration's public endpoint, another subscriber behind the box.
 *		@own's and @peer's address with another port come here as well, before anything else is thought of. @ref: NULL
 *		for an address in a=remote-candidates
 */
struct alg_sip_nat {
	struct alg_endpoint own, own_public, peer, peer_real;
	bool stream;
	u16 via_port;
	bool (*find)(void *ctx, const struct alg_sip_ref *ref, const struct alg_endpoint *ep, struct alg_endpoint *seen);
	void *ctx;
};

/**
 * struct alg_sip_media_map - what the receiver must see of one m-line
 * @rewrite:	false: leave port, a=rtcp, candidates of this line as they are
 * @count:	of port/count, where the receiver can have fewer than are written; 0: as many
 * @rtp, @rtcp:	@rtcp.port 0: there is none (mux, or no RTP). Its address is @rtp's
 *
 * A c-line is rewritten to @rtp's address when all its m-lines with a port other than 0 are rewritten, and to that of the first;
 * those that need another get a c-line of their own. A c-line that is 0.0.0.0, ::, a name, or of another family than @rtp stays.
 */
struct alg_sip_media_map {
	bool rewrite;
	u16 count;
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
 * Headers: an address that is @nat->own with its port (or without one, where 5060 is meant) becomes @own_public; likewise @peer
 * becomes @peer_real, and what @find knows becomes what it says. The port is part of the match and is written unless it is the one
 * that is meant anyway and none was written. With another port, or where ports don't count:
 *  From, To, Referred-By, Reply-To, identities: the address is mapped. A missing port stays missing, another one stays.
 *  Request-URI: likewise for @peer.
 *  topmost Via: of a request, @own with another port: over UDP and without rport it becomes @own_public, the answer comes by this
 *	connection (the caller sends it to the port that the Via named, and says it in @via_port); otherwise its port stays, for
 *	the answer goes to rport, or over the connection. Of a response, @peer with another port: the port stays.
 *  Contact: @own with another port becomes @own_public, so that requests come by this connection; but not in what lists others'
 *	contacts (3xx to 6xx, responses to REGISTER).
 *  Route, Record-Route, Path, Service-Route: over TCP, where nobody listens at the port that he sends from, the port stays.
 *  received: with the value of rport, or alone where it has none. maddr: by address, no port.
 * "The port stays" only if it is not the other's of the pair: the answer is to lead back to exactly what was written.
 * Never: Call-ID, tags, branch, authentication.
 * SDP: c=, o= (@own's address, or one that a rewritten m-line's c-line had), m= ports, a=rtcp (written if the RTCP port is not the
 * next one), a=candidate of type host, and raddr/rport, that name an announced endpoint; a=remote-candidates by @find.
 * Content-Length of the message and of its part follow. A message without stays without.
 *
 * Return: 0; -ENOSPC: the plan is too small, -EMSGSIZE: the message would exceed ALG_SIP_MESSAGE_MAX; @plan is empty then.
 */
int alg_sip_plan(const u8 *data, const struct alg_sip_msg *msg, const struct alg_sdp *sdp, const struct alg_sip_nat *nat,
		 const struct alg_sip_media_map *media, struct alg_plan *plan);

/*
 * Does the sender of this request know itself by its public address? It learnt it (STUN) or was told: its topmost Via says so. Then
 * answers and requests to it keep that address (@peer_real = @peer) as long as it does.
 */
static inline bool alg_sip_knows_public(const struct alg_sip_msg *msg, const struct alg_sip_nat *nat)
{
	const struct alg_endpoint *via;

	if (msg->kind != ALG_SIP_REQUEST || msg->top_via >= msg->n_refs)
		return false;
	via = &msg->refs[msg->top_via].ep;
	return via->family == nat->own_public.family && !memcmp(via->addr, nat->own_public.addr, sizeof(via->addr)) &&
	       memcmp(via->addr, nat->own.addr, sizeof(via->addr));
}

#endif /* NF_ALG_PROTO_SIP_PLAN_H */
