/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generic netlink as it differs between the supported kernels.
 *
 * Kernels without formatted extack messages keep only a pointer to the text, which must live until the core has copied
 * it into the acknowledgement. There the text stands in a ring of buffers that are never freed, each always terminated:
 * a text that is overtaken by a full round of other refusals may read wrong, nothing worse.
 */
#ifndef NF_ALG_COMPAT_GENETLINK_H
#define NF_ALG_COMPAT_GENETLINK_H

#include <linux/atomic.h>
#include <linux/genetlink.h>
#include <net/genetlink.h>

/* Attributes of the request that a running dump answers, NULL if its operation takes none. */
static inline struct nlattr **nf_alg_dump_attrs(const struct netlink_callback *cb)
{
	const struct genl_dumpit_info *info = cb->data;

#ifdef NF_ALG_HAVE_GENL_DUMP_INFO
	return info->info.attrs;
#else
	return info->attrs;
#endif
}

/* Member of struct genl_multicast_group: only with CAP_NET_ADMIN in the namespace, where the core can check that. */
#ifdef GENL_MCAST_CAP_NET_ADMIN
#define NF_ALG_MCAST_ADMIN	.flags = GENL_MCAST_CAP_NET_ADMIN
#else
#define NF_ALG_MCAST_ADMIN
#endif

#ifdef NL_SET_ERR_MSG_ATTR_FMT

#define NF_ALG_DEFINE_EXTACK_RING

#else

#define NF_ALG_EXTACK_LEN	80
#define NF_ALG_EXTACK_RING	256	/* a power of two */

char *nf_alg_extack_buffer(void);

/* In one source file of the module. */
#define NF_ALG_DEFINE_EXTACK_RING						\
	char *nf_alg_extack_buffer(void)					\
	{									\
		static char ring[NF_ALG_EXTACK_RING][NF_ALG_EXTACK_LEN];	\
		static atomic_t next;						\
										\
		return ring[atomic_inc_return(&next) & (NF_ALG_EXTACK_RING - 1)]; \
	}

#define NL_SET_ERR_MSG_ATTR_FMT(extack, attr, fmt, args...) do {		\
	struct netlink_ext_ack *___extack = (extack);				\
										\
	if (___extack) {							\
		char *___text = nf_alg_extack_buffer();				\
										\
		scnprintf(___text, NF_ALG_EXTACK_LEN, fmt, ##args);		\
		___extack->_msg = ___text;					\
		___extack->bad_attr = (attr);					\
		___extack->policy = NULL;					\
	}									\
} while (0)

#endif /* NL_SET_ERR_MSG_ATTR_FMT */

#endif /* NF_ALG_COMPAT_GENETLINK_H */
