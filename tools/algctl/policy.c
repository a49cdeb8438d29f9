// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl policy: what each ALG does for the tenants that have the policy. */
#include "object.h"

#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "meta.h"
#include "msg.h"
#include "store.h"

static void *make(void)
{
	return object_new(KIND_POLICY);
}

struct rule *policy_rule(struct policy *p, uint32_t protocol)
{
	if (!p->rule[protocol])
		p->rule[protocol] = zalloc(sizeof(struct rule));
	return p->rule[protocol];
}

static struct rule *rule_of(const struct setter *s)
{
	struct rule *r = policy_rule(s->object, (uint32_t)s->protocol);

	if (!r->at.line && !r->at.column)
		r->at = s->at;
	return r;
}

static bool set_version(struct setter *s, const struct param *p, const char *text)
{
	struct policy *v = s->object;

	if (!s->at.line && store_in_use(s->ctx))
		return fail(s->ctx, ALGCTL_USAGE, s->at, "the store counts versions");
	v->o.have |= BIT(NF_ALG_A_POLICY_VERSION);
	v->version_at = s->at;
	return read_number(s, p->name, text, 0, UINT32_MAX, &v->version);
}

static bool set_mode(struct setter *s, const struct param *p, const char *text)
{
	struct rule *r = rule_of(s);
	const char *word = text;

	/* YAML 1.1 and JSON have on and off as truth values; a file written by such a program means these. */
	if (s->at.line && !strcasecmp(text, "true"))
		word = "on";
	else if (s->at.line && !strcasecmp(text, "false"))
		word = "off";
	r->have |= BIT(NF_ALG_A_RULE_MODE);
	r->mode_at = s->at;
	return read_word(s, p->name, word, mode_names, NF_ALG_MODE_OBSERVE + 1, &r->mode);
}

static void list_modes(const struct setter *s, const struct param *p, struct words *out)
{
	static const int order[] = { NF_ALG_MODE_ON, NF_ALG_MODE_OFF, NF_ALG_MODE_OBSERVE };

	(void)s;
	(void)p;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		words_add(out, mode_names[order[i]]);
}

static bool set_service(struct setter *s, const struct param *p, const char *text)
{
	struct rule *r = rule_of(s);
	char name[REF_SIZE];

	(void)p;
	if (!read_reference(s, "service", text, name))
		return false;
	if (words_have(&r->services, name))
		return fail(s->ctx, ALGCTL_USAGE, s->at, "service '%s' is named twice", name);
	if (r->services.n == NF_ALG_SERVICES_MAX)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "a policy names at most %d services", NF_ALG_SERVICES_MAX);
	r->have |= BIT(NF_ALG_A_RULE_SERVICE);
	r->services_at = grow(r->services_at, r->services.n, &r->services_at_room, sizeof(*r->services_at));
	r->services_at[r->services.n] = s->at;
	words_add(&r->services, name);
	return true;
}

static void list_services(const struct setter *s, const struct param *p, struct words *out)
{
	(void)p;
	list_live(s->ctx, KIND_SERVICE, s->protocol, out);
}

static unsigned int option_find(const char *name)
{
	for (unsigned int i = 1; i < OPTIONS; i++)
		if (options[i].name && !strcmp(options[i].name, name))
			return i;
	return 0;
}

static bool unknown_option(struct setter *s, const char *name)
{
	struct words known = { 0 };

	for (unsigned int i = 1; i < OPTIONS; i++)
		if (option_applies(i, (uint32_t)s->protocol))
			words_add(&known, options[i].name);
	fail(s->ctx, ALGCTL_USAGE, s->at, "%s has no option '%s'", protocol_name((uint32_t)s->protocol), name);
	error_expected(s->ctx, name, &known);
	words_free(&known);
	return false;
}

static bool read_option(struct setter *s, unsigned int attr, const char *text, uint32_t *out)
{
	const struct option_def *o = &options[attr];
	struct words values = { 0 };
	char *list;
	bool found = false;

	if (!strcmp(text, "default")) {
		*out = o->standard;
		return true;
	}
	if (o->kind == OPTION_NUMBER)
		return read_number(s, o->name, text, o->min, o->max, out);
	if (o->kind == OPTION_FLAG && s->at.line && (!strcasecmp(text, "true") || !strcasecmp(text, "false"))) {
		*out = !strcasecmp(text, "true");
		return true;
	}
	option_values(attr, &values);
	for (uint32_t i = 0; i < values.n && !found; i++) {
		found = !strcmp(values.v[i], text);
		*out = i;
	}
	if (!found) {
		list = words_join(&values, " or ");
		fail(s->ctx, ALGCTL_USAGE, s->at, "%s is %s, not '%s'", o->name, list, text);
		error_expected(s->ctx, text, &values);
		free(list);
	}
	words_free(&values);
	return found;
}

