// SPDX-License-Identifier: GPL-2.0-only
/* Configurations: how one begins, runs, is replaced, and ends. */

#include "config.h"
#include "../alg/nf_alg.h"
#include "../alg/proto/ike.h"

#include <linux/mm.h>

static struct workqueue_struct *conf_wq;

/* ---- life ---- */

static int conf_tables_init(struct nf_alg_conf *conf, u32 hint)
{
	struct rhashtable_params params = nf_alg_selector_params;
	int err;

	params.nelem_hint = min_t(u32, hint, U16_MAX);
	err = nf_alg_table_init(&conf->services, NF_ALG_CONF_SERVICES, 0);
	if (err)
		return err;
	err = nf_alg_table_init(&conf->policies, NF_ALG_CONF_POLICIES, 0);
	if (err)
		goto free_services;
	err = nf_alg_table_init(&conf->tenants, NF_ALG_CONF_TENANTS, hint);
	if (err)
		goto free_policies;
	err = rhashtable_init(&conf->selectors, &params);
	if (err)
		goto free_tenants;
	return 0;

free_tenants:
	nf_alg_table_destroy(&conf->tenants, nf_alg_tenant_release);
free_policies:
	nf_alg_table_destroy(&conf->policies, nf_alg_policy_release);
free_services:
	nf_alg_table_destroy(&conf->services, nf_alg_service_release);
	return err;
}

static void conf_destroy(struct nf_alg_conf *conf)
{
	rhashtable_destroy(&conf->selectors);
	nf_alg_table_destroy(&conf->tenants, nf_alg_tenant_release);
	nf_alg_table_destroy(&conf->policies, nf_alg_policy_release);
	nf_alg_table_destroy(&conf->services, nf_alg_service_release);
	kvfree(conf);
}

static void conf_free_work(struct work_struct *work)
{
	conf_destroy(container_of(to_rcu_work(work), struct nf_alg_conf, free));
}

/**
 * nf_alg_conf_new() - a configuration with the predefined services and the policy "default"
 * @pn:		namespace, locked
 * @hint:	tenants to be expected
 * Return: it, or NULL when memory ran out.
 */
struct nf_alg_conf *nf_alg_conf_new(struct nf_alg_policy_net *pn, u32 hint)
{
	struct nf_alg_conf *conf = kvzalloc(sizeof(*conf), GFP_KERNEL_ACCOUNT);

	if (!conf)
		return NULL;
	if (conf_tables_init(conf, hint)) {
		kvfree(conf);
		return NULL;
	}
	INIT_RCU_WORK(&conf->free, conf_free_work);
	if (nf_alg_service_predefine(conf) || nf_alg_policy_predefine(conf)) {
		conf_destroy(conf);
		return NULL;
	}
	conf->revision = ++pn->revision;
	return conf;
}

/* Ends a configuration after a grace period, on a worker: with many tenants it takes a while. NULL is fine. */
void nf_alg_conf_release(struct nf_alg_conf *conf)
{
	if (conf)
		queue_rcu_work(conf_wq, &conf->free);
}

int nf_alg_conf_init(void)
{
	conf_wq = alloc_workqueue("nf_alg", WQ_UNBOUND, 0);
	return conf_wq ? 0 : -ENOMEM;
}

/* All configurations have been released; on return they, their accounts and objects are freed. */
void nf_alg_conf_exit(void)
{
	rcu_barrier();	/* what was released is with the worker now */
	destroy_workqueue(conf_wq);
	rcu_barrier();	/* accounts */
}

/* ---- ports that are served ---- */

static void conf_ports_add(struct nf_alg_conf *conf, struct nf_alg_service *service)
{
	const struct nf_alg_service_def *def = nf_alg_deref(service->def);
	int transport = def->transport == IPPROTO_TCP ? NF_ALG_TRANSPORT_TCP : NF_ALG_TRANSPORT_UDP;

	if (service->round == conf->round)
		return;
	service->round = conf->round;
	bitmap_set(conf->scratch[transport], def->port_min, def->port_max - def->port_min + 1);
}

static void conf_ports_collect(struct nf_alg_conf *conf, const struct nf_alg_policy_def *def)
{
	unsigned int protocol, i;

	for (protocol = 0; protocol < NF_ALG_PROTOCOLS; protocol++) {
		if (def->rule[protocol].mode == NF_ALG_MODE_OFF)
			continue;
		for (i = def->first[protocol]; i < def->first[protocol + 1]; i++)
			conf_ports_add(conf, def->service[i]);
	}
}

/* Of @scratch, and of IKE, which may be served later. */
static void conf_filter_update(struct nf_alg_conf *conf)
{
	DECLARE_BITMAP(filter, 1 << NF_ALG_FILTER_ORDER) = {};
	unsigned int t, i, port;

	__set_bit(nf_alg_filter_bit(htons(ALG_IKE_PORT)), filter);
	for (t = 0; t < NF_ALG_TRANSPORTS; t++)
		for_each_set_bit(port, conf->scratch[t], NF_ALG_PORT_WORDS * BITS_PER_LONG)
			__set_bit(nf_alg_filter_bit(htons(port)), filter);
	for (i = 0; i < ARRAY_SIZE(conf->filter); i++)
		WRITE_ONCE(conf->filter[i], filter[i]);
}

