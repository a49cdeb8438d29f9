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
struct nf_alg_call_ops;

/* ---- protocols: alg/protocol.c ---- */

/**
 * struct nf_alg_proto - one ALG, as its module registers it
 * @id:		which
 * @name:	name of its conntrack helpers, "alg-ftp"
 * @tcp, @udp:	transports
 * @help:	conntrack's ->help, called for every packet of its connections at confirm time, any ctinfo
 * @session_size: bytes behind struct nf_alg_session that are the protocol's own
 * @stream:	TCP: how messages are found; its ctx is a struct nf_alg_work
 * @segment:	TCP: sees each segment with data before the stream does, under session->lock; may be NULL
 * @rewrites:	the rule may ask for edits even where addresses are not translated; may be NULL
 * @begin:	a session was made: initialises its part; may be NULL
 * @end:	a session is over: frees what its part has; under session->lock, in softirq, after the last packet; may be NULL.
 *		Others may look at the session for one more grace period
 * @closed:	TCP: an end of the connection sent FIN or RST; under session->lock; may be NULL
 * @destroy:	conntrack deleted a connection; NULL for protocols with sessions
 * @calls:	calls, registrations and tunnels for dumps, NULL: the protocol has none
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
	void (*segment)(struct nf_alg_work *work, u32 seq, const u8 *data, u32 len);
	bool (*rewrites)(const struct nf_alg_work *work);
	void (*begin)(struct nf_alg_session *session);
	void (*end)(struct nf_alg_session *session);
	void (*closed)(struct nf_alg_session *session);
	void (*destroy)(struct nf_conn *ct);
	const struct nf_alg_call_ops *calls;
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
/* It was unloaded since nf_alg was loaded: ids of tenants are still theirs. */
bool nf_alg_protocol_reloaded(enum nf_alg_protocol id);

/* ---- sessions: alg/session.c ---- */

#define NF_ALG_CONN_SPIS	3

/**
 * struct nf_alg_conn - what nfct_help_data() holds
 * @session:	NULL until the connection is confirmed; SESSION_GONE once conntrack deleted it
 * @tenant:	id of the tenant that the assignment hook found
 * @isn:	TCP: sequence number behind the initiator's SYN
 * @keep:	UDP: the connection is kept until then, jiffies / HZ
 * @assigned:	the policy gave the helper (and may take the service away), not an nft rule
 * @syn_seen:	@isn is valid
 * @inside_reply: the connection came through a pinhole: its responder is the party that the ALG serves
 * @port:	UDP: port at which the initiator wants answers, host byte order, 0: the one it sent from
 * @adopted:	to whom it is to be assigned has to be found out: it was before the module was reloaded, or IKE is nobody's so far
 * @knows_public: SIP: the inside party knows itself by its public address
 * @orphan:	IKE: from before the module was reloaded, not heard of since
 * @spi:	IKE: what is left behind when the module is unloaded or a policy ends the tunnel, 0: none: SPIs of ESP to the client
 *
 * Kernels whose GRE tracker looks into the helper data of a GRE connection's master, whosever that is, take two pointers at
 * offset 16 for its own: they must stay NULL over TCP, where PPTP is. So what SIP alone uses is behind, the rest in front.
 */
