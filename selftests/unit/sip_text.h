/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the SIP tests share: the properties of every message, parsing beside inaccessible pages, results as text. */
#ifndef SELFTESTS_SIP_TEXT_H
#define SELFTESTS_SIP_TEXT_H

#define PROPERTY(cond) assert_true(cond)
#include "unit.h"
#include "selftests/fuzz/sip_properties.h"

#define COMPLETE	ALG_PARSE_COMPLETE
#define PARTIAL		ALG_PARSE_PARTIAL
#define MALFORMED	ALG_PARSE_MALFORMED
#define HEADER_MAX	8192

/* Parses twice, flush against either page; both must say the same, and what holds for every message must hold. */
static inline enum alg_parse sip_parse_max(const void *data, u32 len, bool stream, u32 header_max,
					   struct alg_sip_msg *msg, u32 *used)
{
	static struct alg_sip_msg other;
	u32 used_other = 0;
	enum alg_parse answer;

	memset(msg, 0x11, sizeof(*msg));
	memset(&other, 0xee, sizeof(other));
	answer = alg_sip_parse(guard_start(data, len), len, stream, header_max, msg, used);
	assert_int_equal(alg_sip_parse(guard_end(data, len), len, stream, header_max, &other, &used_other), answer);
	assert_int_equal(*used, used_other);
	if (answer == COMPLETE) {
		assert_true(sip_same_message(msg, &other));
		sip_check_message(data, len, msg);
	}
	return answer;
}

static inline enum alg_parse sip_parse(const void *data, u32 len, bool stream, struct alg_sip_msg *msg, u32 *used)
{
	return sip_parse_max(data, len, stream, HEADER_MAX, msg, used);
}

/* Every prefix of the first message of a stream. */
static inline void sip_check_prefixes(const void *data, u32 len)
{
	static struct alg_sip_msg whole, part;
	u32 used, used_part, n;
	enum alg_parse answer = sip_parse(data, len, true, &whole, &used), answer_part;

	for (n = 0; n < len; n++) {
		answer_part = sip_parse(data, n, true, &part, &used_part);
		sip_check_prefix(data, n, answer_part, &part, used_part, answer, &whole, used);
		/* As long as the header section has no end there is nothing to say, if it is SIP. */
		if (answer == COMPLETE && whole.kind <= ALG_SIP_RESPONSE && n < whole.header_len)
			assert_int_equal(answer_part, PARTIAL);
		assert_int_not_equal(sip_parse(data, n, false, &part, &used_part), PARTIAL);
	}
}

static inline int sip_print_endpoint(char *text, size_t size, const struct alg_endpoint *ep)
{
	char addr[ALG_ADDR_TEXT];

	assert_true(alg_format_addr(addr, sizeof(addr), ep) > 0);
	return ep->port ? snprintf(text, size, "%s %u", addr, ep->port) : snprintf(text, size, "%s", addr);
}

/* "via 192.0.2.1 5060 +r, via.received ..." */
static inline const char *sip_refs_text(const struct alg_sip_msg *msg)
{
	static const char *const where[] = {
		"uri", "via", "from", "to", "contact", "route", "record-route", "path", "service-route", "refer-to",
		"referred-by", "reply-to", "asserted", "preferred", "remote-party", "diversion", "history",
	};
	static const char *const part[] = { "", ".maddr", ".received" };
	static char text[8192];
	size_t n = 0;

	text[0] = '\0';
	for (u32 i = 0; i < msg->n_refs; i++) {
		const struct alg_sip_ref *ref = &msg->refs[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s ", i ? ", " : "", where[ref->where],
				      part[ref->part]);
		n += (size_t)sip_print_endpoint(text + n, sizeof(text) - n, &ref->ep);
		for (int f = 0; f < 4; f++)
			if (ref->flags & 1 << f)
				n += (size_t)snprintf(text + n, sizeof(text) - n, " +%s",
						      (const char *const []){ "tls", "tcp", "rport", "brackets" }[f]);
		if (ref->rport_len)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " rport %u", ref->rport);
		assert_true(n < sizeof(text));
	}
	return text;
}

#define SPAN_IS(data, span, text)								\
	((span).len == sizeof(text) - 1 && !memcmp((const u8 *)(data) + (span).off, text, sizeof(text) - 1))

#endif /* SELFTESTS_SIP_TEXT_H */
