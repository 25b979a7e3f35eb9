/*
 * test_tarpit_talk: what clients who talk can make the role do, and no more:
 * messages to the engine, handshakes, connections to Postfix.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "role/tarpit_hand.h"
#include "tarpit_rig.h"

/* made for this test with openssl(1) */
static const char key_pem[] = "-----BEGIN PRIVATE KEY-----\n"
			      "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLUNBHc/PleeyKwIG\n"
			      "7CsBCRC098NbTr9I9feubSVNt3qhRANCAAS43eFZ1Di65W5pz7n53F2jJkTsqze8\n"
			      "4MtGkOHmis6APA8ISUHIH9gpblma47ZmT800g6SpWr68m2xUQX8BFaWn\n"
			      "-----END PRIVATE KEY-----\n"
			      "";
static const char certificate_pem[] = "-----BEGIN CERTIFICATE-----\n"
				      "MIIBiTCCAS+gAwIBAgIUA6oSNzGwSIRtdJCdoxfgZpo3OnMwCgYIKoZIzj0EAwIw\n"
				      "GTEXMBUGA1UEAwwObXguZXhhbXBsZS5vcmcwIBcNMjYxMTIyMDQyOTI3WhgPMjEy\n"
				      "NjEwMjkwNDI5MjdaMBkxFzAVBgNVBAMMDm14LmV4YW1wbGUub3JnMFkwEwYHKoZI\n"
				      "zj0CAQYIKoZIzj0DAQcDQgAEuN3hWdQ4uuVuac+5+dxdoyZE7Ks3vODLRpDh5orO\n"
				      "gDwPCElByB/YKW5ZmuO2Zk/NNIOkqVq+vJtsVEF/ARWlp6NTMFEwHQYDVR0OBBYE\n"
				      "FGgmnzU4sMXmE7Ra9Q6TSUiycwifMB8GA1UdIwQYMBaAFGgmnzU4sMXmE7Ra9Q6T\n"
				      "SUiycwifMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgOxSDgyOt\n"
				      "6VADL0ngGuMbi39HIOyo6PnCUZYfmXCbJ9UCIQC7eysDHbOUEFjt7QzpqGD9V2nw\n"
				      "W41MERm/v586fa4x+g==\n"
				      "-----END CERTIFICATE-----\n"
				      "";

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

/* A certificate's file of so many bytes, blanks behind what counts. */
static void give_file(enum shared_file which, const char *text, size_t bytes)
{
	int fd = memfd_create("pem", MFD_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t n = 0; n < bytes; n += 16)
		assert_int_equal(pwrite(fd, "               \n", 16, (off_t)n), 16);
	assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
	rig.host.file[which] = fd;
}

static void a_certificate_is_read_whole_or_not_at_all(void **state)
{
	struct conf *c = &rig.host.conf;

	(void)state;
	start_answering();
	c->tarpit.tls = true;
	(void)snprintf(c->tarpit.tls_certificate, sizeof c->tarpit.tls_certificate, "/x");
	for (int i = 0; i < 2; i++) {
		give_file(FILE_TLS_CERTIFICATE, certificate_pem, i ? TLS_PEM + 16 : TLS_PEM);
		give_file(FILE_TLS_KEY, key_pem, TLS_PEM);
		tarpit_tls_take(rig.t);
		assert_int_equal(rig.t->tls.server == NULL, i);
		assert_int_equal(rig.t->state.tls_off, i ? TARPIT_TLS_SITE : TARPIT_TLS_FINE);
	}
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

static int parent = -1, postfix = -1; /* their ends */

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

static void shed_all(void)
{
	while (rig.t->oldest != TARPIT_NONE)
		tarpit_shed(rig.t);
	assert_int_equal(rig.t->hands, 0);
}

/* Also of a test that failed: what it has open is nobody's leak. */
static int finish_handing(void **state)
{
	shed_all();
	channel_free(rig.host.parent);
	(void)close(parent);
	(void)close(postfix);
	parent = postfix = -1;
	return finish(state);
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
	shed_all();
}

static void all_together_have_a_cap(void **state)
{
	(void)state;
	rig.host.conf.tarpit.hand_connections = 1;
	start_handing();
	assert_true(asks_for_postmaster(0, 1));
	assert_false(asks_for_postmaster(1, 2));
	hears_to_come_again(1);
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
}

/* ---- a transaction without an end */

static uint64_t skipped_ms; /* the test's monotonic clock is ahead by so much */

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *t)
{
	long e = syscall(SYS_clock_gettime, id, t);

	if (id == CLOCK_MONOTONIC)
		t->tv_sec += (time_t)(skipped_ms / 1000);
	return (int)e;
}

