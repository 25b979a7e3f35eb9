/*
 * temp_dir: a folder of a test's own, and files in it. Include cmocka first.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_TEMP_DIR_H
#define TESTS_TEMP_DIR_H
#include "folder.h"

#include <unistd.h>

static char dir[64];

static inline int dir_make(void)
{
	return make_folder(dir, sizeof dir);
}

static inline int dir_remove(void)
{
	clear(dir);
	return 0;
}

/* Good until the next call. */
static inline const char *in_dir(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static inline void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#endif /* TESTS_TEMP_DIR_H */
