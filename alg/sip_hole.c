// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pinholes that a call needs by now. They are worked out anew with every message and compared with what stands, so
 * that re-INVITEs, forks, hold, port 0, lost signalling connections and expired media need no code of their own.
 */
#include <linux/module.h>

#include "sip_call.h"

enum { MEDIA_SDP_PEER, MEDIA_SIGNALLING_PEER, MEDIA_ANY };	/* option direct-media */
enum { HOLD_KEEP, HOLD_CLOSE };					/* option hold */

/* The direction in which the messages of a side go. */
static enum ip_conntrack_dir dir_of(const struct sip_turn *t, u8 side)
{
	return side == t->side ? t->m->work->dir : !t->m->work->dir;
}

/* ---- pinholes that are wanted ---- */

/* Who may send to whom: to @part of @to's @stream, which is @s, by @public. The rest is as in struct sip_hole. */
struct way {
	struct sip_turn *t;
	const struct sip_dialog *d;
	const struct sip_party *to;
	const struct sip_stream *s;
	u8 stream, part;
	struct nf_alg_public *public, *source;
	struct alg_endpoint peer;
	u16 port;
	bool anyone;
};

/* Announced once more, what is not translated is held once more. */
static bool same_public(const struct nf_alg_public *a, const struct nf_alg_public *b)
{
	if (a == b || !a || !b)
		return a == b;
	return a->l4proto == b->l4proto && sip_same_endpoint(&a->target, &b->target) &&
	       sip_same_endpoint(&a->public, &b->public);
}

static bool hole_is(const struct sip_hole *h, const struct way *w)
{
	return h->leg == w->d->leg && same_public(h->to, w->public) && same_public(h->source, w->source) &&
	       h->anyone == w->anyone && (h->anyone || sip_same_endpoint(&h->peer, &w->peer));
}

/* One that is there already. Whoever was waited for turns out to be this one. */
static struct sip_hole *hole_find(const struct way *w)
{
	struct sip_hole *h, *waiting = NULL;

	list_for_each_entry(h, &w->t->call->holes, list) {
		if (!hole_is(h, w))
			continue;
		if (h->anyone || h->port == w->port)
			return h;
		if (!h->port && !h->wanted)
			waiting = h;
	}
	return waiting;
}

static void want(const struct way *w)
{
	struct sip_call *call = w->t->call;
	struct sip_hole *h = hole_find(w);

	if (h) {
		h->wanted = true;
		h->port = w->port;
		return;
	}
	if (call->n_holes >= SIP_HOLES)
		return;
	h = kmalloc(sizeof(*h), GFP_ATOMIC | __GFP_NOWARN);
	if (!h) {
		nf_alg_work_refuse(w->t->m->work, NF_ALG_REASON_NO_MEMORY);
		return;
	}
	nf_alg_public_hold(w->public);
	if (w->source)
		nf_alg_public_hold(w->source);
	h->to = w->public;
	h->source = w->source;
	h->peer = w->peer;
	h->hole = NULL;
	h->former = NULL;
	h->fresh = 0;
	h->serial = 0;
	h->used = false;
	h->port = w->port;
	h->anyone = w->anyone;
	h->leg = w->d->leg;
	h->side = w->to->side;
	h->role = w->to->role;
	h->stream = w->stream;
	h->part = w->part;
	h->rtcp = w->s->rtcp && (w->part & 1);
	h->wanted = true;
	memcpy(h->type, w->s->type, sizeof(h->type));
	list_add_tail(&h->list, &call->holes);
	call->n_holes++;
}

/*
 * As whom packets of the owner of @from come: from exactly its endpoint where that is translated, so that they leave as
 * its public one.
 */
static void way_from(struct way *w, const struct sip_part *from)
{
	w->source = NULL;
	w->peer = from->ep;
	w->port = w->s->l4proto == IPPROTO_UDP ? from->ep.port : 0;
	if (from->public && from->public->mapped) {
		w->peer = from->public->target;
		if (w->s->l4proto == IPPROTO_UDP) {
			w->source = from->public;
			return;
		}
	}
	w->peer.port = 0;
}

