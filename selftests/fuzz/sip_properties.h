/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What holds for every parsed SIP message and session description, for unit tests and fuzzers alike. The includer
 * supplies PROPERTY(condition), which ends the test.
 */
#ifndef SELFTESTS_SIP_PROPERTIES_H
#define SELFTESTS_SIP_PROPERTIES_H

#include "alg/proto/sdp.h"
#include "alg/proto/sip.h"

static inline bool sip_same_contacts(const struct alg_sip_msg *a, const struct alg_sip_msg *b)
{
	for (u32 i = 0; i < a->n_contacts; i++)
		if (a->contacts[i].ref != b->contacts[i].ref || a->contacts[i].expires != b->contacts[i].expires ||
		    memcmp(&a->contacts[i].uri, &b->contacts[i].uri, sizeof(a->contacts[i].uri)))
			return false;
	return true;
}

static inline bool sip_same_message(const struct alg_sip_msg *a, const struct alg_sip_msg *b)
{
	return !memcmp(a, b, offsetof(struct alg_sip_msg, contacts)) &&
	       !memcmp(a->bodies, b->bodies, a->n_bodies * sizeof(a->bodies[0])) &&
	       !memcmp(a->refs, b->refs, a->n_refs * sizeof(a->refs[0])) &&
	       sip_same_contacts(a, b);
}

/* An address's text, with or without brackets, and the digits of its port are what the endpoint says. */
static inline void sip_check_endpoint(const u8 *data, u32 off, u32 len, u32 port_off, u32 port_len, bool brackets,
				      const struct alg_endpoint *ep)
{
	u8 addr[16];
	u32 port = 0;

	if (brackets) {
		PROPERTY(len > 2 && data[off] == '[' && data[off + len - 1] == ']');
		off++;
		len -= 2;
	}
	PROPERTY(ep->family == 4 || ep->family == 6);
	PROPERTY(ep->family == 4 ? alg_parse_ipv4(data + off, len, addr) : alg_parse_ipv6(data + off, len, addr));
	PROPERTY(!memcmp(addr, ep->addr, sizeof(addr)));
	PROPERTY(!brackets || ep->family == 6);
	for (u32 i = 0; i < port_len; i++) {
		PROPERTY(data[port_off + i] >= '0' && data[port_off + i] <= '9');
		port = port * 10 + (data[port_off + i] - '0');
		PROPERTY(port <= 65535);
	}
	PROPERTY(port == ep->port);
}

static inline void sip_check_ref(const u8 *data, const struct alg_sip_msg *msg, u32 i, u32 *behind)
{
	const struct alg_sip_ref *ref = &msg->refs[i];
	u32 end = ref->off + ref->len, port_end = ref->port_off + ref->port_len;

	PROPERTY(ref->len && ref->off >= *behind && end <= msg->header_len);
	PROPERTY(ref->where <= ALG_SIP_AT_HISTORY && ref->part <= ALG_SIP_RECEIVED);
	PROPERTY(ref->part != ALG_SIP_RECEIVED || ref->where == ALG_SIP_AT_VIA);
	PROPERTY(ref->where == ALG_SIP_AT_VIA || !(ref->flags & ALG_SIP_REF_RPORT));
	PROPERTY(port_end <= msg->header_len && !!ref->port_len == !!ref->ep.port);
	sip_check_endpoint(data, ref->off, ref->len, ref->port_off, ref->port_len, ref->flags & ALG_SIP_REF_BRACKETS,
			   &ref->ep);
	if (ref->port_len && ref->part == ALG_SIP_HOST) {
		u32 colon = ref->port_off - 1;

		PROPERTY(ref->port_off > end);
		while (data[colon] == ' ' || data[colon] == '\t' || data[colon] == '\r' || data[colon] == '\n')
			colon--;
		PROPERTY(data[colon] == ':' && colon >= end);
	} else if (ref->port_len) {
		PROPERTY(ref->part == ALG_SIP_RECEIVED && (port_end <= ref->off || ref->port_off >= end));
		PROPERTY(ref->flags & ALG_SIP_REF_RPORT);
	}
	PROPERTY(!ref->rport_len == !ref->rport);
	if (ref->rport_len) {
		u32 value = 0;

		PROPERTY(ref->part == ALG_SIP_HOST && ref->flags & ALG_SIP_REF_RPORT && ref->rport_off > end &&
			 ref->rport_off > port_end && ref->rport_off + ref->rport_len <= msg->header_len);
		for (u32 i = 0; i < ref->rport_len; i++)
			value = value * 10 + (data[ref->rport_off + i] - '0');
		PROPERTY(value == ref->rport);
	}
	*behind = end;
	if (ref->port_len && ref->part == ALG_SIP_HOST)
		*behind = port_end;
}

