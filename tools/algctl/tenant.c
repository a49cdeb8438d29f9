// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl tenant: whose traffic it is, which policy and how much of everything he has. */
#include "object.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "meta.h"
#include "msg.h"
#include "store.h"

static void *make(void)
{
	return object_new(KIND_TENANT);
}

static bool set_policy(struct setter *s, const struct param *p, const char *text)
{
	struct tenant *t = s->object;

	(void)p;
	t->o.have |= BIT(NF_ALG_A_TENANT_POLICY);
	t->at[NF_ALG_A_TENANT_POLICY] = s->at;
	return read_reference(s, "policy", text, t->policy);
}

static bool set_template(struct setter *s, const struct param *p, const char *text)
{
	struct tenant *t = s->object;

	if (!needs_store(s, p))
		return false;
	t->o.have_meta |= META_TEMPLATE;
	t->template_at = s->at;
	return !strcmp(text, "none") || read_reference(s, "template", text, t->template);
}

static void list_templates(const struct setter *s, const struct param *p, struct words *out)
{
	(void)p;
	if (!store_in_use(s->ctx))
		return;
	words_add(out, "none");
	list_live(s->ctx, KIND_TEMPLATE, -1, out);
}

/* NAME or tag:TAG */
static bool set_box(struct setter *s, const struct param *p, const char *text)
{
	struct tenant *t = s->object;
	bool tag = !strncmp(text, "tag:", 4);
	char name[NAME_SIZE];

	if (!needs_store(s, p) || !(!strcmp(text, "all") || (tag ? read_tag(s, text + 4) : read_name(s, "box", text, name))))
		return false;
	t->o.have_meta |= META_BOXES;
	if (!strcmp(text, "all"))
		return true;
	if (words_have(&t->boxes, text))
		return fail(s->ctx, ALGCTL_USAGE, s->at, "box '%s' is named twice", text);
	words_add(&t->boxes, text);
	words_sort(&t->boxes);
	return true;
}

static void list_all(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	(void)p;
	words_add(out, "all");
}

static void list_policies(const struct setter *s, const struct param *p, struct words *out)
{
	(void)p;
	list_live(s->ctx, KIND_POLICY, -1, out);
}

static bool read_interface(struct setter *s, const char *text, struct selector *out)
{
	size_t n = strlen(text);
	bool good = n > 0 && n < sizeof(out->interface) && strcmp(text, ".") && strcmp(text, "..");

	for (size_t i = 0; i < n; i++)
		good &= text[i] > ' ' && text[i] < 0x7f && text[i] != '/' && text[i] != ':';
	if (!good)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' is no name of an interface", text);
	memcpy(out->interface, text, n + 1);
	return true;
}

static bool read_selector(struct setter *s, const char *text, struct selector *out)
{
	uint32_t zone;

	switch (out->type) {
	case NF_ALG_A_SELECTOR_INTERFACE:
		return read_interface(s, text, out);
	case NF_ALG_A_SELECTOR_MARK:
		return read_mark(s, text, &out->mark, &out->mask);
	default:
		if (!read_number(s, "a zone", text, 0, 65535, &zone))
			return false;
		out->zone = (uint16_t)zone;
		return true;
	}
}

/* @p->arg: NF_ALG_A_SELECTOR_* */
static bool set_selector(struct setter *s, const struct param *p, const char *text)
{
	struct selector selector = { .type = (int)p->arg, .at = s->at };
	struct tenant *t = s->object;

	if (t->o.have & BIT(NF_ALG_A_TENANT_NO_SELECTORS))
		return fail(s->ctx, ALGCTL_USAGE, s->at, "'no-selectors' can't be given together with a selector");
	if (!read_selector(s, text, &selector))
		return false;
	if (t->nselectors == NF_ALG_SELECTORS_MAX)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "a tenant has at most %d selectors", NF_ALG_SELECTORS_MAX);
	t->o.have |= BIT(NF_ALG_A_TENANT_SELECTOR);
	t->selectors = grow(t->selectors, t->nselectors, &t->selectors_room, sizeof(*t->selectors));
	t->selectors[t->nselectors++] = selector;
	return true;
}

static bool set_no_selectors(struct setter *s, const struct param *p, const char *text)
{
	struct tenant *t = s->object;

	(void)p;
	(void)text;
	if (t->o.have & BIT(NF_ALG_A_TENANT_SELECTOR))
		return fail(s->ctx, ALGCTL_USAGE, s->at, "'no-selectors' can't be given together with a selector");
	t->o.have |= BIT(NF_ALG_A_TENANT_NO_SELECTORS);
	t->at[NF_ALG_A_TENANT_NO_SELECTORS] = s->at;
	return true;
}

