/*
 * off_flag: the file storage.dir/off: while it is there, limetwigd refuses
 * nothing and keeps no element in the kernel, over restarts too. Written and
 * removed by the command, read by limetwigd's parent.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_OFF_FLAG_H
#define CTL_OFF_FLAG_H
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Write dir/off with a line of text (none on a full disk) and bring it to the disk. ERR_IO: errno. ret_new: it was not there. */
enum err off_flag_set(const char *dir, const char *line, bool *ret_new) MUST_USE;
/* ret_was: it was there. */
enum err off_flag_remove(const char *dir, bool *ret_was) MUST_USE;
bool off_flag_is_set(const char *dir);

#endif /* CTL_OFF_FLAG_H */
