/*
 * test_encoded_word: encoded words of header values, and lines of encoded text
 * (content_decode); any split of the lines gives the same text.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/content_decode.h"
#include "core/encoded_word.h"

static void test_words(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "plain text", "plain text" },
		{ "=?utf-8?Q?R=C3=A9ponse_x?=", "R\xc3\xa9ponse x" },
		{ "=?UTF-8?b?UsOpcG9uc2U=?=", "R\xc3\xa9ponse" },
		{ "=?iso-8859-1?Q?R=E9?=", "R\xc3\xa9" },
		{ "=?koi8-r?Q?=C1?=", "\xc1" },
		{ "a =?utf-8?Q?b?= c", "a b c" },
		{ "=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab" },
		{ "=?utf-8?Q?a?=   =?utf-8?B?Yg==?= c", "ab c" },
		{ "=?utf-8?Q?a", "=?utf-8?Q?a" },
		{ "=?utf-8?X?a?=", "=?utf-8?X?a?=" },
		{ "=??Q?a?=", "=??Q?a?=" },
		{ "=?utf-8?Q?=4?=", "=4" },
		{ "=?utf-8?Q?=00?=", "?" },
		{ "=?utf-8?B?====?=", "" },
		{ "=?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaxQ?b?=",
			"=?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaxQ?b?=" },
		{ "=?", "=?" },
		{ "", "" },
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(encoded_word_decode(slice_str(cases[i].in), text, sizeof text), strlen(cases[i].want));
		assert_string_equal(text, cases[i].want);
	}
	assert_int_equal(encoded_word_decode(SLICE_LIT("=?utf-8?Q?abcdef?="), text, 4), 3);
	assert_string_equal(text, "abc");
}

/* All lines of in (between LFs), each ended by "|", into to. */
static void decode(enum content_encoding encoding, const char *in, char *to)
{
	struct content_decode d;
	struct slice s = slice_str(in), line, text;
	size_t n = 0;

	content_decode_init(&d, encoding);
	while (slice_line(&s, &line)) {
		while (content_decode_next(&d, &line, &text)) {
			memcpy(to + n, text.p, text.n);
			n += text.n;
			to[n++] = '|';
		}
	}
	if (content_decode_rest(&d, &text)) {
		memcpy(to + n, text.p, text.n);
		n += text.n;
	}
	to[n] = '\0';
}

static void test_lines(void **state)
{
	static const struct {
		enum content_encoding encoding;
		const char *in, *want;
	} cases[] = {
		{ ENCODING_PLAIN, "a=41\nb\n", "a=41|b|" },
		{ ENCODING_QUOTED, "a=41=\nb\nc=\n", "aAb|c" },
		{ ENCODING_QUOTED, "=\n=4\n=zz\n", "=4|=zz|" },
		{ ENCODING_BASE64, "YQpi\nYw0K\nZA==\n", "a|bc|d" },
		{ ENCODING_BASE64, "Y\nQ\np\ni\n", "a|b" },
		{ ENCODING_BASE64, "!!!\n", "" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		decode(cases[i].encoding, cases[i].in, text);
		assert_string_equal(text, cases[i].want);
	}
	assert_int_equal((int)content_decode_encoding(SLICE_LIT("Base64")), ENCODING_BASE64);
	assert_int_equal((int)content_decode_encoding(SLICE_LIT("8bit")), ENCODING_PLAIN);
}

/* A line without an end comes in pieces. */
static void test_long_line(void **state)
{
	static char in[4 * CONTENT_DECODE_LINE], text[5 * CONTENT_DECODE_LINE];
	size_t marks = 0;

	(void)state;
	memset(in, 'x', sizeof in - 1);
	decode(ENCODING_QUOTED, in, text);
	for (size_t i = 0; text[i]; i++)
		marks += text[i] == '|';
	assert_int_equal(marks, 4);
	assert_int_equal(strlen(text), sizeof in - 1 + marks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
