// SPDX-License-Identifier: GPL-2.0-only
/* Connections that come through pinholes: how they begin, and how they are found again. */
#include <linux/module.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_seqadj.h>

#include "pinhole.h"

#define CHILD_GRACE	(2 * HZ)	/* an expected connection is looked for from here on: it is confirmed by then */

static const struct nf_alg_nat_ops __rcu *nat_ops;

/* ---- later ---- */

static struct nf_conntrack_tuple child_tuple(const struct nf_alg_hole *hole)
{
	struct nf_conntrack_tuple tuple;

	if (!hole->permanent)
		return hole->child;
	spin_lock_bh(&nf_alg_claims_lock);
	tuple = hole->child;
	spin_unlock_bh(&nf_alg_claims_lock);
	return tuple;
}

static struct nf_conn *child_get(const struct nf_alg_hole *hole, const struct nf_conntrack_tuple *tuple)
{
	struct nf_conntrack_tuple_hash *h = nf_conntrack_find_get(nf_alg_hole_net(hole), &hole->claim.zone, tuple);
	struct nf_conn *ct;

	if (!h)
		return NULL;
	ct = nf_ct_tuplehash_to_ctrack(h);
	if (test_bit(IPS_EXPECTED_BIT, &ct->status) && ct->master &&
	    nf_ct_tuple_equal(&ct->master->tuplehash[IP_CT_DIR_ORIGINAL].tuple, &hole->master))
		return ct;
	nf_ct_put(ct);	/* another connection has taken its place, perhaps through another pinhole */
	return NULL;
}

/* @hole has a child, or had one. */
struct nf_conn *nf_alg_hole_child(const struct nf_alg_hole *hole)
{
	struct nf_conntrack_tuple tuple = child_tuple(hole);

	return child_get(hole, &tuple);
}

static bool child_is_young(const struct nf_alg_hole *hole)
{
	return time_before(jiffies, READ_ONCE(hole->used) + CHILD_GRACE);
}

/* Of an active pinhole; perhaps under nf_alg_claims_lock. */
bool nf_alg_hole_child_lives(const struct nf_alg_hole *hole)
{
	struct nf_conn *ct;

	if (child_is_young(hole))
		return true;
	ct = child_get(hole, &hole->child);
	if (!ct)
		return false;
	nf_ct_put(ct);
	return true;
}

static bool expires_within(u32 timeout, u32 now, u32 seconds)
{
	return (s32)(timeout - now) < (s32)(seconds * HZ);
}

static void extend(struct nf_conn *ct, u32 now, u32 seconds)
{
	if (expires_within(READ_ONCE(ct->timeout), now, seconds) && !test_bit(IPS_FIXED_TIMEOUT_BIT, &ct->status))
		WRITE_ONCE(ct->timeout, now + seconds * HZ);
}

/* What came through the other direction counts for this one, too. Half of the time may pass before it is written down. */
static void child_keep(struct nf_alg_hole *hole, u32 now)
{
	struct nf_conn *ct;
	u32 timeout;

	if (smp_load_acquire(&hole->state) != HOLE_ACTIVE || !hole->idle || !expires_within(hole->tended, now, hole->idle / 2))
		return;
	ct = nf_alg_hole_child(hole);
	if (!ct)
		return;
	timeout = now + hole->idle * HZ;
	if (!test_bit(IPS_FIXED_TIMEOUT_BIT, &ct->status)) {
		WRITE_ONCE(ct->timeout, timeout);
		hole->tended = timeout;
	}
	nf_ct_put(ct);
}

/*
 * Each packet sets the expiry that the transport's tracker knows; we see that it did, and set ours. @pair: the other direction's
 * pinhole, or NULL.
 */
static void child_tend(struct nf_alg_hole *hole, struct nf_conn *ct, struct nf_alg_hole *pair)
{
	u32 now = nfct_time_stamp, timeout = READ_ONCE(ct->timeout);
	bool answered = !pair || READ_ONCE(pair->used) || test_bit(IPS_SEEN_REPLY_BIT, &ct->status);

	if (timeout == hole->tended || test_bit(IPS_FIXED_TIMEOUT_BIT, &ct->status))
		return;
	if (hole->idle && (answered || !expires_within(timeout, now, hole->idle))) {
		timeout = now + hole->idle * HZ;
		WRITE_ONCE(ct->timeout, timeout);
	}
	hole->tended = timeout;	/* a packet of this moment has written another one */
	if (pair)
		child_keep(pair, now);
	if (hole->keep_master && ct->master)
		extend(ct->master, now, hole->idle);
}

bool nf_alg_hole_tend_child(struct nf_alg_hole *hole)
{
	struct nf_conn *ct = nf_alg_hole_child(hole);

	if (!ct)
		return child_is_young(hole);
	child_tend(hole, ct, READ_ONCE(hole->pair));
	nf_ct_put(ct);
	return true;
}

