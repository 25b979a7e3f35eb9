/*
 * answer_talk: a conversation with core/answer: what the client says goes in,
 * cut as the test wants, all that the server says and tells comes out. Time is
 * the test's and goes on by itself where the client is held.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_ANSWER_TALK_H
#define TESTS_ANSWER_TALK_H
#include "core/answer.h"

#define UNTIL 1763900000u
#define WALL 1763800000u

struct talk {
	struct answer a;
	struct answer_site site;
	struct buf scratch, said; /* all that the server said */
	struct buf told;          /* events as text */
	struct buf data;          /* of messages of which a sample is taken */
	enum answer_event last;   /* that was none */
	bool hand;                /* answer to HAND_THROUGH */
	uint64_t now;
};

static struct conf conf;
static const struct ipaddr client = { .family = 4, .b = { 192, 0, 2, 77 } };

static inline struct block_entry block_of(uint16_t code)
{
	struct block_entry b = { .until = UNTIL, .offence = 1, .code = code };

	memcpy(b.case_id, "7K3M-9QXD", sizeof b.case_id);
	return b;
}

static inline void talk_open(struct talk *t, bool is_held)
{
	struct block_entry b = block_of(450);

	conf_defaults(&conf);
	*t = (struct talk){
		.site = { .conf = &conf, .host = "mx.pfx.test", .name = "", .pace_ms = 1000, .has_hand = true },
		.now = 5000
	};
	buf_init(&t->scratch, ANSWER_TEXT);
	buf_init(&t->said, 1 << 20);
	buf_init(&t->told, 1 << 20);
	buf_init(&t->data, 1 << 22);
	answer_init(&t->a, &b, is_held, t->now, WALL);
}

static inline void talk_close(struct talk *t)
{
	answer_done(&t->a);
	buf_done(&t->scratch);
	buf_done(&t->said);
	buf_done(&t->told);
	buf_done(&t->data);
}

/* What the server has to say, in so many pieces at the most; time goes on where the client is held. */
static inline void drain(struct talk *t, unsigned pieces)
{
	while (t->a.text && pieces && !answer_is_over(&t->a, t->now)) {
		struct slice out = answer_out(&t->a, &t->site, &client, t->now, &t->scratch);

		if (out.n == 0) {
			t->now = answer_wake_ms(&t->a);
			continue;
		}
		assert_true(!t->a.is_held || t->a.is_handed || out.n == 1 || t->a.line);
		assert_int_equal(buf_add(&t->said, out), ERR_OK);
		answer_sent(&t->a, &t->site, t->now, &t->scratch, out.n);
		pieces--;
	}
}

static inline void note(struct talk *t, enum answer_event e, struct slice text)
{
	static const char mark[] = "-HFTPDMS";

	assert_int_equal(buf_printf(&t->told, "%c<%.*s>", mark[e], e >= ANSWER_EVENT_MESSAGE ? 0 : (int)text.n,
				 text.n && e < ANSWER_EVENT_MESSAGE ? text.p : ""),
		ERR_OK);
}

/* What the role would do with it. */
static inline void take_event(struct talk *t, enum answer_event e, struct slice text)
{
	if (e == ANSWER_EVENT_NONE)
		return;
	t->last = e;
	if (e != ANSWER_EVENT_DATA)
		note(t, e, text);
	if (e == ANSWER_EVENT_DATA || e == ANSWER_EVENT_MESSAGE)
		assert_int_equal(buf_add(&t->data, text), ERR_OK);
	if (e == ANSWER_EVENT_HAND_THROUGH)
		answer_hand(&t->a, t->hand ? ANSWER_HANDED_TAKEN : ANSWER_HANDED_REFUSED,
			t->hand ? SLICE_LIT("250 2.1.5 of Postfix") : SLICE_LIT(""));
	if (e == ANSWER_EVENT_HAND_DATA)
		answer_hand(&t->a, ANSWER_HANDED_SEND, SLICE_LIT("354 of Postfix"));
}

/* The client sends this, so many bytes at a time. */
static inline void feed(struct talk *t, struct slice in, size_t step)
{
	drain(t, UINT32_MAX);
	for (; in.n && t->a.state != ANSWER_STATE_CLOSED; in = slice_from(in, step)) {
		struct slice part = slice_head(in, step);
		/* a copy without a byte behind it: the sanitizer sees what reads on */
		char *copy = test_malloc(part.n);

		memcpy(copy, part.p, part.n);
		part.p = copy;
		while (part.n && t->a.state < ANSWER_STATE_TLS) {
			struct slice text = { NULL, 0 };

			take_event(t, answer_feed(&t->a, &t->site, t->now, &part, &text), text);
			drain(t, UINT32_MAX);
		}
		test_free(copy);
	}
}

/* A line or more, whole; said is what the server says to it. */
static inline void say(struct talk *t, const char *text)
{
	buf_reset(&t->said);
	feed(t, slice_str(text), 1 << 20);
}

#define SAID(t, text) assert_string_equal(buf_cstr(&(t)->said), text)
#define TOLD(t, text) assert_string_equal(buf_cstr(&(t)->told), text)

#endif /* TESTS_ANSWER_TALK_H */
