// SPDX-License-Identifier: GPL-2.0-only
/* Services: which ALG, on which ports, towards which destinations. */

#include "netlink.h"

#include <linux/in.h>

#include "rules.h"

static const struct nla_policy prefix_nla[NF_ALG_A_PREFIX_MAX + 1] = {
	[NF_ALG_A_PREFIX_ADDRESS]	= { .type = NLA_BINARY, .len = 16 },
	[NF_ALG_A_PREFIX_LENGTH]	= NLA_POLICY_MAX(NLA_U8, 128),
};

const struct nla_policy nf_alg_service_nla[NF_ALG_A_SERVICE_MAX + 1] = {
	[NF_ALG_A_SERVICE_NAME]		= { .type = NLA_NUL_STRING, .len = NF_ALG_NAME_MAX },
	[NF_ALG_A_SERVICE_PROTOCOL]	= NLA_POLICY_MAX(NLA_U32, NF_ALG_PROTOCOL_IKE),
	[NF_ALG_A_SERVICE_TRANSPORT]	= { .type = NLA_U8 },
	[NF_ALG_A_SERVICE_PORT_MIN]	= NLA_POLICY_MIN(NLA_U16, 1),
	[NF_ALG_A_SERVICE_PORT_MAX]	= NLA_POLICY_MIN(NLA_U16, 1),
	[NF_ALG_A_SERVICE_DESTINATION]	= NLA_POLICY_NESTED(prefix_nla),
	[NF_ALG_A_SERVICE_EXCEPT]	= NLA_POLICY_NESTED(prefix_nla),
};

const char *const nf_alg_protocol_name[NF_ALG_PROTOCOLS] = {
	[NF_ALG_PROTOCOL_FTP]	= "ftp",
	[NF_ALG_PROTOCOL_SIP]	= "sip",
	[NF_ALG_PROTOCOL_TFTP]	= "tftp",
	[NF_ALG_PROTOCOL_PPTP]	= "pptp",
	[NF_ALG_PROTOCOL_IKE]	= "ike",
};

/* What each protocol runs over, 0 for nothing more. */
static const u8 transports[NF_ALG_PROTOCOLS][2] = {
	[NF_ALG_PROTOCOL_FTP]	= { IPPROTO_TCP },
	[NF_ALG_PROTOCOL_SIP]	= { IPPROTO_UDP, IPPROTO_TCP },
	[NF_ALG_PROTOCOL_TFTP]	= { IPPROTO_UDP },
	[NF_ALG_PROTOCOL_PPTP]	= { IPPROTO_TCP },
	[NF_ALG_PROTOCOL_IKE]	= { IPPROTO_UDP },
};

static const struct {
	const char *name;
	u8 protocol;
	u8 transport;
	u16 port;
} predefined[] = {
	{ "ftp",	NF_ALG_PROTOCOL_FTP,	IPPROTO_TCP,	21 },
	{ "sip-udp",	NF_ALG_PROTOCOL_SIP,	IPPROTO_UDP,	5060 },
	{ "sip-tcp",	NF_ALG_PROTOCOL_SIP,	IPPROTO_TCP,	5060 },
	{ "tftp",	NF_ALG_PROTOCOL_TFTP,	IPPROTO_UDP,	69 },
	{ "pptp",	NF_ALG_PROTOCOL_PPTP,	IPPROTO_TCP,	1723 },
	{ "ike",	NF_ALG_PROTOCOL_IKE,	IPPROTO_UDP,	500 },
};

static struct nf_alg_service *to_service(struct nf_alg_object *object)
{
	return object ? container_of(object, struct nf_alg_service, object) : NULL;
}

/* ---- objects ---- */

static struct nf_alg_service *service_new(const char *name, struct nf_alg_service_def *def)
{
	size_t len = strlen(name) + 1;
	struct nf_alg_service *service = kzalloc(struct_size(service, name, len), GFP_KERNEL_ACCOUNT);

	if (!service)
		return NULL;
	memcpy(service->name, name, len);
	service->object.name = service->name;
	RCU_INIT_POINTER(service->def, def);
	return service;
}

/* The service is in no table any more and nobody looks at it. */
void nf_alg_service_release(struct nf_alg_object *object)
{
	struct nf_alg_service *service = to_service(object);

	kfree(nf_alg_deref(service->def));
	kfree(service);
}

static int service_insert(struct nf_alg_conf *conf, const char *name, struct nf_alg_service_def *def, bool fixed)
{
	struct nf_alg_service *service = service_new(name, def);
	int err;

	if (!service)
		return -ENOMEM;
	service->predefined = fixed;
	err = nf_alg_table_insert(&conf->services, &service->object);
	if (err)
		kfree(service);
	return err;
}

