// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink family nf_alg, as nf_alg.yaml describes it: operations on objects, transactions, status.
 *
 * Everything but status runs under the namespace's lock. A socket that has a transaction open works on what the
 * transaction has collected; all others work on the running configuration.
 */

#include "netlink.h"
#include "../alg/nf_alg.h"

#include <linux/ctype.h>
#include <linux/module.h>

NF_ALG_DEFINE_EXTACK_RING

/* ---- what handlers share ---- */

int nf_alg_no_memory(struct netlink_ext_ack *extack)
{
	return nf_alg_refuse(extack, NULL, -ENOMEM, "memory ran out");
}

/* [A-Za-z0-9][A-Za-z0-9._-]* */
bool nf_alg_name_valid(const char *name)
{
	unsigned int i;

	for (i = 0; name[i]; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && (!i || !strchr("._-", name[i]))))
			return false;
	return i;
}

/* Services, policies and tenants have their name in the same place. */
#define A_NAME	((int)NF_ALG_A_SERVICE_NAME)

static int edit_name(struct nf_alg_edit *edit)
{
	struct nlattr *nla = edit->info->attrs[A_NAME];

	BUILD_BUG_ON(A_NAME != (int)NF_ALG_A_POLICY_NAME || A_NAME != (int)NF_ALG_A_TENANT_NAME);
	if (!nla)
		return nf_alg_refuse_missing(edit->extack, NULL, A_NAME, "name is missing");
	if (!nf_alg_name_valid(nla_data(nla)))
		return nf_alg_refuse(edit->extack, nla, -EINVAL,
				     "a name is a letter or digit, then letters, digits, . _ -");
	edit->name = nla_data(nla);
	return 0;
}

/**
 * nf_alg_edit_begin() - first part of every set command: names, and whether the object must, may, must not exist
 * @edit:	request; its name is set
 * @table:	where
 * @found:	the object, NULL if it is to be made
 * Return: 0 or a refusal.
 */
int nf_alg_edit_begin(struct nf_alg_edit *edit, struct nf_alg_table *table, struct nf_alg_object **found)
{
	struct nlattr *nla = edit->info->attrs[A_NAME];
	int err = edit_name(edit);

	if (err)
		return err;
	*found = nf_alg_table_find(table, edit->name);
	if (*found && edit->flags & NLM_F_EXCL)
		return nf_alg_refuse(edit->extack, nla, -EEXIST, "exists already");
	if (!*found && !(edit->flags & NLM_F_CREATE))
		return nf_alg_refuse(edit->extack, nla, -ENOENT, "does not exist, and creation was not asked for");
	if (!*found && table->count >= table->limit)
		return nf_alg_refuse_fmt(edit->extack, nla, -ENOSPC, "there are %u already, the most possible",
					 table->limit);
	return 0;
}

/* First part of every del command. Return: 0 with @found set, or a refusal. */
int nf_alg_edit_find(struct nf_alg_edit *edit, struct nf_alg_table *table, struct nf_alg_object **found)
{
	int err = edit_name(edit);

	if (err)
		return err;
	*found = nf_alg_table_find(table, edit->name);
	if (!*found)
		return nf_alg_refuse(edit->extack, edit->info->attrs[A_NAME], -ENOENT, "does not exist");
	return 0;
}

/* Configuration that a socket works on, NULL for none yet. */
static struct nf_alg_conf *conf_of(const struct nf_alg_policy_net *pn, u32 portid)
{
	return pn->shadow && pn->owner == portid ? pn->shadow : nf_alg_conf_running(pn);
}

/* ---- changes of single objects ---- */

/* The change, in a new configuration. It runs if the change was fine, otherwise the namespace stays unconfigured. */
static int edit_first(struct nf_alg_edit *edit, int (*change)(struct nf_alg_edit *edit))
{
	int err;

	edit->conf = nf_alg_conf_new(edit->pn, 0);
	if (!edit->conf)
		return nf_alg_no_memory(edit->extack);
	err = change(edit);
	if (!err) {
		err = nf_alg_conf_start(edit->pn);
		if (err)
			NL_SET_ERR_MSG(edit->extack, "connection tracking can't be started in this namespace");
	}
	if (err)
		nf_alg_conf_release(edit->conf);
	else
		nf_alg_conf_publish(edit->pn, edit->conf);
	return err;
}

