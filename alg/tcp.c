// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP control connections: gives segments to the stream layer, carries out what it says, and keeps both sides' sequence
 * numbers true.
 *
 * Conntrack adjusts sequence numbers after ->help, but remembers one change per direction only. The stream's log knows them
 * all. We tell conntrack about each change (its window tracking needs that) and, where its answer for this packet would differ
 * from the true one, give it the number that it turns into the true one.
 */
#include <linux/module.h>
#include <linux/tcp.h>
#include <net/tcp.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_l4proto.h>
#include <net/netfilter/nf_conntrack_seqadj.h>

#include "nf_alg.h"
#include "tcp_quick.h"

#define MSS_DEFAULT	536	/* RFC 9293, 3.7.1 */
#define MSS_LEAST	128	/* who asks for less would have one packet of ours become thousands */
/* What one message may need at least, and then more for others in the same segment. */
#define PLAN_EDITS	(ALG_STREAM_ROOM_EDITS_MAX + 64)
#define PLAN_BYTES	(ALG_STREAM_ROOM_TEXT_MAX + 4096)

/* One plan per CPU; used with softirqs off. */
struct tcp_scratch {
	struct alg_edit edits[PLAN_EDITS];
	u8 bytes[PLAN_BYTES];
};

static struct tcp_scratch __percpu *tcp_scratch;

static const struct {
	u32 event;
	enum nf_alg_reason reason;
} stream_reasons[] = {
	{ ALG_STREAM_EV_HELD,		NF_ALG_REASON_HELD },
	{ ALG_STREAM_EV_STALLED,	NF_ALG_REASON_STALLED },
	{ ALG_STREAM_EV_GAP,		NF_ALG_REASON_GAP },
	{ ALG_STREAM_EV_TOO_LONG,	NF_ALG_REASON_TOO_LONG },
	{ ALG_STREAM_EV_MALFORMED,	NF_ALG_REASON_MALFORMED },
	{ ALG_STREAM_EV_PICKUP,		NF_ALG_REASON_PICKUP },
	{ ALG_STREAM_EV_LOG_FULL,	NF_ALG_REASON_BACKPRESSURE },
	{ ALG_STREAM_EV_VOUCHED,	NF_ALG_REASON_VOUCHED },
};

/*
 * struct segment - one TCP segment
 * @hdr:	bytes of TCP header
 * @len:	bytes of data
 * @seq, @ack:	as in the header when ->help was called
 * @urgent:	where the urgent pointer points to
 * @core:	conntrack was to adjust this packet when ->help was called
 * @probe:	nothing is left of its data
 */
struct segment {
	u32 hdr, len;
	u32 seq, ack;
	u32 urgent;
	bool syn, fin, rst, has_ack, urg;
	bool core;
	bool probe;
	bool later_fin;
};

static bool segment_read(const struct nf_alg_work *w, struct segment *seg)
{
	struct tcphdr buf;
	const struct tcphdr *th = skb_header_pointer(w->skb, w->protoff, sizeof(buf), &buf);

	if (!th)
		return false;
	seg->hdr = th->doff * 4;
	if (seg->hdr < sizeof(*th) || w->skb->len < w->protoff + seg->hdr)
		return false;
	seg->len = w->skb->len - w->protoff - seg->hdr;
	seg->seq = ntohl(th->seq);
	seg->ack = ntohl(th->ack_seq);
	seg->syn = th->syn;
	seg->fin = th->fin;
	seg->rst = th->rst;
	seg->has_ack = th->ack;
	seg->urg = th->urg;
	seg->urgent = seg->seq + ntohs(th->urg_ptr);
	seg->probe = false;
	seg->later_fin = false;
	seg->core = test_bit(IPS_SEQ_ADJUST_BIT, &w->ct->status);
	return true;
}

