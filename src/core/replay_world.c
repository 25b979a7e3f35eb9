/*
 * replay_world: one event at a time; the two bounds differ only in the grade
 * that a hit gets, and in what follows from that.
 * SPDX-License-Identifier: ISC
 */
#include "core/replay_world.h"

#include <stdlib.h>

#include "core/charge.h"
#include "core/host_name.h"
#include "core/ledger.h"

#define DAY_S 86400
#define HELD_S JOIN_EXPIRE_S
#define SWEEP_S DAY_S

/* A message of a blocked client, or one that a trap among its recipients stops. */
struct held {
	uint64_t time;
	uint32_t trap_id;
	uint8_t bounds; /* bit by enum replay_bound: refused there */
	bool is_rider;
	bool is_counted;   /* what became of it was told */
	bool is_uncertain; /* perhaps a trap or postmaster was its only recipient: counted only when told */
};

struct replay_world {
	struct replay_setup setup;
	uint8_t key[SIPHASH_KEY];
	struct replay_subjects subjects;
	struct keymap held; /* message -> struct held */
	struct replay_sums sums;
	struct replay_day days[REPLAY_DAYS];
	struct replay_yield *yield; /* by trap id - 1 */
	size_t traps;
	uint64_t swept;
	struct address recipient; /* being looked up: large, so not made anew each time */
};

struct replay_world *replay_world_new(const uint8_t key[SIPHASH_KEY], const struct replay_setup *setup)
{
	struct replay_world *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->setup = *setup;
	w->traps = trap_table_count(setup->traps);
	w->yield = calloc(w->traps + 1, sizeof *w->yield);
	if (!w->yield) {
		free(w);
		return NULL;
	}
	memcpy(w->key, key, SIPHASH_KEY);
	replay_subjects_init(&w->subjects, setup->conf, setup->rules, key);
	keymap_init(&w->held, key, sizeof(struct held), REPLAY_HELD);
	w->sums.day = w->days;
	return w;
}

void replay_world_free(struct replay_world *w)
{
	if (!w)
		return;
	replay_subjects_done(&w->subjects);
	keymap_done(&w->held);
	free(w->yield);
	free(w);
}

const struct replay_sums *replay_world_sums(const struct replay_world *w)
{
	return &w->sums;
}

const struct replay_subjects *replay_world_subjects(const struct replay_world *w)
{
	return &w->subjects;
}

const struct replay_yield *replay_world_yield(const struct replay_world *w, uint32_t trap_id)
{
	return trap_id && trap_id <= w->traps ? &w->yield[trap_id - 1] : NULL;
}

/* ---- counting */

/* The row of this time; one that is before the newest by more than what fits goes to the oldest. */
static struct replay_day *day_of(struct replay_world *w, uint64_t time)
{
	struct replay_sums *s = &w->sums;
	uint64_t day = time / DAY_S;

	for (size_t i = s->days; i > 0; i--) {
		if (w->days[i - 1].day == day)
			return &w->days[i - 1];
		if (w->days[i - 1].day < day)
			break;
	}
	if (s->days && (day < w->days[s->days - 1].day || s->days == REPLAY_DAYS))
		return day < w->days[0].day ? &w->days[0] : &w->days[s->days - 1];
	w->days[s->days].day = day;
	return &w->days[s->days++];
}

#define COUNT(w, time, field)                                                                                          \
	do {                                                                                                           \
		(w)->sums.all.field++;                                                                                 \
		day_of((w), (time))->field++;                                                                          \
	} while (0)

static void time_note(struct replay_world *w, uint64_t time)
{
	if (w->sums.first == 0 || time < w->sums.first)
		w->sums.first = time;
	if (time > w->sums.last)
		w->sums.last = time;
}

/* ---- who */

static enum gate_origin origin_of(const struct replay_world *w, const struct replay_event *e)
{
	const struct gate_view v = { .conf = w->setup.conf, .allow = w->setup.allow };
	struct allow_match m;

	return e->is_ours ? GATE_LOGIN : gate_origin_named(&v, &e->client, e->name, &m);
}

