/*
 * test_capture: the capture role in this process, between LMTP clients on a
 * UNIX socket and a made-up engine on the other end of its channel.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "capture_rig.h"

/* A client that says this to a new capture and has heard n replies. */
static struct client *start_and_say(const char *text, unsigned n)
{
	struct client *k;

	start();
	k = dial();
	say(k, text);
	await(k, n);
	return k;
}

/* A client whose message has come as far as the engine. */
static struct client *start_and_hit(void)
{
	struct client *k;

	start();
	k = dial();
	say(k, LHLO ONE);
	await_count(&hits, 1);
	return k;
}

static void test_one(void **state)
{
	struct client *k;
	char text[4096], addr[IPADDR_TEXT];

	(void)state;
	start();
	k = dial();
	say(k, LHLO ONE "QUIT\r\n");
	await_eof(k);
	assert_int_equal(replies(k, ""), 9);
	assert_int_equal(replies(k, "250"), 6);
	assert_int_equal(hits, 1);
	assert_string_equal(hit[0].trap, "trap@pfx.test");
	assert_string_equal(hit[0].orcpt, "trap@pfx.test");
	assert_string_equal(hit[0].sender, "s@spam.example");
	assert_string_equal(ipaddr_format(&hit[0].client, addr), "2001:db8::7");
	assert_int_equal(hit[0].port, 1234);
	assert_string_equal(hit[0].name, "c1.pfx.test");
	assert_string_equal(hit[0].helo, "cl+x");
	assert_string_equal(hit[0].queue_id, "253C0A");
	assert_string_equal(hit[0].message_id, "<1@spam.example>");
	assert_string_equal(hit[0].subject, "hello");
	assert_int_equal(hit[0].grade, GRADE_CONFIRMED);
	assert_int_equal(hit[0].size, sizeof MESSAGE - 1 - 3);
	assert_int_equal(hit[0].is_truncated, 0);
	assert_int_equal(files_in("new"), 1);
	assert_int_equal(files_in("tmp"), 0);
	read_kept(hit[0].corpus_id, text, sizeof text);
	assert_non_null(strstr(text, "X-Limetwig-Client: 2001:db8::7\r\n"));
	assert_non_null(strstr(text, "\r\nSubject: hello\r\n"));
	assert_non_null(strstr(text, "\r\n\r\nbuy\r\n"));
	assert_null(strstr(hit[0].corpus_id, "trap"));
	hang_up(k);
}

/* Both encodings, a rider, and two traps in one message. */
static void test_recipients(void **state)
{
	struct client *k =
		start_and_say(LHLO "MAIL FROM:<>\r\n" TO_TRAP
				   "RCPT TO:<alice@pfx.test>\r\nRCPT TO:<any@trapdom.example.limetwig.invalid>\r\n"
				   "DATA\r\n" MESSAGE,
			10);

	(void)state;
	assert_int_equal(replies(k, "250"), 8);
	assert_int_equal(hits, 2);
	assert_string_equal(hit[0].trap, "trap@pfx.test");
	assert_string_equal(hit[1].trap, "any@trapdom.example");
	assert_string_equal(hit[0].sender, "");
	assert_int_equal(hit[0].client.family, 0);
	assert_string_equal(hit[0].corpus_id, hit[1].corpus_id);
	assert_int_equal(files_in("new"), 1);
	hang_up(k);
}

static void test_later(void **state)
{
	struct client *k;

	(void)state;
	answer = ANSWER_LATER;
	k = start_and_say(LHLO ONE, 8);
	assert_int_equal(replies(k, "451 4.3.0"), 1);
	assert_int_equal(files_in("new") + files_in("tmp"), 0);
	answer = ANSWER_STORED;
	say(k, "RSET\r\n" ONE);
	await(k, 15);
	assert_int_equal(replies(k, "451"), 1);
	assert_int_equal(files_in("new"), 1);
	hang_up(k);
}

/* One of two hits is stored: its recipient is done, the other comes again, the file stays. */
static void test_half_stored(void **state)
{
	struct client *k;

	(void)state;
	answer = ANSWER_FIRST_ONLY;
	k = start_and_say(LHLO "MAIL FROM:<a@b>\r\n" TO_TRAP TO_TRAP2 "DATA\r\n" MESSAGE, 8);
	assert_int_equal(replies(k, "250 2.0.0"), 1);
	assert_int_equal(replies(k, "451"), 1);
	assert_int_equal(files_in("new"), 1);
	hang_up(k);
}

