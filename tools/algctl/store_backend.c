// SPDX-License-Identifier: GPL-2.0-or-later
/* The store as backend, in front of the kernel. */
#include <stdlib.h>
#include <string.h>

#include "caller.h"
#include "operation.h"
#include "state.h"

struct store_backend {
	struct backend backend;
	struct backend *kernel;		/* opened when it is needed */
	struct store *store;
};

static struct store_backend *front_of(struct ctx *ctx)
{
	return (struct store_backend *)ctx->backend;
}

bool kernel_enter(struct ctx *ctx, struct backend **front)
{
	struct store_backend *b = front_of(ctx);

	*front = ctx->backend;
	ctx->backend = NULL;
	if (!b->kernel)
		b->kernel = kernel_open(ctx);
	ctx->backend = b->kernel ? b->kernel : *front;
	return b->kernel;
}

void kernel_leave(struct ctx *ctx, struct backend *front)
{
	ctx->backend = front;
}

/* Calls the kernel's operation of the same name. */
#define BELOW(ctx, operation, ...) ({ \
	struct backend *front_; \
	bool good_ = kernel_enter(ctx, &front_) && (ctx)->backend->ops->operation(ctx, ##__VA_ARGS__); \
	kernel_leave(ctx, front_); \
	good_; })

static bool below_status(struct ctx *ctx, struct status *status)
{
	return BELOW(ctx, status, status);
}

/* ---- what gateways keep: who came through sudo sees that of tenants that he may view, and ends that of those he may edit ---- */

/* What he may do is known from then on, without a transaction. */
static bool learn_rights(struct store *s)
{
	uint32_t level;
	bool good = store_begin(s, BEGIN_READ) && identity_load(s) && access_level(s, KIND_TENANT, NULL, &level);

	store_rollback(s);
	return good;
}

static bool sees(struct store *s, const char *tenant)
{
	uint32_t level;

	return access_level(s, KIND_TENANT, *tenant ? tenant : NULL, &level) && level >= LEVEL_VIEW;
}

static bool below_stats(struct ctx *ctx, const struct query *q, struct stats_list *out)
{
	struct store *s = store_of(ctx);
	size_t n = 0;

	if (!BELOW(ctx, stats, q, out))
		return false;
	if (!caller_get().other)
		return true;
	if (!learn_rights(s))
		return false;
	for (size_t i = 0; i < out->n; i++)
		if (sees(s, out->v[i].tenant))
			out->v[n++] = out->v[i];
	out->n = n;
	return true;
}

static bool below_states(struct ctx *ctx, enum state_kind kind, const struct query *q, struct state_list *out)
{
	struct store *s = store_of(ctx);
	size_t n = 0;

	if (!BELOW(ctx, states, kind, q, out))
		return false;
	if (!caller_get().other)
		return true;
	if (!learn_rights(s))
		return false;
	for (size_t i = 0; i < out->n; i++) {
		if (sees(s, out->v[i]->tenant))
			out->v[n++] = out->v[i];
		else
			state_free(out->v[i]);
	}
	out->n = n;
	return true;
}

/* @kind STATE_KINDS: counters */
struct ending {
	enum state_kind kind;
	const struct query *q;
};

/* The tenant of one that is named by its id, "" when it is not there. */
static bool find_tenant(struct ctx *ctx, const struct ending *e, char tenant[NAME_SIZE])
{
	struct state_list list = { 0 };

	snprintf(tenant, NAME_SIZE, "%s", e->q->tenant);
	if (e->kind == STATE_KINDS || !e->q->has_id)
		return true;
	if (!BELOW(ctx, states, e->kind, e->q, &list))
		return false;
	for (size_t i = 0; i < list.n; i++)
		if (list.v[i]->id == e->q->id)
			snprintf(tenant, NAME_SIZE, "%s", list.v[i]->tenant);
	states_free(&list);
	return true;
}

static char *ending_text(const struct ending *e)
{
	if (e->kind == STATE_KINDS)
		return copy("counters set to zero");
	if (!e->q->has_id)
		return format_text("all %s ended", state_defs[e->kind]->plural);
	return format_text("%s %llu ended", state_defs[e->kind]->name, (unsigned long long)e->q->id);
}

