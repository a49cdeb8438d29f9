// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl service: which destinations and ports an ALG serves. */
#include "object.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "meta.h"
#include "msg.h"
#include "store.h"

static void *make(void)
{
	return object_new(KIND_SERVICE);
}

static bool set_protocol(struct setter *s, const struct param *p, const char *text)
{
	struct service *v = s->object;

	(void)p;
	v->o.have |= BIT(NF_ALG_A_SERVICE_PROTOCOL);
	v->protocol_at = s->at;
	return read_word(s, "protocol", text, protocol_names, PROTOCOLS, &v->protocol);
}

/* @p->arg: IPPROTO_* */
static bool set_ports(struct setter *s, const struct param *p, const char *text)
{
	struct service *v = s->object;

	v->o.have |= BIT(NF_ALG_A_SERVICE_TRANSPORT) | BIT(NF_ALG_A_SERVICE_PORT_MIN) | BIT(NF_ALG_A_SERVICE_PORT_MAX);
	v->transport = (uint8_t)p->arg;
	v->ports_at = s->at;
	return read_ports(s, text, &v->port_min, &v->port_max);
}

/* @p->arg: NF_ALG_A_SERVICE_DESTINATION or _EXCEPT; the word for no restriction stands alone. */
static bool set_prefix(struct setter *s, const struct param *p, const char *text)
{
	struct service *v = s->object;
	struct prefixes *list = p->arg == NF_ALG_A_SERVICE_DESTINATION ? &v->to : &v->except;
	const char *empty = p->arg == NF_ALG_A_SERVICE_DESTINATION ? "any" : "none";
	bool before = v->o.have & BIT(p->arg);
	struct prefix prefix;

	v->o.have |= BIT(p->arg);
	if (!strcmp(text, empty))
		return before ? fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' can't be mixed with prefixes", empty) : true;
	if (before && !list->n)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' can't be mixed with prefixes", empty);
	if (!read_prefix(s, text, &prefix))
		return false;
	if (list->n == NF_ALG_PREFIXES_MAX)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "%s has more than %d prefixes", p->name, NF_ALG_PREFIXES_MAX);
	list->v = grow(list->v, list->n, &list->room, sizeof(*list->v));
	list->v[list->n++] = prefix;
	return true;
}

static void list_any(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	words_add(out, p->arg == NF_ALG_A_SERVICE_DESTINATION ? "any" : "none");
}

enum { GROUP_TRANSPORT = 1 };

const struct param service_params[] = {
	{ .name = "NAME", .help = "name of the service",
	  .kind = PARAM_POSITION, .flags = PARAM_NO_FILE, .set = set_object_name, .list = list_object_names },
	{ .name = "protocol", .metavar = "PROTOCOL", .help = "the ALG that serves it",
	  .kind = PARAM_VALUE, .flags = PARAM_REQUIRED, .set = set_protocol, .list = list_protocols },
	{ .name = "tcp", .metavar = "PORT[-PORT]", .help = "TCP port or ports of the control connection",
	  .kind = PARAM_VALUE, .flags = PARAM_REQUIRED, .group = GROUP_TRANSPORT, .arg = IPPROTO_TCP,
	  .set = set_ports },
	{ .name = "udp", .metavar = "PORT[-PORT]", .help = "UDP port or ports",
	  .kind = PARAM_VALUE, .flags = PARAM_REQUIRED, .group = GROUP_TRANSPORT, .arg = IPPROTO_UDP,
	  .set = set_ports },
	{ .name = "to", .metavar = "PREFIX[,PREFIX...]", .help = "serve these destinations only; 'any' for all",
	  .kind = PARAM_VALUE, .flags = PARAM_LIST, .arg = NF_ALG_A_SERVICE_DESTINATION, .set = set_prefix,
	  .list = list_any },
	{ .name = "except", .metavar = "PREFIX[,PREFIX...]",
	  .help = "never serve these destinations; 'none' for no exception",
	  .kind = PARAM_VALUE, .flags = PARAM_LIST, .arg = NF_ALG_A_SERVICE_EXCEPT, .set = set_prefix,
	  .list = list_any },
	META_PARAMS,
	{ 0 }
};

static void put_prefixes(struct msg *m, uint16_t type, const struct prefixes *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct prefix *p = &list->v[i];
		struct msg_nest nest = msg_nest(m, type, p->at);

		msg_put(m, NF_ALG_A_PREFIX_ADDRESS, p->address, p->size, p->at);
		msg_put_u8(m, NF_ALG_A_PREFIX_LENGTH, p->length, p->at);
		msg_nest_end(m, nest);
	}
}

