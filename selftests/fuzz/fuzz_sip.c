/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SIP messages. Properties: sip_properties.h; a message on a stream is PARTIAL up to a point and the same from there
 * on; what came as a datagram reads the same on a stream; its descriptions parse or are refused.
 * Input: where the stream is cut (2 bytes), longest header section (1), message.
 */
#include "fuzz.h"
#include "sip_properties.h"

#define HEAD 3

static enum alg_parse parse(const uint8_t *data, u32 len, bool stream, u32 header_max, struct alg_sip_msg *msg,
			    u32 *used)
{
	uint8_t *copy = exact_copy(data, len);
	struct alg_sip_msg *again = malloc(sizeof(*again));
	enum alg_parse answer;
	u32 used_again = 7;

	PROPERTY(again);
	memset(again, 0x55, sizeof(*again));
	memset(msg, 0xaa, sizeof(*msg));
	answer = alg_sip_parse(copy, len, stream, header_max, msg, used);
	PROPERTY(alg_sip_parse(copy, len, stream, header_max, again, &used_again) == answer && used_again == *used);
	PROPERTY(answer != ALG_PARSE_SKIP && (stream || answer != ALG_PARSE_PARTIAL));
	if (answer == ALG_PARSE_COMPLETE) {
		PROPERTY(*used && (stream || *used <= len) && sip_same_message(msg, again));
		PROPERTY(msg->header_len <= header_max + (stream ? 0 : len));
		sip_check_message(copy, len, msg);
	} else if (answer == ALG_PARSE_MALFORMED) {
		PROPERTY(*used || !len);
	}
	free(copy);
	free(again);
	return answer;
}

static void check_descriptions(const uint8_t *data, const struct alg_sip_msg *msg)
{
	static struct alg_sdp sdp;

	for (u32 i = 0; i < msg->n_bodies; i++) {
		sdp.n_addrs = sdp.n_media = sdp.n_candidates = 0;
		if (!alg_sdp_parse(data, msg->bodies[i].off, msg->bodies[i].len, &sdp))
			sdp_check(data, msg->bodies[i].off, msg->bodies[i].len, &sdp);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct alg_sip_msg whole, part, datagram;
	u32 used, used_part, used_datagram, cut, header_max, len;
	enum alg_parse answer, answer_part;

	if (size < HEAD + 1 || size > 8192)
		return 0;
	len = (u32)size - HEAD;
	cut = (u32)(data[0] << 8 | data[1]) % (len + 1);
	header_max = 256 + 64U * data[2];
	data += HEAD;

	answer = parse(data, len, true, header_max, &whole, &used);
	answer_part = parse(data, cut, true, header_max, &part, &used_part);
	sip_check_prefix(data, cut, answer_part, &part, used_part, answer, &whole, used);
	if (answer == ALG_PARSE_COMPLETE)
		check_descriptions(data, &whole);
	if (parse(data, len, false, header_max, &datagram, &used_datagram) != ALG_PARSE_COMPLETE)
		return 0;
	check_descriptions(data, &datagram);
	if (datagram.content_length != ALG_SIP_NONE && data[0] != '\r' && data[0] != '\n' &&
	    datagram.kind <= ALG_SIP_RESPONSE)
		PROPERTY(answer == ALG_PARSE_COMPLETE && used == used_datagram && sip_same_message(&whole, &datagram));
	return 0;
}
