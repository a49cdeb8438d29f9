// SPDX-License-Identifier: GPL-2.0-only
/* Gateways, groups, tunnels, SAs and IKE sessions: how they are found, come and go. */
#include <linux/module.h>
#include <linux/jhash.h>
#include <net/netns/generic.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "esp.h"

#define JOIN_TRIES	8	/* somebody else may come or go meanwhile */

unsigned int esp_zone_min = ESP_ZONE_MIN;
module_param_named(zone_min, esp_zone_min, uint, 0444);
MODULE_PARM_DESC(zone_min, "first of the conntrack zones that belong to this module; they go up to 65535");

static unsigned int esp_net_id;
static bool loading;

/* ---- tables ---- */

static u32 key_hash(const void *data, u32 len, u32 seed)
{
	const struct esp_key *key = data;
	u32 spi = key->spi, zone = key->zone, a, b;

	if (key->family == NFPROTO_IPV4) {
		a = (__force u32)key->out.src.ip;
		b = (__force u32)key->out.dst.ip;
	} else {
		a = jhash2((const u32 *)&key->out, sizeof(key->out) / sizeof(u32), seed);
		b = 0;
	}
	return jhash_3words(a, b, spi, seed ^ zone);
}

static int key_compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const unsigned long *a = arg->key, *b = obj + arg->ht->p.key_offset;
	unsigned long differs = 0;
	unsigned int i;

	for (i = 0; i < sizeof(struct esp_key) / sizeof(*a); i++)
		differs |= a[i] ^ b[i];
	return differs != 0;
}

#define KEY_PARAMS(type, head, name) {						\
	.key_len = sizeof_field(struct type, name),				\
	.key_offset = offsetof(struct type, name),				\
	.head_offset = offsetof(struct type, head),				\
	.automatic_shrinking = true,						\
}
#define ESP_KEY_PARAMS(type, head, name) {					\
	.key_len = sizeof_field(struct type, name),				\
	.key_offset = offsetof(struct type, name),				\
	.head_offset = offsetof(struct type, head),				\
	.automatic_shrinking = true,						\
	.hashfn = key_hash,							\
	.obj_cmpfn = key_compare,						\
}

static const struct rhashtable_params sa_params = ESP_KEY_PARAMS(esp_sa, node, key);
static const struct rhashtable_params out_params = KEY_PARAMS(esp_sa, out_node, out_key);
static const struct rhashtable_params tunnel_params = ESP_KEY_PARAMS(esp_tunnel, node, key);
static const struct rhashtable_params slot_params = ESP_KEY_PARAMS(esp_tunnel, slot_node, slot_key);
static const struct rhashtable_params group_params = ESP_KEY_PARAMS(esp_group, node, key);
static const struct rhashtable_params gateway_params = KEY_PARAMS(esp_gateway, node, key);

static struct rhashtable sas, outs, tunnels, slots, groups, gateways;

static const struct {
	struct rhashtable *table;
	const struct rhashtable_params *params;
} tables[] = {
	{ &sas, &sa_params }, { &outs, &out_params }, { &tunnels, &tunnel_params }, { &slots, &slot_params },
	{ &groups, &group_params }, { &gateways, &gateway_params },
};

struct esp_net *esp_net(const struct net *net)
{
	return net_generic(net, esp_net_id);
}

static void key_set(struct esp_key *key, struct net *net, u16 zone, u16 family, const union nf_inet_addr *src,
		    const union nf_inet_addr *dst)
{
	write_pnet(&key->net, net);
	key->out.src = *src;
	key->out.dst = *dst;
	key->family = family;
	key->zone = zone;
	key->spi = 0;
}

struct esp_tunnel *esp_tunnel_find(struct net *net, u16 zone, u16 family, const union nf_inet_addr *client,
				   const union nf_inet_addr *gateway)
{
	struct esp_key key;

	key_set(&key, net, zone, family, client, gateway);
	return rhashtable_lookup(&tunnels, &key, tunnel_params);
}

