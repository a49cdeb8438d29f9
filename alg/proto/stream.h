/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One direction of a TCP control connection: finds messages in segments, keeps what is needed to resume, and remembers
 * the edits that were made so that retransmissions and acknowledgements stay true. Freestanding: see env.h.
 *
 * Two sequence spaces: the sender's (what it put on the wire) and the receiver's (after our edits). The edit log is the
 * map between them, one monotone function: a byte before every edit keeps its place, a byte behind an edit moves by the
 * edit's length change, a cut inside an edited field at its k-th byte is at the k-th byte of the new text (at most its end).
 *
 * A stream works in one of two ways, chosen per segment by @may_hold:
 * - holding (NAT may have to rewrite): bytes of an incomplete message of interest are copied and not forwarded; the segment that
 *   completes it is replaced by the whole rewritten message. Segments out of order are dropped, the sender repeats them.
 * - not holding (no NAT, observe): every byte passes at once; incomplete messages are copied for the parser only.
 *
 * The caller serialises calls for one stream.
 */
#ifndef NF_ALG_PROTO_STREAM_H
#define NF_ALG_PROTO_STREAM_H

#include "parse.h"
#include "edit.h"

#define ALG_STREAM_LOG_MAX	32	/* edits unacknowledged by the receiver; more are not accepted (backpressure: drop) */
#define ALG_STREAM_TEXT_MAX	4096	/* bytes of new text in the log */

struct alg_stream;

/**
 * struct alg_stream_ops - what a protocol gives the stream
 * @message:	called with the bytes from a message's first byte on; adds edits (offsets relative to @data) to @plan and says what to do.
 *		When @skipping, @data is inside a message for which SKIP was answered. Never called twice for the same byte,
 *		but for PARTIAL, after which it is called again from the same first byte.
 *		@editable_from: edits that begin before this offset can't be made, those bytes are gone already; a planner refuses then.
 *		Setting *@stop makes the stream pass everything from the end of this message on unparsed (alg_stream_resume() ends that).
 * @charge:	accounts @bytes (may be negative) of kept data; false refuses. May be NULL.
 * @max_hold:	longest incomplete message that is kept
 */
struct alg_stream_ops {
	enum alg_parse (*message)(void *ctx, const u8 *data, u32 len, bool skipping, u32 editable_from,
				  struct alg_plan *plan, u32 *used, bool *stop);
	bool (*charge)(void *ctx, s32 bytes);
	u32 max_hold;
};

enum alg_stream_event {		/* what to count; bits of struct alg_stream_out.events */
	ALG_STREAM_EV_HELD	= 1 << 0,	/* a partial message was held back */
	ALG_STREAM_EV_STALLED	= 1 << 1,	/* a repeated partial message was let through */
	ALG_STREAM_EV_GAP	= 1 << 2,	/* segment ahead of the expected one */
	ALG_STREAM_EV_RETRANS	= 1 << 3,	/* old data repeated */
	ALG_STREAM_EV_TOO_LONG	= 1 << 4,	/* incomplete message exceeds max_hold, or memory was refused: passed unparsed */
	ALG_STREAM_EV_MALFORMED	= 1 << 5,
	ALG_STREAM_EV_PICKUP	= 1 << 6,	/* first data of a stream whose SYN was not seen */
	ALG_STREAM_EV_LOG_FULL	= 1 << 7,	/* dropped until the receiver acknowledges earlier edits */
};

enum alg_stream_verdict {
	ALG_STREAM_PASS,	/* forward the payload unchanged */
	ALG_STREAM_EDIT,	/* apply out->plan to the payload */
	ALG_STREAM_REPLACE,	/* the payload becomes out->data[0..out->len), which starts at the sender's sequence number out->seq */
	ALG_STREAM_DROP,
};

/**
 * struct alg_stream_out - what to do with the segment
 * @plan:	the caller's; offsets relative to the segment's payload (EDIT)
 * @data:	REPLACE: points into memory of the stream, valid until the next call
 * @seq:	sender's sequence number of the first byte to be emitted (EDIT, PASS: the segment's own)
 * @messages:	complete messages seen
 */
struct alg_stream_out {
	enum alg_stream_verdict verdict;
	struct alg_plan *plan;
	const u8 *data;
	u32 len;
	u32 seq;
	u32 events;
	u32 messages;
};

struct alg_stream_entry {	/* one edit in the log */
	u32 seq;		/* sender's space */
	u16 old_len, new_len;
	u16 pos;		/* into text */
};

struct alg_stream_log {		/* allocated with the first edit */
	u16 n, used;
	struct alg_stream_entry e[ALG_STREAM_LOG_MAX];
	u8 text[ALG_STREAM_TEXT_MAX];
};

/* Fields are the stream's own. Zeroed memory is a stream that has seen nothing. */
struct alg_stream {
	u32 next;		/* sender's space: first byte not yet accepted */
	u32 base;		/* length changes of all edits that left the log */
	u32 kept;		/* bytes of the incomplete message that ends at next */
	u32 gone;		/* of these, how many the receiver may have already */
	u32 cap;
	u8 *buf;
	u8 *out;		/* render buffer for REPLACE */
	u32 out_cap;
	struct alg_stream_log *log;
	bool synced;		/* next is known */
	bool skipping;
	bool stopped;
	bool pickup;
};

/* The stream's first byte will be @next (SYN's sequence number + 1). */
void alg_stream_init(struct alg_stream *s, u32 next);
/* Frees what the stream allocated. */
void alg_stream_clean(struct alg_stream *s, const struct alg_stream_ops *ops, void *ctx);
/* Ends stop: the next byte starts a message. */
void alg_stream_resume(struct alg_stream *s);

/**
 * alg_stream_segment() - one segment with data (len > 0)
 * A stream without alg_stream_init() picks up: the first segment is taken to start a message only if its last byte is '\n' or
 * @trust_pickup; else parsing starts behind it.
 */
void alg_stream_segment(struct alg_stream *s, const struct alg_stream_ops *ops, void *ctx, u32 seq, const u8 *data, u32 len,
			bool may_hold, struct alg_stream_out *out);

/* The receiver acknowledged everything before @ack (receiver's space): forgets what can't be asked for again. */
void alg_stream_acked(struct alg_stream *s, u32 ack);

/* True maps. Sequence number of the sender -> receiver's space; acknowledgement (or SACK edge) of the receiver -> sender's space. */
u32 alg_stream_map_seq(const struct alg_stream *s, u32 seq);
u32 alg_stream_map_ack(const struct alg_stream *s, u32 ack);

#endif /* NF_ALG_PROTO_STREAM_H */
