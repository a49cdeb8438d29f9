/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bindings: who is reached by which Contact (sip_binding.c); the endpoints that Contacts name, which bindings share
 * (sip_contact.c).
 */
#ifndef NF_ALG_SIP_REGISTER_H
#define NF_ALG_SIP_REGISTER_H

#include <linux/rhashtable.h>

#include "sip_call.h"

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

void sip_contact_key_init(struct sip_contact_key *key, const struct nf_alg_work *work, u8 l4proto,
			  const struct alg_endpoint *target, const struct alg_endpoint *peer);

/*
 * The contact with @key, made if need be: the sender of a message in direction @dir named it. NULL: no public
 * endpoint (counted). @flow: it is the endpoint that the sender's packets come from.
 */
struct sip_contact *sip_contact_get(struct nf_alg_work *work, enum ip_conntrack_dir dir,
				    const struct sip_contact_key *key, bool flow);
/* Its pinhole stands for @secs from now, at least; shown as of call number @call, 0: none. */
void sip_contact_open(struct nf_alg_work *work, enum ip_conntrack_dir dir, struct sip_contact *contact, u32 secs,
		      u32 call);
/* The last one closes the pinhole. Connections that came through it live on: sip_register_admits(). */
void sip_contact_put(struct sip_contact *contact);

/* Is there a contact at @target that @peer may ask for? Under RCU. */
bool sip_contact_admits(const struct nf_alg_work *work, const struct alg_endpoint *target,
			const struct alg_endpoint *peer);

enum sip_binding_kind {
	SIP_REGISTRATION,
	SIP_CALL_DIALOG,	/* limited by its call's quota */
	SIP_OTHER_DIALOG,	/* SUBSCRIBE, REFER */
};

/*
 * struct sip_binding - an owner reached by a Contact
 * @node:	in the table, by @owner
 * @list:	in the namespace's list for its @id
 * @rcu:	how it is freed
 * @owner:	address of record or dialog
 * @net:	namespace
 * @contact:	where it is reached, with a use of it
 * @account:	the tenant's, with a reference and, by @kind, a registration or dialog of its quota; or NULL
 * @id:		number, growing in the namespace
 * @kind:	enum sip_binding_kind
 * @dialog:	not a registration
 * @call:	a dialog's call, with which it ends; @call.net NULL: it is none of a call (SUBSCRIBE, REFER)
 * @granted:	the registrar said so
 * @conn:	of a granted one, the connection that it was granted over, else none; @kept: when that was seen to
 * @gone:	taken down
 * @registrar:	other end of the connection
 * @since, @until: jiffies
 * @asked:	request on its way to the registrar, @call 0: none
 * @aor:	address of record
 *
 * Keeps the public endpoint and the pinhole of its Contact. What changes is under the owner's lock.
 */
struct sip_binding {
	struct rhlist_head node;
	struct list_head list;
	struct rcu_head rcu;
	u64 owner;
	struct net *net;
	struct sip_contact *contact;
	struct nf_alg_account *account;
	u32 id;
	struct sip_call_key call;
	struct sip_conn conn;
	unsigned long kept;
	u8 kind;
	bool dialog;
	bool granted;
	bool gone;
	struct alg_endpoint registrar;
	unsigned long since, until;
	struct {
		u64 call;
		const struct nf_conn *ct;
		u32 cseq;
		u32 expires;
	} asked;
	char aor[NF_ALG_CALL_NAME];
};

/* Bindings with the same owner number share a lock; softirqs are off under it. */
spinlock_t *sip_owner_lock(u64 owner);
struct rhlist_head *sip_bindings(u64 owner);	/* for rhl_for_each_entry_rcu(), under RCU */
/* Under the owner's lock. Takes over the caller's use of @contact, also when it is refused (counted): then NULL. */
struct sip_binding *sip_binding_new(struct sip_message *m, u64 owner, struct sip_contact *contact,
				    enum sip_binding_kind kind);
void sip_binding_grant(struct sip_binding *binding);
void sip_binding_end(struct sip_binding *binding);
bool sip_dialogs_any(struct net *net);

void sip_register_secret(void);
int sip_contact_init(void);
void sip_contact_exit(void);	/* nobody has one */

#endif /* NF_ALG_SIP_REGISTER_H */
