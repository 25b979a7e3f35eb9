/*
 * download: beside a server that is not to be trusted, on loopback.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/download.h"
#include "io/gunzip.h"
#include "io/host_lookup.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define SIZE 100000u
#define CAP 400000u

static struct server {
	int fd;
	unsigned port;
	pthread_t thread;
	atomic_uint asked;
	atomic_bool is_over;
} server;

/* ---- the server: one connection, one answer */

static void say(int fd, const void *p, size_t n)
{
	(void)send(fd, p, n, MSG_NOSIGNAL);
}

static void say_text(int fd, const char *text)
{
	say(fd, text, strlen(text));
}

static void say_body(int fd, const char *more, const void *p, size_t n)
{
	char head[512];

	(void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n", n, more);
	say_text(fd, head);
	say(fd, p, n);
}

static size_t pack(const void *p, size_t n, void *to, size_t size)
{
	z_stream z = {
		.next_in = (z_const Bytef *)(uintptr_t)p, .avail_in = (uInt)n, .next_out = to, .avail_out = (uInt)size
	};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	(void)deflateEnd(&z);
	return size - z.avail_out;
}

static void say_packed(int fd, const void *p, size_t n, unsigned layers, const char *more)
{
	static char packed[2][65536];

	for (unsigned i = 0; i < layers; i++) {
		n = pack(p, n, packed[i], sizeof packed[i]);
		p = packed[i];
	}
	say_body(fd, more, p, n);
}

static void say_redirect(int fd, const char *to)
{
	char text[512];

	(void)snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", to);
	say_text(fd, text);
}

/* As long as somebody listens, and not without end where a test has failed. */
static void say_endless(int fd, unsigned pause_us)
{
	static const char line[] = "192.0.2.1\n192.0.2.2\n";

	for (unsigned i = 0; i < 200000 && send(fd, line, sizeof line - 1, MSG_NOSIGNAL) > 0; i++)
		if (pause_us)
			(void)usleep(pause_us);
}

static void answer_more(int fd, const char *path, const char *request)
{
	static const char zeros[3000000];

	if (strcmp(path, "/bomb") == 0)
		say_packed(fd, zeros, sizeof zeros, 1, "Content-Encoding: gzip\r\n");
	else if (strcmp(path, "/gzip") == 0)
		say_packed(fd, "192.0.2.3\n", 10, 1, "Content-Encoding: gzip\r\n");
	else if (strcmp(path, "/twice.gz") == 0)
		say_packed(fd, "192.0.2.4\n", 10, 2, "Content-Encoding: gzip\r\n");
	else if (strcmp(path, "/torn.gz") == 0)
		say_body(fd, "", "\x1f\x8b\x08\0\0\0\0\0\0\x03\x33\xb4", 12);
	else if (strcmp(path, "/ftp") == 0)
		say_redirect(fd, "ftp://127.0.0.1/list");
	else if (strcmp(path, "/header") == 0 && strstr(request, "\r\nAccept-Encoding: gzip\r\n"))
		say_body(fd, "ETag: \"a\001b\"\r\n", "ok\n", 3);
	else
		say_text(fd, "HTTP/1.1 500 Sorry\r\nContent-Length: 5\r\n\r\nsorry");
}

static void answer(int fd, const char *path, const char *request)
{
	if (strcmp(path, "/list") == 0 && strstr(request, "If-None-Match: \"one\""))
		say_text(fd, "HTTP/1.1 304 Not Modified\r\n\r\n");
	else if (strcmp(path, "/list") == 0)
		say_body(fd, "ETag: \"one\"\r\nLast-Modified: Sun, 01 Mar 2026 10:00:00 GMT\r\n", "192.0.2.1\n", 10);
	else if (strcmp(path, "/304") == 0)
		say_text(fd, "HTTP/1.1 304 Not Modified\r\n\r\n");
	else if (strcmp(path, "/empty") == 0)
		say_body(fd, "", "", 0);
	else if (strcmp(path, "/hop") == 0)
		say_redirect(fd, "/list");
	else if (strcmp(path, "/loop") == 0)
		say_redirect(fd, "/loop");
	else if (strcmp(path, "/file") == 0)
		say_redirect(fd, "file:///etc/passwd");
	else if (strcmp(path, "/short") == 0)
		say_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n192.0.2.1\n");
	else if (strcmp(path, "/huge") == 0)
		say_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n192.0.2.1\n");
	else if (strcmp(path, "/old") == 0)
		say_text(fd, "192.0.2.1\n");
	else if (strcmp(path, "/endless") == 0 || strcmp(path, "/slow") == 0) {
		say_text(fd, "HTTP/1.1 200 OK\r\n\r\n");
		say_endless(fd, strcmp(path, "/slow") == 0 ? 20000 : 0);
	} else if (strcmp(path, "/endless-error") == 0) {
		say_text(fd, "HTTP/1.1 404 Nothing\r\n\r\n");
		say_endless(fd, 0);
	} else {
		answer_more(fd, path, request);
	}
}

static void *serve(void *ctx)
{
	(void)ctx;
	while (!server.is_over) {
		char request[4096], path[256] = "";
		int fd = accept(server.fd, NULL, NULL);
		ssize_t n = fd >= 0 ? recv(fd, request, sizeof request - 1, 0) : 0;

		if (n > 0) {
			request[n] = '\0';
			server.asked++;
			if (sscanf(request, "GET %255s", path) == 1)
				answer(fd, path, request);
		}
		if (fd >= 0)
			(void)close(fd);
	}
	return NULL;
}

static int begin(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof a;
	char reason[DOWNLOAD_REASON];

	(void)state;
	assert_int_equal(download_init(reason), ERR_OK);
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(server.fd >= 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(server.fd, 8), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&a, &n), 0);
	server.port = ntohs(a.sin_port);
	return pthread_create(&server.thread, NULL, serve, NULL);
}

