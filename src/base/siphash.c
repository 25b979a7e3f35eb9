/*
 * siphash: libsodium's SipHash behind our name.
 * SPDX-License-Identifier: ISC
 */
#include "base/siphash.h"

#include <sodium/crypto_shorthash.h>
#include <sodium/crypto_shorthash_siphash24.h>

uint64_t siphash64(const uint8_t key[SIPHASH_KEY], struct slice s)
{
	uint64_t h;

	(void)crypto_shorthash((unsigned char *)&h, (const unsigned char *)s.p, s.n, key);
	return h;
}

void siphash128(const uint8_t key[SIPHASH_KEY], struct slice s, uint8_t ret[16])
{
	(void)crypto_shorthash_siphashx24(ret, (const unsigned char *)s.p, s.n, key);
}
