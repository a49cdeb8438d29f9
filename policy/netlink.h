/* SPDX-License-Identifier: GPL-2.0-only */
/* What the handlers of family nf_alg share. */
#ifndef NF_ALG_NETLINK_H
#define NF_ALG_NETLINK_H

#include "config.h"
#include "../alg/compat/genetlink.h"

/* Refuses: sets message and wrong attribute (may be NULL); evaluates to @err. Texts have at most 79 characters. */
#define nf_alg_refuse(extack, attr, err, text) ({		\
	NL_SET_ERR_MSG_ATTR(extack, attr, text);		\
	(err); })
#define nf_alg_refuse_fmt(extack, attr, err, fmt, args...) ({	\
	NL_SET_ERR_MSG_ATTR_FMT(extack, attr, fmt, ##args);	\
	(err); })
/* Refuses because attribute number @type of @nest (NULL: of the message) is missing. */
#define nf_alg_refuse_missing(extack, nest, type, text) ({	\
	NL_SET_ERR_ATTR_MISS(extack, nest, type);		\
	NL_SET_ERR_MSG(extack, text);				\
	-EINVAL; })

#define NF_ALG_REPLY_SIZE	12288	/* holds any one object; see the limits in the uapi header */

/**
 * struct nf_alg_edit - a request to change a configuration
 * @pn:		namespace, locked
 * @conf:	running configuration, or the shadow of the socket's transaction
 * @info:	the message
 * @extack:	its
 * @flags:	NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE
 * @name:	of the object
 */
struct nf_alg_edit {
	struct nf_alg_policy_net *pn;
	struct nf_alg_conf *conf;
	struct genl_info *info;
	struct netlink_ext_ack *extack;
	u16 flags;
	const char *name;
};

static inline bool nf_alg_edit_replaces(const struct nf_alg_edit *edit)
{
	return edit->flags & NLM_F_REPLACE;
}

/* Every attribute of type @want of the request; struct nlattr *pos, int rem. */
#define nf_alg_for_each_attr(pos, edit, want, rem)				\
	nlmsg_for_each_attr(pos, (edit)->info->nlhdr, GENL_HDRLEN, rem)		\
		if (nla_type(pos) == (want))

bool nf_alg_name_valid(const char *name);
int nf_alg_edit_begin(struct nf_alg_edit *edit, struct nf_alg_table *table, struct nf_alg_object **found);
int nf_alg_edit_find(struct nf_alg_edit *edit, struct nf_alg_table *table, struct nf_alg_object **found);
int nf_alg_no_memory(struct netlink_ext_ack *extack);

extern struct genl_family nf_alg_family;
extern const char *const nf_alg_protocol_name[NF_ALG_PROTOCOLS];

/* Attribute policies: beside the code that reads the attributes. */
extern const struct nla_policy nf_alg_service_nla[NF_ALG_A_SERVICE_MAX + 1];
extern const struct nla_policy nf_alg_policy_nla[NF_ALG_A_POLICY_MAX + 1];
extern const struct nla_policy nf_alg_tenant_nla[NF_ALG_A_TENANT_MAX + 1];

/* _set and _del change edit->conf or refuse and leave it as it was; _fill: 0 or -EMSGSIZE. All under lock. */
int nf_alg_service_set(struct nf_alg_edit *edit);
int nf_alg_service_del(struct nf_alg_edit *edit);
int nf_alg_service_fill(struct sk_buff *skb, const struct nf_alg_object *object);

int nf_alg_policy_set(struct nf_alg_edit *edit);
int nf_alg_policy_del(struct nf_alg_edit *edit);
int nf_alg_policy_fill(struct sk_buff *skb, const struct nf_alg_object *object);

int nf_alg_tenant_set(struct nf_alg_edit *edit);
int nf_alg_tenant_del(struct nf_alg_edit *edit);
int nf_alg_tenant_fill(struct sk_buff *skb, const struct nf_alg_object *object);

/**
 * struct nf_alg_filter - what a dump, reset or removal of state is narrowed to, and where the dump goes on
 * @tenant:	id, 0 for all
 * @protocol:	NF_ALG_PROTOCOLS for all
 * @next:	tenant, pinhole, call, registration or tunnel: the lowest id not yet sent; 0: all are
 * @next_protocol: of counters: of that tenant; of calls: whose ids @next counts
 * @ready:	the request was looked at
 *
 * A dump keeps it in its callback's ctx.
 */
struct nf_alg_filter {
	u32 tenant;
	u32 protocol;
	u32 next;
	u32 next_protocol;
	bool ready;
};

int nf_alg_filter_parse(struct net *net, struct nf_alg_filter *filter, struct nlattr *tenant, struct nlattr *protocol,
			struct netlink_ext_ack *extack);
int nf_alg_filter_prepare(struct netlink_callback *cb, int tenant, int protocol);	/* 0: no such attribute */

