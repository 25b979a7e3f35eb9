/*
 * Trap files as the engine takes them over: what they say wrongly, what is
 * alive, loads that overtake each other.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine_trap.h"

#define SPAMMER "192.0.2.66"
#define NEIGHBOUR "192.0.2.67"

/* ---- trap files */

static void a_watching_trap_that_is_delivered_is_suspended(void **state)
{
	(void)state;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP1 " state=watching\n" TRAP2 "\n");
	rig_start();
	rig_log_mail(NEIGHBOUR, "a@example.net", TRAP1, clock_wall_s());
	assert_true(rig_poll(rig_is_one_suspended, NULL));
	assert_non_null(strstr(rig.map, TRAP2));
	assert_null(strstr(rig.map, TRAP1 "\n"));
}

static void bad_lines_and_live_addresses_are_told(void **state)
{
	json_t *j, *bad;

	(void)state;
	(void)snprintf(rig.traps, sizeof rig.traps,
		TRAP1 "\nnot an address\n\n" RIG_SECRET "live@example.org\nabuse@example.org\n" TRAP1 "\n");
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
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP1 "\n# ours\n@live.example\n");
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

static void check_bad(const char *foreign, size_t bads, unsigned first_line, unsigned armed)
{
	json_t *j, *bad;
	const char *reason;

	rig.foreign = foreign;
	j = rig_call("{\"cmd\":\"trap_reload\"}");
	bad = json_object_get(j, "bad");
	assert_int_equal(json_integer_value(json_object_get(j, "armed")), armed);
	assert_int_equal(json_array_size(bad), bads);
	reason = json_string_value(json_object_get(json_array_get(bad, 0), "reason"));
	if (bads) {
		assert_int_equal(json_integer_value(json_object_get(json_array_get(bad, 0), "line")), first_line);
		assert_string_equal(json_string_value(json_object_get(json_array_get(bad, 0), "file")), "traps.txt");
		assert_memory_equal(reason, "provider.example is not a domain of this server (mydestination", 62);
	}
	json_decref(j);
}

static void a_trap_at_a_foreign_domain_is_refused_also_later(void **state)
{
	(void)state;
	(void)snprintf(rig.traps, sizeof rig.traps,
		TRAP1 "\n" RIG_SECRET "4@provider.example state=armed\n" RIG_SECRET "5@provider.example\n" RIG_SECRET
		      "6@provider.example state=retired\nx@sub.provider.example\n");
	rig_start();
	check_bad(NULL, 0, 0, 4);
	assert_non_null(strstr(rig.map, "+A " RIG_SECRET "4@"));
	/* it has left main.cf: traps in force are not asked for one by one */
	check_bad("=provider.example", 2, 2, 2);
	assert_non_null(strstr(rig.map, "-A " RIG_SECRET "4@provider.example\n"));
	assert_null(strstr(rig.map, "sub.provider"));
	/* and is back */
	check_bad(NULL, 0, 0, 4);
	assert_non_null(strstr(rig.map, "+A " RIG_SECRET "5@provider.example\n"));
}

static void a_foreign_domain_that_is_a_trap_is_ours(void **state)
{
	json_t *j, *refused;

	(void)state;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP1 "\nold@provider.example\n@provider.example\n");
	rig.foreign = "provider.example";
	rig_start();
	check_bad("provider.example", 0, 0, 3);
	assert_non_null(strstr(rig.map, "+A old@provider.example\n"));
	rig.foreign = ".example";
	j = rig_call(
		"{\"cmd\":\"trap_check\",\"traps\":[\"A@provider.example\",\"b@other.example\",\"@new.example\"]}");
	refused = json_object_get(j, "refused");
	assert_int_equal(json_array_size(refused), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(refused, 0), "trap")), "b@other.example");
	assert_true(json_is_true(json_object_get(json_array_get(refused, 0), "foreign")));
	json_decref(j);
}

static void check_provider_in_a_file(void)
{
	json_t *j, *bad;

	(void)snprintf(rig.traps, sizeof rig.traps, TRAP1 "\n@mail.example state=armed\n@old.example\n");
	(void)snprintf(rig.allow, sizeof rig.allow, "freemail: mail.example\n");
	rig_start();
	assert_non_null(strstr(rig.map, "+D old.example\n"));
	assert_null(strstr(rig.map, "mail.example"));
	j = rig_call("{\"cmd\":\"trap_reload\"}");
	bad = json_object_get(j, "bad");
	assert_int_equal(json_integer_value(json_object_get(j, "armed")), 2);
	assert_int_equal(json_array_size(bad), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(bad, 0), "line")), 2);
	assert_memory_equal(json_string_value(json_object_get(json_array_get(bad, 0), "reason")), "free mail", 9);
	json_decref(j);
}

