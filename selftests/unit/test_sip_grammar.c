/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grammar of SIP, header by header: each row replaces one line of a plain request, or adds one, and says what
 * becomes of the message and which addresses it has. Rows named after a section of RFC 4475 are of the kind that is
 * described there.
 */
#include "sip_text.h"

#define EOL "\r\n"

/* The plain request, which has no address of its own. */
static const char *const plain[] = {
	"OPTIONS sip:ben@host.example SIP/2.0",
	"Via: SIP/2.0/UDP host.example;branch=z9hG4bKb1",
	"From: <sip:anna@host.example>;tag=a1",
	"To: <sip:ben@host.example>",
	"Call-ID: c1",
	"CSeq: 7 OPTIONS",
	"Content-Length: 0",
};

enum { LINE, VIA, FROM, TO, CALL_ID, CSEQ, LENGTH, MORE };

struct row {
	const char *what;
	int instead;		/* of which line; MORE: of none */
	const char *text;
	enum alg_parse answer;
	const char *refs;
};

#define GOOD(what, instead, text, refs) { what, instead, text, COMPLETE, refs }
#define BAD(what, instead, text) { what, instead, text, MALFORMED, "" }

static const struct row rows[] = {
	/* request line */
	GOOD("address", LINE, "OPTIONS sip:192.0.2.1 SIP/2.0", "uri 192.0.2.1"),
	GOOD("address and port", LINE, "OPTIONS sip:192.0.2.1:5070 SIP/2.0", "uri 192.0.2.1 5070"),
	GOOD("user", LINE, "OPTIONS sip:ben@192.0.2.1 SIP/2.0", "uri 192.0.2.1"),
	GOOD("user and password", LINE, "OPTIONS sip:ben:secret@192.0.2.1:1 SIP/2.0", "uri 192.0.2.1 1"),
	GOOD("address in the user part", LINE, "OPTIONS sip:192.0.2.7:5060@host.example SIP/2.0", ""),
	GOOD("user part with all that may be in it", LINE, "OPTIONS sip:a;b=c?d/e&f+g$h,i:j%40k@192.0.2.1;x SIP/2.0",
	  "uri 192.0.2.1"),
	GOOD("sips", LINE, "OPTIONS sips:192.0.2.1 SIP/2.0", "uri 192.0.2.1 +tls"),
	GOOD("upper case scheme", LINE, "OPTIONS SIP:192.0.2.1 SIP/2.0", "uri 192.0.2.1"),
	GOOD("IPv6", LINE, "OPTIONS sip:ben@[2001:db8::1] SIP/2.0", "uri 2001:db8::1 +brackets"),
	GOOD("IPv6 and port", LINE, "OPTIONS sip:[2001:db8::1]:5070 SIP/2.0", "uri 2001:db8::1 5070 +brackets"),
	GOOD("IPv6 with IPv4 inside", LINE, "OPTIONS sip:[::ffff:192.0.2.1] SIP/2.0", "uri ::ffff:c000:201 +brackets"),
	GOOD("transport", LINE, "OPTIONS sip:192.0.2.1;transport=TCP SIP/2.0", "uri 192.0.2.1 +tcp"),
	GOOD("transport tls", LINE, "OPTIONS sip:192.0.2.1;a;transport=tls;lr SIP/2.0", "uri 192.0.2.1 +tls"),
	GOOD("maddr", LINE, "OPTIONS sip:host.example;maddr=192.0.2.3 SIP/2.0", "uri.maddr 192.0.2.3"),
	GOOD("maddr and transport", LINE, "OPTIONS sip:192.0.2.1;maddr=[2001:db8::3];transport=tcp SIP/2.0",
	     "uri 192.0.2.1 +tcp, uri.maddr 2001:db8::3 +tcp +brackets"),
	GOOD("maddr with a name", LINE, "OPTIONS sip:192.0.2.1;maddr=x.example SIP/2.0", "uri 192.0.2.1"),
	GOOD("escaped parameter is not maddr", LINE, "OPTIONS sip:host.example;m%61ddr=192.0.2.3 SIP/2.0", ""),
	GOOD("port with zeros", LINE, "OPTIONS sip:192.0.2.1:0005070 SIP/2.0", "uri 192.0.2.1 5070"),
	GOOD("number with a leading zero is a name", LINE, "OPTIONS sip:192.0.02.1 SIP/2.0", ""),
	GOOD("five numbers are a name", LINE, "OPTIONS sip:192.0.2.1.5 SIP/2.0", ""),
	GOOD("number too large is a name", LINE, "OPTIONS sip:192.0.256.1 SIP/2.0", ""),
	GOOD("three numbers are a name", LINE, "OPTIONS sip:192.0.2 SIP/2.0", ""),
	GOOD("name that begins as an address", LINE, "OPTIONS sip:192.0.2.1.example SIP/2.0", ""),
	GOOD("name that begins as an address, at once", LINE, "OPTIONS sip:192.0.2.1a.example SIP/2.0", ""),
	GOOD("tel", LINE, "OPTIONS tel:+4989123456;phone-context=192.0.2.1 SIP/2.0", ""),
	GOOD("other scheme (3.3.2)", LINE, "OPTIONS x-strange.scheme+1:whatever/it@is SIP/2.0", ""),
	GOOD("other scheme with an authority (3.3.3)", LINE, "OPTIONS odd.one://192.0.2.9:3002 SIP/2.0", ""),
	GOOD("unknown method", LINE, "OPTIONS sip:h SIP/2.0", ""),
	GOOD("version in lower case", LINE, "OPTIONS sip:h sip/2.0", ""),
	BAD("other method than CSeq's (3.1.2.17)", LINE, "INVITE sip:h SIP/2.0"),
	BAD("method in another case", LINE, "options sip:h SIP/2.0"),
	BAD("URI in brackets (3.1.2.7)", LINE, "OPTIONS <sip:ben@192.0.2.1> SIP/2.0"),
	BAD("white space in the URI (3.1.2.8)", LINE, "OPTIONS sip:ben@192.0.2.1; lr SIP/2.0"),
	BAD("two spaces (3.1.2.9)", LINE, "OPTIONS  sip:ben@192.0.2.1 SIP/2.0"),
	BAD("two spaces behind the URI", LINE, "OPTIONS sip:ben@192.0.2.1  SIP/2.0"),
	BAD("white space behind the version (3.1.2.10)", LINE, "OPTIONS sip:ben@192.0.2.1 SIP/2.0 "),
	BAD("headers in the URI (3.1.2.11)", LINE, "OPTIONS sip:ben@192.0.2.1?Route=%3Csip:x%3E SIP/2.0"),
	BAD("other version (3.1.2.16)", LINE, "OPTIONS sip:ben@192.0.2.1 SIP/7.0"),
	BAD("version with more behind it", LINE, "OPTIONS sip:ben@192.0.2.1 SIP/2.0/UDP"),
	BAD("no space before the version", LINE, "OPTIONS sip:h.example,SIP/2.0"),
	BAD("no version", LINE, "OPTIONS sip:ben@192.0.2.1"),
	BAD("no scheme", LINE, "OPTIONS ben@192.0.2.1 SIP/2.0"),
	BAD("scheme begins with a digit", LINE, "OPTIONS 1sip:192.0.2.1 SIP/2.0"),
	BAD("no host", LINE, "OPTIONS sip:ben@ SIP/2.0"),
	BAD("no host before the port", LINE, "OPTIONS sip::5060 SIP/2.0"),
	BAD("port 0", LINE, "OPTIONS sip:192.0.2.1:0 SIP/2.0"),
	BAD("port too large", LINE, "OPTIONS sip:192.0.2.1:65536 SIP/2.0"),
	BAD("no port behind the colon", LINE, "OPTIONS sip:192.0.2.1: SIP/2.0"),
	BAD("letters in the port", LINE, "OPTIONS sip:192.0.2.1:50a SIP/2.0"),
	BAD("IPv6 without end", LINE, "OPTIONS sip:[2001:db8::1 SIP/2.0"),
	BAD("no IPv6 in brackets", LINE, "OPTIONS sip:[192.0.2.1] SIP/2.0"),
	BAD("empty brackets", LINE, "OPTIONS sip:[] SIP/2.0"),
	BAD("two user parts", LINE, "OPTIONS sip:a@b@192.0.2.1 SIP/2.0"),
	BAD("no host in maddr", LINE, "OPTIONS sip:192.0.2.1;maddr= SIP/2.0"),
	BAD("tab for a space", LINE, "OPTIONS\tsip:h SIP/2.0"),
	BAD("folded (7.3.1 speaks of headers)", LINE, "OPTIONS sip:h" EOL " SIP/2.0"),

	/* Via */
	GOOD("address", VIA, "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx", "via 192.0.2.1"),
	GOOD("no branch (RFC 2543)", VIA, "Via: SIP/2.0/UDP 192.0.2.1", "via 192.0.2.1"),
	GOOD("branch without a value of its own (3.2.1)", VIA, "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK",
	  "via 192.0.2.1"),
	GOOD("compact, any case", VIA, "v:sip/2.0/udp 192.0.2.1:5070", "via 192.0.2.1 5070"),
	GOOD("VIA", VIA, "VIA  :  SIP/2.0/TCP 192.0.2.1:5070", "via 192.0.2.1 5070 +tcp"),
	GOOD("TLS", VIA, "Via: SIP/2.0/TLS 192.0.2.1", "via 192.0.2.1 +tls"),
	GOOD("transport of its own", VIA, "Via: SIP/2.0/X-CARRIER-PIGEON 192.0.2.1", "via 192.0.2.1"),
	GOOD("white space wherever it may be (3.1.1.1)", VIA,
	     "Via  : SIP  /  2.0" EOL " /UDP" EOL "\t192.0.2.1 : " EOL " 5070 ; rport" EOL "  ;branch =" EOL " x",
	     "via 192.0.2.1 5070 +rport"),
	GOOD("rport", VIA, "Via: SIP/2.0/UDP 192.0.2.1;rport;branch=x", "via 192.0.2.1 +rport"),
	GOOD("rport without received", VIA, "Via: SIP/2.0/UDP 192.0.2.1;rport=5;branch=x", "via 192.0.2.1 +rport rport 5"),
	GOOD("rport of a name", VIA, "Via: SIP/2.0/UDP h.example;rport=5;branch=x", ""),
	GOOD("rport, maddr behind it", VIA, "Via: SIP/2.0/UDP 192.0.2.1:5062;rport=05;branch=x;maddr=192.0.2.3",
	     "via 192.0.2.1 5062 +rport rport 5, via.maddr 192.0.2.3 +rport"),
	GOOD("rport 0 without received", VIA, "Via: SIP/2.0/UDP 192.0.2.1;rport=0", "via 192.0.2.1 +rport"),
	GOOD("received", VIA, "Via: SIP/2.0/UDP h.example;received=192.0.2.8;branch=x", "via.received 192.0.2.8"),
	GOOD("received, rport", VIA, "Via: SIP/2.0/UDP 10.0.0.1:5062;received=192.0.2.8;rport=4000;branch=x",
	     "via 10.0.0.1 5062 +rport, via.received 192.0.2.8 4000 +rport"),
	GOOD("rport, received", VIA, "Via: SIP/2.0/UDP 10.0.0.1:5062;rport=4000;branch=x;received=192.0.2.8",
	     "via 10.0.0.1 5062 +rport, via.received 192.0.2.8 4000 +rport"),
	GOOD("rport= with nothing behind it", VIA, "Via: SIP/2.0/UDP 10.0.0.1;rport=;received=192.0.2.8",
	     "via 10.0.0.1 +rport, via.received 192.0.2.8 +rport"),
	GOOD("rport 0", VIA, "Via: SIP/2.0/UDP 10.0.0.1;rport=0;received=192.0.2.8",
	     "via 10.0.0.1 +rport, via.received 192.0.2.8 +rport"),
	GOOD("received in IPv6 with brackets", VIA,
	  "Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];rport=6;branch=x",
	     "via 2001:db8::9:1 +rport +brackets, via.received 2001:db8::9:255 6 +rport +brackets"),
	GOOD("received in IPv6 without (RFC 5118, 4.5)", VIA,
	  "Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=x",
	     "via 2001:db8::9:1 +brackets, via.received 2001:db8::9:255"),
	GOOD("received that is a name", VIA, "Via: SIP/2.0/UDP 10.0.0.1;received=nat.example", "via 10.0.0.1"),
	GOOD("maddr, ttl", VIA, "Via: SIP/2.0/UDP 10.0.0.1;ttl=1;maddr=233.252.0.1;branch=x",
	  "via 10.0.0.1, via.maddr 233.252.0.1"),
	GOOD("several in a line", VIA, "Via: SIP/2.0/UDP 10.0.0.1;branch=a , SIP/2.0/TCP "
	  "10.0.0.2:5080;branch=\"b,c\",SIP/2.0/TLS h.example",
	     "via 10.0.0.1, via 10.0.0.2 5080 +tcp"),
	GOOD("several lines", VIA, "Via: SIP/2.0/UDP h.example" EOL "v: SIP/2.0/UDP 10.0.0.2;rport",
	  "via 10.0.0.2 +rport"),
	GOOD("transports of all kinds (3.1.1.10)", VIA,
	     "Via: SIP/2.0/UDP 10.0.0.1" EOL "Via: SIP/2.0/SCTP 10.0.0.2" EOL "Via: SIP/2.0/TLS 10.0.0.3" EOL
	     "Via: SIP/2.0/WHAT 10.0.0.4" EOL
	     "Via: SIP/2.0/TCP 10.0.0.5", "via 10.0.0.1, via 10.0.0.2, via 10.0.0.3 +tls, via 10.0.0.4, via 10.0.0.5 "
	     "+tcp"),
	GOOD("parameters nobody knows", VIA, "Via: SIP/2.0/UDP 10.0.0.1;a;b=c;d=\"e;f,g\\\"h\";i-rport=3",
	  "via 10.0.0.1"),
	GOOD("a last semicolon", VIA, "Via: SIP/2.0/UDP 10.0.0.1;branch=x;", "via 10.0.0.1"),
	BAD("separators and nothing between (3.1.2.1)", VIA, "Via: SIP/2.0/UDP 192.0.2.15;;,;,,"),
	BAD("nothing behind the comma", VIA, "Via: SIP/2.0/UDP 10.0.0.1,"),
	BAD("missing", VIA, "X: y"),
	BAD("empty", VIA, "Via:"),
	BAD("no white space before IPv6", VIA, "Via: SIP/2.0/UDP[2001:db8::1]"),
	BAD("version", VIA, "Via: SIP/3.0/UDP 10.0.0.1"),
	BAD("no version", VIA, "Via: SIP/UDP 10.0.0.1"),
	BAD("no transport", VIA, "Via: SIP/2.0/ 10.0.0.1"),
	BAD("no sent-by", VIA, "Via: SIP/2.0/UDP"),
	BAD("no sent-by but parameters", VIA, "Via: SIP/2.0/UDP ;branch=x"),
	BAD("no white space before sent-by", VIA, "Via: SIP/2.0/UDP;branch=x"),
	BAD("port", VIA, "Via: SIP/2.0/UDP 10.0.0.1:70000"),
	BAD("text behind the port", VIA, "Via: SIP/2.0/UDP 10.0.0.1:5060 x"),
	BAD("received twice", VIA, "Via: SIP/2.0/UDP 10.0.0.1;received=10.0.0.2;received=10.0.0.3"),
	BAD("rport twice", VIA, "Via: SIP/2.0/UDP 10.0.0.1;rport;rport=7"),
	BAD("rport no number", VIA, "Via: SIP/2.0/UDP 10.0.0.1;rport=x"),
	BAD("rport too large", VIA, "Via: SIP/2.0/UDP 10.0.0.1;rport=65536"),
	BAD("quoted string without end", VIA, "Via: SIP/2.0/UDP 10.0.0.1;a=\"b"),
	BAD("maddr no host", VIA, "Via: SIP/2.0/UDP 10.0.0.1;maddr=[::1"),

	/* From, To */
	GOOD("angle brackets", FROM, "From: <sip:anna@10.0.0.1:5062>;tag=x", "from 10.0.0.1 5062"),
	GOOD("no angle brackets", FROM, "From: sip:anna@10.0.0.1;tag=x", "from 10.0.0.1"),
	GOOD("no tag (RFC 2543)", FROM, "f:sip:anna@10.0.0.1", "from 10.0.0.1"),
	GOOD("display name", FROM, "From: Anna Berg<sip:anna@10.0.0.1>;tag=x", "from 10.0.0.1"),
	GOOD("display name beyond ASCII", FROM, "From: J\xc3\xbcrgen <sip:anna@10.0.0.1>;tag=x", "from 10.0.0.1"),
	GOOD("quoted display name with an address", FROM,
	  "From: \"<sip:10.0.0.7>, \\\"x\\\\\" <sip:anna@10.0.0.1>;tag=x", "from 10.0.0.1"),
	GOOD("quoted display name, no space (3.1.1.6)", FROM, "From: \"a\"<sip:anna@10.0.0.1>;tag=x", "from 10.0.0.1"),
	GOOD("control bytes in quoted pairs (3.1.1.2)", FROM, "From: \"\\\x07 \\\x7f\" <sip:anna@10.0.0.1>;tag=x",
	  "from 10.0.0.1"),
	GOOD("URI parameters inside", FROM, "From: <sip:10.0.0.1;maddr=10.0.0.2;transport=tcp>;tag=x",
	  "from 10.0.0.1 +tcp, from.maddr 10.0.0.2 +tcp"),
	GOOD("without brackets they are the header's", FROM, "From: sip:10.0.0.1;maddr=10.0.0.2;tag=x",
	  "from 10.0.0.1"),
	GOOD("'@' behind the URI", FROM, "From: sip:10.0.0.1;a=b@10.0.0.2;tag=x", "from 10.0.0.1"),
	GOOD("folded", FROM, "From:" EOL "\t\"A" EOL " B\"" EOL " <sip:anna@10.0.0.1>" EOL " ;" EOL " tag" EOL " =" EOL
	  " x", "from 10.0.0.1"),
	GOOD("other parameters", FROM, "From: <sip:10.0.0.1>;a=\"b;tag=no\";tag=x;c", "from 10.0.0.1"),
	GOOD("tel", FROM, "From: <tel:+49@10.0.0.1>;tag=x", ""),
	GOOD("other scheme (3.3.4)", FROM, "From: <http://10.0.0.1/a?b=c>;tag=x", ""),
	GOOD("escaped NUL (3.1.1.4)", FROM, "From: sip:null-%00@10.0.0.1;tag=x", "from 10.0.0.1"),
	BAD("missing (3.3.1)", FROM, "X: y"),
	BAD("empty", FROM, "From: "),
	BAD("comma in a display name (3.1.2.15)", FROM, "From: Berg, Anna <sip:anna@10.0.0.1>;tag=x"),
	BAD("quoted string without end (3.1.2.6)", FROM, "From: \"Anna <sip:anna@10.0.0.1>;tag=x"),
	BAD("quoted string that ends with a backslash", FROM, "From: \"Anna\\"),
	BAD("white space around the URI (3.1.2.14)", FROM, "From: \"Anna\" < sip:anna@10.0.0.1 >;tag=x"),
	BAD("white space behind the URI", FROM, "From: \"Anna\" <sip:anna@10.0.0.1 >;tag=x"),
	BAD("no end of the bracket", FROM, "From: <sip:anna@10.0.0.1;tag=x"),
	BAD("nothing in the brackets", FROM, "From: <>;tag=x"),
	BAD("display name and no brackets", FROM, "From: Anna sip:anna@10.0.0.1;tag=x"),
	BAD("no scheme", FROM, "From: anna@10.0.0.1;tag=x"),
	BAD("headers without brackets", FROM, "From: sip:anna@10.0.0.1?a=b;tag=x"),
	BAD("two values (3.3.8)", FROM, "From: <sip:a@h>;tag=x, <sip:b@h>;tag=y"),
	BAD("twice (3.3.8)", FROM, "From: <sip:a@h>;tag=x" EOL "f: <sip:b@h>;tag=x"),
	BAD("two tags", FROM, "From: <sip:a@h>;tag=x;tag=y"),
	BAD("tag as a quoted string", FROM, "From: <sip:a@h>;tag=\"x\""),
	GOOD("empty tag, as some write it where there is none", FROM, "From: <sip:a@10.0.0.1>;tag=", "from 10.0.0.1"),
	BAD("text behind the URI", FROM, "From: <sip:a@h> x"),
	BAD("semicolons", FROM, "From: <sip:a@h>;;tag=x"),
	GOOD("compact", TO, "t: <sip:ben@10.0.0.1:5062;user=phone>;tag=x", "to 10.0.0.1 5062"),
	GOOD("IPv6", TO, "TO : <sip:[2001:db8::1]:5062>", "to 2001:db8::1 5062 +brackets"),
	BAD("colon in a display name", TO, "To: a:b <sip:h>"),
	BAD("missing", TO, "X: y"),
	BAD("twice", TO, "To: <sip:a@h>" EOL "To: <sip:b@h>"),

	/* Call-ID, CSeq, numbers */
	GOOD("address in it", CALL_ID, "Call-ID: abc@10.0.0.1", ""),
	GOOD("odd characters (3.1.1.2)", CALL_ID, "i: ab%ZK-!.*_+'@word`~)(><:\\/\"][?}{", ""),
	BAD("missing", CALL_ID, "X: y"),
	BAD("empty", CALL_ID, "Call-ID:  "),
	BAD("two words", CALL_ID, "Call-ID: a b"),
	BAD("twice", CALL_ID, "Call-ID: a" EOL "i: a"),
	GOOD("zeros and folding", CSEQ, "cseq: 0000000000009" EOL "  OPTIONS", ""),
	GOOD("largest", CSEQ, "CSeq: 4294967295 OPTIONS", ""),
	GOOD("zero", CSEQ, "CSeq: 0 OPTIONS", ""),
	BAD("too large (3.1.2.4)", CSEQ, "CSeq: 4294967296 OPTIONS"),
	BAD("far too large", CSEQ, "CSeq: 36893488147419103232 OPTIONS"),
	BAD("no number", CSEQ, "CSeq: x OPTIONS"),
	BAD("no method", CSEQ, "CSeq: 7"),
	BAD("no space", CSEQ, "CSeq: 7OPTIONS"),
	BAD("more than a method", CSEQ, "CSeq: 7 OPTIONS x"),
	BAD("other method", CSEQ, "CSeq: 7 INVITE"),
	BAD("method is a prefix", CSEQ, "CSeq: 7 OPTION"),
	BAD("missing", CSEQ, "X: y"),
	BAD("twice", CSEQ, "CSeq: 7 OPTIONS" EOL "CSeq: 7 OPTIONS"),
	GOOD("Content-Length twice, the same", LENGTH, "Content-Length: 0" EOL "l: 00", ""),
	GOOD("no Content-Length", LENGTH, "X: y", ""),
	BAD("Content-Length three times", LENGTH, "Content-Length: 0" EOL "l: 0" EOL "l: 0"),
	BAD("two Content-Lengths (3.3.9)", LENGTH, "Content-Length: 0" EOL "Content-Length: 5"),
	BAD("negative Content-Length (3.1.2.3)", LENGTH, "Content-Length: -999"),
	BAD("Content-Length beyond the message (3.1.2.2)", LENGTH, "Content-Length: 1"),
	BAD("Content-Length with text", LENGTH, "Content-Length: 0 bytes"),
	BAD("Content-Length beyond all bounds", LENGTH, "Content-Length: 4294967296"),
	BAD("empty Content-Length", LENGTH, "Content-Length:"),

	/* Contact */
	GOOD("one", MORE, "Contact: <sip:a@10.0.0.1:5062;transport=tcp>;expires=60", "contact 10.0.0.1 5062 +tcp"),
	GOOD("compact, several", MORE, "m: sip:a@10.0.0.1, \"b, c\" <sips:b@10.0.0.2:7>;q=0.3;expires=0" EOL
	  "Contact: <sip:h>,<sip:10.0.0.3>",
	     "contact 10.0.0.1, contact 10.0.0.2 7 +tls, contact 10.0.0.3"),
	GOOD("URI headers in brackets (3.1.1... regescrt)", MORE, "M: <sip:a@10.0.0.1?Route=%3Csip:10.0.0.9%3E>",
	  "contact 10.0.0.1"),
	GOOD("unknown parameter outside (3.3.12)", MORE, "Contact: sip:+49@10.0.0.1;unknownparam", "contact 10.0.0.1"),
	GOOD("unknown parameter inside (3.3.13)", MORE, "Contact: <sip:+49@10.0.0.1;unknownparam>", "contact 10.0.0.1"),
	GOOD("star", MORE, "Contact: *", ""),
	GOOD("star in white space", MORE, "Contact:" EOL "\t*  ", ""),
	GOOD("other scheme", MORE, "Contact: <name:A_B>", ""),
	GOOD("expires out of range", MORE, "Contact: <sip:10.0.0.1>;expires=280297596632815", "contact 10.0.0.1"),
	BAD("separators and nothing between (3.1.2.1)", MORE, "Contact: \"J\" <sip:j@10.0.0.1>;;;;"),
	BAD("URI headers without brackets (3.1.2.13)", MORE, "Contact: sip:a@10.0.0.1?Route=%3Csip:x%3E"),
	BAD("empty", MORE, "Contact:"),
	BAD("nothing behind the comma", MORE, "Contact: <sip:10.0.0.1>,"),
	BAD("star and more", MORE, "Contact: *;expires=0"),

	/* headers whose grammar is nobody's business but theirs */
	GOOD("Route", MORE, "Route: <sip:10.0.0.1;lr>, <sip:p@10.0.0.2:5070;lr>;x=y",
	  "route 10.0.0.1, route 10.0.0.2 5070"),
	GOOD("Route, folded", MORE, "Route:" EOL " <sip:10.0.0.1;lr;with=value>" EOL " ,<sip:h>", "route 10.0.0.1"),
	GOOD("Route that is broken", MORE, "Route: <sip:10.0.0.1>, <sip:10.0.0.2" EOL "Route: <sip:10.0.0.3>",
	  "route 10.0.0.3"),
	GOOD("Record-Route", MORE, "record-ROUTE: <sip:10.0.0.1:5061;transport=tls;lr>",
	  "record-route 10.0.0.1 5061 +tls"),
	GOOD("Path", MORE, "Path: <sip:10.0.0.1;lr>", "path 10.0.0.1"),
	GOOD("Service-Route", MORE, "Service-Route: <sip:10.0.0.1;lr>", "service-route 10.0.0.1"),
	GOOD("Refer-To", MORE, "Refer-To: <sip:x@10.0.0.1?Replaces=a%40b>", "refer-to 10.0.0.1"),
	GOOD("Refer-To with what should be escaped", MORE, "Refer-To: <sip:x@10.0.0.1?Replaces=a@10.0.0.2>",
	  "refer-to 10.0.0.1"),
	GOOD("Refer-To, compact", MORE, "r: sip:x@10.0.0.1", "refer-to 10.0.0.1"),
	GOOD("Referred-By", MORE, "Referred-By: <sip:x@10.0.0.1>;cid=\"1@x\"", "referred-by 10.0.0.1"),
	GOOD("Referred-By, compact", MORE, "b: <sip:x@10.0.0.1>", "referred-by 10.0.0.1"),
	GOOD("Reply-To", MORE, "Reply-To: B <sip:x@10.0.0.1>", "reply-to 10.0.0.1"),
	GOOD("P-Asserted-Identity", MORE, "P-Asserted-Identity: \"a\" <sip:x@10.0.0.1>, tel:+49", "asserted 10.0.0.1"),
	GOOD("P-Preferred-Identity", MORE, "P-Preferred-Identity: <sip:x@10.0.0.1>", "preferred 10.0.0.1"),
	GOOD("Remote-Party-ID", MORE, "Remote-Party-ID: \"a\" <sip:x@10.0.0.1>;party=calling;privacy=off",
	  "remote-party 10.0.0.1"),
	GOOD("Diversion", MORE, "Diversion: \"a\" <sip:x@10.0.0.1>;reason=no-answer;counter=1, <tel:+15551234>;reason=unknown,"
	     "<sip:y@10.0.0.2:5070>", "diversion 10.0.0.1, diversion 10.0.0.2 5070"),
	GOOD("History-Info", MORE,
	     "History-Info: <sip:x@10.0.0.1?Reason=SIP%3Bcause%3D302>;index=1, <sip:y@host.example>;index=1.1",
	     "history 10.0.0.1"),
	GOOD("Authorization", MORE, "Authorization: Digest username=\"x\", uri=\"sip:10.0.0.1\", response=\"0\"", ""),
	GOOD("names like those", MORE, "Fro: sip:10.0.0.1" EOL "Tom: x" EOL "Routes: <sip:10.0.0.1>" EOL
	  "Contac: <sip:10.0.0.1>" EOL "d: <sip:10.0.0.1>", ""),
	GOOD("escaped name is not Contact (3.1.1.5)", MORE, "C%6Fntact: <sip:10.0.0.1>", ""),
	GOOD("unknown headers with odd values (3.1.1.1)", MORE, "NewFangled:   new" EOL " continued" EOL "Odd: ;;,,;;,;"
	  EOL "E-!.%*+_`'~:\xef\xbb\xbf", ""),
	GOOD("empty header", MORE, "s :", ""),
	GOOD("date of another time zone (3.1.2.12)", MORE, "Date: Fri, 01 Jan 2010 16:00:00 EST", ""),
	GOOD("long name", MORE, "X-A-Header-With-A-Name-That-Is-Much-Longer-Than-Any-That-Is-Known: 1", ""),
	BAD("line without a colon", MORE, "Foobar roobar"),
	BAD("line without a name", MORE, ": x"),
	BAD("text between name and colon", MORE, "Contact x: <sip:10.0.0.1>"),
	BAD("body type without a subtype", MORE, "Content-Type: application"),
	BAD("two body types", MORE, "Content-Type: text/plain" EOL "c: application/sdp"),
	BAD("multipart without boundary", MORE, "Content-Type: multipart/mixed"),
};

