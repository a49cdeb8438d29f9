/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who an ESP packet is for. */
#include "esp_world.h"

/* ---- slots ---- */

static void test_slots(void **state)
{
	struct alg_esp_pair *extra = calloc(3, sizeof(*extra));

	for (int i = 0; i < CLIENTS; i++) {
		join(i);
		assert_int_equal(pairs[i].slot, i);
	}
	/* another public address: a zone of its own, then slots that nobody has */
	assert_int_equal(alg_esp_join(&other_group, &extra[0], true, now), PASS);
	assert_int_equal(extra[0].slot, 0);
	assert_int_equal(alg_esp_join(&other_group, &extra[1], true, now), PASS);
	assert_int_equal(extra[1].slot, CLIENTS);
	assert_int_equal(alg_esp_join(&other_group, &extra[2], true, now), ALG_ESP_NO_SLOT);
	assert_null(extra[2].group);
	assert_int_equal(other_group.n_pairs, 2);
	assert_int_equal(slots->n, CLIENTS);
	/* the lowest that is free, at once */
	leave(&pairs[7]);
	leave(&pairs[3]);
	assert_int_equal(alg_esp_join(&other_group, &extra[2], true, now), PASS);
	assert_int_equal(extra[2].slot, 3);
	join(3);
	assert_int_equal(pairs[3].slot, 7);
	leave(&pairs[0]);
	join(0);
	assert_int_equal(pairs[0].slot, 0);
	free(extra);
}

static void test_many_slots(void **state)
{
	struct alg_esp_slots *s = malloc(ALG_ESP_SLOTS_SIZE(100));
	struct alg_esp_pair *p = calloc(102, sizeof(*p));

	alg_esp_slots_init(s, 100);
	alg_esp_group_init(&other_group, &config, s);
	for (int i = 0; i <= 100; i++) {
		assert_int_equal(alg_esp_join(&other_group, &p[i], true, now), PASS);
		assert_int_equal(p[i].slot, i);
	}
	assert_int_equal(alg_esp_join(&other_group, &p[101], true, now), ALG_ESP_NO_SLOT);
	leave(&p[32]);
	leave(&p[100]);
	assert_int_equal(alg_esp_join(&other_group, &p[32], true, now), PASS);
	assert_int_equal(p[32].slot, 32);
	assert_int_equal(alg_esp_join(&other_group, &p[101], true, now), PASS);
	assert_int_equal(p[101].slot, 100);
	for (int i = 0; i < 102; i++)
		if (p[i].group)
			leave(&p[i]);
	assert_int_equal(s->n, 0);
	free(p);
	free(s);
}

/* ---- one client ---- */

static void test_alone(void **state)
{
	assert_int_equal(in(1, 1), ALG_ESP_NO_PAIR);
	assert_int_equal(alg_esp_join(&group, &pairs[0], true, now), PASS);
	assert_int_equal(out(0, 1, 1), ALG_ESP_NO_IKE);
	assert_int_equal(in(1, 1), ALG_ESP_NO_IKE);
	assert_null(group.holder);
	alg_esp_ike_begin(&pairs[0], &ikes[0], 1, true, now);
	assert_int_equal(in(0, 1), ALG_ESP_BAD_SPI);
	assert_int_equal(out(0, 0, 1), ALG_ESP_BAD_SPI);
	/* server first, of any age; one way */
	binds_to(0, 5, 100000);
	in_to(0, 6, 1, BOUND);
	assert_int_equal(out(0, 5, 70000), BOUND);	/* the same number the other way is another SA */
	in_to(0, 5, 100002, PASS);
}

static void test_without_ike(void **state)
{
	config.require_ike = false;
	assert_int_equal(alg_esp_join(&group, &pairs[0], true, now), PASS);
	assert_int_equal(alg_esp_join(&group, &pairs[1], true, now), PASS);
	assert_int_equal(out(0, 1, 1), BOUND);
	binds_to(0, 2, 1);
	assert_int_equal(out(1, 3, 1), BOUND);
	in_to(1, 4, 1, BOUND);
}

