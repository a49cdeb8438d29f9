// SPDX-License-Identifier: GPL-2.0-only
#include "esp_bind.h"
#include "poison.h"

#define WANT_MAX	8
#define BACKOFF_MAX	6
#define LONG_AGO	86400000u	/* ms; nothing is timed for longer */

static const char *const verdict_names[ALG_ESP_VERDICTS] = {
#define X(symbol, name, text) [ALG_ESP_##symbol] = name,
	ALG_ESP_VERDICTS_LIST(X)
#undef X
};

const char *alg_esp_verdict_name(enum alg_esp_verdict verdict)
{
	return (unsigned int)verdict < ALG_ESP_VERDICTS ? verdict_names[verdict] : "";
}

/* Less than @span ms have passed since @since, which another processor may have set a moment ahead of @now. */
static bool within(u32 now, u32 since, u32 span)
{
	return (s32)(now - since) < (s32)span;
}

static u32 later(u32 a, u32 b)
{
	return (s32)(a - b) > 0 ? a : b;
}

/* ---- lists ---- */

void alg_link_init(struct alg_link *head)
{
	head->next = head->prev = head;
}

static bool linked(const struct alg_link *link)
{
	return link->next;
}

static void link_tail(struct alg_link *head, struct alg_link *link)
{
	link->next = head;
	link->prev = head->prev;
	head->prev->next = link;
	head->prev = link;
}

static void link_out(struct alg_link *link)
{
	if (!linked(link))
		return;
	link->next->prev = link->prev;
	link->prev->next = link->next;
	link->next = link->prev = NULL;
}

struct alg_link *alg_link_pop(struct alg_link *head)
{
	struct alg_link *link = head->next;

	if (link == head)
		return NULL;
	link_out(link);
	return link;
}

static struct alg_esp_sa *sa_of(struct alg_link *link)
{
	return alg_esp_entry(link, struct alg_esp_sa, list);
}

static struct alg_esp_ike *ike_of(struct alg_link *link)
{
	return alg_esp_entry(link, struct alg_esp_ike, list);
}

/* ---- slots ---- */

void alg_esp_slots_init(struct alg_esp_slots *slots, u16 limit)
{
	memset(slots, 0, ALG_ESP_SLOTS_SIZE(limit));
	slots->limit = limit;
}

/* The lowest free one; 0: none. */
static u16 slot_take(struct alg_esp_slots *slots)
{
	u32 words = (slots->limit + 31u) / 32, bit;

	for (; slots->low < words; slots->low++) {
		if (slots->used[slots->low] == ~0u)
			continue;
		bit = (u32)__builtin_ctz(~slots->used[slots->low]);
		if (slots->low * 32 + bit >= slots->limit)
			return 0;
		slots->used[slots->low] |= 1u << bit;
		slots->n++;
		return (u16)(slots->low * 32 + bit + 1);
	}
	return 0;
}

static void slot_give(struct alg_esp_slots *slots, u16 slot)
{
	u16 word = (slot - 1) / 32;

	slots->used[word] &= ~(1u << (slot - 1) % 32);
	slots->n--;
	slots->low = min_t(u16, slots->low, word);
}

/* ---- the gate ---- */

/* The pair goes on waiting for its inbound SPI, but after others. */
static void await(struct alg_esp_pair *pair, u32 since)
{
	link_out(&pair->awaited);
	pair->awaited_at = since;
	link_tail(&pair->group->awaited, &pair->awaited);
}

static void gate_run_out(struct alg_esp_group *group)
{
	struct alg_esp_pair *pair = group->holder;
	u32 end = group->opened + group->span;

	group->holder = NULL;
	group->rest = group->waiting ? pair : NULL;
	group->rested = end;
	group->waiting = false;
	if (pair->want_in)
		await(pair, end);
}

static struct alg_esp_pair *gate_holder(struct alg_esp_group *group, u32 now)
{
	if (group->holder && !within(now, group->opened, group->span))
		gate_run_out(group);
	return group->holder;
}

