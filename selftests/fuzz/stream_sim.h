/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sender, a network that loses, repeats and reorders, the stream under test, another such network and a receiver
 * that has its own sequence space. Every choice comes from sim_pick(), so one input is one run. The includer's
 * stream.c allocates through sim_alloc().
 *
 * Toy protocol: lines. First byte: 'N' of no interest, 'M' malformed, 'Q' stops the stream, 'D' the line is deleted,
 * 'E' the line is edited: g grows, s.. shrinks, d.. is deleted, i gets an insertion before it, k is replaced, c by
 * itself; at most SIM_EDITS edits in a line. 'V' as 'E', and what comes before the first edit may pass while the line is
 * incomplete, which does not always show at once.
 */
#ifndef SELFTESTS_STREAM_SIM_H
#define SELFTESTS_STREAM_SIM_H

#include "fuzz.h"

static void *sim_alloc(size_t size);
static void sim_free(void *p);
#define alg_env_alloc sim_alloc
#define alg_env_free sim_free
static unsigned int sim_vouch_max(void);
#define ALG_STREAM_VOUCH_MAX sim_vouch_max()
#include "alg/proto/stream.c"

#define SIM_TX		640
#define SIM_RX		(SIM_TX * 64)
#define SIM_EDITS	ALG_STREAM_ROOM_EDITS
#define SIM_TRUTH	SIM_TX
#define SIM_PACKETS	32
#define SIM_WINDOW	256

enum { SIM_HOLD, SIM_PASS, SIM_TOGGLE };

struct sim_packet {
	u32 seq, len;		/* acknowledgements: seq is the ack, [left, right) a SACK block if they differ */
	u32 left, right;
	u8 data[SIM_WINDOW * 64];
};

struct sim_net {
	struct sim_packet *p[SIM_PACKETS];
	u32 n;
};

struct sim_truth {		/* an edit that the stream logged */
	u32 seq, old_len, new_len;
	u8 text[ALG_STREAM_TEXT_MAX];
};

struct sim {
	const u8 *in;		/* choices */
	size_t in_len;
	u32 rnd;

	u8 mode;
	bool edits, nagle, sack, lossy, repeats, pickup;
	bool early;		/* the sender repeats from a place before what is missing */
	bool bulk;		/* the sender repeats all that is outstanding */
	bool split;		/* packets are cut in two behind the box */
	bool stops;		/* the stream is stopped and resumed from outside */
	u32 fail_every;		/* of memory allocations */
	u32 charge_max, vouch_max;
	u16 plan_edits, plan_bytes;
	struct alg_stream_ops ops;

	u8 tx[SIM_TX];
	u32 n, isn, una, nxt;	/* offsets into tx */
	bool sacked[SIM_TX];
	u32 first;		/* offset of the first byte that the stream gets to see */

	u8 rx[SIM_RX];
	bool have[SIM_RX];
	u32 rcv_nxt, rcv_max;	/* offsets in the receiver's space */

	struct sim_net to_box, to_rx, to_tx;

	struct alg_stream s;
	u32 charged;
	u32 events;		/* of all segments */
	bool resync;
	u64 seen, want;		/* hash of messages */
	u32 seen_n, want_n;
	struct {		/* conntrack's own adjustment: one place, an offset before and one behind */
		u32 pos, before, after;
		bool deleted;	/* the text at pos became nothing: what is at its end can't be told from its start */
	} core;
	struct sim_truth *truth[SIM_TRUTH];
	u32 truths;
	u8 expect[SIM_RX];
	u32 expect_n;
};

static struct sim *sim_now;
static int sim_live;		/* allocations */

static unsigned int sim_vouch_max(void)
{
	return sim_now->vouch_max;
}

static void *sim_alloc(size_t size)
{
	void *p;

	if (sim_now && sim_now->fail_every && rand() % sim_now->fail_every == 0)
		return NULL;
	p = malloc(size);
	PROPERTY(p);
	sim_live++;
	return p;
}

static void sim_free(void *p)
{
	if (p)
		sim_live--;
	free(p);
}

