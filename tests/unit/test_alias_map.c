/*
 * alias_map: values, and back from what LMTP brings.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/alias_map.h"

static void encodes_and_decodes_exact_traps(void **state)
{
	static const struct {
		const char *trap, *value;
	} t[] = {
		{ "trap@pfx.test", "trap=pfx.test=@limetwig.invalid" },
		{ "a=b@d.example", "a==b=d.example=@limetwig.invalid" },
		{ "a=@d.example", "a===d.example=@limetwig.invalid" },
		{ "x+y@d.example", "x+y=d.example=@limetwig.invalid" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct address a, b, back;
		char to[ALIAS_MAP_TEXT];

		assert_int_equal(address_parse(slice_str(t[i].trap), &a), ERR_OK);
		assert_int_equal(alias_map_value(&a, false, to), ERR_OK);
		assert_string_equal(to, t[i].value);
		assert_int_equal(address_parse(slice_str(to), &b), ERR_OK);
		assert_int_equal(alias_map_decode(&b, &back), ERR_OK);
		assert_string_equal(back.text, t[i].trap);
	}
}

static void an_extension_cannot_name_another_trap(void **state)
{
	static const char *const extended[] = { "trap=d.example+x=other.example@limetwig.invalid",
		"trap=d.example=+x=other.example@limetwig.invalid", "trap=d.example=-x@limetwig.invalid",
		"trap=d.example=.com@limetwig.invalid", "trap=d.example=_x@limetwig.invalid",
		"trap=d.example==x@limetwig.invalid", "\"trap=d.example=..x\"@limetwig.invalid",
		"trap=d.example@limetwig.invalid" };
	struct address a, back;

	(void)state;
	for (size_t i = 0; i < sizeof extended / sizeof extended[0]; i++) {
		assert_int_equal(address_parse(slice_str(extended[i]), &a), ERR_OK);
		assert_int_equal(alias_map_decode(&a, &back), ERR_OK);
		assert_string_equal(back.text, "trap@d.example");
	}
}

static void encodes_and_decodes_domains(void **state)
{
	struct address a, back;
	char to[ALIAS_MAP_TEXT];

	(void)state;
	a = (struct address){ .text = "@old.example" };
	a.local = (struct slice){ a.text, 0 };
	a.domain = (struct slice){ a.text + 1, 11 };
	assert_int_equal(alias_map_value(&a, true, to), ERR_OK);
	assert_string_equal(to, "@old.example.limetwig.invalid");
	assert_int_equal(address_parse(SLICE_LIT("any+x=y@old.example.limetwig.invalid"), &a), ERR_OK);
	assert_int_equal(alias_map_decode(&a, &back), ERR_OK);
	assert_string_equal(back.text, "any+x=y@old.example");
	assert_true(slice_eq(back.domain, SLICE_LIT("old.example")));
}

static void tells_riders_from_broken_ones(void **state)
{
	static const char *const riders[] = { "alice@pfx.test", "a@xlimetwig.invalid", "bob" };
	static const char *const broken[] = { "trap@limetwig.invalid", "trap=@limetwig.invalid",
		"trap==d@limetwig.invalid", "=d@limetwig.invalid", "x@.limetwig.invalid", "x=.d@limetwig.invalid" };
	struct address back = { .text = "kept" };

	(void)state;
	for (size_t i = 0; i < sizeof riders / sizeof riders[0]; i++) {
		struct address a;

		assert_int_equal(address_parse(slice_str(riders[i]), &a), ERR_OK);
		assert_int_equal(alias_map_decode(&a, &back), ERR_NOTFOUND);
	}
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		struct address a;

		assert_int_equal(address_parse(slice_str(broken[i]), &a), ERR_OK);
		assert_int_equal(alias_map_decode(&a, &back), ERR_SYNTAX);
	}
	assert_string_equal(back.text, "kept");
}

static void refuses_what_a_map_line_cannot_hold(void **state)
{
	static const char *const bad[] = { "\"a b\"@d", "\"a@b\"@d", "a..b@d", ".a@d", "a@[192.0.2.1]", "a@d..e",
		"#a@d", "a,b@d", "bob" };
	char text[ADDRESS_TEXT], to[ALIAS_MAP_TEXT] = "kept";
	struct address a;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		a = (struct address){ .text = "" };
		if (address_parse(slice_str(bad[i]), &a) == ERR_OK)
			assert_int_equal(alias_map_value(&a, false, to), ERR_SYNTAX);
	}
	memset(text, 'x', sizeof text);
	text[60] = '@';
	assert_int_equal(address_parse(slice_of(text, ADDRESS_TEXT - 1), &a), ERR_OK);
	assert_int_equal(alias_map_value(&a, false, to), ERR_LIMIT);
	assert_int_equal(alias_map_value(&a, true, to), ERR_LIMIT);
	assert_string_equal(to, "kept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_and_decodes_exact_traps),
		cmocka_unit_test(an_extension_cannot_name_another_trap),
		cmocka_unit_test(encodes_and_decodes_domains),
		cmocka_unit_test(tells_riders_from_broken_ones),
		cmocka_unit_test(refuses_what_a_map_line_cannot_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
