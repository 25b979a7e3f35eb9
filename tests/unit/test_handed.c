/*
 * test_handed: notes outlive the process, the ring, damage and time.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "io/handed.h"

#define NOW 1800000000u
#define NOTE 48 /* bytes in the file */

static char dir[64], path[80];
static struct handed *h;

static void reopen(uint64_t now)
{
	handed_close(h);
	h = NULL;
	assert_int_equal((int)handed_open(path, now, &h), ERR_OK);
}

static int setup(void **state)
{
	(void)state;
	if (make_folder(dir, sizeof dir) != 0)
		return -1;
	(void)snprintf(path, sizeof path, "%s/handed", dir);
	return handed_open(path, NOW, &h) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	handed_close(h);
	h = NULL;
	clear(dir);
	return 0;
}

static void key_of(unsigned n, uint8_t to[HANDED_KEY])
{
	uint8_t digest[HANDED_DIGEST] = { 0 };

	handed_key(digest, slice_of(&n, sizeof n), slice_str(""), to);
}

static void begin(uint64_t token, unsigned from, size_t n)
{
	static uint8_t key[1000][HANDED_KEY];

	for (unsigned i = 0; i < n; i++)
		key_of(from + i, key[i]);
	assert_int_equal((int)handed_begin(h, token, NOW, (const uint8_t(*)[HANDED_KEY])key, n), ERR_OK);
}

static uint32_t end(uint64_t token)
{
	uint32_t riders = 0;

	assert_int_equal((int)handed_end(h, token, &riders), ERR_OK);
	return riders;
}

static enum handed_state look(unsigned n, uint64_t now)
{
	uint64_t token = 0;
	uint8_t key[HANDED_KEY];
	enum handed_state s;

	key_of(n, key);
	s = handed_look(h, key, now, &token);
	assert_true((s == HANDED_NOT) == (token == 0));
	return s;
}

static void test_states(void **state)
{
	(void)state;
	assert_int_equal(look(1, NOW), HANDED_NOT);
	begin(7, 1, 3);
	begin(8, 10, 2);
	for (int i = 0; i < 2; i++, reopen(NOW)) {
		assert_int_equal(look(1, NOW), HANDED_BEGUN);
		assert_int_equal(look(3, NOW), HANDED_BEGUN);
		assert_int_equal(look(4, NOW), HANDED_NOT);
		assert_true(handed_is_begun(h, 7));
	}
	assert_int_equal(end(7), 3);
	for (int i = 0; i < 2; i++, reopen(NOW)) {
		assert_int_equal(look(1, NOW), HANDED_DONE);
		assert_int_equal(look(3, NOW), HANDED_DONE);
		assert_int_equal(look(10, NOW), HANDED_BEGUN);
		assert_false(handed_is_begun(h, 7));
		assert_true(handed_is_begun(h, 8));
	}
	assert_int_equal(end(9), 0);
}

/* A second attempt: the note of the first one, whose end nobody knows, makes room; what is done stays done. */
static void test_again(void **state)
{
	uint64_t token = 0;
	uint8_t key[HANDED_KEY];

	(void)state;
	begin(7, 1, 2);
	begin(8, 1, 1);
	key_of(1, key);
	for (int i = 0; i < 2; i++, reopen(NOW)) {
		assert_int_equal(handed_look(h, key, NOW, &token), HANDED_BEGUN);
		assert_int_equal(token, 8);
	}
	assert_int_equal(end(7), 2);
	for (int i = 0; i < 2; i++, reopen(NOW))
		assert_int_equal(look(1, NOW), HANDED_DONE);
}

static void test_ring(void **state)
{
	unsigned n = 0;
	struct stat st;

	(void)state;
	for (uint64_t token = 1; n < HANDED_SLOTS + 5000; token++, n += 1000) {
		begin(token, n, 1000);
		if (token % 2)
			assert_int_equal(end(token), 1000);
	}
	for (int i = 0; i < 2; i++, reopen(NOW)) {
		assert_int_equal(look(0, NOW), HANDED_NOT);
		assert_int_equal(look(n - HANDED_SLOTS - 1, NOW), HANDED_NOT);
		assert_int_not_equal(look(n - HANDED_SLOTS, NOW), HANDED_NOT);
		assert_int_not_equal(look(n - 1, NOW), HANDED_NOT);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, (off_t)HANDED_SLOTS * NOTE);
	assert_int_equal(st.st_mode & 0777, 0600);
	begin(999, 1, 1);
	assert_int_equal(look(1, NOW), HANDED_BEGUN);
	reopen(NOW);
	assert_int_equal(look(1, NOW), HANDED_BEGUN);
}

