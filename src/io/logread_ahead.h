/*
 * logread_ahead: unpacks a file in a thread of its own, some pieces ahead of
 * who reads it: unpacking costs as much as what is done with the text. Part of
 * io/logread. Owns its thread; the file stays the caller's, who must not touch
 * it until the last piece came or the thread is stopped.
 *
 * Not for pipes: a thread that waits for a pipe cannot be stopped.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_LOGREAD_AHEAD_H
#define IO_LOGREAD_AHEAD_H
#include "base/slice.h"

#include <stdint.h>
#include <zlib.h>

#define LOGREAD_PIECE 65536
#define LOGREAD_PIECES 4 /* in memory, one of them with the reader */

struct logread_ahead;

/* NULL: no memory, or no thread to be had. */
struct logread_ahead *logread_ahead_start(gzFile file);
void logread_ahead_stop(struct logread_ahead *a);
/* What gzread gives; the bytes are good until the next call. 0 or less: the last piece; it stays so. */
int logread_ahead_next(struct logread_ahead *a, struct slice *ret);
/* How far of the packed file the thread was behind this piece. */
uint64_t logread_ahead_position(const struct logread_ahead *a);

#endif /* IO_LOGREAD_AHEAD_H */
