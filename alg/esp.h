/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Module nf_alg_ike: IKE and ESP of several clients behind one public address. Who an ESP packet is for is decided in
 * proto/esp_bind.c; here are what finds its structures and what makes conntrack follow.
 *
 * ike.c	->help of udp/500: IKE sessions begin, refresh, are held up by the gate
 * ike_adopt.c	reloaded: other IKE connections from before; whose they are their client's next message tells
 * ike_natt.c	the peers move to udp/4500: step aside
 * ike_port.c	option preserve-port
 * ike_wait.c	messages that the gate holds up
 * esp_table.c	gateways, groups, tunnels, SAs: tables, lives, locks
 * esp_left.c	groups that went while their gateway goes on
 * esp_conn.c	their connections in conntrack
 * esp_adopt.c	reloaded: IKE connections that the policy serves as before, with a tunnel at once
 * esp_hook.c	hooks around conntrack: which zone a packet is tracked in, whose child a new flow is
 * esp_icmp.c	ICMP errors about ESP
 * esp_time.c	idle tunnels end, live ones keep their IKE connection
 * esp_show.c	dumps
 *
 * A gateway is an address at the other side of the translation; its clients share slots. A group is a gateway and a public
 * address. A tunnel is a client of a group, with any number of IKE sessions and SAs. All of it is found under RCU by rhashtables
 * and changed under gateway->lock, which is taken by IKE messages, packets of SPIs that are not known or not settled, the
 * collector and dumps, not by packets of known SAs. Below it: nothing but nf_conntrack's own locks.
 *
 * Views: a tunnel's outbound packets have tuple->out's addresses in front of the translation, its inbound ones ->in's. So
 * ->out.src is the client, ->out.dst the gateway as the client knows it, ->in.src the gateway, ->in.dst the public address. Where
 * nothing is translated ->in is the inverse of ->out. Client is who is on the near side, whoever began IKE: with a
 * responder behind DNAT the client is that responder.
 */
#ifndef NF_ALG_ESP_H
#define NF_ALG_ESP_H

#include <linux/rhashtable.h>
#include <linux/xarray.h>

#include "nf_alg.h"
#include "proto/esp_bind.h"

#define ESP_ZONE_MIN	61440	/* conntrack zones that slots take, unless module parameter zone_min says otherwise */
#define ESP_SLOTS_MAX	4095
#define ESP_SAS_MAX	32	/* of a tunnel, in each direction */
#define ESP_IKES_MAX	8	/* of a tunnel */
#define ESP_SEQ_MAX	64	/* sequence numbers of an SA that counts as new */
#define ESP_ANSWER	2000	/* ms that an outbound SPI is given until an inbound one answers */
#define ESP_LEFT	256	/* groups that are remembered, about */
#define ESP_NFCT_NONE	1ul	/* a connection's address is never */

struct esp_addrs {
	union nf_inet_addr src, dst;
};

/* Keys have no holes: they are compared as they are. */
struct esp_gateway_key {
	possible_net_t net;	/* by pointer; valid while hooks of the namespace run */
	union nf_inet_addr addr;
	u32 family;
	u32 zero;
};

/* What packets of one direction have in common, as their first hook sees them. */
struct esp_key {
	possible_net_t net;
	union {
		struct esp_addrs out;	/* of a tunnel, of an outbound SA */
		struct esp_addrs in;	/* of a group, of an inbound SA */
	};
	u16 family;
	u16 zone;
	u32 spi;		/* of an SA, else 0 */
};

/* Outbound SPIs of a group: the gateway chose them, so no two clients have the same. */
struct esp_out_key {
	unsigned long group;
	u32 spi;
	u32 zero;
};

/**
 * struct esp_left - groups that went with a client that had SAs, by hash
 * @at:		when the last one did, as esp_now() says; 0: none did
 * @client:	hash of the only client that did lately; 0: there were several
 */
struct esp_left {
	u64 at;
	u32 client;
};

/**
 * struct esp_net - what a namespace has
 * @gen:	where the number of its configuration stands
 * @tunnels:	how many there are; hooks have nothing to do without, but for what goes on from before the module was loaded
 * @used:	there were some
 * @ids:	tunnels by id
 * @tmpls:	templates by zone: one each for slots that were in use
 * @work:	runs while there are tunnels
 * @wait_list, @waiting: messages that the gate holds up, under @wait_lock, which is taken below gateways' locks
 * @wait_work:	runs while there are some
 * @left:	who may still be sent to; under @left_lock, which is taken below gateways' locks
 * @left_seed:	of hashes for it
 * @crowd:	there may be clients from before the module was loaded that are not known
 * @unclaimed:	how many IKE connections from before have not been heard of since, and one while there may be more
 */
