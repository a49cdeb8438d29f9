// SPDX-License-Identifier: GPL-2.0-only
/* Module nf_alg_nat: expected connections are translated as their master is. */
#include <linux/module.h>
#include <net/netfilter/nf_nat.h>

#include "alg/nf_alg.h"

static void range_addr(struct nf_nat_range2 *range, const union nf_inet_addr *addr)
{
	range->flags = NF_NAT_RANGE_MAP_IPS;
	range->min_addr = *addr;
	range->max_addr = *addr;
}

static void range_ports(struct nf_nat_range2 *range, u16 min, u16 max)
{
	range->flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	range->min_proto.all = htons(min);
	range->max_proto.all = htons(max);
}

static void range_endpoint(struct nf_nat_range2 *range, const struct alg_endpoint *ep)
{
	union nf_inet_addr addr = {};

	memcpy(&addr, ep->addr, ep->family == 4 ? 4 : 16);
	range_addr(range, &addr);
	range_ports(range, ep->port, ep->port);
}

/*
 * A child without a public endpoint of its own that comes from the master's other end appears with the address that the master gave
 * it. If that is a subscriber with a port block, his source port stays in it; when the block is full conntrack drops the
 * packet. The source of a child from elsewhere is left to the rules.
 */
static void follow_source(struct nf_conn *ct, const struct nf_conntrack_expect *exp, const struct alg_endpoint *source,
			  u16 src_min, u16 src_max)
{
	const struct nf_conntrack_tuple *own = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	/* older kernels take any number from who makes expectations by netlink */
	enum ip_conntrack_dir dir = exp->dir == IP_CT_DIR_ORIGINAL ? IP_CT_DIR_ORIGINAL : IP_CT_DIR_REPLY;
	const struct nf_conntrack_tuple *other = &ct->master->tuplehash[dir].tuple;
	struct nf_nat_range2 range = {};

	if (source) {
		range_endpoint(&range, source);
	} else if (own->src.l3num == other->src.l3num && nf_inet_addr_cmp(&own->src.u3, &other->src.u3)) {
		range_addr(&range, &ct->master->tuplehash[!dir].tuple.dst.u3);
		if (src_min)
			range_ports(&range, src_min, src_max);
	} else {
		return;
	}
	nf_nat_setup_info(ct, &range, NF_NAT_MANIP_SRC);
}

static void follow(struct nf_conn *ct, const struct nf_conntrack_expect *exp, const struct alg_endpoint *target,
		   const struct alg_endpoint *source, u16 src_min, u16 src_max)
{
	struct nf_nat_range2 range = {};

	if (WARN_ON_ONCE(ct->status & IPS_NAT_DONE_MASK))
		return;
	range_endpoint(&range, target);
	nf_nat_setup_info(ct, &range, NF_NAT_MANIP_DST);
	/* Last, for now conntrack sees the answers' tuple, and gives the source a port with which that is nobody else's. */
	follow_source(ct, exp, source, src_min, src_max);
}

static bool addresses(struct nf_conn *ct, const union nf_inet_addr *src, const union nf_inet_addr *dst)
{
	struct nf_nat_range2 range = {};

	range_addr(&range, dst);
	if (nf_nat_setup_info(ct, &range, NF_NAT_MANIP_DST) != NF_ACCEPT)
		return false;
	range_addr(&range, src);
	return nf_nat_setup_info(ct, &range, NF_NAT_MANIP_SRC) == NF_ACCEPT;
}

static const struct nf_alg_nat_ops nat_ops = {
	.follow = follow,
	.addresses = addresses,
};

static int __init nf_alg_nat_init(void)
{
	nf_alg_nat_set(&nat_ops);
	return 0;
}

static void __exit nf_alg_nat_exit(void)
{
	nf_alg_nat_set(NULL);
}

module_init(nf_alg_nat_init);
module_exit(nf_alg_nat_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Application layer gateways: address translation");
MODULE_VERSION("0.1.0");
