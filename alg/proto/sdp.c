// SPDX-License-Identifier: GPL-2.0-only
#include "sdp.h"
#include "sip_scan.h"
#include "poison.h"

/**
 * struct description - one description being read
 * @p:		the message
 * @end:	of the description
 * @sdp:	where it all goes
 * @first:	index of its first m-line
 * @media:	the m-line that attributes belong to; NULL: the session
 * @addr:	of the session's c-line, ALG_SDP_ADDRS: none yet
 * @direction:	the session's, for media that have none
 * @setup:	likewise
 * @has_direction: bit for each m-line, from @first on, with a direction of its own
 */
struct description {
	const u8 *p;
	u32 end;
	struct alg_sdp *sdp;
	struct alg_sdp_media *media;
	u8 first;
	u8 addr;
	u8 direction, setup;
	u32 has_direction;
};

/* ---- words ---- */

struct word {
	u32 off, end;
};

static inline bool is_space(u8 c)
{
	return c == ' ' || c == '\t';
}

/* The next word of a line, words being apart by spaces. false: there is none. */
static inline bool next_word(const u8 *p, u32 *i, u32 end, struct word *w)
{
	while (*i < end && is_space(p[*i]))
		(*i)++;
	w->off = *i;
	while (*i < end && !is_space(p[*i]))
		(*i)++;
	w->end = *i;
	return w->end > w->off;
}

/* The same, where more can be read: up to @room. */
static inline bool next_word_in(const u8 *p, u32 *i, u32 end, u32 room, struct word *w)
{
	u64 marks;

	while (*i < end && is_space(p[*i]))
		(*i)++;
	w->off = *i;
	for (; room - *i >= 8; *i += 8) {
		marks = alg_low_bytes(alg_load64(p + *i), ' ' + 1);
		if (marks) {
			*i += alg_lowest(marks);
			break;
		}
	}
	while (*i < end && !is_space(p[*i]))
		(*i)++;
	if (*i > end)
		*i = end;
	w->end = *i;
	return w->end > w->off;
}

/* Likewise the last one; *@end moves before it. */
static inline bool last_word(const u8 *p, u32 i, u32 *end, struct word *w)
{
	while (*end > i && is_space(p[*end - 1]))
		(*end)--;
	w->end = *end;
	while (*end > i && !is_space(p[*end - 1]))
		(*end)--;
	w->off = *end;
	return w->end > w->off;
}

#define WORD_IS(p, w, text) ALG_SAME((p) + (w)->off, (w)->end - (w)->off, text)
#define WORD_STARTS(p, w, text) \
	((w)->end - (w)->off >= sizeof(text) - 1 && alg_same_text((p) + (w)->off, text, sizeof(text) - 1))

static bool word_number(const u8 *p, const struct word *w, u32 max, u32 *val)
{
	return alg_scan_number(p, w->off, w->end, max, val) == w->end;
}

/* A name that may stand instead of an address: its last label doesn't begin with a digit (RFC 1123, 2.1). */
static bool is_host_name(const u8 *p, u32 off, u32 end)
{
	u32 label = off, i;

	for (i = off; i < end; i++) {
		if (!alg_is(p[i], ALG_C_HOST))
			return false;
		if (p[i] == '.' && i + 1 < end)
			label = i + 1;
	}
	return off < end && !alg_is_digit(p[label]);
}

/* ---- addresses ---- */

/* Is it the last one's text, and its address of @family? o= and c= mostly are the same. */
static bool is_last_again(const struct description *d, const struct word *text, u8 family)
{
	const u8 *a = d->p + text->off, *b;
	const struct alg_sdp_addr *last;
	u32 len = text->end - text->off;

	if (!family || !d->sdp->n_addrs || len < 8 || len > 16)
		return false;
	last = &d->sdp->addrs[d->sdp->n_addrs - 1];
	if (last->len != len || last->ep.family != family)
		return false;
	b = d->p + last->off;
	return alg_load64(a) == alg_load64(b) && alg_load64(a + len - 8) == alg_load64(b + len - 8);
}

/*
 * An entry for "IN" SP "IP4" / "IP6" SP address, of which the address begins at @off. Return: its index, or -EINVAL,
 * -E2BIG. What follows a '/' (RFC 8866, 5.7: TTL and number of groups) doesn't count.
 */
