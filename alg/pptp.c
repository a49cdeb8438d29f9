// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module nf_alg_pptp: what PPTP control messages (RFC 2637) mean for this connection. The grammar is in proto/pptp.c.
 *
 * A call has two ends, each numbered by its party. GRE packets to a party carry that party's number, so each direction is a flow of
 * its own for conntrack, from anything to that number: two pinholes, no keymap. Where a party's address is translated its
 * number is, too: other calls behind the same address may have the same one.
 */
#include <linux/module.h>

#include "pptp.h"

static struct pptp_session *pptp_session(const struct nf_alg_work *w)
{
	return (struct pptp_session *)w->session->priv;
}

/* ---- calls of a control connection, under session->lock ---- */

/* Number of the call's end @dir as the other party was told. */
static u16 told_id(const struct pptp_end *end)
{
	return end->public ? end->public->public.port : end->id;
}

static struct pptp_call *call_by_own(const struct nf_alg_work *w, u16 id)
{
	struct pptp_call *call;

	list_for_each_entry(call, &pptp_session(w)->calls, list)
		if (call->end[w->dir].known && call->end[w->dir].id == id)
			return call;
	return NULL;
}

static struct pptp_call *call_by_told(const struct nf_alg_work *w, u16 id)
{
	struct pptp_call *call;

	list_for_each_entry(call, &pptp_session(w)->calls, list)
		if (call->end[!w->dir].known && told_id(&call->end[!w->dir]) == id)
			return call;
	return NULL;
}

/* The party that sends @w numbers its end. Return: false, counted, if that can't be had. */
static bool call_number(struct nf_alg_work *w, struct pptp_call *call, u16 id)
{
	const struct nf_conntrack_tuple *sent = &w->ct->tuplehash[w->dir].tuple;
	struct nf_alg_public_req req = { .dir = w->dir, .l4proto = IPPROTO_GRE };
	struct pptp_end *end = &call->end[w->dir];

	if (!end->public) {
		nf_alg_endpoint_set(&req.target, sent->src.l3num, &sent->src.u3, htons(id));
		if (nf_alg_public_get(w, &req, &end->public))
			return false;
	}
	end->id = id;
	end->known = true;
	return true;
}

static struct pptp_call *call_new(struct nf_alg_work *w, u16 id)
{
	struct pptp_session *p = pptp_session(w);
	struct pptp_call *call;

	if (p->n >= PPTP_CALLS_MAX ||
	    !nf_alg_quota_call_take(w->account, NF_ALG_PROTOCOL_PPTP, nf_alg_work_option(w, NF_ALG_A_OPTION_MAX_CALLS))) {
		nf_alg_work_refuse(w, NF_ALG_REASON_QUOTA_CALLS);
		return NULL;
	}
	call = pptp_call_alloc(w);
	if (w->account && (!call || !call->account))	/* the tenant is going */
		nf_alg_quota_call_give(w->account, NF_ALG_PROTOCOL_PPTP);
	if (!call) {
		nf_alg_work_refuse(w, NF_ALG_REASON_NO_MEMORY);
		return NULL;
	}
	list_add_tail(&call->list, &p->calls);
	p->n++;
	if (!call_number(w, call, id)) {
		pptp_call_free(call);
		return NULL;
	}
	nf_alg_work_count(w, NF_ALG_REASON_CALLS);
	pptp_call_event(call, NF_ALG_EVENT_CALL_STARTED);
	return call;
}

/* GRE to the end @dir, from the address of the other. */
static bool call_open(struct nf_alg_work *w, struct pptp_call *call, enum ip_conntrack_dir dir)
{
	struct nf_alg_pinhole_req req = {
		.dir = dir,
		.l4proto = IPPROTO_GRE,
		.public = call->end[dir].public,
		.target = call->end[dir].public->target,
		.timeout = PPTP_FIRST_GRE,
		.idle = nf_alg_work_option(w, NF_ALG_A_OPTION_GRE_TIMEOUT),
		.keep_master = true,
		.call = call->number,
	};

	nf_alg_hole_drop(call->end[dir].hole, true);
	call->end[dir].hole = nf_alg_hole_open(w, &req);
	return call->end[dir].hole;
}

static void call_connect(struct nf_alg_work *w, struct pptp_call *call)
{
	if (call_open(w, call, IP_CT_DIR_ORIGINAL) && call_open(w, call, IP_CT_DIR_REPLY)) {
		nf_alg_hole_pair(call->end[IP_CT_DIR_ORIGINAL].hole, call->end[IP_CT_DIR_REPLY].hole);
		call->state = NF_ALG_CALL_STATE_ESTABLISHED;
		nf_alg_work_count(w, NF_ALG_REASON_ANSWERED);
		pptp_call_event(call, NF_ALG_EVENT_CALL_ANSWERED);
	} else {
		pptp_call_close(call);
	}
}

