/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One change: a transaction of the store with its entries in the log, and last the kernel. When anything refuses,
 * everything is as before and the log says what was refused. With --dry-run everything is as before in any case; the
 * kernel has checked it then.
 */
#ifndef ALGCTL_OPERATION_H
#define ALGCTL_OPERATION_H

#include "config.h"
#include "version.h"

typedef bool operation_fn(struct store *s, void *data);

/**
 * struct outcome - what became of it
 * @changes:	of the kernel, between @running and @wanted; only when tenants were concerned
 * @gone:	versions that were deleted automatically
 */
struct outcome {
	struct objects running, wanted;
	struct changes changes;
	bool kernel;
	struct refs gone;
};

bool operation_run(struct ctx *ctx, operation_fn *work, void *data, struct outcome *out);	/* @out may be NULL */
void operation_refused(struct store *s);	/* into the log, in a transaction of its own */
void outcome_free(struct outcome *out);

/* What the store wants the kernel to have. */
bool compile(struct store *s, struct objects *out);

/*
 * The kernel, which is ctx->backend, as @out->wanted has it, sorted: one object in one request, more of them in one
 * transaction. @out->running and @out->changes are filled.
 */
bool kernel_bring(struct ctx *ctx, struct outcome *out);

/* The work of bringing the kernel back to the store, which has no fleet. */
operation_fn operation_restore;

/* Compares the two without changing either: @out has what would have to change. */
bool drift(struct ctx *ctx, struct outcome *out);

#endif /* ALGCTL_OPERATION_H */
