/*
 * logread: a log file from its beginning to its end, line by line: plain or
 * gzip (zlib; several members, as logrotate and zcat know them), "-" for
 * standard input. For files that do not change; io/logtail follows those that
 * do. Lines longer than LINE_SPLIT_MAX are dropped and counted. A packed file is
 * unpacked in a thread of its own, from its second piece on (io/logread_ahead).
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_LOGREAD_H
#define IO_LOGREAD_H
#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

#define LOGREAD_TEXT 600

struct logread;

/* ERR_IO, ERR_NOMEM: text says what. */
enum err logread_open(const char *path, struct logread **ret, char text[LOGREAD_TEXT]) MUST_USE;
void logread_close(struct logread *r);
/*
 * The next line without LF, good until the next call. ERR_CLOSED at the end;
 * ERR_IO with text for what cannot be read or unpacked (no more lines then).
 */
enum err logread_line(struct logread *r, struct slice *ret, char text[LOGREAD_TEXT]) MUST_USE;
const char *logread_path(const struct logread *r);
/* Number of the line given last, from 1; dropped ones count. */
uint64_t logread_number(const struct logread *r);
/* Lines that were too long. */
uint64_t logread_dropped(const struct logread *r);
/* Bytes of the file, packed or not; 0: not known (a pipe). */
uint64_t logread_size(const struct logread *r);
/* How far of these it was read. */
uint64_t logread_position(const struct logread *r);
/* Bytes of text so far. */
uint64_t logread_bytes(const struct logread *r);
/* When the file was written last; 0: not known. */
uint64_t logread_mtime(const struct logread *r);

#endif /* IO_LOGREAD_H */
