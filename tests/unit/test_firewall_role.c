/*
 * The firewall role, its table and its sets as others leave them, and how fast it
 * is; when something is missing: test_firewall_lack.c.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "firewall_peer.h"

static void test_ops(void **state)
{
	struct peer p;
	struct fw_op o;

	(void)state;
	start_clean(&p);
	assert_int_equal(peer_add(&p, "198.51.100.7"), 0);
	assert_true(netns_has("198.51.100.7"));
	assert_int_equal(netns_try("198.51.100.7"), ECONNREFUSED);
	assert_int_equal(peer_add(&p, "2001:db8:1::/64"), 0);
	assert_int_equal(netns_try("2001:db8:1::8"), ECONNREFUSED);
	assert_int_equal(peer_add(&p, "192.168.1.1"), EPERM);
	assert_int_equal(peer_add(&p, "203.0.113.7"), EPERM); /* own network */
	assert_int_equal(peer_add(&p, "198.0.0.0/8"), EINVAL);
	o = op_of(false, "198.51.100.7", 0);
	assert_int_equal(peer_ops(&p, &o, 1), 0);
	assert_false(netns_has("198.51.100.7"));
	peer_kill(&p);
	assert_int_equal(netns_try("2001:db8:1::8"), ECONNREFUSED);
}

static void test_sync_and_restart(void **state)
{
	struct peer p;

	(void)state;
	start_clean(&p);
	assert_int_equal(peer_add(&p, "198.51.100.7"), 0);
	assert_int_equal(peer_add(&p, "198.51.100.8"), 0);
	peer_kill(&p);
	/* in force while nobody runs, and until the engine has said all */
	assert_true(netns_has("198.51.100.7"));
	peer_start(&p, 0);
	peer_await_state(&p, FW_OK);
	assert_true(netns_has("198.51.100.8"));
	peer_sync(&p, 1);
	assert_int_equal(peer_add(&p, "198.51.100.7"), 0);
	assert_int_equal(peer_add(&p, "192.0.2.77"), 0);
	assert_true(netns_has("198.51.100.8"));
	peer_sync(&p, 2);
	await_nft("198.51.100.8", false);
	assert_true(netns_has("198.51.100.7"));
	assert_true(netns_has("192.0.2.77"));
	peer_kill(&p);
}

static void check_repaired(struct peer *p, const char *what, const char *needle, bool is_there, uint32_t count)
{
	uint32_t before = p->state.repaired;
	double start = netns_now();

	netns_nft(what);
	await_nft(needle, is_there);
	assert_true(netns_now() - start < 5);
	while (p->state.repaired < before + count) {
		struct msg_fw_done done;

		(void)peer_next(p, &done);
	}
	assert_int_equal(p->state.repaired, before + count);
}

static void test_drift(void **state)
{
	struct peer p;

	(void)state;
	start_clean(&p);
	assert_int_equal(peer_add(&p, "198.51.100.7"), 0);
	assert_int_equal(peer_add(&p, "198.51.100.8"), 0);
	assert_int_equal(peer_add(&p, "2001:db8:1::/64"), 0);
	check_repaired(&p, "delete element inet limetwig host4 { 198.51.100.7 }", "198.51.100.7", true, 1);
	check_repaired(&p, "add element inet limetwig host4 { 192.0.2.99 }", "192.0.2.99", false, 1);
	check_repaired(&p, "flush set inet limetwig host4", "198.51.100.8", true, 2);
	check_repaired(&p, "flush chain inet limetwig blocked", "reject", true, 1);
	check_repaired(&p, "delete table inet limetwig", "2001:db8:1::", true, 4);
	check_repaired(&p, "flush ruleset", "198.51.100.7", true, 4);
	assert_int_equal(netns_try("198.51.100.7"), ECONNREFUSED);
	assert_int_equal(netns_try("2001:db8:1::8"), ECONNREFUSED);
	/* what others do elsewhere is none of our business */
	netns_nft("add table inet theirs; add set inet theirs s { type ipv4_addr; elements = { 1.2.3.4 } }");
	assert_int_equal(peer_add(&p, "198.51.100.9"), 0);
	assert_true(netns_has("198.51.100.9"));
	peer_kill(&p);
}

static void test_off(void **state)
{
	struct peer p;

	(void)state;
	start_clean(&p);
	assert_int_equal(peer_add(&p, "198.51.100.7"), 0);
	(void)kill(p.pid, SIGUSR1);
	peer_await_state(&p, FW_OFF);
	assert_string_equal(netns_list(), "");
	assert_int_not_equal(peer_add(&p, "198.51.100.8"), 0);
	assert_string_equal(netns_list(), "");
	/* on again: what is wanted comes back */
	(void)kill(p.pid, SIGUSR2);
	peer_await_state(&p, FW_OK);
	await_nft("198.51.100.7", true);
	await_nft("198.51.100.8", true);
	peer_kill(&p);
}

