/*
 * Who is charged for a message, and who never is: logins, own networks, copies
 * without a record, the allow list.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"

#define SPAMMER "192.0.2.66"
#define NEIGHBOUR "192.0.2.67"

/* ---- who is charged */

/* The message ends with this login: its hit blocks nobody, and raises an alarm. */
static void assert_insider(int fd, const char *login, const char *from)
{
	unsigned before = rig.alarms;

	assert_string_equal(rig_end(fd, SPAMMER, "m1", "Q1", 1, login), "action=DUNNO");
	(void)close(fd);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", from, TRAP1, "m1")), HIT_STORED);
	assert_true(rig_wait(rig_has_alarm, &before));
	assert_non_null(strstr(rig.alarm, login));
	assert_false(rig_is_refused(SPAMMER));
	assert_int_equal(rig_count_of("insider"), 1);
}

static void a_login_is_an_insider(void **state)
{
	int fd;

	(void)state;
	rig_start();
	rig_enforce("soft");
	fd = rig_connect("policy");
	assert_string_equal(
		rig_ask(fd, "RCPT", SPAMMER, "m1", "sasl_username=bob\nsender=bob@example.org\nrecipient=" TRAP1 "\n"),
		"action=DUNNO");
	assert_insider(fd, "bob", "bob@example.org");
}

static void a_login_known_only_at_the_end_is_an_insider(void **state)
{
	int fd;

	(void)state;
	rig_start();
	rig_enforce("soft");
	fd = rig_connect("policy");
	assert_insider(fd, "carol", "c@example.org");
}

static void a_submission_port_without_a_name_is_an_insider(void **state)
{
	int fd;

	(void)state;
	rig.host.conf.postfix.submission.count = 1;
	(void)snprintf(rig.host.conf.postfix.submission.item[0], CONF_ITEM, "587");
	rig_start();
	rig_enforce("soft");
	fd = rig_connect("policy");
	rig_write(fd, "protocol_state=END-OF-MESSAGE\nclient_address=" SPAMMER "\nserver_port=587\nqueue_id=Q1\n\n",
		sizeof "protocol_state=END-OF-MESSAGE\nclient_address=" SPAMMER "\nserver_port=587\nqueue_id=Q1\n\n" -
			1);
	{
		struct buf in;

		buf_init(&in, 4096);
		assert_true(rig_read(fd, "\n\n", &in));
		buf_done(&in);
	}
	(void)close(fd);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "c@example.org", TRAP1, "m1")), HIT_STORED);
	assert_int_equal(rig_count_of("insider"), 1);
	assert_false(rig_is_refused(SPAMMER));
}

static void own_networks_are_insiders(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_message("10.1.2.3", "m1", "a@example.org", TRAP1), HIT_STORED);
	assert_int_equal(rig_wait_ack(rig_hit("", "Q9", "a@example.org", TRAP1, "m2")), HIT_STORED);
	assert_int_equal(rig_count_of("insider"), 2);
	assert_int_equal(rig_count_of("blocked"), 0);
}

static void a_copy_without_a_record_is_not_charged(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP1, "m1")), HIT_STORED);
	assert_false(rig_is_refused(SPAMMER));
	rig_log_login(SPAMMER, "Q1", "", clock_wall_s() + 100); /* taken while we were up: no proof */
	assert_false(rig_is_refused(SPAMMER));
}

static void the_log_proves_who_sent_it_while_we_were_down(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP1, "m1")), HIT_STORED);
	rig_log_login(SPAMMER, "Q1", "", clock_wall_s() - 100);
	rig_wait_for_block(SPAMMER);
	assert_int_equal(rig_hits_of(SPAMMER), 1); /* the same record, now counted */
}

static void the_log_may_speak_first(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("soft");
	rig_log_login(SPAMMER, "Q1", "", clock_wall_s() - 100);
	rig_log_login(NEIGHBOUR, "Q2", "", clock_wall_s() - 100);
	rig_log_login(NEIGHBOUR, "Q2", "dave", clock_wall_s() - 100);
	(void)rig_count_of("whole"); /* runs the loop: the lines are in */
	for (int i = 0; i < 100 && !rig_is_refused(SPAMMER); i++)
		assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP1, "m1")), HIT_STORED);
	rig_wait_for_block(SPAMMER);
	assert_int_equal(rig_wait_ack(rig_hit(NEIGHBOUR, "Q2", "a@example.net", TRAP1, "m2")), HIT_STORED);
	assert_false(rig_is_refused(NEIGHBOUR));
	assert_int_equal(rig_count_of("insider"), 1);
}

/* An smtpd held a connection to the engine before this one: its message was not asked about, the line comes first. */
static void an_smtpd_with_a_dead_connection_saves_nobody(void **state)
{
	(void)state;
	rig_start();
	rig.host.conf.postfix.is_lmtp_trusted = true;
	rig_enforce("soft");
	rig_log_login(SPAMMER, "Q1", "", clock_wall_s() + 20);
	rig_log_login(NEIGHBOUR, "Q2", "", clock_wall_s() + 1000); /* long after the start */
	(void)rig_count_of("whole");
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP1, "m1")), HIT_STORED);
	rig_wait_for_block(SPAMMER);
	assert_int_equal(rig_wait_ack(rig_hit(NEIGHBOUR, "Q2", "a@example.net", TRAP1, "m2")), HIT_STORED);
	assert_false(rig_is_refused(NEIGHBOUR));
}

