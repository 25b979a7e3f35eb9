/*
 * test_answer_tls: core/answer before, amid and after STARTTLS; and what who
 * takes samples hears of a message.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "answer_talk.h"

#define EHLO_PLAIN "250-mx.pfx.test\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
#define EHLO_TLS                                                                                                       \
	"250-mx.pfx.test\r\n250-SIZE\r\n250-STARTTLS\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"

/* The banner is read. */
static void open_tls(struct talk *t, bool is_held)
{
	talk_open(t, is_held);
	t->site.has_tls = true;
	drain(t, UINT32_MAX);
	buf_reset(&t->said);
}

static void test_offer(void **state)
{
	struct talk t;

	(void)state;
	open_tls(&t, false);
	say(&t, "EHLO a.test\r\n");
	SAID(&t, EHLO_TLS);
	say(&t, "STARTTLS\r\nMAIL FROM:<evil@a.test>\r\n");
	SAID(&t, "220 2.0.0 Ready to start TLS\r\n");
	assert_int_equal(t.last, ANSWER_EVENT_TLS);
	assert_true(answer_is_shaking(&t.a));
	assert_false(answer_is_reading(&t.a));
	answer_secured(&t.a, t.now);
	assert_int_equal(answer_helo(&t.a).n, 0);
	say(&t, "RCPT TO:<b@pfx.test>\r\n");
	SAID(&t, "503 5.5.1 Wrong order of commands\r\n");
	say(&t, "EHLO a.test\r\n");
	SAID(&t, EHLO_PLAIN);
	say(&t, "STARTTLS\r\n");
	SAID(&t, "502 5.5.1 TLS is not offered\r\n");
	talk_close(&t);
}

/* A started line, a transaction: nothing of them is left. */
static void test_begins_anew(void **state)
{
	struct talk t;

	(void)state;
	open_tls(&t, false);
	say(&t, "EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nSTARTTLS\r\n");
	answer_secured(&t.a, t.now);
	assert_int_equal(t.a.state, ANSWER_STATE_FRESH);
	say(&t, "RCPT TO:<b@pfx.test>\r\n");
	SAID(&t, "503 5.5.1 Wrong order of commands\r\n");
	say(&t, "HELO a.test\r\nMAIL FROM:<c@a.test>\r\n");
	assert_int_equal(t.a.state, ANSWER_STATE_SENDER);
	talk_close(&t);
}

static void test_not_offered(void **state)
{
	struct talk t;

	(void)state;
	open_tls(&t, false);
	t.site.has_tls = false;
	say(&t, "EHLO a.test\r\n");
	SAID(&t, EHLO_PLAIN);
	say(&t, "STARTTLS\r\n");
	SAID(&t, "502 5.5.1 TLS is not offered\r\n");
	talk_close(&t);
}

static void test_busy(void **state)
{
	struct talk t;

	(void)state;
	open_tls(&t, false);
	say(&t, "EHLO a.test\r\n");
	t.site.is_tls_busy = true;
	say(&t, "STARTTLS\r\n");
	SAID(&t, "454 4.7.0 TLS is not available right now\r\n");
	t.site.is_tls_busy = false;
	t.site.has_tls = false; /* the cap was met since his EHLO */
	say(&t, "STARTTLS\r\n");
	SAID(&t, "454 4.7.0 TLS is not available right now\r\n");
	say(&t, "MAIL FROM:<a@a.test>\r\n");
	SAID(&t, "250 2.1.0 Ok\r\n");
	talk_close(&t);
}

/* What drips stays the same text, though the cap is met amid it. */
static void test_offer_stays_while_it_drips(void **state)
{
	struct talk t;
	struct slice in = SLICE_LIT("EHLO a.test\r\n"), text;

	(void)state;
	for (unsigned cut = 0; cut < sizeof EHLO_TLS - 1; cut += 5) {
		open_tls(&t, true);
		in = SLICE_LIT("EHLO a.test\r\n");
		(void)answer_feed(&t.a, &t.site, t.now, &in, &text);
		drain(&t, cut);
		t.site.has_tls = false;
		drain(&t, UINT32_MAX);
		SAID(&t, EHLO_TLS);
		talk_close(&t);
	}
}

/* Lifted while the 220 drips, or amid the handshake: he reads it behind that, never as a part of it. */
static void test_released(void **state)
{
	struct talk t;

	(void)state;
	for (unsigned when = 0; when < 2; when++) {
		struct slice in = SLICE_LIT("STARTTLS\r\n"), text;

		open_tls(&t, true);
		say(&t, "EHLO a.test\r\n");
		buf_reset(&t.said);
		(void)answer_feed(&t.a, &t.site, t.now, &in, &text);
		drain(&t, when ? UINT32_MAX : 5);
		answer_release(&t.a);
		drain(&t, UINT32_MAX);
		SAID(&t, "220 2.0.0 Ready to start TLS\r\n");
		assert_false(answer_is_over(&t.a, t.now));
		answer_secured(&t.a, t.now);
		buf_reset(&t.said);
		drain(&t, UINT32_MAX);
		SAID(&t, "421 4.3.2 mx.pfx.test Come again\r\n");
		assert_true(answer_is_over(&t.a, t.now));
		talk_close(&t);
	}
}

