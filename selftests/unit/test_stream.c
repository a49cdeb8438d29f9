/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stream segment by segment, with the toy protocol of the simulation, and then the simulation with fixed seeds. */
#include "unit.h"
#include "selftests/fuzz/stream_sim.h"

#define EV(x) ALG_STREAM_EV_##x

struct step {
	/* 's' segment, holding; 'p' segment, not holding; 'a' acknowledgement; 'x' stop; 'r' resume; 0 end */
	char op;
	s32 at;			/* segment: offset of its first byte; acknowledgement: offset in the receiver's space */
	const char *in;
	int verdict;
	s32 pos;		/* where the emission starts; acknowledgement: what the sender is told */
	const char *out;
	u32 events;		/* exactly these */
};

struct row {
	const char *title;
	u32 max_hold, vouch_max;	/* 0: 1000 */
	bool pickup, trust;
	struct step step[14];
};

enum { P = ALG_STREAM_PASS, E = ALG_STREAM_EDIT, R = ALG_STREAM_REPLACE, D = ALG_STREAM_DROP };

#define LONG "<a text that is much longer than what it stands for, 60 b.>"

static const struct row rows[] = {
	{ .title = "a line in a segment", .step = {
		{ 's', 0, "Eakb\n", E, 0, "EaKb\n", 0 },
		{ 's', 5, "xyz\n", P, 5, "xyz\n", 0 } } },
	{ .title = "several lines in a segment", .step = {
		{ 's', 0, "Egk\nNk\nEs\nMk\nEssb\n", E, 0, "E<a teK\nNk\nES\nMk\nESb\n", EV(MALFORMED) },
		{ 's', 18, "x\n", P, 21, "x\n", 0 } } },
	{ .title = "one byte per segment", .step = {
		{ 's', 0, "E", D, 0, NULL, EV(HELD) },
		{ 's', 1, "k", D, 0, NULL, EV(HELD) },
		{ 's', 2, "i", D, 0, NULL, EV(HELD) },
		{ 's', 3, "\n", R, 0, "EK<ins>i\n", 0 },
		{ 's', 4, "N", P, 9, "N", 0 },
		{ 's', 5, "k", P, 10, "k", 0 },
		{ 's', 6, "\n", P, 11, "\n", 0 },
		{ 's', 7, "E", D, 0, NULL, EV(HELD) } } },
	{ .title = "what no edit will touch passes at once", .step = {
		{ 's', 0, "V", P, 0, "V", 0 },
		{ 's', 1, "ab", P, 1, "ab", 0 },
		{ 's', 3, "xk", E, 3, "x", EV(HELD) },
		{ 's', 5, "b", D, 0, NULL, EV(HELD) },
		{ 's', 6, "\nVk", R, 4, "Kb\nV", EV(HELD) },
		{ 's', 9, "k", D, 0, NULL, EV(HELD) },
		{ 's', 10, "\n", R, 8, "KK\n", 0 } } },
	{ .title = "what may pass is all there is, and it is repeated", .step = {
		{ 's', 0, "Vab", P, 0, "Vab", 0 },
		{ 's', 0, "Vab", P, 0, "Vab", EV(RETRANS) },
		{ 's', 0, "Vabk", E, 0, "Vab", EV(RETRANS) | EV(HELD) },
		{ 's', 4, "\n", R, 3, "K\n", 0 } } },
	{ .title = "one byte per segment, not holding", .step = {
		{ 'p', 0, "x", P, 0, "x", 0 },
		{ 'p', 1, "k", P, 1, "k", 0 },
		{ 'p', 2, "\n", P, 2, "\n", 0 },
		{ 'p', 3, "E", P, 3, "E", 0 },
		{ 'p', 4, "akdd\nEk", E, 4, "aK\nEk", 0 },
		{ 'p', 11, "k\n", P, 9, "k\n", 0 } } },	/* an earlier edit can't be made any more */
	{ .title = "the tail of a segment is cut", .step = {
		{ 's', 0, "Ek\nxy\nE", E, 0, "EK\nxy\n", EV(HELD) },
		{ 's', 7, "k\nxy", R, 6, "EK\n", EV(HELD) },
		{ 's', 11, "z\n", R, 9, "xyz\n", 0 } } },
	{ .title = "a repetition is edited as before", .step = {
		{ 's', 0, "abgg\n", P, 0, "abgg\n", 0 },
		{ 's', 5, "Eagss\n", E, 5, "Ea<a teS\n", 0 },
		{ 's', 5, "Eagss\n", E, 5, "Ea<a teS\n", EV(RETRANS) },
		{ 's', 0, "abgg\nEa", P, 0, "abgg\nEa", EV(RETRANS) },
		/* g and ss touch: one entry, and it is indivisible */
		{ 's', 7, "g", E, 7, "<a teS", EV(RETRANS) },
		{ 's', 8, "ss\n", E, 7, "<a teS\n", EV(RETRANS) },
		{ 's', 8, "s", E, 7, "<a teS", EV(RETRANS) },
		{ 's', 10, "\n", P, 13, "\n", EV(RETRANS) },
		{ 's', 4, "\nEag", E, 4, "\nEa<a teS", EV(RETRANS) } } },
	{ .title = "acknowledgements", .step = {
		{ 's', 0, "Eadddb\n", E, 0, "Eab\n", 0 },
		{ 's', 7, "Eag\n", E, 4, "Ea<a te\n", 0 },
		{ 'a', 1, NULL, 0, 1 },
		{ 'a', 2, NULL, 0, 5 },		/* all before the deleted bytes is there: they are done with */
		{ 'a', 3, NULL, 0, 6 },
		{ 'a', 6, NULL, 0, 9 },
		{ 'a', 7, NULL, 0, 9 },		/* inside the new text, which stands for one byte */
		{ 'a', 10, NULL, 0, 9 },
		{ 'a', 11, NULL, 0, 10 },
		{ 'a', 12, NULL, 0, 11 },
		{ 's', 11, "x\n", P, 12, "x\n", 0 } } },
	{ .title = "the sender repeats what is held", .step = {
		{ 's', 0, "Ea", D, 0, NULL, EV(HELD) },
		{ 'a', 0, NULL, 0, 0 },
		{ 's', 0, "Ea", R, -1, "", EV(RETRANS) | EV(VOUCHED) },
		{ 'a', 0, NULL, 0, 2 },
		{ 's', 2, "kb", D, 0, NULL, EV(HELD) },
		{ 'a', 0, NULL, 0, 2 },
		{ 's', 2, "kb", R, -1, "", EV(RETRANS) | EV(VOUCHED) },
		{ 's', 0, "Eak", R, -1, "", EV(RETRANS) | EV(VOUCHED) },	/* it has not got the acknowledgement */
		{ 'a', 0, NULL, 0, 4 },
		{ 's', 4, "\nEg\n", R, 0, "EaKb\nE<a te\n", 0 },
		{ 'a', 3, NULL, 0, 4 },
		{ 's', 4, "\n", E, 0, "EaKb\n", EV(RETRANS) },	/* not the byte alone */
		{ 's', 1, "akb", E, 0, "EaKb\n", EV(RETRANS) },
		{ 'a', 5, NULL, 0, 5 } } },
	{ .title = "an edit that reaches beyond what was vouched for", .step = {
		{ 's', 0, "Egs", D, 0, NULL, EV(HELD) },
		{ 's', 0, "Egs", R, -1, "", EV(RETRANS) | EV(VOUCHED) },
		{ 'a', 0, NULL, 0, 3 },
		{ 's', 3, "sssbg\n", R, 0, "E<a teSb<a te\n", 0 },
		{ 's', 3, "s", E, 0, "E<a teS", EV(RETRANS) },
		{ 's', 6, "bg\n", E, 7, "b<a te\n", EV(RETRANS) },
		{ 'a', 7, NULL, 0, 6 } } },
	{ .title = "what was vouched for becomes nothing", .step = {
		{ 's', 0, "Dab", D, 0, NULL, EV(HELD) },
		{ 's', 0, "Dab", R, -1, "", EV(RETRANS) | EV(VOUCHED) },
		{ 'a', 0, NULL, 0, 3 },
		{ 's', 3, "\nEk\n", R, 0, "EK\n", 0 },
		{ 's', 3, "\n", E, -1, "", EV(RETRANS) } } },
	{ .title = "vouched for, and too long in the end", .max_hold = 4, .step = {
		{ 's', 0, "Ekk", D, 0, NULL, EV(HELD) },
		{ 's', 0, "Ekk", R, -1, "", EV(RETRANS) | EV(VOUCHED) },
		{ 's', 3, "kk", R, 0, "Ekkkk", EV(TOO_LONG) },
		{ 's', 3, "k", E, 0, "Ekkk", EV(RETRANS) },
		{ 's', 5, "\nEk\n", E, 5, "\nEK\n", 0 } } },
	{ .title = "vouched for, and a hole behind it is never filled", .step = {
		{ 's', 0, "Ek", D, 0, NULL, EV(HELD) },
		{ 's', 0, "Ek", R, -1, "", EV(RETRANS) | EV(VOUCHED) },
		{ 's', 4, "k\n", D, 0, NULL, EV(GAP) },
		{ 's', 2, "kk\n", R, 0, "EKKK\n", 0 } } },
	{ .title = "vouched for, and holding ends", .step = {
		{ 's', 0, "Ek", D, 0, NULL, EV(HELD) },
		{ 's', 0, "Ek", R, -1, "", EV(RETRANS) | EV(VOUCHED) },
		{ 'p', 0, "Ek", R, -1, "", EV(RETRANS) },
		{ 's', 2, "kg", D, 0, NULL, EV(HELD) },
		{ 'p', 2, "kg", R, 0, "Ekkg", EV(RETRANS) },
		{ 'p', 2, "k", E, 0, "Ekk", EV(RETRANS) },
		{ 's', 4, "\nEk\n", E, 4, "\nEK\n", 0 } } },
	{ .title = "a part of what is held is repeated", .step = {
		{ 's', 0, "xabk", D, 0, NULL, EV(HELD) },
		{ 's', 2, "bk", D, 0, NULL, EV(RETRANS) },
		{ 's', 0, "xa", R, -1, "", EV(RETRANS) | EV(VOUCHED) },
		{ 'a', 0, NULL, 0, 4 },
		{ 's', 4, "\n", R, 0, "xabk\n", 0 },
		{ 's', 4, "\n", E, 0, "xabk\n", EV(RETRANS) } } },
	{ .title = "too long to vouch for", .vouch_max = 2, .step = {
		{ 's', 0, "Ekkk", D, 0, NULL, EV(HELD) },
		{ 's', 0, "Ekkk", P, 0, "Ekkk", EV(RETRANS) | EV(STALLED) },
		{ 's', 4, "k\nEk", E, 4, "k\n", EV(HELD) },
		{ 's', 6, "Ek", R, 5, "", EV(RETRANS) | EV(VOUCHED) },
		{ 's', 8, "kk", D, 0, NULL, EV(HELD) },
		{ 's', 8, "kk", R, 6, "Ekkk", EV(RETRANS) | EV(STALLED) },
		{ 's', 8, "k", E, 6, "Ekk", EV(RETRANS) } } },
	{ .title = "a cut segment was lost", .step = {
		{ 's', 0, "Ek\nEk", E, 0, "EK\n", EV(HELD) },
		{ 's', 0, "Ek\nEk", E, 0, "EK\n", EV(RETRANS) },
		{ 's', 0, "Ek\nEkk\n", R, 3, "EKK\n", EV(RETRANS) },
		{ 's', 0, "Ek\nEkk\n", E, 0, "EK\nEKK\n", EV(RETRANS) } } },
	{ .title = "a cut segment is repeated for ever", .step = {
		{ 's', 0, "Ek\nEk", E, 0, "EK\n", EV(HELD) },
		{ 's', 0, "Ek\nEk", E, 0, "EK\n", EV(RETRANS) },
		{ 's', 0, "Ek\nEk", E, 0, "EK\n", EV(RETRANS) },
		{ 's', 0, "Ek\nEk", E, 0, "EK\n", EV(RETRANS) | EV(VOUCHED) },
		{ 'a', 3, NULL, 0, 5 },
		{ 's', 5, "\n", R, 3, "EK\n", 0 } } },
	{ .title = "overlap", .step = {
		{ 's', 0, "xa\n", P, 0, "xa\n", 0 },
		{ 's', 1, "a\nEkdd\n", E, 1, "a\nEK\n", EV(RETRANS) },
		{ 's', 4, "kdd\nyk\n", R, 6, "yk\n", EV(RETRANS) },
		{ 's', 0, "xa\nEkdd\nyk\n", E, 0, "xa\nEK\nyk\n", EV(RETRANS) } } },
	{ .title = "overlap, and the old part is all that can go", .step = {
		{ 's', 0, "Ek\n", E, 0, "EK\n", 0 },
		{ 's', 0, "Ek\nEk", E, 0, "EK\n", EV(RETRANS) | EV(HELD) },
		{ 's', 0, "Ek\nEkk", E, 0, "EK\n", EV(RETRANS) | EV(HELD) },
		{ 's', 0, "Ek\nEkk\n", R, 3, "EKK\n", EV(RETRANS) } } },
	{ .title = "holding, a hole", .step = {
		{ 's', 3, "Ek\n", D, 0, NULL, EV(GAP) },
		{ 's', 0, "xk\n", P, 0, "xk\n", 0 },
		{ 's', 3, "Ek\n", E, 3, "EK\n", 0 } } },
	{ .title = "holding, the receiver has the hole", .step = {
		{ 's', 0, "Edk\n", E, 0, "EK\n", 0 },
		{ 's', 9, "k\nEk\n", D, 0, NULL, EV(GAP) },
		{ 'a', 8, NULL, 0, 9 },
		{ 's', 9, "k\nEk\n", E, 8, "k\nEK\n", EV(GAP) },
		{ 's', 4, "Eddd\n", P, 3, "Eddd\n", EV(RETRANS) } } },
	{ .title = "not holding, a hole", .step = {
		{ 'p', 0, "Ek", P, 0, "Ek", 0 },
		{ 'p', 4, "k\nEk\n", E, 4, "k\nEK\n", EV(GAP) },
		{ 'p', 2, "gg", P, 2, "gg", EV(RETRANS) },
		{ 's', 9, "Ek\n", E, 9, "EK\n", 0 } } },
	{ .title = "holding ends while bytes are held", .step = {
		{ 's', 0, "Eak", D, 0, NULL, EV(HELD) },
		{ 'p', 3, "b", R, 0, "Eakb", 0 },
		{ 'p', 4, "\nEk", P, 4, "\nEk", 0 } } },
	{ .title = "holding ends, and held bytes are repeated from their middle", .step = {
		{ 's', 0, "Eakb", D, 0, NULL, EV(HELD) },
		{ 'p', 2, "k", P, 2, "k", EV(RETRANS) },
		{ 'p', 0, "Eakb", P, 0, "Eakb", EV(RETRANS) },
		{ 'p', 4, "\n", P, 4, "\n", 0 } } },
	{ .title = "stop and resume", .step = {
		{ 's', 0, "Q\nEk\nEk", P, 0, "Q\nEk\nEk", 0 },
		{ 's', 7, "\nEg\n", P, 7, "\nEg\n", 0 },
		{ 's', 20, "Ek\n", P, 20, "Ek\n", EV(GAP) },
		{ 'r' },
		{ 's', 23, "Ek\n", E, 23, "EK\n", 0 },
		{ 's', 11, "ccEk\n", P, 11, "ccEk\n", EV(RETRANS) } } },
	{ .title = "stopped from outside", .step = {
		{ 's', 0, "Ek\nEg", E, 0, "EK\n", EV(HELD) },
		{ 'x' },
		{ 's', 5, "g\nEk\n", R, 3, "Egg\nEk\n", 0 },
		{ 's', 0, "Ek\nE", E, 0, "EK\nE", EV(RETRANS) },
		{ 's', 10, "Ek", P, 10, "Ek", 0 } } },
	{ .title = "too long", .max_hold = 4, .step = {
		{ 's', 0, "Eakb", D, 0, NULL, EV(HELD) },
		{ 's', 4, "c", R, 0, "Eakbc", EV(TOO_LONG) },
		{ 's', 5, "k\nEk", E, 5, "k\n", EV(HELD) },
		{ 's', 9, "\n", R, 7, "EK\n", 0 },
		{ 's', 10, "Ekkkkk", P, 10, "Ekkkkk", EV(TOO_LONG) },
		{ 's', 16, "k\nEk\n", E, 16, "k\nEK\n", 0 } } },
	{ .title = "all deleted", .step = {
		{ 's', 0, "Dabc\n", E, -1, "", 0 },
		{ 's', 0, "Dabc\n", E, -1, "", EV(RETRANS) },
		{ 'a', 0, NULL, 0, 5 },
		{ 's', 5, "x\n", P, 0, "x\n", 0 } } },
	{ .title = "all deleted, over two segments", .step = {
		{ 's', 0, "Dab", D, 0, NULL, EV(HELD) },
		{ 's', 3, "c\n", R, -1, "", 0 },
		{ 's', 5, "x\n", P, 0, "x\n", 0 } } },
	{ .title = "insertions", .step = {
		{ 's', 0, "Eiaii\n", E, 0, "E<ins>ia<ins>i<ins>i\n", 0 },
		/* An insertion goes with the byte before it. */
		{ 's', 0, "E", E, 0, "E<ins>", EV(RETRANS) },
		{ 's', 1, "ia", E, 6, "ia<ins>", EV(RETRANS) } } },
	{ .title = "picked up at a line", .pickup = true, .step = {
		{ 's', 9, "Ek\n", E, 9, "EK\n", EV(PICKUP) },
		{ 's', 0, "Ek\n", P, 0, "Ek\n", EV(RETRANS) } } },
	{ .title = "picked up inside a line", .pickup = true, .step = {
		{ 's', 0, "Ek", P, 0, "Ek", EV(PICKUP) },
		{ 's', 2, "Ek\nEk\n", E, 2, "Ek\nEK\n", 0 } } },
	{ .title = "picked up where messages are trusted to start", .pickup = true, .trust = true, .step = {
		{ 's', 0, "Ek", D, 0, NULL, EV(PICKUP) | EV(HELD) },
		{ 's', 2, "\n", R, 0, "EK\n", 0 } } },
	{ .title = "picked up with a repetition", .pickup = true, .step = {
		{ 'a', 5, NULL, 0, 5 },
		{ 's', 0, "Ekk\n", P, 0, "Ekk\n", EV(PICKUP) },
		{ 's', 4, "E\nEk\n", E, 4, "E\nEK\n", EV(RETRANS) } } },
};

