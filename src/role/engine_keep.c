/*
 * engine_keep: retention. Every ten seconds a bounded bite: what is older than
 * the configuration allows goes; addresses of accepted mail become keyed hashes
 * after two weeks (the caller at 3 a.m. has called by then).
 * SPDX-License-Identifier: ISC
 */
#include <sodium/utils.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "role/engine.h"

#define KEEP_BITE 1000            /* records looked at in one go */
#define KEEP_PLAIN_S (14 * 86400) /* accepted mail with addresses in the clear */
#define DISK_LEAST (1u << 20)     /* bytes free; less is a full disk */
#define KEEP_AUDIT_S (3 * 366 * 86400)

const char *engine_address_hash(const struct engine *e, const char *address, char to[ENGINE_HASH_TEXT])
{
	struct address a;
	bool is_canonical = address_parse(slice_str(address), &a) == ERR_OK;
	uint8_t hash[16];

	siphash128(e->digest_key, slice_str(is_canonical ? a.text : address), hash);
	return sodium_bin2hex(to, ENGINE_HASH_TEXT, hash, sizeof hash);
}

struct bite {
	struct engine *e;
	enum table table;
	struct engine_cursor *cursor;
	uint64_t before; /* older goes */
	uint64_t gone;   /* still older was deleted a moment ago: not to be put back */
	unsigned left;
	bool is_stopped; /* the bite was too small */
};

/* False: enough for this time. */
static bool bite_next(struct bite *b, struct slice key)
{
	if (b->left == 0 || key.n > STORE_KEY_MAX) {
		b->is_stopped = true;
		return false;
	}
	b->left--;
	if (b->cursor) {
		memcpy(b->cursor->key, key.p, key.n);
		b->cursor->n = key.n;
	}
	return true;
}

static bool drop_old(struct slice key, struct slice value, void *ctx)
{
	struct bite *b = ctx;
	uint64_t time, number;

	(void)value;
	if (record_time_parse(key, &time, &number) != ERR_OK || time >= b->before)
		return false;
	return bite_next(b, key) && store_del(b->e->store, b->table, key) != 0;
}

static void keep_times(struct engine *e, enum table t, uint64_t keep_s, uint64_t now)
{
	struct bite b = { .e = e, .table = t, .before = now > keep_s ? now - keep_s : 0, .left = KEEP_BITE };

	if (store_scan(e->store, t, (struct slice){ 0 }, (struct slice){ 0 }, false, drop_old, &b) != ERR_OK)
		return;
	e->is_keep_behind |= b.is_stopped;
}

static bool hash_old(struct slice key, struct slice value, void *ctx)
{
	struct bite *b = ctx;
	struct record_accepted r;
	uint8_t out[RECORD_VALUE];
	struct wr w = wr_init(out, sizeof out);
	uint64_t time, number;
	char hash[ENGINE_HASH_TEXT];

	if (record_time_parse(key, &time, &number) != ERR_OK || time >= b->before || !bite_next(b, key))
		return false;
	if (time < b->gone || record_get_accepted(value, &r) != ERR_OK || r.is_hashed)
		return true;
	r.is_hashed = 1;
	slice_copy(slice_str(engine_address_hash(b->e, r.sender, hash)), r.sender, sizeof r.sender);
	slice_copy(slice_str(engine_address_hash(b->e, r.recipient, hash)), r.recipient, sizeof r.recipient);
	record_put_accepted(&w, &r);
	return !w.bad && store_put(b->e->store, TABLE_ACCEPTED, key, wr_slice(&w)) != 0;
}

static void hash_accepted(struct engine *e, uint64_t now)
{
	uint64_t keep_s = e->host->conf.keep.accepted_s;
	struct engine_cursor *c = &e->keep[KEEP_HASHES];
	struct bite b = { .e = e,
		.table = TABLE_ACCEPTED,
		.cursor = c,
		.left = KEEP_BITE,
		.gone = now > keep_s ? now - keep_s : 0,
		.before = now > KEEP_PLAIN_S ? now - KEEP_PLAIN_S : 0 };

	if (store_scan(e->store, TABLE_ACCEPTED, (struct slice){ 0 }, slice_of(c->key, c->n), false, hash_old, &b) !=
		ERR_OK)
		return;
	e->is_keep_behind |= b.is_stopped;
}