/* In a file, too: and at a start the allow files, which name it, come behind the trap files. */
static void a_provider_in_a_file_is_no_trap(void **state)
{
	(void)state;
	check_provider_in_a_file();
}

static void a_provider_in_a_file_is_none_where_postfix_is_not_asked(void **state)
{
	(void)state;
	rig.host.conf.traps.live_check = false;
	check_provider_in_a_file();
}

static void check_counts(size_t bads, json_int_t armed)
{
	json_t *j = rig_call("{\"cmd\":\"trap_reload\"}");

	assert_int_equal(json_array_size(json_object_get(j, "bad")), bads);
	assert_int_equal(json_integer_value(json_object_get(j, "armed")), armed);
	json_decref(j);
}

/* A provider's own: all of it is no trap, old addresses in it are. Of another's they are none either. */
static void a_provider_that_is_ours_has_traps(void **state)
{
	(void)state;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP1 "\n@mail.example\nold@mail.example\n");
	(void)snprintf(rig.allow, sizeof rig.allow, "freemail: mail.example\n");
	rig_start();
	assert_non_null(strstr(rig.map, "+A old@mail.example\n"));
	assert_null(strstr(rig.map, "+D"));
	check_counts(1, 2);
	rig.foreign = "=mail.example";
	check_counts(2, 1);
	assert_non_null(strstr(rig.map, "-A old@mail.example\n"));
}

static void the_domain_of_a_mail_provider_is_refused(void **state)
{
	json_t *j, *refused;

	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "freemail:provider.example\n");
	rig_start();
	j = rig_call(
		"{\"cmd\":\"trap_check\",\"traps\":[\"@Provider.example\",\"@old.example\",\"a@provider.example\"]}");
	refused = json_object_get(j, "refused");
	assert_int_equal(json_array_size(refused), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(refused, 0), "trap")), "@Provider.example");
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(refused, 0), "reason")), "free mail"));
	json_decref(j);
}

static void an_answer_to_an_older_load_is_none(void **state)
{
	unsigned lives, applies;

	(void)state;
	rig_start();
	lives = rig.lives;
	rig.is_live_held = true;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP1 "\n" RIG_SECRET "3@example.org\n");
	rig_send_files();
	assert_true(rig_wait(rig_is_live_asked, &lives));
	lives = rig.lives;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP1 "\n" RIG_SECRET "live@example.org\n");
	rig_send_files();
	assert_true(rig_wait(rig_is_live_asked, &lives));
	applies = rig.applies;
	rig.live_seq--;
	rig_answer_live("");
	(void)rig_count_of("whole");
	assert_int_equal(rig.applies, applies);
	rig.live_seq++;
	rig.live = RIG_SECRET "live@example.org";
	rig.is_live_held = false;
	rig_answer_live(""); /* of domains: then the addresses are asked for */
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
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP1 "\n" RIG_SECRET "3@example.org\n");
	rig_send_files();
	assert_true(rig_wait(rig_is_loaded, &applies));
	assert_non_null(strstr(rig.map, "+A " RIG_SECRET "3@"));
	applies = rig.applies;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP1 "\n");
	rig_send_files();
	rig.is_map_held = false;
	assert_true(rig_wait(rig_is_loaded, &applies));
	assert_true(rig.is_map_full || strstr(rig.map, "-A " RIG_SECRET "3@"));
}

static bool is_reread(void *ctx)
{
	return rig.rereads > *(const unsigned *)ctx;
}

/* A load for which there was no memory: whoever waits is told, and it is tried again. */
static void a_load_that_failed_comes_again(void **state)
{
	const char *line = "{\"cmd\":\"trap_reload\"}\n";
	unsigned lives, rereads;
	struct engine *e;
	struct buf in;
	int fd;

	(void)state;
	rig_start();
	e = rig.host.ctx;
	(void)snprintf(rig.traps, sizeof rig.traps, TRAP1 "\n" RIG_SECRET "3@example.org\n");
	rig.is_live_held = true;
	lives = rig.lives;
	fd = rig_connect("control");
	rig_write(fd, line, strlen(line));
	assert_true(rig_wait(rig_is_live_asked, &lives));
	engine_trap_load_failed(e);
	buf_init(&in, 65536);
	assert_true(rig_read(fd, "\n", &in));
	assert_non_null(memmem(in.p, in.n, "\"ok\":true", 9));
	buf_done(&in);
	(void)close(fd);
	rereads = rig.rereads;
	assert_true(e->trap_job->due <= clock_wall_s() + 30);
	engine_trap_tick(e, e->trap_job->due);
	assert_true(rig_wait(is_reread, &rereads));
}

