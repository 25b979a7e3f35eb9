/*
 * main_cf: each form of a parameter, on and off again byte for byte.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/main_cf.h"

static const struct main_cf_edit edits[] = {
	{ "limetwig_policy", "{ unix:limetwig/policy, timeout=2s }", "", false },
	{ "smtpd_client_restrictions", "$limetwig_client", "", true },
	{ "virtual_alias_maps", "lmdb:/etc/postfix/limetwig_virtual", "$virtual_maps", true },
	{ "transport_maps", "inline:{limetwig.invalid=limetwig:x, .limetwig.invalid=limetwig:x}", "", true },
};
#define EDITS (sizeof edits / sizeof edits[0])

static struct buf on, off;

static int setup(void **state)
{
	(void)state;
	buf_init(&on, MAIN_CF_MAX);
	buf_init(&off, MAIN_CF_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_done(&on);
	buf_done(&off);
	return 0;
}

static void check_round_trip(const char *text)
{
	struct buf again;

	assert_int_equal(main_cf_apply(slice_str(text), edits, EDITS, &on), ERR_OK);
	assert_int_equal(main_cf_revert(buf_slice(&on), edits, EDITS, &off), ERR_OK);
	assert_string_equal(buf_cstr(&off), text);
	buf_init(&again, MAIN_CF_MAX);
	assert_int_equal(main_cf_apply(buf_slice(&on), edits, EDITS, &again), ERR_OK);
	assert_string_equal(buf_cstr(&again), buf_cstr(&on));
	buf_done(&again);
}

static void edits_each_form_and_takes_it_back(void **state)
{
	static const struct {
		const char *text, *want; /* want: found in the edited text */
	} t[] = {
		{ "", "smtpd_client_restrictions = $limetwig_client\n" },
		{ "a = b\n", "\n\n# limetwig begin" },
		{ "a = b", "# limetwig end" },
		{ "virtual_alias_maps = proxy:mysql:/x\n",
			"virtual_alias_maps = lmdb:/etc/postfix/limetwig_virtual,\n    proxy:mysql:/x\n" },
		{ "virtual_alias_maps=hash:/x  \n",
			"virtual_alias_maps=lmdb:/etc/postfix/limetwig_virtual,\n    hash:/x  \n" },
		{ "smtpd_client_restrictions =\n  # mine\n\n   permit_mynetworks,\n# jan 2019\n\treject\nb = c\n",
			"smtpd_client_restrictions =\n    $limetwig_client,\n  # mine\n\n   permit_mynetworks,\n# "
			"jan" },
		{ "transport_maps =\nx = y\n", "transport_maps =\n    inline:{limetwig.invalid" },
		{ "transport_maps =", "transport_maps =\n    inline:{limetwig.invalid" },
		{ "transport_maps = \n\n# c\n", "transport_maps = \n    inline:{" },
		{ "virtual_alias_maps = a\nvirtual_alias_maps = b\n",
			"virtual_alias_maps = a\nvirtual_alias_maps = lmdb" },
		{ "smtpd_client_restrictions = #x, y\n", "smtpd_client_restrictions = $limetwig_client, #x, y\n" },
		{ "smtpd_client_restrictions = { a, b }, c", "= $limetwig_client,\n    { a, b }, c" },
		{ "# smtpd_client_restrictions = x\n", "\nsmtpd_client_restrictions = $limetwig_client\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		check_round_trip(t[i].text);
		if (!strstr(buf_cstr(&on), t[i].want))
			fail_msg("%s: not in: %s", t[i].want, buf_cstr(&on));
	}
}

static void keeps_what_others_changed_meanwhile(void **state)
{
	(void)state;
	assert_int_equal(main_cf_apply(SLICE_LIT("a = b\n"), edits, EDITS, &on), ERR_OK);
	assert_int_equal(buf_add_str(&on, "later = yes\n"), ERR_OK);
	assert_int_equal(main_cf_revert(buf_slice(&on), edits, EDITS, &off), ERR_OK);
	assert_string_equal(buf_cstr(&off), "a = b\nlater = yes\n");
	/* as postconf -e leaves a list that was in our block */
	assert_int_equal(
		main_cf_revert(SLICE_LIT("smtpd_client_restrictions = $limetwig_client, reject\n"), edits, EDITS, &off),
		ERR_OK);
	assert_string_equal(buf_cstr(&off), "smtpd_client_restrictions = reject\n");
	assert_int_equal(
		main_cf_revert(SLICE_LIT("smtpd_client_restrictions = a, $limetwig_client,b\n"), edits, EDITS, &off),
		ERR_OK);
	assert_string_equal(buf_cstr(&off), "smtpd_client_restrictions = a, b\n");
}

static void keeps_a_line_that_somebody_put_into_our_block(void **state)
{
	const char *end;

	(void)state;
	assert_int_equal(main_cf_apply(SLICE_LIT("a = b\n"), edits, EDITS, &on), ERR_OK);
	end = strstr(buf_cstr(&on), "# limetwig end");
	assert_non_null(end);
	on.n = (size_t)(end - on.p);
	assert_int_equal(buf_add_str(&on, "mine = yes #xx\n# limetwig end\n"), ERR_OK);
	assert_int_equal(main_cf_revert(buf_slice(&on), edits, EDITS, &off), ERR_OK);
	assert_string_equal(buf_cstr(&off), "a = b\nmine = yes #xx\n");
}

static void reads_values(void **state)
{
	struct buf v;
	bool first;

	(void)state;
	buf_init(&v, 1000);
	assert_true(main_cf_get(SLICE_LIT("x = 1\nx =  a,\n# no\n  b\n\n c\ny = 2\n"), "x", &v));
	assert_string_equal(buf_cstr(&v), "a, b c");
	assert_false(main_cf_get(SLICE_LIT("# x = 1\n xx = 2\n"), "x", &v));
	assert_true(main_cf_get(SLICE_LIT("x ="), "x", &v));
	assert_int_equal(v.n, 0);
	assert_true(main_cf_has_item(SLICE_LIT("$limetwig_client, b"), "$limetwig_client", &first));
	assert_true(first);
	assert_true(main_cf_has_item(SLICE_LIT("{ x, y } $limetwig_client"), "$limetwig_client", &first));
	assert_false(first);
	assert_false(main_cf_has_item(SLICE_LIT("{ x, $limetwig_client }"), "$limetwig_client", &first));
	assert_false(main_cf_has_item(SLICE_LIT("$limetwig_clients"), "$limetwig_client", NULL));
	buf_done(&v);
}

static void refuses_nul_and_too_much(void **state)
{
	struct buf small;

	(void)state;
	assert_int_equal(main_cf_apply(slice_of("a\0b", 3), edits, EDITS, &on), ERR_SYNTAX);
	buf_init(&small, 40);
	assert_int_equal(main_cf_apply(SLICE_LIT("a = b\n"), edits, EDITS, &small), ERR_LIMIT);
	buf_done(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_each_form_and_takes_it_back),
		cmocka_unit_test(keeps_what_others_changed_meanwhile),
		cmocka_unit_test(keeps_a_line_that_somebody_put_into_our_block),
		cmocka_unit_test(reads_values),
		cmocka_unit_test(refuses_nul_and_too_much),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
