/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which client behind one public address an ESP packet from a gateway is for. An SPI is chosen by its receiver and told to the
 * sender under encryption (RFC 4303, 2.1; RFC 7296, 3.3.1), so who owns one can only be concluded from who was setting up SAs
 * when it came.
 *
 * A group is one gateway and one public address; its pairs are the clients that talk to that gateway from that address. A pair
 * has a slot (which conntrack zone it is tracked in), IKE sessions, and the SAs whose SPIs are known, inbound (to the client)
 * and outbound.
 *
 * The gate: at a time one pair of a group may have SAs in the making. It opens with an IKE message that makes SAs, or with an
 * outbound packet of a new SPI, for which an unknown inbound one is the answer. Meanwhile such messages of other pairs are refused
 * (they are repeated: RFC 7296, 2.1; RFC 2408, 5.1), and, if config->hold, new outbound SPIs of other pairs, too, whose answers
 * could not be told apart. It ends when what it was opened for is bound in both directions, else by time, sooner once IKEv2's
 * response or the third message of IKEv1's Quick Mode was seen. Who let it run out while others waited has to wait as long for
 * them.
 *
 * An unknown inbound SPI is bound to the only pair, unless another left lately; of several to the gate's holder, unless it has not
 * sent yet and another's last SAs are still unseen; without a holder to the only pair that sends on an SPI that was not answered
 * yet; else to the only pair whose last SAs are still unseen: from several pairs on only if its sequence number is that of a new
 * SA.
 *
 * Holds always:
 * - a packet is never delivered to another pair than the one that its SPI is bound to, as long as that binding stands; it ends with
 *   idle time, with its pair, or, if one packet only ever came, to make room for the next one
 * - what is refused changes nothing, but for notes that somebody waits and that an SPI was seen
 * - nobody waits longer than config->gate for one holder
 * - memory: pairs by the slots, SAs and IKE sessions of a pair by the configuration
 * - each call takes a bounded number of steps: constant for packets of bound SPIs and for refusals, else at most the size of a pair
 *
 * Nothing is allocated here: the caller gives zeroed structures and frees what comes back, and keeps the tables that find them. It
 * serialises the calls of a group; alg_esp_quick() needs no lock. Slots that groups share have the caller's lock, too.
 * Time is in milliseconds, monotonic but for differences between processors.
 */
#ifndef NF_ALG_PROTO_ESP_BIND_H
#define NF_ALG_PROTO_ESP_BIND_H

#include "env.h"
#include "ike.h"

#define ALG_ESP_EXCHANGES	8	/* of an IKE session that are remembered as seen */
#define ALG_ESP_STRAYS		16	/* SPIs of a group that are remembered as nobody's */
#define ALG_ESP_BEHIND		1024	/* sequence numbers: so far back it is too old for its receiver (RFC 4303, 3.4.3) */

/* X(symbol, "name", "what became of a packet or message") */
#define ALG_ESP_VERDICTS_LIST(X)										\
	X(PASS, "pass", "Known, or of no consequence.")								\
	X(BOUND, "bound", "A new SPI was bound.")								\
	X(BAD_SPI, "bad-spi", "SPI 0 is never on the wire (RFC 4303, 2.1).")					\
	X(NO_PAIR, "no-pair", "No client talks to that gateway.")						\
	X(NO_IKE, "no-ike", "The client has no IKE session with that gateway (option require-ike).")		\
	X(AMBIGUOUS, "ambiguous", "Several clients may be the receiver.")					\
	X(NO_WINDOW, "no-window", "No client expects a new SPI.")						\
	X(SEQ_HIGH, "sequence-high", "A new SPI whose sequence number says that the SA is not new.")		\
	X(COLLISION, "spi-collision", "The SPI belongs to another client.")					\
	X(FULL, "full", "The client has as many SPIs as it may.")						\
	X(HELD, "held", "A new outbound SPI while another client's is not answered yet.")			\
	X(GATE, "gate", "An IKE message that makes SAs while another client's are in the making.")		\
	X(NO_SLOT, "no-slot", "The gateway has as many clients behind the address as it may.")			\
	X(NO_MEMORY, "no-memory", "No memory was given for a new SPI, which would have been bound.")

enum alg_esp_verdict {
#define X(symbol, name, text) ALG_ESP_##symbol,
	ALG_ESP_VERDICTS_LIST(X)
#undef X
	ALG_ESP_VERDICTS,
};

const char *alg_esp_verdict_name(enum alg_esp_verdict verdict);

enum alg_esp_dir {
	ALG_ESP_IN,	/* from the gateway to the client */
	ALG_ESP_OUT,
};

struct alg_link {
	struct alg_link *next, *prev;	/* NULL: in no list */
};

#define alg_esp_entry(link, type, member) ((type *)((char *)(link) - offsetof(type, member)))
#define alg_esp_load(x) (*(const volatile __typeof__(x) *)&(x))
#define alg_esp_store(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

