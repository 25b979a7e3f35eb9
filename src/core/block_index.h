/*
 * block_index: "is this client blocked, by what, until when", asked for every
 * policy query. One probe of a base/prefix_map (hashed, grows without a pause)
 * for each prefix length in use, longest first. What other processes are to
 * know is written along into a core/block_share.
 *
 * Knows nothing of scores, people or history: core/record has those. No I/O,
 * no clock. Owner: the engine. Limits: cap entries.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_BLOCK_INDEX_H
#define CORE_BLOCK_INDEX_H
#include "base/prefix_map.h"
#include "core/block_share.h"

struct block_index {
	struct prefix_map map;     /* map.count: entries now, with expired ones that no sweep has met */
	uint32_t in_use[2][129];   /* entries by family (0: IPv4, 1: IPv6) and length */
	uint8_t length[2][129];    /* the lengths in use, longest first */
	uint8_t lengths[2];        /* how many those are */
	struct block_share *share; /* each change is written there too; NULL: nobody reads along */
	struct block_share *next;  /* the same, while it is being filled */
	uint64_t next_at;
};

/* Allocates nothing yet. */
void block_index_init(struct block_index *x, const uint8_t key[SIPHASH_KEY], size_t cap);
void block_index_done(struct block_index *x);
/*
 * Room for n entries before the first one; the memory they will be in. ERR_NOMEM: none, and as it was.
 * Not needed: else the index grows as they come, which takes longer.
 */
enum err block_index_reserve(struct block_index *x, size_t n, void **ret_memory, size_t *ret_bytes) MUST_USE;
/* Add, or replace the entry of the same subject. ERR_FULL at cap, ERR_NOMEM: nothing changed then. */
enum err block_index_put(struct block_index *x, const struct block_entry *e) MUST_USE;
/*
 * Remember which end was told. Behind a block only mail to another trap renews
 * it: an end that moves would tell whoever asks for one address after the
 * other which of them are traps.
 */
void block_index_tell(struct block_index *x, const struct prefix *subject, uint32_t told);
/* Add flags to the entry of this subject, if there is one. Also inside a walk. */
void block_index_mark(struct block_index *x, const struct prefix *subject, uint8_t flags);
/* False when there was none. */
bool block_index_del(struct block_index *x, const struct prefix *subject);
/* The entry of exactly this subject, expired or not. */
bool block_index_get(const struct block_index *x, const struct prefix *subject, struct block_entry *ret);
/* The longest prefix in force at now that holds client. False: not blocked. */
bool block_index_find(const struct block_index *x, const struct ipaddr *client, uint64_t now, struct block_entry *ret);

/*
 * Look at the next budget homes (about one entry each): fn for every entry.
 * *pos starts at 0; false at the end. Put, del and sweep between two calls are
 * fine: an entry that is there all the time is seen exactly once. Not inside fn.
 */
bool block_index_walk(const struct block_index *x, uint64_t *pos, size_t budget,
	void (*fn)(const struct block_entry *e, void *ctx), void *ctx);
/*
 * Go on from where the last call stopped over budget homes, round and round:
 * call fn (may be NULL) for what is over at now and take it out. Also moves a
 * growth on. Returns how many went.
 */
size_t block_index_sweep(struct block_index *x, uint64_t now, size_t budget,
	void (*fn)(const struct block_entry *e, void *ctx), void *ctx);
/* Is there any entry of this length? family: 4 or 6. */
static inline bool block_index_has_length(const struct block_index *x, unsigned family, unsigned len)
{
	return x->in_use[family == 6][len] > 0;
}
/*
 * Begin to write along into s, which is empty and the caller's until another
 * has taken its place. NULL: into nothing any more.
 */
void block_index_share(struct block_index *x, struct block_share *s);
/*
 * Fill it with what was there already, over budget homes. True: it is complete
 * (readers may have it), and the one before is not written any more.
 */
bool block_index_fill(struct block_index *x, size_t budget);
/* Entries now; those that are over but not yet swept count. */
size_t block_index_count(const struct block_index *x);
/* Bytes allocated. */
size_t block_index_bytes(const struct block_index *x);

#endif /* CORE_BLOCK_INDEX_H */