/* A table full of what came but once makes room; one of real SAs does not. */
static void test_full(void **state)
{
	join(0);
	binds_to(0, 1, 1);
	for (u32 i = 2; i < 100; i++) {
		in_to(0, i, 1, BOUND);
		assert_true((packet.victim != NULL) == (i > 8));
		if (packet.victim)
			assert_int_equal(packet.victim->spi, i - 7);
	}
	assert_int_equal(pairs[0].n_in, 8);
	in_to(0, 1, 3, PASS);
	for (u32 i = 93; i < 100; i++)
		in_to(0, i, 2, PASS);
	assert_int_equal(in(100, 1), ALG_ESP_FULL);
	for (u32 i = 1; i <= 8; i++)
		assert_int_equal(out(0, i, 1), BOUND);
	assert_int_equal(out(0, 9, 1), ALG_ESP_FULL);
	assert_int_equal(pairs[0].n_out, 8);
}

/* ---- the gate ---- */

static void test_gate(void **state)
{
	join(0);
	join(1);
	assert_int_equal(child(0, 1), PASS);
	now += 10;
	assert_int_equal(child(1, 1), ALG_ESP_GATE);
	assert_int_equal(child_answer(1, 1), ALG_ESP_GATE);
	assert_int_equal(ike(&ikes[1], 2, ALG_IKE_INFORMATIONAL, false, 2, true), PASS);
	assert_int_equal(child(0, 1), PASS);		/* again */
	assert_int_equal(child_answer(0, 1), PASS);
	assert_int_equal(pairs[0].want_in, 1);
	assert_int_equal(out(0, 11, 1), BOUND);
	assert_int_equal(child(1, 1), ALG_ESP_GATE);
	in_to(0, 12, 1, BOUND);
	assert_int_equal(child(1, 1), ALG_ESP_GATE);	/* anybody may have made that up */
	in_to(0, 12, 1, PASS);
	assert_int_equal(child(1, 1), ALG_ESP_GATE);	/* and repeated it */
	in_to(0, 12, 2, PASS);
	assert_int_equal(child(1, 1), PASS);
	assert_int_equal(child(0, 1), PASS);		/* late, and done */
	assert_ptr_equal(group.holder, &pairs[1]);
	assert_int_equal(child(0, 2), ALG_ESP_GATE);
	binds_to(1, 13, 1);
	assert_int_equal(child(0, 2), ALG_ESP_GATE);	/* the other direction is to come */
	assert_int_equal(out(1, 14, 1), BOUND);		/* server first: that is its peer */
	assert_peers(14, 13);
	assert_null(group.holder);
	assert_int_equal(child(0, 2), PASS);
}

static void test_gate_runs_out(void **state)
{
	join(0);
	join(1);
	join(2);
	assert_int_equal(child(0, 1), PASS);
	now += GATE - 1;
	assert_int_equal(child(0, 2), PASS);	/* that does not make it longer */
	assert_int_equal(child(1, 1), ALG_ESP_GATE);
	now += 1;
	/* who let others wait waits for them, not for ever */
	assert_int_equal(child(0, 3), ALG_ESP_GATE);
	now += GATE - 1;
	assert_int_equal(child(0, 3), ALG_ESP_GATE);
	now += 1;
	assert_int_equal(child(0, 3), PASS);
	assert_int_equal(child(1, 1), ALG_ESP_GATE);
	now += GATE;
	assert_int_equal(child(1, 1), PASS);
	now += GATE;
	assert_int_equal(child(1, 2), PASS);	/* nobody waited */
	assert_int_equal(child(2, 2), ALG_ESP_GATE);
	now += GATE;
	assert_int_equal(child(2, 2), PASS);
	assert_null(group.rest);
	/* an exchange that goes on after its gate */
	now += GATE;
	assert_int_equal(child_answer(2, 2), PASS);
	assert_ptr_equal(group.holder, &pairs[2]);
	assert_int_equal(pairs[2].want_in, 1);
	/* a client that leaves keeps nobody waiting */
	leave(&pairs[2]);
	assert_null(group.holder);
	assert_int_equal(child(1, 3), PASS);
}

