/*
 * test_capture_riders: real recipients in capture's messages: withheld, handed
 * back to a made-up Postfix through a made-up parent, released later.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "capture_postfix.h"

static int setup_riders(void **state)
{
	int fd[2];

	if (setup(state) != 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0)
		return -1;
	host.parent = channel_new(host.loop, fd[0], ROLE_CAPTURE, ROLE_PARENT, on_capture, on_closed, NULL);
	parent = channel_new(host.loop, fd[1], ROLE_PARENT, ROLE_CAPTURE, on_parent, on_closed, NULL);
	postfix_clear();
	start();
	return host.parent && parent ? 0 : -1;
}

static int teardown_riders(void **state)
{
	postfix_gone();
	parent_drops();
	channel_free(host.parent);
	channel_free(parent);
	return teardown(state);
}

/* One ridden message; replies of this connection: LHLO and its lines, then one for each recipient. */
static struct client *ride(const char *text)
{
	struct client *k = dial();

	say(k, LHLO RIDDEN);
	say(k, text);
	say(k, ".\r\n");
	return k;
}

#define RIDE_REPLIES 12 /* greeting, LHLO, XFORWARD x 2, MAIL, RCPT x 3, DATA, three final ones */

static unsigned final_replies(const struct client *k, const char *code)
{
	const char *data = strstr(k->text, "354 ");
	struct slice s = slice_str(data ? data : ""), line;
	unsigned n = 0;

	while (slice_line(&s, &line))
		n += slice_starts(line, slice_str(code));
	return n;
}

/* All have heard a reply. */
static struct client *ridden(const char *text)
{
	struct client *k = ride(text);

	await(k, RIDE_REPLIES);
	return k;
}

/* All have heard this one. */
static struct client *ridden_by_all(const char *code)
{
	struct client *k = ridden(TEXT);

	assert_int_equal(final_replies(k, code), 3);
	return k;
}

static void test_plain(void **state)
{
	struct client *k;

	(void)state;
	order = ORDER_PLAIN;
	k = ridden_by_all("250");
	assert_int_equal(asks, 1);
	assert_int_equal(asked.count, 2);
	assert_int_equal(asked.is_kept, 1);
	assert_string_equal(asked.sender, "s@spam.example");
	assert_string_equal(asked.name, "c1.pfx.test");
	assert_string_equal(asked.corpus_id, hit[0].corpus_id);
	assert_non_null(strstr(postfix.seen, "XFORWARD NAME=c1.pfx.test ADDR=IPv6:2001:db8::7 PORT=1234\r\n"));
	assert_non_null(strstr(postfix.seen, "XFORWARD PROTO=ESMTP HELO=cl+2Bx IDENT=253C0A SOURCE=REMOTE\r\n"));
	assert_non_null(strstr(postfix.seen, "MAIL FROM:<s@spam.example> SIZE=37 BODY=8BITMIME SMTPUTF8\r\n"));
	assert_non_null(strstr(postfix.seen, "RCPT TO:<alice@pfx.test> ORCPT=rfc822;info@pfx.test\r\n"));
	assert_non_null(strstr(postfix.seen, "RCPT TO:<bob@pfx.test>\r\nDATA\r\n" TEXT ".\r\n"));
	assert_null(strstr(postfix.seen, "limetwig.invalid"));
	assert_int_equal(files_in("new"), 1);
	hang_up(k);
}

static void test_junk(void **state)
{
	struct client *k;

	(void)state;
	order = ORDER_JUNK;
	k = ridden_by_all("250");
	assert_non_null(strstr(postfix.seen, "DATA\r\nX-Limetwig-Junk: case=7K2M-4PXA\r\nX-Spam-Flag: YES\r\n" TEXT));
	hang_up(k);
}

/* A header that the site configures, and things that are none. */
static void test_junk_header(void **state)
{
	static const char *const headers[] = { "X-A: b", "", "no header", ": x", "X A: b", "X-A: b\r\n\r\nbody" };
	static const char *const wanted[] = { "A\r\nX-A: b\r\nSubject", "A\r\nSubject", "A\r\nSubject", "A\r\nSubject",
		"A\r\nSubject", "A\r\nSubject" };

	(void)state;
	order = ORDER_JUNK;
	for (size_t i = 0; i < 6; i++) {
		struct client *k;
		char text[64];

		(void)snprintf(
			text, sizeof text, "Subject: hello\r\n\r\nno. %zu\r\n", i); /* else it is the same one again */
		(void)snprintf(host.conf.traps.junk_header, sizeof host.conf.traps.junk_header, "%s", headers[i]);
		k = ride(text);
		await(k, RIDE_REPLIES);
		assert_non_null(strstr(postfix.seen, wanted[i]));
		hang_up(k);
	}
}

