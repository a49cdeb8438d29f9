// SPDX-License-Identifier: GPL-2.0-only
/* How pinholes are opened: a public endpoint is taken, then an expectation stands for it. */
#include <linux/module.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "pinhole.h"

/**
 * struct opening - one pinhole on its way
 * @work:	the packet
 * @req:	what is to be opened
 * @target:	where it leads
 * @l4proto:	transport
 * @place:	how the target is seen
 * @account:	the tenant's, with a reference and one pinhole of its quota, or NULL
 * @owned:	the caller wants a handle
 */
struct opening {
	struct nf_alg_work *work;
	const struct nf_alg_pinhole_req *req;
	const struct alg_endpoint *target;
	u8 l4proto;
	struct nf_alg_place place;
	struct nf_alg_account *account;
	bool owned;
};

/* A held endpoint tells all but who may come. */
static void opening_through(struct opening *o)
{
	const struct nf_alg_public *public = o->req->public;

	o->target = &public->target;
	o->l4proto = public->l4proto;
	o->place.l3num = public->l3num;
	o->place.mapped = public->mapped;
	nf_alg_endpoint_addr(&public->public, &o->place.addr);
}

static void opening_init(struct opening *o, struct nf_alg_work *work, const struct nf_alg_pinhole_req *req)
{
	o->work = work;
	o->req = req;
	o->target = &req->target;
	o->l4proto = req->l4proto;
	o->account = NULL;
	o->owned = false;
	nf_alg_place_init(&o->place, work, req->dir, req->public ? &req->public->target : &req->target, false);
	if (req->public)
		opening_through(o);
}

/* The public port when there is no choice. */
static u16 opening_port(const struct opening *o)
{
	if (o->req->public)
		return o->req->public->public.port;
	return o->req->same_port ? o->place.anchor : o->target->port;
}

/* ---- what stands already ---- */

static void opening_key(const struct opening *o, struct nf_alg_claim *key)
{
	nf_alg_claim_init(key, o->work, &o->place, o->target, o->l4proto, opening_port(o));
}

static bool hole_stands(const struct nf_alg_hole *hole)
{
	return READ_ONCE(hole->state) == HOLE_PENDING && READ_ONCE(hole->armed) && !nf_alg_hole_exp_gone(hole);
}

/* The same endpoint announced again by the same connection: what stands is enough. */
static bool still_open(const struct opening *o)
{
	struct nf_alg_claim key, *c;

	opening_key(o, &key);
	hlist_for_each_entry_rcu(c, nf_alg_claim_chain(key.hash), node) {
		struct nf_alg_hole *hole = container_of(c, struct nf_alg_hole, claim);

		if (c->kind != CLAIM_HOLE || !nf_alg_claim_equal(c, &key) || hole->exp->master != o->work->ct ||
		    !nf_alg_same_endpoint(&c->target, o->target) || !hole_stands(hole))
			continue;
		nf_alg_hole_refresh(hole, hole->timeout);
		return true;
	}
	return false;
}

/* Who may come: the source of the expected tuple, NULL where anything will do. */
struct opening_peer {
	union nf_inet_addr addr;
	__be16 port;
	const union nf_inet_addr *saddr;
	const __be16 *sport;
};

static void opening_peer(const struct opening *o, struct opening_peer *peer)
{
	const struct alg_endpoint *ep = &o->req->peer;

	peer->saddr = NULL;
	peer->sport = NULL;
	if (o->req->anyone)
		return;
	if (!ep->family) {
		peer->saddr = &o->place.back->src.u3;
		return;
	}
	nf_alg_endpoint_addr(ep, &peer->addr);
	peer->saddr = &peer->addr;
	peer->port = htons(ep->port);
	if (ep->port)
		peer->sport = &peer->port;
}

static bool peer_is(const struct nf_conntrack_expect *exp, u16 l3num, const struct opening_peer *peer)
{
	bool anyone = !exp->mask.src.u3.ip;

	if (anyone != !peer->saddr || exp->tuple.src.u.all != (peer->sport ? *peer->sport : 0))
		return false;
	return anyone || nf_alg_same_addr(l3num, &exp->tuple.src.u3, peer->saddr);
}

/* Could @hole be what is to be opened? */
static bool hole_serves(const struct nf_alg_hole *hole, const struct opening *o, const struct opening_peer *peer)
{
	const struct nf_alg_pinhole_req *req = o->req;

	return hole->owners && hole->proto == o->work->proto && hole->tenant == (o->work->account ? o->work->account->id : 0) &&
	       hole->source == req->source && hole->permanent == req->permanent && hole->control == req->control &&
	       hole_stands(hole) && peer_is(hole->exp, o->place.l3num, peer);
}

/*
 * Two owners may want the same: two registrations of one contact, two calls to an endpoint that is nobody's own. Conntrack has room
 * for one such expectation, so they share the pinhole.
 */
