// SPDX-License-Identifier: GPL-2.0-only
/* Tunnels for dumps and events, and how they are ended from outside. */
#include <linux/module.h>
#include <net/netfilter/nf_conntrack_acct.h>

#include "esp.h"

/* What both clocks have in common: 32 bits, which go round. */
static u32 ms_since(u32 then)
{
	s32 ms = (u32)esp_now() - then;

	return ms > 0 ? ms : 0;
}

static u32 seconds_since(unsigned long begun)
{
	return (jiffies - begun) / HZ;
}

/* ---- copies, under the lock ---- */

static void ikes_info(const struct esp_tunnel *tunnel, struct nf_alg_tunnel_info *info, u32 *idle)
{
	const struct alg_link *link;
	unsigned int n = 0;

	for (link = tunnel->bind.ikes.next; link != &tunnel->bind.ikes; link = link->next) {
		const struct esp_ike *ike = esp_ike_of(alg_esp_entry(link, struct alg_esp_ike, list));
		u32 ms = ms_since(ike->bind.last);

		*idle = min(*idle, ms);
		if (n == NF_ALG_TUNNEL_IKES)
			continue;
		info->ike[n].ispi = ike->bind.ispi;
		info->ike[n].rspi = ike->rspi;
		info->ike[n].version = ike->version;
		info->ike[n].age = seconds_since(ike->begun);
		info->ike[n].idle = ms / MSEC_PER_SEC;
		n++;
	}
}

static void sas_info(const struct esp_tunnel *tunnel, struct nf_alg_tunnel_info *info, u32 *idle)
{
	const struct alg_link *link;
	unsigned int n = 0;

	for (link = tunnel->bind.sas.next; link != &tunnel->bind.sas; link = link->next) {
		const struct esp_sa *sa = esp_sa_of(alg_esp_entry(link, struct alg_esp_sa, list));
		u32 ms = ms_since(READ_ONCE(sa->bind.last));

		*idle = min(*idle, ms);
		if (n == NF_ALG_TUNNEL_SAS)
			continue;
		info->sa[n].spi = sa->bind.spi;
		info->sa[n].peer = sa->bind.peer ? sa->bind.peer->spi : 0;
		info->sa[n].seq = READ_ONCE(sa->bind.seq);
		info->sa[n].age = seconds_since(sa->begun);
		info->sa[n].idle = ms / MSEC_PER_SEC;
		info->sa[n].in = sa->bind.dir == ALG_ESP_IN;
		n++;
	}
}

static bool gate_open(const struct esp_tunnel *tunnel)
{
	const struct alg_esp_group *group = tunnel->bind.group;

	return group->holder == &tunnel->bind && (s32)((u32)esp_now() - group->opened) < (s32)group->span;
}

static void tunnel_info(const struct esp_tunnel *tunnel, struct nf_alg_tunnel_info *info)
{
	u32 idle = U32_MAX;

	memset(info, 0, sizeof(*info));
	info->net = esp_tunnel_net(tunnel);
	info->id = tunnel->id;
	info->tenant = tunnel->tenant;
	info->zone = tunnel->key.zone;
	info->slot = tunnel->bind.slot;
	info->slot_zone = tunnel->zone;
	info->gate = gate_open(tunnel);
	nf_alg_endpoint_set(&info->client, tunnel->key.family, &tunnel->key.out.src, 0);
	nf_alg_endpoint_set(&info->gateway, tunnel->key.family, &tunnel->key.out.dst, 0);
	nf_alg_endpoint_set(&info->public, tunnel->key.family, &tunnel->in.dst, 0);
	info->age = seconds_since(tunnel->begun);
	info->n_ikes = tunnel->bind.n_ikes;
	info->n_sas = tunnel->bind.n_in + tunnel->bind.n_out;
	ikes_info(tunnel, info, &idle);
	sas_info(tunnel, info, &idle);
	info->idle = min(idle / (u32)MSEC_PER_SEC, info->age);
}

