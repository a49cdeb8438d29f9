/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Services, policies and tenants as the command line, the configuration file and the kernel give them.
 *
 * An object may be partial: @have has a bit per attribute number of its netlink attribute set. Each value remembers
 * where it was said, so that the kernel's complaint about an attribute can be shown with the words that caused it.
 */
#ifndef ALGCTL_MODEL_H
#define ALGCTL_MODEL_H

#include "../../policy/uapi/linux/nf_alg.h"
#include "algctl.h"

#define PROTOCOLS	(NF_ALG_PROTOCOL_IKE + 1)
#define OPTIONS		(NF_ALG_A_OPTION_MAX + 1)
#define NAME_SIZE	(NF_ALG_NAME_MAX + 1)
#define REF_SIZE	(NAME_SIZE + 11)	/* "gold@3" */
#define BIT(n)		(1u << (n))

/* As many as the kernel's list has. */
#define NF_ALG_REASON(symbol, name, sentence) + 1
enum { REASONS = 0
#include "../../policy/reasons.def"
};
#undef NF_ALG_REASON

/* The kernel has the first KINDS, a store STORE_KINDS; boxes have no versions, but a place in the log. */
enum kind { KIND_SERVICE, KIND_POLICY, KIND_TENANT, KINDS, KIND_TEMPLATE = KINDS, KIND_ROLE, STORE_KINDS, KIND_BOX, LOG_KINDS };

/* What only a store keeps; bits of @have_meta. */
enum meta { META_DESCRIPTION = 1, META_TAGS = 2, META_REUSABLE = 4, META_TEMPLATE = 8, META_BOXES = 16 };

/**
 * struct object - what every kind begins with
 * @version:	of the store; 0 for none, and where one is asked for, for the latest
 */
struct object {
	enum kind kind;
	char name[NAME_SIZE];
	uint32_t version;
	uint32_t have, have_meta;
	char *description;
	struct words tags;
	bool reusable;
	bool refused;		/* by the kernel, in a transaction */
	struct where at;
};

struct prefix {
	uint8_t address[16];
	uint8_t size;		/* 4 or 16 bytes of address */
	uint8_t length;
	struct where at;
};

struct prefixes {
	struct prefix *v;
	size_t n, room;
};

struct service {
	struct object o;
	uint32_t protocol, users;
	uint8_t transport, predefined;
	uint16_t port_min, port_max;
	struct prefixes to, except;
	struct where protocol_at, ports_at;
};

struct rule {
	uint32_t have;			/* bit per NF_ALG_A_RULE_* */
	uint32_t mode;
	struct words services;
	struct where *services_at;	/* one per service, NULL when from the kernel */
	size_t services_at_room;
	uint32_t have_option;		/* bit per NF_ALG_A_OPTION_* */
	uint32_t option[OPTIONS];
	struct where at, mode_at, option_at[OPTIONS];
};

struct policy {
	struct object o;
	uint32_t version, users;
	struct where version_at;
	struct rule *rule[PROTOCOLS];	/* NULL: not named */
};

struct selector {
	int type;			/* NF_ALG_A_SELECTOR_ZONE, _INTERFACE or _MARK */
	uint16_t zone;
	uint32_t mark, mask;
	char interface[16];
	struct where at;
};

/*
 * Templates are tenants without selectors. A tenant has a policy or a template; with one, numbers that the tenant does not
 * have are the template's.
 * @boxes:	of a fleet that it runs on, NAME or tag:TAG, sorted; none: all
 */
struct tenant {
	struct object o;
	char policy[REF_SIZE], template[REF_SIZE];
	struct where template_at;
	struct words boxes;
	struct selector *selectors;
	size_t nselectors, selectors_room;
	uint32_t number[NF_ALG_A_TENANT_MAX + 1];	/* by attribute number: quotas, ports, id, use */
	struct where at[NF_ALG_A_TENANT_MAX + 1];
};

struct role {
	struct object o;		/* @have: bit per kind, bit STORE_KINDS for members */
	struct words members;		/* user:NAME or group:NAME */
	uint32_t level[STORE_KINDS];
};

/**
 * struct fleet_box - a box of a fleet as it is configured (fleet.h has what it does)
 * @login:	the database's user whose reports are taken, "" for any; NULL: not said
 */
struct fleet_box {
	struct object o;
	char *login;
};

struct objects {
	struct object **v;
	size_t n, room;
};

/* names.c: words of the kernel's enumerations */
extern const char *const kind_names[LOG_KINDS], *const kind_plurals[LOG_KINDS];
extern const char *const protocol_names[PROTOCOLS];
extern const char *const mode_names[];
extern const char *const event_names[];

/* Services that every configuration has. */
struct predefined_service {
	const char *name;
	uint32_t protocol;
	uint8_t transport;
	uint16_t port;
};

extern const struct predefined_service predefined_services[];	/* ends with a NULL name */

enum level { LEVEL_NONE, LEVEL_VIEW, LEVEL_EDIT, LEVEL_DELETE, LEVEL_PROPAGATE, LEVELS };

extern const char *const level_names[LEVELS];

struct reason {
	const char *name, *sentence;
};

