/*
 * feed_view: the feeds that act now, and what they say of one client. Which
 * feed does what:
 *   block, tarpit  with layer policy: the first contact makes a block
 *   score          its weight counts at a hit
 *   allow          as tier never
 *   list           nothing here (zone and exports only)
 * Sets are core/feed_area, where they lie; their memory is the owner's. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_FEED_VIEW_H
#define CORE_FEED_VIEW_H
#include "core/conf.h"
#include "core/feed_gate.h"
#include "core/message.h"

struct feed_one {
	struct feed_area area; /* empty: nothing of it acts */
	bool is_used;
	enum conf_feed_action action;
	unsigned layers; /* FEED_LAYER_... */
	double weight;   /* SCORE */
};

struct feed_view {
	unsigned count; /* entries behind are unused */
	struct feed_one feed[FEEDS_MAX];
	struct feed_gate gate; /* over all feeds that block at first contact */
};

struct feed_match {
	unsigned feed;        /* which */
	struct prefix prefix; /* the one that holds the client */
};

/* Does this feed block at first contact? */
static inline bool feed_one_blocks(const struct feed_one *f)
{
	return f->is_used && (f->layers & FEED_LAYER_POLICY) &&
	       (f->action == FEED_ACTION_BLOCK || f->action == FEED_ACTION_TARPIT);
}

/* The first feed that blocks him. For every recipient of every mail. */
bool feed_view_blocks(const struct feed_view *v, const struct ipaddr *client, struct feed_match *ret);
/* Feed i, if it has him. */
bool feed_view_has(const struct feed_view *v, unsigned i, const struct ipaddr *client, struct feed_match *ret);
/* The first feed that allows him. ret may be NULL. */
bool feed_view_allows(const struct feed_view *v, const struct ipaddr *client, struct feed_match *ret);
/* Does a feed allow any address of p? */
bool feed_view_allows_some(const struct feed_view *v, const struct prefix *p);
/* The weights of all score feeds that have an address of p. */
double feed_view_score(const struct feed_view *v, const struct prefix *p);

#endif /* CORE_FEED_VIEW_H */
