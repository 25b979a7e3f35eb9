/*
 * engine_block: blocks in force. The index answers the policy server, the
 * firewall role gets the ones that its layer takes, the record in the store
 * tells the story. Order: index and firewall first, then the disk.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_feed.h"
#include "role/engine_session.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "io/log.h"

#define SWEEP_HOMES 20000 /* index homes looked at each second: 1 M entries a minute */
#define RECHECK_MAX 1000  /* blocks lifted by the allow list in one stretch */
#define STRETCH 16000     /* index homes looked at between two rounds of the loop: some milliseconds */

/* ---- firewall role */

/* What the firewall role is not told now it learns by a full list, at a tick. */
static void fw_lost(struct engine *e)
{
	if (!e->is_fw_lost)
		log_warn("firewall", "text=\"change could not be sent, a full list follows\"");
	e->is_fw_lost = true;
}

static void fw_send(struct engine *e, const struct fw_op *op, size_t n)
{
	enum err err = ERR_NOMEM;
	struct msg_fw_ops *m;
	uint8_t *out;

	if (!e->host->link[ROLE_FIREWALL] || n == 0)
		return;
	m = malloc(sizeof *m);
	out = malloc(MESSAGE_MAX);
	if (m && out) {
		struct wr w = wr_init(out, MESSAGE_MAX);

		m->seq = ++e->fw_seq;
		m->count = (uint16_t)n;
		memcpy(m->op, op, n * sizeof *op);
		message_put_fw_ops(&w, MSG_FW_OPS, m);
		err = role_host_send(e->host, ROLE_FIREWALL, &w, NULL, 0);
	}
	if (err != ERR_OK)
		fw_lost(e);
	free(m);
	free(out);
}

static bool is_fw_wanted(const struct engine *e)
{
	return e->mode == MODE_FULL && !e->host->conf.is_off && e->host->conf.firewall.backend != FW_BACKEND_NONE;
}

bool engine_block_may_act(const struct engine *e, const struct prefix *p)
{
	return e->has_allow || subject_is_identity(p) || p->len == ipaddr_bits(&p->addr);
}

/* Tier never is a hole in everything: in the kernel a wider block would cover who is allowed inside it. */
static bool is_fw_able(const struct engine *e, const struct prefix *p)
{
	return engine_block_may_act(e, p) && !allow_overlaps(&e->allow, p) &&
	       !feed_view_allows_some(&e->feeds->view, p);
}

bool engine_block_in_firewall(const struct engine *e, const struct block_entry *b)
{
	return (b->flags & BLOCK_FIREWALL) && is_fw_wanted(e) && (e->fw.state == FW_OK || e->fw.state == FW_FULL) &&
	       is_fw_able(e, &b->subject);
}

static void fw_change(struct engine *e, const struct prefix *p, bool is_add, uint64_t until, const char *case_id)
{
	uint64_t now = clock_wall_s();
	struct fw_op op = { .is_add = is_add, .prefix = *p };

	memcpy(op.case_id, case_id, strnlen(case_id, sizeof op.case_id - 1));

	if (is_add && (until <= now || !is_fw_wanted(e) || !is_fw_able(e, p)))
		return;
	op.ttl_s = is_add ? (uint32_t)(until - now) : 0;
	fw_send(e, &op, 1);
}

static void fw_phase(struct engine *e, uint8_t phase)
{
	uint8_t out[32];
	struct wr w = wr_init(out, sizeof out);

	message_put_fw_sync(&w, MSG_FW_SYNC, &(struct msg_fw_sync){ phase });
	if (role_host_send(e->host, ROLE_FIREWALL, &w, NULL, 0) != ERR_OK)
		fw_lost(e);
}

struct fw_list {
	struct engine *e;
	uint64_t now;
	size_t count;
	struct fw_op op[MESSAGE_FW_OPS];
};

/* Does the firewall layer take a block with these flags? refused_hour: refusals of the last hour. */
static bool is_fw_due(const struct engine *e, uint8_t flags, uint32_t offence, uint32_t refused_hour)
{
	return !(flags & BLOCK_NO_FIREWALL) && decide_firewall(&e->host->conf, e->mode, offence, refused_hour);
}

/* Mode or configuration may have changed which blocks the firewall layer takes. */
static bool fw_takes(struct engine *e, const struct block_entry *b)
{
	if (!(b->flags & BLOCK_FIREWALL)) {
		if (!is_fw_due(e, b->flags, b->offence, 0))
			return false;
		block_index_mark(&e->blocks, &b->subject, BLOCK_FIREWALL);
	}
	return is_fw_able(e, &b->subject);
}

