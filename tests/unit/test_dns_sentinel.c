/*
 * dns_sentinel: lists that lie, and their way back.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/dns_sentinel.h"

#define SHARE 20

static uint64_t seed = 1;

static uint64_t random_bits(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* What a list is like: its answers to the test points, and to which of the canaries it says listed. */
struct list {
	enum dns_verdict listed, loopback;
	unsigned canaries; /* of a round */
	enum dns_verdict canary;
};

static const struct list honest = { DNS_OTHER, DNS_UNLISTED, 0, DNS_LISTED };

static void round_of(struct dns_sentinel *s, const struct list *l, bool has_ipv6, uint64_t now)
{
	uint64_t random[SENTINEL_CANARIES];
	unsigned canaries = l->canaries;

	for (unsigned i = 0; i < SENTINEL_CANARIES; i++)
		random[i] = random_bits();
	dns_sentinel_begin(s, has_ipv6, random);
	assert_int_equal(s->probes, (has_ipv6 ? 4 : 2) + SENTINEL_CANARIES);
	for (unsigned i = 0; i < s->probes; i++) {
		enum dns_verdict v = i < s->points ? (i % 2 ? l->loopback : l->listed) : DNS_UNLISTED;

		if (i >= s->points && canaries) {
			canaries--;
			v = l->canary;
		}
		assert_int_equal(dns_sentinel_answer(s, i, v, SHARE, now), i + 1 == s->probes);
	}
}

static void an_honest_list_is_on(void **state)
{
	struct dns_sentinel s = { 0 };

	(void)state;
	assert_int_equal(s.state, SENTINEL_UNTESTED);
	round_of(&s, &honest, true, 100);
	assert_int_equal(s.state, SENTINEL_ON);
	assert_int_equal(s.since, 100);
	for (int i = 0; i < 20; i++)
		round_of(&s, &honest, i % 2, 200 + (uint64_t)i);
	assert_int_equal(s.state, SENTINEL_ON);
	assert_int_equal(s.since, 100);
	assert_int_equal(s.tested, 219);
}

static void each_lie_switches_off_and_three_good_rounds_on(void **state)
{
	static const struct {
		struct list list;
		enum sentinel_why why;
	} lies[] = {
		{ { DNS_UNLISTED, DNS_UNLISTED, 0, DNS_LISTED }, SENTINEL_NOT_LISTED },
		{ { DNS_LISTED, DNS_LISTED, 0, DNS_LISTED }, SENTINEL_LISTS_LOOPBACK },
		{ { DNS_LISTED, DNS_OTHER, 0, DNS_LISTED }, SENTINEL_LISTS_LOOPBACK },
		{ { DNS_LISTED, DNS_UNLISTED, SENTINEL_CANARIES, DNS_LISTED }, SENTINEL_LISTS_WORLD },
		{ { DNS_ERROR_CODE, DNS_UNLISTED, 0, DNS_LISTED }, SENTINEL_ERROR_CODE },
		{ { DNS_ERROR_CODE, DNS_ERROR_CODE, SENTINEL_CANARIES, DNS_ERROR_CODE }, SENTINEL_ERROR_CODE },
		{ { DNS_LISTED, DNS_UNLISTED, 1, DNS_OPEN_RESOLVER }, SENTINEL_OPEN_RESOLVER },
		{ { DNS_LISTED, DNS_REWRITTEN, SENTINEL_CANARIES, DNS_REWRITTEN }, SENTINEL_REWRITTEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct dns_sentinel s = { 0 };

		round_of(&s, &honest, false, 1);
		assert_int_equal(s.state, SENTINEL_ON);
		round_of(&s, &lies[i].list, false, 2);
		assert_int_equal(s.state, SENTINEL_OFF);
		assert_int_equal(s.why, lies[i].why);
		assert_true(dns_sentinel_text(s.why)[0]);
		round_of(&s, &honest, false, 3);
		round_of(&s, &honest, false, 4);
		assert_int_equal(s.state, SENTINEL_OFF);
		assert_int_equal(s.why, lies[i].why);
		round_of(&s, &lies[i].list, false, 5); /* relapse: from the start */
		round_of(&s, &honest, false, 6);
		round_of(&s, &honest, false, 7);
		assert_int_equal(s.state, SENTINEL_OFF);
		assert_int_equal(s.since, 2);
		round_of(&s, &honest, false, 8);
		assert_int_equal(s.state, SENTINEL_ON);
		assert_int_equal(s.why, SENTINEL_FINE);
		assert_int_equal(s.since, 8);
	}
}

/* A block list of dynamic networks lists many; its share says how many it may. */
static void some_canaries_may_be_listed(void **state)
{
	const struct list some = { DNS_LISTED, DNS_UNLISTED, SENTINEL_CANARIES * SHARE / 100, DNS_LISTED };
	const struct list more = { DNS_LISTED, DNS_UNLISTED, SENTINEL_CANARIES * SHARE / 100 + 2, DNS_LISTED };
	const struct list other = { DNS_LISTED, DNS_UNLISTED, SENTINEL_CANARIES, DNS_OTHER };
	struct dns_sentinel s = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++)
		round_of(&s, &some, false, (uint64_t)i);
	assert_int_equal(s.state, SENTINEL_ON);
	for (int i = 0; i < 10; i++)
		round_of(&s, &other, false, (uint64_t)i);
	assert_int_equal(s.state, SENTINEL_ON);
	for (int i = 0; i < 4; i++)
		round_of(&s, &more, false, (uint64_t)i);
	assert_int_equal(s.state, SENTINEL_OFF);
	assert_int_equal(s.why, SENTINEL_LISTS_WORLD);
}

