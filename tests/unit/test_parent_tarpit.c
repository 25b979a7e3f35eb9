/*
 * test_parent_tarpit: the answerer's port, and somebody else who has it: at the
 * start the daemon does without, at a reload nothing changes.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/log.h"
#include "role/parent.h"

#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct parent p;
static struct conf c;
static char text[512];

/* Somebody else's, on all addresses: one that the kernel chooses. */
static int take_port(uint16_t *ret)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_v6 = fd >= 0;
	struct sockaddr *a = is_v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
	socklen_t n = is_v6 ? sizeof a6 : sizeof a4;

	if (!is_v6)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, a, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, a, &n), 0);
	*ret = ntohs(is_v6 ? a6.sin6_port : a4.sin_port);
	return fd;
}

/* A configuration with this port and so many processes comes in. */
static enum err come(bool is_start, uint16_t port, unsigned processes)
{
	c.tarpit.port = port;
	c.tarpit.processes = processes;
	return parent_open_tarpit_or_not(&p, &c, is_start, text, sizeof text);
}

static int set_up(void **state)
{
	(void)state;
	log_setup("test", LOG_LEVEL_ALARM);
	/* without the right to it, which root may lack in a container: on the host, for a moment */
	(void)unshare(CLONE_NEWNET);
	p = (struct parent){ .lock = -1 };
	conf_defaults(&c);
	c.firewall.backend = FW_BACKEND_NFTABLES;
	c.firewall.action = FW_ACTION_TARPIT;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	parent_close_tarpit(&p);
	return 0;
}

static void test_taken_at_the_start(void **state)
{
	uint16_t port;
	int other = take_port(&port);

	(void)state;
	for (int i = 0; i < 2; i++) { /* the start, and a reload while it is still so */
		assert_int_equal(come(i == 0, port, 2), ERR_OK);
		assert_int_equal(c.tarpit.port, CONF_PORT_LOST);
		assert_true(p.is_port_lost);
		assert_int_equal(p.tarpit.count, 0);
		assert_int_equal(parent_count_tarpits(&c), 0);
	}
	(void)close(other);
	assert_int_equal(come(false, port, 2), ERR_OK);
	assert_int_equal(c.tarpit.port, port);
	assert_false(p.is_port_lost);
	assert_int_equal(p.tarpit.count, 2);
}

static void test_taken_at_a_reload(void **state)
{
	uint16_t ours, theirs;
	int other = take_port(&ours), first;

	(void)state;
	(void)close(other);
	assert_int_equal(come(true, ours, 2), ERR_OK);
	first = p.tarpit.fd[0];
	other = take_port(&theirs);
	assert_int_equal(come(false, theirs, 1), ERR_IO);
	assert_non_null(strstr(text, "cannot listen"));
	assert_int_equal(p.tarpit.count, 2);
	assert_int_equal(p.tarpit.port, ours);
	assert_int_equal(p.tarpit.fd[0], first);
	assert_false(p.is_port_lost);
	/* more and fewer processes on the same port: who is there stays */
	assert_int_equal(come(false, ours, 3), ERR_OK);
	assert_int_equal(p.tarpit.count, 3);
	assert_int_equal(come(false, ours, 1), ERR_OK);
	assert_int_equal(p.tarpit.count, 1);
	assert_int_equal(p.tarpit.fd[0], first);
	(void)close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken_at_the_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_taken_at_a_reload, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
