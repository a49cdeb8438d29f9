// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * algctl complete -- WORDS...: candidates for the last word, one a line. Bash breaks words at '=', so NAME = VALUE
 * arrives as three words and only what follows '=' is to be printed.
 */
#include "object.h"

#include <stdlib.h>
#include <string.h>

/* Joins what bash broke at '='; @joined has the words then. Returns how much of the last word is not to be printed. */
static size_t join_pairs(struct ctx *ctx, struct words *joined)
{
	size_t hidden = 0;

	for (int i = 0; i < ctx->nwords; i++) {
		const char *word = ctx->words[i];
		bool joins = i && (!strcmp(word, "=") || !strcmp(ctx->words[i - 1], "="));
		char *whole;

		hidden = 0;
		if (!joins) {
			words_add(joined, word);
			continue;
		}
		whole = format_text("%s%s", joined->v[joined->n - 1], word);
		free(joined->v[joined->n - 1]);
		joined->v[joined->n - 1] = whole;
		hidden = (size_t)(strchr(whole, '=') - whole) + 1;
	}
	ctx->nwords = (int)joined->n;
	for (size_t i = 0; i < joined->n; i++)
		ctx->words[i] = joined->v[i];
	return hidden;
}

static const struct option_row *option_row_of(const char *word)
{
	for (const struct option_row *o = option_rows; o->name; o++) {
		if (!strncmp(word, "--", 2) && !strcmp(word + 2, o->name))
			return o;
		if (word[0] == '-' && o->letter && word[1] == o->letter && !word[2])
			return o;
	}
	return NULL;
}

/* Takes options with their values out of the words; the option whose value the last word is, or NULL. */
static const struct option_row *drop_options(struct ctx *ctx)
{
	const struct option_row *open = NULL;
	int n = 0;

	for (int i = 0; i < ctx->nwords; i++) {
		const struct option_row *o = i + 1 < ctx->nwords ? option_row_of(ctx->words[i]) : NULL;

		if (open && i + 1 < ctx->nwords) {
			if (!strcmp(open->name, "netns"))
				netns_enter(ctx, ctx->netns = ctx->words[i]);
			else if (!strcmp(open->name, "store"))
				ctx->store_path = ctx->words[i];
			open = NULL;
		} else if (o) {
			open = o->metavar ? o : NULL;
		} else {
			ctx->words[n++] = ctx->words[i];
		}
	}
	ctx->nwords = n;
	return open;
}

static void option_value(const struct option_row *o, struct words *out)
{
	if (!strcmp(o->name, "netns"))
		netns_list(out);
	else if (!strcmp(o->name, "format"))
		words_add(out, "yaml"), words_add(out, "json");
}

static void option_names(const struct command *c, struct words *out)
{
	for (const struct option_row *o = option_rows; o->name; o++)
		if (!o->command_option || (c && c->options & o->command_option))
			words_addf(out, "--%s", o->name);
}

static void print_candidates(struct ctx *ctx, const struct words *candidates, const char *prefix, size_t hidden)
{
	for (size_t i = 0; i < candidates->n; i++)
		if (!strncmp(candidates->v[i], prefix, strlen(prefix)) && strlen(candidates->v[i]) >= hidden)
			fprintf(ctx->out, "%s\n", candidates->v[i] + hidden);
}

/* Items of a comma-separated value: those that are not in it yet, behind what is. */
static void list_items(const char *word, struct words *candidates)
{
	const char *comma = strrchr(word, ',');
	struct words full = { 0 }, had = { 0 };
	char *list, *state, *item;

	if (!comma)
		return;
	list = copy(word);
	list[comma - word] = '\0';
	for (item = strtok_r(list, ",", &state); item; item = strtok_r(NULL, ",", &state))
		words_add(&had, item);
	for (size_t i = 0; i < candidates->n; i++)
		if (!words_have(&had, candidates->v[i]))
			words_addf(&full, "%.*s%s", (int)(comma - word) + 1, word, candidates->v[i]);
	free(list);
	words_free(&had);
	words_free(candidates);
	*candidates = full;
}

static void expect_arguments(struct ctx *ctx, const struct command *c, int first, const char *word,
			     struct words *candidates)
{
	const struct param *value = NULL;
	void *object = c->make ? c->make() : c->size ? zalloc(c->size) : NULL;

	grammar_expect(ctx, c, first, object, candidates, &value);
	if (value && value->flags & PARAM_LIST)
		list_items(word, candidates);
	if (c->make)
		object_free(object);
	else
		free(object);
}

static void expect_names(const struct object_def *o, struct words *candidates)
{
	for (const struct command *c = o->commands; c->run; c++)
		words_add(candidates, c->name);
}

static void expect_objects(const struct object_def *but, struct words *candidates)
{
	for (int i = 0; objects[i]; i++)
		if (objects[i] != but)
			words_add(candidates, objects[i]->name);
}

static void expect_help(const struct ctx *ctx, struct words *candidates)
{
	const struct object_def *o = ctx->nwords > 1 ? object_find(ctx->words[1]) : NULL;

	if (ctx->nwords == 1)
		expect_objects(&help_object, candidates);
	else if (o && o->commands->name && ctx->nwords == 2)
		expect_names(o, candidates);
}

/* Candidates for @word, which is behind the words of @ctx. */
static void expect(struct ctx *ctx, const char *word, struct words *candidates, const struct command **command)
{
	const struct object_def *o = ctx->nwords ? object_find(ctx->words[0]) : NULL;
	int first = 1;

	if (!ctx->nwords)
		expect_objects(NULL, candidates);
	else if (o == &help_object)
		expect_help(ctx, candidates);
	if (!o || o == &help_object)
		return;
	*command = o->commands;
	if (o->commands->name && ctx->nwords == 1) {
		expect_names(o, candidates);
		words_add(candidates, "help");
		return;
	}
	if (o->commands->name)
		*command = command_find(o, ctx->words[first++]);
	if (*command)
		expect_arguments(ctx, *command, first, word, candidates);
}

void complete(struct ctx *ctx)
{
	struct words candidates = { 0 }, joined = { 0 };
	const struct command *command = NULL;
	const struct option_row *open;
	const char *word;
	size_t hidden;

	if (!ctx->nwords)
		return;
	ctx->quiet = true;
	hidden = join_pairs(ctx, &joined);
	open = drop_options(ctx);
	word = ctx->words[--ctx->nwords];
	if (open)
		option_value(open, &candidates);
	else
		expect(ctx, word, &candidates, &command);
	if (!open && *word == '-') {
		words_free(&candidates);
		option_names(command, &candidates);
	}
	print_candidates(ctx, &candidates, word, hidden);
	words_free(&candidates);
	ctx->nwords = 0;
	words_free(&joined);
}
