/*
 * spf_set: from "first match wins" to the set of addresses that pass. Rules
 * are collected in the order of the record; an earlier rule that does not pass
 * takes its addresses out of all later ones. The set that comes out is sorted
 * and disjoint. Both own their memory. Pure.
 *
 * Limits: SPF_SET_MAX rules, and as many prefixes in a set.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_SPF_SET_H
#define CORE_SPF_SET_H
#include "base/ipaddr.h"

#define SPF_SET_MAX 3000u              /* fits into one message */
#define SPF_WORLD_IPV4 8               /* a prefix shorter than this is "the world" */
#define SPF_WORLD_IPV6 16              /* registries get /12; providers much longer ones */
#define SPF_WORLD_ADDRESSES 0x4000000u /* IPv4 addresses in all: 1/64 of them */

struct spf_rule {
	struct prefix prefix;
	bool is_pass;
};

struct spf_rules {
	struct spf_rule *rule;
	size_t count, size;
};

struct spf_set {
	struct prefix *prefix; /* sorted, disjoint */
	size_t count, size;
};

/* A zeroed struct is empty. */
void spf_rules_done(struct spf_rules *r);
/* ERR_LIMIT, ERR_NOMEM. */
enum err spf_rules_add(struct spf_rules *r, const struct prefix *p, bool is_pass) MUST_USE;
/* *ret must be empty. ERR_LIMIT: too many pieces; ERR_NOMEM. */
enum err spf_rules_flatten(const struct spf_rules *r, struct spf_set *ret) MUST_USE;

void spf_set_done(struct spf_set *s);
/* Any order; to be followed by spf_set_sort before anything else. ERR_LIMIT, ERR_NOMEM. */
enum err spf_set_add(struct spf_set *s, const struct prefix *p) MUST_USE;
/* Sort, and drop what another prefix of the set holds. */
void spf_set_sort(struct spf_set *s);
bool spf_set_has(const struct spf_set *s, const struct ipaddr *a);
/* How much of IPv4 (addresses) and of IPv6 (networks of /64; a longer prefix counts as one) it holds. */
void spf_set_size(const struct spf_set *s, uint64_t *ret_ipv4, uint64_t *ret_ipv6);
/* So much that nobody can mean it: a prefix that is too short, or too many addresses in all. */
bool spf_set_is_world(const struct spf_set *s);

#endif /* CORE_SPF_SET_H */
