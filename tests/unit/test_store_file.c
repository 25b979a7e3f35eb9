/*
 * test_store_file: copies of a running store, and files that are foreign,
 * newer, cut or damaged.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "store_fixture.h"

struct backup_job {
	struct store *store;
	int fd;
	enum err e;
};

static void *run_backup(void *arg)
{
	struct backup_job *job = arg;

	job->e = store_backup(job->store, job->fd);
	return NULL;
}

static bool always(enum table t, struct slice key, struct slice value)
{
	(void)t;
	(void)key;
	(void)value;
	return true;
}

/* Restores the copy into a folder of its own: a prefix of what was written, and `others` rows and the version. */
static uint64_t assert_copy(const struct fixture *f, uint64_t at_least, uint64_t others)
{
	struct fixture g = { .store = NULL }, *copy = &g;
	char from[128], to[128], text[TEXT];
	uint64_t good, bad, n = 0;
	void *state;

	assert_int_equal(make_folder(g.dir, sizeof g.dir), 0);
	path_of(f, "copy", from);
	path_of(copy, "data.mdb", to);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal((int)store_check(g.dir, always, &good, &bad, text, sizeof text), ERR_OK);
	open_store(copy, MAP_SIZE);
	while (has_number(g.store, TABLE_AUDIT, n))
		n++;
	assert_true(n >= at_least);
	assert_int_equal((int)good, (int)(n + others) + 1);
	state = malloc(sizeof g);
	assert_non_null(state);
	memcpy(state, &g, sizeof g);
	return teardown(&state) == 0 ? n : 0;
}

