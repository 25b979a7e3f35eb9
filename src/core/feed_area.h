/*
 * feed_area: a sealed prefix_set as one flat piece of memory without pointers,
 * so that one process makes it, others search it where it lies, and a file can
 * keep it. Layout: header, table of the first 16 bits (where there are many
 * runs of IPv4), runs of IPv4, every 64th run of IPv6, runs of IPv6.
 *
 * A reader believes nothing but its own sizes: open checks that the parts fit
 * into the memory; a search or a walk over arbitrary bytes gives an arbitrary
 * answer, ends, and never reads outside. The memory must not shrink; whether
 * it may change is the owner's affair (a torn read is an arbitrary answer).
 * Bytes are in the order of the machine; another order is refused.
 *
 * Cost of a search: two cold places (the table or the samples, and the runs
 * there). 8 bytes a run of IPv4, 32 of IPv6, and 256 kB where there are many.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_FEED_AREA_H
#define CORE_FEED_AREA_H
#include "base/prefix_set.h"

#define FEED_AREA_ALIGN 16 /* of the memory */

/* Points into the memory, which must outlive it. Zeroed: empty. */
struct feed_area {
	const uint32_t *part; /* NULL: few runs */
	const struct prefix_run4 *run4;
	const void *sample6, *run6;
	size_t count4, count6, samples6;
	/* as the maker counted them: for people, not believed by any search */
	uint64_t prefixes, ipv4, ipv6; /* ipv6: /64s touched */
	size_t bytes;
};

size_t feed_area_bytes(const struct prefix_set *sealed);
/* memory: feed_area_bytes of it, zeroed, aligned. */
void feed_area_write(const struct prefix_set *sealed, void *memory);
/* ERR_SYNTAX: no area, or its parts do not fit into bytes; ERR_VERSION: of another version or machine. */
enum err feed_area_open(struct feed_area *ret, const void *memory, size_t bytes) MUST_USE;

/* ret (may be NULL): the largest prefix of the set that holds client. */
bool feed_area_find(const struct feed_area *a, const struct ipaddr *client, struct prefix *ret);
/*
 * Ask for the memory that feed_area_find will want, without waiting for it: step 0, then step 1 some time later,
 * for many addresses in turn.
 */
void feed_area_warm(const struct feed_area *a, const struct ipaddr *client, unsigned step);
/* Is any address of p in it? */
bool feed_area_overlaps(const struct feed_area *a, const struct prefix *p);
/* The fewest prefixes, sorted, IPv4 first; fn returns false to stop. */
void feed_area_each(const struct feed_area *a, prefix_set_fn fn, void *ctx);
/* Run i of a family (0 IPv4, 1 IPv6), in order: for a walk in stretches. False: there is none. */
bool feed_area_run(const struct feed_area *a, unsigned family, size_t i, struct prefix_run6 *ret);
/* All of it into an open set. ERR_NOMEM, ERR_LIMIT. */
enum err feed_area_add_to(const struct feed_area *a, struct prefix_set *to) MUST_USE;

#endif /* CORE_FEED_AREA_H */
