// SPDX-License-Identifier: GPL-2.0-only
/*
 * Public endpoints: an address and a port by which somebody behind the box is reached. One table has those of all pinholes and
 * those that are held for a call or a registration, so that none is given out twice; its chains are read under RCU. Held ones
 * are also found by their target.
 *
 * Only what is translated can clash. Where the public endpoint is the target itself, whoever announces it means the same place:
 * such an endpoint is held by nobody in particular and is in no table.
 */
#include <linux/module.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "public.h"

#define CHAINS_MIN	4096u
#define CHAINS_MAX	1048576u
#define PORT_LAST	65535

/**
 * struct public_endpoint - a held one that is translated
 * @pub:	what holders see
 * @claim:	in the table of public endpoints
 * @by_target:	in the table of targets
 * @target_hash: its place there
 * @tenant:	whose
 * @rcu:	how it is freed
 *
 * Holders keep it. Whoever takes the last reference away takes it out of the tables; until then lookups that meet it without
 * references pass it by.
 */
struct public_endpoint {
	struct nf_alg_public pub;
	struct nf_alg_claim claim;
	struct hlist_node by_target;
	u32 target_hash;
	u32 tenant;
	struct rcu_head rcu;
};

/* One that is not: nobody looks for it. */
struct plain_endpoint {
	struct nf_alg_public pub;
	struct rcu_head rcu;
};

DEFINE_SPINLOCK(nf_alg_claims_lock);
struct hlist_head *nf_alg_claims __read_mostly;
u32 nf_alg_claims_mask __read_mostly;
u32 nf_alg_claims_secret __read_mostly;	/* neither chains nor public ports can be foretold */

static struct hlist_head *target_table;	/* as large, under the same lock */
static struct kmem_cache *public_cache;

/* ---- the table ---- */

bool nf_alg_claim_same_owner(const struct nf_alg_claim *a, const struct nf_alg_claim *b)
{
	return nf_alg_same_endpoint(&a->target, &b->target) && (!a->mapped || nf_alg_same_zone(&a->zone, &b->zone));
}

static struct public_endpoint *claim_public(const struct nf_alg_claim *claim)
{
	return container_of(claim, struct public_endpoint, claim);
}

static bool claim_stands(const struct nf_alg_claim *claim)
{
	return claim->kind == CLAIM_PUBLIC ? refcount_read(&claim_public(claim)->pub.ref) : nf_alg_hole_holds(claim);
}

bool nf_alg_claim_blocks(const struct nf_alg_claim *c, const struct nf_alg_claim *mine)
{
	/* The owner announces his endpoint anew, while his last connection there lingers. */
	return !nf_alg_claim_same_owner(c, mine) && claim_stands(c);
}

/* By somebody else; under the lock. */
static bool claim_taken(const struct nf_alg_claim *mine)
{
	const struct nf_alg_claim *c;

	lockdep_assert_held(&nf_alg_claims_lock);
	hlist_for_each_entry(c, nf_alg_claim_chain(mine->hash), node)
		if (nf_alg_claim_equal(c, mine) && nf_alg_claim_blocks(c, mine))
			return true;
	return false;
}

void nf_alg_claim_port(struct nf_alg_claim *claim, u16 port)
{
	if (claim->port == port)
		return;
	claim->port = port;
	claim->hash = nf_alg_claim_hash(claim->net, claim->l3num, &claim->addr, port, claim->l4proto);
}

void nf_alg_claim_init(struct nf_alg_claim *claim, const struct nf_alg_work *work, const struct nf_alg_place *place,
		       const struct alg_endpoint *target, u8 l4proto, u16 port)
{
	claim->l4proto = l4proto;
	claim->l3num = place->l3num;
	claim->mapped = place->mapped;
	claim->zone = *nf_ct_zone(work->ct);
	claim->net = work->net;
	claim->addr = place->addr;
	claim->target = *target;
	claim->port = port;
	claim->hash = nf_alg_claim_hash(claim->net, claim->l3num, &claim->addr, port, l4proto);
}

/* As nf_alg_claim_init() for a pinhole through @public. */
void nf_alg_claim_through(struct nf_alg_claim *claim, const struct nf_alg_work *work, const struct nf_alg_public *public)
{
	const struct public_endpoint *pe = container_of(public, struct public_endpoint, pub);

	claim->l4proto = public->l4proto;
	claim->l3num = public->l3num;
	claim->mapped = public->mapped;
	claim->zone = *nf_ct_zone(work->ct);
	claim->net = work->net;
	nf_alg_endpoint_addr(&public->public, &claim->addr);
	claim->target = public->target;
	claim->port = public->public.port;
	if (public->mapped && pe->claim.net == work->net)
		claim->hash = pe->claim.hash;
	else
		claim->hash = nf_alg_claim_hash(work->net, public->l3num, &claim->addr, claim->port, public->l4proto);
}