/* One that was opened for an answer stays for an exchange, and the other way round; both from when it was opened. */
static void test_gate_extended(void **state)
{
	join(0);
	join(1);
	assert_int_equal(out(0, 1, 1), BOUND);
	now += 1000;
	assert_int_equal(child(0, 1), PASS);
	now += ANSWER;
	assert_int_equal(child(1, 1), ALG_ESP_GATE);
	now += GATE - ANSWER - 1000 - 1;
	assert_int_equal(child(1, 1), ALG_ESP_GATE);
	now += 1;
	assert_int_equal(child(1, 1), PASS);
	now += 1000;
	assert_int_equal(out(1, 2, 1), BOUND);
	now += GATE - 1000 - 1;
	assert_int_equal(child(0, 2), ALG_ESP_GATE);
	now += 1;
	assert_int_equal(child(0, 2), PASS);
}

/* Which SAs belong together, when not all came in order. */
static void test_peers(void **state)
{
	join(0);
	join(1);
	/*
	 * an old one that nobody answers, then an exchange whose inbound SPI comes first: they have nothing to do with each
	 * other
	 */
	assert_int_equal(out(0, 1, 1), BOUND);
	now += ANSWER;
	assert_int_equal(child(0, 1), PASS);
	binds_to(0, 12, 1);
	assert_null(esp_find(&group, ALG_ESP_IN, 12)->peer);
	assert_int_equal(out(0, 11, 1), BOUND);
	assert_peers(11, 12);
	assert_null(group.holder);
	/* the old one asks again, and is answered */
	now += 5 * ANSWER;
	assert_int_equal(out(0, 1, 2), PASS);
	assert_ptr_equal(group.holder, &pairs[0]);
	binds_to(0, 2, 1);
	assert_peers(1, 2);
	assert_null(group.holder);
	/* two that were answered at the same time */
	assert_int_equal(out(0, 21, 1), BOUND);
	in_to(0, 22, 1, BOUND);
	assert_int_equal(out(0, 31, 1), BOUND);
	in_to(0, 32, 1, BOUND);
	in_to(0, 22, 2, PASS);
	in_to(0, 32, 2, PASS);
	assert_peers(21, 22);
	assert_peers(31, 32);
}

/* An inbound SA of an exchange that counts no more: the outbound one waits for an answer of its own first. */
static void test_late_peer(void **state)
{
	struct alg_esp_ike again = { 0 };

	join(0);
	join(1);
	assert_int_equal(child(0, 1), PASS);
	binds_to(0, 2, 1);
	now += GATE;
	alg_esp_ike_begin(&pairs[0], &again, 7, true, now);
	assert_int_equal(out(0, 1, 1), BOUND);
	assert_ptr_equal(group.holder, &pairs[0]);
	now += ANSWER / 2;
	assert_int_equal(out(0, 1, 2), PASS);
	assert_null(esp_find(&group, ALG_ESP_OUT, 1)->peer);
	now += ANSWER / 2;
	assert_int_equal(out(0, 1, 3), PASS);
	assert_peers(1, 2);
	assert_null(pairs[0].asking.next);
}

static void test_exchanges(void **state)
{
	join(0);
	/* IKEv1: three messages of one ID */
	assert_int_equal(ike(&ikes[0], 1, ALG_IKE_QUICK, false, 0x1234, true), PASS);
	assert_int_equal(ike(&ikes[0], 1, ALG_IKE_QUICK, false, 0x1234, false), PASS);
	assert_int_equal(ike(&ikes[0], 1, ALG_IKE_QUICK, false, 0x1234, true), PASS);
	assert_int_equal(pairs[0].want_in, 1);
	assert_int_equal(ike(&ikes[0], 1, ALG_IKE_QUICK, false, 0x1235, true), PASS);
	assert_int_equal(pairs[0].want_in, 2);
	now += GATE;
	/* IKEv2: authentication takes as many rounds as it likes */
	assert_int_equal(ike(&ikes[0], 2, ALG_IKE_AUTH, false, 1, true), PASS);
	assert_int_equal(pairs[0].want_in, 1);	/* what was before counts no more */
	assert_int_equal(ike(&ikes[0], 2, ALG_IKE_AUTH, true, 1, false), PASS);
	assert_int_equal(ike(&ikes[0], 2, ALG_IKE_AUTH, false, 2, true), PASS);
	assert_int_equal(ike(&ikes[0], 2, ALG_IKE_AUTH, true, 2, false), PASS);
	assert_int_equal(pairs[0].want_in, 1);
	/* each side counts for itself */
	assert_int_equal(child(0, 3), PASS);
	assert_int_equal(child_answer(0, 3), PASS);
	assert_int_equal(ike(&ikes[0], 2, ALG_IKE_FOLLOWUP_KE, false, 4, true), PASS);
	assert_int_equal(pairs[0].want_in, 2);
	assert_int_equal(ike(&ikes[0], 2, ALG_IKE_CREATE_CHILD_SA, false, 3, false), PASS);
	assert_int_equal(ike(&ikes[0], 2, ALG_IKE_CREATE_CHILD_SA, true, 3, true), PASS);
	assert_int_equal(pairs[0].want_in, 3);
	assert_int_equal(pairs[0].want_out, 3);
	for (u32 i = 10; i < 100; i++)
		assert_int_equal(child(0, i), PASS);
	assert_in_range(pairs[0].want_in, 3, 8);
}