struct esp_net {
	struct net *net;
	const u32 *gen;
	atomic_t tunnels;
	bool used;
	u32 next_id;
	struct xarray ids;
	struct xarray tmpls;
	struct delayed_work work;
	u32 walked;
	struct nf_hook_ops *hooks;
	spinlock_t wait_lock;
	u32 waiting;
	struct list_head wait_list;
	struct delayed_work wait_work;
	spinlock_t left_lock;
	u32 left_seed;
	struct esp_left left[ESP_LEFT];
	bool crowd;
	atomic_t unclaimed;
};

/**
 * struct esp_gateway - a gateway
 * @lock:	see above; softirqs off
 * @dead:	under @lock: it is no longer in the table, look again
 * @groups:	how many; the last one takes the gateway along
 * @by_slot:	tunnels by slot, from 1 on
 */
struct esp_gateway {
	struct rhash_head node;
	struct esp_gateway_key key;
	spinlock_t lock;
	bool dead;
	u32 groups;
	struct xarray by_slot;
	struct rcu_head rcu;
	struct alg_esp_slots slots;	/* last: has the bits */
};

/**
 * struct esp_group - clients of a gateway that it knows by one public address; goes with its last client
 * @config:	by the policy of the tunnel that acted last
 * @any_zone:	an address that is the box's own is the same in all zones: tenants may share it, and there is no port in ESP that
 *		rules could tell them apart by; its key has zone 0
 * @gone:	under the lock: it is in no table
 */
struct esp_group {
	struct alg_esp_group bind;
	struct alg_esp_config config;
	struct rhash_head node;
	struct esp_key key;
	struct esp_gateway *gateway;
	bool any_zone;
	bool gone;
	struct rcu_head rcu;
};

/**
 * struct esp_tunnel - a client of a group
 * @bind:	its state, under the gateway's lock
 * @slot_node, @slot_key: as @node and @key, in its slot's zone; slots above 0 only
 * @in_zone:	conntrack zone of inbound packets where the slot is 0
 * @zone:	of its ESP: the slot's, or the client's own
 * @tmpl:	template that packets of a slot above 0 get; the namespace's, NULL: slot 0
 * @translated: needs nf_alg_nat
 * @gone:	under the lock: it has left, is in no table
 * @account:	the tenant's with a reference, or NULL; valid for a grace period more than the tunnel
 * @tenant, @gen: id; configuration in which it was found allowed
 * @on_service:	as nf_alg_work_on_service() said
 * @id:		growing in the namespace
 * @begun:	jiffies
 */
struct esp_tunnel {
	struct alg_esp_pair bind;
	struct rhash_head node, slot_node;
	struct esp_key key, slot_key;
	struct esp_addrs in;
	u16 in_zone;
	u16 zone;
	bool translated;
	bool gone;
	bool on_service;
	struct nf_conn *tmpl;
	struct esp_group *group;
	struct nf_alg_account *account;
	u32 tenant;
	u32 gen;
	u32 id;
	unsigned long begun;
	struct rcu_head rcu;
};

/**
 * struct esp_sa - a known SPI
 * @node, @key:	as its packets come: what the short way looks up, and nothing else
 * @nfct:	its connection, with a reference, and what its packets are to it, as skb->_nfct has them; 0: not known,
 *		ESP_NFCT_NONE: it gets none any more. It is only changed by xchg() and cmpxchg()
 * @gen:	configuration in which its tunnel was found allowed
 * @tmpl:	its tunnel's
 * @sought:	jiffies, when @nfct was last looked for
 * @out_node, @out_key: outbound: among those of all clients of the group
 * @begun:	jiffies
 *
 * What each packet needs is in front, in two cache lines.
 */
struct esp_sa {
	struct rhash_head node;
	struct esp_key key;
	unsigned long nfct;
	struct alg_esp_sa bind;
	u32 gen;
	u32 sought;
	struct nf_conn *tmpl;
	struct rhash_head out_node;
	struct esp_out_key out_key;
	unsigned long begun;
	struct rcu_head rcu;
};

