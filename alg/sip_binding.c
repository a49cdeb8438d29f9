// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bindings: the table by owner, the namespaces' lists for dumps and the collector, their life and end. sip_register.c
 * makes them.
 */
#include <linux/module.h>
#include <linux/workqueue.h>
#include <net/netns/generic.h>

#include "sip_register.h"

#define LISTS		64
#define LOCKS		64
#define GC_PERIOD	HZ
#define DIALOGS		16	/* of no call, for each registration that the policy allows */
#define CONN_PERIOD	(16 * HZ)	/* shorter than any timeout that conntrack gives an answered UDP connection */

/**
 * struct binding_net - a namespace's bindings
 * @lock:	for the lists and @last
 * @lists:	by number modulo LISTS; numbers grow along each
 * @last:	number given last
 * @count:	bindings
 * @registrations: of these, granted registrations
 * @dialogs:	of these, dialogs
 * @net:	namespace
 * @gc:		looks after them while there are any
 */
struct binding_net {
	spinlock_t lock;
	struct list_head lists[LISTS];
	u32 last;
	atomic_t count, registrations, dialogs;
	struct net *net;
	struct delayed_work gc;
};

static const struct rhashtable_params bindings_params = {
	.head_offset = offsetof(struct sip_binding, node),
	.key_offset = offsetof(struct sip_binding, owner),
	.key_len = sizeof(u64),
	.automatic_shrinking = true,
};

static struct rhltable bindings;
static spinlock_t owner_locks[LOCKS];
static unsigned int binding_net_id;

static struct binding_net *binding_net(const struct net *net)
{
	return net_generic(net, binding_net_id);
}

spinlock_t *sip_owner_lock(u64 owner)
{
	return &owner_locks[owner % LOCKS];
}

struct rhlist_head *sip_bindings(u64 owner)
{
	return rhltable_lookup(&bindings, &owner, bindings_params);
}

/* ---- what others see ---- */

static void binding_info(const struct sip_binding *b, struct nf_alg_registration_info *info)
{
	long left = (long)(b->until - jiffies);

	memset(info, 0, sizeof(*info));
	info->net = b->net;
	info->id = b->id;
	info->tenant = b->account ? b->account->id : 0;
	info->protocol = NF_ALG_PROTOCOL_SIP;
	strscpy(info->aor, b->aor, sizeof(info->aor));
	info->l4proto = b->contact->key.l4proto;
	info->contact = b->contact->key.target;
	info->public = b->contact->public->public;
	info->registrar = b->registrar;
	info->age = (jiffies - b->since) / HZ;
	info->timeout = left > 0 ? left / HZ : 0;
}

static void binding_event(const struct sip_binding *b, enum nf_alg_event event)
{
	struct nf_alg_registration_info info;

	if (likely(!nf_alg_event_wanted(b->net)))
		return;
	binding_info(b, &info);
	nf_alg_event_registration(&info, event);
}

/* ---- birth and death; under the owner's lock ---- */

static void binding_list(struct sip_binding *b)
{
	struct binding_net *bn = binding_net(b->net);

	spin_lock_bh(&bn->lock);
	b->id = ++bn->last ?: ++bn->last;
	list_add_tail_rcu(&b->list, &bn->lists[b->id % LISTS]);
	spin_unlock_bh(&bn->lock);
	atomic_inc(&bn->count);
	if (b->dialog)
		atomic_inc(&bn->dialogs);
	smp_mb__after_atomic();	/* the collector goes on while there are bindings, or we start it */
	if (!delayed_work_pending(&bn->gc))
		queue_delayed_work(system_power_efficient_wq, &bn->gc, GC_PERIOD);
}

/* A registration was granted. */
void sip_binding_grant(struct sip_binding *b)
{
	b->granted = true;
	b->since = jiffies;
	atomic_inc(&binding_net(b->net)->registrations);
	binding_event(b, NF_ALG_EVENT_REGISTERED);
}

static void binding_unlist(struct sip_binding *b)
{
	struct binding_net *bn = binding_net(b->net);

	spin_lock_bh(&bn->lock);
	list_del_rcu(&b->list);
	spin_unlock_bh(&bn->lock);
	atomic_dec(&bn->count);
	if (b->dialog)
		atomic_dec(&bn->dialogs);
	else if (b->granted)
		atomic_dec(&bn->registrations);
}

static void binding_discharge(struct sip_binding *b)
{
	if (b->kind == SIP_REGISTRATION)
		nf_alg_quota_registration_give(b->account);
	else if (b->kind == SIP_OTHER_DIALOG)
		nf_alg_quota_dialog_give(b->account);
	nf_alg_account_put(b->account);
}

