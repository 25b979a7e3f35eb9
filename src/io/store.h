/*
 * store: limetwig's tables in one LMDB environment. One process (engine) opens
 * it. Reads go to the last committed state, from the calling thread. Writes are
 * queued to a writer thread that commits them in groups (one fsync a group);
 * no caller of store_put ever waits for the disk. A ticket tells when a write
 * is durable. A queued write is not seen by store_get and store_scan before
 * its group is committed. The thread starts with the first write, so that a
 * sandbox entered after store_open holds it too. All functions but
 * store_backup are for one thread.
 *
 * Keys and values are bytes made by core/record. Key in LMDB: table tag byte +
 * key; keys of a table sort as their bytes.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_STORE_H
#define IO_STORE_H
#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

#define STORE_KEY_MAX 500 /* LMDB's 511 less the tag */
#define STORE_VALUE_MAX 16384
#define STORE_VERSION 1         /* of the layout; written into table meta */
#define STORE_QUEUE (64u << 20) /* bytes waiting for the writer at most */

enum table { /* tag bytes: append only */
	TABLE_META = 'M',
	TABLE_TRAP = 'T',          /* trap address -> id, first seen, counters */
	TABLE_HIT = 'H',           /* subject + sequence -> hit */
	TABLE_HIT_SUM = 'S',       /* subject -> score state, counters, dedupe ring */
	TABLE_BLOCK = 'B',         /* subject -> the block in force or last in force, offences */
	TABLE_CASE = 'C',          /* case id -> subject and the decision as it was */
	TABLE_REFUSAL = 'R',       /* time + n -> refusal */
	TABLE_ACCEPTED = 'A',      /* time + n -> accepted mail (addresses as keyed hashes after 14 d) */
	TABLE_ALLOW = 'W',         /* prefix -> allow entry set by command */
	TABLE_LEDGER = 'L',        /* subject -> good mail */
	TABLE_CORRESPONDENT = 'D', /* domain -> last time one of our users wrote to it */
	TABLE_AUDIT = 'U',         /* time + n -> who did what and why */
	TABLE_WITHHELD = 'Q',      /* corpus id -> a message kept from its riders, or released */
};

struct store;

/*
 * Open or create dir/data.mdb. size: map size in bytes. ERR_VERSION: written by
 * a newer limetwig; ERR_SYNTAX: not a store or damaged (text says how);
 * ERR_DENIED: another process has it open; ERR_IO. text: reason for people.
 */
enum err store_open(const char *dir, uint64_t size, struct store **ret, char *text, size_t text_size) MUST_USE;
/* Commits what is queued, joins the thread. NULL is fine. */
void store_close(struct store *s);

/* Descriptor that is readable when tickets have become durable; read it with store_durable. */
int store_event_fd(const struct store *s);

/*
 * Queue a write. Both return the ticket (> 0) of the group it will be in, or 0
 * when the queue is full or the store is failed (disk or map full): nothing was
 * queued then. store_put replaces. Bytes are copied.
 */
uint64_t store_put(struct store *s, enum table t, struct slice key, struct slice value);
uint64_t store_del(struct store *s, enum table t, struct slice key);
/* Bytes that can be queued now: who has much to write waits for room instead of being refused. */
size_t store_room(struct store *s);
/* Start the commit of what is queued now (else it starts by itself within 2 ms). */
void store_kick(struct store *s);
/* The highest ticket that is on disk; empties the event fd. */
uint64_t store_durable(struct store *s);
/*
 * ERR_OK while writes work; ERR_FULL after MDB_MAP_FULL or ENOSPC, ERR_IO else.
 * The group that failed is kept and tried again every half second; until one
 * succeeds puts are refused (deletions are taken: they make room in a full
 * map). lost: writes refused, or given up at store_close.
 */
enum err store_state(struct store *s, uint64_t *ret_lost);
/* Block until everything queued is durable (stop, tests), or a group fails: then its error. */
enum err store_flush(struct store *s) MUST_USE;
/*
 * The same for somebody who must not wait for a disk that hangs: ERR_AGAIN after
 * most_ms; the error at once where writes fail already.
 */
enum err store_settle(struct store *s, unsigned most_ms) MUST_USE;

/* The committed value, copied into to[size]. ERR_NOTFOUND; ERR_LIMIT: larger than size. */
enum err store_get(struct store *s, enum table t, struct slice key, void *to, size_t size, size_t *ret_n) MUST_USE;

/* Pairs of all tables together, as last committed; 0: it cannot be read. */
uint64_t store_pairs(struct store *s);
/*
 * Each pair whose key starts with head, in key order (is_back: from the end),
 * until fn returns false. Slices are good during the call; fn must not call
 * store_get or store_scan; store_put and store_del are fine (seen later).
 * from: skip keys before it (is_back: after it), empty for all.
 */
typedef bool (*store_fn)(struct slice key, struct slice value, void *ctx);
enum err store_scan(struct store *s, enum table t, struct slice head, struct slice from, bool is_back, store_fn fn,
	void *ctx) MUST_USE;

/* Consistent, compact copy of a running store into the open file fd. From any thread; writes go on meanwhile. */
enum err store_backup(struct store *s, int fd) MUST_USE;
/*
 * Read every pair of dir's store (not open elsewhere): keys of known tables,
 * values that decode by check(). Counts; text names the first thing wrong.
 */
typedef bool (*store_check_fn)(enum table t, struct slice key, struct slice value);
enum err store_check(const char *dir, store_check_fn check, uint64_t *ret_good, uint64_t *ret_bad, char *text,
	size_t text_size) MUST_USE;

#endif /* IO_STORE_H */
