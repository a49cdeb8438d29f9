// SPDX-License-Identifier: GPL-2.0-only
#include "ike.h"
#include "poison.h"

#define MARKER		4	/* RFC 3948, 2.2: zero where ESP has its SPI */
#define ESP_MIN		8	/* SPI and sequence number */
#define GENERIC		4	/* payload header: next payload, flags, length */

#define OFF_RSPI	8
#define OFF_NEXT	16
#define OFF_VERSION	17
#define OFF_EXCHANGE	18
#define OFF_FLAGS	19
#define OFF_ID		20
#define OFF_LENGTH	24

#define V1_ENCRYPTED	0x01	/* RFC 2408, 3.1 */
#define V2_INITIATOR	0x08	/* RFC 7296, 3.1 */
#define V2_RESPONSE	0x20

#define V1_NOTIFY	11
#define V1_VENDOR	13
#define V1_NAT_D	20
#define V1_NAT_D_DRAFT	130
#define V1_FRAGMENT	132
#define V2_NOTIFY	41
#define V2_VENDOR	43
#define V2_SK		46
#define V2_SKF		53

#define NOTIFY_ERRORS	16383	/* and below: RFC 7296, 3.10.1; RFC 2408, 3.14.1 */

static const char *const bad_names[ALG_IKE_BADS] = {
#define X(symbol, name, text) [ALG_IKE_BAD_##symbol] = name,
	ALG_IKE_BAD_LIST(X)
#undef X
};

const char *alg_ike_bad_name(enum alg_ike_bad bad)
{
	return (unsigned int)bad < ALG_IKE_BADS ? bad_names[bad] : "";
}

/* MD5 of "RFC 3947", "draft-ietf-ipsec-nat-t-ike-03", "...-02" and "...-02\n". */
#define VID_LEN 16
static const struct {
	u8 id[VID_LEN];
	u16 sign;
} vendors[] = {
	{ { 0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45, 0x5c, 0x57, 0x28, 0xf2, 0x0e, 0x95, 0x45, 0x2f }, ALG_IKE_VID_RFC3947 },
	{ { 0x7d, 0x94, 0x19, 0xa6, 0x53, 0x10, 0xca, 0x6f, 0x2c, 0x17, 0x9d, 0x92, 0x15, 0x52, 0x9d, 0x56 }, ALG_IKE_VID_DRAFT },
	{ { 0xcd, 0x60, 0x46, 0x43, 0x35, 0xdf, 0x21, 0xf8, 0x7c, 0xfd, 0xb2, 0xfc, 0x68, 0xb6, 0xa4, 0x48 }, ALG_IKE_VID_DRAFT },
	{ { 0x90, 0xcb, 0x80, 0x91, 0x3e, 0xbb, 0x69, 0x6e, 0x08, 0x63, 0x81, 0xb5, 0xec, 0x42, 0x7b, 0x1f }, ALG_IKE_VID_DRAFT },
};

static const struct {
	u16 type, sign;
} notifies[] = {
	{ 17, ALG_IKE_INVALID_KE },
	{ 16388, ALG_IKE_NAT_SOURCE },
	{ 16389, ALG_IKE_NAT_DESTINATION },
	{ 16390, ALG_IKE_COOKIE },
	{ 16407, ALG_IKE_REDIRECTED },
	{ 16430, ALG_IKE_FRAGMENTS },
};

static u64 get_be64(const u8 *p)
{
	return (u64)get_unaligned_be32(p) << 32 | get_unaligned_be32(p + 4);
}

static u8 kind_of(u8 version, u8 exchange)
{
	if (version == 1) {
		switch (exchange) {
		case ALG_IKE_BASE:
		case ALG_IKE_MAIN:
		case ALG_IKE_AUTH_ONLY:
		case ALG_IKE_AGGRESSIVE:
			return ALG_IKE_KIND_PHASE1;
		case ALG_IKE_QUICK:
			return ALG_IKE_KIND_CREATES;
		case ALG_IKE_INFO_V1:
			return ALG_IKE_KIND_INFO;
		}
		return ALG_IKE_KIND_OTHER;
	}
	switch (exchange) {
	case ALG_IKE_SA_INIT:
	case ALG_IKE_SESSION_RESUME:	/* in SA_INIT's place (RFC 5723, 4.3) */
	case ALG_IKE_INTERMEDIATE:	/* between SA_INIT and AUTH (RFC 9242, 3.2) */
		return ALG_IKE_KIND_PHASE1;
	case ALG_IKE_AUTH:
	case ALG_IKE_CREATE_CHILD_SA:
	case ALG_IKE_FOLLOWUP_KE:	/* the SA stands after the last of these (RFC 9370, 2.2.4) */
		return ALG_IKE_KIND_CREATES;
	case ALG_IKE_INFORMATIONAL:
		return ALG_IKE_KIND_INFO;
	}
	return ALG_IKE_KIND_OTHER;
}

