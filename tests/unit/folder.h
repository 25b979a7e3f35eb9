/*
 * folder: what tests do with folders of their own. Include cmocka first.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	(void)remove(path);
	return 0;
}

/* Remove it with all that is in it. */
static inline void clear(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline unsigned count_files(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

#endif /* TESTS_FOLDER_H */
