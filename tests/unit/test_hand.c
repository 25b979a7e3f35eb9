/*
 * test_hand: a transaction said to Postfix: its order, its ends, and that no
 * byte of a message can end it earlier at Postfix than here.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/hand.h"

#define EHLO_REPLY "250-mx\r\n250-SIZE 1000\r\n250 8BITMIME\r\n"

static void open_hand(struct hand *h, const char *client, const char *server, const char *mail)
{
	struct hand_client c = { .port = 4242, .is_extended = true, .helo = SLICE_LIT("a.test") };

	assert_int_equal(ipaddr_parse(slice_str(client), &c.client), ERR_OK);
	assert_int_equal(ipaddr_parse(slice_str(server), &c.server), ERR_OK);
	c.mail = slice_str(mail);
	assert_int_equal(hand_begin(h, &c), ERR_OK);
	assert_int_equal(hand_recipient(h, SLICE_LIT("postmaster"), SLICE_LIT("pfx.test")), ERR_OK);
}

static enum hand_says hears(struct hand *h, const char *text, size_t step)
{
	struct slice in = slice_str(text);
	enum hand_says says = HAND_SAYS_NOTHING;

	while (in.n && !says) {
		struct slice part = slice_head(in, step);
		size_t n = part.n;

		says = hand_feed(h, &part);
		in = slice_from(in, n - part.n);
		if (h->step == HAND_OVER)
			break;
	}
	return says;
}

static void sent(struct hand *h, const char *text)
{
	assert_int_equal(buf_add_char(&h->out, '\0'), ERR_OK);
	assert_string_equal(h->out.p, text);
	buf_reset(&h->out);
}

static void to_body(struct hand *h, size_t step)
{
	open_hand(h, "192.0.2.7", "192.0.2.1", "FROM:<a@a.test> SIZE=5");
	sent(h, "PROXY TCP4 192.0.2.7 192.0.2.1 4242 25\r\n");
	assert_int_equal(hears(h, "220 mx ESMTP\r\n", step), HAND_SAYS_NOTHING);
	sent(h, "EHLO a.test\r\n");
	assert_int_equal(hears(h, EHLO_REPLY, step), HAND_SAYS_NOTHING);
	sent(h, "MAIL FROM:<a@a.test> SIZE=5\r\n");
	assert_int_equal(hears(h, "250 2.1.0 Ok\r\n", step), HAND_SAYS_NOTHING);
	sent(h, "RCPT TO:<postmaster@pfx.test>\r\n");
	assert_int_equal(hears(h, "250 2.1.5 Ok\r\n", step), HAND_SAYS_TAKEN);
	assert_int_equal(hand_data(h), HAND_SAYS_NOTHING);
	sent(h, "DATA\r\n");
	assert_int_equal(hears(h, "354 go\r\n", step), HAND_SAYS_SEND);
}

static void test_a_transaction(void **state)
{
	struct hand h;

	(void)state;
	for (size_t step = 1; step < 60; step += 7) {
		struct slice in = SLICE_LIT("Subject: x\r\n\r\n..hi\r\n.\r\nQUIT\r\n");

		to_body(&h, step);
		assert_true(hand_body(&h, &in));
		assert_true(slice_eq(in, SLICE_LIT("QUIT\r\n")));
		sent(&h, "Subject: x\r\n\r\n..hi\r\n.\r\n");
		assert_int_equal(hears(&h, "250-2.0.0 Ok\r\n250 2.0.0 queued\r\n", step), HAND_SAYS_OVER);
		assert_true(h.is_accepted);
		assert_true(slice_eq(slice_of(h.reply, h.reply_n), SLICE_LIT("250-2.0.0 Ok\r\n250 2.0.0 queued")));
		hand_done(&h);
	}
}

/* Postfix hears no HELO that the client did not say. */
static void test_without_helo(void **state)
{
	struct hand_client c = { .mail = SLICE_LIT("FROM:<>"), .port = 4242 };
	struct hand h;

	(void)state;
	assert_int_equal(ipaddr_parse(SLICE_LIT("192.0.2.7"), &c.client), ERR_OK);
	assert_int_equal(ipaddr_parse(SLICE_LIT("192.0.2.1"), &c.server), ERR_OK);
	assert_int_equal(hand_begin(&h, &c), ERR_OK);
	assert_int_equal(hand_recipient(&h, SLICE_LIT("postmaster"), SLICE_LIT("pfx.test")), ERR_OK);
	buf_reset(&h.out);
	assert_int_equal(hears(&h, "220 mx ESMTP\r\n", 99), HAND_SAYS_NOTHING);
	sent(&h, "MAIL FROM:<>\r\n");
	assert_int_equal(hears(&h, "503 5.5.1 HELO first\r\n", 99), HAND_SAYS_REFUSED);
	assert_true(slice_eq(slice_of(h.reply, h.reply_n), SLICE_LIT("503 5.5.1 HELO first")));
	hand_done(&h);
}

