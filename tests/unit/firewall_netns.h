/*
 * firewall_netns: for tests of the firewall: an own network namespace with
 * addresses on its loopback, TCP connections between them, nft as a witness.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_FIREWALL_NETNS_H
#define TESTS_FIREWALL_NETNS_H
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/ipaddr.h"

#define NETNS_PORT 25

static inline double netns_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Output of a command, cut to size. Returns its status. */
__attribute__((format(printf, 3, 4))) static inline int netns_run(char *out, size_t size, const char *fmt, ...)
{
	char command[1024];
	size_t n = 0, k;
	va_list ap;
	FILE *p;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	p = popen(command, "r");
	assert_non_null(p);
	while (n < size - 1 && (k = fread(out + n, 1, size - 1 - n, p)) > 0)
		n += k;
	out[n] = '\0';
	return pclose(p);
}

/* What nft lists of our table ("" when there is none). */
static inline const char *netns_list(void)
{
	static char text[1 << 16];

	(void)netns_run(text, sizeof text, "nft -j list table inet limetwig 2>/dev/null");
	return text;
}

static inline bool netns_has(const char *needle)
{
	return strstr(netns_list(), needle) != NULL;
}

static inline void netns_nft(const char *what)
{
	char out[512];

	assert_int_equal(netns_run(out, sizeof out, "nft '%s' 2>&1", what), 0);
}

static inline socklen_t netns_sockaddr(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (void *)ret;
	struct sockaddr_in6 *v6 = (void *)ret;

	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof *v4;
	}
	assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof *v6;
}

/* The kernel makes the route to a new IPv6 address a little later, on a busy machine much later. */
static inline bool netns_await_route(const char *prefix)
{
	double until = netns_now() + 30;
	struct sockaddr_storage a;
	char text[64];
	socklen_t n;
	int fd, r;

	(void)snprintf(text, sizeof text, "%.*s", (int)strcspn(prefix, "/"), prefix);
	n = netns_sockaddr(text, NETNS_PORT, &a);
	fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	while ((r = connect(fd, (struct sockaddr *)&a, n)) != 0 && netns_now() < until)
		(void)poll(NULL, 0, 1);
	(void)close(fd);
	return r == 0;
}

/* From one address to another: a descriptor, or -1 (errno). */
static inline int netns_connect(const char *from, const char *to, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t n = netns_sockaddr(from, 0, &a);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), keep;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	n = netns_sockaddr(to, port, &a);
	if (connect(fd, (struct sockaddr *)&a, n) == 0)
		return fd;
	keep = errno;
	(void)close(fd);
	errno = keep;
	return -1;
}

/* Packets both ways: a route may be there for who asks, and not yet for what comes in. Nobody listens: refused. */
static inline bool netns_await_way(const char *from, const char *to)
{
	double until = netns_now() + 30;
	int fd;

	while ((fd = netns_connect(from, to, NETNS_PORT)) < 0 && errno != ECONNREFUSED && netns_now() < until)
		(void)poll(NULL, 0, 1);
	if (fd >= 0)
		(void)close(fd);
	return fd >= 0 || errno == ECONNREFUSED;
}

static inline bool netns_await_ways(const char *const *address, size_t count)
{
	char from[64], to[64];
	bool is_good = true;

	for (size_t i = 0; i < count * count && is_good; i++) {
		const char *a = address[i / count], *b = address[i % count];

		(void)snprintf(from, sizeof from, "%.*s", (int)strcspn(a, "/"), a);
		(void)snprintf(to, sizeof to, "%.*s", (int)strcspn(b, "/"), b);
		is_good = !strchr(from, ':') != !strchr(to, ':') || netns_await_way(from, to);
	}
	return is_good;
}

static inline void netns_must(const char *command)
{
	char out[512];

	if (netns_run(out, sizeof out, "( %s ) 2>&1", command) == 0)
		return;
	(void)fprintf(stderr, "%s: %s\n", command, out);
	abort();
}

/* False: no right to make one, or no ip or nft here; the tests are skipped. What fails after that is a failure. */
static inline bool netns_enter(void)
{
	static const char *const address[] = { "192.0.2.1/32", "198.51.100.7/32", "198.51.100.8/32", "203.0.113.5/32",
		"203.0.113.6/32", "2001:db8::1/128", "2001:db8:1::7/128", "2001:db8:1::8/128", "2001:db8:2::7/128" };
	char out[512];

	if (geteuid() != 0 || netns_run(out, sizeof out, "command -v nft ip") != 0)
		return false;
	if (unshare(CLONE_NEWNET) != 0) {
		if (errno == EPERM)
			return false;
		perror("unshare");
		abort();
	}
	netns_must("ip link set lo up");
	for (size_t i = 0; i < sizeof address / sizeof address[0]; i++) {
		(void)snprintf(out, sizeof out, "ip addr add %s dev lo nodad || ip addr add %s dev lo", address[i],
			address[i]);
		netns_must(out);
		if (!netns_await_route(address[i]))
			abort();
	}
	if (!netns_await_ways(address, sizeof address / sizeof address[0]))
		abort();
	netns_must("nft list tables");
	return true;
}

static inline int netns_listen(const char *address, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t n = netns_sockaddr(address, port, &a);
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

/* 0, or the errno of a new connection to port 25. */
static inline int netns_try(const char *from)
{
	int fd = netns_connect(from, strchr(from, ':') ? "2001:db8::1" : "192.0.2.1", NETNS_PORT);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

#endif /* TESTS_FIREWALL_NETNS_H */
