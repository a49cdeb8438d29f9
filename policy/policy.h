/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the packet path (alg/, nat/) may ask of the policy: which tenant, which rule, may I, count that.
 * Implemented in policy/. All lookups: any context, under rcu_read_lock(); pointers are valid until its end.
 */
#ifndef NF_ALG_POLICY_H
#define NF_ALG_POLICY_H

#include <linux/types.h>
#include <linux/refcount.h>
#include <linux/atomic.h>
#include <linux/rhashtable.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack.h>

#include "uapi/linux/nf_alg.h"

#define NF_ALG_ID_BITS		28	/* of ids of tenants and other objects: bit fields hold them */
#define NF_ALG_ID_MAX		((1u << NF_ALG_ID_BITS) - 1)
#define NF_ALG_PROTOCOLS	(NF_ALG_PROTOCOL_IKE + 1)
#define NF_ALG_REASONS		(NF_ALG_REASON_VOUCHED + 1)
#define NF_ALG_OPTIONS		(NF_ALG_A_OPTION_MAX + 1)	/* indexed by attribute number */

/**
 * struct nf_alg_counters - one protocol's counters of one tenant
 *
 * Plain atomics, allocated when the first is counted: a tenant's control packets are few, and per-CPU counters for
 * 65,536 tenants would take gigabytes on a large box.
 */
struct nf_alg_counters {
	atomic64_t c[NF_ALG_REASONS];
};

/**
 * struct nf_alg_account - what a tenant uses and has counted
 * @ref:	one for the tenant in the running configuration, one for every session and pinhole
 * @id:		the tenant's id; stays the same when the tenant is edited or the configuration that has it is replaced
 * @sessions:	live sessions
 * @pinholes:	pinholes, pending and active
 * @calls:	by protocol
 * @registrations: of SIP
 * @dialogs:	of SIP, those of no call
 * @requests:	request-rate, as @bucket
 * @held:	bytes of partial messages that streams keep
 * @bucket:	pinhole-rate: tokens left, and up to which jiffies they were filled; both changed by cmpxchg on one word
 * @counters:	by protocol, NULL until something was counted
 *
 * Outlives the tenant's configuration; freed by RCU when the last reference goes.
 */
struct nf_alg_account {
	refcount_t ref;
	u32 id;
	atomic_t sessions;
	atomic_t pinholes;
	atomic_t calls[NF_ALG_PROTOCOLS];
	atomic_t registrations;
	atomic_t dialogs;
	atomic_t held;
	atomic64_t bucket;
	atomic64_t requests;
	struct nf_alg_counters __rcu *counters[NF_ALG_PROTOCOLS];
	struct rcu_head rcu;
};

/**
 * struct nf_alg_rule - one protocol in a policy; immutable once published
 * @mode:	enum nf_alg_mode
 * @option:	value by attribute number (NF_ALG_A_OPTION_*), defaults filled in
 */
struct nf_alg_rule {
	u8 mode;
	u32 option[NF_ALG_OPTIONS];
};

/**
 * struct nf_alg_ports - public port range of a tenant (RFC 6888, RFC 7422 port blocks)
 * @min:	first port, host byte order; 0: no restriction
 * @max:	last port
 * @block:	ports in a block; 0: the range is one block
 */
struct nf_alg_ports {
	u16 min, max, block;
};

struct nf_alg_tenant;	/* policy/config.h */

/* Tenant by id, NULL when it is gone. */
const struct nf_alg_tenant *nf_alg_tenant_by_id(struct net *net, u32 id);

/**
 * nf_alg_tenant_classify() - whose traffic is it?
 * @net:	namespace
 * @ct:		connection (its zone)
 * @mark:	packet mark
 * @dev:	input interface, may be NULL
 *
 * Order: mark, zone, interface or its VRF, the tenant "default".
 * Return: tenant or NULL.
 */
const struct nf_alg_tenant *nf_alg_tenant_classify(struct net *net, const struct nf_conn *ct, u32 mark,
						   const struct net_device *dev);

u32 nf_alg_tenant_id(const struct nf_alg_tenant *tenant);
struct nf_alg_ports nf_alg_tenant_ports(const struct nf_alg_tenant *tenant);
struct nf_alg_account *nf_alg_tenant_account(const struct nf_alg_tenant *tenant);	/* no reference taken */

/* The tenant's rule for @protocol; never NULL. */
const struct nf_alg_rule *nf_alg_tenant_rule(const struct nf_alg_tenant *tenant, enum nf_alg_protocol protocol);