/* NAME=VALUE */
static bool set_option(struct setter *s, const struct param *p, const char *text)
{
	struct rule *r = rule_of(s);
	const char *value = strchr(text, '=');
	char *name = value ? strndup(text, (size_t)(value - text)) : copy(text);
	unsigned int attr = option_find(name);
	bool good = false;

	(void)p;
	if (!value)
		fail(s->ctx, ALGCTL_USAGE, s->at, "option '%s' has no value", text);
	else if (!option_applies(attr, (uint32_t)s->protocol))
		unknown_option(s, name);
	else if (r->have_option & BIT(attr))
		fail(s->ctx, ALGCTL_USAGE, s->at, "option '%s' is given twice", name);
	else
		good = read_option(s, attr, value + 1, &r->option[attr]);
	free(name);
	if (!good)
		return false;
	r->have |= BIT(NF_ALG_A_RULE_OPTION);
	r->have_option |= BIT(attr);
	r->option_at[attr] = s->at;
	return true;
}

/* Candidates: every NAME=VALUE of words, NAME= of numbers. */
static void list_options(const struct setter *s, const struct param *p, struct words *out)
{
	(void)p;
	for (unsigned int i = 1; i < OPTIONS; i++) {
		struct words values = { 0 };

		if (!option_applies(i, (uint32_t)s->protocol))
			continue;
		option_values(i, &values);
		for (size_t j = 0; j < values.n; j++)
			words_addf(out, "%s=%s", options[i].name, values.v[j]);
		if (!values.n)
			words_addf(out, "%s=", options[i].name);
		words_free(&values);
	}
}

static const struct param rule_params[] = {
	{ .name = "mode", .metavar = "MODE",
	  .help = "on: rewrite and open pinholes; off: leave alone; observe: parse, count and report only",
	  .kind = PARAM_VALUE, .flags = PARAM_BARE, .set = set_mode, .list = list_modes },
	{ .name = "services", .metavar = "SERVICE[,SERVICE...]", .help = "serve these; replaces the list",
	  .kind = PARAM_VALUE, .flags = PARAM_LIST, .set = set_service, .list = list_services },
	{ .name = "option", .metavar = "NAME=VALUE...", .help = "see below; 'default' restores an option",
	  .kind = PARAM_PAIRS, .set = set_option, .list = list_options },
	{ 0 }
};

#define RULE(word, protocol) \
	{ .name = word, .metavar = "RULE", .help = "what the " word " ALG does", \
	  .kind = PARAM_BLOCK, .arg = protocol, .sub = rule_params }

const struct param policy_params[] = {
	{ .name = "NAME", .help = "name of the policy",
	  .kind = PARAM_POSITION, .flags = PARAM_NO_FILE, .set = set_object_name, .list = list_object_names },
	{ .name = "version", .metavar = "NUMBER", .help = "a number of yours, only shown",
	  .kind = PARAM_VALUE, .set = set_version },
	RULE("ftp", NF_ALG_PROTOCOL_FTP),
	RULE("sip", NF_ALG_PROTOCOL_SIP),
	RULE("tftp", NF_ALG_PROTOCOL_TFTP),
	RULE("pptp", NF_ALG_PROTOCOL_PPTP),
	RULE("ike", NF_ALG_PROTOCOL_IKE),
	META_PARAMS,
	{ .name = "reusable", .metavar = "yes|no",
	  .help = "no: only one template or tenant may have it; in the store",
	  .kind = PARAM_VALUE, .set = set_reusable, .list = list_yes_no },
	{ 0 }
};

