// SPDX-License-Identifier: GPL-2.0-or-later
/* PostgreSQL: the same statements, sent as text; one writer at a time by a lock on store_meta. */
#include "store_driver.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct pg_statement {
	bool prepared;
	int params, row;
	char *value[SQL_PARAMS];
	PGresult *result;
};

struct pg {
	struct db db;
	PGconn *handle;
	struct pg_statement statement[SQLS];
};

static struct pg *pg_of(struct db *db)
{
	return (struct pg *)db;
}

/* The first line of what the server says, without its severity. */
static bool failed(struct pg *p, const PGresult *result)
{
	const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	if (!text)
		text = PQerrorMessage(p->handle);
	snprintf(p->db.message, sizeof(p->db.message), "%.*s", (int)strcspn(text, "\n"), text);
	return false;
}

static bool pg_run(struct db *db, const char *text)
{
	struct pg *p = pg_of(db);
	PGresult *result = PQexec(p->handle, text);
	ExecStatusType status = PQresultStatus(result);
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || failed(p, result);

	PQclear(result);
	return good;
}

static bool pg_matches(const char *where)
{
	return !strncmp(where, "postgresql://", 13) || !strncmp(where, "postgres://", 11);
}

static void pg_close(struct db *db)
{
	struct pg *p = pg_of(db);

	for (int i = 0; i < SQLS; i++) {
		PQclear(p->statement[i].result);
		for (int j = 0; j < SQL_PARAMS; j++)
			free(p->statement[i].value[j]);
	}
	PQfinish(p->handle);
	free(p);
}

static void ignore_notice(void *data, const char *text)
{
	(void)data;
	(void)text;
}

static struct db *pg_open(struct ctx *ctx, const char *where, bool create)
{
	/* Who does not answer is away; what the address says of it comes last, and counts. */
	static const char *const names[] = { "connect_timeout", "tcp_user_timeout", "dbname", NULL };
	const char *const values[] = { "10", "30000", where, NULL };
	struct pg *p = zalloc(sizeof(*p));

	(void)create;
	p->db.driver = &pg_driver;
	p->handle = PQconnectdbParams(names, values, 1);
	if (PQstatus(p->handle) == CONNECTION_OK) {
		PQsetNoticeProcessor(p->handle, ignore_notice, NULL);
		PQsetClientEncoding(p->handle, "UTF8");
		return &p->db;
	}
	failed(p, NULL);
	fail(ctx, ALGCTL_REFUSED, NOWHERE, "store: %s", p->db.message);
	pg_close(&p->db);
	return NULL;
}

static bool pg_empty(struct db *db, bool *empty)
{
	struct pg *p = pg_of(db);
	PGresult *result = PQexec(p->handle, "SELECT to_regclass('store_meta') IS NULL");
	bool good = PQresultStatus(result) == PGRES_TUPLES_OK || failed(p, result);

	*empty = good && *PQgetvalue(result, 0, 0) == 't';
	PQclear(result);
	return good;
}

