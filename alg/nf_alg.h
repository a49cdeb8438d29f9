/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all ALGs share: protocol registration, sessions, TCP streams, pinholes. Exported by module nf_alg.
 */
#ifndef NF_ALG_H
#define NF_ALG_H

#include <linux/skbuff.h>
#include <linux/netfilter.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_expect.h>

#include "compat/compat.h"
#include "proto/endpoint.h"
#include "proto/edit.h"
#include "proto/stream.h"
#include "../policy/policy.h"

/* ---- protocols (alg/protocol.c) ---- */

/**
 * struct nf_alg_protocol - one ALG, as its module registers it
 * @id:		which
 * @name:	helper name, "alg-ftp"
 * @transport:	mask of 1 << IPPROTO_TCP (6), 1 << IPPROTO_UDP (17)
 * @help:	conntrack's ->help for every packet of its connections; see nf_alg_session_get() for what to check first
 * @session_size: bytes of the protocol's part of a session; 0: the protocol keeps none
 * @session_free: the protocol's part goes; may be NULL. Process or softirq context, no locks held
 * @stream:	TCP: how messages are found; NULL if not used
 * @policy:	expectation class 0 (timeout and cap); real timeouts come from the tenant's rule
 * @helpers:	one conntrack helper for each transport and family; owned by protocol.c
 */
struct nf_alg_protocol {
	enum nf_alg_protocol id;
	const char *name;
	u32 transport;
	int (*help)(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct, enum ip_conntrack_info ctinfo);
	size_t session_size;
	void (*session_free)(struct nf_alg_session *session);
	struct module *owner;

	struct nf_conntrack_expect_policy expect_policy;
	struct nf_conntrack_helper helpers[4];
	unsigned int n_helpers;
	struct kmem_cache *cache;
};
