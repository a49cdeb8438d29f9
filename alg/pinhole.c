// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinholes: an expectation of conntrack each, plus whose it is, where it leads, and what became of it.
 *
 * A pinhole is pending until the announced connection comes, which makes it active until that connection is gone; a permanent one
 * stays pending. The public endpoint of both kinds is never given to somebody else. Who changes @state owns the consequences.
 *
 * Their public endpoints are in the table of alg/public.c; their births are in pinhole_open.c, their children in
 * pinhole_child.c. The namespaces' lists, for dumps, sweeps and the collector, are in pinhole_net.c.
 */
#include <linux/module.h>
#include <net/netfilter/nf_conntrack_acct.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "pinhole.h"

static struct kmem_cache *hole_cache;

/* ---- memory ---- */

/*
 * Pinholes come and go, each with an expectation, so some of both are kept for the next ones. A pinhole comes here when its grace
 * period is over, and conntrack let go of the expectation before that period began: nobody can look at either any more, as if the
 * slab had given both out anew. Per CPU, softirqs off. Memory checkers want to see every object's end.
 */
#define SPARE	64

struct hole_spare {
	unsigned int n;
	struct nf_alg_hole *hole[SPARE];
};

static DEFINE_PER_CPU(struct hole_spare, hole_spare);

static bool spare_put(struct nf_alg_hole *hole)
{
	struct hole_spare *spare = this_cpu_ptr(&hole_spare);

	if (!NF_ALG_EXP_RENEWS || IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || hole->used_up ||
	    spare->n == SPARE || refcount_read(&hole->exp->use) != 1)
		return false;
	spare->hole[spare->n++] = hole;
	return true;
}

static void hole_destroy(struct nf_alg_hole *hole)
{
	nf_ct_expect_put(hole->exp);
	kmem_cache_free(hole_cache, hole);
}

static void spare_drain(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct hole_spare *spare = per_cpu_ptr(&hole_spare, cpu);

		while (spare->n)
			hole_destroy(spare->hole[--spare->n]);
	}
}

struct nf_alg_hole *nf_alg_hole_new(struct nf_conn *ct)
{
	struct hole_spare *spare = this_cpu_ptr(&hole_spare);
	struct nf_alg_hole *hole;

	if (likely(spare->n)) {
		hole = spare->hole[--spare->n];
		nf_alg_exp_renew(hole->exp, ct);
		return hole;
	}
	hole = kmem_cache_alloc(hole_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!hole)
		return NULL;
	hole->exp = nf_ct_expect_alloc(ct);
	if (hole->exp)
		return hole;
	kmem_cache_free(hole_cache, hole);
	return NULL;
}

static void hole_put_publics(struct nf_alg_hole *hole)
{
	nf_alg_public_put(hole->public);
	nf_alg_public_put(hole->source);
}

void nf_alg_hole_forget(struct nf_alg_hole *hole)
{
	hole_put_publics(hole);
	hole_destroy(hole);
}

static void hole_free(struct rcu_head *rcu)
{
	struct nf_alg_hole *hole = container_of(rcu, struct nf_alg_hole, rcu);

	kfree(hole->others);
	hole->others = NULL;
	/* Not earlier: a reader that holds the pinhole must not meet another expectation at the same address. */
	if (!spare_put(hole))
		hole_destroy(hole);
}

void nf_alg_hole_put(struct nf_alg_hole *hole)
{
	if (refcount_dec_and_test(&hole->ref))
		call_rcu(&hole->rcu, hole_free);
}

/* ---- in the table ---- */

/*
 * Whoever announces one endpoint again and again has a pinhole for each time, as long as the connections live that came through
 * them: as many as he likes. Only the last one is in the table; the others, whose expectations have gone, are in a ring with it.
 * They hold the public endpoint, no less, but nobody who opens a pinhole has to walk by all of them.
 */
#define RING_LOOK	8

/* @hole is in the table instead of @other, for all that @other stood for, too. */
void nf_alg_hole_stand_for(struct nf_alg_hole *hole, struct nf_alg_hole *other)
{
	lockdep_assert_held(&nf_alg_claims_lock);
	hlist_del_init_rcu(&other->claim.node);
	list_splice(&other->ring, &hole->ring);
	list_add(&other->ring, &hole->ring);
}

