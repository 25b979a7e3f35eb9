/*
 * conf_value: one value of the configuration from text into struct conf and
 * back, by its line in the table of keys. Reasons name the remedy. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONF_VALUE_H
#define CORE_CONF_VALUE_H
#include "core/conf_keys.h"

#define CONF_REASON 400

/*
 * Set a scalar (index 0) or item number index of a list; index 0 empties the
 * list first. ERR_SYNTAX, ERR_LIMIT, ERR_VERSION (a value that a later version
 * will know): text says why and what then ("\"24x\" is no duration (like 24h,
 * 7d)"); *c is as before.
 */
enum err conf_value_set(
	const struct conf_key *k, struct slice value, unsigned index, struct conf *c, char text[CONF_REASON]) MUST_USE;
/* An empty list. */
void conf_value_clear(const struct conf_key *k, struct conf *c);
/* The value as a file has it: 24h, "text", { a, b }. ERR_LIMIT, ERR_NOMEM. */
enum err conf_value_print(const struct conf_key *k, const struct conf *c, struct buf *to) MUST_USE;
/* conf_check.c: what the keys say to each other (first <= max ...). ERR_SYNTAX: *ret_key is where to look, text why. */
enum err conf_value_check(const struct conf *c, const struct conf_key **ret_key, char text[CONF_REASON]) MUST_USE;

#endif /* CORE_CONF_VALUE_H */