/* Several SAs at once, several clients one after the other. */
static void test_several(void **state)
{
	for (int i = 0; i < 10; i++)
		join(i);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(child(i, 1), PASS);
		assert_int_equal(child(i, 2), PASS);
		assert_int_equal(out(i, 100 + i, 1), BOUND);
		in_to(i, 200 + i, 3, BOUND);
		in_to(i, 200 + i, 2, PASS);	/* out of order, but another */
		assert_ptr_equal(group.holder, &pairs[i]);
		in_to(i, 300 + i, 1, BOUND);
		assert_int_equal(out(i, 400 + i, 1), BOUND);
		in_to(i, 300 + i, 2, PASS);
		assert_null(group.holder);
	}
	for (int i = 0; i < 10; i++) {
		in_to(i, 200 + i, 4, PASS);
		in_to(i, 300 + i, 4, PASS);
		assert_peers(100 + i, 200 + i);
		assert_peers(400 + i, 300 + i);
	}
	/* rekeying while the old ones live */
	for (int i = 0; i < 10; i++)
		tunnel(i, 50 + i);
	for (int i = 0; i < 10; i++)
		in_to(i, 200 + i, 5, PASS);
}

/* Tunnels set up long ago begin to send at the same moment. */
static void test_all_at_once(void **state)
{
	int done = 0;

	for (int i = 0; i < 10; i++) {
		join(i);
		now += GATE;
		assert_int_equal(child(i, 1), PASS);
	}
	now += 60000;
	for (int round = 0; round < 10; round++) {
		int answered = -1;

		for (int i = 0; i < 10; i++) {
			enum alg_esp_verdict v = out(i, 100 + i, round + 1);

			assert_true(v == PASS || v == BOUND || v == ALG_ESP_HELD);
			if (v == BOUND) {
				assert_int_equal(answered, -1);
				answered = i;
			}
		}
		assert_int_not_equal(answered, -1);
		now += 20;
		binds_to(answered, 200 + answered, 1);
		now += 1000;
		done++;
	}
	assert_int_equal(done, 10);
	for (int i = 0; i < 10; i++) {
		in_to(i, 200 + i, 3, PASS);
		assert_int_equal(out(i, 100 + i, 20), PASS);
	}
}

/* ---- unknown SPIs ---- */

static void test_refused(void **state)
{
	join(0);
	join(1);
	assert_int_equal(in(1, 1), ALG_ESP_NO_WINDOW);
	assert_int_equal(child(0, 1), PASS);
	assert_int_equal(in(1, SEQ_MAX + 1), ALG_ESP_SEQ_HIGH);
	in_to(0, 1, SEQ_MAX, BOUND);
	now += GATE;
	/* nobody came after all: it is awaited still; two are too many */
	in_to(0, 2, 1, BOUND);
	assert_int_equal(child(1, 1), PASS);
	now += GATE;
	assert_int_equal(in(3, 1), ALG_ESP_AMBIGUOUS);
	in_to(0, 2, 2, PASS);
	binds_to(1, 3, 1);	/* now one is left */
	assert_int_equal(in(4, 1), ALG_ESP_NO_WINDOW);
	/* not for ever */
	assert_int_equal(child(1, 2), PASS);
	now += GATE + IDLE - 1;
	in_to(1, 5, 1, BOUND);
	now += 1;
	assert_int_equal(in(6, 1), ALG_ESP_NO_WINDOW);
}