static int edit_locked(struct nf_alg_edit *edit, int (*change)(struct nf_alg_edit *edit), enum nf_alg_event event)
{
	int err;

	edit->conf = conf_of(edit->pn, edit->info->snd_portid);
	if (edit->conf) {
		err = change(edit);
		if (!err)
			nf_alg_conf_touched(edit->pn, edit->conf);
	} else {
		err = edit_first(edit, change);
	}
	if (!err && edit->conf == nf_alg_conf_running(edit->pn))
		nf_alg_event_config(edit->pn, event, edit->name);
	return err;
}

static int edit_run(struct genl_info *info, int (*change)(struct nf_alg_edit *edit), enum nf_alg_event event)
{
	struct nf_alg_policy_net *pn = nf_alg_policy_net(genl_info_net(info));
	struct nf_alg_edit edit = { .pn = pn, .info = info, .extack = info->extack, .flags = info->nlhdr->nlmsg_flags };
	int err;

	mutex_lock(&pn->lock);
	err = edit_locked(&edit, change, event);
	mutex_unlock(&pn->lock);
	return err;
}

static int service_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return edit_run(info, nf_alg_service_set, NF_ALG_EVENT_SERVICE_SET);
}

static int service_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return edit_run(info, nf_alg_service_del, NF_ALG_EVENT_SERVICE_DELETED);
}

static int policy_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return edit_run(info, nf_alg_policy_set, NF_ALG_EVENT_POLICY_SET);
}

static int policy_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return edit_run(info, nf_alg_policy_del, NF_ALG_EVENT_POLICY_DELETED);
}

static int tenant_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return edit_run(info, nf_alg_tenant_set, NF_ALG_EVENT_TENANT_SET);
}

static int tenant_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return edit_run(info, nf_alg_tenant_del, NF_ALG_EVENT_TENANT_DELETED);
}

/* ---- objects out ---- */

/**
 * struct kind - how objects of one kind are read
 * @table:	offset of their table in struct nf_alg_conf
 * @fill:	puts one into a message
 */
struct kind {
	size_t table;
	int (*fill)(struct sk_buff *skb, const struct nf_alg_object *object);
};

static const struct kind kind_service = { offsetof(struct nf_alg_conf, services), nf_alg_service_fill };
static const struct kind kind_policy = { offsetof(struct nf_alg_conf, policies), nf_alg_policy_fill };
static const struct kind kind_tenant = { offsetof(struct nf_alg_conf, tenants), nf_alg_tenant_fill };

static struct nf_alg_table *kind_table(struct nf_alg_conf *conf, const struct kind *kind)
{
	return (void *)conf + kind->table;
}

static int get_locked(struct sk_buff *msg, struct nf_alg_edit *edit, const struct kind *kind)
{
	struct genl_info *info = edit->info;
	struct nf_alg_object *object;
	void *head;
	int err;

	edit->conf = conf_of(edit->pn, info->snd_portid);
	err = edit_name(edit);
	if (err)
		return err;
	if (!edit->conf)
		return nf_alg_refuse(edit->extack, info->attrs[A_NAME], -ENOENT,
				     "nothing is configured in this namespace");
	err = nf_alg_edit_find(edit, kind_table(edit->conf, kind), &object);
	if (err)
		return err;
	head = genlmsg_put(msg, info->snd_portid, info->snd_seq, &nf_alg_family, 0, info->genlhdr->cmd);
	if (!head || kind->fill(msg, object))
		return nf_alg_refuse(edit->extack, NULL, -EMSGSIZE, "the object does not fit into a message");
	genlmsg_end(msg, head);
	return 0;
}

static int get_run(struct genl_info *info, const struct kind *kind)
{
	struct nf_alg_policy_net *pn = nf_alg_policy_net(genl_info_net(info));
	struct nf_alg_edit edit = { .pn = pn, .info = info, .extack = info->extack };
	struct sk_buff *msg = nlmsg_new(NF_ALG_REPLY_SIZE, GFP_KERNEL);
	int err;

	if (!msg)
		return nf_alg_no_memory(info->extack);
	mutex_lock(&pn->lock);
	err = get_locked(msg, &edit, kind);
	mutex_unlock(&pn->lock);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	return genlmsg_reply(msg, info);
}

static int service_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return get_run(info, &kind_service);
}

static int policy_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return get_run(info, &kind_policy);
}

static int tenant_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return get_run(info, &kind_tenant);
}

/* Where a dump of objects goes on: the lowest id not yet sent. */
struct dump_cursor {
	u32 next;
};

static int objects_check(struct netlink_callback *cb)
{
	struct nlattr *name = nf_alg_dump_attrs(cb)[A_NAME];

	return name ? nf_alg_refuse(cb->extack, name, -EINVAL, "a dump takes no name") : 0;
}

