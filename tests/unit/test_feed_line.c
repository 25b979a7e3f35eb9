/*
 * feed_line: each format's own forms, and what others read wrongly.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/feed_line.h"

#include <stdio.h>

struct row {
	const char *line;
	const char *result; /* "first-last", "!first-last", "" nothing, "? reason" */
};

static void check(enum feed_format f, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct feed_line l;
		char text[200], first[IPADDR_TEXT], last[IPADDR_TEXT];

		feed_line_parse(f, slice_str(rows[i].line), 2, &l);
		if (l.kind == FEED_ENTRY)
			(void)snprintf(text, sizeof text, "%s%s-%s", l.is_out ? "!" : "",
				ipaddr_format(&l.first, first), ipaddr_format(&l.last, last));
		else
			(void)snprintf(text, sizeof text, "%s%s", l.kind == FEED_REFUSED ? "? " : "",
				l.kind == FEED_REFUSED ? l.reason : "");
		if (strcmp(text, rows[i].result) != 0)
			fail_msg("%s: '%s' gave '%s', not '%s'", feed_format_name(f), rows[i].line, text,
				rows[i].result);
	}
}

#define CHECK(f, rows) check(f, rows, sizeof rows / sizeof rows[0])

static void test_list(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "   ", "" },
		{ "# 192.0.2.1", "" },
		{ "; 192.0.2.1", "" },
		{ "192.0.2.1", "192.0.2.1-192.0.2.1" },
		{ "  192.0.2.1\t4\r", "192.0.2.1-192.0.2.1" },
		{ "192.0.2.1 # spam", "192.0.2.1-192.0.2.1" },
		{ "192.0.2.1;SBL1", "192.0.2.1-192.0.2.1" },
		{ "192.0.2.0/24 ; SBL256894", "192.0.2.0-192.0.2.255" },
		{ "192.0.2.0/32", "192.0.2.0-192.0.2.0" },
		{ "0.0.0.0/0", "0.0.0.0-255.255.255.255" },
		{ "255.255.255.255", "255.255.255.255-255.255.255.255" },
		{ "2001:db8::/32", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "2001:DB8::1,x", "2001:db8::1-2001:db8::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1-192.0.2.1" },
		{ "::ffff:192.0.2.0/120", "192.0.2.0-192.0.2.255" },
		{ "::ffff:192.0.2.0/24", "? the prefix length is no number that fits" },
		/* host bits: the network, not five addresses from there */
		{ "10.0.0.5/24", "10.0.0.0-10.0.0.255" },
		{ "192.0.2.1 - 192.0.2.9", "192.0.2.1-192.0.2.9" },
		{ "192.0.2.1-192.0.2.9", "192.0.2.1-192.0.2.9" },
		{ "192.0.2.1 -192.0.2.9 # x", "192.0.2.1-192.0.2.9" },
		{ "2001:db8::1 - 2001:db8::9", "2001:db8::1-2001:db8::9" },
		/* a number behind an address is no range */
		{ "192.0.2.1 10 hits", "192.0.2.1-192.0.2.1" },
		{ "192.0.2.1 - seen twice", "192.0.2.1-192.0.2.1" },
		{ "192.0.2.1-7", "? a range needs two addresses of one kind" },
		{ "192.0.2.9 - 192.0.2.1", "? the range ends before it begins" },
		{ "192.0.2.9 - 2001:db8::1", "? a range needs two addresses of one kind" },
		{ "176.221.42.3234.90.93.23", "? malformed address" },
		{ "192.0.2.1x", "? malformed address" },
		{ "192.0.2", "? malformed address" },
		{ "192.0.2.256", "? malformed address" },
		{ "010.0.2.1", "? malformed address" },
		{ "192.0.2.1/", "? the prefix length is no number that fits" },
		{ "192.0.2.1/33", "? the prefix length is no number that fits" },
		{ "192.0.2.1/24/8", "? the prefix length is no number that fits" },
		{ "2001:db8::/129", "? the prefix length is no number that fits" },
		{ "10/8", "? malformed address" },
		{ "<html>", "? no address at its begin" },
		{ "!192.0.2.1", "? no address at its begin" },
	};

	(void)state;
	CHECK(FEED_LIST, rows);
}

