// SPDX-License-Identifier: GPL-2.0-only
/* Edits in session descriptions. */
#include "sip_plan.h"
#include "sip_plan_work.h"
#include "poison.h"

/* RFC 3264, 8.4: 0.0.0.0 (and ::) as an address means hold. A name is nothing to rewrite either. */
static bool sdp_unspecified(const struct alg_endpoint *ep)
{
	static const u8 zero[16];

	return !ep->family || !memcmp(ep->addr, zero, sizeof(zero));
}

/* Address that an m-line announces, NULL: there is no c-line. */
static const struct alg_endpoint *sdp_announced(const struct sip_plan *p, const struct alg_sdp_media *m)
{
	return m->addr < p->sdp->n_addrs ? &p->sdp->addrs[m->addr].ep : NULL;
}

static bool sdp_rewrites(const struct sip_plan *p, unsigned int i)
{
	return p->rewrites & 1U << i;
}

/* Is m-line @i to be rewritten? Port 0 is refused or bundled (RFC 3264, 6; RFC 8843) and stays. */
static bool sdp_to_rewrite(const struct sip_plan *p, unsigned int i)
{
	const struct alg_sdp_media *m = &p->sdp->media[i];
	const struct alg_sip_media_map *map = &p->media[i];
	const struct alg_endpoint *addr = sdp_announced(p, m);

	return map->rewrite && map->rtp.port && m->port && (!addr || addr->family == map->rtp.family);
}

/*
 * New address of c-line @addr: what its m-lines need, of several the first; NULL: it stays, for one must keep it. *@used: an m-line
 * that is not refused uses it; else it counts no more than o= does.
 */
static const struct alg_endpoint *sdp_line_address(const struct sip_plan *p, unsigned int addr, bool *used)
{
	const struct alg_endpoint *to = NULL;
	bool keep = false;
	unsigned int i;

	*used = false;
	for (i = 0; i < p->sdp->n_media; i++) {
		const struct alg_sdp_media *m = &p->sdp->media[i];

		if (m->addr != addr || !m->port)
			continue;
		*used = true;
		if (!sdp_rewrites(p, i))
			keep = true;
		else if (!to)
			to = &p->media[i].rtp;
	}
	return keep ? NULL : to;
}

/* New address of what is no m-line's: o=, or a c-line that every m-line overrides. NULL: it stays. */
static const struct alg_endpoint *sdp_origin_address(const struct sip_plan *p, const struct alg_endpoint *old)
{
	const struct alg_sip_nat *nat = p->nat;
	unsigned int i;

	/* RFC 8866, 5.2: the same for all of a session's life, whatever becomes of its media */
	if (nat && sip_same_addr(old, &nat->own) && nat->own_public.family == old->family &&
	    !sip_same_addr(&nat->own, &nat->own_public))
		return &nat->own_public;
	for (i = 0; i < p->sdp->n_media; i++) {
		const struct alg_endpoint *addr = sdp_announced(p, &p->sdp->media[i]);

		if (addr && sip_same_addr(addr, old) && sdp_rewrites(p, i))
			return &p->media[i].rtp;
	}
	return NULL;
}

static void sdp_put_addr(struct sip_plan *p, u32 off, u32 len, const struct alg_endpoint *old, const struct alg_endpoint *to)
{
	char text[ALG_ADDR_TEXT] ALG_UNINIT;

	if (!sip_same_addr(old, to))
		sip_plan_put(p, off, len, text, sip_plan_addr(p, to, text));
}

/* An m-line's a=rtcp address: NULL if addr @addr is none. */
static const struct alg_endpoint *sdp_rtcp_address(const struct sip_plan *p, unsigned int addr, bool *found)
{
	unsigned int i;

	for (i = 0; i < p->sdp->n_media; i++) {
		const struct alg_sip_media_map *map = &p->media[i];

		if (p->sdp->media[i].rtcp_addr != addr)
			continue;
		*found = true;
		if (sdp_rewrites(p, i) && (map->rtcp.port || p->sdp->media[i].mux))
			return map->rtcp.port ? &map->rtcp : &map->rtp;
	}
	return NULL;
}

static void sdp_plan_addr(struct sip_plan *p, unsigned int i)
{
	const struct alg_sdp_addr *a = &p->sdp->addrs[i];
	const struct alg_endpoint *to;
	bool used, rtcp = false;

	if (sdp_unspecified(&a->ep))
		return;
	to = sdp_line_address(p, i, &used);
	if (!used)
		to = sdp_rtcp_address(p, i, &rtcp);
	if (!used && !rtcp)
		to = sdp_origin_address(p, &a->ep);
	if (to && to->family == a->ep.family)
		sdp_put_addr(p, a->off, a->len, &a->ep, to);
}

