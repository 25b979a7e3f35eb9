/*
 * engine_session: kill-sessions, MX order and the connections at our own SMTP
 * server, over the real engine.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"

#include "core/block_share.h"
#include "core/subject.h"
#include "io/area_memory.h"
#include "role/engine.h"

#define OTHER RIG_SECRET "2@example.org"
#define ALICE "alice@example.org"
#define SPAMMER "198.51.100.7"
#define INNOCENT "192.0.2.1"

/* A recipient in the session from this port to server. */
static const char *rcpt(int fd, const char *client, unsigned port, const char *server, const char *id, const char *to)
{
	char more[512];

	(void)snprintf(more, sizeof more,
		"client_port=%u\nserver_address=%s\nsender=offers@example.net\nrecipient=%s\n", port, server, to);
	return rig_ask(fd, "RCPT", client, id, more);
}

static void spam(int fd, const char *client, unsigned port, const char *id)
{
	assert_string_equal(rcpt(fd, client, port, "203.0.113.11", id, TRAP1), "action=DUNNO");
	assert_string_equal(rig_end(fd, client, id, id, 1, ""), "action=DUNNO");
	assert_int_equal(rig_wait_ack(rig_hit(client, id, "offers@example.net", TRAP1, id)), HIT_STORED);
}

static void start(enum conf_kill kill)
{
	rig.host.conf.firewall.kill_sessions = kill;
	rig_start();
	rig_enforce("soft");
}

static json_int_t status_number(const char *object, const char *key)
{
	json_t *j = rig_call("{\"cmd\":\"status\"}");
	json_int_t n = json_integer_value(json_object_get(json_object_get(j, object), key));

	json_decref(j);
	return n;
}

/* ---- kill-sessions */

static void test_the_session_that_brought_the_hit_ends(void **state)
{
	int fd, other;

	(void)state;
	start(KILL_POLICY);
	fd = rig_connect("policy");
	other = rig_connect("policy");
	spam(fd, SPAMMER, 40001, "S1");
	/* another session of his is refused as always */
	assert_non_null(strstr(rcpt(other, SPAMMER, 40002, "203.0.113.11", "S2", ALICE), "action=450 4.7.1"));
	assert_non_null(strstr(rcpt(fd, SPAMMER, 40001, "203.0.113.11", "S3", ALICE), "action=421 4.7.1 On hold"));
	assert_non_null(strstr(rcpt(fd, SPAMMER, 40001, "203.0.113.11", "S4", ALICE), "action=450 4.7.1"));
	assert_int_equal(status_number("kill", "told"), 1);
	(void)close(fd);
	(void)close(other);
}

/* A trap that a blocked host names is told from no mailbox: neither this session ends nor another. */
static void test_a_probe_ends_nothing(void **state)
{
	int fd;

	(void)state;
	start(KILL_POLICY);
	fd = rig_connect("policy");
	spam(fd, SPAMMER, 40001, "S1");
	assert_non_null(strstr(rcpt(fd, SPAMMER, 40001, "203.0.113.11", "S2", ALICE), "action=421"));
	assert_non_null(strstr(rcpt(fd, SPAMMER, 40002, "203.0.113.11", "S3", TRAP2), "action=450"));
	assert_non_null(strstr(rcpt(fd, SPAMMER, 40002, "203.0.113.11", "S3", ALICE), "action=450"));
	(void)close(fd);
}

static void test_no_means_no(void **state)
{
	int fd;

	(void)state;
	start(KILL_NO);
	fd = rig_connect("policy");
	spam(fd, SPAMMER, 40001, "S1");
	assert_non_null(strstr(rcpt(fd, SPAMMER, 40001, "203.0.113.11", "S3", ALICE), "action=450 4.7.1"));
	(void)close(fd);
}