static void list_interfaces(const struct setter *s, const struct param *p, struct words *out)
{
	struct if_nameindex *all = if_nameindex();

	(void)s;
	(void)p;
	for (struct if_nameindex *i = all; i && i->if_name; i++)
		words_add(out, i->if_name);
	if_freenameindex(all);
}

static void set_value(struct tenant *t, unsigned int attr, uint32_t value, struct where at)
{
	t->o.have |= BIT(attr);
	t->number[attr] = value;
	t->at[attr] = at;
}

/* @p->arg: attribute; 0 has a word */
static bool set_limit(struct setter *s, const struct param *p, const char *text)
{
	uint32_t value = 0;

	if (strcmp(text, "unlimited") && !read_number(s, p->name, text, 0, UINT32_MAX, &value))
		return false;
	set_value(s->object, p->arg, value, s->at);
	return true;
}

static void list_unlimited(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	(void)p;
	words_add(out, "unlimited");
}

static bool set_ports(struct setter *s, const struct param *p, const char *text)
{
	uint16_t min = 0, max = 0;

	(void)p;
	if (strcmp(text, "any") && !read_ports(s, text, &min, &max))
		return false;
	set_value(s->object, NF_ALG_A_TENANT_PORT_MIN, min, s->at);
	set_value(s->object, NF_ALG_A_TENANT_PORT_MAX, max, s->at);
	return true;
}

static void list_any(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	(void)p;
	words_add(out, "any");
}

static bool set_block(struct setter *s, const struct param *p, const char *text)
{
	uint32_t value;

	if (!read_number(s, p->name, text, 0, 65535, &value))
		return false;
	set_value(s->object, NF_ALG_A_TENANT_BLOCK_SIZE, value, s->at);
	return true;
}

enum { GROUP_SOURCE = 1 };

/* What a template gives to its tenants. */
#define SETTINGS \
	{ .name = "max-sessions", .metavar = "NUMBER", .help = "control connections at a time; 0 is 'unlimited'", \
	  .kind = PARAM_VALUE, .arg = NF_ALG_A_TENANT_MAX_SESSIONS, .set = set_limit, .list = list_unlimited }, \
	{ .name = "max-pinholes", .metavar = "NUMBER", \
	  .help = "pinholes, pending and active, at a time; 0 is 'unlimited'", \
	  .kind = PARAM_VALUE, .arg = NF_ALG_A_TENANT_MAX_PINHOLES, .set = set_limit, .list = list_unlimited }, \
	{ .name = "pinhole-rate", .metavar = "NUMBER", .help = "pinholes a second; 0 is 'unlimited'", \
	  .kind = PARAM_VALUE, .arg = NF_ALG_A_TENANT_PINHOLE_RATE, .set = set_limit, .list = list_unlimited }, \
	{ .name = "ports", .metavar = "PORT[-PORT]", \
	  .help = "public ports of its subscribers; 'any' for no restriction", \
	  .kind = PARAM_VALUE, .set = set_ports, .list = list_any }, \
	{ .name = "block", .metavar = "NUMBER", .help = "cut the ports into blocks of so many; 0 makes one block", \
	  .kind = PARAM_VALUE, .set = set_block }, \
	META_PARAMS

const struct param tenant_params[] = {
	{ .name = "NAME", .help = "name of the tenant",
	  .kind = PARAM_POSITION, .flags = PARAM_NO_FILE, .set = set_object_name, .list = list_object_names },
	{ .name = "policy", .metavar = "POLICY", .help = "the policy it has; policy 'default' if not given",
	  .kind = PARAM_VALUE, .group = GROUP_SOURCE, .set = set_policy, .list = list_policies },
	{ .name = "template", .metavar = "TEMPLATE",
	  .help = "policy and limits come from it, limits given here apart; 'none' keeps them as they are",
	  .kind = PARAM_VALUE, .group = GROUP_SOURCE, .set = set_template, .list = list_templates },
	{ .name = "zone", .metavar = "ZONE[,ZONE...]", .help = "conntrack zones whose traffic is the tenant's",
	  .kind = PARAM_VALUE, .flags = PARAM_LIST, .arg = NF_ALG_A_SELECTOR_ZONE, .set = set_selector },
	{ .name = "interface", .metavar = "INTERFACE[,INTERFACE...]",
	  .help = "input interfaces, or the VRF they are enslaved to",
	  .kind = PARAM_VALUE, .flags = PARAM_LIST, .arg = NF_ALG_A_SELECTOR_INTERFACE, .set = set_selector,
	  .list = list_interfaces },
	{ .name = "mark", .metavar = "MARK[/MASK][,...]", .help = "packet marks",
	  .kind = PARAM_VALUE, .flags = PARAM_LIST, .arg = NF_ALG_A_SELECTOR_MARK, .set = set_selector },
	{ .name = "no-selectors", .help = "take all selectors away",
	  .kind = PARAM_FLAG, .flags = PARAM_NO_FILE, .set = set_no_selectors },
	{ .name = "boxes", .metavar = "BOX[,BOX...]",
	  .help = "boxes of a fleet that it runs on, by name or as tag:TAG; 'all' if not given; in the store",
	  .kind = PARAM_VALUE, .flags = PARAM_LIST, .set = set_box, .list = list_all },
	SETTINGS,
	{ 0 }
};

