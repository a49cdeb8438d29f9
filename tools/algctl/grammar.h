/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line's grammar: objects have commands, commands have parameters. These tables drive parsing, help,
 * completion and, for the parameters of service, policy and tenant, the keys of the configuration file.
 */
#ifndef ALGCTL_GRAMMAR_H
#define ALGCTL_GRAMMAR_H

#include "algctl.h"

struct param;

/**
 * struct setter - where a value goes
 * @object:	what the command fills
 * @protocol:	of the block, -1 outside
 * @at:		place of the value, for errors
 */
struct setter {
	struct ctx *ctx;
	void *object;
	int protocol;
	struct where at;
};

enum param_kind {
	PARAM_POSITION,		/* a value without keyword */
	PARAM_VALUE,		/* keyword VALUE */
	PARAM_PAIRS,		/* keyword NAME=VALUE... */
	PARAM_FLAG,		/* keyword alone */
	PARAM_BLOCK,		/* keyword and parameters of its own */
};

enum param_flag {
	PARAM_REQUIRED = 1,	/* in commands that make something; of a group, one */
	PARAM_LIST = 2,		/* the value is comma-separated */
	PARAM_BARE = 4,		/* the value may stand without its keyword */
	PARAM_NO_FILE = 8,	/* command line only */
	PARAM_OPTIONAL = 16,	/* a position that may be absent */
};

/**
 * struct param - one parameter
 * @group:	of the parameters with the same number, not 0, one at most
 * @arg:	for @set
 * @set:	takes one value (of a list, one item); false: it reported why not
 * @list:	adds words that could stand as the value
 * @sub:	parameters of a block
 */
struct param {
	const char *name, *metavar, *help;
	enum param_kind kind;
	unsigned int flags, group, arg;
	bool (*set)(struct setter *s, const struct param *p, const char *text);
	void (*list)(const struct setter *s, const struct param *p, struct words *out);
	const struct param *sub;
};

enum command_flag {
	COMMAND_MAKES = 1,	/* required parameters are required */
	COMMAND_CHANGES = 2,	/* something must be given besides the positions */
};

enum option_flag {
	OPTION_EXPLAIN = 1, OPTION_DRY_RUN = 2, OPTION_FORMAT = 4, OPTION_COUNT = 8,
	OPTION_TAG = 16, OPTION_SEARCH = 32, OPTION_FOLLOW = 64, OPTION_STAGED = 128,
};

struct command {
	const char *name;		/* NULL: the object has this command only */
	const char *help;
	const struct param *params;	/* up to an empty one; may be NULL */
	unsigned int flags, options;
	void *(*make)(void);		/* what the parameters fill: a struct object, */
	size_t size;			/* or else zeroes of this size; neither: nothing */
	bool (*run)(struct ctx *ctx, const struct command *command, void *object);
};

struct object_def {
	const char *name, *help;
	const struct command *commands;	/* up to an empty one; the first is the default */
	const char *more;		/* paragraph at the end of the help */
};

extern const struct object_def *const objects[];	/* main.c; ends with NULL */

struct option_row {
	const char *name;
	char letter;
	const char *metavar, *help;
	unsigned int command_option;	/* 0: everywhere */
};

extern const struct option_row option_rows[];

/* Parses words from @first on into @object; false: reported. */
bool grammar_parse(struct ctx *ctx, const struct command *command, int first, void *object);

/* Fills @out with what could follow words @first up to the end. */
void grammar_expect(struct ctx *ctx, const struct command *command, int first, void *object, struct words *out,
		    const struct param **value);

const struct object_def *object_find(const char *name);
const struct command *command_find(const struct object_def *object, const char *name);
const struct param *param_find(const struct param *params, const char *name);

/* Setters of what is kept as it is said, no lists, at offset .arg of what the command fills: a const char *, or a bool. */
bool set_text(struct setter *s, const struct param *p, const char *text);
bool set_flag(struct setter *s, const struct param *p, const char *text);

/* Sets a value or the items of a comma-separated list. */
bool param_set(struct setter *s, const struct param *p, const char *text);

/* help.c */
void help_print(struct ctx *ctx, const struct object_def *object, const struct command *command);

/* complete.c: prints candidates for the last of ctx->words */
void complete(struct ctx *ctx);

#endif /* ALGCTL_GRAMMAR_H */
