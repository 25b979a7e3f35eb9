/*
 * engine_clock_rig: engine_rig with a clock that the test sets. Include cmocka
 * first.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_ENGINE_CLOCK_RIG_H
#define TESTS_ENGINE_CLOCK_RIG_H
#include "engine_rig.h"
#include "role/engine.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#define DAYS_40 (40ll * 86400)

static _Atomic int64_t wall_ahead_s, passed_s;

/* In place of libc's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *to)
{
	int done = (int)syscall(SYS_clock_gettime, id, to);

	to->tv_sec += id == CLOCK_REALTIME ? atomic_load(&wall_ahead_s) : 0;
	to->tv_sec += id == CLOCK_REALTIME || id == CLOCK_MONOTONIC ? atomic_load(&passed_s) : 0;
	return done;
}

static unsigned clock_alarms, insider_alarms;

static inline void count_alarm(const char *event)
{
	clock_alarms += strcmp(event, "clock") == 0;
	insider_alarms += strcmp(event, "insider") == 0;
}

static inline int setup(void **state)
{
	int r = rig_setup(state);

	atomic_store(&wall_ahead_s, 0);
	atomic_store(&passed_s, 0);
	clock_alarms = insider_alarms = 0;
	rig.on_alarm = count_alarm;
	return r;
}

/* For rig_wait; ctx: how many there have to be. */
static inline bool has_clock_alarms(void *ctx)
{
	return clock_alarms >= *(const unsigned *)ctx;
}

static inline void set_clock(int64_t ahead_s)
{
	unsigned more = clock_alarms + 1;
	struct engine *e = rig.host.ctx;

	atomic_store(&wall_ahead_s, ahead_s);
	/* as each second */
	engine_clock_tick(e);
	engine_allow_tick(e, clock_wall_s());
	engine_block_tick(e, clock_wall_s());
	assert_true(rig_wait(has_clock_alarms, &more));
}

#define CLOCK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

#endif /* TESTS_ENGINE_CLOCK_RIG_H */
