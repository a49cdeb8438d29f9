// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module nf_alg_ike: what IKE messages on udp/500 mean for the tunnels. A session is begun by its client only, with whatever
 * message: nothing that comes from outside makes any state. What a gateway begins is seen with the client's answer, before
 * which no SA can stand.
 */
#include <linux/module.h>
#include <linux/udp.h>
#include <net/ip6_fib.h>
#include <net/route.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "esp.h"

#define UNUSED_MAX	30000	/* ms; what is repeated later begins its session again */

/*
 * struct ike_packet - a message on its way
 * @from_client: else from its gateway
 * @client:	the connection's direction in which the client sends
 * @port:	preserve-port: the packet's source port as conntrack left it, 0: it stays
 */
struct ike_packet {
	struct nf_alg_work w;
	struct alg_ike_msg msg;
	enum ip_conntrack_dir client;
	bool from_client;
	__be16 port;
};

/* ---- who is who ---- */

/* IKE of the box itself, or to everybody: none that is forwarded. */
static bool of_this_host(const struct sk_buff *skb)
{
	const struct dst_entry *dst = skb_dst(skb);

	if (!skb->skb_iif)	/* it sends */
		return true;
	if (!dst)
		return false;
	if (ip_hdr(skb)->version == 4)
		return container_of(dst, struct rtable, dst)->rt_type > RTN_UNICAST;
	return container_of(dst, struct rt6_info, dst)->rt6i_flags & (RTF_LOCAL | RTF_ANYCAST) ||
	       ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);
}

static u16 zone_of(const struct nf_conn *ct, enum ip_conntrack_dir dir)
{
	return nf_ct_zone_id(nf_ct_zone(ct), dir);
}

static struct esp_tunnel *tunnel_from(const struct nf_alg_work *w, enum ip_conntrack_dir client)
{
	const struct nf_conntrack_tuple *sent = &w->ct->tuplehash[client].tuple;

	return esp_tunnel_find(w->net, zone_of(w->ct, client), sent->src.l3num, &sent->src.u3, &sent->dst.u3);
}

/*
 * The client is who is hidden, of two that are the one who began. Where nobody is and there is a tunnel already, either may
 * have begun this connection.
 */
static enum ip_conntrack_dir client_of(const struct nf_alg_work *w)
{
	if (esp_translated(w->ct, IP_CT_DIR_ORIGINAL))
		return IP_CT_DIR_ORIGINAL;
	if (esp_translated(w->ct, IP_CT_DIR_REPLY))
		return IP_CT_DIR_REPLY;
	return !tunnel_from(w, IP_CT_DIR_ORIGINAL) && tunnel_from(w, IP_CT_DIR_REPLY) ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL;
}

void esp_join_fill(struct esp_join *join, const struct nf_conn *ct, enum ip_conntrack_dir client)
{
	const struct nf_conntrack_tuple *out = &ct->tuplehash[client].tuple, *in = &ct->tuplehash[!client].tuple;

	*join = (struct esp_join) {
		.net = nf_ct_net(ct),
		.family = out->src.l3num,
		.out = { .src = out->src.u3, .dst = out->dst.u3 },
		.in = { .src = in->src.u3, .dst = in->dst.u3 },
		.out_zone = zone_of(ct, client),
		.in_zone = zone_of(ct, !client),
		.translated = esp_translated(ct, IP_CT_DIR_ORIGINAL) || esp_translated(ct, IP_CT_DIR_REPLY),
	};
}

static void join_of(const struct ike_packet *p, struct esp_join *join)
{
	esp_join_fill(join, p->w.ct, p->client);
	join->tenant = p->w.tenant;
	join->account = p->w.account;
	join->rule = p->w.rule;
	join->gen = p->w.gen;
	join->on_service = nf_alg_work_on_service(&p->w);
}

/* ---- sessions, under the gateway's lock ---- */

/* Anybody inside may say anything in anybody's name. */
static bool answered(const struct nf_conn *ct)
{
	return test_bit(IPS_SEEN_REPLY_BIT, &ct->status);
}

static void session_seen(struct ike_packet *p, struct esp_ike *ike)
{
	const struct nf_conn *ct = p->w.ct;

	ike->tuple = ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	ike->zone = *nf_ct_zone(ct);
	ike->version = p->msg.version;
	if (p->msg.rspi)
		ike->rspi = p->msg.rspi;
	if (p->msg.kind != ALG_IKE_KIND_PHASE1 && answered(ct))
		ike->used = true;
	if (!p->from_client)
		return;
	if (nf_alg_work_option(&p->w, NF_ALG_A_OPTION_PRESERVE_PORT))
		ike_port_learn(ike, ct);
	else
		ike_port_forget(ike);
	p->port = ike->port;
}