static int add_addr(struct description *d, const struct word *type, const struct word *text)
{
	struct alg_endpoint ep = { 0 };
	struct alg_sdp_addr *addr;
	u32 end = text->off;
	const u8 *p = d->p;
	u8 family = WORD_IS(p, type, "ip4") ? 4 : WORD_IS(p, type, "ip6") ? 6 : 0;

	if (is_last_again(d, text, family)) {
		ep = d->sdp->addrs[d->sdp->n_addrs - 1].ep;
		end = text->end;
	} else {
		end = alg_find_byte(p, end, text->end, '/');
	}
	if (end == text->off)
		return -EINVAL;
	if (family && (ep.family || alg_scan_addr(p, text->off, end, &ep))) {
		if (ep.family != family)
			return -EINVAL;
	} else if (family && !is_host_name(p, text->off, end)) {
		return -EINVAL;
	}
	if (d->sdp->n_addrs == ALG_SDP_ADDRS)
		return -E2BIG;
	addr = &d->sdp->addrs[d->sdp->n_addrs];
	addr->off = (u16)text->off;
	addr->len = (u16)(end - text->off);
	addr->ep = ep;
	return d->sdp->n_addrs++;
}

/* Is it "IN IP4 " or "IN IP6 "? Seven bytes. */
static bool is_internet(const u8 *p)
{
	return !memcmp(p, "IN IP", 5) && (p[5] == '4' || p[5] == '6') && p[6] == ' ';
}

/* "IN" SP "IP4" SP address from @i on. Other networks have entries without an address. */
static int read_connection(struct description *d, u32 i, u32 end)
{
	static const struct word none = { 0, 0 };
	struct word net, type ALG_UNINIT, addr ALG_UNINIT;

	if (end - i > 7 && is_internet(d->p + i) && !is_space(d->p[i + 7])) {	/* as nearly everybody writes it */
		type.off = i + 3;
		type.end = i + 6;
		i += 7;
		if (!next_word_in(d->p, &i, end, d->end, &addr))
			return -EINVAL;
		return add_addr(d, &type, &addr);
	}
	if (!next_word(d->p, &i, end, &net) || !next_word(d->p, &i, end, &type) || !next_word(d->p, &i, end, &addr))
		return -EINVAL;
	return add_addr(d, WORD_IS(d->p, &net, "in") ? &type : &none, &addr);
}

/* c= (RFC 8866, 5.7): of the session or of a media; the first one of several counts. */
static int read_c(struct description *d, u32 i, u32 end)
{
	int index = read_connection(d, i, end);
	u8 *addr = d->media ? &d->media->addr : &d->addr;

	if (index < 0)
		return index;
	if (*addr == ALG_SDP_ADDRS)
		*addr = (u8)index;
	return 0;
}

/*
 * o= (RFC 8866, 5.2): its last three words. One that can't be understood is of no consequence: nothing is sent there.
 */
static int read_o(struct description *d, u32 i, u32 end)
{
	struct word net, type ALG_UNINIT, addr ALG_UNINIT;
	int index;

	if (!last_word(d->p, i, &end, &addr))
		return 0;
	if (end - i > 8 && is_space(d->p[end - 8]) && is_internet(d->p + end - 7)) {
		type.off = end - 4;
		type.end = end - 1;
		index = add_addr(d, &type, &addr);
		return index == -E2BIG ? index : 0;
	}
	if (!last_word(d->p, i, &end, &type) || !last_word(d->p, i, &end, &net))
		return 0;
	if (!WORD_IS(d->p, &net, "in") || !(WORD_IS(d->p, &type, "ip4") || WORD_IS(d->p, &type, "ip6")))
		return 0;
	index = add_addr(d, &type, &addr);
	return index == -E2BIG ? index : 0;
}

/* ---- media ---- */

