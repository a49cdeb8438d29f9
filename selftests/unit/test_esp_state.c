/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ESP binding keeps and forgets: IKE sessions, idle SAs, what is refused; and what decisions cost. */
#include "esp_world.h"
#include <time.h>

static void test_restart(void **state)
{
	struct alg_esp_ike again[8] = { 0 };

	join(0);
	join(1);
	tunnel(0, 1);
	assert_int_equal(child(0, 2), PASS);
	now += GATE;
	assert_null(alg_esp_ike_begin(&pairs[0], &again[0], 999, false, now));
	assert_int_equal(pairs[0].want_in, 1);
	assert_null(alg_esp_ike_begin(&pairs[0], &again[1], 1000, true, now));
	assert_int_equal(pairs[0].want_in, 0);		/* the former life's */
	assert_int_equal(in(5, 1), ALG_ESP_NO_WINDOW);
	assert_int_equal(pairs[0].n_ikes, 3);
	assert_int_equal(ike(&again[1], 2, ALG_IKE_AUTH, false, 1, true), PASS);
	assert_ptr_equal(pairs[0].ikes.next, &again[1].list);
	in_to(0, 0x2001, 3, PASS);		/* the old SPI is still this client's */
	in_to(0, 6, 1, BOUND);
	/* as many as may be; the first one stays */
	now += 1;
	ike(&ikes[0], 2, ALG_IKE_INFORMATIONAL, false, 7, true);
	assert_null(alg_esp_ike_begin(&pairs[0], &again[2], 1001, true, now));
	assert_ptr_equal(alg_esp_ike_begin(&pairs[0], &again[3], 1002, true, now), &again[0]);
	now += 1;
	ike(&again[2], 2, ALG_IKE_INFORMATIONAL, false, 7, true);
	assert_int_equal(pairs[0].n_ikes, 4);
	alg_esp_ike_end(&again[1]);
	assert_int_equal(pairs[0].n_ikes, 3);
}

static u32 count(struct alg_link *head)
{
	u32 n = 0;

	while (alg_link_pop(head))
		n++;
	return n;
}

static void test_expire(void **state)
{
	struct alg_link sas, dead;

	alg_link_init(&sas);
	alg_link_init(&dead);
	join(0);
	tunnel(0, 1);
	in_to(0, 77, 1, BOUND);
	now += IDLE - 1;
	assert_false(alg_esp_expire(&pairs[0], now, &sas, &dead));
	assert_int_equal(count(&sas), 0);
	assert_int_equal(out(0, 0x1001, 2), PASS);
	now += 1;
	assert_false(alg_esp_expire(&pairs[0], now, &sas, &dead));
	assert_int_equal(count(&sas), 1);	/* both directions live while one does */
	assert_non_null(esp_find(&group, ALG_ESP_IN, 0x2001));
	/* IKE is kept by ESP, long after its own last message */
	for (int i = 0; i < 20; i++) {
		now += IDLE - 1000;
		in_to(0, 0x2001, 3 + i, PASS);
		assert_false(alg_esp_expire(&pairs[0], now, &sas, &dead));
	}
	now += IDLE;
	assert_false(alg_esp_expire(&pairs[0], now, &sas, &dead));
	assert_int_equal(count(&sas), 2);
	assert_int_equal(pairs[0].n_in + pairs[0].n_out, 0);
	now += STATE - IDLE - 1;
	assert_false(alg_esp_expire(&pairs[0], now, &sas, &dead));
	now += 1;
	assert_true(alg_esp_expire(&pairs[0], now, &sas, &dead));
	assert_int_equal(count(&dead), 1);
	leave(&pairs[0]);
	assert_int_equal(group.n_pairs, 0);
	assert_null(group.own);
}

/* An IKE session lives by its own messages; those that were refused don't count. Lists of what was to come are cleared. */
static void test_expire_ike(void **state)
{
	struct alg_link sas, dead;

	alg_link_init(&sas);
	alg_link_init(&dead);
	join(0);
	join(1);
	now += STATE - 1;
	ike(&ikes[0], 2, ALG_IKE_INFORMATIONAL, false, 1, true);
	assert_int_equal(child(1, 1), PASS);
	now += STATE - 1;
	assert_false(alg_esp_expire(&pairs[0], now, &sas, &dead));
	assert_false(alg_esp_expire(&pairs[1], now, &sas, &dead));
	assert_int_equal(out(0, 1, 1), BOUND);
	assert_int_equal(child(1, 2), ALG_ESP_GATE);
	now += 1;
	assert_false(alg_esp_expire(&pairs[0], now, &sas, &dead));
	assert_true(alg_esp_expire(&pairs[1], now, &sas, &dead));
	assert_int_equal(count(&dead), 1);
	assert_non_null(pairs[0].asking.next);
	now += ANSWER;
	assert_false(alg_esp_expire(&pairs[0], now, &sas, &dead));
	assert_null(pairs[0].asking.next);
	assert_non_null(pairs[0].awaited.next);
	assert_null(group.holder);
	now += IDLE;
	alg_esp_expire(&pairs[0], now, &sas, &dead);
	assert_null(pairs[0].awaited.next);
}

/* Another processor's clock is a little ahead. */
static void test_clock(void **state)
{
	join(0);
	join(1);
	assert_int_equal(child(0, 1), PASS);
	now -= 3;
	assert_int_equal(child(0, 2), PASS);
	assert_int_equal(child(1, 1), ALG_ESP_GATE);
	in_to(0, 1, 1, BOUND);
	now -= 3;
	in_to(0, 1, 2, PASS);
	struct alg_link a;

	alg_link_init(&a);
	assert_false(alg_esp_expire(&pairs[0], now, &a, &a));
	assert_int_equal(count(&a), 0);
}

