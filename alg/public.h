/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of public endpoints: who has which. Shared by pinholes and by endpoints that are held without one. */
#ifndef NF_ALG_PUBLIC_H
#define NF_ALG_PUBLIC_H

#include <linux/jhash.h>
#include <net/netns/hash.h>

#include "nf_alg.h"
#include "nat/ports.h"

enum nf_alg_claim_kind {
	CLAIM_HOLE,	/* part of a struct nf_alg_hole */
	CLAIM_PUBLIC,	/* part of a struct public_endpoint */
};

/**
 * struct nf_alg_claim - an entry of the table
 * @node:	in its chain
 * @hash:	of the public endpoint and its namespace
 * @kind:	enum nf_alg_claim_kind
 * @l4proto:	transport
 * @l3num:	family
 * @port:	public port, host byte order
 * @mapped:	@addr is not the target's own
 * @zone:	conntrack zone of the connection that announced the target
 * @net:	namespace
 * @addr:	public address, zero behind a short one
 * @target:	where it leads
 *
 * Set before the entry is visible. Chains are read under RCU or nf_alg_claims_lock, and changed under it.
 */
struct nf_alg_claim {
	struct hlist_node node;
	u32 hash;
	u8 kind;
	u8 l4proto;
	u16 l3num;
	u16 port;
	bool mapped;
	struct nf_conntrack_zone zone;
	struct net *net;
	union nf_inet_addr addr;
	struct alg_endpoint target;
};

/**
 * struct nf_alg_place - how the sender of a message is seen from the other side
 * @sent:	tuple of the direction of the message
 * @back:	tuple of the other one
 * @l3num:	the target's family
 * @addr:	public address of the target
 * @mapped:	it is not the target's own
 * @own:	the target's address is the sender's
 * @ports:	the tenant's port range
 * @anchor:	public port of the sender, which tells the block
 */
struct nf_alg_place {
	const struct nf_conntrack_tuple *sent, *back;
	u16 l3num;
	union nf_inet_addr addr;
	bool mapped;
	bool own;
	struct nf_alg_ports ports;
	u16 anchor;
};

/* @foreign: a target that is not the sender's own is translated as that. @place points into @work->ct. */
void nf_alg_place_init(struct nf_alg_place *place, const struct nf_alg_work *work, enum ip_conntrack_dir dir,
		       const struct alg_endpoint *target, bool foreign);
u32 nf_alg_place_seed(const struct nf_alg_place *place, const struct alg_endpoint *target);

/*
 * One lock for all chains, and for the namespaces' lists of pinholes. It is held when a public endpoint is taken or let go, where
 * conntrack takes its own lock of all expectations anyway; never for a packet that opens nothing.
 */
extern spinlock_t nf_alg_claims_lock;
extern struct hlist_head *nf_alg_claims;
extern u32 nf_alg_claims_mask, nf_alg_claims_secret;

/* All but @kind; the hash is that of @port. */
void nf_alg_claim_init(struct nf_alg_claim *claim, const struct nf_alg_work *work, const struct nf_alg_place *place,
		       const struct alg_endpoint *target, u8 l4proto, u16 port);
void nf_alg_claim_through(struct nf_alg_claim *claim, const struct nf_alg_work *work, const struct nf_alg_public *public);
void nf_alg_claim_port(struct nf_alg_claim *claim, u16 port);	/* another port; @claim is not in the table */
/* Of equal public endpoints: do they lead to one place? */
bool nf_alg_claim_same_owner(const struct nf_alg_claim *a, const struct nf_alg_claim *b);
/* Is @c, for the same endpoint, somebody else's? */
bool nf_alg_claim_blocks(const struct nf_alg_claim *c, const struct nf_alg_claim *mine);

static inline u32 nf_alg_claim_hash(const struct net *net, u16 l3num, const union nf_inet_addr *addr, u16 port, u8 l4proto)
{
	u32 a = l3num == NFPROTO_IPV4 ? (__force u32)addr->ip : jhash2((const u32 *)addr->all, 4, 0);

	return jhash_3words(a, (u32)port << 8 | l4proto, net_hash_mix(net), nf_alg_claims_secret);
}

static inline struct hlist_head *nf_alg_claim_chain(u32 hash)
{
	return &nf_alg_claims[hash & nf_alg_claims_mask];
}

static inline bool nf_alg_same_addr(u16 l3num, const union nf_inet_addr *a, const union nf_inet_addr *b)
{
	return l3num == NFPROTO_IPV4 ? a->ip == b->ip : nf_inet_addr_cmp(a, b);
}

/* The structure has a hole that parsers need not fill. */
static inline bool nf_alg_same_endpoint(const struct alg_endpoint *a, const struct alg_endpoint *b)
{
	return a->port == b->port && a->family == b->family && !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static inline bool nf_alg_same_zone(const struct nf_conntrack_zone *a, const struct nf_conntrack_zone *b)
{
	return a->id == b->id && a->dir == b->dir;
}

/* The same public endpoint? */
static inline bool nf_alg_claim_equal(const struct nf_alg_claim *a, const struct nf_alg_claim *b)
{
	return a->hash == b->hash && a->port == b->port && a->l4proto == b->l4proto && a->l3num == b->l3num &&
	       a->net == b->net && nf_alg_same_addr(a->l3num, &a->addr, &b->addr);
}

static inline void nf_alg_endpoint_addr(const struct alg_endpoint *ep, union nf_inet_addr *addr)
{
	BUILD_BUG_ON(sizeof(*addr) != sizeof(ep->addr));
	memcpy(addr, ep->addr, sizeof(*addr));	/* zero behind a short one */
}

static inline u16 nf_alg_endpoint_l3num(const struct alg_endpoint *ep)
{
	return ep->family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

/* Is the entry's pinhole, or one that it stands for, pending, or its child alive? Under the lock. alg/pinhole.c */
bool nf_alg_hole_holds(const struct nf_alg_claim *claim);

int nf_alg_public_init(void);
void nf_alg_public_exit(void);	/* nobody holds an endpoint */

#endif /* NF_ALG_PUBLIC_H */