static void test_spamd(void **state)
{
	static const struct row rows[] = {
		{ "10/8", "10.0.0.0-10.255.255.255" },
		{ "172.16/12", "172.16.0.0-172.31.255.255" },
		{ "172.16", "? malformed address" },
		{ "1.2.3.4.5/8", "? malformed address" },
		{ "./8", "? malformed address" },
		{ "192.0.2.1 10 hits", "192.0.2.1-192.0.2.1" },
		{ "2001:db8::1", "2001:db8::1-2001:db8::1" },
	};

	(void)state;
	CHECK(FEED_SPAMD, rows);
}

static void test_csv(void **state)
{
	static const struct row rows[] = {
		{ "\"192.0.2.1\",\"443\",\"x\"", "192.0.2.1-192.0.2.1" },
		{ "192.0.2.0/25,DE", "192.0.2.0-192.0.2.127" },
		{ "'2001:db8::1',9", "2001:db8::1-2001:db8::1" },
		{ "first_seen,ip", "? malformed address" },
	};
	struct feed_line l;

	(void)state;
	CHECK(FEED_CSV, rows);
	feed_line_parse(FEED_CSV, SLICE_LIT("ip,port"), 1, &l);
	assert_int_equal(l.kind, FEED_NOTHING);
	feed_line_parse(FEED_CSV, SLICE_LIT("\xef\xbb\xbf\"192.0.2.1\",1"), 1, &l);
	assert_int_equal(l.kind, FEED_ENTRY);
}

