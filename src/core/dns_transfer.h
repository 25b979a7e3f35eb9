/*
 * dns_transfer: the answers of a zone transfer (AXFR, RFC 5936), message by
 * message, each already verified: from the zone's SOA to the same SOA again.
 * Gives the A and TXT records of the names that are addresses (dns_owner);
 * all others are counted only. Pure.
 *
 * Limits: DNS_TRANSFER_RECORDS, DNS_TRANSFER_BYTES, DNS_TRANSFER_EMPTY
 * messages without a record; a server that never ends runs into one of them.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_TRANSFER_H
#define CORE_DNS_TRANSFER_H
#include "core/dns_owner.h"
#include "core/dns_wire.h"

#define DNS_TRANSFER_RECORDS 50000000u
#define DNS_TRANSFER_BYTES (UINT64_C(4) << 30)
#define DNS_TRANSFER_EMPTY 100

/* data: of the record, borrows the message. */
typedef void (*dns_transfer_fn)(void *ctx, const struct prefix *p, unsigned type, struct slice data);

struct dns_transfer {
	const char *zone; /* the caller's, as dns_question_name makes it */
	dns_transfer_fn fn;
	void *ctx;
	uint32_t serial; /* of the SOA */
	uint64_t records, others, bytes;
	unsigned empty;
	bool has_begun, is_done;
};

void dns_transfer_init(struct dns_transfer *t, const char *zone, dns_transfer_fn fn, void *ctx);
/*
 * The next message. ERR_OK, and t->is_done after the last SOA. ERR_SYNTAX:
 * malformed, another zone, does not begin with a SOA, ends with another, has
 * something behind the end; ERR_LIMIT.
 */
enum err dns_transfer_take(struct dns_transfer *t, struct slice message) MUST_USE;
/* The serial of a SOA in the first answer of a message. ERR_SYNTAX: there is none of this zone. */
enum err dns_transfer_serial(struct slice message, const char *zone, uint32_t *ret) MUST_USE;

#endif /* CORE_DNS_TRANSFER_H */
