/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

static void test_harness(void **state)
{
	assert_int_equal(guard_end("abc", 3)[2], 'c');
	assert_int_equal(guard_start("abc", 3)[0], 'a');
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_harness) };

	return cmocka_run_group_tests_name("tftp", tests, NULL, NULL);
}
