/*
 * pace: a bucket of processor time.
 * SPDX-License-Identifier: ISC
 */
#include "core/pace.h"

#define MOST_US 60000000u /* a longer span was a stopped process */

void pace_set(struct pace *p, unsigned processes)
{
	p->share = PACE_SHARE_PERMILLE / (processes ? processes : 1);
	if (p->share == 0)
		p->share = 1;
}

void pace_pass(struct pace *p, uint64_t used_us, uint64_t span_us)
{
	int64_t most = (int64_t)p->share * PACE_SAVED_US, least = -(int64_t)p->share * PACE_OWED_US;
	int64_t used = used_us > MOST_US ? MOST_US : (int64_t)used_us;
	int64_t span = span_us > MOST_US ? MOST_US : (int64_t)span_us;

	p->credit += span * p->share - used * 1000;
	if (p->credit > most)
		p->credit = most;
	if (p->credit < least)
		p->credit = least;
}
