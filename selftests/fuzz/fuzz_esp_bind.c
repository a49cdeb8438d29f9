/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients and gateways behind one public address, driven by the input: IKE, ESP both ways with loss, repetition and disorder,
 * rekeying, restarts, packets that nobody sent, time. The model knows whose each SPI is and who it was bound to:
 * - bound is bound: no packet of an SPI goes to another pair while the binding stands
 * - with a polite network (no loss, no forgery, answers come at once, clients choose different SPIs) every packet goes to its owner
 * - what is refused changes nothing, nobody waits longer than the gate, slots and counts agree, nothing leaks
 */
#include "fuzz.h"
#include "esp_find.h"

#define CLIENTS	6
#define GROUPS	2	/* one gateway, two public addresses: slots are shared */
#define SLOTS	7
#define TRUE_SAS 8	/* of a client that the model remembers */

struct true_sa {
	u32 in, out;
	u32 in_seq, out_seq;
};

struct client {
	struct alg_esp_pair *pair;
	struct alg_esp_group *group;
	struct alg_esp_ike *ike;	/* latest */
	struct true_sa sas[TRUE_SAS];
	u32 n_sas, next_sa, id;
};

struct world {
	const uint8_t *in;
	size_t left;
	struct alg_esp_config config;
	struct alg_esp_slots *slots;
	struct alg_esp_group groups[GROUPS];
	struct client clients[CLIENTS];
	u64 now;
	u32 next_spi;
	bool polite;
	bool reloaded;	/* then what is known may be taken for what is new, and the other way: some is refused */
	u32 sas, ikes;	/* allocated */
};

static struct world w;

static u32 pick(u32 n)
{
	if (!w.left)
		return 0;
	w.left--;
	return *w.in++ % n;
}

static void free_sas(struct alg_link *list)
{
	struct alg_link *link;

	while ((link = alg_link_pop(list))) {
		free(alg_esp_entry(link, struct alg_esp_sa, list));
		w.sas--;
	}
}

static void free_ikes(struct alg_link *list)
{
	struct alg_link *link;

	while ((link = alg_link_pop(list))) {
		struct alg_esp_ike *ike = alg_esp_entry(link, struct alg_esp_ike, list);

		for (int i = 0; i < CLIENTS; i++)
			if (w.clients[i].ike == ike)
				w.clients[i].ike = NULL;
		free(ike);
		w.ikes--;
	}
}

/* ---- what must hold ---- */

static void check_pair(struct alg_esp_pair *pair, u32 *sas, u32 *ikes)
{
	u32 n[2] = { 0, 0 }, n_ikes = 0;

	for (struct alg_link *l = pair->sas.next; l != &pair->sas; l = l->next) {
		struct alg_esp_sa *sa = alg_esp_entry(l, struct alg_esp_sa, list);

		PROPERTY(sa->pair == pair && sa->dir <= ALG_ESP_OUT);
		PROPERTY(esp_find(pair->group, sa->dir, sa->spi) == sa);	/* no other with that SPI */
		PROPERTY(!sa->peer || (sa->peer->peer == sa && sa->peer->pair == pair && sa->peer->dir != sa->dir));
		PROPERTY(sa->dir == ALG_ESP_IN || sa->settled == !!sa->peer);
		PROPERTY(sa->dir == ALG_ESP_OUT || sa->settled || !sa->peer);
		n[sa->dir]++;
	}
	for (struct alg_link *l = pair->ikes.next; l != &pair->ikes; l = l->next)
		n_ikes++;
	PROPERTY(n[ALG_ESP_IN] == pair->n_in && n[ALG_ESP_OUT] == pair->n_out && n_ikes == pair->n_ikes);
	PROPERTY(pair->n_in <= w.config.sas_max && pair->n_out <= w.config.sas_max && pair->n_ikes <= w.config.ikes_max);
	PROPERTY(pair->want_in <= 8 && pair->want_out <= 8);
	*sas += n[0] + n[1];
	*ikes += n_ikes;
}

