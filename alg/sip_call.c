// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose message is it, and what does it mean for its call?
 *
 * What is trusted: Call-ID alone is not, it is no secret from anybody on the path of one message. A message counts for
 * a leg only if one end of its connection is that leg's inside party, by address; and there, for a dialog, only if both
 * tags are the dialog's. Where the callee's tag is not known yet (responses to an INVITE, its CANCEL and its
 * repetition) the other end must be, by address, the one that the INVITE went to or came from. So who can close or
 * redirect media has seen a dialog's messages, or can forge both addresses of its connection. An INVITE that fits
 * nothing begins a leg or a dialog of its own, beside the others, and closes none of theirs.
 */
#include <linux/module.h>

#include "sip_call.h"

#define FORK_TIME	(32 * HZ)	/* how long further 2xx are waited for: 64 * T1 (RFC 3261, 13.2.2.4) */
#define SESSION_MIN	90		/* RFC 4028, 5 */

static bool is_request(const struct sip_message *m)
{
	return m->msg.kind == ALG_SIP_REQUEST;
}

static bool is_invite(const struct sip_message *m)
{
	return is_request(m) && m->msg.method == ALG_SIP_INVITE;
}

static bool is_failure(const struct sip_message *m)
{
	return m->msg.kind == ALG_SIP_RESPONSE && m->msg.method == ALG_SIP_INVITE && m->msg.status >= 300;
}

/* ---- legs ---- */

static const struct alg_endpoint *end_of(const struct sip_turn *t, u8 side)
{
	return side == t->side ? &t->m->sender : &t->m->receiver;
}

static void sides(struct sip_turn *t, u8 side)
{
	const struct alg_sip_msg *msg = &t->m->msg;
	bool request = is_request(t->m);

	t->side = side;
	t->tag[side] = sip_tag_hash(t->m, request ? &msg->from_tag : &msg->to_tag);
	t->tag[!side] = sip_tag_hash(t->m, request ? &msg->to_tag : &msg->from_tag);
}

static u8 leg_of(const struct sip_call *call, const struct alg_endpoint *inside)
{
	u8 i;

	for (i = 0; i < call->n_legs; i++)
		if (sip_same_addr(&call->legs[i], inside))
			return i;
	return SIP_NONE;
}

bool sip_leg_used(const struct sip_call *call, u8 leg)
{
	int i;

	for (i = 0; i < SIP_DIALOGS; i++)
		if (call->dialogs[i] && call->dialogs[i]->leg == leg)
			return true;
	return false;
}

static u8 leg_new(struct sip_call *call, const struct alg_endpoint *inside)
{
	u8 i;

	for (i = 0; i < call->n_legs && sip_leg_used(call, i); i++)
		;
	if (i == SIP_LEGS)
		return SIP_NONE;
	call->legs[i] = *inside;
	memset(&call->conns[i], 0, sizeof(call->conns[i]));
	call->n_legs = max_t(u8, call->n_legs, i + 1);
	return i;
}

/* Without translation who is inside depends on who began the connection; a call keeps its first idea of it. */
static bool find_leg(struct sip_turn *t)
{
	t->leg = leg_of(t->call, end_of(t, SIP_INSIDE));
	if (t->leg != SIP_NONE)
		return true;
	if (!t->m->work->translated) {
		t->leg = leg_of(t->call, end_of(t, SIP_OUTSIDE));
		if (t->leg != SIP_NONE) {
			sides(t, !t->side);
			return true;
		}
	}
	if (is_invite(t->m))
		t->leg = leg_new(t->call, end_of(t, SIP_INSIDE));
	return t->leg != SIP_NONE;
}

/* ---- parties ---- */

static u8 party_role(struct sip_call *call, u64 tag)
{
	int i;

	if (tag == call->caller)
		return 0;
	for (i = 0; i < SIP_PARTIES; i++)
		if (call->parties[i] && call->parties[i]->tag == tag)
			return call->parties[i]->role;
	return ++call->roles;
}

