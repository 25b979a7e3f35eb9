/*
 * test_engine_feed: what a list from outside does to the hosts on it: blocked at
 * the first contact, lifted, spared, undone; and what they hear.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_feed_rig.h"

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

	if (!rig_poll(has_title, x))
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
	start();
	rig_enforce("full");
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

/* An engine that has just started does not know yet whom the allow files spare. */
static void test_a_start_waits_for_files(void **state)
{
	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "192.0.2.7\n");
	start_without_files();
	send_state("drop", 1, FEED_OK);
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	assert_false(is_refused("192.0.2.7"));
	assert_false(is_refused("192.0.2.9"));
	send_files();
	assert_false(is_refused("192.0.2.7"));
	assert_true(is_refused("192.0.2.9"));
	assert_int_equal(blocks_of("drop"), 1);
}

/* Nor whom a list allows that the role has from before. */
static void test_a_start_waits_for_allowing_feeds(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("full");
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	assert_false(is_refused("192.0.2.9")); /* there may be others */
	send_state("drop", 2, FEED_OK);
	send_state_of("nice", 2, FEED_OK, FEED_ACTION_ALLOW, clock_wall_s());
	assert_false(is_refused("192.0.2.7"));
	give_set("nice", FEED_ACTION_ALLOW, FEED_LAYER_POLICY, "192.0.2.7");
	assert_false(is_refused("192.0.2.7"));
	assert_true(is_refused("192.0.2.9"));
	assert_int_equal(blocks_of("drop"), 1);
}

/* A role that cannot be started does not keep the others from acting for long. */
static void test_a_start_waits_a_minute(void **state)
{
	struct engine *e;

	(void)state;
	rig_start();
	rig_enforce("full");
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	assert_false(is_refused("192.0.2.9"));
	e = rig.host.ctx;
	e->clock_start_ms -= 60000;
	engine_feed_ready(e);
	assert_true(is_refused("192.0.2.9"));
}

static bool are_both_taken(void *ctx)
{
	(void)ctx;
	return seen.took == 2;
}

/* Whoever stands in both is not blocked while the list that allows waits for its turn. */
static void test_what_allows_goes_first(void **state)
{
	(void)state;
	start();
	(void)offer_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, rig_area("192.0.2.0/24"));
	(void)offer_set("nice", FEED_ACTION_ALLOW, FEED_LAYER_POLICY, rig_area("192.0.2.7"));
	assert_true(rig_wait(are_both_taken, NULL));
	assert_string_equal(seen.order, "nice drop ");
}

static void assert_does(const char *what, const char *does)
{
	json_t *j = rig_why(what);

	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(j, "feeds"), 0), "does")), does);
	json_decref(j);
}

/* Allowed is one address of a network, and it happens to be the first. */
static void test_the_first_address_is_allowed(void **state)
{
	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "192.0.2.0\n");
	start();
	rig_enforce("soft");
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	assert_does("192.0.2.0", "yields");
	assert_does("192.0.2.1", "blocks");
	assert_does("192.0.2.0/24", "blocks");
}

