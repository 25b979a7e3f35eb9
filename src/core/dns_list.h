/*
 * dns_list: DNS lists of addresses (RFC 5782): the name to ask for, and what
 * the answer means. Not every answer is a listing: providers answer with error
 * codes (127.255.255.x, 127.0.0.255) to those they do not serve, and resolvers
 * answer with addresses of their own instead of "no such name". Whether a list
 * may be trusted at all says core/dns_sentinel. Pure.
 *
 * Codes: patterns of answers that count, parted by blanks: four numbers or
 * ranges, "127.0.[0..255].[1..3] 127.0.0.2".
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_LIST_H
#define CORE_DNS_LIST_H
#include "core/dns_question.h"

#define DNS_LIST_CODES 16 /* patterns */

struct dns_codes {
	unsigned count;
	struct {
		uint8_t low[4], high[4];
	} code[DNS_LIST_CODES];
};

enum dns_verdict {
	DNS_LISTED = 1,
	DNS_OTHER,     /* listed, but with a code that does not count here */
	DNS_UNLISTED,  /* no such name */
	DNS_NO_ANSWER, /* timeout, SERVFAIL ... */
	/* these say: do not trust it */
	DNS_ERROR_CODE,    /* the provider does not serve us */
	DNS_OPEN_RESOLVER, /* 127.255.255.254: asked through a public resolver */
	DNS_REWRITTEN,     /* an address outside of 127/8: somebody answers in place of the list */
};

/* At least one pattern, each within 127/8. ERR_SYNTAX, ERR_LIMIT. */
enum err dns_codes_parse(struct slice text, struct dns_codes *ret) MUST_USE;
bool dns_codes_has(const struct dns_codes *c, const struct ipaddr *a);
/* "9.2.0.192.zone", or 32 nibbles. ERR_LIMIT: longer than a name can be; ERR_SYNTAX: zone is no domain. */
enum err dns_list_question(const struct ipaddr *client, const char *zone, struct dns_question *ret) MUST_USE;
/* An error code or a rewritten answer counts more than a listing, a listing more than another code. */
enum dns_verdict dns_list_judge(const struct dns_codes *c, const struct dns_answer *a);
static inline bool dns_verdict_is_lie(enum dns_verdict v)
{
	return v >= DNS_ERROR_CODE;
}

#endif /* CORE_DNS_LIST_H */
