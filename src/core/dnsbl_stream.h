/*
 * dnsbl_stream: questions out of a TCP stream (RFC 1035 4.2.2, RFC 7766): two
 * bytes of length, then the message; several may come at once, or one in many
 * pieces. What is longer than any question of ours ends the stream. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNSBL_STREAM_H
#define CORE_DNSBL_STREAM_H
#include "base/err.h"
#include "core/dnsbl_question.h"

#define DNSBL_STREAM (2 + DNSBL_QUESTION)

/* Zeroed: empty. */
struct dnsbl_stream {
	size_t n, taken; /* bytes in; of these done with */
	uint8_t bytes[DNSBL_STREAM];
};

/* Where the next bytes go, never none after ERR_MORE. A question that was given is gone then. */
uint8_t *dnsbl_stream_room(struct dnsbl_stream *s, size_t *ret_size);
/* n bytes are there. */
void dnsbl_stream_add(struct dnsbl_stream *s, size_t n);
/* The next whole question; good until the next room. ERR_MORE; ERR_SYNTAX: too short or too long, no more will come. */
enum err dnsbl_stream_next(struct dnsbl_stream *s, struct slice *ret) MUST_USE;

#endif /* CORE_DNSBL_STREAM_H */
