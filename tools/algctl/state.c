// SPDX-License-Identifier: GPL-2.0-or-later
#include "state.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "msg.h"

const struct state_def *const state_defs[STATE_KINDS] = {
	[STATE_PINHOLE] = &pinhole_def, [STATE_CALL] = &call_def, [STATE_REGISTRATION] = &registration_def,
	[STATE_TUNNEL] = &tunnel_def,
};

struct state *state_get(enum state_kind kind, const struct nlattr *nest)
{
	const struct state_def *def = state_defs[kind];
	struct state *s = zalloc(def->size);

	s->kind = kind;
	fields_get(def->fields, s, mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest));
	if (def->get)
		def->get(s, nest);
	return s;
}

void state_free(struct state *s)
{
	if (s && state_defs[s->kind]->free)
		state_defs[s->kind]->free(s);
	free(s);
}

void states_free(struct state_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		state_free(list->v[i]);
	free(list->v);
	*list = (struct state_list){ 0 };
}

json_t *state_json(const struct state *s)
{
	const struct state_def *def = state_defs[s->kind];
	json_t *j = json_object();

	fields_json(def->fields, s, j);
	if (def->json)
		def->json(s, j);
	return j;
}

static int state_order(const void *a, const void *b)
{
	const struct state *x = *(struct state *const *)a, *y = *(struct state *const *)b;

	if (x->protocol != y->protocol && state_defs[x->kind]->own_ids)
		return x->protocol < y->protocol ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* The kernel selects by tenant and protocol. */
bool states_fetch(struct ctx *ctx, enum state_kind kind, const struct query *q, struct state_list *out)
{
	bool (*selects)(const struct state *, const struct query *) = state_defs[kind]->selects;
	size_t n = 0;

	if (!kernel_state_backend(ctx, false) || !ctx->backend->ops->states(ctx, kind, q, out))
		return false;
	for (size_t i = 0; i < out->n; i++) {
		if ((q->has_id && out->v[i]->id != q->id) || (selects && !selects(out->v[i], q)))
			state_free(out->v[i]);
		else
			out->v[n++] = out->v[i];
	}
	out->n = n;
	if (n)
		qsort(out->v, n, sizeof(*out->v), state_order);
	return true;
}

void states_print(struct ctx *ctx, const struct state_list *list, const struct state_table *table, const void *data)
{
	struct columns c = { .width = table->width };

	words_add_all(&c.cells, table->head, c.width);
	if (table->below)
		words_add(&c.below, "");
	for (size_t i = 0; i < list->n; i++) {
		table->row(&c.cells, list->v[i], data);
		if (table->below) {
			char *text = table->below(list->v[i]);

			words_add(&c.below, text);
			free(text);
		}
	}
	if (list->n) {
		columns_print(ctx, &c);
	} else {
		words_free(&c.cells);
		words_free(&c.below);
	}
}

static void print_states_json(struct ctx *ctx, const struct state_def *def, const struct state_list *list)
{
	json_t *all = json_array(), *top = json_object();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(all, state_json(list->v[i]));
	json_object_set_new(top, def->plural, all);
	print_json(ctx, top);
}

bool state_show(struct ctx *ctx, enum state_kind kind, const struct query *q, const struct state_table *table)
{
	struct state_list list = { 0 };
	bool good = states_fetch(ctx, kind, q, &list);

	if (good && ctx->json)
		print_states_json(ctx, state_defs[kind], &list);
	else if (good)
		states_print(ctx, &list, table, NULL);
	states_free(&list);
	return good;
}

/* Whose id is it? Only asked where the user did not say. */
static bool find_protocol(struct ctx *ctx, enum state_kind kind, struct query *q)
{
	const char *name = state_defs[kind]->name;
	struct state_list list = { 0 };
	bool good = states_fetch(ctx, kind, q, &list);

	if (good && !list.n)
		good = fail_errno(ctx, ENOENT, q->id_at, "there is no %s %" PRIu64, name, q->id);
	if (good && list.n > 1) {
		good = fail(ctx, ALGCTL_USAGE, q->id_at, "several protocols have a %s %" PRIu64, name, q->id);
		error_hint(ctx, "add 'protocol %s' or another", protocol_name(list.v[0]->protocol));
	}
	if (good) {
		q->has_protocol = true;
		q->protocol = list.v[0]->protocol;
		q->protocol_at = q->id_at;
	}
	states_free(&list);
	return good;
}

bool state_del(struct ctx *ctx, enum state_kind kind, struct query *q)
{
	bool asks = state_defs[kind]->own_ids && q->has_id && !q->has_protocol;

	return done(ctx, kernel_state_backend(ctx, true) && (!asks || find_protocol(ctx, kind, q)) &&
		    ctx->backend->ops->state_del(ctx, kind, q));
}

bool set_state_id(struct setter *s, const struct param *p, const char *text)
{
	const struct state_def *def = state_defs[p->arg];
	struct query *q = s->object;
	char *end;

	q->has_id = true;
	q->id_at = s->at;
	errno = 0;
	q->id = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || q->id > def->id_max)
		return fail(s->ctx, ALGCTL_USAGE, s->at, "'%s' is no id of a %s", text, def->name);
	return true;
}

void list_state_ids(const struct setter *s, const struct param *p, struct words *out)
{
	const struct query *given = s->object;
	struct query q = { .has_protocol = given && given->has_protocol, .protocol = given ? given->protocol : 0 };
	struct state_list list = { 0 };
	bool quiet = s->ctx->quiet;

	s->ctx->quiet = true;
	if (states_fetch(s->ctx, p->arg, &q, &list))
		for (size_t i = 0; i < list.n; i++)
			words_addf(out, "%" PRIu64, list.v[i]->id);
	s->ctx->quiet = quiet;
	states_free(&list);
}

char *address_endpoint(const struct address *a)
{
	return endpoint_text(a->bytes, a->size, a->has_port, a->port);
}

void add_endpoint(struct words *out, const struct address *a)
{
	char *text = address_endpoint(a);

	words_add(out, text);
	free(text);
}