/* Before the other party has said where it is, its signalling peer may send: often it relays early media. */
static void want_waiting(struct way *w, const struct sip_part *to)
{
	if (!to->public)
		return;
	w->public = to->public;
	w->source = NULL;
	w->peer = w->d->peer;
	w->port = 0;
	w->anyone = sip_option(w->t, NF_ALG_A_OPTION_DIRECT_MEDIA) == MEDIA_ANY;
	want(w);
}

/* From an outside party to an inside one. */
static void want_in(struct way *w, const struct sip_part *to, const struct sip_part *from)
{
	u32 who = sip_option(w->t, NF_ALG_A_OPTION_DIRECT_MEDIA);

	if (who == MEDIA_SIGNALLING_PEER || !from->ep.family) {
		want_waiting(w, to);
		return;
	}
	if (!to->public)
		return;
	w->public = to->public;
	way_from(w, from);
	w->anyone = who == MEDIA_ANY;
	if (w->anyone)
		w->source = NULL;
	want(w);
}

static void want_out(struct way *w, const struct sip_part *to, const struct sip_part *from)
{
	if (!to->public || !from->ep.family)
		return;
	if (sip_option(w->t, NF_ALG_A_OPTION_DIRECT_MEDIA) == MEDIA_SIGNALLING_PEER &&
	    !sip_same_addr(&to->ep, &w->d->peer))
		return;
	w->public = to->public;
	way_from(w, from);
	w->anyone = false;
	want(w);
}

/* A pair of descriptions, @in of the inside party. */
struct pair {
	struct way w;
	const struct sip_party *inside, *outside;
	const struct sip_desc *in, *out;
};

static void want_parts(struct pair *p, const struct sip_stream *in, const struct sip_stream *out)
{
	const struct sip_part *a = &p->in->parts[in->first], *b = &p->out->parts[out->first];
	unsigned int k, n = max(in->n, out->n);

	for (k = 0; k < n; k++) {
		const struct sip_part *from = k < in->n ? &a[k] : &a[0], *to = k < out->n ? &b[k] : &b[0];

		if (in->mux && out->mux && (k & 1))	/* RFC 5761, 5.1.1 */
			continue;
		if (to->near && sip_option(p->w.t, NF_ALG_A_OPTION_SAME_NAT) == SIP_SAME_NAT_DIRECT)
			continue;
		p->w.part = k;
		p->w.s = in;
		p->w.to = p->inside;
		if (k < in->n && !in->active)
			want_in(&p->w, from, to);
		p->w.s = out;
		p->w.to = p->outside;
		if (k < out->n && !out->active)
			want_out(&p->w, to, from);
	}
}

static void want_stream_waiting(struct pair *p, const struct sip_stream *in)
{
	unsigned int k;

	p->w.s = in;
	p->w.to = p->inside;
	for (k = 0; k < in->n && !in->active; k++) {
		p->w.part = k;
		want_waiting(&p->w, &p->in->parts[in->first + k]);
	}
}

/* A stream that is new in an offer, or was closed before it: the other party's word on it is still to come. */
static bool is_awaited(const struct pair *p)
{
	return !p->out || (p->in->offer && (s32)(p->in->seq - p->out->seq) > 0);
}

static void want_stream(struct pair *p, unsigned int i)
{
	const struct sip_stream *in = &p->in->streams[i], *out = NULL;

	p->w.stream = i;
	if (p->out && i < p->out->n_streams)
		out = &p->out->streams[i];
	if (in->closed || !in->n)
		return;
	if ((in->hold || (out && out->hold)) && sip_option(p->w.t, NF_ALG_A_OPTION_HOLD) == HOLD_CLOSE)
		return;
	if (!out || out->closed) {
		if (is_awaited(p))
			want_stream_waiting(p, in);
	} else if (!out->n) {	/* a host name: whoever that is */
		want_stream_waiting(p, in);
	} else if (in->l4proto == out->l4proto) {
		want_parts(p, in, out);
	}
}

