/*
 * encoded_word: a header value as people read it: encoded words (RFC 2047)
 * taken apart, as UTF-8. Known charsets: UTF-8, US-ASCII, ISO-8859-1, -15 and
 * windows-1252; of any other the bytes stay as they are. What is malformed
 * stays as it stands. For matching only, never for show. Pure, linear.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_ENCODED_WORD_H
#define CORE_ENCODED_WORD_H
#include "base/slice.h"

/* Into to[size], cut to fit, NUL-terminated; returns the length. */
size_t encoded_word_decode(struct slice s, char *to, size_t size);

#endif /* CORE_ENCODED_WORD_H */
