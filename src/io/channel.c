/*
 * channel: SEQPACKET with a queue behind the socket.
 *
 *   new -> greeted (first message was a good HELLO) -> closed
 *
 * A callback may free the channel: `busy` counts the calls into this module
 * that are under way, and the last one out does the work.
 * SPDX-License-Identifier: ISC
 */
#include "io/channel.h"

#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNEL_BUDGET 64     /* messages read in one wake-up */
#define CHANNEL_TURN_US 250u  /* the same: after so long others have their turn */
#define CHANNEL_QUEUE_FDS 64u /* descriptors waiting at most */
#define CHANNEL_LATER_MS 100  /* until what the kernel had no room for is tried again */

struct waiting {
	struct waiting *next;
	size_t n, fds;
	int fd[CHANNEL_FDS];
	uint8_t bytes[];
};

struct channel {
	struct loop *loop;
	struct loop_watch *watch;
	struct loop_watch *later; /* nothing is sent before */
	int fd;
	enum role self, peer;
	channel_message_fn on_message;
	channel_closed_fn on_closed;
	loop_fn on_drain;
	void *ctx, *drain_ctx;
	struct waiting *first, **last;
	size_t queued, queued_fds;
	unsigned busy;
	bool is_greeted, is_closed, is_freed;
	uint8_t in[MESSAGE_MAX];
};

static void close_fds(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static void queue_drop_first(struct channel *c)
{
	struct waiting *q = c->first;

	c->first = q->next;
	if (!c->first)
		c->last = &c->first;
	c->queued -= q->n;
	c->queued_fds -= q->fds;
	close_fds(q->fd, q->fds);
	free(q);
}

static void channel_close(struct channel *c)
{
	if (c->is_closed)
		return;
	c->is_closed = true;
	loop_remove(c->watch);
	loop_remove(c->later);
	c->watch = c->later = NULL;
	close(c->fd);
	while (c->first)
		queue_drop_first(c);
}

static void channel_leave(struct channel *c)
{
	if (--c->busy == 0 && c->is_freed) {
		channel_close(c);
		free(c);
	}
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	c->is_freed = true;
	c->busy++;
	channel_leave(c);
}

/* Wait for room only while there is something to write or somebody to tell that there is nothing. */
static void want_events(struct channel *c)
{
	unsigned what = LOOP_READ | (!c->later && (c->first || c->on_drain) ? LOOP_WRITE : 0u);

	if (loop_fd_want(c->watch, what) != ERR_OK)
		log_warn("channel_watch", "peer=%s", role_name(c->peer));
}

static void on_later(void *ctx)
{
	struct channel *c = ctx;

	loop_remove(c->later);
	c->later = NULL;
	want_events(c);
}

/* What was not sent waits: e is ERR_AGAIN for room in the socket, else for the kernel, of which no event tells. */
static void send_later(struct channel *c, enum err e)
{
	if (e != ERR_AGAIN && !c->later)
		c->later = loop_after(c->loop, CHANNEL_LATER_MS, on_later, c);
	want_events(c);
}

/*
 * ERR_AGAIN: the socket is full. ERR_NOMEM: the kernel has no memory for it, or of our descriptors too many are under
 * way; the socket may be writable all the same.
 */
static enum err send_now(int fd, const uint8_t *p, size_t n, const int *fds, size_t count)
{
	struct iovec v = { .iov_len = n };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int) * CHANNEL_FDS)];
	} control = { 0 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	memcpy(&v.iov_base, &p, sizeof p); /* sendmsg does not write there */
	if (count) {
		struct cmsghdr *h = &control.head;

		m.msg_control = control.space;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(h), fds, sizeof(int) * count);
	}
	for (;;) {
		if (sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return ERR_OK;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return ERR_AGAIN;
		if (errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS)
			return ERR_NOMEM;
		if (errno != EINTR)
			return errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN ? ERR_CLOSED : ERR_IO;
	}
}

static enum err queue_add(struct channel *c, const uint8_t *p, size_t n, const int *fds, size_t count)
{
	struct waiting *q;

	if (c->queued + n > CHANNEL_QUEUE || c->queued_fds + count > CHANNEL_QUEUE_FDS)
		return ERR_FULL;
	q = calloc(1, sizeof *q + n);
	if (!q)
		return ERR_FULL;
	for (; q->fds < count; q->fds++) {
		q->fd[q->fds] = fcntl(fds[q->fds], F_DUPFD_CLOEXEC, 3);
		if (q->fd[q->fds] < 0) {
			close_fds(q->fd, q->fds);
			free(q);
			return ERR_FULL;
		}
	}
	memcpy(q->bytes, p, n);
	q->n = n;
	*c->last = q;
	c->last = &q->next;
	c->queued += n;
	c->queued_fds += count;
	return ERR_OK;
}

static enum err channel_put(struct channel *c, const uint8_t *p, size_t n, const int *fds, size_t count)
{
	enum err sent = c->first ? ERR_AGAIN : send_now(c->fd, p, n, fds, count), e;

	if (sent != ERR_AGAIN && sent != ERR_NOMEM)
		return sent;
	e = queue_add(c, p, n, fds, count);
	if (e == ERR_OK)
		send_later(c, sent);
	return e;
}

enum err channel_send(struct channel *c, const struct wr *w, const int *fds, size_t n)
{
	enum message_type t;
	enum err e;

	if (c->is_closed || c->is_freed)
		return ERR_CLOSED;
	if (w->bad || w->n == 0 || w->n > MESSAGE_MAX || n > CHANNEL_FDS)
		return ERR_LIMIT;
	e = message_check(c->self, c->peer, wr_slice(w), n, &t);
	if (e != ERR_OK) {
		log_warn("message_refused", "type=%u to=%s reason=\"%s\" own=1", w->p[0], role_name(c->peer),
			err_name(e));
		return e;
	}
	return channel_put(c, w->p, w->n, fds, n);
}

