/*
 * feed_gate: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/feed_gate.h"

#include <stdlib.h>

#define BITS4 24u
#define BITS6 16u
#define ALL6 ((size_t)1 << BITS6) /* so many /32 in one run: all bits */

enum err feed_gate_init(struct feed_gate *g)
{
	struct feed_gate n = { .near4 = calloc((size_t)1 << (BITS4 - 6), sizeof *n.near4),
		.near6 = calloc((size_t)1 << (BITS6 - 6), sizeof *n.near6) };

	if (!n.near4 || !n.near6) {
		feed_gate_done(&n);
		return ERR_NOMEM;
	}
	*g = n;
	return ERR_OK;
}

void feed_gate_done(struct feed_gate *g)
{
	free(g->near4);
	free(g->near6);
	*g = (struct feed_gate){ 0 };
}

/* Who chooses addresses to meet a set bit wins nothing: the feeds are searched then, as without a gate. */
static uint32_t spread6(uint32_t head)
{
	return (head * 2654435769u) >> (32 - BITS6);
}

static void set_bits(uint64_t *to, size_t first, size_t last)
{
	for (size_t w = first / 64; w <= last / 64; w++) {
		unsigned low = w == first / 64 ? first % 64 : 0, high = w == last / 64 ? last % 64 : 63;

		to[w] |= (UINT64_MAX << low) & (UINT64_MAX >> (63 - high));
	}
}

/* What it cost. */
static size_t add_run(struct feed_gate *g, unsigned family, const struct prefix_run6 *x)
{
	uint32_t first, last;

	if (x->last < x->first)
		return 1; /* of a hostile area */
	if (family == 0) {
		first = (uint32_t)x->first >> (32 - BITS4);
		last = (uint32_t)x->last >> (32 - BITS4);
		set_bits(g->near4, first, last);
		return 1 + (last - first) / 64;
	}
	first = (uint32_t)(x->first >> 96);
	last = (uint32_t)(x->last >> 96);
	if (last - first >= ALL6) {
		set_bits(g->near6, 0, ALL6 - 1);
		return ALL6 / 64;
	}
	for (uint32_t h = first;; h++) {
		set_bits(g->near6, spread6(h), spread6(h));
		if (h == last)
			return 1 + (last - first) / 64;
	}
}

bool feed_gate_fill(struct feed_gate *g, const struct feed_area *a, struct feed_gate_at *at, size_t budget)
{
	while (at->family < 2) {
		struct prefix_run6 x;
		size_t cost;

		if (!feed_area_run(a, at->family, at->run, &x)) {
			at->family++;
			at->run = 0;
			continue;
		}
		if (budget == 0)
			return true;
		at->run++;
		cost = add_run(g, at->family, &x);
		budget -= cost < budget ? cost : budget;
	}
	return false;
}

bool feed_gate_may_have(const struct feed_gate *g, const struct ipaddr *client)
{
	uint32_t head = (uint32_t)client->b[0] << 24 | (uint32_t)client->b[1] << 16 | (uint32_t)client->b[2] << 8 |
			client->b[3];
	size_t i;

	if (client->family == 4 && g->near4) {
		i = head >> (32 - BITS4);
		return g->near4[i / 64] >> (i % 64) & 1;
	}
	if (client->family == 6 && g->near6) {
		i = spread6(head);
		return g->near6[i / 64] >> (i % 64) & 1;
	}
	return false;
}
