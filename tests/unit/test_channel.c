/*
 * test_channel: messages and descriptors arrive; a wrong message ends the
 * link; the queue has a cap and tells when it is empty; what the kernel has no
 * room for is sent later.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/channel.h"
#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct end {
	struct loop *loop;
	struct channel *c;
	unsigned messages, closed, drained, stop_at, free_at;
	enum message_type last;
	int fd;
};

static uint8_t bytes[MESSAGE_MAX];
static int no_memory; /* errno of the next recvmsg; 0: it works */

/* In place of libc's. */
ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	if (no_memory) {
		errno = no_memory;
		no_memory = 0;
		return -1;
	}
	return syscall(SYS_recvmsg, fd, m, flags);
}

static int no_room;    /* errno of sendmsg; 0: it works */
static unsigned sends; /* calls that found no room */

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	if (no_room) {
		sends++;
		errno = no_room;
		return -1;
	}
	return syscall(SYS_sendmsg, fd, m, flags);
}

static void on_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct end *e = ctx;

	(void)peer;
	(void)body;
	e->last = t;
	for (size_t i = 0; i < n; i++)
		e->fd = fds[i];
	e->messages++;
	if (e->messages == e->free_at) {
		channel_free(e->c);
		e->c = NULL;
	}
	if (e->messages == e->stop_at)
		loop_stop(e->loop);
}

static void on_closed(void *ctx, enum role peer)
{
	struct end *e = ctx;

	(void)peer;
	e->closed++;
	channel_free(e->c);
	e->c = NULL;
	loop_stop(e->loop);
}

static void on_drain(void *ctx)
{
	struct end *e = ctx;

	if (++e->drained == 2)
		loop_stop(e->loop);
}

static void make_pair(struct loop *l, struct end *a, enum role ra, struct end *b, enum role rb)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	*a = (struct end){ .loop = l, .fd = -1 };
	*b = (struct end){ .loop = l, .fd = -1 };
	a->c = channel_new(l, fd[0], ra, rb, on_message, on_closed, a);
	b->c = channel_new(l, fd[1], rb, ra, on_message, on_closed, b);
	assert_non_null(a->c);
	assert_non_null(b->c);
}

static struct wr empty(enum message_type t)
{
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_empty(&w, t, NULL);
	return w;
}

static void test_message_and_descriptor(void **state)
{
	struct loop *l = loop_new();
	struct end parent, engine;
	struct wr w = empty(MSG_CONFIG);
	int p[2];

	(void)state;
	make_pair(l, &parent, ROLE_PARENT, &engine, ROLE_ENGINE);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	engine.stop_at = 2;
	assert_int_equal(channel_send(parent.c, &w, &p[1], 1), ERR_OK);
	close(p[1]);
	w = empty(MSG_PING);
	assert_int_equal(channel_send(parent.c, &w, NULL, 0), ERR_OK);
	assert_int_equal(loop_run(l), ERR_OK);
	assert_int_equal((int)engine.last, MSG_PING);
	assert_true(engine.fd >= 0);
	assert_int_equal(write(engine.fd, "hello", 5), 5);
	assert_int_equal(read(p[0], bytes, sizeof bytes), 5);
	/* what this end may not send never leaves it */
	w = empty(MSG_PONG);
	assert_int_equal(channel_send(parent.c, &w, NULL, 0), ERR_DENIED);
	w.bad = true;
	assert_int_equal(channel_send(parent.c, &w, NULL, 0), ERR_LIMIT);
	/* the other end goes: told once */
	channel_free(engine.c);
	assert_int_equal(loop_run(l), ERR_OK);
	assert_int_equal(parent.closed, 1);
	close(engine.fd);
	close(p[0]);
	loop_free(l);
}

/* One end by hand: what it says, and whether the link survives. */
static void try_raw(const void *first, size_t n, const void *second, size_t m, bool is_good)
{
	struct loop *l = loop_new();
	struct end e = { .loop = l, .fd = -1, .stop_at = 1 };
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	e.c = channel_new(l, fd[0], ROLE_PARENT, ROLE_ENGINE, on_message, on_closed, &e);
	assert_int_equal(send(fd[1], first, n, 0), n);
	if (m)
		assert_int_equal(send(fd[1], second, m, 0), m);
	assert_int_equal(loop_run(l), ERR_OK);
	assert_int_equal(e.closed, is_good ? 0 : 1);
	assert_int_equal(e.messages, is_good ? 1 : 0);
	channel_free(e.c);
	close(fd[1]);
	loop_free(l);
}

