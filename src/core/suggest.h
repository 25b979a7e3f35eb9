/*
 * suggest: addresses that would make good traps, out of mail logs: unknown
 * here, but tried from many unrelated networks (/24, /64) with different
 * senders, on more than one day.
 *
 * Left out, each counted: role addresses; what was delivered to in the log (a
 * living or former user); what is near somebody living: two edits or fewer in
 * the same domain, the same name in another of our domains, or with dots,
 * hyphens, extension or the order of its parts changed; what is mostly tried by
 * the empty sender (somebody forges it: it would gather bounces). Only addresses
 * that Postfix itself called unknown count, so only domains it is final for. What
 * was before the log begins, it cannot know.
 *
 * Pure but for memory. Caps: SUGGEST_CANDIDATES (those seen from one network
 * and not lately make room, else new ones are counted as lost), SUGGEST_LIVE
 * (beyond it nothing is suggested: a near miss could not be told).
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_SUGGEST_H
#define CORE_SUGGEST_H
#include "core/replay_log.h"

#define SUGGEST_CANDIDATES 300000
#define SUGGEST_LIVE 1000000
#define SUGGEST_NETWORKS 5 /* at least so many */
#define SUGGEST_SENDERS 3
#define SUGGEST_DAYS 2 /* where the log has more than SUGGEST_LONG_S */
#define SUGGEST_LONG_S (2 * 86400)
#define SUGGEST_EDITS 2

struct suggest_item {
	const char *address;        /* canonical; good until suggest_free */
	uint32_t networks, senders; /* above 15 an estimate */
	uint32_t tries, days;
	uint64_t first, last;
};

struct suggest_found {
	struct suggest_item *item; /* best first; free() */
	size_t count;
	uint64_t first, last; /* of the log */
	/* looked at, and why the others are not in it */
	uint64_t candidates, too_few, live, role, near, bounces;
	uint64_t lost;      /* beyond SUGGEST_CANDIDATES */
	uint64_t live_lost; /* beyond SUGGEST_LIVE */
};

struct suggest;

/* delimiters: recipient_delimiter, copied. NULL: no memory. */
struct suggest *suggest_new(const uint8_t key[SIPHASH_KEY], const char *delimiters);
void suggest_free(struct suggest *s);
/* A line as parsed: deliveries tell who lives. ERR_NOMEM. */
enum err suggest_line(struct suggest *s, const struct maillog_line *l) MUST_USE;
/* A replay_log_fn: ctx is the suggest. */
void suggest_event(const struct replay_event *e, void *ctx);
/* Somebody who lives, from elsewhere (a list of users); without domain: a name at each of ours. ERR_NOMEM. */
enum err suggest_add_live(struct suggest *s, struct slice address) MUST_USE;
/* At most limit. ERR_LIMIT: too many living addresses to tell near misses; ERR_NOMEM. */
enum err suggest_find(struct suggest *s, size_t limit, struct suggest_found *ret) MUST_USE;

/* The edits (insert, delete, change, swap of neighbours) between a and b, most + 1 for more. */
unsigned suggest_edits(struct slice a, struct slice b, unsigned most);

#endif /* CORE_SUGGEST_H */
