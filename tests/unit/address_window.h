/*
 * address_window: 65,536 addresses in a row of either family, for sets beside
 * a map that has one entry for each.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_ADDRESS_WINDOW_H
#define TESTS_ADDRESS_WINDOW_H
#include "base/ipaddr.h"

#define WINDOW 65536u

/* Number i of the window, which begins at the first address (where 0), ends at the last (1) or lies between. */
static inline struct ipaddr window_addr(unsigned where, unsigned f, uint32_t i)
{
	struct ipaddr a = { .family = f ? 6 : 4 };
	unsigned low = f ? 14 : 2;

	for (unsigned k = 0; k < low; k++)
		a.b[k] = (uint8_t)(where == 0 ? 0 : where == 1 ? 0xff : 0x20 + k);
	a.b[low] = (uint8_t)(i >> 8);
	a.b[low + 1] = (uint8_t)i;
	return a;
}

#endif /* TESTS_ADDRESS_WINDOW_H */
