/* SPDX-License-Identifier: GPL-2.0-only */
/* Module nf_alg_pptp: pptp.c understands messages, pptp_call.c keeps calls. */
#ifndef NF_ALG_PPTP_H
#define NF_ALG_PPTP_H

#include "nf_alg.h"
#include "proto/pptp.h"

#define PPTP_CALLS_MAX	256	/* of one control connection */
#define PPTP_FIRST_GRE	60	/* seconds that GRE is waited for */
#define PPTP_ANSWER	(60 * HZ)	/* RFC 2637, 3.1.3: so long an answer is waited for */

/**
 * struct pptp_end - one party's end of a call
 * @id:		its number, as the party knows it; valid when @known
 * @public:	the number that the other party was told, held for the call
 * @hole:	GRE to this party
 */
struct pptp_end {
	u16 id;
	bool known;
	struct nf_alg_public *public;
	struct nf_alg_hole *hole;
};

/**
 * struct pptp_call - a call
 * @list:	in its control connection, under @session's lock
 * @all:	in the list of all calls, read under RCU
 * @session:	its control connection; valid under RCU while the call is in @all
 * @account:	the tenant's with a reference, or NULL
 * @number:	growing
 * @state:	enum nf_alg_call_state; CLOSING: GRE is closed, numbers are still translated
 * @ended:	it is in no list any more
 * @reply:	type of the message that answers the request
 * @begun:	jiffies
 * @until:	jiffies: when it is given up, unless @state is ESTABLISHED
 * @end:	by direction of the control connection
 * @control:	the control connection's original tuple
 * @assigned:	it stands on a service of the policy
 * @asked:	direction of the message that asked for the call
 */
struct pptp_call {
	struct list_head list, all;
	struct rcu_head rcu;
	struct nf_alg_session *session;
	struct net *net;
	struct nf_alg_account *account;
	u32 number;
	u8 state;
	bool ended;
	u8 reply;
	unsigned long begun, until;
	struct pptp_end end[IP_CT_DIR_MAX];
	struct nf_conntrack_tuple control;
	bool assigned;
	enum ip_conntrack_dir asked;
};

struct pptp_session {
	struct list_head calls;
	u16 n;
};

/* All under session->lock. */
struct pptp_call *pptp_call_alloc(struct nf_alg_work *w);	/* in the list of all calls */
void pptp_call_close(struct pptp_call *call);			/* its GRE */
/* The last two: @call is invalid afterwards. One that nobody was told of is freed, others end, counted by @reason. */
void pptp_call_free(struct pptp_call *call);
void pptp_call_end(struct pptp_call *call, enum nf_alg_reason reason);
void pptp_call_event(const struct pptp_call *call, enum nf_alg_event event);

int pptp_call_init(void);
void pptp_call_exit(void);

extern const struct nf_alg_call_ops pptp_call_ops;

#endif /* NF_ALG_PPTP_H */