static u32 build(char *out, size_t size, int instead, const char *text, const char *eol)
{
	size_t n = 0;

	for (int i = 0; i < MORE; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i == instead ? text : plain[i], eol);
	if (instead == MORE)
		n += (size_t)snprintf(out + n, size - n, "%s%s", text, eol);
	n += (size_t)snprintf(out + n, size - n, "%s", eol);
	assert_true(n < size);
	return (u32)n;
}

static void test_rows(void **state)
{
	static struct alg_sip_msg msg;
	static char text[4096];

	for (const struct row *r = rows; r < rows + ARRAY_SIZE(rows); r++) {
		u32 used, len = build(text, sizeof(text), r->instead, r->text, EOL);
		enum alg_parse answer = sip_parse(text, len, false, &msg, &used);

		ROW_CHECK(answer == r->answer, r->text, r->what);
		ROW_CHECK(used == len, r->text, "length");
		if (answer != COMPLETE)
			continue;
		if (strcmp(sip_refs_text(&msg), r->refs))
			print_error("# found '%s', expected '%s'\n", sip_refs_text(&msg), r->refs);
		ROW_CHECK(!strcmp(sip_refs_text(&msg), r->refs), r->text, r->what);
	}
}

/* Without CR, and on a stream, the same; without LF it is no message. */
static void test_rows_otherwise(void **state)
{
	static struct alg_sip_msg msg;
	static char text[4096];

	for (const struct row *r = rows; r < rows + ARRAY_SIZE(rows); r++) {
		u32 used, len = build(text, sizeof(text), r->instead, r->text, "\n");
		enum alg_parse answer = sip_parse(text, len, false, &msg, &used);

		ROW_CHECK(answer == r->answer, r->text, "bare LF");
		ROW_CHECK(answer != COMPLETE || !strcmp(sip_refs_text(&msg), r->refs), r->text, "bare LF");

		/* RFC 3261, 7: nothing allows a bare CR */
		len = build(text, sizeof(text), r->instead, r->text, "\r");
		ROW_CHECK(sip_parse(text, len, false, &msg, &used) == MALFORMED && used == len, r->text, "bare CR");

		len = build(text, sizeof(text), r->instead, r->text, EOL);
		sip_check_prefixes(text, len);
		answer = sip_parse(text, len, true, &msg, &used);
		if (r->answer == COMPLETE) {
			ROW_CHECK(answer == COMPLETE && used == len, r->text, "stream");
			ROW_CHECK(!strcmp(sip_refs_text(&msg), r->refs), r->text, "stream");
		} else {
			/* a length that has not come yet, or nothing that would need it */
			ROW_CHECK(answer == MALFORMED || msg.content_length == 1, r->text, "stream");
		}
	}
}

