/*
 * suggest: distinct networks and senders by their smallest hashes: exact below
 * KMV of them, an estimate above, the same memory for all.
 * SPDX-License-Identifier: ISC
 */
#include "core/suggest.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "core/address.h"

#define KMV 16
#define DAY_S 86400
#define SWEEP_SLOTS 4096
#define LOCAL 65 /* longest local part compared */

/* The KMV smallest of distinct values, sorted. */
struct distinct {
	uint32_t value[KMV];
	uint8_t n;
};

struct candidate {
	struct distinct networks, senders;
	uint32_t tries, nulls, days;
	uint64_t first, last;
	char text[]; /* canonical address */
};

struct live {
	uint64_t domain;  /* hash */
	uint64_t letters; /* which bytes the local part has: a bit each, folded */
	char *local;
	uint32_t n;
};

struct suggest {
	uint8_t key[SIPHASH_KEY];
	char delimiters[16];
	struct keymap candidates; /* struct candidate * */
	struct keymap known;      /* living addresses: uint8_t */
	struct keymap names;      /* normal form of their local parts, whatever the domain: uint8_t */
	struct live *live;
	size_t lives, room;
	bool is_sorted;
	uint64_t first, last, lost, live_lost;
	enum err failed;
};

struct suggest *suggest_new(const uint8_t key[SIPHASH_KEY], const char *delimiters)
{
	struct suggest *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	memcpy(s->key, key, SIPHASH_KEY);
	slice_copy(slice_str(delimiters), s->delimiters, sizeof s->delimiters);
	if (!strchr(s->delimiters, '+')) /* always: somebody wrote "name+list@" down elsewhere */
		(void)snprintf(s->delimiters, sizeof s->delimiters, "+%.14s", delimiters);
	keymap_init(&s->candidates, key, sizeof(struct candidate *), SUGGEST_CANDIDATES);
	keymap_init(&s->known, key, 1, SUGGEST_LIVE);
	keymap_init(&s->names, key, 1, 3 * (size_t)SUGGEST_LIVE);
	return s;
}

void suggest_free(struct suggest *s)
{
	struct candidate **c;
	size_t pos = 0;

	if (!s)
		return;
	while ((c = keymap_next(&s->candidates, &pos)))
		free(*c);
	for (size_t i = 0; i < s->lives; i++)
		free(s->live[i].local);
	free(s->live);
	keymap_done(&s->candidates);
	keymap_done(&s->known);
	keymap_done(&s->names);
	free(s);
}

/* ---- names that look alike */

/* Of the local part: without extension, dots, hyphens and underscores. */
static struct slice normal_form(const struct suggest *s, struct slice local, char to[LOCAL])
{
	size_t n = 0;

	for (size_t i = 0; i < local.n && n + 1 < LOCAL; i++) {
		if (i > 0 && strchr(s->delimiters, local.p[i]) && local.p[i] != '-' && local.p[i] != '.' && local.p[i])
			break;
		if (!strchr(".-_", local.p[i]) || !local.p[i])
			to[n++] = local.p[i];
	}
	if (n == 0 && local.n) /* nothing but dots: itself */
		to[n++] = local.p[0];
	return slice_of(to, n);
}

/* "huber.anna" for "anna.huber"; false: it has not two parts. */
static bool swap_parts(struct slice local, char to[LOCAL], struct slice *ret)
{
	size_t i = 0, behind;

	while (i < local.n && !strchr(".-_", local.p[i]))
		i++;
	if (i == 0 || i + 1 >= local.n || local.n >= LOCAL)
		return false;
	behind = local.n - i - 1;
	memcpy(to, local.p + i + 1, behind);
	to[behind] = '.';
	memcpy(to + behind + 1, local.p, i);
	*ret = slice_of(to, local.n);
	return true;
}

static uint64_t letters_of(struct slice s)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < s.n; i++)
		bits |= UINT64_C(1) << ((unsigned char)s.p[i] & 63);
	return bits;
}

static unsigned least3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned suggest_edits(struct slice a, struct slice b, unsigned most)
{
	unsigned row[3][LOCAL + 1], *before = row[0], *last = row[1], *now = row[2];

	if (a.n >= LOCAL || b.n >= LOCAL || (a.n > b.n ? a.n - b.n : b.n - a.n) > most)
		return most + 1;
	for (unsigned j = 0; j <= b.n; j++)
		last[j] = before[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned best = now[0] = i, *old = before;

		for (unsigned j = 1; j <= b.n; j++) {
			bool is_same = a.p[i - 1] == b.p[j - 1];

			now[j] = least3(last[j] + 1, now[j - 1] + 1, last[j - 1] + !is_same);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
				before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
			best = now[j] < best ? now[j] : best;
		}
		if (best > most)
			return most + 1;
		before = last;
		last = now;
		now = old;
	}
	return last[b.n] > most ? most + 1 : last[b.n];
}

/* ---- who lives */

static enum err name_add(struct suggest *s, struct slice local)
{
	char form[LOCAL];
	void *v;
	enum err e = keymap_put(&s->names, normal_form(s, local, form), &v, NULL);

