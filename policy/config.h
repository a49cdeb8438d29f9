/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A namespace's configuration: services, policies, tenants, their selectors, and the ports that are served.
 *
 * Readers (packet path) see it under RCU. Writers hold struct nf_alg_policy_net's lock; "under lock" below means that
 * one. A configuration that replaces the running one is built aside by the same functions and swapped in.
 *
 * Names of functions: _find looks up and takes nothing; _new allocates; _put gives a reference back; _release ends an
 * object that is in no table any more.
 */
#ifndef NF_ALG_CONFIG_H
#define NF_ALG_CONFIG_H

#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/if.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/rhashtable.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/netns/generic.h>

#include "policy.h"

#define NF_ALG_CONF_SERVICES	4096
#define NF_ALG_CONF_POLICIES	4096
#define NF_ALG_CONF_TENANTS	262144
#define NF_ALG_CONF_MASKS	8	/* different mark masks: one lookup each for a new connection */
#define NF_ALG_CONF_PORT_LOW	1024	/* lowest public port that a tenant may be given */

#define NF_ALG_DEFAULT_NAME	"default"	/* the policy and the tenant */

/* ---- tables of named objects ---- */

/**
 * struct nf_alg_object - what services, policies and tenants have in common
 * @node:	in its table, by @name
 * @id:		in its table, from 1 on; dumps go by it
 * @name:	terminated, part of the object that embeds this
 */
struct nf_alg_object {
	struct rhash_head node;
	u32 id;
	const char *name;
};

/**
 * struct nf_alg_table - objects by name and by id
 * @names, @ids: the two; looked up under RCU or lock, changed under lock
 * @next:	where the search for a free id begins, so that an id is not soon used again
 * @count:	objects
 * @limit:	most of them
 */
struct nf_alg_table {
	struct rhashtable names;
	struct xarray ids;
	u32 next;
	u32 count;
	u32 limit;
};

/* ---- services ---- */

struct nf_alg_prefix {
	union nf_inet_addr addr;
	u8 family;	/* NFPROTO_IPV4, NFPROTO_IPV6 */
	u8 length;
};

/**
 * struct nf_alg_service_def - what a service says; immutable once published
 * @prefix:	@n_destination to be served (none: all), then @n_except never to be served
 */
struct nf_alg_service_def {
	struct rcu_head rcu;
	u8 protocol;
	u8 transport;	/* IPPROTO_TCP, IPPROTO_UDP */
	u16 port_min, port_max;
	u8 n_destination, n_except;
	struct nf_alg_prefix prefix[];
};

/**
 * struct nf_alg_service - identity of a service, which policies refer to
 * @users:	policies that do; under lock; it can't go before they do
 * @round:	last round of conf_ports_update() that took it in; under lock
 * @def:	replaced as a whole
 */
struct nf_alg_service {
	struct nf_alg_object object;
	struct rcu_head rcu;
	u32 users;
	u32 round;
	bool predefined;
	struct nf_alg_service_def __rcu *def;
	char name[];
};

/* ---- policies ---- */

/**
 * struct nf_alg_policy_def - what a policy says; immutable once published
 * @first:	service[first[p]] .. service[first[p + 1] - 1] are those of protocol p
 */
struct nf_alg_policy_def {
	struct rcu_head rcu;
	u32 version;
	struct nf_alg_rule rule[NF_ALG_PROTOCOLS];
	u8 first[NF_ALG_PROTOCOLS + 1];
	struct nf_alg_service *service[];
};

/**
 * struct nf_alg_policy - identity of a policy, which tenants have: an edit costs the same for one tenant and for all
 * @users:	tenants that do; under lock; it can't go before they do
 * @def:	replaced as a whole
 */
struct nf_alg_policy {
	struct nf_alg_object object;
	struct rcu_head rcu;
	u32 users;
	struct nf_alg_policy_def __rcu *def;
	char name[];
};

/* ---- tenants ---- */

enum nf_alg_selector_kind {
	NF_ALG_SELECTOR_MARK,
	NF_ALG_SELECTOR_ZONE,
	NF_ALG_SELECTOR_INTERFACE,
	NF_ALG_SELECTORS
};

