// SPDX-License-Identifier: GPL-2.0-only
/*
 * What parties announce: descriptions, with a public endpoint for each announced one; and what the planner makes of
 * them.
 */
#include <linux/module.h>

#include "sip_call.h"

#define PORT_LOWEST	1024
#define RANGE_TRIES	4	/* for several pairs in sequence */

enum { REWRITE_ALL, REWRITE_SIGNALLING, REWRITE_NONE };	/* option rewrite */

static bool is_zero(const struct alg_endpoint *ep)
{
	return !(get_unaligned((const u64 *)ep->addr) | get_unaligned((const u64 *)(ep->addr + 8)));
}

/* ---- m-lines ---- */

static const struct alg_endpoint *sdp_addr(const struct alg_sdp *sdp, u8 index)
{
	return index < sdp->n_addrs && sdp->addrs[index].ep.family ? &sdp->addrs[index].ep : NULL;
}

static void line_add(struct sip_line *l, const struct alg_endpoint *addr, u16 port)
{
	l->ep[l->s.n] = *addr;
	l->ep[l->s.n++].port = port;
}

/* RTCP is at the next port (RFC 3550, 11), or where a=rtcp says (RFC 3605). */
static void line_rtp(struct sip_line *l, const struct alg_sdp *sdp, const struct alg_sdp_media *m,
		     const struct alg_endpoint *addr)
{
	const struct alg_endpoint *rtcp = sdp_addr(sdp, m->rtcp_addr) ?: addr;
	u32 port = m->port, i;

	l->s.rtcp = true;
	l->s.mux = m->mux;
	line_add(l, addr, port);
	if (m->rtcp_port && m->rtcp_port == port) {
		l->s.rtcp = false;
		return;
	}
	if (m->rtcp_port)
		line_add(l, rtcp, m->rtcp_port);
	else if (port < U16_MAX)
		line_add(l, addr, port + 1);
	for (i = 1; i < m->count && i < SIP_RANGE && l->s.n == 2 * i && port + 2 * i + 1 <= U16_MAX; i++) {
		line_add(l, addr, port + 2 * i);
		line_add(l, addr, port + 2 * i + 1);
	}
}

static void line_parts(struct sip_line *l, const struct alg_sdp *sdp, const struct alg_sdp_media *m)
{
	const struct alg_endpoint *addr = sdp_addr(sdp, m->addr);

	if (l->s.closed || !addr || m->transport == ALG_SDP_OTHER)
		return;
	l->zero = is_zero(addr);
	l->s.hold |= l->zero;
	if (l->zero)
		return;
	if (m->transport == ALG_SDP_RTP)
		line_rtp(l, sdp, m, addr);
	else
		line_add(l, addr, m->port);
}

static void line_read(struct sip_line *l, const struct sip_message *msg, unsigned int i)
{
	const struct alg_sdp_media *m = &msg->sdp.media[i];
	size_t len = min_t(size_t, m->type_len, sizeof(l->s.type) - 1);

	memset(&l->s, 0, sizeof(l->s));
	l->zero = false;
	memcpy(l->s.type, msg->data + m->type_off, len);
	l->s.closed = !m->port;
	l->s.hold = m->direction == ALG_SDP_SENDONLY || m->direction == ALG_SDP_INACTIVE;
	l->s.l4proto = m->transport == ALG_SDP_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	/* RFC 4145, 4.1: who connects writes port 9 */
	l->s.active = m->transport == ALG_SDP_TCP &&
		      (m->setup == ALG_SDP_ACTIVE || m->setup == ALG_SDP_HOLDCONN || m->port == 9);
	line_parts(l, &msg->sdp, m);
}

void sip_media_read(struct sip_message *m)
{
	unsigned int i;

	for (i = 0; i < m->sdp.n_media; i++)
		line_read(&m->lines[i], m, i);
}

/* ---- descriptions ---- */

