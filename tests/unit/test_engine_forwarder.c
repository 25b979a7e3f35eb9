/*
 * test_engine_forwarder: mail that a forwarder or backup MX of ours brings is
 * charged to the host before it, or to nobody; the forwarder is never refused.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"

#define FORWARDER "198.51.100.25"
#define SPAMMER "192.0.2.66"

static void start(void)
{
	rig.host.conf.forwarders.count = 1;
	(void)snprintf(rig.host.conf.forwarders.item[0], CONF_ITEM, "198.51.100.0/24");
	rig_start();
	rig_enforce("full");
}

/* client brings a message to TRAP1, which walked (or "") gave it. */
static uint8_t bring(const char *client, const char *walked, const char *id)
{
	struct msg_hit m = { .seq = ++rig.hit_seq, .time = clock_wall_s(), .grade = GRADE_CONFIRMED, .size = 100 };
	uint8_t out[8192];
	struct wr w = wr_init(out, sizeof out);
	int fd = rig_connect("policy");

	assert_string_equal(rig_rcpt(fd, client, id, "a@example.net", TRAP1), "action=DUNNO");
	assert_string_equal(rig_end(fd, client, id, id, 1, ""), "action=DUNNO");
	(void)close(fd);
	rig_address(client, &m.client);
	if (walked[0])
		rig_address(walked, &m.walked);
	m.is_walked = walked[0] != '\0';
	slice_copy(SLICE_LIT("fwd.example.net"), m.name, sizeof m.name);
	slice_copy(slice_str(id), m.queue_id, sizeof m.queue_id);
	slice_copy(slice_str(id), m.message_id, sizeof m.message_id);
	slice_copy(SLICE_LIT("a@example.net"), m.sender, sizeof m.sender);
	slice_copy(SLICE_LIT(TRAP1), m.trap, sizeof m.trap);
	slice_copy(SLICE_LIT(TRAP1), m.orcpt, sizeof m.orcpt);
	message_put_hit(&w, MSG_HIT, &m);
	rig_send(ROLE_CAPTURE, &w, -1);
	return rig_wait_ack(m.seq);
}

static void the_host_before_is_blocked(void **state)
{
	(void)state;
	start();
	assert_int_equal(bring(FORWARDER, SPAMMER, "q1"), HIT_STORED);
	assert_true(rig_is_refused(SPAMMER));
	assert_false(rig_is_refused(FORWARDER));
	assert_int_equal(rig_hits_of(SPAMMER), 1);
	assert_int_equal(rig_hits_of(FORWARDER), 0);
}

static void untold_charges_nobody(void **state)
{
	(void)state;
	start();
	for (int i = 0; i < 5; i++) {
		char id[8];

		(void)snprintf(id, sizeof id, "q%d", i);
		assert_int_equal(bring(FORWARDER, "", id), HIT_STORED);
	}
	assert_false(rig_is_refused(FORWARDER));
}

/* Only a forwarder is believed: capture walks for nobody else, and the engine looks itself. */
static void no_forwarder_is_not_believed(void **state)
{
	(void)state;
	start();
	assert_int_equal(bring("203.0.113.4", "192.0.2.1", "q1"), HIT_STORED);
	assert_false(rig_is_refused("192.0.2.1"));
	assert_true(rig_is_refused("203.0.113.4"));
}

/* A forwarder that had it from our own side, or from another: nobody. */
static void one_of_ours_before(void **state)
{
	(void)state;
	start();
	assert_int_equal(bring(FORWARDER, "10.0.0.5", "q1"), HIT_STORED);
	assert_int_equal(bring(FORWARDER, "198.51.100.7", "q2"), HIT_STORED);
	assert_false(rig_is_refused(FORWARDER));
	assert_false(rig_is_refused("198.51.100.7"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_host_before_is_blocked),
		TEST(untold_charges_nobody),
		TEST(no_forwarder_is_not_believed),
		TEST(one_of_ours_before),
	};

	cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
