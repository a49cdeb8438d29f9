// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel refused, and which words of the user made it do so. */
#include "kernel.h"

#include <errno.h>
#include <string.h>

static void read_detail(struct refusal *r, const char *attrs, size_t size)
{
	const struct nlattr *a[NLMSGERR_ATTR_MAX + 1];

	attrs_index(a, NLMSGERR_ATTR_MAX, attrs, size);
	attr_text(a[NLMSGERR_ATTR_MSG], r->text, sizeof(r->text));
	r->has_offset = a[NLMSGERR_ATTR_OFFS];
	r->offset = attr_u32(a[NLMSGERR_ATTR_OFFS]);
	r->has_missing = a[NLMSGERR_ATTR_MISS_TYPE];
	r->missing = attr_u32(a[NLMSGERR_ATTR_MISS_TYPE]);
	r->in_nest = a[NLMSGERR_ATTR_MISS_NEST];
	r->nest = attr_u32(a[NLMSGERR_ATTR_MISS_NEST]);
}

void refusal_read(struct refusal *r, const struct nlmsghdr *nlh)
{
	const char *payload = mnl_nlmsg_get_payload(nlh);
	size_t size = mnl_nlmsg_get_payload_len(nlh), head;
	const struct nlmsgerr *e = (const struct nlmsgerr *)(const void *)payload;
	int number = 0;

	memset(r, 0, sizeof(*r));
	if (size >= sizeof(number))
		memcpy(&number, payload, sizeof(number));
	r->number = number < 0 ? -number : 0;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (nlh->nlmsg_type == NLMSG_DONE)
		head = sizeof(number);
	else if (size < sizeof(*e))
		return;
	else
		head = nlh->nlmsg_flags & NLM_F_CAPPED ? sizeof(*e) : offsetof(struct nlmsgerr, msg) +
		       NLMSG_ALIGN(e->msg.nlmsg_len);
	if (head < size)
		read_detail(r, payload + head, size - head);
}

static bool report_missing(struct ctx *ctx, const struct refusal *r, const struct msg *m, const struct object *o)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(m->header);
	const char *name = r->in_nest ? NULL : attr_name(genl->cmd, r->missing);
	struct where at = r->in_nest ? msg_where(m, r->nest) : o ? o->at : NOWHERE;

	if (name)
		return fail_errno(ctx, r->number, at, "%s%s%s is missing", r->text, *r->text ? ": " : "", name);
	return fail_errno(ctx, r->number, at, "%s", *r->text ? r->text : "something that the kernel needs is missing");
}

/* Where the kernel gave only a number. */
static bool report_number(struct ctx *ctx, const struct refusal *r, const struct object *o)
{
	const char *kind = o ? kind_names[o->kind] : "", *name = o ? o->name : "";
	struct where at = o ? o->at : NOWHERE;

	switch (r->number) {
	case EEXIST:
		if (o)
			return fail_errno(ctx, r->number, at, "%s '%s' exists already", kind, name);
		break;
	case ENOENT:
		if (o)
			return fail_errno(ctx, r->number, at, "there is no %s '%s'", kind, name);
		break;
	case EBUSY:
		if (o)
			return fail_errno(ctx, r->number, at, "%s '%s' is in use", kind, name);
		break;
	case EOPNOTSUPP:
		return fail_errno(ctx, r->number, at,
				  "the kernel's nf_alg does not know this command: its version is another");
	}
	return fail_errno(ctx, r->number, at, "the kernel refused: %s", strerror(r->number));
}

/*
 * Kernels before 6.6 don't say which attribute a dump was refused for: it is the first that the user gave, for protocols
 * are checked here.
 */
static struct where place_of(const struct refusal *r, const struct msg *m)
{
	bool dump = (m->header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;

	if (r->has_offset)
		return msg_where(m, r->offset);
	return dump && m->nplaces ? m->places[0].at : NOWHERE;
}

bool refusal_report(struct ctx *ctx, const struct refusal *r, const struct msg *m, const struct object *o)
{
	struct where at = place_of(r, m);
	const char *text;

	if (r->number == EPERM && !*r->text) {
		fail_errno(ctx, r->number, NOWHERE, "not permitted");
		error_hint(ctx, "this needs CAP_NET_ADMIN in the network namespace: use sudo");
		return false;
	}
	if (r->has_missing)
		return report_missing(ctx, r, m, o);
	if (!*r->text && !r->has_offset)
		return report_number(ctx, r, o);
	if (o && !at.line && !at.column)
		at = o->at;
	text = *r->text ? r->text : strerror(r->number);
	return o ? fail_errno(ctx, r->number, at, "%s '%s': %s", kind_names[o->kind], o->name, text) :
		   fail_errno(ctx, r->number, at, "%s", text);
}