static int end(void **state)
{
	(void)state;
	server.is_over = true;
	(void)shutdown(server.fd, SHUT_RDWR);
	(void)pthread_join(server.thread, NULL);
	(void)close(server.fd);
	return 0;
}

/* ---- asking */

struct got {
	enum err e;
	struct buf body;
	struct download_mark mark;
	char reason[DOWNLOAD_REASON];
};

static struct got get_with(const char *path, struct download_ask ask)
{
	struct got g = { .e = ERR_OK };
	char url[512];

	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", server.port, path);
	ask.url = url;
	ask.size = SIZE;
	buf_init(&g.body, CAP);
	g.e = download_get(&ask, &g.body, &g.mark, g.reason);
	assert_true((g.e == ERR_OK || g.e == ERR_EXISTS) == !g.reason[0]);
	return g;
}

static struct got get(const char *path)
{
	return get_with(path, (struct download_ask){ .limit_ms = 30000 });
}

static void expect_body(const char *path, const char *body)
{
	struct got g = get(path);

	if (g.e != ERR_OK)
		fail_msg("%s: %s", path, g.reason);
	assert_string_equal(buf_cstr(&g.body), body);
	buf_done(&g.body);
}

static void expect_refused(const char *path, enum err e, const char *word)
{
	struct got g = get(path);

	if (g.e != e || !strstr(g.reason, word))
		fail_msg("%s: %s: %s", path, err_name(g.e), g.reason);
	buf_done(&g.body);
}

static void test_list(void **state)
{
	struct got g = get("/list"), again;

	(void)state;
	assert_int_equal(g.e, ERR_OK);
	assert_string_equal(buf_cstr(&g.body), "192.0.2.1\n");
	assert_string_equal(g.mark.tag, "\"one\"");
	assert_string_equal(g.mark.modified, "Sun, 01 Mar 2026 10:00:00 GMT");
	again = get_with("/list", (struct download_ask){ .limit_ms = 30000, .mark = g.mark });
	assert_int_equal(again.e, ERR_EXISTS);
	assert_int_equal(again.body.n, 0);
	buf_done(&g.body);
	buf_done(&again.body);
	expect_body("/hop", "192.0.2.1\n");
	expect_body("/empty", "");
}

