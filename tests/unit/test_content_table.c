/*
 * content_table: rows against texts, and what rules most of them out early against memmem.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/content_table.h"

static bool matches(enum match m, const char *row, const char *text)
{
	struct content_rule r = { m, row, 1 };
	struct content_text t;
	bool is_found = content_table_facts(&r, 1, slice_str(text));

	content_table_text(slice_str(text), &t);
	assert_int_equal(content_table_matches(&r, &t), is_found);
	return is_found;
}

static void rows_match_as_they_say(void **state)
{
	(void)state;
	assert_true(matches(MATCH_ANY, NULL, "x"));
	assert_false(matches(MATCH_ANY, NULL, " \t"));
	assert_true(matches(MATCH_IS, "no", " NO "));
	assert_false(matches(MATCH_IS, "no", "none"));
	assert_true(matches(MATCH_NOT, "no", "none"));
	assert_false(matches(MATCH_NOT, "no", ""));
	assert_true(matches(MATCH_STARTS, "auto", "Automatic"));
	assert_false(matches(MATCH_STARTS, "auto", "aut"));
	assert_true(matches(MATCH_ENDS, "reply", "an auto-reply"));
	assert_false(matches(MATCH_ENDS, "reply", "replies"));
}

static void a_row_is_found_at_both_ends_and_between(void **state)
{
	(void)state;
	assert_true(matches(MATCH_HAS, "out of office", "Out of Office"));
	assert_true(matches(MATCH_HAS, "out of office", "Out of office until Monday"));
	assert_true(matches(MATCH_HAS, "out of office", "I am OUT OF OFFICE"));
	assert_true(matches(MATCH_HAS, "x", "axb"));
	assert_true(matches(MATCH_HAS, "不在", "今日は不在です"));
	assert_false(matches(MATCH_HAS, "x", "ab"));
	assert_false(matches(MATCH_HAS, "out of office", ""));
	assert_false(matches(MATCH_HAS, "out of office", "out of"));
	/* all its pairs are there, the row is not */
	assert_false(matches(MATCH_HAS, "abcab", "bcabc"));
	assert_false(matches(MATCH_HAS, "abcd", "abc bcd"));
}

/* What is beyond the cut is not looked at, the last byte before it is. */
static void a_row_is_found_up_to_the_cut(void **state)
{
	char text[CONTENT_RULES_LINE + 2];

	(void)state;
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	memcpy(text + CONTENT_RULES_LINE - 2, "xy", 2);
	assert_true(matches(MATCH_HAS, "xy", text));
	memcpy(text + CONTENT_RULES_LINE - 2, "axy", 3);
	assert_true(matches(MATCH_HAS, "ax", text));
	assert_false(matches(MATCH_HAS, "xy", text));
}

/* Of few letters, so that many are found and many nearly. */
static void random_text(char *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = "abc \xc3\xa9"[rand() % 6];
	to[n] = '\0';
}

static void the_same_is_found_as_by_memmem(void **state)
{
	unsigned found = 0;

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		char row[8], text[64];
		struct slice s;
		bool has;

		random_text(row, 1 + (unsigned)rand() % 6);
		random_text(text, (unsigned)rand() % 40);
		s = slice_trim(slice_str(text));
		has = s.n && memmem(s.p, s.n, row, strlen(row));
		found += has;
		assert_int_equal(matches(MATCH_HAS, row, text), has);
	}
	assert_in_range(found, 20000, 180000);
}

static void facts_of_all_rows_come_together(void **state)
{
	static const struct content_rule rules[] = { { MATCH_STARTS, "auto", 1 }, { MATCH_HAS, "reply", 2 },
		{ MATCH_HAS, "replies", 4 }, { MATCH_ENDS, "end", 8 } };

	(void)state;
	assert_int_equal(content_table_facts(rules, 4, slice_str("Auto-Reply, the end")), 1 | 2 | 8);
	assert_int_equal(content_table_facts(rules, 4, slice_str("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rows_match_as_they_say),
		cmocka_unit_test(a_row_is_found_at_both_ends_and_between),
		cmocka_unit_test(a_row_is_found_up_to_the_cut), cmocka_unit_test(the_same_is_found_as_by_memmem),
		cmocka_unit_test(facts_of_all_rows_come_together) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
