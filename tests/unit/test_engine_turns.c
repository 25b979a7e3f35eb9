/*
 * test_engine_turns: policy queries that wait are answered before hits are
 * worked on, and hits that wait do not all come in one go.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/syscall.h>

#include "engine_rig.h"

#define HITS 300u
#define QUERIES 40u

static unsigned hits_before[QUERIES]; /* messages of capture worked on at each answer */
static unsigned answers, worked_on;

/* In place of libc's: what the engine reads from a role, and what it answers to smtpd. */
ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t n = syscall(SYS_recvmsg, fd, m, flags);

	if (n > 0 && ((const uint8_t *)m->msg_iov[0].iov_base)[0] == MSG_HIT)
		worked_on++;
	return n;
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	if (n >= 7 && memcmp(p, "action=", 7) == 0 && answers < QUERIES)
		hits_before[answers++] = worked_on;
	return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
}

static void send_hits(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char id[32];

		(void)snprintf(id, sizeof id, "M%u", i);
		(void)rig_hit("192.0.2.1", id, "a@s.example", TRAP1, id);
	}
}

static bool are_worked_on(void *ctx)
{
	return worked_on == *(const unsigned *)ctx;
}

static const char query[] = "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=198.51.100.9\n"
			    "instance=1\nsender=a@example.net\nrecipient=b@example.org\n\n";

static bool are_answered(void *ctx)
{
	return answers == *(const unsigned *)ctx;
}

static void test_queries_first(void **state)
{
	unsigned all = HITS, queries = QUERIES;
	int fd[QUERIES];

	(void)state;
	rig_start();
	for (unsigned i = 0; i < QUERIES; i++) {
		unsigned so_far = i + 1;

		fd[i] = rig_connect("policy");
		assert_int_equal(write(fd[i], query, sizeof query - 1), (ssize_t)sizeof query - 1);
		assert_true(rig_wait(are_answered, &so_far));
	}
	answers = worked_on = 0;
	send_hits(HITS);
	for (unsigned i = 0; i < QUERIES; i++)
		assert_int_equal(write(fd[i], query, sizeof query - 1), (ssize_t)sizeof query - 1);
	assert_true(rig_wait(are_answered, &queries));
	assert_true(rig_wait(are_worked_on, &all));
	for (unsigned i = 0; i < 30; i++) /* as many as one look at the sockets brings at least */
		assert_int_equal(hits_before[i], 0);
	/* the rest in the next round: a turn of one role is at most 64 messages, and ends when it takes long */
	assert_in_range(hits_before[QUERIES - 1], 1, 64);
	for (unsigned i = 0; i < QUERIES; i++)
		close(fd[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(
		test_queries_first, rig_setup, rig_teardown) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
