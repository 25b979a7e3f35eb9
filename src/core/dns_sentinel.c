/*
 * dns_sentinel: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_sentinel.h"

#include <assert.h>

#define IPV6_EVERY 4 /* of so many canaries one is IPv6 */

static const struct ipaddr points[SENTINEL_POINTS] = {
	{ .family = 4, .b = { 127, 0, 0, 2 } },
	{ .family = 4, .b = { 127, 0, 0, 1 } },
	{ .family = 6, .b = { [10] = 0xff, 0xff, 0x7f, 0, 0, 2 } },
	{ .family = 6, .b = { [10] = 0xff, 0xff, 0x7f, 0, 0, 1 } },
};

/* Next of a sequence that visits all numbers. */
static uint64_t step(uint64_t x)
{
	return x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
}

static bool is_public(const struct ipaddr *a)
{
	static const struct prefix benchmarks = { { 4, { 198, 18 } }, 15 }; /* RFC 2544 */

	return !ipaddr_is_private(a) && !ipaddr_is_documentation(a) && !prefix_has(&benchmarks, a);
}

struct ipaddr dns_sentinel_canary(uint64_t random, unsigned family)
{
	struct ipaddr a = { .family = (uint8_t)family };

	do {
		random = step(random);
		/* the high bits: the low ones of such a sequence are poor */
		for (unsigned i = 0; i < 4; i++)
			a.b[i] = (uint8_t)(random >> (56 - 8 * i));
		if (family == 6) {
			/* 2000::/6: what has been given out; a host somewhere in it */
			a.b[0] = (uint8_t)(0x20 | (a.b[0] & 3u));
			for (unsigned i = 4; i < 8; i++)
				a.b[i] = (uint8_t)(random >> (28 - 4 * (i - 4)));
			a.b[15] = 1;
		}
	} while (!is_public(&a));
	return a;
}

void dns_sentinel_begin(struct dns_sentinel *s, bool has_ipv6, const uint64_t random[SENTINEL_CANARIES])
{
	s->probes = s->answered = 0;
	s->bad = SENTINEL_FINE;
	s->is_silent = false;
	s->points = has_ipv6 ? SENTINEL_POINTS : SENTINEL_POINTS / 2;
	for (unsigned i = 0; i < s->points; i++)
		s->probe[s->probes++] = points[i];
	for (unsigned i = 0; i < SENTINEL_CANARIES; i++)
		s->probe[s->probes++] = dns_sentinel_canary(random[i], has_ipv6 && i % IPV6_EVERY == 0 ? 6 : 4);
}

static void go(struct dns_sentinel *s, enum sentinel_state state, uint64_t now)
{
	s->state = state;
	s->since = now;
	s->good = 0;
}

/* True: it went off just now. */
static bool fail(struct dns_sentinel *s, enum sentinel_why why, uint64_t now)
{
	bool was_off = s->state == SENTINEL_OFF;

	s->why = why;
	s->good = 0;
	if (!was_off)
		go(s, SENTINEL_OFF, now);
	return !was_off;
}

static enum sentinel_why why_of(enum dns_verdict v)
{
	return v == DNS_ERROR_CODE      ? SENTINEL_ERROR_CODE
	       : v == DNS_OPEN_RESOLVER ? SENTINEL_OPEN_RESOLVER
	       : v == DNS_REWRITTEN     ? SENTINEL_REWRITTEN
					: SENTINEL_FINE;
}

static void remember(struct dns_sentinel *s, unsigned family, bool is_listed)
{
	unsigned f = family == 6;

	s->canary[f].bits = s->canary[f].bits << 1 | is_listed;
	if (s->canary[f].count < SENTINEL_MEMORY)
		s->canary[f].count++;
}

static bool lists_world(const struct dns_sentinel *s, unsigned share)
{
	for (unsigned f = 0; f < 2; f++) {
		unsigned n = s->canary[f].count, listed = 0;

		for (unsigned i = 0; i < n; i++)
			listed += (unsigned)(s->canary[f].bits >> i & 1);
		/* one family has fewer canaries: four are enough to tell all from some */
		if (n >= SENTINEL_CANARIES / IPV6_EVERY && listed * 100 > share * n)
			return true;
	}
	return false;
}

static void judge(struct dns_sentinel *s, unsigned share, uint64_t now)
{
	s->tested = now;
	if (s->bad == SENTINEL_FINE && lists_world(s, share)) {
		s->bad = SENTINEL_LISTS_WORLD;
		/* the next rounds speak for themselves */
		s->canary[0].count = s->canary[1].count = 0;
	}
	if (s->bad != SENTINEL_FINE) {
		s->silent = 0;
		(void)fail(s, s->bad, now);
		return;
	}
	if (s->is_silent) {
		s->good = 0;
		if (++s->silent >= SENTINEL_SILENT || s->state == SENTINEL_OFF)
			(void)fail(s, SENTINEL_NO_ANSWER, now);
		return;
	}
	s->silent = 0;
	s->why = s->state == SENTINEL_OFF ? s->why : SENTINEL_FINE;
	s->good++;
	if (s->state == SENTINEL_UNTESTED || (s->state == SENTINEL_OFF && s->good >= SENTINEL_BACK)) {
		go(s, SENTINEL_ON, now);
		s->why = SENTINEL_FINE;
	}
}

bool dns_sentinel_answer(struct dns_sentinel *s, unsigned i, enum dns_verdict v, unsigned share, uint64_t now)
{
	assert(i < s->probes && s->answered < s->probes);
	s->answered++;
	if (dns_verdict_is_lie(v)) {
		s->bad = why_of(v);
	} else if (v == DNS_NO_ANSWER) {
		s->is_silent = true;
	} else if (i >= s->points) {
		remember(s, s->probe[i].family, v == DNS_LISTED);
	} else if (s->bad == SENTINEL_FINE) {
		bool is_listed = v != DNS_UNLISTED, must_be = i % 2 == 0;

		if (is_listed != must_be)
			s->bad = must_be ? SENTINEL_NOT_LISTED : SENTINEL_LISTS_LOOPBACK;
	}
	if (s->answered < s->probes)
		return false;
	judge(s, share, now);
	return true;
}

bool dns_sentinel_seen(struct dns_sentinel *s, enum dns_verdict v, uint64_t now)
{
	return dns_verdict_is_lie(v) && fail(s, why_of(v), now);
}

const char *dns_sentinel_text(enum sentinel_why why)
{
	static const char *const texts[SENTINEL_WHYS] = {
		"",
		"its test entry 127.0.0.2 is not listed",
		"it lists 127.0.0.1",
		"it lists too many random addresses: the whole world?",
		"it answers with an error code: not served, over the limit, or blocked",
		"it refuses questions that come through a public resolver: use one of your own",
		"its answers are rewritten to other addresses on the way",
		"it does not answer",
	};

	return (unsigned)why < SENTINEL_WHYS ? texts[why] : "?";
}
