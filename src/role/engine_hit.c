/*
 * engine_hit: whole messages from capture. Who is charged says core/charge;
 * what it needs to know may come later, from the log or by SPF. The
 * acknowledgement to capture waits for the disk.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>

#include "io/log.h"
#include "role/engine_hit.h"
#include "role/engine_session.h"

#define PENDING_S 120 /* how long the log may take to tell of a queue id */
#define EARLY_S 20    /* how long after the start a hit waits for the traps; capture waits 30 s */

struct pending {
	struct pending *next;
	struct engine *engine;
	uint64_t at; /* engine_mono_s */
	uint64_t number;
	struct msg_hit message;
};

struct engine_hits {
	struct pending *pending;
	size_t pendings;
	struct pending *early; /* newest first */
	size_t earlies;
	struct pending *spf; /* stored; SPF is being asked for */
};

enum err engine_hit_start(struct engine *e)
{
	e->hits = calloc(1, sizeof *e->hits);
	return e->hits ? ERR_OK : ERR_NOMEM;
}

static void pending_free(struct pending *p)
{
	while (p) {
		struct pending *next = p->next;

		free(p);
		p = next;
	}
}

void engine_hit_stop(struct engine *e)
{
	if (e->hits) {
		pending_free(e->hits->pending);
		pending_free(e->hits->early);
		pending_free(e->hits->spf);
	}
	free(e->hits);
	e->hits = NULL;
}

void engine_hit_link_lost(struct engine *e)
{
	engine_ack_drop(e);
	pending_free(e->hits->early); /* capture answers 451: Postfix brings them again */
	e->hits->early = NULL;
	e->hits->earlies = 0;
}

static void fill_record(const struct engine_hit *h, struct record_hit *r)
{
	const struct msg_hit *m = h->m;

	*r = (struct record_hit){
		.time = m->time, .trap_id = h->trap ? h->trap->id : 0, .grade = (uint8_t)h->grade, .client = m->client
	};
	slice_copy(slice_str(m->name), r->name, sizeof r->name);
	slice_copy(slice_str(m->helo), r->helo, sizeof r->helo);
	slice_copy(slice_str(m->sender), r->sender, sizeof r->sender);
	slice_copy(slice_str(m->message_id), r->message_id, sizeof r->message_id);
	slice_copy(slice_str(m->subject), r->subject, sizeof r->subject);
	slice_copy(slice_str(m->queue_id), r->queue_id, sizeof r->queue_id);
	slice_copy(slice_str(m->corpus_id), r->corpus_id, sizeof r->corpus_id);
	slice_copy(slice_str(h->login ? h->login : ""), r->login, sizeof r->login);
}

/* Returns the ticket; 0 with *ret_is_old false: the store takes nothing. */
static uint64_t settle(struct engine *e, const struct engine_hit *h, bool *ret_is_old)
{
	const struct msg_hit *m = h->m;
	struct engine_who who = engine_who(e, &m->client, m->name, m->sender);
	struct engine_subject *s = engine_subject_get(e, &who.subject);
	struct decide_event ev;
	struct record_hit r;

	*ret_is_old = false;
	if (!s)
		return 0;
	fill_record(h, &r);
	ev = engine_settle_event(e, h->trap, h->mark ? h->mark : h->trap, &who, &m->client, m->name, m->sender,
		engine_settle_digest(e, &who, m->sender, r.trap_id, m->message_id));
	return engine_settle(e, s, &ev, &r, h, ret_is_old);
}

/* The recipient the client named was the trap itself, as far as the LMTP copy tells. */
static bool orcpt_is_trap(const struct engine *e, const struct msg_hit *m, const struct trap *trap)
{
	struct address a;

	if (address_parse(slice_str(m->orcpt), &a) != ERR_OK || a.text[0] == '\0')
		return false;
	return trap_table_find(e->traps, &a) == trap;
}

