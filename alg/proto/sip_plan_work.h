/* SPDX-License-Identifier: GPL-2.0-only */
/* Between sip_plan.c (headers, entry) and sip_plan_sdp.c (bodies) only. */
#ifndef NF_ALG_PROTO_SIP_PLAN_WORK_H
#define NF_ALG_PROTO_SIP_PLAN_WORK_H

#include "sip_plan.h"

#define SIP_PLAN_TEXT	(ALG_ADDR_TEXT + 2 + 1 + 5)	/* "[address]:65535" */
#define SIP_PLAN_SHORT	24				/* "255.255.255.255:65535" */

/* An address that was formatted. @len 0: none yet. */
struct sip_plan_text {
	struct alg_endpoint ep;
	u8 len;
	char text[ALG_ADDR_TEXT];
};

/**
 * struct sip_plan - a plan in the making
 * @texts:	the last two addresses; a message has hardly more
 * @last:	the one that was used last
 * @full:	an edit did not fit
 * @rewrites:	bit for each m-line that is rewritten
 */
struct sip_plan {
	const u8 *data;
	const struct alg_sip_msg *msg;
	const struct alg_sdp *sdp;
	const struct alg_sip_nat *nat;
	const struct alg_sip_media_map *media;
	struct alg_plan *plan;
	struct sip_plan_text texts[2];
	u8 last;
	bool full;
	u32 rewrites;
};

static inline bool sip_same_addr(const struct alg_endpoint *a, const struct alg_endpoint *b)
{
	return a->family == b->family && !memcmp(a->addr, b->addr, sizeof(a->addr));
}

/* Replaces @old_len bytes at @off unless they are @text already, of which SIP_PLAN_SHORT can be read. */
void sip_plan_put(struct sip_plan *p, u32 off, u32 old_len, const char *text, u32 len);
void sip_plan_put_u32(struct sip_plan *p, u32 off, u32 old_len, u32 value);

/* Text of @ep's address to @out, which has room for ALG_ADDR_TEXT. Return: its length. */
u32 sip_plan_addr(struct sip_plan *p, const struct alg_endpoint *ep, char *out);

/* All bodies; part lengths, not the message's. */
void sip_plan_bodies(struct sip_plan *p);

#endif /* NF_ALG_PROTO_SIP_PLAN_WORK_H */
