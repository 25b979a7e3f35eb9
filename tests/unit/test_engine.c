/*
 * The engine as its neighbours see it: policy requests and commands on real
 * sockets, the other roles on real channels, a real store.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"

#define TRAP_IN_DOMAIN "anyone@" RIG_SECRET ".example"
#define SPAMMER "192.0.2.66"
#define NEIGHBOUR "192.0.2.67"

static bool is_refused_text(const char *answer)
{
	return strncmp(answer, "action=450 ", 11) == 0 || strncmp(answer, "action=550 ", 11) == 0;
}

/* ---- the main job */

static void a_whole_message_blocks(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("full");
	assert_false(rig_is_refused(SPAMMER));
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_wait(rig_has_element, (void *)(uintptr_t)SPAMMER "/32"));
	assert_true(rig_is_refused(SPAMMER));
	assert_false(rig_is_refused(NEIGHBOUR));
	assert_int_equal(rig_hits_of(SPAMMER), 1);
	rig_assert_title(SPAMMER, "BLOCKED");
	rig_assert_title(NEIGHBOUR, "NOT BLOCKED");
}

static void a_domain_trap_blocks(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP_IN_DOMAIN), HIT_STORED);
	assert_true(rig_is_refused(SPAMMER));
	assert_false(rig_is_in_firewall(SPAMMER "/32"));
}

static void ipv6_is_charged_as_64(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message("2001:db8:0:7::1", "m1", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_wait(rig_has_element, (void *)(uintptr_t) "2001:db8:0:7::/64"));
	assert_true(rig_is_refused("2001:db8:0:7:ffff::2"));
	assert_false(rig_is_refused("2001:db8:0:8::1"));
}

static void a_retry_counts_once(void **state)
{
	double score;

	(void)state;
	rig_start();
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	score = rig_score_of(SPAMMER);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m1", "a@example.net", TRAP1, "m1")), HIT_STORED);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
	assert_true(rig_score_of(SPAMMER) <= score);
	assert_int_equal(rig_count_of("whole"), 1);
}

static bool is_removed(void *ctx)
{
	return rig.removed == *(const unsigned *)ctx;
}

/* Postfix brings it again when our 250 was lost: the file kept now is the one the record names. */
static void a_retry_names_the_file_that_is_kept(void **state)
{
	unsigned once = 1;
	json_t *reply;

	(void)state;
	rig_start();
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m1", "a@example.net", TRAP1, "m1")), HIT_STORED);
	assert_true(rig_wait(is_removed, &once));
	reply = rig_call("{\"cmd\":\"hits\"}");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(reply, "hits"), 0), "corpus_id")),
		"c2");
	json_decref(reply);
	/* sent twice by the client: another queue file of the same message */
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m2", "a@example.net", TRAP1, "m1")), HIT_KNOWN);
	assert_int_equal(rig.removed, 1);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
}

static void a_retry_that_nobody_pays_is_kept_once(void **state)
{
	(void)state;
	rig_start();
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m1", "a@example.net", TRAP1, "m1")), HIT_STORED);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
	assert_true(rig_score_of(SPAMMER) < 0.01);
}

static void postmaster_stays_open(void **state)
{
	int fd;

	(void)state;
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	fd = rig_connect("policy");
	assert_string_equal(rig_rcpt(fd, SPAMMER, "p", "a@example.net", "postmaster@example.org"), "action=DUNNO");
	assert_true(is_refused_text(rig_rcpt(fd, SPAMMER, "p", "a@example.net", "bob@example.org")));
	(void)close(fd);
}

/* ---- riders */

static const char *with_rider(int fd, const char *client, const char *id, unsigned accepted)
{
	assert_string_equal(rig_rcpt(fd, client, id, "a@example.net", "alice@example.org"), "action=DUNNO");
	assert_string_equal(rig_rcpt(fd, client, id, "a@example.net", TRAP1), "action=DUNNO");
	return rig_end(fd, client, id, id, accepted, "");
}

static void riders_are_refused_with_a_case(void **state)
{
	char case_id[32] = "", answer[512];
	const char *at;
	int fd;

	(void)state;
	rig_start();
	rig_enforce("soft");
	fd = rig_connect("policy");
	(void)snprintf(answer, sizeof answer, "%s", with_rider(fd, SPAMMER, "m1", 2));
	(void)close(fd);
	assert_int_equal(strncmp(answer, "action=550 ", 11), 0);
	at = strstr(answer, "case ");
	if (!at)
		at = strstr(answer, "Case ");
	assert_non_null(at);
	assert_int_equal(sscanf(at + 5, "%31[A-Za-z0-9-]", case_id), 1);
	rig_assert_title(case_id, "ONE MESSAGE REFUSED");
	assert_int_equal(rig_hits_of(SPAMMER), 1);
}

