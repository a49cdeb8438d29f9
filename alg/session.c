// SPDX-License-Identifier: GPL-2.0-only
/* Sessions: what an ALG remembers of one control connection, and how a packet finds its session, tenant and rule. */
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/hash.h>
#include <linux/math64.h>
#include <linux/ip.h>
#include <net/ipv6.h>
#include <net/netfilter/nf_conntrack_core.h>

#include "nf_alg.h"

#define SESSION_GONE	NF_ALG_SESSION_GONE

/* All sessions, so that unloading a protocol finds those whose ->destroy will never run. Touched at birth and death only. */
#define TABLE_BITS	8

static struct session_bucket {
	spinlock_t lock;
	struct hlist_head head;
} table[1 << TABLE_BITS];

static struct session_bucket *session_bucket(const struct nf_alg_session *s)
{
	return &table[hash_ptr(s, TABLE_BITS)];
}

static struct nf_alg_conn *conn_data(const struct nf_conn *ct)
{
	return nfct_help(ct) ? nfct_help_data(ct) : NULL;
}

void nf_alg_conn_assigned(struct nf_conn *ct, u32 tenant_id)
{
	struct nf_alg_conn *data = conn_data(ct);

	if (data) {
		data->tenant = tenant_id;
		data->assigned = true;
	}
}
EXPORT_SYMBOL_GPL(nf_alg_conn_assigned);

void nf_alg_conn_waits(struct nf_conn *ct)
{
	struct nf_alg_conn *data = conn_data(ct);

	if (data)
		data->adopted = true;
}

void nf_alg_endpoint_set(struct alg_endpoint *ep, u16 l3num, const union nf_inet_addr *addr, __be16 port)
{
	memset(ep, 0, sizeof(*ep));
	ep->family = l3num == NFPROTO_IPV4 ? 4 : 6;
	ep->port = ntohs(port);
	if (l3num == NFPROTO_IPV4)
		memcpy(ep->addr, addr, 4);
	else
		memcpy(ep->addr, addr, 16);
}
EXPORT_SYMBOL_GPL(nf_alg_endpoint_set);

/* ---- how long a UDP connection lives ---- */

#define KEEP_MAX	604800u	/* conntrack compares times as signed numbers of jiffies */

void nf_alg_conn_extend(struct nf_conn *ct, u32 secs)
{
	u32 jiffs = min(secs, KEEP_MAX) * HZ;

	if (test_bit(IPS_FIXED_TIMEOUT_BIT, &ct->status))
		return;
	if (!nf_ct_is_confirmed(ct)) {	/* counts from confirmation */
		ct->timeout = max_t(u32, ct->timeout, jiffs);
		return;
	}
	jiffs += nfct_time_stamp;
	if ((s32)(jiffs - READ_ONCE(ct->timeout)) > 0)
		WRITE_ONCE(ct->timeout, jiffs);
}
EXPORT_SYMBOL_GPL(nf_alg_conn_extend);

void nf_alg_conn_keep(struct nf_conn *ct, u32 secs)
{
	u32 now = div_u64(get_jiffies_64(), HZ), until = now + min(secs, KEEP_MAX), keep;
	struct nf_alg_conn *data = conn_data(ct);

	if (!data)
		return;
	keep = READ_ONCE(data->keep);
	if (secs && (!keep || (s32)(until - keep) > 0)) {
		keep = until ?: 1;
		WRITE_ONCE(data->keep, keep);
	}
	if (keep && (s32)(keep - now) > 0)
		nf_alg_conn_extend(ct, keep - now);
}
EXPORT_SYMBOL_GPL(nf_alg_conn_keep);

/* ---- one packet ---- */

/* The packet's own transport, which conntrack found behind its headers: an ICMP error has the connection of what it quotes. */
static bool packet_carries(const struct sk_buff *skb, u8 l4proto)
{
	__be16 frag;
	u8 proto;

	if (ip_hdr(skb)->version == 4)
		return ip_hdr(skb)->protocol == l4proto;
	proto = ipv6_hdr(skb)->nexthdr;
	return ipv6_skip_exthdr(skb, skb_network_offset(skb) + sizeof(struct ipv6hdr), &proto, &frag) >= 0 && proto == l4proto;
}