/**
 * struct esp_ike - an IKE session of a tunnel
 * @tuple, @zone: original tuple and zone of its UDP connection, the last one that it was seen on
 * @rspi, @version: as seen
 * @begun:	jiffies
 * @used:	it got beyond phase 1 and is answered, or was there before the module was loaded
 * @port:	preserve-port: its translated source port, network byte order, 0: not preserved
 * @by_ispi:	preserve-port: in ike_port.c's table
 * @wait:	the gate holds a message up, from the gateway, from the client
 */
struct esp_ike {
	struct alg_esp_ike bind;
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;
	u64 rspi;
	u8 version;
	bool used;
	__be16 port;
	unsigned long begun;
	struct hlist_node by_ispi;
	struct ike_wait *wait[2];
	struct rcu_head rcu;
};

#define esp_tunnel_of(pair)	container_of(pair, struct esp_tunnel, bind)
#define esp_sa_of(sa)		container_of(sa, struct esp_sa, bind)
#define esp_ike_of(ike)		container_of(ike, struct esp_ike, bind)

static inline u64 esp_now(void)	/* ms, as proto/esp_bind.h wants it */
{
	return jiffies64_to_msecs(get_jiffies_64());
}

static inline struct net *esp_tunnel_net(const struct esp_tunnel *tunnel)
{
	return read_pnet(&tunnel->key.net);
}

/* ---- ike.c ---- */

extern struct nf_alg_proto esp_proto;	/* "alg-ike" */
/* Now and then, under the lock: ends sessions that didn't get anywhere. false: the tunnel left with the last one. */
bool ike_unused_end(struct esp_tunnel *tunnel);
/*
 * ike_adopt.c. The module begins: connections that it had before get their helper back. Process context. Then, of a packet of one
 * of them, under RCU: whose is it? false: not known yet, or nobody's.
 */
void ike_adopt_all(void);
bool ike_adopted(struct nf_alg_work *w);
/* A connection from before was heard of, or ended. */
void ike_orphan_known(struct nf_conn *ct);

/* ---- esp_table.c ---- */

struct esp_net *esp_net(const struct net *net);

/* Finds, under RCU. @zone: that packets of this direction are looked up in. A group may be one for packets of any zone. */
struct esp_tunnel *esp_tunnel_find(struct net *net, u16 zone, u16 family, const union nf_inet_addr *client,
				   const union nf_inet_addr *gateway);
struct esp_group *esp_group_find(struct net *net, u16 zone, u16 family, const union nf_inet_addr *gateway,
				 const union nf_inet_addr *public);
struct esp_sa *esp_sa_find(const struct esp_group *group, enum alg_esp_dir dir, u32 spi);
struct esp_sa *esp_sa_find_key(const struct esp_key *key);
extern unsigned int esp_zone_min;
static inline bool esp_zone_is_slot(u16 zone)
{
	return zone >= esp_zone_min;
}
u16 esp_own_zone(void);					/* of the box's own ESP, behind those of slots */
struct nf_conn *esp_own_template(struct esp_net *en);	/* for it; NULL: no memory */
/* Of a new connection in @zone, by its first packet. @outbound: the client's. */
struct esp_tunnel *esp_tunnel_of_flow(struct net *net, u16 zone, u16 family, const struct esp_addrs *addrs, bool *outbound);

/**
 * struct esp_join - who wants a tunnel
 * @out, @in:	addresses, see above
 * @out_zone, @in_zone: the connection's zone as it counts for @out's direction and for @in's: nf_ct_zone_id()
 * @tenant, @account, @rule, @gen: as nf_alg_work_resolve() found them
 * @on_service:	nf_alg_work_on_service()
 */
struct esp_join {
	struct net *net;
	u16 family;
	struct esp_addrs out, in;
	u16 out_zone, in_zone;
	bool translated;
	const struct nf_alg_tenant *tenant;	/* or NULL */
	struct nf_alg_account *account;
	const struct nf_alg_rule *rule;
	u32 gen;
	bool on_service;
};

static inline bool esp_translated(const struct nf_conn *ct, enum ip_conntrack_dir dir)
{
	return !nf_inet_addr_cmp(&ct->tuplehash[dir].tuple.src.u3, &ct->tuplehash[!dir].tuple.dst.u3);
}

/* What an IKE connection tells, in whose direction @client its client sends; not whose it is. */
void esp_join_fill(struct esp_join *join, const struct nf_conn *ct, enum ip_conntrack_dir client);