static void want_descs(struct pair *p, const struct sip_desc *in, const struct sip_desc *out)
{
	unsigned int i;

	p->in = in;
	p->out = out;
	for (i = 0; in && i < in->n_streams; i++)
		want_stream(p, i);
}

/* Has a branch of this INVITE said where its media are? */
static bool has_answer(const struct sip_call *call, const struct sip_dialog *d)
{
	int i;

	for (i = 0; i < SIP_DIALOGS; i++) {
		const struct sip_dialog *s = call->dialogs[i];

		if (s && s != d && s->leg == d->leg && s->party[SIP_INSIDE] == d->party[SIP_INSIDE] &&
		    s->party[SIP_OUTSIDE] != SIP_NONE && call->parties[s->party[SIP_OUTSIDE]]->desc)
			return true;
	}
	return false;
}

/* While an offer is open what counted before counts as well: media change over when the other side likes. */
static void want_dialog(struct sip_turn *t, const struct sip_dialog *d)
{
	const struct sip_party *in, *out = NULL;
	struct pair p ALG_UNINIT;

	p.w.t = t;
	p.w.d = d;
	if (d->party[SIP_INSIDE] == SIP_NONE)
		return;
	in = t->call->parties[d->party[SIP_INSIDE]];
	if (d->party[SIP_OUTSIDE] != SIP_NONE)
		out = t->call->parties[d->party[SIP_OUTSIDE]];
	p.inside = in;
	p.outside = out;
	if (!out || !out->desc) {
		if (has_answer(t->call, d))
			return;
		want_descs(&p, in->desc, NULL);
		want_descs(&p, in->before, NULL);
		return;
	}
	want_descs(&p, in->desc, out->desc);
	want_descs(&p, in->before, out->desc);
	if (!out->before)
		return;
	want_descs(&p, in->desc, out->before);
	want_descs(&p, in->before, out->before);
}

static bool is_live(const struct sip_dialog *d)
{
	return !d->superseded && !d->answered &&
	       (d->state.state == ALG_SIP_DIALOG_EARLY || d->state.state == ALG_SIP_DIALOG_CONFIRMED);
}

/* ---- pinholes that stand ---- */

static void hole_free(struct sip_call *call, struct sip_hole *h)
{
	list_del(&h->list);
	call->n_holes--;
	nf_alg_hole_drop(h->former, true);
	nf_alg_hole_drop(h->hole, true);
	nf_alg_public_put(h->to);
	nf_alg_public_put(h->source);
	kfree(h);
}

static void hole_open(struct sip_turn *t, struct sip_hole *h)
{
	struct nf_alg_pinhole_req req ALG_UNINIT;

	nf_alg_pinhole_req_init(&req, dir_of(t, h->side), h->to->l4proto);
	req.target = h->to->target;
	req.timeout = t->call->media_timeout;
	req.public = h->to;
	req.peer = h->peer;
	req.anyone = h->anyone;
	req.source = h->source;
	req.permanent = h->anyone;	/* not for the first that comes alone */
	req.call = t->call->id;
	req.idle = t->call->media_timeout;
	h->hole = nf_alg_hole_open(t->m->work, &req);
	h->serial = t->call->serial;
	h->fresh = jiffies;
	h->used = false;
}

/* Media go both ways by one connection, whoever began it: a second pinhole of the same stream is not missed. */
static bool has_twin(const struct sip_call *call, const struct sip_hole *h)
{
	const struct sip_hole *o;

	list_for_each_entry(o, &call->holes, list)
		if (o->used && o->hole && o->side != h->side && o->leg == h->leg && o->part == h->part &&
		    sip_same_addr(&o->peer, &h->to->target) && sip_same_addr(&h->peer, &o->to->target))
			return true;
	return false;
}