/* The MSS option of a SYN (RFC 9293, 3.2), 0 if there is none. */
static u16 syn_mss(const struct nf_alg_work *w, const struct segment *seg)
{
	u8 buf[60 - sizeof(struct tcphdr)];
	u32 len = seg->hdr - sizeof(struct tcphdr), i = 0;
	const u8 *opt = len ? skb_header_pointer(w->skb, w->protoff + sizeof(struct tcphdr), len, buf) : NULL;

	while (opt && i < len && opt[i] != TCPOPT_EOL) {
		if (opt[i] == TCPOPT_NOP) {
			i++;
			continue;
		}
		if (i + 1 >= len || opt[i + 1] < 2 || i + opt[i + 1] > len)
			break;
		if (opt[i] == TCPOPT_MSS && opt[i + 1] == TCPOLEN_MSS)
			return get_unaligned_be16(opt + i + 2);
		i += opt[i + 1];
	}
	return 0;
}

/* First packet: there is no session yet, because the connection may never be confirmed. */
static void remember_syn(const struct nf_alg_work *w, const struct segment *seg)
{
	struct nf_alg_conn *data = nfct_help_data(w->ct);

	if (!seg->syn || w->dir != IP_CT_DIR_ORIGINAL)
		return;
	data->isn = seg->seq + 1 + seg->len;
	data->syn_seen = true;
}

static void session_syn(const struct nf_alg_work *w, const struct segment *seg)
{
	struct nf_alg_session *s = w->session;
	u16 mss = max_t(u16, syn_mss(w, seg) ?: MSS_DEFAULT, MSS_LEAST);

	if (!s->dir[w->dir].synced)
		alg_stream_init(&s->dir[w->dir], seg->seq + 1 + seg->len);
	if (!s->mss || mss < s->mss)
		s->mss = mss;
}

static void count_stream(const struct nf_alg_work *w, const struct alg_stream_out *out)
{
	int i;

	if (out->messages)
		nf_alg_session_count_messages(w->session, out->messages);
	if (likely(!out->events))
		return;
	for (i = 0; i < ARRAY_SIZE(stream_reasons); i++)
		if (out->events & stream_reasons[i].event)
			nf_alg_work_count(w, stream_reasons[i].reason);
}

/* Windows: conntrack compares the receiver's with what the sender was told. */
static void be_liberal(const struct nf_alg_work *w)
{
	spin_lock_bh(&w->ct->lock);
	nf_ct_set_tcp_be_liberal(w->ct);
	spin_unlock_bh(&w->ct->lock);
}

/*
 * Each new edit by itself: what conntrack then makes of a number that lies between two of them can still be foreseen. But its
 * tracking of windows compares acknowledgements as they came with places before the edits: where the stream has become shorter
 * it takes one of the latest byte for one before the last edit, and if that added bytes, for one of bytes that were never sent.
 */
static void tell_conntrack(const struct nf_alg_work *w, const struct alg_stream *st, u16 logged)
{
	const struct alg_stream_entry *e;

	if (!logged)
		return;
	be_liberal(w);
	for (e = st->log->e + st->log->n - logged; logged--; e++)
		nf_ct_seqadj_set(w->ct, w->ctinfo, htonl(e->seq), (s32)e->new_len - (s32)e->old_len);
}

/*
 * Largest payload of a segment with this one's options: the MSS counts them as data (RFC 6691). What the way takes its sender alone
 * knows, and has made the segment fit: what it grows by goes in another one, or it would be lost as often as it is repeated.
 */
static u16 payload_max(const struct nf_alg_work *w, const struct segment *seg)
{
	u32 options = seg->hdr - sizeof(struct tcphdr), mss = w->session->mss, fits = max_t(u32, seg->len, MSS_DEFAULT);

	return mss > options ? min(mss - options, fits) : fits;
}

/* Payload is replaced as a whole by bytes that begin at another place in the stream. */
static int replace_payload(const struct nf_alg_work *w, struct segment *seg, const struct alg_stream_out *out)
{
	struct alg_edit whole = { .old_len = seg->len, .new_len = out->len };
	struct alg_plan plan = {
		.edits = &whole, .n = 1, .max_edits = 1,
		.bytes = (u8 *)out->data, .used = out->len, .max_bytes = out->len,
		.delta = out->len - seg->len,
	};
	int err;

	if (out->len > U16_MAX)
		return -EMSGSIZE;
	err = nf_alg_apply(w->skb, w->protoff, IPPROTO_TCP, &plan, payload_max(w, seg));
	if (!err)
		seg->seq = out->seq;
	return err;
}