/* ---- messages ---- */

/* A call is asked for (RFC 2637, 2.7 and 2.9): its sender numbers its end. */
static struct pptp_call *on_request(struct nf_alg_work *w, const struct alg_pptp_msg *msg)
{
	struct pptp_call *call = call_by_own(w, msg->id[0]);

	/* The number was free for its owner: the old call's end was missed. */
	if (call)
		pptp_call_end(call, NF_ALG_REASON_ENDED);
	call = call_new(w, msg->id[0]);
	if (call)
		call->reply = msg->type + 1;
	return call;
}

/* The answer (RFC 2637, 2.8 and 2.10) numbers the other end, if it grants the call. */
static struct pptp_call *on_reply(struct nf_alg_work *w, const struct alg_pptp_msg *msg)
{
	struct pptp_call *call = call_by_told(w, msg->id[1]);

	if (!call || call->reply != msg->type) {
		nf_alg_work_refuse(w, NF_ALG_REASON_UNSOLICITED);
		return NULL;
	}
	if (!msg->accepted || call->end[w->dir].known)
		return call;
	/* Cleared while the answer was on its way, it opens nothing; its end is named by this number. */
	if (call_number(w, call, msg->id[0]) && call->state == NF_ALG_CALL_STATE_SETUP)
		call_connect(w, call);
	return call;
}

static void end_all(struct nf_alg_work *w)
{
	struct pptp_call *call, *next;

	list_for_each_entry_safe(call, next, &pptp_session(w)->calls, list)
		pptp_call_end(call, NF_ALG_REASON_ENDED);
}

/* Before the message is rewritten. Return: the call that it speaks of, or NULL. */
static struct pptp_call *before(struct nf_alg_work *w, const struct alg_pptp_msg *msg)
{
	switch (msg->type) {
	case ALG_PPTP_OUT_CALL_REQUEST:
	case ALG_PPTP_IN_CALL_REQUEST:
		return on_request(w, msg);
	case ALG_PPTP_OUT_CALL_REPLY:
	case ALG_PPTP_IN_CALL_REPLY:
		return on_reply(w, msg);
	default:
		return msg->whose[0] == ALG_PPTP_SENDER ? call_by_own(w, msg->id[0]) : call_by_told(w, msg->id[0]);
	}
}

/* Afterwards: calls that it ends. */
static void after(struct nf_alg_work *w, const struct alg_pptp_msg *msg, struct pptp_call *call)
{
	switch (msg->type) {
	case ALG_PPTP_OUT_CALL_REPLY:
	case ALG_PPTP_IN_CALL_REPLY:
		if (call && !msg->accepted)
			pptp_call_end(call, NF_ALG_REASON_ENDED);
		break;
	case ALG_PPTP_CALL_CLEAR:	/* the PAC answers with a disconnect, which may have to be rewritten (RFC 2637, 2.12) */
		if (call)
			pptp_call_close(call);
		break;
	case ALG_PPTP_CALL_DISCONNECT:
		if (call)
			pptp_call_end(call, NF_ALG_REASON_ENDED);
		break;
	case ALG_PPTP_STOP_REQUEST:
	case ALG_PPTP_STOP_REPLY:
		end_all(w);
		break;
	}
}

/* An ID as the receiver must see it. */
static u16 translated_id(const struct nf_alg_work *w, const struct pptp_call *call, u8 whose, u16 id)
{
	const struct pptp_end *end = &call->end[whose == ALG_PPTP_SENDER ? w->dir : !w->dir];

	if (!end->known)
		return id;
	return whose == ALG_PPTP_SENDER ? told_id(end) : end->id;
}

/* false: an ID has to be changed and can't be. */
static bool rewrite(struct nf_alg_work *w, const struct alg_pptp_msg *msg, const struct pptp_call *call, u32 editable_from,
		    struct alg_plan *plan)
{
	bool changed = false;
	__be16 text;
	u16 id;
	int i;

	for (i = 0; i < ALG_PPTP_IDS && msg->whose[i]; i++) {
		id = translated_id(w, call, msg->whose[i], msg->id[i]);
		if (id == msg->id[i])
			continue;
		text = htons(id);
		if (editable_from > ALG_PPTP_ID_OFF || !alg_plan_add(plan, ALG_PPTP_ID_OFF + 2 * i, 2, &text, 2))
			return false;
		changed = true;
	}
	if (changed)
		nf_alg_work_count(w, NF_ALG_REASON_REWRITTEN);
	return true;
}