static void row_step(const struct row *row, u32 i, struct sim *sim, u32 isn)
{
	const struct step *step = &row->step[i];
	struct alg_edit edits[ALG_STREAM_LOG_MAX + 1];
	u8 bytes[ALG_STREAM_TEXT_MAX], buf[256];
	struct alg_plan plan;
	struct alg_stream_out out = { .plan = &plan };
	u32 len, pos;
	char what[128];

	if (step->op == 'a') {
		pos = alg_stream_map_ack(&sim->s, isn + step->at);
		alg_stream_acked(&sim->s, isn + step->at);
		snprintf(what, sizeof(what), "step %u: the sender is told %d", i, (int)(pos - isn));
		ROW_CHECK(pos - isn == (u32)step->pos, row->title, what);
		return;
	}
	if (step->op == 'x') {
		alg_stream_stop(&sim->s);
		return;
	}
	if (step->op == 'r') {
		alg_stream_resume(&sim->s);
		return;
	}

	len = strlen(step->in);
	alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
	alg_stream_segment(&sim->s, &sim->ops, sim, isn + step->at, guard_end(step->in, len), len,
			   step->op == 's', &out);
	snprintf(what, sizeof(what), "step %u: verdict %d, events %x", i, out.verdict, out.events);
	ROW_CHECK((int)out.verdict == step->verdict && out.events == step->events, row->title, what);
	if (out.verdict == ALG_STREAM_DROP)
		return;
	memcpy(buf, out.verdict == ALG_STREAM_REPLACE ? (const char *)out.data : step->in,
	       out.verdict == ALG_STREAM_REPLACE ? out.len : len);
	if (out.verdict == ALG_STREAM_EDIT)
		len = alg_plan_apply(&plan, buf, len);
	else if (out.verdict == ALG_STREAM_REPLACE)
		len = out.len;
	pos = alg_stream_map_seq(&sim->s, out.seq) - !len;
	snprintf(what, sizeof(what), "step %u: '%.*s' at %d", i, (int)len, buf, (int)(pos - isn));
	ROW_CHECK(len == strlen(step->out) && !memcmp(buf, step->out, len), row->title, what);
	ROW_CHECK(pos - isn == (u32)step->pos, row->title, what);
}

