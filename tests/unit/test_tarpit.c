/*
 * test_tarpit: the role in a process of its own, clients on loopback addresses;
 * the test is the engine and writes the blocks that the role reads along.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/reply_text.h"
#include "role/tarpit.h"

#define PATIENCE_MS 30000
#define UNTIL 4000000000u

static const uint8_t key[SIPHASH_KEY] = "0123456789abcde";

static struct rig {
	struct role_host host;
	struct area_memory memory;
	struct block_share share;
	pid_t pid;
	int link; /* the engine's end */
	uint16_t port;
	rlim_t files; /* for the role once it serves; 0: as it is */
} rig;

static void never(void *ctx, enum role peer)
{
	(void)ctx;
	(void)peer;
	_exit(3);
}

static void ignore(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	(void)peer;
	(void)t;
	(void)body;
	(void)fds;
	(void)n;
}

static void be_role(int link)
{
	struct role_host *h = &rig.host;
	struct rlimit r = { rig.files, rig.files };
	struct rd none = { 0 };
	int fd = dup(rig.memory.fd);

	h->role = ROLE_TARPIT;
	h->ops = &tarpit_ops;
	h->loop = loop_new();
	h->link[ROLE_ENGINE] = channel_new(h->loop, link, ROLE_TARPIT, ROLE_ENGINE, ignore, never, NULL);
	if (!h->loop || !h->link[ROLE_ENGINE] || h->ops->start(h) != ERR_OK)
		_exit(2);
	h->ops->serve(h);
	h->ops->message(h, ROLE_ENGINE, MSG_BLOCKS, &none, &fd, 1);
	if (rig.files && setrlimit(RLIMIT_NOFILE, &r) != 0)
		_exit(2);
	_exit(loop_run(h->loop) == ERR_OK ? 0 : 1);
}

static int listen_on(uint16_t *ret_port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	socklen_t n = sizeof a;
	int off = 0, fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*ret_port = ntohs(a.sin6_port);
	return fd;
}

static void prepare(void)
{
	struct conf *c = &rig.host.conf;

	memset(&rig, 0, sizeof rig);
	conf_defaults(c);
	c->firewall.action = FW_ACTION_TARPIT;
	c->tarpit.pace_s = 0;
	(void)snprintf(c->tarpit.host, sizeof c->tarpit.host, "mx.test");
	memset(rig.host.listener, -1, sizeof rig.host.listener);
	rig.host.listener[LISTENER_TARPIT][0] = listen_on(&rig.port);
	assert_int_equal(area_memory_make_blocks(block_share_bytes(SHARE_BITS_MIN), &rig.memory), ERR_OK);
	block_share_init(&rig.share, rig.memory.map, SHARE_BITS_MIN, key);
}

static void start(void)
{
	struct msg_hello hello = { .version = MESSAGE_VERSION, .role = ROLE_ENGINE };
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof bytes);
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	message_put_hello(&w, MSG_HELLO, &hello);
	assert_int_equal(send(fd[0], bytes, w.n, 0), w.n);
	rig.pid = fork();
	assert_true(rig.pid >= 0);
	if (rig.pid == 0) {
		(void)close(fd[0]);
		be_role(fd[1]);
	}
	(void)close(fd[1]);
	rig.link = fd[0];
}

static int stop(void **state)
{
	(void)state;
	if (rig.pid > 0) {
		(void)kill(rig.pid, SIGKILL);
		(void)waitpid(rig.pid, NULL, 0);
	}
	(void)close(rig.link);
	(void)close(rig.host.listener[LISTENER_TARPIT][0]);
	area_memory_close(&rig.memory);
	return 0;
}

static struct block_entry block_of(const char *client, uint16_t offence)
{
	struct block_entry e = { .until = UNTIL, .offence = offence, .code = offence > 1 ? 554 : 450 };

	memcpy(e.case_id, "7K3M-9QXD", sizeof e.case_id);
	assert_int_equal(prefix_parse(slice_str(client), &e.subject), ERR_OK);
	return e;
}

static void block(const char *client, uint16_t offence)
{
	struct block_entry e = block_of(client, offence);

	block_share_put(&rig.share, &e);
}