void service_put(struct msg *m, const struct service *s)
{
	msg_put_text(m, NF_ALG_A_SERVICE_NAME, s->o.name, s->o.at);
	if (s->o.have & BIT(NF_ALG_A_SERVICE_PROTOCOL))
		msg_put_u32(m, NF_ALG_A_SERVICE_PROTOCOL, s->protocol, s->protocol_at);
	if (s->o.have & BIT(NF_ALG_A_SERVICE_TRANSPORT))
		msg_put_u8(m, NF_ALG_A_SERVICE_TRANSPORT, s->transport, s->ports_at);
	if (s->o.have & BIT(NF_ALG_A_SERVICE_PORT_MIN))
		msg_put_u16(m, NF_ALG_A_SERVICE_PORT_MIN, s->port_min, s->ports_at);
	if (s->o.have & BIT(NF_ALG_A_SERVICE_PORT_MAX))
		msg_put_u16(m, NF_ALG_A_SERVICE_PORT_MAX, s->port_max, s->ports_at);
	put_prefixes(m, NF_ALG_A_SERVICE_DESTINATION, &s->to);
	put_prefixes(m, NF_ALG_A_SERVICE_EXCEPT, &s->except);
}

static void get_prefix(struct prefixes *list, const struct nlattr *nest)
{
	const struct nlattr *a[NF_ALG_A_PREFIX_MAX + 1], *address;
	struct prefix p = { 0 };
	size_t size;

	attrs_of_nest(a, NF_ALG_A_PREFIX_MAX, nest);
	address = a[NF_ALG_A_PREFIX_ADDRESS];
	size = address ? mnl_attr_get_payload_len(address) : 0;
	if (size != 4 && size != 16)
		return;
	memcpy(p.address, mnl_attr_get_payload(address), size);
	p.size = (uint8_t)size;
	p.length = attr_u8(a[NF_ALG_A_PREFIX_LENGTH]);
	list->v = grow(list->v, list->n, &list->room, sizeof(*list->v));
	list->v[list->n++] = p;
}

void service_get(struct service *s, const void *attrs, size_t size)
{
	const struct nlattr *a[NF_ALG_A_SERVICE_MAX + 1];

	attrs_index(a, NF_ALG_A_SERVICE_MAX, attrs, size);
	attr_text(a[NF_ALG_A_SERVICE_NAME], s->o.name, sizeof(s->o.name));
	for (unsigned int i = 1; i <= NF_ALG_A_SERVICE_MAX; i++)
		s->o.have |= a[i] ? BIT(i) : 0;
	s->protocol = attr_u32(a[NF_ALG_A_SERVICE_PROTOCOL]);
	s->transport = attr_u8(a[NF_ALG_A_SERVICE_TRANSPORT]);
	s->port_min = attr_u16(a[NF_ALG_A_SERVICE_PORT_MIN]);
	s->port_max = a[NF_ALG_A_SERVICE_PORT_MAX] ? attr_u16(a[NF_ALG_A_SERVICE_PORT_MAX]) : s->port_min;
	s->predefined = attr_u8(a[NF_ALG_A_SERVICE_PREDEFINED]);
	s->users = attr_u32(a[NF_ALG_A_SERVICE_USERS]);
	attrs_each(attr, attrs, size) {
		if (mnl_attr_get_type(attr) == NF_ALG_A_SERVICE_DESTINATION)
			get_prefix(&s->to, attr);
		else if (mnl_attr_get_type(attr) == NF_ALG_A_SERVICE_EXCEPT)
			get_prefix(&s->except, attr);
	}
}

static int prefix_order(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int order;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	order = memcmp(x->address, y->address, x->size);
	return order ? order : (int)x->length - (int)y->length;
}

static void view_prefixes(struct view *view, const char *name, const struct prefixes *list)
{
	struct item *item = view_add(view, name, NULL, NULL);
	struct prefix *sorted = zalloc((list->n + 1) * sizeof(*sorted));

	for (size_t i = 0; i < list->n; i++)
		sorted[i] = list->v[i];
	qsort(sorted, list->n, sizeof(*sorted), prefix_order);
	for (size_t i = 0; i < list->n; i++)
		add_prefix(&item->values, &sorted[i]);
	item->list = true;
	item->standard = !list->n;
	free(sorted);
}

void service_view(const struct service *s, struct view *view)
{
	struct item *item;

	view_text(view, "protocol", protocol_name(s->protocol), false);
	item = view_add(view, s->transport == IPPROTO_UDP ? "udp" : "tcp", NULL, NULL);
	add_ports(&item->values, s->port_min, s->port_max);
	view_prefixes(view, "to", &s->to);
	view_prefixes(view, "except", &s->except);
	item = view_add(view, "predefined", NULL, NULL);
	item->type = ITEM_BOOL;
	item->read_only = true;
	words_add(&item->values, s->predefined ? "yes" : "no");
	view_use(view, "users", s->users);
}