static struct nf_alg_hole *opening_share(const struct opening *o)
{
	struct nf_alg_hole *hole, *found = NULL;
	struct nf_alg_claim key, *c;
	struct opening_peer peer;

	opening_key(o, &key);
	opening_peer(o, &peer);
	spin_lock_bh(nf_alg_claim_lock(key.hash));
	hlist_for_each_entry(c, nf_alg_claim_chain(key.hash), node) {
		hole = container_of(c, struct nf_alg_hole, claim);
		if (c->kind == CLAIM_HOLE && nf_alg_claim_equal(c, &key) && nf_alg_same_zone(&c->zone, &key.zone) &&
		    nf_alg_same_endpoint(&c->target, o->target) && hole_serves(hole, o, &peer) &&
		    refcount_inc_not_zero(&hole->ref)) {
			hole->owners++;
			found = hole;
			break;
		}
	}
	spin_unlock_bh(nf_alg_claim_lock(key.hash));
	return found;
}

/* ---- birth ---- */

static struct nf_conntrack_expect *opening_expect(const struct opening *o)
{
	struct nf_conntrack_expect *exp = nf_ct_expect_alloc(o->work->ct);
	__be16 dport = htons(o->target->port);
	struct opening_peer peer;

	if (!exp)
		return NULL;
	opening_peer(o, &peer);
	nf_ct_expect_init(exp, NF_CT_EXPECT_CLASS_DEFAULT, o->place.l3num, peer.saddr, &o->place.addr, o->l4proto, peer.sport,
			  &dport);
	if (o->req->permanent)
		exp->flags |= NF_CT_EXPECT_PERMANENT;
	exp->expectfn = nf_alg_hole_expected;
	nf_alg_endpoint_addr(o->target, &exp->saved_addr);
	exp->saved_proto.all = dport;
	exp->dir = !o->req->dir;
	return exp;
}

/* The expected connection's initiator is translated, too: his port block, if he has one. */
static void hole_source_block(struct nf_alg_hole *hole, const struct nf_alg_place *p)
{
	u16 lo, hi;

	hole->src_min = 0;
	hole->src_max = 0;
	if (hole->claim.l4proto == IPPROTO_GRE || !p->ports.min || nf_alg_same_addr(p->sent->src.l3num, &p->back->src.u3, &p->sent->dst.u3))
		return;
	if (!nf_alg_port_range(ntohs(p->sent->dst.u.all), p->ports.min, p->ports.max, p->ports.block, &lo, &hi))
		return;
	hole->src_min = lo;
	hole->src_max = hi;
}

/* What the request wants of the pinhole. */
static void hole_request(struct nf_alg_hole *hole, const struct opening *o)
{
	const struct nf_alg_pinhole_req *req = o->req;

	hole->permanent = req->permanent;
	hole->control = req->control;
	hole->call = req->call;
	hole->idle = min(req->idle, NF_ALG_HOLE_SECONDS_MAX);
	hole->keep_master = req->keep_master;
	hole->timeout = min(req->timeout, NF_ALG_HOLE_SECONDS_MAX);
	hole->opened = jiffies;
	hole->until = hole->opened + hole->timeout * HZ;
	hole->public = req->public;
	hole->source = req->source;
	if (hole->public)
		nf_alg_public_hold(hole->public);
	if (hole->source)
		nf_alg_public_hold(hole->source);
}

static struct nf_alg_hole *opening_hole(const struct opening *o)
{
	const struct nf_alg_work *w = o->work;
	struct nf_alg_hole *hole = nf_alg_hole_new();

	if (!hole)
		return NULL;
	memset(hole, 0, offsetof(struct nf_alg_hole, master));
	hole->exp = opening_expect(o);
	if (!hole->exp) {
		nf_alg_hole_free(hole);
		return NULL;
	}
	hole->claim.kind = CLAIM_HOLE;
	nf_alg_claim_init(&hole->claim, w, &o->place, o->target, o->l4proto, opening_port(o));
	hole->state = HOLE_PENDING;
	refcount_set(&hole->ref, 1 + o->owned);
	hole->owners = o->owned;
	hole->account = o->account;
	hole->tenant = o->account ? o->account->id : 0;
	hole->proto = w->proto;
	hole->protocol = w->proto->id;
	hole->translated = w->translated || o->place.mapped || o->req->source;
	hole->assigned = nf_alg_work_on_service(w);
	hole_source_block(hole, &o->place);
	hole_request(hole, o);
	hole->master = w->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	return hole;
}