static int carry_out(const struct nf_alg_work *w, struct segment *seg, const struct alg_stream_out *out)
{
	switch (out->verdict) {
	case ALG_STREAM_PASS:
		return 0;
	case ALG_STREAM_EDIT:
		return nf_alg_apply(w->skb, w->protoff, IPPROTO_TCP, out->plan, payload_max(w, seg));
	case ALG_STREAM_REPLACE:
		return replace_payload(w, seg, out);
	default:
		return -ECANCELED;
	}
}

/* Policy drops malformed messages: what follows in this direction must not pass either, or the sender repeats it past us. */
static bool blocked(struct nf_alg_work *w, const struct segment *seg)
{
	struct nf_alg_session *s = w->session;

	if (!(s->blocked & 1 << w->dir))
		return false;
	return alg_seq_after(seg->seq + seg->len, s->blocked_seq[w->dir]);
}

/*
 * Behind a FIN nothing comes that would complete a message, unless something is missing before it; what is urgent (ABOR,
 * RFC 959, 4.1.3) must not wait.
 */
static bool must_pass(const struct alg_stream *st, const struct segment *seg)
{
	return seg->urg || (seg->fin && !(st->synced && alg_seq_after(seg->seq, st->next)));
}

/* The Timestamps option (RFC 7323, 3.2): its values, or NULL. @th: the whole header is there. */
static u8 *timestamps(struct tcphdr *th)
{
	u8 *opt = (u8 *)(th + 1), *end = (u8 *)th + th->doff * 4;

	while (opt + 1 < end && *opt != TCPOPT_EOL) {
		if (*opt == TCPOPT_NOP) {
			opt++;
			continue;
		}
		if (opt[1] < 2 || opt + opt[1] > end)
			return NULL;
		/* at an even place, as the checksum's words */
		if (*opt == TCPOPT_TIMESTAMP)
			return opt[1] == TCPOLEN_TIMESTAMP && !((opt - (u8 *)th) & 1) ? opt + 2 : NULL;
		opt += opt[1];
	}
	return NULL;
}

/* Of what is held back: an acknowledgement that we make must have its sender's time. */
static void note_time(const struct nf_alg_work *w, const struct segment *seg)
{
	const u8 *values;

	if (!alg_stream_held(&w->session->dir[w->dir]))
		return;
	values = timestamps((struct tcphdr *)(w->skb->data + w->protoff));
	if (values)
		w->session->tsval[w->dir] = get_unaligned_be32(values);
}

static int segment_data(struct nf_alg_work *w, struct segment *seg)
{
	struct tcp_scratch *scratch = this_cpu_ptr(tcp_scratch);
	struct nf_alg_session *s = w->session;
	struct alg_stream *st = &s->dir[w->dir];
	struct alg_stream_out out ALG_UNINIT;
	struct alg_plan plan ALG_UNINIT;
	const u8 *data;
	bool may_hold;

	if (blocked(w, seg))
		return NF_DROP;
	if (skb_linearize(w->skb))
		return NF_DROP;
	data = w->skb->data + w->protoff + seg->hdr;
	if (s->proto->segment)
		s->proto->segment(w, seg->seq, data, seg->len);
	out.plan = &plan;
	alg_plan_init(&plan, scratch->edits, PLAN_EDITS, scratch->bytes, PLAN_BYTES);
	may_hold = w->mode == NF_ALG_MODE_ON && s->rewrites && !must_pass(st, seg);
	alg_stream_segment(st, s->proto->stream, w, seg->seq, data, seg->len, may_hold, &out);
	count_stream(w, &out);

	if (w->drop) {
		s->blocked |= 1 << w->dir;
		s->blocked_seq[w->dir] = seg->seq;
		return NF_DROP;
	}
	if (out.events & ALG_STREAM_EV_VOUCHED)
		be_liberal(w);
	tell_conntrack(w, st, out.logged);
	/* When it fails the sender repeats the segment, and the log has its edits. */
	if (carry_out(w, seg, &out))
		return NF_DROP;
	/* Nothing is left of it: as a keep-alive probe (RFC 9293, 3.8.4) it draws the acknowledgement that the sender needs. */
	if (out.verdict != ALG_STREAM_PASS && w->skb->len == w->protoff + seg->hdr)
		seg->probe = true;
	/* Bytes before the FIN stay here, and it comes again. */
	seg->later_fin = seg->fin && alg_stream_held(st);
	note_time(w, seg);
	return NF_ACCEPT;
}

