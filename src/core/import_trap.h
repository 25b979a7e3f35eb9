/*
 * import_trap: lists of spam traps of other systems, as lines of our trap files.
 *
 *   list     one trap a line, as in our files
 *   access   Postfix access(5) for recipients: hash sources, regexp and pcre
 *            tables, with DISCARD, REDIRECT, REJECT or a 5xx. A pattern for one
 *            address or one domain becomes that; others stay patterns, which on
 *            a living domain only count recipients that Postfix refused
 *   rspamd   maps of its spamtrap module: addresses, or /patterns/ with flags
 *   policyd  SQL of policyd v1: INSERT INTO spamtrap; not active: only watching
 *   spamdb   output of OpenBSD's spamdb: SPAMTRAP|address
 *
 * Each entry comes with its line; what cannot become a trap comes with a reason
 * for people, without the address. Pure; no entry is kept.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_IMPORT_TRAP_H
#define CORE_IMPORT_TRAP_H
#include "base/buf.h"

#define IMPORT_LINE 2000     /* longest entry */
#define IMPORT_LOGICAL 65536 /* a line of an access map with those that continue it */

enum import_from { IMPORT_LIST, IMPORT_ACCESS, IMPORT_RSPAMD, IMPORT_POLICYD, IMPORT_SPAMDB };

struct import_entry {
	unsigned line;       /* from 1 */
	struct slice text;   /* a line for a trap file; good during the call */
	const char *refused; /* NULL, or why not */
};

typedef enum err (*import_fn)(const struct import_entry *e, void *ctx);

/* False: not one of these names. */
bool import_from_parse(const char *name, enum import_from *ret);
/*
 * All entries of text, in order. *ret_others: entries that are no traps by
 * their own word (OK in an access map, WHITE of spamdb). ERR_NOMEM; ERR_LIMIT: a
 * line of an access map that goes on for more than IMPORT_LOGICAL bytes; or the
 * first error of fn.
 */
enum err import_traps(enum import_from from, struct slice text, import_fn fn, void *ctx, unsigned *ret_others) MUST_USE;

#endif /* CORE_IMPORT_TRAP_H */