static void test_withheld(void **state)
{
	struct client *k;
	char text[4096];

	(void)state;
	order = ORDER_KEEP;
	k = ridden_by_all("250");
	assert_int_equal(postfix.connects, 0);
	assert_int_equal(files_in("new"), 1);
	read_kept(hit[0].corpus_id, text, sizeof text);
	assert_non_null(strstr(text, "X-Limetwig-Body: 8BITMIME SMTPUTF8\r\n"));
	assert_non_null(strstr(text, "X-Limetwig-Recipient: alice@pfx.test\r\nX-Limetwig-Orcpt: info@pfx.test\r\n"));
	assert_non_null(strstr(text, "X-Limetwig-Size: 0000000037\r\nX-Limetwig-End: 1\r\n" UNSTUFFED));
	hang_up(k);
}

/* Stored before, in another copy: what is withheld is a message of its own. */
static void test_known_and_withheld(void **state)
{
	struct client *k;

	(void)state;
	answer = ANSWER_KNOWN;
	k = ridden_by_all("250");
	assert_int_equal(files_in("new"), 1);
	hang_up(k);
}

static void test_hit_later(void **state)
{
	struct client *k;

	(void)state;
	answer = ANSWER_LATER;
	k = ridden_by_all("451");
	assert_int_equal(asks, 0);
	assert_int_equal(files_in("new") + files_in("tmp"), 0);
	hang_up(k);
}

/* The trap's copy is safe, so only the riders come again; with no trap in it. */
static void one_failure(bool is_riders_later)
{
	struct client *k = ride(TEXT);

	order = ORDER_PLAIN;
	await(k, RIDE_REPLIES);
	assert_int_equal(final_replies(k, "250"), is_riders_later ? 1 : 2);
	assert_int_equal(final_replies(k, "451"), is_riders_later ? 2 : 1);
	assert_int_equal(files_in("new"), 1);
	hang_up(k);
}

static void test_no_postfix(void **state)
{
	(void)state;
	order = ORDER_PLAIN;
	has_no_postfix = true;
	one_failure(true);
}

static void test_refused(void **state)
{
	static const char *const commands[] = { "EHLO", "MAIL", "RCPT", "DATA", "." };
	static const char *const texts[] = { "421 4.3.2 bye\r\n", "452 4.3.1 full\r\n", "450 4.2.1 no\r\n",
		"451 4.3.0 no\r\n", "552 5.3.4 too big\r\n" };

	(void)state;
	order = ORDER_PLAIN;
	for (size_t i = 0; i < 5; i++) {
		struct client *k;

		postfix.no = commands[i];
		postfix.no_text = texts[i];
		k = ride(TEXT);
		await(k, RIDE_REPLIES);
		assert_int_equal(final_replies(k, "250"), 1);
		assert_int_equal(final_replies(k, "451"), 2);
		hang_up(k);
	}
}

static void test_one_rider_refused(void **state)
{
	(void)state;
	order = ORDER_PLAIN;
	postfix.no = "RCPT TO:<bob";
	postfix.no_text = "450 4.2.1 mailbox busy\r\n";
	one_failure(false);
}

static void test_postfix_hangs_up(void **state)
{
	(void)state;
	order = ORDER_PLAIN;
	postfix.is_closing = true;
	one_failure(true);
}

static void test_riders_alone(void **state)
{
	struct client *k = dial();

	(void)state;
	order = ORDER_JUNK;
	say(k, LHLO XFORWARD "MAIL FROM:<a@b>\r\nRCPT TO:<bob@pfx.test>\r\nDATA\r\n" TEXT ".\r\n");
	await(k, 8);
	assert_int_equal(final_replies(k, "250"), 1);
	assert_int_equal(asked.is_kept, 0);
	assert_int_equal(hits, 0);
	assert_int_equal(files_in("new") + files_in("tmp"), 0);
	hang_up(k);
}

/* An address of our own domain that is no trap is never handed back: it would come again. */
static void test_no_loop(void **state)
{
	struct client *k = dial();

	(void)state;
	order = ORDER_PLAIN;
	say(k, LHLO XFORWARD "MAIL FROM:<a@b>\r\nRCPT TO:<x@limetwig.invalid>\r\nRCPT TO:<y@a.LIMETWIG.invalid>\r\n"
			     "RCPT TO:<bob@pfx.test>\r\nDATA\r\n" TEXT ".\r\n");
	await(k, RIDE_REPLIES);
	assert_null(strstr(postfix.seen, "imetwig.invalid"));
	assert_null(strstr(postfix.seen, "IMETWIG.invalid"));
	assert_int_equal(final_replies(k, "250"), 3); /* y is a trap in the form of a whole domain; x shares its fate */
	hang_up(k);
}

