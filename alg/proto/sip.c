// SPDX-License-Identifier: GPL-2.0-only
/* SIP messages: start line, header lines, where the message ends. */
#include "sip_parse.h"
#include "poison.h"

#define STUN_HEADER	20
#define STUN_COOKIE	0x2112a442
#define BODY_MAX	0x7fffffff	/* of a Content-Length that makes sense */

/* ---- methods ---- */

struct method {
	char name[10];
	u8 len;
};

static const struct method methods[ALG_SIP_METHODS] = {
	[ALG_SIP_UNKNOWN]	= { "unknown", 0 },
	[ALG_SIP_INVITE]	= { "INVITE", 6 },
	[ALG_SIP_ACK]		= { "ACK", 3 },
	[ALG_SIP_BYE]		= { "BYE", 3 },
	[ALG_SIP_CANCEL]	= { "CANCEL", 6 },
	[ALG_SIP_REGISTER]	= { "REGISTER", 8 },
	[ALG_SIP_OPTIONS]	= { "OPTIONS", 7 },
	[ALG_SIP_PRACK]		= { "PRACK", 5 },
	[ALG_SIP_SUBSCRIBE]	= { "SUBSCRIBE", 9 },
	[ALG_SIP_NOTIFY]	= { "NOTIFY", 6 },
	[ALG_SIP_UPDATE]	= { "UPDATE", 6 },
	[ALG_SIP_MESSAGE]	= { "MESSAGE", 7 },
	[ALG_SIP_REFER]		= { "REFER", 5 },
	[ALG_SIP_PUBLISH]	= { "PUBLISH", 7 },
	[ALG_SIP_INFO]		= { "INFO", 4 },
};

const char *alg_sip_method_name(enum alg_sip_method method)
{
	return methods[(unsigned int)method < ALG_SIP_METHODS ? method : ALG_SIP_UNKNOWN].name;
}

/* Are @len bytes at @a and at @b the same? @room: bytes that can be read at both; many enough make it quick. */
static bool is_same(const u8 *a, const u8 *b, u32 len, u32 room)
{
	u32 i;

	if (len - 1 < 8 && room >= 8)
		return !((alg_load64(a) ^ alg_load64(b)) << (64 - 8 * len));
	for (i = 0; i < len && a[i] == b[i]; i++)
		;
	return i == len;
}

/* Methods are case-sensitive (RFC 3261, 7.1). @room: bytes that can be read. */
static u8 find_method(const u8 *p, u32 len, u32 room)
{
	u8 method = ALG_SIP_UNKNOWN;

	switch (p[0]) {
	case 'I':
		method = len == 4 ? ALG_SIP_INFO : ALG_SIP_INVITE;
		break;
	case 'A':
		method = ALG_SIP_ACK;
		break;
	case 'B':
		method = ALG_SIP_BYE;
		break;
	case 'C':
		method = ALG_SIP_CANCEL;
		break;
	case 'R':
		method = len == 5 ? ALG_SIP_REFER : ALG_SIP_REGISTER;
		break;
	case 'O':
		method = ALG_SIP_OPTIONS;
		break;
	case 'P':
		method = len == 5 ? ALG_SIP_PRACK : ALG_SIP_PUBLISH;
		break;
	case 'S':
		method = ALG_SIP_SUBSCRIBE;
		break;
	case 'N':
		method = ALG_SIP_NOTIFY;
		break;
	case 'U':
		method = ALG_SIP_UPDATE;
		break;
	case 'M':
		method = ALG_SIP_MESSAGE;
		break;
	}
	return len == methods[method].len && is_same(p, (const u8 *)methods[method].name, len, room) ? method : ALG_SIP_UNKNOWN;
}

/* ---- header lines ---- */

struct header_name {
	char name[32];	/* its last eight bytes can be read wherever it ends */
	u8 len;
	u8 id;
};

/* First byte, length and middle byte tell every name from the others; a clash would be an initializer overridden. */
#define SLOT(first, len, middle) ((((first) * 11 + (len) * 53 + (middle) * 103) >> 1) & 63)