struct esp_group *esp_group_find(struct net *net, u16 zone, u16 family, const union nf_inet_addr *gateway,
				 const union nf_inet_addr *public)
{
	struct esp_group *group;
	struct esp_key key;

	key_set(&key, net, zone, family, gateway, public);
	group = rhashtable_lookup(&groups, &key, group_params);
	if (group || !zone)
		return group;
	key.zone = 0;
	group = rhashtable_lookup(&groups, &key, group_params);
	return group && group->any_zone ? group : NULL;
}

/* The tunnel whose slot's zone this is; @src and @dst as its client's packets have them. */
static struct esp_tunnel *slot_find(struct net *net, u16 zone, u16 family, const union nf_inet_addr *src,
				    const union nf_inet_addr *dst)
{
	struct esp_key key;

	key_set(&key, net, zone, family, src, dst);
	return rhashtable_lookup(&slots, &key, slot_params);
}

static struct esp_gateway *gateway_find(struct net *net, u16 family, const union nf_inet_addr *addr)
{
	struct esp_gateway_key key = { .addr = *addr, .family = family };

	write_pnet(&key.net, net);
	return rhashtable_lookup(&gateways, &key, gateway_params);
}

static struct esp_tunnel *tunnel_by_slot(struct net *net, u16 family, const union nf_inet_addr *gateway, u16 slot)
{
	struct esp_gateway *gw = gateway_find(net, family, gateway);

	return gw ? xa_load(&gw->by_slot, slot) : NULL;
}

/* Of a new connection in @zone, by its first packet. @outbound: the client's. Its lock is not taken. */
struct esp_tunnel *esp_tunnel_of_flow(struct net *net, u16 zone, u16 family, const struct esp_addrs *addrs, bool *outbound)
{
	struct esp_tunnel *tunnel;
	struct esp_group *group;
	struct alg_esp_pair *own;

	*outbound = true;
	if (zone >= esp_zone_min) {
		tunnel = slot_find(net, zone, family, &addrs->src, &addrs->dst);
		if (tunnel)
			return tunnel;
		*outbound = false;
		tunnel = tunnel_by_slot(net, family, &addrs->src, zone - esp_zone_min + 1);
		return tunnel && nf_inet_addr_cmp(&tunnel->in.dst, &addrs->dst) ? tunnel : NULL;
	}
	tunnel = esp_tunnel_find(net, zone, family, &addrs->src, &addrs->dst);
	if (tunnel)
		return tunnel->tmpl ? NULL : tunnel;
	*outbound = false;
	group = esp_group_find(net, zone, family, &addrs->src, &addrs->dst);
	own = group ? READ_ONCE(group->bind.own) : NULL;	/* pairs live as long as tunnels: under RCU */
	return own ? esp_tunnel_of(own) : NULL;
}

struct esp_sa *esp_sa_find_key(const struct esp_key *key)
{
	return rhashtable_lookup(&sas, key, sa_params);
}

struct esp_sa *esp_sa_find(const struct esp_group *group, enum alg_esp_dir dir, u32 spi)
{
	struct esp_out_key out = { .group = (unsigned long)group, .spi = spi };
	struct esp_key key = group->key;

	if (dir == ALG_ESP_OUT)
		return rhashtable_lookup(&outs, &out, out_params);
	key.spi = spi;
	return rhashtable_lookup(&sas, &key, sa_params);
}

/* ---- locks ---- */

/* Sparse is told that nothing is held: who holds the lock depends on what a function found. */
static void gateway_lock(struct esp_gateway *gw)
{
	spin_lock_bh(&gw->lock);
	__release(&gw->lock);
}

static void gateway_unlock(struct esp_gateway *gw)
{
	__acquire(&gw->lock);
	spin_unlock_bh(&gw->lock);
}

bool esp_lock_tunnel(struct esp_tunnel *tunnel)
{
	gateway_lock(tunnel->group->gateway);
	if (!tunnel->gone)
		return true;
	gateway_unlock(tunnel->group->gateway);
	return false;
}

bool esp_lock_group(struct esp_group *group)
{
	gateway_lock(group->gateway);
	if (!group->gone)
		return true;
	gateway_unlock(group->gateway);
	return false;
}

void esp_unlock(struct esp_group *group)
{
	gateway_unlock(group->gateway);
}

/* ---- SAs ---- */

