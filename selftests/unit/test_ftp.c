/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FTP control lines: grammar, prefixes, formatting. The session is in test_ftp_session.c. */
#include "unit.h"
#include "alg/proto/ftp.h"

#define COMPLETE	ALG_PARSE_COMPLETE
#define PARTIAL		ALG_PARSE_PARTIAL
#define SKIP		ALG_PARSE_SKIP
#define MALFORMED	ALG_PARSE_MALFORMED

/*
 * One line and what is made of it.
 * text, len:	the line; its end is the first LF
 * answer:	of the whole line
 * kind, code:	what it is
 * field:	the text that would be replaced
 * endpoint:	"address port", "- port" without address
 * decided:	no interest: bytes after which SKIP is answered; 0: not before the line's end
 */
struct row {
	const char *what;
	const char *text;
	u32 len;
	enum alg_parse answer;
	u8 kind;
	u16 code;
	const char *field;
	const char *endpoint;
	u32 decided;
	bool bare_lf;
	u16 multi, multi_after;
};

#define LINE(s) s, sizeof(s) - 1
#define OF_INTEREST(k, f, e) COMPLETE, ALG_FTP_##k, 0, f, e, 0, false, 0, 0
#define OTHER_AT(n) COMPLETE, ALG_FTP_OTHER, 0, NULL, NULL, n, false, 0, 0
#define BROKEN MALFORMED, ALG_FTP_OTHER, 0, NULL, NULL, 0, false, 0, 0

