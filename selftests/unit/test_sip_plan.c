/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is rewritten in the headers of SIP messages. */
#include "sip_plan.h"

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
	{ "via, answers wanted at a port that is registered", &ephemeral, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10:5090;branch=z9hG4bK1\n", "Via: SIP/2.0/UDP 198.51.100.1:40001;branch=z9hG4bK1\n",
	  to_default },
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
	  "Remote-Party-ID: <sip:a@192.168.1.10:5070>\nReply-To: <sip:a@192.168.1.10>\nReferred-By: <sip:a@192.168.1.10>\n"
	  "Diversion: <sip:a@192.168.1.10>;reason=unconditional, <sip:c@203.0.113.5>\n"
	  "History-Info: <sip:a@192.168.1.10:5060;cause=302?Reason=x>;index=1, <sip:192.168.1.10:5070>;index=1.1\n",
	  "P-Asserted-Identity: <sip:a@198.51.100.1>\nP-Preferred-Identity: <sip:a@198.51.100.1:40001>\n"
	  "Remote-Party-ID: <sip:a@198.51.100.1:5070>\nReply-To: <sip:a@198.51.100.1>\nReferred-By: <sip:a@198.51.100.1>\n"
	  "Diversion: <sip:a@198.51.100.1>;reason=unconditional, <sip:c@203.0.113.5>\n"
	  "History-Info: <sip:a@198.51.100.1:40001;cause=302?Reason=x>;index=1, <sip:198.51.100.1:5070>;index=1.1\n" },
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
	{ "response, rport without received", &client, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;rport=40001;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;rport=5060;branch=z9hG4bK1\n" },
	{ "response, rport without received, maddr behind it", &client, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;rport=40001;maddr=198.51.100.1;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;rport=5060;maddr=192.168.1.10;branch=z9hG4bK1\n" },
	{ "response, rport of another connection without received", &client, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;rport=40009;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;rport=40009;branch=z9hG4bK1\n" },
	{ "response, rport of another address without received", &client, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.9:40001;rport=40001;branch=z9hG4bK1\n", NULL },
	{ "request, rport of own without received", &client, TO_B, REQUEST,
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;rport=5060;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;rport=40001;branch=z9hG4bK1\n" },
	{ "response, the source port in rport without received", &ephemeral, TO_A, RESPONSE,
	  "Via: SIP/2.0/UDP 198.51.100.1:40001;rport=40001;branch=z9hG4bK1\n",
	  "Via: SIP/2.0/UDP 192.168.1.10:5060;rport=40000;branch=z9hG4bK1\n" },
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
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_dialog),
		cmocka_unit_test(test_knows_public),
		cmocka_unit_test(test_long_messages),
		cmocka_unit_test(test_body_to_come),
	};

	return cmocka_run_group_tests_name("sip_plan", tests, NULL, NULL);
}
