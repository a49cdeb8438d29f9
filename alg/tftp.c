// SPDX-License-Identifier: GPL-2.0-only
/* Module nf_alg_tftp: the server answers from a new port (RFC 1350, 4); a request opens it. Nothing is rewritten. */
#include <linux/module.h>
#include <linux/udp.h>

#include "nf_alg.h"
#include "proto/tftp.h"

static int tftp_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo);

static struct nf_alg_proto tftp_proto = {
	.id = NF_ALG_PROTOCOL_TFTP,
	.name = "alg-tftp",
	.udp = true,
	.help = tftp_help,
	.owner = THIS_MODULE,
};

/* Who asked, as himself; the server's answer comes to the port that the request left from. */
static void tftp_open(struct nf_alg_work *w)
{
	const struct nf_conntrack_tuple *sent = &w->ct->tuplehash[w->dir].tuple;
	struct nf_alg_pinhole_req req ALG_UNINIT;
	struct alg_endpoint public ALG_UNINIT;
	u32 id;

	nf_alg_pinhole_req_init(&req, w->dir, IPPROTO_UDP);
	req.same_port = true;
	req.timeout = nf_alg_work_option(w, NF_ALG_A_OPTION_PINHOLE_TIMEOUT);
	req.max = nf_alg_work_option(w, NF_ALG_A_OPTION_MAX_PINHOLES);
	nf_alg_endpoint_set(&req.target, sent->src.l3num, &sent->src.u3, sent->src.u.udp.port);
	nf_alg_pinhole_open(w, &req, &public, &id);
}

static int tftp_malformed(struct nf_alg_work *w)
{
	nf_alg_work_refuse(w, NF_ALG_REASON_MALFORMED);
	return w->mode == NF_ALG_MODE_ON && nf_alg_work_option(w, NF_ALG_A_OPTION_MALFORMED) ? NF_DROP : NF_ACCEPT;
}

static int tftp_request(struct nf_alg_work *w, const struct alg_tftp_msg *msg)
{
	if (msg->kind == ALG_TFTP_WRQ && nf_alg_work_option(w, NF_ALG_A_OPTION_WRITE)) {
		nf_alg_work_refuse(w, w->mode == NF_ALG_MODE_ON ? NF_ALG_REASON_COMMAND_REFUSED : NF_ALG_REASON_OBSERVED);
		return w->mode == NF_ALG_MODE_ON ? NF_DROP : NF_ACCEPT;
	}
	if (w->mode == NF_ALG_MODE_OBSERVE)
		nf_alg_work_refuse(w, NF_ALG_REASON_OBSERVED);
	else
		tftp_open(w);
	return NF_ACCEPT;
}

static int tftp_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	unsigned int off = protoff + sizeof(struct udphdr);
	struct nf_alg_work w ALG_UNINIT;
	struct alg_tftp_msg msg;
	enum alg_parse ret;
	const u8 *data;
	u32 len;

	if (!nf_alg_work_init(&w, &tftp_proto, IPPROTO_UDP, skb, protoff, ct, ctinfo))
		return NF_ACCEPT;
	/* Requests come from the initiator; a bundle of datagrams is not one request. */
	if (w.dir != IP_CT_DIR_ORIGINAL || skb->len <= off || skb_is_gso(skb))
		return NF_ACCEPT;
	if (!pskb_may_pull(skb, off))
		return NF_ACCEPT;
	len = ntohs(((struct udphdr *)(skb->data + protoff))->len);
	if (len <= sizeof(struct udphdr))
		return NF_ACCEPT;
	/* What lies behind the datagram's own length is not the request; one byte too much tells the parser that it is too long. */
	len = min3(len - (u32)sizeof(struct udphdr), (u32)(skb->len - off), (u32)ALG_TFTP_REQUEST_MAX + 1);
	if (!pskb_may_pull(skb, off + len))
		return NF_ACCEPT;
	data = skb->data + off;
	ret = alg_tftp_parse(data, len, &msg);
	if (ret == ALG_PARSE_COMPLETE && msg.kind == ALG_TFTP_OTHER)
		return NF_ACCEPT;

	nf_alg_work_resolve(&w);
	if (w.mode == NF_ALG_MODE_OFF)
		return NF_ACCEPT;
	if (!nf_ct_is_confirmed(ct))
		nf_alg_work_count(&w, NF_ALG_REASON_SESSIONS);
	nf_alg_work_count(&w, NF_ALG_REASON_MESSAGES);
	return ret == ALG_PARSE_COMPLETE ? tftp_request(&w, &msg) : tftp_malformed(&w);
}

static int __init nf_alg_tftp_init(void)
{
	return nf_alg_proto_register(&tftp_proto);
}

static void __exit nf_alg_tftp_exit(void)
{
	nf_alg_proto_unregister(&tftp_proto);
}

module_init(nf_alg_tftp_init);
module_exit(nf_alg_tftp_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Application layer gateway: TFTP");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_NFCT_HELPER("alg-tftp");
