// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where calls are kept: one table of all, read under RCU, and a namespace's calls by number for dumps.
 *
 * Every call that is not over is also in the collector's wheel, which looks at each once in CHECK_PERIOD seconds, or at
 * its deadline, whichever comes first; packets only move the deadline. Who ends a call, from wherever, takes it out of all
 * this and frees it by RCU: its memory is the next call's soon.
 *
 * Lock order: call->lock, then wheel_lock or a namespace's.
 */
#include <linux/module.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/workqueue.h>
#include <net/netns/generic.h>
#include <net/netns/hash.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "sip_call.h"

#define WHEEL_SLOTS	16	/* seconds, more than CHECK_PERIOD */
#define CHECK_PERIOD	8
#define LINGER		32	/* seconds for a caller to try again, or a cancelled INVITE to be answered: 64 * T1 */

#define NUMBERS		256	/* chains of calls by number */

/**
 * struct sip_net - a namespace's calls
 * @lock:	below call->lock
 * @calls:	numbers grow along it
 * @by_id:	the same by number
 * @last:	number given last
 * @count:	calls
 */
struct sip_net {
	spinlock_t lock;
	struct list_head calls;
	struct hlist_head by_id[NUMBERS];
	u32 last, count;
};

static unsigned int sip_net_id;
static struct rhashtable table;
static siphash_key_t secret[2];
static struct hlist_head wheel[WHEEL_SLOTS];
static DEFINE_SPINLOCK(wheel_lock);	/* taken at birth and death of a call, and by the collector */
static u32 in_wheel;
static u32 wheel_done;	/* second that the collector has done last */

static void collect(struct work_struct *work);
static DECLARE_DELAYED_WORK(collector, collect);

static struct sip_net *sip_net(const struct net *net)
{
	return net_generic(net, sip_net_id);
}

/* ---- table ---- */

static u32 key_hash(const void *data, u32 len, u32 seed)
{
	const struct sip_call_key *key = data;

	return (u32)key->id[0] ^ net_hash_mix(key->net);	/* keyed already */
}

static const struct rhashtable_params table_params = {
	.head_offset = offsetof(struct sip_call, node),
	.key_offset = offsetof(struct sip_call, key),
	.key_len = sizeof(struct sip_call_key),
	.hashfn = key_hash,
	.automatic_shrinking = true,
};

void sip_call_key(const struct sip_message *m, struct sip_call_key *key)
{
	const u8 *id = m->data + m->msg.call_id.off;
	u32 len = m->msg.call_id.len;

	key->id[0] = siphash(id, len, &secret[0]);
	key->id[1] = siphash(id, len, &secret[1]);
	key->net = m->work->net;
	key->zone = nf_ct_zone(m->work->ct)->id;
}

/* 0 is no tag. */
u64 sip_tag_hash(const struct sip_message *m, const struct alg_sip_span *span)
{
	return span->len ? siphash(m->data + span->off, span->len, &secret[0]) | 1 : 0;
}

struct sip_call *sip_call_find(const struct sip_call_key *key)
{
	return rhashtable_lookup(&table, key, table_params);
}

/* ---- birth ---- */

static void text_copy(char *to, size_t size, const struct sip_message *m, const struct alg_sip_span *span)
{
	size_t len = min_t(size_t, span->len, size - 1);

	alg_copy(to, m->data + span->off, len);
	to[len] = '\0';
}

static struct sip_call *call_alloc(const struct sip_message *m, const struct sip_call_key *key)
{
	struct sip_call *call = kmalloc(sizeof(*call), GFP_ATOMIC | __GFP_NOWARN);

	if (!call)
		return NULL;
	memset(call, 0, offsetof(struct sip_call, legs));	/* which are valid as far as @n_legs says */
	call->key = *key;
	call->net = key->net;
	call->gen = m->work->gen;
	call->state = NF_ALG_CALL_STATE_SETUP;
	call->undo = SIP_NONE;
	call->caller = sip_tag_hash(m, &m->msg.from_tag);
	call->begun = jiffies;
	call->from_addr = m->sender;
	call->to_addr = m->receiver;
	spin_lock_init(&call->lock);
	INIT_LIST_HEAD(&call->holes);
	text_copy(call->name, sizeof(call->name), m, &m->msg.call_id);
	text_copy(call->from, sizeof(call->from), m, &m->msg.from_uri);
	text_copy(call->to, sizeof(call->to), m, &m->msg.to_uri);
	return call;
}

