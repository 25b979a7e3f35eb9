/*
 * allow: who is never charged and never blocked (tier never). Three sources in
 * one prefix table: what is always in (private ranges, own networks, own MX and
 * relays), prefix files (one prefix a line, # comments), entries set by command.
 * Built off the request path and swapped whole. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_ALLOW_H
#define CORE_ALLOW_H
#include "base/prefix_table.h"
#include "core/conf.h"

#define ALLOW_MAX 1000000u /* prefixes in all */

enum allow_source { ALLOW_NONE = 0, ALLOW_OWN = 1, ALLOW_FILE = 2, ALLOW_COMMAND = 3 };

struct allow {
	struct prefix_table table;
	size_t count;
};

void allow_init(struct allow *a);
void allow_done(struct allow *a);
/* Own networks and hosts of the configuration. ERR_SYNTAX: an entry is no prefix (ret_bad names it, borrowed). */
enum err allow_add_own(struct allow *a, const struct conf *c, const char **ret_bad) MUST_USE;
enum err allow_add(struct allow *a, const struct prefix *p, enum allow_source source) MUST_USE;
/*
 * One line of a file. *ret_any false: blank or comment. ERR_SYNTAX: not a prefix.
 */
enum err allow_file_line(struct slice line, struct prefix *ret, bool *ret_any) MUST_USE;
enum err allow_seal(struct allow *a) MUST_USE;
/* Private addresses (base/ipaddr) are ALLOW_OWN whatever the table says. */
enum allow_source allow_find(const struct allow *a, const struct ipaddr *client);
/* Is any address of p allowed? */
bool allow_overlaps(const struct allow *a, const struct prefix *p);
const char *allow_source_name(enum allow_source s);

#endif /* CORE_ALLOW_H */