static void riders_pass_when_a_recipient_was_refused(void **state)
{
	int fd;

	(void)state;
	rig_start();
	rig_enforce("soft");
	fd = rig_connect("policy");
	assert_string_equal(with_rider(fd, SPAMMER, "m1", 1), "action=DUNNO");
	assert_string_equal(with_rider(fd, SPAMMER, "m2", 3), "action=DUNNO"); /* of one we were not asked */
	(void)close(fd);
}

/* Mail of four days, old enough to count. */
static void give_good_mail(const char *client)
{
	uint64_t now = clock_wall_s();

	for (uint64_t day = 9; day > 4; day--)
		for (int i = 0; i < 20; i++)
			rig_log_mail(client, "list@lists.example.net", "alice@example.org", now - day * 86400);
}

static bool has_good(void *ctx)
{
	json_t *j = rig_why(ctx);
	double good = json_number_value(json_object_get(j, "good"));

	json_decref(j);
	return good > 50;
}

static void riders_of_a_good_host_pass(void **state)
{
	int fd;

	(void)state;
	rig_start();
	rig_enforce("soft");
	give_good_mail(SPAMMER);
	assert_true(rig_poll(has_good, (void *)(uintptr_t)SPAMMER));
	fd = rig_connect("policy");
	assert_string_equal(with_rider(fd, SPAMMER, "m1", 2), "action=DUNNO");
	(void)close(fd);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m1", "a@example.net", TRAP1, "m1")), HIT_STORED);
	assert_false(rig_is_refused(SPAMMER));
	assert_int_equal(rig_hits_of(SPAMMER), 1);
}

/* ---- probes */

static void rcpt_only_is_one_probe(void **state)
{
	int fd;

	(void)state;
	rig_start();
	rig_enforce("soft");
	fd = rig_connect("policy");
	assert_string_equal(rig_rcpt(fd, SPAMMER, "m1", "", TRAP1), "action=DUNNO");
	assert_string_equal(rig_rcpt(fd, SPAMMER, "m2", "", "alice@example.org"), "action=DUNNO");
	assert_int_equal(rig_count_of("probes"), 1);
	assert_string_equal(rig_rcpt(fd, SPAMMER, "m3", "", TRAP2), "action=DUNNO");
	(void)close(fd);
	rig_wait_for_hits(SPAMMER, 2); /* the engine sees the end of the connection */
	assert_int_equal(rig_count_of("probes"), 2);
	assert_false(rig_is_refused(SPAMMER));
}

static void a_probe_with_a_login_is_not_charged(void **state)
{
	unsigned before = 0;
	int fd;

	(void)state;
	rig_start();
	fd = rig_connect("policy");
	assert_string_equal(
		rig_ask(fd, "RCPT", SPAMMER, "m1", "sasl_username=bob\nsender=bob@example.org\nrecipient=" TRAP1 "\n"),
		"action=DUNNO");
	(void)close(fd);
	assert_true(rig_wait(rig_has_alarm, &before));
	assert_non_null(strstr(rig.alarm, "bob"));
	assert_null(strstr(rig.alarm, RIG_SECRET));
	assert_true(rig_score_of(SPAMMER) < 0.01);
}

/* ---- modes and time */

static void monitor_only_records(void **state)
{
	int fd;

	(void)state;
	rig_start();
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	assert_false(rig_is_refused(SPAMMER));
	fd = rig_connect("policy");
	assert_string_equal(with_rider(fd, SPAMMER, "m2", 2), "action=DUNNO");
	(void)close(fd);
	rig_assert_title(SPAMMER, "WOULD BE BLOCKED");
	assert_int_equal(rig.op_adds, 0);
	rig_enforce("soft");
	assert_true(rig_is_refused(SPAMMER));
	rig_assert_title(SPAMMER, "BLOCKED");
	rig_do("{\"cmd\":\"off\"}");
	assert_false(rig_is_refused(SPAMMER));
}

