/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a call is made of, for sip_call.c (who), sip_table.c (where calls are kept, how long), sip_media.c (what was
 * said), sip_hole.c (what is open) and sip_show.c.
 *
 * A call has legs: the inside party's signalling address each. A call between two subscribers of the box passes it
 * twice and has two. On a leg there are dialogs between a tag of the inside and one of the outside; what a side
 * announced belongs to its tag there.
 */
#ifndef NF_ALG_SIP_CALL_H
#define NF_ALG_SIP_CALL_H

#include <linux/list.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>

#include "sip.h"
#include "proto/sip_dialog.h"

#define SIP_LEGS	4
#define SIP_PARTIES	12
#define SIP_DIALOGS	12
#define SIP_HOLES	64	/* pinholes of one call */
#define SIP_PARTS	32	/* endpoints of one description */
#define SIP_NONE	0xff
#define SIP_RING	180	/* seconds that a call may wait for its answer without a word */

enum { SIP_OUTSIDE, SIP_INSIDE };	/* sides; also those of struct alg_sip_dialog */

/**
 * struct sip_part - an announced endpoint
 * @ep:		as announced
 * @public:	held for it; NULL: nothing may be sent there
 * @near:	it was announced by its public endpoint; where it really is, @public->target, the other party reaches it
 *		directly
 */
struct sip_part {
	struct alg_endpoint ep;
	struct nf_alg_public *public;
	bool near;
};

/**
 * struct sip_desc - a description (RFC 8866)
 * @seq:	grows with every description that came in the call
 * @offer:	it was an offer
 * @parts:	behind @streams, in the same memory
 */
struct sip_desc {
	u32 seq;
	bool offer;
	u8 n_streams, n_parts;
	struct sip_part *parts;
	struct sip_stream streams[];
};

/**
 * struct sip_party - who said what: a tag on one side of one leg
 * @tag:	keyed hash of it, 0: not known
 * @role:	0: the call's caller, 1: its callee, more: further ones (forks)
 * @desc:	what it announced last
 * @before:	what counted before the offer that is still open; counts again if that is refused
 */
struct sip_party {
	u64 tag;
	u8 leg, side, role;
	struct sip_desc *desc, *before;
};

/**
 * struct sip_dialog - two parties
 * @party:	by side, index; SIP_NONE: the callee's tag is not known yet. Such a one is what dialogs are made of when
 *		answers come
 * @peer:	the outside's signalling address
 * @superseded:	another one of the same INVITE was answered
 * @answered:	jiffies | 1 when an answer came to one that has no callee; no new forks after a while
 */
struct sip_dialog {
	struct alg_sip_dialog state;
	u8 leg;
	u8 party[2];
	bool superseded;
	struct alg_endpoint peer;
	unsigned long answered;
};

/**
 * struct sip_hole - a pinhole that the call wants
 * @to:		leads through it; with a reference
 * @source:	whose children appear with it; with a reference or NULL
 * @peer:	who may come
 * @port:	from which the other party said that it sends, 0: not known; others are let in as well
 * @hole:	NULL: was refused, or is gone
 * @former:	the one before it, by which somebody came from another port; of one for @anyone, perhaps closed; or NULL
 * @fresh:	jiffies when it was opened or refreshed
 * @used:	somebody came
 * @serial:	of the message that opened it
 */
struct sip_hole {
	struct list_head list;
	struct nf_alg_public *to, *source;
	struct alg_endpoint peer;
	struct nf_alg_hole *hole, *former;
	unsigned long fresh;
	u32 serial;
	u16 port;
	u8 leg, side, role, stream, part;
	bool rtcp, anyone, wanted, used;
	char type[12];
};

struct sip_call_key {
	u64 id[2];		/* keyed hash of Call-ID */
	struct net *net;
	unsigned long zone;
};

/**
 * struct sip_call - a call
 * @node:	in the table, unless @dead
 * @wheel:	of the collector, unless @dead or in its hands
 * @list:	in its namespace's, for dumps
 * @by_id:	likewise, by number
 * @lock:	for everything below that changes
 * @account:	with a reference and one call of the quota; NULL when no tenant is configured
 * @gen:	configuration that the tenant's rule was looked at in
 * @state:	enum nf_alg_call_state
 * @deadline:	jiffies at which it is given up
 * @timeout:	option call-timeout, @session: Session-Expires, 0: none; seconds
 * @seq:	of descriptions, @serial: of messages
 * @undo:	party whose description the last message replaced, SIP_NONE: none
 */
