// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An object that went through the store has lost where its values were said; the kernel's complaint about one of them is to
 * be shown with the words, or the line of the file, that caused it.
 */
#include <string.h>

#include "model.h"

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "@");

	return n == strcspn(b, "@") && !strncmp(a, b, n);
}

static void take_rule(struct rule *to, const struct rule *from)
{
	struct where *at = NULL;

	to->at = from->at;
	to->mode_at = from->mode_at;
	memcpy(to->option_at, from->option_at, sizeof(to->option_at));
	if (!from->services_at || to->services_at || !to->services.n)
		return;
	at = zalloc(to->services.n * sizeof(*at));
	for (size_t i = 0; i < to->services.n; i++)
		for (size_t k = 0; k < from->services.n; k++)
			if (same_name(to->services.v[i], from->services.v[k]))
				at[i] = from->services_at[k];
	to->services_at = at;
	to->services_at_room = to->services.n;
}

static bool same_selector(const struct selector *a, const struct selector *b)
{
	return a->type == b->type && a->zone == b->zone && a->mark == b->mark && a->mask == b->mask &&
	       !strncmp(a->interface, b->interface, sizeof(a->interface));
}

static void take_tenant(struct tenant *to, const struct tenant *from)
{
	memcpy(to->at, from->at, sizeof(to->at));
	to->template_at = from->template_at;
	if (!*from->policy)
		to->at[NF_ALG_A_TENANT_POLICY] = from->template_at;
	for (size_t i = 0; i < to->nselectors; i++)
		for (size_t k = 0; k < from->nselectors; k++)
			if (same_selector(&to->selectors[i], &from->selectors[k]))
				to->selectors[i].at = from->selectors[k].at;
}

static void take_prefixes(struct prefixes *to, const struct prefixes *from)
{
	for (size_t i = 0; i < to->n; i++)
		for (size_t k = 0; k < from->n; k++)
			if (to->v[i].size == from->v[k].size && to->v[i].length == from->v[k].length &&
			    !memcmp(to->v[i].address, from->v[k].address, to->v[i].size))
				to->v[i].at = from->v[k].at;
}

void object_take_places(struct object *to, const struct object *from)
{
	const struct policy *policy = (const struct policy *)from;
	const struct service *service = (const struct service *)from;

	to->at = from->at;
	if (to->kind == KIND_TENANT)
		take_tenant(to_tenant(to), (const struct tenant *)from);
	for (int i = 0; to->kind == KIND_POLICY && i < PROTOCOLS; i++)
		if (policy->rule[i] && to_policy(to)->rule[i])
			take_rule(to_policy(to)->rule[i], policy->rule[i]);
	if (to->kind == KIND_SERVICE) {
		to_service(to)->protocol_at = service->protocol_at;
		to_service(to)->ports_at = service->ports_at;
		take_prefixes(&to_service(to)->to, &service->to);
		take_prefixes(&to_service(to)->except, &service->except);
	}
}
