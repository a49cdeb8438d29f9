// SPDX-License-Identifier: GPL-2.0-or-later
#include "store.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct db_driver *const drivers[] = {
#ifdef ALGCTL_POSTGRESQL
	&pg_driver,
#endif
	&sqlite_driver,
};

static const struct db_driver *driver_of(struct ctx *ctx, const char *where)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (drivers[i]->matches(where))
			return drivers[i];
	fail(ctx, ALGCTL_USAGE, NOWHERE, "'%s' is no address of a store", where);
	error_hint(ctx, "a store is a file or postgresql://..., for which algctl must be built with libpq");
	return NULL;
}

static bool failed(struct store *s)
{
	if (!s->failed)
		fail(s->ctx, ALGCTL_REFUSED, NOWHERE, "store: %s", s->db->message);
	s->failed = true;
	return false;
}

bool store_begin(struct store *s, enum begin_how how)
{
	if (s->transaction && (s->writing || how == BEGIN_READ))
		return !s->failed;
	if (s->transaction)
		store_rollback(s);
	s->failed = s->applied = s->identity.loaded = false;
	s->now = (int64_t)time(NULL);
	if (!s->db->driver->begin(s->db, how))
		return failed(s);
	s->transaction = true;
	s->writing = how != BEGIN_READ;
	return true;
}

bool store_listen(struct store *s, const char *channel)
{
	store_rollback(s);
	if (s->db->driver->listen && s->db->driver->listen(s->db, channel))
		return true;
	return fail(s->ctx, ALGCTL_REFUSED, NOWHERE, "store: %s", s->db->driver->listen ? s->db->message :
		    "nobody tells of changes");
}

enum news store_wait(struct store *s, int milliseconds, const sigset_t *mask)
{
	enum news news = s->db->driver->wait(s->db, milliseconds, mask);

	if (news == NEWS_LOST)
		fail(s->ctx, ALGCTL_REFUSED, NOWHERE, "store: %s", s->db->message);
	return news;
}

bool store_commit(struct store *s)
{
	if (s->failed || !s->db->driver->run(s->db, "COMMIT")) {
		failed(s);
		store_rollback(s);
		return false;
	}
	s->transaction = s->writing = false;
	s->said = NULL;
	heads_free(s);
	return true;
}

void store_rollback(struct store *s)
{
	const struct db_driver *driver = s->db->driver;

	if (s->transaction && driver->forget)
		driver->forget(s->db);
	/* What was still on its way may be what fails, and nothing behind it is done. */
	if (s->transaction && !driver->run(s->db, "ROLLBACK"))
		driver->run(s->db, "ROLLBACK");
	s->transaction = s->writing = s->failed = s->applied = false;
	s->said = NULL;
	heads_free(s);
}

static void bind(struct store *s, enum sql q, const char *types, va_list args)
{
	for (int i = 0; types[i]; i++) {
		if (types[i] == 't')
			s->db->driver->bind_text(s->db, q, i + 1, va_arg(args, const char *));
		else
			s->db->driver->bind_number(s->db, q, i + 1, va_arg(args, int64_t));
	}
}

static bool start(struct store *s, enum sql q, const char *types, va_list args)
{
	if (s->failed)
		return false;
	if (!s->db->driver->prepare(s->db, q))
		return failed(s);
	bind(s, q, types, args);
	return true;
}

bool sql_start(struct store *s, enum sql q, const char *types, ...)
{
	va_list args;
	bool good;

	va_start(args, types);
	good = start(s, q, types, args);
	va_end(args);
	return good;
}

bool sql_row(struct store *s, enum sql q)
{
	int row = s->failed ? 0 : s->db->driver->step(s->db, q);

	if (row < 0)
		failed(s);
	if (row <= 0 && s->db->driver->prepare(s->db, q))
		s->db->driver->reset(s->db, q);
	return row > 0;
}

static bool gathers(const struct store *s, enum sql q)
{
	const struct db_driver *driver = s->db->driver;

	return s->heads.known && driver->gathers && driver->gathers(q);
}

bool sql_run(struct store *s, enum sql q, const char *types, ...)
{
	bool later = gathers(s, q), good;
	va_list args;

	va_start(args, types);
	if (later && !s->failed)
		bind(s, q, types, args);
	good = later ? !s->failed : start(s, q, types, args);
	va_end(args);
	if (good && later)
		return s->db->driver->gather(s->db, q) || failed(s);
	if (good && s->db->driver->send)
		return s->db->driver->send(s->db, q) || failed(s);
	while (good && sql_row(s, q))
		;
	return !s->failed;
}

