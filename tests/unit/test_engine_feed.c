/*
 * test_engine_feed: lists from outside, from the set that the role feed hands
 * over to the reply, the kernel and the zone.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/block_share.h"
#include "core/feed_area.h"
#include "core/feed_view.h"
#include "engine_rig.h"
#include "io/area_memory.h"

#define TRAP1 RIG_SECRET "1@example.org"
#define ALL_LAYERS (FEED_LAYER_POLICY | FEED_LAYER_FIREWALL | FEED_LAYER_DNSBL | FEED_LAYER_EXPORT)

static struct {
	unsigned took; /* answers to sets */
	struct msg_feed_took last;
	unsigned holes, lists, gone; /* of dnsbl, in this order */
	bool are_holes_first;
	struct msg_feed_give give;
	int acting;
	struct area_memory hole;
	struct feed_area hole_area;
	struct msg_feed_ask ask;
	unsigned asks;
	struct msg_feed_says says;
	unsigned words;
	uint64_t gone_at; /* bits: numbers of feeds that are none, as dnsbl was told */
} seen;

static const char *words = ""; /* of the next set */

static void take_give(struct rd *body, int fd)
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

static void on_feed(enum role at, enum message_type t, struct rd *body, int fd)
{
	struct msg_acting acting;

	if (t == MSG_FEED_TOOK) {
		assert_int_equal(message_get_feed_took(body, &seen.last), ERR_OK);
		seen.took++;
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
	}
}

static int setup(void **state)
{
	int r = rig_setup(state);

	memset(&seen, 0, sizeof seen);
	seen.acting = -1;
	words = "";
	seen.hole = AREA_MEMORY_NONE;
	rig.on_feed = on_feed;
	rig.host.conf.feed_count = 1;
	(void)snprintf(rig.host.conf.feed[0].title, CONF_TITLE, "drop");
	(void)snprintf(rig.host.conf.feed[0].source, CONF_TEXT, "/list");
	return r;
}

static int teardown(void **state)
{
	area_memory_close(&seen.hole);
	return rig_teardown(state);
}

/* ---- what the role feed does */

static bool is_took(void *ctx)
{
	return seen.took > *(const unsigned *)ctx;
}

static void send_set(const char *name, enum conf_feed_action action, unsigned layers, int fd)
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
	unsigned before = seen.took;
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	(void)snprintf(m.name, sizeof m.name, "%s", name);
	(void)snprintf(m.text, sizeof m.text, "%s", words);
	message_put_feed_set(&w, MSG_FEED_SET, &m);
	rig_send(ROLE_FEED, &w, fd);
	assert_true(rig_wait(is_took, &before));
	assert_string_equal(seen.last.name, name);
	assert_true(seen.last.time == m.time);
}

static void give_set(const char *name, enum conf_feed_action action, unsigned layers, const char *list)
{
	send_set(name, action, layers, rig_area(list));
	assert_int_equal(seen.last.result, FEED_TOOK);
}

static void send_state(const char *name, unsigned count, enum feed_state state)
{
	struct msg_feed_state m = { .count = (uint8_t)count,
		.state = (uint8_t)state,
		.action = FEED_ACTION_BLOCK,
		.layers = FEED_LAYER_POLICY,
		.added = 7 };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	(void)snprintf(m.name, sizeof m.name, "%s", name);
	message_put_feed_state(&w, MSG_FEED_STATE, &m);
	rig_send(ROLE_FEED, &w, -1);
}

/* ---- what comes of it */

static void rcpt(const char *client, char to[1024])
{
	static unsigned n;
	char id[16];
	int fd = rig_connect("policy");

	(void)snprintf(id, sizeof id, "R%u", ++n);
	(void)snprintf(to, 1024, "%s", rig_rcpt(fd, client, id, "a@s.example", "anna@example.org"));
	(void)close(fd);
}

static bool is_refused(const char *client)
{
	char action[1024];

	rcpt(client, action);
	if (strstr(action, "DUNNO"))
		return false;
	assert_non_null(strstr(action, "action=554 5.7.1"));
	return true;
}

static void full(void)
{
	rig_enforce("full");
}

/* The title of why becomes this: lifting takes some rounds of the loop. */
static bool has_title(void *ctx)
{
	const char *const *x = ctx;
	json_t *j = rig_why(x[0]);
	bool is = strcmp(json_string_value(json_object_get(j, "title")), x[1]) == 0;

	json_decref(j);
	return is;
}

