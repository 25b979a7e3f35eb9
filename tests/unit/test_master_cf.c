/*
 * master_cf: services, overrides, our transport on and off byte for byte.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/master_cf.h"

static const char text[] = "# service type\n"
			   "smtp      inet  n       -       y       -       -       smtpd\n"
			   "submission inet n - y - - smtpd -v\n"
			   "  -o syslog_name=postfix/submission\n"
			   "# mine\n"
			   "  -o smtpd_client_restrictions=$mua_client_restrictions\n"
			   "  -o smtpd_end_of_data_restrictions=\n"
			   "\n"
			   "  -o { smtpd_recipient_restrictions = permit_mynetworks, reject }\n"
			   "127.0.0.1:10025 inet n - n - - smtpd -osmtpd_client_restrictions=permit_mynetworks,reject\n"
			   "broken line\n"
			   "lmtp unix - - y - - lmtp";

static const char *const items[] = { "$limetwig_client", "$limetwig_eod" };

static void finds_services_and_overrides(void **state)
{
	struct master_service s;
	struct slice v;
	size_t pos = 0;

	(void)state;
	assert_true(master_cf_next(slice_str(text), &pos, &s));
	assert_true(slice_eq(s.name, SLICE_LIT("smtp")) && slice_eq(s.chroot, SLICE_LIT("y")));
	assert_false(master_cf_option(slice_str(text), &s, "smtpd_client_restrictions", &v));
	assert_true(master_cf_next(slice_str(text), &pos, &s));
	assert_true(slice_eq(s.name, SLICE_LIT("submission")) && slice_eq(s.command, SLICE_LIT("smtpd")));
	assert_true(master_cf_option(slice_str(text), &s, "smtpd_client_restrictions", &v));
	assert_true(slice_eq(v, SLICE_LIT("$mua_client_restrictions")));
	assert_true(master_cf_option(slice_str(text), &s, "smtpd_end_of_data_restrictions", &v));
	assert_int_equal(v.n, 0);
	assert_true(master_cf_option(slice_str(text), &s, "smtpd_recipient_restrictions", &v));
	assert_true(slice_eq(v, SLICE_LIT("permit_mynetworks, reject")));
	assert_true(master_cf_next(slice_str(text), &pos, &s));
	assert_true(master_cf_option(slice_str(text), &s, "smtpd_client_restrictions", &v));
	assert_true(slice_eq(v, SLICE_LIT("permit_mynetworks,reject")));
	assert_true(master_cf_next(slice_str(text), &pos, &s));
	assert_true(slice_eq(s.name, SLICE_LIT("lmtp")));
	assert_false(master_cf_next(slice_str(text), &pos, &s));
}

static void edits_and_takes_it_back(void **state)
{
	const struct master_cf_edit edits[] = {
		{ SLICE_LIT("submission"), SLICE_LIT("inet"), "smtpd_end_of_data_restrictions", "$limetwig_eod" },
		{ SLICE_LIT("submission"), SLICE_LIT("inet"), "smtpd_client_restrictions", "$limetwig_client" },
		{ SLICE_LIT("submission"), SLICE_LIT("inet"), "smtpd_recipient_restrictions", "$limetwig_client" },
		{ SLICE_LIT("smtp"), SLICE_LIT("inet"), "smtpd_client_restrictions", "$limetwig_client" },
	};
	const struct master_cf_front front = { SLICE_LIT("submission"), SLICE_LIT("inet") };
	struct buf on, again, off;

	(void)state;
	buf_init(&on, MAIN_CF_MAX);
	buf_init(&again, MAIN_CF_MAX);
	buf_init(&off, MAIN_CF_MAX);
	assert_int_equal(master_cf_apply(slice_str(text), edits, 4, 'y', &front, &on), ERR_OK);
	assert_non_null(strstr(buf_cstr(&on), "smtpd_end_of_data_restrictions=$limetwig_eod\n"));
	assert_non_null(strstr(on.p, "smtpd_client_restrictions=$limetwig_client,$mua_client_restrictions\n"));
	assert_non_null(strstr(on.p, "=$limetwig_client, permit_mynetworks, reject }\n"));
	assert_non_null(strstr(on.p, "\nlimetwig unix - - y - 10 lmtp\n  -o lmtp_send_xforward_command=yes\n"));
	/* the front's overrides as they are now, ours behind them */
	assert_non_null(strstr(on.p, "\nlimetwig-hand unix - - y - - smtpd\n"));
	assert_non_null(strstr(strstr(on.p, "limetwig-hand"),
		"  -o smtpd_client_restrictions=$limetwig_client,$mua_client_restrictions\n"));
	assert_non_null(strstr(strstr(on.p, "limetwig-hand"), "  -o smtpd_upstream_proxy_protocol=haproxy\n"));
	assert_int_equal(master_cf_apply(buf_slice(&on), edits, 4, 'y', &front, &again), ERR_OK);
	assert_true(slice_eq(buf_slice(&on), buf_slice(&again)));
	assert_int_equal(master_cf_revert(buf_slice(&on), items, 2, true, &off), ERR_OK);
	assert_non_null(strstr(buf_cstr(&off), "\nlimetwig unix"));
	assert_null(strstr(off.p, "$limetwig_"));
	assert_int_equal(master_cf_revert(buf_slice(&on), items, 2, false, &off), ERR_OK);
	assert_string_equal(buf_cstr(&off), text);
	buf_done(&on);
	buf_done(&again);
	buf_done(&off);
}

