/*
 * firewall_rig: for tests that have the role firewall in their own process.
 * Include cmocka first.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_FIREWALL_RIG_H
#define TESTS_FIREWALL_RIG_H
#include "role/firewall.h"

#include <stdlib.h>

static struct role_host h;

static inline void on_role_message(
	void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	firewall_ops.message(&h, peer, t, body, fds, n);
}

static inline void on_closed(void *ctx, enum role peer)
{
	(void)ctx;
	(void)peer;
	fail();
}

static inline void on_time(void *ctx)
{
	(void)ctx;
	loop_stop(h.loop);
}

/* What has come is worked on; a call or a moment ends it. */
static inline void go_on(void)
{
	struct loop_watch *w = loop_after(h.loop, 1, on_time, NULL);

	assert_int_equal(loop_run(h.loop), ERR_OK);
	loop_remove(w);
}

/* Its process would just end. What watches the loop goes with the loop. */
static inline void role_free(struct firewall *f)
{
	firewall_plan_done(&f->plan);
	prefix_map_done(&f->hooks.touched);
	if (f->nft)
		firewall_nft_close(f->nft);
	free(f->kill);
	free(f);
}

#endif /* TESTS_FIREWALL_RIG_H */
