// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups that went with a client whose SAs the gateway may go on with. When one comes back with another client first, that is not
 * the only one that an unknown SPI may be for. By hashes, so memory is bounded: where two fall together, more are told apart than
 * need be.
 */
#include <linux/jhash.h>

#include "esp.h"

static u32 client_hash(const struct esp_net *en, const union nf_inet_addr *client, u16 zone)
{
	return jhash2((const u32 *)client, sizeof(*client) / sizeof(u32), en->left_seed ^ zone) ?: 1;
}

static struct esp_left *left_of(struct esp_net *en, const struct esp_group *group)
{
	u32 hash = jhash2((const u32 *)&group->key, sizeof(group->key) / sizeof(u32), en->left_seed);

	return &en->left[hash % ESP_LEFT];
}

static bool is_recent(const struct esp_left *left, const struct esp_group *group)
{
	return left->at && esp_now() - left->at < group->config.esp_idle;
}

void esp_left_note(struct esp_group *group, const struct esp_key *last, bool others)
{
	struct esp_net *en = esp_net(read_pnet(&group->key.net));
	u32 client = client_hash(en, &last->out.src, last->zone);
	struct esp_left *left = left_of(en, group);

	if (!group->bind.left)
		return;
	spin_lock_bh(&en->left_lock);
	if (others || (is_recent(left, group) && left->client != client))
		client = 0;
	left->client = client;
	left->at = esp_now();
	spin_unlock_bh(&en->left_lock);
}

void esp_left_find(struct esp_group *group, const union nf_inet_addr *client, u16 zone)
{
	struct esp_net *en = esp_net(read_pnet(&group->key.net));
	struct esp_left *left = left_of(en, group);

	spin_lock_bh(&en->left_lock);
	if (is_recent(left, group) && left->client != client_hash(en, client, zone)) {
		group->bind.left = true;
		group->bind.left_at = (u32)left->at;
	}
	spin_unlock_bh(&en->left_lock);
}

void esp_left_init(struct esp_net *en)
{
	spin_lock_init(&en->left_lock);
	get_random_bytes(&en->left_seed, sizeof(en->left_seed));
}
