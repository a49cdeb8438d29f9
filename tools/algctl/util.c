// SPDX-License-Identifier: GPL-2.0-or-later
#include "algctl.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *or_die(void *p)
{
	if (!p) {
		fputs("algctl: out of memory\n", stderr);
		exit(ALGCTL_REFUSED);
	}
	return p;
}

void *zalloc(size_t size)
{
	return or_die(calloc(1, size));
}

/* ---- regions: what is freed at once ---- */

struct region_block {
	struct region_block *next;
	_Alignas(max_align_t) char data[];
};

void *region_take(struct region *r, size_t size)
{
	enum { BLOCK = 64 * 1024 };
	size_t wanted = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
	void *taken;

	if (wanted > r->left) {
		size_t room = wanted > BLOCK ? wanted : BLOCK;
		struct region_block *b = or_die(malloc(sizeof(*b) + room));

		b->next = r->blocks;
		r->blocks = b;
		r->at = b->data;
		r->left = room;
	}
	taken = r->at;
	r->at += wanted;
	r->left -= wanted;
	return memset(taken, 0, size);
}

char *region_copy(struct region *r, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(region_take(r, size), text, size);
}

void region_free(struct region *r)
{
	while (r->blocks) {
		struct region_block *next = r->blocks->next;

		free(r->blocks);
		r->blocks = next;
	}
	*r = (struct region){ 0 };
}

char *copy(const char *text)
{
	return or_die(strdup(text));
}

/* Room for one more element behind @n, which is zero. Of what is large there is often one only. */
void *grow(void *array, size_t n, size_t *room, size_t size)
{
	size_t wanted = *room ? *room * 2 : size > sizeof(void *) ? 1 : 4;

	if (n >= *room) {
		array = or_die(reallocarray(array, wanted, size));
		*room = wanted;
	}
	memset((char *)array + n * size, 0, size);
	return array;
}

static char *format_list(const char *format, va_list args)
{
	char *text;

	return vasprintf(&text, format, args) < 0 ? or_die(NULL) : text;
}

char *format_text(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_list(format, args);
	va_end(args);
	return text;
}

static void words_take(struct words *w, char *text)
{
	w->v = grow(w->v, w->n, &w->room, sizeof(*w->v));
	w->v[w->n++] = text;
}

void words_add(struct words *w, const char *text)
{
	words_take(w, copy(text));
}

void words_add_all(struct words *w, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		words_add(w, texts[i]);
}

void words_addf(struct words *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	words_take(w, format_list(format, args));
	va_end(args);
}

bool words_have(const struct words *w, const char *text)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->v[i], text))
			return true;
	return false;
}

bool words_equal(const struct words *a, const struct words *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]))
			return false;
	return true;
}

static int word_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void words_sort(struct words *w)
{
	if (w->n)
		qsort(w->v, w->n, sizeof(*w->v), word_order);
}

void words_free(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
	*w = (struct words){ 0 };
}

char *words_join(const struct words *w, const char *separator)
{
	size_t size = 1, step = strlen(separator), at = 0;
	char *text;

	for (size_t i = 0; i < w->n; i++)
		size += strlen(w->v[i]) + step;
	text = zalloc(size);
	for (size_t i = 0; i < w->n; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? separator : "", w->v[i]);
	return text;
}

