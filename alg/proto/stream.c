// SPDX-License-Identifier: GPL-2.0-only
#include "stream_log.h"

#ifndef ALG_STREAM_VOUCH_MAX	/* tests have less */
#define ALG_STREAM_VOUCH_MAX	~0u
#endif
#define BUF_ROUND	128	/* granularity of the buffer of kept bytes */
#define BUF_SPARE	1024	/* a buffer that is larger than needed by more than this is replaced */

/*
 * struct stream_job - one segment with new bytes on its way
 * @seq, @data, @len: the segment's payload
 * @hold:	the caller allows bytes to be held back
 * @trim:	leading bytes of the payload that were accepted before
 * @first:	sequence number of @src[0]
 * @src:	what is parsed: kept bytes, then the new ones; either s->buf or the payload behind @trim
 * @n:		bytes at @src; less than there are when not all are accepted
 * @kept, @gone: the stream's, as the segment found them
 * @pos:	bytes of @src that belong to messages done with
 * @full:	the message at @pos was not looked at, there is no room to remember its edits
 * @partial:	the message at @pos is incomplete
 * @safe:	leading bytes of it that no edit will begin in
 */
struct stream_job {
	struct alg_stream *s;
	const struct alg_stream_ops *ops;
	void *ctx;
	struct alg_stream_out *out;
	u32 seq;
	const u8 *data;
	u32 len;
	bool hold;
	u32 trim;
	u32 first;
	const u8 *src;
	u32 n;
	u32 kept, gone;
	u32 pos;
	bool full, partial;
	u32 safe;
};

/* ---- the maps ---- */

u32 alg_stream_map_seq(const struct alg_stream *s, u32 seq)
{
	u32 delta = s->base;
	u16 i;

	for (i = 0; s->log && i < s->log->n; i++) {
		const struct alg_stream_entry *e = &s->log->e[i];

		if (!alg_seq_after(seq, e->seq))
			break;
		if (seq - e->seq < e->old_len)
			return e->seq + delta;
		delta += entry_delta(e);
	}
	return seq + delta;
}

/* The entry in whose new text @ack lies, at its start or within; NULL: none. @delta: what all before it move by. */
static const struct alg_stream_entry *entry_at(const struct alg_stream *s, u32 ack, u32 *delta)
{
	u32 k;
	u16 i;

	*delta = s->base;
	for (i = 0; s->log && i < s->log->n; i++) {
		const struct alg_stream_entry *e = &s->log->e[i];

		k = ack - (e->seq + *delta);
		if ((s32)k < 0)
			break;
		if (k < e->new_len)
			return e;
		*delta += entry_delta(e);
	}
	return NULL;
}

/* @up: a place inside a new text maps to the end of the old text, else to its start. */
static u32 stream_unmap(const struct alg_stream *s, u32 ack, bool up)
{
	u32 delta;
	const struct alg_stream_entry *e = entry_at(s, ack, &delta);

	if (!e)
		return ack - delta;
	return up && ack != e->seq + delta ? e->seq + e->old_len : e->seq;
}

/* The first byte that is held back, or s->next. */
static u32 held_seq(const struct alg_stream *s)
{
	return s->next - alg_stream_held(s);
}

u32 alg_stream_map_ack(const struct alg_stream *s, u32 ack)
{
	u32 delta, held = held_seq(s);
	const struct alg_stream_entry *e = entry_at(s, ack, &delta);
	u32 seq = e ? e->seq + e->vouched : ack - delta;

	if (!alg_seq_before(seq, held) && !alg_seq_after(seq, s->next))
		return held + s->vouched;
	return seq;
}

bool alg_stream_map_sack(const struct alg_stream *s, u32 *left, u32 *right)
{
	*left = stream_unmap(s, *left, true);
	*right = alg_stream_map_ack(s, *right);
	return alg_seq_before(*left, *right);
}

/* ---- life ---- */

static void stream_free_out(struct alg_stream *s)
{
	if (!s->out)
		return;
	alg_env_free(s->out);
	s->out = NULL;
}

static void stream_free_buf(struct alg_stream *s)
{
	alg_env_free(s->buf);
	s->buf = NULL;
	s->cap = 0;
}