static void check_world(void)
{
	u32 sas = 0, ikes = 0, slots = 0, taken = 0;

	for (int i = 0; i < GROUPS; i++) {
		struct alg_esp_group *g = &w.groups[i];
		bool own = false, holder = !g->holder, rest = !g->rest;
		u32 n = 0;

		for (struct alg_link *p = g->pairs.next; p != &g->pairs; p = p->next) {
			struct alg_esp_pair *pair = alg_esp_entry(p, struct alg_esp_pair, list);

			n++;
			PROPERTY(pair->group == g);
			PROPERTY(!pair->slot == (pair == g->own));
			if (pair->slot) {
				PROPERTY(pair->slot <= SLOTS && !(taken & 1u << (pair->slot - 1)));
				taken |= 1u << (pair->slot - 1);
				slots++;
			}
			own |= pair == g->own;
			holder |= pair == g->holder;
			rest |= pair == g->rest;
			check_pair(pair, &sas, &ikes);
		}
		PROPERTY(n == g->n_pairs && own == !!g->own && holder && rest);
		PROPERTY(!g->holder || g->span <= w.config.gate);
		n = 0;
		for (struct alg_link *l = g->asking.next; l != &g->asking; l = l->next)
			PROPERTY(alg_esp_entry(l, struct alg_esp_pair, asking)->group == g && ++n <= g->n_pairs);
		n = 0;
		for (struct alg_link *l = g->awaited.next; l != &g->awaited; l = l->next)
			PROPERTY(alg_esp_entry(l, struct alg_esp_pair, awaited)->group == g && ++n <= g->n_pairs);
	}
	PROPERTY(taken == w.slots->used[0] && slots == w.slots->n);
	PROPERTY(sas == w.sas && ikes == w.ikes);
}

/* ---- packets ---- */

static enum alg_esp_verdict esp(struct alg_esp_group *g, struct alg_esp_pair *pair, u32 dir, u32 spi, u32 seq,
				struct alg_esp_pair **to)
{
	struct alg_esp_packet p = { .spi = spi, .seq = seq, .now = w.now, .known = esp_find(g, dir, spi) };
	struct alg_esp_sa *known = p.known;
	struct alg_esp_pair *owner = known ? known->pair : NULL;
	enum alg_esp_verdict v, again;
	struct alg_esp_group before;

	if (known && (dir == ALG_ESP_IN || owner == pair) && alg_esp_quick(known, seq, w.now)) {
		*to = owner;
		return ALG_ESP_PASS;
	}
	v = dir == ALG_ESP_IN ? alg_esp_in(g, &p) : alg_esp_out(pair, &p);
	if (v == ALG_ESP_NO_MEMORY) {
		p.fresh = calloc(1, sizeof(*p.fresh));
		PROPERTY(p.fresh);
		w.sas++;
		v = dir == ALG_ESP_IN ? alg_esp_in(g, &p) : alg_esp_out(pair, &p);
		PROPERTY(v == ALG_ESP_BOUND);
		PROPERTY(esp_find(g, dir, spi) == p.fresh && p.fresh->pair == p.pair);
		PROPERTY(!w.config.require_ike || p.pair->n_ikes);
		PROPERTY(dir == ALG_ESP_OUT || g->n_pairs == 1 || g->holder == p.pair || p.pair->asking.next ||
			 p.pair->awaited.next);		/* somebody who waits */
		if (p.victim) {
			PROPERTY(dir == ALG_ESP_IN ? !p.victim->settled : p.victim == known);
			free(p.victim);
			w.sas--;
		}
	} else if (v != ALG_ESP_PASS) {
		before = *g;
		again = dir == ALG_ESP_IN ? alg_esp_in(g, &p) : alg_esp_out(pair, &p);
		PROPERTY(again == v);
		PROPERTY(!memcmp(&before, g, sizeof(before)));
		PROPERTY(esp_find(g, dir, spi) == known);
	}
	*to = v == ALG_ESP_PASS || v == ALG_ESP_BOUND ? p.pair : NULL;
	if (v == ALG_ESP_PASS)
		PROPERTY(owner && *to == owner);
	if (dir == ALG_ESP_IN && known)		/* bound is bound */
		PROPERTY(v == ALG_ESP_PASS || v == ALG_ESP_COLLISION);
	if (dir == ALG_ESP_OUT && *to)
		PROPERTY(*to == pair);
	if (v == ALG_ESP_HELD)
		PROPERTY(w.config.hold && g->holder && g->holder != pair && (s32)((u32)w.now - g->opened) < (s32)w.config.gate);
	return v;
}

