/*
 * capture_connection: bytes between one socket and its LMTP session. Reads
 * only when what was read before is worked off, so that a message that waits
 * for the disk or the engine holds its client back.
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"
#include "role/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char own_name[] = "limetwig";

void capture_connection_close(struct capture_connection *k)
{
	struct capture *c = k->capture;

	loop_remove(k->watch);
	(void)close(k->fd);
	capture_back_leave(k->back);
	if (k->is_syncing)
		TAILQ_REMOVE(&c->syncing, k, sync);
	if (k->is_publishing)
		TAILQ_REMOVE(&c->publishing, k, sync);
	TAILQ_REMOVE(&c->all, k, all);
	c->connections--;
	corpus_drop(c->corpus, &k->file);
	lmtp_session_done(&k->session);
	buf_done(&k->in);
	free(k);
	capture_freed(c);
}

static bool can_work(const struct capture_connection *k)
{
	return k->session.state < LMTP_STATE_WAIT && k->session.out.n < LMTP_OUT_HIGH;
}

static void work(struct capture_connection *k)
{
	struct slice in = buf_slice(&k->in), chunk = { NULL, 0 };
	uint64_t now_ms = clock_mono_ms();
	enum lmtp_event e;

	while ((e = lmtp_session_feed(&k->session, now_ms, &in, &chunk)) != LMTP_EVENT_NONE) {
		if (e == LMTP_EVENT_BEGIN)
			capture_message_begin(k);
		else if (e == LMTP_EVENT_CHUNK)
			capture_message_add(k, chunk);
		else
			capture_message_end(k);
	}
	if (k->session.state == LMTP_STATE_CLOSED)
		in = slice_from(in, in.n);
	buf_consume(&k->in, k->in.n - in.n);
}

bool capture_connection_flush(int fd, struct buf *out)
{
	while (out->n) {
		ssize_t n = send(fd, out->p, out->n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		buf_consume(out, (size_t)n);
	}
	return true;
}

static bool is_over(const struct capture_connection *k)
{
	if (k->session.out.n)
		return false;
	return k->session.state == LMTP_STATE_CLOSED || (k->is_eof && k->session.state != LMTP_STATE_WAIT);
}

void capture_connection_run(struct capture_connection *k)
{
	unsigned want = 0;

	do {
		work(k);
		if (k->capture->is_stopping && k->session.state < LMTP_STATE_DATA)
			lmtp_session_close(&k->session, "Service is stopping");
		if (!capture_connection_flush(k->fd, &k->session.out)) {
			capture_connection_close(k);
			return;
		}
	} while (k->in.n && can_work(k));
	if (is_over(k)) {
		capture_connection_close(k);
		return;
	}
	if (k->session.out.n)
		want |= LOOP_WRITE;
	if (!k->is_eof && k->in.n == 0 && can_work(k))
		want |= LOOP_READ;
	if (loop_fd_want(k->watch, want) != ERR_OK)
		capture_connection_close(k);
}

static void on_ready(int fd, unsigned what, void *ctx)
{
	struct capture_connection *k = ctx;
	ssize_t n;

	if ((what & LOOP_READ) && k->in.n == 0) {
		if (buf_reserve(&k->in, CAPTURE_INPUT) != ERR_OK) {
			capture_connection_close(k);
			return;
		}
		n = recv(fd, k->in.p, CAPTURE_INPUT, MSG_DONTWAIT);
		if (n > 0) {
			k->in.n = (size_t)n;
		} else if (n == 0) {
			k->is_eof = true;
		} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
			capture_connection_close(k);
			return;
		}
	}
	capture_connection_run(k);
}

void capture_connection_open(struct capture *c, int fd, unsigned queue)
{
	struct capture_connection *k = calloc(1, sizeof *k);

	if (!k) {
		(void)close(fd);
		return;
	}
	k->capture = c;
	k->fd = fd;
	k->queue = (uint8_t)queue;
	k->file.fd = -1;
	buf_init(&k->in, CAPTURE_INPUT);
	lmtp_session_init(&k->session, own_name, LMTP_DATA_BYTES, clock_mono_ms());
	k->watch = loop_fd(c->host->loop, fd, LOOP_READ, on_ready, k);
	if (!k->watch) {
		lmtp_session_done(&k->session);
		(void)close(fd);
		free(k);
		return;
	}
	TAILQ_INSERT_TAIL(&c->all, k, all);
	c->connections++;
	capture_connection_run(k);
}