/* A number below @below. */
static u32 sim_pick(struct sim *sim, u32 below)
{
	u32 v;

	sim->rnd ^= sim->rnd << 13;
	sim->rnd ^= sim->rnd >> 17;
	sim->rnd ^= sim->rnd << 5;
	v = sim->rnd;
	if (sim->in_len) {
		v = *sim->in++;
		sim->in_len--;
		if (below > 256 && sim->in_len) {
			v = v << 8 | *sim->in++;
			sim->in_len--;
		}
	}
	return below ? v % below : 0;
}

#ifdef SIM_TRACE
#define sim_trace(...) fprintf(stderr, __VA_ARGS__)
#else
#define sim_trace(...) do { } while (0)
#endif

/* ---- the toy protocol ---- */

static u32 sim_line_edits(const u8 *line, u32 len, u32 editable_from, struct alg_plan *plan)
{
	static const char long_text[] = "<a text that is much longer than what it stands for, 60 b.>";
	struct alg_plan_mark mark = alg_plan_mark(plan);
	u32 i, j, count = 0;
	bool ok = true;

	if (line[0] == 'D') {
		if (editable_from || !alg_plan_add(plan, 0, len, NULL, 0)) {
			alg_plan_undo(plan, mark);
			return 0;
		}
		return 1;
	}
	if (line[0] != 'E' && line[0] != 'V')
		return 0;
	for (i = 1; i < len && count < SIM_EDITS; i = j) {
		u32 text = i % 3 ? 5 : sizeof(long_text) - 1;

		j = i + 1;
		if (line[i] == 's' || line[i] == 'd')
			while (j < len && line[j] == line[i])
				j++;
		else if (!strchr("gikc", line[i]))
			continue;
		switch (line[i]) {
		case 'g':
			ok &= alg_plan_add(plan, i, 1, long_text, text);
			break;
		case 's':
			ok &= alg_plan_add(plan, i, j - i, "S", 1);
			break;
		case 'd':
			ok &= alg_plan_add(plan, i, j - i, NULL, 0);
			break;
		case 'i':
			ok &= alg_plan_add(plan, i, 0, "<ins>", 5);
			break;
		case 'k':
			ok &= alg_plan_add(plan, i, 1, "K", 1);
			break;
		case 'c':
			ok &= alg_plan_add(plan, i, 1, "c", 1);
			break;
		}
		count++;
	}
	if (ok && (mark.n == plan->n || plan->edits[mark.n].off >= editable_from))
		return count;
	alg_plan_undo(plan, mark);
	return 0;
}