/* Of a client that ever hit a trap; NULL: nobody to look at. */
static struct replay_subject *subject_of(struct replay_world *w, const struct ipaddr *client)
{
	return w->subjects.by_prefix.count && client->family ? replay_subject_seen(&w->subjects, client)->subject
							     : NULL;
}

/* Bits of the bounds in which it is blocked now. */
static unsigned blocked_in(const struct replay_subject *x, uint64_t now)
{
	unsigned bits = 0;

	for (unsigned b = 0; x && b < REPLAY_BOUNDS; b++)
		bits |= replay_side_is_blocked(&x->side[b], now) ? 1u << b : 0;
	return bits;
}

/* ---- messages of blocked clients */

static struct held *held_find(const struct replay_world *w, uint64_t message)
{
	return message ? keymap_get_hash(&w->held, message) : NULL;
}

static void count_unknown(struct replay_world *w, const struct held *h)
{
	if (h->is_counted || h->is_uncertain)
		return;
	for (unsigned b = 0; b < REPLAY_BOUNDS; b++) {
		if (!(h->bounds & 1u << b))
			continue;
		COUNT(w, h->time, bound[b].messages);
		COUNT(w, h->time, bound[b].unknown);
	}
}

static bool held_keep(void *value, void *ctx)
{
	struct replay_world *w = ctx;
	const struct held *h = value;

	if (h->time + HELD_S > w->sums.last)
		return true;
	count_unknown(w, h);
	return false;
}

static void held_sweep(struct replay_world *w)
{
	if (w->sums.last < w->swept + SWEEP_S)
		return;
	w->swept = w->sums.last;
	(void)keymap_retain(&w->held, 0, held_keep, w);
}

static struct held *held_open(struct replay_world *w, uint64_t message, uint64_t time, unsigned bounds)
{
	struct held *h;
	void *v;

	if (!message || !bounds)
		return NULL;
	held_sweep(w);
	if (keymap_put_hash(&w->held, message, &v, NULL) != ERR_OK) {
		w->sums.held_lost++;
		return NULL;
	}
	h = v;
	h->time = time;
	h->bounds |= (uint8_t)bounds;
	return h;
}

/* ---- hits */

static bool is_call_out(struct slice sender)
{
	static const char *const locals[] = { "double-bounce", "postmaster", "mailer-daemon" };
	struct slice local = slice_head(sender, slice_rfind(sender, '@'));

	for (size_t i = 0; i < sizeof locals / sizeof locals[0]; i++)
		if (slice_eq_nocase(local, slice_str(locals[i])))
			return true;
	return sender.n == 0;
}

/* See the header. */
static enum grade grade_of(const struct replay_event *e, const struct trap *trap, enum replay_bound b)
{
	bool is_message = e->type == REPLAY_MAIL || e->is_message;

	if (trap->kind == TRAP_PATTERN)
		return GRADE_PROBE;
	if (is_message && e->sender.n == 0)
		return GRADE_BACKSCATTER;
	if (is_message)
		return b == REPLAY_LEAST ? GRADE_UNSEEN : GRADE_CONFIRMED;
	if (b == REPLAY_LEAST || !e->is_unknown || is_call_out(e->sender))
		return GRADE_PROBE;
	return GRADE_CONFIRMED;
}

/* Of what makes two tries of one message the same. */
struct sameness {
	uint64_t sender; /* digest */
	uint8_t client[16];
	uint32_t trap_id, is_probe;
};

struct hit {
	const struct replay_event *e;
	const struct trap *trap, *mark;
	struct replay_subject *x;
	unsigned blocked;
	uint64_t digest[2]; /* of a message, of a probe */
	bool has_digest[2];
	struct decide_event event; /* the same in both bounds but for grade, digest and random */
};

static struct decide_event decide_event_of(const struct replay_world *w, const struct hit *h)
{
	const struct replay_event *e = h->e;

