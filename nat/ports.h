/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which public ports a pinhole may take, in which order. Freestanding: see alg/proto/env.h. Ports are in host byte
 * order.
 *
 * A tenant's port range [min, max] is cut into aligned blocks of @block ports, one for each subscriber (block 0: the
 * range is one block; min 0: no range). The control connection's public port, the anchor, tells the block: what a
 * pinhole takes stays inside. An anchor outside the range belongs to a server that is forwarded statically; its
 * pinholes take ports outside the range, never in a subscriber's block. Ports below 1024 are taken only if the block
 * has no others.
 */
#ifndef NF_ALG_NAT_PORTS_H
#define NF_ALG_NAT_PORTS_H

#include "../alg/proto/env.h"

#define NF_ALG_PORT_TRIES 256	/* candidates of one iteration */
/* Even ports whose successor is allowed as well: RTP and RTCP (RFC 3550, 11; RFC 4787, REQ-6). */
#define NF_ALG_PORT_EVEN  0x1

/**
 * struct nf_alg_port_iter - one walk over the candidates; the fields are its own
 * @lo:		one or two ranges of allowed ports, ascending (of even ports, each with its successor inside, if EVEN)
 * @count:	candidates in each range
 * @step:	distance of candidates
 * @want:	the port to be tried first, 0 if none or not allowed
 * @pos:	index of the next candidate
 * @left:	candidates of the walk not looked at yet
 * @tries:	candidates that may still be handed out
 * @first:	nothing was handed out yet
 */
struct nf_alg_port_iter {
	u32 lo[2];
	u32 count[2];
	u32 step;
	u16 want;
	u32 pos;
	u32 left;
	u32 tries;
	bool first;
};

/*
 * The ports that belong to the anchor's block. Return: false if no block applies (no range is configured, or the
 * anchor is outside); @lo and @hi are then 1024 and 65535.
 */
bool nf_alg_port_range(u16 anchor, u16 min, u16 max, u16 block, u16 *lo, u16 *hi);

/* May a pinhole of this anchor take the port @want? */
bool nf_alg_port_allowed(u16 want, u16 anchor, u16 min, u16 max, u16 block);

/*
 * @want: the original port, handed out first if it is allowed. The rest is walked from a place that @seed tells, each
 * port at most once, NF_ALG_PORT_TRIES at most in all: up to that size every allowed port is handed out.
 */
void nf_alg_port_iter_init(struct nf_alg_port_iter *it, u16 want, u16 anchor, u16 min, u16 max, u16 block,
			   unsigned int flags, u32 seed);

/* false: no more candidates. */
bool nf_alg_port_iter_next(struct nf_alg_port_iter *it, u16 *port);

#endif /* NF_ALG_NAT_PORTS_H */