static const struct header_name header_names[64] = {
	[SLOT('v', 3, 'i')]	= { "via", 3, ALG_SIP_H_VIA },
	[SLOT('v', 1, 'v')]	= { "v", 1, ALG_SIP_H_VIA },
	[SLOT('f', 4, 'o')]	= { "from", 4, ALG_SIP_H_FROM },
	[SLOT('f', 1, 'f')]	= { "f", 1, ALG_SIP_H_FROM },
	[SLOT('t', 2, 'o')]	= { "to", 2, ALG_SIP_H_TO },
	[SLOT('t', 1, 't')]	= { "t", 1, ALG_SIP_H_TO },
	[SLOT('c', 7, 't')]	= { "contact", 7, ALG_SIP_H_CONTACT },
	[SLOT('m', 1, 'm')]	= { "m", 1, ALG_SIP_H_CONTACT },
	[SLOT('r', 5, 'u')]	= { "route", 5, ALG_SIP_H_ROUTE },
	[SLOT('r', 12, '-')]	= { "record-route", 12, ALG_SIP_H_RECORD_ROUTE },
	[SLOT('p', 4, 't')]	= { "path", 4, ALG_SIP_H_PATH },			/* RFC 3327 */
	[SLOT('s', 13, 'e')]	= { "service-route", 13, ALG_SIP_H_SERVICE_ROUTE },	/* RFC 3608 */
	[SLOT('r', 8, 'r')]	= { "refer-to", 8, ALG_SIP_H_REFER_TO },		/* RFC 3515 */
	[SLOT('r', 1, 'r')]	= { "r", 1, ALG_SIP_H_REFER_TO },
	[SLOT('r', 11, 'r')]	= { "referred-by", 11, ALG_SIP_H_REFERRED_BY },	/* RFC 3892 */
	[SLOT('b', 1, 'b')]	= { "b", 1, ALG_SIP_H_REFERRED_BY },
	[SLOT('r', 8, 'y')]	= { "reply-to", 8, ALG_SIP_H_REPLY_TO },
	[SLOT('p', 19, 'd')]	= { "p-asserted-identity", 19, ALG_SIP_H_ASSERTED },	/* RFC 3325 */
	[SLOT('p', 20, 'd')]	= { "p-preferred-identity", 20, ALG_SIP_H_PREFERRED },
	[SLOT('r', 15, 'p')]	= { "remote-party-id", 15, ALG_SIP_H_REMOTE_PARTY },
	[SLOT('d', 9, 'r')]	= { "diversion", 9, ALG_SIP_H_DIVERSION },		/* RFC 5806 */
	[SLOT('h', 12, 'y')]	= { "history-info", 12, ALG_SIP_H_HISTORY },		/* RFC 7044 */
	[SLOT('c', 7, 'l')]	= { "call-id", 7, ALG_SIP_H_CALL_ID },
	[SLOT('i', 1, 'i')]	= { "i", 1, ALG_SIP_H_CALL_ID },
	[SLOT('c', 4, 'e')]	= { "cseq", 4, ALG_SIP_H_CSEQ },
	[SLOT('e', 7, 'i')]	= { "expires", 7, ALG_SIP_H_EXPIRES },
	[SLOT('s', 15, '-')]	= { "session-expires", 15, ALG_SIP_H_SESSION_EXPIRES },	/* RFC 4028 */
	[SLOT('x', 1, 'x')]	= { "x", 1, ALG_SIP_H_SESSION_EXPIRES },
	[SLOT('c', 14, '-')]	= { "content-length", 14, ALG_SIP_H_CONTENT_LENGTH },
	[SLOT('l', 1, 'l')]	= { "l", 1, ALG_SIP_H_CONTENT_LENGTH },
	[SLOT('c', 12, 't')]	= { "content-type", 12, ALG_SIP_H_CONTENT_TYPE },
	[SLOT('c', 1, 'c')]	= { "c", 1, ALG_SIP_H_CONTENT_TYPE },
	[SLOT('c', 16, 'e')]	= { "content-encoding", 16, ALG_SIP_H_CONTENT_ENCODING },
	[SLOT('e', 1, 'e')]	= { "e", 1, ALG_SIP_H_CONTENT_ENCODING },
	[SLOT('c', 25, 's')]	= { "content-transfer-encoding", 25, ALG_SIP_H_TRANSFER_ENCODING },
};