static void adds_a_line_of_its_own(void **state)
{
	static const char *const texts[] = {
		"smtp inet n - y - - smtpd\n",
		"smtp inet n - y - - smtpd",
		"smtp inet n - y - - smtpd\n  -o a=b\n# x\n\nsmtp unix - - y - - smtp\n",
		"smtp inet n - y - - smtpd\r\n\t-o a=b\r\n",
		"smtp inet n - y - - smtpd\n# the end",
		"smtp inet n - y - - smtpd\n  -o smtpd_discard_ehlo_keywords=\n",
		"smtp inet n - y - - smtpd -o {smtpd_discard_ehlo_keywords = chunking}",
	};
	const struct master_cf_edit edit = { SLICE_LIT("smtp"), SLICE_LIT("inet"), "smtpd_discard_ehlo_keywords",
		"$limetwig_ehlo", true };
	const char *const ehlo[] = { "$limetwig_client", "$limetwig_ehlo" };
	struct buf on, again, off;

	(void)state;
	buf_init(&on, MAIN_CF_MAX);
	buf_init(&again, MAIN_CF_MAX);
	buf_init(&off, MAIN_CF_MAX);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		for (int chroot = 0; chroot <= 'n'; chroot += 'n') {
			struct master_service s;
			struct slice v;
			size_t pos = 0;

			assert_int_equal(
				master_cf_apply(slice_str(texts[i]), &edit, 1, (char)chroot, NULL, &on), ERR_OK);
			assert_true(master_cf_next(buf_slice(&on), &pos, &s));
			assert_true(master_cf_option(buf_slice(&on), &s, edit.parameter, &v));
			assert_true(slice_starts(v, SLICE_LIT("$limetwig_ehlo")));
			assert_int_equal(master_cf_apply(buf_slice(&on), &edit, 1, (char)chroot, NULL, &again), ERR_OK);
			assert_true(slice_eq(buf_slice(&on), buf_slice(&again)));
			assert_int_equal(master_cf_revert(buf_slice(&on), ehlo, 2, false, &off), ERR_OK);
			assert_string_equal(buf_cstr(&off), texts[i]);
		}
	buf_done(&on);
	buf_done(&again);
	buf_done(&off);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_services_and_overrides),
		cmocka_unit_test(edits_and_takes_it_back),
		cmocka_unit_test(adds_a_line_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