/* Services that every configuration has. Return: 0 or -ENOMEM. */
int nf_alg_service_predefine(struct nf_alg_conf *conf)
{
	struct nf_alg_service_def *def;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(predefined); i++) {
		def = kzalloc(sizeof(*def), GFP_KERNEL_ACCOUNT);
		if (!def)
			return -ENOMEM;
		def->protocol = predefined[i].protocol;
		def->transport = predefined[i].transport;
		def->port_min = predefined[i].port;
		def->port_max = predefined[i].port;
		if (service_insert(conf, predefined[i].name, def, true)) {
			kfree(def);
			return -ENOMEM;
		}
	}
	return 0;
}

/* ---- packets ---- */

static bool prefix_has(const struct nf_alg_prefix *prefix, u8 family, const union nf_inet_addr *addr)
{
	unsigned int bytes = prefix->length / 8, bits = prefix->length % 8;
	const u8 *a = (const u8 *)addr, *p = (const u8 *)&prefix->addr;

	if (prefix->family != family || memcmp(a, p, bytes))
		return false;
	return !bits || !((a[bytes] ^ p[bytes]) & (0xff << (8 - bits)));
}

static bool prefixes_have(const struct nf_alg_prefix *prefix, unsigned int n, u8 family, const union nf_inet_addr *addr)
{
	for (; n; n--, prefix++)
		if (prefix_has(prefix, family, addr))
			return true;
	return false;
}

/* Does the service serve connections to this destination? */
bool nf_alg_service_matches(const struct nf_alg_service_def *def, u8 transport, u16 port, u8 family,
			    const union nf_inet_addr *addr)
{
	if (def->transport != transport || port < def->port_min || port > def->port_max)
		return false;
	if (def->n_destination && !prefixes_have(def->prefix, def->n_destination, family, addr))
		return false;
	return !prefixes_have(def->prefix + def->n_destination, def->n_except, family, addr);
}

/* ---- requests ---- */

static int prefix_bits_check(const struct nf_alg_prefix *prefix, unsigned int size)
{
	const u8 *addr = (const u8 *)&prefix->addr;
	unsigned int i = prefix->length / 8;

	if (prefix->length % 8 && addr[i++] & (0xff >> (prefix->length % 8)))
		return -EINVAL;
	for (; i < size; i++)
		if (addr[i])
			return -EINVAL;
	return 0;
}

static int prefix_parse(struct nf_alg_prefix *prefix, const struct nlattr *nla, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[NF_ALG_A_PREFIX_MAX + 1], *addr;
	int err = nla_parse_nested(tb, NF_ALG_A_PREFIX_MAX, nla, prefix_nla, extack);

	if (err)
		return err;
	addr = tb[NF_ALG_A_PREFIX_ADDRESS];
	if (!addr)
		return nf_alg_refuse_missing(extack, nla, NF_ALG_A_PREFIX_ADDRESS, "a prefix needs an address");
	if (nla_len(addr) != 4 && nla_len(addr) != 16)
		return nf_alg_refuse(extack, addr, -EINVAL, "an address has 4 or 16 bytes");
	memset(prefix, 0, sizeof(*prefix));
	memcpy(&prefix->addr, nla_data(addr), nla_len(addr));
	prefix->family = nla_len(addr) == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	prefix->length = nla_len(addr) * 8;
	if (tb[NF_ALG_A_PREFIX_LENGTH]) {
		if (nla_get_u8(tb[NF_ALG_A_PREFIX_LENGTH]) > prefix->length)
			return nf_alg_refuse(extack, tb[NF_ALG_A_PREFIX_LENGTH], -EINVAL,
					     "prefix is longer than the address");
		prefix->length = nla_get_u8(tb[NF_ALG_A_PREFIX_LENGTH]);
	}
	if (prefix_bits_check(prefix, nla_len(addr)))
		return nf_alg_refuse(extack, addr, -EINVAL, "address has bits behind the prefix");
	return 0;
}

/* Number of attributes of @type in the request; refused when too many for one service. */
static int prefixes_count(struct nf_alg_edit *edit, int type)
{
	const struct nlattr *nla;
	int rem, n = 0;

	nf_alg_for_each_attr(nla, edit, type, rem) {
		if (++n > NF_ALG_PREFIXES_MAX)
			return nf_alg_refuse_fmt(edit->extack, nla, -E2BIG, "a service has at most %u of these",
						 NF_ALG_PREFIXES_MAX);
	}
	return n;
}

static int prefixes_parse(struct nf_alg_edit *edit, int type, struct nf_alg_prefix *prefix)
{
	const struct nlattr *nla;
	int rem, err;

	nf_alg_for_each_attr(nla, edit, type, rem) {
		err = prefix_parse(prefix++, nla, edit->extack);
		if (err)
			return err;
	}
	return 0;
}