/* Bytes before it are held back: the sender repeats both, or the FIN alone. */
static int segment_fin(const struct nf_alg_work *w, struct segment *seg)
{
	struct alg_stream_out out ALG_UNINIT;

	if (!alg_stream_fin(&w->session->dir[w->dir], seg->seq, &out) || skb_linearize(w->skb) || carry_out(w, seg, &out))
		return NF_DROP;
	return NF_ACCEPT;
}

/* ---- sequence numbers ---- */

/* The number that conntrack's adjustment @a turns into @want: sequence numbers. */
static u32 core_unseq(const struct nf_ct_seqadj *a, u32 want)
{
	u32 x = want - a->offset_before;

	return after(x, a->correction_pos) ? want - a->offset_after : x;
}

static u32 core_seq(const struct nf_ct_seqadj *a, u32 x)
{
	return x + (after(x, a->correction_pos) ? a->offset_after : a->offset_before);
}

/* The same for acknowledgements and SACK edges, which it takes back by the other direction's change. */
static u32 core_unack(const struct nf_ct_seqadj *a, u32 want)
{
	return want + (after(want, a->correction_pos) ? a->offset_after : a->offset_before);
}

static u32 core_ack(const struct nf_ct_seqadj *a, u32 x)
{
	return x - (after(x - a->offset_before, a->correction_pos) ? a->offset_after : a->offset_before);
}

/*
 * struct seq_fix - numbers of one packet
 * @a:		conntrack's adjustment, NULL if it leaves the packet alone
 *
 * Two numbers can't be expressed: a keep-alive's at the very place of an edit that shrank, and an acknowledgement right behind a
 * message that became nothing. They are rounded down, which neither side minds.
 */
struct seq_fix {
	const struct alg_stream *mine, *other;
	const struct nf_conn_seqadj *a;
	enum ip_conntrack_dir dir;
};

/* @want: sequence number in the receiver's space. */
static u32 fix_seq(const struct seq_fix *f, u32 want)
{
	const struct nf_ct_seqadj *a = f->a ? &f->a->seq[f->dir] : NULL;
	u32 x;

	if (!a)
		return want;
	x = core_unseq(a, want);
	return core_seq(a, x) == want ? x : a->correction_pos;
}

/* @want: acknowledgement or SACK edge in the other sender's space. */
static u32 fix_ack(const struct seq_fix *f, u32 want)
{
	const struct nf_ct_seqadj *a = f->a ? &f->a->seq[!f->dir] : NULL;
	u32 x;

	if (!a)
		return want;
	x = core_unack(a, want);
	return core_ack(a, x) == want ? x : a->correction_pos + a->offset_before;
}

/* @field: at an even distance from @th. */
static void put_seq(struct sk_buff *skb, struct tcphdr *th, __be32 *field, u32 val)
{
	__be32 old = get_unaligned(field), new = htonl(val);

	if (old == new)
		return;
	inet_proto_csum_replace4(&th->check, skb, old, new, false);
	put_unaligned(new, field);
}

/* One SACK block (RFC 2018, 3). A block of which no byte is left becomes empty, which a sender ignores. */
static void fix_block(const struct seq_fix *f, struct sk_buff *skb, struct tcphdr *th, u8 *edge, u32 ack)
{
	u32 left = get_unaligned_be32(edge), right = get_unaligned_be32(edge + 4);

	if (!alg_stream_map_sack(f->other, &left, &right))
		left = right = ack;
	put_seq(skb, th, (__be32 *)edge, fix_ack(f, left));
	put_seq(skb, th, (__be32 *)(edge + 4), fix_ack(f, right));
}

