/*
 * test_engine_riders: what the engine says of real recipients beside a trap:
 * to Postfix at the end of the data, to capture once the hits are stored, and
 * when a person releases what was withheld.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine.h"

#define SPAMMER "192.0.2.66"
#define FILTER "action=FILTER limetwig:unix:limetwig/lmtp"
#define CORPUS "1795308995.c9505a0aa6f97286"

static struct engine *begin(enum conf_riders riders, const char *mode)
{
	char line[64];

	rig.host.conf.traps.riders = riders;
	(void)snprintf(rig.host.conf.postfix.handback, sizeof rig.host.conf.postfix.handback, "limetwig-back");
	rig_start();
	(void)snprintf(line, sizeof line, "{\"cmd\":\"enforce\",\"mode\":\"%s\"}", mode);
	rig_do(line);
	return rig.host.ctx;
}

static const char *with_rider(const char *id, unsigned accepted)
{
	static char answer[512];
	int fd = rig_connect("policy");

	assert_string_equal(rig_rcpt(fd, SPAMMER, id, "a@example.net", "alice@example.org"), "action=DUNNO");
	assert_string_equal(rig_rcpt(fd, SPAMMER, id, "a@example.net", TRAP1), "action=DUNNO");
	(void)snprintf(answer, sizeof answer, "%s", rig_end(fd, SPAMMER, id, id, accepted, ""));
	(void)close(fd);
	return answer;
}

static uint64_t ask(bool is_kept)
{
	static uint64_t seq = 1000;
	static struct msg_riders m;
	static uint8_t out[32768];
	struct wr w = wr_init(out, sizeof out);

	memset(&m, 0, sizeof m);
	m.seq = ++seq;
	m.kind = RIDERS_ASK;
	m.is_kept = is_kept;
	m.count = 1;
	m.size = 100;
	rig_address(SPAMMER, &m.client);
	(void)snprintf(m.queue_id, sizeof m.queue_id, "m1");
	(void)snprintf(m.sender, sizeof m.sender, "a@example.net");
	(void)snprintf(m.corpus_id, sizeof m.corpus_id, CORPUS);
	message_put_riders(&w, MSG_RIDERS, &m);
	rig_send(ROLE_CAPTURE, &w, -1);
	return seq;
}

static bool has_order(void *ctx)
{
	return rig.orders > *(unsigned *)ctx;
}

static enum riders_what order_for(bool is_kept)
{
	unsigned before = rig.orders;
	uint64_t seq = ask(is_kept);

	assert_true(rig_wait(has_order, &before));
	assert_int_equal(rig.order.seq, seq);
	return (enum riders_what)rig.order.what;
}

static void hit(void)
{
	assert_string_equal(with_rider("m1", 2), FILTER);
	assert_int_equal(rig_wait_ack(rig_hit(SPAMMER, "m1", "a@example.net", TRAP1, "m1")), HIT_STORED);
}

static void the_whole_message_comes_to_us(void **state)
{
	(void)state;
	(void)begin(RIDERS_MARK, "soft");
	assert_string_equal(with_rider("m1", 2), FILTER);
	assert_string_equal(with_rider("m2", 1), "action=DUNNO"); /* the trap may have been refused */
	rig.host.conf.traps.riders = RIDERS_WITHHOLD;
	assert_string_equal(with_rider("m3", 2), FILTER);
	rig.host.conf.traps.riders = RIDERS_DELIVER;
	assert_string_equal(with_rider("m4", 2), "action=DUNNO");
}

static void not_in_monitor_and_not_without_a_way_back(void **state)
{
	(void)state;
	(void)begin(RIDERS_WITHHOLD, "monitor");
	assert_string_equal(with_rider("m1", 2), "action=DUNNO");
	rig_do("{\"cmd\":\"enforce\",\"mode\":\"soft\"}");
	rig.host.conf.postfix.handback[0] = '\0';
	assert_string_equal(with_rider("m2", 2), "action=DUNNO");
	rig.host.conf.is_off = true;
	(void)snprintf(rig.host.conf.postfix.handback, sizeof rig.host.conf.postfix.handback, "limetwig-back");
	assert_string_equal(with_rider("m3", 2), "action=DUNNO");
}

static void marked_where_the_host_is_blocked(void **state)
{
	struct engine *e;
	struct record_withheld r;

	(void)state;
	e = begin(RIDERS_MARK, "soft");
	assert_int_equal(order_for(true), RIDERS_PLAIN); /* nothing is known of it */
	hit();
	assert_int_equal(order_for(true), RIDERS_JUNK);
	assert_true(rig.order.case_id[0] != '\0');
	assert_int_equal(engine_release_look(e, CORPUS, &r), ERR_NOTFOUND);
	rig.host.conf.traps.riders = RIDERS_DELIVER;
	assert_int_equal(order_for(true), RIDERS_PLAIN);
	rig.host.conf.traps.riders = RIDERS_REFUSE; /* too late to refuse */
	assert_int_equal(order_for(true), RIDERS_JUNK);
	rig_do("{\"cmd\":\"enforce\",\"mode\":\"monitor\"}");
	assert_int_equal(order_for(true), RIDERS_PLAIN);
}

