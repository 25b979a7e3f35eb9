/*
 * publish: the order of things.
 * SPDX-License-Identifier: ISC
 */
#include "role/publish.h"

#include "io/log.h"

#include <stdlib.h>
#include <unistd.h>

#define TELL_TICKS (10000 / PUBLISH_TICK_MS)

static void tell(struct publish *p)
{
	publish_export_tell(p);
	publish_update_tell(p);
}

static void on_tick(void *ctx)
{
	struct publish *p = ctx;

	publish_export_tick(p);
	publish_update_tick(p);
	if (++p->ticks % TELL_TICKS == 0)
		tell(p);
}

static enum err publish_start(struct role_host *h)
{
	struct publish *p = calloc(1, sizeof *p);
	enum err e;

	if (!p)
		return ERR_NOMEM;
	p->host = h;
	h->ctx = p;
	role_host_give_way();
	e = publish_list_start(p);
	if (e == ERR_OK)
		e = publish_export_start(p);
	if (e == ERR_OK)
		e = publish_update_start(p);
	return e;
}

static void publish_serve(struct role_host *h)
{
	struct publish *p = h->ctx;

	p->tick = loop_every(h->loop, PUBLISH_TICK_MS, on_tick, p);
	if (p->tick)
		return;
	role_host_give_up(h, ERR_NOMEM); /* before the loop runs a loop_stop is lost */
}

static void publish_linked(struct role_host *h, enum role peer)
{
	if (peer == ROLE_ENGINE)
		tell(h->ctx);
}

/* Without the engine the list goes on: blocks end by themselves, new ones do not come. */
static void publish_unlinked(struct role_host *h, enum role peer)
{
	if (peer == ROLE_RUN)
		publish_export_run_gone(h->ctx);
}

static void publish_message(
	struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct msg_export_ran ran;

	if (peer == ROLE_ENGINE && n <= 1) {
		publish_list_take(h->ctx, t, body, n ? fds[0] : -1);
		return;
	}
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
	if (peer == ROLE_RUN && t == MSG_EXPORT_RAN && message_get_export_ran(body, &ran) == ERR_OK)
		publish_export_ran(h->ctx, &ran);
}

static void publish_reloaded(struct role_host *h)
{
	publish_export_reloaded(h->ctx);
	publish_update_reloaded(h->ctx);
}

static void publish_stop(struct role_host *h)
{
	struct publish *p = h->ctx;

	loop_remove(p->tick);
	publish_list_stop(p); /* first: its thread works for the others */
	publish_export_stop(p);
	publish_update_stop(p);
	free(p);
	h->ctx = NULL;
	loop_stop(h->loop);
}

const struct role_ops publish_ops = {
	.start = publish_start,
	.serve = publish_serve,
	.linked = publish_linked,
	.unlinked = publish_unlinked,
	.message = publish_message,
	.reloaded = publish_reloaded,
	.stop = publish_stop,
};
