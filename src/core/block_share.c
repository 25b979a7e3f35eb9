/*
 * block_share: linear probing; a deletion shifts back what follows, so that
 * there are no tombstones. All words of the area are read and written one by
 * one and atomically: a reader that meets an update reads garbage, but sees by
 * the sequence number (odd, or changed) that it did.
 *
 *   word  0      magic and version
 *         1      bits
 *         2-3    key
 *         4      sequence number: odd while an update is under way
 *         5-7    lengths in use, IPv4: bit n of the three words: /n
 *         8-10   IPv6
 *         11     blocks that were taken out
 *         12 ... slots, 6 words each; the first word is 0 where a slot is free
 * SPDX-License-Identifier: ISC
 */
#include "core/block_share.h"

#include <assert.h>

#define MAGIC UINT64_C(0x6c696d6574776701) /* the last byte is the version */
#define WORD_MAGIC 0
#define WORD_BITS 1
#define WORD_KEY 2
#define WORD_SEQUENCE 4
#define WORD_LENGTHS 5
#define LENGTH_WORDS 3
#define WORD_REMOVED 11
#define WORD_SLOTS 12
#define SLOT_WORDS 6

struct slot {
	uint32_t hash;
	uint8_t is_live; /* 1 */
	uint8_t flags;
	uint16_t code;
	struct prefix subject;
	char case_id[CASE_ID_TEXT];
	uint32_t until, told;
	uint16_t offence;
	uint8_t feed, zero;
};

_Static_assert(sizeof(struct slot) == SLOT_WORDS * sizeof(uint64_t), "a slot is whole words");

static uint64_t word_get(const uint64_t *w)
{
	return __atomic_load_n(w, __ATOMIC_RELAXED);
}

static void word_set(uint64_t *w, uint64_t value)
{
	__atomic_store_n(w, value, __ATOMIC_RELAXED);
}

static size_t slot_count(unsigned bits)
{
	return (size_t)1 << bits;
}

static size_t slot_home(unsigned bits, uint32_t hash)
{
	return hash >> (32 - bits);
}

static uint32_t hash_of(const uint8_t key[SIPHASH_KEY], const struct prefix *p)
{
	return (uint32_t)(siphash64(key, slice_of(p, sizeof *p)) >> 32);
}

size_t block_share_bytes(unsigned bits)
{
	return (WORD_SLOTS + slot_count(bits) * SLOT_WORDS) * sizeof(uint64_t);
}

/* ---- writer */

static uint64_t *slot_at(const struct block_share *s, size_t i)
{
	return s->word + WORD_SLOTS + i * SLOT_WORDS;
}

static struct slot slot_read(const uint64_t *at)
{
	uint64_t w[SLOT_WORDS];
	struct slot slot;

	for (unsigned i = 0; i < SLOT_WORDS; i++)
		w[i] = word_get(at + i);
	memcpy(&slot, w, sizeof slot);
	return slot;
}

static void slot_write(uint64_t *at, const struct slot *slot)
{
	uint64_t w[SLOT_WORDS];

	memcpy(w, slot, sizeof w);
	for (unsigned i = 0; i < SLOT_WORDS; i++)
		word_set(at + i, w[i]);
}