/* Changes how much is kept; false: refused, nothing changed. Giving back always works. */
static bool stream_charge(struct alg_stream *s, const struct alg_stream_ops *ops, void *ctx, u32 kept)
{
	if (kept != s->kept && ops->charge && !ops->charge(ctx, (s32)(kept - s->kept)) && kept > s->kept)
		return false;
	s->kept = kept;
	return true;
}

/* Gives up the incomplete message. What of it was held back passes when the sender repeats it. */
static void stream_forget(struct alg_stream *s, const struct alg_stream_ops *ops, void *ctx)
{
	stream_charge(s, ops, ctx, 0);
	s->gone = 0;
	s->vouched = 0;
	stream_free_buf(s);
}

void alg_stream_init(struct alg_stream *s, u32 next)
{
	memset(s, 0, sizeof(*s));
	s->next = next;
	s->synced = true;
}

void alg_stream_clean(struct alg_stream *s, const struct alg_stream_ops *ops, void *ctx)
{
	stream_forget(s, ops, ctx);
	stream_free_out(s);
	alg_env_free(s->log);
	s->log = NULL;
}

void alg_stream_stop(struct alg_stream *s)
{
	s->stopped = true;
}
ALG_EXPORT(alg_stream_stop);

void alg_stream_resume(struct alg_stream *s)
{
	s->stopped = false;
	s->skipping = false;
}
ALG_EXPORT(alg_stream_resume);

/*
 * The last length change that is acknowledged stays: the acknowledgement may be lost on its way to the sender, and a
 * repetition that begins before it needs true numbers as much as one that begins behind it.
 */
void alg_stream_acked(struct alg_stream *s, u32 ack)
{
	u32 una = stream_unmap(s, ack, false), delta = s->base;
	u16 i, stay = 0;

	stream_free_out(s);
	if (!s->acked || alg_seq_after(una, s->una)) {
		s->acked = true;
		s->una = una;
	}
	for (i = 0; s->log && i < s->log->n; i++) {
		const struct alg_stream_entry *e = &s->log->e[i];

		if (alg_seq_after(e->seq + delta + e->new_len, ack))
			break;
		delta += entry_delta(e);
		if (entry_delta(e))
			stay = i + 1;
	}
	log_forget(s, stay, i);
	if (stay)
		log_forget(s, 0, s->log->e[stay - 1].new_len <= ALG_STREAM_KEEP_TEXT ? stay - 1 : stay);
}

/* Forgets what is so old that its sequence number will soon mean something new. */
static void log_expire(struct alg_stream *s)
{
	while (s->log && s->log->n && s->next - s->log->e[0].seq > ALG_STREAM_FAR)
		log_forget(s, 0, 1);
}

/* ---- emission ---- */

/* REPLACE by source bytes [@from, @to) with the plan's edits. Without memory: DROP, the sender repeats. */
static void emit_render(struct stream_job *job, const struct alg_plan *plan, const u8 *src, u32 from, u32 to, u32 seq)
{
	struct alg_stream_out *out = job->out;
	u32 size = (u32)((s32)(to - from) + plan->delta);

	job->s->out = alg_env_alloc(size ? size : 1);
	out->verdict = job->s->out ? ALG_STREAM_REPLACE : ALG_STREAM_DROP;
	if (!job->s->out)
		return;
	out->data = job->s->out;
	out->len = alg_plan_render(plan, src, from, to, job->s->out, size);
	out->seq = seq;
}

/* The payload's first @keep bytes go out as they did before: with the logged edits. */
static void emit_logged(struct stream_job *job, u32 keep)
{
	struct alg_stream_out *out = job->out;
	struct alg_stream *s = job->s;
	u32 size;

	if (!keep) {
		out->verdict = ALG_STREAM_DROP;
		return;
	}
	if (log_clip(s, job->seq, keep, out->plan) &&
	    (keep == job->len || alg_plan_add(out->plan, keep, job->len - keep, NULL, 0))) {
		out->verdict = out->plan->n ? ALG_STREAM_EDIT : ALG_STREAM_PASS;
		return;
	}
	alg_plan_undo(out->plan, (struct alg_plan_mark){ 0 });
	size = log_render(s, job->seq, job->data, keep, NULL);
	s->out = alg_env_alloc(size ? size : 1);
	out->verdict = s->out ? ALG_STREAM_REPLACE : ALG_STREAM_DROP;
	if (!s->out)
		return;
	out->data = s->out;
	out->len = log_render(s, job->seq, job->data, keep, s->out);
	out->seq = job->seq;
}