static struct sim *sim_start(u32 isn)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	assert_non_null(sim);
	sim->edits = true;
	sim->charge_max = ~0u;
	sim->ops.message = sim_message;
	sim->ops.charge = sim_charge;
	sim->ops.max_hold = 1000;
	sim->vouch_max = 1000;
	alg_stream_init(&sim->s, isn);
	sim_now = sim;
	sim_live = 0;
	return sim;
}

static void sim_end(struct sim *sim)
{
	alg_stream_clean(&sim->s, &sim->ops, sim);
	assert_int_equal(sim_live, 0);
	assert_int_equal(sim->charged, 0);
	sim_now = NULL;
	free(sim);
}

static void test_steps(void **state)
{
	/* Every row at every place of the sequence space that could matter. */
	static const u32 isns[] = { 1000, 0, 0x7ffffffe, 0x80000000, ~0u, ~0u - 3, ~0u - 8 };

	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		for (size_t n = 0; n < ARRAY_SIZE(isns); n++) {
			struct sim *sim = sim_start(isns[n]);

			if (rows[r].pickup)
				memset(&sim->s, 0, sizeof(sim->s));
			if (rows[r].max_hold)
				sim->ops.max_hold = rows[r].max_hold;
			if (rows[r].vouch_max)
				sim->vouch_max = rows[r].vouch_max;
			sim->ops.trust_pickup = rows[r].trust;
			for (u32 i = 0; i < ARRAY_SIZE(rows[r].step) && rows[r].step[i].op; i++)
				row_step(&rows[r], i, sim, isns[n]);
			sim_end(sim);
		}
	}
}

