/*
 * test_tarpit_load: the role's connections in this process, over socket pairs
 * and in a time that the test makes: caps, who is let go, an hour in a second.
 * accept4 is the test's own where it is to fail.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <malloc.h>
#include <sys/syscall.h>
#include <time.h>

#include "tarpit_rig.h"

static int accept_error;

int accept4(int fd, __SOCKADDR_ARG a, socklen_t *restrict n, int flags)
{
	if (accept_error) {
		errno = accept_error;
		return -1;
	}
	return (int)syscall(SYS_accept4, fd, a.__sockaddr__, n, flags);
}

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

/* ---- */

#define HELD 2000

static void everybody_comes(void)
{
	for (unsigned i = 0; i < HELD; i++)
		come(i, i % 250);
}

static void everybody_leaves(void)
{
	for (unsigned i = 0; i < HELD; i++)
		leave(i);
	for (unsigned i = 0; i < HELD && rig.t->count; i++)
		if (poll(&(struct pollfd){ .fd = rig.t->epoll, .events = POLLIN }, 1, PATIENCE_MS) == 1)
			tarpit_ready(rig.t, rig.now);
	assert_int_equal(rig.t->count, 0);
	assert_int_equal(rig.t->held, 0);
	assert_int_equal(rig.t->each.count, 0);
	assert_int_equal(rig.t->held_begun_ms, 0);
	for (unsigned i = 0; i < TARPIT_SLOTS; i++)
		assert_int_equal(rig.t->wheel[i], TARPIT_NONE);
}

/* Who has heard a whole line says something, of all kinds; some go and others come, as do those who were closed. */
static void one_minute(unsigned minute)
{
	static const char *const say[] = { "HELO c.test\r\n", "MAIL FROM:<a@c.test>\r\n", "RCPT TO:<b@mx.test>\r\n",
		"NOOP\r\n", "RSET\r\n", "MAIL FROM:<", "x" };
	char text[1024];

	for (unsigned i = 0; i < HELD; i++) {
		const char *next = say[(i + minute) % 7];
		size_t n = heard(i, text, sizeof text);

		if (n && text[n - 1] == '\n')
			assert_int_equal(send(rig.peer[i], next, strlen(next), MSG_NOSIGNAL), strlen(next));
		if (i % 50 == minute % 50 || (n == 0 && recv(rig.peer[i], text, 1, MSG_PEEK | MSG_DONTWAIT) == 0)) {
			leave(i);
			come(i, i % 250);
		}
	}
	pass_ms(60000);
	assert_true(rig.t->count <= HELD && rig.t->count > HELD / 2);
}

static void test_an_hour_without_a_leak(void **state)
{
	size_t before, after;
	unsigned files, pools;

	(void)state;
	rig.is_tcp = true;
	channel_free(rig.host.link[ROLE_ENGINE]); /* what nobody reads is kept in its queue */
	rig.host.link[ROLE_ENGINE] = NULL;
	block("192.0.2.0/24");
	start();
	everybody_comes(); /* what is allocated for the first time stays */
	everybody_leaves();
	files = open_files();
	pools = rig.t->pools;
	before = mallinfo2().uordblks;
	everybody_comes();
	assert_int_equal(rig.t->held, HELD);
	for (unsigned minute = 0; minute < 60; minute++)
		one_minute(minute);
	everybody_leaves();
	after = mallinfo2().uordblks;
	print_message("# bytes sent %llu, seconds held %llu, %zu bytes before, %zu after\n",
		(unsigned long long)rig.t->state.bytes, (unsigned long long)(rig.t->held_ms / 1000), before, after);
	assert_int_equal(open_files(), files);
	assert_int_equal(rig.t->pools, pools);
	assert_true(after <= before + 4096);
	assert_true(rig.t->state.bytes > 100 * HELD);
	assert_true(rig.t->held_ms > UINT64_C(1000) * 1800 * HELD);
}

