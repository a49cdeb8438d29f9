/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every part of algctl shares: the context of one invocation, its errors, lists of words.
 */
#ifndef ALGCTL_H
#define ALGCTL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifndef ALGCTL_VERSION
#define ALGCTL_VERSION "0.1.0"
#endif

enum { ALGCTL_OK, ALGCTL_USAGE, ALGCTL_REFUSED };	/* exit codes, a contract */

/**
 * struct where - where something was said
 * @line:	line of the configuration file, 0 for the command line
 * @column:	column of the file, or the number of the word; counted from 1, 0 for nowhere
 */
struct where {
	uint32_t line, column;
};

#define NOWHERE ((struct where){ 0, 0 })

/* A growing list of strings that it owns. All zero is an empty list. */
struct words {
	char **v;
	size_t n, room;
};

void words_add(struct words *w, const char *text);
void words_add_all(struct words *w, const char *const *texts, size_t n);
void words_addf(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool words_have(const struct words *w, const char *text);
bool words_equal(const struct words *a, const struct words *b);
void words_sort(struct words *w);
void words_free(struct words *w);
char *words_join(const struct words *w, const char *separator);	/* caller frees */

struct error {
	int code;		/* exit code */
	int number;		/* errno, 0 for none */
	char *message;
	char *argument;		/* words of the command line that caused it, NULL for none */
	char *hint;
	struct where at;	/* in the file */
	struct words expected;	/* what could stand there */
};

struct backend;
struct json_t;

/**
 * struct ctx - one invocation
 * @words:	command line without options; @nwords of them
 * @key:	for each word the keyword that it belongs to, and
 * @block:	the word that opened its block, as indexes; both may be the word itself
 * @file:	name of the configuration file in error messages, NULL for none; @own_file: the same when it is to be freed
 * @told:	with --json, what has happened before an error; printed with it
 * @backend:	opened on first use by backend()
 * @store_known: @store_used says whether this invocation uses a store
 */
struct ctx {
	bool json, explain, dry_run;
	const char *format, *netns, *count, *store_path, *tag, *search;
	bool follow, staged;
	bool plain;		/* references to the latest version without a number */
	char **words;
	int nwords;
	int argc;
	char **argv;		/* all of it, for the log */
	int *key, *block;
	const char *file;
	char *own_file;
	struct json_t *told;
	struct backend *backend;
	bool store_known, store_used;
	struct error *errors;
	size_t nerrors, errors_left_out;
	bool quiet;		/* completion: collect no errors */
	FILE *out;
};

/* Errors are collected and printed at the end by errors_print(). Both return false, for "return fail(...)". */
bool fail(struct ctx *ctx, int code, struct where at, const char *format, ...) __attribute__((format(printf, 4, 5)));
bool fail_errno(struct ctx *ctx, int number, struct where at, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Additions to the latest error. */
void error_hint(struct ctx *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_expected(struct ctx *ctx, const char *text, const struct words *expected);

int errors_print(struct ctx *ctx);	/* returns the exit code */
void errors_drop(struct ctx *ctx);


/* Memory: they return or end the program. */
void *grow(void *array, size_t n, size_t *room, size_t size);
void *zalloc(size_t size);
char *copy(const char *text);

/* Memory that is freed at once; all zero is an empty one. */
struct region {
	struct region_block *blocks;
	char *at;
	size_t left;
};

void *region_take(struct region *r, size_t size);	/* zeroes */
char *region_copy(struct region *r, const char *text);
void region_free(struct region *r);

bool file_replace(const char *path, const char *text);	/* whole and on the disk, 0600, or as it was; false: errno */
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* netns.c */
bool netns_enter(struct ctx *ctx, const char *name);
void netns_list(struct words *out);

/* Is the word at this place; for setters. */
#define WORD(i) ((struct where){ 0, (uint32_t)(i) + 1 })

#endif /* ALGCTL_H */