/* Where there is no extack at the start of a dump yet (6.1), the first message refuses. */
static int objects_start(struct netlink_callback *cb)
{
	struct dump_cursor *cursor = (void *)cb->ctx;

	cursor->next = 1;
	cb->min_dump_alloc = NF_ALG_REPLY_SIZE;
	return cb->extack ? objects_check(cb) : 0;
}

static int object_put(struct sk_buff *skb, struct netlink_callback *cb, const struct kind *kind,
		      struct nf_alg_object *object)
{
	void *head = nf_alg_dump_put(skb, cb);

	if (!head)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, head);
	if (kind->fill(skb, object)) {
		genlmsg_cancel(skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return 0;
}

static int objects_put(struct sk_buff *skb, struct netlink_callback *cb, const struct kind *kind,
		       struct nf_alg_conf *conf)
{
	struct dump_cursor *cursor = (void *)cb->ctx;
	struct nf_alg_object *object;

	cb->seq = conf->revision;
	while (cursor->next && (object = nf_alg_table_next(kind_table(conf, kind), &cursor->next))) {
		if (object_put(skb, cb, kind, object))
			return skb->len ?: -EMSGSIZE;
		cursor->next++;
	}
	return skb->len;
}

static int objects_dump(struct sk_buff *skb, struct netlink_callback *cb, const struct kind *kind)
{
	struct nf_alg_policy_net *pn = nf_alg_policy_net(sock_net(skb->sk));
	struct nf_alg_conf *conf;
	int ret = objects_check(cb);

	if (ret)
		return ret;
	mutex_lock(&pn->lock);
	conf = conf_of(pn, NETLINK_CB(cb->skb).portid);
	if (conf)
		ret = objects_put(skb, cb, kind, conf);
	mutex_unlock(&pn->lock);
	return ret;
}

static int service_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return objects_dump(skb, cb, &kind_service);
}

static int policy_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return objects_dump(skb, cb, &kind_policy);
}

static int tenant_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return objects_dump(skb, cb, &kind_tenant);
}

/* ---- transactions ---- */

static struct sk_buff *generation_reply(struct genl_info *info, u32 generation)
{
	struct sk_buff *msg = genlmsg_new(nla_total_size(sizeof(u32)), GFP_KERNEL);
	void *head;

	if (!msg)
		return NULL;
	head = genlmsg_put_reply(msg, info, &nf_alg_family, 0, info->genlhdr->cmd);
	if (!head || nla_put_u32(msg, NF_ALG_A_CONFIG_GENERATION, generation)) {
		nlmsg_free(msg);
		return NULL;
	}
	genlmsg_end(msg, head);
	return msg;
}

static int begin_locked(struct nf_alg_policy_net *pn, struct genl_info *info)
{
	struct nf_alg_conf *running = nf_alg_conf_running(pn);

	if (pn->shadow && pn->owner == info->snd_portid)
		return nf_alg_refuse(info->extack, NULL, -EBUSY, "this socket has a transaction open");
	if (pn->shadow)
		return nf_alg_refuse(info->extack, NULL, -EBUSY, "another socket has a transaction open");
	pn->shadow = nf_alg_conf_new(pn, running ? running->tenants.count : 0);
	if (!pn->shadow)
		return nf_alg_no_memory(info->extack);
	WRITE_ONCE(pn->owner, info->snd_portid);
	pn->base = pn->generation;
	return 0;
}

static int config_begin_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nf_alg_policy_net *pn = nf_alg_policy_net(genl_info_net(info));
	struct sk_buff *msg = NULL;
	int err;

	mutex_lock(&pn->lock);
	err = begin_locked(pn, info);
	if (!err) {
		msg = generation_reply(info, pn->base);
		if (!msg) {
			nf_alg_conf_drop_shadow(pn);
			err = nf_alg_no_memory(info->extack);
		}
	}
	mutex_unlock(&pn->lock);
	return err ?: genlmsg_reply(msg, info);
}

static int transaction_check(const struct nf_alg_policy_net *pn, struct genl_info *info)
{
	if (pn->shadow && pn->owner == info->snd_portid)
		return 0;
	return nf_alg_refuse(info->extack, NULL, -EINVAL, "this socket has no transaction open");
}

