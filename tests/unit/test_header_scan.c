/*
 * test_header_scan: fields, folding, caps, broken and hostile headers; any
 * split of the input gives the same result.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/header_scan.h"

/* For tables: a slice as a constant. */
#define LIT(s)                                                                                                         \
	{                                                                                                              \
		(s), sizeof(s) - 1                                                                                     \
	}

static size_t scan(struct header_scan *h, struct slice s)
{
	size_t n;

	header_scan_init(h);
	n = header_scan_feed(h, s);
	header_scan_end(h);
	return n;
}

static void test_fields(void **state)
{
	static const struct {
		struct slice in;
		enum header_field field;
		const char *want;
		int times;
	} cases[] = {
		{ LIT("Subject: hello\r\n\r\n"), HEADER_SUBJECT, "hello", 1 },
		{ LIT("sUBJECT:hello\n\n"), HEADER_SUBJECT, "hello", 1 },
		{ LIT("Subject \t: hello  \r\n\r\n"), HEADER_SUBJECT, "hello", 1 },
		{ LIT("Subject: a\r\n b\r\n\tc\r\nX: y\r\n\r\n"), HEADER_SUBJECT, "a b c", 1 },
		{ LIT("Subject:\r\n folded\r\n\r\n"), HEADER_SUBJECT, "folded", 1 },
		{ LIT("Subject: one\r\nSubject: two\r\n\r\n"), HEADER_SUBJECT, "one", 2 },
		{ LIT("Subject: a\0b\x01\x1b[31mc\r\r\n\r\n"), HEADER_SUBJECT, "a?b??[31mc?", 1 },
		{ LIT("Subject: gr\xfc\xdf\r\n\r\n"), HEADER_SUBJECT, "gr\xfc\xdf", 1 },
		{ LIT("Subject: a\rList-Id: b\r\n\r\n"), HEADER_LIST_ID, "", 0 },
		{ LIT("Message-ID: <1@x>"), HEADER_MESSAGE_ID, "<1@x>", 1 },
		{ LIT("X: y\r\n\r\nSubject: body\r\n"), HEADER_SUBJECT, "", 0 },
		{ LIT("X: y\r\nno field here\r\nSubject: body\r\n\r\n"), HEADER_SUBJECT, "", 0 },
		{ LIT(" Subject: folded at once\r\n\r\n"), HEADER_SUBJECT, "", 0 },
		{ LIT(": empty name\r\nSubject: x\r\n\r\n"), HEADER_SUBJECT, "", 0 },
		{ LIT("Subjects: x\r\nSubjec: y\r\n\r\n"), HEADER_SUBJECT, "", 0 },
		{ LIT("List-Unsubscribe: <mailto:x>\r\nPrecedence: bulk\r\n\r\n"), HEADER_PRECEDENCE, "bulk", 1 },
		{ LIT("Return-Path: <>\r\n\r\n"), HEADER_RETURN_PATH, "<>", 1 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct header_scan h;

		(void)scan(&h, cases[i].in);
		assert_true(h.is_done);
		assert_string_equal(h.value[cases[i].field].text, cases[i].want);
		assert_int_equal(h.value[cases[i].field].times, cases[i].times);
	}
}

static void test_border(void **state)
{
	static const struct slice in = LIT("A: b\r\n\r\nbody\r\n");
	struct header_scan h;

	(void)state;
	assert_int_equal(scan(&h, in), 8);
	assert_int_equal(h.bytes, 8);
	assert_int_equal(header_scan_feed(&h, in), 0);
	assert_int_equal(scan(&h, SLICE_LIT("\r\nbody")), 2);
	assert_int_equal(scan(&h, SLICE_LIT("")), 0);
}

static void test_caps(void **state)
{
	size_t n = 2u * HEADER_SCAN_MAX;
	char *p = malloc(n);
	struct header_scan h;

	(void)state;
	assert_non_null(p);
	memset(p, 'x', n);
	memcpy(p, "Subject:", 8);
	assert_int_equal(scan(&h, (struct slice){ p, n }), HEADER_SCAN_MAX);
	assert_int_equal(h.value[HEADER_SUBJECT].n, HEADER_VALUE - 1);
	assert_true(h.value[HEADER_SUBJECT].is_cut);
	memset(p, 'x', n); /* an endless name */
	assert_int_equal(scan(&h, (struct slice){ p, n }), HEADER_SCAN_MAX);
	for (size_t i = 0; i + 2 <= n; i += 2) /* 131,072 folded lines */
		memcpy(p + i, "\n ", 2);
	memcpy(p, "Subject:", 8);
	assert_int_equal(scan(&h, (struct slice){ p, n }), HEADER_SCAN_MAX);
	free(p);
}

static void test_any_split(void **state)
{
	static const struct slice in = LIT("Subject: a\r\n b\rc\r\r\nMessage-Id:\r\n <1>\r\nList-Id : x \r\n"
					   "Subject: again\r\n\r\nbody: no\r\n");
	struct header_scan whole, h;
	size_t used = scan(&whole, in);

	(void)state;
	for (size_t i = 0; i <= in.n; i++) {
		for (size_t j = i; j <= in.n; j++) {
			size_t n = 0;

			header_scan_init(&h);
			n += header_scan_feed(&h, slice_head(in, i));
			n += header_scan_feed(&h, (struct slice){ in.p + i, j - i });
			n += header_scan_feed(&h, slice_from(in, j));
			header_scan_end(&h);
			assert_int_equal(n, used);
			assert_memory_equal(h.value, whole.value, sizeof h.value);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_border),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_any_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
