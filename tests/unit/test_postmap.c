/*
 * postmap: real tables in a folder of our own, with the installed postmap.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "io/loop.h"
#include "io/postmap.h"
#include "temp_dir.h"

static struct buf b;
static char text[512];

static int setup(void **state)
{
	(void)state;
	if (dir_make() != 0)
		return -1;
	write_file("main.cf", "compatibility_level = 3.6\nqueue_directory = /var/spool/postfix\nunused_x = 1\n");
	buf_init(&b, POSTMAP_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_done(&b);
	return dir_remove();
}

static bool has_postmap(const char *type)
{
	char command[200];

	(void)snprintf(command, sizeof command, "postconf -c '%s' -m 2>/dev/null | grep -qx %s", dir, type);
	return system(command) == 0;
}

static void check_dump(const char *map, const char *want)
{
	buf_reset(&b);
	assert_int_equal(postmap_dump(dir, map, &b, text, sizeof text), ERR_OK);
	assert_string_equal(buf_cstr(&b), want);
}

static ino_t inode(const char *map)
{
	char file[POSTMAP_PATH];
	struct stat st;

	assert_true(postmap_file(map, file));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	return st.st_ino;
}

static void builds_changes_and_reads(const char *type)
{
	char map[600], file[POSTMAP_PATH];
	ino_t first;

	if (!has_postmap(type))
		skip();
	(void)snprintf(map, sizeof map, "%s:%s/m-%s", type, dir, type);
	assert_int_equal(postmap_dump(dir, map, &b, text, sizeof text), ERR_NOTFOUND);
	assert_int_equal(postmap_build(dir, map, SLICE_LIT("a@d\ta=d@x\nb@d\tb=d@x\n"), text, sizeof text), ERR_OK);
	check_dump(map, "a@d\ta=d@x\nb@d\tb=d@x\n");
	first = inode(map);
	assert_int_equal(postmap_build(dir, map, SLICE_LIT("c@d\tc=d@x\n"), text, sizeof text), ERR_OK);
	check_dump(map, "c@d\tc=d@x\n");
	if (strcmp(type, "lmdb") == 0) {
		assert_int_equal(inode(map), first); /* open sessions see it */
		assert_int_equal(
			postmap_change(dir, map, SLICE_LIT("c@d\nd@d\td=d@x\nnone@d\n"), text, sizeof text), ERR_OK);
		check_dump(map, "d@d\td=d@x\n");
	}
	assert_int_equal(postmap_build(dir, map, SLICE_LIT(""), text, sizeof text), ERR_OK);
	check_dump(map, "");
	assert_true(postmap_file(map, file));
	assert_int_equal(truncate(file, 100), 0);
	assert_int_equal(postmap_dump(dir, map, &b, text, sizeof text), ERR_IO);
	assert_int_equal(postmap_build(dir, map, SLICE_LIT("e@d\te=d@x\n"), text, sizeof text), ERR_OK);
	check_dump(map, "e@d\te=d@x\n");
}

static void lmdb_tables(void **state)
{
	(void)state;
	builds_changes_and_reads("lmdb");
}

static void hash_tables(void **state)
{
	(void)state;
	builds_changes_and_reads("hash");
}

static void asks_any_table(void **state)
{
	(void)state;
	if (!has_postmap("inline"))
		skip();
	buf_reset(&b);
	assert_int_equal(
		postmap_query(dir, "inline:{a@d=1, c@d=2}", SLICE_LIT("a@d\nb@d\nc@d\n"), 5000, &b, text, sizeof text),
		ERR_OK);
	assert_string_equal(buf_cstr(&b), "a@d\t1\nc@d\t2\n");
	buf_reset(&b);
	assert_int_equal(postmap_query(dir, "inline:{a@d=1}", SLICE_LIT("b@d\n"), 5000, &b, text, sizeof text), ERR_OK);
	assert_int_equal(b.n, 0);
	assert_int_equal(postmap_query(dir, "fail:x", SLICE_LIT("b@d\n"), 5000, &b, text, sizeof text), ERR_IO);
	assert_true(text[0] != '\0');
	assert_int_equal(
		postmap_query(dir, "hash:/nonexistent/x", SLICE_LIT("b@d\n"), 5000, &b, text, sizeof text), ERR_IO);
}

static void ten_thousand_in_a_second(void **state)
{
	char map[600];
	struct buf set, keys;
	uint64_t start;

	(void)state;
	if (!has_postmap("lmdb"))
		skip();
	buf_init(&set, POSTMAP_MAX);
	buf_init(&keys, POSTMAP_MAX);
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(
			buf_printf(&set, "trap%05d@d.example\ttrap%05d=d.example@limetwig.invalid\n", i, i), ERR_OK);
		assert_int_equal(buf_printf(&keys, "trap%05d@d.example\n", i), ERR_OK);
	}
	(void)snprintf(map, sizeof map, "lmdb:%s/big", dir);
	start = clock_mono_ms();
	assert_int_equal(postmap_build(dir, map, buf_slice(&set), text, sizeof text), ERR_OK);
	buf_reset(&b);
	assert_int_equal(postmap_query(dir, map, buf_slice(&keys), 5000, &b, text, sizeof text), ERR_OK);
	print_message("# build and query of 10,000: %u ms\n", (unsigned)(clock_mono_ms() - start));
	assert_true(slice_eq(buf_slice(&b), buf_slice(&set)));
	buf_done(&set);
	buf_done(&keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lmdb_tables),
		cmocka_unit_test(hash_tables),
		cmocka_unit_test(asks_any_table),
		cmocka_unit_test(ten_thousand_in_a_second),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