/* The lock comes first: what is read behind it is what the writer before has left. */
static bool pg_begin(struct db *db, enum begin_how how)
{
	if (how == BEGIN_READ)
		return pg_run(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	if (!pg_run(db, "BEGIN ISOLATION LEVEL READ COMMITTED"))
		return false;
	return how != BEGIN_WRITE || pg_run(db, "LOCK TABLE store_meta IN SHARE ROW EXCLUSIVE MODE") ||
	       (pg_run(db, "ROLLBACK"), false);
}

/* ?1 is $1 here. */
static char *dollars(const char *text)
{
	char *out = copy(text);

	for (char *c = out; *c; c++)
		if (*c == '?')
			*c = '$';
	return out;
}

static bool pg_prepare(struct db *db, enum sql q)
{
	struct pg *p = pg_of(db);
	char name[16], *text;
	PGresult *result;
	bool good;

	if (p->statement[q].prepared)
		return true;
	snprintf(name, sizeof(name), "s%d", q);
	text = dollars(sql_texts[q]);
	result = PQprepare(p->handle, name, text, 0, NULL);
	good = PQresultStatus(result) == PGRES_COMMAND_OK || failed(p, result);
	PQclear(result);
	free(text);
	p->statement[q].prepared = good;
	return good;
}

static void take_value(struct pg_statement *s, int at, char *value)
{
	free(s->value[at - 1]);
	s->value[at - 1] = value;
	if (s->params < at)
		s->params = at;
}

static void pg_bind_text(struct db *db, enum sql q, int at, const char *text)
{
	take_value(&pg_of(db)->statement[q], at, text ? copy(text) : NULL);
}

static void pg_bind_number(struct db *db, enum sql q, int at, int64_t number)
{
	take_value(&pg_of(db)->statement[q], at, format_text("%lld", (long long)number));
}

static bool execute(struct pg *p, enum sql q)
{
	struct pg_statement *s = &p->statement[q];
	ExecStatusType status;
	char name[16];

	snprintf(name, sizeof(name), "s%d", q);
	s->result = PQexecPrepared(p->handle, name, s->params, (const char *const *)s->value, NULL, NULL, 0);
	s->row = -1;
	status = PQresultStatus(s->result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || failed(p, s->result);
}

static int pg_step(struct db *db, enum sql q)
{
	struct pg *p = pg_of(db);
	struct pg_statement *s = &p->statement[q];

	if (!s->result && !execute(p, q))
		return -1;
	return ++s->row < PQntuples(s->result);
}

static const char *pg_text(struct db *db, enum sql q, int column)
{
	const struct pg_statement *s = &pg_of(db)->statement[q];

	return PQgetvalue(s->result, s->row, column);
}

static int64_t pg_number(struct db *db, enum sql q, int column)
{
	return strtoll(pg_text(db, q, column), NULL, 10);
}

static void pg_reset(struct db *db, enum sql q)
{
	struct pg_statement *s = &pg_of(db)->statement[q];

	PQclear(s->result);
	s->result = NULL;
	for (int i = 0; i < s->params; i++)
		take_value(s, i + 1, NULL);
}

/* The role that logged in, what it is a member of, and whether the store's tables are its own. */
static bool pg_who(struct db *db, char **user, struct words *groups, bool *owner)
{
	static const char text[] =
		"SELECT session_user, r.rolname, (SELECT pg_has_role(session_user, c.relowner, 'member') FROM pg_class c "
		"WHERE c.oid = to_regclass('store_meta')) FROM pg_roles r "
		"WHERE pg_has_role(session_user, r.oid, 'member') ORDER BY r.rolname = session_user DESC";
	struct pg *p = pg_of(db);
	PGresult *result = PQexec(p->handle, text);
	bool good = PQresultStatus(result) == PGRES_TUPLES_OK || failed(p, result);

	if (good && PQntuples(result)) {
		*user = copy(PQgetvalue(result, 0, 0));
		*owner = *PQgetvalue(result, 0, 2) == 't';
	}
	for (int i = 1; good && i < PQntuples(result); i++)
		words_add(groups, PQgetvalue(result, i, 1));
	PQclear(result);
	return good;
}

static bool pg_listen(struct db *db, const char *channel)
{
	char *text = format_text("LISTEN %s", channel);
	bool good = pg_run(db, text);

	free(text);
	return good;
}

static bool pg_alive(struct db *db)
{
	return PQstatus(pg_of(db)->handle) == CONNECTION_OK;
}

/* All that have come so far are one. */
static bool take_news(struct pg *p)
{
	PGnotify *n;
	bool any = false;

	while ((n = PQnotifies(p->handle))) {
		any = true;
		PQfreemem(n);
	}
	return any;
}

static enum news pg_wait(struct db *db, int milliseconds, const sigset_t *mask)
{
	struct pg *p = pg_of(db);
	struct timespec most = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
	struct pollfd fd = { .fd = PQsocket(p->handle), .events = POLLIN };

	if (take_news(p))
		return NEWS_THERE;
	if (fd.fd < 0 || (ppoll(&fd, 1, &most, mask) < 0 && errno != EINTR) ||
	    (fd.revents && (!PQconsumeInput(p->handle) || PQstatus(p->handle) != CONNECTION_OK))) {
		failed(p, NULL);
		return NEWS_LOST;
	}
	return take_news(p) ? NEWS_THERE : NEWS_NONE;
}

const struct db_driver pg_driver = {
	.name = "postgresql",
	.engine = ENGINE_POSTGRESQL,
	.matches = pg_matches,
	.open = pg_open,
	.empty = pg_empty,
	.run = pg_run,
	.begin = pg_begin,
	.prepare = pg_prepare,
	.bind_text = pg_bind_text,
	.bind_number = pg_bind_number,
	.step = pg_step,
	.number = pg_number,
	.text = pg_text,
	.reset = pg_reset,
	.who = pg_who,
	.listen = pg_listen,
	.alive = pg_alive,
	.wait = pg_wait,
	.close = pg_close,
};
