// SPDX-License-Identifier: GPL-2.0-only
/* Tables of named objects: found by name and by id, walked in the order of ids so that dumps can resume. */

#include "config.h"

#include <linux/jhash.h>

static u32 table_name_hash(const void *data, u32 len, u32 seed)
{
	const char *name = data;

	return jhash(name, strlen(name), seed);
}

static u32 table_object_hash(const void *data, u32 len, u32 seed)
{
	const struct nf_alg_object *object = data;

	return table_name_hash(object->name, 0, seed);
}

static int table_compare(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct nf_alg_object *object = data;

	return strcmp(arg->key, object->name);
}

static const struct rhashtable_params table_params = {
	.head_offset		= offsetof(struct nf_alg_object, node),
	.hashfn			= table_name_hash,
	.obj_hashfn		= table_object_hash,
	.obj_cmpfn		= table_compare,
	.automatic_shrinking	= true,
};

/**
 * nf_alg_table_init() - empty table
 * @table:	zeroed
 * @limit:	most objects that it takes
 * @hint:	objects to be expected
 * Return: 0 or a negative errno, with nothing to be destroyed.
 */
int nf_alg_table_init(struct nf_alg_table *table, u32 limit, u32 hint)
{
	struct rhashtable_params params = table_params;

	params.nelem_hint = min_t(u32, hint, U16_MAX);
	xa_init_flags(&table->ids, XA_FLAGS_ALLOC1);
	table->limit = limit;
	return rhashtable_init(&table->names, &params);
}

static void table_release(void *object, void *release)
{
	((void (*)(struct nf_alg_object *))release)(object);
}

/* Ends the table and calls @release for each object. Nobody else sees the table any more. May sleep. */
void nf_alg_table_destroy(struct nf_alg_table *table, void (*release)(struct nf_alg_object *object))
{
	rhashtable_free_and_destroy(&table->names, table_release, release);
	xa_destroy(&table->ids);
}

void *nf_alg_table_find(struct nf_alg_table *table, const char *name)
{
	return rhashtable_lookup_fast(&table->names, name, table_params);
}

void *nf_alg_table_by_id(struct nf_alg_table *table, u32 id)
{
	return xa_load(&table->ids, id);
}

void *nf_alg_table_next(struct nf_alg_table *table, u32 *id)
{
	unsigned long index = *id;
	void *object = xa_find(&table->ids, &index, U32_MAX, XA_PRESENT);

	if (object)
		*id = index;
	return object;
}

/* The caller has looked that name and id are free and the table below its limit. Return: 0 or a negative errno. */
int nf_alg_table_insert(struct nf_alg_table *table, struct nf_alg_object *object)
{
	bool numbered = object->id;
	int err;

	if (numbered)
		err = xa_insert(&table->ids, object->id, object, GFP_KERNEL_ACCOUNT);
	else
		err = xa_alloc_cyclic(&table->ids, &object->id, object, XA_LIMIT(1, NF_ALG_ID_MAX), &table->next,
				      GFP_KERNEL_ACCOUNT);
	if (err < 0)
		return err;
	err = rhashtable_insert_fast(&table->names, &object->node, table_params);
	if (err) {
		xa_erase(&table->ids, object->id);
		if (!numbered)
			object->id = 0;
		return err;
	}
	table->count++;
	return 0;
}

/* @object takes the place of @old, which has the same name and id: there is no moment without either. Can't fail. */
void nf_alg_table_replace(struct nf_alg_table *table, struct nf_alg_object *old, struct nf_alg_object *object)
{
	WARN_ON_ONCE(rhashtable_replace_fast(&table->names, &old->node, &object->node, table_params));
	/* the place exists: nothing is allocated */
	WARN_ON_ONCE(xa_is_err(xa_store(&table->ids, object->id, object, GFP_KERNEL_ACCOUNT)));
}

void nf_alg_table_remove(struct nf_alg_table *table, struct nf_alg_object *object)
{
	rhashtable_remove_fast(&table->names, &object->node, table_params);
	xa_erase(&table->ids, object->id);
	table->count--;
}
