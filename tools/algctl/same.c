// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What differs is told by views of the two (object_view()), which make a text of every value. Nearly all of what is
 * compared is equal, field by field: that is seen here, for tenants and policies, of which there are many.
 */
#include <string.h>

#include "model.h"

static bool same_meta(const struct object *a, const struct object *b)
{
	bool shown = a->version || a->have_meta;

	if (shown != (b->version || b->have_meta))
		return false;
	return !shown || (!strcmp(a->description ? a->description : "", b->description ? b->description : "") &&
			  words_equal(&a->tags, &b->tags) && a->reusable == b->reusable);
}

static const char *policy_of(const struct tenant *t)
{
	return *t->policy || *t->template ? t->policy : "default";
}

static bool same_selector(const struct selector *a, const struct selector *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == NF_ALG_A_SELECTOR_ZONE)
		return a->zone == b->zone;
	if (a->type == NF_ALG_A_SELECTOR_INTERFACE)
		return !strcmp(a->interface, b->interface);
	return a->mark == b->mark && a->mask == b->mask;
}

static bool same_tenant(const struct tenant *a, const struct tenant *b)
{
	bool same = !strcmp(policy_of(a), policy_of(b)) && !strcmp(a->template, b->template) &&
		    a->nselectors == b->nselectors && words_equal(&a->boxes, &b->boxes);

	for (size_t i = 0; same && i < a->nselectors; i++)
		same = same_selector(&a->selectors[i], &b->selectors[i]);
	for (int i = NF_ALG_A_TENANT_MAX_SESSIONS; same && i <= NF_ALG_A_TENANT_BLOCK_SIZE; i++)
		same = a->number[i] == b->number[i];
	return same;
}

/* In any order; no list has a word twice. */
static bool same_words(const struct words *a, const struct words *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!words_have(b, a->v[i]))
			return false;
	return a->n == b->n;
}

static const struct words *services_of(const struct rule *r, const struct words *predefined)
{
	return r->have & BIT(NF_ALG_A_RULE_SERVICE) ? &r->services : predefined;
}

static uint32_t mode_of(const struct rule *r)
{
	return r->have & BIT(NF_ALG_A_RULE_MODE) ? r->mode : NF_ALG_MODE_ON;
}

static uint32_t option_of(const struct rule *r, unsigned int i)
{
	return r->have_option & BIT(i) ? r->option[i] : options[i].standard;
}

static bool same_rule(const struct rule *a, const struct rule *b, uint32_t protocol, const struct words *predefined)
{
	bool same = mode_of(a) == mode_of(b) && same_words(services_of(a, predefined), services_of(b, predefined));

	for (unsigned int i = 1; same && i < OPTIONS; i++)
		same = !option_applies(i, protocol) || option_of(a, i) == option_of(b, i);
	return same;
}

static bool same_policy(const struct policy *a, const struct policy *b, const struct predefined *predefined)
{
	static const struct rule standard;
	bool same = !a->o.version == !b->o.version && (a->o.version || a->version == b->version);

	for (uint32_t i = 0; same && i < PROTOCOLS; i++) {
		const struct rule *x = a->rule[i] ? a->rule[i] : &standard, *y = b->rule[i] ? b->rule[i] : &standard;

		same = x == y || same_rule(x, y, i, &predefined->of[i]);
	}
	return same;
}

bool object_same(const struct object *a, const struct object *b, const struct predefined *predefined)
{
	if (a->kind != b->kind || !same_meta(a, b))
		return false;
	if (a->kind == KIND_POLICY)
		return same_policy((const struct policy *)a, (const struct policy *)b, predefined);
	return (a->kind == KIND_TENANT || a->kind == KIND_TEMPLATE) &&
	       same_tenant((const struct tenant *)a, (const struct tenant *)b);
}