void sip_binding_end(struct sip_binding *b)
{
	if (b->gone)
		return;
	b->gone = true;
	if (b->granted && !b->dialog)
		binding_event(b, NF_ALG_EVENT_UNREGISTERED);
	rhltable_remove(&bindings, &b->node, bindings_params);
	binding_unlist(b);
	sip_contact_put(b->contact);
	binding_discharge(b);
	kfree_rcu(b, rcu);
}

static bool binding_quota(const struct sip_binding *b, struct nf_alg_work *w)
{
	u32 max = nf_alg_work_option(w, NF_ALG_A_OPTION_MAX_REGISTRATIONS);

	switch (b->kind) {
	case SIP_REGISTRATION:
		return nf_alg_quota_registration_take(w->account, max);
	case SIP_OTHER_DIALOG:
		return nf_alg_quota_dialog_take(w->account, max * DIALOGS);
	}
	return true;
}

/* The tenant's, with a reference and one of its quota. Return: 0, or why not. */
static int binding_account(struct sip_binding *b, struct nf_alg_work *w)
{
	struct nf_alg_account *account = w->account;

	if (!account || !nf_alg_account_hold(account))
		return 0;
	if (!binding_quota(b, w)) {
		nf_alg_account_put(account);
		return NF_ALG_REASON_QUOTA_REGISTRATIONS;
	}
	b->account = account;
	return 0;
}

static void copy_aor(struct sip_binding *b, const struct sip_message *m)
{
	u32 len = min_t(u32, m->msg.to_uri.len, sizeof(b->aor) - 1);

	alg_copy(b->aor, m->data + m->msg.to_uri.off, len);
	b->aor[len] = '\0';
}

/* Takes over the caller's use of @contact, also when it fails. */
struct sip_binding *sip_binding_new(struct sip_message *m, u64 owner, struct sip_contact *contact,
				    enum sip_binding_kind kind)
{
	struct sip_binding *b = kzalloc(sizeof(*b), GFP_ATOMIC | __GFP_NOWARN);
	int reason = NF_ALG_REASON_NO_MEMORY;

	if (!b)
		goto out_contact;
	b->owner = owner;
	b->net = m->work->net;
	b->contact = contact;
	b->kind = kind;
	b->dialog = kind != SIP_REGISTRATION;
	b->registrar = m->receiver;
	b->since = jiffies;
	copy_aor(b, m);
	reason = binding_account(b, m->work);
	if (reason)
		goto out_free;
	if (rhltable_insert_key(&bindings, &owner, &b->node, bindings_params)) {
		reason = NF_ALG_REASON_NO_MEMORY;
		goto out_account;
	}
	binding_list(b);
	if (m->n_made < ARRAY_SIZE(m->made))
		m->made[m->n_made++] = b;
	return b;

out_account:
	binding_discharge(b);
out_free:
	kfree(b);
out_contact:
	sip_contact_put(contact);
	nf_alg_work_refuse(m->work, reason);
	return NULL;
}

/* ---- all of them ---- */

bool sip_dialogs_any(struct net *net)
{
	return atomic_read(&binding_net(net)->dialogs);
}

/* Calls @fn for every binding of the namespace, under its owner's lock. Process context. */
static void bindings_each(struct net *net, void (*fn)(struct sip_binding *b, void *arg), void *arg)
{
	struct binding_net *bn = binding_net(net);
	struct sip_binding *b;
	int i;

	for (i = 0; i < LISTS && atomic_read(&bn->count); i++) {
		rcu_read_lock();
		list_for_each_entry_rcu(b, &bn->lists[i], list) {
			spin_lock_bh(sip_owner_lock(b->owner));
			if (!b->gone)
				fn(b, arg);
			spin_unlock_bh(sip_owner_lock(b->owner));
		}
		rcu_read_unlock();
		cond_resched();
	}
}

/* By the configuration, under RCU. */
static bool binding_allowed(const struct sip_binding *b)
{
	const struct nf_alg_tenant *tenant;

	if (!b->account)
		return true;
	tenant = nf_alg_tenant_by_id(b->net, b->account->id);
	return tenant && nf_alg_tenant_rule(tenant, NF_ALG_PROTOCOL_SIP)->mode == NF_ALG_MODE_ON &&
	       sip_conn_served(&b->conn, tenant);
}

/* A dialog of a call is of no use when that is gone, however it ended. Under RCU. */
static bool call_is_gone(const struct sip_binding *b)
{
	return b->call.net && !sip_call_find(&b->call);
}

static void gc_one(struct sip_binding *b, void *arg)
{
	if (time_after(jiffies, b->until) || !binding_allowed(b) || call_is_gone(b)) {
		sip_binding_end(b);
	} else if (b->granted && time_after(jiffies, b->kept + CONN_PERIOD)) {
		sip_conn_keep(b->net, &b->conn, (b->until - jiffies) / HZ);
		b->kept = jiffies;
	}
}

