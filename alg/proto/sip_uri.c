// SPDX-License-Identifier: GPL-2.0-only
/* URIs, name-addr, Via: everything in a SIP message that holds an address. */
#include "sip_parse.h"
#include "poison.h"

static struct alg_sip_ref *add_ref(struct alg_sip_parser *s, enum alg_sip_where where, enum alg_sip_part part,
				   u32 from, u32 end)
{
	struct alg_sip_ref *ref;

	if (s->msg->n_refs == ALG_SIP_REFS) {
		s->bad = true;
		return NULL;
	}
	ref = &s->msg->refs[s->msg->n_refs++];
	memset(ref, 0, sizeof(*ref));
	ref->off = (u16)from;
	ref->len = (u16)(end - from);
	ref->where = (u8)where;
	ref->part = (u8)part;
	return ref;
}

/* IP6reference from its '[' on. */
static u32 read_brackets(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where, enum alg_sip_part part)
{
	u32 limit = min_t(u32, end, i + 1 + ALG_ADDR_TEXT), close = alg_find_byte(s->p, i + 1, limit, ']');
	struct alg_sip_ref *ref;
	u8 addr[16];

	if (close == limit || !alg_parse_ipv6(s->p + i + 1, close - i - 1, addr))
		return ALG_SCAN_BAD;
	ref = add_ref(s, where, part, i, close + 1);
	if (!ref)
		return ALG_SCAN_BAD;
	ref->flags = ALG_SIP_REF_BRACKETS;
	ref->ep.family = 6;
	memcpy(ref->ep.addr, addr, sizeof(addr));
	return close + 1;
}

/* An address of at least eight bytes, 16 of which can be read, is remembered: it comes again. */
static void know(struct alg_sip_parser *s, u32 i, u32 len, const u8 quad[4])
{
	struct alg_sip_known *k = &s->known[s->next_known];

	if (len < 8)
		return;
	k->low = alg_load64(s->p + i);
	k->mask = (1ULL << 8 * (len - 8)) - 1;
	k->high = alg_load64(s->p + i + 8) & k->mask;
	k->len = (u8)len;
	memcpy(k->quad, quad, sizeof(k->quad));
	s->next_known = (s->next_known + 1) % ALG_SIP_KNOWN;
	if (s->n_known < ALG_SIP_KNOWN)
		s->n_known++;
}

/* An IPv4 address at @i that goes no further than @end. Return: offset behind it, ALG_SCAN_BAD: it is none. */
static u32 read_quad(struct alg_sip_parser *s, u32 i, u32 end, u8 quad[4])
{
	bool room = s->len - i >= 16;
	const u8 *p = s->p;
	u64 low, high;
	u32 behind, n;

	if (room) {
		low = alg_load64(p + i);
		high = alg_load64(p + i + 8);
		for (n = 0; n < s->n_known; n++) {
			const struct alg_sip_known *k = &s->known[n];

			if (low != k->low || (high & k->mask) != k->high || alg_is(p[i + k->len], ALG_C_HOST))
				continue;
			memcpy(quad, k->quad, sizeof(k->quad));
			return i + k->len;
		}
	}
	behind = alg_scan_ipv4(p, i, s->len, quad);
	if (behind == ALG_SCAN_BAD || (behind < end && alg_is(p[behind], ALG_C_HOST)))
		return ALG_SCAN_BAD;
	if (room)
		know(s, i, behind - i, quad);
	return behind;
}

/* A host; p[end] can be read and is no part of it. A name has no ref. */
static u32 read_host(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where, enum alg_sip_part part)
{
	struct alg_sip_ref *ref;
	u8 quad[4];
	u32 behind;

	if (i == end)
		return ALG_SCAN_BAD;
	if (s->p[i] == '[')
		return read_brackets(s, i, end, where, part);
	if (alg_is_digit(s->p[i])) {
		behind = read_quad(s, i, end, quad);
		if (behind != ALG_SCAN_BAD) {
			ref = add_ref(s, where, part, i, behind);
			if (!ref)
				return ALG_SCAN_BAD;
			ref->ep.family = 4;
			memcpy(ref->ep.addr, quad, sizeof(quad));
			return behind;
		}
	}
	behind = alg_run_class(s->p, i, ALG_C_HOST);
	return behind == i ? ALG_SCAN_BAD : behind;
}

