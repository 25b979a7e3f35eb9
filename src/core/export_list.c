/*
 * export_list: a sweep over the addresses of one family. Between two borders
 * (where a block, a run of a feed, or a hole begins or ends) every address has
 * the same owner; stretches of one owner are joined and cut into prefixes.
 * SPDX-License-Identifier: ISC
 */
#include "core/export_list.h"

#include <stdlib.h>

/* Where the sweep stands in the runs of one set: the first that ends at or behind it. */
struct cursor {
	const struct prefix_runs *runs;
	size_t at;
};

struct sweep {
	const struct export_source *s;
	unsigned f;
	bool is_set;
	prefix_number at;
	size_t next_block; /* the first that begins behind at */
	struct {
		size_t block;
		prefix_number last;
	} nest[EXPORT_NEST]; /* the blocks that hold at, the longest last */
	unsigned depth;
	struct cursor feed[EXPORT_FEEDS], holes;
	/* a stretch that is not given yet */
	bool has_run;
	struct prefix_run6 run;
	struct export_entry owner;
	export_list_fn fn;
	void *ctx;
};

static const struct prefix never[] = {
	{ { 4, { 0 } }, 8 },
	{ { 4, { 127 } }, 8 },
	{ { 4, { 224 } }, 3 }, /* multicast and what is behind it */
	{ { 6, { 0 } }, 64 },  /* ::, ::1, IPv4 in other forms */
	{ { 6, { 0xff } }, 8 },
};

/* ---- the blocks */

static int block_order(const void *x, const void *y)
{
	const struct block_entry *a = x, *b = y;
	int by_address = memcmp(a->subject.addr.b, b->subject.addr.b, sizeof a->subject.addr.b);

	if (a->subject.addr.family != b->subject.addr.family)
		return a->subject.addr.family < b->subject.addr.family ? -1 : 1;
	if (by_address)
		return by_address;
	if (a->subject.len != b->subject.len)
		return a->subject.len < b->subject.len ? -1 : 1;
	return a->until > b->until ? -1 : a->until < b->until; /* of two the one that lasts */
}

enum err export_source_blocks(struct export_source *s, const struct block_entry *e, size_t n)
{
	size_t room = s->room ? s->room : 1024;

	while (room - s->blocks < n)
		room *= 2;
	if (room != s->room) {
		void *p = reallocarray(s->block, room, sizeof *s->block);

		if (!p)
			return ERR_NOMEM;
		s->block = p;
		s->room = room;
	}
	if (n)
		memcpy(s->block + s->blocks, e, n * sizeof *e);
	s->blocks += n;
	return ERR_OK;
}

enum err export_source_feed(struct export_source *s, const struct feed_area *a, const char *name, uint8_t code)
{
	struct export_feed *f;
	enum err e;

	if (s->feeds == EXPORT_FEEDS)
		return ERR_LIMIT;
	f = calloc(1, sizeof *f);
	if (!f)
		return ERR_NOMEM;
	slice_copy(slice_str(name), f->name, sizeof f->name);
	f->code = code;
	e = feed_area_add_to(a, &f->set);
	if (e == ERR_OK)
		e = prefix_set_seal(&f->set);
	if (e != ERR_OK) {
		prefix_set_done(&f->set);
		free(f);
		return e;
	}
	s->feed[s->feeds++] = f;
	return ERR_OK;
}

enum err export_source_holes(struct export_source *s, const struct feed_area *a)
{
	return feed_area_add_to(a, &s->holes);
}

static void sort_blocks(struct export_source *s)
{
	size_t n = 0;

	if (s->blocks)
		qsort(s->block, s->blocks, sizeof *s->block, block_order);
	for (size_t i = 0; i < s->blocks; i++) {
		const struct block_entry *e = &s->block[i];

		if (e->until > s->now && (!n || !prefix_eq(&e->subject, &s->block[n - 1].subject)))
			s->block[n++] = *e;
	}
	s->blocks = n;
}

enum err export_source_seal(struct export_source *s)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof never / sizeof never[0] && e == ERR_OK; i++)
		e = prefix_set_add(&s->holes, &never[i], false);
	if (e == ERR_OK)
		e = prefix_set_seal(&s->holes);
	if (e == ERR_OK)
		sort_blocks(s);
	return e;
}

void export_source_done(struct export_source *s)
{
	for (size_t i = 0; i < s->feeds; i++) {
		prefix_set_done(&s->feed[i]->set);
		free(s->feed[i]);
	}
	prefix_set_done(&s->holes);
	free(s->block);
	*s = (struct export_source){ .block = NULL };
}

uint64_t export_source_end(const struct export_source *s)
{
	uint64_t end = UINT64_MAX;

	for (size_t i = 0; i < s->blocks; i++)
		if (s->block[i].until < end)
			end = s->block[i].until;
	return end;
}

static unsigned family_index(const struct prefix *p)
{
	return p->addr.family == 6;
}

