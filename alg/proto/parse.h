/* SPDX-License-Identifier: GPL-2.0-only */
/* What every parser answers. */
#ifndef NF_ALG_PROTO_PARSE_H
#define NF_ALG_PROTO_PARSE_H

#include "env.h"

/**
 * enum alg_parse - a parser's answer about the bytes from a message's first byte on
 * @ALG_PARSE_COMPLETE:	one message, *used bytes long; the result is filled in (it may say "not of interest")
 * @ALG_PARSE_PARTIAL:	the message goes on after the last byte and may be of interest: keep the bytes, ask again with more;
 *			*used leading bytes may pass meanwhile, no edit will begin in them
 * @ALG_PARSE_SKIP:	the message goes on after the last byte but is of no interest whatever follows: *used bytes may
 *			pass at once, and the parser wants to be told that it starts inside a message (alg_stream: @skipping)
 * @ALG_PARSE_MALFORMED: *used bytes (at least one) are a message that breaks its grammar; pass them, open nothing, go on behind
 */
enum alg_parse {
	ALG_PARSE_COMPLETE,
	ALG_PARSE_PARTIAL,
	ALG_PARSE_SKIP,
	ALG_PARSE_MALFORMED,
};

#endif /* NF_ALG_PROTO_PARSE_H */