static void wait_title(const char *client, const char *title)
{
	const char *x[] = { client, title };

	for (int i = 0; i < 3000; i++)
		if (has_title(x))
			return;
	fail_msg("%s is not %s", client, title);
}

static size_t blocks_of(const char *feed)
{
	char line[128];
	json_t *j;
	size_t n;

	(void)snprintf(line, sizeof line, "{\"cmd\":\"block_list\",\"feed\":\"%s\"}", feed);
	j = rig_call(line);
	n = json_array_size(json_object_get(j, "blocks"));
	json_decref(j);
	return n;
}

static void test_first_contact(void **state)
{
	json_t *j, *b;

	(void)state;
	rig_start();
	full();
	assert_false(is_refused("192.0.2.7"));
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/25 2001:db8::/32");
	assert_int_equal(blocks_of("drop"), 0);
	assert_true(is_refused("192.0.2.7"));
	assert_true(is_refused("2001:db8:1::1"));
	assert_false(is_refused("192.0.2.128"));
	assert_true(rig_is_in_firewall("192.0.2.7"));
	assert_true(rig_is_in_firewall("2001:db8:1::/64"));
	assert_int_equal(blocks_of("drop"), 2);
	assert_int_equal(blocks_of("other"), 0);
	j = rig_why("192.0.2.7");
	b = json_object_get(j, "block");
	assert_string_equal(json_string_value(json_object_get(b, "feed")), "drop");
	assert_int_equal(json_integer_value(json_object_get(b, "offence")), 1);
	b = json_array_get(json_object_get(j, "feeds"), 0);
	assert_string_equal(json_string_value(json_object_get(b, "prefix")), "192.0.2.0/25");
	assert_string_equal(json_string_value(json_object_get(b, "does")), "blocks");
	json_decref(j);
	rig_restart(); /* the blocks stay without the set */
	assert_true(is_refused("192.0.2.7"));
	assert_false(is_refused("192.0.2.8"));
}

/* Off the list, and on it again: no pardon stands in the way. */
static void test_a_new_set_lifts(void **state)
{
	(void)state;
	rig_start();
	full();
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/25");
	assert_true(is_refused("192.0.2.7"));
	assert_true(is_refused("192.0.2.100"));
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.64/26");
	wait_title("192.0.2.7", "LIFTED");
	rig_assert_title("192.0.2.100", "BLOCKED");
	assert_false(is_refused("192.0.2.7"));
	assert_false(rig_is_in_firewall("192.0.2.7"));
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/25");
	assert_true(is_refused("192.0.2.7"));
	give_set("drop", FEED_ACTION_LIST, ALL_LAYERS, "192.0.2.0/25");
	wait_title("192.0.2.7", "LIFTED");
	wait_title("192.0.2.100", "LIFTED");
	assert_false(is_refused("192.0.2.7"));
}