static bool resting(const struct alg_esp_pair *pair, u32 now)
{
	const struct alg_esp_group *group = pair->group;

	return group->rest == pair && within(now, group->rested, group->config->gate);
}

/* By the holder, or when there is none. A gate that is open may stay so for longer, but not for longer than any may. */
static void gate_open(struct alg_esp_pair *pair, u32 now, u32 span)
{
	struct alg_esp_group *group = pair->group;
	u32 since;

	if (group->holder == pair) {
		since = now - group->opened;
		since = (s32)since < 0 ? 0 : since;
		span = min_t(u32, since + span, group->config->gate);
		group->span = max_t(u32, span, group->span);
		return;
	}
	group->holder = pair;
	group->opened = now;
	group->span = min_t(u32, span, group->config->gate);
	group->waiting = false;
	group->resumed = false;
	group->rest = NULL;
	pair->era = pair->era == 255 ? 1 : pair->era + 1;
	pair->want_in = pair->want_out = 0;
	link_out(&pair->awaited);
}

/* Its exchange is complete: it has @span ms from now on to be used, and is awaited afterwards. */
static void gate_shorten(struct alg_esp_group *group, u32 now, u32 span)
{
	u32 since = now - group->opened;

	since = (s32)since < 0 ? 0 : since;
	group->span = min_t(u32, group->span, since + span);
}

/* All that it was opened for is bound. */
static void gate_close_early(struct alg_esp_pair *pair)
{
	struct alg_esp_group *group = pair->group;

	if (group->holder != pair || pair->want_in || pair->want_out)
		return;
	group->holder = NULL;
	group->waiting = false;
}

/* ---- strays: inbound SPIs that go on although nobody is known to have them ---- */

static bool stray_recent(const struct alg_esp_group *group, u32 at, u32 now)
{
	return within(now, at, 16 * group->config->answer);
}

/* Was it refused lately? Then it did not come because of what the holder sent. With too many to remember any may have been. */
static bool stray_seen(const struct alg_esp_group *group, u32 spi, u32 now)
{
	u32 i;

	if (group->strays_lost && stray_recent(group, group->lost_at, now))
		return true;
	for (i = 0; i < ALG_ESP_STRAYS; i++)
		if (group->strays[i].spi == spi && stray_recent(group, group->strays[i].at, now))
			return true;
	return false;
}

static void stray_note(struct alg_esp_group *group, u32 spi, u32 now)
{
	struct alg_esp_stray *stray;
	u32 i;

	for (i = 0; i < ALG_ESP_STRAYS; i++) {
		if (group->strays[i].spi == spi) {
			group->strays[i].at = now;
			return;
		}
	}
	stray = &group->strays[group->next_stray];
	if (stray->spi && stray_recent(group, stray->at, now)) {
		group->strays_lost = true;
		group->lost_at = now;
	}
	stray->spi = spi;
	stray->at = now;
	group->next_stray = (group->next_stray + 1) % ALG_ESP_STRAYS;
}

/* ---- pairs ---- */

void alg_esp_group_init(struct alg_esp_group *group, const struct alg_esp_config *config, struct alg_esp_slots *slots)
{
	memset(group, 0, sizeof(*group));
	group->config = config;
	group->slots = slots;
	alg_link_init(&group->pairs);
	alg_link_init(&group->asking);
	alg_link_init(&group->awaited);
}

enum alg_esp_verdict alg_esp_join(struct alg_esp_group *group, struct alg_esp_pair *pair, bool own, u64 now)
{
	u16 slot = 0;

	if (!own || group->own) {
		slot = slot_take(group->slots);
		if (!slot)
			return ALG_ESP_NO_SLOT;
	} else {
		group->own = pair;
	}
	pair->slot = slot;
	pair->era = 1;
	pair->group = group;
	pair->born = (u32)now;
	alg_link_init(&pair->ikes);
	alg_link_init(&pair->sas);
	link_tail(&group->pairs, &pair->list);
	group->n_pairs++;
	return ALG_ESP_PASS;
}

