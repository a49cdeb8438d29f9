/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's gateways keep: pinholes, calls, registrations, tunnels. What their commands share. */
#ifndef ALGCTL_STATE_H
#define ALGCTL_STATE_H

#include "field.h"
#include "object.h"
#include "query.h"

/**
 * struct state_def - one kind
 * @name:	in texts and JSON, @plural of many
 * @size:	of its structure, which begins with struct state
 * @id_max:	largest id
 * @own_ids:	each protocol has its own ids
 * @text:	one line's worth; the caller frees
 * @get, @free, @json: what fields can't do, or NULL
 * @selects:	what the kernel does not select by, or NULL
 */
struct state_def {
	const char *name, *plural;
	size_t size;
	uint64_t id_max;
	bool own_ids;
	const struct field *fields;
	char *(*text)(const struct state *s);
	void (*get)(struct state *s, const struct nlattr *nest);
	void (*free)(struct state *s);
	void (*json)(const struct state *s, json_t *out);
	bool (*selects)(const struct state *s, const struct query *q);
};

extern const struct state_def *const state_defs[STATE_KINDS];
extern const struct state_def pinhole_def, call_def, registration_def, tunnel_def;

/* From the attributes of a pinhole, call, registration or tunnel. The caller frees it with state_free(). */
struct state *state_get(enum state_kind kind, const struct nlattr *nest);
void state_free(struct state *s);
void states_free(struct state_list *list);

json_t *state_json(const struct state *s);

/* Those that @q selects. */
bool states_fetch(struct ctx *ctx, enum state_kind kind, const struct query *q, struct state_list *out);

/**
 * struct state_table - how a kind is shown to people
 * @head:	titles of the columns, @width of them
 * @row:	adds their cells
 * @below:	text of lines below a row, or NULL; may itself be NULL
 */
struct state_table {
	const char *const *head;
	size_t width;
	void (*row)(struct words *cells, const struct state *s, const void *data);
	char *(*below)(const struct state *s);
};

void states_print(struct ctx *ctx, const struct state_list *list, const struct state_table *table, const void *data);

/* The command show, where nothing has to be added; and del. */
bool state_show(struct ctx *ctx, enum state_kind kind, const struct query *q, const struct state_table *table);
bool state_del(struct ctx *ctx, enum state_kind kind, struct query *q);

/* Parameters: the id of something live, which one @text says. */
bool set_state_id(struct setter *s, const struct param *p, const char *text);
void list_state_ids(const struct setter *s, const struct param *p, struct words *out);
#define STATE_ID_PARAM(state_kind, text, ...) \
	{ .name = "id", .metavar = "ID", .help = text, .kind = PARAM_VALUE, .arg = state_kind, .set = set_state_id, \
	  .list = list_state_ids, __VA_ARGS__ }
#define STATE_ONE .flags = PARAM_REQUIRED, .group = 1	/* either this or all of a tenant */

/* For lines of text; also of events. The caller frees. */
char *address_endpoint(const struct address *a);
void add_endpoint(struct words *out, const struct address *a);

/* What every kind's table of fields begins with. */
#define STATE_FIELDS(type, prefix) \
	{ .name = "id", .attr = prefix##_ID, FIELD_AT(type, s.id) }, \
	{ .name = "tenant", .kind = FIELD_TEXT, .attr = prefix##_TENANT, FIELD_AT(type, s.tenant) }, \
	{ .name = "protocol", .kind = FIELD_WORD, .attr = prefix##_PROTOCOL, FIELD_AT(type, s.protocol), \
	  .word = protocol_name }
#define STATE_FIELD(label, prefix, type, member, ...) \
	{ .name = label, .attr = prefix, FIELD_AT(type, member), __VA_ARGS__ }
#define STATE_ENDPOINT(label, address, number, type, member) \
	{ .name = label, .kind = FIELD_ENDPOINT, .attr = address, .port = number, FIELD_AT(type, member) }

#endif /* ALGCTL_STATE_H */
