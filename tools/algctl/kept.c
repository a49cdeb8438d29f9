// SPDX-License-Identifier: GPL-2.0-or-later
#include "kept.h"

#include <errno.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>

#include "caller.h"
#include "config.h"
#include "store.h"

bool kept_is_ours(struct ctx *ctx)
{
	if (!caller_get().other)
		return true;
	fail_errno(ctx, EPERM, NOWHERE, "what the kernel is given without the store is for root itself, not through sudo");
	error_hint(ctx, "algctl restore asks the store, and who may do that");
	return false;
}

char *kept_path(const struct ctx *ctx, const char *given)
{
	if (!given)
		given = getenv("ALGCTL_KEPT");
	return given && *given ? copy(given) : store_own_file(ctx, "agent.json");
}

void config_hash(const struct objects *list, char out[CONFIG_HASH_SIZE])
{
	json_t *j = config_json(KINDS, list, predefined_standard());
	char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);

	SHA256Data((const uint8_t *)text, strlen(text), out);
	free(text);
	json_decref(j);
}

/* ---- writing ---- */

bool kept_write(struct ctx *ctx, const char *path, const struct kept *k)
{
	json_t *j = json_pack("{s:s, s:I, s:s, s:o}", "box", k->box, "entry", (json_int_t)k->entry, "hash", k->hash,
			      "configuration", config_json(KINDS, &k->objects, predefined_standard()));
	char *text = j ? json_dumps(j, JSON_INDENT(1)) : copy("");
	bool good = file_replace(path, text) ||
		    fail_errno(ctx, errno, NOWHERE, "%s: %s", path, strerror(errno));

	free(text);
	json_decref(j);
	return good;
}

/* ---- reading ---- */

static const struct node *child(const struct node *map, const char *name, enum node_type type)
{
	for (const struct node *n = map->child; n; n = n->next)
		if (!strcmp(n->name, name) && n->type == type)
			return n;
	return NULL;
}

/* It is the kernel's, in which nothing has versions: it is read as without a store. */
static bool read_objects(struct ctx *ctx, const struct node *n, struct objects *out)
{
	bool known = ctx->store_known, used = ctx->store_used, good;

	ctx->store_known = true;
	ctx->store_used = false;
	good = config_load(ctx, n, out);
	ctx->store_known = known;
	ctx->store_used = used;
	config_add_default_policy(out);
	return good;
}

static bool read_kept(struct ctx *ctx, const struct node *root, struct kept *k)
{
	const struct node *box = child(root, "box", NODE_SCALAR), *entry = child(root, "entry", NODE_SCALAR);
	const struct node *hash = child(root, "hash", NODE_SCALAR), *all = child(root, "configuration", NODE_MAP);
	char found[CONFIG_HASH_SIZE];

	if (root->type != NODE_MAP || !box || !entry || !hash || !all || strlen(hash->text) >= sizeof(k->hash))
		return fail(ctx, ALGCTL_REFUSED, NOWHERE, "this is not what an agent has kept");
	snprintf(k->box, sizeof(k->box), "%s", box->text);
	memcpy(k->hash, hash->text, strlen(hash->text) + 1);
	k->entry = strtoll(entry->text, NULL, 10);
	if (!read_objects(ctx, all, &k->objects))
		return false;
	config_hash(&k->objects, found);
	return !strcmp(found, k->hash) || fail(ctx, ALGCTL_REFUSED, NOWHERE, "the configuration is not the one of its hash");
}

bool kept_read(struct ctx *ctx, const char *path, struct kept *k)
{
	const char *file = ctx->file;
	struct node *root = NULL;
	char *text;
	size_t size;
	bool good;

	*k = (struct kept){ 0 };
	free(ctx->own_file);
	ctx->file = ctx->own_file = copy(path);
	text = file_text(ctx, path, &size);
	root = text ? document_parse(ctx, text, size, DOCUMENT_JSON) : NULL;
	good = root && read_kept(ctx, root, k);
	document_free(root);
	free(text);
	if (good)
		ctx->file = file;
	else
		objects_free(&k->objects);
	return good;
}