static inline bool nf_alg_filter_passes(const struct nf_alg_filter *filter, u32 tenant, u32 protocol)
{
	return (!filter->tenant || filter->tenant == tenant) &&
	       (filter->protocol == NF_ALG_PROTOCOLS || filter->protocol == protocol);
}

/* One message of a dump, which answers with the number of the command that asked. NULL: no room. */
static inline void *nf_alg_dump_put(struct sk_buff *skb, const struct netlink_callback *cb)
{
	const struct genlmsghdr *asked = nlmsg_data(cb->nlh);

	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &nf_alg_family, NLM_F_MULTI,
			   asked->cmd);
}

/* An address as an attribute, an endpoint as two, without those that it lacks. Return: 0 or -EMSGSIZE. */
struct alg_endpoint;
int nf_alg_address_fill(struct sk_buff *skb, int type, const struct alg_endpoint *ep);
int nf_alg_endpoint_fill(struct sk_buff *skb, int address_type, int port_type, const struct alg_endpoint *ep);

/* What is filled into a message: an info structure as alg/nf_alg.h has it. @tenant: name, NULL when it is gone. */
typedef int nf_alg_fill_fn(struct sk_buff *skb, int type, const void *info, const char *tenant);

/**
 * struct nf_alg_dump - a dump call on its way through pinholes, calls, registrations or tunnels
 * @type:	attribute that holds one
 */
struct nf_alg_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	int type;
	nf_alg_fill_fn *fill;
};

int nf_alg_dump_one(const struct nf_alg_dump *dump, struct net *net, u32 tenant, u32 protocol, u32 id, const void *info);

/* Counters and pinholes: policy/nl_state.c */
extern const struct nla_policy nf_alg_stats_nla[NF_ALG_A_STATS_PROTOCOL + 1];
extern const struct nla_policy nf_alg_pinhole_get_nla[NF_ALG_A_PINHOLE_QUERY_PROTOCOL + 1];
extern const struct nla_policy nf_alg_pinhole_del_nla[NF_ALG_A_PINHOLE_QUERY_TENANT + 1];

int nf_alg_nl_stats_start(struct netlink_callback *cb);
int nf_alg_nl_stats_dump(struct sk_buff *skb, struct netlink_callback *cb);
int nf_alg_nl_stats_reset(struct sk_buff *skb, struct genl_info *info);
int nf_alg_nl_pinhole_start(struct netlink_callback *cb);
int nf_alg_nl_pinhole_dump(struct sk_buff *skb, struct netlink_callback *cb);
int nf_alg_nl_pinhole_del(struct sk_buff *skb, struct genl_info *info);
int nf_alg_pinhole_fill(struct sk_buff *skb, int type, const void *info, const char *tenant);

/* Calls and registrations: policy/nl_calls.c */
extern const struct nla_policy nf_alg_call_get_nla[NF_ALG_A_CALL_QUERY_PROTOCOL + 1];
extern const struct nla_policy nf_alg_call_del_nla[NF_ALG_A_CALL_QUERY_PROTOCOL + 1];
extern const struct nla_policy nf_alg_registration_del_nla[NF_ALG_A_CALL_QUERY_PROTOCOL + 1];

int nf_alg_nl_call_start(struct netlink_callback *cb);
int nf_alg_nl_call_dump(struct sk_buff *skb, struct netlink_callback *cb);
int nf_alg_nl_call_del(struct sk_buff *skb, struct genl_info *info);
int nf_alg_nl_registration_dump(struct sk_buff *skb, struct netlink_callback *cb);
int nf_alg_nl_registration_del(struct sk_buff *skb, struct genl_info *info);
int nf_alg_call_fill(struct sk_buff *skb, int type, const void *info, const char *tenant);	/* without flows */
int nf_alg_registration_fill(struct sk_buff *skb, int type, const void *info, const char *tenant);
void nf_alg_nl_call_counts(struct net *net, u32 *calls, u32 *registrations);	/* of all protocols; may sleep */

/* Tunnels: policy/nl_tunnels.c */
extern const struct nla_policy nf_alg_tunnel_get_nla[NF_ALG_A_TUNNEL_QUERY_TENANT + 1];
extern const struct nla_policy nf_alg_tunnel_del_nla[NF_ALG_A_TUNNEL_QUERY_TENANT + 1];

int nf_alg_nl_tunnel_start(struct netlink_callback *cb);
int nf_alg_nl_tunnel_dump(struct sk_buff *skb, struct netlink_callback *cb);
int nf_alg_nl_tunnel_del(struct sk_buff *skb, struct genl_info *info);
int nf_alg_tunnel_fill(struct sk_buff *skb, int type, const void *info, const char *tenant);	/* without IKE and SAs */
u32 nf_alg_nl_tunnel_count(struct net *net);	/* may sleep */

/* Changes of configuration to listeners: policy/event.c */
void nf_alg_event_config(struct nf_alg_policy_net *pn, enum nf_alg_event event, const char *name);

int nf_alg_netlink_init(void);
void nf_alg_netlink_exit(void);

#endif /* NF_ALG_NETLINK_H */
