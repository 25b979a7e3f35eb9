/*
 * breaker: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/breaker.h"

/* A clock that was set back leaves times ahead: they do not count. */
static uint32_t hosts_lately(const struct breaker *b, uint64_t now)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < BREAKER_HOSTS; i++)
		if (b->at[i] && b->at[i] <= now && now - b->at[i] < BREAKER_WINDOW_S)
			n++;
	return n;
}

enum breaker_verdict breaker_judge(
	const struct breaker *b, const struct conf *c, const struct breaker_facts *f, uint64_t now)
{
	if (!(f->good > 0) || f->traps >= c->decide.many_traps)
		return BREAKER_ACT;
	if (c->breaker.good_mails && f->mails >= c->breaker.good_mails)
		return BREAKER_HOLD_MAILS;
	if (c->breaker.good_hosts && hosts_lately(b, now) >= c->breaker.good_hosts)
		return BREAKER_HOLD_HOSTS;
	return BREAKER_ACT;
}

void breaker_note(struct breaker *b, const struct breaker_facts *f, uint64_t now)
{
	if (!(f->good > 0))
		return;
	b->at[b->next] = now;
	b->next = (b->next + 1) % BREAKER_HOSTS;
}
