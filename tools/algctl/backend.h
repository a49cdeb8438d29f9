/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What commands ask of the place where the configuration lives. Today that is the kernel alone (kernel.c); a store of
 * versions can stand in front of it with the same operations.
 */
#ifndef ALGCTL_BACKEND_H
#define ALGCTL_BACKEND_H

#include "model.h"

enum write_how { WRITE_ADD, WRITE_CHANGE, WRITE_REPLACE };

/* @have: bit per attribute number that the kernel told; the same below */
struct status {
	uint64_t have;
	char version[64];
	uint32_t generation, services, policies, tenants, sessions, pinholes, protocols, transaction, tenant_size, nat;
	uint32_t calls, registrations, tunnels;
};

struct query {
	char tenant[NAME_SIZE];
	bool has_protocol, has_id, flows, sas;
	uint32_t protocol;
	uint64_t id;
	struct prefix client, gateway;		/* of tunnels; size 0: any */
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

enum state_kind { STATE_PINHOLE, STATE_CALL, STATE_REGISTRATION, STATE_TUNNEL, STATE_KINDS };

/* What pinholes, calls, registrations and tunnels begin with. */
struct state {
	uint64_t have, id;
	enum state_kind kind;
	char tenant[NAME_SIZE];
	uint32_t protocol, age, timeout;
};

struct pinhole {
	struct state s;
	uint32_t state, transport, zone, call;
	struct address peer, public, target, master_source, master_destination, child_source, child_destination;
};

enum { TEXT_SIZE = 256 };	/* of names that come off the wire */

struct flow {
	uint64_t have, packets, bytes;
	char type[32];
	uint32_t party, transport, state;
	struct address peer, public, target;
};

struct call {
	struct state s;
	uint32_t state;
	char name[TEXT_SIZE], from[TEXT_SIZE], to[TEXT_SIZE];
	struct address source, destination;
	struct flow *flows;
	size_t nflows, room;
};

struct registration {
	struct state s;
	char aor[TEXT_SIZE];
	uint32_t transport;
	struct address contact, public, registrar;
};

struct ike {
	uint64_t have, ispi, rspi;
	uint32_t version, age, idle;
};

struct sa {
	uint64_t have;
	uint32_t spi, peer, direction, sequence, age, idle;
};

/* @ikes, @sas: how many there are; the kernel may tell of fewer */
struct tunnel {
	struct state s;
	uint32_t zone, slot, slot_zone, gate, ikes, sas, idle;
	struct address client, gateway, public;
	uint64_t packets_out, bytes_out, packets_in, bytes_in;
	struct ike *ike;
	struct sa *sa;
	size_t nike, ike_room, nsa, sa_room;
};

struct state_list {
	struct state **v;
	size_t n, room;
};

/* @state: the pinhole, call, registration or tunnel that it is about, or NULL */
struct event {
	uint64_t have;
	uint32_t event, generation, protocol, reason;
	char name[NAME_SIZE], tenant[NAME_SIZE];
	struct state *state;
	bool lost;		/* events were lost before this; nothing else is set */
};

/**
 * struct backend_ops - false: reported with fail()
 * @set:	one object; attributes that it has not keep their value, with WRITE_REPLACE get their default
 * @list:	all objects of a kind, or the named one, appended
 * @states:	all of a kind that the query's tenant and protocol select, appended; caller frees with states_free()
 * @state_del:	one by id and protocol, or all of a tenant
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
	bool (*states)(struct ctx *ctx, enum state_kind kind, const struct query *q, struct state_list *out);
	bool (*state_del)(struct ctx *ctx, enum state_kind kind, const struct query *q);
	bool (*watch)(struct ctx *ctx, bool (*seen)(struct ctx *ctx, const struct event *e, void *data), void *data);
	bool (*begin)(struct ctx *ctx, uint32_t *generation);
	bool (*load)(struct ctx *ctx, const struct objects *list);
	bool (*commit)(struct ctx *ctx, uint32_t generation, uint32_t *now);
	void (*abort)(struct ctx *ctx);
	void (*close)(struct ctx *ctx);
};

/* @kinds: kinds of objects that it has, KINDS or STORE_KINDS */
struct backend {
	const struct backend_ops *ops;
	int kinds;
};

bool backend(struct ctx *ctx);			/* opens it once */
bool kernel_state_backend(struct ctx *ctx, bool ends);	/* the same, to see or end what only the kernel knows */
struct backend *kernel_open(struct ctx *ctx);	/* NULL: reported */

/*
 * A store in front of the kernel: set and del are operations of the store (operation.h), list has the latest versions or
 * the one asked for. It has no begin, load, commit and abort: apply works on the store itself.
 */
struct store;
struct backend *store_backend_open(struct ctx *ctx, const char *where);
struct backend *store_backend_new(struct store *s);	/* takes it */

/* The store of an open backend, NULL when it has none. */
struct store *store_of(struct ctx *ctx);

/* Makes the kernel behind a store the backend, and back again; false: it can't be reached, which is reported. */
bool kernel_enter(struct ctx *ctx, struct backend **front);
void kernel_leave(struct ctx *ctx, struct backend *front);

#endif /* ALGCTL_BACKEND_H */
