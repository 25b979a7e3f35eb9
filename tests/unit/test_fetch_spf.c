/*
 * test_fetch_spf: who passes for a domain, asked of a DNS server of our own
 * that knows no names: each question has one answer, and what it says is
 * remembered for its lifetime, whatever becomes of the clock of the wall.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/spf_walk.h"
#include "role/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static struct role_host h;
static struct channel *engine;
static int server;
static unsigned questions; /* to the server; one that was sent again counts once */
static unsigned answers;   /* to the engine */
static struct msg_spf_says last;
static bool is_late;
static int64_t wall_ahead_s, both_ahead_s;

/* In place of libc's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *to)
{
	int done = (int)syscall(SYS_clock_gettime, id, to);

	to->tv_sec += both_ahead_s + (id == CLOCK_REALTIME ? wall_ahead_s : 0);
	return done;
}

/* No such name: the head and the question as they came. */
static void on_question(int fd, unsigned what, void *ctx)
{
	static uint8_t last_id[2];
	uint8_t bytes[600];
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	ssize_t n = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
	size_t end = 12;

	(void)what;
	(void)ctx;
	assert_true(n > 17);
	questions += memcmp(bytes, last_id, sizeof last_id) != 0;
	memcpy(last_id, bytes, sizeof last_id);
	while (bytes[end])
		end += bytes[end] + 1u;
	bytes[2] = 0x81;
	bytes[3] = 0x83;
	memset(bytes + 6, 0, 6);
	assert_true(sendto(fd, bytes, end + 5, 0, (struct sockaddr *)&from, size) > 0);
}

static void on_role_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	fetch_ops.message(&h, peer, t, body, fds, n);
}

static void on_engine_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	(void)peer;
	(void)fds;
	(void)n;
	assert_int_equal(t, MSG_SPF_SAYS);
	assert_int_equal(message_get_spf_says(body, &last), ERR_OK);
	answers++;
	loop_stop(h.loop);
}

static void on_closed(void *ctx, enum role peer)
{
	(void)ctx;
	(void)peer;
	fail();
}

static int setup(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof a;
	int pair[2];

	(void)state;
	h.role = ROLE_FETCH;
	h.ops = &fetch_ops;
	h.loop = loop_new();
	conf_defaults(&h.conf);
	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!h.loop || server < 0 || bind(server, (struct sockaddr *)&a, sizeof a) != 0 ||
		getsockname(server, (struct sockaddr *)&a, &size) != 0 ||
		!loop_fd(h.loop, server, LOOP_READ, on_question, NULL) ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		return -1;
	h.conf.fetch.resolvers.count = 1;
	(void)snprintf(h.conf.fetch.resolvers.item[0], CONF_ITEM, "127.0.0.1:%u", ntohs(a.sin_port));
	h.link[ROLE_ENGINE] = channel_new(h.loop, pair[0], ROLE_FETCH, ROLE_ENGINE, on_role_message, on_closed, NULL);
	engine = channel_new(h.loop, pair[1], ROLE_ENGINE, ROLE_FETCH, on_engine_message, on_closed, NULL);
	if (!h.link[ROLE_ENGINE] || !engine || fetch_ops.start(&h) != ERR_OK)
		return -1;
	fetch_ops.serve(&h);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fetch_ops.stop(&h);
	free(h.ctx);
	channel_free(engine);
	channel_free(h.link[ROLE_ENGINE]);
	loop_free(h.loop);
	return close(server);
}

static void give_up(void *ctx)
{
	(void)ctx;
	is_late = true;
	loop_stop(h.loop);
}

/* One answer, and none behind it before that of the next question. */
static void check(const char *domain)
{
	static uint64_t seq;
	struct msg_spf_ask m = { .seq = ++seq, .client = { .family = 4, .b = { 192, 0, 2, 1 } } };
	struct loop_watch *patience = loop_after(h.loop, PATIENCE_MS, give_up, NULL);
	uint8_t bytes[DNS_NAME + 64];
	struct wr w = wr_init(bytes, sizeof bytes);

	slice_copy(slice_str(domain), m.domain, sizeof m.domain);
	message_put_spf_ask(&w, MSG_SPF_CHECK, &m);
	assert_int_equal(channel_send(engine, &w, NULL, 0), ERR_OK);
	assert_int_equal(loop_run(h.loop), ERR_OK);
	loop_remove(patience);
	assert_false(is_late);
	assert_int_equal(last.seq, seq);
	assert_int_equal(answers, seq);
	assert_int_equal(last.result, SPF_SAYS_NO);
}

static void test_an_answer_each(void **state)
{
	(void)state;
	check("no-domain"); /* without a question to the DNS */
	assert_int_equal(questions, 0);
	check("a.example");
	assert_int_equal(questions, 1);
	check("a.example");
	assert_int_equal(questions, 1);
}

static void test_a_clock_that_was_ahead(void **state)
{
	unsigned before = questions;

	(void)state;
	wall_ahead_s = INT64_C(366) * 86400;
	check("b.example");
	assert_int_equal(questions, before + 1);
	wall_ahead_s = 0;
	check("b.example");
	assert_int_equal(questions, before + 1);
	both_ahead_s += SPF_TTL_MAX + 1;
	check("b.example");
	assert_int_equal(questions, before + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_each),
		cmocka_unit_test(test_a_clock_that_was_ahead),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