/* It is in no list and no table any more. Packets may still have it. */
static void sa_free(struct esp_sa *sa)
{
	unsigned long nfct = xchg(&sa->nfct, ESP_NFCT_NONE) & NFCT_PTRMASK;

	if (nfct)
		nf_conntrack_put((struct nf_conntrack *)nfct);
	kfree_rcu(sa, rcu);
}

bool esp_sa_add(struct esp_sa *sa)
{
	struct esp_tunnel *tunnel = esp_tunnel_of(sa->bind.pair);

	sa->key = sa->bind.dir == ALG_ESP_OUT ? tunnel->key : tunnel->group->key;
	sa->key.spi = sa->bind.spi;
	sa->tmpl = tunnel->tmpl;
	sa->gen = tunnel->gen;
	sa->begun = jiffies;
	if (rhashtable_insert_fast(&sas, &sa->node, sa_params))
		goto out;
	if (sa->bind.dir == ALG_ESP_IN)
		return true;
	sa->out_key.group = (unsigned long)tunnel->group;
	sa->out_key.spi = sa->bind.spi;
	if (!rhashtable_insert_fast(&outs, &sa->out_node, out_params))
		return true;
	rhashtable_remove_fast(&sas, &sa->node, sa_params);
out:
	alg_esp_forget(&sa->bind);
	sa_free(sa);
	return false;
}

void esp_sa_free(struct esp_sa *sa)
{
	rhashtable_remove_fast(&sas, &sa->node, sa_params);
	if (sa->bind.dir == ALG_ESP_OUT)
		rhashtable_remove_fast(&outs, &sa->out_node, out_params);
	sa_free(sa);
}

/* ---- IKE sessions ---- */

struct esp_ike *esp_ike_find(struct esp_tunnel *tunnel, u64 ispi)
{
	struct alg_link *head = &tunnel->bind.ikes, *link;

	for (link = head->next; link != head; link = link->next) {
		struct alg_esp_ike *ike = alg_esp_entry(link, struct alg_esp_ike, list);

		if (ike->ispi == ispi)
			return esp_ike_of(ike);
	}
	return NULL;
}

/* Unlinked. */
static void ike_free(struct esp_ike *ike)
{
	ike_port_forget(ike);
	ike_wait_drop(ike);
	kfree_rcu(ike, rcu);
}

struct esp_ike *esp_ike_new(struct esp_tunnel *tunnel, u64 ispi, bool anew)
{
	struct esp_ike *ike = anew ? NULL : esp_ike_find(tunnel, 0);
	struct alg_esp_ike *victim;

	if (ike) {
		ike->bind.ispi = ispi;
		return ike;
	}
	ike = kzalloc(sizeof(*ike), GFP_ATOMIC | __GFP_NOWARN);
	if (!ike)
		return NULL;
	ike->begun = jiffies;
	victim = alg_esp_ike_begin(&tunnel->bind, &ike->bind, ispi, anew, esp_now());
	if (victim)
		ike_free(esp_ike_of(victim));
	return ike;
}

void esp_ike_end(struct esp_ike *ike)
{
	struct alg_esp_pair *pair = ike->bind.pair;

	alg_esp_ike_end(&ike->bind);
	ike_free(ike);
	if (!pair->n_ikes && !pair->n_in && !pair->n_out)
		esp_tunnel_leave(esp_tunnel_of(pair));
}

void esp_free_lists(struct alg_link *sa_list, struct alg_link *ike_list)
{
	struct alg_link *link;

	while ((link = alg_link_pop(sa_list)))
		esp_sa_free(esp_sa_of(alg_esp_entry(link, struct alg_esp_sa, list)));
	while ((link = alg_link_pop(ike_list)))
		ike_free(esp_ike_of(alg_esp_entry(link, struct alg_esp_ike, list)));
}

/* ---- templates ---- */

static u16 slots_max(void)
{
	return min_t(unsigned int, ESP_SLOTS_MAX, U16_MAX - esp_zone_min);
}

/* The namespace's template of a zone, which lives as long as it does. */
static struct nf_conn *tmpl_get(struct esp_net *en, u16 zone_id)
{
	struct nf_conn *tmpl = xa_load(&en->tmpls, zone_id), *other;
	struct nf_conntrack_zone zone;

