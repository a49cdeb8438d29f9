/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tests' kernel: what its parts share. */
#ifndef ALGCTL_FAKE_KERNEL_H
#define ALGCTL_FAKE_KERNEL_H

#include "model.h"
#include "msg.h"
#include "transport.h"

/* One request, and where its answers go. */
struct call {
	struct transport *t;
	const struct nlmsghdr *request;
	uint8_t command;
	struct objects *list;	/* what it works on */
};

/* The request's attribute, the last of that type, or NULL. */
const struct nlattr *attribute(const struct call *c, uint16_t type);

/* Answers: a message to be filled in and queued, a refusal (evaluates to @error), the end of a dump. */
struct nlmsghdr *reply_start(char *buffer, const struct call *c, uint16_t flags);
void queue(struct transport *t, const struct nlmsghdr *nlh);
int refuse(const struct call *c, int error, const struct nlattr *bad, const char *text);
void answer_done(const struct call *c);

void step(void);	/* kill.c */

/* fake_state.c: pinholes, calls, registrations, tunnels. 0: acknowledge, above: refused already, below: answered already. */
int states_get(const struct call *c);
int states_del(const struct call *c);
void queue_events(struct transport *t);		/* what a listener hears */

#endif /* ALGCTL_FAKE_KERNEL_H */