/* UNKNOWN where somebody can be asked. */
static enum charge_spf spf_of(const struct engine *e, const struct engine_hit *h, const struct engine_who *who)
{
	if (who->is_spf_proven)
		return CHARGE_SPF_PASS;
	return h->spf || e->host->link[ROLE_FETCH] ? h->spf : CHARGE_SPF_NO;
}

/* What is known of this copy; sets h->grade and h->login. */
static enum charge charge_hit(struct engine *e, struct engine_hit *h)
{
	const struct msg_hit *m = h->m;
	const struct queued *q = queued_find(&e->transactions, slice_str(m->queue_id));
	struct engine_who who = engine_who(e, &m->client, m->name, m->sender);
	struct charge_facts f = {
		.origin = who.origin,
		.has_identity = who.has_identity,
		.spf = spf_of(e, h, &who),
		.is_local = m->is_local,
		.has_login = q && q->login[0],
		.is_armed = h->trap && h->trap->state == TRAP_ARMED,
		.is_other_client = q && q->client.family && !ipaddr_eq(&q->client, h->via ? h->via : &m->client),
		.was_asked = q && q->is_asked,
		.is_named = q && h->trap && queued_has_trap(q, h->trap->id),
		.is_orcpt = h->trap && orcpt_is_trap(e, m, h->trap),
		.is_logged = q && q->is_logged,
	};

	if (f.has_login)
		h->login = q->login;
	return charge_of(&f, &h->grade);
}

static void wait_for_log(struct engine *e, const struct msg_hit *m, uint64_t number)
{
	struct pending *p;

	if (e->hits->pendings >= ENGINE_PENDING || !(p = malloc(sizeof *p)))
		return;
	*p = (struct pending){ e->hits->pending, e, engine_mono_s(), number, *m };
	e->hits->pending = p;
	e->hits->pendings++;
}

static void find_trap(struct engine *e, const char *text, struct engine_hit *h)
{
	struct address a;

	if (!e->traps || address_parse(slice_str(text), &a) != ERR_OK)
		return;
	h->trap = trap_table_find(e->traps, &a);
	if (h->trap && h->trap->kind == TRAP_DOMAIN)
		h->mark = engine_trap_pattern(e, &a);
}

/* Without the traps nobody could be charged, without the allow list the wrong one. */
static bool is_loaded(const struct engine *e)
{
	return e->traps && e->has_allow;
}

/* Wait a little for them; then Postfix keeps the message for us. */
static void keep_early(struct engine *e, const struct msg_hit *m)
{
	struct engine_hits *h = e->hits;
	struct pending *p;

	if (clock_wall_s() >= e->started + EARLY_S || h->earlies >= ENGINE_EARLY || !(p = malloc(sizeof *p))) {
		engine_ack_send(e, m->seq, HIT_LATER);
		return;
	}
	*p = (struct pending){ h->early, e, engine_mono_s(), 0, *m };
	h->early = p;
	h->earlies++;
}

/* What the content says; anything unknown is a message like any other. */
static enum grade content_grade_of(const struct msg_hit *m)
{
	enum grade g = (enum grade)m->grade;

	return g == GRADE_BULK || g == GRADE_AUTOMATIC || g == GRADE_BACKSCATTER ? g : GRADE_CONFIRMED;
}

/* What is stored already; the file that is kept now may be another one. */
static void take_again(struct engine *e, struct engine_subject *s, const struct msg_hit *m, uint32_t trap_id)
{
	uint64_t ticket;
	enum hit_ack ack = engine_again(e, s, m, trap_id, &ticket);

	if (ack != HIT_STORED) {
		engine_ack_send(e, m->seq, ack);
		return;
	}
	for (struct pending *p = e->hits->pending; p; p = p->next)
		if (strcmp(p->message.queue_id, m->queue_id) == 0 && strcmp(p->message.trap, m->trap) == 0)
			slice_copy(slice_str(m->corpus_id), p->message.corpus_id, sizeof p->message.corpus_id);
	engine_ack_when_durable(e, m->seq, ticket);
}