const struct param template_params[] = {
	{ .name = "NAME", .help = "name of the template",
	  .kind = PARAM_POSITION, .flags = PARAM_NO_FILE, .set = set_object_name, .list = list_object_names },
	{ .name = "policy", .metavar = "POLICY", .help = "the policy of its tenants; policy 'default' if not given",
	  .kind = PARAM_VALUE, .set = set_policy, .list = list_policies },
	SETTINGS,
	{ 0 }
};

static void put_selector(struct msg *m, const struct selector *s)
{
	struct msg_nest nest = msg_nest(m, NF_ALG_A_TENANT_SELECTOR, s->at);

	if (s->type == NF_ALG_A_SELECTOR_ZONE)
		msg_put_u16(m, NF_ALG_A_SELECTOR_ZONE, s->zone, s->at);
	else if (s->type == NF_ALG_A_SELECTOR_INTERFACE)
		msg_put_text(m, NF_ALG_A_SELECTOR_INTERFACE, s->interface, s->at);
	else
		msg_put_u32(m, NF_ALG_A_SELECTOR_MARK, s->mark, s->at);
	if (s->type == NF_ALG_A_SELECTOR_MARK && s->mask != UINT32_MAX)
		msg_put_u32(m, NF_ALG_A_SELECTOR_MASK, s->mask, s->at);
	msg_nest_end(m, nest);
}

static bool is_port(unsigned int attr)
{
	return attr == NF_ALG_A_TENANT_PORT_MIN || attr == NF_ALG_A_TENANT_PORT_MAX ||
	       attr == NF_ALG_A_TENANT_BLOCK_SIZE;
}

void tenant_put(struct msg *m, const struct tenant *t)
{
	msg_put_text(m, NF_ALG_A_TENANT_NAME, t->o.name, t->o.at);
	if (t->o.have & BIT(NF_ALG_A_TENANT_POLICY))
		msg_put_text(m, NF_ALG_A_TENANT_POLICY, t->policy, t->at[NF_ALG_A_TENANT_POLICY]);
	for (size_t i = 0; i < t->nselectors; i++)
		put_selector(m, &t->selectors[i]);
	if (t->o.have & BIT(NF_ALG_A_TENANT_NO_SELECTORS))
		msg_put(m, NF_ALG_A_TENANT_NO_SELECTORS, NULL, 0, t->at[NF_ALG_A_TENANT_NO_SELECTORS]);
	for (uint16_t i = NF_ALG_A_TENANT_MAX_SESSIONS; i <= NF_ALG_A_TENANT_BLOCK_SIZE; i++) {
		if (!(t->o.have & BIT(i)))
			continue;
		if (is_port(i))
			msg_put_u16(m, i, (uint16_t)t->number[i], t->at[i]);
		else
			msg_put_u32(m, i, t->number[i], t->at[i]);
	}
}

static void get_selector(struct tenant *t, const struct nlattr *nest)
{
	const struct nlattr *a[NF_ALG_A_SELECTOR_MAX + 1];
	struct selector s = { 0 };

	attrs_of_nest(a, NF_ALG_A_SELECTOR_MAX, nest);
	s.zone = attr_u16(a[NF_ALG_A_SELECTOR_ZONE]);
	s.mark = attr_u32(a[NF_ALG_A_SELECTOR_MARK]);
	s.mask = a[NF_ALG_A_SELECTOR_MASK] ? attr_u32(a[NF_ALG_A_SELECTOR_MASK]) : UINT32_MAX;
	attr_text(a[NF_ALG_A_SELECTOR_INTERFACE], s.interface, sizeof(s.interface));
	s.type = a[NF_ALG_A_SELECTOR_ZONE] ? NF_ALG_A_SELECTOR_ZONE :
		 a[NF_ALG_A_SELECTOR_INTERFACE] ? NF_ALG_A_SELECTOR_INTERFACE : NF_ALG_A_SELECTOR_MARK;
	t->selectors = grow(t->selectors, t->nselectors, &t->selectors_room, sizeof(*t->selectors));
	t->selectors[t->nselectors++] = s;
}

