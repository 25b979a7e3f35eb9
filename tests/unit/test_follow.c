/*
 * The follow role over a real channel, with a test as its engine.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "role/role_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static struct role_host host; /* large: the configuration is in it */
static bool is_broken;        /* nothing can be sent */

static struct {
	int fd; /* the engine's end until its channel is made */
	struct channel *channel;
	struct loop_watch *check, *patience;
	bool (*is_met)(void);
	size_t mail, mail_first, login, rcpt, states;
	uint64_t last_sequence; /* of recipients u<n>@pfx.test */
	bool is_out_of_order, is_late, is_stopped;
	struct msg_log_state state;
} engine;

static char path[64];

/* In place of libc's. */
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	if (!is_broken)
		return syscall(SYS_sendmsg, fd, m, flags);
	errno = EIO;
	return -1;
}

static void on_engine_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct msg_log_mail m;

	(void)ctx;
	(void)peer;
	(void)fds;
	(void)n;
	if (t == MSG_LOG_MAIL) {
		uint64_t number;

		assert_int_equal(message_get_log_mail(body, &m), ERR_OK);
		assert_int_equal(m.outcome, LOG_DELIVERED);
		number = strtoull(m.recipient + 1, NULL, 10);
		engine.is_out_of_order |= number != engine.last_sequence + 1;
		engine.last_sequence = number;
		engine.mail++;
		engine.mail_first += m.is_first;
	} else if (t == MSG_LOG_LOGIN) {
		engine.login++;
	} else if (t == MSG_LOG_RCPT) {
		engine.rcpt++;
	} else if (t == MSG_LOG_STATE) {
		assert_int_equal(message_get_log_state(body, &engine.state), ERR_OK);
		engine.states++;
	}
}

static void on_follow_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	follow_ops.message(&host, peer, t, body, fds, n);
}

static void on_closed(void *ctx, enum role peer)
{
	(void)ctx;
	(void)peer;
}

static void on_follow_closed(void *ctx, enum role peer)
{
	struct channel *c = host.link[peer];

	(void)ctx;
	host.link[peer] = NULL;
	channel_free(c);
	follow_ops.unlinked(&host, peer);
}

static void link_make(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	host.link[ROLE_ENGINE] =
		channel_new(host.loop, fd[0], ROLE_FOLLOW, ROLE_ENGINE, on_follow_message, on_follow_closed, NULL);
	assert_non_null(host.link[ROLE_ENGINE]);
	engine.fd = fd[1];
}

static void engine_join(void)
{
	engine.channel =
		channel_new(host.loop, engine.fd, ROLE_ENGINE, ROLE_FOLLOW, on_engine_message, on_closed, NULL);
	assert_non_null(engine.channel);
}

/* As if it came from the engine; before its channel reads, too. */
static void resume(uint64_t inode, uint64_t offset)
{
	struct msg_log_position p = { .inode = inode, .offset = offset };
	uint8_t bytes[600];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct rd body;

	message_put_log_position(&w, MSG_LOG_RESUME, &p);
	assert_false(w.bad);
	body = rd_init(w.p + 1, w.n - 1);
	follow_ops.message(&host, ROLE_ENGINE, MSG_LOG_RESUME, &body, NULL, 0);
}

static void check(void *ctx)
{
	(void)ctx;
	if (engine.is_met())
		loop_stop(host.loop);
}

static void give_up(void *ctx)
{
	(void)ctx;
	engine.is_late = true;
	loop_stop(host.loop);
}

static void run_until(bool (*is_met)(void))
{
	struct loop_watch *every, *patience;

	engine.is_met = is_met;
	every = loop_every(host.loop, 5, check, NULL);
	patience = loop_after(host.loop, PATIENCE_MS, give_up, NULL);
	assert_non_null(every);
	assert_non_null(patience);
	assert_int_equal(loop_run(host.loop), ERR_OK);
	loop_remove(every);
	loop_remove(patience);
	if (engine.is_late)
		fail_msg("not met: mail %zu login %zu lines %llu", engine.mail, engine.login,
			(unsigned long long)engine.state.lines);
}