static void test_engine_silent(void **state)
{
	struct client *k;

	(void)state;
	order = ORDER_NONE;
	k = ride(TEXT);
	await_count(&asks, 1);
	link_down();
	await(k, RIDE_REPLIES);
	assert_int_equal(final_replies(k, "451"), 2);
	assert_int_equal(final_replies(k, "250"), 1);
	hang_up(k);
}

static void test_client_gone(void **state)
{
	struct client *k;

	(void)state;
	order = ORDER_NONE;
	k = ride(TEXT);
	await_count(&asks, 1);
	while (!TAILQ_EMPTY(&capture()->all))
		capture_connection_close(TAILQ_FIRST(&capture()->all));
	engine_orders(&(struct msg_riders_do){ .seq = asked.seq, .what = RIDERS_PLAIN });
	for (int i = 0; i < 5; i++)
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	assert_int_equal(postfix.connects, 0);
	assert_int_equal(files_in("tmp"), 0);
	hang_up(k);
}

/* Larger than one captured message may be: withheld and given whole, cut once nobody waits for it. */
static void test_big(void **state)
{
	struct client *k;
	char *text = malloc(3 << 20);
	size_t n = 0;

	(void)state;
	assert_non_null(text);
	host.conf.storage.message_size = 64 << 10;
	capture_ops.reloaded(&host);
	n += (size_t)sprintf(text, "Subject: big\r\n\r\n");
	for (int i = 0; i < 25000; i++)
		n += (size_t)sprintf(text + n, "line %d of a message that is quite long, and longer still ...\r\n", i);
	order = ORDER_JUNK;
	k = dial();
	say(k, LHLO RIDDEN);
	for (size_t at = 0; at < n;) {
		ssize_t sent = send(k->fd, text + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		at += sent > 0 ? (size_t)sent : 0;
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	}
	say(k, ".\r\n");
	await(k, RIDE_REPLIES);
	assert_int_equal(final_replies(k, "250"), 3);
	assert_non_null(strstr(postfix.seen, "X-Spam-Flag: YES\r\nSubject: big\r\n"));
	assert_memory_equal(strstr(postfix.seen, "Subject: big"), text, n);
	assert_int_equal(strcmp(strstr(postfix.seen, "Subject: big") + n, ".\r\nQUIT\r\n") == 0 ||
				 strcmp(strstr(postfix.seen, "Subject: big") + n, ".\r\n") == 0,
		1);
	assert_int_equal(files_in("new"), 1);
	hang_up(k);
	free(text);
}

static void release(enum riders_what what, const char *to, enum riders_result result)
{
	struct msg_riders_do m = { .seq = 77, .what = (uint8_t)what };
	unsigned before = tolds;

	(void)snprintf(m.corpus_id, sizeof m.corpus_id, "%s", hit[0].corpus_id);
	(void)snprintf(m.to, sizeof m.to, "%s", to);
	engine_orders(&m);
	await_count(&tolds, before + 1);
	assert_int_equal(told.seq, 77);
	assert_int_equal(told.result, result);
}

static void test_release(void **state)
{
	struct client *k;

	(void)state;
	order = ORDER_KEEP;
	k = ridden(TEXT);
	release(RIDERS_LIST, "", RIDERS_OK);
	assert_string_equal(told.text, "alice@pfx.test\nbob@pfx.test\n");
	assert_int_equal(postfix.connects, 0);
	release(RIDERS_RELEASE, "", RIDERS_OK);
	assert_int_equal(told.count, 2);
	assert_non_null(strstr(postfix.seen, "MAIL FROM:<s@spam.example> SIZE=37 BODY=8BITMIME SMTPUTF8\r\n"));
	assert_non_null(
		strstr(postfix.seen, "ORCPT=rfc822;info@pfx.test\r\nRCPT TO:<bob@pfx.test>\r\nDATA\r\n" TEXT ".\r\n"));
	assert_null(strstr(postfix.seen, "XFORWARD NAME"));
	release(RIDERS_RELEASE, "carol@pfx.test", RIDERS_OK);
	assert_string_equal(told.text, "carol@pfx.test\n");
	assert_null(strstr(postfix.seen, "alice"));
	postfix.no = "RCPT TO:<bob";
	postfix.no_text = "550 5.1.1 no\r\n";
	release(RIDERS_RELEASE, "", RIDERS_OK);
	assert_string_equal(told.text, "alice@pfx.test\n!bob@pfx.test\n");
	assert_int_equal(told.count, 1);
	release(RIDERS_RELEASE, "bob@pfx.test", RIDERS_LATER);
	assert_string_equal(told.text, "550 5.1.1 no");
	has_no_postfix = true;
	release(RIDERS_RELEASE, "", RIDERS_LATER);
	release(RIDERS_LIST, "x y@z", RIDERS_NOBODY);
	release(RIDERS_LIST, "x@limetwig.invalid", RIDERS_NOBODY);
	hang_up(k);
}

static void forget(const char *address, uint32_t files)
{
	forget_asks(5, true, address);
	await_forgotten(5);
	assert_int_equal(forgotten.files, files);
	assert_int_equal(forgotten.failed, 0);
}

/* One rider of a withheld message is forgotten: the others can have it still, and nothing names him. */
static void test_forget_one_rider(void **state)
{
	struct client *k;
	char text[4096];

	(void)state;
	order = ORDER_KEEP;
	k = ridden(TEXT);
	forget("alice@pfx.test", 1);
	assert_int_equal(forgots, 1);
	assert_int_equal(forgot.count, 1);
	assert_string_equal(forgot.corpus_id, hit[0].corpus_id);
	read_kept(hit[0].corpus_id, text, sizeof text);
	assert_null(strstr(text, "alice"));
	assert_null(strstr(text, "info@"));
	assert_non_null(strstr(text, "X-Limetwig-End: 1\r\n" UNSTUFFED));
	release(RIDERS_LIST, "", RIDERS_OK);
	assert_string_equal(told.text, "bob@pfx.test\n");
	release(RIDERS_RELEASE, "", RIDERS_OK);
	assert_non_null(strstr(postfix.seen, "RCPT TO:<bob@pfx.test>\r\nDATA\r\n" TEXT ".\r\n"));
	forget("alice@pfx.test", 0);
	forget("bob@pfx.test", 1); /* the last one */
	assert_int_equal(forgots, 2);
	assert_int_equal(forgot.count, 0);
	assert_int_equal(files_in("new"), 0);
	hang_up(k);
}

/* Who sent it takes it with him. */
static void test_forget_sender(void **state)
{
	struct client *k;

	(void)state;
	order = ORDER_KEEP;
	k = ridden(TEXT);
	forget("s@spam.example", 1);
	assert_int_equal(files_in("new"), 0);
	hang_up(k);
}

static void test_release_nobody(void **state)
{
	struct client *k = dial();

	(void)state;
	say(k, LHLO ONE);
	await(k, 8);
	release(RIDERS_RELEASE, "", RIDERS_NOBODY);
	release(RIDERS_LIST, "carol@pfx.test", RIDERS_OK);
	hang_up(k);
}

static void write_file(const char *id, const char *text)
{
	char path[200];
	int fd;

	(void)snprintf(path, sizeof path, "%s/new/%s", corpus_dir, id);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	(void)snprintf(hit[0].corpus_id, sizeof hit[0].corpus_id, "%s", id);
}

static void test_release_of_odd_files(void **state)
{
	(void)state;
	(void)snprintf(hit[0].corpus_id, sizeof hit[0].corpus_id, "1700000000.00ff");
	release(RIDERS_RELEASE, "", RIDERS_GONE);
	(void)snprintf(hit[0].corpus_id, sizeof hit[0].corpus_id, "../../etc/passwd");
	release(RIDERS_RELEASE, "", RIDERS_GONE);
	write_file(
		"1700000000.0001", "X-Limetwig-Sender: a@b\r\nX-Limetwig-Recipient: c@d\r\nSubject: old\r\n\r\nx\r\n");
	release(RIDERS_RELEASE, "", RIDERS_UNKNOWN);
	write_file("1700000000.0002", "");
	release(RIDERS_RELEASE, "", RIDERS_UNKNOWN);
	write_file("1700000000.0003",
		"X-Limetwig-Sender: a@b\r\nX-Limetwig-Recipient: c@d\r\nX-Limetwig-Size: 0000000009\r\n"
		"X-Limetwig-End: 1\r\ncut off");
	release(RIDERS_RELEASE, "", RIDERS_CUT);
	/* what stands behind the end is the client's */
	write_file("1700000000.0004",
		"X-Limetwig-Sender: a@b\r\nX-Limetwig-Recipient: c@d\r\nX-Limetwig-Size: 0000000036\r\n"
		"X-Limetwig-End: 1\r\nX-Limetwig-Recipient: e@victim.x\r\n\r\n");
	release(RIDERS_LIST, "", RIDERS_OK);
	assert_string_equal(told.text, "c@d\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_riders, teardown_riders)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain),
		TEST(test_junk),
		TEST(test_junk_header),
		TEST(test_withheld),
		TEST(test_known_and_withheld),
		TEST(test_hit_later),
		TEST(test_no_postfix),
		TEST(test_refused),
		TEST(test_one_rider_refused),
		TEST(test_postfix_hangs_up),
		TEST(test_riders_alone),
		TEST(test_no_loop),
		TEST(test_engine_silent),
		TEST(test_client_gone),
		TEST(test_big),
		TEST(test_release),
		TEST(test_forget_one_rider),
		TEST(test_forget_sender),
		TEST(test_release_nobody),
		TEST(test_release_of_odd_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
