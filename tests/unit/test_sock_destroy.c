/*
 * sock_destroy: real connections in a network namespace of our own.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "io/sock_destroy.h"
#include "kernel_destroys.h"

static struct {
	bool has_namespace;
	int diag, listener, server, client;
	struct msg_fw_kill kill;
} t;

static int group_setup(void **state)
{
	struct ifreq up = { .ifr_name = "lo" };
	int fd;

	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	up.ifr_flags = IFF_UP | IFF_RUNNING;
	t.has_namespace = ioctl(fd, SIOCSIFFLAGS, &up) == 0;
	(void)close(fd);
	return 0;
}

static uint16_t port_of(const struct sockaddr_storage *sa)
{
	return ntohs(sa->ss_family == AF_INET ? ((const struct sockaddr_in *)(const void *)sa)->sin_port
					      : ((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
}

/* A connection over loopback; t.kill names it. */
static void join(int family)
{
	struct sockaddr_storage sa = { .ss_family = (sa_family_t)family }, us = { 0 };
	socklen_t n = sizeof sa, m = sizeof us;

	if (family == AF_INET)
		((struct sockaddr_in *)(void *)&sa)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)(void *)&sa)->sin6_addr = in6addr_loopback;
	t.listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	t.client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(t.listener, (struct sockaddr *)&sa, n), 0);
	assert_int_equal(listen(t.listener, 1), 0);
	assert_int_equal(getsockname(t.listener, (struct sockaddr *)&sa, &n), 0);
	assert_int_equal(connect(t.client, (struct sockaddr *)&sa, n), 0);
	assert_int_equal(getsockname(t.client, (struct sockaddr *)&us, &m), 0);
	t.server = accept(t.listener, NULL, NULL);
	assert_true(t.server >= 0);
	t.kill = (struct msg_fw_kill){ .client_port = port_of(&us), .server_port = port_of(&sa) };
	assert_int_equal(
		ipaddr_parse(family == AF_INET ? SLICE_LIT("127.0.0.1") : SLICE_LIT("::1"), &t.kill.client), ERR_OK);
	t.kill.server = t.kill.client;
}

static int setup(void **state)
{
	(void)state;
	t.diag = t.listener = t.server = t.client = -1;
	return !t.has_namespace || sock_destroy_open(&t.diag) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	int fd[] = { t.diag, t.listener, t.server, t.client };

	(void)state;
	for (size_t i = 0; i < sizeof fd / sizeof fd[0]; i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
	return 0;
}

static void needs_root(void)
{
	if (!t.has_namespace)
		skip();
}

static bool is_reset(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	assert_int_equal(poll(&p, 1, 30000), 1);
	errno = 0;
	return recv(fd, &c, 1, MSG_DONTWAIT) < 0 && (errno == ECONNRESET || errno == ECONNABORTED);
}

static void kill_one(int family)
{
	enum fw_killed k;

	needs_root();
	if (!kernel_destroys())
		skip();
	join(family);
	k = sock_destroy(t.diag, &t.kill);
	assert_int_equal(k, FW_KILL_DONE);
	assert_true(is_reset(t.client));
	assert_true(is_reset(t.server));
	assert_int_equal(sock_destroy(t.diag, &t.kill), FW_KILL_GONE);
}

static void test_ipv4(void **state)
{
	(void)state;
	kill_one(AF_INET);
}

static void test_ipv6(void **state)
{
	(void)state;
	kill_one(AF_INET6);
}

/* The listener of the port is what the kernel finds for ports that are not connected. */
static void test_never_the_listener(void **state)
{
	struct msg_fw_kill other;
	int again;
	struct sockaddr_in sa = { .sin_family = AF_INET };

	(void)state;
	needs_root();
	join(AF_INET);
	other = t.kill;
	other.client_port = (uint16_t)(t.kill.client_port ^ 1);
	assert_int_equal(sock_destroy(t.diag, &other), FW_KILL_GONE);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sa.sin_port = htons(t.kill.server_port);
	again = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(again, (struct sockaddr *)&sa, sizeof sa), 0);
	(void)close(again);
	assert_int_equal(send(t.server, "250", 3, MSG_NOSIGNAL), 3);
}

/* Nothing is taken from a client that has not read it all: its window is closed. */
static void test_not_while_unread(void **state)
{
	static char much[1 << 20];
	struct pollfd p = { .events = POLLOUT };

	(void)state;
	needs_root();
	join(AF_INET);
	while (send(t.server, much, sizeof much, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		;
	assert_int_equal(sock_destroy(t.diag, &t.kill), FW_KILL_UNREAD);
	p.fd = t.server;
	assert_int_equal(poll(&p, 1, 0) >= 0, 1);
	assert_int_equal(p.revents & (POLLERR | POLLHUP), 0);
}

/* Without the capability. */
static void test_denied(void **state)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2], none[2] = { 0 };
	enum fw_killed k;

	(void)state;
	needs_root();
	join(AF_INET);
	assert_int_equal(syscall(SYS_capget, &head, data), 0);
	memcpy(none, data, sizeof none);
	none[0].effective &= ~(1u << CAP_NET_ADMIN);
	assert_int_equal(syscall(SYS_capset, &head, none), 0);
	k = sock_destroy(t.diag, &t.kill);
	assert_int_equal(syscall(SYS_capset, &head, data), 0);
	assert_int_equal(k, FW_KILL_DENIED);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(test_ipv4), TEST(test_ipv6), TEST(test_never_the_listener),
		TEST(test_not_while_unread), TEST(test_denied) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, group_setup, NULL);
}
