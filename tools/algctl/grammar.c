// SPDX-License-Identifier: GPL-2.0-or-later
#include "grammar.h"

#include <stdlib.h>
#include <string.h>

/**
 * struct walk - progress through a command's words
 * @value:	parameter whose value comes next
 * @pairs:	pairs that @value has got
 * @block:	block that is open, opened by word @block_word with @block_given parameters so far
 * @used:	bit per parameter of the command, @block_used of the block
 * @groups:	bit per group used
 * @position:	positions taken
 * @given:	parameters besides positions
 */
struct walk {
	const struct command *command;
	struct setter setter;
	const struct param *value;
	int value_word, pairs;
	const struct param *block;
	int block_word, block_given;
	uint64_t used, block_used;
	uint32_t groups;
	int position, given;
};

static const struct param nothing[1];

static const struct param *params_of(const struct command *c)
{
	return c->params ? c->params : nothing;
}

const struct object_def *object_find(const char *name)
{
	for (int i = 0; objects[i]; i++)
		if (!strcmp(objects[i]->name, name))
			return objects[i];
	return NULL;
}

const struct command *command_find(const struct object_def *object, const char *name)
{
	for (const struct command *c = object->commands; c->run; c++)
		if (c->name && !strcmp(c->name, name))
			return c;
	return NULL;
}

const struct param *param_find(const struct param *params, const char *name)
{
	for (const struct param *p = params; p->name; p++)
		if (p->kind != PARAM_POSITION && !strcmp(p->name, name))
			return p;
	return NULL;
}

static const struct param *next_position(const struct walk *w)
{
	int i = 0;

	for (const struct param *p = params_of(w->command); p->name; p++)
		if (p->kind == PARAM_POSITION && i++ == w->position)
			return p;
	return NULL;
}

bool set_text(struct setter *s, const struct param *p, const char *text)
{
	*(const char **)((char *)s->object + p->arg) = text;
	return true;
}

bool set_flag(struct setter *s, const struct param *p, const char *text)
{
	(void)text;
	*(bool *)((char *)s->object + p->arg) = true;
	return true;
}

bool param_set(struct setter *s, const struct param *p, const char *text)
{
	char *list, *state, *item;
	bool good = true;

	if (!(p->flags & PARAM_LIST))
		return p->set(s, p, text);
	if (!*text || text[strlen(text) - 1] == ',' || *text == ',' || strstr(text, ",,"))
		return fail(s->ctx, ALGCTL_USAGE, s->at, "%s has an empty item", p->name);
	list = copy(text);
	for (item = strtok_r(list, ",", &state); item; item = strtok_r(NULL, ",", &state))
		good &= p->set(s, p, item);
	free(list);
	return good;
}

static void expect_params(const struct walk *w, const struct param *params, uint64_t used, struct words *out)
{
	for (const struct param *p = params; p->name; p++) {
		if (p->kind == PARAM_POSITION || used & (1ull << (p - params)))
			continue;
		if (p->group && w->groups & (1u << p->group))
			continue;
		if (p->flags & PARAM_BARE)
			p->list(&w->setter, p, out);
		words_add(out, p->name);
	}
}

static void walk_expect(const struct walk *w, struct words *out)
{
	const struct param *position = next_position(w);

	if (w->value) {
		if (w->value->list)
			w->value->list(&w->setter, w->value, out);
		if (w->value->kind != PARAM_PAIRS || !w->pairs)
			return;
	}
	if (position) {
		if (position->list && !(w->command->flags & COMMAND_MAKES))
			position->list(&w->setter, position, out);
		return;
	}
	if (w->block)
		expect_params(w, w->block->sub, w->block_used, out);
	if (!w->block || w->block_given)
		expect_params(w, params_of(w->command), w->used, out);
}

static bool unknown(struct walk *w, int i)
{
	struct ctx *ctx = w->setter.ctx;
	struct words expected = { 0 };

	walk_expect(w, &expected);
	if (expected.n)
		fail(ctx, ALGCTL_USAGE, WORD(i), "unknown word '%s'", ctx->words[i]);
	else
		fail(ctx, ALGCTL_USAGE, WORD(i), "nothing more is expected, not '%s'", ctx->words[i]);
	error_expected(ctx, ctx->words[i], &expected);
	words_free(&expected);
	return false;
}

static bool set_value(struct walk *w, const struct param *p, int i)
{
	w->setter.at = WORD(i);
	return param_set(&w->setter, p, w->setter.ctx->words[i]);
}

static bool value_missing(struct walk *w)
{
	struct ctx *ctx = w->setter.ctx;
	struct words expected = { 0 };

	if (w->value->list)
		w->value->list(&w->setter, w->value, &expected);
	fail(ctx, ALGCTL_USAGE, WORD(w->value_word), "'%s' wants %s", w->value->name, w->value->metavar);
	error_expected(ctx, "", &expected);
	words_free(&expected);
	return false;
}

/* The keyword of @p, word @i: remembers what comes next. */
static bool take_keyword(struct walk *w, const struct param *params, const struct param *p, uint64_t *used, int i)
{
	struct ctx *ctx = w->setter.ctx;
	uint64_t bit = 1ull << (p - params);

	if (*used & bit)
		return fail(ctx, ALGCTL_USAGE, WORD(i), "'%s' is given twice", p->name);
	if (p->group && w->groups & (1u << p->group))
		return fail(ctx, ALGCTL_USAGE, WORD(i), "'%s' can't be given here as well", p->name);
	*used |= bit;
	if (p->group)
		w->groups |= 1u << p->group;
	if (p->kind == PARAM_FLAG)
		return set_value(w, p, i);
	if (p->kind == PARAM_BLOCK) {
		w->block = p;
		w->block_word = i;
		w->block_given = 0;
		w->block_used = 0;
		w->setter.protocol = (int)p->arg;
		return true;
	}
	w->value = p;
	w->value_word = i;
	w->pairs = 0;
	return true;
}

