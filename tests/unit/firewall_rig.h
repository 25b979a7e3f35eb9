/*
 * firewall_rig: for tests that have the role firewall in their own process.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_FIREWALL_RIG_H
#define TESTS_FIREWALL_RIG_H
#include "role/firewall.h"

#include <stdlib.h>

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
