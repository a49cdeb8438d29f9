/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rewriting of SIP messages. Properties: what could be parsed still can, with the same headers, parties, addresses, bodies;
 * lengths are right; edits touch nothing but addresses and lengths; what was planned is what is found then; an answer that echoes
 * what was rewritten comes back as it was written; translation to the same changes nothing; a plan that is too small is refused
 * as a whole.
 * Input: flags (1), which addresses of the message are the two ends (2), which m-lines are rewritten (2), how (1), sizes of a small
 * plan (2), message.
 */
#include "fuzz.h"
#include "alg/proto/sip_plan.h"

#define HEAD	8

enum {
	STREAM		= 0x01,
	HEADERS		= 0x02,
	BODIES		= 0x04,
	SAME_PORT	= 0x08,	/* own's port is kept */
	FIND		= 0x10,
	TRAILER		= 0x20,	/* the datagram goes on behind the message */
	PEER		= 0x40,	/* the peer is translated as well */
};

struct parsed {
	struct alg_sip_msg msg;
	struct alg_sdp sdp;
	u32 used;
	bool sdp_ok;
};

struct planned {
	struct alg_plan plan;
	struct alg_edit edits[ALG_SIP_PLAN_EDITS];
	u8 bytes[ALG_SIP_PLAN_BYTES];
};

static enum alg_parse parse(const u8 *data, u32 len, bool stream, struct parsed *p)
{
	enum alg_parse answer = alg_sip_parse(data, len, stream, 65535, &p->msg, &p->used);

	memset(&p->sdp, 0, sizeof(p->sdp));
	p->sdp_ok = answer == ALG_PARSE_COMPLETE && p->msg.n_bodies;
	for (u32 i = 0; p->sdp_ok && i < p->msg.n_bodies; i++)
		p->sdp_ok = !alg_sdp_parse(data, p->msg.bodies[i].off, p->msg.bodies[i].len, &p->sdp);
	return answer;
}

static bool same_addr(const struct alg_endpoint *a, const struct alg_endpoint *b)
{
	return a->family == b->family && !memcmp(a->addr, b->addr, 16);
}

static u16 port_of(const struct alg_sip_ref *ref)
{
	return ref->port_len ? ref->ep.port : ref->flags & ALG_SIP_REF_SECURE ? ALG_SIP_PORT_TLS : ALG_SIP_PORT;
}

/* An address that messages hardly have, of the family of @like. */
static struct alg_endpoint strange(const struct alg_endpoint *like, u8 last, u16 port)
{
	struct alg_endpoint ep = { .family = like->family, .port = port };

	if (ep.family == 4)
		memcpy(ep.addr, (u8[]){ 198, 18, 0, last }, 4);
	else
		memcpy(ep.addr, (u8[]){ 0x20, 1, 0xd, 0xb8, 0x77, 0x77, 0x66, 0x66, 0x55, 0x55, 0x44, 0x44, 0x33, 0x33, 0x22,
					 last }, 16);
	return ep;
}

static bool is_strange(const struct alg_endpoint *ep)
{
	struct alg_endpoint s = strange(ep, ep->family == 4 ? ep->addr[3] : ep->addr[15], 0);

	return same_addr(&s, ep);
}

/* An even last byte is known. */
static bool find(void *ctx, const struct alg_sip_ref *ref, const struct alg_endpoint *ep, struct alg_endpoint *seen)
{
	PROPERTY(!ref || same_addr(&ref->ep, ep));
	if (ep->addr[ep->family == 4 ? 3 : 15] & 1)
		return false;
	*seen = strange(ep, 9, ep->port ^ 0x4000);
	return true;
}

static struct alg_sip_nat nat_of(const u8 *head, const struct parsed *p)
{
	static const struct alg_endpoint nobody = { .family = 4, .port = 5060, .addr = { 192, 168, 1, 10 } };
	struct alg_sip_nat nat = { .stream = head[0] & STREAM, .find = head[0] & FIND ? find : NULL };
	const struct alg_sip_ref *own = p->msg.n_refs ? &p->msg.refs[head[1] % p->msg.n_refs] : NULL;
	const struct alg_sip_ref *peer = p->msg.n_refs ? &p->msg.refs[head[2] % p->msg.n_refs] : NULL;

