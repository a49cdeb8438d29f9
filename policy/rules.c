// SPDX-License-Identifier: GPL-2.0-only
/* Policies: for each protocol whether, for which services and how its ALG works. */

#include "rules.h"
#include "netlink.h"

/* ---- options ---- */

struct option_desc {
	const char *name;
	u32 protocols;
	u32 min, max, preset;
};

#define NF_ALG_OPTION(symbol, name, protocols, kind, min, max, preset, unit, sentence)	\
	[NF_ALG_A_OPTION_##symbol] = { name, protocols, min, max, preset },
static const struct option_desc options[NF_ALG_OPTIONS] = {
#include "options.def"
};

#undef NF_ALG_OPTION

#define NF_ALG_OPTION(symbol, name, protocols, kind, min, max, preset, unit, sentence)	\
	[NF_ALG_A_OPTION_##symbol] = { .type = NLA_U32 },
static const struct nla_policy option_nla[NF_ALG_OPTIONS] = {
#include "options.def"
};

#undef NF_ALG_OPTION

static const struct nla_policy rule_nla[NF_ALG_A_RULE_MAX + 1] = {
	[NF_ALG_A_RULE_PROTOCOL]	= NLA_POLICY_MAX(NLA_U32, NF_ALG_PROTOCOL_IKE),
	[NF_ALG_A_RULE_MODE]		= NLA_POLICY_MAX(NLA_U32, NF_ALG_MODE_OBSERVE),
	[NF_ALG_A_RULE_SERVICE]		= { .type = NLA_NUL_STRING, .len = NF_ALG_NAME_MAX },
	[NF_ALG_A_RULE_OPTION]		= NLA_POLICY_NESTED(option_nla),
};

const struct nla_policy nf_alg_policy_nla[NF_ALG_A_POLICY_MAX + 1] = {
	[NF_ALG_A_POLICY_NAME]		= { .type = NLA_NUL_STRING, .len = NF_ALG_NAME_MAX },
	[NF_ALG_A_POLICY_VERSION]	= { .type = NLA_U32 },
	[NF_ALG_A_POLICY_RULE]		= NLA_POLICY_NESTED(rule_nla),
};

static bool option_applies(unsigned int option, unsigned int protocol)
{
	return options[option].protocols & BIT(protocol);
}

static void rule_init(struct nf_alg_rule *rule, unsigned int protocol)
{
	unsigned int i;

	memset(rule, 0, sizeof(*rule));
	rule->mode = NF_ALG_MODE_ON;
	for (i = 1; i < NF_ALG_OPTIONS; i++)
		if (option_applies(i, protocol))
			rule->option[i] = options[i].preset;
}

static struct nf_alg_rule default_rules[NF_ALG_PROTOCOLS];

/* Before the first packet or message. */
void nf_alg_rules_init(void)
{
	unsigned int protocol;

	for (protocol = 0; protocol < NF_ALG_PROTOCOLS; protocol++)
		rule_init(&default_rules[protocol], protocol);
}

/**
 * nf_alg_default_rule() - on, with all options at their defaults
 * @protocol:	whose
 */
const struct nf_alg_rule *nf_alg_default_rule(enum nf_alg_protocol protocol)
{
	return &default_rules[protocol];
}
EXPORT_SYMBOL_GPL(nf_alg_default_rule);

/* ---- objects ---- */

static struct nf_alg_policy *to_policy(struct nf_alg_object *object)
{
	return object ? container_of(object, struct nf_alg_policy, object) : NULL;
}

static struct nf_alg_policy *policy_new(const char *name)
{
	size_t len = strlen(name) + 1;
	struct nf_alg_policy *policy = kzalloc(struct_size(policy, name, len), GFP_KERNEL_ACCOUNT);

	if (!policy)
		return NULL;
	memcpy(policy->name, name, len);
	policy->object.name = policy->name;
	return policy;
}

/* The policy is in no table any more and nobody looks at it. */
void nf_alg_policy_release(struct nf_alg_object *object)
{
	struct nf_alg_policy *policy = to_policy(object);

	kfree(nf_alg_deref(policy->def));
	kfree(policy);
}

static bool def_has(const struct nf_alg_policy_def *def, const struct nf_alg_service *service)
{
	unsigned int i;

	for (i = 0; i < def->first[NF_ALG_PROTOCOLS]; i++)
		if (def->service[i] == service)
			return true;
	return false;
}

static bool services_overlap(const struct nf_alg_service_def *a, const struct nf_alg_service_def *b)
{
	return a->protocol != b->protocol && a->transport == b->transport && a->port_min <= b->port_max &&
	       b->port_min <= a->port_max;
}

const struct nf_alg_policy *nf_alg_policy_user(struct nf_alg_conf *conf, const struct nf_alg_service *service)
{
	const struct nf_alg_policy *policy;
	u32 id;

	for (id = 1; (policy = nf_alg_table_next(&conf->policies, &id)); id++)
		if (def_has(nf_alg_deref(policy->def), service))
			break;
	return policy;
}

const struct nf_alg_service *nf_alg_policy_overlap(struct nf_alg_conf *conf, const struct nf_alg_service *service,
						   const struct nf_alg_service_def *def)
{
	const struct nf_alg_policy_def *policy_def;
	const struct nf_alg_policy *policy;
	unsigned int i;
	u32 id;

	for (id = 1; (policy = nf_alg_table_next(&conf->policies, &id)); id++) {
		policy_def = nf_alg_deref(policy->def);
		if (!def_has(policy_def, service))
			continue;
		for (i = 0; i < policy_def->first[NF_ALG_PROTOCOLS]; i++)
			if (policy_def->service[i] != service &&
			    services_overlap(def, nf_alg_deref(policy_def->service[i]->def)))
				return policy_def->service[i];
	}
	return NULL;
}

/* ---- drafts: a definition while it is put together ---- */

/**
 * struct policy_draft - definition with room for any services
 * @version:	of the policy
 * @rule:	of each protocol
 * @n:		services of each protocol
 * @rule_attr:	where the request names the protocol, NULL if it does not
 * @service:	of each protocol
 */
struct policy_draft {
	u32 version;
	struct nf_alg_rule rule[NF_ALG_PROTOCOLS];
	unsigned int n[NF_ALG_PROTOCOLS];
	const struct nlattr *rule_attr[NF_ALG_PROTOCOLS];
	struct nf_alg_service *service[NF_ALG_PROTOCOLS][NF_ALG_SERVICES_MAX];
};

static void draft_predefined(struct nf_alg_conf *conf, struct policy_draft *draft, unsigned int protocol)
{
	struct nf_alg_service *service;
	u32 id;

	/* predefined services were the first */
	draft->n[protocol] = 0;
	for (id = 1; (service = nf_alg_table_next(&conf->services, &id)) && service->predefined; id++)
		if (nf_alg_deref(service->def)->protocol == protocol)
			draft->service[protocol][draft->n[protocol]++] = service;
}

static void draft_reset(struct nf_alg_conf *conf, struct policy_draft *draft)
{
	unsigned int protocol;

	memset(draft, 0, sizeof(*draft));
	for (protocol = 0; protocol < NF_ALG_PROTOCOLS; protocol++) {
		draft->rule[protocol] = default_rules[protocol];
		draft_predefined(conf, draft, protocol);
	}
}

static void draft_load(struct policy_draft *draft, const struct nf_alg_policy_def *def)
{
	unsigned int protocol;

	memset(draft, 0, sizeof(*draft));
	draft->version = def->version;
	for (protocol = 0; protocol < NF_ALG_PROTOCOLS; protocol++) {
		draft->rule[protocol] = def->rule[protocol];
		draft->n[protocol] = def->first[protocol + 1] - def->first[protocol];
		memcpy(draft->service[protocol], def->service + def->first[protocol],
		       draft->n[protocol] * sizeof(*def->service));
	}
}

static unsigned int draft_services(const struct policy_draft *draft)
{
	unsigned int protocol, n = 0;

	for (protocol = 0; protocol < NF_ALG_PROTOCOLS; protocol++)
		n += draft->n[protocol];
	return n;
}

/* The definition that the draft describes; NULL when memory ran out. */
static struct nf_alg_policy_def *draft_finish(const struct policy_draft *draft)
{
	unsigned int protocol, n = 0;
	struct nf_alg_policy_def *def;

	def = kzalloc(struct_size(def, service, draft_services(draft)), GFP_KERNEL_ACCOUNT);
	if (!def)
		return NULL;
	def->version = draft->version;
	for (protocol = 0; protocol < NF_ALG_PROTOCOLS; protocol++) {
		def->rule[protocol] = draft->rule[protocol];
		def->first[protocol] = n;
		memcpy(def->service + n, draft->service[protocol], draft->n[protocol] * sizeof(*def->service));
		n += draft->n[protocol];
	}
	def->first[NF_ALG_PROTOCOLS] = n;
	return def;
}

static bool draft_has(const struct policy_draft *draft, unsigned int protocol, const struct nf_alg_service *service)
{
	unsigned int i;

	for (i = 0; i < draft->n[protocol]; i++)
		if (draft->service[protocol][i] == service)
			return true;
	return false;
}

static int draft_add_service(struct nf_alg_edit *edit, struct policy_draft *draft, unsigned int protocol,
			     const struct nlattr *nla)
{
	struct nf_alg_service *service = nf_alg_table_find(&edit->conf->services, nla_data(nla));
	const char *name = nla_data(nla);
	unsigned int serves;

	if (!service)
		return nf_alg_refuse_fmt(edit->extack, nla, -ENOENT, "no service %s", name);
	serves = nf_alg_deref(service->def)->protocol;
	if (serves != protocol)
		return nf_alg_refuse_fmt(edit->extack, nla, -EINVAL, "%s serves %s", name,
					 nf_alg_protocol_name[serves]);
	if (draft_has(draft, protocol, service))
		return nf_alg_refuse_fmt(edit->extack, nla, -EINVAL, "%s is named twice", name);
	if (draft->n[protocol] == NF_ALG_SERVICES_MAX)
		return nf_alg_refuse_fmt(edit->extack, nla, -E2BIG, "a policy has at most %u services",
					 NF_ALG_SERVICES_MAX);
	draft->service[protocol][draft->n[protocol]++] = service;
	return 0;
}

static int draft_parse_services(struct nf_alg_edit *edit, struct policy_draft *draft, unsigned int protocol,
				const struct nlattr *rule)
{
	const struct nlattr *nla;
	bool given = false;
	int rem, err;

	nla_for_each_nested(nla, rule, rem) {
		if (nla_type(nla) != NF_ALG_A_RULE_SERVICE)
			continue;
		if (!given)
			draft->n[protocol] = 0;
		given = true;
		err = draft_add_service(edit, draft, protocol, nla);
		if (err)
			return err;
	}
	return 0;
}

static int draft_parse_options(struct nf_alg_edit *edit, struct policy_draft *draft, unsigned int protocol,
			       const struct nlattr *nla)
{
	struct nlattr *tb[NF_ALG_OPTIONS];
	unsigned int i;
	u32 value;
	int err;

	err = nla_parse_nested(tb, NF_ALG_A_OPTION_MAX, nla, option_nla, edit->extack);
	if (err)
		return err;
	for (i = 1; i < NF_ALG_OPTIONS; i++) {
		if (!tb[i])
			continue;
		if (!option_applies(i, protocol))
			return nf_alg_refuse_fmt(edit->extack, tb[i], -EINVAL, "%s has no option %s",
						 nf_alg_protocol_name[protocol], options[i].name);
		value = nla_get_u32(tb[i]);
		if (value < options[i].min || value > options[i].max)
			return nf_alg_refuse_fmt(edit->extack, tb[i], -ERANGE, "%s must be from %u to %u",
						 options[i].name, options[i].min, options[i].max);
		draft->rule[protocol].option[i] = value;
	}
	return 0;
}

static int draft_parse_rule(struct nf_alg_edit *edit, struct policy_draft *draft, const struct nlattr *nla)
{
	struct nlattr *tb[NF_ALG_A_RULE_MAX + 1];
	unsigned int protocol;
	int err;

	err = nla_parse_nested(tb, NF_ALG_A_RULE_MAX, nla, rule_nla, edit->extack);
	if (err)
		return err;
	if (!tb[NF_ALG_A_RULE_PROTOCOL])
		return nf_alg_refuse_missing(edit->extack, nla, NF_ALG_A_RULE_PROTOCOL, "a rule needs a protocol");
	protocol = nla_get_u32(tb[NF_ALG_A_RULE_PROTOCOL]);
	if (draft->rule_attr[protocol])
		return nf_alg_refuse_fmt(edit->extack, tb[NF_ALG_A_RULE_PROTOCOL], -EINVAL, "two rules for %s",
					 nf_alg_protocol_name[protocol]);
	draft->rule_attr[protocol] = nla;
	if (tb[NF_ALG_A_RULE_MODE])
		draft->rule[protocol].mode = nla_get_u32(tb[NF_ALG_A_RULE_MODE]);
	err = draft_parse_services(edit, draft, protocol, nla);
	if (!err && tb[NF_ALG_A_RULE_OPTION])
		err = draft_parse_options(edit, draft, protocol, tb[NF_ALG_A_RULE_OPTION]);
	return err;
}

/* A service of protocol @q whose ports one of @p has, or NULL. */
static const struct nf_alg_service *draft_overlap(const struct policy_draft *draft, unsigned int p, unsigned int q)
{
	const struct nf_alg_service_def *def;
	unsigned int i, j;

	for (i = 0; i < draft->n[p]; i++) {
		def = nf_alg_deref(draft->service[p][i]->def);
		for (j = 0; j < draft->n[q]; j++)
			if (services_overlap(def, nf_alg_deref(draft->service[q][j]->def)))
				return draft->service[q][j];
	}
	return NULL;
}

/* No port may belong to services of two protocols: which ALG would it be? The request named at least one of them. */
static int draft_check_pair(struct nf_alg_edit *edit, const struct policy_draft *draft, unsigned int p, unsigned int q)
{
	const struct nf_alg_service *other;

	if (!draft->rule_attr[p])
		swap(p, q);
	other = draft_overlap(draft, p, q);
	if (!other)
		return 0;
	return nf_alg_refuse_fmt(edit->extack, draft->rule_attr[p], -EINVAL, "ports overlap %s", other->name);
}

static int draft_check(struct nf_alg_edit *edit, const struct policy_draft *draft)
{
	unsigned int p, q;
	int err;

	if (draft_services(draft) > NF_ALG_SERVICES_MAX)
		return nf_alg_refuse_fmt(edit->extack, edit->info->attrs[NF_ALG_A_POLICY_RULE], -E2BIG,
					 "a policy has at most %u services", NF_ALG_SERVICES_MAX);
	for (p = 0; p < NF_ALG_PROTOCOLS; p++) {
		for (q = p + 1; q < NF_ALG_PROTOCOLS; q++) {
			err = draft_check_pair(edit, draft, p, q);
			if (err)
				return err;
		}
	}
	return 0;
}

static int draft_parse(struct nf_alg_edit *edit, struct policy_draft *draft)
{
	struct nlattr *version = edit->info->attrs[NF_ALG_A_POLICY_VERSION];
	const struct nlattr *nla;
	int rem, err;

	if (version)
		draft->version = nla_get_u32(version);
	nf_alg_for_each_attr(nla, edit, NF_ALG_A_POLICY_RULE, rem) {
		err = draft_parse_rule(edit, draft, nla);
		if (err)
			return err;
	}
	return draft_check(edit, draft);
}

/* ---- requests ---- */

static void def_count_users(const struct nf_alg_policy_def *def, int n)
{
	unsigned int i;

	for (i = 0; i < def->first[NF_ALG_PROTOCOLS]; i++)
		def->service[i]->users += n;
}

static void policy_change(struct nf_alg_conf *conf, struct nf_alg_policy *policy, struct nf_alg_policy_def *def)
{
	struct nf_alg_policy_def *old = nf_alg_deref(policy->def);

	def_count_users(def, 1);
	def_count_users(old, -1);
	rcu_assign_pointer(policy->def, def);
	kfree_rcu(old, rcu);
	if (policy->users)
		conf->ports_stale = true;
}

static int policy_insert(struct nf_alg_conf *conf, const char *name, struct nf_alg_policy_def *def)
{
	struct nf_alg_policy *policy = policy_new(name);
	int err;

	if (!policy)
		return -ENOMEM;
	RCU_INIT_POINTER(policy->def, def);
	err = nf_alg_table_insert(&conf->policies, &policy->object);
	if (err) {
		kfree(policy);
		return err;
	}
	def_count_users(def, 1);
	return 0;
}

/* The policy "default": all protocols on with defaults. Return: 0 or -ENOMEM. */
int nf_alg_policy_predefine(struct nf_alg_conf *conf)
{
	struct policy_draft *draft = kmalloc(sizeof(*draft), GFP_KERNEL);
	struct nf_alg_policy_def *def;

	if (!draft)
		return -ENOMEM;
	draft_reset(conf, draft);
	def = draft_finish(draft);
	kfree(draft);
	if (!def)
		return -ENOMEM;
	if (policy_insert(conf, NF_ALG_DEFAULT_NAME, def)) {
		kfree(def);
		return -ENOMEM;
	}
	return 0;
}

/* The definition that results from the request and, unless it replaces, from the present one. */
static struct nf_alg_policy_def *def_new(struct nf_alg_edit *edit, struct nf_alg_policy *policy)
{
	struct policy_draft *draft = kmalloc(sizeof(*draft), GFP_KERNEL);
	struct nf_alg_policy_def *def;
	int err;

	if (!draft)
		return ERR_PTR(nf_alg_no_memory(edit->extack));
	if (policy && !nf_alg_edit_replaces(edit))
		draft_load(draft, nf_alg_deref(policy->def));
	else
		draft_reset(edit->conf, draft);
	err = draft_parse(edit, draft);
	def = err ? ERR_PTR(err) : draft_finish(draft);
	kfree(draft);
	return def ?: ERR_PTR(nf_alg_no_memory(edit->extack));
}

int nf_alg_policy_set(struct nf_alg_edit *edit)
{
	struct nf_alg_policy_def *def;
	struct nf_alg_policy *policy;
	struct nf_alg_object *found;
	int err = nf_alg_edit_begin(edit, &edit->conf->policies, &found);

	if (err)
		return err;
	policy = to_policy(found);
	def = def_new(edit, policy);
	if (IS_ERR(def))
		return PTR_ERR(def);
	if (policy) {
		policy_change(edit->conf, policy, def);
		return 0;
	}
	if (policy_insert(edit->conf, edit->name, def)) {
		kfree(def);
		return nf_alg_no_memory(edit->extack);
	}
	return 0;
}

/* Name of one of the tenants that have @policy, which has users. */
static const char *policy_tenant(struct nf_alg_conf *conf, const struct nf_alg_policy *policy)
{
	const struct nf_alg_tenant *tenant;
	u32 id;

	for (id = 1; (tenant = nf_alg_table_next(&conf->tenants, &id)); id++)
		if (tenant->policy == policy)
			return tenant->object.name;
	return "";
}

int nf_alg_policy_del(struct nf_alg_edit *edit)
{
	struct nlattr *name = edit->info->attrs[NF_ALG_A_POLICY_NAME];
	struct nf_alg_policy_def *def;
	struct nf_alg_policy *policy;
	struct nf_alg_object *found;
	int err = nf_alg_edit_find(edit, &edit->conf->policies, &found);

	if (err)
		return err;
	policy = to_policy(found);
	if (!strcmp(policy->name, NF_ALG_DEFAULT_NAME))
		return nf_alg_refuse(edit->extack, name, -EPERM, "the policy default can't be deleted");
	if (policy->users)
		return nf_alg_refuse_fmt(edit->extack, name, -EBUSY, "tenant %s has it",
					 policy_tenant(edit->conf, policy));
	def = nf_alg_deref(policy->def);
	def_count_users(def, -1);
	nf_alg_table_remove(&edit->conf->policies, found);
	kfree_rcu(def, rcu);
	kfree_rcu(policy, rcu);
	return 0;
}

/* ---- answers ---- */

static int options_fill(struct sk_buff *skb, unsigned int protocol, const struct nf_alg_rule *rule)
{
	struct nlattr *nest = nla_nest_start(skb, NF_ALG_A_RULE_OPTION);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 1; i < NF_ALG_OPTIONS; i++)
		if (option_applies(i, protocol) && nla_put_u32(skb, i, rule->option[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int rule_fill(struct sk_buff *skb, unsigned int protocol, const struct nf_alg_policy_def *def)
{
	struct nlattr *nest = nla_nest_start(skb, NF_ALG_A_POLICY_RULE);
	unsigned int i;

	if (!nest || nla_put_u32(skb, NF_ALG_A_RULE_PROTOCOL, protocol) ||
	    nla_put_u32(skb, NF_ALG_A_RULE_MODE, def->rule[protocol].mode))
		return -EMSGSIZE;
	for (i = def->first[protocol]; i < def->first[protocol + 1]; i++)
		if (nla_put_string(skb, NF_ALG_A_RULE_SERVICE, def->service[i]->name))
			return -EMSGSIZE;
	if (options_fill(skb, protocol, &def->rule[protocol]))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int nf_alg_policy_fill(struct sk_buff *skb, const struct nf_alg_object *object)
{
	const struct nf_alg_policy *policy = container_of(object, struct nf_alg_policy, object);
	const struct nf_alg_policy_def *def = nf_alg_deref(policy->def);
	unsigned int protocol;

	if (nla_put_string(skb, NF_ALG_A_POLICY_NAME, policy->name) ||
	    nla_put_u32(skb, NF_ALG_A_POLICY_VERSION, def->version) ||
	    nla_put_u32(skb, NF_ALG_A_POLICY_USERS, policy->users))
		return -EMSGSIZE;
	for (protocol = 0; protocol < NF_ALG_PROTOCOLS; protocol++)
		if (rule_fill(skb, protocol, def))
			return -EMSGSIZE;
	return 0;
}
