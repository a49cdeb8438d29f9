/* SPDX-License-Identifier: GPL-2.0-only */
/* A pinhole's own data. */
#ifndef NF_ALG_PINHOLE_H
#define NF_ALG_PINHOLE_H

#include "nf_alg.h"
#include "public.h"

#define NF_ALG_HOLE_SECONDS_MAX	(1u << 20)	/* conntrack's clock for expectations goes round at 2^31 jiffies */

enum nf_alg_hole_state {
	HOLE_NEW,	/* conntrack is being given the expectation */
	HOLE_PENDING,	/* the expectation stands */
	HOLE_ACTIVE,	/* the announced connection came; @child is valid */
	HOLE_CLOSED,	/* taken down by whoever made this change */
};

#define NF_ALG_HOLE_OTHERS	16

/* The last children of a permanent pinhole before its last one; those before them end by themselves. */
struct nf_alg_hole_others {
	unsigned int n;		/* so many came */
	struct nf_conntrack_tuple child[NF_ALG_HOLE_OTHERS];
};

/**
 * struct nf_alg_hole - an expectation and what we know about it
 * @claim:	in the table of public endpoints; namespace, zone, where it leads
 * @state:	enum nf_alg_hole_state; changed by cmpxchg only, each change once
 * @exp:	the expectation, with a reference of ours. When it is the last one, conntrack has let go of it. Its tuple is the
 *		public endpoint (destination) and who may come (source)
 * @ref:	one until it is closed, one for each owner
 * @owners:	who opened it with a handle; under nf_alg_claims_lock
 * @used_up:	the expectation must not be used again: it was closed while conntrack was given it
 * @translated:	the child needs nf_alg_nat
 * @assigned:	the session stands on a service of the policy
 * @permanent:	stays pending when children come
 * @control:	children are control connections
 * @has_child:	@child is valid
 * @keep_master: the control connection lives as long as packets come through the child
 * @doomed:	the child is to be killed once it is confirmed
 * @gone:	it is in no table any more; under nf_alg_claims_lock
 * @src_min:	port block that the child's source port must stay in, 0: none
 * @src_max:	its end
 * @account:	the tenant's, with a reference until it is closed, or NULL
 * @tenant:	its id, 0 if none
 * @proto:	whose; valid while the pinhole stands
 * @protocol:	its number
 * @public:	endpoint that it leads through, with a reference until it is closed, or NULL
 * @source:	the child's source, likewise
 * @id:		number, growing in the namespace
 * @call:	number of the call
 * @timeout:	seconds that it stays pending
 * @idle:	seconds without a packet after which the child ends, 0: conntrack's own
 * @tended:	the child's expiry as the collector left it: another one tells of packets
 * @pair:	the other direction's, with a reference, from nf_alg_hole_pair() until one of both is closed; or NULL
 * @opened:	jiffies
 * @until:	jiffies, when pending
 * @used:	jiffies, when the last child came; 0: none did
 * @ring:	with others of one owner at one public endpoint, of which one is in the table for all; under nf_alg_claims_lock
 * @list:	in the namespace's list for its @id
 * @rcu:	how it is freed
 * @master:	the control connection's original tuple
 * @child:	original tuple of the announced connection; of the last one when @permanent, then under nf_alg_claims_lock
 * @others:	children before that one, which end with it, likewise; NULL: there is none
 *
 * All is set before the pinhole is visible but @state, @used_up, @owners, @has_child, @doomed, @gone, @pair, @child, @used,
 * @timeout and @until.
 */
struct nf_alg_hole {
	struct nf_alg_claim claim;
	int state;
	struct nf_conntrack_expect *exp;
	refcount_t ref;
	u32 owners;
	bool used_up;
	bool translated;
	bool assigned;
	bool permanent;
	bool control;
	bool keep_master;
	bool has_child;
	bool doomed;
	bool gone;
	u16 src_min, src_max;
	struct nf_alg_account *account;
	u32 tenant;
	const struct nf_alg_proto *proto;
	enum nf_alg_protocol protocol;
	struct nf_alg_public *public, *source;
	u32 id;
	u32 call;
	u32 timeout;
	u32 idle;
	u32 tended;
	struct nf_alg_hole *pair;
	unsigned long opened, until, used;
	struct list_head ring;
	struct list_head list;
	struct rcu_head rcu;
	struct nf_conntrack_tuple master;
	struct nf_conntrack_tuple child;
	struct nf_alg_hole_others *others;
};

static inline struct net *nf_alg_hole_net(const struct nf_alg_hole *hole)
{
	return hole->claim.net;
}

/* alg/pinhole.c; all but the last three in any context */
bool nf_alg_hole_close(struct nf_alg_hole *hole, enum nf_alg_reason reason);	/* a pending one; false: it is not */
void nf_alg_hole_end(struct nf_alg_hole *hole);
void nf_alg_hole_put(struct nf_alg_hole *hole);
void nf_alg_hole_discard(struct nf_alg_hole *hole);			/* one that never stood; the account is the caller's */
void nf_alg_hole_check(struct nf_alg_hole *hole);				/* what the collector does */
void nf_alg_hole_info(const struct nf_alg_hole *hole, struct nf_alg_pinhole_info *info);
void nf_alg_hole_event(const struct nf_alg_hole *hole, enum nf_alg_event event);
bool nf_alg_hole_allowed(const struct nf_alg_hole *hole);			/* by the configuration; under RCU */
struct nf_alg_hole *nf_alg_hole_new(struct nf_conn *ct);			/* only @exp is set; softirqs are off */
void nf_alg_hole_forget(struct nf_alg_hole *hole);				/* nobody saw it */
void nf_alg_hole_stand_for(struct nf_alg_hole *hole, struct nf_alg_hole *other);	/* in the table; under nf_alg_claims_lock */
int nf_alg_hole_init(void);
void nf_alg_hole_disarm(void);
void nf_alg_hole_exit(void);

/* Of a pending pinhole: conntrack let go of the expectation. */
static inline bool nf_alg_hole_exp_gone(const struct nf_alg_hole *hole)
{
	return refcount_read(&hole->exp->use) == 1;
}

/* alg/pinhole_child.c */
struct nf_conn *nf_alg_hole_child(const struct nf_alg_hole *hole);		/* with a reference, or NULL */
bool nf_alg_hole_child_lives(const struct nf_alg_hole *hole);
void nf_alg_hole_clear(const struct nf_alg_hole *hole);				/* kills who came before it stood */
bool nf_alg_hole_tend_child(struct nf_alg_hole *hole);				/* the collector's: false, it is gone */
bool nf_alg_hole_kill_child(const struct nf_alg_hole *hole);			/* true: there is none any more */
void nf_alg_hole_kill_children(const struct nf_alg_hole *hole);		/* of a permanent one */
void nf_alg_hole_expected(struct nf_conn *ct, struct nf_conntrack_expect *exp);	/* expectfn */

/* alg/pinhole_net.c */
void nf_alg_hole_list(struct nf_alg_hole *hole);	/* gives it its number */
void nf_alg_hole_unlist(struct nf_alg_hole *hole);
void nf_alg_hole_collect(struct net *net);

#endif /* NF_ALG_PINHOLE_H */
