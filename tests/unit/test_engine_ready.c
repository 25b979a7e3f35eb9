/*
 * test_engine_ready: what status says to "ready for enforce?", from an
 * installation that nothing asks to one that has watched for a week. And what
 * an engine refuses before the allow files have come.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"

#include "role/engine.h"

#define TRAP "zztrap-1@example.org"

static void assert_ready(bool is_ready, const char *text)
{
	json_t *j = rig_call("{\"cmd\":\"status\"}"), *r = json_object_get(j, "ready");

	assert_string_equal(json_string_value(json_object_get(r, "text")), text);
	assert_int_equal(json_is_true(json_object_get(r, "ok")), is_ready);
	json_decref(j);
}

static void send_to(const char *id, const char *recipient)
{
	int fd = rig_connect("policy");

	assert_string_equal(rig_rcpt(fd, "192.0.2.1", id, "jo@firm.example", recipient), "action=DUNNO");
	assert_string_equal(rig_end(fd, "192.0.2.1", id, id, 1, ""), "action=DUNNO");
	(void)close(fd);
}

static void test_what_is_missing(void **state)
{
	(void)state;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP " state=watching\n");
	rig_start();
	assert_ready(false, "Postfix has asked nothing yet: limetwig setup postfix, limetwig doctor");
	send_to("A1", "anna@example.org");
	assert_ready(false, "no trap is armed yet: limetwig trap list");
	rig_restart();
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP " state=armed\n");
	rig_do("{\"cmd\":\"trap_reload\"}");
	assert_ready(false, "no armed trap was hit yet");
}

static void test_advice(void **state)
{
	json_t *j;

	(void)state;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP " state=armed\n");
	rig_start();
	assert_int_equal(rig_message("192.0.2.9", "B1", "s@s.example", TRAP), HIT_STORED);
	assert_ready(false, "watched for less than 7 days");
	j = rig_call("{\"cmd\":\"enforce\",\"mode\":\"soft\",\"force\":true}");
	assert_string_equal(json_string_value(json_object_get(j, "advice")), "watched for less than 7 days");
	json_decref(j);
	j = rig_call("{\"cmd\":\"enforce\",\"mode\":\"full\",\"force\":true}");
	assert_string_equal(json_string_value(json_object_get(j, "advice")), "");
	json_decref(j);
	assert_ready(true, "");
}

static bool is_refused(const char *client)
{
	static unsigned n;
	int fd = rig_connect("policy");
	char id[16], action[1024];

	(void)snprintf(id, sizeof id, "R%u", ++n);
	(void)snprintf(action, sizeof action, "%s", rig_rcpt(fd, client, id, "a@s.example", "anna@example.org"));
	(void)close(fd);
	return strstr(action, "450") || strstr(action, "554");
}

static bool has_synced(void *ctx)
{
	return rig.syncs >= *(const unsigned *)ctx;
}

static bool is_element(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(text), &p), ERR_OK);
	for (size_t i = 0; i < rig.ops; i++)
		if (rig.op[i].is_add && prefix_eq(&rig.op[i].prefix, &p))
			return true;
	return false;
}

/* A network whose block is in the store may have a hole that only the allow files tell of; a host has none. */
static void test_holes_before_networks(void **state)
{
	unsigned applies, both = 2;

	(void)state;
	rig_start();
	rig_enforce("full");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"203.0.113.0/24\"}");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"198.51.100.7\"}");
	assert_true(is_refused("203.0.113.9"));
	assert_true(is_element("203.0.113.0/24"));
	rig_stop();
	(void)snprintf(rig.allow, sizeof rig.allow, "203.0.113.9\n");
	rig.is_text_held = true;
	rig.syncs = 0;
	rig_start_engine();
	for (int r = ROLE_FIREWALL; r < ROLE_COUNT; r++)
		rig_link((enum role)r);
	assert_true(rig_wait(has_synced, &both)); /* begin and end */
	assert_true(is_element("198.51.100.7"));
	assert_false(is_element("203.0.113.0/24"));
	assert_true(is_refused("198.51.100.7"));
	assert_false(is_refused("203.0.113.9"));
	applies = rig.applies;
	rig.syncs = 0;
	rig_send_files();
	assert_true(rig_wait(rig_is_loaded, &applies));
	assert_true(is_refused("203.0.113.10"));
	assert_false(is_refused("203.0.113.9"));
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.0/24\"}");
	assert_true(is_element("192.0.2.0/24"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_missing, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_advice, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_holes_before_networks, rig_setup, rig_teardown),
	};

	cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
