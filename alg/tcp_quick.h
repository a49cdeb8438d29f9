/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short way of a TCP control connection's packets, in line in ->help of a protocol that has one.
 *
 * Most segments are one message of no interest, in order, or mere acknowledgements, and need no other numbers than conntrack
 * gives them: they pass, and only the session takes note. Whatever is unusual goes the long way, nf_alg_tcp_help(), which comes
 * to the same result.
 */
#ifndef NF_ALG_TCP_QUICK_H
#define NF_ALG_TCP_QUICK_H

#include <linux/netdevice.h>
#include <linux/tcp.h>

#include "nf_alg.h"

/*
 * Is a segment's data one message of no interest? Then the protocol's part of the session is as ->segment and the message function
 * would have left it, which would have taken all of it without a word to anybody. false: nothing has changed. Under session->lock.
 */
typedef bool nf_alg_quick_fn(struct nf_alg_session *session, bool reply, const u8 *data, u32 len);

/* alg/tcp.c */
/* Would the packet's numbers stay as they are? Options other than a lone timestamp may be SACK: perhaps not. */
bool nf_alg_tcp_numbers_true(const struct nf_alg_session *s, const struct nf_conn *ct, const struct tcphdr *th,
			     enum ip_conntrack_dir dir);
void nf_alg_tcp_acked(struct nf_alg_session *s, enum ip_conntrack_dir dir, u32 ack);

/* @th: with ACK; @data: behind it, none for a mere acknowledgement. Under session->lock. */
static __always_inline bool nf_alg_session_quick(struct nf_alg_session *s, const struct nf_conn *ct, enum ip_conntrack_dir dir,
						 const struct tcphdr *th, const u8 *data, u32 len, nf_alg_quick_fn *quick)
{
	struct alg_stream *mine = &s->dir[dir], *other = &s->dir[!dir];

	if (s->gen != smp_load_acquire(s->gen_now) || s->blocked || (len && !alg_stream_quick(mine, ntohl(th->seq))))
		return false;
	if ((alg_stream_moved(mine) || alg_stream_moved(other)) && !nf_alg_tcp_numbers_true(s, ct, th, dir))
		return false;
	if (len) {
		if (!quick(s, dir == IP_CT_DIR_REPLY, data, len))
			return false;
		alg_stream_accept(mine, len);
		if (s->uncounted++ == NF_ALG_UNCOUNTED_MAX)
			nf_alg_session_count_messages(s, 0);
	}
	if (!alg_stream_acked_quick(other, ntohl(th->ack_seq)))
		nf_alg_tcp_acked(s, dir, ntohl(th->ack_seq));
	return true;
}

/* Return: false, and nothing has changed; or the packet passes. */
static __always_inline bool nf_alg_tcp_quick(const struct sk_buff *skb, unsigned int protoff, const struct nf_conn *ct,
					     enum ip_conntrack_info ctinfo, nf_alg_quick_fn *quick)
{
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + protoff);
	struct nf_alg_session *s;
	unsigned int start;
	bool done, bh;

	if (ctinfo != IP_CT_ESTABLISHED && ctinfo != IP_CT_ESTABLISHED_REPLY)
		return false;
	if ((ct->master && !nf_alg_conn_is_child(ct)) || nf_ct_protonum(ct) != IPPROTO_TCP || !nf_ct_is_confirmed(ct) ||
	    nf_is_loopback_packet(skb))
		return false;
	if (skb_is_nonlinear(skb) || skb->len < protoff + sizeof(*th))
		return false;
	start = protoff + th->doff * 4;
	if (th->doff < sizeof(*th) / 4 || skb->len < start ||
	    (tcp_flag_word(th) & (TCP_FLAG_SYN | TCP_FLAG_FIN | TCP_FLAG_RST | TCP_FLAG_URG | TCP_FLAG_ACK)) != TCP_FLAG_ACK)
		return false;
	s = nf_alg_session_find(ct);
	if (!s)
		return false;
	bh = nf_alg_softirqs_off();
	spin_lock(&s->lock);
	done = nf_alg_session_quick(s, ct, CTINFO2DIR(ctinfo), th, skb->data + start, skb->len - start, quick);
	spin_unlock(&s->lock);
	nf_alg_softirqs_restore(bh);
	return done;
}

#endif /* NF_ALG_TCP_QUICK_H */
