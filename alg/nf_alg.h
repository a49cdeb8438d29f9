/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all ALGs share: protocol registration, sessions, TCP control connections, pinholes. Exported by module nf_alg.
 *
 * Lock order: session->lock, then nf_conntrack_expect_lock or ct->lock (both inside the core's functions). No other lock is
 * taken per packet.
 */
#ifndef NF_ALG_H
#define NF_ALG_H

#include <linux/skbuff.h>
#include <linux/netfilter.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_expect.h>

#include "compat/compat.h"
#include "proto/endpoint.h"
#include "proto/edit.h"
#include "proto/stream.h"
#include "../policy/policy.h"

struct nf_alg_session;
struct nf_alg_work;

/* ---- protocols: alg/protocol.c ---- */

/**
 * struct nf_alg_proto - one ALG, as its module registers it
 * @id:		which
 * @name:	name of its conntrack helpers, "alg-ftp"
 * @tcp, @udp:	transports
 * @help:	conntrack's ->help, called for every packet of its connections at confirm time, any ctinfo
 * @session_size: bytes behind struct nf_alg_session that are the protocol's own
 * @stream:	TCP: how messages are found; its ctx is a struct nf_alg_work
 * @quick:	TCP: the short way for a segment that is one message of no interest, under session->lock; may be NULL. true: such it
 *		is, and the protocol's part of the session is as @segment and the message function would have left it, which would
 *		have taken all of it without a word to anybody. false: nothing has changed
 * @segment:	TCP: sees each segment with data before the stream does, under session->lock; may be NULL
 * @rewrites:	the rule may ask for edits even where addresses are not translated; may be NULL
 * @owner:	the module
 * @expect_policy: set by registration: cap and longest timeout of its expectations
 * @helpers:	set by registration: one for each transport and family
 */
struct nf_alg_proto {
	enum nf_alg_protocol id;
	const char *name;
	bool tcp, udp;
	int (*help)(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo);
	size_t session_size;
	const struct alg_stream_ops *stream;
	bool (*quick)(struct nf_alg_session *session, bool reply, const u8 *data, u32 len);
	void (*segment)(struct nf_alg_work *work, u32 seq, const u8 *data, u32 len);
	bool (*rewrites)(const struct nf_alg_work *work);
	struct module *owner;

	struct nf_conntrack_expect_policy expect_policy;
	struct nf_conntrack_helper helpers[4];
	unsigned int n_helpers;
	struct kmem_cache *cache;
};

/**
 * nf_alg_proto_register() - makes an ALG known to conntrack and to the policy
 * @proto:	filled in up to @owner; must stay until nf_alg_proto_unregister()
 * Context: process. Return: 0 or a negative errno.
 */
int nf_alg_proto_register(struct nf_alg_proto *proto);

/**
 * nf_alg_proto_unregister() - takes an ALG out of service
 * @proto:	registered
 *
 * On return no connection, expectation, session or running packet refers to it. Live control connections go on without ALG.
 * Context: process, may sleep long.
 */
void nf_alg_proto_unregister(struct nf_alg_proto *proto);

/* Conntrack helper of a protocol, NULL when its module is not loaded. Under rcu_read_lock(). */
struct nf_conntrack_helper *nf_alg_protocol_helper(enum nf_alg_protocol id, u16 l3num, u8 l4proto);
u32 nf_alg_protocols_loaded(void);	/* mask of 1 << enum nf_alg_protocol */

/* ---- sessions: alg/session.c ---- */

/**
 * struct nf_alg_conn - what nfct_help_data() holds
 * @session:	NULL until the connection is confirmed; SESSION_GONE once conntrack deleted it
 * @tenant:	id of the tenant that the assignment hook found
 * @isn:	TCP: sequence number behind the initiator's SYN
 * @assigned:	the policy gave the helper (and may take the service away), not an nft rule
 * @syn_seen:	@isn is valid
 */
struct nf_alg_conn {
	struct nf_alg_session *session;
	u32 tenant;
	u32 isn;
	bool assigned;
	bool syn_seen;
};

/**
 * struct nf_alg_session - state of one control connection
 * @node:	in the table of all sessions, for module unload only
 * @lock:	protects everything below that changes, and the protocol's part
 * @proto:	whose
 * @net:	namespace; valid while the connection lives
 * @account:	the tenant's, with a reference; NULL when no tenant is configured
 * @tenant:	id, for the rule
 * @gen:	configuration that @mode was looked up in
 * @mode:	enum nf_alg_mode as of @gen
 * @assigned:	as in struct nf_alg_conn
 * @rewrites:	messages may be edited: partial ones are held back
 * @blocked:	bit by direction: data from @blocked_seq on is dropped (policy: malformed drop)
 * @uncounted:	messages taken the short way, not yet added to the account: at most NF_ALG_UNCOUNTED_MAX, so much the counter
 *		`messages` lags behind for each session that lives
 * @mss:	smallest MSS option of both SYNs
 * @dir:	TCP streams by enum ip_conntrack_dir
 * @priv:	the protocol's part, zeroed at start
 *
 * Made by the first packet after confirmation (a helper's ->destroy does not run for others), freed by RCU from ->destroy or when
 * the protocol is unregistered.
 */
struct nf_alg_session {
	struct hlist_node node;
	struct rcu_head rcu;
	spinlock_t lock;
	const struct nf_alg_proto *proto;
	struct net *net;
	struct nf_alg_account *account;
	u32 tenant;
	u32 gen;
	u8 mode;
	bool assigned;
	bool rewrites;
	u8 blocked;
	u8 uncounted;
	u16 mss;
	u32 blocked_seq[IP_CT_DIR_MAX];
	struct alg_stream dir[IP_CT_DIR_MAX];
	unsigned long priv[];
};

#define NF_ALG_UNCOUNTED_MAX 63

/* The connection's session, NULL if it has none (yet, or any more). */
struct nf_alg_session *nf_alg_session_find(const struct nf_conn *ct);

/* Adds @messages and the uncounted ones to the account. Under session->lock, or when nobody else has the session. */
void nf_alg_session_count_messages(struct nf_alg_session *session, u32 messages);

/* The assignment hook gave @ct its helper: remembers the tenant. @ct is unconfirmed and not shared. */
void nf_alg_conn_assigned(struct nf_conn *ct, u32 tenant_id);

u32 nf_alg_session_count(struct net *net);

/* ---- one packet: alg/session.c ---- */

/**
 * struct nf_alg_work - a control packet on its way through an ALG
 * @skb, @protoff, @ct, @ctinfo, @dir: the packet
 * @proto:	the ALG
 * @session:	NULL for a connection that is not confirmed yet
 * @net:	namespace
 * @tenant:	NULL when none; valid in this RCU section, as @rule
 * @account:	the tenant's or NULL
 * @rule:	never NULL
 * @mode:	what to do: off (keep in step, do nothing), on, observe
 * @gen:	configuration number that was read before @rule
 * @translated:	the connection's addresses are translated
 * @drop:	set by a planner: policy wants the packet dropped
 */
struct nf_alg_work {
	struct sk_buff *skb;
	unsigned int protoff;
	struct nf_conn *ct;
	enum ip_conntrack_info ctinfo;
	enum ip_conntrack_dir dir;
	const struct nf_alg_proto *proto;
	struct nf_alg_session *session;
	struct net *net;
	const struct nf_alg_tenant *tenant;
	struct nf_alg_account *account;
	const struct nf_alg_rule *rule;
	u8 mode;
	u32 gen;
	bool translated;
	bool drop;
};

/**
 * nf_alg_work_init() - first thing in every ->help
 * @work:	to be filled
 * @proto:	the caller
 * @l4proto:	the transport that it expects
 *
 * Cheap: no lookup; @tenant, @mode and @gen are not set before nf_alg_work_resolve() or nf_alg_session_enter(). Refuses what
 * is not the protocol's own: another transport, a child connection that the core gave the helper to, an ICMP error
 * (IP_CT_RELATED), a loopback packet, a connection whose helper extension is gone.
 * Context: softirq or process, under rcu_read_lock(). Return: false means NF_ACCEPT without a further look.
 */
bool nf_alg_work_init(struct nf_alg_work *work, const struct nf_alg_proto *proto, u8 l4proto, struct sk_buff *skb,
		      unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo);

/* Fills in tenant, rule, account, mode; for sessions: tenant and rule. Does nothing the second time. */
void nf_alg_work_resolve(struct nf_alg_work *work);

/* Under session->lock, for each packet: brings the session's mode up to date with the configuration. */
void nf_alg_session_enter(struct nf_alg_work *work);

/* The packet's session, made if need be; NULL (counted) if it can't be. Only for confirmed connections. */
struct nf_alg_session *nf_alg_session_get(struct nf_alg_work *work);

static inline void nf_alg_work_count(const struct nf_alg_work *work, enum nf_alg_reason reason)
{
	nf_alg_count(work->account, work->proto->id, reason);
}

/* Counts a refusal and tells listeners. */
void nf_alg_work_refuse(const struct nf_alg_work *work, enum nf_alg_reason reason);

static inline u32 nf_alg_work_option(struct nf_alg_work *work, unsigned int option)
{
	nf_alg_work_resolve(work);
	return work->rule->option[option];
}

/* ---- TCP control connections: alg/tcp.c ---- */

/* ->help of a TCP protocol: streams, messages by proto->stream, edits, sequence numbers. Return: netfilter verdict. */
int nf_alg_tcp_help(const struct nf_alg_proto *proto, struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct,
		    enum ip_conntrack_info ctinfo);

/* ---- pinholes: alg/pinhole.c ---- */

/**
 * struct nf_alg_pinhole_req - what is to be opened
 * @dir:	direction of the message that announced it: its sender is the target
 * @l4proto:	IPPROTO_TCP, IPPROTO_UDP
 * @target:	the announced endpoint, as its owner knows it
 * @same_port:	the public port must be the one that the owner's packets have on the outside (TFTP), not a new one
 * @timeout:	seconds
 * @max:	pending pinholes that the session may have
 */
struct nf_alg_pinhole_req {
	enum ip_conntrack_dir dir;
	u8 l4proto;
	struct alg_endpoint target;
	bool same_port;
	u32 timeout;
	u32 max;
};

/**
 * nf_alg_pinhole_open() - opens a pinhole from the other side of the connection to an announced endpoint
 * @work:	the packet
 * @req:	what
 * @public:	what the other side must be told: address and port by which it reaches the target
 * @id:		number of the pinhole, for nf_alg_pinhole_close_id(); 0 if one for the same endpoint was open already
 *
 * Quotas, the tenant's port block and the session's limit are kept; the refusal is counted by its reason.
 * Context: as ->help. Return: 0, or -1 with nothing changed.
 */
int nf_alg_pinhole_open(struct nf_alg_work *work, const struct nf_alg_pinhole_req *req, struct alg_endpoint *public, u32 *id);

/**
 * struct nf_alg_pinhole_info - a pinhole as dumps and events show it; a copy
 * @age, @timeout: seconds
 * @child:	the announced connection as its initiator sees it, when @state is active
 */
struct nf_alg_pinhole_info {
	struct net *net;
	u32 id;
	u32 tenant;
	enum nf_alg_protocol protocol;
	enum nf_alg_pinhole_state state;
	u8 l4proto;
	u16 zone;
	struct alg_endpoint peer;	/* port 0: any */
	struct alg_endpoint public;
	struct alg_endpoint target;
	struct alg_endpoint master_src, master_dst;
	struct alg_endpoint child_src, child_dst;
	u32 age;
	u32 timeout;
};

/* Calls @fn in increasing order of ids above @after until it returns non-zero (returned) or the end (0). Process context. */
int nf_alg_pinhole_walk(struct net *net, u32 after, int (*fn)(const struct nf_alg_pinhole_info *info, void *arg), void *arg);

int nf_alg_pinhole_close_id(struct net *net, u32 id);			/* pending ones; -ENOENT. Any context. */
unsigned int nf_alg_pinhole_close_tenant(struct net *net, u32 tenant);	/* pending ones; returns how many */
u32 nf_alg_pinhole_count(struct net *net);
void nf_alg_pinhole_sweep(struct net *net);	/* closes pending ones that the configuration no longer allows */
void nf_alg_pinhole_sweep_nat(void);		/* closes pending ones that need address translation */

/* ---- address translation: nat/ ---- */

/**
 * struct nf_alg_nat_ops - what module nf_alg_nat adds
 * @follow:	an expected connection begins: translates it as its master. @src_min..@src_max: port block that its source port
 *		must stay in, host byte order, 0: none. @target: where it goes. Called from expectfn.
 */
struct nf_alg_nat_ops {
	void (*follow)(struct nf_conn *ct, const struct nf_conntrack_expect *exp, const struct alg_endpoint *target,
		       u16 src_min, u16 src_max);
};

void nf_alg_nat_set(const struct nf_alg_nat_ops *ops);	/* NULL takes it back and waits for users */
bool nf_alg_nat_loaded(void);

/* Applies a plan to a packet's payload in one pass: nat/apply.c. */
int nf_alg_apply(struct sk_buff *skb, unsigned int protoff, u8 l4proto, const struct alg_plan *plan, u16 mss);

/* alg/main.c calls these */
int nf_alg_session_init(void);
void nf_alg_session_exit(void);
void nf_alg_session_flush(const struct nf_alg_proto *proto);
void nf_alg_session_destroy(struct nf_conn *ct);
int nf_alg_pinhole_init(void);
void nf_alg_pinhole_exit(void);
void nf_alg_pinhole_flush(const struct nf_alg_proto *proto);

/* address of one end of a tuple */
void nf_alg_endpoint_set(struct alg_endpoint *ep, u16 l3num, const union nf_inet_addr *addr, __be16 port);

#endif /* NF_ALG_H */
