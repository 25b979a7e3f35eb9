/*
 * test_engine_clock: the clock is set while the engine runs; what acts is the
 * same in all layers again.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#define DAYS_40 (40ll * 86400)

static _Atomic int64_t wall_ahead_s;

/* In place of libc's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *to)
{
	int done = (int)syscall(SYS_clock_gettime, id, to);

	to->tv_sec += id == CLOCK_REALTIME ? atomic_load(&wall_ahead_s) : 0;
	return done;
}

static bool has_synced(void *ctx)
{
	return rig.syncs >= *(const unsigned *)ctx + 2;
}

/* Blocked while the clock was behind: over when it is right, and so for the kernel, whose time goes on by itself. */
static void test_a_clock_that_was_behind(void **state)
{
	char host[] = "192.0.2.1";
	unsigned syncs;

	(void)state;
	atomic_store(&wall_ahead_s, -DAYS_40);
	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message(host, "M1", "a@s.example", TRAP1), HIT_STORED);
	assert_true(rig_is_in_firewall(host));
	atomic_store(&wall_ahead_s, 0);
	assert_true(rig_wait(rig_has_no_element, host));
	/* and what is blocked after that stays */
	assert_int_equal(rig_message("192.0.2.2", "M2", "a@s.example", TRAP1), HIT_STORED);
	assert_true(rig_is_in_firewall("192.0.2.2"));
	/* ahead by less than the block lasts: it stays */
	atomic_store(&wall_ahead_s, 120);
	syncs = rig.syncs;
	assert_true(rig_wait(has_synced, &syncs));
	assert_true(rig_is_in_firewall("192.0.2.2"));
}

/*
 * Wrong and right again between two looks, so that no look sees it: what was blocked meanwhile is over (the clock was
 * behind), or begins now (it was ahead).
 */
static void wrong_for_a_moment(int64_t ahead_s, bool is_over)
{
	char host[] = "192.0.2.1";
	unsigned syncs;

	rig_start();
	rig_enforce("full");
	atomic_store(&wall_ahead_s, ahead_s);
	assert_int_equal(rig_message(host, "M1", "a@s.example", TRAP1), HIT_STORED);
	atomic_store(&wall_ahead_s, 0);
	assert_true(rig_is_in_firewall(host));
	syncs = rig.syncs;
	assert_true(rig_wait(has_synced, &syncs));
	assert_int_equal(rig_is_in_firewall(host), !is_over);
}

static void test_behind_for_a_moment(void **state)
{
	(void)state;
	wrong_for_a_moment(-DAYS_40, true);
}

static void test_ahead_for_a_moment(void **state)
{
	(void)state;
	wrong_for_a_moment(DAYS_40, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_clock_that_was_behind, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_behind_for_a_moment, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_ahead_for_a_moment, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