/* A definition with room for the prefixes that it will have: those of the request, or else those of @base. */
static struct nf_alg_service_def *def_new_prefixes(struct nf_alg_edit *edit, const struct nf_alg_service_def *base)
{
	int n_destination = prefixes_count(edit, NF_ALG_A_SERVICE_DESTINATION);
	int n_except = prefixes_count(edit, NF_ALG_A_SERVICE_EXCEPT);
	bool keep_destination = base && !n_destination, keep_except = base && !n_except;
	struct nf_alg_service_def *def;
	int err;

	if (n_destination < 0 || n_except < 0)
		return ERR_PTR(-E2BIG);
	if (keep_destination)
		n_destination = base->n_destination;
	if (keep_except)
		n_except = base->n_except;
	def = kzalloc(struct_size(def, prefix, n_destination + n_except), GFP_KERNEL_ACCOUNT);
	if (!def)
		return ERR_PTR(nf_alg_no_memory(edit->extack));
	def->n_destination = n_destination;
	def->n_except = n_except;
	if (keep_destination)
		memcpy(def->prefix, base->prefix, n_destination * sizeof(*def->prefix));
	if (keep_except)
		memcpy(def->prefix + n_destination, base->prefix + base->n_destination,
		       n_except * sizeof(*def->prefix));
	err = prefixes_parse(edit, NF_ALG_A_SERVICE_DESTINATION, def->prefix);
	if (!err)
		err = prefixes_parse(edit, NF_ALG_A_SERVICE_EXCEPT, def->prefix + n_destination);
	if (err) {
		kfree(def);
		return ERR_PTR(err);
	}
	return def;
}

static int def_parse_transport(struct nf_alg_edit *edit, struct nf_alg_service_def *def,
			       const struct nf_alg_service_def *base)
{
	struct nlattr **attrs = edit->info->attrs, *protocol = attrs[NF_ALG_A_SERVICE_PROTOCOL];
	struct nlattr *transport = attrs[NF_ALG_A_SERVICE_TRANSPORT];
	const u8 *allowed;

	if (!protocol && !base)
		return nf_alg_refuse_missing(edit->extack, NULL, NF_ALG_A_SERVICE_PROTOCOL,
					     "a service needs a protocol");
	def->protocol = protocol ? nla_get_u32(protocol) : base->protocol;
	allowed = transports[def->protocol];
	if (transport)
		def->transport = nla_get_u8(transport);
	else if (base)
		def->transport = base->transport;
	else if (!allowed[1])
		def->transport = allowed[0];
	else
		return nf_alg_refuse_missing(edit->extack, NULL, NF_ALG_A_SERVICE_TRANSPORT,
					     "the protocol runs over TCP and UDP: say which");
	if (def->transport && (def->transport == allowed[0] || def->transport == allowed[1]))
		return 0;
	return nf_alg_refuse_fmt(edit->extack, transport ?: protocol, -EINVAL, "%s does not run over IP protocol %u",
				 nf_alg_protocol_name[def->protocol], def->transport);
}

static int def_parse_ports(struct nf_alg_edit *edit, struct nf_alg_service_def *def,
			   const struct nf_alg_service_def *base)
{
	struct nlattr *min = edit->info->attrs[NF_ALG_A_SERVICE_PORT_MIN];
	struct nlattr *max = edit->info->attrs[NF_ALG_A_SERVICE_PORT_MAX];

	if (!min && !base)
		return nf_alg_refuse_missing(edit->extack, NULL, NF_ALG_A_SERVICE_PORT_MIN, "a service needs a port");
	def->port_min = min ? nla_get_u16(min) : base->port_min;
	if (max)
		def->port_max = nla_get_u16(max);
	else
		def->port_max = min ? def->port_min : base->port_max;
	if (def->port_max < def->port_min)
		return nf_alg_refuse(edit->extack, max, -EINVAL, "port-max is below port-min");
	return 0;
}

/* The definition that results from the request and, unless it replaces, from the present one. */
static struct nf_alg_service_def *def_new(struct nf_alg_edit *edit, struct nf_alg_service *service)
{
	const struct nf_alg_service_def *base = NULL;
	struct nf_alg_service_def *def;
	int err;

	if (service && !nf_alg_edit_replaces(edit))
		base = nf_alg_deref(service->def);
	def = def_new_prefixes(edit, base);
	if (IS_ERR(def))
		return def;
	err = def_parse_transport(edit, def, base);
	if (!err)
		err = def_parse_ports(edit, def, base);
	if (err) {
		kfree(def);
		return ERR_PTR(err);
	}
	return def;
}