/* Stored before, from another copy: taken, and no second file. */
static void test_known(void **state)
{
	struct client *k;

	(void)state;
	answer = ANSWER_KNOWN;
	k = start_and_say(LHLO ONE, 8);
	assert_int_equal(replies(k, "451"), 0);
	assert_int_equal(files_in("new") + files_in("tmp"), 0);
	hang_up(k);
}

/* Not before its hit is stored: a death in between leaves no file that no hit names. */
static void test_published_last(void **state)
{
	struct client *k;

	(void)state;
	answer = ANSWER_NONE;
	k = start_and_hit();
	while (TAILQ_FIRST(&capture()->all)->is_syncing)
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	assert_int_equal(files_in("new"), 0);
	engine_says(hit[0].seq, HIT_STORED);
	await(k, 8);
	assert_int_equal(replies(k, "451"), 0);
	assert_int_equal(files_in("new"), 1);
	hang_up(k);
}

static void test_link_loss(void **state)
{
	struct client *k;

	(void)state;
	answer = ANSWER_NONE;
	k = start_and_hit();
	link_down();
	await(k, 8);
	assert_int_equal(replies(k, "451"), 1);
	assert_int_equal(files_in("new") + files_in("tmp"), 0);
	say(k, ONE); /* while it is down: at once */
	await(k, 14);
	assert_int_equal(replies(k, "451"), 2);
	assert_int_equal(files_in("new") + files_in("tmp"), 0);
	answer = ANSWER_STORED;
	link_up();
	say(k, ONE);
	await(k, 20);
	assert_int_equal(replies(k, "451"), 2);
	assert_int_equal(files_in("new"), 1);
	hang_up(k);
}

static void test_silent_engine(void **state)
{
	struct client *k;

	(void)state;
	answer = ANSWER_NONE;
	k = start_and_hit();
	hear(k);
	assert_int_equal(replies(k, ""), 7);
	TAILQ_FIRST(&capture()->all)->ack_deadline_ms = 0;
	await(k, 8);
	assert_int_equal(replies(k, "451"), 1);
	assert_int_equal(files_in("new"), 0);
	engine_says(hit[0].seq, HIT_STORED); /* too late, and others that mean nothing */
	engine_says(0, HIT_STORED);
	engine_says(UINT64_MAX, HIT_STORED);
	answer = ANSWER_STORED;
	say(k, ONE "NOOP\r\n");
	await(k, 15);
	assert_int_equal(replies(k, "451"), 1);
	hang_up(k);
}

static void test_probe(void **state)
{
	struct client *k;

	(void)state;
	start();
	k = dial();
	say(k, LHLO "MAIL FROM:<>\r\n" TO_TRAP "RSET\r\nMAIL FROM:<>\r\n" TO_TRAP "QUIT\r\n");
	await_eof(k);
	assert_int_equal(replies(k, "250"), 6);
	assert_int_equal(hits, 0);
	assert_int_equal(files_in("new") + files_in("tmp"), 0);
	hang_up(k);
}

/* Mail that is not for us must not vanish here. */
static void test_no_trap(void **state)
{
	struct client *k;

	(void)state;
	start();
	k = dial();
	say(k, LHLO "MAIL FROM:<a@b>\r\nRCPT TO:<alice@pfx.test>\r\nRCPT TO:<x@limetwig.invalid>\r\nRCPT "
		    "TO:<\x01>\r\nDATA\r\n" MESSAGE);
	order = ORDER_LATER;
	await(k, 10);
	assert_int_equal(replies(k, "451"), 3);
	assert_int_equal(hits, 0);
	assert_int_equal(files_in("new") + files_in("tmp"), 0);
	hang_up(k);
}

static void test_parallel(void **state)
{
	struct client *k[10];

	(void)state;
	start();
	for (int i = 0; i < 10; i++) {
		k[i] = dial();
		say(k[i], LHLO);
		for (int j = 0; j < 20; j++)
			say(k[i], "RSET\r\n" ONE);
	}
	for (int i = 0; i < 10; i++) {
		await(k[i], 2 + 20 * 7);
		assert_int_equal(replies(k[i], "451"), 0);
		hang_up(k[i]);
	}
	assert_int_equal(hits, 200);
	assert_int_equal(files_in("new"), 200);
}

