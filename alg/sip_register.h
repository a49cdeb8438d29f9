/* SPDX-License-Identifier: GPL-2.0-only */
/* Endpoints that Contacts name, shared by the registrations and dialogs that name them: sip_contact.c. */
#ifndef NF_ALG_SIP_REGISTER_H
#define NF_ALG_SIP_REGISTER_H

#include <linux/rhashtable.h>

#include "sip.h"

/* No padding that is not zeroed: hashed as bytes. @peer.family 0: anybody may come; its port is 0. */
struct sip_contact_key {
	const struct net *net;
	u16 zone;
	u8 l4proto;
	struct alg_endpoint target, peer;
};

/**
 * struct sip_contact - an endpoint at which an inside party takes requests, and the pinhole to it
 * @node:	in the table
 * @key:	where, and who may come
 * @users:	bindings that have it
 * @until:	jiffies up to which the pinhole was asked for
 * @public:	its public endpoint, with a reference
 * @hole:	NULL: refused, or not asked for yet
 * @master:	original tuple of the connection that the pinhole hangs on
 * @rcu:	how it is freed
 *
 * @users, @until, @hole, @master: under the lock of its place in the table.
 */
struct sip_contact {
	struct rhash_head node;
	struct sip_contact_key key;
	u32 users;
	unsigned long until;
	struct nf_alg_public *public;
	struct nf_alg_hole *hole;
	struct nf_conntrack_tuple master;
	struct rcu_head rcu;
};

void sip_contact_key_init(struct sip_contact_key *key, const struct nf_alg_work *work, u8 l4proto, const struct alg_endpoint *target,
			  const struct alg_endpoint *peer);

/*
 * The contact with @key, made if need be: the sender of a message in direction @dir named it. NULL: no public endpoint (counted). @flow: it
 * is the endpoint that the sender's packets come from.
 */
struct sip_contact *sip_contact_get(struct nf_alg_work *work, enum ip_conntrack_dir dir, const struct sip_contact_key *key, bool flow);
/* Its pinhole stands for @secs from now, at least. */
void sip_contact_open(struct nf_alg_work *work, enum ip_conntrack_dir dir, struct sip_contact *contact, u32 secs);
/* The last one closes the pinhole, and the connections that came through it. */
void sip_contact_put(struct sip_contact *contact);

static inline bool sip_same_endpoint(const struct alg_endpoint *a, const struct alg_endpoint *b)
{
	return a->family == b->family && a->port == b->port && !memcmp(a->addr, b->addr, sizeof(a->addr));
}

/* Is there a contact at @target that @peer may ask for? Under RCU. */
bool sip_contact_admits(const struct nf_alg_work *work, const struct alg_endpoint *target, const struct alg_endpoint *peer);

int sip_contact_init(void);
void sip_contact_exit(void);	/* nobody has one */

#endif /* NF_ALG_SIP_REGISTER_H */
