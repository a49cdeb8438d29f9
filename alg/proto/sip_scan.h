/* SPDX-License-Identifier: GPL-2.0-only */
/* How the text protocols look at bytes: eight at a time, or by a table of classes. Every read is bounded by @end. */
#ifndef NF_ALG_PROTO_SIP_SCAN_H
#define NF_ALG_PROTO_SIP_SCAN_H

#include "endpoint.h"

#define ALG_SCAN_BAD	0xffffffffu	/* instead of an offset: the grammar is broken here */

enum {				/* classes of bytes: alg_scan_class[] */
	ALG_C_TOKEN	= 0x01,	/* token (RFC 3261, 25.1) */
	ALG_C_WS	= 0x02,	/* SP, HT, and CR, LF of a folded header */
	ALG_C_HOST	= 0x04,	/* host name or IPv4 address, with the underscore that some names have */
	ALG_C_USER_END	= 0x08,	/* ends a user part for certain, or the URI without one */
	ALG_C_URI_END	= 0x10,	/* ends a URI that stands without angle brackets, too */
	ALG_C_PARAM_END	= 0x20,	/* ends the value of a parameter */
	ALG_C_DISPLAY	= 0x40,	/* in a display name without quotes */
};

extern const u8 alg_scan_class[256];

static inline bool alg_is(u8 c, u8 classes)
{
	return alg_scan_class[c] & classes;
}

static inline bool alg_is_digit(u8 c)
{
	return (u8)(c - '0') < 10;
}

#define ALG_BYTES(c)	(~0ULL / 255 * (c))	/* eight times the byte */

