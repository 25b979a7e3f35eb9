/*
 * handed: note number n lies in slot n % HANDED_SLOTS of the file, so that the
 * highest number says where to go on, and notes of one attempt lie together.
 *
 *   key 16, token 8, time 8, number 8, state 1, version 1, sum 4; 2 unused
 * SPDX-License-Identifier: ISC
 */
#include "io/handed.h"

#include "base/keymap.h"
#include "base/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/randombytes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION 1
#define NOTE_BYTES 48
#define SUMMED 42 /* bytes in front of the sum */
#define BATCH 128 /* notes read or written by one call */

struct note {
	uint8_t key[HANDED_KEY];
	uint64_t token, time, number;
	uint8_t state; /* enum handed_state; HANDED_NOT: free */
};

struct handed {
	int fd;
	uint64_t next;        /* number of the next note */
	struct keymap by_key; /* -> uint32_t, slot */
	struct note *note;
};

/* ---- digests */

void handed_hash_init(struct handed_hash *x)
{
	(void)crypto_hash_sha256_init(&x->state);
}

void handed_hash_add(struct handed_hash *x, struct slice s)
{
	(void)crypto_hash_sha256_update(&x->state, (const unsigned char *)s.p, s.n);
}

void handed_hash_field(struct handed_hash *x, struct slice s)
{
	uint8_t n[8];
	struct wr w = wr_init(n, sizeof n);

	wr_u64(&w, s.n);
	handed_hash_add(x, slice_of(n, sizeof n));
	handed_hash_add(x, s);
}

void handed_hash_end(struct handed_hash *x, uint8_t ret[HANDED_DIGEST])
{
	_Static_assert(HANDED_DIGEST == crypto_hash_sha256_BYTES, "a digest is whole");
	(void)crypto_hash_sha256_final(&x->state, ret);
}

void handed_key(const uint8_t digest[HANDED_DIGEST], struct slice address, struct slice orcpt, uint8_t ret[HANDED_KEY])
{
	uint8_t whole[HANDED_DIGEST];
	struct handed_hash x;

	handed_hash_init(&x);
	handed_hash_add(&x, slice_of(digest, HANDED_DIGEST));
	handed_hash_field(&x, address);
	handed_hash_field(&x, orcpt);
	handed_hash_end(&x, whole);
	memcpy(ret, whole, HANDED_KEY);
}

/* ---- bytes */

static uint32_t sum_of(const uint8_t bytes[NOTE_BYTES])
{
	static const uint8_t zero[SIPHASH_KEY];

	return (uint32_t)siphash64(zero, slice_of(bytes, SUMMED));
}

static void put_note(const struct note *n, uint8_t to[NOTE_BYTES])
{
	struct wr w = wr_init(to, NOTE_BYTES);

	memset(to, 0, NOTE_BYTES);
	wr_raw(&w, slice_of(n->key, sizeof n->key));
	wr_u64(&w, n->token);
	wr_u64(&w, n->time);
	wr_u64(&w, n->number);
	wr_u8(&w, n->state);
	wr_u8(&w, VERSION);
	wr_u32(&w, sum_of(to));
}

/* False: free, damaged, or written by another version. */
static bool get_note(const uint8_t from[NOTE_BYTES], struct note *ret)
{
	struct rd r = rd_init(from + HANDED_KEY, NOTE_BYTES - HANDED_KEY);
	uint8_t version;

	memcpy(ret->key, from, sizeof ret->key);
	ret->token = rd_u64(&r);
	ret->time = rd_u64(&r);
	ret->number = rd_u64(&r);
	ret->state = rd_u8(&r);
	version = rd_u8(&r);
	/* most are free: the sum last */
	return version == VERSION && (ret->state == HANDED_BEGUN || ret->state == HANDED_DONE) &&
	       rd_u32(&r) == sum_of(from);
}

