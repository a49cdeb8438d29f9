/* SPDX-License-Identifier: GPL-2.0-only */
/* A pinhole's own data: alg/pinhole.c keeps them, alg/expect.c makes the expectation behind each. */
#ifndef NF_ALG_PINHOLE_H
#define NF_ALG_PINHOLE_H

#include <linux/rhashtable.h>

#include "nf_alg.h"

/* What makes a public endpoint unique in a namespace. Zeroed before it is filled: it is hashed as bytes. */
struct nf_alg_hole_key {
	const struct net *net;
	u8 addr[16];
	u16 port;
	u8 family;
	u8 l4proto;
	u32 pad;
};

enum nf_alg_hole_state {
	HOLE_PENDING,	/* the expectation stands */
	HOLE_ACTIVE,	/* the announced connection came; @child is valid */
	HOLE_CLOSED,	/* taken down by whoever made this change */
};

/**
 * struct nf_alg_hole - an expectation and what we know about it
 * @id:		index in the namespace's table
 * @node:	in the table of public endpoints
 * @key:	public endpoint
 * @exp:	the expectation, with a reference of ours. When it is the last one, conntrack has let go of it.
 * @net:	namespace; its exit closes all pinholes
 * @state:	enum nf_alg_hole_state; changed by cmpxchg only, each change once
 * @account:	the tenant's, with a reference, or NULL
 * @proto:	whose; valid while the pinhole stands
 * @target:	the announced endpoint as its owner knows it
 * @peer:	who may come
 * @master:	the control connection's original tuple
 * @zone:	its conntrack zone
 * @translated:	the child needs nf_alg_nat
 * @assigned:	the session stands on a service of the policy
 * @src_min, @src_max: port block that the child's source port must stay in, 0: none
 * @child:	original tuple of the announced connection
 * @opened, @used: jiffies
 * @timeout:	seconds that it stays pending
 *
 * Everything but @state, @child and @used is set before the pinhole is visible. Freed by RCU.
 */
struct nf_alg_hole {
	u32 id;
	struct rhlist_head node;
	struct nf_alg_hole_key key;
	struct nf_conntrack_expect *exp;
	struct net *net;
	int state;
	struct nf_alg_account *account;
	const struct nf_alg_proto *proto;
	struct alg_endpoint target;
	struct alg_endpoint peer;
	struct nf_conntrack_tuple master;
	struct nf_conntrack_zone zone;
	bool translated;
	bool assigned;
	u16 src_min, src_max;
	struct nf_conntrack_tuple child;
	unsigned long opened, used;
	u32 timeout;
	struct rcu_head rcu;
};

#endif /* NF_ALG_PINHOLE_H */