static void fw_collect(const struct block_entry *b, void *ctx)
{
	struct fw_list *l = ctx;

	if (b->until <= l->now || !fw_takes(l->e, b))
		return;
	l->op[l->count] = (struct fw_op){ true, b->subject, (uint32_t)(b->until - l->now), "" };
	memcpy(l->op[l->count++].case_id, b->case_id, sizeof b->case_id);
	if (l->count == MESSAGE_FW_OPS) {
		fw_send(l->e, l->op, l->count);
		l->count = 0;
	}
}

/* One stretch of a full list. True: there is more. */
static bool fw_sync_some(struct engine *e, const struct channel *c)
{
	struct fw_list l = { .e = e, .now = clock_wall_s() };
	bool is_more = true;

	engine_clock_note(e);
	for (unsigned i = 0; is_more && i < STRETCH / MESSAGE_FW_OPS && channel_queued(c) < CHANNEL_QUEUE / 4; i++) {
		is_more = block_index_walk(&e->blocks, &e->fw_sync_at, MESSAGE_FW_OPS, fw_collect, &l);
		fw_send(e, l.op, l.count);
		l.count = 0;
	}
	return is_more;
}

static void job_later(struct engine *e);

/* Goes on when the channel has run empty, and queries have been answered meanwhile. */
static void fw_sync_step(void *ctx)
{
	struct engine *e = ctx;
	struct channel *c = e->host->link[ROLE_FIREWALL];

	if (!c || !e->is_fw_syncing)
		return;
	/* where the layer is not used the list is empty */
	if (!is_fw_wanted(e) || !fw_sync_some(e, c)) {
		e->is_fw_syncing = false;
		if (!e->is_fw_lost) /* else what the list lacks would be taken away: the next one is whole */
			fw_phase(e, 2);
	} else if (channel_queued(c) >= CHANNEL_QUEUE / 4) {
		channel_on_drain(c, fw_sync_step, e);
	} else {
		job_later(e);
	}
}

void engine_block_sync(struct engine *e)
{
	e->is_fw_lost = false; /* the list holds what was lost */
	if (!e->host->link[ROLE_FIREWALL])
		return;
	e->fw_sync_at = 0;
	e->is_fw_syncing = true;
	fw_phase(e, 1);
	fw_sync_step(e);
}

/* ---- index */

static uint8_t cause_flags(const struct engine *e, const struct record_block *b)
{
	switch ((enum cause_kind)b->cause) {
	case CAUSE_PERSON:
		return BLOCK_BY_PERSON;
	case CAUSE_WIDE:
		return BLOCK_BY_WIDE;
	case CAUSE_FEED:
		return BLOCK_BY_FEED | engine_feed_flags(e, b->tag);
	case CAUSE_HIT:
	default:
		return 0;
	}
}

static enum err index_put(struct engine *e, const struct record_block *b, uint8_t flags)
{
	struct block_entry entry = {
		.subject = b->subject,
		.until = (uint32_t)b->until,
		.offence = (uint16_t)(b->offence < UINT16_MAX ? b->offence : UINT16_MAX),
		.code = decide_reply_code(&e->host->conf, (enum cause_kind)b->cause, b->offence),
		.flags = flags,
		.feed = b->cause == CAUSE_FEED ? engine_feed_speaker(e, b->tag) : 0,
	};
	enum err err;

	memcpy(entry.case_id, b->case_id, sizeof entry.case_id);
	err = block_index_put(&e->blocks, &entry);
	engine_share_changed(e);
	return err;
}

struct load {
	struct engine *e;
	uint64_t now;
	uint64_t bad;
	enum err err;
	struct record_block block; /* one for all: a million of them are not cleared first */
};

static bool load_block(struct slice key, struct slice value, void *ctx)
{
	struct load *l = ctx;
	struct record_block *b = &l->block;
	uint8_t flags;

	if (record_get_block_head(value, b) != ERR_OK ||
		(b->cause == CAUSE_FEED && record_get_block(value, b) != ERR_OK)) {
		l->bad++;
		return true;
	}
	if (decide_block_is_held(b, l->now))
		engine_breaker_loaded(l->e, b);
	if (!decide_block_is_active(b, l->now))
		return true;
	if (b->since > l->now)
		(void)engine_clock_tame(l->e, key, value, l->now, &b->until);
	flags = cause_flags(l->e, b);
	if (is_fw_due(l->e, flags, b->offence, b->last_refusal + 3600 > l->now ? b->refusals : 0))
		flags |= BLOCK_FIREWALL;
	l->err = index_put(l->e, b, flags);
	if (b->cause == CAUSE_WIDE)
		engine_widen_note(l->e, b, 0);
	return l->err == ERR_OK;
}

