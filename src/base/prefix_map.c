/*
 * prefix_map: linear probing. An entry's home is the upper bits of its hash,
 * so that walking homes upwards is walking hash values upwards: a growth in
 * between changes neither the order nor what was seen already.
 *
 * While old is there, nothing is added to it; what is moved or deleted leaves
 * TAG_GONE, over which probes go on. The current area never has TAG_GONE:
 * there a deletion shifts back what follows.
 * SPDX-License-Identifier: ISC
 */
#include "base/prefix_map.h"

#include <assert.h>
#include <stdlib.h>

#define AREA_FIRST_BITS 4
#define AREA_MAX_BITS 31
#define MOVE_PER_PUT 8 /* slots; growth is over long before the next one */

#define TAG_EMPTY 0
#define TAG_GONE 1
#define TAG_LIVE 0x80 /* and 7 bits of the hash */

struct prefix_area {
	uint32_t bits;
	uint32_t stride; /* bytes of a slot */
	uint64_t pad;    /* tags and slots start at a multiple of 16 */
	uint8_t tag[];   /* one per slot, then the slots */
};

struct prefix_slot {
	uint32_t hash; /* upper half */
	struct prefix prefix;
	uint8_t pad[2];
	uint8_t value[];
};

struct hash {
	uint32_t high;
	uint8_t tag;
};

static size_t area_slots(const struct prefix_area *a)
{
	return (size_t)1 << a->bits;
}

static struct prefix_slot *slot_at(const struct prefix_area *a, size_t i)
{
	return (struct prefix_slot *)(void *)((uintptr_t)a->tag + area_slots(a) + i * a->stride);
}

static size_t area_home(const struct prefix_area *a, uint32_t high)
{
	return high >> (32 - a->bits);
}

static size_t area_next(const struct prefix_area *a, size_t i)
{
	return (i + 1) & (area_slots(a) - 1);
}

static size_t area_bytes(unsigned bits, size_t stride)
{
	return sizeof(struct prefix_area) + ((size_t)1 << bits) * (1 + stride);
}

static struct hash hash_of(const struct prefix_map *m, const struct prefix *p)
{
	uint64_t h = siphash64(m->key, slice_of(p, sizeof *p));

	return (struct hash){ .high = (uint32_t)(h >> 32), .tag = (uint8_t)(TAG_LIVE | (h & 0x7f)) };
}

/* NULL when it is not in this area. */
static struct prefix_slot *area_find(const struct prefix_area *a, struct hash h, const struct prefix *p, size_t *ret_i)
{
	for (size_t i = area_home(a, h.high); a->tag[i] != TAG_EMPTY; i = area_next(a, i)) {
		struct prefix_slot *s = slot_at(a, i);

		if (a->tag[i] == h.tag && s->hash == h.high && prefix_eq(&s->prefix, p)) {
			*ret_i = i;
			return s;
		}
	}
	return NULL;
}

/* The caller knows that there is room and that the prefix is not there. */
static struct prefix_slot *area_add(struct prefix_area *a, uint32_t high, uint8_t tag)
{
	size_t i = area_home(a, high);

	while (a->tag[i] != TAG_EMPTY)
		i = area_next(a, i);
	a->tag[i] = tag;
	return slot_at(a, i);
}

/* Free slot i and shift back those behind it that may move nearer to home. */
static void area_drop(struct prefix_area *a, size_t i)
{
	size_t mask = area_slots(a) - 1, hole = i;

	for (size_t j = area_next(a, i); a->tag[j] != TAG_EMPTY; j = area_next(a, j)) {
		size_t home = area_home(a, slot_at(a, j)->hash);

		if (((j - home) & mask) >= ((j - hole) & mask)) {
			memcpy(slot_at(a, hole), slot_at(a, j), a->stride);
			a->tag[hole] = a->tag[j];
			hole = j;
		}
	}
	a->tag[hole] = TAG_EMPTY;
}

void prefix_map_init(struct prefix_map *m, const uint8_t key[SIPHASH_KEY], size_t value_size, size_t cap)
{
	*m = (struct prefix_map){ .value_size = value_size, .cap = cap };
	memcpy(m->key, key, SIPHASH_KEY);
}

void prefix_map_done(struct prefix_map *m)
{
	free(m->now);
	free(m->old);
	m->now = m->old = NULL;
	m->count = m->moved = 0;
	m->retain = 0;
}

static size_t slot_stride(const struct prefix_map *m)
{
	return sizeof(struct prefix_slot) + ((m->value_size + 3) & ~(size_t)3);
}

/* Move the next budget slots of old into now; free old at its end. */
static void map_move(struct prefix_map *m, size_t budget)
{
	if (!m->old)
		return;
	while (budget-- > 0 && m->moved < area_slots(m->old)) {
		size_t i = m->moved++;
		struct prefix_slot *s = slot_at(m->old, i);

		if (m->old->tag[i] < TAG_LIVE)
			continue;
		memcpy(area_add(m->now, s->hash, m->old->tag[i]), s, m->old->stride);
		m->old->tag[i] = TAG_GONE;
	}
	if (m->moved == area_slots(m->old)) {
		free(m->old);
		m->old = NULL;
	}
}

static enum err map_new_area(struct prefix_map *m, unsigned bits)
{
	struct prefix_area *a;
	size_t stride = slot_stride(m);

	if (bits > AREA_MAX_BITS)
		return ERR_FULL;
	a = calloc(1, area_bytes(bits, stride));
	if (!a)
		return ERR_NOMEM;
	a->bits = bits;
	a->stride = (uint32_t)stride;
	assert(!m->old); /* MOVE_PER_PUT */
	m->old = m->now;
	m->now = a;
	m->moved = 0;
	return ERR_OK;
}

