/*
 * Lines out of pieces: every split of the input gives the same lines.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/line_split.h"

#define OUT 65536

static struct line_split split;

static void feed(struct slice in, char out[OUT])
{
	struct slice line;

	while (line_split_next(&split, &in, &line)) {
		size_t n = strlen(out);

		assert_true(n + line.n + 2 < OUT);
		memcpy(out + n, line.p, line.n);
		memcpy(out + n + line.n, "|", 2);
	}
	assert_int_equal(in.n, 0);
}

static void any_split(void **state)
{
	static const char text[] = "first\n\nsecond\r\n\r\nthird line\nrest";
	static const char want[] = "first||second||third line|";
	static char out[OUT];
	size_t n = sizeof text - 1;

	(void)state;
	for (size_t a = 0; a <= n; a++) {
		for (size_t b = a; b <= n; b++) {
			out[0] = '\0';
			line_split_reset(&split);
			feed(slice_of(text, a), out);
			feed(slice_of(text + a, b - a), out);
			feed(slice_of(text + b, n - b), out);
			assert_string_equal(out, want);
		}
	}
	out[0] = '\0';
	line_split_reset(&split);
	for (size_t i = 0; i < n; i++)
		feed(slice_of(text + i, 1), out);
	assert_string_equal(out, want);
}

static void too_long(void **state)
{
	static char text[3 * LINE_SPLIT_MAX], out[OUT];

	(void)state;
	for (size_t piece = 1; piece < 3 * LINE_SPLIT_MAX; piece = piece * 3 + 1) {
		uint64_t before = split.dropped;

		memset(text, 'x', sizeof text);
		text[LINE_SPLIT_MAX] = '\n';                          /* exactly fits */
		text[LINE_SPLIT_MAX + 1 + LINE_SPLIT_MAX + 1] = '\n'; /* one byte too long */
		memcpy(text + sizeof text - 4, "\nok\n", 4);
		out[0] = '\0';
		line_split_reset(&split);
		for (size_t i = 0; i < sizeof text; i += piece)
			feed(slice_head(slice_of(text + i, sizeof text - i), piece), out);
		assert_int_equal(split.dropped, before + 1);
		assert_int_equal(slice_find(slice_str(out), '|'), LINE_SPLIT_MAX);
		assert_true(slice_ends(slice_str(out), SLICE_LIT("|ok|")));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(any_split), cmocka_unit_test(too_long) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
