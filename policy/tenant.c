// SPDX-License-Identifier: GPL-2.0-only
/* Tenants: whose traffic it is, which policy they have, and how much they may use. */

#include "netlink.h"

#include <linux/netdevice.h>

static const struct nla_policy selector_nla[NF_ALG_A_SELECTOR_MAX + 1] = {
	[NF_ALG_A_SELECTOR_ZONE]	= { .type = NLA_U16 },
	[NF_ALG_A_SELECTOR_INTERFACE]	= { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[NF_ALG_A_SELECTOR_MARK]	= { .type = NLA_U32 },
	[NF_ALG_A_SELECTOR_MASK]	= NLA_POLICY_MIN(NLA_U32, 1),
};

const struct nla_policy nf_alg_tenant_nla[NF_ALG_A_TENANT_MAX + 1] = {
	[NF_ALG_A_TENANT_NAME]		= { .type = NLA_NUL_STRING, .len = NF_ALG_NAME_MAX },
	[NF_ALG_A_TENANT_POLICY]	= { .type = NLA_NUL_STRING, .len = NF_ALG_NAME_MAX },
	[NF_ALG_A_TENANT_SELECTOR]	= NLA_POLICY_NESTED(selector_nla),
	[NF_ALG_A_TENANT_NO_SELECTORS]	= { .type = NLA_FLAG },
	[NF_ALG_A_TENANT_MAX_SESSIONS]	= { .type = NLA_U32 },
	[NF_ALG_A_TENANT_MAX_PINHOLES]	= { .type = NLA_U32 },
	[NF_ALG_A_TENANT_PINHOLE_RATE]	= { .type = NLA_U32 },
	[NF_ALG_A_TENANT_PORT_MIN]	= { .type = NLA_U16 },
	[NF_ALG_A_TENANT_PORT_MAX]	= { .type = NLA_U16 },
	[NF_ALG_A_TENANT_BLOCK_SIZE]	= { .type = NLA_U16 },
};

const struct rhashtable_params nf_alg_selector_params = {
	.head_offset		= offsetof(struct nf_alg_selector, node),
	.key_offset		= offsetof(struct nf_alg_selector, key),
	.key_len		= sizeof(struct nf_alg_selector_key),
	.automatic_shrinking	= true,
};

static struct nf_alg_tenant *to_tenant(struct nf_alg_object *object)
{
	return object ? container_of(object, struct nf_alg_tenant, object) : NULL;
}

/* ---- objects ---- */

static struct nf_alg_selector *selector_find(struct nf_alg_conf *conf, const struct nf_alg_selector_key *key)
{
	return rhashtable_lookup_fast(&conf->selectors, key, nf_alg_selector_params);
}

static struct nf_alg_tenant *selector_tenant(struct nf_alg_selector *selector)
{
	return container_of(selector - selector->index, struct nf_alg_tenant, selector[0]);
}

/* Under RCU or lock. */
struct nf_alg_tenant *nf_alg_tenant_by_selector(struct nf_alg_conf *conf, const struct nf_alg_selector_key *key)
{
	struct nf_alg_selector *selector = rhashtable_lookup(&conf->selectors, key, nf_alg_selector_params);

	return selector ? selector_tenant(selector) : NULL;
}

static struct nf_alg_tenant *tenant_new(const char *name, unsigned int n_selectors)
{
	size_t len = strlen(name) + 1;
	struct nf_alg_tenant *tenant;
	unsigned int i;

	tenant = kzalloc(struct_size(tenant, selector, n_selectors) + len, GFP_KERNEL_ACCOUNT);
	if (!tenant)
		return NULL;
	tenant->n_selectors = n_selectors;
	for (i = 0; i < n_selectors; i++)
		tenant->selector[i].index = i;
	tenant->object.name = memcpy(tenant->selector + n_selectors, name, len);
	return tenant;
}

/* The tenant is in no table any more and nobody looks at it. */
void nf_alg_tenant_release(struct nf_alg_object *object)
{
	struct nf_alg_tenant *tenant = to_tenant(object);

	nf_alg_account_put(tenant->account);
	kfree(tenant);
}

/* An id that no tenant of the namespace has, and none had for long. */
static u32 tenant_id_new(struct nf_alg_policy_net *pn)
{
	struct nf_alg_conf *running = nf_alg_conf_running(pn);
	u32 id;

	do {
		id = pn->next_tenant = pn->next_tenant % NF_ALG_ID_MAX + 1;
	} while ((running && nf_alg_table_by_id(&running->tenants, id)) ||
		 (pn->shadow && nf_alg_table_by_id(&pn->shadow->tenants, id)));
	return id;
}

/* Account of a tenant that is new in @conf, with a reference: the running tenant's of this name, or a new one. */
static struct nf_alg_account *tenant_account_get(struct nf_alg_policy_net *pn, struct nf_alg_conf *conf,
						 const char *name)
{
	struct nf_alg_conf *running = nf_alg_conf_running(pn);
	struct nf_alg_tenant *tenant = NULL;

	if (running && running != conf)
		tenant = nf_alg_table_find(&running->tenants, name);
	if (!tenant)
		return nf_alg_account_new(tenant_id_new(pn));
	refcount_inc(&tenant->account->ref);
	return tenant->account;
}

/* ---- selectors in the table ---- */

static int mask_get(struct nf_alg_conf *conf, u32 mask)
{
	int i, unused = -1;

	for (i = 0; i < NF_ALG_CONF_MASKS; i++) {
		if (conf->masks[i] == mask) {
			conf->mask_users[i]++;
			return 0;
		}
		if (!conf->masks[i])
			unused = i;
	}
	if (unused < 0)
		return -ENOSPC;
	conf->mask_users[unused] = 1;
	WRITE_ONCE(conf->masks[unused], mask);
	return 0;
}

static void mask_put(struct nf_alg_conf *conf, u32 mask)
{
	int i;

	for (i = 0; i < NF_ALG_CONF_MASKS; i++)
		if (conf->masks[i] == mask && !--conf->mask_users[i])
			WRITE_ONCE(conf->masks[i], 0);
}

static void selector_remove(struct nf_alg_conf *conf, struct nf_alg_selector *selector)
{
	rhashtable_remove_fast(&conf->selectors, &selector->node, nf_alg_selector_params);
	WRITE_ONCE(conf->kinds[selector->key.kind], conf->kinds[selector->key.kind] - 1);
	if (selector->key.kind == NF_ALG_SELECTOR_MARK)
		mask_put(conf, selector->key.mask);
}

static int selector_insert(struct nf_alg_conf *conf, struct nf_alg_selector *selector)
{
	int err;

	if (selector->key.kind == NF_ALG_SELECTOR_MARK) {
		err = mask_get(conf, selector->key.mask);
		if (err)
			return err;
	}
	err = rhashtable_insert_fast(&conf->selectors, &selector->node, nf_alg_selector_params);
	if (err) {
		if (selector->key.kind == NF_ALG_SELECTOR_MARK)
			mask_put(conf, selector->key.mask);
		return err;
	}
	WRITE_ONCE(conf->kinds[selector->key.kind], conf->kinds[selector->key.kind] + 1);
	return 0;
}

static bool tenant_selects(const struct nf_alg_tenant *tenant, const struct nf_alg_selector_key *key)
{
	unsigned int i;

	for (i = 0; tenant && i < tenant->n_selectors; i++)
		if (!memcmp(&tenant->selector[i].key, key, sizeof(*key)))
			return true;
	return false;
}

/* Takes selectors of @tenant from the table that @other does not have, up to number @n. */
static void selectors_remove(struct nf_alg_conf *conf, struct nf_alg_tenant *tenant, const struct nf_alg_tenant *other,
			     unsigned int n)
{
	while (n--)
		if (!tenant_selects(other, &tenant->selector[n].key))
			selector_remove(conf, &tenant->selector[n]);
}

/* Puts selectors of @tenant into the table that @old does not have. All or none. */
static int selectors_insert(struct nf_alg_conf *conf, struct nf_alg_tenant *tenant, const struct nf_alg_tenant *old)
{
	unsigned int i;
	int err;

	for (i = 0; i < tenant->n_selectors; i++) {
		if (tenant_selects(old, &tenant->selector[i].key))
			continue;
		err = selector_insert(conf, &tenant->selector[i]);
		if (err) {
			selectors_remove(conf, tenant, old, i);
			return err;
		}
	}
	return 0;
}

/* Selectors that both have change over to @tenant, with no moment without them. Can't fail. */
static void selectors_replace(struct nf_alg_conf *conf, struct nf_alg_tenant *old, struct nf_alg_tenant *tenant)
{
	struct nf_alg_selector *selector;
	unsigned int i;

	for (i = 0; i < tenant->n_selectors; i++) {
		selector = selector_find(conf, &tenant->selector[i].key);
		if (selector && selector_tenant(selector) == old)
			WARN_ON_ONCE(rhashtable_replace_fast(&conf->selectors, &selector->node,
							     &tenant->selector[i].node, nf_alg_selector_params));
	}
}

/* ---- requests ---- */

static int selector_parse_mark(struct netlink_ext_ack *extack, struct nf_alg_selector_key *key, struct nlattr **tb)
{
	key->kind = NF_ALG_SELECTOR_MARK;
	key->value = nla_get_u32(tb[NF_ALG_A_SELECTOR_MARK]);
	key->mask = tb[NF_ALG_A_SELECTOR_MASK] ? nla_get_u32(tb[NF_ALG_A_SELECTOR_MASK]) : U32_MAX;
	if (key->value & ~key->mask)
		return nf_alg_refuse(extack, tb[NF_ALG_A_SELECTOR_MARK], -EINVAL, "mark has bits outside of mask");
	return 0;
}

static int selector_parse_interface(struct netlink_ext_ack *extack, struct nf_alg_selector_key *key,
				    const struct nlattr *nla)
{
	key->kind = NF_ALG_SELECTOR_INTERFACE;
	if (!dev_valid_name(nla_data(nla)))
		return nf_alg_refuse(extack, nla, -EINVAL, "no valid interface name");
	nla_strscpy(key->name, nla, sizeof(key->name));
	return 0;
}

static int selector_parse(struct netlink_ext_ack *extack, struct nf_alg_selector_key *key, const struct nlattr *nla)
{
	struct nlattr *tb[NF_ALG_A_SELECTOR_MAX + 1], *zone, *interface, *mark;
	int err = nla_parse_nested(tb, NF_ALG_A_SELECTOR_MAX, nla, selector_nla, extack);

	if (err)
		return err;
	zone = tb[NF_ALG_A_SELECTOR_ZONE];
	interface = tb[NF_ALG_A_SELECTOR_INTERFACE];
	mark = tb[NF_ALG_A_SELECTOR_MARK];
	memset(key, 0, sizeof(*key));
	if (!!zone + !!interface + !!mark != 1)
		return nf_alg_refuse(extack, nla, -EINVAL, "a selector is one of zone, interface, mark");
	if (mark)
		return selector_parse_mark(extack, key, tb);
	if (tb[NF_ALG_A_SELECTOR_MASK])
		return nf_alg_refuse(extack, tb[NF_ALG_A_SELECTOR_MASK], -EINVAL, "mask goes with mark");
	if (interface)
		return selector_parse_interface(extack, key, interface);
	key->kind = NF_ALG_SELECTOR_ZONE;
	key->value = nla_get_u16(zone);
	return 0;
}

static int selectors_count(struct nf_alg_edit *edit)
{
	const struct nlattr *nla;
	int rem, n = 0;

	nf_alg_for_each_attr(nla, edit, NF_ALG_A_TENANT_SELECTOR, rem) {
		if (++n > NF_ALG_SELECTORS_MAX)
			return nf_alg_refuse_fmt(edit->extack, nla, -E2BIG, "a tenant has at most %u selectors",
						 NF_ALG_SELECTORS_MAX);
		if (!strcmp(edit->name, NF_ALG_DEFAULT_NAME))
			return nf_alg_refuse(edit->extack, nla, -EINVAL, "the tenant default takes no selectors");
		if (edit->info->attrs[NF_ALG_A_TENANT_NO_SELECTORS])
			return nf_alg_refuse(edit->extack, edit->info->attrs[NF_ALG_A_TENANT_NO_SELECTORS], -EINVAL,
					     "selectors or no-selectors?");
	}
	return n;
}

static int selector_check(struct nf_alg_edit *edit, const struct nlattr *nla, struct nf_alg_tenant *tenant,
			  unsigned int n)
{
	const struct nf_alg_selector_key *key = &tenant->selector[n].key;
	struct nf_alg_selector *other = selector_find(edit->conf, key);

	if (other && strcmp(selector_tenant(other)->object.name, edit->name))
		return nf_alg_refuse_fmt(edit->extack, nla, -EEXIST, "tenant %s has it",
					 selector_tenant(other)->object.name);
	while (n--)
		if (!memcmp(&tenant->selector[n].key, key, sizeof(*key)))
			return nf_alg_refuse(edit->extack, nla, -EINVAL, "selector is given twice");
	return 0;
}

static int selectors_parse(struct nf_alg_edit *edit, struct nf_alg_tenant *tenant)
{
	unsigned int n = 0;
	const struct nlattr *nla;
	int rem, err;

	nf_alg_for_each_attr(nla, edit, NF_ALG_A_TENANT_SELECTOR, rem) {
		err = selector_parse(edit->extack, &tenant->selector[n].key, nla);
		if (!err)
			err = selector_check(edit, nla, tenant, n);
		if (err)
			return err;
		n++;
	}
	return 0;
}

static int tenant_parse_policy(struct nf_alg_edit *edit, struct nf_alg_tenant *tenant, const struct nf_alg_tenant *base)
{
	struct nlattr *nla = edit->info->attrs[NF_ALG_A_TENANT_POLICY];
	const char *name = nla ? nla_data(nla) : NF_ALG_DEFAULT_NAME;

	if (!nla && base) {
		tenant->policy = base->policy;
		return 0;
	}
	tenant->policy = nf_alg_table_find(&edit->conf->policies, name);
	if (!tenant->policy)
		return nf_alg_refuse_fmt(edit->extack, nla, -ENOENT, "no policy %s", name);
	return 0;
}

static u32 attr_u32(struct nlattr *nla, u32 otherwise)
{
	return nla ? nla_get_u32(nla) : otherwise;
}

static void tenant_parse_quotas(struct nf_alg_edit *edit, struct nf_alg_tenant *tenant,
				const struct nf_alg_tenant *base)
{
	struct nlattr **attrs = edit->info->attrs;

	tenant->max_sessions = attr_u32(attrs[NF_ALG_A_TENANT_MAX_SESSIONS], base ? base->max_sessions : 0);
	tenant->max_pinholes = attr_u32(attrs[NF_ALG_A_TENANT_MAX_PINHOLES], base ? base->max_pinholes : 0);
	tenant->pinhole_rate = attr_u32(attrs[NF_ALG_A_TENANT_PINHOLE_RATE], base ? base->pinhole_rate : 0);
}

static u16 attr_u16(struct nlattr *nla, u16 otherwise)
{
	return nla ? nla_get_u16(nla) : otherwise;
}

static int ports_check(struct nf_alg_edit *edit, const struct nf_alg_ports *ports)
{
	struct nlattr **attrs = edit->info->attrs;
	struct nlattr *min = attrs[NF_ALG_A_TENANT_PORT_MIN];
	struct nlattr *max = attrs[NF_ALG_A_TENANT_PORT_MAX];
	struct nlattr *block = attrs[NF_ALG_A_TENANT_BLOCK_SIZE];

	if (!ports->min) {
		if (ports->max)
			return nf_alg_refuse(edit->extack, max, -EINVAL, "port-max goes with port-min");
		if (ports->block)
			return nf_alg_refuse(edit->extack, block, -EINVAL,
					     "block-size goes with port-min and port-max");
		return 0;
	}
	if (!ports->max)
		return nf_alg_refuse_missing(edit->extack, NULL, NF_ALG_A_TENANT_PORT_MAX,
					     "port-min goes with port-max");
	if (ports->min < NF_ALG_CONF_PORT_LOW)
		return nf_alg_refuse_fmt(edit->extack, min, -ERANGE, "port-min must be 0 or at least %u",
					 NF_ALG_CONF_PORT_LOW);
	if (ports->max < ports->min)
		return nf_alg_refuse(edit->extack, max ?: min, -EINVAL, "port-max is below port-min");
	if (ports->block > ports->max - ports->min + 1)
		return nf_alg_refuse(edit->extack, block ?: max ?: min, -ERANGE, "block-size exceeds the port range");
	return 0;
}

static int tenant_parse_ports(struct nf_alg_edit *edit, struct nf_alg_tenant *tenant, const struct nf_alg_tenant *base)
{
	static const struct nf_alg_ports none;
	struct nlattr **attrs = edit->info->attrs;
	const struct nf_alg_ports *old = base ? &base->ports : &none;

	tenant->ports.min = attr_u16(attrs[NF_ALG_A_TENANT_PORT_MIN], old->min);
	if (!tenant->ports.min)
		old = &none;	/* no restriction takes range and block with it */
	tenant->ports.max = attr_u16(attrs[NF_ALG_A_TENANT_PORT_MAX], old->max);
	tenant->ports.block = attr_u16(attrs[NF_ALG_A_TENANT_BLOCK_SIZE], old->block);
	return ports_check(edit, &tenant->ports);
}

static int tenant_parse(struct nf_alg_edit *edit, struct nf_alg_tenant *tenant, const struct nf_alg_tenant *base)
{
	int err = selectors_parse(edit, tenant);

	if (!err)
		err = tenant_parse_policy(edit, tenant, base);
	if (!err)
		err = tenant_parse_ports(edit, tenant, base);
	if (!err)
		tenant_parse_quotas(edit, tenant, base);
	return err;
}

/* The tenant that results from the request and, unless it replaces, from the present one. Without account. */
static struct nf_alg_tenant *tenant_draft(struct nf_alg_edit *edit, const struct nf_alg_tenant *old)
{
	const struct nf_alg_tenant *base = nf_alg_edit_replaces(edit) ? NULL : old;
	int err, n = selectors_count(edit);
	struct nf_alg_tenant *tenant;
	unsigned int i;
	bool keep;

	if (n < 0)
		return ERR_PTR(n);
	keep = base && !n && !edit->info->attrs[NF_ALG_A_TENANT_NO_SELECTORS];
	tenant = tenant_new(edit->name, keep ? base->n_selectors : n);
	if (!tenant)
		return ERR_PTR(nf_alg_no_memory(edit->extack));
	for (i = 0; keep && i < base->n_selectors; i++)
		tenant->selector[i].key = base->selector[i].key;
	err = tenant_parse(edit, tenant, base);
	if (err) {
		kfree(tenant);
		return ERR_PTR(err);
	}
	return tenant;
}

static void policy_count_user(struct nf_alg_conf *conf, struct nf_alg_policy *policy, int n)
{
	policy->users += n;
	if (!policy->users || (n > 0 && policy->users == 1))
		conf->ports_stale = true;
}

static int refuse_insert(struct nf_alg_edit *edit, int err)
{
	if (err == -ENOSPC)
		return nf_alg_refuse_fmt(edit->extack, edit->info->attrs[NF_ALG_A_TENANT_SELECTOR], err,
					 "%u different mark masks are in use already", NF_ALG_CONF_MASKS);
	return nf_alg_no_memory(edit->extack);
}

static void tenant_set_fallback(struct nf_alg_conf *conf, struct nf_alg_tenant *tenant)
{
	if (!strcmp(tenant->object.name, NF_ALG_DEFAULT_NAME))
		rcu_assign_pointer(conf->fallback, tenant);
}

/* Puts a new tenant into all tables, or into none. */
static int tenant_insert(struct nf_alg_policy_net *pn, struct nf_alg_conf *conf, struct nf_alg_tenant *tenant)
{
	int err;

	tenant->account = tenant_account_get(pn, conf, tenant->object.name);
	if (!tenant->account)
		return -ENOMEM;
	tenant->object.id = tenant->account->id;
	err = nf_alg_table_insert(&conf->tenants, &tenant->object);
	if (err)
		return err;
	err = selectors_insert(conf, tenant, NULL);
	if (err) {
		nf_alg_table_remove(&conf->tenants, &tenant->object);
		return err;
	}
	tenant_set_fallback(conf, tenant);
	policy_count_user(conf, tenant->policy, 1);
	return 0;
}

/* A tenant that was never complete in the tables, though readers may have seen it for a moment. */
static void tenant_forget(struct nf_alg_tenant *tenant)
{
	nf_alg_account_put(tenant->account);
	kfree_rcu(tenant, rcu);
}

static int tenant_replace(struct nf_alg_conf *conf, struct nf_alg_tenant *old, struct nf_alg_tenant *tenant)
{
	int err;

	tenant->object.id = old->object.id;
	tenant->account = old->account;
	err = selectors_insert(conf, tenant, old);
	if (err) {
		tenant->account = NULL;	/* still the old one's */
		return err;
	}
	nf_alg_table_replace(&conf->tenants, &old->object, &tenant->object);
	selectors_replace(conf, old, tenant);
	selectors_remove(conf, old, tenant, old->n_selectors);
	tenant_set_fallback(conf, tenant);
	if (old->policy != tenant->policy) {
		policy_count_user(conf, tenant->policy, 1);
		policy_count_user(conf, old->policy, -1);
	}
	kfree_rcu(old, rcu);
	return 0;
}

int nf_alg_tenant_set(struct nf_alg_edit *edit)
{
	struct nf_alg_tenant *tenant, *old;
	struct nf_alg_object *found;
	int err = nf_alg_edit_begin(edit, &edit->conf->tenants, &found);

	if (err)
		return err;
	old = to_tenant(found);
	tenant = tenant_draft(edit, old);
	if (IS_ERR(tenant))
		return PTR_ERR(tenant);
	err = old ? tenant_replace(edit->conf, old, tenant) : tenant_insert(edit->pn, edit->conf, tenant);
	if (err) {
		tenant_forget(tenant);
		return refuse_insert(edit, err);
	}
	return 0;
}

int nf_alg_tenant_del(struct nf_alg_edit *edit)
{
	struct nf_alg_conf *conf = edit->conf;
	struct nf_alg_tenant *tenant;
	struct nf_alg_object *found;
	int err = nf_alg_edit_find(edit, &conf->tenants, &found);

	if (err)
		return err;
	tenant = to_tenant(found);
	if (nf_alg_deref(conf->fallback) == tenant)
		RCU_INIT_POINTER(conf->fallback, NULL);
	selectors_remove(conf, tenant, NULL, tenant->n_selectors);
	nf_alg_table_remove(&conf->tenants, found);
	policy_count_user(conf, tenant->policy, -1);
	tenant_forget(tenant);
	return 0;
}

/* Tenant "default" with policy "default". Return: 0 or a negative errno. */
int nf_alg_tenant_predefine(struct nf_alg_policy_net *pn, struct nf_alg_conf *conf)
{
	struct nf_alg_tenant *tenant = tenant_new(NF_ALG_DEFAULT_NAME, 0);
	int err;

	if (!tenant)
		return -ENOMEM;
	tenant->policy = nf_alg_table_find(&conf->policies, NF_ALG_DEFAULT_NAME);
	err = tenant_insert(pn, conf, tenant);
	if (err)
		tenant_forget(tenant);
	return err;
}

/* ---- answers ---- */

static int selector_fill(struct sk_buff *skb, const struct nf_alg_selector_key *key)
{
	struct nlattr *nest = nla_nest_start(skb, NF_ALG_A_TENANT_SELECTOR);
	int err;

	if (!nest)
		return -EMSGSIZE;
	switch (key->kind) {
	case NF_ALG_SELECTOR_ZONE:
		err = nla_put_u16(skb, NF_ALG_A_SELECTOR_ZONE, key->value);
		break;
	case NF_ALG_SELECTOR_INTERFACE:
		err = nla_put_string(skb, NF_ALG_A_SELECTOR_INTERFACE, key->name);
		break;
	default:
		err = nla_put_u32(skb, NF_ALG_A_SELECTOR_MARK, key->value) ?:
		      nla_put_u32(skb, NF_ALG_A_SELECTOR_MASK, key->mask);
	}
	if (err)
		return err;
	nla_nest_end(skb, nest);
	return 0;
}

int nf_alg_tenant_fill(struct sk_buff *skb, const struct nf_alg_object *object)
{
	const struct nf_alg_tenant *tenant = container_of(object, struct nf_alg_tenant, object);
	unsigned int i;

	if (nla_put_string(skb, NF_ALG_A_TENANT_NAME, tenant->object.name) ||
	    nla_put_u32(skb, NF_ALG_A_TENANT_ID, tenant->object.id) ||
	    nla_put_string(skb, NF_ALG_A_TENANT_POLICY, tenant->policy->name) ||
	    nla_put_u32(skb, NF_ALG_A_TENANT_MAX_SESSIONS, tenant->max_sessions) ||
	    nla_put_u32(skb, NF_ALG_A_TENANT_MAX_PINHOLES, tenant->max_pinholes) ||
	    nla_put_u32(skb, NF_ALG_A_TENANT_PINHOLE_RATE, tenant->pinhole_rate) ||
	    nla_put_u16(skb, NF_ALG_A_TENANT_PORT_MIN, tenant->ports.min) ||
	    nla_put_u16(skb, NF_ALG_A_TENANT_PORT_MAX, tenant->ports.max) ||
	    nla_put_u16(skb, NF_ALG_A_TENANT_BLOCK_SIZE, tenant->ports.block) ||
	    nla_put_u32(skb, NF_ALG_A_TENANT_SESSIONS, atomic_read(&tenant->account->sessions)) ||
	    nla_put_u32(skb, NF_ALG_A_TENANT_PINHOLES, atomic_read(&tenant->account->pinholes)))
		return -EMSGSIZE;
	for (i = 0; i < tenant->n_selectors; i++)
		if (selector_fill(skb, &tenant->selector[i].key))
			return -EMSGSIZE;
	return 0;
}
