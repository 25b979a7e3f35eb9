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

#define TRAP RIG_SECRET "1@example.org"
#define TRAP_TWO RIG_SECRET "2@example.org"
#define TRAP_IN_DOMAIN "anyone@" RIG_SECRET ".example"
#define SPAMMER "192.0.2.66"
#define NEIGHBOUR "192.0.2.67"

static void enforce(const char *mode)
{
	char line[80];

	(void)snprintf(line, sizeof line, "{\"cmd\":\"enforce\",\"mode\":\"%s\",\"force\":true}", mode);
	rig_do(line);
}

static bool is_in_firewall(void *ctx)
{
	return rig_is_in_firewall(ctx);
}

static bool is_out_of_firewall(void *ctx)
{
	return !rig_is_in_firewall(ctx);
}

static bool has_reread(void *ctx)
{
	return rig.rereads > *(unsigned *)ctx;
}

static bool has_alarm(void *ctx)
{
	return rig.alarms > *(unsigned *)ctx;
}

/* What this client hears at a recipient that is nobody special. */
static bool is_refused(const char *client)
{
	int fd = rig_connect("policy");
	char answer[512];

	(void)snprintf(
		answer, sizeof answer, "%s", rig_rcpt(fd, client, "again", "x@example.net", "alice@example.org"));
	(void)close(fd);
	assert_null(strstr(answer, RIG_SECRET));
	return strncmp(answer, "action=450 ", 11) == 0 || strncmp(answer, "action=554 ", 11) == 0;
}

static bool is_refused_text(const char *answer)
{
	return strncmp(answer, "action=450 ", 11) == 0 || strncmp(answer, "action=550 ", 11) == 0;
}

static json_int_t count_of(const char *name)
{
	json_t *j = rig_call("{\"cmd\":\"status\"}");
	json_int_t n =
		json_integer_value(json_object_get(json_object_get(json_object_get(j, "counters"), "24h"), name));

	json_decref(j);
	return n;
}

static void reload_traps(void)
{
	rig_do("{\"cmd\":\"trap_reload\"}");
}

/* ---- the main job */

static void a_whole_message_blocks(void **state)
{
	(void)state;
	rig_start();
	enforce("full");
	assert_false(is_refused(SPAMMER));
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	assert_true(rig_wait(is_in_firewall, (void *)(uintptr_t)SPAMMER "/32"));
	assert_true(is_refused(SPAMMER));
	assert_false(is_refused(NEIGHBOUR));
	assert_int_equal(rig_hits_of(SPAMMER), 1);
	rig_assert_title(SPAMMER, "BLOCKED");
	rig_assert_title(NEIGHBOUR, "NOT BLOCKED");
}

static void a_domain_trap_blocks(void **state)
{
	(void)state;
	rig_start();
	enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP_IN_DOMAIN), HIT_STORED);
	assert_true(is_refused(SPAMMER));
	assert_false(rig_is_in_firewall(SPAMMER "/32"));
}

static void ipv6_is_charged_as_64(void **state)
{
	(void)state;
	rig_start();
	enforce("full");
	assert_int_equal(rig_message("2001:db8:0:7::1", "m1", "a@example.net", TRAP), HIT_STORED);
	assert_true(rig_wait(is_in_firewall, (void *)(uintptr_t) "2001:db8:0:7::/64"));
	assert_true(is_refused("2001:db8:0:7:ffff::2"));
	assert_false(is_refused("2001:db8:0:8::1"));
}

static void a_retry_counts_once(void **state)
{
	double score;

	(void)state;
	rig_start();
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	score = rig_score_of(SPAMMER);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m1", "a@example.net", TRAP, "m1")), HIT_STORED);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
	assert_true(rig_score_of(SPAMMER) <= score);
	assert_int_equal(count_of("whole"), 1);
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
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m1", "a@example.net", TRAP, "m1")), HIT_STORED);
	assert_true(rig_wait(is_removed, &once));
	reply = rig_call("{\"cmd\":\"hits\"}");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(reply, "hits"), 0), "corpus_id")),
		"c2");
	json_decref(reply);
	/* sent twice by the client: another queue file of the same message */
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m2", "a@example.net", TRAP, "m1")), HIT_KNOWN);
	assert_int_equal(rig.removed, 1);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
}

static void a_retry_that_nobody_pays_is_kept_once(void **state)
{
	(void)state;
	rig_start();
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m1", "a@example.net", TRAP, "m1")), HIT_STORED);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
	assert_true(rig_score_of(SPAMMER) < 0.01);
}

static void postmaster_stays_open(void **state)
{
	int fd;

	(void)state;
	rig_start();
	enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	fd = rig_connect("policy");
	assert_string_equal(rig_rcpt(fd, SPAMMER, "p", "a@example.net", "postmaster@example.org"), "action=DUNNO");
	assert_true(is_refused_text(rig_rcpt(fd, SPAMMER, "p", "a@example.net", "bob@example.org")));
	(void)close(fd);
}

