/*
 * dnsbl_list: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dnsbl_list.h"

#include "core/dnsbl_zone.h"

/* NULL: there is no more room. */
static struct dnsbl_reason *add(struct dnsbl_listing *r, enum dnsbl_why why, unsigned code)
{
	struct dnsbl_reason *to = &r->reason[r->count];

	if (r->count == DNSBL_REASONS)
		return NULL;
	*to = (struct dnsbl_reason){ .why = why, .code = (uint8_t)code };
	r->count++;
	return to;
}

static void add_feeds(const struct dnsbl_list *l, const struct ipaddr *host, struct dnsbl_listing *r)
{
	for (unsigned i = 0; i < l->feeds; i++) {
		const struct dnsbl_feed *f = &l->feed[i];
		struct dnsbl_reason *to;

		if (!f->is_used || !feed_area_find(&f->area, host, NULL))
			continue;
		to = add(r, DNSBL_BY_FEED, f->code);
		if (to)
			to->feed = f->name;
	}
}

enum dnsbl_why dnsbl_why_of(unsigned flags)
{
	return flags & BLOCK_BY_PERSON ? DNSBL_BY_PERSON
	       : flags & BLOCK_BY_WIDE ? DNSBL_BY_WIDE
	       : flags & BLOCK_BY_FEED ? DNSBL_BY_FEED
				       : DNSBL_BY_HIT;
}

static void add_block(const struct dnsbl_list *l, const struct block_entry *e, uint64_t now, struct dnsbl_listing *r)
{
	const uint8_t code[] = { [DNSBL_BY_HIT] = l->code_hit,
		[DNSBL_BY_PERSON] = l->code_person,
		[DNSBL_BY_WIDE] = l->code_wide,
		[DNSBL_BY_FEED] = DNSBL_CODE_FEED };
	enum dnsbl_why why = dnsbl_why_of(e->flags);
	struct dnsbl_reason *to;

	if (why == DNSBL_BY_FEED && r->count) /* the block is the feed's: one reason */
		to = &r->reason[0];
	else
		to = add(r, why, code[why]);
	if (!to)
		to = &r->reason[DNSBL_REASONS - 1];
	memcpy(to->case_id, e->case_id, sizeof to->case_id);
	/* as a sender is told: an end that moved would tell that mail to a trap came since */
	to->left_s = (uint32_t)(block_entry_end(e, now) - now);
}

void dnsbl_list_warm(const struct dnsbl_list *l, const struct ipaddr *host, unsigned step)
{
	feed_area_warm(&l->holes, host, step);
	for (unsigned i = 0; i < l->feeds; i++)
		feed_area_warm(&l->feed[i].area, host, step);
}

void dnsbl_list_find(const struct dnsbl_list *l, const struct ipaddr *host, uint64_t now, struct dnsbl_listing *ret)
{
	struct block_entry e;

	ret->count = 0;
	if (host->family == 4 && host->b[0] == 127) {
		if (dnsbl_zone_is_test(host))
			(void)add(ret, DNSBL_BY_TEST, l->code_hit);
		return;
	}
	/* before holes have come nobody knows whom they spare */
	if (!l->is_acting || !l->has_holes || feed_area_find(&l->holes, host, NULL))
		return;
	add_feeds(l, host, ret);
	if (l->has_view && block_view_find(&l->view, host, now, &e) && !(e.flags & BLOCK_NO_DNSBL))
		add_block(l, &e, now, ret);
}
