// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinholes: an expectation of conntrack each, plus whose it is, where it leads, and what became of it.
 *
 * A pinhole is pending until the announced connection comes, which makes it active until that connection is gone. The public
 * endpoint of both kinds is never given to another pinhole. Who changes @state owns the consequences.
 *
 * All public endpoints are in one table, read under RCU, with a lock for every few chains. The namespaces' lists, for dumps, sweeps
 * and the collector, are in pinhole_net.c.
 */
#include <linux/module.h>
#include <linux/jhash.h>
#include <net/netns/hash.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "pinhole.h"
#include "nat/ports.h"

#define CHILD_GRACE	(2 * HZ)	/* an expected connection is looked for from here on: it is confirmed by then */

#define PUBLIC_CHAINS	4096
#define PUBLIC_LOCKS	64

static struct kmem_cache *hole_cache;
static struct hlist_head public_table[PUBLIC_CHAINS];
static spinlock_t public_locks[PUBLIC_LOCKS];
static const struct nf_alg_nat_ops __rcu *nat_ops;
static u32 port_secret __read_mostly;	/* public ports can't be foretold */

/* ---- public endpoints ---- */

static u32 public_hash(const struct net *net, u16 l3num, const union nf_inet_addr *addr, u16 port, u8 l4proto)
{
	u32 a = l3num == NFPROTO_IPV4 ? (__force u32)addr->ip : jhash2((const u32 *)addr->all, 4, 0);

	return jhash_3words(a, (u32)port << 8 | l4proto, net_hash_mix(net), 0) % PUBLIC_CHAINS;
}

static spinlock_t *public_lock(u32 hash)
{
	return &public_locks[hash % PUBLIC_LOCKS];
}

static bool same_addr(u16 l3num, const union nf_inet_addr *a, const union nf_inet_addr *b)
{
	return l3num == NFPROTO_IPV4 ? a->ip == b->ip : nf_inet_addr_cmp(a, b);
}

static bool same_endpoint(const struct alg_endpoint *a, const struct alg_endpoint *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool public_is(const struct nf_alg_hole *hole, const struct net *net, const struct nf_conntrack_tuple *t)
{
	const struct nf_conntrack_tuple *own = &hole->exp->tuple;

	return own->dst.u.all == t->dst.u.all && hole->net == net && own->dst.protonum == t->dst.protonum &&
	       own->src.l3num == t->src.l3num && same_addr(t->src.l3num, &own->dst.u3, &t->dst.u3);
}

/* ---- end ---- */

static void hole_free(struct rcu_head *rcu)
{
	struct nf_alg_hole *hole = container_of(rcu, struct nf_alg_hole, rcu);

	/* Not earlier: a reader that holds the pinhole must not meet another expectation at the same address. */
	nf_ct_expect_put(hole->exp);
	kmem_cache_free(hole_cache, hole);
}

static void hole_unlink(struct nf_alg_hole *hole)
{
	nf_alg_hole_unlist(hole);
	spin_lock_bh(public_lock(hole->hash));
	hlist_del_rcu(&hole->node);
	spin_unlock_bh(public_lock(hole->hash));
}

/* Takes down what stands: tables, quota. The caller moved @state to HOLE_CLOSED. */
static void hole_release(struct nf_alg_hole *hole)
{
	hole_unlink(hole);
	if (hole->account) {
		nf_alg_quota_pinhole_give(hole->account);
		nf_alg_account_put(hole->account);
	}
	call_rcu(&hole->rcu, hole_free);
}

static void info_tuple(const struct nf_conntrack_tuple *t, struct alg_endpoint *src, struct alg_endpoint *dst)
{
	nf_alg_endpoint_set(src, t->src.l3num, &t->src.u3, t->src.u.all);
	nf_alg_endpoint_set(dst, t->src.l3num, &t->dst.u3, t->dst.u.all);
}

void nf_alg_hole_info(const struct nf_alg_hole *hole, struct nf_alg_pinhole_info *info)
{
	unsigned long opened = READ_ONCE(hole->opened);
	long left = (long)(opened + hole->timeout * HZ - jiffies);

	memset(info, 0, sizeof(*info));
	info->net = hole->net;
	info->id = hole->id;
	info->tenant = hole->account ? hole->account->id : 0;
	info->protocol = hole->proto->id;
	info->l4proto = hole->exp->tuple.dst.protonum;
	info->zone = hole->zone.id;
	info_tuple(&hole->exp->tuple, &info->peer, &info->public);
	info->peer.port = 0;
	info->target = hole->target;
	info_tuple(&hole->master, &info->master_src, &info->master_dst);
	info->age = (jiffies - opened) / HZ;
	if (smp_load_acquire(&hole->state) == HOLE_ACTIVE) {
		info->state = NF_ALG_PINHOLE_STATE_ACTIVE;
		info_tuple(&hole->child, &info->child_src, &info->child_dst);
	} else {
		info->timeout = left > 0 ? left / HZ : 0;
	}
}

static void hole_event(const struct nf_alg_hole *hole, enum nf_alg_event event)
{
	struct nf_alg_pinhole_info info;

	if (likely(!nf_alg_event_wanted(hole->net)))
		return;
	nf_alg_hole_info(hole, &info);
	nf_alg_event_pinhole(&info, event);
}

/* Ends a pending pinhole. Return: false if it is not pending any more. */
bool nf_alg_hole_close(struct nf_alg_hole *hole, enum nf_alg_reason reason)
{
	if (cmpxchg(&hole->state, HOLE_PENDING, HOLE_CLOSED) != HOLE_PENDING)
		return false;
	if (READ_ONCE(hole->armed))	/* else hole_arm() sees the state */
		nf_alg_exp_unlink(hole->exp);
	nf_alg_count(hole->account, hole->proto->id, reason);
	hole_event(hole, reason == NF_ALG_REASON_EXPIRED ? NF_ALG_EVENT_PINHOLE_EXPIRED : NF_ALG_EVENT_PINHOLE_CLOSED);
	hole_release(hole);
	return true;
}

/* Conntrack had the expectation and let go of it. */
static bool exp_is_gone(const struct nf_alg_hole *hole)
{
	return READ_ONCE(hole->armed) && refcount_read(&hole->exp->use) == 1;
}

/* Ends a pinhole whatever its state; one that is closed already is somebody else's. */
void nf_alg_hole_end(struct nf_alg_hole *hole)
{
	if (!nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED) &&
	    cmpxchg(&hole->state, HOLE_ACTIVE, HOLE_CLOSED) == HOLE_ACTIVE)
		hole_release(hole);
}