/* Takes the public endpoint with @port, if nobody has it; one that is held for the target is taken already. */
static bool hole_claim(struct nf_alg_hole *hole, u16 port)
{
	struct nf_alg_claim *c = &hole->claim;
	spinlock_t *lock;
	bool taken;

	hole->exp->tuple.dst.u.all = htons(port);
	if (c->port != port)
		nf_alg_claim_port(c, port);
	lock = nf_alg_claim_lock(c->hash);
	spin_lock_bh(lock);
	taken = !hole->public && nf_alg_claim_taken(c);
	if (!taken)
		hlist_add_head_rcu(&c->node, nf_alg_claim_chain(c->hash));
	spin_unlock_bh(lock);
	return !taken;
}

/*
 * Gives the claimed pinhole its expectation. Return: 0, or why not: then the pinhole is gone (the account stays with the caller).
 */
static int hole_arm(struct nf_alg_hole *hole)
{
	int err;

	nf_alg_hole_list(hole);
	err = nf_ct_expect_related(hole->exp, 0);
	if (!err) {
		nf_alg_exp_set_timeout(hole->exp, hole->timeout);
		WRITE_ONCE(hole->armed, true);
		smp_mb();	/* pairs with nf_alg_hole_close(): one of us sees the other */
		if (unlikely(READ_ONCE(hole->state) == HOLE_CLOSED))
			nf_alg_exp_unlink(hole->exp);
		return 0;
	}
	if (cmpxchg(&hole->state, HOLE_PENDING, HOLE_CLOSED) != HOLE_PENDING) {
		if (hole->owners)
			nf_alg_hole_put(hole);
		return -ECANCELED;	/* the sweep has released it, and the account */
	}
	nf_alg_hole_discard(hole);
	return err == -EALREADY ? -EBUSY : err;
}

/* Return: 0, -EBUSY if the port is taken, another negative errno if no port will do. *@hole is reused from try to try. */
static int opening_try(const struct opening *o, u16 port, struct nf_alg_hole **hole)
{
	int err;

	if (!*hole)
		*hole = opening_hole(o);
	if (!*hole)
		return -ENOMEM;
	if (!hole_claim(*hole, port))
		return -EBUSY;
	err = hole_arm(*hole);
	if (err)
		*hole = NULL;
	return err;
}

/* The announced port if it is allowed and free, as it nearly always is; then others. */
static int opening_mapped(const struct opening *o, struct nf_alg_hole **hole)
{
	const struct nf_alg_ports *r = &o->place.ports;
	u16 want = o->target->port, anchor = o->place.anchor, port;
	struct nf_alg_port_iter it;
	int err = -EBUSY;

	if (nf_alg_port_allowed(want, anchor, r->min, r->max, r->block)) {
		err = opening_try(o, want, hole);
		if (err != -EBUSY)
			return err;
	}
	nf_alg_port_iter_init(&it, 0, anchor, r->min, r->max, r->block, 0, nf_alg_place_seed(&o->place, o->target));
	while (err == -EBUSY && nf_alg_port_iter_next(&it, &port))
		err = opening_try(o, port, hole);
	return err;
}

static int opening_ports(const struct opening *o, struct nf_alg_hole **out)
{
	struct nf_alg_hole *hole = NULL;
	int err;

	if (o->place.mapped && !o->req->same_port && !o->req->public)
		err = opening_mapped(o, &hole);
	else
		err = opening_try(o, opening_port(o), &hole);
	*out = hole;
	if (err && hole) {
		*out = NULL;
		nf_alg_hole_forget(hole);
	}
	return err;
}

static int errno_reason(int err)
{
	switch (err) {
	case -EBUSY:
		return NF_ALG_REASON_NO_PORT;
	case -EMFILE:
		return NF_ALG_REASON_EXPECT_FULL;
	case -ECANCELED:
		return NF_ALG_REASON_POLICY_OFF;
	default:
		return NF_ALG_REASON_NO_MEMORY;
	}
}

static void opening_account(struct opening *o)
{
	struct nf_alg_account *account = o->work->account;

	o->account = account && nf_alg_account_hold(account) ? account : NULL;
}

/* Who may come must be of the target's family. */
static bool opening_sound(const struct opening *o)
{
	const struct nf_alg_pinhole_req *req = o->req;

	if (req->anyone)
		return true;
	return req->peer.family ? nf_alg_endpoint_l3num(&req->peer) == o->place.l3num : o->place.l3num == nf_ct_l3num(o->work->ct);
}

/* Everything that can refuse before a port is looked for. Return: 0 with the quota taken, or the reason. */
static int opening_admit(struct opening *o)
{
	const struct nf_conn_help *help = nfct_help(o->work->ct);
	int reason;

	if (!opening_sound(o))
		return NF_ALG_REASON_UNREPRESENTABLE;
	if ((o->work->translated || o->place.mapped || o->req->source) && !nf_alg_nat_loaded())
		return NF_ALG_REASON_NAT_MISSING;
	if (o->req->max && help->expecting[NF_CT_EXPECT_CLASS_DEFAULT] >= o->req->max)
		return NF_ALG_REASON_SESSION_PINHOLES;
	opening_account(o);
	if (!o->account)
		return 0;
	reason = nf_alg_quota_pinhole_take(o->work->tenant, o->account);
	if (reason) {
		nf_alg_account_put(o->account);
		o->account = NULL;
	}
	return reason;
}

