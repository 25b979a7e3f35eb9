/*
 * policy_null: the least a policy server can do: find the empty line, answer
 * DUNNO. What the machine and the kernel cost, to compare ours with.
 *     policy_null SOCKET|tcp:PORT
 * SPDX-License-Identifier: ISC
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy_address.h"

#define EVENTS 128
#define REQUEST_MAX 8192

struct conn {
	int fd;
	size_t n;
	char in[REQUEST_MAX];
};

static int listen_at(const char *where)
{
	struct policy_address a = policy_address(where);
	int on = 1, fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (a.any.sa_family == AF_UNIX)
		(void)unlink(where);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 || bind(fd, &a.any, a.n) != 0 ||
		listen(fd, 1024) != 0)
		err(1, "%s", where);
	return fd;
}

static void add(int ep, int fd, void *ptr)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = ptr };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
		err(1, "epoll_ctl");
}

static void accept_one(int ep, int listener)
{
	struct conn *c = calloc(1, sizeof *c);

	if (!c)
		err(1, "calloc");
	c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->fd < 0)
		free(c);
	else
		add(ep, c->fd, c);
}

static void serve(struct conn *c)
{
	static const char reply[] = "action=DUNNO\n\n";
	ssize_t n = recv(c->fd, c->in + c->n, sizeof c->in - c->n, 0);

	if (n <= 0) {
		close(c->fd);
		free(c);
		return;
	}
	c->n += (size_t)n;
	if (c->n >= 2 && memmem(c->in, c->n, "\n\n", 2)) {
		c->n = 0;
		if (send(c->fd, reply, sizeof reply - 1, MSG_NOSIGNAL) != (ssize_t)sizeof reply - 1)
			err(1, "send");
	}
}

int main(int argc, char **argv)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), listener;

	if (argc != 2)
		errx(2, "usage: policy_null SOCKET|tcp:PORT");
	listener = listen_at(argv[1]);
	add(ep, listener, NULL);
	for (;;) {
		struct epoll_event ev[EVENTS];
		int n = epoll_wait(ep, ev, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.ptr)
				serve(ev[i].data.ptr);
			else
				accept_one(ep, listener);
		}
	}
}