static bool child_lives(const struct nf_alg_hole *hole)
{
	struct nf_conntrack_tuple_hash *h;

	if (time_before(jiffies, hole->used + CHILD_GRACE))
		return true;
	h = nf_conntrack_find_get(hole->net, &hole->zone, &hole->child);
	if (!h)
		return false;
	nf_ct_put(nf_ct_tuplehash_to_ctrack(h));
	return true;
}

void nf_alg_hole_check(struct nf_alg_hole *hole)
{
	switch (smp_load_acquire(&hole->state)) {
	case HOLE_PENDING:
		if (time_after(jiffies, READ_ONCE(hole->opened) + hole->timeout * HZ))
			nf_alg_hole_close(hole, NF_ALG_REASON_EXPIRED);
		else if (exp_is_gone(hole))	/* its session ended, or somebody deleted it */
			nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED);
		break;
	case HOLE_ACTIVE:
		if (!child_lives(hole) && cmpxchg(&hole->state, HOLE_ACTIVE, HOLE_CLOSED) == HOLE_ACTIVE) {
			hole_event(hole, NF_ALG_EVENT_PINHOLE_CLOSED);
			hole_release(hole);
		}
		break;
	}
}

/* ---- use ---- */

static struct nf_alg_hole *hole_by_exp(const struct nf_conntrack_expect *exp, const struct net *net)
{
	const struct nf_conntrack_tuple *t = &exp->tuple;
	u32 hash = public_hash(net, t->src.l3num, &t->dst.u3, ntohs(t->dst.u.all), t->dst.protonum);
	struct nf_alg_hole *hole;

	hlist_for_each_entry_rcu(hole, &public_table[hash], node)
		if (hole->exp == exp)
			return hole;
	return NULL;
}