/* Complete exchanges whose SAs nobody uses yet don't hold up others for long. */
static void test_gate_shortened(void **state)
{
	(void)state;
	join(0);
	join(1);
	assert_int_equal(child(0, 1), PASS);
	now += 100;
	assert_int_equal(child_answer(0, 1), PASS);
	now += ANSWER - 1;
	assert_int_equal(child(1, 1), ALG_ESP_GATE);
	now += 1;
	assert_int_equal(child(1, 1), PASS);
	now += ANSWER;
	assert_int_equal(child(0, 2), ALG_ESP_GATE);
	assert_int_equal(in(7, 1), ALG_ESP_AMBIGUOUS);
	assert_int_equal(out(1, 8, 1), BOUND);
	in_to(1, 7, 1, BOUND);
}

/* IKEv1 has no flag for that: it is the third message of Quick Mode, whoever began. */
static void test_quick_mode(void **state)
{
	(void)state;
	join(0);
	join(1);
	for (int by_client = 0; by_client < 2; by_client++) {
		u32 id = 70 + by_client;

		assert_int_equal(quick(0, id, by_client), PASS);
		now += 100;
		assert_int_equal(quick(0, id, by_client), PASS);	/* again */
		assert_int_equal(quick(0, id, !by_client), PASS);
		now += ANSWER;
		assert_int_equal(quick(1, id, true), ALG_ESP_GATE);	/* the second one shortens nothing */
		assert_int_equal(quick(0, id, !by_client), PASS);
		assert_int_equal(quick(0, id, by_client), PASS);
		now += ANSWER - 1;
		assert_int_equal(quick(1, id, true), ALG_ESP_GATE);
		now += 1;
		assert_int_equal(quick(1, id, true), PASS);
		now += 4 * GATE;
		assert_int_equal(quick(1, id, true), PASS);
		assert_int_equal(out(1, 0x300 + id, 1), BOUND);
		binds_to(1, 0x400 + id, 1);
		now += 4 * GATE;
	}
}

/* The module comes back: what is known from before is the client's, whatever its number; what it sends on is learned again. */
static void test_known(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		join(i);
	assert_true(known_before(0, 0x2000));
	assert_true(known_before(1, 0x2001));
	/* both send, in old SAs: neither waits for the other */
	assert_int_equal(out(0, 0x1000, 4000), BOUND);
	assert_int_equal(out(1, 0x1001, 4000), BOUND);
	assert_null(group.holder);
	in_to(1, 0x2001, 0x90000000, PASS);
	in_to(0, 0x2000, 5000, PASS);
	assert_peers(0x1000, 0x2000);
	assert_peers(0x1001, 0x2001);
	/* by the short way from now on */
	assert_true(alg_esp_quick(esp_find(&group, ALG_ESP_IN, 0x2001), 0x90000001, now));
	assert_true(alg_esp_quick(esp_find(&group, ALG_ESP_OUT, 0x1001), 4001, now));
	/* nobody knows whose that is */
	assert_int_equal(in(0x2002, 5000), ALG_ESP_NO_WINDOW);
	/* the gateway sends first */
	assert_true(known_before(2, 0x2003));
	in_to(2, 0x2003, 700, PASS);
	assert_int_equal(out(2, 0x1003, 700), BOUND);
	assert_peers(0x1003, 0x2003);
	assert_null(group.holder);
	/* new SAs as ever */
	now += GATE;
	for (int i = 0; i < 3; i++)
		tunnel(i, 7 + i);
}

/* What is known from before may be old: what the client sends on has another answer. */
static void test_known_wrong(void **state)
{
	(void)state;
	join(0);
	join(1);
	assert_true(known_before(0, 0x2000));
	assert_int_equal(out(0, 0x1000, 4000), BOUND);
	assert_int_equal(in(0x2009, 4000), ALG_ESP_SEQ_HIGH);
	now += 100 * ANSWER;
	assert_int_equal(out(0, 0x1000, 4100), PASS);
	assert_ptr_equal(group.holder, &pairs[0]);
	binds_to(0, 0x2010, 4100);
	assert_peers(0x1000, 0x2010);
	assert_false(known_before(0, 0));
}

