/* SPDX-License-Identifier: GPL-2.0-only */
/* A pinhole's own data. */
#ifndef NF_ALG_PINHOLE_H
#define NF_ALG_PINHOLE_H

#include "nf_alg.h"

enum nf_alg_hole_state {
	HOLE_PENDING,	/* the expectation stands */
	HOLE_ACTIVE,	/* the announced connection came; @child is valid */
	HOLE_CLOSED,	/* taken down by whoever made this change */
};

/**
 * struct nf_alg_hole - an expectation and what we know about it
 * @node:	in the table of public endpoints
 * @list:	in the namespace's list for its @id
 * @rcu:	how it is freed
 * @exp:	the expectation, with a reference of ours. When it is the last one, conntrack has let go of it. Its tuple is the
 *		public endpoint (destination) and who may come (source)
 * @net:	namespace; its exit closes all pinholes
 * @account:	the tenant's, with a reference, or NULL
 * @proto:	whose; valid while the pinhole stands
 * @id:		number, growing in the namespace
 * @hash:	of the public endpoint
 * @state:	enum nf_alg_hole_state; changed by cmpxchg only, each change once
 * @timeout:	seconds that it stays pending
 * @opened:	jiffies
 * @used:	jiffies, when active
 * @target:	the announced endpoint as its owner knows it
 * @zone:	conntrack zone of the control connection
 * @armed:	conntrack has the expectation, or had it
 * @translated:	the child needs nf_alg_nat
 * @assigned:	the session stands on a service of the policy
 * @src_min:	port block that the child's source port must stay in, 0: none
 * @src_max:	its end
 * @master:	the control connection's original tuple
 * @child:	original tuple of the announced connection, when active
 *
 * Everything but @state, @armed, @child, @used and @opened is set before the pinhole is visible.
 */
struct nf_alg_hole {
	struct hlist_node node;
	struct list_head list;
	struct rcu_head rcu;
	struct nf_conntrack_expect *exp;
	struct net *net;
	struct nf_alg_account *account;
	const struct nf_alg_proto *proto;
	u32 id;
	u32 hash;
	int state;
	u32 timeout;
	unsigned long opened, used;
	struct alg_endpoint target;
	struct nf_conntrack_zone zone;
	bool armed;
	bool translated;
	bool assigned;
	u16 src_min, src_max;
	struct nf_conntrack_tuple master;
	struct nf_conntrack_tuple child;
};

/* alg/pinhole.c; all but the last three in any context */
bool nf_alg_hole_close(struct nf_alg_hole *hole, enum nf_alg_reason reason);	/* a pending one; false: it is not */
void nf_alg_hole_end(struct nf_alg_hole *hole);
void nf_alg_hole_check(struct nf_alg_hole *hole);				/* what the collector does */
void nf_alg_hole_info(const struct nf_alg_hole *hole, struct nf_alg_pinhole_info *info);
bool nf_alg_hole_allowed(const struct nf_alg_hole *hole);			/* by the configuration; under RCU */
int nf_alg_hole_init(void);
void nf_alg_hole_disarm(void);
void nf_alg_hole_exit(void);

/* alg/pinhole_net.c */
void nf_alg_hole_list(struct nf_alg_hole *hole);	/* gives it its number */
void nf_alg_hole_unlist(struct nf_alg_hole *hole);
void nf_alg_hole_collect(struct net *net);

#endif /* NF_ALG_PINHOLE_H */
