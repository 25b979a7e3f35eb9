/*
 * test_capture_disk: a disk that does not keep what it was given. The 250 waits
 * for hit and file; without the file it is a 451, and the same message is
 * taken when Postfix brings it again.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "capture_rig.h"

#include <sys/syscall.h>

static enum { DISK_GOOD = 0, DISK_NO_DATA, DISK_NO_NAME, DISK_NO_FOLDER } disk;

/* In place of libc's. */
static int fails(void)
{
	errno = EIO;
	return -1;
}

int fdatasync(int fd)
{
	return disk == DISK_NO_DATA ? fails() : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return disk == DISK_NO_FOLDER ? fails() : (int)syscall(SYS_fsync, fd);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return disk == DISK_NO_NAME ? fails() : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

static void test_no_file_no_250(void **state)
{
	struct client *k;
	unsigned n;

	(void)state;
	start();
	k = dial();
	say(k, LHLO);
	await(k, 2);
	for (unsigned bad = DISK_NO_DATA; bad <= DISK_NO_FOLDER; bad++) {
		disk = bad;
		n = replies(k, "");
		say(k, ONE);
		await(k, n + 6);
		assert_int_equal(replies(k, "451"), bad);
		assert_int_equal(files_in("new"), 0);
		assert_int_equal(files_in("tmp"), 0);
	}
	disk = DISK_GOOD;
	n = replies(k, "250");
	say(k, ONE);
	await(k, replies(k, "") + 6);
	assert_int_equal(replies(k, "250"), n + 5);
	assert_int_equal(files_in("new"), 1);
	hang_up(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_file_no_250, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