	nat.own = own ? own->ep : nobody;
	nat.own.port = own ? port_of(own) : 5060;
	nat.peer = peer ? peer->ep : nobody;
	nat.peer.port = peer ? port_of(peer) : 5060;
	nat.own_public = strange(&nat.own, 1, head[0] & SAME_PORT ? nat.own.port : (u16)(1024 + head[5]));
	nat.peer_real = head[0] & PEER ? strange(&nat.peer, 2, (u16)(5060 + head[5] % 4)) : nat.peer;
	return nat;
}

static void media_of(const u8 *head, const struct parsed *p, struct alg_sip_media_map *media)
{
	static const struct alg_endpoint v4 = { .family = 4 };

	for (u32 i = 0; i < ALG_SDP_MEDIA; i++) {
		const struct alg_sdp_media *m = &p->sdp.media[i];
		const struct alg_endpoint *like = i < p->sdp.n_media && m->addr < p->sdp.n_addrs ? &p->sdp.addrs[m->addr].ep : &v4;
		u16 port = (u16)(20000 + 8 * i);

		media[i].rewrite = (head[3] | head[4] << 8) >> i & 1;
		if (!like->family)
			like = &v4;
		media[i].rtp = strange(like, head[5] & 1 << i % 6 ? 3 : 4, port);
		media[i].rtcp = media[i].rtp;
		media[i].count = head[4] >> 5;
		media[i].rtcp.port = head[5] & 0x40 ? 0 : (u16)(port + (head[5] & 0x80 ? 3 : 1));
	}
}

static int make(const u8 *data, const struct parsed *p, const struct alg_sip_nat *nat, const struct alg_sip_media_map *media,
		u32 edits, u32 bytes, struct planned *out)
{
	int err;

	alg_plan_init(&out->plan, out->edits, (u16)edits, out->bytes, (u16)bytes);
	err = alg_sip_plan(data, &p->msg, media ? &p->sdp : NULL, nat, media, &out->plan);
	PROPERTY(!err || err == -ENOSPC || err == -EMSGSIZE);
	PROPERTY(!err || (!out->plan.n && !out->plan.used && !out->plan.delta));
	return err;
}

/* ---- what may be touched ---- */

static bool inside(const struct alg_edit *e, u32 off, u32 len)
{
	return len && e->off >= off && e->off + e->old_len <= off + len;
}

static bool allowed(const struct alg_edit *e, const struct parsed *p, bool headers)
{
	if (inside(e, p->msg.length.off, p->msg.length.len) || inside(e, p->msg.length_again.off, p->msg.length_again.len))
		return true;
	for (u32 i = 0; i < p->msg.n_bodies; i++) {
		const struct alg_sip_body *b = &p->msg.bodies[i];

		if (inside(e, b->off, b->len) || inside(e, b->length.off, b->length.len))
			return true;
	}
	for (u32 i = 0; headers && i < p->msg.n_refs; i++) {
		const struct alg_sip_ref *ref = &p->msg.refs[i];
		bool port = ref->part == ALG_SIP_HOST && ref->port_len;
		u32 end = port ? (u32)ref->port_off + ref->port_len : (u32)ref->off + ref->len;

		if (inside(e, ref->off, end - ref->off) || inside(e, ref->port_off, ref->port_len) ||
		    inside(e, ref->rport_off, ref->rport_len))
			return true;
	}
	return false;
}

static u32 lines(const u8 *data, u32 len)
{
	u32 n = 0;

	for (u32 i = 0; i < len; i++)
		n += data[i] == '\n';
	return n;
}

static void same_text(const u8 *a, struct alg_sip_span x, const u8 *b, struct alg_sip_span y)
{
	PROPERTY(x.len == y.len && !memcmp(a + x.off, b + y.off, x.len));
}

