// SPDX-License-Identifier: GPL-2.0-only
/* Module nf_alg_ftp: what FTP control messages mean for this connection. The grammar is in proto/ftp.c. */
#include <linux/module.h>
#include <net/netfilter/nf_conntrack_seqadj.h>

#include "nf_alg.h"
#include "tcp_quick.h"
#include "proto/ftp.h"

#define PORT_LOWEST	1024	/* below, nobody's data connection listens (RFC 2577, 3) */
#define RECENT		16	/* pinholes that a session remembers, so that it can give up its oldest */

/* What the policy makes of AUTH: a command that no server knows, of the same length. */
static const char auth_refused[] = "XAUT";

/**
 * struct ftp_session - the protocol's part of a session
 * @ftp:	commands and replies so far
 * @recent:	numbers of its last pinholes, a ring
 * @next:	place in it for the next one
 * @encrypt_due: AUTH was accepted; where the first records start is known with the next segment
 */
struct ftp_session {
	struct alg_ftp_session ftp;
	u32 recent[RECENT];
	u8 next;
	bool encrypt_due;
};

static struct ftp_session *ftp_session(const struct nf_alg_work *w)
{
	return (struct ftp_session *)w->session->priv;
}

/* Does the announced endpoint belong to who announces it? A 229 names no address: its sender's is meant (RFC 2428, 3). */
static bool ftp_own_address(const struct nf_alg_work *w, struct alg_endpoint *ep)
{
	const struct nf_conntrack_tuple *sent = &w->ct->tuplehash[w->dir].tuple;
	struct alg_endpoint own ALG_UNINIT;

	nf_alg_endpoint_set(&own, sent->src.l3num, &sent->src.u3, htons(ep->port));
	if (!ep->family)
		*ep = own;
	return ep->family == own.family && !memcmp(ep->addr, own.addr, sizeof(own.addr));
}

/* May this endpoint be opened at all? Counts why not. */
static bool ftp_acceptable(struct nf_alg_work *w, struct alg_endpoint *ep)
{
	u8 family = nf_ct_l3num(w->ct) == NFPROTO_IPV4 ? 4 : 6;

	if (!ftp_own_address(w, ep) &&
	    (ep->family != family || !nf_alg_work_option(w, NF_ALG_A_OPTION_MISMATCH_ADDRESS))) {
		nf_alg_work_refuse(w, NF_ALG_REASON_MISMATCH_ADDRESS);
		return false;
	}
	if (ep->port < PORT_LOWEST) {
		nf_alg_work_refuse(w, NF_ALG_REASON_LOW_PORT);
		return false;
	}
	return true;
}

/* Plans the message's new text. Return: 0, or why it can't be written. */
static int ftp_rewrite(struct nf_alg_work *w, const struct alg_ftp_msg *msg, const struct alg_endpoint *public, u32 editable_from,
		       struct alg_plan *plan)
{
	char text[ALG_FTP_TEXT] ALG_UNINIT;
	int len;

	if (editable_from > msg->field_off)
		return NF_ALG_REASON_LATE;
	len = alg_ftp_format(msg, public, text, sizeof(text));
	if (!len || (len != msg->field_len && !nfct_seqadj(w->ct)) ||
	    !alg_plan_add(plan, msg->field_off, msg->field_len, text, len))
		return NF_ALG_REASON_UNREPRESENTABLE;
	nf_alg_work_count(w, NF_ALG_REASON_REWRITTEN);
	return 0;
}

/*
 * Each PORT or PASV supersedes the one before (RFC 959, 4.1.2), but commands may be pipelined. So a session that has all
 * the pending pinholes it may have gives up the oldest, whose transfer failed or was never asked for.
 */