static void desc_free(struct sip_desc *d)
{
	unsigned int i;

	if (!d)
		return;
	for (i = 0; i < d->n_parts; i++)
		nf_alg_public_put(d->parts[i].public);
	kfree(d);
}

void sip_media_commit(struct sip_party *p)
{
	desc_free(p->before);
	p->before = NULL;
}

void sip_media_restore(struct sip_party *p)
{
	if (!p->before)
		return;
	desc_free(p->desc);
	p->desc = p->before;
	p->before = NULL;
}

void sip_media_forget(struct sip_party *p)
{
	sip_media_commit(p);
	desc_free(p->desc);
	p->desc = NULL;
}

static bool stream_same(const struct sip_desc *d, unsigned int i, const struct sip_line *l)
{
	const struct sip_stream *s = &d->streams[i];
	unsigned int k;

	if (s->closed != l->s.closed || s->l4proto != l->s.l4proto || s->mux != l->s.mux || s->hold != l->s.hold ||
	    s->active != l->s.active)
		return false;
	if (l->zero)
		return true;
	if (s->n != l->s.n)
		return false;
	for (k = 0; k < s->n; k++)
		if (!sip_same_endpoint(&d->parts[s->first + k].ep, &l->ep[k]))
			return false;
	return true;
}

/* Does the message say what its sender has said already? */
static bool desc_same(const struct sip_desc *d, const struct sip_message *m)
{
	unsigned int i;

	if (!d || d->n_streams != m->sdp.n_media)
		return false;
	for (i = 0; i < d->n_streams; i++)
		if (!stream_same(d, i, &m->lines[i]))
			return false;
	return true;
}

static struct sip_desc *desc_alloc(unsigned int n_streams, unsigned int n_parts)
{
	size_t head = ALIGN(offsetof(struct sip_desc, streams[n_streams]), sizeof(void *));
	struct sip_desc *d = kzalloc(head + n_parts * sizeof(struct sip_part), GFP_ATOMIC | __GFP_NOWARN);

	if (!d)
		return NULL;
	d->n_streams = n_streams;
	d->parts = (struct sip_part *)((u8 *)d + head);
	return d;
}

/* ---- public endpoints ---- */

/* A description on its way to have public endpoints; refusals are counted once. */
struct publishing {
	struct sip_turn *t;
	struct sip_desc *d;
	bool mismatch, low;
};

/* An outside party announced somebody's public endpoint: then its own party is in here, too. */
static bool part_near(struct sip_turn *t, const struct sip_stream *s, struct sip_part *p, struct alg_endpoint *target)
{
	bool same;

	if (t->side == SIP_INSIDE)
		return false;
	p->near = nf_alg_public_to_target(t->m->work, s->l4proto, &p->ep, target, &same) && same;
	return p->near;
}

/*
 * May something be sent there at all? An inside party speaks for itself only (option mismatch-address); media of an
 * outside one may be anywhere. Fills in @req.
 */
static bool part_acceptable(struct publishing *pub, const struct sip_stream *s, struct sip_part *p,
			    struct nf_alg_public_req *req)
{
	struct sip_turn *t = pub->t;
	bool own = sip_same_addr(&p->ep, &t->m->sender);

	req->dir = t->m->work->dir;
	req->l4proto = s->l4proto;
	req->target = p->ep;
	req->foreign = t->side == SIP_INSIDE && !own;
	req->same_port = false;
	req->want = 0;
	if (p->ep.family != t->m->sender.family ||
	    (req->foreign && !sip_option(t, NF_ALG_A_OPTION_MISMATCH_ADDRESS))) {
		pub->mismatch |= t->side == SIP_INSIDE;
		return false;
	}
	if (s->active)
		return true;
	pub->low |= p->ep.port < PORT_LOWEST;
	return p->ep.port >= PORT_LOWEST;
}