/* The only client that is known need not be the only one. */
static void test_crowd(void **state)
{
	static bool crowd;

	(void)state;
	group.crowd = &crowd;
	crowd = true;
	join(0);
	assert_int_equal(in(0x2000, 1), ALG_ESP_NO_WINDOW);
	assert_int_equal(in(0x2000, 5000), ALG_ESP_NO_WINDOW);
	assert_int_equal(out(0, 0x1000, 5000), BOUND);
	assert_int_equal(in(0x2000, 5000), ALG_ESP_SEQ_HIGH);
	now += GATE;
	tunnel(0, 1);
	now += GATE;
	assert_int_equal(in(0x2009, 1), ALG_ESP_NO_WINDOW);
	crowd = false;
	in_to(0, 0x2009, 70, BOUND);
}

/* Nor the only one that is left: the gateway goes on sending to who left. */
static void test_left_behind(void **state)
{
	(void)state;
	join(0);
	tunnel(0, 1);
	now += GATE;
	join(1);
	assert_int_equal(in(0x2009, 5000), ALG_ESP_NO_WINDOW);
	leave(&pairs[1]);
	in_to(0, 0x2009, 5000, BOUND);	/* it had no SAs */
	join(1);
	tunnel(1, 2);
	now += GATE;
	leave(&pairs[1]);
	assert_int_equal(in(0x200a, 5000), ALG_ESP_NO_WINDOW);
	now += IDLE - 1;
	assert_int_equal(in(0x200a, 5000), ALG_ESP_NO_WINDOW);
	now++;
	in_to(0, 0x200a, 5000, BOUND);
}

/* What was another's until this moment does not come because of what the holder sent. */
static void test_left_stray(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		join(i);
		tunnel(i, i + 1);
		now += GATE;
	}
	now += 20 * ANSWER;
	leave(&pairs[2]);
	assert_int_equal(out(0, 0x1009, 4000), BOUND);
	assert_ptr_equal(group.holder, &pairs[0]);
	assert_int_equal(in(0x2003, 5000), ALG_ESP_SEQ_HIGH);
	in_to(0, 0x2009, 5000, BOUND);
}

/* As long as there are more strays than can be remembered nothing old is anybody's. */
static void test_strays_lost(void **state)
{
	u32 i;

	(void)state;
	join(0);
	join(1);
	now += 20 * ANSWER;
	for (i = 0; i < ALG_ESP_STRAYS; i++)
		assert_int_equal(in(0x3000 + i, 5000), ALG_ESP_NO_WINDOW);
	assert_int_equal(out(0, 0x1009, 4000), BOUND);
	binds_to(0, 0x2009, 5000);
	assert_int_equal(in(0x3000 + i, 5000), ALG_ESP_NO_WINDOW);
	now += 100;
	assert_int_equal(out(1, 0x1008, 4000), BOUND);
	assert_ptr_equal(group.holder, &pairs[1]);
	assert_int_equal(in(0x2008, 5000), ALG_ESP_SEQ_HIGH);
	now += 17 * ANSWER;
	assert_int_equal(out(1, 0x1008, 4100), PASS);
	binds_to(1, 0x2008, 5000);
	/* those that came long ago may be forgotten */
	now += 40 * ANSWER;
	assert_int_equal(in(0x4000, 5000), ALG_ESP_NO_WINDOW);
	assert_int_equal(out(0, 0x100a, 4000), BOUND);
	in_to(0, 0x200a, 5000, BOUND);
}

/* New SAs of several, in turn, and nobody sends: whose is it that the gateway sends first? */
static void test_unseen(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		join(i);
		assert_int_equal(child(i, 1), PASS);
		assert_int_equal(child_answer(i, 1), PASS);
		now += GATE;
	}
	assert_int_equal(child(2, 2), PASS);
	assert_int_equal(in(70, 1), ALG_ESP_AMBIGUOUS);
	assert_int_equal(out(2, 12, 1), BOUND);
	binds_to(2, 72, 1);
	now += GATE;
	assert_int_equal(in(70, 2), ALG_ESP_AMBIGUOUS);
	assert_int_equal(out(0, 10, 1), BOUND);
	binds_to(0, 70, 3);
	now += GATE;
	in_to(1, 71, 1, BOUND);
}

