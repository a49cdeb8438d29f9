// SPDX-License-Identifier: GPL-2.0-only
/* Hooks around conntrack: which zone a packet of ESP is tracked in, and whose child a new flow is. */
#include "esp.h"

void esp_refuse(struct esp_net *en, const struct esp_tunnel *tunnel, enum nf_alg_reason reason)
{
	if (tunnel)
		nf_alg_count(tunnel->account, NF_ALG_PROTOCOL_IKE, reason);
	nf_alg_event_refused(en->net, tunnel ? tunnel->tenant : 0, NF_ALG_PROTOCOL_IKE, reason);
}

int esp_hook_start(struct esp_net *en)
{
	return 0;
}

void esp_hook_stop(struct esp_net *en)
{
}
