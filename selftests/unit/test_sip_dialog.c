/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the messages of a dialog mean for its offers and its end, from tables of dialogues. */
#include "unit.h"
#include "alg/proto/sip_dialog.h"

#define ALIVE	ALG_SIP_ALIVE
#define OFFER	(ALG_SIP_ALIVE | ALG_SIP_OFFER)
#define ANSWER	(ALG_SIP_ALIVE | ALG_SIP_ANSWER)
#define COMMIT	ALG_SIP_COMMIT
#define RESTORE	(ALG_SIP_ALIVE | ALG_SIP_RESTORE)
#define END	(ALG_SIP_ALIVE | ALG_SIP_END)
#define ACCEPT	ALG_SIP_ANSWERED

/*
 * "A INVITE 1 sdp" or "B 200 INVITE 1 sdp": who sends, status of a response, method, number, with a description or
 * without. And what the dialog says to it.
 */
struct step {
	const char *line;
	u32 flags;
	u8 state;
};

static u8 method_of(const char *word)
{
	static const struct { const char *name; u8 method; } names[] = {
		{ "INVITE", ALG_SIP_INVITE }, { "ACK", ALG_SIP_ACK }, { "BYE", ALG_SIP_BYE },
		{ "CANCEL", ALG_SIP_CANCEL }, { "UPDATE", ALG_SIP_UPDATE }, { "PRACK", ALG_SIP_PRACK },
		{ "INFO", ALG_SIP_INFO }, { "OPTIONS", ALG_SIP_OPTIONS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].name, word))
			return names[i].method;
	fail();
	return 0;
}

static struct alg_sip_event event_of(const char *line)
{
	struct alg_sip_event e = { 0 };
	char side, word[16], sdp[8] = "";
	unsigned int status = 0, cseq;

	if (sscanf(line, "%c %u %15s %u %7s", &side, &status, word, &cseq, sdp) < 4) {
		status = 0;
		assert_true(sscanf(line, "%c %15s %u %7s", &side, word, &cseq, sdp) >= 3);
	}
	e.side = side == 'B';
	e.status = (u16)status;
	e.method = method_of(word);
	e.cseq = cseq;
	e.sdp = !strcmp(sdp, "sdp");
	return e;
}

static void play(const struct step *steps)
{
	struct alg_sip_dialog d = { 0 };

	for (int i = 0; steps[i].line; i++) {
		struct alg_sip_event e = event_of(steps[i].line);
		char what[100];
		u32 flags = alg_sip_dialog_step(&d, &e);

		snprintf(what, sizeof(what), "%d: %s: %#x", i + 1, steps[i].line, flags);
		ROW_CHECK(flags == steps[i].flags, what, "flags");
		ROW_CHECK(d.state == steps[i].state, what, "state");
	}
}

#define DIALOGUE(name, ...)							\
static void name(void **state)							\
{										\
	static const struct step steps[] = { __VA_ARGS__, { NULL, 0, 0 } };	\
										\
	play(steps);								\
}

#define E ALG_SIP_DIALOG_EARLY
#define C ALG_SIP_DIALOG_CONFIRMED
#define X ALG_SIP_DIALOG_CANCELLED
#define Z ALG_SIP_DIALOG_ENDED

DIALOGUE(test_plain,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 100 INVITE 1", ALIVE, E },
	{ "B 180 INVITE 1", ALIVE, E },
	{ "B 200 INVITE 1 sdp", ANSWER | COMMIT | ACCEPT, C },
	{ "B 200 INVITE 1 sdp", ANSWER | COMMIT, C },
	{ "A ACK 1", ALIVE, C },
	{ "A ACK 1", ALIVE, C },
	{ "B BYE 7", END, Z },
	{ "B BYE 7", 0, Z },
	{ "A 200 BYE 7", 0, Z })

