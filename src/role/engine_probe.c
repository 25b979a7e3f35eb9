/*
 * engine_probe: hits without content, known from the policy server alone.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_hit.h"
#include "role/engine_session.h"

static void hit_of_transaction(struct engine *e, const struct transaction *x, uint32_t trap_id, enum grade g)
{
	const struct trap *trap = engine_trap_by_id(e, trap_id);
	struct engine_hit h = { .trap = trap, .grade = g };
	struct engine_who who = engine_who(e, &x->client, x->name, x->sender);
	struct engine_subject *s = engine_subject_get(e, &who.subject);
	struct record_hit r = { .time = clock_wall_s(), .trap_id = trap_id, .client = x->client };
	struct decide_event ev;
	bool is_old;

	if (!s || !trap)
		return;
	h.is_charged = charge_of_transaction(who.origin, who.is_spf_proven, x->is_ours || x->login[0],
			       trap->state == TRAP_ARMED, &h.grade) == CHARGE_CLIENT;
	r.grade = (uint8_t)h.grade;
	slice_copy(slice_str(x->name), r.name, sizeof r.name);
	slice_copy(slice_str(x->helo), r.helo, sizeof r.helo);
	slice_copy(slice_str(x->sender), r.sender, sizeof r.sender);
	slice_copy(slice_str(x->login), r.login, sizeof r.login);
	ev = engine_settle_event(e, trap, trap, &who, &x->client, x->name, x->sender,
		engine_settle_digest(e, &who, x->sender, trap_id, grade_name(g)));
	(void)engine_settle(e, s, &ev, &r, &h, &is_old);
	if (is_old)
		return;
	if (h.is_charged && g != GRADE_PROBE) /* it makes no block, and an end would tell a trap from a mailbox */
		engine_kill_note(e, &x->client, &x->ends);
	engine_count(e, g == GRADE_PROBE ? COUNT_PROBES : COUNT_WHOLE, r.time);
	if (h.grade == GRADE_INSIDER)
		engine_insider_note(e, x->login, &x->client, trap_id, "");
}

static void hits_of_transaction(struct engine *e, const struct transaction *x, enum grade g)
{
	for (unsigned i = 0; i < x->traps && i < TRANSACTION_TRAPS; i++)
		hit_of_transaction(e, x, x->trap_id[i], g);
}

void engine_hit_probe(struct engine *e, const struct transaction *x)
{
	hits_of_transaction(e, x, GRADE_PROBE);
}

void engine_hit_unseen(struct engine *e, const struct transaction *x)
{
	hits_of_transaction(e, x, GRADE_UNSEEN);
}

bool engine_hit_would_block(struct engine *e, const struct transaction *x, uint64_t now)
{
	struct engine_who who = engine_who(e, &x->client, x->name, x->sender);
	struct engine_subject *s = engine_subject_get(e, &who.subject);

	if (!s || engine_fetch_is_spared(e, &x->client))
		return false;
	for (unsigned i = 0; i < x->traps && i < TRANSACTION_TRAPS; i++) {
		const struct trap *trap = engine_trap_by_id(e, x->trap_id[i]);
		struct decide_event ev;
		struct decide_view view = engine_settle_view(e, s, now);

		if (!trap || trap->state != TRAP_ARMED)
			continue;
		ev = engine_settle_event(e, trap, trap, &who, &x->client, x->name, x->sender, engine_random());
		if (decide_would_block(&view, &ev, now))
			return view.block && decide_block_is_active(view.block, now)
				       ? true
				       : !engine_breaker_would_hold(e, s, now);
	}
	return false;
}
