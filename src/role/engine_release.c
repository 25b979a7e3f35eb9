/*
 * engine_release: riders, the real recipients of a message that came to
 * capture with a trap. Once its hits are settled capture asks what becomes of
 * them. A host that is not blocked now (a bounce, list mail, an allowed or
 * pardoned host, one with good mail) was no spammer: they get it, unmarked.
 * Otherwise they get it marked, or it is withheld until a person releases it.
 * Decides from what is known of the host, so that it can be asked again. While
 * the DNS lists are asked whether it is blocked, its riders wait, too.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_fetch.h"

#include <stdlib.h>

#include "base/escape.h"
#include "io/log.h"

#define RELEASE_ORDERS 64   /* with capture at once */
#define RELEASE_KEPT 100000 /* messages withheld at once; more are handed back, marked */
#define RELEASE_SWEEP_S 3600
#define RELEASE_ORDER_S 180 /* capture itself gives up earlier */
#define RELEASE_WAITING 64  /* messages whose riders wait at once; more get them unmarked */

struct order {
	uint64_t seq;   /* 0: free */
	uint64_t until; /* engine_mono_s */
	engine_release_fn done;
	void *ctx;
};

struct waiting {
	struct waiting *next;
	struct msg_riders m;
};

struct engine_release {
	struct waiting *waiting; /* for DNS lists */
	size_t waitings;
	uint64_t kept; /* withheld now */
	uint64_t next_seq, sweep_at;
	bool is_stopping;
	struct order order[RELEASE_ORDERS];
};

static bool count_kept(struct slice key, struct slice value, void *ctx)
{
	struct engine_release *x = ctx;
	struct record_withheld r;

	(void)key;
	x->kept += record_get_withheld(value, &r) == ERR_OK && r.state == WITHHELD_KEPT;
	return true;
}

enum err engine_release_start(struct engine *e)
{
	const struct slice all = { 0 };

	e->release = calloc(1, sizeof *e->release);
	if (!e->release)
		return ERR_NOMEM;
	e->release->next_seq = 1;
	return store_scan(e->store, TABLE_WITHHELD, all, all, false, count_kept, e->release);
}

void engine_release_stop(struct engine *e)
{
	if (e->release) {
		e->release->is_stopping = true; /* an order more, and nobody would write down what became of it */
		engine_release_link_lost(e);
	}
	free(e->release);
	e->release = NULL;
}

bool engine_release_is_ready(const struct engine *e)
{
	return e->host->conf.postfix.handback[0] != '\0';
}

uint64_t engine_release_count(const struct engine *e)
{
	return e->release->kept;
}

/* ---- records */

enum err engine_release_look(struct engine *e, const char *corpus_id, struct record_withheld *ret)
{
	uint8_t value[RECORD_VALUE];
	size_t n;
	enum err err = corpus_id[0] ? store_get(e->store, TABLE_WITHHELD, slice_str(corpus_id), value, sizeof value, &n)
				    : ERR_NOTFOUND;

	return err == ERR_OK ? record_get_withheld(slice_of(value, n), ret) : err;
}

static uint64_t put_record(struct engine *e, const char *corpus_id, const struct record_withheld *r)
{
	uint8_t value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);

	record_put_withheld(&w, r);
	return w.bad ? 0 : store_put(e->store, TABLE_WITHHELD, slice_str(corpus_id), wr_slice(&w));
}

enum err engine_release_save(struct engine *e, const char *corpus_id, const struct record_withheld *r)
{
	struct record_withheld old;
	bool was_kept = engine_release_look(e, corpus_id, &old) == ERR_OK && old.state == WITHHELD_KEPT;

	if (!put_record(e, corpus_id, r))
		return ERR_FULL;
	if (was_kept && r->state != WITHHELD_KEPT && e->release->kept)
		e->release->kept--;
	return ERR_OK;
}

/* What is withheld is so under the name of its file; the file was lost with a reply and came again. */
void engine_release_replaced(struct engine *e, const char *old, const char *new)
{
	struct record_withheld r;

	if (engine_release_look(e, old, &r) != ERR_OK)
		return;
	if (new[0] && !put_record(e, new, &r))
		return;
	if (!store_del(e->store, TABLE_WITHHELD, slice_str(old)))
		log_warn("release", "corpus=%s text=\"record of a file that is gone stays\"", old);
	else if (!new[0] && r.state == WITHHELD_KEPT && e->release->kept)
		e->release->kept--;
}

/* ---- what becomes of the riders */