void tenant_get(struct tenant *t, const void *attrs, size_t size)
{
	const struct nlattr *a[NF_ALG_A_TENANT_MAX + 1];

	attrs_index(a, NF_ALG_A_TENANT_MAX, attrs, size);
	attr_text(a[NF_ALG_A_TENANT_NAME], t->o.name, sizeof(t->o.name));
	attr_text(a[NF_ALG_A_TENANT_POLICY], t->policy, sizeof(t->policy));
	for (unsigned int i = 1; i <= NF_ALG_A_TENANT_MAX; i++) {
		if (!a[i])
			continue;
		t->o.have |= BIT(i);
		t->number[i] = is_port(i) ? attr_u16(a[i]) : attr_u32(a[i]);
	}
	attrs_each(attr, attrs, size)
		if (mnl_attr_get_type(attr) == NF_ALG_A_TENANT_SELECTOR)
			get_selector(t, attr);
}

static int selector_order(const void *a, const void *b)
{
	const struct selector *x = a, *y = b;

	if (x->zone != y->zone)
		return x->zone < y->zone ? -1 : 1;
	if (x->mark != y->mark)
		return x->mark < y->mark ? -1 : 1;
	if (x->mask != y->mask)
		return x->mask < y->mask ? -1 : 1;
	return strcmp(x->interface, y->interface);
}

static void add_selector(struct words *out, const struct selector *s)
{
	if (s->type == NF_ALG_A_SELECTOR_ZONE)
		words_addf(out, "%u", s->zone);
	else if (s->type == NF_ALG_A_SELECTOR_INTERFACE)
		words_add(out, s->interface);
	else if (s->mask == UINT32_MAX)
		words_addf(out, "0x%x", s->mark);
	else
		words_addf(out, "0x%x/0x%x", s->mark, s->mask);
}

static void view_selectors(struct view *view, const char *name, int type, const struct tenant *t)
{
	struct selector *sorted = zalloc((t->nselectors + 1) * sizeof(*sorted));
	struct item *item = view_add(view, name, NULL, NULL);
	size_t n = 0;

	for (size_t i = 0; i < t->nselectors; i++)
		if (t->selectors[i].type == type)
			sorted[n++] = t->selectors[i];
	qsort(sorted, n, sizeof(*sorted), selector_order);
	for (size_t i = 0; i < n; i++)
		add_selector(&item->values, &sorted[i]);
	item->type = type == NF_ALG_A_SELECTOR_ZONE ? ITEM_NUMBER : ITEM_TEXT;
	item->list = true;
	item->standard = !n;
	free(sorted);
}

/* With a template what the tenant has of its own counts, even when it is the default. */
static bool is_standard(const struct tenant *t, unsigned int attr)
{
	return *t->template ? !(t->o.have & BIT(attr)) : !t->number[attr];
}

static void view_limit(struct view *view, const char *name, const struct tenant *t, unsigned int attr)
{
	view_number(view, name, t->number[attr], 0);
	view->v[view->n - 1].standard = is_standard(t, attr);
}

static void view_ports(struct view *view, const struct tenant *t)
{
	uint16_t min = (uint16_t)t->number[NF_ALG_A_TENANT_PORT_MIN];
	uint16_t max = (uint16_t)t->number[NF_ALG_A_TENANT_PORT_MAX];
	struct item *item = view_add(view, "ports", NULL, NULL);

	if (min)
		add_ports(&item->values, min, max);
	else
		words_add(&item->values, "any");
	item->standard = is_standard(t, NF_ALG_A_TENANT_PORT_MIN);
}

void tenant_view(const struct tenant *t, struct view *view)
{
	const char *policy = *t->policy ? t->policy : *t->template ? "inherited" : "default";

	view_text(view, "policy", policy, *t->template || !strcmp(policy, "default"));
	view_selectors(view, "zone", NF_ALG_A_SELECTOR_ZONE, t);
	view_selectors(view, "interface", NF_ALG_A_SELECTOR_INTERFACE, t);
	view_selectors(view, "mark", NF_ALG_A_SELECTOR_MARK, t);
	view_limit(view, "max-sessions", t, NF_ALG_A_TENANT_MAX_SESSIONS);
	view_limit(view, "max-pinholes", t, NF_ALG_A_TENANT_MAX_PINHOLES);
	view_limit(view, "pinhole-rate", t, NF_ALG_A_TENANT_PINHOLE_RATE);
	view_ports(view, t);
	view_limit(view, "block", t, NF_ALG_A_TENANT_BLOCK_SIZE);
	if (t->o.kind == KIND_TENANT) {
		view_use(view, "id", t->number[NF_ALG_A_TENANT_ID]);
		view_use(view, "sessions", t->number[NF_ALG_A_TENANT_SESSIONS]);
		view_use(view, "pinholes", t->number[NF_ALG_A_TENANT_PINHOLES]);
	}
	if (*t->template)
		view_text(view, "template", t->template, false);
	if (t->boxes.n) {
		struct item *item = view_add(view, "boxes", NULL, NULL);

		for (size_t i = 0; i < t->boxes.n; i++)
			words_add(&item->values, t->boxes.v[i]);
		item->list = true;
	}
}

