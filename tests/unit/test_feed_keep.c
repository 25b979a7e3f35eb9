/*
 * feed_keep: what is kept comes back; no torn file does; how much may change.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/feed_keep.h"
#include "set_rig.h"

#include <stdio.h>

static const struct feed_keep example = { .key = { 1, 2, 3 },
	.time = 1795298935,
	.changed = 1795298000,
	.entries = 7,
	.refused = 2,
	.mark = UINT64_MAX,
	.tag = "W/\"abc\"",
	.modified = "Sun, 22 Nov 2026 08:00:00 GMT",
	.text = "you are listed" };

static size_t file_of(const struct feed_keep *k, uint8_t **ret)
{
	struct prefix_set s = set_of("192.0.2.0/24 2001:db8::/48");
	size_t n = feed_area_bytes(&s);
	uint8_t *file = calloc(1, FEED_KEEP_HEAD + n);

	assert_non_null(file);
	feed_area_write(&s, file + FEED_KEEP_HEAD);
	feed_keep_write(k, slice_of(file + FEED_KEEP_HEAD, n), file);
	prefix_set_done(&s);
	*ret = file;
	return FEED_KEEP_HEAD + n;
}

static void test_comes_back(void **state)
{
	struct feed_area a;
	struct feed_keep k;
	struct slice area;
	uint8_t *file;
	size_t n = file_of(&example, &file);

	(void)state;
	assert_int_equal(feed_keep_read(slice_of(file, n), &k, &area), ERR_OK);
	assert_memory_equal(k.key, example.key, sizeof k.key);
	assert_int_equal(k.time, example.time);
	assert_int_equal(k.changed, example.changed);
	assert_int_equal(k.entries, 7);
	assert_int_equal(k.refused, 2);
	assert_true(k.mark == UINT64_MAX);
	assert_string_equal(k.tag, example.tag);
	assert_string_equal(k.modified, example.modified);
	assert_string_equal(k.text, example.text);
	assert_int_equal(feed_area_open(&a, area.p, area.n), ERR_OK);
	assert_int_equal(a.prefixes, 2);
	free(file);
}

/* The longest of all texts fits into the head. */
static void test_longest(void **state)
{
	struct feed_keep k = example, back;
	struct slice area;
	uint8_t *file;
	size_t n;

	(void)state;
	memset(k.tag, 't', sizeof k.tag - 1);
	memset(k.modified, 'm', sizeof k.modified - 1);
	memset(k.text, 'x', sizeof k.text - 1);
	n = file_of(&k, &file);
	assert_int_equal(feed_keep_read(slice_of(file, n), &back, &area), ERR_OK);
	assert_string_equal(back.tag, k.tag);
	assert_string_equal(back.text, k.text);
	free(file);
}

static void test_torn(void **state)
{
	struct feed_keep k;
	struct slice area;
	uint8_t *file;
	size_t n = file_of(&example, &file);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_int_not_equal(feed_keep_read(slice_of(file, i), &k, &area), ERR_OK);
		file[i] ^= 0x10;
		assert_int_not_equal(feed_keep_read(slice_of(file, n), &k, &area), ERR_OK);
		file[i] ^= 0x10;
	}
	file[8 + 3] ^= 2; /* the version */
	assert_int_equal(feed_keep_read(slice_of(file, n), &k, &area), ERR_VERSION);
	free(file);
}

static struct feed_change change_of(const char *was_text, const char *is_text)
{
	struct prefix_set was = set_of(was_text), is = set_of(is_text);
	struct feed_change c = { 0 };

	feed_change_find(&was, &is, &c);
	prefix_set_done(&was);
	prefix_set_done(&is);
	return c;
}

static void test_change(void **state)
{
	struct feed_change c = change_of("192.0.2.0/24 2001:db8::/48", "192.0.2.0/25 198.51.100.0/26 2001:db8::/48");

	(void)state;
	assert_int_equal(c.had4, 256);
	assert_int_equal(c.added4, 64);
	assert_int_equal(c.removed4, 128);
	assert_int_equal(c.had6, 65536);
	assert_int_equal(c.added6 + c.removed6, 0);
	assert_true(feed_change_is_large(&c, 25));
	assert_true(feed_change_is_large(&c, 74));
	assert_false(feed_change_is_large(&c, 75));
	assert_false(feed_change_is_large(&c, 100));
	/* a handful may always change: a list of one's own begins small */
	c = change_of("192.0.2.1", "192.0.2.1 192.0.2.9 192.0.2.12");
	assert_false(feed_change_is_large(&c, 25));
	c = change_of("192.0.2.1", "192.0.2.1 192.0.2.16/28"); /* FEED_CHANGE_FEW */
	assert_false(feed_change_is_large(&c, 25));
	c = change_of("192.0.2.1", "192.0.2.1 192.0.2.3 192.0.2.16/28");
	assert_true(feed_change_is_large(&c, 25));
	c = change_of("192.0.2.1", "192.0.2.0/27");
	assert_true(feed_change_is_large(&c, 25));
	c = change_of("2001:db8::/48 192.0.2.0/24", "2001:db9::/48 192.0.2.0/24");
	assert_true(feed_change_is_large(&c, 25));
	c = change_of("192.0.2.0/24", "0.0.0.0/0 ::/0");
	assert_true(feed_change_is_large(&c, 99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_back),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_change),
	};

	return cmocka_run_group_tests_name("feed_keep", tests, NULL, NULL);
}