struct nf_alg_conn {
	struct nf_alg_session *session;
	u32 tenant : NF_ALG_ID_BITS;
	u32 assigned : 1;
	u32 syn_seen : 1;
	u32 inside_reply : 1;
	u32 adopted : 1;
	union {
		u32 isn;
		u32 keep;
	};
	u16 port;
	bool knows_public;
	bool orphan;
	u32 spi[NF_ALG_CONN_SPIS];
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
 * @gen_now:	where the number of the present one stands
 * @mode:	enum nf_alg_mode as of @gen
 * @assigned:	as in struct nf_alg_conn
 * @rewrites:	messages may be edited: partial ones are held back
 * @ended:	proto->end was called
 * @blocked:	bit by direction: data from @blocked_seq on is dropped (policy: malformed drop)
 * @uncounted:	messages taken the short way, not yet added to the account: at most NF_ALG_UNCOUNTED_MAX, so much the counter
 *		`messages` lags behind for each session that lives
 * @tsval:	by direction: Timestamps value of its last segment of which bytes are held back, 0: none
 * @mss:	smallest MSS option of the SYNs that it saw
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
	const u32 *gen_now;
	u8 mode;
	bool assigned;
	bool rewrites;
	bool ended;
	u8 blocked;
	u8 uncounted;
	u16 mss;
	u32 blocked_seq[IP_CT_DIR_MAX];
	u32 tsval[IP_CT_DIR_MAX];
	struct alg_stream dir[IP_CT_DIR_MAX];
	unsigned long priv[];
};

#define NF_ALG_UNCOUNTED_MAX 63

/* The connection's session, NULL if it has none (yet, or any more). */
#define NF_ALG_SESSION_GONE	((struct nf_alg_session *)1UL)
static inline struct nf_alg_session *nf_alg_session_find(const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);
	struct nf_alg_session *s = help ? READ_ONCE(((const struct nf_alg_conn *)help->data)->session) : NULL;

	return s == NF_ALG_SESSION_GONE ? NULL : s;
}

/* Adds @messages and the uncounted ones to the account. Under session->lock, or when nobody else has the session. */
void nf_alg_session_count_messages(struct nf_alg_session *session, u32 messages);

/* @ct was expected; is it a control connection that came through a pinhole, so that the ALG serves it? */
static inline bool nf_alg_conn_is_child(const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);

	return help && ((const struct nf_alg_conn *)help->data)->inside_reply;
}

/* A connection lives for @secs from now at least, unless a packet's tracker says otherwise afterwards. Any context. */
void nf_alg_conn_extend(struct nf_conn *ct, u32 secs);
/*
 * For every packet of a UDP control connection, from ->help: the tracker has just set its time to its own; it becomes what is left
 * of ->keep, which @secs prolongs (0: it stays).
 */
void nf_alg_conn_keep(struct nf_conn *ct, u32 secs);

/* The assignment hook gave @ct its helper: remembers the tenant. @ct is unconfirmed and not shared. */
void nf_alg_conn_assigned(struct nf_conn *ct, u32 tenant_id);
/* The same, for nobody: the helper finds out whether it is somebody's later. */
void nf_alg_conn_waits(struct nf_conn *ct);

u32 nf_alg_session_count(struct net *net);

/*
 * Softirqs off for a while. What is forwarded comes with them off, and to turn them on once more costs as much as a lock.
 * Return: for nf_alg_softirqs_restore().
 */
static inline bool nf_alg_softirqs_off(void)
{
	if (likely(softirq_count()))
		return false;
	local_bh_disable();
	return true;
}

static inline void nf_alg_softirqs_restore(bool changed)
{
	if (unlikely(changed))
		local_bh_enable();
}

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
 * @heard, @unheard: somebody listens to events, or nobody does; neither: not asked yet
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
	bool heard, unheard;
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

/* Does the control connection stand on a service of the policy, which may be taken away? */
bool nf_alg_work_on_service(const struct nf_alg_work *work);

/*
 * May what @account's tenant has of @protocol go on, by the configuration of this moment? Without an account it may. @service: the
 * original tuple of a control connection that stands on a service of the policy, NULL: it stands on none. Under RCU.
 */
bool nf_alg_account_allows(struct net *net, const struct nf_alg_account *account, enum nf_alg_protocol protocol,
			   const struct nf_conntrack_tuple *service);

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

/* nf_alg_event_wanted(), asked once for a packet. */
static inline bool nf_alg_work_heard(struct nf_alg_work *work)
{
	if (!work->heard && !work->unheard) {
		work->heard = nf_alg_event_wanted(work->net);
		work->unheard = !work->heard;
	}
	return work->heard;
}