/* Has a client left whose SAs the gateway may go on with? */
static bool left_behind(const struct alg_esp_group *group, u32 now)
{
	return group->left && within(now, group->left_at, group->config->esp_idle);
}

/* No other client can be meant. */
static bool alone(const struct alg_esp_group *group, u32 now)
{
	return group->n_pairs == 1 && !(group->crowd && alg_esp_load(*group->crowd)) && !left_behind(group, now);
}

static void sa_unlink(struct alg_esp_sa *sa)
{
	struct alg_esp_pair *pair = sa->pair;

	link_out(&sa->list);
	if (sa->dir == ALG_ESP_IN)
		pair->n_in--;
	else
		pair->n_out--;
	if (!sa->peer)
		return;
	/* An inbound one stays as it is; an outbound one is asked for an answer again. */
	sa->peer->peer = NULL;
	if (sa->peer->dir == ALG_ESP_OUT) {
		sa->peer->check = sa->peer->last;
		alg_esp_store(sa->peer->settled, false);
	}
	sa->peer = NULL;
}

void alg_esp_forget(struct alg_esp_sa *sa)
{
	sa_unlink(sa);
}

void alg_esp_leave(struct alg_esp_pair *pair, u64 now, struct alg_link *sas, struct alg_link *ikes)
{
	struct alg_esp_group *group = pair->group;
	struct alg_link *link;

	if (pair->n_in || pair->n_out) {
		group->left = true;
		group->left_at = (u32)now;
	}
	while (pair->sas.next != &pair->sas) {
		link = pair->sas.next;
		if (sa_of(link)->dir == ALG_ESP_IN)
			stray_note(group, sa_of(link)->spi, (u32)now);
		sa_unlink(sa_of(link));
		link_tail(sas, link);
	}
	while ((link = alg_link_pop(&pair->ikes)))
		link_tail(ikes, link);
	pair->n_ikes = 0;
	link_out(&pair->asking);
	link_out(&pair->awaited);
	if (group->holder == pair) {
		group->holder = NULL;
		group->waiting = false;
	}
	if (group->rest == pair)
		group->rest = NULL;
	if (group->own == pair)
		group->own = NULL;
	else
		slot_give(group->slots, pair->slot);
	link_out(&pair->list);
	group->n_pairs--;
}

/* ---- IKE ---- */

/* Not the first, which ESP keeps alive, if there is another. */
static struct alg_esp_ike *ike_longest_idle(struct alg_esp_pair *pair)
{
	struct alg_link *link = pair->ikes.next;
	struct alg_esp_ike *idle;

	if (pair->n_ikes > 1)
		link = link->next;
	idle = ike_of(link);
	for (; link != &pair->ikes; link = link->next)
		if ((s32)(ike_of(link)->last - idle->last) < 0)
			idle = ike_of(link);
	return idle;
}

struct alg_esp_ike *alg_esp_ike_begin(struct alg_esp_pair *pair, struct alg_esp_ike *ike, u64 ispi, bool anew, u64 now)
{
	struct alg_esp_ike *victim = NULL;

	if (pair->n_ikes && pair->n_ikes >= pair->group->config->ikes_max) {
		victim = ike_longest_idle(pair);
		alg_esp_ike_end(victim);
	}
	if (!pair->n_ikes && !anew)
		pair->halfway = true;
	ike->pair = pair;
	ike->ispi = ispi;
	ike->last = (u32)now;
	link_tail(&pair->ikes, &ike->list);
	pair->n_ikes++;
	if (anew && gate_holder(pair->group, (u32)now) != pair) {
		pair->want_in = pair->want_out = 0;
		link_out(&pair->awaited);
	}
	return victim;
}

void alg_esp_ike_end(struct alg_esp_ike *ike)
{
	link_out(&ike->list);
	ike->pair->n_ikes--;
}

