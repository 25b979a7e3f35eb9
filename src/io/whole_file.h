/*
 * whole_file: all bytes of a file, written or read at once, however many
 * system calls that takes. Who opens the file, where it goes and when it is
 * synced is the caller's affair.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_WHOLE_FILE_H
#define IO_WHOLE_FILE_H
#include "base/buf.h"

#include <stdbool.h>

/* All of s, from where fd stands. ERR_IO: errno; ENOSPC where nothing more was taken. */
enum err whole_file_write(int fd, struct slice s) MUST_USE;
/* Append what comes from fd until its end. ERR_LIMIT: more than the cap of to; ERR_NOMEM; ERR_IO: errno. */
enum err whole_file_read(int fd, struct buf *to) MUST_USE;
/*
 * Up to size bytes from its start, wherever fd stands: others may read the same open file. Returns how many came: a
 * file that cannot be read further is taken for shorter.
 */
size_t whole_file_look(int fd, void *to, size_t size);
/* The folder of the file with this path, so that its name outlives a crash, too. ERR_IO: errno. */
enum err whole_file_sync_folder(const char *path) MUST_USE;
/* A memfd with s, at its start. is_sealed: nobody can change it any more. -1: errno. */
int whole_file_memory(struct slice s, bool is_sealed);

#endif /* IO_WHOLE_FILE_H */
