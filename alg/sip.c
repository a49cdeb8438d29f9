// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module nf_alg_sip: what a SIP message means for its connection, whatever brought it. The grammar is in proto/sip.c.
 */
#include <linux/module.h>
#include <linux/mm.h>
#include <net/netfilter/nf_conntrack_seqadj.h>

#include "sip.h"

/* ---- memory ---- */

/* Too large for a module's static per-CPU memory. */
static DEFINE_PER_CPU(struct sip_scratch *, scratch);

static void scratch_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kvfree(per_cpu(scratch, cpu));
}

static int scratch_alloc(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct sip_scratch *s = kvzalloc_node(sizeof(*s), GFP_KERNEL, cpu_to_node(cpu));

		if (!s) {
			scratch_free();
			return -ENOMEM;
		}
		per_cpu(scratch, cpu) = s;
	}
	return 0;
}

struct sip_scratch *sip_scratch(struct nf_alg_work *work)
{
	struct sip_scratch *s = this_cpu_read(scratch);

	s->m.work = work;
	s->m.keep = 0;
	s->m.n_made = 0;
	s->m.call = NULL;
	return s;
}

/* ---- counting ---- */

static_assert(NF_ALG_REASON_INFO - NF_ALG_REASON_INVITE == ALG_SIP_INFO - ALG_SIP_INVITE);
static_assert(NF_ALG_REASON_PUBLISH - NF_ALG_REASON_INVITE == ALG_SIP_PUBLISH - ALG_SIP_INVITE);
static_assert(NF_ALG_REASON_UPDATE - NF_ALG_REASON_INVITE == ALG_SIP_UPDATE - ALG_SIP_INVITE);
static_assert(NF_ALG_REASON_REGISTER - NF_ALG_REASON_INVITE == ALG_SIP_REGISTER - ALG_SIP_INVITE);
static_assert(ALG_SIP_METHODS == ALG_SIP_INFO + 1);

static enum nf_alg_reason kind_reason(const struct alg_sip_msg *msg)
{
	if (msg->kind == ALG_SIP_RESPONSE)
		return NF_ALG_REASON_STATUS_1XX + msg->status / 100 - 1;
	if (msg->method == ALG_SIP_UNKNOWN)
		return NF_ALG_REASON_OTHER_METHOD;
	return NF_ALG_REASON_INVITE + msg->method - ALG_SIP_INVITE;
}

bool sip_malformed(struct nf_alg_work *work)
{
	nf_alg_work_refuse(work, NF_ALG_REASON_MALFORMED);
	return work->mode == NF_ALG_MODE_ON && nf_alg_work_option(work, NF_ALG_A_OPTION_MALFORMED);
}

/* What the policy says of a request as such. */
static bool refused(struct sip_message *m)
{
	struct nf_alg_work *w = m->work;

	if (m->msg.kind != ALG_SIP_REQUEST || w->mode != NF_ALG_MODE_ON)
		return false;
	if (!w->account || nf_alg_quota_request_take(w->account, nf_alg_work_option(w, NF_ALG_A_OPTION_REQUEST_RATE)))
		return false;
	nf_alg_work_refuse(w, NF_ALG_REASON_REQUEST_RATE);
	return true;
}

enum { UNKNOWN_REWRITE, UNKNOWN_PASS, UNKNOWN_DROP };

/* Option unknown-methods. Responses to such requests are treated alike. */
static u32 unknown_method(struct sip_message *m)
{
	u32 what = nf_alg_work_option(m->work, NF_ALG_A_OPTION_UNKNOWN_METHODS);

	if (what != UNKNOWN_REWRITE && m->msg.kind == ALG_SIP_REQUEST)
		nf_alg_work_refuse(m->work, NF_ALG_REASON_UNKNOWN_METHOD);
	return m->work->mode == NF_ALG_MODE_ON ? what : UNKNOWN_REWRITE;
}

/* ---- whose message ---- */

static struct nf_alg_conn *conn_data(const struct nf_alg_work *w)
{
	return nfct_help(w->ct) ? nfct_help_data(w->ct) : NULL;
}

static void tuple_src(struct alg_endpoint *ep, const struct nf_conntrack_tuple *t)
{
	nf_alg_endpoint_set(ep, t->src.l3num, &t->src.u3, t->src.u.all);
}

static void tuple_dst(struct alg_endpoint *ep, const struct nf_conntrack_tuple *t)
{
	nf_alg_endpoint_set(ep, t->src.l3num, &t->dst.u3, t->dst.u.all);
}

static bool initiator_inside(const struct nf_conn *ct, const struct nf_alg_conn *data)
{
	if (data && data->inside_reply)
		return false;
	return (ct->status & IPS_SRC_NAT) || !(ct->status & IPS_DST_NAT);
}