bool nf_alg_hole_kill_child(const struct nf_alg_hole *hole)
{
	struct nf_conn *ct = nf_alg_hole_child(hole);

	if (!ct)
		return !child_is_young(hole);
	nf_ct_kill(ct);
	nf_ct_put(ct);
	return true;
}

/* It is @hole's own, which came this moment, or of another pinhole to the same place. */
static bool child_may_stay(const struct nf_alg_hole *hole)
{
	return hole->claim.l4proto != IPPROTO_GRE || smp_load_acquire(&hole->state) == HOLE_ACTIVE;
}

/* @i: of the earlier children. Return: false: there is none. */
static bool other_tuple(const struct nf_alg_hole *hole, unsigned int i, struct nf_conntrack_tuple *tuple)
{
	bool found;

	spin_lock_bh(&nf_alg_claims_lock);
	found = hole->others && i < min_t(unsigned int, hole->others->n, NF_ALG_HOLE_OTHERS);
	if (found)
		*tuple = hole->others->child[i];
	spin_unlock_bh(&nf_alg_claims_lock);
	return found;
}

/* All that a permanent pinhole knows of. */
void nf_alg_hole_kill_children(const struct nf_alg_hole *hole)
{
	struct nf_conntrack_tuple tuple;
	struct nf_conn *ct;
	unsigned int i;

	nf_alg_hole_kill_child(hole);
	for (i = 0; other_tuple(hole, i, &tuple); i++) {
		ct = child_get(hole, &tuple);
		if (!ct)
			continue;
		nf_ct_kill(ct);
		nf_ct_put(ct);
	}
}

/*
 * A packet that came too early has made a connection that is no child of ours, and is not translated as one; the ones that
 * follow would go its way. Only where it began at the peer: in the other direction it would be somebody's who is not concerned.
 * GRE with the same numbers that was expected is an older call's, whose end was missed: its owner has begun a new one.
 */
void nf_alg_hole_clear(const struct nf_alg_hole *hole)
{
	const struct nf_conntrack_expect *exp = hole->exp;
	struct nf_conntrack_tuple_hash *h;
	struct nf_conn *ct;

	/* GRE has no number of the sender (see alg/pptp.c), all else must name its port. */
	if (hole->claim.l4proto != IPPROTO_GRE && !exp->mask.src.u.all)
		return;
	h = nf_conntrack_find_get(nf_alg_hole_net(hole), &hole->claim.zone, &exp->tuple);
	if (!h)
		return;
	ct = nf_ct_tuplehash_to_ctrack(h);
	if (NF_CT_DIRECTION(h) == IP_CT_DIR_ORIGINAL && !(test_bit(IPS_EXPECTED_BIT, &ct->status) && child_may_stay(hole)))
		nf_ct_kill(ct);
	nf_ct_put(ct);
}

/* ---- beginning ---- */

static struct nf_alg_hole *hole_by_exp(const struct nf_conntrack_expect *exp, const struct net *net)
{
	const struct nf_conntrack_tuple *t = &exp->tuple;
	u32 hash = nf_alg_claim_hash(net, t->src.l3num, &t->dst.u3, ntohs(t->dst.u.all), t->dst.protonum);
	struct nf_alg_claim *c;

	hlist_for_each_entry_rcu(c, nf_alg_claim_chain(hash), node) {
		struct nf_alg_hole *hole = container_of(c, struct nf_alg_hole, claim);

		if (c->kind == CLAIM_HOLE && hole->exp == exp)
			return hole;
	}
	return NULL;
}

static void hole_used(struct nf_alg_hole *hole)
{
	nf_alg_count(hole->account, hole->protocol, NF_ALG_REASON_USED);
	nf_alg_hole_event(hole, NF_ALG_EVENT_PINHOLE_USED);
}

/* A permanent pinhole's child steps back for the next one. Under the lock. */
static void child_remember(struct nf_alg_hole *hole)
{
	struct nf_alg_hole_others *o = hole->others;

	if (!o)
		o = hole->others = kzalloc(sizeof(*o), GFP_ATOMIC | __GFP_NOWARN);
	if (o)
		o->child[o->n++ % NF_ALG_HOLE_OTHERS] = hole->child;
}

/* Return: false if the pinhole was closed this moment. */
static bool hole_came(struct nf_alg_hole *hole, const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *tuple = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	int state = READ_ONCE(hole->state);

	if (hole->permanent) {
		spin_lock_bh(&nf_alg_claims_lock);
		if (hole->has_child && !hole->control && !nf_ct_tuple_equal(&hole->child, tuple))
			child_remember(hole);
		hole->child = *tuple;
		WRITE_ONCE(hole->has_child, true);
		spin_unlock_bh(&nf_alg_claims_lock);
		WRITE_ONCE(hole->used, jiffies);
		if (state == HOLE_CLOSED)
			return false;
	} else {
		/* One expectation, one child: nobody else writes these. */
		hole->child = *tuple;
		WRITE_ONCE(hole->used, jiffies);
		do {
			if (state == HOLE_CLOSED)
				return false;
		} while (!try_cmpxchg(&hole->state, &state, HOLE_ACTIVE));	/* from new or pending */
	}
	hole_used(hole);
	return true;
}

