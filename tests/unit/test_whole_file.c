/*
 * whole_file: all of it or an error, in pieces as the kernel gives them; the
 * cap of a buffer is a text's largest size, not one less.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE 1000000u /* more than a pipe holds */

static char large[LARGE];

static void *write_large(void *ctx)
{
	int fd = *(int *)ctx;

	assert_int_equal(whole_file_write(fd, slice_of(large, LARGE)), ERR_OK);
	(void)close(fd);
	return NULL;
}

static void test_in_pieces(void **state)
{
	pthread_t thread;
	struct buf b;
	int fd[2];

	(void)state;
	for (size_t i = 0; i < LARGE; i++)
		large[i] = (char)(i * 7 / 5);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_large, &fd[1]), 0);
	buf_init(&b, LARGE);
	assert_int_equal(buf_add_char(&b, large[0]), ERR_OK);
	assert_int_equal(read(fd[0], large, 1), 1);
	assert_int_equal(whole_file_read(fd[0], &b), ERR_OK);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(b.n, LARGE);
	assert_memory_equal(b.p, large, LARGE);
	buf_done(&b);
	(void)close(fd[0]);
}

static enum err read_up_to(int fd, size_t cap, size_t *ret_n)
{
	struct buf b;
	enum err e;

	buf_init(&b, cap);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	e = whole_file_read(fd, &b);
	*ret_n = b.n;
	buf_done(&b);
	return e;
}

static void test_cap(void **state)
{
	int fd = whole_file_memory(SLICE_LIT("12345"), false);
	size_t n;

	(void)state;
	assert_int_equal(read_up_to(fd, 6, &n), ERR_OK);
	assert_int_equal(n, 5);
	assert_int_equal(read_up_to(fd, 5, &n), ERR_OK);
	assert_int_equal(n, 5);
	assert_int_equal(read_up_to(fd, 4, &n), ERR_LIMIT);
	assert_int_equal(n, 4);
	(void)close(fd);
	fd = whole_file_memory(SLICE_LIT(""), false);
	assert_int_equal(read_up_to(fd, 0, &n), ERR_OK);
	(void)close(fd);
}

static void test_errors(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(whole_file_write(full, SLICE_LIT("x")), ERR_IO);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(whole_file_read(folder, &b), ERR_IO);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(whole_file_read(-1, &b), ERR_IO);
	assert_int_equal(errno, EBADF);
	buf_done(&b);
	(void)close(full);
	(void)close(folder);
}

/* Another reader of the same open file keeps his place. */
static void test_look(void **state)
{
	int fd = whole_file_memory(SLICE_LIT("12345"), false), folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char to[8] = "";

	(void)state;
	assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
	assert_int_equal(whole_file_look(fd, to, sizeof to), 5);
	assert_memory_equal(to, "12345", 5);
	assert_int_equal(whole_file_look(fd, to, 3), 3);
	assert_int_equal(whole_file_look(fd, to, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 2);
	assert_int_equal(whole_file_look(folder, to, sizeof to), 0);
	(void)close(fd);
	(void)close(folder);
}

static void test_sync_folder(void **state)
{
	(void)state;
	assert_int_equal(whole_file_sync_folder("/tmp/any-name"), ERR_OK);
	assert_int_equal(whole_file_sync_folder("any-name"), ERR_OK);
	assert_int_equal(whole_file_sync_folder("/any-name"), ERR_OK);
	assert_int_equal(whole_file_sync_folder("/nowhere/any-name"), ERR_IO);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(whole_file_sync_folder("/dev/null/any-name"), ERR_IO);
	assert_int_equal(errno, ENOTDIR);
}

static void test_memory(void **state)
{
	int open_fd = whole_file_memory(SLICE_LIT("text"), false), sealed = whole_file_memory(SLICE_LIT("text"), true);
	char text[8];

	(void)state;
	assert_int_equal(read(open_fd, text, sizeof text), 4);
	assert_memory_equal(text, "text", 4);
	assert_int_equal(write(open_fd, "x", 1), 1);
	assert_int_equal(write(sealed, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(sealed, 0), -1);
	assert_int_equal(fcntl(sealed, F_GETFD), FD_CLOEXEC);
	(void)close(open_fd);
	(void)close(sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_pieces),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_sync_folder),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests_name("whole_file", tests, NULL, NULL);
}
