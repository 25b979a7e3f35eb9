/*
 * address: mail addresses as Postfix compares them. Canonical form: domain and
 * local part in ASCII lower case, quotes around the local part removed, source
 * route (@a,@b:) removed, one trailing dot of the domain removed. UTF-8 bytes
 * stay. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_ADDRESS_H
#define CORE_ADDRESS_H
#include "base/err.h"
#include "base/slice.h"

#define ADDRESS_TEXT 320 /* 64 + 1 + 254 and NUL, RFC 5321 4.5.3.1 */

struct address {
	char text[ADDRESS_TEXT]; /* canonical, NUL-terminated; "" is the null sender */
	struct slice local;      /* of text; with extension */
	struct slice domain;     /* of text; empty: unqualified */
};

/*
 * s: without angle brackets or in them; "" and "<>" give the empty address.
 * ERR_LIMIT too long; ERR_SYNTAX: control characters, blanks outside quotes, empty local part.
 * The slices of *ret point into *ret: copy the struct only with address_copy.
 */
enum err address_parse(struct slice s, struct address *ret) MUST_USE;
void address_copy(const struct address *from, struct address *to);
/*
 * The same address without its extension (first of the delimiter characters in
 * the local part, not at its start), into to. False: there is none.
 */
bool address_strip_extension(const struct address *a, const char *delimiters, struct address *to);
/* Does a local part need no quotes for this byte? RFC 5321 Dot-string, in canonical form; UTF-8 too. */
bool address_is_atom(char c);
/* Local part that must never be a trap: postmaster, abuse, hostmaster, webmaster ... (RFC 2142), mailer-daemon, root. */
bool address_is_role(const struct address *a);

#endif /* CORE_ADDRESS_H */