/* Another of the ring is there for the rest. To the same chain: who stands on it now goes through that once more. */
static void hole_leave_table(struct nf_alg_hole *hole)
{
	struct nf_alg_hole *next = list_next_entry(hole, ring);

	if (!hlist_unhashed(&hole->claim.node)) {
		hlist_del_rcu(&hole->claim.node);
		if (next != hole)
			hlist_add_head_rcu(&next->claim.node, nf_alg_claim_chain(next->claim.hash));
	}
	list_del(&hole->ring);
}

static bool hole_holds(const struct nf_alg_hole *hole)
{
	int state = smp_load_acquire(&hole->state);

	return state == HOLE_NEW || state == HOLE_PENDING || (state == HOLE_ACTIVE && nf_alg_hole_child_lives(hole));
}

/* Of many it is enough to look at some: the public endpoint will be free later. */
bool nf_alg_hole_holds(const struct nf_alg_claim *claim)
{
	const struct nf_alg_hole *hole = container_of(claim, struct nf_alg_hole, claim), *other;
	int n = 0;

	if (hole_holds(hole))
		return true;
	list_for_each_entry(other, &hole->ring, ring)
		if (++n == RING_LOOK || hole_holds(other))
			return true;
	return false;
}

/* ---- end ---- */

static void hole_unlink(struct nf_alg_hole *hole)
{
	struct nf_alg_hole *pair;

	spin_lock_bh(&nf_alg_claims_lock);
	nf_alg_hole_unlist(hole);
	hole_leave_table(hole);
	hole->gone = true;
	pair = hole->pair;
	WRITE_ONCE(hole->pair, NULL);
	spin_unlock_bh(&nf_alg_claims_lock);
	if (pair)
		nf_alg_hole_put(pair);
}

void nf_alg_hole_discard(struct nf_alg_hole *hole)
{
	hole_unlink(hole);
	hole_put_publics(hole);
	call_rcu(&hole->rcu, hole_free);
}

/* Takes down what stands: tables, quota. The caller moved @state to HOLE_CLOSED. */
static void hole_release(struct nf_alg_hole *hole)
{
	hole_unlink(hole);
	hole_put_publics(hole);
	if (hole->account) {
		nf_alg_quota_pinhole_give(hole->account);
		nf_alg_account_put(hole->account);
	}
	nf_alg_hole_put(hole);
}

static void info_tuple(const struct nf_conntrack_tuple *t, struct alg_endpoint *src, struct alg_endpoint *dst)
{
	nf_alg_endpoint_set(src, t->src.l3num, &t->src.u3, t->src.u.all);
	nf_alg_endpoint_set(dst, t->src.l3num, &t->dst.u3, t->dst.u.all);
}

void nf_alg_hole_info(const struct nf_alg_hole *hole, struct nf_alg_pinhole_info *info)
{
	long left = (long)(READ_ONCE(hole->until) - jiffies);

	memset(info, 0, sizeof(*info));
	info->net = nf_alg_hole_net(hole);
	info->id = hole->id;
	info->tenant = hole->tenant;
	info->protocol = hole->protocol;
	info->l4proto = hole->claim.l4proto;
	info->zone = hole->claim.zone.id;
	info->call = hole->call;
	info_tuple(&hole->exp->tuple, &info->peer, &info->public);
	info->target = hole->claim.target;
	info_tuple(&hole->master, &info->master_src, &info->master_dst);
	info->age = (jiffies - hole->opened) / HZ;
	if (smp_load_acquire(&hole->state) == HOLE_ACTIVE) {
		info->state = NF_ALG_PINHOLE_STATE_ACTIVE;
		info_tuple(&hole->child, &info->child_src, &info->child_dst);
	} else {
		info->timeout = left > 0 ? left / HZ : 0;
	}
}

static noinline void hole_tell(const struct nf_alg_hole *hole, enum nf_alg_event event)
{
	struct nf_alg_pinhole_info info;

	nf_alg_hole_info(hole, &info);
	nf_alg_event_pinhole(&info, event);
}

void nf_alg_hole_event(const struct nf_alg_hole *hole, enum nf_alg_event event)
{
	if (unlikely(nf_alg_event_wanted(nf_alg_hole_net(hole))))
		hole_tell(hole, event);
}

/* Ends a pending pinhole. Return: false if it is not pending any more. */
bool nf_alg_hole_close(struct nf_alg_hole *hole, enum nf_alg_reason reason)
{
	int state = READ_ONCE(hole->state);

	do {
		if (state != HOLE_NEW && state != HOLE_PENDING)
			return false;
	} while (!try_cmpxchg(&hole->state, &state, HOLE_CLOSED));
	if (state == HOLE_PENDING)	/* else who opens it sees the state */
		nf_alg_exp_unlink(hole->exp);
	nf_alg_count(hole->account, hole->protocol, reason);
	nf_alg_hole_event(hole, reason == NF_ALG_REASON_EXPIRED ? NF_ALG_EVENT_PINHOLE_EXPIRED : NF_ALG_EVENT_PINHOLE_CLOSED);
	hole_release(hole);
	return true;
}

