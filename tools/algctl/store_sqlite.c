// SPDX-License-Identifier: GPL-2.0-or-later
/* SQLite: one file, for root only, with a write-ahead log that reaches the disk with every commit. */
#include "store_driver.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BUSY_MS = 10000 };

struct sqlite {
	struct db db;
	sqlite3 *handle;
	sqlite3_stmt *statement[SQLS];
};

static struct sqlite *sqlite_of(struct db *db)
{
	return (struct sqlite *)db;
}

static bool failed(struct sqlite *s)
{
	int code = sqlite3_errcode(s->handle) & 0xff;
	int why = code == SQLITE_IOERR || code == SQLITE_CANTOPEN ? sqlite3_system_errno(s->handle) : 0;

	snprintf(s->db.message, sizeof(s->db.message), "%s%s%s", code == SQLITE_BUSY || code == SQLITE_LOCKED ?
		 "another change takes too long: try again" : sqlite3_errmsg(s->handle), why ? ": " : "",
		 why ? strerror(why) : "");
	return false;
}

static bool sqlite_run(struct db *db, const char *text)
{
	struct sqlite *s = sqlite_of(db);

	return sqlite3_exec(s->handle, text, NULL, NULL, NULL) == SQLITE_OK || failed(s);
}

static bool sqlite_matches(const char *where)
{
	return !strstr(where, "://");
}

static void sqlite_close(struct db *db)
{
	struct sqlite *s = sqlite_of(db);

	for (int i = 0; i < SQLS; i++)
		sqlite3_finalize(s->statement[i]);
	sqlite3_close(s->handle);
	free(s);
}

static bool set_up(struct sqlite *s)
{
	sqlite3_extended_result_codes(s->handle, 0);
	sqlite3_busy_timeout(s->handle, BUSY_MS);
	return sqlite_run(&s->db, "PRAGMA journal_mode = WAL") && sqlite_run(&s->db, "PRAGMA synchronous = FULL") &&
	       sqlite_run(&s->db, "PRAGMA foreign_keys = ON") && sqlite_run(&s->db, "PRAGMA trusted_schema = OFF");
}

static struct db *sqlite_open(struct ctx *ctx, const char *where, bool create)
{
	int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
	struct sqlite *s = zalloc(sizeof(*s));
	mode_t mask = umask(077);
	int code;

	s->db.driver = &sqlite_driver;
	code = sqlite3_open_v2(where, &s->handle, flags, NULL);
	if (code == SQLITE_OK && set_up(s)) {
		umask(mask);
		return &s->db;
	}
	umask(mask);
	if (s->handle)
		failed(s);
	fail(ctx, ALGCTL_REFUSED, NOWHERE, "store %s: %s", where, *s->db.message ? s->db.message : "out of memory");
	sqlite_close(&s->db);
	return NULL;
}

static bool sqlite_empty(struct db *db, bool *empty)
{
	struct sqlite *s = sqlite_of(db);
	sqlite3_stmt *q;
	int code;

	if (sqlite3_prepare_v2(s->handle, "SELECT 1 FROM sqlite_master LIMIT 1", -1, &q, NULL) != SQLITE_OK)
		return failed(s);
	code = sqlite3_step(q);
	*empty = code == SQLITE_DONE;
	if (code != SQLITE_DONE && code != SQLITE_ROW)
		failed(s);
	sqlite3_finalize(q);
	return code == SQLITE_DONE || code == SQLITE_ROW;
}

static bool sqlite_begin(struct db *db, enum begin_how how)
{
	return sqlite_run(db, how == BEGIN_READ ? "BEGIN" : "BEGIN IMMEDIATE");
}

static bool sqlite_prepare(struct db *db, enum sql q)
{
	struct sqlite *s = sqlite_of(db);

	return s->statement[q] || sqlite3_prepare_v2(s->handle, sql_texts[q], -1, &s->statement[q], NULL) == SQLITE_OK ||
	       failed(s);
}

static void sqlite_bind_text(struct db *db, enum sql q, int at, const char *text)
{
	sqlite3_bind_text(sqlite_of(db)->statement[q], at, text, -1, SQLITE_TRANSIENT);
}

static void sqlite_bind_number(struct db *db, enum sql q, int at, int64_t number)
{
	sqlite3_bind_int64(sqlite_of(db)->statement[q], at, number);
}

static int sqlite_step(struct db *db, enum sql q)
{
	struct sqlite *s = sqlite_of(db);
	int code = sqlite3_step(s->statement[q]);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	failed(s);
	return -1;
}

static int64_t sqlite_number(struct db *db, enum sql q, int column)
{
	return sqlite3_column_int64(sqlite_of(db)->statement[q], column);
}

static const char *sqlite_text(struct db *db, enum sql q, int column)
{
	const unsigned char *text = sqlite3_column_text(sqlite_of(db)->statement[q], column);

	return text ? (const char *)text : "";
}

static void sqlite_reset(struct db *db, enum sql q)
{
	sqlite3_stmt *statement = sqlite_of(db)->statement[q];

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

const struct db_driver sqlite_driver = {
	.name = "sqlite",
	.engine = ENGINE_SQLITE,
	.matches = sqlite_matches,
	.open = sqlite_open,
	.empty = sqlite_empty,
	.run = sqlite_run,
	.begin = sqlite_begin,
	.prepare = sqlite_prepare,
	.bind_text = sqlite_bind_text,
	.bind_number = sqlite_bind_number,
	.step = sqlite_step,
	.number = sqlite_number,
	.text = sqlite_text,
	.reset = sqlite_reset,
	.close = sqlite_close,
};
