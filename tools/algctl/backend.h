/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What commands ask of the place where the configuration lives. Today that is the kernel alone (kernel.c); a store of
 * versions can stand in front of it with the same operations.
 */
#ifndef ALGCTL_BACKEND_H
#define ALGCTL_BACKEND_H

#include "model.h"

enum write_how { WRITE_ADD, WRITE_CHANGE, WRITE_REPLACE };

struct status {
	char version[64];
	uint32_t generation, services, policies, tenants, sessions, pinholes, protocols, transaction, tenant_size;
	bool nat;
};

struct query {
	char tenant[NAME_SIZE];
	bool has_protocol, has_id;
	uint32_t protocol;
	uint64_t id;
	struct where tenant_at, protocol_at, id_at;
};

struct stats {
	char tenant[NAME_SIZE];
	uint32_t protocol;
	uint64_t count[REASONS];
};

struct stats_list {
	struct stats *v;
	size_t n, room;
};

struct address {
	uint8_t bytes[16];
	uint8_t size;		/* 0: none */
	bool has_port;
	uint16_t port;
};

struct pinhole {
	uint64_t id;
	char tenant[NAME_SIZE];
	uint32_t protocol, state, age, timeout;
	bool has_timeout, has_zone;
	uint8_t transport;
	uint16_t zone;
	struct address peer, public, target, master_source, master_destination, child_source, child_destination;
};

struct pinhole_list {
	struct pinhole *v;
	size_t n, room;
};

struct event {
	uint32_t event, generation, protocol, reason;
	bool has_generation, has_protocol, has_reason, has_pinhole;
	char name[NAME_SIZE], tenant[NAME_SIZE];
	struct pinhole pinhole;
	bool lost;		/* events were lost before this; nothing else is set */
};

/**
 * struct backend_ops - false: reported with fail()
 * @set:	one object; attributes that it has not keep their value, with WRITE_REPLACE get their default
 * @list:	all objects of a kind, or the named one, appended
 * @watch:	calls @seen for every event until it returns false
 * @begin:	starts the replacement of the whole configuration, which stands on the generation told
 * @load:	adds objects (sorted) to it; every refusal is reported at its place in the file
 * @commit:	swaps it in, unless the running configuration has left @generation
 */
struct backend_ops {
	bool (*status)(struct ctx *ctx, struct status *status);
	bool (*set)(struct ctx *ctx, const struct object *o, enum write_how how);
	bool (*del)(struct ctx *ctx, const struct object *o);
	bool (*list)(struct ctx *ctx, enum kind kind, const struct object *one, struct objects *out);
	bool (*stats)(struct ctx *ctx, const struct query *q, struct stats_list *out);
	bool (*stats_reset)(struct ctx *ctx, const struct query *q);
	bool (*pinholes)(struct ctx *ctx, const struct query *q, struct pinhole_list *out);
	bool (*pinhole_del)(struct ctx *ctx, const struct query *q);
	bool (*watch)(struct ctx *ctx, bool (*seen)(struct ctx *ctx, const struct event *e, void *data), void *data);
	bool (*begin)(struct ctx *ctx, uint32_t *generation);
	bool (*load)(struct ctx *ctx, const struct objects *list);
	bool (*commit)(struct ctx *ctx, uint32_t generation, uint32_t *now);
	void (*abort)(struct ctx *ctx);
	void (*close)(struct ctx *ctx);
};

struct backend {
	const struct backend_ops *ops;
};

bool backend(struct ctx *ctx);			/* opens it once */
struct backend *kernel_open(struct ctx *ctx);	/* NULL: reported */

#endif /* ALGCTL_BACKEND_H */