/* Without rewriting nobody is told a public endpoint: only what is reached as announced counts. */
static void part_settle(struct publishing *pub, struct sip_part *p)
{
	u32 rewrite = sip_option(pub->t, NF_ALG_A_OPTION_REWRITE);

	if (p->public && p->public->mapped && !p->near && rewrite != REWRITE_ALL) {
		nf_alg_public_put(p->public);
		p->public = NULL;
	} else if (!p->public && rewrite == REWRITE_ALL && pub->t->side == SIP_INSIDE) {
		p->ep.family = 0;	/* unknown outside, and so no source of anything */
	}
}

static bool is_pair(const struct sip_stream *s, const struct sip_part *p, unsigned int k)
{
	return s->rtcp && !(k & 1) && k + 1 < s->n && sip_same_addr(&p[0].ep, &p[1].ep) &&
	       p[1].ep.port == p[0].ep.port + 1;
}

/* @want: public port of a pair, 0: any. Return: how many parts are done. */
static unsigned int part_publish(struct publishing *pub, const struct sip_stream *s, unsigned int k, u16 want)
{
	struct sip_part *p = &pub->d->parts[s->first + k];
	struct nf_alg_work *w = pub->t->m->work;
	struct nf_alg_public_req req;
	struct nf_alg_public *both[2] = { NULL, NULL };

	if (!part_acceptable(pub, s, p, &req)) {
		if (pub->t->side == SIP_INSIDE)
			p->ep.family = 0;
		return 1;
	}
	if (s->active)
		return 1;
	if (part_near(pub->t, s, p, &req.target)) {
		req.dir = !req.dir;	/* it stands on the inside, for somebody else */
		req.foreign = true;
	} else if (is_pair(s, p, k)) {
		req.want = want;
		if (!nf_alg_public_get_pair(w, &req, both)) {
			p[0].public = both[0];
			p[1].public = both[1];
		}
		part_settle(pub, &p[0]);
		part_settle(pub, &p[1]);
		return 2;
	}
	if (nf_alg_public_get(w, &req, &p->public))
		p->public = NULL;
	part_settle(pub, p);
	return 1;
}

static bool in_sequence(const struct sip_part *p, unsigned int k)
{
	return p[k].public->public.port == p[0].public->public.port + k;
}

/* The public port of a later pair of a range that is not behind the first's; 0: there is none, or there are not all. */
static u16 range_misfit(const struct sip_desc *d, const struct sip_stream *s)
{
	const struct sip_part *p = &d->parts[s->first];
	u16 port = 0;
	unsigned int k;

	for (k = 0; k < s->n; k++) {
		if (!p[k].public || p[k].near)
			return 0;
		if (!port && k >= 2 && !in_sequence(p, k))
			port = p[k].public->public.port;
	}
	return port;
}

static void range_drop(struct sip_desc *d, const struct sip_stream *s)
{
	unsigned int k;

	for (k = s->first; k < s->first + s->n; k++) {
		nf_alg_public_put(d->parts[k].public);
		d->parts[k].public = NULL;
	}
}

/*
 * A range's later pairs are of use only in sequence behind the first: a description has one port for all. What is not has to be
 * left out of the count.
 */
static void range_check(struct sip_desc *d, const struct sip_stream *s)
{
	struct sip_part *p = &d->parts[s->first];
	unsigned int k;

	for (k = 2; k < s->n; k++) {
		if (p[k].public && p[0].public && in_sequence(p, k))
			continue;
		nf_alg_public_put(p[k].public);
		p[k].public = NULL;
	}
}

/* All parts; the first at public port @want, 0: at any, the others of a range behind it. */
static void range_publish(struct publishing *pub, const struct sip_stream *s, u16 want)
{
	const struct sip_part *p = &pub->d->parts[s->first];
	unsigned int k;

	for (k = 0; k < s->n; ) {
		if (k)
			want = p[0].public ? p[0].public->public.port + k : 0;
		k += part_publish(pub, s, k, want);
	}
}