static void child_follow(struct nf_conn *ct, struct nf_conntrack_expect *exp, const struct nf_alg_hole *hole)
{
	const struct nf_alg_nat_ops *ops = rcu_dereference(nat_ops);
	struct alg_endpoint target;

	if (!ops || !(ct->master->status & IPS_NAT_MASK))
		return;
	if (hole) {
		ops->follow(ct, exp, &hole->target, NULL, hole->src_min, hole->src_max);
		return;
	}
	/* An expectation that conntrackd brought from another box, or one that was closed this moment. */
	nf_alg_endpoint_set(&target, nf_ct_l3num(ct), &exp->saved_addr, exp->saved_proto.all);
	ops->follow(ct, exp, &target, NULL, 0, 0);
}

/*
 * expectfn: the announced connection begins. Context: conntrack found @exp for @ct, which nobody else sees yet; RCU read side.
 */
static void hole_expected(struct nf_conn *ct, struct nf_conntrack_expect *exp)
{
	struct nf_alg_hole *hole;

	nf_alg_child_drop_helper(ct);
	hole = hole_by_exp(exp, nf_ct_net(ct));
	if (hole) {
		/* One expectation, one child: nobody else writes these. */
		hole->child = ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
		hole->used = jiffies;
		if (cmpxchg(&hole->state, HOLE_PENDING, HOLE_ACTIVE) == HOLE_PENDING) {
			nf_alg_count(hole->account, hole->proto->id, NF_ALG_REASON_USED);
			hole_event(hole, NF_ALG_EVENT_PINHOLE_USED);
		}
	}
	child_follow(ct, exp, hole);
}

static struct nf_ct_helper_expectfn hole_expectfn = {
	.name = "nf-alg",
	.expectfn = hole_expected,
};

/* ---- birth ---- */

/**
 * struct opening - one call of nf_alg_pinhole_open()
 * @work:	the packet
 * @req:	what is to be opened
 * @sent:	tuple of the direction whose sender is the target
 * @back:	tuple of the other one, in which the expected connection comes
 * @public:	the public address
 * @foreign:	room for it, when it is neither's own
 * @mapped:	the target's address is translated: the public endpoint differs
 * @ports:	the tenant's port range
 * @account:	the tenant's, with a reference and one pinhole of its quota, or NULL
 */
struct opening {
	struct nf_alg_work *work;
	const struct nf_alg_pinhole_req *req;
	const struct nf_conntrack_tuple *sent, *back;
	const union nf_inet_addr *public;
	union nf_inet_addr foreign;
	bool mapped;
	struct nf_alg_ports ports;
	struct nf_alg_account *account;
};

static bool is_addr(const struct alg_endpoint *ep, u16 l3num, const union nf_inet_addr *addr)
{
	return l3num == NFPROTO_IPV4 ? !memcmp(ep->addr, addr, 4) : !memcmp(ep->addr, addr, 16);
}

static void opening_init(struct opening *o, struct nf_alg_work *work, const struct nf_alg_pinhole_req *req)
{
	u16 l3num = nf_ct_l3num(work->ct);

	o->work = work;
	o->req = req;
	o->sent = &work->ct->tuplehash[req->dir].tuple;
	o->back = &work->ct->tuplehash[!req->dir].tuple;
	o->account = NULL;
	o->ports = work->tenant ? nf_alg_tenant_ports(work->tenant) : (struct nf_alg_ports){ 0 };
	if (likely(is_addr(&req->target, l3num, &o->sent->src.u3))) {
		o->mapped = !same_addr(l3num, &o->sent->src.u3, &o->back->dst.u3);
		o->public = &o->back->dst.u3;
	} else {
		o->mapped = false;
		memset(&o->foreign, 0, sizeof(o->foreign));
		memcpy(&o->foreign, req->target.addr, l3num == NFPROTO_IPV4 ? 4 : 16);
		o->public = &o->foreign;
	}
}

static u32 opening_hash(const struct opening *o, u16 port)
{
	return public_hash(o->work->net, nf_ct_l3num(o->work->ct), o->public, port, o->req->l4proto);
}

/* The tuple's destination is the public endpoint with @port. */
static void opening_tuple(const struct opening *o, u16 port, struct nf_conntrack_tuple *t)
{
	t->src.l3num = nf_ct_l3num(o->work->ct);
	t->dst.u3 = *o->public;
	t->dst.u.all = htons(port);
	t->dst.protonum = o->req->l4proto;
}