/* Without lock: whichever side sent the first packet is the connection's originator. */
static void traffic_info(const struct esp_tunnel *tunnel, struct nf_alg_tunnel_info *info)
{
	struct nf_conn *ct = esp_tunnel_flow(tunnel);
	const struct nf_conn_counter *counter;
	const struct nf_conn_acct *acct;
	enum ip_conntrack_dir out;

	if (!ct)
		return;
	acct = nf_conn_acct_find(ct);
	if (acct) {
		out = esp_from_client(tunnel, &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.src.u3) ? IP_CT_DIR_ORIGINAL :
												   IP_CT_DIR_REPLY;
		counter = acct->counter;
		info->packets[0] = atomic64_read(&counter[out].packets);
		info->bytes[0] = atomic64_read(&counter[out].bytes);
		info->packets[1] = atomic64_read(&counter[!out].packets);
		info->bytes[1] = atomic64_read(&counter[!out].bytes);
	}
	nf_ct_put(ct);
}

void esp_tunnel_event(const struct esp_tunnel *tunnel, enum nf_alg_event event)
{
	struct nf_alg_tunnel_info *info;

	if (likely(!nf_alg_event_wanted(esp_tunnel_net(tunnel))))
		return;
	info = kmalloc(sizeof(*info), GFP_ATOMIC | __GFP_NOWARN);	/* too large for the stack */
	if (!info)
		return;
	tunnel_info(tunnel, info);
	nf_alg_event_tunnel(info, event);
	kfree(info);
}

/* ---- operations ---- */

/* The first tunnel above @after that still stands, copied. */
static bool next_tunnel(struct net *net, u32 after, struct nf_alg_tunnel_info *info)
{
	struct esp_tunnel *tunnel;
	bool found = false;

	rcu_read_lock();
	while (!found && (tunnel = esp_tunnel_next(net, after))) {
		after = tunnel->id;
		if (!esp_lock_tunnel(tunnel))
			continue;
		tunnel_info(tunnel, info);
		esp_unlock(tunnel->group);
		traffic_info(tunnel, info);
		found = true;
	}
	rcu_read_unlock();
	return found;
}

static int walk(struct net *net, u32 after, int (*fn)(const struct nf_alg_tunnel_info *info, void *arg), void *arg)
{
	struct nf_alg_tunnel_info *info = kmalloc(sizeof(*info), GFP_KERNEL);
	int ret = 0;

	if (!info)
		return -ENOMEM;
	while (!ret && next_tunnel(net, after, info)) {
		after = info->id;
		ret = fn(info, arg);
		cond_resched();
	}
	kfree(info);
	return ret;
}

/* Ends the first tunnel above *@after, which moves on, if it is @id, or the tenant's; 0: any. false: there is none any more. */
static bool close_next(struct net *net, u32 *after, u32 id, u32 tenant, unsigned int *closed)
{
	struct esp_tunnel *tunnel;

	rcu_read_lock();
	tunnel = esp_tunnel_next(net, *after);
	if (tunnel) {
		*after = tunnel->id;
		if ((!id || tunnel->id == id) && (!tenant || tunnel->tenant == tenant) && esp_lock_tunnel(tunnel)) {
			esp_tunnel_leave(tunnel);
			esp_unlock(tunnel->group);
			(*closed)++;
		}
	}
	rcu_read_unlock();
	return tunnel;
}

static int close_tunnel(struct net *net, u32 id)
{
	unsigned int closed = 0;
	u32 after = id - 1;

	if (id)
		close_next(net, &after, id, 0, &closed);
	return closed ? 0 : -ENOENT;
}

static unsigned int close_tenant(struct net *net, u32 tenant)
{
	unsigned int closed = 0;
	u32 after = 0;

	while (close_next(net, &after, 0, tenant, &closed))
		cond_resched();
	return closed;
}

const struct nf_alg_call_ops esp_call_ops = {
	.walk_tunnels = walk,
	.close_tunnel = close_tunnel,
	.close_tenant = close_tenant,
	.count_tunnels = esp_tunnel_count,
};