	if (tmpl)
		return tmpl;
	nf_ct_zone_init(&zone, zone_id, NF_CT_DEFAULT_ZONE_DIR, 0);
	tmpl = nf_ct_tmpl_alloc(en->net, &zone, GFP_ATOMIC | __GFP_NOWARN);
	if (!tmpl)
		return NULL;
	/* What is expected is not looked for only. */
	__set_bit(IPS_CONFIRMED_BIT, &tmpl->status);
	other = xa_cmpxchg_bh(&en->tmpls, zone_id, NULL, tmpl, GFP_ATOMIC | __GFP_NOWARN);
	if (!other)
		return tmpl;
	nf_ct_tmpl_free(tmpl);
	return xa_is_err(other) ? NULL : other;
}

u16 esp_own_zone(void)
{
	return esp_zone_min + slots_max();
}

struct nf_conn *esp_own_template(struct esp_net *en)
{
	return tmpl_get(en, esp_own_zone());
}

/* Packets may still be queued with one. */
static void tmpls_put(struct esp_net *en)
{
	struct nf_conn *tmpl;
	unsigned long zone;

	xa_for_each(&en->tmpls, zone, tmpl)
		nf_ct_put(tmpl);
	xa_destroy(&en->tmpls);
}

/* ---- gateways and groups ---- */

static struct esp_gateway *gateway_new(const struct esp_join *join)
{
	struct esp_gateway *gw, *other;

	gw = kzalloc(offsetof(struct esp_gateway, slots) + ALG_ESP_SLOTS_SIZE(slots_max()), GFP_ATOMIC | __GFP_NOWARN);
	if (!gw)
		return NULL;
	write_pnet(&gw->key.net, join->net);
	gw->key.addr = join->in.src;
	gw->key.family = join->family;
	spin_lock_init(&gw->lock);
	xa_init(&gw->by_slot);
	alg_esp_slots_init(&gw->slots, slots_max());
	other = rhashtable_lookup_get_insert_fast(&gateways, &gw->node, gateway_params);
	if (!other)
		return gw;
	kfree(gw);
	return IS_ERR(other) ? NULL : other;
}

static struct esp_gateway *gateway_get_locked(const struct esp_join *join)
{
	struct esp_gateway *gw;
	int i;

	for (i = 0; i < JOIN_TRIES; i++) {
		gw = gateway_find(join->net, join->family, &join->in.src) ?: gateway_new(join);
		if (!gw)
			return NULL;
		gateway_lock(gw);
		if (!gw->dead)
			return gw;
		gateway_unlock(gw);
	}
	return NULL;
}

/* Under its lock, which stays taken. */
static void gateway_leave(struct esp_gateway *gw)
{
	if (gw->groups || gw->dead)
		return;
	gw->dead = true;
	rhashtable_remove_fast(&gateways, &gw->node, gateway_params);
	kfree_rcu(gw, rcu);
}

/* Takes over @rule's options. */
static void config_set(struct esp_group *group, const struct nf_alg_rule *rule)
{
	struct alg_esp_config *c = &group->config;

	c->gate = rule->option[NF_ALG_A_OPTION_GATE_TIMEOUT] * MSEC_PER_SEC;
	c->answer = min_t(u32, c->gate, ESP_ANSWER);
	c->esp_idle = rule->option[NF_ALG_A_OPTION_ESP_TIMEOUT] * MSEC_PER_SEC;
	c->ike_idle = rule->option[NF_ALG_A_OPTION_STATE_TIMEOUT] * MSEC_PER_SEC;
	c->seq_max = ESP_SEQ_MAX;
	c->sas_max = ESP_SAS_MAX;
	c->ikes_max = ESP_IKES_MAX;
	c->require_ike = rule->option[NF_ALG_A_OPTION_REQUIRE_IKE];
	c->hold = true;
}

static struct esp_group *group_get(const struct esp_join *join, struct esp_gateway *gw)
{
	u16 zone = join->translated ? 0 : join->in_zone;
	struct esp_group *group;

