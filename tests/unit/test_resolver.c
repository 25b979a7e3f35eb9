/*
 * resolver: against a server of our own that lies: the first label of the
 * asked name says how.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/wire.h"
#include "io/resolver.h"

#define TIMEOUT_MS 150
#define LATE_MS 400 /* behind the first try, before the last */

static struct loop *loop;
static struct resolver *resolver;
static int udp, tcp;
static unsigned queries;

/* What came back. */
static struct {
	unsigned calls;
	enum dns_result result;
	size_t count;
	char first[200];
} got;

struct query {
	uint8_t bytes[600];
	size_t n;
	struct sockaddr_in from;
	char label[64];
};
static struct query late;

static struct slice name_of(const struct query *q)
{
	return slice_of(q->bytes + 12, strlen((const char *)q->bytes + 12) + 1);
}

static unsigned type_of(const struct query *q)
{
	const uint8_t *p = q->bytes + 12 + name_of(q).n;

	return (unsigned)p[0] << 8 | p[1];
}

static void put_record(struct wr *w, struct slice owner, unsigned type, struct slice data)
{
	if (owner.n)
		wr_raw(w, owner);
	else
		wr_u16(w, 0xc00c);
	wr_u16(w, (uint16_t)type);
	wr_u16(w, 1);
	wr_u32(w, 60);
	wr_bytes(w, data);
}

static void put_head(struct wr *w, const struct query *q, unsigned flags, unsigned answers)
{
	wr_raw(w, slice_of(q->bytes, 2));
	wr_u16(w, (uint16_t)(0x8180 | flags));
	wr_u16(w, 1);
	wr_u16(w, (uint16_t)answers);
	wr_u32(w, 0);
	wr_raw(w, slice_of(q->bytes + 12, name_of(q).n + 4));
}

static void put_plain(struct wr *w, const struct query *q)
{
	put_head(w, q, 0, 1);
	if (type_of(q) == DNS_TXT)
		put_record(w, slice_of("", 0), DNS_TXT, SLICE_LIT("\13v=spf1 -all"));
	else
		put_record(w, slice_of("", 0), DNS_A, slice_of("\xc0\0\2\1", 4));
}

static void send_udp(const struct query *q, const struct wr *w)
{
	assert_int_equal(sendto(udp, w->p, w->n, 0, (const struct sockaddr *)&q->from, sizeof q->from), (ssize_t)w->n);
}

static void send_late(void *ctx)
{
	uint8_t out[600];
	struct wr w = wr_init(out, sizeof out);

	(void)ctx;
	put_plain(&w, &late);
	send_udp(&late, &w);
}

