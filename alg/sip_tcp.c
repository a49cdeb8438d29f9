// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIP over TCP: messages in a stream (RFC 3261, 18.3).
 *
 * A body that is of no interest passes as it comes, only its length is kept. Where a malformed message ends can't
 * always be told; then what follows passes unread until a line that is a start line: SIP has no other mark to find
 * the next message by. A connection that turns out to be TLS or HTTP (WebSocket, RFC 7118) has no such line, and is
 * not looked at any more.
 */
#include <net/netfilter/nf_conntrack_seqadj.h>

#include "sip.h"

#define TLS_HANDSHAKE	0x16

/**
 * struct sip_tcp - the protocol's part of a session
 * @rest:	by direction: bytes of a message's body that are still to come
 * @passing:	by direction: the stream was told to skip, because of @rest
 * @lost:	by direction: where the next message starts is not known
 */
struct sip_tcp {
	u32 rest[IP_CT_DIR_MAX];
	bool passing[IP_CT_DIR_MAX];
	bool lost[IP_CT_DIR_MAX];
};

static struct sip_tcp *sip_tcp(const struct nf_alg_work *w)
{
	BUILD_BUG_ON(sizeof(struct sip_tcp) > SIP_STREAM_SIZE);
	return (struct sip_tcp *)w->session->priv;
}

/* ---- other protocols ---- */

static bool is_tls(const u8 *data)
{
	return data[0] == TLS_HANDSHAKE;
}

static bool is_http(const u8 *data, u32 len)
{
	return len >= 5 && (!memcmp(data, "GET /", 5) || !memcmp(data, "HTTP/", 5));
}

/* Neither direction is looked at any more. */
static enum alg_parse not_sip(struct nf_alg_work *w, u32 len, u32 *used, bool *stop, enum nf_alg_reason reason)
{
	alg_stream_stop(&w->session->dir[!w->dir]);
	*stop = true;
	*used = len;
	nf_alg_work_resolve(w);
	nf_alg_work_count(w, reason);
	return ALG_PARSE_SKIP;
}

/* ---- a message ---- */

/* More of a body. */
static enum alg_parse pass_rest(struct sip_tcp *p, unsigned int dir, u32 len, u32 *used)
{
	*used = min(p->rest[dir], len);
	p->rest[dir] -= *used;
	p->passing[dir] = p->rest[dir];
	return p->rest[dir] ? ALG_PARSE_SKIP : ALG_PARSE_COMPLETE;
}

static enum alg_parse malformed(struct nf_alg_work *w, u32 len, u32 *used)
{
	struct sip_tcp *p = sip_tcp(w);

	if (*used > len)
		p->rest[w->dir] = *used - len;
	else if (*used == len)
		p->lost[w->dir] = true;
	*used = min(*used, len);
	nf_alg_work_resolve(w);
	w->drop = w->mode == NF_ALG_MODE_ON && nf_alg_work_option(w, NF_ALG_A_OPTION_MALFORMED);
	return ALG_PARSE_MALFORMED;	/* counted by whom the stream tells */
}

/*
 * What the policy does not let through is taken out of the stream, if it is all here and the receiver's sequence
 * numbers can be adjusted; else it passes, and does nothing here: there is no other way to have the sender go on
 * behind it. Who came through a pinhole is not let go on. What stays is an empty line, which stands for nothing
 * between messages (RFC 3261, 7.5) and can be acknowledged.
 */
static void take_out(struct nf_alg_work *w, u32 len, u32 used, u32 editable_from, struct alg_plan *plan)
{
	if (w->session->rewrites && nfct_seqadj(w->ct) && used <= len && !editable_from &&
	    alg_plan_add(plan, 0, used, "\r\n", 2))
		return;
	w->drop = w->ct->master;
}

