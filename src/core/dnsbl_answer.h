/*
 * dnsbl_answer: one answer of our zone: question and list in, bytes out. What
 * it says of whom:
 *
 *   outside the zone, another class, who may not ask, a transfer    REFUSED
 *   malformed; another operation; EDNS above 0      FORMERR; NOTIMP; BADVERS
 *   a listed host      A 127.0.0.CODE for each reason, TXT with case id and URL
 *   of it, or of part of an address, something else    nothing (NODATA), SOA
 *   all else in the zone                                 NXDOMAIN, SOA
 *   ANY                                        one HINFO record (RFC 8482)
 *
 * Over UDP an answer is never longer than the question by more than the factor
 * dnsbl.amplification (1.5): an SOA that does not fit has its names left out,
 * or is left out itself; records that do not fit make an empty answer with TC,
 * and the client comes by TCP, where he is who he says he is. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNSBL_ANSWER_H
#define CORE_DNSBL_ANSWER_H
#include "core/dnsbl_list.h"
#include "core/dnsbl_question.h"
#include "core/dnsbl_zone.h"

#define DNSBL_ANSWER_MAX 4096 /* bytes of an answer over TCP: all reasons with texts of 255 bytes fit */
#define DNSBL_TEXT 255        /* one string of a TXT record */

enum dnsbl_said {
	DNSBL_SAID_NOTHING = 0, /* no answer */
	DNSBL_SAID_LISTED,
	DNSBL_SAID_CLEAN, /* NXDOMAIN or NODATA of a host */
	DNSBL_SAID_OTHER, /* apex, nodes, names that are none */
	DNSBL_SAID_REFUSED,
	DNSBL_SAID_BAD, /* FORMERR, NOTIMP, BADVERS */
};

struct dnsbl_ask {
	bool is_udp;
	bool is_allowed;
	uint64_t now; /* Unix seconds */
};

/* A packet that was looked at. */
struct dnsbl_heard {
	struct slice packet;
	enum dnsbl_read read;
	struct dnsbl_question question;
	enum dnsbl_name what;
	struct ipaddr host; /* family 0: none */
	bool is_node;
};

void dnsbl_answer_hear(const struct dnsbl_zone *z, struct slice packet, struct dnsbl_heard *ret);
/* As dnsbl_answer. */
size_t dnsbl_answer_say(const struct dnsbl_zone *z, const struct dnsbl_list *l, const struct dnsbl_ask *ask,
	const struct dnsbl_heard *heard, uint8_t to[DNSBL_ANSWER_MAX], enum dnsbl_said *ret_said, bool *ret_is_cut);
/* Both in one. Bytes in to; 0: no answer. *ret_said; *ret_is_cut: it has TC. */
size_t dnsbl_answer(const struct dnsbl_zone *z, const struct dnsbl_list *l, const struct dnsbl_ask *ask,
	struct slice packet, uint8_t to[DNSBL_ANSWER_MAX], enum dnsbl_said *ret_said, bool *ret_is_cut);
/* Instead of an answer: the question with TC, nothing else (core/dnsbl_rate). 0: there was no question. */
size_t dnsbl_answer_slip(struct slice packet, uint8_t to[DNSBL_ANSWER_MAX]);

/* What a TXT record says. Returns its length. */
size_t dnsbl_answer_text(const struct dnsbl_reason *r, const char *url, char to[DNSBL_TEXT + 1]);

#endif /* CORE_DNSBL_ANSWER_H */