struct emission {
	struct alg_edit edits[ALG_STREAM_LOG_MAX + 1];
	u8 bytes[ALG_STREAM_TEXT_MAX];
	struct alg_plan plan;
	struct alg_stream_out out;
};

static struct alg_stream_out *feed(struct emission *em, struct sim *sim, u32 seq, const void *data, u32 len, bool hold)
{
	alg_plan_init(&em->plan, em->edits, ARRAY_SIZE(em->edits), em->bytes, sizeof(em->bytes));
	em->out.plan = &em->plan;
	alg_stream_segment(&sim->s, &sim->ops, sim, seq, data, len, hold, &em->out);
	return &em->out;
}

/* A hole that is never filled: after a while the stream goes on behind it, at the next line. */
static void test_gap_for_ever(void **state)
{
	struct sim *sim = sim_start(0);
	struct emission em;
	u32 i;

	feed(&em, sim, 0, "Ek", 2, true);
	/* Not as long as the sender's window goes on. */
	for (i = 0; i < 5 * ALG_STREAM_GAPS_MAX; i++)
		assert_int_equal(feed(&em, sim, 4 + i, "k\nEk\n", 5, true)->verdict, ALG_STREAM_DROP);
	for (i = 1; i < ALG_STREAM_GAPS_MAX - 1; i++) {
		assert_int_equal(feed(&em, sim, 3 + i, "k\nEk\n", 5, true)->verdict, ALG_STREAM_DROP);
		assert_int_equal(em.out.events, EV(GAP));
	}
	assert_int_equal(feed(&em, sim, 3, "k\nEk\n", 5, true)->verdict, ALG_STREAM_EDIT);
	assert_int_equal(em.plan.n, 1);
	assert_int_equal(em.plan.edits[0].off, 3);
	/* The held bytes and the hole pass untouched. */
	assert_int_equal(feed(&em, sim, 0, "Ekg", 3, true)->verdict, ALG_STREAM_PASS);
	/* Progress starts the count anew. */
	feed(&em, sim, 8, "Ek\n", 3, true);
	assert_int_equal(feed(&em, sim, 50, "k\nEk\n", 5, true)->verdict, ALG_STREAM_DROP);
	sim_end(sim);
}