static void same_message(const u8 *a, const struct parsed *x, const u8 *b, const struct parsed *y)
{
	PROPERTY(x->msg.kind == y->msg.kind && x->msg.method == y->msg.method && x->msg.status == y->msg.status);
	PROPERTY(x->msg.cseq == y->msg.cseq && x->msg.star == y->msg.star && x->msg.multipart == y->msg.multipart);
	PROPERTY(x->msg.n_refs == y->msg.n_refs && x->msg.n_contacts == y->msg.n_contacts && x->msg.n_bodies == y->msg.n_bodies);
	PROPERTY(x->msg.top_via == y->msg.top_via && x->msg.expires == y->msg.expires);
	PROPERTY(lines(a, x->msg.header_len) == lines(b, y->msg.header_len));
	same_text(a, x->msg.call_id, b, y->msg.call_id);
	same_text(a, x->msg.from_tag, b, y->msg.from_tag);
	same_text(a, x->msg.to_tag, b, y->msg.to_tag);
	same_text(a, x->msg.branch, b, y->msg.branch);
	for (u32 i = 0; i < x->msg.n_refs; i++) {
		const struct alg_sip_ref *r = &x->msg.refs[i], *s = &y->msg.refs[i];

		PROPERTY(r->where == s->where && r->part == s->part && r->ep.family == s->ep.family);
		PROPERTY((r->flags & ~ALG_SIP_REF_BRACKETS) == (s->flags & ~ALG_SIP_REF_BRACKETS));
	}
}

/* ---- headers ---- */

static bool names_party(const struct alg_sip_ref *ref)
{
	return ref->where == ALG_SIP_AT_FROM || ref->where == ALG_SIP_AT_TO || ref->where == ALG_SIP_AT_REFERRED_BY ||
	       ref->where == ALG_SIP_AT_REPLY_TO || ref->where >= ALG_SIP_AT_ASSERTED;
}

static void check_ref(const struct alg_sip_nat *nat, const struct alg_sip_ref *old, const struct alg_sip_ref *new)
{
	bool own = same_addr(&old->ep, &nat->own), portless = !old->port_len && (old->part != ALG_SIP_HOST || names_party(old));
	struct alg_endpoint ep = old->ep, found;

	ep.port = port_of(old);
	PROPERTY(!portless || !new->port_len);
	PROPERTY(!old->port_len || new->port_len);
	if (own && (portless || ep.port == nat->own.port)) {
		PROPERTY(same_addr(&new->ep, &nat->own_public));
		PROPERTY(portless || port_of(new) == nat->own_public.port);
	} else if (same_addr(&old->ep, &nat->peer) && (portless || ep.port == nat->peer.port)) {
		PROPERTY(same_addr(&new->ep, &nat->peer_real));
		PROPERTY(portless || port_of(new) == nat->peer_real.port);
	} else if (nat->find && find(NULL, NULL, &ep, &found)) {
		PROPERTY(same_addr(&new->ep, &found));
		PROPERTY(portless || !found.port || port_of(new) == found.port);
	} else if (own && !is_strange(&nat->own) && names_party(old)) {
		/* a port that would be taken for one of the pair's is the only reason to leave own's address */
		PROPERTY(port_of(new) == ep.port);
		PROPERTY(ep.port == nat->own_public.port ? same_addr(&new->ep, &old->ep) : same_addr(&new->ep, &nat->own_public));
	} else if (!own && !same_addr(&old->ep, &nat->peer)) {
		PROPERTY(same_addr(&new->ep, &old->ep) && new->port_len == old->port_len && new->ep.port == old->ep.port);
	}
}

/* ---- bodies ---- */

static bool unspecified(const struct alg_endpoint *ep)
{
	static const u8 zero[16];

	return !memcmp(ep->addr, zero, 16);
}

static const struct alg_endpoint *announced(const struct alg_sdp *sdp, u32 i)
{
	return sdp->media[i].addr < sdp->n_addrs ? &sdp->addrs[sdp->media[i].addr].ep : NULL;
}

