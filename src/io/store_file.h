/*
 * store_file: looks at the bytes of an LMDB data file before LMDB does, which
 * trusts what it maps: a foreign, cut or damaged file would crash it. Knows
 * the layout of format 1 on this machine's byte order, nothing of tables.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_STORE_FILE_H
#define IO_STORE_FILE_H
#include "base/err.h"

#include <stddef.h>

/*
 * The two meta pages: quick, and right of a store in use, too. ERR_NOTFOUND: no
 * file, or an empty one. ERR_SYNTAX: not a store, or damaged; text says how.
 * ERR_IO, ERR_NOMEM.
 */
enum err store_file_check(const char *path, char *text, size_t text_size) MUST_USE;
/* The same of a store that nobody writes to; and its pages where it is shorter than they say. */
enum err store_file_check_start(const char *path, char *text, size_t text_size) MUST_USE;
/* The same, and every page that can be reached from the newest meta page. */
enum err store_file_check_pages(const char *path, char *text, size_t text_size) MUST_USE;

#endif /* IO_STORE_FILE_H */