/* Digits of the port of the last ref, if @has_ref. */
static u32 read_port(struct alg_sip_parser *s, u32 i, u32 end, bool has_ref)
{
	struct alg_sip_ref *ref;
	u32 port, behind;

	if (end - i > 4 && ALG_STARTS(s->p + i, "5060") && !alg_is_digit(s->p[i + 4])) {
		port = ALG_SIP_PORT;
		behind = i + 4;
	} else {
		behind = alg_scan_number_in(s->p, i, end, s->len, 65535, &port);
	}
	if (behind == ALG_SCAN_BAD || !port)
		return ALG_SCAN_BAD;
	if (has_ref) {
		ref = &s->msg->refs[s->msg->n_refs - 1];
		ref->ep.port = (u16)port;
		ref->port_off = (u16)i;
		ref->port_len = (u16)(behind - i);
	}
	return behind;
}

static void flag_refs(struct alg_sip_parser *s, u32 first, u8 flags)
{
	if (flags)
		for (; first < s->msg->n_refs; first++)
			s->msg->refs[first].flags |= flags;
}

/* ---- URIs ---- */

static u8 transport_flags(const u8 *p, u32 len)
{
	if (ALG_SAME(p, len, "tcp"))
		return ALG_SIP_REF_TCP;
	if (ALG_SAME(p, len, "tls") || ALG_SAME(p, len, "tls-sctp"))
		return ALG_SIP_REF_SECURE;
	return 0;
}

static bool ends_uri_param(u8 c)
{
	return c == ';' || c == '?' || alg_is(c, ALG_C_USER_END);
}

/* RFC 3261, 19.1.1: uri-parameters of a URI in angle brackets, from a ';' on. */
static u32 read_uri_params(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where, u8 *flags)
{
	const u8 *p = s->p;
	u32 name, name_end, value;

	while (i < end && p[i] == ';') {
		name = ++i;
		if (end - i >= 14 && ALG_STARTS(p + i, "transport=udp") && ends_uri_param(p[i + 13])) {
			i += 13;
			continue;
		}
		while (i < end && p[i] != '=' && !ends_uri_param(p[i]))
			i++;
		name_end = i;
		if (i == end || p[i] != '=')
			continue;
		value = ++i;
		if (ALG_SAME(p + name, name_end - name, "maddr")) {
			i = read_host(s, i, end, where, ALG_SIP_MADDR);
			if (i == ALG_SCAN_BAD)
				return i;
		}
		while (i < end && !ends_uri_param(p[i]))
			i++;
		if (ALG_SAME(p + name, name_end - name, "transport"))
			*flags |= transport_flags(p + value, i - value);
	}
	return i;
}

/* tel: and whatever else there may be; @i is behind the scheme. */
static u32 read_other_uri(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_uri_form form)
{
	const u8 *p = s->p;
	u32 base = 0;

	for (; i < end; i++) {
		if (!base && (p[i] == ';' || p[i] == '?'))
			base = i;
		if (form == ALG_SIP_URI_BARE && (p[i] == ';' || p[i] == ','))
			break;
		if (p[i] != '@' && alg_is(p[i], ALG_C_USER_END))
			break;
	}
	s->base.len = (u16)((base ? base : i) - s->base.off);
	return i;
}

