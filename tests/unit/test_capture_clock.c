/*
 * test_capture_clock: retention goes by the clock of the wall, and the clock may
 * be wrong for a while; what is told at times does not go by it.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "capture_rig.h"

#include <sys/syscall.h>
#include <time.h>

#define OLD "1000000000.0123456789abcdef"
#define TURNS 30

static int64_t wall_ahead_s, both_ahead_s;

/* In place of libc's, for limetwig and for the timers of its loop. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *to)
{
	int done = (int)syscall(SYS_clock_gettime, id, to);

	to->tv_sec += both_ahead_s + (id == CLOCK_REALTIME ? wall_ahead_s : 0);
	return done;
}

/* Time goes on by two seconds a turn: each is a tick of capture's. */
static void ticks(void)
{
	for (int i = 0; i < TURNS; i++) {
		both_ahead_s += 2;
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	}
}

static void put_old(void)
{
	char path[160];
	int fd;

	(void)snprintf(path, sizeof path, "%s/new/" OLD, corpus_dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static void test_retention(void **state)
{
	struct client *k;

	(void)state;
	start();
	k = dial();
	say(k, LHLO ONE);
	await(k, 8);
	put_old();
	ticks();
	assert_int_equal(files_in("new"), 2); /* the clock was just set, perhaps: not in the first hour */
	both_ahead_s += 3600;
	ticks();
	assert_int_equal(files_in("new"), 1); /* the old one is gone */
	both_ahead_s += 3500;
	wall_ahead_s = INT64_C(366) * 86400;
	both_ahead_s += 200; /* the hour is over, and a year it seems */
	ticks();
	assert_int_equal(files_in("new"), 1);
	wall_ahead_s = 0;
	ticks();
	both_ahead_s += 3600;
	ticks();
	assert_int_equal(files_in("new"), 1);
	hang_up(k);
}

/* How full it is is told every 10 seconds, whatever the clock of the wall says. */
static void test_state_is_told(void **state)
{
	(void)state;
	wall_ahead_s = 86400;
	start();
	ticks();
	assert_true(states > 0);
	states = 0;
	wall_ahead_s = 0;
	ticks();
	assert_in_range(states, TURNS / 10, TURNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_retention, setup, teardown),
		cmocka_unit_test_setup_teardown(test_state_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
