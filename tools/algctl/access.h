/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may do what. Roles have members (users and groups) and a level for each kind of object; an object may have another
 * level for a role. A user has the highest level of his roles. Levels are ordered: each has what is below it.
 */
#ifndef ALGCTL_ACCESS_H
#define ALGCTL_ACCESS_H

#include "store.h"

bool identity_load(struct store *s);		/* who it is; false: reported */

/* @name NULL: of objects that are to be. False: refused and reported. */
bool access_check(struct store *s, enum kind kind, const char *name, enum level level, struct where at);
bool access_level(struct store *s, enum kind kind, const char *name, uint32_t *level);
bool access_kind(struct store *s, enum kind kind, enum level level);	/* whatever they are called */
bool access_administrator(struct store *s, const char *what);

extern const struct role_preset {
	const char *name, *description;
	uint32_t level[STORE_KINDS];
} role_presets[];		/* ends with a NULL name */

#endif /* ALGCTL_ACCESS_H */