static void soft_takes_everything_out_of_the_firewall(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_wait(rig_has_element, (void *)(uintptr_t)SPAMMER "/32"));
	rig_enforce("soft");
	rig.ops = 0;
	assert_int_equal(rig_message("203.0.113.9", "m2", "a@example.net", TRAP1), HIT_STORED);
	rig_do("{\"cmd\":\"off\"}");
	assert_int_equal(rig_message(SPAMMER, "m3", "b@example.net", TRAP2), HIT_STORED); /* renews */
	rig_enforce("full");
	assert_true(rig_wait(rig_has_element, (void *)(uintptr_t) "203.0.113.9/32"));
	for (size_t i = 0; i < rig.ops; i++)
		assert_true(rig.op[i].is_add);
}

static void a_block_ends(void **state)
{
	(void)state;
	rig.host.conf.block.first_s = 2;
	rig.host.conf.block.jitter = 0;
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_is_refused(SPAMMER));
	for (uint64_t end = clock_wall_s() + 10; clock_wall_s() < end && rig_is_refused(SPAMMER);)
		continue;
	assert_false(rig_is_refused(SPAMMER));
	rig_assert_title(SPAMMER, "EXPIRED");
}

static void a_lifted_block_is_pardoned(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_is_refused(SPAMMER));
	rig_do("{\"cmd\":\"block_remove\",\"what\":\"" SPAMMER "\",\"note\":\"called\"}");
	assert_false(rig_is_refused(SPAMMER));
	assert_int_equal(rig_message(SPAMMER, "m2", "b@example.net", TRAP2), HIT_STORED);
	assert_false(rig_is_refused(SPAMMER));
	rig_assert_title(SPAMMER, "LIFTED");
}

static uint64_t until_of(const char *client)
{
	json_t *j = rig_why(client);
	json_int_t until = json_integer_value(json_object_get(json_object_get(j, "block"), "until"));

	json_decref(j);
	return (uint64_t)until;
}

static void only_another_trap_or_sender_renews(void **state)
{
	uint64_t first, now;

	(void)state;
	rig.host.conf.block.jitter = 0;
	rig_start();
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	first = until_of(SPAMMER);
	for (now = clock_wall_s(); clock_wall_s() < now + 2;)
		(void)rig_is_refused(NEIGHBOUR);
	assert_int_equal(rig_message(SPAMMER, "m2", "a@example.net", TRAP1), HIT_STORED);
	assert_int_equal(until_of(SPAMMER), first);
	assert_int_equal(rig_message(SPAMMER, "m3", "b@example.net", TRAP1), HIT_STORED);
	assert_true(until_of(SPAMMER) > first);
}

static void a_very_long_block_is_cut(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("soft");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"" SPAMMER "\",\"seconds\":4294967296}");
	assert_true(rig_is_refused(SPAMMER));
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"" NEIGHBOUR "\",\"seconds\":9223372036854775807}");
	assert_true(rig_is_refused(NEIGHBOUR));
}

/* ---- the store */

static void a_restart_keeps_all(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	rig.ops = 0;
	rig_restart();
	assert_true(rig_is_refused(SPAMMER));
	assert_true(rig_wait(rig_has_element, (void *)(uintptr_t)SPAMMER "/32"));
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m1", "a@example.net", TRAP1, "m1")), HIT_STORED);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
	rig_assert_title(SPAMMER, "BLOCKED");
}

static void a_full_store_loses_nothing(void **state)
{
	char id[32], client[32];
	uint8_t result = HIT_STORED;
	int i;

	(void)state;
	rig.host.conf.storage.db_size = 1u << 20;
	rig_start();
	rig_enforce("soft");
	for (i = 0; i < 4000 && result == HIT_STORED; i++) {
		(void)snprintf(id, sizeof id, "f%d", i);
		(void)snprintf(client, sizeof client, "2001:db8:1:%x::1", i);
		result = rig_message(client, id, id, TRAP1);
	}
	assert_int_equal(result, HIT_LATER);
	assert_true(rig_is_refused(client)); /* from memory */
	assert_int_equal(rig_message(SPAMMER, "z1", "a@example.net", TRAP1), HIT_LATER);
	assert_true(rig_is_refused(SPAMMER));
	rig_stop();
	rig.host.conf.storage.db_size = 64u << 20;
	rig_start();
	assert_int_equal(rig_message(SPAMMER, "z1", "a@example.net", TRAP1), HIT_STORED);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
	assert_true(rig_is_refused(SPAMMER));
}

