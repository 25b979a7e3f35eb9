/*
 * test_engine_undo: blocks are lifted by what set them off; a trap that
 * people write to is suspended.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine.h"

#define MANY 9000 /* more than the engine has subjects in memory */

static size_t removed_by(const char *line)
{
	json_t *j = rig_call(line);
	size_t n = json_array_size(json_object_get(j, "removed"));

	json_decref(j);
	return n;
}

/* Its number, as a person sees it, is found by address and the other way round. */
static void trap_id(const char *trap, char to[16])
{
	char line[200];
	json_t *j;

	(void)snprintf(line, sizeof line, "{\"cmd\":\"trap_find\",\"address\":\"%s\"}", trap);
	j = rig_call(line);
	(void)snprintf(to, 16, "%s", json_string_value(json_object_get(json_object_get(j, "trap"), "id")));
	json_decref(j);
	(void)snprintf(line, sizeof line, "{\"cmd\":\"trap_find\",\"address\":\"%s\"}", to);
	j = rig_call(line);
	assert_true(json_is_true(json_object_get(j, "found")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(j, "trap"), "id")), to);
	json_decref(j);
}

static void test_by_cause(void **state)
{
	char id[16], line[200];

	(void)state;
	rig_start();
	assert_int_equal(rig_message("192.0.2.1", "M1", "a@s.example", TRAP1), HIT_STORED);
	assert_int_equal(rig_message("192.0.2.2", "M2", "a@s.example", TRAP2), HIT_STORED);
	assert_int_equal(rig_message("192.0.2.3", "M3", "a@s.example", TRAP2), HIT_STORED);
	trap_id(TRAP2, id);
	(void)snprintf(line, sizeof line, "{\"cmd\":\"block_remove\",\"trap\":%s,\"dry_run\":true}", id + 2);
	assert_int_equal(removed_by(line), 2);
	rig_assert_title("192.0.2.2", "WOULD BE BLOCKED");
	(void)snprintf(line, sizeof line, "{\"cmd\":\"block_remove\",\"trap\":%s,\"tag\":\"web\"}", id + 2);
	assert_int_equal(removed_by(line), 0);
	(void)snprintf(line, sizeof line, "{\"cmd\":\"block_remove\",\"trap\":%s}", id + 2);
	assert_int_equal(removed_by(line), 2);
	assert_int_equal(removed_by(line), 0);
	assert_int_equal(removed_by("{\"cmd\":\"block_remove\",\"tag\":\"web\"}"), 1);
	assert_int_equal(removed_by("{\"cmd\":\"block_remove\"}"), 0);
}

/* One command lifts them all. */
static void test_very_many(void **state)
{
	struct engine *e;

	(void)state;
	rig_start();
	e = rig.host.ctx;
	rig_store_blocks(e->store, MANY, "mass");
	assert_int_equal(removed_by("{\"cmd\":\"block_remove\",\"tag\":\"mass\"}"), MANY);
	assert_int_equal(removed_by("{\"cmd\":\"block_remove\",\"tag\":\"mass\"}"), 0);
}

/* Who is blocked with his network hears so, and by which case; what was of himself before does not hide it. */
static void test_why_inside_a_network(void **state)
{
	json_t *j;

	(void)state;
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_message("192.0.2.6", "M1", "a@s.example", TRAP1), HIT_STORED);
	rig_do("{\"cmd\":\"block_remove\",\"what\":\"192.0.2.6\"}");
	rig_assert_title("192.0.2.6", "LIFTED");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.0/24\",\"seconds\":3600}");
	assert_true(rig_is_refused("192.0.2.5"));
	rig_assert_title("192.0.2.6", "BLOCKED");
	j = rig_why("192.0.2.5");
	assert_string_equal(json_string_value(json_object_get(j, "title")), "BLOCKED");
	assert_string_equal(json_string_value(json_object_get(json_object_get(j, "block"), "subject")), "192.0.2.0/24");
	assert_true(json_is_true(json_object_get(json_object_get(j, "layers"), "policy")));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "refusals"), "count")), 1);
	json_decref(j);
	rig_assert_title("192.0.2.0/24", "BLOCKED");
	rig_assert_title("192.0.3.5", "NOT BLOCKED");
	rig_do("{\"cmd\":\"block_remove\",\"what\":\"192.0.2.0/24\"}");
	rig_assert_title("192.0.2.5", "NOT BLOCKED");
	rig_assert_title("192.0.2.6", "LIFTED");
}

