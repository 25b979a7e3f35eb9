/*
 * firewall_plan: what should be in the kernel's sets, what is believed to be
 * there, and the operations that lead from one to the other. Also the firewall
 * role's own last line of defence: what is never blocked, how much, how fast,
 * how long, whatever the engine says.
 *
 * Pure: times are arguments. Owner: the firewall role. About 80 bytes an
 * element at a million.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_FIREWALL_PLAN_H
#define CORE_FIREWALL_PLAN_H
#include "base/prefix_map.h"
#include "core/message.h"

#define FIREWALL_MAX_TTL (366u * 86400) /* seconds; longer is cut to this */
#define FIREWALL_MIN_LEN4 16            /* nothing wider is blocked */
#define FIREWALL_MIN_LEN6 32
#define FIREWALL_NEVER 256    /* own prefixes at most */
#define FIREWALL_RATE 10000   /* adds a second outside a full list, in the long run */
#define FIREWALL_BURST 100000 /* and at once */
#define FIREWALL_ROOM 256     /* operations that purge and fill want room for at least */
#define FIREWALL_SLACK_S 5    /* an element this near its time need not be renewed */

struct firewall_plan {
	struct prefix_map wanted; /* wanted.count: elements that should be there */
	struct prefix never[FIREWALL_NEVER];
	size_t nevers;
	size_t present;             /* of the wanted, believed to be in the kernel */
	uint32_t refused;           /* adds refused, since start */
	uint16_t list;              /* number of the full list: begin counts up */
	uint16_t seen;              /* number of the look at the kernel: forget_present counts up */
	bool is_listing;            /* between begin and end */
	bool is_purging;            /* after end, until what was not on the list is gone */
	bool is_filling;            /* some wanted ones may be missing in the kernel */
	uint64_t purge_at, fill_at; /* walks */
	uint64_t tokens, tokens_ms; /* rate of adds, in thousandths */
};

void firewall_plan_init(struct firewall_plan *p, const uint8_t key[SIPHASH_KEY], size_t max_elements, uint64_t now_ms);
void firewall_plan_done(struct firewall_plan *p);
/* More than that stay if they are there already. */
void firewall_plan_set_max(struct firewall_plan *p, size_t max_elements);
/* Own prefixes, besides the private ranges; those beyond FIREWALL_NEVER are left out: ERR_LIMIT. */
enum err firewall_plan_set_never(struct firewall_plan *p, const struct prefix *never, size_t n) MUST_USE;
bool firewall_plan_is_never(const struct firewall_plan *p, const struct prefix *a);

/*
 * Want a from now for ttl_s seconds. ERR_DENIED: never blocked; ERR_SYNTAX:
 * too wide, no time; ERR_FULL, ERR_NOMEM; ERR_AGAIN: too many at once. All of
 * these count as refused. ERR_EXISTS: wanted, and the kernel has it for about
 * that time (only while a full list comes in). ERR_OK: ret_op is to be done.
 */
enum err firewall_plan_add(struct firewall_plan *p, const struct prefix *a, uint32_t ttl_s, uint64_t now_ms,
	struct fw_op *ret_op) MUST_USE;
/* The id by which people know this block; it goes along when it is added again (mend, fill). */
void firewall_plan_name(struct firewall_plan *p, const struct prefix *a, const char case_id[CASE_ID_TEXT]);
/* Wanted, and believed to be there. */
bool firewall_plan_is_present(const struct firewall_plan *p, const struct prefix *a);
/* Not wanted any more. ret_op is to be done in any case. */
void firewall_plan_del(struct firewall_plan *p, const struct prefix *a, struct fw_op *ret_op);
/* The kernel said yes to this operation. */
void firewall_plan_applied(struct firewall_plan *p, const struct fw_op *op);

/* A full list begins; what is not added until end is deleted after it. */
void firewall_plan_begin(struct firewall_plan *p);
void firewall_plan_end(struct firewall_plan *p);
/* The list will not come to its end: nothing is deleted. */
void firewall_plan_break(struct firewall_plan *p);
/*
 * The next deletions after a full list, at most max (>= FIREWALL_ROOM); they
 * are not wanted from here on. Call again while is_purging, also after 0.
 */
size_t firewall_plan_purge(struct firewall_plan *p, struct fw_op *to, size_t max);

/* The kernel's sets are empty, or about to be looked at. */
void firewall_plan_forget_present(struct firewall_plan *p);
/*
 * Seen in the kernel, with so many seconds left (0: without end). False: not
 * wanted, to be deleted. Where the time is wrong, fill renews it.
 */
bool firewall_plan_see(struct firewall_plan *p, const struct prefix *a, uint64_t left_s, uint64_t now_ms);
/* The same where it is not known how long. */
bool firewall_plan_see_untimed(struct firewall_plan *p, const struct prefix *a, uint64_t now_ms);
/* Somebody else touched this element: what is to be done (add anew, or delete) that it is as wanted. */
void firewall_plan_mend(struct firewall_plan *p, const struct prefix *a, uint64_t now_ms, struct fw_op *ret_op);
/*
 * Want what was found in the kernel at start, until the first full list says more. ERR_DENIED: to be
 * deleted (never blocked, not of our form); ERR_FULL, ERR_NOMEM.
 */
enum err firewall_plan_adopt(
	struct firewall_plan *p, const struct prefix *a, uint64_t left_s, uint64_t now_ms) MUST_USE;
/* Begin to add what is wanted and not believed present. */
void firewall_plan_fill_start(struct firewall_plan *p);
/* The next of those, at most max (>= FIREWALL_ROOM). Call again while is_filling, also after 0. */
size_t firewall_plan_fill(struct firewall_plan *p, uint64_t now_ms, struct fw_op *to, size_t max);
/* Drop what is over, telling fn (NULL: the kernel drops it by itself); budget as in prefix_map_retain. */
void firewall_plan_sweep(struct firewall_plan *p, uint64_t now_ms, size_t budget,
	void (*fn)(const struct prefix *a, void *ctx), void *ctx);

#endif /* CORE_FIREWALL_PLAN_H */
