// SPDX-License-Identifier: GPL-2.0-only
/* SIP over UDP: a datagram is a message. Nothing is remembered of a connection but what struct nf_alg_conn holds. */
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "sip.h"

/*
 * struct datagram - a packet's payload
 * @data, @len:	up to the end that its UDP header names
 * @tail:	IP carries more behind it
 */
struct datagram {
	const u8 *data;
	u32 len;
	bool tail;
};

/* Fragments were put together by conntrack, as a list. Return: false if there is nothing to be read. */
static bool datagram_read(struct sk_buff *skb, unsigned int protoff, struct datagram *d)
{
	unsigned int off = protoff + sizeof(struct udphdr);
	u32 len;

	if (skb->len <= off || skb_linearize(skb))
		return false;
	len = ntohs(((struct udphdr *)(skb->data + protoff))->len);
	if (len <= sizeof(struct udphdr) || len > skb->len - protoff)
		return false;
	d->data = skb->data + off;
	d->len = len - sizeof(struct udphdr);
	d->tail = skb->len != protoff + len;
	return true;
}

/* ---- how long the connection lives ---- */

void sip_conn_set(struct sip_conn *conn, const struct nf_alg_work *w)
{
	conn->used = nf_ct_protonum(w->ct) == IPPROTO_UDP;
	conn->tenant = w->account && nf_alg_work_on_service(w) ? w->account->id : 0;
	conn->tuple = w->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	conn->zone = *nf_ct_zone(w->ct);
}

bool sip_conn_served(const struct sip_conn *conn, const struct nf_alg_tenant *tenant)
{
	return conn->tenant != nf_alg_tenant_id(tenant) || nf_alg_tenant_serves(tenant, NF_ALG_PROTOCOL_SIP, &conn->tuple);
}

void sip_conn_keep(struct net *net, const struct sip_conn *conn, u32 secs)
{
	struct nf_conntrack_tuple_hash *h = conn->used ? nf_conntrack_find_get(net, &conn->zone, &conn->tuple) : NULL;

	if (!h)
		return;
	nf_alg_conn_extend(nf_ct_tuplehash_to_ctrack(h), secs);
	nf_ct_put(nf_ct_tuplehash_to_ctrack(h));
}

void sip_conn_release(const struct nf_alg_work *w)
{
	struct nf_alg_conn *data = nfct_help(w->ct) ? nfct_help_data(w->ct) : NULL;

	if (data && nf_ct_protonum(w->ct) == IPPROTO_UDP)
		WRITE_ONCE(data->keep, 0);
}

/* ---- a packet ---- */

/*
 * The answer to a request whose Via named another port than it came from goes there (RFC 3261, 18.2.2): as the peer
 * was told the port that conntrack knows, the packet is turned to the other one when conntrack is done with it.
 */
static int turn_answer(const struct nf_alg_work *w)
{
	const struct nf_alg_conn *data = nfct_help(w->ct) ? nfct_help_data(w->ct) : NULL;
	__be16 port = data && w->dir == IP_CT_DIR_REPLY ? htons(READ_ONCE(data->port)) : 0;
	struct udphdr *uh;

	if (!port)
		return NF_ACCEPT;
	if (skb_ensure_writable(w->skb, w->protoff + sizeof(*uh)))
		return NF_DROP;
	uh = (struct udphdr *)(w->skb->data + w->protoff);
	if (uh->dest == port)
		return NF_ACCEPT;
	if (uh->check || w->skb->ip_summed == CHECKSUM_PARTIAL) {
		inet_proto_csum_replace2(&uh->check, w->skb, uh->dest, port, false);
		if (!uh->check)
			uh->check = CSUM_MANGLED_0;
	}
	uh->dest = port;
	return NF_ACCEPT;
}

/*
 * A message that grew beyond the path's MTU is fragmented, whatever its sender, who does not know of it, asked for.
 */
static void may_fragment(struct sk_buff *skb, const struct alg_plan *plan)
{
	if (plan->delta > 0)
		skb->ignore_df = 1;
}

static void carry_out(struct sip_message *m, struct alg_plan *plan, const struct datagram *d)
{
	struct nf_alg_work *w = m->work;

	if (!plan->n)
		return;
	if (d->tail || nf_alg_apply(w->skb, w->protoff, IPPROTO_UDP, plan, 0)) {
		sip_unwritten(m, plan, NF_ALG_REASON_UNREPRESENTABLE);
		return;
	}
	nf_alg_work_count(w, NF_ALG_REASON_REWRITTEN);
	may_fragment(w->skb, plan);
}

static int message(struct nf_alg_work *w, const struct datagram *d, u32 *keep)
{
	struct sip_scratch *scratch = sip_scratch(w);
	struct sip_message *m = &scratch->m;
	struct alg_plan plan ALG_UNINIT;
	u32 used;

	if (d->len > nf_alg_work_option(w, NF_ALG_A_OPTION_MAX_MESSAGE) ||
	    alg_sip_parse(d->data, d->len, false, nf_alg_work_option(w, NF_ALG_A_OPTION_MAX_HEADER), &m->msg, &used) !=
	    ALG_PARSE_COMPLETE) {
		nf_alg_work_count(w, NF_ALG_REASON_MESSAGES);
		return sip_malformed(w) ? NF_DROP : turn_answer(w);
	}
	if (m->msg.kind != ALG_SIP_REQUEST && m->msg.kind != ALG_SIP_RESPONSE) {
		nf_alg_work_count(w, NF_ALG_REASON_NOT_SERVED);
		return NF_ACCEPT;
	}
	nf_alg_work_count(w, NF_ALG_REASON_MESSAGES);
	m->data = d->data;
	m->len = d->len;
	alg_plan_init(&plan, scratch->edits, ALG_SIP_PLAN_EDITS, scratch->bytes, ALG_SIP_PLAN_BYTES);
	if (sip_process(m, &plan) == SIP_REFUSE)
		return NF_DROP;
	carry_out(m, &plan, d);
	*keep = m->keep;
	return turn_answer(w);
}

static int datagram(struct nf_alg_work *w, u32 *keep)
{
	struct datagram d;

	nf_alg_work_resolve(w);
	if (w->mode == NF_ALG_MODE_OFF)
		return NF_ACCEPT;
	if (!nf_ct_is_confirmed(w->ct))
		nf_alg_work_count(w, NF_ALG_REASON_SESSIONS);
	/* A bundle of datagrams is not one message. */
	if (skb_is_gso(w->skb)) {
		nf_alg_work_count(w, NF_ALG_REASON_NOT_SERVED);
		return NF_ACCEPT;
	}
	return datagram_read(w->skb, w->protoff, &d) ? message(w, &d, keep) : NF_ACCEPT;
}

int sip_udp_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	struct nf_alg_work w ALG_UNINIT;
	u32 keep = 0;
	int ret;

	if (!nf_alg_work_init(&w, &sip_proto, IPPROTO_UDP, skb, protoff, ct, ctinfo))
		return NF_ACCEPT;
	local_bh_disable();	/* for the scratch memory; what this host sends itself comes with them on */
	ret = datagram(&w, &keep);
	local_bh_enable();
	if (ret == NF_ACCEPT)
		nf_alg_conn_keep(ct, keep);
	return ret;
}
