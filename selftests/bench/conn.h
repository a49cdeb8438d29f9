/* SPDX-License-Identifier: GPL-2.0-only */
/* A control connection between a subscriber and a server, seen by one helper; set up packet by packet, as in life. */
#ifndef NF_ALG_BENCH_CONN_H
#define NF_ALG_BENCH_CONN_H

#include <net/netfilter/nf_conntrack_helper.h>

#include "bench.h"

#define SUBSCRIBER	0x0a141e28	/* 10.20.30.40 */
#define SERVER		0xcb007105	/* 203.0.113.5 */
#define PUBLIC		0xc6336407	/* 198.51.100.7 */

/*
 * struct conn_kind - what a connection is
 * @kernel, @ours: helpers
 * @port:	of the server
 * @sport:	of the subscriber, kept by address translation; 0: another one for each connection
 * @plain:	addresses are not translated
 * @unanswered:	answers come on another connection
 */
struct conn_kind {
	const char *kernel, *ours;
	u8 l4proto;
	u16 port, sport;
	bool plain;
	bool unanswered;
};

/*
 * struct conn - a control connection, seen by one helper
 * @name:	of what is measured, for complaints
 * @who:	likewise
 * @help:	the helper's extension
 * @next:	sequence number of each direction's next byte, as its sender counts
 * @grown:	bytes that edits added to each direction
 */
struct conn {
	const struct conn_kind *kind;
	const char *name, *who;
	struct net *net;
	bool ours;
	u16 sport;
	struct nf_conn *ct;
	struct nf_conn_help *help;
	u32 next[IP_CT_DIR_MAX];
	s32 grown[IP_CT_DIR_MAX];
};

/* What of a message's way is timed. */
enum conn_time {
	CONN_HELP,	/* ->help */
	CONN_FIRST,	/* ->help of a connection's first packet, which conntrack has not confirmed yet */
	CONN_WHOLE,	/* all of conntrack's last hook (sequence adjustment) and the checksum that is left to the device */
};

bool conn_has_helper(const struct conn_kind *kind, bool ours);
/* An established connection without data yet. Return: false after a complaint. */
bool conn_open(struct conn *c, const struct conn_kind *kind, const char *name, bool ours);
void conn_close(struct conn *c);	/* nothing if it was never opened */

/* The following with softirqs off, under RCU. */

/* A message without measuring: what a real connection has besides. */
bool conn_say(struct conn *c, enum ip_conntrack_dir dir, const char *data, u32 len);
/* A message whose way is timed; @look sees what became of it, may be NULL. Return: ticks, 0 after a complaint. */
u64 conn_timed(struct conn *c, enum ip_conntrack_dir dir, const char *data, u32 len, enum conn_time time,
	       void (*look)(const struct conn *c, const struct sk_buff *skb));
/* Expectations of the connection. */
unsigned int conn_pinholes(const struct conn *c);

#endif /* NF_ALG_BENCH_CONN_H */