/* Source bytes up to @to go out, as far as they are in the packet: nothing before them is held back. */
static void emit_packet(struct stream_job *job, u32 to)
{
	struct alg_stream_out *out = job->out;
	struct alg_plan *plan = out->plan;
	u32 keep = job->trim + (to > job->kept ? to - job->kept : 0);
	u16 i;

	for (i = 0; i < plan->n; i++)
		plan->edits[i].off += job->trim - job->kept;
	if (keep == job->trim) {
		emit_logged(job, keep);
		return;
	}
	if (job->trim && log_touches(job->s, job->seq, job->seq + job->trim)) {
		emit_render(job, plan, job->data, job->trim, keep, job->seq + job->trim);
		return;
	}
	if (keep < job->len)
		alg_plan_add(plan, keep, job->len - keep, NULL, 0);	/* job_plan() left a place for it */
	out->verdict = plan->n ? ALG_STREAM_EDIT : ALG_STREAM_PASS;
}

/* Source bytes up to @to go out, from the first that is held back. @buf is s->buf as it was, no longer the stream's. */
static void emit_held(struct stream_job *job, u8 *buf, u32 to)
{
	struct alg_stream_out *out = job->out;
	u32 seq = job->first + job->gone;

	if (out->plan->n) {
		emit_render(job, out->plan, buf, job->gone, to, seq);
		alg_env_free(buf);
		return;
	}
	job->s->out = buf;
	out->verdict = ALG_STREAM_REPLACE;
	out->data = buf + job->gone;
	out->len = to - job->gone;
	out->seq = seq;
}

/* Copies of the bytes that are held back, up to @end; they stay. */
static bool emit_copy(struct alg_stream *s, u32 end, struct alg_stream_out *out)
{
	u32 seq = held_seq(s), len = end - seq;

	out->verdict = ALG_STREAM_DROP;
	s->out = alg_env_alloc(len);
	if (!s->out)
		return false;
	memcpy(s->out, s->buf + s->gone, len);
	out->verdict = ALG_STREAM_REPLACE;
	out->data = s->out;
	out->len = len;
	out->seq = seq;
	return true;
}

/* Nothing, where the receiver will say what it has. */
static void emit_probe(const struct alg_stream *s, struct alg_stream_out *out)
{
	static const u8 nothing[1];

	out->verdict = ALG_STREAM_REPLACE;
	out->data = nothing;
	out->len = 0;
	out->seq = held_seq(s);
}

/* ---- bytes that the sender won't repeat ---- */

/* Memory of the log that it takes to have them go out, with the first message's edits at both places. */
static u32 vouch_text(const struct alg_stream_ops *ops, u32 vouched)
{
	return vouched + 1 + 3 * (alg_stream_room_edits(ops) + alg_stream_room_text(ops));
}

static bool stream_vouch(struct alg_stream *s, const struct alg_stream_ops *ops)
{
	u32 most = ALG_STREAM_LOG_TEXT(alg_stream_room_text(ops)) - ALG_STREAM_KEEP_TEXT - vouch_text(ops, 0);

	if (alg_stream_held(s) > min_t(u32, most, ALG_STREAM_VOUCH_MAX))
		return false;
	s->vouched = alg_stream_held(s);
	return true;
}

/* Before they can go out. What is reserved here job_vouched() finds. */
static bool vouched_room(struct alg_stream *s, const struct alg_stream_ops *ops)
{
	return !s->vouched || log_reserve(s, ops, alg_stream_room_edits(ops) + 1, vouch_text(ops, s->vouched));
}

/* Where in the source they end: at the byte that the sender will repeat. */
static u32 job_vouched_end(const struct stream_job *job)
{
	return job->gone + job->s->vouched;
}

