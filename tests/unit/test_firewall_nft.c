/*
 * firewall_nft in a network namespace of its own: form, elements against real
 * connections, foreign changes. nft is the witness.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "firewall_netns.h"

#include "io/firewall_nft.h"

static bool has_netns;
static int listener[2];

static struct firewall_nft *open_nft(void)
{
	static const uint16_t port[] = { NETNS_PORT };
	struct firewall_nft *f;

	if (!has_netns)
		skip();
	assert_int_equal(firewall_nft_open(&f), ERR_OK);
	firewall_nft_setup(f, port, 1, false, 10000);
	return f;
}

static void make(struct firewall_nft *f, bool is_kept, bool is_changed)
{
	bool kept, changed;

	assert_int_equal(firewall_nft_make(f, &kept, &changed), ERR_OK);
	assert_int_equal(kept, is_kept);
	assert_int_equal(changed, is_changed);
}

static struct firewall_nft *open_made(void)
{
	struct firewall_nft *f = open_nft();

	assert_int_equal(firewall_nft_remove(f), ERR_OK);
	make(f, false, true);
	return f;
}

static void op(struct firewall_nft *f, bool is_add, const char *prefix, uint32_t ttl)
{
	struct fw_op o = { .is_add = is_add, .ttl_s = ttl };
	bool done;

	assert_int_equal(prefix_parse(slice_str(prefix), &o.prefix), ERR_OK);
	assert_int_equal(firewall_nft_apply(f, &o, 1, &done), ERR_OK);
	assert_true(done);
}

struct seen {
	size_t n;
	struct prefix p;
	uint64_t left_ms;
};

static void on_element(void *ctx, const struct prefix *p, uint64_t left_ms)
{
	struct seen *s = ctx;

	s->n++;
	s->p = *p;
	s->left_ms = left_ms;
}

static struct seen dump(struct firewall_nft *f)
{
	struct seen s = { 0 };

	assert_int_equal(firewall_nft_dump(f, on_element, &s), ERR_OK);
	return s;
}

static void test_table(void **state)
{
	struct firewall_nft *f = open_nft();
	char text[200] = "";

	(void)state;
	assert_int_equal(firewall_nft_delete_table(text, sizeof text), ERR_OK); /* none */
	make(f, false, true);
	assert_true(netns_has("\"host4\""));
	assert_true(netns_has("\"net6_64\""));
	assert_true(netns_has("\"gc-interval\": 300"));
	assert_true(netns_has("\"hook\": \"input\", \"prio\": -10, \"policy\": \"accept\""));
	make(f, true, false);
	assert_int_equal(firewall_nft_delete_table(text, sizeof text), ERR_OK);
	assert_string_equal(netns_list(), "");
	assert_int_equal(firewall_nft_remove(f), ERR_OK);
	firewall_nft_close(f);
}

static void test_upsert_renews(void **state)
{
	struct firewall_nft *f = open_made();
	struct seen s;

	(void)state;
	op(f, true, "198.51.100.7", 100);
	s = dump(f);
	assert_int_equal(s.n, 1);
	assert_true(s.left_ms > 95000 && s.left_ms <= 100000);
	op(f, true, "198.51.100.7", 5000);
	s = dump(f);
	assert_int_equal(s.n, 1);
	assert_true(s.left_ms > 4990000);
	assert_true(netns_has("\"timeout\": 5000"));
	op(f, true, "198.51.100.7", 50); /* shorter too */
	assert_true(dump(f).left_ms <= 50000);
	op(f, false, "198.51.100.7", 0);
	assert_int_equal(dump(f).n, 0);
	op(f, false, "198.51.100.7", 0); /* absent: no error */
	firewall_nft_close(f);
}

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

/* A kernel without this expression: its name reaches the kernel as one that there is not. */
static const char *missing;

static void spoil(void *p, size_t n)
{
	char *at = missing ? memmem(p, n, missing, strlen(missing) + 1) : NULL;

	for (; at; at = memmem(at, n - (size_t)(at - (char *)p), missing, strlen(missing) + 1))
		at[0] = 'X';
}

/* in place of libmnl's */
ssize_t mnl_socket_sendto(const struct mnl_socket *s, const void *p, size_t n)
{
	union {
		const void *in;
		void *out;
	} u = { .in = p };

	spoil(u.out, n);
	return send(mnl_socket_get_fd(s), p, n, 0);
}

static void check_missing(struct firewall_nft *f, const char *name)
{
	bool kept, changed;

	missing = name;
	assert_int_equal(firewall_nft_make(f, &kept, &changed), ERR_NOTFOUND);
	assert_string_equal(firewall_nft_lacks(f), name);
	missing = NULL;
	assert_null(firewall_nft_lacks(f));
	assert_string_equal(netns_list(), "");
}

