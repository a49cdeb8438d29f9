// SPDX-License-Identifier: GPL-2.0-or-later
/* Replacing the whole configuration: a transaction whose objects travel many to a datagram. */
#include "kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_SIZE = 128 * 1024 };

static void get_generation(void *data, const struct nlmsghdr *nlh)
{
	const struct nlattr *a[NF_ALG_A_CONFIG_MAX + 1];

	attrs_index(a, NF_ALG_A_CONFIG_MAX, msg_attrs(nlh), msg_attrs_size(nlh));
	if (a[NF_ALG_A_CONFIG_GENERATION])
		*(uint32_t *)data = attr_u32(a[NF_ALG_A_CONFIG_GENERATION]);
}

bool kernel_begin(struct ctx *ctx, uint32_t *generation)
{
	struct msg m = { 0 };
	bool good;

	*generation = 0;
	request_start(kernel_of(ctx), &m, NF_ALG_CMD_CONFIG_BEGIN, NLM_F_ACK);
	good = request_run(ctx, &m, get_generation, generation, NULL) == 0;
	msg_free(&m);
	return good;
}

/* Objects replace what the transaction begins with (the policy "default"); names were checked to be unique. */
static void put_object(struct kernel *k, struct msg *m, void *buffer, size_t size, const struct object *o,
		       uint32_t sequence)
{
	msg_start(m, buffer, size, k->family, set_commands[o->kind], NLM_F_CREATE | NLM_F_REPLACE, sequence);
	object_put(m, o);
}

/* Was it refused because something it names was? That has been told already. */
static bool follows(const struct objects *list, const struct object *o)
{
	const struct object *named = NULL;

	if (o->kind == KIND_TENANT)
		named = objects_find(list, KIND_POLICY, ((const struct tenant *)o)->policy);
	for (int i = 0; i < PROTOCOLS && o->kind == KIND_POLICY; i++) {
		const struct rule *r = ((const struct policy *)o)->rule[i];

		for (size_t j = 0; r && j < r->services.n && (!named || !named->refused); j++)
			named = objects_find(list, KIND_SERVICE, r->services.v[j]);
	}
	return named && named->refused;
}

/* The message that was refused is built once more, this time remembering what came from where. */
static void report(struct ctx *ctx, const struct refusal *r, const struct object *o)
{
	struct kernel *k = kernel_of(ctx);
	struct msg m = { .track = true };

	put_object(k, &m, k->request, sizeof(k->request), o, 0);
	refusal_report(ctx, r, &m, o);
	msg_free(&m);
}

/* Only refusals are answered: takes those that are there. */
static bool take_refusals(struct ctx *ctx, const struct objects *list, uint32_t base)
{
	struct kernel *k = kernel_of(ctx);
	bool good = true;
	ssize_t n;

	while ((n = transport_receive(k->transport, k->reply, sizeof(k->reply), 0)) >= 0) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)k->reply;

		for (int left = (int)n; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			uint32_t i = nlh->nlmsg_seq - base;
			struct refusal r;

			if (nlh->nlmsg_type != NLMSG_ERROR || i >= list->n)
				continue;
			refusal_read(&r, nlh);
			if (!r.number)
				continue;
			list->v[i]->refused = true;
			if (r.number != ENOENT || !follows(list, list->v[i]))
				report(ctx, &r, list->v[i]);
			good = false;
		}
	}
	if (errno == EAGAIN)
		return good;
	return fail_errno(ctx, errno, NOWHERE, errno == ENOBUFS ? "the kernel refused more than it could tell" :
			  "netlink: reading failed");
}

static bool send_batch(struct ctx *ctx, const char *batch, size_t size, const struct objects *list, uint32_t base)
{
	struct kernel *k = kernel_of(ctx);

	if (!size)
		return true;
	if (transport_send(k->transport, batch, size) < 0)
		return fail_errno(ctx, errno, NOWHERE, "netlink: %s", strerror(errno));
	return take_refusals(ctx, list, base);
}

static bool load(struct ctx *ctx, const struct objects *list, char *batch)
{
	struct kernel *k = kernel_of(ctx);
	uint32_t base = k->sequence + 1;
	struct msg m = { 0 };
	size_t size = 0;
	bool good = true;

	k->sequence += (uint32_t)list->n;
	for (uint32_t i = 0; i < list->n; i++) {
		put_object(k, &m, batch + size, MSG_SIZE, list->v[i], base + i);
		if (m.full)
			return fail(ctx, ALGCTL_USAGE, list->v[i]->at, "this is more than one request can carry");
		if (k->dry)
			msg_print(ctx->out, m.header);
		else
			size += MNL_ALIGN(m.header->nlmsg_len);
		if (size < BATCH_SIZE)
			continue;
		good &= send_batch(ctx, batch, size, list, base);
		size = 0;
		if (ctx->errors_left_out)
			return false;
	}
	return send_batch(ctx, batch, size, list, base) && good;
}

bool kernel_load(struct ctx *ctx, const struct objects *list)
{
	char *batch = zalloc(BATCH_SIZE + MSG_SIZE);
	bool good = load(ctx, list, batch);

	free(batch);
	return good;
}

bool kernel_commit(struct ctx *ctx, uint32_t generation, uint32_t *now)
{
	struct msg m = { 0 };
	bool good;

	*now = generation;
	request_start(kernel_of(ctx), &m, NF_ALG_CMD_CONFIG_COMMIT, NLM_F_ACK);
	msg_put_u32(&m, NF_ALG_A_CONFIG_GENERATION, generation, NOWHERE);
	good = request_run(ctx, &m, get_generation, now, NULL) == 0;
	msg_free(&m);
	if (!good && ctx->nerrors && ctx->errors[ctx->nerrors - 1].number == ESTALE)
		error_hint(ctx, "somebody else changed the configuration meanwhile; nothing was applied: look at it "
				"and try again");
	return good;
}

void kernel_abort(struct ctx *ctx)
{
	bool quiet = ctx->quiet;
	struct msg m = { 0 };

	ctx->quiet = true;
	request_start(kernel_of(ctx), &m, NF_ALG_CMD_CONFIG_ABORT, NLM_F_ACK);
	request_run(ctx, &m, NULL, NULL, NULL);
	ctx->quiet = quiet;
	msg_free(&m);
}
