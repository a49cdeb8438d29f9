// SPDX-License-Identifier: GPL-2.0-only
/* PPTP calls: their lives, and how they are shown. */
#include <linux/module.h>
#include <linux/workqueue.h>

#include "pptp.h"

#define COLLECT_PERIOD	(2 * HZ)

/*
 * All calls, in increasing order of numbers. Their lock is taken at a call's birth and death only, below session->lock.
 */
static LIST_HEAD(all_calls);
static DEFINE_SPINLOCK(all_lock);
static u32 last_number;
static struct delayed_work collector;

struct pptp_call *pptp_call_alloc(struct nf_alg_work *w)
{
	struct pptp_call *call = kzalloc(sizeof(*call), GFP_ATOMIC | __GFP_NOWARN);

	if (!call)
		return NULL;
	call->session = w->session;
	call->net = w->net;
	call->account = w->account && nf_alg_account_hold(w->account) ? w->account : NULL;
	call->state = NF_ALG_CALL_STATE_SETUP;
	call->begun = jiffies;
	call->until = call->begun + PPTP_ANSWER;
	call->asked = w->dir;
	call->control = w->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	call->assigned = nf_alg_work_on_service(w);
	spin_lock_bh(&all_lock);
	call->number = ++last_number ?: ++last_number;
	list_add_tail_rcu(&call->all, &all_calls);
	spin_unlock_bh(&all_lock);
	if (!delayed_work_pending(&collector))
		queue_delayed_work(system_power_efficient_wq, &collector, COLLECT_PERIOD);
	return call;
}

void pptp_call_close(struct pptp_call *call)
{
	int dir;

	call->state = NF_ALG_CALL_STATE_CLOSING;
	call->until = jiffies + PPTP_ANSWER;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		struct nf_alg_hole *hole = call->end[dir].hole;

		call->end[dir].hole = NULL;
		nf_alg_hole_drop(hole, true);
	}
}

void pptp_call_free(struct pptp_call *call)
{
	call->ended = true;
	list_del(&call->list);
	((struct pptp_session *)call->session->priv)->n--;
	spin_lock_bh(&all_lock);
	list_del_rcu(&call->all);
	spin_unlock_bh(&all_lock);
	nf_alg_public_put(call->end[0].public);
	nf_alg_public_put(call->end[1].public);
	if (call->account) {
		nf_alg_quota_call_give(call->account, NF_ALG_PROTOCOL_PPTP);
		nf_alg_account_put(call->account);
	}
	kfree_rcu(call, rcu);
}

void pptp_call_end(struct pptp_call *call, enum nf_alg_reason reason)
{
	pptp_call_close(call);
	pptp_call_event(call, NF_ALG_EVENT_CALL_ENDED);
	nf_alg_count(call->account, NF_ALG_PROTOCOL_PPTP, reason);
	pptp_call_free(call);
}

/* ---- collector ---- */

/* Answered: one of its flows lives or is waited for. Not answered, or cleared and not yet disconnected: for a while. */
static bool call_lives(const struct pptp_call *call)
{
	switch (call->state) {
	case NF_ALG_CALL_STATE_ESTABLISHED:
		return nf_alg_hole_stands(call->end[0].hole) || nf_alg_hole_stands(call->end[1].hole);
	default:
		return time_before(jiffies, call->until);
	}
}

static void collect_one(struct pptp_call *call)
{
	struct nf_alg_session *session = call->session;

	spin_lock_bh(&session->lock);
	if (!call->ended && !call_lives(call))
		pptp_call_end(call, call->state == NF_ALG_CALL_STATE_ESTABLISHED ? NF_ALG_REASON_MEDIA_IDLE :
			      NF_ALG_REASON_CALL_TIMEOUT);
	spin_unlock_bh(&session->lock);
}

static void collect(struct work_struct *work)
{
	struct pptp_call *call;

	rcu_read_lock();
	list_for_each_entry_rcu(call, &all_calls, all)
		collect_one(call);
	rcu_read_unlock();
	if (!list_empty(&all_calls))
		queue_delayed_work(system_power_efficient_wq, &collector, COLLECT_PERIOD);
}

/* ---- shown ---- */

static void flow_info(const struct pptp_call *call, enum ip_conntrack_dir dir, struct nf_alg_call_info *info)
{
	struct nf_alg_flow_info *flow = &info->flows[info->n_flows];
	struct nf_alg_pinhole_info hole;
	u64 packets[IP_CT_DIR_MAX], bytes[IP_CT_DIR_MAX];

	if (!call->end[dir].hole || !nf_alg_hole_traffic(call->end[dir].hole, &hole, packets, bytes))
		return;
	strscpy(flow->type, "gre", sizeof(flow->type));
	flow->party = dir != call->asked;
	flow->l4proto = IPPROTO_GRE;
	flow->state = hole.state;
	flow->peer = hole.peer;
	flow->public = hole.public;
	flow->target = hole.target;
	flow->packets = packets[IP_CT_DIR_ORIGINAL] + packets[IP_CT_DIR_REPLY];
	flow->bytes = bytes[IP_CT_DIR_ORIGINAL] + bytes[IP_CT_DIR_REPLY];
	info->n_flows++;
}

/* As the control connection's initiator sees it. */
static void party(const struct pptp_call *call, enum ip_conntrack_dir dir, struct alg_endpoint *ep)
{
	const struct nf_conntrack_tuple *t = &call->control;

	if (dir == IP_CT_DIR_ORIGINAL)
		nf_alg_endpoint_set(ep, t->src.l3num, &t->src.u3, t->src.u.all);
	else
		nf_alg_endpoint_set(ep, t->src.l3num, &t->dst.u3, t->dst.u.all);
}