static void test_cap(void **state)
{
	static struct client *k[CAPTURE_CONNECTIONS + 5];
	unsigned greeted = 0;
	uint64_t end = clock_mono_ms() + 30000;

	(void)state;
	start();
	for (int i = 0; i < CAPTURE_CONNECTIONS + 5; i++)
		k[i] = dial();
	while (greeted < CAPTURE_CONNECTIONS) {
		assert_true(clock_mono_ms() < end);
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
		greeted = 0;
		for (int i = 0; i < CAPTURE_CONNECTIONS + 5; i++) {
			hear(k[i]);
			greeted += k[i]->n > 0;
		}
	}
	assert_int_equal(greeted, CAPTURE_CONNECTIONS);
	assert_int_equal(k[CAPTURE_CONNECTIONS]->n, 0);
	say(k[0], "QUIT\r\n");
	await(k[CAPTURE_CONNECTIONS], 1);
	for (int i = 0; i < CAPTURE_CONNECTIONS + 5; i++)
		hang_up(k[i]);
}

static void test_idle(void **state)
{
	struct client *k = start_and_say(LHLO "MAIL FROM:<a@b>\r\n" TO_TRAP "DATA\r\nSubject: never ends\r\n", 5);

	(void)state;
	TAILQ_FIRST(&capture()->all)->session.deadline_ms = 0;
	await_eof(k);
	assert_int_equal(hits, 0);
	assert_int_equal(files_in("new") + files_in("tmp"), 0);
	hang_up(k);
}

static void test_half_close(void **state)
{
	struct client *k[2];

	(void)state;
	start();
	k[0] = dial();
	say(k[0], LHLO ONE);
	assert_int_equal(shutdown(k[0]->fd, SHUT_WR), 0);
	await_eof(k[0]);
	assert_int_equal(replies(k[0], ""), 8);
	assert_int_equal(hits, 1);
	k[1] = dial(); /* gone in the middle of a message: none */
	say(k[1], LHLO "MAIL FROM:<a@b>\r\n" TO_TRAP "DATA\r\nSubject: x\r\n\r\n.\r");
	assert_int_equal(shutdown(k[1]->fd, SHUT_WR), 0);
	await_eof(k[1]);
	assert_int_equal(hits, 1);
	assert_int_equal(files_in("new"), 1);
	assert_int_equal(files_in("tmp"), 0);
	hang_up(k[0]);
	hang_up(k[1]);
}

