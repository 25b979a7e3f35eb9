/*
 * feed_clean: a list of addresses from outside, as it came, becomes the set
 * that may be used. Refused, each with its line and a reason, are lines that
 * are no entry (core/feed_line), addresses that are no host on the Internet,
 * documentation ranges, and whatever is wider than anybody can mean. A refused
 * line costs nothing but itself.
 *
 * Pure. The set is the caller's.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_FEED_CLEAN_H
#define CORE_FEED_CLEAN_H
#include "base/prefix_set.h"
#include "core/feed_line.h"

#define FEED_WIDEST_IPV4 16 /* prefix length; a feed's own setting may be shorter */
#define FEED_WIDEST_IPV6 32
#define FEED_REFUSED_KEPT 1000 /* refused lines that are kept with text */
#define FEED_REFUSED_TEXT 60

struct feed_rules {
	enum feed_format format; /* AUTO: by its first lines */
	unsigned widest_ipv4, widest_ipv6;
	bool is_documentation_allowed; /* RFC 5737, RFC 3849: tests alone */
	bool is_spamd_white;           /* every entry is to be left out */
};

struct feed_refused {
	unsigned line;
	const char *reason;
	char text[FEED_REFUSED_TEXT]; /* its begin, printable */
};

struct feed_report {
	enum feed_format format;
	unsigned lines, entries, exclusions, refused; /* entries: with exclusions */
	struct feed_refused *first;                   /* the first FEED_REFUSED_KEPT; feed_report_done */
	unsigned kept;
};

/* ret: the rules of DESIGN; AUTO. */
void feed_rules_init(struct feed_rules *ret);
/*
 * Adds to set, which must be open, and to *report, which must be zeroed or of
 * lists before: line numbers begin anew. ERR_NOMEM, ERR_LIMIT (base/prefix_set):
 * part of it is added.
 */
enum err feed_clean(
	struct slice text, const struct feed_rules *rules, struct prefix_set *set, struct feed_report *report) MUST_USE;
void feed_report_done(struct feed_report *r);

#endif /* CORE_FEED_CLEAN_H */
