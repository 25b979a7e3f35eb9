/*
 * dnsbl_rate: how many answers over UDP one network (/24, /56) gets in a
 * second, as servers of the DNS do it: beyond that nothing, but every second
 * time the question back with TC: who really asks comes by TCP, and who only
 * lends his address to somebody is left alone. A second's worth may come at
 * once. Fixed memory: of many networks the one that was quiet longest is
 * forgotten, and begins anew. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNSBL_RATE_H
#define CORE_DNSBL_RATE_H
#include "base/ipaddr.h"
#include "base/siphash.h"

#define DNSBL_RATE_SETS 16384 /* of DNSBL_RATE_WAYS networks */
#define DNSBL_RATE_WAYS 4
#define DNSBL_RATE_IPV4 24
#define DNSBL_RATE_IPV6 56

enum dnsbl_rate_say { DNSBL_RATE_ANSWER = 0, DNSBL_RATE_SLIP, DNSBL_RATE_DROP };

struct dnsbl_rate_slot {
	uint64_t hash;           /* of the network; 0: free */
	uint32_t seen_ms;        /* the low bits of the clock */
	unsigned left : 31;      /* thousandths of an answer */
	unsigned is_slipped : 1; /* the last one beyond was sent with TC */
};

/* 1 MiB: allocate it. Zeroed but for key it is ready. */
struct dnsbl_rate {
	uint8_t key[SIPHASH_KEY];
	struct dnsbl_rate_slot slot[DNSBL_RATE_SETS][DNSBL_RATE_WAYS];
};

/* One answer for client at now_ms (monotonic). rate: 1..1,000,000. */
enum dnsbl_rate_say dnsbl_rate_take(struct dnsbl_rate *r, const struct ipaddr *client, uint32_t rate, uint64_t now_ms);

#endif /* CORE_DNSBL_RATE_H */
