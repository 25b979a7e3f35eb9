/*
 * engine_command_release: a person gives a withheld or captured message to its
 * riders, or to somebody else. One message after the other; then the block is
 * lifted and the host credited, as the message was good mail.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine.h"

#include <stdlib.h>

#include "io/log.h"

#define RELEASE_BATCH 1000 /* messages of one case, by one command */

struct job {
	struct job *next;
	struct engine *e;
	struct engine_call *call; /* NULL: went away; what was begun is finished */
	char to[MESSAGE_ADDRESS], by[64], note[RECORD_NOTE], what[80];
	bool is_dry, is_block_kept;
	size_t count, at, given, failed;
	char (*id)[MESSAGE_CORPUS_ID];
	json_t *messages;
	struct prefix subject; /* who sent the last message given; family 0: nobody known */
};

static struct job *jobs;

static void job_free(struct job *j)
{
	struct job **at = &jobs;

	while (*at && *at != j)
		at = &(*at)->next;
	if (*at)
		*at = j->next;
	json_decref(j->messages);
	free(j->id);
	free(j);
}

void engine_command_release_forget(const struct engine_call *c)
{
	for (struct job *j = jobs; j; j = j->next) {
		if (j->call != c)
			continue;
		if (!j->is_dry)
			engine_audit(
				j->e, j->call, j->note, "release %s: left after %zu of %zu", j->what, j->at, j->count);
		j->call = NULL;
	}
}

/* ---- which messages */

struct selection {
	struct engine *e;
	struct job *job;
	struct prefix subject;
	size_t released; /* of them: before */
};

static bool select_message(struct slice key, struct slice value, void *ctx)
{
	struct selection *x = ctx;
	struct record_withheld r;
	struct engine_who who;

	if (record_get_withheld(value, &r) != ERR_OK || r.client.family == 0 || key.n >= MESSAGE_CORPUS_ID)
		return true;
	who = engine_who(x->e, &r.client, r.name, r.sender);
	if (!prefix_eq(&who.subject, &x->subject))
		return true;
	if (r.state != WITHHELD_KEPT)
		x->released++;
	else
		slice_copy(key, x->job->id[x->job->count++], MESSAGE_CORPUS_ID);
	return x->job->count < RELEASE_BATCH;
}

static bool is_corpus_id(const char *s)
{
	return strlen(s) < MESSAGE_CORPUS_ID && strspn(s, "0123456789abcdef.") == strlen(s) &&
	       slice_find(slice_str(s), '.') == 10;
}

/* Was a message of this case refused at the dot? */
static bool is_refused(struct engine *e, const char *what)
{
	char id[CASE_ID_TEXT];
	uint8_t value[RECORD_VALUE];
	struct record_block b;
	size_t n;

	return case_id_parse(slice_str(what), id) == ERR_OK &&
	       store_get(e->store, TABLE_CASE, slice_str(id), value, sizeof value, &n) == ERR_OK &&
	       record_get_block(slice_of(value, n), &b) == ERR_OK &&
	       (b.state == BLOCK_MESSAGE || b.grade == GRADE_UNSEEN);
}

static const char *nothing_text(struct engine *e, const char *what, const struct selection *x)
{
	if (x->released)
		return "what was withheld is released already";
	if (is_refused(e, what))
		return "that message was refused at the end of its data: its sender was told, there is nothing to "
		       "release";
	return "no message is withheld for this: limetwig hits shows the ids of captured ones";
}

static bool select_of_subject(struct engine *e, struct engine_call *c, const char *what, struct job *j)
{
	struct selection x = { .e = e, .job = j };
	const struct slice all = { 0 };
	enum err err = engine_find_subject(e, what, &x.subject);

	if (err != ERR_OK) {
		engine_answer_error(c, err == ERR_SYNTAX ? 2 : 1,
			err == ERR_NOTFOUND ? "no such case: is every character right?"
					    : "name a message, a case or an address");
		return false;
	}
	engine_call_settle(c);
	err = store_scan(e->store, TABLE_WITHHELD, all, all, false, select_message, &x);
	if (err != ERR_OK || j->count == 0) {
		engine_answer_error(c, 1, "%s", err != ERR_OK ? err_name(err) : nothing_text(e, what, &x));
		return false;
	}
	return true;
}

