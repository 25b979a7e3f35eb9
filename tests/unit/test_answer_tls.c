/*
 * test_answer_tls: core/answer before, amid and after STARTTLS; and what who
 * takes samples hears of a message.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/answer.h"

#define UNTIL 2000000000u
#define WALL 1900000000u
#define EHLO_TLS                                                                                                       \
	"250-mx.test\r\n250-SIZE\r\n250-STARTTLS\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
#define EHLO_PLAIN "250-mx.test\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"

struct talk {
	struct answer a;
	struct answer_site site;
	struct buf scratch, said, data;
	uint64_t now;
	enum answer_event last; /* that was none */
};

static struct conf conf;
static const struct ipaddr client = { .family = 4, .b = { 192, 0, 2, 77 } };

static void talk_open(struct talk *t, bool is_held)
{
	struct block_entry b = { .until = UNTIL, .offence = 2, .code = 554 };

	conf_defaults(&conf);
	memcpy(b.case_id, "7K3M-9QXD", sizeof b.case_id);
	*t = (struct talk){ .site = { .conf = &conf, .host = "mx.test", .name = "", .pace_ms = 1000, .has_tls = true },
		.now = 5000 };
	buf_init(&t->scratch, ANSWER_TEXT);
	buf_init(&t->said, 1 << 20);
	buf_init(&t->data, 1 << 22);
	answer_init(&t->a, &b, is_held, t->now, WALL);
}

static void talk_close(struct talk *t)
{
	answer_done(&t->a);
	buf_done(&t->scratch);
	buf_done(&t->said);
	buf_done(&t->data);
}

/* steps: bytes at most, by whom is held. */
static void drain(struct talk *t, unsigned steps)
{
	while (t->a.text && steps && !answer_is_over(&t->a, t->now)) {
		struct slice out = answer_out(&t->a, &t->site, &client, t->now, &t->scratch);

		if (out.n == 0) {
			t->now = answer_wake_ms(&t->a);
			continue;
		}
		assert_int_equal(buf_add(&t->said, out), ERR_OK);
		answer_sent(&t->a, &t->site, t->now, &t->scratch, out.n);
		steps--;
	}
}

static void feed(struct talk *t, struct slice in, size_t step)
{
	drain(t, UINT32_MAX);
	buf_reset(&t->said);
	for (; in.n && answer_is_reading(&t->a); in = slice_from(in, step)) {
		struct slice part = slice_head(in, step);

		while (part.n && answer_is_reading(&t->a)) {
			struct slice text = { NULL, 0 };
			enum answer_event e = answer_feed(&t->a, &t->site, t->now, &part, &text);

			t->last = e ? e : t->last;
			if (e == ANSWER_EVENT_DATA || e == ANSWER_EVENT_MESSAGE)
				assert_int_equal(buf_add(&t->data, text), ERR_OK);
			drain(t, UINT32_MAX);
		}
	}
}

static void say(struct talk *t, const char *text)
{
	feed(t, slice_str(text), 1 << 20);
}

#define SAID(t, text) assert_string_equal(buf_cstr(&(t)->said), text)

static void test_offer(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t, false);
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
	talk_open(&t, false);
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
	talk_open(&t, false);
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
	talk_open(&t, false);
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
		talk_open(&t, true);
		drain(&t, UINT32_MAX);
		buf_reset(&t.said);
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

		talk_open(&t, true);
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
		SAID(&t, "421 4.3.2 mx.test Come again\r\n");
		assert_true(answer_is_over(&t.a, t.now));
		talk_close(&t);
	}
}

static void test_handshake_has_its_time(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t, true);
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

/* A byte a second after it, too. */
static void test_held_after_it(void **state)
{
	struct talk t;
	uint64_t before;

	(void)state;
	talk_open(&t, true);
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
	talk_open(t, true);
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
		cmocka_unit_test(test_held_after_it),
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_no_sample_no_data),
		cmocka_unit_test(test_endless_sample),
		cmocka_unit_test(test_undot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