/* ---- where a target is seen ---- */

void nf_alg_place_init(struct nf_alg_place *p, const struct nf_alg_work *work, enum ip_conntrack_dir dir,
		       const struct alg_endpoint *target, bool foreign)
{
	u16 l3num = nf_ct_l3num(work->ct);

	p->sent = &work->ct->tuplehash[dir].tuple;
	p->back = &work->ct->tuplehash[!dir].tuple;
	p->l3num = nf_alg_endpoint_l3num(target);
	nf_alg_endpoint_addr(target, &p->addr);
	p->own = p->l3num == l3num && nf_alg_same_addr(l3num, &p->addr, &p->sent->src.u3);
	p->mapped = (p->own || (foreign && p->l3num == l3num)) && !nf_alg_same_addr(l3num, &p->sent->src.u3, &p->back->dst.u3);
	if (p->mapped)
		p->addr = p->back->dst.u3;
	p->ports = work->tenant ? nf_alg_tenant_ports(work->tenant) : (struct nf_alg_ports){ 0 };
	p->anchor = ntohs(p->back->dst.u.all);
}

/*
 * Where the search for a public port begins: for the same target and peer at the same place, so that an endpoint that is announced
 * again gets the port that it had. Its last connection lingers there, and conntrack lets a new one from the same source port
 * (RFC 959, 3.2: the server's port 20) only take that one's place.
 */
u32 nf_alg_place_seed(const struct nf_alg_place *p, const struct alg_endpoint *target)
{
	u32 seed = jhash(target->addr, sizeof(target->addr), nf_alg_claims_secret ^ target->port);

	return jhash(&p->back->src.u3, p->l3num == NFPROTO_IPV4 ? 4 : 16, seed);
}

/* ---- targets ---- */

static u32 hash_of_target(const struct net *net, u8 l4proto, const struct nf_conntrack_zone *zone,
			  const struct alg_endpoint *target)
{
	u32 a = jhash2((const u32 *)target->addr, target->family == 4 ? 1 : 4, nf_alg_claims_secret);

	return jhash_3words(a, (u32)target->port << 8 | l4proto, net_hash_mix(net) ^ zone->id, nf_alg_claims_secret);
}

static struct hlist_head *target_chain(u32 hash)
{
	return &target_table[hash & nf_alg_claims_mask];
}

static bool is_target(const struct public_endpoint *pe, const struct net *net, u8 l4proto, const struct nf_conntrack_zone *zone,
		      const struct alg_endpoint *target)
{
	const struct nf_alg_claim *c = &pe->claim;

	return c->net == net && c->l4proto == l4proto && nf_alg_same_zone(&c->zone, zone) &&
	       nf_alg_same_endpoint(&c->target, target);
}

/* @at: the public address, NULL: any. Under RCU or the lock. */
static struct public_endpoint *find_by_target(const struct nf_alg_work *work, u8 l4proto, const struct alg_endpoint *target,
					      u32 hash, const union nf_inet_addr *at)
{
	struct public_endpoint *pe;

	hlist_for_each_entry_rcu(pe, target_chain(hash), by_target, lockdep_is_held(&nf_alg_claims_lock)) {
		if (pe->target_hash == hash && is_target(pe, work->net, l4proto, nf_ct_zone(work->ct), target) &&
		    (!at || nf_alg_same_addr(pe->claim.l3num, &pe->claim.addr, at)) && refcount_read(&pe->pub.ref))
			return pe;
	}
	return NULL;
}

/* ---- life ---- */

static void public_free(struct rcu_head *rcu)
{
	kmem_cache_free(public_cache, container_of(rcu, struct public_endpoint, rcu));
}

static void public_init(struct nf_alg_public *pub, const struct nf_alg_public_req *req, const struct nf_alg_place *place,
			const struct alg_endpoint *target)
{
	refcount_set(&pub->ref, 1);
	pub->l3num = place->l3num;
	pub->l4proto = req->l4proto;
	pub->mapped = place->mapped;
	pub->target = *target;
	pub->public = *target;
}

