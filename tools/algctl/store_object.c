// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl store: making a store, its state, retention. */
#include "object.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "fleet.h"
#include "operation.h"

struct store_args {
	enum kind kind;
	int64_t keep;		/* seconds; below 0: off */
};

/* ---- init ---- */

static struct object *preset(const struct role_preset *p)
{
	struct role *r = to_role(object_new(KIND_ROLE));

	snprintf(r->o.name, sizeof(r->o.name), "%s", p->name);
	r->o.description = copy(p->description);
	memcpy(r->level, p->level, sizeof(r->level));
	return &r->o;
}

static bool add_roles(struct store *s)
{
	bool good = true;

	for (const struct role_preset *p = role_presets; p->name && good; p++) {
		struct object *o = preset(p);

		if (p == role_presets && strcmp(s->identity.user, "root"))
			words_addf(&to_role(o)->members, "user:%s", s->identity.user);
		good = version_save(s, o, NULL);
		object_free(o);
	}
	return good;
}

/* What runs in the kernel is the first version of everything. Without a kernel there is the policy "default" alone. */
static bool read_kernel(struct ctx *ctx, struct objects *out)
{
	bool quiet = ctx->quiet, good;
	struct backend *front;
	uint32_t generation;

	ctx->quiet = true;
	good = kernel_enter(ctx, &front) && config_read(ctx, out, &generation);
	kernel_leave(ctx, front);
	ctx->quiet = quiet;
	return good;
}

static bool adopt(struct store *s, bool *kernel)
{
	struct objects found = { 0 };
	bool good = true;

	*kernel = read_kernel(s->ctx, &found);
	if (!objects_find(&found, KIND_POLICY, "default")) {
		struct object *o = object_new(KIND_POLICY);

		strcpy(o->name, "default");
		objects_add(&found, o);
		objects_sort(&found);
	}
	for (size_t i = 0; i < found.n && good; i++) {
		const struct object *o = found.v[i];

		if (o->kind == KIND_SERVICE && to_service(found.v[i])->predefined)
			continue;
		s->subject = ref_of(o->kind, o->name, 0);
		good = version_save(s, found.v[i], NULL);
	}
	s->applied = false;
	objects_free(&found);
	return good;
}

static bool made(struct ctx *ctx, const char *where)
{
	if (ctx->json)
		print_json(ctx, json_pack("{s:b, s:s}", "ok", 1, "store", where));
	else
		fprintf(ctx->out, "made the store %s\n", where);
	return true;
}

static bool init(struct ctx *ctx, const struct command *command, void *object)
{
	struct store *s = NULL;
	char *where = NULL;
	bool good, there, kernel = false;

	(void)command;
	(void)object;
	if (!store_place(ctx, &where))
		return false;
	where = where ? where : store_own_path(ctx);
	there = strstr(where, "://") || !access(where, F_OK);
	ctx->store_known = ctx->store_used = true;
	good = store_place_prepare(ctx, where) && (s = store_create(ctx, where, schema_latest));
	if (good) {
		ctx->backend = store_backend_new(s);
		good = identity_load(s) && add_roles(s) && adopt(s, &kernel) && store_commit(s) &&
		       store_place_keep(ctx, where);
		/* the kernel's policies get their versions' numbers */
		good = good && (!kernel || operation_run(ctx, operation_restore, NULL, NULL)) && made(ctx, where);
	}
	if (!good && !there)
		unlink(where);
	free(where);
	return good;
}

/* ---- status ---- */

static json_t *retention_json(struct store *s)
{
	json_t *j = json_object();

	sql_start(s, SQL_RETENTION, "");
	while (sql_row(s, SQL_RETENTION))
		json_object_set_new(j, sql_text(s, SQL_RETENTION, 0), json_integer(sql_number(s, SQL_RETENTION, 1)));
	return j;
}

static void print_store(struct ctx *ctx, const struct store *s, int schema, json_t *retention)
{
	const char *kind;
	json_t *value;

	fprintf(ctx->out, "store %s, %s, schema %d\nyou are %s%s, roles:", s->where, s->db->driver->name, schema,
		s->identity.user, s->identity.root ? " (all rights)" : "");
	for (size_t i = 0; i < s->identity.roles.n; i++)
		fprintf(ctx->out, " %s", s->identity.roles.v[i]->name);
	fputs(s->identity.roles.n ? "\n" : " none\n", ctx->out);
	json_object_foreach(retention, kind, value)
		fprintf(ctx->out, "auto-delete of %s versions after %lld s\n", kind, (long long)json_integer_value(value));
}