/*
 * What tells an exchange that makes SAs from another of the session: IKEv1's message ID is its own (RFC 2409, 5.5); IKEv2's is
 * counted by each side for its requests (RFC 7296, 2.2). All messages of IKE_AUTH make one SA (RFC 7296, 1.2).
 */
static u64 exchange_of(const struct alg_ike_msg *msg, bool from_client)
{
	u64 by_client = msg->version == 2 && from_client != msg->response;
	u64 id = msg->version == 2 && msg->exchange == ALG_IKE_AUTH ? 0 : msg->id;

	return (u64)msg->exchange << 40 | by_client << 32 | id;
}

static bool exchange_seen(const struct alg_esp_ike *ike, u64 exchange)
{
	u32 i;

	for (i = 0; i < ALG_ESP_EXCHANGES; i++)
		if (ike->seen[i] == exchange)
			return true;
	return false;
}

/* A new exchange that makes SAs. */
static void exchange_begins(struct alg_esp_ike *ike, u64 exchange, bool from_client)
{
	ike->seen[ike->next_seen] = exchange;
	ike->next_seen = (ike->next_seen + 1) % ALG_ESP_EXCHANGES;
	ike->quick_step = 1;
	ike->quick_client = from_client;
}

/*
 * Both sides have what they need for the SAs. Quick Mode has no flag for that: three messages, by turns (RFC 2409, 5.5). A first
 * one that is repeated late may be taken for the third: the third comes all the same.
 */
static bool exchange_complete(struct alg_esp_ike *ike, const struct alg_ike_msg *msg, u64 exchange, bool from_client)
{
	u32 latest = (ike->next_seen + ALG_ESP_EXCHANGES - 1) % ALG_ESP_EXCHANGES;

	if (msg->version == 2)
		return msg->response;
	if (ike->seen[latest] != exchange)
		return false;
	if (from_client == ike->quick_client)
		return ike->quick_step == 2;
	ike->quick_step = 2;
	return false;
}

enum alg_esp_verdict alg_esp_ike_message(struct alg_esp_ike *ike, const struct alg_ike_msg *msg, bool from_client, u64 at)
{
	struct alg_esp_pair *pair = ike->pair, *holder;
	struct alg_esp_group *group = pair->group;
	u64 exchange = exchange_of(msg, from_client);
	u32 now = (u32)at;
	/* Further key exchanges belong to the CREATE_CHILD_SA before them (RFC 9370, 2.2.4). */
	bool seen = msg->exchange == ALG_IKE_FOLLOWUP_KE || exchange_seen(ike, exchange);

	if (msg->kind != ALG_IKE_KIND_CREATES) {
		ike->last = now;
		return ALG_ESP_PASS;
	}
	holder = gate_holder(group, now);
	/* Late repetitions of what is bound already keep nobody waiting. */
	if (seen && holder != pair && !pair->want_in && !pair->want_out) {
		ike->last = now;
		return ALG_ESP_PASS;
	}
	if (holder && holder != pair) {
		group->waiting = true;
		return ALG_ESP_GATE;
	}
	if (!holder && resting(pair, now))
		return ALG_ESP_GATE;

	gate_open(pair, now, group->config->gate);
	if (!seen || !holder) {
		pair->want_in = min_t(u8, pair->want_in + 1, WANT_MAX);
		pair->want_out = min_t(u8, pair->want_out + 1, WANT_MAX);
	}
	if (!seen)
		exchange_begins(ike, exchange, from_client);
	if (exchange_complete(ike, msg, exchange, from_client))
		gate_shorten(group, now, group->config->answer);
	ike->last = now;
	/* The one that ESP keeps alive from now on. */
	link_out(&ike->list);
	link_tail(pair->ikes.next, &ike->list);
	return ALG_ESP_PASS;
}

/* ---- SPIs ---- */