/* The blocks of the other family stand before or behind. */
static size_t first_of_family(const struct export_source *s, unsigned f)
{
	size_t i = 0, to = f ? s->blocks : 0;

	while (i < to) { /* the first of IPv6 */
		size_t mid = i + (to - i) / 2;

		if (family_index(&s->block[mid].subject))
			to = mid;
		else
			i = mid + 1;
	}
	return i;
}

/* ---- sets */

static struct prefix_run6 run_at(const struct prefix_runs *r, size_t i)
{
	if (r->run6)
		return r->run6[i];
	return (struct prefix_run6){ r->run4[i].first, r->run4[i].last };
}

static void cursor_begin(struct cursor *c, const struct prefix_set *s, unsigned f)
{
	static const struct prefix_runs none;

	*c = (struct cursor){ s->is_sealed ? &s->in[f] : &none, 0 };
}

/* Is at in it? *border: made lower where its next border is nearer. */
static bool cursor_look(struct cursor *c, prefix_number at, prefix_number *border)
{
	struct prefix_run6 x;

	while (c->at < c->runs->count && run_at(c->runs, c->at).last < at)
		c->at++;
	if (c->at == c->runs->count)
		return false;
	x = run_at(c->runs, c->at);
	if (x.first > at) {
		if (x.first - 1 < *border)
			*border = x.first - 1;
		return false;
	}
	if (x.last < *border)
		*border = x.last;
	return true;
}

/* ---- the sweep */

/* The same as cursor_look for the blocks; the nest is brought to at. */
static const struct block_entry *look_blocks(struct sweep *w, prefix_number at, prefix_number *border)
{
	const struct export_source *s = w->s;

	while (w->depth && w->nest[w->depth - 1].last < at)
		w->depth--;
	for (; w->next_block < s->blocks; w->next_block++) {
		const struct prefix *p = &s->block[w->next_block].subject;
		struct ipaddr last = prefix_last(p);
		prefix_number first = prefix_number_of(&p->addr);

		if (family_index(p) != w->f)
			break;
		if (first > at) {
			if (first - 1 < *border)
				*border = first - 1;
			break;
		}
		if (w->depth < EXPORT_NEST && prefix_number_of(&last) >= at) {
			w->nest[w->depth].block = w->next_block;
			w->nest[w->depth++].last = prefix_number_of(&last);
		}
	}
	if (!w->depth)
		return NULL;
	if (w->nest[w->depth - 1].last < *border)
		*border = w->nest[w->depth - 1].last;
	return &s->block[w->nest[w->depth - 1].block];
}

/* Whose is at, up to *border? False: nobody's. */
static bool look(struct sweep *w, prefix_number at, struct export_entry *ret, prefix_number *border)
{
	struct export_entry e = { .block = look_blocks(w, at, border) };
	bool is_any = e.block != NULL;

	for (size_t i = 0; i < w->s->feeds; i++) {
		if (cursor_look(&w->feed[i], at, border)) {
			is_any = true;
			if (!e.feed)
				e.feed = w->s->feed[i];
		}
	}
	if (cursor_look(&w->holes, at, border) || !is_any)
		return false;
	if (e.block && !(e.block->flags & BLOCK_BY_FEED))
		e.feed = NULL;
	*ret = w->is_set ? (struct export_entry){ .block = NULL } : e;
	return true;
}

static bool give(void *ctx, const struct prefix *p)
{
	struct sweep *w = ctx;

	w->owner.prefix = *p;
	return w->fn(w->ctx, &w->owner);
}

static bool give_run(struct sweep *w)
{
	bool is_wanted = !w->has_run || prefix_run_each(w->run, w->f, give, w);

	w->has_run = false;
	return is_wanted;
}

/* False: fn wants no more. */
static bool add_run(struct sweep *w, prefix_number first, prefix_number last, const struct export_entry *owner)
{
	if (w->has_run && w->run.last + 1 == first && w->owner.block == owner->block && w->owner.feed == owner->feed) {
		w->run.last = last;
		return true;
	}
	if (!give_run(w))
		return false;
	w->has_run = true;
	w->run = (struct prefix_run6){ first, last };
	w->owner = *owner;
	return true;
}

static bool sweep_family(struct sweep *w)
{
	prefix_number end = w->f ? ~(prefix_number)0 : UINT32_MAX, border;

	for (prefix_number at = 0;; at = border + 1) {
		struct export_entry owner;

		border = end;
		if (look(w, at, &owner, &border) && !add_run(w, at, border, &owner))
			return false;
		if (border == end)
			return give_run(w);
	}
}

void export_list_each(const struct export_source *s, bool is_set, export_list_fn fn, void *ctx)
{
	for (unsigned f = 0; f < 2; f++) {
		struct sweep w = { .s = s, .f = f, .is_set = is_set, .fn = fn, .ctx = ctx };

		w.next_block = first_of_family(s, f);
		for (size_t i = 0; i < s->feeds; i++)
			cursor_begin(&w.feed[i], &s->feed[i]->set, f);
		cursor_begin(&w.holes, &s->holes, f);
		if (!sweep_family(&w))
			return;
	}
}
