// SPDX-License-Identifier: GPL-2.0-or-later
/* algctl [-j] [-n NETNS] OBJECT [COMMAND] [ARGS] */
#include "object.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

const struct object_def *const objects[] = {
	&service_object, &policy_object, &template_object, &tenant_object, &role_object, &log_object, &store_object,
	&fleet_object, &agent_object,
	&pinhole_object, &call_object,
	&registration_object, &tunnel_object, &stats_object, &status_object,
	&monitor_object, &apply_object, &diff_object, &export_object, &restore_object, &version_object, &help_object, NULL
};

struct options {
	unsigned int command_options;	/* given; OPTION_* */
	bool help, version;
};

static bool take_option(struct ctx *ctx, struct options *o, const struct option_row *row, char *value)
{
	o->command_options |= row->command_option;
	switch (row->letter) {
	case 'j':
		ctx->json = true;
		return true;
	case 'n':
		ctx->netns = value;
		return true;
	case 'h':
		o->help = true;
		return true;
	case 'V':
		o->version = true;
		return true;
	}
	switch (row->command_option) {
	case OPTION_EXPLAIN:
		ctx->explain = true;
		break;
	case OPTION_DRY_RUN:
		ctx->dry_run = true;
		break;
	case OPTION_COUNT:
		ctx->count = value;
		break;
	case OPTION_TAG:
		ctx->tag = value;
		break;
	case OPTION_SEARCH:
		ctx->search = value;
		break;
	case OPTION_FOLLOW:
		ctx->follow = true;
		break;
	case OPTION_STAGED:
		ctx->staged = true;
		break;
	case OPTION_FORMAT:
		ctx->format = value;
		break;
	default:
		ctx->store_path = value;
	}
	return true;
}

static const struct option_row *find_option(const char *word, size_t length)
{
	for (const struct option_row *row = option_rows; row->name; row++)
		if (strlen(row->name) == length && !strncmp(row->name, word, length))
			return row;
	return NULL;
}

static bool unknown_option(struct ctx *ctx, const char *word)
{
	struct words known = { 0 };

	for (const struct option_row *row = option_rows; row->name; row++)
		words_addf(&known, "--%s", row->name);
	fail(ctx, ALGCTL_USAGE, NOWHERE, "unknown option '%s'", word);
	error_expected(ctx, word, &known);
	words_free(&known);
	return false;
}

/* --name, --name=value or --name value; @next is the word behind it or NULL. Returns words used, 0 on error. */
static int long_option(struct ctx *ctx, struct options *o, char *word, char *next)
{
	size_t length = strcspn(word + 2, "=");
	const struct option_row *row = find_option(word + 2, length);
	char *value = word[2 + length] ? word + 3 + length : NULL;
	bool apart = row && row->metavar && !value;

	if (!row)
		return unknown_option(ctx, word);
	if (value && !row->metavar)
		return fail(ctx, ALGCTL_USAGE, NOWHERE, "--%s takes no value", row->name);
	if (apart && !next)
		return fail(ctx, ALGCTL_USAGE, NOWHERE, "--%s wants %s", row->name, row->metavar);
	take_option(ctx, o, row, apart ? next : value);
	return apart ? 2 : 1;
}

/* -j, -nNAME, -n NAME, -jn NAME */
static int short_options(struct ctx *ctx, struct options *o, char *word, char *next)
{
	for (char *c = word + 1; *c; c++) {
		const struct option_row *row = option_rows;

		while (row->name && row->letter != *c)
			row++;
		if (!row->name)
			return unknown_option(ctx, word);
		if (!row->metavar) {
			take_option(ctx, o, row, NULL);
			continue;
		}
		if (!c[1] && !next)
			return fail(ctx, ALGCTL_USAGE, NOWHERE, "-%c wants %s", *c, row->metavar);
		take_option(ctx, o, row, c[1] ? c + 1 : next);
		return c[1] ? 1 : 2;
	}
	return 1;
}

/* Options may stand anywhere; "--" ends them, "-" is no option. */
static bool parse_options(struct ctx *ctx, struct options *o, int argc, char **argv)
{
	bool ended = false;

	for (int i = 1; i < argc;) {
		char *word = argv[i];
		int used;

		if (ended || word[0] != '-' || !word[1]) {
			ctx->words[ctx->nwords++] = word;
			i++;
			continue;
		}
		if (!strcmp(word, "--")) {
			ended = true;
			i++;
			continue;
		}
		used = word[1] == '-' ? long_option(ctx, o, word, argv[i + 1])
				      : short_options(ctx, o, word, argv[i + 1]);
		if (!used)
			return false;
		i += used;
	}
	return true;
}

static bool unknown_object(struct ctx *ctx, int i)
{
	struct words known = { 0 };

	for (int j = 0; objects[j]; j++)
		words_add(&known, objects[j]->name);
	fail(ctx, ALGCTL_USAGE, WORD(i), "unknown object '%s'", ctx->words[i]);
	error_expected(ctx, ctx->words[i], &known);
	words_free(&known);
	return false;
}

static bool unknown_command(struct ctx *ctx, const struct object_def *object, int i)
{
	struct words known = { 0 };

	for (const struct command *c = object->commands; c->run; c++)
		words_add(&known, c->name);
	words_add(&known, "help");
	fail(ctx, ALGCTL_USAGE, WORD(i), "%s has no command '%s'", object->name, ctx->words[i]);
	error_expected(ctx, ctx->words[i], &known);
	words_free(&known);
	return false;
}