/* The same endpoint announced again by the same connection: what stands is enough. */
static bool still_open(const struct opening *o, u16 port)
{
	struct nf_conntrack_tuple t;
	struct nf_alg_hole *hole;

	opening_tuple(o, port, &t);
	hlist_for_each_entry_rcu(hole, &public_table[opening_hash(o, port)], node) {
		if (READ_ONCE(hole->state) != HOLE_PENDING || hole->exp->master != o->work->ct ||
		    !public_is(hole, o->work->net, &t) || !same_endpoint(&hole->target, &o->req->target) ||
		    !READ_ONCE(hole->armed) || exp_is_gone(hole))
			continue;
		nf_alg_exp_set_timeout(hole->exp, hole->timeout);
		WRITE_ONCE(hole->opened, jiffies);
		return true;
	}
	return false;
}

/* Does another pinhole have this one's public endpoint? Under its chain's lock. */
static bool public_taken(const struct nf_alg_hole *mine)
{
	struct nf_alg_hole *hole;

	hlist_for_each_entry(hole, &public_table[mine->hash], node) {
		int state = smp_load_acquire(&hole->state);

		if (state == HOLE_CLOSED || !public_is(hole, mine->net, &mine->exp->tuple))
			continue;
		/* The owner announces his endpoint anew, while his last connection there lingers. */
		if (same_endpoint(&hole->target, &mine->target))
			continue;
		if (state == HOLE_PENDING || child_lives(hole))
			return true;
	}
	return false;
}

/* The expected connection's initiator is translated, too: his port block, if he has one. */
static void hole_source_block(struct nf_alg_hole *hole, const struct opening *o)
{
	u16 lo, hi;

	hole->src_min = 0;
	hole->src_max = 0;
	if (!o->ports.min || same_addr(o->sent->src.l3num, &o->back->src.u3, &o->sent->dst.u3))
		return;
	if (!nf_alg_port_range(ntohs(o->sent->dst.u.all), o->ports.min, o->ports.max, o->ports.block, &lo, &hi))
		return;
	hole->src_min = lo;
	hole->src_max = hi;
}

static struct nf_conntrack_expect *opening_expect(const struct opening *o)
{
	struct nf_conntrack_expect *exp = nf_ct_expect_alloc(o->work->ct);
	__be16 dport = htons(o->req->target.port);

	if (!exp)
		return NULL;
	nf_ct_expect_init(exp, NF_CT_EXPECT_CLASS_DEFAULT, o->sent->src.l3num, &o->back->src.u3, o->public, o->req->l4proto,
			  NULL, &dport);
	exp->expectfn = hole_expected;
	exp->saved_addr = o->public == &o->foreign ? o->foreign : o->sent->src.u3;
	exp->saved_proto.all = dport;
	exp->dir = !o->req->dir;
	return exp;
}

static struct nf_alg_hole *opening_hole(const struct opening *o)
{
	struct nf_alg_work *w = o->work;
	struct nf_alg_hole *hole = kmem_cache_alloc(hole_cache, GFP_ATOMIC | __GFP_NOWARN);

	if (!hole)
		return NULL;
	hole->exp = opening_expect(o);
	if (!hole->exp) {
		kmem_cache_free(hole_cache, hole);
		return NULL;
	}
	hole->net = w->net;
	hole->account = o->account;
	hole->proto = w->proto;
	hole->state = HOLE_PENDING;
	hole->armed = false;
	hole->timeout = o->req->timeout;
	hole->opened = jiffies;
	hole->target = o->req->target;
	hole->zone = *nf_ct_zone(w->ct);
	hole->translated = w->translated;
	hole->assigned = w->session ? w->session->assigned : ((struct nf_alg_conn *)nfct_help_data(w->ct))->assigned;
	hole_source_block(hole, o);
	hole->master = w->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	return hole;
}

/* Takes the public endpoint with @port, if nobody has it. */
static bool hole_claim(struct nf_alg_hole *hole, const struct opening *o, u16 port)
{
	bool taken;

	hole->exp->tuple.dst.u.all = htons(port);
	hole->hash = opening_hash(o, port);
	spin_lock_bh(public_lock(hole->hash));
	taken = public_taken(hole);
	if (!taken)
		hlist_add_head_rcu(&hole->node, &public_table[hole->hash]);
	spin_unlock_bh(public_lock(hole->hash));
	return !taken;
}

/*
 * Gives the claimed pinhole its expectation. Return: 0, or why not: then the pinhole is gone (the account stays with the caller).
 */
