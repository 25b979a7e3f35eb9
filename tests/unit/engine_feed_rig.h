/*
 * engine_feed_rig: engine_rig with the test as role feed, and as dnsbl and
 * tarpit, whom the engine tells of feeds: sets go in, what is said of them and
 * what listed clients hear comes out.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_ENGINE_FEED_RIG_H
#define TESTS_ENGINE_FEED_RIG_H
#include "core/feed_area.h"
#include "core/feed_view.h"
#include "engine_rig.h"
#include "io/area_memory.h"
#include "role/engine_feed.h"

#define ALL_LAYERS (FEED_LAYER_POLICY | FEED_LAYER_FIREWALL | FEED_LAYER_DNSBL | FEED_LAYER_EXPORT)

static struct {
	unsigned took;   /* answers to sets */
	char order[256]; /* their feeds, one after the other */
	struct msg_feed_took last;
	unsigned holes, lists, gone; /* of dnsbl, in this order */
	bool are_holes_first;
	struct msg_feed_give give;
	int acting, publish_acting; /* as dnsbl and publish were told; -1: not yet */
	unsigned publish_lists;     /* sets that publish has got, and when it was told */
	unsigned lists_when_told;
	struct area_memory hole;
	struct feed_area hole_area;
	struct msg_feed_ask ask;
	unsigned asks;
	struct msg_feed_says says;
	unsigned words;
	uint64_t gone_at; /* bits: numbers of feeds that are none, as dnsbl was told */
} seen;

static const char *words = ""; /* of the next set */

static inline void take_give(struct rd *body, int fd)
{
	assert_int_equal(message_get_feed_give(body, &seen.give), ERR_OK);
	if (seen.give.use == FEED_USE_HOLES) {
		seen.are_holes_first = seen.are_holes_first || seen.lists == 0;
		seen.holes++;
		area_memory_close(&seen.hole);
		assert_int_equal(area_memory_open_feed(dup(fd), &seen.hole, &seen.hole_area), ERR_OK);
	} else if (fd >= 0) {
		seen.lists++;
	} else {
		seen.gone++;
		seen.gone_at |= UINT64_C(1) << seen.give.index;
	}
}

static inline void on_feed(enum role at, enum message_type t, struct rd *body, int fd)
{
	struct msg_acting acting;

	if (t == MSG_FEED_TOOK) {
		assert_int_equal(message_get_feed_took(body, &seen.last), ERR_OK);
		seen.took++;
		(void)snprintf(
			seen.order + strlen(seen.order), sizeof seen.order - strlen(seen.order), "%s ", seen.last.name);
	} else if (t == MSG_FEED_ASK) {
		assert_int_equal(message_get_feed_ask(body, &seen.ask), ERR_OK);
		seen.asks++;
	} else if (t == MSG_FEED_GIVE && at == ROLE_DNSBL) {
		take_give(body, fd);
	} else if (t == MSG_FEED_SAYS && at == ROLE_TARPIT) {
		assert_int_equal(message_get_feed_says(body, &seen.says), ERR_OK);
		seen.words++;
	} else if (t == MSG_ACTING && at == ROLE_DNSBL) {
		assert_int_equal(message_get_acting(body, &acting), ERR_OK);
		seen.acting = acting.is_acting;
	} else if (t == MSG_ACTING && at == ROLE_PUBLISH) {
		assert_int_equal(message_get_acting(body, &acting), ERR_OK);
		seen.publish_acting = acting.is_acting;
		seen.lists_when_told = seen.publish_lists;
	} else if (t == MSG_FEED_GIVE && at == ROLE_PUBLISH) {
		seen.publish_lists += fd >= 0;
	}
}

static inline int setup(void **state)
{
	int r = rig_setup(state);

	memset(&seen, 0, sizeof seen);
	seen.acting = seen.publish_acting = -1;
	words = "";
	seen.hole = AREA_MEMORY_NONE;
	rig.on_feed = on_feed;
	rig.host.conf.feed_count = 1;
	(void)snprintf(rig.host.conf.feed[0].title, CONF_TITLE, "drop");
	(void)snprintf(rig.host.conf.feed[0].source, CONF_TEXT, "/list");
	return r;
}

static inline int teardown(void **state)
{
	area_memory_close(&seen.hole);
	return rig_teardown(state);
}