/* Counts a refusal and tells listeners. */
void nf_alg_work_refuse(const struct nf_alg_work *work, enum nf_alg_reason reason);

static inline u32 nf_alg_work_option(struct nf_alg_work *work, unsigned int option)
{
	if (!work->rule)
		nf_alg_work_resolve(work);
	return work->rule->option[option];
}

/* ---- TCP control connections: alg/tcp.c ---- */

/*
 * ->help of a TCP protocol: streams, messages by proto->stream, edits, sequence numbers. A protocol of many messages that need
 * nothing tries the short way of tcp_quick.h first. Return: netfilter verdict.
 */
int nf_alg_tcp_help(const struct nf_alg_proto *proto, struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct,
		    enum ip_conntrack_info ctinfo);

/* ->charge of their streams: bytes of partial messages that are kept count against the tenant's. */
bool nf_alg_tcp_charge(void *ctx, s32 bytes);

/* ---- public endpoints: alg/public.c; pinholes: alg/pinhole.c ---- */

/**
 * struct nf_alg_public - a public endpoint that is held for one target, and given to nobody else, until it is let go
 *
 * What a call's media or a registration keeps while pinholes to it come and go (hold, re-INVITE, the peer moves). @port is the
 * public port of @target, @addr the public address; the target's own where nothing is translated. Read only; with a reference.
 */
struct nf_alg_public {
	refcount_t ref;
	u16 l3num;
	u8 l4proto;
	bool mapped;			/* translated: @target and @public differ in address */
	struct alg_endpoint target;
	struct alg_endpoint public;
	/* alg/public.c's own follows */
};

/**
 * struct nf_alg_public_req - which public endpoint is wanted
 * @dir:	direction of the message that announced @target: its sender is the target
 * @l4proto:	IPPROTO_TCP, IPPROTO_UDP
 * @target:	announced endpoint; an address that is not the sender's own is mapped, too, if @foreign, else public as it is
 * @foreign:	see @target
 * @same_port:	the public port is the one that the sender's packets have on the outside (a registration's own flow)
 * @want:	of a pair: the public port that is tried first, 0: the announced one
 */
struct nf_alg_public_req {
	enum ip_conntrack_dir dir;
	u8 l4proto;
	struct alg_endpoint target;
	bool foreign;
	bool same_port;
	u16 want;
};

/**
 * nf_alg_public_get() - holds a public endpoint
 * @req:	what
 * @public:	with a reference; the one that stands if @req's target has one already in this namespace, zone and transport
 *
 * The announced port first, then others of the tenant's port block; even stays even (RFC 4787, REQ-9), odd is not insisted on.
 * A refusal is counted by its reason. Context: as ->help. Return: 0, or -1 with nothing changed.
 */
int nf_alg_public_get(struct nf_alg_work *work, const struct nf_alg_public_req *req, struct nf_alg_public **public);

/* Two at once for a target and the port behind it: public ports in sequence, the first even if the target's is (RTP, RTCP). */
int nf_alg_public_get_pair(struct nf_alg_work *work, const struct nf_alg_public_req *req, struct nf_alg_public *public[2]);

void nf_alg_public_hold(struct nf_alg_public *public);
void nf_alg_public_put(struct nf_alg_public *public);	/* NULL is allowed. Any context. */

/*
 * Is @public the public endpoint of somebody in the zone of @work's connection? Then @target is where it leads, and @same says
 * whether it is of the same tenant, so that both can talk to each other directly. And the other way: the public endpoint of a
 * target in this zone.
 * Under RCU.
 */
bool nf_alg_public_to_target(const struct nf_alg_work *work, u8 l4proto, const struct alg_endpoint *public,
			     struct alg_endpoint *target, bool *same);
bool nf_alg_public_of_target(const struct nf_alg_work *work, u8 l4proto, const struct alg_endpoint *target,
			     struct alg_endpoint *public);