static void test_answers(void **state)
{
	join(0);
	join(1);
	/* an outbound SPI, without its IKE having been seen */
	assert_int_equal(out(0, 1, 1), BOUND);
	assert_ptr_equal(group.holder, &pairs[0]);
	assert_int_equal(out(1, 2, 1), ALG_ESP_HELD);
	assert_null(esp_find(&group, ALG_ESP_OUT, 2));
	assert_int_equal(child(1, 1), ALG_ESP_GATE);
	now += ANSWER - 1;
	assert_int_equal(out(1, 2, 1), ALG_ESP_HELD);
	now += 1;
	assert_int_equal(out(1, 2, 2), BOUND);
	assert_ptr_equal(group.holder, &pairs[1]);
	binds_to(1, 3, 1);
	assert_null(group.holder);
	/* now the first one's, which still sends */
	assert_int_equal(out(0, 1, 2), PASS);
	binds_to(0, 4, 1);
	assert_int_equal(out(0, 1, 3), PASS);
	assert_true(esp_find(&group, ALG_ESP_OUT, 1)->settled);
}

/* Who leaves waits for nothing any more. */
static void test_left(void **state)
{
	join(0);
	join(1);
	join(2);
	assert_int_equal(child(2, 1), PASS);
	now += GATE;
	assert_int_equal(out(1, 1, 1), BOUND);
	leave(&pairs[1]);
	in_to(2, 2, 1, BOUND);		/* the only one that is awaited */
	leave(&pairs[2]);
	join(1);
	assert_int_equal(in(3, 1), ALG_ESP_NO_WINDOW);
}

/* One-way traffic asks for an answer less and less often. */
static void test_one_way(void **state)
{
	u32 opened = 0;

	join(0);
	join(1);
	for (u32 seq = 1; seq < 6000; seq++) {
		enum alg_esp_verdict v = out(0, 1, seq);

		assert_int_equal(v, seq == 1 ? BOUND : PASS);
		opened += group.holder && (u32)now == group.opened;
		now += 100;
	}
	assert_in_range(opened, 4, 10);	/* in ten minutes */
	/* what nobody else can have sent for is its */
	in_to(0, 2, 1, BOUND);
	/* it takes the gate from nobody */
	now += 400 * ANSWER;
	assert_int_equal(child(1, 1), PASS);
	assert_int_equal(out(0, 1, 6000), PASS);
	assert_ptr_equal(group.holder, &pairs[1]);
	now += GATE;
	assert_int_equal(out(0, 1, 6001), PASS);
	assert_ptr_equal(group.holder, &pairs[0]);
}

static void test_not_held(void **state)
{
	config.hold = false;
	join(0);
	join(1);
	assert_int_equal(out(0, 1, 1), BOUND);
	assert_int_equal(out(1, 2, 1), BOUND);
	assert_int_equal(in(3, 1), ALG_ESP_AMBIGUOUS);
	now += ANSWER;
	assert_int_equal(in(3, 1), ALG_ESP_AMBIGUOUS);
	assert_int_equal(out(1, 2, 2), PASS);
	in_to(1, 3, 1, BOUND);
}

/* A stray packet takes nobody's place. */
static void test_stray(void **state)
{
	join(0);
	join(1);
	assert_int_equal(child(0, 1), PASS);
	in_to(0, 66, 1, BOUND);		/* made up */
	assert_int_equal(out(0, 1, 1), BOUND);
	assert_int_equal(child(1, 1), ALG_ESP_GATE);
	binds_to(0, 2, 1);
	assert_null(group.holder);
	assert_peers(1, 2);
	tunnel(1, 7);
	assert_int_equal(in(67, 1), ALG_ESP_NO_WINDOW);
}

