/*
 * fuzz_engine: a whole engine, asked by everybody who may ask it: commands on
 * the control socket, queries on Postfix's, messages of the other roles, cut
 * and mixed as the input says. It never dies of it, and each side hears an end.
 *
 * Parts of the input: a byte that says who speaks, two that count its bytes,
 * these. Each input has a fresh store.
 * SPDX-License-Identifier: ISC
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* the rig is made for cmocka's tests; here whatever it finds wrong is a finding */
#define assert_true(x)                                                                                                 \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)
#define assert_false(x) assert_true(!(x))
#define assert_null(x) assert_true(!(x))
#define assert_non_null(x) assert_true(x)
#define assert_int_equal(a, b) assert_true((a) == (b))
#define assert_string_equal(a, b) assert_true(strcmp((a), (b)) == 0)
#define fail_msg(...) abort()

/* what is like a trap and is none may be logged, as any address */
static bool has_trap(const char *log);
#define RIG_IS_LEAKED(log) has_trap(log)

#include "../unit/engine_rig.h"

#define PARTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool goes_on(const char *after)
{
	/* a byte above ASCII, as the log escapes it, is of the same word */
	bool is_high = after[0] == '\\' && after[1] == 'x' && after[2] && strchr("89abcdef", after[2]);

	return is_high || isalnum((unsigned char)*after) || (*after && strchr("-/_", *after));
}

/* Not the beginning of another name; what stands in front, and more labels behind, hide no trap. */
static bool has_one(const char *log, const char *trap)
{
	for (const char *at = log; (at = strstr(at, trap)) != NULL; at++)
		if (!goes_on(at + strlen(trap)))
			return true;
	return false;
}

static bool has_trap(const char *log)
{
	return has_one(log, TRAP1) || has_one(log, TRAP2) || has_one(log, RIG_SECRET "1=example.org") ||
	       has_one(log, RIG_SECRET "2=example.org") || has_one(log, "@" RIG_SECRET ".example");
}

struct call {
	int fd;
	bool is_over;
};

/* The engine has closed its end. */
static bool is_over(void *ctx)
{
	struct call *c = ctx;
	char got[65536];
	ssize_t n;

	while ((n = recv(c->fd, got, sizeof got, MSG_DONTWAIT)) > 0)
		;
	c->is_over = c->is_over || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	return c->is_over;
}

static void ask(const char *name, struct slice text)
{
	struct call c = { .fd = rig_connect(name) };

	if (send(c.fd, text.p, text.n, MSG_NOSIGNAL) >= 0)
		(void)shutdown(c.fd, SHUT_WR);
	if (!rig_wait(is_over, &c))
		abort();
	(void)close(c.fd);
}

static bool is_unlinked(void *ctx)
{
	return !rig.host.link[*(const enum role *)ctx];
}

/* Datagrams, each behind a byte that counts its bytes; an odd last byte brings a descriptor along. */
static void send_all(int to, struct slice text)
{
	while (text.n) {
		struct slice one = slice_head(slice_from(text, 1), (uint8_t)text.p[0]);
		int fd = one.n && (one.p[one.n - 1] & 1) ? rig_memfd(RIG_SECRET "9@example.org\n") : -1;
		union {
			struct cmsghdr head;
			char space[CMSG_SPACE(sizeof(int))];
		} u = { .head = { CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS } };
		struct iovec iov = { (void *)(uintptr_t)one.p, one.n };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

		if (fd >= 0) {
			m.msg_control = &u;
			m.msg_controllen = sizeof u;
			memcpy(CMSG_DATA(&u.head), &fd, sizeof fd);
		}
		(void)!sendmsg(to, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (fd >= 0)
			(void)close(fd);
		text = slice_from(text, 1 + one.n);
	}
}

/* A peer that says anything, then ends; a right one takes its place. */
static void tell(enum role from, struct slice text)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) != 0)
		abort();
	rig_unlink(from);
	rig.host.link[from] =
		channel_new(rig.host.loop, fd[0], ROLE_ENGINE, from, rig_on_engine_message, rig_on_engine_closed, NULL);
	assert_non_null(rig.host.link[from]);
	engine_ops.linked(&rig.host, from);
	send_all(fd[1], text);
	(void)shutdown(fd[1], SHUT_WR);
	if (!rig_wait(is_unlinked, &from))
		abort();
	(void)close(fd[1]);
	rig_link(from);
}

static void part(uint8_t who, struct slice text)
{
	unsigned roles = ROLE_COUNT - ROLE_FIREWALL;

	switch (who & 3) {
	case 0:
	case 1:
		ask("control", text);
		break;
	case 2:
		ask("policy", text);
		break;
	default:
		tell((enum role)(ROLE_FIREWALL + (who >> 2) % roles), text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *state = NULL;

	if (size < 4)
		return 0;
	if (rig_setup(&state) != 0)
		abort();
	rig_start();
	for (unsigned i = 0; i < PARTS && size > 3; i++) {
		size_t n = (size_t)(data[1] << 8 | data[2]);
		struct slice text = slice_head(slice_of(data + 3, size - 3), n);

		part(data[0], text);
		data += 3 + text.n;
		size -= 3 + text.n;
	}
	if (rig_teardown(&state) != 0)
		abort();
	return 0;
}
