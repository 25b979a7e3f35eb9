/*
 * prefix_map: bounded hash map from prefixes to small values. Open addressing,
 * keyed by SipHash (nobody outside can force collisions), a byte tag per slot,
 * so that a miss mostly costs one cache line. Doubles when 3/4 full; the old
 * area is moved a few slots at each put, so that no put takes long. An area is
 * one flat allocation without pointers.
 *
 * Exact match only; base/prefix_table has the longest match. Owns its memory.
 * Limits: cap entries; values need no more than 4-byte alignment. Value
 * pointers are good until the next put, del or retain.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_PREFIX_MAP_H
#define BASE_PREFIX_MAP_H
#include "base/ipaddr.h"
#include "base/siphash.h"

struct prefix_area;

struct prefix_map {
	uint8_t key[SIPHASH_KEY];
	size_t value_size;
	size_t cap;              /* entries at most */
	size_t count;            /* entries now */
	struct prefix_area *now; /* NULL until the first put */
	struct prefix_area *old; /* being moved into now, or NULL */
	size_t moved;            /* slots of old done */
	uint64_t retain;         /* where prefix_map_retain goes on */
};

/* Allocates nothing yet. */
void prefix_map_init(struct prefix_map *m, const uint8_t key[SIPHASH_KEY], size_t value_size, size_t cap);
void prefix_map_done(struct prefix_map *m);
/* Room for n entries at once (at most cap), if nothing is in it yet: else it grows as they come. ERR_NOMEM: it is as it was. */
enum err prefix_map_reserve(struct prefix_map *m, size_t n) MUST_USE;
/* NULL when there is none. */
void *prefix_map_get(const struct prefix_map *m, const struct prefix *p);
/* Find or add; a new value is all zero. ERR_FULL at cap, ERR_NOMEM: nothing changed. ret_new may be NULL. */
enum err prefix_map_put(struct prefix_map *m, const struct prefix *p, void **ret_value, bool *ret_new) MUST_USE;
/* False when there was none. */
bool prefix_map_del(struct prefix_map *m, const struct prefix *p);

/*
 * fn for every entry of the next budget homes (about one entry each). *pos
 * starts at 0; false at the end. Put, del and retain between two calls are
 * fine: an entry that is there all the time is seen exactly once. Not inside fn.
 */
bool prefix_map_walk(const struct prefix_map *m, uint64_t *pos, size_t budget,
	void (*fn)(const struct prefix *p, void *value, void *ctx), void *ctx);
/*
 * Go on from where the last call stopped over budget homes, round and round
 * (0: one whole round) and drop each entry for which keep gives false. Returns
 * how many were dropped.
 */
size_t prefix_map_retain(
	struct prefix_map *m, size_t budget, bool (*keep)(const struct prefix *p, void *value, void *ctx), void *ctx);
/* Where new entries go, for who has something to tell the kernel about it. NULL: nowhere yet. */
void *prefix_map_memory(const struct prefix_map *m, size_t *ret_bytes);
/* Bytes allocated. */
size_t prefix_map_bytes(const struct prefix_map *m);

#endif /* BASE_PREFIX_MAP_H */