static const struct {
	const char *line;
	enum alg_parse answer;
	u16 status;
} status_lines[] = {
	{ "SIP/2.0 200 OK", COMPLETE, 200 },
	{ "SIP/2.0 100 Trying", COMPLETE, 100 },
	{ "SIP/2.0 699 x", COMPLETE, 699 },
	{ "sip/2.0 404 Not Found", COMPLETE, 404 },
	{ "SIP/2.0 100 ", COMPLETE, 100 },			/* RFC 4475, 3.1.1.13 */
	{ "SIP/2.0 100", COMPLETE, 100 },
	{ "SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe", COMPLETE, 200 },	/* 3.1.1.12 */
	{ "SIP/2.0 4294967301 too much", MALFORMED, 0 },	/* 3.1.2.19 */
	{ "SIP/2.0 700 x", MALFORMED, 0 },
	{ "SIP/2.0 099 x", MALFORMED, 0 },
	{ "SIP/2.0 20 x", MALFORMED, 0 },
	{ "SIP/2.0 2000 x", MALFORMED, 0 },
	{ "SIP/2.0  200 OK", MALFORMED, 0 },
	{ "SIP/2.0 200OK", MALFORMED, 0 },
	{ "SIP/2.1 200 OK", MALFORMED, 0 },
	{ "SIP/2.0", MALFORMED, 0 },
	{ "SIP/2.0 ", MALFORMED, 0 },
	{ "HTTP/1.1 200 OK", MALFORMED, 0 },
};