DIALOGUE(test_early_media,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 183 INVITE 1 sdp", ANSWER, E },
	{ "A PRACK 2", ALIVE, E },
	{ "B 200 PRACK 2", ALIVE, E },
	{ "B 200 INVITE 1 sdp", ANSWER | COMMIT | ACCEPT, C },
	{ "A ACK 1", ALIVE, C })

/* RFC 6337, 2.2: the answer was in a reliable response, the 2xx has none */
DIALOGUE(test_early_answer,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 183 INVITE 1 sdp", ANSWER, E },
	{ "B 200 INVITE 1", ALIVE | COMMIT | ACCEPT, C })

DIALOGUE(test_late_offer,
	{ "A INVITE 1", ALIVE, E },
	{ "B 200 INVITE 1 sdp", OFFER | ACCEPT, C },
	{ "A ACK 1 sdp", ANSWER | COMMIT, C },
	{ "A ACK 1 sdp", ANSWER | COMMIT, C })

/* RFC 3262, 5 */
DIALOGUE(test_late_offer_prack,
	{ "A INVITE 1", ALIVE, E },
	{ "B 183 INVITE 1 sdp", OFFER, E },
	{ "A PRACK 2 sdp", ANSWER, E },
	{ "B 200 PRACK 2", ALIVE, E },
	{ "B 200 INVITE 1", ALIVE | ACCEPT, C },
	{ "A ACK 1", ALIVE, C })

DIALOGUE(test_prack_offers,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 183 INVITE 1 sdp", ANSWER, E },
	{ "A PRACK 2 sdp", OFFER, E },
	{ "B 200 PRACK 2 sdp", ANSWER | COMMIT, E })

DIALOGUE(test_update_early,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 183 INVITE 1 sdp", ANSWER, E },
	{ "B UPDATE 1 sdp", OFFER, E },
	{ "A 200 UPDATE 1 sdp", ANSWER | COMMIT, E },
	{ "A UPDATE 3 sdp", OFFER, E },
	{ "B 488 UPDATE 3", RESTORE, E },
	{ "B 488 UPDATE 3", 0, E },
	{ "B 200 INVITE 1", ALIVE | COMMIT | ACCEPT, C })

DIALOGUE(test_reinvite,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 200 INVITE 1 sdp", ANSWER | COMMIT | ACCEPT, C },
	{ "A ACK 1", ALIVE, C },
	{ "B INVITE 5 sdp", OFFER, C },
	{ "A 100 INVITE 5", ALIVE, C },
	{ "A 200 INVITE 5 sdp", ANSWER | COMMIT, C },
	{ "B ACK 5", ALIVE, C },
	{ "A INVITE 2 sdp", OFFER, C },
	{ "B 488 INVITE 2", RESTORE, C },
	{ "B 488 INVITE 2", 0, C },
	{ "A ACK 2", ALIVE, C },
	{ "A INVITE 3 sdp", OFFER, C },
	{ "B INVITE 6 sdp", OFFER, C },	/* glare */
	{ "A 491 INVITE 6", RESTORE | ALG_SIP_ONE, C },
	{ "B 200 INVITE 3 sdp", ANSWER | COMMIT, C },
	{ "A INVITE 4 sdp", OFFER, C },
	{ "B INVITE 7 sdp", OFFER, C },
	{ "B 491 INVITE 4", RESTORE | ALG_SIP_ONE, C },
	{ "A 491 INVITE 7", RESTORE, C },
	{ "A INVITE 5 sdp", OFFER, C },
	{ "B 481 INVITE 5", END, Z })

/* The outcome of the re-INVITE decides, not that of an UPDATE within. */
DIALOGUE(test_nested,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 200 INVITE 1 sdp", ANSWER | COMMIT | ACCEPT, C },
	{ "A INVITE 2 sdp", OFFER, C },
	{ "B 183 INVITE 2 sdp", ANSWER, C },
	{ "A UPDATE 3 sdp", OFFER, C },
	{ "B 200 UPDATE 3 sdp", ANSWER, C },
	{ "B 500 INVITE 2", RESTORE, C })

