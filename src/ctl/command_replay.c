/*
 * command_replay: what would have happened had these addresses been traps.
 *
 *   files ──▶ replay_read ──▶ core/replay_log ──▶ core/replay_world ──▶ JSON ──▶ render
 *
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>
#include <sys/random.h>

#include "core/replay_world.h"
#include "ctl/replay_read.h"
#include "ctl/replay_suggest.h"
#include "ctl/replay_traps.h"

#define GOOD_LISTED 100000 /* refused good mail in the answer; all are counted */
#define TOP 20             /* clients and traps in the answer */
#define DAY_S 86400

struct replay {
	struct ctl *c;
	struct replay_read read;
	struct replay_traps traps;
	struct replay_log *log;
	struct replay_world *world;
	json_t *good; /* refused, one by one */
};

static const struct trap *pattern_find(const struct address *a, void *ctx)
{
	const struct replay *r = ctx;

	return replay_traps_pattern(&r->traps, a);
}

/* Foreign bytes that are no UTF-8 cannot stand in JSON. */
static json_t *text_json(struct slice s)
{
	json_t *v = json_stringn(s.p ? s.p : "", s.n);
	char plain[512];
	size_t n = s.n < sizeof plain ? s.n : sizeof plain;

	if (v)
		return v;
	for (size_t i = 0; i < n; i++)
		plain[i] = (unsigned char)s.p[i] < 0x80 ? s.p[i] : '?';
	return json_stringn(plain, n);
}

static json_t *ip_json(const struct ipaddr *a)
{
	char text[IPADDR_TEXT];

	return json_string(ipaddr_format(a, text));
}

/* One message of a person, refused. */
static void good_take(const struct replay_refusal *f, void *ctx)
{
	struct replay *r = ctx;
	char trap[16];

	if (json_array_size(r->good) == GOOD_LISTED)
		return;
	(void)snprintf(trap, sizeof trap, "T-%u", f->trap_id);
	(void)json_array_append_new(r->good,
		json_pack("{s:I, s:o, s:o, s:o, s:o, s:s, s:s, s:b, s:b, s:b, s:f, s:b}", "time", (json_int_t)f->time,
			"client", ip_json(&f->client), "name", text_json(f->name), "sender", text_json(f->sender),
			"recipient", text_json(f->recipient), "queue_id", f->queue_id, "trap", trap, "least",
			f->is_in[REPLAY_LEAST], "most", f->is_in[REPLAY_MOST], "rider", f->is_rider, "credit",
			f->credit, "correspondent", f->is_correspondent));
}

static enum err line_take(const struct maillog_line *l, void *ctx)
{
	struct replay *r = ctx;

	return replay_log_add(r->log, l);
}

/* ---- the answer */

static json_t *count_json(const struct replay_count *k)
{
	uint64_t whole = k->grade[GRADE_UNSEEN] + k->grade[GRADE_CONFIRMED];

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "held", (json_int_t)k->held,
		"whole", (json_int_t)whole, "unseen", (json_int_t)k->grade[GRADE_UNSEEN], "probes",
		(json_int_t)k->grade[GRADE_PROBE], "backscatter", (json_int_t)k->grade[GRADE_BACKSCATTER], "blocks",
		(json_int_t)k->blocks, "renewals", (json_int_t)k->renewals, "connections", (json_int_t)k->connections,
		"spam", (json_int_t)k->spam, "unknown", (json_int_t)k->unknown, "good", (json_int_t)k->good, "tries",
		(json_int_t)k->tries);
}

static json_t *day_json(const struct replay_day *d)
{
	uint64_t begin = d->day * DAY_S;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "day", (json_int_t)begin, "connections",
		(json_int_t)d->connections, "screened", (json_int_t)d->screened, "good", (json_int_t)d->good, "spam",
		(json_int_t)d->spam, "unknown", (json_int_t)d->unknown, "tries", (json_int_t)d->tries, "least",
		count_json(&d->bound[REPLAY_LEAST]), "most", count_json(&d->bound[REPLAY_MOST]));
}

static json_t *days_json(const struct replay_sums *s)
{
	json_t *days = json_array();

	for (size_t i = 0; i < s->days; i++)
		(void)json_array_append_new(days, day_json(&s->day[i]));
	return days;
}

struct host_order {
	const struct replay_subject *subject;
	uint32_t good, connections;
};