static bool has_block(const char *what, bool is_by_policy)
{
	json_t *j = rig_why(what);
	bool has = json_object_get(j, "block") != NULL;

	assert_int_equal(json_is_true(json_object_get(json_object_get(j, "layers"), "policy")), is_by_policy);
	json_decref(j);
	return has;
}

/* Allowed is the host that is asked for, not what is charged for him; and a network only as a whole. */
static void test_why_of_an_allowed_host(void **state)
{
	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "2001:db8:0:7::25\n192.0.2.0/28\n");
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_message("2001:db8:0:7::66", "M1", "a@s.example", TRAP1), HIT_STORED);
	assert_false(rig_is_refused("2001:db8:0:7::25"));
	rig_assert_title("2001:db8:0:7::25", "ALLOWED");
	assert_true(has_block("2001:db8:0:7::25", false)); /* what is charged for him is */
	rig_assert_title("2001:db8:0:7::66", "BLOCKED");
	assert_true(has_block("2001:db8:0:7::66", true));
	rig_assert_title("2001:db8:0:7::/64", "BLOCKED");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.0/24\",\"seconds\":3600}");
	rig_assert_title("192.0.2.0/24", "BLOCKED");
	rig_assert_title("192.0.2.0/28", "ALLOWED");
	rig_assert_title("192.0.2.7", "ALLOWED");
	assert_false(has_block("192.0.2.7", false)); /* nothing that one could lift for him */
	assert_false(has_block("192.0.2.0/28", false));
	rig_assert_title("192.0.2.77", "BLOCKED");
	assert_true(has_block("192.0.2.77", true));
}

static bool is_told(void *ctx)
{
	(void)ctx;
	return rig.alarms > 0;
}

/* Seven days of good mail of this host. */
static void send_good_mail(const char *host)
{
	uint64_t now = clock_wall_s();

	for (uint64_t day = 10; day > 3; day--)
		rig_log_mail(host, "jo@firm.example", "anna@example.org", now - day * 86400);
	json_decref(rig_call("{\"cmd\":\"status\"}"));
}

/* Two hosts with good mail write to a trap: that is somebody's address. One, or hosts that nobody knows, do not do. */
static void test_people_write_to_it(void **state)
{
	(void)state;
	rig_start();
	send_good_mail("192.0.2.1");
	send_good_mail("192.0.2.2");
	for (int i = 3; i < 8; i++) {
		char client[16], id[8];

		(void)snprintf(client, sizeof client, "192.0.2.%d", i);
		(void)snprintf(id, sizeof id, "S%d", i);
		assert_int_equal(rig_message(client, id, "a@s.example", TRAP2), HIT_STORED);
	}
	assert_int_equal(rig_message("192.0.2.1", "M1", "jo@firm.example", TRAP2), HIT_STORED);
	assert_int_equal(rig_message("192.0.2.1", "M2", "jo@firm.example", TRAP2), HIT_STORED);
	assert_false(rig_is_one_suspended(NULL));
	assert_non_null(strstr(rig.map, TRAP2));
	rig_restart(); /* what was seen outlives the engine */
	assert_int_equal(rig_message("192.0.2.2", "M3", "mia@firm.example", TRAP2), HIT_STORED);
	assert_true(rig_wait(is_told, NULL));
	assert_true(rig_poll(rig_is_one_suspended, NULL)); /* the files are read again */
	rig_restart();
	assert_true(rig_poll(rig_is_one_suspended, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_cause, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_very_many, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_why_inside_a_network, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_why_of_an_allowed_host, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_people_write_to_it, rig_setup, rig_teardown),
	};

	cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