static void ftp_make_room(struct nf_alg_work *w, u32 max)
{
	struct ftp_session *p = ftp_session(w);
	unsigned int i;

	if (nfct_help(w->ct)->expecting[NF_CT_EXPECT_CLASS_DEFAULT] < max)
		return;
	for (i = 0; i < RECENT; i++) {
		u32 *id = &p->recent[(p->next + i) % RECENT];

		if (!*id || nf_alg_pinhole_close_id(w->net, *id))
			continue;
		*id = 0;
		nf_alg_work_refuse(w, NF_ALG_REASON_SESSION_PINHOLES);
		return;
	}
}

static void ftp_remember(struct nf_alg_work *w, u32 id)
{
	struct ftp_session *p = ftp_session(w);

	p->recent[p->next] = id;
	p->next = (p->next + 1) % RECENT;
}

static void ftp_open(struct nf_alg_work *w, const struct alg_ftp_msg *msg, u32 editable_from, struct alg_plan *plan)
{
	struct nf_alg_pinhole_req req ALG_UNINIT;
	struct alg_endpoint public ALG_UNINIT;
	int reason;
	u32 id;

	if (w->mode == NF_ALG_MODE_OFF) {
		nf_alg_work_count(w, NF_ALG_REASON_POLICY_OFF);
		return;
	}
	nf_alg_pinhole_req_init(&req, w->dir, IPPROTO_TCP);
	req.target = msg->ep;
	if (msg->bare_lf && nf_alg_work_option(w, NF_ALG_A_OPTION_BARE_LF)) {
		nf_alg_work_refuse(w, NF_ALG_REASON_MALFORMED);
		return;
	}
	if (!ftp_acceptable(w, &req.target))
		return;
	if (w->mode == NF_ALG_MODE_OBSERVE) {
		nf_alg_work_refuse(w, NF_ALG_REASON_OBSERVED);
		return;
	}
	req.timeout = nf_alg_work_option(w, NF_ALG_A_OPTION_PINHOLE_TIMEOUT);
	req.max = nf_alg_work_option(w, NF_ALG_A_OPTION_MAX_PINHOLES);
	ftp_make_room(w, req.max);
	if (nf_alg_pinhole_open(w, &req, &public, &id))
		return;
	if (id)
		ftp_remember(w, id);
	if (public.port == req.target.port && !memcmp(public.addr, req.target.addr, sizeof(public.addr)))
		return;
	reason = ftp_rewrite(w, msg, &public, editable_from, plan);
	if (reason) {
		nf_alg_work_refuse(w, reason);
		if (id)
			nf_alg_pinhole_close_id(w->net, id);
	}
}

static void ftp_auth(struct nf_alg_work *w, const struct alg_ftp_msg *msg, u32 editable_from, struct alg_plan *plan)
{
	if (w->mode != NF_ALG_MODE_ON || !nf_alg_work_option(w, NF_ALG_A_OPTION_FTPS))
		return;
	if (editable_from > msg->field_off || msg->field_len != sizeof(auth_refused) - 1 ||
	    !alg_plan_add(plan, msg->field_off, msg->field_len, auth_refused, sizeof(auth_refused) - 1)) {
		nf_alg_work_refuse(w, NF_ALG_REASON_LATE);
		return;
	}
	nf_alg_work_refuse(w, NF_ALG_REASON_COMMAND_REFUSED);
}

static void ftp_encrypted(struct nf_alg_work *w, bool *stop)
{
	ftp_session(w)->encrypt_due = true;
	alg_stream_stop(&w->session->dir[IP_CT_DIR_ORIGINAL]);
	*stop = true;
	nf_alg_work_count(w, NF_ALG_REASON_ENCRYPTED);
}

