/*
 * test_engine_rows: the pages behind spamdb: every record once, in any mode
 * what acts alone, trap addresses for administrators.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"

#define MANY 2300 /* more than a page looks at */

static unsigned pages;
static json_int_t would;

/* The answer whatever is in it; rig_call takes care that traps are in none. */
static json_t *call_revealing(const char *line)
{
	int fd = rig_connect("control");
	json_t *j = rig_call_showing(fd, line, true);

	(void)close(fd);
	assert_non_null(j);
	return j;
}

/* All rows of a kind, of all pages. */
static json_t *all_rows(const char *kind)
{
	json_t *all = json_array();
	char line[200], after[100] = "";

	pages = 0;
	would = 0;
	do {
		json_t *j;
		const char *next;

		(void)snprintf(line, sizeof line, "{\"cmd\":\"rows\",\"kind\":\"%s\"%s%s%s}", kind,
			after[0] ? ",\"after\":\"" : "", after, after[0] ? "\"" : "");
		j = call_revealing(line);
		assert_true(json_is_true(json_object_get(j, "ok")));
		assert_int_equal(json_array_extend(all, json_object_get(j, "rows")), 0);
		would += json_integer_value(json_object_get(j, "would"));
		next = json_string_value(json_object_get(j, "next"));
		(void)snprintf(after, sizeof after, "%s", next ? next : "");
		json_decref(j);
		pages++;
	} while (after[0]);
	return all;
}

static size_t count_rows(const char *kind)
{
	json_t *rows = all_rows(kind);
	size_t n = json_array_size(rows);

	json_decref(rows);
	return n;
}

static const char *text_at(const json_t *rows, size_t i, size_t field)
{
	return json_string_value(json_array_get(json_array_get(rows, i), field));
}

static void test_trapped(void **state)
{
	json_t *rows;

	(void)state;
	rig_start();
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.1\",\"seconds\":86400}");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"2001:db8:1::5\",\"seconds\":86400}");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.2\",\"seconds\":86400}");
	rig_do("{\"cmd\":\"block_remove\",\"what\":\"192.0.2.2\"}");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.3\",\"seconds\":86400,\"held\":true}");
	assert_int_equal(count_rows("trapped"), 0); /* monitor: nothing acts */
	assert_int_equal(would, 2);
	rig_do("{\"cmd\":\"enforce\",\"mode\":\"soft\"}");
	rows = all_rows("trapped");
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(text_at(rows, 0, 0), "TRAPPED");
	assert_string_equal(text_at(rows, 0, 1), "192.0.2.1");
	assert_string_equal(text_at(rows, 1, 1), "2001:db8:1::/64");
	assert_true(
		json_integer_value(json_array_get(json_array_get(rows, 0), 2)) > (json_int_t)clock_wall_s() + 80000);
	json_decref(rows);
	rig_do("{\"cmd\":\"off\"}");
	assert_int_equal(count_rows("trapped"), 0);
}

/* Each once over the seam of two pages. */
static void test_pages(void **state)
{
	json_t *rows;
	int fd;

	(void)state;
	rig_start();
	fd = rig_connect("control");
	for (int i = 0; i < MANY; i++) {
		char line[100];

		(void)snprintf(line, sizeof line,
			"{\"cmd\":\"block_add\",\"subject\":\"20.9.%d.%d\",\"seconds\":86400}", i / 256 + 1, i % 256);
		json_decref(rig_call_on(fd, line));
	}
	(void)close(fd);
	rig_enforce("soft");
	rows = all_rows("trapped");
	assert_int_equal(pages, 3);
	assert_int_equal(json_array_size(rows), MANY);
	for (size_t i = 1; i < json_array_size(rows); i++)
		assert_string_not_equal(text_at(rows, i - 1, 1), text_at(rows, i, 1));
	json_decref(rows);
}

/* The new table is in force. */
static bool are_traps(void *wanted)
{
	json_t *j = rig_call("{\"cmd\":\"trap_list\",\"limit\":0}");
	bool is_there = json_integer_value(json_object_get(j, "total")) == *(json_int_t *)wanted;

	json_decref(j);
	return is_there;
}

