/*
 * dnsbl_question: what somebody asks of our zone, from the wire (RFC 1035,
 * EDNS0 of RFC 6891): exactly one question, its name in whole labels without
 * compression, at most one OPT, other additional records are skipped. What is
 * no query at all is not answered, so that no two servers talk for ever. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNSBL_QUESTION_H
#define CORE_DNSBL_QUESTION_H
#include "base/slice.h"

#include <stdint.h>

#define DNSBL_HEADER 12
#define DNSBL_ADDITIONAL 8   /* records behind the question */
#define DNSBL_PLAIN 512u     /* bytes of an answer over UDP without EDNS */
#define DNSBL_PAYLOAD 1232u  /* with it, at most */
#define DNSBL_QUESTION 2048u /* longer ones are malformed */

enum dnsbl_type {
	DNSBL_A = 1,
	DNSBL_NS = 2,
	DNSBL_SOA = 6,
	DNSBL_HINFO = 13,
	DNSBL_TXT = 16,
	DNSBL_AAAA = 28,
	DNSBL_OPT = 41,
	DNSBL_META = 249, /* from here to ANY: transfers, signatures and the like */
	DNSBL_ANY = 255,
};
#define DNSBL_IN 1

enum dnsbl_read {
	DNSBL_READ_OK = 0,
	DNSBL_READ_NOTHING, /* too short, or an answer: silence */
	DNSBL_READ_BAD,     /* malformed: FORMERR */
	DNSBL_READ_OTHER,   /* another operation than a query: NOTIMP */
};

struct dnsbl_question {
	uint16_t id, flags; /* flags as they came; both are there for BAD and OTHER, too */
	struct slice name;  /* in the packet */
	size_t end;         /* of the question in the packet */
	uint16_t type, class;
	bool has_edns, is_do;
	uint8_t version; /* of EDNS */
	uint16_t payload;
};

enum dnsbl_read dnsbl_question_read(struct slice packet, struct dnsbl_question *ret);

#endif /* CORE_DNSBL_QUESTION_H */
