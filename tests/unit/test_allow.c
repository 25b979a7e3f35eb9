/*
 * test_allow: lines of allow files, which entry wins, domains that strangers share.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/allow.h"

#include <stdio.h>
#include <string.h>

#define LABEL64 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"

static struct allow_line parsed(const char *text)
{
	struct allow_line l;
	bool is_any = false;

	assert_int_equal(allow_line_parse(slice_str(text), &l, &is_any), ERR_OK);
	assert_true(is_any);
	return l;
}

static void add(struct allow *a, const char *text, enum allow_tier tier)
{
	struct allow_line l = parsed(text);

	assert_int_equal(allow_add_line(a, &l, tier, NULL, 0), ERR_OK);
}

static struct allow_match found(const struct allow *a, const char *client, const char *name)
{
	struct allow_match m;
	struct ipaddr ip;
	bool is_found;

	assert_int_equal(ipaddr_parse(slice_str(client), &ip), ERR_OK);
	is_found = allow_find(a, &ip, slice_str(name), &m);
	assert_int_equal(is_found, m.tier != ALLOW_TIER_NONE);
	return m;
}

static void assert_slice(struct slice s, const char *text)
{
	assert_true(slice_eq(s, slice_str(text)));
}

static void test_lines(void **state)
{
	struct allow_line l = parsed("  192.0.2.0/24 as  Us # ours");

	(void)state;
	assert_int_equal(l.form, ALLOW_PREFIX);
	assert_int_equal(l.prefix.len, 24);
	assert_slice(l.whole, "192.0.2.0/24");
	assert_slice(l.label, "Us");
	l = parsed("name:.Mail.Example.org");
	assert_int_equal(l.form, ALLOW_NAME);
	assert_slice(l.text, ".Mail.Example.org");
	assert_slice(l.label, "name:.Mail.Example.org");
	l = parsed("spf:_spf.example.org as Example");
	assert_int_equal(l.form, ALLOW_SPF);
	assert_slice(l.text, "_spf.example.org");
	l = parsed("freemail: example.org");
	assert_int_equal(l.form, ALLOW_FREEMAIL_DOMAIN);
	assert_slice(l.text, "example.org");
}

static void test_lines_that_allow_nobody(void **state)
{
	static const char *const none[] = { "", "   ", "# 192.0.2.1", "\t#", NULL };
	static const char *const bad[] = { "192.0.2.0/33", "192.0.2.1 192.0.2.2", "name:", "name:.", "name:org",
		"name:.org", "name:a..example.org", "name:example.org.", "name:exa mple.org", "name:ex\xc3\xa4mple.org",
		"spf:", "spf:org", "spf:.example.org", "freemail:org", "freemail:", "192.0.2.1 as ",
		"spf:" LABEL64 ".example.org", "as Us", "example.org", NULL };
	char text[700];
	struct allow_line l;
	bool is_any = true;

	(void)state;
	for (const char *const *p = none; *p; p++) {
		assert_int_equal(allow_line_parse(slice_str(*p), &l, &is_any), ERR_OK);
		assert_false(is_any);
	}
	for (const char *const *p = bad; *p; p++)
		assert_int_equal(allow_line_parse(slice_str(*p), &l, &is_any), ERR_SYNTAX);
	/* a label that is too long, a name that is too long */
	(void)snprintf(text, sizeof text, "192.0.2.1 as %0300d", 1);
	assert_int_equal(allow_line_parse(slice_str(text), &l, &is_any), ERR_SYNTAX);
	(void)snprintf(text, sizeof text, "name:%s.%s.%s.%s.example.org", LABEL64, LABEL64, LABEL64, LABEL64);
	assert_int_equal(allow_line_parse(slice_str(text), &l, &is_any), ERR_SYNTAX);
}

