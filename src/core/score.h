/*
 * score: how bad one subject is: the decaying sum of its hits (DESIGN 6). A
 * hit adds weight(trap) x weight(grade); all probes together never make up
 * more than decide.probe_cap of the sum; one message to one trap counts once.
 * Bulk and automatic mail and probes together never make up more than
 * decide.bulk_cap, until such mail came to SCORE_SPREAD_TRAPS distinct traps on
 * SCORE_SPREAD_DAYS days: an innocent host that answers forged mail for a day
 * is not blocked, one that goes on is.
 * Works on struct record_hit_sum; pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_SCORE_H
#define CORE_SCORE_H
#include "core/conf.h"
#include "core/record.h"

#define SCORE_SPREAD_TRAPS RECORD_BULK_TRAPS
#define SCORE_SPREAD_DAYS 3
#define SCORE_RETRY_S (5 * 86400) /* Postfix's maximal_queue_lifetime: no queue tries longer */
#define SCORE_SPREAD_WINDOW 30    /* days without such mail: counting begins anew */

/* The score at now. */
double score_at(const struct record_hit_sum *s, uint64_t now, uint64_t half_life_s);
/*
 * Record one hit. digest stands for client, sender, trap and Message-ID: one of
 * the last RECORD_RECENT digests is a retry, which changes nothing and adds 0,
 * but for SCORE_RETRY_S after the last hit: then the same mail is sent again.
 * Else the grade is counted, and the trap too where the grade is confirmed or
 * unseen. Returns the weight added, 0 for grades that never block.
 */
double score_add(struct record_hit_sum *s, const struct conf *c, enum grade g, float trap_weight, uint32_t trap_id,
	uint64_t digest, uint64_t now, bool *ret_is_retry);

/* A hit that is charged to nobody: counted by grade, no more. False: a retry, nothing changed. */
bool score_note(struct record_hit_sum *s, enum grade g, uint64_t digest, uint64_t now);

#endif /* CORE_SCORE_H */
