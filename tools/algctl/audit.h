/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log: who did what, when, from where, and what was refused. Each entry's hash covers the entry before. */
#ifndef ALGCTL_AUDIT_H
#define ALGCTL_AUDIT_H

#include "store.h"

extern const char audit_done[];		/* the result of what was done; others are reasons of refusal */

struct audit_entry {
	int64_t number, at;
	char *who, *origin, *command, *kind, *name, *old, *new, *result, *hash;
};

/* In the open transaction. @old, @new: NULL for none. */
bool audit_add(struct store *s, const struct ref *about, const char *old, const char *new, const char *result);

/* Calls @seen for every entry behind number @after until it returns false. */
bool audit_each(struct store *s, int64_t after, bool (*seen)(void *data, const struct audit_entry *e), void *data);

/* The first entry that does not follow from those before it, 0 for none; @last is the last one's number and @hash. */
bool audit_verify(struct store *s, const char *known, bool *found, int64_t *bad, int64_t *last, char hash[65]);

#endif /* ALGCTL_AUDIT_H */
