/*
 * test_firewall_packets: what the rules do to real connections: refused, dropped,
 * given to the answerer, left alone.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "firewall_nft_rig.h"

static int listener[2];

/* A listener of the answerer's kind. */
static int listen_given(uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t n = netns_sockaddr("::", port, &a);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof on), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* A connection to port 25 comes to this listener; returns the port that it has there. */
static unsigned given_port(int l, const char *from)
{
	int c = netns_connect(from, strchr(from, ':') ? "2001:db8::1" : "192.0.2.1", NETNS_PORT), s;
	struct pollfd p = { .fd = l, .events = POLLIN };
	struct sockaddr_in6 a = { 0 };
	socklen_t n = sizeof a;

	assert_true(c >= 0);
	assert_int_equal(poll(&p, 1, 10000), 1);
	s = accept(l, NULL, NULL);
	assert_true(s >= 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &n), 0);
	(void)close(c);
	(void)close(s);
	return ntohs(a.sin6_port);
}

/* Nobody answers, not even Postfix. */
static void assert_dropped(const char *from)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	struct sockaddr_storage a;
	socklen_t n = netns_sockaddr(from, 0, &a);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	n = netns_sockaddr("192.0.2.1", NETNS_PORT, &a);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, n), -1);
	assert_int_equal(poll(&p, 1, 100), 0);
	(void)close(fd);
}

static void test_given(void **state)
{
	struct firewall_nft *f = open_made();
	int l = listen_given(10725);

	(void)state;
	op(f, true, "198.51.100.7", 100);
	op(f, true, "2001:db8:1::/64", 100);
	firewall_nft_redirect(f, 10725);
	make(f, true, true); /* chains of another kind around the same sets */
	assert_int_equal(dump(f).n, 2);
	assert_int_equal(given_port(l, "198.51.100.7"), NETNS_PORT);
	assert_true(netns_has("\"type\": \"filter\", \"hook\": \"prerouting\", \"prio\": -155"));
	assert_true(netns_has("\"tproxy\": {\"port\": 10725}"));
	assert_true(netns_has("\"fib\""));
	make(f, true, false);
	op(f, true, "198.51.100.7", 100);
	op(f, true, "2001:db8:1::/64", 100);
	op(f, true, "203.0.113.4/31", 100); /* a set that comes later */
	make(f, true, false);
	assert_int_equal(given_port(l, "198.51.100.7"), NETNS_PORT);
	assert_int_equal(given_port(l, "2001:db8:1::7"), NETNS_PORT);
	assert_int_equal(given_port(l, "203.0.113.5"), NETNS_PORT);
	assert_int_equal(netns_try("198.51.100.8"), 0);
	netns_nft("add table inet site; add chain inet site input { type filter hook input priority 0; policy drop; }; "
		  "add rule inet site input ct state established,related accept; "
		  "add rule inet site input tcp dport 25 accept");
	assert_int_equal(given_port(l, "198.51.100.7"), NETNS_PORT); /* a site that opens only port 25 */
	netns_nft("delete table inet site");
	(void)close(l);
	assert_dropped("198.51.100.7");
	firewall_nft_redirect(f, 10726); /* only the rules */
	make(f, true, true);
	assert_int_equal(dump(f).n, 3);
	l = listen_given(10726);
	assert_int_equal(given_port(l, "198.51.100.7"), NETNS_PORT);
	(void)close(l);
	firewall_nft_redirect(f, 0);
	make(f, true, true);
	assert_int_equal(netns_try("198.51.100.7"), ECONNREFUSED);
	make(f, true, false);
	assert_int_equal(firewall_nft_remove(f), ERR_OK);
	firewall_nft_close(f);
}

static void test_forward(void **state)
{
	struct firewall_nft *f = open_made();

	(void)state;
	firewall_nft_forward(f, true);
	make(f, true, true);
	assert_true(netns_has("\"hook\": \"forward\", \"prio\": -10"));
	assert_true(netns_has("\"hook\": \"input\", \"prio\": -10"));
	op(f, true, "198.51.100.7", 100);
	assert_int_equal(netns_try("198.51.100.7"), ECONNREFUSED);
	make(f, true, false);
	firewall_nft_redirect(f, 10725);
	make(f, true, true);
	assert_true(netns_has("\"type\": \"nat\", \"hook\": \"prerouting\", \"prio\": -110"));
	assert_true(netns_has("\"redirect\": {\"port\": 10725}"));
	assert_false(netns_has("\"fib\""));
	make(f, true, false);
	firewall_nft_forward(f, false);
	firewall_nft_redirect(f, 0);
	make(f, true, true);
	assert_int_equal(firewall_nft_remove(f), ERR_OK);
	firewall_nft_close(f);
}

