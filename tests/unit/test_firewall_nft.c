/*
 * test_firewall_nft: our table in the kernel: its form, its elements, what others
 * change in it, what a kernel lacks. nft is the witness.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "firewall_nft_rig.h"

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
	assert_in_range(s.left_ms, 60000, 100000);
	op(f, true, "198.51.100.7", 5000);
	s = dump(f);
	assert_int_equal(s.n, 1);
	assert_in_range(s.left_ms, 4960000, 5000000);
	assert_true(netns_has("\"timeout\": 5000"));
	op(f, true, "198.51.100.7", 50); /* shorter too */
	assert_true(dump(f).left_ms <= 50000);
	op(f, false, "198.51.100.7", 0);
	assert_int_equal(dump(f).n, 0);
	op(f, false, "198.51.100.7", 0); /* absent: no error */
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
		cmocka_unit_test(test_a_kernel_that_lacks_something),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_foreign_form),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_dump_breaks_off),
	};

	has_netns = netns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
