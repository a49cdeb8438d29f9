// SPDX-License-Identifier: GPL-2.0-or-later
#include "model.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

const char *const kind_names[LOG_KINDS] = { "service", "policy", "tenant", "template", "role", "object", "box" };
const char *const kind_plurals[LOG_KINDS] = { "services", "policies", "tenants", "templates", "roles", "objects", "boxes" };
const char *const level_names[LEVELS] = { "none", "view", "edit", "delete", "propagate" };

const struct predefined_service predefined_services[] = {
	{ "ftp", NF_ALG_PROTOCOL_FTP, IPPROTO_TCP, 21 }, { "sip-udp", NF_ALG_PROTOCOL_SIP, IPPROTO_UDP, 5060 },
	{ "sip-tcp", NF_ALG_PROTOCOL_SIP, IPPROTO_TCP, 5060 }, { "tftp", NF_ALG_PROTOCOL_TFTP, IPPROTO_UDP, 69 },
	{ "pptp", NF_ALG_PROTOCOL_PPTP, IPPROTO_TCP, 1723 }, { "ike", NF_ALG_PROTOCOL_IKE, IPPROTO_UDP, 500 },
	{ 0 }
};

const char *const protocol_names[PROTOCOLS] = {
	[NF_ALG_PROTOCOL_FTP] = "ftp",
	[NF_ALG_PROTOCOL_SIP] = "sip",
	[NF_ALG_PROTOCOL_TFTP] = "tftp",
	[NF_ALG_PROTOCOL_PPTP] = "pptp",
	[NF_ALG_PROTOCOL_IKE] = "ike",
};

const char *const mode_names[] = {
	[NF_ALG_MODE_OFF] = "off",
	[NF_ALG_MODE_ON] = "on",
	[NF_ALG_MODE_OBSERVE] = "observe",
};

static const char *const state_names[] = {
	[NF_ALG_PINHOLE_STATE_PENDING] = "pending",
	[NF_ALG_PINHOLE_STATE_ACTIVE] = "active",
};

static const char *const call_state_names[] = {
	[NF_ALG_CALL_STATE_SETUP] = "setup",
	[NF_ALG_CALL_STATE_EARLY] = "early",
	[NF_ALG_CALL_STATE_ESTABLISHED] = "established",
	[NF_ALG_CALL_STATE_CLOSING] = "closing",
};

static const char *const direction_names[] = {
	[NF_ALG_DIRECTION_IN] = "in",
	[NF_ALG_DIRECTION_OUT] = "out",
};

static const char *const transport_names[] = {
	[IPPROTO_TCP] = "tcp", [IPPROTO_UDP] = "udp", [IPPROTO_GRE] = "gre", [IPPROTO_ESP] = "esp",
};

const char *const event_names[] = {
	[NF_ALG_EVENT_CONFIG_REPLACED] = "config-replaced",
	[NF_ALG_EVENT_SERVICE_SET] = "service-set",
	[NF_ALG_EVENT_SERVICE_DELETED] = "service-deleted",
	[NF_ALG_EVENT_POLICY_SET] = "policy-set",
	[NF_ALG_EVENT_POLICY_DELETED] = "policy-deleted",
	[NF_ALG_EVENT_TENANT_SET] = "tenant-set",
	[NF_ALG_EVENT_TENANT_DELETED] = "tenant-deleted",
	[NF_ALG_EVENT_PINHOLE_OPENED] = "pinhole-opened",
	[NF_ALG_EVENT_PINHOLE_USED] = "pinhole-used",
	[NF_ALG_EVENT_PINHOLE_EXPIRED] = "pinhole-expired",
	[NF_ALG_EVENT_PINHOLE_CLOSED] = "pinhole-closed",
	[NF_ALG_EVENT_REFUSED] = "refused",
	[NF_ALG_EVENT_CALL_STARTED] = "call-started",
	[NF_ALG_EVENT_CALL_ANSWERED] = "call-answered",
	[NF_ALG_EVENT_CALL_ENDED] = "call-ended",
	[NF_ALG_EVENT_REGISTERED] = "registered",
	[NF_ALG_EVENT_UNREGISTERED] = "unregistered",
	[NF_ALG_EVENT_TUNNEL_STARTED] = "tunnel-started",
	[NF_ALG_EVENT_TUNNEL_ENDED] = "tunnel-ended",
};

const struct reason reasons[REASONS] = {
#define NF_ALG_REASON(symbol, name, sentence) [NF_ALG_REASON_##symbol] = { name, sentence },
#include "../../policy/reasons.def"
#undef NF_ALG_REASON
};

const struct option_def options[OPTIONS] = {
#define NF_ALG_OPTION(symbol, name, protocols, kind, min, max, standard, values, sentence) \
	[NF_ALG_A_OPTION_##symbol] = { name, protocols, OPTION_##kind, min, max, standard, values, sentence },
#include "../../policy/options.def"
#undef NF_ALG_OPTION
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *name_of(const char *const *names, size_t n, uint32_t value)
{
	static char number[16];

	if (value < n && names[value])
		return names[value];
	snprintf(number, sizeof(number), "#%u", value);
	return number;
}

const char *protocol_name(uint32_t protocol)
{
	return name_of(protocol_names, PROTOCOLS, protocol);
}

const char *mode_name(uint32_t mode)
{
	return name_of(mode_names, COUNT(mode_names), mode);
}

const char *event_name(uint32_t event)
{
	return name_of(event_names, COUNT(event_names), event);
}

const char *state_name(uint32_t state)
{
	return name_of(state_names, COUNT(state_names), state);
}

const char *call_state_name(uint32_t state)
{
	return name_of(call_state_names, COUNT(call_state_names), state);
}

const char *direction_name(uint32_t direction)
{
	return name_of(direction_names, COUNT(direction_names), direction);
}

const char *transport_name(uint32_t transport)
{
	return name_of(transport_names, COUNT(transport_names), transport);
}

const char *reason_name(uint32_t reason)
{
	return reason < REASONS ? reasons[reason].name : name_of(NULL, 0, reason);
}

char *counted(size_t n, enum kind kind)
{
	return format_text("%zu %s", n, n == 1 ? kind_names[kind] : kind_plurals[kind]);
}

int index_of(const char *const *names, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (names[i] && !strcmp(names[i], text))
			return (int)i;
	return -1;
}

void option_values(unsigned int attr, struct words *out)
{
	char *list, *state, *value;

	if (attr >= OPTIONS || options[attr].kind == OPTION_NUMBER || !options[attr].values)
		return;
	list = copy(options[attr].values);
	for (value = strtok_r(list, ",", &state); value; value = strtok_r(NULL, ",", &state))
		words_add(out, value);
	free(list);
}

char *option_text(unsigned int attr, uint32_t value)
{
	struct words values = { 0 };
	char *text;

	option_values(attr, &values);
	text = value < values.n ? copy(values.v[value]) : format_text("%u", value);
	words_free(&values);
	return text;
}

bool option_applies(unsigned int attr, uint32_t protocol)
{
	return attr < OPTIONS && protocol < PROTOCOLS && options[attr].name && options[attr].protocols & BIT(protocol);
}
