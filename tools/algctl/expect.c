// SPDX-License-Identifier: GPL-2.0-or-later
#include "expect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

static void read_end(struct address *out, const struct nf_conntrack *ct, bool source)
{
	bool six = nfct_get_attr_u8(ct, ATTR_L3PROTO) == AF_INET6;
	const void *bytes = nfct_get_attr(ct, source ? (six ? ATTR_IPV6_SRC : ATTR_IPV4_SRC) :
					  (six ? ATTR_IPV6_DST : ATTR_IPV4_DST));

	if (!bytes)
		return;
	out->size = six ? 16 : 4;
	memcpy(out->bytes, bytes, out->size);
	out->has_port = true;
	out->port = ntohs(nfct_get_attr_u16(ct, source ? ATTR_PORT_SRC : ATTR_PORT_DST));
}

static int take(enum nf_conntrack_msg_type type, struct nf_expect *exp, void *data)
{
	const struct nf_conntrack *to = nfexp_get_attr(exp, ATTR_EXP_EXPECTED);
	const struct nf_conntrack *master = nfexp_get_attr(exp, ATTR_EXP_MASTER);
	bool has_helper = nfexp_attr_is_set(exp, ATTR_EXP_HELPER_NAME);
	struct expectation_list *list = data;
	struct expectation *e;

	(void)type;
	if (!to || !master)
		return NFCT_CB_CONTINUE;
	list->v = grow(list->v, list->n, &list->room, sizeof(*list->v));
	e = &list->v[list->n++];
	read_end(&e->to, to, false);
	read_end(&e->master, master, true);
	e->transport = nfct_get_attr_u8(to, ATTR_L4PROTO);
	e->zone = nfexp_get_attr_u16(exp, ATTR_EXP_ZONE);
	e->timeout = nfexp_get_attr_u32(exp, ATTR_EXP_TIMEOUT);
	e->flags = nfexp_get_attr_u32(exp, ATTR_EXP_FLAGS);
	e->class = nfexp_get_attr_u32(exp, ATTR_EXP_CLASS);
	if (has_helper)
		snprintf(e->helper, sizeof(e->helper), "%s", (const char *)nfexp_get_attr(exp, ATTR_EXP_HELPER_NAME));
	return NFCT_CB_CONTINUE;
}

static int key_order(const struct expectation *a, const struct expectation *b)
{
	int order = memcmp(a->to.bytes, b->to.bytes, sizeof(a->to.bytes));

	if (!order)
		order = (int)a->to.port - (int)b->to.port;
	if (!order)
		order = (int)a->transport - (int)b->transport;
	if (!order)
		order = memcmp(a->master.bytes, b->master.bytes, sizeof(a->master.bytes));
	if (!order)
		order = (int)a->master.port - (int)b->master.port;
	return order ? order : (int)a->zone - (int)b->zone;
}

static int expectation_order(const void *a, const void *b)
{
	return key_order(a, b);
}

void expectations_read(struct expectation_list *list)
{
	uint32_t family = AF_UNSPEC;
	struct nfct_handle *h;

	if (getenv("ALGCTL_DRY")) {
		list->error = ENOTSUP;
		return;
	}
	h = nfct_open(EXPECT, 0);
	if (!h) {
		list->error = errno ? errno : EIO;
		return;
	}
	nfexp_callback_register(h, NFCT_T_ALL, take, list);
	if (nfexp_query(h, NFCT_Q_DUMP, &family) < 0)
		list->error = errno ? errno : EIO;
	nfct_close(h);
	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), expectation_order);
}

const struct expectation *expectation_of(const struct expectation_list *list, const struct pinhole *p)
{
	struct expectation key = {
		.to = p->public, .master = p->master_source, .transport = (uint8_t)p->transport,
		.zone = (uint16_t)p->zone
	};

	if (!list->n || p->state != NF_ALG_PINHOLE_STATE_PENDING)
		return NULL;
	return bsearch(&key, list->v, list->n, sizeof(*list->v), expectation_order);
}

void expectation_flags(const struct expectation *e, struct words *out)
{
	static const struct { uint32_t bit; const char *name; } names[] = {
		{ NF_CT_EXPECT_PERMANENT, "permanent" }, { NF_CT_EXPECT_INACTIVE, "inactive" },
		{ NF_CT_EXPECT_USERSPACE, "userspace" },
	};
	uint32_t left = e->flags;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (left & names[i].bit)
			words_add(out, names[i].name);
		left &= ~names[i].bit;
	}
	if (left)
		words_addf(out, "0x%x", left);
}
