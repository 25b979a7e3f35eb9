/*
 * engine_command_feed: lists from outside: how they are, who is on them, and
 * what a list that somebody has at hand would do.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_feed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void engine_command_feed_list(struct engine *e, struct engine_call *c, const json_t *in)
{
	(void)in;
	engine_answer(
		c, json_pack("{s:o, s:I}", "feeds", engine_feed_json(e, NULL), "now", (json_int_t)clock_wall_s()));
}

static bool is_of_conf(const struct engine *e, const char *name)
{
	for (uint32_t i = 0; i < e->host->conf.feed_count; i++)
		if (strcmp(e->host->conf.feed[i].title, name) == 0)
			return true;
	return false;
}

/* Asks for those of the spamd.conf alone, or for one, or for all; names what was asked for. */
static bool ask(struct engine *e, const char *name, bool is_spamd_only, json_t *names)
{
	bool is_sent = true;

	for (unsigned i = 0; i < FEEDS_MAX && is_sent; i++) {
		const struct engine_feed *f = &e->feeds->feed[i];

		if (!f->name[0] || (name && strcmp(f->name, name) != 0) || (is_spamd_only && is_of_conf(e, f->name)))
			continue;
		is_sent = engine_feed_ask(e, FEED_ASK_REFRESH, f->name);
		(void)json_array_append_new(names, json_string(f->name));
	}
	return is_sent;
}

void engine_command_feed_refresh(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *name = engine_json_string(in, "name");
	json_t *names;

	if (name && !engine_feed_find(e, name)) {
		engine_answer_error(c, 1, "no feed of this name: limetwig feed list");
		return;
	}
	names = json_array();
	if (!e->host->link[ROLE_FEED] || !ask(e, name, engine_json_true(in, "spamd"), names)) {
		json_decref(names);
		engine_answer_error(c, 1, "the role that fetches feeds is not up, or no feed is configured");
		return;
	}
	engine_audit(e, c, engine_json_string(in, "note"), "feed refresh %s", name ? name : "");
	engine_answer(c, json_pack("{s:o}", "feeds", names));
}

void engine_command_feed_confirm(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *name = engine_json_string(in, "name");
	struct engine_feed *f = engine_feed_find(e, name);
	bool is_held;

	if (!f) {
		engine_answer_error(c, 1, "no feed of this name: limetwig feed list");
		return;
	}
	is_held = f->has_state && f->state.state == FEED_STATE_HELD;
	if (f->wait != FEED_WAIT_PERSON && !is_held) {
		engine_answer_error(c, 1, "no change of this feed waits: limetwig feed list");
		return;
	}
	if (!engine_feed_confirm(e, f) && !engine_feed_ask(e, FEED_ASK_CONFIRM, f->name)) {
		engine_answer_error(c, 1, "the role that fetches feeds is not up");
		return;
	}
	engine_audit(e, c, engine_json_string(in, "note"), "feed confirm %s", f->name);
	engine_answer(c, json_pack("{s:s}", "feed", f->name));
}

void engine_command_feed_find(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *text = engine_json_string(in, "address");
	char subject[PREFIX_TEXT];
	struct prefix p;

	if (!text || prefix_parse(slice_str(text), &p) != ERR_OK) {
		engine_answer_error(c, 2, "not an address or network (host bits must be 0): %s", text ? text : "");
		return;
	}
	engine_answer(c, json_pack("{s:s, s:o, s:I}", "subject", prefix_format(&p, subject), "feeds",
				 engine_feed_listed_json(e, &p), "now", (json_int_t)clock_wall_s()));
}

/* ---- a list that somebody has at hand */

/* One at a time. */
struct engine_feed_trial {
	struct engine *e;
	struct engine_call *call;
	struct loop_watch *job;
	struct area_memory memory;
	struct feed_area area;
	struct engine_count_at at;
	struct engine_collateral ours;
};

static void trial_end(struct engine *e)
{
	struct engine_feed_trial *t = e->feeds->trial;

	if (!t)
		return;
	loop_remove(t->job);
	area_memory_close(&t->memory);
	free(t);
	e->feeds->trial = NULL;
}

static void trial_step(void *ctx);

static bool trial_later(struct engine_feed_trial *t)
{
	loop_remove(t->job);
	t->job = loop_after(t->e->host->loop, 0, trial_step, t);
	return t->job != NULL;
}

static void trial_step(void *ctx)
{
	struct engine_feed_trial *t = ctx;
	struct engine *e = t->e;
	struct engine_call *c = t->call;

	if (engine_feed_count_step(e, &t->area, &t->at, &t->ours)) {
		if (trial_later(t))
			return;
		trial_end(e);
		engine_answer_error(c, 1, "no memory");
		return;
	}
	engine_answer(c, json_pack("{s:o, s:b}", "collateral", engine_feed_ours_json(&t->ours), "held",
				 engine_feed_is_too_good(&t->ours)));
	trial_end(e);
}

void engine_feed_call_gone(struct engine *e, const struct engine_call *c)
{
	if (e->feeds && e->feeds->trial && (!c || e->feeds->trial->call == c))
		trial_end(e);
}

void engine_command_feed_test(struct engine *e, struct engine_call *c, const json_t *in)
{
	struct engine_feed_trial *t;
	int fd = engine_call_fd(c) < 0 ? -1 : fcntl(engine_call_fd(c), F_DUPFD_CLOEXEC, 0);
	enum err err;

	(void)in;
	if (fd < 0) {
		engine_answer_error(c, 2, "no list came with the request");
		return;
	}
	t = e->feeds->trial ? NULL : calloc(1, sizeof *t);
	if (!t) {
		(void)close(fd);
		engine_answer_error(c, 1, "another list is being looked at; try again");
		return;
	}
	t->e = e;
	t->call = c;
	t->memory = AREA_MEMORY_NONE;
	e->feeds->trial = t;
	err = area_memory_open_feed(fd, &t->memory, &t->area);
	if (err == ERR_OK && !trial_later(t))
		err = ERR_NOMEM;
	if (err != ERR_OK) {
		trial_end(e);
		engine_answer_error(c, 1, "the list cannot be used: %s", err_name(err));
	}
}