static void receive(struct client *c, struct true_sa *sa, u32 seq)
{
	struct alg_esp_pair *to;
	enum alg_esp_verdict v;

	v = esp(c->group, NULL, ALG_ESP_IN, sa->in, seq, &to);
	if (!w.polite)
		return;
	PROPERTY(w.reloaded || v == ALG_ESP_PASS || v == ALG_ESP_BOUND || v == ALG_ESP_FULL || v == ALG_ESP_NO_IKE);
	PROPERTY(!to || to == c->pair);
}

static void send(struct client *c, struct true_sa *sa)
{
	struct alg_esp_pair *to;
	enum alg_esp_verdict v;
	u32 seq = ++sa->out_seq;

	if (!w.polite && pick(8) == 0)
		seq -= pick(70);
	v = esp(c->group, c->pair, ALG_ESP_OUT, sa->out, seq, &to);
	if (w.polite) {
		PROPERTY(to || v == ALG_ESP_HELD || v == ALG_ESP_FULL || v == ALG_ESP_NO_IKE);
		if (to)
			receive(c, sa, ++sa->in_seq);
	}
}

/* ---- clients ---- */

static void leave(struct client *c)
{
	struct alg_link sas, ikes;

	alg_link_init(&sas);
	alg_link_init(&ikes);
	alg_esp_leave(c->pair, w.now, &sas, &ikes);
	free_sas(&sas);
	free_ikes(&ikes);
	free(c->pair);
	memset(c, 0, sizeof(*c));
}

static bool join(struct client *c)
{
	u32 n = pick(GROUPS);

	if (c->pair)
		return true;
	c->pair = calloc(1, sizeof(*c->pair));
	PROPERTY(c->pair);
	c->group = &w.groups[n];
	if (alg_esp_join(c->group, c->pair, pick(8), w.now) == ALG_ESP_PASS)
		return true;
	PROPERTY(w.slots->n == SLOTS);
	free(c->pair);
	c->pair = NULL;
	return false;
}

static void begin_ike(struct client *c, bool anew)
{
	struct alg_esp_ike *victim, *ike = calloc(1, sizeof(*ike));
	struct alg_link gone;

	PROPERTY(ike);
	w.ikes++;
	victim = alg_esp_ike_begin(c->pair, ike, ++w.next_spi, anew, w.now);
	c->ike = ike;
	alg_link_init(&gone);
	if (victim) {
		victim->list = (struct alg_link){ &gone, &gone };
		gone = (struct alg_link){ &victim->list, &victim->list };
		free_ikes(&gone);
	}
}

static enum alg_esp_verdict message(struct client *c, u8 version, u8 exchange, bool response, bool from_client, u32 id)
{
	struct alg_ike_msg msg = { .version = version, .exchange = exchange, .response = response, .id = id };
	struct alg_esp_group before, *g = c->group;
	enum alg_esp_verdict v;