/**
 * struct alg_esp_config - by policy; may be changed between calls; no time is longer than a day
 * @gate:	ms that an IKE exchange may keep others waiting
 * @answer:	ms that an outbound SPI is given until an inbound one answers, at most @gate
 * @esp_idle:	ms without a packet in either direction after which an SA is forgotten
 * @ike_idle:	ms without IKE, nor ESP if it made the last SAs, after which an IKE session is forgotten
 * @seq_max:	highest sequence number of an SA that counts as new
 * @sas_max:	of a pair, in each direction
 * @ikes_max:	of a pair; a further one takes the place of the one that was idle longest
 * @require_ike: no SPI is bound for a pair without IKE session
 * @hold:	new outbound SPIs wait for the gate
 */
struct alg_esp_config {
	u32 gate, answer, esp_idle, ike_idle;
	u32 seq_max;
	u16 sas_max, ikes_max;
	bool require_ike, hold;
};

/**
 * struct alg_esp_slots - slots from 1 on, of all groups in which a client's conntrack tuple may be the same: those of one gateway
 * @limit:	highest slot
 * @low:	in words below there is none free
 * @used:	bits, (limit + 31) / 32 words
 */
struct alg_esp_slots {
	u16 limit;
	u16 n;
	u16 low;
	u32 used[];
};

#define ALG_ESP_SLOTS_SIZE(limit) (sizeof(struct alg_esp_slots) + ((limit) + 31u) / 32 * sizeof(u32))

struct alg_esp_pair;

/**
 * struct alg_esp_group - a gateway and a public address
 * @crowd:	it may have clients that are not known (yet), so that the only one that is known may not be the only one; or NULL
 * @left:	at @left_at a pair left with SAs: for their idle time the gateway may go on sending to it
 * @own:	the pair in slot 0, which is its tenant's own zone
 * @holder:	whose gate it is, NULL: nobody's; valid for @span ms from @opened on
 * @waiting:	somebody was refused because of @holder
 * @resumed:	the holder sends on an SA that is older than what is known of it, and so will be what answers
 * @rest:	let its gate run out at @rested, though others waited
 * @presumes:	at @presumed a pair asked that was not held, because its answer is thought to be known from before
 * @asking:	pairs that sent on an unanswered SPI lately, by time
 * @awaited:	pairs whose gate ran out before an inbound SPI was seen, by time
 * @strays:	inbound SPIs of old SAs that were refused, or of who left
 * @strays_lost: at @lost_at there were more than can be remembered
 */
struct alg_esp_group {
	const struct alg_esp_config *config;
	struct alg_esp_slots *slots;
	const bool *crowd;
	bool left;
	u32 left_at;
	struct alg_link pairs;
	u32 n_pairs;
	struct alg_esp_pair *own;
	struct alg_esp_pair *holder;
	u32 opened, span;
	bool waiting, resumed;
	struct alg_esp_pair *rest;
	u32 rested, presumed;
	bool presumes;
	struct alg_link asking, awaited;
	struct alg_esp_stray {
		u32 spi, at;
	} strays[ALG_ESP_STRAYS];
	bool strays_lost;
	u32 lost_at;
	u8 next_stray;
};

struct alg_esp_sa;

/**
 * struct alg_esp_pair - a client of a group
 * @ikes:	IKE sessions; the first is the one that made SAs last, whose life ESP prolongs
 * @sas:	known SPIs
 * @want_in, @want_out: SPIs that are to come for what the last gate was opened for
 * @era:	how often its gate was opened; never 0
 * @halfway:	it had SAs before it was known here
 */
struct alg_esp_pair {
	struct alg_link list, asking, awaited;
	struct alg_esp_group *group;
	struct alg_link ikes, sas;
	u16 n_ikes, n_in, n_out;
	u16 slot;
	u8 want_in, want_out, era;
	bool halfway;
	u32 born, asked, awaited_at;
};

/**
 * struct alg_esp_sa - a known SPI; found by (group, direction, SPI)
 * @peer:	the SA of the other direction that came with it
 * @last:	last packet
 * @seq:	highest sequence number, about
 * @check:	not settled: packets before this time need no further look
 * @tried:	outbound: when the gate was last opened for it, @tries times in vain
 * @era:	its pair's when it was bound; 0: from before the pair was known
 * @settled:	inbound: a second packet came; outbound: has a peer
 */
struct alg_esp_sa {
	struct alg_link list;
	struct alg_esp_pair *pair;
	struct alg_esp_sa *peer;
	u32 spi;
	u32 last, seq, check;
	u32 tried;
	u8 dir;
	u8 tries;
	u8 era;
	bool settled;
};

/**
 * struct alg_esp_ike - an IKE session of a pair; found by (client, gateway, initiator's SPI)
 * @seen:	exchanges that made SAs
 * @quick_step:	IKEv1: of the latest of them, which @quick_client's side began: 1: begun, 2: answered
 */
struct alg_esp_ike {
	struct alg_link list;
	struct alg_esp_pair *pair;
	u64 ispi;
	u32 last;
	u8 next_seen;
	u8 quick_step;
	bool quick_client;
	u64 seen[ALG_ESP_EXCHANGES];
};