/* ---- riders */

static const char *with_rider(int fd, const char *client, const char *id, unsigned accepted)
{
	assert_string_equal(rig_rcpt(fd, client, id, "a@example.net", "alice@example.org"), "action=DUNNO");
	assert_string_equal(rig_rcpt(fd, client, id, "a@example.net", TRAP), "action=DUNNO");
	return rig_end(fd, client, id, id, accepted, "");
}

static void riders_are_refused_with_a_case(void **state)
{
	char case_id[32] = "", answer[512];
	const char *at;
	int fd;

	(void)state;
	rig_start();
	enforce("soft");
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
	enforce("soft");
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
	enforce("soft");
	give_good_mail(SPAMMER);
	for (int i = 0; i < 1000 && !has_good((void *)(uintptr_t)SPAMMER); i++)
		continue; /* each question runs the loop */
	assert_true(has_good((void *)(uintptr_t)SPAMMER));
	fd = rig_connect("policy");
	assert_string_equal(with_rider(fd, SPAMMER, "m1", 2), "action=DUNNO");
	(void)close(fd);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m1", "a@example.net", TRAP, "m1")), HIT_STORED);
	assert_false(is_refused(SPAMMER));
	assert_int_equal(rig_hits_of(SPAMMER), 1);
}

/* ---- probes */

static void rcpt_only_is_one_probe(void **state)
{
	int fd;

	(void)state;
	rig_start();
	enforce("soft");
	fd = rig_connect("policy");
	assert_string_equal(rig_rcpt(fd, SPAMMER, "m1", "", TRAP), "action=DUNNO");
	assert_string_equal(rig_rcpt(fd, SPAMMER, "m2", "", "alice@example.org"), "action=DUNNO");
	assert_int_equal(count_of("probes"), 1);
	assert_string_equal(rig_rcpt(fd, SPAMMER, "m3", "", TRAP_TWO), "action=DUNNO");
	(void)close(fd);
	while (count_of("probes") < 2) /* the engine sees the end of the connection */
		continue;
	assert_int_equal(count_of("probes"), 2);
	assert_false(is_refused(SPAMMER));
	assert_int_equal(rig_hits_of(SPAMMER), 2);
}

static void a_probe_with_a_login_is_not_charged(void **state)
{
	unsigned before = 0;
	int fd;

	(void)state;
	rig_start();
	fd = rig_connect("policy");
	assert_string_equal(
		rig_ask(fd, "RCPT", SPAMMER, "m1", "sasl_username=bob\nsender=bob@example.org\nrecipient=" TRAP "\n"),
		"action=DUNNO");
	(void)close(fd);
	assert_true(rig_wait(has_alarm, &before));
	assert_non_null(strstr(rig.alarm, "bob"));
	assert_null(strstr(rig.alarm, RIG_SECRET));
	assert_true(rig_score_of(SPAMMER) < 0.01);
}

/* ---- who is charged */

static void a_login_is_an_insider(void **state)
{
	unsigned before = 0;
	int fd;

	(void)state;
	rig_start();
	enforce("soft");
	fd = rig_connect("policy");
	assert_string_equal(
		rig_ask(fd, "RCPT", SPAMMER, "m1", "sasl_username=bob\nsender=bob@example.org\nrecipient=" TRAP "\n"),
		"action=DUNNO");
	assert_string_equal(rig_end(fd, SPAMMER, "m1", "Q1", 1, "bob"), "action=DUNNO");
	(void)close(fd);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "bob@example.org", TRAP, "m1")), HIT_STORED);
	assert_true(rig_wait(has_alarm, &before));
	assert_non_null(strstr(rig.alarm, "bob"));
	assert_false(is_refused(SPAMMER));
	assert_int_equal(count_of("insider"), 1);
}

static void a_login_known_only_at_the_end_is_an_insider(void **state)
{
	unsigned before = 0;
	int fd;

	(void)state;
	rig_start();
	enforce("soft");
	fd = rig_connect("policy");
	assert_string_equal(rig_end(fd, SPAMMER, "m1", "Q1", 1, "carol"), "action=DUNNO");
	(void)close(fd);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "c@example.org", TRAP, "m1")), HIT_STORED);
	assert_true(rig_wait(has_alarm, &before));
	assert_non_null(strstr(rig.alarm, "carol"));
	assert_false(is_refused(SPAMMER));
}

static void a_submission_port_without_a_name_is_an_insider(void **state)
{
	int fd;

	(void)state;
	rig.host.conf.postfix.submission.count = 1;
	(void)snprintf(rig.host.conf.postfix.submission.item[0], CONF_ITEM, "587");
	rig_start();
	enforce("soft");
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
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "c@example.org", TRAP, "m1")), HIT_STORED);
	assert_int_equal(count_of("insider"), 1);
	assert_false(is_refused(SPAMMER));
}