static void plan_fits(struct sip_message *m, u32 editable_from, struct alg_plan *plan)
{
	if (!plan->n)
		return;
	if (plan->edits[0].off < editable_from)
		sip_unwritten(m, plan, NF_ALG_REASON_LATE);
	else if (plan->delta > 0 && m->len + plan->delta > ALG_STREAM_PACKET_MAX)
		sip_unwritten(m, plan, NF_ALG_REASON_UNREPRESENTABLE);
	else if (plan->delta && !nfct_seqadj(m->work->ct))
		sip_unwritten(m, plan, NF_ALG_REASON_UNREPRESENTABLE);
	else
		nf_alg_work_count(m->work, NF_ALG_REASON_REWRITTEN);
}

/* @used: bytes of the message, of which m->len are here */
static void process(struct sip_message *m, u32 used, u32 editable_from, struct alg_plan *plan)
{
	struct nf_alg_work *w = m->work;

	if (m->msg.kind != ALG_SIP_REQUEST && m->msg.kind != ALG_SIP_RESPONSE) {
		nf_alg_work_count(w, NF_ALG_REASON_NOT_SERVED);
		return;
	}
	if (w->mode == NF_ALG_MODE_OFF) {
		nf_alg_work_count(w, NF_ALG_REASON_POLICY_OFF);
		return;
	}
	if (sip_process(m, plan) == SIP_REFUSE)
		take_out(w, m->len, used, editable_from, plan);
	else
		plan_fits(m, editable_from, plan);
}

static enum alg_parse parse(struct nf_alg_work *w, const u8 *data, u32 len, u32 editable_from,
			    struct alg_plan *plan, u32 *used)
{
	struct sip_message *m = &sip_scratch(w)->m;
	enum alg_parse ret;

	nf_alg_work_resolve(w);
	ret = alg_sip_parse(data, len, true, w->rule->option[NF_ALG_A_OPTION_MAX_HEADER], &m->msg, used);
	if (ret == ALG_PARSE_PARTIAL) {
		*used = 0;
		return ret;
	}
	if (ret == ALG_PARSE_MALFORMED || *used > w->rule->option[NF_ALG_A_OPTION_MAX_MESSAGE])
		return malformed(w, len, used);
	m->data = data;
	m->len = min(len, *used);
	process(m, *used, editable_from, plan);
	if (*used > len) {
		sip_tcp(w)->rest[w->dir] = *used - len;
		*used = len;
	}
	return ALG_PARSE_COMPLETE;
}

static enum alg_parse sip_stream_message(void *ctx, const u8 *data, u32 len, bool skipping, u32 editable_from,
					 struct alg_plan *plan, u32 *used, bool *stop)
{
	struct nf_alg_work *w = ctx;
	struct sip_tcp *p = sip_tcp(w);

	if (skipping && !p->passing[w->dir])	/* bytes were missed */
		p->rest[w->dir] = 0;
	if (p->rest[w->dir])
		return pass_rest(p, w->dir, len, used);
	p->passing[w->dir] = false;
	if (skipping || p->lost[w->dir]) {
		*used = alg_sip_find_start(data, len);
		if (*used == len)
			return ALG_PARSE_SKIP;
		p->lost[w->dir] = false;
		if (*used)
			return ALG_PARSE_COMPLETE;
	}
	if (is_tls(data))
		return not_sip(w, len, used, stop, NF_ALG_REASON_ENCRYPTED);
	if (is_http(data, len))
		return not_sip(w, len, used, stop, NF_ALG_REASON_NOT_SERVED);
	return parse(w, data, len, editable_from, plan, used);
}

/* Bytes are missed that will not be waited for: how many of a body's are still to come is not known any more. */
void sip_stream_segment(struct nf_alg_work *w, u32 seq, const u8 *data, u32 len)
{
	const struct alg_stream *st = &w->session->dir[w->dir];
	bool waits = w->mode == NF_ALG_MODE_ON && w->session->rewrites;

	if (unlikely(st->synced && alg_seq_after(seq, st->next)) && !waits)
		sip_tcp(w)->rest[w->dir] = 0;
}

const struct alg_stream_ops sip_stream_ops = {
	.message = sip_stream_message,
	.charge = nf_alg_tcp_charge,
	.max_hold = ALG_STREAM_HOLD_MAX,
	.room_edits = ALG_STREAM_ROOM_EDITS_MAX,
	.room_text = ALG_STREAM_ROOM_TEXT_MAX,
};