/* When this record was last of use; UINT64_MAX: keep it. */
static uint64_t last_use(enum table t, struct slice value)
{
	struct record_hit h;
	struct record_hit_sum s;
	struct record_block b;

	if (t == TABLE_HIT)
		return record_get_hit(value, &h) == ERR_OK ? h.time : UINT64_MAX;
	if (t == TABLE_HIT_SUM)
		return record_get_hit_sum(value, &s) == ERR_OK ? s.last : UINT64_MAX;
	if (record_get_block(value, &b) != ERR_OK)
		return UINT64_MAX;
	if (b.forget_at > b.until && t == TABLE_BLOCK) /* its offences still count */
		return b.forget_at > b.pardon_until ? b.forget_at : b.pardon_until;
	return b.until > b.lifted_at ? b.until : b.lifted_at;
}

static bool drop_unused(struct slice key, struct slice value, void *ctx)
{
	struct bite *b = ctx;

	if (!bite_next(b, key))
		return false;
	if (last_use(b->table, value) < b->before)
		(void)store_del(b->e->store, b->table, key);
	return true;
}

/* Tables by subject or case are walked round and round: hits, scores, blocks, cases end as hits do. */
static void keep_walk(struct engine *e, enum keep_walk walk, enum table t, uint64_t now)
{
	uint64_t keep_s = e->host->conf.keep.hits_s;
	struct engine_cursor *c = &e->keep[walk];
	struct bite b = {
		.e = e, .table = t, .cursor = c, .before = now > keep_s ? now - keep_s : 0, .left = KEEP_BITE
	};

	if (store_scan(e->store, t, (struct slice){ 0 }, slice_of(c->key, c->n), false, drop_unused, &b) == ERR_OK &&
		!b.is_stopped)
		c->n = 0; /* came to the end: once more from the start */
}

/* A full disk is not mended by forgetting what is in the store. */
static bool is_disk_full(const struct engine *e)
{
	char dir[CONF_TEXT + 8];
	struct statvfs fs;

	(void)snprintf(dir, sizeof dir, "%s/db", e->host->conf.storage.dir);
	return statvfs(dir, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize < DISK_LEAST;
}

/* The map is full (storage db-size): the oldest refusals and accepted mail make room for hits and blocks. */
static void keep_room(struct engine *e)
{
	uint64_t lost;

	if (store_state(e->store, &lost) != ERR_FULL || is_disk_full(e))
		return;
	engine_alarm(e, "store", "store-room",
		"the store has reached its db-size: the oldest refusals and accepted mail are dropped");
	keep_times(e, TABLE_REFUSAL, 0, UINT64_MAX);
	keep_times(e, TABLE_ACCEPTED, 0, UINT64_MAX);
}

void engine_keep_tick(struct engine *e, uint64_t now)
{
	const struct conf *c = &e->host->conf;

	e->is_keep_behind = false;
	keep_room(e);
	if (!engine_clock_may_delete(e))
		return;
	keep_times(e, TABLE_REFUSAL, c->keep.refusals_s, now);
	keep_times(e, TABLE_ACCEPTED, c->keep.accepted_s, now);
	keep_times(e, TABLE_AUDIT, KEEP_AUDIT_S, now);
	hash_accepted(e, now);
	keep_walk(e, KEEP_HITS, TABLE_HIT, now);
	keep_walk(e, KEEP_SUMS, TABLE_HIT_SUM, now);
	keep_walk(e, KEEP_BLOCKS, TABLE_BLOCK, now);
	keep_walk(e, KEEP_CASES, TABLE_CASE, now);
}