static void test_packed(void **state)
{
	(void)state;
	expect_body("/gzip", "192.0.2.3\n");
	expect_body("/twice.gz", "192.0.2.4\n");
	expect_refused("/bomb", ERR_LIMIT, "unpacked it is larger than 400000");
	expect_refused("/torn.gz", ERR_SYNTAX, "gzip");
}

static void test_limits(void **state)
{
	struct got g;

	(void)state;
	expect_refused("/endless", ERR_LIMIT, "larger than 100000");
	expect_refused("/huge", ERR_LIMIT, "larger than 100000");
	expect_refused("/endless-error", ERR_LIMIT, "larger");
	g = get_with("/slow", (struct download_ask){ .limit_ms = 300 });
	assert_int_equal(g.e, ERR_LIMIT);
	assert_non_null(strstr(g.reason, "not done within 1 s"));
	buf_done(&g.body);
	expect_refused("/loop", ERR_LIMIT, "redirects");
}

static void test_lies(void **state)
{
	struct got g;

	(void)state;
	expect_refused("/file", ERR_DENIED, "");
	expect_refused("/ftp", ERR_DENIED, "ftp");
	expect_refused("/short", ERR_IO, "");
	expect_refused("/304", ERR_IO, "304");
	expect_refused("/old", ERR_IO, "");
	expect_refused("/500", ERR_IO, "500");
	/* what could not stand in a request is not kept */
	g = get("/header");
	assert_int_equal(g.e, ERR_OK);
	assert_string_equal(g.mark.tag, "");
	buf_done(&g.body);
}

/* Who asked for one place only, and not for its place in the file system. */
static void test_addresses(void **state)
{
	static const char *const wrong[] = { "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x",
		"http://", "http:///x", "scp://127.0.0.1/etc/passwd", "nonsense", "", "dict://127.0.0.1:1/d" };
	struct download_mark mark;
	char reason[DOWNLOAD_REASON];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct download_ask ask = { .url = wrong[i], .size = SIZE, .limit_ms = 1000 };
		struct buf b;

		buf_init(&b, CAP);
		if (download_get(&ask, &b, &mark, reason) == ERR_OK)
			fail_msg("%s", wrong[i]);
		buf_done(&b);
	}
}

static atomic_bool is_over;

static void *stop_it(void *ctx)
{
	unsigned before = *(unsigned *)ctx;

	while (server.asked == before)
		(void)usleep(1000);
	is_over = true;
	return NULL;
}

static void test_broken_off(void **state)
{
	unsigned before = server.asked;
	pthread_t t;
	struct got g;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, stop_it, &before), 0);
	g = get_with("/slow", (struct download_ask){ .limit_ms = 60000, .is_over = &is_over });
	assert_int_equal(g.e, ERR_CLOSED);
	buf_done(&g.body);
	(void)pthread_join(t, NULL);
}

static void test_no_listener(void **state)
{
	struct download_ask ask = { .url = "http://127.0.0.1:1/", .size = SIZE, .limit_ms = 5000 };
	struct download_mark mark;
	char reason[DOWNLOAD_REASON];
	struct buf b;

	(void)state;
	buf_init(&b, CAP);
	assert_int_equal(download_get(&ask, &b, &mark, reason), ERR_AGAIN);
	assert_true(reason[0]);
	buf_done(&b);
}

/* ---- a host with two addresses */

/* Answers A with both, everything else with nothing. */
static void *name_addresses(void *ctx)
{
	static const uint8_t a[2][16] = { { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 2 },
		{ 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1 } };
	int fd = *(int *)ctx;
	struct sockaddr_in from;
	socklen_t n = sizeof from;
	uint8_t q[512];

	while (recvfrom(fd, q, sizeof q - sizeof a, 0, (struct sockaddr *)&from, &n) > 12) {
		size_t end = 12 + strlen((char *)q + 12) + 5;
		bool is_a = q[end - 3] == 1;
		const uint8_t head[] = { 0x81, 0x80, 0, 1, 0, is_a ? 2 : 0, 0, 0, 0, 0 };

		memcpy(q + 2, head, sizeof head);
		memcpy(q + end, a, sizeof a);
		(void)sendto(fd, q, end + (is_a ? sizeof a : 0), 0, (struct sockaddr *)&from, n);
	}
	return NULL;
}