/*
 * p[0..len) is @name, case ignored. Names are letters and '-', and there is nothing below ' ' in p[], so that a bit is
 * all that has to be set. @room: bytes that may be read at @p.
 */
static bool is_name(const u8 *p, u32 len, u32 room, const char *name)
{
	const u64 lower = ALG_BYTES(0x20);
	u32 i;

	if (room < 8)
		return alg_same_text(p, name, len);
	if (len < 8)
		return !(((alg_load64(p) | lower) ^ alg_load64((const u8 *)name)) << (64 - 8 * len));
	for (i = 0; i + 8 < len; i += 8)
		if ((alg_load64(p + i) | lower) != alg_load64((const u8 *)name + i))
			return false;
	return (alg_load64(p + len - 8) | lower) == alg_load64((const u8 *)name + len - 8);
}

/* The name p[0..len) as one of header_names[]; not empty. */
static u8 find_header(const u8 *p, u32 len, u32 room)
{
	const struct header_name *h = &header_names[SLOT(p[0] | 0x20, len, p[len / 2] | 0x20)];

	return h->len == len && is_name(p, len, room, h->name) ? h->id : ALG_SIP_H_NONE;
}

/* ---- header lines that nearly everybody writes so ---- */

/*
 * A line by its first bytes: names with their colon, as most messages have them, those of no interest among them. Any other line
 * is looked at more closely.
 */
struct quick_name {
	char name[16];
	u8 len;
	u8 id;
};

#define QUICK_SLOT(first) (((first) * 0x058ed66fU) >> 27)	/* of three letters, the first one lowest */
#define QUICK(a, b, c) QUICK_SLOT((a) | (b) << 8 | (c) << 16)	/* another one for each */
#define QUICK_MORE	3	/* names that begin alike */

static const struct quick_name quick_names[32][QUICK_MORE] = {
	[QUICK('v', 'i', 'a')] = { { "via:", 4, ALG_SIP_H_VIA } },
	[QUICK('f', 'r', 'o')] = { { "from:", 5, ALG_SIP_H_FROM } },
	[QUICK('t', 'o', ':')] = { { "to:", 3, ALG_SIP_H_TO } },
	[QUICK('c', 'a', 'l')] = { { "call-id:", 8, ALG_SIP_H_CALL_ID } },
	[QUICK('c', 's', 'e')] = { { "cseq:", 5, ALG_SIP_H_CSEQ } },
	[QUICK('c', 'o', 'n')] = { { "contact:", 8, ALG_SIP_H_CONTACT },
				   { "content-type:", 13, ALG_SIP_H_CONTENT_TYPE },
				   { "content-length:", 15, ALG_SIP_H_CONTENT_LENGTH } },
	[QUICK('r', 'e', 'c')] = { { "record-route:", 13, ALG_SIP_H_RECORD_ROUTE } },
	[QUICK('r', 'o', 'u')] = { { "route:", 6, ALG_SIP_H_ROUTE } },
	[QUICK('e', 'x', 'p')] = { { "expires:", 8, ALG_SIP_H_EXPIRES } },
	[QUICK('s', 'e', 's')] = { { "session-expires:", 16, ALG_SIP_H_SESSION_EXPIRES } },
	[QUICK('m', 'a', 'x')] = { { "max-forwards:", 13, ALG_SIP_H_NONE } },
	[QUICK('u', 's', 'e')] = { { "user-agent:", 11, ALG_SIP_H_NONE } },
	[QUICK('a', 'l', 'l')] = { { "allow:", 6, ALG_SIP_H_NONE }, { "allow-events:", 13, ALG_SIP_H_NONE } },
	[QUICK('s', 'u', 'p')] = { { "supported:", 10, ALG_SIP_H_NONE } },
	[QUICK('s', 'e', 'r')] = { { "server:", 7, ALG_SIP_H_NONE } },
	[QUICK('r', 'e', 'q')] = { { "require:", 8, ALG_SIP_H_NONE } },
	[QUICK('a', 'c', 'c')] = { { "accept:", 7, ALG_SIP_H_NONE } },
	[QUICK('d', 'a', 't')] = { { "date:", 5, ALG_SIP_H_NONE } },
	[QUICK('m', 'i', 'n')] = { { "min-se:", 7, ALG_SIP_H_NONE } },
	[QUICK('p', 'r', 'i')] = { { "privacy:", 8, ALG_SIP_H_NONE } },
	[QUICK('s', 'u', 'b')] = { { "subject:", 8, ALG_SIP_H_NONE } },
	[QUICK('a', 'u', 't')] = { { "authorization:", 14, ALG_SIP_H_NONE } },
};

