// SPDX-License-Identifier: GPL-2.0-only
#include "sip_dialog.h"
#include "poison.h"

/* ---- requests ---- */

static bool is_again(const struct alg_sip_transaction *t, const struct alg_sip_event *e)
{
	return t->method == e->method && t->side == e->side && t->cseq == e->cseq;
}

static void begin(struct alg_sip_transaction *t, const struct alg_sip_event *e, bool offer)
{
	t->cseq = e->cseq;
	t->method = e->method;
	t->side = e->side;
	t->offer = offer;
	t->open = true;
}

/* A request with a smaller number than its side's last is late or forged (RFC 3261, 12.2.2). */
static bool number_fits(struct alg_sip_dialog *d, const struct alg_sip_event *e)
{
	u8 bit = 1 << e->side;

	if ((d->numbered & bit) && e->cseq < d->cseq[e->side])
		return false;
	d->numbered |= bit;
	d->cseq[e->side] = e->cseq;
	return true;
}

static u32 step_invite(struct alg_sip_dialog *d, const struct alg_sip_event *e)
{
	u32 offer = e->sdp ? ALG_SIP_OFFER : 0;

	if (is_again(&d->invite[e->side], e))
		return d->invite[e->side].open ? ALG_SIP_ALIVE | offer : 0;
	if (!number_fits(d, e))
		return 0;
	begin(&d->invite[e->side], e, e->sdp);
	if (d->state != ALG_SIP_DIALOG_CONFIRMED) {	/* the first, or once more after 401 */
		d->state = ALG_SIP_DIALOG_EARLY;
		d->caller = e->side;
	}
	return ALG_SIP_ALIVE | offer;
}

/* The answer to an offer that came with the 2xx (RFC 3261, 13.2.2.4). An ACK of anything else has nothing to say. */
static u32 step_ack(struct alg_sip_dialog *d, const struct alg_sip_event *e)
{
	const struct alg_sip_transaction *t = &d->invite[e->side];

	if (t->method != ALG_SIP_INVITE || t->cseq != e->cseq || t->open)
		return 0;
	if (t->offer || !e->sdp)
		return ALG_SIP_ALIVE;
	return ALG_SIP_ALIVE | ALG_SIP_ANSWER | ALG_SIP_COMMIT;
}

static u32 step_other(struct alg_sip_dialog *d, const struct alg_sip_event *e)
{
	const struct alg_sip_transaction *invite = &d->invite[e->side];
	bool answer = e->method == ALG_SIP_PRACK && invite->open && !invite->offer;

	if (!is_again(&d->other, e)) {
		if (!number_fits(d, e))
			return 0;
		begin(&d->other, e, e->sdp && !answer);
	} else if (!d->other.open) {
		return 0;
	}
	if (!e->sdp)
		return ALG_SIP_ALIVE;
	/* RFC 3262, 5: an offer in a reliable 1xx is answered by PRACK */
	return ALG_SIP_ALIVE | (answer ? ALG_SIP_ANSWER : ALG_SIP_OFFER);
}

static u32 step_cancel(struct alg_sip_dialog *d, const struct alg_sip_event *e)
{
	if (!d->invite[e->side].open || d->invite[e->side].cseq != e->cseq)
		return 0;
	if (d->state == ALG_SIP_DIALOG_CONFIRMED)	/* a re-INVITE's: its 487 restores */
		return ALG_SIP_ALIVE;
	d->state = ALG_SIP_DIALOG_CANCELLED;
	return ALG_SIP_ALIVE | ALG_SIP_GIVEN_UP;
}

static u32 step_request(struct alg_sip_dialog *d, const struct alg_sip_event *e)
{
	switch (e->method) {
	case ALG_SIP_INVITE:
		return step_invite(d, e);
	case ALG_SIP_ACK:
		return step_ack(d, e);
	case ALG_SIP_CANCEL:
		return step_cancel(d, e);
	case ALG_SIP_UPDATE:
	case ALG_SIP_PRACK:
		return step_other(d, e);
	}
	if (!number_fits(d, e))
		return 0;
	if (e->method != ALG_SIP_BYE)
		return ALG_SIP_ALIVE;
	d->state = ALG_SIP_DIALOG_ENDED;
	return ALG_SIP_ALIVE | ALG_SIP_END;
}

/* ---- responses ---- */

/*
 * Final responses after which the same caller sends the same call again: credentials, session timer (RFC 3261, 22; RFC
 * 4028, 7.4).
 */
