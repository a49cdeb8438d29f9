/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others have recorded, in directories below the one that environment NF_ALG_CORPORA names. */
#ifndef SELFTESTS_UNIT_CORPORA_H
#define SELFTESTS_UNIT_CORPORA_H

#include <unistd.h>
#include "unit.h"

/* NULL: it is not there. */
static inline const char *corpora(const char *name)
{
	static char path[1000];
	const char *dir = getenv("NF_ALG_CORPORA");

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "", name);
	return dir && !access(path, R_OK) ? path : NULL;
}

/* What the program here prints of it; pclose() is the caller's. Skips the test without it or Python. */
static inline FILE *corpora_open(const char *name, const char *program)
{
	const char *dir = corpora(name);
	char command[2500];
	FILE *in;

	if (!dir || system("command -v python3 >/dev/null"))
		skip();
	snprintf(command, sizeof(command), "python3 -B '%s/%s' '%s'", SOURCE_DIR, program, dir);
	in = popen(command, "r");
	assert_non_null(in);
	return in;
}

/* Return: how many bytes @hex was. */
static inline uint32_t corpora_bytes(const char *hex, uint8_t *data, uint32_t room)
{
	uint32_t len = 0;

	for (; sscanf(hex + 2 * len, "%2hhx", &data[len]) == 1; len++)
		assert_in_range(len, 0, room - 2);
	return len;
}

#endif /* SELFTESTS_UNIT_CORPORA_H */
