/*
 * The firewall role in a process of its own, with this test as the engine at
 * the other end of the channel, in a network namespace of its own.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "firewall_netns.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "io/firewall_nft.h"
#include "role/role_host.h"

#define WAIT_MS 5000     /* what the kernel must show by then */
#define MESSAGE_MS 20000 /* a report comes every 10 s in any case */

static bool has_netns;
static pid_t running;                 /* the role's process: a test that fails leaves it */
static bool is_short;                 /* the next one begins without descriptors to be had, until SIGHUP */
static _Atomic int64_t *wall_ahead_s; /* shared with the role's process */

/* In place of libc's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *to)
{
	int done = (int)syscall(SYS_clock_gettime, id, to);

	to->tv_sec += id == CLOCK_REALTIME && wall_ahead_s ? atomic_load(wall_ahead_s) : 0;
	return done;
}

/* ---- the role's process */

static void on_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct role_host *h = ctx;

	firewall_ops.message(h, peer, t, body, fds, n);
}

static void on_closed(void *ctx, enum role peer)
{
	(void)peer;
	(void)ctx;
	_exit(0);
}

static void on_off(int signo, void *ctx)
{
	struct role_host *h = ctx;

	h->conf.is_off = signo == SIGUSR1;
	firewall_ops.reloaded(h);
}

static void limit_files(rlim_t n)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		_exit(6);
	r.rlim_cur = n ? n : r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		_exit(6);
}

static void on_more_files(int signo, void *ctx)
{
	(void)signo;
	(void)ctx;
	limit_files(0);
}

static void role_run(int fd, uid_t uid)
{
	static struct role_host h;

	h.role = ROLE_FIREWALL;
	h.ops = &firewall_ops;
	h.loop = loop_new();
	conf_defaults(&h.conf);
	h.conf.firewall.action = FW_ACTION_REJECT;
	h.conf.own_networks.count = 1;
	(void)snprintf(h.conf.own_networks.item[0], CONF_ITEM, "203.0.113.0/24");
	if (uid && (setgid(uid) != 0 || setuid(uid) != 0))
		_exit(3);
	if (!h.loop || !loop_signal(h.loop, SIGHUP, on_more_files, &h))
		_exit(5);
	if (is_short)
		limit_files(3);
	if (firewall_ops.start(&h) != ERR_OK)
		_exit(4);
	h.link[ROLE_ENGINE] = channel_new(h.loop, fd, ROLE_FIREWALL, ROLE_ENGINE, on_message, on_closed, &h);
	if (!h.link[ROLE_ENGINE] || !loop_signal(h.loop, SIGUSR1, on_off, &h) ||
		!loop_signal(h.loop, SIGUSR2, on_off, &h))
		_exit(5);
	firewall_ops.linked(&h, ROLE_ENGINE);
	(void)loop_run(h.loop);
	_exit(0);
}

/* ---- the engine's side */

struct peer {
	pid_t pid;
	int fd;
	uint64_t seq;
	struct msg_fw_state state; /* the last report */
};

static void peer_send(struct peer *p, const struct wr *w)
{
	assert_false(w->bad);
	assert_int_equal(send(p->fd, w->p, w->n, MSG_NOSIGNAL), w->n);
}

static void peer_start(struct peer *p, uid_t uid)
{
	uint8_t out[16];
	struct wr w = wr_init(out, sizeof out);
	int pair[2];

	*p = (struct peer){ 0 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0) {
		(void)close(pair[0]);
		role_run(pair[1], uid);
	}
	running = p->pid;
	(void)close(pair[1]);
	p->fd = pair[0];
	message_put_hello(&w, MSG_HELLO, &(struct msg_hello){ .version = MESSAGE_VERSION, .role = ROLE_ENGINE });
	peer_send(p, &w);
}

/* Dies like a crash: the table must stay. */
static void peer_kill(struct peer *p)
{
	(void)kill(p->pid, SIGKILL);
	assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
	running = 0;
	(void)close(p->fd);
}

/* The next message; states are kept in p. */
static enum message_type peer_next(struct peer *p, struct msg_fw_done *done)
{
	static uint8_t in[MESSAGE_MAX];
	struct pollfd poll_fd = { .fd = p->fd, .events = POLLIN };
	struct rd r;
	ssize_t n;
	enum message_type t;

	assert_int_equal(poll(&poll_fd, 1, MESSAGE_MS), 1);
	n = recv(p->fd, in, sizeof in, 0);
	assert_true(n > 0);
	r = rd_init(in, (size_t)n);
	t = (enum message_type)rd_u8(&r);
	if (t == MSG_FW_STATE)
		assert_int_equal(message_get_fw_state(&r, &p->state), ERR_OK);
	else if (t == MSG_FW_DONE)
		assert_int_equal(message_get_fw_done(&r, done), ERR_OK);
	else
		assert_int_equal(t, MSG_HELLO);
	return t;
}

