// SPDX-License-Identifier: GPL-2.0-only
/* What tenants use and have counted: counters, quotas, rates. Any context. */

#include "config.h"

#include <linux/slab.h>

/* A reason that is not in the count would be counted behind the counters' end. */
enum {
#define NF_ALG_REASON(symbol, name, text) REASON_##symbol,
#include "reasons.def"
	REASONS_LISTED
};
static_assert(NF_ALG_REASONS == REASONS_LISTED);

#define HELD_MAX	(1 << 20)	/* bytes of partial messages that one tenant's streams keep */
#define BURST_MIN	8		/* pinholes, requests that a tenant may have at once, however low its rate */

/* Account with one reference, NULL when memory ran out. May sleep. */
struct nf_alg_account *nf_alg_account_new(u32 id)
{
	struct nf_alg_account *account = kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);

	if (!account)
		return NULL;
	refcount_set(&account->ref, 1);
	account->id = id;
	return account;
}

static void account_free(struct rcu_head *rcu)
{
	struct nf_alg_account *account = container_of(rcu, struct nf_alg_account, rcu);
	unsigned int protocol;

	for (protocol = 0; protocol < NF_ALG_PROTOCOLS; protocol++)
		kfree(nf_alg_deref(account->counters[protocol]));
	kfree(account);
}

/**
 * nf_alg_account_hold() - takes a reference
 * @account:	of a tenant found in this RCU section
 * Return: false when it is on its way out.
 */
bool nf_alg_account_hold(struct nf_alg_account *account)
{
	return refcount_inc_not_zero(&account->ref);
}
EXPORT_SYMBOL_GPL(nf_alg_account_hold);

/**
 * nf_alg_account_put() - gives a reference back
 * @account:	may be NULL
 */
void nf_alg_account_put(struct nf_alg_account *account)
{
	if (account && refcount_dec_and_test(&account->ref))
		call_rcu(&account->rcu, account_free);
}
EXPORT_SYMBOL_GPL(nf_alg_account_put);

/* ---- counters ---- */

static struct nf_alg_counters *account_counters(struct nf_alg_account *account, enum nf_alg_protocol protocol)
{
	struct nf_alg_counters *counters = rcu_dereference(account->counters[protocol]), *old;

	if (counters)
		return counters;
	counters = kzalloc(sizeof(*counters), GFP_ATOMIC | __GFP_NOWARN);
	if (!counters)
		return NULL;
	old = unrcu_pointer(cmpxchg(&account->counters[protocol], NULL, RCU_INITIALIZER(counters)));
	if (!old)
		return counters;
	kfree(counters);
	return old;
}

/**
 * nf_alg_count_add() - counts
 * @account:	may be NULL: nobody to count for
 * @protocol:	of the ALG
 * @reason:	what happened
 * @n:		how often
 *
 * Context: any, under rcu_read_lock() or with a reference.
 */
