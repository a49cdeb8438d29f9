// SPDX-License-Identifier: GPL-2.0-or-later
#include "backend.h"

#include <stdlib.h>

#include "store.h"

bool backend(struct ctx *ctx)
{
	char *where;

	if (ctx->backend)
		return true;
	if (!store_place(ctx, &where))
		return false;
	ctx->backend = where ? store_backend_open(ctx, where) : kernel_open(ctx);
	free(where);
	return ctx->backend;
}
