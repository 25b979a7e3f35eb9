/*
 * fuzz_answer: one blocked client. Byte 0: how the rest is cut into reads,
 * byte 1: what the site wants. Whatever the cut, the same replies and events
 * must come out, and every reply is whole lines.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/answer.h"

enum wish {
	WISH_HOLD = 1,
	WISH_TO_DATA = 2,
	WISH_TLS = 4,
	WISH_HAND = 8,
	WISH_RELEASE = 16,
	WISH_SAMPLE = 32,
	WISH_BUSY = 64
};

struct sums {
	uint64_t said, told, sampled;
	unsigned events;
};

struct run {
	struct answer a;
	struct answer_site site;
	struct buf scratch;
	uint64_t now;
	unsigned wish;
	char last; /* byte said */
	struct sums sums;
};

static const struct ipaddr client = { .family = 4, .b = { 192, 0, 2, 77 } };

static void check(int ok)
{
	if (!ok)
		abort();
}

static uint64_t mix(uint64_t h, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return h + s.n;
}

static void drain(struct run *r)
{
	struct slice out;

	while (r->a.text) {
		r->now = r->now > r->a.begun_ms + r->a.next_ms ? r->now : r->a.begun_ms + r->a.next_ms;
		out = answer_out(&r->a, &r->site, &client, r->now, &r->scratch);
		check(out.n > 0);
		r->sums.said = mix(r->sums.said, out);
		r->last = out.p[out.n - 1];
		answer_sent(&r->a, &r->site, r->now, &r->scratch, out.n);
		check(r->a.text || r->last == '\n');
	}
}

static void take(struct run *r, enum answer_event e, struct slice text)
{
	/* one hash for all pieces of a message: they come as the input is cut */
	if (e == ANSWER_EVENT_DATA || e == ANSWER_EVENT_MESSAGE)
		r->sums.sampled = mix(r->sums.sampled, text) - text.n;
	if (e == ANSWER_EVENT_DATA) {
		check(r->wish & WISH_SAMPLE && text.n);
		return;
	}
	r->sums.events++;
	if (e == ANSWER_EVENT_MESSAGE || e == ANSWER_EVENT_TLS)
		text.n = 0;
	r->sums.told = mix(r->sums.told + e, text);
	if (e == ANSWER_EVENT_HAND_THROUGH)
		answer_hand(&r->a, r->wish & WISH_HAND ? ANSWER_HANDED_TAKEN : ANSWER_HANDED_REFUSED,
			r->wish & WISH_HAND ? SLICE_LIT("250 1\r\n250 ok") : SLICE_LIT(""));
	if (e == ANSWER_EVENT_HAND_DATA)
		answer_hand(&r->a, r->wish & WISH_TLS ? ANSWER_HANDED_OVER : ANSWER_HANDED_SEND, SLICE_LIT("554 no"));
	drain(r);
	if (e == ANSWER_EVENT_TLS)
		answer_secured(&r->a, r->now);
	if (r->a.state == ANSWER_STATE_HANDED)
		r->sums.told = mix(mix(r->sums.told, answer_helo(&r->a)), answer_mail(&r->a));
}

static void run(struct slice in, size_t step, unsigned wish, struct sums *ret)
{
	static struct conf conf;
	struct block_entry b = { .until = 1763900000u, .code = 450, .case_id = "7K3M-9QXD" };
	struct run r = { .site = { &conf, "h", "n", 10, 0, wish & WISH_TO_DATA, wish & WISH_TLS, wish & WISH_BUSY,
				 true },
		.wish = wish };

	conf_defaults(&conf);
	buf_init(&r.scratch, ANSWER_TEXT);
	answer_init(&r.a, &b, wish & WISH_HOLD, 0, 0);
	answer_sample(&r.a, wish & WISH_SAMPLE);
	drain(&r);
	for (; in.n && r.a.state < ANSWER_STATE_HANDED; in = slice_from(in, step)) {
		struct slice part = slice_head(in, step);

		while (part.n && r.a.state < ANSWER_STATE_HANDED) {
			struct slice text = { NULL, 0 }; /* not each event has one */
			enum answer_event e = answer_feed(&r.a, &r.site, r.now, &part, &text);

			check(r.a.line_n < ANSWER_LINE || !r.a.line);
			if (e)
				take(&r, e, text);
			drain(&r);
		}
	}
	if (wish & WISH_RELEASE)
		answer_release(&r.a);
	drain(&r);
	answer_done(&r.a);
	buf_done(&r.scratch);
	*ret = r.sums;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sums whole, split;
	struct slice in;

	if (size < 2)
		return 0;
	in = slice_of(data + 2, size - 2);
	run(in, 1 + data[0], data[1], &split);
	run(in, in.n + 1, data[1], &whole);
	check(whole.said == split.said && whole.told == split.told && whole.sampled == split.sampled &&
		whole.events == split.events);
	return 0;
}
