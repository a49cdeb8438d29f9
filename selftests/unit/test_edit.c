/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"
#include "alg/proto/edit.h"

struct row {
	const char *title, *in, *out;
	struct {
		u32 off, old_len;
		const char *text;
	} edit[6];
};

static const struct row rows[] = {
	{ "empty plan", "abcdef", "abcdef", { { 0 } } },
	{ "empty plan, empty payload", "", "", { { 0 } } },
	{ "same length", "abcdef", "abXYef", { { 2, 2, "XY" } } },
	{ "grow", "abcdef", "aWXYZcdef", { { 1, 1, "WXYZ" } } },
	{ "shrink", "abcdef", "aWf", { { 1, 4, "W" } } },
	{ "insert at the start", "abc", "<>abc", { { 0, 0, "<>" } } },
	{ "insert at the end", "abc", "abc<>", { { 3, 0, "<>" } } },
	{ "insert into nothing", "", "new", { { 0, 0, "new" } } },
	{ "two insertions at one place", "abc", "a12bc", { { 1, 0, "1" }, { 1, 0, "2" } } },
	{ "insert before and behind a replacement", "abc", "a<XY>c", { { 1, 0, "<" }, { 1, 1, "XY" }, { 2, 0, ">" } } },
	{ "delete at the start", "abc", "c", { { 0, 2, "" } } },
	{ "delete at the end", "abc", "a", { { 1, 2, "" } } },
	{ "delete all", "abc", "", { { 0, 3, "" } } },
	{ "grow, then shrink back", "abcdefgh", "azzzbcdgh", { { 1, 0, "zzz" }, { 4, 2, "" } } },
	{ "left, right, left again", "0123456789abcdef", "02345XXXXXX79f",
	  { { 1, 1, "" }, { 6, 1, "XXXXXX" }, { 8, 1, "" }, { 10, 5, "" } } },
	{ "right, left, right", "0123456789abcdef", "0XXXX1289YYYYYYYYabcdef",
	  { { 1, 0, "XXXX" }, { 3, 5, "" }, { 10, 0, "YYYYYYYY" } } },
	{ "adjacent replacements", "aabbcc", "Xcc", { { 0, 2, "X" }, { 2, 2, "" } } },
};

static void plan_of(const struct row *row, struct alg_plan *plan)
{
	for (size_t i = 0; i < ARRAY_SIZE(row->edit) && row->edit[i].text; i++)
		ROW_CHECK(alg_plan_add(plan, row->edit[i].off, row->edit[i].old_len, row->edit[i].text,
				       strlen(row->edit[i].text)), row->title, "add");
}

static void test_apply(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		u32 len = strlen(row->in), want = strlen(row->out), room = len > want ? len : want;
		struct alg_edit edits[6];
		struct alg_plan plan;
		u8 bytes[32], in[64], *buf;

		alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
		plan_of(row, &plan);
		ROW_CHECK(alg_plan_fits(&plan, len), row->title, "fits");
		ROW_CHECK(len + plan.delta == want, row->title, "delta");
		memset(in, 0, sizeof(in));
		memcpy(in, row->in, len);
		buf = guard_end(in, room);
		ROW_CHECK(alg_plan_apply(&plan, buf, len) == want, row->title, "length");
		ROW_CHECK(!memcmp(buf, row->out, want), row->title, "bytes");
	}
}

static void test_render(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		u32 len = strlen(row->in), want = strlen(row->out);
		struct alg_edit edits[6];
		struct alg_plan plan;
		u8 bytes[32], in[64], *buf;

		alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
		plan_of(row, &plan);
		memcpy(in, row->in, len);
		buf = guard_end(in, want);
		ROW_CHECK(alg_plan_render(&plan, in, 0, len, buf, want) == want, row->title, "length");
		ROW_CHECK(!memcmp(buf, row->out, want), row->title, "bytes");
		for (u32 size = 0; size < want; size++) {
			buf = guard_end(in, size);
			ROW_CHECK(!alg_plan_render(&plan, in, 0, len, buf, size), row->title, "too small");
		}
	}
}

