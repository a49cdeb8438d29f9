// SPDX-License-Identifier: GPL-2.0-only
/* Which ALGs are loaded, and their conntrack helpers. */
#include <linux/module.h>
#include <linux/mutex.h>

#include "nf_alg.h"

/*
 * Conntrack refuses two helpers with equal port; nothing looks the port up any more. Ours lie where no other helper's does, so
 * that both can be loaded.
 */
#define HELPER_PORT_BASE	65000

/*
 * Longest lifetime and most expectations of one connection that a rule may ask for (policy/options.def). A trunk has as many calls
 * as its tenant may have: conntrack, which would make room by evicting the oldest, sets no limit there.
 */
#define EXPECT_SECONDS_MAX	3600
#define EXPECT_COUNT_MAX	NF_CT_EXPECT_MAX_CNT

static DEFINE_MUTEX(protos_mutex);	/* writers of protos */
static struct nf_alg_proto __rcu *protos[NF_ALG_PROTOCOLS];
static u32 protos_before;		/* mask of those that were unloaded */

struct nf_conntrack_helper *nf_alg_protocol_helper(enum nf_alg_protocol id, u16 l3num, u8 l4proto)
{
	struct nf_alg_proto *proto = rcu_dereference(protos[id]);
	unsigned int i;

	if (!proto)
		return NULL;
	for (i = 0; i < proto->n_helpers; i++) {
		struct nf_conntrack_helper *h = &proto->helpers[i];

		if (h->tuple.src.l3num == l3num && h->tuple.dst.protonum == l4proto)
			return h;
	}
	return NULL;
}
EXPORT_SYMBOL_GPL(nf_alg_protocol_helper);

u32 nf_alg_protocols_loaded(void)
{
	u32 mask = 0;
	int i;

	for (i = 0; i < NF_ALG_PROTOCOLS; i++)
		if (rcu_access_pointer(protos[i]))
			mask |= 1U << i;
	return mask;
}

bool nf_alg_protocol_reloaded(enum nf_alg_protocol id)
{
	return READ_ONCE(protos_before) & (1U << id);
}
EXPORT_SYMBOL_GPL(nf_alg_protocol_reloaded);

const struct nf_alg_call_ops *nf_alg_protocol_calls_get(enum nf_alg_protocol id)
{
	const struct nf_alg_call_ops *ops = NULL;
	const struct nf_alg_proto *proto;

	rcu_read_lock();
	proto = rcu_dereference(protos[id]);
	if (proto && proto->calls && try_module_get(proto->owner))
		ops = proto->calls;
	rcu_read_unlock();
	return ops;
}

/* The reference keeps the protocol registered. */
void nf_alg_protocol_put(enum nf_alg_protocol id)
{
	const struct nf_alg_proto *proto;

	rcu_read_lock();
	proto = rcu_dereference(protos[id]);
	if (proto)
		module_put(proto->owner);
	rcu_read_unlock();
}

unsigned int nf_alg_calls_close(struct net *net, u32 tenant)
{
	const struct nf_alg_call_ops *ops;
	unsigned int n = 0;
	int id;

	for (id = 0; id < NF_ALG_PROTOCOLS; id++) {
		ops = nf_alg_protocol_calls_get(id);
		if (!ops)
			continue;
		n += ops->close_tenant(net, tenant);
		nf_alg_protocol_put(id);
	}
	return n;
}
EXPORT_SYMBOL_GPL(nf_alg_calls_close);

void nf_alg_calls_revise(struct net *net)
{
	const struct nf_alg_call_ops *ops;
	int id;

	for (id = 0; id < NF_ALG_PROTOCOLS; id++) {
		ops = nf_alg_protocol_calls_get(id);
		if (!ops)
			continue;
		if (ops->revise)
			ops->revise(net);
		nf_alg_protocol_put(id);
	}
}