	group = esp_group_find(join->net, zone, join->family, &join->in.src, &join->in.dst);
	if (group)
		return group;
	group = kzalloc(sizeof(*group), GFP_ATOMIC | __GFP_NOWARN);
	if (!group)
		return NULL;
	group->any_zone = join->translated;
	key_set(&group->key, join->net, zone, join->family, &join->in.src, &join->in.dst);
	group->gateway = gw;
	config_set(group, join->rule);
	alg_esp_group_init(&group->bind, &group->config, &gw->slots);
	group->bind.crowd = &esp_net(join->net)->crowd;
	esp_left_find(group, &join->out.src, join->out_zone);
	if (rhashtable_insert_fast(&groups, &group->node, group_params)) {
		kfree(group);
		return NULL;
	}
	gw->groups++;
	return group;
}

static void group_leave(struct esp_group *group)
{
	if (group->bind.n_pairs)
		return;
	group->gone = true;
	rhashtable_remove_fast(&groups, &group->node, group_params);
	group->gateway->groups--;
	gateway_leave(group->gateway);
	kfree_rcu(group, rcu);
}

/* ---- tunnels ---- */

static void tunnel_free(struct esp_tunnel *tunnel)
{
	nf_alg_quota_call_give(tunnel->account, NF_ALG_PROTOCOL_IKE);
	nf_alg_account_put(tunnel->account);
	kfree_rcu(tunnel, rcu);
}

static struct esp_tunnel *tunnel_alloc(const struct esp_join *join, enum nf_alg_reason *reason)
{
	struct esp_tunnel *tunnel = kzalloc(sizeof(*tunnel), GFP_ATOMIC | __GFP_NOWARN);

	*reason = NF_ALG_REASON_NO_MEMORY;
	if (!tunnel)
		return NULL;
	if (join->account && !nf_alg_account_hold(join->account))
		goto out;
	if (!nf_alg_quota_call_take(join->account, NF_ALG_PROTOCOL_IKE, join->rule->option[NF_ALG_A_OPTION_MAX_TUNNELS])) {
		if (join->account)
			nf_alg_account_put(join->account);
		*reason = NF_ALG_REASON_QUOTA_TUNNELS;
		goto out;
	}
	key_set(&tunnel->key, join->net, join->out_zone, join->family, &join->out.src, &join->out.dst);
	tunnel->in = join->in;
	tunnel->in_zone = join->in_zone;
	tunnel->translated = join->translated;
	tunnel->on_service = join->on_service;
	tunnel->account = join->account;
	tunnel->tenant = join->tenant ? nf_alg_tenant_id(join->tenant) : 0;
	tunnel->gen = join->gen;
	tunnel->begun = jiffies;
	return tunnel;
out:
	kfree(tunnel);
	return NULL;
}

/* It has a slot. What its packets need to be tracked there; false: no memory, nothing is left behind. */
static bool tunnel_slot(struct esp_tunnel *tunnel, struct esp_gateway *gw)
{
	struct esp_net *en = esp_net(esp_tunnel_net(tunnel));
	u16 slot = tunnel->bind.slot;

	tunnel->zone = tunnel->key.zone;
	if (!slot)
		return true;
	tunnel->zone = esp_zone_min + slot - 1;
	tunnel->tmpl = tmpl_get(en, tunnel->zone);
	if (!tunnel->tmpl)
		return false;
	tunnel->slot_key = tunnel->key;
	tunnel->slot_key.zone = tunnel->zone;
	if (rhashtable_insert_fast(&slots, &tunnel->slot_node, slot_params))
		return false;
	if (!xa_err(xa_store_bh(&gw->by_slot, slot, tunnel, GFP_ATOMIC | __GFP_NOWARN)))
		return true;
	rhashtable_remove_fast(&slots, &tunnel->slot_node, slot_params);
	return false;
}

static void tunnel_unslot(struct esp_tunnel *tunnel, struct esp_gateway *gw)
{
	if (!tunnel->bind.slot)
		return;
	xa_erase_bh(&gw->by_slot, tunnel->bind.slot);
	rhashtable_remove_fast(&slots, &tunnel->slot_node, slot_params);
}

