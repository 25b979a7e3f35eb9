/*
 * test_control_client: the client against a made-up engine in a thread.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl/control_client.h"
#include "ctl/setup_postfix_private.h"
#include "folder.h"
#include "io/loop.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct server {
	char dir[64], path[100];
	int fd;
	const char *answer; /* NULL: none, until the client goes */
	size_t step;        /* bytes sent at a time */
	char request[4096];
	int passed; /* descriptor that came along, -1 */
	pthread_t thread;
};

static char text[CONTROL_TEXT];

static size_t receive(struct server *s, int c)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	size_t n = 0;

	while (n == 0 || s->request[n - 1] != '\n') {
		struct iovec iov = { s->request + n, sizeof s->request - n - 1 };
		struct msghdr m = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
		};
		ssize_t got = recvmsg(c, &m, MSG_CMSG_CLOEXEC);

		if (got <= 0)
			break;
		if (CMSG_FIRSTHDR(&m))
			memcpy(&s->passed, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof s->passed);
		n += (size_t)got;
	}
	s->request[n] = '\0';
	return n;
}

static void *serve(void *ctx)
{
	struct server *s = ctx;
	int c = accept(s->fd, NULL, NULL);
	char rest;

	(void)receive(s, c);
	if (s->answer)
		for (size_t at = 0, n = strlen(s->answer); at < n; at += s->step)
			if (send(c, s->answer + at, n - at < s->step ? n - at : s->step, MSG_NOSIGNAL) < 0)
				break;
	while (!s->answer && read(c, &rest, 1) > 0)
		;
	close(c);
	return NULL;
}

static void start(struct server *s, const char *answer, size_t step)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memset(s, 0, sizeof *s);
	assert_int_equal(make_folder(s->dir, sizeof s->dir), 0);
	(void)snprintf(s->path, sizeof s->path, "%s/control.sock", s->dir);
	memcpy(a.sun_path, s->path, strlen(s->path) + 1);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->answer = answer;
	s->step = step;
	s->passed = -1;
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void finish(struct server *s)
{
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	close(s->fd);
	unlink(s->path);
	assert_int_equal(rmdir(s->dir), 0);
}

static enum err ask(struct server *s, int fd, int timeout_ms, json_t **ret)
{
	json_t *q = json_pack("{s:s}", "cmd", "status");
	enum err e = control_client_ask(s->path, q, fd, timeout_ms, ret, text);

	json_decref(q);
	return e;
}

static void test_ask(void **state)
{
	static const size_t steps[] = { 1, 2, 7, 1000 };
	struct server s;
	json_t *a = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		start(&s, "{\"ok\":true,\"mode\":\"soft\"}\n", steps[i]);
		assert_int_equal(ask(&s, -1, 10000, &a), ERR_OK);
		assert_string_equal(json_string_value(json_object_get(a, "mode")), "soft");
		json_decref(a);
		finish(&s);
		assert_string_equal(s.request, "{\"cmd\":\"status\"}\n");
		assert_int_equal(s.passed, -1);
	}
}

/* An engine that stands still takes nobody, and one day no more can wait for it. */
static void test_full_backlog(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct server s = { .passed = -1 };
	json_t *got = NULL;
	pid_t pid = 0;
	uint64_t start;
	int fd[16], n = 0;

	(void)state;
	assert_int_equal(make_folder(s.dir, sizeof s.dir), 0);
	(void)snprintf(s.path, sizeof s.path, "%s/control.sock", s.dir);
	memcpy(a.sun_path, s.path, strlen(s.path) + 1);
	s.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s.fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(s.fd, 1), 0);
	do {
		assert_true(n < 16);
		fd[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	} while (connect(fd[n++], (struct sockaddr *)&a, sizeof a) == 0);
	assert_int_equal(ask(&s, -1, 100, &got), ERR_AGAIN);
	assert_non_null(strstr(text, "no answer in time"));
	/* limetwig off waits for it before it does anything */
	start = clock_mono_ms();
	assert_int_equal(control_client_pid(s.path, &pid, text), ERR_AGAIN);
	assert_true(clock_mono_ms() - start < 20000);
	assert_false(setup_run_answers(s.path, 100));
	assert_int_equal(errno, ETIMEDOUT);
	while (n)
		close(fd[--n]);
	close(s.fd);
	assert_false(setup_run_answers(s.path, 100));
	assert_int_equal(errno, ECONNREFUSED);
	unlink(s.path);
	assert_int_equal(rmdir(s.dir), 0);
}

