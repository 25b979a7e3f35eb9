/*
 * replay_subject: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/replay_subject.h"

#include <stdlib.h>

#include "core/address.h"
#include "core/ledger.h"

#define CORRESPONDENT_WEIGHT 3 /* DESIGN 6: domains our users write to */
#define SWEEP_SLOTS 4096       /* of the full ledger, for one new client */

void replay_subjects_init(struct replay_subjects *s, const struct conf *c, const struct subject_rules *rules,
	const uint8_t key[SIPHASH_KEY])
{
	memset(s, 0, sizeof *s);
	s->conf = c;
	s->rules = rules;
	keymap_init(&s->by_prefix, key, sizeof(struct replay_subject *), REPLAY_SUBJECTS);
	keymap_init(&s->ledger, key, sizeof(struct record_ledger), REPLAY_LEDGER);
	keymap_init(&s->wrote_to, key, 1, REPLAY_CORRESPONDENTS);
}

struct replay_subject *replay_subject_next(const struct replay_subjects *s, size_t *pos)
{
	struct replay_subject **at = keymap_next(&s->by_prefix, pos);

	return at ? *at : NULL;
}

void replay_subjects_done(struct replay_subjects *s)
{
	struct replay_subject *x;
	size_t pos = 0;

	while ((x = replay_subject_next(s, &pos)))
		free(x);
	keymap_done(&s->by_prefix);
	keymap_done(&s->ledger);
	keymap_done(&s->wrote_to);
}

/* NULL: it never hit a trap. */
static struct replay_subject *find(const struct replay_subjects *s, const struct prefix *p)
{
	uint8_t key[RECORD_KEY];
	struct replay_subject **at = keymap_get(&s->by_prefix, record_subject_key(p, key));

	return at ? *at : NULL;
}

/* Clients that meet in one place only cost time. */
static struct replay_seen *seen_place(struct replay_subjects *s, const struct ipaddr *client)
{
	uint64_t a, b;

	memcpy(&a, client->b, sizeof a);
	memcpy(&b, client->b + sizeof a, sizeof b);
	return &s->seen[((a ^ b * 3) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % REPLAY_SEEN];
}

struct replay_seen *replay_subject_seen(struct replay_subjects *s, const struct ipaddr *client)
{
	struct replay_seen *seen = seen_place(s, client);

	if (!ipaddr_eq(&seen->client, client)) {
		*seen = (struct replay_seen){ .client = *client };
		seen->prefix = subject_of_client(s->rules, client);
	}
	if (!seen->subject && seen->subjects != s->by_prefix.count)
		seen->subject = find(s, &seen->prefix);
	seen->subjects = s->by_prefix.count;
	return seen;
}

/* From now on each bound has a ledger of its own. */
static void ledger_move(struct replay_subjects *s, struct slice key, struct replay_subject *x)
{
	const struct record_ledger *l = keymap_get(&s->ledger, key);

	if (!l)
		return;
	for (int b = 0; b < REPLAY_BOUNDS; b++)
		x->side[b].ledger = *l;
	(void)keymap_del(&s->ledger, key);
}

struct replay_subject *replay_subject_open(struct replay_subjects *s, const struct prefix *p)
{
	uint8_t bytes[RECORD_KEY];
	struct slice key = record_subject_key(p, bytes);
	struct replay_subject *x = find(s, p);
	void *v;

