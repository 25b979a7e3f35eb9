/*
 * logread_ahead: a ring of pieces; the reader keeps the first one until it asks for the next.
 * SPDX-License-Identifier: ISC
 */
#include "io/logread_ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct piece {
	int n; /* of gzread */
	uint64_t position;
	char bytes[LOGREAD_PIECE];
};

struct logread_ahead {
	gzFile file;
	pthread_t thread;
	pthread_mutex_t lock; /* of first, count, is_stopping */
	pthread_cond_t changed;
	size_t first, count;
	bool is_stopping;
	bool has_piece; /* the reader has the first */
	uint64_t position;
	struct piece piece[LOGREAD_PIECES];
};

/* A place for the next piece; NULL: nobody wants one. */
static struct piece *wait_for_room(struct logread_ahead *a)
{
	struct piece *p = NULL;

	(void)pthread_mutex_lock(&a->lock);
	while (a->count == LOGREAD_PIECES && !a->is_stopping)
		(void)pthread_cond_wait(&a->changed, &a->lock);
	if (!a->is_stopping)
		p = &a->piece[(a->first + a->count) % LOGREAD_PIECES];
	(void)pthread_mutex_unlock(&a->lock);
	return p;
}

static void *unpack(void *ctx)
{
	struct logread_ahead *a = ctx;
	struct piece *p;
	int n = 1;

	while (n > 0 && (p = wait_for_room(a))) {
		z_off_t at;

		n = gzread(a->file, p->bytes, LOGREAD_PIECE);
		at = gzoffset(a->file);
		p->n = n;
		p->position = at < 0 ? 0 : (uint64_t)at;
		(void)pthread_mutex_lock(&a->lock);
		a->count++;
		(void)pthread_cond_signal(&a->changed);
		(void)pthread_mutex_unlock(&a->lock);
	}
	return NULL;
}

/* Signals are for the thread that was there before. */
static bool start(struct logread_ahead *a)
{
	sigset_t all, old;
	bool is_started;

	(void)sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &old) != 0)
		return false;
	is_started = pthread_create(&a->thread, NULL, unpack, a) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return is_started;
}

struct logread_ahead *logread_ahead_start(gzFile file)
{
	struct logread_ahead *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->file = file;
	if (pthread_mutex_init(&a->lock, NULL) != 0)
		goto no_lock;
	if (pthread_cond_init(&a->changed, NULL) != 0)
		goto no_condition;
	if (start(a))
		return a;
	(void)pthread_cond_destroy(&a->changed);
no_condition:
	(void)pthread_mutex_destroy(&a->lock);
no_lock:
	free(a);
	return NULL;
}

void logread_ahead_stop(struct logread_ahead *a)
{
	if (!a)
		return;
	(void)pthread_mutex_lock(&a->lock);
	a->is_stopping = true;
	(void)pthread_cond_signal(&a->changed);
	(void)pthread_mutex_unlock(&a->lock);
	(void)pthread_join(a->thread, NULL);
	(void)pthread_cond_destroy(&a->changed);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

int logread_ahead_next(struct logread_ahead *a, struct slice *ret)
{
	const struct piece *p = &a->piece[a->first];

	(void)pthread_mutex_lock(&a->lock);
	if (a->has_piece && p->n > 0) {
		a->first = (a->first + 1) % LOGREAD_PIECES;
		a->count--;
		(void)pthread_cond_signal(&a->changed);
	}
	while (a->count == 0)
		(void)pthread_cond_wait(&a->changed, &a->lock);
	p = &a->piece[a->first];
	(void)pthread_mutex_unlock(&a->lock);
	a->has_piece = true;
	a->position = p->position;
	*ret = slice_of(p->bytes, p->n > 0 ? (size_t)p->n : 0);
	return p->n;
}

uint64_t logread_ahead_position(const struct logread_ahead *a)
{
	return a->position;
}