static int connect_from(const char *client)
{
	struct sockaddr_in me = { .sin_family = AF_INET }, it = { .sin_family = AF_INET, .sin_port = htons(rig.port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, client, &me.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &it.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&me, sizeof me), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&it, sizeof it), 0);
	return fd;
}

static bool is_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* The next line of a reply with its CRLF; "" at the end. */
static const char *line(int fd)
{
	static char text[1024];
	size_t n = 0;

	while (n < sizeof text - 1) {
		assert_true(is_readable(fd, PATIENCE_MS));
		if (recv(fd, text + n, 1, 0) != 1 || text[n++] == '\n')
			break;
	}
	text[n] = '\0';
	return text;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The last line of the reply. */
static const char *ask(int fd, const char *text)
{
	const char *got;

	say(fd, text);
	do
		got = line(fd);
	while (strlen(got) > 3 && got[3] == '-');
	return got;
}

static void expect_refusal(int fd, unsigned code)
{
	struct buf want;

	buf_init(&want, 1024);
	reply_text_blocked(
		&rig.host.conf, &(struct reply_block){ .code = code, .case_id = "7K3M-9QXD", .until = UNTIL }, &want);
	assert_int_equal(buf_add_str(&want, "\r\n"), ERR_OK);
	assert_string_equal(line(fd), buf_cstr(&want));
	buf_done(&want);
}

static void expect_answered(const char *client, const char *sender, const char *recipient)
{
	static uint8_t bytes[MESSAGE_MAX];
	struct msg_answered m;
	struct ipaddr a;
	ssize_t n;

	do {
		assert_true(is_readable(rig.link, PATIENCE_MS));
		n = recv(rig.link, bytes, sizeof bytes, 0);
		assert_true(n > 0);
	} while (bytes[0] != MSG_ANSWERED);
	assert_int_equal(message_get_answered(&(struct rd){ .p = bytes + 1, .n = (size_t)n - 1 }, &m), ERR_OK);
	assert_int_equal(ipaddr_parse(slice_str(client), &a), ERR_OK);
	assert_true(ipaddr_eq(&a, &m.client));
	assert_string_equal(m.sender, sender);
	assert_string_equal(m.recipient, recipient);
	assert_string_equal(m.helo, "c.test");
}

static void test_first_offence_reads_his_case(void **state)
{
	int fd;

	(void)state;
	prepare();
	block("127.0.0.2", 1);
	start();
	fd = connect_from("127.0.0.2");
	assert_string_equal(line(fd), "220 mx.test ESMTP\r\n");
	assert_string_equal(ask(fd, "EHLO c.test\r\n"), "250 ENHANCEDSTATUSCODES\r\n");
	/* pipelined, though nobody said it could */
	say(fd, "MAIL FROM:<a@c.test> SIZE=1\r\nRCPT TO:<b@mx.test>\r\nQUIT\r\n");
	assert_string_equal(line(fd), "250 2.1.0 Ok\r\n");
	expect_refusal(fd, 450);
	assert_string_equal(line(fd), "221 2.0.0 Bye\r\n");
	assert_string_equal(line(fd), "");
	(void)close(fd);
	expect_answered("127.0.0.2", "a@c.test", "b@mx.test");
}

static void test_later_offence_comes_to_the_dot(void **state)
{
	int fd;

	(void)state;
	prepare();
	block("127.0.0.0/24", 2);
	start();
	fd = connect_from("127.0.0.9");
	(void)line(fd);
	(void)ask(fd, "HELO c.test\r\n");
	(void)ask(fd, "MAIL FROM:<>\r\n");
	assert_string_equal(ask(fd, "RCPT TO:<b@mx.test>\r\n"), "250 2.1.5 Ok\r\n");
	assert_memory_equal(ask(fd, "DATA\r\n"), "354", 3);
	say(fd, "Subject: x\r\n\r\n.\r\n");
	expect_refusal(fd, 554);
	(void)close(fd);
	expect_answered("127.0.0.9", "", "b@mx.test");
}

static void test_not_blocked(void **state)
{
	int fd;

	(void)state;
	prepare();
	start();
	fd = connect_from("127.0.0.3");
	assert_string_equal(line(fd), "421 4.3.2 mx.test Come again\r\n");
	assert_string_equal(line(fd), "");
	(void)close(fd);
}

static void test_lifted_meanwhile(void **state)
{
	struct block_entry e = block_of("127.0.0.2", 1);
	int fd;

	(void)state;
	prepare();
	block("127.0.0.2", 1);
	start();
	fd = connect_from("127.0.0.2");
	(void)line(fd);
	assert_memory_equal(ask(fd, "HELO c.test\r\n"), "250", 3);
	block_share_del(&rig.share, &e.subject);
	assert_string_equal(ask(fd, "MAIL FROM:<>\r\n"), "421 4.3.2 mx.test Come again\r\n");
	assert_string_equal(line(fd), "");
	(void)close(fd);
}

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A byte a second for one, while another is answered at once. */
static void test_pace(void **state)
{
	double before;
	int slow, fast;
	char c[8];

	(void)state;
	prepare();
	rig.host.conf.tarpit.pace_s = 1;
	block("127.0.0.2", 2);
	block("127.0.0.4", 1);
	start();
	slow = connect_from("127.0.0.2");
	assert_true(is_readable(slow, PATIENCE_MS));
	before = now_s();
	assert_int_equal(recv(slow, c, sizeof c, 0), 1);
	fast = connect_from("127.0.0.4");
	assert_string_equal(line(fast), "220 mx.test ESMTP\r\n");
	assert_true(is_readable(slow, PATIENCE_MS));
	assert_true(now_s() - before > 0.8);
	assert_int_equal(recv(slow, c, sizeof c, 0), 1);
	(void)close(slow);
	(void)close(fast);
}

static void test_each(void **state)
{
	int fd[4];

	(void)state;
	prepare();
	rig.host.conf.tarpit.each = 3;
	block("127.0.0.0/24", 1);
	block("127.0.1.2", 1);
	start();
	for (int i = 0; i < 4; i++) {
		fd[i] = connect_from(i % 2 ? "127.0.0.2" : "127.0.0.3");
		assert_memory_equal(line(fd[i]), i < 3 ? "220" : "421", 3);
	}
	(void)close(fd[3]);
	fd[3] = connect_from("127.0.1.2"); /* another subject */
	assert_memory_equal(line(fd[3]), "220", 3);
	/* room again when one has gone, which the role learns in its own time */
	(void)close(fd[0]);
	for (unsigned tries = 0;; tries++) {
		bool is_in;

		assert_true(tries < 1000);
		fd[0] = connect_from("127.0.0.2");
		is_in = memcmp(line(fd[0]), "220", 3) == 0;
		(void)close(fd[0]);
		if (is_in)
			break;
	}
	for (int i = 1; i < 4; i++)
		(void)close(fd[i]);
}

static void test_all(void **state)
{
	int fd[11];

	(void)state;
	prepare();
	rig.host.conf.tarpit.connections = 10;
	block("127.0.0.2", 1);
	start();
	for (int i = 0; i < 11; i++) {
		fd[i] = connect_from("127.0.0.2");
		assert_memory_equal(line(fd[i]), i < 10 ? "220" : "421", 3);
	}
	for (int i = 0; i < 11; i++)
		(void)close(fd[i]);
}

/* No descriptors: it rests, and goes on as soon as there are some. */
static void test_descriptors(void **state)
{
	int fd[40], last;
	unsigned greeted = 0;

	(void)state;
	prepare();
	rig.host.conf.tarpit.each = 1000;
	rig.files = 30;
	block("127.0.0.2", 1);
	start();
	for (int i = 0; i < 40; i++)
		fd[i] = connect_from("127.0.0.2");
	(void)line(fd[0]);
	for (int i = 1; i < 40; i++)
		greeted += is_readable(fd[i], i < 3 ? PATIENCE_MS : 10);
	assert_true(greeted > 2 && greeted < 38);
	for (int i = 0; i < 30; i++)
		(void)close(fd[i]);
	assert_memory_equal(line(fd[39]), "220", 3);
	for (int i = 30; i < 40; i++)
		(void)close(fd[i]);
	last = connect_from("127.0.0.2");
	assert_memory_equal(line(last), "220", 3);
	(void)close(last);
}

/* He sends and never reads; lines without end; others are served meanwhile. */
static void test_flood(void **state)
{
	static char junk[1 << 20];
	struct timeval t = { .tv_sec = 1 };
	int fd[8], other;

	(void)state;
	prepare();
	block("127.0.0.2", 2);
	block("127.0.0.4", 1);
	start();
	for (int i = 0; i < 8; i++) {
		memset(junk, i % 2 ? 'x' : '\n', sizeof junk);
		fd[i] = connect_from("127.0.0.2");
		assert_int_equal(setsockopt(fd[i], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t), 0);
		while (send(fd[i], junk, sizeof junk, MSG_NOSIGNAL) > 0)
			;
	}
	other = connect_from("127.0.0.4");
	assert_memory_equal(line(other), "220", 3);
	assert_memory_equal(ask(other, "QUIT\r\n"), "221", 3);
	(void)close(other);
	for (int i = 0; i < 8; i++)
		(void)close(fd[i]);
}

static void test_many(void **state)
{
	static int fd[700];

	(void)state;
	prepare();
	rig.host.conf.tarpit.each = 1000;
	rig.host.conf.tarpit.pace_s = 1;
	block("127.0.0.2", 2);
	block("127.0.0.4", 1);
	start();
	for (unsigned round = 0; round < 2; round++) {
		int other;

		for (int i = 0; i < 700; i++)
			fd[i] = connect_from("127.0.0.2");
		for (int i = 0; i < 700; i++)
			assert_true(is_readable(fd[i], PATIENCE_MS));
		other = connect_from("127.0.0.4");
		assert_memory_equal(line(other), "220", 3);
		(void)close(other);
		for (int i = 0; i < 700; i++)
			(void)close(fd[i]);
	}
	print_message("# bytes of a connection: %zu\n", sizeof(struct tarpit_conn));
	assert_true(sizeof(struct tarpit_conn) <= 136);
}

static double cpu_s(void)
{
	char path[64], text[1024];
	unsigned long user = 0, kernel = 0;
	const char *p;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)rig.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof text, f));
	(void)fclose(f);
	p = strrchr(text, ')');
	assert_int_equal(sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel), 2);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

