/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzzers share. */
#ifndef SELFTESTS_FUZZ_H
#define SELFTESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that doesn't hold ends the run, and libFuzzer keeps the input. */
#define PROPERTY(cond)									\
	do {										\
		if (!(cond)) {								\
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);	\
			abort();							\
		}									\
	} while (0)

/* A copy that ASan bounds exactly. To be freed. */
static inline uint8_t *exact_copy(const void *data, size_t size)
{
	uint8_t *p = malloc(size ? size : 1);

	PROPERTY(p);
	if (size)
		memcpy(p, data, size);
	return p;
}

#endif /* SELFTESTS_FUZZ_H */