static char *selectors_text(const struct tenant *t, const struct view *view)
{
	struct words all = { 0 };
	char *text;

	for (size_t i = 1; i <= 3; i++) {
		char *list = words_join(&view->v[i].values, ",");

		if (*list)
			words_addf(&all, "%s %s", view->v[i].path[0], list);
		free(list);
	}
	if (!all.n)
		words_add(&all, strcmp(t->o.name, "default") ? "none" : "all others");
	text = words_join(&all, " ");
	words_free(&all);
	return text;
}

static void add_use(struct words *out, uint32_t use, uint32_t most)
{
	if (most)
		words_addf(out, "%u/%u", use, most);
	else
		words_addf(out, "%u", use);
}

static void add_ports_text(struct words *out, const struct tenant *t, const struct view *view)
{
	const char *ports = view->v[7].values.v[0];

	if (t->number[NF_ALG_A_TENANT_BLOCK_SIZE])
		words_addf(out, "%s block %u", ports, t->number[NF_ALG_A_TENANT_BLOCK_SIZE]);
	else
		words_add(out, ports);
}

static void add_row(struct words *cells, const struct object *o)
{
	const struct tenant *t = (const struct tenant *)o;
	struct view view = { 0 };
	char *selectors;

	tenant_view(t, &view);
	selectors = selectors_text(t, &view);
	words_add(cells, t->o.name);
	words_addf(cells, "%s%s%s", view.v[0].values.v[0], *t->template ? " by " : "", t->template);
	words_add(cells, selectors);
	add_use(cells, t->number[NF_ALG_A_TENANT_SESSIONS], t->number[NF_ALG_A_TENANT_MAX_SESSIONS]);
	add_use(cells, t->number[NF_ALG_A_TENANT_PINHOLES], t->number[NF_ALG_A_TENANT_MAX_PINHOLES]);
	if (t->number[NF_ALG_A_TENANT_PINHOLE_RATE])
		words_addf(cells, "%u/s", t->number[NF_ALG_A_TENANT_PINHOLE_RATE]);
	else
		words_add(cells, "-");
	add_ports_text(cells, t, &view);
	free(selectors);
	view_free(&view);
}

static bool tenant_show(struct ctx *ctx, const struct command *command, void *object)
{
	static const char *const head[] = { "TENANT", "POLICY", "SELECTORS", "SESSIONS", "PINHOLES", "RATE", "PORTS" };
	static const struct object_table table = {
		KIND_TENANT, head, sizeof(head) / sizeof(head[0]), add_row,
		"there are no tenants, so nothing is served: algctl tenant add default\n",
	};

	(void)command;
	return object_show(ctx, &table, object);
}

static const struct command commands[] = {
	{ .name = "show", .help = "list tenants with selectors and use",
	  .params = name_or_all_params, .make = make, .run = tenant_show },
	{ .name = "add", .help = "make a tenant",
	  .params = tenant_params, .flags = COMMAND_MAKES, .options = OPTION_DRY_RUN, .make = make, .run = object_add },
	{ .name = "set", .help = "change a tenant; what is not named stays",
	  .params = tenant_params, .flags = COMMAND_CHANGES, .options = OPTION_DRY_RUN, .make = make, .run = object_set },
	{ .name = "del", .help = "delete a tenant; its pending pinholes are closed",
	  .params = name_params, .options = OPTION_DRY_RUN, .make = make, .run = object_del },
	STORE_COMMANDS,
	{ 0 }
};

const struct object_def tenant_object = {
	.name = "tenant",
	.help = "whose traffic it is, and how much of everything it has",
	.commands = commands,
	.more = "Traffic is looked up by mark, then zone, then interface; the tenant 'default' gets what no selector\n"
		"takes. Selectors (zone, interface, mark) that are given replace all selectors that the tenant has.",
};
