/*
 * trap_table: entries and texts in blocks that never move or get copied; one
 * open-addressing table over their texts: 2-byte marks, and beside them (hash,
 * index) words that are looked at only where the mark fits. An exact
 * address, "@domain" and "/pattern/" can never be the same text, so one table
 * serves all three.
 * SPDX-License-Identifier: ISC
 */
#include "core/trap_table.h"

#include <stdlib.h>

#include "base/keymap.h"

#define BLOCK_TRAPS 4096u
#define TEXT_BLOCK (1u << 20)
#define DELIMITERS 16
#define FIRST_SLOTS 1024u
#define FREED_AT_ONCE 32 /* blocks: giving back one of 200 kB or 1 MB takes the kernel up to 50 us */
#define TEXT_BLOCKS (UINT32_MAX / TEXT_BLOCK)

struct trap_table {
	uint8_t key[SIPHASH_KEY];
	char delimiters[DELIMITERS];
	struct trap **block;
	size_t count, blocks;
	uint16_t *mark; /* 16 bits of the hash, 0: free: small, so that a miss stays near */
	uint64_t *slot; /* high half: 32 other bits of the hash; low half: index + 1 */
	size_t slots;
	char **text;
	size_t texts;
	uint32_t text_used; /* of the last block */
	uint32_t patterns;
	char (*tag)[TRAP_TAG]; /* by number; 0 is "no tag" */
	uint32_t tags;
	struct keymap tag_number; /* tag -> uint16_t */
};

struct trap_table *trap_table_new(const uint8_t key[SIPHASH_KEY], const char *delimiters)
{
	struct trap_table *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	memcpy(t->key, key, SIPHASH_KEY);
	slice_copy(slice_str(delimiters), t->delimiters, sizeof t->delimiters);
	keymap_init(&t->tag_number, key, sizeof(uint16_t), TRAP_TABLE_TAGS);
	t->tag = calloc(1, sizeof *t->tag);
	t->tags = 1;
	if (!t->tag) {
		free(t);
		return NULL;
	}
	return t;
}

void trap_table_free(struct trap_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->blocks; i++)
		free(t->block[i]);
	for (size_t i = 0; i < t->texts; i++)
		free(t->text[i]);
	free(t->block);
	free(t->text);
	free(t->mark);
	free(t->slot);
	free(t->tag);
	keymap_done(&t->tag_number);
	free(t);
}

bool trap_table_free_some(struct trap_table *t)
{
	for (unsigned i = 0; t && i < FREED_AT_ONCE && (t->blocks || t->texts); i++) {
		if (t->blocks)
			free(t->block[--t->blocks]);
		if (t->texts)
			free(t->text[--t->texts]);
	}
	if (t && (t->blocks || t->texts))
		return false;
	trap_table_free(t);
	return true;
}

/* Place and word come from the low half of the hash, the mark from the high one. */
static uint16_t mark_of(uint64_t hash)
{
	uint16_t mark = (uint16_t)(hash >> 48);

	return mark ? mark : 1;
}

size_t trap_table_count(const struct trap_table *t)
{
	return t->count;
}

struct trap *trap_table_at(struct trap_table *t, size_t i)
{
	return &t->block[i / BLOCK_TRAPS][i % BLOCK_TRAPS];
}

const char *trap_table_text(const struct trap_table *t, const struct trap *trap)
{
	return t->text[trap->text / TEXT_BLOCK] + trap->text % TEXT_BLOCK;
}

const char *trap_table_tag(const struct trap_table *t, const struct trap *trap)
{
	return t->tag[trap->tag];
}

/* Which text to look for; the memory it will touch is on its way. */
struct probe {
	struct slice text;
	uint64_t hash;
};

static struct probe probe_start(const struct trap_table *t, struct slice text)
{
	struct probe p = { text, siphash64(t->key, text) };

	if (t->slots)
		__builtin_prefetch(&t->mark[p.hash & (t->slots - 1)]);
	return p;
}

