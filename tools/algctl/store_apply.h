/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ALGCTL_STORE_APPLY_H
#define ALGCTL_STORE_APPLY_H

#include "operation.h"

/**
 * struct store_apply - a file on its way into the store
 * @wanted:	what it has, sorted
 * @changes:	filled: against @running, what the store had
 * @outcome:	filled: what changed in the kernel
 */
struct store_apply {
	struct objects *wanted, running;
	struct changes changes;
	struct outcome outcome;
};

bool store_apply(struct ctx *ctx, struct store_apply *a);
void store_apply_free(struct store_apply *a);

#endif /* ALGCTL_STORE_APPLY_H */
