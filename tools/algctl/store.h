/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store: objects with immutable numbered versions, what refers to what, descriptions, tags, permissions, the log.
 *
 * Layers, each knowing only those below it:
 *   commands.c, edit.c, referrers.c, store_object.c, log.c, ...	what is typed and printed
 *   agent.c, restore.c, stage.c, kept.c				a fleet's boxes, and changes that reach them one by one
 *   operation.c, store_apply.c, compile.c			one change: transaction, log, kernel; what the kernel is to have
 *   version.c, propagate.c, access.c, audit.c, definition.c	what rows mean: versions, references, rights, the log;
 *   fleet.c							boxes
 *   store.c, store_rows.c					transactions and rows; nothing of netlink or definitions
 *   store_sqlite.c, store_pg.c, with store_sql.c and .def	the engines; each statement once, for both
 * store_backend.c shows all of it as a struct backend in front of the kernel's, store_place.c finds out which store it is.
 *
 * A change runs as operation_run() does it:
 *   1. store_begin(BEGIN_WRITE): one writer at a time, from all processes and boxes; whoever comes second waits, and sees
 *	what the first has left.
 *   2. identity_load(); the operation's function reads, asks access_check(), writes versions (version_save()) and, in the
 *	same transaction, an audit_add() for each object. store.applied says that what tenants have was changed.
 *   3. version_sweep(): auto-delete.
 *   4. With store.applied: compile() the whole configuration, compare it with the kernel's and change what differs: one object
 *	in one request, more of them in one transaction of the kernel.
 *   5. store_commit(). Does that fail, the kernel gets its former configuration back.
 * With a fleet (fleet.h) there is no step 4: the agents of its boxes change their kernels behind the commit.
 *
 * A refusal in 2 to 4 rolls back and is logged in a transaction of its own. A process that dies between 4 and 5 leaves the
 * kernel in front of the store: "status" shows it, the next change of a tenant and "restore" mend it.
 *
 * Readers take store_begin(BEGIN_READ) and see one moment until store_rollback() or store_close().
 *
 * The first failure of the database inside a transaction is reported and sticks: everything behind it does nothing and
 * store_commit() refuses. So callers need not look at every result.
 *
 * Rights are checked by access.c. PostgreSQL enforces them as well (store_rights.c), so that there the client decides nothing.
 *
 * Versions, references and the log are never changed, which triggers of the database enforce. A new schema is a new step at
 * the end of schema_steps[] with the next number; a store of an older one is upgraded when it is opened.
 */
#ifndef ALGCTL_STORE_H
#define ALGCTL_STORE_H

#include "model.h"
#include "store_driver.h"

/**
 * struct ref - an object, or one of its versions
 * @version:	0 for the latest
 */
struct ref {
	enum kind kind;
	char name[NAME_SIZE];
	uint32_t version;
};

struct refs {
	struct ref *v;
	size_t n, room;
};

struct stamp {
	int64_t at;		/* seconds since the epoch */
	char *by;
};

/**
 * struct stored - one version of an object, with what is known of the object
 * @ref:	whose it is, and its number
 * @retired:	deleted, but old versions of others refer to one of its versions
 * @made_now:	by this transaction
 * @definition:	canonical JSON
 * @created, @changed:	of the object; @made: of this version
 */
struct stored {
	struct ref ref;
	uint32_t latest;
	bool retired, reusable, made_now;
	char *description, *definition;
	struct words tags;
	struct stamp created, changed, made;
};

struct stored_list {
	struct stored *v;
	size_t n, room;
};

/* A version that refers to another. */
struct link {
	struct ref from;
	uint32_t to_version, latest;	/* @latest of the referrer */
	bool retired;			/* the referrer is */
};

struct links {
	struct link *v;
	size_t n, room;
};

struct permission {
	char role[NAME_SIZE];
	uint32_t level;
};

struct permissions {
	struct permission *v;
	size_t n, room;
};

/* An object's latest version. */
struct head {
	struct ref ref;
	bool retired, reusable;
};

/**
 * struct heads - those of all objects, while a transaction for many of them is open
 * @index:	of @list by hash
 */
struct heads {
	struct stored_list list;
	uint32_t *index;
	size_t slots;
	bool known;
};

/* What a role may do with one object, where that is not what it may do with all of them. */
struct exception {
	struct ref ref;
	char role[NAME_SIZE];
	uint32_t level;
};

/**
 * struct identity - who works
 * @user:	of the operating system, through sudo the one who called it; of the database with PostgreSQL
 * @root:	may do everything: root itself, or the owner of the store's tables
 * @roles:	loaded by access.c, with the levels that they give
 * @exceptions:	permissions of single objects, sorted
 */
struct identity {
	char *user, *origin;
	struct words groups;
	bool root, loaded;
	struct objects roles;
	struct exception *exceptions;
	size_t nexceptions;
};

/**
 * struct store - an open store
 * @transaction:	one is open; @writing: for changes
 * @failed:		the transaction can't be committed
 * @now:		time of the transaction
 * @subject:		what the operation is about, for the log of refused ones
 * @said:		what was given, sorted, with the places where it was said; NULL: nothing
 * @applied:		what tenants have was changed: the kernel is to be, too
 * @dry_run:		nothing will stay
 * @refused:		by access.c, and not in the log yet
 */
struct store {
	struct ctx *ctx;
	struct db *db;
	char *where;
	bool transaction, writing, failed, applied, dry_run, refused;
	int64_t now;
	struct ref subject;
	const struct objects *said;
	struct identity identity;
	struct objects templates;	/* versions that were read */
	struct heads heads;
};

