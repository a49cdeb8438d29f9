// SPDX-License-Identifier: GPL-2.0-or-later
#include "backend.h"

bool backend(struct ctx *ctx)
{
	if (!ctx->backend)
		ctx->backend = kernel_open(ctx);
	return ctx->backend;
}