static void test_handshake_has_its_time(void **state)
{
	struct talk t;

	(void)state;
	open_tls(&t, true);
	say(&t, "EHLO a.test\r\nSTARTTLS\r\n");
	assert_true(answer_is_shaking(&t.a));
	assert_false(answer_is_over(&t.a, t.now + ANSWER_TLS_MS - 1));
	assert_true(answer_is_over(&t.a, t.now + ANSWER_TLS_MS));
	assert_int_equal(answer_wake_ms(&t.a), t.now + ANSWER_TLS_MS);
	t.now += ANSWER_TLS_MS - 1;
	answer_secured(&t.a, t.now);
	assert_false(answer_is_over(&t.a, t.now + ANSWER_TLS_MS));
	talk_close(&t);
}

static void test_starttls(void **state)
{
	struct talk t;

	(void)state;
	open_tls(&t, false);
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

/* A byte a second after it, too. */
static void test_held_after_it(void **state)
{
	struct talk t;
	uint64_t before;

	(void)state;
	open_tls(&t, true);
	say(&t, "EHLO a.test\r\nSTARTTLS\r\n");
	answer_secured(&t.a, t.now);
	before = t.now;
	say(&t, "EHLO a.test\r\n");
	SAID(&t, EHLO_PLAIN);
	assert_true(t.now - before >= (sizeof EHLO_PLAIN - 2) * t.site.pace_ms);
	talk_close(&t);
}

/* ---- samples */

static const char message[] = "Subject: x\r\n\r\n..two\r\n.one\r\n. \r\n..\r\n.\n\r.\r\nend\r\n.\r\n";
static const char meant[] = "Subject: x\r\n\r\n.two\r\none\r\n \r\n.\r\n\n\r.\r\nend\r\n";

static void come_to_data(struct talk *t)
{
	open_tls(t, true);
	t->site.is_to_data = true;
	say(t, "HELO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@pfx.test>\r\nDATA\r\n");
	assert_int_equal(t->a.state, ANSWER_STATE_DATA);
}

/* However it is cut; commands behind it are no part of it. */
static void test_sample(void **state)
{
	static const char behind[] = "QUIT\r\n";
	char all[sizeof message + sizeof behind];
	struct talk t;

	(void)state;
	(void)memcpy(all, message, sizeof message);
	(void)memcpy(all + sizeof message - 1, behind, sizeof behind);
	for (size_t step = 1; step < sizeof all; step++) {
		come_to_data(&t);
		answer_sample(&t.a, true);
		feed(&t, slice_str(all), step);
		assert_int_equal(t.last, ANSWER_EVENT_MESSAGE);
		assert_string_equal(buf_cstr(&t.data), message);
		t.data.n = answer_undot(t.data.p, t.data.n);
		assert_int_equal(t.data.n, sizeof meant - 1);
		assert_memory_equal(t.data.p, meant, sizeof meant - 1);
		assert_int_equal(t.a.state, ANSWER_STATE_CLOSED);
		talk_close(&t);
	}
}

static void test_no_sample_no_data(void **state)
{
	struct talk t;

	(void)state;
	come_to_data(&t);
	say(&t, message);
	assert_int_equal(t.last, ANSWER_EVENT_MESSAGE);
	assert_int_equal(t.data.n, 0);
	talk_close(&t);
}

/* A message without end is told up to the cap, and no further. */
static void test_endless_sample(void **state)
{
	static char junk[1 << 16];
	struct talk t;

	(void)state;
	memset(junk, 'x', sizeof junk);
	come_to_data(&t);
	answer_sample(&t.a, true);
	for (unsigned i = 0; i < 20 && answer_is_reading(&t.a); i++)
		feed(&t, slice_of(junk, sizeof junk), sizeof junk);
	assert_int_equal(t.data.n, ANSWER_DATA_BYTES);
	assert_true(answer_is_over(&t.a, t.now));
	talk_close(&t);
}

static void test_undot(void **state)
{
	static const char *const pairs[][2] = { { "", "" }, { ".", "" }, { ".\r\n", "" }, { "..\r\n", ".\r\n" },
		{ "a\r\n.\r\n", "a\r\n" }, { "a\r\n.\r", "a\r\n\r" }, { "a\n.\r\n", "a\n.\r\n" },
		{ "a.b\r\n", "a.b\r\n" }, { "\r\n.", "\r\n" } };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		size_t n = strlen(pairs[i][0]);

		memcpy(text, pairs[i][0], n);
		n = answer_undot(text, n);
		assert_int_equal(n, strlen(pairs[i][1]));
		assert_memory_equal(text, pairs[i][1], n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer),
		cmocka_unit_test(test_begins_anew),
		cmocka_unit_test(test_not_offered),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_offer_stays_while_it_drips),
		cmocka_unit_test(test_released),
		cmocka_unit_test(test_handshake_has_its_time),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_held_after_it),
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_no_sample_no_data),
		cmocka_unit_test(test_endless_sample),
		cmocka_unit_test(test_undot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