/* Where a range finds no room behind its first pair, it may where a later one found some. */
static void stream_publish(struct publishing *pub, const struct sip_stream *s)
{
	unsigned int tries;
	u16 port = 0;

	for (tries = 0; tries < RANGE_TRIES; tries++) {
		range_publish(pub, s, port);
		port = s->n > 2 ? range_misfit(pub->d, s) : 0;
		if (!port)
			break;
		if (tries < RANGE_TRIES - 1)
			range_drop(pub->d, s);
	}
	range_check(pub->d, s);
}

/* On hold with c=0.0.0.0: it stays where it was. */
static void stream_carry(struct sip_desc *d, struct sip_stream *s, const struct sip_desc *last, unsigned int i)
{
	const struct sip_stream *was;
	unsigned int k;

	if (!last || i >= last->n_streams || last->streams[i].l4proto != s->l4proto)
		return;
	was = &last->streams[i];
	s->rtcp = was->rtcp;
	s->mux = was->mux;
	for (k = 0; k < was->n && d->n_parts < SIP_PARTS; k++) {
		struct sip_part *p = &d->parts[d->n_parts++];

		*p = last->parts[was->first + k];
		if (p->public)
			nf_alg_public_hold(p->public);
		s->n++;
	}
}

static void stream_fill(struct publishing *pub, unsigned int i, const struct sip_desc *last)
{
	struct sip_desc *d = pub->d;
	struct sip_stream *s = &d->streams[i];
	const struct sip_line *l = &pub->t->m->lines[i];
	unsigned int k;

	*s = l->s;
	s->first = d->n_parts;
	s->n = 0;
	if (l->zero) {
		stream_carry(d, s, last, i);
		return;
	}
	for (k = 0; k < l->s.n && d->n_parts < SIP_PARTS; k++) {
		d->parts[d->n_parts++].ep = l->ep[k];
		s->n++;
	}
	stream_publish(pub, s);
}

static unsigned int parts_needed(const struct sip_message *m, const struct sip_desc *last)
{
	unsigned int i, n = 0;

	for (i = 0; i < m->sdp.n_media; i++) {
		if (!m->lines[i].zero)
			n += m->lines[i].s.n;
		else if (last && i < last->n_streams)
			n += last->streams[i].n;
	}
	return min_t(unsigned int, n, SIP_PARTS);
}

void sip_media_announce(struct sip_turn *t, bool offer)
{
	struct sip_message *m = t->m;
	struct sip_party *p = t->party;
	struct publishing pub = { .t = t };
	unsigned int i;

	if (desc_same(p->desc, m))
		return;
	pub.d = desc_alloc(m->sdp.n_media, parts_needed(m, p->desc));
	if (!pub.d) {
		nf_alg_work_refuse(m->work, NF_ALG_REASON_NO_MEMORY);
		return;
	}
	pub.d->offer = offer;
	pub.d->seq = ++t->call->seq;
	for (i = 0; i < m->sdp.n_media; i++)
		stream_fill(&pub, i, p->desc);
	if (pub.mismatch)
		nf_alg_work_refuse(m->work, NF_ALG_REASON_MISMATCH_ADDRESS);
	if (pub.low)
		nf_alg_work_refuse(m->work, NF_ALG_REASON_LOW_PORT);
	if (!p->before)
		p->before = p->desc;
	else
		desc_free(p->desc);
	p->desc = pub.d;
	for (i = 0; i < SIP_PARTIES; i++)
		if (t->call->parties[i] == p)
			t->call->undo = i;
}

/* ---- for the planner ---- */

static bool desc_seen(const struct sip_turn *t, const struct sip_desc *d, unsigned int i, const struct alg_endpoint *ep,
		      struct alg_endpoint *seen)
{
	const struct sip_stream *s;
	unsigned int k;

	if (!d || i >= d->n_streams)
		return false;
	s = &d->streams[i];
	for (k = 0; k < s->n; k++) {
		const struct sip_part *p = &d->parts[s->first + k];

		if (!p->public || !sip_same_endpoint(&p->ep, ep))
			continue;
		if (!p->near)
			*seen = p->public->public;
		else if (sip_option(t, NF_ALG_A_OPTION_SAME_NAT) == SIP_SAME_NAT_DIRECT)
			*seen = p->public->target;
		return true;
	}
	return false;
}

