// SPDX-License-Identifier: GPL-2.0-only
#include "sip_plan.h"
#include "sip_plan_work.h"
#include "poison.h"

/* How much of an address and its port a match replaces. */
enum sip_match {
	SIP_LEAVE,
	SIP_ADDRESS,	/* the port stays, or stays missing */
	SIP_ENDPOINT,
};

/* What an address is to the sender and to the receiver. */
struct sip_pair {
	const struct alg_endpoint *from, *to;
};

/*
 * As alg_plan_add(), for what comes in order and is as short as nearly everything: copies of fixed size are registers. false: it is
 * not like that.
 */
static bool sip_plan_append(struct alg_plan *plan, u32 off, u32 old_len, const char *text, u32 len)
{
	struct alg_edit *e = plan->edits + plan->n;

	if (len > SIP_PLAN_SHORT || plan->n == plan->max_edits || plan->max_bytes - plan->used < SIP_PLAN_SHORT)
		return false;
	if (plan->n && e[-1].off + e[-1].old_len > off)
		return false;
	memcpy(plan->bytes + plan->used, text, SIP_PLAN_SHORT);
	e->off = off;
	e->old_len = old_len;
	e->new_len = (u16)len;
	e->pos = plan->used;
	plan->n++;
	plan->used += len;
	plan->delta += (s32)len - (s32)old_len;
	return true;
}

void sip_plan_put(struct sip_plan *p, u32 off, u32 old_len, const char *text, u32 len)
{
	if (old_len == len && !memcmp(p->data + off, text, len))
		return;
	if (!sip_plan_append(p->plan, off, old_len, text, len) &&
	    !alg_plan_insert(p->plan, off, old_len, text, (u16)len))
		p->full = true;
}

void sip_plan_put_u32(struct sip_plan *p, u32 off, u32 old_len, u32 value)
{
	char text[SIP_PLAN_SHORT] ALG_UNINIT;

	sip_plan_put(p, off, old_len, text, alg_format_u32(text, value));
}

u32 sip_plan_addr(struct sip_plan *p, const struct alg_endpoint *ep, char *out)
{
	struct sip_plan_text *t = &p->texts[p->last];

	if (!t->len || !sip_same_addr(&t->ep, ep)) {
		p->last ^= 1;
		t = &p->texts[p->last];
		if (!t->len || !sip_same_addr(&t->ep, ep)) {
			t->ep = *ep;
			t->len = (u8)alg_format_addr(t->text, sizeof(t->text), ep);
		}
	}
	/* Both have room for more: a copy of fixed size is one of registers. */
	if (t->len <= 16)
		memcpy(out, t->text, 16);
	else
		memcpy(out, t->text, sizeof(t->text));
	return t->len;
}

/* ---- what an address means ---- */

static u16 sip_default_port(const struct alg_sip_ref *ref)
{
	return ref->flags & ALG_SIP_REF_SECURE ? ALG_SIP_PORT_TLS : ALG_SIP_PORT;
}

/* Headers that name somebody rather than say where a message goes: no port means any. */
static bool sip_names_party(const struct alg_sip_ref *ref)
{
	switch (ref->where) {
	case ALG_SIP_AT_FROM:
	case ALG_SIP_AT_TO:
	case ALG_SIP_AT_REFERRED_BY:
	case ALG_SIP_AT_REPLY_TO:
	case ALG_SIP_AT_ASSERTED:
	case ALG_SIP_AT_PREFERRED:
	case ALG_SIP_AT_REMOTE_PARTY:
	case ALG_SIP_AT_DIVERSION:
	case ALG_SIP_AT_HISTORY:
		return true;
	default:
		return false;
	}
}

static bool sip_routes(const struct alg_sip_ref *ref)
{
	switch (ref->where) {
	case ALG_SIP_AT_ROUTE:
	case ALG_SIP_AT_RECORD_ROUTE:
	case ALG_SIP_AT_PATH:
	case ALG_SIP_AT_SERVICE_ROUTE:
		return true;
	default:
		return false;
	}
}

/* Is @ref sent-by of the topmost Via, or received behind it? */
static bool sip_top_via(const struct alg_sip_msg *msg, const struct alg_sip_ref *ref)
{
	const struct alg_sip_ref *top = &msg->refs[msg->top_via];

	if (msg->top_via >= msg->n_refs || ref->where != ALG_SIP_AT_VIA || ref < top)
		return false;
	for (; ref > top; ref--) {
		if (ref->part == ALG_SIP_HOST)
			return false;
	}
	return true;
}

/* A message whose Contacts say where the sender is reached, not where others are (RFC 3261, 10.3 step 8, 21.3). */
static bool sip_contact_is_sender(const struct alg_sip_msg *msg)
{
	return msg->kind == ALG_SIP_REQUEST || (msg->status < 300 && msg->method != ALG_SIP_REGISTER);
}

/*
 * The port stays: not when the address gets the port with which it is the pair's endpoint, for then the other direction would make
 * something else of it than was written.
 */