static struct trap *probe_end(const struct trap_table *t, const struct probe *p)
{
	size_t mask = t->slots - 1;
	uint16_t mark = mark_of(p->hash);

	if (t->slots == 0)
		return NULL;
	for (size_t i = p->hash & mask; t->mark[i]; i = (i + 1) & mask) {
		uint32_t index = (uint32_t)t->slot[i] - 1;
		struct trap *trap;

		if (t->mark[i] != mark || t->slot[i] >> 32 != (uint32_t)p->hash)
			continue;
		trap = &t->block[index / BLOCK_TRAPS][index % BLOCK_TRAPS];
		if (slice_eq(slice_str(trap_table_text(t, trap)), p->text))
			return trap;
	}
	return NULL;
}

struct trap *trap_table_get(struct trap_table *t, struct slice text)
{
	struct probe p = probe_start(t, text);

	return probe_end(t, &p);
}

const struct trap *trap_table_find(const struct trap_table *t, const struct address *rcpt)
{
	struct probe exact, domain, plain;
	struct address stripped;
	const struct trap *trap;
	bool has_plain;

	if (rcpt->local.n == 0 || rcpt->domain.n == 0)
		return NULL;
	exact = probe_start(t, slice_str(rcpt->text));
	/* "@" stands before the domain in the address itself */
	domain = probe_start(t, (struct slice){ rcpt->domain.p - 1, rcpt->domain.n + 1 });
	has_plain = t->delimiters[0] && address_strip_extension(rcpt, t->delimiters, &stripped);
	if (has_plain)
		plain = probe_start(t, slice_str(stripped.text));
	trap = probe_end(t, &exact);
	if (!trap && has_plain)
		trap = probe_end(t, &plain);
	return trap ? trap : probe_end(t, &domain);
}

static void put_slot(const struct trap_table *t, uint16_t mark, uint64_t word)
{
	size_t i = (size_t)(word >> 32) & (t->slots - 1);

	while (t->mark[i])
		i = (i + 1) & (t->slots - 1);
	t->mark[i] = mark;
	t->slot[i] = word;
}

/* False: no memory, nothing changed. */
static bool make_slots(struct trap_table *t, size_t slots)
{
	uint16_t *mark = calloc(slots, sizeof *mark);
	uint64_t *slot = calloc(slots, sizeof *slot);

	if (!mark || !slot) {
		free(mark);
		free(slot);
		return false;
	}
	t->mark = mark;
	t->slot = slot;
	t->slots = slots;
	return true;
}

void trap_table_reserve(struct trap_table *t, size_t traps)
{
	size_t slots = FIRST_SLOTS;

	while (slots / 3 * 2 < traps && traps <= TRAP_TABLE_MAX)
		slots *= 2;
	if (t->slots == 0)
		(void)make_slots(t, slots);
}

/* At most two thirds of the slots are used. */
static enum err grow_slots(struct trap_table *t)
{
	struct trap_table old = *t;

	if (t->slots && t->count + 1 <= t->slots / 3 * 2)
		return ERR_OK;
	if (!make_slots(t, old.slots ? old.slots * 2 : FIRST_SLOTS))
		return ERR_NOMEM;
	for (size_t i = 0; i < old.slots; i++)
		if (old.mark[i])
			put_slot(t, old.mark[i], old.slot[i]);
	free(old.mark);
	free(old.slot);
	return ERR_OK;
}

static enum err grow_traps(struct trap_table *t)
{
	struct trap **block;

	if (t->count < t->blocks * BLOCK_TRAPS)
		return ERR_OK;
	block = reallocarray(t->block, t->blocks + 1, sizeof(struct trap *));
	if (!block)
		return ERR_NOMEM;
	t->block = block;
	t->block[t->blocks] = calloc(BLOCK_TRAPS, sizeof **t->block);
	if (!t->block[t->blocks])
		return ERR_NOMEM;
	t->blocks++;
	return ERR_OK;
}

