/*
 * engine_widen: blocks of wider networks, and of a sender's whole domain at a
 * shared provider (core/widen). A new block of a host puts its networks on a
 * short list, that of a sender itself: its record tells the domain. Each second
 * some of them are looked at, once the store shows the block. Wide blocks in force are looked at again each
 * minute and end when their evidence is gone.
 * SPDX-License-Identifier: ISC
 */
#include "core/widen.h"

#include <stdio.h>

#include "core/address.h"
#include "io/public_suffix.h"
#include "role/engine_feed.h"

#define LOOKS_A_SECOND 4
#define SCAN_MAX 4096         /* records of one network; beyond, the first of them speak for all */
#define SCAN_IDENTITIES 16384 /* all identities are looked through for those of a domain: some milliseconds */
#define AGAIN_S 60
#define RENEW_S 600 /* a later end by less than this is not worth a write */

struct look {
	struct engine *e;
	struct widen w;
	uint64_t now;
	unsigned seen, most;
};

static bool add_block(struct slice key, struct slice value, void *ctx)
{
	struct look *l = ctx;
	struct record_block b;

	(void)key;
	if (record_get_block(value, &b) == ERR_OK)
		widen_add(&l->w, &b, l->now);
	return ++l->seen < l->most;
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

static bool gather_domain(struct look *l)
{
	const struct prefix all = subject_identities();
	uint8_t bytes[RECORD_KEY];
	struct slice head = slice_head(record_subject_key(&all, bytes), 1u + all.len / 8u);

	if (allow_is_freemail(&l->e->allow, slice_str(l->w.domain)) || public_suffix_is(l->w.domain) ||
		engine_good(l->e, &l->w.network, l->now) > 0)
		widen_veto(&l->w);
	l->most = SCAN_IDENTITIES;
	return store_scan(l->e->store, TABLE_BLOCK, head, (struct slice){ 0 }, false, add_block, l) == ERR_OK;
}

static bool gather(struct look *l)
{
	const struct prefix *n = &l->w.network;
	uint8_t bytes[RECORD_KEY];
	struct slice key = record_subject_key(n, bytes), head = slice_head(key, 1u + n->len / 8u);
	enum err err;

	l->most = SCAN_MAX;
	if (allow_overlaps(&l->e->allow, n) || feed_view_allows_some(&l->e->feeds->view, n))
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
	if (l->w.label[0]) {
		slice_copy(slice_str(l->w.label), b.name, sizeof b.name);
		(void)snprintf(b.sender, sizeof b.sender, "@%s", l->w.domain);
	}
	(void)snprintf(b.note, sizeof b.note, "%u %s are blocked, for mail to several traps", l->w.subjects,
		l->w.label[0] ? "senders of this domain" : "of this network");
	if (engine_block_apply(e, s, &b, true) != ERR_OK)
		engine_alarm(e, "block", "block-full", "a block is not stored: table of blocks, disk or store full");
}

static void end_block(struct engine *e, struct engine_subject *s)
{
	if (engine_block_end(e, s, "limetwig", "too few of them are blocked now, or they send good mail") != ERR_OK)
		engine_alarm(e, "block", "lift", "the end of a wide block is not stored: disk or store full");
}

/* What to look at: p itself, or the domain that the block of identity p tells. False: of no use. */
static bool start(struct engine *e, const struct prefix *p, struct widen *w)
{
	const struct engine_subject *s = subject_is_identity(p) ? engine_subject_get(e, p) : NULL;
	struct prefix domain;

	if (!subject_is_identity(p)) {
		widen_start(w, p);
		return true;
	}
	return s && s->has_block &&
	       subject_of_domain(e->digest_key, slice_str(s->block.name), slice_str(s->block.sender), &domain) ==
		       ERR_OK &&
	       widen_start_domain(w, &domain, s->block.name, s->block.sender) == ERR_OK;
}

/* Block, renew, leave or end; *p: of what. True: it is in force afterwards. */
static bool look_at(struct engine *e, struct prefix *p, uint64_t now)
{
	struct look l = { .e = e, .now = now };
	struct engine_subject *s;
	uint64_t until = 0;
	bool is_active, is_due;

	if (!start(e, p, &l.w))
		return false;
	*p = l.w.network;
	if (!(l.w.label[0] ? gather_domain(&l) : gather(&l)) || !(s = engine_subject_get(e, p)))
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
	if (b->cause == CAUSE_HIT && e->host->conf.block.widen && subject_is_identity(&b->subject)) {
		put(&e->to_widen, &b->subject);
		n = 1;
	}
	if (n)
		e->to_widen.ticket = ticket;
}

void engine_widen_tick(struct engine *e, uint64_t now)
{
	struct engine_widen_list *q = &e->to_widen, *w = &e->wide;
	uint64_t mono = engine_mono_s();

	for (unsigned i = 0; i < LOOKS_A_SECOND && q->count && q->ticket <= e->durable; i++) {
		struct prefix p = q->network[--q->count];

		if (look_at(e, &p, now))
			put(w, &p);
		if (subject_is_identity(&p))
			break; /* one such look a second */
	}
	if (w->at == 0 && mono < e->widen_again)
		return;
	if (w->at == 0)
		e->widen_again = mono + AGAIN_S;
	for (unsigned i = 0; i < LOOKS_A_SECOND && w->at < w->count; i++) {
		struct prefix p = w->network[w->at];

		if (look_at(e, &p, now))
			w->at++;
		else
			w->network[w->at] = w->network[--w->count];
		if (subject_is_identity(&p))
			break;
	}
	if (w->at >= w->count)
		w->at = 0;
}
