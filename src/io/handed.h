/*
 * handed: which riders were given which message, so that a message that
 * Postfix brings again after our death is not given to them twice. A file of
 * fixed size, used in a ring: a note per rider, BEGUN right before the final
 * dot, DONE right after the server's 250 and before ours to Postfix.
 *
 * A note holds no address and no text: a digest of the message as it lies in
 * Postfix's queue (queue id, sender, client, all bytes) and of the rider. Without
 * those bytes nobody can tell from it who was written to.
 * Limits: HANDED_SLOTS riders, HANDED_KEEP_S; the oldest goes first. One process,
 * one thread. A file that cannot be had means no notes: mail goes on as ever.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_HANDED_H
#define IO_HANDED_H
#include "base/err.h"
#include "base/slice.h"

#include <sodium/crypto_hash_sha256.h>
#include <stdbool.h>
#include <stdint.h>

#define HANDED_SLOTS 65536
#define HANDED_KEEP_S (7 * 86400) /* longer than Postfix keeps a message (5 days) */
#define HANDED_DIGEST 32
#define HANDED_KEY 16

enum handed_state { HANDED_NOT, HANDED_BEGUN, HANDED_DONE };

struct handed;

/* A message's bytes while they stream in. */
struct handed_hash {
	crypto_hash_sha256_state state;
};

void handed_hash_init(struct handed_hash *x);
void handed_hash_add(struct handed_hash *x, struct slice s);
/* The length first, so that no two lists of fields look the same. */
void handed_hash_field(struct handed_hash *x, struct slice s);
void handed_hash_end(struct handed_hash *x, uint8_t ret[HANDED_DIGEST]);
/* One rider of a message. */
void handed_key(const uint8_t digest[HANDED_DIGEST], struct slice address, struct slice orcpt, uint8_t ret[HANDED_KEY]);

/* Damaged and old notes are left out. ERR_IO (errno), ERR_NOMEM. */
enum err handed_open(const char *path, uint64_t now_s, struct handed **ret) MUST_USE;
/* NULL is fine, here and below: then there are no notes. */
void handed_close(struct handed *h);
/* ret_token: of the attempt; only where it was begun or done. */
enum handed_state handed_look(
	const struct handed *h, const uint8_t key[HANDED_KEY], uint64_t now_s, uint64_t *ret_token);
/* Has an attempt with this token been begun, and not ended? */
bool handed_is_begun(const struct handed *h, uint64_t token);
/* An attempt to give a message to n riders is about to be final. Survives our death, not the machine's. */
enum err handed_begin(
	struct handed *h, uint64_t token, uint64_t now_s, const uint8_t (*key)[HANDED_KEY], size_t n) MUST_USE;
/* They have it. On disk when it is back; returns how many. ERR_IO: known in this process alone. */
enum err handed_end(struct handed *h, uint64_t token, uint32_t *ret_riders) MUST_USE;
/* What is too old goes. */
void handed_sweep(struct handed *h, uint64_t now_s);

#endif /* IO_HANDED_H */