static void check_block(struct firewall_nft *f, const char *prefix, const char *in, const char *out)
{
	assert_int_equal(netns_try(in), 0);
	op(f, true, prefix, 100);
	assert_int_equal(netns_try(in), ECONNREFUSED);
	assert_int_equal(netns_try(out), 0);
	op(f, false, prefix, 0);
	assert_int_equal(netns_try(in), 0);
}

static void test_connections(void **state)
{
	struct firewall_nft *f = open_made();
	int other, fd;

	(void)state;
	check_block(f, "198.51.100.7", "198.51.100.7", "198.51.100.8");
	check_block(f, "198.51.100.0/24", "198.51.100.8", "203.0.113.5");
	check_block(f, "203.0.113.4/31", "203.0.113.5", "203.0.113.6");
	check_block(f, "198.51.0.0/16", "198.51.100.8", "203.0.113.5");
	check_block(f, "2001:db8:1::/64", "2001:db8:1::8", "2001:db8:2::7");
	check_block(f, "2001:db8:1::7", "2001:db8:1::7", "2001:db8:1::8");
	check_block(f, "2001:db8:1::/48", "2001:db8:1::8", "2001:db8:2::7");
	make(f, true, false); /* all those sets and rules are of our form */
	/* other ports stay open */
	op(f, true, "198.51.100.7", 100);
	other = netns_listen("192.0.2.1", 587);
	fd = netns_connect("198.51.100.7", "192.0.2.1", 587);
	assert_true(fd >= 0);
	(void)close(fd);
	(void)close(other);
	firewall_nft_close(f);
}

/* The other end of this very connection; those of former tests are left. */
static int accept_from(int l, int client)
{
	struct sockaddr_storage mine = { 0 }, theirs;
	socklen_t n = sizeof mine;
	int s;

	assert_int_equal(getsockname(client, (struct sockaddr *)&mine, &n), 0);
	for (;;) {
		struct pollfd p = { .fd = l, .events = POLLIN };

		assert_int_equal(poll(&p, 1, 30000), 1);
		memset(&theirs, 0, sizeof theirs);
		n = sizeof theirs;
		s = accept(l, (struct sockaddr *)&theirs, &n);
		assert_true(s >= 0);
		if (memcmp(&mine, &theirs, n) == 0)
			return s;
		(void)close(s);
	}
}

static void check_established(struct firewall_nft *f, const char *prefix, const char *from, const char *to, int l)
{
	int c = netns_connect(from, to, NETNS_PORT), s;
	char got[4] = "";

	assert_true(c >= 0);
	s = accept_from(l, c);
	op(f, true, prefix, 100);
	assert_int_equal(send(c, "abc", 3, 0), 3);
	assert_int_equal(recv(s, got, 3, MSG_WAITALL), 3);
	assert_int_equal(send(s, "def", 3, 0), 3);
	assert_int_equal(recv(c, got, 3, MSG_WAITALL), 3);
	assert_string_equal(got, "def");
	assert_int_equal(netns_try(from), ECONNREFUSED);
	(void)close(c);
	(void)close(s);
}

static void test_established(void **state)
{
	struct firewall_nft *f = open_made();

	(void)state;
	check_established(f, "203.0.113.5", "203.0.113.5", "192.0.2.1", listener[0]);
	check_established(f, "2001:db8:2::/64", "2001:db8:2::7", "2001:db8::1", listener[1]);
	firewall_nft_close(f);
}

static void test_expiry(void **state)
{
	struct firewall_nft *f = open_made();
	double began = netns_now();
	bool is_refused;

	(void)state;
	op(f, true, "198.51.100.7", 2);
	is_refused = netns_try("198.51.100.7") == ECONNREFUSED;
	assert_true(is_refused || netns_now() - began >= 2); /* a machine that stood still saw nothing of it */
	while (netns_try("198.51.100.7") != 0)
		assert_true(netns_now() < began + 30);
	firewall_nft_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_forward),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_established),
		cmocka_unit_test(test_expiry),
	};

	has_netns = netns_enter();
	if (has_netns) {
		listener[0] = netns_listen("192.0.2.1", NETNS_PORT);
		listener[1] = netns_listen("2001:db8::1", NETNS_PORT);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
