/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of a stream's edits: which bytes of the sender's became which text. Entries and their texts are in the order of the
 * stream. For stream.c alone.
 */
#ifndef NF_ALG_PROTO_STREAM_LOG_H
#define NF_ALG_PROTO_STREAM_LOG_H

#include "stream.h"

#define LOG_FIRST_EDITS	4	/* a log's first size */
#define LOG_FIRST_TEXT	64
#define LOG_SPARE_EDITS	8	/* an empty log of at most this size stays for the next edit */
#define LOG_SPARE_TEXT	256

static u8 *log_text(struct alg_stream_log *log)
{
	return (u8 *)(log->e + log->max);
}

static u32 log_edits_free(const struct alg_stream *s, const struct alg_stream_ops *ops)
{
	return ALG_STREAM_LOG_EDITS(alg_stream_room_edits(ops)) - (s->log ? s->log->n : 0);
}

static u32 log_text_free(const struct alg_stream *s, const struct alg_stream_ops *ops)
{
	return ALG_STREAM_LOG_TEXT(alg_stream_room_text(ops)) - (s->log ? s->log->used : 0);
}

/* Makes room for @edits more entries with @text more bytes. */
static bool log_reserve(struct alg_stream *s, const struct alg_stream_ops *ops, u32 edits, u32 text)
{
	struct alg_stream_log *old = s->log, *log;
	u32 n = old ? old->n : 0, used = old ? old->used : 0;
	u32 max, size;

	if (edits > log_edits_free(s, ops) || text > log_text_free(s, ops))
		return false;
	if (old && n + edits <= old->max && used + text <= old->size)
		return true;

	max = old ? min_t(u32, old->max * 2, n + log_edits_free(s, ops)) : LOG_FIRST_EDITS;
	max = max_t(u32, max, n + edits);
	size = old ? min_t(u32, old->size * 2, used + log_text_free(s, ops)) : LOG_FIRST_TEXT;
	size = max_t(u32, size, used + text);
	log = alg_env_alloc(sizeof(*log) + max * sizeof(log->e[0]) + size);
	if (!log)
		return false;
	log->n = n;
	log->max = max;
	log->used = used;
	log->size = size;
	if (old) {
		memcpy(log->e, old->e, n * sizeof(log->e[0]));
		memcpy(log_text(log), log_text(old), used);
		alg_env_free(old);
	}
	s->log = log;
	return true;
}

static u32 entry_delta(const struct alg_stream_entry *e)
{
	return e->new_len - e->old_len;
}

/* No entry is left. Edits come again and again: what is small is not worth freeing. */
static void log_empty(struct alg_stream *s)
{
	struct alg_stream_log *log = s->log;

	log->n = 0;
	log->used = 0;
	if (log->max <= LOG_SPARE_EDITS && log->size <= LOG_SPARE_TEXT)
		return;
	alg_env_free(log);
	s->log = NULL;
}

/* Takes entries [@first, @end) out; either the log's first ones, or such that change no length. */
static void log_forget(struct alg_stream *s, u16 first, u16 end)
{
	struct alg_stream_log *log = s->log;
	u16 i, from, to;

	if (first == end)
		return;
	for (i = first; i < end; i++)
		s->base += entry_delta(&log->e[i]);
	if (end - first == log->n) {
		log_empty(s);
		return;
	}
	from = log->e[first].pos;
	to = end < log->n ? log->e[end].pos : log->used;
	memmove(log_text(log) + from, log_text(log) + to, log->used - to);
	memmove(log->e + first, log->e + end, (log->n - end) * sizeof(log->e[0]));
	log->used -= to - from;
	log->n -= end - first;
	for (i = first; i < log->n; i++)
		log->e[i].pos -= to - from;
}

static void log_append(struct alg_stream_log *log, struct alg_stream_entry *e, const void *text, u32 len)
{
	if (len)
		memcpy(log_text(log) + log->used, text, len);
	log->used += len;
	e->new_len += len;
}

/*
 * Logs the edits from @i on that touch each other as one entry. Insertions and deletions take a neighbouring byte
 * along that is still to come: no place of the stream lies on both sides of an insertion, and each new text has a
 * byte that can be acknowledged (unless all of the message is deleted). Return: index of the first edit behind.
 */
static u16 log_run(struct alg_stream *s, const struct alg_plan *plan, u16 i, const u8 *data, u32 len, u32 seq,
		   u32 editable_from)
{
	struct alg_stream_log *log = s->log;
	struct alg_stream_entry *e = &log->e[log->n];
	const struct alg_edit *edit = &plan->edits[i];
	const struct alg_edit *end = plan->edits + plan->n;
	u32 from = edit->off, to = from;
	bool grown = false;

	e->pos = log->used;
	e->vouched = 0;
	e->new_len = 0;
	for (;;) {
		for (; edit < end && edit->off == to; edit++) {
			log_append(log, e, plan->bytes + edit->pos, edit->new_len);
			to += edit->old_len;
		}
		if ((from != to && e->new_len) || grown)
			break;
		grown = true;
		if (from > editable_from) {
			memmove(log_text(log) + e->pos + 1, log_text(log) + e->pos, e->new_len);
			log_text(log)[e->pos] = data[--from];
			log->used++;
			e->new_len++;
		} else if (to < len) {
			log_append(log, e, data + to++, 1);
		}
	}
	e->seq = seq + from;
	e->old_len = to - from;

	if (e->new_len == e->old_len && !memcmp(log_text(log) + e->pos, data + from, e->new_len))
		log->used = e->pos;
	else
		log->n++;
	return edit - plan->edits;
}