/* The entry comes first: where there is no room for it nothing is ended. */
static bool do_end(struct store *s, void *data)
{
	const struct ending *e = data;
	char tenant[NAME_SIZE], *text;
	bool good;

	if (!find_tenant(s->ctx, e, tenant))
		return false;
	s->subject = *tenant ? ref_of(KIND_TENANT, tenant, 0) : ref_of(STORE_KINDS, "", 0);
	if (*tenant ? !access_check(s, KIND_TENANT, tenant, LEVEL_EDIT, NOWHERE) : !access_kind(s, KIND_TENANT, LEVEL_EDIT))
		return false;
	text = ending_text(e);
	good = audit_add(s, &s->subject, NULL, text, audit_done) &&
	       (e->kind == STATE_KINDS ? BELOW(s->ctx, stats_reset, e->q) : BELOW(s->ctx, state_del, e->kind, e->q));
	free(text);
	return good;
}

static bool below_stats_reset(struct ctx *ctx, const struct query *q)
{
	struct ending e = { STATE_KINDS, q };

	return operation_run(ctx, do_end, &e, NULL);
}

static bool below_state_del(struct ctx *ctx, enum state_kind kind, const struct query *q)
{
	struct ending e = { kind, q };

	return operation_run(ctx, do_end, &e, NULL);
}

struct watcher {
	struct store *store;
	bool (*seen)(struct ctx *ctx, const struct event *e, void *data);
	void *data;
};

static bool seen_by_caller(struct ctx *ctx, const struct event *e, void *data)
{
	const struct watcher *w = data;
	const char *tenant = *e->tenant ? e->tenant : e->state ? e->state->tenant : e->name;

	return (!e->lost && !sees(w->store, tenant)) || w->seen(ctx, e, w->data);
}

/* With the rights that he has in the beginning. */
static bool below_watch(struct ctx *ctx, bool (*seen)(struct ctx *ctx, const struct event *e, void *data), void *data)
{
	struct watcher w = { store_of(ctx), seen, data };

	if (!caller_get().other)
		return BELOW(ctx, watch, seen, data);
	return learn_rights(w.store) && BELOW(ctx, watch, seen_by_caller, &w);
}

struct write {
	struct object *o;
	enum write_how how;
	struct objects said;
};

static bool write_object(struct store *s, void *data)
{
	const struct write *w = data;

	s->said = &w->said;
	return w->how == WRITE_ADD ? version_add(s, w->o) : version_set(s, w->o, w->how);
}

/* A dry run shows what would change in the kernel. */
static bool change(struct ctx *ctx, operation_fn *work, void *data)
{
	struct outcome out = { 0 };
	bool good = operation_run(ctx, work, data, &out);

	if (good && ctx->dry_run)
		changes_tell(ctx, &out.changes);
	outcome_free(&out);
	return good;
}

/* The object's references become references to versions. */
static bool store_set(struct ctx *ctx, const struct object *o, enum write_how how)
{
	struct object *one = (struct object *)(uintptr_t)o;
	struct write w = { one, how, { .v = &one, .n = 1 } };

	return change(ctx, write_object, &w);
}

static bool delete_object(struct store *s, void *data)
{
	const struct object *o = data;
	struct ref ref = ref_of(o->kind, o->name, o->version);

	return version_del(s, &ref, o->at);
}

static bool store_del(struct ctx *ctx, const struct object *o)
{
	return change(ctx, delete_object, (void *)(uintptr_t)o);
}

/* ---- list: what the store has, with what only the kernel knows ---- */

static void add_predefined(const struct object *one, struct objects *out)
{
	for (const struct predefined_service *p = predefined_services; p->name; p++) {
		struct service *s;

		if (one && strcmp(one->name, p->name))
			continue;
		s = to_service(object_new(KIND_SERVICE));
		snprintf(s->o.name, sizeof(s->o.name), "%s", p->name);
		s->protocol = p->protocol;
		s->transport = p->transport;
		s->port_min = s->port_max = p->port;
		s->predefined = 1;
		objects_add(out, &s->o);
	}
}

static void set_users(struct objects *list, enum kind kind, const char *name, uint32_t users)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i]->kind != kind || strcmp(list->v[i]->name, name))
			continue;
		if (kind == KIND_POLICY)
			to_policy(list->v[i])->users = users;
		else if (kind == KIND_SERVICE)
			to_service(list->v[i])->users = users;
	}
}