static void test_big_message(void **state)
{
	static char body[1000 * 1000];
	struct client *k;
	size_t sent = 0;

	(void)state;
	host.conf.storage.message_size = 100000;
	start();
	memset(body, 'x', sizeof body);
	k = dial();
	say(k, LHLO "MAIL FROM:<a@b> SIZE=4294967296\r\n" TO_TRAP "DATA\r\nSubject: big\r\n\r\n");
	await(k, 5);
	while (sent < sizeof body) {
		ssize_t n = send(k->fd, body + sent, sizeof body - sent, MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	}
	say(k, "\r\n.\r\n");
	await(k, 6);
	assert_int_equal(replies(k, "250 2.0.0"), 1);
	assert_int_equal(hit[0].is_truncated, 1);
	assert_int_equal(hit[0].size, sizeof body + 18);
	assert_string_equal(hit[0].subject, "big");
	hang_up(k);
}

/* No room at all: the hit is what is kept, and the answer is still 250. */
static void test_full_disk(void **state)
{
	struct client *k;

	(void)state;
	host.conf.storage.disk_reserve = UINT64_MAX / 2;
	k = start_and_say(LHLO ONE, 8);
	assert_int_equal(replies(k, "451"), 0);
	assert_int_equal(hits, 1);
	assert_string_equal(hit[0].corpus_id, "");
	assert_int_equal(hit[0].is_truncated, 1);
	assert_int_equal(files_in("new") + files_in("tmp"), 0);
	await_count(&states, 1);
	assert_int_equal(last_state.is_full, 1);
	states = 0;
	host.conf.storage.disk_reserve = 0;
	capture_ops.reloaded(&host);
	await_count(&states, 1);
	assert_int_equal(last_state.is_full, 0);
	hang_up(k);
}

static void test_remove(void **state)
{
	struct msg_corpus_remove m = { .corpus_id = "" };
	uint64_t end = clock_mono_ms() + 30000;
	struct client *k;
	uint8_t bytes[64];
	struct wr w = wr_init(bytes, sizeof bytes);

	(void)state;
	k = start_and_say(LHLO ONE, 8);
	assert_int_equal(files_in("new"), 1);
	memcpy(m.corpus_id, hit[0].corpus_id, sizeof m.corpus_id);
	message_put_corpus_remove(&w, MSG_CORPUS_REMOVE, &m);
	assert_int_equal((int)channel_send(engine, &w, NULL, 0), ERR_OK);
	while (files_in("new") > 0) {
		assert_true(clock_mono_ms() < end);
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	}
	hang_up(k);
}

static void test_forget(void **state)
{
	struct client *k = start_and_say(LHLO ONE, 8);

	(void)state;
	for (int i = 0; i < 99; i++) {
		say(k, "MAIL FROM:<other@spam.example>\r\n" TO_TRAP2 "DATA\r\n" MESSAGE);
		await(k, 12 + 4 * (unsigned)i);
	}
	assert_int_equal(files_in("new"), 100);
	forget_asks(1, false, "s@spam.example");
	await_forgotten(1);
	assert_int_equal(forgotten.files, 1);
	assert_int_equal(files_in("new"), 100);
	forget_asks(2, true, "s@spam.example");
	await_forgotten(2);
	assert_int_equal(forgotten.files, 1);
	assert_int_equal(files_in("new"), 99);
	forget_asks(3, true, "nobody@spam.example");
	forget_asks(4, true, "other@pfx.test"); /* the trap; takes the place of the one before */
	await_forgotten(4);
	assert_int_equal(forgotten.files, 99);
	assert_int_equal(forgotten.failed, 0);
	assert_int_equal(files_in("new"), 0);
	hang_up(k);
}

/* Its hit is with the engine: it is a file when it is looked for. */
static void test_forget_waits_for_what_is_under_way(void **state)
{
	struct client *k;

	(void)state;
	answer = ANSWER_NONE;
	k = start_and_hit();
	forget_asks(1, true, "s@spam.example");
	for (int i = 0; i < 20; i++)
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	assert_int_equal(forgotten.seq, 0);
	engine_says(hit[0].seq, HIT_STORED);
	await_forgotten(1);
	assert_int_equal(forgotten.files, 1);
	assert_int_equal(files_in("new"), 0);
	await(k, 8);
	hang_up(k);
}

static void test_retention(void **state)
{
	uint64_t end = clock_mono_ms() + 30000;
	char path[160];

	(void)state;
	assert_int_equal(mkdir(corpus_dir, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/new", corpus_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/new/1000000000.00000000000000aa", corpus_dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	start();
	assert_int_equal(files_in("new"), 1);
	capture()->doubt_ms = 0; /* the first hour is for test_capture_clock */
	while (files_in("new") > 0) {
		assert_true(clock_mono_ms() < end);
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	}
}

/* Stop: idle connections are told, a message under way is finished. */
static void test_stop(void **state)
{
	struct client *idle, *busy, *waiting;

	(void)state;
	answer = ANSWER_NONE;
	start();
	idle = dial();
	busy = dial();
	waiting = dial();
	say(idle, LHLO);
	say(busy, LHLO "MAIL FROM:<a@b>\r\n" TO_TRAP "DATA\r\nSubject: x\r\n");
	say(waiting, LHLO ONE);
	await(idle, 2);
	await(busy, 5);
	await_count(&hits, 1);
	capture_ops.stop(&host);
	await_eof(idle);
	assert_int_equal(replies(idle, "421"), 1);
	engine_says(hit[0].seq, HIT_STORED);
	answer = ANSWER_STORED;
	say(busy, "\r\nhi\r\n.\r\n");
	await_eof(waiting);
	assert_int_equal(replies(waiting, "250 2.0.0"), 3);
	await_eof(busy);
	assert_int_equal(replies(busy, "250 2.0.0"), 1);
	assert_int_equal(hits, 2);
	assert_int_equal(capture()->connections, 0);
	hang_up(idle);
	hang_up(busy);
	hang_up(waiting);
}

/* ... but not for ever. */
static void test_stop_bound(void **state)
{
	struct client *k;

	(void)state;
	answer = ANSWER_NONE;
	k = start_and_hit();
	capture_ops.stop(&host);
	await_eof(k);
	assert_int_equal(replies(k, "250 2.0.0"), 2);
	assert_int_equal(files_in("new") + files_in("tmp"), 0);
	hang_up(k);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one),
		TEST(test_recipients),
		TEST(test_later),
		TEST(test_half_stored),
		TEST(test_known),
		TEST(test_published_last),
		TEST(test_link_loss),
		TEST(test_silent_engine),
		TEST(test_probe),
		TEST(test_no_trap),
		TEST(test_parallel),
		TEST(test_cap),
		TEST(test_idle),
		TEST(test_half_close),
		TEST(test_big_message),
		TEST(test_full_disk),
		TEST(test_remove),
		TEST(test_forget),
		TEST(test_forget_waits_for_what_is_under_way),
		TEST(test_retention),
		TEST(test_stop),
		TEST(test_stop_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