/* Logs the edits of one message of @len bytes at @seq. false: they can't be remembered, nothing is logged. */
static bool log_message(struct alg_stream *s, const struct alg_stream_ops *ops, const struct alg_plan *plan, const u8 *data,
			u32 len, u32 seq, u32 editable_from)
{
	u16 i;

	if (!alg_plan_fits(plan, len) || plan->edits[0].off < editable_from || editable_from >= len)
		return false;
	if (!log_reserve(s, ops, plan->n, plan->used + plan->n))
		return false;
	for (i = 0; i < plan->n;)
		i = log_run(s, plan, i, data, len, seq, editable_from);
	if (!s->log->n && !s->vouched)
		log_empty(s);
	return true;
}

/* The part of @e's old text that lies in [@seq, @seq + @len). false: none of it. */
static bool entry_clip(const struct alg_stream_entry *e, u32 seq, u32 len, u32 *from, u32 *to)
{
	s32 lo = max_t(s32, e->seq - seq, 0), hi = min_t(s32, e->seq + e->old_len - seq, len);

	*from = lo;
	*to = hi;
	return lo < hi;
}

/* Adds the logged edits of which [@seq, @seq + @len) holds a byte to @plan for these bytes, each with its whole new text. */
static bool log_clip(const struct alg_stream *s, u32 seq, u32 len, struct alg_plan *plan)
{
	u32 from, to;
	u16 i;

	for (i = 0; s->log && i < s->log->n; i++) {
		const struct alg_stream_entry *e = &s->log->e[i];

		if (entry_clip(e, seq, len, &from, &to) &&
		    !alg_plan_add(plan, from, to - from, log_text(s->log) + e->pos, e->new_len))
			return false;
	}
	return true;
}

/* What [@data, @data + @len) at @seq becomes by the logged edits; its length if @dst is NULL. */
static u32 log_render(const struct alg_stream *s, u32 seq, const u8 *data, u32 len, u8 *dst)
{
	u32 done = 0, at = 0, from, to;
	u16 i;

	for (i = 0; s->log && i < s->log->n; i++) {
		const struct alg_stream_entry *e = &s->log->e[i];

		if (!entry_clip(e, seq, len, &from, &to))
			continue;
		if (dst) {
			memcpy(dst + done, data + at, from - at);
			memcpy(dst + done + from - at, log_text(s->log) + e->pos, e->new_len);
		}
		done += from - at + e->new_len;
		at = to;
	}
	if (dst)
		memcpy(dst + done, data + at, len - at);
	return done + len - at;
}

static bool log_touches(const struct alg_stream *s, u32 seq, u32 end)
{
	u16 i;

	for (i = 0; s->log && i < s->log->n; i++) {
		const struct alg_stream_entry *e = &s->log->e[i];

		if (alg_seq_before(e->seq, end) && alg_seq_after(e->seq + e->old_len, seq))
			return true;
	}
	return false;
}

/*
 * One entry for [@seq, @seq + @len), instead of those from @first on that touch it, and for all of these. @data: the bytes at @seq.
 * false: no room.
 */
static bool log_join(struct alg_stream *s, const struct alg_stream_ops *ops, u16 first, u32 seq, u32 len, const u8 *data)
{
	struct alg_stream_log *log = s->log;
	u32 size, from, to, rest;
	u16 end = first, i;
	u8 *text;

	for (; log && end < log->n && alg_seq_before(log->e[end].seq, seq + len); end++)
		len = max_t(u32, len, log->e[end].seq + log->e[end].old_len - seq);
	size = log_render(s, seq, data, len, NULL);
	from = !log ? 0 : first < log->n ? log->e[first].pos : log->used;
	to = !log ? 0 : end < log->n ? log->e[end].pos : log->used;
	rest = log ? log->used - to : 0;
	if (!log_reserve(s, ops, 1, size + rest))
		return false;

	log = s->log;
	text = log_text(log);
	log_render(s, seq, data, len, text + log->used);
	memcpy(text + log->used + size, text + to, rest);
	memmove(text + from, text + log->used, size + rest);
	memmove(log->e + first + 1, log->e + end, (log->n - end) * sizeof(log->e[0]));
	log->e[first] = (struct alg_stream_entry){ .seq = seq, .old_len = len, .new_len = size, .pos = from };
	log->n += first + 1 - end;
	log->used = from + size + rest;
	for (i = first + 1; i < log->n; i++)
		log->e[i].pos += from + size - to;
	return true;
}

#endif /* NF_ALG_PROTO_STREAM_LOG_H */
