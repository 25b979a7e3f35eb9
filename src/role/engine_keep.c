/*
 * engine_keep: retention. Every ten seconds a bounded bite: what is older than
 * the configuration allows goes; addresses of accepted mail become keyed hashes
 * after two weeks (the caller at 3 a.m. has called by then).
 * SPDX-License-Identifier: ISC
 */
#include <sodium/utils.h>

#include "role/engine.h"

#define KEEP_BITE 1000            /* records looked at in one go */
#define KEEP_PLAIN_S (14 * 86400) /* accepted mail with addresses in the clear */
#define KEEP_AUDIT_S (3 * 366 * 86400)

const char *engine_address_hash(const struct engine *e, const char *address, char to[ENGINE_HASH_TEXT])
{
	uint8_t hash[16];

	siphash128(e->digest_key, slice_str(address), hash);
	return sodium_bin2hex(to, ENGINE_HASH_TEXT, hash, sizeof hash);
}

struct bite {
	struct engine *e;
	enum table table;
	uint64_t before; /* older goes */
	unsigned left;
};

static bool drop_old(struct slice key, struct slice value, void *ctx)
{
	struct bite *b = ctx;
	uint64_t time, number;

	(void)value;
	if (b->left-- == 0 || record_time_parse(key, &time, &number) != ERR_OK || time >= b->before)
		return false;
	return store_del(b->e->store, b->table, key) != 0;
}

static void keep_times(struct engine *e, enum table t, uint64_t keep_s, uint64_t now)
{
	struct bite b = { e, t, now > keep_s ? now - keep_s : 0, KEEP_BITE };

	if (store_scan(e->store, t, (struct slice){ 0 }, (struct slice){ 0 }, false, drop_old, &b) != ERR_OK)
		return;
}

static bool hash_old(struct slice key, struct slice value, void *ctx)
{
	struct bite *b = ctx;
	struct record_accepted r;
	uint8_t out[RECORD_VALUE];
	struct wr w = wr_init(out, sizeof out);
	char hash[ENGINE_HASH_TEXT];

	if (b->left-- == 0 || record_get_accepted(value, &r) != ERR_OK || r.time >= b->before)
		return false;
	b->e->hashed_until = r.time;
	if (r.is_hashed)
		return true;
	r.is_hashed = 1;
	slice_copy(slice_str(engine_address_hash(b->e, r.sender, hash)), r.sender, sizeof r.sender);
	slice_copy(slice_str(engine_address_hash(b->e, r.recipient, hash)), r.recipient, sizeof r.recipient);
	record_put_accepted(&w, &r);
	return !w.bad && store_put(b->e->store, TABLE_ACCEPTED, key, wr_slice(&w)) != 0;
}

static void hash_accepted(struct engine *e, uint64_t now)
{
	struct bite b = { e, TABLE_ACCEPTED, now - KEEP_PLAIN_S, KEEP_BITE };
	uint8_t from[RECORD_KEY];

	if (store_scan(e->store, TABLE_ACCEPTED, (struct slice){ 0 }, record_time_key(e->hashed_until, 0, from), false,
		    hash_old, &b) != ERR_OK)
		return;
}

static bool drop_old_hit(struct slice key, struct slice value, void *ctx)
{
	struct bite *b = ctx;
	struct record_hit r;

	if (b->left-- == 0 || key.n > sizeof b->e->keep_cursor)
		return false;
	memcpy(b->e->keep_cursor, key.p, key.n);
	b->e->keep_cursor_n = key.n;
	if (record_get_hit(value, &r) == ERR_OK && r.time < b->before)
		(void)store_del(b->e->store, TABLE_HIT, key);
	return true;
}

static void keep_hits(struct engine *e, uint64_t now)
{
	struct bite b = { e, TABLE_HIT, now - e->host->conf.keep.hits_s, KEEP_BITE };

	if (store_scan(e->store, TABLE_HIT, (struct slice){ 0 }, slice_of(e->keep_cursor, e->keep_cursor_n), false,
		    drop_old_hit, &b) != ERR_OK)
		return;
	if (b.left > 0 && b.left <= KEEP_BITE)
		e->keep_cursor_n = 0; /* came to the end: once more from the start */
}

void engine_keep_tick(struct engine *e, uint64_t now)
{
	const struct conf *c = &e->host->conf;

	keep_times(e, TABLE_REFUSAL, c->keep.refusals_s, now);
	keep_times(e, TABLE_ACCEPTED, c->keep.accepted_s, now);
	keep_times(e, TABLE_AUDIT, KEEP_AUDIT_S, now);
	hash_accepted(e, now);
	keep_hits(e, now);
}