static void own_networks_are_insiders(void **state)
{
	(void)state;
	rig_start();
	enforce("soft");
	assert_int_equal(rig_message("10.1.2.3", "m1", "a@example.org", TRAP), HIT_STORED);
	assert_int_equal(rig_wait_ack(rig_hit("", "Q9", "a@example.org", TRAP, "m2")), HIT_STORED);
	assert_int_equal(count_of("insider"), 2);
	assert_int_equal(count_of("blocked"), 0);
}

static void a_copy_without_a_record_is_not_charged(void **state)
{
	(void)state;
	rig_start();
	enforce("soft");
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP, "m1")), HIT_STORED);
	assert_false(is_refused(SPAMMER));
	rig_log_login(SPAMMER, "Q1", "", clock_wall_s() + 100); /* taken while we were up: no proof */
	assert_false(is_refused(SPAMMER));
}

static bool is_blocked_now(void *ctx)
{
	return *(bool *)ctx;
}

static void wait_for_charge(const char *client)
{
	bool is_blocked = false;

	for (int i = 0; i < 2000 && !is_blocked; i++)
		is_blocked = is_refused(client);
	assert_true(is_blocked_now(&is_blocked));
}

static void the_log_proves_who_sent_it_while_we_were_down(void **state)
{
	(void)state;
	rig_start();
	enforce("soft");
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP, "m1")), HIT_STORED);
	rig_log_login(SPAMMER, "Q1", "", clock_wall_s() - 100);
	wait_for_charge(SPAMMER);
	assert_int_equal(rig_hits_of(SPAMMER), 1); /* the same record, now counted */
}

static void the_log_may_speak_first(void **state)
{
	(void)state;
	rig_start();
	enforce("soft");
	rig_log_login(SPAMMER, "Q1", "", clock_wall_s() - 100);
	rig_log_login(NEIGHBOUR, "Q2", "", clock_wall_s() - 100);
	rig_log_login(NEIGHBOUR, "Q2", "dave", clock_wall_s() - 100);
	(void)count_of("whole"); /* runs the loop: the lines are in */
	for (int i = 0; i < 100 && !is_refused(SPAMMER); i++)
		assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP, "m1")), HIT_STORED);
	wait_for_charge(SPAMMER);
	assert_int_equal(rig_wait_ack(rig_hit(NEIGHBOUR, "Q2", "a@example.net", TRAP, "m2")), HIT_STORED);
	assert_false(is_refused(NEIGHBOUR));
	assert_int_equal(count_of("insider"), 1);
}

/* An smtpd held a connection to the engine before this one: its message was not asked about, the line comes first. */
static void an_smtpd_with_a_dead_connection_saves_nobody(void **state)
{
	(void)state;
	rig_start();
	rig.host.conf.postfix.is_lmtp_trusted = true;
	enforce("soft");
	rig_log_login(SPAMMER, "Q1", "", clock_wall_s() + 20);
	rig_log_login(NEIGHBOUR, "Q2", "", clock_wall_s() + 1000); /* long after the start */
	(void)count_of("whole");
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP, "m1")), HIT_STORED);
	wait_for_charge(SPAMMER);
	assert_int_equal(rig_wait_ack(rig_hit(NEIGHBOUR, "Q2", "a@example.net", TRAP, "m2")), HIT_STORED);
	assert_false(is_refused(NEIGHBOUR));
}

static void a_trap_behind_an_alias_charges_nobody(void **state)
{
	int fd;

	(void)state;
	rig_start();
	enforce("soft");
	fd = rig_connect("policy");
	assert_string_equal(rig_rcpt(fd, SPAMMER, "m1", "a@example.net", TRAP_TWO), "action=DUNNO");
	assert_string_equal(rig_end(fd, SPAMMER, "m1", "Q1", 1, ""), "action=DUNNO");
	(void)close(fd);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP, "m1")), HIT_STORED);
	assert_false(is_refused(SPAMMER));
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "Q1", "a@example.net", TRAP_TWO, "m1")), HIT_STORED);
	assert_true(is_refused(SPAMMER));
}

/* ---- allow */

static void allow_lifts_and_runs_out(void **state)
{
	(void)state;
	rig_start();
	enforce("full");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	assert_true(rig_wait(is_in_firewall, (void *)(uintptr_t)SPAMMER "/32"));
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.2.0/24\",\"seconds\":2}");
	assert_true(rig_wait(is_out_of_firewall, (void *)(uintptr_t)SPAMMER "/32"));
	assert_false(is_refused(SPAMMER));
	assert_int_equal(rig_message(NEIGHBOUR, "m2", "a@example.net", TRAP), HIT_STORED);
	assert_false(is_refused(NEIGHBOUR));
	for (uint64_t end = clock_wall_s() + 5; clock_wall_s() < end && !is_refused(NEIGHBOUR);)
		assert_int_equal(rig_message(NEIGHBOUR, clock_wall_s() & 1 ? "m3" : "m4", "b@example.net", TRAP_TWO),
			HIT_STORED);
	assert_true(is_refused(NEIGHBOUR));
}