/* A role that dies, or comes again, changes nothing; a feed that it no longer names is gone. */
static void test_a_feed_goes(void **state)
{
	(void)state;
	rig_start();
	full();
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.7");
	give_set("more", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.8");
	assert_true(is_refused("192.0.2.7"));
	assert_true(is_refused("192.0.2.8"));
	rig_unlink(ROLE_FEED);
	assert_true(is_refused("192.0.2.7"));
	rig_link(ROLE_FEED);
	assert_true(is_refused("192.0.2.8"));
	send_state("more", 1, FEED_OK);
	wait_title("192.0.2.7", "LIFTED");
	assert_false(is_refused("192.0.2.7"));
	assert_true(is_refused("192.0.2.8"));
	send_state("", 0, FEED_NEVER);
	wait_title("192.0.2.8", "LIFTED");
}

static void test_undo(void **state)
{
	json_t *j;

	(void)state;
	rig_start();
	full();
	give_set("drop", FEED_ACTION_TARPIT, ALL_LAYERS, "192.0.2.0/24");
	assert_true(is_refused("192.0.2.7"));
	assert_true(is_refused("192.0.2.8"));
	assert_int_equal(rig_message("198.51.100.1", "M1", "a@s.example", TRAP1), HIT_STORED);
	j = rig_call("{\"cmd\":\"block_remove\",\"feed\":\"drop\",\"dry_run\":true}");
	assert_int_equal(json_array_size(json_object_get(j, "removed")), 2);
	json_decref(j);
	assert_true(is_refused("192.0.2.7"));
	rig_do("{\"cmd\":\"block_remove\",\"feed\":\"drop\"}");
	assert_false(is_refused("192.0.2.7")); /* pardoned, though listed */
	assert_true(is_refused("192.0.2.9"));
	rig_assert_title("198.51.100.1", "BLOCKED");
}

static void good_mail(const char *host)
{
	uint64_t now = clock_wall_s();

	for (uint64_t day = 10; day > 3; day--)
		rig_log_mail(host, "jo@firm.example", "anna@example.org", now - day * 86400);
	json_decref(rig_call("{\"cmd\":\"status\"}"));
}

static json_t *row(const char *key)
{
	json_t *j = rig_call("{\"cmd\":\"feed_list\"}");
	json_t *v = json_incref(json_object_get(json_array_get(json_object_get(j, "feeds"), 0), key));

	json_decref(j);
	assert_non_null(v);
	return v;
}

static void test_good_mail_spares(void **state)
{
	json_t *j;

	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "192.0.2.128/26\n");
	rig_start();
	full();
	good_mail("192.0.2.7");
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	assert_false(is_refused("192.0.2.7"));
	assert_false(is_refused("192.0.2.130"));
	assert_true(is_refused("192.0.2.9"));
	j = row("spared");
	assert_int_equal(json_integer_value(j), 1);
	json_decref(j);
	j = row("collateral");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "good"), "count")), 1);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "never"), "count")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(json_object_get(j, "good"), "first"), 0)),
		"192.0.2.7");
	json_decref(j);
	j = rig_call("{\"cmd\":\"feed_find\",\"address\":\"192.0.2.7\"}");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(j, "feeds"), 0), "does")), "spares");
	json_decref(j);
}

static void test_monitor_says_would(void **state)
{
	(void)state;
	rig_start();
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	assert_false(is_refused("192.0.2.7"));
	rig_assert_title("192.0.2.7", "WOULD BE BLOCKED");
	assert_int_equal(rig.op_adds, 0);
	assert_int_equal(seen.acting, 0);
	full();
	assert_int_equal(seen.acting, 1);
	assert_true(is_refused("192.0.2.7"));
}

/* Many hosts that send good mail: it waits for a person, and after a restart of the engine no more. */
static void test_too_many_good_hosts(void **state)
{
	json_t *j;
	unsigned took;

	(void)state;
	rig_start();
	full();
	for (int i = 1; i <= 6; i++) {
		char host[20];

		(void)snprintf(host, sizeof host, "192.0.2.%d", i);
		good_mail(host);
	}
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "203.0.113.0/24");
	send_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, rig_area("192.0.2.0/24"));
	assert_int_equal(seen.last.result, FEED_HELD);
	assert_non_null(strstr(seen.last.text, "6 of 6"));
	assert_true(rig.alarms > 0);
	assert_false(is_refused("192.0.2.77"));
	assert_true(is_refused("203.0.113.7")); /* the last good one acts */
	j = row("state");
	assert_string_equal(json_string_value(j), "held");
	json_decref(j);
	took = seen.took;
	rig_do("{\"cmd\":\"feed_confirm\",\"name\":\"drop\"}");
	assert_true(rig_wait(is_took, &took));
	assert_int_equal(seen.last.result, FEED_TOOK);
	assert_true(is_refused("192.0.2.77"));
	assert_false(is_refused("192.0.2.1"));
	rig_restart();
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	j = rig_call("{\"cmd\":\"feed_confirm\",\"name\":\"drop\"}");
	assert_false(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
	send_state("drop", 1, FEED_STATE_HELD); /* a change that the role holds: it is asked to take it */
	for (int i = 0; i < 3000 && seen.asks == 0; i++)
		json_decref(rig_call("{\"cmd\":\"feed_confirm\",\"name\":\"drop\"}"));
	assert_int_equal(seen.ask.what, FEED_ASK_CONFIRM);
	assert_string_equal(seen.ask.name, "drop");
}