static int socket_at(int type, uint32_t host, unsigned port, unsigned *ret_port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(host) }
	};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof a;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* The first one lets nobody in, and does not say so. */
static void test_a_dead_address(void **state)
{
	unsigned port, dns_port;
	int full = socket_at(SOCK_STREAM, INADDR_LOOPBACK + 1, server.port, &port), waiting[2];
	int dns = socket_at(SOCK_DGRAM, INADDR_LOOPBACK, 0, &dns_port);
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK + 1) }
	};
	struct download_ask ask = { .size = SIZE, .limit_ms = 30000 };
	char url[80], servers[40], reason[DOWNLOAD_REASON];
	struct download_mark mark;
	pthread_t t;
	struct buf b;

	(void)state;
	assert_int_equal(listen(full, 0), 0);
	for (unsigned i = 0; i < 2; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (struct sockaddr *)&to, sizeof to);
	}
	assert_int_equal(pthread_create(&t, NULL, name_addresses, &dns), 0);
	(void)snprintf(servers, sizeof servers, "127.0.0.1:%u", dns_port);
	(void)snprintf(url, sizeof url, "http://list.example:%u/list", server.port);
	ask.servers = servers;
	ask.url = url;
	buf_init(&b, CAP);
	assert_int_equal(download_get(&ask, &b, &mark, reason), ERR_OK);
	assert_string_equal(buf_cstr(&b), "192.0.2.1\n");
	buf_done(&b);
	(void)shutdown(dns, SHUT_RDWR);
	(void)pthread_join(t, NULL);
	(void)close(dns);
	(void)close(full);
	(void)close(waiting[0]);
	(void)close(waiting[1]);
}

static void test_lookup(void **state)
{
	struct ipaddr a[HOST_LOOKUP_MAX];
	size_t n = 0;

	(void)state;
	assert_int_equal(host_lookup("192.0.2.7", NULL, 1000, a, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(host_lookup("2001:db8::7", NULL, 1000, a, &n), ERR_OK);
	assert_int_equal(a[0].family, 6);
	/* nobody answers there */
	assert_int_not_equal(host_lookup("list.example", "127.0.0.1:1", 1000, a, &n), ERR_OK);
	assert_int_equal(host_lookup("list.example", "nonsense", 1000, a, &n), ERR_SYNTAX);
}

/* ---- unpacking */

static void test_gunzip(void **state)
{
	static char text[300000], packed[65536], cut[65536];
	struct buf b;
	size_t n, two;

	(void)state;
	memset(text, 'x', sizeof text);
	n = pack(text, sizeof text, packed, sizeof packed);
	assert_true(gunzip_is_packed(slice_of(packed, n)));
	assert_false(gunzip_is_packed(SLICE_LIT("\x1f\x8b")));
	/* two members are one text; what is behind them is no matter */
	memcpy(packed + n, packed, n);
	two = 2 * n;
	memset(packed + two, 0, 100);
	buf_init(&b, 2 * sizeof text + 1);
	assert_int_equal(gunzip_all(slice_of(packed, two + 100), &b), ERR_OK);
	assert_int_equal(b.n, 2 * sizeof text);
	buf_done(&b);
	buf_init(&b, 2 * sizeof text - 1);
	assert_int_equal(gunzip_all(slice_of(packed, two), &b), ERR_LIMIT);
	buf_done(&b);
	for (size_t i = 3; i < n; i += 7) {
		buf_init(&b, 2 * sizeof text);
		assert_int_equal(gunzip_all(slice_of(packed, i), &b), ERR_SYNTAX);
		buf_done(&b);
		memcpy(cut, packed, n);
		cut[i] = (char)(cut[i] ^ 0x55);
		buf_init(&b, sizeof text);
		(void)(gunzip_all(slice_of(cut, n), &b) == ERR_OK);
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_broken_off),
		cmocka_unit_test(test_no_listener),
		cmocka_unit_test(test_a_dead_address),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_gunzip),
	};

	return cmocka_run_group_tests_name("download", tests, begin, end);
}