static void print_store_json(struct ctx *ctx, const struct store *s, int schema, json_t *retention,
			     const struct outcome *out, bool known)
{
	json_t *j = json_pack("{s:s, s:s, s:i, s:s, s:b, s:O}", "store", s->where, "engine", s->db->driver->name, "schema",
			      schema, "user", s->identity.user, "all-rights", s->identity.root, "auto-delete", retention);
	json_t *roles = json_array(), *kernel = json_object();

	for (size_t i = 0; i < s->identity.roles.n; i++)
		json_array_append_new(roles, json_string(s->identity.roles.v[i]->name));
	json_object_set_new(j, "roles", roles);
	changes_json(kernel, &out->changes);
	json_object_set(j, "drift", known ? kernel : json_null());
	json_decref(kernel);
	print_json(ctx, j);
}

static bool store_status(struct ctx *ctx, const struct command *command, void *object)
{
	struct outcome out = { 0 };
	bool quiet = ctx->quiet, known;
	struct store *s = store_read(ctx);
	json_t *retention;
	uint32_t level;
	int schema;

	(void)command;
	(void)object;
	if (!s || !store_schema(s, &schema) || !access_level(s, KIND_TENANT, NULL, &level))
		return false;
	retention = retention_json(s);
	ctx->quiet = true;
	known = drift(ctx, &out);
	ctx->quiet = quiet;
	if (ctx->json) {
		print_store_json(ctx, s, schema, retention, &out, known);
	} else {
		print_store(ctx, s, schema, retention);
		fputs(!known && fleet_used(s) ? "a fleet's boxes have their own kernels: algctl fleet status\n" :
		      !known ? "the kernel can't be read\n" : out.changes.n ? "the kernel differs, 'algctl restore' would:\n" :
		      "the kernel has what the store has\n", ctx->out);
		changes_print(ctx, &out.changes);
	}
	json_decref(retention);
	outcome_free(&out);
	return true;
}

/* ---- auto-delete ---- */

static bool set_kind(struct setter *s, const struct param *p, const char *text)
{
	return read_kind(s, p, text, &((struct store_args *)s->object)->kind);
}

/* 30d, 12h, 5m, 10s or seconds */
static bool set_keep(struct setter *s, const struct param *p, const char *text)
{
	struct store_args *a = s->object;

	a->keep = -1;
	return !strcmp(text, "off") || read_duration(s, p->help, text, &a->keep);
}

static void list_off(const struct setter *s, const struct param *p, struct words *out)
{
	(void)s;
	(void)p;
	words_add(out, "off");
}

static const struct param keep_params[] = {
	{ .name = "KIND", .help = "the kind of object", .kind = PARAM_POSITION, .arg = STORE_KINDS,
	  .set = set_kind, .list = list_kinds },
	{ .name = "AGE", .help = "a time as 30d, 12h, 5m or seconds, or off", .kind = PARAM_POSITION, .set = set_keep,
	  .list = list_off },
	{ 0 }
};

static bool do_keep(struct store *s, void *data)
{
	const struct store_args *a = data;
	char *text = a->keep < 0 ? copy("auto-delete off") : format_text("auto-delete after %lld s", (long long)a->keep);
	struct ref about = ref_of(a->kind, "", 0);
	bool good;

	s->subject = about;
	good = access_administrator(s, "auto-delete");
	if (good && a->keep < 0)
		sql_run(s, SQL_RETENTION_DEL, "t", kind_names[a->kind]);
	else if (good)
		sql_run(s, SQL_RETENTION_SET, "tn", kind_names[a->kind], a->keep);
	good = good && audit_add(s, &about, NULL, text, audit_done);
	free(text);
	return good;
}

static bool keep(struct ctx *ctx, const struct command *command, void *object)
{
	struct outcome out = { 0 };
	bool good = store_wanted(ctx) && operation_run(ctx, do_keep, object, &out);

	(void)command;
	for (size_t i = 0; good && !ctx->json && i < out.gone.n; i++) {
		char *text = ref_full_text(&out.gone.v[i]);

		fprintf(ctx->out, "%s %s\n", ctx->dry_run ? "would delete" : "deleted", text);
		free(text);
	}
	outcome_free(&out);
	return done(ctx, good);
}

static const struct command commands[] = {
	{ .name = "status", .help = "where it is, who you are to it, and where the kernel differs from it",
	  .run = store_status },
	{ .name = "init", .help = "make it; what runs in the kernel becomes version 1",
	  .run = init },
	{ .name = "auto-delete", .help = "delete old versions that nothing refers to, when they are older than that",
	  .params = keep_params, .options = OPTION_DRY_RUN, .size = sizeof(struct store_args), .run = keep },
	{ 0 }
};

const struct object_def store_object = {
	.name = "store",
	.help = "versions, permissions and the log of everything that is configured",
	.commands = commands,
	.more = "A box has a store when the file or the address of one is in /var/lib/nf-alg; 'init' makes it there. Without\n"
		"one everything works on the kernel alone. --store and ALGCTL_STORE name another: a file or\n"
		"postgresql://...; 'none' is none.",
};
