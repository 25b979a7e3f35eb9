/*
 * test_engine_feed_age: a list that is old, or never came, is told to people.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine_feed.h"

#define DAY_S UINT64_C(86400)

static uint64_t minute; /* a full one, now or shortly before */

static int setup(void **state)
{
	int r = rig_setup(state);

	rig.host.conf.feed_count = 2;
	(void)snprintf(rig.host.conf.feed[0].title, CONF_TITLE, "own");
	(void)snprintf(rig.host.conf.feed[1].title, CONF_TITLE, "late");
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(rig.host.conf.feed[i].source, CONF_TEXT, "/list");
		rig.host.conf.feed[i].age_s = 3 * DAY_S;
	}
	minute = clock_wall_s() / 60 * 60;
	return r;
}

static void send_state(const char *name, uint64_t good)
{
	struct msg_feed_state m = { .count = 2,
		.state = good ? FEED_OK : FEED_FAILED,
		.action = FEED_ACTION_BLOCK,
		.layers = FEED_LAYER_POLICY,
		.good = good };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	(void)snprintf(m.name, sizeof m.name, "%s", name);
	message_put_feed_state(&w, MSG_FEED_STATE, &m);
	rig_send(ROLE_FEED, &w, -1);
}

static bool are_known(void *ctx)
{
	const struct engine_feeds *x = ((struct engine *)rig.host.ctx)->feeds;

	(void)ctx;
	return x->feed[0].has_state && x->feed[1].has_state;
}

static bool has_set(void *ctx)
{
	(void)ctx;
	return ((struct engine *)rig.host.ctx)->feeds->feed[0].has_set;
}

static void send_set(uint64_t time)
{
	struct msg_feed_set m = { .time = time,
		.action = FEED_ACTION_BLOCK,
		.layers = FEED_LAYER_POLICY,
		.time_s = 3600,
		.entries = 1,
		.code = 3,
		.name = "own" };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	message_put_feed_set(&w, MSG_FEED_SET, &m);
	rig_send(ROLE_FEED, &w, rig_area("192.0.2.0/24"));
	assert_true(rig_wait(has_set, NULL));
}

static bool has_alarm(void *ctx)
{
	return strstr(rig.alarm, ctx) != NULL;
}

/* Looks at all lists as if it were then. */
static void look_at(uint64_t time)
{
	rig.alarm[0] = '\0';
	engine_feed_tick(rig.host.ctx, time);
}

static void test_ages(void **state)
{
	char old[] = "feed own is 4 days old", none[] = "feed late has never been fetched";

	(void)state;
	rig_start();
	send_state("own", minute - 60);
	send_state("late", 0);
	assert_true(rig_wait(are_known, NULL));
	look_at(minute + 30 * 60);
	look_at(minute + 4 * DAY_S + 1); /* once a minute only */
	assert_string_equal(rig.alarm, "");
	look_at(minute + 2 * 3600);
	assert_true(rig_wait(has_alarm, none));
	look_at(minute + 4 * DAY_S);
	assert_true(rig_wait(has_alarm, old));
}

static json_t *feed_of(const char *line)
{
	json_t *j = rig_call(line), *f = json_incref(json_array_get(json_object_get(j, "feeds"), 0));

	json_decref(j);
	assert_non_null(f);
	return f;
}

/* The list is from four days ago; that it is still so was seen a moment ago. */
static void test_a_list_that_does_not_change(void **state)
{
	static const char *const lines[] = { "{\"cmd\":\"feed_list\"}",
		"{\"cmd\":\"feed_find\",\"address\":\"192.0.2.7\"}" };

	(void)state;
	rig_start();
	send_set(minute - 4 * DAY_S);
	send_state("own", minute);
	send_state("late", 0);
	assert_true(rig_wait(are_known, NULL));
	look_at(minute);
	json_decref(rig_call("{\"cmd\":\"status\"}")); /* an alarm would be here before it */
	assert_string_equal(rig.alarm, "");
	for (unsigned i = 0; i < 2; i++) {
		json_t *f = feed_of(lines[i]);

		assert_true((uint64_t)json_integer_value(json_object_get(f, "fetched")) == minute);
		json_decref(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ages, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_a_list_that_does_not_change, setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