/* The lies, by label. */
static void put_answer(struct wr *w, const struct query *q)
{
	const char *l = q->label;

	if (strcmp(l, "nx") == 0) {
		put_head(w, q, 3, 0);
	} else if (strcmp(l, "empty") == 0) {
		put_head(w, q, 0, 0);
	} else if (strcmp(l, "servfail") == 0) {
		put_head(w, q, 2, 0);
	} else if (strcmp(l, "loop") == 0) {
		put_head(w, q, 0, 1);
		put_record(w, slice_of("", 0), 5, slice_of("\xc0\x0c", 2));
	} else if (strcmp(l, "other") == 0) { /* an address of a name that nobody asked for */
		put_head(w, q, 0, 1);
		put_record(w, slice_of("\3foo\0", 5), DNS_A, slice_of("\xc0\0\2\1", 4));
	} else if (strcmp(l, "pointer") == 0) {
		put_head(w, q, 0, 1);
		wr_u16(w, 0xc0ff);
		wr_raw(w, slice_of("\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 14));
	} else if (strcmp(l, "cutoff") == 0) {
		put_plain(w, q);
		w->n -= 3;
	} else if (strcmp(l, "trunc") == 0) {
		put_head(w, q, 0x200, 0);
	} else {
		put_plain(w, q);
	}
}

static void answer(const struct query *q)
{
	uint8_t out[600];
	struct wr w = wr_init(out, sizeof out);

	put_answer(&w, q);
	if (strcmp(q->label, "wrongid") == 0) {
		out[0] ^= 0x55;
	} else if (strcmp(q->label, "wrongname") == 0) {
		out[13] ^= 1;
	} else if (strcmp(q->label, "twice") == 0) {
		send_udp(q, &w);
	}
	send_udp(q, &w);
}

static void parse_query(struct query *q)
{
	slice_copy(slice_of(q->bytes + 13, q->bytes[12]), q->label, sizeof q->label);
	queries++;
}

static void on_udp(int fd, unsigned what, void *ctx)
{
	struct query q = { 0 };
	socklen_t size = sizeof q.from;
	ssize_t n = recvfrom(fd, q.bytes, sizeof q.bytes - 1, 0, (struct sockaddr *)&q.from, &size);

	(void)what;
	(void)ctx;
	assert_true(n > 17);
	q.n = (size_t)n;
	parse_query(&q);
	if (strcmp(q.label, "silent") == 0)
		return;
	if (strcmp(q.label, "late") == 0) {
		if (late.n == 0)
			assert_non_null(loop_after(loop, LATE_MS, send_late, NULL));
		late = q;
		return;
	}
	answer(&q);
}

static struct loop_watch *connection;

/* Length before each message; the query comes in one piece or two. */
static void on_stream(int fd, unsigned what, void *ctx)
{
	struct query q = { 0 };
	uint8_t out[602];
	struct wr w = wr_init(out + 2, sizeof out - 2);
	ssize_t n = recv(fd, q.bytes, 2, MSG_WAITALL);

	(void)what;
	(void)ctx;
	if (n == 2) {
		n = recv(fd, q.bytes, (size_t)q.bytes[0] << 8 | q.bytes[1], MSG_WAITALL);
		assert_true(n > 17);
		q.n = (size_t)n;
		parse_query(&q);
		put_plain(&w, &q);
		out[0] = (uint8_t)(w.n >> 8);
		out[1] = (uint8_t)w.n;
		assert_int_equal(send(fd, out, w.n + 2, 0), (ssize_t)w.n + 2);
	}
	loop_remove(connection);
	close(fd);
}

static void on_tcp(int fd, unsigned what, void *ctx)
{
	int c = accept(fd, NULL, NULL);

	(void)what;
	(void)ctx;
	connection = loop_fd(loop, c, LOOP_READ, on_stream, NULL);
	assert_non_null(connection);
}

static void on_done(void *ctx, const struct dns_question *q, const struct dns_answer *a)
{
	(void)ctx;
	(void)q;
	got.calls++;
	got.result = a->result;
	got.count = a->count;
	got.first[0] = '\0';
	if (a->count && q->type == DNS_TXT)
		slice_copy(a->text[0], got.first, sizeof got.first);
	else if (a->count)
		(void)ipaddr_format(&a->address[0], got.first);
	loop_stop(loop);
}

static void on_pause(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

static struct dns_question question(const char *label, enum dns_type type)
{
	struct dns_question q = { .type = type };

	(void)snprintf(q.name, sizeof q.name, "%s.example", label);
	return q;
}

static void ask(const char *label, enum dns_type type)
{
	struct dns_question q = question(label, type);

	got.calls = 0;
	queries = 0;
	assert_int_equal(resolver_ask(resolver, &q, on_done, &got), ERR_OK);
	while (!got.calls)
		assert_int_equal(loop_run(loop), ERR_OK);
	assert_int_equal(got.calls, 1);
}

static void check(const char *label, enum dns_type type, enum dns_result result, const char *first)
{
	ask(label, type);
	if (got.result != result || strcmp(got.first, first) != 0)
		fail_msg("%s: result %d \"%s\"", label, (int)got.result, got.first);
}

static int setup(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof a;
	char server[40];

	(void)state;
	loop = loop_new();
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!loop || bind(udp, (struct sockaddr *)&a, sizeof a) != 0 ||
		getsockname(udp, (struct sockaddr *)&a, &size) != 0 ||
		bind(tcp, (struct sockaddr *)&a, sizeof a) != 0 || listen(tcp, 4) != 0)
		return -1;
	(void)snprintf(server, sizeof server, "127.0.0.1:%u", ntohs(a.sin_port));
	late.n = 0;
	return resolver_new(loop, server, TIMEOUT_MS, &resolver) == ERR_OK &&
			       loop_fd(loop, udp, LOOP_READ, on_udp, NULL) &&
			       loop_fd(loop, tcp, LOOP_READ, on_tcp, NULL)
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	(void)state;
	resolver_free(resolver);
	loop_free(loop);
	close(udp);
	close(tcp);
	return 0;
}

static void answers_come(void **state)
{
	(void)state;
	check("plain", DNS_A, DNS_OK, "192.0.2.1");
	check("plain", DNS_TXT, DNS_OK, "v=spf1 -all");
	check("nx", DNS_A, DNS_NONE, "");
	check("empty", DNS_A, DNS_NONE, "");
	assert_int_equal(resolver_flight(resolver), 0);
}

static void lies_are_no_answers(void **state)
{
	(void)state;
	check("servfail", DNS_A, DNS_FAILED, "");
	check("loop", DNS_A, DNS_NONE, "");
	check("other", DNS_A, DNS_NONE, "");
	check("pointer", DNS_A, DNS_FAILED, "");
	check("cutoff", DNS_A, DNS_FAILED, "");
	check("wrongid", DNS_A, DNS_FAILED, "");
	check("wrongname", DNS_A, DNS_FAILED, "");
}

static void a_truncated_answer_comes_by_tcp(void **state)
{
	(void)state;
	check("trunc", DNS_TXT, DNS_OK, "v=spf1 -all");
	assert_int_equal(queries, 2);
}

static void silence_ends(void **state)
{
	(void)state;
	check("silent", DNS_A, DNS_FAILED, "");
	assert_int_equal(queries, RESOLVER_TRIES);
	assert_int_equal(resolver_flight(resolver), 0);
}

static void late_and_double_answers_count_once(void **state)
{
	(void)state;
	check("late", DNS_A, DNS_OK, "192.0.2.1");
	assert_true(queries > 1);
	check("twice", DNS_A, DNS_OK, "192.0.2.1");
	check("plain", DNS_A, DNS_OK, "192.0.2.1"); /* the second one comes now, to nobody */
}

static void flight_is_bounded_and_can_be_forgotten(void **state)
{
	struct dns_question q = question("silent", DNS_A);

	(void)state;
	got.calls = 0;
	for (unsigned i = 0; i < RESOLVER_FLIGHT; i++)
		assert_int_equal(resolver_ask(resolver, &q, on_done, &queries), ERR_OK);
	assert_int_equal(resolver_ask(resolver, &q, on_done, &got), ERR_FULL);
	assert_int_equal(resolver_flight(resolver), RESOLVER_FLIGHT);
	resolver_forget(resolver, &queries);
	while (resolver_flight(resolver) == RESOLVER_FLIGHT) {
		assert_non_null(loop_after(loop, 20, on_pause, NULL));
		assert_int_equal(loop_run(loop), ERR_OK);
	}
	assert_int_equal(got.calls, 0);
}

static void bad_servers_are_refused(void **state)
{
	struct resolver *r;

	(void)state;
	assert_int_equal(resolver_new(loop, "not-an-address", TIMEOUT_MS, &r), ERR_SYNTAX);
	assert_int_equal(resolver_new(loop, "[::1]:5353,192.0.2.1", TIMEOUT_MS, &r), ERR_OK);
	resolver_free(r);
	resolver_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_come, setup, teardown),
		cmocka_unit_test_setup_teardown(lies_are_no_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(a_truncated_answer_comes_by_tcp, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(late_and_double_answers_count_once, setup, teardown),
		cmocka_unit_test_setup_teardown(flight_is_bounded_and_can_be_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_servers_are_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