	msg.kind = exchange == ALG_IKE_INFORMATIONAL ? ALG_IKE_KIND_INFO : ALG_IKE_KIND_CREATES;
	v = alg_esp_ike_message(c->ike, &msg, from_client, w.now);
	PROPERTY(v == ALG_ESP_PASS || (v == ALG_ESP_GATE && exchange != ALG_IKE_INFORMATIONAL));
	if (v == ALG_ESP_GATE) {
		before = *g;
		PROPERTY(alg_esp_ike_message(c->ike, &msg, from_client, w.now) == v);
		PROPERTY(!memcmp(&before, g, sizeof(before)));
		PROPERTY(g->holder != c->pair);
		PROPERTY(g->holder ? (s32)((u32)w.now - g->opened) < (s32)w.config.gate :
			 g->rest == c->pair && (s32)((u32)w.now - g->rested) < (s32)w.config.gate);
	}
	return v;
}

static u32 new_spi(struct client *c)
{
	if (w.polite)
		return ++w.next_spi;
	return 1 + pick(12);	/* clients choose the same now and then */
}

static void exchange(struct client *c)
{
	static const u8 types[] = { ALG_IKE_CREATE_CHILD_SA, ALG_IKE_AUTH, ALG_IKE_QUICK, ALG_IKE_FOLLOWUP_KE };
	u8 type = types[pick(4)], version = type == ALG_IKE_QUICK ? 1 : 2;
	bool by_client = pick(4), fails = pick(8) == 7;
	u32 id = !pick(4) ? c->id : ++c->id;	/* again? */
	struct true_sa *sa;

	if (!c->ike)
		return;
	if (message(c, version, type, false, by_client, id) != ALG_ESP_PASS)
		return;
	if (!w.polite && !pick(8))
		return;
	w.now += pick(100);
	if (message(c, version, type, true, !by_client, id) != ALG_ESP_PASS || fails)
		return;
	if (type == ALG_IKE_QUICK && message(c, version, type, false, by_client, id) != ALG_ESP_PASS)
		return;
	sa = &c->sas[c->next_sa];
	memset(sa, 0, sizeof(*sa));
	sa->in = new_spi(c);
	sa->out = ++w.next_spi;
	if (c->n_sas < TRUE_SAS)
		c->n_sas++;
	c->next_sa = (c->next_sa + 1) % TRUE_SAS;
}

static void expire(struct client *c)
{
	struct alg_link sas, ikes;
	bool over;

	alg_link_init(&sas);
	alg_link_init(&ikes);
	over = alg_esp_expire(c->pair, w.now, &sas, &ikes);
	free_sas(&sas);
	free_ikes(&ikes);
	PROPERTY(over == (!c->pair->n_in && !c->pair->n_out && !c->pair->n_ikes));
	if (over)
		leave(c);
}

/* The module goes and comes: the client's state is lost but for up to three SPIs. */
static void reload(struct client *c)
{
	struct alg_esp_group *g = c->group;
	struct client old = *c;
	u32 spis[3], n = 0;

	w.reloaded = true;

	for (struct alg_link *l = c->pair->sas.next; l != &c->pair->sas && n < 3; l = l->next) {
		struct alg_esp_sa *sa = alg_esp_entry(l, struct alg_esp_sa, list);

		if (sa->dir == ALG_ESP_IN && sa->settled)
			spis[n++] = sa->spi;
	}
	leave(c);
	c->id = old.id;
	c->group = g;
	c->pair = calloc(1, sizeof(*c->pair));
	PROPERTY(c->pair);
	PROPERTY(alg_esp_join(g, c->pair, true, w.now) == ALG_ESP_PASS);
	begin_ike(c, false);
	for (u32 i = 0; i < n; i++) {
		struct alg_esp_sa *sa = calloc(1, sizeof(*sa));

		PROPERTY(sa);
		if (esp_find(g, ALG_ESP_IN, spis[i]) || !alg_esp_known(c->pair, sa, spis[i], w.now)) {
			free(sa);
			continue;
		}
		w.sas++;
		for (u32 j = 0; j < old.n_sas; j++)
			if (old.sas[j].in == spis[i] && c->n_sas < TRUE_SAS)
				c->sas[c->n_sas++] = old.sas[j];
	}
	c->next_sa = c->n_sas % TRUE_SAS;
}