/* The case of the block that is in force for this client; false: none is. *ret_is_held: nor is it known yet. */
static bool find_block(struct engine *e, const struct msg_riders *m, char case_id[CASE_ID_TEXT], bool *ret_is_held)
{
	uint64_t now = clock_wall_s();
	struct engine_who who = engine_who(e, &m->client, m->name, m->sender);
	struct engine_subject *s;

	*ret_is_held = false;
	if (who.origin != GATE_FOREIGN && !who.has_identity)
		return false;
	*ret_is_held = engine_fetch_is_held(e, &who.subject);
	s = engine_subject_get(e, &who.subject);
	if (!s || !s->has_block || s->block.state != BLOCK_ACTIVE || !decide_block_is_active(&s->block, now))
		return false;
	memcpy(case_id, s->block.case_id, CASE_ID_TEXT);
	return true;
}

static void send_order(struct engine *e, const struct msg_riders_do *m)
{
	uint8_t bytes[1024];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_riders_do(&w, MSG_RIDERS_DO, m);
	(void)role_host_send(e->host, ROLE_CAPTURE, &w, NULL, 0); /* else Postfix hears 451 */
}

static void log_riders(struct engine *e, const struct msg_riders *m, const char *what, const char *case_id)
{
	char client[IPADDR_TEXT], queue_id[4 * MESSAGE_QUEUE_ID], sender[160];

	(void)ipaddr_format(&m->client, client);
	(void)escape_text(slice_str(m->queue_id), queue_id, sizeof queue_id);
	(void)engine_hide_escaped(e, m->sender, sender, sizeof sender);
	log_info("riders", "result=%s case=%s client=%s from=\"%s\" riders=%u queue_id=%s corpus=%s", what,
		case_id[0] ? case_id : "none", client, sender, m->count, queue_id, m->corpus_id);
	engine_watch(e, "riders", "result=%s case=%s client=%s from=\"%s\" riders=%u corpus=%s", what,
		case_id[0] ? case_id : "none", client, sender, m->count, m->corpus_id);
}

/* 0: it cannot be withheld (store, cap). */
static uint64_t withhold(struct engine *e, const struct msg_riders *m, const char *case_id)
{
	struct record_withheld r = {
		.time = clock_wall_s(), .state = WITHHELD_KEPT, .client = m->client, .riders = m->count, .size = m->size
	};
	struct record_withheld old;
	uint64_t ticket;
	bool is_new; /* not asked for a second time */

	if (e->release->kept >= RELEASE_KEPT || e->corpus.is_full || !m->is_kept || !m->corpus_id[0])
		return 0;
	slice_copy(slice_str(case_id), r.case_id, sizeof r.case_id);
	slice_copy(slice_str(m->queue_id), r.queue_id, sizeof r.queue_id);
	slice_copy(slice_str(m->name), r.name, sizeof r.name);
	slice_copy(slice_str(m->sender), r.sender, sizeof r.sender);
	is_new = engine_release_look(e, m->corpus_id, &old) != ERR_OK || old.state != WITHHELD_KEPT;
	ticket = put_record(e, m->corpus_id, &r);
	e->release->kept += ticket && is_new;
	return ticket;
}

static bool let_wait(struct engine *e, const struct msg_riders *m)
{
	struct engine_release *x = e->release;
	struct waiting *w = x->waitings < RELEASE_WAITING ? malloc(sizeof *w) : NULL;

	if (!w)
		return false;
	*w = (struct waiting){ x->waiting, *m };
	x->waiting = w;
	x->waitings++;
	return true;
}

static void answer_riders(struct engine *e, const struct msg_riders *m)
{
	enum conf_riders riders = e->host->conf.traps.riders;
	struct msg_riders_do answer = { .seq = m->seq, .what = RIDERS_PLAIN };
	bool is_held = false;
	bool is_blocked =
		engine_is_enforcing(e) && riders != RIDERS_DELIVER && find_block(e, m, answer.case_id, &is_held);
	uint64_t ticket = is_blocked && riders == RIDERS_WITHHOLD ? withhold(e, m, answer.case_id) : 0;

	if (!is_blocked && is_held && let_wait(e, m))
		return;
	log_riders(e, m, ticket ? "withheld" : is_blocked ? "junk" : "delivered", answer.case_id);
	if (ticket) {
		engine_ack_when_durable(e, m->seq, ticket);
		return;
	}
	if (is_blocked)
		answer.what = RIDERS_JUNK;
	send_order(e, &answer);
}

static struct waiting *take_waiting(struct engine_release *x)
{
	struct waiting *w = x->waiting;

	x->waiting = NULL;
	x->waitings = 0;
	return w;
}

