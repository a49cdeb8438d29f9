// SPDX-License-Identifier: GPL-2.0-only
#include "ftp.h"
#include "poison.h"

#define TELNET_IAC	255
#define TELNET_DONT	254
#define TELNET_WILL	251
#define TELNET_SE	240

#define LIST_MAX	21	/* numbers in LPRT and 228 with IPv6: 1 + 1 + 16 + 1 + 2 */

/* ---- lines ---- */

static u32 find_lf(const u8 *p, u32 i, u32 len)
{
	const u64 ones = ~0ULL / 255;
	u64 w;

	/* A zero byte in w is a LF: eight bytes at a time. */
	for (; len - i >= sizeof(w); i += sizeof(w)) {
		memcpy(&w, p + i, sizeof(w));
		w ^= ones * '\n';
		w = (w - ones) & ~w & ones << 7;
		if (!w)
			continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		return i + (u32)(__builtin_ctzll(w) >> 3);	/* the lowest mark is exact */
#else
		break;
#endif
	}
	while (i < len && p[i] != '\n')
		i++;
	return i;
}

/* Where the line's text ends whose LF is at @lf: a CR before it doesn't count. */
static u32 text_end(const u8 *p, u32 from, u32 lf)
{
	return lf > from && p[lf - 1] == '\r' ? lf - 1 : lf;
}

/* Nothing in the line is of interest (any more). */
static enum alg_parse pass_line(const u8 *p, u32 from, u32 len, u32 *used)
{
	u32 lf = find_lf(p, from, len);

	if (lf < len) {
		*used = lf + 1;
		return ALG_PARSE_COMPLETE;
	}
	*used = len;
	return ALG_PARSE_SKIP;
}

/* The line may be of interest, but its end is not there. */
static enum alg_parse wait_or_pass(u32 len, u32 *used)
{
	if (len <= ALG_FTP_LINE_MAX)
		return ALG_PARSE_PARTIAL;
	*used = len;
	return ALG_PARSE_SKIP;
}

enum alg_parse alg_ftp_skip(const u8 *data, u32 len, u32 *used)
{
	return pass_line(data, 0, len, used);
}

/*
 * Telnet commands (RFC 854) and, for commands, spaces in front of a line. A LF is never part of them, so that a line
 * ends at its first LF whoever looks. Return: offset behind; @len if the last of them is incomplete.
 */
static u32 skip_lead(const u8 *p, u32 len, bool spaces)
{
	u32 i = 0;

	while (i < len) {
		if (p[i] == ' ' && spaces) {
			i++;
		} else if (p[i] == TELNET_IAC) {
			if (len - i < 2)
				return len;
			if (p[i + 1] >= TELNET_WILL && p[i + 1] <= TELNET_DONT) {
				if (len - i < 3)
					return len;
				if (p[i + 2] == '\n')
					return i;
				i += 3;
			} else if (p[i + 1] >= TELNET_SE && p[i + 1] < TELNET_WILL) {
				i += 2;
			} else {
				return i;
			}
		} else {
			return i;
		}
	}
	return i;
}

static bool is_digit(u8 c)
{
	return c >= '0' && c <= '9';
}

static bool has_control(const u8 *p, u32 from, u32 end)
{
	const u64 ones = ~0ULL / 255;
	u64 w, d;

	/* A byte below 32 or 127: eight bytes at a time, and then byte by byte because of tabs. */
	for (; end - from >= sizeof(w); from += sizeof(w)) {
		memcpy(&w, p + from, sizeof(w));
		d = w ^ ones * 127;
		if ((((w - ones * ' ') & ~w) | ((d - ones) & ~d)) & ones << 7)
			break;
	}
	for (; from < end; from++)
		if ((p[from] < ' ' && p[from] != '\t') || p[from] == 127)
			return true;
	return false;
}

/* ---- endpoints ---- */

/*
 * struct number_list - numbers joined by commas
 * @n:		how many, also beyond LIST_MAX
 * @bad:	one of them exceeds 255 or has more than three digits
 */
struct number_list {
	u32 n;
	bool bad;
	u8 v[LIST_MAX];
};

