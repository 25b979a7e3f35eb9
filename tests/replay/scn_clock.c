/*
 * scn_clock: the linker gives every call of these functions to us
 * (--wrap): the wall clock stands still until a scenario moves it, the
 * engine's slow timers fire when a scenario lets time pass, and what is random
 * is the same in each run. The product knows nothing of it.
 * SPDX-License-Identifier: ISC
 */
#include "scn.h"

#include <stdlib.h>

#define START 1767916800u /* Fri 2026-01-09 00:00:00 UTC */
#define TIMERS 16
#define SLOW_MS 1000u                   /* timers of the engine; faster ones belong to the tests */
#define NEVER_MS (UINT64_C(1000) << 20) /* twelve days of real time */
#define STRETCHES 16                    /* at least so many looks at the clock in a long time */

static struct {
	int64_t wall;
	uint64_t mono_ms;
	uint64_t random;
	unsigned timers;
	struct {
		uint64_t ms, due_ms;
		loop_fn fn;
		void *ctx;
	} timer[TIMERS];
} state;

uint64_t __wrap_clock_wall_s(void);
uint64_t __wrap_clock_wall_ms(void);
uint64_t __wrap_clock_mono_ms(void);
uint64_t __wrap_engine_random(void);
struct loop_watch *__wrap_loop_every(struct loop *l, uint64_t ms, loop_fn fn, void *ctx);
struct loop_watch *__real_loop_every(struct loop *l, uint64_t ms, loop_fn fn, void *ctx);

uint64_t __wrap_clock_wall_s(void)
{
	return (uint64_t)state.wall;
}

uint64_t __wrap_clock_wall_ms(void)
{
	return (uint64_t)state.wall * 1000;
}

uint64_t __wrap_clock_mono_ms(void)
{
	return state.mono_ms;
}

/* Steele, Lea, Flood: SplitMix. */
uint64_t __wrap_engine_random(void)
{
	uint64_t z = state.random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

struct loop_watch *__wrap_loop_every(struct loop *l, uint64_t ms, loop_fn fn, void *ctx)
{
	if (ms < SLOW_MS)
		return __real_loop_every(l, ms, fn, ctx);
	if (state.timers == TIMERS)
		abort();
	state.timer[state.timers].ms = ms;
	state.timer[state.timers].due_ms = state.mono_ms + ms;
	state.timer[state.timers].fn = fn;
	state.timer[state.timers++].ctx = ctx;
	return __real_loop_every(l, NEVER_MS, fn, ctx);
}

void scn_clock_reset(void)
{
	state.wall = START;
	state.mono_ms = 1000;
	state.random = 1;
	state.timers = 0;
}

void scn_clock_forget_timers(void)
{
	state.timers = 0;
}

uint64_t scn_clock_now(void)
{
	return (uint64_t)state.wall;
}

void scn_clock_jump(int64_t seconds)
{
	state.wall += seconds;
}

static void fire(void)
{
	for (unsigned i = 0; i < state.timers; i++) {
		if (state.timer[i].due_ms > state.mono_ms)
			continue;
		state.timer[i].due_ms = state.mono_ms + state.timer[i].ms;
		state.timer[i].fn(state.timer[i].ctx);
	}
}

/* Short stretches first: what waits seconds is seen in its order, a year is still a few dozen looks. */
void scn_clock_pass(uint64_t seconds, void (*step)(void))
{
	uint64_t longest = seconds / STRETCHES > 600 ? seconds / STRETCHES : 600, stretch = 1;

	while (seconds) {
		uint64_t now = stretch < seconds ? stretch : seconds;

		state.wall += (int64_t)now;
		state.mono_ms += now * 1000;
		fire();
		step();
		seconds -= now;
		stretch = stretch * 2 < longest ? stretch * 2 : longest;
	}
}