	return (struct decide_event){
		.subject = h->x->prefix,
		.trap_id = h->trap->id,
		.trap_weight = h->mark->weight,
		.tag = slice_str(trap_table_tag(w->setup.traps, h->mark)),
		.sender_digest = siphash64(w->key, e->sender),
		.name = e->name,
		.sender = e->sender,
		.is_generic = host_name_is_generic(e->name, &e->client),
	};
}

static void hit_grade(const struct replay_world *w, struct hit *h, enum grade g)
{
	bool is_probe = g == GRADE_PROBE;

	if (!h->has_digest[is_probe]) {
		struct sameness s = { .sender = h->event.sender_digest, .trap_id = h->trap->id, .is_probe = is_probe };

		memcpy(s.client, h->x->prefix.addr.b, sizeof s.client);
		h->digest[is_probe] = siphash64(w->key, slice_of(&s, sizeof s));
		h->has_digest[is_probe] = true;
	}
	h->event.grade = g;
	h->event.digest = h->digest[is_probe];
}

/* A message that names a trap and real people: limetwig refuses it at its end. */
static bool is_rider(struct replay_world *w, struct hit *h, enum replay_bound b)
{
	enum grade g = h->event.grade;

	if (h->e->type != REPLAY_MAIL && !h->e->is_message)
		return false;
	return h->e->message && w->setup.conf->traps.riders == RIDERS_REFUSE && g != GRADE_BACKSCATTER &&
	       g != GRADE_PROBE && replay_side_would_block(&w->subjects, h->x, b, &h->event, h->e->time);
}

static void rider_hold(struct replay_world *w, const struct hit *h, enum replay_bound b)
{
	bool is_new = !held_find(w, h->e->message);
	struct held *x = held_open(w, h->e->message, h->e->time, 1u << b);

	if (!x)
		return;
	if (is_new || x->is_rider) {
		x->is_rider = true;
		x->is_uncertain = h->e->type == REPLAY_MAIL;
	}
	x->trap_id = h->trap->id;
}

/* One hit in one bound. */
static void hit_play(struct replay_world *w, struct hit *h, enum replay_bound b)
{
	const struct replay_event *e = h->e;
	struct replay_yield *y = &w->yield[h->trap->id - 1];
	enum decide_kind kind;

	hit_grade(w, h, h->blocked & 1u << b ? GRADE_PROBE : grade_of(e, h->trap, b));
	if (is_rider(w, h, b)) {
		rider_hold(w, h, b);
		if (e->type == REPLAY_TRY) /* refused at the dot: nobody reads it */
			h->event.grade = GRADE_UNSEEN;
	}
	kind = replay_side_hit(&w->subjects, h->x, b, &h->event, e->time);
	if (kind == DECIDE_RETRY)
		return;
	COUNT(w, e->time, bound[b].grade[h->event.grade]);
	if (kind == DECIDE_RENEW)
		COUNT(w, e->time, bound[b].renewals);
	if (kind != DECIDE_BLOCK)
		return;
	if (h->x->side[b].block.is_held) {
		COUNT(w, e->time, bound[b].held);
		return;
	}
	COUNT(w, e->time, bound[b].blocks);
	y->blocks[b]++;
}

/* NULL: not a trap. */
static const struct trap *trap_of(struct replay_world *w, struct slice recipient, const struct trap **ret_mark)
{
	struct address *a = &w->recipient;
	const struct trap *trap, *pattern = NULL;

	if (address_parse(recipient, a) != ERR_OK || a->domain.n == 0)
		return NULL;
	trap = trap_table_find(w->setup.traps, a);
	if (w->setup.pattern && (!trap || trap->kind == TRAP_DOMAIN))
		pattern = w->setup.pattern(a, w->setup.ctx);
	*ret_mark = pattern ? pattern : trap;
	return trap ? trap : pattern;
}

static void hit_take(
	struct replay_world *w, const struct replay_event *e, const struct trap *trap, const struct trap *mark)
{
	enum grade spared = GRADE_NONE;
	struct replay_seen *s;
	struct hit h = { .e = e, .trap = trap, .mark = mark };