static void test_postmaster_stays_open_and_monitor_ends_nothing(void **state)
{
	int fd;

	(void)state;
	start(KILL_POLICY);
	fd = rig_connect("policy");
	spam(fd, SPAMMER, 40001, "S1");
	assert_string_equal(rcpt(fd, SPAMMER, 40001, "203.0.113.11", "S2", "postmaster@example.org"), "action=DUNNO");
	rig_do("{\"cmd\":\"enforce\",\"mode\":\"monitor\"}");
	assert_string_equal(rcpt(fd, SPAMMER, 40001, "203.0.113.11", "S3", ALICE), "action=DUNNO");
	(void)close(fd);
}

/* A host that is not blocked by its hit keeps its session. */
static void test_only_who_is_blocked(void **state)
{
	int fd;

	(void)state;
	rig.host.conf.decide.confirmed = 3;
	start(KILL_SOCKET);
	fd = rig_connect("policy");
	spam(fd, SPAMMER, 40001, "S1");
	assert_string_equal(rcpt(fd, SPAMMER, 40001, "203.0.113.11", "S2", ALICE), "action=DUNNO");
	(void)close(fd);
}

static struct {
	unsigned asked;
	struct msg_fw_kill last;
	enum fw_killed answer;
} fw;

static void on_kill(struct rd *body)
{
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof out);

	assert_int_equal(message_get_fw_kill(body, &fw.last), ERR_OK);
	assert_int_equal(fw.last.result, FW_KILL_ASK);
	fw.asked++;
	fw.last.result = (uint8_t)fw.answer;
	message_put_fw_kill(&w, MSG_FW_KILL, &fw.last);
	rig_send(ROLE_FIREWALL, &w, -1);
}

static bool is_answered(void *ctx)
{
	const char *key = ctx;

	return status_number("kill", key) == 1;
}

static bool has_state(void *ctx)
{
	json_t *j = rig_call("{\"cmd\":\"status\"}");
	const char *s = json_string_value(json_object_get(json_object_get(j, "kill"), "state"));
	bool is_it = s && strcmp(s, ctx) == 0;

	json_decref(j);
	return is_it;
}

static void reset_one(enum fw_killed answer)
{
	int fd;

	fw.asked = 0;
	fw.answer = answer;
	rig.on_kill = on_kill;
	start(KILL_SOCKET);
	fd = rig_connect("policy");
	spam(fd, SPAMMER, 40001, "S1");
	(void)close(fd);
}

static void test_the_connection_is_reset(void **state)
{
	struct ipaddr a;
	char key[] = "reset";

	(void)state;
	reset_one(FW_KILL_DONE);
	assert_true(rig_poll(is_answered, key));
	rig_address(SPAMMER, &a);
	assert_true(ipaddr_eq(&a, &fw.last.client));
	rig_address("203.0.113.11", &a);
	assert_true(ipaddr_eq(&a, &fw.last.server));
	assert_int_equal(fw.last.client_port, 40001);
	assert_int_equal(fw.last.server_port, 25);
}

static void test_a_kernel_that_cannot_falls_back(void **state)
{
	char key[] = "missing";
	int fd;

	(void)state;
	reset_one(FW_KILL_MISSING);
	assert_true(rig_poll(has_state, key));
	fd = rig_connect("policy");
	assert_non_null(strstr(rcpt(fd, SPAMMER, 40001, "203.0.113.11", "S3", ALICE), "action=421 4.7.1"));
	(void)close(fd);
}

/* ---- MX order: in virtual time see tests/replay/mx_order.scn */

static void test_a_misrouted_hit(void **state)
{
	int fd;
	json_t *j;

	(void)state;
	(void)snprintf(rig.host.conf.mx.better.item[0], CONF_ITEM, "203.0.113.11");
	(void)snprintf(rig.host.conf.mx.worse.item[0], CONF_ITEM, "203.0.113.12");
	rig.host.conf.mx.better.count = rig.host.conf.mx.worse.count = 1;
	rig.host.conf.mx.window_s = 0; /* as if it had been watched for long enough */
	start(KILL_NO);
	fd = rig_connect("policy");
	(void)rcpt(fd, INNOCENT, 40000, "203.0.113.11", "I1", ALICE);
	(void)rcpt(fd, SPAMMER, 40001, "203.0.113.12", "S1", ALICE);
	assert_int_equal(rig_hits_of(SPAMMER), 0);
	(void)rcpt(fd, INNOCENT, 40000, "203.0.113.11", "I2", ALICE);
	(void)close(fd);
	assert_int_equal(rig_hits_of(SPAMMER), 1);
	assert_true(rig_score_of(SPAMMER) > 4.9 && rig_score_of(SPAMMER) < 5.1);
	j = rig_why(SPAMMER);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(j, "hits"), 0), "grade")),
		"misrouted");
	json_decref(j);
	assert_int_equal(status_number("mx", "misrouted"), 1);
}

