/*
 * prefix_set: a large set of addresses, given as ranges to take in and ranges
 * to leave out, in any order. seal makes of them the sorted, disjoint, maximal
 * runs of
 *
 *	union(in) minus union(out)
 *
 * which can then be searched, counted, and written as the fewest CIDR
 * prefixes that are exactly this set. Ranges may end at the last address of
 * the family and begin at the first. Read-only once sealed; replaced whole.
 * Owns its memory: 8 bytes a run of IPv4, 32 of IPv6, and 256 kB where there are many.
 *
 * Cost: O(n log n), a million ranges of IPv4 in less than 0.1 s. A search
 * touches two places of memory on the average list: a table by the first 16
 * bits, and the runs of that part.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_PREFIX_SET_H
#define BASE_PREFIX_SET_H
#include "base/ipaddr.h"

#define PREFIX_SET_MAX 20000000u /* ranges of one family and kind */
#define PREFIX_SET_PARTS 65536u  /* of IPv4, by the first 16 bits */

__extension__ typedef unsigned __int128 prefix_number; /* an address; IPv4 below 1 << 32 */

struct prefix_run4 {
	uint32_t first, last; /* inclusive */
};

struct prefix_run6 {
	prefix_number first, last;
};

/* Of one family: run4 or run6. */
struct prefix_runs {
	struct prefix_run4 *run4;
	struct prefix_run6 *run6;
	size_t count, size;
};

struct prefix_set {
	struct prefix_runs in[2], out[2]; /* 0: IPv4, 1: IPv6; sealed: in[] are the runs, out[] is empty */
	/* Sealed, with many runs of IPv4: part[i] is the first run that ends at or after i << 16; one more for the end. */
	uint32_t *part;
	bool is_sealed;
};

/* A zeroed struct is empty and open; done makes it so again. */
void prefix_set_done(struct prefix_set *s);
/*
 * first..last, inclusive. is_out: these are left out, whoever takes them in.
 * ERR_SYNTAX: two families, or last before first; ERR_LIMIT: PREFIX_SET_MAX;
 * ERR_DENIED: sealed; ERR_NOMEM.
 */
enum err prefix_set_add_range(
	struct prefix_set *s, const struct ipaddr *first, const struct ipaddr *last, bool is_out) MUST_USE;
enum err prefix_set_add(struct prefix_set *s, const struct prefix *p, bool is_out) MUST_USE;
/* ERR_NOMEM: the set is still open. */
enum err prefix_set_seal(struct prefix_set *s) MUST_USE;

/* ---- of a sealed set */
bool prefix_set_has(const struct prefix_set *s, const struct ipaddr *a);
/* Is any address of p in it? */
bool prefix_set_overlaps(const struct prefix_set *s, const struct prefix *p);
/* The fewest prefixes, sorted, IPv4 first; fn returns false to stop. */
typedef bool (*prefix_set_fn)(void *ctx, const struct prefix *p);
void prefix_set_each(const struct prefix_set *s, prefix_set_fn fn, void *ctx);
/*
 * How many prefixes that are; how many IPv4 addresses; how many /64 of IPv6 are
 * touched, once for each run that touches it (UINT64_MAX: that or more).
 */
void prefix_set_sizes(const struct prefix_set *s, size_t *ret_prefixes, uint64_t *ret_ipv4, uint64_t *ret_ipv6);
/* Of the addresses of a, how many IPv4 (and /64 of IPv6) are not in b. Both sealed. */
void prefix_set_missing(const struct prefix_set *a, const struct prefix_set *b, uint64_t *ret_ipv4, uint64_t *ret_ipv6);

/* ---- for who keeps runs elsewhere (f: 0 IPv4, 1 IPv6) */
prefix_number prefix_number_of(const struct ipaddr *a);
struct ipaddr prefix_number_addr(prefix_number n, unsigned f);
/* The fewest prefixes of a run; none where last is before first. false: fn wanted no more. */
bool prefix_run_each(struct prefix_run6 x, unsigned f, prefix_set_fn fn, void *ctx);

#endif /* BASE_PREFIX_SET_H */