static void gc_work(struct work_struct *work)
{
	struct binding_net *bn = container_of(to_delayed_work(work), struct binding_net, gc);

	bindings_each(bn->net, gc_one, NULL);
	if (atomic_read(&bn->count))
		queue_delayed_work(system_power_efficient_wq, &bn->gc, GC_PERIOD);
}

/* Copies the registration that follows number *@id, list by list; sets *@id. false: there is none. */
static bool registration_next(struct binding_net *bn, u32 *id, struct nf_alg_registration_info *info)
{
	u32 after = *id, i;
	struct sip_binding *b;
	bool found = false;

	rcu_read_lock();
	for (i = after % LISTS; i < LISTS && !found; i++, after = 0) {
		list_for_each_entry_rcu(b, &bn->lists[i], list) {
			if (b->id <= after || b->dialog)
				continue;
			spin_lock_bh(sip_owner_lock(b->owner));
			found = b->granted && !b->gone;
			if (found)
				binding_info(b, info);
			spin_unlock_bh(sip_owner_lock(b->owner));
			if (!found)
				continue;
			*id = b->id;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

int sip_register_walk(struct net *net, u32 after, int (*fn)(const struct nf_alg_registration_info *info, void *arg),
		      void *arg)
{
	struct nf_alg_registration_info info;
	int ret = 0;

	while (!ret && registration_next(binding_net(net), &after, &info)) {
		ret = fn(&info, arg);
		cond_resched();
	}
	return ret;
}

int sip_register_close(struct net *net, u32 id)
{
	struct sip_binding *b;
	int ret = -ENOENT;

	rcu_read_lock();
	list_for_each_entry_rcu(b, &binding_net(net)->lists[id % LISTS], list) {
		if (b->id != id || b->dialog)
			continue;
		spin_lock_bh(sip_owner_lock(b->owner));
		if (!b->gone) {
			sip_binding_end(b);
			ret = 0;
		}
		spin_unlock_bh(sip_owner_lock(b->owner));
		break;
	}
	rcu_read_unlock();
	return ret;
}

struct closing {
	u32 tenant;
	unsigned int closed;
};

static void close_of_tenant(struct sip_binding *b, void *arg)
{
	struct closing *c = arg;

	if (c->tenant && (!b->account || b->account->id != c->tenant))
		return;
	c->closed += b->granted && !b->dialog;
	sip_binding_end(b);
}

unsigned int sip_register_close_tenant(struct net *net, u32 tenant)
{
	struct closing c = { .tenant = tenant };

	bindings_each(net, close_of_tenant, &c);
	return c.closed;
}

static void revise_one(struct sip_binding *b, void *arg)
{
	if (!binding_allowed(b))
		sip_binding_end(b);
}

void sip_register_revise(struct net *net)
{
	bindings_each(net, revise_one, NULL);
}

u32 sip_register_count(struct net *net)
{
	return atomic_read(&binding_net(net)->registrations);
}

/* ---- module ---- */

static int __net_init binding_net_init(struct net *net)
{
	struct binding_net *bn = binding_net(net);
	int i;

	spin_lock_init(&bn->lock);
	for (i = 0; i < LISTS; i++)
		INIT_LIST_HEAD(&bn->lists[i]);
	bn->net = net;
	INIT_DELAYED_WORK(&bn->gc, gc_work);
	return 0;
}

/* The namespace has no packets any more. */
static void __net_exit binding_net_exit(struct net *net)
{
	struct binding_net *bn = binding_net(net);

	cancel_delayed_work_sync(&bn->gc);
	sip_register_close_tenant(net, 0);
	WARN_ON_ONCE(atomic_read(&bn->count));
}

static struct pernet_operations binding_net_ops = {
	.init = binding_net_init,
	.exit = binding_net_exit,
	.id = &binding_net_id,
	.size = sizeof(struct binding_net),
};

int sip_register_init(void)
{
	int err, i;

	sip_register_secret();
	for (i = 0; i < LOCKS; i++)
		spin_lock_init(&owner_locks[i]);
	err = sip_contact_init();
	if (err)
		return err;
	err = rhltable_init(&bindings, &bindings_params);
	if (err)
		goto out_contact;
	err = register_pernet_subsys(&binding_net_ops);
	if (err)
		goto out_table;
	return 0;

out_table:
	rhltable_destroy(&bindings);
out_contact:
	sip_contact_exit();
	return err;
}

void sip_register_exit(void)
{
	unregister_pernet_subsys(&binding_net_ops);
	rhltable_destroy(&bindings);
	sip_contact_exit();
}