/* ---- our own server */

static void answered_end(const char *client, uint32_t seconds, bool is_held)
{
	struct msg_answered_end m = {
		.seconds = seconds, .bytes = 100, .commands = 4, .recipients = 1, .is_held = is_held
	};
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	rig_address(client, &m.client);
	(void)snprintf(m.helo, sizeof m.helo, "helo.example.net");
	message_put_answered_end(&w, MSG_ANSWERED_END, &m);
	rig_send(ROLE_TARPIT, &w, -1);
}

static void answered(const char *client, const char *sender, const char *to)
{
	struct msg_answered m = { .client = { 0 } };
	uint8_t out[2048];
	struct wr w = wr_init(out, sizeof out);

	rig_address(client, &m.client);
	(void)snprintf(m.helo, sizeof m.helo, "helo.example.net");
	(void)snprintf(m.sender, sizeof m.sender, "%s", sender);
	(void)snprintf(m.recipient, sizeof m.recipient, "%s", to);
	message_put_answered(&w, MSG_ANSWERED, &m);
	rig_send(ROLE_TARPIT, &w, -1);
}

static json_int_t block_number(const char *what, const char *key)
{
	json_t *j = rig_why(what);
	json_int_t n = json_integer_value(json_object_get(json_object_get(j, "block"), key));

	json_decref(j);
	return n;
}

static bool has_held(void *ctx)
{
	return block_number(SPAMMER, "answered") == 2 && block_number(SPAMMER, "held_s") == *(const json_int_t *)ctx;
}

static void test_connections_and_seconds_are_kept(void **state)
{
	json_int_t seconds = 600;
	int fd;

	(void)state;
	start(KILL_NO);
	fd = rig_connect("policy");
	spam(fd, SPAMMER, 40001, "S1");
	(void)close(fd);
	answered_end(SPAMMER, 600, true);
	answered_end(SPAMMER, 3, false);
	answered_end(INNOCENT, 5, true); /* not blocked */
	assert_true(rig_poll(has_held, &seconds));
	rig_restart();
	assert_true(has_held(&seconds));
}

static void tarpit_state(uint64_t held_s, uint8_t tls_off)
{
	struct msg_tarpit_state m = { .processes = 1, .held_s = held_s, .tls_off = tls_off };
	uint8_t out[256];
	struct wr w = wr_init(out, sizeof out);

	message_put_tarpit_state(&w, MSG_TARPIT_STATE, &m);
	rig_send(ROLE_TARPIT, &w, -1);
}

static bool has_held_so_long(void *ctx)
{
	return status_number("tarpit", "held_seconds") == *(const json_int_t *)ctx;
}

/* What a process held before this engine lived may have been last week. */
static void test_seconds_of_today_begin_with_the_link(void **state)
{
	json_int_t seconds = 5000;

	(void)state;
	start(KILL_NO);
	tarpit_state(5000, TARPIT_TLS_FINE);
	assert_true(rig_poll(has_held_so_long, &seconds));
	assert_int_equal(status_number("tarpit", "held_seconds_24h"), 0);
	seconds = 5060;
	tarpit_state(5060, TARPIT_TLS_FINE);
	assert_true(rig_poll(has_held_so_long, &seconds));
	assert_int_equal(status_number("tarpit", "held_seconds_24h"), 60);
}

