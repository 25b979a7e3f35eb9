/*
 * pace: how much work on those who are held may be done now, so that a tarpit
 * stays within a share of a processor. Credit comes with time and goes with the
 * processor time that was used, for whatever; while there is none, those whose
 * byte is due wait, in turn. So the time from one byte to the next becomes what
 * the share allows, without a guess that could swing. Pure: the caller says how
 * much time has passed and was used.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_PACE_H
#define CORE_PACE_H
#include <stdbool.h>
#include <stdint.h>

#define PACE_SHARE_PERMILLE 200u /* of a core, all processes together */
#define PACE_SAVED_US 500000     /* of time: credit of a longer one is not saved up */
#define PACE_OWED_US 1000000     /* nor is more owed, whatever was used: a flood of newcomers must not silence us */

struct pace {
	uint32_t share; /* permille of a core that may be used */
	int64_t credit; /* thousandths of a microsecond of processor time */
};

/* Also when the settings have changed. processes: that share a core's part. */
void pace_set(struct pace *p, unsigned processes);
/* span_us have passed, in which used_us of processor time were used. */
void pace_pass(struct pace *p, uint64_t used_us, uint64_t span_us);
static inline bool pace_may(const struct pace *p)
{
	return p->credit > 0;
}

#endif /* CORE_PACE_H */
