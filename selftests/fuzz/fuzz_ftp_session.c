/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both directions of an FTP session: lines go through parser and session, and while it is encrypted through the record
 * tracker. Properties: every endpoint of the server was asked for; an unencrypted session stays readable; the queue keeps
 * its bounds; the short way for lines of no interest leaves the session as the long one does.
 * Input: chunks of length (1 byte, the top bit is the direction) and bytes.
 */
#include "fuzz.h"
#include "alg/proto/ftp.h"

struct side {
	u32 seq;
	bool skipping;
};

struct run {
	struct alg_ftp_session session;
	struct side side[2];
	u32 asked, opened;
};

static void step(struct run *r, bool reply, const struct alg_ftp_msg *msg)
{
	struct alg_ftp_session *s = &r->session;
	bool was_encrypted = s->encrypted;
	enum alg_ftp_action action = alg_ftp_session_step(s, reply, msg);

	PROPERTY(s->queued <= ALG_FTP_QUEUE);
	switch (action) {
	case ALG_FTP_OPEN:
		PROPERTY(msg->ep.port && (msg->ep.family == 4 || msg->ep.family == 6 || msg->kind == ALG_FTP_229));
		if (reply)
			PROPERTY(++r->opened <= r->asked);
		else
			PROPERTY(!s->epsv_all);
		break;
	case ALG_FTP_UNSOLICITED:
		PROPERTY(reply && msg->kind >= ALG_FTP_227 && msg->kind <= ALG_FTP_229);
		break;
	case ALG_FTP_AUTH_SEEN:
		PROPERTY(!reply && msg->kind == ALG_FTP_AUTH && msg->field_len == 4);
		break;
	case ALG_FTP_ENCRYPTED:
		PROPERTY(reply && msg->code == 234 && s->encrypted);
		alg_ftp_session_encrypt(s, r->side[0].seq, r->side[1].seq);
		break;
	case ALG_FTP_NOT_ALLOWED:
		PROPERTY(!reply && s->epsv_all);
		break;
	case ALG_FTP_PASS:
		PROPERTY(was_encrypted == s->encrypted);
		break;
	}
	if (!reply && (msg->kind == ALG_FTP_PASV || msg->kind == ALG_FTP_LPSV || msg->kind == ALG_FTP_EPSV))
		r->asked++;
}

/* The short way on a copy of the session, the long way on another one. */
static void quick(const struct run *r, bool reply, const u8 *data, u32 len)
{
	struct alg_ftp_session s, t;
	struct alg_ftp_msg msg;
	u32 used;

	memcpy(&s, &r->session, sizeof(s));
	memcpy(&t, &r->session, sizeof(t));
	if (alg_ftp_quick(&s, reply, data, len)) {
		PROPERTY(alg_ftp_parse(data, len, reply, &t.multi, &msg, &used) == ALG_PARSE_COMPLETE && used == len);
		PROPERTY(alg_ftp_session_step(&t, reply, &msg) == ALG_FTP_PASS);
	}
	PROPERTY(!memcmp(&s, &t, sizeof(s)));
}

static void lines(struct run *r, bool reply, const u8 *data, u32 len)
{
	struct side *side = &r->side[reply];
	u32 used;

	while (len) {
		struct alg_ftp_msg msg;
		enum alg_parse answer;
		const u8 *lf = memchr(data, '\n', len);

		quick(r, reply, data, len);
		if (lf)
			quick(r, reply, data, (u32)(lf - data) + 1);

		if (side->skipping) {
			answer = alg_ftp_skip(data, len, &used);
			side->skipping = answer == ALG_PARSE_SKIP;
		} else {
			answer = alg_ftp_parse(data, len, reply, &r->session.multi, &msg, &used);
			if (answer == ALG_PARSE_PARTIAL)
				return;	/* lost here: segments are not put together */
			side->skipping = answer == ALG_PARSE_SKIP;
			step(r, reply, &msg);
		}
		data += used;
		len -= used;
	}
}

static void segment(struct run *r, bool reply, u32 seq, const u8 *data, u32 len)
{
	struct alg_ftp_session *s = &r->session;

	if (s->encrypted && s->tls[reply].state != ALG_FTP_TLS_OFF) {
		bool back = alg_ftp_session_tls(s, reply, seq, data, len);

		PROPERTY(back == (s->tls[reply].state == ALG_FTP_TLS_OFF));
		PROPERTY(s->tls[reply].have < 5 && s->tls[reply].left <= (1 << 14) + 2048);
		PROPERTY(s->encrypted == (s->tls[0].state || s->tls[1].state));
		if (!back)
			return;
		r->side[reply].skipping = false;
	}
	PROPERTY(!alg_ftp_session_tls(s, reply, seq, data, len));
	lines(r, reply, data, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = { .side = { { .seq = 0xfffffff0 } } };

	while (size > 1) {
		bool reply = data[0] & 0x80;
		u32 len = (data[0] & 0x7f) + 1U;
		u8 *copy;

		data++;
		size--;
		if (len > size)
			len = (u32)size;
		copy = exact_copy(data, len);
		/* now and then an old or a missing segment */
		if (data[0] == 0xfe && len > 2) {
			segment(&r, reply, r.side[reply].seq + data[1] - 128, copy + 2, len - 2);
		} else {
			u32 seq = r.side[reply].seq;

			r.side[reply].seq += len;
			segment(&r, reply, seq, copy, len);
		}
		free(copy);
		data += len;
		size -= len;
	}
	return 0;
}