static bool tunnel_insert(struct esp_tunnel *tunnel)
{
	struct esp_net *en = esp_net(esp_tunnel_net(tunnel));

	if (xa_alloc_cyclic_bh(&en->ids, &tunnel->id, tunnel, XA_LIMIT(1, NF_ALG_ID_MAX), &en->next_id,
			       GFP_ATOMIC | __GFP_NOWARN) < 0)
		return false;
	if (!rhashtable_lookup_insert_fast(&tunnels, &tunnel->node, tunnel_params))
		return true;
	xa_erase_bh(&en->ids, tunnel->id);
	return false;
}

/* A client joins a group. NULL: @reason. */
static struct esp_tunnel *tunnel_new(const struct esp_join *join, struct esp_group *group, enum nf_alg_reason *reason)
{
	struct esp_net *en = esp_net(join->net);
	struct esp_tunnel *tunnel = tunnel_alloc(join, reason);
	struct alg_link sa_list, ike_list;

	if (!tunnel)
		return NULL;
	tunnel->group = group;
	if (alg_esp_join(&group->bind, &tunnel->bind, esp_own_zone_free(join), esp_now()) != ALG_ESP_PASS) {
		*reason = NF_ALG_REASON_NO_SLOT;
		tunnel_free(tunnel);
		return NULL;
	}
	*reason = NF_ALG_REASON_NO_MEMORY;
	if (!tunnel_slot(tunnel, group->gateway))
		goto out;
	if (!tunnel_insert(tunnel))
		goto out_slot;
	esp_own_zone_clear(join, tunnel->bind.slot);
	atomic_inc(&en->tunnels);
	WRITE_ONCE(en->used, true);
	esp_time_start(en);
	nf_alg_count(tunnel->account, NF_ALG_PROTOCOL_IKE, NF_ALG_REASON_TUNNELS);
	esp_tunnel_event(tunnel, NF_ALG_EVENT_TUNNEL_STARTED);
	return tunnel;

out_slot:
	tunnel_unslot(tunnel, group->gateway);
out:
	alg_link_init(&sa_list);
	alg_link_init(&ike_list);
	alg_esp_leave(&tunnel->bind, esp_now(), &sa_list, &ike_list);
	tunnel_free(tunnel);
	return NULL;
}

void esp_tunnel_leave(struct esp_tunnel *tunnel)
{
	struct esp_net *en = esp_net(esp_tunnel_net(tunnel));
	struct esp_group *group = tunnel->group;
	struct alg_link sa_list, ike_list;
	bool left = group->bind.left;

	esp_tunnel_event(tunnel, NF_ALG_EVENT_TUNNEL_ENDED);
	nf_alg_count(tunnel->account, NF_ALG_PROTOCOL_IKE, NF_ALG_REASON_TUNNELS_ENDED);
	tunnel->gone = true;
	rhashtable_remove_fast(&tunnels, &tunnel->node, tunnel_params);
	tunnel_unslot(tunnel, group->gateway);
	xa_erase_bh(&en->ids, tunnel->id);
	atomic_dec(&en->tunnels);

	alg_link_init(&sa_list);
	alg_link_init(&ike_list);
	alg_esp_leave(&tunnel->bind, esp_now(), &sa_list, &ike_list);
	if (!group->bind.n_pairs)
		esp_left_note(group, &tunnel->key, left);
	esp_free_lists(&sa_list, &ike_list);
	esp_tunnel_flow_kill(tunnel);
	group_leave(group);
	tunnel_free(tunnel);
}

static bool same_way(const struct esp_tunnel *tunnel, const struct esp_join *join)
{
	return nf_inet_addr_cmp(&tunnel->in.src, &join->in.src) && nf_inet_addr_cmp(&tunnel->in.dst, &join->in.dst);
}

/*
 * One that stands, locked. NULL: there is none (any more). Its client's public address may have changed since: no packet will
 * come to the old one's.
 */
static struct esp_tunnel *tunnel_standing(const struct esp_join *join)
{
	struct esp_tunnel *tunnel;
	struct esp_group *group;