static enum alg_ike_bad read_header(const u8 *data, u32 len, struct alg_ike_msg *msg)
{
	if (len < ALG_IKE_HEADER)
		return ALG_IKE_BAD_SHORT;
	msg->ispi = get_be64(data);
	msg->rspi = get_be64(data + OFF_RSPI);
	msg->payload = data[OFF_NEXT];
	msg->version = data[OFF_VERSION] >> 4;
	msg->exchange = data[OFF_EXCHANGE];
	msg->flags = data[OFF_FLAGS];
	msg->id = get_unaligned_be32(data + OFF_ID);
	msg->length = get_unaligned_be32(data + OFF_LENGTH);
	if (!msg->ispi)
		return ALG_IKE_BAD_ZERO_SPI;
	if (msg->version != 1 && msg->version != 2)
		return ALG_IKE_BAD_VERSION;
	if (msg->length < ALG_IKE_HEADER || msg->length > len)
		return ALG_IKE_BAD_LENGTH;

	msg->kind = kind_of(msg->version, msg->exchange);
	if (msg->version == 2) {
		msg->initiator = msg->flags & V2_INITIATOR;
		msg->response = msg->flags & V2_RESPONSE;
	}
	msg->first = msg->kind == ALG_IKE_KIND_PHASE1 && !msg->rspi && !msg->response;
	return ALG_IKE_BAD_NOTHING;
}

static void read_vendor(const u8 *p, u32 len, struct alg_ike_msg *msg)
{
	u32 i;

	if (len < GENERIC + VID_LEN)
		return;
	for (i = 0; i < ARRAY_SIZE(vendors); i++)
		if (len == GENERIC + VID_LEN && !memcmp(p + GENERIC, vendors[i].id, VID_LEN))
			msg->signs |= vendors[i].sign;
}

/* IKEv1 has a DOI in front of protocol, SPI size and type (RFC 2408, 3.14; RFC 7296, 3.10). */
static enum alg_ike_bad read_notify(const u8 *p, u32 len, struct alg_ike_msg *msg)
{
	u32 fields = msg->version == 1 ? GENERIC + 4 : GENERIC, i;
	u16 type;

	if (len < fields + 4 || len < fields + 4 + p[fields + 1])
		return ALG_IKE_BAD_NOTIFY;
	type = get_unaligned_be16(p + fields + 2);
	if (type && type <= NOTIFY_ERRORS && !msg->error)
		msg->error = type;
	for (i = 0; msg->version == 2 && i < ARRAY_SIZE(notifies); i++)
		if (notifies[i].type == type)
			msg->signs |= notifies[i].sign;
	return ALG_IKE_BAD_NOTHING;
}

/* RFC 7383, 2.5: number and total in front of the initialisation vector. */
static enum alg_ike_bad read_skf(const u8 *p, u32 len, struct alg_ike_msg *msg)
{
	if (len < GENERIC + 4)
		return ALG_IKE_BAD_FRAGMENT;
	msg->frag = get_unaligned_be16(p + GENERIC);
	msg->frags = get_unaligned_be16(p + GENERIC + 2);
	return msg->frag && msg->frag <= msg->frags ? ALG_IKE_BAD_NOTHING : ALG_IKE_BAD_FRAGMENT;
}

/* [MS-IKEE] 2.2.3: ID of the message, number of the fragment, flag of the last one. */
static enum alg_ike_bad read_fragment_v1(const u8 *p, u32 len, struct alg_ike_msg *msg)
{
	if (len < GENERIC + 4)
		return ALG_IKE_BAD_FRAGMENT;
	msg->frag_id = get_unaligned_be16(p + GENERIC);
	msg->frag = p[GENERIC + 2];
	if (p[GENERIC + 3] & 1)
		msg->frags = msg->frag;
	return msg->frag ? ALG_IKE_BAD_NOTHING : ALG_IKE_BAD_FRAGMENT;
}