static void an_allowed_host_keeps_its_network_out_of_the_firewall(void **state)
{
	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "# relay\n2001:db8:0:7::25\n");
	rig_start();
	enforce("full");
	assert_int_equal(rig_message("2001:db8:0:7::66", "m1", "a@example.net", TRAP), HIT_STORED);
	assert_true(is_refused("2001:db8:0:7::66"));
	assert_false(is_refused("2001:db8:0:7::25"));
	assert_int_equal(rig_message(SPAMMER, "m2", "a@example.net", TRAP), HIT_STORED);
	assert_true(rig_wait(is_in_firewall, (void *)(uintptr_t)SPAMMER "/32"));
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
	enforce("soft");
	message_put_text(&w, MSG_TEXT, &m);
	rig_send(ROLE_ALIASMAP, &w, huge);
	m.index = 1;
	w = wr_init(out, sizeof out);
	message_put_text(&w, MSG_TEXT, &m);
	rig_send(ROLE_ALIASMAP, &w, rig_memfd("203.0.113.0/24\n"));
	assert_int_equal(rig_message("203.0.113.5", "m0", "a@example.net", TRAP), HIT_STORED);
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	assert_false(is_refused(SPAMMER));
}

/* ---- modes and time */

static void monitor_only_records(void **state)
{
	int fd;

	(void)state;
	rig_start();
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	assert_false(is_refused(SPAMMER));
	fd = rig_connect("policy");
	assert_string_equal(with_rider(fd, SPAMMER, "m2", 2), "action=DUNNO");
	(void)close(fd);
	rig_assert_title(SPAMMER, "WOULD BE BLOCKED");
	assert_int_equal(rig.op_adds, 0);
	enforce("soft");
	assert_true(is_refused(SPAMMER));
	rig_assert_title(SPAMMER, "BLOCKED");
	rig_do("{\"cmd\":\"off\"}");
	assert_false(is_refused(SPAMMER));
}

static void soft_takes_everything_out_of_the_firewall(void **state)
{
	(void)state;
	rig_start();
	enforce("full");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	assert_true(rig_wait(is_in_firewall, (void *)(uintptr_t)SPAMMER "/32"));
	enforce("soft");
	rig.ops = 0;
	assert_int_equal(rig_message("203.0.113.9", "m2", "a@example.net", TRAP), HIT_STORED);
	rig_do("{\"cmd\":\"off\"}");
	assert_int_equal(rig_message(SPAMMER, "m3", "b@example.net", TRAP_TWO), HIT_STORED); /* renews */
	enforce("full");
	assert_true(rig_wait(is_in_firewall, (void *)(uintptr_t) "203.0.113.9/32"));
	for (size_t i = 0; i < rig.ops; i++)
		assert_true(rig.op[i].is_add);
}

static void a_block_ends(void **state)
{
	(void)state;
	rig.host.conf.block.first_s = 2;
	rig.host.conf.block.jitter = 0;
	rig_start();
	enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	assert_true(is_refused(SPAMMER));
	for (uint64_t end = clock_wall_s() + 10; clock_wall_s() < end && is_refused(SPAMMER);)
		continue;
	assert_false(is_refused(SPAMMER));
	rig_assert_title(SPAMMER, "EXPIRED");
}

static void a_lifted_block_is_pardoned(void **state)
{
	(void)state;
	rig_start();
	enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	assert_true(is_refused(SPAMMER));
	rig_do("{\"cmd\":\"block_remove\",\"what\":\"" SPAMMER "\",\"note\":\"called\"}");
	assert_false(is_refused(SPAMMER));
	assert_int_equal(rig_message(SPAMMER, "m2", "b@example.net", TRAP_TWO), HIT_STORED);
	assert_false(is_refused(SPAMMER));
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
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	first = until_of(SPAMMER);
	for (now = clock_wall_s(); clock_wall_s() < now + 2;)
		(void)is_refused(NEIGHBOUR);
	assert_int_equal(rig_message(SPAMMER, "m2", "a@example.net", TRAP), HIT_STORED);
	assert_int_equal(until_of(SPAMMER), first);
	assert_int_equal(rig_message(SPAMMER, "m3", "b@example.net", TRAP), HIT_STORED);
	assert_true(until_of(SPAMMER) > first);
}

static void a_very_long_block_is_cut(void **state)
{
	(void)state;
	rig_start();
	enforce("soft");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"" SPAMMER "\",\"seconds\":4294967296}");
	assert_true(is_refused(SPAMMER));
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"" NEIGHBOUR "\",\"seconds\":9223372036854775807}");
	assert_true(is_refused(NEIGHBOUR));
}

/* ---- trap files */