/*
 * "to any" and "except none" can't be said in a change: absent means unchanged. So the whole service is read, and
 * replaced by what it is to be.
 */
static bool set_emptied(struct ctx *ctx, struct service *s)
{
	struct objects found = { 0 };
	struct service *now;
	bool good = ctx->backend->ops->list(ctx, KIND_SERVICE, &s->o, &found) && found.n == 1;

	if (!good)
		goto out;
	now = to_service(found.v[0]);
	if (!(s->o.have & BIT(NF_ALG_A_SERVICE_PROTOCOL)))
		s->protocol = now->protocol;
	if (!(s->o.have & BIT(NF_ALG_A_SERVICE_TRANSPORT))) {
		s->transport = now->transport;
		s->port_min = now->port_min;
		s->port_max = now->port_max;
	}
	if (!(s->o.have & BIT(NF_ALG_A_SERVICE_DESTINATION))) {
		s->to = now->to;
		now->to = (struct prefixes){ 0 };
	}
	if (!(s->o.have & BIT(NF_ALG_A_SERVICE_EXCEPT))) {
		s->except = now->except;
		now->except = (struct prefixes){ 0 };
	}
	s->o.have |= BIT(NF_ALG_A_SERVICE_PROTOCOL) | BIT(NF_ALG_A_SERVICE_TRANSPORT) | BIT(NF_ALG_A_SERVICE_PORT_MIN) |
		     BIT(NF_ALG_A_SERVICE_PORT_MAX);
	good = ctx->backend->ops->set(ctx, &s->o, WRITE_REPLACE);
out:
	objects_free(&found);
	return good;
}

static bool service_set(struct ctx *ctx, const struct command *command, void *object)
{
	struct service *s = object;
	bool emptied = (s->o.have & BIT(NF_ALG_A_SERVICE_DESTINATION) && !s->to.n) ||
		       (s->o.have & BIT(NF_ALG_A_SERVICE_EXCEPT) && !s->except.n);

	if (!emptied || store_in_use(ctx))
		return object_set(ctx, command, object);
	return done(ctx, object_backend(ctx, KIND_SERVICE) && set_emptied(ctx, s));
}

static void add_row(struct words *cells, const struct object *o)
{
	const struct service *s = (const struct service *)o;
	struct view view = { 0 };
	char *to, *except;

	service_view(s, &view);
	to = words_join(&view.v[2].values, ",");
	except = words_join(&view.v[3].values, ",");
	words_addf(cells, "%s%s", s->o.name, s->predefined ? " (predefined)" : "");
	words_add(cells, view.v[0].values.v[0]);
	words_addf(cells, "%s %s", view.v[1].path[0], view.v[1].values.v[0]);
	words_add(cells, *to ? to : "any");
	words_add(cells, *except ? except : "none");
	words_addf(cells, "%u", s->users);
	free(to);
	free(except);
	view_free(&view);
}

static bool service_show(struct ctx *ctx, const struct command *command, void *object)
{
	static const char *const head[] = { "SERVICE", "PROTOCOL", "PORTS", "TO", "EXCEPT", "POLICIES" };
	static const struct object_table table = { KIND_SERVICE, head, sizeof(head) / sizeof(head[0]), add_row,
						   nothing_configured };

	(void)command;
	return object_show(ctx, &table, object);
}

static const struct command commands[] = {
	{ .name = "show", .help = "list services",
	  .params = name_or_all_params, .make = make, .run = service_show },
	{ .name = "add", .help = "make a service",
	  .params = service_params, .flags = COMMAND_MAKES, .options = OPTION_DRY_RUN, .make = make, .run = object_add },
	{ .name = "set", .help = "change a service; what is not named stays",
	  .params = service_params, .flags = COMMAND_CHANGES, .options = OPTION_DRY_RUN, .make = make, .run = service_set },
	{ .name = "del", .help = "delete a service",
	  .params = name_params, .options = OPTION_DRY_RUN, .make = make, .run = object_del },
	STORE_COMMANDS,
	{ 0 }
};

const struct object_def service_object = {
	.name = "service",
	.help = "destinations and ports that an ALG serves",
	.commands = commands,
	.more = "Predefined services (ftp, sip-udp, sip-tcp, tftp, pptp, ike) always exist and can't be changed. A\n"
		"policy names the services that it serves; a service that a policy names can't be deleted.",
};