/* Does the line at @p, whose first eight bytes are @w, begin with @q? Case ignored; 16 bytes can be read. */
static inline bool is_quick(const u8 *p, u64 w, const struct quick_name *q)
{
	const u8 *name = (const u8 *)q->name;
	u64 tail;

	if (q->len < 8)		/* a set bit makes letters and "-:" of what is below ' ', too */
		return q->len && !(((w | ALG_BYTES(0x20)) ^ alg_load64(name)) << (64 - 8 * q->len)) &&
		       !(alg_low_bytes(w, ' ') << (64 - 8 * q->len));
	if ((w | ALG_BYTES(0x20)) != alg_load64(name) || alg_low_bytes(w, ' '))
		return false;
	tail = alg_load64(p + q->len - 8);
	return (tail | ALG_BYTES(0x20)) == alg_load64(name + q->len - 8) && !alg_low_bytes(tail, ' ');
}

static inline const struct quick_name *find_quick(const u8 *p)
{
	u64 w = alg_load64(p);
	const struct quick_name *q = quick_names[QUICK_SLOT(((u32)w & 0xffffff) | 0x202020)];
	u32 n;

	for (n = 0; n < QUICK_MORE; n++, q++)
		if (is_quick(p, w, q))
			return q;
	return NULL;
}

/* Where a header's name ends: the first byte that is ':' or not above space. */
static u32 name_end(const u8 *p, u32 i, u32 end)
{
	u64 w, marks;

	for (; end - i >= 8; i += 8) {
		w = alg_load64(p + i);
		marks = alg_zero_bytes(w ^ ALG_BYTES(':')) | alg_low_bytes(w, ' ' + 1);
		if (marks)
			return i + alg_lowest(marks);
	}
	while (i < end && p[i] > ' ' && p[i] != ':')
		i++;
	return i;
}

static bool is_blank(u8 c)
{
	return c == ' ' || c == '\t';
}

/*
 * RFC 3261, 7.3.1: a line that begins with white space continues the one before. Return: the header's last LF; @end:
 * not there.
 */
static u32 last_lf(const u8 *p, u32 i, u32 end)
{
	for (;;) {
		i = alg_find_lf(p, i, end);
		if (i == end || i + 1 == end)
			return end;
		if (!is_blank(p[i + 1]))
			return i;
		i++;
	}
}

/* The value [i, end), between the colon and the last LF, without white space at its ends. */
static inline void trim(const u8 *p, u32 i, u32 end, struct alg_sip_line *line)
{
	if (p[i] == ' ')
		i++;
	if (p[end - 1] == '\r')
		end--;
	if (p[i] <= ' ' || p[end - 1] <= ' ') {
		i = alg_skip_ws(p, i, end);
		while (end > i && alg_is(p[end - 1], ALG_C_WS))
			end--;
	}
	line->value = i;
	line->end = end;
}

/* false: it has to be looked at more closely. */
static inline bool read_quick(const u8 *p, u32 i, u32 end, struct alg_sip_line *line)
{
	const struct quick_name *q;
	u32 lf;

	if (end - i < sizeof(q->name))
		return false;
	q = find_quick(p + i);
	if (!q)
		return false;
	lf = alg_find_lf(p, i, end);	/* from the line's start: not waiting for what its name's length is */
	i += q->len;
	if (end - lf < 2 || (p[lf + 1] <= ' ' && is_blank(p[lf + 1])))
		return false;
	line->id = q->id;
	line->next = lf + 1;
	if (line->id != ALG_SIP_H_NONE)
		trim(p, i, lf, line);
	return true;
}

static enum alg_parse read_line(const u8 *p, u32 i, u32 end, struct alg_sip_line *line)
{
	u32 name = i, behind = name_end(p, i, end), lf = last_lf(p, behind, end);	/* no LF is in a name */