static void wait_for_traps(json_int_t wanted)
{
	if (!rig_poll(are_traps, &wanted))
		fail_msg("%lld traps are not in force", (long long)wanted);
}

static void test_traps(void **state)
{
	size_t size = (size_t)MANY * 40 * 2, n = 0;
	char *text = calloc(1, size);
	json_t *rows, *j;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 2 * MANY; i++)
		n += (size_t)snprintf(text + n, size - n, "t%d@example.org\n", i);
	(void)snprintf(text + n, size - n, "gone@example.org state=retired\n");
	rig_start();
	rig_send_text(TEXT_TRAPS, "traps.txt", text);
	free(text);
	wait_for_traps(2 * MANY + 1);
	rows = all_rows("spamtrap");
	assert_int_equal(pages, 5);
	assert_int_equal(json_array_size(rows), 2 * MANY);
	assert_string_equal(text_at(rows, 0, 1), "t0@example.org");
	assert_string_equal(text_at(rows, 2 * MANY - 1, 1), "t4599@example.org");
	json_decref(rows);
	j = call_revealing("{\"cmd\":\"rows\",\"kind\":\"spamtrap\",\"after\":\"99999999\"}");
	assert_false(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
	j = call_revealing("{\"cmd\":\"row_find\",\"key\":\"t7@example.org\"}");
	assert_int_equal(json_array_size(json_object_get(j, "rows")), 1);
	json_decref(j);
	j = call_revealing("{\"cmd\":\"row_find\",\"key\":\"gone@example.org\"}");
	assert_int_equal(json_array_size(json_object_get(j, "rows")), 0);
	json_decref(j);
}

static size_t rows_of(const char *key, const char *kind)
{
	char line[100];
	json_t *j, *rows;
	size_t n = 0;

	(void)snprintf(line, sizeof line, "{\"cmd\":\"row_find\",\"key\":\"%s\"}", key);
	j = rig_call(line);
	rows = json_object_get(j, "rows");
	for (size_t i = 0; i < json_array_size(rows); i++)
		n += strcmp(text_at(rows, i, 0), kind) == 0;
	json_decref(j);
	return n;
}

static void test_white(void **state)
{
	static const char *const wrong[] = { "{\"cmd\":\"rows\"}", "{\"cmd\":\"rows\",\"kind\":\"grey\"}",
		"{\"cmd\":\"rows\",\"kind\":\"white\",\"after\":\"file x\"}", "{\"cmd\":\"row_find\"}",
		"{\"cmd\":\"rows\",\"kind\":\"trapped\",\"after\":\"nonsense\"}" };
	json_t *rows;

	(void)state;
	(void)snprintf(rig.allow, sizeof rig.allow, "203.0.113.0/24\nmail.example.net\n# no\n2001:db8:9::/48\n");
	rig_start();
	rig_do("{\"cmd\":\"enforce\",\"mode\":\"soft\"}");
	rig_do("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.1\",\"seconds\":86400}");
	assert_int_equal(rows_of("192.0.2.1", "TRAPPED"), 1);
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.2.1\",\"seconds\":1000}");
	rows = all_rows("white");
	assert_int_equal(json_array_size(rows), 3);
	assert_string_equal(text_at(rows, 0, 1), "192.0.2.1");
	assert_int_equal(json_integer_value(json_array_get(json_array_get(rows, 0), 3)),
		json_integer_value(json_array_get(json_array_get(rows, 0), 2)) + 1000);
	assert_string_equal(text_at(rows, 1, 1), "203.0.113.0/24");
	assert_string_equal(text_at(rows, 2, 1), "2001:db8:9::/48");
	json_decref(rows);
	assert_int_equal(rows_of("192.0.2.1", "WHITE"), 1);
	assert_int_equal(rows_of("203.0.113.0/24", "WHITE"), 1);
	assert_int_equal(rows_of("203.0.113.7", "WHITE"), 0); /* the key itself, as theirs */
	assert_int_equal(rows_of("198.51.100.1", "TRAPPED"), 0);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		json_t *j = rig_call(wrong[i]);

		assert_false(json_is_true(json_object_get(j, "ok")));
		json_decref(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_trapped, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_pages, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_traps, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_white, rig_setup, rig_teardown),
	};

	cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
