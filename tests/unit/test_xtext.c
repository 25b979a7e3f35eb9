/*
 * test_xtext: RFC 3461 4, and what a hostile client puts there.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/xtext.h"

/* For tables: a slice as a constant. */
#define LIT(s)                                                                                                         \
	{                                                                                                              \
		(s), sizeof(s) - 1                                                                                     \
	}

static void test_cases(void **state)
{
	static const struct {
		struct slice in;
		enum err want;
		const char *out;
	} cases[] = {
		{ LIT(""), ERR_OK, "" },
		{ LIT("plain@pfx.test"), ERR_OK, "plain@pfx.test" },
		{ LIT("trap+2Bx@pfx.test"), ERR_OK, "trap+x@pfx.test" },
		{ LIT("a+3Db+3dc"), ERR_OK, "a=b=c" },
		{ LIT("+0D+0A"), ERR_OK, "\r\n" },
		{ LIT("j\xc3\xbcrgen"), ERR_OK, "j\xc3\xbcrgen" },
		{ LIT("a+"), ERR_SYNTAX, "" },
		{ LIT("a+2"), ERR_SYNTAX, "" },
		{ LIT("a+2G"), ERR_SYNTAX, "" },
		{ LIT("a+00b"), ERR_SYNTAX, "" },
		{ LIT("a b"), ERR_SYNTAX, "" },
		{ LIT("a\0b"), ERR_SYNTAX, "" },
		{ LIT("a\x7f"), ERR_SYNTAX, "" },
		{ LIT("123456789012345"), ERR_OK, "123456789012345" },
		{ LIT("1234567890123456"), ERR_LIMIT, "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char to[16] = "before";

		assert_int_equal((int)xtext_decode(cases[i].in, to, sizeof to), (int)cases[i].want);
		assert_string_equal(to, cases[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