/* They go out, and the byte behind them. */
static void job_vouched(struct stream_job *job)
{
	struct alg_stream *s = job->s;
	u16 n = s->log->n, first = n - job->out->logged;

	if (log_join(s, job->ops, first, job->first + job->gone, s->vouched + 1, job->src + job->gone)) {
		s->log->e[first].vouched = s->vouched;
		job->out->logged = s->log->n - first;
	}
	s->vouched = 0;
}

/* ---- one segment ---- */

/* Gets the kept bytes and the new ones together at job->src. false: no memory. */
static bool job_source(struct stream_job *job)
{
	struct alg_stream *s = job->s;
	u32 n = job->len - job->trim;
	u8 *buf;

	job->kept = s->kept;
	job->gone = s->gone;
	job->first = s->next - s->kept;
	job->n = n;
	job->src = job->data + job->trim;
	if (!s->kept)
		return true;

	if (n > ALG_STREAM_EMIT_MAX - s->kept) {
		if (!job->hold && !alg_stream_held(s))
			return false;
		n = ALG_STREAM_EMIT_MAX - s->kept;
	}
	job->n = s->kept + n;
	if (job->n > s->cap) {
		u32 cap = (job->n + BUF_ROUND - 1) / BUF_ROUND * BUF_ROUND;

		buf = alg_env_alloc(cap);
		if (!buf)
			return false;
		memcpy(buf, s->buf, s->kept);
		alg_env_free(s->buf);
		s->buf = buf;
		s->cap = cap;
	}
	memcpy(s->buf + s->kept, job->src, n);
	job->src = s->buf;
	return true;
}

/*
 * The part of out->plan that the next message may fill. When holding, at least what the protocol needs: a message is parsed
 * once, so what it wants edited must find room. Return: false if there is too little.
 */
static bool job_plan(const struct stream_job *job, struct alg_plan *sub)
{
	const struct alg_plan *plan = job->out->plan;
	u32 room_edits = alg_stream_room_edits(job->ops), room_text = alg_stream_room_text(job->ops);
	/* One is for cutting the tail. */
	u32 edits = plan->max_edits > plan->n ? plan->max_edits - plan->n - 1 : 0;
	u32 text = plan->max_bytes - plan->used;
	u32 log_edits = log_edits_free(job->s, job->ops), log_text = log_text_free(job->s, job->ops);

	if (job->hold && !job->s->skipping) {
		if (log_edits < room_edits || log_text < room_text + ALG_STREAM_LOG_EDITS(room_edits))
			return false;
		if (plan->n && (edits < room_edits || text < room_text))
			return false;
	}
	if (job->s->vouched) {
		edits = min_t(u32, edits, room_edits);
		text = min_t(u32, text, room_text);
	}
	edits = min_t(u32, edits, log_edits);
	/* An insertion takes one byte more in the log. */
	log_text -= min_t(u32, log_text, edits);
	alg_plan_init(sub, plan->edits + plan->n, edits, plan->bytes + plan->used, min_t(u32, text, log_text));
	return true;
}

/* Takes a message's edits over into out->plan and the log; without memory for the log the message stays as it is. */
static void job_commit(struct stream_job *job, const struct alg_plan *sub, u32 used, u32 editable_from)
{
	struct alg_plan *plan = job->out->plan;
	u16 i, logged;

	if (!sub->n)
		return;
	logged = job->s->log ? job->s->log->n : 0;
	if (!log_message(job->s, job->ops, sub, job->src + job->pos, used, job->first + job->pos, editable_from)) {
		job->out->events |= ALG_STREAM_EV_TOO_LONG;
		return;
	}
	job->out->logged += (job->s->log ? job->s->log->n : 0) - logged;
	for (i = 0; i < sub->n; i++) {
		sub->edits[i].off += job->pos;
		sub->edits[i].pos += plan->used;
	}
	plan->n += sub->n;
	plan->used += sub->used;
	plan->delta += sub->delta;
}

