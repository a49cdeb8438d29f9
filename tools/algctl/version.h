/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What versions mean. Everything here runs inside an operation (operation.h): a transaction that also has the entries of
 * the log and, last, the change of the kernel. Each function checks permissions and writes the log; false: reported, and
 * nothing of the operation stays.
 */
#ifndef ALGCTL_VERSION_H
#define ALGCTL_VERSION_H

#include "access.h"
#include "audit.h"
#include "backend.h"
#include "definition.h"
#include "store.h"

bool version_add(struct store *s, struct object *o);

/*
 * A new version: @o laid over the latest, or in its place (WRITE_REPLACE). A version in @o is the one that the change was
 * made for: when it is not the latest any more, that is a conflict.
 */
bool version_set(struct store *s, struct object *o, enum write_how how);

/* The object, or with a version that one. Refused while something refers to it. */
bool version_del(struct store *s, const struct ref *ref, struct where at);

bool version_clone(struct store *s, const struct ref *from, struct where at, const char *name);
bool version_rollback(struct store *s, const struct ref *to, struct where at);
/* @level below 0: the role's own again */
bool version_permit(struct store *s, const struct ref *ref, struct where at, const char *role, struct where role_at,
		    int level);

/* The version asked for as an object; NULL: reported. Needs the right to view it. */
struct object *version_load(struct store *s, const struct ref *ref, struct where at);
bool version_get(struct store *s, const struct ref *ref, struct where at, struct stored *out);

/* Unreferenced old versions of the kinds for which that is on; what was deleted is added to @gone. */
bool version_sweep(struct store *s, struct refs *gone);

/* What the tenant has with its template's policy and limits; its own @o.have does not tell of them. */
bool tenant_resolve(struct store *s, struct tenant *t);
void tenant_inherit(struct tenant *t, const struct tenant *from);

/* Latest versions as objects, with references by version unless @plain and it is the latest. Only what he may view. */
bool version_list(struct store *s, enum kind kind, bool plain, struct objects *out);

/* Writes @o as version 1 or as the one behind @old's; with references to versions. */
bool version_save(struct store *s, struct object *o, const struct stored *old);

/* Who refers to what, upwards. @level: how far away, from 1 */
struct referrer {
	struct link link;
	struct ref to;
	uint32_t level;
};

struct referrers {
	struct referrer *v;
	size_t n, room;
};

bool version_referrers(struct store *s, const struct ref *ref, struct referrers *out);

/**
 * struct propagation - referrers move to a version
 * @to:		the version; 0 is made the latest
 * @from:	versions that are left, none: the only one that is used; @from_all: all
 * @only:	names of referrers ("tenant:acme"), none: all
 * @moves:	filled: what became of each referrer
 */
struct move {
	struct ref from;
	uint32_t version;	/* new; 0: it stays, */
	struct ref stays_at;	/* for it refers to this one */
};

struct propagation {
	struct ref to;
	struct where at, from_at;
	uint32_t from[32];
	size_t nfrom;
	bool from_all;
	struct words only;
	struct move *moves;
	size_t nmoves, room;
};

bool version_propagate(struct store *s, struct propagation *p);
void propagation_free(struct propagation *p);

#endif /* ALGCTL_VERSION_H */