bool nf_alg_work_init(struct nf_alg_work *work, const struct nf_alg_proto *proto, u8 l4proto, struct sk_buff *skb,
		      unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	if (nf_ct_protonum(ct) != l4proto || nf_ct_is_template(ct) || !nfct_help(ct))
		return false;
	if (nf_is_loopback_packet(skb))
		return false;
	if (ct->master && !nf_alg_conn_is_child(ct))
		return false;
	/*
	 * IP_CT_RELATED is an ICMP error, or comes before the first answer to the initiator of a control connection that was
	 * expected.
	 */
	if (ctinfo != IP_CT_ESTABLISHED && ctinfo != IP_CT_ESTABLISHED_REPLY && ctinfo != IP_CT_NEW &&
	    !(ctinfo == IP_CT_RELATED && ct->master && packet_carries(skb, l4proto)))
		return false;

	work->skb = skb;
	work->protoff = protoff;
	work->ct = ct;
	work->ctinfo = ctinfo;
	work->dir = CTINFO2DIR(ctinfo);
	work->proto = proto;
	work->session = NULL;
	work->net = nf_ct_net(ct);
	work->tenant = NULL;
	work->account = NULL;
	work->rule = NULL;
	work->translated = ct->status & IPS_NAT_MASK;
	work->drop = false;
	work->heard = false;
	work->unheard = false;
	work->mode = NF_ALG_MODE_OFF;
	work->gen = 0;
	return true;
}
EXPORT_SYMBOL_GPL(nf_alg_work_init);

/* The tenant: of the session, else the one that the assignment hook found, else by the packet's marks. */
static const struct nf_alg_tenant *work_tenant(const struct nf_alg_work *work, const struct nf_alg_conn *data)
{
	if (work->session)
		return work->session->account ? nf_alg_tenant_by_id(work->net, work->session->tenant) : NULL;
	if (data->assigned)
		return nf_alg_tenant_by_id(work->net, data->tenant);
	return nf_alg_tenant_classify(work->net, work->ct, work->skb->mark,
				      dev_get_by_index_rcu(work->net, work->skb->skb_iif));
}

/* A connection that came through a pinhole stands on no service of the policy. */
static bool on_service(const struct nf_alg_conn *data)
{
	return data->assigned && !data->inside_reply;
}

bool nf_alg_work_on_service(const struct nf_alg_work *work)
{
	const struct nf_alg_conn *data;

	if (work->session)
		return work->session->assigned;
	data = conn_data(work->ct);
	return data && on_service(data);
}
EXPORT_SYMBOL_GPL(nf_alg_work_on_service);

bool nf_alg_account_allows(struct net *net, const struct nf_alg_account *account, enum nf_alg_protocol protocol,
			   const struct nf_conntrack_tuple *service)
{
	const struct nf_alg_tenant *tenant;

	if (!account)
		return true;
	tenant = nf_alg_tenant_by_id(net, account->id);
	return tenant && nf_alg_tenant_rule(tenant, protocol)->mode == NF_ALG_MODE_ON &&
	       (!service || nf_alg_tenant_serves(tenant, protocol, service));
}
EXPORT_SYMBOL_GPL(nf_alg_account_allows);

/* Off when the tenant or the service is gone since; what an nft rule gave needs no service. */
static u8 work_mode(const struct nf_alg_work *work, bool assigned, bool had_tenant)
{
	if (!work->tenant)
		return assigned || had_tenant ? NF_ALG_MODE_OFF : work->rule->mode;
	if (assigned && !nf_alg_tenant_serves(work->tenant, work->proto->id,
					       &work->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple))
		return NF_ALG_MODE_OFF;
	return work->rule->mode;
}