/**
 * conf_ports_update() - finds out again on which ports any tenant has a service
 * @conf:	configuration; may be running
 *
 * A port that is served before and after stays served in between. Context: under lock.
 */
static void conf_ports_update(struct nf_alg_conf *conf)
{
	struct nf_alg_policy *policy;
	unsigned int t, i;
	u32 id;

	memset(conf->scratch, 0, sizeof(conf->scratch));
	conf->round++;
	for (id = 1; (policy = nf_alg_table_next(&conf->policies, &id)); id++) {
		if (policy->users)
			conf_ports_collect(conf, nf_alg_deref(policy->def));
	}
	conf_filter_update(conf);
	for (t = 0; t < NF_ALG_TRANSPORTS; t++) {
		for (i = 0; i < NF_ALG_PORT_WORDS; i++)
			if (conf->ports[t][i] != conf->scratch[t][i])
				WRITE_ONCE(conf->ports[t][i], conf->scratch[t][i]);
	}
	conf->ports_stale = false;
}

/* ---- running ---- */

/**
 * nf_alg_conf_start() - makes the namespace ready for a first configuration
 * @pn:		namespace, locked
 * Return: 0 or a negative errno. Does nothing the second time.
 */
int nf_alg_conf_start(struct nf_alg_policy_net *pn)
{
	return pn->hooked ? 0 : nf_alg_assign_start(pn);
}

/**
 * nf_alg_conf_touched() - a change of @conf is complete
 * @pn:		namespace, locked
 * @conf:	the running configuration or the shadow
 *
 * If it runs, the new generation is published and pinholes and calls that it does not allow are closed; see nf_alg_generation().
 */
void nf_alg_conf_touched(struct nf_alg_policy_net *pn, struct nf_alg_conf *conf)
{
	u32 generation = pn->generation + 1;

	WRITE_ONCE(conf->revision, ++pn->revision);
	if (conf != nf_alg_conf_running(pn))
		return;
	if (conf->ports_stale)
		conf_ports_update(conf);
	smp_store_release(&pn->generation, generation ?: 1);
	smp_mb();	/* a pinhole is seen by the sweep, or its opener sees the new generation */
	nf_alg_pinhole_sweep(pn->net);
	nf_alg_calls_revise(pn->net);
}

/**
 * nf_alg_conf_publish() - lets a configuration run in place of the one that does
 * @pn:		namespace, locked and started
 * @conf:	new configuration
 */
void nf_alg_conf_publish(struct nf_alg_policy_net *pn, struct nf_alg_conf *conf)
{
	struct nf_alg_conf *old = nf_alg_conf_running(pn);

	conf_ports_update(conf);
	rcu_assign_pointer(pn->conf, conf);
	nf_alg_conf_touched(pn, conf);
	nf_alg_conf_release(old);
}

/**
 * nf_alg_generation() - number of the namespace's configuration, 0 when none
 * @net:	namespace
 */
u32 nf_alg_generation(struct net *net)
{
	return smp_load_acquire(&nf_alg_policy_net(net)->generation);
}
EXPORT_SYMBOL_GPL(nf_alg_generation);

/* Where the number stands, for those who ask often. Valid while the namespace is. */
const u32 *nf_alg_generation_at(struct net *net)
{
	return &nf_alg_policy_net(net)->generation;
}
EXPORT_SYMBOL_GPL(nf_alg_generation_at);

/* ---- transactions ---- */

void nf_alg_conf_drop_shadow(struct nf_alg_policy_net *pn)
{
	nf_alg_conf_release(pn->shadow);
	pn->shadow = NULL;
	WRITE_ONCE(pn->owner, 0);
}

/* @tenant of the shadow is the running @twin: it counts on that one's account and has its id. */
static int conf_adopt_tenant(struct nf_alg_conf *shadow, struct nf_alg_tenant *tenant, const struct nf_alg_tenant *twin)
{
	int err = xa_insert(&shadow->tenants.ids, twin->object.id, tenant, GFP_KERNEL_ACCOUNT);

	if (err)
		return err;
	xa_erase(&shadow->tenants.ids, tenant->object.id);
	refcount_inc(&twin->account->ref);
	nf_alg_account_put(tenant->account);
	tenant->account = twin->account;
	tenant->object.id = twin->object.id;
	return 0;
}

/**
 * nf_alg_conf_adopt() - gives tenants of the shadow the accounts of running ones with the same name
 * @pn:		namespace, locked
 * @shadow:	not published
 *
 * Needed if the running configuration changed since the tenants were collected: they looked for their accounts then.
 * Return: 0 or a negative errno; can be repeated.
 */
int nf_alg_conf_adopt(struct nf_alg_policy_net *pn, struct nf_alg_conf *shadow)
{
	struct nf_alg_conf *running = nf_alg_conf_running(pn);
	struct nf_alg_tenant *tenant, *twin;
	int err;
	u32 id;

	if (!running)
		return 0;
	for (id = 1; (twin = nf_alg_table_next(&running->tenants, &id)); id++) {
		tenant = nf_alg_table_find(&shadow->tenants, twin->object.name);
		if (!tenant || tenant->account == twin->account)
			continue;
		err = conf_adopt_tenant(shadow, tenant, twin);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}