/* What a selector is found by; unused bytes are zero. */
struct nf_alg_selector_key {
	u32 kind;
	union {
		struct {
			u32 value;	/* mark, zone */
			u32 mask;	/* mark */
		};
		char name[IFNAMSIZ];
	};
};

/**
 * struct nf_alg_selector - traffic that is a tenant's; part of its struct nf_alg_tenant
 * @index:	position in it
 */
struct nf_alg_selector {
	struct rhash_head node;
	struct nf_alg_selector_key key;
	u32 index;
};

/**
 * struct nf_alg_tenant - immutable once published, replaced as a whole
 * @object:	its id is the account's
 * @account:	one reference, handed on to the object that replaces this one
 * @selector:	@n_selectors, then the name
 */
struct nf_alg_tenant {
	struct nf_alg_object object;
	struct nf_alg_account *account;
	struct nf_alg_policy *policy;
	u32 max_sessions;
	u32 max_pinholes;
	u32 pinhole_rate;
	struct nf_alg_ports ports;
	u8 n_selectors;
	struct rcu_head rcu;
	struct nf_alg_selector selector[];
};

/* ---- the whole ---- */

#define NF_ALG_PORT_WORDS	BITS_TO_LONGS(65536)
#define NF_ALG_FILTER_ORDER	8

enum { NF_ALG_TRANSPORT_TCP, NF_ALG_TRANSPORT_UDP, NF_ALG_TRANSPORTS };

/**
 * struct nf_alg_conf - a configuration
 * @services, @policies, @tenants: its objects
 * @selectors:	of all tenants, by key
 * @fallback:	tenant "default"
 * @masks:	different mark masks, 0 for a free place; places don't move
 * @mask_users:	selectors with each; under lock
 * @kinds:	selectors of each kind, so that a kind that nobody uses costs no lookup
 * @revision:	a number that no earlier state of any configuration of the namespace has
 * @round:	see struct nf_alg_service
 * @ports_stale: a change since the last conf_ports_update() may have changed @ports; under lock
 * @filter:	hashes of all ports of which a new connection may get a helper: most packets need to look no further
 * @ports:	by transport, ports on which a service is served for any tenant; words are written whole
 * @scratch:	the next @ports; under lock
 * @free:	deferred end
 */
struct nf_alg_conf {
	struct nf_alg_table services;
	struct nf_alg_table policies;
	struct nf_alg_table tenants;
	struct rhashtable selectors;
	struct nf_alg_tenant __rcu *fallback;
	unsigned long filter[BITS_TO_LONGS(1 << NF_ALG_FILTER_ORDER)];
	u32 masks[NF_ALG_CONF_MASKS];
	u32 mask_users[NF_ALG_CONF_MASKS];
	u32 kinds[NF_ALG_SELECTORS];
	u32 revision;
	u32 round;
	bool ports_stale;
	unsigned long ports[NF_ALG_TRANSPORTS][NF_ALG_PORT_WORDS];
	unsigned long scratch[NF_ALG_TRANSPORTS][NF_ALG_PORT_WORDS];
	struct rcu_work free;
};

static inline unsigned int nf_alg_filter_bit(__be16 port)
{
	return hash_32((__force u32)port, NF_ALG_FILTER_ORDER);
}

/**
 * struct nf_alg_policy_net - the namespace's part
 * @lock:	all changes
 * @conf:	what runs; NULL until something is configured
 * @generation:	number of @conf's state, 0 for none; odd or even means nothing
 * @revision:	last one given
 * @next_tenant: last tenant id given
 * @shadow:	what the transaction of socket @owner has collected, NULL when none is open
 * @base:	@generation when it began
 * @refusals:	token bucket of refusal events
 * @hooks:	assignment, registered when @hooked
 */
struct nf_alg_policy_net {
	struct net *net;
	struct mutex lock;
	struct nf_alg_conf __rcu *conf;
	u32 generation;
	u32 revision;
	u32 next_tenant;
	struct nf_alg_conf *shadow;
	u32 owner;
	u32 base;
	atomic64_t refusals;
	bool hooked;
	struct nf_hook_ops hooks[4];
};

