/*
 * trap_quality: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/trap_quality.h"

/* What place i counts at now. */
static uint8_t points_of(const struct trap_quality *q, int i, uint64_t now)
{
	return q->seen[i].host && q->seen[i].at + TRAP_QUALITY_S > now ? q->seen[i].points : 0;
}

unsigned trap_quality_points(const struct trap_quality *q, uint64_t now)
{
	unsigned points = 0;

	for (int i = 0; i < TRAP_QUALITY_HOSTS; i++)
		points += points_of(q, i, now);
	return points;
}

/* Times after now are of a clock that was ahead: they are taken for now, or they would count until then. */
static void tame(struct trap_quality *q, uint64_t now)
{
	for (int i = 0; i < TRAP_QUALITY_HOSTS; i++)
		if (q->seen[i].at > now)
			q->seen[i].at = now;
}

bool trap_quality_note(struct trap_quality *q, uint64_t host, double good, bool is_correspondent, uint64_t now)
{
	uint8_t points = good > 0 ? is_correspondent ? 2 : 1 : 0;
	int place = 0;

	if (points == 0)
		return false;
	if (host == 0)
		host = 1;
	tame(q, now);
	for (int i = 0; i < TRAP_QUALITY_HOSTS; i++) {
		if (q->seen[i].host == host) {
			place = i;
			break;
		}
		if (q->seen[i].at < q->seen[place].at)
			place = i;
	}
	if (q->seen[place].host == host && points_of(q, place, now) > points)
		points = points_of(q, place, now);
	q->seen[place].host = host;
	q->seen[place].at = now;
	q->seen[place].points = points;
	return trap_quality_points(q, now) >= TRAP_QUALITY_NEED;
}