	if (e == ERR_OK)
		*(uint8_t *)v = 1;
	return e == ERR_FULL ? ERR_OK : e;
}

static enum err live_append(struct suggest *s, const struct address *a)
{
	struct live *l;
	void *live = s->live;
	enum err e = array_grow(&live, s->lives, &s->room, sizeof *l, SUGGEST_LIVE);

	if (e != ERR_OK)
		return e;
	s->live = live;
	l = &s->live[s->lives];
	l->local = strndup(a->local.p, a->local.n);
	if (!l->local)
		return ERR_NOMEM;
	l->n = (uint32_t)a->local.n;
	l->domain = siphash64(s->key, a->domain);
	l->letters = letters_of(a->local);
	s->lives++;
	s->is_sorted = false;
	return ERR_OK;
}

enum err suggest_add_live(struct suggest *s, struct slice address)
{
	struct address a;
	bool is_new;
	void *v;
	enum err e;

	if (address_parse(address, &a) != ERR_OK || slice_eq(a.domain, SLICE_LIT("limetwig.invalid")))
		return ERR_OK;
	if (a.domain.n == 0)
		return a.text[0] ? name_add(s, slice_str(a.text)) : ERR_OK;
	e = keymap_put(&s->known, slice_str(a.text), &v, &is_new);
	if (e == ERR_FULL) {
		s->live_lost++;
		return ERR_OK;
	}
	if (e != ERR_OK || !is_new)
		return e;
	*(uint8_t *)v = 1;
	e = live_append(s, &a);
	return e == ERR_OK ? name_add(s, a.local) : e;
}

enum err suggest_line(struct suggest *s, const struct maillog_line *l)
{
	bool is_mailbox = l->agent == AGENT_LMTP || l->agent == AGENT_LOCAL || l->agent == AGENT_VIRTUAL ||
			  l->agent == AGENT_PIPE || slice_ends(l->service, SLICE_LIT("/relay"));
	enum err e = ERR_OK;

	if (l->kind != MAILLOG_DELIVERY || !l->is_sent || !is_mailbox || slice_ends(l->service, SLICE_LIT("/limetwig")))
		return ERR_OK;
	if (slice_ends(l->recipient, SLICE_LIT("limetwig.invalid")))
		return ERR_OK;
	if (l->recipient.n)
		e = suggest_add_live(s, l->recipient);
	return e == ERR_OK && l->orig_to.n ? suggest_add_live(s, l->orig_to) : e;
}

/* ---- who is tried */

static void distinct_add(struct distinct *d, uint32_t v)
{
	unsigned i = 0;

	while (i < d->n && d->value[i] < v)
		i++;
	if (i == KMV || (i < d->n && d->value[i] == v))
		return;
	if (d->n < KMV)
		d->n++;
	memmove(d->value + i + 1, d->value + i, (d->n - i - 1u) * sizeof *d->value);
	d->value[i] = v;
}

static uint32_t distinct_count(const struct distinct *d)
{
	double share;

	if (d->n < KMV)
		return d->n;
	share = ((double)d->value[KMV - 1] + 1) / 4294967296.0;
	return (uint32_t)((KMV - 1) / share);
}

static bool candidate_keep(void *value, void *ctx)
{
	struct candidate *c = *(struct candidate **)value;
	const struct suggest *s = ctx;

	if (c->networks.n > 1 || c->last + DAY_S > s->last)
		return true;
	free(c);
	return false;
}

static struct candidate *candidate_open(struct suggest *s, const char *text)
{
	struct slice key = slice_str(text);
	struct candidate **at = keymap_get(&s->candidates, key), *c;
	void *v;

	if (at)
		return *at;
	if (s->candidates.count == SUGGEST_CANDIDATES)
		(void)keymap_retain(&s->candidates, SWEEP_SLOTS, candidate_keep, s);
	c = calloc(1, sizeof *c + key.n + 1);
	if (!c || keymap_put(&s->candidates, key, &v, NULL) != ERR_OK) {
		free(c);
		s->lost++;
		return NULL;
	}
	slice_copy(key, c->text, key.n + 1);
	*(struct candidate **)v = c;
	return c;
}

static void tried(struct suggest *s, const struct replay_event *e)
{
	struct prefix net = prefix_of(&e->client, e->client.family == 4 ? 24 : 64);
	struct candidate *c;
	struct address a;

	if (e->is_ours || e->client.family == 0 || ipaddr_is_private(&e->client))
		return;
	if (address_parse(e->recipient, &a) != ERR_OK || a.domain.n == 0)
		return;
	c = candidate_open(s, a.text);
	if (!c)
		return;
	if (c->tries == 0 || e->time / DAY_S > c->last / DAY_S)
		c->days++;
	if (c->tries == 0)
		c->first = e->time;
	if (e->time > c->last)
		c->last = e->time;
	c->tries++;
	if (e->sender.n == 0) {
		c->nulls++;
		return;
	}
	distinct_add(&c->networks, (uint32_t)siphash64(s->key, slice_of(net.addr.b, sizeof net.addr.b)));
	distinct_add(&c->senders, (uint32_t)siphash64(s->key, e->sender));
}

