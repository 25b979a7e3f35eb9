/*
 * pace: every few seconds a step towards the pace at which the work would be the
 * share, at most four times as slow and at most a third faster.
 * SPDX-License-Identifier: ISC
 */
#include "core/pace.h"

#define WINDOW_US 4000000u
#define MOST_SPAN_US 60000000u /* a longer one was a stopped process */

static uint32_t between(uint64_t n, uint64_t low, uint64_t high)
{
	return (uint32_t)(n < low ? low : n > high ? high : n);
}

void pace_set(struct pace *p, uint32_t least_ms, unsigned processes)
{
	p->least_ms = between(least_ms, 0, PACE_MOST_MS);
	p->share = PACE_SHARE_PERMILLE / (processes ? processes : 1);
	if (p->share == 0)
		p->share = 1;
	if (p->now_ms < p->least_ms)
		p->now_ms = p->least_ms;
}

void pace_step(struct pace *p, uint64_t used_us, uint64_t span_us)
{
	uint64_t may, now = p->now_ms, next;

	if (span_us == 0 || span_us > MOST_SPAN_US || used_us > UINT32_MAX)
		return;
	p->used_us += used_us;
	p->span_us += span_us;
	if (p->span_us < WINDOW_US)
		return;
	may = p->span_us * p->share / 1000;
	if (now == 0 && p->used_us > may)
		now = PACE_SLOWED_MS / 2;
	/* a tenth below the share: nobody sees the difference, and a little noise does not lead above it */
	next = between(now * p->used_us / (may - may / 10), now - now / 3, now * 4);
	if (next < PACE_SLOWED_MS / 2 && p->used_us <= may)
		next = 0;
	p->now_ms = between(next, p->least_ms, PACE_MOST_MS);
	p->used_us = p->span_us = 0;
}