static void test_score_and_allow(void **state)
{
	(void)state;
	rig_start();
	full();
	rig.host.conf.decide.threshold = 12;
	give_set("score", FEED_ACTION_SCORE, FEED_LAYER_POLICY, "192.0.2.7 192.0.2.9");
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "198.51.100.0/24");
	assert_false(is_refused("192.0.2.7"));
	assert_int_equal(rig_message("192.0.2.8", "M1", "a@s.example", TRAP1), HIT_STORED);
	rig_assert_title("192.0.2.8", "NOT BLOCKED");
	assert_int_equal(rig_message("192.0.2.7", "M2", "a@s.example", TRAP1), HIT_STORED);
	rig_assert_title("192.0.2.7", "BLOCKED");
	assert_true(is_refused("198.51.100.1"));
	give_set("nice", FEED_ACTION_ALLOW, FEED_LAYER_POLICY, "198.51.100.0/25 192.0.2.7");
	wait_title("198.51.100.1", "ALLOWED");
	assert_false(is_refused("198.51.100.1"));
	assert_false(is_refused("192.0.2.7"));
	assert_true(is_refused("198.51.100.200"));
	assert_false(rig_is_in_firewall("198.51.100.1"));
}

/* A hit while the feed's block stands: the trap's block takes its place. */
static void test_a_hit_takes_over(void **state)
{
	json_t *j, *b;

	(void)state;
	rig_start(); /* in monitor the mail of a listed host comes in */
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	assert_int_equal(rig_message("192.0.2.7", "M1", "a@s.example", TRAP1), HIT_STORED);
	j = rig_why("192.0.2.7");
	b = json_object_get(j, "block");
	assert_null(json_object_get(b, "feed"));
	assert_int_equal(json_integer_value(json_object_get(b, "offence")), 1);
	json_decref(j);
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "203.0.113.0/24");
	full();
	rig_assert_title("192.0.2.7", "BLOCKED"); /* it is not the feed's to lift */
}

static void test_layers(void **state)
{
	(void)state;
	rig_start();
	full();
	give_set("drop", FEED_ACTION_BLOCK, FEED_LAYER_POLICY | FEED_LAYER_DNSBL, "192.0.2.0/24");
	give_set("zone", FEED_ACTION_BLOCK, FEED_LAYER_DNSBL, "203.0.113.0/24");
	assert_true(is_refused("192.0.2.7"));
	assert_false(is_refused("203.0.113.7"));
	for (int i = 0; i < 150; i++)
		assert_true(is_refused("192.0.2.7"));
	assert_int_equal(rig.op_adds, 0);
}

/* What the shared list of blocks says of each cause. */
static struct area_memory shared = { .fd = -1 };
static struct block_view view;

static void on_blocks(int fd)
{
	area_memory_close(&shared);
	assert_int_equal(area_memory_open_blocks(fd, &shared, &view), ERR_OK);
}

static bool has_shared(void *ctx)
{
	(void)ctx;
	return shared.map != NULL;
}

static unsigned flags_of(const char *client)
{
	struct block_entry b;
	struct ipaddr a;

	rig_address(client, &a);
	assert_true(block_view_find(&view, &a, clock_wall_s(), &b));
	return b.flags & ~(unsigned)BLOCK_FIREWALL;
}

static void assert_flags(void)
{
	assert_true(rig_wait(has_shared, NULL));
	assert_int_equal(flags_of("192.0.2.1"), 0);
	assert_int_equal(flags_of("192.0.2.2"), BLOCK_BY_PERSON);
	assert_int_equal(flags_of("192.0.2.3"), BLOCK_BY_FEED | BLOCK_HOLD | BLOCK_NO_FIREWALL | BLOCK_NO_EXPORT);
	area_memory_close(&shared);
	shared = AREA_MEMORY_NONE;
}

static void test_causes_in_the_shared_list(void **state)
{
	struct conf_feed *f = &rig.host.conf.feed[0];

	(void)state;
	rig.on_blocks = on_blocks;
	f->action = FEED_ACTION_TARPIT;
	(void)snprintf(f->layers, sizeof f->layers, "policy dnsbl");
	rig_start();
	full();
	assert_int_equal(rig_message("192.0.2.1", "M1", "a@s.example", TRAP1), HIT_STORED);
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.2\",\"seconds\":3600}");
	give_set("drop", FEED_ACTION_TARPIT, FEED_LAYER_POLICY | FEED_LAYER_DNSBL, "192.0.2.3");
	assert_true(is_refused("192.0.2.3"));
	assert_flags();
	rig_restart(); /* the set is not there yet: the configuration tells */
	assert_flags();
}

static bool hears(const char *client, const char *what)
{
	char action[1024];

	rcpt(client, action);
	assert_non_null(strstr(action, ".7.1 On hold until"));
	return strstr(action, what) != NULL;
}

