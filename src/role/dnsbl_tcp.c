/*
 * dnsbl_tcp: connections (RFC 7766): several questions may come one behind the
 * other, and are answered in that order. Who brings no whole question in
 * DNSBL_IDLE_MS, or does not take his answers, is closed, however many bytes he
 * drips. Who may not ask is closed at once.
 * SPDX-License-Identifier: ISC
 */
#include "role/dnsbl.h"

#include "io/log.h"
#include "io/peer_address.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define SUBJECT_IPV4 24
#define SUBJECT_IPV6 64

static void conn_close(struct dnsbl_conn *c)
{
	loop_remove(c->watch);
	(void)close(c->fd);
	c->watch = NULL;
	c->fd = -1;
	c->dnsbl->state.connections--;
}

/* ---- talking */

/* Sends what there is. False: closed. */
static bool flush(struct dnsbl_conn *c)
{
	while (c->out_sent < c->out_n) {
		ssize_t n = send(c->fd, c->out + c->out_sent, c->out_n - c->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
			return true;
		if (n < 0) {
			conn_close(c);
			return false;
		}
		c->out_sent += (size_t)n;
	}
	c->out_n = c->out_sent = 0;
	return true;
}

static void add_answer(struct dnsbl_conn *c, struct slice question)
{
	struct dnsbl *d = c->dnsbl;
	struct dnsbl_ask ask = { .is_allowed = d->has_zone, .now = clock_wall_s() };
	uint8_t *to = c->out + c->out_n;
	enum dnsbl_said said;
	bool is_cut;
	size_t n = dnsbl_answer(&d->zone, &d->list, &ask, question, to + 2, &said, &is_cut);

	dnsbl_count(d, said, is_cut);
	c->since_ms = clock_mono_ms();
	if (n == 0)
		return;
	to[0] = (uint8_t)(n >> 8);
	to[1] = (uint8_t)n;
	c->out_n += 2 + n;
}

/* Answers what has come. ERR_MORE: all of it; ERR_OK: as far as there was room; ERR_SYNTAX: what comes next is none. */
static enum err answer_all(struct dnsbl_conn *c, unsigned *left)
{
	while (c->out_n + 2 + DNSBL_ANSWER_MAX <= sizeof c->out && *left) {
		struct slice question;
		enum err e = dnsbl_stream_next(&c->in, &question);

		if (e != ERR_OK)
			return e;
		--*left;
		add_answer(c, question);
	}
	return ERR_OK;
}

/* Takes what has come. False: nothing has. */
static bool take_bytes(struct dnsbl_conn *c)
{
	size_t size;
	uint8_t *to = dnsbl_stream_room(&c->in, &size);
	ssize_t n = recv(c->fd, to, size, MSG_DONTWAIT);

	if (n > 0)
		dnsbl_stream_add(&c->in, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->is_last = true;
	return n > 0;
}

static void want(struct dnsbl_conn *c, unsigned what)
{
	if (what == c->want)
		return;
	c->want = what;
	if (loop_fd_want(c->watch, what) != ERR_OK)
		conn_close(c);
}

static void talk(struct dnsbl_conn *c)
{
	unsigned left = DNSBL_TURN;

	for (;;) {
		enum err e = answer_all(c, &left);

		if (!flush(c))
			return;
		/* at the end of a turn he is written to at once, and so has the next one */
		if (c->out_n || left == 0) {
			want(c, LOOP_WRITE);
			return;
		}
		if (e == ERR_SYNTAX || (e == ERR_MORE && c->is_last)) {
			conn_close(c);
			return;
		}
		if (e == ERR_MORE && !take_bytes(c) && !c->is_last)
			break;
	}
	want(c, LOOP_READ);
}

static void on_conn(int fd, unsigned what, void *ctx)
{
	(void)fd;
	(void)what;
	talk(ctx);
}

/* ---- coming in */

/* How many of his network are here. */
static unsigned count_of(const struct dnsbl *d, const struct prefix *subject)
{
	unsigned n = 0;

	for (unsigned i = 0; i < DNSBL_CONNECTIONS; i++)
		n += d->conn[i] && d->conn[i]->fd >= 0 && prefix_eq(&d->conn[i]->subject, subject);
	return n;
}

/* A place that is free; where all are taken that of the one who is idle longest. NULL: no memory. */
static struct dnsbl_conn *make_room(struct dnsbl *d)
{
	struct dnsbl_conn *oldest = NULL;

	for (unsigned i = 0; i < DNSBL_CONNECTIONS; i++) {
		struct dnsbl_conn *c = d->conn[i];

		if (!c)
			return d->conn[i] = calloc(1, sizeof *c);
		if (c->fd < 0)
			return c;
		if (!oldest || c->since_ms < oldest->since_ms)
			oldest = c;
	}
	d->state.shed++;
	conn_close(oldest);
	return oldest;
}

static bool conn_open(struct dnsbl *d, int fd, const struct prefix *subject)
{
	struct dnsbl_conn *c = make_room(d);
	int on = 1;

	if (!c)
		return false;
	*c = (struct dnsbl_conn){
		.dnsbl = d, .fd = -1, .subject = *subject, .since_ms = clock_mono_ms(), .want = LOOP_READ
	};
	c->watch = loop_fd(d->host->loop, fd, LOOP_READ, on_conn, c);
	if (!c->watch)
		return false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->fd = fd;
	d->state.connections++;
	talk(c);
	return true;
}

static void take(struct dnsbl *d, int fd, const struct sockaddr_storage *sa)
{
	struct ipaddr client;
	struct prefix subject;
	bool is_in = false;

	d->state.taken++;
	if (!peer_address(sa, &client) || !dnsbl_may_ask(d, &client)) {
		d->state.refused++;
	} else {
		subject = prefix_of(&client, client.family == 4 ? SUBJECT_IPV4 : SUBJECT_IPV6);
		is_in = count_of(d, &subject) < DNSBL_EACH && conn_open(d, fd, &subject);
		d->state.shed += !is_in;
	}
	if (!is_in)
		(void)close(fd);
}

static void listen_to_all(struct dnsbl *d, unsigned what)
{
	for (unsigned i = 0; i < ROLE_LISTENERS; i++)
		if (d->tcp_watch[i] && loop_fd_want(d->tcp_watch[i], what) != ERR_OK)
			log_warn("dnsbl", "text=\"cannot watch a listener\"");
	d->is_tcp_paused = what == 0;
}

void dnsbl_on_listener(int fd, unsigned what, void *ctx)
{
	struct dnsbl *d = ctx;

	(void)what;
	for (unsigned i = 0; i < DNSBL_ACCEPTS; i++) {
		struct sockaddr_storage sa = { 0 };
		socklen_t n = sizeof sa;
		int got = accept4(fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (got >= 0) {
			take(d, got, &sa);
			continue;
		}
		/* the level-triggered listener would keep us busy */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			listen_to_all(d, 0);
		return;
	}
}

void dnsbl_tcp_second(struct dnsbl *d)
{
	uint64_t now = clock_mono_ms();

	for (unsigned i = 0; i < DNSBL_CONNECTIONS; i++) {
		struct dnsbl_conn *c = d->conn[i];

		if (c && c->fd >= 0 && now - c->since_ms >= DNSBL_IDLE_MS)
			conn_close(c);
	}
	if (d->is_tcp_paused)
		listen_to_all(d, LOOP_READ);
}

void dnsbl_tcp_stop(struct dnsbl *d)
{
	for (unsigned i = 0; i < DNSBL_CONNECTIONS; i++) {
		if (d->conn[i] && d->conn[i]->fd >= 0)
			conn_close(d->conn[i]);
		free(d->conn[i]);
		d->conn[i] = NULL;
	}
}
