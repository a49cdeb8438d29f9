// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * algctl agent: keeps a box of a fleet as the store wants it (fleet.h).
 *
 * It waits for news on the database's channel, and looks by itself every so often. When the state of the store is another
 * than the one it tried last it compiles what is the box's, in one transaction for reading, and gives it to the kernel, all
 * or nothing; when it only looks, it compares the kernel with that. Then it reports. What the kernel has taken is kept on
 * disk (kept.h). What the kernel refuses is reported, the former configuration stays, and it is tried again later.
 *
 * Without a database it goes on as it is, connects again with longer and longer pauses, and gives the kernel what was kept
 * when it has begun like that.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "fleet.h"
#include "kept.h"
#include "object.h"
#include "operation.h"

enum { FIRST_PAUSE = 250, LONGEST_PAUSE = 30000, EVERY = 60 };	/* milliseconds; seconds */

struct agent_args {
	const char *box, *file;
	int64_t every;
};

/**
 * struct agent - a running one
 * @wanted:	what the box is to have since entry @tried, when @known; its hash is @hash
 * @entry, @applied:	of what the kernel has taken last
 * @error:	why the kernel has not what is wanted, NULL: it has
 * @last:	what was on disk in the beginning
 * @member:	the fleet has the box
 * @told:	what was said last, to say it once
 * @pause:	until the next attempt to connect
 * @retry:	until the next attempt to apply
 */
struct agent {
	struct ctx *ctx;
	char box[NAME_SIZE];
	char *where, *kept;
	int64_t every, tried, entry, next;
	struct store *store;
	struct objects wanted;
	struct kept last;
	bool known, member, begun;
	char hash[CONFIG_HASH_SIZE], applied[CONFIG_HASH_SIZE], on_disk[CONFIG_HASH_SIZE];
	char *error, *told;
	int pause, retry;
	sigset_t open;
};

static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Up to a quarter less, so that a fleet does not come all at once. */
static int64_t scattered(int64_t milliseconds)
{
	return milliseconds - (milliseconds / 4 ? (int64_t)(random() % (milliseconds / 4)) : 0);
}