/* Clients: those with the most good mail first, then with the most connections. */
static int host_order(const void *a, const void *b)
{
	const struct host_order *x = a, *y = b;

	if (x->good != y->good)
		return x->good < y->good ? 1 : -1;
	if (x->connections != y->connections)
		return x->connections < y->connections ? 1 : -1;
	/* the same log gives the same list */
	return memcmp(&x->subject->prefix, &y->subject->prefix, sizeof x->subject->prefix);
}

static json_t *subject_json(const struct replay_subject *x)
{
	const struct replay_side *least = &x->side[REPLAY_LEAST], *most = &x->side[REPLAY_MOST];
	char subject[PREFIX_TEXT];

	return json_pack("{s:s, s:o, s:o, s:b, s:I, s:I, s:I, s:I, s:I}", "subject", prefix_format(&x->prefix, subject),
		"client", ip_json(&x->client), "name", text_json(slice_str(x->name)), "least", least->blocks > 0,
		"blocks", (json_int_t)most->blocks, "connections", (json_int_t)most->connections, "good",
		(json_int_t)most->good, "spam", (json_int_t)most->spam, "unknown", (json_int_t)most->unknown);
}

static json_t *hosts_json(const struct replay *r)
{
	const struct replay_subjects *s = replay_world_subjects(r->world);
	struct host_order *list = calloc(s->by_prefix.count + 1, sizeof *list);
	struct replay_subject *x;
	json_t *hosts = json_array();
	size_t pos = 0, n = 0;

	while (list && (x = replay_subject_next(s, &pos))) {
		const struct replay_side *most = &x->side[REPLAY_MOST];

		if (most->blocks || x->side[REPLAY_LEAST].blocks)
			list[n++] = (struct host_order){ x, most->good, most->connections };
	}
	if (list)
		qsort(list, n, sizeof *list, host_order);
	for (size_t i = 0; i < n && i < TOP; i++)
		(void)json_array_append_new(hosts, subject_json(list[i].subject));
	free(list);
	return hosts;
}

struct trap_order {
	uint32_t id, good;
	uint64_t tries;
};

/* Those that cost good mail first, then those tried most. */
static int yield_order(const void *a, const void *b)
{
	const struct trap_order *x = a, *y = b;

	if (x->good != y->good)
		return x->good < y->good ? 1 : -1;
	return (x->tries < y->tries) - (x->tries > y->tries);
}

static json_t *trap_json(const struct replay *r, uint32_t id)
{
	const struct replay_yield *y = replay_world_yield(r->world, id);
	const char *text = trap_table_text(r->traps.table, trap_table_at(r->traps.table, id - 1));
	char name[16];

	(void)snprintf(name, sizeof name, "T-%u", id);
	return json_pack("{s:s, s:o*, s:I, s:I, s:I, s:I}", "trap", name, "text",
		r->c->args.is_given[OPT_REVEAL] ? text_json(slice_str(text)) : NULL, "tries", (json_int_t)y->tries,
		"blocks_least", (json_int_t)y->blocks[REPLAY_LEAST], "blocks_most", (json_int_t)y->blocks[REPLAY_MOST],
		"good", (json_int_t)y->good[REPLAY_MOST]);
}

static json_t *yield_json(const struct replay *r)
{
	size_t all = trap_table_count(r->traps.table), n = 0;
	struct trap_order *list = calloc(all + 1, sizeof *list);
	json_t *traps = json_array();

	for (uint32_t i = 1; list && i <= all; i++) {
		const struct replay_yield *y = replay_world_yield(r->world, i);

		if (y->tries)
			list[n++] = (struct trap_order){ i, y->good[REPLAY_MOST], y->tries };
	}
	if (list)
		qsort(list, n, sizeof *list, yield_order);
	for (size_t i = 0; i < n && i < TOP; i++)
		(void)json_array_append_new(traps, trap_json(r, list[i].id));
	free(list);
	return traps;
}

/* What met a cap; each says what that does to the numbers. */
static json_t *limits_json(const struct replay *r)
{
	const struct replay_sums *s = replay_world_sums(r->world);
	const struct replay_subjects *x = replay_world_subjects(r->world);

	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "hits_not_charged", (json_int_t)x->uncharged, "good_not_credited",
		(json_int_t)x->uncredited, "messages_not_followed", (json_int_t)s->held_lost, "lines_of_more_machines",
		(json_int_t)replay_log_shared(r->log), "spf_entries_not_used", (json_int_t)r->traps.spf);
}

