/*
 * A growing, rotated, emptied file.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "folder.h"
#include "io/logtail.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static int dir_make(void **state)
{
	(void)state;
	return make_folder(dir, sizeof dir);
}

static int dir_remove(void **state)
{
	(void)state;
	clear(dir);
	return 0;
}

/* Made and written to; also open for reading, as the parent hands it over. */
static int file_open(const char *name)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void expect(struct logtail *t, const char *want)
{
	struct slice line;
	enum err e = logtail_line(t, &line);

	if (!want) {
		assert_int_equal(e, ERR_AGAIN);
		return;
	}
	assert_int_equal(e, ERR_OK);
	if (!slice_eq(line, slice_str(want)))
		fail_msg("\"%.*s\", wanted \"%s\"", SLICE_ARG(line), want);
}

static uint64_t offset_of(const struct logtail *t)
{
	uint64_t inode, offset;

	logtail_position(t, &inode, &offset);
	return offset;
}

static void grows(void **state)
{
	struct logtail *t = logtail_new();
	int fd = file_open("a");

	(void)state;
	assert_non_null(t);
	expect(t, NULL); /* no file at all */
	assert_int_equal(logtail_add(t, fd), ERR_OK);
	expect(t, NULL);
	put(fd, "one\ntwo\nthr");
	expect(t, "one");
	assert_int_equal(offset_of(t), 4);
	expect(t, "two");
	expect(t, NULL);
	assert_int_equal(offset_of(t), 8); /* a part is read again after a restart */
	put(fd, "ee\n");
	expect(t, "three");
	assert_int_equal(offset_of(t), 14);
	expect(t, NULL);
	logtail_free(t);
	(void)close(fd);
}

static void resumes(void **state)
{
	struct logtail *t = logtail_new();
	int fd = file_open("a");

	(void)state;
	put(fd, "one\ntwo\nthree\n");
	assert_int_equal(logtail_add(t, fd), ERR_OK);
	logtail_resume(t, inode_of(fd), 4);
	expect(t, "two");
	logtail_resume(t, inode_of(fd), 8); /* again, forward */
	expect(t, "three");
	logtail_resume(t, inode_of(fd), 4000); /* it is shorter now */
	expect(t, "one");
	logtail_resume(t, inode_of(fd) + 1, 4); /* another file */
	expect(t, "one");
	logtail_resume(t, 0, 0);
	expect(t, "one");
	logtail_free(t);
	(void)close(fd);
}

static void steps_back(void **state)
{
	struct logtail *t = logtail_new();
	int fd = file_open("a");

	(void)state;
	assert_false(logtail_step_back(t, 100)); /* no file at all */
	put(fd, "one\ntwo\nthree\nfour\n");
	assert_int_equal(logtail_add(t, fd), ERR_OK);
	assert_false(logtail_step_back(t, 100)); /* at its start */
	logtail_resume(t, inode_of(fd), 14);
	assert_true(logtail_step_back(t, 1000));
	expect(t, "one");
	logtail_resume(t, inode_of(fd), 14);
	assert_true(logtail_step_back(t, 9)); /* into the middle of "two" */
	expect(t, "three");
	assert_int_equal(offset_of(t), 14);
	assert_false(logtail_step_back(t, 3)); /* less than a line */
	expect(t, "four");
	logtail_free(t);
	(void)close(fd);
}

static void rotates(void **state)
{
	struct logtail *t = logtail_new();
	int a = file_open("a"), b = file_open("b");
	uint64_t inode, offset;

	(void)state;
	put(a, "one\n");
	assert_int_equal(logtail_add(t, a), ERR_OK);
	expect(t, "one");
	assert_int_equal(logtail_add(t, b), ERR_OK);
	expect(t, NULL);
	put(a, "two\n"); /* its writer was not told yet */
	expect(t, "two");
	expect(t, NULL);
	put(b, "three\n");
	put(a, "late\nhalf");
	expect(t, "late");
	expect(t, "three");
	logtail_position(t, &inode, &offset);
	assert_int_equal(inode, inode_of(b));
	assert_int_equal(offset, 6);
	assert_int_equal(logtail_add(t, b), ERR_OK); /* the same file again is nothing new */
	expect(t, NULL);
	logtail_free(t);
	(void)close(a);
	(void)close(b);
}

static void resumes_in_the_next_file(void **state)
{
	struct logtail *t = logtail_new();
	int a = file_open("a"), b = file_open("b");

	(void)state;
	put(a, "one\n");
	put(b, "two\nthree\n");
	assert_int_equal(logtail_add(t, a), ERR_OK);
	assert_int_equal(logtail_add(t, b), ERR_OK);
	logtail_resume(t, inode_of(b), 4);
	expect(t, "three");
	logtail_free(t);
	(void)close(a);
	(void)close(b);
}

static void emptied_in_place(void **state)
{
	struct logtail *t = logtail_new();
	int fd = file_open("a");

	(void)state;
	put(fd, "one\ntwo\npart");
	assert_int_equal(logtail_add(t, fd), ERR_OK);
	expect(t, "one");
	expect(t, "two");
	expect(t, NULL);
	assert_int_equal(ftruncate(fd, 0), 0);
	expect(t, NULL);
	put(fd, "new\n");
	expect(t, "new");
	logtail_free(t);
	(void)close(fd);
}

static void many_rotations(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	struct logtail *t = logtail_new();

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		int fd = file_open(names[i]);

		put(fd, names[i]);
		put(fd, "\n");
		assert_int_equal(logtail_add(t, fd), ERR_OK);
		(void)close(fd);
	}
	expect(t, "a"); /* being read: kept; of those that wait the newest */
	expect(t, "e");
	expect(t, "f");
	expect(t, "g");
	expect(t, "h");
	expect(t, NULL);
	logtail_free(t);
}

static void large(void **state)
{
	struct logtail *t = logtail_new();
	int fd = file_open("a");
	FILE *f = fdopen(dup(fd), "a");
	char want[64];

	(void)state;
	assert_non_null(f);
	for (unsigned i = 0; i < 100000; i++)
		(void)fprintf(f, "line %u of a large file\n", i);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(logtail_add(t, fd), ERR_OK);
	for (unsigned i = 0; i < 100000; i++) {
		(void)snprintf(want, sizeof want, "line %u of a large file", i);
		expect(t, want);
	}
	expect(t, NULL);
	assert_int_equal(offset_of(t), lseek(fd, 0, SEEK_END));
	assert_int_equal(logtail_dropped(t), 0);
	logtail_free(t);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(grows, dir_make, dir_remove),
		cmocka_unit_test_setup_teardown(resumes, dir_make, dir_remove),
		cmocka_unit_test_setup_teardown(steps_back, dir_make, dir_remove),
		cmocka_unit_test_setup_teardown(rotates, dir_make, dir_remove),
		cmocka_unit_test_setup_teardown(resumes_in_the_next_file, dir_make, dir_remove),
		cmocka_unit_test_setup_teardown(emptied_in_place, dir_make, dir_remove),
		cmocka_unit_test_setup_teardown(many_rotations, dir_make, dir_remove),
		cmocka_unit_test_setup_teardown(large, dir_make, dir_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
