/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a database engine gives to the store: statements of store_sql.def by number, prepared once, with parameters ?1,
 * ?2, ... and rows of numbers and texts. Nothing above this knows which engine it is.
 */
#ifndef ALGCTL_STORE_DRIVER_H
#define ALGCTL_STORE_DRIVER_H

#include <signal.h>

#include "algctl.h"

enum sql {
#define STORE_SQL(symbol, text) SQL_##symbol,
#define STORE_MANY(symbol, text)
#include "store_sql.def"
#undef STORE_MANY
#undef STORE_SQL
	SQLS
};

extern const char *const sql_texts[SQLS];

enum { SQL_PARAMS = 16 };

/* Parts of the schema: a step belongs to the version that needs it; the rest is per engine where they differ. */
enum engine { ENGINE_SQLITE = 1, ENGINE_POSTGRESQL = 2, ENGINE_ALL = 3 };

struct schema_step {
	int version;
	unsigned int engines;
	const char *text;
};

extern const struct schema_step schema_steps[];		/* ends with version 0 */
extern const int schema_latest;
extern const char store_rights[];			/* store_rights.c: the last step of PostgreSQL */

enum begin_how { BEGIN_READ, BEGIN_WRITE, BEGIN_REPORT, BEGIN_SCHEMA };

enum news { NEWS_LOST = -1, NEWS_NONE, NEWS_THERE };

/**
 * struct db_driver - an engine
 * @matches:	is @where one of its addresses?
 * @open:	NULL: reported; @create: the database may be made
 * @empty:	has no schema yet
 * @run:	statements without parameters or rows
 * @begin:	BEGIN_WRITE lets one writer in at a time, from all processes; BEGIN_READ sees one moment until its end;
 *		BEGIN_REPORT writes a row that nobody else does, and waits for nobody
 * @bind:	parameter @at of statement @q, counted from 1; a NULL text is null
 * @step:	1: a row, 0: no more, -1: failed
 * @send:	the same for a statement without rows, which is reset; what becomes of it may be told by a later call.
 *		Absent where there is nothing to wait for
 * @gather:	the same, which may be done later, together with others and in another order, for statements that @gathers
 *		says; whatever else is asked comes behind all of them, and so does what follows @flush. What @forget forgets
 *		is not done. Absent as @send is
 * @who:	the database's user and the roles he is member of; absent where the operating system says who it is
 * @listen:	to a channel; absent where there is no other process that could tell something
 * @wait:	for something on the channel, @milliseconds at most, or a signal that @mask lets through
 *
 * run, begin, prepare, step, send, gather, flush, listen and wait leave the reason of a failure in @message.
 */
struct db;

struct db_driver {
	const char *name;
	enum engine engine;
	bool (*matches)(const char *where);
	struct db *(*open)(struct ctx *ctx, const char *where, bool create);
	bool (*empty)(struct db *db, bool *empty);
	bool (*run)(struct db *db, const char *text);
	bool (*begin)(struct db *db, enum begin_how how);
	bool (*prepare)(struct db *db, enum sql q);
	void (*bind_text)(struct db *db, enum sql q, int at, const char *text);
	void (*bind_number)(struct db *db, enum sql q, int at, int64_t number);
	int (*step)(struct db *db, enum sql q);
	int64_t (*number)(struct db *db, enum sql q, int column);
	const char *(*text)(struct db *db, enum sql q, int column);	/* until the next step or reset; never NULL */
	void (*reset)(struct db *db, enum sql q);
	bool (*send)(struct db *db, enum sql q);
	bool (*gathers)(enum sql q);
	bool (*gather)(struct db *db, enum sql q);
	bool (*flush)(struct db *db);
	void (*forget)(struct db *db);
	bool (*who)(struct db *db, char **user, struct words *groups, bool *owner);
	bool (*listen)(struct db *db, const char *channel);
	bool (*alive)(struct db *db);		/* is there a connection; with @wait */
	enum news (*wait)(struct db *db, int milliseconds, const sigset_t *mask);
	void (*close)(struct db *db);
};

struct db {
	const struct db_driver *driver;
	char message[512];
};

extern const struct db_driver sqlite_driver, pg_driver;

#endif /* ALGCTL_STORE_DRIVER_H */
