/*
 * xtext: the encoding of values in XFORWARD and DSN parameters (RFC 3461 4):
 * "+" and two hexadecimal digits stand for a byte, all else for itself. Pure.
 * The decoded bytes are foreign and may hold control characters, never NUL.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_XTEXT_H
#define CORE_XTEXT_H
#include "base/err.h"
#include "base/slice.h"

/*
 * Decode s into to[size], NUL-terminated. ERR_SYNTAX: "+" without two digits,
 * "+00", a raw control character or blank; ERR_LIMIT: does not fit. On failure
 * to holds "".
 */
enum err xtext_decode(struct slice s, char *to, size_t size) MUST_USE;

#endif /* CORE_XTEXT_H */
