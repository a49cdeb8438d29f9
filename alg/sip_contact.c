// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoints that Contacts name: one public endpoint and one pinhole for all who name the same one to the same peer.
 */
#include <linux/jhash.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "sip_register.h"

#define LOCKS	64
#define SPARE	5	/* seconds that a pinhole stands longer, so that it is us who close it */

static const struct rhashtable_params contacts_params = {
	.head_offset = offsetof(struct sip_contact, node),
	.key_offset = offsetof(struct sip_contact, key),
	.key_len = sizeof(struct sip_contact_key),
	.automatic_shrinking = true,
};

static struct rhashtable contacts;
static spinlock_t locks[LOCKS];

/* Parsers need not fill a structure's holes. */
static void copy_endpoint(struct alg_endpoint *to, const struct alg_endpoint *from)
{
	to->family = from->family;
	to->port = from->port;
	memcpy(to->addr, from->addr, from->family == 4 ? 4 : 16);
}

void sip_contact_key_init(struct sip_contact_key *key, const struct nf_alg_work *work, u8 l4proto,
			  const struct alg_endpoint *target, const struct alg_endpoint *peer)
{
	alg_clear(key, sizeof(*key));
	key->net = work->net;
	key->zone = nf_ct_zone(work->ct)->id;
	key->l4proto = l4proto;
	copy_endpoint(&key->target, target);
	if (!peer)
		return;
	copy_endpoint(&key->peer, peer);
	key->peer.port = 0;
}

static spinlock_t *contact_lock(const struct sip_contact_key *key)
{
	return &locks[jhash(&key->target, sizeof(key->target), 0) % LOCKS];
}

static struct sip_contact *contact_new(struct nf_alg_work *w, enum ip_conntrack_dir dir,
				       const struct sip_contact_key *key, bool flow)
{
	struct nf_alg_public_req req = {
		.dir = dir,
		.l4proto = key->l4proto,
		.target = key->target,
		.foreign = true,	/* the caller has seen to it whose address it is */
		.same_port = flow,
	};
	struct sip_contact *c = kzalloc(sizeof(*c), GFP_ATOMIC | __GFP_NOWARN);

	if (!c) {
		nf_alg_work_count(w, NF_ALG_REASON_NO_MEMORY);
		return NULL;
	}
	if (nf_alg_public_get(w, &req, &c->public)) {
		/* Conntrack gave the connection a port that another binding still has: that one moves with its next refresh. */
		req.same_port = false;
		if (!flow || nf_alg_public_get(w, &req, &c->public))
			goto out_free;
	}
	memcpy(&c->key, key, sizeof(c->key));	/* with its padding */
	if (rhashtable_insert_fast(&contacts, &c->node, contacts_params)) {
		nf_alg_work_count(w, NF_ALG_REASON_NO_MEMORY);
		goto out_put;
	}
	return c;

out_put:
	nf_alg_public_put(c->public);
out_free:
	kfree(c);
	return NULL;
}

struct sip_contact *sip_contact_get(struct nf_alg_work *w, enum ip_conntrack_dir dir,
				    const struct sip_contact_key *key, bool flow)
{
	spinlock_t *lock = contact_lock(key);
	struct sip_contact *c;

	spin_lock_bh(lock);
	c = rhashtable_lookup_fast(&contacts, key, contacts_params);
	if (!c)
		c = contact_new(w, dir, key, flow);
	if (c)
		c->users++;
	spin_unlock_bh(lock);
	return c;
}

static struct nf_alg_hole *open_hole(struct nf_alg_work *w, enum ip_conntrack_dir dir, const struct sip_contact *c,
				     u32 secs, u32 call)
{
	struct nf_alg_pinhole_req req = {
		.dir = dir,
		.l4proto = c->key.l4proto,
		.target = c->key.target,
		.timeout = secs + SPARE,
		.public = c->public,
		.peer = c->key.peer,
		.anyone = !c->key.peer.family,
		.control = true,
		.permanent = true,
		.call = call,
	};

	return nf_alg_hole_open(w, &req);
}

/* A pinhole ends with the connection it hangs on: it moves to the one that named the endpoint last. */
void sip_contact_open(struct nf_alg_work *w, enum ip_conntrack_dir dir, struct sip_contact *c, u32 secs, u32 call)
{
	const struct nf_conntrack_tuple *master = &w->ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	spinlock_t *lock = contact_lock(&c->key);
	unsigned long until = jiffies + secs * HZ;

	spin_lock_bh(lock);
	if (c->hole && time_after(c->until, until)) {
		until = c->until;
		secs = (until - jiffies) / HZ + 1;
	}
	c->until = until;
	if (c->hole && nf_ct_tuple_equal(&c->master, master) && nf_alg_hole_stands(c->hole)) {
		nf_alg_hole_refresh(c->hole, secs + SPARE);
	} else {
		nf_alg_hole_drop(c->hole, false);
		c->hole = open_hole(w, dir, c, secs, call);
		c->master = *master;
	}
	spin_unlock_bh(lock);
}

void sip_contact_put(struct sip_contact *c)
{
	spinlock_t *lock = contact_lock(&c->key);
	bool last;

	spin_lock_bh(lock);
	last = !--c->users;
	if (last)
		rhashtable_remove_fast(&contacts, &c->node, contacts_params);
	spin_unlock_bh(lock);
	if (!last)
		return;
	nf_alg_hole_drop(c->hole, true);
	nf_alg_public_put(c->public);
	kfree_rcu(c, rcu);
}

bool sip_contact_admits(const struct nf_alg_work *w, const struct alg_endpoint *target, const struct alg_endpoint *peer)
{
	struct sip_contact_key key;

	sip_contact_key_init(&key, w, nf_ct_protonum(w->ct), target, peer);
	if (rhashtable_lookup(&contacts, &key, contacts_params))
		return true;
	memset(&key.peer, 0, sizeof(key.peer));
	return rhashtable_lookup(&contacts, &key, contacts_params);
}

int sip_contact_init(void)
{
	int i;

	for (i = 0; i < LOCKS; i++)
		spin_lock_init(&locks[i]);
	return rhashtable_init(&contacts, &contacts_params);
}

void sip_contact_exit(void)
{
	rhashtable_destroy(&contacts);
}
