/*
 * test_loop: descriptors, timers and signals call back; a callback may remove
 * its own watch.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned epoll_fails; /* so many calls from now on */

/* libevent's too. */
__attribute__((visibility("default"))) int epoll_ctl(int epoll, int op, int fd, struct epoll_event *e)
{
	if (epoll_fails && op != EPOLL_CTL_DEL) {
		epoll_fails--;
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epoll, op, fd, e);
}

struct seen {
	struct loop *loop;
	struct loop_watch *watch;
	unsigned reads, writes, ticks, signals;
};

static void on_read(int fd, unsigned what, void *ctx)
{
	struct seen *s = ctx;
	char c;

	assert_int_equal(what, LOOP_READ);
	assert_int_equal(read(fd, &c, 1), 1);
	s->reads++;
	loop_remove(s->watch);
	s->watch = NULL;
	loop_stop(s->loop);
}

static void on_both(int fd, unsigned what, void *ctx)
{
	struct seen *s = ctx;

	(void)fd;
	s->writes += (what & LOOP_WRITE) != 0;
	assert_int_equal(loop_fd_want(s->watch, 0), ERR_OK);
	loop_stop(s->loop);
}

static void on_tick(void *ctx)
{
	struct seen *s = ctx;

	if (++s->ticks == 3)
		loop_stop(s->loop);
}

static void on_once(void *ctx)
{
	struct seen *s = ctx;

	if (++s->ticks < 2)
		assert_int_equal(loop_again(s->watch, 1), ERR_OK);
	else
		loop_stop(s->loop);
}

static void on_usr1(int signo, void *ctx)
{
	struct seen *s = ctx;

	assert_int_equal(signo, SIGUSR1);
	s->signals++;
	loop_stop(s->loop);
}

static void test_descriptor(void **state)
{
	struct seen s = { .loop = loop_new() };
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	s.watch = loop_fd(s.loop, p[0], LOOP_READ, on_read, &s);
	assert_non_null(s.watch);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(loop_run(s.loop), ERR_OK);
	assert_int_equal(s.reads, 1);
	/* nothing wanted, then writing wanted, then nothing again by its own callback */
	s.watch = loop_fd(s.loop, p[1], 0, on_both, &s);
	assert_non_null(s.watch);
	assert_int_equal(loop_fd_want(s.watch, LOOP_WRITE), ERR_OK);
	assert_int_equal(loop_fd_want(s.watch, LOOP_WRITE), ERR_OK);
	assert_int_equal(loop_run(s.loop), ERR_OK);
	assert_int_equal(s.writes, 1);
	loop_free(s.loop);
	close(p[0]);
	close(p[1]);
}

static void test_timers(void **state)
{
	struct seen s = { .loop = loop_new() };
	uint64_t start = clock_mono_us();

	(void)state;
	s.watch = loop_every(s.loop, 20, on_tick, &s);
	assert_non_null(s.watch);
	assert_int_equal(loop_run(s.loop), ERR_OK);
	assert_int_equal(s.ticks, 3);
	assert_true(clock_mono_us() - start >= 50000); /* the loop's clock is behind by up to 10 ms (coarse) */
	loop_remove(s.watch);
	s.ticks = 0;
	s.watch = loop_after(s.loop, 1, on_once, &s);
	assert_int_equal(loop_run(s.loop), ERR_OK);
	assert_int_equal(s.ticks, 2);
	loop_remove(NULL);
	loop_free(s.loop);
}

static void test_signal(void **state)
{
	struct seen s = { .loop = loop_new() };

	(void)state;
	assert_non_null(loop_signal(s.loop, SIGUSR1, on_usr1, &s));
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(loop_run(s.loop), ERR_OK);
	assert_int_equal(s.signals, 1);
	loop_free(s.loop);
}

static void test_clocks(void **state)
{
	uint64_t ms = clock_wall_ms(), s = clock_wall_s();

	(void)state;
	assert_in_range(s, ms / 1000, ms / 1000 + 2);
	assert_true(clock_mono_ms() >= clock_mono_ms() - 1);
}

struct order {
	struct loop *loop;
	char text[16];
	size_t n;
};

struct place {
	struct order *order;
	char name;
};

static void on_place(int fd, unsigned what, void *ctx)
{
	const struct place *p = ctx;
	struct order *o = p->order;
	char c;

	assert_int_equal(what, LOOP_READ);
	assert_int_equal(read(fd, &c, 1), 1);
	o->text[o->n++] = p->name;
	if (o->n == 6)
		loop_stop(o->loop);
}

