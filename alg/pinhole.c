// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinholes: an expectation of conntrack each, plus whose it is, where it leads, and what became of it.
 *
 * A pinhole is pending until the announced connection comes, which makes it active until that connection is gone. The public
 * endpoint of both kinds is never given to another pinhole. Who changes @state owns the consequences. The table of a
 * namespace is an xarray, whose lock is taken at birth and death only, where conntrack takes its global expectation lock anyway.
 */
#include <linux/module.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/netns/generic.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "pinhole.h"
#include "nat/ports.h"

#define GC_PERIOD	HZ
#define CHILD_GRACE	(2 * HZ)	/* an expected connection is looked for from here on: it is confirmed by then */

struct hole_net {
	struct xarray holes;
	u32 next_id;
	struct net *net;
	struct delayed_work gc;
};

static unsigned int hole_net_id;
static struct kmem_cache *hole_cache;
static struct rhltable public_table;
static const struct nf_alg_nat_ops __rcu *nat_ops;

static const struct rhashtable_params public_params = {
	.head_offset = offsetof(struct nf_alg_hole, node),
	.key_offset = offsetof(struct nf_alg_hole, key),
	.key_len = sizeof(struct nf_alg_hole_key),
	.automatic_shrinking = true,
};

static struct hole_net *hole_net(const struct net *net)
{
	return net_generic(net, hole_net_id);
}

static void key_set(struct nf_alg_hole_key *key, const struct net *net, const struct alg_endpoint *ep, u8 l4proto)
{
	memset(key, 0, sizeof(*key));
	key->net = net;
	memcpy(key->addr, ep->addr, sizeof(key->addr));
	key->port = ep->port;
	key->family = ep->family;
	key->l4proto = l4proto;
}

/* ---- end ---- */

static void hole_free(struct rcu_head *rcu)
{
	struct nf_alg_hole *hole = container_of(rcu, struct nf_alg_hole, rcu);

	/* Not earlier: a reader that holds the pinhole must not meet another expectation at the same address. */
	nf_ct_expect_put(hole->exp);
	kmem_cache_free(hole_cache, hole);
}

