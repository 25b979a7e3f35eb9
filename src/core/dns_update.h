/*
 * dns_update: messages of dynamic update (RFC 2136) that change names of
 * addresses in a zone, and the heads of their answers. For each name either
 * all its A and TXT records go, or they are replaced by one of each; other
 * types are not touched. No prerequisites: only we change these names. Pure.
 *
 * Limits: DNS_UPDATE_BYTES of a message before its signature; a text is cut to 255 bytes.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_UPDATE_H
#define CORE_DNS_UPDATE_H
#include "core/dns_owner.h"
#include "core/dns_wire.h"

#define DNS_UPDATE_BYTES 61440
#define DNS_UPDATE_NAME_BYTES 600 /* one name takes at most */
#define DNS_UPDATE_TEXT 255

/* A message under way. */
struct dns_update {
	struct wr w;
	uint16_t records;
};

/* zone: as dns_question_name makes it. bytes: room for the signature too. */
void dns_update_begin(struct dns_update *u, uint8_t *bytes, size_t size, uint16_t id, const char *zone);
static inline bool dns_update_has_room(const struct dns_update *u)
{
	return u->w.n + DNS_UPDATE_NAME_BYTES <= DNS_UPDATE_BYTES;
}
/* All A and TXT of this name go; p is one name (dns_owner). */
void dns_update_clear(struct dns_update *u, const struct prefix *p);
/* 127.0.0.code, and a text unless it is empty. */
void dns_update_add(struct dns_update *u, const struct prefix *p, uint32_t ttl_s, uint8_t code, struct slice text);
/* Fills in the counts; the message is u->w, ready to be signed. */
void dns_update_end(struct dns_update *u);

/* A question of this type for the zone itself: SOA, AXFR. */
void dns_update_ask(struct wr *w, uint16_t id, const char *zone, unsigned type);

enum dns_rcode {
	DNS_RCODE_OK = 0,
	DNS_RCODE_FORMERR = 1,
	DNS_RCODE_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_NOTIMP = 4,
	DNS_RCODE_REFUSED = 5,
	DNS_RCODE_NOTAUTH = 9,
	DNS_RCODE_NOTZONE = 10,
};

struct dns_head {
	uint16_t id;
	unsigned opcode, rcode; /* opcode: 0 query, 5 update */
	bool is_answer, is_cut, is_authoritative;
};
/* ERR_SYNTAX: shorter than a header. */
enum err dns_head_read(struct slice message, struct dns_head *ret) MUST_USE;
#define DNS_OPCODE_QUERY 0
#define DNS_OPCODE_UPDATE 5

#endif /* CORE_DNS_UPDATE_H */