enum err engine_block_load(struct engine *e)
{
	struct load l = { .e = e, .now = clock_wall_s(), .err = ERR_OK };
	enum err err;

	engine_clock_note(e); /* of now, not of when the last of them has been read */
	err = store_scan(e->store, TABLE_BLOCK, (struct slice){ 0 }, (struct slice){ 0 }, false, load_block, &l);
	if (l.bad)
		log_alarm("store", "table=blocks unreadable=%llu text=\"run limetwig db check\"",
			(unsigned long long)l.bad);
	if (l.err == ERR_FULL) {
		log_alarm("block", "text=\"more stored blocks than block max-blocks: the rest is not in force\"");
		l.err = ERR_OK;
	}
	return err == ERR_OK ? l.err : err;
}

static void log_block(struct engine *e, const struct record_block *b, const char *event, bool is_firewall)
{
	char subject[ENGINE_SUBJECT_TEXT], name[128], note[160];

	(void)engine_subject_text(e, b, subject);
	(void)escape_text(slice_str(b->name), name, sizeof name);
	(void)escape_text(slice_str(b->note), note, sizeof note);
	log_info(event,
		"case=%s subject=\"%s\" name=\"%s\" offence=%u until=%llu trap=T-%u by=%s mode=%s firewall=%d "
		"note=\"%s\"",
		b->case_id, subject, name, b->offence, (unsigned long long)b->until, b->trap_id, b->by,
		mode_name(e->mode), is_firewall, note);
	engine_watch(e, event, "case=%s subject=\"%s\" name=\"%s\" offence=%u until=%llu trap=T-%u firewall=%d",
		b->case_id, subject, name, b->offence, (unsigned long long)b->until, b->trap_id, is_firewall);
}

enum err engine_block_apply(struct engine *e, struct engine_subject *s, const struct record_block *b, bool is_new)
{
	struct block_entry old;
	uint8_t flags = cause_flags(e, b);
	bool is_firewall = is_fw_due(e, flags, b->offence, 0);
	enum err err;

	if (b->state == BLOCK_HELD)
		return engine_breaker_hold(e, s, b, is_new);
	engine_clock_note(e);
	if (!is_new && block_index_get(&e->blocks, &b->subject, &old) && (old.flags & BLOCK_FIREWALL))
		is_firewall = true;
	err = index_put(e, b, flags | (is_firewall ? BLOCK_FIREWALL : 0));
	if (err != ERR_OK)
		return err;
	if (is_firewall)
		fw_change(e, &b->subject, true, b->until, b->case_id);
	s->block = *b;
	s->has_block = true;
	engine_breaker_forget(e, &b->subject);
	log_block(e, b, is_new ? "block" : "renew", is_firewall);
	err = engine_subject_save_block(e, s);
	if (is_new)
		engine_widen_note(e, b, s->ticket);
	return err;
}

/* no_pardon: nobody forgave him, he may be blocked again at once. */
static enum err lift(struct engine *e, struct engine_subject *s, const char *by, const char *note, bool no_pardon)
{
	struct block_entry entry;
	uint64_t pardon_until = s->block.pardon_until;

	if (block_index_get(&e->blocks, &s->prefix, &entry)) {
		(void)block_index_del(&e->blocks, &s->prefix);
		if (entry.flags & BLOCK_FIREWALL)
			fw_change(e, &s->prefix, false, 0, "");
	}
	engine_breaker_forget(e, &s->prefix);
	if (!s->has_block)
		return ERR_NOTFOUND;
	decide_lift(&e->host->conf, &s->block, clock_wall_s());
	if (no_pardon)
		s->block.pardon_until = pardon_until;
	slice_copy(slice_str(by), s->block.by, sizeof s->block.by);
	slice_copy(slice_str(note), s->block.note, sizeof s->block.note);
	log_block(e, &s->block, "lift", false);
	return engine_subject_save_block(e, s);
}

enum err engine_block_lift(struct engine *e, struct engine_subject *s, const char *by, const char *note)
{
	return lift(e, s, by, note, false);
}

enum err engine_block_end(struct engine *e, struct engine_subject *s, const char *by, const char *note)
{
	return lift(e, s, by, note, true);
}