/* One that is its target itself. */
static struct nf_alg_public *plain_new(const struct nf_alg_public_req *req, const struct nf_alg_place *place,
				       const struct alg_endpoint *target)
{
	struct plain_endpoint *plain = kmalloc(sizeof(*plain), GFP_ATOMIC | __GFP_NOWARN);

	if (!plain)
		return NULL;
	public_init(&plain->pub, req, place, target);
	return &plain->pub;
}

static struct public_endpoint *public_new(const struct nf_alg_work *work, const struct nf_alg_public_req *req,
					  const struct nf_alg_place *place, const struct alg_endpoint *target)
{
	struct public_endpoint *pe = kmem_cache_alloc(public_cache, GFP_ATOMIC | __GFP_NOWARN);

	if (!pe)
		return NULL;
	public_init(&pe->pub, req, place, target);
	pe->tenant = work->account ? work->account->id : 0;
	pe->claim.kind = CLAIM_PUBLIC;
	nf_alg_claim_init(&pe->claim, work, place, target, req->l4proto, target->port);
	pe->target_hash = hash_of_target(work->net, req->l4proto, &pe->claim.zone, target);
	return pe;
}

/* Nobody saw it. */
static void public_forget(struct public_endpoint *pe)
{
	if (pe)
		kmem_cache_free(public_cache, pe);
}

static void public_take(struct public_endpoint *pe)
{
	hlist_add_head_rcu(&pe->claim.node, nf_alg_claim_chain(pe->claim.hash));
}

/* Takes @port if nobody else has it. Under the lock. */
static bool public_claim(struct public_endpoint *pe, u16 port)
{
	nf_alg_claim_port(&pe->claim, port);
	if (claim_taken(&pe->claim))
		return false;
	public_take(pe);
	return true;
}

/* It has its port: from here on it is found by its target. Under the lock. */
static void public_publish(struct public_endpoint *pe)
{
	nf_alg_endpoint_set(&pe->pub.public, pe->claim.l3num, &pe->claim.addr, htons(pe->claim.port));
	hlist_add_head_rcu(&pe->by_target, target_chain(pe->target_hash));
}

/**
 * nf_alg_public_hold() - one more holder
 * @public:	held by the caller, or by somebody who can't let it go now
 */
void nf_alg_public_hold(struct nf_alg_public *public)
{
	refcount_inc(&public->ref);
}
EXPORT_SYMBOL_GPL(nf_alg_public_hold);

/**
 * nf_alg_public_put() - lets a public endpoint go; with its last holder it becomes free for others
 * @public:	held by the caller; may be NULL
 *
 * Context: any.
 */
void nf_alg_public_put(struct nf_alg_public *public)
{
	struct public_endpoint *pe = container_of(public, struct public_endpoint, pub);

	if (!public || !refcount_dec_and_test(&public->ref))
		return;
	if (!public->mapped) {
		kfree_rcu(container_of(public, struct plain_endpoint, pub), rcu);
		return;
	}
	spin_lock_bh(&nf_alg_claims_lock);
	hlist_del_rcu(&pe->by_target);
	hlist_del_rcu(&pe->claim.node);
	spin_unlock_bh(&nf_alg_claims_lock);
	call_rcu(&pe->rcu, public_free);
}
EXPORT_SYMBOL_GPL(nf_alg_public_put);

/* ---- one endpoint ---- */

static unsigned int parity_flag(u16 port)
{
	return port & 1 ? 0 : NF_ALG_PORT_EVEN;
}

/* Under the lock. Return: false if no port is free. */
static bool claim_single(struct public_endpoint *pe, const struct nf_alg_public_req *req, const struct nf_alg_place *p,
			 const struct alg_endpoint *target)
{
	const struct nf_alg_ports *r = &p->ports;
	struct nf_alg_port_iter it;
	u16 port;

	if (req->same_port)
		return public_claim(pe, p->anchor);
	/*
	 * A call ID never goes as it is: one that the box has forgotten (a call was deleted, modules were unloaded, a table was
	 * flushed) has a server that sends on, and is not to be what another client with that number is given.
	 */
	if (req->l4proto != IPPROTO_GRE && nf_alg_port_allowed(target->port, p->anchor, r->min, r->max, r->block) &&
	    public_claim(pe, target->port))
		return true;
	nf_alg_port_iter_init(&it, 0, p->anchor, r->min, r->max, r->block, parity_flag(target->port), nf_alg_place_seed(p, target));
	while (nf_alg_port_iter_next(&it, &port))
		if (public_claim(pe, port))
			return true;
	return false;
}