/* ---- lines ---- */

static bool sdp_eol(u8 c)
{
	return c == '\r' || c == '\n';
}

/* First byte behind the line that @at is in, at most @end. */
static u32 sdp_next_line(const u8 *data, u32 at, u32 end)
{
	while (at < end && !sdp_eol(data[at]))
		at++;
	if (at + 1 < end && data[at] == '\r' && data[at + 1] == '\n')
		return at + 2;
	return at < end ? at + 1 : end;
}

/* First byte of the line that @at is in. */
static u32 sdp_line(const u8 *data, u32 at, u32 start)
{
	while (at > start && !sdp_eol(data[at - 1]))
		at--;
	return at;
}

/* A new line at @at, where one begins or the description ends. It ends as the one before it does. */
static void sdp_put_line(struct sip_plan *p, u32 at, const char *line, u32 len)
{
	const u8 *before = p->data + at;
	char text[SIP_PLAN_TEXT + 16] ALG_UNINIT;
	bool open = !sdp_eol(before[-1]);
	u32 n = 0;

	if (open) {
		text[n++] = '\r';
		text[n++] = '\n';
	}
	memcpy(text + n, line, len);
	n += len;
	if (!open) {
		if (before[-1] == '\n' && before[-2] == '\r')
			text[n++] = '\r';
		text[n++] = (char)before[-1];
	}
	sip_plan_put(p, at, 0, text, n);
}

/* A c-line for one m-line, where the session's is not its own (RFC 8866, 5.7): behind m= and i= (9, media-description). */
static void sdp_insert_address(struct sip_plan *p, const struct alg_sdp_media *m, const struct alg_endpoint *to, u32 end)
{
	u32 at = sdp_next_line(p->data, m->port_off, end);
	char line[SIP_PLAN_TEXT + 12] = "c=IN IP";

	while (at + 1 < end && p->data[at] == 'i' && p->data[at + 1] == '=')
		at = sdp_next_line(p->data, at, end);
	line[7] = to->family == 4 ? '4' : '6';
	line[8] = ' ';
	sdp_put_line(p, at, line, 9 + sip_plan_addr(p, to, line + 9));
}

/* ---- m-lines ---- */

/* Port that a=rtcp (RFC 3605) has to say, 0: it stays. With mux it is RTP's (RFC 5761, 5.1.3). */
static u16 sdp_rtcp_port(const struct alg_sdp_media *m, const struct alg_sip_media_map *map)
{
	if (map->rtcp.port)
		return map->rtcp.port;
	return m->mux ? map->rtp.port : 0;
}

static void sdp_plan_rtcp(struct sip_plan *p, const struct alg_sdp_media *m, const struct alg_sip_media_map *map, u32 end)
{
	u16 port = sdp_rtcp_port(m, map);
	char line[16] = "a=rtcp:";

	if (m->rtcp_len) {
		if (port && port != m->rtcp_port)
			sip_plan_put_u32(p, m->rtcp_off, m->rtcp_len, port);
	} else if (map->rtcp.port && map->rtcp.port != map->rtp.port + 1) {
		/* RFC 3605, 2.1: for one m-line; attributes are what its section ends with */
		sdp_put_line(p, end, line, 7 + alg_format_u32(line + 7, port));
	}
}

/* What an endpoint that @m announced is now, NULL: it announced another. */
static const struct alg_endpoint *sdp_moved(const struct sip_plan *p, const struct alg_sdp_media *m,
					    const struct alg_sip_media_map *map, const struct alg_endpoint *ep)
{
	const struct alg_endpoint *rtp = sdp_announced(p, m), *rtcp = rtp;

	if (!rtp)
		return NULL;
	if (ep->port == m->port && sip_same_addr(ep, rtp))
		return &map->rtp;
	if (m->rtcp_addr < p->sdp->n_addrs)
		rtcp = &p->sdp->addrs[m->rtcp_addr].ep;
	if (map->rtcp.port && ep->port == (m->rtcp_port ? m->rtcp_port : m->port + 1) && sip_same_addr(ep, rtcp))
		return &map->rtcp;
	return NULL;
}

/*
 * RFC 8839, 4.2.1.2: the default destination, which c= and m= say, is a candidate, too. Those that STUN or a relay gave are public
 * already. 5.2: remote candidates are the other party's.
 */
