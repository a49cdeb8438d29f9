// SPDX-License-Identifier: GPL-2.0-or-later
/* A change, laid over what it changes. */
#include <stdlib.h>
#include <string.h>

#include "model.h"

static void take_prefixes(struct prefixes *to, struct prefixes *from)
{
	free(to->v);
	*to = *from;
	*from = (struct prefixes){ 0 };
}

static void merge_service(struct service *to, struct service *from)
{
	uint32_t have = from->o.have;

	if (have & BIT(NF_ALG_A_SERVICE_PROTOCOL))
		to->protocol = from->protocol;
	if (have & BIT(NF_ALG_A_SERVICE_PORT_MIN)) {
		to->transport = from->transport;
		to->port_min = from->port_min;
		to->port_max = from->port_max;
	}
	if (have & BIT(NF_ALG_A_SERVICE_DESTINATION))
		take_prefixes(&to->to, &from->to);
	if (have & BIT(NF_ALG_A_SERVICE_EXCEPT))
		take_prefixes(&to->except, &from->except);
}

static void merge_rule(struct rule *to, struct rule *from)
{
	if (from->have & BIT(NF_ALG_A_RULE_MODE))
		to->mode = from->mode;
	if (from->services.n) {
		words_free(&to->services);
		to->services = from->services;
		from->services = (struct words){ 0 };
		free(to->services_at);
		to->services_at = from->services_at;
		to->services_at_room = from->services_at_room;
		from->services_at = NULL;
	}
	for (int i = 0; i < OPTIONS; i++)
		if (from->have_option & BIT(i))
			to->option[i] = from->option[i];
	to->have |= from->have;
	to->have_option |= from->have_option;
}

static void merge_policy(struct policy *to, struct policy *from)
{
	for (uint32_t i = 0; i < PROTOCOLS; i++)
		if (from->rule[i])
			merge_rule(policy_rule(to, i), from->rule[i]);
	if (from->o.have & BIT(NF_ALG_A_POLICY_VERSION))
		to->version = from->version;
}

static void clear_numbers(struct tenant *t)
{
	for (int i = NF_ALG_A_TENANT_MAX_SESSIONS; i <= NF_ALG_A_TENANT_BLOCK_SIZE; i++) {
		t->number[i] = 0;
		t->o.have &= ~BIT(i);
	}
}

/* A policy takes the place of a template, and a template that of the policy and of all numbers. */
static void merge_source(struct tenant *to, struct tenant *from)
{
	if (*from->policy) {
		memcpy(to->policy, from->policy, sizeof(to->policy));
		to->at[NF_ALG_A_TENANT_POLICY] = from->at[NF_ALG_A_TENANT_POLICY];
		*to->template = '\0';
	}
	if (from->o.have_meta & META_TEMPLATE && *from->template) {
		memcpy(to->template, from->template, sizeof(to->template));
		to->template_at = from->template_at;
		*to->policy = '\0';
		to->o.have &= ~BIT(NF_ALG_A_TENANT_POLICY);
		clear_numbers(to);
	}
}

static void merge_tenant(struct tenant *to, struct tenant *from)
{
	merge_source(to, from);
	if (from->nselectors || from->o.have & BIT(NF_ALG_A_TENANT_NO_SELECTORS)) {
		free(to->selectors);
		to->selectors = from->selectors;
		to->nselectors = from->nselectors;
		to->selectors_room = from->selectors_room;
		from->selectors = NULL;
		from->nselectors = 0;
	}
	if (from->o.have_meta & META_BOXES) {
		words_free(&to->boxes);
		to->boxes = from->boxes;
		from->boxes = (struct words){ 0 };
	}
	for (int i = NF_ALG_A_TENANT_MAX_SESSIONS; i <= NF_ALG_A_TENANT_BLOCK_SIZE; i++) {
		if (!(from->o.have & BIT(i)))
			continue;
		to->number[i] = from->number[i];
		to->at[i] = from->at[i];
	}
}

static void merge_role(struct role *to, struct role *from)
{
	if (from->o.have & BIT(STORE_KINDS)) {
		words_free(&to->members);
		to->members = from->members;
		from->members = (struct words){ 0 };
	}
	for (int i = 0; i < STORE_KINDS; i++)
		if (from->o.have & BIT(i))
			to->level[i] = from->level[i];
}

static void merge_meta(struct object *to, struct object *from)
{
	if (from->have_meta & META_DESCRIPTION) {
		free(to->description);
		to->description = from->description;
		from->description = NULL;
	}
	if (from->have_meta & META_TAGS) {
		words_free(&to->tags);
		to->tags = from->tags;
		from->tags = (struct words){ 0 };
	}
	if (from->have_meta & META_REUSABLE)
		to->reusable = from->reusable;
	to->have_meta |= from->have_meta;
}

void object_merge(struct object *to, struct object *from)
{
	switch (to->kind) {
	case KIND_SERVICE:
		merge_service(to_service(to), to_service(from));
		break;
	case KIND_POLICY:
		merge_policy(to_policy(to), to_policy(from));
		break;
	case KIND_TENANT:
	case KIND_TEMPLATE:
		merge_tenant(to_tenant(to), to_tenant(from));
		break;
	case KIND_ROLE:
	case STORE_KINDS:
	case KIND_BOX:
	case LOG_KINDS:
		merge_role(to_role(to), to_role(from));
		break;
	}
	to->have |= from->have;
	if (to->kind == KIND_TENANT && !(from->have & BIT(NF_ALG_A_TENANT_NO_SELECTORS)))
		to->have &= ~BIT(NF_ALG_A_TENANT_NO_SELECTORS);
	merge_meta(to, from);
}