/* Edits that nobody acknowledges: no more are taken, and nothing is parsed that can't be remembered. */
static void test_log_full(void **state)
{
	struct sim *sim = sim_start(0xfffffff0);
	struct emission em;
	u32 seq = 0xfffffff0, i = 0, seen;

	while (feed(&em, sim, seq, "Ek\n", 3, true)->verdict == ALG_STREAM_EDIT) {
		seq += 3;
		assert_true(++i <= ALG_STREAM_LOG_MAX);
	}
	assert_int_equal(i, ALG_STREAM_LOG_MAX - ALG_STREAM_ROOM_EDITS + 1);
	assert_int_equal(em.out.verdict, ALG_STREAM_DROP);
	assert_int_equal(em.out.events, EV(LOG_FULL));
	seen = sim->seen_n;
	assert_int_equal(feed(&em, sim, seq, "Ek\n", 3, true)->verdict, ALG_STREAM_DROP);
	assert_int_equal(sim->seen_n, seen);
	/* With older bytes before it: those go out, else the receiver might never acknowledge. */
	assert_int_equal(feed(&em, sim, seq - 3, "Ek\nEk\n", 6, true)->verdict, ALG_STREAM_EDIT);
	assert_int_equal(em.out.events, EV(LOG_FULL) | EV(RETRANS));
	assert_int_equal(em.plan.n, 2);
	assert_int_equal(em.plan.delta, -3);
	assert_int_equal(em.plan.edits[1].off, 3);
	/* One acknowledged, one more is taken. */
	alg_stream_acked(&sim->s, 0xfffffff0 + 3);
	assert_int_equal(feed(&em, sim, seq, "Ek\nEk\n", 6, true)->verdict, ALG_STREAM_EDIT);
	assert_int_equal(em.out.events, EV(LOG_FULL));
	assert_int_equal(em.plan.n, 2);
	assert_int_equal(em.plan.edits[1].off, 3);
	assert_int_equal(em.plan.edits[1].old_len, 3);
	seq += 3;
	/* Not holding: nothing waits, edits are made as long as they can be remembered. */
	assert_int_equal(feed(&em, sim, seq, "Ekkkkkkkkkk\nEk\n", 15, false)->verdict, ALG_STREAM_EDIT);
	assert_int_equal(em.out.messages, 2);
	sim_end(sim);
}

