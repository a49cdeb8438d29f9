// SPDX-License-Identifier: GPL-2.0-only
#include "ports.h"

#define PORT_USER	1024	/* first port that is not a system port (RFC 6335, 6) */
#define PORT_LAST	65535

bool nf_alg_port_range(u16 anchor, u16 min, u16 max, u16 block, u16 *lo, u16 *hi)
{
	u32 first, last;

	if (!min || anchor < min || anchor > max) {
		*lo = PORT_USER;
		*hi = PORT_LAST;
		return false;
	}

	first = min;
	last = max;
	if (block) {
		first += (u32)(anchor - min) / block * block;
		last = min_t(u32, first + block - 1, max);
	}
	if (first < PORT_USER && last >= PORT_USER)
		first = PORT_USER;
	*lo = first;
	*hi = last;
	return true;
}

bool nf_alg_port_allowed(u16 want, u16 anchor, u16 min, u16 max, u16 block)
{
	u16 lo, hi;

	if (nf_alg_port_range(anchor, min, max, block, &lo, &hi))
		return want >= lo && want <= hi;
	return want >= PORT_USER && !(min && want >= min && want <= max);
}

/* Adds the candidates of [@lo, @hi]; @lo > @hi adds none. */
static void port_iter_add(struct nf_alg_port_iter *it, u32 lo, u32 hi)
{
	u32 i = it->count[0] ? 1 : 0;

	if (it->step == 2) {
		lo += lo & 1;
		if (hi)
			hi--;
	}
	if (lo > hi)
		return;
	it->lo[i] = lo;
	it->count[i] = (hi - lo) / it->step + 1;
}

static bool port_iter_allows(const struct nf_alg_port_iter *it, u32 port)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(it->lo); i++) {
		if (it->count[i] && port >= it->lo[i] && (port - it->lo[i]) / it->step < it->count[i])
			return (port - it->lo[i]) % it->step == 0;
	}
	return false;
}

void nf_alg_port_iter_init(struct nf_alg_port_iter *it, u16 want, u16 anchor, u16 min, u16 max, u16 block,
			   unsigned int flags, u32 seed)
{
	u32 total;
	u16 lo, hi;

	memset(it, 0, sizeof(*it));
	it->step = flags & NF_ALG_PORT_EVEN ? 2 : 1;
	if (nf_alg_port_range(anchor, min, max, block, &lo, &hi) || !min) {
		port_iter_add(it, lo, hi);
	} else if (min <= max) {
		port_iter_add(it, PORT_USER, min - 1);
		port_iter_add(it, max_t(u32, PORT_USER, (u32)max + 1), PORT_LAST);
	}

	total = it->count[0] + it->count[1];
	it->want = port_iter_allows(it, want) ? want : 0;
	it->first = true;
	it->left = total;
	it->tries = NF_ALG_PORT_TRIES;
	it->pos = total ? seed % total : 0;
}

/* Successor in the walk, which goes round. */
static u16 port_iter_step(struct nf_alg_port_iter *it)
{
	u32 pos = it->pos++, total = it->count[0] + it->count[1];

	if (it->pos == total)
		it->pos = 0;
	it->left--;
	if (pos < it->count[0])
		return it->lo[0] + pos * it->step;
	return it->lo[1] + (pos - it->count[0]) * it->step;
}

bool nf_alg_port_iter_next(struct nf_alg_port_iter *it, u16 *port)
{
	u16 p;

	if (!it->tries)
		return false;
	if (it->first) {
		it->first = false;
		if (it->want) {
			it->tries--;
			*port = it->want;
			return true;
		}
	}
	while (it->left) {
		p = port_iter_step(it);
		if (it->want && p == it->want)
			continue;
		it->tries--;
		*port = p;
		return true;
	}
	return false;
}