/* The world of IPv6 alone is the world too. */
static void ipv6_is_counted_apart(void **state)
{
	const struct list ipv6 = { DNS_LISTED, DNS_UNLISTED, 0, DNS_LISTED };
	struct dns_sentinel s = { 0 };
	uint64_t random[SENTINEL_CANARIES] = { 0 };

	(void)state;
	dns_sentinel_begin(&s, true, random);
	for (unsigned i = 0; i < s.probes; i++) {
		enum dns_verdict v = i < s.points             ? (i % 2 ? ipv6.loopback : ipv6.listed)
				     : s.probe[i].family == 6 ? DNS_LISTED
							      : DNS_UNLISTED;

		(void)dns_sentinel_answer(&s, i, v, SHARE, 1);
	}
	assert_int_equal(s.state, SENTINEL_OFF);
	assert_int_equal(s.why, SENTINEL_LISTS_WORLD);
}

static void silence_is_no_lie_but_ends_trust(void **state)
{
	const struct list silent = { DNS_LISTED, DNS_UNLISTED, 1, DNS_NO_ANSWER };
	const struct list dead = { DNS_NO_ANSWER, DNS_NO_ANSWER, SENTINEL_CANARIES, DNS_NO_ANSWER };
	struct dns_sentinel s = { 0 };

	(void)state;
	round_of(&s, &dead, false, 1);
	assert_int_equal(s.state, SENTINEL_UNTESTED);
	round_of(&s, &honest, false, 2);
	assert_int_equal(s.state, SENTINEL_ON);
	round_of(&s, &silent, false, 3);
	round_of(&s, &dead, false, 4);
	assert_int_equal(s.state, SENTINEL_ON);
	round_of(&s, &honest, false, 5);
	for (uint64_t i = 0; i < SENTINEL_SILENT; i++) {
		assert_int_equal(s.state, SENTINEL_ON);
		round_of(&s, &dead, false, 6 + i);
	}
	assert_int_equal(s.state, SENTINEL_OFF);
	assert_int_equal(s.why, SENTINEL_NO_ANSWER);
	for (uint64_t i = 0; i < SENTINEL_BACK; i++)
		round_of(&s, &honest, false, 10 + i);
	assert_int_equal(s.state, SENTINEL_ON);
}

static void a_real_answer_can_tell(void **state)
{
	struct dns_sentinel s = { 0 };

	(void)state;
	round_of(&s, &honest, false, 1);
	assert_false(dns_sentinel_seen(&s, DNS_LISTED, 2));
	assert_false(dns_sentinel_seen(&s, DNS_NO_ANSWER, 2));
	assert_int_equal(s.state, SENTINEL_ON);
	assert_true(dns_sentinel_seen(&s, DNS_OPEN_RESOLVER, 3));
	assert_int_equal(s.state, SENTINEL_OFF);
	assert_int_equal(s.why, SENTINEL_OPEN_RESOLVER);
	assert_false(dns_sentinel_seen(&s, DNS_ERROR_CODE, 4));
	assert_int_equal(s.since, 3);
}

static void canaries_are_public_and_random(void **state)
{
	unsigned octets[256] = { 0 }, distinct = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct ipaddr four = dns_sentinel_canary(random_bits(), 4), six = dns_sentinel_canary(random_bits(), 6);

		assert_false(ipaddr_is_private(&four));
		assert_int_equal(six.b[0] & 0xfc, 0x20);
		assert_false(ipaddr_is_private(&six));
		octets[four.b[0]]++;
	}
	for (int i = 0; i < 256; i++)
		distinct += octets[i] > 0;
	assert_true(distinct >= 215);
	(void)dns_sentinel_canary(0, 4);
	(void)dns_sentinel_canary(UINT64_MAX, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_list_is_on),
		cmocka_unit_test(each_lie_switches_off_and_three_good_rounds_on),
		cmocka_unit_test(some_canaries_may_be_listed),
		cmocka_unit_test(ipv6_is_counted_apart),
		cmocka_unit_test(silence_is_no_lie_but_ends_trust),
		cmocka_unit_test(a_real_answer_can_tell),
		cmocka_unit_test(canaries_are_public_and_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
