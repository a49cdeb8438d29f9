// SPDX-License-Identifier: GPL-2.0-only
#include "endpoint.h"
#include "poison.h"

bool alg_parse_u32(const u8 *p, u32 len, u32 max, u32 *val)
{
	u64 sum = 0;
	u32 i;

	if (!len || len > 10)
		return false;
	for (i = 0; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		sum = sum * 10 + (p[i] - '0');
	}
	if (sum > max)
		return false;
	*val = (u32)sum;
	return true;
}
ALG_EXPORT(alg_parse_u32);

/* Dotted decimal at @p into @quad. */
static bool read_quad(const u8 *p, u32 len, u8 quad[4])
{
	u32 octet, start, i = 0;
	unsigned int n;

	for (n = 0; n < 4; n++) {
		if (n && (i == len || p[i++] != '.'))
			return false;
		start = i;
		for (octet = 0; i < len && (u8)(p[i] - '0') < 10; i++) {
			if (i - start == 3 || (i > start && !octet))	/* four digits; a leading zero */
				return false;
			octet = octet * 10 + (p[i] - '0');
		}
		if (i == start || octet > 255)
			return false;
		quad[n] = (u8)octet;
	}
	return i == len;
}

bool alg_parse_ipv4(const u8 *p, u32 len, u8 addr[16])
{
	u8 quad[4];

	if (!read_quad(p, len, quad))
		return false;
	memset(addr, 0, 16);
	memcpy(addr, quad, 4);
	return true;
}
ALG_EXPORT(alg_parse_ipv4);

static int hex_value(u8 c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One group of one to four hexadecimal digits. Return: digits read, 0 if there is none or more than four. */
static u32 read_group(const u8 *p, u32 len, u16 *group)
{
	u32 i, value = 0;

	for (i = 0; i < len && hex_value(p[i]) >= 0; i++) {
		if (i == 4)
			return 0;
		value = value << 4 | (u32)hex_value(p[i]);
	}
	*group = (u16)value;
	return i;
}

/*
 * Groups of an IPv6 address in order of their appearance.
 * @n:	bytes read
 * @gap: how many of these stand before "::", -1 without it
 */
struct groups {
	u8 bytes[16];
	int n;
	int gap;
};

/* Reads "::" or, between groups, ":" at p[*i]; false where neither may stand. */
static bool read_colons(const u8 *p, u32 len, u32 *i, struct groups *g)
{
	if (len - *i >= 2 && p[*i] == ':' && p[*i + 1] == ':') {
		if (g->gap >= 0)
			return false;
		g->gap = g->n;
		*i += 2;
		return true;
	}
	if (!g->n)
		return true;
	/* A single colon has a group behind it. */
	return p[(*i)++] == ':' && *i < len;
}

static bool read_groups(const u8 *p, u32 len, struct groups *g)
{
	u32 i = 0, digits;
	u16 group;

	while (i < len) {
		if (!read_colons(p, len, &i, g))
			return false;
		if (i == len)
			break;
		digits = read_group(p + i, len - i, &group);
		if (digits && i + digits < len && p[i + digits] == '.') {
			/* RFC 4291, 2.2 (3): the last four bytes in dotted decimal */
			if (g->n > 12 || !read_quad(p + i, len - i, g->bytes + g->n))
				return false;
			g->n += 4;
			return true;
		}
		if (!digits || g->n == 16)
			return false;
		g->bytes[g->n++] = (u8)(group >> 8);
		g->bytes[g->n++] = (u8)group;
		i += digits;
	}
	return true;
}

bool alg_parse_ipv6(const u8 *p, u32 len, u8 addr[16])
{
	struct groups g = { .gap = -1 };
	int tail;

	if (!len || len >= ALG_ADDR_TEXT || !read_groups(p, len, &g))
		return false;
	/* "::" stands for one or more groups of zeros. */
	if (g.gap < 0 ? g.n != 16 : g.n > 14)
		return false;
	if (g.gap < 0)
		g.gap = g.n;
	tail = g.n - g.gap;
	memset(addr, 0, 16);
	memcpy(addr, g.bytes, g.gap);
	memcpy(addr + 16 - tail, g.bytes + g.gap, tail);
	return true;
}
ALG_EXPORT(alg_parse_ipv6);

/* RFC 5952, 4.2: the first of the longest runs of two or more zero groups. Return: its length, 0 if there is none. */
static unsigned int longest_zeros(const u8 addr[16], unsigned int *start)
{
	unsigned int i, run = 0, best = 0;

	for (i = 0; i < 8; i++) {
		run = addr[2 * i] | addr[2 * i + 1] ? 0 : run + 1;
		if (run > best) {
			best = run;
			*start = i + 1 - run;
		}
	}
	return best > 1 ? best : 0;
}

u32 alg_format_u32(char *buf, u32 val)
{
	char digits[10] ALG_UNINIT;
	u32 n = 0, i, tenth;

	if (val < 1000)
		return alg_format_short(buf, val);
	do {
		/* Octets and ports: a compiler that saves space would divide. */
		tenth = val <= 65535 ? val * 52429 >> 19 : val / 10;
		digits[n++] = (char)('0' + val - tenth * 10);
		val = tenth;
	} while (val);
	for (i = 0; i < n; i++)
		buf[i] = digits[n - 1 - i];
	return n;
}
ALG_EXPORT(alg_format_u32);

static u32 format_ipv4(char *buf, const u8 addr[16])
{
	unsigned int i;
	u32 n = 0;

	for (i = 0; i < 4; i++) {
		if (i)
			buf[n++] = '.';
		n += alg_format_short(buf + n, addr[i]);
	}
	return n;
}

static u32 format_group(char *buf, u16 group)
{
	int shift = group > 0xfff ? 12 : group > 0xff ? 8 : group > 0xf ? 4 : 0;
	u32 n = 0;

	for (; shift >= 0; shift -= 4)
		buf[n++] = "0123456789abcdef"[group >> shift & 0xf];
	return n;
}

static u32 format_ipv6(char *buf, const u8 addr[16])
{
	unsigned int i = 0, zeros, start = 8;
	u32 n = 0;

	zeros = longest_zeros(addr, &start);
	if (!zeros)
		start = 8;
	while (i < 8) {
		if (i == start) {
			buf[n++] = ':';
			buf[n++] = ':';
			i += zeros;
			continue;
		}
		if (i && i != start + zeros)
			buf[n++] = ':';
		n += format_group(buf + n, (u16)(addr[2 * i] << 8 | addr[2 * i + 1]));
		i++;
	}
	return n;
}

int alg_format_addr(char *buf, u32 size, const struct alg_endpoint *ep)
{
	char text[ALG_ADDR_TEXT] ALG_UNINIT, *to = size >= sizeof(text) ? buf : text;
	u32 n = 0;

	if (ep->family == 4)
		n = format_ipv4(to, ep->addr);
	else if (ep->family == 6)
		n = format_ipv6(to, ep->addr);
	if (!n || n >= size)
		return 0;
	if (to != buf)
		memcpy(buf, text, n);
	buf[n] = '\0';
	return (int)n;
}
ALG_EXPORT(alg_format_addr);