/* With LIMETWIG_BENCH, the number of connections: CPU of a byte sent, over 20 s. */
static void test_cost(void **state)
{
	const char *wish = getenv("LIMETWIG_BENCH");
	int n = wish ? atoi(wish) : 0, *fd = calloc((size_t)n + 1, sizeof *fd);
	double before, began;
	uint64_t bytes = 0;

	(void)state;
	assert_non_null(fd);
	prepare();
	rig.host.conf.tarpit.each = rig.host.conf.tarpit.held = rig.host.conf.tarpit.connections = (uint32_t)n + 100;
	rig.host.conf.tarpit.pace_s = 1;
	(void)snprintf(rig.host.conf.tarpit.name, sizeof rig.host.conf.tarpit.name, "%s",
		"a name that is long enough for more than half a minute of one byte a second");
	block("127.0.0.0/24", 2);
	start();
	for (int i = 0; i < n; i++)
		fd[i] = connect_from("127.0.0.2");
	for (int i = 0; i < n; i++) {
		assert_true(is_readable(fd[i], PATIENCE_MS));
		(void)recv(fd[i], &(char[64]){ 0 }, 64, MSG_DONTWAIT);
	}
	began = now_s();
	before = cpu_s();
	while (n && now_s() < began + 20)
		(void)is_readable(rig.link, 1000);
	before = cpu_s() - before;
	for (int i = 0; i < n; i++) {
		ssize_t k = recv(fd[i], &(char[64]){ 0 }, 64, MSG_DONTWAIT);

		bytes += k > 0 ? (uint64_t)k : 0;
		(void)close(fd[i]);
	}
	if (n)
		print_message("# %d connections: %.2f us a byte, %.1f bytes each in 20 s\n", n,
			before * 1e6 / (double)bytes, (double)bytes / n);
	free(fd);
}

#define TEST(name) cmocka_unit_test_teardown(name, stop)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_first_offence_reads_his_case),
		TEST(test_later_offence_comes_to_the_dot), TEST(test_not_blocked), TEST(test_lifted_meanwhile),
		TEST(test_pace), TEST(test_each), TEST(test_all), TEST(test_descriptors), TEST(test_flood),
		TEST(test_many), TEST(test_cost) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