static void put_rule(struct msg *m, uint32_t protocol, const struct rule *r)
{
	struct msg_nest nest = msg_nest(m, NF_ALG_A_POLICY_RULE, r->at), inner;

	msg_put_u32(m, NF_ALG_A_RULE_PROTOCOL, protocol, r->at);
	if (r->have & BIT(NF_ALG_A_RULE_MODE))
		msg_put_u32(m, NF_ALG_A_RULE_MODE, r->mode, r->mode_at);
	for (size_t i = 0; i < r->services.n; i++)
		msg_put_text(m, NF_ALG_A_RULE_SERVICE, r->services.v[i], r->services_at ? r->services_at[i] : NOWHERE);
	if (r->have_option) {
		inner = msg_nest(m, NF_ALG_A_RULE_OPTION, r->at);
		for (uint16_t i = 1; i < OPTIONS; i++)
			if (r->have_option & BIT(i))
				msg_put_u32(m, i, r->option[i], r->option_at[i]);
		msg_nest_end(m, inner);
	}
	msg_nest_end(m, nest);
}

void policy_put(struct msg *m, const struct policy *p)
{
	msg_put_text(m, NF_ALG_A_POLICY_NAME, p->o.name, p->o.at);
	if (p->o.have & BIT(NF_ALG_A_POLICY_VERSION))
		msg_put_u32(m, NF_ALG_A_POLICY_VERSION, p->version, p->version_at);
	for (uint32_t i = 0; i < PROTOCOLS; i++)
		if (p->rule[i])
			put_rule(m, i, p->rule[i]);
}

static void get_options(struct rule *r, const struct nlattr *nest)
{
	attrs_each_nested(attr, nest) {
		unsigned int type = mnl_attr_get_type(attr);

		if (type >= OPTIONS)
			continue;
		r->have_option |= BIT(type);
		r->option[type] = attr_u32(attr);
	}
}

static void get_rule(struct policy *p, const struct nlattr *nest)
{
	const struct nlattr *a[NF_ALG_A_RULE_MAX + 1];
	uint32_t protocol;
	struct rule *r;

	attrs_of_nest(a, NF_ALG_A_RULE_MAX, nest);
	protocol = attr_u32(a[NF_ALG_A_RULE_PROTOCOL]);
	if (protocol >= PROTOCOLS || !a[NF_ALG_A_RULE_PROTOCOL])
		return;
	r = policy_rule(p, protocol);
	for (unsigned int i = 1; i <= NF_ALG_A_RULE_MAX; i++)
		r->have |= a[i] ? BIT(i) : 0;
	r->mode = attr_u32(a[NF_ALG_A_RULE_MODE]);
	if (a[NF_ALG_A_RULE_OPTION])
		get_options(r, a[NF_ALG_A_RULE_OPTION]);
	attrs_each_nested(attr, nest) {
		char name[NAME_SIZE];

		if (mnl_attr_get_type(attr) != NF_ALG_A_RULE_SERVICE)
			continue;
		attr_text(attr, name, sizeof(name));
		words_add(&r->services, name);
	}
}

void policy_get(struct policy *p, const void *attrs, size_t size)
{
	const struct nlattr *a[NF_ALG_A_POLICY_MAX + 1];

	attrs_index(a, NF_ALG_A_POLICY_MAX, attrs, size);
	attr_text(a[NF_ALG_A_POLICY_NAME], p->o.name, sizeof(p->o.name));
	for (unsigned int i = 1; i <= NF_ALG_A_POLICY_MAX; i++)
		p->o.have |= a[i] ? BIT(i) : 0;
	p->version = attr_u32(a[NF_ALG_A_POLICY_VERSION]);
	p->users = attr_u32(a[NF_ALG_A_POLICY_USERS]);
	attrs_each(attr, attrs, size)
		if (mnl_attr_get_type(attr) == NF_ALG_A_POLICY_RULE)
			get_rule(p, attr);
}

static void view_services(const struct rule *r, const struct words *predefined, struct item *item)
{
	const struct words *from = r->have & BIT(NF_ALG_A_RULE_SERVICE) ? &r->services : predefined;

	for (size_t i = 0; from && i < from->n; i++)
		words_add(&item->values, from->v[i]);
	words_sort(&item->values);
	item->list = true;
	item->standard = predefined ? words_equal(&item->values, predefined) : !(r->have & BIT(NF_ALG_A_RULE_SERVICE));
}