/* Our own users' vacation programs answer forged mail: nothing to be told of. */
static void note_insider(struct engine *e, const struct engine_hit *h)
{
	if (h->m->sender[0] == '\0' && content_grade_of(h->m) != GRADE_CONFIRMED)
		return;
	engine_insider_note(e, h->login, &h->m->client, h->trap ? h->trap->id : 0, h->m->queue_id);
}

/*
 * Mail of a forwarder is charged to the host that it had it from: into *room, and h of that. The
 * host's names are not known: what the forwarder wrote about them is not verified.
 */
static void walk_back(const struct engine *e, const struct msg_hit *m, struct msg_hit *room, struct engine_hit *h)
{
	struct gate_view view = engine_gate_view(e);

	h->m = m;
	if (!m->is_walked || m->is_local || m->client.family == 0 ||
		gate_origin_of(&view, &m->client) != GATE_FORWARDER)
		return;
	*room = *m;
	room->client = m->walked;
	room->name[0] = room->helo[0] = '\0';
	h->m = room;
	h->via = &m->client;
}

/* Is it somebody's address after all? */
static void note_quality(struct engine *e, const struct engine_hit *h)
{
	const struct msg_hit *m = h->m;
	struct engine_who who = engine_who(e, &m->client, m->name, m->sender);

	if (h->is_charged && h->trap && h->grade == GRADE_CONFIRMED)
		engine_suspend_note(e, h->trap->id, &who.subject, m->sender, clock_wall_s());
}

/* The hit is stored; now it is known who is charged. */
static void settle_again(struct engine *e, struct engine_hit *h)
{
	bool is_old;

	h->is_charged = charge_hit(e, h) == CHARGE_CLIENT;
	(void)settle(e, h, &is_old);
	note_quality(e, h);
	if (h->grade == GRADE_INSIDER)
		note_insider(e, h);
}

/* A sender at a shared provider: charged when SPF passes for him, exempt when not, or when nobody can tell. */
static void spf_known(void *ctx, enum spf_says says)
{
	struct pending *p = ctx, **at = &p->engine->hits->spf;
	struct engine_hit h = { .number = p->number,
		.is_written = true,
		.grade = content_grade_of(&p->message),
		.spf = says == SPF_SAYS_PASS ? CHARGE_SPF_PASS : CHARGE_SPF_NO };
	struct msg_hit room;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	walk_back(p->engine, &p->message, &room, &h);
	find_trap(p->engine, p->message.trap, &h);
	settle_again(p->engine, &h);
	free(p);
}

static void ask_spf(struct engine *e, const struct engine_hit *h, const struct msg_hit *original, uint64_t number)
{
	struct slice sender = slice_str(original->sender);
	struct pending *p = malloc(sizeof *p);

	if (!p)
		return;
	*p = (struct pending){ e->hits->spf, e, engine_mono_s(), number, *original };
	e->hits->spf = p;
	if (engine_fetch_spf_check(e, slice_from(sender, slice_rfind(sender, '@') + 1), &h->m->client, spf_known, p) !=
		ERR_OK)
		spf_known(p, SPF_SAYS_UNKNOWN);
}

/* The session that brought it may still be there. */
static void note_session(struct engine *e, const struct engine_hit *h)
{
	const struct queued *q = queued_find(&e->transactions, slice_str(h->m->queue_id));

	if (h->is_charged && q)
		engine_kill_note(e, &q->client, &q->ends);
}