/* Reads a list whose first digit is p[i]. Return: offset behind its last digit. */
static u32 read_list(const u8 *p, u32 i, u32 end, struct number_list *list)
{
	u32 start, val;

	list->n = 0;
	list->bad = false;
	for (;;) {
		val = p[i] - '0';
		for (start = i++; i < end && is_digit(p[i]); i++)
			if (i - start < 3)
				val = val * 10 + (p[i] - '0');
		if (i - start > 3 || val > 255)
			list->bad = true;
		if (list->n < LIST_MAX)
			list->v[list->n] = (u8)val;
		list->n++;
		if (end - i < 2 || p[i] != ',' || !is_digit(p[i + 1]))
			return i;
		i++;
	}
}

/* How many numbers there may be: six (RFC 959), or by family nine or 21 (RFC 1639). */
static bool list_has_length(const struct number_list *list, bool is_long)
{
	return is_long ? list->n == 9 || list->n == 21 : list->n == 6;
}

static bool list_endpoint(const struct number_list *list, bool is_long, struct alg_endpoint *ep)
{
	u32 hal = is_long && list->n == 21 ? 16 : 4;
	const u8 *v = list->v;
	u16 port;

	if (list->bad || !list_has_length(list, is_long))
		return false;
	if (is_long) {
		/* RFC 1639, 3: address family (an IP version), address length, address, port length, port */
		if (v[0] != (hal == 4 ? 4 : 6) || v[1] != hal || v[2 + hal] != 2)
			return false;
		v += 2;
	}
	port = (u16)(v[list->n - (is_long ? 4 : 2)] << 8 | v[list->n - (is_long ? 3 : 1)]);
	if (!port)
		return false;
	memset(ep, 0, sizeof(*ep));
	memcpy(ep->addr, v, hal);
	ep->family = hal == 4 ? 4 : 6;
	ep->port = port;
	return true;
}

static void set_field(struct alg_ftp_msg *msg, u32 from, u32 end)
{
	msg->field_off = (u16)from;
	msg->field_len = (u16)(end - from);
}

/* PORT, LPRT: the argument is a list and nothing else. */
static bool parse_list(const u8 *p, u32 from, u32 end, bool is_long, struct alg_ftp_msg *msg)
{
	struct number_list list ALG_UNINIT;

	if (from == end || !is_digit(p[from]) || read_list(p, from, end, &list) != end)
		return false;
	set_field(msg, from, end);
	return list_endpoint(&list, is_long, &msg->ep);
}

/* 227, 228: the first list of the right length, wherever it is (RFC 1123, 4.1.2.6). */
static bool scan_list(const u8 *p, u32 from, u32 end, bool is_long, struct alg_ftp_msg *msg)
{
	struct number_list list ALG_UNINIT;
	u32 i = from, behind;

	while (i < end) {
		if (!is_digit(p[i])) {
			i++;
			continue;
		}
		behind = read_list(p, i, end, &list);
		if (list_has_length(&list, is_long)) {
			set_field(msg, i, behind);
			return list_endpoint(&list, is_long, &msg->ep);
		}
		i = behind;
	}
	return false;
}

static bool parse_port(const u8 *p, u32 len, u16 *port)
{
	u32 val;

	if (len > 5 || !alg_parse_u32(p, len, 65535, &val) || !val)
		return false;
	*port = (u16)val;
	return true;
}

static bool is_delim(u8 c)
{
	return c > 32 && c < 127 && !is_digit(c);
}

static inline u32 find_byte(const u8 *p, u32 from, u32 end, u8 c)
{
	while (from < end && p[from] != c)
		from++;
	return from;
}

