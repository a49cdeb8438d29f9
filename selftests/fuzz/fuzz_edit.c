/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Applying and rendering a plan give what a byte-by-byte walk gives; an empty plan changes nothing; undo undoes. */
#include "alg/proto/edit.h"

#define CHECK(cond) do { if (!(cond)) __builtin_trap(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static u32 naive(const struct alg_plan *plan, const u8 *src, u32 len, u8 *dst)
{
	u32 done = 0, i = 0, k;

	for (u32 at = 0; at <= len;) {
		while (i < plan->n && plan->edits[i].off == at) {
			const struct alg_edit *e = &plan->edits[i++];

			for (k = 0; k < e->new_len; k++)
				dst[done++] = plan->bytes[e->pos + k];
			at += e->old_len;
		}
		if (at < len)
			dst[done++] = src[at];
		at++;
	}
	return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct alg_edit edits[16];
	struct alg_plan plan;
	struct alg_plan_mark mark = { 0 };
	u8 bytes[256], *want, *got, *out;
	u32 len, n, at = 0;
	size_t i = 1;

	if (!size)
		return 0;
	len = data[0] * 3;
	alg_plan_init(&plan, edits, 1 + len % ARRAY_SIZE(edits), bytes, sizeof(bytes) - len % 7);
	while (i + 3 <= size && at <= len) {
		u32 off = at + data[i] % 32, old_len = data[i + 1] % 40;
		u16 new_len = data[i + 2] % 40;
		struct alg_plan before = plan;

		i += 3;
		if (off + old_len > len || i + new_len > size)
			break;
		if (!alg_plan_add(&plan, off, old_len, data + i, new_len)) {
			CHECK(!memcmp(&before, &plan, sizeof(plan)));
			CHECK(plan.n == plan.max_edits || new_len > plan.max_bytes - plan.used);
			break;
		}
		if (data[i - 1] & 0x80) {		/* a message that is refused halfway */
			alg_plan_undo(&plan, mark);
			CHECK(plan.n == mark.n && plan.used == mark.used && plan.delta == mark.delta);
			at = plan.n ? edits[plan.n - 1].off + edits[plan.n - 1].old_len : 0;
		} else {
			mark = alg_plan_mark(&plan);
			at = off + old_len;
		}
		i += new_len;
	}
	CHECK(alg_plan_fits(&plan, len));

	n = (u32)((s32)len + plan.delta);
	got = malloc((n > len ? n : len) + !n);
	out = malloc(n + !n);
	want = malloc(len + sizeof(bytes) + 1);
	CHECK(got && out && want);
	for (u32 k = 0; k < len; k++)
		got[k] = (u8)(k * 7 + k / 256);
	CHECK(naive(&plan, got, len, want) == n);
	CHECK(alg_plan_render(&plan, got, 0, len, out, n) == n && !memcmp(out, want, n));
	CHECK(!n || !alg_plan_render(&plan, got, 0, len, out, n - 1));
	CHECK(alg_plan_apply(&plan, got, len) == n && !memcmp(got, want, n));
	if (!plan.n)
		CHECK(n == len);
	free(got);
	free(out);
	free(want);
	return 0;
}
