/*
 * feed_view: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/feed_view.h"

bool feed_view_has(const struct feed_view *v, unsigned i, const struct ipaddr *client, struct feed_match *ret)
{
	struct feed_match m = { .feed = i };

	if (i >= v->count || !v->feed[i].is_used || !feed_area_find(&v->feed[i].area, client, &m.prefix))
		return false;
	*ret = m;
	return true;
}

bool feed_view_blocks(const struct feed_view *v, const struct ipaddr *client, struct feed_match *ret)
{
	if (!feed_gate_may_have(&v->gate, client))
		return false;
	/* the cold places of all lists are fetched at the same time, not one after the other */
	for (unsigned step = 0; step < 2; step++)
		for (unsigned i = 0; i < v->count; i++)
			if (feed_one_blocks(&v->feed[i]))
				feed_area_warm(&v->feed[i].area, client, step);
	for (unsigned i = 0; i < v->count; i++)
		if (feed_one_blocks(&v->feed[i]) && feed_view_has(v, i, client, ret))
			return true;
	return false;
}

bool feed_view_allows(const struct feed_view *v, const struct ipaddr *client, struct feed_match *ret)
{
	struct feed_match m;

	for (unsigned i = 0; i < v->count; i++) {
		if (v->feed[i].action != FEED_ACTION_ALLOW || !feed_view_has(v, i, client, &m))
			continue;
		if (ret)
			*ret = m;
		return true;
	}
	return false;
}

bool feed_view_allows_some(const struct feed_view *v, const struct prefix *p)
{
	for (unsigned i = 0; i < v->count; i++)
		if (v->feed[i].is_used && v->feed[i].action == FEED_ACTION_ALLOW &&
			feed_area_overlaps(&v->feed[i].area, p))
			return true;
	return false;
}

double feed_view_score(const struct feed_view *v, const struct prefix *p)
{
	double sum = 0;

	for (unsigned i = 0; i < v->count; i++)
		if (v->feed[i].is_used && v->feed[i].action == FEED_ACTION_SCORE &&
			feed_area_overlaps(&v->feed[i].area, p))
			sum += v->feed[i].weight;
	return sum;
}
