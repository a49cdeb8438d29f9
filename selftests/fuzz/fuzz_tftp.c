/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A datagram for the TFTP parser; a second, slow reader must agree. */
#include "fuzz.h"
#include "alg/proto/tftp.h"

/* The strings of a request, one after the other, with a library that stops at NULs. */
static bool reads_as_request(const char *p, const char *end)
{
	unsigned int n;

	if (p == end || end[-1])
		return false;
	for (n = 0; p < end; n++) {
		size_t len = strlen(p);

		if (!len && (n < 2 || n % 2 == 0))
			return false;
		p += len + 1;
	}
	return n >= 2 && n % 2 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct alg_tftp_msg msg = { .kind = 99 };
	enum alg_parse answer = alg_tftp_parse(data, (u32)size, &msg);
	bool request = size >= 2 && !data[0] && (data[1] == 1 || data[1] == 2);
	bool good;

	PROPERTY(msg.kind <= ALG_TFTP_WRQ);
	if (request) {
		good = size <= ALG_TFTP_REQUEST_MAX && reads_as_request((const char *)data + 2, (const char *)data + size);
		PROPERTY(msg.kind == (good ? data[1] : ALG_TFTP_OTHER));
	} else {
		good = size >= 2 && !data[0] && data[1] >= 3 && data[1] <= 6;
		PROPERTY(msg.kind == ALG_TFTP_OTHER);
	}
	PROPERTY(answer == (good ? ALG_PARSE_COMPLETE : ALG_PARSE_MALFORMED));
	return 0;
}
