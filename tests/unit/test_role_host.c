/*
 * test_role_host: what a role hears before it serves, and says of its links.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "io/conf_file.h"
#include "role/role_host.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 30000

static const struct role_ops ops;
static const struct role_ops *played = &ops;
static int up[2];

static void say_bytes(uint8_t *p, size_t n, int fd)
{
	struct iovec v = { .iov_base = p, .iov_len = n };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = control.space;
		m.msg_controllen = sizeof control.space;
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	}
	assert_int_equal(sendmsg(up[0], &m, MSG_NOSIGNAL), (ssize_t)n);
}

static void say(enum message_type t, int fd)
{
	uint8_t byte = (uint8_t)t;

	say_bytes(&byte, 1, fd);
}

static void say_link(enum role peer, int fd)
{
	uint8_t bytes[] = { MSG_LINK, (uint8_t)peer };

	say_bytes(bytes, sizeof bytes, fd);
}

static void say_hello(void)
{
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_hello(&w, MSG_HELLO, &(struct msg_hello){ .version = MESSAGE_VERSION, .role = ROLE_PARENT });
	assert_int_equal(send(up[0], w.p, w.n, MSG_NOSIGNAL), (ssize_t)w.n);
}

static void say_conf(void)
{
	static struct conf c;
	struct buf text;
	int fd = memfd_create("conf", MFD_CLOEXEC);

	conf_defaults(&c);
	buf_init(&text, 2 * CONF_FILE_MAX);
	assert_int_equal(conf_print(&c, &text), ERR_OK);
	assert_int_equal(write(fd, text.p, text.n), (ssize_t)text.n);
	buf_done(&text);
	say(MSG_CONFIG, fd);
	close(fd);
}

static pid_t begin(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (dup2(up[1], ROLE_FD_PARENT) < 0)
			_exit(99);
		(void)syscall(SYS_close_range, ROLE_FD_PARENT + 1, ~0u, 0);
		_exit(role_host_run(ROLE_RUN, played, NULL));
	}
	close(up[1]);
	return pid;
}

/* A daemon that is stopped while it starts: both words are there when the role looks. */
static void test_a_stop_right_behind_the_start(void **state)
{
	struct pollfd p;
	uint8_t in[64];
	ssize_t n;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, up), 0);
	say_hello();
	say_conf();
	say(MSG_START, -1);
	say(MSG_STOP, -1);
	pid = begin();
	do {
		p = (struct pollfd){ .fd = up[0], .events = POLLIN };
		if (poll(&p, 1, PATIENCE_MS) != 1) {
			(void)kill(pid, SIGKILL);
			fail_msg("the role lives on");
		}
		n = recv(up[0], in, sizeof in, 0);
	} while (n > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(up[0]);
}

/* The parent cannot see a link that two living roles have lost. */
static void test_the_end_of_a_link_is_told(void **state)
{
	static const uint8_t no_hello[] = { MSG_PING };
	struct msg_unlinked m = { 0 };
	struct pollfd p;
	uint8_t in[64];
	ssize_t n = 1;
	int pair[2];
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, up), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	say_hello();
	say_conf();
	say_link(ROLE_ENGINE, pair[1]);
	say(MSG_START, -1);
	assert_int_equal(send(pair[0], no_hello, sizeof no_hello, MSG_NOSIGNAL), 1);
	pid = begin();
	for (in[0] = 0; n > 0 && in[0] != MSG_UNLINKED; n = recv(up[0], in, sizeof in, 0)) {
		p = (struct pollfd){ .fd = up[0], .events = POLLIN };
		if (poll(&p, 1, PATIENCE_MS) != 1) {
			(void)kill(pid, SIGKILL);
			fail_msg("nothing is said of it");
		}
	}
	if (n > 0) {
		struct rd body = rd_init(in + 1, (size_t)n - 1);

		assert_int_equal(message_get_unlinked(&body, &m), ERR_OK);
	}
	close(up[0]);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(m.which, ROLE_ENGINE);
	assert_int_equal(m.number, 1);
}

static void give_up(struct role_host *h)
{
	role_host_give_up(h, ERR_NOMEM);
}

static void on_linked(struct role_host *h, enum role peer)
{
	(void)h;
	(void)peer;
	_exit(50);
}

/* A role without memory for its timers ends, and is given no link before that. */
static void test_who_gives_up_gets_no_link(void **state)
{
	static const struct role_ops poor = { .serve = give_up, .linked = on_linked };
	int pair[2], status;
	pid_t pid;

	(void)state;
	played = &poor;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, up), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	say_hello();
	say_conf();
	say_link(ROLE_ENGINE, pair[1]);
	say(MSG_START, -1);
	pid = begin();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	played = &ops;
	close(up[0]);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_stop_right_behind_the_start),
		cmocka_unit_test(test_the_end_of_a_link_is_told),
		cmocka_unit_test(test_who_gives_up_gets_no_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