static void find_parties(struct sip_message *m)
{
	const struct nf_alg_work *w = m->work;
	const struct nf_conntrack_tuple_hash *h = w->ct->tuplehash;

	m->inside = (w->dir == IP_CT_DIR_ORIGINAL) == initiator_inside(w->ct, conn_data(w));
	tuple_src(&m->sender, &h[w->dir].tuple);
	tuple_src(&m->receiver, &h[!w->dir].tuple);
}

/* ---- session descriptions ---- */

/* A body that breaks the grammar opens nothing; headers are of no less use. */
static void read_bodies(struct sip_message *m)
{
	const struct alg_sip_msg *msg = &m->msg;
	unsigned int i;

	m->sdp.n_media = 0;
	m->sdp.n_addrs = 0;
	m->sdp.n_candidates = 0;
	for (i = 0; i < msg->n_bodies; i++) {
		if (!alg_sdp_parse(m->data, msg->bodies[i].off, msg->bodies[i].len, &m->sdp))
			continue;
		m->sdp.n_media = 0;
		m->sdp.n_addrs = 0;
		m->sdp.n_candidates = 0;
		nf_alg_work_refuse(m->work, NF_ALG_REASON_MALFORMED);
		break;
	}
	for (i = 0; i < m->sdp.n_media; i++)
		m->media[i].rewrite = false;
}

/* ---- rewriting ---- */

enum { REWRITE_ALL, REWRITE_SIGNALLING, REWRITE_NONE };

/* Listens elsewhere than it sends from, and does not ask for answers to where it sent from (RFC 3581, 3)? */
static u16 answer_port(const struct sip_message *m)
{
	const struct alg_sip_msg *msg = &m->msg;
	const struct alg_sip_ref *via;
	u16 port;

	if (msg->top_via >= msg->n_refs)
		return 0;
	via = &msg->refs[msg->top_via];
	port = via->ep.port ?: ALG_SIP_PORT;
	if ((via->flags & ALG_SIP_REF_RPORT) || via->ep.family != m->sender.family ||
	    memcmp(via->ep.addr, m->sender.addr, sizeof(via->ep.addr)))
		return 0;
	return port == m->sender.port ? 0 : port;
}

/* What an inside party's request tells about itself is kept with the connection. */
static void learn(const struct sip_message *m, const struct alg_sip_nat *nat, struct nf_alg_conn *data)
{
	const struct nf_alg_work *w = m->work;

	if (!m->inside || m->msg.kind != ALG_SIP_REQUEST || w->mode != NF_ALG_MODE_ON)
		return;
	WRITE_ONCE(data->knows_public, alg_sip_knows_public(&m->msg, nat));
	if (w->dir == IP_CT_DIR_ORIGINAL && !nat->stream)
		WRITE_ONCE(data->port, answer_port(m));
}

static void nat_init(struct alg_sip_nat *nat, struct sip_message *m)
{
	const struct nf_alg_work *w = m->work;
	const struct nf_conntrack_tuple_hash *h = w->ct->tuplehash;
	struct nf_alg_conn *data = conn_data(w);

	nat->own = m->sender;
	tuple_dst(&nat->own_public, &h[!w->dir].tuple);
	tuple_dst(&nat->peer, &h[w->dir].tuple);
	nat->peer_real = m->receiver;
	nat->stream = nf_ct_protonum(w->ct) == IPPROTO_TCP;
	nat->via_port = 0;
	nat->find = sip_find;
	nat->ctx = m;
	if (!data)
		return;
	learn(m, nat, data);
	if (m->inside)
		return;
	if (READ_ONCE(data->knows_public))
		nat->peer_real = nat->peer;
	if (w->dir == IP_CT_DIR_REPLY && !nat->stream)
		nat->via_port = READ_ONCE(data->port);
}

static bool wants_rewriting(const struct sip_message *m, const struct alg_sip_nat *nat)
{
	const struct nf_alg_conn *data = conn_data(m->work);
	unsigned int i;

	if (m->work->translated || (!nat->stream && data && READ_ONCE(data->port)))
		return true;
	for (i = 0; i < m->sdp.n_media; i++)
		if (m->media[i].rewrite)
			return true;
	return false;
}

/* @media: the description may be rewritten. */
static void make_plan(struct sip_message *m, bool media, struct alg_plan *plan)
{
	struct nf_alg_work *w = m->work;
	u32 what = nf_alg_work_option(w, NF_ALG_A_OPTION_REWRITE);
	struct alg_sip_nat nat ALG_UNINIT;

	if (what == REWRITE_NONE)
		return;
	nat_init(&nat, m);
	if (!wants_rewriting(m, &nat))
		return;
	media = media && what == REWRITE_ALL && m->sdp.n_media;
	if (alg_sip_plan(m->data, &m->msg, media ? &m->sdp : NULL, &nat, m->media, plan)) {
		sip_unwritten(m, plan, NF_ALG_REASON_UNREPRESENTABLE);
		return;
	}
	if (!plan->n || w->mode == NF_ALG_MODE_ON)
		return;
	nf_alg_work_refuse(w, NF_ALG_REASON_OBSERVED);
	alg_plan_undo(plan, (struct alg_plan_mark){ 0 });
}

