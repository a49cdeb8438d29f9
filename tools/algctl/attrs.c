// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The family's attributes by name, as policy/nf_alg.yaml has them: to name what the kernel misses, and to print
 * requests.
 */
#include "msg.h"

#include <string.h>

#include "../../policy/uapi/linux/nf_alg.h"

enum attr_type { TYPE_U8 = 1, TYPE_U16, TYPE_U32, TYPE_U64, TYPE_TEXT, TYPE_BYTES, TYPE_FLAG, TYPE_NEST };

struct attr_def {
	const char *name;
	enum attr_type type;
	const struct attr_set *nest;
};

struct attr_set {
	unsigned int max;
	const struct attr_def *attrs;
};

#define SET(name, array) \
	static const struct attr_set name = { sizeof(array) / sizeof((array)[0]) - 1, array }

static const struct attr_def prefix_attrs[] = {
	[NF_ALG_A_PREFIX_ADDRESS] = { "address", TYPE_BYTES, NULL },
	[NF_ALG_A_PREFIX_LENGTH] = { "length", TYPE_U8, NULL },
};

SET(prefix_set, prefix_attrs);

static const struct attr_def service_attrs[] = {
	[NF_ALG_A_SERVICE_NAME] = { "name", TYPE_TEXT, NULL },
	[NF_ALG_A_SERVICE_PROTOCOL] = { "protocol", TYPE_U32, NULL },
	[NF_ALG_A_SERVICE_TRANSPORT] = { "transport", TYPE_U8, NULL },
	[NF_ALG_A_SERVICE_PORT_MIN] = { "port-min", TYPE_U16, NULL },
	[NF_ALG_A_SERVICE_PORT_MAX] = { "port-max", TYPE_U16, NULL },
	[NF_ALG_A_SERVICE_DESTINATION] = { "destination", TYPE_NEST, &prefix_set },
	[NF_ALG_A_SERVICE_EXCEPT] = { "except", TYPE_NEST, &prefix_set },
};

SET(service_set, service_attrs);

