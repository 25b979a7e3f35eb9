/*
 * test_parent_dunno: every query gets DUNNO, however it is cut; an endless one
 * ends the connection; so does the return of the engine, between queries.
 * Without descriptors nobody is taken, and the processor rests.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/log.h"
#include "role/parent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER "action=DUNNO\n\n"

static int accept_fails; /* errno; 0: it works */
static unsigned accepts;

/* In place of libc's. */
int accept4(int fd, __SOCKADDR_ARG a, socklen_t *n, int flags)
{
	(void)a;
	(void)n;
	accepts++;
	if (accept_fails) {
		errno = accept_fails;
		return -1;
	}
	return (int)syscall(SYS_accept4, fd, NULL, NULL, flags);
}

struct fixture {
	struct loop *loop;
	struct parent_dunno *dunno;
	int listener;
	struct sockaddr_un name;
	socklen_t n;
};

static void on_turn(void *ctx)
{
	loop_stop(ctx);
}

/* Let the loop work for a moment. */
static void turn(struct fixture *f)
{
	struct loop_watch *w = loop_after(f->loop, 1, on_turn, f->loop);

	assert_int_equal(loop_run(f->loop), ERR_OK);
	loop_remove(w);
}

static int set_up(void **state)
{
	static struct fixture f;
	struct sockaddr_un any = { .sun_family = AF_UNIX };

	log_setup("test", LOG_LEVEL_ALARM);
	f = (struct fixture){ .loop = loop_new(), .n = sizeof f.name };
	f.dunno = parent_dunno_new(f.loop);
	f.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*state = &f;
	if (bind(f.listener, (struct sockaddr *)&any, sizeof any.sun_family) != 0 || listen(f.listener, 16) != 0)
		return -1;
	parent_dunno_serve(f.dunno, &f.listener, 1);
	return getsockname(f.listener, (struct sockaddr *)&f.name, &f.n);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	parent_dunno_free(f->dunno);
	loop_free(f->loop);
	close(f->listener);
	return 0;
}

static int call(struct fixture *f)
{
	struct timeval t = { .tv_sec = 5 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&f->name, f->n), 0);
	return fd;
}

/* Turns until all of it is there; the test's time limit ends a wait in vain. */
static void expect(struct fixture *f, int fd, const char *want)
{
	char got[256];
	size_t n = 0;

	while (n < strlen(want)) {
		ssize_t k = recv(fd, got + n, sizeof got - 1 - n, MSG_DONTWAIT);

		assert_int_not_equal(k, 0);
		if (k > 0)
			n += (size_t)k;
		else
			turn(f);
	}
	got[n] = '\0';
	assert_string_equal(got, want);
}

/* Turns until the other end has closed. */
static void expect_end(struct fixture *f, int fd)
{
	char c;

	while (recv(fd, &c, 1, MSG_DONTWAIT) != 0)
		turn(f);
}

static void test_every_cut(void **state)
{
	static const char query[] = "request=smtpd_access_policy\nclient_address=192.0.2.1\n\n";
	struct fixture *f = *state;
	int fd = call(f);

	for (size_t cut = 1; cut < sizeof query - 1; cut++) {
		assert_int_equal(send(fd, query, cut, 0), cut);
		turn(f);
		assert_int_equal(recv(fd, (char[1]){ 0 }, 1, MSG_DONTWAIT), -1);
		assert_int_equal(send(fd, query + cut, sizeof query - 1 - cut, 0), sizeof query - 1 - cut);
		expect(f, fd, ANSWER);
	}
	assert_int_equal(send(fd, "a=b\n\nc=d\n\n\n\n", 12, 0), 12);
	expect(f, fd, ANSWER ANSWER ANSWER);
	close(fd);
}

static void test_endless_query(void **state)
{
	static char bytes[4096];
	struct fixture *f = *state;
	int fd = call(f);
	size_t sent = 0;

	memset(bytes, 'x', sizeof bytes);
	while (sent < (1u << 20) && send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
		sent += sizeof bytes;
		turn(f);
	}
	assert_in_range(sent, 65536, 65536 + 3 * sizeof bytes);
	close(fd);
}

static void test_engine_is_back(void **state)
{
	struct fixture *f = *state;
	int idle = call(f), busy = call(f);
	char c;

	assert_int_equal(send(idle, "a=b\n\n", 5, 0), 5);
	assert_int_equal(send(busy, "x=y\n\na=b\n", 9, 0), 9);
	expect(f, busy, ANSWER); /* so it was taken */
	expect(f, idle, ANSWER);
	parent_dunno_serve(f->dunno, NULL, 0);
	expect_end(f, idle);
	/* one under way is answered first */
	assert_int_equal(send(busy, "\n", 1, 0), 1);
	expect(f, busy, ANSWER);
	expect_end(f, busy);
	close(idle);
	close(busy);
	/* and nobody is taken who comes now: that is the engine's */
	idle = call(f);
	assert_int_equal(send(idle, "a=b\n\n", 5, 0), 5);
	turn(f);
	assert_int_equal(recv(idle, &c, 1, MSG_DONTWAIT), -1);
	parent_dunno_serve(f->dunno, &f->listener, 1);
	expect(f, idle, ANSWER);
	close(idle);
}

static void test_no_descriptors(void **state)
{
	struct fixture *f = *state;
	uint64_t begun = clock_mono_ms();
	int fd;

	accept_fails = EMFILE;
	accepts = 0;
	fd = call(f);
	assert_int_equal(send(fd, "a=b\n\n", 5, 0), 5);
	for (int i = 0; i < 40; i++)
		turn(f);
	assert_in_range(accepts, 1, 2 + (clock_mono_ms() - begun) / 100); /* a try each tenth of a second */
	accept_fails = 0;
	expect(f, fd, ANSWER);
	close(fd);
	/* an engine comes and goes meanwhile */
	accept_fails = ENOMEM;
	fd = call(f);
	for (accepts = 0; accepts == 0;)
		turn(f);
	accept_fails = 0;
	parent_dunno_serve(f->dunno, NULL, 0);
	parent_dunno_serve(f->dunno, &f->listener, 1);
	assert_int_equal(send(fd, "a=b\n\n", 5, 0), 5);
	expect(f, fd, ANSWER);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_endless_query, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_engine_is_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_descriptors, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