void nf_alg_work_resolve(struct nf_alg_work *work)
{
	const struct nf_alg_conn *data = conn_data(work->ct);
	const struct nf_alg_session *s = work->session;

	if (work->rule)
		return;
	if (!s)		/* else read, with the mode, when the session was entered */
		work->gen = nf_alg_generation(work->net);
	work->tenant = work_tenant(work, data);
	work->rule = work->tenant ? nf_alg_tenant_rule(work->tenant, work->proto->id) : nf_alg_default_rule(work->proto->id);
	if (!s) {
		work->account = work->tenant ? nf_alg_tenant_account(work->tenant) : NULL;
		work->mode = work_mode(work, on_service(data), data->assigned);
	}
}
EXPORT_SYMBOL_GPL(nf_alg_work_resolve);

void nf_alg_session_enter(struct nf_alg_work *work)
{
	struct nf_alg_session *s = work->session;

	lockdep_assert_held(&s->lock);
	work->account = s->account;
	work->gen = smp_load_acquire(s->gen_now);
	if (unlikely(s->gen != work->gen)) {
		nf_alg_work_resolve(work);
		s->mode = work_mode(work, s->assigned, s->account);
		s->rewrites = work->translated || (work->proto->rewrites && work->proto->rewrites(work));
		s->gen = work->gen;
	}
	work->mode = s->mode;
}

void nf_alg_work_refuse(const struct nf_alg_work *work, enum nf_alg_reason reason)
{
	nf_alg_work_count(work, reason);
	nf_alg_event_refused(work->net, work->account ? work->account->id : 0, work->proto->id, reason);
}
EXPORT_SYMBOL_GPL(nf_alg_work_refuse);

/* ---- birth and death ---- */

static struct nf_alg_session *session_alloc(struct nf_alg_work *work, const struct nf_alg_conn *data)
{
	struct nf_alg_session *s = kmem_cache_zalloc(work->proto->cache, GFP_ATOMIC | __GFP_NOWARN);

	if (!s)
		return NULL;
	spin_lock_init(&s->lock);
	s->proto = work->proto;
	s->net = work->net;
	s->gen_now = nf_alg_generation_at(work->net);
	s->assigned = on_service(data);
	s->gen = ~work->gen;	/* the mode is looked up when the session is entered */
	if (work->account && nf_alg_account_hold(work->account)) {
		s->account = work->account;
		s->tenant = work->account->id;
	}
	if (data->syn_seen)
		alg_stream_init(&s->dir[IP_CT_DIR_ORIGINAL], data->isn);
	if (s->proto->begin)
		s->proto->begin(s);
	return s;
}

void nf_alg_session_count_messages(struct nf_alg_session *s, u32 messages)
{
	messages += s->uncounted;
	s->uncounted = 0;
	if (messages && s->account)
		nf_alg_count_add(s->account, s->proto->id, NF_ALG_REASON_MESSAGES, messages);
}
EXPORT_SYMBOL_GPL(nf_alg_session_count_messages);

static void session_free_rcu(struct rcu_head *rcu);

/* No packet has the session any more. Return: false if it must stay for a grace period, because its part was known to others. */
static bool session_end(struct nf_alg_session *s)
{
	if (!s->proto->end || s->ended)
		return true;
	spin_lock_bh(&s->lock);
	s->proto->end(s);
	s->ended = true;
	spin_unlock_bh(&s->lock);
	call_rcu(&s->rcu, session_free_rcu);
	return false;
}

static void session_free_rcu(struct rcu_head *rcu)
{
	struct nf_alg_session *s = container_of(rcu, struct nf_alg_session, rcu);
	struct nf_alg_work work = { .session = s, .account = s->account, .proto = s->proto };
	int i;

	if (!session_end(s))
		return;
	if (s->proto->stream)
		for (i = 0; i < IP_CT_DIR_MAX; i++)
			alg_stream_clean(&s->dir[i], s->proto->stream, &work);
	nf_alg_session_count_messages(s, 0);
	if (s->account) {
		nf_alg_quota_session_give(s->account);
		nf_alg_account_put(s->account);
	}
	kmem_cache_free(s->proto->cache, s);
}