/* Index of the party with the turn's tag on that side, made if need be; SIP_NONE: there are too many, or no memory. */
static u8 party_get(struct sip_turn *t, u8 side)
{
	struct sip_call *call = t->call;
	u8 i, place = SIP_NONE;
	struct sip_party *p;

	for (i = 0; i < SIP_PARTIES; i++) {
		p = call->parties[i];
		if (!p)
			place = place == SIP_NONE ? i : place;
		else if (p->leg == t->leg && p->side == side && p->tag == t->tag[side])
			return i;
	}
	if (place == SIP_NONE)
		return SIP_NONE;
	p = kzalloc(sizeof(*p), GFP_ATOMIC | __GFP_NOWARN);
	if (!p)
		return SIP_NONE;
	p->tag = t->tag[side];
	p->leg = t->leg;
	p->side = side;
	p->role = party_role(call, p->tag);
	call->parties[place] = p;
	return place;
}

static bool party_is(const struct sip_turn *t, u8 index, u8 side)
{
	return index != SIP_NONE && t->call->parties[index]->tag == t->tag[side];
}

static bool party_used(const struct sip_call *call, u8 index)
{
	int i;

	for (i = 0; i < SIP_DIALOGS; i++)
		if (call->dialogs[i] && (call->dialogs[i]->party[0] == index || call->dialogs[i]->party[1] == index))
			return true;
	return false;
}

/* Gives up parties that are in no dialog any more. */
static void parties_trim(struct sip_call *call)
{
	u8 i;

	for (i = 0; i < SIP_PARTIES; i++) {
		if (!call->parties[i] || party_used(call, i))
			continue;
		sip_media_forget(call->parties[i]);
		kfree(call->parties[i]);
		call->parties[i] = NULL;
		if (call->undo == i)
			call->undo = SIP_NONE;
	}
}

/* ---- dialogs ---- */

/* Has no callee yet? */
static bool is_open_ended(const struct sip_dialog *d)
{
	return d->party[0] == SIP_NONE || d->party[1] == SIP_NONE;
}

static struct sip_dialog *dialog_exact(const struct sip_turn *t)
{
	int i;

	if (!t->tag[0] || !t->tag[1])
		return NULL;
	for (i = 0; i < SIP_DIALOGS; i++) {
		struct sip_dialog *d = t->call->dialogs[i];

		if (d && d->leg == t->leg && party_is(t, d->party[0], 0) && party_is(t, d->party[1], 1))
			return d;
	}
	return NULL;
}

/* The one with the caller on @side whose callee is not known, by the caller's tag and both ends' addresses. */
static struct sip_dialog *dialog_open_ended(const struct sip_turn *t, u8 side)
{
	int i;

	for (i = 0; i < SIP_DIALOGS; i++) {
		struct sip_dialog *d = t->call->dialogs[i];

		if (d && d->leg == t->leg && d->party[!side] == SIP_NONE && party_is(t, d->party[side], side) &&
		    sip_same_addr(&d->peer, end_of(t, SIP_OUTSIDE)))
			return d;
	}
	return NULL;
}

static struct sip_dialog *dialog_new(struct sip_turn *t, u8 caller, u8 callee)
{
	struct sip_call *call = t->call;
	struct sip_dialog *d;
	int i;

	for (i = 0; i < SIP_DIALOGS && call->dialogs[i]; i++)
		;
	if (i == SIP_DIALOGS || caller == SIP_NONE)
		return NULL;
	d = kzalloc(sizeof(*d), GFP_ATOMIC | __GFP_NOWARN);
	if (!d)
		return NULL;
	d->leg = t->leg;
	d->party[call->parties[caller]->side] = caller;
	d->party[!call->parties[caller]->side] = callee;
	d->peer = *end_of(t, SIP_OUTSIDE);
	d->peer.port = 0;
	call->dialogs[i] = d;
	return d;
}

static void dialog_drop(struct sip_call *call, struct sip_dialog *d)
{
	int i;

	for (i = 0; i < SIP_DIALOGS; i++) {
		if (call->dialogs[i] != d)
			continue;
		call->dialogs[i] = NULL;
		kfree(d);
		return;
	}
}

static struct sip_dialog *dialog_begin(struct sip_turn *t)
{
	u8 callee = SIP_NONE, caller = party_get(t, t->side);

	if (t->tag[!t->side]) {	/* one that was there before us */
		callee = party_get(t, !t->side);
		if (callee == SIP_NONE)
			return NULL;
	}
	return dialog_new(t, caller, callee);
}

/* The first answer with a tag of its own: one of perhaps several branches (RFC 3261, 12.1). */
static struct sip_dialog *dialog_fork(struct sip_turn *t, const struct sip_dialog *from)
{
	struct sip_dialog *d;
	u8 callee;

