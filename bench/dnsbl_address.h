/*
 * dnsbl_address: addresses that look random, each number another one, none
 * private; the same for who lists, who asks and who writes rbldnsd's file.
 * SPDX-License-Identifier: ISC
 */
#ifndef BENCH_DNSBL_ADDRESS_H
#define BENCH_DNSBL_ADDRESS_H
#include <stdint.h>

/* Every step can be undone, so that no two numbers give one address. */
static inline uint32_t dnsbl_mix(uint32_t v)
{
	v ^= v >> 16;
	v *= 0x7feb352du;
	v ^= v >> 15;
	v *= 0x846ca68bu;
	return v ^ v >> 16;
}

/* Walks on until it is one of 16.0.0.0 to 79.255.255.255, where it began: so each number has its own. */
static inline uint32_t dnsbl_address(uint32_t number)
{
	uint32_t v = (16u << 24) + (number & 0x3fffffff);

	do
		v = dnsbl_mix(v);
	while (v >> 24 < 16 || v >> 24 >= 80);
	return v;
}

#endif /* BENCH_DNSBL_ADDRESS_H */
