/*
 * engine_command_hits: hits listed; with "good" those of hosts with good mail,
 * and the mail of such hosts that was refused.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>

#include "role/engine.h"

#define HITS_LIMIT 100
#define HITS_SORTED 100000 /* looked at before the newest are chosen */

struct found {
	uint64_t time;
	json_t *json;
};

struct hits {
	struct engine *e;
	const char *tag;
	uint64_t since;
	bool is_good; /* only subjects with good mail */
	struct found *found;
	size_t count;
};

static bool hit_is_wanted(const struct hits *x, const struct record_hit *h)
{
	const struct trap *trap = engine_trap_by_id(x->e, h->trap_id);
	struct prefix p;

	if (h->time < x->since)
		return false;
	if (x->tag && (!trap || strcmp(x->tag, trap_table_tag(x->e->traps, trap)) != 0))
		return false;
	if (!x->is_good)
		return true;
	if (h->client.family == 0)
		return false;
	p = engine_subject_of(x->e, &h->client);
	return engine_good(x->e, &p, clock_wall_s()) > 0;
}

static bool take_hit(struct slice key, struct slice value, void *ctx)
{
	struct hits *x = ctx;
	struct record_hit h;

	(void)key;
	if (record_get_hit(value, &h) == ERR_OK && hit_is_wanted(x, &h))
		x->found[x->count++] = (struct found){ h.time, engine_json_hit(x->e, &h) };
	return x->count < HITS_SORTED;
}

static int newest_first(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->time < y->time ? 1 : x->time > y->time ? -1 : 0;
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
		.left = HITS_SORTED,
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
	x.found = calloc(HITS_SORTED, sizeof *x.found);
	engine_call_settle(c);
	if (!x.found || store_scan(e->store, TABLE_HIT, head, (struct slice){ 0 }, false, take_hit, &x) != ERR_OK) {
		engine_answer_error(c, 1, "the store cannot be read");
		goto out;
	}
	qsort(x.found, x.count, sizeof *x.found, newest_first);
	list = json_array();
	for (size_t i = 0; i < x.count && i < limit; i++) {
		note_riders(e, x.found[i].json);
		(void)json_array_append(list, x.found[i].json);
	}
	j = json_pack("{s:o, s:I}", "hits", list, "total", (json_int_t)x.count);
	if (x.is_good)
		add_refused(e, j, what ? &p : NULL, x.since, limit);
	engine_answer(c, j);
out:
	for (size_t i = 0; i < x.count; i++)
		json_decref(x.found[i].json);
	free(x.found);
}
