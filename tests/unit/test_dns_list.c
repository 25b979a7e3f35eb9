/*
 * dns_list: names, codes, and which answers are no listing.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/dns_list.h"

static struct ipaddr ip(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(slice_str(text), &a), ERR_OK);
	return a;
}

static struct dns_codes codes(const char *text)
{
	struct dns_codes c;

	assert_int_equal(dns_codes_parse(slice_str(text), &c), ERR_OK);
	return c;
}

static void names_are_reversed(void **state)
{
	struct ipaddr four = ip("192.0.2.99"), six = ip("2001:db8:1:2:3:4:567:89ab"), none = { 0 };
	struct dns_question q;
	char zone[260];

	(void)state;
	assert_int_equal(dns_list_question(&four, "bl.Example.net.", &q), ERR_OK);
	assert_string_equal(q.name, "99.2.0.192.bl.example.net");
	assert_int_equal(q.type, DNS_A);
	assert_int_equal(dns_list_question(&six, "bl.example.net", &q), ERR_OK);
	assert_string_equal(q.name, "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.net");
	assert_int_equal(dns_list_question(&none, "bl.example.net", &q), ERR_SYNTAX);
	assert_int_equal(dns_list_question(&four, "", &q), ERR_SYNTAX);
	assert_int_equal(dns_list_question(&four, "a b", &q), ERR_SYNTAX);
	for (size_t i = 0; i < 250; i++)
		zone[i] = i % 50 == 49 ? '.' : 'z';
	zone[235] = '\0';
	assert_int_equal(dns_list_question(&four, zone, &q), ERR_OK);
	assert_true(strlen(q.name) <= 253);
	assert_int_equal(dns_list_question(&six, zone, &q), ERR_LIMIT);
	zone[235] = 'z';
	zone[244] = '\0';
	assert_int_equal(dns_list_question(&four, zone, &q), ERR_LIMIT);
}

static void codes_are_patterns(void **state)
{
	struct dns_codes c = codes("127.0.[0..255].[1..3]  127.0.0.10\t127.0.1.2");
	struct ipaddr a;

	(void)state;
	assert_int_equal(c.count, 3);
	for (const char *const *yes =
			(const char *const[]){ "127.0.0.1", "127.0.255.3", "127.0.0.10", "127.0.1.2", NULL };
		*yes; yes++) {
		a = ip(*yes);
		assert_true(dns_codes_has(&c, &a));
	}
	for (const char *const *no = (const char *const[]){ "127.0.0.0", "127.0.10.4", "127.1.0.1", "127.0.1.10", "::1",
		     "192.0.2.1", NULL };
		*no; no++) {
		a = ip(*no);
		assert_false(dns_codes_has(&c, &a));
	}
	for (const char *const *bad = (const char *const[]){ "", " ", "127", "127.0.0", "127.0.0.1.2", "127.0.0.256",
		     "127.0.0.[1]", "127.0.0.[1..", "127.0.0.[1..2", "127.0.0.[2..1]", "127.0.0.[1...2]",
		     "127.0.0.[1.2]", "127.0.0.[..2]", "127.0.0.[1..]", "127.0.0.[1..256]", "128.0.0.1",
		     "[127..128].0.0.1", "127.0.0.1,127.0.0.2", "127.0.0.1x", "127.0.0.[1..2]x", "127..0.1", "127.0.0.",
		     "a.b.c.d", "127.0.0.-1", "[", "127.[", NULL };
		*bad; bad++)
		if (dns_codes_parse(slice_str(*bad), &c) != ERR_SYNTAX)
			fail_msg("taken: %s", *bad);
	assert_int_equal(
		dns_codes_parse(SLICE_LIT("127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 "
					  "127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 "
					  "127.0.0.1 127.0.0.1 127.0.0.1"),
			&c),
		ERR_LIMIT);
}

static enum dns_verdict judge(const char *text, enum dns_result result)
{
	struct dns_codes c = codes("127.0.[0..255].[1..254] 127.255.255.254 127.0.0.255");
	struct ipaddr a[8];
	struct dns_answer answer = { .result = result, .address = a };
	struct slice s = slice_str(text), word;

	while (slice_word(&s, &word))
		assert_int_equal(ipaddr_parse(word, &a[answer.count++]), ERR_OK);
	return dns_list_judge(&c, &answer);
}

static void not_every_answer_is_a_listing(void **state)
{
	(void)state;
	assert_int_equal(judge("", DNS_NONE), DNS_UNLISTED);
	assert_int_equal(judge("", DNS_FAILED), DNS_NO_ANSWER);
	assert_int_equal(judge("127.0.0.2", DNS_OK), DNS_LISTED);
	assert_int_equal(judge("127.1.0.2 127.0.0.2", DNS_OK), DNS_LISTED);
	assert_int_equal(judge("127.1.0.2", DNS_OK), DNS_OTHER);
	assert_int_equal(judge("127.0.0.0", DNS_OK), DNS_OTHER);
	assert_int_equal(judge("127.0.0.2 127.255.255.252", DNS_OK), DNS_ERROR_CODE);
	/* also when somebody has put them into the codes */
	assert_int_equal(judge("127.255.255.254", DNS_OK), DNS_OPEN_RESOLVER);
	assert_int_equal(judge("127.255.255.255", DNS_OK), DNS_ERROR_CODE);
	assert_int_equal(judge("127.0.0.255", DNS_OK), DNS_ERROR_CODE);
	assert_int_equal(judge("198.51.100.80", DNS_OK), DNS_REWRITTEN);
	assert_int_equal(judge("127.0.0.2 198.51.100.80", DNS_OK), DNS_REWRITTEN);
	assert_int_equal(judge("0.0.0.0", DNS_OK), DNS_REWRITTEN);
	assert_true(dns_verdict_is_lie(DNS_REWRITTEN) && dns_verdict_is_lie(DNS_ERROR_CODE));
	assert_false(dns_verdict_is_lie(DNS_NO_ANSWER) || dns_verdict_is_lie(DNS_LISTED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_reversed),
		cmocka_unit_test(codes_are_patterns),
		cmocka_unit_test(not_every_answer_is_a_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