static void the_capture_link_may_be_lost(void **state)
{
	(void)state;
	rig_start();
	(void)rig_hit(SPAMMER, "Q1", "a@example.net", TRAP1, "m1");
	rig_unlink(ROLE_CAPTURE);
	rig_link(ROLE_CAPTURE);
	assert_int_equal(rig_message(SPAMMER, "Q1", "a@example.net", TRAP1), HIT_STORED);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
}

static void forget_leaves_nothing(void **state)
{
	json_t *j, *data;

	(void)state;
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "Eve@Example.NET", TRAP1), HIT_STORED);
	{
		int fd = rig_connect("policy");

		assert_true(is_refused_text(rig_rcpt(fd, SPAMMER, "m2", "Eve@Example.NET", "alice@example.org")));
		(void)close(fd);
	}
	rig_log_mail(NEIGHBOUR, "eve@example.net", "alice@example.org", clock_wall_s());
	j = NULL;
	do { /* until the log line is in */
		json_decref(j);
		j = rig_call("{\"cmd\":\"person\",\"address\":\"eve@example.net\"}");
		data = json_object_get(j, "data");
	} while (json_array_size(json_object_get(data, "accepted")) == 0);
	assert_int_equal(json_array_size(json_object_get(data, "hits")), 1);
	assert_int_equal(json_array_size(json_object_get(data, "refusals")), 1);
	json_decref(j);
	rig_do("{\"cmd\":\"forget\",\"address\":\"eve@example.net\"}");
	j = rig_call("{\"cmd\":\"person\",\"address\":\"eve@example.net\"}");
	data = json_object_get(j, "data");
	assert_int_equal(json_array_size(json_object_get(data, "hits")), 0);
	assert_int_equal(json_array_size(json_object_get(data, "refusals")), 0);
	assert_int_equal(json_array_size(json_object_get(data, "accepted")), 0);
	json_decref(j);
	j = rig_call("{\"cmd\":\"block_list\"}");
	{
		char *text = json_dumps(j, 0);

		assert_null(strstr(text, "ve@"));
		free(text);
	}
	json_decref(j);
	assert_string_equal(rig.forget.address, "eve@example.net");
	assert_true(rig_is_refused(SPAMMER));
}

static void a_forged_sender_does_not_tell_a_trap(void **state)
{
	int fd;

	(void)state;
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", TRAP1, TRAP1), HIT_STORED);
	fd = rig_connect("policy");
	assert_true(is_refused_text(rig_rcpt(fd, SPAMMER, "m2", TRAP_IN_DOMAIN, TRAP1)));
	assert_true(is_refused_text(rig_rcpt(fd, SPAMMER, "m2", "prvs=1=" TRAP1, "alice@example.org")));
	(void)close(fd);
	rig_wait_for_hits(SPAMMER, 2); /* rig_call and rig_teardown look for the secret */
	json_decref(rig_call("{\"cmd\":\"hits\"}"));
	json_decref(rig_call("{\"cmd\":\"block_list\",\"all\":true}"));
	json_decref(rig_call("{\"cmd\":\"trap_list\"}"));
	json_decref(rig_call("{\"cmd\":\"status\"}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(a_whole_message_blocks),
		ENGINE_TEST(a_domain_trap_blocks),
		ENGINE_TEST(ipv6_is_charged_as_64),
		ENGINE_TEST(a_retry_counts_once),
		ENGINE_TEST(a_retry_names_the_file_that_is_kept),
		ENGINE_TEST(a_retry_that_nobody_pays_is_kept_once),
		ENGINE_TEST(postmaster_stays_open),
		ENGINE_TEST(riders_are_refused_with_a_case),
		ENGINE_TEST(riders_pass_when_a_recipient_was_refused),
		ENGINE_TEST(riders_of_a_good_host_pass),
		ENGINE_TEST(rcpt_only_is_one_probe),
		ENGINE_TEST(a_probe_with_a_login_is_not_charged),
		ENGINE_TEST(monitor_only_records),
		ENGINE_TEST(soft_takes_everything_out_of_the_firewall),
		ENGINE_TEST(a_block_ends),
		ENGINE_TEST(a_lifted_block_is_pardoned),
		ENGINE_TEST(only_another_trap_or_sender_renews),
		ENGINE_TEST(a_very_long_block_is_cut),
		ENGINE_TEST(a_restart_keeps_all),
		ENGINE_TEST(a_full_store_loses_nothing),
		ENGINE_TEST(the_capture_link_may_be_lost),
		ENGINE_TEST(forget_leaves_nothing),
		ENGINE_TEST(a_forged_sender_does_not_tell_a_trap),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
