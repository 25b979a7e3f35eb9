/*
 * parent_dunno: fail open. While no engine serves the policy sockets, every
 * query is answered DUNNO at once: a held listener would cost each session of
 * Postfix its whole policy timeout. A query is looked at only for its end, the
 * empty line. When an engine is back, each connection is closed at the end of
 * its query: Postfix opens a new one with the next session, and for the rest of
 * this one takes no answer as DUNNO, which is what it would hear here too.
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"
#include "role/parent.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define DUNNO_CONNECTIONS 1000u /* at most; further ones are closed, which Postfix takes as no answer */
#define DUNNO_QUERY 65536u      /* bytes of one query at most */
#define DUNNO_READ 4096
#define DUNNO_PAUSE_MS 100 /* without descriptors or memory for a new connection */

struct caller {
	struct parent_dunno *owner;
	struct caller *next, **back;
	struct loop_watch *watch;
	int fd;
	size_t seen; /* bytes of this query */
	bool after_lf;
};

struct parent_dunno {
	struct loop *loop;
	struct loop_watch *listener[ROLE_LISTENERS];
	struct loop_watch *resume; /* accepting is paused until then */
	struct caller *first;
	unsigned callers;
	bool is_serving;
	uint64_t answered;
};

static void caller_end(struct caller *c)
{
	*c->back = c->next;
	if (c->next)
		c->next->back = c->back;
	c->owner->callers--;
	loop_remove(c->watch);
	close(c->fd);
	free(c);
}

/* How many queries end in these bytes; false: one is too long. */
static bool count_ends(struct caller *c, const char *p, size_t n, unsigned *ret)
{
	unsigned ends = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_lf = p[i] == '\n';

		if (is_lf && c->after_lf) {
			ends++;
			c->seen = 0;
			is_lf = false;
		} else if (++c->seen > DUNNO_QUERY) {
			return false;
		}
		c->after_lf = is_lf;
	}
	*ret = ends;
	return true;
}

static bool answer(struct caller *c, unsigned ends)
{
	static const char text[] = "action=DUNNO\n\n";

	for (; ends; ends--, c->owner->answered++)
		if (send(c->fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)(sizeof text - 1))
			return false; /* asks and does not read: not Postfix */
	return true;
}

static void on_caller(int fd, unsigned what, void *ctx)
{
	struct caller *c = ctx;
	char bytes[DUNNO_READ];
	ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
	unsigned ends = 0;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !count_ends(c, bytes, (size_t)n, &ends) || !answer(c, ends) ||
		(!c->owner->is_serving && c->seen == 0))
		caller_end(c);
}

static void listen_want(struct parent_dunno *d, unsigned what)
{
	for (size_t i = 0; i < ROLE_LISTENERS; i++)
		if (d->listener[i] && loop_fd_want(d->listener[i], what) != ERR_OK)
			log_warn("dunno_failed", "listener=%zu", i);
}

static void on_resume(void *ctx)
{
	struct parent_dunno *d = ctx;

	loop_remove(d->resume);
	d->resume = NULL;
	listen_want(d, LOOP_READ);
}

/* Out of descriptors: the listener stays readable, so asking again at once would only burn the processor. */
static void pause_listening(struct parent_dunno *d)
{
	if (!d->resume)
		d->resume = loop_after(d->loop, DUNNO_PAUSE_MS, on_resume, d);
	if (d->resume)
		listen_want(d, 0);
}

static void on_listener(int fd, unsigned what, void *ctx)
{
	struct parent_dunno *d = ctx;
	int s = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct caller *c;

	(void)what;
	if (s < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			pause_listening(d);
		return;
	}
	c = d->callers < DUNNO_CONNECTIONS ? calloc(1, sizeof *c) : NULL;
	if (c)
		c->watch = loop_fd(d->loop, s, LOOP_READ, on_caller, c);
	if (!c || !c->watch) {
		free(c);
		close(s);
		return;
	}
	c->owner = d;
	c->fd = s;
	c->next = d->first;
	c->back = &d->first;
	if (c->next)
		c->next->back = &c->next;
	d->first = c;
	d->callers++;
}

struct parent_dunno *parent_dunno_new(struct loop *l)
{
	struct parent_dunno *d = calloc(1, sizeof *d);

	if (d)
		d->loop = l;
	return d;
}

void parent_dunno_free(struct parent_dunno *d)
{
	if (!d)
		return;
	parent_dunno_serve(d, NULL, 0);
	while (d->first)
		caller_end(d->first);
	free(d);
}

void parent_dunno_serve(struct parent_dunno *d, const int *listeners, size_t count)
{
	struct caller *next;

	if (d->answered && count == 0)
		log_warn("dunno_answered", "queries=%llu", (unsigned long long)d->answered);
	if (count == 0)
		d->answered = 0;
	d->is_serving = count > 0;
	loop_remove(d->resume);
	d->resume = NULL;
	for (size_t i = 0; i < ROLE_LISTENERS; i++) {
		loop_remove(d->listener[i]);
		d->listener[i] = i < count ? loop_fd(d->loop, listeners[i], LOOP_READ, on_listener, d) : NULL;
		if (i < count && !d->listener[i])
			log_warn("dunno_failed", "listener=%zu", i);
	}
	for (struct caller *c = d->first; c && !d->is_serving; c = next) {
		next = c->next;
		if (c->seen == 0)
			caller_end(c);
	}
}