static void take(struct nf_alg_work *w, const struct alg_pptp_msg *msg, u32 editable_from, struct alg_plan *plan)
{
	struct pptp_call *call = NULL;

	if (msg->whose[0]) {
		call = before(w, msg);
		if (call && !rewrite(w, msg, call, editable_from, plan)) {
			nf_alg_work_refuse(w, NF_ALG_REASON_LATE);
			pptp_call_end(call, NF_ALG_REASON_ENDED);
			call = NULL;
		}
	}
	after(w, msg, call);
}

static void count_message(const struct nf_alg_work *w, const struct alg_pptp_msg *msg)
{
	static_assert(NF_ALG_REASON_SET_LINK_INFO - NF_ALG_REASON_START_REQUEST == ALG_PPTP_SET_LINK_INFO - ALG_PPTP_START_REQUEST);

	if (w->mode != NF_ALG_MODE_OFF)
		nf_alg_work_count(w, msg->type ? NF_ALG_REASON_START_REQUEST + msg->type - ALG_PPTP_START_REQUEST :
				     NF_ALG_REASON_OTHER_TYPE);
}

static enum alg_parse pptp_message(void *ctx, const u8 *data, u32 len, bool skipping, u32 editable_from, struct alg_plan *plan,
				   u32 *used, bool *stop)
{
	struct nf_alg_work *w = ctx;
	struct alg_pptp_msg msg;
	enum alg_parse ret;

	ret = alg_pptp_parse(data, len, &msg, used);
	if (skipping && (ret == ALG_PARSE_MALFORMED || len < ALG_PPTP_HEADER)) {
		*used = len;
		return ALG_PARSE_SKIP;
	}
	if (ret == ALG_PARSE_PARTIAL)
		return ret;
	nf_alg_work_resolve(w);
	if (ret == ALG_PARSE_MALFORMED) {
		/* Messages have no other border than their lengths: the rest can't be read. */
		*stop = true;
		if (w->mode == NF_ALG_MODE_ON && nf_alg_work_option(w, NF_ALG_A_OPTION_MALFORMED))
			w->drop = true;
		return ret;
	}
	count_message(w, &msg);
	if (!msg.whose[0] && msg.type != ALG_PPTP_STOP_REQUEST && msg.type != ALG_PPTP_STOP_REPLY)
		return ret;
	if (w->mode == NF_ALG_MODE_ON)
		take(w, &msg, editable_from, plan);
	else
		nf_alg_work_count(w, w->mode == NF_ALG_MODE_OFF ? NF_ALG_REASON_POLICY_OFF : NF_ALG_REASON_OBSERVED);
	return ret;
}

static const struct alg_stream_ops pptp_stream = {
	.message = pptp_message,
	.charge = nf_alg_tcp_charge,
	.max_hold = ALG_PPTP_MESSAGE_MAX,
	.trust_pickup = true,
};

/* ---- module ---- */

static int pptp_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo);

static void pptp_begin(struct nf_alg_session *session)
{
	INIT_LIST_HEAD(&((struct pptp_session *)session->priv)->calls);
}

/* The control connection is over, and so are its calls (RFC 2637, 3.1.4). */
static void pptp_end(struct nf_alg_session *session)
{
	struct pptp_call *call, *next;

	list_for_each_entry_safe(call, next, &((struct pptp_session *)session->priv)->calls, list)
		pptp_call_end(call, NF_ALG_REASON_ENDED);
}

/* The tunnel falls with its control connection; the messages of a half-closed one don't matter any more. */
static void pptp_closed(struct nf_alg_session *session)
{
	pptp_end(session);
}

static struct nf_alg_proto pptp_proto = {
	.id = NF_ALG_PROTOCOL_PPTP,
	.name = "alg-pptp",
	.tcp = true,
	.help = pptp_help,
	.session_size = sizeof(struct pptp_session),
	.stream = &pptp_stream,
	.begin = pptp_begin,
	.end = pptp_end,
	.closed = pptp_closed,
	.calls = &pptp_call_ops,
	.owner = THIS_MODULE,
};

static int pptp_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	return nf_alg_tcp_help(&pptp_proto, skb, protoff, ct, ctinfo);
}

static int __init nf_alg_pptp_init(void)
{
	int err = pptp_call_init();

	if (err)
		return err;
	err = nf_alg_proto_register(&pptp_proto);
	if (err)
		pptp_call_exit();
	return err;
}

static void __exit nf_alg_pptp_exit(void)
{
	nf_alg_proto_unregister(&pptp_proto);
	pptp_call_exit();
}

module_init(nf_alg_pptp_init);
module_exit(nf_alg_pptp_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Application layer gateway: PPTP");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_NFCT_HELPER("alg-pptp");