/* The last call of whoever found the end: the owner may free the channel in it. */
static void channel_end(struct channel *c)
{
	channel_close(c);
	c->on_closed(c->ctx, c->peer);
}

static bool is_good_hello(const struct channel *c, enum message_type t, struct rd body)
{
	struct msg_hello hello;

	return t == MSG_HELLO && message_get_hello(&body, &hello) == ERR_OK && hello.version == MESSAGE_VERSION &&
	       hello.role == c->peer;
}

/* False: the link is over. */
static bool take_message(struct channel *c, size_t n, const int *fds, size_t count, bool is_cut)
{
	enum message_type t = 0;
	enum err e = ERR_SYNTAX;
	struct rd body;

	if (!is_cut && n)
		e = message_check(c->peer, c->self, slice_of(c->in, n), count, &t);
	body = rd_init(c->in + 1, n ? n - 1 : 0);
	if (e == ERR_OK)
		e = message_check_body(t, body);
	if (e == ERR_OK && c->is_greeted == (t == MSG_HELLO))
		e = ERR_SYNTAX;
	if (e == ERR_OK && t == MSG_HELLO && !is_good_hello(c, t, body))
		e = ERR_VERSION;
	if (e != ERR_OK) {
		close_fds(fds, count);
		log_warn("message_refused", "type=%u from=%s bytes=%zu reason=\"%s\"", n ? c->in[0] : 0u,
			role_name(c->peer), n, err_name(e));
		return false;
	}
	if (!c->is_greeted)
		c->is_greeted = true;
	else
		c->on_message(c->ctx, c->peer, t, &body, fds, count);
	return true;
}

static size_t take_fds(struct msghdr *m, int *fds)
{
	size_t count = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			if (count < CHANNEL_FDS)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

/* ERR_AGAIN: nothing there; ERR_CLOSED: the end. */
static enum err read_one(struct channel *c)
{
	struct iovec v = { c->in, sizeof c->in };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int) * CHANNEL_FDS)];
	} control;
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space
	};
	int fds[CHANNEL_FDS];
	size_t count;
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	/* A peer that died without reading all we sent: what it had sent before still comes, then the end. */
	if (n < 0 && errno == ECONNRESET)
		return ERR_OK;
	/* The kernel had no memory for a moment: the message is still there. Nobody would make a closed link anew. */
	if (n < 0 && (errno == ENOBUFS || errno == ENOMEM))
		return ERR_AGAIN;
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? ERR_AGAIN : ERR_CLOSED;
	count = take_fds(&m, fds);
	if (n == 0 && count == 0)
		return ERR_CLOSED;
	return take_message(c, (size_t)n, fds, count, m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ? ERR_OK : ERR_CLOSED;
}

static void flush_queue(struct channel *c)
{
	loop_fn drained = c->on_drain;

	while (c->first) {
		enum err e = send_now(c->fd, c->first->bytes, c->first->n, c->first->fd, c->first->fds);

		if (e == ERR_AGAIN || e == ERR_NOMEM) {
			send_later(c, e);
			return;
		}
		if (e == ERR_IO) /* whoever sent it took it for sent */
			log_warn("message_lost", "type=%s to=%s errno=%d",
				message_name((enum message_type)c->first->bytes[0]), role_name(c->peer), errno);
		queue_drop_first(c);
	}
	c->on_drain = NULL;
	want_events(c);
	if (drained)
		drained(c->drain_ctx);
}

static void on_event(int fd, unsigned what, void *ctx)
{
	struct channel *c = ctx;
	uint64_t until = clock_mono_us() + CHANNEL_TURN_US;
	enum err e = ERR_OK;

	(void)fd;
	c->busy++;
	if (what & LOOP_WRITE)
		flush_queue(c);
	for (int i = 0; what & LOOP_READ && e == ERR_OK && !c->is_freed; i++) {
		if (i == CHANNEL_BUDGET || (i && clock_mono_us() >= until))
			break;
		e = read_one(c);
	}
	if (e == ERR_CLOSED && !c->is_freed)
		channel_end(c);
	channel_leave(c);
}

static enum err send_hello(struct channel *c)
{
	struct msg_hello hello = { .version = MESSAGE_VERSION, .role = c->self };
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_hello(&w, MSG_HELLO, &hello);
	return channel_send(c, &w, NULL, 0);
}

struct channel *channel_new(struct loop *l, int fd, enum role self, enum role peer, channel_message_fn on_message,
	channel_closed_fn on_closed, void *ctx)
{
	struct channel *c = calloc(1, sizeof *c);

	if (c)
		*c = (struct channel){ .loop = l,
			.fd = fd,
			.self = self,
			.peer = peer,
			.on_message = on_message,
			.on_closed = on_closed,
			.ctx = ctx };
	if (c)
		c->watch = loop_fd(l, fd, LOOP_READ, on_event, c);
	if (!c || !c->watch) {
		close(fd);
		free(c);
		return NULL;
	}
	c->last = &c->first;
	/* a peer that is gone already is reported by the loop, as any other end */
	(void)send_hello(c);
	return c;
}

void channel_go_last(struct channel *c)
{
	loop_fd_last(c->watch);
}

size_t channel_queued(const struct channel *c)
{
	return c->queued;
}

void channel_on_drain(struct channel *c, loop_fn fn, void *ctx)
{
	c->on_drain = fn;
	c->drain_ctx = ctx;
	if (!c->is_closed)
		want_events(c);
}