static inline void sip_check_span(const struct alg_sip_msg *msg, const struct alg_sip_span *span)
{
	PROPERTY(span->off + span->len <= msg->header_len);
}

static inline void sip_check_lists(const struct alg_sip_msg *msg, u32 len)
{
	u32 behind = msg->header_len;

	for (u32 i = 0; i < msg->n_contacts; i++) {
		const struct alg_sip_contact *c = &msg->contacts[i];

		sip_check_span(msg, &c->uri);
		PROPERTY(c->uri.len && c->ref <= ALG_SIP_REFS && (c->ref == ALG_SIP_REFS || c->ref < msg->n_refs));
		if (c->ref == ALG_SIP_REFS)
			continue;
		PROPERTY(msg->refs[c->ref].where == ALG_SIP_AT_CONTACT && msg->refs[c->ref].part == ALG_SIP_HOST);
		PROPERTY(msg->refs[c->ref].off > c->uri.off);
		PROPERTY(msg->refs[c->ref].off + msg->refs[c->ref].len <= c->uri.off + c->uri.len);
	}
	for (u32 i = 0; i < msg->n_bodies; i++) {
		const struct alg_sip_body *b = &msg->bodies[i];

		PROPERTY(b->len && b->off >= behind && b->off + b->len <= msg->header_len + msg->body_len);
		PROPERTY(b->off + b->len <= len);
		PROPERTY(!b->length.len || (b->length.off >= behind && b->length.off + b->length.len <= b->off));
		behind = b->off + b->len;
	}
	PROPERTY(msg->n_bodies <= 1 || msg->multipart);
}

/* @msg is what came out as COMPLETE for data[0..len). */
static inline void sip_check_message(const u8 *data, u32 len, const struct alg_sip_msg *msg)
{
	u32 behind = 0;

	if (msg->kind == ALG_SIP_KEEPALIVE || msg->kind == ALG_SIP_STUN) {
		PROPERTY(!msg->n_refs && !msg->n_contacts && !msg->n_bodies && !msg->header_len);
		return;
	}
	PROPERTY(msg->kind <= ALG_SIP_RESPONSE && msg->method < ALG_SIP_METHODS);
	PROPERTY(msg->kind == ALG_SIP_REQUEST ? !msg->status : msg->status >= 100 && msg->status <= 699);
	PROPERTY(msg->header_len <= len && data[msg->header_len - 1] == '\n');
	PROPERTY(msg->n_refs <= ALG_SIP_REFS && msg->n_contacts <= ALG_SIP_CONTACTS && msg->n_bodies <= ALG_SIP_BODIES);
	PROPERTY(msg->call_id.len && msg->method_text.len && msg->from_uri.len && msg->to_uri.len);
	sip_check_span(msg, &msg->method_text);
	sip_check_span(msg, &msg->call_id);
	sip_check_span(msg, &msg->from_tag);
	sip_check_span(msg, &msg->to_tag);
	sip_check_span(msg, &msg->branch);
	sip_check_span(msg, &msg->from_uri);
	sip_check_span(msg, &msg->to_uri);
	sip_check_span(msg, &msg->length);
	PROPERTY(!!msg->length.len == (msg->content_length != ALG_SIP_NONE));
	for (u32 i = 0; i < msg->n_refs; i++)
		sip_check_ref(data, msg, i, &behind);
	PROPERTY(msg->top_via <= ALG_SIP_REFS && (msg->top_via == ALG_SIP_REFS || msg->top_via < msg->n_refs));
	if (msg->top_via < ALG_SIP_REFS) {
		PROPERTY(msg->refs[msg->top_via].part == ALG_SIP_HOST);
		PROPERTY(msg->refs[msg->top_via].where == ALG_SIP_AT_VIA);
	}
	sip_check_lists(msg, len);
}

