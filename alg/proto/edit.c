// SPDX-License-Identifier: GPL-2.0-only
#include "edit.h"

void alg_plan_init(struct alg_plan *plan, struct alg_edit *edits, u16 max_edits, u8 *bytes, u16 max_bytes)
{
	plan->edits = edits;
	plan->bytes = bytes;
	plan->n = 0;
	plan->max_edits = max_edits;
	plan->used = 0;
	plan->max_bytes = max_bytes;
	plan->delta = 0;
}
ALG_EXPORT(alg_plan_init);

struct alg_plan_mark alg_plan_mark(const struct alg_plan *plan)
{
	struct alg_plan_mark mark = { .n = plan->n, .used = plan->used, .delta = plan->delta };

	return mark;
}
ALG_EXPORT(alg_plan_mark);

void alg_plan_undo(struct alg_plan *plan, struct alg_plan_mark mark)
{
	plan->n = mark.n;
	plan->used = mark.used;
	plan->delta = mark.delta;
}
ALG_EXPORT(alg_plan_undo);

/* First source byte that an edit after the present ones may touch. */
static u32 alg_plan_end(const struct alg_plan *plan)
{
	const struct alg_edit *last;

	if (!plan->n)
		return 0;
	last = &plan->edits[plan->n - 1];
	return last->off + last->old_len;
}

/* There is room for one more edit, and it names bytes that can be. */
static bool alg_plan_room(const struct alg_plan *plan, u32 off, u32 old_len, u16 new_len)
{
	return plan->n < plan->max_edits && new_len <= plan->max_bytes - plan->used &&
	       off <= ALG_PLAN_OFF_MAX && old_len <= ALG_PLAN_OFF_MAX - off;
}

static void alg_plan_fill(struct alg_plan *plan, struct alg_edit *e, u32 off, u32 old_len, const void *text, u16 new_len)
{
	plan->n++;
	e->off = off;
	e->old_len = old_len;
	e->new_len = new_len;
	e->pos = plan->used;
	if (new_len)
		memcpy(plan->bytes + plan->used, text, new_len);
	plan->used += new_len;
	plan->delta += (s32)new_len - (s32)old_len;
}

bool alg_plan_add(struct alg_plan *plan, u32 off, u32 old_len, const void *text, u16 new_len)
{
	if (!alg_plan_room(plan, off, old_len, new_len) || off < alg_plan_end(plan))
		return false;
	alg_plan_fill(plan, &plan->edits[plan->n], off, old_len, text, new_len);
	return true;
}
ALG_EXPORT(alg_plan_add);

bool alg_plan_insert(struct alg_plan *plan, u32 off, u32 old_len, const void *text, u16 new_len)
{
	struct alg_edit *at = plan->edits + plan->n;

	if (!alg_plan_room(plan, off, old_len, new_len))
		return false;
	while (at > plan->edits && at[-1].off >= off + old_len && (at[-1].off > off || at[-1].old_len))
		at--;
	if (at > plan->edits && at[-1].off + at[-1].old_len > off)
		return false;
	if (at < plan->edits + plan->n)	/* most come in order */
		memmove(at + 1, at, (size_t)(plan->edits + plan->n - at) * sizeof(*at));
	alg_plan_fill(plan, at, off, old_len, text, new_len);
	return true;
}
ALG_EXPORT(alg_plan_insert);

bool alg_plan_fits(const struct alg_plan *plan, u32 len)
{
	return alg_plan_end(plan) <= len;
}

/* Moves the bytes between edit @i and the next one (or the end) by @shift. */
static void alg_plan_move(const struct alg_plan *plan, u8 *buf, u32 len, u16 i, s32 shift)
{
	u32 from = plan->edits[i].off + plan->edits[i].old_len;
	u32 to = i + 1 < plan->n ? plan->edits[i + 1].off : len;

	if (to > from)
		memmove(buf + (s32)from + shift, buf + from, to - from);
}

/*
 * Chunks keep their order, so a chunk that moves left can only land on chunks before it that moved left as well, and
 * one that moves right only on chunks behind it that moved right: ascending order for the former, then descending for
 * the latter, and no byte is overwritten before it was moved.
 */
u32 alg_plan_apply(const struct alg_plan *plan, u8 *buf, u32 len)
{
	s32 shift = 0;
	u16 i;

	for (i = 0; i < plan->n; i++) {
		const struct alg_edit *e = &plan->edits[i];

		shift += (s32)e->new_len - (s32)e->old_len;
		if (shift < 0)
			alg_plan_move(plan, buf, len, i, shift);
	}
	for (i = plan->n; i-- > 0;) {
		const struct alg_edit *e = &plan->edits[i];

		if (shift > 0)
			alg_plan_move(plan, buf, len, i, shift);
		shift -= (s32)e->new_len - (s32)e->old_len;
	}
	for (i = 0; i < plan->n; i++) {
		const struct alg_edit *e = &plan->edits[i];

		if (e->new_len)
			memcpy(buf + (s32)e->off + shift, plan->bytes + e->pos, e->new_len);
		shift += (s32)e->new_len - (s32)e->old_len;
	}
	return (u32)((s32)len + plan->delta);
}

u32 alg_plan_render(const struct alg_plan *plan, const u8 *src, u32 from, u32 to, u8 *dst, u32 size)
{
	u32 done = 0, at = from;
	u16 i;

	for (i = 0; i < plan->n; i++) {
		const struct alg_edit *e = &plan->edits[i];

		if (e->off < from)
			continue;
		if (e->off + e->old_len > to)
			break;
		if (size - done < e->off - at || size - done - (e->off - at) < e->new_len)
			return 0;
		memcpy(dst + done, src + at, e->off - at);
		done += e->off - at;
		if (e->new_len)
			memcpy(dst + done, plan->bytes + e->pos, e->new_len);
		done += e->new_len;
		at = e->off + e->old_len;
	}
	if (size - done < to - at)
		return 0;
	memcpy(dst + done, src + at, to - at);
	return done + to - at;
}
