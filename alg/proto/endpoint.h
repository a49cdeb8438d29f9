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

bool alg_parse_ipv4(const u8 *p, u32 len, u8 addr[16]);
bool alg_parse_ipv6(const u8 *p, u32 len, u8 addr[16]);
int alg_format_addr(char *buf, u32 size, const struct alg_endpoint *ep);
bool alg_parse_u32(const u8 *p, u32 len, u32 max, u32 *val);

#endif /* NF_ALG_PROTO_ENDPOINT_H */