/* RFC 2428, 2: <d>1 or 2<d>address<d>port<d> */
static bool parse_eprt(const u8 *p, u32 from, u32 end, struct alg_ftp_msg *msg)
{
	u32 addr = from + 3, addr_end, port_end;
	u8 d;

	if (end - from < 3)
		return false;
	d = p[from];
	if (!is_delim(d) || p[from + 2] != d)
		return false;
	addr_end = find_byte(p, addr, end, d);
	if (addr_end == end)
		return false;
	port_end = find_byte(p, addr_end + 1, end, d);
	if (port_end + 1 != end || !parse_port(p + addr_end + 1, port_end - addr_end - 1, &msg->ep.port))
		return false;
	msg->delim = d;
	set_field(msg, from, end);
	if (p[from + 1] == '1') {
		msg->ep.family = 4;
		return alg_parse_ipv4(p + addr, addr_end - addr, msg->ep.addr);
	}
	msg->ep.family = 6;
	return p[from + 1] == '2' && alg_parse_ipv6(p + addr, addr_end - addr, msg->ep.addr);
}

/* RFC 2428, 3: <d><d><d>port<d>. One in parentheses is preferred, for other text may look the same: "wait...5." */
static bool scan_229(const u8 *p, u32 from, u32 end, struct alg_ftp_msg *msg)
{
	u32 i, digits, found = 0;

	for (i = from; end - i > 4; i += 1 + digits) {
		u8 d = p[i];
		bool paren = i > from && p[i - 1] == '(';

		digits = 0;
		if (!is_delim(d) || p[i + 1] != d || p[i + 2] != d || !is_digit(p[i + 3]))
			continue;
		if (i > from && p[i - 1] == d)
			continue;
		while (i + 3 + digits < end && is_digit(p[i + 3 + digits]))
			digits++;
		if (i + 3 + digits == end || p[i + 3 + digits] != d || (found && !paren))
			continue;
		msg->delim = d;
		set_field(msg, i + 3, i + 3 + digits);
		found = 1;
		if (paren)
			break;
	}
	return found && parse_port(p + msg->field_off, msg->field_len, &msg->ep.port);
}

/* ---- commands ---- */

struct command {
	char word[5];
	u8 len;
	u8 kind;
};

static const struct command commands[] = {
	{ "port", 4, ALG_FTP_PORT },
	{ "eprt", 4, ALG_FTP_EPRT },
	{ "pasv", 4, ALG_FTP_PASV },
	{ "epsv", 4, ALG_FTP_EPSV },
	{ "lprt", 4, ALG_FTP_LPRT },
	{ "lpsv", 4, ALG_FTP_LPSV },
	{ "auth", 4, ALG_FTP_AUTH },
	{ "ccc", 3, ALG_FTP_CCC },
};

static bool may_start_command(u8 c)
{
	switch (c | 0x20) {
	case 'a':
	case 'c':
	case 'e':
	case 'l':
	case 'p':
		return true;
	}
	return false;
}

/* May the word be one of commands[]? Four bytes tell, case folded as find_command() does it. */
static bool may_be_command(u32 word)
{
	switch (word | 0x20202020) {
	case 0x706f7274:	/* port */
	case 0x65707274:	/* eprt */
	case 0x70617376:	/* pasv */
	case 0x65707376:	/* epsv */
	case 0x6c707274:	/* lprt */
	case 0x6c707376:	/* lpsv */
	case 0x61757468:	/* auth */
		return true;
	}
	return (word | 0x20202020) >> 8 == 0x636363;	/* ccc */
}

/* Is p[0..len) a command of interest, or its beginning (@len too short to tell)? */
static const struct command *find_command(const u8 *p, u32 len)
{
	const struct command *c;
	u32 n, i;

	/* Most lines end here. */
	if (len >= 4 ? !may_be_command(get_unaligned_be32(p)) : len && !may_start_command(p[0]))
		return NULL;
	for (c = commands; c < commands + ARRAY_SIZE(commands); c++) {
		n = min_t(u32, len, c->len);
		for (i = 0; i < n && (p[i] | 0x20) == c->word[i]; i++)
			;
		if (i < n)
			continue;
		if (len <= c->len || p[n] == ' ' || p[n] == '\r' || p[n] == '\n')
			return c;
	}
	return NULL;
}

static bool is_all(const u8 *p, u32 len)
{
	return len == 3 && (p[0] | 0x20) == 'a' && (p[1] | 0x20) == 'l' && (p[2] | 0x20) == 'l';
}

