/*
 * block_share: the live blocks in one flat area that another process reads
 * while the engine changes it: "is this client blocked, by what, until when".
 * A fixed layout without pointers, hashed with a key of its own, behind a
 * sequence lock. core/block_index writes it along with its own table, which
 * needs no lock and grows in steps; an area never grows: a larger one takes
 * its place (block_index_share).
 *
 * A reader never waits: after SHARE_RETRIES it says "not listed", so that a
 * writer that died inside an update hurts nobody. It believes no length, code
 * or text that stands in the area, and looks at until itself. Pure: io/area_memory
 * has the descriptors.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_BLOCK_SHARE_H
#define CORE_BLOCK_SHARE_H
#include "base/ipaddr.h"
#include "base/siphash.h"
#include "core/case_id.h"

#define SHARE_BITS_MIN 10
#define SHARE_BITS_MAX 25
#define SHARE_RETRIES 1000                        /* some 50 us in all */
#define SHARE_PROBES 4096                         /* slots looked at for one prefix at most */
#define SHARE_STRETCH 256                         /* slots of one stretch of a walk at least */
#define SHARE_WALK (SHARE_STRETCH + SHARE_PROBES) /* at most; and entries that it gives */

enum block_flag {
	BLOCK_FIREWALL = 1, /* the firewall layer has it too */
	/* who made it; none of these: hits */
	BLOCK_BY_PERSON = 2,
	BLOCK_BY_WIDE = 4, /* so many inside it are blocked */
	BLOCK_BY_FEED = 8, /* an imported list, and what that wants: */
	BLOCK_HOLD = 16,   /* held by our own server from the first offence on */
	BLOCK_NO_FIREWALL = 32,
	BLOCK_NO_DNSBL = 64,
	BLOCK_NO_EXPORT = 128,
};

struct block_entry {
	struct prefix subject;
	char case_id[CASE_ID_TEXT];
	uint32_t until;   /* Unix seconds: over when now >= until */
	uint16_t offence; /* 1, 2, ...; 65,535 stands for more */
	uint16_t code;    /* reply: 450, 554 */
	uint8_t flags;    /* enum block_flag */
	uint8_t feed;     /* number of the list whose words the client hears, plus 1; 0: none */
	uint32_t told; /* the end that senders are told, by block_index_tell; 0: none yet. Stays while the case does */
};

/* The end that a sender is told at now: the first that was, until it has passed. */
static inline uint32_t block_entry_end(const struct block_entry *e, uint64_t now)
{
	return e->told > now ? e->told : e->until;
}

/* The writer's side. Only one process has it. */
struct block_share {
	uint64_t *word; /* the area; the caller's */
	unsigned bits;  /* 1 << bits slots */
	size_t count;
	uint8_t key[SIPHASH_KEY];
	uint32_t in_use[2][129]; /* entries by family and length */
	bool is_short;           /* an entry did not fit: a larger area is late */
};

/* The reader's side. */
struct block_view {
	const uint64_t *word;
	unsigned bits;
	uint8_t key[SIPHASH_KEY];
};

/* Bytes of an area with 1 << bits slots. */
size_t block_share_bytes(unsigned bits);
/* memory: that many bytes, all zero, aligned to 8. key: not one that is used elsewhere; readers see it. */
void block_share_init(struct block_share *s, void *memory, unsigned bits, const uint8_t key[SIPHASH_KEY]);
/* Add or replace. What does not fit is left out, and is_short set. */
void block_share_put(struct block_share *s, const struct block_entry *e);
void block_share_del(struct block_share *s, const struct prefix *subject);
/* True: time for a larger one. There is room meanwhile. */
bool block_share_is_tight(const struct block_share *s);

/* bytes: the true size of the area. ERR_SYNTAX: not ours; ERR_VERSION. */
enum err block_view_init(struct block_view *v, const void *memory, size_t bytes) MUST_USE;
/* Another number than before: a block has gone since. */
uint64_t block_view_removed(const struct block_view *v);
/* The longest prefix in force at now that holds client. False: not blocked, or not to be known now. */
bool block_view_find(const struct block_view *v, const struct ipaddr *client, uint64_t now, struct block_entry *ret);

/* Another number than before: something was put or taken out since. Begins anew with each area. */
uint64_t block_view_changes(const struct block_view *v);

/* Where a walk over all entries is. Zeroed: at its begin. */
struct block_walk {
	size_t first, done; /* the slot it began behind; how many it has seen */
	bool is_begun;
};

/*
 * The entries of the next stretch, in no order, also those that are over:
 * ERR_OK and *ret_n. An entry that is there, and not replaced, from the first
 * call to the last is given exactly once; one that comes or goes meanwhile
 * perhaps. ERR_AGAIN: the writer is too busy (or died inside an update); the
 * same call later goes on. ERR_NOTFOUND: that was all. ERR_SYNTAX: no writer of
 * ours made this.
 */
enum err block_view_walk(
	const struct block_view *v, struct block_walk *w, struct block_entry to[SHARE_WALK], size_t *ret_n) MUST_USE;

#endif /* CORE_BLOCK_SHARE_H */