/**
 * struct nf_alg_pinhole_req - what is to be opened
 * @dir:	direction of the message that announced it: its sender is the target
 * @l4proto:	IPPROTO_TCP, IPPROTO_UDP
 * @target:	the announced endpoint, as its owner knows it
 * @same_port:	the public port must be the one that the owner's packets have on the outside (TFTP), not a new one
 * @timeout:	seconds
 * @max:	pending pinholes that the session may have; 0: no limit of its own
 * @public:	lead through this endpoint, which is held; @target and @same_port don't count then. NULL: find one
 * @peer:	who may come, as its packets look before translation. family 0: the other end of the connection; port 0: from
 *		any port
 * @anyone:	from any address; @peer doesn't count
 * @source:	a child from @peer appears with this source (its own public endpoint). NULL: as the connection's other end does,
 *		port chosen by the tenant's block. The pinhole takes a reference
 * @control:	the child is a control connection: it gets this ALG, with the tenant of @work
 * @permanent:	any number of children, until closed
 * @call:	number shown with it, 0: none
 * @idle:	seconds without a packet after which the child ends, within a second or two; 0: conntrack's own
 * @keep_master: the control connection lives as long as packets come through the child
 */
struct nf_alg_pinhole_req {
	enum ip_conntrack_dir dir;
	u8 l4proto;
	struct alg_endpoint target;
	bool same_port;
	u32 timeout;
	u32 max;
	struct nf_alg_public *public;
	struct alg_endpoint peer;
	bool anyone;
	struct nf_alg_public *source;
	bool control;
	bool permanent;
	u32 call;
	u32 idle;
	bool keep_master;
};

/* A request that asks for nothing special; @target and @timeout are the caller's. Cheaper than to zero all of it. */
static inline void nf_alg_pinhole_req_init(struct nf_alg_pinhole_req *req, enum ip_conntrack_dir dir, u8 l4proto)
{
	req->dir = dir;
	req->l4proto = l4proto;
	req->same_port = false;
	req->max = 0;
	req->public = NULL;
	req->peer.family = 0;
	req->peer.port = 0;
	req->anyone = false;
	req->source = NULL;
	req->control = false;
	req->permanent = false;
	req->call = 0;
	req->idle = 0;
	req->keep_master = false;
}

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

/* The same for an owner that keeps the pinhole: a handle with a reference, NULL when refused. @req->public is required. */
struct nf_alg_hole;
struct nf_alg_hole *nf_alg_hole_open(struct nf_alg_work *work, const struct nf_alg_pinhole_req *req);
/* Pending, or its child lives. false: open it anew. Any context. */
bool nf_alg_hole_stands(const struct nf_alg_hole *hole);
/* Pending: it stays so for @timeout seconds from now. */
void nf_alg_hole_refresh(struct nf_alg_hole *hole, u32 timeout);
/*
 * Both directions of one tunnel: what comes through one keeps the other's child, too, and until both have children their idle time
 * is conntrack's for what has no reply, if that is shorter. Does nothing if one is closed, or has another one already. Any context.
 */
void nf_alg_hole_pair(struct nf_alg_hole *a, struct nf_alg_hole *b);
/*
 * Closes it if it stands, with @children their connections too (those that are there now), and gives the reference back. NULL
 * is allowed. Any context.
 */
void nf_alg_hole_drop(struct nf_alg_hole *hole, bool children);
/*
 * State and child's traffic, for dumps; @packets and @bytes by direction of the child, 0 where accounting is off. false: it is
 * closed.
 */
struct nf_alg_pinhole_info;
bool nf_alg_hole_traffic(const struct nf_alg_hole *hole, struct nf_alg_pinhole_info *info, u64 packets[2], u64 bytes[2]);

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
	u32 call;			/* 0: none */
};

/* Calls @fn in increasing order of ids above @after until it returns non-zero (returned) or the end (0). Process context. */
int nf_alg_pinhole_walk(struct net *net, u32 after, int (*fn)(const struct nf_alg_pinhole_info *info, void *arg), void *arg);

