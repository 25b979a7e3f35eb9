/*
 * Nothing left behind, nothing twice: what is kept of a person goes from every place; a message that comes again
 * after many others is still the same.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine.h"

#define SPAMMER "192.0.2.66"
#define NEIGHBOUR "192.0.2.67"
#define FORGET_EVE "{\"cmd\":\"forget\",\"address\":\"eve@example.net\"}\n"

static bool has_asked(void *ctx)
{
	return rig.forgets > *(unsigned *)ctx;
}

static bool is_answered(void *ctx)
{
	struct pollfd p = { *(int *)ctx, POLLIN, 0 };

	return poll(&p, 1, 0) == 1;
}

/* The answer to what was sent on fd. */
static json_t *answer_on(int fd)
{
	char text[8192];
	json_error_t error;
	ssize_t n;
	json_t *j;

	assert_true(rig_wait(is_answered, &fd));
	n = read(fd, text, sizeof text);
	assert_true(n > 0);
	j = json_loadb(text, (size_t)n, 0, &error);
	assert_non_null(j);
	(void)close(fd);
	return j;
}

static int ask_forget(void)
{
	unsigned before = rig.forgets;
	int fd = rig_connect("control");

	assert_int_equal(write(fd, FORGET_EVE, strlen(FORGET_EVE)), (ssize_t)strlen(FORGET_EVE));
	assert_true(rig_wait(has_asked, &before));
	return fd;
}

static void assert_error(json_t *j, const char *word)
{
	assert_false(json_is_true(json_object_get(j, "ok")));
	assert_non_null(strstr(json_string_value(json_object_get(j, "error")), word));
	json_decref(j);
}

static json_int_t number(const json_t *j, const char *object, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(j, object), key));
}

static void the_answer_waits_for_the_corpus(void **state)
{
	json_t *j;
	int fd;

	(void)state;
	rig_start();
	assert_int_equal(rig_message(SPAMMER, "m1", "Eve@Example.NET", TRAP1), HIT_STORED);
	rig.is_forget_held = true;
	fd = ask_forget();
	assert_true(rig.forget.is_deleting);
	assert_string_equal(rig.forget.address, "eve@example.net");
	assert_false(is_answered(&fd));
	assert_int_equal(rig_hits_of(SPAMMER), 1); /* the records after the files */
	rig_answer_forget(7, 0);
	j = answer_on(fd);
	assert_int_equal(number(j, "removed", "corpus"), 7);
	assert_int_equal(number(j, "removed", "hits"), 1);
	json_decref(j);
	assert_int_equal(rig_hits_of(SPAMMER), 0);
}

static void what_could_not_be_deleted_is_said(void **state)
{
	json_t *j;
	int fd, other;

	(void)state;
	rig_start();
	assert_int_equal(rig_message(SPAMMER, "m1", "eve@example.net", TRAP1), HIT_STORED);
	rig.is_forget_held = true;
	fd = ask_forget();
	other = rig_connect("control"); /* one at a time */
	assert_int_equal(write(other, FORGET_EVE, strlen(FORGET_EVE)), (ssize_t)strlen(FORGET_EVE));
	assert_error(answer_on(other), "try again");
	rig_answer_forget(2, 3);
	assert_error(answer_on(fd), "3 captured messages");
	assert_int_equal(rig_hits_of(SPAMMER), 1);

	fd = ask_forget(); /* capture dies meanwhile */
	rig_unlink(ROLE_CAPTURE);
	assert_error(answer_on(fd), "repeat");
	j = rig_call("{\"cmd\":\"person\",\"address\":\"eve@example.net\"}");
	assert_true(json_is_null(json_object_get(json_object_get(j, "data"), "captured")));
	json_decref(j);
	rig_link(ROLE_CAPTURE);

	fd = ask_forget(); /* whoever asked goes: the answer to it is nobody's, the next one has its own */
	(void)close(fd);
	rig.is_forget_held = false;
	rig.corpus_files = 1;
	rig_do("{\"cmd\":\"forget\",\"address\":\"eve@example.net\"}");
	assert_int_equal(rig_hits_of(SPAMMER), 0);
}

static bool is_audit_clean(struct slice key, struct slice value, void *ctx)
{
	struct record_audit a;

	(void)key;
	(void)ctx;
	assert_int_equal(record_get_audit(value, &a), ERR_OK);
	assert_null(strstr(a.note, "eve@"));
	return true;
}

