/*
 * trap_quality: does a trap get mail that people send? A message with content
 * (graded confirmed, so no bounce and no list) from a host that also sends our
 * users good mail is plausible; from such a host and from a domain that our
 * users write to it is more. Two points from hosts of the last 30 days, and the
 * trap is doubted:
 *
 *   host with good mail in the ledger                            1 point
 *   the same, and the sender's domain is one our users write to  2 points
 *
 * A sender alone proves nothing, it can be forged; nor does one host twice. The
 * ledger counts only after three days of good mail, so that nobody can switch a
 * trap off in a morning. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_TRAP_QUALITY_H
#define CORE_TRAP_QUALITY_H
#include <stdbool.h>
#include <stdint.h>

#define TRAP_QUALITY_S (30 * 86400)
#define TRAP_QUALITY_NEED 2
#define TRAP_QUALITY_HOSTS 4 /* remembered; the oldest goes */

struct trap_quality { /* all zero: nothing known */
	struct {
		uint64_t host; /* digest; 0: free */
		uint64_t at;
		uint8_t points; /* at most TRAP_QUALITY_NEED */
	} seen[TRAP_QUALITY_HOSTS];
};

/* One plausible message. good: the host's good mail that counts. True: now the trap is doubted. */
bool trap_quality_note(struct trap_quality *q, uint64_t host, double good, bool is_correspondent, uint64_t now);
/* Points at now, of different hosts. */
unsigned trap_quality_points(const struct trap_quality *q, uint64_t now);

#endif /* CORE_TRAP_QUALITY_H */