static void wait_hears(const char *client, const char *what)
{
	for (int i = 0; i < 3000; i++)
		if (hears(client, what))
			return;
	fail_msg("%s does not hear %s", client, what);
}

static bool is_said(void *ctx)
{
	return seen.words > 0 && strcmp(seen.says.text, *(const char **)ctx) == 0;
}

static void wait_said(const char *what)
{
	assert_true(rig_wait(is_said, &what));
}

/* The msg of a spamd.conf: who the list has blocked hears it, from Postfix and from the tarpit, as it is now. */
static void test_words_of_a_list(void **state)
{
	(void)state;
	rig_start();
	full();
	assert_int_equal(rig_message("192.0.2.1", "M1", "a@s.example", TRAP1), HIT_STORED);
	words = "%A sent spam (100%%)";
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.4/30 2001:db8::/64");
	assert_true(hears("192.0.2.5", ". 192.0.2.5 sent spam (100%)."));
	assert_true(hears("2001:db8::5", ". 2001:db8::5 sent spam (100%)."));
	assert_false(hears("192.0.2.1", "spam"));
	wait_said("%A sent spam (100%%)");
	words = "Other words!";
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.4/30");
	wait_hears("192.0.2.5", ". Other words!");
	wait_said("Other words!");
	words = "";
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.4/30");
	assert_false(hears("192.0.2.5", "words"));
	wait_said("");
	words = "Again.";
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.4/30");
	wait_hears("192.0.2.5", ". Again.");
	rig_restart(); /* until the set has come there is nobody to say it */
	assert_false(hears("192.0.2.5", "Again"));
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.4/30");
	wait_hears("192.0.2.5", ". Again.");
}

static bool has_holes(void *ctx)
{
	return seen.holes >= *(const unsigned *)ctx;
}

static bool is_hole(const char *client)
{
	struct ipaddr a;

	rig_address(client, &a);
	return feed_area_find(&seen.hole_area, &a, NULL);
}

static bool has_hole(void *ctx)
{
	return is_hole(ctx);
}

static void wait_hole(const char *client)
{
	char text[40];

	(void)snprintf(text, sizeof text, "%s", client);
	assert_true(rig_wait(has_hole, text));
}

static void test_gives(void **state)
{
	unsigned one = 1;

	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "192.0.2.128/26\n");
	rig_start();
	assert_int_equal(seen.acting, 0);
	assert_true(rig_wait(has_holes, &one));
	assert_true(seen.are_holes_first);
	wait_hole("192.0.2.130");
	assert_false(is_hole("192.0.2.1"));
	give_set("drop", FEED_ACTION_LIST, FEED_LAYER_DNSBL, "192.0.2.0/24");
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	assert_int_equal(seen.lists, 1);
	assert_string_equal(seen.give.name, "drop");
	assert_int_equal(seen.give.code, 3);
	give_set("nice", FEED_ACTION_ALLOW, FEED_LAYER_POLICY, "192.0.2.1");
	wait_hole("192.0.2.1");
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.2.9\"}");
	wait_hole("192.0.2.9");
	seen.lists = seen.holes = 0;
	rig_unlink(ROLE_DNSBL);
	rig_link(ROLE_DNSBL);
	assert_true(rig_wait(has_holes, &one));
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	assert_int_equal(seen.lists, 1);
	seen.gone = 0;
	send_state("", 0, FEED_NEVER);
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	assert_true(seen.gone > 0);
}

/* As rig_area makes it, but its maker can write it still. */
static int open_area(void)
{
	int sealed = rig_area("192.0.2.0/25"), fd = memfd_create("rig", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t bytes[4096];
	ssize_t n = pread(sealed, bytes, sizeof bytes, 0);

	assert_true(n > 0 && n < (ssize_t)sizeof bytes);
	assert_int_equal(write(fd, bytes, (size_t)n), n);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE), 0);
	(void)close(sealed);
	return fd;
}

/* What is no area, could be taken away under us, or changed once it is counted, is refused and changes nothing. */
static bool are_told_gone(void *ctx)
{
	return seen.gone_at == *(const uint64_t *)ctx;
}