/* Help on the words from @first on: [OBJECT [COMMAND]]. */
static bool help_on(struct ctx *ctx, int first)
{
	const struct object_def *object = NULL;
	const struct command *command = NULL;

	if (first < ctx->nwords) {
		object = object_find(ctx->words[first]);
		if (!object)
			return unknown_object(ctx, first);
	}
	if (first + 1 < ctx->nwords && object->commands->name && strcmp(ctx->words[first + 1], "help")) {
		command = command_find(object, ctx->words[first + 1]);
		if (!command)
			return unknown_command(ctx, object, first + 1);
	}
	help_print(ctx, object, command);
	return true;
}

static bool help_run(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	(void)object;
	return help_on(ctx, 1);
}

static bool version_run(struct ctx *ctx, const struct command *command, void *object)
{
	(void)command;
	(void)object;
	if (ctx->json)
		print_json(ctx, json_pack("{s:s, s:i}", "version", ALGCTL_VERSION, "family", NF_ALG_FAMILY_VERSION));
	else
		fprintf(ctx->out, "algctl %s\n", ALGCTL_VERSION);
	return true;
}

static const struct command version_commands[] = {
	{ .help = "print algctl's version; 'status' has the modules'",
	  .run = version_run },
	{ 0 }
};

const struct object_def version_object = {
	.name = "version",
	.help = "algctl's own version",
	.commands = version_commands,
};

static const struct command help_commands[] = {
	{ .help = "explain an object or a command: algctl help [OBJECT [COMMAND]]",
	  .run = help_run },
	{ 0 }
};

const struct object_def help_object = {
	.name = "help",
	.help = "explains objects and commands",
	.commands = help_commands,
};

static bool check_options(struct ctx *ctx, const struct options *o, const struct command *c)
{
	for (const struct option_row *row = option_rows; row->name; row++)
		if (o->command_options & row->command_option & ~c->options)
			return fail(ctx, ALGCTL_USAGE, NOWHERE, "--%s does not belong to this command", row->name);
	return true;
}

static bool run(struct ctx *ctx, const struct options *o, const struct command *c, int first)
{
	void *object = c->make ? c->make() : c->size ? zalloc(c->size) : NULL;
	bool good = check_options(ctx, o, c) && (c->run == help_run || grammar_parse(ctx, c, first, object)) &&
		    (!ctx->netns || netns_enter(ctx, ctx->netns)) && c->run(ctx, c, object);

	if (c->make)
		object_free(object);
	else
		free(object);
	return good;
}

static bool dispatch(struct ctx *ctx, const struct options *o)
{
	const struct object_def *object;
	const struct command *command;

	if (o->version)
		return version_run(ctx, NULL, NULL);
	if (o->help)
		return help_on(ctx, 0);
	if (!ctx->nwords) {
		fail(ctx, ALGCTL_USAGE, NOWHERE, "an object is missing");
		error_hint(ctx, "algctl help lists them");
		return false;
	}
	object = object_find(ctx->words[0]);
	if (!object)
		return unknown_object(ctx, 0);
	if (!object->commands->name)
		return run(ctx, o, object->commands, 1);
	if (ctx->nwords == 1)
		return run(ctx, o, object->commands, 1);
	if (!strcmp(ctx->words[1], "help")) {
		ctx->words[1] = ctx->words[0];
		return help_on(ctx, 1);
	}
	command = command_find(object, ctx->words[1]);
	if (!command)
		return unknown_command(ctx, object, 1);
	return run(ctx, o, command, 2);
}

static void start(struct ctx *ctx, int argc)
{
	size_t n = (size_t)argc + 1;

	ctx->out = stdout;
	ctx->words = zalloc(n * sizeof(*ctx->words));
	ctx->key = zalloc(n * sizeof(*ctx->key));
	ctx->block = zalloc(n * sizeof(*ctx->block));
	for (int i = 0; i < argc; i++)
		ctx->key[i] = ctx->block[i] = i;
}

static int finish(struct ctx *ctx, bool good)
{
	int code = errors_print(ctx);

	if (ctx->backend)
		ctx->backend->ops->close(ctx);
	errors_drop(ctx);
	free(ctx->own_file);
	json_decref(ctx->told);
	free(ctx->words);
	free(ctx->key);
	free(ctx->block);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "Error: writing the output: %s\n", strerror(errno));
		return ALGCTL_REFUSED;
	}
	return good || code ? code : ALGCTL_USAGE;
}

/* Thousands of objects come and go: the heap grows in large steps, and what was given back is taken again. */
static void set_up_heap(void)
{
	enum { STEP = 8 << 20, KEPT = 512 << 20 };

	mallopt(M_TOP_PAD, STEP);
	mallopt(M_TRIM_THRESHOLD, KEPT);
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct ctx ctx = { 0 };
	bool good;

	set_up_heap();
	start(&ctx, argc);
	ctx.argc = argc;
	ctx.argv = argv;
	if (argc > 2 && !strcmp(argv[1], "complete") && !strcmp(argv[2], "--")) {
		for (int i = 3; i < argc; i++)
			ctx.words[ctx.nwords++] = argv[i];
		complete(&ctx);
		return finish(&ctx, true);
	}
	good = parse_options(&ctx, &options, argc, argv) && dispatch(&ctx, &options);
	return finish(&ctx, good);
}
