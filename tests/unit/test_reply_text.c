/*
 * test_reply_text: the texts for outsiders.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/conf_keys.h"
#include "core/reply_text.h"

#include <stdio.h>
#include <time.h>

static struct conf conf;

static void fresh(struct buf *b)
{
	buf_init(b, 4096);
	conf_defaults(&conf);
	slice_copy(SLICE_LIT("limetwig-hand"), conf.postfix.handthrough, sizeof conf.postfix.handthrough);
	(void)snprintf(conf.contact, sizeof conf.contact, "https://postmaster.example.org/ or +49 30 5550100");
}

static void test_blocked(void **state)
{
	struct buf b;

	(void)state;
	fresh(&b);
	reply_text_blocked(
		&conf, &(struct reply_block){ .code = 450, .case_id = "7K3M-9QXD", .until = 1763820600 }, &b);
	assert_string_equal(buf_cstr(&b), "450 4.7.1 On hold until 22 Nov 14:10 UTC. Case 7K3M-9QXD. You can write to "
					  "postmaster@ here; help: https://postmaster.example.org/ or +49 30 5550100");
	buf_reset(&b);
	conf.contact[0] = '\0';
	reply_text_blocked(
		&conf, &(struct reply_block){ .code = 554, .case_id = "7K3M-9QXD", .until = 1763820600 }, &b);
	assert_string_equal(buf_cstr(&b), "554 5.7.1 On hold until 22 Nov 14:10 UTC. Case 7K3M-9QXD. You can write to "
					  "postmaster@ here");
	buf_reset(&b);
	conf.always_open.count = 0;
	(void)snprintf(conf.contact, sizeof conf.contact, "x");
	reply_text_blocked(&conf, &(struct reply_block){ .code = 0, .case_id = "7K3M-9QXD", .until = 0 }, &b);
	assert_string_equal(buf_cstr(&b), "450 4.7.1 On hold until 1 Jan 00:00 UTC. Case 7K3M-9QXD. For help: x");
	buf_done(&b);
}

/* At a shared provider the sender is told, not the host; and never at the cost of the limit. */
static void test_sender(void **state)
{
	char sender[400];
	struct buf b;

	(void)state;
	fresh(&b);
	conf.contact[0] = '\0';
	reply_text_blocked(&conf,
		&(struct reply_block){ .code = 450,
			.case_id = "7K3M-9QXD",
			.until = 1763820600,
			.sender = SLICE_LIT("offers@deals.example") },
		&b);
	assert_string_equal(buf_cstr(&b), "450 4.7.1 Mail from offers@deals.example is on hold until 22 Nov 14:10 UTC. "
					  "Case 7K3M-9QXD. You can write to postmaster@ here");
	buf_reset(&b);
	reply_text_blocked(&conf,
		&(struct reply_block){ .code = 450,
			.case_id = "7K3M-9QXD",
			.until = 1763820600,
			.sender = SLICE_LIT("\r\n\xff@x.example") },
		&b);
	assert_true(slice_starts(buf_slice(&b), SLICE_LIT("450 4.7.1 Mail from ???@x.example is on hold")));
	memset(sender, 's', sizeof sender - 1);
	sender[sizeof sender - 1] = '\0';
	memset(conf.contact, 'x', sizeof conf.contact - 1);
	conf.contact[sizeof conf.contact - 1] = '\0';
	for (size_t n = 0; n < sizeof sender; n++) {
		buf_reset(&b);
		reply_text_blocked(&conf,
			&(struct reply_block){ .code = 450,
				.case_id = "7K3M-9QXD",
				.until = 1763820600,
				.sender = slice_of(sender, n) },
			&b);
		assert_true(b.n <= REPLY_TEXT_MAX);
		assert_non_null(strstr(buf_cstr(&b), "Case 7K3M-9QXD."));
	}
	buf_done(&b);
}

static void test_riders(void **state)
{
	struct buf b;

	(void)state;
	fresh(&b);
	reply_text_riders(&conf, "7K3M-9QXD", &b);
	assert_string_equal(buf_cstr(&b), "550 5.7.1 Message refused. Case 7K3M-9QXD. For help: "
					  "https://postmaster.example.org/ or +49 30 5550100");
	buf_reset(&b);
	conf.contact[0] = '\0';
	reply_text_riders(&conf, "", &b);
	assert_string_equal(buf_cstr(&b), "550 5.7.1 Message refused.");
	buf_done(&b);
}

