/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FTP control messages (RFC 959, 1123, 1639, 2228, 2428, 7151) and what one control session has promised so far.
 * Freestanding: see env.h.
 */
#ifndef NF_ALG_PROTO_FTP_H
#define NF_ALG_PROTO_FTP_H

#include "parse.h"
#include "endpoint.h"

enum alg_ftp_kind {
	ALG_FTP_OTHER,		/* a complete line that means nothing to an ALG */
	/* commands */
	ALG_FTP_PORT,		/* PORT h1,h2,h3,h4,p1,p2 */
	ALG_FTP_EPRT,		/* EPRT |af|addr|port| */
	ALG_FTP_LPRT,		/* LPRT af,hal,h1,..,pal,p1,.. */
	ALG_FTP_PASV,
	ALG_FTP_LPSV,
	ALG_FTP_EPSV,		/* also with a protocol number */
	ALG_FTP_EPSV_ALL,
	ALG_FTP_AUTH,		/* any mechanism */
	ALG_FTP_CCC,
	/* replies: the last line of each */
	ALG_FTP_227,
	ALG_FTP_228,
	ALG_FTP_229,
	ALG_FTP_REPLY,		/* any other final reply line; msg->code tells */
};

/**
 * struct alg_ftp_msg - one line
 * @kind:	enum alg_ftp_kind
 * @delim:	EPRT's and 229's delimiter
 * @bare_lf:	the line ends in LF without CR
 * @code:	replies: the three digits; 0 for commands and for lines inside a multi-line reply
 * @field_off:	offset within the line, and length, of the text that alg_ftp_format() replaces:
 * @field_len:	PORT, LPRT, 227, 228: all numbers with their commas; EPRT: from first to last delimiter; 229: the port's digits;
 *		AUTH: the command word
 * @ep:		PORT, EPRT, LPRT, 227, 228: the endpoint; 229: its port, family 0
 */
struct alg_ftp_msg {
	u8 kind;
	u8 delim;
	bool bare_lf;
	u16 code;
	u16 field_off, field_len;
	struct alg_endpoint ep;
};

#define ALG_FTP_LINE_MAX 1024	/* longest line that is kept whole when split over segments */

/**
 * alg_ftp_parse() - one line of the client (@reply false) or the server (@reply true)
 * @data:	starts at a line's first byte
 * @len:	bytes at hand
 * @reply:	which grammar
 * @multi:	replies: code of the multi-line reply that the line stands in (RFC 959, 4.2), 0 if none; updated on COMPLETE
 * @msg:	result, valid on COMPLETE
 * @used:	length of the line incl. its end; on SKIP and MALFORMED see enum alg_parse
 *
 * PARTIAL only while the bytes at hand may still become a line of interest and are at most ALG_FTP_LINE_MAX.
 * A line of interest with arguments that break its grammar (octet > 255, port > 65535, missing terminator, NUL or other control
 * bytes inside the field, six numbers with spaces ...) is MALFORMED. Case-insensitive commands, any number of leading spaces or
 * Telnet IAC sequences (RFC 959 says Telnet: IAC IP, IAC DM before ABOR) are tolerated, 227 with or without parentheses.
 */
enum alg_parse alg_ftp_parse(const u8 *data, u32 len, bool reply, u16 *multi, struct alg_ftp_msg *msg, u32 *used);

/**
 * alg_ftp_format() - the text that replaces msg's field when the endpoint becomes @ep
 * Return: length, 0 if the message can't carry it (IPv6 in PORT) or @size is too small.
 */
int alg_ftp_format(const struct alg_ftp_msg *msg, const struct alg_endpoint *ep, char *buf, u32 size);

/* What the session's messages so far allow. Zeroed at start. */
struct alg_ftp_session {
	u16 multi;		/* parser's multi-line state, server side */
	u8 passive_wait;	/* PASV/EPSV/LPSV commands still unanswered, saturating; a queue of kinds, oldest first */
	u8 passive_queue[8];
	u8 auth_wait;		/* AUTH unanswered */
	u8 ccc_wait;
	u8 replies_due;		/* commands sent and not yet answered by a final reply (saturating): pairs replies with commands */
	bool epsv_all;		/* EPSV ALL accepted: PORT, PASV, EPRT, LPRT are refused (RFC 2428, 4) */
	bool encrypted;		/* 234 accepted: nothing is parsed until a CCC is accepted */
};

enum alg_ftp_action {
	ALG_FTP_PASS,		/* nothing to do */
	ALG_FTP_OPEN,		/* msg->ep is to be reached by the other side: rewrite and open */
	ALG_FTP_UNSOLICITED,	/* 227/228/229 that no command asked for: pass, open nothing, count */
	ALG_FTP_AUTH_SEEN,	/* the client asks for encryption; policy may refuse it */
	ALG_FTP_ENCRYPTED,	/* from here on the connection can't be read: stop */
	ALG_FTP_NOT_ALLOWED,	/* PORT & co. after EPSV ALL: pass, open nothing, count */
};

/* Feeds one parsed message into the session. */
enum alg_ftp_action alg_ftp_session_step(struct alg_ftp_session *s, bool reply, const struct alg_ftp_msg *msg);

#endif /* NF_ALG_PROTO_FTP_H */
