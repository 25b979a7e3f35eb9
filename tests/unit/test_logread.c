/*
 * test_logread: files of more than one piece, plain and packed, line by line:
 * the same lines however they come; ends that are early, wrong, or ours.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/line_split.h"
#include "io/logread.h"
#include "io/logread_ahead.h"
#include "temp_dir.h"

#include <sys/stat.h>
#include <zlib.h>

#define LINES 20000 /* some 900 kB: more than all pieces ahead */

static int setup(void **state)
{
	(void)state;
	return dir_make();
}

static int teardown(void **state)
{
	(void)state;
	return dir_remove();
}

static int line_make(unsigned i, char *to, size_t size)
{
	return snprintf(to, size, "line %u %.*s", i, (int)(i % 61),
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz123456789");
}

/* mode: of gzopen; "wbT" is plain. */
static void write_lines(const char *name, const char *mode, unsigned from, unsigned to)
{
	gzFile f = gzopen(in_dir(name), mode);
	char line[100];

	assert_non_null(f);
	for (unsigned i = from; i < to; i++) {
		(void)line_make(i, line, sizeof line);
		assert_true(gzprintf(f, "%s%s\n", line, i % 7 ? "" : "\r") > 0);
	}
	assert_int_equal(gzclose(f), Z_OK);
}

static uint64_t size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(in_dir(name), &st), 0);
	return (uint64_t)st.st_size;
}

/* Lines that came, all as they were written; *ret_end: how it ended. */
static unsigned read_lines(const char *path, unsigned most, enum err *ret_end, char text[LOGREAD_TEXT])
{
	struct logread *r;
	struct slice line;
	unsigned n = 0;
	uint64_t position = 0;

	assert_int_equal((int)logread_open(path, &r, text), ERR_OK);
	while (n < most && (*ret_end = logread_line(r, &line, text)) == ERR_OK) {
		char want[100];

		assert_int_equal(line.n, line_make(n, want, sizeof want));
		assert_memory_equal(line.p, want, line.n);
		assert_int_equal(logread_number(r), ++n);
		assert_true(logread_position(r) >= position);
		position = logread_position(r);
	}
	if (*ret_end == ERR_CLOSED && logread_size(r))
		assert_int_equal(logread_position(r), logread_size(r));
	logread_close(r);
	return n;
}

static void all_lines(void **state)
{
	char text[LOGREAD_TEXT];
	enum err end;

	(void)state;
	write_lines("plain", "wbT", 0, LINES);
	write_lines("packed.gz", "wb", 0, LINES);
	write_lines("members.gz", "wb", 0, 100);
	write_lines("members.gz", "ab", 100, LINES / 2);
	write_lines("members.gz", "ab", LINES / 2, LINES);
	assert_true(size_of("plain") > (LOGREAD_PIECES + 2) * (uint64_t)LOGREAD_PIECE);
	assert_int_equal(read_lines(in_dir("plain"), UINT32_MAX, &end, text), LINES);
	assert_int_equal((int)end, ERR_CLOSED);
	assert_int_equal(read_lines(in_dir("packed.gz"), UINT32_MAX, &end, text), LINES);
	assert_int_equal((int)end, ERR_CLOSED);
	assert_int_equal(read_lines(in_dir("members.gz"), UINT32_MAX, &end, text), LINES);
	assert_int_equal((int)end, ERR_CLOSED);
}

/* Closed anywhere: also while the thread has all its pieces full, or is at work. */
static void closed_early(void **state)
{
	char text[LOGREAD_TEXT];
	enum err end;

	(void)state;
	write_lines("packed.gz", "wb", 0, LINES);
	for (unsigned n = 0; n < LINES; n += n < 4000 ? 500 : 1777)
		assert_int_equal(read_lines(in_dir("packed.gz"), n, &end, text), n);
}

static void cut_off(void **state)
{
	char text[LOGREAD_TEXT];
	enum err end;
	uint64_t size;
	unsigned n;

	(void)state;
	write_lines("packed.gz", "wb", 0, LINES);
	size = size_of("packed.gz");
	assert_int_equal(truncate(in_dir("packed.gz"), (off_t)(size - 200)), 0);
	n = read_lines(in_dir("packed.gz"), UINT32_MAX, &end, text);
	assert_int_equal((int)end, ERR_IO);
	assert_non_null(strstr(text, "packed.gz: ends in the middle of packed data"));
	assert_true(n > LINES / 2 && n < LINES);
}

static void damaged(void **state)
{
	char text[LOGREAD_TEXT];
	enum err end;
	FILE *f;

	(void)state;
	write_lines("packed.gz", "wb", 0, LINES);
	f = fopen(in_dir("packed.gz"), "r+e");
	assert_non_null(f);
	assert_int_equal(fseek(f, -4, SEEK_END), 0); /* the length */
	assert_int_equal(fwrite("xxxx", 1, 4, f), 4);
	assert_int_equal(fclose(f), 0);
	assert_true(read_lines(in_dir("packed.gz"), UINT32_MAX, &end, text) > LINES / 2);
	assert_int_equal((int)end, ERR_IO);
	assert_non_null(strstr(text, "incorrect length check"));
}

/* No LF at the end; nothing at all; too long; not there; a folder. */
static void odd_files(void **state)
{
	char text[LOGREAD_TEXT], *big = malloc(LINE_SPLIT_MAX * 40);
	struct logread *r = NULL;
	struct slice line;
	FILE *f = fopen(in_dir("odd"), "we");

	(void)state;
	assert_non_null(big);
	assert_non_null(f);
	memset(big, 'x', LINE_SPLIT_MAX * 40);
	assert_int_equal(fwrite(big, 1, LINE_SPLIT_MAX * 40, f), LINE_SPLIT_MAX * 40);
	assert_true(fputs("\nlast", f) >= 0);
	assert_int_equal(fclose(f), 0);
	free(big);
	assert_int_equal((int)logread_open(in_dir("odd"), &r, text), ERR_OK);
	assert_int_equal((int)logread_line(r, &line, text), ERR_OK);
	assert_int_equal(line.n, 4);
	assert_int_equal(logread_number(r), 2);
	assert_int_equal(logread_dropped(r), 1);
	assert_int_equal((int)logread_line(r, &line, text), ERR_CLOSED);
	assert_int_equal((int)logread_line(r, &line, text), ERR_CLOSED);
	logread_close(r);
	assert_int_equal(truncate(in_dir("odd"), 0), 0);
	assert_int_equal((int)logread_open(in_dir("odd"), &r, text), ERR_OK);
	assert_int_equal((int)logread_line(r, &line, text), ERR_CLOSED);
	logread_close(r);
	assert_int_equal((int)logread_open(in_dir("none"), &r, text), ERR_IO);
	assert_int_equal((int)logread_open(dir, &r, text), ERR_IO);
	logread_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(closed_early, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(odd_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