/* The first byte is the lowest. */
static inline u64 alg_load64(const u8 *p)
{
	u64 w;

	memcpy(&w, p, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	return w;
}

/* Marks bytes that are zero; the lowest mark is exact, what is above it may not be. */
static inline u64 alg_zero_bytes(u64 w)
{
	return (w - ALG_BYTES(1)) & ~w & ALG_BYTES(0x80);
}

/* Likewise bytes below @c, which is at most 128. */
static inline u64 alg_low_bytes(u64 w, u8 c)
{
	return (w - ALG_BYTES(c)) & ~w & ALG_BYTES(0x80);
}

static inline u32 alg_lowest(u64 marks)
{
	return (u32)__builtin_ctzll(marks) >> 3;
}

/*
 * Looks through 32 bytes at @p for one below @c, or some that are not ASCII: cheaper than alg_low_bytes(), and text has few such.
 * Return: where it is, 32: there is none.
 */
static inline u32 alg_find_odd(const u8 *p, u8 c)
{
	u64 w[4];

	w[0] = alg_load64(p) - ALG_BYTES(c);
	w[1] = alg_load64(p + 8) - ALG_BYTES(c);
	w[2] = alg_load64(p + 16) - ALG_BYTES(c);
	w[3] = alg_load64(p + 24) - ALG_BYTES(c);
	if (!((w[0] | w[1] | w[2] | w[3]) & ALG_BYTES(0x80)))
		return 32;
	if ((w[0] | w[1]) & ALG_BYTES(0x80))
		return w[0] & ALG_BYTES(0x80) ? alg_lowest(w[0] & ALG_BYTES(0x80)) : 8 + alg_lowest(w[1] & ALG_BYTES(0x80));
	return w[2] & ALG_BYTES(0x80) ? 16 + alg_lowest(w[2] & ALG_BYTES(0x80)) : 24 + alg_lowest(w[3] & ALG_BYTES(0x80));
}

static inline bool alg_is_end(u8 c, bool cr)
{
	return cr ? c == '\r' || c == '\n' : c == '\n';
}

/* The first LF, or with @cr CR or LF, in [i, end), or @end. */
static inline u32 alg_find_end(const u8 *p, u32 i, u32 end, bool cr)
{
	u32 at;

	while (end - i >= 32) {
		at = alg_find_odd(p + i, (cr ? '\r' : '\n') + 1);
		i += at;
		if (at == 32)
			continue;
		if (alg_is_end(p[i], cr))
			return i;
		i++;	/* a tab perhaps, or another alphabet */
	}
	while (i < end && !alg_is_end(p[i], cr))
		i++;
	return i;
}

static inline u32 alg_find_lf(const u8 *p, u32 i, u32 end)
{
	return alg_find_end(p, i, end, false);
}

static inline u32 alg_find_eol(const u8 *p, u32 i, u32 end)
{
	return alg_find_end(p, i, end, true);
}

/* The first @c in [i, end), or @end. */
static inline u32 alg_find_byte(const u8 *p, u32 i, u32 end, u8 c)
{
	u64 low, high;

	for (; end - i >= 16; i += 16) {
		low = alg_zero_bytes(alg_load64(p + i) ^ ALG_BYTES(c));
		high = alg_zero_bytes(alg_load64(p + i + 8) ^ ALG_BYTES(c));
		if (low | high)
			return low ? i + alg_lowest(low) : i + 8 + alg_lowest(high);
	}
	while (i < end && p[i] != c)
		i++;
	return i;
}

static inline u32 alg_skip_class(const u8 *p, u32 i, u32 end, u8 classes)
{
	while (i < end && alg_is(p[i], classes))
		i++;
	return i;
}

/* The same in a line's value: p[end] can be read and is, or is not, in @classes. */
static inline u32 alg_run_class(const u8 *p, u32 i, u8 classes)
{
	while (alg_is(p[i], classes))
		i++;
	return i;
}

static inline u32 alg_run_to(const u8 *p, u32 i, u8 classes)
{
	while (!alg_is(p[i], classes))
		i++;
	return i;
}

static inline u32 alg_skip_ws(const u8 *p, u32 i, u32 end)
{
	return alg_skip_class(p, i, end, ALG_C_WS);
}

/* p[0..len) and a text of lower-case letters, digits, '-', '/' and '.', without regard to case. */
static inline bool alg_same_text(const u8 *p, const char *text, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		if (p[i] != (u8)text[i] && ((u8)((p[i] | 0x20) - 'a') >= 26 || (p[i] | 0x20) != (u8)text[i]))
			return false;
	return true;
}

/* Nearly everybody writes such words in lower case: that is one comparison or two. */
#define ALG_SAME(p, len, text) \
	((len) == sizeof(text) - 1 && (!memcmp(p, text, sizeof(text) - 1) || alg_same_text(p, text, sizeof(text) - 1)))

/* Do the bytes at @p begin with @text? As many can be read. */
#define ALG_STARTS(p, text) (!memcmp(p, text, sizeof(text) - 1))

/* Eight digits' values, the first one lowest. */
static inline u32 alg_eight_digits(u64 d)
{
	d = (d * 10 + (d >> 8)) & 0x00ff00ff00ff00ffULL;
	d = (d * 100 + (d >> 16)) & 0x0000ffff0000ffffULL;
	return (u32)(d * 10000 + (d >> 32));
}

/*
 * Decimal digits from @i on, at most @max. Return: offset behind them, ALG_SCAN_BAD (and 0) without any or
 * with a larger number. What stands at @end is no digit; up to @room can be read.
 */
static inline u32 alg_scan_number_in(const u8 *p, u32 i, u32 end, u32 room, u32 max, u32 *val)
{
	u32 start = i, n;
	u64 sum = 0, marks;

	*val = 0;
	if (i < end && room - i >= 8) {
		sum = alg_load64(p + i) ^ ALG_BYTES('0');
		marks = ((sum + ALG_BYTES(0x76)) | sum) & ALG_BYTES(0x80);	/* the first that is no digit */
		if (marks) {
			n = alg_lowest(marks);
			if (!n)
				return ALG_SCAN_BAD;
			sum = alg_eight_digits(sum << (64 - 8 * n));
			if (sum > max)
				return ALG_SCAN_BAD;
			*val = (u32)sum;
			return i + n;
		}
		sum = 0;
	}
	for (; i < end && alg_is_digit(p[i]); i++) {
		sum = sum * 10 + (p[i] - '0');
		if (sum > max)
			return ALG_SCAN_BAD;
	}
	*val = (u32)sum;
	return i == start ? ALG_SCAN_BAD : i;
}

static inline u32 alg_scan_number(const u8 *p, u32 i, u32 end, u32 max, u32 *val)
{
	return alg_scan_number_in(p, i, end, end, max, val);
}

/* One number of an IPv4 address at @p, of which four bytes can be read. Return: its digits, 0 if it is none. */
static inline u32 alg_scan_octet(const u8 *p, u8 *val)
{
	u32 a = p[0] - '0', b = p[1] - '0', c;

	if (a > 9)
		return 0;
	if (b > 9) {
		*val = (u8)a;
		return 1;
	}
	if (!a)
		return 0;
	c = p[2] - '0';
	a = a * 10 + b;
	if (c > 9) {
		*val = (u8)a;
		return 2;
	}
	a = a * 10 + c;
	*val = (u8)a;
	return a > 255 ? 0 : 3;
}

/*
 * Dotted decimal from @i on, read as alg_parse_ipv4() reads it. Return: offset behind it, ALG_SCAN_BAD if it is
 * something else; a digit or a dot behind it is the caller's to look at. @end: bytes behind it can't be read.
 */
static inline u32 alg_scan_ipv4(const u8 *p, u32 i, u32 end, u8 quad[4])
{
	u8 room[20];
	const u8 *q = p + i;
	u32 n, at = 0, digits;

	if (end - i < 16) {	/* a number that ends where nothing more can be read */
		memset(room, 0, sizeof(room));
		memcpy(room, q, end - i);
		q = room;
	}
	for (n = 0; n < 4; n++) {
		if (n && q[at++] != '.')
			return ALG_SCAN_BAD;
		digits = alg_scan_octet(q + at, &quad[n]);
		if (!digits)
			return ALG_SCAN_BAD;
		at += digits;
	}
	return i + at;
}

/* An address's text in [i, end), no brackets. false: it is none. */
bool alg_scan_addr(const u8 *p, u32 i, u32 end, struct alg_endpoint *ep);

#endif /* NF_ALG_PROTO_SIP_SCAN_H */
