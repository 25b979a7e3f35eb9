/*
 * test_subject: prefix lengths by network, sender identities.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/subject.h"

static const uint8_t key[SIPHASH_KEY] = { 3 };

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(text), &p), ERR_OK);
	return p;
}

static void is_subject(const struct subject_rules *r, const char *client, const char *subject)
{
	struct ipaddr a = prefix(client).addr;
	struct prefix p = subject_of_client(r, &a);
	char text[PREFIX_TEXT];

	assert_string_equal(prefix_format(&p, text), subject);
}

static void lengths_by_network(void **state)
{
	static const char *const items[] = { "2001:db8::/32=128", "2001:db8:5::/48=56", "192.0.2.0/24=24" };
	struct subject_rules r;
	struct conf *c = test_calloc(1, sizeof *c);

	(void)state;
	conf_defaults(c);
	subject_rules_init(&r);
	is_subject(&r, "2001:db8:1::1", "2001:db8:1::/64");
	for (uint32_t i = 0; i < 3; i++)
		slice_copy(slice_str(items[i]), c->block.lengths.item[c->block.lengths.count++], CONF_ITEM);
	assert_int_equal(subject_rules_make(&r, c), ERR_OK);
	is_subject(&r, "2001:db8:1::1", "2001:db8:1::1");
	is_subject(&r, "2001:db8:5:1234::1", "2001:db8:5:1200::/56");
	is_subject(&r, "2001:db9::1", "2001:db9::/64");
	is_subject(&r, "192.0.2.7", "192.0.2.0/24");
	is_subject(&r, "192.0.3.7", "192.0.3.7");
	subject_rules_done(&r);
	test_free(c);
}

static void lengths_that_are_none(void **state)
{
	static const char *const bad[] = { "", "2001:db8::/32", "2001:db8::/32=", "2001:db8::/48=32",
		"2001:db8::/16=24", "2001:db8::/32=129", "192.0.2.0/24=33", "192.0.2.1/24=32", "0.0.0.0/0=8",
		"example.org=24", "192.0.2.0/24=24=24", "=24" };
	struct prefix p;
	uint8_t len;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(subject_length_parse(slice_str(bad[i]), &p, &len), ERR_SYNTAX);
	assert_int_equal(subject_length_parse(SLICE_LIT(" 192.0.2.0/24 = 32 "), &p, &len), ERR_OK);
	assert_int_equal(len, 32);
}

static struct prefix identity(const char *label, const char *sender)
{
	struct prefix p = { 0 };

	assert_int_equal(subject_of_sender(key, slice_str(label), slice_str(sender), &p), ERR_OK);
	assert_true(subject_is_identity(&p));
	assert_true(ipaddr_is_private(&p.addr)); /* no layer takes it for a host */
	return p;
}

static void one_sender_one_identity(void **state)
{
	struct prefix a = identity("spf:big.example", "Anna@Kern.example"), b, d;

	(void)state;
	b = identity("spf:big.example", "anna+news@kern.example");
	assert_true(prefix_eq(&a, &b));
	b = identity("spf:other.example", "anna@kern.example");
	assert_false(prefix_eq(&a, &b));
	b = identity("spf:big.example", "berta@kern.example");
	assert_false(prefix_eq(&a, &b));
	assert_int_equal(
		subject_of_domain(key, SLICE_LIT("spf:big.example"), SLICE_LIT("anna@kern.example"), &d), ERR_OK);
	assert_false(prefix_eq(&a, &d));
	assert_int_equal(
		subject_of_domain(key, SLICE_LIT("spf:big.example"), SLICE_LIT("berta@KERN.example"), &b), ERR_OK);
	assert_true(prefix_eq(&b, &d));
}

static void who_has_none(void **state)
{
	static const char *const senders[] = { "", "<>", "anna", "anna@", "@kern.example", "a b@kern.example" };
	struct prefix p = prefix("192.0.2.1");

	(void)state;
	for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++)
		assert_int_equal(subject_of_sender(key, SLICE_LIT("x"), slice_str(senders[i]), &p), ERR_SYNTAX);
	assert_false(subject_is_identity(&p));
	p = prefix("100::/64");
	assert_false(subject_is_identity(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_by_network),
		cmocka_unit_test(lengths_that_are_none),
		cmocka_unit_test(one_sender_one_identity),
		cmocka_unit_test(who_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