static void a_watching_trap_that_is_delivered_is_suspended(void **state)
{
	json_t *j;

	(void)state;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP " state=watching\n" TRAP_TWO "\n");
	rig_start();
	rig_log_mail(NEIGHBOUR, "a@example.net", TRAP, clock_wall_s());
	do {
		j = rig_call("{\"cmd\":\"trap_list\",\"state\":\"suspended\"}");
		if (json_integer_value(json_object_get(j, "total")) == 1)
			break;
		json_decref(j);
	} while (true);
	json_decref(j);
	assert_non_null(strstr(rig.map, TRAP_TWO));
	assert_null(strstr(rig.map, TRAP "\n"));
}

static void bad_lines_and_live_addresses_are_told(void **state)
{
	json_t *j, *bad;

	(void)state;
	(void)snprintf(rig.traps, sizeof rig.traps,
		TRAP "\nnot an address\n\n" RIG_SECRET "live@example.org\nabuse@example.org\n" TRAP "\n");
	rig.live = RIG_SECRET "live@example.org";
	rig_start();
	j = rig_call("{\"cmd\":\"trap_reload\"}");
	bad = json_object_get(j, "bad");
	assert_int_equal(json_integer_value(json_object_get(j, "armed")), 1);
	assert_int_equal(json_array_size(bad), 4);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(bad, 0), "line")), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(bad, 1), "line")), 5);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(bad, 2), "line")), 6);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(bad, 3), "line")), 4);
	assert_null(strstr(rig.map, RIG_SECRET "live"));
	json_decref(j);
}

static void a_live_domain_is_refused_with_its_number(void **state)
{
	json_t *j, *bad;

	(void)state;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP "\n# ours\n@live.example\n");
	rig.live = "@live.example";
	rig_start();
	j = rig_call("{\"cmd\":\"trap_reload\"}");
	bad = json_object_get(j, "bad");
	assert_int_equal(json_integer_value(json_object_get(j, "armed")), 1);
	assert_int_equal(json_array_size(bad), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(bad, 0), "line")), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(bad, 0), "reason")),
		"a live domain (hash:/etc/aliases), refused");
	assert_null(strstr(rig.map, "live.example"));
	json_decref(j);
	j = rig_call("{\"cmd\":\"trap_check\",\"traps\":[\"@live.example\",\"@dead.example\"]}");
	bad = json_object_get(j, "refused");
	assert_int_equal(json_array_size(bad), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(bad, 0), "reason")),
		"live domain (hash:/etc/aliases)");
	json_decref(j);
}

static bool is_live_asked(void *ctx)
{
	return rig.lives > *(unsigned *)ctx;
}

static void an_answer_to_an_older_load_is_none(void **state)
{
	unsigned lives, applies;

	(void)state;
	rig_start();
	lives = rig.lives;
	rig.is_live_held = true;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP "\n" RIG_SECRET "3@example.org\n");
	rig_send_files();
	assert_true(rig_wait(is_live_asked, &lives));
	lives = rig.lives;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP "\n" RIG_SECRET "live@example.org\n");
	rig_send_files();
	assert_true(rig_wait(is_live_asked, &lives));
	applies = rig.applies;
	rig.live_seq--;
	rig_answer_live("");
	(void)count_of("whole");
	assert_int_equal(rig.applies, applies);
	rig.live_seq++;
	rig.live = RIG_SECRET "live@example.org";
	rig_answer_live(rig.live);
	assert_true(rig_wait(rig_is_loaded, &applies));
	assert_null(strstr(rig.map, "+A " RIG_SECRET "live"));
}

static void a_load_that_overtakes_the_map_writes_it_whole(void **state)
{
	unsigned applies;

	(void)state;
	rig_start();
	applies = rig.applies;
	rig.is_map_held = true;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP "\n" RIG_SECRET "3@example.org\n");
	rig_send_files();
	assert_true(rig_wait(rig_is_loaded, &applies));
	assert_non_null(strstr(rig.map, "+A " RIG_SECRET "3@"));
	applies = rig.applies;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP "\n");
	rig_send_files();
	rig.is_map_held = false;
	assert_true(rig_wait(rig_is_loaded, &applies));
	assert_true(rig.is_map_full || strstr(rig.map, "-A " RIG_SECRET "3@"));
}

static void a_hit_before_the_traps_waits(void **state)
{
	unsigned applies = 0;
	uint64_t seq;

	(void)state;
	rig.is_text_held = true;
	rig_start_engine();
	for (int r = ROLE_FIREWALL; r < ROLE_COUNT; r++)
		rig_link((enum role)r);
	seq = rig_hit(SPAMMER, "Q1", "a@example.net", TRAP, "m1");
	rig_log_login(SPAMMER, "Q1", "", clock_wall_s() - 10);
	enforce("soft");
	assert_int_equal(rig.ack[seq], 0);
	rig_send_text(TEXT_TRAPS, "traps.txt", rig.traps);
	assert_true(rig_wait(rig_is_loaded, &applies));
	(void)count_of("whole");
	assert_int_equal(rig.ack[seq], 0); /* who is allowed is not known yet */
	rig_send_text(TEXT_ALLOW, "allow.txt", "");
	assert_int_equal(rig_wait_ack(seq), HIT_STORED);
	wait_for_charge(SPAMMER);
}