static int hole_arm(struct nf_alg_hole *hole)
{
	int err;

	nf_alg_hole_list(hole);
	err = nf_ct_expect_related(hole->exp, 0);
	if (!err) {
		nf_alg_exp_set_timeout(hole->exp, hole->timeout);
		WRITE_ONCE(hole->armed, true);
		smp_mb();	/* pairs with nf_alg_hole_close(): one of us sees the other */
		if (unlikely(READ_ONCE(hole->state) == HOLE_CLOSED))
			nf_alg_exp_unlink(hole->exp);
		return 0;
	}
	if (cmpxchg(&hole->state, HOLE_PENDING, HOLE_CLOSED) != HOLE_PENDING)
		return -ECANCELED;	/* the sweep has released it, and the account */
	hole_unlink(hole);
	call_rcu(&hole->rcu, hole_free);
	return err == -EALREADY ? -EBUSY : err;
}

/* Return: 0, -EBUSY if the port is taken, another negative errno if no port will do. *@hole is reused from try to try. */
static int opening_try(const struct opening *o, u16 port, struct nf_alg_hole **hole)
{
	int err;

	if (!*hole)
		*hole = opening_hole(o);
	if (!*hole)
		return -ENOMEM;
	if (!hole_claim(*hole, o, port))
		return -EBUSY;
	err = hole_arm(*hole);
	if (err)
		*hole = NULL;
	return err;
}

/*
 * Where the search for a public port begins: for the same target and peer at the same place, so that an endpoint that is announced
 * again gets the port that it had. Its last connection lingers there, and conntrack lets a new one from the same source port
 * (RFC 959, 3.2: the server's port 20) only take that one's place.
 */
static u32 opening_seed(const struct opening *o)
{
	u32 seed = jhash(&o->req->target, sizeof(o->req->target), port_secret);

	return jhash(&o->back->src.u3, o->sent->src.l3num == NFPROTO_IPV4 ? 4 : 16, seed);
}

/* The announced port if it is allowed and free, as it nearly always is; then others. */
static int opening_mapped(const struct opening *o, struct nf_alg_hole **hole)
{
	u16 want = o->req->target.port, anchor = ntohs(o->back->dst.u.all), port;
	struct nf_alg_port_iter it;
	int err = -EBUSY;

	if (nf_alg_port_allowed(want, anchor, o->ports.min, o->ports.max, o->ports.block)) {
		err = opening_try(o, want, hole);
		if (err != -EBUSY)
			return err;
	}
	nf_alg_port_iter_init(&it, 0, anchor, o->ports.min, o->ports.max, o->ports.block, 0, opening_seed(o));
	while (err == -EBUSY && nf_alg_port_iter_next(&it, &port))
		err = opening_try(o, port, hole);
	return err;
}

/* The public port when there is no choice. */
static u16 opening_port(const struct opening *o)
{
	return o->req->same_port ? ntohs(o->back->dst.u.all) : o->req->target.port;
}

static int opening_ports(const struct opening *o, struct nf_alg_hole **out)
{
	struct nf_alg_hole *hole = NULL;
	int err;

	if (o->mapped && !o->req->same_port)
		err = opening_mapped(o, &hole);
	else
		err = opening_try(o, opening_port(o), &hole);
	*out = hole;
	if (err && hole) {	/* never seen by anybody */
		*out = NULL;
		nf_ct_expect_put(hole->exp);
		kmem_cache_free(hole_cache, hole);
	}
	return err;
}

static int errno_reason(int err)
{
	switch (err) {
	case -EBUSY:
		return NF_ALG_REASON_NO_PORT;
	case -EMFILE:
		return NF_ALG_REASON_EXPECT_FULL;
	case -ECANCELED:
		return NF_ALG_REASON_POLICY_OFF;
	default:
		return NF_ALG_REASON_NO_MEMORY;
	}
}

bool nf_alg_hole_allowed(const struct nf_alg_hole *hole)
{
	const struct nf_alg_tenant *tenant;

	if (!hole->account)
		return true;
	tenant = nf_alg_tenant_by_id(hole->net, hole->account->id);
	return tenant && nf_alg_tenant_rule(tenant, hole->proto->id)->mode == NF_ALG_MODE_ON &&
	       (!hole->assigned || nf_alg_tenant_serves(tenant, hole->proto->id, &hole->master));
}

