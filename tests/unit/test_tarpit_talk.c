/*
 * test_tarpit_talk: what clients who talk can make the role do, and no more:
 * messages to the engine, handshakes, connections to Postfix.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "role/tarpit_hand.h"
#include "tarpit_rig.h"

#define TOLD_A_SECOND 500 /* tarpit_tell.c */

/* Nobody is held: replies come at once. */
static void start_answering(void)
{
	rig.is_tcp = true;
	rig.host.conf.tarpit.offence = 99;
	block("192.0.2.0/24");
	start();
}

/* What has come is worked on. False: nothing for too long. */
static bool work(unsigned *tries)
{
	for (unsigned i = 0; i < 20; i++)
		tarpit_ready(rig.t, rig.now);
	if (*tries)
		(void)poll(NULL, 0, 1);
	return ++*tries < PATIENCE_MS;
}

static void send_text(unsigned slot, const char *text)
{
	assert_int_equal(send(rig.peer[slot], text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The reply to one command. */
static const char *says(unsigned slot, const char *text)
{
	static char got[8192];
	unsigned tries = 0;

	(void)heard(slot, got, sizeof got);
	send_text(slot, text);
	while (!heard(slot, got, sizeof got))
		assert_true(work(&tries));
	return got;
}

static void a_flood_of_recipients_is_cut_and_counted(void **state)
{
	enum { CLIENTS = 20, EACH = 30 };
	unsigned tries = 0;

	(void)state;
	start_answering();
	for (unsigned i = 0; i < CLIENTS; i++) {
		char text[4096];
		size_t n = (size_t)snprintf(text, sizeof text, "HELO x\r\nMAIL FROM:<a@b.test>\r\n");

		come(i, i);
		for (unsigned k = 0; k < EACH; k++)
			n += (size_t)snprintf(text + n, sizeof text - n, "RCPT TO:<u%u@pfx.test>\r\n", k);
		send_text(i, text);
	}
	while (rig.t->tells < CLIENTS * EACH)
		assert_true(work(&tries));
	assert_int_equal(rig.t->untold, CLIENTS * EACH - TOLD_A_SECOND);
	rig.now += 1000;
	send_text(0, "RCPT TO:<one.more@pfx.test>\r\n");
	for (tries = 0; rig.t->tells != 1;)
		assert_true(work(&tries));
	assert_int_equal(rig.t->untold, CLIENTS * EACH - TOLD_A_SECOND);
}

static void tls_is_offered_as_far_as_it_goes(void **state)
{
	(void)state;
	start_answering();
	come(0, 1);
	assert_non_null(strstr(says(0, "EHLO x\r\n"), "250-STARTTLS\r\n"));
	rig.t->tls.asked = TARPIT_HANDSHAKES;
	assert_memory_equal(says(0, "STARTTLS\r\n"), "454 ", 4);
	tarpit_tls_second(rig.t);
	rig.t->tls.count = rig.t->tls.cap;
	assert_null(strstr(says(0, "EHLO x\r\n"), "STARTTLS"));
	rig.t->tls.count = 0;
	assert_non_null(strstr(says(0, "EHLO x\r\n"), "250-STARTTLS\r\n"));
}

static unsigned begun(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 2 * TARPIT_HELLOS; i++)
		n += tarpit_conn_at(rig.t, i)->is_begun;
	return n;
}

static void handshakes_begin_in_turn(void **state)
{
	unsigned tries = 0;

	(void)state;
	start_answering();
	for (unsigned i = 0; i < 2 * TARPIT_HELLOS; i++) {
		come(i, i);
		(void)says(i, "EHLO x\r\n");
		assert_memory_equal(says(i, "STARTTLS\r\n"), "220 ", 4);
	}
	/* a record of a handshake begins; all in one tick */
	for (unsigned i = 0; i < 2 * TARPIT_HELLOS; i++)
		send_text(i, "\x16\x03\x01");
	while (begun() < TARPIT_HELLOS || tries < 10)
		assert_true(work(&tries));
	assert_int_equal(begun(), TARPIT_HELLOS);
	for (tries = 0; begun() < 2 * TARPIT_HELLOS; pass_ms(TARPIT_TICK_MS))
		assert_true(work(&tries));
}

/* The engine was started anew, and knows fewer blocks. */
static void who_is_not_in_a_new_list_is_let_go(void **state)
{
	struct rd none = { 0 };
	struct area_memory memory;
	struct block_share share;
	char text[256];
	int fd;

	(void)state;
	start_answering();
	come(0, 1);
	(void)says(0, "HELO x\r\n");
	pass_ms(6000);
	assert_int_equal(rig.t->count, 1);
	assert_int_equal(area_memory_make_blocks(block_share_bytes(SHARE_BITS_MIN), &memory), ERR_OK);
	block_share_init(&share, memory.map, SHARE_BITS_MIN, key);
	fd = dup(memory.fd);
	tarpit_ops.message(&rig.host, ROLE_ENGINE, MSG_BLOCKS, &none, &fd, 1);
	pass_ms(6000);
	for (unsigned tries = 0; !heard(0, text, sizeof text);)
		assert_true(work(&tries));
	assert_memory_equal(text, "421 4.3.2 ", 10);
	assert_int_equal(rig.t->count, 0);
	area_memory_close(&memory);
}

/* ---- on the way to Postfix */

static int parent;

static void start_handing(void)
{
	int fd[2];

	(void)snprintf(rig.host.conf.postfix.handthrough, sizeof rig.host.conf.postfix.handthrough, "limetwig-hand");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	parent = fd[1];
	rig.host.parent = channel_new(rig.host.loop, fd[0], ROLE_TARPIT, ROLE_PARENT, ignore, ignore_closed, NULL);
	assert_non_null(rig.host.parent);
	start_answering();
}

static void stop_handing(void)
{
	while (rig.t->oldest != TARPIT_NONE)
		tarpit_shed(rig.t);
	channel_free(rig.host.parent);
	rig.host.parent = NULL;
	(void)close(parent);
}

/* True: he waits for Postfix's word. */
static bool asks_for_postmaster(unsigned slot, unsigned client)
{
	uint64_t full = rig.t->hand_full;
	unsigned tries = 0, hands = rig.t->hands;

	come(slot, client);
	(void)says(slot, "HELO x\r\n");
	(void)says(slot, "MAIL FROM:<a@b.test>\r\n");
	send_text(slot, "RCPT TO:<postmaster@pfx.test>\r\n");
	while (rig.t->hands == hands && rig.t->hand_full == full)
		assert_true(work(&tries));
	return rig.t->hands > hands;
}

static void hears_to_come_again(unsigned slot)
{
	char text[256];
	unsigned tries = 0;

	while (!heard(slot, text, sizeof text))
		assert_true(work(&tries));
	assert_memory_equal(text, "450 4.3.0 ", 10);
}

static void one_subject_has_two_on_the_way(void **state)
{
	(void)state;
	start_handing();
	for (unsigned i = 0; i < TARPIT_HAND_EACH; i++)
		assert_true(asks_for_postmaster(i, i));
	assert_false(asks_for_postmaster(TARPIT_HAND_EACH, 7));
	hears_to_come_again(TARPIT_HAND_EACH);
	stop_handing();
	assert_int_equal(rig.t->hands, 0);
}

static void all_together_have_a_cap(void **state)
{
	(void)state;
	rig.host.conf.tarpit.hand_connections = 1;
	start_handing();
	assert_true(asks_for_postmaster(0, 1));
	assert_false(asks_for_postmaster(1, 2));
	hears_to_come_again(1);
	stop_handing();
}

static void who_waits_for_postfix_in_vain_is_told(void **state)
{
	uint64_t now = clock_mono_ms();

	(void)state;
	start_handing();
	assert_true(asks_for_postmaster(0, 1));
	tarpit_hand_tick(rig.t, now + TARPIT_HAND_REPLY_MS - 1000);
	assert_int_equal(rig.t->hands, 1);
	tarpit_hand_tick(rig.t, now + TARPIT_HAND_REPLY_MS + 60000);
	hears_to_come_again(0);
	assert_int_equal(rig.t->hands, 0);
	stop_handing();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, prepare, finish)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(a_flood_of_recipients_is_cut_and_counted),
		TEST(tls_is_offered_as_far_as_it_goes), TEST(handshakes_begin_in_turn),
		TEST(who_is_not_in_a_new_list_is_let_go), TEST(one_subject_has_two_on_the_way),
		TEST(all_together_have_a_cap), TEST(who_waits_for_postfix_in_vain_is_told) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