static void a_trap_behind_an_alias_charges_nobody(void **state)
{
	int fd;

	(void)state;
	rig_start();
	rig_enforce("soft");
	fd = rig_connect("policy");
	assert_string_equal(rig_rcpt(fd, SPAMMER, "m1", "a@example.net", TRAP2), "action=DUNNO");
	assert_string_equal(rig_end(fd, SPAMMER, "m1", "Q1", 1, ""), "action=DUNNO");
	(void)close(fd);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP1, "m1")), HIT_STORED);
	assert_false(rig_is_refused(SPAMMER));
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP2, "m1")), HIT_STORED);
	assert_true(rig_is_refused(SPAMMER));
}

/* ---- allow */

static void allow_lifts_and_runs_out(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_wait(rig_has_element, (void *)(uintptr_t)SPAMMER "/32"));
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.2.0/24\",\"seconds\":2}");
	assert_true(rig_wait(rig_has_no_element, (void *)(uintptr_t)SPAMMER "/32"));
	assert_false(rig_is_refused(SPAMMER));
	assert_int_equal(rig_message(NEIGHBOUR, "m2", "a@example.net", TRAP1), HIT_STORED);
	assert_false(rig_is_refused(NEIGHBOUR));
	for (uint64_t end = clock_wall_s() + 5; clock_wall_s() < end && !rig_is_refused(NEIGHBOUR);)
		assert_int_equal(
			rig_message(NEIGHBOUR, clock_wall_s() & 1 ? "m3" : "m4", "b@example.net", TRAP2), HIT_STORED);
	assert_true(rig_is_refused(NEIGHBOUR));
}

static json_int_t blocks_in_force(void)
{
	json_t *j = rig_call("{\"cmd\":\"block_list\"}");
	json_int_t n = json_integer_value(json_object_get(j, "total"));

	json_decref(j);
	return n;
}

/* The first addresses of a blocked network are allowed: the others are not, and it stays blocked. */
static void an_allowed_corner_is_not_the_network(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("soft");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.0/24\",\"seconds\":3600}");
	assert_true(rig_is_refused("192.0.2.1"));
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.2.0/28\"}");
	assert_false(rig_is_refused("192.0.2.1"));
	assert_true(rig_is_refused("192.0.2.77"));
	assert_int_equal(blocks_in_force(), 1);
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.0.0/22\"}");
	assert_false(rig_is_refused("192.0.2.77"));
	assert_int_equal(blocks_in_force(), 0);
}

static void an_allowed_host_keeps_its_network_out_of_the_firewall(void **state)
{
	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "# relay\n2001:db8:0:7::25\n");
	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message("2001:db8:0:7::66", "m1", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_is_refused("2001:db8:0:7::66"));
	assert_false(rig_is_refused("2001:db8:0:7::25"));
	assert_int_equal(rig_message(SPAMMER, "m2", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_wait(rig_has_element, (void *)(uintptr_t)SPAMMER "/32"));
	assert_false(rig_is_in_firewall("2001:db8:0:7::/64"));
}

static void an_unreadable_allow_file_changes_nothing(void **state)
{
	struct msg_text m = { .kind = TEXT_ALLOW, .round = 77, .index = 0, .count = 2, .path = "a.txt" };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);
	int huge = memfd_create("rig", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(huge, (off_t)3 << 30), 0);
	(void)snprintf(rig.allow, sizeof rig.allow, "192.0.2.0/24\n");
	rig_start();
	rig_enforce("soft");
	message_put_text(&w, MSG_TEXT, &m);
	rig_send(ROLE_ALIASMAP, &w, huge);
	m.index = 1;
	w = wr_init(out, sizeof out);
	message_put_text(&w, MSG_TEXT, &m);
	rig_send(ROLE_ALIASMAP, &w, rig_memfd("203.0.113.0/24\n"));
	assert_int_equal(rig_message("203.0.113.5", "m0", "a@example.net", TRAP1), HIT_STORED);
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	assert_false(rig_is_refused(SPAMMER));
}

static void send_text(uint32_t round, uint32_t index, const char *path, int fd)
{
	struct msg_text m = { .kind = TEXT_TRAPS, .round = round, .index = index, .count = 2 };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	(void)snprintf(m.path, sizeof m.path, "%s", path);
	message_put_text(&w, MSG_TEXT, &m);
	rig_send(ROLE_ALIASMAP, &w, fd);
}

/* A disk that gives errors is tried again and again: the traps stay, and it is said once. */
static void an_unreadable_trap_file_is_named_once(void **state)
{
	json_t *j, *traps;

	(void)state;
	rig_start();
	for (uint32_t round = 77; round < 80; round++) {
		send_text(round, 0, "torn.txt", -1);
		send_text(round, 1, "good.txt", rig_memfd("new@example.org\n"));
	}
	j = rig_call("{\"cmd\":\"status\"}");
	traps = json_object_get(j, "traps");
	assert_int_equal(json_integer_value(json_object_get(traps, "bad")), 1);
	assert_int_equal(json_integer_value(json_object_get(traps, "armed")), 3);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(a_login_is_an_insider),
		ENGINE_TEST(a_login_known_only_at_the_end_is_an_insider),
		ENGINE_TEST(a_submission_port_without_a_name_is_an_insider),
		ENGINE_TEST(own_networks_are_insiders),
		ENGINE_TEST(a_copy_without_a_record_is_not_charged),
		ENGINE_TEST(the_log_proves_who_sent_it_while_we_were_down),
		ENGINE_TEST(the_log_may_speak_first),
		ENGINE_TEST(an_smtpd_with_a_dead_connection_saves_nobody),
		ENGINE_TEST(a_trap_behind_an_alias_charges_nobody),
		ENGINE_TEST(allow_lifts_and_runs_out),
		ENGINE_TEST(an_allowed_corner_is_not_the_network),
		ENGINE_TEST(an_allowed_host_keeps_its_network_out_of_the_firewall),
		ENGINE_TEST(an_unreadable_allow_file_changes_nothing),
		ENGINE_TEST(an_unreadable_trap_file_is_named_once),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