static int commit_check(struct nf_alg_policy_net *pn, struct genl_info *info)
{
	struct nlattr *nla = info->attrs[NF_ALG_A_CONFIG_GENERATION];
	int err = transaction_check(pn, info);

	if (err)
		return err;
	if (pn->generation != (nla ? nla_get_u32(nla) : pn->base))
		return nf_alg_refuse_fmt(info->extack, nla, -ESTALE, "the running configuration has generation %u",
					 pn->generation);
	if (nf_alg_conf_adopt(pn, pn->shadow))
		return nf_alg_no_memory(info->extack);
	err = nf_alg_conf_start(pn);
	if (err)
		return nf_alg_refuse(info->extack, NULL, err, "connection tracking can't be started in this namespace");
	return 0;
}

static int commit_locked(struct nf_alg_policy_net *pn, struct genl_info *info, struct sk_buff **msg)
{
	u32 generation = pn->generation + 1;
	int err = commit_check(pn, info);

	if (err)
		return err;
	*msg = generation_reply(info, generation ?: 1);
	if (!*msg)
		return nf_alg_no_memory(info->extack);
	nf_alg_conf_publish(pn, pn->shadow);
	pn->shadow = NULL;
	WRITE_ONCE(pn->owner, 0);
	nf_alg_event_config(pn, NF_ALG_EVENT_CONFIG_REPLACED, NULL);
	return 0;
}

static int config_commit_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nf_alg_policy_net *pn = nf_alg_policy_net(genl_info_net(info));
	struct sk_buff *msg;
	int err;

	mutex_lock(&pn->lock);
	err = commit_locked(pn, info, &msg);
	mutex_unlock(&pn->lock);
	return err ?: genlmsg_reply(msg, info);
}

static int config_abort_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nf_alg_policy_net *pn = nf_alg_policy_net(genl_info_net(info));
	int err;

	mutex_lock(&pn->lock);
	err = transaction_check(pn, info);
	if (!err)
		nf_alg_conf_drop_shadow(pn);
	mutex_unlock(&pn->lock);
	return err;
}

/* ---- status ---- */

/* What must not be asked for under RCU. */
struct status_counts {
	u32 calls, registrations, tunnels;
};

static int status_fill(struct sk_buff *msg, struct net *net, const struct status_counts *counts)
{
	const struct nf_alg_policy_net *pn = nf_alg_policy_net(net);
	const struct nf_alg_conf *conf = rcu_dereference(pn->conf);

	if (nla_put_string(msg, NF_ALG_A_STATUS_VERSION, THIS_MODULE->version ?: "") ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_GENERATION, READ_ONCE(pn->generation)) ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_SERVICES, conf ? READ_ONCE(conf->services.count) : 0) ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_POLICIES, conf ? READ_ONCE(conf->policies.count) : 0) ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_TENANTS, conf ? READ_ONCE(conf->tenants.count) : 0) ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_SESSIONS, nf_alg_session_count(net)) ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_PINHOLES, nf_alg_pinhole_count(net)) ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_PROTOCOLS, nf_alg_protocols_loaded()) ||
	    nla_put_u8(msg, NF_ALG_A_STATUS_NAT, nf_alg_nat_loaded()) ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_TRANSACTION, READ_ONCE(pn->owner)) ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_TENANT_SIZE,
			sizeof(struct nf_alg_tenant) + sizeof(struct nf_alg_account)) ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_CALLS, counts->calls) ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_REGISTRATIONS, counts->registrations) ||
	    nla_put_u32(msg, NF_ALG_A_STATUS_TUNNELS, counts->tunnels))
		return -EMSGSIZE;
	return 0;
}