/* Ends an active one, whose child is gone or does not matter any more. */
static bool hole_finish(struct nf_alg_hole *hole)
{
	if (cmpxchg(&hole->state, HOLE_ACTIVE, HOLE_CLOSED) != HOLE_ACTIVE)
		return false;
	nf_alg_hole_event(hole, NF_ALG_EVENT_PINHOLE_CLOSED);
	hole_release(hole);
	return true;
}

/* Ends a pinhole whatever its state; one that is closed already is somebody else's. */
void nf_alg_hole_end(struct nf_alg_hole *hole)
{
	if (!nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED) &&
	    cmpxchg(&hole->state, HOLE_ACTIVE, HOLE_CLOSED) == HOLE_ACTIVE)
		hole_release(hole);
}

void nf_alg_hole_check(struct nf_alg_hole *hole)
{
	switch (smp_load_acquire(&hole->state)) {
	case HOLE_PENDING:
		if (time_after(jiffies, READ_ONCE(hole->until)))
			nf_alg_hole_close(hole, NF_ALG_REASON_EXPIRED);
		else if (nf_alg_hole_exp_gone(hole))	/* its session ended, or somebody deleted it */
			nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED);
		break;
	case HOLE_ACTIVE:
		if (READ_ONCE(hole->doomed) ? nf_alg_hole_kill_child(hole) : !nf_alg_hole_tend_child(hole))
			hole_finish(hole);
		break;
	}
}

bool nf_alg_hole_allowed(const struct nf_alg_hole *hole)
{
	return nf_alg_account_allows(nf_alg_hole_net(hole), hole->account, hole->protocol, hole->assigned ? &hole->master : NULL);
}

/* ---- handles ---- */

/**
 * nf_alg_hole_stands() - is a pinhole of any use still?
 * @hole:	handle
 *
 * Pending, or its child lives. It is not when it timed out, when its control connection is gone, when the policy or an
 * administrator closed it, or when its child came and ended: then the owner may open a new one, on any connection.
 *
 * Context: any. Return: false if it is not.
 */
bool nf_alg_hole_stands(const struct nf_alg_hole *hole)
{
	switch (smp_load_acquire(&hole->state)) {
	case HOLE_PENDING:
		return !nf_alg_hole_exp_gone(hole) && !time_after(jiffies, READ_ONCE(hole->until));
	case HOLE_ACTIVE:
		return nf_alg_hole_child_lives(hole);
	default:
		return false;
	}
}
EXPORT_SYMBOL_GPL(nf_alg_hole_stands);

/**
 * nf_alg_hole_refresh() - a pending pinhole stays so for a while
 * @hole:	handle
 * @timeout:	seconds from now; an owner that shares it may ask for less than another one
 *
 * Context: any. Does nothing if it is not pending.
 */
void nf_alg_hole_refresh(struct nf_alg_hole *hole, u32 timeout)
{
	if (READ_ONCE(hole->state) != HOLE_PENDING)
		return;
	timeout = min(timeout, NF_ALG_HOLE_SECONDS_MAX);
	WRITE_ONCE(hole->timeout, timeout);
	WRITE_ONCE(hole->until, jiffies + timeout * HZ);
	nf_alg_exp_set_timeout(hole->exp, timeout);
}
EXPORT_SYMBOL_GPL(nf_alg_hole_refresh);

/**
 * nf_alg_hole_pair() - both are the directions of one tunnel
 * @a:		handle
 * @b:		handle
 *
 * Conntrack takes each for a connection without reply. What comes through one keeps the other's child, too; until both have
 * children the idle time is conntrack's own for what has no reply, if that is shorter.
 *
 * Context: any. Does nothing if one is closed, or has another one already.
 */
void nf_alg_hole_pair(struct nf_alg_hole *a, struct nf_alg_hole *b)
{
	spin_lock_bh(&nf_alg_claims_lock);
	if (!a->gone && !b->gone && !a->pair && !b->pair) {
		refcount_inc(&a->ref);
		refcount_inc(&b->ref);
		WRITE_ONCE(a->pair, b);
		WRITE_ONCE(b->pair, a);
	}
	spin_unlock_bh(&nf_alg_claims_lock);
}
EXPORT_SYMBOL_GPL(nf_alg_hole_pair);