/* The public endpoint that @fresh's target has, or @fresh with its port; NULL: no port is free. Under the lock. */
static struct public_endpoint *single_locked(const struct nf_alg_work *work, const struct nf_alg_public_req *req,
					     const struct nf_alg_place *place, struct public_endpoint *fresh)
{
	const struct alg_endpoint *target = &fresh->pub.target;
	/* All else comes to the address that is announced with the port, GRE to that of the control connection. */
	const union nf_inet_addr *at = req->l4proto == IPPROTO_GRE ? &place->addr : NULL;
	struct public_endpoint *pe = find_by_target(work, req->l4proto, target, fresh->target_hash, at);

	if (pe && refcount_inc_not_zero(&pe->pub.ref))
		return pe;
	if (!claim_single(fresh, req, place, target))
		return NULL;
	public_publish(fresh);
	return fresh;
}

/**
 * nf_alg_public_get() - holds a public endpoint
 * @work:	the packet; nf_alg_work_resolve() was called
 * @req:	what is wanted
 * @public:	result, with a reference; the one that stands if the target has one already in this namespace, zone and transport
 *		(and for GRE at this public address)
 *
 * The announced port first, but never GRE's call ID (see claim_single()); then others of the tenant's port block; an even one stays
 * even (RFC 4787, REQ-9), an odd one need not stay odd. A target of another family than the connection's, and one whose address is
 * not translated, is its own public endpoint: that is always granted, to as many as want it. A refusal is counted by its reason.
 *
 * The endpoint outlives the connection, but not the namespace or the protocol's module: holders let go in time.
 *
 * Context: as ->help. Return: 0, or -1 with nothing changed.
 */
int nf_alg_public_get(struct nf_alg_work *work, const struct nf_alg_public_req *req, struct nf_alg_public **public)
{
	struct public_endpoint *fresh, *pe;
	struct nf_alg_place place ALG_UNINIT;

	nf_alg_place_init(&place, work, req->dir, &req->target, req->foreign);
	if (req->l4proto == IPPROTO_GRE)	/* call IDs tell tenants apart, not subscribers */
		place.ports.block = 0;
	if (!place.mapped) {
		*public = plain_new(req, &place, &req->target);
		if (!*public)
			nf_alg_work_refuse(work, NF_ALG_REASON_NO_MEMORY);
		return *public ? 0 : -1;
	}
	fresh = public_new(work, req, &place, &req->target);
	if (!fresh) {
		nf_alg_work_refuse(work, NF_ALG_REASON_NO_MEMORY);
		return -1;
	}
	spin_lock_bh(&nf_alg_claims_lock);
	pe = single_locked(work, req, &place, fresh);
	spin_unlock_bh(&nf_alg_claims_lock);
	if (pe != fresh)
		public_forget(fresh);
	if (!pe) {
		nf_alg_work_refuse(work, NF_ALG_REASON_NO_PORT);
		return -1;
	}
	*public = &pe->pub;
	return 0;
}
EXPORT_SYMBOL_GPL(nf_alg_public_get);

/* ---- two in sequence ---- */

/**
 * struct pair - one call of nf_alg_public_get_pair()
 * @work:	the caller's
 * @req:	the caller's
 * @place:	where the targets are seen
 * @target:	the two
 * @fresh:	made for them, NULL once used
 * @out:	result
 */
struct pair {
	struct nf_alg_work *work;
	struct nf_alg_public_req req;
	struct nf_alg_place place;
	struct alg_endpoint target[2];
	struct public_endpoint *fresh[2];
	struct public_endpoint *out[2];
};

/*
 * Takes @port and the one behind it if nobody else has either. Both or none: an entry that was in a chain can't go to another one
 * while readers may stand on it.
 */
static bool pair_claim(struct pair *pr, u16 port)
{
	struct public_endpoint *a = pr->fresh[0], *b = pr->fresh[1];

	if (port == PORT_LAST)
		return false;
	nf_alg_claim_port(&a->claim, port);
	nf_alg_claim_port(&b->claim, port + 1);
	if (claim_taken(&a->claim) || claim_taken(&b->claim))
		return false;
	public_take(a);
	public_take(b);
	return true;
}