/*
 * What the receiver must see instead of an announced endpoint; without a call, or where the call has gone on since, by
 * who has it.
 */
static void endpoint_seen(const struct sip_turn *t, unsigned int i, u8 l4proto, const struct alg_endpoint *ep,
			  struct alg_endpoint *seen)
{
	const struct nf_alg_work *w = t->m->work;
	struct alg_endpoint other;
	bool same;

	*seen = *ep;
	if (t->party && (desc_seen(t, t->party->desc, i, ep, seen) || desc_seen(t, t->party->before, i, ep, seen)))
		return;
	if (t->side == SIP_INSIDE) {
		if (nf_alg_public_of_target(w, l4proto, ep, &other))
			*seen = other;
	} else if (nf_alg_public_to_target(w, l4proto, ep, &other, &same) && same &&
		   sip_option(t, NF_ALG_A_OPTION_SAME_NAT) == SIP_SAME_NAT_DIRECT) {
		*seen = other;
	}
}

/* Nothing is open there (port 0, or it connects itself): only the address is the receiver's business. */
static void map_address(const struct sip_turn *t, unsigned int i)
{
	const struct alg_sdp_media *media = &t->m->sdp.media[i];
	const struct alg_endpoint *addr = sdp_addr(&t->m->sdp, media->addr);
	const struct nf_conntrack_tuple *back = &t->m->work->ct->tuplehash[!t->m->work->dir].tuple;
	struct alg_sip_media_map *map = &t->m->media[i];

	if (!addr || !sip_same_addr(addr, &t->m->sender))
		return;
	nf_alg_endpoint_set(&map->rtp, back->src.l3num, &back->dst.u3, htons(media->port));
	map->rewrite = !sip_same_addr(addr, &map->rtp);
}

/* How many pairs of a range the receiver finds behind the first one. */
static u16 pairs_seen(const struct sip_turn *t, unsigned int i)
{
	const struct alg_sip_media_map *map = &t->m->media[i];
	const struct sip_line *l = &t->m->lines[i];
	struct alg_endpoint seen;
	unsigned int k;

	for (k = 2; k < l->s.n; k++) {
		endpoint_seen(t, i, l->s.l4proto, &l->ep[k], &seen);
		if (!sip_same_addr(&seen, &map->rtp) || seen.port != map->rtp.port + k)
			break;
	}
	return k / 2;
}

static void map_line(const struct sip_turn *t, unsigned int i)
{
	const struct alg_sdp_media *media = &t->m->sdp.media[i];
	struct alg_sip_media_map *map = &t->m->media[i];
	const struct sip_line *l = &t->m->lines[i];

	alg_clear(map, sizeof(*map));
	if (l->zero)
		return;
	if (!l->s.n || l->s.active) {
		map_address(t, i);
		return;
	}
	endpoint_seen(t, i, l->s.l4proto, &l->ep[0], &map->rtp);
	map->rewrite = !sip_same_endpoint(&map->rtp, &l->ep[0]);
	if (l->s.rtcp && l->s.n > 1) {
		endpoint_seen(t, i, l->s.l4proto, &l->ep[1], &map->rtcp);
		map->rewrite |= !sip_same_endpoint(&map->rtcp, &l->ep[1]);
	} else if (media->rtcp_port) {
		map->rtcp = map->rtp;
	}
	if (map->rewrite && media->count > 1)
		map->count = pairs_seen(t, i);
}

void sip_media_map(struct sip_turn *t)
{
	bool all = sip_option(t, NF_ALG_A_OPTION_REWRITE) == REWRITE_ALL;
	unsigned int i;

	for (i = 0; i < t->m->sdp.n_media; i++) {
		if (all)
			map_line(t, i);
		else
			t->m->media[i].rewrite = false;
	}
}