	tunnel = esp_tunnel_find(join->net, join->out_zone, join->family, &join->out.src, &join->out.dst);
	if (!tunnel && !join->translated)
		tunnel = esp_tunnel_find(join->net, join->in_zone, join->family, &join->in.src, &join->in.dst);
	if (!tunnel || !esp_lock_tunnel(tunnel))
		return NULL;
	if (same_way(tunnel, join) || (!join->translated && !tunnel->translated))
		return tunnel;
	group = tunnel->group;
	esp_tunnel_leave(tunnel);
	esp_unlock(group);
	return NULL;
}

static struct esp_tunnel *tunnel_join_locked(const struct esp_join *join, enum nf_alg_reason *reason)
{
	struct esp_gateway *gw = gateway_get_locked(join);
	struct esp_tunnel *tunnel = NULL;
	struct esp_group *group;

	*reason = NF_ALG_REASON_NO_MEMORY;
	if (!gw)
		return NULL;
	group = group_get(join, gw);
	if (group) {
		tunnel = tunnel_new(join, group, reason);
		if (tunnel)
			return tunnel;
		group_leave(group);
	} else {
		gateway_leave(gw);
	}
	gateway_unlock(gw);
	return NULL;
}

struct esp_tunnel *esp_tunnel_get_locked(const struct esp_join *join, enum nf_alg_reason *reason)
{
	struct esp_tunnel *tunnel = tunnel_standing(join) ?: tunnel_join_locked(join, reason);

	/* Somebody may have made it meanwhile: then it could not be inserted. */
	if (!tunnel && *reason == NF_ALG_REASON_NO_MEMORY)
		tunnel = tunnel_standing(join);
	if (!tunnel)
		return NULL;
	config_set(tunnel->group, join->rule);
	return tunnel;
}

static bool tunnel_served(const struct esp_tunnel *tunnel, const struct nf_alg_tenant *tenant)
{
	const struct alg_link *head = &tunnel->bind.ikes;

	if (!tunnel->on_service || head->next == head)
		return true;
	return nf_alg_tenant_serves(tenant, NF_ALG_PROTOCOL_IKE,
				    &esp_ike_of(alg_esp_entry(head->next, struct alg_esp_ike, list))->tuple);
}

bool esp_tunnel_allowed(struct esp_tunnel *tunnel)
{
	struct net *net = esp_tunnel_net(tunnel);
	const struct nf_alg_tenant *tenant = NULL;
	const struct nf_alg_rule *rule;
	u32 gen = nf_alg_generation(net);

	if (tunnel->gen == gen)
		return true;
	if (tunnel->tenant)
		tenant = nf_alg_tenant_by_id(net, tunnel->tenant);
	rule = tenant ? nf_alg_tenant_rule(tenant, NF_ALG_PROTOCOL_IKE) : nf_alg_default_rule(NF_ALG_PROTOCOL_IKE);
	if ((tunnel->tenant && !tenant) || rule->mode != NF_ALG_MODE_ON || (tenant && !tunnel_served(tunnel, tenant))) {
		esp_spis_leave(tunnel);	/* it may be allowed again */
		esp_tunnel_leave(tunnel);
		return false;
	}
	config_set(tunnel->group, rule);
	WRITE_ONCE(tunnel->gen, gen);
	return true;
}

enum nf_alg_reason esp_reason(enum alg_esp_verdict verdict)
{
	static const u8 reasons[ALG_ESP_VERDICTS] = {
		[ALG_ESP_PASS] = NF_ALG_REASON_MESSAGES,
		[ALG_ESP_BOUND] = NF_ALG_REASON_SPI_BOUND,
		[ALG_ESP_BAD_SPI] = NF_ALG_REASON_SPI_ZERO,
		[ALG_ESP_NO_PAIR] = NF_ALG_REASON_NO_CLIENT,
		[ALG_ESP_NO_IKE] = NF_ALG_REASON_NO_IKE,
		[ALG_ESP_AMBIGUOUS] = NF_ALG_REASON_AMBIGUOUS,
		[ALG_ESP_NO_WINDOW] = NF_ALG_REASON_NO_WINDOW,
		[ALG_ESP_SEQ_HIGH] = NF_ALG_REASON_SEQUENCE_HIGH,
		[ALG_ESP_COLLISION] = NF_ALG_REASON_SPI_COLLISION,
		[ALG_ESP_FULL] = NF_ALG_REASON_SPIS_FULL,
		[ALG_ESP_HELD] = NF_ALG_REASON_ESP_WAITS,
		[ALG_ESP_GATE] = NF_ALG_REASON_GATE,
		[ALG_ESP_NO_SLOT] = NF_ALG_REASON_NO_SLOT,
		[ALG_ESP_NO_MEMORY] = NF_ALG_REASON_NO_MEMORY,
	};

