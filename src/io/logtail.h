/*
 * logtail: reads the lines of a growing file through descriptors that somebody
 * else opened: no path, nothing that a sandbox forbids. Never blocks; the
 * caller asks again at the end of the file.
 *
 * Rotation: logtail_add gives the next file. The one before is read to its end
 * and left when the next one holds something. A file that became shorter is
 * read from its start.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_LOGTAIL_H
#define IO_LOGTAIL_H
#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

#define LOGTAIL_FILES 4 /* files that wait to be read; above it the oldest waiting one is skipped */

struct logtail;

/* NULL: no memory. */
struct logtail *logtail_new(void);
/* NULL is fine. */
void logtail_free(struct logtail *t);
/* One more file; fd stays the caller's (it is duplicated). ERR_IO. */
enum err logtail_add(struct logtail *t, int fd) MUST_USE;
/*
 * Go on behind offset if the file at hand is this inode and is not shorter,
 * else at its start. For a file that waits: that one, and those before it are left.
 */
void logtail_resume(struct logtail *t, uint64_t inode, uint64_t offset);
/* Up to bytes before where reading would go on, to the start of a line. False: there is nothing before it. */
bool logtail_step_back(struct logtail *t, uint64_t bytes);
/* The next line, good until the next call. ERR_AGAIN: none yet; ERR_IO. */
enum err logtail_line(struct logtail *t, struct slice *ret) MUST_USE;
/* Behind the last line given. inode 0: no file. */
void logtail_position(const struct logtail *t, uint64_t *ret_inode, uint64_t *ret_offset);
/* Lines left out because they were too long. */
uint64_t logtail_dropped(const struct logtail *t);

#endif /* IO_LOGTAIL_H */
