/*
 * fuzz_hand: byte 0: how the rest is cut, byte 1: whether it is Postfix or the
 * client who says it. A message must end for the most careless reader exactly
 * where it ends here, and however it is cut.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/hand.h"

static void check(int ok)
{
	if (!ok)
		abort();
}

static void begin(struct hand *h)
{
	struct hand_client c = { .client = { 4, { 1 } },
		.server = { 4, { 2 } },
		.port = 1,
		.helo = SLICE_LIT("x"),
		.mail = SLICE_LIT("FROM:<>") };

	check(hand_begin(h, &c) == ERR_OK);
	check(hand_recipient(h, SLICE_LIT("postmaster"), SLICE_LIT("a")) == ERR_OK);
}

static uint64_t mix(uint64_t v, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		v = (v ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return v;
}

/* Lines end at LF, with as many CR before it as there are. */
static size_t careless_end(struct slice s)
{
	for (size_t at = 0; at < s.n;) {
		size_t end = at + slice_find(slice_from(s, at), '\n'), n = end;

		while (n > at && s.p[n - 1] == '\r')
			n--;
		if (end < s.n && n == at + 1 && s.p[at] == '.')
			return end + 1;
		at = end + 1;
	}
	return 0;
}

static uint64_t client_says(struct slice in, size_t step)
{
	struct slice hello = SLICE_LIT("220 x\r\n250 x\r\n250 x\r\n250 x\r\n"), go = SLICE_LIT("354 x\r\n");
	bool is_end = false;
	struct hand h;
	struct buf all;
	uint64_t sum;

	buf_init(&all, SIZE_MAX / 2);
	begin(&h);
	check(hand_feed(&h, &hello) == HAND_SAYS_TAKEN && hand_data(&h) == HAND_SAYS_NOTHING);
	check(hand_feed(&h, &go) == HAND_SAYS_SEND);
	buf_reset(&h.out);
	while (in.n && !is_end) {
		struct slice part = slice_head(in, step);
		size_t n = part.n;

		is_end = hand_body(&h, &part);
		in = slice_from(in, n - part.n);
		check(buf_add(&all, buf_slice(&h.out)) == ERR_OK);
		buf_reset(&h.out);
	}
	check(h.bytes == all.n && careless_end(buf_slice(&all)) == (is_end ? all.n : 0));
	sum = mix(in.n + is_end, buf_slice(&all));
	buf_done(&all);
	hand_done(&h);
	return sum;
}

static uint64_t postfix_says(struct slice in, size_t step)
{
	uint64_t sum = 0;
	struct hand h;

	begin(&h);
	while (in.n && h.step != HAND_OVER) {
		struct slice part = slice_head(in, step);
		size_t n = part.n;
		enum hand_says says = hand_feed(&h, &part);

		in = slice_from(in, n - part.n);
		check(h.reply_n <= sizeof h.reply && memchr(h.reply, '\0', h.reply_n) == NULL);
		if (says)
			sum = mix(sum + says + h.code, slice_of(h.reply, h.reply_n));
		if (says == HAND_SAYS_TAKEN && hand_data(&h))
			break;
	}
	sum = mix(sum + h.step, buf_slice(&h.out));
	hand_done(&h);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in;

	if (size < 2)
		return 0;
	in = slice_of(data + 2, size - 2);
	if (data[1] & 1)
		check(client_says(in, 1 + data[0]) == client_says(in, in.n + 1));
	else
		check(postfix_says(in, 1 + data[0]) == postfix_says(in, in.n + 1));
	return 0;
}
