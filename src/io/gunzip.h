/*
 * gunzip: what is packed with gzip becomes what it was, in memory. Several
 * members one behind the other are one text, as zcat has it. The cap of the
 * output is the limit: a small piece that unpacks without end is refused.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_GUNZIP_H
#define IO_GUNZIP_H
#include "base/buf.h"

/* By its first bytes. */
bool gunzip_is_packed(struct slice s);
/*
 * Adds to *to. ERR_LIMIT: more than its cap; ERR_SYNTAX: broken, or cut off;
 * ERR_NOMEM. On failure part of it may have been added.
 */
enum err gunzip_all(struct slice packed, struct buf *to) MUST_USE;

#endif /* IO_GUNZIP_H */
