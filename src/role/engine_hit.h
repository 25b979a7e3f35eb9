/*
 * engine_hit: what the files about hits share.
 *
 *   engine_hit.c      whole messages from capture: who is charged, what is waited for
 *   engine_probe.c    transactions without content: probe, unseen
 *   engine_settle.c   decide on one hit and carry it out
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_ENGINE_HIT_H
#define ROLE_ENGINE_HIT_H
#include "core/charge.h"
#include "role/engine_fetch.h"

/* One hit being settled. */
struct engine_hit {
	const struct msg_hit *m;
	const struct trap *trap; /* NULL: no longer one of ours */
	const struct trap *mark; /* the pattern that gives tag and weight inside a trap domain; else trap */
	enum grade grade;
	bool is_charged;
	const char *login;
	const struct ipaddr *via; /* the forwarder, where m's client is the host before it; NULL */
	enum charge_spf spf;      /* of a sender at a shared provider: the answer to CHARGE_ASK */
	uint64_t number;          /* of the record, when it was already written */
	bool is_written;
};

/* ---- engine_settle.c */
uint64_t engine_settle_digest(const struct engine *e, const struct engine_who *who, const char *sender,
	uint32_t trap_id, const char *message_id);
/* mark: whose tag and weight count. */
struct decide_event engine_settle_event(const struct engine *e, const struct trap *trap, const struct trap *mark,
	const struct engine_who *who, const struct ipaddr *client, const char *name, const char *sender,
	uint64_t digest);
struct decide_view engine_settle_view(struct engine *e, const struct engine_subject *s, uint64_t now);
/*
 * Decide on r (a hit of s) and carry it out. Returns the ticket of what was
 * written, 0 when the store takes nothing, or *ret_is_old for a retry.
 */
uint64_t engine_settle(struct engine *e, struct engine_subject *s, struct decide_event *ev, struct record_hit *r,
	const struct engine_hit *h, bool *ret_is_old);

#endif /* ROLE_ENGINE_HIT_H */