static u32 read_sip_uri(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where, enum alg_sip_uri_form form,
			u8 flags)
{
	u8 stop = form == ALG_SIP_URI_BARE ? ALG_C_URI_END : ALG_C_USER_END;
	u32 first = s->msg->n_refs, at = alg_run_to(s->p, i, stop);
	const u8 *p = s->p;

	/* A '@' ends the user part, whatever is in it. */
	if (at < end && p[at] == '@')
		i = at + 1;
	i = read_host(s, i, end, where, ALG_SIP_HOST);
	if (i != ALG_SCAN_BAD && i < end && p[i] == ':')
		i = read_port(s, i + 1, end, s->msg->n_refs > first);
	if (i == ALG_SCAN_BAD)
		return i;
	if (s->msg->n_refs > first)
		s->uri_ref = (u8)first;
	s->base.len = (u16)(i - s->base.off);
	if (form != ALG_SIP_URI_BARE && i < end && p[i] == ';')
		i = read_uri_params(s, i, end, where, &flags);
	if (i == ALG_SCAN_BAD)
		return i;
	flag_refs(s, first, flags);
	/* Headers: in a Request-URI and without angle brackets they must not be (RFC 3261, 19.1.1 and 20). */
	if (form == ALG_SIP_URI_ANGLE && i < end && p[i] == '?')
		while (i < end && (p[i] == '@' || !alg_is(p[i], ALG_C_USER_END)))
			i++;
	return i;
}

/* RFC 3986, 3.1. Return: offset of the colon. */
static u32 read_scheme(const u8 *p, u32 i, u32 end)
{
	u32 start = i;

	while (i < end && (alg_is(p[i], ALG_C_HOST) || p[i] == '+') && p[i] != '_')
		i++;
	return i < end && p[i] == ':' && (u8)((p[start] | 0x20) - 'a') < 26 ? i : ALG_SCAN_BAD;
}

/* What must stand at @i, behind the URI that begins at @start. */
static u32 end_uri(struct alg_sip_parser *s, u32 start, u32 i, u32 end, enum alg_sip_uri_form form)
{
	const u8 *p = s->p;

	if (i == ALG_SCAN_BAD)
		return i;
	s->uri = alg_sip_span(start, i);
	switch (form) {
	case ALG_SIP_URI_LINE:
		return i == end ? i : ALG_SCAN_BAD;
	case ALG_SIP_URI_ANGLE:
		return i < end && p[i] == '>' ? i + 1 : ALG_SCAN_BAD;
	default:
		return i == end || alg_is(p[i], ALG_C_WS) || p[i] == ';' || p[i] == ',' ? i : ALG_SCAN_BAD;
	}
}

static inline u32 read_uri(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where, enum alg_sip_uri_form form)
{
	const u8 *p = s->p;
	u32 start = i;

	s->uri_ref = ALG_SIP_REFS;
	s->base.off = (u16)start;
	if (end - i > 4 && ALG_STARTS(p + i, "sip:"))
		return end_uri(s, start, read_sip_uri(s, i + 4, end, where, form, 0), end, form);
	i = read_scheme(p, i, end);
	if (i == ALG_SCAN_BAD)
		return i;
	if (ALG_SAME(p + start, i - start, "sip"))
		i = read_sip_uri(s, i + 1, end, where, form, 0);
	else if (ALG_SAME(p + start, i - start, "sips"))
		i = read_sip_uri(s, i + 1, end, where, form, ALG_SIP_REF_SECURE);
	else
		i = read_other_uri(s, i + 1, end, form);
	return end_uri(s, start, i, end, form);
}

u32 alg_sip_uri(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where, enum alg_sip_uri_form form)
{
	return read_uri(s, i, end, where, form);
}

/* ---- name-addr and parameters ---- */

static u32 read_quoted(const u8 *p, u32 i, u32 end)
{
	for (i++; i < end && p[i] != '"'; i++)
		if (p[i] == '\\' && ++i == end)
			return ALG_SCAN_BAD;
	return i < end ? i + 1 : ALG_SCAN_BAD;
}

