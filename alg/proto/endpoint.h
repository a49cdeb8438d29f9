/* SPDX-License-Identifier: GPL-2.0-only */
/* An address and a port as they stand in a control message. */
#ifndef NF_ALG_PROTO_ENDPOINT_H
#define NF_ALG_PROTO_ENDPOINT_H

#include "env.h"

/**
 * struct alg_endpoint - transport address announced in a message
 * @family:	4, 6, or 0 when the message names no address (229, EPSV)
 * @port:	host byte order
 * @addr:	network byte order; the first 4 bytes for IPv4, the rest zero
 */
struct alg_endpoint {
	u8 family;
	u16 port;
	u8 addr[16];
};

/* Bytes of address text incl. NUL: "xxxx:xxxx:xxxx:xxxx:xxxx:xxxx:255.255.255.255". */
#define ALG_ADDR_TEXT 46

/*
 * The text is exactly @len bytes long, nothing before or behind. On failure the result is unchanged.
 * IPv4: four decimal numbers without leading zeros, which some readers take for octal.
 * IPv6: every form of RFC 4291, 2.2; no zone.
 */
bool alg_parse_ipv4(const u8 *p, u32 len, u8 addr[16]);
bool alg_parse_ipv6(const u8 *p, u32 len, u8 addr[16]);

/*
 * Dotted decimal; RFC 5952 without the mixed notation.
 * Return: length without the NUL, 0 if @size is too small or the family unknown.
 */
int alg_format_addr(char *buf, u32 size, const struct alg_endpoint *ep);

/* Decimal digits only, at most ten, value at most @max. On failure *@val is unchanged. */
bool alg_parse_u32(const u8 *p, u32 len, u32 max, u32 *val);

/* Below 1000; products instead of divisions are exact there. As alg_format_u32(). */
static inline u32 alg_format_short(char *buf, u32 val)
{
	u32 hundreds = val * 5243 >> 19, rest = val - hundreds * 100, tens = rest * 205 >> 11, n = 0;

	if (hundreds)
		buf[n++] = (char)('0' + hundreds);
	if (val >= 10)
		buf[n++] = (char)('0' + tens);
	buf[n++] = (char)('0' + rest - tens * 10);
	return n;
}

/* Decimal digits without NUL, at most ten. Return: how many. */
u32 alg_format_u32(char *buf, u32 val);

#endif /* NF_ALG_PROTO_ENDPOINT_H */