/*
 * The tunnel of @join, made if need be, with its gateway's lock taken (softirqs off): esp_unlock() gives it back. NULL: @reason
 * (to be counted by the caller), no lock. Slot 0 only where both zones are the same, and 0 if addresses are translated, and nothing
 * else but us stands in conntrack between gateway and public address; a stray that does, and came from outside, is removed. One of
 * the same client that had another public address leaves. Where nothing is translated it may be the one that the other party
 * began, so that client and gateway have changed places: esp_from_client(). @join->rule's options are taken over. Under RCU, any
 * context.
 */
struct esp_tunnel *esp_tunnel_get_locked(const struct esp_join *join, enum nf_alg_reason *reason);
/* Does what comes from @src (and isn't translated yet) come from the tunnel's client? */
static inline bool esp_from_client(const struct esp_tunnel *tunnel, const union nf_inet_addr *src)
{
	return nf_inet_addr_cmp(&tunnel->key.out.src, src);
}

/* The lock of a tunnel or group that was found. false: it is gone, look again. */
bool esp_lock_tunnel(struct esp_tunnel *tunnel);
bool esp_lock_group(struct esp_group *group);
void esp_unlock(struct esp_group *group);

/* All under the lock. */
struct esp_ike *esp_ike_find(struct esp_tunnel *tunnel, u64 ispi);
struct esp_ike *esp_ike_new(struct esp_tunnel *tunnel, u64 ispi, bool anew);	/* 0: not known yet. NULL: no memory */
void esp_ike_end(struct esp_ike *ike);		/* freed; the tunnel goes with its last session if it has no SA, see below */
void esp_sa_free(struct esp_sa *sa);		/* unlinked by proto/esp_bind.c: out of the table, freed by RCU */
bool esp_sa_add(struct esp_sa *sa);		/* linked: into the table. false: no memory, it was unlinked and freed */
void esp_free_lists(struct alg_link *sas, struct alg_link *ikes);	/* what esp_bind.c gave back */
/* Its SAs, sessions and slot are free at once, its ESP connection is removed from conntrack. */
void esp_tunnel_leave(struct esp_tunnel *tunnel);
/*
 * Brings a tunnel up to date with the configuration when its number changed. false: the policy does not allow it any more, it
 * left.
 */
bool esp_tunnel_allowed(struct esp_tunnel *tunnel);
enum nf_alg_reason esp_reason(enum alg_esp_verdict verdict);

/* For dumps: tunnels in increasing order of ids; under RCU, without lock. */
struct esp_tunnel *esp_tunnel_next(struct net *net, u32 after);
u32 esp_tunnel_count(struct net *net);

/*
 * First and last thing that the module does, but for nf_alg_proto_register() and nf_alg_proto_unregister(): the first one begins
 * after esp_table_init(), and all that come through ->help have gone before esp_table_exit(). Hooks, collector and everything else
 * of this half come and go with them.
 */
int esp_table_init(void);
void esp_table_exit(void);

/* ---- esp_left.c ---- */

/* Under the lock. The group goes with the tunnel whose key was @last; @others: and some had left before. */
void esp_left_note(struct esp_group *group, const struct esp_key *last, bool others);
/* It is made for @client. */
void esp_left_find(struct esp_group *group, const union nf_inet_addr *client, u16 zone);
void esp_left_init(struct esp_net *en);

/* ---- esp_conn.c ---- */

/* The live IKE connection of a tunnel, with a reference: the latest session's that has one. NULL: none. */
struct nf_conn *esp_tunnel_master(struct esp_tunnel *tunnel);
/* Its ESP connection, with a reference, or NULL. No lock needed. */
struct nf_conn *esp_tunnel_flow(const struct esp_tunnel *tunnel);
void esp_tunnel_flow_kill(const struct esp_tunnel *tunnel);
/*
 * May the tunnel of @join be tracked in its own zone, where there may be a connection between gateway and public address? It may
 * be its own. One that began outside and was answered by nobody holds no one up, it is removed. Any other is the box's own or
 * that of a client which the policy doesn't know.
 */
bool esp_own_zone_free(const struct esp_join *join);
/* Removes one of the client's own from before that is not translated as its IKE is. @all: whatever it is. */
void esp_own_zone_clear(const struct esp_join *join, bool all);

/*
 * The connection that conntrack would find for packets of @sa, if it is the tunnel's and there were some both ways: takes it
 * in, and returns it as ->nfct has it. 0: there is none (yet), or somebody looked less than a jiffy ago. Under RCU.
 */
unsigned long esp_sa_seek(struct esp_sa *sa);
/* It has been that of @sa: no more. */
void esp_sa_release(struct esp_sa *sa, unsigned long nfct);
/* Now and then: nothing is kept that conntrack has no use for any more. */
void esp_sa_tidy(struct esp_sa *sa);