/* A client that keeps trying is let through, however busy others were. */
static void check_progress(struct client *c)
{
	u32 id = ++c->id;

	if (message(c, 2, ALG_IKE_CREATE_CHILD_SA, false, true, id) == ALG_ESP_PASS)
		return;
	w.now += w.config.gate;
	if (message(c, 2, ALG_IKE_CREATE_CHILD_SA, false, true, id) == ALG_ESP_PASS)
		return;
	w.now += w.config.gate;
	PROPERTY(message(c, 2, ALG_IKE_CREATE_CHILD_SA, false, true, id) == ALG_ESP_PASS);
}

static void pass_time(void)
{
	static const u32 spans[] = { 1, 30, 500, 1900, 2000, 5000, 9000, 61000 };

	w.now += spans[pick(8)];
}

static void step(void)
{
	struct client *c = &w.clients[pick(CLIENTS)];
	struct alg_esp_pair *to;
	struct true_sa *sa;
	u32 what = pick(16);

	if (what == 15) {
		pass_time();
		return;
	}
	if (!c->pair && (!join(c) || pick(2))) {
		if (c->pair)
			begin_ike(c, pick(2));
		return;
	}
	sa = c->n_sas ? &c->sas[pick(c->n_sas)] : NULL;
	switch (what) {
	case 0:
		begin_ike(c, pick(2));
		break;
	case 1:
	case 2:
	case 3:
		exchange(c);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		if (sa)
			send(c, sa);
		break;
	case 8:
	case 9:
	case 10:	/* the gateway sends by itself */
		if (sa && !w.polite)
			receive(c, sa, pick(4) ? ++sa->in_seq : sa->in_seq - pick(3));
		else if (sa)
			send(c, sa);
		break;
	case 11:
		if (!w.polite)
			esp(c->group, c->pair, pick(2), pick(14), pick(4) ? pick(90) : pick(256) << 8, &to);
		break;
	case 12:
		expire(c);
		break;
	case 13:
		if (pick(4) == 0)
			leave(c);
		else if (pick(4) == 0)
			reload(c);
		else if (sa && !w.polite)
			sa->in_seq += pick(256) * 8;	/* loss, or a busy gateway */
		break;
	case 14:
		if (c->ike)
			message(c, 2, ALG_IKE_INFORMATIONAL, pick(2), pick(2), ++c->id);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u32 flags;

	memset(&w, 0, sizeof(w));
	w.in = data;
	w.left = size;
	flags = pick(256);
	w.polite = flags & 1;
	w.config = (struct alg_esp_config){
		.gate = 5000, .answer = 2000, .esp_idle = 60000, .ike_idle = 200000, .seq_max = 64, .sas_max = 3 + pick(6),
		.ikes_max = 1 + pick(3), .require_ike = flags & 2, .hold = w.polite || (flags & 4),
	};
	w.now = flags & 8 ? 0xfffff000u : 0x7ffff000u;
	w.next_spi = 1000;
	w.slots = malloc(ALG_ESP_SLOTS_SIZE(SLOTS));
	PROPERTY(w.slots);
	alg_esp_slots_init(w.slots, SLOTS);
	for (int i = 0; i < GROUPS; i++)
		alg_esp_group_init(&w.groups[i], &w.config, w.slots);
	for (int steps = 0; w.left && steps < 2000; steps++) {
		step();
		check_world();
	}
	for (int i = 0; i < CLIENTS; i++)
		if (w.clients[i].ike)
			check_progress(&w.clients[i]);
	for (int i = 0; i < CLIENTS; i++)
		if (w.clients[i].pair)
			leave(&w.clients[i]);
	check_world();
	PROPERTY(!w.sas && !w.ikes && !w.slots->n);
	free(w.slots);
	return 0;
}
