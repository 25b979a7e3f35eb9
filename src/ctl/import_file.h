/*
 * import_file: what `trap import` and `allow import` share: the source as a
 * whole, and where it goes.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_IMPORT_FILE_H
#define CTL_IMPORT_FILE_H
#include "base/buf.h"
#include "ctl/ctl.h"

/* The first word: a file, or "-". CTL_DONE, or the error was shown. */
int import_file_read(struct ctl *c, struct buf *to);
/* The same of any file. */
int import_path_read(struct ctl *c, const char *path, struct buf *to);
/* FOLDER/imported-NAME.txt: the folder of this glob, the name of the first word; or the one file that it names. */
void import_file_path(const struct ctl *c, const char *glob, char *to, size_t size);

#endif /* CTL_IMPORT_FILE_H */