/* The argument of @msg->kind, from the word's end to the end of the text. */
static bool parse_argument(const u8 *p, u32 from, u32 end, struct alg_ftp_msg *msg)
{
	u32 proto;

	while (from < end && p[from] == ' ')
		from++;
	while (end > from && p[end - 1] == ' ')
		end--;
	switch (msg->kind) {
	case ALG_FTP_PORT:
	case ALG_FTP_LPRT:
		return parse_list(p, from, end, msg->kind == ALG_FTP_LPRT, msg);
	case ALG_FTP_EPRT:
		return parse_eprt(p, from, end, msg);
	case ALG_FTP_EPSV:
		if (is_all(p + from, end - from))
			msg->kind = ALG_FTP_EPSV_ALL;
		else if (from < end)
			return alg_parse_u32(p + from, end - from, 65535, &proto);
		return true;
	default:
		return true;
	}
}

/*
 * The usual PORT line, in one walk: spaces, six numbers, the line's end. Return: false, and nothing has changed, if it looks
 * different in any way or its end is not at hand.
 */
static bool port_at_once(const u8 *p, u32 from, u32 len, struct alg_ftp_msg *msg, u32 *used)
{
	struct number_list list ALG_UNINIT;
	u32 end, lf;

	while (from < len && p[from] == ' ')
		from++;
	if (from == len || !is_digit(p[from]))
		return false;
	end = read_list(p, from, len, &list);
	lf = end < len && p[end] == '\r' ? end + 1 : end;
	if (lf >= min_t(u32, len, ALG_FTP_LINE_MAX) || p[lf] != '\n' || !list_endpoint(&list, false, &msg->ep))
		return false;
	msg->kind = ALG_FTP_PORT;
	msg->bare_lf = end == lf;
	set_field(msg, from, end);
	*used = lf + 1;
	return true;
}

static bool word_decides(u8 kind)
{
	return kind == ALG_FTP_PASV || kind == ALG_FTP_LPSV || kind == ALG_FTP_AUTH || kind == ALG_FTP_CCC;
}

static enum alg_parse parse_command(const u8 *p, u32 len, struct alg_ftp_msg *msg, u32 *used)
{
	u32 start = skip_lead(p, len, true), word_end, end, lf;
	const struct command *c = find_command(p + start, len - start);

	if (!c)
		return pass_line(p, start, len, used);
	if (len - start <= c->len)
		return wait_or_pass(len, used);
	word_end = start + c->len;
	if (word_end >= ALG_FTP_LINE_MAX)	/* as when the word is yet to come */
		return pass_line(p, start, len, used);
	if (c->kind == ALG_FTP_PORT && port_at_once(p, word_end, len, msg, used))
		return ALG_PARSE_COMPLETE;
	lf = find_lf(p, word_end, len);
	if (lf == len && len <= ALG_FTP_LINE_MAX)
		return ALG_PARSE_PARTIAL;

	/* A CR behind the word is fine as part of the line's end only. */
	end = lf < len ? text_end(p, word_end, lf) : len;
	if (word_end < end && p[word_end] != ' ')
		return pass_line(p, lf, len, used);
	if (lf >= ALG_FTP_LINE_MAX && !word_decides(c->kind))
		return pass_line(p, lf, len, used);

	msg->kind = c->kind;
	if (c->kind == ALG_FTP_AUTH)
		set_field(msg, start, word_end);
	if (lf == len || lf >= ALG_FTP_LINE_MAX)
		return pass_line(p, lf, len, used);
	*used = lf + 1;
	if (parse_argument(p, word_end, end, msg)) {
		msg->bare_lf = end == lf;
		return ALG_PARSE_COMPLETE;
	}
	memset(msg, 0, sizeof(*msg));
	return ALG_PARSE_MALFORMED;
}

/* ---- replies ---- */

/**
 * struct reply_start - the first bytes of a server's line
 * @code:	three digits, the first from 1 to 6
 * @mark:	the byte behind them
 */
struct reply_start {
	u16 code;
	u8 mark;
};