/* A zone that outlived the engine forgets the feeds that are no longer there, and not before their names are known. */
static void test_what_has_gone_meanwhile(void **state)
{
	uint64_t but_one = ~UINT64_C(1), none = 0;

	(void)state;
	rig_start();
	full();
	give_set("drop", FEED_ACTION_LIST, FEED_LAYER_DNSBL, "192.0.2.0/24");
	seen.gone_at = 0;
	rig_restart();
	assert_true(are_told_gone(&none));
	give_set("drop", FEED_ACTION_LIST, FEED_LAYER_DNSBL, "192.0.2.0/24");
	assert_true(are_told_gone(&none));
	send_state("drop", 1, FEED_OK);
	assert_true(rig_wait(are_told_gone, &but_one));
	/* without any feed it knows at once */
	seen.gone_at = 0;
	rig.host.conf.feed_count = 0;
	rig_restart();
	but_one = UINT64_MAX;
	assert_true(rig_wait(are_told_gone, &but_one));
}

static void test_a_hostile_set(void **state)
{
	char bytes[4096];
	int fd;

	(void)state;
	rig_start();
	full();
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	memset(bytes, 'x', sizeof bytes - 1);
	bytes[sizeof bytes - 1] = '\0';
	send_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, rig_memfd(bytes));
	assert_int_equal(seen.last.result, FEED_BAD);
	fd = memfd_create("rig", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(write(fd, bytes, 20), 20);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	send_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, fd);
	assert_int_equal(seen.last.result, FEED_BAD);
	send_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, open_area());
	assert_int_equal(seen.last.result, FEED_BAD);
	assert_true(is_refused("192.0.2.207"));
}

/* A list at hand: counted, not taken. */
static void test_trial(void **state)
{
	struct iovec v = { (void *)(uintptr_t) "{\"cmd\":\"feed_test\"}\n", 20 };
	char room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd, area = rig_area("192.0.2.0/24");
	struct buf in;
	json_t *j;

	(void)state;
	rig_start();
	full();
	good_mail("192.0.2.7");
	fd = rig_connect("control");
	v.iov_len = strlen(v.iov_base);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof area);
	memcpy(CMSG_DATA(c), &area, sizeof area);
	assert_int_equal(sendmsg(fd, &m, 0), (ssize_t)v.iov_len);
	buf_init(&in, 65536);
	assert_true(rig_read(fd, "\n", &in));
	j = json_loadb(in.p, in.n, 0, NULL);
	buf_done(&in);
	assert_true(json_is_true(json_object_get(j, "ok")));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(json_object_get(j, "collateral"), "good"), "count")),
		1);
	assert_false(json_is_true(json_object_get(j, "held")));
	json_decref(j);
	(void)close(fd);
	(void)close(area);
	assert_false(is_refused("192.0.2.9"));
	j = rig_call("{\"cmd\":\"feed_test\"}");
	assert_false(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
}

/* More listed hosts than there is room: the rest of block max-blocks stays for hits and people. */
static void test_a_storm(void **state)
{
	int fd;
	json_t *j;

	(void)state;
	rig.host.conf.block.max_blocks = 1000;
	rig_start();
	full();
	give_set("drop", FEED_ACTION_BLOCK, FEED_LAYER_POLICY, "10.0.0.0/8 11.0.0.0/8");
	fd = rig_connect("policy");
	for (unsigned i = 0; i < 2000; i++) {
		char client[20], id[12];

		(void)snprintf(client, sizeof client, "11.%u.%u.1", i / 250, i % 250);
		(void)snprintf(id, sizeof id, "S%u", i);
		(void)rig_rcpt(fd, client, id, "a@s.example", "anna@example.org");
	}
	(void)close(fd);
	j = row("blocked");
	assert_int_equal(json_integer_value(j), 750);
	json_decref(j);
	j = row("no_room");
	assert_int_equal(json_integer_value(j), 1250);
	json_decref(j);
	assert_int_equal(rig_message("192.0.2.7", "M1", "a@s.example", TRAP1), HIT_STORED);
	rig_assert_title("192.0.2.7", "BLOCKED");
	assert_true(is_refused("11.0.0.1"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_contact),
		TEST(test_a_new_set_lifts),
		TEST(test_a_feed_goes),
		TEST(test_undo),
		TEST(test_good_mail_spares),
		TEST(test_monitor_says_would),
		TEST(test_too_many_good_hosts),
		TEST(test_score_and_allow),
		TEST(test_a_hit_takes_over),
		TEST(test_layers),
		TEST(test_causes_in_the_shared_list),
		TEST(test_words_of_a_list),
		TEST(test_gives),
		TEST(test_what_has_gone_meanwhile),
		TEST(test_a_hostile_set),
		TEST(test_trial),
		TEST(test_a_storm),
	};

	cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