static void job_parse(struct stream_job *job)
{
	struct alg_stream *s = job->s;

	while (job->pos < job->n && !s->stopped) {
		u32 editable_from = job->gone > job->pos ? job->gone - job->pos : 0;
		u32 left = job->n - job->pos, used = 0;
		struct alg_plan sub ALG_UNINIT;
		enum alg_parse answer;
		bool stop = false;

		job->full = !job_plan(job, &sub);
		if (job->full)
			return;
		answer = job->ops->message(job->ctx, job->src + job->pos, left, s->skipping, editable_from, &sub,
					   &used, &stop);
		job->partial = answer == ALG_PARSE_PARTIAL;
		if (job->partial) {
			job->safe = min_t(u32, used, left);
			return;
		}
		if (!used || used > left)
			used = left;
		if (answer == ALG_PARSE_COMPLETE) {
			job->out->messages++;
			job_commit(job, &sub, used, editable_from);
		} else if (answer == ALG_PARSE_MALFORMED) {
			job->out->events |= ALG_STREAM_EV_MALFORMED;
		}
		s->skipping = answer == ALG_PARSE_SKIP;
		s->stopped |= stop;
		job->pos += used;
		if (s->vouched && job->pos > job_vouched_end(job))
			job_vouched(job);
	}
}

/*
 * Keeps source bytes [job->pos, @to) as the incomplete message. @give: s->buf is about to be given away, the copy needs
 * memory of its own. false: too long, over the limit or no memory; then nothing may be kept.
 */
static bool job_keep(struct stream_job *job, u32 to, bool give)
{
	struct alg_stream *s = job->s;
	u32 tail = to - job->pos;
	u32 cap = (tail + BUF_ROUND - 1) / BUF_ROUND * BUF_ROUND;
	u8 *buf = NULL;

	if (tail > min_t(u32, job->ops->max_hold, ALG_STREAM_HOLD_MAX))
		return false;
	if (!stream_charge(s, job->ops, job->ctx, tail))
		return false;
	if (give || s->cap < tail || s->cap > cap + BUF_SPARE) {
		buf = alg_env_alloc(cap);
		if (!buf && (give || s->cap < tail))
			return false;
	}
	if (!buf) {
		if (job->src != s->buf)
			memcpy(s->buf, job->src + job->pos, tail);
		else if (job->pos)
			memmove(s->buf, s->buf + job->pos, tail);
		return true;
	}
	memcpy(buf, job->src + job->pos, tail);
	if (!give)
		alg_env_free(s->buf);
	s->buf = buf;
	s->cap = cap;
	return true;
}

/*
 * After parsing: source bytes up to @accept are accepted, those up to @emit go out. Return: false if they can't be told apart like
 * that: then all go out.
 */
static bool job_bounds(const struct stream_job *job, u32 *accept, u32 *emit)
{
	*accept = job->n;
	*emit = job->n;
	if (job->full) {
		*accept = max_t(u32, job->pos, job->kept);
		*emit = job->pos;
	} else if (job->partial && job->hold) {
		*emit = job->pos + job->safe;
	}
	if (!job->s->vouched || *emit <= job->gone || *emit > job_vouched_end(job))
		return true;
	/* What the sender won't repeat goes out together with a byte that it will, or not yet. */
	*emit = job->gone;
	return !job->pos;
}

static void job_finish(struct stream_job *job)
{
	struct alg_stream *s = job->s;
	u32 held = job->kept - job->gone;
	u32 accept, emit, tail = 0;
	u8 *buf = s->buf;
	bool give, apart = job_bounds(job, &accept, &emit);

	if (job->full)
		job->out->events |= ALG_STREAM_EV_LOG_FULL;
	if (!apart)
		accept = job->n;
	give = held && emit > job->gone;

	if (job->partial || accept > emit) {
		tail = accept - job->pos;
		if (!apart || (tail && !job_keep(job, accept, give))) {
			job->out->events |= ALG_STREAM_EV_TOO_LONG;
			s->skipping = true;
			tail = 0;
			emit = accept;
			give = held && emit > job->gone;
		}
	}
	if (give && s->vouched)
		job_vouched(job);
	if (!tail) {
		stream_charge(s, job->ops, job->ctx, 0);
		if (give) {
			s->buf = NULL;
			s->cap = 0;
		}
	}
	s->gone = 0;
	if (tail && max_t(u32, emit, job->gone) > job->pos)
		s->gone = max_t(u32, emit, job->gone) - job->pos;
	if (accept > emit && !job->full)
		job->out->events |= ALG_STREAM_EV_HELD;
	if (accept > job->kept)
		s->gaps = s->repeats = 0;
	s->next = job->first + accept;

	if (give)
		emit_held(job, buf, emit);
	else if (held)
		emit_logged(job, job->trim > held ? job->trim - held : 0);
	else
		emit_packet(job, emit);
	if (!tail && s->buf)
		stream_free_buf(s);
}