	if (from->answered && time_after(jiffies, from->answered + FORK_TIME))
		return NULL;
	callee = party_get(t, t->side);
	if (callee == SIP_NONE)
		return NULL;
	d = dialog_new(t, from->party[!t->side], callee);
	if (d) {
		d->state = from->state;
		d->superseded = from->answered;
	}
	return d;
}

/*
 * RFC 3261, 13.2.2: final responses other than 2xx are about all branches; they come with a tag of any of them, or with
 * a new one.
 */
static struct sip_dialog *invite_answered(struct sip_turn *t)
{
	struct sip_dialog *d = dialog_exact(t), *open = dialog_open_ended(t, !t->side);

	if (!open || (d && d->state.state == ALG_SIP_DIALOG_CONFIRMED))
		return d;
	if (is_failure(t->m) || !t->tag[t->side])
		return open;
	return d ?: dialog_fork(t, open);
}

static struct sip_dialog *find_dialog(struct sip_turn *t)
{
	const struct sip_message *m = t->m;
	struct sip_dialog *d;

	if (!is_request(m))
		return m->msg.method == ALG_SIP_INVITE ? invite_answered(t) : dialog_exact(t);
	if (t->tag[!t->side])
		d = dialog_exact(t);
	else if (m->msg.method == ALG_SIP_INVITE || m->msg.method == ALG_SIP_CANCEL)
		d = dialog_open_ended(t, t->side);
	else
		d = NULL;
	return d || !is_invite(m) ? d : dialog_begin(t);
}

/* Do both stem from the same INVITE? */
static bool is_sibling(const struct sip_dialog *a, const struct sip_dialog *b)
{
	u8 side = a->state.caller;

	return a != b && a->leg == b->leg && side == b->state.caller && a->party[side] == b->party[side] &&
	       a->state.invite[side].cseq == b->state.invite[side].cseq;
}

static bool is_pending(const struct sip_dialog *d)
{
	return d->state.state == ALG_SIP_DIALOG_EARLY || d->state.state == ALG_SIP_DIALOG_CANCELLED;
}

static void accepted(struct sip_call *call, struct sip_dialog *d)
{
	int i;

	d->superseded = false;
	for (i = 0; i < SIP_DIALOGS; i++) {
		struct sip_dialog *s = call->dialogs[i];

		if (!s || !is_sibling(s, d) || !is_pending(s))
			continue;
		if (is_open_ended(s))
			s->answered = jiffies | 1;
		else
			s->superseded = true;
	}
}

static void cancelled(struct sip_call *call, const struct sip_dialog *d)
{
	int i;

	for (i = 0; i < SIP_DIALOGS; i++)
		if (call->dialogs[i] && is_sibling(call->dialogs[i], d) && is_pending(call->dialogs[i]))
			call->dialogs[i]->state.state = ALG_SIP_DIALOG_CANCELLED;
}

/*
 * The same dialog on another leg, where the sides are the other way round, or on which its inside party was before it
 * moved.
 */
static bool is_same_dialog(const struct sip_call *call, const struct sip_dialog *a, const struct sip_dialog *b)
{
	u64 tag[2];

	if (a == b || is_open_ended(a) || is_open_ended(b))
		return false;
	tag[0] = call->parties[a->party[0]]->tag;
	tag[1] = call->parties[a->party[1]]->tag;
	return (call->parties[b->party[0]]->tag == tag[0] && call->parties[b->party[1]]->tag == tag[1]) ||
	       (call->parties[b->party[0]]->tag == tag[1] && call->parties[b->party[1]]->tag == tag[0]);
}

/* Whoever sends BYE has left, on all legs. */
static void left(struct sip_call *call, const struct sip_dialog *d)
{
	int i;

	for (i = 0; i < SIP_DIALOGS; i++)
		if (call->dialogs[i] && is_same_dialog(call, d, call->dialogs[i]))
			dialog_drop(call, call->dialogs[i]);
}

/*
 * @d is over; @all: so are the branches of the same INVITE that nobody accepted. One that is to be tried again is
 * remembered.
 */
static void dialog_over(struct sip_call *call, struct sip_dialog *d, bool all, bool again)
{
	int i;

	for (i = 0; all && i < SIP_DIALOGS; i++)
		if (call->dialogs[i] && is_sibling(call->dialogs[i], d) && is_pending(call->dialogs[i]))
			dialog_drop(call, call->dialogs[i]);
	if (!again)
		dialog_drop(call, d);
}

