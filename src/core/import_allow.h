/*
 * import_allow: lists of good clients of other systems, as lines of our allow
 * files (core/allow).
 *
 *   list      as in our files: 192.0.2.0/24, name:mail.example.org, spf:example.org
 *   access    Postfix access(5) for clients, hash source or cidr table: what it
 *             lets through (OK, DUNNO, PERMIT ...). A domain stands for itself and
 *             all below, as parent_domain_matches_subdomains has it by default
 *   postgrey  whitelist_clients: domains (and all below), addresses, networks
 *   spamdb    output of OpenBSD's spamdb: WHITE|address|... spamd made them by
 *             itself, to last 36 days without mail: those that have ended are
 *             left out, the others become lines without end
 *
 * A prefix wider than /8 (IPv4) or /19 (IPv6) is refused: it is a mistake, or
 * somebody's. Pure; no entry is kept.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_IMPORT_ALLOW_H
#define CORE_IMPORT_ALLOW_H
#include "core/import_trap.h"

#include <stdint.h>

enum import_allow_from { ALLOW_FROM_LIST, ALLOW_FROM_ACCESS, ALLOW_FROM_POSTGREY, ALLOW_FROM_SPAMDB };

bool import_allow_from_parse(const char *name, enum import_allow_from *ret);
/* As import_traps: each entry's text is a line of an allow file. now: Unix seconds. */
enum err import_allow(enum import_allow_from from, struct slice text, uint64_t now, import_fn fn, void *ctx,
	unsigned *ret_others) MUST_USE;

#endif /* CORE_IMPORT_ALLOW_H */