extern unsigned int nf_alg_policy_net_id;

static inline struct nf_alg_policy_net *nf_alg_policy_net(const struct net *net)
{
	return net_generic(net, nf_alg_policy_net_id);
}

/* A pointer that only holders of the lock change, for one of them, or where nobody else sees the object. */
#define nf_alg_deref(pointer)	rcu_dereference_protected(pointer, true)

/* Running configuration, for a holder of the lock. */
static inline struct nf_alg_conf *nf_alg_conf_running(const struct nf_alg_policy_net *pn)
{
	return rcu_dereference_protected(pn->conf, lockdep_is_held(&pn->lock));
}

/* Tables: policy/table.c */
int nf_alg_table_init(struct nf_alg_table *table, u32 limit, u32 hint);
void nf_alg_table_destroy(struct nf_alg_table *table, void (*release)(struct nf_alg_object *object));
/* Under RCU or lock. */
void *nf_alg_table_find(struct nf_alg_table *table, const char *name);
void *nf_alg_table_by_id(struct nf_alg_table *table, u32 id);
/* Under lock: the first with an id >= *id, which is set to its id; NULL at the end. */
void *nf_alg_table_next(struct nf_alg_table *table, u32 *id);
int nf_alg_table_insert(struct nf_alg_table *table, struct nf_alg_object *object);	/* gives an id if it has none */
void nf_alg_table_replace(struct nf_alg_table *table, struct nf_alg_object *old, struct nf_alg_object *object);
void nf_alg_table_remove(struct nf_alg_table *table, struct nf_alg_object *object);

/* Configurations: policy/config.c */
struct nf_alg_conf *nf_alg_conf_new(struct nf_alg_policy_net *pn, u32 hint);
void nf_alg_conf_release(struct nf_alg_conf *conf);		/* after a grace period, on a worker */
int nf_alg_conf_start(struct nf_alg_policy_net *pn);		/* hooks, before the first configuration runs */
void nf_alg_conf_publish(struct nf_alg_policy_net *pn, struct nf_alg_conf *conf);	/* replaces the running one */
void nf_alg_conf_touched(struct nf_alg_policy_net *pn, struct nf_alg_conf *conf);	/* a change is complete */
int nf_alg_conf_init(void);
void nf_alg_conf_exit(void);

/* Transactions: policy/config.c */
void nf_alg_conf_drop_shadow(struct nf_alg_policy_net *pn);
int nf_alg_conf_adopt(struct nf_alg_policy_net *pn, struct nf_alg_conf *shadow);

/* Services: policy/service.c */
int nf_alg_service_predefine(struct nf_alg_conf *conf);
void nf_alg_service_release(struct nf_alg_object *object);
bool nf_alg_service_matches(const struct nf_alg_service_def *def, u8 transport, u16 port, u8 family,
			    const union nf_inet_addr *addr);

/* Policies: policy/rules.c */
int nf_alg_policy_predefine(struct nf_alg_conf *conf);
void nf_alg_policy_release(struct nf_alg_object *object);

/* Tenants: policy/tenant.c */
int nf_alg_tenant_predefine(struct nf_alg_policy_net *pn, struct nf_alg_conf *conf);
void nf_alg_tenant_release(struct nf_alg_object *object);
struct nf_alg_tenant *nf_alg_tenant_by_selector(struct nf_alg_conf *conf, const struct nf_alg_selector_key *key);
extern const struct rhashtable_params nf_alg_selector_params;

/* Accounts: policy/account.c */
struct nf_alg_account *nf_alg_account_new(u32 id);
bool nf_alg_bucket_take(atomic64_t *bucket, u32 rate, u32 burst);

/* Assignment: policy/assign.c */
int nf_alg_assign_start(struct nf_alg_policy_net *pn);
void nf_alg_assign_stop(struct nf_alg_policy_net *pn);

#endif /* NF_ALG_CONFIG_H */
