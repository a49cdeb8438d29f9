/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams that others have made (environment NF_ALG_CORPORA, subdirectory ike-esp), put together by ike_datagrams.py: the parser
 * must read in them what the facts beside them say. Skipped without them.
 */
#include "corpora.h"
#include "alg/proto/ike.h"

#define MAX_BYTES 65536

/*
 * Messages for the decoder that the facts are from, but not for this parser, and the other way round: what it calls malformed has
 * broken insides that this parser does not look at.
 */
static const struct {
	const char *title;
	enum alg_ike_bad bad;
} misread[] = {
	{ "tcpdump-ikev2-id-normal.pcap 1", ALG_IKE_BAD_ZERO_SPI },
	{ "tcpdump-ikev2-id-short.pcap 1", ALG_IKE_BAD_ZERO_SPI },
};

static u32 messages, malformed, esp, keepalives, nat_signs;

static enum alg_ike_bad known_bad(const char *title)
{
	for (size_t i = 0; i < ARRAY_SIZE(misread); i++)
		if (!strcmp(title, misread[i].title))
			return misread[i].bad;
	return ALG_IKE_BAD_NOTHING;
}

static void check(const char *title, bool natt, const u8 *data, u32 len, const char *expect, bool odd)
{
	struct alg_ike_msg msg;
	char found[200] = "";
	enum alg_ike_what what;

	what = alg_ike_parse(guard_end(data, len), len, natt, &msg);
	for (u32 cut = 0; cut < len; cut++) {
		struct alg_ike_msg part;

		if (alg_ike_parse(guard_end(data, cut), cut, natt, &part) == ALG_IKE_MESSAGE)
			ROW_CHECK(what == ALG_IKE_MESSAGE && cut >= msg.length, title, "a prefix is a message");
	}
	esp += what == ALG_IKE_ESP;
	keepalives += what == ALG_IKE_KEEPALIVE;
	malformed += what == ALG_IKE_MALFORMED;
	if (what == ALG_IKE_MALFORMED)
		print_message("# %s: %s\n", title, alg_ike_bad_name(msg.bad));
	if (!expect[0] || (odd && what == ALG_IKE_MALFORMED))
		return;
	ROW_CHECK((enum alg_ike_bad)msg.bad == known_bad(title), title, alg_ike_bad_name(msg.bad));
	snprintf(found, sizeof(found), "%016llx %016llx %u %u %u %u", (unsigned long long)msg.ispi, (unsigned long long)msg.rspi,
		 msg.version,
		 msg.exchange, msg.id, msg.length);
	ROW_CHECK(!strcmp(found, expect), title, found);
	messages += what == ALG_IKE_MESSAGE;
	nat_signs += !!(msg.signs & ALG_IKE_NAT_SIGNS);
}

static void test_captures(void **state)
{
	static char line[2 * MAX_BYTES + 100], expect[200], title[200];
	static u8 data[MAX_BYTES];
	unsigned int natt = 0, a, b;
	bool odd = false;
	u32 len = 0;
	FILE *in = corpora_open("ike-esp", "ike_datagrams.py");

	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "datagram %u %199[^\n]", &natt, title) == 2) {
			expect[0] = '\0';
			odd = false;
		} else if (!strncmp(line, "bytes ", 6)) {
			len = corpora_bytes(line + 6, data, MAX_BYTES);
		} else if (!strncmp(line, "expect ", 7)) {
			snprintf(expect, sizeof(expect), "%.190s", line + 7);
		} else if (!strcmp(line, "odd")) {
			odd = true;
		} else if (!strcmp(line, "end")) {
			check(title, natt, data, len, expect, odd);
		} else if (sscanf(line, "total %u %u %199[^\n]", &a, &b, title) == 3) {
			ROW_CHECK(esp == a, title, "ESP in UDP");
			ROW_CHECK(keepalives == b, title, "keep-alives");
			esp = keepalives = 0;
		}
	}
	assert_int_equal(pclose(in), 0);
	print_message("# %u messages, %u with signs of NAT traversal, %u malformed\n", messages, nat_signs, malformed);
	assert_true(messages > 50);
	assert_true(nat_signs > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_captures) };

	return cmocka_run_group_tests_name("ike captures", tests, NULL, NULL);
}
