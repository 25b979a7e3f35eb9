/*
 * maillog_time: the time at the front of a log line: syslog's traditional form
 * ("Nov 21 21:25:01", local time, no year) and RFC 3339
 * ("2026-11-21T21:25:01.123456+01:00"). Pure; gives Unix seconds.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MAILLOG_TIME_H
#define CORE_MAILLOG_TIME_H
#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

/*
 * Take a time and the blank behind it off the front of *s. now: the year of the
 * traditional form is the last one in which the time is not more than a day
 * after now. utc_offset_s: what local time is ahead of UTC. ERR_SYNTAX: neither
 * form, no such day, before 1970; *s is untouched then.
 */
enum err maillog_time_take(struct slice *s, uint64_t now, int32_t utc_offset_s, uint64_t *ret) MUST_USE;

/* The same for the lines of one log, most of which are of the day of the line before. */
struct maillog_clock {
	uint64_t now;
	int32_t utc_offset_s;
	uint8_t day_n;    /* 0: none yet */
	char day[11];     /* "Nov 21 ", "2026-11-21" */
	int64_t midnight; /* its first second, UTC; of RFC 3339 before the zone */
};

enum err maillog_time_take_next(struct slice *s, struct maillog_clock *c, uint64_t *ret) MUST_USE;

#endif /* CORE_MAILLOG_TIME_H */
