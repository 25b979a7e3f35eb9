/*
 * engine_widen: blocks of wider networks (core/widen). A new block of a host
 * puts its networks on a short list; each second some of them are looked at,
 * once the store shows the block. Wide blocks in force are looked at again each
 * minute and end when their evidence is gone.
 * SPDX-License-Identifier: ISC
 */
#include "core/widen.h"

#include <stdio.h>

#include "role/engine.h"

#define LOOKS_A_SECOND 4
#define SCAN_MAX 4096 /* records of one network; beyond, the first of them speak for all */
#define AGAIN_S 60
#define RENEW_S 600 /* a later end by less than this is not worth a write */

struct look {
	struct engine *e;
	struct widen w;
	uint64_t now;
	unsigned seen;
};

static bool add_block(struct slice key, struct slice value, void *ctx)
{
	struct look *l = ctx;
	struct record_block b;

	(void)key;
	if (record_get_block(value, &b) == ERR_OK)
		widen_add(&l->w, &b, l->now);
	return ++l->seen < SCAN_MAX;
}

static bool add_ledger(struct slice key, struct slice value, void *ctx)
{
	struct look *l = ctx;
	struct record_ledger r;

	(void)key;
	if (record_get_ledger(value, &r) == ERR_OK && ledger_good(&r, l->now) > 0)
		widen_veto(&l->w);
	return !l->w.is_vetoed && ++l->seen < SCAN_MAX;
}

static bool gather(struct look *l)
{
	const struct prefix *n = &l->w.network;
	uint8_t bytes[RECORD_KEY];
	struct slice key = record_subject_key(n, bytes), head = slice_head(key, 1u + n->len / 8u);
	enum err err;

	if (allow_overlaps(&l->e->allow, n))
		widen_veto(&l->w);
	err = store_scan(l->e->store, TABLE_BLOCK, head, (struct slice){ 0 }, false, add_block, l);
	l->seen = 0;
	if (err == ERR_OK)
		err = store_scan(l->e->store, TABLE_LEDGER, head, (struct slice){ 0 }, false, add_ledger, l);
	return err == ERR_OK;
}

static void make_block(struct engine *e, struct engine_subject *s, const struct look *l, uint64_t until)
{
	const struct conf *c = &e->host->conf;
	struct record_block b = { .subject = s->prefix,
		.state = BLOCK_ACTIVE,
		.cause = CAUSE_WIDE,
		.offence = 1,
		.since = l->now,
		.until = until,
		.forget_at = until + c->block.forget_s,
		.trap_id = l->w.trap_id[0] };

	(void)case_id_make(engine_random(), b.case_id);
	slice_copy(SLICE_LIT("limetwig"), b.by, sizeof b.by);
	(void)snprintf(
		b.note, sizeof b.note, "%u of this network are blocked, for mail to several traps", l->w.subjects);
	if (engine_block_apply(e, s, &b, true) != ERR_OK)
		engine_alarm(e, "block", "block-full", "a block is not stored: table of blocks, disk or store full");
}

static void end_block(struct engine *e, struct engine_subject *s)
{
	uint64_t no_pardon = s->block.pardon_until;

	enum err err = engine_block_lift(e, s, "limetwig", "too few of this network are blocked now");

	s->block.pardon_until = no_pardon; /* nobody pardoned it: it may come again */
	if (err == ERR_OK)
		err = engine_subject_save_block(e, s);
	if (err != ERR_OK)
		engine_alarm(e, "block", "lift", "the end of a wide block is not stored: disk or store full");
}

/* Block, renew, leave or end. True: it is in force afterwards. */
static bool look_at(struct engine *e, const struct prefix *network, uint64_t now)
{
	struct look l = { .e = e, .now = now };
	struct engine_subject *s;
	uint64_t until = 0;
	bool is_active, is_due;

	widen_start(&l.w, network);
	if (!gather(&l) || !(s = engine_subject_get(e, network)))
		return true; /* not known: as it is, and looked at again */
	is_active = s->has_block && decide_block_is_active(&s->block, now);
	if (is_active && s->block.cause != CAUSE_WIDE)
		return false; /* a person's */
	is_due = e->host->conf.block.widen && widen_is_due(&l.w, now, &until);
	if (is_active && !is_due) {
		end_block(e, s);
		return false;
	}
	if (!is_due || (s->has_block && now < s->block.pardon_until))
		return false;
	if (!is_active) {
		make_block(e, s, &l, until);
	} else if (until > s->block.until + RENEW_S) {
		struct record_block b = s->block;

		b.until = until;
		b.forget_at = until + e->host->conf.block.forget_s;
		if (engine_block_apply(e, s, &b, false) != ERR_OK)
			engine_alarm(e, "block", "block-full", "a renewal is not stored: disk or store full");
	}
	return true;
}

/* ---- the two lists */

static bool is_listed(const struct engine_widen_list *l, const struct prefix *p)
{
	for (size_t i = 0; i < l->count; i++)
		if (prefix_eq(&l->network[i], p))
			return true;
	return false;
}

static void put(struct engine_widen_list *l, const struct prefix *p)
{
	if (l->count < ENGINE_WIDEN && !is_listed(l, p))
		l->network[l->count++] = *p;
}

void engine_widen_note(struct engine *e, const struct record_block *b, uint64_t ticket)
{
	struct prefix network[WIDEN_STEPS];
	unsigned n = 0;

	if (b->cause == CAUSE_WIDE)
		put(&e->wide, &b->subject);
	else if (b->cause == CAUSE_HIT && e->host->conf.block.widen)
		n = widen_networks(&b->subject, network);
	for (unsigned i = 0; i < n; i++)
		put(&e->to_widen, &network[i]);
	if (n)
		e->to_widen.ticket = ticket;
}

void engine_widen_tick(struct engine *e, uint64_t now)
{
	struct engine_widen_list *q = &e->to_widen, *w = &e->wide;

	for (unsigned i = 0; i < LOOKS_A_SECOND && q->count && q->ticket <= e->durable; i++) {
		struct prefix p = q->network[--q->count];

		if (look_at(e, &p, now))
			put(w, &p);
	}
	if (now < e->widen_again)
		return;
	e->widen_again = now + AGAIN_S;
	for (size_t i = 0; i < w->count;) {
		struct prefix p = w->network[i];

		if (look_at(e, &p, now))
			i++;
		else
			w->network[i] = w->network[--w->count];
	}
}
