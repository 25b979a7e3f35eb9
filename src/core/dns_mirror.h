/*
 * dns_mirror: what the primary server's zone has beside what it should have,
 * name by name, and the fewest changes from the one to the other. What it
 * should have is our list (core/export_list) and the test entries of RFC 5782;
 * what it has is known by a transfer of the zone, and by the changes that it
 * has confirmed since. Only names that are addresses (core/dns_owner), and of
 * them only A and TXT, are ours. Pure; owns its memory, about 50 bytes a name
 * and twice that while it grows.
 *
 * Limits: DNS_MIRROR_FEED_NAMES that only feeds list, further ones are left
 * out and counted; DNS_MIRROR_NAMES in all; DNS_MIRROR_FLIGHT names in one batch.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_MIRROR_H
#define CORE_DNS_MIRROR_H
#include "base/prefix_map.h"
#include "core/dns_update.h"
#include "core/export_list.h"

#define DNS_MIRROR_FEED_NAMES 1000000u
#define DNS_MIRROR_NAMES 4000000u
#define DNS_MIRROR_FLIGHT 1024
#define DNS_MIRROR_BATCH 45056 /* bytes of a message that are enough to send it */

struct dns_mirror {
	struct prefix_map names;
	const struct conf *conf; /* the caller's, of the last begin */
	size_t cap, cap_feeds;
	size_t wanted, left_out; /* names, at the last begin */
	size_t wanted_feeds;     /* of wanted: those that only feeds list */
	bool is_cut;             /* the server has names that did not fit: transfer it again after the changes */
	uint64_t at;             /* of the walk for changes */
	bool is_left;            /* the batch was full before the walk's end */
	bool is_first;           /* this walk is for the names of blocks alone */
	char feed[EXPORT_FEEDS][CONF_TITLE];
	unsigned feeds;
	struct {
		struct prefix p;
		uint32_t content;
	} flight[DNS_MIRROR_FLIGHT];
	unsigned flights;
};

/* Empty: nothing wanted, nothing there. */
void dns_mirror_init(struct dns_mirror *m, const uint8_t key[SIPHASH_KEY]);
void dns_mirror_done(struct dns_mirror *m);

/* What it should have from now on; s: sealed, or NULL: the test entries alone. Its time is s->now. */
void dns_mirror_want(struct dns_mirror *m, const struct export_source *s, const struct conf *c);

/* A transfer of the zone: begin, each record, and it counts; one that fails begins anew before anything else. */
void dns_mirror_sync_begin(struct dns_mirror *m);
void dns_mirror_sync_record(void *ctx, const struct prefix *p, unsigned type, struct slice data);

enum dns_mirror_step {
	DNS_MIRROR_SEND, /* the message is worth sending */
	DNS_MIRROR_MORE, /* nothing to send yet; budget is used up */
	DNS_MIRROR_EVEN, /* all has been looked at, and there is nothing to send */
};
/*
 * Adds changes to a message that has just begun; budget: names looked at
 * without finding one, some more. No batch may be under way.
 */
enum dns_mirror_step dns_mirror_fill(struct dns_mirror *m, struct dns_update *u, uint64_t now, size_t budget);
/* What has become of that message: the server has taken it, has not, or nobody knows (then it is sent again). */
enum dns_mirror_fate { DNS_MIRROR_TAKEN, DNS_MIRROR_REFUSED, DNS_MIRROR_UNKNOWN };
void dns_mirror_settle(struct dns_mirror *m, enum dns_mirror_fate fate);

#endif /* CORE_DNS_MIRROR_H */