	if (lf == end)
		return ALG_PARSE_PARTIAL;
	line->next = lf + 1;
	for (i = behind; is_blank(p[i]); i++)
		;
	if (p[i] != ':' || behind == name)
		return ALG_PARSE_MALFORMED;
	line->id = find_header(p + name, behind - name, end - name);
	if (line->id != ALG_SIP_H_NONE)
		trim(p, i + 1, lf, line);
	return ALG_PARSE_COMPLETE;
}

enum alg_parse alg_sip_header_line(const u8 *p, u32 i, u32 end, struct alg_sip_line *line)
{
	return read_line(p, i, end, line);
}

/* ---- headers ---- */

static bool read_call_id(struct alg_sip_parser *s, const struct alg_sip_line *line)
{
	s->msg->call_id = alg_sip_span(line->value, line->end);
	return line->value < line->end && alg_run_to(s->p, line->value, ALG_C_WS) == line->end;
}

static bool read_cseq(struct alg_sip_parser *s, const struct alg_sip_line *line)
{
	u32 i = alg_scan_number_in(s->p, line->value, line->end, s->len, 0xffffffff, &s->msg->cseq), start, len;

	if (i == ALG_SCAN_BAD)
		return false;
	start = alg_skip_ws(s->p, i, line->end);
	len = line->end - start;
	if (start == i || !len)
		return false;
	if (s->msg->kind == ALG_SIP_REQUEST)
		return len == s->msg->method_text.len &&
		       is_same(s->p + start, s->p + s->msg->method_text.off, len, s->len - start);
	s->msg->method = find_method(s->p + start, len, s->len - start);
	s->msg->method_text = alg_sip_span(start, line->end);
	return s->msg->method != ALG_SIP_UNKNOWN || alg_skip_class(s->p, start, line->end, ALG_C_TOKEN) == line->end;
}

static bool read_length(struct alg_sip_parser *s, const struct alg_sip_line *line)
{
	u32 val;

	if (alg_scan_number_in(s->p, line->value, line->end, s->len, BODY_MAX, &val) != line->end ||
	    (s->msg->content_length != ALG_SIP_NONE && s->msg->content_length != val)) {
		s->endless = true;
		return false;
	}
	if (s->msg->length_again.len)
		return false;
	if (s->msg->length.len)
		s->msg->length_again = alg_sip_span(line->value, line->end);
	else
		s->msg->length = alg_sip_span(line->value, line->end);
	s->msg->content_length = val;
	return true;
}

/* RFC 4475, 3.1.2.4: what is no number or too large means the default. @param: something may follow. */
static u32 read_seconds(struct alg_sip_parser *s, const struct alg_sip_line *line, u32 otherwise)
{
	u32 val, i = alg_scan_number_in(s->p, line->value, line->end, s->len, ALG_SIP_NONE - 1, &val);

	if (i == ALG_SCAN_BAD || (i < line->end && s->p[i] != ';' && !alg_is(s->p[i], ALG_C_WS)))
		return otherwise;
	return val;
}

/* Headers that may break their grammar without anybody on the path being hurt: their addresses are left alone then. */
static bool read_addresses(struct alg_sip_parser *s, const struct alg_sip_line *line)
{
	u8 before = s->msg->n_refs;

	if (!alg_sip_addresses(s, line->value, line->end, line->id))
		s->msg->n_refs = before;
	return true;
}

/* A header that a message has at most once. */
static bool first_time(const struct alg_sip_parser *s, const struct alg_sip_line *line)
{
	return !(s->seen & 1U << line->id);
}