static void sa_link(struct alg_esp_pair *pair, struct alg_esp_packet *packet, enum alg_esp_dir dir)
{
	struct alg_esp_sa *sa = packet->fresh;

	sa->pair = pair;
	sa->spi = packet->spi;
	sa->dir = dir;
	sa->era = pair->era;
	sa->last = sa->check = sa->tried = (u32)packet->now;
	sa->seq = packet->seq;
	link_tail(&pair->sas, &sa->list);
	if (dir == ALG_ESP_IN)
		pair->n_in++;
	else
		pair->n_out++;
	packet->pair = pair;
}

bool alg_esp_known(struct alg_esp_pair *pair, struct alg_esp_sa *sa, u32 spi, u64 now)
{
	struct alg_esp_packet packet = { .spi = spi, .now = now, .fresh = sa };

	if (!spi || pair->n_in >= pair->group->config->sas_max)
		return false;
	sa_link(pair, &packet, ALG_ESP_IN);
	sa->era = 0;
	return true;
}

/*
 * What a pair that has just come sends on, which is old: it may belong to an inbound SA from before. One that was heard of if there
 * is one. Not if it has made new ones: then it may be of those.
 */
static struct alg_esp_sa *find_known(const struct alg_esp_pair *pair, u32 now)
{
	struct alg_esp_sa *found = NULL;
	struct alg_link *link;

	if (pair->want_in || pair->want_out || !within(now, pair->born, 4 * pair->group->config->answer))
		return NULL;
	for (link = pair->sas.prev; link != &pair->sas; link = link->prev) {
		struct alg_esp_sa *sa = sa_of(link);

		if (sa->dir == ALG_ESP_IN && !sa->era && !sa->peer && (!found || sa->settled))
			found = sa;
	}
	return found;
}

static void sa_pair_up(struct alg_esp_pair *pair, struct alg_esp_sa *in, struct alg_esp_sa *out)
{
	in->peer = out;
	out->peer = in;
	link_out(&pair->asking);
	alg_esp_store(out->settled, true);
}

static bool lone(struct alg_link *link, enum alg_esp_dir dir, int era)
{
	const struct alg_esp_sa *sa = sa_of(link);

	return sa->dir == dir && !sa->peer && (dir == ALG_ESP_OUT || sa->settled) && (era < 0 || sa->era == era);
}

/* An SA without peer that came with what is at @from: before it rather than behind it. @era: -1: of any. NULL: there is none. */
static struct alg_esp_sa *find_lone(struct alg_esp_pair *pair, struct alg_link *from, enum alg_esp_dir dir, int era)
{
	struct alg_link *link;

	for (link = from->prev; link != &pair->sas; link = link->prev)
		if (lone(link, dir, era))
			return sa_of(link);
	for (link = from->next; from != &pair->sas && link != &pair->sas; link = link->next)
		if (lone(link, dir, era))
			return sa_of(link);
	return NULL;
}

/* The pair sends on an SPI that nobody answered. */
static void ask(struct alg_esp_pair *pair, struct alg_esp_sa *sa, u32 now)
{
	struct alg_esp_group *group = pair->group;

	pair->asked = now;
	link_out(&pair->asking);
	link_tail(&group->asking, &pair->asking);
	alg_esp_store(sa->check, now + group->config->answer / 2);
}

static void open_for_answer(struct alg_esp_pair *pair, u32 seq, u32 now)
{
	struct alg_esp_group *group = pair->group;

	gate_open(pair, now, group->config->answer);
	/* Its own IKE exchange wants an answer anyway. */
	if (!pair->want_in)
		pair->want_in = 1;
	if (seq > group->config->seq_max)
		group->resumed = true;
}

/* A known outbound SA that is not answered: asks again, less and less often. */
static void ask_again(struct alg_esp_pair *pair, struct alg_esp_sa *sa, u32 seq, u32 now)
{
	struct alg_esp_group *group = pair->group;
	struct alg_esp_pair *holder = gate_holder(group, now);
	struct alg_esp_sa *in = holder == pair ? NULL : find_lone(pair, &sa->list, ALG_ESP_IN, -1);

	if (in) {
		sa_pair_up(pair, in, sa);
		return;
	}
	ask(pair, sa, now);
	if (alone(group, now) || holder || resting(pair, now) ||
	    within(now, sa->tried, group->config->answer << (2 + min_t(u8, sa->tries, BACKOFF_MAX))))
		return;
	sa->tried = now;
	if (sa->tries < BACKOFF_MAX)
		sa->tries++;
	open_for_answer(pair, seq, now);
}

