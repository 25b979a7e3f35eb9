/*
 * dnsbl_list: who is in the zone now, and why: the live blocks (read along,
 * core/block_share) and the sets of the feeds, less the holes: who is never
 * blocked is never listed, whoever lists him. While blocks do not act (mode
 * monitor, off) nobody is. Several look-ups, no copy of anything. The memory
 * of the areas is the caller's. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNSBL_LIST_H
#define CORE_DNSBL_LIST_H
#include "core/block_share.h"
#include "core/conf.h"
#include "core/feed_area.h"
#include "core/message.h"

#define DNSBL_REASONS 8   /* of one host; more are left out */
#define DNSBL_CODE_FEED 3 /* of a block by a feed whose set does not name the host (any more) */

enum dnsbl_why { DNSBL_BY_HIT = 0, DNSBL_BY_PERSON, DNSBL_BY_WIDE, DNSBL_BY_FEED, DNSBL_BY_TEST };

struct dnsbl_reason {
	enum dnsbl_why why;
	uint8_t code;               /* 127.0.0.CODE */
	uint32_t left_s;            /* a block: until it ends; 0: no end is known */
	char case_id[CASE_ID_TEXT]; /* a block; "" */
	const char *feed;           /* its name; NULL */
};

struct dnsbl_listing {
	unsigned count; /* 0: not listed */
	struct dnsbl_reason reason[DNSBL_REASONS];
};

struct dnsbl_feed {
	struct feed_area area;
	char name[CONF_TITLE];
	uint8_t code;
	bool is_used;
};

struct dnsbl_list {
	bool is_acting, has_view, has_holes;
	struct block_view view;
	struct feed_area holes;
	unsigned feeds; /* places in use end here */
	struct dnsbl_feed feed[FEEDS_MAX];
	uint8_t code_hit, code_person, code_wide;
};

/* Who made a block with these flags (enum block_flag). */
enum dnsbl_why dnsbl_why_of(unsigned flags);
/* feed_area_warm for all that is looked at. */
void dnsbl_list_warm(const struct dnsbl_list *l, const struct ipaddr *host, unsigned step);
/* The test entry too. */
void dnsbl_list_find(const struct dnsbl_list *l, const struct ipaddr *host, uint64_t now, struct dnsbl_listing *ret);

#endif /* CORE_DNSBL_LIST_H */