static void test_who_wins(void **state)
{
	struct prefix set[2];
	struct allow_line spf = parsed("spf:Example.com as Provider");
	struct allow a;

	(void)state;
	allow_init(&a);
	assert_int_equal(prefix_parse(SLICE_LIT("203.0.113.0/25"), &set[0]), ERR_OK);
	assert_int_equal(prefix_parse(SLICE_LIT("2001:db8:7::/48"), &set[1]), ERR_OK);
	add(&a, "203.0.113.5", ALLOW_TIER_NEVER);
	assert_int_equal(allow_add_line(&a, &spf, ALLOW_TIER_SHARED, set, 2), ERR_OK);
	add(&a, "198.51.100.0/24 as Farm", ALLOW_TIER_SHARED);
	add(&a, "name:mx.example.net", ALLOW_TIER_SHARED);
	add(&a, "name:mx.example.net", ALLOW_TIER_NEVER); /* never wins over shared, whatever comes first */
	add(&a, "name:mx.example.net", ALLOW_TIER_SHARED);
	add(&a, "name:.pool.example.net", ALLOW_TIER_SHARED);
	assert_int_equal(allow_seal(&a), ERR_OK);

	assert_int_equal(found(&a, "203.0.113.5", "").tier, ALLOW_TIER_NEVER);
	assert_null(found(&a, "203.0.113.5", "").entry);
	assert_int_equal(found(&a, "203.0.113.6", "unknown").tier, ALLOW_TIER_SHARED);
	assert_string_equal(found(&a, "203.0.113.6", "").entry->label, "provider");
	assert_string_equal(found(&a, "2001:db8:7:1::1", "").entry->text, "spf:example.com");
	assert_int_equal(found(&a, "203.0.113.200", "").tier, ALLOW_TIER_NONE);
	assert_string_equal(found(&a, "198.51.100.9", "").entry->label, "farm");
	assert_int_equal(found(&a, "198.51.100.9", "").source, ALLOW_FILE);
	/* a name of tier never wins over a shared prefix */
	assert_int_equal(found(&a, "198.51.100.9", "MX.example.net").tier, ALLOW_TIER_NEVER);
	assert_int_equal(found(&a, "192.0.2.1", "a.b.pool.example.net").tier, ALLOW_TIER_SHARED);
	assert_int_equal(found(&a, "192.0.2.1", "pool.example.net").tier, ALLOW_TIER_NONE);
	assert_int_equal(found(&a, "192.0.2.1", "xmx.example.net").tier, ALLOW_TIER_NONE);
	assert_int_equal(found(&a, "10.1.2.3", "mx.example.net").tier, ALLOW_TIER_OWN);
	allow_done(&a);
	assert_int_equal(a.count, 0);
}

static void test_own(void **state)
{
	static struct conf c;
	const char *bad = NULL;
	struct prefix p;
	struct allow a;

	(void)state;
	conf_defaults(&c);
	c.forwarders.count = c.own_networks.count = c.postfix.own_hosts.count = 1;
	slice_copy(SLICE_LIT("203.0.113.1"), c.forwarders.item[0], CONF_ITEM);
	slice_copy(SLICE_LIT("203.0.113.0/28"), c.own_networks.item[0], CONF_ITEM);
	slice_copy(SLICE_LIT("2001:db8::25"), c.postfix.own_hosts.item[0], CONF_ITEM);
	allow_init(&a);
	assert_int_equal(allow_add_own(&a, &c, &bad), ERR_OK);
	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.7"), &p), ERR_OK);
	assert_int_equal(allow_add(&a, &p, ALLOW_COMMAND), ERR_OK);
	assert_int_equal(allow_seal(&a), ERR_OK);
	assert_int_equal(found(&a, "203.0.113.1", "").tier, ALLOW_TIER_FORWARDER);
	assert_int_equal(found(&a, "203.0.113.2", "").tier, ALLOW_TIER_OWN);
	assert_int_equal(found(&a, "2001:db8::25", "").tier, ALLOW_TIER_OWN);
	assert_int_equal(found(&a, "192.0.2.7", "").source, ALLOW_COMMAND);

	/* what a layer that knows only addresses may not have */
	assert_true(allow_overlaps(&a, &p));
	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.0/24"), &p), ERR_OK);
	assert_true(allow_overlaps(&a, &p));
	assert_int_equal(prefix_parse(SLICE_LIT("192.168.2.0/24"), &p), ERR_OK);
	assert_true(allow_overlaps(&a, &p));
	assert_int_equal(prefix_parse(SLICE_LIT("192.0.3.0/24"), &p), ERR_OK);
	assert_false(allow_overlaps(&a, &p));
	allow_done(&a);

	allow_init(&a);
	slice_copy(SLICE_LIT("mx.example.org"), c.postfix.own_hosts.item[0], CONF_ITEM);
	assert_int_equal(allow_add_own(&a, &c, &bad), ERR_SYNTAX);
	assert_string_equal(bad, "mx.example.org");
	slice_copy(SLICE_LIT("mx2.example.org"), c.forwarders.item[0], CONF_ITEM);
	assert_int_equal(allow_add_own(&a, &c, &bad), ERR_SYNTAX);
	assert_string_equal(bad, "mx2.example.org");
	allow_done(&a);
}