/* ---- the call as a whole ---- */

static bool both_spoke(const struct sip_call *call, const struct sip_dialog *d)
{
	return !is_open_ended(d) && call->parties[d->party[0]]->desc && call->parties[d->party[1]]->desc;
}

/* Return: enum nf_alg_call_state, or -1: nothing is left. */
static int call_state(const struct sip_call *call)
{
	bool early = false, setup = false, any = false;
	int i;

	for (i = 0; i < SIP_DIALOGS; i++) {
		const struct sip_dialog *d = call->dialogs[i];

		if (!d || d->answered || d->superseded)
			continue;
		any = true;
		if (d->state.state == ALG_SIP_DIALOG_CONFIRMED)
			return NF_ALG_CALL_STATE_ESTABLISHED;
		if (d->state.state == ALG_SIP_DIALOG_EARLY)
			setup = true;
		early |= d->state.state == ALG_SIP_DIALOG_EARLY && both_spoke(call, d);
	}
	if (early)
		return NF_ALG_CALL_STATE_EARLY;
	if (setup)
		return NF_ALG_CALL_STATE_SETUP;
	return any ? NF_ALG_CALL_STATE_CLOSING : -1;
}

/* Return: false when the call has come to its end. */
static bool call_update(struct sip_turn *t)
{
	struct sip_call *call = t->call;
	int state = call_state(call);

	if (state < 0) {
		sip_call_end(call, NF_ALG_REASON_ENDED);
		return false;
	}
	parties_trim(call);
	call->state = state;
	call->timeout = nf_alg_work_option(t->m->work, NF_ALG_A_OPTION_CALL_TIMEOUT);
	call->media_timeout = nf_alg_work_option(t->m->work, NF_ALG_A_OPTION_MEDIA_TIMEOUT);
	sip_call_refresh(call);
	t->m->keep = max_t(u32, t->m->keep, min_t(u32, sip_call_lasts(call), SIP_CONN_KEEP));
	sip_conn_set(&call->conns[t->leg], t->m->work);
	if (state == NF_ALG_CALL_STATE_ESTABLISHED && !call->answered) {
		call->answered = true;
		nf_alg_count(call->account, NF_ALG_PROTOCOL_SIP, NF_ALG_REASON_ANSWERED);
		if (unlikely(nf_alg_work_heard(t->m->work)))
			sip_call_event(call, NF_ALG_EVENT_CALL_ANSWERED);
	}
	return true;
}

/* RFC 4028, 7.2: the 2xx has the last word; without the header there is no timer. */
static void session_timer(struct sip_turn *t)
{
	const struct alg_sip_msg *msg = &t->m->msg;

	if (is_request(t->m) || msg->status < 200 || msg->status > 299 ||
	    (msg->method != ALG_SIP_INVITE && msg->method != ALG_SIP_UPDATE))
		return;
	t->call->session = msg->session_expires == ALG_SIP_NONE ? 0 : max_t(u32, msg->session_expires, SESSION_MIN);
}

/* ---- a message ---- */

static struct sip_party *party_of(const struct sip_turn *t, const struct sip_dialog *d, u8 side)
{
	return d->party[side] == SIP_NONE ? NULL : t->call->parties[d->party[side]];
}

static void settle(struct sip_turn *t, struct sip_dialog *d, void (*fn)(struct sip_party *party))
{
	u8 side;

	for (side = 0; side < 2; side++)
		if (party_of(t, d, side))
			fn(party_of(t, d, side));
}

/* What the message's description and status mean for who announced what. */
static void follow_media(struct sip_turn *t, struct sip_dialog *d, u32 flags)
{
	t->party = party_of(t, d, t->side);
	if (t->party && (flags & (ALG_SIP_OFFER | ALG_SIP_ANSWER)))
		sip_media_announce(t, flags & ALG_SIP_OFFER);
	if (flags & ALG_SIP_COMMIT)
		settle(t, d, sip_media_commit);
	if ((flags & ALG_SIP_RESTORE) && !(flags & ALG_SIP_ONE))
		settle(t, d, sip_media_restore);
	else if ((flags & ALG_SIP_RESTORE) && party_of(t, d, !t->side))
		sip_media_restore(party_of(t, d, !t->side));
}

