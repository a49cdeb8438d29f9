/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameters of commands that select by tenant, protocol or id (struct query). */
#ifndef ALGCTL_QUERY_H
#define ALGCTL_QUERY_H

#include "grammar.h"

bool set_query_tenant(struct setter *s, const struct param *p, const char *text);
bool set_query_protocol(struct setter *s, const struct param *p, const char *text);
bool set_query_id(struct setter *s, const struct param *p, const char *text);

#endif /* ALGCTL_QUERY_H */
