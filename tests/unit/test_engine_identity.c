/*
 * test_engine_identity: a sender at a shared provider, and his whole domain
 * there, as the commands name them.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine.h"

#define HOST "192.0.2.77"
#define SPAMMER "offers@deals.example"

/* SPF passes for everybody. */
static void say_pass(enum message_type t, struct rd *body)
{
	struct msg_spf_ask ask;
	struct msg_spf_says says = { .result = SPF_SAYS_PASS };
	uint8_t out[256];
	struct wr w = wr_init(out, sizeof out);

	if (t != MSG_SPF_CHECK || message_get_spf_ask(body, &ask) != ERR_OK)
		return;
	says.seq = ask.seq;
	message_put_spf_says(&w, MSG_SPF_SAYS, &says);
	rig_send(ROLE_FETCH, &w, -1);
}

static json_int_t blocks(void)
{
	json_t *j = rig_call("{\"cmd\":\"block_list\"}");
	json_int_t n = json_integer_value(json_object_get(j, "total"));

	json_decref(j);
	return n;
}

static bool is_blocked(void *ctx)
{
	(void)ctx;
	return blocks() > 0;
}

static void start(void)
{
	(void)snprintf(rig.shared, sizeof rig.shared, "192.0.2.0/24 as pool\nfreemail:mail.example\n");
	rig.on_fetch = say_pass;
	rig_start();
	rig_enforce("full");
}

static void block_spammer(void)
{
	start();
	assert_int_equal(rig_message(HOST, "M1", "offers+77@deals.example", TRAP1), HIT_STORED);
	assert_true(rig_wait(is_blocked, NULL));
}

static void assert_reply(const char *sender, const char *starts)
{
	int fd = rig_connect("policy");
	const char *reply = rig_rcpt(fd, HOST, "R1", sender, "anna@example.org");

	if (strncmp(reply, starts, strlen(starts)) != 0)
		fail_msg("%s got %s", sender, reply);
	(void)close(fd);
}

static const char *text_at(const json_t *j, const char *outer, const char *key)
{
	const char *s = json_string_value(json_object_get(json_object_get(j, outer), key));

	return s ? s : "";
}

static void test_by_every_name(void **state)
{
	json_t *j;
	char *log;

	(void)state;
	block_spammer();
	assert_reply("Offers+z@deals.example", "action=450 4.7.1 Mail from Offers+z@deals.example is on hold until ");
	assert_reply("desk@deals.example", "action=DUNNO");
	j = rig_why(SPAMMER);
	assert_string_equal(text_at(j, "identity", "sender"), SPAMMER);
	assert_string_equal(text_at(j, "identity", "provider"), "pool");
	assert_string_equal(json_string_value(json_object_get(j, "title")), "BLOCKED");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "refusals"), "count")), 1);
	assert_int_equal(json_array_size(json_object_get(j, "hits")), 1);
	assert_string_equal(text_at(json_array_get(json_object_get(j, "hits"), 0), "identity", "sender"), SPAMMER);
	rig_assert_title(text_at(j, "block", "case"), "BLOCKED");
	json_decref(j);
	j = rig_why(HOST);
	assert_string_equal(json_string_value(json_object_get(j, "title")), "SHARED");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "shared"), "blocked")), 1);
	assert_string_equal(text_at(j, "allow", "tier"), "shared");
	assert_string_equal(text_at(j, "allow", "prefix"), "192.0.2.0/24");
	json_decref(j);
	rig_do("{\"cmd\":\"block_remove\",\"what\":\"" SPAMMER "\"}");
	assert_int_equal(blocks(), 0);
	assert_reply(SPAMMER, "action=DUNNO");
	log = rig_log();
	assert_non_null(strstr(log, "subject=\"" SPAMMER " at pool\""));
	free(log);
}

/* As core/widen would have it. */
static void block_domain(void)
{
	struct engine *e = rig.host.ctx;
	struct record_block b = { .state = BLOCK_ACTIVE,
		.cause = CAUSE_PERSON,
		.offence = 1,
		.name = "pool",
		.sender = "@deals.example",
		.since = clock_wall_s(),
		.until = clock_wall_s() + 3600 };
	struct engine_subject *s;

	assert_int_equal(
		subject_of_domain(e->digest_key, SLICE_LIT("pool"), SLICE_LIT("@deals.example"), &b.subject), ERR_OK);
	(void)case_id_make(7, b.case_id);
	s = engine_subject_get(e, &b.subject);
	assert_non_null(s);
	assert_int_equal(engine_block_apply(e, s, &b, true), ERR_OK);
}

