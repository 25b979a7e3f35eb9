/*
 * keymap: linear probing, load at most 3/4, deletion by shifting back (no
 * tombstones, so a full life of adds and deletes never slows it down).
 * SPDX-License-Identifier: ISC
 */
#include "base/keymap.h"

#include <stdlib.h>

#define KEYMAP_FIRST 16

struct slot_head {
	uint8_t used;
	uint8_t pad[15];
	uint8_t hash[16];
};

static size_t slot_size(const struct keymap *m)
{
	return sizeof(struct slot_head) + ((m->value_size + 15) & ~(size_t)15);
}

static struct slot_head *slot_at(const struct keymap *m, size_t i)
{
	return (struct slot_head *)(void *)(m->slot + i * slot_size(m));
}

static void *slot_value(struct slot_head *s)
{
	return s + 1;
}

static size_t slot_home(const struct keymap *m, const struct slot_head *s)
{
	uint64_t h;

	memcpy(&h, s->hash, sizeof h);
	return (size_t)h & (m->slots - 1);
}

void keymap_init(struct keymap *m, const uint8_t key[SIPHASH_KEY], size_t value_size, size_t cap)
{
	*m = (struct keymap){ .value_size = value_size, .cap = cap };
	memcpy(m->key, key, SIPHASH_KEY);
}

void keymap_done(struct keymap *m)
{
	free(m->slot);
	m->slot = NULL;
	m->slots = m->count = m->sweep = 0;
}

/* The slot of this hash, or the free slot where it would go. */
static size_t slot_find(const struct keymap *m, const uint8_t hash[16])
{
	uint64_t h;
	size_t i;

	memcpy(&h, hash, sizeof h);
	for (i = (size_t)h & (m->slots - 1);; i = (i + 1) & (m->slots - 1)) {
		struct slot_head *s = slot_at(m, i);

		if (!s->used || memcmp(s->hash, hash, 16) == 0)
			return i;
	}
}

static enum err keymap_grow(struct keymap *m)
{
	struct keymap bigger = *m;

	bigger.slots = m->slots ? m->slots * 2 : KEYMAP_FIRST;
	bigger.slot = calloc(bigger.slots, slot_size(m));
	if (!bigger.slot)
		return ERR_NOMEM;
	for (size_t i = 0; i < m->slots; i++) {
		struct slot_head *s = slot_at(m, i);

		if (s->used)
			memcpy(slot_at(&bigger, slot_find(&bigger, s->hash)), s, slot_size(m));
	}
	free(m->slot);
	m->slot = bigger.slot;
	m->slots = bigger.slots;
	m->sweep = 0;
	return ERR_OK;
}

static void *get(const struct keymap *m, const uint8_t hash[16])
{
	struct slot_head *s = slot_at(m, slot_find(m, hash));

	return s->used ? slot_value(s) : NULL;
}

void *keymap_get(const struct keymap *m, struct slice key)
{
	uint8_t hash[16];

	if (m->count == 0)
		return NULL;
	siphash128(m->key, key, hash);
	return get(m, hash);
}

static void hash_spread(uint64_t hash, uint8_t to[16])
{
	memcpy(to, &hash, sizeof hash);
	memset(to + sizeof hash, 0, 16 - sizeof hash);
}

void *keymap_get_hash(const struct keymap *m, uint64_t hash)
{
	uint8_t bytes[16];

	hash_spread(hash, bytes);
	return m->count ? get(m, bytes) : NULL;
}

static enum err put(struct keymap *m, const uint8_t hash[16], void **ret_value, bool *ret_new)
{
	struct slot_head *s = NULL;
	bool is_new;

	if (m->slots)
		s = slot_at(m, slot_find(m, hash));
	is_new = !s || !s->used;
	if (is_new) {
		if (m->count >= m->cap)
			return ERR_FULL;
		if (m->count + 1 > m->slots / 4 * 3) {
			enum err e = keymap_grow(m);

			if (e != ERR_OK)
				return e;
			s = slot_at(m, slot_find(m, hash));
		}
		memset(s, 0, slot_size(m));
		s->used = 1;
		memcpy(s->hash, hash, 16);
		m->count++;
	}
	if (ret_new)
		*ret_new = is_new;
	*ret_value = slot_value(s);
	return ERR_OK;
}

enum err keymap_put(struct keymap *m, struct slice key, void **ret_value, bool *ret_new)
{
	uint8_t hash[16];

	siphash128(m->key, key, hash);
	return put(m, hash, ret_value, ret_new);
}

enum err keymap_put_hash(struct keymap *m, uint64_t hash, void **ret_value, bool *ret_new)
{
	uint8_t bytes[16];

	hash_spread(hash, bytes);
	return put(m, bytes, ret_value, ret_new);
}

/* Empty slot i and shift back those behind it that may move nearer to home. */
static void slot_drop(struct keymap *m, size_t i)
{
	size_t mask = m->slots - 1, hole = i;

	for (size_t j = (i + 1) & mask; slot_at(m, j)->used; j = (j + 1) & mask) {
		size_t home = slot_home(m, slot_at(m, j));

		if (((j - home) & mask) >= ((j - hole) & mask)) {
			memcpy(slot_at(m, hole), slot_at(m, j), slot_size(m));
			hole = j;
		}
	}
	slot_at(m, hole)->used = 0;
	m->count--;
}

static bool take(struct keymap *m, const uint8_t hash[16], void *ret_value)
{
	size_t i = slot_find(m, hash);

	if (!slot_at(m, i)->used)
		return false;
	if (ret_value)
		memcpy(ret_value, slot_value(slot_at(m, i)), m->value_size);
	slot_drop(m, i);
	return true;
}

bool keymap_take(struct keymap *m, struct slice key, void *ret_value)
{
	uint8_t hash[16];

	if (m->count == 0)
		return false;
	siphash128(m->key, key, hash);
	return take(m, hash, ret_value);
}

bool keymap_take_hash(struct keymap *m, uint64_t hash, void *ret_value)
{
	uint8_t bytes[16];

	hash_spread(hash, bytes);
	return m->count && take(m, bytes, ret_value);
}

bool keymap_del(struct keymap *m, struct slice key)
{
	return keymap_take(m, key, NULL);
}

size_t keymap_retain(struct keymap *m, size_t budget, bool (*keep)(void *value, void *ctx), void *ctx)
{
	size_t dropped = 0;

	if (m->count == 0)
		return 0;
	if (budget == 0 || budget > m->slots)
		budget = m->slots;
	while (budget-- > 0) {
		struct slot_head *s = slot_at(m, m->sweep);

		/* what moves into a freed slot is looked at before going on */
		while (s->used && !keep(slot_value(s), ctx)) {
			slot_drop(m, m->sweep);
			dropped++;
		}
		m->sweep = (m->sweep + 1) & (m->slots - 1);
	}
	return dropped;
}

void *keymap_next(const struct keymap *m, size_t *pos)
{
	while (*pos < m->slots) {
		struct slot_head *s = slot_at(m, (*pos)++);

		if (s->used)
			return slot_value(s);
	}
	return NULL;
}
