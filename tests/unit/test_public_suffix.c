/*
 * test_public_suffix: the list is there and says what it should.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/public_suffix.h"

static void suffixes(void **state)
{
	(void)state;
	assert_true(public_suffix_is("org"));
	assert_true(public_suffix_is("co.uk"));
	assert_true(public_suffix_is("github.io"));
	assert_true(public_suffix_is("xn--p1ai"));
	assert_true(public_suffix_is("no-such-top-level"));
	assert_true(public_suffix_is(""));
}

static void registered_names(void **state)
{
	(void)state;
	assert_false(public_suffix_is("example.org"));
	assert_false(public_suffix_is("example.co.uk"));
	assert_false(public_suffix_is("mail.example.github.io"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suffixes),
		cmocka_unit_test(registered_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
