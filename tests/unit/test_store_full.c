/*
 * test_store_full: a full map and a full disk lose nothing that was reported
 * durable, refuse new writes, and go on by themselves when there is room.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "store_fixture.h"

static uint64_t put_page(struct store *s, uint64_t n)
{
	static char value[4000];
	uint8_t key[8];

	memset(value, 'p', sizeof value);
	return store_put(s, TABLE_HIT, number_key(n, key), slice_of(value, sizeof value));
}

static bool has_page(struct store *s, uint64_t n)
{
	static char value[4000];
	uint8_t key[8];
	size_t size;

	return store_get(s, TABLE_HIT, number_key(n, key), value, sizeof value, &size) == ERR_OK &&
	       size == sizeof value;
}

/* Groups of ten until one fails; returns how many pages are durable. */
static uint64_t fill_up(struct store *s)
{
	uint64_t n = 0, lost;

	for (;;) {
		for (int i = 0; i < 10; i++)
			assert_true(put_page(s, n + (uint64_t)i) > 0);
		if (store_flush(s) != ERR_OK)
			break;
		n += 10;
	}
	assert_int_equal((int)store_state(s, &lost), ERR_FULL);
	return n;
}

static void test_full_map(void **state)
{
	struct fixture *f = *state;
	uint64_t n, lost, ticket = 0, before;
	uint8_t key[8];

	store_close(f->store);
	open_store(f, 1u << 20);
	for (int round = 0; round < 5; round++) {
		n = fill_up(f->store);
		assert_true(n >= 50);
		assert_int_equal((int)store_state(f->store, &before), ERR_FULL);
		assert_int_equal((int)put_page(f->store, 100000), 0);
		assert_int_equal((int)store_state(f->store, &lost), ERR_FULL);
		assert_int_equal((int)lost, (int)before + 1);
		assert_int_equal((int)store_flush(f->store), ERR_FULL);
		for (uint64_t i = 0; i < n; i++)
			assert_true(has_page(f->store, i));
		/* deletions make room, and the group that failed is written after all */
		for (uint64_t i = 0; i < n; i++) {
			ticket = store_del(f->store, TABLE_HIT, number_key(i, key));
			assert_true(ticket > 0);
		}
		(void)wait_durable(f->store, ticket);
		assert_int_equal((int)store_state(f->store, &lost), ERR_OK);
		for (uint64_t i = 0; i < n; i++)
			assert_false(has_page(f->store, i));
		for (uint64_t i = n; i < n + 10; i++) {
			assert_true(has_page(f->store, i));
			assert_true(store_del(f->store, TABLE_HIT, number_key(i, key)) > 0);
		}
		assert_int_equal((int)store_flush(f->store), ERR_OK);
	}
	store_close(f->store);
	open_store(f, 1u << 20);
}

static void test_full_map_is_counted_at_close(void **state)
{
	struct fixture *f = *state;
	uint64_t n;

	store_close(f->store);
	open_store(f, 1u << 20);
	n = fill_up(f->store);
	store_close(f->store);   /* comes back, though nothing can be written */
	open_store(f, 4u << 20); /* a greater map mends it */
	for (uint64_t i = 0; i < n; i++)
		assert_true(has_page(f->store, i));
	assert_true(put_page(f->store, n) > 0);
	assert_int_equal((int)store_flush(f->store), ERR_OK);
}

/* In a mount namespace of its own: a disk of 2 MiB, partly taken by a file that goes away. */
static int run_full_disk(struct fixture *f)
{
	char path[128];
	static char filler[512 << 10];
	uint64_t n, ticket;
	int fd;

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		mount("tmpfs", f->dir, "tmpfs", 0, "size=2m") != 0)
		return 77;
	path_of(f, "copy", path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal((int)write(fd, filler, sizeof filler), (int)sizeof filler);
	open_store(f, MAP_SIZE);
	n = fill_up(f->store);
	assert_true(n >= 100);
	assert_int_equal((int)put_page(f->store, 100000), 0);
	for (uint64_t i = 0; i < n; i++)
		assert_true(has_page(f->store, i));
	ticket = store_durable(f->store);
	assert_int_equal(unlink(path), 0);
	close(fd);
	(void)wait_durable(f->store, ticket + 1);
	for (uint64_t i = 0; i < n + 10; i++)
		assert_true(has_page(f->store, i));
	assert_true(put_page(f->store, n + 10) > 0);
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	store_close(f->store);
	return 0;
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	store_close(f->store);
	f->store = NULL;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("CMOCKA_TEST_ABORT", "1", 1); /* a failure ends the child, not only its test */
		_exit(run_full_disk(f));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* An error that is no lack of room, for a while: reported as such, and mended by itself. */
static void test_failing_disk(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, none;
	uint64_t ticket, lost;

	for (uint64_t i = 0; i < 100; i++)
		assert_true(put_page(f->store, i) > 0);
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 8192; /* no page can be written */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	ticket = put_page(f->store, 100);
	assert_true(ticket > 0);
	assert_int_equal((int)store_flush(f->store), ERR_IO);
	assert_int_equal((int)put_page(f->store, 101), 0);
	assert_true(has_page(f->store, 99) && !has_page(f->store, 100));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	(void)wait_durable(f->store, ticket);
	assert_int_equal((int)store_state(f->store, &lost), ERR_OK);
	assert_int_equal((int)lost, 1);
	assert_true(has_page(f->store, 100));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_full_map),
		TEST(test_full_map_is_counted_at_close),
		TEST(test_full_disk),
		TEST(test_failing_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
