/*
 * loop: libevent core. Each watch owns one event; the loop keeps them in a
 * list only to free what is left at its end.
 * SPDX-License-Identifier: ISC
 */
#include "io/loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

#define AGAIN_MS 100 /* until a watch that could not be changed is tried again */

struct loop {
	struct event_base *base;
	struct loop_watch *first;
	struct event *again; /* one timer for all that could not be changed */
};

struct loop_watch {
	struct loop *loop;
	struct loop_watch *next, **back;
	struct event *event;
	int fd;
	bool is_last;    /* goes to the end of the round */
	bool is_put_off; /* stands there */
	bool is_deaf;    /* what is wanted could not be said to the kernel yet */
	union {
		loop_fd_fn fd;
		loop_fn timer;
		loop_signal_fn signal;
	} fn;
	void *ctx;
};

static struct timeval in_ms(uint64_t ms)
{
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

/* Without memory in the kernel for a moment, a listener or a link would else be deaf for good. */
static enum err try_again(struct loop *l)
{
	struct timeval after = in_ms(AGAIN_MS);

	return event_add(l->again, &after) == 0 ? ERR_OK : ERR_IO;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	bool is_left = false;

	(void)fd;
	(void)what;
	for (struct loop_watch *w = l->first; w; w = w->next) {
		w->is_deaf = w->is_deaf && event_add(w->event, NULL) != 0;
		is_left |= w->is_deaf;
	}
	if (is_left)
		(void)try_again(l); /* room for one timer has just become free */
}

struct loop *loop_new(void)
{
	struct event_config *c = event_config_new();
	struct loop *l = calloc(1, sizeof *l);

	if (c && l && event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
		l->base = event_base_new_with_config(c);
	if (c)
		event_config_free(c);
	if (l && l->base)
		l->again = evtimer_new(l->base, on_again, l);
	if (l && l->again)
		return l;
	if (l && l->base)
		event_base_free(l->base);
	free(l);
	return NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->first)
		loop_remove(l->first);
	event_free(l->again);
	event_base_free(l->base);
	free(l);
}

enum err loop_run(struct loop *l)
{
	return event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? ERR_IO : ERR_OK;
}

void loop_stop(struct loop *l)
{
	event_base_loopbreak(l->base);
}

/* The watch is the callee's to free from here on: nothing touches it after the call. */
static void on_fd(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;

	if (w->is_last && !w->is_put_off) {
		w->is_put_off = true;
		event_active(w->event, what, 0);
		return;
	}
	w->is_put_off = false;
	w->fn.fd(fd, (what & EV_READ ? LOOP_READ : 0u) | (what & EV_WRITE ? LOOP_WRITE : 0u), w->ctx);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;

	(void)fd;
	(void)what;
	w->fn.timer(w->ctx);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct loop_watch *w = arg;

	(void)what;
	w->fn.signal(signo, w->ctx);
}

static struct loop_watch *watch_new(struct loop *l, int fd, short what, event_callback_fn fn, void *ctx)
{
	struct loop_watch *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->event = event_new(l->base, fd, what, fn, w);
	if (!w->event) {
		free(w);
		return NULL;
	}
	w->loop = l;
	w->fd = fd;
	w->ctx = ctx;
	w->next = l->first;
	w->back = &l->first;
	if (w->next)
		w->next->back = &w->next;
	l->first = w;
	return w;
}

static struct loop_watch *watch_add(struct loop_watch *w, const struct timeval *after)
{
	if (w && event_add(w->event, after) != 0) {
		loop_remove(w);
		return NULL;
	}
	return w;
}

void loop_fd_last(struct loop_watch *w)
{
	w->is_last = true;
}

static short event_bits(unsigned what)
{
	return (short)(EV_PERSIST | (what & LOOP_READ ? EV_READ : 0) | (what & LOOP_WRITE ? EV_WRITE : 0));
}

struct loop_watch *loop_fd(struct loop *l, int fd, unsigned what, loop_fd_fn fn, void *ctx)
{
	struct loop_watch *w = watch_new(l, fd, event_bits(what), on_fd, ctx);

	if (!w)
		return NULL;
	w->fn.fd = fn;
	return what ? watch_add(w, NULL) : w;
}

enum err loop_fd_want(struct loop_watch *w, unsigned what)
{
	short bits = event_bits(what);

	if (event_get_events(w->event) == bits && (what == 0 || event_pending(w->event, EV_READ | EV_WRITE, NULL)))
		return ERR_OK;
	w->is_put_off = w->is_deaf = false;
	if (event_del(w->event) != 0 || event_assign(w->event, w->loop->base, w->fd, bits, on_fd, w) != 0)
		return ERR_IO;
	if (what == 0 || event_add(w->event, NULL) == 0)
		return ERR_OK;
	w->is_deaf = true;
	return try_again(w->loop);
}

static struct loop_watch *timer_add(struct loop *l, short what, uint64_t ms, loop_fn fn, void *ctx)
{
	struct loop_watch *w = watch_new(l, -1, what, on_timer, ctx);
	struct timeval after = in_ms(ms);

	if (w)
		w->fn.timer = fn;
	return watch_add(w, &after);
}

struct loop_watch *loop_every(struct loop *l, uint64_t ms, loop_fn fn, void *ctx)
{
	return timer_add(l, EV_PERSIST, ms, fn, ctx);
}

struct loop_watch *loop_after(struct loop *l, uint64_t ms, loop_fn fn, void *ctx)
{
	return timer_add(l, 0, ms, fn, ctx);
}

enum err loop_again(struct loop_watch *w, uint64_t ms)
{
	struct timeval after = in_ms(ms);

	return event_add(w->event, &after) == 0 ? ERR_OK : ERR_IO;
}

struct loop_watch *loop_signal(struct loop *l, int signo, loop_signal_fn fn, void *ctx)
{
	struct loop_watch *w = watch_new(l, signo, EV_SIGNAL | EV_PERSIST, on_signal, ctx);

	if (w)
		w->fn.signal = fn;
	return watch_add(w, NULL);
}

void loop_remove(struct loop_watch *w)
{
	if (!w)
		return;
	*w->back = w->next;
	if (w->next)
		w->next->back = w->back;
	event_free(w->event);
	free(w);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t = { 0 };

	(void)clock_gettime(id, &t); /* cannot fail for these clocks */
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_mono_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000u;
}

uint64_t clock_thread_ms(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID) / 1000000u;
}

uint64_t clock_mono_us(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000u;
}

uint64_t clock_wall_s(void)
{
	return clock_ns(CLOCK_REALTIME) / 1000000000u;
}

uint64_t clock_wall_ms(void)
{
	return clock_ns(CLOCK_REALTIME) / 1000000u;
}
