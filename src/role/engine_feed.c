/*
 * engine_feed: which feeds there are, and how they are.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_feed.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "io/log.h"

#define SETS_WAIT_MS 60000u  /* after the start, for sets that the role has from before */
#define LATE_S 3600          /* a feed that never came is worth an alarm then */
#define AGE_S (7 * 86400ull) /* of the lists of a spamd.conf, which name none */

enum err engine_feed_start(struct engine *e)
{
	e->feeds = calloc(1, sizeof *e->feeds);
	if (!e->feeds)
		return ERR_NOMEM;
	e->feeds->at = -1;
	e->feeds->acting = -1;
	for (unsigned i = 0; i < FEEDS_MAX; i++)
		e->feeds->feed[i].now.fd = e->feeds->feed[i].next.fd = -1;
	return engine_feed_give_start(e);
}

void engine_feed_stop(struct engine *e)
{
	struct engine_feeds *x = e->feeds;

	if (!x)
		return;
	engine_feed_give_stop(e);
	engine_feed_call_gone(e, NULL);
	loop_remove(x->job);
	for (unsigned i = 0; i < FEEDS_MAX; i++) {
		engine_feed_set_close(&x->feed[i].now);
		engine_feed_set_close(&x->feed[i].next);
	}
	feed_gate_done(&x->view.gate);
	feed_gate_done(&x->gate);
	free(x);
	e->feeds = NULL;
}

/* ---- the job */

static void on_job(void *ctx)
{
	struct engine *e = ctx;
	unsigned wait;

	loop_remove(e->feeds->job);
	e->feeds->job = NULL;
	if (engine_feed_set_step(e)) {
		engine_feed_ready(e);
		engine_feed_job(e, 0);
		return;
	}
	wait = engine_feed_lift_step(e);
	if (wait)
		engine_feed_job(e, wait - 1);
}

void engine_feed_job(struct engine *e, uint64_t in_ms)
{
	struct engine_feeds *x = e->feeds;

	if (!x->job)
		x->job = loop_after(e->host->loop, in_ms, on_job, e);
	if (!x->job)
		log_alarm("feed", "text=\"no memory to go on: the sets stay as they are\"");
}

/* ---- which there are */

struct engine_feed *engine_feed_find(struct engine *e, const char *name)
{
	for (unsigned i = 0; name && name[0] && i < FEEDS_MAX; i++)
		if (strcmp(e->feeds->feed[i].name, name) == 0)
			return &e->feeds->feed[i];
	return NULL;
}

/* The feed of this name, new if need be; NULL: there are too many. */
static struct engine_feed *feed_of(struct engine *e, const char *name)
{
	struct engine_feed *f = engine_feed_find(e, name);

	for (unsigned i = 0; !f && i < FEEDS_MAX; i++) {
		if (e->feeds->feed[i].name[0])
			continue;
		f = &e->feeds->feed[i];
		*f = (struct engine_feed){ .known_at = clock_wall_s(), .now.fd = -1, .next.fd = -1 };
		slice_copy(slice_str(name), f->name, sizeof f->name);
	}
	if (!f)
		log_warn("feed", "text=\"more feeds than %d: one is passed over\"", FEEDS_MAX);
	return f;
}

static void drop_all(struct engine *e, bool is_unseen_only)
{
	struct engine_feeds *x = e->feeds;

	for (unsigned i = 0; i < FEEDS_MAX; i++) {
		struct engine_feed *f = &x->feed[i];

		if (!f->name[0] || (is_unseen_only && f->is_seen))
			continue;
		log_info("feed", "name=%s state=gone", f->name);
		engine_feed_drop(e, f);
	}
	if (!x->is_all_seen) {
		x->is_all_seen = true;
		engine_feed_give_settled(e);
	}
	engine_feed_lift(e);
}

/* The role has named all: what it has not named is no longer in the configuration. */
static void look_for_gone(struct engine *e, unsigned count)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < FEEDS_MAX; i++)
		seen += e->feeds->feed[i].is_seen;
	if (!e->feeds->is_all_seen && seen >= count)
		drop_all(e, true);
}

/* ---- ready */