/* Return: 0 with the quota taken, or the reason. */
static int call_admit(struct sip_call *call, struct nf_alg_work *w)
{
	u32 max = nf_alg_work_option(w, NF_ALG_A_OPTION_MAX_CALLS);

	if (!w->account || !nf_alg_account_hold(w->account))
		return 0;
	if (!nf_alg_quota_call_take(w->account, NF_ALG_PROTOCOL_SIP, max)) {
		nf_alg_account_put(w->account);
		return NF_ALG_REASON_QUOTA_CALLS;
	}
	call->account = w->account;
	return 0;
}

static void call_discharge(struct sip_call *call)
{
	if (!call->account)
		return;
	nf_alg_quota_call_give(call->account, NF_ALG_PROTOCOL_SIP);
	nf_alg_account_put(call->account);
	call->account = NULL;
}

/* Under call->lock; @call is not dead. */
static void wheel_add(struct sip_call *call, u32 seconds)
{
	spin_lock(&wheel_lock);
	hlist_add_head(&call->wheel, &wheel[((u32)(jiffies / HZ) + seconds) % WHEEL_SLOTS]);
	in_wheel++;
	spin_unlock(&wheel_lock);
}

/* The collector may have it in its hands. */
static void wheel_del(struct sip_call *call)
{
	spin_lock(&wheel_lock);
	if (!hlist_unhashed(&call->wheel)) {
		hlist_del_init(&call->wheel);
		in_wheel--;
	}
	spin_unlock(&wheel_lock);
}

static void call_free(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct sip_call, rcu));
}

/* From here on dumps see it. */
static void call_number(struct sip_call *call)
{
	struct sip_net *sn = sip_net(call->net);

	spin_lock(&sn->lock);
	call->id = ++sn->last ?: ++sn->last;
	list_add_tail(&call->list, &sn->calls);
	hlist_add_head(&call->by_id, &sn->by_id[call->id % NUMBERS]);
	WRITE_ONCE(sn->count, sn->count + 1);
	spin_unlock(&sn->lock);
}

static void call_unnumber(struct sip_call *call)
{
	struct sip_net *sn = sip_net(call->net);

	spin_lock(&sn->lock);
	list_del(&call->list);
	hlist_del(&call->by_id);
	WRITE_ONCE(sn->count, sn->count - 1);
	spin_unlock(&sn->lock);
}

/*
 * Shows the call to packets. Return: the one that is in the table now, NULL: none. Dumps know it already and may have
 * ended it; under its lock, so that nothing dead gets in.
 */
static struct sip_call *call_insert(struct sip_call *call, struct nf_alg_work *w)
{
	struct sip_call *other = NULL;

	spin_lock(&call->lock);
	if (!call->dead)
		other = rhashtable_lookup_get_insert_fast(&table, &call->node, table_params);
	if (other) {	/* memory, or a packet of the same call on another CPU was first */
		call->dead = true;
		call_unnumber(call);
		call_discharge(call);
		call_rcu(&call->rcu, call_free);
	} else if (!call->dead) {
		wheel_add(call, CHECK_PERIOD);
		nf_alg_count(call->account, NF_ALG_PROTOCOL_SIP, NF_ALG_REASON_CALLS);
		if (unlikely(nf_alg_work_heard(w)))
			sip_call_event(call, NF_ALG_EVENT_CALL_STARTED);
	}
	spin_unlock(&call->lock);
	if (IS_ERR(other))
		return NULL;
	return other ?: call;
}

int sip_call_add(struct sip_message *m, const struct sip_call_key *key, struct sip_call **out)
{
	struct sip_call *call = call_alloc(m, key);
	int reason;

	if (!call)
		return NF_ALG_REASON_NO_MEMORY;
	reason = call_admit(call, m->work);
	if (reason) {
		kfree(call);
		return reason;
	}
	call->timeout = nf_alg_work_option(m->work, NF_ALG_A_OPTION_CALL_TIMEOUT);
	sip_call_refresh(call);
	call_number(call);
	*out = call_insert(call, m->work);
	smp_mb();	/* the collector goes on while there are calls, or we start it */
	if (!delayed_work_pending(&collector))
		queue_delayed_work(system_power_efficient_wq, &collector, HZ);
	return *out ? 0 : NF_ALG_REASON_NO_MEMORY;
}

