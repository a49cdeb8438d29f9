/* SPDX-License-Identifier: GPL-2.0-only */
/* TFTP requests (RFC 1350, options RFC 2347-2349 and 7440). */
#ifndef NF_ALG_PROTO_TFTP_H
#define NF_ALG_PROTO_TFTP_H

#include "parse.h"

enum alg_tftp_kind {
	ALG_TFTP_OTHER,	/* DATA, ACK, ERROR, OACK: nothing to do */
	ALG_TFTP_RRQ,
	ALG_TFTP_WRQ,
};

struct alg_tftp_msg {
	u8 kind;
};

#define ALG_TFTP_REQUEST_MAX 512	/* bytes of a request (RFC 2347) */

/*
 * One datagram. COMPLETE or MALFORMED, never PARTIAL; *@msg is valid on COMPLETE.
 * A request is a filename, a mode, and pairs of option name and value, each ended by a NUL; only a value may be empty.
 * An unknown opcode is malformed.
 */
enum alg_parse alg_tftp_parse(const u8 *data, u32 len, struct alg_tftp_msg *msg);

#endif /* NF_ALG_PROTO_TFTP_H */