/*
 * Reads the start of a line, within a multi-line reply only one with its code.
 * COMPLETE, PARTIAL, or SKIP if it is mere text.
 */
static enum alg_parse read_reply_start(const u8 *p, u32 len, u16 multi, struct reply_start *r)
{
	const u8 want[3] = { (u8)('0' + multi / 100), (u8)('0' + multi / 10 % 10), (u8)('0' + multi % 10) };
	u32 i;

	r->code = 0;
	for (i = 0; i < 3; i++) {
		if (i == len)
			return ALG_PARSE_PARTIAL;
		if (multi ? p[i] != want[i] : !is_digit(p[i]) || (!i && (p[i] < '1' || p[i] > '6')))
			return ALG_PARSE_SKIP;
		r->code = (u16)(r->code * 10 + (p[i] - '0'));
	}
	if (len == 3)
		return ALG_PARSE_PARTIAL;
	r->mark = p[3];
	if (r->mark == ' ' || r->mark == '-' || r->mark == '\r' || r->mark == '\n')
		return ALG_PARSE_COMPLETE;
	return ALG_PARSE_SKIP;
}

/* Last line of a 227, 228 or 229, text from @from on; @lf is at hand. */
static enum alg_parse parse_passive(const u8 *p, u32 from, u32 lf, struct alg_ftp_msg *msg, u32 *used)
{
	u32 end = text_end(p, from, lf);
	u16 code = msg->code;
	bool good;

	*used = lf + 1;
	if (code == 229)
		good = scan_229(p, from, end, msg);
	else
		good = scan_list(p, from, end, code == 228, msg);
	if (good && !has_control(p, from, end)) {
		msg->kind = code == 227 ? ALG_FTP_227 : code == 228 ? ALG_FTP_228 : ALG_FTP_229;
		msg->bare_lf = end == lf;
		return ALG_PARSE_COMPLETE;
	}
	memset(msg, 0, sizeof(*msg));
	msg->kind = ALG_FTP_REPLY;
	msg->code = code;
	return ALG_PARSE_MALFORMED;
}

static enum alg_parse parse_reply(const u8 *p, u32 len, u16 *multi, struct alg_ftp_msg *msg, u32 *used)
{
	u32 start = skip_lead(p, len, false), lf;
	struct reply_start r;

	if (start + 3 > ALG_FTP_LINE_MAX)	/* as when the code is yet to come */
		return pass_line(p, start, len, used);
	switch (read_reply_start(p + start, len - start, *multi, &r)) {
	case ALG_PARSE_PARTIAL:
		return wait_or_pass(len, used);
	case ALG_PARSE_COMPLETE:
		break;
	default:
		return pass_line(p, start, len, used);
	}
	if (r.mark == '-') {
		/* RFC 959, 4.2: the reply goes on up to a line with this code and a space */
		*multi = r.code;
		return pass_line(p, start, len, used);
	}
	if (r.code >= 227 && r.code <= 229) {
		lf = find_lf(p, start + 3, len);
		if (lf == len && len <= ALG_FTP_LINE_MAX)
			return ALG_PARSE_PARTIAL;
		*multi = 0;
		msg->code = r.code;
		if (lf < ALG_FTP_LINE_MAX)
			return parse_passive(p, start + 3, lf, msg, used);
	}
	*multi = 0;
	msg->kind = ALG_FTP_REPLY;
	msg->code = r.code;
	return pass_line(p, start + 3, len, used);
}

bool alg_ftp_plain(const u8 *p, u32 len, bool reply, u16 *code)
{
	/* A command's word must have its end here. */
	if (len < 5 || p[len - 1] != '\n')
		return false;
	if (reply) {
		if (p[0] < '1' || p[0] > '6' || !is_digit(p[1]) || !is_digit(p[2]) || p[3] != ' ')
			return false;
		*code = (u16)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
		if (*code >= 227 && *code <= 229)
			return false;
		return find_lf(p, 4, len) == len - 1;
	}
	if (p[0] == ' ' || p[0] == TELNET_IAC || may_be_command(get_unaligned_be32(p)))
		return false;
	return find_lf(p, 0, len) == len - 1;
}