/* A new SA asks for its answer: by the gate, or @holder has that and it waits like others. */
static void out_ask(struct alg_esp_pair *pair, struct alg_esp_packet *packet, const struct alg_esp_pair *holder, u32 now)
{
	ask(pair, packet->fresh, now);
	if (!holder ? !resting(pair, now) : holder == pair) {
		open_for_answer(pair, packet->seq, now);
		packet->fresh->era = pair->era;
	} else {
		pair->want_in = max_t(u8, pair->want_in, 1);
		await(pair, now);
	}
}

enum alg_esp_verdict alg_esp_out(struct alg_esp_pair *pair, struct alg_esp_packet *packet)
{
	struct alg_esp_group *group = pair->group;
	const struct alg_esp_config *config = group->config;
	struct alg_esp_sa *known = packet->known, *first, *before;
	struct alg_esp_pair *holder;
	u32 now = (u32)packet->now;

	packet->victim = NULL;
	if (!packet->spi)
		return ALG_ESP_BAD_SPI;
	if (known && known->pair == pair) {
		alg_esp_touch(known, packet->seq, now);
		if (!known->settled && (s32)(now - known->check) >= 0)
			ask_again(pair, known, packet->seq, now);
		packet->pair = pair;
		return ALG_ESP_PASS;
	}
	/* The gateway gives no SPI twice, but clients change their address, and SAs set up by hand go with them. */
	if (known && within(now, known->last, config->gate))
		return ALG_ESP_COLLISION;
	if (config->require_ike && !pair->n_ikes)
		return ALG_ESP_NO_IKE;
	if (pair->n_out >= config->sas_max)
		return ALG_ESP_FULL;
	holder = gate_holder(group, now);
	/* Of what IKE announced the gateway's may have come first. */
	first = pair->want_out ? find_lone(pair, &pair->sas, ALG_ESP_IN, pair->era) : NULL;
	before = !holder && packet->seq > config->seq_max ? find_known(pair, now) : NULL;
	/* Its old SAs may have been counted as those that were announced, and left that one over. */
	if (holder && holder != pair && (!first || pair->halfway)) {
		group->waiting = true;
		if (config->hold)
			return ALG_ESP_HELD;
	}
	if (!packet->fresh)
		return ALG_ESP_NO_MEMORY;

	if (known) {
		sa_unlink(known);
		packet->victim = known;
	}
	sa_link(pair, packet, ALG_ESP_OUT);
	if (pair->want_out)
		pair->want_out--;
	if (first || (before && before->settled)) {
		sa_pair_up(pair, first ?: before, packet->fresh);
	} else if (before) {
		/* If it is not that, the gate will be asked for. */
		packet->fresh->era = 0;
		group->presumed = now;
		group->presumes = true;
		ask(pair, packet->fresh, now);
	} else {
		out_ask(pair, packet, holder, now);
	}
	gate_close_early(pair);
	return ALG_ESP_BOUND;
}

/* The second packet of an inbound SA: whoever made the first one up does not answer. */
static void settle(struct alg_esp_sa *sa)
{
	struct alg_esp_pair *pair = sa->pair;
	struct alg_esp_sa *out = find_lone(pair, &sa->list, ALG_ESP_OUT, sa->era);

	if (!out && !pair->want_out && sa->era)
		out = find_lone(pair, &sa->list, ALG_ESP_OUT, -1);
	alg_esp_store(sa->settled, true);
	if (out)
		sa_pair_up(pair, sa, out);
	/* It may be one that the gate was not opened for. */
	if (sa->era == pair->era && pair->want_in && !--pair->want_in)
		link_out(&pair->awaited);
	gate_close_early(pair);
}

