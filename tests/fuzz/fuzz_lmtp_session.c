/*
 * fuzz_lmtp_session: one connection. Byte 0: how the rest is cut into reads.
 * Whatever the cut, the same replies and message bytes must come out.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/lmtp_session.h"

struct sums {
	uint64_t replies, data, recipients;
	unsigned messages;
};

static uint64_t mix(uint64_t h, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return h;
}

static void check(int ok)
{
	if (!ok)
		abort();
}

static void take_recipients(const struct lmtp_session *s, struct sums *sums)
{
	struct lmtp_recipient r;
	uint32_t n = 0;
	size_t pos = 0;

	for (; lmtp_session_recipient(s, &pos, &r); n++)
		sums->recipients = mix(mix(sums->recipients, r.address), r.orcpt);
	check(n == s->recipient_count);
}

static void take_replies(struct lmtp_session *s, struct sums *sums)
{
	check(s->out.n <= LMTP_OUT && s->recipients.n <= LMTP_RECIPIENT_BYTES);
	sums->replies = mix(sums->replies, buf_slice(&s->out));
	buf_reset(&s->out);
}

static void run(struct slice in, size_t step, struct sums *sums)
{
	struct lmtp_session *s = malloc(sizeof *s);
	struct slice part, chunk;
	enum lmtp_event e;

	check(s != NULL);
	*sums = (struct sums){ 0 };
	lmtp_session_init(s, "h", 4096, 0);
	for (; in.n && s->state != LMTP_STATE_CLOSED; in = slice_from(in, step)) {
		part = slice_head(in, step);
		while (part.n && s->state != LMTP_STATE_CLOSED) {
			e = lmtp_session_feed(s, 0, &part, &chunk);
			if (e == LMTP_EVENT_BEGIN)
				take_recipients(s, sums);
			if (e == LMTP_EVENT_CHUNK)
				sums->data = mix(sums->data, chunk);
			if (e == LMTP_EVENT_END) {
				sums->messages++;
				lmtp_session_finish(s, NULL, 0);
			}
			take_replies(s, sums);
		}
	}
	take_replies(s, sums);
	lmtp_session_done(s);
	free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sums whole, split;
	struct slice in;

	if (size < 1)
		return 0;
	in = slice_of(data + 1, size - 1);
	run(in, 1 + data[0], &split);
	run(in, in.n + 1, &whole);
	check(whole.messages == split.messages);
	/* a message that is cut off at the cap is cut at a chunk, which a read may end */
	if (in.n < 4096)
		check(whole.replies == split.replies && whole.data == split.data &&
			whole.recipients == split.recipients);
	return 0;
}