static void test_parts_and_limits(void **state)
{
	struct conf *c = &rig.host.conf;

	(void)state;
	rig.host.part = (struct msg_part){ .index = 1, .count = 3, .conntrack = 0 };
	c->tarpit.connections = 1000;
	c->tarpit.held = 100;
	start();
	assert_int_equal(rig.t->cap, 334);
	assert_int_equal(rig.t->held_cap, 34);
	assert_int_equal(rig.t->state.why, TARPIT_CAP_CONFIGURED);
	rig.host.part.conntrack = 1200;
	tarpit_ops.reloaded(&rig.host);
	assert_int_equal(rig.t->cap, 100); /* a quarter of it, a third of that */
	assert_int_equal(rig.t->state.why, TARPIT_CAP_CONNTRACK);
	set_files(160);
	tarpit_ops.reloaded(&rig.host);
	assert_int_equal(rig.t->cap, 96);
	assert_int_equal(rig.t->state.why, TARPIT_CAP_DESCRIPTORS);
	assert_int_equal(rig.t->state.wished, 334);
	set_files(0);
	rig.host.part.conntrack = 0;
	tarpit_ops.reloaded(&rig.host);
	assert_int_equal(rig.t->cap, 334);
	assert_int_equal(rig.t->state.why, TARPIT_CAP_CONFIGURED);
}

static void test_beyond_the_caps(void **state)
{
	char text[256];

	(void)state;
	rig.host.conf.tarpit.connections = 5;
	rig.host.conf.tarpit.held = 3;
	block("192.0.2.0/24");
	start();
	for (unsigned i = 0; i < 6; i++)
		come(i, i);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(heard(i, text, sizeof text), 1); /* byte by byte */
	for (unsigned i = 3; i < 5; i++) {
		assert_true(heard(i, text, sizeof text) > 10); /* at once */
		assert_memory_equal(text, "220 mx.test ESMTP", 17);
	}
	assert_true(heard(5, text, sizeof text) > 10);
	assert_memory_equal(text, "421 ", 4);
	assert_int_equal(recv(rig.peer[5], text, 1, 0), 0);
	assert_int_equal(rig.t->count, 5);
	assert_int_equal(rig.t->held, 3);
	assert_int_equal(rig.t->state.refused, 1);
	leave(0);
	tarpit_ready(rig.t, rig.now);
	come(0, 9);
	assert_int_equal(heard(0, text, sizeof text), 1);
}

/* No memory for more connections: the oldest goes, the new one is served. */
static void test_memory_sheds_the_oldest(void **state)
{
	char text[256];

	(void)state;
	block("192.0.2.0/24");
	start();
	rig.t->pools_max = 1;
	for (unsigned i = 0; i <= TARPIT_POOL; i++)
		come(i, i % 250);
	assert_int_equal(rig.t->count, TARPIT_POOL);
	assert_int_equal(rig.t->state.shed, 1);
	assert_int_equal(heard(0, text, sizeof text), 1);
	assert_int_equal(recv(rig.peer[0], text, 1, 0), 0); /* closed */
	assert_int_equal(heard(1, text, sizeof text), 1);
	assert_int_equal(recv(rig.peer[1], text, 1, 0), -1); /* and this one is open */
	assert_int_equal(heard(TARPIT_POOL, text, sizeof text), 1);
}

static void test_lifted_ones_are_let_go(void **state)
{
	struct block_entry e = block_of("192.0.2.1/32");
	char text[256];

	(void)state;
	block("192.0.2.1/32");
	block("192.0.2.2/32");
	start();
	for (unsigned i = 0; i < 600; i++)
		come(i, 1 + i % 2);
	pass_ms(60000);
	for (unsigned i = 0; i < 600; i++)
		(void)heard(i, text, sizeof text);
	rig.t->site.pace_ms = 0; /* so that the last words come at once */
	block_share_del(&rig.share, &e.subject);
	pass_ms(20000);
	assert_int_equal(rig.t->count, 300);
	for (unsigned i = 0; i < 600; i += 2) {
		assert_true(heard(i, text, sizeof text) > 4);
		assert_non_null(strstr(text, "421 4.3.2 mx.test Come again\r\n"));
	}
}

/* More are due than one turn does: the others come at the next ones, nobody is left out. */
static void test_a_turn_has_an_end(void **state)
{
	char text[64];
	unsigned first = 0, second = 0;

	(void)state;
	if (rig.files < 2 * MANY + 100)
		skip();
	block("192.0.2.0/24");
	start();
	for (unsigned i = 0; i < MANY; i++)
		come(i, i % 250);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(heard(i, text, sizeof text), 1);
	rig.now += 10000 + 2 * TARPIT_TICK_MS; /* all at once */
	tarpit_wheel_turn(rig.t, rig.now);
	for (unsigned i = 0; i < MANY; i++)
		first += heard(i, text, sizeof text) == 1;
	assert_int_equal(first, TARPIT_TURN);
	rig.now += TARPIT_TICK_MS;
	tarpit_wheel_turn(rig.t, rig.now);
	for (unsigned i = 0; i < MANY; i++)
		second += heard(i, text, sizeof text) == 1;
	assert_int_equal(second, MANY - TARPIT_TURN);
}

