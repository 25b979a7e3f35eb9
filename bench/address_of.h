/*
 * address_of: which client addresses the tools of this folder make up, so that
 * they agree. Data only: nothing is ever sent to them.
 * SPDX-License-Identifier: ISC
 */
#ifndef BENCH_ADDRESS_OF_H
#define BENCH_ADDRESS_OF_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Never blocked: of 198.18.0.0/15, the range for benchmarks (RFC 2544). n < 131072 */
static inline void clean_address(unsigned n, char to[64])
{
	(void)snprintf(to, 64, "198.%u.%u.%u", 18 + (n >> 16 & 1), n >> 8 & 255, n & 255);
}

/* Never blocked and on no list of bench/feeds.py: spread over 11 .. 223, ends in an even number. n < 65536 */
static inline void spread_address(unsigned n, char to[64])
{
	uint32_t v4 = (n + 1) * 2654435761u, top = 11 + (v4 >> 8 & 0xffff) % 212;

	(void)snprintf(to, 64, "%u.%u.%u.%u", top + (top >= 127), v4 >> 24, v4 >> 16 & 255, v4 >> 7 & 254);
}

/* Subject n of make_store: even ones IPv6 of 2001:db8::/32, odd ones IPv4 spread over 11 .. 95, with an odd end. */
static inline void blocked_subject(unsigned n, char to[64])
{
	uint32_t v4 = n * 2654435761u;

	if (n % 2 == 0)
		(void)snprintf(to, 64, "2001:db8:%x:%x::/64", n >> 16 & 0xffff, n & 0xffff);
	else
		(void)snprintf(to, 64, "%u.%u.%u.%u", 11 + (v4 >> 24) % 85, v4 >> 16 & 255, v4 >> 8 & 255, v4 & 255);
}

static inline void blocked_address(unsigned n, char to[64])
{
	if (n % 2 == 0)
		(void)snprintf(to, 64, "2001:db8:%x:%x::25", n >> 16 & 0xffff, n & 0xffff);
	else
		blocked_subject(n, to);
}

#endif /* BENCH_ADDRESS_OF_H */
