// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl log: who changed what, and who was refused. */
#include "object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

struct log_args {
	const char *who, *name;
	enum kind kind;
	bool has_kind, refused;
	uint32_t last;
	int64_t since, until;	/* 0: not given */
};

/* What is printed, and behind which number it goes on. */
struct reader {
	struct ctx *ctx;
	const struct log_args *args;
	struct columns columns;
	json_t *all;
	int64_t number, skip;
	bool count_only;
	size_t matched;
};

static bool set_kind(struct setter *s, const struct param *p, const char *text)
{
	struct log_args *a = s->object;

	a->has_kind = true;
	return read_kind(s, p, text, &a->kind);
}

static bool set_last(struct setter *s, const struct param *p, const char *text)
{
	return read_number(s, p->name, text, 1, UINT32_MAX, &((struct log_args *)s->object)->last);
}

static bool set_since(struct setter *s, const struct param *p, const char *text)
{
	return read_moment(s, p->name, text, false, &((struct log_args *)s->object)->since);
}

static bool set_until(struct setter *s, const struct param *p, const char *text)
{
	return read_moment(s, p->name, text, true, &((struct log_args *)s->object)->until);
}

static const struct param show_params[] = {
	{ .name = "who", .metavar = "USER", .help = "of that user only", .kind = PARAM_VALUE,
	  .arg = offsetof(struct log_args, who), .set = set_text },
	{ .name = "object", .metavar = "KIND", .help = "about that kind of object only",
	  .kind = PARAM_VALUE, .arg = LOG_KINDS, .set = set_kind, .list = list_kinds },
	{ .name = "name", .metavar = "NAME", .help = "about that name, of whatever kind, only",
	  .kind = PARAM_VALUE, .arg = offsetof(struct log_args, name), .set = set_text },
	{ .name = "since", .metavar = "TIME", .help = "from then on: 2025-11-23, 2025-11-23T14:30:00, or an age as 7d",
	  .kind = PARAM_VALUE, .set = set_since },
	{ .name = "until", .metavar = "TIME", .help = "up to then", .kind = PARAM_VALUE, .set = set_until },
	{ .name = "refused", .help = "only what was refused", .kind = PARAM_FLAG,
	  .arg = offsetof(struct log_args, refused), .set = set_flag },
	{ .name = "last", .metavar = "NUMBER", .help = "only so many entries, the newest",
	  .kind = PARAM_VALUE, .set = set_last },
	{ 0 }
};

/* "gold@3" is about gold. */
static bool same_name(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return !strcmp(entry, name) || (!strncmp(entry, name, n) && entry[n] == '@');
}

static bool wanted(const struct log_args *a, const struct audit_entry *e)
{
	if ((a->since && e->at < a->since) || (a->until && e->at > a->until))
		return false;
	return (!a->who || !strcmp(e->who, a->who)) && (!a->has_kind || !strcmp(e->kind, kind_names[a->kind])) &&
	       (!a->name || same_name(e->name, a->name)) && (!a->refused || strcmp(e->result, audit_done));
}

static json_t *entry_json(const struct audit_entry *e)
{
	return json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "number", (json_int_t)e->number, "at",
			 (json_int_t)e->at, "who", e->who, "from", e->origin, "command", e->command, "object", e->kind,
			 "name", e->name, "old", e->old, "new", e->new, "result", e->result, "hash", e->hash);
}

/* Any user's words: they make no lines of their own. */
static void print_text(struct ctx *ctx, const char *before, const char *text)
{
	char *clean = printable(text);

	fprintf(ctx->out, "%s%s\n", before, clean);
	free(clean);
}

static void print_entry(struct ctx *ctx, const struct audit_entry *e)
{
	char *line = format_text("%s@%s  %s  [%s %s]  %s", e->who, e->origin, e->command, e->kind, e->name, e->result);
	char *when = time_text(e->at);

	fprintf(ctx->out, "%lld  %s  ", (long long)e->number, when);
	print_text(ctx, "", line);
	if (*e->old && strcmp(e->old, e->new))
		print_text(ctx, "    old ", e->old);
	if (*e->new)
		print_text(ctx, "    new ", e->new);
	free(when);
	free(line);
}

