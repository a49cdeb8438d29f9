/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on versions, which every kind of object in a store has. The kind is that of the command line's first word. */
#ifndef ALGCTL_COMMANDS_H
#define ALGCTL_COMMANDS_H

#include "grammar.h"
#include "version.h"

/**
 * struct version_args - what they are given
 * @one, @two:	objects or versions
 */
struct version_args {
	struct ref one, two;
	struct where one_at, two_at;
	bool side_by_side;
	struct propagation propagation;
	int level;
	char role[NAME_SIZE];
	struct where role_at;
	char first[NAME_SIZE];
	struct where first_at;
	int64_t patience;
};

bool store_wanted(struct ctx *ctx);	/* opens the backend; false: it has no store, which is reported */

/* A store that is read, with who reads. And the version (the latest: 0) @a->one of it, which he may view. NULL: reported. */
struct store *store_read(struct ctx *ctx);
struct store *version_read(struct ctx *ctx, const struct version_args *a, struct stored *one);

extern const struct param list_params[], versions_params[], edit_params[], diff_params[], rollback_params[], clone_params[],
	references_params[], propagate_params[], permit_params[], permissions_params[];
extern const struct param name_params[], name_or_all_params[];

bool list_run(struct ctx *ctx, const struct command *command, void *object);
bool edit_run(struct ctx *ctx, const struct command *command, void *object);
bool versions_run(struct ctx *ctx, const struct command *command, void *object);
bool diff_run(struct ctx *ctx, const struct command *command, void *object);
bool rollback_run(struct ctx *ctx, const struct command *command, void *object);
bool clone_run(struct ctx *ctx, const struct command *command, void *object);
bool references_run(struct ctx *ctx, const struct command *command, void *object);
bool propagate_run(struct ctx *ctx, const struct command *command, void *object);
bool permit_run(struct ctx *ctx, const struct command *command, void *object);
bool permissions_run(struct ctx *ctx, const struct command *command, void *object);

void list_levels(const struct setter *s, const struct param *p, struct words *out);
char *time_text(int64_t at);		/* "2025-11-22 10:00:00"; caller frees */

#define STORE_COMMAND(word, sentence, given, takes) \
	{ .name = #word, .help = sentence, .params = word##_params, .options = given, \
	  .size = sizeof(struct version_args), .run = takes }

#define STORE_COMMANDS \
	STORE_COMMAND(list, "list names with version, tags and description", OPTION_TAG | OPTION_SEARCH, list_run), \
	STORE_COMMAND(edit, "change it in an editor", OPTION_DRY_RUN, edit_run), \
	STORE_COMMAND(versions, "list the versions", 0, versions_run), \
	STORE_COMMAND(diff, "compare two versions", 0, diff_run), \
	STORE_COMMAND(rollback, "make a new version that is equal to an old one", OPTION_DRY_RUN, rollback_run), \
	STORE_COMMAND(clone, "make another of a version", OPTION_DRY_RUN, clone_run), \
	STORE_COMMAND(references, "list who refers to it, directly and by way of others", 0, references_run), \
	STORE_COMMAND(propagate, "move referrers to a version, the latest if none is given", \
		      OPTION_DRY_RUN | OPTION_STAGED, propagate_run), \
	STORE_COMMAND(permissions, "list what each role may do with it", 0, permissions_run), \
	STORE_COMMAND(permit, "set what a role may do with it", OPTION_DRY_RUN, permit_run)

#endif /* ALGCTL_COMMANDS_H */
