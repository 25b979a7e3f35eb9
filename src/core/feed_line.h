/*
 * feed_line: one line of an address list, in the formats that lists on the
 * Internet come in.
 *
 *   list     an address, prefix or range (a - b) a line; what follows behind a
 *            blank, comma, tab or one of # ; is not looked at. So: PSBL,
 *            blocklist.de, DROP as text, ipsum, netset, most others
 *   csv      the first column, quoted or not; a first line without an address is a heading
 *   json     one object a line (Spamhaus DROP): "cidr" or "ip"; others are skipped
 *   rbldnsd  ip4set, ip4trie, ip4tset, ip6trie, ip6tset: short forms, ranges, ! exclusions,
 *            lines with : and $ skipped
 *   ipset    "add NAME ADDRESS ..." as ipset save writes it
 *   spamd    lists for OpenBSD's spamd: as list, and 10/8
 *   cidr     a cidr: table of Postfix: ADDRESS ACTION; OK, DUNNO, PERMIT are left out (is_out)
 *
 * Stricter than what others do where that lost or invented entries: host bits
 * behind a prefix length are cut off, never taken for the end of a range; a range
 * needs two whole addresses; two addresses glued together are refused. What is
 * refused comes with a reason. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_FEED_LINE_H
#define CORE_FEED_LINE_H
#include "base/ipaddr.h"

#define FEED_LINE_MAX 2000 /* longer lines are refused */

enum feed_format {
	FEED_AUTO = 0, /* only for feed_format_guess's callers */
	FEED_LIST,
	FEED_CSV,
	FEED_JSON,
	FEED_RBLDNSD,
	FEED_IPSET,
	FEED_SPAMD,
	FEED_CIDR,
	FEED_FORMATS
};

enum feed_kind { FEED_NOTHING, FEED_ENTRY, FEED_REFUSED };

struct feed_line {
	enum feed_kind kind;
	struct ipaddr first, last; /* of an entry, inclusive, one family */
	bool is_out;               /* take these out */
	const char *reason;        /* of what is refused, for people */
};

/* Names as above, and "auto". False: no such format. */
bool feed_format_parse(const char *name, enum feed_format *ret);
const char *feed_format_name(enum feed_format f);
/* By the first lines of a list (a few kB of it will do). LIST where nothing else is clear. */
enum feed_format feed_format_guess(struct slice head);
/* line without its LF; number from 1. f is not AUTO. */
void feed_line_parse(enum feed_format f, struct slice line, unsigned number, struct feed_line *ret);

#endif /* CORE_FEED_LINE_H */
