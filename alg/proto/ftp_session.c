// SPDX-License-Identifier: GPL-2.0-only
#include "ftp.h"
#include "poison.h"

/* ---- TLS ---- */

bool alg_ftp_is_tls_record(const u8 *data, u32 len)
{
	return len >= 5 && data[0] >= 20 && data[0] <= 24 && data[1] == 3 &&
	       get_unaligned_be16(data + 3) <= (1 << 14) + 2048;
}

static bool is_digit(u8 c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(u8 c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Three digits and what may stand behind them. */
static bool looks_like_reply(const u8 *p, u32 len)
{
	u32 i;

	for (i = 0; i < 3 && i < len; i++)
		if (!is_digit(p[i]) || (!i && (p[i] == '0' || p[i] > '6')))
			return false;
	return len <= 3 || p[3] == ' ' || p[3] == '-' || p[3] == '\r' || p[3] == '\n';
}

/* A word of at most eight letters, digits behind the first, and what may stand behind it. */
static bool looks_like_command(const u8 *p, u32 len)
{
	u32 i;

	for (i = 0; i < 8 && i < len; i++)
		if (!is_letter(p[i]) && !(i && is_digit(p[i])))
			break;
	return i && (i == len || p[i] == ' ' || p[i] == '\r' || p[i] == '\n');
}

bool alg_ftp_looks_plain(const u8 *data, u32 len, bool reply)
{
	return len && (reply ? looks_like_reply(data, len) : looks_like_command(data, len));
}

void alg_ftp_tls_start(struct alg_ftp_tls *t, u32 next)
{
	memset(t, 0, sizeof(*t));
	t->next = next;
	t->state = ALG_FTP_TLS_RECORDS;
}

/* Bytes before @seq were missed. */
static void tls_gap(struct alg_ftp_tls *t, u32 seq)
{
	u32 gap = seq - t->next;

	t->next = seq;
	if (t->state == ALG_FTP_TLS_ENDED)
		t->line_start = false;
	else if (gap <= t->left)
		t->left -= gap;
	else
		t->state = ALG_FTP_TLS_LOST;
}

/* Walks over records. Return: offset of the first byte where plain text takes the place of a record, else @len. */
static u32 tls_records(struct alg_ftp_tls *t, bool reply, const u8 *data, u32 i, u32 len)
{
	u32 n;

	while (i < len) {
		if (t->left) {
			n = min_t(u32, t->left, len - i);
			t->left -= n;
			i += n;
			continue;
		}
		if (!t->have && alg_ftp_looks_plain(data + i, len - i, reply))
			return i;
		t->head[t->have++] = data[i++];
		if (t->have < sizeof(t->head))
			continue;
		t->have = 0;
		if (!alg_ftp_is_tls_record(t->head, sizeof(t->head))) {
			t->state = ALG_FTP_TLS_LOST;
			return len;
		}
		t->left = get_unaligned_be16(t->head + 3);
	}
	return len;
}

bool alg_ftp_tls_segment(struct alg_ftp_tls *t, bool reply, u32 seq, const u8 *data, u32 len)
{
	u32 old;

	if (t->state == ALG_FTP_TLS_OFF || t->state == ALG_FTP_TLS_LOST)
		return false;
	if (alg_seq_after(seq, t->next))
		tls_gap(t, seq);
	old = t->next - seq;
	if (old >= len || t->state == ALG_FTP_TLS_LOST)
		return false;
	t->next = seq + len;
	if (t->state == ALG_FTP_TLS_RECORDS) {
		u32 plain = tls_records(t, reply, data, old, len);

		if (plain == len)
			return false;
		t->state = ALG_FTP_TLS_ENDED;
		t->line_start = plain == 0;
	}
	if (t->line_start && !old) {
		t->state = ALG_FTP_TLS_OFF;
		return true;
	}
	t->line_start = data[len - 1] == '\n';
	return false;
}

/* ---- session ---- */

static void count_up(u8 *n)
{
	if (*n < 255)
		(*n)++;
}

static void queue_command(struct alg_ftp_session *s, u8 kind)
{
	if (s->queued == ALG_FTP_QUEUE) {
		count_up(&s->behind);
		return;
	}
	s->queue[s->queued].kind = kind;
	s->queue[s->queued].ahead = s->behind;
	s->queued++;
	s->behind = 0;
}

/* The oldest @n commands of the queue are answered, and what was sent before them. */
static void forget(struct alg_ftp_session *s, u32 n)
{
	s->queued = (u8)(s->queued - n);
	memmove(s->queue, s->queue + n, s->queued * sizeof(s->queue[0]));
}

/*
 * A reply that only a command of @kind gets: the oldest such command is answered. Commands before it without a reply
 * won't get one any more, the server didn't count them as commands.
 */
static bool claim(struct alg_ftp_session *s, u8 kind)
{
	u32 i;

	for (i = 0; i < s->queued; i++) {
		if (s->queue[i].kind == kind) {
			forget(s, i + 1);
			return true;
		}
	}
	return false;
}

/*
 * May @code answer a command of @kind? What can't is left over from an earlier one: ABOR may bring two replies to the
 * transfer that it ends (426, 226), and they must not eat the command that follows.
 */
static bool may_answer(u8 kind, u16 code)
{
	if (code >= 400)
		return code < 600 && code != 426;
	switch (kind) {
	case ALG_FTP_AUTH:
		return code >= 300 || (code >= 230 && code <= 239);
	case ALG_FTP_EPSV_ALL:
		return code < 300 && code != 225 && code != 226 && !(code >= 227 && code <= 229) && code != 250;
	default:
		return false;
	}
}

/* A final reply that names no command: it answers the oldest one. */
static void answer_oldest(struct alg_ftp_session *s, u16 code)
{
	if (!s->queued) {
		if (s->behind)
			s->behind--;
	} else if (s->queue[0].ahead) {
		s->queue[0].ahead--;
	} else if (may_answer(s->queue[0].kind, code)) {
		if (s->queue[0].kind == ALG_FTP_EPSV_ALL && code < 300)
			s->epsv_all = true;
		forget(s, 1);
	}
}

static enum alg_ftp_action step_command(struct alg_ftp_session *s, const struct alg_ftp_msg *msg)
{
	switch (msg->kind) {
	case ALG_FTP_PORT:
	case ALG_FTP_EPRT:
	case ALG_FTP_LPRT:
		count_up(&s->behind);
		return s->epsv_all ? ALG_FTP_NOT_ALLOWED : ALG_FTP_OPEN;
	case ALG_FTP_PASV:
	case ALG_FTP_LPSV:
		if (s->epsv_all) {
			count_up(&s->behind);
			return ALG_FTP_NOT_ALLOWED;
		}
		queue_command(s, msg->kind);
		return ALG_FTP_PASS;
	case ALG_FTP_EPSV:
	case ALG_FTP_EPSV_ALL:
		queue_command(s, msg->kind);
		return ALG_FTP_PASS;
	case ALG_FTP_AUTH:
		queue_command(s, msg->kind);
		return ALG_FTP_AUTH_SEEN;
	default:
		count_up(&s->behind);
		return ALG_FTP_PASS;
	}
}

static enum alg_ftp_action step_passive(struct alg_ftp_session *s, u8 asked, const struct alg_ftp_msg *msg)
{
	bool found = claim(s, asked);

	if (!found)
		answer_oldest(s, msg->code);
	if (msg->kind == ALG_FTP_REPLY)	/* malformed: the command is answered, but there is no endpoint */
		return ALG_FTP_PASS;
	return found ? ALG_FTP_OPEN : ALG_FTP_UNSOLICITED;
}

/* A reply that opens nothing and changes nothing but what is still to be answered. */
static void step_plain_reply(struct alg_ftp_session *s, u16 code)
{
	if (code < 200)		/* text, or preliminary */
		return;
	if (code == 220 && !s->greeted)
		s->greeted = true;
	else
		answer_oldest(s, code);
}

static enum alg_ftp_action step_reply(struct alg_ftp_session *s, const struct alg_ftp_msg *msg)
{
	switch (msg->code) {
	case 227:
		return step_passive(s, ALG_FTP_PASV, msg);
	case 228:
		return step_passive(s, ALG_FTP_LPSV, msg);
	case 229:
		return step_passive(s, ALG_FTP_EPSV, msg);
	case 234:
		if (!claim(s, ALG_FTP_AUTH))
			break;
		s->encrypted = true;
		s->queued = 0;
		s->behind = 0;
		s->tls[0].state = ALG_FTP_TLS_LOST;
		s->tls[1].state = ALG_FTP_TLS_LOST;
		return ALG_FTP_ENCRYPTED;
	}
	step_plain_reply(s, msg->code);
	return ALG_FTP_PASS;
}

enum alg_ftp_action alg_ftp_session_step(struct alg_ftp_session *s, bool reply, const struct alg_ftp_msg *msg)
{
	if (s->encrypted && s->tls[reply].state != ALG_FTP_TLS_OFF)
		return ALG_FTP_PASS;
	return reply ? step_reply(s, msg) : step_command(s, msg);
}

bool alg_ftp_quick(struct alg_ftp_session *s, bool reply, const u8 *data, u32 len)
{
	u16 code;

	if (s->encrypted || (reply && s->multi) || !alg_ftp_plain(data, len, reply, &code))
		return false;
	if (!reply)
		count_up(&s->behind);
	else if (code == 234 && s->queued)
		return false;
	else
		step_plain_reply(s, code);
	return true;
}

void alg_ftp_session_encrypt(struct alg_ftp_session *s, u32 client_next, u32 server_next)
{
	alg_ftp_tls_start(&s->tls[0], client_next);
	alg_ftp_tls_start(&s->tls[1], server_next);
}

bool alg_ftp_session_tls(struct alg_ftp_session *s, bool reply, u32 seq, const u8 *data, u32 len)
{
	if (!s->encrypted || !alg_ftp_tls_segment(&s->tls[reply], reply, seq, data, len))
		return false;
	if (reply)
		s->multi = 0;
	s->encrypted = s->tls[!reply].state != ALG_FTP_TLS_OFF;
	return true;
}