static void count_users(struct store *s, enum kind kind, struct objects *list)
{
	enum sql q = kind == KIND_POLICY ? SQL_POLICY_USERS : SQL_USERS;

	if (kind == KIND_POLICY)
		sql_start(s, q, "");
	else if (kind == KIND_SERVICE)
		sql_start(s, q, "tt", kind_names[KIND_SERVICE], kind_names[KIND_POLICY]);
	else
		return;
	while (sql_row(s, q))
		set_users(list, kind, sql_text(s, q, 0), (uint32_t)sql_number(s, q, 1));
}

static void add_use(struct tenant *t, const struct objects *running)
{
	static const int attrs[] = { NF_ALG_A_TENANT_ID, NF_ALG_A_TENANT_SESSIONS, NF_ALG_A_TENANT_PINHOLES };
	const struct object *o = objects_find(running, KIND_TENANT, t->o.name);

	for (size_t i = 0; o && i < sizeof(attrs) / sizeof(attrs[0]); i++)
		t->number[attrs[i]] = ((const struct tenant *)o)->number[attrs[i]];
}

/* Without a kernel the numbers are 0, which is what is in use then. */
static void tenants_finish(struct store *s, struct objects *list)
{
	struct ctx *ctx = s->ctx;
	struct objects running = { 0 };
	bool quiet = ctx->quiet;

	ctx->quiet = true;
	if (!ctx->plain && BELOW(ctx, list, KIND_TENANT, NULL, &running))
		objects_sort(&running);
	ctx->quiet = quiet;
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i]->kind != KIND_TENANT)
			continue;
		if (!ctx->plain)
			tenant_resolve(s, to_tenant(list->v[i]));
		add_use(to_tenant(list->v[i]), &running);
	}
	objects_free(&running);
}

static bool list_one(struct store *s, const struct object *one, struct objects *out)
{
	struct ref ref = ref_of(one->kind, one->name, one->version);
	struct object *o = version_load(s, &ref, one->at);

	if (o)
		objects_add(out, o);
	return o;
}

static bool store_list_objects(struct ctx *ctx, enum kind kind, const struct object *one, struct objects *out)
{
	struct store *s = store_of(ctx);
	struct objects list = { 0 };
	bool good = store_begin(s, BEGIN_READ) && identity_load(s);

	if (kind == KIND_SERVICE)
		add_predefined(one, &list);
	if (good && one && !list.n)
		good = list_one(s, one, &list);
	else if (good && !one)
		good = version_list(s, kind, ctx->plain, &list);
	if (good)
		count_users(s, kind, &list);
	if (good && kind == KIND_TENANT)
		tenants_finish(s, &list);
	good = good && !s->failed;
	for (size_t i = 0; i < list.n && good; i++) {
		objects_add(out, list.v[i]);
		list.v[i] = NULL;
	}
	objects_free(&list);
	return good;
}

static void store_backend_close(struct ctx *ctx)
{
	struct store_backend *b = front_of(ctx);

	if (b->store && b->store->refused) {
		ctx->quiet = true;
		store_rollback(b->store);
		operation_refused(b->store);
	}
	if (b->kernel) {
		ctx->backend = b->kernel;
		b->kernel->ops->close(ctx);
	}
	store_close(b->store);
	free(b);
	ctx->backend = NULL;
}

static const struct backend_ops ops = {
	.status = below_status,
	.set = store_set,
	.del = store_del,
	.list = store_list_objects,
	.stats = below_stats,
	.stats_reset = below_stats_reset,
	.states = below_states,
	.state_del = below_state_del,
	.watch = below_watch,
	.close = store_backend_close,
};

struct store *store_of(struct ctx *ctx)
{
	return ctx->backend && ctx->backend->ops == &ops ? front_of(ctx)->store : NULL;
}

struct backend *store_backend_new(struct store *s)
{
	struct store_backend *b = zalloc(sizeof(*b));

	b->backend.ops = &ops;
	b->backend.kinds = STORE_KINDS;
	b->store = s;
	return &b->backend;
}

struct backend *store_backend_open(struct ctx *ctx, const char *where)
{
	struct store *s = store_open(ctx, where);

	return s ? store_backend_new(s) : NULL;
}
