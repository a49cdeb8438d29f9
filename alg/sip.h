/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Module nf_alg_sip: sip.c parses a message, asks the others, plans; sip_udp.c and sip_tcp.c bring messages and carry
 * plans out; sip_call.c keeps calls and who their parties are; sip_media.c turns what parties announce into public
 * endpoints and pinholes; sip_register.c knows who has registered where, and sip_contact.c the endpoints that
 * Contacts name; sip_show.c shows calls and registrations.
 *
 * Locks: a call and a registration have a lock each, taken once per message, below session->lock (TCP). Tables are
 * rhashtables, read under RCU. Nothing else is taken per message but what public endpoints and pinholes take.
 */
#ifndef NF_ALG_SIP_H
#define NF_ALG_SIP_H

#include "nf_alg.h"
#include "proto/sdp.h"
#include "proto/sip.h"
#include "proto/sip_plan.h"

struct sip_binding;
struct sip_call;

#define SIP_RANGE	4	/* RTP pairs of one m-line */

/**
 * struct sip_stream - an m-line as announced
 * @type:	"audio"
 * @l4proto:	of its parts
 * @first, @n:	its parts: RTP and RTCP in turn, or one. @n 0: nothing is known of where it is
 * @closed:	port 0
 * @rtcp:	parts come in pairs, also where RTCP has no port of its own (mux)
 * @mux:	a=rtcp-mux
 * @hold:	nothing is to be received there for now
 * @active:	TCP: connects, and does not wait for connections
 */
struct sip_stream {
	char type[12];
	u8 l4proto;
	u8 first, n;
	bool closed, rtcp, mux, hold, active;
};

/**
 * struct sip_line - an m-line of a message, read
 * @s:		all but where its parts are
 * @zero:	its address is 0.0.0.0 or :: (RFC 3264, 8.4: hold)
 * @ep:		announced endpoints, as many as @s says
 */
struct sip_line {
	struct sip_stream s;
	bool zero;
	struct alg_endpoint ep[2 * SIP_RANGE];
};

/**
 * struct sip_message - a message on its way through the ALG; in per-CPU memory, softirqs off
 * @work:	the packet; resolved, its mode is on or observe
 * @data, @len:	the message
 * @msg, @sdp:	parsed; @sdp->n_media 0: no description
 * @inside:	the sender is the party that the ALG serves: its side is translated; where nothing is, the
 *		connection's initiator, or its responder if the connection came through a registration's pinhole
 * @sender:	the sender, as it knows itself: the packet's source before translation
 * @receiver:	the receiver, as it knows itself: the source of its packets before translation
 * @media:	filled in by sip_call_message() for the planner
 * @lines:	its m-lines; sip_media.c's own
 * @keep:	seconds that the signalling connection must live on from now, largest of what the callees ask for
 * @made:	bindings that this message made; sip_register.c's own, valid in this RCU section
 * @n_made:	how many
 * @call, @serial: what the message did; sip_call.c's own, valid in this RCU section
 */
struct sip_message {
	struct nf_alg_work *work;
	const u8 *data;
	u32 len;
	struct alg_sip_msg msg;
	struct alg_sdp sdp;
	bool inside;
	struct alg_endpoint sender, receiver;
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	struct sip_line lines[ALG_SDP_MEDIA];
	u32 keep;
	struct sip_binding *made[ALG_SIP_CONTACTS];
	u8 n_made;
	struct sip_call *call;
	u32 serial;
};

/*
 * One request or response of a call, whatever its method, before it is rewritten. Finds or makes the call, follows
 * its state, opens and closes media. Return: 0 (perhaps nothing to do), or an enum nf_alg_reason for which the
 * message passes without SDP being rewritten (counted by the caller).
 */
int sip_call_message(struct sip_message *m);

/* The message could not be rewritten: what sip_call_message() opened for it is closed again. */
void sip_call_undo(struct sip_message *m);

/*
 * The same for REGISTER and its responses, and for what a dialog's other messages say in Contact. Undo closes what
 * the message of either kind opened.
 */
int sip_register_message(struct sip_message *m);
void sip_dialog_message(struct sip_message *m);	/* after sip_call_message() */
void sip_register_undo(struct sip_message *m);
/*
 * A request that begins something, on a connection that came through a pinhole: does anybody still take such there?
 */