static void test_json(void **state)
{
	static const struct row rows[] = {
		{ "{\"cidr\":\"192.0.2.0/24\",\"sblid\":\"SBL1\",\"rir\":\"ripencc\"}", "192.0.2.0-192.0.2.255" },
		{ "{ \"rir\" : \"x\", \"cidr\" : \"2001:db8::/32\" },",
			"2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "{\"ip\":\"192.0.2.7\"}", "192.0.2.7-192.0.2.7" },
		{ "{\"type\":\"metadata\",\"timestamp\":1,\"size\":2,\"copyright\":\"x\"}", "" },
		{ "[", "" },
		{ "{\"cidr\":\"192.0.2.0", "? the object does not end" },
		{ "{\"cidr\":", "? the object does not end" },
		{ "192.0.2.1", "? no object" },
	};

	(void)state;
	CHECK(FEED_JSON, rows);
}

/* The examples of its manual, and what else zone files have. */
static void test_rbldnsd(void **state)
{
	static const struct row rows[] = {
		{ "127.0.0.0/24", "127.0.0.0-127.0.0.255" },
		{ "127.0.0", "127.0.0.0-127.0.0.255" },
		{ "127/24", "127.0.0.0-127.0.0.255" },
		{ "127-127.0.0", "127.0.0.0-127.0.0.255" },
		{ "127.0.0.0-127.0.0.255", "127.0.0.0-127.0.0.255" },
		{ "127.0.0.1-255", "127.0.0.1-127.0.0.255" },
		{ "127.16.0.0-127.31.255.255", "127.16.0.0-127.31.255.255" },
		{ "127.16.0-127.31.255", "127.16.0.0-127.31.255.255" },
		{ "127.16-127.31", "127.16.0.0-127.31.255.255" },
		{ "127.16-31", "127.16.0.0-127.31.255.255" },
		{ "127.16.0/12", "127.16.0.0-127.31.255.255" },
		{ "127.16.0-31", "127.16.0.0-127.16.31.255" },
		{ "127/8 ; loopback", "127.0.0.0-127.255.255.255" },
		{ "10-11", "10.0.0.0-11.255.255.255" },
		{ "!192.0.2.7", "!192.0.2.7-192.0.2.7" },
		{ "! 192.0.2.7", "!192.0.2.7-192.0.2.7" },
		{ ":127.0.0.2:Listed, see http://list.example/?$", "" },
		{ ":2:text", "" },
		{ "$SOA 3600 ns.example a.example 0 1h 1h 1d 1h", "" },
		{ "192.0.2.1 :127.0.0.4:text", "192.0.2.1-192.0.2.1" },
		{ "192.0.2.1:127.0.0.4:text", "192.0.2.1-192.0.2.1" },
		{ "192.0.2.1 some text", "192.0.2.1-192.0.2.1" },
		{ "2001:21ab:c000/36", "2001:21ab:c000::-2001:21ab:cfff:ffff:ffff:ffff:ffff:ffff" },
		{ "2001:21ab:def7:4242 :127.0.1.3: This one",
			"2001:21ab:def7:4242::-2001:21ab:def7:4242:ffff:ffff:ffff:ffff" },
		{ "::1 # localhost", "::1-::1" },
		{ "!2605:6001:42::bead", "!2605:6001:42::bead-2605:6001:42::bead" },
		{ "127.0.0.9-1", "? the range ends before it begins" },
		{ "1.2.3.4.5", "? malformed address" },
		{ "1.2.3.400", "? malformed address" },
		{ "2001:db8", "? malformed address" },
		{ "!", "? no address at its begin" },
		{ "mail.example", "? no address at its begin" },
		{ "abc", "? malformed address" },
		{ "192.0.2.1/40", "? the prefix length is no number that fits" },
	};

	(void)state;
	CHECK(FEED_RBLDNSD, rows);
}

static void test_ipset_and_cidr(void **state)
{
	static const struct row ipset[] = {
		{ "create bad hash:net family inet hashsize 1024 maxelem 65536", "" },
		{ "add bad 192.0.2.0/24", "192.0.2.0-192.0.2.255" },
		{ "add bad 192.0.2.1 timeout 86400 comment \"x\"", "192.0.2.1-192.0.2.1" },
		{ "add bad 192.0.2.1,tcp:25", "192.0.2.1-192.0.2.1" },
		{ "add bad 192.0.2.128/25 nomatch", "!192.0.2.128-192.0.2.255" },
		{ "add bad", "? no address at its begin" },
		{ "192.0.2.1", "? not a line of ipset save" },
	};
	static const struct row cidr[] = {
		{ "192.0.2.0/24 REJECT go away", "192.0.2.0-192.0.2.255" },
		{ "192.0.2.7 OK", "!192.0.2.7-192.0.2.7" },
		{ "192.0.2.7\tdunno", "!192.0.2.7-192.0.2.7" },
		{ "if 192.0.2.0/24", "? if, endif and ! are not understood" },
	};

	(void)state;
	CHECK(FEED_IPSET, ipset);
	CHECK(FEED_CIDR, cidr);
}

static void test_guess(void **state)
{
	static const struct {
		const char *text;
		enum feed_format f;
	} rows[] = {
		{ "# list\n192.0.2.1\n192.0.2.0/24\n", FEED_LIST },
		{ "192.0.2.1\t5\n", FEED_LIST },
		{ "192.0.2.0/24 ; SBL1\n", FEED_LIST },
		{ "{\"cidr\":\"192.0.2.0/24\"}\n", FEED_JSON },
		{ "create x hash:ip\nadd x 192.0.2.1\n", FEED_IPSET },
		{ "\n$SOA 1 a b 0 1 1 1 1\n192.0.2.1\n", FEED_RBLDNSD },
		{ "192.0.2.1\n!192.0.2.9\n", FEED_RBLDNSD },
		{ "\"192.0.2.1\",\"80\"\n", FEED_CSV },
		{ "192.0.2.1,80\n", FEED_CSV },
		{ "192.0.2.0/24 REJECT\n", FEED_CIDR },
		{ "", FEED_LIST },
		{ "<html>\n", FEED_LIST },
	};
	enum feed_format f;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(
			feed_format_name(feed_format_guess(slice_str(rows[i].text))), feed_format_name(rows[i].f));
	assert_true(feed_format_parse("rbldnsd", &f));
	assert_int_equal(f, FEED_RBLDNSD);
	assert_false(feed_format_parse("xml", &f));
}

static void test_too_long(void **state)
{
	char line[FEED_LINE_MAX + 2];
	struct feed_line l;

	(void)state;
	memset(line, '1', sizeof line);
	feed_line_parse(FEED_LIST, slice_of(line, sizeof line), 1, &l);
	assert_int_equal(l.kind, FEED_REFUSED);
	assert_string_equal(l.reason, "the line is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_spamd),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_rbldnsd),
		cmocka_unit_test(test_ipset_and_cidr),
		cmocka_unit_test(test_guess),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests_name("feed_line", tests, NULL, NULL);
}
