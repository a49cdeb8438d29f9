/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A datagram of udp/500 or udp/4500 (first byte). What is found lies in it; what follows the message does not matter. */
#include "fuzz.h"
#include "alg/proto/ike.h"

static void check_message(const uint8_t *data, size_t size, const struct alg_ike_msg *msg)
{
	size_t payloads = 0;

	PROPERTY(!msg->bad);
	PROPERTY(msg->ispi);
	PROPERTY(msg->version == 1 || msg->version == 2);
	PROPERTY(msg->length >= ALG_IKE_HEADER && msg->length <= size);
	PROPERTY(msg->n_payloads <= ALG_IKE_PAYLOADS_MAX);
	PROPERTY(msg->n_payloads * 4u <= msg->length - ALG_IKE_HEADER);
	PROPERTY(!msg->first || (msg->kind == ALG_IKE_KIND_PHASE1 && !msg->rspi));
	PROPERTY(msg->version == 2 || (!msg->initiator && !msg->response));
	PROPERTY(!msg->frags || msg->frag <= msg->frags);
	PROPERTY(msg->version == 1 || !msg->frag == !msg->frags);
	PROPERTY(!msg->encrypted || msg->version == 1 || msg->n_payloads);
	PROPERTY(msg->error <= 16383);
	PROPERTY(!memcmp(data + 20, (uint8_t[]){ msg->id >> 24, msg->id >> 16, msg->id >> 8, msg->id }, 4));
	/* the chain, walked once more */
	if (msg->version == 2 || !msg->encrypted) {
		size_t off = ALG_IKE_HEADER;
		uint8_t type = data[16];

		while (type && payloads < msg->n_payloads) {
			PROPERTY(off + 4 <= msg->length);
			type = data[off];
			off += get_unaligned_be16(data + off + 2);
			PROPERTY(off <= msg->length);
			payloads++;
		}
		PROPERTY(payloads == msg->n_payloads);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct alg_ike_msg msg, again;
	enum alg_ike_what what;
	uint8_t *copy;
	bool natt;

	if (!size)
		return 0;
	natt = data[0] & 1;
	size--;
	copy = exact_copy(data + 1, size);
	memset(&msg, 0xee, sizeof(msg));
	memset(&again, 0x11, sizeof(again));
	what = alg_ike_parse(copy, (u32)size, natt, &msg);
	PROPERTY(what == alg_ike_parse(copy, (u32)size, natt, &again));
	PROPERTY(!memcmp(&msg, &again, sizeof(msg)));
	PROPERTY((what == ALG_IKE_MALFORMED) == (msg.bad != ALG_IKE_BAD_NOTHING));
	PROPERTY(msg.bad < ALG_IKE_BADS);
	if (what == ALG_IKE_KEEPALIVE)
		PROPERTY(size == 1 && copy[0] == 0xff);
	if (what == ALG_IKE_ESP)
		PROPERTY(natt && size >= 8 && msg.spi && msg.spi == get_unaligned_be32(copy));
	if (what == ALG_IKE_MESSAGE) {
		u32 front = natt ? 4 : 0;
		uint8_t *cut;

		PROPERTY(msg.marker == natt);
		check_message(copy + front, size - front, &msg);
		PROPERTY(alg_ike_repeats(&msg, &again));
		cut = exact_copy(copy, msg.length + front);
		PROPERTY(alg_ike_parse(cut, msg.length + front, natt, &again) == ALG_IKE_MESSAGE);
		PROPERTY(!memcmp(&msg, &again, sizeof(msg)));
		PROPERTY(alg_ike_parse(cut, msg.length + front - 1, natt, &again) == ALG_IKE_MALFORMED);
		free(cut);
	}
	free(copy);
	return 0;
}