static void sdp_plan_candidate(struct sip_plan *p, const struct alg_sdp_candidate *c)
{
	const struct alg_sdp_media *m = &p->sdp->media[c->media];
	const struct alg_endpoint *to = NULL;
	struct alg_endpoint seen;

	if (c->remote) {
		if (p->nat && p->nat->find && p->nat->find(p->nat->ctx, NULL, &c->ep, &seen))
			to = &seen;
	} else if (sdp_rewrites(p, c->media) && (c->host || c->related) && c->tcp == (m->transport == ALG_SDP_TCP)) {
		to = sdp_moved(p, m, &p->media[c->media], &c->ep);
	}
	if (!to || to->family != c->ep.family)
		return;
	sdp_put_addr(p, c->off, c->len, &c->ep, to);
	if (to->port != c->ep.port && c->port_len)
		sip_plan_put_u32(p, c->port_off, c->port_len, to->port);
}

/* Does m-line @i need an address that its c-line, which others use as well, does not get? */
static bool sdp_needs_address(const struct sip_plan *p, unsigned int i)
{
	const struct alg_sdp_media *m = &p->sdp->media[i];
	const struct alg_endpoint *old = sdp_announced(p, m), *to;
	bool used;

	if (!old || sdp_unspecified(old))
		return false;
	to = sdp_line_address(p, m->addr, &used);
	return !sip_same_addr(to ? to : old, &p->media[i].rtp);
}

/* Where addresses and candidates that have not been looked at begin. */
struct sdp_cursor {
	unsigned int addr, candidate, media;
};

static void sdp_plan_addrs(struct sip_plan *p, struct sdp_cursor *at, u32 end)
{
	while (at->addr < p->sdp->n_addrs && p->sdp->addrs[at->addr].off < end && !p->full)
		sdp_plan_addr(p, at->addr++);
}

/* Port, and how many there are if it is fewer than were announced (RFC 8866, 5.14). */
static void sdp_put_port(struct sip_plan *p, const struct alg_sdp_media *m, const struct alg_sip_media_map *map)
{
	char text[SIP_PLAN_SHORT] ALG_UNINIT;
	u32 n;

	if (!map->count || map->count >= m->count) {
		if (map->rtp.port != m->port)
			sip_plan_put_u32(p, m->port_off, m->port_len, map->rtp.port);
		return;
	}
	n = alg_format_u32(text, map->rtp.port);
	if (map->count > 1) {
		text[n++] = '/';
		n += alg_format_u32(text + n, map->count);
	}
	sip_plan_put(p, m->port_off, (u32)m->port_len + m->count_len, text, n);
}

/* The m-line at the cursor with all up to @end, where the next one begins or the description ends. */
static void sdp_plan_media(struct sip_plan *p, struct sdp_cursor *at, u32 end)
{
	const struct alg_sdp_media *m = &p->sdp->media[at->media];
	const struct alg_sip_media_map *map = &p->media[at->media];
	bool rewrite = sdp_rewrites(p, at->media);

	if (rewrite) {
		sdp_put_port(p, m, map);
		if (sdp_needs_address(p, at->media))
			sdp_insert_address(p, m, &map->rtp, end);
	}
	sdp_plan_addrs(p, at, end);
	while (at->candidate < p->sdp->n_candidates && p->sdp->candidates[at->candidate].off < end && !p->full)
		sdp_plan_candidate(p, &p->sdp->candidates[at->candidate++]);
	if (rewrite)
		sdp_plan_rtcp(p, m, map, end);
	at->media++;
}

/* First byte of m-line @i, @end when it is not in the description that begins at @start and ends there. */
static u32 sdp_media_line(const struct sip_plan *p, unsigned int i, u32 start, u32 end)
{
	if (i >= p->sdp->n_media || p->sdp->media[i].type_off >= end)
		return end;
	return sdp_line(p->data, p->sdp->media[i].type_off, start);
}

static void sdp_plan_body(struct sip_plan *p, const struct alg_sip_body *body, struct sdp_cursor *at)
{
	const struct alg_sdp *sdp = p->sdp;
	u32 end = (u32)body->off + body->len;
	s32 before = p->plan->delta;

	sdp_plan_addrs(p, at, sdp_media_line(p, at->media, body->off, end));
	while (at->media < sdp->n_media && sdp->media[at->media].type_off < end && !p->full)
		sdp_plan_media(p, at, sdp_media_line(p, at->media + 1, body->off, end));
	if (body->length.len && p->plan->delta != before)
		sip_plan_put_u32(p, body->length.off, body->length.len, (u32)((s32)body->len + p->plan->delta - before));
}

void sip_plan_bodies(struct sip_plan *p)
{
	struct sdp_cursor at = { 0 };
	unsigned int i;

	p->rewrites = 0;
	for (i = 0; i < p->sdp->n_media; i++)
		p->rewrites |= (u32)sdp_to_rewrite(p, i) << i;
	for (i = 0; i < p->msg->n_bodies && !p->full; i++)
		sdp_plan_body(p, &p->msg->bodies[i], &at);
}
