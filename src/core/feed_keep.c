/*
 * feed_keep: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/feed_keep.h"

#include <sodium/crypto_generichash.h>

#define VERSION 1
#define SUM 32
#define SUMMED (FEED_KEEP_HEAD - SUM) /* of the head */

_Static_assert(8 + 4 + 8 + FEED_KEEP_KEY + 8 + 8 + 4 + 4 + 8 + 3 * 2 + FEED_KEEP_TAG + FEED_KEEP_MODIFIED +
			       MESSAGE_FEED_TEXT <=
		       SUMMED,
	"the longest head fits");

static const char magic[8] = "LTWGfeed";

static void sum_of(const uint8_t *head, struct slice area, uint8_t ret[SUM])
{
	crypto_generichash_state s;

	(void)crypto_generichash_init(&s, NULL, 0, SUM);
	(void)crypto_generichash_update(&s, head, SUMMED);
	(void)crypto_generichash_update(&s, (const unsigned char *)area.p, area.n);
	(void)crypto_generichash_final(&s, ret, SUM);
}

void feed_keep_write(const struct feed_keep *k, struct slice area, uint8_t ret_head[FEED_KEEP_HEAD])
{
	struct wr w = wr_init(ret_head, SUMMED);

	memset(ret_head, 0, FEED_KEEP_HEAD);
	wr_raw(&w, slice_of(magic, sizeof magic));
	wr_u32(&w, VERSION);
	wr_u64(&w, area.n);
	wr_raw(&w, slice_of(k->key, sizeof k->key));
	wr_u64(&w, k->time);
	wr_u64(&w, k->changed);
	wr_u32(&w, k->entries);
	wr_u32(&w, k->refused);
	wr_u64(&w, k->mark);
	wr_cstr(&w, k->tag);
	wr_cstr(&w, k->modified);
	wr_cstr(&w, k->text);
	sum_of(ret_head, area, ret_head + SUMMED);
}

static void read_raw(struct rd *r, void *to, size_t n)
{
	uint8_t *at = to;

	for (size_t i = 0; i < n; i++)
		at[i] = rd_u8(r);
}

enum err feed_keep_read(struct slice file, struct feed_keep *ret, struct slice *ret_area)
{
	struct rd r = rd_init(file.p, file.n < SUMMED ? file.n : SUMMED);
	struct feed_keep k = { .time = 0 };
	char begin[sizeof magic];
	uint8_t sum[SUM];
	uint64_t bytes;
	uint32_t version;

	if (file.n < FEED_KEEP_HEAD)
		return ERR_SYNTAX;
	read_raw(&r, begin, sizeof begin);
	version = rd_u32(&r);
	bytes = rd_u64(&r);
	if (memcmp(begin, magic, sizeof magic) != 0)
		return ERR_SYNTAX;
	if (version != VERSION)
		return ERR_VERSION;
	sum_of((const uint8_t *)file.p, slice_from(file, FEED_KEEP_HEAD), sum);
	if (bytes != file.n - FEED_KEEP_HEAD || memcmp(sum, file.p + SUMMED, SUM) != 0)
		return ERR_SYNTAX;
	read_raw(&r, k.key, sizeof k.key);
	k.time = rd_u64(&r);
	k.changed = rd_u64(&r);
	k.entries = rd_u32(&r);
	k.refused = rd_u32(&r);
	k.mark = rd_u64(&r);
	rd_cstr(&r, k.tag, sizeof k.tag);
	rd_cstr(&r, k.modified, sizeof k.modified);
	rd_cstr(&r, k.text, sizeof k.text);
	if (r.bad)
		return ERR_SYNTAX;
	*ret = k;
	*ret_area = slice_from(file, FEED_KEEP_HEAD);
	return ERR_OK;
}

/* ---- how much changes */

void feed_change_find(const struct prefix_set *was, const struct prefix_set *is, struct feed_change *ret)
{
	size_t prefixes;

	prefix_set_sizes(was, &prefixes, &ret->had4, &ret->had6);
	prefix_set_missing(is, was, &ret->added4, &ret->added6);
	prefix_set_missing(was, is, &ret->removed4, &ret->removed6);
}

static bool is_large(uint64_t had, uint64_t added, uint64_t removed, unsigned percent)
{
	uint64_t changed = added > UINT64_MAX - removed ? UINT64_MAX : added + removed;

	return changed > FEED_CHANGE_FEW && (double)changed * 100.0 > (double)had * percent;
}

bool feed_change_is_large(const struct feed_change *c, unsigned percent)
{
	return percent < 100 && (is_large(c->had4, c->added4, c->removed4, percent) ||
					is_large(c->had6, c->added6, c->removed6, percent));
}
