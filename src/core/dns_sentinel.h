/*
 * dns_sentinel: may a DNS list be trusted now? It is tested in rounds: the test
 * points of RFC 5782 section 5 (127.0.0.2 is listed, 127.0.0.1 is not; the
 * same as ::FFFF:7F00:2 and ::FFFF:7F00:1 where the list knows IPv6) and
 * canaries, random public addresses of which only a share can be listed.
 *
 *   untested -> on      the first good round
 *   on -> off           a test point that is wrong, an error code or a rewritten
 *                       answer (also to a real question), too many canaries
 *                       listed, three rounds in a row without an answer
 *   off -> on           three good rounds in a row
 *
 * A list that is not on says nothing. Time and randomness are arguments. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_SENTINEL_H
#define CORE_DNS_SENTINEL_H
#include "core/dns_list.h"

#define SENTINEL_POINTS 4    /* test points of a round at most */
#define SENTINEL_CANARIES 16 /* canaries of a round; some of them IPv6 */
#define SENTINEL_PROBES (SENTINEL_POINTS + SENTINEL_CANARIES)
#define SENTINEL_MEMORY 64 /* canaries remembered, of each family */
#define SENTINEL_BACK 3    /* good rounds before a list is on again */
#define SENTINEL_SILENT 3  /* rounds without an answer before it is off */

enum sentinel_state { SENTINEL_UNTESTED = 0, SENTINEL_ON = 1, SENTINEL_OFF = 2 };

enum sentinel_why {
	SENTINEL_FINE = 0,
	SENTINEL_NOT_LISTED,     /* the test point that must be listed is not */
	SENTINEL_LISTS_LOOPBACK, /* the one that must not be listed is */
	SENTINEL_LISTS_WORLD,
	SENTINEL_ERROR_CODE,
	SENTINEL_OPEN_RESOLVER,
	SENTINEL_REWRITTEN,
	SENTINEL_NO_ANSWER,
	SENTINEL_WHYS
};

struct dns_sentinel {
	enum sentinel_state state;
	enum sentinel_why why; /* of the last bad round or answer; FINE since the last good one */
	uint64_t since;        /* in this state */
	uint64_t tested;       /* the last round that was judged */
	unsigned good, silent; /* rounds in a row */
	struct {
		uint64_t bits; /* 1: listed; the newest is bit 0 */
		unsigned count;
	} canary[2]; /* IPv4, IPv6 */

	/* the round under way */
	unsigned probes, answered;
	struct ipaddr probe[SENTINEL_PROBES];
	unsigned points; /* of them, in front: listed, not listed, listed, not listed */
	enum sentinel_why bad;
	bool is_silent;
};

/* Begin a round: ret->probe[0 .. probes) are to be asked. random: fresh bits. The round before is forgotten. */
void dns_sentinel_begin(struct dns_sentinel *s, bool has_ipv6, const uint64_t random[SENTINEL_CANARIES]);
/*
 * The answer to probe i (each once). True: it was the last one and the round is
 * judged; share: percent of the canaries that may be listed.
 */
bool dns_sentinel_answer(struct dns_sentinel *s, unsigned i, enum dns_verdict v, unsigned share, uint64_t now);
/* What a real question brought. True: the list went off. */
bool dns_sentinel_seen(struct dns_sentinel *s, enum dns_verdict v, uint64_t now);
/* An address of public space out of 64 random bits. */
struct ipaddr dns_sentinel_canary(uint64_t random, unsigned family);
/* "lists the whole world" ...: for status and log. */
const char *dns_sentinel_text(enum sentinel_why why);

#endif /* CORE_DNS_SENTINEL_H */