static void test_backup_under_load(void **state)
{
	struct fixture *f = *state;
	struct backup_job job = { .store = f->store, .e = ERR_IO };
	uint64_t n = 0;
	pthread_t thread;
	char path[128];

	for (; n < 20000; n++)
		assert_true(put_number(f->store, TABLE_AUDIT, n) > 0);
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	path_of(f, "copy", path);
	job.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(job.fd >= 0);
	assert_int_equal(pthread_create(&thread, NULL, run_backup, &job), 0);
	for (; n < 60000; n++)
		assert_true(put_number(f->store, TABLE_AUDIT, n) > 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal((int)job.e, ERR_OK);
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	close(job.fd);
	(void)assert_copy(f, 20000, 0);
}

static void close_store(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
}

static void assert_refused(struct fixture *f, enum err want, const char *word)
{
	struct store *s = NULL;
	char text[TEXT] = "";

	assert_int_equal((int)store_open(f->dir, MAP_SIZE, &s, text, sizeof text), (int)want);
	assert_null(s);
	if (!strstr(text, word))
		fail_msg("\"%s\" does not say \"%s\"", text, word);
}

static void test_newer_version(void **state)
{
	struct fixture *f = *state;

	assert_true(store_put(f->store, TABLE_META, SLICE_LIT("version"), SLICE_LIT("\0\0\0\2")) > 0);
	close_store(f);
	assert_refused(f, ERR_VERSION, "newer limetwig");
}

/* No limetwig ever wrote version 0: it is no older store that could be read. */
static void test_version_that_never_was(void **state)
{
	struct fixture *f = *state;

	assert_true(store_put(f->store, TABLE_META, SLICE_LIT("version"), SLICE_LIT("\0\0\0\0")) > 0);
	close_store(f);
	assert_refused(f, ERR_VERSION, "version 0");
}

static void test_foreign_lmdb_file(void **state)
{
	struct fixture *f = *state;

	assert_true(put_number(f->store, TABLE_AUDIT, 1) > 0);
	assert_true(store_del(f->store, TABLE_META, SLICE_LIT("version")) > 0);
	close_store(f);
	assert_refused(f, ERR_SYNTAX, "no version");
}

static void write_at(const struct fixture *f, off_t at, const void *bytes, size_t n)
{
	char path[128];
	int fd;

	path_of(f, "data.mdb", path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal((int)pwrite(fd, bytes, n, at), (int)n);
	close(fd);
}

static void fill_and_close(struct fixture *f)
{
	for (uint64_t i = 0; i < 3000; i++)
		assert_true(put_number(f->store, TABLE_AUDIT, i) > 0);
	close_store(f);
}

static void test_damaged_file(void **state)
{
	struct fixture *f = *state;
	char path[128], noise[9000];
	struct stat st;

	fill_and_close(f);
	path_of(f, "data.mdb", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
	assert_refused(f, ERR_SYNTAX, "cut short");
	assert_int_equal(truncate(path, 100), 0);
	assert_refused(f, ERR_SYNTAX, "cut short");
	memset(noise, 0xa5, sizeof noise);
	write_at(f, 0, noise, sizeof noise);
	assert_refused(f, ERR_SYNTAX, "not a store");
	assert_int_equal(truncate(path, 0), 0); /* empty: as if it were not there */
	open_store(f, MAP_SIZE);
}

static void put_big(struct store *s, uint64_t n, size_t size)
{
	static const char zeros[16384];
	uint8_t key[8];

	assert_true(store_put(s, TABLE_REFUSAL, number_key(n, key), slice_of(zeros, size)) > 0);
}

static void del_big(struct store *s, uint64_t n)
{
	uint8_t key[8];

	assert_true(store_del(s, TABLE_REFUSAL, number_key(n, key)) > 0);
}

/* How many pages its newest meta page counts (mm_last_pg + 1), and how many there are. */
static void count_pages(const struct fixture *f, uint64_t *ret_counted, uint64_t *ret_there)
{
	uint64_t last[2], txn[2];
	char path[128];
	struct stat st;
	int fd;

	path_of(f, "data.mdb", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal((int)pread(fd, &last[i], 8, i * 4096 + 16 + 24 + 96), 8);
		assert_int_equal((int)pread(fd, &txn[i], 8, i * 4096 + 16 + 24 + 96 + 8), 8);
	}
	close(fd);
	*ret_counted = last[txn[1] > txn[0]] + 1;
	*ret_there = (uint64_t)st.st_size / 4096;
}

/* A page at the end that is taken and freed in one transaction is counted, but never written: the store is sound. */
static void test_file_shorter_than_it_says(void **state)
{
	struct fixture *f = *state;
	char text[TEXT], path[128];
	uint64_t counted, there, good, bad;
	int fd;

	for (uint64_t i = 0; i < 4; i++)
		put_big(f->store, i, 12000);
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	for (uint64_t i = 0; i < 3; i++)
		del_big(f->store, i);
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	for (uint64_t i = 0; i < 3; i++) {
		assert_true(put_number(f->store, TABLE_AUDIT, i) > 0);
		assert_int_equal((int)store_flush(f->store), ERR_OK);
	}
	for (uint64_t i = 0; i < 4; i++)
		put_big(f->store, 100 + i, 12000);
	for (uint64_t i = 0; i < 4; i++)
		del_big(f->store, 100 + i);
	close_store(f);
	count_pages(f, &counted, &there);
	assert_true(there < counted); /* else this shows nothing */
	assert_int_equal((int)store_check(f->dir, always, &good, &bad, text, sizeof text), ERR_OK);
	open_store(f, MAP_SIZE);
	assert_true(has_number(f->store, TABLE_AUDIT, 2));
	path_of(f, "copy", path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal((int)store_backup(f->store, fd), ERR_OK);
	close(fd);
	(void)assert_copy(f, 3, 1);
	put_big(f->store, 200, 12000); /* it grows again, over the pages that were not there */
	close_store(f);
	open_store(f, MAP_SIZE);
	close_store(f);
	assert_int_equal((int)store_check(f->dir, always, &good, &bad, text, sizeof text), ERR_OK);
}

/* A number of pages that no map had room for is damage, not a lack of memory. */
static void test_more_pages_than_the_map(void **state)
{
	static const uint64_t last[] = { UINT64_C(1) << 60, MAP_SIZE / 4096 };
	struct fixture *f = *state;
	char text[TEXT];
	uint64_t good, bad;

	fill_and_close(f);
	for (size_t i = 0; i < 2; i++) {
		for (off_t meta = 0; meta < 2; meta++)
			write_at(f, meta * 4096 + 16 + 24 + 96, &last[i], sizeof last[i]);
		assert_refused(f, ERR_SYNTAX, "last page");
		assert_int_equal((int)store_check(f->dir, always, &good, &bad, text, sizeof text), ERR_SYNTAX);
	}
}

/* Groups of rows that come and go, of all sizes: each end of the daemon leaves a file that opens again. */
static void test_any_groups_open_again(void **state)
{
	struct fixture *f = *state;
	char text[TEXT];
	uint64_t good, bad, first = 0, next = 0, counted, there;
	unsigned seed = 7, shorter = 0;

	for (int round = 0; round < 60; round++) {
		for (int group = 0; group < 4; group++) {
			for (int i = rand_r(&seed) % 12; i > 0; i--)
				put_big(f->store, next++, 100 + (size_t)rand_r(&seed) % 12000);
			for (int i = rand_r(&seed) % 12; i > 0 && first < next; i--)
				del_big(f->store, rand_r(&seed) % 2 ? first++ : --next);
			assert_int_equal((int)store_flush(f->store), ERR_OK);
		}
		close_store(f);
		count_pages(f, &counted, &there);
		shorter += there < counted;
		assert_int_equal((int)store_check(f->dir, always, &good, &bad, text, sizeof text), ERR_OK);
		assert_int_equal((int)good, (int)(next - first) + 1);
		open_store(f, MAP_SIZE);
	}
	assert_true(shorter > 0);
}

static void test_check_finds_damage(void **state)
{
	struct fixture *f = *state;
	char path[128], text[TEXT];
	static char page[4096], noise[4096];
	uint64_t good, bad;
	struct stat st;
	int fd, found = 0;

	fill_and_close(f);
	assert_int_equal((int)store_check(f->dir, always, &good, &bad, text, sizeof text), ERR_OK);
	assert_int_equal((int)good, 3001);
	path_of(f, "data.mdb", path);
	assert_int_equal(stat(path, &st), 0);
	memset(noise, 0xff, sizeof noise);
	for (off_t at = 2 * 4096; at + 4096 <= st.st_size; at += 4096) { /* each page in turn; some are free */
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_int_equal((int)pread(fd, page, sizeof page, at), (int)sizeof page);
		close(fd);
		write_at(f, at, noise, sizeof noise);
		if (store_check(f->dir, always, &good, &bad, text, sizeof text) == ERR_SYNTAX) {
			assert_non_null(strstr(text, "damaged"));
			found++;
		}
		write_at(f, at, page, sizeof page);
	}
	assert_true(found > 50);
	assert_int_equal((int)store_check(f->dir, always, &good, &bad, text, sizeof text), ERR_OK);
}

/* Single bytes of a good file changed at random: an answer, never a crash. */
static void test_check_survives_noise(void **state)
{
	struct fixture *f = *state;
	char path[128], text[TEXT];
	uint64_t good, bad;
	unsigned seed = 99;
	struct stat st;
	enum err e;

	fill_and_close(f);
	path_of(f, "data.mdb", path);
	assert_int_equal(stat(path, &st), 0);
	for (int i = 0; i < 300; i++) {
		unsigned char byte = (unsigned char)rand_r(&seed);

		write_at(f, 8192 + rand_r(&seed) % (int)(st.st_size - 8192), &byte, 1);
		e = store_check(f->dir, always, &good, &bad, text, sizeof text);
		assert_true(e == ERR_OK || e == ERR_SYNTAX);
	}
}

static bool is_even(enum table t, struct slice key, struct slice value)
{
	(void)value;
	return t != TABLE_AUDIT || key.p[key.n - 1] % 2 == 0;
}

static void test_check_counts(void **state)
{
	struct fixture *f = *state;
	char text[TEXT];
	uint64_t good, bad;

	assert_int_equal((int)store_check(f->dir, always, &good, &bad, text, sizeof text), ERR_DENIED);
	for (uint64_t i = 0; i < 100; i++)
		assert_true(put_number(f->store, TABLE_AUDIT, i) > 0);
	close_store(f);
	assert_int_equal((int)store_check(f->dir, is_even, &good, &bad, text, sizeof text), ERR_SYNTAX);
	assert_int_equal((int)good, 51);
	assert_int_equal((int)bad, 50);
	assert_non_null(strstr(text, "table U"));
	assert_int_equal((int)store_check("/nonexistent", is_even, &good, &bad, text, sizeof text), ERR_IO);
}

static void test_bad_places(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;
	char text[TEXT], path[128];

	assert_int_equal((int)store_open("/nonexistent/store", MAP_SIZE, &s, text, sizeof text), ERR_IO);
	assert_non_null(strstr(text, "No such file"));
	close_store(f);
	path_of(f, "data.mdb", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(f, ERR_SYNTAX, "regular file");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_refused(f, ERR_IO, "data.mdb");
	store_close(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_backup_under_load),
		TEST(test_newer_version),
		TEST(test_version_that_never_was),
		TEST(test_foreign_lmdb_file),
		TEST(test_damaged_file),
		TEST(test_file_shorter_than_it_says),
		TEST(test_more_pages_than_the_map),
		TEST(test_any_groups_open_again),
		TEST(test_check_finds_damage),
		TEST(test_check_survives_noise),
		TEST(test_check_counts),
		TEST(test_bad_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