static u32 read_address(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where)
{
	const u8 *p = s->p;
	u32 at;

	i = alg_skip_ws(p, i, end);
	if (i == end)
		return ALG_SCAN_BAD;
	if (p[i] == '<')
		return read_uri(s, i + 1, end, where, ALG_SIP_URI_ANGLE);
	if (p[i] == '"') {
		at = read_quoted(p, i, end);
		if (at == ALG_SCAN_BAD)
			return at;
		at = alg_skip_ws(p, at, end);
	} else {
		at = alg_skip_class(p, i, end, ALG_C_DISPLAY);
		if (at < end && p[at] == ':')
			return alg_sip_uri(s, i, end, where, ALG_SIP_URI_BARE);
	}
	if (at == end || p[at] != '<')
		return ALG_SCAN_BAD;
	return alg_sip_uri(s, at + 1, end, where, ALG_SIP_URI_ANGLE);
}

/* Of a parameter; p[end] can be read and is neither part of a name nor of a value. */
static inline u32 name_end(const u8 *p, u32 i, u32 end)
{
	if (end - i > 8) {	/* what nearly all there are begin with */
		if (ALG_STARTS(p + i, "branch="))
			return i + 6;
		if (ALG_STARTS(p + i, "tag="))
			return i + 3;
		if (ALG_STARTS(p + i, "received="))
			return i + 8;
	}
	return alg_run_class(p, i, ALG_C_TOKEN);
}

int alg_sip_next_param(const u8 *p, u32 *at, u32 end, struct alg_sip_param *param)
{
	u32 i = alg_skip_ws(p, *at, end), behind;

	*at = i;
	if (i == end || p[i] == ',')
		return 0;
	if (p[i] != ';')
		return -1;
	i = alg_skip_ws(p, i + 1, end);
	if (i == end) {		/* a last ';' with nothing behind it is common enough */
		*at = i;
		return 0;
	}
	param->name = i;
	i = name_end(p, i, end);
	param->name_end = i;
	if (i == param->name)
		return -1;
	param->quoted = false;
	param->value = param->value_end = i;
	behind = p[i] == '=' ? i : alg_skip_ws(p, i, end);
	if (behind < end && p[behind] == '=') {
		i = alg_skip_ws(p, behind + 1, end);
		param->value = i;
		if (i < end && p[i] == '"') {
			i = read_quoted(p, i, end);
			if (i == ALG_SCAN_BAD)
				return -1;
			param->quoted = true;
			param->value++;
			param->value_end = i - 1;
		} else {
			i = alg_run_to(p, i, ALG_C_PARAM_END);
			param->value_end = i;
		}
	}
	*at = i;
	return 1;
}

#define PARAM_IS(p, param, word) ALG_SAME((p) + (param)->name, (param)->name_end - (param)->name, word)

bool alg_sip_party(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where)
{
	struct alg_sip_span *tag = where == ALG_SIP_AT_FROM ? &s->msg->from_tag : &s->msg->to_tag;
	struct alg_sip_param param;
	int more;

	i = read_address(s, i, end, where);
	if (i == ALG_SCAN_BAD)
		return false;
	if (where == ALG_SIP_AT_FROM)
		s->msg->from_uri = s->base;
	else
		s->msg->to_uri = s->base;
	while ((more = alg_sip_next_param(s->p, &i, end, &param)) > 0) {
		if (!PARAM_IS(s->p, &param, "tag"))
			continue;
		if (tag->len || param.quoted)
			return false;
		*tag = alg_sip_span(param.value, param.value_end);
	}
	return !more && i == end;
}

bool alg_sip_addresses(struct alg_sip_parser *s, u32 i, u32 end, enum alg_sip_where where)
{
	struct alg_sip_param param;
	int more;

	for (;; i++) {
		i = read_address(s, i, end, where);
		if (i == ALG_SCAN_BAD)
			return false;
		while ((more = alg_sip_next_param(s->p, &i, end, &param)) > 0)
			;
		if (more || i == end)
			return !more;
	}
}

