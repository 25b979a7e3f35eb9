/*
 * dns_owner: the names below a zone of addresses that stand for a prefix
 * (RFC 5782): a host is "4.3.2.1.ZONE", a network "*.3.2.1.ZONE". IPv4 has a
 * label an octet, IPv6 a label a nibble; a length in between is several names.
 *
 * Both families share a zone, so "*.0.6.2" would be 2.6.0.0/24 and 2600::/12
 * at once, and the names of the one would hide those of the other. Therefore
 * an IPv4 network whose octets all are below 10 is written a level deeper, in
 * the end as hosts, and an IPv6 prefix is at least /16. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_OWNER_H
#define CORE_DNS_OWNER_H
#include "base/ipaddr.h"
#include "base/wire.h"
#include "core/dns_question.h"

/* A name has 255 bytes on the wire (RFC 1035 2.3.4): labels of a host, the zone with a length in front, the root. */
#define DNS_OWNER_LABELS 64 /* bytes of the labels of a prefix at most: 32 nibbles, each with its length */
#define DNS_OWNER_ZONE 189  /* characters of a zone's name at most */

/* Is p one name? */
bool dns_owner_is_name(const struct prefix *p);
/* The labels of a prefix that is one name, without zone and root. */
void dns_owner_put(struct wr *w, const struct prefix *p);
/*
 * A name in lower case as dns_wire reads it, and its zone likewise. False: it
 * is none of those that dns_owner_put makes.
 */
bool dns_owner_read(const char *owner, const char *zone, struct prefix *ret);

#endif /* CORE_DNS_OWNER_H */