static int status_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	struct status_counts counts;
	void *head;
	int err;

	if (!msg)
		return nf_alg_no_memory(info->extack);
	nf_alg_nl_call_counts(genl_info_net(info), &counts.calls, &counts.registrations);
	counts.tunnels = nf_alg_nl_tunnel_count(genl_info_net(info));
	head = genlmsg_put_reply(msg, info, &nf_alg_family, 0, info->genlhdr->cmd);
	rcu_read_lock();
	err = head ? status_fill(msg, genl_info_net(info), &counts) : -EMSGSIZE;
	rcu_read_unlock();
	if (err) {
		nlmsg_free(msg);
		return nf_alg_no_memory(info->extack);
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

/* ---- the family ---- */

/* Operations without attributes refuse all; without a table they would be ignored. */
static const struct nla_policy none_nla[2];

static const struct nla_policy name_nla[A_NAME + 1] = {
	[A_NAME] = { .type = NLA_NUL_STRING, .len = NF_ALG_NAME_MAX },
};

static const struct nla_policy config_nla[NF_ALG_A_CONFIG_MAX + 1] = {
	[NF_ALG_A_CONFIG_GENERATION] = { .type = NLA_U32 },
};

#define OP_POLICY(table)	.policy = (table), .maxattr = ARRAY_SIZE(table) - 1

#define OP_CHANGE(command, function, table)	\
	{ .cmd = NF_ALG_CMD_##command, .flags = GENL_UNS_ADMIN_PERM, .doit = (function), OP_POLICY(table) }

#define OP_GET(command, function)							\
	{ .cmd = NF_ALG_CMD_##command, .flags = GENL_UNS_ADMIN_PERM, OP_POLICY(name_nla),	\
	  .doit = function##_doit, .start = objects_start, .dumpit = function##_dumpit }

#define OP_DUMP(command, begin, dump, table)						\
	{ .cmd = NF_ALG_CMD_##command, .flags = GENL_UNS_ADMIN_PERM, OP_POLICY(table),	\
	  .start = (begin), .dumpit = (dump) }

static const struct genl_ops nf_alg_ops[] = {
	{ .cmd = NF_ALG_CMD_STATUS_GET, .doit = status_get_doit, OP_POLICY(none_nla) },
	OP_CHANGE(SERVICE_SET, service_set_doit, nf_alg_service_nla),
	OP_CHANGE(SERVICE_DEL, service_del_doit, name_nla),
	OP_GET(SERVICE_GET, service_get),
	OP_CHANGE(POLICY_SET, policy_set_doit, nf_alg_policy_nla),
	OP_CHANGE(POLICY_DEL, policy_del_doit, name_nla),
	OP_GET(POLICY_GET, policy_get),
	OP_CHANGE(TENANT_SET, tenant_set_doit, nf_alg_tenant_nla),
	OP_CHANGE(TENANT_DEL, tenant_del_doit, name_nla),
	OP_GET(TENANT_GET, tenant_get),
	OP_DUMP(STATS_GET, nf_alg_nl_stats_start, nf_alg_nl_stats_dump, nf_alg_stats_nla),
	OP_CHANGE(STATS_RESET, nf_alg_nl_stats_reset, nf_alg_stats_nla),
	OP_DUMP(PINHOLE_GET, nf_alg_nl_pinhole_start, nf_alg_nl_pinhole_dump, nf_alg_pinhole_get_nla),
	OP_CHANGE(PINHOLE_DEL, nf_alg_nl_pinhole_del, nf_alg_pinhole_del_nla),
	OP_CHANGE(CONFIG_BEGIN, config_begin_doit, none_nla),
	OP_CHANGE(CONFIG_COMMIT, config_commit_doit, config_nla),
	OP_CHANGE(CONFIG_ABORT, config_abort_doit, none_nla),
	OP_DUMP(CALL_GET, nf_alg_nl_call_start, nf_alg_nl_call_dump, nf_alg_call_get_nla),
	OP_CHANGE(CALL_DEL, nf_alg_nl_call_del, nf_alg_call_del_nla),
	OP_DUMP(REGISTRATION_GET, nf_alg_nl_call_start, nf_alg_nl_registration_dump, nf_alg_call_get_nla),
	OP_CHANGE(REGISTRATION_DEL, nf_alg_nl_registration_del, nf_alg_registration_del_nla),
	OP_DUMP(TUNNEL_GET, nf_alg_nl_tunnel_start, nf_alg_nl_tunnel_dump, nf_alg_tunnel_get_nla),
	OP_CHANGE(TUNNEL_DEL, nf_alg_nl_tunnel_del, nf_alg_tunnel_del_nla),
};

static const struct genl_multicast_group nf_alg_groups[] = {
	{ .name = NF_ALG_MCGRP_EVENTS, NF_ALG_MCAST_ADMIN },
};

/*
 * resv_start_op lies behind the last command because the core would refuse the flags of set commands otherwise;
 * attributes are validated strictly all the same.
 */
struct genl_family nf_alg_family __ro_after_init = {
	.name		= NF_ALG_FAMILY_NAME,
	.version	= NF_ALG_FAMILY_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.ops		= nf_alg_ops,
	.n_ops		= ARRAY_SIZE(nf_alg_ops),
	.mcgrps		= nf_alg_groups,
	.n_mcgrps	= ARRAY_SIZE(nf_alg_groups),
	.resv_start_op	= __NF_ALG_CMD_MAX,
};

int nf_alg_netlink_init(void)
{
	return genl_register_family(&nf_alg_family);
}

void nf_alg_netlink_exit(void)
{
	genl_unregister_family(&nf_alg_family);
}

