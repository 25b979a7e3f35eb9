/*
 * reply_text: every text that an outsider can see, and nothing else says one.
 * Each function writes one action of Postfix's policy protocol, without LF:
 * "450 4.7.1 text". Printable ASCII only, REPLY_TEXT_MAX bytes at most. No trap,
 * no trap id, no score, and no word that tells a trap from another recipient
 * ever stands in one. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_REPLY_TEXT_H
#define CORE_REPLY_TEXT_H
#include "base/buf.h"
#include "core/conf.h"

#define REPLY_TEXT_MAX 400 /* Postfix adds the client's name in front; a reply line is 512 */

/* What a client is told of his block. */
struct reply_block {
	unsigned code; /* 4xx or 5xx; anything else is taken as 450 */
	const char *case_id;
	uint64_t until;      /* Unix seconds */
	struct slice sender; /* of mail that is blocked by it at a shared provider, where the host is not; else empty */
	const char *says;    /* the list's own words, cut where they do not fit; "" or NULL: none */
};

/* A blocked client, at any recipient. Without memory the action is the bare code. */
void reply_text_blocked(const struct conf *c, const struct reply_block *b, struct buf *to);
/*
 * The same at another server that has our list: which addresses are open there
 * is not known here. case_id "": no block of ours, only on an imported list.
 */
void reply_text_listed(const struct conf *c, unsigned code, const char *case_id, uint64_t until, struct buf *to);
/* The same host's message to several recipients, refused after the dot. case_id "" leaves it out. */
void reply_text_riders(const struct conf *c, const char *case_id, struct buf *to);

#endif /* CORE_REPLY_TEXT_H */