static void fix_sack(const struct seq_fix *f, struct sk_buff *skb, struct tcphdr *th, u32 ack)
{
	u8 *opt = (u8 *)(th + 1), *end = (u8 *)th + th->doff * 4;
	u8 *edge;

	while (opt < end && *opt != TCPOPT_EOL) {
		if (*opt == TCPOPT_NOP) {
			opt++;
			continue;
		}
		if (opt + 1 >= end || opt[1] < 2 || opt + opt[1] > end)
			return;
		/* The checksum's 16-bit words begin at even places; no known sender puts edges elsewhere. */
		if (*opt == TCPOPT_SACK && !((opt - (u8 *)th) & 1))
			for (edge = opt + 2; edge + TCPOLEN_SACK_PERBLOCK <= opt + opt[1]; edge += TCPOLEN_SACK_PERBLOCK)
				fix_block(f, skb, th, edge, ack);
		opt += opt[1];
	}
}

/* The urgent pointer counts from the packet's sequence number (RFC 9293, 3.1). @seq: that number in the receiver's space. */
static void fix_urgent(const struct seq_fix *f, struct sk_buff *skb, struct tcphdr *th, u32 urgent, u32 seq)
{
	s32 ptr = alg_stream_map_seq(f->mine, urgent) - seq;
	__be16 old = th->urg_ptr, new = htons(clamp_t(s32, ptr, 0, U16_MAX));

	if (old == new)
		return;
	inet_proto_csum_replace2(&th->check, skb, old, new, false);
	th->urg_ptr = new;
}

/*
 * The receiver echoes the time of the last segment that it took, which may be long ago. The sender would take that for what the way
 * of its last one lasts, and wait as long before it sends the next one again (RFC 6298, 3; RFC 7323, 4.3).
 */
static void fix_echo(const struct nf_alg_work *w, struct sk_buff *skb, struct tcphdr *th)
{
	u8 *values = timestamps(th);

	if (values && w->session->tsval[!w->dir])
		put_seq(skb, th, (__be32 *)(values + 4), w->session->tsval[!w->dir]);
}

static void drop_fin(struct sk_buff *skb, struct tcphdr *th)
{
	__be16 *word = (__be16 *)th + 6, old = *word;

	th->fin = 0;
	inet_proto_csum_replace2(&th->check, skb, old, *word, false);
}

/* The sender's number as the receiver must see it, of bytes that it has not got. */
static u32 number_seen(const struct alg_stream *mine, const struct segment *seg)
{
	u32 held = mine->next - alg_stream_held(mine);

	/* What resets the connection, or asks whether it lives, must be where the receiver is (RFC 9293, 3.8.4 and 3.10.7.4). */
	if (!seg->len && seg->rst && alg_stream_held(mine) && seg->seq - held <= alg_stream_held(mine))
		return alg_stream_map_seq(mine, held);
	if (!seg->len && !seg->rst && !seg->fin && !seg->syn && alg_stream_vouched(mine, seg->seq))
		return alg_stream_map_seq(mine, held) - 1;
	return alg_stream_map_seq(mine, seg->seq) - seg->probe;
}

static int fix_numbers(const struct nf_alg_work *w, const struct segment *seg)
{
	struct nf_alg_session *s = w->session;
	struct seq_fix f = {
		.mine = &s->dir[w->dir],
		.other = &s->dir[!w->dir],
		.a = nf_alg_core_adjusts(w->ct, seg->core) ? nfct_seqadj(w->ct) : NULL,
		.dir = w->dir,
	};
	struct tcphdr *th;
	u32 seq, ack;

	if (skb_ensure_writable(w->skb, w->protoff + seg->hdr))
		return NF_DROP;
	th = (struct tcphdr *)(w->skb->data + w->protoff);
	seq = number_seen(f.mine, seg);
	put_seq(w->skb, th, &th->seq, fix_seq(&f, seq));
	if (seg->urg)
		fix_urgent(&f, w->skb, th, seg->urgent, seq);
	if (seg->has_ack) {
		ack = alg_stream_map_ack(f.other, seg->ack);
		put_seq(w->skb, th, &th->ack_seq, fix_ack(&f, ack));
		fix_sack(&f, w->skb, th, ack);
		if (alg_stream_vouched(f.other, ack - 1))
			fix_echo(w, w->skb, th);
	}
	if (seg->later_fin)
		drop_fin(w->skb, th);
	return NF_ACCEPT;
}

