/*
 * feed_plan_file: the plan of feeds with what stands in files: the spamd.conf
 * that the configuration names.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_FEED_PLAN_FILE_H
#define IO_FEED_PLAN_FILE_H
#include "core/feed_plan.h"

/*
 * A spamd.conf that cannot be read or is wrong: reason says so, and kept (a path, NULL: none) is
 * read in its place, else its lists are left out. A good one is copied to kept. ERR_NOMEM.
 */
enum err feed_plan_read(
	const struct conf *c, const char *kept, struct feed_plan *ret, char reason[FEED_PLAN_REASON]) MUST_USE;
/* The begin of a file, as much as buf can hold. ERR_LIMIT: there is more; ERR_IO: errno (EINVAL: no plain file); ERR_NOMEM. */
enum err feed_file_read(int dir, const char *path, int flags, struct buf *to) MUST_USE;
/* Aside, synced, then in its place; on failure the old one stays. ERR_IO: errno; ERR_LIMIT: the name is too long. */
enum err feed_file_write(const char *path, struct slice head, struct slice rest) MUST_USE;

#endif /* IO_FEED_PLAN_FILE_H */