static enum alg_parse ftp_message(void *ctx, const u8 *data, u32 len, bool skipping, u32 editable_from, struct alg_plan *plan,
				  u32 *used, bool *stop)
{
	struct nf_alg_work *w = ctx;
	struct alg_ftp_session *ftp = &ftp_session(w)->ftp;
	bool reply = w->dir == IP_CT_DIR_REPLY;
	enum alg_ftp_action action;
	struct alg_ftp_msg msg ALG_UNINIT;
	enum alg_parse ret;

	if (skipping)
		return alg_ftp_skip(data, len, used);
	ret = alg_ftp_parse(data, len, reply, &ftp->multi, &msg, used);
	if (ret == ALG_PARSE_PARTIAL)
		return ret;
	action = alg_ftp_session_step(ftp, reply, &msg);
	if (likely(action == ALG_FTP_PASS && ret != ALG_PARSE_MALFORMED))
		return ret;

	nf_alg_work_resolve(w);
	if (ret == ALG_PARSE_MALFORMED) {
		if (w->mode == NF_ALG_MODE_ON && nf_alg_work_option(w, NF_ALG_A_OPTION_MALFORMED))
			w->drop = true;
		return ret;
	}
	switch (action) {
	case ALG_FTP_OPEN:
		ftp_open(w, &msg, editable_from, plan);
		break;
	case ALG_FTP_AUTH_SEEN:
		ftp_auth(w, &msg, editable_from, plan);
		break;
	case ALG_FTP_ENCRYPTED:
		ftp_encrypted(w, stop);
		break;
	case ALG_FTP_UNSOLICITED:
		nf_alg_work_refuse(w, NF_ALG_REASON_UNSOLICITED);
		break;
	case ALG_FTP_NOT_ALLOWED:
		nf_alg_work_refuse(w, NF_ALG_REASON_NOT_ALLOWED);
		break;
	case ALG_FTP_PASS:
		break;
	}
	return ret;
}

static bool ftp_quick(struct nf_alg_session *s, bool reply, const u8 *data, u32 len)
{
	return alg_ftp_quick(&((struct ftp_session *)s->priv)->ftp, reply, data, len);
}

/* Watches an encrypted connection for its return to plain text (CCC, RFC 4217). */
static void ftp_segment(struct nf_alg_work *w, u32 seq, const u8 *data, u32 len)
{
	struct ftp_session *p = ftp_session(w);
	struct nf_alg_session *s = w->session;

	if (likely(!p->ftp.encrypted))
		return;
	if (p->encrypt_due) {
		p->encrypt_due = false;
		alg_ftp_session_encrypt(&p->ftp, s->dir[IP_CT_DIR_ORIGINAL].next, s->dir[IP_CT_DIR_REPLY].next);
	}
	if (alg_ftp_session_tls(&p->ftp, w->dir == IP_CT_DIR_REPLY, seq, data, len))
		alg_stream_resume(&s->dir[w->dir]);
}

/* The policy's refusal of AUTH is an edit, with translated addresses or without. */
static bool ftp_rewrites(const struct nf_alg_work *w)
{
	return w->rule->option[NF_ALG_A_OPTION_FTPS];
}

static const struct alg_stream_ops ftp_stream = {
	.message = ftp_message,
	.charge = nf_alg_tcp_charge,
	.max_hold = ALG_FTP_LINE_MAX,
};

static int ftp_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo);

static struct nf_alg_proto ftp_proto = {
	.id = NF_ALG_PROTOCOL_FTP,
	.name = "alg-ftp",
	.tcp = true,
	.help = ftp_help,
	.session_size = sizeof(struct ftp_session),
	.stream = &ftp_stream,
	.segment = ftp_segment,
	.rewrites = ftp_rewrites,
	.owner = THIS_MODULE,
};

static int ftp_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	if (nf_alg_tcp_quick(skb, protoff, ct, ctinfo, ftp_quick))
		return NF_ACCEPT;
	return nf_alg_tcp_help(&ftp_proto, skb, protoff, ct, ctinfo);
}

static int __init nf_alg_ftp_init(void)
{
	return nf_alg_proto_register(&ftp_proto);
}

static void __exit nf_alg_ftp_exit(void)
{
	nf_alg_proto_unregister(&ftp_proto);
}

module_init(nf_alg_ftp_init);
module_exit(nf_alg_ftp_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Application layer gateway: FTP");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_NFCT_HELPER("alg-ftp");