static void check_media(const struct alg_sdp *old, const struct alg_sdp *new, u32 i, const struct alg_sip_media_map *map)
{
	const struct alg_endpoint *from = announced(old, i), *to = announced(new, i);
	const struct alg_sdp_media *m = &old->media[i], *n = &new->media[i];
	bool rewrite = map->rewrite && m->port && (!from || from->family == map->rtp.family);

	PROPERTY(!from == !to);
	if (!rewrite) {
		PROPERTY(n->port == m->port && n->rtcp_port == m->rtcp_port && n->count == m->count);
		PROPERTY(!m->port || !from || same_addr(from, to));
		return;
	}
	PROPERTY(n->port == map->rtp.port);
	PROPERTY(n->count == (map->count && map->count < m->count ? map->count : m->count));
	if (from && from->family)
		PROPERTY(same_addr(to, unspecified(from) ? from : &map->rtp));
	if (map->rtcp.port)
		PROPERTY((n->rtcp_len ? n->rtcp_port : n->port + 1) == map->rtcp.port);
}

/* Candidates are what they were, or what their m-line became; of the other side, what find says. */
static void check_candidate(const struct alg_sdp_candidate *old, const struct alg_sdp_candidate *new, const struct alg_sip_nat *nat,
			    const struct alg_sip_media_map *map)
{
	bool same = same_addr(&old->ep, &new->ep) && old->ep.port == new->ep.port;
	struct alg_endpoint found;

	PROPERTY(old->media == new->media && old->remote == new->remote && old->host == new->host && old->related == new->related);
	if (!old->remote)
		PROPERTY(same || (map->rewrite && (old->host || old->related) && same_addr(&new->ep, &map->rtp) &&
				  (new->ep.port == map->rtp.port || new->ep.port == map->rtcp.port)));
	else if (!nat || !nat->find || !find(NULL, NULL, &old->ep, &found))
		PROPERTY(same);
	else
		PROPERTY(same_addr(&new->ep, &found) && (!old->port_len || new->ep.port == found.port));
}

/* As many lines as may be inserted are still read. */
static bool still_fits(const struct alg_sdp *sdp)
{
	return sdp->n_addrs + sdp->n_media <= ALG_SDP_ADDRS;
}

static void check_bodies(const struct parsed *old, const struct parsed *new, const struct alg_sip_nat *nat,
			 const struct alg_sip_media_map *media)
{
	if (!still_fits(&old->sdp))
		return;
	PROPERTY(new->sdp_ok);
	PROPERTY(old->sdp.n_media == new->sdp.n_media && old->sdp.n_candidates == new->sdp.n_candidates);
	for (u32 i = 0; i < old->sdp.n_media; i++)
		check_media(&old->sdp, &new->sdp, i, &media[i]);
	for (u32 i = 0; i < old->sdp.n_candidates; i++)
		check_candidate(&old->sdp.candidates[i], &new->sdp.candidates[i], nat, &media[old->sdp.candidates[i].media]);
}

/* A part whose length was right has the right one still. */
static void check_part(const u8 *a, const struct alg_sip_body *old, const u8 *b, const struct alg_sip_body *new)
{
	u32 was = 0, is = 0;

	PROPERTY(!old->length.len == !new->length.len);
	if (!old->length.len || !alg_parse_u32(a + old->length.off, old->length.len, 65535, &was) || was != old->len)
		return;
	PROPERTY(alg_parse_u32(b + new->length.off, new->length.len, 65535, &is) && is == new->len);
}

static void check_lengths(const u8 *a, const struct parsed *old, u32 old_len, const u8 *b, const struct parsed *new, u32 new_len)
{
	PROPERTY(!old->msg.length.len == !new->msg.length.len);
	if (old->msg.body_len <= old_len - old->msg.header_len) {
		PROPERTY(old_len - old->used == new_len - new->used);
		PROPERTY(!new->msg.length.len || new->msg.content_length == new_len - new->msg.header_len - (new_len - new->used));
	}
	for (u32 i = 0; i < old->msg.n_bodies; i++)
		check_part(a, &old->msg.bodies[i], b, &new->msg.bodies[i]);
}

/* ---- there and back ---- */

