/*
 * alias_map: how traps stand in Postfix's maps, and how they come back.
 *   exact trap    key trap@d    value trap=d=@limetwig.invalid
 *   whole domain  key @d        value @d.limetwig.invalid   (and d in the domain map)
 * The second "=" ends the domain: Postfix puts an unmatched extension behind it,
 * whatever recipient_delimiter is ("-" and "." stand in domains too).
 * The encoded recipient names the trap without anything the client can forge.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_ALIAS_MAP_H
#define CORE_ALIAS_MAP_H
#include "core/address.h"

#define ALIAS_MAP_DOMAIN "limetwig.invalid"
#define ALIAS_MAP_TEXT 400
#define ALIAS_MAP_FOREIGN "foreign" /* live check, instead of a parameter: the domain is not this server's */

/*
 * is_domain: a->text is "@d". ERR_SYNTAX: it needs quotes, or begins a comment
 * of the map; ERR_LIMIT: the encoded form is longer than an address may be.
 */
enum err alias_map_value(const struct address *a, bool is_domain, char to[ALIAS_MAP_TEXT]) MUST_USE;
/*
 * From the recipient of an LMTP copy, either form, an extension behind the
 * encoded trap included (trap=d=+ext@..., also without the second "="), back to the canonical trap address.
 * ERR_NOTFOUND: not in our domain (a rider); ERR_SYNTAX: in it, but malformed.
 */
enum err alias_map_decode(const struct address *rcpt, struct address *ret) MUST_USE;

#endif /* CORE_ALIAS_MAP_H */
