/*
 * breaker: shall a block that is about to act wait for a person (DESIGN 6)?
 * Held is what would have refused good mail: of a host whose ledger counts
 *   - breaker.good_mails messages or more in the last 14 days, or
 *   - any, when breaker.good_hosts such hosts were blocked within an hour.
 * A host without ledger weight is never held, however many there are: else a
 * botnet would switch us off. Nor is one that met decide.many_traps distinct
 * traps. Pure; the state is a ring of times.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_BREAKER_H
#define CORE_BREAKER_H
#include "core/conf.h"

#define BREAKER_HOSTS 100 /* largest breaker.good_hosts */
#define BREAKER_WINDOW_S 3600

struct breaker {
	uint64_t at[BREAKER_HOSTS]; /* when hosts with good mail were blocked or held; 0: unused */
	uint32_t next;
};

struct breaker_facts {
	double good;    /* what the ledger counts now */
	uint32_t mails; /* ledger_recent */
	uint32_t
		traps; /* distinct ones it has met; 0 where the grade is not whole (core/grade.h): those block by score */
};

enum breaker_verdict { BREAKER_ACT = 0, BREAKER_HOLD_MAILS, BREAKER_HOLD_HOSTS };

enum breaker_verdict breaker_judge(
	const struct breaker *b, const struct conf *c, const struct breaker_facts *f, uint64_t now);
/* A block of such a host was made, acting or held. */
void breaker_note(struct breaker *b, const struct breaker_facts *f, uint64_t now);

#endif /* CORE_BREAKER_H */