/* One value of Contact; i is behind its address. */
static int read_contact(struct alg_sip_parser *s, u32 *i, u32 end)
{
	struct alg_sip_contact contact = { .ref = s->uri_ref, .expires = ALG_SIP_NONE, .uri = s->uri };
	struct alg_sip_param param;
	int more;

	while ((more = alg_sip_next_param(s->p, i, end, &param)) > 0) {
		if (!PARAM_IS(s->p, &param, "expires"))
			continue;
		/* RFC 3261, 20.10: what is no number means 3600 */
		if (alg_scan_number_in(s->p, param.value, param.value_end, s->len, ALG_SIP_NONE - 1, &contact.expires) !=
		    param.value_end)
			contact.expires = 3600;
	}
	if (s->msg->n_contacts < ALG_SIP_CONTACTS)
		s->msg->contacts[s->msg->n_contacts++] = contact;
	else
		s->msg->too_many = true;
	return more;
}

bool alg_sip_contacts(struct alg_sip_parser *s, u32 i, u32 end)
{
	int more;

	if (end - i == 1 && s->p[i] == '*') {
		s->msg->star = true;
		return true;
	}
	for (;; i++) {
		i = read_address(s, i, end, ALG_SIP_AT_CONTACT);
		if (i == ALG_SCAN_BAD)
			return false;
		more = read_contact(s, &i, end);
		if (more || i == end)
			return !more;
	}
}

/* ---- Via ---- */

/**
 * struct via - a Via being read
 * @first:	its first ref
 * @top:	the message's first
 * @host:	sent-by is an address
 * @received:	index of the ref, ALG_SIP_REFS: none yet
 * @rport:	its value, 0: none
 * @rport_off:	its digits
 * @rport_len:	how many
 * @flags:	ALG_SIP_REF_*
 */
struct via {
	u8 first, received;
	bool top, host;
	u8 flags;
	u16 rport, rport_off, rport_len;
};

/* sent-protocol (RFC 3261, 20.42) and the white space behind it. */
static u32 read_via_protocol(const u8 *p, u32 i, u32 end, u8 *flags)
{
	static const char words[2][4] = { "sip", "2.0" };
	u32 n, start;

	i = alg_skip_ws(p, i, end);
	if (end - i > 12 && ALG_STARTS(p + i, "SIP/2.0/UDP ")) {
		*flags = 0;
		return alg_skip_ws(p, i + 12, end);
	}
	if (end - i > 8 && ALG_STARTS(p + i, "SIP/2.0/")) {
		i += 8;
	} else {
		for (n = 0; n < 2; n++) {
			if (end - i < 3 || !alg_same_text(p + i, words[n], 3))
				return ALG_SCAN_BAD;
			i = alg_skip_ws(p, i + 3, end);
			if (i == end || p[i] != '/')
				return ALG_SCAN_BAD;
			i = alg_skip_ws(p, i + 1, end);
		}
	}
	if (i < end && alg_is(p[i], ALG_C_WS))
		i = alg_skip_ws(p, i, end);
	start = i;
	i = alg_skip_class(p, i, end, ALG_C_TOKEN);
	if (i == start || i == end || !alg_is(p[i], ALG_C_WS))
		return ALG_SCAN_BAD;
	*flags = transport_flags(p + start, i - start);
	return alg_skip_ws(p, i, end);
}

/* received: an address, with or without brackets (RFC 5118, 4.5), or something that nobody can use. */
static bool read_received(struct alg_sip_parser *s, struct via *via, u32 i, u32 end)
{
	struct alg_sip_ref *ref;
	struct alg_endpoint ep;

	if (via->received != ALG_SIP_REFS)
		return false;
	if (i < end && s->p[i] == '[') {
		if (read_brackets(s, i, end, ALG_SIP_AT_VIA, ALG_SIP_RECEIVED) != end)
			return false;
	} else {
		if (!alg_scan_addr(s->p, i, end, &ep))
			return true;
		ref = add_ref(s, ALG_SIP_AT_VIA, ALG_SIP_RECEIVED, i, end);
		if (!ref)
			return false;
		ref->ep.family = ep.family;
		memcpy(ref->ep.addr, ep.addr, sizeof(ep.addr));
	}
	via->received = s->msg->n_refs - 1;
	return true;
}

