/*
 * engine_riders: trap and real recipients in one message, as the policy server
 * sees it at the end of the data (DESIGN 3).
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"
#include "base/num.h"
#include "core/reply_text.h"
#include "io/log.h"
#include "role/engine.h"

/* What setup calls our transport. */
#define FILTER "FILTER limetwig:unix:limetwig/lmtp"

/* The case id that the refused sender is told: of the block this made, else one for this message alone. */
static void case_id_for(struct engine *e, const struct transaction *x, uint64_t now, char to[CASE_ID_TEXT])
{
	struct prefix subject = engine_subject_of(e, &x->client);
	struct engine_subject *s = engine_subject_get(e, &subject);
	struct record_block b = { .subject = subject,
		.state = BLOCK_MESSAGE,
		.cause = CAUSE_HIT,
		.grade = GRADE_UNSEEN,
		.since = now,
		.until = now,
		.trap_id = x->trap_id[0] };
	uint8_t value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);

	if (s && s->has_block && decide_block_is_active(&s->block, now)) {
		memcpy(to, s->block.case_id, CASE_ID_TEXT);
		return;
	}
	(void)case_id_make(engine_random(), b.case_id);
	if (s)
		b.score = s->sum.score;
	slice_copy(slice_str(x->sender), b.sender, sizeof b.sender);
	slice_copy(slice_str(x->name), b.name, sizeof b.name);
	record_put_block(&w, &b);
	if (!w.bad)
		(void)store_put(e->store, TABLE_CASE, slice_str(b.case_id), wr_slice(&w));
	memcpy(to, b.case_id, CASE_ID_TEXT);
}

/*
 * A 550 at the dot tells that one of the recipients is a trap. A host hears it
 * once: its next such message goes through, and the trap's copy blocks it. So
 * each trap that somebody finds out costs a fresh address and a whole message.
 */
static bool was_told(struct engine *e, const struct transaction *x)
{
	struct prefix subject = engine_subject_of(e, &x->client);
	const struct engine_subject *s = engine_subject_get(e, &subject);

	return s && s->sum.count[GRADE_UNSEEN] > 0;
}

bool engine_riders_are(struct engine *e, const struct policy_request *r, const struct gate_result *g,
	const struct transaction *x, uint64_t now)
{
	uint64_t accepted;

	if (e->host->conf.traps.riders == RIDERS_DELIVER || e->host->conf.is_off || g->origin != GATE_FOREIGN ||
		x->is_ours)
		return false;
	if (!e->has_allow) /* just started: who may not be refused is not known yet */
		return false;
	if (num_parse(r->recipient_count, UINT16_MAX, &accepted) != ERR_OK || accepted != x->asked)
		return false; /* one was refused, it may have been the trap; or we were not asked about all */
	if (e->host->conf.traps.riders == RIDERS_REFUSE && was_told(e, x))
		return false;
	return accepted > x->trap_asked && engine_hit_would_block(e, x, now);
}

static void refuse(
	struct engine *e, const struct policy_request *r, const struct transaction *x, uint64_t now, struct buf *action)
{
	bool is_enforced = engine_is_enforcing(e);
	struct record_refusal f = {
		.time = now, .client = x->client, .code = 550, .is_rider = 1, .is_would = !is_enforced
	};

	engine_count(e, is_enforced ? COUNT_REFUSED : COUNT_WOULD_REFUSE, now);
	if (is_enforced) {
		engine_hit_unseen(e, x);
		case_id_for(e, x, now, f.case_id);
	}
	slice_copy(slice_str(x->name), f.name, sizeof f.name);
	slice_copy(slice_str(x->sender), f.sender, sizeof f.sender);
	slice_copy(r->queue_id, f.queue_id, sizeof f.queue_id);
	engine_refusal_record(e, &f);
	if (!is_enforced)
		return;
	reply_text_riders(&e->host->conf, f.case_id, action);
	log_info("refuse", "case=%s code=550 riders=1 queue_id=%s", f.case_id, f.queue_id);
}

/*
 * The whole message comes to capture, riders and all; what becomes of them is
 * settled when its content is known. Without a way back they get it as it is.
 */
static void divert(struct engine *e, const struct policy_request *r, const struct transaction *x, struct buf *action)
{
	char queue_id[4 * MESSAGE_QUEUE_ID];

	if (!engine_is_enforcing(e))
		return;
	if (!engine_release_is_ready(e)) {
		engine_alarm(e, "riders", "riders",
			"riders = junk and withhold need a service of Postfix that takes mail back: run "
			"limetwig setup postfix; until then riders get their mail unmarked");
		return;
	}
	if (buf_add(action, SLICE_LIT(FILTER)) != ERR_OK)
		return; /* no memory: they get it as it is */
	log_info("divert", "queue_id=%s traps=%u", escape_text(r->queue_id, queue_id, sizeof queue_id), x->traps);
}

void engine_riders_action(
	struct engine *e, const struct policy_request *r, const struct transaction *x, uint64_t now, struct buf *action)
{
	if (e->host->conf.traps.riders == RIDERS_REFUSE)
		refuse(e, r, x, now, action);
	else
		divert(e, r, x, action);
}
