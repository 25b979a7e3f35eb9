/*
 * test_engine_breaker: a host with good mail is not blocked before a person
 * says so; what a block would refuse is shown; what was refused is listed.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"

#define HOST "192.0.2.77"
#define DAY_S 86400u

static json_int_t held_by_status(void)
{
	json_t *j = rig_call("{\"cmd\":\"status\"}");
	json_int_t n = json_integer_value(json_object_get(json_object_get(j, "blocks"), "held"));

	json_decref(j);
	return n;
}

/* Seven days of one good message each, long enough ago to count. */
static void send_good_mail(void)
{
	uint64_t now = clock_wall_s();

	for (uint64_t day = 10; day > 3; day--)
		rig_log_mail(HOST, "jo@firm.example", "anna@example.org", now - day * DAY_S);
	assert_int_equal(held_by_status(), 0);
}

static void hit_until_held(void)
{
	rig_enforce("soft");
	send_good_mail();
	assert_int_equal(rig_message(HOST, "M1", "jo@firm.example", TRAP1), HIT_STORED);
	rig_assert_title(HOST, "ACCEPTED");
	assert_int_equal(rig_message(HOST, "M2", "jo@firm.example", TRAP2), HIT_STORED);
}

static bool is_told(void *ctx)
{
	(void)ctx;
	return rig.alarms > 0;
}

/* The case of the only held block, which would have refused seven messages. */
static void held_case(char to[16])
{
	json_t *j = rig_call("{\"cmd\":\"block_list\",\"held\":true}");
	const json_t *b = json_array_get(json_object_get(j, "blocks"), 0);

	assert_int_equal(json_integer_value(json_object_get(j, "total")), 1);
	assert_string_equal(json_string_value(json_object_get(b, "state")), "held");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(b, "blast"), "mails")), 7);
	(void)snprintf(to, 16, "%s", json_string_value(json_object_get(b, "case")));
	json_decref(j);
}

static void assert_reply(const char *starts)
{
	static unsigned instance;
	char id[16];
	int fd = rig_connect("policy");

	(void)snprintf(id, sizeof id, "r%u", instance++);
	assert_memory_equal(rig_rcpt(fd, HOST, id, "jo@firm.example", "anna@example.org"), starts, strlen(starts));
	(void)close(fd);
}

static void test_held_and_confirmed(void **state)
{
	char id[16], line[128];
	json_t *j;

	(void)state;
	rig_start();
	hit_until_held();
	rig_assert_title(HOST, "HELD");
	assert_true(rig_wait(is_told, NULL));
	assert_non_null(strstr(rig.alarm, "waits for your decision"));
	assert_int_equal(held_by_status(), 1);
	assert_reply("action=DUNNO");
	rig_restart();
	assert_int_equal(held_by_status(), 1);
	assert_reply("action=DUNNO");
	held_case(id);
	(void)snprintf(line, sizeof line, "{\"cmd\":\"block_confirm\",\"case\":\"%s\"}", id);
	rig_do(line);
	rig_assert_title(HOST, "BLOCKED");
	assert_int_equal(held_by_status(), 0);
	assert_reply("action=450");
	j = rig_call(line);
	assert_false(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
	j = rig_call("{\"cmd\":\"hits\",\"good\":true}");
	assert_int_equal(json_integer_value(json_object_get(j, "refusals_total")), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(j, "refusals"), 0), "client")), HOST);
	json_decref(j);
	j = rig_call("{\"cmd\":\"hits\"}");
	assert_null(json_object_get(j, "refusals"));
	json_decref(j);
}

static void test_held_and_dropped(void **state)
{
	char id[16], line[128];

	(void)state;
	rig_start();
	hit_until_held();
	held_case(id);
	(void)snprintf(line, sizeof line, "{\"cmd\":\"block_remove\",\"what\":\"%s\"}", id);
	rig_do(line);
	rig_assert_title(HOST, "LIFTED");
	assert_int_equal(held_by_status(), 0);
	assert_int_equal(rig_message(HOST, "M3", "jo@firm.example", RIG_SECRET "@" RIG_SECRET ".example"), HIT_STORED);
	rig_assert_title(HOST, "LIFTED");
	assert_int_equal(held_by_status(), 0);
}

static void test_blast_radius(void **state)
{
	json_t *j;

	(void)state;
	rig_start();
	send_good_mail();
	j = rig_call("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.0/24\",\"dry_run\":true}");
	assert_true(json_is_true(json_object_get(j, "dry_run")));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "blast"), "mails")), 7);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "blast"), "hosts")), 1);
	json_decref(j);
	j = rig_call("{\"cmd\":\"block_add\",\"subject\":\"198.51.100.0/24\",\"dry_run\":true}");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "blast"), "mails")), 0);
	json_decref(j);
	j = rig_call("{\"cmd\":\"block_list\",\"all\":true}");
	assert_int_equal(json_integer_value(json_object_get(j, "total")), 0);
	json_decref(j);
	j = rig_call("{\"cmd\":\"block_add\",\"subject\":\"" HOST "\",\"seconds\":3600}");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "blast"), "mails")), 7);
	json_decref(j);
	j = rig_call("{\"cmd\":\"block_add\",\"subject\":\"" HOST "\",\"held\":true}"); /* it is blocked already */
	assert_false(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
}

static void test_held_by_hand(void **state)
{
	char id[16];
	json_t *j;

	(void)state;
	rig_start();
	rig_enforce("full");
	j = rig_call("{\"cmd\":\"block_add\",\"subject\":\"" HOST "\",\"seconds\":3600,\"held\":true}");
	assert_string_equal(json_string_value(json_object_get(json_object_get(j, "block"), "state")), "held");
	(void)snprintf(id, sizeof id, "%s", json_string_value(json_object_get(json_object_get(j, "block"), "case")));
	json_decref(j);
	assert_int_equal(held_by_status(), 1);
	assert_reply("action=DUNNO");
	assert_false(rig_is_in_firewall(HOST));
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.0/24\",\"seconds\":3600}");
	rig_assert_title(HOST, "BLOCKED"); /* with his network */
	rig_assert_title(id, "HELD");
	rig_do("{\"cmd\":\"block_remove\",\"what\":\"192.0.2.0/24\"}");
	assert_reply("action=DUNNO");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"" HOST "\",\"seconds\":3600}"); /* somebody decided */
	assert_int_equal(held_by_status(), 0);
	assert_reply("action=450");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_held_and_confirmed, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_held_and_dropped, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_blast_radius, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_held_by_hand, rig_setup, rig_teardown),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