static bool read_via_param(struct alg_sip_parser *s, struct via *via, const struct alg_sip_param *param)
{
	u32 val, behind;

	switch (param->name_end - param->name) {
	case 5:
		if (PARAM_IS(s->p, param, "rport")) {
			if (via->flags & ALG_SIP_REF_RPORT)
				return false;
			via->flags |= ALG_SIP_REF_RPORT;
			if (param->value == param->value_end)
				return true;
			if (alg_scan_number_in(s->p, param->value, param->value_end, s->len, 65535, &val) != param->value_end)
				return false;
			via->rport = (u16)val;
			via->rport_off = (u16)param->value;
			via->rport_len = (u16)(param->value_end - param->value);
		} else if (PARAM_IS(s->p, param, "maddr")) {
			behind = read_host(s, param->value, param->value_end, ALG_SIP_AT_VIA, ALG_SIP_MADDR);
			return behind == param->value_end;
		}
		return true;
	case 6:
		if (via->top && PARAM_IS(s->p, param, "branch"))
			s->msg->branch = alg_sip_span(param->value, param->value_end);
		return true;
	case 8:
		if (PARAM_IS(s->p, param, "received"))
			return read_received(s, via, param->value, param->value_end);
		return true;
	}
	return true;
}

/* RFC 3581, 4: rport is the port that goes with received; without it, with sent-by. */
static void join_rport(struct alg_sip_parser *s, const struct via *via)
{
	struct alg_sip_ref *ref;

	if (!via->rport)
		return;
	if (via->received == ALG_SIP_REFS) {
		if (!via->host || via->rport_len > 255)
			return;
		ref = &s->msg->refs[via->first];
		ref->rport = via->rport;
		ref->rport_off = via->rport_off;
		ref->rport_len = (u8)via->rport_len;
		return;
	}
	ref = &s->msg->refs[via->received];
	ref->ep.port = via->rport;
	ref->port_off = via->rport_off;
	ref->port_len = via->rport_len;
}

/* One via-parm. Return: as alg_sip_next_param(), 0 or -1. */
static int read_via(struct alg_sip_parser *s, u32 *at, u32 end, bool top)
{
	struct via via = { .first = s->msg->n_refs, .received = ALG_SIP_REFS, .top = top };
	struct alg_sip_param param;
	u32 i, colon;
	int more;

	i = read_via_protocol(s->p, *at, end, &via.flags);
	if (i != ALG_SCAN_BAD)
		i = read_host(s, i, end, ALG_SIP_AT_VIA, ALG_SIP_HOST);
	if (i == ALG_SCAN_BAD)
		return -1;
	via.host = s->msg->n_refs > via.first;
	colon = alg_skip_ws(s->p, i, end);
	if (colon < end && s->p[colon] == ':') {
		i = read_port(s, alg_skip_ws(s->p, colon + 1, end), end, via.host);
		if (i == ALG_SCAN_BAD)
			return -1;
	}
	while ((more = alg_sip_next_param(s->p, &i, end, &param)) > 0)
		if (!read_via_param(s, &via, &param))
			return -1;
	*at = i;
	join_rport(s, &via);
	flag_refs(s, via.first, via.flags);
	if (top && via.host)
		s->msg->top_via = via.first;
	return more;
}

bool alg_sip_via(struct alg_sip_parser *s, u32 i, u32 end)
{
	bool top = !(s->seen & 1U << ALG_SIP_H_VIA);
	int more;

	for (;; i++, top = false) {
		more = read_via(s, &i, end, top);
		if (more || i == end)
			return !more;
	}
}