static bool is_fresh(const struct note *n, uint64_t now_s)
{
	return n->state != HANDED_NOT && (n->time >= now_s || now_s - n->time < HANDED_KEEP_S);
}

static struct note *note_at(const struct handed *h, uint64_t number)
{
	return &h->note[number % HANDED_SLOTS];
}

/* n notes from this number on, as they are in memory, into the file. */
static enum err write_notes(const struct handed *h, uint64_t number, size_t n)
{
	uint8_t bytes[BATCH * NOTE_BYTES];

	while (n) {
		size_t slot = number % HANDED_SLOTS, some = n < BATCH ? n : BATCH;

		if (some > HANDED_SLOTS - slot)
			some = HANDED_SLOTS - slot;
		for (size_t i = 0; i < some; i++)
			put_note(&h->note[slot + i], bytes + i * NOTE_BYTES);
		if (pwrite(h->fd, bytes, some * NOTE_BYTES, (off_t)(slot * NOTE_BYTES)) != (ssize_t)(some * NOTE_BYTES))
			return ERR_IO;
		number += some;
		n -= some;
	}
	return ERR_OK;
}

/* ---- notes in memory */

static uint32_t *slot_of(const struct handed *h, const uint8_t key[HANDED_KEY])
{
	return keymap_get(&h->by_key, slice_of(key, HANDED_KEY));
}

static void drop_slot(struct handed *h, uint32_t slot)
{
	struct note *n = &h->note[slot];
	const uint32_t *known = n->state != HANDED_NOT ? slot_of(h, n->key) : NULL;

	if (known && *known == slot)
		(void)keymap_del(&h->by_key, slice_of(n->key, HANDED_KEY));
	*n = (struct note){ .state = HANDED_NOT };
}

/* Where there are two notes of a rider, what is done counts, then the later one. */
static enum err name_slot(struct handed *h, uint32_t slot)
{
	const struct note *n = &h->note[slot], *old;
	bool is_new;
	void *v;
	enum err e = keymap_put(&h->by_key, slice_of(n->key, HANDED_KEY), &v, &is_new);

	if (e != ERR_OK)
		return e;
	old = is_new ? n : &h->note[*(uint32_t *)v];
	if (is_new || n->state > old->state || (n->state == old->state && n->number > old->number))
		*(uint32_t *)v = slot;
	return ERR_OK;
}

/* ---- open */

static enum err load(struct handed *h, uint64_t now_s)
{
	uint8_t bytes[BATCH * NOTE_BYTES];
	uint32_t slot = 0;
	ssize_t n = 1;
	enum err e = ERR_OK;

	while (slot < HANDED_SLOTS && n > 0 && e == ERR_OK) {
		n = pread(h->fd, bytes, sizeof bytes, (off_t)slot * NOTE_BYTES);
		for (ssize_t at = 0; at + NOTE_BYTES <= n && e == ERR_OK; at += NOTE_BYTES, slot++) {
			struct note note;

			if (!get_note(bytes + at, &note) || note.number % HANDED_SLOTS != slot)
				continue;
			if (note.number >= h->next && note.number < UINT64_MAX - HANDED_SLOTS)
				h->next = note.number + 1;
			if (!is_fresh(&note, now_s))
				continue;
			h->note[slot] = note;
			e = name_slot(h, slot);
		}
		if (n % NOTE_BYTES) /* cut by somebody: what is behind it is made anew */
			break;
	}
	return n < 0 ? ERR_IO : e;
}

enum err handed_open(const char *path, uint64_t now_s, struct handed **ret)
{
	struct handed *h = calloc(1, sizeof *h);
	uint8_t key[SIPHASH_KEY];
	enum err e = ERR_NOMEM;
	int saved;

