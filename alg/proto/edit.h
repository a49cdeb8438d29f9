/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The edit list: what a planner wants changed in one packet's payload. Data only; sized and applied by the same walk,
 * so that size and result can't disagree.
 */
#ifndef NF_ALG_PROTO_EDIT_H
#define NF_ALG_PROTO_EDIT_H

#include "env.h"

/**
 * struct alg_edit - replace @old_len bytes at @off by @new_len bytes at plan->bytes[@pos]
 *
 * Edits in a plan are sorted by @off and don't overlap. old_len 0 inserts, new_len 0 deletes.
 */
struct alg_edit {
	u32 off;
	u32 old_len;
	u16 new_len;
	u16 pos;
};

/**
 * struct alg_plan - edits of one payload; the storage is the caller's
 * @edits:	array of @max_edits
 * @n:		edits used
 * @bytes:	array of @max_bytes that holds the new text of all edits
 * @used:	bytes used
 * @delta:	signed length change of the payload
 */
struct alg_plan {
	struct alg_edit *edits;
	u8 *bytes;
	u16 n, max_edits;
	u16 used, max_bytes;
	s32 delta;
};

void alg_plan_init(struct alg_plan *plan, struct alg_edit *edits, u16 max_edits, u8 *bytes, u16 max_bytes);

/* Takes the plan back to what it was when @n, @used and @delta were read from it: refusing costs nothing. */
struct alg_plan_mark {
	u16 n, used;
	s32 delta;
};

struct alg_plan_mark alg_plan_mark(const struct alg_plan *plan);
void alg_plan_undo(struct alg_plan *plan, struct alg_plan_mark mark);

/*
 * false: no room, or not behind the last edit; the plan is unchanged. An edit that changes nothing may be given.
 * Several insertions at one place keep their order. Offsets are at most ALG_PLAN_OFF_MAX.
 */
#define ALG_PLAN_OFF_MAX 0x3fffffffu
bool alg_plan_add(struct alg_plan *plan, u32 off, u32 old_len, const void *text, u16 new_len);

/*
 * The same for an edit that may belong before some that are there; behind insertions at @off. Costs a step for each of
 * them. A mark that was taken before it doesn't lead back unless the edit came to stand behind all that the mark holds.
 */
bool alg_plan_insert(struct alg_plan *plan, u32 off, u32 old_len, const void *text, u16 new_len);

/*
 * Moves the payload's bytes in place, each at most once, and writes the new text. @buf has room for
 * max(@len, @len + plan->delta) bytes. Every edit must lie within @len (alg_plan_fits()).
 * Return: the new length.
 */
bool alg_plan_fits(const struct alg_plan *plan, u32 len);
u32 alg_plan_apply(const struct alg_plan *plan, u8 *buf, u32 len);

/*
 * Renders source bytes [@from, @to) into @dst with the edits that lie inside, insertions at @from and at @to among
 * them. Edits that reach over a border are left out. Return: bytes written, 0 if @size is too small.
 */
u32 alg_plan_render(const struct alg_plan *plan, const u8 *src, u32 from, u32 to, u8 *dst, u32 size);

#endif /* NF_ALG_PROTO_EDIT_H */
