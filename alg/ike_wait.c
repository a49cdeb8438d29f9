// SPDX-License-Identifier: GPL-2.0-only
/*
 * IKE messages that the gate holds up. Their senders repeat them, but less and less often, and who began at the same
 * time goes on repeating at the same time: one would get through of each volley. So a clone of the latest message of
 * each session in each direction is kept here, and goes on its way as soon as the gate lets it; the message itself is
 * dropped, for who calls helpers need not know of stolen packets. First come, first served.
 */
#include <linux/slab.h>
#include <net/dst.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "esp.h"

#define WAIT_PERIOD	(HZ / 20)
#define WAIT_MAX	(20 * HZ)	/* the sender may have given up */
#define WAITING_MAX	256		/* of a namespace */
#define LENGTH_MAX	4096

/*
 * struct ike_wait - a message that waits; its session's, under the gateway's lock
 * @list:	in struct esp_net's, under its lock
 * @ike:	whose; as valid as long as it is in the list
 * @skb:	translated, routed, past all hooks but the last
 * @msg, @protoff, @from_client: the message
 * @since:	jiffies
 */
struct ike_wait {
	struct list_head list;
	struct esp_ike *ike;
	struct sk_buff *skb;
	struct alg_ike_msg msg;
	unsigned int protoff;
	unsigned long since;
	bool from_client;
};

static struct esp_net *net_of(const struct esp_ike *ike)
{
	return esp_net(esp_tunnel_net(esp_tunnel_of(ike->bind.pair)));
}

/* The message, which is no longer kept. */
static struct sk_buff *take(struct esp_ike *ike, bool from_client)
{
	struct ike_wait *wait = ike->wait[from_client];
	struct esp_net *en = net_of(ike);
	struct sk_buff *skb;

	if (!wait)
		return NULL;
	spin_lock_bh(&en->wait_lock);
	list_del(&wait->list);
	en->waiting--;
	spin_unlock_bh(&en->wait_lock);
	ike->wait[from_client] = NULL;
	skb = wait->skb;
	kfree(wait);
	return skb;
}

void ike_wait_drop(struct esp_ike *ike)
{
	kfree_skb(take(ike, false));
	kfree_skb(take(ike, true));
}

void ike_wait_passed(struct esp_ike *ike, const struct alg_ike_msg *msg, bool from_client)
{
	if (ike->wait[from_client] && alg_ike_repeats(&ike->wait[from_client]->msg, msg))
		kfree_skb(take(ike, from_client));
}

/* Only what needs nothing but to be sent. */
static bool may_wait(struct sk_buff *skb, const struct nf_conn *ct)
{
	return nf_ct_is_confirmed(ct) && skb->len <= LENGTH_MAX && skb_valid_dst(skb) &&
	       !(skb_dst(skb)->flags & DST_FAKE_RTABLE) && skb_dst_force(skb);
}

static struct ike_wait *wait_new(struct esp_ike *ike, bool from_client)
{
	struct esp_net *en = net_of(ike);
	struct ike_wait *wait;

	if (READ_ONCE(en->waiting) >= WAITING_MAX)
		return NULL;
	wait = kzalloc(sizeof(*wait), GFP_ATOMIC | __GFP_NOWARN);
	if (!wait)
		return NULL;
	wait->ike = ike;
	wait->from_client = from_client;
	ike->wait[from_client] = wait;
	spin_lock_bh(&en->wait_lock);
	list_add_tail(&wait->list, &en->wait_list);
	en->waiting++;
	spin_unlock_bh(&en->wait_lock);
	queue_delayed_work(system_power_efficient_wq, &en->wait_work, WAIT_PERIOD);
	return wait;
}

void ike_wait_put(struct esp_ike *ike, struct sk_buff *skb, unsigned int protoff, const struct nf_conn *ct,
		  const struct alg_ike_msg *msg, bool from_client)
{
	struct ike_wait *wait = ike->wait[from_client];
	struct sk_buff *clone;

	clone = may_wait(skb, ct) ? skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN) : NULL;
	if (!clone)
		return;
	if (!wait)
		wait = wait_new(ike, from_client);
	if (!wait) {
		kfree_skb(clone);
		return;
	}
	kfree_skb(wait->skb);
	wait->skb = clone;
	wait->msg = *msg;
	wait->protoff = protoff;
	wait->since = jiffies;
}

/* ---- on their way ---- */

static void send(struct net *net, struct sk_buff *skb)
{
	/* All hooks have seen it. */
	if (skb->protocol == htons(ETH_P_IPV6))
		IP6CB(skb)->flags |= IP6SKB_REROUTED;
	else
		IPCB(skb)->flags |= IPSKB_REROUTED;
	skb->dev = NULL;	/* may have gone meanwhile; the route's is set */
	local_bh_disable();
	dst_output(net, NULL, skb);
	local_bh_enable();
}

/* Under the lock. NULL: it waits on, or is no longer wanted. */
static struct sk_buff *release(struct esp_ike *ike, bool from_client)
{
	struct ike_wait *wait = ike->wait[from_client];
	bool late, lost;

	if (!wait)
		return NULL;
	late = time_after(jiffies, wait->since + WAIT_MAX);
	if (!late && alg_esp_ike_message(&ike->bind, &wait->msg, from_client, esp_now()) != ALG_ESP_PASS)
		return NULL;
	lost = late || (ike->port && from_client && ike_port_send(wait->skb, wait->protoff) != NF_ACCEPT);
	if (!lost)
		return take(ike, from_client);
	kfree_skb(take(ike, from_client));
	return NULL;
}

static void look_at(struct esp_net *en, struct esp_ike *ike, bool from_client)
{
	struct esp_tunnel *tunnel = esp_tunnel_of(ike->bind.pair);
	struct esp_group *group = tunnel->group;
	struct sk_buff *skb = NULL;

	if (!esp_lock_tunnel(tunnel))
		return;
	if (esp_tunnel_allowed(tunnel))
		skb = release(ike, from_client);
	esp_unlock(group);
	if (skb)
		send(en->net, skb);
}

/* The one that was behind the others; it is now, too. Sessions live for a grace period more than their messages wait. */
static struct esp_ike *next(struct esp_net *en, bool *from_client)
{
	struct esp_ike *ike = NULL;
	struct ike_wait *wait;

	spin_lock_bh(&en->wait_lock);
	wait = list_first_entry_or_null(&en->wait_list, struct ike_wait, list);
	if (wait) {
		list_move_tail(&wait->list, &en->wait_list);
		*from_client = wait->from_client;
		ike = wait->ike;
	}
	spin_unlock_bh(&en->wait_lock);
	return ike;
}

static void work(struct work_struct *work)
{
	struct esp_net *en = container_of(work, struct esp_net, wait_work.work);
	u32 n = READ_ONCE(en->waiting);
	struct esp_ike *ike;
	bool from_client;

	rcu_read_lock();
	while (n-- && (ike = next(en, &from_client)))
		look_at(en, ike, from_client);
	rcu_read_unlock();
	if (READ_ONCE(en->waiting))
		queue_delayed_work(system_power_efficient_wq, &en->wait_work, WAIT_PERIOD);
}

void ike_wait_init(struct esp_net *en)
{
	spin_lock_init(&en->wait_lock);
	INIT_LIST_HEAD(&en->wait_list);
	INIT_DELAYED_WORK(&en->wait_work, work);
}

void ike_wait_stop(struct esp_net *en)
{
	cancel_delayed_work_sync(&en->wait_work);
}