static void test_retention(void **state)
{
	(void)state;
	begin(7, 1, 2);
	assert_int_equal(look(1, NOW + HANDED_KEEP_S - 1), HANDED_BEGUN);
	assert_int_equal(look(1, NOW + HANDED_KEEP_S), HANDED_NOT);
	assert_int_equal(look(1, NOW - 1000), HANDED_BEGUN); /* the clock was set back */
	handed_sweep(h, NOW + HANDED_KEEP_S);
	assert_int_equal(look(1, NOW), HANDED_NOT);
	reopen(NOW);
	assert_int_equal(look(1, NOW), HANDED_NOT);
	begin(8, 1, 1);
	reopen(NOW + HANDED_KEEP_S);
	assert_int_equal(look(1, NOW), HANDED_NOT);
}

static void damage(off_t at, const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
	close(fd);
	reopen(NOW);
}

/* Any byte of a note that is another one: no note. Neighbours are not harmed. */
static void test_damage(void **state)
{
	(void)state;
	for (off_t i = 0; i < 46; i++) {
		char byte;
		int fd;

		begin((uint64_t)i + 1, 1, 1);
		begin((uint64_t)i + 1, 1000 + (unsigned)i, 1);
		fd = open(path, O_RDONLY);
		assert_int_equal(pread(fd, &byte, 1, i * 2 * NOTE + i), 1);
		close(fd);
		byte = (char)(byte ^ 0x40);
		damage(i * 2 * NOTE + i, &byte, 1);
		assert_int_equal(look(1, NOW), HANDED_NOT);
		assert_int_equal(look(1000 + (unsigned)i, NOW), HANDED_BEGUN);
	}
}

static void test_cut(void **state)
{
	(void)state;
	begin(7, 1, 3);
	assert_int_equal(truncate(path, 2 * NOTE + 5), 0);
	reopen(NOW);
	assert_int_equal(look(2, NOW), HANDED_BEGUN);
	assert_int_equal(look(3, NOW), HANDED_NOT);
	begin(8, 4, 1);
	assert_int_equal(end(8), 1);
}

static void test_none(void **state)
{
	uint64_t token;
	uint32_t riders = 0;
	uint8_t key[1][HANDED_KEY] = { 0 };
	struct handed *none = NULL;

	(void)state;
	assert_int_equal(handed_open("/nonexistent/handed", NOW, &none), ERR_IO);
	assert_int_equal(handed_look(none, key[0], NOW, &token), HANDED_NOT);
	assert_false(handed_is_begun(none, 1));
	assert_int_equal((int)handed_begin(none, 1, NOW, (const uint8_t(*)[HANDED_KEY])key, 1), ERR_OK);
	assert_int_equal((int)handed_end(none, 1, &riders), ERR_OK);
	handed_sweep(none, NOW);
	handed_close(none);
}

/* Fields are kept apart, whatever is in them. */
static void test_keys(void **state)
{
	uint8_t digest[HANDED_DIGEST] = { 1 }, a[HANDED_KEY], b[HANDED_KEY];

	(void)state;
	handed_key(digest, slice_str("ab"), slice_str("c"), a);
	handed_key(digest, slice_str("a"), slice_str("bc"), b);
	assert_memory_not_equal(a, b, sizeof a);
	handed_key(digest, slice_str("ab"), slice_str("c"), b);
	assert_memory_equal(a, b, sizeof a);
	digest[31] = 1;
	handed_key(digest, slice_str("ab"), slice_str("c"), b);
	assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_states, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retention, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
	};

	return cmocka_run_group_tests_name("handed", tests, NULL, NULL);
}