/* A value whose keyword may be left out: "on" for "mode on". */
static const struct param *bare_value(const struct walk *w, const char *text)
{
	for (const struct param *p = w->block->sub; p->name; p++) {
		struct words values = { 0 };
		bool found;

		if (!(p->flags & PARAM_BARE))
			continue;
		p->list(&w->setter, p, &values);
		found = words_have(&values, text);
		words_free(&values);
		if (found)
			return p;
	}
	return NULL;
}

static bool walk_block(struct walk *w, int i, bool *taken)
{
	struct ctx *ctx = w->setter.ctx;
	const struct param *sub = w->block->sub, *p = param_find(sub, ctx->words[i]);
	const struct param *bare = p ? NULL : bare_value(w, ctx->words[i]);

	*taken = p || bare;
	if (!*taken && !w->block_given) {
		*taken = true;
		return unknown(w, i);
	}
	if (!*taken) {
		w->block = NULL;
		w->setter.protocol = -1;
		return true;
	}
	ctx->block[i] = w->block_word;
	w->block_given++;
	if (p)
		return take_keyword(w, sub, p, &w->block_used, i);
	if (w->block_used & (1ull << (bare - sub)))
		return fail(ctx, ALGCTL_USAGE, WORD(i), "'%s' is given twice", bare->name);
	w->block_used |= 1ull << (bare - sub);
	return set_value(w, bare, i);
}

static bool walk_value(struct walk *w, int i, bool *taken)
{
	struct ctx *ctx = w->setter.ctx;
	const struct param *p = w->value;

	*taken = true;
	ctx->key[i] = w->value_word;
	ctx->block[i] = w->block ? w->block_word : w->value_word;
	if (p->kind != PARAM_PAIRS) {
		w->value = NULL;
		return set_value(w, p, i);
	}
	if (strchr(ctx->words[i], '=')) {
		w->pairs++;
		return set_value(w, p, i);
	}
	if (!w->pairs)
		return value_missing(w);
	w->value = NULL;
	ctx->key[i] = ctx->block[i] = i;
	*taken = false;
	return true;
}

static bool walk_word(struct walk *w, int i)
{
	struct ctx *ctx = w->setter.ctx;
	const struct param *p;
	bool taken = false, good = true;

	if (w->value)
		good = walk_value(w, i, &taken);
	if (taken)
		return good;
	p = next_position(w);
	if (p) {
		w->position++;
		return set_value(w, p, i);
	}
	if (w->block)
		good = walk_block(w, i, &taken);
	if (taken || !good)
		return good;
	p = param_find(params_of(w->command), ctx->words[i]);
	if (!p)
		return unknown(w, i);
	w->given++;
	return take_keyword(w, params_of(w->command), p, &w->used, i);
}

static bool missing(struct walk *w, const struct param *p)
{
	struct ctx *ctx = w->setter.ctx;
	struct words names = { 0 };
	char *list;

	for (const struct param *q = p; q->name && (q == p || (p->group && q->group == p->group)); q++)
		words_add(&names, q->name);
	list = words_join(&names, " or ");
	fail(ctx, ALGCTL_USAGE, NOWHERE, "%s is missing", list);
	error_hint(ctx, "%s: %s", p->metavar ? p->metavar : p->name, p->help);
	free(list);
	words_free(&names);
	return false;
}

static bool walk_end(struct walk *w)
{
	const struct param *params = params_of(w->command), *position = next_position(w);

	if (w->value && (w->value->kind != PARAM_PAIRS || !w->pairs))
		return value_missing(w);
	if (position && !(position->flags & PARAM_OPTIONAL))
		return missing(w, position);
	if (w->block && !w->block_given) {
		struct words expected = { 0 };

		walk_expect(w, &expected);
		fail(w->setter.ctx, ALGCTL_USAGE, WORD(w->block_word), "'%s' wants more", w->block->name);
		error_expected(w->setter.ctx, "", &expected);
		words_free(&expected);
		return false;
	}
	for (const struct param *p = params; p->name && w->command->flags & COMMAND_MAKES; p++) {
		if (p->kind == PARAM_POSITION || !(p->flags & PARAM_REQUIRED) || w->used & (1ull << (p - params)))
			continue;
		if (!p->group || !(w->groups & (1u << p->group)))
			return missing(w, p);
	}
	if (w->command->flags & COMMAND_CHANGES && !w->given) {
		struct words expected = { 0 };

		walk_expect(w, &expected);
		fail(w->setter.ctx, ALGCTL_USAGE, NOWHERE, "nothing is given that could be changed");
		error_expected(w->setter.ctx, "", &expected);
		words_free(&expected);
		return false;
	}
	return true;
}

bool grammar_parse(struct ctx *ctx, const struct command *command, int first, void *object)
{
	struct walk w = { .command = command, .setter = { .ctx = ctx, .object = object, .protocol = -1 } };

	for (int i = first; i < ctx->nwords; i++)
		if (!walk_word(&w, i))
			return false;
	return walk_end(&w);
}

void grammar_expect(struct ctx *ctx, const struct command *command, int first, void *object, struct words *out,
		    const struct param **value)
{
	struct walk w = { .command = command, .setter = { .ctx = ctx, .object = object, .protocol = -1 } };

	for (int i = first; i < ctx->nwords; i++)
		if (!walk_word(&w, i))
			return;
	walk_expect(&w, out);
	*value = w.value ? w.value : next_position(&w);
}