void sip_unwritten(struct sip_message *m, struct alg_plan *plan, enum nf_alg_reason reason)
{
	nf_alg_work_refuse(m->work, reason);
	alg_plan_undo(plan, (struct alg_plan_mark){ 0 });
	sip_register_undo(m);
	if (m->msg.method != ALG_SIP_REGISTER)
		sip_call_undo(m);
}

/* Whose public endpoint is it, as the receiver sees him; or the other way. */
bool sip_find(void *ctx, const struct alg_sip_ref *ref, const struct alg_endpoint *ep, struct alg_endpoint *seen)
{
	struct sip_message *m = ctx;
	u8 l4proto = ref && (ref->flags & (ALG_SIP_REF_TCP | ALG_SIP_REF_SECURE)) ? IPPROTO_TCP : IPPROTO_UDP;
	bool same;

	if (m->inside)
		return nf_alg_public_of_target(m->work, l4proto, ep, seen);
	if (!nf_alg_public_to_target(m->work, l4proto, ep, seen, &same))
		return false;
	/* Its own; or somebody's whom it can reach without going round by the box. */
	return !memcmp(seen->addr, m->receiver.addr, sizeof(seen->addr)) ||
	       (same && !nf_alg_work_option(m->work, NF_ALG_A_OPTION_SAME_NAT));
}

/* ---- a message ---- */

enum sip_verdict sip_process(struct sip_message *m, struct alg_plan *plan)
{
	struct nf_alg_work *w = m->work;
	u32 unknown = UNKNOWN_REWRITE;
	int reason = 0;

	nf_alg_work_count(w, kind_reason(&m->msg));
	if (refused(m))
		return SIP_REFUSE;
	if (m->msg.method == ALG_SIP_UNKNOWN)
		unknown = unknown_method(m);
	if (unknown != UNKNOWN_REWRITE)
		return unknown == UNKNOWN_DROP && m->msg.kind == ALG_SIP_REQUEST ? SIP_REFUSE : SIP_PASS;

	find_parties(m);
	if (w->ct->master && w->dir == IP_CT_DIR_ORIGINAL && w->mode == NF_ALG_MODE_ON && !sip_register_admits(m)) {
		nf_alg_work_refuse(w, NF_ALG_REASON_NOT_ALLOWED);
		return SIP_REFUSE;
	}
	read_bodies(m);
	if (m->msg.method == ALG_SIP_REGISTER) {
		reason = sip_register_message(m);
	} else {
		reason = sip_call_message(m);
		sip_dialog_message(m);
	}
	if (reason)
		nf_alg_work_refuse(w, reason);
	make_plan(m, !reason, plan);
	return SIP_PASS;
}

/* ---- module ---- */

static int sip_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	if (nf_ct_protonum(ct) == IPPROTO_UDP)
		return sip_udp_help(skb, protoff, ct, ctinfo);
	return nf_alg_tcp_help(&sip_proto, skb, protoff, ct, ctinfo);
}

/* Requests may have to be taken out, see sip_register_admits(). */
static bool sip_rewrites(const struct nf_alg_work *w)
{
	return w->ct->master;
}

struct nf_alg_proto sip_proto = {
	.id = NF_ALG_PROTOCOL_SIP,
	.name = "alg-sip",
	.tcp = true,
	.udp = true,
	.help = sip_help,
	.session_size = SIP_STREAM_SIZE,
	.stream = &sip_stream_ops,
	.segment = sip_stream_segment,
	.rewrites = sip_rewrites,
	.calls = &sip_call_ops,
	.owner = THIS_MODULE,
};

static int __init nf_alg_sip_init(void)
{
	int err;

	err = scratch_alloc();
	if (err)
		return err;
	err = sip_register_init();
	if (err)
		goto out_scratch;
	err = sip_call_init();
	if (err)
		goto out_register;
	err = nf_alg_proto_register(&sip_proto);
	if (err)
		goto out_call;
	return 0;

out_call:
	sip_call_exit();
out_register:
	sip_register_exit();
out_scratch:
	scratch_free();
	return err;
}

static void __exit nf_alg_sip_exit(void)
{
	nf_alg_proto_unregister(&sip_proto);
	sip_call_exit();
	sip_register_exit();
	rcu_barrier();	/* nothing of ours waits to be freed */
	scratch_free();
}

module_init(nf_alg_sip_init);
module_exit(nf_alg_sip_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Application layer gateway: SIP");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_NFCT_HELPER("alg-sip");