/* What Postfix gets for a message, in any cut. */
static void test_smuggling(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ ".\r\n", ".\r\n" },
		{ "a\n.\nMAIL\r\n.\r\n", "a\r\n..\r\nMAIL\r\n.\r\n" },
		{ "a\r\n.\nMAIL\r\n.\r\n", "a\r\n..\r\nMAIL\r\n.\r\n" },
		{ "a\n.\r\nMAIL\r\n.\r\n", "a\r\n..\r\nMAIL\r\n.\r\n" },
		{ "a\r.\r\r\n.\r\n", "a . \r\n.\r\n" },
		{ "a\r\n.\rMAIL\r\n.\r\n", "a\r\n. MAIL\r\n.\r\n" },
		{ "a\r\n.\r\r\nMAIL\r\n.\r\n", "a\r\n. \r\nMAIL\r\n.\r\n" },
		{ "a\r\r\n.\r\n", "a \r\n.\r\n" },
		{ "\r\n..\r\n.a\r\n.\r\n", "\r\n..\r\n.a\r\n.\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t step = 1; step < 20; step++) {
			struct slice in = slice_str(cases[i].in);
			bool is_end = false;
			struct hand h;

			to_body(&h, 99);
			for (; in.n && !is_end; in = slice_from(in, step)) {
				struct slice part = slice_head(in, step);

				is_end = hand_body(&h, &part);
				assert_int_equal(part.n, 0);
			}
			assert_true(is_end && in.n == 0);
			sent(&h, cases[i].out);
			hand_done(&h);
		}
}

static void test_what_ends_it(void **state)
{
	static const struct {
		const char *greeting, *reply;
	} cases[] = {
		{ "554 5.7.1 no\r\n", "554 5.7.1 no" },
		{ "421 4.7.0 busy\r\n", "" },
		{ "what?\r\n", "" },
		{ "354 go\r\n", "" },
		{ "220 mx\r\n250 mx\r\n552 5.3.4 too \x01 large\r\n", "552 5.3.4 too ? large" },
		{ "220 mx\r\n250 mx\r\n250 ok\r\n450 4.7.1 later\r\n", "450 4.7.1 later" },
	};
	struct hand h;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		open_hand(&h, "2001:db8::7", "2001:db8::1", "FROM:<>");
		assert_int_equal(hears(&h, cases[i].greeting, 5), HAND_SAYS_REFUSED);
		assert_true(slice_eq(slice_of(h.reply, h.reply_n), slice_str(cases[i].reply)));
		assert_int_equal(h.step, HAND_OVER);
		assert_int_equal(hand_data(&h), HAND_SAYS_OVER);
		hand_done(&h);
	}
	to_body(&h, 9);
	assert_int_equal(hears(&h, "421 4.4.2 timeout\r\n", 9), HAND_SAYS_OVER);
	assert_int_equal(h.reply_n, 0);
	hand_done(&h);
}

static void test_hostile_client(void **state)
{
	static const char *const bad[] = { "FROM:<a>\nRCPT TO:<b>", "FROM:<a>\r", "FROM:<a>\r\nX" };
	static char flood[4096];
	struct hand_client c = { .helo = SLICE_LIT("x"), .port = 1 };
	struct hand h;

	(void)state;
	assert_int_equal(ipaddr_parse(SLICE_LIT("192.0.2.7"), &c.client), ERR_OK);
	c.server = c.client;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		c.mail = slice_str(bad[i]);
		assert_int_equal(hand_begin(&h, &c), ERR_SYNTAX);
		hand_done(&h);
	}
	open_hand(&h, "192.0.2.7", "192.0.2.1", "FROM:<>");
	assert_int_equal(hand_recipient(&h, SLICE_LIT("postmaster>x"), SLICE_LIT("a")), ERR_SYNTAX);
	assert_int_equal(hand_recipient(&h, SLICE_LIT("postmaster"), SLICE_LIT("a\n")), ERR_SYNTAX);
	assert_int_equal(hand_recipient(&h, SLICE_LIT("postmaster"), SLICE_LIT("a,b")), ERR_SYNTAX);
	hand_done(&h);
	/* Postfix said SIZE 1000 */
	to_body(&h, 99);
	memset(flood, 'x', sizeof flood);
	for (size_t n = 0; n < HAND_SLACK + 4 * sizeof flood && h.step != HAND_OVER; n += sizeof flood) {
		struct slice in = slice_of(flood, sizeof flood);

		assert_false(hand_body(&h, &in));
		buf_reset(&h.out);
	}
	assert_int_equal(h.step, HAND_OVER);
	assert_false(h.is_accepted);
	hand_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_transaction),
		cmocka_unit_test(test_without_helo),
		cmocka_unit_test(test_smuggling),
		cmocka_unit_test(test_what_ends_it),
		cmocka_unit_test(test_hostile_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
