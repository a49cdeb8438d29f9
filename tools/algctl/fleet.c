// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows of a fleet's boxes, and which of them this host is. */
#include "fleet.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

const char *const box_state_names[BOX_STATES] = { "applied", "behind", "refused", "silent", "never seen" };

bool fleet_possible(const struct store *s)
{
	return s->db->driver->engine == ENGINE_POSTGRESQL;
}

bool fleet_used(struct store *s)
{
	int64_t n = 0;

	if (!fleet_possible(s))
		return false;
	sql_start(s, SQL_BOXES_COUNT, "");
	while (sql_row(s, SQL_BOXES_COUNT))
		n = sql_number(s, SQL_BOXES_COUNT, 0);
	return n;
}

bool fleet_wanted(struct ctx *ctx)
{
	if (!store_wanted(ctx))
		return false;
	return fleet_possible(store_of(ctx)) ||
	       fail(ctx, ALGCTL_USAGE, NOWHERE, "a fleet needs a store in PostgreSQL, this one is a file");
}

static int box_order(const void *a, const void *b)
{
	return strcmp(((const struct box *)a)->name, ((const struct box *)b)->name);
}

static struct box *find(const struct boxes *list, const char *name)
{
	struct box key;

	snprintf(key.name, sizeof(key.name), "%s", name);
	return list->n ? bsearch(&key, list->v, list->n, sizeof(*list->v), box_order) : NULL;
}

const struct box *boxes_find(const struct boxes *list, const char *name)
{
	return find(list, name);
}

static void read_box(struct store *s, enum sql q, struct box *b)
{
	*b = (struct box){
		.description = copy(sql_text(s, q, 1)), .login = copy(sql_text(s, q, 2)), .age = sql_number(s, q, 3),
		.every = sql_number(s, q, 4), .agent = copy(sql_text(s, q, 5)), .tried = sql_number(s, q, 6),
		.entry = sql_number(s, q, 7), .hash = copy(sql_text(s, q, 8)), .applied_at = sql_number(s, q, 9),
		.error = copy(sql_text(s, q, 10)), .error_at = sql_number(s, q, 11), .holds = sql_number(s, q, 12),
	};
	snprintf(b->name, sizeof(b->name), "%s", sql_text(s, q, 0));
}

bool fleet_load(struct store *s, struct boxes *out)
{
	sql_start(s, SQL_BOXES, "");
	while (sql_row(s, SQL_BOXES)) {
		out->v = grow(out->v, out->n, &out->room, sizeof(*out->v));
		read_box(s, SQL_BOXES, &out->v[out->n++]);
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), box_order);
	sql_start(s, SQL_BOX_TAGS, "");
	while (sql_row(s, SQL_BOX_TAGS)) {
		struct box *b = find(out, sql_text(s, SQL_BOX_TAGS, 0));

		if (b)
			words_add(&b->tags, sql_text(s, SQL_BOX_TAGS, 1));
	}
	for (size_t i = 0; i < out->n; i++)
		words_sort(&out->v[i].tags);
	return !s->failed;
}

void boxes_free(struct boxes *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct box *b = &list->v[i];
		char *texts[] = { b->description, b->login, b->agent, b->hash, b->error };

		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
			free(texts[k]);
		words_free(&b->tags);
	}
	free(list->v);
	*list = (struct boxes){ 0 };
}

bool fleet_entry(struct store *s, int64_t *entry)
{
	*entry = 0;
	sql_start(s, SQL_ENTRY, "");
	while (sql_row(s, SQL_ENTRY))
		*entry = sql_number(s, SQL_ENTRY, 0);
	return !s->failed;
}

/* An agent that has missed two reports, and had some time for the third. */
static bool is_silent(const struct box *b)
{
	return b->age > 2 * b->every + 30;
}

enum box_state box_state(const struct box *b, int64_t entry)
{
	if (b->age < 0)
		return BOX_NEW;
	if (is_silent(b))
		return BOX_SILENT;
	if (*b->error)
		return BOX_REFUSED;
	return b->entry >= entry ? BOX_APPLIED : BOX_BEHIND;
}

bool box_serves(const struct box *b, const struct tenant *t)
{
	for (size_t i = 0; i < t->boxes.n; i++) {
		const char *text = t->boxes.v[i];

		if (!strncmp(text, "tag:", 4) ? words_have(&b->tags, text + 4) : !strcmp(text, b->name))
			return true;
	}
	return !t->boxes.n;
}

/* ---- which box is this? ---- */

static bool good_name(const char *text)
{
	bool good = isalnum((unsigned char)*text) && strlen(text) < NAME_SIZE;

	for (const char *c = text; *c && good; c++)
		good = isalnum((unsigned char)*c) || strchr("._-", *c);
	return good;
}

static void read_line(const char *path, char out[256])
{
	FILE *f = fopen(path, "re");

	if (f && !fgets(out, 256, f))
		*out = '\0';
	if (f)
		fclose(f);
	out[strcspn(out, "\n")] = '\0';
}

bool box_name(struct ctx *ctx, const char *given, char out[NAME_SIZE])
{
	const char *from = given && *given ? given : getenv("ALGCTL_BOX");
	char line[256] = "", *path = store_own_file(ctx, "box");

	if (!from || !*from) {
		read_line(path, line);
		if (!*line && !gethostname(line, sizeof(line) - 1))
			line[strcspn(line, ".")] = '\0';
		from = line;
	}
	free(path);
	if (!good_name(from))
		return fail(ctx, ALGCTL_USAGE, NOWHERE, "'%s' is no name of a box", from);
	snprintf(out, NAME_SIZE, "%s", from);
	return true;
}

const struct box *box_here(struct store *s, const char *given, struct boxes *all)
{
	const struct box *b = NULL;
	char name[NAME_SIZE];

	if (!box_name(s->ctx, given, name) || !fleet_load(s, all))
		return NULL;
	b = boxes_find(all, name);
	if (!b) {
		fail_errno(s->ctx, ENOENT, NOWHERE, "the fleet has no box '%s'", name);
		error_hint(s->ctx, "algctl fleet add makes it one; algctl fleet status lists them");
	}
	return b;
}

/* ---- tenants ---- */

static bool is_there(struct store *s, const char *name)
{
	int64_t n = 0;

	sql_start(s, SQL_BOX_THERE, "t", name);
	while (sql_row(s, SQL_BOX_THERE))
		n = sql_number(s, SQL_BOX_THERE, 0);
	return n;
}

bool fleet_check_tenant(struct store *s, const struct tenant *t)
{
	for (size_t i = 0; i < t->boxes.n && fleet_possible(s); i++) {
		const char *name = t->boxes.v[i];

		if (strncmp(name, "tag:", 4) && !is_there(s, name))
			return !s->failed && fail_errno(s->ctx, ENOENT, t->o.at, "tenant '%s': the fleet has no box '%s'",
							t->o.name, name);
	}
	return true;
}

bool fleet_holders(struct store *s, const struct ref *ref, struct words *out)
{
	sql_start(s, SQL_HOLDS_OF, "ttn", kind_names[ref->kind], ref->name, (int64_t)ref->version);
	while (sql_row(s, SQL_HOLDS_OF))
		words_addf(out, "box %s", sql_text(s, SQL_HOLDS_OF, 0));
	return !s->failed;
}