/* Bytes from s->next on, perhaps with older ones before them. */
static void stream_fresh(struct stream_job *job)
{
	struct alg_stream *s = job->s;

	job->trim = s->next - job->seq;
	if (job->trim)
		job->out->events |= ALG_STREAM_EV_RETRANS;
	if (s->stopped && !alg_stream_held(s)) {
		stream_forget(s, job->ops, job->ctx);
		s->next = job->seq + job->len;
		emit_logged(job, job->len);
		return;
	}
	if (!vouched_room(s, job->ops)) {
		job->out->events |= ALG_STREAM_EV_LOG_FULL;
		job->out->verdict = ALG_STREAM_DROP;
		return;
	}
	if (!job_source(job)) {
		job->out->events |= ALG_STREAM_EV_TOO_LONG;
		if (s->vouched) {
			job->out->verdict = ALG_STREAM_DROP;
			return;
		}
		stream_forget(s, job->ops, job->ctx);
		s->skipping = true;
		s->next = job->seq + job->len;
		emit_logged(job, job->len);
		return;
	}
	job_parse(job);
	job_finish(job);
}

/* What is held back goes out as it is; the parser still gets it. */
static void stream_release(struct stream_job *job)
{
	struct alg_stream *s = job->s;

	if (!vouched_room(s, job->ops)) {
		job->out->verdict = ALG_STREAM_DROP;
		return;
	}
	job->kept = s->kept;
	job->gone = s->gone;
	job->first = s->next - s->kept;
	job->src = s->buf;
	job->n = s->kept;
	job->partial = true;
	job->hold = false;
	job_finish(job);
}

/* Held bytes are let through where they are in the packet. If there are such as the sender may not repeat, all go out, or none. */
static void held_pass(struct stream_job *job)
{
	struct alg_stream *s = job->s;

	s->repeats = 0;
	if (!s->vouched) {
		s->gone = s->kept - (s->next - (job->seq + job->len));
		emit_logged(job, job->len);
	} else if (s->vouched < alg_stream_held(s)) {
		stream_release(job);
	} else if (alg_seq_before(job->seq, held_seq(s))) {
		emit_logged(job, held_seq(s) - job->seq);
	} else {
		emit_probe(s, job->out);
	}
}

/*
 * The sender has repeated bytes that are held: it waits for an acknowledgement before it goes on. But as long as bytes before them
 * may still be missing, only for those.
 */
static void held_again(struct stream_job *job)
{
	struct alg_stream *s = job->s;
	u32 held = held_seq(s);
	u32 before = alg_seq_before(job->seq, held) ? held - job->seq : 0;
	/* It may not have got the acknowledgement of what was vouched for, last or before. */
	bool waits = !alg_seq_before(job->seq, held) && !alg_seq_after(job->seq, held + s->vouched);
	bool later = alg_seq_after(job->seq, held + s->vouched);

	if (!job->hold) {
		held_pass(job);
		return;
	}
	if (later || (!waits && ++s->repeats < ALG_STREAM_REPEATS_MAX)) {
		emit_logged(job, before);
		return;
	}
	s->repeats = 0;
	if (!stream_vouch(s, job->ops)) {
		job->out->events |= ALG_STREAM_EV_STALLED;
		held_pass(job);
		return;
	}
	job->out->events |= ALG_STREAM_EV_VOUCHED;
	if (before)
		emit_logged(job, before);
	else
		emit_probe(s, job->out);
}