/* Is there a feed (of those that allow, or of all) whose set is still on its way? What waits for a person is not. */
static bool waits_for_sets(const struct engine *e, bool is_allow_only)
{
	const struct engine_feeds *x = e->feeds;

	if (!conf_has_feeds(&e->host->conf))
		return false;
	for (unsigned i = 0; x->is_all_seen && i < FEEDS_MAX; i++) {
		const struct engine_feed *f = &x->feed[i];
		bool is_allow = (f->has_state ? f->state.action : f->next.m.action) == FEED_ACTION_ALLOW;

		if (!f->name[0] || f->has_set || f->wait == FEED_WAIT_PERSON || (is_allow_only && !is_allow))
			continue;
		if (f->wait == FEED_WAIT_TURN || f->state.good)
			return true;
	}
	return !x->is_all_seen;
}

void engine_feed_ready(struct engine *e)
{
	struct engine_feeds *x = e->feeds;
	bool is_over = clock_mono_ms() >= e->clock_start_ms + SETS_WAIT_MS;

	if (!x->is_ready && e->has_allow && (is_over || !waits_for_sets(e, true))) {
		x->is_ready = true;
		engine_feed_holes_changed(e);
	}
	if (!x->is_whole && (is_over || !waits_for_sets(e, false))) {
		x->is_whole = true;
		x->acting = -1; /* publish has not been told */
		engine_feed_acting(e);
	}
}

/* ---- states */

static void alarm_held(struct engine *e, const struct engine_feed *f)
{
	char key[CONF_TITLE + 16], text[450], why[200];

	(void)snprintf(key, sizeof key, "feed-held-%s", f->name);
	(void)snprintf(text, sizeof text,
		"feed %s: a change waits for you (%u addresses more, %u less: %s); the last good list acts; to take "
		"it: "
		"limetwig feed confirm %s",
		f->name, f->state.added, f->state.removed, escape_text(slice_str(f->state.text), why, sizeof why),
		f->name);
	engine_alarm(e, "feed", key, text);
}

static void on_state(struct engine *e, const struct msg_feed_state *m)
{
	struct engine_feed *f;

	if (m->count == 0) {
		drop_all(e, false);
		return;
	}
	f = feed_of(e, m->name);
	if (!f)
		return;
	f->state = *m;
	f->has_state = f->is_seen = true;
	if (m->state == FEED_STATE_HELD)
		alarm_held(e, f);
	look_for_gone(e, m->count);
}

void engine_feed_message(struct engine *e, enum message_type t, struct rd *body, int fd)
{
	struct msg_feed_set set;
	struct msg_feed_state state;

	if (t == MSG_FEED_SET && message_get_feed_set(body, &set) == ERR_OK) {
		struct engine_feed *f = feed_of(e, set.name);

		if (f) {
			f->is_seen = true;
			engine_feed_take(e, &set, fd);
		}
	} else if (t == MSG_FEED_STATE && message_get_feed_state(body, &state) == ERR_OK) {
		on_state(e, &state);
	}
	engine_feed_ready(e);
}

void engine_feed_linked(struct engine *e)
{
	e->feeds->is_all_seen = false;
	for (unsigned i = 0; i < FEEDS_MAX; i++)
		e->feeds->feed[i].is_seen = false;
}

void engine_feed_reloaded(struct engine *e)
{
	if (!conf_has_feeds(&e->host->conf))
		drop_all(e, false);
	else
		engine_feed_lift(e); /* layers may have changed */
	engine_feed_acting(e);
}

bool engine_feed_ask(struct engine *e, enum feed_ask what, const char *name)
{
	struct msg_feed_ask m = { .what = (uint8_t)what };
	uint8_t out[128];
	struct wr w = wr_init(out, sizeof out);

	slice_copy(slice_str(name), m.name, sizeof m.name);
	message_put_feed_ask(&w, MSG_FEED_ASK, &m);
	return e->host->link[ROLE_FEED] && role_host_send(e->host, ROLE_FEED, &w, NULL, 0) == ERR_OK;
}

/* ---- too old */

static uint64_t age_of(const struct engine *e, const char *name)
{
	const struct conf *c = &e->host->conf;

	for (uint32_t i = 0; i < c->feed_count; i++)
		if (strcmp(c->feed[i].title, name) == 0)
			return c->feed[i].age_s;
	return AGE_S;
}

uint64_t engine_feed_good(const struct engine_feed *f)
{
	return f->has_set && f->now.m.time > f->state.good ? f->now.m.time : f->state.good;
}

/* What is wrong with its age; "": nothing. */
static const char *age_text(const struct engine *e, const struct engine_feed *f, uint64_t now, char to[200])
{
	uint64_t good = engine_feed_good(f);

	to[0] = '\0';
	if (!good && now >= f->known_at + LATE_S)
		(void)snprintf(to, 200, "feed %s has never been fetched: limetwig feed list", f->name);
	else if (good && now > good && now - good > age_of(e, f->name))
		(void)snprintf(to, 200, "feed %s is %llu days old: limetwig feed list", f->name,
			(unsigned long long)((now - good) / 86400));
	return to;
}