static void test_denied(void **state)
{
	struct peer p;

	(void)state;
	if (!has_netns)
		skip();
	peer_start(&p, 65534);
	peer_await_state(&p, FW_DENIED);
	assert_int_equal(p.state.error, EPERM);
	assert_int_equal(peer_add(&p, "198.51.100.7"), EPERM);
	peer_kill(&p);
}

static struct fw_op nth(uint32_t i)
{
	struct fw_op o = { .is_add = true, .ttl_s = 3600 };
	struct ipaddr a = { .family = 4, .b = { (uint8_t)(20 + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i, 1 } };

	o.prefix = prefix_of(&a, 32);
	return o;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void test_latency(void **state)
{
	static double took[2000];
	struct peer p;

	(void)state;
	start_clean(&p);
	for (uint32_t i = 0; i < 2000; i++) {
		struct fw_op o = nth(i);
		double t = netns_now();

		assert_int_equal(peer_ops(&p, &o, 1), 0);
		took[i] = netns_now() - t;
	}
	qsort(took, 2000, sizeof took[0], by_value);
	(void)fprintf(stderr, "# one element, there and back: median %.1f us, p99 %.1f us, longest %.1f us\n",
		took[1000] * 1e6, took[1980] * 1e6, took[1999] * 1e6);
	peer_kill(&p);
}

/* CPU seconds of the role's processes so far, and the largest one's memory. */
static double role_cpu(long *ret_kb)
{
	struct rusage r;

	assert_int_equal(getrusage(RUSAGE_CHILDREN, &r), 0);
	*ret_kb = r.ru_maxrss;
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void send_list(struct peer *p, uint32_t n)
{
	static struct fw_op o[MESSAGE_FW_OPS];

	peer_sync(p, 1);
	for (uint32_t i = 0; i < n; i += MESSAGE_FW_OPS) {
		for (uint32_t k = 0; k < MESSAGE_FW_OPS; k++)
			o[k] = nth(i + k);
		assert_int_equal(peer_ops(p, o, MESSAGE_FW_OPS), 0);
	}
	peer_sync(p, 2);
}

static void await_present(struct peer *p, uint32_t n)
{
	struct msg_fw_done done;

	while (peer_next(p, &done) != MSG_FW_STATE || p->state.present != n || p->state.wanted != n)
		;
}

/* More at once than is kept one by one: read back, or made anew where that would take long. */
static void test_drift_of_many(void **state)
{
	static const uint32_t counts[] = { 20000, FIREWALL_DUMP_MAX / 1000 * 1000 + 5000 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct peer p;
		double start;

		start_clean(&p);
		send_list(&p, counts[i]);
		await_present(&p, counts[i]);
		start = netns_now();
		netns_nft("flush set inet limetwig host4");
		while (p.state.repaired < counts[i])
			await_present(&p, counts[i]);
		assert_true(netns_now() - start < 5);
		assert_in_range(p.state.repaired, counts[i], counts[i] + 1 + FIREWALL_BATCH);
		netns_nft("get element inet limetwig host4 { 20.0.0.1 }"); /* fails when it is not there */
		peer_kill(&p);
	}
}

/* A full list of n at start, then again over what the former run left. */
static void check_load(uint32_t n)
{
	struct peer p;

	start_clean(&p);
	for (unsigned round = 0; round < 2; round++) {
		long kb;
		double start = netns_now(), cpu = role_cpu(&kb);

		send_list(&p, n);
		(void)fprintf(stderr, "# %u elements, %s: sent after %.2f s,", n, round ? "again" : "new",
			netns_now() - start);
		await_present(&p, n);
		(void)fprintf(stderr, " all there after %.2f s", netns_now() - start);
		peer_kill(&p);
		cpu = role_cpu(&kb) - cpu;
		(void)fprintf(stderr, ", CPU %.2f s, %ld kB\n", cpu, kb);
		if (round == 0) {
			peer_start(&p, 0);
			peer_await_state(&p, FW_OK);
		}
	}
}

static void test_load(void **state)
{
	const char *n = getenv("LIMETWIG_BENCH");

	(void)state;
	check_load(n ? (uint32_t)atoi(n) : 70000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ops),
		cmocka_unit_test(test_sync_and_restart),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_drift_of_many),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_load),
	};

	if (!peer_prepare())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