int nf_alg_pinhole_close_id(struct net *net, u32 id);			/* pending ones; -ENOENT. Any context. */
unsigned int nf_alg_pinhole_close_tenant(struct net *net, u32 tenant);	/* pending ones; returns how many */
u32 nf_alg_pinhole_count(struct net *net);
void nf_alg_pinhole_sweep(struct net *net);	/* closes pending ones that the configuration no longer allows */
void nf_alg_pinhole_sweep_nat(void);		/* closes pending ones that need address translation */

/* ---- calls and registrations, as dumps and events show them; copies ---- */

#define NF_ALG_CALL_NAME	128
#define NF_ALG_CALL_PARTY	96
#define NF_ALG_CALL_FLOWS	32

/**
 * struct nf_alg_flow_info - one way of a call's media or tunnel: who may send to whom
 * @type:	"audio", "audio rtcp", "gre"
 * @party:	0: towards the caller, 1: towards the callee, more: towards a further one (forks)
 * @state:	enum nf_alg_pinhole_state
 * @packets, @bytes: that came through, where conntrack's accounting is on
 */
struct nf_alg_flow_info {
	char type[16];
	u8 party;
	u8 l4proto;
	u8 state;
	struct alg_endpoint peer, public, target;
	u64 packets, bytes;
};

/**
 * struct nf_alg_call_info - a call
 * @name:	Call-ID or the like, perhaps cut
 * @from, @to:	parties
 * @from_addr, @to_addr: where the first message of the call came from and went to, as the sender saw it
 * @age, @timeout: seconds
 */
struct nf_alg_call_info {
	struct net *net;
	u32 id;
	u32 tenant;
	enum nf_alg_protocol protocol;
	enum nf_alg_call_state state;
	char name[NF_ALG_CALL_NAME];
	char from[NF_ALG_CALL_PARTY], to[NF_ALG_CALL_PARTY];
	struct alg_endpoint from_addr, to_addr;
	u32 age;
	u32 timeout;
	u8 n_flows;
	struct nf_alg_flow_info flows[NF_ALG_CALL_FLOWS];
};

/**
 * struct nf_alg_registration_info - a registration
 * @aor:	address of record
 * @contact, @public: where it is reached, as it knows itself and as the registrar was told
 * @registrar:	who may come
 */
struct nf_alg_registration_info {
	struct net *net;
	u32 id;
	u32 tenant;
	enum nf_alg_protocol protocol;
	char aor[NF_ALG_CALL_NAME];
	u8 l4proto;
	struct alg_endpoint contact, public, registrar;
	u32 age;
	u32 timeout;
};

#define NF_ALG_TUNNEL_IKES	8
#define NF_ALG_TUNNEL_SAS	32

/**
 * struct nf_alg_tunnel_info - a client and a gateway with IKE and ESP between them
 * @id:		growing in the namespace
 * @zone:	the client's conntrack zone
 * @slot:	0: tracked in @zone, else the how-manieth client of the gateway with a zone of its own
 * @slot_zone:	the conntrack zone that its ESP is tracked in
 * @client, @gateway: as the client sees them, port 0; @public: as whom the gateway knows the client
 * @age, @idle:	seconds since the first and the last message or packet
 * @gate:	its new SAs are waited for
 * @n_ikes, @n_sas: how many there are; as many as there is room for are in @ike and @sa
 * @ike:	IKE sessions; @idle in seconds
 * @sa:		known SPIs, host byte order; @peer: the SPI of the other direction, 0: not known; @in: from the gateway
 * @packets, @bytes: of ESP from and to the client, 0 where accounting is off
 */