/* A second release does nothing; but another person may be given it too. */
static bool is_released(const struct record_withheld *r, const char *to)
{
	return r->state == WITHHELD_RELEASED && strcmp(r->to, to) == 0;
}

static bool select_one(struct engine *e, struct engine_call *c, const char *what, struct job *j)
{
	struct record_withheld r;

	engine_call_settle(c);
	if (engine_release_look(e, what, &r) == ERR_OK && is_released(&r, j->to)) {
		engine_answer(
			c, json_pack("{s:b, s:I, s:o, s:o}", "already", 1, "released_at", (json_int_t)r.released_at,
				   "by", engine_json_text(r.by), "messages", json_array()));
		return false;
	}
	slice_copy(slice_str(what), j->id[0], MESSAGE_CORPUS_ID);
	j->count = 1;
	return true;
}

/* ---- one after the other */

static void next(struct job *j);

static const char *result_text(const struct msg_riders *m)
{
	switch ((enum riders_result)m->result) {
	case RIDERS_GONE:
		return "there is no such message (or no more: keep messages)";
	case RIDERS_CUT:
		return "the message was not kept whole (storage message-size, or no room): it cannot be given to "
		       "anybody";
	case RIDERS_NOBODY:
		return "nobody but traps was written to: name a person with --to";
	case RIDERS_UNKNOWN:
		return "the message does not tell who it was for: captured by an older version";
	case RIDERS_OK:
		return "";
	case RIDERS_LATER:
	default:
		return m->text[0] ? m->text : "Postfix did not take it";
	}
}

/* text: an address a line; those that Postfix refused begin with "!". */
static json_t *names_of(const char *text, bool is_refused)
{
	json_t *list = json_array();
	struct slice rest = slice_str(text), line;
	char name[MESSAGE_ADDRESS];

	while (slice_line(&rest, &line)) {
		bool is = line.n && line.p[0] == '!';

		if (line.n == 0 || is != is_refused)
			continue;
		slice_copy(slice_from(line, is), name, sizeof name);
		(void)json_array_append_new(list, engine_json_text(name));
	}
	return list;
}

static void save(struct job *j, const struct msg_riders *m)
{
	const char *id = j->id[j->at];
	struct record_withheld r = { .time = clock_wall_s(), .client = m->client, .size = m->size };
	struct record_withheld old;

	if (engine_release_look(j->e, id, &old) == ERR_OK)
		r = old;
	slice_copy(slice_str(m->queue_id), r.queue_id, sizeof r.queue_id);
	slice_copy(slice_str(m->name), r.name, sizeof r.name);
	slice_copy(slice_str(m->sender), r.sender, sizeof r.sender);
	/* given to somebody else, it is still kept from its riders */
	if (r.state != WITHHELD_KEPT || j->to[0] == '\0')
		r.state = WITHHELD_RELEASED;
	r.released_at = clock_wall_s();
	slice_copy(slice_str(j->by), r.by, sizeof r.by);
	slice_copy(slice_str(j->to), r.to, sizeof r.to);
	slice_copy(slice_str(j->note), r.note, sizeof r.note);
	if (engine_release_save(j->e, id, &r) != ERR_OK)
		log_warn("release", "corpus=%s text=\"released, but the store does not take it down\"", id);
}

/* m NULL: capture is gone. */
static void one_done(struct job *j, const struct msg_riders *m)
{
	bool is_ok = m && m->result == RIDERS_OK;
	json_t *one = json_pack("{s:s, s:b, s:o}", "corpus_id", j->id[j->at], "ok", is_ok, "text",
		engine_json_text(m ? result_text(m) : "capture has stopped"));

	(void)json_object_set_new(one, "to", names_of(is_ok ? m->text : "", false));
	(void)json_object_set_new(one, "refused", names_of(is_ok ? m->text : "", true));
	(void)json_array_append_new(j->messages, one);
	if (is_ok && !j->is_dry) {
		save(j, m);
		j->subject = engine_who(j->e, &m->client, m->name, m->sender).subject;
		engine_log_credit(j->e, &m->client, m->name, m->sender);
		log_info("release", "corpus=%s recipients=%u by=%s", j->id[j->at], m->count, j->by);
		engine_watch(j->e, "release", "corpus=%s recipients=%u by=%s", j->id[j->at], m->count, j->by);
	}
	j->given += is_ok;
	j->failed += !is_ok;
	j->at++;
}