static bool tries_again(u16 status)
{
	return status == 401 || status == 407 || status == 422;
}

/* The whole dialog is gone, whatever was asked for (RFC 5057, 5.1). */
static bool kills(u16 status)
{
	return status == 481 || status == 408;
}

static u32 end(struct alg_sip_dialog *d, u32 more)
{
	d->state = ALG_SIP_DIALOG_ENDED;
	return ALG_SIP_ALIVE | ALG_SIP_END | more;
}

static u32 invite_accepted(struct alg_sip_dialog *d, struct alg_sip_transaction *t, const struct alg_sip_event *e)
{
	u32 flags = ALG_SIP_ALIVE;

	if (!t->open && d->state != ALG_SIP_DIALOG_CONFIRMED)
		return 0;
	if (e->sdp)
		flags |= t->offer ? ALG_SIP_ANSWER : ALG_SIP_OFFER;
	if (t->offer)
		flags |= ALG_SIP_COMMIT;
	if (d->state != ALG_SIP_DIALOG_CONFIRMED)
		flags |= ALG_SIP_ANSWERED;
	d->state = ALG_SIP_DIALOG_CONFIRMED;
	t->open = false;
	return flags;
}

static u32 invite_response(struct alg_sip_dialog *d, const struct alg_sip_event *e)
{
	struct alg_sip_transaction *t = &d->invite[!e->side];

	if (t->method != ALG_SIP_INVITE || t->cseq != e->cseq || d->state == ALG_SIP_DIALOG_ENDED)
		return 0;
	if (e->status >= 200 && e->status < 300)
		return invite_accepted(d, t, e);
	if (!t->open)
		return 0;
	if (e->status < 200) {
		if (!e->sdp || e->status == 100)
			return ALG_SIP_ALIVE;
		return ALG_SIP_ALIVE | (t->offer ? ALG_SIP_ANSWER : ALG_SIP_OFFER);
	}
	t->open = false;
	if (d->state == ALG_SIP_DIALOG_CONFIRMED && !kills(e->status))
		return ALG_SIP_ALIVE | ALG_SIP_RESTORE | (d->invite[e->side].open ? ALG_SIP_ONE : 0);
	return end(d, d->state == ALG_SIP_DIALOG_EARLY && tries_again(e->status) ? ALG_SIP_AGAIN : 0);
}

/*
 * While a re-INVITE is open as well, its outcome decides what counts: one level of what was before is enough.
 */
static u32 other_response(struct alg_sip_dialog *d, const struct alg_sip_event *e)
{
	bool nested = (d->invite[0].open || d->invite[1].open) && d->state == ALG_SIP_DIALOG_CONFIRMED;
	struct alg_sip_transaction *t = &d->other;

	if (t->method != e->method || t->side == e->side || t->cseq != e->cseq || d->state == ALG_SIP_DIALOG_ENDED)
		return 0;
	if (e->status < 200)
		return ALG_SIP_ALIVE;
	if (e->status < 300) {
		t->open = false;
		if (!t->offer || !e->sdp)
			return ALG_SIP_ALIVE;
		return ALG_SIP_ALIVE | ALG_SIP_ANSWER | (nested ? 0 : ALG_SIP_COMMIT);
	}
	if (!t->open)
		return 0;
	t->open = false;
	if (e->method == ALG_SIP_UPDATE && kills(e->status))
		return end(d, 0);
	return ALG_SIP_ALIVE | (t->offer && !nested ? ALG_SIP_RESTORE : 0);
}

static u32 step_response(struct alg_sip_dialog *d, const struct alg_sip_event *e)
{
	u8 asked = !e->side;

	switch (e->method) {
	case ALG_SIP_INVITE:
		return invite_response(d, e);
	case ALG_SIP_UPDATE:
	case ALG_SIP_PRACK:
		return other_response(d, e);
	}
	if (d->state == ALG_SIP_DIALOG_ENDED)
		return 0;
	if (e->method == ALG_SIP_INFO && kills(e->status) && (d->numbered & 1 << asked) && d->cseq[asked] == e->cseq)
		return end(d, 0);
	return ALG_SIP_ALIVE;
}

u32 alg_sip_dialog_step(struct alg_sip_dialog *d, const struct alg_sip_event *e)
{
	if (e->status)
		return step_response(d, e);
	/* Nothing but another INVITE revives what is over. */
	if (d->state == ALG_SIP_DIALOG_ENDED && e->method != ALG_SIP_INVITE)
		return 0;
	return step_request(d, e);
}