/* ---- life and end ---- */

u32 sip_call_lasts(const struct sip_call *call)
{
	switch (call->state) {
	case NF_ALG_CALL_STATE_ESTABLISHED:
		/* RFC 4028, 10: whoever refreshes has until then; one that is not refreshed is over */
		return call->session ? min_t(u64, (u64)call->session + LINGER, call->timeout) : call->timeout;
	case NF_ALG_CALL_STATE_CLOSING:
		return LINGER;
	default:
		return SIP_RING;
	}
}

void sip_call_refresh(struct sip_call *call)
{
	WRITE_ONCE(call->deadline, jiffies + (unsigned long)sip_call_lasts(call) * HZ);
}

static void parties_free(struct sip_call *call)
{
	int i;

	for (i = 0; i < SIP_DIALOGS; i++)
		kfree(call->dialogs[i]);
	memset(call->dialogs, 0, sizeof(call->dialogs));
	for (i = 0; i < SIP_PARTIES; i++) {
		if (!call->parties[i])
			continue;
		sip_media_forget(call->parties[i]);
		kfree(call->parties[i]);
		call->parties[i] = NULL;
	}
}

/*
 * Everything that it held is given back at once, and it is freed when this RCU section is over. @reason: counted, 0:
 * nothing is.
 */
void sip_call_end(struct sip_call *call, int reason)
{
	lockdep_assert_held(&call->lock);
	if (call->dead)
		return;
	call->state = NF_ALG_CALL_STATE_CLOSING;
	call->dead = true;
	rhashtable_remove_fast(&table, &call->node, table_params);
	sip_holes_close(call);
	parties_free(call);
	call_unnumber(call);	/* a namespace that goes waits for those that it finds */
	if (reason)
		nf_alg_count(call->account, NF_ALG_PROTOCOL_SIP, reason);
	sip_call_event(call, NF_ALG_EVENT_CALL_ENDED);
	call_discharge(call);
	wheel_del(call);
	call_rcu(&call->rcu, call_free);
}

/* ---- collector ---- */

static bool conns_served(const struct sip_call *call, const struct nf_alg_tenant *tenant)
{
	u8 i;

	for (i = 0; i < call->n_legs; i++)
		if (sip_leg_used(call, i) && !sip_conn_served(&call->conns[i], tenant))
			return false;
	return true;
}

/* The tenant may have been taken away, or its SIP switched off, or a service. Its pinholes are closed already. */
bool sip_call_allowed(struct sip_call *call)
{
	u32 gen = nf_alg_generation(call->net);
	const struct nf_alg_tenant *tenant;
	bool ret;

	if (likely(call->gen == gen) || !call->account)
		return true;
	rcu_read_lock();
	tenant = nf_alg_tenant_by_id(call->net, call->account->id);
	ret = tenant && nf_alg_tenant_rule(tenant, NF_ALG_PROTOCOL_SIP)->mode == NF_ALG_MODE_ON && conns_served(call, tenant);
	rcu_read_unlock();
	call->gen = gen;
	return ret;
}

static void keep_conns(const struct sip_call *call)
{
	u8 i;

	for (i = 0; i < call->n_legs && call->state != NF_ALG_CALL_STATE_CLOSING; i++)
		sip_conn_keep(call->net, &call->conns[i], SIP_CONN_KEEP);
}

/* Under RCU; it is not in the wheel, and goes back to it unless it is over. */
static void call_check(struct sip_call *call)
{
	long left;

	spin_lock_bh(&call->lock);
	if (!call->dead) {
		left = (long)(call->deadline - jiffies);
		if (left <= 0)
			sip_call_end(call, call->state == NF_ALG_CALL_STATE_CLOSING ? NF_ALG_REASON_ENDED :
								      NF_ALG_REASON_CALL_TIMEOUT);
		else if (!sip_call_allowed(call))
			sip_call_end(call, 0);
		else
			sip_holes_check(call);
		if (!call->dead) {
			keep_conns(call);
			wheel_add(call, clamp_t(long, DIV_ROUND_UP(left, HZ), 1, CHECK_PERIOD));
		}
	}
	spin_unlock_bh(&call->lock);
}