static void test_status_lines(void **state)
{
	static struct alg_sip_msg msg;
	static char text[4096];

	for (size_t i = 0; i < ARRAY_SIZE(status_lines); i++) {
		u32 used, len = build(text, sizeof(text), LINE, status_lines[i].line, EOL);
		enum alg_parse answer = sip_parse(text, len, false, &msg, &used);

		ROW_CHECK(answer == status_lines[i].answer && used == len, status_lines[i].line, "answer");
		sip_check_prefixes(text, len);
		if (answer != COMPLETE)
			continue;
		ROW_CHECK(msg.kind == ALG_SIP_RESPONSE && msg.status == status_lines[i].status, status_lines[i].line,
		  "status");
		ROW_CHECK(msg.method == ALG_SIP_OPTIONS && SPAN_IS(text, msg.method_text, "OPTIONS"),
		  status_lines[i].line, "method");
	}
}

/* Every method, as a request's and as what a response answers; and what is nearly one. */
static void test_methods(void **state)
{
	static const char *const unknown[] = { "INVIT", "INVITEE", "invite", "ACKK", "IN", "X", "PUBLISHE", "MESSAGF",
	  "!odd-Method0_*+`.%'~" };
	static struct alg_sip_msg msg;
	static char text[4096];

	for (u32 i = 0; i < ALG_SIP_METHODS - 1 + ARRAY_SIZE(unknown); i++) {
		bool known = i < ALG_SIP_METHODS - 1;
		enum alg_sip_method method = known ? (enum alg_sip_method)(i + 1) : ALG_SIP_UNKNOWN;
		const char *name = known ? alg_sip_method_name(method) : unknown[i - (ALG_SIP_METHODS - 1)];
		u32 len, used;

		for (int response = 0; response < 2; response++) {
			len = (u32)snprintf(text, sizeof(text), "%s%s" EOL "%s" EOL "%s" EOL "%s" EOL "%s" EOL
			  "CSeq: 4711 %s" EOL EOL,
					    response ? "SIP/2.0 200 OK" : name, response ? "" : " sip:h SIP/2.0",
					    plain[VIA],
					    plain[FROM], plain[TO], plain[CALL_ID], name);
			ROW_CHECK(sip_parse(text, len, false, &msg, &used) == COMPLETE, name, "answer");
			ROW_CHECK(msg.method == method && msg.kind == response && msg.cseq == 4711, name, "method");
			ROW_CHECK(msg.method_text.len == strlen(name) && !memcmp(text + msg.method_text.off, name,
			  strlen(name)), name, "text");
		}
	}
	assert_string_equal(alg_sip_method_name(ALG_SIP_INVITE), "INVITE");
	assert_string_equal(alg_sip_method_name(ALG_SIP_INFO), "INFO");
	assert_string_equal(alg_sip_method_name(ALG_SIP_UNKNOWN), "unknown");
	assert_string_equal(alg_sip_method_name(ALG_SIP_METHODS), "unknown");
}