/* Off the list, and on it again: no pardon stands in the way. */
static void test_a_new_set_lifts(void **state)
{
	(void)state;
	start();
	rig_enforce("full");
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

/* Most blocks are no feed's: a stretch of the index without one of them goes on at once. */
static void test_lifting_passes_over_others(void **state)
{
	unsigned stretches = 1;
	struct engine *e;

	(void)state;
	start();
	for (unsigned i = 0; i < 600; i++) {
		char line[100];

		(void)snprintf(line, sizeof line, "{\"cmd\":\"block_add\",\"subject\":\"11.0.%u.%u\",\"seconds\":3600}",
			i / 250, i % 250);
		rig_do(line);
	}
	e = rig.host.ctx;
	engine_feed_lift(e);
	for (unsigned wait; (wait = engine_feed_lift_step(e)) != 0; stretches++)
		assert_int_equal(wait, 1);
	assert_true(stretches > 2);
}

/* A role that dies, or comes again, changes nothing; a feed that it no longer names is gone. */
static void test_a_feed_goes(void **state)
{
	(void)state;
	start();
	rig_enforce("full");
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
	start();
	rig_enforce("full");
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

static void test_good_mail_spares(void **state)
{
	json_t *j;

	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "192.0.2.128/26\n");
	start();
	rig_enforce("full");
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
	start();
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	assert_false(is_refused("192.0.2.7"));
	rig_assert_title("192.0.2.7", "WOULD BE BLOCKED");
	assert_int_equal(rig.op_adds, 0);
	assert_int_equal(seen.acting, 0);
	rig_enforce("full");
	assert_int_equal(seen.acting, 1);
	assert_true(is_refused("192.0.2.7"));
}

/* Confirmed, as soon as the engine knows that the role holds it. */
static bool is_asked_to_take(void *ctx)
{
	(void)ctx;
	json_decref(rig_call("{\"cmd\":\"feed_confirm\",\"name\":\"drop\"}"));
	return seen.asks > 0;
}

/* Many hosts that send good mail: it waits for a person, and after a restart of the engine no more. */
static void test_too_many_good_hosts(void **state)
{
	json_t *j;
	unsigned took;

	(void)state;
	start();
	rig_enforce("full");
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
	assert_true(rig_poll(is_asked_to_take, NULL));
	assert_int_equal(seen.ask.what, FEED_ASK_CONFIRM);
	assert_string_equal(seen.ask.name, "drop");
}

static void test_score_and_allow(void **state)
{
	(void)state;
	start();
	rig_enforce("full");
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

/* A feed that allowed somebody in a blocked network is gone: the kernel takes the network. */
static void test_an_allowing_feed_goes(void **state)
{
	char network[] = "2001:db8:0:7::/64";

	(void)state;
	start();
	rig_enforce("full");
	give_set("nice", FEED_ACTION_ALLOW, FEED_LAYER_POLICY, "2001:db8:0:7::25");
	assert_int_equal(rig_message("2001:db8:0:7::66", "M1", "a@s.example", TRAP1), HIT_STORED);
	assert_true(rig_is_refused("2001:db8:0:7::66"));
	assert_false(rig_is_in_firewall(network));
	send_state("", 0, FEED_NEVER);
	assert_true(rig_wait(rig_has_element, network));
}

/* A hit while the feed's block stands: the trap's block takes its place. */
static void test_a_hit_takes_over(void **state)
{
	json_t *j, *b;

	(void)state;
	start(); /* in monitor the mail of a listed host comes in */
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "192.0.2.0/24");
	assert_int_equal(rig_message("192.0.2.7", "M1", "a@s.example", TRAP1), HIT_STORED);
	j = rig_why("192.0.2.7");
	b = json_object_get(j, "block");
	assert_null(json_object_get(b, "feed"));
	assert_int_equal(json_integer_value(json_object_get(b, "offence")), 1);
	json_decref(j);
	give_set("drop", FEED_ACTION_BLOCK, ALL_LAYERS, "203.0.113.0/24");
	rig_enforce("full");
	rig_assert_title("192.0.2.7", "BLOCKED"); /* it is not the feed's to lift */
}

static void test_layers(void **state)
{
	(void)state;
	start();
	rig_enforce("full");
	give_set("drop", FEED_ACTION_BLOCK, FEED_LAYER_POLICY | FEED_LAYER_DNSBL, "192.0.2.0/24");
	give_set("zone", FEED_ACTION_BLOCK, FEED_LAYER_DNSBL, "203.0.113.0/24");
	assert_true(is_refused("192.0.2.7"));
	assert_false(is_refused("203.0.113.7"));
	for (int i = 0; i < 150; i++)
		assert_true(is_refused("192.0.2.7"));
	assert_int_equal(rig.op_adds, 0);
}

static bool hears(const char *client, const char *what)
{
	char action[1024];

	rcpt(client, action);
	assert_non_null(strstr(action, ".7.1 On hold until"));
	return strstr(action, what) != NULL;
}

static bool is_heard(void *ctx)
{
	const char *const *x = ctx;

	return hears(x[0], x[1]);
}

static void wait_hears(const char *client, const char *what)
{
	const char *x[] = { client, what };

	if (!rig_poll(is_heard, x))
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
	start();
	rig_enforce("full");
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

/* More listed hosts than there is room: the rest of block max-blocks stays for hits and people. */
static void test_a_storm(void **state)
{
	int fd;
	json_t *j;

	(void)state;
	rig.host.conf.block.max_blocks = 1000;
	start();
	rig_enforce("full");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_contact),
		TEST(test_a_start_waits_for_files),
		TEST(test_a_start_waits_for_allowing_feeds),
		TEST(test_a_start_waits_a_minute),
		TEST(test_what_allows_goes_first),
		TEST(test_the_first_address_is_allowed),
		TEST(test_a_new_set_lifts),
		TEST(test_lifting_passes_over_others),
		TEST(test_a_feed_goes),
		TEST(test_undo),
		TEST(test_good_mail_spares),
		TEST(test_monitor_says_would),
		TEST(test_too_many_good_hosts),
		TEST(test_score_and_allow),
		TEST(test_an_allowing_feed_goes),
		TEST(test_a_hit_takes_over),
		TEST(test_layers),
		TEST(test_words_of_a_list),
		TEST(test_a_storm),
	};

	cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
