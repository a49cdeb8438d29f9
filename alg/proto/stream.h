/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One direction of a TCP control connection: finds messages in segments, keeps what is needed to resume, and remembers
 * the edits that were made so that retransmissions and acknowledgements stay true. Freestanding: see env.h.
 *
 * Two sequence spaces: the sender's (what it put on the wire) and the receiver's (after our edits). The edit log is
 * the map between them, one monotone function: a byte before every edit keeps its place, a byte behind an edit moves
 * by the edit's length change. An edit is indivisible: a place inside the old text maps to the start of the new text
 * and the other way round; a repeated segment that has any byte of the old text is given the whole new text. So
 * whatever starts or ends at a mapped place starts or ends at the border of an edit, which conntrack's own sequence
 * adjustment can express.
 *
 * A stream works in one of two ways, chosen per segment by @may_hold:
 * - holding (NAT may have to rewrite): bytes of an incomplete message of interest are copied and not forwarded; the
 *   segment that completes it is replaced by the whole rewritten message. Segments out of order are dropped, the sender
 *   repeats them. Held bytes that he repeats are all that he can send before he gets an acknowledgement (RFC 1122, 4.2.3.4:
 *   Nagle; or his window is full, or what followed was lost): the stream vouches for them. The receiver is asked for an
 *   acknowledgement by a keep-alive probe, and the sender is told that it covers them. As he won't repeat them any more, they
 *   later become one entry of the log together with the byte behind them.
 * - not holding (no NAT, observe): every byte passes at once; incomplete messages are copied for the parser only.
 *
 * The caller serialises calls for one stream.
 */
#ifndef NF_ALG_PROTO_STREAM_H
#define NF_ALG_PROTO_STREAM_H

#include "parse.h"
#include "edit.h"

/*
 * A message is handed to the protocol only while the log (and out->plan, unless it is empty) has room for so many edits with so
 * much text, unless the protocol says how much it needs.
 */
#define ALG_STREAM_ROOM_EDITS	8
#define ALG_STREAM_ROOM_TEXT	512
/*
 * Edits that the receiver has not acknowledged, and their new text, by what one message needs. More are not accepted: segments
 * are dropped. Of memory only what is used is taken.
 */
#define ALG_STREAM_LOG_EDITS(room)	((room) <= ALG_STREAM_ROOM_EDITS ? 4 * ALG_STREAM_ROOM_EDITS : 12 * (room))
#define ALG_STREAM_LOG_TEXT(room)	((room) <= ALG_STREAM_ROOM_TEXT ? 8 * ALG_STREAM_ROOM_TEXT : 4 * (room))
#define ALG_STREAM_LOG_MAX	ALG_STREAM_LOG_EDITS(ALG_STREAM_ROOM_EDITS)
#define ALG_STREAM_TEXT_MAX	ALG_STREAM_LOG_TEXT(ALG_STREAM_ROOM_TEXT)
/* The most that a protocol may ask for. */
#define ALG_STREAM_ROOM_EDITS_MAX	128
#define ALG_STREAM_ROOM_TEXT_MAX	8192
/* Longest source of a REPLACE: leaves room for headers and for growth in an IP packet. */
#define ALG_STREAM_EMIT_MAX	61440
/*
 * ops->max_hold counts up to here. One packet must hold all of a message whose length or first bytes depend on its last ones: what
 * went out before can't be edited, and what is kept back is acknowledged by nobody until it goes out. With one byte more, it is
 * looked at for the last time.
 */
#define ALG_STREAM_HOLD_MAX	(ALG_STREAM_EMIT_MAX - 1)
/* Longest payload of a segment, whatever options its headers have: a message that an edit makes longer is better left alone. */
#define ALG_STREAM_PACKET_MAX	(65535 - 60 - 60)
/* Segments that came ahead of a hole for the second time and were dropped, before the stream goes on behind it. */
#define ALG_STREAM_GAPS_MAX	64
/* Repetitions that are cut where held bytes begin, before the stream vouches for these. */
#define ALG_STREAM_REPEATS_MAX	3