/* *@last: nothing behind it can be read. */
static enum alg_ike_bad read_payload(u8 type, const u8 *p, u32 len, struct alg_ike_msg *msg, bool *last)
{
	*last = false;
	if (msg->version == 1) {
		switch (type) {
		case V1_NOTIFY:
			return read_notify(p, len, msg);
		case V1_VENDOR:
			read_vendor(p, len, msg);
			break;
		case V1_NAT_D:
		case V1_NAT_D_DRAFT:
			msg->signs |= ALG_IKE_NAT_D;
			break;
		case V1_FRAGMENT:
			*last = true;
			return read_fragment_v1(p, len, msg);
		}
		return ALG_IKE_BAD_NOTHING;
	}
	switch (type) {
	case V2_NOTIFY:
		return read_notify(p, len, msg);
	case V2_VENDOR:
		read_vendor(p, len, msg);
		break;
	case V2_SK:	/* its next payload is the first one inside (RFC 7296, 3.14) */
		msg->encrypted = *last = true;
		break;
	case V2_SKF:
		msg->encrypted = *last = true;
		return read_skf(p, len, msg);
	}
	return ALG_IKE_BAD_NOTHING;
}

static enum alg_ike_bad read_payloads(const u8 *data, struct alg_ike_msg *msg)
{
	u32 off = ALG_IKE_HEADER, len;
	u8 type = msg->payload;
	enum alg_ike_bad bad;
	bool last = false;

	while (type && !last) {
		if (msg->n_payloads == ALG_IKE_PAYLOADS_MAX)
			return ALG_IKE_BAD_PAYLOADS;
		if (msg->length - off < GENERIC)
			return ALG_IKE_BAD_PAYLOAD;
		len = get_unaligned_be16(data + off + 2);
		if (len < GENERIC || len > msg->length - off)
			return ALG_IKE_BAD_PAYLOAD;
		bad = read_payload(type, data + off, len, msg, &last);
		if (bad)
			return bad;
		msg->n_payloads++;
		type = data[off];
		off += len;
	}
	return ALG_IKE_BAD_NOTHING;
}

enum alg_ike_what alg_ike_parse(const u8 *data, u32 len, bool natt, struct alg_ike_msg *msg)
{
	memset(msg, 0, sizeof(*msg));
	if (len == 1 && data[0] == 0xff)
		return ALG_IKE_KEEPALIVE;
	if (natt) {
		if (len < MARKER) {
			msg->bad = ALG_IKE_BAD_SHORT;
			return ALG_IKE_MALFORMED;
		}
		msg->spi = get_unaligned_be32(data);
		if (msg->spi) {
			if (len < ESP_MIN) {
				msg->bad = ALG_IKE_BAD_SHORT;
				return ALG_IKE_MALFORMED;
			}
			msg->seq = get_unaligned_be32(data + 4);
			return ALG_IKE_ESP;
		}
		msg->marker = true;
		data += MARKER;
		len -= MARKER;
	}

	msg->bad = read_header(data, len, msg);
	if (msg->bad)
		return ALG_IKE_MALFORMED;
	/* Fragments are in clear, though some peers leave the flag of what they carry. */
	if (msg->version == 1 && msg->payload != V1_FRAGMENT && (msg->flags & V1_ENCRYPTED)) {
		msg->encrypted = true;
		return ALG_IKE_MESSAGE;
	}
	msg->bad = read_payloads(data, msg);
	return msg->bad ? ALG_IKE_MALFORMED : ALG_IKE_MESSAGE;
}

bool alg_ike_repeats(const struct alg_ike_msg *a, const struct alg_ike_msg *b)
{
	return a->version == b->version && a->ispi == b->ispi && a->rspi == b->rspi && a->exchange == b->exchange &&
	       a->id == b->id &&
	       a->flags == b->flags && a->payload == b->payload && a->length == b->length && a->frag_id == b->frag_id &&
	       a->frag == b->frag;
}
