/*
 * engine_command_hits: hits listed, and what is kept about one person.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>

#include "role/engine.h"

#define HITS_LIMIT 100
#define HITS_SORTED 100000 /* looked at before the newest are chosen */
#define PERSON_LIMIT 10000

/* ---- hits */

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

void engine_command_hits(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *what = engine_json_string(in, "what");
	uint64_t limit = engine_json_number(in, "limit", HITS_LIMIT), since = engine_json_number(in, "since", 0);
	struct hits x = { .e = e, .tag = engine_json_string(in, "tag"), .is_good = engine_json_true(in, "good") };
	uint8_t key[RECORD_KEY];
	struct slice head = { 0 };
	struct prefix p;
	json_t *list = NULL;

	x.since = since && since < 10ull * 366 * 86400 ? clock_wall_s() - since : since;
	if (what) {
		if (engine_find_subject(e, what, &p) != ERR_OK) {
			engine_answer_error(c, 1, "no such address or case");
			return;
		}
		head = record_subject_key(&p, key);
	}
	x.found = calloc(HITS_SORTED, sizeof *x.found);
	if (!x.found || store_flush(e->store) != ERR_OK ||
		store_scan(e->store, TABLE_HIT, head, (struct slice){ 0 }, false, take_hit, &x) != ERR_OK) {
		engine_answer_error(c, 1, "the store cannot be read");
		goto out;
	}
	qsort(x.found, x.count, sizeof *x.found, newest_first);
	list = json_array();
	for (size_t i = 0; i < x.count && i < limit; i++)
		(void)json_array_append(list, x.found[i].json);
	engine_answer(c, json_pack("{s:o, s:I}", "hits", list, "total", (json_int_t)x.count));
out:
	for (size_t i = 0; i < x.count; i++)
		json_decref(x.found[i].json);
	free(x.found);
}

/* ---- person, forget */

struct person {
	struct engine *e;
	char address[ADDRESS_TEXT];
	char hash[ENGINE_HASH_TEXT];
	bool is_deleting;
	enum table blocks; /* the table forget_block rewrites */
	json_t *hits, *refusals, *accepted;
	json_int_t count[4]; /* hits, refusals, accepted, corpus */
};

static bool is_person(const struct person *p, const char *text)
{
	struct address a;

	if (text[0] == '\0')
		return false;
	if (address_parse(slice_str(text), &a) != ERR_OK)
		return slice_eq_nocase(slice_str(text), slice_str(p->address));
	return strcmp(a.text, p->address) == 0;
}

static void remove_corpus(struct person *p, const char *id)
{
	uint8_t out[128];
	struct wr w = wr_init(out, sizeof out);
	struct msg_corpus_remove m = { 0 };

	if (id[0] == '\0')
		return;
	slice_copy(slice_str(id), m.corpus_id, sizeof m.corpus_id);
	message_put_corpus_remove(&w, MSG_CORPUS_REMOVE, &m);
	if (role_host_send(p->e->host, ROLE_CAPTURE, &w, NULL, 0) == ERR_OK)
		p->count[3]++;
}

static bool person_hit(struct slice key, struct slice value, void *ctx)
{
	struct person *p = ctx;
	struct record_hit h;

	if (record_get_hit(value, &h) != ERR_OK || !(is_person(p, h.sender) || is_person(p, h.login)))
		return true;
	p->count[0]++;
	if (p->is_deleting) {
		remove_corpus(p, h.corpus_id);
		return store_del(p->e->store, TABLE_HIT, key) != 0;
	}
	(void)json_array_append_new(p->hits, engine_json_hit(p->e, &h));
	return p->count[0] < PERSON_LIMIT;
}

static bool person_refusal(struct slice key, struct slice value, void *ctx)
{
	struct person *p = ctx;
	struct record_refusal r;
	char client[IPADDR_TEXT];

	if (record_get_refusal(value, &r) != ERR_OK || !(is_person(p, r.sender) || is_person(p, r.recipient)))
		return true;
	p->count[1]++;
	if (p->is_deleting)
		return store_del(p->e->store, TABLE_REFUSAL, key) != 0;
	(void)json_array_append_new(p->refusals,
		json_pack("{s:I, s:s, s:o, s:o, s:i, s:s}", "time", (json_int_t)r.time, "client",
			ipaddr_format(&r.client, client), "sender", engine_json_hidden(p->e, r.sender), "recipient",
			engine_json_hidden(p->e, r.recipient), "code", (int)r.code, "case", r.case_id));
	return p->count[1] < PERSON_LIMIT;
}

static bool person_accepted(struct slice key, struct slice value, void *ctx)
{
	struct person *p = ctx;
	struct record_accepted r;
	char client[IPADDR_TEXT];
	bool is_his;

	if (record_get_accepted(value, &r) != ERR_OK)
		return true;
	is_his = r.is_hashed ? strcmp(r.sender, p->hash) == 0 || strcmp(r.recipient, p->hash) == 0
			     : is_person(p, r.sender) || is_person(p, r.recipient);
	if (!is_his)
		return true;
	p->count[2]++;
	if (p->is_deleting)
		return store_del(p->e->store, TABLE_ACCEPTED, key) != 0;
	(void)json_array_append_new(p->accepted,
		json_pack("{s:I, s:s, s:o, s:o, s:o}", "time", (json_int_t)r.time, "client",
			ipaddr_format(&r.client, client), "sender", engine_json_hidden(p->e, r.sender), "recipient",
			engine_json_hidden(p->e, r.recipient), "queue_id", engine_json_text(r.queue_id)));
	return p->count[2] < PERSON_LIMIT;
}

