/*
 * dnsbl_rate: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dnsbl_rate.h"

#define ONE 1000u /* an answer, in thousandths */

/* The slot of this network: its own, or the one that was quiet longest. */
static struct dnsbl_rate_slot *find(struct dnsbl_rate *r, uint64_t hash, uint32_t now_ms)
{
	/* its lowest bit is always set */
	struct dnsbl_rate_slot *set = r->slot[(hash >> 1) % DNSBL_RATE_SETS], *oldest = set;

	for (unsigned i = 0; i < DNSBL_RATE_WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
		if (oldest->hash && (!set[i].hash || now_ms - set[i].seen_ms > now_ms - oldest->seen_ms))
			oldest = &set[i];
	}
	return oldest;
}

enum dnsbl_rate_say dnsbl_rate_take(struct dnsbl_rate *r, const struct ipaddr *client, uint32_t rate, uint64_t now_ms)
{
	struct prefix p = prefix_of(client, client->family == 4 ? DNSBL_RATE_IPV4 : DNSBL_RATE_IPV6);
	uint64_t hash = siphash64(r->key, slice_of(&p, sizeof p)) | 1, most = (uint64_t)rate * ONE, left = most;
	uint32_t now = (uint32_t)now_ms;
	struct dnsbl_rate_slot *s = find(r, hash, now);

	if (s->hash == hash)
		left = s->left + (uint64_t)(uint32_t)(now - s->seen_ms) * rate;
	else
		*s = (struct dnsbl_rate_slot){ .hash = hash };
	left = left < most ? left : most;
	s->seen_ms = now;
	if (left >= ONE) {
		s->left = (left - ONE) & INT32_MAX;
		s->is_slipped = false;
		return DNSBL_RATE_ANSWER;
	}
	s->left = left & INT32_MAX;
	s->is_slipped = !s->is_slipped;
	return s->is_slipped ? DNSBL_RATE_SLIP : DNSBL_RATE_DROP;
}