struct sip_call {
	struct rhash_head node;
	struct hlist_node wheel;
	struct list_head list;
	struct hlist_node by_id;
	struct sip_call_key key;
	struct rcu_head rcu;
	spinlock_t lock;
	struct net *net;
	struct nf_alg_account *account;
	u32 id, gen;
	u8 state;
	bool dead, answered;
	u8 n_holes, roles;
	u64 caller;
	unsigned long begun, deadline;
	u32 timeout, session, media_timeout;
	u32 seq, serial;
	u8 undo;
	u8 n_legs;
	struct sip_party *parties[SIP_PARTIES];
	struct sip_dialog *dialogs[SIP_DIALOGS];
	struct list_head holes;
	struct alg_endpoint legs[SIP_LEGS];
	struct sip_conn conns[SIP_LEGS];
	struct alg_endpoint from_addr, to_addr;
	char name[NF_ALG_CALL_NAME];
	char from[NF_ALG_CALL_PARTY], to[NF_ALG_CALL_PARTY];
};

/**
 * struct sip_turn - a message of a call while it is looked at; under call->lock
 * @side:	whose it is
 * @tag:	hashes, by side
 * @leg:	index
 * @party:	the sender, or NULL
 */
struct sip_turn {
	struct sip_message *m;
	struct sip_call *call;
	u8 side;
	u64 tag[2];
	u8 leg;
	struct sip_party *party;
};

enum { SIP_SAME_NAT_DIRECT, SIP_SAME_NAT_HAIRPIN };	/* option same-nat */

static inline u32 sip_option(const struct sip_turn *t, unsigned int what)
{
	return nf_alg_work_option(t->m->work, what);
}

/* sip_call.c */
bool sip_leg_used(const struct sip_call *call, u8 leg);	/* by a dialog */

/* sip_table.c */
void sip_call_key(const struct sip_message *m, struct sip_call_key *key);
u64 sip_tag_hash(const struct sip_message *m, const struct alg_sip_span *span);
struct sip_call *sip_call_find(const struct sip_call_key *key);	/* or NULL; under RCU; perhaps dead */
/* @call: the one that stands if there is one already; perhaps dead. Return: 0 or the reason of the refusal. */
int sip_call_add(struct sip_message *m, const struct sip_call_key *key, struct sip_call **call);
void sip_call_end(struct sip_call *call, int reason);	/* under its lock */
bool sip_call_allowed(struct sip_call *call);		/* by the configuration; under its lock */
void sip_call_refresh(struct sip_call *call);		/* a sign of life */
u32 sip_call_lasts(const struct sip_call *call);	/* seconds without one until it is given up */
u32 sip_call_number(struct net *net);
/* Calls @fn, with its lock, for the call that follows number *@id; sets *@id. false: there is none. */
bool sip_call_next(struct net *net, u32 *id, void (*fn)(struct sip_call *call, void *arg), void *arg);

/* sip_media.c; all but the first under call->lock */
void sip_media_read(struct sip_message *m);		/* before anything else */
void sip_media_announce(struct sip_turn *t, bool offer);	/* by @t->party; refusals are counted */
void sip_media_commit(struct sip_party *party);
void sip_media_restore(struct sip_party *party);
void sip_media_forget(struct sip_party *party);
void sip_media_map(struct sip_turn *t);		/* fills in @m->media; @t->party and @t->call may be NULL */

/* sip_hole.c; all under call->lock */
void sip_holes_open(struct sip_turn *t);	/* what the leg needs by now; closes what no leg needs */
void sip_holes_close(struct sip_call *call);	/* all */
void sip_holes_undo(struct sip_call *call);	/* those that the last message opened */
void sip_holes_check(struct sip_call *call);	/* from the collector */

/* sip_show.c */
void sip_call_event(const struct sip_call *call, enum nf_alg_event event);

#endif /* NF_ALG_SIP_CALL_H */
