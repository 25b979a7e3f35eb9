/*
 * fuzz_dns_sentinel: rounds of tests and real questions in any order, with any
 * answers: a list is on only after a good round, and every other state has a reason.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/dns_sentinel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct dns_sentinel *s)
{
	if (s->state > SENTINEL_OFF || s->why >= SENTINEL_WHYS || s->probes > SENTINEL_PROBES ||
		s->answered > s->probes)
		abort();
	if (!dns_sentinel_text(s->why) || s->canary[0].count > SENTINEL_MEMORY || s->canary[1].count > SENTINEL_MEMORY)
		abort();
}

static void begin(struct dns_sentinel *s, uint8_t how)
{
	uint64_t random[SENTINEL_CANARIES];

	for (unsigned i = 0; i < SENTINEL_CANARIES; i++)
		random[i] = (how + i) * UINT64_C(0x9e3779b97f4a7c15);
	dns_sentinel_begin(s, how & 1, random);
	for (unsigned i = s->points; i < s->probes; i++)
		if (ipaddr_is_private(&s->probe[i]))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_sentinel s = { .state = SENTINEL_UNTESTED };
	enum sentinel_state before;
	uint64_t now = 1000;

	for (size_t i = 0; i + 1 < size; i += 2) {
		enum dns_verdict v = (enum dns_verdict)(DNS_LISTED + data[i + 1] % DNS_REWRITTEN);
		bool is_judged = false;

		before = s.state;
		now += data[i] >> 4;
		if (data[i] % 8 == 0)
			begin(&s, data[i + 1]);
		else if (data[i] % 8 == 1 && s.probes && s.answered == s.probes)
			(void)dns_sentinel_seen(&s, v, now);
		else if (s.answered < s.probes)
			is_judged = dns_sentinel_answer(&s, s.answered, v, 20, now);
		check(&s);
		if (s.state == SENTINEL_ON && before != SENTINEL_ON && (!is_judged || s.why != SENTINEL_FINE))
			abort();
		if (s.state == SENTINEL_OFF && before != SENTINEL_OFF && s.why == SENTINEL_FINE)
			abort();
	}
	return 0;
}