/* Edits (insert, delete, replace, swap neighbours) that make one word the other; both are short, else "far". */
static unsigned int distance(const char *a, const char *b)
{
	enum { LONGEST = 32 };
	unsigned int rows[3][LONGEST + 1];
	size_t m = strlen(a), n = strlen(b);

	if (m > LONGEST || n > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= n; j++)
		rows[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= m; i++) {
		unsigned int *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = (unsigned int)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned int best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[m % 3][n];
}

/* "Did you mean", or NULL. */
static const char *closest(const char *text, const struct words *among)
{
	size_t length = strlen(text);
	unsigned int best = length < 4 ? 2 : 3;
	const char *found = NULL;

	for (size_t i = 0; i < among->n; i++) {
		unsigned int d = distance(text, among->v[i]);

		if (length >= 3 && !strncmp(text, among->v[i], length))
			d = d ? 1 : 0;
		if (d < best) {
			best = d;
			found = among->v[i];
		}
	}
	return found;
}

/* "keyword value", with the word that opened the block in front. */
static char *argument_text(const struct ctx *ctx, struct where at)
{
	struct words w = { 0 };
	int i = (int)at.column - 1;
	char *text;

	if (at.line || i < 0 || i >= ctx->nwords)
		return NULL;
	if (ctx->block && ctx->block[i] != ctx->key[i])
		words_add(&w, ctx->words[ctx->block[i]]);
	if (ctx->key && ctx->key[i] != i)
		words_add(&w, ctx->words[ctx->key[i]]);
	words_add(&w, ctx->words[i]);
	text = words_join(&w, " ");
	words_free(&w);
	return text;
}

static void add_error(struct ctx *ctx, int code, int number, struct where at, const char *format, va_list args)
{
	enum { MOST = 50 };
	struct error *e;

	if (ctx->quiet)
		return;
	if (ctx->nerrors == MOST) {
		ctx->errors_left_out++;
		return;
	}
	if (!ctx->errors)
		ctx->errors = zalloc(MOST * sizeof(*ctx->errors));
	e = &ctx->errors[ctx->nerrors++];
	*e = (struct error){ .code = code, .number = number, .at = at };
	e->message = format_list(format, args);
	e->argument = argument_text(ctx, at);
}

bool fail(struct ctx *ctx, int code, struct where at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_error(ctx, code, 0, at, format, args);
	va_end(args);
	return false;
}

bool fail_errno(struct ctx *ctx, int number, struct where at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_error(ctx, ALGCTL_REFUSED, number, at, format, args);
	va_end(args);
	return false;
}

static struct error *latest(struct ctx *ctx)
{
	return ctx->nerrors && !ctx->errors_left_out ? &ctx->errors[ctx->nerrors - 1] : NULL;
}

void error_hint(struct ctx *ctx, const char *format, ...)
{
	struct error *e = latest(ctx);
	char *before = e ? e->hint : NULL;
	va_list args;

	if (!e)
		return;
	va_start(args, format);
	e->hint = format_list(format, args);
	va_end(args);
	if (before) {
		char *both = format_text("%s; %s", before, e->hint);

		free(e->hint);
		free(before);
		e->hint = both;
	}
}

void error_expected(struct ctx *ctx, const char *text, const struct words *expected)
{
	struct error *e = latest(ctx);
	const char *near = closest(text, expected);

	if (!e)
		return;
	if (near)
		error_hint(ctx, "did you mean '%s'?", near);
	for (size_t i = 0; i < expected->n; i++)
		words_add(&e->expected, expected->v[i]);
}

void errors_drop(struct ctx *ctx)
{
	for (size_t i = 0; i < ctx->nerrors; i++) {
		free(ctx->errors[i].message);
		free(ctx->errors[i].argument);
		free(ctx->errors[i].hint);
		words_free(&ctx->errors[i].expected);
	}
	free(ctx->errors);
	ctx->errors = NULL;
	ctx->nerrors = 0;
	ctx->errors_left_out = 0;
}

static bool write_all(int fd, const char *text)
{
	for (size_t left = strlen(text); left;) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		left -= (size_t)n;
	}
	return true;
}

/* The directory's entry is to be on the disk as well. */
static bool sync_directory(const char *path)
{
	char *own = copy(path);
	int fd = open(dirname(own), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && !fsync(fd);

	if (fd >= 0)
		close(fd);
	free(own);
	return good;
}

/* Its own file: one that is there, left by whomever, is not written to. */
static bool write_beside(const char *beside, const char *text)
{
	int number, fd;
	bool good;

	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	good = write_all(fd, text) && !fsync(fd);
	number = errno;
	if (close(fd) && good)
		return false;
	errno = number;
	return good;
}

bool file_replace(const char *path, const char *text)
{
	char *beside = format_text("%s.new", path);
	bool good = write_beside(beside, text) && !rename(beside, path);
	int number = errno;

	if (!good)
		unlink(beside);
	free(beside);
	errno = number;
	return good && sync_directory(path);
}