static json_t *make_answer(const struct replay *r)
{
	const struct replay_sums *s = replay_world_sums(r->world);

	return json_pack("{s:b, s:I, s:I, s:o, s:{s:I, s:o, s:I, s:I}, s:o, s:I, s:I, s:I, s:o, s:O, s:o, s:o, s:o}",
		"ok", 1, "first", (json_int_t)s->first, "last", (json_int_t)s->last, "log", replay_read_json(&r->read),
		"traps", "count", (json_int_t)trap_table_count(r->traps.table), "from",
		text_json(slice_str(r->traps.from)), "bad", (json_int_t)r->traps.bad, "asleep",
		(json_int_t)r->traps.asleep, "all", day_json(&s->all), "empty_sender", (json_int_t)s->null_sender,
		"insider", (json_int_t)s->insider, "exempt", (json_int_t)s->exempt, "days", days_json(s), "good_mail",
		r->good, "hosts", hosts_json(r), "yield", yield_json(r), "limits", limits_json(r));
}

/* ---- the run */

static int play(struct replay *r, const uint8_t key[SIPHASH_KEY])
{
	const struct replay_setup setup = { .conf = &r->c->conf,
		.allow = &r->traps.allow,
		.rules = &r->traps.rules,
		.traps = r->traps.table,
		.pattern = r->traps.patterns_used ? pattern_find : NULL,
		.good = good_take,
		.ctx = r };
	json_t *answer;
	int status = replay_read_open(r->c, &r->read);

	if (status != CTL_DONE)
		return status;
	r->good = json_array();
	r->world = replay_world_new(key, &setup);
	r->log = r->world ? replay_log_new(key, &r->traps.own, replay_world_event, r->world) : NULL;
	if (!r->log || replay_read_all(r->c, &r->read, line_take, r) != ERR_OK)
		return ctl_refuse(r->c, "no memory");
	replay_log_end(r->log);
	replay_world_end(r->world);
	answer = make_answer(r);
	if (!answer)
		return ctl_refuse(r->c, "no memory");
	if (!ctl_show_json(r->c, answer))
		render_replay(&r->c->render, answer);
	json_decref(answer);
	return r->read.broken ? CTL_REFUSED : CTL_DONE;
}

/* Those given, those of this server, or those that the log itself suggests. */
static int choose_traps(struct replay *r, const uint8_t key[SIPHASH_KEY])
{
	struct ctl *c = r->c;
	bool any = false;
	int status = CTL_DONE;

	if (c->args.is_given[OPT_SUGGEST] && c->args.is_given[OPT_TRAPS])
		return ctl_usage(c, "either --traps or --suggest");
	if (c->args.is_given[OPT_TRAPS])
		status = replay_traps_given(c, &r->traps, c->args.value[OPT_TRAPS]);
	else if (!c->args.is_given[OPT_SUGGEST])
		status = replay_traps_installed(c, &r->traps, &any);
	if (status != CTL_DONE)
		return status;
	if (trap_table_count(r->traps.table) == 0 && !c->args.is_given[OPT_TRAPS])
		status = replay_suggest_traps(c, key, &r->traps);
	if (status == CTL_DONE && trap_table_count(r->traps.table) == 0)
		status =
			ctl_refuse(c, "no trap to replay with: give some with --traps FILE or --traps ADDRESS,ADDRESS");
	return status;
}

int command_replay(struct ctl *c)
{
	uint8_t key[SIPHASH_KEY];
	struct replay *r = calloc(1, sizeof *r);
	int status;

	if (!r || getrandom(key, sizeof key, 0) != (ssize_t)sizeof key) {
		free(r);
		return ctl_refuse(c, "no memory or no randomness");
	}
	r->c = c;
	status = replay_traps_init(c, key, &r->traps);
	if (status == CTL_DONE)
		status = choose_traps(r, key);
	if (status == CTL_DONE)
		status = play(r, key);
	replay_log_free(r->log);
	replay_world_free(r->world);
	replay_read_close(&r->read);
	replay_traps_done(&r->traps);
	json_decref(r->good);
	free(r);
	return status;
}