/* store_place.c: the address of the store that this invocation uses; NULL: none. False: reported. Caller frees. */
bool store_place(struct ctx *ctx, char **where);
bool store_place_prepare(struct ctx *ctx, const char *where);	/* makes the directories of a new one */
bool store_place_keep(struct ctx *ctx, const char *where);	/* a database given by --store becomes the box's own */
bool store_place_join(struct ctx *ctx, const char *where, const char *box);	/* and the box's name in a fleet */
bool store_in_use(struct ctx *ctx);				/* quietly; for parsing */
char *store_own_path(const struct ctx *ctx);			/* of a new one; caller frees */
char *store_own_file(const struct ctx *ctx, const char *name);	/* beside it; caller frees */

/**
 * store_open() - opens a store and brings its schema up to date
 * Return: the store, or NULL, which was reported: no store, no rights, a schema from the future.
 */
struct store *store_open(struct ctx *ctx, const char *where);

/**
 * store_create() - makes a store in an empty database
 * @schema:	schema_latest; tests may want an older one
 * Return: the store with a transaction open, for its first objects, or NULL, which was reported.
 */
struct store *store_create(struct ctx *ctx, const char *where, int schema);
void store_close(struct store *s);
bool store_schema(struct store *s, int *version);

/**
 * store_begin() - starts a transaction
 * @how:	BEGIN_READ, BEGIN_WRITE or BEGIN_REPORT
 *
 * Inside a transaction for writing nothing happens, and one for reading is ended first where writing is wanted.
 * Return: false when it failed, which was reported.
 */
bool store_begin(struct store *s, enum begin_how how);
bool store_commit(struct store *s);
void store_rollback(struct store *s);	/* also without a transaction */

/* Changes that others have committed are told on a channel; only with PostgreSQL. */
bool store_listen(struct store *s, const char *channel);
enum news store_wait(struct store *s, int milliseconds, const sigset_t *mask);	/* outside of transactions */

/**
 * sql_start() - starts a statement; sql_row() has its rows
 * @types:	't' (const char *, NULL is null) or 'n' (int64_t) for each argument
 *
 * sql_row() must be called until it returns false, which ends the statement; so a statement can't be started inside its own
 * rows. While the heads of all objects are known what sql_run() adds is gathered: an object's rows are added once between two
 * sql_flush(). sql_number() and sql_text() are of the current row; texts last until the next.
 */
bool sql_start(struct store *s, enum sql q, const char *types, ...);
bool sql_row(struct store *s, enum sql q);			/* false: no more, or failed */
bool sql_run(struct store *s, enum sql q, const char *types, ...);
bool sql_flush(struct store *s);		/* what follows comes behind what was run */
int64_t sql_number(struct store *s, enum sql q, int column);
const char *sql_text(struct store *s, enum sql q, int column);

/*
 * store_heads.c. Behind heads_load() the heads are known until the transaction ends or something is deleted; who changes one
 * puts it there. One that heads_find() has not may be there, one that heads_lack() is not.
 */
bool heads_load(struct store *s);
void heads_put(struct store *s, const struct stored *o);
const struct stored *heads_find(const struct store *s, const struct ref *ref);
bool heads_lack(const struct store *s, const struct ref *ref);
bool heads_made(const struct store *s, const struct ref *ref);	/* by this transaction */
void heads_free(struct store *s);

/* store_rows.c. The lists are appended to; false: not there, or failed. */
bool store_get(struct store *s, const struct ref *ref, struct stored *out);	/* retired ones as well */
bool store_get_head(struct store *s, const struct ref *ref, struct head *out);
bool store_list(struct store *s, enum kind kind, struct stored_list *out);	/* latest, with tags, sorted by name */
bool store_heads(struct store *s, struct stored_list *out);	/* of all objects, retired ones as well; without tags, unsorted */
bool store_versions(struct store *s, enum kind kind, const char *name, struct stored_list *out);
/* All that tenants have? A kernel that got only what somebody sees would lose the rest. False: no, which was reported. */
bool store_sees_all(struct store *s);
bool store_used(struct store *s, const char *box, struct stored_list *out);	/* what tenants have; @box NULL: no fleet's */
bool store_add(struct store *s, const struct stored *o);			/* object and its first version */
bool store_add_version(struct store *s, const struct stored *o, const struct refs *refs);
bool store_change(struct store *s, const struct stored *o, bool tags);	/* the object's own row; with @tags these too */
bool store_delete(struct store *s, const struct ref *ref);			/* version 0: what is unreferenced */
bool store_purge(struct store *s);
bool store_refs_to(struct store *s, const struct ref *ref, struct links *out);	/* version 0: to any */
bool store_old(struct store *s, enum kind kind, int64_t before, struct refs *out);
bool store_permissions(struct store *s, enum kind kind, const char *name, struct permissions *out);
char *store_meta(struct store *s, const char *key);				/* NULL: none; caller frees */

struct stored stored_copy(const struct stored *o);
void stored_free(struct stored *o);
void stored_list_free(struct stored_list *list);
void refs_add(struct refs *list, const struct ref *ref);
bool refs_have(const struct refs *list, const struct ref *ref);
char *ref_text(const struct ref *ref);			/* "gold@3" or "gold"; caller frees */
char *ref_full_text(const struct ref *ref);		/* "policy gold@3"; caller frees */
int ref_order(const struct ref *a, const struct ref *b);	/* by kind, name, version */
/* In a sorted list of latest versions; whatever version @ref has. */
struct stored *stored_find(const struct stored_list *list, const struct ref *ref);
struct ref ref_of(enum kind kind, const char *name, uint32_t version);

#endif /* ALGCTL_STORE_H */