static void notes_and_waiting_hits_are_forgotten(void **state)
{
	uint64_t seq;
	json_t *j;
	char *text;

	(void)state;
	rig_start();
	/* no policy record: it waits for the log to say who sent it */
	seq = rig_hit(NEIGHBOUR, "W1", "eve@example.net", TRAP1, "<w1@x>");
	assert_int_equal(rig_wait_ack(seq), HIT_STORED);
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.2.99\",\"note\":\"for Eve@example.net, by phone\"}");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.98\",\"note\":\"eve@example.net wrote\"}");
	rig_do("{\"cmd\":\"forget\",\"address\":\"eve@example.net\",\"note\":\"eve@example.net asked for it\"}");
	rig_log_login(NEIGHBOUR, "W1", "", clock_wall_s());
	rig_log_mail("192.0.2.5", "a@x.example", "b@x.example", clock_wall_s());
	do { /* until the log lines are in */
		j = rig_call("{\"cmd\":\"person\",\"address\":\"a@x.example\"}");
		text = json_dumps(j, 0);
		json_decref(j);
		seq = strstr(text, "b@x.example") != NULL;
		free(text);
	} while (!seq);
	assert_int_equal(rig_hits_of(NEIGHBOUR), 0);
	j = json_pack("[o, o]", rig_call("{\"cmd\":\"allow_list\"}"), rig_call("{\"cmd\":\"block_list\"}"));
	text = json_dumps(j, 0);
	assert_non_null(strstr(text, "by phone"));
	assert_non_null(strstr(text, " wrote"));
	assert_null(strstr(text, "ve@"));
	free(text);
	json_decref(j);
	assert_int_equal(store_scan(((struct engine *)rig.host.ctx)->store, TABLE_AUDIT, (struct slice){ 0 },
				 (struct slice){ 0 }, true, is_audit_clean, NULL),
		ERR_OK);
}

static void put_withheld(struct engine *e, const char *id, const char *sender, const char *to, const char *note)
{
	struct record_withheld r = { .time = clock_wall_s(), .state = WITHHELD_KEPT, .riders = 1 };

	(void)snprintf(r.sender, sizeof r.sender, "%s", sender);
	(void)snprintf(r.to, sizeof r.to, "%s", to);
	(void)snprintf(r.note, sizeof r.note, "%s", note);
	assert_int_equal(engine_release_save(e, id, &r), ERR_OK);
}

/* Withheld messages: his are gone, in those of others he is not named any more. */
static void withheld_messages_are_forgotten(void **state)
{
	struct record_withheld r;
	struct engine *e;
	char id[16];

	(void)state;
	rig_start();
	e = rig.host.ctx;
	for (unsigned i = 0; i < 150; i++) {
		(void)snprintf(id, sizeof id, "1%u.a", i);
		put_withheld(e, id, "Eve@example.net", "", "");
	}
	put_withheld(e, "2.b", "mallory@example.net", "eve@example.net", "");
	put_withheld(e, "3.c", "mallory@example.net", "", "given to eve@example.net");
	assert_int_equal(store_flush(e->store), ERR_OK);
	rig_do("{\"cmd\":\"forget\",\"address\":\"eve@example.net\"}");
	assert_int_equal(engine_release_look(e, "10.a", &r), ERR_NOTFOUND);
	assert_int_equal(engine_release_look(e, "1149.a", &r), ERR_NOTFOUND);
	assert_int_equal(engine_release_look(e, "2.b", &r), ERR_OK);
	assert_string_equal(r.to, "");
	assert_int_equal(engine_release_look(e, "3.c", &r), ERR_OK);
	assert_string_equal(r.note, "given to ");
}

static json_int_t messages(void)
{
	json_t *j = rig_call("{\"cmd\":\"status\"}");
	json_int_t n =
		json_integer_value(json_object_get(json_object_get(json_object_get(j, "counters"), "24h"), "whole"));

	json_decref(j);
	return n;
}

/* Postfix brings a message again after hours; its host has sent many others meanwhile. */
static void a_late_retry_counts_once(void **state)
{
	char id[16];

	(void)state;
	rig_start();
	assert_int_equal(rig_message(SPAMMER, "late", "a@example.net", TRAP1), HIT_STORED);
	for (unsigned i = 0; i < RECORD_RECENT - 2; i++) {
		(void)snprintf(id, sizeof id, "n%u", i);
		assert_int_equal(rig_message(SPAMMER, id, "a@example.net", TRAP1), HIT_STORED);
	}
	assert_int_equal(messages(), RECORD_RECENT - 1);
	rig_restart();
	assert_int_equal(rig_message(SPAMMER, "late", "a@example.net", TRAP1), HIT_STORED);
	assert_int_equal(messages(), RECORD_RECENT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(the_answer_waits_for_the_corpus),
		ENGINE_TEST(what_could_not_be_deleted_is_said),
		ENGINE_TEST(notes_and_waiting_hits_are_forgotten),
		ENGINE_TEST(withheld_messages_are_forgotten),
		ENGINE_TEST(a_late_retry_counts_once),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