static void view_rule(const struct rule *r, uint32_t protocol, const struct words *predefined, struct view *view)
{
	const char *name = protocol_names[protocol];
	uint32_t mode = r->have & BIT(NF_ALG_A_RULE_MODE) ? r->mode : NF_ALG_MODE_ON;
	struct item *item = view_add(view, name, "mode", NULL);

	words_add(&item->values, mode_name(mode));
	item->standard = mode == NF_ALG_MODE_ON;
	view_services(r, predefined, view_add(view, name, "services", NULL));
	for (unsigned int i = 1; i < OPTIONS; i++) {
		uint32_t value = r->have_option & BIT(i) ? r->option[i] : options[i].standard;
		char *text;

		if (!option_applies(i, protocol))
			continue;
		item = view_add(view, name, "option", options[i].name);
		item->type = options[i].kind == OPTION_NUMBER ? ITEM_NUMBER : ITEM_TEXT;
		item->standard = value == options[i].standard;
		text = option_text(i, value);
		words_add(&item->values, text);
		free(text);
	}
}

void policy_view(const struct policy *p, const struct predefined *predefined, struct view *view)
{
	static const struct rule all_standard;

	if (p->o.version)
		view_use(view, "version", p->o.version);
	else
		view_number(view, "version", p->version, 0);
	for (uint32_t i = 0; i < PROTOCOLS; i++)
		view_rule(p->rule[i] ? p->rule[i] : &all_standard, i, predefined ? &predefined->of[i] : NULL, view);
	view_use(view, "users", p->users);
}

/* One protocol's items of the view, from @i on; returns the first behind them. */
static size_t print_rule(struct ctx *ctx, const struct view *view, size_t i, bool *changed)
{
	const char *protocol = view->v[i].path[0];
	char *services = words_join(&view->v[i + 1].values, ",");
	bool first = true;

	fprintf(ctx->out, "  %-5s %-8s services %s\n", protocol, view->v[i].values.v[0], services);
	free(services);
	for (i += 2; i < view->n && view->v[i].path[0] == protocol; i++) {
		const struct item *item = &view->v[i];

		fprintf(ctx->out, "%s%s=%s%s", first ? "                 " : " ", item->path[2], item->values.v[0],
			item->standard ? "" : "*");
		*changed |= !item->standard;
		first = false;
	}
	if (!first)
		fputc('\n', ctx->out);
	return i;
}

static void print_policies(struct ctx *ctx, const struct objects *list, const struct predefined *predefined)
{
	bool changed = false;

	for (size_t i = 0; i < list->n; i++) {
		const struct policy *p = (const struct policy *)list->v[i];
		struct view view = { 0 };

		policy_view(p, predefined, &view);
		fprintf(ctx->out, "%s%s  version %u, %u tenant%s\n", i ? "\n" : "", p->o.name,
			p->o.version ? p->o.version : p->version, p->users, p->users == 1 ? "" : "s");
		for (size_t j = 1; j < view.n && view.v[j].path[1];)
			j = print_rule(ctx, &view, j, &changed);
		view_free(&view);
	}
	if (changed)
		fputs("\n* not the default\n", ctx->out);
}

static bool policy_show(struct ctx *ctx, const struct command *command, void *object)
{
	struct objects list = { 0 }, services = { 0 };
	struct predefined predefined = { 0 };
	bool good = object_fetch(ctx, KIND_POLICY, object, &list) && object_fetch(ctx, KIND_SERVICE, NULL, &services);

	(void)command;
	predefined_learn(&predefined, &services);
	if (good && ctx->json)
		print_json(ctx, objects_json(KIND_POLICY, &list, &predefined));
	else if (good && !list.n)
		fputs(nothing_configured, ctx->out);
	else if (good)
		print_policies(ctx, &list, &predefined);
	predefined_free(&predefined);
	objects_free(&services);
	objects_free(&list);
	return good;
}

static const struct command commands[] = {
	{ .name = "show", .help = "list policies with all options",
	  .params = name_or_all_params, .make = make, .run = policy_show },
	{ .name = "add", .help = "make a policy; protocols not named are on",
	  .params = policy_params, .flags = COMMAND_MAKES, .options = OPTION_DRY_RUN, .make = make, .run = object_add },
	{ .name = "set", .help = "change a policy; what is not named stays",
	  .params = policy_params, .flags = COMMAND_CHANGES, .options = OPTION_DRY_RUN, .make = make, .run = object_set },
	{ .name = "del", .help = "delete a policy",
	  .params = name_params, .options = OPTION_DRY_RUN, .make = make, .run = object_del },
	STORE_COMMANDS,
	{ 0 }
};

const struct object_def policy_object = {
	.name = "policy",
	.help = "what each ALG does for the tenants that have the policy",
	.commands = commands,
	.more = "A change takes effect at once, also on live sessions. A policy that a tenant has can't be deleted.",
};