/* ---- the store */

static void a_restart_keeps_all(void **state)
{
	(void)state;
	rig_start();
	enforce("full");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	rig.ops = 0;
	rig_restart();
	assert_true(is_refused(SPAMMER));
	assert_true(rig_wait(is_in_firewall, (void *)(uintptr_t)SPAMMER "/32"));
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m1", "a@example.net", TRAP, "m1")), HIT_STORED);
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
	enforce("soft");
	for (i = 0; i < 4000 && result == HIT_STORED; i++) {
		(void)snprintf(id, sizeof id, "f%d", i);
		(void)snprintf(client, sizeof client, "2001:db8:1:%x::1", i);
		result = rig_message(client, id, id, TRAP);
	}
	assert_int_equal(result, HIT_LATER);
	assert_true(is_refused(client)); /* from memory */
	assert_int_equal(rig_message(SPAMMER, "z1", "a@example.net", TRAP), HIT_LATER);
	assert_true(is_refused(SPAMMER));
	rig_stop();
	rig.host.conf.storage.db_size = 64u << 20;
	rig_start();
	assert_int_equal(rig_message(SPAMMER, "z1", "a@example.net", TRAP), HIT_STORED);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
	assert_true(is_refused(SPAMMER));
}

static void the_capture_link_may_be_lost(void **state)
{
	(void)state;
	rig_start();
	(void)rig_hit(SPAMMER, "Q1", "a@example.net", TRAP, "m1");
	rig_unlink(ROLE_CAPTURE);
	rig_link(ROLE_CAPTURE);
	assert_int_equal(rig_message(SPAMMER, "Q1", "a@example.net", TRAP), HIT_STORED);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
}

static void forget_leaves_nothing(void **state)
{
	json_t *j, *data;

	(void)state;
	rig_start();
	enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "Eve@Example.NET", TRAP), HIT_STORED);
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
	assert_true(is_refused(SPAMMER));
}

static void a_forged_sender_does_not_tell_a_trap(void **state)
{
	int fd;

	(void)state;
	rig_start();
	enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", TRAP, TRAP), HIT_STORED);
	fd = rig_connect("policy");
	assert_true(is_refused_text(rig_rcpt(fd, SPAMMER, "m2", TRAP_IN_DOMAIN, TRAP)));
	assert_true(is_refused_text(rig_rcpt(fd, SPAMMER, "m2", "prvs=1=" TRAP, "alice@example.org")));
	(void)close(fd);
	assert_int_equal(rig_hits_of(SPAMMER), 2); /* rig_call and rig_teardown look for the secret */
	json_decref(rig_call("{\"cmd\":\"hits\"}"));
	json_decref(rig_call("{\"cmd\":\"block_list\",\"all\":true}"));
	json_decref(rig_call("{\"cmd\":\"trap_list\"}"));
	json_decref(rig_call("{\"cmd\":\"status\"}"));
}

/* ---- control socket */

static void assert_error(int fd, const char *line)
{
	json_t *j = rig_call_on(fd, line);

	assert_non_null(j);
	assert_true(json_is_false(json_object_get(j, "ok")));
	assert_non_null(json_string_value(json_object_get(j, "error")));
	json_decref(j);
}

static void garbage_on_the_control_socket(void **state)
{
	int fd;

	(void)state;
	rig_start();
	fd = rig_connect("control");
	assert_error(fd, "");
	assert_error(fd, "not json");
	assert_error(fd, "[1,2]");
	assert_error(fd, "{}");
	assert_error(fd, "{\"cmd\":7}");
	assert_error(fd, "{\"cmd\":\"no such thing\"}");
	assert_error(fd, "{\"cmd\":\"why\",\"what\":\"\xff\xfe\"}");
	assert_error(fd, "{\"cmd\":\"block_add\",\"subject\":\"\xc3\xa9\xc3\xa9\"}");
	assert_error(fd, "{\"cmd\":\"block_add\",\"subject\":\"10.0.0.1\"}");
	assert_error(fd, "{\"cmd\":\"block_add\",\"subject\":\"192.0.0.0/8\"}");
	assert_error(fd, "{\"cmd\":\"enforce\",\"mode\":\"hard\"}");
	assert_error(fd, "{\"cmd\":\"block_confirm\",\"case\":\"none\"}");
	assert_error(fd, "{\"cmd\":\"forget\",\"address\":\"\"}");
	assert_error(fd, "{\"cmd\":\"db_backup\"}");
	assert_error(fd, "{\"cmd\":\"allow_remove\",\"prefix\":\"192.0.2.0/24\"}");
	rig_write(fd, "{\"cmd\":\"st", 10);
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	{
		json_t *j = rig_call_on(fd, "atus\"}");

		assert_true(json_is_true(json_object_get(j, "ok")));
		json_decref(j);
	}
	(void)close(fd);
}

