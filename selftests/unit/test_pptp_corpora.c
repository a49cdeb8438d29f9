/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PPTP control connections of real captures (environment NF_ALG_CORPORA, subdirectory pptp), put together by pptp_streams.py: the
 * parser must find what the facts beside each capture list, nothing else, and wait at every prefix. Skipped without captures.
 */
#include "corpora.h"
#include "alg/proto/pptp.h"

#define MAX_BYTES	65536
#define MAX_FOUND	64
#define LINE		80

static u8 data[MAX_BYTES];
static u32 len, n_expected, messages;
static char expected[MAX_FOUND][LINE];

static void describe(const struct alg_pptp_msg *msg, u32 used, char *text)
{
	int at = snprintf(text, LINE, "%u %u %u", msg->type, used, msg->accepted);

	for (int i = 0; i < ALG_PPTP_IDS && msg->whose[i]; i++)
		at += snprintf(text + at, LINE - at, " %u", msg->id[i]);
}

static void check(const char *title)
{
	u32 n = 0, used;

	for (u32 at = 0; at < len; at += used) {
		struct alg_pptp_msg msg;
		enum alg_parse answer;
		char text[LINE];

		answer = alg_pptp_parse(guard_end(data + at, len - at), len - at, &msg, &used);
		ROW_CHECK(answer == ALG_PARSE_COMPLETE, title, "complete");
		describe(&msg, used, text);
		ROW_CHECK(n < n_expected && !strcmp(text, expected[n]), title, text);
		for (u32 cut = 0; cut < used; cut++) {
			u32 none;

			answer = alg_pptp_parse(guard_end(data + at, cut), cut, &msg, &none);
			ROW_CHECK(answer == ALG_PARSE_PARTIAL, title, "prefix");
		}
		n++;
	}
	ROW_CHECK(n == n_expected, title, "all messages");
	messages += n;
}

static void test_captures(void **state)
{
	static char line[2 * MAX_BYTES + 100], title[200];
	FILE *in = corpora_open("pptp", "pptp_streams.py");

	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "stream %199[^\n]", title) == 1) {
			n_expected = 0;
			len = 0;
		} else if (!strncmp(line, "bytes ", 6)) {
			len = corpora_bytes(line + 6, data, MAX_BYTES);
		} else if (!strncmp(line, "expect ", 7)) {
			assert_in_range(n_expected, 0, MAX_FOUND - 1);
			snprintf(expected[n_expected++], LINE, "%.70s", line + 7);
		} else if (!strcmp(line, "end")) {
			check(title);
		}
	}
	assert_int_equal(pclose(in), 0);
	print_message("# %u messages\n", messages);
	assert_true(messages >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_captures) };

	return cmocka_run_group_tests_name("pptp captures", tests, NULL, NULL);
}