static void party_text(const struct pptp_call *call, enum ip_conntrack_dir dir, const struct alg_endpoint *ep, char *text)
{
	char addr[ALG_ADDR_TEXT];

	alg_format_addr(addr, sizeof(addr), ep);
	if (call->end[dir].known)
		snprintf(text, NF_ALG_CALL_PARTY, "%s call %u", addr, call->end[dir].id);
	else
		snprintf(text, NF_ALG_CALL_PARTY, "%s", addr);
}

static void call_info(const struct pptp_call *call, struct nf_alg_call_info *info)
{
	enum ip_conntrack_dir dir;

	memset(info, 0, sizeof(*info));
	info->net = call->net;
	info->id = call->number;
	info->tenant = call->account ? call->account->id : 0;
	info->protocol = NF_ALG_PROTOCOL_PPTP;
	info->state = call->state;
	snprintf(info->name, sizeof(info->name), "pptp-%u", call->number);
	party(call, call->asked, &info->from_addr);
	party(call, !call->asked, &info->to_addr);
	party_text(call, call->asked, &info->from_addr, info->from);
	party_text(call, !call->asked, &info->to_addr, info->to);
	info->age = (jiffies - call->begun) / HZ;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
		flow_info(call, dir, info);
}

void pptp_call_event(const struct pptp_call *call, enum nf_alg_event event)
{
	struct nf_alg_call_info *info;

	if (likely(!nf_alg_event_wanted(call->net)))
		return;
	info = kmalloc(sizeof(*info), GFP_ATOMIC | __GFP_NOWARN);
	if (!info)
		return;
	call_info(call, info);
	nf_alg_event_call(info, event);
	kfree(info);
}

/* The first call of @net above @after, copied. */
static bool next_call(struct net *net, u32 after, struct nf_alg_call_info *info)
{
	struct pptp_call *call;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(call, &all_calls, all) {
		if (call->net != net || call->number <= after)
			continue;
		spin_lock_bh(&call->session->lock);
		found = !call->ended;
		if (found)
			call_info(call, info);
		spin_unlock_bh(&call->session->lock);
		if (found)
			break;
	}
	rcu_read_unlock();
	return found;
}

static int calls_walk(struct net *net, u32 after, int (*fn)(const struct nf_alg_call_info *info, void *arg), void *arg)
{
	struct nf_alg_call_info *info = kmalloc(sizeof(*info), GFP_KERNEL);
	int ret = 0;

	if (!info)
		return -ENOMEM;
	while (!ret && next_call(net, after, info)) {
		after = info->id;
		ret = fn(info, arg);
		cond_resched();
	}
	kfree(info);
	return ret;
}

/* Under RCU: the tenant may be gone, or its PPTP switched off, or the service: messages are not seen any more. */
static bool call_allowed(const struct pptp_call *call)
{
	return nf_alg_account_allows(call->net, call->account, NF_ALG_PROTOCOL_PPTP, call->assigned ? &call->control : NULL);
}

enum closing { CLOSE_NUMBER, CLOSE_TENANT, CLOSE_UNALLOWED };

static bool is_meant(const struct pptp_call *call, enum closing which, u32 id)
{
	switch (which) {
	case CLOSE_NUMBER:
		return call->number == id;
	case CLOSE_TENANT:
		return !id || (call->account && call->account->id == id);
	default:
		return !call_allowed(call);
	}
}

/* Ends those of @net that are meant; @id: number of a call, or of a tenant, all for 0. */
static unsigned int calls_close(struct net *net, enum closing which, u32 id)
{
	struct pptp_call *call;
	unsigned int n = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(call, &all_calls, all) {
		if (call->net != net || !is_meant(call, which, id))
			continue;
		spin_lock_bh(&call->session->lock);
		if (!call->ended) {
			pptp_call_end(call, NF_ALG_REASON_ENDED);
			n++;
		}
		spin_unlock_bh(&call->session->lock);
	}
	rcu_read_unlock();
	return n;
}

static int close_number(struct net *net, u32 number)
{
	return calls_close(net, CLOSE_NUMBER, number) ? 0 : -ENOENT;
}

static unsigned int close_tenant(struct net *net, u32 tenant)
{
	return calls_close(net, CLOSE_TENANT, tenant);
}

static void revise(struct net *net)
{
	calls_close(net, CLOSE_UNALLOWED, 0);
}

static u32 calls_count(struct net *net)
{
	const struct pptp_call *call;
	u32 n = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(call, &all_calls, all)
		n += call->net == net;
	rcu_read_unlock();
	return n;
}

const struct nf_alg_call_ops pptp_call_ops = {
	.walk = calls_walk,
	.close = close_number,
	.close_tenant = close_tenant,
	.revise = revise,
	.count = calls_count,
};

/* ---- module ---- */

/* No packet comes any more; conntrack, and with it the sessions, goes after us. */
static void __net_exit calls_net_exit(struct net *net)
{
	calls_close(net, CLOSE_TENANT, 0);
}

static struct pernet_operations calls_net_ops = {
	.exit = calls_net_exit,
};

int pptp_call_init(void)
{
	INIT_DELAYED_WORK(&collector, collect);
	return register_pernet_subsys(&calls_net_ops);
}

/* No session is left, so no call. */
void pptp_call_exit(void)
{
	unregister_pernet_subsys(&calls_net_ops);
	cancel_delayed_work_sync(&collector);
}
