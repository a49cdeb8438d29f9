/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FTP control messages (RFC 959, 1123, 1639, 2228, 2428, 4217, 7151) and what one control session has promised so far.
 * Freestanding: see env.h.
 */
#ifndef NF_ALG_PROTO_FTP_H
#define NF_ALG_PROTO_FTP_H

#include "parse.h"
#include "endpoint.h"

enum alg_ftp_kind {
	ALG_FTP_OTHER,		/* a line that means nothing to an ALG */
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
 * @bare_lf:	the line ends in LF without CR; told for lines of interest only (not OTHER, not REPLY)
 * @code:	replies: the three digits; 0 for commands and for lines that are not the last one of a reply
 * @field_off:	offset within the line, and length, of the text that alg_ftp_format() replaces:
 * @field_len:	PORT, LPRT, 227, 228: all numbers with their commas; EPRT: from first to last delimiter; 229: the port's
 *		digits; AUTH: the command word
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

/* Longest line, incl. its end, whose arguments are read: the most that is worth keeping of one that comes in pieces. */
#define ALG_FTP_LINE_MAX 1024

/**
 * alg_ftp_parse() - one line of the client (@reply false) or the server (@reply true)
 * @data:	starts at a line's first byte
 * @len:	bytes at hand
 * @reply:	which grammar
 * @multi:	replies: code of the multi-line reply that the line stands in (RFC 959, 4.2), 0 if none; updated unless
 *		PARTIAL
 * @msg:	result, valid unless PARTIAL: every line goes to alg_ftp_session_step() exactly once, with the first
 *		answer other than PARTIAL
 * @used:	COMPLETE, MALFORMED: length of the line incl. its end; SKIP: @len; PARTIAL: bytes before any field
 *		(field_off of whatever the line becomes is not below)
 *
 * PARTIAL only while the bytes at hand may still become a line of interest and are at most ALG_FTP_LINE_MAX.
 * SKIP says that the line is of no interest (OTHER, REPLY) although its end is not there yet: the rest goes to
 * alg_ftp_skip(), not here. The code and the multi-line state are final then. A line of interest that exceeds
 * ALG_FTP_LINE_MAX is OTHER or REPLY, except for kinds that the command word alone decides (PASV, LPSV, AUTH, CCC),
 * which SKIP may therefore name too.
 * A line of interest with arguments that break its grammar (octet > 255, port > 65535 or 0, missing terminator, NUL or
 * other control bytes, six numbers with spaces ...) is MALFORMED; its kind is OTHER or, with its code, REPLY.
 * Case-insensitive commands, any number of leading spaces or Telnet IAC sequences (RFC 959 says Telnet: IAC IP, IAC DM
 * before ABOR) are tolerated, 227 with or without parentheses.
 */
enum alg_parse alg_ftp_parse(const u8 *data, u32 len, bool reply, u16 *multi, struct alg_ftp_msg *msg, u32 *used);

/*
 * Inside a line for which SKIP was answered: COMPLETE with @used through its LF, else SKIP of everything. Not a message
 * of its own, nothing goes to alg_ftp_session_step().
 */
enum alg_parse alg_ftp_skip(const u8 *data, u32 len, u32 *used);

/**
 * alg_ftp_plain() - is p[0..len) exactly one line, at first sight of no interest?
 * @code:	replies: the code of this final line, not 227 to 229; outside a multi-line reply only
 *
 * Return: true only if alg_ftp_parse() with no multi-line reply open answers COMPLETE with all @len bytes, and OTHER for a
 * command or REPLY with @code for a reply. false says nothing.
 */
bool alg_ftp_plain(const u8 *p, u32 len, bool reply, u16 *code);

/* Enough for every text that alg_ftp_format() makes, incl. NUL (LPRT and 228 with IPv6: 21 numbers). */
#define ALG_FTP_TEXT 84

/**
 * alg_ftp_format() - the text that replaces msg's field when the endpoint becomes @ep
 * EPRT: msg->delim is kept unless it occurs in the address. 229 takes the port alone.
 * Return: length without the NUL, 0 if the message can't carry it (IPv6 in PORT, port 0) or @size is too small.
 */
int alg_ftp_format(const struct alg_ftp_msg *msg, const struct alg_endpoint *ep, char *buf, u32 size);

/* ---- TLS on the control connection (RFC 4217): read only as far as needed to see it end ---- */

/* @data starts with a TLS record's header (RFC 8446, 5.1; RFC 5246, 6.2.1). Needs 5 bytes. */
bool alg_ftp_is_tls_record(const u8 *data, u32 len);

/* Nothing in the bytes at hand (at least one) speaks against the start of a plain FTP line. A record never looks so. */
bool alg_ftp_looks_plain(const u8 *data, u32 len, bool reply);

enum alg_ftp_tls_state {
	ALG_FTP_TLS_OFF,	/* never was on, or plain text again */
	ALG_FTP_TLS_RECORDS,	/* counting records */
	ALG_FTP_TLS_ENDED,	/* plain text came, inside a segment: waiting for a segment that starts a line */
	ALG_FTP_TLS_LOST,	/* neither records nor plain text, or bytes were missed: for good */
};

/* One direction. Zeroed: off. */
struct alg_ftp_tls {
	u32 next;		/* sequence number of the next byte to look at */
	u32 left;		/* bytes of the record's body to come */
	u8 state;
	u8 have;		/* header bytes seen */
	u8 head[5];
	bool line_start;	/* ENDED: the byte at next starts a line */
};

/* The byte at sequence number @next starts a record. */
void alg_ftp_tls_start(struct alg_ftp_tls *t, u32 next);

/*
 * One segment, before it goes to the stream. Old bytes are ignored; a gap inside a record's body does no harm.
 * Return: true once, when the segment's first byte starts a line of plain text: parsing may begin with it.
 */
bool alg_ftp_tls_segment(struct alg_ftp_tls *t, bool reply, u32 seq, const u8 *data, u32 len);

/* ---- the session ---- */

#define ALG_FTP_QUEUE 8

/* A command that waits for its reply, and how many of no interest were sent between the one before and it. */
struct alg_ftp_pending {
	u8 kind;
	u8 ahead;
};

/*
 * What the session's messages so far allow. Zeroed at start. Each command gets one final reply, in order (RFC 959,
 * 5.4); all that is kept of commands without interest is their number, saturating.
 */
struct alg_ftp_session {
	u16 multi;		/* parser's multi-line state, server side */
	struct alg_ftp_pending queue[ALG_FTP_QUEUE];	/* PASV, LPSV, EPSV, EPSV ALL, AUTH; oldest first */
	u8 queued;
	u8 behind;		/* other commands without a reply, sent after the last in the queue */
	bool greeted;		/* 220 seen, which answers no command */
	bool epsv_all;		/* EPSV ALL accepted: PORT, PASV, EPRT, LPRT are refused (RFC 2428, 4) */
	bool encrypted;		/* 234 accepted and not both directions back in plain text */
	struct alg_ftp_tls tls[2];	/* client, server */
};

enum alg_ftp_action {
	ALG_FTP_PASS,		/* nothing to do */
	ALG_FTP_OPEN,		/* msg->ep is to be reached by the other side: rewrite and open */
	ALG_FTP_UNSOLICITED,	/* 227/228/229 that no command asked for: pass, open nothing, count */
	ALG_FTP_AUTH_SEEN,	/* the client asks for encryption; policy may refuse it */
	ALG_FTP_ENCRYPTED,	/* neither direction can be read any more: stop both, then alg_ftp_session_encrypt() */
	ALG_FTP_NOT_ALLOWED,	/* PORT & co. after EPSV ALL: pass, open nothing, count */
};

/* Feeds one parsed line into the session: COMPLETE, MALFORMED, and SKIP when it comes from alg_ftp_parse(). */
enum alg_ftp_action alg_ftp_session_step(struct alg_ftp_session *s, bool reply, const struct alg_ftp_msg *msg);

/*
 * The short way for the many segments that are one line of no interest. Return: true if @data is such a line; the session
 * then is as after alg_ftp_parse() and alg_ftp_session_step(), whose answers would be COMPLETE, all of it, and PASS. false:
 * nothing has changed, take the long way.
 */
bool alg_ftp_quick(struct alg_ftp_session *s, bool reply, const u8 *data, u32 len);

/*
 * After ALG_FTP_ENCRYPTED: the sequence number at which each direction's first record will start (the byte that its
 * stream expects next, behind the 234 line for the server's). Without this call the session stays encrypted for good.
 */
void alg_ftp_session_encrypt(struct alg_ftp_session *s, u32 client_next, u32 server_next);

/*
 * Each segment of a session with s->encrypted, before it goes to the stream. CCC and its 200 are inside TLS (RFC 4217);
 * all that shows is plain text where a record would start.
 * Return: true when this direction's stream is to be resumed with this segment. The directions return one by one.
 */
bool alg_ftp_session_tls(struct alg_ftp_session *s, bool reply, u32 seq, const u8 *data, u32 len);

#endif /* NF_ALG_PROTO_FTP_H */