	return reasons[verdict];
}

struct esp_tunnel *esp_tunnel_next(struct net *net, u32 after)
{
	unsigned long id = after;

	return xa_find_after(&esp_net(net)->ids, &id, NF_ALG_ID_MAX, XA_PRESENT);
}

u32 esp_tunnel_count(struct net *net)
{
	return atomic_read(&esp_net(net)->tunnels);
}

/* ---- namespaces ---- */

static int __net_init esp_net_init(struct net *net)
{
	struct esp_net *en = esp_net(net);

	en->net = net;
	en->gen = nf_alg_generation_at(net);
	xa_init_flags(&en->ids, XA_FLAGS_ALLOC1);
	xa_init(&en->tmpls);
	esp_time_init(en);
	ike_wait_init(en);
	esp_left_init(en);
	/* Until those that there are have been looked at. */
	atomic_set(&en->unclaimed, loading);
	en->crowd = loading;
	return esp_hook_start(en);
}

static void __net_exit esp_net_pre_exit(struct net *net)
{
	esp_hook_stop(esp_net(net));
}

static int slot_conn(struct nf_conn *ct, void *data)
{
	return nf_ct_protonum(ct) == IPPROTO_ESP && nf_ct_zone(ct)->id >= esp_zone_min;
}

/* No packet is in a hook of ours any more. Connections in slots' zones would never be found again. */
static void __net_exit esp_net_exit(struct net *net)
{
	struct nf_ct_iter_data iter = { .net = net };
	struct esp_net *en = esp_net(net);
	struct esp_tunnel *tunnel;
	struct esp_group *group;

	esp_time_stop(en);
	esp_hook_free(en);
	rcu_read_lock();
	while ((tunnel = esp_tunnel_next(net, 0))) {
		if (!esp_lock_tunnel(tunnel))
			continue;
		group = tunnel->group;
		esp_spis_leave(tunnel);
		esp_tunnel_leave(tunnel);
		esp_unlock(group);
	}
	rcu_read_unlock();
	ike_wait_stop(en);
	if (en->used)
		nf_ct_iterate_cleanup_net(slot_conn, &iter);
	xa_destroy(&en->ids);
	tmpls_put(en);
}

static struct pernet_operations esp_net_ops = {
	.init		= esp_net_init,
	.pre_exit	= esp_net_pre_exit,
	.exit		= esp_net_exit,
	.id		= &esp_net_id,
	.size		= sizeof(struct esp_net),
};

static void tables_destroy(unsigned int n)
{
	while (n--)
		rhashtable_destroy(tables[n].table);
}

int esp_table_init(void)
{
	unsigned int n;
	int err;

	BUILD_BUG_ON(sizeof(struct esp_key) != sizeof(possible_net_t) + sizeof(struct esp_addrs) + 8);
	BUILD_BUG_ON(sizeof(struct esp_key) % sizeof(long));
	if (esp_zone_min < 1 || esp_zone_min >= U16_MAX) {
		pr_err("nf_alg_ike: zone_min must be from 1 to 65534\n");
		return -EINVAL;
	}
	for (n = 0; n < ARRAY_SIZE(tables); n++) {
		err = rhashtable_init(tables[n].table, tables[n].params);
		if (err)
			goto out;
	}
	loading = true;	/* namespaces that there are */
	err = register_pernet_subsys(&esp_net_ops);
	loading = false;
	if (!err)
		return 0;
out:
	tables_destroy(n);
	return err;
}

void esp_table_exit(void)
{
	unregister_pernet_subsys(&esp_net_ops);
	rcu_barrier();
	tables_destroy(ARRAY_SIZE(tables));
}
