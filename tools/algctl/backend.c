// SPDX-License-Identifier: GPL-2.0-or-later
#include "backend.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "caller.h"
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

/* Who is root needs no store to see it, and no database to end it: it may be away. Others are asked what their roles let them. */
bool kernel_state_backend(struct ctx *ctx, bool ends)
{
	bool alone = !geteuid() && !ends;
	char *where = NULL;

	if (ctx->backend || caller_get().other)
		return backend(ctx);
	if (!alone && !store_place(ctx, &where))
		return false;
	if (alone || (where && strstr(where, "://")))
		ctx->backend = kernel_open(ctx);
	else
		backend(ctx);
	free(where);
	return ctx->backend;
}
