/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration that an agent has applied last, in a file of its box: what the box has while the database is away, and
 * before the network is up. It is written beside, synced and renamed, and has a hash: all of it is there, or the one before.
 */
#ifndef ALGCTL_KEPT_H
#define ALGCTL_KEPT_H

#include "model.h"

enum { CONFIG_HASH_SIZE = 65 };

/**
 * struct kept - such a file
 * @entry:	state of the store that it comes from (fleet.h)
 * @hash:	of the configuration
 * @objects:	the kernel's, sorted
 */
struct kept {
	char box[NAME_SIZE], hash[CONFIG_HASH_SIZE];
	int64_t entry;
	struct objects objects;
};

bool kept_is_ours(struct ctx *ctx);	/* an operator does not choose what passes by the store; false: reported */
char *kept_path(const struct ctx *ctx, const char *given);	/* @given, ALGCTL_KEPT or the box's own; caller frees */
bool kept_write(struct ctx *ctx, const char *path, const struct kept *k);	/* false: reported, the one before stays */
bool kept_read(struct ctx *ctx, const char *path, struct kept *k);		/* false: reported */

/* SHA-256 of a kernel's configuration in canonical form. */
void config_hash(const struct objects *list, char out[CONFIG_HASH_SIZE]);

#endif /* ALGCTL_KEPT_H */