static void opening_abandon(struct opening *o)
{
	if (!o->account)
		return;
	nf_alg_quota_pinhole_give(o->account);
	nf_alg_account_put(o->account);
}

/*
 * A writer of the configuration bumps its number, then sweeps; we show the pinhole, then read the number: one of us sees the other.
 * Likewise the collector: it goes on while there are pinholes, or we start it.
 */
static bool hole_allowed_still(struct nf_alg_hole *hole, u32 gen)
{
	smp_mb();
	nf_alg_hole_collect(nf_alg_hole_net(hole));
	if (likely(nf_alg_generation(nf_alg_hole_net(hole)) == gen) || nf_alg_hole_allowed(hole))
		return true;
	nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED);
	return false;
}

/* Return: the pinhole, which stands and is valid in this RCU section; NULL if it was refused. */
static struct nf_alg_hole *opening_run(struct opening *o)
{
	struct nf_alg_hole *hole;
	int reason, err;

	reason = opening_admit(o);
	if (reason) {
		nf_alg_work_refuse(o->work, reason);
		return NULL;
	}
	err = opening_ports(o, &hole);
	if (err) {
		if (err != -ECANCELED)
			opening_abandon(o);
		nf_alg_work_refuse(o->work, errno_reason(err));
		return NULL;
	}
	nf_alg_work_count(o->work, NF_ALG_REASON_OPENED);
	nf_alg_hole_event(hole, NF_ALG_EVENT_PINHOLE_OPENED);
	if (hole_allowed_still(hole, o->work->gen))
		return hole;
	if (o->owned)
		nf_alg_hole_put(hole);
	return NULL;
}

/**
 * nf_alg_pinhole_open() - opens a pinhole from the other side of the connection to an announced endpoint
 * @work:	the packet; nf_alg_work_resolve() was called
 * @req:	what
 * @public:	result: address and port by which the other side reaches the target
 * @id:		result: number for nf_alg_pinhole_close_id(); 0 if one for the same endpoint stood already
 *
 * Quotas, the tenant's port block and the session's limit are kept; a refusal is counted by its reason.
 *
 * Context: as ->help. Return: 0, or -1 with nothing changed.
 */
int nf_alg_pinhole_open(struct nf_alg_work *work, const struct nf_alg_pinhole_req *req, struct alg_endpoint *public, u32 *id)
{
	struct nf_alg_hole *hole;
	struct opening o;
	u16 port;

	opening_init(&o, work, req);
	*id = 0;
	port = opening_port(&o);
	if (!still_open(&o)) {
		hole = opening_run(&o);
		if (!hole)
			return -1;
		*id = hole->id;
		port = hole->claim.port;
	}
	nf_alg_endpoint_set(public, o.place.l3num, &o.place.addr, htons(port));
	return 0;
}
EXPORT_SYMBOL_GPL(nf_alg_pinhole_open);

/**
 * nf_alg_hole_open() - opens a pinhole that its opener keeps
 * @work:	the packet; nf_alg_work_resolve() was called
 * @req:	what; with @public
 *
 * As nf_alg_pinhole_open(). An owner that asks for what another owner has open (same endpoints, peer, source and kind, of the same
 * tenant) gets a handle on that pinhole: it stands until both let it go, is counted once, and its lifetime is prolonged to what is
 * asked for. It may have been opened on another connection, with which it ends. A request that overlaps another one otherwise, as
 * any port of a peer with one port of it, is refused (no-port): conntrack can't have both. Where the tuple of the expected connection is
 * known in full, a connection that the peer began too early, before it was expected, is taken out of the way.
 *
 * Context: as ->help. Return: a handle for nf_alg_hole_drop(), or NULL: refused, with the reason counted.
 */
struct nf_alg_hole *nf_alg_hole_open(struct nf_alg_work *work, const struct nf_alg_pinhole_req *req)
{
	struct nf_alg_hole *hole;
	struct opening o;

	opening_init(&o, work, req);
	o.owned = true;
	hole = opening_share(&o);
	if (!hole) {
		hole = opening_run(&o);
		if (hole)
			nf_alg_hole_clear(hole);
		return hole;
	}
	if (time_after(jiffies + min(req->timeout, NF_ALG_HOLE_SECONDS_MAX) * HZ, READ_ONCE(hole->until)))
		nf_alg_hole_refresh(hole, req->timeout);
	return hole;
}
EXPORT_SYMBOL_GPL(nf_alg_hole_open);