extern const struct reason reasons[REASONS];

enum option_kind { OPTION_NONE, OPTION_FLAG, OPTION_CHOICE, OPTION_NUMBER };

struct option_def {
	const char *name;
	uint32_t protocols;
	enum option_kind kind;
	uint32_t min, max, standard;
	const char *values;	/* comma-separated, or the unit of a number */
	const char *sentence;
};

extern const struct option_def options[OPTIONS];	/* by attribute number; [0] is empty */

/* The word of a value, or a number in static storage for what this version does not know. */
const char *protocol_name(uint32_t protocol);
const char *mode_name(uint32_t mode);
const char *event_name(uint32_t event);
const char *state_name(uint32_t state);			/* of a pinhole */
const char *call_state_name(uint32_t state);
const char *transport_name(uint32_t transport);
const char *direction_name(uint32_t direction);		/* of an ESP SA */
const char *reason_name(uint32_t reason);
int index_of(const char *const *names, size_t n, const char *text);	/* or -1 */
char *option_text(unsigned int attr, uint32_t value);			/* caller frees */
void option_values(unsigned int attr, struct words *out);		/* words of a choice or flag */
bool option_applies(unsigned int attr, uint32_t protocol);

/* object.c: one of each, whatever its kind */
struct object *object_new(enum kind kind);
void object_free(struct object *o);
void objects_add(struct objects *list, struct object *o);		/* takes it */
void objects_free(struct objects *list);
/* By kind, then name. */
int kind_name_order(enum kind kind, const char *name, enum kind other_kind, const char *other);
int object_order(const void *a, const void *b);				/* for sorting arrays of pointers */
void objects_sort(struct objects *list);				/* likewise */
struct object *objects_find(const struct objects *list, enum kind kind, const char *name);	/* @list sorted */

/*
 * An object as a list of named values in canonical spelling: what is shown, compared and exported.
 * @path: "to", or "ftp" "mode", or "ftp" "option" "malformed"
 */
struct item {
	const char *path[3];
	enum { ITEM_TEXT, ITEM_NUMBER, ITEM_BOOL } type;
	bool list;
	bool standard;		/* has its default */
	bool read_only;		/* not part of the configuration */
	struct words values;
};

struct view {
	struct item *v;
	size_t n, room;
};

struct item *view_add(struct view *view, const char *a, const char *b, const char *c);
void view_text(struct view *view, const char *name, const char *value, bool standard);
void view_number(struct view *view, const char *name, uint32_t value, uint32_t standard);
void view_use(struct view *view, const char *name, uint32_t value);	/* a read-only number */
void view_free(struct view *view);
char *counted(size_t n, enum kind kind);					/* "1 policy"; caller frees */
char *item_path(const struct item *item);				/* "ftp option malformed"; caller frees */

/* @predefined: predefined services that the backend told, by protocol */
struct predefined {
	struct words of[PROTOCOLS];
};

void predefined_learn(struct predefined *p, const struct objects *list);
void predefined_free(struct predefined *p);
const struct predefined_service *predefined_find(const char *name);
const struct predefined *predefined_standard(void);
void object_view(const struct object *o, const struct predefined *predefined, struct view *view);
void service_view(const struct service *s, struct view *view);
void policy_view(const struct policy *p, const struct predefined *predefined, struct view *view);
void tenant_view(const struct tenant *t, struct view *view);
void role_view(const struct role *r, struct view *view);
void box_view(const struct fleet_box *b, struct view *view);
void definition_view(const struct object *o, const struct predefined *predefined, struct view *view);	/* of a version */

/* same.c: surely the same, as views of them would be; false: they may be as well. */
bool object_same(const struct object *a, const struct object *b, const struct predefined *predefined);

/* Netlink: attributes of a set request, and an object from a reply's attributes. */
struct msg;
struct nlattr;
void object_put(struct msg *m, const struct object *o);
void service_put(struct msg *m, const struct service *s);
void policy_put(struct msg *m, const struct policy *p);
void tenant_put(struct msg *m, const struct tenant *t);
void object_get(struct object *o, const void *attrs, size_t size);
void service_get(struct service *s, const void *attrs, size_t size);
void policy_get(struct policy *p, const void *attrs, size_t size);
void tenant_get(struct tenant *t, const void *attrs, size_t size);

struct rule *policy_rule(struct policy *p, uint32_t protocol);	/* made when absent */

/* Where @from's values were said; @to has the same ones, perhaps with versions in its references. */
void object_take_places(struct object *to, const struct object *from);

/* merge.c: what @from has goes into @to, and out of @from; the rest of @to stays. */
void object_merge(struct object *to, struct object *from);

static inline struct service *to_service(struct object *o) { return (struct service *)o; }
static inline struct policy *to_policy(struct object *o) { return (struct policy *)o; }
static inline struct tenant *to_tenant(struct object *o) { return (struct tenant *)o; }
static inline struct fleet_box *to_box(struct object *o) { return (struct fleet_box *)o; }
static inline struct role *to_role(struct object *o) { return (struct role *)o; }

#endif /* ALGCTL_MODEL_H */