/**
 * struct alg_esp_packet - an ESP packet and what is decided about it
 * @known:	SA of this group, direction and SPI, NULL: none
 * @fresh:	memory for one, zeroed; NULL: NO_MEMORY instead of BOUND, to be asked again with some
 * @pair:	PASS, BOUND: whose it is
 * @victim:	BOUND: an SA that was unlinked to make room, to be freed; or NULL
 */
struct alg_esp_packet {
	u32 spi, seq;
	u64 now;
	struct alg_esp_sa *known, *fresh;
	struct alg_esp_pair *pair;
	struct alg_esp_sa *victim;
};

/* All slots free. @slots has room for @limit. */
void alg_esp_slots_init(struct alg_esp_slots *slots, u16 limit);
void alg_esp_group_init(struct alg_esp_group *group, const struct alg_esp_config *config, struct alg_esp_slots *slots);

/*
 * A client comes. @own: slot 0 will do, if it is free. Return: PASS: @pair is one of @group's, with a slot; NO_SLOT: nothing
 * happened.
 */
enum alg_esp_verdict alg_esp_join(struct alg_esp_group *group, struct alg_esp_pair *pair, bool own, u64 now);

/*
 * A client is gone: its slot is free at once. Its SAs and IKE sessions move to @sas and @ikes, for the caller to free with it. If
 * it had SAs the gateway may go on with them: who is left alone is not taken for their owner for config->esp_idle.
 */
void alg_esp_leave(struct alg_esp_pair *pair, u64 now, struct alg_link *sas, struct alg_link *ikes);

/*
 * A new IKE session of a client, with an initiator's SPI that it does not have yet. @anew: by its first message (msg->first),
 * not one met halfway or the successor of a rekeyed one; then the client may have been started anew, and what a former session
 * left open counts no more. Return: a session that had to go for it, unlinked, to be freed; or NULL.
 */
struct alg_esp_ike *alg_esp_ike_begin(struct alg_esp_pair *pair, struct alg_esp_ike *ike, u64 ispi, bool anew, u64 now);
void alg_esp_ike_end(struct alg_esp_ike *ike);

/* A message of a session. @msg is well-formed and not an ESP packet. Return: PASS; GATE: it must not pass. */
enum alg_esp_verdict alg_esp_ike_message(struct alg_esp_ike *ike, const struct alg_ike_msg *msg, bool from_client, u64 now);

/*
 * ESP from a client to its gateway, and the other way. Return: PASS: it is @packet->pair's; BOUND: and @packet->fresh is
 * linked, to be found from now on; anything else: the packet must not pass, nothing changed.
 */
enum alg_esp_verdict alg_esp_out(struct alg_esp_pair *pair, struct alg_esp_packet *packet);
enum alg_esp_verdict alg_esp_in(struct alg_esp_group *group, struct alg_esp_packet *packet);

/*
 * An inbound SPI that was the pair's before it was known here. @sa, zeroed, is linked, or the answer is false. Which outbound one
 * goes with it, the pair's packets tell.
 */
bool alg_esp_known(struct alg_esp_pair *pair, struct alg_esp_sa *sa, u32 spi, u64 now);

/* An SA is known no more, and is to be freed. */
void alg_esp_forget(struct alg_esp_sa *sa);

/*
 * Now and then, for each pair: idle SAs and IKE sessions move to @sas and @ikes, to be freed. Return: nothing is left of the
 * pair, it should leave.
 */
bool alg_esp_expire(struct alg_esp_pair *pair, u64 now, struct alg_link *sas, struct alg_link *ikes);

void alg_link_init(struct alg_link *head);
/* Takes the first one out, NULL: there is none. */
struct alg_link *alg_link_pop(struct alg_link *head);

static inline bool alg_esp_behind(const struct alg_esp_sa *sa, u32 seq)
{
	return (s32)(alg_esp_load(sa->seq) - seq) > ALG_ESP_BEHIND;
}

static inline void alg_esp_touch(struct alg_esp_sa *sa, u32 seq, u64 now)
{
	u32 ahead = seq - alg_esp_load(sa->seq);

	/* Not for each packet: the line is shared. */
	if ((u32)now - alg_esp_load(sa->last) >= 256)
		alg_esp_store(sa->last, (u32)now);
	if ((s32)ahead >= 64)
		alg_esp_store(sa->seq, seq);
}

/*
 * The short way for a packet of a known SA, without lock. true: it is sa->pair's, PASS. false: ask alg_esp_in() or alg_esp_out().
 * Outbound: @sa must be of the packet's own pair.
 */
static inline bool alg_esp_quick(struct alg_esp_sa *sa, u32 seq, u64 now)
{
	if (!alg_esp_load(sa->settled) && (s32)((u32)now - alg_esp_load(sa->check)) >= 0)
		return false;
	if (sa->dir == ALG_ESP_IN && alg_esp_behind(sa, seq))
		return false;
	alg_esp_touch(sa, seq, now);
	return true;
}

#endif /* NF_ALG_PROTO_ESP_BIND_H */
