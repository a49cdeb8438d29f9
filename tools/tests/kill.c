// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ALGCTL_KILL_AT=N: the process is killed at its step N, steps being calls of the databases and, before and after, changes of the
 * kernel. The linker leads the former here. ALGCTL_STEPS=FILE: the number of steps is written there at the end.
 */
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#ifdef ALGCTL_POSTGRESQL
#include <libpq-fe.h>
#endif

#include "fake_kernel.h"

static long n;

static __attribute__((destructor)) void tell(void)
{
	const char *path = getenv("ALGCTL_STEPS");
	FILE *f = path ? fopen(path, "w") : NULL;

	if (f && (fprintf(f, "%ld\n", n) < 0 || fclose(f)))
		abort();
}

void step(void)
{
	const char *at = getenv("ALGCTL_KILL_AT");

	n++;
	if (at && n == atol(at))
		raise(SIGKILL);
}

int __real_sqlite3_step(sqlite3_stmt *statement);
int __wrap_sqlite3_step(sqlite3_stmt *statement);
int __real_sqlite3_exec(sqlite3 *db, const char *text, int (*row)(void *, int, char **, char **), void *data, char **error);
int __wrap_sqlite3_exec(sqlite3 *db, const char *text, int (*row)(void *, int, char **, char **), void *data, char **error);

int __wrap_sqlite3_step(sqlite3_stmt *statement)
{
	step();
	return __real_sqlite3_step(statement);
}

int __wrap_sqlite3_exec(sqlite3 *db, const char *text, int (*row)(void *, int, char **, char **), void *data, char **error)
{
	step();
	return __real_sqlite3_exec(db, text, row, data, error);
}

#ifdef ALGCTL_POSTGRESQL
int __real_PQsendQuery(PGconn *connection, const char *text);
int __wrap_PQsendQuery(PGconn *connection, const char *text);
int __real_PQpipelineSync(PGconn *connection);
int __wrap_PQpipelineSync(PGconn *connection);
int __real_PQsendQueryPrepared(PGconn *connection, const char *name, int n, const char *const *values, const int *lengths,
			       const int *formats, int format);
int __wrap_PQsendQueryPrepared(PGconn *connection, const char *name, int n, const char *const *values, const int *lengths,
			       const int *formats, int format);

int __real_PQsendQueryParams(PGconn *connection, const char *text, int n, const Oid *types, const char *const *values,
			     const int *lengths, const int *formats, int format);
int __wrap_PQsendQueryParams(PGconn *connection, const char *text, int n, const Oid *types, const char *const *values,
			     const int *lengths, const int *formats, int format);

int __wrap_PQsendQuery(PGconn *connection, const char *text)
{
	step();
	return __real_PQsendQuery(connection, text);
}

int __wrap_PQpipelineSync(PGconn *connection)
{
	step();
	return __real_PQpipelineSync(connection);
}

int __wrap_PQsendQueryPrepared(PGconn *connection, const char *name, int n, const char *const *values, const int *lengths,
			       const int *formats, int format)
{
	step();
	return __real_PQsendQueryPrepared(connection, name, n, values, lengths, formats, format);
}

int __wrap_PQsendQueryParams(PGconn *connection, const char *text, int n, const Oid *types, const char *const *values,
			     const int *lengths, const int *formats, int format)
{
	step();
	return __real_PQsendQueryParams(connection, text, n, types, values, lengths, formats, format);
}
#endif