static void take_message(struct engine *e, const struct msg_hit *original)
{
	struct engine_hit h = { .grade = content_grade_of(original) };
	struct msg_hit room;
	const struct msg_hit *m;
	enum charge c;
	uint64_t ticket, number = 0;
	struct engine_who who;
	struct engine_subject *s;
	bool is_old;

	walk_back(e, original, &room, &h);
	m = h.m;
	who = engine_who(e, &m->client, m->name, m->sender);
	find_trap(e, m->trap, &h);
	c = charge_hit(e, &h);
	h.is_charged = c == CHARGE_CLIENT;
	s = engine_subject_get(e, &who.subject);
	if (s)
		number = s->sum.number;
	ticket = settle(e, &h, &is_old);
	if (ticket == 0 && !is_old) {
		engine_ack_send(e, m->seq, HIT_LATER);
		return;
	}
	if (is_old && s) {
		take_again(e, s, m, h.trap ? h.trap->id : 0);
		return;
	}
	note_session(e, &h);
	engine_count(e, h.grade == GRADE_BACKSCATTER ? COUNT_BACKSCATTER : COUNT_WHOLE, clock_wall_s());
	note_quality(e, &h);
	if (h.grade == GRADE_INSIDER)
		note_insider(e, &h);
	if (c == CHARGE_WAIT)
		wait_for_log(e, original, number);
	if (c == CHARGE_ASK)
		ask_spf(e, &h, original, number);
	engine_ack_when_durable(e, m->seq, ticket);
}

void engine_hit_message(struct engine *e, const struct msg_hit *m)
{
	if (is_loaded(e))
		take_message(e, m);
	else
		keep_early(e, m);
}

static void end_early(struct engine *e)
{
	struct pending *p = e->hits->early;

	e->hits->early = NULL;
	e->hits->earlies = 0;
	for (const struct pending *q = p; q; q = q->next) {
		if (is_loaded(e))
			take_message(e, &q->message);
		else
			engine_ack_send(e, q->message.seq, HIT_LATER);
	}
	pending_free(p);
}

void engine_hit_loaded(struct engine *e)
{
	if (is_loaded(e))
		end_early(e);
}

void engine_hit_identified(struct engine *e, const char *queue_id)
{
	struct pending **at = &e->hits->pending;

	while (*at) {
		struct pending *p = *at;
		struct engine_hit h = { .number = p->number, .is_written = true };
		struct msg_hit room;

		if (strcmp(p->message.queue_id, queue_id) != 0) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		e->hits->pendings--;
		h.grade = content_grade_of(&p->message);
		walk_back(e, &p->message, &room, &h);
		find_trap(e, p->message.trap, &h);
		if (charge_hit(e, &h) == CHARGE_ASK)
			ask_spf(e, &h, &p->message, p->number);
		else
			settle_again(e, &h);
		free(p);
	}
}

bool engine_hit_is_waiting(const struct engine *e, const char *queue_id)
{
	for (const struct pending *p = e->hits->pending; p; p = p->next)
		if (strcmp(p->message.queue_id, queue_id) == 0)
			return true;
	return false;
}

static void forget_spf(struct engine *e, bool (*is_his)(const char *sender, void *ctx), void *ctx)
{
	struct pending **at = &e->hits->spf;

	while (*at) {
		struct pending *p = *at;

		if (!is_his(p->message.sender, ctx)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		engine_fetch_spf_forget(e, p);
		free(p);
	}
}

void engine_hit_forget(struct engine *e, bool (*is_his)(const char *sender, void *ctx), void *ctx)
{
	struct pending **at = &e->hits->pending;

	forget_spf(e, is_his, ctx);

	while (*at) {
		struct pending *p = *at;

		if (!is_his(p->message.sender, ctx)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		e->hits->pendings--;
		free(p);
	}
}

void engine_hit_tick(struct engine *e, uint64_t now)
{
	struct pending **at = &e->hits->pending;
	uint64_t mono = engine_mono_s();

	if (e->hits->early && now >= e->started + EARLY_S)
		end_early(e);
	while (*at) {
		struct pending *p = *at;

		if (p->at + PENDING_S > mono) {
			at = &p->next;
			continue;
		}
		log_warn("hit", "queue_id=%s text=\"no policy record and not in the log: captured, nobody charged\"",
			p->message.queue_id);
		*at = p->next;
		e->hits->pendings--;
		free(p);
	}
}