static enum err map_grow(struct prefix_map *m)
{
	return map_new_area(m, m->now ? m->now->bits + 1 : AREA_FIRST_BITS);
}

/* Entries that an area of so many slots takes. */
static size_t room_of(size_t slots)
{
	return slots / 4 * 3;
}

/* Entries of old will come into now too: all of them count. */
static bool map_is_tight(const struct prefix_map *m)
{
	return !m->now || m->count + 1 > room_of(area_slots(m->now));
}

enum err prefix_map_reserve(struct prefix_map *m, size_t n)
{
	unsigned bits = AREA_FIRST_BITS;

	if (n > m->cap)
		n = m->cap;
	if (m->now || n == 0)
		return ERR_OK;
	while (bits < AREA_MAX_BITS && room_of((size_t)1 << bits) < n)
		bits++;
	return map_new_area(m, bits);
}

static struct prefix_slot *map_find(const struct prefix_map *m, struct hash h, const struct prefix *p)
{
	struct prefix_slot *s = NULL;
	size_t i;

	if (m->now)
		s = area_find(m->now, h, p, &i);
	if (!s && m->old)
		s = area_find(m->old, h, p, &i);
	return s;
}

void *prefix_map_get(const struct prefix_map *m, const struct prefix *p)
{
	struct prefix_slot *s;

	if (m->count == 0)
		return NULL;
	s = map_find(m, hash_of(m, p), p);
	return s ? s->value : NULL;
}

enum err prefix_map_put(struct prefix_map *m, const struct prefix *p, void **ret_value, bool *ret_new)
{
	struct hash h = hash_of(m, p);
	struct prefix_slot *s;
	bool is_new;

	map_move(m, MOVE_PER_PUT);
	s = map_find(m, h, p);
	is_new = !s;
	if (is_new) {
		if (m->count >= m->cap)
			return ERR_FULL;
		if (map_is_tight(m)) {
			enum err e = map_grow(m);

			if (e != ERR_OK)
				return e;
		}
		s = area_add(m->now, h.high, h.tag);
		memset(s, 0, m->now->stride);
		s->hash = h.high;
		s->prefix = *p;
		m->count++;
	}
	if (ret_new)
		*ret_new = is_new;
	*ret_value = s->value;
	return ERR_OK;
}

bool prefix_map_del(struct prefix_map *m, const struct prefix *p)
{
	struct hash h;
	size_t i;

	if (m->count == 0)
		return false;
	h = hash_of(m, p);
	if (area_find(m->now, h, p, &i))
		area_drop(m->now, i);
	else if (m->old && area_find(m->old, h, p, &i))
		m->old->tag[i] = TAG_GONE;
	else
		return false;
	m->count--;
	return true;
}

/* What a walk does with one area: the entries whose hash is in first..last. */
struct visit {
	uint32_t first, last;
	void (*fn)(const struct prefix *p, void *value, void *ctx);
	bool (*keep)(const struct prefix *p, void *value, void *ctx);
	void *ctx;
	size_t dropped;
};

static void area_visit(struct prefix_area *a, struct visit *v, bool is_old)
{
	size_t i = area_home(a, v->first);

	while (a->tag[i] != TAG_EMPTY) {
		struct prefix_slot *s = slot_at(a, i);

		if (a->tag[i] >= TAG_LIVE && s->hash >= v->first && s->hash <= v->last) {
			if (v->fn)
				v->fn(&s->prefix, s->value, v->ctx);
			if (v->keep && !v->keep(&s->prefix, s->value, v->ctx)) {
				v->dropped++;
				if (is_old) {
					a->tag[i] = TAG_GONE;
				} else {
					area_drop(a, i);
					continue; /* another may stand here now */
				}
			}
		}
		i = area_next(a, i);
	}
}

/* One home of the current area, and the same hash values in the old one. */
static void map_visit(const struct prefix_map *m, uint64_t *pos, struct visit *v)
{
	uint64_t width = (uint64_t)1 << (32 - m->now->bits);

	v->first = (uint32_t)*pos;
	v->last = (uint32_t)(*pos + width - 1);
	area_visit(m->now, v, false);
	if (m->old)
		area_visit(m->old, v, true);
	*pos += width;
}

#define WALK_END ((uint64_t)1 << 32)

bool prefix_map_walk(const struct prefix_map *m, uint64_t *pos, size_t budget,
	void (*fn)(const struct prefix *p, void *value, void *ctx), void *ctx)
{
	struct visit v = { .fn = fn, .ctx = ctx };

	if (!m->now)
		return false;
	while (*pos < WALK_END && budget-- > 0)
		map_visit(m, pos, &v);
	return *pos < WALK_END;
}

size_t prefix_map_retain(
	struct prefix_map *m, size_t budget, bool (*keep)(const struct prefix *p, void *value, void *ctx), void *ctx)
{
	struct visit v = { .keep = keep, .ctx = ctx };

	if (!m->now)
		return 0;
	if (budget == 0 || budget > area_slots(m->now))
		budget = area_slots(m->now);
	map_move(m, budget);
	while (budget-- > 0) {
		map_visit(m, &m->retain, &v);
		m->retain &= WALK_END - 1;
	}
	m->count -= v.dropped;
	return v.dropped;
}

void *prefix_map_memory(const struct prefix_map *m, size_t *ret_bytes)
{
	*ret_bytes = m->now ? area_bytes(m->now->bits, m->now->stride) : 0;
	return m->now;
}

size_t prefix_map_bytes(const struct prefix_map *m)
{
	size_t n = 0;

	if (m->now)
		n += area_bytes(m->now->bits, m->now->stride);
	if (m->old)
		n += area_bytes(m->old->bits, m->old->stride);
	return n;
}
