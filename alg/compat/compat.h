/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the supported kernels, under one name each. Features are found by Kbuild.include.
 *
 * Expectations have four generations: without a creator's helper (EXP_NET unset); with ->helper naming the creator while the
 * core still gives it to every child (EXP_NET without EXP_ASSIGN_HELPER); with ->assign_helper; and with a 32-bit timeout and a
 * sticky DEAD flag instead of a timer (EXP_TIMEOUT32), where an expectation can be inserted only once.
 */
#ifndef NF_ALG_COMPAT_H
#define NF_ALG_COMPAT_H

#include <linux/poison.h>
#include <linux/version.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_expect.h>
#include <net/netfilter/nf_conntrack_core.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "nf-alg needs Linux 6.1 or later"
#endif

/**
 * nf_alg_exp_set_timeout() - when an inserted expectation expires
 * @exp:	expectation, caller holds a reference
 * @secs:	from now
 *
 * Does nothing if it has expired or was used already. Any context.
 */
static inline void nf_alg_exp_set_timeout(struct nf_conntrack_expect *exp, u32 secs)
{
#ifdef NF_ALG_HAVE_EXP_TIMEOUT32
	WRITE_ONCE(exp->timeout, nfct_time_stamp + secs * HZ);
#else
	mod_timer_pending(&exp->timeout, jiffies + secs * HZ);
#endif
}

/**
 * nf_alg_exp_renew() - makes an expectation that conntrack let go of as good as new
 * @exp:	the caller has the only reference, and a grace period has passed since it was in conntrack's tables
 * @master:	connection that it is for now; nf_ct_expect_init() comes next
 *
 * Not where expectations have a timer, which may run still when nf_alg_exp_unlink() returns: %NF_ALG_EXP_RENEWS tells.
 */
static inline void nf_alg_exp_renew(struct nf_conntrack_expect *exp, struct nf_conn *master)
{
	exp->master = master;
#ifdef NF_ALG_HAVE_EXP_TIMEOUT32
	exp->timeout = nfct_time_stamp;
#endif
}

#ifdef NF_ALG_HAVE_EXP_TIMEOUT32
#define NF_ALG_EXP_RENEWS	1
#else
#define NF_ALG_EXP_RENEWS	0
#endif

/**
 * nf_alg_exp_unlink() - takes an expectation out of conntrack's tables at once
 * @exp:	expectation, caller holds a reference
 *
 * Does nothing if it has expired or was used already. Where expectations have no timer nf_ct_unexpect_related() would only mark it
 * for a later collection, until when it counts against the connection's and the kernel's limits. Any context.
 */
static inline void nf_alg_exp_unlink(struct nf_conntrack_expect *exp)
{
#ifdef NF_ALG_HAVE_EXP_TIMEOUT32
	spin_lock_bh(&nf_conntrack_expect_lock);
	if (exp->hnode.pprev && exp->hnode.pprev != LIST_POISON2)
		nf_ct_unlink_expect_report(exp, 0, 0);
	spin_unlock_bh(&nf_conntrack_expect_lock);
#else
	nf_ct_unexpect_related(exp);
#endif
}

/*
 * Will conntrack adjust the sequence numbers of the packet that ->help returns? @before: IPS_SEQ_ADJUST was set when it was called.
 * Kernels whose nf_confirm() is a hook function look at the bit before ->help, older ones behind it.
 */
static inline bool nf_alg_core_adjusts(const struct nf_conn *ct, bool before)
{
#ifdef NF_ALG_HAVE_CONFIRM_STATE
	return before;
#else
	return test_bit(IPS_SEQ_ADJUST_BIT, &ct->status);
#endif
}

/*
 * Takes the creator's helper off a child that the core gave it to. Call from expectfn, when the child is not shared yet.
 */
static inline void nf_alg_child_drop_helper(struct nf_conn *child)
{
#if defined(NF_ALG_HAVE_EXP_NET) && !defined(NF_ALG_HAVE_EXP_ASSIGN_HELPER)
	struct nf_conn_help *help = nfct_help(child);

	if (help)
		RCU_INIT_POINTER(help->helper, NULL);
#endif
}

#endif /* NF_ALG_COMPAT_H */