DIALOGUE(test_cancel,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 180 INVITE 1", ALIVE, E },
	{ "B CANCEL 1", 0, E },
	{ "A CANCEL 2", 0, E },
	{ "A CANCEL 1", ALIVE | ALG_SIP_GIVEN_UP, X },
	{ "B 200 CANCEL 1", ALIVE, X },
	{ "B 487 INVITE 1", END, Z },
	{ "B 487 INVITE 1", 0, Z },
	{ "A ACK 1", 0, Z })

DIALOGUE(test_cancel_crosses,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "A CANCEL 1", ALIVE | ALG_SIP_GIVEN_UP, X },
	{ "B 200 INVITE 1 sdp", ANSWER | COMMIT | ACCEPT, C },
	{ "A BYE 2", END, Z })

DIALOGUE(test_cancel_reinvite,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 200 INVITE 1 sdp", ANSWER | COMMIT | ACCEPT, C },
	{ "A INVITE 2 sdp", OFFER, C },
	{ "A CANCEL 2", ALIVE, C },
	{ "B 487 INVITE 2", RESTORE, C })

DIALOGUE(test_refused,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 302 INVITE 1", END, Z },
	{ "A INVITE 2 sdp", OFFER, E },
	{ "B 407 INVITE 2", END | ALG_SIP_AGAIN, Z },
	{ "A ACK 2", 0, Z },
	{ "A INVITE 2 sdp", 0, Z },
	{ "A INVITE 3 sdp", OFFER, E },
	{ "B 200 INVITE 3 sdp", ANSWER | COMMIT | ACCEPT, C },
	{ "B 486 INVITE 3", 0, C })

/* What is late, twice, from the wrong side, or about another request. */
DIALOGUE(test_stale,
	{ "A INVITE 5 sdp", OFFER, E },
	{ "A 200 INVITE 5 sdp", 0, E },
	{ "B 200 INVITE 4 sdp", 0, E },
	{ "B 200 UPDATE 5 sdp", 0, E },
	{ "A ACK 5 sdp", 0, E },
	{ "A INVITE 4 sdp", 0, E },
	{ "A BYE 3", 0, E },
	{ "B 200 INVITE 5 sdp", ANSWER | COMMIT | ACCEPT, C },
	{ "A ACK 5 sdp", ALIVE, C },	/* answers nothing */
	{ "B 183 INVITE 5 sdp", 0, C },
	{ "A OPTIONS 6", ALIVE, C },
	{ "A UPDATE 5 sdp", 0, C },
	{ "B UPDATE 1 sdp", OFFER, C },
	{ "A 200 UPDATE 1 sdp", ANSWER | COMMIT, C })

/* RFC 5057 */
DIALOGUE(test_gone,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 200 INVITE 1 sdp", ANSWER | COMMIT | ACCEPT, C },
	{ "A INFO 2", ALIVE, C },
	{ "B 481 OPTIONS 2", ALIVE, C },
	{ "B 481 INFO 9", ALIVE, C },
	{ "B 481 INFO 2", END, Z })

DIALOGUE(test_update_gone,
	{ "A INVITE 1 sdp", OFFER, E },
	{ "B 200 INVITE 1 sdp", ANSWER | COMMIT | ACCEPT, C },
	{ "A UPDATE 2", ALIVE, C },
	{ "B 408 UPDATE 2", END, Z })

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain), cmocka_unit_test(test_early_media), cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_late_offer), cmocka_unit_test(test_late_offer_prack),
		cmocka_unit_test(test_prack_offers),
		cmocka_unit_test(test_update_early), cmocka_unit_test(test_reinvite), cmocka_unit_test(test_nested),
		cmocka_unit_test(test_cancel), cmocka_unit_test(test_cancel_crosses),
		cmocka_unit_test(test_cancel_reinvite),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_stale), cmocka_unit_test(test_gone),
		cmocka_unit_test(test_update_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
