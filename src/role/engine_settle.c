/*
 * engine_settle: how bad a hit is says core/decide. The block goes to the
 * layers before the disk; records follow.
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"
#include "core/host_name.h"
#include "core/score.h"
#include "io/log.h"
#include "role/engine_feed.h"
#include "role/engine_hit.h"

uint64_t engine_settle_digest(const struct engine *e, const struct engine_who *who, const char *sender,
	uint32_t trap_id, const char *message_id)
{
	struct slice part[] = { slice_of(&who->subject.addr.b, sizeof who->subject.addr.b), slice_str(sender),
		slice_of(&trap_id, sizeof trap_id), slice_str(message_id) };

	return engine_digest(e, part, sizeof part / sizeof part[0]);
}

struct decide_event engine_settle_event(const struct engine *e, const struct trap *trap, const struct trap *mark,
	const struct engine_who *who, const struct ipaddr *client, const char *name, const char *sender,
	uint64_t digest)
{
	struct slice s = slice_str(sender);

	return (struct decide_event){
		.subject = who->subject,
		.trap_id = trap ? trap->id : 0,
		.trap_weight = mark ? mark->weight : 0,
		.tag = mark ? slice_str(trap_table_tag(e->traps, mark)) : (struct slice){ 0 },
		.digest = digest,
		.sender_digest = engine_digest(e, &s, 1),
		.name = slice_str(who->has_identity ? who->label : name),
		.sender = s,
		.is_generic = !who->has_identity && host_name_is_generic(slice_str(name), client),
		.random = engine_random(),
	};
}

struct decide_view engine_settle_view(struct engine *e, const struct engine_subject *s, uint64_t now)
{
	bool is_identity = subject_is_identity(&s->prefix);

	return (struct decide_view){
		.conf = &e->host->conf,
		.sum = &s->sum,
		.block = s->has_block ? &s->block : NULL,
		.good = engine_good(e, &s->prefix, now),
		.is_allowed = s->prefix.addr.family == 0 || (!is_identity && engine_block_is_allowed(e, &s->prefix)),
		.is_shared = is_identity,
		.listed = is_identity ? 0 : feed_view_score(&e->feeds->view, &s->prefix),
	};
}

static uint64_t write_hit(struct engine *e, struct engine_subject *s, uint64_t number, const struct record_hit *r)
{
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);
	uint64_t ticket;

	record_put_hit(&w, r);
	if (w.bad)
		return 0;
	ticket = store_put(e->store, TABLE_HIT, record_hit_key(&s->prefix, number, key), wr_slice(&w));
	if (!ticket)
		return 0;
	s->ticket = ticket;
	if (number >= ENGINE_HITS_KEPT)
		(void)store_del(e->store, TABLE_HIT, record_hit_key(&s->prefix, number - ENGINE_HITS_KEPT, key));
	return ticket;
}

static void log_hit(struct engine *e, const struct record_hit *r, const struct decide_verdict *v, const char *kind)
{
	char client[IPADDR_TEXT], name[128], sender[160];

	(void)ipaddr_format(&r->client, client);
	(void)escape_text(slice_str(r->name), name, sizeof name);
	(void)engine_hide_escaped(e, r->sender, sender, sizeof sender);
	log_info("hit",
		"trap=T-%u grade=%s client=%s name=\"%s\" from=\"%s\" score=%.1f need=%.1f result=%s queue_id=%s",
		r->trap_id, grade_name((enum grade)r->grade), client, name, sender, v->score, v->need, kind,
		r->queue_id);
	engine_watch(e, "hit", "trap=T-%u grade=%s client=%s from=\"%s\" score=%.1f need=%.1f result=%s", r->trap_id,
		grade_name((enum grade)r->grade), client, sender, v->score, v->need, kind);
}

static const char *kind_text(const struct engine *e, const struct decide_verdict *v, bool is_charged)
{
	if (!is_charged)
		return "not-charged";
	switch (v->kind) {
	case DECIDE_BLOCK:
		if (v->block.state == BLOCK_HELD)
			return "held";
		return engine_is_enforcing(e) ? "block" : "would-block";
	case DECIDE_RENEW:
		return "renewed";
	case DECIDE_RETRY:
		return "retry";
	case DECIDE_PARDONED:
		return "pardoned";
	case DECIDE_NOTHING:
	default:
		return "counted";
	}
}

uint64_t engine_settle(struct engine *e, struct engine_subject *s, struct decide_event *ev, struct record_hit *r,
	const struct engine_hit *h, bool *ret_is_old)
{
	uint64_t now = clock_wall_s(), number;
	struct decide_view view = engine_settle_view(e, s, now);
	struct decide_verdict v = { .sum = s->sum };
	struct record_hit_sum before;
	bool is_held;

	ev->grade = (enum grade)r->grade;
	if (h->is_charged)
		decide_hit(&view, ev, now, &v);
	else if (!h->is_written && !score_note(&v.sum, ev->grade, ev->digest, now))
		v.kind = DECIDE_RETRY;
	*ret_is_old = v.kind == DECIDE_RETRY;
	if (v.kind == DECIDE_RETRY) {
		log_hit(e, r, &v, "retry");
		return 0;
	}
	r->is_counted = v.weight > 0;
	r->weight = (float)v.weight;
	if (h->is_charged && grade_is_whole(ev->grade))
		engine_log_spoil(e, &s->prefix);
	number = h->is_written ? h->number : v.sum.number++;
	is_held = engine_fetch_hold(e, s, &v, number, r);
	if (v.kind == DECIDE_BLOCK && !is_held)
		engine_breaker_judge(e, &v.sum, &v.block, now);
	if ((v.kind == DECIDE_BLOCK && !is_held) || v.kind == DECIDE_RENEW) {
		if (engine_block_apply(e, s, &v.block, v.kind == DECIDE_BLOCK) != ERR_OK)
			engine_alarm(
				e, "block", "block-full", "a block is not stored: table of blocks, disk or store full");
		if (v.kind == DECIDE_BLOCK && v.block.state == BLOCK_ACTIVE)
			engine_count(e, engine_is_enforcing(e) ? COUNT_BLOCKED : COUNT_WOULD_BLOCK, now);
	}
	log_hit(e, r, &v, is_held ? "pending" : kind_text(e, &v, h->is_charged));
	/* a block that the store did not take: with this hit, or before it */
	if ((s->is_unsaved && engine_subject_save_block(e, s) != ERR_OK) || !write_hit(e, s, number, r))
		return 0;
	before = s->sum;
	s->sum = v.sum;
	if (engine_subject_save_sum(e, s) != ERR_OK) {
		s->sum = before; /* else the next attempt would look like a retry of a hit that is nowhere */
		return 0;
	}
	if (!h->is_written)
		engine_trap_count(e, r->trap_id, (enum grade)r->grade, now);
	return s->ticket;
}
