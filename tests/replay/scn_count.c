/*
 * scn_count: connections of spammers and mail of good senders, as we treat
 * them, and as the recipe does that many sites run: one RCPT to a trap, by
 * whomever and however, closes the port to that address for 24 hours.
 * SPDX-License-Identifier: ISC
 */
#include "scn.h"

#include <stdlib.h>
#include <string.h>

#define RECIPE_S 86400
#define RECIPE_SLOTS (1u << 17) /* addresses at most; a power of two, never more than half full */

struct entry {
	struct ipaddr client;
	uint64_t until;
};

static struct {
	struct entry *entry;
	size_t used;
	struct scn_counts counts;
	bool is_refused; /* the message under way, by the recipe */
} state;

void scn_count_reset(void)
{
	if (!state.entry)
		state.entry = calloc(RECIPE_SLOTS, sizeof *state.entry);
	if (!state.entry)
		abort();
	if (state.used)
		memset(state.entry, 0, RECIPE_SLOTS * sizeof *state.entry);
	state.used = 0;
	state.counts = (struct scn_counts){ 0 };
}

static struct entry *entry_of(const struct ipaddr *client)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	size_t i;

	for (size_t k = 0; k < sizeof client->b; k++)
		h = (h ^ client->b[k]) * 16777619u;
	for (i = h % RECIPE_SLOTS; state.entry[i].client.family; i = (i + 1) % RECIPE_SLOTS)
		if (ipaddr_eq(&state.entry[i].client, client))
			return &state.entry[i];
	if (++state.used > RECIPE_SLOTS / 2)
		abort();
	state.entry[i].client = *client;
	return &state.entry[i];
}

void scn_count_recipe(const struct scn_mail *m, bool has_trap, uint64_t now)
{
	struct entry *e;

	state.is_refused = false;
	if (m->client.family == 0)
		return;
	e = entry_of(&m->client);
	state.is_refused = now < e->until;
	if (!state.is_refused && has_trap)
		e->until = now + RECIPE_S;
}

void scn_count_mail(const struct scn_mail *m)
{
	struct scn_counts *c = &state.counts;
	if (m->kind == SCN_SPAM) {
		c->spam++;
		c->spam_refused += m->outcome != SCN_ACCEPTED && m->outcome != SCN_BY_POSTFIX;
		c->spam_recipe += state.is_refused;
	}
	if (m->kind == SCN_GOOD && m->people) {
		c->good++;
		c->good_refused += m->people_refused > 0;
		c->good_recipe += state.is_refused;
	}
}

const struct scn_counts *scn_count_get(void)
{
	return &state.counts;
}