struct flood {
	int fd;
	size_t sent;
	const char *text;
	size_t n; /* of text, again and again */
	size_t most;
	bool is_closed;
};

static bool flood_more(void *ctx)
{
	struct flood *f = ctx;
	ssize_t n = send(f->fd, f->text, f->n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		f->sent += (size_t)n;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		f->is_closed = true;
	return f->is_closed || f->sent >= f->most;
}

static void a_line_of_nine_megabytes(void **state)
{
	static char block[65536];
	struct flood f = { .text = block, .n = sizeof block, .most = 20u << 20 };

	(void)state;
	memset(block, 'x', sizeof block);
	rig_start();
	f.fd = rig_connect("control");
	assert_true(rig_wait(flood_more, &f));
	assert_true(f.is_closed);
	(void)close(f.fd);
	json_decref(rig_call("{\"cmd\":\"status\"}"));
}

static void a_call_that_leaves_while_it_waits(void **state)
{
	unsigned rereads, lives;
	int fd;

	(void)state;
	rig_start();
	rig.is_text_held = rig.is_live_held = true;
	rereads = rig.rereads;
	lives = rig.lives;
	for (int i = 0; i < 40; i++) {
		static const char *const lines[] = { "{\"cmd\":\"trap_reload\"}\n",
			"{\"cmd\":\"trap_check\",\"traps\":[\"new@example.org\"]}\n", "{\"cmd\":\"reload\"}\n" };

		fd = rig_connect("control");
		rig_write(fd, lines[i % 3], strlen(lines[i % 3]));
		if (i % 3 == 1)
			assert_true(rig_wait(is_live_asked, &lives));
		else
			assert_true(rig_wait(has_reread, &rereads));
		rereads = rig.rereads;
		if (i == 4)
			lives = rig.lives;
		(void)close(fd);
		if (i % 3 == 1) {
			rig_answer_live("");
			lives = rig.lives;
		}
	}
	rig.is_text_held = rig.is_live_held = false;
	reload_traps();
	json_decref(rig_call("{\"cmd\":\"status\"}"));
}

static void watchers_see_events(void **state)
{
	int fd;
	struct buf in;
	json_t *j;

	(void)state;
	rig_start();
	fd = rig_connect("control");
	j = rig_call_on(fd, "{\"cmd\":\"watch\"}");
	assert_true(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
	assert_int_equal(rig_message(SPAMMER, "m1", "\xff\xfe@example.net", TRAP), HIT_STORED);
	buf_init(&in, 1 << 20);
	assert_true(rig_read(fd, "}\n", &in));
	assert_non_null(memmem(in.p, in.n, "\"hit\"", 5));
	assert_null(memmem(in.p, in.n, RIG_SECRET, strlen(RIG_SECRET)));
	buf_done(&in);
	(void)close(fd);
}

/* ---- policy socket */

static void garbage_on_the_policy_socket(void **state)
{
	static const char *const bad[] = { "no equals sign\n\n", "=x\n\n", "recipient=a@b\nrecipient=c@d\n\n",
		"request=something_else\n\n", "\n", "protocol_state=RCPT\n\n",
		"protocol_state=RCPT\nclient_address=" SPAMMER "\n\n",
		"protocol_state=RCPT\nclient_address=unknown\n\n",
		"protocol_state=END-OF-MESSAGE\nclient_address=" SPAMMER "\n\n" };
	int fd;

	(void)state;
	rig_start();
	enforce("soft");
	fd = rig_connect("policy");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct buf in;

		buf_init(&in, 4096);
		rig_write(fd, bad[i], strlen(bad[i]));
		assert_true(rig_read(fd, "action=DUNNO\n\n", &in));
		assert_int_equal(in.n, strlen("action=DUNNO\n\n"));
		buf_done(&in);
	}
	{
		static const char nul[] = "protocol_state=RCPT\nsender=a\0b\n\n";
		struct buf in;

		buf_init(&in, 4096);
		rig_write(fd, nul, sizeof nul - 1);
		assert_true(rig_read(fd, "action=DUNNO\n\n", &in));
		buf_done(&in);
	}
	assert_string_equal(rig_rcpt(fd, SPAMMER,
				    "an instance of much more than sixty-four characters, which Postfix never"
				    " has",
				    "a@example.net", TRAP),
		"action=DUNNO");
	(void)close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	char request[400];
	struct buf all, in;
	int fd;

	(void)state;
	rig_start();
	enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP), HIT_STORED);
	buf_init(&all, 1 << 20);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(request, sizeof request,
			"protocol_state=RCPT\nclient_address=%s\nserver_port=25\ninstance=i%d\nrecipient=alice@example."
			"org\n\n",
			i % 2 ? SPAMMER : NEIGHBOUR, i);
		assert_int_equal(buf_add_str(&all, request), ERR_OK);
	}
	fd = rig_connect("policy");
	rig_write(fd, all.p, all.n);
	assert_int_equal(shutdown(fd, SHUT_WR), 0); /* half closed: what was asked is answered */
	buf_init(&in, 1 << 20);
	{
		struct rig_reading r = { .fd = fd, .in = &in, .end = "never" };
		size_t answers = 0, refused = 0;

		assert_true(rig_wait(rig_has_answer, &r));
		for (size_t i = 0; i + 7 <= in.n; i++) {
			answers += memcmp(in.p + i, "action=", 7) == 0;
			refused += i + 10 <= in.n && memcmp(in.p + i, "action=450", 10) == 0;
		}
		assert_int_equal(answers, 100);
		assert_int_equal(refused, 50);
	}
	buf_done(&in);
	buf_done(&all);
	(void)close(fd);
}