/* ---- esp_adopt.c ---- */

/* Takes up IKE connections from before the module was loaded. Behind nf_alg_proto_register(); may sleep. */
void esp_adopt(void);
/*
 * Under the lock. The module is unloaded, or the policy ends the tunnel: SPIs to the client are left with its IKE connection. And
 * of the tunnel of such a one: they are the client's.
 */
void esp_spis_leave(struct esp_tunnel *tunnel);
void esp_spis_find(struct esp_tunnel *tunnel, const struct nf_conn *ct);

/* ---- esp_hook.c, esp_icmp.c ---- */

/* In every namespace: what there is to do they find out. */
int esp_hook_start(struct esp_net *en);
void esp_hook_stop(struct esp_net *en);		/* packets may still be in them for a grace period */
void esp_hook_free(struct esp_net *en);		/* it has passed */
/* Counts a packet that is dropped and tells listeners. @tunnel: whose it may be, or NULL. */
void esp_refuse(struct esp_net *en, const struct esp_tunnel *tunnel, enum nf_alg_reason reason);

/* Zones in which conntrack will look for the packet's connection, one after the other. */
struct esp_zones {
	u16 id[2];
	u8 n;
};

/* false: conntrack won't, or has done so. In front of it. */
bool esp_zones_of(const struct sk_buff *skb, struct esp_zones *zones);
/* Lets conntrack look in the zone of the tunnel. Return: NF_ACCEPT. */
unsigned int esp_track(struct sk_buff *skb, const struct esp_tunnel *tunnel);
/* Is there an SA of the box itself to @dst? It may be one of either direction. */
bool esp_is_own_sa(const struct esp_net *en, const struct sk_buff *skb, u16 family, const union nf_inet_addr *dst, u32 spi);
/*
 * The box's own ESP to or from a gateway that a client's is tracked with in the same zone, and errors about it: in a zone of its
 * own. Return: NF_ACCEPT.
 */
unsigned int esp_track_own(struct esp_net *en, struct sk_buff *skb, const struct esp_group *group);
/* An ICMP or ICMPv6 packet, whose header is at @off. In front of conntrack. Return: verdict. */
unsigned int esp_icmp(struct esp_net *en, struct sk_buff *skb, u16 family, unsigned int off);

/* ---- esp_time.c, esp_show.c ---- */

void esp_time_start(struct esp_net *en);	/* a tunnel has come. Any context */
void esp_time_init(struct esp_net *en);
void esp_time_stop(struct esp_net *en);
/* esp_show.c. Under the lock. */
void esp_tunnel_event(const struct esp_tunnel *tunnel, enum nf_alg_event event);
extern const struct nf_alg_call_ops esp_call_ops;

/* ---- ike_natt.c, ike_port.c ---- */

/* The first packet of a connection to udp/4500, from esp_hook.c's hook behind conntrack: may end a tunnel. Under RCU. */
void ike_natt_begins(struct net *net, u16 zone, const struct sk_buff *skb, unsigned int protoff, const struct nf_conn *ct);

/* preserve-port, under the lock: a session is on this (translated) connection; and it ends. */
void ike_port_learn(struct esp_ike *ike, const struct nf_conn *ct);
void ike_port_forget(struct esp_ike *ike);
/* Behind conntrack, from ->help: a message of a client whose session has ->port leaves from port 500. Return: netfilter verdict. */
int ike_port_send(struct sk_buff *skb, unsigned int protoff);
/* An IPv4 packet of UDP or ICMP that comes in. Return: verdict. */
unsigned int ike_port_receive(struct sk_buff *skb, struct net *net);
extern u32 ike_port_sessions;	/* how many are preserved: nothing is to be done for none */
void ike_port_init(void);

/* ---- ike_wait.c ---- */

/* All but the last two under the lock. */
/* A clone of the message is kept until the gate lets it pass, in place of one that was kept. */
void ike_wait_put(struct esp_ike *ike, struct sk_buff *skb, unsigned int protoff, const struct nf_conn *ct,
		  const struct alg_ike_msg *msg, bool from_client);
/* It came again and was not held up. */
void ike_wait_passed(struct esp_ike *ike, const struct alg_ike_msg *msg, bool from_client);
void ike_wait_drop(struct esp_ike *ike);
void ike_wait_init(struct esp_net *en);
void ike_wait_stop(struct esp_net *en);		/* nothing waits any more */

#endif /* NF_ALG_ESP_H */