/* May the policies that refer to @service have it with @def? */
static int def_check_users(struct nf_alg_edit *edit, struct nf_alg_service *service,
			   const struct nf_alg_service_def *def)
{
	struct nlattr **attrs = edit->info->attrs, *ports;
	const struct nf_alg_service *other;

	if (!service->users)
		return 0;
	if (def->protocol != nf_alg_deref(service->def)->protocol)
		return nf_alg_refuse_fmt(edit->extack, attrs[NF_ALG_A_SERVICE_PROTOCOL], -EBUSY, "policy %s uses it",
					 nf_alg_policy_user(edit->conf, service)->name);
	other = nf_alg_policy_overlap(edit->conf, service, def);
	if (!other)
		return 0;
	ports = attrs[NF_ALG_A_SERVICE_PORT_MIN] ?: attrs[NF_ALG_A_SERVICE_PORT_MAX];
	return nf_alg_refuse_fmt(edit->extack, ports ?: attrs[NF_ALG_A_SERVICE_TRANSPORT], -EINVAL, "ports overlap %s",
				 other->name);
}

static int service_change(struct nf_alg_edit *edit, struct nf_alg_service *service, struct nf_alg_service_def *def)
{
	struct nf_alg_service_def *old = nf_alg_deref(service->def);
	int err = def_check_users(edit, service, def);

	if (err)
		return err;
	rcu_assign_pointer(service->def, def);
	kfree_rcu(old, rcu);
	edit->conf->ports_stale = true;
	return 0;
}

int nf_alg_service_set(struct nf_alg_edit *edit)
{
	struct nf_alg_service_def *def;
	struct nf_alg_object *found;
	struct nf_alg_service *service;
	int err = nf_alg_edit_begin(edit, &edit->conf->services, &found);

	if (err)
		return err;
	service = to_service(found);
	if (service && service->predefined)
		return nf_alg_refuse(edit->extack, edit->info->attrs[NF_ALG_A_SERVICE_NAME], -EPERM,
				     "predefined services can't be changed");
	def = def_new(edit, service);
	if (IS_ERR(def))
		return PTR_ERR(def);
	if (service)
		err = service_change(edit, service, def);
	else if (service_insert(edit->conf, edit->name, def, false))
		err = nf_alg_no_memory(edit->extack);
	if (err)
		kfree(def);
	return err;
}

int nf_alg_service_del(struct nf_alg_edit *edit)
{
	struct nlattr *name = edit->info->attrs[NF_ALG_A_SERVICE_NAME];
	struct nf_alg_service *service;
	struct nf_alg_object *found;
	int err = nf_alg_edit_find(edit, &edit->conf->services, &found);

	if (err)
		return err;
	service = to_service(found);
	if (service->predefined)
		return nf_alg_refuse(edit->extack, name, -EPERM, "predefined services can't be deleted");
	if (service->users)
		return nf_alg_refuse_fmt(edit->extack, name, -EBUSY, "policy %s uses it",
					 nf_alg_policy_user(edit->conf, service)->name);
	nf_alg_table_remove(&edit->conf->services, found);
	kfree_rcu(nf_alg_deref(service->def), rcu);
	kfree_rcu(service, rcu);
	return 0;
}

/* ---- answers ---- */

static int prefix_fill(struct sk_buff *skb, int type, const struct nf_alg_prefix *prefix)
{
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest ||
	    nla_put(skb, NF_ALG_A_PREFIX_ADDRESS, prefix->family == NFPROTO_IPV4 ? 4 : 16, &prefix->addr) ||
	    nla_put_u8(skb, NF_ALG_A_PREFIX_LENGTH, prefix->length))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int nf_alg_service_fill(struct sk_buff *skb, const struct nf_alg_object *object)
{
	const struct nf_alg_service *service = container_of(object, struct nf_alg_service, object);
	const struct nf_alg_service_def *def = nf_alg_deref(service->def);
	unsigned int i;

	if (nla_put_string(skb, NF_ALG_A_SERVICE_NAME, service->name) ||
	    nla_put_u32(skb, NF_ALG_A_SERVICE_PROTOCOL, def->protocol) ||
	    nla_put_u8(skb, NF_ALG_A_SERVICE_TRANSPORT, def->transport) ||
	    nla_put_u16(skb, NF_ALG_A_SERVICE_PORT_MIN, def->port_min) ||
	    nla_put_u16(skb, NF_ALG_A_SERVICE_PORT_MAX, def->port_max) ||
	    nla_put_u8(skb, NF_ALG_A_SERVICE_PREDEFINED, service->predefined) ||
	    nla_put_u32(skb, NF_ALG_A_SERVICE_USERS, service->users))
		return -EMSGSIZE;
	for (i = 0; i < def->n_destination + def->n_except; i++)
		if (prefix_fill(skb, i < def->n_destination ? NF_ALG_A_SERVICE_DESTINATION : NF_ALG_A_SERVICE_EXCEPT,
				&def->prefix[i]))
			return -EMSGSIZE;
	return 0;
}