static const struct attr_def option_attrs[] = {
#define NF_ALG_OPTION(symbol, name, protocols, kind, min, max, standard, values, sentence) \
	[NF_ALG_A_OPTION_##symbol] = { name, TYPE_U32, NULL },
#include "../../policy/options.def"
#undef NF_ALG_OPTION
};

SET(option_set, option_attrs);

static const struct attr_def rule_attrs[] = {
	[NF_ALG_A_RULE_PROTOCOL] = { "protocol", TYPE_U32, NULL },
	[NF_ALG_A_RULE_MODE] = { "mode", TYPE_U32, NULL },
	[NF_ALG_A_RULE_SERVICE] = { "service", TYPE_TEXT, NULL },
	[NF_ALG_A_RULE_OPTION] = { "option", TYPE_NEST, &option_set },
};

SET(rule_set, rule_attrs);

static const struct attr_def policy_attrs[] = {
	[NF_ALG_A_POLICY_NAME] = { "name", TYPE_TEXT, NULL },
	[NF_ALG_A_POLICY_VERSION] = { "version", TYPE_U32, NULL },
	[NF_ALG_A_POLICY_RULE] = { "rule", TYPE_NEST, &rule_set },
};

SET(policy_set, policy_attrs);

static const struct attr_def selector_attrs[] = {
	[NF_ALG_A_SELECTOR_ZONE] = { "zone", TYPE_U16, NULL },
	[NF_ALG_A_SELECTOR_INTERFACE] = { "interface", TYPE_TEXT, NULL },
	[NF_ALG_A_SELECTOR_MARK] = { "mark", TYPE_U32, NULL },
	[NF_ALG_A_SELECTOR_MASK] = { "mask", TYPE_U32, NULL },
};

SET(selector_set, selector_attrs);

static const struct attr_def tenant_attrs[] = {
	[NF_ALG_A_TENANT_NAME] = { "name", TYPE_TEXT, NULL },
	[NF_ALG_A_TENANT_POLICY] = { "policy", TYPE_TEXT, NULL },
	[NF_ALG_A_TENANT_SELECTOR] = { "selector", TYPE_NEST, &selector_set },
	[NF_ALG_A_TENANT_NO_SELECTORS] = { "no-selectors", TYPE_FLAG, NULL },
	[NF_ALG_A_TENANT_MAX_SESSIONS] = { "max-sessions", TYPE_U32, NULL },
	[NF_ALG_A_TENANT_MAX_PINHOLES] = { "max-pinholes", TYPE_U32, NULL },
	[NF_ALG_A_TENANT_PINHOLE_RATE] = { "pinhole-rate", TYPE_U32, NULL },
	[NF_ALG_A_TENANT_PORT_MIN] = { "port-min", TYPE_U16, NULL },
	[NF_ALG_A_TENANT_PORT_MAX] = { "port-max", TYPE_U16, NULL },
	[NF_ALG_A_TENANT_BLOCK_SIZE] = { "block-size", TYPE_U16, NULL },
};

SET(tenant_set, tenant_attrs);

static const struct attr_def stats_attrs[] = {
	[NF_ALG_A_STATS_TENANT] = { "tenant", TYPE_TEXT, NULL },
	[NF_ALG_A_STATS_PROTOCOL] = { "protocol", TYPE_U32, NULL },
};

SET(stats_set, stats_attrs);

static const struct attr_def query_attrs[] = {
	[NF_ALG_A_PINHOLE_QUERY_ID] = { "id", TYPE_U64, NULL },
	[NF_ALG_A_PINHOLE_QUERY_TENANT] = { "tenant", TYPE_TEXT, NULL },
	[NF_ALG_A_PINHOLE_QUERY_PROTOCOL] = { "protocol", TYPE_U32, NULL },
};

SET(query_set, query_attrs);

static const struct attr_def call_query_attrs[] = {
	[NF_ALG_A_CALL_QUERY_ID] = { "id", TYPE_U32, NULL },
	[NF_ALG_A_CALL_QUERY_TENANT] = { "tenant", TYPE_TEXT, NULL },
	[NF_ALG_A_CALL_QUERY_PROTOCOL] = { "protocol", TYPE_U32, NULL },
};

SET(call_query_set, call_query_attrs);

static const struct attr_def tunnel_query_attrs[] = {
	[NF_ALG_A_TUNNEL_QUERY_ID] = { "id", TYPE_U32, NULL },
	[NF_ALG_A_TUNNEL_QUERY_TENANT] = { "tenant", TYPE_TEXT, NULL },
};

SET(tunnel_query_set, tunnel_query_attrs);

static const struct attr_def config_attrs[] = {
	[NF_ALG_A_CONFIG_GENERATION] = { "generation", TYPE_U32, NULL },
};

SET(config_set, config_attrs);

static const struct {
	const char *name;
	const struct attr_set *set;
} commands[] = {
	[NF_ALG_CMD_STATUS_GET] = { "status-get", NULL },
	[NF_ALG_CMD_SERVICE_SET] = { "service-set", &service_set },
	[NF_ALG_CMD_SERVICE_DEL] = { "service-del", &service_set },
	[NF_ALG_CMD_SERVICE_GET] = { "service-get", &service_set },
	[NF_ALG_CMD_POLICY_SET] = { "policy-set", &policy_set },
	[NF_ALG_CMD_POLICY_DEL] = { "policy-del", &policy_set },
	[NF_ALG_CMD_POLICY_GET] = { "policy-get", &policy_set },
	[NF_ALG_CMD_TENANT_SET] = { "tenant-set", &tenant_set },
	[NF_ALG_CMD_TENANT_DEL] = { "tenant-del", &tenant_set },
	[NF_ALG_CMD_TENANT_GET] = { "tenant-get", &tenant_set },
	[NF_ALG_CMD_STATS_GET] = { "stats-get", &stats_set },
	[NF_ALG_CMD_STATS_RESET] = { "stats-reset", &stats_set },
	[NF_ALG_CMD_PINHOLE_GET] = { "pinhole-get", &query_set },
	[NF_ALG_CMD_PINHOLE_DEL] = { "pinhole-del", &query_set },
	[NF_ALG_CMD_CONFIG_BEGIN] = { "config-begin", &config_set },
	[NF_ALG_CMD_CONFIG_COMMIT] = { "config-commit", &config_set },
	[NF_ALG_CMD_CONFIG_ABORT] = { "config-abort", NULL },
	[NF_ALG_CMD_CALL_GET] = { "call-get", &call_query_set },
	[NF_ALG_CMD_CALL_DEL] = { "call-del", &call_query_set },
	[NF_ALG_CMD_REGISTRATION_GET] = { "registration-get", &call_query_set },
	[NF_ALG_CMD_REGISTRATION_DEL] = { "registration-del", &call_query_set },
	[NF_ALG_CMD_TUNNEL_GET] = { "tunnel-get", &tunnel_query_set },
	[NF_ALG_CMD_TUNNEL_DEL] = { "tunnel-del", &tunnel_query_set },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

const char *command_name(uint8_t command)
{
	return command < COMMANDS && commands[command].name ? commands[command].name : "unknown";
}

static const struct attr_def *attr_find(const struct attr_set *set, unsigned int attr)
{
	return set && attr <= set->max && set->attrs[attr].name ? &set->attrs[attr] : NULL;
}

const char *attr_name(uint8_t command, unsigned int attr)
{
	const struct attr_def *d = command < COMMANDS ? attr_find(commands[command].set, attr) : NULL;

	return d ? d->name : NULL;
}

static void print_bytes(FILE *out, const struct nlattr *a)
{
	const uint8_t *bytes = mnl_attr_get_payload(a);

	for (size_t i = 0; i < mnl_attr_get_payload_len(a); i++)
		fprintf(out, "%02x", bytes[i]);
}

static void print_value(FILE *out, const struct attr_def *d, const struct nlattr *a)
{
	char text[256];

	switch (d->type) {
	case TYPE_U8:
		fprintf(out, "=%u", attr_u8(a));
		return;
	case TYPE_U16:
		fprintf(out, "=%u", attr_u16(a));
		return;
	case TYPE_U32:
		fprintf(out, "=%u", attr_u32(a));
		return;
	case TYPE_U64:
		fprintf(out, "=%llu", (unsigned long long)attr_u64(a));
		return;
	case TYPE_TEXT:
		attr_text(a, text, sizeof(text));
		fprintf(out, "=%s", text);
		return;
	case TYPE_BYTES:
		fputc('=', out);
		print_bytes(out, a);
		return;
	case TYPE_FLAG:
	case TYPE_NEST:
		return;
	}
}

/* The family nests at most policy, rule, option: a stack of its ends instead of recursion. */
static void print_attrs(FILE *out, const struct attr_set *top, const char *at, const char *end)
{
	enum { DEPTH = 4 };
	struct { const struct attr_set *set; const char *end; } stack[DEPTH] = { { top, end } };
	int depth = 0;

	for (;;) {
		const struct nlattr *a = (const struct nlattr *)(const void *)at;
		const struct attr_def *d;

		while (at >= stack[depth].end || !mnl_attr_ok(a, (int)(stack[depth].end - at))) {
			if (!depth)
				return;
			at = stack[depth--].end;
			a = (const struct nlattr *)(const void *)at;
			fputs(" }", out);
		}
		d = attr_find(stack[depth].set, mnl_attr_get_type(a));
		if (!d) {
			fprintf(out, " #%u", mnl_attr_get_type(a));
		} else {
			fprintf(out, " %s", d->name);
			print_value(out, d, a);
			if (d->type == TYPE_NEST && depth + 1 < DEPTH) {
				fputs(" {", out);
				depth++;
				stack[depth].set = d->nest;
				stack[depth].end = at + MNL_ALIGN(mnl_attr_get_len(a));
				at += MNL_ATTR_HDRLEN;
				continue;
			}
		}
		at += MNL_ALIGN(mnl_attr_get_len(a));
	}
}

void msg_print(FILE *out, const struct nlmsghdr *nlh)
{
	static const struct { uint16_t bits; const char *name; } flags[] = {
		{ NLM_F_CREATE, "create" }, { NLM_F_EXCL, "excl" }, { NLM_F_REPLACE, "replace" },
	};
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const char *attrs = msg_attrs(nlh);

	fputs(command_name(genl->cmd), out);
	if ((nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		fputs(" dump", out);
	else
		for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			if (nlh->nlmsg_flags & flags[i].bits)
				fprintf(out, " %s", flags[i].name);
	if (genl->cmd < COMMANDS)
		print_attrs(out, commands[genl->cmd].set, attrs, attrs + msg_attrs_size(nlh));
	fputc('\n', out);
}