	if (!h)
		return ERR_NOMEM;
	randombytes_buf(key, sizeof key);
	keymap_init(&h->by_key, key, sizeof(uint32_t), HANDED_SLOTS);
	h->fd = -1;
	h->note = calloc(HANDED_SLOTS, sizeof *h->note);
	if (!h->note)
		goto out;
	h->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (h->fd < 0 || ftruncate(h->fd, (off_t)HANDED_SLOTS * NOTE_BYTES) < 0)
		e = ERR_IO;
	else
		e = load(h, now_s);
out:
	if (e == ERR_OK) {
		*ret = h;
		return ERR_OK;
	}
	saved = errno;
	handed_close(h);
	errno = saved;
	return e;
}

void handed_close(struct handed *h)
{
	if (!h)
		return;
	if (h->fd >= 0)
		(void)close(h->fd);
	keymap_done(&h->by_key);
	free(h->note);
	free(h);
}

/* ---- use */

enum handed_state handed_look(
	const struct handed *h, const uint8_t key[HANDED_KEY], uint64_t now_s, uint64_t *ret_token)
{
	const uint32_t *slot = h ? slot_of(h, key) : NULL;

	if (!slot || !is_fresh(&h->note[*slot], now_s))
		return HANDED_NOT;
	*ret_token = h->note[*slot].token;
	return (enum handed_state)h->note[*slot].state;
}

/* The attempt's notes: its first number, and how many; 0: there is none. Attempts under way are among the newest. */
static size_t find_attempt(const struct handed *h, uint64_t token, uint64_t *ret_first)
{
	uint64_t number = h->next, least = h->next < HANDED_SLOTS ? 0 : h->next - HANDED_SLOTS;
	size_t n = 0;

	while (number > least) {
		const struct note *x = note_at(h, --number);

		if (x->state != HANDED_NOT && x->token == token)
			n++;
		else if (n)
			break;
		else
			continue;
		*ret_first = number;
	}
	return n;
}

bool handed_is_begun(const struct handed *h, uint64_t token)
{
	uint64_t first = 0;

	return h && find_attempt(h, token, &first) && note_at(h, first)->state == HANDED_BEGUN;
}

enum err handed_begin(struct handed *h, uint64_t token, uint64_t now_s, const uint8_t (*key)[HANDED_KEY], size_t n)
{
	uint64_t first;
	enum err e = ERR_OK;

	if (!h || n == 0 || n > HANDED_SLOTS)
		return ERR_OK;
	first = h->next;
	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		uint32_t slot = (uint32_t)(h->next % HANDED_SLOTS);
		struct note *x = &h->note[slot];

		drop_slot(h, slot);
		*x = (struct note){ .token = token, .time = now_s, .number = h->next++, .state = HANDED_BEGUN };
		memcpy(x->key, key[i], HANDED_KEY);
		e = name_slot(h, slot);
	}
	return e == ERR_OK ? write_notes(h, first, n) : e;
}

enum err handed_end(struct handed *h, uint64_t token, uint32_t *ret_riders)
{
	uint64_t first = 0;
	size_t n = h ? find_attempt(h, token, &first) : 0;
	enum err e;

	for (size_t i = 0; i < n; i++) {
		uint32_t slot = (uint32_t)((first + i) % HANDED_SLOTS);

		h->note[slot].state = HANDED_DONE;
		if (name_slot(h, slot) != ERR_OK)
			return ERR_NOMEM;
	}
	e = n ? write_notes(h, first, n) : ERR_OK;
	if (e == ERR_OK && n && fdatasync(h->fd) < 0)
		e = ERR_IO;
	if (e == ERR_OK)
		*ret_riders = (uint32_t)n;
	return e;
}

void handed_sweep(struct handed *h, uint64_t now_s)
{
	for (uint32_t slot = 0; h && slot < HANDED_SLOTS; slot++)
		if (h->note[slot].state != HANDED_NOT && !is_fresh(&h->note[slot], now_s)) {
			drop_slot(h, slot);
			(void)write_notes(h, slot, 1); /* else it is left out when it is read */
		}
}