/* Whoever was ready first: those that go last do, each time. */
static void test_last_of_a_round(void **state)
{
	struct order o = { .loop = loop_new() };
	struct place place[3] = { { &o, 'l' }, { &o, 'a' }, { &o, 'b' } };
	int p[3][2];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct loop_watch *w;

		assert_int_equal(pipe2(p[i], O_CLOEXEC | O_NONBLOCK), 0);
		w = loop_fd(o.loop, p[i][0], LOOP_READ, on_place, &place[i]);
		assert_non_null(w);
		if (i == 0)
			loop_fd_last(w);
		assert_int_equal(write(p[i][1], "12", 2), 2);
	}
	assert_int_equal(loop_run(o.loop), ERR_OK);
	assert_int_equal(o.text[2], 'l');
	assert_int_equal(o.text[5], 'l');
	for (int i = 0; i < 3; i++) {
		close(p[i][0]);
		close(p[i][1]);
	}
	loop_free(o.loop);
}

static void on_place_nothing(int fd, unsigned what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	fail();
}

static void on_change_mind(int fd, unsigned what, void *ctx)
{
	struct seen *s = ctx;

	(void)what;
	(void)fd;
	assert_int_equal(loop_fd_want(s->watch, 0), ERR_OK);
	loop_stop(s->loop);
}

/* Put off, and then not wanted any more: not called. */
static void test_last_is_not_wanted(void **state)
{
	struct seen s = { .loop = loop_new() };
	struct loop_watch *other;
	int p[2], q[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(pipe2(q, O_CLOEXEC), 0);
	assert_int_equal(write(p[1], "1", 1), 1);
	assert_int_equal(write(q[1], "1", 1), 1);
	s.watch = loop_fd(s.loop, p[0], LOOP_READ, on_place_nothing, &s);
	other = loop_fd(s.loop, q[0], LOOP_READ, on_change_mind, &s);
	assert_non_null(s.watch);
	assert_non_null(other);
	loop_fd_last(s.watch);
	assert_int_equal(loop_run(s.loop), ERR_OK);
	loop_remove(other);
	/* wanted again, it is called */
	loop_remove(s.watch);
	s.watch = loop_fd(s.loop, p[0], LOOP_READ, on_read, &s);
	assert_non_null(s.watch);
	loop_fd_last(s.watch);
	assert_int_equal(loop_run(s.loop), ERR_OK);
	assert_int_equal(s.reads, 1);
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
	loop_free(s.loop);
}

/* Who wants a loop not to run at all must not start it. */
static void test_a_stop_before_it_runs_is_forgotten(void **state)
{
	struct seen s = { .loop = loop_new() };

	(void)state;
	loop_stop(s.loop);
	s.watch = loop_every(s.loop, 1, on_tick, &s);
	assert_int_equal(loop_run(s.loop), ERR_OK);
	assert_int_equal(s.ticks, 3);
	loop_remove(s.watch);
	loop_free(s.loop);
}

/* The kernel has no memory three times: what is wanted comes all the same, and nothing once it is not wanted. */
static void test_wanted_without_memory(void **state)
{
	struct seen s = { .loop = loop_new() };
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	s.watch = loop_fd(s.loop, p[1], 0, on_both, &s);
	assert_non_null(s.watch);
	epoll_fails = 3;
	assert_int_equal(loop_fd_want(s.watch, LOOP_WRITE), ERR_OK);
	assert_int_equal(epoll_fails, 2);
	assert_int_equal(loop_run(s.loop), ERR_OK);
	assert_int_equal(epoll_fails, 0);
	assert_int_equal(s.writes, 1);
	epoll_fails = 1;
	assert_int_equal(loop_fd_want(s.watch, LOOP_WRITE), ERR_OK);
	assert_int_equal(loop_fd_want(s.watch, 0), ERR_OK);
	s.ticks = 2;
	assert_non_null(loop_after(s.loop, 300, on_tick, &s));
	assert_int_equal(loop_run(s.loop), ERR_OK);
	assert_int_equal(s.writes, 1);
	close(p[0]);
	close(p[1]);
	loop_free(s.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptor),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_a_stop_before_it_runs_is_forgotten),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_last_of_a_round),
		cmocka_unit_test(test_last_is_not_wanted),
		cmocka_unit_test(test_wanted_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