/* ctnetlink may set the helper on a connection that conntrackd brings from another box: nothing to take from it. */
static int helper_from_nlattr(struct nlattr *attr, struct nf_conn *ct)
{
	return 0;
}

static void helper_add(struct nf_alg_proto *proto, u16 l3num, u8 l4proto)
{
	struct nf_conntrack_helper *h = &proto->helpers[proto->n_helpers++];
	u16 port = HELPER_PORT_BASE + proto->id;

	nf_ct_helper_init(h, l3num, l4proto, proto->name, port, port, proto->id, &proto->expect_policy, 0, proto->help,
			  helper_from_nlattr, proto->owner);
	h->destroy = proto->destroy ?: nf_alg_session_destroy;
}

static void helpers_fill(struct nf_alg_proto *proto)
{
	proto->expect_policy.max_expected = proto->calls ? 0 : EXPECT_COUNT_MAX;
	proto->expect_policy.timeout = EXPECT_SECONDS_MAX;
	strscpy(proto->expect_policy.name, proto->name, sizeof(proto->expect_policy.name));

	memset(proto->helpers, 0, sizeof(proto->helpers));
	proto->n_helpers = 0;
	if (proto->tcp) {
		helper_add(proto, NFPROTO_IPV4, IPPROTO_TCP);
		helper_add(proto, NFPROTO_IPV6, IPPROTO_TCP);
	}
	if (proto->udp) {
		helper_add(proto, NFPROTO_IPV4, IPPROTO_UDP);
		helper_add(proto, NFPROTO_IPV6, IPPROTO_UDP);
	}
}

/**
 * nf_alg_proto_register() - makes an ALG known to conntrack and to the policy
 * @proto:	filled in up to @owner; must stay until nf_alg_proto_unregister()
 *
 * Context: process. Return: 0 or a negative errno.
 */
int nf_alg_proto_register(struct nf_alg_proto *proto)
{
	int err;

	BUILD_BUG_ON(sizeof(struct nf_alg_conn) > sizeof_field(struct nf_conn_help, data));
	BUILD_BUG_ON(offsetof(struct nf_alg_conn, port) != 16);

	proto->cache = kmem_cache_create(proto->name, sizeof(struct nf_alg_session) + proto->session_size, 0,
					 SLAB_HWCACHE_ALIGN, NULL);
	if (!proto->cache)
		return -ENOMEM;
	helpers_fill(proto);
	err = nf_conntrack_helpers_register(proto->helpers, proto->n_helpers);
	if (err) {
		pr_err("nf_alg: conntrack refuses helper %s: %d\n", proto->name, err);
		kmem_cache_destroy(proto->cache);
		return err;
	}
	mutex_lock(&protos_mutex);
	rcu_assign_pointer(protos[proto->id], proto);
	mutex_unlock(&protos_mutex);
	return 0;
}
EXPORT_SYMBOL_GPL(nf_alg_proto_register);

/**
 * nf_alg_proto_unregister() - takes an ALG out of service
 * @proto:	registered
 *
 * On return no connection, expectation, session or running packet refers to it. Live control connections go on without ALG.
 *
 * Context: process, may sleep long.
 */
void nf_alg_proto_unregister(struct nf_alg_proto *proto)
{
	mutex_lock(&protos_mutex);
	RCU_INIT_POINTER(protos[proto->id], NULL);
	protos_before |= 1U << proto->id;
	mutex_unlock(&protos_mutex);
	synchronize_rcu();	/* the assignment hook gives it to nobody from here on */

	nf_conntrack_helpers_unregister(proto->helpers, proto->n_helpers);
	synchronize_rcu();	/* no ->help and no ->destroy runs */
	nf_alg_pinhole_flush(proto);
	nf_alg_session_flush(proto);
	rcu_barrier();		/* sessions have ended */
	rcu_barrier();		/* and are back in the cache */
	kmem_cache_destroy(proto->cache);
}
EXPORT_SYMBOL_GPL(nf_alg_proto_unregister);