/* Both targets are new: two ports in sequence. */
static bool pair_both(struct pair *pr)
{
	const struct nf_alg_place *p = &pr->place;
	const struct nf_alg_ports *r = &p->ports;
	struct nf_alg_port_iter it;
	u16 want = pr->req.want ?: pr->target[0].port, port;

	if (want < PORT_LAST && nf_alg_port_allowed(want, p->anchor, r->min, r->max, r->block) &&
	    nf_alg_port_allowed(want + 1, p->anchor, r->min, r->max, r->block) && pair_claim(pr, want))
		return true;
	nf_alg_port_iter_init(&it, 0, p->anchor, r->min, r->max, r->block, NF_ALG_PORT_EVEN, nf_alg_place_seed(p, &pr->target[0]));
	while (nf_alg_port_iter_next(&it, &port))
		if (pair_claim(pr, port))
			return true;
	return false;
}

static void pair_use(struct pair *pr, int i)
{
	public_publish(pr->fresh[i]);
	pr->out[i] = pr->fresh[i];
	pr->fresh[i] = NULL;
}

/* Target @i is new, the other one has its port: the port beside it, else any. */
static bool pair_one(struct pair *pr, int i)
{
	const struct nf_alg_place *p = &pr->place;
	int port = pr->out[!i]->claim.port + (i ? 1 : -1);

	if ((port > 0 && port <= PORT_LAST && nf_alg_port_allowed(port, p->anchor, p->ports.min, p->ports.max, p->ports.block) &&
	     public_claim(pr->fresh[i], port)) || claim_single(pr->fresh[i], &pr->req, p, &pr->target[i])) {
		pair_use(pr, i);
		return true;
	}
	return false;
}

/* Under the lock. Return: false if no ports are free; then nothing is held. */
static bool pair_locked(struct pair *pr)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct public_endpoint *pe = find_by_target(pr->work, pr->req.l4proto, &pr->target[i],
							    pr->fresh[i]->target_hash, NULL);

		if (pe && refcount_inc_not_zero(&pe->pub.ref))
			pr->out[i] = pe;
	}
	if (pr->out[0] && pr->out[1])
		return true;
	if (pr->out[0] || pr->out[1])
		return pair_one(pr, pr->out[0] ? 1 : 0);
	if (!pair_both(pr))
		return false;
	pair_use(pr, 0);
	pair_use(pr, 1);
	return true;
}

/* Nothing is translated. Return: as pair_get(). */
static int pair_plain(const struct pair *pr, struct nf_alg_public *public[2])
{
	public[0] = plain_new(&pr->req, &pr->place, &pr->target[0]);
	public[1] = plain_new(&pr->req, &pr->place, &pr->target[1]);
	if (public[0] && public[1])
		return 0;
	nf_alg_public_put(public[0]);
	nf_alg_public_put(public[1]);
	return NF_ALG_REASON_NO_MEMORY;
}

/* Return: 0, or why not. */
static int pair_get(struct pair *pr)
{
	bool done;
	int i;

	for (i = 0; i < 2; i++) {
		pr->fresh[i] = public_new(pr->work, &pr->req, &pr->place, &pr->target[i]);
		if (!pr->fresh[i])
			return NF_ALG_REASON_NO_MEMORY;
	}
	spin_lock_bh(&nf_alg_claims_lock);
	done = pair_locked(pr);
	spin_unlock_bh(&nf_alg_claims_lock);
	return done ? 0 : NF_ALG_REASON_NO_PORT;
}

/**
 * nf_alg_public_get_pair() - holds the public endpoints of a target and of the port behind it (RTP and RTCP, RFC 3550, 11)
 * @work:	the packet; nf_alg_work_resolve() was called
 * @req:	what is wanted; @same_port does not count
 * @public:	result, each with a reference
 *
 * As nf_alg_public_get(). The public ports follow each other, the first is even unless it is the announced one. Only when one of
 * the targets has a public endpoint from before whose neighbour is somebody else's do they lie apart.
 *
 * Context: as ->help. Return: 0, or -1 with nothing changed.
 */
int nf_alg_public_get_pair(struct nf_alg_work *work, const struct nf_alg_public_req *req, struct nf_alg_public *public[2])
{
	int i, reason = NF_ALG_REASON_NO_PORT;
	struct pair pr ALG_UNINIT;

	pr.work = work;
	pr.req = *req;
	pr.target[0] = req->target;
	pr.target[1] = req->target;
	for (i = 0; i < 2; i++) {
		pr.fresh[i] = NULL;
		pr.out[i] = NULL;
	}
	pr.req.same_port = false;
	nf_alg_place_init(&pr.place, work, req->dir, &req->target, req->foreign);
	if (req->target.port < PORT_LAST) {
		pr.target[1].port++;
		reason = pr.place.mapped ? pair_get(&pr) : pair_plain(&pr, public);
	}
	for (i = 0; i < 2 && pr.place.mapped; i++) {
		public_forget(pr.fresh[i]);
		if (reason)
			nf_alg_public_put(pr.out[i] ? &pr.out[i]->pub : NULL);
		else
			public[i] = &pr.out[i]->pub;
	}
	if (reason)
		nf_alg_work_refuse(work, reason);
	return reason ? -1 : 0;
}
EXPORT_SYMBOL_GPL(nf_alg_public_get_pair);