/* To the service manager, where there is one; see sd_notify(3). */
static void tell_manager(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (!n || n >= sizeof(to.sun_path) || !strchr("/@", *path))
		return;
	memcpy(to.sun_path, path, n);
	if (*path == '@')
		*to.sun_path = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

/* Takes the line. */
static void tell(struct agent *a, char *line)
{
	if (!a->told || strcmp(a->told, line)) {
		char *status = format_text("STATUS=%s", line);

		fprintf(stderr, "%s\n", line);
		tell_manager(status);
		free(status);
	}
	free(a->told);
	a->told = line;
}

/* The first error of those collected, and how many there were; caller frees. */
static char *take_errors(struct ctx *ctx)
{
	size_t more = ctx->nerrors > 1 ? ctx->nerrors - 1 + ctx->errors_left_out : 0;
	const struct error *e = ctx->nerrors ? &ctx->errors[0] : NULL;
	char *text;

	if (more)
		text = format_text("%s (and %zu more)", e->message, more);
	else
		text = copy(e ? e->message : "failed");
	errors_drop(ctx);
	ctx->file = NULL;
	return text;
}

/* ---- the kernel ---- */

/* All or nothing. @from: what it is, for the log. */
static bool apply(struct agent *a, struct objects *wanted, const char *from, int64_t entry)
{
	struct outcome out = { .wanted = *wanted };
	struct ctx *ctx = a->ctx;
	bool good;

	ctx->backend = kernel_open(ctx);
	good = ctx->backend && kernel_bring(ctx, &out);
	if (ctx->backend)
		ctx->backend->ops->close(ctx);
	ctx->backend = NULL;
	if (good && out.changes.n)
		tell(a, format_text("box %s has entry %lld %s: %zu added, %zu changed, %zu removed", a->box, (long long)entry,
				    from, out.changes.added, out.changes.changed, out.changes.removed));
	out.wanted = (struct objects){ 0 };
	outcome_free(&out);
	return good;
}

static void keep(struct agent *a)
{
	struct kept k = { .entry = a->tried, .objects = a->wanted };

	if (!strcmp(a->on_disk, a->hash))
		return;
	snprintf(k.box, sizeof(k.box), "%s", a->box);
	memcpy(k.hash, a->hash, sizeof(k.hash));
	if (kept_write(a->ctx, a->kept, &k)) {
		memcpy(a->on_disk, a->hash, sizeof(a->on_disk));
	} else {
		char *text = take_errors(a->ctx);

		a->error = format_text("applied, but not kept: %s", text);
		free(text);
	}
}

static void apply_wanted(struct agent *a)
{
	free(a->error);
	a->error = NULL;
	if (!apply(a, &a->wanted, "of the log", a->tried)) {
		a->error = take_errors(a->ctx);
		return;
	}
	a->entry = a->tried;
	memcpy(a->applied, a->hash, sizeof(a->applied));
	keep(a);
}

static void tell_kept(struct agent *a)
{
	char *text = take_errors(a->ctx);

	tell(a, format_text("%s: %s", a->kept, text));
	free(text);
}

/* What was applied last, by whom has been running before. */
static void read_last(struct agent *a)
{
	if (access(a->kept, F_OK))
		return;
	if (!kept_read(a->ctx, a->kept, &a->last)) {
		tell_kept(a);
		return;
	}
	a->entry = a->last.entry;
	memcpy(a->applied, a->last.hash, sizeof(a->applied));
	memcpy(a->on_disk, a->last.hash, sizeof(a->on_disk));
}

/* It counts until the database says something else. */
static void apply_last(struct agent *a)
{
	if (*a->last.hash && !apply(a, &a->last.objects, "as it was kept", a->last.entry))
		tell_kept(a);
}

/* ---- the store ---- */

static void leave(struct agent *a)
{
	char *text = take_errors(a->ctx);

	tell(a, format_text("no database, %s: %s", *a->applied ? "everything stays as it is" : "nothing is known yet",
			    text));
	free(text);
	store_close(a->store);
	a->store = NULL;
	a->pause = a->pause ? a->pause * 2 : FIRST_PAUSE;
	if (a->pause > LONGEST_PAUSE)
		a->pause = LONGEST_PAUSE;
}

/* What the box is to have. False: the store failed. What can't be compiled is an error as the kernel's are. */
static bool compile_wanted(struct agent *a, int64_t entry)
{
	struct boxes all = { 0 };
	const struct box *here;

	objects_free(&a->wanted);
	free(a->error);
	a->error = NULL;
	a->tried = entry;
	here = box_here(a->store, a->box, &all);
	a->member = here;
	a->known = here && compile_box(a->store, here, &a->wanted);
	boxes_free(&all);
	if (a->store->failed)
		return false;
	if (a->known)
		config_hash(&a->wanted, a->hash);
	else
		a->error = take_errors(a->ctx);
	return true;
}

static bool report(struct agent *a)
{
	struct store *s = a->store;

	return store_begin(s, BEGIN_REPORT) &&
	       sql_run(s, SQL_BOX_REPORT, "tntnntt", a->box, a->every, ALGCTL_VERSION, a->tried, a->entry, a->applied,
		       a->error ? a->error : "") &&
	       store_commit(s);
}

/* A report that is not taken is no reason to end. */
static bool try_report(struct agent *a)
{
	char *text;

	if (report(a))
		return true;
	if (!a->store->db->driver->alive(a->store->db))
		return false;
	text = take_errors(a->ctx);
	tell(a, format_text("no report: %s", text));
	free(text);
	return true;
}

static void after_apply(struct agent *a)
{
	int64_t wait = a->every * 1000;

	if (a->error) {
		tell(a, format_text("box %s: entry %lld: %s", a->box, (long long)a->tried, a->error));
		a->retry = a->retry ? a->retry * 2 : 1000;
		if (a->retry < wait)
			wait = a->retry;
		else
			a->retry = (int)(wait > LONGEST_PAUSE ? LONGEST_PAUSE : wait);
	} else {
		a->retry = 0;
	}
	a->next = now() + scattered(wait);
}

/* Looks at the store; @all: at the kernel as well. False: the store has failed. */
static bool look(struct agent *a, bool all)
{
	int64_t entry;

	if (!store_begin(a->store, BEGIN_READ) || !fleet_entry(a->store, &entry))
		return false;
	if (!all && entry == a->tried) {
		store_rollback(a->store);
		return true;
	}
	if ((entry != a->tried || !a->known) && !compile_wanted(a, entry))
		return false;
	store_rollback(a->store);
	if (a->known)
		apply_wanted(a);
	after_apply(a);
	return !a->member || try_report(a);
}

static bool join(struct agent *a)
{
	a->store = store_open(a->ctx, a->where);
	if (!a->store || !store_listen(a->store, FLEET_CHANGES))
		return false;
	a->known = false;
	if (!look(a, true))
		return false;
	a->pause = 0;
	return true;
}

/* ---- ---- */

static void sleep_until(const struct agent *a, int64_t milliseconds)
{
	struct timespec most = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	ppoll(NULL, 0, &most, &a->open);
}

static bool follow(struct agent *a)
{
	int64_t left = a->next - now();
	enum news news = store_wait(a->store, left > 0 ? (int)left : 0, &a->open);

	if (ended)
		return true;
	if (news == NEWS_LOST)
		return false;
	return look(a, news == NEWS_NONE && now() >= a->next);
}

static void begin(struct agent *a)
{
	if (a->begun)
		return;
	if (!a->store)
		apply_last(a);
	objects_free(&a->last.objects);
	a->begun = true;
	tell_manager("READY=1");
}

static void run(struct agent *a)
{
	while (!ended) {
		if (a->store ? follow(a) : join(a)) {
			begin(a);
			continue;
		}
		leave(a);
		begin(a);
		if (!ended)
			sleep_until(a, scattered(a->pause));
	}
	tell_manager("STOPPING=1");
}

/* Signals come while it waits, never in the middle of something. */
static void catch_signals(struct agent *a)
{
	struct sigaction action = { .sa_handler = end };
	sigset_t closed;

	sigemptyset(&closed);
	sigaddset(&closed, SIGTERM);
	sigaddset(&closed, SIGINT);
	sigprocmask(SIG_BLOCK, &closed, &a->open);
	sigdelset(&a->open, SIGTERM);
	sigdelset(&a->open, SIGINT);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static bool agent(struct ctx *ctx, const struct command *command, void *object)
{
	const struct agent_args *args = object;
	struct agent a = { .ctx = ctx, .every = args->every ? args->every : EVERY };

	(void)command;
	if (!kept_is_ours(ctx) || !store_place(ctx, &a.where) || !box_name(ctx, args->box, a.box))
		return false;
	if (!a.where || !strstr(a.where, "://")) {
		fail(ctx, ALGCTL_USAGE, NOWHERE, "an agent follows a store in PostgreSQL");
		error_hint(ctx, "algctl --store postgresql://... fleet join keeps the address on this box");
		return false;
	}
	a.kept = kept_path(ctx, args->file);
	srandom((unsigned int)(getpid() ^ now()));
	catch_signals(&a);
	read_last(&a);
	run(&a);
	store_close(a.store);
	objects_free(&a.wanted);
	free(a.where);
	free(a.kept);
	free(a.error);
	free(a.told);
	return true;
}

static bool set_every(struct setter *s, const struct param *p, const char *text)
{
	struct agent_args *a = s->object;

	if (!read_duration(s, p->name, text, &a->every))
		return false;
	return (a->every > 0 && a->every <= 86400) ||
	       fail(s->ctx, ALGCTL_USAGE, s->at, "every is a time from 1s to 1d, not '%s'", text);
}

static const struct param params[] = {
	{ .name = "box", .metavar = "BOX", .help = "which one of the fleet this is; the host's name if not given",
	  .kind = PARAM_VALUE, .arg = offsetof(struct agent_args, box), .set = set_text },
	{ .name = "every", .metavar = "TIME", .help = "how often it looks and reports without news, 1m if not given",
	  .kind = PARAM_VALUE, .set = set_every },
	{ .name = "file", .metavar = "FILE", .help = "where it keeps what it has applied",
	  .kind = PARAM_VALUE, .arg = offsetof(struct agent_args, file), .set = set_text },
	{ 0 }
};

static const struct command commands[] = {
	{ .help = "keep this box as the store of its fleet wants it, until it is ended",
	  .params = params, .size = sizeof(struct agent_args), .run = agent },
	{ 0 }
};

const struct object_def agent_object = {
	.name = "agent",
	.help = "keeps this box as the store of its fleet wants it",
	.commands = commands,
	.more = "For nf-alg-agent.service. While the database is away everything stays as it is.",
};
