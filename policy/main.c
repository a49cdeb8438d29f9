// SPDX-License-Identifier: GPL-2.0-only
/* Policy's part of module nf_alg: namespaces come and go, sockets with open transactions close. */

#include "netlink.h"

#include <linux/module.h>
#include <linux/netlink.h>

#include "rules.h"

unsigned int nf_alg_policy_net_id __read_mostly;

static bool autostart = true;
module_param(autostart, bool, 0444);
MODULE_PARM_DESC(autostart, "serve the initial namespace with policy and tenant \"default\" at once (default: yes)");

static int __net_init policy_net_init(struct net *net)
{
	struct nf_alg_policy_net *pn = nf_alg_policy_net(net);

	pn->net = net;
	mutex_init(&pn->lock);
	return 0;
}

/* From here on no packet gets an ALG and no session finds a tenant; a grace period follows before anything is gone. */
static void __net_exit policy_net_pre_exit(struct net *net)
{
	struct nf_alg_policy_net *pn = nf_alg_policy_net(net);
	struct nf_alg_conf *conf;

	mutex_lock(&pn->lock);
	nf_alg_assign_stop(pn);
	nf_alg_conf_drop_shadow(pn);
	conf = rcu_replace_pointer(pn->conf, NULL, lockdep_is_held(&pn->lock));
	nf_alg_conf_release(conf);
	WRITE_ONCE(pn->generation, 0);
	mutex_unlock(&pn->lock);
}

static void __net_exit policy_net_exit(struct net *net)
{
	mutex_destroy(&nf_alg_policy_net(net)->lock);
}

static struct pernet_operations policy_net_ops = {
	.init		= policy_net_init,
	.pre_exit	= policy_net_pre_exit,
	.exit		= policy_net_exit,
	.id		= &nf_alg_policy_net_id,
	.size		= sizeof(struct nf_alg_policy_net),
};

/* A socket that closes takes its transaction with it. */
static int socket_closed(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *closed = data;
	struct nf_alg_policy_net *pn;

	if (event != NETLINK_URELEASE || closed->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	pn = nf_alg_policy_net(closed->net);
	/* only its own socket makes it the owner, and that is closing: no need for the lock if it is not */
	if (READ_ONCE(pn->owner) != closed->portid)
		return NOTIFY_DONE;
	mutex_lock(&pn->lock);
	if (pn->shadow && pn->owner == closed->portid)
		nf_alg_conf_drop_shadow(pn);
	mutex_unlock(&pn->lock);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = {
	.notifier_call = socket_closed,
};

/* The initial namespace starts with everything on for everybody. */
static int policy_autostart(struct nf_alg_policy_net *pn)
{
	struct nf_alg_conf *conf;
	int err;

	mutex_lock(&pn->lock);
	conf = nf_alg_conf_new(pn, 0);
	err = conf ? nf_alg_tenant_predefine(pn, conf) : -ENOMEM;
	if (!err)
		err = nf_alg_conf_start(pn);
	if (err)
		nf_alg_conf_release(conf);
	else
		nf_alg_conf_publish(pn, conf);
	mutex_unlock(&pn->lock);
	return err;
}

/**
 * nf_alg_policy_init() - starts the policy
 *
 * The parts of alg/ that keep sessions and pinholes have been started before. Return: 0 or a negative errno.
 */
int nf_alg_policy_init(void)
{
	int err;

	nf_alg_rules_init();
	err = nf_alg_conf_init();
	if (err)
		return err;
	err = register_pernet_subsys(&policy_net_ops);
	if (err)
		goto conf_exit;
	err = netlink_register_notifier(&socket_notifier);
	if (err)
		goto net_exit;
	err = autostart ? policy_autostart(nf_alg_policy_net(&init_net)) : 0;
	if (!err)
		err = nf_alg_netlink_init();
	if (err)
		goto notifier_exit;
	return 0;

notifier_exit:
	netlink_unregister_notifier(&socket_notifier);
net_exit:
	unregister_pernet_subsys(&policy_net_ops);
conf_exit:
	nf_alg_conf_exit();
	return err;
}

/**
 * nf_alg_policy_exit() - ends the policy
 *
 * No session and no pinhole is left: they hold accounts. On return nothing of the policy runs or waits to be freed.
 */
void nf_alg_policy_exit(void)
{
	nf_alg_netlink_exit();
	netlink_unregister_notifier(&socket_notifier);
	unregister_pernet_subsys(&policy_net_ops);
	nf_alg_conf_exit();
}