static u64 sim_hash(u64 h, const u8 *p, u32 len)
{
	while (len--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h;
}

static enum alg_parse sim_message(void *ctx, const u8 *data, u32 len, bool skipping, u32 editable_from,
				  struct alg_plan *plan, u32 *used, bool *stop)
{
	struct sim *sim = ctx;
	const u8 *end = memchr(data, '\n', len);

	PROPERTY(len);
	if (skipping || data[0] == 'N') {
		*used = end ? end - data + 1 : len;
		return end ? ALG_PARSE_COMPLETE : ALG_PARSE_SKIP;
	}
	if (!end) {
		while (data[0] == 'V' && (len & 7) != 7 && *used < len && !strchr("gsdikc", data[*used]))
			++*used;
		return ALG_PARSE_PARTIAL;
	}
	*used = end - data + 1;
	sim->seen = sim_hash(sim->seen, data, *used);
	sim->seen_n++;
	if (data[0] == 'M')
		return ALG_PARSE_MALFORMED;
	*stop = data[0] == 'Q';
	if (sim->edits)
		sim_line_edits(data, *used, editable_from, plan);
	return ALG_PARSE_COMPLETE;
}

static bool sim_charge(void *ctx, s32 bytes)
{
	struct sim *sim = ctx;

	if (bytes > 0 && sim->charged + bytes > sim->charge_max)
		return false;
	sim->charged += bytes;
	return true;
}

/* What the whole stream becomes when it is parsed in one piece. */
static void sim_reference(struct sim *sim)
{
	struct alg_edit edits[SIM_EDITS];
	struct alg_plan plan;
	u8 bytes[ALG_STREAM_ROOM_TEXT];
	bool stopped = false;
	u32 at = 0, len;

	sim->want = 0;
	for (; at < sim->n; at += len) {
		const u8 *line = sim->tx + at, *end = memchr(line, '\n', sim->n - at);

		alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
		len = end ? end - line + 1 : sim->n - at;
		if (end && !stopped) {
			if (*line != 'N') {
				sim->want = sim_hash(sim->want, line, len);
				sim->want_n++;
			}
			stopped = *line == 'Q';
			if (sim->edits)
				sim_line_edits(line, len, 0, &plan);
		}
		PROPERTY(alg_plan_fits(&plan, len));
		sim->expect_n += alg_plan_render(&plan, line, 0, len, sim->expect + sim->expect_n,
						 SIM_RX - sim->expect_n);
	}
}

static void sim_text(struct sim *sim)
{
	static const char first[] = "EEEEVVVVDNMxxxx\nQ", rest[] = "gsdikssddabcabcab";
	bool may_stop = sim_pick(sim, 8) == 0;
	u32 lines = 1 + sim_pick(sim, 24), longest = 1 + sim_pick(sim, 60), i;

	while (lines--) {
		u32 len = sim_pick(sim, longest + 1);

		if (sim->n + len + 2 > SIM_TX)
			return;
		sim->tx[sim->n] = first[sim_pick(sim, sizeof(first) - 1)];
		if (sim->tx[sim->n] == 'Q' && !may_stop)
			sim->tx[sim->n] = 'E';
		if (sim->tx[sim->n++] == '\n')
			continue;
		for (i = 0; i < len; i++)
			sim->tx[sim->n++] = rest[sim_pick(sim, sizeof(rest) - 1)];
		sim->tx[sim->n++] = '\n';
	}
}

/* ---- the networks ---- */

static struct sim_packet *sim_net_add(struct sim *sim, struct sim_net *net)
{
	if (net->n == SIM_PACKETS) {		/* the queue overflows: the oldest is lost */
		struct sim_packet *p = net->p[0];

		memmove(net->p, net->p + 1, (SIM_PACKETS - 1) * sizeof(net->p[0]));
		net->p[SIM_PACKETS - 1] = p;
		return p;
	}
	net->p[net->n] = malloc(sizeof(struct sim_packet));
	PROPERTY(net->p[net->n]);
	return net->p[net->n++];
}

/* Takes a packet out, or a copy; NULL if there is none. The caller frees it. */
static struct sim_packet *sim_net_get(struct sim *sim, struct sim_net *net, bool chaos)
{
	struct sim_packet *p, *copy;
	u32 i = 0, fate = 0;

	if (!net->n)
		return NULL;
	if (chaos && sim->lossy) {
		fate = sim_pick(sim, 8);
		i = fate < 3 ? sim_pick(sim, net->n) : 0;
	}
	p = net->p[i];
	if (fate == 1) {			/* stays: it is repeated later */
		copy = malloc(sizeof(*copy));
		PROPERTY(copy);
		return memcpy(copy, p, sizeof(*copy));
	}
	memmove(net->p + i, net->p + i + 1, (net->n - i - 1) * sizeof(net->p[0]));
	net->n--;
	if (fate != 7)
		return p;
	free(p);				/* lost */
	return NULL;
}

static void sim_net_clean(struct sim_net *net)
{
	while (net->n)
		free(net->p[--net->n]);
}

/* ---- the sender ---- */

static void sim_send(struct sim *sim, u32 from, u32 len)
{
	struct sim_packet *p;

	if (!len || from >= sim->n)
		return;
	len = min_t(u32, len, sim->n - from);
	p = sim_net_add(sim, &sim->to_box);
	p->seq = sim->isn + from;
	p->len = len;
	memcpy(p->data, sim->tx + from, len);
}

/* Repeats what is missing at and behind @from, up to @len bytes of it. */
static void sim_resend(struct sim *sim, u32 from, u32 len)
{
	u32 end = from;

	if (sim->bulk)
		len = sim->nxt;
	while (from < sim->nxt && sim->sacked[from])
		from++;
	for (end = from; end < sim->nxt && end - from < len && !sim->sacked[end]; end++)
		;
	if (sim->early && from == sim->una) {
		from -= min_t(u32, from, 3);
		if (sim->pickup && from < sim->first)
			from = sim->first;
	}
	sim_send(sim, from, end - from);
}

static void sim_send_new(struct sim *sim, u32 len)
{
	u32 room = SIM_WINDOW - (sim->nxt - sim->una);

	len = min_t(u32, min_t(u32, len, room), sim->n - sim->nxt);
	if (sim->nagle && sim->nxt != sim->una)
		return;
	sim_send(sim, sim->nxt, len);
	sim->nxt += len;
}

static void sim_tx_ack(struct sim *sim, const struct sim_packet *p)
{
	u32 ack = p->seq - sim->isn, i;

	if ((s32)ack < 0)
		return;
	PROPERTY(ack <= sim->nxt);
	sim->una = max_t(u32, sim->una, ack);
	if (p->left == p->right || !sim->sack)
		return;
	for (i = p->left; i != p->right; i++) {
		u32 at = i - sim->isn;

		PROPERTY((s32)at < (s32)sim->nxt);
		if ((s32)at >= (s32)sim->una)
			sim->sacked[at] = true;
	}
}

/* ---- the receiver ---- */

static void sim_rx_ack(struct sim *sim)
{
	struct sim_packet *p = sim_net_add(sim, &sim->to_tx);
	u32 l, r;

	p->len = 0;
	p->seq = sim->isn + sim->rcv_nxt;
	for (l = sim->rcv_nxt; l < sim->rcv_max && !sim->have[l]; l++)
		;
	for (r = l; r < sim->rcv_max && sim->have[r]; r++)
		;
	p->left = sim->isn + l;
	p->right = sim->isn + r;
}

static void sim_rx(struct sim *sim, const struct sim_packet *p)
{
	u32 i;

	for (i = 0; i < p->len; i++) {
		s32 at = (s32)(p->seq + i - sim->isn);

		if (at < (s32)sim->rcv_nxt)
			continue;
		PROPERTY(at < SIM_RX);
		PROPERTY(!sim->have[at] || sim->rx[at] == p->data[i]);
		sim->rx[at] = p->data[i];
		sim->have[at] = true;
		sim->rcv_max = max_t(u32, sim->rcv_max, at + 1);
	}
	while (sim->rcv_nxt < sim->rcv_max && sim->have[sim->rcv_nxt])
		sim->rcv_nxt++;
	/* RFC 9293, 3.10.7.4: an empty segment in the window isn't answered. */
	if (p->len || p->seq != sim->isn + sim->rcv_nxt)
		sim_rx_ack(sim);
}

/* ---- the box in the middle ---- */

static void sim_remember(struct sim *sim, u16 from)
{
	u16 i;

	for (i = from; sim->s.log && i < sim->s.log->n; i++) {
		const struct alg_stream_entry *e = &sim->s.log->e[i];
		struct sim_truth *t = malloc(sizeof(*t));

		PROPERTY(t && sim->truths < SIM_TRUTH);
		t->seq = e->seq;
		t->old_len = e->old_len;
		t->new_len = e->new_len;
		memcpy(t->text, log_text(sim->s.log) + e->pos, e->new_len);
		PROPERTY(e->old_len && (!sim->truths || !alg_seq_after(sim->truth[sim->truths - 1]->seq +
									sim->truth[sim->truths - 1]->old_len, e->seq)));
		sim->truth[sim->truths++] = t;
		if (t->old_len != t->new_len) {
			sim->core.pos = t->seq;
			sim->core.before = sim->core.after;
			sim->core.after += t->new_len - t->old_len;
			sim->core.deleted = !t->new_len;
		}
	}
}

/* Can conntrack's adjustment be made to give this sequence number? */
static void sim_core_seq(const struct sim *sim, u32 want)
{
	u32 x = want - sim->core.before;

	if (alg_seq_after(x, sim->core.pos))
		x = want - sim->core.after;
	PROPERTY(x + (alg_seq_after(x, sim->core.pos) ? sim->core.after : sim->core.before) == want);
}

/*
 * An acknowledgement of what the stream vouched for, which became shorter since: the kernel's module rounds it down, to one that
 * the sender has got before.
 */
static bool sim_vouched_for(const struct sim *sim, u32 ack)
{
	const struct alg_stream_log *log = sim->s.log;
	u16 i;

	for (i = 0; log && i < log->n; i++)
		if (log->e[i].vouched && log->e[i].vouched + log->e[i].new_len <= log->e[i].old_len &&
		    ack == log->e[i].seq + log->e[i].vouched)
			return true;
	return false;
}

static void sim_core_ack(const struct sim *sim, u32 want)
{
	u32 x = want + (alg_seq_after(want, sim->core.pos) ? sim->core.after : sim->core.before);
	u32 got = x - (alg_seq_after(x - sim->core.before, sim->core.pos) ? sim->core.after : sim->core.before);

	PROPERTY(got == want || sim->core.deleted || sim_vouched_for(sim, want));
}

/* @vouched: the stream did before this segment came. */
static void sim_box_check(struct sim *sim, bool hold, bool vouched, u32 end, const struct alg_stream_out *out)
{
	const struct alg_stream *s = &sim->s;

	PROPERTY(s->gone <= s->kept && s->kept <= sim->ops.max_hold && sim->charged == s->kept);
	PROPERTY(!s->buf == !s->kept && s->cap >= s->kept);
	PROPERTY(sim_live == !!s->buf + !!s->out + !!s->log);
	PROPERTY(s->vouched <= alg_stream_held(s) && s->vouched <= sim->vouch_max);
	if (!hold && !vouched)
		PROPERTY(!(end == s->next && alg_stream_held(s)) &&
			  !(out->events & (ALG_STREAM_EV_HELD | ALG_STREAM_EV_LOG_FULL)));
	if (!hold && !vouched && !sim->fail_every)
		PROPERTY(out->verdict != ALG_STREAM_DROP);
	if (out->verdict == ALG_STREAM_REPLACE && out->len)
		PROPERTY(s->out && out->data >= s->out);
}

static void sim_split(struct sim *sim, struct sim_packet *p, u32 at)
{
	struct sim_packet *q;

	if (sim->to_rx.n == SIM_PACKETS)
		return;
	q = sim_net_add(sim, &sim->to_rx);
	q->seq = p->seq + at;
	q->len = p->len - at;
	memcpy(q->data, p->data + at, q->len);
	p->len = at;
}

/* One whole line of no interest. */
static bool sim_plain(const struct sim_packet *p)
{
	return p->len && p->data[0] == 'N' && memchr(p->data, '\n', p->len) == p->data + p->len - 1;
}

static void sim_box(struct sim *sim, struct sim_packet *p)
{
	struct alg_edit edits[ALG_STREAM_LOG_MAX + 1];
	u8 bytes[ALG_STREAM_TEXT_MAX];
	struct alg_plan plan;
	struct alg_stream_out out = { .plan = &plan };
	bool hold = sim->mode == SIM_HOLD || (sim->mode == SIM_TOGGLE && sim_pick(sim, 2));
	u16 logged = sim->s.log ? sim->s.log->n : 0;
	u8 *copy = malloc(p->len);
	bool quick = sim_plain(p) && alg_stream_quick(&sim->s, p->seq);
	struct alg_stream same = sim->s;
	struct sim_packet *q;

	PROPERTY(copy);
	memcpy(copy, p->data, p->len);
	alg_plan_init(&plan, edits, sim->plan_edits, bytes, sim->plan_bytes);
	alg_stream_segment(&sim->s, &sim->ops, sim, p->seq, copy, p->len, hold, &out);
	if (quick) {
		alg_stream_accept(&same, p->len);
		PROPERTY(out.verdict == ALG_STREAM_PASS && out.messages == 1 && !out.events && !out.logged);
		PROPERTY(!memcmp(&same, &sim->s, sizeof(same)));
	}
	sim->events |= out.events;
	if (out.events & ALG_STREAM_EV_GAP && sim->s.gaps == 0)
		sim->resync = true;
	sim_remember(sim, logged);
	PROPERTY((sim->s.log ? sim->s.log->n : 0) == logged + out.logged);
	sim_box_check(sim, hold, same.vouched, p->seq + p->len, &out);

	q = out.verdict == ALG_STREAM_DROP ? NULL : sim_net_add(sim, &sim->to_rx);
	if (q) {
		PROPERTY(out.verdict == ALG_STREAM_REPLACE || out.seq == p->seq);
		if (out.verdict == ALG_STREAM_REPLACE) {
			PROPERTY(out.len <= sizeof(q->data));
			memcpy(q->data, out.data, out.len);
			q->len = out.len;
		} else {
			memcpy(q->data, copy, p->len);
			q->len = p->len;
		}
		if (out.verdict == ALG_STREAM_EDIT) {
			PROPERTY(plan.n && alg_plan_fits(&plan, p->len) &&
				  (s32)p->len + plan.delta <= (s32)sizeof(q->data));
			q->len = alg_plan_apply(&plan, q->data, p->len);
		}
		q->seq = alg_stream_map_seq(&sim->s, out.seq);
		if (!q->len)
			q->seq--;
		sim_core_seq(sim, q->seq);
		if (sim->split && q->len > 1)
			sim_split(sim, q, 1 + sim_pick(sim, q->len - 1));
	}
	sim_trace("box [%d,%d) hold %d: verdict %d events %x next %d kept %u gone %u vouched %u base %d log %u -> [%d,+%u)\n",
		  p->seq - sim->isn, p->seq - sim->isn + p->len, hold, out.verdict, out.events, sim->s.next - sim->isn,
		  sim->s.kept, sim->s.gone, sim->s.vouched, sim->s.base, sim->s.log ? sim->s.log->n : 0, q ? q->seq - sim->isn : 0,
		  q ? q->len : 0);
	free(copy);
}

static void sim_box_ack(struct sim *sim, struct sim_packet *p)
{
	u32 ack = p->seq;

	p->seq = alg_stream_map_ack(&sim->s, ack);
	PROPERTY(!alg_seq_after(alg_stream_map_seq(&sim->s, p->seq) - sim->s.vouched, ack));
	if (p->left != p->right && !alg_stream_map_sack(&sim->s, &p->left, &p->right))
		p->left = p->right;
	sim_trace("ack %d -> %d, sack [%d,%d), sender has %u %u of %u\n", ack - sim->isn, p->seq - sim->isn,
		  p->left - sim->isn, p->right - sim->isn, sim->una, sim->nxt, sim->n);
	sim_core_ack(sim, p->seq);
	if (p->left != p->right) {
		sim_core_ack(sim, p->left);
		sim_core_ack(sim, p->right);
	}
	alg_stream_acked(&sim->s, ack);
	PROPERTY(sim_live == !!sim->s.buf + !!sim->s.log);
	sim_tx_ack(sim, p);
}

/* ---- one run ---- */

static bool sim_deliver(struct sim *sim, struct sim_net *net, bool chaos)
{
	struct sim_packet *p = sim_net_get(sim, net, chaos);

	if (!p)
		return false;
	if (net == &sim->to_box)
		sim_box(sim, p);
	else if (net == &sim->to_rx)
		sim_rx(sim, p);
	else
		sim_box_ack(sim, p);
	free(p);
	return true;
}

static void sim_probe(struct sim *sim)
{
	struct sim_packet *p;

	if (!sim->una)
		return;
	p = sim_net_add(sim, &sim->to_box);	/* a keep-alive probe's byte is arbitrary */
	p->seq = sim->isn + sim->una - 1;
	p->len = 1;
	p->data[0] = '?';
}

static void sim_chaos(struct sim *sim, u32 steps)
{
	u32 from, len;

	while (steps-- && sim->una < sim->n) {
		if (sim->stops && sim_pick(sim, 32) == 0) {
			sim->resync = true;
			if (sim->s.stopped)
				alg_stream_resume(&sim->s);
			else
				alg_stream_stop(&sim->s);
		}
		switch (sim_pick(sim, sim->repeats ? 12 : 9)) {
		case 0: case 1:
			sim_send_new(sim, 1 + sim_pick(sim, sim_pick(sim, 2) ? 8 : 120));
			break;
		case 2: case 3: case 4:
			sim_deliver(sim, &sim->to_box, true);
			break;
		case 5: case 6:
			sim_deliver(sim, &sim->to_rx, true);
			break;
		case 7: case 8:
			sim_deliver(sim, &sim->to_tx, true);
			break;
		case 9:
			sim_resend(sim, sim->una, 1 + sim_pick(sim, 200));
			break;
		case 10:
			if (sim->nxt > sim->una)
				sim_resend(sim, sim->una + sim_pick(sim, sim->nxt - sim->una), 1 + sim_pick(sim, 60));
			break;
		case 11:
			if (sim_pick(sim, 4) == 0)
				sim_probe(sim);
			else if (sim->una) {	/* acknowledged data again: the acknowledgement was lost */
				from = sim->una - 1 - sim_pick(sim, min_t(u32, sim->una, 40));
				len = 1 + sim_pick(sim, 80);
				sim_send(sim, from, min_t(u32, len, sim->nxt - from));
			}
			break;
		}
	}
}

/* From here on nothing is lost: the stream must come to its end. */
static void sim_drain(struct sim *sim)
{
	u32 idle = 0, turn = 0, una, nxt;

	while (sim->una < sim->n) {
		una = sim->una;
		nxt = sim->nxt;
		while (sim_deliver(sim, &sim->to_box, false) || sim_deliver(sim, &sim->to_rx, false) ||
		       sim_deliver(sim, &sim->to_tx, false))
			;
		if (sim->una != una) {
			idle = 0;
			continue;
		}
		if (nxt < sim->n && turn++ & 1)
			sim_send_new(sim, 1 + sim_pick(sim, 100));
		else
			sim_resend(sim, sim->una, 1 + sim_pick(sim, 100));
		/* New bytes are progress, too: a message that is held may be long, and they come one by one. */
		idle = sim->nxt != nxt ? 0 : idle + 1;
		PROPERTY(idle < (sim->fail_every ? 200 : 40));
	}
}

static void sim_verdict(struct sim *sim)
{
	u32 at = 0, out = 0, i;
	bool strict = sim->mode == SIM_HOLD && !sim->resync && !sim->pickup && !sim->fail_every &&
		      !(sim->events & (ALG_STREAM_EV_STALLED | ALG_STREAM_EV_TOO_LONG));
	bool parsed = !sim->resync && !sim->pickup && !sim->fail_every && !(sim->events & ALG_STREAM_EV_TOO_LONG);

	/* What arrived is what the logged edits make of the stream. */
	for (i = 0; i < sim->truths; i++) {
		const struct sim_truth *t = sim->truth[i];
		u32 off = t->seq - sim->isn;

		PROPERTY(off >= at && off + t->old_len <= sim->n);
		PROPERTY(out + off - at + t->new_len <= sim->rcv_nxt);
		PROPERTY(!memcmp(sim->rx + out, sim->tx + at, off - at));
		out += off - at;
		PROPERTY(!memcmp(sim->rx + out, t->text, t->new_len));
		out += t->new_len;
		at = off + t->old_len;
	}
	PROPERTY(out + sim->n - at == sim->rcv_nxt && sim->rcv_max == sim->rcv_nxt);
	sim_trace("tx %.*s\nrx %.*s\n", (int)sim->n, sim->tx, (int)sim->rcv_nxt, sim->rx);
	PROPERTY(!memcmp(sim->rx + out, sim->tx + at, sim->n - at));

	if (parsed)
		PROPERTY(sim->seen_n == sim->want_n && sim->seen == sim->want);
	if (strict)
		PROPERTY(sim->rcv_nxt == sim->expect_n && !memcmp(sim->rx, sim->expect, sim->expect_n));
}

static void sim_configure(struct sim *sim)
{
	static const u8 modes[] = { SIM_PASS, SIM_PASS, SIM_TOGGLE };
	u32 flags = sim_pick(sim, 256), mode = sim_pick(sim, 8);

	sim->mode = mode < ARRAY_SIZE(modes) ? modes[mode] : SIM_HOLD;
	sim->edits = flags & 7;
	sim->nagle = (flags & 0x18) == 0;
	sim->sack = flags & 0x20;
	sim->lossy = flags & 0x40;
	sim->repeats = flags & 0x80;
	flags = sim_pick(sim, 256);
	sim->pickup = (flags & 7) == 0;
	sim->fail_every = (flags & 0x18) == 0 ? 1 + sim_pick(sim, 8) : 0;
	sim->ops.max_hold = (flags & 0xe0) == 0 ? 1 + sim_pick(sim, 40) : SIM_TX;
	sim->charge_max = sim_pick(sim, 16) ? ~0u : 20;
	sim->vouch_max = sim_pick(sim, 4) ? SIM_TX : sim_pick(sim, 20);
	sim->isn = sim_pick(sim, 2) ? 0u - sim_pick(sim, SIM_TX) : sim_pick(sim, 1000) + ((flags & 1) << 31) - 500;
	flags = sim_pick(sim, 256);
	sim->early = (flags & 3) == 0;
	sim->bulk = (flags & 0xc) == 0;
	sim->split = flags & 0x10;
	sim->stops = (flags & 0xe0) == 0;
	sim->plan_edits = SIM_EDITS + 1 + sim_pick(sim, ALG_STREAM_LOG_MAX - SIM_EDITS + 1);
	sim->plan_bytes = sim_pick(sim, 2) ? ALG_STREAM_ROOM_TEXT : ALG_STREAM_TEXT_MAX;
	sim->ops.message = sim_message;
	sim->ops.charge = sim_charge;
	sim->ops.trust_pickup = sim_pick(sim, 2);
	if (sim_pick(sim, 4) == 0) {		/* the log may hold more edits than the plan */
		sim->ops.room_edits = 2 * SIM_EDITS;
		sim->ops.room_text = 2 * ALG_STREAM_ROOM_TEXT;
		sim->plan_edits = sim->plan_edits > 2 * SIM_EDITS ? sim->plan_edits : 2 * SIM_EDITS + 1;
		sim->plan_bytes = ALG_STREAM_TEXT_MAX;
	}
}

/* Returns the mask of all events, for statistics. */
static u32 sim_run(const u8 *in, size_t len)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	u32 events, i;

	PROPERTY(sim);
	sim->rnd = 0x9e3779b9;
	for (i = 0; i < len; i++)
		sim->rnd = (sim->rnd ^ in[i]) * 0x01000193;
	sim->rnd |= 1;
	sim->in = in;
	sim->in_len = len;
	srand(sim->rnd);
	sim_now = sim;

	sim_configure(sim);
	sim_text(sim);
	if (sim->pickup) {
		/* The box starts late: what went before is through, unedited. */
		sim->una = sim_pick(sim, sim->n);
		sim->first = sim->una;
		sim->nxt = sim->una;
		sim->rcv_nxt = sim->rcv_max = sim->una;
		memcpy(sim->rx, sim->tx, sim->una);
		alg_stream_acked(&sim->s, sim->isn + sim->una);
	} else {
		alg_stream_init(&sim->s, sim->isn);
	}
	sim_reference(sim);
	sim_chaos(sim, 50 + sim_pick(sim, 2000));
	sim_drain(sim);
	sim_verdict(sim);

	alg_stream_clean(&sim->s, &sim->ops, sim);
	PROPERTY(!sim_live && !sim->charged);
	sim_net_clean(&sim->to_box);
	sim_net_clean(&sim->to_rx);
	sim_net_clean(&sim->to_tx);
	for (i = 0; i < sim->truths; i++)
		free(sim->truth[i]);
	events = sim->events;
	sim_now = NULL;
	free(sim);
	return events;
}

#endif /* SELFTESTS_STREAM_SIM_H */