static void an_endless_request_ends_the_connection(void **state)
{
	static char block[4096];
	struct flood f = { .text = block, .n = sizeof block, .most = 20u << 20 };

	(void)state;
	memset(block, 'x', sizeof block);
	rig_start();
	f.fd = rig_connect("policy");
	assert_true(rig_wait(flood_more, &f));
	assert_true(f.is_closed);
	(void)close(f.fd);
	assert_false(is_refused(SPAMMER));
}

static bool flood_is_stuck(void *ctx)
{
	struct flood *f = ctx;
	ssize_t n = send(f->fd, f->text, f->n, MSG_NOSIGNAL | MSG_DONTWAIT);

	f->most += n < 0; /* nothing taken, how often in a row */
	if (n > 0) {
		f->sent += (size_t)n;
		f->most = 0;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		f->is_closed = true;
	return f->is_closed || f->most > 200;
}

static void a_reader_that_never_reads_stops_only_itself(void **state)
{
	static char block[4096];
	struct flood f = { .text = block, .n = sizeof block };
	struct rig_reading r;
	struct buf in;
	size_t answers = 0;

	(void)state;
	memset(block, '\n', sizeof block); /* the shortest requests there are */
	rig_start();
	f.fd = rig_connect("policy");
	assert_true(rig_wait(flood_is_stuck, &f));
	assert_false(is_refused(SPAMMER));
	assert_false(f.is_closed);
	buf_init(&in, 256u << 20);
	r = (struct rig_reading){ .fd = f.fd, .in = &in, .end = "never" };
	(void)shutdown(f.fd, SHUT_WR);
	assert_true(rig_wait(rig_has_answer, &r));
	for (size_t i = 0; i + 14 <= in.n; i += 14) /* none is missing, none is torn */
		answers += memcmp(in.p + i, "action=DUNNO\n\n", 14) == 0;
	assert_int_equal(answers * 14, in.n);
	assert_int_equal(answers, f.sent);
	buf_done(&in);
	(void)close(f.fd);
}

#define ENGINE_TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

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
		ENGINE_TEST(an_allowed_host_keeps_its_network_out_of_the_firewall),
		ENGINE_TEST(an_unreadable_allow_file_changes_nothing),
		ENGINE_TEST(monitor_only_records),
		ENGINE_TEST(soft_takes_everything_out_of_the_firewall),
		ENGINE_TEST(a_block_ends),
		ENGINE_TEST(a_lifted_block_is_pardoned),
		ENGINE_TEST(only_another_trap_or_sender_renews),
		ENGINE_TEST(a_very_long_block_is_cut),
		ENGINE_TEST(a_watching_trap_that_is_delivered_is_suspended),
		ENGINE_TEST(bad_lines_and_live_addresses_are_told),
		ENGINE_TEST(a_live_domain_is_refused_with_its_number),
		ENGINE_TEST(an_answer_to_an_older_load_is_none),
		ENGINE_TEST(a_load_that_overtakes_the_map_writes_it_whole),
		ENGINE_TEST(a_hit_before_the_traps_waits),
		ENGINE_TEST(a_restart_keeps_all),
		ENGINE_TEST(a_full_store_loses_nothing),
		ENGINE_TEST(the_capture_link_may_be_lost),
		ENGINE_TEST(forget_leaves_nothing),
		ENGINE_TEST(a_forged_sender_does_not_tell_a_trap),
		ENGINE_TEST(garbage_on_the_control_socket),
		ENGINE_TEST(a_line_of_nine_megabytes),
		ENGINE_TEST(a_call_that_leaves_while_it_waits),
		ENGINE_TEST(watchers_see_events),
		ENGINE_TEST(garbage_on_the_policy_socket),
		ENGINE_TEST(pipelined_requests_are_answered_in_order),
		ENGINE_TEST(an_endless_request_ends_the_connection),
		ENGINE_TEST(a_reader_that_never_reads_stops_only_itself),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
