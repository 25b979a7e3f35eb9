/*
 * engine_command_person: what is kept about one person, and deleting it. Capture
 * looks through the corpus first; one question at a time.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>

#include "role/engine.h"

#define SETTLE_MS 1000     /* each step waits for the disk so long, and with it all mail */
#define PERSON_LIMIT 10000 /* records of a kind that are shown */
#define WITHHELD_BITE 64

/* What is known of him, and the answer to it. */
struct person {
	struct engine *e;
	char address[ADDRESS_TEXT];
	char hash[ENGINE_HASH_TEXT];
	bool is_deleting;
	enum table blocks; /* the table forget_block rewrites */
	json_t *hits, *refusals, *accepted;
	json_int_t count[4]; /* hits, refusals, accepted, captured messages */
};

/* A question under way: capture looks through the corpus. */
struct engine_person {
	struct engine_call *call;
	uint32_t seq;
	bool is_deleting;
	char note[RECORD_NOTE];
	struct person person;
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

static bool person_hit(struct slice key, struct slice value, void *ctx)
{
	struct person *p = ctx;
	struct record_hit h;

	if (record_get_hit(value, &h) != ERR_OK || !(is_person(p, h.sender) || is_person(p, h.login)))
		return true;
	p->count[0]++;
	if (p->is_deleting) {
		if (!is_person(p, h.sender)) /* his message under another name; the others are gone by now */
			p->count[3] += h.corpus_id[0] && engine_corpus_remove(p->e, h.corpus_id);
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

static bool forget_allow(struct slice key, struct slice value, void *ctx)
{
	struct person *p = ctx;
	struct record_allow r;
	uint8_t out[RECORD_VALUE];
	struct wr w = wr_init(out, sizeof out);

	if (record_get_allow(value, &r) != ERR_OK || !cut_out(p, r.note))
		return true;
	record_put_allow(&w, &r);
	return !w.bad && store_put(p->e->store, TABLE_ALLOW, key, wr_slice(&w)) != 0;
}

/* Messages of his that were kept from their riders. */
struct withheld {
	struct person *p;
	size_t count;
	char id[WITHHELD_BITE][MESSAGE_CORPUS_ID];
};

static bool forget_withheld(struct slice key, struct slice value, void *ctx)
{
	struct withheld *x = ctx;
	struct record_withheld r;
	uint8_t out[RECORD_VALUE];
	struct wr w = wr_init(out, sizeof out);
	bool is_to, is_noted;

	if (record_get_withheld(value, &r) != ERR_OK)
		return true;
	if (is_person(x->p, r.sender)) {
		slice_copy(key, x->id[x->count++], sizeof x->id[0]);
		return x->count < WITHHELD_BITE;
	}
	is_to = is_person(x->p, r.to);
	is_noted = cut_out(x->p, r.note);
	if (!is_to && !is_noted)
		return true;
	if (is_to)
		r.to[0] = '\0';
	record_put_withheld(&w, &r);
	return !w.bad && store_put(x->p->e->store, TABLE_WITHHELD, key, wr_slice(&w)) != 0;
}

static enum err person_withheld(struct person *p)
{
	const struct slice all = { 0 };
	struct withheld x = { .p = p };
	enum err err;

	do {
		x.count = 0;
		err = store_scan(p->e->store, TABLE_WITHHELD, all, all, false, forget_withheld, &x);
		for (size_t i = 0; i < x.count; i++)
			engine_release_replaced(p->e, x.id[i], "");
		if (err == ERR_OK)
			err = store_settle(p->e->store, SETTLE_MS);
	} while (err == ERR_OK && x.count == WITHHELD_BITE);
	return err;
}

static enum err person_scan(struct person *p)
{
	const struct slice all = { 0 };
	enum err err = store_settle(p->e->store, SETTLE_MS);

	if (err == ERR_OK)
		err = store_scan(p->e->store, TABLE_HIT, all, all, false, person_hit, p);
	if (err == ERR_OK)
		err = store_scan(p->e->store, TABLE_REFUSAL, all, all, false, person_refusal, p);
	if (err == ERR_OK)
		err = store_scan(p->e->store, TABLE_ACCEPTED, all, all, false, person_accepted, p);
	return err;
}

/* What people wrote, and the names in blocks. */
static enum err person_cut_out(struct person *p)
{
	static const struct {
		enum table table;
		store_fn fn;
	} place[] = { { TABLE_BLOCK, forget_block }, { TABLE_CASE, forget_block }, { TABLE_AUDIT, forget_audit },
		{ TABLE_ALLOW, forget_allow } };
	const struct slice all = { 0 };
	enum err err = ERR_OK;

	for (size_t i = 0; i < sizeof place / sizeof place[0] && err == ERR_OK; i++) {
		p->blocks = place[i].table;
		err = store_scan(p->e->store, place[i].table, all, all, false, place[i].fn, p);
	}
	return err;
}

/* captured: messages in the corpus; below 0: not known. */
static void show(struct engine_person *q, json_int_t captured)
{
	struct person p = q->person;

	p.hits = json_array();
	p.refusals = json_array();
	p.accepted = json_array();
	if (person_scan(&p) != ERR_OK) {
		json_decref(p.hits);
		json_decref(p.refusals);
		json_decref(p.accepted);
		engine_answer_error(q->call, 1, "the store cannot be read");
		return;
	}
	engine_audit(p.e, q->call, q->note, "person asked about");
	engine_answer(q->call, json_pack("{s:s, s:{s:o, s:o, s:o, s:o}}", "address", p.address, "data", "hits", p.hits,
				       "refusals", p.refusals, "accepted", p.accepted, "captured",
				       captured < 0 ? json_null() : json_integer(captured)));
}

static bool is_his(const char *text, void *ctx)
{
	return is_person(ctx, text);
}

static void forget(struct engine_person *q, json_int_t captured)
{
	struct person p = q->person;
	enum err err;

	p.is_deleting = true;
	p.count[3] = captured;
	engine_hit_forget(p.e, is_his, &p);
	err = person_scan(&p);
	if (err == ERR_OK)
		err = person_cut_out(&p);
	if (err == ERR_OK)
		err = person_withheld(&p);
	if (err == ERR_OK)
		err = store_settle(p.e->store, SETTLE_MS);
	(void)keymap_del(&p.e->recent, slice_str(p.address));
	if (err != ERR_OK) {
		engine_answer_error(q->call, 1, "not all could be deleted (%s): repeat the command", err_name(err));
		return;
	}
	(void)cut_out(&p, q->note);
	engine_audit(p.e, q->call, q->note, "person forgotten");
	engine_answer(q->call, json_pack("{s:{s:I, s:I, s:I, s:I}}", "removed", "hits", p.count[0], "refusals",
				       p.count[1], "accepted", p.count[2], "corpus", p.count[3]));
}

/* ---- the corpus first: what comes in meanwhile is then in the records too */

static void question_free(struct engine *e)
{
	free(e->person);
	e->person = NULL;
}

void engine_person_call_gone(struct engine *e, const struct engine_call *c)
{
	if (e->person && e->person->call == c)
		question_free(e);
}

void engine_person_link_lost(struct engine *e)
{
	if (!e->person)
		return;
	engine_answer_error(e->person->call, 1,
		"the capture role has ended while it looked through the messages: repeat the command");
	question_free(e);
}

void engine_person_looked(struct engine *e, const struct msg_corpus_forgotten *m)
{
	struct engine_person *q = e->person;

	if (!q || q->seq != m->seq)
		return; /* whoever asked has gone */
	if (q->is_deleting && m->failed)
		engine_answer_error(q->call, 1,
			"%u captured messages could not be read or deleted, nothing else is deleted yet: see the log, "
			"repeat the command",
			m->failed);
	else if (q->is_deleting)
		forget(q, m->files);
	else
		show(q, m->files);
	question_free(e);
}

static enum err corpus_ask(struct engine *e, const struct engine_person *q)
{
	struct msg_corpus_forget m = { .seq = q->seq, .is_deleting = q->is_deleting };
	uint8_t out[sizeof m + 64];
	struct wr w = wr_init(out, sizeof out);

	slice_copy(slice_str(q->person.address), m.address, sizeof m.address);
	message_put_corpus_forget(&w, MSG_CORPUS_FORGET, &m);
	return role_host_send(e->host, ROLE_CAPTURE, &w, NULL, 0);
}

static struct engine_person *question_new(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *text = engine_json_string(in, "address"), *note = engine_json_string(in, "note");
	struct engine_person *q;
	struct address a;

	if (!text || address_parse(slice_str(text), &a) != ERR_OK || a.domain.n == 0) {
		engine_answer_error(c, 2, "not a mail address");
		return NULL;
	}
	if (e->person) {
		engine_answer_error(c, 1, "somebody else asks about a person at this moment: try again in a minute");
		return NULL;
	}
	q = calloc(1, sizeof *q);
	if (!q) {
		engine_answer_error(c, 1, "no memory");
		return NULL;
	}
	q->call = c;
	q->seq = ++e->person_seq;
	q->person.e = e;
	slice_copy(slice_str(note ? note : ""), q->note, sizeof q->note);
	slice_copy(slice_str(a.text), q->person.address, sizeof q->person.address);
	(void)engine_address_hash(e, q->person.address, q->person.hash);
	e->person = q;
	return q;
}

void engine_command_person(struct engine *e, struct engine_call *c, const json_t *in)
{
	struct engine_person *q = question_new(e, c, in);

	if (!q || corpus_ask(e, q) == ERR_OK)
		return;
	show(q, -1);
	question_free(e);
}

void engine_command_forget(struct engine *e, struct engine_call *c, const json_t *in)
{
	struct engine_person *q = question_new(e, c, in);

	if (!q)
		return;
	q->is_deleting = true;
	if (corpus_ask(e, q) == ERR_OK)
		return;
	engine_answer_error(c, 1, "the capture role is not there to delete the messages: try again in a minute");
	question_free(e);
}