static void session_hash(struct nf_alg_session *s)
{
	struct session_bucket *b = session_bucket(s);

	spin_lock_bh(&b->lock);
	hlist_add_head(&s->node, &b->head);
	spin_unlock_bh(&b->lock);
}

/* Return: false if somebody else took it out already. */
static bool session_unhash(struct nf_alg_session *s)
{
	struct session_bucket *b = session_bucket(s);
	bool found;

	spin_lock_bh(&b->lock);
	found = !hlist_unhashed(&s->node);
	hlist_del_init(&s->node);
	spin_unlock_bh(&b->lock);
	return found;
}

static struct nf_alg_session *session_create(struct nf_alg_work *work, struct nf_alg_conn *data)
{
	struct nf_alg_session *s, *old;
	int reason;

	nf_alg_work_resolve(work);
	if (work->account) {
		reason = nf_alg_quota_session_take(work->tenant, work->account);
		if (reason) {
			nf_alg_work_refuse(work, reason);
			cmpxchg(&data->session, NULL, SESSION_GONE);
			return NULL;
		}
	}
	s = session_alloc(work, data);
	if (!s) {
		if (work->account)
			nf_alg_quota_session_give(work->account);
		nf_alg_work_count(work, NF_ALG_REASON_NO_MEMORY);
		return NULL;
	}
	if (work->account && !s->account)	/* the tenant went away under our eyes */
		nf_alg_quota_session_give(work->account);
	session_hash(s);
	old = cmpxchg(&data->session, NULL, s);
	if (old) {
		if (session_unhash(s))
			call_rcu(&s->rcu, session_free_rcu);
		return old == SESSION_GONE ? NULL : old;
	}
	nf_alg_work_count(work, NF_ALG_REASON_SESSIONS);
	work->rule = NULL;	/* looked up again with the session */
	return s;
}

struct nf_alg_session *nf_alg_session_get(struct nf_alg_work *work)
{
	struct nf_alg_conn *data = conn_data(work->ct);
	struct nf_alg_session *s = READ_ONCE(data->session);

	if (s == SESSION_GONE)
		return NULL;
	if (!s)
		s = session_create(work, data);
	work->session = s;
	return s;
}

void nf_alg_session_destroy(struct nf_conn *ct)
{
	struct nf_alg_conn *data = conn_data(ct);
	struct nf_alg_session *s;

	if (!data)
		return;
	s = xchg(&data->session, SESSION_GONE);
	if (!s || s == SESSION_GONE || !session_unhash(s))
		return;
	/*
	 * Now, not a grace period later. Who looks for a connection finds expired ones, and deletes them: we may be here below
	 * the lock of another session, or of this one.
	 */
	if (spin_trylock_bh(&s->lock)) {
		nf_alg_session_count_messages(s, 0);
		spin_unlock_bh(&s->lock);
	}
	call_rcu(&s->rcu, session_free_rcu);
}

void nf_alg_session_flush(const struct nf_alg_proto *proto)
{
	struct nf_alg_session *s;
	struct hlist_node *next;
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		spin_lock_bh(&table[i].lock);
		hlist_for_each_entry_safe(s, next, &table[i].head, node) {
			if (s->proto != proto)
				continue;
			hlist_del_init(&s->node);
			call_rcu(&s->rcu, session_free_rcu);
		}
		spin_unlock_bh(&table[i].lock);
	}
}

u32 nf_alg_session_count(struct net *net)
{
	const struct nf_alg_session *s;
	u32 n = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		spin_lock_bh(&table[i].lock);
		hlist_for_each_entry(s, &table[i].head, node)
			n += s->net == net;
		spin_unlock_bh(&table[i].lock);
	}
	return n;
}

int nf_alg_session_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		spin_lock_init(&table[i].lock);
	return 0;
}

void nf_alg_session_exit(void)
{
	rcu_barrier();
}