static enum sip_match sip_keep_port(const struct sip_pair *pair, u16 port)
{
	return port == pair->to->port ? SIP_LEAVE : SIP_ADDRESS;
}

/*
 * sent-by of the sender in its request's topmost Via, whatever port it listens at: answers must come to where the request came
 * from. They go to this port (RFC 3261, 18.2.2), unless they come by the connection, or there is rport (RFC 3581, 4).
 */
static bool sip_answers_come_to(const struct sip_plan *p, const struct alg_sip_ref *ref)
{
	return ref->where == ALG_SIP_AT_VIA && ref->part == ALG_SIP_HOST && p->msg->kind == ALG_SIP_REQUEST && !p->nat->stream &&
	       !(ref->flags & ALG_SIP_REF_RPORT) && sip_top_via(p->msg, ref);
}

/* The address of @pair with another port. @own: the sender's pair, not the receiver's. */
static enum sip_match sip_match_port(const struct sip_plan *p, const struct alg_sip_ref *ref, u16 port,
				     const struct sip_pair *pair, bool own)
{
	if (sip_same_addr(pair->from, pair->to))
		return SIP_LEAVE;
	if (sip_names_party(ref))
		return sip_keep_port(pair, port);
	switch (ref->where) {
	case ALG_SIP_AT_REQUEST_URI:
		/* the domain that the receiver serves; nobody sends it back */
		return own ? SIP_LEAVE : SIP_ADDRESS;
	case ALG_SIP_AT_VIA:
		/* RFC 3261, 18.1.2: an answer's topmost sent-by is the one that its receiver wrote */
		if (own != (p->msg->kind == ALG_SIP_REQUEST) || !sip_top_via(p->msg, ref))
			return SIP_LEAVE;
		return sip_keep_port(pair, port);
	case ALG_SIP_AT_CONTACT:
		return own && sip_contact_is_sender(p->msg) ? SIP_ENDPOINT : SIP_LEAVE;
	default:
		return sip_routes(ref) && p->nat->stream ? sip_keep_port(pair, port) : SIP_LEAVE;
	}
}

/* No port is meant: maddr (RFC 3261, 19.1.1), received without a value of rport, parties without port. */
static bool sip_portless(const struct alg_sip_ref *ref)
{
	return !ref->port_len && (ref->part != ALG_SIP_HOST || sip_names_party(ref));
}

static bool sip_find(const struct sip_plan *p, const struct alg_sip_ref *ref, u16 port, struct alg_endpoint *found)
{
	struct alg_endpoint ep;

	if (!p->nat->find)
		return false;
	ep = ref->ep;
	ep.port = port;
	return p->nat->find(p->nat->ctx, ref, &ep, found) && found->family == ep.family;
}

/* @port: meant by @ref. *@seen: what the receiver must see, perhaps @found. */
static enum sip_match sip_match(const struct sip_plan *p, const struct alg_sip_ref *ref, u16 port, struct alg_endpoint *found,
				const struct alg_endpoint **seen)
{
	const struct alg_sip_nat *nat = p->nat;
	const struct sip_pair own = { &nat->own, &nat->own_public }, peer = { &nat->peer, &nat->peer_real };
	bool is_own = sip_same_addr(&ref->ep, own.from), is_peer = sip_same_addr(&ref->ep, peer.from);
	enum sip_match whole = sip_portless(ref) ? SIP_ADDRESS : SIP_ENDPOINT, match = SIP_LEAVE;

	if (is_own && (port == own.from->port || whole == SIP_ADDRESS)) {
		*seen = own.to;
		return whole;
	}
	if (is_peer && (port == peer.from->port || whole == SIP_ADDRESS)) {
		*seen = peer.to;
		return whole;
	}
	/* not elsewhere, even if somebody has registered with that port */
	if (is_own && sip_answers_come_to(p, ref) && !sip_same_addr(own.from, own.to)) {
		*seen = own.to;
		return SIP_ENDPOINT;
	}
	if (sip_find(p, ref, port, found)) {
		*seen = found;
		return whole;
	}
	if (is_own)
		match = sip_match_port(p, ref, port, &own, true);
	if (match != SIP_LEAVE) {
		*seen = own.to;
		return match;
	}
	*seen = peer.to;
	return is_peer ? sip_match_port(p, ref, port, &peer, false) : SIP_LEAVE;
}

/* ---- edits ---- */

/*
 * Address, and @port if it is not 0: in one edit where they stand side by side. The new address is in brackets where the old one
 * was, and where the port would not be told from it (RFC 3261, 25.1: IPv6reference).
 */