static void test_render_part(void **state)
{
	struct alg_edit edits[4];
	struct alg_plan plan;
	u8 bytes[16], buf[16];

	alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
	assert_true(alg_plan_add(&plan, 0, 2, "X", 1));
	assert_true(alg_plan_add(&plan, 4, 0, "<>", 2));
	assert_true(alg_plan_add(&plan, 6, 2, "YYY", 3));
	assert_int_equal(alg_plan_render(&plan, (u8 *)"abcdefgh", 2, 6, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "cd<>ef", 6);
	assert_int_equal(alg_plan_render(&plan, (u8 *)"abcdefgh", 4, 8, buf, sizeof(buf)), 7);
	assert_memory_equal(buf, "<>efYYY", 7);
	/* An edit that reaches over a border is left out. */
	assert_int_equal(alg_plan_render(&plan, (u8 *)"abcdefgh", 1, 7, buf, sizeof(buf)), 8);
	assert_memory_equal(buf, "bcd<>efg", 8);
	assert_int_equal(alg_plan_render(&plan, (u8 *)"abcdefgh", 3, 3, buf, 0), 0);
}

/* The same edits in any order make the same plan. */
static void test_insert(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		u32 len = strlen(row->in), want = strlen(row->out), n = 0;
		struct alg_edit edits[6];
		struct alg_plan plan;
		u8 bytes[32], buf[64];

		alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
		while (n < ARRAY_SIZE(row->edit) && row->edit[n].text)
			n++;
		/* from the last to the first, but insertions at one place in their order */
		for (u32 j = n; j-- > 0;) {
			u32 first = j;

			while (first && row->edit[first - 1].off == row->edit[j].off)
				first--;
			for (u32 k = first; k <= j; k++)
				ROW_CHECK(alg_plan_insert(&plan, row->edit[k].off, row->edit[k].old_len, row->edit[k].text,
							  strlen(row->edit[k].text)), row->title, "insert");
			j = first;
		}
		memcpy(buf, row->in, len);
		ROW_CHECK(alg_plan_apply(&plan, buf, len) == want, row->title, "length");
		ROW_CHECK(!memcmp(buf, row->out, want), row->title, "bytes");
	}
}

static void test_insert_refuses(void **state)
{
	struct alg_edit edits[4];
	struct alg_plan plan;
	u8 bytes[8], buf[16] = "abcdefgh";

	alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
	assert_true(alg_plan_insert(&plan, 4, 2, "X", 1));
	assert_false(alg_plan_insert(&plan, 3, 2, "x", 1));
	assert_false(alg_plan_insert(&plan, 3, 4, "x", 1));
	assert_false(alg_plan_insert(&plan, 4, 2, "x", 1));
	assert_false(alg_plan_insert(&plan, 5, 0, "x", 1));
	assert_false(alg_plan_insert(&plan, 0, 1, "12345678", 8));
	assert_int_equal(plan.n, 1);
	assert_true(alg_plan_insert(&plan, 4, 0, "<", 1));
	assert_true(alg_plan_insert(&plan, 2, 2, "", 0));
	assert_true(alg_plan_insert(&plan, 6, 0, ">", 1));
	assert_false(alg_plan_insert(&plan, 0, 0, "x", 1));
	assert_int_equal(alg_plan_apply(&plan, buf, 8), 7);
	assert_memory_equal(buf, "ab<X>gh", 7);
}

static void test_add_refuses(void **state)
{
	struct alg_edit edits[2];
	struct alg_plan plan;
	struct alg_plan_mark mark;
	u8 bytes[8];

	alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
	assert_true(alg_plan_fits(&plan, 0));
	assert_false(alg_plan_add(&plan, 0, 1, "123456789", 9));
	assert_true(alg_plan_add(&plan, 10, 5, "1234", 4));
	assert_false(alg_plan_add(&plan, 14, 1, "x", 1));
	assert_false(alg_plan_add(&plan, 9, 0, "x", 1));
	assert_false(alg_plan_add(&plan, 15, 0, "12345", 5));
	assert_false(alg_plan_add(&plan, 15, ALG_PLAN_OFF_MAX, "", 0));
	assert_false(alg_plan_add(&plan, ~0u, 1, "", 0));
	assert_int_equal(plan.n, 1);
	assert_int_equal(plan.used, 4);
	assert_int_equal(plan.delta, -1);

	mark = alg_plan_mark(&plan);
	assert_true(alg_plan_add(&plan, 15, 100000, "5678", 4));
	assert_false(alg_plan_add(&plan, 200000, 0, "", 0));
	assert_false(alg_plan_fits(&plan, 100014));
	assert_true(alg_plan_fits(&plan, 100015));
	assert_int_equal(plan.delta, -99997);
	alg_plan_undo(&plan, mark);
	assert_true(alg_plan_fits(&plan, 15));
	assert_false(alg_plan_fits(&plan, 14));
	assert_int_equal(plan.delta, -1);
	assert_true(alg_plan_add(&plan, 15, 1, "abcd", 4));
	assert_memory_equal(bytes, "1234abcd", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_render),
		cmocka_unit_test(test_render_part),
		cmocka_unit_test(test_insert),
		cmocka_unit_test(test_insert_refuses),
		cmocka_unit_test(test_add_refuses),
	};

	return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