/* A big segment with many edits: as much goes through as the caller's plan takes. */
static void test_small_plan(void **state)
{
	struct sim *sim = sim_start(0);
	struct emission em;

	alg_plan_init(&em.plan, em.edits, ALG_STREAM_ROOM_EDITS + 1, em.bytes, ALG_STREAM_ROOM_TEXT);
	em.out.plan = &em.plan;
	alg_stream_segment(&sim->s, &sim->ops, sim, 0, (u8 *)"Ekakak\nEk\n", 10, true, &em.out);
	assert_int_equal(em.out.verdict, ALG_STREAM_EDIT);
	assert_int_equal(em.out.events, EV(LOG_FULL));
	assert_int_equal(em.plan.n, 4);
	assert_int_equal(em.plan.delta, -3);
	alg_stream_segment(&sim->s, &sim->ops, sim, 0, (u8 *)"Ekakak\nEk\n", 10, true, &em.out);
	assert_int_equal(em.out.verdict, ALG_STREAM_REPLACE);
	assert_memory_equal(em.out.data, "EK\n", 3);
	/* Again, as a whole: the plan has no room for that many edits with their cut, memory of the stream has. */
	alg_plan_init(&em.plan, em.edits, 2, em.bytes, ALG_STREAM_ROOM_TEXT);
	alg_stream_segment(&sim->s, &sim->ops, sim, 0, (u8 *)"Ekakak\nEk\n", 10, true, &em.out);
	assert_int_equal(em.out.verdict, ALG_STREAM_REPLACE);
	assert_int_equal(em.out.len, 10);
	assert_memory_equal(em.out.data, "EKaKaK\nEK\n", 10);
	sim_end(sim);
}