/* Its last owner gave it up. */
static void hole_abandon(struct nf_alg_hole *hole, bool children)
{
	nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED);
	if (!children || hole->control)
		return;
	if (hole->permanent) {	/* whoever closed it: what came through has stayed */
		if (READ_ONCE(hole->has_child))
			nf_alg_hole_kill_children(hole);
		return;
	}
	if (smp_load_acquire(&hole->state) != HOLE_ACTIVE)
		return;
	/* A child that is on its way, and not yet in conntrack's table, is left to the collector. */
	WRITE_ONCE(hole->doomed, true);
	if (nf_alg_hole_kill_child(hole))
		hole_finish(hole);
}

/**
 * nf_alg_hole_drop() - gives a handle back; the pinhole is closed with its last one
 * @hole:	handle, or NULL
 * @children:	the connection that came through is killed, too: of a permanent pinhole the last ones; never a control connection.
 *		false: an active pinhole keeps its public endpoint until its connection ends by itself
 *
 * Context: any.
 */
void nf_alg_hole_drop(struct nf_alg_hole *hole, bool children)
{
	bool last;

	if (!hole)
		return;
	spin_lock_bh(&nf_alg_claims_lock);
	last = !--hole->owners;
	spin_unlock_bh(&nf_alg_claims_lock);
	if (last)
		hole_abandon(hole, children);
	nf_alg_hole_put(hole);
}
EXPORT_SYMBOL_GPL(nf_alg_hole_drop);

/**
 * nf_alg_hole_traffic() - a pinhole as dumps show it, and what came through
 * @hole:	handle
 * @info:	result
 * @packets:	result by direction of the child (of a permanent pinhole's last one); 0 where accounting is off
 * @bytes:	the same
 *
 * Context: any. Return: false if it is closed.
 */
bool nf_alg_hole_traffic(const struct nf_alg_hole *hole, struct nf_alg_pinhole_info *info, u64 packets[2], u64 bytes[2])
{
	const struct nf_conn_acct *acct;
	struct nf_conn *ct;
	int dir;

	memset(packets, 0, 2 * sizeof(*packets));
	memset(bytes, 0, 2 * sizeof(*bytes));
	nf_alg_hole_info(hole, info);
	if (smp_load_acquire(&hole->state) == HOLE_CLOSED)
		return false;
	if (info->state != NF_ALG_PINHOLE_STATE_ACTIVE && !READ_ONCE(hole->has_child))
		return true;
	ct = nf_alg_hole_child(hole);
	if (!ct)
		return true;
	acct = nf_conn_acct_find(ct);
	for (dir = 0; acct && dir < IP_CT_DIR_MAX; dir++) {
		packets[dir] = atomic64_read(&acct->counter[dir].packets);
		bytes[dir] = atomic64_read(&acct->counter[dir].bytes);
	}
	nf_ct_put(ct);
	return true;
}
EXPORT_SYMBOL_GPL(nf_alg_hole_traffic);

/* ---- module ---- */

static struct nf_ct_helper_expectfn hole_expectfn = {
	.name = "nf-alg",
	.expectfn = nf_alg_hole_expected,
};

int nf_alg_hole_init(void)
{
	int err = nf_alg_public_init();

	if (err)
		return err;
	hole_cache = kmem_cache_create("nf_alg_pinhole", sizeof(struct nf_alg_hole), 0, 0, NULL);
	if (!hole_cache) {
		nf_alg_public_exit();
		return -ENOMEM;
	}
	nf_ct_helper_expectfn_register(&hole_expectfn);
	return 0;
}

/* Also those that were closed but that conntrack has not reaped yet. */
static bool expect_is_ours(struct nf_conntrack_expect *exp, void *data)
{
	return exp->expectfn == nf_alg_hole_expected;
}

/* No expectation is ours any more, and nf_alg_hole_expected() runs nowhere. */
void nf_alg_hole_disarm(void)
{
	nf_ct_helper_expectfn_unregister(&hole_expectfn);
	synchronize_rcu();
	nf_ct_expect_iterate_destroy(expect_is_ours, NULL);
	synchronize_rcu();
}

/* No pinhole is left. */
void nf_alg_hole_exit(void)
{
	rcu_barrier();
	spare_drain();
	kmem_cache_destroy(hole_cache);
	nf_alg_public_exit();
}