static void sip_put_host(struct sip_plan *p, const struct alg_sip_ref *ref, const struct alg_endpoint *seen, u16 port)
{
	bool joined = ref->part == ALG_SIP_HOST && ref->port_len && ref->port_off == ref->off + ref->len + 1;
	bool brackets = ref->flags & ALG_SIP_REF_BRACKETS || (seen->family == 6 && port && !ref->port_len);
	char text[SIP_PLAN_TEXT] ALG_UNINIT;
	u32 n = 0, old = ref->len;

	if (brackets)
		text[n++] = '[';
	n += sip_plan_addr(p, seen, text + n);
	if (brackets)
		text[n++] = ']';
	if (port && (joined || !ref->port_len)) {
		text[n++] = ':';
		n += alg_format_u32(text + n, port);
		old += joined ? 1U + ref->port_len : 0U;
		port = 0;
	}
	sip_plan_put(p, ref->off, old, text, n);
	if (port)
		sip_plan_put_u32(p, ref->port_off, ref->port_len, port);
}

/* The answer's topmost Via gets the port back that the request's had. */
static bool sip_wants_via_port(const struct sip_plan *p, const struct alg_sip_ref *ref, const struct alg_endpoint *seen)
{
	return p->nat->via_port && p->msg->kind == ALG_SIP_RESPONSE && ref->part == ALG_SIP_HOST && seen == &p->nat->peer_real &&
	       sip_top_via(p->msg, ref);
}

/* rport without received: the port of who is at sent-by's address. */
static void sip_plan_rport(struct sip_plan *p, const struct alg_sip_ref *ref)
{
	const struct alg_sip_nat *nat = p->nat;
	u16 port;

	if (ref->rport == nat->own.port && sip_same_addr(&ref->ep, &nat->own))
		port = nat->own_public.port;
	else if (ref->rport == nat->peer.port && sip_same_addr(&ref->ep, &nat->peer))
		port = nat->peer_real.port;
	else
		return;
	if (port != ref->rport)
		sip_plan_put_u32(p, ref->rport_off, ref->rport_len, port);
}

static void sip_plan_ref(struct sip_plan *p, const struct alg_sip_ref *ref)
{
	u16 port = ref->port_len ? ref->ep.port : sip_default_port(ref), to = 0;
	const struct alg_endpoint *seen;
	struct alg_endpoint found;
	enum sip_match match;

	match = sip_match(p, ref, port, &found, &seen);
	if (match == SIP_LEAVE)
		return;
	if (match == SIP_ENDPOINT)
		to = sip_wants_via_port(p, ref, seen) ? p->nat->via_port : seen->port;
	if (to == port)
		to = 0;
	if (!sip_same_addr(seen, &ref->ep) || (to && !ref->port_len))
		sip_put_host(p, ref, seen, to);
	else if (to)
		sip_plan_put_u32(p, ref->port_off, ref->port_len, to);
}

/* Content-Length, once it is known by how much the body grows; what has none needs none (RFC 3261, 18.3). */
static void sip_plan_body(struct sip_plan *p)
{
	const struct alg_sip_msg *msg = p->msg;
	s32 headers = p->plan->delta, delta;

	sip_plan_bodies(p);
	delta = p->plan->delta - headers;
	if (!delta)
		return;
	if (msg->length.len)
		sip_plan_put_u32(p, msg->length.off, msg->length.len, (u32)((s32)msg->body_len + delta));
	if (msg->length_again.len)
		sip_plan_put_u32(p, msg->length_again.off, msg->length_again.len, (u32)((s32)msg->body_len + delta));
}

static bool sip_too_long(const struct alg_sip_msg *msg, s32 delta)
{
	u32 len = msg->header_len;

	/* a stream's message whose body nobody looks at may be longer from the start */
	if (msg->body_len <= ALG_SIP_MESSAGE_MAX - len)
		len += msg->body_len;
	return delta > 0 && len + (u32)delta > ALG_SIP_MESSAGE_MAX;
}

/* Not by zeroing all of it: that would cost as much as a header. */
static void sip_plan_begin(struct sip_plan *p, const u8 *data, const struct alg_sip_msg *msg, struct alg_plan *plan)
{
	p->data = data;
	p->msg = msg;
	p->plan = plan;
	p->texts[0].len = 0;
	p->texts[1].len = 0;
	p->last = 0;
	p->full = false;
}

int alg_sip_plan(const u8 *data, const struct alg_sip_msg *msg, const struct alg_sdp *sdp, const struct alg_sip_nat *nat,
		 const struct alg_sip_media_map *media, struct alg_plan *plan)
{
	struct alg_plan_mark mark = alg_plan_mark(plan);
	struct sip_plan p ALG_UNINIT;
	unsigned int i;

	sip_plan_begin(&p, data, msg, plan);
	p.sdp = sdp;
	p.nat = nat;
	p.media = media;
	for (i = 0; nat && i < msg->n_refs && !p.full; i++) {
		sip_plan_ref(&p, &msg->refs[i]);
		if (msg->refs[i].rport_len)
			sip_plan_rport(&p, &msg->refs[i]);
	}
	if (sdp && msg->n_bodies && !p.full)
		sip_plan_body(&p);
	if (!p.full && !sip_too_long(msg, plan->delta))
		return 0;
	alg_plan_undo(plan, mark);
	return p.full ? -ENOSPC : -EMSGSIZE;
}