/*
 * A pinhole for any port is used up by the first that comes. If that was another port than the one that the other party
 * named, two branches at one address perhaps, there is one more.
 */
static bool came_from_elsewhere(const struct sip_hole *h)
{
	struct nf_alg_pinhole_info info;
	u64 packets[2], bytes[2];

	return h->port && !h->peer.port && !h->anyone && nf_alg_hole_traffic(h->hole, &info, packets, bytes) &&
	       info.state == NF_ALG_PINHOLE_STATE_ACTIVE && info.child_src.port != h->port;
}

static void hole_keep(struct sip_turn *t, struct sip_hole *h)
{
	if (h->hole && nf_alg_hole_stands(h->hole)) {
		if (!h->former && came_from_elsewhere(h)) {
			h->former = h->hole;
			hole_open(t, h);
			return;
		}
		nf_alg_hole_refresh(h->hole, t->call->media_timeout);
		h->fresh = jiffies;
		return;
	}
	nf_alg_hole_drop(h->hole, true);
	h->hole = NULL;
	if (!h->fresh || h->anyone || !has_twin(t->call, h))
		hole_open(t, h);
}

void sip_holes_open(struct sip_turn *t)
{
	struct sip_call *call = t->call;
	struct sip_hole *h, *next;
	int i;

	list_for_each_entry(h, &call->holes, list)
		h->wanted = false;
	for (i = 0; i < SIP_DIALOGS; i++)
		if (call->dialogs[i] && is_live(call->dialogs[i]))
			want_dialog(t, call->dialogs[i]);
	/* First close: conntrack has no two expectations that overlap. */
	list_for_each_entry_safe(h, next, &call->holes, list)
		if (!h->wanted)
			hole_free(call, h);
	list_for_each_entry(h, &call->holes, list)
		if (h->leg == t->leg)
			hole_keep(t, h);
}

void sip_holes_close(struct sip_call *call)
{
	struct sip_hole *h, *next;

	list_for_each_entry_safe(h, next, &call->holes, list)
		hole_free(call, h);
}

void sip_holes_undo(struct sip_call *call)
{
	struct sip_hole *h, *next;

	list_for_each_entry_safe(h, next, &call->holes, list)
		if (h->serial == call->serial)
			hole_free(call, h);
}

/* ---- collector ---- */

static bool is_active(const struct sip_hole *h)
{
	struct nf_alg_pinhole_info info;
	u64 packets[2], bytes[2];

	return h->hole && nf_alg_hole_traffic(h->hole, &info, packets, bytes) &&
	       info.state == NF_ALG_PINHOLE_STATE_ACTIVE;
}

static void hole_check(struct sip_call *call, struct sip_hole *h)
{
	unsigned long idle = h->fresh + (unsigned long)call->media_timeout * HZ;

	if (h->former && !h->anyone && !nf_alg_hole_stands(h->former)) {
		nf_alg_hole_drop(h->former, false);
		h->former = NULL;
	}
	if (!h->hole)
		return;
	if (nf_alg_hole_stands(h->hole)) {
		if (h->anyone && has_twin(call, h)) {
			nf_alg_hole_refresh(h->hole, call->media_timeout);
			h->fresh = jiffies;
		}
		return;
	}
	if (h->anyone)	/* those who came are still there, until the call ends */
		swap(h->hole, h->former);
	nf_alg_hole_drop(h->hole, h->anyone);
	h->hole = NULL;
	/* Nobody came, or nobody came any more. Otherwise its signalling connection has ended. */
	if (!has_twin(call, h) && (h->used || time_after_eq(jiffies, idle)))
		nf_alg_count(call->account, NF_ALG_PROTOCOL_SIP, NF_ALG_REASON_MEDIA_IDLE);
	h->used = false;
}

void sip_holes_check(struct sip_call *call)
{
	struct sip_hole *h;

	list_for_each_entry(h, &call->holes, list)
		h->used |= is_active(h);
	list_for_each_entry(h, &call->holes, list)
		hole_check(call, h);
}
