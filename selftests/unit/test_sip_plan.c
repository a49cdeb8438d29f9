/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is rewritten in SIP messages. In the tables lines end in a plain LF, and LEN stands for the number that Content-Length must
 * have; both are made right before the planner sees them, in what is expected just as in what is given.
 */
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

static struct alg_endpoint endpoint(const char *text)
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

static bool find(void *ctx, const struct alg_sip_ref *ref, const struct alg_endpoint *ep, struct alg_endpoint *seen)
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

static struct alg_sip_nat nat_of(const struct link *link, enum way way)
{
	struct alg_sip_nat nat = { .stream = link->stream, .via_port = link->via_port };

	nat.own = endpoint(way == TO_B ? link->a : link->b);
	nat.own_public = endpoint(way == TO_B ? link->a_public : link->b_public);
	nat.peer = endpoint(way == TO_B ? link->b_public : link->a_public);
	nat.peer_real = endpoint(way == TO_B ? link->b : link->a);
	return nat;
}

/* LF to CRLF; LEN to the length of what follows the first empty line. */
static void expand(const char *in, char *out)
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
static void rewrite(const char *in, const struct alg_sip_nat *nat, const struct alg_sip_media_map *media, const char *title,
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

/* ---- one header ---- */

enum kind { REQUEST, RESPONSE };

struct header_row {
	const char *title;
	const struct link *link;
	enum way way;
	enum kind kind;
	const char *in, *out;	/* NULL: as @in. A start line comes first, behind '=' */
	const struct known *known;
	const char *asked;	/* what find was asked; NULL: not looked at */
};

/* Does a line begin with @name? */
static bool has(const char *lines, const char *name, size_t len)
{
	for (const char *line = lines; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len))
			return true;
	}
	return false;
}

/* All headers that must be, with names for hosts: those that @lines begins with take their place. */
static void message(const struct header_row *row, const char *lines, char *out)
{
	static const char *const base[] = {
		"Via: SIP/2.0/UDP a.example;branch=z9hG4bK1", "From: <sip:a@a.example>;tag=1", "To: <sip:b@b.example>",
		"Call-ID: 192.168.1.10@198.51.100.1", "CSeq: 1 OPTIONS",
	};
	static const char *const compact[] = { "v:", "f:", "t:", "i:", "\n:" };
	char text[ROOM];
	int n;

	if (lines[0] == '=') {
		const char *end = strchr(lines, '\n');

		n = snprintf(text, sizeof(text), "%.*s\n", (int)(end - lines - 1), lines + 1);
		lines = end + 1;
	} else {
		n = snprintf(text, sizeof(text),
			"%s\n", row->kind == REQUEST ? "OPTIONS sip:b.example SIP/2.0" : "SIP/2.0 200 OK");
	}
	for (size_t i = 0; i < ARRAY_SIZE(base); i++) {
		if (!has(lines, base[i], strcspn(base[i], ":") + 1) && !has(lines, compact[i], 2))
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%s\n", base[i]);
	}
	snprintf(text + n, sizeof(text) - (size_t)n, "%sContent-Length: 0\n\n", lines);
	expand(text, out);
}

static const struct known listening[] = { { "192.168.1.10:5090", "198.51.100.1:6000" }, { NULL, NULL } };
static const struct known subscriber[] = {
	{ "198.51.100.1:5060", "192.168.1.20:5060" }, { "192.168.1.20:5060", "198.51.100.1:5060" }, { NULL, NULL } };
static const struct known other_family[] = { { "192.168.1.10:5090", "[2001:db8::1]:6000" }, { NULL, NULL } };
static const struct known to_default[] = { { "192.168.1.10:5090", "198.51.100.1:5060" }, { NULL, NULL } };
static const struct known of_tls[] = { { "192.168.1.10:5061", "198.51.100.1:6000" }, { NULL, NULL } };