/*
 * What is said about the first @len bytes of a stream and, later, about more of them (@whole). Nothing is taken back.
 * @part, @whole: answers; @a, @b: the messages; @used: of the part
 */
static inline void sip_check_prefix(const u8 *data, u32 len, enum alg_parse part, const struct alg_sip_msg *a, u32 used,
				    enum alg_parse whole, const struct alg_sip_msg *b, u32 used_whole)
{
	PROPERTY(part != ALG_PARSE_SKIP);
	if (part == ALG_PARSE_PARTIAL) {
		PROPERTY(!used);
		return;
	}
	PROPERTY(used);
	if (!data[0] || data[0] == '\r' || data[0] == '\n')	/* is what it is, or the start of STUN */
		return;
	PROPERTY(part == whole);
	if (part == ALG_PARSE_COMPLETE)
		PROPERTY(used == used_whole && sip_same_message(a, b));
	else
		PROPERTY(used == used_whole || used == len);
}

/* ---- SDP ---- */

static inline void sdp_check_media(const u8 *data, u32 off, u32 len, const struct alg_sdp *sdp,
				   const struct alg_sdp_media *m)
{
	u32 port = 0;

	PROPERTY(m->type_len && m->type_off >= off && m->type_off + m->type_len < m->port_off);
	PROPERTY(m->port_len && m->port_off + m->port_len <= off + len && m->count);
	for (u32 i = 0; i < m->port_len; i++)
		port = port * 10 + (data[m->port_off + i] - '0');
	PROPERTY(port == m->port && m->transport <= ALG_SDP_OTHER);
	PROPERTY(m->addr == ALG_SDP_ADDRS || m->addr < sdp->n_addrs);
	PROPERTY(m->rtcp_addr == ALG_SDP_ADDRS || (m->rtcp_addr < sdp->n_addrs && m->rtcp_port));
	PROPERTY(!!m->rtcp_port == !!m->rtcp_len && m->rtcp_off + m->rtcp_len <= off + len);
	PROPERTY(m->direction <= ALG_SDP_INACTIVE && m->setup <= ALG_SDP_HOLDCONN);
}

/* @sdp is the description data[off..off+len) alone. */
static inline void sdp_check(const u8 *data, u32 off, u32 len, const struct alg_sdp *sdp)
{
	u32 behind = off;

	PROPERTY(sdp->n_addrs <= ALG_SDP_ADDRS && sdp->n_media <= ALG_SDP_MEDIA);
	PROPERTY(sdp->n_candidates <= ALG_SDP_CANDIDATES);
	for (u32 i = 0; i < sdp->n_addrs; i++) {
		const struct alg_sdp_addr *a = &sdp->addrs[i];

		PROPERTY(a->len && a->off >= behind && a->off + a->len <= off + len);
		PROPERTY(!a->ep.port);
		if (a->ep.family)
			sip_check_endpoint(data, a->off, a->len, 0, 0, false, &a->ep);
		behind = a->off + a->len;
	}
	behind = off;
	for (u32 i = 0; i < sdp->n_media; i++) {
		PROPERTY(sdp->media[i].type_off >= behind);
		sdp_check_media(data, off, len, sdp, &sdp->media[i]);
		behind = sdp->media[i].port_off + sdp->media[i].port_len;
	}
	behind = off;
	for (u32 i = 0; i < sdp->n_candidates; i++) {
		const struct alg_sdp_candidate *c = &sdp->candidates[i];

		PROPERTY(c->len && c->off >= behind && c->port_off + c->port_len <= off + len);
		PROPERTY(c->media < sdp->n_media);
		sip_check_endpoint(data, c->off, c->len, c->port_off, c->port_len, false, &c->ep);
		PROPERTY(!c->remote || !(c->host || c->tcp || c->related));
		if (!c->related)
			behind = c->port_off + c->port_len;
	}
}

#endif /* SELFTESTS_SIP_PROPERTIES_H */