void nf_alg_count_add(struct nf_alg_account *account, enum nf_alg_protocol protocol, enum nf_alg_reason reason, u32 n)
{
	struct nf_alg_counters *counters;

	if (!account)
		return;
	rcu_read_lock();
	counters = account_counters(account, protocol);
	if (counters)
		atomic64_add(n, &counters->c[reason]);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(nf_alg_count_add);

/* ---- rates ---- */

/* Tokens and the jiffies up to which they were filled share one word; 0 is a bucket that was never used: full. */
#define BUCKET(tokens, jiffies)	((u64)(u32)(jiffies) << 32 | (u32)(tokens))

static u64 bucket_filled(u64 old, u32 rate, u32 burst, u32 now)
{
	u32 tokens = old, last = old >> 32, elapsed = now - last;
	u64 gain;

	if (!old)
		return BUCKET(burst, now);
	gain = mul_u32_u32(elapsed, rate);
	do_div(gain, HZ);
	if (tokens + gain >= burst)
		return BUCKET(burst, now);
	/* what is too little for a token stays in the time not yet credited */
	elapsed = div_u64(gain * HZ + rate - 1, rate);
	return BUCKET(tokens + gain, last + elapsed);
}

/**
 * nf_alg_bucket_take() - takes a token from a bucket
 * @bucket:	zero at first
 * @rate:	tokens a second, not 0
 * @burst:	tokens in a full bucket, not 0
 * Return: false when it is empty.
 */
bool nf_alg_bucket_take(atomic64_t *bucket, u32 rate, u32 burst)
{
	s64 old = atomic64_read(bucket);
	u64 new;

	do {
		new = bucket_filled(old, rate, burst, jiffies);
		if (!(u32)new)
			return false;
		new--;
		if (!new)
			new = BUCKET(0, 1);
	} while (!atomic64_try_cmpxchg(bucket, &old, new));
	return true;
}

/* ---- quotas ---- */

static bool quota_take(atomic_t *used, u32 max)
{
	u32 n = atomic_inc_return(used);

	if (!max || n <= max)
		return true;
	atomic_dec(used);
	return false;
}

static bool rate_take(atomic64_t *bucket, u32 rate)
{
	return !rate || nf_alg_bucket_take(bucket, rate, max_t(u32, rate, BURST_MIN));
}

/**
 * nf_alg_quota_session_take() - one more session
 * @tenant:	NULL: unlimited
 * @account:	the tenant's; may be NULL
 * Return: 0, or the reason of the refusal.
 */
int nf_alg_quota_session_take(const struct nf_alg_tenant *tenant, struct nf_alg_account *account)
{
	if (!account || quota_take(&account->sessions, tenant ? tenant->max_sessions : 0))
		return 0;
	return NF_ALG_REASON_QUOTA_SESSIONS;
}

void nf_alg_quota_session_give(struct nf_alg_account *account)
{
	if (account)
		atomic_dec(&account->sessions);
}

/**
 * nf_alg_quota_pinhole_take() - one more pinhole, now
 * @tenant:	NULL: unlimited
 * @account:	the tenant's; may be NULL
 * Return: 0, or the reason of the refusal.
 */
int nf_alg_quota_pinhole_take(const struct nf_alg_tenant *tenant, struct nf_alg_account *account)
{
	if (!account)
		return 0;
	if (!quota_take(&account->pinholes, tenant ? tenant->max_pinholes : 0))
		return NF_ALG_REASON_QUOTA_PINHOLES;
	if (rate_take(&account->bucket, tenant ? tenant->pinhole_rate : 0))
		return 0;
	atomic_dec(&account->pinholes);
	return NF_ALG_REASON_RATE;
}

void nf_alg_quota_pinhole_give(struct nf_alg_account *account)
{
	if (account)
		atomic_dec(&account->pinholes);
}

/*
 * Calls, registrations and requests are limited by the policy, not by the tenant: the caller says what its rule allows.
 * An account may have outlived its tenant, so nothing here looks at that.
 */

/**
 * nf_alg_quota_call_take() - one more call
 * @account:	may be NULL: unlimited
 * @protocol:	of the ALG
 * @max:	0: no limit
 * Return: false when there are @max already.
 */
bool nf_alg_quota_call_take(struct nf_alg_account *account, enum nf_alg_protocol protocol, u32 max)
{
	return !account || quota_take(&account->calls[protocol], max);
}
EXPORT_SYMBOL_GPL(nf_alg_quota_call_take);

void nf_alg_quota_call_give(struct nf_alg_account *account, enum nf_alg_protocol protocol)
{
	if (account)
		atomic_dec(&account->calls[protocol]);
}
EXPORT_SYMBOL_GPL(nf_alg_quota_call_give);

/* The same for a registration. */
bool nf_alg_quota_registration_take(struct nf_alg_account *account, u32 max)
{
	return !account || quota_take(&account->registrations, max);
}
EXPORT_SYMBOL_GPL(nf_alg_quota_registration_take);

void nf_alg_quota_registration_give(struct nf_alg_account *account)
{
	if (account)
		atomic_dec(&account->registrations);
}
EXPORT_SYMBOL_GPL(nf_alg_quota_registration_give);

/* The same for a dialog that is of no call. */
bool nf_alg_quota_dialog_take(struct nf_alg_account *account, u32 max)
{
	return !account || quota_take(&account->dialogs, max);
}
EXPORT_SYMBOL_GPL(nf_alg_quota_dialog_take);

void nf_alg_quota_dialog_give(struct nf_alg_account *account)
{
	if (account)
		atomic_dec(&account->dialogs);
}
EXPORT_SYMBOL_GPL(nf_alg_quota_dialog_give);

/**
 * nf_alg_quota_request_take() - one more request, now
 * @account:	may be NULL: unlimited
 * @rate:	requests a second, 0: no limit
 * Return: false when there were too many; a second's worth, BURST_MIN at least, may come at once.
 */
bool nf_alg_quota_request_take(struct nf_alg_account *account, u32 rate)
{
	return !account || rate_take(&account->requests, rate);
}
EXPORT_SYMBOL_GPL(nf_alg_quota_request_take);

/**
 * nf_alg_quota_held() - more or less bytes of partial messages are kept
 * @account:	may be NULL: unlimited
 * @bytes:	change
 * Return: false when that would be too many; nothing is changed then. Always true for less.
 */
bool nf_alg_quota_held(struct nf_alg_account *account, s32 bytes)
{
	if (!account || atomic_add_return(bytes, &account->held) <= HELD_MAX || bytes <= 0)
		return true;
	atomic_sub(bytes, &account->held);
	return false;
}
