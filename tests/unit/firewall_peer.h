/*
 * firewall_peer: the firewall role in a process of its own, with the test as the
 * engine at the other end of the channel, in a network namespace of its own. Its
 * clock can be set, and its memory for timers taken away. Include cmocka first.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_FIREWALL_PEER_H
#define TESTS_FIREWALL_PEER_H
#include "firewall_netns.h"

#include <dlfcn.h>
#include <event2/event.h>
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
static pid_t running; /* the role's process: a test that fails leaves it */
static bool is_short; /* the next one begins without descriptors to be had, until SIGHUP */

/* With the role's process. */
static struct {
	_Atomic int64_t wall_ahead_s;
	_Atomic bool has_no_timers; /* there is no memory for new ones */
} * shared;

/* In place of libc's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *to)
{
	int done = (int)syscall(SYS_clock_gettime, id, to);

	to->tv_sec += id == CLOCK_REALTIME && shared ? atomic_load(&shared->wall_ahead_s) : 0;
	return done;
}

/* In place of libevent's. */
struct event *event_new(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn fn, void *ctx)
{
	__typeof__(event_new) *real;
	void *symbol = dlsym(RTLD_NEXT, "event_new");

	if (fd < 0 && shared && atomic_load(&shared->has_no_timers))
		return NULL;
	memcpy(&real, &symbol, sizeof real);
	return real(base, fd, what, fn, ctx);
}

/* ---- the role's process */

static inline void on_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct role_host *h = ctx;

	firewall_ops.message(h, peer, t, body, fds, n);
}

static inline void on_closed(void *ctx, enum role peer)
{
	(void)peer;
	(void)ctx;
	_exit(0);
}

static inline void on_off(int signo, void *ctx)
{
	struct role_host *h = ctx;

	h->conf.is_off = signo == SIGUSR1;
	firewall_ops.reloaded(h);
}

static inline void limit_files(rlim_t n)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		_exit(6);
	r.rlim_cur = n ? n : r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		_exit(6);
}

static inline void on_more_files(int signo, void *ctx)
{
	(void)signo;
	(void)ctx;
	limit_files(0);
}

static inline void role_run(int fd, uid_t uid)
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

static inline void peer_send(struct peer *p, const struct wr *w)
{
	assert_false(w->bad);
	assert_int_equal(send(p->fd, w->p, w->n, MSG_NOSIGNAL), w->n);
}

static inline void peer_start(struct peer *p, uid_t uid)
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
static inline void peer_kill(struct peer *p)
{
	(void)kill(p->pid, SIGKILL);
	assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
	running = 0;
	(void)close(p->fd);
}

/* The next message; states are kept in p. */
static inline enum message_type peer_next(struct peer *p, struct msg_fw_done *done)
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

static inline void peer_await_state(struct peer *p, uint8_t state)
{
	struct msg_fw_done done;

	while (peer_next(p, &done) != MSG_FW_STATE || p->state.state != state)
		;
}

/* Returns the error of the answer. */
static inline uint32_t peer_ops(struct peer *p, const struct fw_op *op, size_t n)
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

static inline struct fw_op op_of(bool is_add, const char *prefix, uint32_t ttl)
{
	struct fw_op o = { .is_add = is_add, .ttl_s = ttl };

	assert_int_equal(prefix_parse(slice_str(prefix), &o.prefix), ERR_OK);
	return o;
}

static inline uint32_t peer_add(struct peer *p, const char *prefix)
{
	struct fw_op o = op_of(true, prefix, 600);

	return peer_ops(p, &o, 1);
}

static inline void peer_sync(struct peer *p, uint8_t phase)
{
	uint8_t out[16];
	struct wr w = wr_init(out, sizeof out);

	message_put_fw_sync(&w, MSG_FW_SYNC, &(struct msg_fw_sync){ .phase = phase });
	peer_send(p, &w);
}

/* Until nft lists, or does not list, needle. */
static inline void await_nft(const char *needle, bool is_there)
{
	double until = netns_now() + WAIT_MS / 1000.0;

	while (netns_has(needle) != is_there)
		assert_true(netns_now() < until);
}

static inline void start_clean(struct peer *p)
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

/* In main. */
static inline bool peer_prepare(void)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return false;
	has_netns = netns_enter();
	if (has_netns) {
		(void)netns_listen("192.0.2.1", NETNS_PORT);
		(void)netns_listen("2001:db8::1", NETNS_PORT);
	}
	return true;
}

#endif /* TESTS_FIREWALL_PEER_H */