static void line_head(FILE *f, time_t when, const char *program)
{
	char text[64];
	struct tm tm;

	(void)gmtime_r(&when, &tm);
	(void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000000+00:00", &tm);
	(void)fprintf(f, "%s mx postfix/%s[1]: ", text, program);
}

/* Message number n, at a time so long ago that nothing waits. */
static void message_log(FILE *f, unsigned n, time_t when)
{
	line_head(f, when, "smtpd");
	(void)fprintf(f, "A%06X: client=c.example[203.0.113.5]\n", n);
	line_head(f, when, "qmgr");
	(void)fprintf(f, "A%06X: from=<b@c.example>, size=1, nrcpt=1 (queue active)\n", n);
	line_head(f, when, "virtual");
	(void)fprintf(f,
		"A%06X: to=<u%u@pfx.test>, relay=virtual, delay=0, delays=0/0/0/0, dsn=2.0.0, "
		"status=sent (delivered to mailbox)\n",
		n, n);
	line_head(f, when, "qmgr");
	(void)fprintf(f, "A%06X: removed\n", n);
}

static void log_append(unsigned from, unsigned to, time_t when)
{
	FILE *f = fopen(path, "a");

	assert_non_null(f);
	for (unsigned n = from; n <= to; n++)
		message_log(f, n, when);
	assert_int_equal(fclose(f), 0);
}

static int log_open(void)
{
	int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static int follow_make(void **state)
{
	(void)state;
	memset(&engine, 0, sizeof engine);
	memset(&host, 0, sizeof host);
	(void)snprintf(path, sizeof path, "/tmp/limetwig-follow-XXXXXX");
	engine.fd = mkstemp(path);
	if (engine.fd < 0)
		return -1;
	(void)close(engine.fd);
	host.role = ROLE_FOLLOW;
	host.ops = &follow_ops;
	(void)snprintf(host.conf.postfix.log, sizeof host.conf.postfix.log, "%s", path);
	host.loop = loop_new();
	host.file[1] = log_open();
	if (!host.loop || follow_ops.start(&host) != ERR_OK)
		return -1;
	follow_ops.serve(&host);
	link_make();
	return 0;
}

static int follow_remove(void **state)
{
	(void)state;
	channel_free(engine.channel);
	if (host.link[ROLE_ENGINE])
		on_follow_closed(NULL, ROLE_ENGINE);
	follow_ops.stop(&host);
	assert_null(host.ctx);
	loop_free(host.loop);
	(void)close(host.file[1]);
	return unlink(path);
}

static bool is_caught_up(void)
{
	return engine.state.is_caught_up;
}

static bool has_ten(void)
{
	return engine.mail >= 10 && engine.state.is_caught_up;
}

static bool has_fifteen(void)
{
	return engine.mail >= 15;
}

static void nothing_before_resume(void **state)
{
	(void)state;
	log_append(1, 10, time(NULL) - 3600);
	engine_join();
	/* longer than a poll of the log: a few turns of the check's timer would not show it */
	engine.is_met = NULL;
	assert_non_null(loop_after(host.loop, 600, give_up, NULL));
	assert_int_equal(loop_run(host.loop), ERR_OK);
	engine.is_late = false;
	assert_int_equal(engine.mail + engine.login + engine.states, 0);
	resume(0, 0); /* a fresh store: the file from its beginning */
	run_until(has_ten);
	assert_int_equal(engine.mail, 10);
	assert_int_equal(engine.mail_first, 10);
	assert_int_equal(engine.login, 10);
	assert_false(engine.is_out_of_order);
	assert_int_equal(engine.state.state, LOG_READING);
	assert_int_equal(engine.state.lines, 40);
}

/* Lines of a clock that was ahead are not of the future. */
static void lines_of_a_clock_ahead(void **state)
{
	(void)state;
	log_append(1, 10, time(NULL) + 7200);
	engine_join();
	resume(0, 0);
	run_until(is_caught_up);
	assert_int_equal(engine.state.lines, 40);
	assert_in_range(engine.state.last, time(NULL) - 300, time(NULL));
}

static void goes_on_where_it_was(void **state)
{
	struct stat st;

	(void)state;
	log_append(1, 10, time(NULL) - 3600);
	assert_int_equal(fstat(host.file[1], &st), 0);
	log_append(11, 15, time(NULL) - 3600);
	engine.last_sequence = 10;
	engine_join();
	resume(st.st_ino, (uint64_t)st.st_size);
	run_until(is_caught_up);
	assert_int_equal(engine.mail, 5);
	assert_false(engine.is_out_of_order);
	assert_int_equal(engine.state.position.inode, st.st_ino);
	assert_int_equal(fstat(host.file[1], &st), 0);
	assert_int_equal(engine.state.position.offset, st.st_size);
}

static void grows_and_rotates(void **state)
{
	char old[80];

	(void)state;
	engine_join();
	resume(0, 0);
	run_until(is_caught_up);
	log_append(1, 10, time(NULL) - 3600);
	run_until(has_ten);
	(void)snprintf(old, sizeof old, "%s.1", path);
	assert_int_equal(rename(path, old), 0);
	(void)close(host.file[1]);
	host.file[1] = log_open();
	follow_ops.filed(&host, FILE_MAIL_LOG);
	log_append(11, 15, time(NULL) - 3600);
	run_until(has_fifteen);
	assert_false(engine.is_out_of_order);
	assert_int_equal(unlink(old), 0);
}

static bool is_held_up(void)
{
	return channel_queued(host.link[ROLE_ENGINE]) > CHANNEL_QUEUE / 4;
}

#define MANY 60000

static bool has_many(void)
{
	return engine.mail >= MANY && engine.state.is_caught_up;
}

/* An engine that does not read: the follower waits, and then tells everything. */
static void a_slow_engine_loses_nothing(void **state)
{
	(void)state;
	log_append(1, MANY, time(NULL) - 3600);
	resume(0, 0);
	run_until(is_held_up);
	assert_true(channel_queued(host.link[ROLE_ENGINE]) < CHANNEL_QUEUE / 2);
	engine_join();
	run_until(has_many);
	assert_int_equal(engine.mail, MANY);
	assert_int_equal(engine.login, MANY);
	assert_false(engine.is_out_of_order);
}

/* Engine restarted: its new link says where its store had come to. */
static void a_new_engine_says_where(void **state)
{
	(void)state;
	log_append(1, 10, time(NULL) - 3600);
	engine_join();
	resume(0, 0);
	run_until(has_ten);
	channel_free(engine.channel);
	engine.channel = NULL;
	on_follow_closed(NULL, ROLE_ENGINE);
	log_append(11, 15, time(NULL) - 3600);
	link_make();
	engine_join();
	resume(engine.state.position.inode, engine.state.position.offset);
	run_until(has_fifteen);
	assert_int_equal(engine.mail, 15);
	assert_false(engine.is_out_of_order);
}

static bool is_never(void)
{
	return false;
}

/* Nobody would say again where to go on: the role ends, and begins anew. */
static void what_cannot_be_told_ends_the_role(void **state)
{
	(void)state;
	engine_join();
	resume(0, 0);
	run_until(is_caught_up);
	log_append(1, 10, time(NULL) - 3600);
	is_broken = true;
	run_until(is_never);
	is_broken = false;
	assert_int_equal(engine.mail, 0);
}

static void take_no_file(void *ctx)
{
	int was = host.file[FILE_MAIL_LOG];

	(void)ctx;
	host.file[FILE_MAIL_LOG] = -1;
	follow_ops.filed(&host, FILE_MAIL_LOG);
	host.file[FILE_MAIL_LOG] = was;
}

/* Nor would anybody give the new log again. */
static void a_log_that_cannot_be_taken_ends_the_role(void **state)
{
	struct loop_watch *w = loop_after(host.loop, 0, take_no_file, NULL);

	(void)state;
	engine_join();
	run_until(is_never);
	loop_remove(w);
}

static uint64_t log_size(void)
{
	struct stat st;

	assert_int_equal(fstat(host.file[1], &st), 0);
	return (uint64_t)st.st_size;
}

static void log_line(const char *program, const char *text)
{
	FILE *f = fopen(path, "a");

	assert_non_null(f);
	line_head(f, time(NULL) - 3600, program);
	(void)fprintf(f, "%s\n", text);
	assert_int_equal(fclose(f), 0);
}

/* Who sent what is told again; what was delivered is not, and a delivery after the place knows its client. */
static void tells_again_who_sent(void **state)
{
	struct stat st;
	uint64_t known;

	(void)state;
	log_append(1, 9, time(NULL) - 3600);
	log_line("smtpd", "BBBBBB: client=c.example[203.0.113.5]");
	log_line("qmgr", "BBBBBB: from=<b@c.example>, size=1, nrcpt=2 (queue active)");
	log_line("virtual", "BBBBBB: to=<u9@pfx.test>, relay=virtual, delay=0, delays=0/0/0/0, dsn=2.0.0, "
			    "status=sent (delivered to mailbox)");
	known = log_size();
	log_line("virtual", "BBBBBB: to=<u10@pfx.test>, relay=virtual, delay=0, delays=0/0/0/0, dsn=2.0.0, "
			    "status=sent (delivered to mailbox)");
	log_append(11, 15, time(NULL) - 3600);
	engine.last_sequence = 9;
	engine_join();
	assert_int_equal(fstat(host.file[1], &st), 0);
	resume(st.st_ino, known);
	run_until(is_caught_up);
	assert_int_equal(engine.login, 15);
	assert_int_equal(engine.mail, 6);
	assert_int_equal(engine.mail_first, 5); /* B: its first recipient was told before */
	assert_int_equal(engine.rcpt, 0);
	assert_false(engine.is_out_of_order);
	assert_int_equal(engine.state.lines, 21);
	assert_int_equal(engine.state.position.offset, log_size());
}

static bool has_one_mail(void)
{
	return engine.mail == 1;
}

/* Mail of this second waits for a late verdict; stop does not. */
static void stop_tells_what_waits(void **state)
{
	(void)state;
	log_append(1, 1, time(NULL));
	engine_join();
	resume(0, 0);
	run_until(is_caught_up);
	assert_int_equal(engine.mail, 0);
	assert_int_equal(engine.login, 1);
	follow_ops.stop(&host);
	run_until(has_one_mail);
}

static void no_file(void **state)
{
	(void)state;
	/* started anew, as one that was given none */
	follow_ops.stop(&host);
	(void)close(host.file[1]);
	host.file[1] = -1;
	assert_int_equal(follow_ops.start(&host), ERR_OK);
	follow_ops.serve(&host);
	engine_join();
	resume(0, 0);
	run_until(is_caught_up);
	assert_int_equal(engine.state.state, LOG_ABSENT);
	host.file[1] = log_open();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_before_resume, follow_make, follow_remove),
		cmocka_unit_test_setup_teardown(lines_of_a_clock_ahead, follow_make, follow_remove),
		cmocka_unit_test_setup_teardown(goes_on_where_it_was, follow_make, follow_remove),
		cmocka_unit_test_setup_teardown(grows_and_rotates, follow_make, follow_remove),
		cmocka_unit_test_setup_teardown(a_slow_engine_loses_nothing, follow_make, follow_remove),
		cmocka_unit_test_setup_teardown(a_new_engine_says_where, follow_make, follow_remove),
		cmocka_unit_test_setup_teardown(what_cannot_be_told_ends_the_role, follow_make, follow_remove),
		cmocka_unit_test_setup_teardown(a_log_that_cannot_be_taken_ends_the_role, follow_make, follow_remove),
		cmocka_unit_test_setup_teardown(tells_again_who_sent, follow_make, follow_remove),
		cmocka_unit_test_setup_teardown(stop_tells_what_waits, follow_make, follow_remove),
		cmocka_unit_test_setup_teardown(no_file, follow_make, follow_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
