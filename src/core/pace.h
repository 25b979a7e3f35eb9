/*
 * pace: how long those who are held wait from one byte to the next, so that
 * the work of sending stays within a share of a processor. The work of a byte is
 * about the same whatever the pace is: twice the time between two bytes is half
 * the work. It slows down fast and speeds up slowly, never below what the
 * site has configured. What counts is the work of some seconds: those who are held come
 * in bunches. Pure: the caller says how much time was used.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_PACE_H
#define CORE_PACE_H
#include <stdint.h>

#define PACE_MOST_MS 60000u      /* slower would be silence: clients give up */
#define PACE_SLOWED_MS 100u      /* from no pace at all, the first step */
#define PACE_SHARE_PERMILLE 200u /* of a core, all processes together */

struct pace {
	uint32_t least_ms;         /* configured */
	uint32_t now_ms;           /* in force */
	uint32_t share;            /* permille of a core that may be used */
	uint64_t used_us, span_us; /* since the last step */
};

/* Also when the settings have changed: a slower pace stays until the work allows another. */
void pace_set(struct pace *p, uint32_t least_ms, unsigned processes);
/* used_us of processor time in the last span_us: call it about once a second. */
void pace_step(struct pace *p, uint64_t used_us, uint64_t span_us);

#endif /* CORE_PACE_H */