/* A client that has been there for longer than half of the clock's range is none that has just come. */
static void test_old(void **state)
{
	struct alg_link a;

	alg_link_init(&a);
	join(0);
	join(1);
	tunnel(0, 1);
	tunnel(1, 2);
	for (u64 end = now + 30ULL * 86400000; now < end; now += STATE / 2) {
		for (int i = 0; i < 2; i++) {
			ike(&ikes[i], 2, ALG_IKE_INFORMATIONAL, false, 9, true);
			assert_false(alg_esp_expire(&pairs[i], now, &a, &a));
		}
	}
	assert_null(esp_find(&group, ALG_ESP_IN, 0x2001));
	assert_int_equal(out(0, 0x1001, 4000), BOUND);
	in_to(0, 0x2001, 5000, BOUND);
	in_to(0, 0x2001, 5001, PASS);
}

/* What is refused leaves everything as it was, but for the notes. */
static void test_unchanged(void **state)
{
	struct alg_esp_group g;
	struct alg_esp_pair p[2];
	struct alg_esp_ike i1;

	join(0);
	join(1);
	tunnel(0, 1);
	tunnel(1, 2);
	assert_int_equal(child(0, 5), PASS);
	g = group;
	memcpy(p, pairs, sizeof(p));
	i1 = ikes[1];
	now += 10;
	assert_int_equal(child(1, 5), ALG_ESP_GATE);
	assert_int_equal(out(1, 9, 1), ALG_ESP_HELD);
	assert_int_equal(out(1, 0x1001, 1), ALG_ESP_COLLISION);
	assert_int_equal(in(8, 1000), ALG_ESP_SEQ_HIGH);
	assert_int_equal(in(0, 1), ALG_ESP_BAD_SPI);
	assert_true(group.waiting);
	group.waiting = false;
	memcpy(group.strays, g.strays, sizeof(g.strays));
	group.next_stray = g.next_stray;
	assert_memory_equal(&group, &g, sizeof(g));
	assert_memory_equal(pairs, p, sizeof(p));
	assert_memory_equal(&ikes[1], &i1, sizeof(i1));
}

static void test_quick(void **state)
{
	struct alg_esp_sa *sa;

	join(0);
	tunnel(0, 1);
	sa = esp_find(&group, ALG_ESP_IN, 0x2001);
	assert_true(alg_esp_quick(sa, 5000, now));
	assert_true(alg_esp_quick(sa, 5000 - ALG_ESP_BEHIND, now));
	assert_false(alg_esp_quick(sa, 5000 - ALG_ESP_BEHIND - 1, now));
	sa->seq = 0xffffffc0;
	assert_true(alg_esp_quick(sa, 10, now));	/* extended sequence numbers go on at 0: RFC 4303, 2.2.1 */
	assert_int_equal(sa->seq, 10);
	sa = esp_find(&group, ALG_ESP_OUT, 0x1001);
	now += 1000;
	assert_true(alg_esp_quick(sa, 5, now));
	assert_int_equal(sa->last, (u32)now);
}

static u64 nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

/* Not a test: what decisions cost. */
static void test_cost(void **state)
{
	enum { TIMES = 200000 };
	struct alg_esp_sa *sa;
	u64 begun, quick, refused, waits;
	volatile u32 sink = 0;

	for (int i = 0; i < CLIENTS; i++)
		join(i);
	tunnel(0, 1);
	sa = esp_find(&group, ALG_ESP_IN, 0x2001);
	begun = nanoseconds();
	for (u32 i = 0; i < TIMES; i++)
		sink += alg_esp_quick(sa, i, now + i / 1000);
	quick = nanoseconds() - begun;
	begun = nanoseconds();
	for (u32 i = 0; i < TIMES; i++) {
		struct alg_esp_packet p = { .spi = i + 1, .seq = 70, .now = now };

		sink += alg_esp_in(&group, &p);
	}
	refused = nanoseconds() - begun;
	child(1, 1);
	begun = nanoseconds();
	for (u32 i = 0; i < TIMES; i++)
		sink += child(2, i);
	waits = nanoseconds() - begun;
	print_message("# ns each: known SPI %u.%u, refused SPI %u, refused IKE message %u\n", (u32)(quick / TIMES),
		      (u32)(quick * 10 / TIMES % 10), (u32)(refused / TIMES), (u32)(waits / TIMES));
	assert_true(quick / TIMES < 1000);
}

static void test_names(void **state)
{
	for (int v = 0; v < ALG_ESP_VERDICTS; v++)
		assert_true(alg_esp_verdict_name(v)[0]);
	assert_string_equal(alg_esp_verdict_name(ALG_ESP_COLLISION), "spi-collision");
	assert_string_equal(alg_esp_verdict_name(ALG_ESP_VERDICTS), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_restart, setup),
		cmocka_unit_test_setup(test_expire, setup),
		cmocka_unit_test_setup(test_expire_ike, setup),
		cmocka_unit_test_setup(test_clock, setup),
		cmocka_unit_test_setup(test_old, setup),
		cmocka_unit_test_setup(test_unchanged, setup),
		cmocka_unit_test_setup(test_quick, setup),
		cmocka_unit_test_setup(test_cost, setup),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("esp_state", tests, NULL, NULL);
}
