// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit.h"

#include <jansson.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_SIZE = SHA256_DIGEST_STRING_LENGTH };

const char audit_done[] = "done";

/* The hash of the entry before, and the entry as a JSON list. */
static void hash_entry(const char *before, const struct audit_entry *e, char out[HASH_SIZE])
{
	json_t *j = json_pack("[s, I, I, s, s, s, s, s, s, s, s]", before, (json_int_t)e->number, (json_int_t)e->at, e->who,
			      e->origin, e->command, e->kind, e->name, e->old, e->new, e->result);
	char *text = j ? json_dumps(j, JSON_COMPACT) : copy("");

	SHA256Data((const uint8_t *)text, strlen(text), out);
	free(text);
	json_decref(j);
}

/* As it was typed; what is no UTF-8 is shown as '?', for the database takes nothing else. */
static char *clean(char *text)
{
	json_t *j = json_string(text);

	for (char *c = text; !j && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	json_decref(j);
	return text;
}

/* Addresses may have passwords. */
static const char *shown(const char *before, const char *word)
{
	if (!strncmp(word, "--store=", 8))
		return "--store=...";
	return strcmp(before, "--store") ? word : "...";
}

static char *command_line(const struct ctx *ctx)
{
	struct words all = { 0 };
	char *text;

	for (int i = 1; i < ctx->argc; i++)
		words_add(&all, shown(ctx->argv[i - 1], ctx->argv[i]));
	text = words_join(&all, " ");
	words_free(&all);
	return clean(text);
}

static void last_entry(struct store *s, int64_t *number, char hash[HASH_SIZE])
{
	*number = 0;
	*hash = '\0';
	sql_start(s, SQL_LOG_LAST, "");
	while (sql_row(s, SQL_LOG_LAST)) {
		*number = sql_number(s, SQL_LOG_LAST, 0);
		snprintf(hash, HASH_SIZE, "%s", sql_text(s, SQL_LOG_LAST, 1));
	}
}

static char *text_or_empty(const char *text)
{
	return copy(text ? text : "");
}

static void entry_free(struct audit_entry *e)
{
	char *texts[] = { e->who, e->origin, e->command, e->kind, e->name, e->old, e->new, e->result, e->hash };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
}

bool audit_add(struct store *s, const struct ref *about, const char *old, const char *new, const char *result)
{
	struct audit_entry e = {
		.at = s->now, .who = copy(s->identity.user), .origin = copy(s->identity.origin),
		.command = command_line(s->ctx), .kind = copy(kind_names[about->kind]), .name = ref_text(about),
		.old = text_or_empty(old), .new = text_or_empty(new), .result = clean(copy(result)),
	};
	char before[HASH_SIZE], hash[HASH_SIZE] = "";

	/* A database that knows who it is sets number, time, who and hash itself. */
	if (!s->db->driver->who) {
		last_entry(s, &e.number, before);
		e.number++;
		hash_entry(before, &e, hash);
	}
	sql_run(s, SQL_LOG_ADD, "nnttttttttt", e.number, e.at, e.who, e.origin, e.command, e.kind, e.name, e.old, e.new,
		e.result, hash);
	entry_free(&e);
	return !s->failed;
}

static struct audit_entry read_entry(struct store *s)
{
	enum sql q = SQL_LOG;

	return (struct audit_entry){
		.number = sql_number(s, q, 0), .at = sql_number(s, q, 1), .who = copy(sql_text(s, q, 2)),
		.origin = copy(sql_text(s, q, 3)), .command = copy(sql_text(s, q, 4)), .kind = copy(sql_text(s, q, 5)),
		.name = copy(sql_text(s, q, 6)), .old = copy(sql_text(s, q, 7)), .new = copy(sql_text(s, q, 8)),
		.result = copy(sql_text(s, q, 9)), .hash = copy(sql_text(s, q, 10)),
	};
}

bool audit_each(struct store *s, int64_t after, bool (*seen)(void *data, const struct audit_entry *e), void *data)
{
	bool go_on = true;

	sql_start(s, SQL_LOG, "n", after);
	while (sql_row(s, SQL_LOG)) {
		struct audit_entry e = read_entry(s);

		go_on = go_on && seen(data, &e);
		entry_free(&e);
	}
	return !s->failed;
}

struct chain {
	int64_t number, bad;
	char hash[HASH_SIZE];
	const char *known;
	bool found;
};

static bool follow(void *data, const struct audit_entry *e)
{
	struct chain *c = data;
	char hash[HASH_SIZE];

	hash_entry(c->hash, e, hash);
	if (e->number != c->number + 1 || strcmp(hash, e->hash)) {
		c->bad = e->number == c->number + 1 ? e->number : c->number + 1;
		return false;
	}
	c->number = e->number;
	c->found |= c->known && !strcasecmp(hash, c->known);
	memcpy(c->hash, hash, sizeof(c->hash));
	return true;
}

bool audit_verify(struct store *s, const char *known, bool *found, int64_t *bad, int64_t *last, char hash[65])
{
	struct chain c = { .known = known };

	if (!audit_each(s, 0, follow, &c))
		return false;
	*bad = c.bad;
	*found = c.found;
	*last = c.number;
	memcpy(hash, c.hash, sizeof(c.hash));
	return true;
}
