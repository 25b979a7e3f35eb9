/*
 * fuzz_received: lines are Received fields, topmost first. An address only
 * where the kind says so; the walk names no private or trusted address.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/received.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct received_hop hop[RECEIVED_HOPS];
	struct prefix_table trusted;
	struct prefix p;
	struct ipaddr a;
	struct slice in = slice_of(data, size), line;
	size_t n = 0;
	uint32_t v;

	while (n < RECEIVED_HOPS && slice_line(&in, &line)) {
		received_parse(line, &hop[n]);
		if ((hop[n].kind == RECEIVED_FROM) != (hop[n].from.family != 0))
			abort();
		n++;
	}
	prefix_table_init(&trusted);
	if (prefix_parse(SLICE_LIT("192.0.2.0/24"), &p) != ERR_OK || prefix_table_add(&trusted, &p, 1) != ERR_OK ||
		prefix_table_seal(&trusted) != ERR_OK)
		abort();
	if (received_walk(hop, n, &trusted, &a) &&
		(a.family == 0 || ipaddr_is_private(&a) || prefix_table_find(&trusted, &a, &v)))
		abort();
	prefix_table_done(&trusted);
	return 0;
}
