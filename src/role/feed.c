/*
 * feed: the order of things.
 * SPDX-License-Identifier: ISC
 */
#include "role/role_host.h"

#include <stdlib.h>

struct feed {
	struct role_host *host;
};

static enum err feed_start(struct role_host *h)
{
	struct feed *x = calloc(1, sizeof *x);

	if (!x)
		return ERR_NOMEM;
	x->host = h;
	h->ctx = x;
	return ERR_OK;
}

static void feed_message(
	struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)h;
	(void)peer;
	(void)t;
	(void)body;
	(void)fds;
	(void)n;
}

static void feed_stop(struct role_host *h)
{
	loop_stop(h->loop);
}

const struct role_ops feed_ops = {
	.start = feed_start,
	.message = feed_message,
	.stop = feed_stop,
};