static void test_sack(void **state)
{
	struct sim *sim = sim_start(0);
	struct emission em;
	u32 l, r;

	/* Old text [2,3), new text [2,7). */
	feed(&em, sim, 0, "Eagbxx\n", 7, true);
	assert_int_equal(em.plan.delta, 4);
#define SACK(left, right) (l = (left), r = (right), alg_stream_map_sack(&sim->s, &l, &r))
	assert_true(SACK(1, 11));
	assert_int_equal(l, 1);
	assert_int_equal(r, 7);
	assert_true(SACK(2, 7));
	assert_int_equal(l, 2);
	assert_int_equal(r, 3);
	assert_true(SACK(4, 9));	/* only a part of the new text: none of the old */
	assert_int_equal(l, 3);
	assert_int_equal(r, 5);
	assert_true(SACK(0, 6));
	assert_int_equal(l, 0);
	assert_int_equal(r, 2);
	assert_false(SACK(3, 6));
	assert_false(SACK(3, 7));
	assert_false(SACK(2, 6));
#undef SACK
	sim_end(sim);
}

/* A receiver that acknowledges what it can't have. */
/* A FIN behind bytes that were vouched for takes them along, again and again; behind others it has to wait. */
static void test_fin(void **state)
{
	struct sim *sim = sim_start(100);
	struct emission em;
	u32 i;

	feed(&em, sim, 100, "Ek\nEak", 6, true);
	assert_false(alg_stream_fin(&sim->s, 106, &em.out));
	assert_int_equal(feed(&em, sim, 103, "Eak", 3, true)->events, EV(RETRANS) | EV(VOUCHED));
	assert_false(alg_stream_fin(&sim->s, 105, &em.out));
	assert_int_equal(alg_stream_map_ack(&sim->s, 103), 106);
	for (i = 0; i < 3; i++) {
		assert_true(alg_stream_fin(&sim->s, 106, &em.out));
		assert_int_equal(em.out.verdict, ALG_STREAM_REPLACE);
		assert_int_equal(em.out.len, 3);
		assert_memory_equal(em.out.data, "Eak", 3);
		assert_int_equal(alg_stream_map_seq(&sim->s, em.out.seq), 103);
	}
	/* What the receiver may have got like that does not become another text. */
	assert_int_equal(feed(&em, sim, 106, "\n", 1, true)->verdict, ALG_STREAM_REPLACE);
	assert_memory_equal(em.out.data, "Eak\n", 4);
	sim_end(sim);
}

static void test_lying_receiver(void **state)
{
	struct sim *sim = sim_start(100);
	struct emission em;

	feed(&em, sim, 100, "Ek\nEak", 6, true);
	assert_int_equal(alg_stream_held(&sim->s), 3);
	assert_int_equal(alg_stream_map_ack(&sim->s, 103), 103);
	assert_int_equal(alg_stream_map_ack(&sim->s, 104), 103);
	assert_int_equal(alg_stream_map_ack(&sim->s, 106), 103);
	alg_stream_acked(&sim->s, 106);
	assert_int_equal(feed(&em, sim, 106, "\n", 1, true)->verdict, ALG_STREAM_REPLACE);
	assert_memory_equal(em.out.data, "EaK\n", 4);
	assert_int_equal(alg_stream_map_ack(&sim->s, 106), 106);
	sim_end(sim);
}

static void test_charge(void **state)
{
	struct sim *sim = sim_start(0);
	struct emission em;

	sim->charge_max = 4;
	assert_int_equal(feed(&em, sim, 0, "Eak", 3, true)->events, EV(HELD));
	assert_int_equal(sim->charged, 3);
	assert_int_equal(feed(&em, sim, 3, "bc", 2, true)->events, EV(TOO_LONG));
	assert_int_equal(em.out.verdict, ALG_STREAM_REPLACE);
	assert_memory_equal(em.out.data, "Eakbc", 5);
	assert_int_equal(sim->charged, 0);
	sim_end(sim);
}