	if (x)
		return x;
	x = calloc(1, sizeof *x);
	if (!x || keymap_put(&s->by_prefix, key, &v, NULL) != ERR_OK) {
		free(x);
		s->uncharged++;
		return NULL;
	}
	x->prefix = *p;
	ledger_move(s, key, x);
	*(struct replay_subject **)v = x;
	return x;
}

bool replay_side_is_blocked(const struct replay_side *x, uint64_t now)
{
	return now < x->block.until && !x->block.is_held;
}

/* All that block_shorten keeps; the rest of *ret is 0. */
static void block_expand(const struct replay_subject *x, const struct replay_block *b, struct record_block *ret)
{
	ret->subject = x->prefix;
	ret->state = b->is_held ? BLOCK_HELD : BLOCK_ACTIVE;
	ret->cause = CAUSE_HIT;
	ret->grade = b->grade;
	ret->is_generic = b->is_generic;
	ret->offence = b->offence;
	ret->since = b->since;
	ret->until = b->until;
	ret->trap_id = b->trap_id;
	ret->last_trap_id = b->last_trap_id;
	ret->last_sender = b->last_sender;
	ret->forget_at = b->forget_at;
}

static void block_shorten(const struct record_block *b, struct replay_block *ret)
{
	*ret = (struct replay_block){
		.since = b->since,
		.until = b->until,
		.forget_at = b->forget_at,
		.last_sender = b->last_sender,
		.offence = b->offence,
		.trap_id = b->trap_id,
		.last_trap_id = b->last_trap_id,
		.grade = b->grade,
		.is_generic = b->is_generic,
	};
}

static uint64_t next_random(struct replay_subjects *s)
{
	/* splitmix64: case ids and jitter need no secret here, but the same log shall give the same answer */
	uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static struct decide_view view_of(
	struct replay_subjects *s, const struct replay_subject *x, const struct replay_side *side, uint64_t now)
{
	if (side->block.until)
		block_expand(x, &side->block, &s->block);
	return (struct decide_view){
		.conf = s->conf,
		.sum = &side->sum,
		.block = side->block.until ? &s->block : NULL,
		.good = ledger_good(&side->ledger, now),
	};
}

static struct breaker_facts facts_of(const struct replay_side *x, bool is_whole, uint64_t now)
{
	return (struct breaker_facts){
		.good = ledger_good(&x->ledger, now),
		.mails = ledger_recent(&x->ledger, now),
		.traps = is_whole ? x->sum.traps : 0,
	};
}

static bool breaker_holds(
	struct replay_subjects *s, const struct replay_side *x, enum replay_bound b, enum grade g, uint64_t now)
{
	struct breaker_facts f = facts_of(x, grade_is_whole(g), now);
	enum breaker_verdict v = breaker_judge(&s->breaker[b], s->conf, &f, now);

	breaker_note(&s->breaker[b], &f, now);
	return v != BREAKER_ACT;
}

enum decide_kind replay_side_hit(
	struct replay_subjects *s, struct replay_subject *x, enum replay_bound b, struct decide_event *e, uint64_t now)
{
	struct replay_side *side = &x->side[b];
	struct decide_view v = view_of(s, x, side, now);
	struct decide_verdict *ret = &s->verdict;
	bool is_held, was_held;

	e->random = next_random(s);
	decide_hit(&v, e, now, ret);
	if (ret->kind != DECIDE_RETRY) {
		side->sum = ret->sum;
		if (grade_is_whole(e->grade))
			ledger_spoil(&side->ledger, now);
	}
	if (ret->kind != DECIDE_BLOCK && ret->kind != DECIDE_RENEW)
		return ret->kind;
	is_held = ret->kind == DECIDE_BLOCK && breaker_holds(s, side, b, e->grade, now);
	was_held = side->block.is_held && now < side->block.until;
	block_shorten(&ret->block, &side->block);
	side->block.is_held = is_held;
	if (is_held) /* one that is held already is not held anew */
		ret->kind = was_held ? DECIDE_RENEW : ret->kind;
	else if (ret->kind == DECIDE_BLOCK)
		side->blocks++;
	return ret->kind;
}

bool replay_side_would_block(
	struct replay_subjects *s, struct replay_subject *x, enum replay_bound b, struct decide_event *e, uint64_t now)
{
	struct decide_view v = view_of(s, x, &x->side[b], now);
	struct breaker_facts facts;

	e->random = next_random(s);
	if (!decide_would_block(&v, e, now))
		return false;
	facts = facts_of(&x->side[b], true, now);
	return breaker_judge(&s->breaker[b], s->conf, &facts, now) == BREAKER_ACT;
}

struct spent {
	uint64_t now;
};

static bool ledger_keep(void *value, void *ctx)
{
	const struct spent *x = ctx;

	return !ledger_is_spent(value, x->now);
}

static struct record_ledger *ledger_open(struct replay_subjects *s, struct slice key, uint64_t time)
{
	struct spent x = { time };
	void *v;

	if (s->ledger.count == REPLAY_LEDGER && !keymap_get(&s->ledger, key))
		(void)keymap_retain(&s->ledger, SWEEP_SLOTS, ledger_keep, &x);
	if (keymap_put(&s->ledger, key, &v, NULL) != ERR_OK) {
		s->uncredited++;
		return NULL;
	}
	return v;
}

bool replay_subject_is_correspondent(const struct replay_subjects *s, struct slice sender)
{
	struct address a;

	return s->wrote_to.count && address_parse(sender, &a) == ERR_OK && a.domain.n &&
	       keymap_get(&s->wrote_to, a.domain);
}

static double weight_of(const struct replay_subjects *s, struct slice sender)
{
	return replay_subject_is_correspondent(s, sender) ? CORRESPONDENT_WEIGHT : 1;
}

void replay_subject_credit_other(struct replay_subjects *s, const struct prefix *p, struct slice sender, uint64_t time)
{
	uint8_t key[RECORD_KEY];
	struct record_ledger *l = ledger_open(s, record_subject_key(p, key), time);

	if (l)
		ledger_add(l, time, weight_of(s, sender));
}

void replay_subject_credit(
	struct replay_subjects *s, struct replay_subject *x, struct slice sender, uint64_t time, unsigned refused)
{
	double weight = weight_of(s, sender);

	for (unsigned b = 0; b < REPLAY_BOUNDS; b++)
		if (!(refused & 1u << b))
			ledger_add(&x->side[b].ledger, time, weight);
}

void replay_subject_wrote(struct replay_subjects *s, struct slice recipient)
{
	struct address a;
	void *v;

	/* at the cap a domain is not known: its mail counts once, not three times */
	if (address_parse(recipient, &a) == ERR_OK && a.domain.n &&
		keymap_put(&s->wrote_to, a.domain, &v, NULL) == ERR_OK)
		*(uint8_t *)v = 1;
}