/* Does a service of the tenant's policy serve this connection (its original tuple) with @protocol? */
bool nf_alg_tenant_serves(const struct nf_alg_tenant *tenant, enum nf_alg_protocol protocol,
			  const struct nf_conntrack_tuple *tuple);

/* The rule for connections that an nft rule gave to an ALG where no tenant takes them: on, all defaults. */
const struct nf_alg_rule *nf_alg_default_rule(enum nf_alg_protocol protocol);

/**
 * nf_alg_generation() - number of the namespace's configuration, 0 when none
 *
 * Writers publish the change, then the new number, then call nf_alg_pinhole_sweep(). A pinhole's opener reads the
 * number before it looks at the rule, and again (after a full barrier) when the pinhole is visible to the sweep: if it
 * changed, it closes the pinhole itself. So a change of policy never leaves a pinhole behind, without a grace period.
 */
u32 nf_alg_generation(struct net *net);
const u32 *nf_alg_generation_at(struct net *net);	/* to be read with smp_load_acquire(); valid while the namespace is */

bool nf_alg_account_hold(struct nf_alg_account *account);	/* false when it is on its way out */
void nf_alg_account_put(struct nf_alg_account *account);
void nf_alg_count_add(struct nf_alg_account *account, enum nf_alg_protocol protocol, enum nf_alg_reason reason, u32 n);

/* As nf_alg_count_add() of one; in line, because every message is counted. */
static inline void nf_alg_count(struct nf_alg_account *account, enum nf_alg_protocol protocol,
				enum nf_alg_reason reason)
{
	struct nf_alg_counters *counters;

	if (!account)
		return;
	counters = rcu_dereference_raw(account->counters[protocol]);	/* stays while the account does */
	if (likely(counters))
		atomic64_inc(&counters->c[reason]);
	else
		nf_alg_count_add(account, protocol, reason, 1);
}

/*
 * Quotas. Take: 0, or the reason that the tenant has too many (not counted here). @tenant may be NULL: unlimited.
 * The account belongs to the tenant and must be given back to the same.
 */
int nf_alg_quota_session_take(const struct nf_alg_tenant *tenant, struct nf_alg_account *account);
void nf_alg_quota_session_give(struct nf_alg_account *account);
/* Also the rate. */
int nf_alg_quota_pinhole_take(const struct nf_alg_tenant *tenant, struct nf_alg_account *account);
void nf_alg_quota_pinhole_give(struct nf_alg_account *account);
/* Against a limit of the policy, 0: none. Take: false when there are @max already. @account may be NULL: unlimited. */
bool nf_alg_quota_call_take(struct nf_alg_account *account, enum nf_alg_protocol protocol, u32 max);
void nf_alg_quota_call_give(struct nf_alg_account *account, enum nf_alg_protocol protocol);
bool nf_alg_quota_registration_take(struct nf_alg_account *account, u32 max);
void nf_alg_quota_registration_give(struct nf_alg_account *account);
bool nf_alg_quota_dialog_take(struct nf_alg_account *account, u32 max);
void nf_alg_quota_dialog_give(struct nf_alg_account *account);
bool nf_alg_quota_request_take(struct nf_alg_account *account, u32 rate);	/* one; @rate a second, 0: no limit */
bool nf_alg_quota_held(struct nf_alg_account *account, s32 bytes);	/* 1 MiB a tenant */

/* Events to the multicast group, built only when somebody listens. Any context. policy/event.c */
struct nf_alg_pinhole_info;
bool nf_alg_event_wanted(struct net *net);	/* does anybody listen? */
void nf_alg_event_pinhole(const struct nf_alg_pinhole_info *info, enum nf_alg_event event);
struct nf_alg_call_info;
struct nf_alg_registration_info;
struct nf_alg_tunnel_info;
void nf_alg_event_tunnel(const struct nf_alg_tunnel_info *info, enum nf_alg_event event);	/* IKE and SAs are left out */
void nf_alg_event_call(const struct nf_alg_call_info *info, enum nf_alg_event event);	/* flows are left out */
void nf_alg_event_registration(const struct nf_alg_registration_info *info, enum nf_alg_event event);
void nf_alg_event_refused(struct net *net, u32 tenant_id, enum nf_alg_protocol protocol, enum nf_alg_reason reason);

/* Module init order: policy's pernet and netlink parts. policy/main.c */
int nf_alg_policy_init(void);
void nf_alg_policy_exit(void);

#endif /* NF_ALG_POLICY_H */
