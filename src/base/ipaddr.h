/*
 * ipaddr: IPv4 and IPv6 addresses and prefixes: parse, print, mask, compare,
 * classify. An IPv4-mapped IPv6 address (::ffff:a.b.c.d) becomes IPv4 at
 * parse, so that one host has one form. No DNS, no I/O.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_IPADDR_H
#define BASE_IPADDR_H
#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

struct ipaddr {
	uint8_t family; /* 4, 6; 0: none */
	uint8_t b[16];  /* network order; IPv4 uses the first 4, the rest is 0 */
};

/* All bits of addr beyond len are 0. */
struct prefix {
	struct ipaddr addr;
	uint8_t len; /* 0..32 or 0..128 */
};

#define IPADDR_TEXT 46 /* longest text with NUL (INET6_ADDRSTRLEN) */
#define PREFIX_TEXT 50 /* the same with "/128" */

static inline unsigned ipaddr_bits(const struct ipaddr *a)
{
	return a->family == 4 ? 32 : a->family == 6 ? 128 : 0;
}

/* Strict: no leading zeros in IPv4 numbers, no zone, no brackets. ERR_SYNTAX. */
enum err ipaddr_parse(struct slice s, struct ipaddr *ret) MUST_USE;
/* "" for family 0; RFC 5952 for IPv6. Returns to. */
const char *ipaddr_format(const struct ipaddr *a, char to[IPADDR_TEXT]);
bool ipaddr_eq(const struct ipaddr *a, const struct ipaddr *b);

/*
 * "a.b.c.d", "a.b.c.d/n", "x::y/n"; "::ffff:a.b.c.d/n", n from 96 on, is IPv4,
 * too. ERR_SYNTAX, also for host bits beyond /n; ERR_LIMIT: n is too large.
 */
enum err prefix_parse(struct slice s, struct prefix *ret) MUST_USE;
/* len: the digits behind the slash; host: the text before it, which a was parsed from. Errors as above. */
enum err prefix_length_parse(struct slice len, struct slice host, const struct ipaddr *a, uint8_t *ret) MUST_USE;
/* A host without /32 or /128, else with its length. Returns to. */
const char *prefix_format(const struct prefix *p, char to[PREFIX_TEXT]);
/* The prefix of length len (cut to the family's width) that holds a. */
struct prefix prefix_of(const struct ipaddr *a, unsigned len);
bool prefix_has(const struct prefix *p, const struct ipaddr *a);
bool prefix_eq(const struct prefix *a, const struct prefix *b);
/* True where one contains the other. */
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
/* The last address of a prefix. */
struct ipaddr prefix_last(const struct prefix *p);
/* The two halves of a prefix that is no host. */
void prefix_halve(const struct prefix *p, struct prefix ret[2]);

/*
 * True for what can never be a foreign host on the Internet: loopback,
 * unspecified, RFC 1918, 100.64/10, link-local, ULA, multicast, 0/8, 240/4,
 * 100::/64 (RFC 6666).
 * The documentation ranges (RFC 5737, RFC 3849) are NOT private: tests and the demo use them.
 */
bool ipaddr_is_private(const struct ipaddr *a);
/* The documentation ranges. */
bool ipaddr_is_documentation(const struct ipaddr *a);

#endif /* BASE_IPADDR_H */
