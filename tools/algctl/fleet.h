/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fleet: boxes that follow one store in PostgreSQL. A store has a fleet as soon as it has a box. From then on a change
 * ends with the store's commit and touches no kernel: each box's agent (agent.c) hears of it, compiles what is its own
 * (compile_box()), gives it to its kernel in one transaction, and reports. Without boxes a PostgreSQL store works on the
 * local kernel as a file does.
 *
 * Changes are counted by the log: the number of the newest entry with the result "done" is the state of the store, so
 * "applied entry 57" says it all. A box may hold versions of tenants (box_holds): it has these instead of the latest, until
 * it is released; this is what a staged propagate is made of.
 */
#ifndef ALGCTL_FLEET_H
#define ALGCTL_FLEET_H

#include <jansson.h>

#include "version.h"

#define FLEET_CHANGES	"nf_alg"		/* channels: an entry of the log; */
#define FLEET_REPORTS	"nf_alg_reports"	/* a report that differs from the one before */

/**
 * struct box - one of a fleet, with its agent's report
 * @login:	the database's user whose reports are taken, "" for any
 * @age:	seconds since the last report, below 0: there is none
 * @every:	seconds between two reports at most
 * @tried, @entry:	state of the store that it has tried last, and that it runs
 * @holds:	tenants that it keeps an older version of
 */
struct box {
	char name[NAME_SIZE];
	char *description, *login, *agent, *hash, *error;
	struct words tags;
	int64_t age, every, tried, entry, applied_at, error_at, holds;
};

struct boxes {
	struct box *v;
	size_t n, room;
};

enum box_state { BOX_APPLIED, BOX_BEHIND, BOX_REFUSED, BOX_SILENT, BOX_NEW, BOX_STATES };

extern const char *const box_state_names[BOX_STATES];

bool fleet_possible(const struct store *s);
bool fleet_used(struct store *s);				/* quietly */
bool fleet_wanted(struct ctx *ctx);				/* opens the store; false: it can't have boxes, reported */
bool fleet_load(struct store *s, struct boxes *out);		/* sorted by name */
void boxes_free(struct boxes *list);
const struct box *boxes_find(const struct boxes *list, const char *name);
bool fleet_entry(struct store *s, int64_t *entry);		/* the state of the store */
enum box_state box_state(const struct box *b, int64_t entry);	/* @entry is what it is to have */
bool box_serves(const struct box *b, const struct tenant *t);

/* fleet_object.c: boxes as objects of a configuration. The last three are parts of an operation. */
bool fleet_list(struct store *s, struct objects *out);		/* sorted; with a file as store there are none */
bool fleet_box_add(struct store *s, const struct fleet_box *b);
bool fleet_box_set(struct store *s, const struct fleet_box *b);	/* what is not said stays */
bool fleet_box_del(struct store *s, const struct object *o);

/* The box that this host is: as given, ALGCTL_BOX, the file that "fleet join" wrote, or the host's name. */
bool box_name(struct ctx *ctx, const char *given, char out[NAME_SIZE]);

/* The same with its row; NULL: not one of the fleet, reported. Caller frees @all. */
const struct box *box_here(struct store *s, const char *given, struct boxes *all);

/* A tenant's boxes are ones of the fleet. */
bool fleet_check_tenant(struct store *s, const struct tenant *t);

/* Boxes that hold the version, for messages. */
bool fleet_holders(struct store *s, const struct ref *ref, struct words *out);

/* What the box is to have. */
bool compile_box(struct store *s, const struct box *b, struct objects *out);

/**
 * struct stage - a propagate that reaches one box first, and the others when that has applied it
 * @first:	its name, "" for the first by name that is concerned
 * @patience:	seconds that boxes may take
 * @rest:	filled: names of the others that are concerned
 */
struct stage {
	char first[NAME_SIZE];
	struct where at;
	int64_t patience;
	struct words rest;
};

bool stage_hold(struct store *s, const struct propagation *p, struct stage *stage);	/* in the operation */
bool stage_go_on(struct ctx *ctx, const struct stage *stage, json_t *boxes);	/* behind it; @boxes: what became of each */

/* In an operation: boxes, none for all, hold nothing any more. */
bool fleet_release(struct store *s, const struct words *boxes);

#endif /* ALGCTL_FLEET_H */
