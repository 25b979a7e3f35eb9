/*
 * test_engine_ready: what status says to "ready for enforce?", from an
 * installation that nothing asks to one that has watched for a week.
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_missing, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_advice, rig_setup, rig_teardown),
	};

	cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
