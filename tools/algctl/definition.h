/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Definitions: what a version says, as canonical JSON (sorted keys, without defaults), and the objects that they define.
 * References in them name versions.
 */
#ifndef ALGCTL_DEFINITION_H
#define ALGCTL_DEFINITION_H

#include "document.h"
#include "store.h"

char *definition_of(const struct object *o);		/* caller frees */

/* Objects in the list's order, with version, description and tags. A definition that can't be read is reported. */
bool definitions_load(struct ctx *ctx, const struct stored_list *list, struct objects *out);
struct object *definition_load(struct ctx *ctx, const struct stored *from);	/* NULL: reported */
struct object *definition_load_in(struct ctx *ctx, const struct stored *from, struct node_room *room);	/* one of many */

/* Calls @map for every reference, which may change it in place; false from it ends and is returned. */
typedef bool reference_fn(void *data, enum kind kind, struct where at, char text[REF_SIZE]);
bool references_map(struct object *o, reference_fn *map, void *data);

/* "gold@3" or "gold"; a predefined service is no reference: false. */
bool ref_read(enum kind kind, const char *text, struct ref *out);

#endif /* ALGCTL_DEFINITION_H */
