/*
 * spf_keep: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/spf_keep.h"

static bool sets_eq(const struct spf_set *a, const struct spf_set *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!prefix_eq(&a->prefix[i], &b->prefix[i]))
			return false;
	return true;
}

/* Less than half of IPv4 or of IPv6. */
static bool is_shrunk(const struct spf_set *old, const struct spf_set *new)
{
	uint64_t four, six, four_now, six_now;

	spf_set_size(old, &four, &six);
	spf_set_size(new, &four_now, &six_now);
	return four_now < four / 2 + four % 2 || six_now < six / 2 + six % 2;
}

static bool is_error(enum spf_state s)
{
	return s == SPF_TEMPERROR || s == SPF_PERMERROR || s == SPF_ASKS;
}

static enum spf_taken judge(struct spf_keep *k, enum spf_state state, const struct spf_set *set, uint64_t now)
{
	if (is_error(state))
		return SPF_KEPT;
	if (state == SPF_NONE || set->count == 0)
		return SPF_HELD_EMPTY;
	if (spf_set_is_world(set))
		return SPF_REFUSED_WORLD;
	if (!k->has_set || !is_shrunk(&k->set, set)) {
		k->shrunk_at = 0;
		return k->has_set && sets_eq(&k->set, set) ? SPF_SAME : SPF_TAKEN;
	}
	if (k->shrunk_at == 0 || k->shrunk_at > now)
		k->shrunk_at = now;
	if (k->shrunk_at + SPF_HOLD_S > now)
		return SPF_HELD_SHRUNK;
	k->shrunk_at = 0;
	return SPF_TAKEN;
}

enum spf_taken spf_keep_take(
	struct spf_keep *k, enum spf_state state, struct spf_set *set, bool is_partial, uint32_t ttl_s, uint64_t now)
{
	enum spf_taken t = judge(k, state, set, now);
	bool is_good = t == SPF_SAME || t == SPF_TAKEN;

	k->last = t;
	k->state = state;
	k->next = now + (!is_good ? SPF_RETRY_S : ttl_s < SPF_TTL_MAX ? ttl_s : SPF_TTL_MAX);
	if (is_good) {
		k->good_at = now;
		k->is_partial = is_partial;
	}
	if (t == SPF_TAKEN) {
		spf_set_done(&k->set);
		k->set = *set;
		*set = (struct spf_set){ 0 };
		k->has_set = true;
	}
	return t;
}

bool spf_keep_is_due(const struct spf_keep *k, uint64_t now)
{
	return now >= k->next || k->next - now > SPF_TTL_MAX;
}

void spf_keep_done(struct spf_keep *k)
{
	spf_set_done(&k->set);
	*k = (struct spf_keep){ 0 };
}

const char *spf_taken_text(enum spf_taken t)
{
	static const char *const texts[] = { "not asked yet", "as before", "new",
		"could not be read; the addresses read before stay allowed",
		"is empty or gone; the addresses read before stay allowed",
		"has shrunk to less than half; the addresses read before stay allowed for 7 days",
		"would allow the whole world: refused" };

	return (unsigned)t < sizeof texts / sizeof texts[0] ? texts[t] : "?";
}
