/*
 * content_relate: do the fields in which a message calls itself list mail
 * (RFC 2369, RFC 2919) name a domain that it also comes from? A list's server
 * sends with its own name; a copied List-Id does not fit the sender. Domains
 * are compared by their organisational part, guessed without a list of public
 * suffixes: the last two labels, three where these are as short as "co.uk".
 * Nothing here is verified: it can lower a grade, never to 0.
 *
 * Pure, no allocation, linear time, CONTENT_RELATE_DOMAINS a side.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONTENT_RELATE_H
#define CORE_CONTENT_RELATE_H
#include "base/slice.h"

#include <stdint.h>

#define CONTENT_RELATE_DOMAINS 12 /* of each side; more are not looked at */
#define CONTENT_RELATE_TEXT 64    /* longest organisational part, with NUL */

struct content_relate_side {
	uint8_t n;
	char domain[CONTENT_RELATE_DOMAINS][CONTENT_RELATE_TEXT];
};

struct content_relate {
	struct content_relate_side sender; /* envelope, From, DKIM-Signature, names of the topmost hosts in Received */
	struct content_relate_side list;   /* List-Id, List-Unsubscribe, X-BeenThere ... */
};

void content_relate_init(struct content_relate *r);
/* All domains in a value: of addresses, URLs, "<list.example.org>" and "d=example.org". */
void content_relate_add(struct content_relate_side *side, struct slice value);
/* The names of the sending host in a Received field: what it said, what its address says. */
void content_relate_add_hop(struct content_relate_side *side, struct slice value);
bool content_relate_is(const struct content_relate *r);

#endif /* CORE_CONTENT_RELATE_H */
