/*
 * address: canonical form, splits, extensions, role names.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/address.h"

static void parses_to_the_form_postfix_compares(void **state)
{
	static const struct {
		const char *in, *want, *domain;
	} t[] = {
		{ "", "", "" },
		{ "<>", "", "" },
		{ "CaRol+Ext@PFX.test", "carol+ext@pfx.test", "pfx.test" },
		{ "<a@b.c>", "a@b.c", "b.c" },
		{ "\"bob\"@d", "bob@d", "d" },
		{ "\"a b\"@d", "a b@d", "d" },
		{ "\"a\\\"b\"@d", "a\"b@d", "d" },
		{ "a\\@b@d", "a@b@d", "d" },
		{ "\"a@b\"@d", "a@b@d", "d" },
		{ "@x,@y:u@d", "u@d", "d" },
		{ "@[IPv6:::1]:u@d", "u@d", "d" },
		{ "u@d.", "u@d", "d" },
		{ "Bob", "bob", "" },
		{ "u@[192.0.2.1]", "u@[192.0.2.1]", "[192.0.2.1]" },
		{ "\xc3\x9c@D\xc3\x9c.de", "\xc3\x9c@d\xc3\x9c.de", "d\xc3\x9c.de" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct address a;

		assert_int_equal(address_parse(slice_str(t[i].in), &a), ERR_OK);
		assert_string_equal(a.text, t[i].want);
		assert_true(slice_eq(a.domain, slice_str(t[i].domain)));
		assert_true(a.local.p == a.text);
	}
}

static void refuses_what_is_no_address(void **state)
{
	static const char *const bad[] = { "@d", "a@", "a@.", "a b@d", "\"a@d", "a@d\\", "\"\"", "\"\"@d", "a\tb@d",
		"a\x7f@d", "<a@d", "@x,@y", "a@\"b c\"", "a@b<c" };
	char longest[ADDRESS_TEXT + 1];
	struct address a = { .text = "kept" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(address_parse(slice_str(bad[i]), &a), ERR_SYNTAX);
	assert_int_equal(address_parse(slice_of("a\0b@d", 5), &a), ERR_SYNTAX);
	memset(longest, 'x', sizeof longest);
	longest[5] = '@';
	assert_int_equal(address_parse(slice_of(longest, ADDRESS_TEXT), &a), ERR_LIMIT);
	assert_string_equal(a.text, "kept");
	assert_int_equal(address_parse(slice_of(longest, ADDRESS_TEXT - 1), &a), ERR_OK);
	assert_int_equal(strlen(a.text), ADDRESS_TEXT - 1);
}

static void strips_extensions(void **state)
{
	static const struct {
		const char *in, *delimiters, *want;
	} t[] = {
		{ "a+b@d", "+", "a@d" },
		{ "a+b+c@d", "+", "a@d" },
		{ "a-b+c@d", "+-", "a@d" },
		{ "a+b", "+", "a" },
		{ "a@d", "+", NULL },
		{ "a+b@d", "", NULL },
		{ "+a@d", "+", NULL },
		{ "owner-x@d", "-", NULL },
		{ "x-request@d", "-", NULL },
		{ "x-y@d", "-", "x@d" },
		{ "mailer-daemon@d", "-", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct address a, b;

		assert_int_equal(address_parse(slice_str(t[i].in), &a), ERR_OK);
		assert_int_equal(address_strip_extension(&a, t[i].delimiters, &b), t[i].want != NULL);
		if (t[i].want) {
			assert_string_equal(b.text, t[i].want);
			assert_true(slice_eq(a.domain, b.domain));
			assert_true(address_strip_extension(&a, t[i].delimiters, &a));
			assert_string_equal(a.text, t[i].want);
		}
	}
}

static void knows_role_addresses(void **state)
{
	struct address a;

	(void)state;
	assert_int_equal(address_parse(SLICE_LIT("PostMaster@d"), &a), ERR_OK);
	assert_true(address_is_role(&a));
	assert_int_equal(address_parse(SLICE_LIT("abuse+x@d"), &a), ERR_OK);
	assert_true(address_is_role(&a));
	assert_int_equal(address_parse(SLICE_LIT("postmaster1@d"), &a), ERR_OK);
	assert_false(address_is_role(&a));
}

static void copies_with_its_own_slices(void **state)
{
	struct address a, b;

	(void)state;
	assert_int_equal(address_parse(SLICE_LIT("u@d.example"), &a), ERR_OK);
	address_copy(&a, &b);
	memset(&a, 'z', sizeof a);
	assert_true(slice_eq(b.local, SLICE_LIT("u")));
	assert_true(slice_eq(b.domain, SLICE_LIT("d.example")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_to_the_form_postfix_compares),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(strips_extensions),
		cmocka_unit_test(knows_role_addresses),
		cmocka_unit_test(copies_with_its_own_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
