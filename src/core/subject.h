/*
 * subject: what a hit is charged to (DESIGN 1). By address: the client's
 * prefix, of the length that holds for all (block ipv4, ipv6) or for its network
 * (block lengths: hosters that give a customer one address, not a /64). At a
 * shared provider: a sender identity, the pair of the provider's label in the
 * allow list and the sender (or, widened, the sender's domain).
 *
 * An identity is written as an address too, so that scores, blocks and ledger
 * need no second kind of key: 64 bits of a keyed hash inside 100::/64, the
 * discard-only range (RFC 6666) that no host can have. Nothing in it ever goes
 * to the kernel. Two identities share a hash once in 10^7 sites of a million
 * identities. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_SUBJECT_H
#define CORE_SUBJECT_H
#include "base/prefix_table.h"
#include "base/siphash.h"
#include "core/conf.h"

#define SUBJECT_IDENTITY_LEN 128 /* prefix length of an identity */

struct subject_rules {
	struct prefix_table lengths;
	uint8_t ipv4, ipv6;
};

void subject_rules_init(struct subject_rules *r);
void subject_rules_done(struct subject_rules *r);
/* Replaces what was there. ERR_NOMEM: nothing changed. */
enum err subject_rules_make(struct subject_rules *r, const struct conf *c) MUST_USE;
/* "2001:db8::/32=128": a length from the network's own to the family's width, at least 16 and 32. ERR_SYNTAX. */
enum err subject_length_parse(struct slice s, struct prefix *ret_network, uint8_t *ret_len) MUST_USE;

struct prefix subject_of_client(const struct subject_rules *r, const struct ipaddr *client);
/*
 * sender: without its "+" extension, so that changing it makes no new identity.
 * ERR_SYNTAX: the null sender, or none with a domain.
 */
enum err subject_of_sender(
	const uint8_t key[SIPHASH_KEY], struct slice label, struct slice sender, struct prefix *ret) MUST_USE;
/* All senders of the domain of sender; "@domain" will do. */
enum err subject_of_domain(
	const uint8_t key[SIPHASH_KEY], struct slice label, struct slice sender, struct prefix *ret) MUST_USE;
bool subject_is_identity(const struct prefix *p);
/* 100::/64: all identities are in it. */
struct prefix subject_identities(void);

#endif /* CORE_SUBJECT_H */