static u8 read_transport(const u8 *p, const struct word *w)
{
	if (w->end - w->off == 7 && ALG_STARTS(p + w->off, "RTP/AVP"))
		return ALG_SDP_RTP;
	switch (p[w->off] | 0x20) {
	case 'r':
		return WORD_STARTS(p, w, "rtp/") || WORD_IS(p, w, "rtp") ? ALG_SDP_RTP : ALG_SDP_OTHER;
	case 'u':
		/* RFC 5764, 8: DTLS-SRTP */
		if (WORD_STARTS(p, w, "udp/tls/rtp/"))
			return ALG_SDP_RTP;
		if (WORD_STARTS(p, w, "udp/") || WORD_IS(p, w, "udp") || WORD_IS(p, w, "udptl"))
			return ALG_SDP_UDP;
		return ALG_SDP_OTHER;
	case 't':
		return WORD_STARTS(p, w, "tcp/") || WORD_IS(p, w, "tcp") ? ALG_SDP_TCP : ALG_SDP_OTHER;
	case 'd':
		/* SCTP over DTLS as it was written before RFC 8841 */
		return WORD_IS(p, w, "dtls/sctp") ? ALG_SDP_UDP : ALG_SDP_OTHER;
	}
	return ALG_SDP_OTHER;
}

/* m= (RFC 8866, 5.14): media SP port ["/" count] SP proto ... */
static int read_m(struct description *d, u32 i, u32 end)
{
	struct word type, port, proto;
	struct alg_sdp_media *m;
	u32 val, count = 1, behind;
	const u8 *p = d->p;

	if (!next_word_in(p, &i, end, d->end, &type) || !next_word_in(p, &i, end, d->end, &port) ||
	    !next_word_in(p, &i, end, d->end, &proto))
		return -EINVAL;
	behind = alg_scan_number_in(p, port.off, port.end, d->end, 65535, &val);
	if (behind == ALG_SCAN_BAD)
		return -EINVAL;
	if (behind < port.end) {
		if (p[behind] != '/' || alg_scan_number(p, behind + 1, port.end, 65535, &count) != port.end || !count)
			return -EINVAL;
	}
	if (d->sdp->n_media == ALG_SDP_MEDIA)
		return -E2BIG;
	m = &d->sdp->media[d->sdp->n_media++];
	memset(m, 0, sizeof(*m));
	m->type_off = (u16)type.off;
	m->type_len = (u16)(type.end - type.off);
	m->port_off = (u16)port.off;
	m->port_len = (u16)(behind - port.off);
	m->port = (u16)val;
	m->count = (u16)count;
	m->count_len = (u16)(port.end - behind);
	m->transport = read_transport(p, &proto);
	m->addr = ALG_SDP_ADDRS;
	m->rtcp_addr = ALG_SDP_ADDRS;
	d->media = m;
	return 0;
}

/* ---- attributes ---- */

/* a=rtcp:port [SP "IN" SP "IP4" SP address] (RFC 3605, 2.1) */
static int read_rtcp(struct description *d, u32 i, u32 end)
{
	struct alg_sdp_media *m = d->media;
	struct word port, more;
	u32 val, at;
	int index;

	if (!m || m->rtcp_len)
		return 0;
	if (!next_word(d->p, &i, end, &port) || !word_number(d->p, &port, 65535, &val))
		return -EINVAL;
	if (!val)
		return 0;
	m->rtcp_port = (u16)val;
	m->rtcp_off = (u16)port.off;
	m->rtcp_len = (u16)(port.end - port.off);
	at = i;
	if (!next_word(d->p, &at, end, &more))
		return 0;
	index = read_connection(d, i, end);
	if (index < 0)
		return index;
	m->rtcp_addr = (u8)index;
	return 0;
}

static struct alg_sdp_candidate *add_candidate(struct description *d, const struct word *addr, const struct word *port)
{
	struct alg_sdp_candidate *c;
	u32 val;

	if (d->sdp->n_candidates == ALG_SDP_CANDIDATES)
		return NULL;
	c = &d->sdp->candidates[d->sdp->n_candidates];
	memset(c, 0, sizeof(*c));
	if (!alg_scan_addr(d->p, addr->off, addr->end, &c->ep) || !word_number(d->p, port, 65535, &val))
		return NULL;
	c->ep.port = (u16)val;
	c->off = (u16)addr->off;
	c->len = (u16)(addr->end - addr->off);
	c->port_off = (u16)port->off;
	c->port_len = (u16)(port->end - port->off);
	c->media = d->sdp->n_media - 1;
	d->sdp->n_candidates++;
	return c;
}