/* Postfix hears a command that begins so, and answers. */
static void postfix_is_asked(const char *command, const char *reply)
{
	char got[2048] = "";
	size_t n = 0;

	for (unsigned tries = 0; !strstr(got, command) || got[n - 1] != '\n';) {
		ssize_t k = recv(postfix, got + n, sizeof got - 1 - n, MSG_DONTWAIT);

		n += k > 0 ? (size_t)k : 0;
		got[n] = '\0';
		pump(1);
		assert_true(work(&tries));
	}
	assert_int_equal(send(postfix, reply, strlen(reply), MSG_NOSIGNAL), strlen(reply));
}

static void client_hears(unsigned slot, const char *begin)
{
	char text[512];
	unsigned tries = 0;

	while (!heard(slot, text, sizeof text)) {
		pump(1);
		assert_true(work(&tries));
	}
	assert_memory_equal(text, begin, strlen(begin));
}

/* Postfix has taken postmaster@. */
static void postmaster_is_taken(unsigned slot)
{
	struct msg_mail_socket m = { 0 };
	int fd[2];

	assert_true(asks_for_postmaster(slot, slot));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	postfix = fd[1];
	m.seq = rig.t->hand_seq;
	assert_int_equal(send(postfix, "220 x\r\n", 7, 0), 7);
	tarpit_hand_socket(rig.t, &m, fd[0]);
	postfix_is_asked("HELO", "250 x\r\n");
	postfix_is_asked("MAIL", "250 ok\r\n");
	postfix_is_asked("RCPT", "250 taken\r\n");
	client_hears(slot, "250 taken");
}

static void pass_minutes(unsigned n)
{
	skipped_ms += n * 60000;
	tarpit_hand_tick(rig.t, clock_mono_ms());
}

static void a_body_in_drops_has_an_end(void **state)
{
	unsigned minutes = 0;

	(void)state;
	start_handing();
	postmaster_is_taken(0);
	send_text(0, "DATA\r\n");
	postfix_is_asked("DATA", "354 go on\r\n");
	client_hears(0, "354 ");
	for (; rig.t->hands && minutes < 60; minutes += 4) {
		unsigned tries = 0;

		send_text(0, "x\r\n");
		while (recv(postfix, (char[64]){ 0 }, 64, MSG_DONTWAIT) <= 0 && work(&tries))
			pump(1);
		pass_minutes(4);
	}
	assert_in_range(minutes, 13, 20);
	client_hears(0, "4");
}

static void a_transaction_that_goes_nowhere_has_an_end(void **state)
{
	unsigned minutes = 0;

	(void)state;
	start_handing();
	postmaster_is_taken(0);
	for (; rig.t->hands && minutes < 60; minutes += 4) {
		assert_memory_equal(says(0, "NOOP\r\n"), "250 ", 4);
		pass_minutes(4);
	}
	assert_in_range(minutes, 13, 20);
	client_hears(0, "421 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, prepare, finish)
#define TEST_HANDING(name) cmocka_unit_test_setup_teardown(name, prepare, finish_handing)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(a_flood_of_recipients_is_cut_and_counted),
		TEST(tls_is_offered_as_far_as_it_goes), TEST(a_certificate_is_read_whole_or_not_at_all),
		TEST(handshakes_begin_in_turn), TEST(who_is_not_in_a_new_list_is_let_go),
		TEST_HANDING(one_subject_has_two_on_the_way), TEST_HANDING(all_together_have_a_cap),
		TEST_HANDING(who_waits_for_postfix_in_vain_is_told), TEST_HANDING(a_body_in_drops_has_an_end),
		TEST_HANDING(a_transaction_that_goes_nowhere_has_an_end) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