void engine_release_settled(struct engine *e)
{
	struct waiting *w = take_waiting(e->release), *next;

	for (; w; w = next) {
		next = w->next;
		answer_riders(e, &w->m);
		free(w);
	}
}

/* ---- orders */

enum err engine_release_order(struct engine *e, enum riders_what what, const char *corpus_id, const char *to,
	engine_release_fn done, void *ctx)
{
	struct msg_riders_do m = { .seq = e->release->next_seq, .what = (uint8_t)what };
	struct order *o = NULL;

	if (e->release->is_stopping || !e->host->link[ROLE_CAPTURE])
		return ERR_CLOSED;
	for (size_t i = 0; i < RELEASE_ORDERS && !o; i++)
		if (e->release->order[i].seq == 0)
			o = &e->release->order[i];
	if (!o)
		return ERR_LIMIT;
	*o = (struct order){ e->release->next_seq++, engine_mono_s() + RELEASE_ORDER_S, done, ctx };
	slice_copy(slice_str(corpus_id), m.corpus_id, sizeof m.corpus_id);
	slice_copy(slice_str(to ? to : ""), m.to, sizeof m.to);
	send_order(e, &m);
	return ERR_OK;
}

/* One of its riders was forgotten: it stays for the others where they wait for it. */
static void keep_for_others(struct engine *e, const struct msg_riders *m)
{
	struct record_withheld r;

	if (m->count == 0) {
		engine_release_replaced(e, m->corpus_id, "");
		return;
	}
	if (engine_release_look(e, m->corpus_id, &r) != ERR_OK || r.state != WITHHELD_KEPT) {
		(void)engine_corpus_remove(e, m->corpus_id); /* else it goes with its time, without his name */
		return;
	}
	r.riders = m->count;
	if (!put_record(e, m->corpus_id, &r))
		log_warn("release", "corpus=%s text=\"a forgotten rider is still counted\"", m->corpus_id);
}

static void end_order(struct order *o, const struct msg_riders *m)
{
	struct order copy = *o;

	*o = (struct order){ 0 };
	copy.done(copy.ctx, m);
}

static void take_done(struct engine *e, const struct msg_riders *m)
{
	for (size_t i = 0; i < RELEASE_ORDERS; i++)
		if (e->release->order[i].seq == m->seq && m->seq) {
			end_order(&e->release->order[i], m);
			return;
		}
}

void engine_release_link_lost(struct engine *e)
{
	struct waiting *w = take_waiting(e->release), *next;

	for (; w; w = next) { /* the next capture asks again */
		next = w->next;
		free(w);
	}
	for (size_t i = 0; i < RELEASE_ORDERS; i++)
		if (e->release->order[i].seq)
			end_order(&e->release->order[i], NULL);
}

void engine_release_message(struct engine *e, struct rd *body)
{
	struct msg_riders *m = malloc(sizeof *m);

	if (m && message_get_riders(body, m) == ERR_OK) {
		if (m->kind == RIDERS_ASK)
			answer_riders(e, m);
		else if (m->kind == RIDERS_FORGOT)
			keep_for_others(e, m);
		else
			take_done(e, m);
	}
	free(m);
}

/* ---- retention */

struct sweep {
	struct engine *e;
	uint64_t before;
};

static bool sweep_one(struct slice key, struct slice value, void *ctx)
{
	struct sweep *x = ctx;
	struct record_withheld r;

	if (record_get_withheld(value, &r) != ERR_OK || r.time >= x->before)
		return true;
	if (store_del(x->e->store, TABLE_WITHHELD, key) && r.state == WITHHELD_KEPT && x->e->release->kept)
		x->e->release->kept--;
	return true;
}

void engine_release_tick(struct engine *e, uint64_t now)
{
	uint64_t keep_s = e->host->conf.keep.messages_s, mono = engine_mono_s();
	struct sweep x = { e, now > keep_s ? now - keep_s : 0 };
	const struct slice all = { 0 };

	for (size_t i = 0; i < RELEASE_ORDERS; i++)
		if (e->release->order[i].seq && mono >= e->release->order[i].until)
			end_order(&e->release->order[i], NULL);
	if (!engine_clock_may_delete(e)) /* the messages stay, too */
		return;
	if (now < e->release->sweep_at && now + RELEASE_SWEEP_S >= e->release->sweep_at)
		return;
	e->release->sweep_at = now + RELEASE_SWEEP_S;
	if (store_scan(e->store, TABLE_WITHHELD, all, all, false, sweep_one, &x) != ERR_OK)
		log_warn("release", "text=\"records of withheld messages cannot be read\"");
}