static void update_begin(struct block_share *s)
{
	word_set(s->word + WORD_SEQUENCE, word_get(s->word + WORD_SEQUENCE) + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void update_end(struct block_share *s)
{
	__atomic_store_n(s->word + WORD_SEQUENCE, word_get(s->word + WORD_SEQUENCE) + 1, __ATOMIC_RELEASE);
}

void block_share_init(struct block_share *s, void *memory, unsigned bits, const uint8_t key[SIPHASH_KEY])
{
	assert(bits >= SHARE_BITS_MIN && bits <= SHARE_BITS_MAX);
	*s = (struct block_share){ .word = memory, .bits = bits };
	memcpy(s->key, key, SIPHASH_KEY);
	s->word[WORD_BITS] = bits;
	memcpy(s->word + WORD_KEY, key, SIPHASH_KEY);
	s->word[WORD_MAGIC] = MAGIC;
}

bool block_share_is_tight(const struct block_share *s)
{
	return s->count >= slot_count(s->bits) / 8 * 5;
}

/* The slot of this prefix, or the free one where it belongs. */
static size_t slot_find(const struct block_share *s, uint32_t hash, const struct prefix *p, bool *ret_found)
{
	size_t i = slot_home(s->bits, hash);

	for (;; i = (i + 1) & (slot_count(s->bits) - 1)) {
		struct slot slot = slot_read(slot_at(s, i));

		if (!slot.is_live || (slot.hash == hash && prefix_eq(&slot.subject, p))) {
			*ret_found = slot.is_live;
			return i;
		}
	}
}

static void length_mark(struct block_share *s, const struct prefix *p, bool is_used)
{
	uint64_t *w = s->word + WORD_LENGTHS + (p->addr.family == 6) * LENGTH_WORDS + p->len / 64;
	uint64_t bit = UINT64_C(1) << (p->len % 64);

	word_set(w, is_used ? word_get(w) | bit : word_get(w) & ~bit);
}

void block_share_put(struct block_share *s, const struct block_entry *e)
{
	struct slot slot = { .hash = hash_of(s->key, &e->subject),
		.is_live = 1,
		.flags = e->flags,
		.code = e->code,
		.subject = e->subject,
		.until = e->until,
		.told = e->told,
		.feed = e->feed,
		.offence = e->offence };
	bool is_found;
	size_t i = slot_find(s, slot.hash, &e->subject, &is_found);

	if (!is_found && s->count >= slot_count(s->bits) / 8 * 7) {
		s->is_short = true;
		return;
	}
	memcpy(slot.case_id, e->case_id, sizeof slot.case_id);
	update_begin(s);
	slot_write(slot_at(s, i), &slot);
	if (!is_found) {
		s->count++;
		if (s->in_use[e->subject.addr.family == 6][e->subject.len]++ == 0)
			length_mark(s, &e->subject, true);
	}
	update_end(s);
}

/* Free slot i and shift back those behind it that may move nearer to home. */
static void slot_drop(struct block_share *s, size_t hole)
{
	static const struct slot none;
	size_t mask = slot_count(s->bits) - 1;

	for (size_t j = (hole + 1) & mask;; j = (j + 1) & mask) {
		struct slot slot = slot_read(slot_at(s, j));

		if (!slot.is_live)
			break;
		if (((j - slot_home(s->bits, slot.hash)) & mask) < ((j - hole) & mask))
			continue;
		slot_write(slot_at(s, hole), &slot);
		hole = j;
	}
	slot_write(slot_at(s, hole), &none);
}

void block_share_del(struct block_share *s, const struct prefix *subject)
{
	bool is_found;
	size_t i = slot_find(s, hash_of(s->key, subject), subject, &is_found);

	if (!is_found)
		return;
	update_begin(s);
	slot_drop(s, i);
	word_set(s->word + WORD_REMOVED, word_get(s->word + WORD_REMOVED) + 1);
	s->count--;
	if (--s->in_use[subject->addr.family == 6][subject->len] == 0)
		length_mark(s, subject, false);
	update_end(s);
}

/* ---- reader */

enum err block_view_init(struct block_view *v, const void *memory, size_t bytes)
{
	const uint64_t *word = memory;
	uint64_t bits;

	if (bytes < WORD_SLOTS * sizeof *word || word_get(word + WORD_MAGIC) >> 8 != MAGIC >> 8)
		return ERR_SYNTAX;
	if (word_get(word + WORD_MAGIC) != MAGIC)
		return ERR_VERSION;
	bits = word_get(word + WORD_BITS);
	if (bits < SHARE_BITS_MIN || bits > SHARE_BITS_MAX || bytes < block_share_bytes((unsigned)bits))
		return ERR_SYNTAX;
	*v = (struct block_view){ .word = word, .bits = (unsigned)bits };
	memcpy(v->key, word + WORD_KEY, SIPHASH_KEY);
	return ERR_OK;
}

static bool view_get(const struct block_view *v, const struct prefix *p, struct slot *ret)
{
	uint32_t hash = hash_of(v->key, p);
	size_t mask = slot_count(v->bits) - 1, i = slot_home(v->bits, hash);

	for (unsigned n = 0; n < SHARE_PROBES; n++, i = (i + 1) & mask) {
		struct slot slot = slot_read(v->word + WORD_SLOTS + i * SLOT_WORDS);

		if (!slot.is_live)
			return false;
		if (slot.hash == hash && prefix_eq(&slot.subject, p)) {
			*ret = slot;
			return true;
		}
	}
	return false;
}

/* One try: what it finds counts only if the sequence number stood still. */
static bool view_look(const struct block_view *v, const struct ipaddr *client, uint64_t now, struct slot *ret)
{
	const uint64_t *lengths = v->word + WORD_LENGTHS + (client->family == 6) * LENGTH_WORDS;

	for (int w = LENGTH_WORDS - 1; w >= 0; w--) {
		uint64_t left = word_get(lengths + w);

		while (left) {
			unsigned bit = 63u - (unsigned)__builtin_clzll(left);
			unsigned len = (unsigned)w * 64 + bit;
			struct prefix p = prefix_of(client, len);

			left &= ~(UINT64_C(1) << bit);
			if (len <= ipaddr_bits(client) && view_get(v, &p, ret) && now < ret->until)
				return true;
		}
	}
	return false;
}

static struct block_entry entry_of(const struct slot *s)
{
	struct block_entry e = { .subject = s->subject,
		.until = s->until,
		.told = s->told,
		.feed = s->feed,
		.offence = s->offence,
		.code = s->code < 400 || s->code > 599 ? 450 : s->code,
		.flags = s->flags };

	memcpy(e.case_id, s->case_id, sizeof e.case_id);
	e.case_id[sizeof e.case_id - 1] = '\0';
	return e;
}

uint64_t block_view_removed(const struct block_view *v)
{
	return word_get(v->word + WORD_REMOVED);
}

bool block_view_find(const struct block_view *v, const struct ipaddr *client, uint64_t now, struct block_entry *ret)
{
	const uint64_t *sequence = v->word + WORD_SEQUENCE;

	for (unsigned n = 0; n < SHARE_RETRIES; n++) {
		uint64_t before = __atomic_load_n(sequence, __ATOMIC_ACQUIRE);
		struct slot slot;
		bool is_found;

		if (before & 1)
			continue;
		is_found = view_look(v, client, now, &slot);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (word_get(sequence) != before)
			continue;
		if (is_found)
			*ret = entry_of(&slot);
		return is_found;
	}
	return false;
}

/* ---- walk */

uint64_t block_view_changes(const struct block_view *v)
{
	return word_get(v->word + WORD_SEQUENCE) >> 1;
}

static struct slot view_slot(const struct block_view *v, size_t i)
{
	return slot_read(v->word + WORD_SLOTS + (i & (slot_count(v->bits) - 1)) * SLOT_WORDS);
}

/* A subject that could have been put: readers print and sort it. */
static bool is_subject(const struct prefix *p)
{
	struct prefix cut;

	if ((p->addr.family != 4 && p->addr.family != 6) || p->len > ipaddr_bits(&p->addr))
		return false;
	cut = prefix_of(&p->addr, p->len);
	return prefix_eq(&cut, p);
}

/*
 * One try of a stretch: up to a free slot, because a deletion moves entries
 * back to their home and never over a free slot: so none jumps over the place
 * where two stretches meet. ERR_SYNTAX: there is no free slot far and wide.
 */
static enum err walk_stretch(const struct block_view *v, struct block_walk *w, struct block_entry *to, size_t *ret_n)
{
	size_t slots = slot_count(v->bits), n = 0, i;
	bool is_free = false;

	if (!w->is_begun) {
		for (i = 0; i < SHARE_PROBES && i < slots && !is_free; i++)
			is_free = !view_slot(v, i).is_live;
		if (!is_free)
			return ERR_SYNTAX;
		*w = (struct block_walk){ .first = i - 1, .is_begun = true };
	}
	for (i = 0, is_free = false; w->done + i < slots && (i < SHARE_STRETCH || !is_free); i++) {
		struct slot slot;

		if (i == SHARE_WALK)
			return ERR_SYNTAX;
		slot = view_slot(v, w->first + 1 + w->done + i);
		is_free = !slot.is_live;
		if (!is_free && is_subject(&slot.subject))
			to[n++] = entry_of(&slot);
	}
	w->done += i;
	*ret_n = n;
	return ERR_OK;
}

enum err block_view_walk(
	const struct block_view *v, struct block_walk *w, struct block_entry to[SHARE_WALK], size_t *ret_n)
{
	const uint64_t *sequence = v->word + WORD_SEQUENCE;

	if (w->is_begun && w->done == slot_count(v->bits))
		return ERR_NOTFOUND;
	for (unsigned n = 0; n < SHARE_RETRIES; n++) {
		uint64_t before = __atomic_load_n(sequence, __ATOMIC_ACQUIRE);
		struct block_walk next = *w;
		size_t count = 0;
		enum err e;

		if (before & 1)
			continue;
		e = walk_stretch(v, &next, to, &count);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (word_get(sequence) != before)
			continue;
		if (e == ERR_OK) {
			*w = next;
			*ret_n = count;
		}
		return e;
	}
	return ERR_AGAIN;
}
