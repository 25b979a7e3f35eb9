/*
 * feed_clean: a dirty list comes in clean: what is refused is named, the rest
 * is there.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "core/feed_clean.h"

#include <stdio.h>
#include <stdlib.h>

static bool has(const struct prefix_set *s, const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(slice_str(text), &a), ERR_OK);
	return prefix_set_has(s, &a);
}

static void test_refused_by_name(void **state)
{
	static const char text[] = "# list\n198.18.0.7\n176.221.42.3234.90.93.23\n0.0.0.0/3\n10.1.2.3\n192.0.2.9\n"
				   "2a00::/16\n2a00:1450::/32\n8.8.0.0/15\n8.8.0.0/16\n!x\n127.0.0.2 test\n"
				   "203.0.112.250 - 203.0.113.1\n";
	static const struct {
		unsigned line;
		const char *reason;
	} expected[] = {
		{ 3, "malformed address" },
		{ 4, "too wide: nobody can mean all of these" },
		{ 5, "not addresses of the Internet" },
		{ 6, "addresses of examples" },
		{ 7, "too wide: nobody can mean all of these" },
		{ 9, "too wide: nobody can mean all of these" },
		{ 12, "not addresses of the Internet" },
		{ 13, "addresses of examples" },
	};
	struct feed_rules rules;
	struct feed_report report = { .lines = 0 };
	struct prefix_set s = { 0 };

	(void)state;
	feed_rules_init(&rules);
	rules.format = FEED_LIST;
	assert_int_equal(feed_clean(slice_str(text), &rules, &s, &report), ERR_OK);
	assert_int_equal(report.lines, 13);
	assert_int_equal(report.entries, 3);
	assert_int_equal(report.refused, 9);
	for (unsigned i = 0, k = 0; i < report.kept; i++) {
		if (report.first[i].line == 11)
			continue;
		assert_int_equal(report.first[i].line, expected[k].line);
		assert_string_equal(report.first[i].reason, expected[k++].reason);
	}
	assert_string_equal(report.first[0].text, "176.221.42.3234.90.93.23");
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	assert_true(has(&s, "198.18.0.7"));
	assert_true(has(&s, "2a00:1450::1"));
	assert_true(has(&s, "8.8.8.8"));
	assert_false(has(&s, "8.9.0.1"));
	assert_false(has(&s, "192.0.2.9"));
	prefix_set_done(&s);
	feed_report_done(&report);
}

/* A feed of its own rules may be as wide as it likes: what is nobody's stays out. */
static void test_private_is_punched(void **state)
{
	static const char *const never[] = { "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0",
		"100.127.255.255", "127.0.0.1", "169.254.0.0", "172.16.0.0", "172.31.255.255", "192.168.0.0",
		"192.168.255.255", "224.0.0.0", "255.255.255.255", "::", "::1", "100::", "100::ffff:ffff:ffff:ffff",
		"fc00::", "fdff::", "fe80::", "febf::", "fec0::", "ff02::1" };
	static const char *const there[] = { "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
		"126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0", "223.255.255.255", "::2",
		"100:0:0:1::", "fbff::", "fe7f::" };
	struct feed_rules rules;
	struct feed_report report = { .lines = 0 };
	struct prefix_set s = { 0 };
	struct ipaddr a;

	(void)state;
	feed_rules_init(&rules);
	rules.widest_ipv4 = rules.widest_ipv6 = 0;
	rules.is_documentation_allowed = true;
	assert_int_equal(
		feed_clean(SLICE_LIT("1.0.0.0-223.255.255.255\n::2 - feff:ffff::\n"), &rules, &s, &report), ERR_OK);
	assert_int_equal(report.refused, 1); /* its end is no public address */
	assert_int_equal(feed_clean(SLICE_LIT("::2 - fe7f:ffff::\n"), &rules, &s, &report), ERR_OK);
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
		assert_int_equal(ipaddr_parse(slice_str(never[i]), &a), ERR_OK);
		assert_true(ipaddr_is_private(&a));
		assert_false(prefix_set_has(&s, &a));
	}
	for (size_t i = 0; i < sizeof there / sizeof there[0]; i++)
		assert_true(has(&s, there[i]));
	prefix_set_done(&s);
	feed_report_done(&report);
}

static void test_width(void **state)
{
	static const struct {
		const char *text;
		bool is_refused;
	} rows[] = {
		{ "8.8.0.0 - 8.8.255.255\n", false },
		{ "8.8.128.0 - 8.9.127.255\n", false }, /* as many as a /16 */
		{ "8.8.128.0 - 8.9.128.0\n", true },
		{ "8.0.0.0 - 9.0.0.0\n", true },
		{ "2a00:1450:: - 2a00:1450:ffff:ffff:ffff:ffff:ffff:ffff\n", false },
		{ "2a00:1450:: - 2a00:1451::\n", true },
	};
	struct feed_rules rules;

	(void)state;
	feed_rules_init(&rules);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct feed_report report = { .lines = 0 };
		struct prefix_set s = { 0 };

		assert_int_equal(feed_clean(slice_str(rows[i].text), &rules, &s, &report), ERR_OK);
		assert_int_equal(report.refused, rows[i].is_refused);
		prefix_set_done(&s);
		feed_report_done(&report);
	}
}

/* A hundred thousand lines; the refused ones are counted beyond what is kept. */
static void test_large(void **state)
{
	struct feed_rules rules;
	struct feed_report report = { .lines = 0 };
	struct prefix_set s = { 0 };
	struct buf text;
	size_t prefixes;
	uint64_t n4, n6;

	(void)state;
	buf_init(&text, 1u << 22);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(buf_printf(&text, "%u.%u.%u.%u%s\n", 20 + i % 50, i / 256 % 256, i % 256, i * 7 % 256,
					 i % 50 == 0 ? "x" : ""),
			ERR_OK);
	feed_rules_init(&rules);
	assert_int_equal(feed_clean(buf_slice(&text), &rules, &s, &report), ERR_OK);
	assert_int_equal(report.format, FEED_LIST);
	assert_int_equal(report.lines, 100000);
	assert_int_equal(report.refused, 2000);
	assert_int_equal(report.kept, FEED_REFUSED_KEPT);
	assert_int_equal(report.entries, 98000);
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	prefix_set_sizes(&s, &prefixes, &n4, &n6);
	assert_true(n4 > 90000 && n4 <= 98000);
	prefix_set_done(&s);
	feed_report_done(&report);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_by_name),
		cmocka_unit_test(test_private_is_punched),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests_name("feed_clean", tests, NULL, NULL);
}