/* What was never answered, or only begins, stays no longer in conntrack's table than any UDP. */
static bool session_stands(const struct ike_packet *p, const struct esp_ike *ike, enum alg_esp_verdict verdict)
{
	return (ike->used || verdict != ALG_ESP_PASS) && answered(p->w.ct);
}

/* Return: PASS; GATE: the message must not pass (yet). */
static enum alg_esp_verdict session_message(struct ike_packet *p, struct esp_ike *ike)
{
	enum alg_esp_verdict verdict = alg_esp_ike_message(&ike->bind, &p->msg, p->from_client, esp_now());

	/* What is dropped is not seen: its connection may never be confirmed. */
	if (verdict == ALG_ESP_PASS) {
		session_seen(p, ike);
		ike_wait_passed(ike, &p->msg, p->from_client);
	} else {
		ike_wait_put(ike, p->w.skb, p->w.protoff, p->w.ct, &p->msg, p->from_client);
	}
	return verdict;
}

/* The message's session, begun if need be; NULL: there is none, and the reason is counted. The tunnel is locked if there is one. */
static struct esp_ike *client_session(struct ike_packet *p, struct esp_tunnel **tunnel)
{
	enum nf_alg_reason reason;
	struct esp_join join;
	struct esp_ike *ike;

	join_of(p, &join);
	*tunnel = esp_tunnel_get_locked(&join, &reason);
	if (!*tunnel) {
		nf_alg_work_refuse(&p->w, reason);
		return NULL;
	}
	esp_spis_find(*tunnel, p->w.ct);
	/* The other party began a tunnel this moment, where nothing is translated. */
	p->from_client = esp_from_client(*tunnel, &join.out.src);
	ike = esp_ike_find(*tunnel, p->msg.ispi);
	if (ike || !p->from_client)
		return ike;
	ike = esp_ike_new(*tunnel, p->msg.ispi, p->msg.first);
	if (!ike)
		nf_alg_work_refuse(&p->w, NF_ALG_REASON_NO_MEMORY);
	return ike;
}

static struct esp_ike *gateway_session(struct ike_packet *p, struct esp_tunnel **tunnel)
{
	*tunnel = tunnel_from(&p->w, p->client);
	if (*tunnel && !esp_lock_tunnel(*tunnel))
		*tunnel = NULL;		/* it went this moment */
	if (!*tunnel)
		return NULL;
	if (!esp_tunnel_allowed(*tunnel)) {
		esp_unlock((*tunnel)->group);
		*tunnel = NULL;
		return NULL;
	}
	return esp_ike_find(*tunnel, p->msg.ispi);
}

/*
 * Sessions that never got beyond their first phase have failed, or moved to udp/4500 by way of a connection that was there
 * before, in which nobody looks for them. One that nobody answers keeps no slot from others.
 */
bool ike_unused_end(struct esp_tunnel *tunnel)
{
	struct alg_link *link = tunnel->bind.ikes.next, *next;
	u32 now = (u32)esp_now();

	for (; !tunnel->gone && link != &tunnel->bind.ikes; link = next) {
		struct esp_ike *ike = esp_ike_of(alg_esp_entry(link, struct alg_esp_ike, list));

		next = link->next;
		if (!ike->used && (s32)(now - ike->bind.last) > UNUSED_MAX)
			esp_ike_end(ike);
	}
	return !tunnel->gone;
}

/* ---- a packet ---- */

static int take(struct ike_packet *p)
{
	enum alg_esp_verdict verdict = ALG_ESP_PASS;
	struct esp_tunnel *tunnel;
	struct esp_ike *ike;
	bool stands = false;

	p->client = client_of(&p->w);
	p->from_client = p->w.dir == p->client;
	ike = p->from_client ? client_session(p, &tunnel) : gateway_session(p, &tunnel);
	if (ike) {
		verdict = session_message(p, ike);
		stands = session_stands(p, ike, verdict);
	}
	if (tunnel)
		esp_unlock(tunnel->group);

	if (stands)
		nf_alg_conn_keep(p->w.ct, nf_alg_work_option(&p->w, NF_ALG_A_OPTION_STATE_TIMEOUT));
	if (verdict != ALG_ESP_PASS) {
		nf_alg_work_refuse(&p->w, esp_reason(verdict));
		return NF_DROP;
	}
	return p->port ? ike_port_send(p->w.skb, p->w.protoff) : NF_ACCEPT;
}