static void opening_account(struct opening *o)
{
	struct nf_alg_account *account = o->work->account;

	o->account = account && nf_alg_account_hold(account) ? account : NULL;
}

/* Everything that can refuse before a port is looked for. Return: 0 with the quota taken, or the reason. */
static int opening_admit(struct opening *o)
{
	const struct nf_conn_help *help = nfct_help(o->work->ct);
	int reason;

	if (o->work->translated && !nf_alg_nat_loaded())
		return NF_ALG_REASON_NAT_MISSING;
	if (help->expecting[NF_CT_EXPECT_CLASS_DEFAULT] >= o->req->max)
		return NF_ALG_REASON_SESSION_PINHOLES;
	opening_account(o);
	if (!o->account)
		return 0;
	reason = nf_alg_quota_pinhole_take(o->work->tenant, o->account);
	if (reason) {
		nf_alg_account_put(o->account);
		o->account = NULL;
	}
	return reason;
}

static void opening_abandon(struct opening *o)
{
	if (!o->account)
		return;
	nf_alg_quota_pinhole_give(o->account);
	nf_alg_account_put(o->account);
}

/*
 * A writer of the configuration bumps its number, then sweeps; we show the pinhole, then read the number: one of us sees the other.
 * Likewise the collector: it goes on while there are pinholes, or we start it.
 */
static bool hole_stands(struct nf_alg_hole *hole, u32 gen)
{
	smp_mb();
	nf_alg_hole_collect(hole->net);
	if (likely(nf_alg_generation(hole->net) == gen) || nf_alg_hole_allowed(hole))
		return true;
	nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED);
	return false;
}

/**
 * nf_alg_pinhole_open() - opens a pinhole from the other side of the connection to an announced endpoint
 * @work:	the packet; nf_alg_work_resolve() was called
 * @req:	what
 * @public:	result: address and port by which the other side reaches the target
 * @id:		result: number for nf_alg_pinhole_close_id(); 0 if one for the same endpoint stood already
 *
 * Quotas, the tenant's port block and the session's limit are kept; a refusal is counted by its reason.
 *
 * Context: as ->help. Return: 0, or -1 with nothing changed.
 */
int nf_alg_pinhole_open(struct nf_alg_work *work, const struct nf_alg_pinhole_req *req, struct alg_endpoint *public, u32 *id)
{
	struct nf_alg_hole *hole;
	struct opening o;
	int reason, err;

	opening_init(&o, work, req);
	*id = 0;
	if (still_open(&o, opening_port(&o))) {
		nf_alg_endpoint_set(public, o.sent->src.l3num, o.public, htons(opening_port(&o)));
		return 0;
	}
	reason = opening_admit(&o);
	if (reason) {
		nf_alg_work_refuse(work, reason);
		return -1;
	}
	err = opening_ports(&o, &hole);
	if (err) {
		if (err != -ECANCELED)
			opening_abandon(&o);
		nf_alg_work_refuse(work, errno_reason(err));
		return -1;
	}
	nf_alg_endpoint_set(public, o.sent->src.l3num, o.public, hole->exp->tuple.dst.u.all);
	*id = hole->id;
	nf_alg_work_count(work, NF_ALG_REASON_OPENED);
	hole_event(hole, NF_ALG_EVENT_PINHOLE_OPENED);
	return hole_stands(hole, work->gen) ? 0 : -1;
}
EXPORT_SYMBOL_GPL(nf_alg_pinhole_open);

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

/* ---- module ---- */

int nf_alg_hole_init(void)
{
	int i;

	port_secret = get_random_u32();
	for (i = 0; i < PUBLIC_LOCKS; i++)
		spin_lock_init(&public_locks[i]);
	hole_cache = kmem_cache_create("nf_alg_pinhole", sizeof(struct nf_alg_hole), 0, 0, NULL);
	if (!hole_cache)
		return -ENOMEM;
	nf_ct_helper_expectfn_register(&hole_expectfn);
	return 0;
}

/* Also those that were closed but that conntrack has not reaped yet. */
static bool expect_is_ours(struct nf_conntrack_expect *exp, void *data)
{
	return exp->expectfn == hole_expected;
}

/* No expectation is ours any more, and hole_expected() runs nowhere. */
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
	kmem_cache_destroy(hole_cache);
}