struct alg_stream;

/**
 * struct alg_stream_ops - what a protocol gives the stream
 * @message:	called with the bytes from a message's first byte on; adds edits (offsets relative to @data) to @plan
 *		and says what to do. When @skipping, @data is inside a message for which SKIP was answered. Never
 *		called twice for the same byte, but for PARTIAL, after which it is called again from the same first
 *		byte; edits and @stop of a PARTIAL answer don't count. @plan is limited to what can be remembered: at
 *		least @room_edits and @room_text, less only when not holding. @editable_from: edits that begin before this
 *		offset can't be made, those bytes are gone already; a planner refuses then. Setting *@stop makes the
 *		stream pass everything from the end of this message on unparsed (alg_stream_resume() ends that).
 *		A protocol that counts the bytes of a body which is of no interest answers COMPLETE for what has come of the
 *		message, with its edits, and takes the rest by the calls that follow, with SKIP or COMPLETE, until its count is
 *		down. When @skipping is true and it did not answer SKIP itself, bytes were missed: its count is void, and it
 *		looks for the next start of a message.
 * @charge:	accounts @bytes (may be negative) of kept data; false refuses. May be NULL.
 * @max_hold:	longest incomplete message that is kept
 * @room_edits:	edits that one message may need, 0: ALG_STREAM_ROOM_EDITS; at most ALG_STREAM_ROOM_EDITS_MAX
 * @room_text:	bytes of new text that it may need, 0: ALG_STREAM_ROOM_TEXT; at most ALG_STREAM_ROOM_TEXT_MAX
 * @trust_pickup: a stream that is picked up starts with a message, whatever its first segment ends in
 */
struct alg_stream_ops {
	enum alg_parse (*message)(void *ctx, const u8 *data, u32 len, bool skipping, u32 editable_from,
				  struct alg_plan *plan, u32 *used, bool *stop);
	bool (*charge)(void *ctx, s32 bytes);
	u32 max_hold;
	u16 room_edits, room_text;
	bool trust_pickup;
};

static inline u32 alg_stream_room_edits(const struct alg_stream_ops *ops)
{
	return ops->room_edits ? ops->room_edits : ALG_STREAM_ROOM_EDITS;
}

static inline u32 alg_stream_room_text(const struct alg_stream_ops *ops)
{
	return ops->room_text ? ops->room_text : ALG_STREAM_ROOM_TEXT;
}

enum alg_stream_event {		/* what to count; bits of struct alg_stream_out.events */
	ALG_STREAM_EV_HELD	= 1 << 0,	/* a partial message was held back */
	ALG_STREAM_EV_STALLED	= 1 << 1,	/* a repeated partial message, too long to vouch for, was let through */
	ALG_STREAM_EV_GAP	= 1 << 2,	/* segment ahead of the expected one */
	ALG_STREAM_EV_RETRANS	= 1 << 3,	/* old data repeated */
	ALG_STREAM_EV_TOO_LONG	= 1 << 4,	/* message exceeds max_hold, or memory was refused: passed as it is */
	ALG_STREAM_EV_MALFORMED	= 1 << 5,
	ALG_STREAM_EV_PICKUP	= 1 << 6,	/* first data of a stream whose SYN was not seen */
	ALG_STREAM_EV_LOG_FULL	= 1 << 7,	/* dropped until the receiver acknowledges earlier edits */
	ALG_STREAM_EV_VOUCHED	= 1 << 8,	/* a repeated partial message is acknowledged in the receiver's place */
};

enum alg_stream_verdict {
	ALG_STREAM_PASS,	/* forward the payload unchanged */
	ALG_STREAM_EDIT,	/* apply out->plan to the payload */
	ALG_STREAM_REPLACE,	/* the payload becomes out->data[0..out->len), which starts at out->seq */
	ALG_STREAM_DROP,
};