static void make_many_traps(const char *second)
{
	size_t n = (size_t)snprintf(rig.traps, sizeof rig.traps, TRAP1 "\n%s\n", second);

	for (unsigned i = 0; i < 300; i++)
		n += (size_t)snprintf(rig.traps + n, sizeof rig.traps - n, "%u@a.test\n", i);
	assert_true(n < sizeof rig.traps);
}

/* No memory while the lines for the map are made: a trap that was taken out by then does not stay in the map. */
static void a_load_that_failed_half_way_writes_the_map_whole(void **state)
{
	unsigned lives, applies;
	struct engine *e;

	(void)state;
	make_many_traps(TRAP2);
	rig_start();
	rig_do("{\"cmd\":\"trap_reload\"}");
	e = rig.host.ctx;
	assert_true(e->trap_job->is_synced);
	make_many_traps("");
	rig.is_live_held = true;
	lives = rig.lives;
	rig_send_files();
	assert_true(rig_wait(rig_is_live_asked, &lives));
	engine_trap_put_in_force(e); /* as if it had been answered */
	assert_int_equal(e->trap_job->phase, TRAP_LINES);
	engine_trap_load_failed(e);
	rig.is_live_held = false;
	applies = rig.applies;
	engine_trap_tick(e, e->trap_job->due);
	assert_true(rig_wait(rig_is_loaded, &applies));
	assert_true(rig.is_map_full);
	assert_non_null(strstr(rig.map, "+A " TRAP1 "\n"));
	assert_null(strstr(rig.map, TRAP2));
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
	seq = rig_hit(SPAMMER, "Q1", "a@example.net", TRAP1, "m1");
	rig_log_login(SPAMMER, "Q1", "", clock_wall_s() - 10);
	rig_enforce("soft");
	assert_int_equal(rig.ack[seq], 0);
	rig_send_text(TEXT_TRAPS, "traps.txt", rig.traps);
	assert_true(rig_wait(rig_is_loaded, &applies));
	(void)rig_count_of("whole");
	assert_int_equal(rig.ack[seq], 0); /* who is allowed is not known yet */
	rig_send_text(TEXT_ALLOW, "allow.txt", "");
	assert_int_equal(rig_wait_ack(seq), HIT_STORED);
	rig_wait_for_block(SPAMMER);
}

/* An answer that nobody asked for is nobody's, though its place was somebody's before. */
static void an_answer_unasked_for(void **state)
{
	int fd = -1;
	json_t *j;

	(void)state;
	rig_start();
	fd = rig_connect("control");
	j = rig_call_on(fd, "{\"cmd\":\"trap_check\",\"traps\":[\"new@example.org\"]}");
	assert_true(json_is_true(json_object_get(j, "live_checked")));
	json_decref(j);
	rig_send_done(MSG_LIVE_RESULT, 0, true, rig_memfd(""));
	rig_do("{\"cmd\":\"trap_reload\"}"); /* it has come by then */
	j = rig_call_on(fd, "{\"cmd\":\"status\"}");
	assert_non_null(j);
	assert_non_null(json_object_get(j, "mode"));
	json_decref(j);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(a_watching_trap_that_is_delivered_is_suspended),
		ENGINE_TEST(bad_lines_and_live_addresses_are_told),
		ENGINE_TEST(a_live_domain_is_refused_with_its_number),
		ENGINE_TEST(a_trap_at_a_foreign_domain_is_refused_also_later),
		ENGINE_TEST(a_foreign_domain_that_is_a_trap_is_ours),
		ENGINE_TEST(a_provider_in_a_file_is_no_trap),
		ENGINE_TEST(a_provider_in_a_file_is_none_where_postfix_is_not_asked),
		ENGINE_TEST(a_provider_that_is_ours_has_traps),
		ENGINE_TEST(the_domain_of_a_mail_provider_is_refused),
		ENGINE_TEST(an_answer_to_an_older_load_is_none),
		ENGINE_TEST(an_answer_unasked_for),
		ENGINE_TEST(a_load_that_overtakes_the_map_writes_it_whole),
		ENGINE_TEST(a_load_that_failed_comes_again),
		ENGINE_TEST(a_load_that_failed_half_way_writes_the_map_whole),
		ENGINE_TEST(a_hit_before_the_traps_waits),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