void engine_block_reflag(struct engine *e, const struct engine_subject *s)
{
	uint8_t flags = cause_flags(e, &s->block);
	struct block_entry old;
	bool is_firewall;

	if (!block_index_get(&e->blocks, &s->prefix, &old))
		return;
	is_firewall = (old.flags & BLOCK_FIREWALL) && !(flags & BLOCK_NO_FIREWALL);
	if (index_put(e, &s->block, flags | (is_firewall ? BLOCK_FIREWALL : 0)) != ERR_OK)
		return; /* not for an entry that is there */
	if ((old.flags & BLOCK_FIREWALL) && !is_firewall)
		fw_change(e, &s->prefix, false, 0, "");
}

void engine_block_take_to_firewall(struct engine *e, const struct block_entry *b, uint32_t refused_hour)
{
	struct block_entry entry;

	if ((b->flags & BLOCK_FIREWALL) || !is_fw_due(e, b->flags, b->offence, refused_hour))
		return;
	engine_clock_note(e);
	block_index_mark(&e->blocks, &b->subject, BLOCK_FIREWALL);
	if (block_index_get(&e->blocks, &b->subject, &entry)) /* it may run longer by now than b says */
		fw_change(e, &b->subject, true, entry.until, entry.case_id);
}

/* ---- housekeeping */

static void log_expired(const struct block_entry *b, void *ctx)
{
	char subject[ENGINE_SUBJECT_TEXT];
	const struct engine_subject *s = subject_is_identity(&b->subject) ? engine_subject_get(ctx, &b->subject) : NULL;

	if (s && s->has_block)
		(void)engine_subject_text(ctx, &s->block, subject);
	else
		(void)prefix_format(&b->subject, subject);
	log_info("expire", "case=%s subject=\"%s\" offence=%u", b->case_id, subject, b->offence);
	engine_watch(ctx, "expire", "case=%s subject=\"%s\"", b->case_id, subject);
}

void engine_block_tick(struct engine *e, uint64_t now)
{
	(void)block_index_sweep(&e->blocks, now, SWEEP_HOMES, log_expired, e);
	if (e->is_rechecking)
		job_later(e); /* where there was no memory for its timer */
	if (e->is_fw_lost && e->host->link[ROLE_FIREWALL] &&
		channel_queued(e->host->link[ROLE_FIREWALL]) < CHANNEL_QUEUE / 4)
		engine_block_sync(e);
}

struct recheck {
	struct engine *e;
	size_t count;
	struct prefix subject[RECHECK_MAX];
};

bool engine_block_is_allowed(const struct engine *e, const struct prefix *p)
{
	struct gate_view v = engine_gate_view(e);
	struct ipaddr last = prefix_last(p);

	return gate_origin_of(&v, &p->addr) != GATE_FOREIGN && gate_origin_of(&v, &last) != GATE_FOREIGN;
}

static void collect_allowed(const struct block_entry *b, void *ctx)
{
	struct recheck *r = ctx;

	if (r->count < RECHECK_MAX && !subject_is_identity(&b->subject) && engine_block_is_allowed(r->e, &b->subject))
		r->subject[r->count++] = b->subject;
}

static void lift_allowed(struct engine *e, const struct prefix *p)
{
	struct engine_subject *s = engine_subject_get(e, p);

	if (!s)
		(void)block_index_del(&e->blocks, p);
	else if (engine_block_lift(e, s, "limetwig", "is on the allow list now") != ERR_OK)
		log_warn("block", "text=\"lifted by the allow list, not stored\"");
}

/* One stretch; the same again where more are to be lifted than were noted: those leave the index. */
static void recheck_step(struct engine *e)
{
	struct recheck *r = calloc(1, sizeof *r);
	uint64_t at = e->recheck_at;

	if (r) {
		r->e = e;
		e->is_rechecking = block_index_walk(&e->blocks, &at, STRETCH, collect_allowed, r);
		for (size_t i = 0; i < r->count; i++)
			lift_allowed(e, &r->subject[i]);
		if (r->count == RECHECK_MAX)
			e->is_rechecking = true;
		else
			e->recheck_at = at;
	}
	free(r);
	if (e->is_rechecking)
		job_later(e);
	else
		engine_block_sync(e);
}

static void on_job(void *ctx)
{
	struct engine *e = ctx;

	loop_remove(e->block_job);
	e->block_job = NULL;
	if (e->is_rechecking)
		recheck_step(e); /* a list follows at its end */
	else
		fw_sync_step(e);
}

static void job_later(struct engine *e)
{
	if (!e->block_job)
		e->block_job = loop_after(e->host->loop, 0, on_job, e);
	if (e->block_job)
		return;
	log_alarm("block", "text=\"no memory to go on with the firewall's list: again in a second\"");
	e->is_fw_lost = true;
}

void engine_block_recheck(struct engine *e)
{
	e->recheck_at = 0;
	e->is_rechecking = true;
	recheck_step(e);
}