static void test_passes_descriptor(void **state)
{
	struct server s;
	json_t *a = NULL;
	int pair[2];

	(void)state;
	assert_int_equal(pipe(pair), 0);
	start(&s, "{\"ok\":true}\n", 100);
	assert_int_equal(ask(&s, pair[1], 10000, &a), ERR_OK);
	finish(&s);
	assert_true(s.passed >= 0);
	assert_int_equal(write(s.passed, "x", 1), 1);
	assert_int_equal(read(pair[0], text, 1), 1);
	close(s.passed);
	close(pair[0]);
	close(pair[1]);
	json_decref(a);
}

static void expect(const char *answer, enum err want, const char *remedy)
{
	struct server s;
	json_t *a = NULL;

	start(&s, answer, 1000);
	assert_int_equal(ask(&s, -1, answer ? 10000 : 20, &a), want);
	assert_non_null(strstr(text, remedy));
	assert_non_null(strstr(text, s.path));
	finish(&s);
}

static void test_bad_answers(void **state)
{
	(void)state;
	expect("", ERR_CLOSED, "closed the connection");
	expect("{\"ok\":tr", ERR_CLOSED, "closed the connection");
	expect("hello\n", ERR_SYNTAX, "not understood");
	expect("[1]\n", ERR_SYNTAX, "not understood");
	expect("\n", ERR_SYNTAX, "not understood");
	expect(NULL, ERR_AGAIN, "no answer in time");
}

static void test_nobody_there(void **state)
{
	struct server s;
	json_t *a = NULL;

	(void)state;
	memset(&s, 0, sizeof s);
	(void)snprintf(s.path, sizeof s.path, "/nonexistent/control.sock");
	assert_int_equal(ask(&s, -1, 1000, &a), ERR_CLOSED);
	assert_string_equal(text,
		"limetwigd does not answer at /nonexistent/control.sock: not running? systemctl status "
		"limetwigd");
	memset(s.path, 'x', sizeof s.path - 1);
	memset(s.dir, 'x', sizeof s.dir);
	assert_int_not_equal(ask(&s, -1, 1000, &a), ERR_OK);
}

static bool count_line(const json_t *line, void *ctx)
{
	int *n = ctx;

	assert_true(json_is_object(line));
	return ++*n < 3;
}

static void test_watch(void **state)
{
	struct server s;
	json_t *q = json_pack("{s:s}", "cmd", "watch");
	int n = 0;

	(void)state;
	start(&s, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n", 5);
	assert_int_equal(control_client_watch(s.path, q, count_line, &n, text), ERR_OK);
	assert_int_equal(n, 3);
	finish(&s);
	n = -100;
	start(&s, "{\"a\":1}\n{\"a\":2}\n", 1000);
	assert_int_equal(control_client_watch(s.path, q, count_line, &n, text), ERR_CLOSED);
	assert_non_null(strstr(text, "closed the connection"));
	assert_int_equal(n, -98);
	finish(&s);
	json_decref(q);
}

static void test_pid(void **state)
{
	struct server s;
	pid_t pid = 0;

	(void)state;
	start(&s, "", 1);
	assert_int_equal(control_client_pid(s.path, &pid, text), ERR_OK);
	assert_int_equal(pid, getpid());
	finish(&s);
}

/* Exit status: 0 where the first process of a container is found if, and only if, it is limetwigd. */
static int be_first(void)
{
	struct server s;
	pid_t pid = 0;
	enum err as_other, as_ours;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("proc", "/proc", "proc", 0, NULL) != 0)
		return 77;
	start(&s, "", 1);
	as_other = control_client_pid(s.path, &pid, text);
	finish(&s);
	(void)prctl(PR_SET_NAME, "limetwigd");
	start(&s, "", 1);
	as_ours = control_client_pid(s.path, &pid, text);
	finish(&s);
	return as_other == ERR_IO && as_ours == ERR_OK && pid == 1 ? 0 : 1;
}

static void test_pid_of_a_container(void **state)
{
	pid_t outer, inner;
	int status;

	(void)state;
	outer = fork();
	if (outer == 0) {
		if (unshare(CLONE_NEWNS | CLONE_NEWPID) != 0)
			_exit(77);
		inner = fork();
		if (inner == 0)
			_exit(be_first());
		_exit(waitpid(inner, &status, 0) == inner && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	assert_int_equal(waitpid(outer, &status, 0), outer);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ask), cmocka_unit_test(test_full_backlog),
		cmocka_unit_test(test_passes_descriptor), cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_watch), cmocka_unit_test(test_pid),
		cmocka_unit_test(test_pid_of_a_container) };

	return cmocka_run_group_tests_name("control_client", tests, NULL, NULL);
}
