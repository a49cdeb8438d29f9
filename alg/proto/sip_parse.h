/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the SIP parser share: sip.c lines and headers, sip_uri.c addresses, sip_body.c bodies. */
#ifndef NF_ALG_PROTO_SIP_PARSE_H
#define NF_ALG_PROTO_SIP_PARSE_H

#include "sip.h"
#include "sip_scan.h"

/* Headers that the parser reads. The first ones, up to the identities, have the numbers of enum alg_sip_where. */
enum alg_sip_header {
	ALG_SIP_H_NONE,
	ALG_SIP_H_VIA = ALG_SIP_AT_VIA,
	ALG_SIP_H_FROM = ALG_SIP_AT_FROM,
	ALG_SIP_H_TO = ALG_SIP_AT_TO,
	ALG_SIP_H_CONTACT = ALG_SIP_AT_CONTACT,
	ALG_SIP_H_ROUTE = ALG_SIP_AT_ROUTE,
	ALG_SIP_H_RECORD_ROUTE = ALG_SIP_AT_RECORD_ROUTE,
	ALG_SIP_H_PATH = ALG_SIP_AT_PATH,
	ALG_SIP_H_SERVICE_ROUTE = ALG_SIP_AT_SERVICE_ROUTE,
	ALG_SIP_H_REFER_TO = ALG_SIP_AT_REFER_TO,
	ALG_SIP_H_REFERRED_BY = ALG_SIP_AT_REFERRED_BY,
	ALG_SIP_H_REPLY_TO = ALG_SIP_AT_REPLY_TO,
	ALG_SIP_H_ASSERTED = ALG_SIP_AT_ASSERTED,
	ALG_SIP_H_PREFERRED = ALG_SIP_AT_PREFERRED,
	ALG_SIP_H_REMOTE_PARTY = ALG_SIP_AT_REMOTE_PARTY,
	ALG_SIP_H_DIVERSION = ALG_SIP_AT_DIVERSION,
	ALG_SIP_H_HISTORY = ALG_SIP_AT_HISTORY,
	ALG_SIP_H_CALL_ID, ALG_SIP_H_CSEQ, ALG_SIP_H_EXPIRES, ALG_SIP_H_SESSION_EXPIRES,
	ALG_SIP_H_CONTENT_LENGTH, ALG_SIP_H_CONTENT_TYPE, ALG_SIP_H_CONTENT_ENCODING, ALG_SIP_H_TRANSFER_ENCODING,
};

/**
 * struct alg_sip_line - a header line with its continuations
 * @id:		enum alg_sip_header
 * @value, @end: its value, without white space at both ends
 * @next:	start of the next line, which is there
 */
struct alg_sip_line {
	u8 id;
	u32 value, end, next;
};

enum alg_sip_content { ALG_SIP_CONTENT_NONE, ALG_SIP_CONTENT_OTHER, ALG_SIP_CONTENT_SDP, ALG_SIP_CONTENT_MULTIPART };

/**
 * struct alg_sip_content_type - value of a Content-Type
 * @kind:	enum alg_sip_content
 * @boundary:	of a multipart, without quotes; in the message
 */
struct alg_sip_content_type {
	u8 kind;
	struct alg_sip_span boundary;
};

#define ALG_SIP_KNOWN	2	/* a message is between two, and hardly names others */

/**
 * struct alg_sip_known - an IPv4 address that was read before
 * @low, @high:	its text, at least eight bytes
 * @mask:	how much of @high it is
 * @len:	of the text
 */
struct alg_sip_known {
	u64 low, high, mask;
	u8 len;
	u8 quad[4];
};

/**
 * struct alg_sip_parser - a message being parsed
 * @len:	bytes that may be looked at
 * @seen:	bit for each enum alg_sip_header that was there
 * @bad:	the message is malformed; parsing goes on to find its end
 * @endless:	... which can't be told
 * @encoded:	a body that is compressed or the like
 * @known:	addresses that stood in it, as text and as value: @n_known of them, the next one's place
 * @uri:	what alg_sip_uri() read last; @base without its parameters
 * @uri_ref:	index of its host in refs; ALG_SIP_REFS: a name, or no SIP URI
 */
struct alg_sip_parser {
	const u8 *p;
	u32 len;
	struct alg_sip_msg *msg;
	u32 seen;
	bool bad, endless, encoded;
	struct alg_sip_content_type content;
	struct alg_sip_span uri, base;
	u8 uri_ref;
	u8 n_known, next_known;
	struct alg_sip_known known[ALG_SIP_KNOWN];
};

/**
 * struct alg_sip_param - one ";name=value"
 * @value, @value_end: equal without a value; of a quoted string what is between the quotes
 */
struct alg_sip_param {
	u32 name, name_end;
	u32 value, value_end;
	bool quoted;
};

enum alg_sip_uri_form {
	ALG_SIP_URI_LINE,	/* is all of [i, end) */
	ALG_SIP_URI_ANGLE,	/* ends with '>' */
	ALG_SIP_URI_BARE,	/* ends with what can't be part of it, or where a header's parameters begin */
};

static inline struct alg_sip_span alg_sip_span(u32 from, u32 end)
{
	return (struct alg_sip_span){ .off = (u16)from, .len = (u16)(end - from) };
}

/*
 * The line that starts at @i, which is not white space. COMPLETE; PARTIAL: its end is not in [i, end); MALFORMED: it
 * has no name, and only line->next is valid.
 */
enum alg_parse alg_sip_header_line(const u8 *p, u32 i, u32 end, struct alg_sip_line *line);

/* Return: the offset behind the URI, or ALG_SCAN_BAD. */
u32 alg_sip_uri(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where, enum alg_sip_uri_form form);

/*
 * The parameter at *@i, which moves behind it. Return: 1; 0: *@i is the end or a comma; -1: neither parameter nor end.
 */
int alg_sip_next_param(const u8 *p, u32 *i, u32 end, struct alg_sip_param *param);

/* Headers with addresses. false: the grammar is broken. */
bool alg_sip_via(struct alg_sip_parser *s, u32 i, u32 end);
bool alg_sip_party(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where);
bool alg_sip_contacts(struct alg_sip_parser *s, u32 i, u32 end);
bool alg_sip_addresses(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where);

/* Bodies. */
bool alg_sip_content_type(const u8 *p, u32 i, u32 end, struct alg_sip_content_type *type);
void alg_sip_add_body(struct alg_sip_parser *s, u32 from, u32 end, struct alg_sip_span length);
void alg_sip_multipart(struct alg_sip_parser *s, u32 from, u32 end);

#endif /* NF_ALG_PROTO_SIP_PARSE_H */
