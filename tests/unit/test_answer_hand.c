/*
 * test_answer_hand: core/answer while Postfix takes the mail of a blocked client to
 * postmaster@ and abuse@.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "answer_talk.h"

static void test_hand_through(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t, false);
	say(&t, "EHLO a.test\r\nMAIL FROM:<a@a.test> BODY=8BITMIME\r\n");
	say(&t, "RCPT TO:<PostMaster@pfx.test>\r\n");
	SAID(&t, "450 4.3.0 This address cannot be reached right now, try again later\r\n");
	t.hand = true;
	say(&t, "RCPT TO:<abuse@pfx.test>\r\n");
	SAID(&t, "250 2.1.5 of Postfix\r\n");
	assert_true(t.a.is_handed);
	assert_true(t.a.is_extended);
	assert_true(slice_eq(answer_helo(&t.a), SLICE_LIT("a.test")));
	assert_true(slice_eq(answer_mail(&t.a), SLICE_LIT("FROM:<a@a.test> BODY=8BITMIME")));
	say(&t, "RCPT TO:<b@pfx.test>\r\n");
	assert_int_equal(memcmp(buf_cstr(&t.said), "450 4.7.1 On hold", 17), 0);
	t.hand = false;
	say(&t, "RCPT TO:<abuse@pfx.test>\r\n");
	SAID(&t, "450 4.3.0 This address cannot be reached right now, try again later\r\n");
	say(&t, "DATA\r\n");
	SAID(&t, "354 End data with <CR><LF>.<CR><LF>\r\n");
	assert_int_equal(t.a.state, ANSWER_STATE_HANDED);
	assert_false(answer_is_over(&t.a, t.now + 10 * ANSWER_IDLE_MS));
	answer_release(&t.a); /* not amid a message */
	answer_asks(&t.a);
	answer_hand(&t.a, ANSWER_HANDED_OVER, SLICE_LIT("250 2.0.0 queued\r\n250 as 1"));
	say(&t, "DATA\r\nMAIL FROM:<>\r\nSTARTTLS\r\n");
	assert_non_null(strstr(buf_cstr(&t.said), "250 2.0.0 queued\r\n250 as 1\r\n503 5.5.1 "));
	TOLD(&t, "H<a.test>F<a@a.test>P<PostMaster@pfx.test>P<abuse@pfx.test>T<b@pfx.test>P<abuse@pfx.test>D<>F<>");
	talk_close(&t);
}

/* A held client: what is said after the dot is said for all recipients, so that none may only seem to be taken. */
static void test_hand_through_of_a_held_one(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t, true);
	t.site.is_to_data = t.site.has_hand = t.hand = true;
	say(&t, "EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@pfx.test>\r\nRCPT TO:<abuse@pfx.test>\r\n");
	assert_non_null(strstr(buf_cstr(&t.said), "250 2.1.5 Ok\r\n452 4.5.3 "));
	say(&t, "RSET\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<abuse@pfx.test>\r\nRCPT TO:<b@pfx.test>\r\n");
	assert_non_null(strstr(buf_cstr(&t.said), "250 2.1.5 of Postfix\r\n450 4.7.1 On hold"));
	/* nothing is slow until the transaction is over */
	t.a.next_ms = (uint32_t)(t.now - t.a.begun_ms) + 1000;
	say(&t, "NOOP\r\n");
	SAID(&t, "250 2.0.0 Ok\r\n");
	say(&t, "DATA\r\n");
	answer_hand(&t.a, ANSWER_HANDED_BROKEN, SLICE_LIT(""));
	say(&t, "");
	assert_int_equal(t.a.state, ANSWER_STATE_CLOSED);
	SAID(&t, "421 4.3.2 mx.pfx.test Come again\r\n");
	talk_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hand_through),
		cmocka_unit_test(test_hand_through_of_a_held_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
