/*
 * tarpit_rig: the role tarpit in the test's process: clients come over socket
 * pairs, in a time that the test makes; its end of the link to the engine.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_TARPIT_RIG_H
#define TESTS_TARPIT_RIG_H
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "role/tarpit.h"

#define UNTIL 4000000000u
#define MANY 5000
#define PATIENCE_MS 30000

static const uint8_t key[SIPHASH_KEY] = "0123456789abcde";

static struct rig {
	struct role_host host;
	struct area_memory memory;
	struct block_share share;
	struct tarpit *t;
	uint64_t now;
	int engine; /* its end of the link */
	int peer[MANY];
	rlim_t files;
	bool is_tcp;
} rig;

static inline void ignore_closed(void *ctx, enum role peer)
{
	(void)ctx;
	(void)peer;
}

static inline void ignore(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	(void)peer;
	(void)t;
	(void)body;
	(void)fds;
	(void)n;
}

static inline void set_files(rlim_t n)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	r.rlim_cur = n && n < r.rlim_max ? n : r.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	rig.files = r.rlim_cur;
}

static inline int prepare(void **state)
{
	struct conf *c = &rig.host.conf;
	int fd[2];

	(void)state;
	memset(&rig, 0, sizeof rig);
	set_files(0);
	conf_defaults(c);
	c->firewall.action = FW_ACTION_TARPIT;
	c->tarpit.pace_s = 10;
	c->tarpit.each = MANY;
	c->tarpit.connections = c->tarpit.held = MANY + 1;
	(void)snprintf(c->tarpit.host, sizeof c->tarpit.host, "mx.test");
	memset(rig.host.listener, -1, sizeof rig.host.listener);
	memset(rig.host.file, -1, sizeof rig.host.file);
	assert_int_equal(area_memory_make_blocks(block_share_bytes(SHARE_BITS_MIN), &rig.memory), ERR_OK);
	block_share_init(&rig.share, rig.memory.map, SHARE_BITS_MIN, key);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	rig.engine = fd[1];
	rig.host.role = ROLE_TARPIT;
	rig.host.ops = &tarpit_ops;
	rig.host.loop = loop_new();
	rig.host.link[ROLE_ENGINE] =
		channel_new(rig.host.loop, fd[0], ROLE_TARPIT, ROLE_ENGINE, ignore, ignore_closed, NULL);
	assert_non_null(rig.host.link[ROLE_ENGINE]);
	return 0;
}

static inline void start(void)
{
	struct rd none = { 0 };
	int fd = dup(rig.memory.fd);

	assert_int_equal(tarpit_ops.start(&rig.host), ERR_OK);
	rig.t = rig.host.ctx;
	tarpit_ops.message(&rig.host, ROLE_ENGINE, MSG_BLOCKS, &none, &fd, 1);
	rig.now = rig.t->now_ms;
}

static inline int finish(void **state)
{
	(void)state;
	tarpit_ops.stop(&rig.host);
	channel_free(rig.host.link[ROLE_ENGINE]);
	loop_free(rig.host.loop);
	area_memory_close(&rig.memory);
	(void)close(rig.engine);
	for (unsigned i = 0; i < MANY; i++)
		if (rig.peer[i] > 0)
			(void)close(rig.peer[i]);
	return 0;
}

static inline struct block_entry block_of(const char *client)
{
	struct block_entry e = { .until = UNTIL, .offence = 2, .code = 554 };

	memcpy(e.case_id, "7K3M-9QXD", sizeof e.case_id);
	assert_int_equal(prefix_parse(slice_str(client), &e.subject), ERR_OK);
	return e;
}

static inline void block(const char *client)
{
	struct block_entry e = block_of(client);

	block_share_put(&rig.share, &e);
}

static inline int listen_on(struct sockaddr_in *ret)
{
	socklen_t n = sizeof *ret;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, (struct sockaddr *)ret, sizeof *ret), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &n), 0);
	return fd;
}

/* As socketpair, by TCP: what the role does with input works only there. Closing leaves nothing behind. */
static inline void tcp_pair(int fd[2])
{
	struct sockaddr_in a;
	struct linger hard = { 1, 0 };
	int listener = listen_on(&a);

	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd[1], (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
	fd[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd[0] >= 0);
	(void)close(listener);
}

/* A connection of 192.0.2.n; its end is peer[slot]. */
static inline void come(unsigned slot, unsigned n)
{
	struct ipaddr client = { .family = 4, .b = { 192, 0, 2, (uint8_t)n } };
	int fd[2];

	if (rig.is_tcp)
		tcp_pair(fd);
	else
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	rig.peer[slot] = fd[1];
	tarpit_take(rig.t, fd[0], &client);
}

static inline void leave(unsigned slot)
{
	assert_int_equal(close(rig.peer[slot]), 0);
	rig.peer[slot] = 0;
}

static inline void pass_ms(uint64_t ms)
{
	for (uint64_t end = rig.now + ms; rig.now < end;) {
		rig.now += TARPIT_TICK_MS;
		tarpit_wheel_turn(rig.t, rig.now);
		tarpit_load_sweep(rig.t);
		tarpit_ready(rig.t, rig.now);
	}
}

static inline size_t heard(unsigned slot, char *to, size_t size)
{
	ssize_t n = recv(rig.peer[slot], to, size - 1, MSG_DONTWAIT);

	to[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static inline void stop_loop(void *ctx)
{
	loop_stop(ctx);
}

static inline void pump(uint64_t ms)
{
	struct loop_watch *w = loop_after(rig.host.loop, ms, stop_loop, rig.host.loop);

	assert_non_null(w);
	assert_int_equal(loop_run(rig.host.loop), ERR_OK);
	loop_remove(w);
}

#endif /* TESTS_TARPIT_RIG_H */