/* The rewritten request's echo: the same headers behind a status line. */
static u8 *echo_of(const u8 *request, u32 len, u32 *echo_len)
{
	static const char status[] = "SIP/2.0 200 OK\r\n";
	const u8 *start = request, *end;
	u8 *echo;

	while (start < request + len && (*start == '\r' || *start == '\n'))
		start++;
	end = memchr(start, '\n', len - (u32)(start - request));
	if (!end)
		return NULL;
	*echo_len = (u32)sizeof(status) - 1 + len - (u32)(end + 1 - request);
	echo = malloc(*echo_len);
	PROPERTY(echo);
	memcpy(echo, status, sizeof(status) - 1);
	memcpy(echo + sizeof(status) - 1, end + 1, *echo_len - (sizeof(status) - 1));
	return echo;
}

static bool echoed(const struct alg_sip_ref *ref)
{
	return ref->where == ALG_SIP_AT_VIA || ref->where == ALG_SIP_AT_FROM || ref->where == ALG_SIP_AT_TO ||
	       ref->where == ALG_SIP_AT_RECORD_ROUTE;
}

/* Can the way back be told at all: nothing in the message is what the addresses become. */
static bool reversible(const struct parsed *p, const struct alg_sip_nat *nat)
{
	if (nat->find || p->msg.kind != ALG_SIP_REQUEST || same_addr(&nat->own, &nat->peer))
		return false;
	for (u32 i = 0; i < p->msg.n_refs; i++)
		if (is_strange(&p->msg.refs[i].ep))
			return false;
	return true;
}

static u16 via_port(const struct parsed *p, const struct alg_sip_nat *nat)
{
	const struct alg_sip_ref *via = &p->msg.refs[p->msg.top_via];

	if (nat->stream || p->msg.top_via >= p->msg.n_refs || via->flags & ALG_SIP_REF_RPORT || !same_addr(&via->ep, &nat->own))
		return 0;
	return port_of(via) == nat->own.port ? 0 : port_of(via);
}

static void check_round_trip(const struct parsed *old, const struct alg_sip_nat *nat, const u8 *request, u32 len)
{
	static struct parsed echo, back;
	static struct planned planned;
	struct alg_sip_nat reverse = { .own = nat->peer_real, .own_public = nat->peer, .peer = nat->own_public,
				       .peer_real = nat->own, .stream = nat->stream, .via_port = via_port(old, nat) };
	u32 echo_len, new_len, first, n;
	u8 *data, *out;

	if (!reversible(old, nat))
		return;
	data = echo_of(request, len, &echo_len);
	if (!data)
		return;
	if (parse(data, echo_len, nat->stream, &echo) != ALG_PARSE_COMPLETE || make(data, &echo, &reverse, NULL, ALG_SIP_PLAN_EDITS,
										     ALG_SIP_PLAN_BYTES, &planned))
		goto out;
	new_len = (u32)((s32)echo_len + planned.plan.delta);
	out = malloc(echo_len + ALG_SIP_PLAN_BYTES);
	PROPERTY(out);
	memcpy(out, data, echo_len);
	alg_plan_apply(&planned.plan, out, echo_len);
	PROPERTY(parse(out, new_len, nat->stream, &back) == ALG_PARSE_COMPLETE);
	/* the Request-URI's address is gone */
	n = back.msg.n_refs;
	first = old->msg.n_refs - n;
	PROPERTY(first <= 2);
	for (u32 i = 0; i < n; i++) {
		const struct alg_sip_ref *a = &old->msg.refs[first + i], *b = &back.msg.refs[i];

		PROPERTY(a->where == b->where && a->part == b->part);
		if (!echoed(a))
			continue;
		PROPERTY(same_addr(&a->ep, &b->ep) && port_of(a) == port_of(b) && a->rport == b->rport);
	}
	free(out);
out:
	free(data);
}

/* ---- the same ---- */