static void child_no_helper(struct nf_conn *ct)
{
	struct nf_conn_help *help = nfct_help(ct);

	if (help)
		RCU_INIT_POINTER(help->helper, NULL);
}

/* The children of a translated control connection's pinholes are translated, too; so is one whose own ends are. */
static bool child_translated(const struct nf_conn *ct, const struct nf_alg_hole *hole)
{
	if (hole && (hole->claim.mapped || hole->source))
		return true;
	return (ct->master->status & IPS_NAT_MASK) && nf_ct_l3num(ct) == nf_ct_l3num(ct->master);
}

/*
 * A control connection gets the ALG, for the same tenant. Where the core has given it the creator's helper the extension is there
 * already; the helper may be that of another transport. @ct is not shared yet, so that it may get extensions. Over TCP an ALG
 * may have something to take out where nothing is translated, too.
 */
static void child_control(struct nf_conn *ct, const struct nf_alg_hole *hole)
{
	struct nf_conntrack_helper *helper = nf_alg_protocol_helper(hole->protocol, nf_ct_l3num(ct), nf_ct_protonum(ct));
	struct nf_alg_conn *data;

	if (!helper) {
		child_no_helper(ct);
		return;
	}
	if ((!nfct_help(ct) && !nf_ct_helper_ext_add(ct, GFP_ATOMIC)) ||
	    (nf_ct_protonum(ct) == IPPROTO_TCP && !nfct_seqadj(ct) && !nfct_seqadj_ext_add(ct))) {
		child_no_helper(ct);
		nf_alg_count(hole->account, hole->protocol, NF_ALG_REASON_NO_MEMORY);
		return;
	}
	rcu_assign_pointer(nfct_help(ct)->helper, helper);
	set_bit(IPS_HELPER_BIT, &ct->status);
	if (hole->tenant)
		nf_alg_conn_assigned(ct, hole->tenant);
	data = nfct_help_data(ct);
	data->inside_reply = true;
}

static void child_follow(struct nf_conn *ct, struct nf_conntrack_expect *exp, const struct nf_alg_hole *hole)
{
	const struct nf_alg_nat_ops *ops = rcu_dereference(nat_ops);
	struct alg_endpoint target;

	if (!ops || !child_translated(ct, hole))
		return;
	if (hole) {
		ops->follow(ct, exp, &hole->claim.target, hole->source ? &hole->source->public : NULL, hole->src_min,
			    hole->src_max);
		return;
	}
	/* An expectation that conntrackd brought from another box, or one that was closed this moment. */
	nf_alg_endpoint_set(&target, nf_ct_l3num(ct), &exp->saved_addr, exp->saved_proto.all);
	ops->follow(ct, exp, &target, NULL, 0, 0);
}

/**
 * nf_alg_hole_expected() - the announced connection begins: conntrack's expectfn
 * @ct:		the connection, which nobody else sees yet
 * @exp:	the expectation that conntrack found for it
 *
 * Context: softirq or process, under rcu_read_lock().
 */
void nf_alg_hole_expected(struct nf_conn *ct, struct nf_conntrack_expect *exp)
{
	struct nf_alg_hole *hole = hole_by_exp(exp, nf_ct_net(ct));
	bool stands = hole && hole_came(hole, ct);

	if (stands && hole->control)
		child_control(ct, hole);
	else
		nf_alg_child_drop_helper(ct);
	child_follow(ct, exp, hole);
}

/* ---- address translation ---- */

/**
 * nf_alg_nat_set() - address translation comes or goes
 * @ops:	module nf_alg_nat's, or NULL: then pinholes that need it are closed and no caller is left on return
 *
 * Context: process.
 */
void nf_alg_nat_set(const struct nf_alg_nat_ops *ops)
{
	rcu_assign_pointer(nat_ops, ops);
	if (ops)
		return;
	synchronize_rcu();
	nf_alg_pinhole_sweep_nat();
}
EXPORT_SYMBOL_GPL(nf_alg_nat_set);

bool nf_alg_nat_loaded(void)
{
	return rcu_access_pointer(nat_ops) != NULL;
}
EXPORT_SYMBOL_GPL(nf_alg_nat_loaded);

bool nf_alg_nat_addresses(struct nf_conn *ct, const union nf_inet_addr *src, const union nf_inet_addr *dst)
{
	const struct nf_alg_nat_ops *ops = rcu_dereference(nat_ops);

	return ops && ops->addresses(ct, src, dst);
}
EXPORT_SYMBOL_GPL(nf_alg_nat_addresses);