void suggest_event(const struct replay_event *e, void *ctx)
{
	struct suggest *s = ctx;

	if (s->first == 0 || e->time < s->first)
		s->first = e->time;
	if (e->time > s->last)
		s->last = e->time;
	if ((e->type == REPLAY_TRY || (e->type == REPLAY_MAIL && e->is_bounced)) && e->is_unknown)
		tried(s, e);
	if (e->type == REPLAY_MAIL && e->mail->outcome == LOG_SUBMITTED && suggest_add_live(s, e->sender) != ERR_OK)
		s->failed = ERR_NOMEM;
}

/* ---- which are good */

static int live_order(const void *a, const void *b)
{
	const struct live *x = a, *y = b;

	return (x->domain > y->domain) - (x->domain < y->domain);
}

static int better(const void *a, const void *b)
{
	const struct suggest_item *x = a, *y = b;

	if (x->networks != y->networks)
		return x->networks < y->networks ? 1 : -1;
	if (x->tries != y->tries)
		return x->tries < y->tries ? 1 : -1;
	return strcmp(x->address, y->address); /* the same log gives the same list */
}

/* The first of this domain. */
static size_t live_find(const struct suggest *s, uint64_t domain)
{
	size_t low = 0, high = s->lives;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->live[mid].domain < domain)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool has_near_user(const struct suggest *s, const struct address *a)
{
	uint64_t domain = siphash64(s->key, a->domain), letters = letters_of(a->local);

	for (size_t i = live_find(s, domain); i < s->lives && s->live[i].domain == domain; i++) {
		const struct live *l = &s->live[i];

		/* an edit changes at most two of the letters there are */
		if (__builtin_popcountll(l->letters ^ letters) <= 2 * SUGGEST_EDITS &&
			suggest_edits(a->local, slice_of(l->local, l->n), SUGGEST_EDITS) <= SUGGEST_EDITS)
			return true;
	}
	return false;
}

static bool is_near(const struct suggest *s, const struct address *a)
{
	char form[LOCAL], swapped[LOCAL];
	struct slice other;

	if (keymap_get(&s->names, normal_form(s, a->local, form)))
		return true;
	if (swap_parts(a->local, swapped, &other) && keymap_get(&s->names, normal_form(s, other, form)))
		return true;
	return has_near_user(s, a);
}

static bool is_enough(const struct suggest *s, const struct candidate *c)
{
	uint32_t days = s->last - s->first > SUGGEST_LONG_S ? SUGGEST_DAYS : 1;

	return distinct_count(&c->networks) >= SUGGEST_NETWORKS && distinct_count(&c->senders) >= SUGGEST_SENDERS &&
	       c->days >= days;
}

/* An estimate is no more than there were tries. */
static uint32_t at_most(const struct distinct *d, uint32_t tries)
{
	uint32_t n = distinct_count(d);

	return n < tries ? n : tries;
}

/* All candidates that were tried enough, best first. */
static enum err collect(const struct suggest *s, struct suggest_found *f)
{
	struct candidate **c;
	size_t pos = 0;

	f->item = calloc(s->candidates.count + 1, sizeof *f->item);
	if (!f->item)
		return ERR_NOMEM;
	f->candidates = s->candidates.count;
	while ((c = keymap_next(&s->candidates, &pos))) {
		if (!is_enough(s, *c)) {
			f->too_few++;
			continue;
		}
		f->item[f->count++] = (struct suggest_item){ (*c)->text, at_most(&(*c)->networks, (*c)->tries),
			at_most(&(*c)->senders, (*c)->tries), (*c)->tries, (*c)->days, (*c)->first, (*c)->last };
	}
	qsort(f->item, f->count, sizeof *f->item, better);
	return ERR_OK;
}

static bool is_good(const struct suggest *s, const struct suggest_item *i, struct suggest_found *f)
{
	struct candidate **c = keymap_get(&s->candidates, slice_str(i->address));
	struct address a;

	if (!c || address_parse(slice_str(i->address), &a) != ERR_OK || address_is_role(&a))
		f->role++;
	else if (keymap_get(&s->known, slice_str(i->address)))
		f->live++;
	else if ((*c)->nulls > (*c)->tries / 2)
		f->bounces++;
	else if (is_near(s, &a))
		f->near++;
	else
		return true;
	return false;
}

enum err suggest_find(struct suggest *s, size_t limit, struct suggest_found *ret)
{
	struct suggest_found f = { .first = s->first, .last = s->last, .lost = s->lost, .live_lost = s->live_lost };
	size_t n = 0;
	enum err e = s->failed;

	if (e == ERR_OK && s->live_lost)
		e = ERR_LIMIT;
	if (e == ERR_OK)
		e = collect(s, &f);
	if (e != ERR_OK)
		return e;
	if (!s->is_sorted && s->lives)
		qsort(s->live, s->lives, sizeof *s->live, live_order);
	s->is_sorted = true;
	for (size_t i = 0; i < f.count && n < limit; i++)
		if (is_good(s, &f.item[i], &f))
			f.item[n++] = f.item[i];
	f.count = n;
	*ret = f;
	return ERR_OK;
}
