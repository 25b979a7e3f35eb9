/*
 * maillog_entry: entries live on the heap, so that lists and map can point to them.
 * SPDX-License-Identifier: ISC
 */
#include "core/maillog_entry.h"
#include "core/maillog_join.h"

#include <stdlib.h>

#define DROPS 4 /* of each list at one time: more than one line can add */

void maillog_entry_init(struct maillog_entries *t, const uint8_t key[SIPHASH_KEY], size_t cap)
{
	*t = (struct maillog_entries){ .cap = cap };
	keymap_init(&t->by_id, key, sizeof(struct maillog_entry *), cap);
	TAILQ_INIT(&t->active);
	TAILQ_INIT(&t->done);
}

static void texts_clear(struct maillog_entry *e)
{
	free(e->name);
	free(e->sender);
	free(e->login);
	e->name = e->sender = e->login = NULL;
}

void maillog_entry_done(struct maillog_entries *t)
{
	size_t pos = 0;
	struct maillog_entry **e;

	while ((e = keymap_next(&t->by_id, &pos))) {
		texts_clear(*e);
		free(*e);
	}
	keymap_done(&t->by_id);
}

/* By the end of the queue id. */
static size_t recent_place(struct slice id)
{
	size_t place = 0;

	for (size_t i = id.n > 8 ? id.n - 8 : 0; i < id.n; i++)
		place = place * 5 + (unsigned char)id.p[i];
	return place % MAILLOG_RECENT;
}

struct maillog_entry *maillog_entry_find(const struct maillog_entries *t, struct slice id)
{
	struct maillog_entry *recent, **e;

	if (id.n == 0)
		return NULL;
	recent = t->recent[recent_place(id)];
	if (recent && id.n < MAILLOG_QUEUE_ID && recent->queue_id[id.n] == '\0' &&
		memcmp(recent->queue_id, id.p, id.n) == 0)
		return recent;
	e = keymap_get(&t->by_id, id);
	return e ? *e : NULL;
}

static void unlist(struct maillog_entries *t, struct maillog_entry *e)
{
	if (e->is_done)
		TAILQ_REMOVE(&t->done, e, by_age);
	else
		TAILQ_REMOVE(&t->active, e, by_age);
}

/* At the end of the list that it belongs to. */
static void list(struct maillog_entries *t, struct maillog_entry *e)
{
	e->touched = t->now;
	e->is_done = e->is_removed && e->children == 0;
	if (e->is_done)
		TAILQ_INSERT_TAIL(&t->done, e, by_age);
	else
		TAILQ_INSERT_TAIL(&t->active, e, by_age);
}

static void touch(struct maillog_entries *t, struct maillog_entry *e)
{
	unlist(t, e);
	list(t, e);
}

struct maillog_entry *maillog_entry_parent(const struct maillog_entries *t, const struct maillog_entry *e)
{
	struct maillog_entry *p = maillog_entry_find(t, slice_str(e->parent));

	return p && p->serial == e->parent_serial ? p : NULL;
}

static void parent_leave(struct maillog_entries *t, struct maillog_entry *e)
{
	struct maillog_entry *p = maillog_entry_find(t, slice_str(e->parent));

	e->parent[0] = '\0';
	if (!p || p->serial != e->parent_serial || p->children == 0)
		return;
	p->children--;
	if (p->is_removed && p->children == 0)
		touch(t, p);
}

static void drop(struct maillog_entries *t, struct maillog_entry *e)
{
	struct maillog_entry **recent = &t->recent[recent_place(slice_str(e->queue_id))];

	if (*recent == e)
		*recent = NULL;
	parent_leave(t, e);
	unlist(t, e);
	(void)keymap_del(&t->by_id, slice_str(e->queue_id));
	texts_clear(e);
	free(e);
}

struct maillog_entry *maillog_entry_add(struct maillog_entries *t, struct slice id)
{
	struct maillog_entry *e = maillog_entry_find(t, id), *oldest;
	void *slot;

	if (e) {
		t->recent[recent_place(id)] = e;
		touch(t, e);
		return e;
	}
	if (t->by_id.count >= t->cap) {
		oldest = TAILQ_FIRST(&t->done) ? TAILQ_FIRST(&t->done) : TAILQ_FIRST(&t->active);
		drop(t, oldest);
	}
	e = malloc(sizeof *e);
	if (!e)
		return NULL;
	*e = (struct maillog_entry){ .serial = t->serial + 1 };
	if (keymap_put(&t->by_id, id, &slot, NULL) != ERR_OK) {
		free(e);
		return NULL;
	}
	*(struct maillog_entry **)slot = e;
	slice_copy(id, e->queue_id, sizeof e->queue_id);
	t->serial = e->serial;
	t->recent[recent_place(id)] = e;
	list(t, e);
	return e;
}

void maillog_entry_renew(struct maillog_entries *t, struct maillog_entry *e)
{
	parent_leave(t, e);
	unlist(t, e);
	texts_clear(e);
	e->serial = ++t->serial;
	e->mid = 0;
	e->children = 0;
	e->client = (struct ipaddr){ 0 };
	e->has_client = e->is_again = e->is_local = e->is_refused = e->is_spam = e->has_trap = e->is_removed = false;
	e->is_login_told = e->is_told = false;
	list(t, e);
}

void maillog_entry_remove(struct maillog_entries *t, struct maillog_entry *e)
{
	unlist(t, e);
	e->is_removed = true;
	list(t, e);
}

enum err maillog_entry_link(struct maillog_entries *t, struct slice child, struct slice parent)
{
	struct maillog_entry *p = maillog_entry_add(t, parent), *c = p ? maillog_entry_add(t, child) : NULL;

	if (!c)
		return ERR_NOMEM;
	p = maillog_entry_find(t, parent); /* at the cap, the child may have taken its place */
	if (!p || c == p || c->parent[0])
		return ERR_OK;
	slice_copy(parent, c->parent, sizeof c->parent);
	c->parent_serial = p->serial;
	p->children++;
	touch(t, p);
	return ERR_OK;
}

void maillog_entry_advance(struct maillog_entries *t, uint64_t now)
{
	if (now > t->now)
		t->now = now;
}

void maillog_entry_set_back(struct maillog_entries *t, uint64_t now)
{
	struct maillog_entry_list *const list[] = { &t->active, &t->done };
	struct maillog_entry *e;

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
		for (e = TAILQ_FIRST(list[i]); e; e = TAILQ_NEXT(e, by_age))
			if (e->touched > now)
				e->touched = now;
	if (t->now > now)
		t->now = now;
}

void maillog_entry_expire(struct maillog_entries *t)
{
	struct maillog_entry *e;

	for (int i = 0; i < DROPS && (e = TAILQ_FIRST(&t->done)) && e->touched + JOIN_LINGER_S < t->now; i++)
		drop(t, e);
	for (int i = 0; i < DROPS && (e = TAILQ_FIRST(&t->active)) && e->touched + JOIN_EXPIRE_S < t->now; i++)
		drop(t, e);
}
