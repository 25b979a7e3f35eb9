/*
 * siphash: keyed hashes of attacker-chosen bytes (SipHash-2-4 of libsodium).
 * A caller without the key cannot make collisions.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H
#include "base/slice.h"

#include <stdint.h>

#define SIPHASH_KEY 16 /* bytes; random, never sent anywhere */

uint64_t siphash64(const uint8_t key[SIPHASH_KEY], struct slice s);
/* 128 bits: long enough to stand for the bytes themselves. */
void siphash128(const uint8_t key[SIPHASH_KEY], struct slice s, uint8_t ret[16]);

#endif /* BASE_SIPHASH_H */
