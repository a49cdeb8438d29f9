/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of SIP plans share. In their tables lines end in a plain LF, and LEN stands for the number that Content-Length
 * must have; both are made right before the planner sees them, in what is expected just as in what is given.
 */
#ifndef SELFTESTS_UNIT_SIP_PLAN_H
#define SELFTESTS_UNIT_SIP_PLAN_H

#include "unit.h"
#include "alg/proto/sip_plan.h"

#define ROOM 32768

/* Rows leave out what they don't need. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* Two ends of a connection: as each knows itself, and as the other sees it. */
struct link {
	const char *a, *a_public, *b, *b_public;
	bool stream;
	u16 via_port;
};

#define LINK(A, A_PUBLIC, B, B_PUBLIC, ...) { .a = A, .a_public = A_PUBLIC, .b = B, .b_public = B_PUBLIC, ##__VA_ARGS__ }

/* Behind NAT with a new port and with the same one, server behind DNAT, both, IPv6 with a translated prefix, nothing translated */
static const struct link client = LINK("192.168.1.10:5060", "198.51.100.1:40001", "203.0.113.5:5060", "203.0.113.5:5060");
static const struct link client_same = LINK("192.168.1.10:5060", "198.51.100.1:5060", "203.0.113.5:5060", "203.0.113.5:5060");
static const struct link client_5070 = LINK("192.168.1.10:5070", "198.51.100.1:5060", "203.0.113.5:5060", "203.0.113.5:5060");
static const struct link server = LINK("203.0.113.9:5060", "203.0.113.9:5060", "10.0.0.5:5060", "198.51.100.1:5060");
static const struct link server_5080 = LINK("203.0.113.9:5060", "203.0.113.9:5060", "10.0.0.5:5080", "198.51.100.1:5060");
static const struct link server_5070 = LINK("203.0.113.9:5060", "203.0.113.9:5060", "10.0.0.5:5060", "198.51.100.1:5070");
static const struct link both = LINK("192.168.1.10:5060", "10.0.0.1:1024", "10.0.0.5:5080", "198.51.100.1:5060");
static const struct link npt = LINK("[fd00::10]:5060", "[2001:db8:1::10]:5060", "[2001:db8:2::5]:5060", "[2001:db8:2::5]:5060");
static const struct link nat66 = LINK("[fd00::10]:5060", "[2001:db8:1::1]:40001", "[fd01::5]:5060", "[2001:db8:2::5]:5060");
static const struct link none = LINK("192.168.1.10:5060", "192.168.1.10:5060", "203.0.113.5:5060", "203.0.113.5:5060");
static const struct link port_only = LINK("192.0.2.10:5060", "192.0.2.10:40001", "203.0.113.5:5060", "203.0.113.5:5060");
static const struct link tls = LINK("192.168.1.10:5061", "198.51.100.1:40001", "203.0.113.5:5061", "203.0.113.5:5061");
/* requests come from another port than answers are wanted at */
static const struct link ephemeral = LINK("192.168.1.10:40000", "198.51.100.1:40001", "203.0.113.5:5060", "203.0.113.5:5060",
					  .via_port = 5060);
static const struct link tcp = LINK("192.168.1.10:40000", "198.51.100.1:40001", "203.0.113.5:5060",
	"203.0.113.5:5060", .stream = true);
/* a user agent that learnt its public endpoint: nothing is taken back */
static const struct link stun = LINK("198.51.100.1:40001", "198.51.100.1:40001", "203.0.113.5:5060", "203.0.113.5:5060");

static inline struct alg_endpoint endpoint(const char *text)
{
	const char *colon = strrchr(text, ':');
	struct alg_endpoint ep = { .family = text[0] == '[' ? 6 : 4 };

	assert_non_null(colon);
	ep.port = (u16)atoi(colon + 1);
	if (ep.family == 6)
		assert_true(alg_parse_ipv6((const u8 *)text + 1, (u32)(colon - text) - 2, ep.addr));
	else
		assert_true(alg_parse_ipv4((const u8 *)text, (u32)(colon - text), ep.addr));
	return ep;
}

enum way { TO_B, TO_A };

/* What @find knows. */
struct known {
	const char *from, *to;
};

struct finder {
	const struct known *known;
	char asked[256];	/* every question, in the order in which they were put */
};

static inline bool find(void *ctx, const struct alg_sip_ref *ref, const struct alg_endpoint *ep, struct alg_endpoint *seen)
{
	struct finder *f = ctx;
	char addr[ALG_ADDR_TEXT];
	size_t at = strlen(f->asked);

	assert_true(!ref || (ref->ep.family == ep->family && !memcmp(ref->ep.addr, ep->addr, 16)));
	alg_format_addr(addr, sizeof(addr), ep);
	snprintf(f->asked + at, sizeof(f->asked) - at, "%s%s:%u", at ? " " : "", addr, ep->port);
	for (const struct known *k = f->known; k && k->from; k++) {
		struct alg_endpoint from = endpoint(k->from);

		if (from.family == ep->family && from.port == ep->port && !memcmp(from.addr, ep->addr, 16)) {
			*seen = endpoint(k->to);
			return true;
		}
	}
	return false;
}

