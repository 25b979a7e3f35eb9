/*
 * test_answer_limits: what a hostile client gets from core/answer: floods, endless
 * lines and messages, silence, any cut of its input.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "answer_talk.h"

static void test_endless_message(void **state)
{
	static char big[ANSWER_DATA_BYTES];
	struct talk t;

	(void)state;
	memset(big, 'x', sizeof big);
	talk_open(&t, true);
	t.site.is_to_data = true;
	say(&t, "HELO x\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@pfx.test>\r\nDATA\r\n");
	feed(&t, slice_of(big, sizeof big), 4096);
	assert_true(answer_is_over(&t.a, t.now));
	assert_non_null(strstr(buf_cstr(&t.said), "Case 7K3M-9QXD"));
	talk_close(&t);
}

static void test_nul(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t, false);
	drain(&t, UINT32_MAX);
	buf_reset(&t.said);
	feed(&t, SLICE_LIT("HELO x\0y\r\n"), 100);
	SAID(&t, "500 5.5.2 Unknown command\r\n");
	talk_close(&t);
}

/* n times the same line; the last words. */
static void flood(struct talk *t, const char *line, unsigned n, const char *last)
{
	drain(t, UINT32_MAX);
	for (unsigned i = 0; i < n && t->a.state != ANSWER_STATE_CLOSED; i++)
		say(t, line);
	assert_true(answer_is_over(&t->a, t->now));
	assert_true(slice_ends(buf_slice(&t->said), slice_str(last)));
	talk_close(t);
}

static void test_caps(void **state)
{
	static const char many[] = "421 4.7.0 mx.pfx.test Too many errors\r\n";
	struct talk t;

	(void)state;
	talk_open(&t, false);
	flood(&t, "what\r\n", ANSWER_ERRORS, many);
	talk_open(&t, false);
	flood(&t, "noop\r\n", ANSWER_COMMANDS, many);
	talk_open(&t, false);
	say(&t, "HELO x\r\nMAIL FROM:<>\r\n");
	flood(&t, "RCPT TO:<a@b>\r\n", ANSWER_RECIPIENTS, many);
	talk_open(&t, false);
	say(&t, "HELO x\r\nMAIL FROM:<>\r\n");
	flood(&t, "RCPT TO:<postmaster@b>\r\n", ANSWER_RECIPIENTS, many);
}

static void test_recipients_told_are_bounded(void **state)
{
	struct talk t;
	unsigned n = 0;

	(void)state;
	talk_open(&t, false);
	say(&t, "HELO x\r\nMAIL FROM:<>\r\n");
	for (unsigned i = 0; i + 1 < ANSWER_RECIPIENTS; i++)
		say(&t, "RCPT TO:<a@b>\r\n");
	for (const char *p = buf_cstr(&t.told); (p = strstr(p, "T<")); p++)
		n++;
	assert_int_equal(n, ANSWER_TOLD);
	assert_int_equal(t.a.recipients, ANSWER_RECIPIENTS - 1);
	talk_close(&t);
}

static void test_long_lines(void **state)
{
	static char line[ANSWER_ENDLESS + 1];
	struct talk t;

	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line, "NOOP ", 5);
	for (size_t step = 1; step < 5000; step = step * 3 + 1) {
		talk_open(&t, false);
		drain(&t, UINT32_MAX);
		/* with its CRLF just fits */
		buf_reset(&t.said);
		feed(&t, slice_of(line, ANSWER_LINE - 2), step);
		feed(&t, SLICE_LIT("\r\n"), step);
		SAID(&t, "250 2.0.0 Ok\r\n");
		buf_reset(&t.said);
		feed(&t, slice_of(line, ANSWER_LINE - 1), step);
		assert_true(t.a.line_n < ANSWER_LINE);
		feed(&t, SLICE_LIT("\r\nnoop\r\n"), step);
		SAID(&t, "500 5.5.2 Line too long\r\n250 2.0.0 Ok\r\n");
		buf_reset(&t.said);
		feed(&t, slice_of(line, sizeof line), step);
		SAID(&t, "500 5.5.2 Line too long\r\n");
		assert_true(answer_is_over(&t.a, t.now));
		assert_null(t.a.line);
		talk_close(&t);
	}
}

static void test_time_is_up(void **state)
{
	struct talk t;
	struct slice in = SLICE_LIT("NO"), text;

	(void)state;
	talk_open(&t, false);
	assert_false(answer_is_over(&t.a, t.now + ANSWER_IDLE_MS - 1));
	assert_true(answer_is_over(&t.a, t.now + ANSWER_IDLE_MS)); /* never reads */
	drain(&t, UINT32_MAX);
	/* half a line now and then does not help */
	t.now += ANSWER_IDLE_MS - 1;
	assert_int_equal(answer_feed(&t.a, &t.site, t.now, &in, &text), ANSWER_EVENT_NONE);
	assert_int_equal(answer_wake_ms(&t.a), 5000 + ANSWER_IDLE_MS);
	assert_true(answer_is_over(&t.a, t.now + 1));
	talk_close(&t);
}

static void test_any_split(void **state)
{
	static const char in[] = "EHLO a.test\r\nMAIL FROM:<\"a b\"@x>\r\nRCPT TO:<c@d>\nRCPT TO:<abuse@d>\r\nDATA\r\n"
				 "x\r\n.\r\r\n..\r\n.\r\nRSET\r\nbad\rone\r\nQUIT\r\nNOOP\r\n";
	struct talk whole;

	(void)state;
	for (int held = 0; held < 2; held++) {
		talk_open(&whole, held);
		whole.site.is_to_data = true;
		feed(&whole, slice_str(in), sizeof in);
		for (size_t step = 1; step < sizeof in; step++) {
			struct talk t;

			talk_open(&t, held);
			t.site.is_to_data = true;
			feed(&t, slice_str(in), step);
			assert_true(slice_eq(buf_slice(&t.said), buf_slice(&whole.said)));
			assert_true(slice_eq(buf_slice(&t.told), buf_slice(&whole.told)));
			talk_close(&t);
		}
		talk_close(&whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endless_message),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_recipients_told_are_bounded),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_time_is_up),
		cmocka_unit_test(test_any_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
