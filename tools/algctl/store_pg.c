// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PostgreSQL: the same statements, sent as text; one writer at a time by a lock on store_meta. Statements without rows go out
 * in one stream, and what became of them is asked for when somebody wants rows or the end of the transaction.
 */
#include "store_driver.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct pg_statement {
	bool prepared;
	int params, row;
	char *value[SQL_PARAMS];
	PGresult *result;
};

/* A list, as it is written in a parameter. */
struct pg_list {
	char *text;
	size_t n, room;
};

/* Rows of a statement that go out together. */
struct pg_many {
	int rows;
	struct pg_list list[SQL_PARAMS];
};

/**
 * struct pg - a connection
 * @queued:	statements in the stream, of which nothing is known yet
 * @gathered:	rows of statements that are not in the stream yet
 * @lost:	an answer did not come: the rest of the connection can't be understood
 * @patience:	seconds that an answer may take
 */
struct pg {
	struct db db;
	PGconn *handle;
	int queued;
	bool lost;
	int64_t patience;
	struct pg_statement statement[SQLS];
	struct pg_many many[SQLS];
	int gathered;
};

enum { MOST_QUEUED = 200, MOST_GATHERED = 4000, PATIENCE = 120 };

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

static bool lose(struct pg *p, const char *text)
{
	p->lost = true;
	snprintf(p->db.message, sizeof(p->db.message), "%s", text);
	return false;
}

static int64_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* A server that is stuck holds its end of the connection open, so that nothing but a clock ends this. */
static bool await(struct pg *p)
{
	int64_t until = seconds() + p->patience;

	while (!p->lost && PQisBusy(p->handle)) {
		struct pollfd fd = { .fd = PQsocket(p->handle), .events = POLLIN };
		int64_t left = until - seconds();

		if (left <= 0)
			return lose(p, "the database does not answer");
		if (poll(&fd, 1, (int)(left < 3600 ? left : 3600) * 1000) < 0 && errno != EINTR)
			return lose(p, strerror(errno));
		if (fd.revents && !PQconsumeInput(p->handle))
			return failed(p, NULL);
	}
	return !p->lost;
}

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* The last result of what was sent; NULL: there is none, and @message says why. Caller clears. */
static PGresult *answer(struct pg *p, int sent)
{
	PGresult *last = NULL, *next;

	if (!sent && !p->lost)
		failed(p, NULL);
	while (sent && await(p) && (next = PQgetResult(p->handle))) {
		PQclear(last);
		last = next;
		if (!is_good(last))
			failed(p, last);
	}
	if (last && !p->lost && is_good(last))
		return last;
	PQclear(last);
	return NULL;
}

#ifdef LIBPQ_HAS_PIPELINING
static bool pg_flush(struct db *db);

/* What became of the stream; the first failure counts, nothing behind it was done. */
static bool settle(struct pg *p)
{
	bool good = pg_flush(&p->db), end = false;

	if (!p->queued)
		return good && !p->lost;
	p->queued = 0;
	if (!PQpipelineSync(p->handle))
		return failed(p, NULL);
	while (!end && await(p)) {
		PGresult *result = PQgetResult(p->handle);
		ExecStatusType status = PQresultStatus(result);

		end = status == PGRES_PIPELINE_SYNC || PQstatus(p->handle) != CONNECTION_OK;
		if (result && good && status != PGRES_PIPELINE_SYNC && !is_good(result))
			good = failed(p, result);
		PQclear(result);
	}
	return end && PQexitPipelineMode(p->handle) ? good : good ? failed(p, NULL) : false;
}
#else
static bool settle(struct pg *p)
{
	return !p->lost;
}
#endif

static PGresult *query(struct pg *p, const char *text)
{
	return settle(p) ? answer(p, PQsendQuery(p->handle, text)) : NULL;
}

static bool pg_run(struct db *db, const char *text)
{
	PGresult *result = query(pg_of(db), text);
	bool good = result;

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
		for (int j = 0; j < SQL_PARAMS; j++)
			free(p->many[i].list[j].text);
	}
	PQfinish(p->handle);
	free(p);
}

static void ignore_notice(void *data, const char *text)
{
	(void)data;
	(void)text;
}

static int64_t patience(void)
{
	const char *text = getenv("ALGCTL_PATIENCE");
	int64_t n = text ? strtoll(text, NULL, 10) : 0;

	return n > 0 && n <= 86400 ? n : PATIENCE;
}

static struct db *pg_open(struct ctx *ctx, const char *where, bool create)
{
	/*
	 * Who does not answer is away, for both ends: the server ends the transaction, and with it the lock, of a client
	 * that has vanished. What the address says of it comes last, and counts.
	 */
	static const char *const names[] = { "connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count",
					     "tcp_user_timeout", "application_name", "options", "dbname", NULL };
	const char *const values[] = { "10", "10", "5", "3", "30000", "algctl",
		"-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=30000 "
		"-c idle_in_transaction_session_timeout=600000", where, NULL };
	struct pg *p = zalloc(sizeof(*p));

	(void)create;
	p->db.driver = &pg_driver;
	p->patience = patience();
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
	PGresult *result = query(p, "SELECT to_regclass('store_meta') IS NULL");
	bool good = result;

	*empty = good && *PQgetvalue(result, 0, 0) == 't';
	PQclear(result);
	return good;
}

/*
 * The lock comes first: what is read behind it is what the writer before has left. Plans, those of triggers as well, are made
 * once in a session: what is best for tables that are small yet would read all of them for each row of thousands.
 */
