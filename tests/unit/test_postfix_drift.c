/*
 * postfix_drift: each of our parts taken away, one at a time.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/postfix_drift.h"

static struct conf conf;

static const char *const whole[] = {
	"limetwig_client = check_policy_service $limetwig_policy\n",
	"limetwig_policy = { unix:limetwig/policy, timeout=2s, try_limit=1, default_action=DUNNO }\n",
	"smtpd_client_restrictions = $limetwig_client, permit_mynetworks\n",
	"smtpd_end_of_data_restrictions = $limetwig_eod\n",
	"transport_maps = inline:{limetwig.invalid=limetwig:unix:limetwig/lmtp, .limetwig.invalid=limetwig:x}\n",
	"virtual_alias_domains = lmdb:/etc/postfix/limetwig_domains, $virtual_alias_maps\n",
	"virtual_alias_maps = lmdb:/etc/postfix/limetwig_virtual, hash:/etc/postfix/virtual\n",
};
#define LINES (sizeof whole / sizeof whole[0])

/* All lines but one, and instead of it another. */
static struct postfix_drift find(size_t without, const char *instead)
{
	struct postfix_drift d = { 99, false, { "" } };
	char text[4096];
	size_t n = 0;

	for (size_t i = 0; i < LINES; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s", i == without ? instead : whole[i]);
	if (without == LINES)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s", instead);
	assert_int_equal(postfix_drift_find((struct slice){ text, n }, &conf, &d), ERR_OK);
	return d;
}

static void names_what_is_gone(void **state)
{
	static const struct {
		size_t without;
		const char *instead, *want; /* want: "" nothing found */
	} t[] = {
		{ LINES, "", "" },
		{ 0, "", "limetwig_client is used, but not set" },
		{ 1, "", "limetwig_policy does not name" },
		{ 1, "limetwig_policy = { unix:/run/limetwig/policy, timeout=2s }\n", "limetwig_policy does not name" },
		{ 2, "smtpd_client_restrictions = permit_mynetworks\n", "$limetwig_client is gone from smtpd_client" },
		{ 2, "smtpd_client_restrictions = permit_mynetworks, $limetwig_client\n", "is not the first of" },
		{ 2, "smtpd_delay_reject = no\nsmtpd_recipient_restrictions = $limetwig_client, reject\n", "" },
		{ 2, "smtpd_delay_reject = no\n", "$limetwig_client is gone from smtpd_recipient" },
		/* smtpd_delay_reject = no in master.cf, which is not seen here */
		{ 2, "smtpd_recipient_restrictions = $limetwig_client, reject\n", "" },
		{ 2, "smtpd_recipient_restrictions = reject, $limetwig_client\n", "not the first of smtpd_recipient" },
		{ 2, "smtpd_recipient_restrictions = reject\n", "$limetwig_client is gone from smtpd_client" },
		{ 3, "", "$limetwig_eod is gone" },
		{ 4, "transport_maps = hash:/etc/postfix/transport\n", "transport_maps does not name" },
		{ 5, "", "limetwig_domains is gone from virtual_alias_domains" },
		{ LINES, "smtpd_discard_ehlo_keywords = $limetwig_ehlo\n", "limetwig_ehlo does not take DSN" },
		{ LINES, "limetwig_ehlo = silent-discard, dsn\nsmtpd_discard_ehlo_keywords = $limetwig_ehlo\n", "" },
		{ 6, "virtual_alias_maps = hash:/etc/postfix/limetwig_virtual\n",
			"lmdb:/etc/postfix/limetwig_virtual is gone from virtual_alias_maps" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct postfix_drift d = find(t[i].without, t[i].instead);

		assert_int_equal(d.count, t[i].want[0] ? 1 : 0);
		if (d.count)
			assert_non_null(strstr(d.text[0], t[i].want));
	}
}

#define HEAD "smtp       inet  n       -       y       -       -       smtpd\n"
#define CLIENT_OVER "    -o smtpd_client_restrictions=permit_mynetworks\n"
#define OURS "limetwig   unix  -       -       y       -       -       lmtp\n"
#define SUBMISSION "submission inet  n       -       y       -       -       smtpd\n"

static void looks_into_master_cf(void **state)
{
	static const struct {
		const char *text, *want;
		bool is_late;
	} t[] = {
		{ HEAD OURS, "", false },
		{ HEAD, "the transport limetwig is gone", false },
		{ HEAD CLIENT_OVER OURS, "master.cf: smtp overrides smtpd_client_restrictions", false },
		{ HEAD CLIENT_OVER OURS, "", true }, /* the other stage */
		{ HEAD "    -o smtpd_client_restrictions=$limetwig_client,permit\n" OURS, "", false },
		{ HEAD SUBMISSION CLIENT_OVER OURS, "", false }, /* ours to trust, not to ask */
		{ "127.0.0.1:25 inet n - y - - smtpd\n" CLIENT_OVER OURS, "", false },
		{ "192.0.2.1:25 inet n - y - - smtpd\n" CLIENT_OVER OURS, "master.cf: 192.0.2.1:25 overrides", false },
		{ "smtpd pass - - y - - smtpd\n" CLIENT_OVER OURS, "master.cf: smtpd overrides", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct postfix_drift d = { 0 };

		assert_int_equal(postfix_drift_find_master(slice_str(t[i].text), &conf, t[i].is_late, &d), ERR_OK);
		assert_int_equal(d.count, t[i].want[0] ? 1 : 0);
		if (d.count)
			assert_non_null(strstr(d.text[0], t[i].want));
	}
	{
		struct postfix_drift d = { 99, false, { "" } };

		assert_int_equal(
			postfix_drift_find_master(slice_str("postconf: fatal: no\n"), &conf, false, &d), ERR_SYNTAX);
		assert_int_equal(d.count, 99);
	}
}

static void misses_the_way_to_postmaster_where_we_answer(void **state)
{
	static const struct {
		enum conf_fw_action action;
		const char *service, *text, *want;
		bool is_through;
	} t[] = {
		{ FW_ACTION_ANSWER, "limetwig-hand", HEAD OURS, "the service limetwig-hand is gone", true },
		{ FW_ACTION_TARPIT, "limetwig-hand", HEAD OURS, "the service limetwig-hand is gone", true },
		{ FW_ACTION_ANSWER, "limetwig-hand", HEAD OURS "limetwig-hand unix - - y - - smtpd\n", "", true },
		{ FW_ACTION_ANSWER, "limetwig-hand", HEAD OURS, "", false },
		{ FW_ACTION_ANSWER, "", HEAD OURS, "", true }, /* setup has not made it: nothing is gone */
		{ FW_ACTION_REJECT, "limetwig-hand", HEAD OURS, "", true },
	};
	struct conf c = conf;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct postfix_drift d = { 0 };

		c.firewall.action = t[i].action;
		c.tarpit.hand_through = t[i].is_through;
		(void)snprintf(c.postfix.handthrough, sizeof c.postfix.handthrough, "%s", t[i].service);
		assert_int_equal(postfix_drift_find_master(slice_str(t[i].text), &c, false, &d), ERR_OK);
		assert_int_equal(d.count, t[i].want[0] ? 1 : 0);
		if (d.count)
			assert_non_null(strstr(d.text[0], t[i].want));
	}
}

static void says_that_all_of_it_is_gone_once(void **state)
{
	struct postfix_drift d = { 99, false, { "" } };

	(void)state;
	assert_int_equal(postfix_drift_find(slice_str("mydomain = example.org\n"), &conf, &d), ERR_OK);
	assert_int_equal(d.count, 1);
	assert_non_null(strstr(d.text[0], "limetwig is not in main.cf any more"));
}

static void says_nothing_of_what_is_no_postconf(void **state)
{
	struct postfix_drift d = { 99, false, { "" } };

	(void)state;
	assert_int_equal(postfix_drift_find((struct slice){ NULL, 0 }, &conf, &d), ERR_SYNTAX);
	assert_int_equal(postfix_drift_find(slice_str("postconf: fatal: no main.cf\n"), &conf, &d), ERR_SYNTAX);
	assert_int_equal(d.count, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_is_gone),
		cmocka_unit_test(looks_into_master_cf),
		cmocka_unit_test(misses_the_way_to_postmaster_where_we_answer),
		cmocka_unit_test(says_that_all_of_it_is_gone_once),
		cmocka_unit_test(says_nothing_of_what_is_no_postconf),
	};

	conf_defaults(&conf);
	conf.postfix.own_services.count = 1;
	(void)snprintf(conf.postfix.own_services.item[0], sizeof conf.postfix.own_services.item[0], "25");
	(void)snprintf(conf.postfix.map, sizeof conf.postfix.map, "lmdb:/etc/postfix/limetwig_virtual");
	(void)snprintf(conf.postfix.domains, sizeof conf.postfix.domains, "lmdb:/etc/postfix/limetwig_domains");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