struct nf_alg_tunnel_info {
	struct net *net;
	u32 id;
	u32 tenant;
	u16 zone, slot, slot_zone;
	bool gate;
	struct alg_endpoint client, gateway, public;
	u32 age, idle;
	u16 n_ikes, n_sas;
	struct {
		u64 ispi, rspi;
		u8 version;
		u32 age, idle;
	} ike[NF_ALG_TUNNEL_IKES];
	struct {
		u32 spi, peer, seq, age, idle;
		bool in;
	} sa[NF_ALG_TUNNEL_SAS];
	u64 packets[2], bytes[2];
};

/**
 * struct nf_alg_call_ops - what a protocol with calls or tunnels offers; what it does not have is NULL
 * @walk:	calls @fn in increasing order of ids above @after until it returns non-zero (returned) or the end (0)
 * @close:	ends one, 0 or -ENOENT
 * @close_tenant: ends a tenant's calls, registrations and tunnels, those of all if 0; returns how many
 * @revise:	the configuration has changed: ends what it does not allow any more, for its messages are not seen now; may be NULL
 *
 * Process context.
 */
struct nf_alg_call_ops {
	int (*walk)(struct net *net, u32 after, int (*fn)(const struct nf_alg_call_info *info, void *arg), void *arg);
	int (*walk_registrations)(struct net *net, u32 after, int (*fn)(const struct nf_alg_registration_info *info, void *arg),
				  void *arg);
	int (*close)(struct net *net, u32 id);
	int (*close_registration)(struct net *net, u32 id);
	unsigned int (*close_tenant)(struct net *net, u32 tenant);
	void (*revise)(struct net *net);
	u32 (*count)(struct net *net);
	u32 (*count_registrations)(struct net *net);
	int (*walk_tunnels)(struct net *net, u32 after, int (*fn)(const struct nf_alg_tunnel_info *info, void *arg), void *arg);
	int (*close_tunnel)(struct net *net, u32 id);
	u32 (*count_tunnels)(struct net *net);
};

/* The ops of a loaded protocol, NULL if it has none. nf_alg_protocol_put() gives the module back. Process context. */
const struct nf_alg_call_ops *nf_alg_protocol_calls_get(enum nf_alg_protocol id);
void nf_alg_protocol_put(enum nf_alg_protocol id);
/* Ends a tenant's calls and registrations of all protocols, everybody's if @tenant is 0; returns how many. Process context. */
unsigned int nf_alg_calls_close(struct net *net, u32 tenant);
void nf_alg_calls_revise(struct net *net);	/* the configuration has changed; process context */

/* ---- address translation: nat/ ---- */

/**
 * struct nf_alg_nat_ops - what module nf_alg_nat adds
 * @follow:	an expected connection begins: translates it as its master. @src_min..@src_max: port block that its source port
 *		must stay in, host byte order, 0: none. @target: where it goes. @source: what its source becomes, NULL: the
 *		address that the master's other end has. Called from expectfn.
 * @addresses:	see nf_alg_nat_addresses()
 */
struct nf_alg_nat_ops {
	void (*follow)(struct nf_conn *ct, const struct nf_conntrack_expect *exp, const struct alg_endpoint *target,
		       const struct alg_endpoint *source, u16 src_min, u16 src_max);
	bool (*addresses)(struct nf_conn *ct, const union nf_inet_addr *src, const union nf_inet_addr *dst);
};

void nf_alg_nat_set(const struct nf_alg_nat_ops *ops);	/* NULL takes it back and waits for users */
bool nf_alg_nat_loaded(void);

/*
 * Decides source and destination of a connection that nobody else sees yet and no NAT rule has seen; none will. false: module
 * nf_alg_nat is not loaded, or there is no memory. Under RCU.
 */
bool nf_alg_nat_addresses(struct nf_conn *ct, const union nf_inet_addr *src, const union nf_inet_addr *dst);

/* Applies a plan to a packet's payload in one pass: nat/apply.c. */
int nf_alg_apply(struct sk_buff *skb, unsigned int protoff, u8 l4proto, const struct alg_plan *plan, u16 mss);

/* alg/main.c calls these */
int nf_alg_tcp_init(void);
void nf_alg_tcp_exit(void);
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