/* Whatever the settings hold: one line, printable, bounded. */
static void test_hostile_settings(void **state)
{
	struct buf b;

	(void)state;
	fresh(&b);
	memset(conf.contact, 'x', sizeof conf.contact - 1);
	memcpy(conf.contact, "a\r\nb\t\xff\x01", 7);
	memset(conf.always_open.item[0], 'y', CONF_ITEM - 1);
	reply_text_blocked(&conf,
		&(struct reply_block){ .code = 999,
			.case_id = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
			.until = UINT64_MAX },
		&b);
	assert_in_range(b.n, 1, REPLY_TEXT_MAX);
	for (size_t i = 0; i < b.n; i++)
		assert_in_range(b.p[i], ' ', '~');
	buf_reset(&b);
	reply_text_riders(&conf, "\x80", &b);
	assert_in_range(b.n, 1, REPLY_TEXT_MAX);
	for (size_t i = 0; i < b.n; i++)
		assert_in_range(b.p[i], ' ', '~');
	buf_done(&b);
}

/* A list's own words stand before whom to ask, which is never lost to them. */
static void test_words_of_a_list(void **state)
{
	struct reply_block block = { .code = 554, .case_id = "7K3M-9QXD", .until = 1763820600, .says = "You spammed" };
	char says[300];
	struct buf b;

	(void)state;
	fresh(&b);
	reply_text_blocked(&conf, &block, &b);
	assert_string_equal(buf_cstr(&b),
		"554 5.7.1 On hold until 22 Nov 14:10 UTC. Case 7K3M-9QXD. You spammed. You can "
		"write to postmaster@ here; help: https://postmaster.example.org/ or +49 30 "
		"5550100");
	buf_reset(&b);
	block.says = "Stop it!";
	reply_text_blocked(&conf, &block, &b);
	assert_non_null(strstr(buf_cstr(&b), "9QXD. Stop it! You can write"));
	block.says = "a\r\nb\x01\xff";
	buf_reset(&b);
	reply_text_blocked(&conf, &block, &b);
	assert_non_null(strstr(buf_cstr(&b), "9QXD. a??b??"));
	block.says = says;
	for (unsigned n = 0; n < sizeof says; n++) {
		memset(says, 'x', n);
		says[n] = '\0';
		for (unsigned contact = 0; contact < sizeof conf.contact; contact += 7) {
			memset(conf.contact, 'c', contact);
			conf.contact[contact] = '\0';
			buf_reset(&b);
			reply_text_blocked(&conf, &block, &b);
			assert_in_range(b.n, 1, REPLY_TEXT_MAX);
			assert_int_equal(memchr(b.p, 0, b.n) != NULL, 0);
			assert_non_null(strstr(buf_cstr(&b), "can write to postmaster@ here"));
			assert_int_equal(b.p[b.n - 1], contact ? 'c' : 'e');
		}
	}
	buf_done(&b);
}

/* Too small a buffer: the bare action, or nothing; never half a text. */
static void test_small_buffer(void **state)
{
	struct buf b;

	(void)state;
	fresh(&b);
	b.cap = 24;
	reply_text_blocked(&conf, &(struct reply_block){ .code = 554, .case_id = "7K3M-9QXD", .until = 1 }, &b);
	assert_true(slice_eq(buf_slice(&b), SLICE_LIT("554 5.7.1 On hold")));
	buf_done(&b);
	buf_init(&b, 4);
	reply_text_riders(&conf, "7K3M-9QXD", &b);
	assert_int_equal(b.n, 0);
	buf_done(&b);
}

/* Our dates are gmtime's. */
static void test_dates(void **state)
{
	struct buf b;

	(void)state;
	fresh(&b);
	for (time_t t = 951696000 - 86400; t < 4200000000; t += 86400 * 3 + 3607) {
		char want[128], have[80];
		struct tm tm;

		assert_non_null(gmtime_r(&t, &tm));
		(void)strftime(have, sizeof have, "%b %H:%M UTC", &tm);
		(void)snprintf(want, sizeof want, "450 4.7.1 On hold until %d %s. ", tm.tm_mday, have);
		buf_reset(&b);
		reply_text_blocked(
			&conf, &(struct reply_block){ .code = 450, .case_id = "7K3M-9QXD", .until = (uint64_t)t }, &b);
		assert_true(slice_starts(buf_slice(&b), slice_str(want)));
	}
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_blocked), cmocka_unit_test(test_sender),
		cmocka_unit_test(test_riders), cmocka_unit_test(test_hostile_settings),
		cmocka_unit_test(test_words_of_a_list), cmocka_unit_test(test_small_buffer),
		cmocka_unit_test(test_dates) };

	return cmocka_run_group_tests_name("reply_text", tests, NULL, NULL);
}