/* What it means for the dialogs. */
static void follow_dialog(struct sip_turn *t, struct sip_dialog *d, u32 flags)
{
	if (flags & ALG_SIP_ANSWERED)
		accepted(t->call, d);
	if (flags & ALG_SIP_GIVEN_UP)
		cancelled(t->call, d);
	if (flags & ALG_SIP_END && t->m->msg.method == ALG_SIP_BYE)
		left(t->call, d);
	if (flags & ALG_SIP_END)
		dialog_over(t->call, d, is_failure(t->m), flags & ALG_SIP_AGAIN);
}

static void follow(struct sip_turn *t, struct sip_dialog *d)
{
	const struct alg_sip_msg *msg = &t->m->msg;
	const struct alg_sip_event event = {
		.side = t->side,
		.status = is_request(t->m) ? 0 : msg->status,
		.method = msg->method,
		.cseq = msg->cseq,
		.sdp = t->m->sdp.n_media,
	};
	u32 flags = alg_sip_dialog_step(&d->state, &event);

	if (!(flags & ALG_SIP_ALIVE))
		return;
	if (!is_open_ended(d)) {
		d->peer = *end_of(t, SIP_OUTSIDE);
		d->peer.port = 0;
	}
	t->call->serial++;
	t->call->undo = SIP_NONE;
	t->m->call = t->call;
	t->m->serial = t->call->serial;
	follow_media(t, d, flags);
	session_timer(t);
	follow_dialog(t, d, flags);
	if (flags & ALG_SIP_END)
		t->party = NULL;	/* it goes with its last dialog */
	if (call_update(t))
		sip_holes_open(t);
}

/* Nothing is opened, nothing kept. Where addresses are translated the planner's edits are counted already. */
static int observe(struct sip_message *m)
{
	if (m->sdp.n_media && !m->work->translated &&
	    (m->msg.method == ALG_SIP_INVITE || m->msg.method == ALG_SIP_UPDATE))
		nf_alg_work_refuse(m->work, NF_ALG_REASON_OBSERVED);
	return 0;
}

/* Under call->lock. */
static void take(struct sip_turn *t)
{
	struct sip_dialog *d = NULL;

	if (find_leg(t))
		d = find_dialog(t);
	if (d)
		follow(t, d);
	else if (is_invite(t->m) && call_state(t->call) < 0)	/* there was no memory for its first dialog */
		sip_call_end(t->call, 0);
}

/*
 * Neither begins a call nor is part of one, whatever its Call-ID: find_dialog() would find none. Nor has it a description, which
 * would have to be seen to.
 */
static bool is_alone(const struct sip_message *m)
{
	const struct alg_sip_msg *msg = &m->msg;

	return is_request(m) && !msg->to_tag.len && msg->method != ALG_SIP_INVITE && msg->method != ALG_SIP_CANCEL &&
	       !m->sdp.n_media;
}

int sip_call_message(struct sip_message *m)
{
	struct sip_turn t ALG_UNINIT;
	struct sip_call_key key ALG_UNINIT;
	int reason;

	m->call = NULL;
	if (m->work->mode != NF_ALG_MODE_ON)
		return observe(m);
	if (is_alone(m))
		return 0;
	t.m = m;
	t.party = NULL;
	sip_media_read(m);
	sip_call_key(m, &key);
	t.call = sip_call_find(&key);
	if (!t.call && is_invite(m)) {
		reason = sip_call_add(m, &key, &t.call);
		if (reason)
			return reason;
	}
	t.side = m->inside ? SIP_INSIDE : SIP_OUTSIDE;
	if (!t.call) {
		sip_media_map(&t);
		return 0;
	}
	spin_lock(&t.call->lock);
	if (likely(!t.call->dead)) {
		sides(&t, t.side);
		take(&t);
	}
	sip_media_map(&t);
	spin_unlock(&t.call->lock);
	return 0;
}

/* The message does not arrive as it should: what it announced is not known on the other side. */
static void undo(struct sip_call *call)
{
	struct sip_party *p;

	sip_holes_undo(call);
	if (call->undo == SIP_NONE)
		return;
	p = call->parties[call->undo];
	call->undo = SIP_NONE;
	if (p->before)
		sip_media_restore(p);
	else
		sip_media_forget(p);
}

void sip_call_undo(struct sip_message *m)
{
	struct sip_call *call = m->call;

	if (!call)
		return;
	m->call = NULL;
	spin_lock(&call->lock);
	if (!call->dead && call->serial == m->serial)
		undo(call);
	spin_unlock(&call->lock);
}