bool sql_flush(struct store *s)
{
	if (!s->failed && s->db->driver->flush && !s->db->driver->flush(s->db))
		failed(s);
	return !s->failed;
}

int64_t sql_number(struct store *s, enum sql q, int column)
{
	return s->db->driver->number(s->db, q, column);
}

const char *sql_text(struct store *s, enum sql q, int column)
{
	return s->db->driver->text(s->db, q, column);
}

char *store_meta(struct store *s, const char *key)
{
	char *value = NULL;

	sql_start(s, SQL_META_GET, "t", key);
	while (sql_row(s, SQL_META_GET))
		value = value ? value : copy(sql_text(s, SQL_META_GET, 0));
	return value;
}

bool store_schema(struct store *s, int *version)
{
	char *text = store_meta(s, "schema");

	*version = text ? atoi(text) : 0;
	free(text);
	return !s->failed;
}

/* Steps behind version @from up to @to, in the open transaction. */
static bool migrate(struct store *s, int from, int to)
{
	char *text = format_text("%d", to);

	for (const struct schema_step *step = schema_steps; step->version; step++) {
		if (step->version <= from || step->version > to || !(step->engines & s->db->driver->engine))
			continue;
		if (!s->failed && !s->db->driver->run(s->db, step->text))
			failed(s);
	}
	sql_run(s, SQL_META_SET, "tt", "schema", text);
	free(text);
	return !s->failed;
}

/* In PostgreSQL it takes the owner. */
static bool upgrade(struct store *s, int version)
{
	bool quiet = s->ctx->quiet, good;
	int now;

	s->ctx->quiet = true;
	good = store_begin(s, BEGIN_WRITE) && store_schema(s, &now) && migrate(s, now, schema_latest) && store_commit(s);
	s->ctx->quiet = quiet;
	if (good)
		return true;
	fail(s->ctx, ALGCTL_REFUSED, NOWHERE, "the store's schema is %d, this algctl's is %d, and it can't be upgraded: %s",
	     version, schema_latest, s->db->message);
	error_hint(s->ctx, "any command of the store's owner upgrades it");
	return false;
}

static bool check_schema(struct store *s)
{
	int version;

	if (!store_begin(s, BEGIN_READ) || !store_schema(s, &version))
		return false;
	if (version > schema_latest) {
		fail(s->ctx, ALGCTL_REFUSED, NOWHERE, "the store's schema is %d, this algctl knows %d", version,
		     schema_latest);
		error_hint(s->ctx, "a newer algctl has made or upgraded it");
		return false;
	}
	if (version == schema_latest)
		return true;
	return upgrade(s, version);
}

static struct store *open_db(struct ctx *ctx, const char *where, bool create)
{
	const struct db_driver *driver = driver_of(ctx, where);
	struct db *db = driver ? driver->open(ctx, where, create) : NULL;
	struct store *s;

	if (!db)
		return NULL;
	s = zalloc(sizeof(*s));
	s->ctx = ctx;
	s->db = db;
	s->where = copy(where);
	s->dry_run = ctx->dry_run;
	return s;
}

struct store *store_open(struct ctx *ctx, const char *where)
{
	struct store *s = open_db(ctx, where, false);
	bool empty, good;

	if (!s)
		return NULL;
	good = s->db->driver->empty(s->db, &empty) || failed(s);
	if (good && empty) {
		good = fail(ctx, ALGCTL_REFUSED, NOWHERE, "%s is no store yet", where);
		error_hint(ctx, "algctl store init makes it one");
	}
	if (good && check_schema(s))
		return s;
	store_close(s);
	return NULL;
}

struct store *store_create(struct ctx *ctx, const char *where, int schema)
{
	struct store *s = open_db(ctx, where, true);
	bool empty, good;

	if (!s)
		return NULL;
	good = s->db->driver->empty(s->db, &empty) || failed(s);
	if (good && !empty)
		good = fail(ctx, ALGCTL_REFUSED, NOWHERE, "%s is a store or another database already", where);
	if (good && store_begin(s, BEGIN_SCHEMA) && migrate(s, 0, schema))
		return s;
	store_close(s);
	return NULL;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_rollback(s);
	s->db->driver->close(s->db);
	objects_free(&s->identity.roles);
	free(s->identity.exceptions);
	objects_free(&s->templates);
	words_free(&s->identity.groups);
	free(s->identity.user);
	free(s->identity.origin);
	free(s->where);
	free(s);
}