static void on_done(void *ctx, const struct msg_riders *m)
{
	one_done(ctx, m);
	next(ctx);
}

static json_t *lift(struct job *j)
{
	struct engine_subject *s;

	if (j->is_dry || j->is_block_kept || j->subject.addr.family == 0)
		return json_null();
	s = engine_subject_get(j->e, &j->subject);
	if (!s || !s->has_block || !decide_block_is_active(&s->block, clock_wall_s()))
		return json_null();
	if (engine_block_lift(j->e, s, j->by, j->note[0] ? j->note : "message released") != ERR_OK)
		log_warn("block", "case=%s text=\"lifted, will be stored when the store takes writes\"",
			s->block.case_id);
	return engine_json_block(j->e, &s->block);
}

static void finish(struct job *j)
{
	json_t *block = lift(j);

	if (j->call && j->given && !j->is_dry)
		engine_audit(j->e, j->call, j->note, "release %s: %zu given, %zu not%s", j->what, j->given, j->failed,
			json_is_null(block) ? "" : ", block lifted");
	if (!j->call)
		json_decref(block);
	else if (j->given == 0) {
		const json_t *one = json_array_get(j->messages, 0);

		json_decref(block);
		engine_answer_error(j->call, 1, "%s: %s", j->id[0], engine_json_string(one, "text"));
	} else {
		engine_answer(j->call, json_pack("{s:O, s:o, s:b, s:I}", "messages", j->messages, "block", block,
					       "dry_run", j->is_dry, "failed", (json_int_t)j->failed));
	}
	job_free(j);
}

static void next(struct job *j)
{
	enum riders_what what = j->is_dry ? RIDERS_LIST : RIDERS_RELEASE;

	for (; j->at < j->count; one_done(j, NULL))
		if (engine_release_order(j->e, what, j->id[j->at], j->to[0] ? j->to : NULL, on_done, j) == ERR_OK)
			return;
	finish(j);
}

/* ---- the command */

/* Canonical; a trap is nobody. False: answered. */
static bool take_person(struct engine *e, struct engine_call *c, const char *to, struct job *j)
{
	struct address a;

	if (!to)
		return true;
	if (address_parse(slice_str(to), &a) != ERR_OK || a.domain.n == 0 || strlen(to) >= sizeof j->to) {
		engine_answer_error(c, 2, "--to: no address: %s", to);
		return false;
	}
	if (e->traps && trap_table_find(e->traps, &a)) {
		engine_answer_error(c, 1, "--to: that is a trap");
		return false;
	}
	slice_copy(slice_str(to), j->to, sizeof j->to);
	return true;
}

static struct job *job_new(struct engine *e, struct engine_call *c, const json_t *in)
{
	struct job *j = calloc(1, sizeof *j);
	const char *note = engine_json_string(in, "note");

	if (!j)
		return NULL;
	j->e = e;
	j->call = c;
	j->id = calloc(RELEASE_BATCH, sizeof *j->id);
	j->messages = json_array();
	j->is_dry = engine_json_true(in, "dry_run");
	j->is_block_kept = engine_json_true(in, "keep_block");
	slice_copy(slice_str(engine_call_user(c)), j->by, sizeof j->by);
	slice_copy(slice_str(note ? note : ""), j->note, sizeof j->note);
	j->next = jobs;
	jobs = j;
	return j;
}

void engine_command_release(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *what = engine_json_string(in, "what");
	struct job *j = job_new(e, c, in);
	bool is_selected = false;

	if (!j || !j->id || !j->messages) {
		engine_answer_error(c, 1, "no memory");
	} else if (!what || !what[0]) {
		engine_answer_error(c, 2, "name a message, a case or an address");
	} else if (!engine_release_is_ready(e)) {
		engine_answer_error(c, 1,
			"Postfix has no service that takes mail back: limetwig setup postfix, "
			"then limetwig reload");
	} else if (take_person(e, c, engine_json_string(in, "to"), j)) {
		slice_copy(slice_str(what), j->what, sizeof j->what);
		is_selected = is_corpus_id(what) ? select_one(e, c, what, j) : select_of_subject(e, c, what, j);
	}
	if (is_selected)
		next(j);
	else if (j)
		job_free(j);
}