void engine_feed_tick(struct engine *e, uint64_t now)
{
	char text[200], key[CONF_TITLE + 16];

	engine_feed_acting(e);
	engine_feed_ready(e);
	if (now % 60)
		return;
	engine_feed_holes_again(e);
	for (unsigned i = 0; i < FEEDS_MAX; i++) {
		const struct engine_feed *f = &e->feeds->feed[i];

		if (!f->name[0] || !age_text(e, f, now, text)[0])
			continue;
		(void)snprintf(key, sizeof key, "feed-age-%s", f->name);
		engine_alarm(e, "feed", key, text);
	}
}

/* ---- for people */

const char *engine_feed_action_name(unsigned a)
{
	static const char *const names[] = { "", "block", "tarpit", "score", "list", "allow" };

	return a < sizeof names / sizeof names[0] ? names[a] : "";
}

static json_t *layers_json(unsigned layers)
{
	static const char *const names[] = { "policy", "firewall", "dnsbl", "export" };
	json_t *list = json_array();

	for (unsigned i = 0; i < 4; i++)
		if (layers & 1u << i)
			(void)json_array_append_new(list, json_string(names[i]));
	return list;
}

static const char *state_name(const struct engine_feed *f)
{
	static const char *const names[] = { "never", "ok", "failed", "held", "fetching" };

	if (f->wait == FEED_WAIT_PERSON)
		return "held";
	return f->has_state ? names[f->state.state] : f->has_set ? "ok" : "never";
}

static void add_set(json_t *j, const struct engine_feed *f)
{
	const struct feed_area *a = &f->now.area;
	uint64_t top = INT64_MAX;

	(void)json_object_set_new(j, "entries", json_integer(f->now.m.entries));
	(void)json_object_set_new(j, "refused", json_integer(f->now.m.refused));
	(void)json_object_set_new(j, "prefixes", json_integer((json_int_t)(a->prefixes < top ? a->prefixes : top)));
	(void)json_object_set_new(j, "ipv4_addresses", json_integer((json_int_t)(a->ipv4 < top ? a->ipv4 : top)));
	(void)json_object_set_new(j, "ipv6_networks", json_integer((json_int_t)(a->ipv6 < top ? a->ipv6 : top)));
	(void)json_object_set_new(j, "fetched", json_integer((json_int_t)engine_feed_good(f)));
	(void)json_object_set_new(j, "collateral", engine_feed_ours_json(&f->now.ours));
}

static json_t *row(const struct engine *e, const struct engine_feed *f, uint64_t now, json_t *warnings)
{
	const struct msg_feed_state *s = &f->state;
	unsigned action = f->has_state ? s->action : f->now.m.action,
		 layers = f->has_state ? s->layers : f->now.m.layers;
	json_t *j = json_pack("{s:s, s:s, s:o, s:s, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name", f->name,
		"action", engine_feed_action_name(action), "layers", layers_json(layers), "state", state_name(f),
		"text", engine_json_text(s->text), "acts", f->has_set, "good", (json_int_t)s->good, "tried",
		(json_int_t)s->tried, "changed", (json_int_t)s->changed, "added", (json_int_t)s->added, "removed",
		(json_int_t)s->removed, "blocked", (json_int_t)f->blocked, "spared", (json_int_t)f->spared, "no_room",
		(json_int_t)f->no_room);
	char text[200];

	if (f->has_set)
		add_set(j, f);
	if (f->wait == FEED_WAIT_PERSON)
		(void)json_object_set_new(j, "held_collateral", engine_feed_ours_json(&f->next.ours));
	if (warnings && age_text(e, f, now, text)[0])
		(void)json_array_append_new(warnings, json_string(text));
	if (warnings && strcmp(state_name(f), "held") == 0)
		(void)json_array_append_new(warnings,
			json_sprintf("feed %s: a change waits for you; the last good list acts: limetwig feed list",
				f->name));
	return j;
}

json_t *engine_feed_json(struct engine *e, json_t *warnings)
{
	json_t *list = json_array();
	uint64_t now = clock_wall_s();

	for (unsigned i = 0; i < FEEDS_MAX; i++)
		if (e->feeds->feed[i].name[0])
			(void)json_array_append_new(list, row(e, &e->feeds->feed[i], now, warnings));
	return list;
}
