/*
 * spf_keep: the set of one `spf: DOMAIN` entry of the allow list over time. A
 * walk replaces it, but for what looks like a mistake or an attack:
 *
 *   an error                       the last good set stays; asked again soon
 *   empty, or no record any more   held: the last good set stays, alarm
 *   less than half of what it was  held for SPF_HOLD_S, then taken; alarm
 *   the world                      refused, alarm; the last good set stays
 *
 * Time is an argument. Owns its set. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_SPF_KEEP_H
#define CORE_SPF_KEEP_H
#include "core/spf_walk.h"

#define SPF_RETRY_S 900u       /* after an error or what is held */
#define SPF_HOLD_S (7 * 86400) /* a set that stays small is meant so */

enum spf_taken {
	SPF_SAME = 1, /* nothing changed */
	SPF_TAKEN,
	SPF_KEPT,       /* an error: as it was */
	SPF_HELD_EMPTY, /* these need a person's eye */
	SPF_HELD_SHRUNK,
	SPF_REFUSED_WORLD,
};

struct spf_keep {
	struct spf_set set;   /* in force */
	bool has_set;         /* it was good once */
	enum spf_taken last;  /* of the newest walk; 0: none yet */
	enum spf_state state; /* of the newest walk */
	bool is_partial;      /* the set in force */
	uint64_t good_at;     /* when the set was last confirmed */
	uint64_t next;        /* walk again then; 0: at once; spf_keep_is_due */
	uint64_t shrunk_at;   /* first seen smaller; 0: it is not */
};

/* A result; set is taken over where it is wanted (then *set is empty). */
enum spf_taken spf_keep_take(
	struct spf_keep *k, enum spf_state state, struct spf_set *set, bool is_partial, uint32_t ttl_s, uint64_t now);
/* Time to walk again? Also when the clock was set back: no walk is further away than SPF_TTL_MAX. */
bool spf_keep_is_due(const struct spf_keep *k, uint64_t now);
void spf_keep_done(struct spf_keep *k);
/* For an alarm and for status. */
const char *spf_taken_text(enum spf_taken t);

#endif /* CORE_SPF_KEEP_H */
