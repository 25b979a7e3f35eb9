/*
 * The firewall role without a descriptor, without memory for a timer, with a
 * clock that is wrong: what should be in the kernel is there all the same, as
 * soon as that is possible.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "firewall_peer.h"

/* The kernel's elements last by a clock that nobody sets: while the other one is wrong none of them is forgotten. */
static void test_a_clock_that_leaps(void **state)
{
	struct peer p;
	struct fw_op brief = op_of(true, "198.51.100.9", 2);

	(void)state;
	start_clean(&p);
	assert_int_equal(peer_add(&p, "198.51.100.7"), 0);
	assert_int_equal(peer_ops(&p, &brief, 1), 0);
	atomic_store(&shared->wall_ahead_s, 40ll * 86400);
	await_nft("198.51.100.9", false); /* the role has swept since */
	atomic_store(&shared->wall_ahead_s, 0);
	assert_true(netns_has("198.51.100.7"));
	peer_sync(&p, 1);
	peer_sync(&p, 2);
	await_nft("198.51.100.7", false);
	peer_kill(&p);
}

/*
 * No socket to be had at the start, nor when the list comes; later there is one. What is in the kernel since the former
 * run is as old as then: what was lifted since goes, what came since is there.
 */
static void test_late(void **state)
{
	struct peer p;

	(void)state;
	start_clean(&p);
	assert_int_equal(peer_add(&p, "198.51.100.7"), 0);
	assert_int_equal(peer_add(&p, "198.51.100.8"), 0);
	peer_kill(&p);
	is_short = true;
	peer_start(&p, 0);
	is_short = false;
	peer_await_state(&p, FW_ERROR);
	assert_int_equal(p.state.error, EMFILE);
	peer_sync(&p, 1);
	assert_int_equal(peer_add(&p, "198.51.100.8"), EMFILE);
	assert_int_equal(peer_add(&p, "198.51.100.9"), EMFILE);
	peer_sync(&p, 2);
	assert_int_equal(kill(p.pid, SIGHUP), 0);
	peer_await_state(&p, FW_OK);
	await_nft("198.51.100.7", false);
	await_nft("198.51.100.9", true);
	assert_true(netns_has("198.51.100.8"));
	peer_kill(&p);
}

/* What could not be put off for lack of memory is done later, and not forgotten. */
static void test_no_timers(void **state)
{
	struct fw_op none = op_of(false, "198.51.100.99", 0);
	struct peer p;

	(void)state;
	start_clean(&p);
	assert_int_equal(peer_add(&p, "198.51.100.7"), 0);
	atomic_store(&shared->has_no_timers, true);
	netns_nft("delete table inet limetwig");
	(void)peer_add(&p, "198.51.100.8");
	atomic_store(&shared->has_no_timers, false);
	await_nft("198.51.100.8", true);
	assert_true(netns_has("198.51.100.7"));
	atomic_store(&shared->has_no_timers, true);
	peer_sync(&p, 1);
	peer_sync(&p, 2);
	(void)peer_ops(&p, &none, 1);
	atomic_store(&shared->has_no_timers, false);
	await_nft("198.51.100.7", false);
	peer_kill(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clock_that_leaps),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_no_timers),
	};

	if (!peer_prepare())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
