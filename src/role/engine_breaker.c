/*
 * engine_breaker: blocks that wait for a person. They are records like any
 * other, in state held: in no layer, renewed by further hits, over at their
 * end. Also the blast radius: what a block would have refused.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine.h"

#include <stdio.h>

#include "io/log.h"

#define HELD_SWEEP 256 /* slots looked at each second */

struct engine_held {
	uint64_t until;
};

void engine_breaker_start(struct engine *e)
{
	keymap_init(&e->held, e->table_key, sizeof(struct engine_held), ENGINE_HELD);
}

void engine_breaker_stop(struct engine *e)
{
	keymap_done(&e->held);
}

static struct breaker_facts facts_of(struct engine *e, const struct prefix *p, uint32_t traps, uint64_t now)
{
	uint8_t key[RECORD_KEY];
	const struct engine_ledger *l = keymap_get(&e->ledger, record_subject_key(p, key));

	return (struct breaker_facts){
		.good = l ? ledger_good(&l->record, now) : 0,
		.mails = l ? ledger_recent(&l->record, now) : 0,
		.traps = traps,
	};
}

bool engine_breaker_would_hold(struct engine *e, const struct engine_subject *s, uint64_t now)
{
	struct breaker_facts f = facts_of(e, &s->prefix, s->sum.traps, now);

	return breaker_judge(&e->breaker, &e->host->conf, &f, now) != BREAKER_ACT;
}

void engine_breaker_judge(struct engine *e, const struct record_hit_sum *sum, struct record_block *b, uint64_t now)
{
	uint32_t traps = grade_is_whole((enum grade)b->grade) ? sum->traps : 0;
	struct breaker_facts f = facts_of(e, &b->subject, traps, now);
	enum breaker_verdict v = breaker_judge(&e->breaker, &e->host->conf, &f, now);

	breaker_note(&e->breaker, &f, now);
	if (v == BREAKER_ACT)
		return;
	b->state = BLOCK_HELD;
	if (v == BREAKER_HOLD_MAILS)
		(void)snprintf(b->note, sizeof b->note, "held: would have refused %u good messages of the last 14 days",
			f.mails);
	else
		(void)snprintf(b->note, sizeof b->note,
			"held: %u hosts with good mail were blocked within an hour, this is one more (%u messages in "
			"14 days)",
			e->host->conf.breaker.good_hosts, f.mails);
}

static void note_held(struct engine *e, const struct record_block *b)
{
	uint8_t key[RECORD_KEY];
	void *v;

	if (keymap_put(&e->held, record_subject_key(&b->subject, key), &v, NULL) == ERR_OK)
		((struct engine_held *)v)->until = b->until;
	else
		log_warn("held", "case=%s text=\"too many to be counted\"", b->case_id);
}

static void tell_held(struct engine *e, const struct record_block *b)
{
	char subject[ENGINE_SUBJECT_TEXT], text[400 + ENGINE_SUBJECT_TEXT];

	(void)snprintf(text, sizeof text,
		"a block waits for your decision: case %s, %s, %s: limetwig block list --held, limetwig block confirm "
		"%s",
		b->case_id, engine_subject_text(e, b, subject), b->note[0] ? b->note : "set by hand", b->case_id);
	log_warn("held", "case=%s subject=\"%s\" until=%llu trap=T-%u", b->case_id, subject,
		(unsigned long long)b->until, b->trap_id);
	engine_alarm(e, "held", b->cause == CAUSE_HIT ? "held" : subject, text);
}

enum err engine_breaker_hold(struct engine *e, struct engine_subject *s, const struct record_block *b, bool is_new)
{
	s->block = *b;
	s->has_block = true;
	note_held(e, b);
	if (is_new)
		tell_held(e, b);
	return engine_subject_save_block(e, s);
}

void engine_breaker_loaded(struct engine *e, const struct record_block *b)
{
	note_held(e, b);
}

void engine_breaker_forget(struct engine *e, const struct prefix *p)
{
	uint8_t key[RECORD_KEY];

	(void)keymap_del(&e->held, record_subject_key(p, key));
}

static bool is_running(void *value, void *ctx)
{
	return ((const struct engine_held *)value)->until > *(const uint64_t *)ctx;
}

void engine_breaker_tick(struct engine *e, uint64_t now)
{
	(void)keymap_retain(&e->held, HELD_SWEEP, is_running, &now);
}

size_t engine_breaker_count(struct engine *e, uint64_t now)
{
	(void)keymap_retain(&e->held, 0, is_running, &now);
	return e->held.count;
}

struct blast {
	uint64_t mails;
	uint32_t hosts;
};

static void add_blast(const struct engine_ledger *l, uint64_t now, struct blast *ret)
{
	uint32_t mails = ledger_recent(&l->record, now);

	if (mails == 0)
		return;
	ret->hosts++;
	ret->mails += mails;
}

static void find_blast(struct engine *e, const struct prefix *p, uint64_t now, struct blast *ret)
{
	uint8_t key[RECORD_KEY];
	const struct engine_ledger *l;
	size_t pos = 0;

	*ret = (struct blast){ 0 };
	l = keymap_get(&e->ledger, record_subject_key(p, key));
	if (l)
		add_blast(l, now, ret);
	if (l || p->len == ipaddr_bits(&p->addr))
		return;
	while ((l = keymap_next(&e->ledger, &pos)) != NULL)
		if (prefix_has(p, &l->prefix.addr) && l->prefix.len >= p->len)
			add_blast(l, now, ret);
}

json_t *engine_breaker_json(struct engine *e, const struct prefix *p, uint64_t now)
{
	struct blast b;

	find_blast(e, p, now, &b);
	return json_pack("{s:I, s:I}", "mails", (json_int_t)b.mails, "hosts", (json_int_t)b.hosts);
}
