/*
 * test_trap_pattern: what matches, what does not compile, and a pattern made
 * to run for ever.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "io/trap_pattern.h"

static void add(struct trap_patterns *p, const char *pattern, uint32_t trap)
{
	char text[200] = "";

	if (trap_patterns_add(p, slice_str(pattern), trap, text, sizeof text) != ERR_OK)
		fail_msg("%s: %s", pattern, text);
}

static uint32_t find(struct trap_patterns *p, const char *address)
{
	struct address a;
	uint32_t trap = 0;

	assert_int_equal((int)address_parse(slice_str(address), &a), ERR_OK);
	return trap_patterns_find(p, &a, &trap) ? trap : 0;
}

static void test_find(void **state)
{
	struct trap_patterns *p = trap_patterns_new();

	(void)state;
	assert_non_null(p);
	assert_int_equal((int)find(p, "a@b"), 0);
	add(p, "^info[0-9]+@", 7);
	add(p, "^INFO", 8);
	add(p, "a\\/b", 9);
	assert_int_equal((int)trap_patterns_count(p), 3);
	assert_int_equal((int)find(p, "info12@example.org"), 7);
	assert_int_equal((int)find(p, "Information@example.org"), 8);
	assert_int_equal((int)find(p, "xa/by@example.org"), 9);
	assert_int_equal((int)find(p, "other@example.org"), 0);
	assert_int_equal((int)find(p, "\xc3\x28@example.org"), 0);
	assert_int_equal((int)trap_patterns_limited(p), 0);
	trap_patterns_free(p);
	trap_patterns_free(NULL);
}

static void test_bad_patterns(void **state)
{
	static const char *const bad[] = { "(", "[a", "a{2,1}", "(?P<x", "\\C", "(*UTF)a", "(?C99999)", "*" };
	struct trap_patterns *p = trap_patterns_new();

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[200] = "";

		assert_int_equal((int)trap_patterns_add(p, slice_str(bad[i]), 1, text, sizeof text), ERR_SYNTAX);
		assert_non_null(strstr(text, "character"));
	}
	assert_int_equal((int)trap_patterns_count(p), 0);
	trap_patterns_free(p);
}

static void test_cap(void **state)
{
	struct trap_patterns *p = trap_patterns_new();
	char text[200];

	(void)state;
	assert_non_null(p);
	for (uint32_t i = 0; i < TRAP_TABLE_PATTERNS; i++)
		add(p, "^x", i + 1);
	assert_int_equal((int)trap_patterns_add(p, SLICE_LIT("^y"), 1, text, sizeof text), ERR_FULL);
	assert_int_equal((int)find(p, "x@y"), 1);
	trap_patterns_free(p);
}

/* 100 patterns of the worst kind and a local part made for them: bounded, and counted. */
static void test_runaway_is_bounded(void **state)
{
	struct trap_patterns *p = trap_patterns_new();
	char address[ADDRESS_TEXT];
	struct timespec a, b;
	double ms;

	(void)state;
	assert_non_null(p);
	for (uint32_t i = 0; i < TRAP_TABLE_PATTERNS; i++)
		add(p, "^((a+)+)+$", i + 1);
	memset(address, 'a', 60);
	strcpy(address + 60, "@example.org");
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal((int)find(p, address), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	assert_int_equal((int)trap_patterns_limited(p), (int)TRAP_TABLE_PATTERNS);
	print_message("# %u runaway patterns: %.1f ms\n", TRAP_TABLE_PATTERNS, ms);
	assert_true(ms < 2000);
	trap_patterns_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_bad_patterns),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_runaway_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
