/*
 * map_set: sort, merge, diff; diff and merge undo each other.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/map_set.h"

static struct buf b;

static void sorts_and_keeps_the_last(void **state)
{
	(void)state;
	assert_int_equal(map_set_sort(SLICE_LIT("c\t1\na\t1\nb\t1\na\t2\n\nab\t3"), &b), ERR_OK);
	assert_string_equal(buf_cstr(&b), "a\t2\nab\t3\nb\t1\nc\t1\n");
	assert_int_equal(map_set_sort(SLICE_LIT(""), &b), ERR_OK);
	assert_int_equal(b.n, 0);
	assert_int_equal(map_set_sort(SLICE_LIT("a\t1\na\n"), &b), ERR_OK);
	assert_string_equal(buf_cstr(&b), "a\n");
}

static void merges_changes(void **state)
{
	(void)state;
	assert_int_equal(map_set_merge(SLICE_LIT("a\t1\nc\t1\nd\t1\n"), SLICE_LIT("a\nb\t2\nd\t9\nx\n"), &b), ERR_OK);
	assert_string_equal(buf_cstr(&b), "b\t2\nc\t1\nd\t9\n");
}

static void finds_the_difference(void **state)
{
	const struct slice from = SLICE_LIT("a\t1\nc\t1\nd\t1\n"), to = SLICE_LIT("b\t2\nc\t1\nd\t9\n");
	struct buf back;
	size_t n;

	(void)state;
	assert_int_equal(map_set_diff(from, to, &b, &n), ERR_OK);
	assert_string_equal(buf_cstr(&b), "a\nb\t2\nd\t9\n");
	assert_int_equal(n, 3);
	buf_init(&back, 1000);
	assert_int_equal(map_set_merge(from, buf_slice(&b), &back), ERR_OK);
	assert_true(slice_eq(buf_slice(&back), to));
	assert_int_equal(map_set_diff(to, to, &b, &n), ERR_OK);
	assert_int_equal(n, 0);
	buf_done(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_and_keeps_the_last),
		cmocka_unit_test(merges_changes),
		cmocka_unit_test(finds_the_difference),
	};
	int status;

	buf_init(&b, 1000);
	status = cmocka_run_group_tests(tests, NULL, NULL);
	buf_done(&b);
	return status;
}