/* The newest state that the engine was sent. */
static struct msg_tarpit_state told(void)
{
	struct msg_tarpit_state m = { 0 };
	uint8_t bytes[1024];
	ssize_t n;

	while ((n = recv(rig.engine, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		if (bytes[0] == MSG_TARPIT_STATE)
			assert_int_equal(
				message_get_tarpit_state(&(struct rd){ .p = bytes + 1, .n = (size_t)n - 1 }, &m),
				ERR_OK);
	return m;
}

static void hello(void)
{
	struct msg_hello m = { .version = MESSAGE_VERSION, .role = ROLE_ENGINE };
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_hello(&w, MSG_HELLO, &m);
	assert_int_equal(send(rig.engine, bytes, w.n, 0), w.n);
}

static void test_state_is_told(void **state)
{
	struct msg_tarpit_state m;

	(void)state;
	block("192.0.2.0/24");
	rig.host.part = (struct msg_part){ .index = 0, .count = 2, .conntrack = 80 };
	start();
	hello();
	for (unsigned i = 0; i < 12; i++)
		come(i, i);
	pass_ms(30000);
	tarpit_state_tell(rig.t);
	pump(20);
	m = told();
	assert_int_equal(m.connections, 10);
	assert_int_equal(m.held, 10);
	assert_int_equal(m.cap, 10);
	assert_int_equal(m.wished, (MANY + 1 + 1) / 2);
	assert_int_equal(m.why, TARPIT_CAP_CONNTRACK);
	assert_int_equal(m.refused, 2);
	assert_int_equal(m.taken, 12);
	assert_int_equal(m.processes, 2);
	assert_int_equal(m.pace_ms, 10000);
	assert_int_equal(m.held_s, 300);
	assert_true(m.bytes >= 30 && m.bytes <= 40);
	for (unsigned i = 0; i < 10; i++)
		tarpit_state_second(rig.t); /* every ten seconds, without any change */
	pump(20);
	assert_int_equal(told().connections, 10);
}

/* ---- accepting fails */

static int connect_to(const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno == EINPROGRESS);
	return fd;
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void test_accept_pauses_and_goes_on(void **state)
{
	static const int errors[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM };
	struct sockaddr_in a;
	uint32_t cap;

	(void)state;
	block("192.0.2.0/24");
	rig.host.listener[LISTENER_TARPIT][0] = listen_on(&a);
	start();
	tarpit_ops.serve(&rig.host);
	cap = rig.t->cap;
	for (unsigned i = 0; i < 8; i++)
		come(i, i);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t pauses = rig.t->state.pauses, shed = rig.t->state.shed;
		bool is_memory = errors[i] == ENOBUFS || errors[i] == ENOMEM;
		int fd = connect_to(&a);

		accept_error = errors[i];
		for (unsigned tries = 0; rig.t->state.pauses < pauses + 2; tries++) {
			assert_true(tries < 1000);
			pump(10);
		}
		assert_false(is_readable(fd));
		assert_true(is_memory ? rig.t->state.shed > shed : rig.t->state.shed == shed);
		accept_error = 0;
		/* at most one pause later; not blocked, or not come our way: he hears something, and that is the end */
		for (unsigned tries = 0; !is_readable(fd); tries++) {
			assert_true(tries < PATIENCE_MS / 10);
			pump(10);
		}
		assert_int_equal(rig.t->cap, cap);
		(void)close(fd);
	}
	assert_true(TARPIT_PAUSE_MS <= 100);
	(void)close(rig.host.listener[LISTENER_TARPIT][0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, prepare, finish)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_an_hour_without_a_leak), TEST(test_parts_and_limits),
		TEST(test_beyond_the_caps), TEST(test_memory_sheds_the_oldest), TEST(test_lifted_ones_are_let_go),
		TEST(test_a_turn_has_an_end), TEST(test_state_is_told), TEST(test_accept_pauses_and_goes_on) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
