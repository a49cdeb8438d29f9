/* SPDX-License-Identifier: GPL-2.0-only */
/* SDP (RFC 8866): the addresses and ports that media are announced with. */
#ifndef NF_ALG_PROTO_SDP_H
#define NF_ALG_PROTO_SDP_H

#include "endpoint.h"

#define ALG_SDP_MEDIA		16	/* m-lines; a description with more is refused */
#define ALG_SDP_ADDRS		34	/* o= and c= lines */
#define ALG_SDP_CANDIDATES	64	/* a=candidate and parts of a=remote-candidates; more are left alone */

enum alg_sdp_transport {
	ALG_SDP_RTP,		/* any RTP profile over UDP, also with DTLS: RTCP goes with it */
	ALG_SDP_UDP,		/* UDP without RTCP: udp, udptl, UDP/DTLS/SCTP, ... */
	ALG_SDP_TCP,		/* TCP/... (RFC 4145, 4571) */
	ALG_SDP_OTHER,		/* nothing to open */
};

enum alg_sdp_direction { ALG_SDP_SENDRECV, ALG_SDP_SENDONLY, ALG_SDP_RECVONLY, ALG_SDP_INACTIVE };
enum alg_sdp_setup { ALG_SDP_SETUP_NONE, ALG_SDP_ACTIVE, ALG_SDP_PASSIVE, ALG_SDP_ACTPASS, ALG_SDP_HOLDCONN };

/* @ep.family 0: a host name. Port is not used. @off, @len: the address's text, in the message. */
struct alg_sdp_addr {
	u16 off, len;
	struct alg_endpoint ep;
};

/**
 * struct alg_sdp_candidate - an address in a=candidate (RFC 8839, 5.1) or a=remote-candidates (5.2)
 * @off, @len, @port_off, @port_len: texts
 * @media:	index of its m-line
 * @component:	1 RTP, 2 RTCP
 * @tcp:	transport is TCP
 * @host:	type host
 * @remote:	of a=remote-candidates: an address of the other party
 * @related:	the address and port behind raddr and rport
 */
struct alg_sdp_candidate {
	u16 off, len, port_off, port_len;
	u8 media, component;
	bool tcp, host, remote, related;
	struct alg_endpoint ep;
};

/**
 * struct alg_sdp_media - an m-line and what belongs to it
 * @type_off, @type_len: "audio"
 * @port_off, @port_len: digits
 * @port:	0: refused, or bundled
 * @count:	of "port/count", at least 1
 * @count_len:	of "/count", behind the port's digits; 0: it is not written
 * @transport:	enum alg_sdp_transport
 * @addr:	index in addrs of the c-line that counts; ALG_SDP_ADDRS: there is none
 * @rtcp_port:	of a=rtcp (RFC 3605), 0: not given, port + 1 is meant
 * @rtcp_off, @rtcp_len: its digits
 * @rtcp_addr:	index in addrs of the address in a=rtcp, ALG_SDP_ADDRS: none
 * @mux:	a=rtcp-mux (RFC 5761)
 * @bundled:	a=bundle-only
 * @direction:	enum alg_sdp_direction; the session's where the media has none
 * @setup:	enum alg_sdp_setup
 */
struct alg_sdp_media {
	u16 type_off, type_len;
	u16 port_off, port_len;
	u16 port;
	u16 count, count_len;
	u8 transport;
	u8 addr;
	u16 rtcp_port;
	u16 rtcp_off, rtcp_len;
	u8 rtcp_addr;
	bool mux, bundled;
	u8 direction, setup;
};

/**
 * struct alg_sdp - descriptions of one message
 * @addrs:	o=, c= and a=rtcp addresses, in the order of the text
 * @media:	m-lines
 * @candidates:	in the order of the text
 */
struct alg_sdp {
	u8 n_addrs, n_media, n_candidates;
	struct alg_sdp_addr addrs[ALG_SDP_ADDRS];
	struct alg_sdp_media media[ALG_SDP_MEDIA];
	struct alg_sdp_candidate candidates[ALG_SDP_CANDIDATES];
};

/**
 * alg_sdp_parse() - adds one description to @sdp, whose three counts are 0 before the first
 * @data:	the message
 * @off, @len:	the description in it
 *
 * Lines may end in CRLF, LF or CR; order of lines is not insisted on beyond what changes meaning; the first line is
 * v=0. Return: 0; -EINVAL: it breaks the grammar where it matters (a port that is no number, a c-line that is no
 * address and no name, a number out of range); -E2BIG: too many lines. @sdp is then to be thrown away.
 */
int alg_sdp_parse(const u8 *data, u32 off, u32 len, struct alg_sdp *sdp);

#endif /* NF_ALG_PROTO_SDP_H */