static void withheld_where_the_host_is_blocked(void **state)
{
	struct engine *e;
	struct record_withheld r;

	(void)state;
	e = begin(RIDERS_WITHHOLD, "soft");
	assert_int_equal(order_for(true), RIDERS_PLAIN);
	hit();
	assert_int_equal(order_for(false), RIDERS_JUNK); /* riders alone: no file that could be kept */
	assert_int_equal(rig_wait_ack(ask(true)), HIT_STORED);
	assert_int_equal(engine_release_look(e, CORPUS, &r), ERR_OK);
	assert_int_equal(r.state, WITHHELD_KEPT);
	assert_int_equal(engine_release_count(e), 1);
	assert_int_equal(rig_wait_ack(ask(true)), HIT_STORED); /* the answer was lost, it is asked again */
	assert_int_equal(engine_release_count(e), 1);
	rig_restart();
	e = rig.host.ctx;
	assert_int_equal(engine_release_count(e), 1);
	e->corpus.is_full = 1;
	assert_int_equal(order_for(true), RIDERS_JUNK);
	engine_release_replaced(e, CORPUS, "1795308996.00");
	assert_int_equal(store_flush(e->store), ERR_OK);
	assert_int_equal(engine_release_look(e, CORPUS, &r), ERR_NOTFOUND);
	assert_int_equal(engine_release_look(e, "1795308996.00", &r), ERR_OK);
	assert_int_equal(engine_release_count(e), 1);
	e->host->conf.keep.messages_s = 1;
	e->clock_start_ms -= 3600 * 1000; /* an hour after the start */
	engine_release_tick(e, clock_wall_s() + 7200);
	assert_int_equal(store_flush(e->store), ERR_OK);
	assert_int_equal(engine_release_look(e, "1795308996.00", &r), ERR_NOTFOUND);
	assert_int_equal(engine_release_count(e), 0);
}

/* ---- release */

static enum riders_result result;

static void answer_order(void)
{
	static struct msg_riders m;
	static uint8_t out[32768];
	struct wr w = wr_init(out, sizeof out);

	if (rig.order.what != RIDERS_RELEASE && rig.order.what != RIDERS_LIST)
		return;
	memset(&m, 0, sizeof m);
	m.seq = rig.order.seq;
	m.kind = RIDERS_DONE;
	m.result = (uint8_t)result;
	rig_address(SPAMMER, &m.client);
	(void)snprintf(m.sender, sizeof m.sender, "a@example.net");
	(void)snprintf(m.corpus_id, sizeof m.corpus_id, "%s", rig.order.corpus_id);
	m.count = result == RIDERS_OK;
	(void)snprintf(
		m.text, sizeof m.text, "%s", result == RIDERS_OK ? "alice@example.org\n!bob@example.org\n" : "451 no");
	message_put_riders(&w, MSG_RIDERS, &m);
	rig_send(ROLE_CAPTURE, &w, -1);
}

static json_t *release(const char *more, bool is_ok)
{
	char line[256];
	json_t *j;

	(void)snprintf(line, sizeof line, "{\"cmd\":\"release\",%s}", more);
	j = rig_call(line);
	if (json_is_true(json_object_get(j, "ok")) != is_ok)
		fail_msg("%s: %s", more, json_dumps(j, 0));
	return j;
}

static void a_release_gives_lifts_and_is_done_once(void **state)
{
	struct engine *e;
	struct record_withheld r;
	json_t *j;

	(void)state;
	e = begin(RIDERS_WITHHOLD, "soft");
	rig.on_order = answer_order;
	hit();
	assert_int_equal(rig_wait_ack(ask(true)), HIT_STORED);
	rig_assert_title(SPAMMER, "BLOCKED");
	json_decref(release("\"what\":\"" SPAMMER "\",\"dry_run\":true", true));
	rig_assert_title(SPAMMER, "BLOCKED");
	result = RIDERS_LATER;
	json_decref(release("\"what\":\"" CORPUS "\"", false));
	rig_assert_title(SPAMMER, "BLOCKED");
	assert_int_equal(engine_release_count(e), 1);
	result = RIDERS_OK;
	json_decref(release("\"what\":\"" CORPUS "\",\"to\":\"carol@example.org\",\"keep_block\":true", true));
	rig_assert_title(SPAMMER, "BLOCKED");
	assert_int_equal(engine_release_count(e), 1); /* its riders still wait */
	j = release("\"what\":\"" SPAMMER "\",\"note\":\"our bank\"", true);
	assert_true(json_is_object(json_object_get(j, "block")));
	json_decref(j);
	assert_int_equal(engine_release_count(e), 0);
	assert_int_equal(store_flush(e->store), ERR_OK);
	assert_int_equal(engine_release_look(e, CORPUS, &r), ERR_OK);
	assert_int_equal(r.state, WITHHELD_RELEASED);
	assert_string_equal(r.note, "our bank");
	j = release("\"what\":\"" CORPUS "\"", true);
	assert_true(json_is_true(json_object_get(j, "already")));
	json_decref(j);
	json_decref(release("\"what\":\"" SPAMMER "\"", false));
}