/**
 * struct alg_stream_out - what to do with the segment
 * @plan:	the caller's, set before the call and emptied by it; room for at least one edit more than the protocol's
 *		@room_edits, and for its @room_text bytes. Offsets relative to the segment's payload (EDIT). Its last edit may
 *		cut the payload's tail.
 * @data:	REPLACE: points into memory of the stream, valid until the next call of any function for it
 * @len:	REPLACE: bytes at @data, 0: nothing but a probe
 * @seq:	sender's sequence number of the first byte to be emitted (EDIT, PASS: the segment's own)
 * @events:	mask of enum alg_stream_event
 * @messages:	complete messages seen
 * @logged:	so many entries at the end of the log are new
 *
 * What is emitted belongs at alg_stream_map_seq(@seq), asked after the call. When nothing of it is left, the empty
 * segment must go out one byte lower, as a keep-alive probe (RFC 9293, 3.8.4): the receiver answers that with an
 * acknowledgement, nothing else would tell the sender that its bytes are dealt with.
 *
 * Whatever the verdict, the caller may drop the segment instead: the sender's repetition is answered with the same
 * bytes. It must never pass a payload unchanged that was to be edited, replaced or dropped.
 */
struct alg_stream_out {
	enum alg_stream_verdict verdict;
	struct alg_plan *plan;
	const u8 *data;
	u32 len;
	u32 seq;
	u32 events;
	u32 messages;
	u16 logged;
};

/* One edit in the log. old_len is at least 1: insertions and deletions take a neighbour along. */
struct alg_stream_entry {
	u32 seq;		/* sender's space */
	u32 old_len;
	u16 new_len;
	u16 pos;		/* into the text */
	u16 vouched;		/* so many of the old bytes were acknowledged in the receiver's place */
};

struct alg_stream_log {		/* from the first edit on, stays when it is small; the text follows e[max] */
	u16 n, max;
	u16 used, size;
	struct alg_stream_entry e[];
};

/* Fields are the stream's own. Zeroed memory is a stream that has seen nothing. */
struct alg_stream {
	u32 next;		/* sender's space: first byte not yet accepted */
	u32 base;		/* length changes of all edits that left the log */
	u32 una;		/* sender's space: highest acknowledgement seen */
	u32 kept;		/* bytes of the incomplete message that ends at next; charged */
	u32 gone;		/* of these, how many the receiver may have already; the others are held back */
	u32 vouched;		/* of those held back, how many the sender was told the receiver has */
	u32 ahead;		/* end of the furthest segment that was dropped ahead of next; while gaps */
	u32 cap;
	u8 *buf;		/* kept bytes */
	u8 *out;		/* what the last REPLACE points to */
	struct alg_stream_log *log;
	bool synced;		/* next is known */
	bool acked;		/* una is known */
	bool skipping;
	bool stopped;
	bool pickup;		/* started without alg_stream_init() */
	u8 gaps;		/* dropped ahead of next since it last moved; the first, and those that came again */
	u8 repeats;		/* repetitions cut before held bytes since next last moved */
};

#define ALG_STREAM_FAR		(1u << 30)	/* no window is larger (RFC 7323, 2.3) */
#define ALG_STREAM_KEEP_TEXT	256	/* an acknowledged edit with no more text may stay in the log */

/**
 * alg_stream_quick() - would a segment at @seq that is nothing but complete messages without edits just pass?
 *
 * Then alg_stream_accept() does what alg_stream_segment() would do: nothing is kept, skipped, stopped or missing, no memory
 * is to be freed, and there is room in the log, so that parsing would not be put off.
 */
static inline bool alg_stream_quick(const struct alg_stream *s, u32 seq)
{
	const struct alg_stream_log *log = s->log;

	if (s->next != seq || s->kept || !s->synced || s->skipping || s->stopped || s->out)
		return false;
	return !log || !log->n ||
	       (log->n == 1 && log->used <= ALG_STREAM_KEEP_TEXT && seq - log->e[0].seq <= ALG_STREAM_FAR);
}