static void peer_await_state(struct peer *p, uint8_t state)
{
	struct msg_fw_done done;

	while (peer_next(p, &done) != MSG_FW_STATE || p->state.state != state)
		;
}

/* Returns the error of the answer. */
static uint32_t peer_ops(struct peer *p, const struct fw_op *op, size_t n)
{
	static struct msg_fw_ops m;
	static uint8_t out[MESSAGE_MAX];
	struct wr w = wr_init(out, sizeof out);
	struct msg_fw_done done;

	m.seq = ++p->seq;
	m.count = (uint16_t)n;
	memcpy(m.op, op, n * sizeof *op);
	message_put_fw_ops(&w, MSG_FW_OPS, &m);
	peer_send(p, &w);
	while (peer_next(p, &done) != MSG_FW_DONE)
		;
	assert_int_equal(done.seq, p->seq);
	return done.error;
}

static struct fw_op op_of(bool is_add, const char *prefix, uint32_t ttl)
{
	struct fw_op o = { .is_add = is_add, .ttl_s = ttl };

	assert_int_equal(prefix_parse(slice_str(prefix), &o.prefix), ERR_OK);
	return o;
}

static uint32_t peer_add(struct peer *p, const char *prefix)
{
	struct fw_op o = op_of(true, prefix, 600);

	return peer_ops(p, &o, 1);
}

static void peer_sync(struct peer *p, uint8_t phase)
{
	uint8_t out[16];
	struct wr w = wr_init(out, sizeof out);

	message_put_fw_sync(&w, MSG_FW_SYNC, &(struct msg_fw_sync){ .phase = phase });
	peer_send(p, &w);
}

/* Until nft lists, or does not list, needle. */
static void await_nft(const char *needle, bool is_there)
{
	double until = netns_now() + WAIT_MS / 1000.0;

	while (netns_has(needle) != is_there)
		assert_true(netns_now() < until);
}

static void start_clean(struct peer *p)
{
	char out[200];

	if (!has_netns)
		skip();
	if (running) {
		(void)kill(running, SIGKILL);
		(void)waitpid(running, NULL, 0);
		running = 0;
	}
	(void)netns_run(out, sizeof out, "nft flush ruleset 2>&1");
	peer_start(p, 0);
	peer_await_state(p, FW_OK);
}

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

/* The kernel's elements last by a clock that nobody sets: while the other one is wrong none of them is forgotten. */
static void test_a_clock_that_leaps(void **state)
{
	struct peer p;
	struct fw_op brief = op_of(true, "198.51.100.9", 2);

	(void)state;
	start_clean(&p);
	assert_int_equal(peer_add(&p, "198.51.100.7"), 0);
	assert_int_equal(peer_ops(&p, &brief, 1), 0);
	atomic_store(wall_ahead_s, 40ll * 86400);
	await_nft("198.51.100.9", false); /* the role has swept since */
	atomic_store(wall_ahead_s, 0);
	assert_true(netns_has("198.51.100.7"));
	peer_sync(&p, 1);
	peer_sync(&p, 2);
	await_nft("198.51.100.7", false);
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

/*
 * No socket to be had at the start, nor when the list comes; later there is one. What is in the kernel since the former
 * run is as old as then: what was lifted since goes, what came since is there.
 */
static void test_late(void **state)
{
	struct peer p;

	(void)state;
	start_clean(&p);
	assert_int_equal(peer_add(&p, "198.51.100.7"), 0);
	assert_int_equal(peer_add(&p, "198.51.100.8"), 0);
	peer_kill(&p);
	is_short = true;
	peer_start(&p, 0);
	is_short = false;
	peer_await_state(&p, FW_ERROR);
	assert_int_equal(p.state.error, EMFILE);
	peer_sync(&p, 1);
	assert_int_equal(peer_add(&p, "198.51.100.8"), EMFILE);
	assert_int_equal(peer_add(&p, "198.51.100.9"), EMFILE);
	peer_sync(&p, 2);
	assert_int_equal(kill(p.pid, SIGHUP), 0);
	peer_await_state(&p, FW_OK);
	await_nft("198.51.100.7", false);
	await_nft("198.51.100.9", true);
	assert_true(netns_has("198.51.100.8"));
	peer_kill(&p);
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
		cmocka_unit_test(test_a_clock_that_leaps),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_drift_of_many),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_load),
	};

	wall_ahead_s = mmap(NULL, sizeof *wall_ahead_s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (wall_ahead_s == MAP_FAILED)
		return 1;
	has_netns = netns_enter();
	if (has_netns) {
		(void)netns_listen("192.0.2.1", NETNS_PORT);
		(void)netns_listen("2001:db8::1", NETNS_PORT);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