	w->yield[trap->id - 1].tries++;
	if (charge_of_transaction(origin_of(w, e), false, e->is_ours, true, &spared) != CHARGE_CLIENT) {
		w->sums.insider += spared == GRADE_INSIDER;
		w->sums.exempt += spared == GRADE_EXEMPT;
		return;
	}
	s = replay_subject_seen(&w->subjects, &e->client);
	if (!s->subject)
		s->subject = replay_subject_open(&w->subjects, &s->prefix);
	h.x = s->subject;
	if (!h.x)
		return;
	if (h.x->client.family == 0) {
		h.x->client = e->client;
		slice_copy(e->name, h.x->name, sizeof h.x->name);
	}
	w->sums.null_sender += e->sender.n == 0;
	h.blocked = blocked_in(h.x, e->time);
	h.event = decide_event_of(w, &h);
	hit_play(w, &h, REPLAY_LEAST);
	hit_play(w, &h, REPLAY_MOST);
}

/* ---- events */

static void connect_take(struct replay_world *w, const struct replay_event *e)
{
	struct replay_subject *x = subject_of(w, &e->client);
	unsigned bits = blocked_in(x, e->time);

	COUNT(w, e->time, connections);
	if (e->is_screened)
		COUNT(w, e->time, screened);
	if (!bits || origin_of(w, e) != GATE_FOREIGN)
		return;
	for (unsigned b = 0; b < REPLAY_BOUNDS; b++) {
		if (!(bits & 1u << b))
			continue;
		COUNT(w, e->time, bound[b].connections);
		x->side[b].connections++;
	}
}

static void accept_take(struct replay_world *w, const struct replay_event *e)
{
	struct replay_subject *x = subject_of(w, &e->client);
	unsigned bits = blocked_in(x, e->time);
	struct held *h;

	if (!bits || origin_of(w, e) != GATE_FOREIGN)
		return;
	h = held_open(w, e->message, e->time, bits);
	if (h)
		h->trap_id = x->side[bits & 1u << REPLAY_LEAST ? REPLAY_LEAST : REPLAY_MOST].block.trap_id;
}

static void try_take(struct replay_world *w, const struct replay_event *e)
{
	const struct trap *mark, *trap = trap_of(w, e->recipient, &mark);
	struct replay_subject *x;
	unsigned bits;

	COUNT(w, e->time, tries);
	/* a pattern may match people, too: what else Postfix refuses says nothing (role/engine_log.c) */
	if (trap && trap->kind == TRAP_PATTERN && !(e->is_unknown && e->code >= 550 && e->code <= 559))
		trap = NULL;
	if (trap) {
		hit_take(w, e, trap, mark);
		return;
	}
	x = subject_of(w, &e->client);
	bits = blocked_in(x, e->time);
	if (!bits || origin_of(w, e) != GATE_FOREIGN)
		return;
	for (unsigned b = 0; b < REPLAY_BOUNDS; b++)
		if (bits & 1u << b)
			COUNT(w, e->time, bound[b].tries);
}

static bool is_always_open(const struct replay_world *w, struct slice recipient)
{
	const struct conf_list *l = &w->setup.conf->always_open;
	struct slice local = slice_head(recipient, slice_rfind(recipient, '@'));

	for (uint32_t i = 0; i < l->count; i++)
		if (slice_eq_nocase(slice_str(l->item[i]), local))
			return true;
	return false;
}

static void tell_good(struct replay_world *w, const struct replay_event *e, const struct held *h)
{
	const struct replay_subject *x = subject_of(w, &e->client);
	struct replay_refusal r = { .time = e->time,
		.client = e->client,
		.name = e->name,
		.sender = e->sender,
		.recipient = e->recipient,
		.queue_id = e->mail->queue_id,
		.is_in = { h->bounds & 1u << REPLAY_LEAST, h->bounds & 1u << REPLAY_MOST },
		.is_rider = h->is_rider,
		.trap_id = h->trap_id,
		.credit = x ? ledger_good(&x->side[REPLAY_MOST].ledger, e->time) : 0,
		.is_correspondent = replay_subject_is_correspondent(&w->subjects, e->sender) };

	for (unsigned b = 0; b < REPLAY_BOUNDS && h->trap_id; b++)
		w->yield[h->trap_id - 1].good[b] += r.is_in[b];
	if (w->setup.good)
		w->setup.good(&r, w->setup.ctx);
}

