/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FTP control connections of real captures (environment NF_ALG_CORPORA, subdirectory ftp), put together by
 * ftp_streams.py: parser and session must find what the facts beside each capture list, nothing else, however the bytes
 * are cut. Skipped without captures.
 */
#include "corpora.h"
#include "alg/proto/ftp.h"

#define MAX_BYTES	(1 << 20)
#define MAX_FOUND	4096

/* A line of interest, as text: "PORT 1.2.3.4 1286". 229 stands without address, what is malformed without both. */
struct list {
	char text[MAX_FOUND][80];
	u32 n;
};

struct side {
	u8 bytes[MAX_BYTES];
	u32 len;
	u32 cut[MAX_BYTES / 8];		/* where segments end */
	u32 cuts;
	u32 pending;
	bool skipping;
	struct list found, expected;
};

static struct side sides[2];
static struct alg_ftp_session session;
static u32 unsolicited, lines_seen, interesting;

static void note(struct list *list, const char *kind, const char *addr, unsigned long port)
{
	assert_in_range(list->n, 0, MAX_FOUND - 1);
	snprintf(list->text[list->n++], sizeof(list->text[0]), "%s %s %lu", kind, addr, port);
}

static void note_message(struct side *s, const u8 *line, bool malformed, const struct alg_ftp_msg *msg)
{
	char kind[8] = "", addr[ALG_ADDR_TEXT] = "-";

	if (!malformed && (msg->kind == ALG_FTP_OTHER || msg->kind == ALG_FTP_REPLY || msg->kind == ALG_FTP_AUTH ||
			   msg->kind == ALG_FTP_CCC))
		return;
	for (int i = 0; i < 4 && line[i] > ' '; i++)
		kind[i] = (char)(line[i] >= 'a' ? line[i] - 32 : line[i]);
	if (msg->ep.family)
		alg_format_addr(addr, sizeof(addr), &msg->ep);
	note(&s->found, kind, addr, msg->ep.port);
}

static void advance(bool reply, u32 end)
{
	struct side *s = &sides[reply];

	while (s->pending < end && !session.encrypted) {
		const u8 *line = s->bytes + s->pending;
		u32 len = end - s->pending, used;
		struct alg_ftp_msg msg;
		enum alg_parse answer;

		if (s->skipping) {
			answer = alg_ftp_skip(line, len, &used);
		} else {
			answer = alg_ftp_parse(guard_end(line, len < GUARD_ROOM ? len : GUARD_ROOM),
					       len < GUARD_ROOM ? len : GUARD_ROOM, reply, &session.multi, &msg, &used);
			if (answer == ALG_PARSE_PARTIAL)
				return;
			lines_seen++;
			unsolicited += alg_ftp_session_step(&session, reply, &msg) == ALG_FTP_UNSOLICITED;
			note_message(s, line, answer == ALG_PARSE_MALFORMED, &msg);
		}
		s->skipping = answer == ALG_PARSE_SKIP;
		s->pending += used;
	}
}

static void check(const char *title)
{
	for (int reply = 0; reply < 2; reply++) {
		const char *who = reply ? "server" : "client";
		struct list *f = &sides[reply].found, *e = &sides[reply].expected;

		for (u32 i = 0; i < f->n || i < e->n; i++) {
			const char *is = i < f->n ? f->text[i] : "nothing", *should = i < e->n ? e->text[i] : "nothing";

			if (strcmp(is, should))
				print_error("# %s, %s, %u: found %s, expected %s\n", title, who, i, is, should);
			assert_string_equal(is, should);
		}
	}
	if (unsolicited)
		print_error("# %s: %u endpoints that nobody asked for\n", title, unsolicited);
	assert_int_equal(unsolicited, 0);
}

/* The connection's bytes, segments of the capture cut every @size bytes; 0: as captured. */
static void replay(const char *title, const u8 *order, u32 segments, u32 size)
{
	u32 next[2] = { 0 }, done[2] = { 0 };

	memset(&session, 0, sizeof(session));
	unsolicited = 0;
	for (int reply = 0; reply < 2; reply++) {
		sides[reply].pending = 0;
		sides[reply].skipping = false;
		sides[reply].found.n = 0;
	}
	for (u32 i = 0; i < segments; i++) {
		struct side *s = &sides[order[i]];
		u32 end = s->cut[next[order[i]]++];

		for (u32 at = done[order[i]]; size && at < end; at += size)
			advance(order[i], at);
		advance(order[i], end);
		done[order[i]] = end;
	}
	interesting += sides[0].found.n + sides[1].found.n;
	check(title);
}

static void add_bytes(struct side *s, const char *hex)
{
	unsigned int byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
		assert_in_range(s->len, 0, MAX_BYTES - 1);
		s->bytes[s->len++] = (u8)byte;
	}
	assert_in_range(s->cuts, 0, MAX_BYTES / 8 - 1);
	s->cut[s->cuts++] = s->len;
}

static void add_expected(const char *line)
{
	char side[8], kind[8], addr[64];
	struct alg_endpoint ep = { 0 };
	unsigned long port;

	assert_int_equal(sscanf(line, "%7s %7s %63s %lu", side, kind, addr, &port), 4);
	if (!strcmp(kind, "229"))
		strcpy(addr, "-");
	if (strchr(addr, ':')) {	/* in the text that alg_format_addr() makes */
		ep.family = 6;
		assert_true(alg_parse_ipv6((u8 *)addr, (u32)strlen(addr), ep.addr));
		alg_format_addr(addr, sizeof(addr), &ep);
	}
	note(&sides[side[0] == 's'].expected, kind, addr, port);
}

static void test_captures(void **state)
{
	static char line[1 << 18];
	static u8 order[MAX_BYTES / 8];
	char title[200] = "";
	u32 connections = 0, segments = 0;
	FILE *in = corpora_open("ftp", "ftp_streams.py");

	while (fgets(line, sizeof(line), in)) {
		if (!strncmp(line, "connection ", 11)) {
			snprintf(title, sizeof(title), "%.190s", line + 11);
			title[strcspn(title, "\n")] = '\0';
			memset(sides, 0, sizeof(sides));
			segments = 0;
			connections++;
		} else if (!strncmp(line, "client ", 7) || !strncmp(line, "server ", 7)) {
			order[segments++] = line[0] == 's';
			add_bytes(&sides[line[0] == 's'], line + 7);
		} else if (!strncmp(line, "expect ", 7)) {
			add_expected(line + 7);
		} else if (!strncmp(line, "end", 3)) {
			replay(title, order, segments, 0);
			replay(title, order, segments, 1);
			replay(title, order, segments, 7);
		}
	}
	assert_int_equal(pclose(in), 0);
	print_message("# %u connections, %u lines, %u of interest\n", connections, lines_seen / 3, interesting / 3);
	assert_true(connections > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_captures) };

	return cmocka_run_group_tests_name("ftp captures", tests, NULL, NULL);
}
