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
	(void)snprintf(conf.contact, sizeof conf.contact, "https://postmaster.example.org/ or +49 30 5550100");
}

static void test_blocked(void **state)
{
	struct buf b;

	(void)state;
	fresh(&b);
	reply_text_blocked(&conf, 450, "7K3M-9QXD", 1763820600, &b);
	assert_string_equal(buf_cstr(&b), "450 4.7.1 On hold until 22 Nov 14:10 UTC. Case 7K3M-9QXD. You can write to "
					  "postmaster@ here; help: https://postmaster.example.org/ or +49 30 5550100");
	buf_reset(&b);
	conf.contact[0] = '\0';
	reply_text_blocked(&conf, 554, "7K3M-9QXD", 1763820600, &b);
	assert_string_equal(buf_cstr(&b), "554 5.7.1 On hold until 22 Nov 14:10 UTC. Case 7K3M-9QXD. You can write to "
					  "postmaster@ here");
	buf_reset(&b);
	conf.always_open.count = 0;
	(void)snprintf(conf.contact, sizeof conf.contact, "x");
	reply_text_blocked(&conf, 0, "7K3M-9QXD", 0, &b);
	assert_string_equal(buf_cstr(&b), "450 4.7.1 On hold until 1 Jan 00:00 UTC. Case 7K3M-9QXD. For help: x");
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
	reply_text_blocked(&conf, 999, "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", UINT64_MAX, &b);
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

/* Too small a buffer: the bare action, or nothing; never half a text. */
static void test_small_buffer(void **state)
{
	struct buf b;

	(void)state;
	fresh(&b);
	b.cap = 24;
	reply_text_blocked(&conf, 554, "7K3M-9QXD", 1, &b);
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
		reply_text_blocked(&conf, 450, "7K3M-9QXD", (uint64_t)t, &b);
		assert_true(slice_starts(buf_slice(&b), slice_str(want)));
	}
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_blocked), cmocka_unit_test(test_riders),
		cmocka_unit_test(test_hostile_settings), cmocka_unit_test(test_small_buffer),
		cmocka_unit_test(test_dates) };

	return cmocka_run_group_tests_name("reply_text", tests, NULL, NULL);
}
