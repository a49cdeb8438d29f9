/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the unit tests share: cmocka, and input that ends or begins flush against an inaccessible page. */
#ifndef SELFTESTS_UNIT_H
#define SELFTESTS_UNIT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#define GUARD_ROOM	(16 * 4096)	/* longest input */

/* One mapping: inaccessible page, room, inaccessible page. */
static inline uint8_t *guard_room(void)
{
	static uint8_t *room;

	if (!room) {
		uint8_t *map = mmap(NULL, GUARD_ROOM + 2 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_true(map != MAP_FAILED);
		assert_int_equal(mprotect(map + 4096, GUARD_ROOM, PROT_READ | PROT_WRITE), 0);
		room = map + 4096;
	}
	return room;
}

/* A copy of @data whose last byte is followed by an inaccessible page. Valid until the next guard_*() call. */
static inline uint8_t *guard_end(const void *data, size_t len)
{
	uint8_t *p = guard_room() + GUARD_ROOM - len;

	assert_true(len <= GUARD_ROOM);
	return len ? memcpy(p, data, len) : p;
}

/* A copy of @data whose first byte is preceded by an inaccessible page. */
static inline uint8_t *guard_start(const void *data, size_t len)
{
	assert_true(len <= GUARD_ROOM);
	return len ? memcpy(guard_room(), data, len) : guard_room();
}

/* Says which row of a table is being looked at; print_error() shows with the failing case only. */
#define ROW_CHECK(cond, row, what)								\
	do {											\
		if (!(cond)) {									\
			print_error("# %s:%d: row '%s': %s\n", __FILE__, __LINE__, row, what);	\
			fail();									\
		}										\
	} while (0)

#endif /* SELFTESTS_UNIT_H */
