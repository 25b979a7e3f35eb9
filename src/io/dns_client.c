/*
 * dns_client: a close from inside a callback waits until that has returned.
 * SPDX-License-Identifier: ISC
 */
#include "io/dns_client.h"

#include "core/dns_frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS 64 /* in one round of the loop */

struct dns_client {
	const struct dns_client_fns *fns;
	void *ctx;
	int fd;
	struct loop_watch *watch;
	bool is_up, is_lost, is_closed, is_inside, is_paused;
	size_t out_n, out_at;
	uint8_t out[DNS_CLIENT_OUT];
	struct dns_frame in;
};

static void release(struct dns_client *c)
{
	loop_remove(c->watch);
	if (c->fd >= 0)
		(void)close(c->fd);
	free(c);
}

static void want(struct dns_client *c)
{
	unsigned what =
		(c->is_paused || !c->is_up ? 0 : LOOP_READ) | (c->out_at < c->out_n || !c->is_up ? LOOP_WRITE : 0);

	/* it cannot fail where a watch is there already; if it does the caller's time runs out */
	if (c->watch && loop_fd_want(c->watch, what) != ERR_OK)
		c->is_lost = true;
}

static void lose(struct dns_client *c, const char *text)
{
	if (c->is_lost)
		return;
	c->is_lost = true;
	loop_remove(c->watch);
	c->watch = NULL;
	c->fns->lost(c->ctx, text);
}

static void on_connected(struct dns_client *c)
{
	int error = 0;
	socklen_t n = sizeof error;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error) {
		lose(c, strerror(error));
		return;
	}
	c->is_up = true;
	c->fns->up(c->ctx);
}

static void flush(struct dns_client *c)
{
	while (c->out_at < c->out_n) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_n - c->out_at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			lose(c, strerror(errno));
		if (n < 0)
			return;
		c->out_at += (size_t)n;
	}
}

static void give_messages(struct dns_client *c)
{
	struct slice message;
	enum err e = ERR_OK;

	while (e == ERR_OK && !c->is_closed && !c->is_lost) {
		e = dns_frame_next(&c->in, &message);
		if (e == ERR_OK)
			c->fns->message(c->ctx, message);
	}
	if (e == ERR_SYNTAX)
		lose(c, "a message without a header");
}

static void receive(struct dns_client *c)
{
	for (unsigned i = 0; i < READS && !c->is_closed && !c->is_lost && !c->is_paused; i++) {
		size_t size;
		uint8_t *to = dns_frame_room(&c->in, &size);
		ssize_t n = recv(c->fd, to, size, 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			if (n == 0 || errno != EINTR)
				lose(c, n == 0 ? "the server has closed the connection" : strerror(errno));
			continue;
		}
		dns_frame_add(&c->in, (size_t)n);
		give_messages(c);
	}
}

static void on_ready(int fd, unsigned what, void *ctx)
{
	struct dns_client *c = ctx;

	(void)fd;
	c->is_inside = true;
	if (!c->is_up)
		on_connected(c);
	else if (what & LOOP_READ)
		receive(c);
	if (c->is_up && !c->is_closed && !c->is_lost)
		flush(c);
	c->is_inside = false;
	if (c->is_closed)
		release(c);
	else if (!c->is_lost)
		want(c);
}

static socklen_t sockaddr_of(const struct ipaddr *a, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (a->family == 4) {
		memcpy(&v4.sin_addr, a->b, 4);
		memcpy(ret, &v4, sizeof v4);
		return sizeof v4;
	}
	memcpy(&v6.sin6_addr, a->b, 16);
	memcpy(ret, &v6, sizeof v6);
	return sizeof v6;
}

static enum err start(struct dns_client *c, struct loop *l, const struct ipaddr *server, uint16_t port)
{
	struct sockaddr_storage to = { .ss_family = AF_UNSPEC };
	socklen_t n = sockaddr_of(server, port, &to);
	int on = 1;

	c->fd = socket(server->family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return ERR_IO;
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(c->fd, (struct sockaddr *)&to, n) != 0 && errno != EINPROGRESS)
		return ERR_IO;
	c->watch = loop_fd(l, c->fd, LOOP_WRITE, on_ready, c);
	return c->watch ? ERR_OK : ERR_NOMEM;
}

enum err dns_client_open(struct loop *l, const struct ipaddr *server, uint16_t port, const struct dns_client_fns *fns,
	void *ctx, struct dns_client **ret)
{
	struct dns_client *c = calloc(1, sizeof *c);
	enum err e = ERR_NOMEM;
	int error;

	if (!c)
		return e;
	c->fd = -1;
	c->fns = fns;
	c->ctx = ctx;
	e = start(c, l, server, port);
	if (e != ERR_OK) {
		error = errno;
		release(c);
		errno = error;
		return e;
	}
	*ret = c;
	return ERR_OK;
}

enum err dns_client_send(struct dns_client *c, struct slice bytes)
{
	if (c->is_lost || !c->is_up)
		return ERR_CLOSED;
	if (c->out_at < c->out_n || bytes.n > sizeof c->out)
		return ERR_FULL;
	memcpy(c->out, bytes.p, bytes.n);
	c->out_n = bytes.n;
	c->out_at = 0;
	if (!c->is_inside)
		want(c);
	return ERR_OK;
}

void dns_client_pause(struct dns_client *c, bool is_paused)
{
	c->is_paused = is_paused;
	if (!c->is_inside && !c->is_lost)
		want(c);
}

void dns_client_close(struct dns_client *c)
{
	if (!c)
		return;
	if (c->is_inside)
		c->is_closed = true;
	else
		release(c);
}