static void test_a_domain(void **state)
{
	json_t *j;

	(void)state;
	start();
	block_domain();
	assert_reply("desk@deals.example", "action=450");
	assert_reply("desk@sub.deals.example", "action=DUNNO");
	assert_reply("<>", "action=DUNNO");
	j = rig_why("@deals.example");
	assert_string_equal(text_at(j, "identity", "sender"), "@deals.example");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "refusals"), "count")), 1);
	json_decref(j);
	j = rig_why("desk@deals.example"); /* of himself nothing is known but that */
	assert_string_equal(text_at(j, "identity", "sender"), "@deals.example");
	json_decref(j);
	rig_do("{\"cmd\":\"block_remove\",\"what\":\"@deals.example\"}");
	assert_reply("desk@deals.example", "action=DUNNO");
}

static void test_who_is_allowed_by_what(void **state)
{
	json_t *j;
	const json_t *list, *x;
	size_t i, never = 0, shared = 0;

	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "198.51.0.0/16\n198.51.100.0/24\nspf:firm.example\n");
	start();
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"203.0.113.0/"
	       "24\",\"note\":\"partner\"}");
	j = rig_why("198.51.100.9");
	assert_string_equal(text_at(j, "allow", "prefix"), "198.51.100.0/24");
	assert_string_equal(text_at(j, "allow", "source"), "file");
	json_decref(j);
	j = rig_why("203.0.113.4");
	assert_string_equal(text_at(j, "allow", "prefix"), "203.0.113.0/24");
	assert_string_equal(text_at(j, "allow", "source"), "command");
	json_decref(j);
	j = rig_call("{\"cmd\":\"allow_list\"}");
	list = json_object_get(j, "allow");
	json_array_foreach(list, i, x)
	{
		never += strcmp(json_string_value(json_object_get(x, "tier")), "never") == 0;
		shared += strcmp(json_string_value(json_object_get(x, "tier")), "shared") == 0;
	}
	assert_int_equal(never, 4);
	assert_int_equal(shared, 1);
	assert_int_equal(json_integer_value(json_object_get(j, "freemail")), 1);
	json_decref(j);
}

/* Seven days of good mail of this sender. */
static void send_good_mail(const char *sender)
{
	uint64_t now = clock_wall_s();

	for (uint64_t day = 10; day > 3; day--)
		rig_log_mail(HOST, sender, "anna@example.org", now - day * 86400);
	json_decref(rig_call("{\"cmd\":\"status\"}"));
}

/* Two senders with good mail write to a trap, each seen to be himself by SPF alone: that is somebody's address. */
static void test_people_write_to_a_trap(void **state)
{
	json_t *j;

	(void)state;
	start();
	send_good_mail("jo@firm.example");
	send_good_mail("mia@office.example");
	assert_int_equal(rig_message(HOST, "M1", "jo@firm.example", TRAP2), HIT_STORED);
	j = rig_call("{\"cmd\":\"hits\",\"good\":true}"); /* it is his good mail, not the provider's */
	assert_int_equal(json_integer_value(json_object_get(j, "total")), 1);
	json_decref(j);
	assert_int_equal(rig_message(HOST, "M2", "mia@office.example", TRAP2), HIT_STORED);
	assert_true(rig_poll(rig_is_one_suspended, NULL));
}

static bool is_allowed(void *ctx)
{
	json_t *j = rig_why("198.51.0.1");
	bool is = strcmp(json_string_value(json_object_get(j, "title")), "ALLOWED") == 0;

	(void)ctx;
	json_decref(j);
	return is;
}

/* As many lines as somebody has taken over. */
static void test_a_long_allow_file(void **state)
{
	const size_t lines = 3000;
	struct msg_text m = { .kind = TEXT_ALLOW, .round = 99, .index = 0, .count = 1, .path = "long.txt" };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);
	struct buf text;
	json_t *j;

	(void)state;
	start();
	buf_init(&text, 1u << 20);
	for (unsigned i = 0; i < lines; i++)
		assert_int_equal(buf_printf(&text, "198.51.%u.%u\n", i >> 8, i & 255), ERR_OK);
	assert_int_equal(buf_add_char(&text, '\0'), ERR_OK);
	message_put_text(&w, MSG_TEXT, &m);
	rig_send(ROLE_ALIASMAP, &w, rig_memfd(text.p));
	buf_done(&text);
	assert_true(rig_poll(is_allowed, NULL));
	j = rig_call("{\"cmd\":\"allow_list\"}");
	assert_int_equal(json_array_size(json_object_get(j, "allow")), lines + 1); /* and the pool */
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_every_name, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_a_domain, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_a_long_allow_file, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_people_write_to_a_trap, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_who_is_allowed_by_what, rig_setup, rig_teardown),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