static bool warns_of_tls(void *ctx)
{
	json_t *j = rig_call("{\"cmd\":\"status\"}"), *warning;
	bool is_there = false;
	size_t i;

	json_array_foreach(json_object_get(j, "warnings"), i, warning)
	{
		is_there |= strstr(json_string_value(warning), "no TLS") != NULL;
	}
	json_decref(j);
	return is_there == *(const bool *)ctx;
}

static void test_a_bad_certificate_is_a_warning(void **state)
{
	bool is_there = true;

	(void)state;
	start(KILL_NO);
	tarpit_state(0, TARPIT_TLS_SITE);
	assert_true(rig_poll(warns_of_tls, &is_there));
	is_there = false;
	tarpit_state(0, TARPIT_TLS_FINE);
	assert_true(rig_poll(warns_of_tls, &is_there));
}

static bool is_refused(void *ctx)
{
	return block_number(SPAMMER, "refusals") >= *(const json_int_t *)ctx;
}

static bool is_later(void *ctx)
{
	const json_int_t *until = ctx;

	(void)block_number(SPAMMER, "until");
	return (json_int_t)(clock_wall_s() + rig.host.conf.block.first_s) > *until;
}

static struct block_entry entry_of(const char *client)
{
	struct engine *e = rig.host.ctx;
	struct block_entry b;
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(client), &p), ERR_OK);
	assert_true(block_index_get(&e->blocks, &p, &b));
	return b;
}

/* The same trap and sender do not renew a block; another trap does, and its name is in no record. */
static void test_another_trap_at_our_server_renews(void **state)
{
	json_int_t count = 1, until, renewed;
	struct block_entry b;
	int fd;

	(void)state;
	rig.host.conf.block.jitter = 0;
	start(KILL_NO);
	fd = rig_connect("policy");
	spam(fd, SPAMMER, 40001, "S1");
	(void)close(fd);
	until = block_number(SPAMMER, "until");
	assert_true(rig_poll(is_later, &until)); /* a renewal would be seen */
	answered(SPAMMER, "offers@example.net", TRAP1);
	assert_true(rig_poll(is_refused, &count));
	assert_int_equal(block_number(SPAMMER, "until"), until);
	count = block_number(SPAMMER, "refusals") + 1;
	answered(SPAMMER, "offers@example.net", OTHER);
	assert_true(rig_poll(is_refused, &count));
	renewed = block_number(SPAMMER, "until");
	assert_true(renewed > until);
	/* and he does not read it in the next answer: the end stays as it was told */
	b = entry_of(SPAMMER);
	assert_int_equal(block_entry_end(&b, clock_wall_s()), until);
}

static bool is_counted(void *ctx)
{
	const json_int_t *n = ctx;
	json_t *j = rig_call("{\"cmd\":\"status\"}");
	json_int_t refused =
		json_integer_value(json_object_get(json_object_get(json_object_get(j, "counters"), "24h"), "refused"));

	json_decref(j);
	return refused >= *n;
}

/* A flood is counted, and leaves no more records than the caps allow. */
static void test_a_flood_at_our_server(void **state)
{
	json_int_t count = 3000;
	char sender[64];
	json_t *j;
	int fd;

	(void)state;
	start(KILL_NO);
	fd = rig_connect("policy");
	spam(fd, SPAMMER, 40001, "S1");
	(void)close(fd);
	for (json_int_t i = 0; i < count; i++) {
		(void)snprintf(sender, sizeof sender, "s%lld@example.net", (long long)i);
		answered(SPAMMER, sender, ALICE);
		if (i % 50 == 49) {
			json_int_t now = i + 1;

			assert_true(rig_poll(is_counted, &now));
		}
	}
	j = rig_why(SPAMMER);
	assert_true(json_array_size(json_object_get(json_object_get(j, "refusals"), "items")) <= 50);
	assert_int_equal(json_array_size(json_object_get(j, "hits")), 1);
	json_decref(j);
}

/* ---- identities at shared providers */

static struct area_memory area = { .fd = -1 };
static struct block_view view;

static void on_blocks(int fd)
{
	area_memory_close(&area);
	assert_int_equal(area_memory_open_blocks(fd, &area, &view), ERR_OK);
}