/* Takes the address out of what people have written, however they wrote its letters. */
static bool cut_out(const struct person *p, char *text)
{
	size_t n = strlen(p->address);
	bool is_found = false;

	for (char *at; n && (at = strcasestr(text, p->address)) != NULL; is_found = true)
		memmove(at, at + n, strlen(at + n) + 1);
	return is_found;
}

static bool forget_audit(struct slice key, struct slice value, void *ctx)
{
	struct person *p = ctx;
	struct record_audit a;
	uint8_t out[RECORD_VALUE];
	struct wr w = wr_init(out, sizeof out);
	bool is_found;

	if (record_get_audit(value, &a) != ERR_OK)
		return true;
	is_found = cut_out(p, a.what);
	is_found |= cut_out(p, a.note);
	if (!is_found)
		return true;
	record_put_audit(&w, &a);
	return !w.bad && store_put(p->e->store, TABLE_AUDIT, key, wr_slice(&w)) != 0;
}

/* The sender's name also stands in block records and in the cases of old ones. */
static bool forget_block(struct slice key, struct slice value, void *ctx)
{
	struct person *p = ctx;
	struct record_block b;
	uint8_t out[RECORD_VALUE];
	struct wr w = wr_init(out, sizeof out);
	struct engine_subject *s;
	bool is_sender, is_noted;

	if (record_get_block(value, &b) != ERR_OK)
		return true;
	is_sender = is_person(p, b.sender);
	is_noted = cut_out(p, b.note);
	if (!is_sender && !is_noted)
		return true;
	if (is_sender)
		b.sender[0] = '\0';
	record_put_block(&w, &b);
	s = keymap_get(&p->e->subjects, key);
	if (s && s->has_block) {
		if (is_person(p, s->block.sender))
			s->block.sender[0] = '\0';
		(void)cut_out(p, s->block.note);
	}
	return !w.bad && store_put(p->e->store, p->blocks, key, wr_slice(&w)) != 0;
}

static bool person_start(struct engine *e, struct engine_call *c, const json_t *in, struct person *p)
{
	const char *text = engine_json_string(in, "address");
	struct address a;

	if (!text || address_parse(slice_str(text), &a) != ERR_OK || a.domain.n == 0) {
		engine_answer_error(c, 2, "not a mail address");
		return false;
	}
	*p = (struct person){ .e = e };
	slice_copy(slice_str(a.text), p->address, sizeof p->address);
	(void)engine_address_hash(e, p->address, p->hash);
	if (store_flush(e->store) == ERR_OK)
		return true;
	engine_answer_error(c, 1, "the store takes no writes");
	return false;
}

static enum err person_scan(struct person *p)
{
	const struct slice all = { 0 };
	enum err err = store_scan(p->e->store, TABLE_HIT, all, all, false, person_hit, p);

	if (err == ERR_OK)
		err = store_scan(p->e->store, TABLE_REFUSAL, all, all, false, person_refusal, p);
	if (err == ERR_OK)
		err = store_scan(p->e->store, TABLE_ACCEPTED, all, all, false, person_accepted, p);
	return err;
}

void engine_command_person(struct engine *e, struct engine_call *c, const json_t *in)
{
	struct person p;

	if (!person_start(e, c, in, &p))
		return;
	p.hits = json_array();
	p.refusals = json_array();
	p.accepted = json_array();
	if (person_scan(&p) != ERR_OK) {
		json_decref(p.hits);
		json_decref(p.refusals);
		json_decref(p.accepted);
		engine_answer_error(c, 1, "the store cannot be read");
		return;
	}
	engine_audit(e, c, engine_json_string(in, "note"), "person asked about");
	engine_answer(c, json_pack("{s:s, s:{s:o, s:o, s:o}}", "address", p.address, "data", "hits", p.hits, "refusals",
				 p.refusals, "accepted", p.accepted));
}

void engine_command_forget(struct engine *e, struct engine_call *c, const json_t *in)
{
	struct person p;
	const struct slice all = { 0 };
	enum err err;

	if (!e->host->link[ROLE_CAPTURE]) {
		engine_answer_error(
			c, 1, "the capture role is not there to delete the messages: try again in a minute");
		return;
	}
	if (!person_start(e, c, in, &p))
		return;
	p.is_deleting = true;
	err = person_scan(&p);
	p.blocks = TABLE_BLOCK;
	if (err == ERR_OK)
		err = store_scan(e->store, TABLE_BLOCK, all, all, false, forget_block, &p);
	p.blocks = TABLE_CASE;
	if (err == ERR_OK)
		err = store_scan(e->store, TABLE_CASE, all, all, false, forget_block, &p);
	if (err == ERR_OK)
		err = store_scan(e->store, TABLE_AUDIT, all, all, false, forget_audit, &p);
	if (err == ERR_OK)
		err = store_flush(e->store);
	(void)keymap_del(&e->recent, slice_str(p.address));
	if (err != ERR_OK) {
		engine_answer_error(c, 1, "not all could be deleted (%s): repeat the command", err_name(err));
		return;
	}
	engine_audit(e, c, engine_json_string(in, "note"), "person forgotten");
	engine_answer(c, json_pack("{s:{s:I, s:I, s:I, s:I}}", "removed", "hits", p.count[0], "refusals", p.count[1],
				 "accepted", p.count[2], "corpus", p.count[3]));
}
