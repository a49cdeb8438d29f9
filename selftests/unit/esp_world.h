/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of alg/proto/esp_bind share: a gateway, an address, clients, and the table of their SPIs. */
#ifndef SELFTESTS_UNIT_ESP_WORLD_H
#define SELFTESTS_UNIT_ESP_WORLD_H

#include "unit.h"
#include "selftests/fuzz/esp_find.h"

#define PASS	ALG_ESP_PASS
#define BOUND	ALG_ESP_BOUND
#define GATE	5000
#define ANSWER	2000
#define IDLE	1800000
#define STATE	14400000
#define SEQ_MAX	64

#define CLIENTS	12

static struct alg_esp_config config;
static struct alg_esp_slots *slots;
static struct alg_esp_group group, other_group;
static struct alg_esp_pair pairs[CLIENTS];
static struct alg_esp_ike ikes[CLIENTS];
static struct alg_esp_sa pool[4096];
static u32 used;
static u64 now;
static struct alg_esp_packet packet;

static inline int setup(void **state)
{
	config = (struct alg_esp_config){
		.gate = GATE, .answer = ANSWER, .esp_idle = IDLE, .ike_idle = STATE, .seq_max = SEQ_MAX, .sas_max = 8,
		.ikes_max = 4, .require_ike = true, .hold = true,
	};
	free(slots);
	slots = malloc(ALG_ESP_SLOTS_SIZE(CLIENTS));
	alg_esp_slots_init(slots, CLIENTS);
	alg_esp_group_init(&group, &config, slots);
	alg_esp_group_init(&other_group, &config, slots);
	memset(pairs, 0, sizeof(pairs));
	memset(ikes, 0, sizeof(ikes));
	memset(pool, 0, sizeof(pool));
	used = 0;
	now = 0xffffe000;	/* what is kept in 32 bits wraps soon */
	return 0;
}

static inline enum alg_esp_verdict esp(struct alg_esp_pair *pair, enum alg_esp_dir dir, u32 spi, u32 seq)
{
	enum alg_esp_verdict verdict, without;
	u32 before = used;

	packet = (struct alg_esp_packet){ .spi = spi, .seq = seq, .now = now, .known = esp_find(&group, dir, spi) };
	if (packet.known && (dir == ALG_ESP_IN || packet.known->pair == pair) && alg_esp_quick(packet.known, seq, now)) {
		packet.pair = packet.known->pair;
		return PASS;
	}
	without = dir == ALG_ESP_IN ? alg_esp_in(&group, &packet) : alg_esp_out(pair, &packet);
	if (without != ALG_ESP_NO_MEMORY)
		return without;
	packet.fresh = &pool[used++];
	assert_in_range(used, 0, ARRAY_SIZE(pool) - 1);
	verdict = dir == ALG_ESP_IN ? alg_esp_in(&group, &packet) : alg_esp_out(pair, &packet);
	assert_int_equal(verdict, BOUND);
	assert_ptr_equal(esp_find(&group, dir, spi), &pool[before]);
	return verdict;
}

static inline enum alg_esp_verdict out(int client, u32 spi, u32 seq)
{
	enum alg_esp_verdict verdict = esp(&pairs[client], ALG_ESP_OUT, spi, seq);

	if (verdict == PASS || verdict == BOUND)
		assert_ptr_equal(packet.pair, &pairs[client]);
	return verdict;
}

static inline enum alg_esp_verdict in(u32 spi, u32 seq)
{
	return esp(NULL, ALG_ESP_IN, spi, seq);
}

/* An inbound packet must reach the client. */
static inline void in_to(int client, u32 spi, u32 seq, enum alg_esp_verdict verdict)
{
	assert_string_equal(alg_esp_verdict_name(in(spi, seq)), alg_esp_verdict_name(verdict));
	assert_ptr_equal(packet.pair, &pairs[client]);
}

/* Two in a row: the first one's SPI is new, the second one's known. */
static inline void binds_to(int client, u32 spi, u32 seq)
{
	in_to(client, spi, seq, BOUND);
	in_to(client, spi, seq + 1, PASS);
}

static inline void assert_peers(u32 spi_out, u32 spi_in)
{
	struct alg_esp_sa *sa_out = esp_find(&group, ALG_ESP_OUT, spi_out), *sa_in = esp_find(&group, ALG_ESP_IN, spi_in);

	assert_true(sa_out && sa_in);
	assert_ptr_equal(sa_out->peer, sa_in);
	assert_ptr_equal(sa_in->peer, sa_out);
}

static inline void join(int client)
{
	assert_int_equal(alg_esp_join(&group, &pairs[client], true, now), PASS);
	assert_null(alg_esp_ike_begin(&pairs[client], &ikes[client], 100 + client, true, now));
}

static inline void leave(struct alg_esp_pair *pair)
{
	struct alg_link a, b;

	alg_link_init(&a);
	alg_link_init(&b);
	alg_esp_leave(pair, now, &a, &b);
	memset(pair, 0, sizeof(*pair));
}

static inline enum alg_esp_verdict ike(struct alg_esp_ike *session, u8 version, u8 exchange, bool response, u32 id,
				       bool from_client)
{
	struct alg_ike_msg msg = { .version = version, .exchange = exchange, .response = response, .id = id };

	msg.kind = exchange == ALG_IKE_QUICK || exchange == ALG_IKE_AUTH || exchange == ALG_IKE_CREATE_CHILD_SA ||
		   exchange == ALG_IKE_FOLLOWUP_KE ? ALG_IKE_KIND_CREATES : ALG_IKE_KIND_INFO;
	return alg_esp_ike_message(session, &msg, from_client, now);
}

static inline enum alg_esp_verdict child(int client, u32 id)	/* request of the client */
{
	return ike(&ikes[client], 2, ALG_IKE_CREATE_CHILD_SA, false, id, true);
}

static inline enum alg_esp_verdict child_answer(int client, u32 id)
{
	return ike(&ikes[client], 2, ALG_IKE_CREATE_CHILD_SA, true, id, false);
}

static inline enum alg_esp_verdict quick(int client, u32 id, bool from_client)	/* one of Quick Mode's messages */
{
	return ike(&ikes[client], 1, ALG_IKE_QUICK, false, id, from_client);
}

/* An SPI of a client's from before. */
static inline bool known_before(int client, u32 spi)
{
	return alg_esp_known(&pairs[client], &pool[used++], spi, now);
}

/* An SA pair as it comes with traffic: 0x1000 + n out, 0x2000 + n in. */
static inline void tunnel(int client, u32 n)
{
	assert_int_equal(child(client, n), PASS);
	assert_int_equal(child_answer(client, n), PASS);
	assert_int_equal(out(client, 0x1000 + n, 1), BOUND);
	binds_to(client, 0x2000 + n, 1);
	assert_null(group.holder);
}

#endif /* SELFTESTS_UNIT_ESP_WORLD_H */