/* Takes down what stands: tables, expectation, quota. The caller moved @state to HOLE_CLOSED, or the pinhole was never seen. */
static void hole_release(struct nf_alg_hole *hole)
{
	xa_erase_bh(&hole_net(hole->net)->holes, hole->id);
	rhltable_remove(&public_table, &hole->node, public_params);
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

static void hole_info(const struct nf_alg_hole *hole, struct nf_alg_pinhole_info *info)
{
	long left = (long)(hole->opened + hole->timeout * HZ - jiffies);

	memset(info, 0, sizeof(*info));
	info->net = hole->net;
	info->id = hole->id;
	info->tenant = hole->account ? hole->account->id : 0;
	info->protocol = hole->proto->id;
	info->l4proto = hole->key.l4proto;
	info->zone = hole->zone.id;
	info->peer = hole->peer;
	info->public.family = hole->key.family;
	info->public.port = hole->key.port;
	memcpy(info->public.addr, hole->key.addr, sizeof(info->public.addr));
	info->target = hole->target;
	info_tuple(&hole->master, &info->master_src, &info->master_dst);
	info->age = (jiffies - hole->opened) / HZ;
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

	hole_info(hole, &info);
	nf_alg_event_pinhole(&info, event);
}

/* Ends a pending pinhole. Return: false if it is not pending any more. */
static bool hole_close(struct nf_alg_hole *hole, enum nf_alg_reason reason)
{
	if (cmpxchg(&hole->state, HOLE_PENDING, HOLE_CLOSED) != HOLE_PENDING)
		return false;
	nf_alg_exp_unlink(hole->exp);
	nf_alg_count(hole->account, hole->proto->id, reason);
	hole_event(hole, reason == NF_ALG_REASON_EXPIRED ? NF_ALG_EVENT_PINHOLE_EXPIRED : NF_ALG_EVENT_PINHOLE_CLOSED);
	hole_release(hole);
	return true;
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

static void hole_check(struct nf_alg_hole *hole)
{
	switch (smp_load_acquire(&hole->state)) {
	case HOLE_PENDING:
		if (time_after(jiffies, hole->opened + hole->timeout * HZ))
			hole_close(hole, NF_ALG_REASON_EXPIRED);
		else if (refcount_read(&hole->exp->use) == 1)	/* its session ended, or somebody deleted it */
			hole_close(hole, NF_ALG_REASON_CLOSED);
		break;
	case HOLE_ACTIVE:
		if (!child_lives(hole) && cmpxchg(&hole->state, HOLE_ACTIVE, HOLE_CLOSED) == HOLE_ACTIVE) {
			hole_event(hole, NF_ALG_EVENT_PINHOLE_CLOSED);
			hole_release(hole);
		}
		break;
	}
}

/* Calls @fn for every pinhole of the namespace, each in its own RCU section. Process context. */
static void holes_each(struct net *net, void (*fn)(struct nf_alg_hole *hole, const void *arg), const void *arg)
{
	struct hole_net *hn = hole_net(net);
	struct nf_alg_hole *hole;
	unsigned long id = 0;

	for (;;) {
		rcu_read_lock();
		hole = xa_find(&hn->holes, &id, ULONG_MAX, XA_PRESENT);
		if (hole)
			fn(hole, arg);
		rcu_read_unlock();
		if (!hole || id == ULONG_MAX)
			return;
		id++;
		cond_resched();
	}
}

static void gc_one(struct nf_alg_hole *hole, const void *arg)
{
	hole_check(hole);
}

static void gc_work(struct work_struct *work)
{
	struct hole_net *hn = container_of(to_delayed_work(work), struct hole_net, gc);

	holes_each(hn->net, gc_one, NULL);
	if (!xa_empty(&hn->holes))
		queue_delayed_work(system_power_efficient_wq, &hn->gc, GC_PERIOD);
}

/* ---- use ---- */

static struct nf_alg_hole *hole_by_exp(const struct nf_conntrack_expect *exp, const struct net *net)
{
	const struct nf_conntrack_tuple *t = &exp->tuple;
	struct rhlist_head *list, *pos;
	struct nf_alg_hole_key key;
	struct alg_endpoint public;
	struct nf_alg_hole *hole;

	nf_alg_endpoint_set(&public, t->src.l3num, &t->dst.u3, t->dst.u.all);
	key_set(&key, net, &public, t->dst.protonum);
	list = rhltable_lookup(&public_table, &key, public_params);
	rhl_for_each_entry_rcu(hole, pos, list, node)
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
		ops->follow(ct, exp, &hole->target, hole->src_min, hole->src_max);
		return;
	}
	/* An expectation that conntrackd brought from another box, or one that was closed this moment. */
	nf_alg_endpoint_set(&target, nf_ct_l3num(ct), &exp->saved_addr, exp->saved_proto.all);
	ops->follow(ct, exp, &target, 0, 0);
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

/*
 * Does another pinhole have this public endpoint? Ours is in the table already, so that of two
 * that try at once at least one sees the other.
 */
static bool public_taken(const struct nf_alg_hole *mine)
{
	struct rhlist_head *list, *pos;
	struct nf_alg_hole *hole;
	bool taken = false;

	rcu_read_lock();
	list = rhltable_lookup(&public_table, &mine->key, public_params);
	rhl_for_each_entry_rcu(hole, pos, list, node) {
		int state = smp_load_acquire(&hole->state);

		if (hole == mine || state == HOLE_CLOSED)
			continue;
		/* The owner announces his endpoint anew, while his last connection there lingers. */
		if (!memcmp(&hole->target, &mine->target, sizeof(mine->target)))
			continue;
		if (state == HOLE_ACTIVE && !child_lives(hole))
			continue;
		taken = true;
		break;
	}
	rcu_read_unlock();
	return taken;
}

/* The same endpoint announced again by the same connection to the same peer: what stands is enough. */
static bool still_open(const struct nf_alg_hole_key *key, const struct nf_conn *ct, const struct alg_endpoint *target)
{
	const struct nf_conntrack_tuple *master = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct rhlist_head *list, *pos;
	struct nf_alg_hole *hole;

	list = rhltable_lookup(&public_table, key, public_params);
	rhl_for_each_entry_rcu(hole, pos, list, node) {
		if (READ_ONCE(hole->state) != HOLE_PENDING || memcmp(&hole->target, target, sizeof(*target)) ||
		    !nf_ct_tuple_equal(&hole->master, master) || refcount_read(&hole->exp->use) == 1)
			continue;
		nf_alg_exp_set_timeout(hole->exp, hole->timeout);
		WRITE_ONCE(hole->opened, jiffies);
		return true;
	}
	return false;
}

/*
 * struct opening - one call of nf_alg_pinhole_open()
 * @sent:	tuple of the direction whose sender is the target
 * @back:	tuple of the other one, in which the expected connection comes
 * @mapped:	the target's address is translated: the public endpoint differs
 * @public:	the public endpoint, its port before one is chosen
 * @account:	the tenant's, with a reference and one pinhole of its quota, or NULL
 */
struct opening {
	struct nf_alg_work *work;
	const struct nf_alg_pinhole_req *req;
	const struct nf_conntrack_tuple *sent, *back;
	bool mapped;
	struct alg_endpoint public;
	struct nf_alg_account *account;
};

static bool same_addr(u16 l3num, const union nf_inet_addr *a, const union nf_inet_addr *b)
{
	return l3num == NFPROTO_IPV4 ? a->ip == b->ip : nf_inet_addr_cmp(a, b);
}

static void ep_addr(union nf_inet_addr *addr, const struct alg_endpoint *ep)
{
	memset(addr, 0, sizeof(*addr));
	memcpy(addr, ep->addr, ep->family == 4 ? 4 : 16);
}

static void opening_init(struct opening *o, struct nf_alg_work *work, const struct nf_alg_pinhole_req *req)
{
	u16 l3num = nf_ct_l3num(work->ct);
	union nf_inet_addr target;

	o->work = work;
	o->req = req;
	o->sent = &work->ct->tuplehash[req->dir].tuple;
	o->back = &work->ct->tuplehash[!req->dir].tuple;
	ep_addr(&target, &req->target);
	o->mapped = same_addr(l3num, &target, &o->sent->src.u3) && !same_addr(l3num, &o->sent->src.u3, &o->back->dst.u3);
	o->public = req->target;
	if (o->mapped)
		nf_alg_endpoint_set(&o->public, l3num, &o->back->dst.u3, htons(req->target.port));
	if (req->same_port)
		o->public.port = ntohs(o->back->dst.u.all);
}

/* The expected connection's initiator is translated, too: his port block, if he has one. */
static void hole_source_block(struct nf_alg_hole *hole, const struct opening *o)
{
	struct nf_alg_ports ports;
	u16 lo, hi;

	if (!o->work->tenant || same_addr(nf_ct_l3num(o->work->ct), &o->back->src.u3, &o->sent->dst.u3))
		return;
	ports = nf_alg_tenant_ports(o->work->tenant);
	if (!nf_alg_port_range(ntohs(o->sent->dst.u.all), ports.min, ports.max, ports.block, &lo, &hi))
		return;
	hole->src_min = lo;
	hole->src_max = hi;
}

static struct nf_conntrack_expect *opening_expect(const struct opening *o, u16 port)
{
	struct nf_conntrack_expect *exp = nf_ct_expect_alloc(o->work->ct);
	__be16 dport = htons(port);
	union nf_inet_addr dst;

	if (!exp)
		return NULL;
	ep_addr(&dst, &o->public);
	nf_ct_expect_init(exp, NF_CT_EXPECT_CLASS_DEFAULT, nf_ct_l3num(o->work->ct), &o->back->src.u3, &dst, o->req->l4proto,
			  NULL, &dport);
	exp->expectfn = hole_expected;
	ep_addr(&exp->saved_addr, &o->req->target);
	exp->saved_proto.all = htons(o->req->target.port);
	exp->dir = !o->req->dir;
	return exp;
}

static struct nf_alg_hole *opening_hole(const struct opening *o, u16 port)
{
	struct nf_alg_work *w = o->work;
	struct nf_alg_hole *hole = kmem_cache_zalloc(hole_cache, GFP_ATOMIC | __GFP_NOWARN);
	struct alg_endpoint public = o->public;

	if (!hole)
		return NULL;
	hole->exp = opening_expect(o, port);
	if (!hole->exp) {
		kmem_cache_free(hole_cache, hole);
		return NULL;
	}
	public.port = port;
	key_set(&hole->key, w->net, &public, o->req->l4proto);
	hole->net = w->net;
	hole->state = HOLE_PENDING;
	hole->account = o->account;
	hole->proto = w->proto;
	hole->target = o->req->target;
	nf_alg_endpoint_set(&hole->peer, nf_ct_l3num(w->ct), &o->back->src.u3, 0);
	hole->master = w->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	hole->zone = *nf_ct_zone(w->ct);
	hole->translated = w->translated;
	hole->assigned = w->session ? w->session->assigned : ((struct nf_alg_conn *)nfct_help_data(w->ct))->assigned;
	hole->opened = jiffies;
	hole->timeout = o->req->timeout;
	hole_source_block(hole, o);
	return hole;
}

/* Undoes what was never visible to conntrack; the account stays with the caller. */
static void hole_drop(struct nf_alg_hole *hole, bool in_xa, bool in_table)
{
	if (in_xa)
		xa_erase_bh(&hole_net(hole->net)->holes, hole->id);
	if (in_table)
		rhltable_remove(&public_table, &hole->node, public_params);
	call_rcu(&hole->rcu, hole_free);
}

/* Return: 0 with *@out set, -EBUSY if the port is taken, another negative errno if no port will do. */
static int opening_try(const struct opening *o, u16 port, struct nf_alg_hole **out)
{
	struct hole_net *hn = hole_net(o->work->net);
	struct nf_alg_hole *hole = opening_hole(o, port);
	int err;

	if (!hole)
		return -ENOMEM;
	err = xa_alloc_cyclic_bh(&hn->holes, &hole->id, NULL, XA_LIMIT(1, INT_MAX), &hn->next_id, GFP_ATOMIC | __GFP_NOWARN);
	if (err < 0) {
		hole_drop(hole, false, false);
		return -ENOMEM;
	}
	if (rhltable_insert(&public_table, &hole->node, public_params)) {
		hole_drop(hole, true, false);
		return -ENOMEM;
	}
	err = public_taken(hole) ? -EBUSY : nf_ct_expect_related(hole->exp, 0);
	if (err) {
		hole_drop(hole, true, true);
		return err == -EALREADY ? -EBUSY : err;
	}
	nf_alg_exp_set_timeout(hole->exp, hole->timeout);
	*out = hole;
	return 0;
}

static int opening_ports(const struct opening *o, struct nf_alg_hole **hole)
{
	struct nf_alg_ports ports = {};
	struct nf_alg_port_iter it;
	int err = -EBUSY;
	u16 port;

	if (!o->mapped || o->req->same_port)
		return opening_try(o, o->public.port, hole);
	if (o->work->tenant)
		ports = nf_alg_tenant_ports(o->work->tenant);
	nf_alg_port_iter_init(&it, o->req->target.port, ntohs(o->back->dst.u.all), ports.min, ports.max, ports.block, 0,
			      get_random_u32());
	while (nf_alg_port_iter_next(&it, &port)) {
		err = opening_try(o, port, hole);
		if (err != -EBUSY)
			break;
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
	default:
		return NF_ALG_REASON_NO_MEMORY;
	}
}

static bool hole_allowed(const struct nf_alg_hole *hole)
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
 * From here on dumps, the collector and the sweep see it. A writer of the configuration bumps the number, then sweeps; we show
 * the pinhole, then read the number: one of us sees the other.
 */
static bool hole_publish(struct nf_alg_hole *hole, u32 gen)
{
	struct hole_net *hn = hole_net(hole->net);

	xa_store_bh(&hn->holes, hole->id, hole, GFP_ATOMIC);
	queue_delayed_work(system_power_efficient_wq, &hn->gc, GC_PERIOD);
	smp_mb();
	if (nf_alg_generation(hole->net) == gen || hole_allowed(hole))
		return true;
	hole_close(hole, NF_ALG_REASON_CLOSED);
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
	struct nf_alg_hole *hole = NULL;
	struct nf_alg_hole_key key;
	struct opening o = {};
	int reason, err;

	opening_init(&o, work, req);
	*id = 0;
	key_set(&key, work->net, &o.public, req->l4proto);
	if (still_open(&key, work->ct, &req->target)) {
		*public = o.public;
		return 0;
	}
	reason = opening_admit(&o);
	if (reason) {
		nf_alg_work_refuse(work, reason);
		return -1;
	}
	err = opening_ports(&o, &hole);
	if (err) {
		opening_abandon(&o);
		nf_alg_work_refuse(work, errno_reason(err));
		return -1;
	}
	*public = o.public;
	public->port = hole->key.port;
	*id = hole->id;
	nf_alg_work_count(work, NF_ALG_REASON_OPENED);
	hole_event(hole, NF_ALG_EVENT_PINHOLE_OPENED);
	return hole_publish(hole, work->gen) ? 0 : -1;
}
EXPORT_SYMBOL_GPL(nf_alg_pinhole_open);

/* ---- from outside ---- */

int nf_alg_pinhole_walk(struct net *net, u32 after, int (*fn)(const struct nf_alg_pinhole_info *info, void *arg), void *arg)
{
	struct hole_net *hn = hole_net(net);
	struct nf_alg_pinhole_info info;
	unsigned long id = after;
	struct nf_alg_hole *hole;
	int ret = 0;

	while (!ret) {
		rcu_read_lock();
		hole = xa_find_after(&hn->holes, &id, ULONG_MAX, XA_PRESENT);
		if (hole)
			hole_info(hole, &info);
		rcu_read_unlock();
		if (!hole)
			break;
		ret = fn(&info, arg);
		cond_resched();
	}
	return ret;
}

int nf_alg_pinhole_close_id(struct net *net, u32 id)
{
	struct nf_alg_hole *hole;
	int ret = -ENOENT;

	rcu_read_lock();
	hole = xa_load(&hole_net(net)->holes, id);
	if (hole && hole_close(hole, NF_ALG_REASON_CLOSED))
		ret = 0;
	rcu_read_unlock();
	return ret;
}
EXPORT_SYMBOL_GPL(nf_alg_pinhole_close_id);

struct tenant_closing {
	u32 tenant;
	unsigned int *closed;
};

static void close_of_tenant(struct nf_alg_hole *hole, const void *arg)
{
	const struct tenant_closing *c = arg;

	if (hole->account && hole->account->id == c->tenant && hole_close(hole, NF_ALG_REASON_CLOSED))
		(*c->closed)++;
}

unsigned int nf_alg_pinhole_close_tenant(struct net *net, u32 tenant)
{
	unsigned int closed = 0;
	struct tenant_closing c = { .tenant = tenant, .closed = &closed };

	holes_each(net, close_of_tenant, &c);
	return closed;
}

static void count_one(struct nf_alg_hole *hole, const void *arg)
{
	(**(u32 *const *)arg)++;
}

u32 nf_alg_pinhole_count(struct net *net)
{
	u32 n = 0, *p = &n;

	holes_each(net, count_one, &p);
	return n;
}

static void sweep_one(struct nf_alg_hole *hole, const void *arg)
{
	if (!hole_allowed(hole))
		hole_close(hole, NF_ALG_REASON_CLOSED);
}

void nf_alg_pinhole_sweep(struct net *net)
{
	smp_mb();	/* pairs with hole_publish() */
	holes_each(net, sweep_one, NULL);
}

static void sweep_translated(struct nf_alg_hole *hole, const void *arg)
{
	if (hole->translated)
		hole_close(hole, NF_ALG_REASON_CLOSED);
}

/* The protocol is going: no pinhole may point to it. */
static void sweep_proto(struct nf_alg_hole *hole, const void *arg)
{
	if (hole->proto != arg || hole_close(hole, NF_ALG_REASON_CLOSED))
		return;
	if (cmpxchg(&hole->state, HOLE_ACTIVE, HOLE_CLOSED) == HOLE_ACTIVE)
		hole_release(hole);
}

static void holes_each_net(void (*fn)(struct nf_alg_hole *hole, const void *arg), const void *arg)
{
	struct net *net;

	down_read(&net_rwsem);
	for_each_net(net)
		holes_each(net, fn, arg);
	up_read(&net_rwsem);
}

void nf_alg_pinhole_flush(const struct nf_alg_proto *proto)
{
	holes_each_net(sweep_proto, proto);
}

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
	holes_each_net(sweep_translated, NULL);
}
EXPORT_SYMBOL_GPL(nf_alg_nat_set);

bool nf_alg_nat_loaded(void)
{
	return rcu_access_pointer(nat_ops) != NULL;
}
EXPORT_SYMBOL_GPL(nf_alg_nat_loaded);

/* ---- module ---- */

static int __net_init hole_net_init(struct net *net)
{
	struct hole_net *hn = hole_net(net);

	xa_init_flags(&hn->holes, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	hn->next_id = 1;
	hn->net = net;
	INIT_DELAYED_WORK(&hn->gc, gc_work);
	return 0;
}

static void end_one(struct nf_alg_hole *hole, const void *arg)
{
	if (!hole_close(hole, NF_ALG_REASON_CLOSED) &&
	    cmpxchg(&hole->state, HOLE_ACTIVE, HOLE_CLOSED) == HOLE_ACTIVE)
		hole_release(hole);
}

/* The namespace has no packets any more; conntrack goes after us. */
static void __net_exit hole_net_exit(struct net *net)
{
	struct hole_net *hn = hole_net(net);

	cancel_delayed_work_sync(&hn->gc);
	holes_each(net, end_one, NULL);
	WARN_ON_ONCE(!xa_empty(&hn->holes));
	xa_destroy(&hn->holes);
}

static struct pernet_operations hole_net_ops = {
	.init = hole_net_init,
	.exit = hole_net_exit,
	.id = &hole_net_id,
	.size = sizeof(struct hole_net),
};

int nf_alg_pinhole_init(void)
{
	int err;

	hole_cache = kmem_cache_create("nf_alg_pinhole", sizeof(struct nf_alg_hole), 0, 0, NULL);
	if (!hole_cache)
		return -ENOMEM;
	err = rhltable_init(&public_table, &public_params);
	if (err)
		goto out_cache;
	err = register_pernet_subsys(&hole_net_ops);
	if (err)
		goto out_table;
	nf_ct_helper_expectfn_register(&hole_expectfn);
	return 0;

out_table:
	rhltable_destroy(&public_table);
out_cache:
	kmem_cache_destroy(hole_cache);
	return err;
}

/* Also those that were closed but that conntrack has not reaped yet. */
static bool expect_is_ours(struct nf_conntrack_expect *exp, void *data)
{
	return exp->expectfn == hole_expected;
}

void nf_alg_pinhole_exit(void)
{
	nf_ct_helper_expectfn_unregister(&hole_expectfn);
	synchronize_rcu();
	nf_ct_expect_iterate_destroy(expect_is_ours, NULL);
	synchronize_rcu();	/* hole_expected() runs nowhere */
	unregister_pernet_subsys(&hole_net_ops);
	rcu_barrier();
	rhltable_destroy(&public_table);
	kmem_cache_destroy(hole_cache);
}
