/*
 * escape: foreign bytes made fit for a log line or a terminal. Printable
 * ASCII but for backslash and double quote stays; all else becomes \xNN.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H
#include "base/slice.h"

/* Into to[size], cut with "..." where it does not fit, NUL-terminated. Returns to. size >= 8. */
const char *escape_text(struct slice s, char *to, size_t size);

#endif /* BASE_ESCAPE_H */