static void what_cannot_be_released_is_said(void **state)
{
	(void)state;
	(void)begin(RIDERS_WITHHOLD, "soft");
	rig.on_order = answer_order;
	result = RIDERS_GONE;
	json_decref(release("\"what\":\"" CORPUS "\"", false));
	result = RIDERS_CUT;
	json_decref(release("\"what\":\"" CORPUS "\"", false));
	json_decref(release("\"what\":\"\"", false));
	json_decref(release("\"what\":\"nonsense\"", false));
	json_decref(release("\"note\":\"x\"", false));
	json_decref(release("\"what\":\"" CORPUS "\",\"to\":\"nobody\"", false));
	json_decref(release("\"what\":\"" CORPUS "\",\"to\":\"" TRAP1 "\"", false));
	rig.host.conf.postfix.handback[0] = '\0';
	json_decref(release("\"what\":\"" CORPUS "\"", false));
	rig_unlink(ROLE_CAPTURE);
	(void)snprintf(rig.host.conf.postfix.handback, sizeof rig.host.conf.postfix.handback, "x");
	json_decref(release("\"what\":\"" CORPUS "\"", false));
}

static void withhold_many(struct engine *e)
{
	struct record_withheld r = { .time = clock_wall_s(), .state = WITHHELD_KEPT, .riders = 1 };
	char id[MESSAGE_CORPUS_ID];

	rig_address(SPAMMER, &r.client);
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(id, sizeof id, "1795308995.%04x", i);
		assert_int_equal(engine_release_save(e, id, &r), ERR_OK);
	}
	assert_int_equal(store_flush(e->store), ERR_OK);
}

/* A thousand are released, and the first order has gone out; returns the call. */
static int release_many(void)
{
	const char *line = "{\"cmd\":\"release\",\"what\":\"" SPAMMER "\"}\n";
	int fd = rig_connect("control");
	unsigned none = 0;

	withhold_many(rig.host.ctx);
	rig_write(fd, line, strlen(line));
	assert_true(rig_wait(has_order, &none));
	return fd;
}

static bool has_audit(struct slice key, struct slice value, void *ctx)
{
	struct record_audit a;

	(void)key;
	if (record_get_audit(value, &a) == ERR_OK && strstr(a.what, "release " SPAMMER))
		*(bool *)ctx = true;
	return true;
}

static bool is_audited(void *ctx)
{
	const struct slice all = { 0 };
	struct engine *e = ctx;
	bool is = false;

	assert_int_equal(store_scan(e->store, TABLE_AUDIT, all, all, false, has_audit, &is), ERR_OK);
	return is;
}

static bool have_turns_passed(void *ctx)
{
	return ++*(unsigned *)ctx > 20;
}

/* Whoever gave the order has gone: what he began is noted, and as it goes on. */
static void a_release_that_was_left_is_noted(void **state)
{
	struct engine *e;
	int fd;

	(void)state;
	e = begin(RIDERS_WITHHOLD, "soft");
	fd = release_many();
	assert_false(is_audited(e));
	(void)close(fd);
	assert_true(rig_wait(is_audited, e));
}

/* We end in the middle of it: capture is given no further one, of which nobody would write down that it was released. */
static void a_stop_begins_nothing(void **state)
{
	unsigned turns = 0;
	struct engine *e;
	int fd;

	(void)state;
	e = begin(RIDERS_WITHHOLD, "soft");
	fd = release_many();
	engine_release_stop(e);
	assert_true(rig_wait(have_turns_passed, &turns));
	assert_int_equal(engine_release_start(e), ERR_OK); /* for the end of the test */
	assert_int_equal(rig.orders, 1);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(the_whole_message_comes_to_us),
		ENGINE_TEST(not_in_monitor_and_not_without_a_way_back),
		ENGINE_TEST(marked_where_the_host_is_blocked),
		ENGINE_TEST(withheld_where_the_host_is_blocked),
		ENGINE_TEST(a_release_gives_lifts_and_is_done_once),
		ENGINE_TEST(what_cannot_be_released_is_said),
		ENGINE_TEST(a_release_that_was_left_is_noted),
		ENGINE_TEST(a_stop_begins_nothing),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