/* The first of @due, taken out; NULL: there is none. Under RCU. */
static struct sip_call *wheel_take(struct hlist_head *due)
{
	struct sip_call *call;

	spin_lock_bh(&wheel_lock);
	call = hlist_entry_safe(due->first, struct sip_call, wheel);
	if (call) {
		hlist_del_init(&call->wheel);
		in_wheel--;
	}
	spin_unlock_bh(&wheel_lock);
	return call;
}

static void check_slot(u32 slot)
{
	struct sip_call *call;
	struct hlist_head due;

	spin_lock_bh(&wheel_lock);
	hlist_move_list(&wheel[slot], &due);	/* those ended meanwhile leave it */
	spin_unlock_bh(&wheel_lock);
	do {
		rcu_read_lock();
		call = wheel_take(&due);
		if (call)
			call_check(call);
		rcu_read_unlock();
		cond_resched();
	} while (call);
}

static void collect(struct work_struct *work)
{
	u32 now = jiffies / HZ, due = min_t(u32, now - wheel_done, WHEEL_SLOTS);

	wheel_done = now;
	for (; due; due--)
		check_slot((now - due + 1) % WHEEL_SLOTS);
	if (READ_ONCE(in_wheel))
		queue_delayed_work(system_power_efficient_wq, &collector, HZ);
}

/* ---- from outside ---- */

u32 sip_call_number(struct net *net)
{
	return READ_ONCE(sip_net(net)->count);
}

/* The call that follows number @id, NULL: there is none. Under RCU. */
static struct sip_call *call_behind(struct sip_net *sn, u32 id)
{
	struct sip_call *call, *found = NULL;

	spin_lock_bh(&sn->lock);
	hlist_for_each_entry(call, &sn->by_id[id % NUMBERS], by_id)
		if (call->id == id)
			break;
	/* When that one is over since it takes longer. */
	if (!call)
		call = list_entry(&sn->calls, struct sip_call, list);
	list_for_each_entry_continue(call, &sn->calls, list) {
		if (call->id > id) {
			found = call;
			break;
		}
	}
	spin_unlock_bh(&sn->lock);
	return found;
}

bool sip_call_next(struct net *net, u32 *id, void (*fn)(struct sip_call *call, void *arg), void *arg)
{
	struct sip_call *call;

	rcu_read_lock();
	call = call_behind(sip_net(net), *id);
	if (call) {
		*id = call->id;
		spin_lock_bh(&call->lock);
		if (!call->dead)
			fn(call, arg);
		spin_unlock_bh(&call->lock);
	}
	rcu_read_unlock();
	return call;
}

/* ---- module ---- */

static int __net_init sip_net_init(struct net *net)
{
	struct sip_net *sn = sip_net(net);

	spin_lock_init(&sn->lock);
	INIT_LIST_HEAD(&sn->calls);
	return 0;
}

static void end_one(struct sip_call *call, void *arg)
{
	sip_call_end(call, 0);
}

/* Conntrack and the pinholes go after us. */
static void __net_exit sip_net_exit(struct net *net)
{
	u32 id = 0;

	while (sip_call_next(net, &id, end_one, NULL))
		cond_resched();
	WARN_ON_ONCE(!list_empty(&sip_net(net)->calls));
}

static struct pernet_operations sip_net_ops = {
	.init = sip_net_init,
	.exit = sip_net_exit,
	.id = &sip_net_id,
	.size = sizeof(struct sip_net),
};

int sip_call_init(void)
{
	int err = rhashtable_init(&table, &table_params);

	if (err)
		return err;
	get_random_bytes(secret, sizeof(secret));
	wheel_done = jiffies / HZ;
	err = register_pernet_subsys(&sip_net_ops);
	if (err)
		rhashtable_destroy(&table);
	return err;
}

void sip_call_exit(void)
{
	cancel_delayed_work_sync(&collector);
	unregister_pernet_subsys(&sip_net_ops);
	rcu_barrier();
	rhashtable_destroy(&table);
}