static void test_wrong_message_ends_link(void **state)
{
	static const uint8_t hello[] = { MSG_HELLO, 0, MESSAGE_VERSION, ROLE_ENGINE };
	static const uint8_t other[] = { MSG_HELLO, 0, MESSAGE_VERSION, ROLE_RUN };
	static const uint8_t newer[] = { MSG_HELLO, 0, MESSAGE_VERSION + 1, ROLE_ENGINE };
	static const uint8_t pong[] = { MSG_PONG }, ping[] = { MSG_PING }, longer[] = { MSG_PONG, 0 }, none[] = { 200 };
	static uint8_t huge[MESSAGE_MAX + 1] = { MSG_PONG };

	(void)state;
	try_raw(hello, sizeof hello, pong, sizeof pong, true);
	try_raw(pong, sizeof pong, NULL, 0, false);               /* no greeting */
	try_raw(other, sizeof other, NULL, 0, false);             /* another role */
	try_raw(newer, sizeof newer, NULL, 0, false);             /* another version */
	try_raw(hello, sizeof hello, hello, sizeof hello, false); /* greets twice */
	try_raw(hello, sizeof hello, ping, sizeof ping, false);   /* only the parent says that */
	try_raw(hello, sizeof hello, longer, sizeof longer, false);
	try_raw(hello, sizeof hello, none, sizeof none, false);
	try_raw(hello, sizeof hello, huge, sizeof huge, false);
}

static void send_fd(int s, int fd)
{
	uint8_t t = MSG_PONG;
	struct iovec v = { &t, 1 };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	assert_int_equal(sendmsg(s, &m, 0), 1);
}

/* A descriptor nobody asked for ends the link and is closed here. */
static void test_uncalled_descriptor(void **state)
{
	static const uint8_t hello[] = { MSG_HELLO, 0, MESSAGE_VERSION, ROLE_ENGINE };
	struct loop *l = loop_new();
	struct end e = { .loop = l, .fd = -1 };
	int fd[2], p[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	e.c = channel_new(l, fd[0], ROLE_PARENT, ROLE_ENGINE, on_message, on_closed, &e);
	assert_int_equal(send(fd[1], hello, sizeof hello, 0), sizeof hello);
	send_fd(fd[1], p[1]);
	close(p[1]);
	assert_int_equal(loop_run(l), ERR_OK);
	assert_int_equal(e.closed, 1);
	assert_int_equal(read(p[0], bytes, 1), 0);
	close(p[0]);
	close(fd[1]);
	loop_free(l);
}

static void test_queue(void **state)
{
	static struct msg_fw_ops ops = { .count = MESSAGE_FW_OPS };
	struct loop *l = loop_new();
	struct end engine, firewall;
	struct wr w = wr_init(bytes, sizeof bytes);
	unsigned sent = 0;

	(void)state;
	for (int i = 0; i < MESSAGE_FW_OPS; i++)
		ops.op[i].prefix = (struct prefix){ { 4, { 192, 0, 2, 1 } }, 32 };
	make_pair(l, &engine, ROLE_ENGINE, &firewall, ROLE_FIREWALL);
	message_put_fw_ops(&w, MSG_FW_OPS, &ops);
	channel_on_drain(engine.c, on_drain, &engine);
	while (channel_send(engine.c, &w, NULL, 0) == ERR_OK)
		sent++;
	assert_in_range(channel_queued(engine.c), CHANNEL_QUEUE - w.n, CHANNEL_QUEUE);
	firewall.stop_at = sent;
	assert_int_equal(loop_run(l), ERR_OK);
	assert_int_equal(firewall.messages, sent);
	assert_int_equal(channel_queued(engine.c), 0);
	/* told once, also when nothing was waiting at the call */
	firewall.stop_at = sent + 1;
	assert_int_equal(channel_send(engine.c, &w, NULL, 0), ERR_OK);
	assert_int_equal(loop_run(l), ERR_OK);
	assert_int_equal(engine.drained, 1);
	channel_on_drain(engine.c, on_drain, &engine);
	assert_int_equal(loop_run(l), ERR_OK);
	assert_int_equal(engine.drained, 2);
	channel_free(engine.c);
	channel_free(firewall.c);
	loop_free(l);
}

/* The receiver frees its end in the middle of a batch: nothing more is delivered. */
static void test_free_in_callback(void **state)
{
	struct loop *l = loop_new();
	struct end parent, engine;
	struct wr w = empty(MSG_PING);

	(void)state;
	make_pair(l, &parent, ROLE_PARENT, &engine, ROLE_ENGINE);
	engine.free_at = 2;
	for (int i = 0; i < 5; i++)
		assert_int_equal(channel_send(parent.c, &w, NULL, 0), ERR_OK);
	assert_int_equal(loop_run(l), ERR_OK);
	assert_int_equal(engine.messages, 2);
	assert_int_equal(engine.closed, 0);
	assert_int_equal(parent.closed, 1);
	loop_free(l);
}

/* Nobody makes the link between two living roles anew: it must outlive such a moment. */
static void test_no_memory_for_a_moment(void **state)
{
	static const int error[] = { ENOBUFS, ENOMEM };

	(void)state;
	for (size_t i = 0; i < sizeof error / sizeof error[0]; i++) {
		struct loop *l = loop_new();
		struct end parent, engine;
		struct wr w;

		make_pair(l, &parent, ROLE_PARENT, &engine, ROLE_ENGINE);
		engine.stop_at = 1;
		w = empty(MSG_PING);
		assert_int_equal(channel_send(parent.c, &w, NULL, 0), ERR_OK);
		no_memory = error[i];
		assert_int_equal(loop_run(l), ERR_OK);
		assert_int_equal(engine.messages, 1);
		assert_int_equal(engine.closed, 0);
		channel_free(parent.c);
		channel_free(engine.c);
		loop_free(l);
	}
}

static void on_moment(void *ctx)
{
	loop_stop(ctx);
}

/* A message that cannot go now waits, though the socket is writable, and nobody asks for it all the time. */
static void test_no_room_for_a_moment(void **state)
{
	static const int error[] = { ENOBUFS, ENOMEM, ETOOMANYREFS };

	(void)state;
	for (size_t i = 0; i < sizeof error / sizeof error[0]; i++) {
		struct loop *l = loop_new();
		uint64_t begun = clock_mono_ms();
		struct end parent, engine;
		struct wr w = empty(MSG_CONFIG);
		int p[2];

		make_pair(l, &parent, ROLE_PARENT, &engine, ROLE_ENGINE);
		assert_int_equal(pipe2(p, O_CLOEXEC), 0);
		sends = 0;
		no_room = error[i];
		assert_int_equal(channel_send(parent.c, &w, &p[1], 1), ERR_OK);
		w = empty(MSG_PING);
		assert_int_equal(channel_send(parent.c, &w, NULL, 0), ERR_OK);
		assert_non_null(loop_after(l, 250, on_moment, l));
		assert_int_equal(loop_run(l), ERR_OK);
		assert_int_equal(engine.messages, 0);
		assert_in_range(sends, 2, 2 + (clock_mono_ms() - begun) / 100);
		no_room = 0;
		engine.stop_at = 2;
		assert_int_equal(loop_run(l), ERR_OK);
		assert_int_equal((int)engine.last, MSG_PING);
		assert_true(engine.fd >= 0);
		assert_int_equal(channel_queued(parent.c), 0);
		/* its end does not wait */
		no_room = error[i];
		assert_int_equal(channel_send(parent.c, &w, NULL, 0), ERR_OK);
		channel_free(parent.c);
		channel_free(engine.c);
		no_room = 0;
		close(engine.fd);
		close(p[0]);
		close(p[1]);
		loop_free(l);
	}
}

struct turns {
	struct end *end;
	unsigned between[8], n; /* messages that had come at each of our calls */
};

static void on_slow_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	uint64_t until = clock_mono_us() + 1000;

	while (clock_mono_us() < until)
		continue;
	on_message(ctx, peer, t, body, fds, n);
}