static void test_a_kernel_that_lacks_something(void **state)
{
	struct firewall_nft *f = open_nft();

	(void)state;
	assert_int_equal(firewall_nft_remove(f), ERR_OK);
	check_missing(f, "reject");
	firewall_nft_redirect(f, 10725);
	check_missing(f, "tproxy");
	check_missing(f, "fib");
	firewall_nft_forward(f, true);
	check_missing(f, "redir");
	check_missing(f, "nat");
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
	double until = netns_now() + 5;

	(void)state;
	op(f, true, "198.51.100.7", 1);
	assert_int_equal(netns_try("198.51.100.7"), ECONNREFUSED);
	while (netns_try("198.51.100.7") != 0)
		assert_true(netns_now() < until);
	firewall_nft_close(f);
}

static void test_adopt(void **state)
{
	struct firewall_nft *f = open_made(), *next;
	static const uint16_t ports[] = { 25, 465 };

	(void)state;
	op(f, true, "198.51.100.7", 100);
	op(f, true, "198.51.100.0/25", 100);
	firewall_nft_close(f);
	/* the next run keeps it, with the set for /25 */
	next = open_nft();
	make(next, true, false);
	assert_int_equal(dump(next).n, 2);
	/* other ports: only the rules are replaced */
	firewall_nft_setup(next, ports, 2, false, 10000);
	make(next, true, true);
	assert_int_equal(dump(next).n, 2);
	assert_true(netns_has("465"));
	make(next, true, false);
	firewall_nft_setup(next, ports, 2, true, 10000);
	make(next, true, true);
	assert_true(netns_has("\"drop\""));
	assert_false(netns_has("reject"));
	/* another size: made anew */
	firewall_nft_setup(next, ports, 2, true, 20000);
	make(next, false, true);
	firewall_nft_close(next);
}

static void test_foreign_form(void **state)
{
	struct firewall_nft *f = open_made();

	(void)state;
	op(f, true, "198.51.100.7", 100);
	netns_nft("insert rule inet limetwig input accept");
	make(f, true, true);
	assert_false(netns_has("\"accept\": null"));
	assert_int_equal(netns_try("198.51.100.7"), ECONNREFUSED);
	netns_nft("flush chain inet limetwig blocked");
	make(f, true, true);
	assert_int_equal(netns_try("198.51.100.7"), ECONNREFUSED);
	netns_nft("add table inet limetwig { flags dormant; }");
	make(f, false, true);
	make(f, true, false);
	netns_nft("add chain inet limetwig theirs");
	make(f, true, true);
	assert_false(netns_has("\"name\": \"theirs\""));
	netns_nft("add set inet limetwig theirs { type ipv4_addr; }");
	make(f, false, true);
	netns_nft("flush ruleset");
	make(f, false, true);
	/* a foreign table in our place, quite different */
	netns_nft(
		"delete table inet limetwig; add table inet limetwig; add set inet limetwig host4 { type ipv6_addr; }");
	make(f, false, true);
	op(f, true, "198.51.100.7", 100);
	assert_int_equal(netns_try("198.51.100.7"), ECONNREFUSED);
	firewall_nft_close(f);
}

struct noticed {
	unsigned added, deleted, form;
	struct prefix last;
};

static void on_event(void *ctx, enum firewall_event what, const struct prefix *p)
{
	struct noticed *n = ctx;

	n->added += what == FIREWALL_EVENT_ADDED;
	n->deleted += what == FIREWALL_EVENT_DELETED;
	n->form += what == FIREWALL_EVENT_FORM;
	if (p)
		n->last = *p;
}

static struct noticed events(struct firewall_nft *f)
{
	struct noticed n = { 0 };

	assert_int_equal(firewall_nft_events(f, on_event, &n), ERR_OK);
	return n;
}

static void test_events(void **state)
{
	struct firewall_nft *f = open_made();
	struct noticed n;

	(void)state;
	(void)events(f); /* of the tests before */
	op(f, true, "198.51.100.7", 100);
	op(f, true, "198.51.100.0/26", 100);
	op(f, true, "2001:db8:1::/64", 100);
	netns_nft("add table inet theirs; add set inet theirs host4 { type ipv4_addr; elements = { 1.2.3.4 } }");
	netns_nft("delete table inet theirs");
	n = events(f);
	assert_int_equal(n.added + n.deleted + n.form, 0);
	netns_nft("delete element inet limetwig net6_64 { 2001:db8:1:: }");
	n = events(f);
	assert_int_equal(n.deleted, 1);
	assert_int_equal(n.last.len, 64);
	netns_nft("add element inet limetwig host4 { 192.0.2.99 }");
	n = events(f);
	assert_int_equal(n.added, 1);
	netns_nft("flush set inet limetwig host4");
	n = events(f);
	assert_int_equal(n.deleted, 2);
	netns_nft("add rule inet limetwig input accept");
	assert_true(events(f).form > 0);
	netns_nft("delete table inet limetwig");
	assert_true(events(f).form > 0);
	firewall_nft_close(f);
}

static struct fw_op nth(uint32_t i)
{
	struct fw_op o = { .is_add = true, .ttl_s = 600 };
	struct ipaddr a = { .family = 4, .b = { 198, 18, (uint8_t)(i >> 8), (uint8_t)i } };

	o.prefix = prefix_of(&a, 32);
	return o;
}