/*
 * How many pairs are on a list by time and were put there less than @span ago, @but apart; 2: several. At most three are looked
 * at, from the latest on.
 */
static u32 recent(struct alg_link *head, bool awaited, u32 now, u32 span, const struct alg_esp_pair *but, struct alg_esp_pair **one)
{
	struct alg_link *link = head->prev;
	struct alg_esp_pair *pair;
	u32 n = 0;

	for (; link != head && n < 2; link = link->prev) {
		pair = awaited ? alg_esp_entry(link, struct alg_esp_pair, awaited) :
				 alg_esp_entry(link, struct alg_esp_pair, asking);
		if (!within(now, awaited ? pair->awaited_at : pair->asked, span))
			break;
		if (pair == but)
			continue;
		*one = pair;
		n++;
	}
	return n;
}

static bool presumes(struct alg_esp_group *group, u32 now)
{
	if (group->presumes && !within(now, group->presumed, group->config->answer))
		group->presumes = false;
	return group->presumes;
}

/* Does it send on an SPI that was not answered yet? */
static bool asks(const struct alg_esp_pair *pair, u32 now)
{
	return linked(&pair->asking) && within(now, pair->asked, pair->group->config->answer);
}

/* Who an unknown SPI is for. */
static enum alg_esp_verdict candidate(struct alg_esp_group *group, u32 now, struct alg_esp_pair **pair)
{
	const struct alg_esp_config *config = group->config;
	struct alg_esp_pair *other, *holder = gate_holder(group, now);
	u32 n;

	if (!group->n_pairs)
		return ALG_ESP_NO_PAIR;
	if (alone(group, now)) {
		*pair = alg_esp_entry(group->pairs.next, struct alg_esp_pair, list);
		return ALG_ESP_PASS;
	}
	if (holder) {
		*pair = holder;
		/* Those that ask without being held were told apart from the holder by nothing. */
		if ((!config->hold || presumes(group, now)) && recent(&group->asking, false, now, config->answer, holder, &other))
			return ALG_ESP_AMBIGUOUS;
		/* Unless it asked, it may be for one whose SAs are unseen as well. */
		if (!asks(holder, now) && recent(&group->awaited, true, now, config->esp_idle, holder, &other))
			return ALG_ESP_AMBIGUOUS;
		return ALG_ESP_PASS;
	}
	n = recent(&group->asking, false, now, config->answer, NULL, pair);
	if (!n)
		n = recent(&group->awaited, true, now, config->esp_idle, NULL, pair);
	return n == 1 ? ALG_ESP_PASS : n ? ALG_ESP_AMBIGUOUS : ALG_ESP_NO_WINDOW;
}

/* An inbound SA of which one packet only ever came, the oldest one. */
static struct alg_esp_sa *in_victim(struct alg_esp_pair *pair)
{
	struct alg_link *link;

	for (link = pair->sas.next; link != &pair->sas; link = link->next)
		if (sa_of(link)->dir == ALG_ESP_IN && !sa_of(link)->settled)
			return sa_of(link);
	return NULL;
}

/*
 * A tunnel of old that was quiet: so will its inbound SA be. Not in a group that is new itself, where all are of old.
 */
static bool may_resume(const struct alg_esp_pair *pair, u32 spi, u32 now)
{
	const struct alg_esp_group *group = pair->group;

	return group->holder == pair && group->resumed && !within(now, pair->born, 4 * group->config->answer) &&
	       !stray_seen(group, spi, now);
}

static enum alg_esp_verdict in_new(struct alg_esp_group *group, struct alg_esp_packet *packet, u32 now)
{
	const struct alg_esp_config *config = group->config;
	bool old = packet->seq > config->seq_max;
	struct alg_esp_pair *pair = NULL;
	struct alg_esp_sa *victim = NULL;
	enum alg_esp_verdict verdict = candidate(group, now, &pair);