static bool has_area(void *ctx)
{
	(void)ctx;
	return area.map != NULL;
}

/* SPF passes for everybody. */
static void say_pass(enum message_type t, struct rd *body)
{
	struct msg_spf_says says = { .result = SPF_SAYS_PASS };
	struct msg_spf_ask spf;
	uint8_t out[256];
	struct wr w = wr_init(out, sizeof out);

	if (t != MSG_SPF_CHECK || message_get_spf_ask(body, &spf) != ERR_OK)
		return;
	says.seq = spf.seq;
	message_put_spf_says(&w, MSG_SPF_SAYS, &says);
	rig_send(ROLE_FETCH, &w, -1);
}

static bool has_blocks(void *ctx)
{
	json_t *j = rig_call("{\"cmd\":\"block_list\"}");
	json_int_t n = json_integer_value(json_object_get(j, "total"));

	json_decref(j);
	return n == *(const json_int_t *)ctx;
}

static struct ipaddr identity_of(const char *sender)
{
	char subject[64];
	struct prefix p;
	json_t *j = rig_why(sender);

	(void)snprintf(subject, sizeof subject, "%s", json_string_value(json_object_get(j, "subject")));
	json_decref(j);
	assert_int_equal(prefix_parse(slice_str(subject), &p), ERR_OK);
	assert_true(subject_is_identity(&p));
	return p.addr;
}

static void assert_in_area(const char *client, const struct ipaddr *identity)
{
	struct block_entry b;
	struct ipaddr host;

	rig_address(client, &host);
	assert_true(block_view_find(&view, &host, clock_wall_s(), &b));
	assert_false(block_view_find(&view, identity, clock_wall_s(), &b));
}

/*
 * A sender is blocked, not an address: nothing of it may reach kernel or
 * tarpit, written along or filled in later; and his session, which is the
 * provider's, goes on.
 */
static void test_identities_stay_in_the_engine(void **state)
{
	struct ipaddr identity;
	json_int_t count = 2;
	int fd;

	(void)state;
	(void)snprintf(rig.shared, sizeof rig.shared, "192.0.2.0/24 as pool\n");
	rig.on_fetch = say_pass;
	rig.on_blocks = on_blocks;
	start(KILL_SOCKET);
	rig_enforce("full");
	assert_true(rig_wait(has_area, NULL));
	fd = rig_connect("policy");
	spam(fd, INNOCENT, 40001, "S1");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"" SPAMMER "\",\"seconds\":3600}");
	assert_true(rig_poll(has_blocks, &count));
	assert_non_null(strstr(rcpt(fd, INNOCENT, 40001, "203.0.113.11", "S2", ALICE), "action=450 4.7.1 Mail from"));
	(void)close(fd);
	identity = identity_of("offers@example.net");
	assert_in_area(SPAMMER, &identity);
	for (size_t i = 0; i < rig.ops; i++)
		assert_false(subject_is_identity(&rig.op[i].prefix));
	rig.ops = 0;
	area_memory_close(&area);
	area = AREA_MEMORY_NONE;
	rig_restart();
	assert_true(rig_wait(has_area, NULL));
	assert_in_area(SPAMMER, &identity);
	for (size_t i = 0; i < rig.ops; i++)
		assert_false(subject_is_identity(&rig.op[i].prefix));
	area_memory_close(&area);
	area = AREA_MEMORY_NONE;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = { TEST(test_the_session_that_brought_the_hit_ends),
		TEST(test_a_probe_ends_nothing), TEST(test_no_means_no),
		TEST(test_postmaster_stays_open_and_monitor_ends_nothing), TEST(test_only_who_is_blocked),
		TEST(test_the_connection_is_reset), TEST(test_a_kernel_that_cannot_falls_back),
		TEST(test_a_misrouted_hit), TEST(test_connections_and_seconds_are_kept),
		TEST(test_another_trap_at_our_server_renews), TEST(test_a_flood_at_our_server),
		TEST(test_identities_stay_in_the_engine), TEST(test_seconds_of_today_begin_with_the_link),
		TEST(test_a_bad_certificate_is_a_warning) };

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