static void on_other(int fd, unsigned what, void *ctx)
{
	struct turns *t = ctx;
	char c;

	(void)what;
	t->between[t->n++] = t->end->messages;
	assert_int_equal(read(fd, &c, 1), 1);
}

/* Messages that take long do not come in one go, and not before what else is ready. */
static void test_others_have_their_turn(void **state)
{
	struct loop *l = loop_new();
	struct end parent, engine;
	struct turns t = { .end = &engine };
	struct wr w = empty(MSG_PING);
	int fd[2], p[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	parent = (struct end){ .loop = l, .fd = -1 };
	engine = (struct end){ .loop = l, .fd = -1, .stop_at = 4 };
	parent.c = channel_new(l, fd[0], ROLE_PARENT, ROLE_ENGINE, on_message, on_closed, &parent);
	engine.c = channel_new(l, fd[1], ROLE_ENGINE, ROLE_PARENT, on_slow_message, on_closed, &engine);
	assert_non_null(parent.c);
	assert_non_null(engine.c);
	channel_go_last(engine.c);
	for (int i = 0; i < 4; i++)
		assert_int_equal(channel_send(parent.c, &w, NULL, 0), ERR_OK);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(write(p[1], "1234", 4), 4);
	assert_non_null(loop_fd(l, p[0], LOOP_READ, on_other, &t));
	assert_int_equal(loop_run(l), ERR_OK);
	assert_int_equal(t.n, 4);
	/* with the first of them the hello comes, which is none */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(t.between[i], i);
	channel_free(parent.c);
	channel_free(engine.c);
	close(p[0]);
	close(p[1]);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_and_descriptor),
		cmocka_unit_test(test_wrong_message_ends_link),
		cmocka_unit_test(test_uncalled_descriptor),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_no_memory_for_a_moment),
		cmocka_unit_test(test_no_room_for_a_moment),
		cmocka_unit_test(test_free_in_callback),
		cmocka_unit_test(test_others_have_their_turn),
	};

	log_setup("test", LOG_LEVEL_ALARM);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
