/*
 * feed_gate: "has any of these feeds something near this address?", in one
 * look at memory however many feeds there are and however large they are: a
 * bit for each /24 of IPv4, a hashed one for each /32 of IPv6. Says yes too
 * often, never no where a feed has the address; nearly all clients end here.
 *
 * Filled a stretch at a time, read when it is complete. Owns its memory, 2 MB.
 * Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_FEED_GATE_H
#define CORE_FEED_GATE_H
#include "core/feed_area.h"

struct feed_gate {
	uint64_t *near4, *near6; /* NULL: empty, says no */
};

/* Where a filling is in one area. Zeroed: at its begin. */
struct feed_gate_at {
	unsigned family; /* 0: IPv4, 1: IPv6, 2: done */
	size_t run;
};

/* A zeroed struct is empty; done makes it so again. */
enum err feed_gate_init(struct feed_gate *g) MUST_USE;
void feed_gate_done(struct feed_gate *g);
/* Add the next runs of a; budget: runs, and /24 and /32 that they touch, 64 of them as one. False: that was all. */
bool feed_gate_fill(struct feed_gate *g, const struct feed_area *a, struct feed_gate_at *at, size_t budget);
bool feed_gate_may_have(const struct feed_gate *g, const struct ipaddr *client);

#endif /* CORE_FEED_GATE_H */