static enum err grow_texts(struct trap_table *t, size_t n)
{
	char **text;

	if (t->texts && TEXT_BLOCK - t->text_used >= n)
		return ERR_OK;
	if (t->texts == TEXT_BLOCKS)
		return ERR_FULL;
	text = reallocarray(t->text, t->texts + 1, sizeof(char *));
	if (!text)
		return ERR_NOMEM;
	t->text = text;
	t->text[t->texts] = malloc(TEXT_BLOCK);
	if (!t->text[t->texts])
		return ERR_NOMEM;
	t->texts++;
	t->text_used = 0;
	return ERR_OK;
}

static enum err tag_number(struct trap_table *t, const char *name, uint16_t *ret)
{
	char(*tag)[TRAP_TAG];
	void *known = keymap_get(&t->tag_number, slice_str(name));
	enum err e;

	if (!name[0]) {
		*ret = 0;
		return ERR_OK;
	}
	if (known) {
		memcpy(ret, known, sizeof *ret);
		return ERR_OK;
	}
	if (t->tags == TRAP_TABLE_TAGS)
		return ERR_FULL;
	tag = reallocarray(t->tag, t->tags + 1, sizeof *tag);
	if (!tag)
		return ERR_NOMEM;
	t->tag = tag;
	e = keymap_put(&t->tag_number, slice_str(name), &known, NULL);
	if (e != ERR_OK)
		return e;
	slice_copy(slice_str(name), t->tag[t->tags], TRAP_TAG);
	*ret = (uint16_t)t->tags++;
	memcpy(known, ret, sizeof *ret);
	return ERR_OK;
}

/* The text a line is known by, into to[TRAP_TEXT]. */
#define TRAP_TEXT 512

static enum err text_of(const struct trap_line *line, char to[TRAP_TEXT], struct slice *ret)
{
	size_t n = line->pattern.n;

	if (line->kind != TRAP_PATTERN) {
		*ret = slice_str(line->address.text);
		return ERR_OK;
	}
	if (n + 2 > TRAP_TEXT)
		return ERR_LIMIT;
	to[0] = to[n + 1] = '/';
	if (n)
		memcpy(to + 1, line->pattern.p, n);
	*ret = (struct slice){ to, n + 2 };
	return ERR_OK;
}

static enum err make_room(struct trap_table *t, const struct trap_line *line, size_t text_n)
{
	enum err e;

	if (t->count == TRAP_TABLE_MAX || (line->kind == TRAP_PATTERN && t->patterns == TRAP_TABLE_PATTERNS))
		return ERR_FULL;
	e = grow_slots(t);
	if (e == ERR_OK)
		e = grow_traps(t);
	return e == ERR_OK ? grow_texts(t, text_n + 1) : e;
}

enum err trap_table_add(struct trap_table *t, const struct trap_line *line, struct trap **ret_trap)
{
	char bytes[TRAP_TEXT];
	struct slice text;
	struct probe probe;
	struct trap *trap;
	uint16_t tag;
	enum err e = text_of(line, bytes, &text);

	if (e != ERR_OK)
		return e;
	probe = probe_start(t, text);
	if (probe_end(t, &probe))
		return ERR_EXISTS;
	e = make_room(t, line, text.n);
	if (e == ERR_OK)
		e = tag_number(t, line->tag, &tag);
	if (e != ERR_OK)
		return e;
	trap = trap_table_at(t, t->count);
	*trap = (struct trap){ .kind = line->kind, .state = line->state, .weight = line->weight, .tag = tag };
	trap->text = (uint32_t)(t->texts - 1) * TEXT_BLOCK + t->text_used;
	slice_copy(text, t->text[t->texts - 1] + t->text_used, text.n + 1);
	t->text_used += (uint32_t)text.n + 1;
	put_slot(t, mark_of(probe.hash), probe.hash << 32 | (uint32_t)++t->count);
	t->patterns += line->kind == TRAP_PATTERN;
	*ret_trap = trap;
	return ERR_OK;
}
