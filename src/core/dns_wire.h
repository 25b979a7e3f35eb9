/*
 * dns_wire: names and records of the DNS from and to the wire (RFC 1035), for
 * the modules that read whole messages. Compressed names point backwards only.
 * Pure; copies names, borrows data.
 *
 * Limits: DNS_NAME bytes of a name, some pointers in one.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_WIRE_H
#define CORE_DNS_WIRE_H
#include "base/wire.h"
#include "core/dns_question.h"

#define DNS_HEADER 12
#define DNS_MESSAGE_MAX 65535u
#define DNS_TTL_MAX 0x7fffffffu /* seconds, RFC 2181 8 */
#define DNS_CLASS_IN 1
#define DNS_CLASS_ANY 255
#define DNS_TYPE_SOA 6
#define DNS_TYPE_TSIG 250
#define DNS_TYPE_AXFR 252

/* A record; owner in lower case without the last dot, "" for the root and for names with odd bytes. */
struct dns_record {
	char owner[DNS_NAME];
	unsigned type, class;
	uint32_t ttl_s;
	size_t at;           /* where it begins in the message */
	size_t data, length; /* where its data is */
};

/* Two bytes at i, which is inside. */
unsigned dns_wire_number(struct slice message, size_t i);
/* The name at *at, which then stands behind it. ERR_SYNTAX. */
enum err dns_wire_name(struct slice message, size_t *at, char to[DNS_NAME]) MUST_USE;
/* The record at *at, which then stands behind it. ERR_SYNTAX. */
enum err dns_wire_record(struct slice message, size_t *at, struct dns_record *ret) MUST_USE;
/* A name of dns_question_name, uncompressed, in lower case; "" is the root. */
void dns_wire_put_name(struct wr *w, const char *name);

#endif /* CORE_DNS_WIRE_H */
