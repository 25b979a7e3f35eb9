/*
 * domain_list: what a value of main.cf is made of.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/domain_list.h"

/* Each element as kind letter, "!" and text, parted by "|". */
static void check(const char *list, const char *want)
{
	static const char kinds[] = "?wft";
	struct slice rest = slice_str(list);
	struct domain_item item;
	char was[500] = "";
	size_t n = 0;

	while (domain_list_next(&rest, &item))
		n += (size_t)snprintf(was + n, sizeof was - n, "%s%c%s%.*s", n ? "|" : "", kinds[item.kind],
			item.is_not ? "!" : "", SLICE_ARG(item.text));
	assert_string_equal(was, want);
	assert_int_equal(rest.n, 0);
}

static void words_files_and_tables_are_told_apart(void **state)
{
	(void)state;
	check("", "");
	check(" ,\t\r\n, ", "");
	check("d.example", "wd.example");
	check("a.example b.example,c.example,\n\td.example ,", "wa.example|wb.example|wc.example|wd.example");
	check("/etc/postfix/domains, hash:/etc/postfix/d", "f/etc/postfix/domains|thash:/etc/postfix/d");
	check("proxy:mysql:/etc/x.cf [192.0.2.1] [ipv6:::1]", "tproxy:mysql:/etc/x.cf|w[192.0.2.1]|w[ipv6:::1]");
}

static void an_exclamation_mark_says_not(void **state)
{
	(void)state;
	check("!a.example !!b.example !/file !cdb:/x ! !!", "w!a.example|wb.example|f!/file|t!cdb:/x");
}

static void braces_hold_an_element_together(void **state)
{
	(void)state;
	check("inline:{ a=x, b=y } c", "tinline:{ a=x, b=y }|wc");
	check("ldap:(a, b),c", "tldap:(a, b)|wc");
	check("inline:{ {a, b=x} }, c", "tinline:{ {a, b=x} }|wc");
	check("inline:{ a=x", "tinline:{ a=x");
	check("a} b", "wa}|wb");
}

static void any_prefix_ends(void **state)
{
	static const char text[] = "!a, {b\0 ,c} (d) /e ! f:g\x80[h:i";

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		struct slice rest = { text, n };
		struct domain_item item;
		size_t items = 0;

		while (domain_list_next(&rest, &item)) {
			assert_true(item.text.n > 0 && item.text.p >= text && item.text.p + item.text.n <= text + n);
			assert_true(++items <= n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_files_and_tables_are_told_apart),
		cmocka_unit_test(an_exclamation_mark_says_not),
		cmocka_unit_test(braces_hold_an_element_together),
		cmocka_unit_test(any_prefix_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