/* What setup and limetwig.conf say of our own hosts stands above all lists, and of these the forwarders first. */
static void test_own_comes_first(void **state)
{
	static struct conf c;
	const char *bad = NULL;
	struct allow a;

	(void)state;
	conf_defaults(&c);
	c.own_networks.count = c.forwarders.count = 1;
	c.postfix.own_hosts.count = 2;
	slice_copy(SLICE_LIT("203.0.113.0/28"), c.own_networks.item[0], CONF_ITEM);
	/* setup finds the backup MX by the MX records */
	slice_copy(SLICE_LIT("198.51.100.25"), c.forwarders.item[0], CONF_ITEM);
	slice_copy(SLICE_LIT("198.51.100.25"), c.postfix.own_hosts.item[0], CONF_ITEM);
	slice_copy(SLICE_LIT("198.51.100.26"), c.postfix.own_hosts.item[1], CONF_ITEM);
	allow_init(&a);
	assert_int_equal(allow_add_own(&a, &c, &bad), ERR_OK);
	add(&a, "203.0.113.5", ALLOW_TIER_NEVER);
	add(&a, "198.51.100.25/32", ALLOW_TIER_NEVER);
	add(&a, "203.0.113.6", ALLOW_TIER_SHARED);
	assert_int_equal(allow_seal(&a), ERR_OK);
	assert_int_equal(found(&a, "203.0.113.5", "").tier, ALLOW_TIER_OWN);
	assert_int_equal(found(&a, "203.0.113.6", "").source, ALLOW_OWN);
	assert_int_equal(found(&a, "198.51.100.25", "").tier, ALLOW_TIER_FORWARDER);
	assert_int_equal(found(&a, "198.51.100.26", "").tier, ALLOW_TIER_OWN);
	allow_done(&a);
}

static void test_freemail(void **state)
{
	char text[300];
	struct allow a;

	(void)state;
	allow_init(&a);
	add(&a, "freemail:Mail.example", ALLOW_TIER_NEVER);
	add(&a, "name:.out.provider.example", ALLOW_TIER_SHARED);
	add(&a, "name:never.example.org", ALLOW_TIER_NEVER);
	assert_int_equal(allow_seal(&a), ERR_OK);
	assert_true(allow_is_freemail(&a, SLICE_LIT("mail.example")));
	assert_true(allow_is_freemail(&a, SLICE_LIT("a.MAIL.example")));
	assert_false(allow_is_freemail(&a, SLICE_LIT("xmail.example")));
	assert_false(allow_is_freemail(&a, SLICE_LIT("example")));
	assert_true(allow_is_freemail(&a, SLICE_LIT("out.provider.example")));
	assert_false(allow_is_freemail(&a, SLICE_LIT("never.example.org")));
	assert_false(allow_is_freemail(&a, SLICE_LIT("")));
	memset(text, 'a', sizeof text);
	assert_false(allow_is_freemail(&a, slice_of(text, sizeof text)));
	allow_done(&a);
}

static void test_words(void **state)
{
	static const char *const sources[] = { "none", "own", "file", "command", "forwarder", "feed" };
	static const char *const tiers[] = { "none", "own", "never", "shared", "forwarder" };

	(void)state;
	for (unsigned i = 0; i < sizeof sources / sizeof sources[0]; i++)
		assert_string_equal(allow_source_name((enum allow_source)i), sources[i]);
	for (unsigned i = 0; i < sizeof tiers / sizeof tiers[0]; i++)
		assert_string_equal(allow_tier_name((enum allow_tier)i), tiers[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_lines_that_allow_nobody),
		cmocka_unit_test(test_who_wins),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_own_comes_first),
		cmocka_unit_test(test_freemail),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