static const struct header_row header_rows[] = {
	/* own endpoint in requests */
	{ "via, own", &client, TO_B, REQUEST, "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1;rport\n",
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1;rport\n", NULL, "" },
	{ "via, no port", &client, TO_B, REQUEST, "Via: SIP/2.0/UDP 192.168.1.10;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1\n" },
	{ "via, no port, public port is 5060", &client_same, TO_B, REQUEST, "Via: SIP/2.0/UDP 192.168.1.10;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK1\n" },
	{ "via, port that is meant anyway stays written", &client_same, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1\n", "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK1\n" },
	{ "via, white space around the colon", &client, TO_B, REQUEST,
	  "Via: SIP / 2.0 / UDP 192.168.1.10 : 5060 ;branch=z9hG4bK1\n",
	  "Via: SIP / 2.0 / UDP 198.51.100.1 : 40001 ;branch=z9hG4bK1\n" },
	{ "via, branch and Call-ID never", &client, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK192.168.1.10\n",
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK192.168.1.10\n" },
	{ "via, TLS: 5061 is meant", &tls, TO_B, REQUEST, "Via: SIP/2.0/TLS 192.168.1.10;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/TLS 198.51.100.1:40001;branch=z9hG4bK1\n" },
	{ "via, deeper one of the same sender", &client, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK2, SIP/2.0/UDP 192.168.1.10;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK2, SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1\n" },
	{ "via, deeper one with another port", &client, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK2\nVia: SIP/2.0/UDP 192.168.1.10:5080;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK2\nVia: SIP/2.0/UDP 192.168.1.10:5080;branch=z9hG4bK1\n",
	  NULL, "192.168.1.10:5080" },
	{ "via, deeper one that is known", &client, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK2\nVia: SIP/2.0/UDP 192.168.1.20;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK2\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK1\n",
	  subscriber, "192.168.1.20:5060" },
	{ "via, another's", &client, TO_B, REQUEST, "Via: SIP/2.0/UDP 192.168.1.11:5060;branch=z9hG4bK1\n", NULL, NULL,
	  "192.168.1.11:5060" },
	{ "via, answers wanted at another port, no rport", &ephemeral, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1\n", "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1\n" },
	{ "via, answers wanted at 5060, which is not written", &ephemeral, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10;branch=z9hG4bK1\n", "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1\n" },
	{ "via, another port and rport", &ephemeral, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;rport;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 198.51.100.1:5060;rport;branch=z9hG4bK1\n" },
	{ "via, no port and rport", &ephemeral, TO_B, REQUEST, "Via: SIP/2.0/UDP 192.168.1.10;rport;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 198.51.100.1;rport;branch=z9hG4bK1\n" },
	{ "via, TCP from another port", &tcp, TO_B, REQUEST, "Via: SIP/2.0/TCP 192.168.1.10:5060;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/TCP 198.51.100.1:5060;branch=z9hG4bK1\n" },
	{ "via, a port that would not come back", &ephemeral, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10:40001;rport;branch=z9hG4bK1\n" },
	{ "via, public already", &client, TO_B, REQUEST, "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1\n" },
	{ "via, maddr", &client, TO_B, REQUEST, "Via: SIP/2.0/UDP a.example;maddr=192.168.1.10;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP a.example;maddr=198.51.100.1;branch=z9hG4bK1\n" },
	{ "via, deeper received of own", &client, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10;branch=z9hG4bK2\nVia: SIP/2.0/UDP a.example;received=192.168.1.10;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK2\n"
	  "Via: SIP/2.0/UDP a.example;received=198.51.100.1;branch=z9hG4bK1\n" },
	{ "via, IPv6", &npt, TO_B, REQUEST, "Via: SIP/2.0/UDP [fd00::10];branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP [2001:db8:1::10];branch=z9hG4bK1\n" },
	{ "via, IPv6, any form of the address", &nat66, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP [FD00:0:0::0010]:5060;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP [2001:db8:1::1]:40001;branch=z9hG4bK1\n" },
	{ "via, only the port is translated", &port_only, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK2,SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 192.0.2.10:40001;branch=z9hG4bK2,SIP/2.0/UDP 192.0.2.10:40001;branch=z9hG4bK1\n" },
	{ "via, only the port is translated, another port", &port_only, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.0.2.10:5090;branch=z9hG4bK1\n" },

	{ "contact, own", &client, TO_B, REQUEST, "Contact: <sip:a@192.168.1.10:5060;transport=udp>;expires=60\n",
	  "Contact: <sip:a@198.51.100.1:40001;transport=udp>;expires=60\n", NULL, "" },
	{ "contact, no port", &client, TO_B, REQUEST, "m: sip:192.168.1.10;expires=60\n",
	  "m: sip:198.51.100.1:40001;expires=60\n" },
	{ "contact, no port where 5060 is not own's", &client_5070, TO_B, REQUEST, "Contact: <sip:a@192.168.1.10>\n",
	  "Contact: <sip:a@198.51.100.1>\n", NULL, "192.168.1.10:5060" },
	{ "contact, several", &client, TO_B, REQUEST,
	  "Contact: \"192.168.1.10, <sip:x@192.168.1.10>\" <sip:a@192.168.1.10>, <sip:b@192.168.1.10:5060>;q=0.1\n"
	  "Contact: <sip:c@192.168.1.10:5060>\n",
	  "Contact: \"192.168.1.10, <sip:x@192.168.1.10>\" <sip:a@198.51.100.1:40001>, <sip:b@198.51.100.1:40001>;q=0.1\n"
	  "Contact: <sip:c@198.51.100.1:40001>\n" },
	{ "contact, sips: 5061 is meant, which is not own's", &client, TO_B, REQUEST, "Contact: <sips:a@192.168.1.10>\n",
	  "Contact: <sips:a@198.51.100.1:6000>\n", of_tls, "192.168.1.10:5061" },
	{ "contact, listening port that is known", &client, TO_B, REQUEST, "Contact: <sip:a@192.168.1.10:5090>\n",
	  "Contact: <sip:a@198.51.100.1:6000>\n", listening, "192.168.1.10:5090" },
	{ "contact, known with 5060 is written where a port was", &client, TO_B, REQUEST,
	  "Contact: <sip:a@192.168.1.10:5090>\n",
	  "Contact: <sip:a@198.51.100.1:5060>\n", to_default },
	{ "contact, listening port that is not known", &client, TO_B, REQUEST, "Contact: <sip:a@192.168.1.10:5091>\n",
	  "Contact: <sip:a@198.51.100.1:40001>\n", listening, "192.168.1.10:5091" },
	{ "contact, what is known is of another family", &client, TO_B, REQUEST, "Contact: <sip:a@192.168.1.10:5090>\n",
	  "Contact: <sip:a@198.51.100.1:40001>\n", other_family },
	{ "contact, public already", &client, TO_B, REQUEST,
	  "Contact: <sip:a@198.51.100.1:40001>, <sip:a@198.51.100.1:7000>\n", NULL,
	  NULL, "198.51.100.1:40001 198.51.100.1:7000" },
	{ "contact, of a redirect lists others", &client, TO_B, RESPONSE,
	  "=SIP/2.0 302 Moved\nContact: <sip:a@192.168.1.10:5090>\n",
	  NULL, NULL, "192.168.1.10:5090" },
	{ "contact, of a registrar lists others", &client, TO_B, RESPONSE,
	  "CSeq: 1 REGISTER\nContact: <sip:a@192.168.1.10:5090>\n" },
	{ "contact, of an answer", &client, TO_B, RESPONSE, "CSeq: 1 INVITE\nContact: <sip:a@192.168.1.10:5090>\n",
	  "CSeq: 1 INVITE\nContact: <sip:a@198.51.100.1:40001>\n" },
	{ "contact, maddr and host", &client, TO_B, REQUEST, "Contact: <sip:a@192.168.1.10;maddr=192.168.1.10>\n",
	  "Contact: <sip:a@198.51.100.1:40001;maddr=198.51.100.1>\n" },
	{ "contact, star", &client, TO_B, REQUEST, "Contact: *\n" },
	{ "contact, IPv6", &nat66, TO_B, REQUEST, "Contact: <sip:a@[fd00::10]>\n", "Contact: <sip:a@[2001:db8:1::1]:40001>\n" },
	{ "contact, of the receiver's address with another port", &client, TO_A, REQUEST,
	  "Contact: <sip:x@198.51.100.1:40077>\n" },
	{ "contact, another subscriber's", &client, TO_A, REQUEST, "Contact: <sip:x@198.51.100.1>\n",
	  "Contact: <sip:x@192.168.1.20>\n",
	  subscriber, "198.51.100.1:5060" },

	{ "from, to: own and peer", &both, TO_B, REQUEST,
	  "From: \"192.168.1.10\" <sip:a@192.168.1.10:5060>;tag=192.168.1.10\nTo: sip:b@198.51.100.1\n",
	  "From: \"192.168.1.10\" <sip:a@10.0.0.1:1024>;tag=192.168.1.10\nTo: sip:b@10.0.0.5\n", NULL, "" },
	{ "from, missing port stays missing", &client, TO_B, REQUEST, "f: <sip:a@192.168.1.10>;tag=1\n",
	  "f: <sip:a@198.51.100.1>;tag=1\n" },
	{ "from, missing port, own's is another", &ephemeral, TO_B, REQUEST, "From: <sip:a@192.168.1.10>;tag=1\n",
	  "From: <sip:a@198.51.100.1>;tag=1\n" },
	{ "from, another port stays", &client, TO_B, REQUEST, "From: <sip:a@192.168.1.10:5070>;tag=1\n",
	  "From: <sip:a@198.51.100.1:5070>;tag=1\n", NULL, "192.168.1.10:5070" },
	{ "from, a port that would not come back", &client, TO_B, REQUEST, "From: <sip:a@192.168.1.10:40001>;tag=1\n" },
	{ "from, known", &client, TO_B, REQUEST, "From: <sip:a@192.168.1.20>;tag=1\n",
	  "From: <sip:a@198.51.100.1>;tag=1\n", subscriber },
	{ "identities", &client, TO_B, REQUEST,
	  "P-Asserted-Identity: <sip:a@192.168.1.10>\nP-Preferred-Identity: <sip:a@192.168.1.10:5060>\n"
	  "Remote-Party-ID: <sip:a@192.168.1.10:5070>\nReply-To: <sip:a@192.168.1.10>\nReferred-By: <sip:a@192.168.1.10>\n",
	  "P-Asserted-Identity: <sip:a@198.51.100.1>\nP-Preferred-Identity: <sip:a@198.51.100.1:40001>\n"
	  "Remote-Party-ID: <sip:a@198.51.100.1:5070>\nReply-To: <sip:a@198.51.100.1>\nReferred-By: <sip:a@198.51.100.1>\n" },
	{ "authentication never", &client, TO_B, REQUEST,
	  "Authorization: Digest username=\"a\", realm=\"192.168.1.10\", uri=\"sip:192.168.1.10:5060\", response=\"1\"\n",
	  NULL, NULL,
	  "" },

	{ "record-route, path, service-route, route, refer-to", &client, TO_B, REQUEST,
	  "Record-Route: <sip:192.168.1.10;lr>\nPath: <sip:192.168.1.10:5060;lr>\nService-Route: <sip:p@192.168.1.10;lr>\n"
	  "Route: <sip:192.168.1.10;lr>, <sip:203.0.113.5;lr>\nRefer-To: <sip:a@192.168.1.10?Replaces=192.168.1.10>\n",
	  "Record-Route: <sip:198.51.100.1:40001;lr>\nPath: <sip:198.51.100.1:40001;lr>\n"
	  "Service-Route: <sip:p@198.51.100.1:40001;lr>\nRoute: <sip:198.51.100.1:40001;lr>, <sip:203.0.113.5;lr>\n"
	  "Refer-To: <sip:a@198.51.100.1:40001?Replaces=192.168.1.10>\n" },
	{ "record-route, another port, UDP", &client, TO_B, REQUEST, "Record-Route: <sip:192.168.1.10:5080;lr>\n" },
	{ "record-route, the listening port, TCP", &tcp, TO_B, REQUEST, "Record-Route: <sip:192.168.1.10;transport=tcp;lr>\n",
	  "Record-Route: <sip:198.51.100.1;transport=tcp;lr>\n" },
	{ "route, the listening port, TCP", &tcp, TO_A, REQUEST, "Route: <sip:198.51.100.1;transport=tcp;lr>\n",
	  "Route: <sip:192.168.1.10;transport=tcp;lr>\n" },

	/* to a server behind DNAT */
	{ "request-uri", &server, TO_B, REQUEST, "=INVITE sip:b@198.51.100.1 SIP/2.0\nCSeq: 1 INVITE\n",
	  "=INVITE sip:b@10.0.0.5 SIP/2.0\nCSeq: 1 INVITE\n" },
	{ "request-uri, the port is another", &server_5080, TO_B, REQUEST,
	  "=INVITE sip:b@198.51.100.1 SIP/2.0\nCSeq: 1 INVITE\n",
	  "=INVITE sip:b@10.0.0.5:5080 SIP/2.0\nCSeq: 1 INVITE\n" },
	{ "request-uri, port written", &server_5080, TO_B, REQUEST,
	  "=INVITE sip:b@198.51.100.1:5060;user=phone SIP/2.0\nCSeq: 1 INVITE\n",
	  "=INVITE sip:b@10.0.0.5:5080;user=phone SIP/2.0\nCSeq: 1 INVITE\n" },
	{ "request-uri, domain with another port", &server_5070, TO_B, REQUEST,
	  "=REGISTER sip:198.51.100.1 SIP/2.0\nCSeq: 1 REGISTER\n",
	  "=REGISTER sip:10.0.0.5 SIP/2.0\nCSeq: 1 REGISTER\n" },
	{ "request-uri, the sender's address with another port", &client, TO_B, REQUEST,
	  "=OPTIONS sip:192.168.1.10:5099 SIP/2.0\nMax-Forwards: 1\n" },
	{ "request-uri, back to a client", &client, TO_A, REQUEST, "=BYE sip:a@198.51.100.1:40001 SIP/2.0\nCSeq: 1 BYE\n",
	  "=BYE sip:a@192.168.1.10:5060 SIP/2.0\nCSeq: 1 BYE\n" },
	{ "request-uri, secure", &tls, TO_A, REQUEST, "=BYE sip:a@198.51.100.1:40001;transport=tls SIP/2.0\nCSeq: 1 BYE\n",
	  "=BYE sip:a@192.168.1.10:5061;transport=tls SIP/2.0\nCSeq: 1 BYE\n" },
	{ "request-uri, IPv6", &nat66, TO_B, REQUEST, "=BYE sip:b@[2001:db8:2::5] SIP/2.0\nCSeq: 1 BYE\n",
	  "=BYE sip:b@[fd01::5] SIP/2.0\nCSeq: 1 BYE\n" },

	/* responses */
	{ "response, via of the receiver", &client, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1;received=198.51.100.1;rport=40001\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1;received=192.168.1.10;rport=5060\n", NULL, "" },
	{ "response, rport before received", &client, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;rport=40001;branch=z9hG4bK1;received=198.51.100.1\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;rport=5060;branch=z9hG4bK1;received=192.168.1.10\n" },
	{ "response, maddr between rport and received", &client, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;rport=40001;maddr=198.51.100.1;branch=z9hG4bK1;received=198.51.100.1\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;rport=5060;maddr=192.168.1.10;branch=z9hG4bK1;received=192.168.1.10\n" },
	{ "response, maddr between received and rport", &client, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;received=198.51.100.1;maddr=198.51.100.1;branch=z9hG4bK1;rport=40001\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;received=192.168.1.10;maddr=192.168.1.10;branch=z9hG4bK1;rport=5060\n" },
	{ "response, received without rport", &client, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1;received=198.51.100.1\n",
	  "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1;received=192.168.1.10\n" },
	{ "response, rport of another connection", &client, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1;received=198.51.100.1;rport=40009\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1;received=192.168.1.10;rport=40009\n" },
	{ "response, deeper received of another subscriber", &client, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK2\n"
	  "Via: SIP/2.0/UDP 198.51.100.1:5061;branch=z9hG4bK1;received=198.51.100.1;rport=5061\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK2\n"
	  "Via: SIP/2.0/UDP 198.51.100.1:5061;branch=z9hG4bK1;received=198.51.100.1;rport=5061\n" },
	{ "response, the port that the via had", &ephemeral, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1\n" },
	{ "response, but not in other places", &ephemeral, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK2;received=198.51.100.1;rport=40001\n"
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1\nTo: <sip:a@198.51.100.1:40001>;tag=1\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK2;received=192.168.1.10;rport=40000\n"
	  "Via: SIP/2.0/UDP 192.168.1.10:40000;branch=z9hG4bK1\nTo: <sip:a@192.168.1.10:40000>;tag=1\n" },
	{ "request, nor there", &ephemeral, TO_A, REQUEST, "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK2\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:40000;branch=z9hG4bK2\n" },
	{ "response, the port that was kept", &ephemeral, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:5060;rport=40001;received=198.51.100.1;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;rport=40000;received=192.168.1.10;branch=z9hG4bK1\n" },
	{ "response, TCP", &tcp, TO_A, RESPONSE, "Via: SIP/2.0/TCP 198.51.100.1;branch=z9hG4bK1;received=198.51.100.1\n",
	  "Via: SIP/2.0/TCP 192.168.1.10;branch=z9hG4bK1;received=192.168.1.10\n" },
	{ "response, own via has a port that the sender does not have", &both, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1\n" },
	{ "response, of a server behind DNAT", &server, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK1;received=203.0.113.9;rport=5060\nTo: <sip:b@10.0.0.5>;tag=2\n"
	  "Contact: <sip:b@10.0.0.5:5060>\nRecord-Route: <sip:10.0.0.5;lr>\n",
	  "Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK1;received=203.0.113.9;rport=5060\nTo: <sip:b@198.51.100.1>;tag=2\n"
	  "Contact: <sip:b@198.51.100.1:5060>\nRecord-Route: <sip:198.51.100.1;lr>\n" },
	{ "response, received in IPv6 without brackets (RFC 5118, 4.5)", &nat66, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP [2001:db8:1::1]:40001;received=2001:db8:1::1;rport=40001;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP [fd00::10]:5060;received=fd00::10;rport=5060;branch=z9hG4bK1\n" },
	{ "response, received in IPv6 with brackets", &nat66, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP [2001:db8:1::1]:40001;received=[2001:db8:1::1];rport=40001;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP [fd00::10]:5060;received=[fd00::10];rport=5060;branch=z9hG4bK1\n" },
	{ "response, to one that knows its public endpoint", &stun, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1;received=198.51.100.1;rport=40001\n" },
	{ "nothing is translated", &none, TO_B, REQUEST,
	  "=INVITE sip:203.0.113.5 SIP/2.0\nCSeq: 1 INVITE\nVia: SIP/2.0/UDP 192.168.1.10:5090;branch=z9hG4bK1\n"
	  "Contact: <sip:192.168.1.10:5090>\nFrom: <sip:192.168.1.10>;tag=1\nRoute: <sip:203.0.113.5;lr>\n", NULL, NULL,
	  "192.168.1.10:5090 192.168.1.10:5090" },
};

static void test_headers(void **state)
{
	static struct rewritten r;
	char in[ROOM], want[ROOM];

	for (size_t i = 0; i < ARRAY_SIZE(header_rows); i++) {
		const struct header_row *row = &header_rows[i];
		struct alg_sip_nat nat = nat_of(row->link, row->way);
		struct finder finder = { .known = row->known };

		nat.find = find;
		nat.ctx = &finder;
		message(row, row->in, in);
		message(row, row->out ? row->out : row->in, want);
		rewrite(in, &nat, NULL, row->title, &r);
		if (strcmp(r.text, want))
			print_error("%s\n-- got --\n%s-- want --\n%s", row->title, r.text, want);
		ROW_CHECK(!strcmp(r.text, want), row->title, "text");
		ROW_CHECK(row->out || !r.edits, row->title, "no edits");
		ROW_CHECK(!row->asked || !strcmp(row->asked, finder.asked), row->title, finder.asked);
	}
}

/* ---- session descriptions ---- */

/* What becomes of one m-line: NULL: it stays as it is. @rtcp NULL: there is none. */
struct map_row {
	const char *rtp, *rtcp;
};

struct sdp_row {
	const char *title;
	const struct link *link;	/* NULL: headers are left alone */
	struct map_row map[5];
	const char *in, *out;		/* NULL: as @in */
	const struct known *known;
};

static const struct known remote[] = { { "203.0.113.7:8000", "10.0.0.7:8000" }, { "203.0.113.7:8001", "10.0.0.7:9001" },
	{ NULL, NULL } };

#define HEAD	"v=0\no=a 1 1 IN IP4 192.168.1.10\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\n"
#define HEAD_OUT "v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\n"
#define HEAD_C	"v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\n"	/* the session's c-line stays */

static const struct sdp_row sdp_rows[] = {
	{ "session's c-line, ports", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=sendrecv\n", HEAD_OUT "m=audio 50000 RTP/AVP 0\na=sendrecv\n" },
	{ "ports stay", &client, { { "198.51.100.1:49170", "198.51.100.1:49171" } }, HEAD "m=audio 49170 RTP/AVP 0\n",
	  HEAD_OUT "m=audio 49170 RTP/AVP 0\n" },
	{ "two m-lines", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" }, { "198.51.100.1:50002",
	  "198.51.100.1:50003" } },
	  HEAD "m=audio 49170 RTP/AVP 0\nm=video 51372/1 RTP/AVP 99\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\nm=video 50002/1 RTP/AVP 99\n" },
	{ "no headers", NULL, { { "198.51.100.1:50000", "198.51.100.1:50001" } }, HEAD "m=audio 49170 RTP/AVP 0\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\n" },
	{ "nothing to rewrite", NULL, { { 0 } }, HEAD "m=audio 49170 RTP/AVP 0\n" },
	{ "nothing changes", NULL, { { "192.168.1.10:49170", "192.168.1.10:49171" } }, HEAD "m=audio 49170 RTP/AVP 0\n" },
	{ "the m-line's own c-line", &client, { { "198.51.100.2:50000", "198.51.100.2:50001" } },
	  "v=0\no=a 1 1 IN IP4 192.168.1.10\ns=-\nt=0 0\nm=audio 49170 RTP/AVP 0\nc=IN IP4 192.168.1.10\n",
	  "v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nt=0 0\nm=audio 50000 RTP/AVP 0\nc=IN IP4 198.51.100.2\n" },
	{ "origin follows the c-line", &server, { { "198.51.100.2:50000", NULL } },
	  "v=0\no=a 1 1 IN IP4 192.0.2.7\ns=-\nt=0 0\nm=audio 49170 RTP/AVP 0\nc=IN IP4 192.0.2.7\n",
	  "v=0\no=a 1 1 IN IP4 198.51.100.2\ns=-\nt=0 0\nm=audio 50000 RTP/AVP 0\nc=IN IP4 198.51.100.2\n" },
	{ "origin follows the c-line where the sender is not translated", &none, { { "198.51.100.2:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\n",
	  "v=0\no=a 1 1 IN IP4 198.51.100.2\ns=-\nc=IN IP4 198.51.100.2\nt=0 0\nm=audio 50000 RTP/AVP 0\n" },
	{ "origin follows the one that is rewritten", NULL, { { 0 }, { "198.51.100.1:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\nm=video 49172 RTP/AVP 0\n",
	  HEAD_C "m=audio 49170 RTP/AVP 0\nm=video 50000 RTP/AVP 0\nc=IN IP4 198.51.100.1\n" },
	{ "origin of another", &client, { { "198.51.100.1:50000", NULL } },
	  "v=0\no=a 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\nm=audio 49170 RTP/AVP 0\n",
	  "v=0\no=a 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\nm=audio 50000 RTP/AVP 0\n" },
	{ "origin is a name", &client, { { "198.51.100.1:50000", NULL } },
	  "v=0\no=a 1 1 IN IP4 a.example\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\nm=audio 49170 RTP/AVP 0\n",
	  "v=0\no=a 1 1 IN IP4 a.example\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\nm=audio 50000 RTP/AVP 0\n" },
	{ "session's c-line that nobody uses", &client, { { "198.51.100.2:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\nc=IN IP4 192.168.1.10\n", HEAD_OUT "m=audio 50000 RTP/AVP 0\nc=IN IP4 198.51.100.2\n" },
	{ "hold: 0.0.0.0 stays, the port does not", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" } },
	  "v=0\no=a 1 1 IN IP4 192.168.1.10\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio 49170 RTP/AVP 0\n",
	  "v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio 50000 RTP/AVP 0\n" },
	{ "a refused m-line stays, and hinders no other", &client, { { "198.51.100.1:50000", NULL }, { "198.51.100.1:50002",
	  NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\nm=video 0 RTP/AVP 99\n", HEAD_OUT "m=audio 50000 RTP/AVP 0\nm=video 0 RTP/AVP 99\n" },
	{ "all are refused", &client, { { 0 } }, HEAD "m=audio 0 RTP/AVP 0\n", HEAD_OUT "m=audio 0 RTP/AVP 0\n" },
	{ "c-line is a name", &client, { { "198.51.100.1:50000", NULL } },
	  "v=0\no=a 1 1 IN IP4 192.0.2.7\ns=-\nc=IN IP4 a.example\nt=0 0\nm=audio 49170 RTP/AVP 0\n" },
	{ "a public endpoint is of another family", &client, { { "[2001:db8::1]:50000",
	  NULL } }, HEAD "m=audio 49170 RTP/AVP 0\n",
	  HEAD_C "m=audio 49170 RTP/AVP 0\n" },

	{ "only one of two is rewritten: it gets an address of its own", &client, { { 0 }, { "198.51.100.1:50002", NULL } },
	  HEAD "m=message 2855 TCP/MSRP *\na=x\nm=video 51372 RTP/AVP 99\ni=a title\nb=AS:1\na=y\n",
	  HEAD_C "m=message 2855 TCP/MSRP *\na=x\nm=video 50002 RTP/AVP 99\ni=a title\nc=IN IP4 198.51.100.1\nb=AS:1\na=y\n" },
	{ "only the first of two", &client, { { "198.51.100.1:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\nm=message 2855 TCP/MSRP *\n",
	  HEAD_C "m=audio 50000 RTP/AVP 0\nc=IN IP4 198.51.100.1\nm=message 2855 TCP/MSRP *\n" },
	{ "two public addresses", &client, { { "198.51.100.1:50000", NULL }, { "198.51.100.2:50002", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\nm=video 51372 RTP/AVP 99\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\nm=video 50002 RTP/AVP 99\nc=IN IP4 198.51.100.2\n" },
	{ "at the end of a description without a line end", &client, { { 0 }, { "198.51.100.1:50002", "198.51.100.1:50009" } },
	  HEAD "m=message 2855 TCP/MSRP *\nm=video 51372 RTP/AVP 99",
	  HEAD_C "m=message 2855 TCP/MSRP *\nm=video 50002 RTP/AVP 99\nc=IN IP4 198.51.100.1\na=rtcp:50009" },

	{ "a=rtcp is written", &client, { { "198.51.100.1:50000", "198.51.100.1:50005" }, { "198.51.100.1:50002",
	  "198.51.100.1:50003" } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=sendrecv\nm=video 51372 RTP/AVP 99\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=sendrecv\na=rtcp:50005\nm=video 50002 RTP/AVP 99\n" },
	{ "a=rtcp is there", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=rtcp:53020\na=sendrecv\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp:50001\na=sendrecv\n" },
	{ "a=rtcp has an address", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=rtcp:53020 IN IP4 192.168.1.11\nc=IN IP4 192.168.1.10\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp:50001 IN IP4 198.51.100.1\nc=IN IP4 198.51.100.1\n" },
	{ "a=rtcp with mux is RTP's", &client, { { "198.51.100.1:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=rtcp:49170 IN IP4 192.168.1.10\na=rtcp-mux\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp:50000 IN IP4 198.51.100.1\na=rtcp-mux\n" },
	{ "a=rtcp of one that has no RTCP", &client, { { "198.51.100.1:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=rtcp:53020 IN IP4 192.168.1.11\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp:53020 IN IP4 192.168.1.11\n" },
	{ "mux, none written", &client, { { "198.51.100.1:50000", NULL } }, HEAD "m=audio 49170 RTP/AVP 0\na=rtcp-mux\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp-mux\n" },

	{ "candidates", &client, { { "198.51.100.1:50000", "198.51.100.1:50005" } },
	  HEAD "m=audio 49170 RTP/AVP 0\n"
	  "a=candidate:1 1 UDP 2130706431 192.168.1.10 49170 typ host\n"
	  "a=candidate:1 2 UDP 2130706430 192.168.1.10 49171 typ host\n"
	  "a=candidate:2 1 UDP 2130706431 192.168.7.10 49170 typ host\n"
	  "a=candidate:3 1 TCP 2130706431 192.168.1.10 49170 typ host tcptype passive\n"
	  "a=candidate:4 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 192.168.1.10 rport 49170\n"
	  "a=candidate:4 2 UDP 1694498815 192.0.2.3 45665 typ srflx raddr 192.168.1.10 rport 49171\n"
	  "a=candidate:5 1 UDP 1694498815 192.168.1.10 49170 typ relay raddr 192.168.1.10 rport 9\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\n"
	  "a=candidate:1 1 UDP 2130706431 198.51.100.1 50000 typ host\n"
	  "a=candidate:1 2 UDP 2130706430 198.51.100.1 50005 typ host\n"
	  "a=candidate:2 1 UDP 2130706431 192.168.7.10 49170 typ host\n"
	  "a=candidate:3 1 TCP 2130706431 192.168.1.10 49170 typ host tcptype passive\n"
	  "a=candidate:4 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 198.51.100.1 rport 50000\n"
	  "a=candidate:4 2 UDP 1694498815 192.0.2.3 45665 typ srflx raddr 198.51.100.1 rport 50005\n"
	  "a=candidate:5 1 UDP 1694498815 192.168.1.10 49170 typ relay raddr 192.168.1.10 rport 9\n"
	  "a=rtcp:50005\n" },
	{ "candidates, RTCP elsewhere", &client, { { "198.51.100.1:50000", "198.51.100.1:50001" } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=candidate:1 2 UDP 2130706430 192.168.1.11 53020 typ host\n"
	  "a=rtcp:53020 IN IP4 192.168.1.11\na=candidate:1 2 UDP 2130706430 192.168.1.10 49171 typ host\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=candidate:1 2 UDP 2130706430 198.51.100.1 50001 typ host\n"
	  "a=rtcp:50001 IN IP4 198.51.100.1\na=candidate:1 2 UDP 2130706430 192.168.1.10 49171 typ host\n" },
	{ "candidates of TCP media", &client, { { "198.51.100.1:50000", NULL } },
	  HEAD "m=image 49170 TCP t38\na=candidate:3 1 TCP 2130706431 192.168.1.10 49170 typ host tcptype passive\n",
	  HEAD_OUT "m=image 50000 TCP t38\na=candidate:3 1 TCP 2130706431 198.51.100.1 50000 typ host tcptype passive\n" },
	{ "remote candidates are the other's", &client, { { "198.51.100.1:50000", NULL } },
	  HEAD "m=audio 49170 RTP/AVP 0\na=remote-candidates:1 203.0.113.7 8000 2 203.0.113.7 8001\n",
	  HEAD_OUT "m=audio 50000 RTP/AVP 0\na=remote-candidates:1 10.0.0.7 8000 2 10.0.0.7 9001\n", remote },
	{ "public by STUN", &client, { { 0 } },
	  "v=0\no=a 1 1 IN IP4 192.0.2.3\ns=-\nc=IN IP4 192.0.2.3\nt=0 0\nm=audio 45664 RTP/AVP 0\n"
	  "a=candidate:1 1 UDP 2130706431 192.168.1.10 49170 typ host\n"
	  "a=candidate:4 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 192.168.1.10 rport 49170\n" },
	{ "IPv6", &nat66, { { "[2001:db8:1::1]:50000", "[2001:db8:1::1]:50003" } },
	  "v=0\no=a 1 1 IN IP6 fd00::10\ns=-\nc=IN IP6 fd00::10\nt=0 0\nm=audio 49170 RTP/AVP 0\n",
	  "v=0\no=a 1 1 IN IP6 2001:db8:1::1\ns=-\nc=IN IP6 2001:db8:1::1\nt=0 0\nm=audio 50000 RTP/AVP 0\na=rtcp:50003\n" },
	{ "IPv6, an address of its own", &nat66, { { 0 }, { "[2001:db8:1::1]:50000", NULL } },
	  "v=0\no=a 1 1 IN IP6 fd00::10\ns=-\nc=IN IP6 fd00::10\nt=0 0\nm=message 2855 TCP/MSRP *\nm=audio 49170 RTP/AVP 0\na=x\n",
	  "v=0\no=a 1 1 IN IP6 2001:db8:1::1\ns=-\nc=IN IP6 fd00::10\nt=0 0\nm=message 2855 TCP/MSRP *\nm=audio 50000 RTP/AVP 0\n"
	  "c=IN IP6 2001:db8:1::1\na=x\n" },
};

static void set_media(const struct map_row *rows, struct alg_sip_media_map *media)
{
	memset(media, 0, ALG_SDP_MEDIA * sizeof(*media));
	for (size_t i = 0; i < 5; i++) {
		media[i].rewrite = rows[i].rtp;
		if (rows[i].rtp)
			media[i].rtp = endpoint(rows[i].rtp);
		if (rows[i].rtcp)
			media[i].rtcp = endpoint(rows[i].rtcp);
	}
}

#define SIP_HEAD "INVITE sip:b@b.example SIP/2.0\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\nFrom: <sip:a@a.example>;tag=1\n" \
	"To: <sip:b@b.example>\nCall-ID: 1\nCSeq: 1 INVITE\nContact: <sip:a@a.example>\n"

static void check_text(const char *title, const char *got, const char *want)
{
	if (strcmp(got, want))
		print_error("%s\n-- got --\n%s-- want --\n%s", title, got, want);
	ROW_CHECK(!strcmp(got, want), title, "text");
}

static void sdp_message(const char *header, const char *sdp, char *out)
{
	char text[ROOM];

	snprintf(text, sizeof(text), SIP_HEAD "Content-Type: application/sdp\n%s\n%s", header, sdp);
	expand(text, out);
}

static void check_sdp(const struct sdp_row *row, const char *header)
{
	static struct rewritten r;
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	struct finder finder = { .known = row->known };
	struct alg_sip_nat nat;
	char in[ROOM], want[ROOM];

	if (row->link)
		nat = nat_of(row->link, row->link == &server ? TO_A : TO_B);
	nat.find = find;
	nat.ctx = &finder;
	set_media(row->map, media);
	sdp_message(header, row->in, in);
	sdp_message(header, row->out ? row->out : row->in, want);
	rewrite(in, row->link ? &nat : NULL, media, row->title, &r);
	check_text(row->title, r.text, want);
	ROW_CHECK(row->out || !r.edits, row->title, "no edits");
}

static void test_sdp(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(sdp_rows); i++)
		check_sdp(&sdp_rows[i], "Content-Length: LEN\n");
}

/* No Content-Length (RFC 3261, 18.3), and two that say the same. */
static void test_no_length(void **state)
{
	static const struct sdp_row row = { "grows", &client, { { "198.51.100.1:50000", "198.51.100.1:50009" } },
		HEAD "m=audio 49170 RTP/AVP 0\n", HEAD_OUT "m=audio 50000 RTP/AVP 0\na=rtcp:50009\n" };

	check_sdp(&row, "");
	check_sdp(&row, "l: LEN\nContent-Length: LEN\n");
}

/* Lines of a description may end in LF alone; what is inserted does, too. */
static void test_line_ends(void **state)
{
	static struct rewritten r;
	static const char *const ends[] = { "\n", "\r" };
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	const struct map_row map[5] = { { 0 }, { "198.51.100.1:50000", "198.51.100.1:50009" }, { "198.51.100.1:50002",
		"198.51.100.1:50004" } };

	set_media(map, media);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		char in[1024], want[1024], *p;

		snprintf(in, sizeof(in), "v=0#o=a 1 1 IN IP4 192.0.2.1#s=-#c=IN IP4 192.0.2.2#t=0 0#m=a 5000 RTP/AVP 0#"
			 "m=b 49170 RTP/AVP 0#a=x#m=c 49172 RTP/AVP 0#");
		snprintf(want, sizeof(want), "v=0#o=a 1 1 IN IP4 192.0.2.1#s=-#c=IN IP4 192.0.2.2#t=0 0#m=a 5000 RTP/AVP 0#"
			 "m=b 50000 RTP/AVP 0#c=IN IP4 198.51.100.1#a=x#a=rtcp:50009#"
			 "m=c 50002 RTP/AVP 0#c=IN IP4 198.51.100.1#a=rtcp:50004#");
		while ((p = strchr(in, '#')))
			*p = *ends[i];
		while ((p = strchr(want, '#')))
			*p = *ends[i];
		{
			char message[2048], result[2048];
			const char *head = "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@a>;tag=1\r\n"
				"To: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n"
				"Content-Length: ";

			snprintf(message, sizeof(message), "%s%zu\r\n\r\n%s", head, strlen(in), in);
			snprintf(result, sizeof(result), "%s%zu\r\n\r\n%s", head, strlen(want), want);
			rewrite(message, NULL, media, ends[i], &r);
			/* o= is the announced address of none */
			check_text("line ends", r.text, result);
		}
	}
}

/* Headers and body together, as a phone sends them. */
static void test_whole(void **state)
{
	static struct rewritten r;
	static const char text[] =
		"INVITE sip:bob@203.0.113.5:5060 SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK776asdhds;rport\nMax-Forwards: 70\n"
		"From: \"Alice\" <sip:alice@%s>;tag=1928301774\nTo: Bob <sip:bob@203.0.113.5:5060>\n"
		"Call-ID: a84b4c76e66710@192.168.1.10\nCSeq: 314159 INVITE\nContact: <sip:alice@%s;transport=udp>\n"
		"Content-Length: LEN\nContent-Type: application/sdp\nWarning: 399 192.168.1.10:5060 \"192.168.1.10:5060\"\n\n"
		"v=0\no=alice 2890844526 2890844526 IN IP4 %s\ns=-\nc=IN IP4 %s\nt=0 0\nm=audio %u RTP/AVP 0 8 18 101\n"
		"a=rtpmap:0 PCMU/8000\na=ptime:20\n%sm=video %u RTP/AVP 99\na=rtpmap:99 H264/90000\n";
	const struct map_row map[5] = { { "198.51.100.1:1024", "198.51.100.1:1027" },
					{ "198.51.100.1:50002", "198.51.100.1:50003" } };
	struct alg_sip_nat nat = nat_of(&client, TO_B);
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	const char *a = "192.168.1.10:5060", *b = "198.51.100.1:40001", *host = "192.168.1.10", *public = "198.51.100.1";
	char row[ROOM], in[ROOM], want[ROOM];

	set_media(map, media);
	snprintf(row, sizeof(row), text, a, a, a, host, host, 49170, "", 51372);
	expand(row, in);
	snprintf(row, sizeof(row), text, b, b, b, public, public, 1024, "a=rtcp:1027\n", 50002);
	expand(row, want);
	rewrite(in, &nat, media, "whole", &r);
	check_text("whole", r.text, want);
	assert_int_equal(r.edits, 9);
}

static void test_multipart(void **state)
{
	static struct rewritten r;
	static const char in[] = SIP_HEAD
		"Contact: <sip:%s>\nContent-Type: multipart/mixed;boundary=bb\nContent-Length: LEN\n\n"
		"--bb\nContent-Type: text/plain\nContent-Length: 12\n\n192.168.1.10\n"
		"--bb\nContent-Type: application/sdp\nContent-Length: %u\n\n%s\n"
		"--bb\nContent-Type: application/sdp\nContent-Length:%u\n\n%s\n--bb--\n";
	static const char *const sdp[] = {
		"v=0\no=a 1 1 IN IP4 192.168.1.10\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\nm=audio 49170 RTP/AVP 0",
		"v=0\no=a 1 1 IN IP4 192.168.1.10\ns=-\nc=IN IP4 192.168.1.10\nt=0 0\nm=video 49172 RTP/AVP 0\na=rtcp:4918\n",
	};
	static const char *const sdp_out[] = {
		"v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\nm=audio 50000 RTP/AVP 0\na=rtcp:50009",
		"v=0\no=a 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\nm=video 50002 RTP/AVP 0\na=rtcp:50003\n",
	};
	const struct map_row map[5] = { { "198.51.100.1:50000", "198.51.100.1:50009" }, { "198.51.100.1:50002",
		"198.51.100.1:50003" } };
	struct alg_sip_nat nat = nat_of(&client, TO_B);
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	char text[ROOM], message[ROOM], want[ROOM];

	set_media(map, media);
	/* a CR for each of its line ends */
	snprintf(text, sizeof(text), in, "192.168.1.10", (unsigned int)strlen(sdp[0]) + 5, sdp[0], (unsigned int)strlen(sdp[1]) + 7,
		 sdp[1]);
	expand(text, message);
	snprintf(text, sizeof(text), in, "198.51.100.1:40001", (unsigned int)strlen(sdp_out[0]) + 6, sdp_out[0],
		 (unsigned int)strlen(sdp_out[1]) + 7, sdp_out[1]);
	expand(text, want);
	rewrite(message, &nat, media, "multipart", &r);
	assert_true(r.msg.multipart);
	assert_int_equal(r.msg.n_bodies, 2);
	check_text("multipart", r.text, want);
}

/* ---- there and back ---- */

struct trip_row {
	const char *title;
	const struct link *link;
	const char *lines;	/* of A's request */
};

static const struct trip_row trips[] = {
	{ "phone", &client, "Via: SIP/2.0/UDP 192.168.1.10:5060;rport;branch=z9hG4bK1\nFrom: <sip:a@192.168.1.10>;tag=1\n"
	  "To: <sip:b@203.0.113.5:5060>\n" },
	{ "phone, 5060 not written", &client_same,
	  "Via: SIP/2.0/UDP 192.168.1.10;branch=z9hG4bK1\nFrom: <sip:a@192.168.1.10>;tag=1\n"
	  "To: <sip:b@203.0.113.5>\n" },
	{ "from and to with ports", &both,
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1\nFrom: <sip:a@192.168.1.10:5060>;tag=1\n"
	  "To: <sip:b@198.51.100.1:5060>\n" },
	{ "from and to without or with other ports", &both, "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1\n"
	  "From: <sip:a@192.168.1.10:5099>;tag=1\nTo: <sip:b@198.51.100.1:5099>\n" },
	{ "ports that could be mistaken", &both, "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1\n"
	  "From: <sip:a@192.168.1.10:1024>;tag=1\nTo: <sip:b@198.51.100.1:5080>\n" },
	{ "proxy with its own record-route", &client, "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK3\n"
	  "Via: SIP/2.0/UDP 192.168.1.10:5080;branch=z9hG4bK2;received=192.168.1.10\n"
	  "Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK1;received=192.168.1.20;rport=5060\n"
	  "Record-Route: <sip:192.168.1.10:5060;lr>, <sip:192.168.1.10:5080;lr>\n" },
	{ "two subscribers of one address: the first one's via on its way to the second", &both,
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK2\n"
	  "Via: SIP/2.0/UDP 198.51.100.1:5080;branch=z9hG4bK1;received=198.51.100.1;rport=5080\n"
	  "From: <sip:x@198.51.100.1:5080>;tag=1\n" },
	{ "answers at another port", &ephemeral,
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1\nFrom: <sip:a@192.168.1.10:5060>;tag=1\n" },
	{ "another port and rport", &ephemeral,
	  "Via: SIP/2.0/UDP 192.168.1.10;rport;branch=z9hG4bK1\nFrom: <sip:a@192.168.1.10>;tag=1\n" },
	{ "TCP", &tcp, "Via: SIP/2.0/TCP 192.168.1.10;branch=z9hG4bK1\nFrom: <sip:a@192.168.1.10>;tag=1\n"
	  "Record-Route: <sip:192.168.1.10;transport=tcp;lr>\n" },
	{ "IPv6 prefix", &npt, "Via: SIP/2.0/UDP [fd00::10];branch=z9hG4bK1\nFrom: <sip:a@[fd00::10]>;tag=1\n"
	  "Record-Route: <sip:[fd00::10]:5060;lr>\n" },
	{ "IPv6 address and port", &nat66,
	  "Via: SIP/2.0/UDP [fd00::10]:5060;branch=z9hG4bK1\nFrom: <sip:a@[fd00::10]:5060>;tag=1\n"
	  "To: <sip:b@[2001:db8:2::5]>\nRecord-Route: <sip:[fd00::10]:5060;lr>\n" },
	{ "public already", &stun,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1;rport\nFrom: <sip:a@198.51.100.1:40001>;tag=1\n" },
};

/* The answer of who got @request: echoes what RFC 3261, 8.2.6.2 and 12.1.1 say. @received goes to the topmost Via. */
static void answer(const char *request, const char *received, char *out)
{
	bool top = true;

	out += sprintf(out, "SIP/2.0 200 OK\r\n");
	for (const char *line = strchr(request, '\n') + 1; *line != '\r'; line = strchr(line, '\n') + 1) {
		int len = (int)(strchr(line, '\r') - line);

		if (!strncmp(line, "Content-Length", 14))
			continue;
		out += sprintf(out, "%.*s%s\r\n", len, line, top && !strncmp(line, "Via:", 4) ? received : "");
		top = top && strncmp(line, "Via:", 4);
	}
	sprintf(out, "Content-Length: 0\r\n\r\n");
}

static void test_round_trip(void **state)
{
	static struct rewritten there, back;
	static const struct header_row request = { .kind = REQUEST };

	for (size_t i = 0; i < ARRAY_SIZE(trips); i++) {
		const struct trip_row *row = &trips[i];
		struct alg_sip_nat nat = nat_of(row->link, TO_B);
		const char *host = row->link->a_public, *real = row->link->a;
		char written[ROOM], echo[ROOM], want[ROOM], received[128];

		message(&request, row->lines, written);
		rewrite(written, &nat, NULL, row->title, &there);
		snprintf(received, sizeof(received), ";received=%.*s", (int)(strrchr(host, ':') - host), host);
		answer(there.text, received, echo);
		snprintf(received, sizeof(received), ";received=%.*s", (int)(strrchr(real, ':') - real), real);
		answer(written, received, want);
		nat = nat_of(row->link, TO_A);
		rewrite(echo, &nat, NULL, row->title, &back);
		check_text(row->title, back.text, want);
	}
}

/* A request of its peer to what a party wrote as Contact gets to the party as what it wrote. */
static void test_dialog(void **state)
{
	static const struct {
		const char *title;
		const struct link *link;
		const char *uri;
	} rows[] = {
		{ "contact", &client, "sip:a@192.168.1.10:5060;transport=udp" },
		{ "contact without port", &client_same, "sip:a@192.168.1.10" },
		{ "both", &both, "sip:a@192.168.1.10:5060" },
		{ "IPv6", &npt, "sip:a@[fd00::10]" },
	};
	static struct rewritten r;
	static const struct header_row request = { .kind = REQUEST };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct alg_sip_nat nat = nat_of(rows[i].link, TO_B);
		char text[1024], in[ROOM], want[ROOM], *uri, *end;

		snprintf(text, sizeof(text), "Contact: <%s>\n", rows[i].uri);
		message(&request, text, in);
		rewrite(in, &nat, NULL, rows[i].title, &r);
		uri = strstr(r.text, "Contact: <") + 10;
		end = strchr(uri, '>');
		snprintf(text, sizeof(text), "=OPTIONS %.*s SIP/2.0\nMax-Forwards: 70\n", (int)(end - uri), uri);
		message(&request, text, in);
		snprintf(text, sizeof(text), "=OPTIONS %s SIP/2.0\nMax-Forwards: 70\n", rows[i].uri);
		message(&request, text, want);
		nat = nat_of(rows[i].link, TO_A);
		rewrite(in, &nat, NULL, rows[i].title, &r);
		check_text(rows[i].title, r.text, want);
	}
}

static void test_knows_public(void **state)
{
	static const struct {
		const char *host;
		const struct link *link;
		bool knows;
	} rows[] = {
		{ "198.51.100.1:40001", &client, true }, { "198.51.100.1:7", &client, true }, { "192.168.1.10:5060",
		  &client, false },
		{ "a.example", &client, false }, { "192.168.1.10", &none, false }, { "192.0.2.10", &port_only, false },
	};
	static struct rewritten r;
	struct header_row row = { .kind = REQUEST };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct alg_sip_nat nat = nat_of(rows[i].link, TO_B);
		char text[128], in[ROOM];

		row.kind = REQUEST;
		snprintf(text, sizeof(text), "Via: SIP/2.0/UDP %s;branch=z9hG4bK1\n", rows[i].host);
		message(&row, text, in);
		rewrite(in, &nat, NULL, rows[i].host, &r);
		ROW_CHECK(alg_sip_knows_public(&r.msg, &nat) == rows[i].knows, rows[i].host, "knows");
		row.kind = RESPONSE;
		message(&row, text, in);
		rewrite(in, &nat, NULL, rows[i].host, &r);
		ROW_CHECK(!alg_sip_knows_public(&r.msg, &nat), rows[i].host, "of a response nothing can be told");
	}
}

/* ---- limits ---- */

static const char invite[] = SIP_HEAD "Via: SIP/2.0/UDP 192.168.1.10;branch=z9hG4bK0\n"
	"Record-Route: <sip:192.168.1.10;lr>, <sip:192.168.1.10;lr>\nContent-Type: application/sdp\nContent-Length: LEN\n\n"
	HEAD "m=audio 49170 RTP/AVP 0\n";

static void test_small_plans(void **state)
{
	static struct rewritten r;
	const struct map_row map[5] = { { "198.51.100.1:50000", "198.51.100.1:50009" } };
	struct alg_sip_nat nat = nat_of(&client, TO_B);
	struct alg_sip_media_map media[ALG_SDP_MEDIA];
	struct alg_edit edits[ALG_SIP_PLAN_EDITS];
	u8 bytes[ALG_SIP_PLAN_BYTES];
	struct alg_plan plan;
	char in[ROOM];
	u16 used;

	set_media(map, media);
	expand(invite, in);
	rewrite(in, &nat, media, "room", &r);
	assert_int_equal(r.edits, 8);
	for (u16 n = 0; n < 8; n++) {
		alg_plan_init(&plan, edits, n, bytes, sizeof(bytes));
		assert_int_equal(alg_sip_plan((u8 *)in, &r.msg, &r.sdp, &nat, media, &plan), -ENOSPC);
		assert_true(!plan.n && !plan.used && !plan.delta);
	}
	alg_plan_init(&plan, edits, 8, bytes, sizeof(bytes));
	assert_int_equal(alg_sip_plan((u8 *)in, &r.msg, &r.sdp, &nat, media, &plan), 0);
	used = plan.used;
	alg_plan_init(&plan, edits, 8, bytes, (u16)(used - 1));
	assert_int_equal(alg_sip_plan((u8 *)in, &r.msg, &r.sdp, &nat, media, &plan), -ENOSPC);
	assert_true(!plan.n && !plan.used && !plan.delta);
}

/* Pads a message with a header so that it is @len bytes long. */
static void padded(u32 len, char *out)
{
	static char text[70000];
	static const char tail[] = "\r\nContent-Length: 0\r\n\r\n";
	static const struct header_row request = { .kind = REQUEST };
	char head[ROOM];
	u32 n;

	message(&request, "Contact: <sip:a@192.168.1.10>\n", head);
	*strstr(head, "Content-Length") = '\0';
	n = (u32)sprintf(text, "%sSubject: ", head);
	memset(text + n, 'x', len - n - (sizeof(tail) - 1));
	memcpy(text + len - (sizeof(tail) - 1), tail, sizeof(tail));
	memcpy(out, text, len + 1);
}

static void test_long_messages(void **state)
{
	static char in[70000];
	static struct alg_sip_msg msg;
	/* ":40001" and no longer an address: six bytes more */
	const struct { u32 len; int result; } rows[] = { { 65529, 0 }, { 65530, -EMSGSIZE }, { 65535, -EMSGSIZE } };
	struct alg_sip_nat nat = nat_of(&client, TO_B);
	struct alg_edit edits[ALG_SIP_PLAN_EDITS];
	u8 bytes[ALG_SIP_PLAN_BYTES];
	struct alg_plan plan;
	u32 used;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		padded(rows[i].len, in);
		assert_int_equal(alg_sip_parse((u8 *)in, rows[i].len, false, 65535, &msg, &used), ALG_PARSE_COMPLETE);
		alg_plan_init(&plan, edits, ARRAY_SIZE(edits), bytes, sizeof(bytes));
		assert_int_equal(alg_sip_plan((u8 *)in, &msg, NULL, &nat, NULL, &plan), rows[i].result);
		assert_int_equal(plan.n, !rows[i].result);
		assert_int_equal(plan.delta, rows[i].result ? 0 : 6);
	}
}

/* Over TCP the body that nobody looks at may be of any length, and need not be there. */
static void test_body_to_come(void **state)
{
	static struct rewritten r;
	struct alg_sip_nat nat = nat_of(&tcp, TO_B);
	char in[1024], want[1024];

	expand("MESSAGE sip:b@b.example SIP/2.0\nContact: <sip:192.168.1.10:5060>\n"
	       "Via: SIP/2.0/TCP 192.168.1.10;branch=z9hG4bK1\nFrom: <sip:a@a.example>;tag=1\n"
	       "To: <sip:b@b.example>\nCall-ID: 1\nCSeq: 1 MESSAGE\nContent-Type: text/plain\n"
	       "Content-Length: 3000000\n\n192.168.1.10", in);
	expand("MESSAGE sip:b@b.example SIP/2.0\nContact: <sip:198.51.100.1:40001>\n"
	       "Via: SIP/2.0/TCP 198.51.100.1;branch=z9hG4bK1\nFrom: <sip:a@a.example>;tag=1\n"
	       "To: <sip:b@b.example>\nCall-ID: 1\nCSeq: 1 MESSAGE\nContent-Type: text/plain\n"
	       "Content-Length: 3000000\n\n192.168.1.10",
	       want);
	rewrite(in, &nat, NULL, "body to come", &r);
	check_text("body to come", r.text, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_sdp),
		cmocka_unit_test(test_no_length),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_multipart),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_dialog),
		cmocka_unit_test(test_knows_public),
		cmocka_unit_test(test_small_plans),
		cmocka_unit_test(test_long_messages),
		cmocka_unit_test(test_body_to_come),
	};

	return cmocka_run_group_tests_name("sip_plan", tests, NULL, NULL);
}