static void test_batches(void **state)
{
	struct firewall_nft *f = open_made();
	static struct fw_op o[10000];
	static bool done[10000];
	size_t n = 0;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		o[i] = nth(i);
	assert_int_equal(firewall_nft_apply(f, o, 10000, done), ERR_OK);
	assert_int_equal(dump(f).n, 10000);
	/* all there: upsert; the same twice in one transaction: halves until it fits */
	o[5] = o[4];
	o[7].is_add = false;
	assert_int_equal(firewall_nft_apply(f, o, 10000, done), ERR_OK);
	for (size_t i = 0; i < 10000; i++)
		n += done[i];
	assert_int_equal(n, 10000);
	assert_int_equal(dump(f).n, 9999);
	/* more than the set holds: as many as fit */
	firewall_nft_setup(f, (const uint16_t[]){ 25 }, 1, false, 100);
	make(f, false, true);
	assert_int_equal(firewall_nft_apply(f, o, 2000, done), ERR_FULL);
	assert_int_equal(errno, ENFILE);
	n = dump(f).n;
	assert_true(n > 1000 && n <= 1024 + 125);
	/* the table is gone: said at once */
	netns_nft("delete table inet limetwig");
	assert_int_equal(firewall_nft_apply(f, o, 2000, done), ERR_NOTFOUND);
	assert_false(done[0]);
	firewall_nft_close(f);
}

/* What others do in a stretch without listening is not heard, but known to have been. */
static void test_bulk(void **state)
{
	struct firewall_nft *f = open_made();
	static struct fw_op o[200];
	static bool done[200];

	(void)state;
	(void)events(f);
	assert_true(firewall_nft_bulk_end(f)); /* none */
	for (uint32_t i = 0; i < 200; i++)
		o[i] = nth(i);
	firewall_nft_bulk_begin(f);
	assert_true(firewall_nft_bulk_end(f)); /* nothing in it */
	netns_nft("add element inet limetwig host4 { 192.0.2.1 }");
	firewall_nft_bulk_begin(f);
	firewall_nft_bulk_begin(f);
	assert_int_equal(firewall_nft_apply(f, o, 200, done), ERR_OK);
	o[5] = o[4]; /* refused at first, then in halves */
	assert_int_equal(firewall_nft_apply(f, o, 200, done), ERR_OK);
	assert_int_equal(events(f).added, 1); /* from before */
	assert_true(firewall_nft_bulk_end(f));
	netns_nft("add element inet limetwig host4 { 192.0.2.2 }");
	assert_int_equal(events(f).added, 1);

	firewall_nft_bulk_begin(f);
	op(f, true, "198.51.100.7", 100);
	netns_nft("add element inet limetwig host4 { 192.0.2.3 }");
	assert_int_equal(events(f).added, 0);
	assert_false(firewall_nft_bulk_end(f));

	/* anew: what was said of the elements before is void */
	netns_nft("add element inet limetwig host4 { 192.0.2.4 }");
	firewall_nft_bulk_begin(f);
	assert_int_equal(firewall_nft_remake(f), ERR_OK);
	assert_int_equal(events(f).added, 0);
	netns_nft("add table inet theirs; delete table inet theirs");
	assert_false(firewall_nft_bulk_end(f));
	netns_nft("add element inet limetwig host4 { 192.0.2.5 }");
	assert_int_equal(events(f).added, 1);
	firewall_nft_close(f);
}

static void test_dump_breaks_off(void **state)
{
	struct firewall_nft *f = open_nft();
	struct fw_op *o = calloc(FIREWALL_DUMP_MAX + 1000, sizeof *o);
	bool *done = calloc(FIREWALL_DUMP_MAX + 1000, sizeof *done);
	struct seen s = { 0 };

	(void)state;
	assert_true(o && done);
	firewall_nft_setup(f, (const uint16_t[]){ 25 }, 1, false, 100000);
	assert_int_equal(firewall_nft_remake(f), ERR_OK);
	for (uint32_t i = 0; i < FIREWALL_DUMP_MAX + 1000; i++) {
		o[i] = nth(i & 0xffff);
		o[i].prefix.addr.b[1] = (uint8_t)(18 + (i >> 16));
	}
	assert_int_equal(firewall_nft_apply(f, o, FIREWALL_DUMP_MAX + 1000, done), ERR_OK);
	assert_int_equal(firewall_nft_dump(f, on_element, &s), ERR_FULL);
	assert_int_equal(s.n, FIREWALL_DUMP_MAX);
	assert_int_equal(firewall_nft_remake(f), ERR_OK);
	assert_int_equal(dump(f).n, 0); /* the socket works on */
	assert_int_equal(firewall_nft_remove(f), ERR_OK);
	firewall_nft_close(f);
	free(o);
	free(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_upsert_renews),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_forward),
		cmocka_unit_test(test_a_kernel_that_lacks_something),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_established),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_foreign_form),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_dump_breaks_off),
	};

	has_netns = netns_enter();
	if (has_netns) {
		listener[0] = netns_listen("192.0.2.1", NETNS_PORT);
		listener[1] = netns_listen("2001:db8::1", NETNS_PORT);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
