/*
 * ledger: fresh mail waits in one bucket per UTC day. A bucket joins the
 * matured sum when its whole day is 48 h old, that is on the third day after
 * it, so that three buckets are enough and nothing ever counts too early.
 *
 *   day    D-3 and before   D-2       D-1       D = fresh_day
 *          good             fresh[2]  fresh[1]  fresh[0]
 *
 * SPDX-License-Identifier: ISC
 */
#include "core/ledger.h"
#include "core/decay.h"

#define DAY_S 86400
#define FRESH_DAYS 3
#define LEDGER_LEAST 0.01 /* less good mail than this is not worth an entry */
#define LEDGER_MAX_DAYS 1000
#define STRETCH_S (2 * DAY_S)

_Static_assert(FRESH_DAYS *DAY_S == LEDGER_MATURE_S + DAY_S, "a bucket is one day wide");
_Static_assert((RECORD_LEDGER_STRETCHES - 1) * STRETCH_S >= LEDGER_RECENT_S, "whole stretches cover it");
_Static_assert(sizeof((struct record_ledger *)0)->fresh == FRESH_DAYS * sizeof(double), "a bucket per day");

static double capped(double v)
{
	return v < LEDGER_CAP ? v : LEDGER_CAP;
}

/* When the bucket of this day joins the matured sum. */
static uint64_t day_ripe(uint64_t day)
{
	return (day + FRESH_DAYS) * DAY_S;
}

/* A matured amount, as of time at, into the sum. */
static void good_join(struct record_ledger *l, double amount, uint64_t at)
{
	uint64_t to = at > l->good_at ? at : l->good_at;

	l->good = capped(decay_value(l->good, l->good_at, to, LEDGER_HALF_LIFE_S) +
			 decay_value(amount, at, to, LEDGER_HALF_LIFE_S));
	l->good_at = to;
}

/* Make day the newest one: what falls out of the three buckets has matured. */
static void fresh_roll(struct record_ledger *l, uint64_t day)
{
	uint64_t by = day - l->fresh_day;

	for (size_t i = FRESH_DAYS; i-- > 0;) {
		if (i + by < FRESH_DAYS)
			l->fresh[i + by] = l->fresh[i];
		else if (l->fresh[i] > 0)
			good_join(l, l->fresh[i], day_ripe(l->fresh_day - i));
		l->fresh[i] = 0;
	}
	l->fresh_day = day;
}

/* One message, for ledger_recent. */
static void mail_count(struct record_ledger *l, uint64_t stretch)
{
	uint64_t by = stretch > l->stretch ? stretch - l->stretch : 0, back;

	if (by) {
		for (size_t i = RECORD_LEDGER_STRETCHES; i-- > 0;)
			l->mails[i] = i >= by ? l->mails[i - by] : 0;
		l->stretch = stretch;
	}
	back = l->stretch - stretch;
	if (back < RECORD_LEDGER_STRETCHES && l->mails[back] < UINT16_MAX)
		l->mails[back]++;
}

void ledger_add(struct record_ledger *l, uint64_t time, double count)
{
	uint64_t day = time / DAY_S, back;

	if (!(count > 0))
		return;
	mail_count(l, time / STRETCH_S);
	if (l->days == 0)
		l->fresh_day = day;
	else if (day > l->fresh_day)
		fresh_roll(l, day);
	back = l->fresh_day - day;
	if (back > FRESH_DAYS)
		return;
	if (back == FRESH_DAYS) { /* it cannot be told any more whether this day is a new one */
		good_join(l, count, day_ripe(day));
		return;
	}
	if (l->fresh[back] <= 0 && l->days < LEDGER_MAX_DAYS)
		l->days++;
	l->fresh[back] = capped(l->fresh[back] + count);
	l->last_day = l->fresh_day;
}

void ledger_tame(struct record_ledger *l, uint64_t now)
{
	uint64_t day = now / DAY_S, stretch = now / STRETCH_S;

	/* one more: a clock that goes back by seconds can do so at midnight */
	if (l->fresh_day > day + 1)
		l->fresh_day = l->last_day = day;
	if (l->stretch > stretch + 1)
		l->stretch = stretch;
	if (l->good_at > now)
		l->good_at = now;
}

/* Messages since the stretch that time `from` is in. */
static uint32_t mails_since(const struct record_ledger *l, uint64_t from)
{
	uint32_t sum = 0;

	for (uint64_t i = 0; i < RECORD_LEDGER_STRETCHES && i <= l->stretch; i++)
		if (l->stretch - i >= from / STRETCH_S)
			sum += l->mails[i];
	return sum;
}

uint32_t ledger_recent(const struct record_ledger *l, uint64_t now)
{
	return mails_since(l, now > LEDGER_RECENT_S ? now - LEDGER_RECENT_S : 0);
}

void ledger_spoil(struct record_ledger *l, uint64_t time)
{
	if (l->days == 0 || mails_since(l, time > STRETCH_S ? time - STRETCH_S : 0) >= LEDGER_BUSY)
		return;
	if (time / DAY_S > l->fresh_day)
		fresh_roll(l, time / DAY_S);
	for (size_t i = 0; i < FRESH_DAYS; i++) {
		if (l->fresh[i] > 0 && l->days > 0)
			l->days--;
		l->fresh[i] = 0;
	}
}

double ledger_good(const struct record_ledger *l, uint64_t now)
{
	struct record_ledger ripe;

	if (l->days < LEDGER_DAYS)
		return 0;
	ripe = *l;
	for (uint64_t i = FRESH_DAYS; i-- > 0;) /* the oldest first: the cap holds at every moment between */
		if (i <= l->fresh_day && l->fresh[i] > 0 && now >= day_ripe(l->fresh_day - i))
			good_join(&ripe, l->fresh[i], day_ripe(l->fresh_day - i));
	return capped(decay_value(ripe.good, ripe.good_at, now, LEDGER_HALF_LIFE_S));
}

bool ledger_is_spent(const struct record_ledger *l, uint64_t now)
{
	double left = decay_value(l->good, l->good_at, now, LEDGER_HALF_LIFE_S);

	for (uint64_t i = 0; i < FRESH_DAYS && i <= l->fresh_day; i++)
		left += decay_value(l->fresh[i], day_ripe(l->fresh_day - i), now, LEDGER_HALF_LIFE_S);
	return left < LEDGER_LEAST;
}
