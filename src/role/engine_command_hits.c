/*
 * engine_command_hits: hits listed; with "good" those of hosts with good mail,
 * and the mail of such hosts that was refused.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>

#include "role/engine.h"

#define HITS_LIMIT 100
#define HITS_MOST 100000     /* shown */
#define REFUSALS_SEEN 100000 /* the newest: looked through for good mail */

struct found {
	uint64_t time;
	uint8_t key[RECORD_KEY];
	size_t n;
};

struct hits {
	struct engine *e;
	const char *tag;
	uint64_t since;
	bool is_good; /* only subjects with good mail */
	struct found *found;
	size_t count, most; /* found has room for twice as many as are shown */
	json_int_t total;
};

/* Its key begins with whom it was charged to. */
static bool is_of_good(const struct hits *x, struct slice key)
{
	struct prefix p;

	return key.n > sizeof(uint64_t) &&
	       record_subject_parse(slice_head(key, key.n - sizeof(uint64_t)), &p) == ERR_OK &&
	       engine_good(x->e, &p, clock_wall_s()) > 0;
}

static bool hit_is_wanted(const struct hits *x, struct slice key, const struct record_hit *h)
{
	const struct trap *trap = engine_trap_by_id(x->e, h->trap_id);

	if (h->time < x->since)
		return false;
	if (x->tag && (!trap || strcmp(x->tag, trap_table_tag(x->e->traps, trap)) != 0))
		return false;
	return !x->is_good || is_of_good(x, key);
}

static int newest_first(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->time < y->time ? 1 : x->time > y->time ? -1 : 0;
}

/* The newest of those found so far. */
static void sort(struct hits *x)
{
	qsort(x->found, x->count, sizeof *x->found, newest_first);
	x->count = x->count < x->most ? x->count : x->most;
}

static bool take_hit(struct slice key, struct slice value, void *ctx)
{
	struct hits *x = ctx;
	struct record_hit h;
	struct found *f;

	if (record_get_hit(value, &h) != ERR_OK || key.n > RECORD_KEY || !hit_is_wanted(x, key, &h))
		return true;
	x->total++;
	if (!x->most)
		return true;
	f = &x->found[x->count++];
	f->time = h.time;
	f->n = key.n;
	memcpy(f->key, key.p, key.n);
	if (x->count == 2 * x->most)
		sort(x);
	return true;
}

/* What became of the message's real recipients, where that is known. */
static void note_riders(struct engine *e, json_t *hit)
{
	struct record_withheld r;

	if (engine_release_look(e, engine_json_string(hit, "corpus_id"), &r) != ERR_OK)
		return;
	(void)json_object_set_new(hit, "riders", json_string(r.state == WITHHELD_KEPT ? "withheld" : "released"));
	(void)json_object_set_new(hit, "rider_count", json_integer(r.riders));
}

/* Nothing of one that has gone meanwhile. */
static void add_hit(struct engine *e, const struct found *f, json_t *list)
{
	uint8_t value[RECORD_VALUE];
	struct record_hit h;
	json_t *j;
	size_t n;

	if (store_get(e->store, TABLE_HIT, slice_of(f->key, f->n), value, sizeof value, &n) != ERR_OK ||
		record_get_hit(slice_of(value, n), &h) != ERR_OK)
		return;
	j = engine_json_hit(e, &h);
	note_riders(e, j);
	(void)json_array_append_new(list, j);
}

/* ---- good mail refused */

struct refused {
	struct engine *e;
	const struct prefix *subject; /* only of this one; NULL: all */
	uint64_t since, limit, now;
	unsigned left;
	json_t *list;
	json_int_t total;
};

static bool take_refusal(struct slice key, struct slice value, void *ctx)
{
	struct refused *x = ctx;
	struct record_refusal r;
	struct engine_who who;
	char client[IPADDR_TEXT];

	(void)key;
	if (--x->left == 0)
		return false;
	if (record_get_refusal(value, &r) != ERR_OK || r.client.family == 0)
		return true;
	if (r.time < x->since)
		return false;
	who = engine_who(x->e, &r.client, r.name, r.sender);
	if ((x->subject && !prefix_eq(&who.subject, x->subject)) || !(engine_good(x->e, &who.subject, x->now) > 0))
		return true;
	if ((uint64_t)x->total++ < x->limit)
		(void)json_array_append_new(x->list,
			json_pack("{s:I, s:s, s:o, s:o, s:o, s:i, s:s, s:b}", "time", (json_int_t)r.time, "client",
				ipaddr_format(&r.client, client), "name", engine_json_text(r.name), "sender",
				engine_json_hidden(x->e, r.sender), "recipient", engine_json_hidden(x->e, r.recipient),
				"code", (int)r.code, "case", r.case_id, "would", r.is_would != 0));
	return true;
}

/* Into the answer; whoever has good mail now: that of a host that lost it by its hits is not shown. */
static void add_refused(struct engine *e, json_t *j, const struct prefix *subject, uint64_t since, uint64_t limit)
{
	struct refused x = { .e = e,
		.subject = subject,
		.since = since,
		.limit = limit,
		.now = clock_wall_s(),
		.left = REFUSALS_SEEN,
		.list = json_array() };

	if (store_scan(e->store, TABLE_REFUSAL, (struct slice){ 0 }, (struct slice){ 0 }, true, take_refusal, &x) !=
		ERR_OK)
		x.total = -1;
	(void)json_object_set_new(j, "refusals", x.list);
	(void)json_object_set_new(j, "refusals_total", json_integer(x.total));
}

void engine_command_hits(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *what = engine_json_string(in, "what");
	uint64_t limit = engine_json_number(in, "limit", HITS_LIMIT), since = engine_json_number(in, "since", 0);
	struct hits x = { .e = e, .tag = engine_json_string(in, "tag"), .is_good = engine_json_true(in, "good") };
	uint8_t key[RECORD_KEY];
	struct slice head = { 0 };
	struct prefix p;
	json_t *list = NULL, *j;

	x.since = since && since < 10ull * 366 * 86400 ? clock_wall_s() - since : since;
	if (what) {
		if (engine_find_subject(e, what, &p) != ERR_OK) {
			engine_answer_error(c, 1, "no such address or case");
			return;
		}
		head = record_subject_key(&p, key);
	}
	x.most = limit < HITS_MOST ? limit : HITS_MOST;
	x.found = calloc(2 * x.most + 1, sizeof *x.found);
	engine_call_settle(c);
	if (!x.found || store_scan(e->store, TABLE_HIT, head, (struct slice){ 0 }, false, take_hit, &x) != ERR_OK) {
		engine_answer_error(c, 1, "the store cannot be read");
		goto out;
	}
	sort(&x);
	list = json_array();
	for (size_t i = 0; i < x.count; i++)
		add_hit(e, &x.found[i], list);
	j = json_pack("{s:o, s:I}", "hits", list, "total", x.total);
	if (x.is_good)
		add_refused(e, j, what ? &p : NULL, x.since, limit);
	engine_answer(c, j);
out:
	free(x.found);
}
