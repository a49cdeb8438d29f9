/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One direction of an FTP control connection. Properties: any segmentation gives the same messages as the whole; what is
 * said about a prefix is never taken back; a formatted endpoint in its place reads as itself.
 * Input: direction and kind of padding (1 byte), segment sizes (1), endpoint's family and port (3), address (16), stream.
 */
#include "fuzz.h"
#include "alg/proto/ftp.h"

#define HEAD		21
#define MAX_MESSAGES	2048	/* more than there are bytes */

struct found {
	struct alg_ftp_msg msg;
	u32 start;	/* offset of the line in the stream */
	bool malformed;
	u16 multi;
};

struct walk {
	struct found found[MAX_MESSAGES];
	u32 n;
	u32 pending;	/* where the line begins whose end is missing */
	u32 safe;	/* so many of its bytes stand before every field, as the parser said last */
	bool skipping;
	u16 multi;
};

static void clear(struct walk *w)
{
	w->n = 0;
	w->pending = 0;
	w->safe = 0;
	w->skipping = false;
	w->multi = 0;
}

static enum alg_parse parse(const u8 *line, u32 len, bool reply, u16 *multi, struct alg_ftp_msg *msg, u32 *used)
{
	u8 *copy = exact_copy(line, len);
	u16 before = *multi;
	enum alg_parse answer = alg_ftp_parse(copy, len, reply, multi, msg, used);

	switch (answer) {
	case ALG_PARSE_COMPLETE:
	case ALG_PARSE_MALFORMED:
		PROPERTY(*used && *used <= len && copy[*used - 1] == '\n' && !memchr(copy, '\n', *used - 1));
		PROPERTY(msg->field_off + msg->field_len < *used);
		break;
	case ALG_PARSE_SKIP:
		PROPERTY(*used == len && !memchr(copy, '\n', len));
		break;
	case ALG_PARSE_PARTIAL:
		PROPERTY(*used <= len && len <= ALG_FTP_LINE_MAX && *multi == before && !memchr(copy, '\n', len));
		break;
	}
	free(copy);
	return answer;
}

/* Bytes up to @end have arrived. */
static void advance(struct walk *w, const u8 *stream, u32 end, bool reply)
{
	while (w->pending < end) {
		struct found *f = &w->found[w->n];
		u32 used = 0;
		enum alg_parse answer;

		if (w->skipping) {
			answer = alg_ftp_skip(stream + w->pending, end - w->pending, &used);
			PROPERTY(used && used <= end - w->pending);
			w->pending += used;
			w->skipping = answer == ALG_PARSE_SKIP;
			continue;
		}
		answer = parse(stream + w->pending, end - w->pending, reply, &w->multi, &f->msg, &used);
		if (answer == ALG_PARSE_PARTIAL) {
			PROPERTY(used >= w->safe);
			w->safe = used;
			return;
		}
		PROPERTY(!f->msg.field_len || f->msg.field_off >= w->safe);
		w->safe = 0;
		f->start = w->pending;
		f->malformed = answer == ALG_PARSE_MALFORMED;
		f->multi = w->multi;
		w->skipping = answer == ALG_PARSE_SKIP;
		w->pending += used;
		PROPERTY(++w->n < MAX_MESSAGES);
	}
}

static void same_message(const struct found *a, const struct found *b)
{
	PROPERTY(a->start == b->start && a->malformed == b->malformed && a->multi == b->multi);
	PROPERTY(a->msg.kind == b->msg.kind && a->msg.code == b->msg.code);
	PROPERTY(a->msg.field_off == b->msg.field_off && a->msg.field_len == b->msg.field_len);
	PROPERTY(!memcmp(&a->msg.ep, &b->msg.ep, sizeof(a->msg.ep)));
}

static void same_walk(const struct walk *a, const struct walk *b)
{
	PROPERTY(a->n == b->n && a->skipping == b->skipping && a->multi == b->multi && a->pending == b->pending);
	for (u32 i = 0; i < a->n; i++)
		same_message(&a->found[i], &b->found[i]);
}

/* With @ep in place of its own the message is the same but for the endpoint. */
static void reads_back(const u8 *stream, u32 len, const struct found *f, bool reply, const struct alg_endpoint *ep)
{
	const u8 *line = stream + f->start, *lf = memchr(line, '\n', len - f->start);
	struct alg_endpoint expected = *ep;
	u32 line_len = lf ? (u32)(lf + 1 - line) : 0, tail, used;
	struct alg_ftp_msg msg;
	char text[ALG_FTP_TEXT];
	u8 *out;
	u16 multi = reply ? f->msg.code : 0;	/* as well in the last line of several */
	int n = alg_ftp_format(&f->msg, ep, text, sizeof(text));

	PROPERTY(n >= 0 && n < (int)sizeof(text));
	if (!n || !lf)
		return;
	PROPERTY(text[n] == '\0' && (int)strlen(text) == n);
	PROPERTY(alg_ftp_format(&f->msg, ep, text, (u32)n) == 0);
	tail = line_len - f->msg.field_off - f->msg.field_len;
	line_len += (u32)n - f->msg.field_len;
	if (line_len > ALG_FTP_LINE_MAX)
		return;
	out = malloc(line_len);
	PROPERTY(out);
	memcpy(out, line, f->msg.field_off);
	memcpy(out + f->msg.field_off, text, (size_t)n);
	memcpy(out + f->msg.field_off + n, line + f->msg.field_off + f->msg.field_len, tail);
	PROPERTY(alg_ftp_parse(out, line_len, reply, &multi, &msg, &used) == ALG_PARSE_COMPLETE);
	PROPERTY(used == line_len && msg.kind == f->msg.kind && msg.code == f->msg.code);
	PROPERTY(msg.field_off == f->msg.field_off && msg.field_len == n);
	if (msg.kind == ALG_FTP_229) {
		expected.family = 0;
		memset(expected.addr, 0, sizeof(expected.addr));
	}
	PROPERTY(!memcmp(&msg.ep, &expected, sizeof(expected)));
	free(out);
}

/* Bytes that may stand before a line, so many that the longest line is reached. */
static u32 put_padding(u8 *p, u8 how)
{
	u32 n = how & 2 ? ALG_FTP_LINE_MAX - (how >> 2) : 0;

	for (u32 i = 0; i + 1 < n; i += 2)
		memcpy(p + i, how & 4 ? "\xff\xf1" : "  ", 2);
	return n & ~1U;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct walk whole, cut;
	static u8 stream[2048];
	struct alg_endpoint ep;
	bool reply;
	u32 len, pad, step;

	if (size < HEAD || size > 1024)
		return 0;
	reply = data[0] & 1;
	step = data[1] % 64 + 1;
	memset(&ep, 0, sizeof(ep));
	ep.family = data[2] & 1 ? 6 : 4;
	ep.port = (u16)(data[3] << 8 | data[4]);
	memcpy(ep.addr, data + 5, ep.family == 4 ? 4 : 16);
	pad = put_padding(stream, data[0]);
	memcpy(stream + pad, data + HEAD, size - HEAD);
	len = pad + (u32)size - HEAD;

	clear(&whole);
	advance(&whole, stream, len, reply);
	for (u32 i = 0; i < whole.n; i++)
		reads_back(stream, len, &whole.found[i], reply, &ep);

	clear(&cut);
	/* the padding comes at once, but for its last bytes */
	for (u32 end = pad > 8 ? pad - 8 : step; end < len + step; end += step)
		advance(&cut, stream, end < len ? end : len, reply);
	same_walk(&whole, &cut);
	return 0;
}
