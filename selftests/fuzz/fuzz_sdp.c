/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Session descriptions. Properties: sip_properties.h; where the description stands in the message makes no difference;
 * a second one is added behind the first.
 * Input: bytes before the description (1), description.
 */
#include "fuzz.h"
#include "sip_properties.h"

static int parse(const uint8_t *data, u32 off, u32 len, struct alg_sdp *sdp)
{
	uint8_t *copy = exact_copy(data, off + len);
	int err = alg_sdp_parse(copy, off, len, sdp);

	PROPERTY(!err || err == -EINVAL || err == -E2BIG);
	free(copy);
	return err;
}

static void same_media(const struct alg_sdp_media *a, const struct alg_sdp_media *b)
{
	PROPERTY(a->port == b->port && a->count == b->count && a->transport == b->transport && a->addr == b->addr);
	PROPERTY(a->rtcp_port == b->rtcp_port && a->rtcp_addr == b->rtcp_addr);
	PROPERTY(a->mux == b->mux && a->bundled == b->bundled);
	PROPERTY(a->direction == b->direction && a->setup == b->setup);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct alg_sdp alone, moved, both;
	static uint8_t room[256 + 8192];
	u32 len, off;
	int err;

	if (!size || size > 8192)
		return 0;
	off = data[0];
	len = (u32)size - 1;
	memset(room, '=', off);
	memcpy(room + off, data + 1, len);

	alone.n_addrs = alone.n_media = alone.n_candidates = 0;
	memset(&moved, 0, sizeof(moved));
	err = parse(data + 1, 0, len, &alone);
	PROPERTY(parse(room, off, len, &moved) == err);
	if (err)
		return 0;
	sdp_check(data + 1, 0, len, &alone);
	sdp_check(room, off, len, &moved);
	PROPERTY(alone.n_addrs == moved.n_addrs && alone.n_media == moved.n_media);
	PROPERTY(alone.n_candidates == moved.n_candidates);
	for (u32 i = 0; i < alone.n_media; i++)
		same_media(&alone.media[i], &moved.media[i]);

	both = moved;
	err = parse(room, off, len, &both);
	PROPERTY(err == (2 * alone.n_addrs > ALG_SDP_ADDRS || 2 * alone.n_media > ALG_SDP_MEDIA ? -E2BIG : 0));
	if (err)
		return 0;
	PROPERTY(both.n_media == 2 * alone.n_media && both.n_addrs == 2 * alone.n_addrs);
	PROPERTY(!memcmp(both.media, moved.media, moved.n_media * sizeof(moved.media[0])));
	for (u32 i = 0; i < alone.n_media; i++) {
		struct alg_sdp_media m = both.media[alone.n_media + i];

		m.addr -= m.addr == ALG_SDP_ADDRS ? 0 : alone.n_addrs;
		m.rtcp_addr -= m.rtcp_addr == ALG_SDP_ADDRS ? 0 : alone.n_addrs;
		same_media(&m, &alone.media[i]);
	}
	return 0;
}
