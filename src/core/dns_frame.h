/*
 * dns_frame: whole DNS messages out of the bytes of a TCP stream: two bytes of
 * length in front of each (RFC 1035 4.2.2). Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_FRAME_H
#define CORE_DNS_FRAME_H
#include "core/dns_wire.h"

#define DNS_FRAME_SIZE (2 * (2 + DNS_MESSAGE_MAX)) /* so that there is room behind the longest message */

/* Zeroed: empty. */
struct dns_frame {
	size_t n, taken; /* bytes in; of these given away */
	uint8_t bytes[DNS_FRAME_SIZE];
};

/* Where the next bytes go; what was given is gone then. Never none when next has said ERR_MORE. */
uint8_t *dns_frame_room(struct dns_frame *f, size_t *ret_size);
/* n bytes are there now. */
void dns_frame_add(struct dns_frame *f, size_t n);
/* The next whole message, good until the next room. ERR_MORE; ERR_SYNTAX: shorter than a header. */
enum err dns_frame_next(struct dns_frame *f, struct slice *ret) MUST_USE;

#endif /* CORE_DNS_FRAME_H */