static void test_collision(void **state)
{
	join(0);
	join(1);
	tunnel(0, 1);
	for (u32 seq = 3; seq < 3000; seq++)
		in_to(0, 0x2001, seq, PASS);
	/* the other client has chosen the same: its packets are not delivered to the first, nor the first one's to it */
	assert_int_equal(child(1, 1), PASS);
	assert_int_equal(in(0x2001, 1), ALG_ESP_COLLISION);
	in_to(0, 0x2001, 3000, PASS);
	in_to(0, 0x2001, 2900, PASS);	/* reordered */
	assert_ptr_equal(esp_find(&group, ALG_ESP_IN, 0x2001)->pair, &pairs[0]);
	now += GATE;
	in_to(0, 0x2001, 1, PASS);	/* a repetition, when nobody waits */
	/* outbound SPIs are the gateway's: one that is in use is nobody else's; one that is not moves with who uses it */
	assert_int_equal(out(0, 0x1001, 2), PASS);
	assert_int_equal(out(1, 0x1001, 1), ALG_ESP_COLLISION);
	now += GATE;
	assert_int_equal(out(1, 0x1001, 1), BOUND);
	assert_int_equal(packet.victim->pair == &pairs[0], true);
	assert_int_equal(pairs[0].n_out, 0);
	assert_null(esp_find(&group, ALG_ESP_IN, 0x2001)->peer);
}

/* A tunnel that was quiet for so long that it was forgotten. */
static void test_resumed(void **state)
{
	struct alg_link a, b;

	alg_link_init(&a);
	alg_link_init(&b);
	join(0);
	join(1);
	tunnel(0, 1);
	tunnel(1, 2);
	now += IDLE + 1000;
	assert_false(alg_esp_expire(&pairs[0], now, &a, &b));
	assert_false(alg_esp_expire(&pairs[1], now, &a, &b));
	assert_null(esp_find(&group, ALG_ESP_IN, 0x2001));
	/* the gateway alone can't resume it */
	assert_int_equal(in(0x2001, 5000), ALG_ESP_NO_WINDOW);
	now += 17 * ANSWER;
	assert_int_equal(out(0, 0x1001, 4000), BOUND);
	binds_to(0, 0x2001, 5000);
	/* what came before the client sent is somebody's whose SA was known nowhere */
	assert_int_equal(in(0x2002, 7000), ALG_ESP_NO_WINDOW);
	now += 100;
	assert_int_equal(out(1, 0x1002, 6000), BOUND);
	assert_int_equal(in(0x2002, 7001), ALG_ESP_SEQ_HIGH);
	in_to(1, 0x2003, 7001, BOUND);
	/* an SPI that is new itself expects one that is */
	now += 20 * ANSWER;
	assert_int_equal(out(0, 0x1009, 1), BOUND);
	assert_int_equal(in(0x2009, 7001), ALG_ESP_SEQ_HIGH);
}

static void test_resumed_all(void **state)
{
	join(0);
	join(1);
	/* everything is new here: whose is it? */
	assert_int_equal(out(0, 0x1001, 4000), BOUND);
	assert_int_equal(in(0x2001, 5000), ALG_ESP_SEQ_HIGH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_slots, setup),
		cmocka_unit_test_setup(test_many_slots, setup),
		cmocka_unit_test_setup(test_alone, setup),
		cmocka_unit_test_setup(test_without_ike, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_gate, setup),
		cmocka_unit_test_setup(test_gate_runs_out, setup),
		cmocka_unit_test_setup(test_gate_extended, setup),
		cmocka_unit_test_setup(test_peers, setup),
		cmocka_unit_test_setup(test_late_peer, setup),
		cmocka_unit_test_setup(test_exchanges, setup),
		cmocka_unit_test_setup(test_several, setup),
		cmocka_unit_test_setup(test_all_at_once, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_unseen, setup),
		cmocka_unit_test_setup(test_gate_shortened, setup),
		cmocka_unit_test_setup(test_answers, setup),
		cmocka_unit_test_setup(test_left, setup),
		cmocka_unit_test_setup(test_one_way, setup),
		cmocka_unit_test_setup(test_not_held, setup),
		cmocka_unit_test_setup(test_stray, setup),
		cmocka_unit_test_setup(test_collision, setup),
		cmocka_unit_test_setup(test_resumed, setup),
		cmocka_unit_test_setup(test_resumed_all, setup),
		cmocka_unit_test_setup(test_quick_mode, setup),
		cmocka_unit_test_setup(test_known, setup),
		cmocka_unit_test_setup(test_known_wrong, setup),
		cmocka_unit_test_setup(test_crowd, setup),
		cmocka_unit_test_setup(test_left_behind, setup),
		cmocka_unit_test_setup(test_left_stray, setup),
		cmocka_unit_test_setup(test_strays_lost, setup),
	};

	return cmocka_run_group_tests_name("esp_bind", tests, NULL, NULL);
}