static const struct row commands[] = {
	/* RFC 959: PORT */
	{ "PORT", LINE("PORT 192,168,1,11,19,137\r\n"), OF_INTEREST(PORT, "192,168,1,11,19,137", "192.168.1.11 5001") },
	{ "lower case", LINE("port 1,2,3,4,5,6\r\n"), OF_INTEREST(PORT, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "mixed case", LINE("PoRt 1,2,3,4,5,6\r\n"), OF_INTEREST(PORT, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "largest numbers", LINE("PORT 255,255,255,255,255,255\r\n"),
	  OF_INTEREST(PORT, "255,255,255,255,255,255", "255.255.255.255 65535") },
	{ "smallest port", LINE("PORT 0,0,0,0,0,1\r\n"), OF_INTEREST(PORT, "0,0,0,0,0,1", "0.0.0.0 1") },
	{ "leading zeros", LINE("PORT 010,002,003,004,005,006\r\n"),
	  OF_INTEREST(PORT, "010,002,003,004,005,006", "10.2.3.4 1286") },
	{ "spaces around the argument", LINE("PORT   1,2,3,4,5,6  \r\n"),
	  OF_INTEREST(PORT, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "spaces before the command", LINE("  PORT 1,2,3,4,5,6\r\n"),
	  OF_INTEREST(PORT, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "LF without CR", LINE("PORT 1,2,3,4,5,6\n"),
	  COMPLETE, ALG_FTP_PORT, 0, "1,2,3,4,5,6", "1.2.3.4 1286", 0, true, 0, 0 },
	{ "octet too large", LINE("PORT 256,2,3,4,5,6\r\n"), BROKEN },
	{ "last octet too large", LINE("PORT 1,2,3,4,5,256\r\n"), BROKEN },
	{ "octet of four digits", LINE("PORT 0001,2,3,4,5,6\r\n"), BROKEN },
	{ "octet that overflows 32 bits", LINE("PORT 4294967297,2,3,4,5,6\r\n"), BROKEN },
	{ "port 0", LINE("PORT 1,2,3,4,0,0\r\n"), BROKEN },
	{ "five numbers", LINE("PORT 1,2,3,4,5\r\n"), BROKEN },
	{ "seven numbers", LINE("PORT 1,2,3,4,5,6,7\r\n"), BROKEN },
	{ "empty number", LINE("PORT 1,2,,4,5,6\r\n"), BROKEN },
	{ "comma in front", LINE("PORT ,1,2,3,4,5,6\r\n"), BROKEN },
	{ "comma behind", LINE("PORT 1,2,3,4,5,6,\r\n"), BROKEN },
	{ "spaces between the numbers", LINE("PORT 1, 2, 3, 4, 5, 6\r\n"), BROKEN },
	{ "negative number", LINE("PORT 1,2,3,4,-5,6\r\n"), BROKEN },
	{ "dots", LINE("PORT 1.2.3.4,5,6\r\n"), BROKEN },
	{ "text behind", LINE("PORT 1,2,3,4,5,6 x\r\n"), BROKEN },
	{ "parentheses", LINE("PORT (1,2,3,4,5,6)\r\n"), BROKEN },
	{ "NUL in the argument", LINE("PORT 1,2,3,4,5,6\0\r\n"), BROKEN },
	{ "NUL within a number", LINE("PORT 1,2,3,4,5,6\0,7\r\n"), BROKEN },
	{ "two CR", LINE("PORT 1,2,3,4,5,6\r\r\n"), BROKEN },
	{ "CR NUL", LINE("PORT 1,2,3,4,5,6\r\0\n"), BROKEN },
	{ "second command behind a CR", LINE("PORT 1,2,3,4,5,6\rPORT 1,2,3,4,5,6\r\n"), BROKEN },
	{ "TAB behind", LINE("PORT 1,2,3,4,5,6\t\r\n"), BROKEN },
	{ "Telnet command behind", LINE("PORT 1,2,3,4,5,6\xff\xf2\r\n"), BROKEN },
	{ "no argument", LINE("PORT\r\n"), BROKEN },
	{ "only a space", LINE("PORT \r\n"), BROKEN },

	/* RFC 2428: EPRT */
	{ "EPRT, IPv4", LINE("EPRT |1|132.235.1.2|6275|\r\n"),
	  OF_INTEREST(EPRT, "|1|132.235.1.2|6275|", "132.235.1.2 6275") },
	{ "EPRT, IPv6", LINE("EPRT |2|1080::8:800:200C:417A|5282|\r\n"),
	  OF_INTEREST(EPRT, "|2|1080::8:800:200C:417A|5282|", "1080::8:800:200c:417a 5282") },
	{ "EPRT, IPv4 in IPv6", LINE("EPRT |2|::ffff:192.0.2.1|5282|\r\n"),
	  OF_INTEREST(EPRT, "|2|::ffff:192.0.2.1|5282|", "::ffff:c000:201 5282") },
	{ "EPRT, the longest address", LINE("EPRT |2|1111:2222:3333:4444:5555:6666:123.123.123.123|65535|\r\n"),
	  OF_INTEREST(EPRT, "|2|1111:2222:3333:4444:5555:6666:123.123.123.123|65535|",
		      "1111:2222:3333:4444:5555:6666:7b7b:7b7b 65535") },
	{ "other delimiter", LINE("EPRT !1!1.2.3.4!99!\r\n"), OF_INTEREST(EPRT, "!1!1.2.3.4!99!", "1.2.3.4 99") },
	{ "delimiter '~'", LINE("EPRT ~1~1.2.3.4~99~\r\n"), OF_INTEREST(EPRT, "~1~1.2.3.4~99~", "1.2.3.4 99") },
	{ "letter as delimiter", LINE("eprt x1x1.2.3.4x99x\r\n"), OF_INTEREST(EPRT, "x1x1.2.3.4x99x", "1.2.3.4 99") },
	{ "colon as delimiter, IPv4", LINE("EPRT :1:1.2.3.4:99:\n"), COMPLETE, ALG_FTP_EPRT, 0, ":1:1.2.3.4:99:",
	  "1.2.3.4 99", 0, true, 0, 0 },
	{ "port with leading zeros", LINE("EPRT |1|1.2.3.4|00099|\r\n"),
	  OF_INTEREST(EPRT, "|1|1.2.3.4|00099|", "1.2.3.4 99") },
	{ "spaces around", LINE("EPRT  |1|1.2.3.4|99| \r\n"), OF_INTEREST(EPRT, "|1|1.2.3.4|99|", "1.2.3.4 99") },
	{ "delimiter in the address", LINE("EPRT .1.1.2.3.4.99.\r\n"), BROKEN },
	{ "delimiter is a digit", LINE("EPRT 111111.2.3.41991\r\n"), BROKEN },
	{ "delimiter is no ASCII character", LINE("EPRT \x80""1\x80""1.2.3.4\x80""99\x80\r\n"), BROKEN },
	{ "delimiter is a control character", LINE("EPRT \t1\t1.2.3.4\t99\t\r\n"), BROKEN },
	{ "two delimiters", LINE("EPRT |1|1.2.3.4!99!\r\n"), BROKEN },
	{ "IPv6 family, IPv4 address", LINE("EPRT |2|1.2.3.4|99|\r\n"), BROKEN },
	{ "IPv4 family, IPv6 address", LINE("EPRT |1|::1|99|\r\n"), BROKEN },
	{ "family 0", LINE("EPRT |0|1.2.3.4|99|\r\n"), BROKEN },
	{ "family 3", LINE("EPRT |3|1.2.3.4|99|\r\n"), BROKEN },
	{ "family 11", LINE("EPRT |11|1.2.3.4|99|\r\n"), BROKEN },
	{ "no family", LINE("EPRT ||1.2.3.4|99|\r\n"), BROKEN },
	{ "no address", LINE("EPRT |1||99|\r\n"), BROKEN },
	{ "no port", LINE("EPRT |1|1.2.3.4||\r\n"), BROKEN },
	{ "port 0", LINE("EPRT |1|1.2.3.4|0|\r\n"), BROKEN },
	{ "port 65536", LINE("EPRT |1|1.2.3.4|65536|\r\n"), BROKEN },
	{ "port of six digits", LINE("EPRT |1|1.2.3.4|000099|\r\n"), BROKEN },
	{ "port with a sign", LINE("EPRT |1|1.2.3.4|+99|\r\n"), BROKEN },
	{ "missing last delimiter", LINE("EPRT |1|1.2.3.4|99\r\n"), BROKEN },
	{ "fields behind", LINE("EPRT |1|1.2.3.4|99|1|\r\n"), BROKEN },
	{ "text behind", LINE("EPRT |1|1.2.3.4|99|x\r\n"), BROKEN },
	{ "space in the address", LINE("EPRT |1| 1.2.3.4|99|\r\n"), BROKEN },
	{ "NUL in the address", LINE("EPRT |1|1.2.3.4\0|99|\r\n"), BROKEN },
	{ "octal address", LINE("EPRT |1|010.2.3.4|99|\r\n"), BROKEN },
	{ "zone", LINE("EPRT |2|fe80::1%eth0|99|\r\n"), BROKEN },
	{ "no argument", LINE("EPRT\r\n"), BROKEN },
	{ "delimiter alone", LINE("EPRT |\r\n"), BROKEN },
	{ "two delimiters alone", LINE("EPRT ||\r\n"), BROKEN },
	{ "three delimiters alone", LINE("EPRT |||\r\n"), BROKEN },

	/* RFC 1639: LPRT */
	{ "LPRT, IPv4", LINE("LPRT 4,4,192,168,1,11,2,19,137\r\n"),
	  OF_INTEREST(LPRT, "4,4,192,168,1,11,2,19,137", "192.168.1.11 5001") },
	{ "LPRT, IPv6", LINE("LPRT 6,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,17,2,19,137\r\n"),
	  OF_INTEREST(LPRT, "6,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,17,2,19,137", "2001:db8::11 5001") },
	{ "family 6 with 4 bytes", LINE("LPRT 6,4,192,168,1,11,2,19,137\r\n"), BROKEN },
	{ "family 4 with 16 bytes", LINE("LPRT 4,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,17,2,19,137\r\n"), BROKEN },
	{ "family 5", LINE("LPRT 5,4,192,168,1,11,2,19,137\r\n"), BROKEN },
	{ "address length 5", LINE("LPRT 4,5,192,168,1,11,2,19,137\r\n"), BROKEN },
	{ "port length 3", LINE("LPRT 4,4,192,168,1,11,3,19,137\r\n"), BROKEN },
	{ "port length 1", LINE("LPRT 4,4,192,168,1,11,1,137\r\n"), BROKEN },
	{ "port 0", LINE("LPRT 4,4,192,168,1,11,2,0,0\r\n"), BROKEN },
	{ "PORT's argument", LINE("LPRT 192,168,1,11,19,137\r\n"), BROKEN },
	{ "octet too large", LINE("LPRT 4,4,192,168,1,300,2,19,137\r\n"), BROKEN },
	{ "22 numbers", LINE("LPRT 6,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,17,2,19,137,1\r\n"), BROKEN },
	{ "40 numbers",
	  LINE("LPRT 6,16,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1\r\n"),
	  BROKEN },

	/* RFC 959, 1639, 2428: passive */
	{ "PASV", LINE("PASV\r\n"), OF_INTEREST(PASV, NULL, NULL) },
	{ "pasv, LF", LINE("pasv\n"), COMPLETE, ALG_FTP_PASV, 0, NULL, NULL, 0, true, 0, 0 },
	{ "PASV with an argument is the server's to refuse", LINE("PASV x\r\n"), OF_INTEREST(PASV, NULL, NULL) },
	{ "LPSV", LINE("LPSV\r\n"), OF_INTEREST(LPSV, NULL, NULL) },
	{ "EPSV", LINE("EPSV\r\n"), OF_INTEREST(EPSV, NULL, NULL) },
	{ "EPSV 1", LINE("EPSV 1\r\n"), OF_INTEREST(EPSV, NULL, NULL) },
	{ "EPSV 2", LINE("epsv 2 \r\n"), OF_INTEREST(EPSV, NULL, NULL) },
	{ "EPSV with an unknown protocol", LINE("EPSV 99\r\n"), OF_INTEREST(EPSV, NULL, NULL) },
	{ "EPSV ALL", LINE("EPSV ALL\r\n"), OF_INTEREST(EPSV_ALL, NULL, NULL) },
	{ "epsv all", LINE("epsv  aLl \r\n"), OF_INTEREST(EPSV_ALL, NULL, NULL) },
	{ "EPSV ABC", LINE("EPSV ABC\r\n"), BROKEN },
	{ "EPSV ALX", LINE("EPSV ALX\r\n"), BROKEN },
	{ "EPSV ALLX", LINE("EPSV ALLX\r\n"), BROKEN },
	{ "EPSV AL", LINE("EPSV AL\r\n"), BROKEN },
	{ "EPSV -1", LINE("EPSV -1\r\n"), BROKEN },
	{ "EPSV 1 2", LINE("EPSV 1 2\r\n"), BROKEN },
	{ "EPSV NUL", LINE("EPSV \0\r\n"), BROKEN },

	/* RFC 2228, 4217 */
	{ "AUTH TLS", LINE("AUTH TLS\r\n"), OF_INTEREST(AUTH, "AUTH", NULL) },
	{ "auth ssl", LINE("  auth ssl\r\n"), OF_INTEREST(AUTH, "auth", NULL) },
	{ "AUTH without mechanism", LINE("AUTH\r\n"), OF_INTEREST(AUTH, "AUTH", NULL) },
	{ "AUTH GSSAPI", LINE("AUTH GSSAPI\n"), COMPLETE, ALG_FTP_AUTH, 0, "AUTH", NULL, 0, true, 0, 0 },
	{ "CCC", LINE("CCC\r\n"), OF_INTEREST(CCC, NULL, NULL) },
	{ "ccc x", LINE("ccc x\r\n"), OF_INTEREST(CCC, NULL, NULL) },

	/* Telnet in front (RFC 959, 4.1.3; RFC 854) */
	{ "IAC IP, IAC DM", LINE("\xff\xf4\xff\xf2PASV\r\n"), OF_INTEREST(PASV, NULL, NULL) },
	{ "option negotiation", LINE("\xff\xfd\x01\xff\xfb\x06\xff\xfc\x01\xff\xfe\x01PORT 1,2,3,4,5,6\r\n"),
	  OF_INTEREST(PORT, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "spaces and Telnet", LINE(" \xff\xf1  EPRT |1|1.2.3.4|99|\r\n"),
	  OF_INTEREST(EPRT, "|1|1.2.3.4|99|", "1.2.3.4 99") },
	{ "IAC DM, ABOR", LINE("\xff\xf4\xff\xf2""ABOR\r\n"), OTHER_AT(6) },
	{ "IAC IAC is a byte of text", LINE("\xff\xff""PASV\r\n"), OTHER_AT(2) },
	{ "IAC before a letter", LINE("\xffPASV\r\n"), OTHER_AT(2) },
	{ "an option's LF ends the line", LINE("\xff\xfd\n"), OTHER_AT(0) },
	{ "IAC alone", LINE("\xff\n"), OTHER_AT(0) },

	/* of no interest */
	{ "empty", LINE("\r\n"), OTHER_AT(1) },
	{ "LF", LINE("\n"), OTHER_AT(0) },
	{ "spaces", LINE("   \r\n"), OTHER_AT(4) },
	{ "RETR", LINE("RETR file\r\n"), OTHER_AT(1) },
	{ "USER", LINE("USER PORT 1,2,3,4,5,6\r\n"), OTHER_AT(1) },
	{ "PASS differs from PASV in its fourth letter", LINE("PASS PASV\r\n"), OTHER_AT(4) },
	{ "PWD", LINE("PWD\r\n"), OTHER_AT(2) },
	{ "CWD", LINE("CWD /\r\n"), OTHER_AT(2) },
	{ "ACCT", LINE("ACCT x\r\n"), OTHER_AT(2) },
	{ "LIST", LINE("LIST\r\n"), OTHER_AT(2) },
	{ "PORTX", LINE("PORTX 1,2,3,4,5,6\r\n"), OTHER_AT(5) },
	{ "PASV, TAB", LINE("PASV\t\r\n"), OTHER_AT(5) },
	{ "PASV, NUL", LINE("PASV\0\r\n"), OTHER_AT(5) },
	{ "CCCC", LINE("CCCC\r\n"), OTHER_AT(4) },
	{ "EP", LINE("EP\r\n"), OTHER_AT(3) },
	{ "CR behind the word is no line end", LINE("PASV\rx\r\n"), OTHER_AT(0) },
	{ "TAB in front", LINE("\tPASV\r\n"), OTHER_AT(1) },
	{ "NUL in front", LINE("\0PASV\r\n"), OTHER_AT(1) },
	{ "a reply sent by the client", LINE("227 Entering Passive Mode (1,2,3,4,5,6)\r\n"), OTHER_AT(1) },
	{ "bytes that differ from a letter in more than case", LINE("\x10\x01\x13\x16\r\n"), OTHER_AT(1) },
};

#define ENTERING(k, c, f, e) COMPLETE, ALG_FTP_##k, c, f, e, 0, false, 0, 0
#define TEXT_AT(n) COMPLETE, ALG_FTP_OTHER, 0, NULL, NULL, n, false, 0, 0
#define BROKEN_REPLY(c) MALFORMED, ALG_FTP_REPLY, c, NULL, NULL, 0, false, 0, 0
#define REPLY_AT(c, n) COMPLETE, ALG_FTP_REPLY, c, NULL, NULL, n, false, 0, 0
#define STARTS_AT(c, n) COMPLETE, ALG_FTP_OTHER, 0, NULL, NULL, n, false, 0, c

static const struct row replies[] = {
	/* RFC 959, RFC 1123 4.1.2.6: 227 */
	{ "227", LINE("227 Entering Passive Mode (192,168,1,11,19,137)\r\n"),
	  ENTERING(227, 227, "192,168,1,11,19,137", "192.168.1.11 5001") },
	{ "full stop behind", LINE("227 Entering Passive Mode (1,2,3,4,5,6).\r\n"),
	  ENTERING(227, 227, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "no parentheses", LINE("227 Entering Passive Mode. 1,2,3,4,5,6\r\n"),
	  ENTERING(227, 227, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "equals sign", LINE("227 Entering Passive Mode =1,2,3,4,5,6\r\n"),
	  ENTERING(227, 227, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "numbers alone", LINE("227 1,2,3,4,5,6\r\n"), ENTERING(227, 227, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "other numbers in front", LINE("227 Mode 2 of 3, 1,024 (1,2,3,4,5,6) 7\r\n"),
	  ENTERING(227, 227, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "other language", LINE("227 Passiver Modus f\xc3\xbcr (1,2,3,4,5,6)\r\n"),
	  ENTERING(227, 227, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "two lists: the first", LINE("227 (1,2,3,4,5,6) (7,8,9,10,11,12)\r\n"),
	  ENTERING(227, 227, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "TAB", LINE("227\t(1,2,3,4,5,6)\r\n"), TEXT_AT(4) },
	{ "TAB in the text", LINE("227 \t1,2,3,4,5,6\t\r\n"), ENTERING(227, 227, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "LF without CR", LINE("227 (1,2,3,4,5,6)\n"),
	  COMPLETE, ALG_FTP_227, 227, "1,2,3,4,5,6", "1.2.3.4 1286", 0, true, 0, 0 },
	{ "Telnet in front", LINE("\xff\xfc\x01""227 (1,2,3,4,5,6)\r\n"),
	  ENTERING(227, 227, "1,2,3,4,5,6", "1.2.3.4 1286") },
	{ "no numbers", LINE("227 Entering Passive Mode\r\n"), BROKEN_REPLY(227) },
	{ "code alone", LINE("227\r\n"), BROKEN_REPLY(227) },
	{ "code alone, LF", LINE("227\n"), BROKEN_REPLY(227) },
	{ "five numbers", LINE("227 Entering Passive Mode (1,2,3,4,5)\r\n"), BROKEN_REPLY(227) },
	{ "seven numbers", LINE("227 Entering Passive Mode (1,2,3,4,5,6,7)\r\n"), BROKEN_REPLY(227) },
	{ "spaces between numbers", LINE("227 Entering Passive Mode (1, 2, 3, 4, 5, 6)\r\n"), BROKEN_REPLY(227) },
	{ "octet too large", LINE("227 Entering Passive Mode (1,2,3,256,5,6)\r\n"), BROKEN_REPLY(227) },
	{ "octet of four digits", LINE("227 (1,2,3,4,5,0006)\r\n"), BROKEN_REPLY(227) },
	{ "octet too large, then a good list", LINE("227 (1,2,3,256,5,6) (1,2,3,4,5,6)\r\n"), BROKEN_REPLY(227) },
	{ "port 0", LINE("227 Entering Passive Mode (1,2,3,4,0,0)\r\n"), BROKEN_REPLY(227) },
	{ "NUL in front of the numbers", LINE("227 Entering\0(1,2,3,4,5,6)\r\n"), BROKEN_REPLY(227) },
	{ "CR in front of the numbers", LINE("227 Entering\r(1,2,3,4,5,6)\r\n"), BROKEN_REPLY(227) },
	{ "CR behind the code", LINE("227\r(1,2,3,4,5,6)\r\n"), BROKEN_REPLY(227) },
	{ "NUL behind the numbers", LINE("227 (1,2,3,4,5,6)\0\r\n"), BROKEN_REPLY(227) },
	{ "DEL", LINE("227 (1,2,3,4,5,6)\x7f\r\n"), BROKEN_REPLY(227) },
	{ "229's text", LINE("227 (|||80|)\r\n"), BROKEN_REPLY(227) },

	/* RFC 1639: 228 */
	{ "228, IPv4", LINE("228 Entering Long Passive Mode (4,4,1,2,3,4,2,5,6)\r\n"),
	  ENTERING(228, 228, "4,4,1,2,3,4,2,5,6", "1.2.3.4 1286") },
	{ "228, IPv6", LINE("228 Entering Long Passive Mode (6,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,17,2,5,6)\r\n"),
	  ENTERING(228, 228, "6,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,17,2,5,6", "2001:db8::11 1286") },
	{ "six numbers are text", LINE("228 1,2,3,4,5,6 4,4,1,2,3,4,2,5,6\r\n"),
	  ENTERING(228, 228, "4,4,1,2,3,4,2,5,6", "1.2.3.4 1286") },
	{ "wrong family", LINE("228 Entering Long Passive Mode (6,4,1,2,3,4,2,5,6)\r\n"), BROKEN_REPLY(228) },
	{ "227's text", LINE("228 Entering Long Passive Mode (1,2,3,4,5,6)\r\n"), BROKEN_REPLY(228) },

	/* RFC 2428: 229 */
	{ "229", LINE("229 Entering Extended Passive Mode (|||6446|)\r\n"), ENTERING(229, 229, "6446", "- 6446") },
	{ "other delimiter", LINE("229 Entering Extended Passive Mode (!!!6446!)\r\n"),
	  ENTERING(229, 229, "6446", "- 6446") },
	{ "letters as delimiter", LINE("229 (xxx6446x)\r\n"), ENTERING(229, 229, "6446", "- 6446") },
	{ "parenthesis as delimiter", LINE("229 (((((6446(\r\n"), BROKEN_REPLY(229) },
	{ "no parentheses", LINE("229 Entering Extended Passive Mode |||6446|\r\n"),
	  ENTERING(229, 229, "6446", "- 6446") },
	{ "at the start", LINE("229 |||1|\r\n"), ENTERING(229, 229, "1", "- 1") },
	{ "full stop behind", LINE("229 Entering Extended Passive Mode (|||65535|).\r\n"),
	  ENTERING(229, 229, "65535", "- 65535") },
	{ "parentheses preferred", LINE("229 Wait...5. (|||6446|)\r\n"), ENTERING(229, 229, "6446", "- 6446") },
	{ "first of two in parentheses", LINE("229 (|||6446|) (|||7|)\r\n"), ENTERING(229, 229, "6446", "- 6446") },
	{ "first of two without parentheses", LINE("229 |||6446| |||7|\r\n"), ENTERING(229, 229, "6446", "- 6446") },
	{ "text in parentheses in front", LINE("229 Mode (extended) (|||6446|)\r\n"),
	  ENTERING(229, 229, "6446", "- 6446") },
	{ "LF without CR", LINE("229 (|||80|)\n"), COMPLETE, ALG_FTP_229, 229, "80", "- 80", 0, true, 0, 0 },
	{ "port 0", LINE("229 Entering Extended Passive Mode (|||0|)\r\n"), BROKEN_REPLY(229) },
	{ "port 65536", LINE("229 Entering Extended Passive Mode (|||65536|)\r\n"), BROKEN_REPLY(229) },
	{ "port of six digits", LINE("229 Entering Extended Passive Mode (|||006446|)\r\n"), BROKEN_REPLY(229) },
	{ "no port", LINE("229 Entering Extended Passive Mode (||||)\r\n"), BROKEN_REPLY(229) },
	{ "no last delimiter", LINE("229 Entering Extended Passive Mode (|||6446)\r\n"), BROKEN_REPLY(229) },
	{ "other last delimiter", LINE("229 Entering Extended Passive Mode (|||6446!)\r\n"), BROKEN_REPLY(229) },
	{ "ends in the port", LINE("229 Entering Extended Passive Mode (|||6446\r\n"), BROKEN_REPLY(229) },
	{ "two delimiters in front", LINE("229 Entering Extended Passive Mode (||6446|)\r\n"), BROKEN_REPLY(229) },
	{ "four delimiters in front", LINE("229 Entering Extended Passive Mode (||||6446|)\r\n"), BROKEN_REPLY(229) },
	{ "different delimiters", LINE("229 Entering Extended Passive Mode (|!|6446|)\r\n"), BROKEN_REPLY(229) },
	{ "space as delimiter", LINE("229 Entering Extended Passive Mode (   6446 )\r\n"), BROKEN_REPLY(229) },
	{ "sign", LINE("229 Entering Extended Passive Mode (|||-6446|)\r\n"), BROKEN_REPLY(229) },
	{ "with an address", LINE("229 Entering Extended Passive Mode (|1|1.2.3.4|6446|)\r\n"), BROKEN_REPLY(229) },
	{ "code alone", LINE("229\r\n"), BROKEN_REPLY(229) },
	{ "NUL", LINE("229 \0(|||6446|)\r\n"), BROKEN_REPLY(229) },

	/* other final replies: the code and the byte behind it decide */
	{ "greeting", LINE("220 welcome (1,2,3,4,5,6)\r\n"), REPLY_AT(220, 4) },
	{ "preliminary", LINE("150 Opening\r\n"), REPLY_AT(150, 4) },
	{ "error", LINE("550 227 (1,2,3,4,5,6)\r\n"), REPLY_AT(550, 4) },
	{ "AUTH accepted", LINE("234 AUTH TLS ok\r\n"), REPLY_AT(234, 4) },
	{ "protected reply (RFC 2228)", LINE("631 abc\r\n"), REPLY_AT(631, 4) },
	{ "no text", LINE("200\r\n"), REPLY_AT(200, 4) },
	{ "no text, LF", LINE("200\n"), REPLY_AT(200, 0) },
	{ "LF without CR is told for lines of interest only", LINE("200 ok\n"), REPLY_AT(200, 4) },

	/* no replies */
	{ "text", LINE("hello\r\n"), TEXT_AT(1) },
	{ "empty", LINE("\r\n"), TEXT_AT(1) },
	{ "LF", LINE("\n"), TEXT_AT(0) },
	{ "space in front", LINE(" 227 (1,2,3,4,5,6)\r\n"), TEXT_AT(1) },
	{ "code 027", LINE("027 (1,2,3,4,5,6)\r\n"), TEXT_AT(1) },
	{ "code 727", LINE("727 (1,2,3,4,5,6)\r\n"), TEXT_AT(1) },
	{ "two digits", LINE("22 (1,2,3,4,5,6)\r\n"), TEXT_AT(3) },
	{ "four digits", LINE("2270 (1,2,3,4,5,6)\r\n"), TEXT_AT(4) },
	{ "text at the code", LINE("227: (1,2,3,4,5,6)\r\n"), TEXT_AT(4) },
	{ "a command sent by the server", LINE("PORT 1,2,3,4,5,6\r\n"), TEXT_AT(1) },

	/* RFC 959, 4.2: several lines */
	{ "start", LINE("230-Welcome\r\n"), STARTS_AT(230, 4) },
	{ "start of a 227", LINE("227-Entering (1,2,3,4,5,6)\r\n"), STARTS_AT(227, 4) },
	{ "start without text", LINE("230-\r\n"), STARTS_AT(230, 4) },
#define INSIDE(n) COMPLETE, ALG_FTP_OTHER, 0, NULL, NULL, n, false, 230, 230
	{ "inside: text", LINE("Welcome\r\n"), INSIDE(1) },
	{ "inside: empty", LINE("\r\n"), INSIDE(1) },
	{ "inside: space in front of the code", LINE(" 230 x\r\n"), INSIDE(1) },
	{ "inside: another code's 227", LINE("227 Entering Passive Mode (1,2,3,4,5,6)\r\n"), INSIDE(2) },
	{ "inside: another code's start", LINE("220-x\r\n"), INSIDE(2) },
	{ "inside: a close code", LINE("231 x\r\n"), INSIDE(3) },
	{ "inside: the code again", LINE("230-more\r\n"), INSIDE(4) },
	{ "inside: the code as text", LINE("2300\r\n"), INSIDE(4) },
	{ "last line", LINE("230 done\r\n"), COMPLETE, ALG_FTP_REPLY, 230, NULL, NULL, 4, false, 230, 0 },
	{ "last line without text", LINE("230\r\n"), COMPLETE, ALG_FTP_REPLY, 230, NULL, NULL, 4, false, 230, 0 },
	{ "last line of a 227", LINE("227 Entering (1,2,3,4,5,6)\r\n"), COMPLETE, ALG_FTP_227, 227, "1,2,3,4,5,6",
	  "1.2.3.4 1286", 0, false, 227, 0 },
	{ "last line of a 229", LINE("229 (|||80|)\r\n"), COMPLETE, ALG_FTP_229, 229, "80", "- 80", 0, false, 229, 0 },
	{ "last line of a 227, malformed", LINE("227 End\r\n"),
	  MALFORMED, ALG_FTP_REPLY, 227, NULL, NULL, 0, false, 227, 0 },
};

static enum alg_parse parse(const u8 *data, u32 len, bool reply, u16 *multi, struct alg_ftp_msg *msg, u32 *used)
{
	enum alg_parse answer;

	memset(msg, 0xee, sizeof(*msg));
	*used = 4711;
	answer = alg_ftp_parse(data, len, reply, multi, msg, used);
	switch (answer) {
	case COMPLETE:
	case MALFORMED:
		assert_in_range(*used, 1, len);
		assert_int_equal(data[*used - 1], '\n');
		assert_in_range(msg->field_off + msg->field_len, 0, *used);
		break;
	case SKIP:
		assert_int_equal(*used, len);
		break;
	case PARTIAL:
		assert_in_range(*used, 0, len);
		assert_in_range(len, 0, ALG_FTP_LINE_MAX);
		break;
	}
	return answer;
}

static void endpoint_text(char text[64], const struct alg_endpoint *ep)
{
	char addr[ALG_ADDR_TEXT] = "-";

	if (ep->family)
		assert_true(alg_format_addr(addr, sizeof(addr), ep) > 0);
	snprintf(text, 64, "%s %u", addr, ep->port);
}

static bool is_of_interest(const struct row *r)
{
	return r->answer == MALFORMED || (r->kind != ALG_FTP_OTHER && r->kind != ALG_FTP_REPLY);
}

static void check_whole(const struct row *r, bool reply, const u8 *data, u32 len)
{
	struct alg_ftp_msg msg;
	u16 multi = r->multi;
	char text[64];
	u32 used;

	ROW_CHECK(parse(data, len, reply, &multi, &msg, &used) == r->answer, r->what, "answer");
	ROW_CHECK(used == r->len, r->what, "used");
	ROW_CHECK(msg.kind == r->kind, r->what, "kind");
	ROW_CHECK(msg.code == r->code, r->what, "code");
	ROW_CHECK(msg.bare_lf == r->bare_lf, r->what, "bare LF");
	ROW_CHECK(multi == r->multi_after, r->what, "multi-line state");
	ROW_CHECK(msg.field_len == (r->field ? strlen(r->field) : 0), r->what, "field's length");
	ROW_CHECK(!r->field || !memcmp(data + msg.field_off, r->field, msg.field_len), r->what, "field");
	endpoint_text(text, &msg.ep);
	ROW_CHECK(!strcmp(text, r->endpoint ? r->endpoint : "- 0"), r->what, text);
}

static void check_prefix(const struct row *r, bool reply, u32 len)
{
	enum alg_parse expected = !is_of_interest(r) && r->decided && len >= r->decided ? SKIP : PARTIAL;
	struct alg_ftp_msg msg;
	u16 multi = r->multi;
	u32 used;

	ROW_CHECK(parse(guard_start(r->text, len), len, reply, &multi, &msg, &used) == expected, r->what, "prefix");
	multi = r->multi;
	ROW_CHECK(parse(guard_end(r->text, len), len, reply, &multi, &msg, &used) == expected, r->what, "prefix");
	if (expected == SKIP) {
		ROW_CHECK(msg.kind == r->kind && msg.code == r->code, r->what, "SKIP tells what the whole line tells");
		ROW_CHECK(multi == r->multi_after, r->what, "multi-line state of SKIP");
	} else {
		ROW_CHECK(multi == r->multi, r->what, "multi-line state of PARTIAL");
		ROW_CHECK(!r->field || strstr(r->text + used, r->field), r->what, "what may pass ends before the field");
	}
}

static void check_rows(const struct row *rows, size_t n, bool reply)
{
	u8 more[256];

	for (const struct row *r = rows; r < rows + n; r++) {
		check_whole(r, reply, guard_start(r->text, r->len), r->len);
		check_whole(r, reply, guard_end(r->text, r->len), r->len);
		for (u32 len = 0; len < r->len; len++)
			check_prefix(r, reply, len);
		/* what follows changes nothing */
		memcpy(more, r->text, r->len);
		memcpy(more + r->len, "PORT 227 (9,9,9,9,9,9)\r\n", 24);
		check_whole(r, reply, more, r->len + 24);
	}
}

static void test_commands(void **state)
{
	check_rows(commands, ARRAY_SIZE(commands), false);
}

static void test_replies(void **state)
{
	check_rows(replies, ARRAY_SIZE(replies), true);
}

static void test_skip(void **state)
{
	u32 used;

	assert_int_equal(alg_ftp_skip(guard_end("", 0), 0, &used), SKIP);
	assert_int_equal(used, 0);
	assert_int_equal(alg_ftp_skip(guard_end("rest of a line", 14), 14, &used), SKIP);
	assert_int_equal(used, 14);
	assert_int_equal(alg_ftp_skip(guard_end("\n", 1), 1, &used), COMPLETE);
	assert_int_equal(used, 1);
	assert_int_equal(alg_ftp_skip(guard_end("PORT 1,2,3,4,5,6\r\nPASV\r\n", 24), 24, &used), COMPLETE);
	assert_int_equal(used, 18);
}

/* The search for the LF takes eight bytes at a time: every place and alignment, bytes that differ from LF in one bit. */
static void test_skip_places(void **state)
{
	static const u8 fill[] = { 0, 1, 0x0b, 0x8a, 0x8b, 0xff, 0x09, 0x0d };
	u8 line[40];
	u32 used;

	for (size_t f = 0; f < sizeof(fill); f++) {
		for (u32 len = 1; len <= sizeof(line); len++) {
			for (u32 lf = 0; lf < len; lf++) {
				memset(line, fill[f], len);
				line[lf] = '\n';
				assert_int_equal(alg_ftp_skip(guard_end(line, len), len, &used), COMPLETE);
				assert_int_equal(used, lf + 1);
			}
		}
	}
}

/*
 * Lines around ALG_FTP_LINE_MAX: @head, then @fill up to a length of @len with CRLF. Up to the limit they are read,
 * beyond they are not; the pieces never say another thing than the whole.
 */
static void check_long(bool reply, const char *head, char fill, u32 len, enum alg_parse answer, u8 kind, u16 code)
{
	static u8 line[ALG_FTP_LINE_MAX + 600];
	struct alg_ftp_msg msg;
	u16 multi = 0;
	u32 used, n;

	memset(line, fill, len);
	memcpy(line, head, strlen(head));
	memcpy(line + len - 2, "\r\n", 2);
	assert_int_equal(parse(guard_end(line, len), len, reply, &multi, &msg, &used), answer);
	assert_int_equal(used, len);
	assert_int_equal(msg.kind, kind);
	assert_int_equal(msg.code, code);
	for (n = 0; n < len; n++) {
		enum alg_parse part = parse(guard_end(line, n), n, reply, &multi, &msg, &used);

		assert_true(part == PARTIAL || part == SKIP);
		if (part == SKIP) {
			assert_int_equal(msg.kind, kind);
			assert_int_equal(msg.code, code);
			assert_int_equal(answer, COMPLETE);
		}
	}
}

static void test_long_lines(void **state)
{
	const u32 max = ALG_FTP_LINE_MAX;

	check_long(false, "PORT 1,2,3,4,5,6", ' ', max, COMPLETE, ALG_FTP_PORT, 0);
	check_long(false, "PORT 1,2,3,4,5,6", ' ', max + 1, COMPLETE, ALG_FTP_OTHER, 0);
	check_long(false, "PORT 1,2,3,4,5,6", ' ', max + 500, COMPLETE, ALG_FTP_OTHER, 0);
	check_long(false, "PORT 1,2,3,4,5,", '6', max, MALFORMED, ALG_FTP_OTHER, 0);
	check_long(false, "PORT 1,2,3,4,5,", '6', max + 1, COMPLETE, ALG_FTP_OTHER, 0);
	check_long(false, "EPRT ", '|', max, MALFORMED, ALG_FTP_OTHER, 0);
	check_long(false, "EPSV ", ' ', max, COMPLETE, ALG_FTP_EPSV, 0);
	check_long(false, "EPSV ", ' ', max + 1, COMPLETE, ALG_FTP_OTHER, 0);
	check_long(false, "PASV ", ' ', max, COMPLETE, ALG_FTP_PASV, 0);
	check_long(false, "PASV ", ' ', max + 1, COMPLETE, ALG_FTP_PASV, 0);
	check_long(false, "LPSV ", ' ', max + 1, COMPLETE, ALG_FTP_LPSV, 0);
	check_long(false, "CCC ", ' ', max + 1, COMPLETE, ALG_FTP_CCC, 0);
	check_long(false, "AUTH TLS", ' ', max + 500, COMPLETE, ALG_FTP_AUTH, 0);
	check_long(false, "RETR ", 'x', max + 500, COMPLETE, ALG_FTP_OTHER, 0);
	check_long(false, "", ' ', max - 1, COMPLETE, ALG_FTP_OTHER, 0);
	check_long(false, "", ' ', max, COMPLETE, ALG_FTP_OTHER, 0);
	check_long(false, "", ' ', max + 1, COMPLETE, ALG_FTP_OTHER, 0);
	check_long(true, "227 (1,2,3,4,5,6)", ' ', max, COMPLETE, ALG_FTP_227, 227);
	check_long(true, "227 (1,2,3,4,5,6)", ' ', max + 1, COMPLETE, ALG_FTP_REPLY, 227);
	check_long(true, "227 (1,2,3,4,5,6)", ' ', max + 500, COMPLETE, ALG_FTP_REPLY, 227);
	check_long(true, "227 ", '1', max, MALFORMED, ALG_FTP_REPLY, 227);
	check_long(true, "229 ", '|', max, MALFORMED, ALG_FTP_REPLY, 229);
	check_long(true, "229 (|||80|)", '|', max, COMPLETE, ALG_FTP_229, 229);
	check_long(true, "229 (|||80|)", '|', max + 1, COMPLETE, ALG_FTP_REPLY, 229);
	check_long(true, "220 ", 'x', max + 500, COMPLETE, ALG_FTP_REPLY, 220);
}

/* A command that @lead bytes of spaces or Telnet push towards the limit. */
static void test_long_leads(void **state)
{
	static const char *const lines[2][6] = {
		{ "PASV\r\n", "PASV\n", "AUTH TLS\r\n", "PORT 1,2,3,4,5,6\r\n", "CCC\rx\n", "RETR x\r\n" },
		{ "227 (1,2,3,4,5,6)\r\n", "220 x\r\n", "220\r\n", "220\n", "230-x\r\n", "text\r\n" },
	};
	static u8 line[ALG_FTP_LINE_MAX + 100];

	for (int reply = 0; reply < 2; reply++) {
		for (size_t i = 0; i < 6; i++) {
			for (u32 lead = ALG_FTP_LINE_MAX - 24; lead < ALG_FTP_LINE_MAX + 8; lead += 2) {
				u32 len = lead + (u32)strlen(lines[reply][i]), used;
				struct alg_ftp_msg whole, part;
				u16 multi = 0, part_multi;
				enum alg_parse answer;

				for (u32 n = 0; n < lead; n += 2)
					memcpy(line + n, "\xff\xf1", 2);
				memcpy(line + lead, lines[reply][i], len - lead);
				answer = parse(guard_end(line, len), len, reply, &multi, &whole, &used);
				assert_int_equal(answer, COMPLETE);
				for (u32 n = 0; n < len; n++) {
					part_multi = 0;
					if (parse(guard_end(line, n), n, reply, &part_multi, &part, &used) == PARTIAL)
						continue;
					assert_int_equal(part.kind, whole.kind);
					assert_int_equal(part.code, whole.code);
					assert_int_equal(part_multi, multi);
				}
			}
		}
	}
}

/* ---- formatting ---- */

static struct alg_endpoint endpoint(u8 family, const char *addr, u16 port)
{
	struct alg_endpoint ep = { .family = family, .port = port };

	if (family == 4)
		assert_true(alg_parse_ipv4((const u8 *)addr, (u32)strlen(addr), ep.addr));
	if (family == 6)
		assert_true(alg_parse_ipv6((const u8 *)addr, (u32)strlen(addr), ep.addr));
	return ep;
}

#define LONGEST6 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

static const struct {
	const char *line;
	u8 family;
	const char *addr;
	u16 port;
	const char *text;	/* NULL: can't be said */
} formats[] = {
	{ "PORT 1,2,3,4,5,6\r\n", 4, "203.0.113.1", 65535, "203,0,113,1,255,255" },
	{ "PORT 1,2,3,4,5,6\r\n", 4, "0.0.0.0", 1, "0,0,0,0,0,1" },
	{ "PORT 1,2,3,4,5,6\r\n", 4, "255.255.255.255", 256, "255,255,255,255,1,0" },
	{ "PORT 1,2,3,4,5,6\r\n", 4, "203.0.113.1", 0, NULL },
	{ "PORT 1,2,3,4,5,6\r\n", 6, "2001:db8::1", 5000, NULL },
	{ "PORT 1,2,3,4,5,6\r\n", 0, NULL, 5000, NULL },
	{ "EPRT |1|1.2.3.4|99|\r\n", 4, "203.0.113.1", 5000, "|1|203.0.113.1|5000|" },
	{ "EPRT !1!1.2.3.4!99!\r\n", 4, "203.0.113.1", 5000, "!1!203.0.113.1!5000!" },
	{ "EPRT |1|1.2.3.4|99|\r\n", 6, "2001:db8::1", 5000, "|2|2001:db8::1|5000|" },
	{ "EPRT |2|::1|99|\r\n", 4, "203.0.113.1", 5000, "|1|203.0.113.1|5000|" },
	{ "EPRT |2|::1|99|\r\n", 6, LONGEST6, 65535, "|2|" LONGEST6 "|65535|" },
	{ "EPRT |2|::1|99|\r\n", 6, "::", 1, "|2|::|1|" },
	{ "EPRT :1:1.2.3.4:99:\r\n", 4, "203.0.113.1", 5000, ":1:203.0.113.1:5000:" },
	{ "EPRT :1:1.2.3.4:99:\r\n", 6, "2001:db8::1", 5000, "|2|2001:db8::1|5000|" },
	{ "EPRT d1d1.2.3.4d99d\r\n", 6, "2001:db8::1", 5000, "|2|2001:db8::1|5000|" },
	{ "EPRT d1d1.2.3.4d99d\r\n", 6, "2001::1", 5000, "d2d2001::1d5000d" },
	{ "EPRT |1|1.2.3.4|99|\r\n", 0, NULL, 5000, NULL },
	{ "LPRT 4,4,1,2,3,4,2,5,6\r\n", 4, "203.0.113.1", 5000, "4,4,203,0,113,1,2,19,136" },
	{ "LPRT 4,4,1,2,3,4,2,5,6\r\n", 6, "2001:db8::1", 5000,
	  "6,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,1,2,19,136" },
	{ "LPRT 4,4,1,2,3,4,2,5,6\r\n", 6, LONGEST6, 65535,
	  "6,16,255,255,255,255,255,255,255,255,255,255,255,255,255,255,255,255,2,255,255" },
	{ "227 =1,2,3,4,5,6 \r\n", 4, "203.0.113.1", 5000, "203,0,113,1,19,136" },
	{ "227 =1,2,3,4,5,6 \r\n", 6, "2001:db8::1", 5000, NULL },
	{ "228 (4,4,1,2,3,4,2,5,6)\r\n", 4, "203.0.113.1", 5000, "4,4,203,0,113,1,2,19,136" },
	{ "228 (4,4,1,2,3,4,2,5,6)\r\n", 6, "::1", 5000, "6,16,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,2,19,136" },
	{ "229 (|||80|)\r\n", 4, "203.0.113.1", 5000, "5000" },
	{ "229 (|||80|)\r\n", 0, NULL, 5000, "5000" },
	{ "229 (|||80|)\r\n", 0, NULL, 0, NULL },
	{ "PASV\r\n", 4, "203.0.113.1", 5000, NULL },
	{ "AUTH TLS\r\n", 4, "203.0.113.1", 5000, NULL },
	{ "NOOP\r\n", 4, "203.0.113.1", 5000, NULL },
};

static void test_format(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct alg_endpoint ep = endpoint(formats[i].family, formats[i].addr, formats[i].port);
		bool reply = formats[i].line[0] == '2';
		char buf[ALG_FTP_TEXT], line[256], text[64], expected[64];
		struct alg_ftp_msg msg;
		u16 multi = 0;
		u32 used;
		int n;

		alg_ftp_parse((const u8 *)formats[i].line, (u32)strlen(formats[i].line), reply, &multi, &msg, &used);
		n = alg_ftp_format(&msg, &ep, buf, sizeof(buf));
		ROW_CHECK((n > 0) == (formats[i].text != NULL), formats[i].line, "can it be said");
		if (!n)
			continue;
		ROW_CHECK(!strcmp(buf, formats[i].text) && n == (int)strlen(buf), formats[i].line, buf);
		ROW_CHECK(alg_ftp_format(&msg, &ep, buf, (u32)n + 1) == n, formats[i].line, "just enough room");
		ROW_CHECK(alg_ftp_format(&msg, &ep, buf, (u32)n) == 0, formats[i].line, "no room for the NUL");

		/* in its place the text reads as the endpoint */
		snprintf(line, sizeof(line), "%.*s%s%s", msg.field_off, formats[i].line, formats[i].text,
			 formats[i].line + msg.field_off + msg.field_len);
		n = alg_ftp_parse((u8 *)line, (u32)strlen(line), reply, &multi, &msg, &used);
		ROW_CHECK(n == COMPLETE, formats[i].line, "reads back");
		if (msg.kind == ALG_FTP_229)
			ep = (struct alg_endpoint){ .port = ep.port };
		endpoint_text(text, &msg.ep);
		endpoint_text(expected, &ep);
		ROW_CHECK(!strcmp(text, expected), formats[i].line, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_skip_places),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_long_leads),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests_name("ftp", tests, NULL, NULL);
}
