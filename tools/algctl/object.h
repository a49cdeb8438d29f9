/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that service, policy and tenant have in common. */
#ifndef ALGCTL_OBJECT_H
#define ALGCTL_OBJECT_H

#include <jansson.h>

#include "backend.h"
#include "grammar.h"
#include "output.h"
#include "value.h"

extern const struct object_def fleet_object, agent_object;
extern const struct object_def diff_object, template_object, role_object, log_object, store_object, restore_object;
extern const struct object_def service_object, policy_object, tenant_object, stats_object, pinhole_object,
	call_object, registration_object, tunnel_object,
	status_object, monitor_object, apply_object, export_object, version_object, help_object;

extern const struct param service_params[], policy_params[], tenant_params[], template_params[], role_params[];
extern const struct param box_params[];

extern const char nothing_configured[];

/* Opens the backend, which has this kind; --dry-run of a single change needs a store. False: reported. */
bool object_backend(struct ctx *ctx, enum kind kind);

bool object_add(struct ctx *ctx, const struct command *command, void *object);
bool done(struct ctx *ctx, bool good);	/* what a command that only changes something says with --json; returns @good */
bool object_set(struct ctx *ctx, const struct command *command, void *object);
bool object_del(struct ctx *ctx, const struct command *command, void *object);

/* All objects of a kind, or the one that @one names, sorted. */
bool object_fetch(struct ctx *ctx, enum kind kind, const struct object *one, struct objects *out);

/**
 * struct object_table - how a kind is shown to people
 * @head:	titles of the columns, @width of them
 * @row:	adds an object's cells
 * @none:	said in place of a table without rows, or NULL
 */
struct object_table {
	enum kind kind;
	const char *const *head;
	size_t width;
	void (*row)(struct words *cells, const struct object *o);
	const char *none;
};

/* The command show. */
bool object_show(struct ctx *ctx, const struct object_table *table, const struct object *one);

/* JSON of a view: nested by path; @all with defaults and read-only values, else what has to be configured. */
json_t *view_json(const struct view *view, bool all);
json_t *item_json(const struct item *item);
json_t *objects_json(enum kind kind, const struct objects *list,
		     const struct predefined *predefined); /* {"services":[...]} */

/* One object as a section of a file for apply. */
void object_print(FILE *out, const struct object *o, const struct predefined *predefined);

bool set_object_name(struct setter *s, const struct param *p, const char *text);
void list_object_names(const struct setter *s, const struct param *p, struct words *out);

#endif /* ALGCTL_OBJECT_H */
