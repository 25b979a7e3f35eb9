/*
 * score: decays at each hit, so that two numbers are the whole history.
 * SPDX-License-Identifier: ISC
 */
#include "core/score.h"
#include "core/decay.h"

#define DAY_S 86400
#define AHEAD_S DAY_S /* a leap of the clock; less is no more than a score that halves a little late */

static double grade_weight(const struct conf *c, enum grade g)
{
	switch (g) {
	case GRADE_CONFIRMED:
		return c->decide.confirmed;
	case GRADE_UNSEEN:
		return c->decide.unseen;
	case GRADE_MISROUTED:
		return c->decide.misrouted;
	case GRADE_BULK:
		return c->decide.bulk;
	case GRADE_AUTOMATIC:
		return c->decide.automatic;
	case GRADE_PROBE:
		return c->decide.probe;
	case GRADE_NONE:
	case GRADE_BACKSCATTER:
	case GRADE_INSIDER:
	case GRADE_EXEMPT:
	case GRADE_COUNT:
		break;
	}
	return 0;
}

double score_at(const struct record_hit_sum *s, uint64_t now, uint64_t half_life_s)
{
	return decay_value(s->score, s->score_at, now, half_life_s);
}

static bool is_recent(const struct record_hit_sum *s, uint64_t digest)
{
	for (size_t i = 0; i < RECORD_RECENT; i++)
		if (s->recent[i] == digest)
			return true;
	return false;
}

static void recent_push(struct record_hit_sum *s, uint64_t digest)
{
	memmove(s->recent + 1, s->recent, sizeof s->recent - sizeof s->recent[0]);
	s->recent[0] = digest;
}

static void trap_count(struct record_hit_sum *s, uint32_t trap_id)
{
	for (uint32_t i = 0; i < s->traps && i < RECORD_TRAPS; i++)
		if (s->trap_id[i] == trap_id)
			return;
	if (s->traps < RECORD_TRAPS)
		s->trap_id[s->traps++] = trap_id;
}

static void score_decay(struct record_hit_sum *s, uint64_t now, uint64_t half_life_s)
{
	if (now <= s->score_at)
		return;
	s->score = decay_value(s->score, s->score_at, now, half_life_s);
	s->probe_score = decay_value(s->probe_score, s->score_at, now, half_life_s);
	s->bulk_score = decay_value(s->bulk_score, s->score_at, now, half_life_s);
	s->score_at = now;
}

/* Times after now are of a clock that was ahead: nothing would halve until then. */
static void tame(struct record_hit_sum *s, uint64_t now)
{
	if (s->score_at > now + AHEAD_S)
		s->score_at = now;
	if (s->last > now + AHEAD_S)
		s->last = now;
	if (s->bulk_day > (now + AHEAD_S) / DAY_S)
		s->bulk_day = (uint32_t)(now / DAY_S);
}

static void note_grade(struct record_hit_sum *s, enum grade g, uint64_t now)
{
	if ((unsigned)g < GRADE_COUNT && s->count[g] < UINT32_MAX)
		s->count[g]++;
	if (s->first == 0 || now < s->first)
		s->first = now;
	if (now > s->last)
		s->last = now;
}

static double at_most(double w, double room)
{
	return room <= 0 ? 0 : w < room ? w : room;
}

/* On how many days, to how many traps. */
static void note_bulk(struct record_hit_sum *s, uint32_t trap_id, uint64_t now)
{
	uint32_t day = (uint32_t)(now / DAY_S);

	if (day > s->bulk_day + SCORE_SPREAD_WINDOW)
		s->bulk_days = s->bulk_traps = 0;
	if (s->bulk_days == 0 || day > s->bulk_day) {
		s->bulk_days = (uint8_t)(s->bulk_days + (s->bulk_days < UINT8_MAX));
		s->bulk_day = day;
	}
	for (uint8_t i = 0; i < s->bulk_traps; i++)
		if (s->bulk_trap_id[i] == trap_id)
			return;
	if (s->bulk_traps < RECORD_BULK_TRAPS)
		s->bulk_trap_id[s->bulk_traps++] = trap_id;
}

/* How much of w probes, bulk and automatic mail may still add. */
static double soft_weight(const struct record_hit_sum *s, const struct conf *c, enum grade g, double w)
{
	bool is_spread = s->bulk_traps >= SCORE_SPREAD_TRAPS && s->bulk_days >= SCORE_SPREAD_DAYS;

	if (g == GRADE_PROBE)
		w = at_most(w, c->decide.probe_cap - s->probe_score);
	if (is_spread || (g == GRADE_PROBE && s->bulk_score <= 0))
		return w;
	return at_most(w, c->decide.bulk_cap - s->bulk_score - s->probe_score);
}

double score_add(struct record_hit_sum *s, const struct conf *c, enum grade g, float trap_weight, uint32_t trap_id,
	uint64_t digest, uint64_t now, bool *ret_is_retry)
{
	double w = grade_weight(c, g) * (double)trap_weight;

	if (digest == 0) /* 0 marks an unused place in recent[] */
		digest = 1;
	if (now > s->last + SCORE_RETRY_S)
		memset(s->recent, 0, sizeof s->recent);
	*ret_is_retry = is_recent(s, digest);
	if (*ret_is_retry)
		return 0;
	recent_push(s, digest);
	tame(s, now);
	score_decay(s, now, c->decide.half_life_s);
	if (!(w > 0))
		w = 0;
	if (g == GRADE_BULK || g == GRADE_AUTOMATIC) {
		note_bulk(s, trap_id, now);
		w = soft_weight(s, c, g, w);
		s->bulk_score += w;
	} else if (g == GRADE_PROBE) {
		w = soft_weight(s, c, g, w);
		s->probe_score += w;
	}
	s->score += w;
	note_grade(s, g, now);
	if (grade_is_whole(g))
		trap_count(s, trap_id);
	return w;
}

bool score_note(struct record_hit_sum *s, enum grade g, uint64_t digest, uint64_t now)
{
	uint64_t other = ~digest ? ~digest : 1; /* the same message may be charged later: then it is no retry */

	if (is_recent(s, digest ? digest : 1) || is_recent(s, other))
		return false;
	recent_push(s, other);
	note_grade(s, g, now);
	return true;
}
