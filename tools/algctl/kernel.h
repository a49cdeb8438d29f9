/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel as backend: what kernel.c (requests), kernel_error.c (refusals), kernel_config.c (transactions) share. */
#ifndef ALGCTL_KERNEL_H
#define ALGCTL_KERNEL_H

#include "backend.h"
#include "msg.h"
#include "transport.h"

struct kernel {
	struct backend backend;
	struct transport *transport;
	uint16_t family;
	uint32_t group;			/* of the events */
	uint32_t sequence;
	bool dry;			/* print requests instead of sending them */
	_Alignas(8) char request[MSG_SIZE];
	_Alignas(8) char reply[MSG_SIZE];
};

/* What an error message of the kernel says. */
struct refusal {
	int number;		/* errno */
	char text[256];
	bool has_offset, has_missing, in_nest;
	uint32_t offset, missing, nest;
};

static inline struct kernel *kernel_of(struct ctx *ctx)
{
	return (struct kernel *)ctx->backend;
}

/* From an NLMSG_ERROR or NLMSG_DONE message; @number is 0 when it is none but an acknowledgement. */
void refusal_read(struct refusal *r, const struct nlmsghdr *nlh);

/* Reports it at the words that made the attribute it names. @o: whom the request was about, or NULL. */
bool refusal_report(struct ctx *ctx, const struct refusal *r, const struct msg *m, const struct object *o);

/* Starts a request in the kernel's buffer. */
void request_start(struct kernel *k, struct msg *m, uint8_t command, uint16_t flags);

/* Sends it, calls @reply for every message that answers, until the acknowledgement. -1: a dump was interrupted. */
typedef void reply_fn(void *data, const struct nlmsghdr *nlh);
int request_run(struct ctx *ctx, struct msg *m, reply_fn *reply, void *data, const struct object *o);

/* The same for a request that only changes something, and frees it. */
bool request_simple(struct ctx *ctx, struct msg *m, const struct object *o);

/*
 * The same for a dump, and frees it. One that a change interrupted is begun again, after @forget; when changes don't end,
 * that is said.
 */
bool request_dump(struct ctx *ctx, struct msg *m, reply_fn *reply, void *data, void (*forget)(void *data));

bool kernel_begin(struct ctx *ctx, uint32_t *generation);
bool kernel_load(struct ctx *ctx, const struct objects *list);
bool kernel_commit(struct ctx *ctx, uint32_t generation, uint32_t *now);
void kernel_abort(struct ctx *ctx);
bool kernel_watch(struct ctx *ctx, bool (*seen)(struct ctx *ctx, const struct event *e, void *data), void *data);
bool kernel_states(struct ctx *ctx, enum state_kind kind, const struct query *q, struct state_list *out);
bool kernel_state_del(struct ctx *ctx, enum state_kind kind, const struct query *q);

extern const uint8_t set_commands[KINDS];

#endif /* ALGCTL_KERNEL_H */