static inline struct alg_sip_nat nat_of(const struct link *link, enum way way)
{
	struct alg_sip_nat nat = { .stream = link->stream, .via_port = link->via_port };

	nat.own = endpoint(way == TO_B ? link->a : link->b);
	nat.own_public = endpoint(way == TO_B ? link->a_public : link->b_public);
	nat.peer = endpoint(way == TO_B ? link->b_public : link->a_public);
	nat.peer_real = endpoint(way == TO_B ? link->b : link->a);
	return nat;
}

/* LF to CRLF; LEN to the length of what follows the first empty line. */
static inline void expand(const char *in, char *out)
{
	char body[ROOM], *o = body;
	const char *empty = strstr(in, "\n\n"), *len;

	for (const char *p = empty ? empty + 2 : ""; *p; p++) {
		if (*p == '\n')
			*o++ = '\r';
		*o++ = *p;
	}
	*o = '\0';
	for (const char *p = in; *p && p != (empty ? empty + 2 : NULL); p++) {
		len = strncmp(p, "LEN", 3) ? NULL : p;
		if (len) {
			out += sprintf(out, "%zu", strlen(body));
			p += 2;
			continue;
		}
		if (*p == '\n')
			*out++ = '\r';
		*out++ = *p;
	}
	strcpy(out, body);
}

struct rewritten {
	char text[ROOM];
	struct alg_sip_msg msg;
	struct alg_sdp sdp;
	u16 edits;
};

/* Parses @in, plans, applies. */
static inline void rewrite(const char *in, const struct alg_sip_nat *nat, const struct alg_sip_media_map *media, const char *title,
		    struct rewritten *r)
{
	static struct alg_edit edits[ALG_SIP_PLAN_EDITS];
	static u8 bytes[ALG_SIP_PLAN_BYTES];
	u32 len = (u32)strlen(in), used = 0, n;
	struct alg_plan plan;
	u8 *data = guard_end(in, len);

	alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
	ROW_CHECK(alg_sip_parse(data, len, nat && nat->stream, 16384, &r->msg, &used) == ALG_PARSE_COMPLETE, title, "parse");
	memset(&r->sdp, 0, sizeof(r->sdp));
	for (u32 i = 0; i < r->msg.n_bodies; i++)
		ROW_CHECK(!alg_sdp_parse(data, r->msg.bodies[i].off, r->msg.bodies[i].len, &r->sdp), title, "parse SDP");
	ROW_CHECK(!alg_sip_plan(data, &r->msg, media ? &r->sdp : NULL, nat, media, &plan), title, "plan");
	ROW_CHECK(alg_plan_fits(&plan, len), title, "fits");
	memcpy(r->text, in, len);
	n = alg_plan_apply(&plan, (u8 *)r->text, len);
	assert_true(n < ROOM);
	r->text[n] = '\0';
	r->edits = plan.n;
}

/* What becomes of one m-line: NULL: it stays as it is. @rtcp NULL: there is none. */
struct map_row {
	const char *rtp, *rtcp;
	u16 count;
};

static inline void set_media(const struct map_row *rows, struct alg_sip_media_map *media)
{
	memset(media, 0, ALG_SDP_MEDIA * sizeof(*media));
	for (size_t i = 0; i < 5; i++) {
		media[i].rewrite = rows[i].rtp;
		media[i].count = rows[i].count;
		if (rows[i].rtp)
			media[i].rtp = endpoint(rows[i].rtp);
		if (rows[i].rtcp)
			media[i].rtcp = endpoint(rows[i].rtcp);
	}
}

#define SIP_HEAD "INVITE sip:b@b.example SIP/2.0\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\nFrom: <sip:a@a.example>;tag=1\n" \
	"To: <sip:b@b.example>\nCall-ID: 1\nCSeq: 1 INVITE\nContact: <sip:a@a.example>\n"

#define HEAD	"v=0\no=a 1 1 IN IP4 192.168.1.10\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\n"
#define HEAD_OUT "v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\n"
#define HEAD_C	"v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\n"	/* the session's c-line stays */

static inline void check_text(const char *title, const char *got, const char *want)
{
	if (strcmp(got, want))
		print_error("%s\n-- got --\n%s-- want --\n%s", title, got, want);
	ROW_CHECK(!strcmp(got, want), title, "text");
}

#endif /* SELFTESTS_UNIT_SIP_PLAN_H */