static void check_same(const u8 *data, const struct parsed *p, const struct alg_sip_nat *nat)
{
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	struct alg_sip_nat same = *nat;
	static struct planned planned;

	same.own_public = nat->own;
	same.peer_real = nat->peer;
	same.find = NULL;
	memset(media, 0, sizeof(media));
	for (u32 i = 0; i < p->sdp.n_media; i++) {
		const struct alg_sdp_media *m = &p->sdp.media[i];
		const struct alg_endpoint *addr = announced(&p->sdp, i);

		media[i].rewrite = true;
		media[i].rtp = addr ? *addr : nat->own;
		media[i].rtp.port = m->port;
		media[i].rtcp = m->rtcp_addr < p->sdp.n_addrs ? p->sdp.addrs[m->rtcp_addr].ep : media[i].rtp;
		media[i].rtcp.port = m->rtcp_len ? m->rtcp_port : (u16)(m->port + 1);
	}
	PROPERTY(!make(data, p, &same, p->sdp_ok ? media : NULL, ALG_SIP_PLAN_EDITS, ALG_SIP_PLAN_BYTES, &planned));
	PROPERTY(!planned.plan.n);
}

static void check_small(const u8 *data, const struct parsed *p, const struct alg_sip_nat *nat,
			const struct alg_sip_media_map *media, const u8 *head, const struct alg_plan *plan)
{
	static struct planned small;

	if (plan->n)
		PROPERTY(make(data, p, nat, media, head[6] % plan->n, ALG_SIP_PLAN_BYTES, &small) == -ENOSPC);
	if (plan->used)
		PROPERTY(make(data, p, nat, media, ALG_SIP_PLAN_EDITS, (head[6] | head[7] << 8) % plan->used, &small) == -ENOSPC);
	PROPERTY(!make(data, p, nat, media, plan->n, plan->used, &small));
}

static void check(const u8 *head, const u8 *data, u32 len, struct parsed *old)
{
	static struct parsed new;
	static struct planned planned;
	const struct alg_plan *plan = &planned.plan;
	struct alg_sip_nat nat = nat_of(head, old);
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	bool headers = head[0] & HEADERS, bodies = head[0] & BODIES && old->sdp_ok;
	u32 new_len;
	u8 *out;

	media_of(head, old, media);
	check_same(data, old, &nat);
	if (make(data, old, headers ? &nat : NULL, bodies ? media : NULL, ALG_SIP_PLAN_EDITS, ALG_SIP_PLAN_BYTES, &planned))
		return;
	PROPERTY(alg_plan_fits(plan, len));
	for (u32 i = 0; i < plan->n; i++) {
		PROPERTY(allowed(&planned.edits[i], old, headers));
		PROPERTY(bodies || planned.edits[i].off < old->msg.header_len);
	}
	check_small(data, old, headers ? &nat : NULL, bodies ? media : NULL, head, plan);

	out = malloc(len + ALG_SIP_PLAN_BYTES);
	PROPERTY(out);
	memcpy(out, data, len);
	new_len = alg_plan_apply(plan, out, len);
	PROPERTY(new_len == (u32)((s32)len + plan->delta));
	PROPERTY(parse(out, new_len, head[0] & STREAM, &new) == ALG_PARSE_COMPLETE);
	same_message(data, old, out, &new);
	check_lengths(data, old, len, out, &new, new_len);
	for (u32 i = 0; headers && i < old->msg.n_refs; i++)
		check_ref(&nat, &old->msg.refs[i], &new.msg.refs[i]);
	if (bodies)
		check_bodies(old, &new, headers ? &nat : NULL, media);
	if (headers && !bodies)
		check_round_trip(old, &nat, out, new_len);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct parsed p;
	u8 *copy;
	u32 len;

	if (size <= HEAD || size - HEAD > ALG_SIP_MESSAGE_MAX)
		return 0;
	len = (u32)size - HEAD;
	copy = exact_copy(data + HEAD, len);
	if (parse(copy, len, data[0] & STREAM, &p) == ALG_PARSE_COMPLETE && p.msg.kind <= ALG_SIP_RESPONSE) {
		/* over TCP the next message is not looked at */
		if (!(data[0] & TRAILER) && p.used < len)
			len = p.used;
		check(data, copy, len, &p);
	}
	free(copy);
	return 0;
}