static bool read_one(void *data, const struct audit_entry *e)
{
	struct reader *r = data;

	r->number = e->number;
	if (!wanted(r->args, e))
		return true;
	r->matched++;
	if (r->count_only || r->skip-- > 0)
		return true;
	if (r->ctx->json && r->ctx->follow)
		print_json_line(r->ctx, entry_json(e));
	else if (r->ctx->json)
		json_array_append_new(r->all, entry_json(e));
	else
		print_entry(r->ctx, e);
	return true;
}

static bool read_all(struct ctx *ctx, struct reader *r)
{
	struct store *s = store_of(ctx);
	struct reader count = { .ctx = ctx, .args = r->args, .count_only = true };

	if (r->args->last) {
		if (!audit_each(s, r->number, read_one, &count))
			return false;
		r->skip = (int64_t)count.matched - r->args->last;
	}
	return audit_each(s, r->number, read_one, r);
}

/* Neither engine has an event that both have: it looks once a second. */
static bool follow(struct ctx *ctx, struct reader *r)
{
	struct store *s = store_of(ctx);

	for (;;) {
		fflush(ctx->out);
		if (ferror(ctx->out))
			return true;
		sleep(1);
		store_rollback(s);
		r->skip = 0;
		if (!store_begin(s, BEGIN_READ) || !audit_each(s, r->number, read_one, r))
			return false;
	}
}

static bool may_read(struct ctx *ctx)
{
	struct store *s = store_read(ctx);
	uint32_t level;

	if (!s || !access_level(s, KIND_ROLE, NULL, &level))
		return false;
	if (level >= LEVEL_VIEW)
		return true;
	s->subject = ref_of(STORE_KINDS, "", 0);
	s->refused = true;
	return fail_errno(ctx, EPERM, NOWHERE, "not permitted to read the log");
}

static bool log_show(struct ctx *ctx, const struct command *command, void *object)
{
	struct reader r = { .ctx = ctx, .args = object, .all = json_array() };
	bool good = may_read(ctx) && read_all(ctx, &r);

	(void)command;
	if (good && ctx->json && !ctx->follow)
		print_json(ctx, json_pack("{s:O}", "log", r.all));
	if (good && ctx->follow)
		good = follow(ctx, &r);
	json_decref(r.all);
	return good;
}

struct verify_args {
	const char *hash;
};

static const struct param verify_params[] = {
	{ .name = "HASH", .help = "that an earlier 'log verify' has printed: its entry must still be there", .kind = PARAM_POSITION,
	  .flags = PARAM_OPTIONAL, .arg = offsetof(struct verify_args, hash), .set = set_text },
	{ 0 }
};

static bool log_verify(struct ctx *ctx, const struct command *command, void *object)
{
	const char *known = ((const struct verify_args *)object)->hash;
	int64_t bad = 0, last = 0;
	char hash[65] = "";
	bool found;

	(void)command;
	if (!may_read(ctx) || !audit_verify(store_of(ctx), known, &found, &bad, &last, hash))
		return false;
	if (bad) {
		fail_errno(ctx, EBADMSG, NOWHERE, "entry %lld does not follow from those before it", (long long)bad);
		error_hint(ctx, "somebody has changed the database by other means");
		return false;
	}
	if (known && !found) {
		fail_errno(ctx, EBADMSG, NOWHERE, "no entry has the hash %s", known);
		error_hint(ctx, "entries were cut off at the end of the log, or it is another one");
		return false;
	}
	if (ctx->json)
		print_json(ctx, json_pack("{s:b, s:I, s:s}", "ok", 1, "entries", (json_int_t)last, "hash", hash));
	else
		fprintf(ctx->out, "%lld entries, complete and unchanged; hash of the last: %s\n", (long long)last,
			*hash ? hash : "none");
	return true;
}

static const struct command commands[] = {
	{ .name = "show", .help = "list entries, the oldest first",
	  .params = show_params, .options = OPTION_FOLLOW, .size = sizeof(struct log_args), .run = log_show },
	{ .name = "verify", .help = "check that nobody has changed or deleted an entry",
	  .params = verify_params, .size = sizeof(struct verify_args), .run = log_verify },
	{ 0 }
};

const struct object_def log_object = {
	.name = "log",
	.help = "who changed what, and who was refused; needs a store",
	.commands = commands,
	.more = "Each entry has a hash over itself and the hash before. Keep the last hash elsewhere: 'log verify HASH' says\n"
		"later whether entries were cut off at the end.",
};