/* One byte changed in a name, and the header is another. */
static void test_names_nearly(void **state)
{
	static const char *const names[] = {
		"Contact", "m", "Route", "Record-Route", "Path", "Service-Route", "Refer-To", "Referred-By", "Reply-To",
		  "P-Asserted-Identity",
		"P-Preferred-Identity", "Remote-Party-ID", "Diversion", "History-Info",
	};
	static struct alg_sip_msg msg;
	static char text[4096], line[100];
	u32 used, len;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t at = 0; at < strlen(names[i]); at++) {
			snprintf(line, sizeof(line), "%s: <sip:10.0.0.1>", names[i]);
			for (int bit = 0; bit < 7; bit++) {
				bool letter = line[at] != '-';
				char was = line[at];

				line[at] ^= (char)(1 << bit);
				len = build(text, sizeof(text), MORE, line, EOL);
				if (line[at] > ' ' && line[at] != ':' && line[at] != 0x7f) {
					u32 expected = bit == 5 && letter ? 1 : 0;
					enum alg_parse answer = sip_parse(text, len, false, &msg, &used);

					/* a compact name may turn into one that has another grammar */
					if (strlen(names[i]) > 1)
						ROW_CHECK(answer == COMPLETE && msg.n_refs == expected, line, "name");
				}
				line[at] = was;
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_rows_otherwise),
		cmocka_unit_test(test_status_lines),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_names_nearly),
	};

	return cmocka_run_group_tests_name("SIP grammar", tests, NULL, NULL);
}