static bool read_header(struct alg_sip_parser *s, const struct alg_sip_line *line)
{
	switch (line->id) {
	case ALG_SIP_H_NONE:
		return true;
	case ALG_SIP_H_VIA:
		return alg_sip_via(s, line->value, line->end);
	case ALG_SIP_H_FROM:
	case ALG_SIP_H_TO:
		return first_time(s, line) && alg_sip_party(s, line->value, line->end, line->id);
	case ALG_SIP_H_CALL_ID:
		return first_time(s, line) && read_call_id(s, line);
	case ALG_SIP_H_CSEQ:
		return first_time(s, line) && read_cseq(s, line);
	case ALG_SIP_H_CONTACT:
		return alg_sip_contacts(s, line->value, line->end);
	case ALG_SIP_H_EXPIRES:
		s->msg->expires = read_seconds(s, line, 3600);
		return true;
	case ALG_SIP_H_SESSION_EXPIRES:
		s->msg->session_expires = read_seconds(s, line, ALG_SIP_NONE);
		return true;
	case ALG_SIP_H_CONTENT_LENGTH:
		return read_length(s, line);
	case ALG_SIP_H_CONTENT_TYPE:
		return first_time(s, line) && alg_sip_content_type(s->p, line->value, line->end, &s->content);
	case ALG_SIP_H_CONTENT_ENCODING:
		s->encoded |= !ALG_SAME(s->p + line->value, line->end - line->value, "identity");
		return true;
	case ALG_SIP_H_TRANSFER_ENCODING:	/* of a part only */
		return true;
	default:
		return read_addresses(s, line);
	}
}

static bool is_empty_line(const u8 *p, u32 i, u32 end)
{
	return p[i] == '\n' || (p[i] == '\r' && end - i > 1 && p[i + 1] == '\n');
}

/*
 * Header lines from @i up to and with the empty one. PARTIAL: it isn't there. s->bad is set where a header breaks its
 * grammar.
 */
static enum alg_parse read_headers(struct alg_sip_parser *s, u32 i)
{
	struct alg_sip_line line;
	enum alg_parse answer;
	const u8 *p = s->p;

	while (i < s->len) {
		if (p[i] <= '\r' && is_empty_line(p, i, s->len)) {
			s->msg->header_len = (u16)(i + (p[i] == '\n' ? 1 : 2));
			return ALG_PARSE_COMPLETE;
		}
		if (read_quick(p, i, s->len, &line))
			answer = ALG_PARSE_COMPLETE;
		else
			answer = read_line(p, i, s->len, &line);
		if (answer == ALG_PARSE_PARTIAL)
			return answer;
		i = line.next;
		if (answer == ALG_PARSE_MALFORMED) {
			s->bad = true;
		} else {
			s->bad |= !read_header(s, &line);
			s->seen |= 1U << line.id;
		}
	}
	return ALG_PARSE_PARTIAL;
}

/* ---- start line ---- */

static bool is_version(const u8 *p, u32 i, u32 end)
{
	return end - i == 7 && (!memcmp(p + i, "SIP/2.0", 7) || alg_same_text(p + i, "sip/2.0", 7));
}

/* "SIP/2.0" SP 3DIGIT SP reason (RFC 3261, 7.2); without the second space if there is no reason. */
static bool read_status_line(struct alg_sip_parser *s, u32 i, u32 end)
{
	u32 status;

	s->msg->kind = ALG_SIP_RESPONSE;
	if (end - i < 11 || !is_version(s->p, i, i + 7) || s->p[i + 7] != ' ' ||
	    alg_scan_number(s->p, i + 8, end, 699, &status) != i + 11 || status < 100)
		return false;
	s->msg->status = (u16)status;
	return i + 11 == end || s->p[i + 11] == ' ';
}

/*
 * Method SP Request-URI SP "SIP/2.0" (RFC 3261, 7.1), single spaces. @method_end is where a space follows the method.
 */
static bool read_request_line(struct alg_sip_parser *s, u32 i, u32 method_end, u32 end)
{
	s->msg->kind = ALG_SIP_REQUEST;
	s->msg->method = find_method(s->p + i, method_end - i, end - i);
	s->msg->method_text = alg_sip_span(i, method_end);
	if (end - method_end < 10 || s->p[end - 8] != ' ' || !is_version(s->p, end - 7, end))
		return false;
	return alg_sip_uri(s, method_end + 1, end - 8, ALG_SIP_AT_REQUEST_URI, ALG_SIP_URI_LINE) != ALG_SCAN_BAD;
}

/*
 * Is the last word of the line, or its first, a SIP version? Then it is a message that is broken, and not another
 * protocol.
 */
