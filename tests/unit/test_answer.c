/*
 * test_answer: what a blocked client reads, how long it is held, and what a
 * hostile one gets.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/answer.h"
#include "core/reply_text.h"

#define UNTIL 1763900000u
#define WALL 1763800000u

struct talk {
	struct answer a;
	struct answer_site site;
	struct buf scratch, said; /* all that the server said */
	struct buf told;          /* events as text */
	bool hand;                /* answer to HAND_THROUGH */
	uint64_t now;
};

static struct conf conf;
static const struct ipaddr client = { .family = 4, .b = { 192, 0, 2, 77 } };

static struct block_entry block_of(uint16_t code)
{
	struct block_entry b = { .until = UNTIL, .offence = 1, .code = code };

	memcpy(b.case_id, "7K3M-9QXD", sizeof b.case_id);
	return b;
}

static void talk_open(struct talk *t, bool is_held)
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
	answer_init(&t->a, &b, is_held, t->now, WALL);
}

static void talk_close(struct talk *t)
{
	answer_done(&t->a);
	buf_done(&t->scratch);
	buf_done(&t->said);
	buf_done(&t->told);
}

/* Send what there is; time goes on where the client is held. */
static void drain(struct talk *t)
{
	struct slice out;

	while (t->a.text && !answer_is_over(&t->a, t->now)) {
		out = answer_out(&t->a, &t->site, &client, t->now, &t->scratch);
		if (out.n == 0) {
			t->now = answer_wake_ms(&t->a);
			continue;
		}
		assert_true(!t->a.is_held || t->a.is_handed || out.n == 1 || t->a.line);
		assert_int_equal(buf_add(&t->said, out), ERR_OK);
		answer_sent(&t->a, &t->site, t->now, &t->scratch, out.n);
	}
}

static void note(struct talk *t, enum answer_event e, struct slice text)
{
	static const char mark[] = "-HFTPDMS";

	assert_int_equal(buf_printf(&t->told, "%c<%.*s>", mark[e], e >= ANSWER_EVENT_MESSAGE ? 0 : (int)text.n,
				 text.n && e < ANSWER_EVENT_MESSAGE ? text.p : ""),
		ERR_OK);
}

static void feed(struct talk *t, struct slice in, size_t step)
{
	drain(t);
	for (; in.n && t->a.state != ANSWER_STATE_CLOSED; in = slice_from(in, step)) {
		struct slice part = slice_head(in, step);
		/* a copy without a byte behind it: the sanitizer sees what reads on */
		char *copy = test_malloc(part.n);

		memcpy(copy, part.p, part.n);
		part.p = copy;
		while (part.n && t->a.state < ANSWER_STATE_TLS) {
			struct slice text = { NULL, 0 };
			enum answer_event e = answer_feed(&t->a, &t->site, t->now, &part, &text);

			if (e)
				note(t, e, text);
			if (e == ANSWER_EVENT_HAND_THROUGH)
				answer_hand(&t->a, t->hand ? ANSWER_HANDED_TAKEN : ANSWER_HANDED_REFUSED,
					t->hand ? SLICE_LIT("250 2.1.5 of Postfix") : SLICE_LIT(""));
			if (e == ANSWER_EVENT_HAND_DATA)
				answer_hand(&t->a, ANSWER_HANDED_SEND, SLICE_LIT("354 of Postfix"));
			drain(t);
			if (t->a.state >= ANSWER_STATE_HANDED)
				break;
		}
		test_free(copy);
	}
}

static void say(struct talk *t, const char *text)
{
	buf_reset(&t->said);
	feed(t, slice_str(text), 1 << 20);
}

#define SAID(t, text) assert_string_equal(buf_cstr(&(t)->said), text)
#define TOLD(t, text) assert_string_equal(buf_cstr(&(t)->told), text)

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
	drain(&t);
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
	drain(&t); /* 23 bytes, the first at once; the pause after the last is for the next reply */
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
	drain(&t);
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
		drain(&t);
		say(&t, cases[i].in);
		SAID(&t, cases[i].out);
		talk_close(&t);
	}
}

static void test_nul(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t, false);
	drain(&t);
	buf_reset(&t.said);
	feed(&t, SLICE_LIT("HELO x\0y\r\n"), 100);
	SAID(&t, "500 5.5.2 Unknown command\r\n");
	talk_close(&t);
}

static void test_starttls(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t, false);
	t.site.has_tls = true;
	say(&t, "EHLO x\r\n");
	assert_non_null(strstr(buf_cstr(&t.said), "250-STARTTLS\r\n"));
	say(&t, "STARTTLS\r\n");
	SAID(&t, "220 2.0.0 Ready to start TLS\r\n");
	assert_int_equal(t.a.state, ANSWER_STATE_TLS);
	answer_secured(&t.a, t.now);
	assert_null(t.a.kept);
	say(&t, "RCPT TO:<a@b>\r\nEHLO x\r\n");
	assert_null(strstr(buf_cstr(&t.said), "STARTTLS"));
	assert_non_null(strstr(buf_cstr(&t.said), "503 5.5.1"));
	talk_close(&t);
}

/* n times the same line; the last words. */
static void flood(struct talk *t, const char *line, unsigned n, const char *last)
{
	drain(t);
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
		drain(&t);
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

static void test_release(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t, true); /* the banner still drips */
	answer_release(&t.a);
	drain(&t);
	SAID(&t, "220 mx.pfx.test ESMTP\r\n421 4.3.2 mx.pfx.test Come again\r\n");
	assert_true(answer_is_over(&t.a, t.now));
	talk_close(&t);
	talk_open(&t, false);
	say(&t, "HELO x\r\nMAIL FROM:<>\r\n");
	buf_reset(&t.said);
	answer_release(&t.a);
	drain(&t);
	SAID(&t, "421 4.3.2 mx.pfx.test Come again\r\n");
	talk_close(&t);
}

static void test_time_is_up(void **state)
{
	struct talk t;
	struct slice in = SLICE_LIT("NO"), text;

	(void)state;
	talk_open(&t, false);
	assert_false(answer_is_over(&t.a, t.now + ANSWER_IDLE_MS - 1));
	assert_true(answer_is_over(&t.a, t.now + ANSWER_IDLE_MS)); /* never reads */
	drain(&t);
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
		cmocka_unit_test(test_endless_message),
		cmocka_unit_test(test_hand_through),
		cmocka_unit_test(test_hand_through_of_a_held_one),
		cmocka_unit_test(test_without_helo),
		cmocka_unit_test(test_order_and_syntax),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_recipients_told_are_bounded),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_time_is_up),
		cmocka_unit_test(test_any_split),
		cmocka_unit_test(test_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
