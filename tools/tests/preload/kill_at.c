// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For algctl as it is, in front of a real kernel: with KILL_AT=N the process is killed in front of its call N of the database or
 * the kernel. KILL_STEPS=FILE: the number of calls is written there at the end. KILL_AT_SQL=TEXT: it is stopped in front of the
 * statement to PostgreSQL that begins so. To be named in LD_PRELOAD.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

struct sqlite3;
struct sqlite3_stmt;
struct mnl_socket;
struct pg_conn;

static long n;

static __attribute__((destructor)) void tell(void)
{
	const char *path = getenv("KILL_STEPS");
	FILE *f = path ? fopen(path, "w") : NULL;

	if (f && (fprintf(f, "%ld\n", n) < 0 || fclose(f)))
		abort();
}

/* Counts one, and gives the function itself. */
static void *next(const char *name)
{
	const char *at = getenv("KILL_AT");

	n++;
	if (at && n == atol(at))
		raise(SIGKILL);
	return dlsym(RTLD_NEXT, name);
}

int PQsendQuery(struct pg_conn *connection, const char *text);
int sqlite3_step(struct sqlite3_stmt *statement);
int sqlite3_exec(struct sqlite3 *db, const char *text, int (*row)(void *, int, char **, char **), void *data, char **error);
ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t size);
ssize_t recv(int fd, void *data, size_t size, int flags);

int sqlite3_step(struct sqlite3_stmt *statement)
{
	int (*f)(struct sqlite3_stmt *) = next("sqlite3_step");

	return f(statement);
}

int sqlite3_exec(struct sqlite3 *db, const char *text, int (*row)(void *, int, char **, char **), void *data, char **error)
{
	int (*f)(struct sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **) = next("sqlite3_exec");

	return f(db, text, row, data, error);
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t size)
{
	ssize_t (*f)(const struct mnl_socket *, const void *, size_t) = next("mnl_socket_sendto");

	return f(socket, data, size);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
	ssize_t (*f)(int, void *, size_t, int) = next("recv");

	return f(fd, data, size, flags);
}

int PQsendQuery(struct pg_conn *connection, const char *text)
{
	int (*f)(struct pg_conn *, const char *) = dlsym(RTLD_NEXT, "PQsendQuery");
	const char *at = getenv("KILL_AT_SQL");

	if (at && !strncmp(text, at, strlen(at)))
		raise(SIGSTOP);
	return f(connection, text);
}
