/*
 * export_list: our list as it goes out in files: the live blocks and what
 * feeds list, less the holes, as disjoint prefixes in the order of their
 * addresses, IPv4 first. The longest block wins over wider ones, a block over
 * a feed, an earlier feed over a later one. What can be nobody's mail server
 * (this host, IPv4 in IPv6 form) is never in it. Reads a snapshot; pure; one
 * pass, without a copy.
 *
 * Cost: for each border of a run a look at each feed.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_EXPORT_LIST_H
#define CORE_EXPORT_LIST_H
#include "base/prefix_set.h"
#include "core/block_share.h"
#include "core/conf.h"
#include "core/feed_area.h"

#define EXPORT_FEEDS FEEDS_MAX
#define EXPORT_NEST 130 /* prefixes that hold the same address at most */

struct export_feed {
	struct prefix_set set; /* sealed */
	char name[CONF_TITLE];
	uint8_t code; /* 127.0.0.CODE */
};

/* What is exported; owns all of it. Zeroed: nothing. */
struct export_source {
	struct block_entry *block;
	size_t blocks, room;
	struct export_feed *feed[EXPORT_FEEDS];
	size_t feeds;
	struct prefix_set holes; /* sealed by export_source_seal */
	uint64_t now;
};

struct export_entry {
	struct prefix prefix;
	const struct block_entry *block; /* NULL: only a feed has it */
	const struct export_feed *feed;  /* of a feed, or of a block that a feed made; may be NULL for a block */
};

/* Each: ERR_NOMEM; ERR_LIMIT: EXPORT_FEEDS, PREFIX_SET_MAX. Nothing is added after seal. */
enum err export_source_blocks(struct export_source *s, const struct block_entry *e, size_t n) MUST_USE;
enum err export_source_feed(
	struct export_source *s, const struct feed_area *a, const char *name, uint8_t code) MUST_USE;
enum err export_source_holes(struct export_source *s, const struct feed_area *a) MUST_USE;
/* Orders it; drops blocks that are over at s->now, and double ones. */
enum err export_source_seal(struct export_source *s) MUST_USE;
void export_source_done(struct export_source *s);

/* Return false to stop. */
typedef bool (*export_list_fn)(void *ctx, const struct export_entry *e);
/*
 * is_set: nobody asks for the reason, so what touches is one: the fewest
 * prefixes; entries have no block and no feed then.
 */
void export_list_each(const struct export_source *s, bool is_set, export_list_fn fn, void *ctx);
/* When a block of it is over next; UINT64_MAX: none has an end. */
uint64_t export_source_end(const struct export_source *s);

#endif /* CORE_EXPORT_LIST_H */
