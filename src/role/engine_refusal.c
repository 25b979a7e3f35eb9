/*
 * engine_refusal: recipients refused (in monitor: that would be). Each is counted
 * with its block; a bounded number leave a record and a line of their own. The
 * counts reach the blocks' records at a tick.
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"
#include "io/log.h"
#include "role/engine.h"

#define FLUSH_SLOTS 4096      /* subjects with refusals looked at each second */
#define REFUSALS_AN_HOUR 50   /* full records per subject; beyond only counted */
#define REFUSALS_A_SECOND 200 /* full records of all subjects together: a botnet does not fill the store */

void engine_refusal_record(struct engine *e, const struct record_refusal *r)
{
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);

	record_put_refusal(&w, r);
	if (!w.bad)
		(void)store_put(e->store, TABLE_REFUSAL, record_time_key(r->time, e->sequence++, key), wr_slice(&w));
}

static void log_refusal(struct engine *e, const struct record_refusal *r)
{
	char client[IPADDR_TEXT], sender[160], recipient[160];

	(void)ipaddr_format(&r->client, client);
	(void)engine_hide_escaped(e, r->sender, sender, sizeof sender);
	(void)engine_hide_escaped(e, r->recipient, recipient, sizeof recipient);
	log_info(r->is_would ? "would-refuse" : "refuse", "case=%s client=%s code=%u from=\"%s\" to=\"%s\"", r->case_id,
		client, r->code, sender, recipient);
	engine_watch(e, r->is_would ? "would-refuse" : "refuse", "case=%s client=%s code=%u from=\"%s\" to=\"%s\"",
		r->case_id, client, r->code, sender, recipient);
}

/* Beyond the rate refusals go on and are counted, but leave no record of their own. */
static bool may_record(struct engine *e, uint64_t now)
{
	if (e->refusal_second != now) {
		if (e->refusals_in_second > REFUSALS_A_SECOND)
			log_info("refuse", "unrecorded=%u", e->refusals_in_second - REFUSALS_A_SECOND);
		e->refusal_second = now;
		e->refusals_in_second = 0;
	}
	return ++e->refusals_in_second <= REFUSALS_A_SECOND;
}

static void note_refusal(
	struct engine *e, const struct gate_result *g, const struct policy_request *q, bool is_would, uint64_t now)
{
	bool is_hidden = !e->traps || trap_table_find(e->traps, &g->recipient);
	struct record_refusal r = { .time = now, .client = g->client, .code = g->block.code, .is_would = is_would };

	memcpy(r.case_id, g->block.case_id, sizeof r.case_id);
	slice_copy(q->client_name, r.name, sizeof r.name);
	slice_copy(q->sender, r.sender, sizeof r.sender);
	slice_copy(is_hidden ? SLICE_LIT("") : q->recipient, r.recipient, sizeof r.recipient);
	engine_refusal_record(e, &r);
	log_refusal(e, &r);
}

void engine_refusal_note(struct engine *e, const struct gate_result *g, const struct policy_request *q, bool is_would)
{
	uint64_t now = clock_wall_s(), mono = engine_mono_s();
	uint8_t key[RECORD_KEY];
	struct engine_refused *x;
	struct prefix host = engine_subject_of(e, &g->client); /* the block may be a wider one */
	bool is_good = engine_good(e, &g->block.subject, now) > 0 ||
		       (!subject_is_identity(&g->block.subject) && engine_good(e, &host, now) > 0);
	void *v;

	engine_count(e, is_would ? COUNT_WOULD_REFUSE : COUNT_REFUSED, now);
	if (is_good)
		engine_count(e, COUNT_GOOD_REFUSED, now);
	if (keymap_put(&e->refused, record_subject_key(&g->block.subject, key), &v, NULL) != ERR_OK)
		return;
	x = v;
	x->prefix = g->block.subject;
	if (!x->hour_start || mono >= x->hour_start + 3600) {
		x->hour_start = mono;
		x->hour_count = 0;
	}
	x->unsaved++;
	x->hour_count++;
	x->last = now;
	engine_block_take_to_firewall(e, &g->block, x->hour_count);
	if (x->hour_count > REFUSALS_AN_HOUR || (!may_record(e, now) && !is_good))
		return;
	note_refusal(e, g, q, is_would, now);
}

/* ---- to the store */

struct flush {
	struct engine *e;
	uint64_t now;
};

static bool keep_refused(void *value, void *ctx)
{
	struct engine_refused *x = value;
	const struct flush *f = ctx;

	if (x->unsaved || x->answered) {
		struct engine_subject *s = engine_subject_get(f->e, &x->prefix);

		if (s && s->has_block) {
			s->block.refusals += x->unsaved;
			s->block.last_refusal = x->unsaved ? x->last : s->block.last_refusal;
			s->block.answered += x->answered;
			s->block.held_s += x->held_s;
			if (engine_subject_save_block(f->e, s) != ERR_OK)
				f->e->is_block_unsaved = true; /* it will be */
			x->unsaved = x->answered = x->held_s = 0;
		} else if (s) {
			x->unsaved = x->answered = x->held_s = 0;
		}
	}
	/* last can be of a clock that was ahead */
	return x->unsaved || x->answered || (x->last + 3600 > f->now && x->last < f->now + 3600);
}

void engine_refusal_flush(struct engine *e)
{
	struct flush f = { e, clock_wall_s() };

	(void)keymap_retain(&e->refused, 0, keep_refused, &f);
}

void engine_refusal_tick(struct engine *e, uint64_t now)
{
	struct flush f = { e, now };

	(void)keymap_retain(&e->refused, FLUSH_SLOTS, keep_refused, &f);
}