/* Behind a candidate's type: name and value by turns. */
static void read_related(struct description *d, u32 i, u32 end, const struct alg_sdp_candidate *of)
{
	struct word name, value, addr = { 0, 0 }, port = { 0, 0 };
	struct alg_sdp_candidate *c;

	while (next_word(d->p, &i, end, &name) && next_word(d->p, &i, end, &value)) {
		if (WORD_IS(d->p, &name, "raddr"))
			addr = value;
		else if (WORD_IS(d->p, &name, "rport"))
			port = value;
	}
	if (!addr.end || !port.end)
		return;
	c = add_candidate(d, &addr, &port);
	if (!c)
		return;
	c->component = of->component;
	c->tcp = of->tcp;
	c->host = of->host;
	c->related = true;
}

/*
 * a=candidate:foundation SP component SP transport SP priority SP address SP port SP "typ" SP type ... (RFC 8839, 5.1).
 * One that reads otherwise is left alone.
 */
static void read_candidate(struct description *d, u32 i, u32 end)
{
	struct alg_sdp_candidate *c;
	struct word w[8];
	u32 n, component;
	bool tcp;

	for (n = 0; n < ARRAY_SIZE(w); n++)
		if (!next_word(d->p, &i, end, &w[n]))
			return;
	tcp = WORD_IS(d->p, &w[2], "tcp");
	if (!tcp && !WORD_IS(d->p, &w[2], "udp"))
		return;
	if (!word_number(d->p, &w[1], 255, &component) || !WORD_IS(d->p, &w[6], "typ"))
		return;
	c = add_candidate(d, &w[4], &w[5]);
	if (c) {
		c->component = (u8)component;
		c->tcp = tcp;
		c->host = WORD_IS(d->p, &w[7], "host");
		read_related(d, i, end, c);
	}
}

/* a=remote-candidates:component SP address SP port *(SP ...) (RFC 8839, 5.2) */
static void read_remote(struct description *d, u32 i, u32 end)
{
	struct word component, addr, port;
	struct alg_sdp_candidate *c;
	u32 val;

	while (next_word(d->p, &i, end, &component) && next_word(d->p, &i, end, &addr) &&
	       next_word(d->p, &i, end, &port)) {
		if (!word_number(d->p, &component, 255, &val))
			return;
		c = add_candidate(d, &addr, &port);
		if (c) {
			c->component = (u8)val;
			c->remote = true;
		}
	}
}

static void set_direction(struct description *d, u8 direction)
{
	if (!d->media) {
		d->direction = direction;
		return;
	}
	d->media->direction = direction;
	d->has_direction |= 1U << (d->sdp->n_media - 1 - d->first);
}

/* a=setup (RFC 4145, 4; RFC 5763, 5) */
static void read_setup(struct description *d, u32 i, u32 end)
{
	struct word w;
	u8 setup;

	if (!next_word(d->p, &i, end, &w))
		return;
	if (WORD_IS(d->p, &w, "active"))
		setup = ALG_SDP_ACTIVE;
	else if (WORD_IS(d->p, &w, "passive"))
		setup = ALG_SDP_PASSIVE;
	else if (WORD_IS(d->p, &w, "actpass"))
		setup = ALG_SDP_ACTPASS;
	else if (WORD_IS(d->p, &w, "holdconn"))
		setup = ALG_SDP_HOLDCONN;
	else
		return;
	if (d->media)
		d->media->setup = setup;
	else
		d->setup = setup;
}

enum attribute {
	A_NONE, A_CANDIDATE, A_REMOTE, A_RTCP, A_MUX, A_BUNDLE, A_SETUP, A_SENDRECV, A_SENDONLY, A_RECVONLY, A_INACTIVE,
};

struct attribute_name {
	char name[18];
	u8 len;
	u8 id;
};

