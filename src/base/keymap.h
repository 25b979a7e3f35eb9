/*
 * keymap: bounded hash map from byte strings to fixed-size values. The key is
 * kept as its 128-bit keyed hash, so that entries are small and nobody can
 * force collisions. Open addressing, grows by doubling up to cap entries.
 * Value pointers are good until the next put, del or retain. Owns its memory.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_KEYMAP_H
#define BASE_KEYMAP_H
#include "base/err.h"
#include "base/siphash.h"

struct keymap {
	uint8_t key[SIPHASH_KEY];
	size_t value_size;
	size_t cap;    /* entries at most */
	size_t count;  /* entries now */
	size_t slots;  /* 0 or a power of two */
	size_t sweep;  /* where keymap_retain goes on */
	uint8_t *slot; /* slots × (1 used, 15 pad, 16 hash, value rounded to 16) */
};

/* Allocates nothing yet. */
void keymap_init(struct keymap *m, const uint8_t key[SIPHASH_KEY], size_t value_size, size_t cap);
void keymap_done(struct keymap *m);
/* NULL when there is none. */
void *keymap_get(const struct keymap *m, struct slice key);
/*
 * Find or add; a new value is all zero. ERR_FULL at cap (nothing changed),
 * ERR_NOMEM. ret_new may be NULL.
 */
enum err keymap_put(struct keymap *m, struct slice key, void **ret_value, bool *ret_new) MUST_USE;
/* False when there was none. */
bool keymap_del(struct keymap *m, struct slice key);
/* The same, and the value goes to ret_value (value_size bytes). */
bool keymap_take(struct keymap *m, struct slice key, void *ret_value);
/* The same for a key that is a keyed hash itself: it is not hashed again. Not together with the above in one map. */
void *keymap_get_hash(const struct keymap *m, uint64_t hash);
enum err keymap_put_hash(struct keymap *m, uint64_t hash, void **ret_value, bool *ret_new) MUST_USE;
bool keymap_take_hash(struct keymap *m, uint64_t hash, void *ret_value);
/*
 * Walk on from where the last call stopped over at most budget slots (0: one
 * whole round) and drop each entry for which keep gives false; one that stays
 * may be asked for twice. Returns how many were dropped.
 */
size_t keymap_retain(struct keymap *m, size_t budget, bool (*keep)(void *value, void *ctx), void *ctx);
/* All entries, any order: *pos starts at 0; NULL at the end. No put or del meanwhile. */
void *keymap_next(const struct keymap *m, size_t *pos);

#endif /* BASE_KEYMAP_H */