static bool pg_begin(struct db *db, enum begin_how how)
{
	if (how == BEGIN_READ)
		return pg_run(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	if (!pg_run(db, "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; SET LOCAL jit = off"))
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

	if (p->statement[q].prepared)
		return true;
	if (!settle(p))
		return false;
	snprintf(name, sizeof(name), "s%d", q);
	text = dollars(sql_texts[q]);
	result = answer(p, PQsendPrepare(p->handle, name, text, 0, NULL));
	p->statement[q].prepared = result;
	PQclear(result);
	free(text);
	return p->statement[q].prepared;
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

static int send(struct pg *p, enum sql q)
{
	const struct pg_statement *s = &p->statement[q];
	char name[16];

	snprintf(name, sizeof(name), "s%d", q);
	return PQsendQueryPrepared(p->handle, name, s->params, (const char *const *)s->value, NULL, NULL, 0);
}

static int pg_step(struct db *db, enum sql q)
{
	struct pg *p = pg_of(db);
	struct pg_statement *s = &p->statement[q];

	if (!s->result) {
		s->result = settle(p) ? answer(p, send(p, q)) : NULL;
		s->row = -1;
	}
	if (!s->result)
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

#ifdef LIBPQ_HAS_PIPELINING
static bool start_stream(struct pg *p)
{
	return !p->lost && (p->queued || PQenterPipelineMode(p->handle));
}

/* It is in the stream, or not. */
static bool sent(struct pg *p, bool good)
{
	if (!good && !p->lost)
		failed(p, NULL);
	p->queued += good;
	return good;
}

static bool pg_send(struct db *db, enum sql q)
{
	struct pg *p = pg_of(db);
	bool good = pg_flush(db) && sent(p, start_stream(p) && send(p, q));

	pg_reset(db, q);
	return good && (p->queued < MOST_QUEUED || settle(p));
}

/* In the order of the file. */
static const struct {
	enum sql q;
	const char *text;
} many_texts[] = {
#define STORE_SQL(symbol, text)
#define STORE_MANY(symbol, text) { SQL_##symbol, text },
#include "store_sql.def"
#undef STORE_MANY
#undef STORE_SQL
};

enum { MANY = sizeof(many_texts) / sizeof(many_texts[0]) };

static bool pg_gathers(enum sql q)
{
	bool found = false;

	for (int i = 0; i < MANY; i++)
		found |= many_texts[i].q == q;
	return found;
}

static void put(struct pg_list *l, char c)
{
	l->text = grow(l->text, l->n, &l->room, 1);
	l->text[l->n++] = c;
}

static void put_value(struct pg_list *l, const char *value)
{
	put(l, l->n ? ',' : '{');
	if (!value) {
		for (const char *c = "NULL"; *c; c++)
			put(l, *c);
		return;
	}
	put(l, '"');
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			put(l, '\\');
		put(l, *value);
	}
	put(l, '"');
}

static bool send_many(struct pg *p, const char *text, struct pg_many *m)
{
	const char *values[SQL_PARAMS];
	char *own = dollars(text);
	int n = 0;
	bool good;

	for (; n < SQL_PARAMS && m->list[n].n; n++) {
		put(&m->list[n], '}');
		put(&m->list[n], '\0');
		values[n] = m->list[n].text;
		m->list[n].n = 0;
	}
	m->rows = 0;
	good = sent(p, start_stream(p) && PQsendQueryParams(p->handle, own, n, NULL, values, NULL, NULL, 0));
	free(own);
	return good;
}

static bool pg_flush(struct db *db)
{
	struct pg *p = pg_of(db);
	bool good = true;

	for (int i = 0; p->gathered && i < MANY; i++)
		if (p->many[many_texts[i].q].rows)
			good = send_many(p, many_texts[i].text, &p->many[many_texts[i].q]) && good;
	p->gathered = 0;
	return good;
}

static void pg_forget(struct db *db)
{
	struct pg *p = pg_of(db);

	for (int i = 0; i < SQLS; i++) {
		p->many[i].rows = 0;
		for (int k = 0; k < SQL_PARAMS; k++)
			p->many[i].list[k].n = 0;
	}
	p->gathered = 0;
}

static bool pg_gather(struct db *db, enum sql q)
{
	struct pg *p = pg_of(db);
	struct pg_statement *s = &p->statement[q];

	for (int i = 0; i < s->params; i++)
		put_value(&p->many[q].list[i], s->value[i]);
	p->many[q].rows++;
	pg_reset(db, q);
	return ++p->gathered < MOST_GATHERED || pg_flush(db);
}
#endif

/* The role that logged in, what it is a member of, and whether the store's tables are its own. */
static bool pg_who(struct db *db, char **user, struct words *groups, bool *owner)
{
	static const char text[] =
		"SELECT session_user, r.rolname, (SELECT pg_has_role(session_user, c.relowner, 'member') FROM pg_class c "
		"WHERE c.oid = to_regclass('store_meta')) FROM pg_roles r "
		"WHERE pg_has_role(session_user, r.oid, 'member') ORDER BY r.rolname = session_user DESC";
	struct pg *p = pg_of(db);
	PGresult *result = query(p, text);
	bool good = result;

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
	return !pg_of(db)->lost && PQstatus(pg_of(db)->handle) == CONNECTION_OK;
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
	if (p->lost || fd.fd < 0 || (ppoll(&fd, 1, &most, mask) < 0 && errno != EINTR) ||
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
#ifdef LIBPQ_HAS_PIPELINING
	.send = pg_send,
	.gathers = pg_gathers,
	.gather = pg_gather,
	.flush = pg_flush,
	.forget = pg_forget,
#endif
	.who = pg_who,
	.listen = pg_listen,
	.alive = pg_alive,
	.wait = pg_wait,
	.close = pg_close,
};
