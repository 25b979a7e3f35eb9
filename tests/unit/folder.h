/*
 * folder: what tests do with folders of their own. Include cmocka first.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER_TOP 40 /* bytes of TMPDIR: names of sockets in a folder must fit into 108 */

/* A folder of the test's own, below TMPDIR: `make check` removes that, whatever became of the test. 0, or -1. */
static inline int make_folder(char *to, size_t size)
{
	const char *top = getenv("TMPDIR");

	if (!top || strlen(top) > FOLDER_TOP)
		top = "/tmp";
	(void)snprintf(to, size, "%s/limetwig-test-XXXXXX", top);
	return mkdtemp(to) ? 0 : -1;
}

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
