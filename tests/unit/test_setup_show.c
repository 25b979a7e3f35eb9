/*
 * test_setup_show: what `limetwig setup postfix --diff` shows of a change.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl/setup_postfix_private.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *shown; /* of the last diff */

static int teardown(void **state)
{
	(void)state;
	free(shown);
	shown = NULL;
	return dir_remove();
}

static int setup(void **state)
{
	(void)state;
	return dir_make();
}

/* It writes to standard output. */
static const char *show(const struct buf *old, const struct buf *new)
{
	int keep = dup(STDOUT_FILENO), fd;
	ssize_t n;

	assert_int_equal(fflush(stdout), 0);
	fd = open(in_dir("out"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(keep >= 0 && fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
	setup_show_diff("main.cf", buf_slice(old), buf_slice(new), SIZE_MAX);
	assert_int_equal(fflush(stdout), 0);
	assert_true(dup2(keep, STDOUT_FILENO) >= 0);
	close(keep);
	free(shown);
	shown = calloc(1, 1 << 20);
	assert_non_null(shown);
	n = pread(fd, shown, (1 << 20) - 1, 0);
	assert_true(n >= 0);
	close(fd);
	return shown;
}

/* "name0 = x" ..., with one more line in front of the one numbered more. */
static void add_lines(struct buf *to, const char *name, unsigned count, unsigned more)
{
	for (unsigned i = 0; i < count; i++) {
		if (i == more)
			assert_int_equal(buf_add_str(to, "added = 1\n"), ERR_OK);
		assert_int_equal(buf_printf(to, "%s%u = x\n", name, i), ERR_OK);
	}
}

static size_t count_signs(const char *text, const char *sign)
{
	size_t n = 0;

	for (; (text = strstr(text, sign)); text++)
		n++;
	return n;
}

static void test_diff(void **state)
{
	struct buf old, new;

	(void)state;
	buf_init(&old, MAIN_CF_MAX);
	buf_init(&new, MAIN_CF_MAX);
	add_lines(&old, "a", 3, 3);
	add_lines(&new, "a", 3, 1);
	assert_string_equal(show(&old, &new), "main.cf\n   a0 = x\n  +added = 1\n");
	assert_string_equal(show(&old, &old), "");
	buf_done(&old);
	buf_done(&new);
}

/* A change behind thousands of lines, and one of thousands of lines. */
static void test_long(void **state)
{
	struct buf old, new;

	(void)state;
	buf_init(&old, MAIN_CF_MAX);
	buf_init(&new, MAIN_CF_MAX);
	add_lines(&old, "a", 6000, 6000);
	add_lines(&new, "a", 6000, 5500);
	assert_string_equal(show(&old, &new), "main.cf\n   a5499 = x\n  +added = 1\n");
	buf_reset(&new);
	add_lines(&new, "b", 4500, 4500);
	(void)show(&old, &new);
	assert_int_equal(count_signs(shown, "\n  -a"), 6000);
	assert_int_equal(count_signs(shown, "\n  +b"), 4500);
	assert_true(strstr(shown, "\n  -a5999") < strstr(shown, "\n  +b0 "));
	buf_done(&old);
	buf_done(&new);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_diff, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown) };

	return cmocka_run_group_tests_name("setup_show", tests, NULL, NULL);
}
