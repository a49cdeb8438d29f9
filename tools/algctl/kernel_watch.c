// SPDX-License-Identifier: GPL-2.0-or-later
/* Events of the family's multicast group. */
#include "kernel.h"

#include <errno.h>
#include <string.h>

#include "state.h"

static const uint16_t state_attrs[STATE_KINDS] = {
	[STATE_PINHOLE] = NF_ALG_A_EVENT_PINHOLE,
	[STATE_CALL] = NF_ALG_A_EVENT_CALL,
	[STATE_REGISTRATION] = NF_ALG_A_EVENT_REGISTRATION,
	[STATE_TUNNEL] = NF_ALG_A_EVENT_TUNNEL,
};

static void event_get(struct event *e, const struct nlmsghdr *nlh)
{
	const struct nlattr *a[NF_ALG_A_EVENT_MAX + 1];

	memset(e, 0, sizeof(*e));
	fields_get(event_fields, e, msg_attrs(nlh), msg_attrs_size(nlh));
	attrs_index(a, NF_ALG_A_EVENT_MAX, msg_attrs(nlh), msg_attrs_size(nlh));
	for (int kind = 0; kind < STATE_KINDS && !e->state; kind++)
		if (a[state_attrs[kind]])
			e->state = state_get((enum state_kind)kind, a[state_attrs[kind]]);
}

static bool take_events(struct ctx *ctx, ssize_t n, bool (*seen)(struct ctx *, const struct event *, void *),
			void *data)
{
	struct kernel *k = kernel_of(ctx);
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)k->reply;
	struct event e;
	bool more;

	for (int left = (int)n; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type != k->family)
			continue;
		event_get(&e, nlh);
		more = seen(ctx, &e, data);
		state_free(e.state);
		if (!more)
			return false;
	}
	return true;
}

bool kernel_watch(struct ctx *ctx, bool (*seen)(struct ctx *ctx, const struct event *e, void *data), void *data)
{
	static const struct event lost = { .lost = true };
	struct kernel *k = kernel_of(ctx);

	if (k->dry)
		return true;
	if (!k->group || transport_join(k->transport, k->group) < 0)
		return fail_errno(ctx, k->group ? errno : ENOENT, NOWHERE, "events: %s",
				  k->group ? strerror(errno) : "the kernel's nf_alg has no such group");
	for (;;) {
		ssize_t n = transport_receive(k->transport, k->reply, sizeof(k->reply), 1);

		if (n < 0 && errno == ENOBUFS) {
			if (!seen(ctx, &lost, data))
				return true;
		} else if (n < 0) {
			return fail_errno(ctx, errno, NOWHERE, "events: %s", strerror(errno));
		} else if (!take_events(ctx, n, seen, data)) {
			return true;
		}
	}
}