/* Nothing new. Bytes that went out go out again. */
static void stream_old(struct stream_job *job)
{
	job->out->events |= ALG_STREAM_EV_RETRANS;
	if (alg_stream_held(job->s) && alg_seq_after(job->seq + job->len, held_seq(job->s)))
		held_again(job);
	else
		emit_logged(job, job->len);
}

/*
 * Bytes behind a hole. When holding they are dropped: an edit in the hole could move them. Unless the receiver has
 * acknowledged the hole, which then went another way, or the sender never fills it: then the stream goes on at
 * @job->seq, and as what lies before is old from now on, it will not be edited. Return: false if the segment is dealt
 * with.
 */
static bool stream_gap(struct stream_job *job)
{
	struct alg_stream *s = job->s;
	u32 end = job->seq + job->len;
	bool acked = s->acked && !alg_seq_before(s->una, job->seq);

	job->out->events |= ALG_STREAM_EV_GAP;
	/* A window has many segments. That the hole is not filled shows when the same come once more. */
	if (!s->gaps || alg_seq_after(end, s->ahead)) {
		s->ahead = end;
		s->gaps = max_t(u8, s->gaps, 1);
	} else {
		s->gaps++;
	}
	if (s->vouched || (job->hold && !s->stopped && !acked && s->gaps < ALG_STREAM_GAPS_MAX)) {
		s->gaps = min_t(u8, s->gaps, ALG_STREAM_GAPS_MAX - 1);
		job->out->verdict = ALG_STREAM_DROP;
		return false;
	}
	stream_forget(s, job->ops, job->ctx);
	s->gaps = s->repeats = 0;
	s->skipping = true;
	s->next = job->seq;
	return true;
}

/*
 * First segment of a stream whose start was not seen. The receiver may have bytes that it acknowledged in another
 * form, they are not edited. Return: false if the segment can't be parsed.
 */
static bool stream_pickup(struct stream_job *job)
{
	struct alg_stream *s = job->s;
	bool line_end = job->data[job->len - 1] == '\n';
	u32 end = job->seq + job->len;

	job->out->events |= ALG_STREAM_EV_PICKUP;
	s->synced = true;
	s->pickup = true;
	s->next = job->seq;
	if (s->acked && alg_seq_before(job->seq, s->una)) {
		s->next = alg_seq_after(s->una, end) ? s->una : end;
		s->skipping = !line_end || s->next != end;
		return false;
	}
	if (s->stopped || job->ops->trust_pickup || line_end)
		return true;
	s->skipping = true;
	s->next = end;
	return false;
}

void alg_stream_segment(struct alg_stream *s, const struct alg_stream_ops *ops, void *ctx, u32 seq, const u8 *data,
			u32 len, bool may_hold, struct alg_stream_out *out)
{
	struct stream_job job ALG_UNINIT;

	job.s = s;
	job.ops = ops;
	job.ctx = ctx;
	job.out = out;
	job.seq = seq;
	job.data = data;
	job.len = len;
	job.hold = may_hold;
	job.trim = 0;
	job.first = 0;
	job.src = NULL;
	job.n = 0;
	job.kept = 0;
	job.gone = 0;
	job.pos = 0;
	job.full = false;
	job.partial = false;
	job.safe = 0;
	stream_free_out(s);
	log_expire(s);
	alg_plan_undo(out->plan, (struct alg_plan_mark){ 0 });
	out->verdict = ALG_STREAM_PASS;
	out->data = NULL;
	out->len = 0;
	out->seq = seq;
	out->events = 0;
	out->messages = 0;
	out->logged = 0;

	if (!s->synced && !stream_pickup(&job))
		return;
	if (alg_seq_after(seq, s->next) && !stream_gap(&job))
		return;
	if (alg_seq_after(seq + len, s->next))
		stream_fresh(&job);
	else
		stream_old(&job);
}

bool alg_stream_fin(struct alg_stream *s, u32 seq, struct alg_stream_out *out)
{
	stream_free_out(s);
	if (seq != s->next || !s->vouched || s->vouched != alg_stream_held(s))
		return false;
	s->stopped = true;	/* they are not to become another text later */
	return emit_copy(s, s->next, out);
}