enum fate { FATE_GOOD, FATE_SPAM, FATE_UNKNOWN };

static enum fate fate_of(const struct replay_event *e)
{
	if (e->is_bounced)
		return FATE_UNKNOWN;
	return e->mail->outcome == LOG_DELIVERED ? FATE_GOOD : FATE_SPAM;
}

/* A message of a blocked client came to its first end. */
static void refused_take(struct replay_world *w, const struct replay_event *e, struct held *h)
{
	struct replay_subject *x = subject_of(w, &e->client);
	enum fate f = fate_of(e);

	h->is_counted = true;
	for (unsigned b = 0; b < REPLAY_BOUNDS; b++) {
		if (!(h->bounds & 1u << b))
			continue;
		COUNT(w, h->time, bound[b].messages);
		if (f == FATE_GOOD)
			COUNT(w, h->time, bound[b].good);
		else if (f == FATE_SPAM)
			COUNT(w, h->time, bound[b].spam);
		else
			COUNT(w, h->time, bound[b].unknown);
		if (x) {
			x->side[b].good += f == FATE_GOOD;
			x->side[b].spam += f == FATE_SPAM;
			x->side[b].unknown += f == FATE_UNKNOWN;
		}
	}
	if (f == FATE_GOOD)
		tell_good(w, e, h);
}

/* Once a message, but for one that a filter refused: no recipient is told of that. */
static void count_message(struct replay_world *w, const struct replay_event *e)
{
	enum fate f = fate_of(e);

	if (!e->mail->is_first && e->mail->outcome != LOG_REJECTED)
		return;
	if (f == FATE_GOOD)
		COUNT(w, e->time, good);
	else if (f == FATE_SPAM)
		COUNT(w, e->time, spam);
	else
		COUNT(w, e->time, unknown);
}

static void mail_take(struct replay_world *w, const struct replay_event *e)
{
	const struct trap *mark, *trap;
	struct held *h;
	const struct replay_seen *s;

	if (e->mail->outcome == LOG_SUBMITTED) {
		replay_subject_wrote(&w->subjects, e->recipient);
		return;
	}
	trap = trap_of(w, e->recipient, &mark);
	if (trap && trap->kind != TRAP_PATTERN) {
		hit_take(w, e, trap, mark);
		return;
	}
	count_message(w, e);
	h = held_find(w, e->message);
	if (h && !h->is_counted && is_always_open(w, e->recipient))
		h->is_uncertain = true; /* refused only if it went to others too */
	else if (h && !h->is_counted)
		refused_take(w, e, h);
	if (fate_of(e) != FATE_GOOD || !e->mail->is_first || e->sender.n == 0 || e->client.family == 0)
		return;
	s = replay_subject_seen(&w->subjects, &e->client);
	if (s->subject)
		replay_subject_credit(&w->subjects, s->subject, e->sender, e->time, h && h->is_counted ? h->bounds : 0);
	else
		replay_subject_credit_other(&w->subjects, &s->prefix, e->sender, e->time);
}

void replay_world_event(const struct replay_event *e, void *ctx)
{
	struct replay_world *w = ctx;

	time_note(w, e->time);
	switch (e->type) {
	case REPLAY_CONNECT:
		if (!e->is_ours)
			connect_take(w, e);
		break;
	case REPLAY_ACCEPT:
		if (!e->is_ours)
			accept_take(w, e);
		break;
	case REPLAY_TRY:
		try_take(w, e);
		break;
	case REPLAY_MAIL:
		mail_take(w, e);
		break;
	}
}

void replay_world_end(struct replay_world *w)
{
	struct held *h;
	size_t pos = 0;

	while ((h = keymap_next(&w->held, &pos)))
		count_unknown(w, h);
	keymap_done(&w->held);
}