static int malformed(struct nf_alg_work *w)
{
	nf_alg_work_refuse(w, NF_ALG_REASON_MALFORMED);
	return w->mode == NF_ALG_MODE_ON && nf_alg_work_option(w, NF_ALG_A_OPTION_MALFORMED) ? NF_DROP : NF_ACCEPT;
}

/* A datagram's payload, up to the end that its UDP header names. Fragments were put together by conntrack, as a list. */
static const u8 *datagram_read(struct sk_buff *skb, unsigned int protoff, u32 *len)
{
	unsigned int off = protoff + sizeof(struct udphdr);

	if (skb->len <= off || skb_linearize(skb))
		return NULL;
	*len = ntohs(((struct udphdr *)(skb->data + protoff))->len);
	if (*len <= sizeof(struct udphdr) || *len > skb->len - protoff)
		return NULL;
	*len -= sizeof(struct udphdr);
	return skb->data + off;
}

static int datagram(struct ike_packet *p)
{
	struct nf_alg_work *w = &p->w;
	const u8 *data;
	u32 len;

	/* A bundle of datagrams is not one message. */
	if (skb_is_gso(w->skb)) {
		nf_alg_work_count(w, NF_ALG_REASON_NOT_SERVED);
		return NF_ACCEPT;
	}
	data = datagram_read(w->skb, w->protoff, &len);
	if (!data)
		return NF_ACCEPT;
	switch (alg_ike_parse(data, len, false, &p->msg)) {
	case ALG_IKE_MESSAGE:
		break;
	case ALG_IKE_MALFORMED:
		return malformed(w);
	default:
		return NF_ACCEPT;
	}
	if (!nf_ct_is_confirmed(w->ct))
		nf_alg_work_count(w, NF_ALG_REASON_SESSIONS);
	nf_alg_work_count(w, NF_ALG_REASON_MESSAGES);
	if (w->mode == NF_ALG_MODE_ON)
		return take(p);
	nf_alg_work_count(w, NF_ALG_REASON_OBSERVED);
	return NF_ACCEPT;
}

static int help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	const struct nf_conntrack_tuple *t = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct ike_packet p ALG_UNINIT;
	int ret;

	if (!nf_alg_work_init(&p.w, &esp_proto, IPPROTO_UDP, skb, protoff, ct, ctinfo))
		return NF_ACCEPT;
	if (of_this_host(skb))
		return NF_ACCEPT;
	/* Where peers have moved to (RFC 3948) there is nothing for us, even if a service says so. */
	if (t->dst.u.udp.port == htons(ALG_IKE_PORT_NATT) || t->src.u.udp.port == htons(ALG_IKE_PORT_NATT))
		return NF_ACCEPT;
	if (((struct nf_alg_conn *)nfct_help_data(ct))->adopted && !ike_adopted(&p.w))
		return NF_ACCEPT;
	nf_alg_work_resolve(&p.w);
	if (p.w.mode == NF_ALG_MODE_OFF)
		return NF_ACCEPT;
	p.port = 0;
	ret = datagram(&p);
	if (p.w.mode == NF_ALG_MODE_ON)
		nf_alg_conn_keep(ct, 0);
	return ret;
}

static int ike_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	int ret = help(skb, protoff, ct, ctinfo);

	if (CTINFO2DIR(ctinfo) == IP_CT_DIR_ORIGINAL)
		ike_orphan_known(ct);
	return ret;
}

/* ---- module ---- */

struct nf_alg_proto esp_proto = {
	.id = NF_ALG_PROTOCOL_IKE,
	.name = "alg-ike",
	.udp = true,
	.help = ike_help,
	.destroy = ike_orphan_known,
	.calls = &esp_call_ops,
	.owner = THIS_MODULE,
};

static int __init nf_alg_ike_init(void)
{
	int err = esp_table_init();

	if (err)
		return err;
	ike_port_init();
	err = nf_alg_proto_register(&esp_proto);
	if (err)
		goto table;
	esp_adopt();
	ike_adopt_all();
	return 0;
table:
	esp_table_exit();
	return err;
}

/* First nobody makes tunnels any more, then nobody finds them. */
static void __exit nf_alg_ike_exit(void)
{
	nf_alg_proto_unregister(&esp_proto);
	esp_table_exit();
}

module_init(nf_alg_ike_init);
module_exit(nf_alg_ike_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Application layer gateway: IKE and ESP");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_NFCT_HELPER("alg-ike");
