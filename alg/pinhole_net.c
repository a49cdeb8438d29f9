// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace's pinholes: numbered, in lists that dumps, sweeps and the collector go through under RCU. They change under
 * nf_alg_claims_lock, together with the table of public endpoints.
 */
#include <linux/module.h>
#include <linux/workqueue.h>
#include <net/netns/generic.h>

#include "pinhole.h"

#define GC_PERIOD	HZ
#define NET_LISTS	64

/**
 * struct hole_net - a namespace's pinholes
 * @lists:	by number modulo NET_LISTS; numbers grow along each
 * @count:	pinholes
 * @last:	number given last
 * @net:	namespace
 * @gc:		looks after them while there are any
 */
struct hole_net {
	struct list_head lists[NET_LISTS];
	u32 count;
	u32 last;
	struct net *net;
	struct delayed_work gc;
};

static unsigned int hole_net_id;

static struct hole_net *hole_net(const struct net *net)
{
	return net_generic(net, hole_net_id);
}

/* From here on dumps, the collector and the sweep see it. Under nf_alg_claims_lock. */
void nf_alg_hole_list(struct nf_alg_hole *hole)
{
	struct hole_net *hn = hole_net(nf_alg_hole_net(hole));

	hole->id = ++hn->last ?: ++hn->last;
	list_add_tail_rcu(&hole->list, &hn->lists[hole->id % NET_LISTS]);
	WRITE_ONCE(hn->count, hn->count + 1);
}

/* Under nf_alg_claims_lock. */
void nf_alg_hole_unlist(struct nf_alg_hole *hole)
{
	struct hole_net *hn = hole_net(nf_alg_hole_net(hole));

	list_del_rcu(&hole->list);
	WRITE_ONCE(hn->count, hn->count - 1);
}

/* Calls @fn for every pinhole of the namespace, a list at a time. Process context. */
static void holes_each(struct net *net, void (*fn)(struct nf_alg_hole *hole, const void *arg), const void *arg)
{
	struct hole_net *hn = hole_net(net);
	struct nf_alg_hole *hole;
	int i;

	for (i = 0; i < NET_LISTS && READ_ONCE(hn->count); i++) {
		rcu_read_lock();
		list_for_each_entry_rcu(hole, &hn->lists[i], list)
			fn(hole, arg);
		rcu_read_unlock();
		cond_resched();
	}
}

static void gc_one(struct nf_alg_hole *hole, const void *arg)
{
	nf_alg_hole_check(hole);
}

static void gc_work(struct work_struct *work)
{
	struct hole_net *hn = container_of(to_delayed_work(work), struct hole_net, gc);

	holes_each(hn->net, gc_one, NULL);
	if (READ_ONCE(hn->count))
		queue_delayed_work(system_power_efficient_wq, &hn->gc, GC_PERIOD);
}

/* The collector goes on while there are pinholes; the first one starts it. */
void nf_alg_hole_collect(struct net *net)
{
	struct hole_net *hn = hole_net(net);

	if (!delayed_work_pending(&hn->gc))
		queue_delayed_work(system_power_efficient_wq, &hn->gc, GC_PERIOD);
}

/* ---- from outside ---- */

/* Copies the pinhole that follows number *@id, list by list; sets *@id. false: there is none. */
static bool hole_next(struct hole_net *hn, u32 *id, struct nf_alg_pinhole_info *info)
{
	const struct nf_alg_hole *hole;
	u32 after = *id, i;
	bool found = false;

	rcu_read_lock();
	for (i = after % NET_LISTS; i < NET_LISTS && !found; i++, after = 0) {
		list_for_each_entry_rcu(hole, &hn->lists[i], list) {
			if (hole->id <= after)
				continue;
			nf_alg_hole_info(hole, info);
			*id = hole->id;
			found = true;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

int nf_alg_pinhole_walk(struct net *net, u32 after, int (*fn)(const struct nf_alg_pinhole_info *info, void *arg), void *arg)
{
	struct hole_net *hn = hole_net(net);
	struct nf_alg_pinhole_info info;
	int ret = 0;

	while (!ret && hole_next(hn, &after, &info)) {
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
	list_for_each_entry_rcu(hole, &hole_net(net)->lists[id % NET_LISTS], list) {
		if (hole->id != id)
			continue;
		if (nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED))
			ret = 0;
		break;
	}
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

	if (hole->account && hole->tenant == c->tenant && nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED))
		(*c->closed)++;
}

unsigned int nf_alg_pinhole_close_tenant(struct net *net, u32 tenant)
{
	unsigned int closed = 0;
	struct tenant_closing c = { .tenant = tenant, .closed = &closed };

	holes_each(net, close_of_tenant, &c);
	return closed;
}

u32 nf_alg_pinhole_count(struct net *net)
{
	return READ_ONCE(hole_net(net)->count);
}

static void sweep_one(struct nf_alg_hole *hole, const void *arg)
{
	if (!nf_alg_hole_allowed(hole))
		nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED);
}

void nf_alg_pinhole_sweep(struct net *net)
{
	smp_mb();	/* pairs with hole_allowed_still() */
	holes_each(net, sweep_one, NULL);
}

static void sweep_translated(struct nf_alg_hole *hole, const void *arg)
{
	if (hole->translated)
		nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED);
}

/* The protocol is going: no pinhole may point to it. */
static void sweep_proto(struct nf_alg_hole *hole, const void *arg)
{
	if (hole->proto == arg)
		nf_alg_hole_end(hole);
}

static void holes_each_net(void (*fn)(struct nf_alg_hole *hole, const void *arg), const void *arg)
{
	struct net *net;

	down_read(&net_rwsem);
	for_each_net(net)
		holes_each(net, fn, arg);
	up_read(&net_rwsem);
}

void nf_alg_pinhole_sweep_nat(void)
{
	holes_each_net(sweep_translated, NULL);
}

void nf_alg_pinhole_flush(const struct nf_alg_proto *proto)
{
	holes_each_net(sweep_proto, proto);
}

/* ---- module ---- */

static int __net_init hole_net_init(struct net *net)
{
	struct hole_net *hn = hole_net(net);
	int i;

	for (i = 0; i < NET_LISTS; i++)
		INIT_LIST_HEAD(&hn->lists[i]);
	hn->net = net;
	INIT_DELAYED_WORK(&hn->gc, gc_work);
	return 0;
}

static void end_one(struct nf_alg_hole *hole, const void *arg)
{
	nf_alg_hole_end(hole);
}

/* The namespace has no packets any more; conntrack goes after us. */
static void __net_exit hole_net_exit(struct net *net)
{
	struct hole_net *hn = hole_net(net);

	cancel_delayed_work_sync(&hn->gc);
	holes_each(net, end_one, NULL);
	WARN_ON_ONCE(hn->count);
}

static struct pernet_operations hole_net_ops = {
	.init = hole_net_init,
	.exit = hole_net_exit,
	.id = &hole_net_id,
	.size = sizeof(struct hole_net),
};

int nf_alg_pinhole_init(void)
{
	int err = nf_alg_hole_init();

	if (err)
		return err;
	err = register_pernet_subsys(&hole_net_ops);
	if (err)
		nf_alg_hole_exit();
	return err;
}

void nf_alg_pinhole_exit(void)
{
	nf_alg_hole_disarm();
	unregister_pernet_subsys(&hole_net_ops);
	nf_alg_hole_exit();
}
