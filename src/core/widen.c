/*
 * widen: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/widen.h"

#include "core/decide.h"
#include "core/subject.h"

static const uint8_t steps4[WIDEN_STEPS] = { 24, 0 };
static const uint8_t steps6[WIDEN_STEPS] = { 56, 48 };

unsigned widen_networks(const struct prefix *subject, struct prefix ret[WIDEN_STEPS])
{
	const uint8_t *step = subject->addr.family == 4 ? steps4 : steps6;
	unsigned n = 0;

	if (subject->addr.family == 0 || subject_is_identity(subject))
		return 0;
	for (unsigned i = 0; i < WIDEN_STEPS; i++)
		if (step[i] && step[i] < subject->len)
			ret[n++] = prefix_of(&subject->addr, step[i]);
	return n;
}

void widen_start(struct widen *w, const struct prefix *network)
{
	*w = (struct widen){ .network = *network };
}

enum err widen_start_domain(struct widen *w, const struct prefix *identity, const char *label, const char *sender)
{
	struct slice s = slice_str(sender), domain = slice_from(s, slice_rfind(s, '@') + 1);

	if (domain.n == 0 || domain.n >= sizeof w->domain || !label[0] || strlen(label) >= sizeof w->label)
		return ERR_SYNTAX;
	widen_start(w, identity);
	slice_copy(slice_str(label), w->label, sizeof w->label);
	slice_copy(domain, w->domain, sizeof w->domain);
	return ERR_OK;
}

static bool is_of_domain(const struct widen *w, const struct record_block *b)
{
	struct slice sender = slice_str(b->sender);
	size_t at = slice_rfind(sender, '@');

	return subject_is_identity(&b->subject) && at > 0 && strcmp(b->name, w->label) == 0 &&
	       slice_eq_nocase(slice_from(sender, at + 1), slice_str(w->domain));
}

static bool is_inside(const struct widen *w, const struct record_block *b)
{
	if (w->label[0])
		return is_of_domain(w, b);
	return b->subject.len > w->network.len && prefix_has(&w->network, &b->subject.addr);
}

/* Add v to a short list of distinct numbers, as long as there is room. */
static void add_distinct(uint32_t *list, uint32_t *n, uint32_t room, uint32_t v)
{
	for (uint32_t i = 0; i < *n; i++)
		if (list[i] == v)
			return;
	if (*n < room)
		list[(*n)++] = v;
}

void widen_add(struct widen *w, const struct record_block *b, uint64_t now)
{
	if (b->cause != CAUSE_HIT || !decide_block_is_active(b, now) || !is_inside(w, b))
		return;
	if (w->subjects++ == 0 || b->since < w->first)
		w->first = b->since;
	if (b->since > w->last)
		w->last = b->since;
	if (b->until > w->until)
		w->until = b->until;
	add_distinct(w->trap_id, &w->traps, WIDEN_TRAPS, b->trap_id);
	add_distinct(w->part, &w->parts, WIDEN_HOSTS6, 1u + b->subject.addr.b[6]);
}

void widen_veto(struct widen *w)
{
	w->is_vetoed = true;
}

bool widen_is_due(const struct widen *w, uint64_t now, uint64_t *ret_until)
{
	uint32_t need = w->label[0] ? WIDEN_SENDERS : w->network.addr.family == 4 ? WIDEN_HOSTS4 : WIDEN_HOSTS6;

	if (w->is_vetoed || w->subjects < need || w->traps < WIDEN_TRAPS || w->last < w->first + WIDEN_SPREAD_S)
		return false;
	if (w->network.len == 48 && w->network.addr.family == 6 && w->parts < WIDEN_HOSTS6)
		return false;
	*ret_until = w->until < now + WIDEN_MAX_S ? w->until : now + WIDEN_MAX_S;
	return true;
}
