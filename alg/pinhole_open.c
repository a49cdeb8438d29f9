// SPDX-License-Identifier: GPL-2.0-only
/* How pinholes are opened: a public endpoint is taken, then an expectation stands for it. */
#include <linux/module.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "pinhole.h"

/* Who may come: the source of the expected tuple, NULL where anything will do. */
struct opening_peer {
	union nf_inet_addr addr;
	__be16 port;
	const union nf_inet_addr *saddr;
	const __be16 *sport;
};

/**
 * struct opening - one pinhole on its way
 * @work:	the packet
 * @req:	what is to be opened
 * @target:	where it leads
 * @l4proto:	transport
 * @place:	how the target is seen
 * @account:	the tenant's, with a reference and one pinhole of its quota, or NULL
 * @owned:	the caller wants a handle
 * @peer:	who may come
 * @same:	what stands already and will do
 * @older:	what must be closed first, with a reference
 * @idle:	there are pinholes that the new one can stand for
 * @dead:	one of them whose expectation went without a child, with a reference: to be closed
 */
struct opening {
	struct nf_alg_work *work;
	const struct nf_alg_pinhole_req *req;
	const struct alg_endpoint *target;
	u8 l4proto;
	struct nf_alg_place place;
	struct opening_peer peer;
	struct nf_alg_account *account;
	bool owned;
	struct nf_alg_hole *same, *older;
	bool idle;
	struct nf_alg_hole *dead;
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

static void opening_peer(struct opening *o)
{
	struct opening_peer *peer = &o->peer;
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

static void opening_init(struct opening *o, struct nf_alg_work *work, const struct nf_alg_pinhole_req *req)
{
	o->work = work;
	o->req = req;
	o->target = &req->target;
	o->l4proto = req->l4proto;
	o->account = NULL;
	o->owned = false;
	o->same = NULL;
	o->older = NULL;
	o->idle = false;
	o->dead = NULL;
	nf_alg_place_init(&o->place, work, req->dir, req->public ? &req->public->target : &req->target, false);
	if (req->public)
		opening_through(o);
	opening_peer(o);
}

/* The public port when there is no choice. */
static u16 opening_port(const struct opening *o)
{
	if (o->req->public)
		return o->req->public->public.port;
	return o->req->same_port ? o->place.anchor : o->target->port;
}

/* ---- what stands already ---- */

static bool hole_stands(const struct nf_alg_hole *hole)
{
	return READ_ONCE(hole->state) == HOLE_PENDING && !nf_alg_hole_exp_gone(hole);
}

static bool peer_is(const struct nf_conntrack_expect *exp, u16 l3num, const struct opening_peer *peer)
{
	bool anyone = !exp->mask.src.u3.ip;

	if (anyone != !peer->saddr || exp->tuple.src.u.all != (peer->sport ? *peer->sport : 0))
		return false;
	return anyone || nf_alg_same_addr(l3num, &exp->tuple.src.u3, peer->saddr);
}

/* Is @hole what an owner wants to open? */
static bool hole_serves(const struct nf_alg_hole *hole, const struct opening *o)
{
	const struct nf_alg_pinhole_req *req = o->req;

	return hole->owners && hole->proto == o->work->proto && hole->tenant == (o->work->account ? o->work->account->id : 0) &&
	       hole->source == req->source && hole->permanent == req->permanent && hole->control == req->control &&
	       nf_alg_same_zone(&hole->claim.zone, nf_ct_zone(o->work->ct)) && peer_is(hole->exp, o->place.l3num, &o->peer);
}

/*
 * What stands is enough when the same connection announces an endpoint again, and when two owners want the same: two
 * registrations of one contact, two calls to an endpoint that is nobody's own. Conntrack has room for one such expectation, so
 * they share the pinhole. But not GRE: its owner uses a number anew when the old call is over, perhaps without a word about it.
 * @hole: has the public endpoint that is wanted; under the lock.
 */
static bool hole_will_do(struct nf_alg_hole *hole, const struct opening *o)
{
	if (!nf_alg_same_endpoint(&hole->claim.target, o->target) || !hole_stands(hole))
		return false;
	if (!o->owned)
		return hole->exp->master == o->work->ct;
	if (o->l4proto == IPPROTO_GRE || !hole_serves(hole, o) || !refcount_inc_not_zero(&hole->ref))
		return false;
	hole->owners++;
	return true;
}

/* Under the lock. */
static bool hole_is_older(struct nf_alg_hole *hole, const struct opening *o)
{
	return o->owned && o->l4proto == IPPROTO_GRE && nf_alg_same_endpoint(&hole->claim.target, o->target) && hole_stands(hole) &&
	       hole_serves(hole, o) && refcount_inc_not_zero(&hole->ref);
}

/* Of the owner of @key, and nothing can come through it any more, but perhaps its child lives. Under the lock. */
static bool hole_is_idle(const struct nf_alg_hole *hole, const struct nf_alg_claim *key)
{
	return READ_ONCE(hole->state) != HOLE_NEW && !hole_stands(hole) && nf_alg_claim_same_owner(&hole->claim, key);
}

static void look_idle(struct opening *o, struct nf_alg_hole *hole)
{
	o->idle = true;
	if (!o->dead && READ_ONCE(hole->state) == HOLE_PENDING && refcount_inc_not_zero(&hole->ref))
		o->dead = hole;
}

enum found { FOUND_NOTHING, FOUND_SAME, FOUND_OTHERS };

/* Who has the public endpoint @key? Under the lock. Sets @o->same, @o->older, @o->idle, @o->dead. */
static enum found opening_look(struct opening *o, const struct nf_alg_claim *key)
{
	struct nf_alg_claim *c;

	hlist_for_each_entry(c, nf_alg_claim_chain(key->hash), node) {
		struct nf_alg_hole *hole = container_of(c, struct nf_alg_hole, claim);

		if (!nf_alg_claim_equal(c, key))
			continue;
		if (c->kind == CLAIM_HOLE && hole_will_do(hole, o)) {
			o->same = hole;
			return FOUND_SAME;
		}
		if (c->kind == CLAIM_HOLE && hole_is_older(hole, o)) {
			o->older = hole;
			return FOUND_OTHERS;
		}
		if (c->kind == CLAIM_HOLE && hole_is_idle(hole, key)) {
			look_idle(o, hole);
			continue;
		}
		if (!o->req->public && nf_alg_claim_blocks(c, key))
			return FOUND_OTHERS;
	}
	return FOUND_NOTHING;
}

/* Return: false if nothing had to be closed. */
static bool opening_close_older(struct opening *o)
{
	struct nf_alg_hole *older = o->older;

	if (likely(!older))
		return false;
	o->older = NULL;
	nf_alg_hole_close(older, NF_ALG_REASON_CLOSED);
	nf_alg_hole_put(older);
	return true;
}

/* Sooner than the collector would: who announces one endpoint on connection after connection leaves one each time. */
static void opening_close_dead(struct opening *o)
{
	if (likely(!o->dead))
		return;
	nf_alg_hole_close(o->dead, NF_ALG_REASON_CLOSED);
	nf_alg_hole_put(o->dead);
	o->dead = NULL;
}

/* Nothing can be opened; does it stand already? */
static bool opening_stands(struct opening *o)
{
	struct nf_alg_claim key ALG_UNINIT;
	enum found found;

	nf_alg_claim_init(&key, o->work, &o->place, o->target, o->l4proto, opening_port(o));
	spin_lock(&nf_alg_claims_lock);
	found = opening_look(o, &key);
	spin_unlock(&nf_alg_claims_lock);
	opening_close_older(o);
	opening_close_dead(o);
	return found == FOUND_SAME;
}

/* ---- birth ---- */

static void opening_expect(const struct opening *o, struct nf_conntrack_expect *exp)
{
	__be16 dport = htons(o->target->port);

	nf_ct_expect_init(exp, NF_CT_EXPECT_CLASS_DEFAULT, o->place.l3num, o->peer.saddr, &o->place.addr, o->l4proto, o->peer.sport,
			  &dport);
	if (o->req->permanent)
		exp->flags |= NF_CT_EXPECT_PERMANENT;
	exp->expectfn = nf_alg_hole_expected;
	nf_alg_endpoint_addr(o->target, &exp->saved_addr);
	exp->saved_proto.all = dport;
	exp->dir = !o->req->dir;
}

/* The expected connection's initiator is translated, too: his port block, if he has one. */
static void hole_source_block(struct nf_alg_hole *hole, const struct nf_alg_place *p)
{
	u16 lo, hi;

	hole->src_min = 0;
	hole->src_max = 0;
	if (hole->claim.l4proto == IPPROTO_GRE || !p->ports.min ||
	    nf_alg_same_addr(p->sent->src.l3num, &p->back->src.u3, &p->sent->dst.u3))
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
	struct nf_alg_hole *hole = nf_alg_hole_new(w->ct);

	if (!hole)
		return NULL;
	opening_expect(o, hole->exp);
	hole->claim.kind = CLAIM_HOLE;
	if (o->req->public)
		nf_alg_claim_through(&hole->claim, w, o->req->public);
	else
		nf_alg_claim_init(&hole->claim, w, &o->place, o->target, o->l4proto, opening_port(o));
	hole->state = HOLE_NEW;
	refcount_set(&hole->ref, 1 + o->owned);
	hole->owners = o->owned;
	hole->used_up = false;
	hole->has_child = false;
	hole->others = NULL;
	hole->doomed = false;
	hole->gone = false;
	hole->pair = NULL;
	INIT_LIST_HEAD(&hole->ring);
	hole->account = o->account;
	hole->tenant = o->account ? o->account->id : 0;
	hole->proto = w->proto;
	hole->protocol = w->proto->id;
	hole->translated = w->translated || o->place.mapped || o->req->source;
	hole->assigned = nf_alg_work_on_service(w);
	hole->tended = 0;
	hole->used = 0;
	hole_source_block(hole, &o->place);
	hole_request(hole, o);
	hole->master = w->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	return hole;
}

/* Under the lock, before @hole is in the table. */
static void hole_stand_for_idle(struct nf_alg_hole *hole)
{
	struct hlist_node *next;
	struct nf_alg_claim *c;

	hlist_for_each_entry_safe(c, next, nf_alg_claim_chain(hole->claim.hash), node) {
		struct nf_alg_hole *other = container_of(c, struct nf_alg_hole, claim);

		if (c->kind == CLAIM_HOLE && nf_alg_claim_equal(c, &hole->claim) && hole_is_idle(other, &hole->claim))
			nf_alg_hole_stand_for(hole, other);
	}
}

/*
 * Takes the public endpoint with @port, if nobody has it; one that is held for the target is taken already. From then on everybody
 * sees the pinhole.
 */
static enum found hole_claim(struct opening *o, struct nf_alg_hole *hole, u16 port)
{
	struct nf_alg_claim *c = &hole->claim;
	enum found found;

	hole->exp->tuple.dst.u.all = htons(port);
	nf_alg_claim_port(c, port);
	do {	/* each one that is older is closed once */
		spin_lock(&nf_alg_claims_lock);
		found = opening_look(o, c);
		if (found == FOUND_NOTHING) {
			if (o->idle)
				hole_stand_for_idle(hole);
			hlist_add_head_rcu(&c->node, nf_alg_claim_chain(c->hash));
			nf_alg_hole_list(hole);
		}
		spin_unlock(&nf_alg_claims_lock);
	} while (unlikely(opening_close_older(o)));
	opening_close_dead(o);
	return found;
}

/*
 * Gives the claimed pinhole its expectation. Return: 0, or why not: then the pinhole is gone (the account stays with the caller).
 */
static int hole_arm(struct nf_alg_hole *hole)
{
	int err = nf_ct_expect_related(hole->exp, 0), state;

	if (!err) {
		nf_alg_exp_set_timeout(hole->exp, hole->timeout);
		/* Pairs with nf_alg_hole_close(): who comes second sees the other. The child may be there already. */
		state = cmpxchg(&hole->state, HOLE_NEW, HOLE_PENDING);
		if (unlikely(state == HOLE_CLOSED)) {
			hole->used_up = true;	/* its grace period began while the expectation stood */
			nf_alg_exp_unlink(hole->exp);
		}
		return 0;
	}
	if (cmpxchg(&hole->state, HOLE_NEW, HOLE_CLOSED) != HOLE_NEW) {
		if (hole->owners)
			nf_alg_hole_put(hole);
		return -ECANCELED;	/* the sweep has released it, and the account */
	}
	nf_alg_hole_discard(hole);
	return err == -EALREADY ? -EBUSY : err;
}

/*
 * Return: 0 (unless @o->same is set *@hole stands), -EBUSY if the port is taken, another negative errno if no port will do.
 * *@hole is reused from try to try.
 */
static int opening_try(struct opening *o, u16 port, struct nf_alg_hole **hole)
{
	enum found found;
	int err;

	if (!*hole)
		*hole = opening_hole(o);
	if (!*hole)
		return -ENOMEM;
	found = hole_claim(o, *hole, port);
	if (found != FOUND_NOTHING)
		return found == FOUND_SAME ? 0 : -EBUSY;
	err = hole_arm(*hole);
	if (err)
		*hole = NULL;
	return err;
}

/* The announced port if it is allowed and free, as it nearly always is; then others. */
static int opening_mapped(struct opening *o, struct nf_alg_hole **hole)
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

static int opening_ports(struct opening *o, struct nf_alg_hole **out)
{
	struct nf_alg_hole *hole = NULL;
	int err;

	if (o->place.mapped && !o->req->same_port && !o->req->public)
		err = opening_mapped(o, &hole);
	else
		err = opening_try(o, opening_port(o), &hole);
	*out = hole;
	if ((err || o->same) && hole) {	/* not needed */
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
 * A writer of the configuration bumps its number, then sweeps; we showed the pinhole, then read the number: one of us sees the
 * other. Likewise the collector: it goes on while there are pinholes, or we start it. hole_arm()'s cmpxchg is the full barrier
 * between.
 */
static bool hole_allowed_still(struct nf_alg_hole *hole, u32 gen)
{
	nf_alg_hole_collect(nf_alg_hole_net(hole));
	if (likely(nf_alg_generation(nf_alg_hole_net(hole)) == gen) || nf_alg_hole_allowed(hole))
		return true;
	nf_alg_hole_close(hole, NF_ALG_REASON_CLOSED);
	return false;
}

/* The same was open: it stays so for as long as is asked for. */
static struct nf_alg_hole *opening_refresh(const struct opening *o)
{
	u32 timeout = min(o->req->timeout, NF_ALG_HOLE_SECONDS_MAX);

	if (time_after(jiffies + timeout * HZ, READ_ONCE(o->same->until)))
		nf_alg_hole_refresh(o->same, timeout);
	return o->same;
}

/* Return: the pinhole, which stands and is valid in this RCU section; NULL if it was refused. Softirqs are off. */
static struct nf_alg_hole *opening_run(struct opening *o)
{
	struct nf_alg_hole *hole;
	int reason, err;

	reason = opening_admit(o);
	if (reason) {
		if (opening_stands(o))
			return opening_refresh(o);
		nf_alg_work_refuse(o->work, reason);
		return NULL;
	}
	err = opening_ports(o, &hole);
	if (o->same) {
		opening_abandon(o);
		return opening_refresh(o);
	}
	if (err) {
		if (err != -ECANCELED)
			opening_abandon(o);
		nf_alg_work_refuse(o->work, errno_reason(err));
		return NULL;
	}
	nf_alg_work_count(o->work, NF_ALG_REASON_OPENED);
	if (unlikely(nf_alg_work_heard(o->work)))
		nf_alg_hole_event(hole, NF_ALG_EVENT_PINHOLE_OPENED);
	if (hole_allowed_still(hole, o->work->gen)) {
		if (o->owned)
			nf_alg_hole_clear(hole);
		return hole;
	}
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
	struct opening o ALG_UNINIT;
	bool bh;

	opening_init(&o, work, req);
	bh = nf_alg_softirqs_off();
	hole = opening_run(&o);
	if (hole) {
		*id = o.same ? 0 : hole->id;
		nf_alg_endpoint_set(public, o.place.l3num, &o.place.addr, htons(hole->claim.port));
	}
	nf_alg_softirqs_restore(bh);
	return hole ? 0 : -1;
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
 * any port of a peer with one port of it, is refused (no-port): conntrack can't have both. Where the tuple of the expected
 * connection is known in full, a connection that the peer began too early, before it was expected, is taken out of the way.
 *
 * Context: as ->help. Return: a handle for nf_alg_hole_drop(), or NULL: refused, with the reason counted.
 */
struct nf_alg_hole *nf_alg_hole_open(struct nf_alg_work *work, const struct nf_alg_pinhole_req *req)
{
	struct nf_alg_hole *hole;
	struct opening o ALG_UNINIT;
	bool bh;

	opening_init(&o, work, req);
	o.owned = true;
	bh = nf_alg_softirqs_off();
	hole = opening_run(&o);
	nf_alg_softirqs_restore(bh);
	return hole;
}
EXPORT_SYMBOL_GPL(nf_alg_hole_open);
