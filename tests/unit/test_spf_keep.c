/*
 * spf_keep: the last good set stays.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/spf_keep.h"

static struct spf_set set_of(const char *text)
{
	struct spf_set s = { 0 };
	struct slice rest = slice_str(text), word;

	while (slice_word(&rest, &word)) {
		struct prefix p;

		assert_int_equal(prefix_parse(word, &p), ERR_OK);
		assert_int_equal(spf_set_add(&s, &p), ERR_OK);
	}
	spf_set_sort(&s);
	return s;
}

static enum spf_taken take(struct spf_keep *k, enum spf_state state, const char *text, uint64_t now)
{
	struct spf_set s = set_of(text);
	enum spf_taken t = spf_keep_take(k, state, &s, false, 600, now);

	spf_set_done(&s);
	return t;
}

static bool has(const struct spf_keep *k, const char *address)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(slice_str(address), &a), ERR_OK);
	return spf_set_has(&k->set, &a);
}

static void a_good_set_is_taken_and_kept(void **state)
{
	struct spf_keep k = { 0 };

	(void)state;
	assert_int_equal(take(&k, SPF_TEMPERROR, "", 10), SPF_KEPT);
	assert_false(k.has_set);
	assert_int_equal(k.next, 10 + SPF_RETRY_S);
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24", 1000), SPF_TAKEN);
	assert_int_equal(k.next, 1600);
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24", 1600), SPF_SAME);
	assert_int_equal(k.good_at, 1600);
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24 198.51.100.0/24", 2200), SPF_TAKEN);
	assert_true(has(&k, "198.51.100.7"));
	/* what stood before a mistake counts no more than the mistake */
	assert_int_equal(take(&k, SPF_PERMERROR, "192.0.2.1", 3000), SPF_KEPT);
	assert_int_equal(take(&k, SPF_TEMPERROR, "192.0.2.1", 3000), SPF_KEPT);
	assert_true(has(&k, "198.51.100.7"));
	assert_int_equal(k.good_at, 2200);
	/* half is not less than half */
	assert_int_equal(take(&k, SPF_DONE, "198.51.100.0/24", 4000), SPF_TAKEN);
	assert_false(has(&k, "192.0.2.1"));
	spf_keep_done(&k);
}

static void empty_and_gone_are_held(void **state)
{
	struct spf_keep k = { 0 };

	(void)state;
	assert_int_equal(take(&k, SPF_NONE, "", 5), SPF_HELD_EMPTY);
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24", 10), SPF_TAKEN);
	for (uint64_t i = 1; i < 100; i++) {
		assert_int_equal(take(&k, SPF_DONE, "", i * 86400), SPF_HELD_EMPTY);
		assert_int_equal(take(&k, SPF_NONE, "", i * 86400), SPF_HELD_EMPTY);
	}
	assert_true(has(&k, "192.0.2.1"));
	spf_keep_done(&k);
}

static void shrunk_is_held_for_a_week(void **state)
{
	struct spf_keep k = { 0 };

	(void)state;
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24 2001:db8::/32", 10), SPF_TAKEN);
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/26 2001:db8::/32", 20), SPF_HELD_SHRUNK);
	assert_true(has(&k, "192.0.2.200"));
	/* back again: the week begins anew */
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24 2001:db8::/32", 30), SPF_SAME);
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24", 40), SPF_HELD_SHRUNK);
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24", 39 + SPF_HOLD_S), SPF_HELD_SHRUNK);
	assert_true(has(&k, "2001:db8::1"));
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24", 40 + SPF_HOLD_S), SPF_TAKEN);
	assert_false(has(&k, "2001:db8::1"));
	spf_keep_done(&k);
}

static void the_world_is_refused(void **state)
{
	struct spf_keep k = { 0 };

	(void)state;
	assert_int_equal(take(&k, SPF_DONE, "0.0.0.0/0", 10), SPF_REFUSED_WORLD);
	assert_false(k.has_set);
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24", 20), SPF_TAKEN);
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24 ::/0", 30), SPF_REFUSED_WORLD);
	assert_false(has(&k, "2001:db8::1"));
	assert_true(has(&k, "192.0.2.1"));
	for (int t = 0; t <= SPF_REFUSED_WORLD; t++)
		assert_true(spf_taken_text((enum spf_taken)t)[0] != '?');
	spf_keep_done(&k);
}

static void walks_go_on_when_the_clock_was_set_back(void **state)
{
	struct spf_keep k = { 0 };
	struct spf_set s = set_of("192.0.2.0/24");

	(void)state;
	assert_true(spf_keep_is_due(&k, 5));
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/24", 100000000), SPF_TAKEN);
	assert_false(spf_keep_is_due(&k, 100000599));
	assert_true(spf_keep_is_due(&k, 100000600));
	assert_true(spf_keep_is_due(&k, 1000));
	/* whatever lifetime the answer gives */
	assert_int_equal(spf_keep_take(&k, SPF_DONE, &s, false, UINT32_MAX, 2000), SPF_SAME);
	assert_int_equal(k.next, 2000 + SPF_TTL_MAX);
	/* what is held is so from now on */
	k.shrunk_at = 100000000;
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/26", 3000), SPF_HELD_SHRUNK);
	assert_int_equal(take(&k, SPF_DONE, "192.0.2.0/26", 3000 + SPF_HOLD_S), SPF_TAKEN);
	spf_set_done(&s);
	spf_keep_done(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_set_is_taken_and_kept),
		cmocka_unit_test(empty_and_gone_are_held),
		cmocka_unit_test(shrunk_is_held_for_a_week),
		cmocka_unit_test(the_world_is_refused),
		cmocka_unit_test(walks_go_on_when_the_clock_was_set_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
