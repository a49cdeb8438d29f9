/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameters of commands that select by tenant, protocol or id (struct query). */
#ifndef ALGCTL_QUERY_H
#define ALGCTL_QUERY_H

#include "grammar.h"
#include "value.h"

bool set_query_tenant(struct setter *s, const struct param *p, const char *text);
bool set_query_protocol(struct setter *s, const struct param *p, const char *text);

#define QUERY_TENANT_PARAM(text, ...) \
	{ .name = "tenant", .metavar = "TENANT", .help = text, .kind = PARAM_VALUE, .set = set_query_tenant, \
	  .list = list_tenants, __VA_ARGS__ }
#define QUERY_PROTOCOL_PARAM(text) \
	{ .name = "protocol", .metavar = "PROTOCOL", .help = text, .kind = PARAM_VALUE, .set = set_query_protocol, \
	  .list = list_protocols }

extern const struct param query_params[];	/* of a tenant, of a protocol only */

#endif /* ALGCTL_QUERY_H */
