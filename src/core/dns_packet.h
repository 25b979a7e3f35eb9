/*
 * dns_packet: an answer of the DNS from the wire (RFC 1035) into what the pure
 * modules read. Only records that belong to the question are taken: those of
 * the asked name, or of where its CNAMEs lead within this answer. Compressed
 * names point backwards only. Whether the packet answers our query at all
 * (address, port, id) the resolver has checked. Pure.
 *
 * Limits: DNS_ANSWERS records, DNS_CNAMES links of a chain.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_PACKET_H
#define CORE_DNS_PACKET_H
#include "core/dns_wire.h"

#define DNS_CNAMES 10 /* links; a longer chain leads nowhere */

/* An answer with its memory. */
struct dns_reply {
	struct dns_answer answer; /* points into this struct */
	struct ipaddr address[DNS_ANSWERS];
	struct slice text[DNS_ANSWERS];
	uint16_t preference[DNS_ANSWERS];
	size_t used;
	char bytes[DNS_MESSAGE_MAX]; /* of the texts and names */
};

/*
 * A packet without error code. ERR_SYNTAX: malformed, or it answers another
 * question; *ret is then without meaning.
 */
enum err dns_packet_read(struct slice packet, const struct dns_question *q, struct dns_reply *ret) MUST_USE;

#endif /* CORE_DNS_PACKET_H */