bool sip_register_admits(const struct sip_message *m);

/* For sip_show.c: as in struct nf_alg_call_ops. */
int sip_register_walk(struct net *net, u32 after, int (*fn)(const struct nf_alg_registration_info *info, void *arg),
		      void *arg);
int sip_register_close(struct net *net, u32 id);
unsigned int sip_register_close_tenant(struct net *net, u32 tenant);
void sip_register_revise(struct net *net);
u32 sip_register_count(struct net *net);

/*
 * What the other side must see instead of an endpoint that is neither end of this connection: struct
 * alg_sip_nat.find. @ctx: struct sip_message
 */
bool sip_find(void *ctx, const struct alg_sip_ref *ref, const struct alg_endpoint *ep, struct alg_endpoint *seen);

static inline bool sip_same_addr(const struct alg_endpoint *a, const struct alg_endpoint *b)
{
	return a->family == b->family && !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static inline bool sip_same_endpoint(const struct alg_endpoint *a, const struct alg_endpoint *b)
{
	return a->port == b->port && sip_same_addr(a, b);
}

/* ---- sip_udp.c ---- */

/* Seconds that a call keeps its connection at a time; longer than its collector's period. */
#define SIP_CONN_KEEP	64

/**
 * struct sip_conn - a connection that somebody needs, without a reference to it; zeroed: none
 * @tuple:	original one
 * @used:	it is UDP, so that its time is what is asked for
 * @tenant:	on a service of whose policy it stands, 0: on none
 */
struct sip_conn {
	struct nf_conntrack_tuple tuple;
	struct nf_conntrack_zone zone;
	bool used;
	u32 tenant;
};

void sip_conn_set(struct sip_conn *conn, const struct nf_alg_work *work);
/* Does @tenant still have the service that it stands on, if it is one of his? Else its messages are not seen. Under RCU. */
bool sip_conn_served(const struct sip_conn *conn, const struct nf_alg_tenant *tenant);
/* It lives for @secs from now, at least, if it is still there. Any context. */
void sip_conn_keep(struct net *net, const struct sip_conn *conn, u32 secs);
void sip_conn_release(const struct nf_alg_work *work);	/* no longer than others need it */

/* ---- sip.c, for sip_udp.c and sip_tcp.c ---- */

/**
 * struct sip_scratch - what one CPU needs for a message; used with softirqs off
 * @m:		the message
 * @edits, @bytes: room for its plan
 */
struct sip_scratch {
	struct sip_message m;
	struct alg_edit edits[ALG_SIP_PLAN_EDITS];
	u8 bytes[ALG_SIP_PLAN_BYTES];
};

enum sip_verdict {
	SIP_PASS,	/* as it is, or with the plan's edits */
	SIP_REFUSE,	/* policy does not let the request through */
};

/* This CPU's, its message set to @work's packet. */
struct sip_scratch *sip_scratch(struct nf_alg_work *work);

/*
 * A message whose @data, @len and @msg are set; @work is resolved and its mode is not off. Counts, follows calls and
 * registrations, and adds edits to @plan, which is empty. If they can't be made sip_unwritten() must be called.
 */
enum sip_verdict sip_process(struct sip_message *m, struct alg_plan *plan);
void sip_unwritten(struct sip_message *m, struct alg_plan *plan, enum nf_alg_reason reason);

/* Counts a malformed message. Return: policy drops it. */
bool sip_malformed(struct nf_alg_work *work);

extern struct nf_alg_proto sip_proto;
extern const struct alg_stream_ops sip_stream_ops;
#define SIP_STREAM_SIZE 24	/* sip_tcp.c's part of a session */

int sip_udp_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo);
void sip_stream_segment(struct nf_alg_work *work, u32 seq, const u8 *data, u32 len);

/* sip_call.c, sip_register.c: per namespace tables, collectors */
int sip_call_init(void);
void sip_call_exit(void);	/* no packet is under way any more: ends all calls */
int sip_register_init(void);
void sip_register_exit(void);

extern const struct nf_alg_call_ops sip_call_ops;	/* sip_show.c */

#endif /* NF_ALG_SIP_H */