/* Messages and segments beyond what an IP packet takes. */
static void test_big(void **state)
{
	struct sim *sim = sim_start(0);
	struct emission em;
	u32 len = 100000, i, n;
	u8 *big = malloc(len);

	assert_non_null(big);
	for (i = 0; i < len; i++)
		big[i] = i % 100 == 99 ? '\n' : 'x';
	assert_int_equal(feed(&em, sim, 0, big, len, true)->verdict, ALG_STREAM_PASS);
	assert_int_equal(em.out.messages, 1000);
	/* Held bytes and a big segment: so much of it is taken that the result fits; the rest comes again. */
	feed(&em, sim, len, "x", 1, true);
	assert_int_equal(feed(&em, sim, len + 1, big + 1, len - 1, true)->verdict, ALG_STREAM_REPLACE);
	assert_int_equal(em.out.len, ALG_STREAM_EMIT_MAX - ALG_STREAM_EMIT_MAX % 100);
	assert_int_equal(alg_stream_held(&sim->s), ALG_STREAM_EMIT_MAX % 100);
	assert_true(sim->s.cap < 512);
	i = sim->s.next - len;
	assert_int_equal(i, ALG_STREAM_EMIT_MAX);
	assert_int_equal(feed(&em, sim, len + i, big + i, len - i, true)->verdict, ALG_STREAM_REPLACE);
	assert_int_equal(em.out.len, len - i + ALG_STREAM_EMIT_MAX % 100);
	/* Kept for the parser only: all of it has to pass, the message is given up. */
	assert_int_equal(feed(&em, sim, 2 * len, "x", 1, false)->verdict, ALG_STREAM_PASS);
	assert_int_equal(feed(&em, sim, 2 * len + 1, big + 1, len - 1, false)->verdict, ALG_STREAM_PASS);
	assert_int_equal(em.out.events, EV(TOO_LONG));
	assert_int_equal(sim->s.kept, 0);
	/* The longest message that leaves in one packet: held until its last byte, which may come with more than fits. */
	sim->ops.max_hold = ~0u;
	alg_stream_resume(&sim->s);
	memset(big, 'x', len);
	memcpy(big, "Ek", 2);
	big[ALG_STREAM_EMIT_MAX - 1] = '\n';
	for (i = 0; i < ALG_STREAM_HOLD_MAX; i += n) {
		n = ALG_STREAM_HOLD_MAX - i < 1400 ? ALG_STREAM_HOLD_MAX - i : 1400;
		assert_int_equal(feed(&em, sim, 3 * len + i, big + i, n, true)->verdict, ALG_STREAM_DROP);
		assert_int_equal(alg_stream_held(&sim->s), i + n);
	}
	assert_int_equal(feed(&em, sim, 3 * len + i, big + i, 1400, true)->verdict, ALG_STREAM_REPLACE);
	assert_int_equal(em.out.messages, 1);
	assert_int_equal(em.out.len, ALG_STREAM_EMIT_MAX);
	assert_memory_equal(em.out.data, "EKxx", 4);
	assert_int_equal(sim->s.next, 3 * len + ALG_STREAM_EMIT_MAX);
	assert_int_equal(sim->s.kept, 0);
	/* One byte more: given up. */
	big[ALG_STREAM_EMIT_MAX - 1] = 'x';
	i = 3 * len + ALG_STREAM_EMIT_MAX;
	assert_int_equal(feed(&em, sim, i, big, ALG_STREAM_HOLD_MAX, true)->verdict, ALG_STREAM_DROP);
	i += ALG_STREAM_HOLD_MAX;
	assert_int_equal(feed(&em, sim, i, big + ALG_STREAM_HOLD_MAX, 1400, true)->verdict, ALG_STREAM_REPLACE);
	assert_int_equal(em.out.events, EV(TOO_LONG));
	assert_int_equal(em.out.len, ALG_STREAM_EMIT_MAX);
	assert_memory_equal(em.out.data, "Ekxx", 4);
	assert_int_equal(sim->s.kept, 0);
	/* A message longer than anything: never held beyond the limit. */
	sim->ops.max_hold = ~0u;
	memset(big, 'x', len);
	alg_stream_resume(&sim->s);
	assert_int_equal(feed(&em, sim, sim->s.next, big, len, true)->verdict, ALG_STREAM_PASS);
	assert_int_equal(em.out.events, EV(TOO_LONG));
	sim_end(sim);
	free(big);
}

/* A parser that claims more than there is, or nothing, does no harm. */
static u32 odd_used;
static enum alg_parse odd_answer;

static enum alg_parse odd_message(void *ctx, const u8 *data, u32 len, bool skipping, u32 editable_from,
				  struct alg_plan *plan, u32 *used, bool *stop)
{
	*used = odd_used;
	alg_plan_add(plan, len, 5, "xx", 2);
	return odd_answer;
}

static void test_odd_parser(void **state)
{
	struct sim *sim = sim_start(0);
	struct emission em;
	u32 seq = 0;

	sim->ops.message = odd_message;
	for (odd_answer = ALG_PARSE_COMPLETE; odd_answer <= ALG_PARSE_MALFORMED; odd_answer++) {
		for (odd_used = 0; odd_used < 6; odd_used++) {
			if (odd_answer == ALG_PARSE_PARTIAL)
				continue;
			assert_int_equal(feed(&em, sim, seq, "abcd", 4, true)->verdict, ALG_STREAM_PASS);
			seq += 4;
			assert_int_equal(sim->s.next, seq);
			assert_null(sim->s.log);
		}
	}
	sim_end(sim);
}

static void test_simulation(void **state)
{
	u32 events = 0, x = 1;

	for (u32 i = 0; i < 2500; i++) {
		u8 in[16];

		for (u32 k = 0; k < sizeof(in); k++) {
			x = x * 1664525 + 1013904223;
			in[k] = x >> 24;
		}
		events |= sim_run(in, sizeof(in));
	}
	/* Nothing that can happen was left out. */
	assert_int_equal(events, 0x1ff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_gap_for_ever),
		cmocka_unit_test(test_log_full),
		cmocka_unit_test(test_small_plan),
		cmocka_unit_test(test_sack),
		cmocka_unit_test(test_fin),
		cmocka_unit_test(test_lying_receiver),
		cmocka_unit_test(test_charge),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_odd_parser),
		cmocka_unit_test(test_simulation),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