	if (verdict == ALG_ESP_PASS && config->require_ike && !pair->n_ikes)
		return ALG_ESP_NO_IKE;
	if (verdict == ALG_ESP_PASS && old && !alone(group, now) && !may_resume(pair, packet->spi, now))
		verdict = ALG_ESP_SEQ_HIGH;
	if (verdict != ALG_ESP_PASS) {
		if (old)
			stray_note(group, packet->spi, now);
		return verdict;
	}
	if (pair->n_in >= config->sas_max) {
		victim = in_victim(pair);
		if (!victim)
			return ALG_ESP_FULL;
	}
	if (!packet->fresh)
		return ALG_ESP_NO_MEMORY;
	if (victim)
		sa_unlink(victim);
	packet->victim = victim;
	sa_link(pair, packet, ALG_ESP_IN);
	return ALG_ESP_BOUND;
}

enum alg_esp_verdict alg_esp_in(struct alg_esp_group *group, struct alg_esp_packet *packet)
{
	struct alg_esp_sa *sa = packet->known;
	struct alg_esp_pair *holder;
	u32 now = (u32)packet->now;

	packet->victim = NULL;
	if (!packet->spi)
		return ALG_ESP_BAD_SPI;
	if (!sa)
		return in_new(group, packet, now);
	/*
	 * The first packet of a new SA that another client waits for, which has chosen the same SPI? Its receiver so far would not
	 * take it anyway, it is far behind its window.
	 */
	holder = gate_holder(group, now);
	if (holder && holder != sa->pair && holder->want_in && packet->seq <= group->config->seq_max &&
	    alg_esp_behind(sa, packet->seq))
		return ALG_ESP_COLLISION;
	if (!sa->settled && packet->seq != sa->seq) {
		if (!sa->era)
			sa->seq = packet->seq;
		settle(sa);
	}
	alg_esp_touch(sa, packet->seq, now);
	packet->pair = sa->pair;
	return ALG_ESP_PASS;
}

/* ---- time ---- */

bool alg_esp_expire(struct alg_esp_pair *pair, u64 at, struct alg_link *sas, struct alg_link *ikes)
{
	const struct alg_esp_config *config = pair->group->config;
	struct alg_link *link, *next;
	u32 now = (u32)at, newest;

	/* Times are told apart over half of their range only, and some last for longer. */
	if (!within(now, pair->born, LONG_AGO))
		pair->born = now - LONG_AGO;
	pair->group->left = left_behind(pair->group, now);
	if (pair->group->strays_lost)
		pair->group->strays_lost = stray_recent(pair->group, pair->group->lost_at, now);
	gate_holder(pair->group, now);
	if (linked(&pair->asking) && !within(now, pair->asked, config->answer))
		link_out(&pair->asking);
	if (linked(&pair->awaited) && !within(now, pair->awaited_at, config->esp_idle))
		link_out(&pair->awaited);

	for (link = pair->sas.next; link != &pair->sas; link = next) {
		struct alg_esp_sa *sa = sa_of(link);

		next = link->next;
		newest = alg_esp_load(sa->last);
		/* An outbound one may have the wrong one, and goes on its own: it asks anew. */
		if (sa->peer && !(pair->halfway && sa->dir == ALG_ESP_OUT))
			newest = later(newest, alg_esp_load(sa->peer->last));
		if (pair->n_ikes) {
			struct alg_esp_ike *first = ike_of(pair->ikes.next);

			first->last = later(first->last, newest);
		}
		if (within(now, newest, config->esp_idle))
			continue;
		sa_unlink(sa);
		link_tail(sas, link);
	}

	for (link = pair->ikes.next; link != &pair->ikes; link = next) {
		next = link->next;
		if (within(now, ike_of(link)->last, config->ike_idle))
			continue;
		alg_esp_ike_end(ike_of(link));
		link_tail(ikes, link);
	}
	return !pair->n_in && !pair->n_out && !pair->n_ikes;
}
