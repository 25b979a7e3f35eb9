/*
 * test_answer: what a blocked client reads, and how long it is held for it.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/reply_text.h"
#include "answer_talk.h"

static const char *refusal(struct buf *b, unsigned code)
{
	buf_reset(b);
	reply_text_blocked(&conf, &(struct reply_block){ .code = code, .case_id = "7K3M-9QXD", .until = UNTIL }, b);
	assert_int_equal(buf_add_str(b, "\r\n"), ERR_OK);
	return buf_cstr(b);
}

static void test_innocent_reads_his_case(void **state)
{
	struct talk t;
	struct buf want;

	(void)state;
	buf_init(&want, 1024);
	talk_open(&t, false);
	say(&t, "");
	drain(&t, UINT32_MAX);
	SAID(&t, "220 mx.pfx.test ESMTP\r\n");
	say(&t, "EHLO a.test\r\n");
	SAID(&t, "250-mx.pfx.test\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n");
	say(&t, "MAIL FROM:<a@a.test> SIZE=100\r\n");
	SAID(&t, "250 2.1.0 Ok\r\n");
	say(&t, "RCPT TO:<b@pfx.test>\r\n");
	SAID(&t, refusal(&want, 450));
	assert_non_null(strstr(buf_cstr(&t.said), "Case 7K3M-9QXD"));
	say(&t, "DATA\r\n");
	SAID(&t, "503 5.5.1 No valid recipients\r\n");
	say(&t, "RSET\r\nNOOP x\r\nVRFY a\r\n");
	SAID(&t, "250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n252 2.0.0 Send some mail\r\n");
	say(&t, "QUIT\r\n");
	SAID(&t, "221 2.0.0 Bye\r\n");
	assert_true(answer_is_over(&t.a, t.now));
	TOLD(&t, "H<a.test>F<a@a.test>T<b@pfx.test>");
	assert_int_equal(t.now, 5000);
	talk_close(&t);
	buf_done(&want);
}

/* Later offences, a site's own code, another contact: the words stay those of the policy layer. */
static void test_words_of_policy(void **state)
{
	static const uint16_t codes[][3] = { { 450, 0, 450 }, { 554, 0, 554 }, { 554, 450, 450 }, { 450, 554, 554 } };
	struct talk t;
	struct buf want;

	(void)state;
	buf_init(&want, 1024);
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		struct block_entry b = block_of(codes[i][0]);

		talk_open(&t, i % 2);
		answer_init(&t.a, &b, i % 2, t.now, WALL);
		t.site.code = codes[i][1];
		(void)snprintf(conf.contact, sizeof conf.contact, "%s", i < 2 ? "+49 30 1234" : "");
		conf.always_open.count = i == 3 ? 0 : conf.always_open.count;
		say(&t, "HELO x\r\nMAIL FROM:<>\r\n");
		say(&t, "RCPT TO:<b@pfx.test>\r\n");
		SAID(&t, refusal(&want, codes[i][2]));
		talk_close(&t);
	}
	buf_done(&want);
}

static void test_words_of_a_list(void **state)
{
	static const char *says[FEEDS_MAX];
	struct block_entry b = block_of(554);
	struct talk t;

	(void)state;
	says[FEEDS_MAX - 1] = "%A is listed. 100%%";
	for (b.feed = 0;; b.feed++) {
		talk_open(&t, false);
		t.site.says = b.feed == 1 ? NULL : says;
		answer_init(&t.a, &b, false, t.now, WALL);
		say(&t, "EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@pfx.test>\r\n");
		assert_non_null(strstr(buf_cstr(&t.said), "Case 7K3M-9QXD"));
		assert_int_equal(
			strstr(buf_cstr(&t.said), "9QXD. 192.0.2.77 is listed. 100%.") != NULL, b.feed == FEEDS_MAX);
		talk_close(&t);
		if (b.feed == UINT8_MAX)
			break;
	}
}

static void test_told_end_stays(void **state)
{
	struct block_entry b = block_of(450);
	struct answer a;

	(void)state;
	b.told = WALL + 60;
	answer_init(&a, &b, false, 0, WALL);
	assert_int_equal(a.until, WALL + 60);
	answer_init(&a, &b, false, 0, WALL + 60);
	assert_int_equal(a.until, UNTIL);
}

static void test_tarpit_pace(void **state)
{
	struct talk t;
	uint64_t before;

	(void)state;
	talk_open(&t, true);
	drain(&t, UINT32_MAX); /* 23 bytes, the first at once; the pause after the last is for the next reply */
	SAID(&t, "220 mx.pfx.test ESMTP\r\n");
	assert_int_equal(t.now, 5000 + 22 * 1000);
	t.site.pace_ms = 10000;
	before = t.now;
	say(&t, "HELO x\r\n");
	SAID(&t, "250 mx.pfx.test\r\n");
	assert_int_equal(t.now - before, 1000 + 16 * 10000);
	talk_close(&t);
}

/* Nothing is read while a reply drips: what the client sends stays in the kernel. */
static void test_no_input_while_dripping(void **state)
{
	struct slice in = SLICE_LIT("HELO x\r\n"), text;
	struct talk t;

	(void)state;
	talk_open(&t, true);
	assert_false(answer_is_reading(&t.a));
	assert_int_equal(answer_feed(&t.a, &t.site, t.now, &in, &text), ANSWER_EVENT_NONE);
	assert_int_equal(in.n, 8);
	drain(&t, UINT32_MAX);
	assert_true(answer_is_reading(&t.a));
	talk_close(&t);
}