static int session_segment(struct nf_alg_work *w, struct segment *seg)
{
	struct nf_alg_session *s = w->session;
	struct alg_stream *mine = &s->dir[w->dir], *other = &s->dir[!w->dir];
	u32 seq = seg->seq;
	int ret = NF_ACCEPT;

	nf_alg_session_enter(w);
	if (seg->syn)
		session_syn(w, seg);
	if (seg->len && !seg->rst && !seg->syn)
		ret = segment_data(w, seg);
	else if (seg->fin && alg_stream_held(mine))
		ret = segment_fin(w, seg);

	if (ret == NF_ACCEPT && (alg_stream_moved(mine) || alg_stream_moved(other) || seg->seq != seq || seg->probe ||
				 seg->later_fin || alg_stream_held(mine)))
		ret = fix_numbers(w, seg);
	/* Not earlier: the map that this acknowledgement needs ends with it. */
	if (seg->has_ack)
		alg_stream_acked(other, seg->ack);
	if (((seg->fin && !seg->later_fin) || seg->rst) && ret == NF_ACCEPT && s->proto->closed)
		s->proto->closed(s);
	return ret;
}

bool nf_alg_tcp_charge(void *ctx, s32 bytes)
{
	const struct nf_alg_work *w = ctx;

	return nf_alg_quota_held(w->account, bytes);
}
EXPORT_SYMBOL_GPL(nf_alg_tcp_charge);

/* ---- the short way: the rest is in tcp_quick.h ---- */

bool nf_alg_tcp_numbers_true(const struct nf_alg_session *s, const struct nf_conn *ct, const struct tcphdr *th,
			     enum ip_conntrack_dir dir)
{
	struct seq_fix f = {
		.mine = &s->dir[dir],
		.other = &s->dir[!dir],
		.a = test_bit(IPS_SEQ_ADJUST_BIT, &ct->status) ? nfct_seqadj(ct) : NULL,
		.dir = dir,
	};
	u32 seq = ntohl(th->seq), ack = ntohl(th->ack_seq);

	if (th->doff != 5 && (th->doff != 8 || get_unaligned_be32(th + 1) != (TCPOPT_NOP << 24 | TCPOPT_NOP << 16 |
									    TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP)))
		return false;
	return fix_seq(&f, alg_stream_map_seq(f.mine, seq)) == seq && fix_ack(&f, alg_stream_map_ack(f.other, ack)) == ack;
}
EXPORT_SYMBOL_GPL(nf_alg_tcp_numbers_true);

void nf_alg_tcp_acked(struct nf_alg_session *s, enum ip_conntrack_dir dir, u32 ack)
{
	alg_stream_acked(&s->dir[!dir], ack);
}
EXPORT_SYMBOL_GPL(nf_alg_tcp_acked);

/**
 * nf_alg_tcp_help() - conntrack's ->help of a TCP protocol
 * @proto:	the caller
 * @skb:	packet, addresses translated, sequence numbers not yet adjusted
 * @protoff:	offset of the TCP header
 * @ct:		its connection
 * @ctinfo:	and its state
 *
 * Context: softirq or process, under rcu_read_lock(). Return: netfilter verdict.
 */
int nf_alg_tcp_help(const struct nf_alg_proto *proto, struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct,
		    enum ip_conntrack_info ctinfo)
{
	struct nf_alg_work w ALG_UNINIT;
	struct segment seg ALG_UNINIT;
	bool bh;
	int ret;

	if (!nf_alg_work_init(&w, proto, IPPROTO_TCP, skb, protoff, ct, ctinfo) || !segment_read(&w, &seg))
		return NF_ACCEPT;
	if (!nf_ct_is_confirmed(ct)) {
		remember_syn(&w, &seg);
		return NF_ACCEPT;
	}
	if (!nf_alg_session_get(&w))
		return NF_ACCEPT;
	bh = nf_alg_softirqs_off();
	spin_lock(&w.session->lock);
	ret = session_segment(&w, &seg);
	spin_unlock(&w.session->lock);
	nf_alg_softirqs_restore(bh);
	return ret;
}
EXPORT_SYMBOL_GPL(nf_alg_tcp_help);

int nf_alg_tcp_init(void)
{
	tcp_scratch = alloc_percpu(struct tcp_scratch);
	return tcp_scratch ? 0 : -ENOMEM;
}

void nf_alg_tcp_exit(void)
{
	free_percpu(tcp_scratch);
}
