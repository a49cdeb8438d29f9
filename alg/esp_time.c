// SPDX-License-Identifier: GPL-2.0-only
/* Tunnels end when they are idle, and keep their IKE connection while they are not. */
#include <net/netfilter/nf_conntrack_core.h>

#include "esp.h"

#define TICK	(2 * HZ)
#define CHUNK	256	/* tunnels that are looked at in one run */

static void extend(struct nf_conn *ct, u32 ms)
{
	u32 expiry = nfct_time_stamp + msecs_to_jiffies(ms);

	if (!test_bit(IPS_FIXED_TIMEOUT_BIT, &ct->status) && (s32)(READ_ONCE(ct->timeout) - expiry) < 0)
		WRITE_ONCE(ct->timeout, expiry);
}

/* What is left of @span ms since @last. */
static u32 left(u32 now, u32 last, u32 span)
{
	u32 past = now - last;

	return (s32)past < 0 ? span : past < span ? span - past : 0;
}

static void tidy(struct esp_tunnel *tunnel)
{
	const struct alg_link *head = &tunnel->bind.sas, *link;

	for (link = head->next; link != head; link = link->next)
		esp_sa_tidy(esp_sa_of(alg_esp_entry(link, struct alg_esp_sa, list)));
}

/* The latest IKE session is the one whose connection stays, and ESP's connection stays as long as it has an SA. */
static void keep(struct esp_tunnel *tunnel, u32 now)
{
	const struct alg_esp_config *config = &tunnel->group->config;
	const struct alg_link *head = &tunnel->bind.ikes, *link;
	const struct alg_esp_ike *first = alg_esp_entry(head->next, struct alg_esp_ike, list);
	struct nf_conn *ct;

	ct = tunnel->bind.n_ikes && esp_ike_of(first)->used ? esp_tunnel_master(tunnel) : NULL;
	if (ct && test_bit(IPS_SEEN_REPLY_BIT, &ct->status))
		extend(ct, left(now, first->last, config->ike_idle));
	if (ct)
		nf_ct_put(ct);
	head = &tunnel->bind.sas;
	link = head->prev;
	if (link == head)
		return;
	ct = esp_tunnel_flow(tunnel);
	if (!ct)
		return;
	extend(ct, left(now, READ_ONCE(alg_esp_entry(link, struct alg_esp_sa, list)->last), config->esp_idle));
	nf_ct_put(ct);
}

static void tend(struct esp_tunnel *tunnel)
{
	struct esp_group *group = tunnel->group;
	struct alg_link sas, ikes;
	u64 now = esp_now();
	bool empty;

	if (!esp_lock_tunnel(tunnel))
		return;
	if (esp_tunnel_allowed(tunnel) && ike_unused_end(tunnel)) {
		alg_link_init(&sas);
		alg_link_init(&ikes);
		empty = alg_esp_expire(&tunnel->bind, now, &sas, &ikes);
		esp_free_lists(&sas, &ikes);
		if (empty) {
			esp_tunnel_leave(tunnel);
		} else {
			tidy(tunnel);
			keep(tunnel, (u32)now);
		}
	}
	esp_unlock(group);
}

static void tick(struct work_struct *work)
{
	struct esp_net *en = container_of(work, struct esp_net, work.work);
	struct esp_tunnel *tunnel;
	int n;

	rcu_read_lock();
	for (n = 0; n < CHUNK; n++) {
		tunnel = esp_tunnel_next(en->net, en->walked);
		en->walked = tunnel ? tunnel->id : 0;
		if (!tunnel)
			break;
		tend(tunnel);
	}
	rcu_read_unlock();
	if (en->walked)
		queue_delayed_work(system_power_efficient_wq, &en->work, 0);
	else if (atomic_read(&en->tunnels))
		queue_delayed_work(system_power_efficient_wq, &en->work, TICK);
}

void esp_time_init(struct esp_net *en)
{
	INIT_DELAYED_WORK(&en->work, tick);
}

void esp_time_start(struct esp_net *en)
{
	queue_delayed_work(system_power_efficient_wq, &en->work, TICK);
}

void esp_time_stop(struct esp_net *en)
{
	cancel_delayed_work_sync(&en->work);
}
