/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"
#include "nat/ports.h"

static uint8_t seen[65536];

/* Walks to the end; every port at most once. Returns how many; @first is the first one. */
static u32 walk(u16 want, u16 anchor, u16 min, u16 max, u16 block, unsigned int flags, u32 seed, u16 *first)
{
	struct nf_alg_port_iter it;
	u32 n = 0;
	u16 port;

	memset(seen, 0, sizeof(seen));
	nf_alg_port_iter_init(&it, want, anchor, min, max, block, flags, seed);
	while (nf_alg_port_iter_next(&it, &port)) {
		assert_false(seen[port]);
		seen[port] = 1;
		if (!n++ && first)
			*first = port;
	}
	assert_true(n <= NF_ALG_PORT_TRIES);
	assert_false(nf_alg_port_iter_next(&it, &port));
	return n;
}

/* All ports seen lie in [lo, hi]. */
static void assert_inside(u32 lo, u32 hi)
{
	for (u32 p = 0; p < 65536; p++)
		if (seen[p])
			assert_in_range(p, lo, hi);
}

static void test_range(void **state)
{
	static const struct {
		u16 anchor, min, max, block, lo, hi;
		bool applies;
	} rows[] = {
		{ 5000, 0, 0, 0, 1024, 65535, false },
		{ 10000, 10000, 19999, 64, 10000, 10063, true },
		{ 10063, 10000, 19999, 64, 10000, 10063, true },
		{ 10064, 10000, 19999, 64, 10064, 10127, true },
		{ 19999, 10000, 19999, 64, 19984, 19999, true },	/* the last block is cut */
		{ 12345, 10000, 19999, 0, 10000, 19999, true },
		{ 9999, 10000, 19999, 64, 1024, 65535, false },
		{ 20000, 10000, 19999, 64, 1024, 65535, false },
		{ 65535, 1024, 65535, 64512, 1024, 65535, true },
		{ 65535, 1, 65535, 32768, 32769, 65535, true },
		{ 700, 512, 1535, 1024, 1024, 1535, true },		/* user ports of a block that has both */
		{ 700, 512, 1023, 256, 512, 767, true },		/* a block without user ports */
		{ 1, 1, 1, 1, 1, 1, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u16 lo, hi;

		assert_int_equal(nf_alg_port_range(rows[i].anchor, rows[i].min, rows[i].max, rows[i].block, &lo, &hi),
				 rows[i].applies);
		assert_int_equal(lo, rows[i].lo);
		assert_int_equal(hi, rows[i].hi);
	}
}

static void test_no_range(void **state)
{
	u16 first;

	assert_int_equal(walk(6000, 5000, 0, 0, 0, 0, 77, &first), NF_ALG_PORT_TRIES);
	assert_int_equal(first, 6000);
	assert_inside(1024, 65535);
	/* The original port is a system port: not handed out. */
	assert_int_equal(walk(1023, 5000, 0, 0, 0, 0, 0, &first), NF_ALG_PORT_TRIES);
	assert_int_equal(first, 1024);
	/* The walk goes round at the end. */
	assert_int_equal(walk(0, 5000, 0, 0, 0, 0, 64511, &first), NF_ALG_PORT_TRIES);
	assert_int_equal(first, 65535);
	assert_true(seen[1024]);
}

static void test_block(void **state)
{
	u16 first;

	for (u32 seed = 0; seed < 300; seed++) {
		/* Every port of the block, the original first if it is one of them. */
		assert_int_equal(walk(10070, 10100, 10000, 19999, 64, 0, seed, &first), 64);
		assert_int_equal(first, 10070);
		assert_inside(10064, 10127);
		assert_int_equal(walk(10128, 10100, 10000, 19999, 64, 0, seed, &first), 64);
		assert_int_equal(first, 10064 + seed % 64);
		assert_inside(10064, 10127);
		assert_int_equal(walk(10256, 10100, 10000, 19999, 256, 0, seed, NULL), 256);
		assert_int_equal(walk(10001, 10100, 10000, 19999, 256, 0, seed, NULL), 256);
		assert_inside(10000, 10255);
		assert_int_equal(walk(0, 19999, 10000, 19999, 64, 0, seed, NULL), 16);
		assert_inside(19984, 19999);
	}
	assert_int_equal(walk(10001, 10100, 10000, 19999, 512, 0, 3, NULL), NF_ALG_PORT_TRIES);
	assert_inside(10000, 10511);
}

static void test_outside(void **state)
{
	u16 first;

	/* A server that is forwarded from port 21: anything but the subscribers' range. */
	for (u32 seed = 0; seed < 100000; seed += 97) {
		walk(15000, 21, 10000, 19999, 64, 0, seed, &first);
		for (u32 p = 0; p < 65536; p++)
			if (seen[p])
				assert_true(p >= 1024 && (p < 10000 || p > 19999));
	}
	assert_int_equal(walk(3000, 21, 10000, 19999, 64, 0, 5, &first), NF_ALG_PORT_TRIES);
	assert_int_equal(first, 3000);
	assert_int_equal(walk(30000, 21, 10000, 19999, 64, 0, 5, &first), NF_ALG_PORT_TRIES);
	assert_int_equal(first, 30000);
	/* Hardly anything, or nothing, is left outside. */
	assert_int_equal(walk(0, 21, 1024, 65533, 64, 0, 5, NULL), 2);
	assert_inside(65534, 65535);
	assert_int_equal(walk(0, 21, 1030, 65535, 64, 0, 5, NULL), 6);
	assert_inside(1024, 1029);
	assert_int_equal(walk(4000, 21, 1024, 65535, 64, 0, 5, NULL), 0);
	assert_int_equal(walk(4000, 21, 200, 100, 64, 0, 5, NULL), 0);
	assert_int_equal(walk(0, 700, 100, 500, 64, 0, 5, NULL), NF_ALG_PORT_TRIES);
	assert_inside(1024, 65535);
}

static void test_even(void **state)
{
	u16 first;

	for (u32 seed = 0; seed < 100; seed++) {
		assert_int_equal(walk(10070, 10100, 10000, 19999, 64, NF_ALG_PORT_EVEN, seed, &first), 32);
		assert_int_equal(first, 10070);
		for (u32 p = 0; p < 65536; p++)
			assert_true(!seen[p] || !(p & 1));
		assert_inside(10064, 10126);
		assert_int_equal(walk(10071, 10100, 10000, 19999, 64, NF_ALG_PORT_EVEN, seed, &first), 32);
		/* Odd borders: 10001..10065 has 10002..10064, successor 10065. */
		assert_int_equal(walk(0, 10001, 10001, 20000, 65, NF_ALG_PORT_EVEN, seed, NULL), 32);
		assert_inside(10002, 10064);
		/* 10066..10130: 10130 has no successor inside. */
		assert_int_equal(walk(10130, 10070, 10001, 20000, 65, NF_ALG_PORT_EVEN, seed, NULL), 32);
		assert_inside(10066, 10128);
	}
	assert_int_equal(walk(0, 5, 5, 5, 1, NF_ALG_PORT_EVEN, 0, NULL), 0);
	assert_int_equal(walk(4, 4, 4, 4, 1, NF_ALG_PORT_EVEN, 0, NULL), 0);
	assert_int_equal(walk(4, 4, 4, 5, 2, NF_ALG_PORT_EVEN, 0, NULL), 1);
	assert_int_equal(walk(0, 21, 1027, 65532, 64, NF_ALG_PORT_EVEN, 9, NULL), 2);
	assert_true(seen[1024] && seen[65534]);
}

/* Against the definition, over all anchors of small ranges. */
static void test_exact(void **state)
{
	for (u32 block = 0; block < 12; block++)
		for (u32 anchor = 1990; anchor < 2060; anchor++)
			for (unsigned int flags = 0; flags < 2; flags++) {
				u32 min = 2000, max = 2047, lo = min, hi = max;

				if (anchor < min || anchor > max)
					continue;
				if (block) {
					lo = min + (anchor - min) / block * block;
					hi = lo + block - 1 < max ? lo + block - 1 : max;
				}
				walk(anchor, anchor, min, max, block, flags, anchor * 31 + block, NULL);
				for (u32 p = 1900; p < 2100; p++) {
					bool in = p >= lo && p <= hi && (!flags || (!(p & 1) && p + 1 <= hi));

					assert_int_equal(seen[p], in);
				}
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_no_range),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_exact),
	};

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
