// SPDX-License-Identifier: GPL-2.0-only
/* Bodies by their Content-Type, and the parts of multipart bodies (RFC 2046, 5.1). */
#include "sip_parse.h"
#include "poison.h"

#define NESTED_MAX	4	/* multiparts inside each other; what is deeper is not looked into */

/* A media type's word at @i and the white space around it. Return: offset behind. */
static u32 read_word(const u8 *p, u32 i, u32 end, u32 *word, u32 *word_end)
{
	*word = alg_skip_ws(p, i, end);
	*word_end = alg_skip_class(p, *word, end, ALG_C_TOKEN);
	if (*word == *word_end)
		return ALG_SCAN_BAD;
	return alg_skip_ws(p, *word_end, end);
}

bool alg_sip_content_type(const u8 *p, u32 i, u32 end, struct alg_sip_content_type *type)
{
	u32 main, main_end, sub, sub_end;
	struct alg_sip_param param;
	int more;

	if (end - i == 15 && !memcmp(p + i, "application/sdp", 15)) {
		type->kind = ALG_SIP_CONTENT_SDP;
		return true;
	}
	i = read_word(p, i, end, &main, &main_end);
	if (i == ALG_SCAN_BAD || i == end || p[i] != '/')
		return false;
	i = read_word(p, i + 1, end, &sub, &sub_end);
	if (i == ALG_SCAN_BAD)
		return false;
	type->kind = ALG_SIP_CONTENT_OTHER;
	if (ALG_SAME(p + main, main_end - main, "application")) {
		if (ALG_SAME(p + sub, sub_end - sub, "sdp"))
			type->kind = ALG_SIP_CONTENT_SDP;
		return true;
	}
	if (!ALG_SAME(p + main, main_end - main, "multipart"))
		return true;
	type->kind = ALG_SIP_CONTENT_MULTIPART;
	while ((more = alg_sip_next_param(p, &i, end, &param)) > 0)
		if (ALG_SAME(p + param.name, param.name_end - param.name, "boundary"))
			type->boundary = alg_sip_span(param.value, param.value_end);
	return !more && i == end && type->boundary.len;
}

void alg_sip_add_body(struct alg_sip_parser *s, u32 from, u32 end, struct alg_sip_span length)
{
	struct alg_sip_msg *msg = s->msg;

	if (from >= end)
		return;
	if (msg->n_bodies == ALG_SIP_BODIES) {
		msg->too_many = true;
		return;
	}
	msg->bodies[msg->n_bodies++] = (struct alg_sip_body){
		.off = (u16)from, .len = (u16)(end - from), .length = length,
	};
}

/**
 * struct part - a part of a multipart body being walked through
 * @type:	its content; SDP: it is to be reported
 * @start:	first byte of its body
 * @length:	digits of its Content-Length
 * @encoded:	it can't be looked into
 */
struct part {
	struct alg_sip_content_type type;
	u32 start;
	struct alg_sip_span length;
	bool encoded;
};

/* Encodings that leave the text as it is (RFC 2045, 6.2). */
static bool is_plain(const u8 *p, u32 len)
{
	return ALG_SAME(p, len, "7bit") || ALG_SAME(p, len, "8bit") || ALG_SAME(p, len, "binary");
}

static void read_part_header(const u8 *p, const struct alg_sip_line *line, struct part *part)
{
	u32 val;

	switch (line->id) {
	case ALG_SIP_H_CONTENT_TYPE:
		if (!alg_sip_content_type(p, line->value, line->end, &part->type))
			part->type.kind = ALG_SIP_CONTENT_OTHER;
		break;
	case ALG_SIP_H_CONTENT_LENGTH:
		if (part->length.len)	/* whoever changes the part could not make both right */
			part->encoded = true;
		if (alg_scan_number(p, line->value, line->end, ALG_SIP_MESSAGE_MAX, &val) == line->end)
			part->length = alg_sip_span(line->value, line->end);
		break;
	case ALG_SIP_H_CONTENT_ENCODING:
		part->encoded |= !ALG_SAME(p + line->value, line->end - line->value, "identity");
		break;
	case ALG_SIP_H_TRANSFER_ENCODING:
		part->encoded |= !is_plain(p + line->value, line->end - line->value);
		break;
	}
}

/* The header lines of a part. Return: first byte of its body; a part without an empty line has none. */
static u32 read_part_headers(const u8 *p, u32 i, u32 end, struct part *part)
{
	struct alg_sip_line line;

	memset(part, 0, sizeof(*part));
	while (i < end && !(end - i > 1 && p[i] == '-' && p[i + 1] == '-')) {
		if (p[i] == '\n' || (p[i] == '\r' && end - i > 1 && p[i + 1] == '\n')) {
			part->start = i + (p[i] == '\n' ? 1 : 2);
			if (part->encoded)
				part->type.kind = ALG_SIP_CONTENT_OTHER;
			return part->start;
		}
		switch (alg_sip_header_line(p, i, end, &line)) {
		case ALG_PARSE_COMPLETE:
			read_part_header(p, &line, part);
			break;
		case ALG_PARSE_PARTIAL:
			i = end;
			continue;
		default:
			break;
		}
		i = line.next;
	}
	part->type.kind = ALG_SIP_CONTENT_OTHER;
	return i;
}

/* Is [i, end), a line without its end, the delimiter with @boundary? *@closing: the last one. */
static bool is_delimiter(const u8 *p, u32 i, u32 end, const struct alg_sip_span *boundary, bool *closing)
{
	if (end - i < 2U + boundary->len || memcmp(p + i + 2, p + boundary->off, boundary->len))
		return false;
	i += 2 + boundary->len;
	*closing = end - i >= 2 && p[i] == '-' && p[i + 1] == '-';
	return alg_skip_ws(p, *closing ? i + 2 : i, end) == end;
}

/* The part's body ends before the delimiter at @i; the line break belongs to that (RFC 2046, 5.1.1). */
static void end_part(struct alg_sip_parser *s, const struct part *part, u32 i, bool at_delimiter)
{
	if (part->type.kind != ALG_SIP_CONTENT_SDP)
		return;
	if (at_delimiter && i > part->start && s->p[i - 1] == '\n') {
		i--;
		if (i > part->start && s->p[i - 1] == '\r')
			i--;
	}
	alg_sip_add_body(s, part->start, i, part->length);
}

void alg_sip_multipart(struct alg_sip_parser *s, u32 from, u32 end)
{
	struct alg_sip_span boundary[NESTED_MAX] = { s->content.boundary };
	struct part part = { .type.kind = ALG_SIP_CONTENT_OTHER };
	u32 depth = 1, i = from, lf, d;
	const u8 *p = s->p;
	bool closing;

	for (; i < end; i = lf < end ? lf + 1 : end) {
		lf = alg_find_byte(p, i, end, '\n');
		if (lf - i < 2 || p[i] != '-' || p[i + 1] != '-')
			continue;
		/* An outer delimiter ends the inner multiparts as well. */
		for (d = depth; d && !is_delimiter(p, i, lf, &boundary[d - 1], &closing); d--)
			;
		if (!d)
			continue;
		end_part(s, &part, i, true);
		part.type.kind = ALG_SIP_CONTENT_OTHER;
		depth = closing ? d - 1 : d;
		if (!depth)
			return;
		if (closing || lf == end)
			continue;
		i = read_part_headers(p, lf + 1, end, &part);
		if (part.type.kind == ALG_SIP_CONTENT_MULTIPART && depth < NESTED_MAX)
			boundary[depth++] = part.type.boundary;
		lf = i - 1;	/* go on at its body */
	}
	end_part(s, &part, end, false);
}