static bool looks_like_sip(const u8 *p, u32 i, u32 end)
{
	u32 word;

	while (end > i && is_blank(p[end - 1]))
		end--;
	if (end - i < 4)
		return false;
	if (ALG_SAME(p + i, 4, "sip/"))
		return true;
	for (word = end; word > i && !is_blank(p[word - 1]); word--)
		;
	return word > i && end - word > 4 && ALG_SAME(p + word, 4, "sip/");
}

/* May what is there of the first line be the start of SIP? */
static bool may_become_sip(const u8 *p, u32 i, u32 end)
{
	u32 behind = alg_skip_class(p, i, end, ALG_C_TOKEN);

	if (behind == end)
		return true;
	return p[behind] == ' ' ? behind > i : p[behind] == '/' && ALG_SAME(p + i, behind - i, "sip");
}

/*
 * The first line, from @i on. COMPLETE: *@next is the line behind (s->bad may be set); PARTIAL; MALFORMED: this is not
 * SIP.
 */
static enum alg_parse read_start_line(struct alg_sip_parser *s, u32 i, u32 *next)
{
	const u8 *p = s->p;
	u32 lf = alg_find_lf(p, i, s->len), end = lf, word = alg_skip_class(p, i, lf, ALG_C_TOKEN);

	if (lf == s->len)
		return may_become_sip(p, i, lf) ? ALG_PARSE_PARTIAL : ALG_PARSE_MALFORMED;
	if (end > i && p[end - 1] == '\r')
		end--;
	*next = lf + 1;
	if (word > i && word < end && p[word] == ' ' && read_request_line(s, i, word, end))
		return ALG_PARSE_COMPLETE;
	if (word < end && p[word] == '/' && read_status_line(s, i, end))
		return ALG_PARSE_COMPLETE;
	s->bad = true;
	return may_become_sip(p, i, end) && looks_like_sip(p, i, end) ? ALG_PARSE_COMPLETE : ALG_PARSE_MALFORMED;
}

/* ---- messages ---- */

/* Everything that is needed for handling it at all (RFC 3261, 8.1.1). */
static bool is_whole(const struct alg_sip_parser *s)
{
	const u32 need = 1U << ALG_SIP_H_VIA | 1U << ALG_SIP_H_FROM | 1U << ALG_SIP_H_TO | 1U << ALG_SIP_H_CALL_ID |
			 1U << ALG_SIP_H_CSEQ;

	return (s->seen & need) == need;
}

static void read_body(struct alg_sip_parser *s)
{
	struct alg_sip_msg *msg = s->msg;
	u32 end = msg->header_len + msg->body_len;

	if (s->encoded || !msg->body_len)
		return;
	if (s->content.kind == ALG_SIP_CONTENT_SDP) {
		alg_sip_add_body(s, msg->header_len, end, (struct alg_sip_span){ 0 });
	} else if (s->content.kind == ALG_SIP_CONTENT_MULTIPART) {
		msg->multipart = true;
		alg_sip_multipart(s, msg->header_len, end);
	}
}

static enum alg_parse end_datagram(struct alg_sip_parser *s, u32 len, u32 *used)
{
	struct alg_sip_msg *msg = s->msg;
	u32 left = len - msg->header_len;

	*used = len;
	if (s->bad || !is_whole(s))
		return ALG_PARSE_MALFORMED;
	if (msg->content_length == ALG_SIP_NONE)
		msg->body_len = left;
	else if (msg->content_length <= left)
		msg->body_len = msg->content_length;
	else
		return ALG_PARSE_MALFORMED;
	*used = msg->header_len + msg->body_len;
	read_body(s);
	return ALG_PARSE_COMPLETE;
}

static enum alg_parse end_stream(struct alg_sip_parser *s, u32 len, u32 *used)
{
	struct alg_sip_msg *msg = s->msg;
	bool given = msg->content_length != ALG_SIP_NONE;
	u32 end;

	/* RFC 3261, 18.3: a body on a stream has its length */
	if (s->endless || (!given && s->content.kind != ALG_SIP_CONTENT_NONE)) {
		*used = len;
		return ALG_PARSE_MALFORMED;
	}
	msg->body_len = given ? msg->content_length : 0;
	end = msg->header_len + msg->body_len;
	*used = end;
	if (s->bad || !is_whole(s))
		return ALG_PARSE_MALFORMED;
	if (s->encoded || s->content.kind <= ALG_SIP_CONTENT_OTHER)
		return ALG_PARSE_COMPLETE;
	if (end > ALG_SIP_MESSAGE_MAX)
		return ALG_PARSE_MALFORMED;
	if (end > len) {
		*used = 0;
		return ALG_PARSE_PARTIAL;
	}
	read_body(s);
	return ALG_PARSE_COMPLETE;
}

