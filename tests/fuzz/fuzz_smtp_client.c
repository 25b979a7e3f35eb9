/*
 * fuzz_smtp_client: a server that says anything. Byte 0: how its words are cut.
 * Whatever the cut, the same commands come out, and what is said never grows
 * beyond its bounds.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/smtp_client.h"

static void check(int ok)
{
	if (!ok)
		abort();
}

static void take_out(struct smtp_client *c, struct buf *said)
{
	check(c->out.n <= SMTP_CLIENT_OUT);
	check(buf_add(said, buf_slice(&c->out)) == ERR_OK);
	buf_reset(&c->out);
}

static void run(const struct envelope *v, struct slice in, size_t step, struct buf *said)
{
	struct smtp_client *c = malloc(sizeof *c);

	check(c != NULL);
	smtp_client_init(c, v, true);
	while (in.n && !smtp_client_is_over(c)) {
		if (smtp_client_wants_body(c)) { /* a server that speaks before the final dot is not heard */
			smtp_client_add(c, SLICE_LIT("S: x\r\n\r\n.\r\nx"));
			smtp_client_end(c);
		}
		smtp_client_feed(c, slice_head(in, step));
		in = slice_from(in, step);
		take_out(c, said);
	}
	for (uint32_t i = 0; i < v->count; i++)
		check(c->is_taken || !smtp_client_has(c, i));
	check(c->accepted <= v->count);
	smtp_client_done(c);
	free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "X-Limetwig-Sender: s@x\r\nX-Limetwig-Client: 192.0.2.7\r\nX-Limetwig-Port: 1\r\n"
				   "X-Limetwig-Name: n\r\nX-Limetwig-Helo: h\\x0a\r\nX-Limetwig-Queue-Id: 4F\r\n"
				   "X-Limetwig-Body: 8BITMIME\r\nX-Limetwig-Recipient: a@b\r\nX-Limetwig-Orcpt: i@b\r\n"
				   "X-Limetwig-Recipient: c@d\r\nX-Limetwig-Size: 0000000009\r\nX-Limetwig-End: 1\r\n";
	struct envelope v;
	struct buf one, cut;

	if (size < 2)
		return 0;
	envelope_init(&v);
	check(envelope_read(slice_of(head, sizeof head - 1), &v) == ERR_OK);
	buf_init(&one, 1 << 22);
	buf_init(&cut, 1 << 22);
	run(&v, slice_of(data + 1, size - 1), 1, &one);
	run(&v, slice_of(data + 1, size - 1), 1, &cut);
	check(slice_eq(buf_slice(&one), buf_slice(&cut)));
	buf_reset(&cut);
	run(&v, slice_of(data + 1, size - 1), data[0] % 64u + 1, &cut);
	check(cut.n <= one.n + SMTP_CLIENT_OUT);
	buf_done(&one);
	buf_done(&cut);
	envelope_done(&v);
	return 0;
}
