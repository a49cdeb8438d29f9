/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole configurations: out of a file, out of the backend, and what differs between two. */
#ifndef ALGCTL_CONFIG_H
#define ALGCTL_CONFIG_H

#include <jansson.h>

#include "document.h"
#include "model.h"

/* Objects of a document, sorted. Every error is reported; false if there was one. */
bool config_load(struct ctx *ctx, const struct node *root, struct objects *out);

/* The same without looking at what they refer to. */
bool config_objects(struct ctx *ctx, const struct node *root, struct objects *out);

/* One of them: the keys of @n go into @o. */
bool config_object(struct ctx *ctx, struct object *o, const struct node *n);

/* What runs, at one moment: sorted, with @generation. */
bool config_read(struct ctx *ctx, struct objects *out, uint32_t *generation);

struct change {
	const struct object *old, *new;		/* one may be NULL */
};

struct changes {
	struct change *v;
	size_t n, room;
	size_t added, removed, changed;
	struct predefined predefined;
};

/* @old, @new sorted; they must outlive the changes. Predefined services are no part of it. */
void config_compare(const struct objects *old, const struct objects *new, struct changes *out);
void changes_free(struct changes *c);
void changes_tell(struct ctx *ctx, const struct changes *changes);	/* what a dry run has found */
void changes_print(struct ctx *ctx, const struct changes *changes);
void changes_json(json_t *j, const struct changes *changes);	/* keys added, changed, removed */

/* Every configuration of a kernel has the policy "default". Sorts. */
void config_add_default_policy(struct objects *list);

/* Objects of the first @kinds kinds as a document that apply takes. */
json_t *config_json(int kinds, const struct objects *list, const struct predefined *predefined);

/* The value at the same path in another view, or NULL. */
const struct item *view_find(const struct view *view, const struct item *like);

#endif /* ALGCTL_CONFIG_H */