/* Takes @len bytes at s->next that alg_stream_quick() was asked about. */
static inline void alg_stream_accept(struct alg_stream *s, u32 len)
{
	s->next += len;
	s->gaps = 0;
	s->repeats = 0;
}

/* Sequence numbers differ between the two spaces, or may. */
static inline bool alg_stream_moved(const struct alg_stream *s)
{
	return s->base || s->vouched || (s->log && s->log->n);
}

/* The stream's first byte will be @next (SYN's sequence number + 1). */
void alg_stream_init(struct alg_stream *s, u32 next);
/* Frees what the stream allocated. */
void alg_stream_clean(struct alg_stream *s, const struct alg_stream_ops *ops, void *ctx);
/* As *@stop of a message, from outside: what comes passes unparsed, bytes held back go out with the next segment. */
void alg_stream_stop(struct alg_stream *s);
/* Ends stop: the next byte starts a message. */
void alg_stream_resume(struct alg_stream *s);
/* Bytes held back, neither forwarded nor refused. */
static inline u32 alg_stream_held(const struct alg_stream *s)
{
	return s->kept - s->gone;
}

/**
 * alg_stream_vouched() - what the sender was told is there, and is not
 * @seq: sender's number
 *
 * Return: the byte is held back and was acknowledged.
 */
static inline bool alg_stream_vouched(const struct alg_stream *s, u32 seq)
{
	return s->vouched && seq - (s->next - alg_stream_held(s)) < s->vouched;
}

/**
 * alg_stream_segment() - one segment with data (len > 0)
 *
 * A stream without alg_stream_init() picks up: the first segment is taken to start a message only if its last byte is
 * '\n' or ops->trust_pickup, and only if the receiver is not known to have its first byte already (alg_stream_acked()
 * may be called before); else the parser is told that it starts inside a message, behind that segment.
 *
 * A segment with FIN or RST should come with @may_hold false: nothing will complete a message that is held then.
 */
void alg_stream_segment(struct alg_stream *s, const struct alg_stream_ops *ops, void *ctx, u32 seq, const u8 *data,
			u32 len, bool may_hold, struct alg_stream_out *out);

/*
 * A FIN without data at @seq, behind bytes that were vouched for: they go out with it, as often as it comes. @out: the verdict is
 * REPLACE. Return: false if that isn't the case, or without memory; with bytes held back it must be dropped.
 */
bool alg_stream_fin(struct alg_stream *s, u32 seq, struct alg_stream_out *out);

/*
 * The receiver acknowledged everything before @ack (receiver's space): forgets what can't be asked for again. To be
 * called with every acknowledgement, after it was mapped: nothing else empties the log.
 */
void alg_stream_acked(struct alg_stream *s, u32 ack);

/* As alg_stream_acked() where nothing was edited of late; false: ask that. */
static inline bool alg_stream_acked_quick(struct alg_stream *s, u32 ack)
{
	u32 una = ack - s->base;

	if (s->out || (s->log && s->log->n))
		return false;
	if (!s->acked || alg_seq_after(una, s->una)) {
		s->acked = true;
		s->una = una;
	}
	return true;
}

/*
 * True maps. Sequence number of the sender -> receiver's space; acknowledgement of the receiver -> sender's space. An
 * acknowledgement inside a new text covers nothing of the old text, and none ever covers bytes that are held back, but for
 * those that the stream vouches for: of them it covers all.
 */
u32 alg_stream_map_seq(const struct alg_stream *s, u32 seq);
u32 alg_stream_map_ack(const struct alg_stream *s, u32 ack);

/*
 * Maps a SACK block (RFC 2018) into the sender's space: the right edge as an acknowledgement, the left edge inside a
 * new text to the end of the old text. Return: false if no byte is left; the block must be taken away then.
 */
bool alg_stream_map_sack(const struct alg_stream *s, u32 *left, u32 *right);

#endif /* NF_ALG_PROTO_STREAM_H */
