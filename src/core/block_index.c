/*
 * block_index: a prefix_map plus the list of prefix lengths in use, and what
 * others read along (core/block_share).
 * SPDX-License-Identifier: ISC
 */
#include "core/block_index.h"

#include "core/subject.h"

/* An entry without its subject, which is the key. */
struct block_value {
	uint32_t until, told;
	uint16_t offence;
	uint16_t code;
	char case_id[CASE_ID_TEXT];
	uint8_t flags;
	uint8_t feed;
};

static unsigned family_of(const struct ipaddr *a)
{
	return a->family == 6;
}

static struct block_entry entry_of(const struct prefix *p, const struct block_value *v)
{
	struct block_entry e = { .subject = *p,
		.until = v->until,
		.told = v->told,
		.offence = v->offence,
		.code = v->code,
		.flags = v->flags,
		.feed = v->feed };

	memcpy(e.case_id, v->case_id, sizeof e.case_id);
	return e;
}

/* Write along what stands in the table now; identities are nobody's address, and nobody's outside of the engine. */
static void share_put(struct block_index *x, const struct prefix *p, const struct block_value *v)
{
	struct block_entry e;

	if ((!x->share && !x->next) || subject_is_identity(p))
		return;
	e = entry_of(p, v);
	if (x->share)
		block_share_put(x->share, &e);
	if (x->next)
		block_share_put(x->next, &e);
}

static void share_del(struct block_index *x, const struct prefix *p)
{
	if (x->share)
		block_share_del(x->share, p);
	if (x->next)
		block_share_del(x->next, p);
}

void block_index_init(struct block_index *x, const uint8_t key[SIPHASH_KEY], size_t cap)
{
	*x = (struct block_index){ 0 };
	prefix_map_init(&x->map, key, sizeof(struct block_value), cap);
}

void block_index_done(struct block_index *x)
{
	prefix_map_done(&x->map);
	memset(x->in_use, 0, sizeof x->in_use);
	x->lengths[0] = x->lengths[1] = 0;
	x->share = x->next = NULL;
}

/* Make the list of a family's lengths anew: it changes at the first and the last entry of a length. */
static void lengths_list(struct block_index *x, unsigned f)
{
	x->lengths[f] = 0;
	for (int len = 128; len >= 0; len--)
		if (x->in_use[f][len])
			x->length[f][x->lengths[f]++] = (uint8_t)len;
}

static void lengths_add(struct block_index *x, const struct prefix *p)
{
	unsigned f = family_of(&p->addr);

	if (x->in_use[f][p->len]++ == 0)
		lengths_list(x, f);
}

static void lengths_del(struct block_index *x, const struct prefix *p)
{
	unsigned f = family_of(&p->addr);

	if (--x->in_use[f][p->len] == 0)
		lengths_list(x, f);
}

enum err block_index_reserve(struct block_index *x, size_t n, void **ret_memory, size_t *ret_bytes)
{
	enum err e = prefix_map_reserve(&x->map, n);

	if (e == ERR_OK)
		*ret_memory = prefix_map_memory(&x->map, ret_bytes);
	return e;
}

enum err block_index_put(struct block_index *x, const struct block_entry *e)
{
	struct block_value *v;
	void *value;
	bool is_new;
	enum err r = prefix_map_put(&x->map, &e->subject, &value, &is_new);

	if (r != ERR_OK)
		return r;
	v = value;
	if (is_new || memcmp(v->case_id, e->case_id, sizeof v->case_id) != 0)
		v->told = 0;
	v->until = e->until;
	v->offence = e->offence;
	v->code = e->code;
	v->flags = e->flags;
	v->feed = e->feed;
	memcpy(v->case_id, e->case_id, sizeof v->case_id);
	if (is_new)
		lengths_add(x, &e->subject);
	share_put(x, &e->subject, v);
	return ERR_OK;
}

void block_index_tell(struct block_index *x, const struct prefix *subject, uint32_t told)
{
	struct block_value *v = prefix_map_get(&x->map, subject);

	if (!v)
		return;
	v->told = told;
	share_put(x, subject, v);
}

void block_index_mark(struct block_index *x, const struct prefix *subject, uint8_t flags)
{
	struct block_value *v = prefix_map_get(&x->map, subject);

	if (!v)
		return;
	v->flags |= flags;
	share_put(x, subject, v);
}

bool block_index_del(struct block_index *x, const struct prefix *subject)
{
	if (!prefix_map_del(&x->map, subject))
		return false;
	lengths_del(x, subject);
	share_del(x, subject);
	return true;
}

bool block_index_get(const struct block_index *x, const struct prefix *subject, struct block_entry *ret)
{
	const struct block_value *v = prefix_map_get(&x->map, subject);

	if (!v)
		return false;
	*ret = entry_of(subject, v);
	return true;
}

bool block_index_find(const struct block_index *x, const struct ipaddr *client, uint64_t now, struct block_entry *ret)
{
	unsigned f = family_of(client);

	for (unsigned i = 0; i < x->lengths[f]; i++) {
		struct prefix p = prefix_of(client, x->length[f][i]);
		const struct block_value *v = prefix_map_get(&x->map, &p);

		if (v && now < v->until) {
			*ret = entry_of(&p, v);
			return true;
		}
	}
	return false;
}

struct walk {
	struct block_index *x; /* sweep only */
	uint64_t now;
	void (*fn)(const struct block_entry *e, void *ctx);
	void *ctx;
};

static void walk_one(const struct prefix *p, void *value, void *ctx)
{
	const struct walk *w = ctx;
	struct block_entry e = entry_of(p, value);

	w->fn(&e, w->ctx);
}

bool block_index_walk(const struct block_index *x, uint64_t *pos, size_t budget,
	void (*fn)(const struct block_entry *e, void *ctx), void *ctx)
{
	struct walk w = { .fn = fn, .ctx = ctx };

	return prefix_map_walk(&x->map, pos, budget, walk_one, &w);
}

static bool sweep_one(const struct prefix *p, void *value, void *ctx)
{
	const struct walk *w = ctx;
	struct block_entry e = entry_of(p, value);

	if (w->now < e.until)
		return true;
	lengths_del(w->x, p);
	share_del(w->x, p);
	if (w->fn)
		w->fn(&e, w->ctx);
	return false;
}

size_t block_index_sweep(struct block_index *x, uint64_t now, size_t budget,
	void (*fn)(const struct block_entry *e, void *ctx), void *ctx)
{
	struct walk w = { .x = x, .now = now, .fn = fn, .ctx = ctx };

	return prefix_map_retain(&x->map, budget, sweep_one, &w);
}

void block_index_share(struct block_index *x, struct block_share *s)
{
	if (!s)
		x->share = NULL;
	x->next = s;
	x->next_at = 0;
}

static void fill_one(const struct block_entry *e, void *ctx)
{
	if (!subject_is_identity(&e->subject))
		block_share_put(ctx, e);
}

bool block_index_fill(struct block_index *x, size_t budget)
{
	if (!x->next || block_index_walk(x, &x->next_at, budget, fill_one, x->next))
		return false;
	x->share = x->next;
	x->next = NULL;
	return true;
}

size_t block_index_count(const struct block_index *x)
{
	return x->map.count;
}

size_t block_index_bytes(const struct block_index *x)
{
	return prefix_map_bytes(&x->map);
}