/* STUN's header (RFC 5389, 6), or NULs as some send them to keep a mapping. Return: neither: MALFORMED. */
static enum alg_parse read_binary(const u8 *p, u32 len, bool stream, struct alg_sip_msg *msg, u32 *used)
{
	u32 i, total;

	for (i = 4; i < min_t(u32, len, 8) && p[i] == (u8)(STUN_COOKIE >> (56 - 8 * i)); i++)
		;
	if (i >= min_t(u32, len, 8) && (stream || len >= STUN_HEADER)) {
		if (len >= 8) {
			total = STUN_HEADER + get_unaligned_be16(p + 2);
			msg->kind = ALG_SIP_STUN;
			*used = stream ? total : len;
			return ALG_PARSE_COMPLETE;
		}
		if (stream && (len > 1 || p[0])) {
			*used = 0;
			return ALG_PARSE_PARTIAL;
		}
	}
	for (i = 0; i < len && !p[i]; i++)
		;
	*used = len;
	if (!i || (!stream && i < len))
		return ALG_PARSE_MALFORMED;
	*used = i;
	msg->kind = ALG_SIP_KEEPALIVE;
	return ALG_PARSE_COMPLETE;
}

static void clear_msg(struct alg_sip_msg *msg)
{
	/* The arrays are filled in as far as their counts say. */
	alg_clear(msg, offsetof(struct alg_sip_msg, contacts));
	msg->expires = ALG_SIP_NONE;
	msg->session_expires = ALG_SIP_NONE;
	msg->content_length = ALG_SIP_NONE;
	msg->top_via = ALG_SIP_REFS;
}

static void begin(struct alg_sip_parser *s, const u8 *data, struct alg_sip_msg *msg)
{
	alg_clear(s, offsetof(struct alg_sip_parser, known));
	s->p = data;
	s->msg = msg;
}

static enum alg_parse read_message(struct alg_sip_parser *s, u32 i, u32 len, bool stream, u32 header_max, u32 *used)
{
	enum alg_parse answer;
	u32 next = i;

	/* The empty line must be within reach. */
	s->len = i + min_t(u32, len - i, header_max);
	answer = read_start_line(s, i, &next);
	if (answer == ALG_PARSE_COMPLETE)
		answer = read_headers(s, next);
	if (answer == ALG_PARSE_COMPLETE) {
		s->len = len;
		return stream ? end_stream(s, len, used) : end_datagram(s, len, used);
	}
	if (answer == ALG_PARSE_PARTIAL && stream && len < header_max) {
		*used = 0;
		return ALG_PARSE_PARTIAL;
	}
	*used = len;
	return ALG_PARSE_MALFORMED;
}

enum alg_parse alg_sip_parse(const u8 *data, u32 len, bool stream, u32 header_max, struct alg_sip_msg *msg, u32 *used)
{
	struct alg_sip_parser s ALG_UNINIT;
	u32 i = 0;

	begin(&s, data, msg);
	clear_msg(msg);
	len = min_t(u32, len, ALG_SIP_MESSAGE_MAX);
	header_max = min_t(u32, header_max, ALG_SIP_MESSAGE_MAX);
	*used = len;
	if (!len)
		return stream ? ALG_PARSE_PARTIAL : ALG_PARSE_MALFORMED;
	if (data[0] <= 3)
		return read_binary(data, len, stream, msg, used);
	while (i < len && (data[i] == '\r' || data[i] == '\n'))
		i++;
	/* RFC 5626, 3.5.1, on a stream; in a datagram with a message behind them they are nothing (RFC 3261, 7.5) */
	if (i && (stream || i == len)) {
		*used = i;
		msg->kind = ALG_SIP_KEEPALIVE;
		return ALG_PARSE_COMPLETE;
	}
	return read_message(&s, i, len, stream, header_max, used);
}