static void test_tarpit_to_data(void **state)
{
	struct talk t;
	struct buf want;

	(void)state;
	buf_init(&want, 1024);
	talk_open(&t, true);
	t.site.is_to_data = true;
	say(&t, "HELO x\r\nMAIL FROM:<s@x>\r\n");
	say(&t, "RCPT TO:<a@pfx.test>\r\n");
	SAID(&t, "250 2.1.5 Ok\r\n");
	say(&t, "DATA\r\n");
	SAID(&t, "354 End data with <CR><LF>.<CR><LF>\r\n");
	say(&t, "Subject: x\r\n\r\n\n.\n\r.\r\n..\r\n.\n.\r\r\n.\r");
	SAID(&t, "");
	say(&t, "\n");
	SAID(&t, refusal(&want, 450));
	say(&t, "DATA\r\n");
	SAID(&t, "503 5.5.1 Wrong order of commands\r\n");
	TOLD(&t, "H<x>F<s@x>T<a@pfx.test>M<>");
	talk_close(&t);
	buf_done(&want);
}

/* Who says no HELO reads his case all the same. */
static void test_without_helo(void **state)
{
	struct talk t;
	struct buf want;

	(void)state;
	talk_open(&t, false);
	buf_init(&want, ANSWER_TEXT);
	say(&t, "");
	buf_reset(&t.said);
	say(&t, "MAIL FROM:<s@x>\r\n");
	SAID(&t, "250 2.1.0 Ok\r\n");
	say(&t, "RCPT TO:<a@pfx.test>\r\n");
	SAID(&t, refusal(&want, 450));
	TOLD(&t, "F<s@x>T<a@pfx.test>");
	assert_int_equal(answer_helo(&t.a).n, 0);
	buf_done(&want);
	talk_close(&t);
}

static void test_order_and_syntax(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "MAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<a@b>\r\n",
			"250 2.1.0 Ok\r\n250 2.0.0 Ok\r\n250 2.1.0 Ok\r\n" },
		{ "MAIL FROM:<a@b>\r\nDATA\r\n", "250 2.1.0 Ok\r\n503 5.5.1 No valid recipients\r\n" },
		{ "RCPT TO:<a@b>\r\n", "503 5.5.1 Wrong order of commands\r\n" },
		{ "HELO\r\n", "501 5.5.4 Syntax: HELO hostname\r\n" },
		{ "EHLO  \t\r\n", "501 5.5.4 Syntax: HELO hostname\r\n" },
		{ "\r\n", "500 5.5.2 Unknown command\r\n" },
		{ "\n", "500 5.5.2 Unknown command\r\n" },
		{ "NO\rOP\r\n", "500 5.5.2 Unknown command\r\n" },
		{ "AUTH LOGIN\r\n", "500 5.5.2 Unknown command\r\n" },
		{ "STARTTLS\r\n", "502 5.5.1 TLS is not offered\r\n" },
		{ "noop\n", "250 2.0.0 Ok\r\n" },
		{ "HELO x\r\nMAIL FROM:a@b\r\n", "250 mx.pfx.test\r\n501 5.5.4 Syntax error in parameters\r\n" },
		{ "HELO x\r\nMAIL FROM:<a>\r\nMAIL FROM:<b>\r\n",
			"250 mx.pfx.test\r\n250 2.1.0 Ok\r\n503 5.5.1 Sender was given already\r\n" },
		{ "HELO x\r\nMAIL FROM:<a>\r\nRCPT TO: \r\n",
			"250 mx.pfx.test\r\n250 2.1.0 Ok\r\n501 5.5.4 Syntax error in parameters\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct talk t;

		talk_open(&t, false);
		drain(&t, UINT32_MAX);
		say(&t, cases[i].in);
		SAID(&t, cases[i].out);
		talk_close(&t);
	}
}

static void test_release(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t, true); /* the banner still drips */
	answer_release(&t.a);
	drain(&t, UINT32_MAX);
	SAID(&t, "220 mx.pfx.test ESMTP\r\n421 4.3.2 mx.pfx.test Come again\r\n");
	assert_true(answer_is_over(&t.a, t.now));
	talk_close(&t);
	talk_open(&t, false);
	say(&t, "HELO x\r\nMAIL FROM:<>\r\n");
	buf_reset(&t.said);
	answer_release(&t.a);
	drain(&t, UINT32_MAX);
	SAID(&t, "421 4.3.2 mx.pfx.test Come again\r\n");
	talk_close(&t);
}

static void test_size(void **state)
{
	(void)state;
	print_message("# bytes of a session: %zu\n", sizeof(struct answer));
	assert_true(sizeof(struct answer) <= 72);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_innocent_reads_his_case),
		cmocka_unit_test(test_words_of_policy),
		cmocka_unit_test(test_words_of_a_list),
		cmocka_unit_test(test_told_end_stays),
		cmocka_unit_test(test_tarpit_pace),
		cmocka_unit_test(test_no_input_while_dripping),
		cmocka_unit_test(test_tarpit_to_data),
		cmocka_unit_test(test_without_helo),
		cmocka_unit_test(test_order_and_syntax),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