/* ---- questions ---- */

/**
 * nf_alg_public_to_target() - is @public somebody's public endpoint, held for a call or a registration?
 * @work:	the packet that names it
 * @l4proto:	transport
 * @public:	endpoint
 * @target:	result: where it leads
 * @same:	result: its owner is of the tenant of @work's connection, too, both can talk to each other directly
 *
 * In another zone the same addresses are others': what leads there is nobody's here.
 *
 * Context: under rcu_read_lock(). Return: false if it is not, or not in the zone of @work's connection.
 */
bool nf_alg_public_to_target(const struct nf_alg_work *work, u8 l4proto, const struct alg_endpoint *public,
			     struct alg_endpoint *target, bool *same)
{
	struct nf_alg_claim key ALG_UNINIT;
	const struct nf_alg_claim *c;

	key.l4proto = l4proto;
	key.l3num = nf_alg_endpoint_l3num(public);
	key.net = work->net;
	key.port = public->port;
	nf_alg_endpoint_addr(public, &key.addr);
	key.hash = nf_alg_claim_hash(key.net, key.l3num, &key.addr, key.port, l4proto);
	hlist_for_each_entry_rcu(c, nf_alg_claim_chain(key.hash), node) {
		const struct public_endpoint *pe;

		if (c->kind != CLAIM_PUBLIC || !nf_alg_claim_equal(c, &key) || c->zone.id != nf_ct_zone(work->ct)->id)
			continue;
		pe = claim_public((struct nf_alg_claim *)c);
		if (!refcount_read(&pe->pub.ref))
			continue;
		*target = c->target;
		*same = nf_alg_same_zone(&c->zone, nf_ct_zone(work->ct)) &&
			pe->tenant == (work->account ? work->account->id : 0);
		return true;
	}
	return false;
}
EXPORT_SYMBOL_GPL(nf_alg_public_to_target);

/**
 * nf_alg_public_of_target() - the public endpoint that is held for a target
 * @work:	the packet that names it; only targets in its connection's zone are found
 * @l4proto:	transport
 * @target:	endpoint as its owner knows it
 * @public:	result
 *
 * Context: under rcu_read_lock(). Return: false if there is none.
 */
bool nf_alg_public_of_target(const struct nf_alg_work *work, u8 l4proto, const struct alg_endpoint *target,
			     struct alg_endpoint *public)
{
	const struct public_endpoint *pe;

	pe = find_by_target(work, l4proto, target, hash_of_target(work->net, l4proto, nf_ct_zone(work->ct), target), NULL);
	if (pe)
		*public = pe->pub.public;
	return pe;
}
EXPORT_SYMBOL_GPL(nf_alg_public_of_target);

/* ---- module ---- */

/*
 * Whoever made conntrack's table of expectations large expects as many pinholes. One that leads through a held endpoint has two
 * entries, and the last of thousands of calls should not cost more than the first.
 */
static u32 chains_wanted(void)
{
	u32 most = max(nf_conntrack_htable_size, 2 * nf_ct_expect_hsize);

	return rounddown_pow_of_two(clamp(most, CHAINS_MIN, CHAINS_MAX));
}

int nf_alg_public_init(void)
{
	u32 chains = chains_wanted();

	nf_alg_claims_mask = chains - 1;
	nf_alg_claims_secret = get_random_u32();
	nf_alg_claims = kvcalloc(chains, sizeof(*nf_alg_claims), GFP_KERNEL);
	target_table = kvcalloc(chains, sizeof(*target_table), GFP_KERNEL);
	public_cache = kmem_cache_create("nf_alg_public", sizeof(struct public_endpoint), 0, 0, NULL);
	if (nf_alg_claims && target_table && public_cache)
		return 0;
	nf_alg_public_exit();
	return -ENOMEM;
}

void nf_alg_public_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(public_cache);
	kvfree(target_table);
	kvfree(nf_alg_claims);
}