static bool is_letter(u8 c)
{
	return (u8)((c | 0x20) - 'a') < 26;
}

/*
 * How much of an incomplete line stands before every field of struct alg_ftp_msg: a command up to its argument (AUTH, whose field
 * is the word itself, up to that), a reply up to the first digit behind its code.
 */
static u32 line_safe(const u8 *p, u32 len, bool reply)
{
	u32 i = 0;

	if (reply) {
		for (i = 4; i < len && !is_digit(p[i]); i++)
			;
		return min_t(u32, i, len);
	}
	while (i < len && !is_letter(p[i]))
		i++;
	if (i < len && (p[i] | 0x20) == 'a')
		return i;
	while (i < len && is_letter(p[i]))
		i++;
	while (i < len && p[i] == ' ')
		i++;
	return i;
}

enum alg_parse alg_ftp_parse(const u8 *data, u32 len, bool reply, u16 *multi, struct alg_ftp_msg *msg, u32 *used)
{
	enum alg_parse answer;

	memset(msg, 0, sizeof(*msg));
	*used = 0;
	answer = reply ? parse_reply(data, len, multi, msg, used) : parse_command(data, len, msg, used);
	if (answer == ALG_PARSE_PARTIAL)
		*used = line_safe(data, len, reply);
	return answer;
}

/* ---- text ---- */

static u32 put_numbers(char *text, u32 n, const u8 *v, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		if (n)
			text[n++] = ',';
		n += alg_format_short(text + n, v[i]);
	}
	return n;
}

/* PORT's six numbers, or LPRT's with family and lengths. */
static u32 format_list(char *text, bool is_long, const struct alg_endpoint *ep)
{
	const u8 port[2] = { (u8)(ep->port >> 8), (u8)ep->port };
	const u8 v4[2] = { 4, 4 }, v6[2] = { 6, 16 }, pal = 2;
	u32 n = 0;

	if (is_long)
		n = put_numbers(text, n, ep->family == 4 ? v4 : v6, 2);
	n = put_numbers(text, n, ep->addr, ep->family == 4 ? 4 : 16);
	if (is_long)
		n = put_numbers(text, n, &pal, 1);
	return put_numbers(text, n, port, 2);
}

static u32 format_eprt(char *text, u8 delim, const struct alg_endpoint *ep)
{
	int addr_len = alg_format_addr(text + 3, ALG_ADDR_TEXT, ep);
	u32 n = 3 + (u32)addr_len;

	if (!addr_len)
		return 0;
	/* The delimiter must not occur in the address. */
	if (!is_delim(delim) || find_byte((u8 *)text, 3, n, delim) < n)
		delim = '|';
	text[0] = (char)delim;
	text[1] = ep->family == 4 ? '1' : '2';
	text[2] = (char)delim;
	text[n++] = (char)delim;
	n += alg_format_u32(text + n, ep->port);
	text[n++] = (char)delim;
	return n;
}

int alg_ftp_format(const struct alg_ftp_msg *msg, const struct alg_endpoint *ep, char *buf, u32 size)
{
	bool is_long = msg->kind == ALG_FTP_LPRT || msg->kind == ALG_FTP_228;
	char room[ALG_FTP_TEXT] ALG_UNINIT, *text = size >= sizeof(room) ? buf : room;
	u32 n = 0;

	if (!ep->port)
		return 0;
	switch (msg->kind) {
	case ALG_FTP_PORT:
	case ALG_FTP_227:
	case ALG_FTP_LPRT:
	case ALG_FTP_228:
		if (ep->family == 4 || (ep->family == 6 && is_long))
			n = format_list(text, is_long, ep);
		break;
	case ALG_FTP_EPRT:
		n = format_eprt(text, msg->delim, ep);
		break;
	case ALG_FTP_229:
		n = alg_format_u32(text, ep->port);
		break;
	}
	if (!n || n >= size)
		return 0;
	if (text != buf)
		memcpy(buf, room, n);
	buf[n] = '\0';
	return (int)n;
}