/* Most attributes are none of these, which the first byte and the length say. */
static u8 find_attribute(const u8 *p, u32 len)
{
	static const struct attribute_name names[] = {
		{ "", 0, A_NONE },
		{ "candidate", 9, A_CANDIDATE },
		{ "remote-candidates", 17, A_REMOTE },
		{ "rtcp", 4, A_RTCP },
		{ "rtcp-mux", 8, A_MUX },
		{ "bundle-only", 11, A_BUNDLE },
		{ "setup", 5, A_SETUP },
		{ "sendrecv", 8, A_SENDRECV },
		{ "sendonly", 8, A_SENDONLY },
		{ "recvonly", 8, A_RECVONLY },
		{ "inactive", 8, A_INACTIVE },
	};
	u8 id = A_NONE;

	switch (len) {
	case 4:
		id = A_RTCP;
		break;
	case 5:
		id = A_SETUP;
		break;
	case 8:
		id = p[0] == 's' ? (p[4] == 'r' ? A_SENDRECV : A_SENDONLY) : p[0] == 'i' ? A_INACTIVE :
		     p[1] == 't' ? A_MUX : A_RECVONLY;
		break;
	case 9:
		id = A_CANDIDATE;
		break;
	case 11:
		id = A_BUNDLE;
		break;
	case 17:
		id = A_REMOTE;
		break;
	}
	return id && !memcmp(p, names[id].name, len) ? id : A_NONE;
}

/* rtpmap, fmtp and their like are most of a description. */
static bool may_matter(const u8 *p, u32 len)
{
	if (len < 4)
		return false;
	switch (p[0]) {
	case 'b':
	case 'c':
	case 'i':
	case 's':
		return true;
	case 'r':
		return p[2] != 'p';
	}
	return false;
}

static int read_a(struct description *d, u32 i, u32 end)
{
	u32 name = i, value;
	u8 id;

	if (!may_matter(d->p + i, end - i))
		return 0;
	while (i < end && d->p[i] != ':' && d->p[i] != ' ')
		i++;
	id = find_attribute(d->p + name, i - name);
	if (id == A_NONE)
		return 0;
	value = i < end && d->p[i] == ':' ? i + 1 : end;
	switch (id) {
	case A_RTCP:
		return read_rtcp(d, value, end);
	case A_SETUP:
		read_setup(d, value, end);
		return 0;
	case A_SENDRECV:
	case A_SENDONLY:
	case A_RECVONLY:
	case A_INACTIVE:
		set_direction(d, (u8)(ALG_SDP_SENDRECV + (id - A_SENDRECV)));
		return 0;
	}
	if (!d->media)
		return 0;
	switch (id) {
	case A_CANDIDATE:
		read_candidate(d, value, end);
		break;
	case A_REMOTE:
		read_remote(d, value, end);
		break;
	case A_MUX:
		d->media->mux = true;
		break;
	case A_BUNDLE:
		d->media->bundled = true;
		break;
	}
	return 0;
}

/* ---- lines ---- */

/* [i, end) is "x=...". A line that isn't is nobody's. */
static int read_line(struct description *d, u32 i, u32 end)
{
	if (end - i < 2 || d->p[i + 1] != '=')
		return 0;
	switch (d->p[i]) {
	case 'a':
		return read_a(d, i + 2, end);
	case 'c':
		return read_c(d, i + 2, end);
	case 'm':
		return read_m(d, i + 2, end);
	case 'o':
		return d->media ? 0 : read_o(d, i + 2, end);
	}
	return 0;
}

/* What the session says goes for media that say nothing (RFC 8866, 5.7 and 6.7; RFC 4145, 4). */
static void inherit(struct description *d)
{
	u32 n;

	for (n = d->first; n < d->sdp->n_media; n++) {
		struct alg_sdp_media *m = &d->sdp->media[n];

		if (m->addr == ALG_SDP_ADDRS)
			m->addr = d->addr;
		if (!(d->has_direction & 1U << (n - d->first)))
			m->direction = d->direction;
		if (m->setup == ALG_SDP_SETUP_NONE)
			m->setup = d->setup;
	}
}

int alg_sdp_parse(const u8 *data, u32 off, u32 len, struct alg_sdp *sdp)
{
	struct description d = {
		.p = data, .end = off + len, .sdp = sdp, .first = sdp->n_media, .addr = ALG_SDP_ADDRS,
		.direction = ALG_SDP_SENDRECV, .setup = ALG_SDP_SETUP_NONE,
	};
	u32 i = off, end = off + len, eol = alg_find_eol(data, i, end);
	int err;

	if (end > 65535 || eol - i != 3 || memcmp(data + i, "v=0", 3))
		return -EINVAL;
	while (eol < end) {
		i = eol + 1;
		if (i < end && data[i] == '\n')
			i++;
		eol = alg_find_eol(data, i, end);
		err = read_line(&d, i, eol);
		if (err)
			return err;
	}
	inherit(&d);
	return 0;
}