static inline bool is_took(void *ctx)
{
	return seen.took > *(const unsigned *)ctx;
}

/* Not waiting for the answer. Returns the time it bears. */
static inline uint64_t offer_set(const char *name, enum conf_feed_action action, unsigned layers, int fd)
{
	static uint64_t time;
	struct msg_feed_set m = { .time = clock_wall_s() - 100 + ++time % 50,
		.index = 0,
		.action = (uint8_t)action,
		.layers = (uint8_t)layers,
		.time_s = 3600,
		.entries = 1,
		.weight_milli = 5000,
		.code = 3 };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	(void)snprintf(m.name, sizeof m.name, "%s", name);
	(void)snprintf(m.text, sizeof m.text, "%s", words);
	message_put_feed_set(&w, MSG_FEED_SET, &m);
	rig_send(ROLE_FEED, &w, fd);
	return m.time;
}

static inline void send_set(const char *name, enum conf_feed_action action, unsigned layers, int fd)
{
	unsigned before = seen.took;
	uint64_t time = offer_set(name, action, layers, fd);

	assert_true(rig_wait(is_took, &before));
	assert_string_equal(seen.last.name, name);
	assert_true(seen.last.time == time);
}

static inline void give_set(const char *name, enum conf_feed_action action, unsigned layers, const char *list)
{
	send_set(name, action, layers, rig_area(list));
	assert_int_equal(seen.last.result, FEED_TOOK);
}

static inline void send_state_of(
	const char *name, unsigned count, enum feed_state state, enum conf_feed_action action, uint64_t good)
{
	struct msg_feed_state m = { .count = (uint8_t)count,
		.state = (uint8_t)state,
		.action = (uint8_t)action,
		.layers = FEED_LAYER_POLICY,
		.good = good,
		.added = 7 };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	(void)snprintf(m.name, sizeof m.name, "%s", name);
	message_put_feed_state(&w, MSG_FEED_STATE, &m);
	rig_send(ROLE_FEED, &w, -1);
}

static inline void send_state(const char *name, unsigned count, enum feed_state state)
{
	send_state_of(name, count, state, FEED_ACTION_BLOCK, 0);
}

static inline bool is_ready(void *ctx)
{
	(void)ctx;
	return ((struct engine *)rig.host.ctx)->feeds->is_ready;
}

/* The role has told which feeds there are: they act from now on. */
static inline void start(void)
{
	rig_start();
	send_state("drop", 1, FEED_NEVER);
	assert_true(rig_wait(is_ready, NULL));
}

/* All roles are there; aliasmap has not read its files yet. */
static inline void start_without_files(void)
{
	rig.is_text_held = true;
	rig_start_engine();
	for (int r = ROLE_FIREWALL; r < ROLE_COUNT; r++)
		rig_link((enum role)r);
	rig_enforce("full");
}

static inline void send_files(void)
{
	unsigned applies = rig.applies;

	rig_send_files();
	assert_true(rig_wait(rig_is_loaded, &applies));
}

static inline void rcpt(const char *client, char to[1024])
{
	static unsigned n;
	char id[16];
	int fd = rig_connect("policy");

	(void)snprintf(id, sizeof id, "R%u", ++n);
	(void)snprintf(to, 1024, "%s", rig_rcpt(fd, client, id, "a@s.example", "anna@example.org"));
	(void)close(fd);
}

static inline bool is_refused(const char *client)
{
	char action[1024];

	rcpt(client, action);
	if (strstr(action, "DUNNO"))
		return false;
	assert_non_null(strstr(action, "action=554 5.7.1"));
	return true;
}

/* A host that this site hears from since ten days. */
static inline void good_mail(const char *host)
{
	uint64_t now = clock_wall_s();

	for (uint64_t day = 10; day > 3; day--)
		rig_log_mail(host, "jo@firm.example", "anna@example.org", now - day * 86400);
	json_decref(rig_call("{\"cmd\":\"status\"}"));
}

/* Of the first feed, as feed_list tells it. */
static inline json_t *row(const char *key)
{
	json_t *j = rig_call("{\"cmd\":\"feed_list\"}");
	json_t *v = json_incref(json_object_get(json_array_get(json_object_get(j, "feeds"), 0), key));

	json_decref(j);
	assert_non_null(v);
	return v;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif /* TESTS_ENGINE_FEED_RIG_H */
