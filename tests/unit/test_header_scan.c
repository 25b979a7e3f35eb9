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

/* What was seen of one field: its first value, how often it came. */
struct seen {
	const char *name;
	char value[HEADER_VALUE];
	int times, fields;
	bool is_cut;
};

static void note(const struct header_scan *h, struct seen *s)
{
	if (!h->has_field)
		return;
	assert_int_equal(strlen(h->value), h->value_n);
	s->fields++;
	if (!slice_eq(header_scan_name(h), slice_str(s->name)))
		return;
	if (s->times++ == 0) {
		memcpy(s->value, h->value, h->value_n + 1u);
		s->is_cut = h->is_cut;
	}
}

static size_t feed(struct header_scan *h, struct slice s, struct seen *seen)
{
	size_t used = 0;

	while (used < s.n && !h->is_done) {
		used += header_scan_feed(h, slice_from(s, used));
		note(h, seen);
	}
	return used;
}

static size_t scan(struct slice s, struct seen *seen)
{
	struct header_scan h;
	size_t n;

	header_scan_init(&h, NULL);
	n = feed(&h, s, seen);
	header_scan_end(&h);
	note(&h, seen);
	assert_true(h.is_done);
	assert_int_equal(h.bytes, n);
	return n;
}

static void test_fields(void **state)
{
	static const struct {
		struct slice in;
		const char *name, *want;
		int times;
	} cases[] = {
		{ LIT("Subject: hello\r\n\r\n"), "subject", "hello", 1 },
		{ LIT("sUBJECT:hello\n\n"), "subject", "hello", 1 },
		{ LIT("Subject \t: hello  \r\n\r\n"), "subject", "hello", 1 },
		{ LIT("Subject: a\r\n b\r\n\tc\r\nX: y\r\n\r\n"), "subject", "a b c", 1 },
		{ LIT("Subject:\r\n folded\r\n\r\n"), "subject", "folded", 1 },
		{ LIT("Subject: one\r\nSubject: two\r\n\r\n"), "subject", "one", 2 },
		{ LIT("Subject: a\0b\x01\x1b[31mc\r\r\n\r\n"), "subject", "a?b??[31mc?", 1 },
		{ LIT("Subject: gr\xfc\xdf\r\n\r\n"), "subject", "gr\xfc\xdf", 1 },
		{ LIT("Subject: a\rList-Id: b\r\n\r\n"), "list-id", "", 0 },
		{ LIT("Subject: a\rList-Id: b\r\n\r\n"), "subject", "a?List-Id: b", 1 },
		{ LIT("Message-ID: <1@x>"), "message-id", "<1@x>", 1 },
		{ LIT("X: y\r\n\r\nSubject: body\r\n"), "subject", "", 0 },
		{ LIT("X: y\r\nno field here\r\nSubject: body\r\n\r\n"), "subject", "", 0 },
		{ LIT(" Subject: folded at once\r\n\r\n"), "subject", "", 0 },
		{ LIT(": empty name\r\nSubject: x\r\n\r\n"), "subject", "", 0 },
		{ LIT("X: y\r\n: empty name\r\nSubject: x\r\n\r\n"), "subject", "", 0 },
		{ LIT("Subjects: x\r\nSubjec: y\r\n\r\n"), "subject", "", 0 },
		{ LIT("Subject:\r\n\r\n"), "subject", "", 1 },
		{ LIT("Subject: x\r\n \r\n\r\n"), "subject", "x", 1 },
		{ LIT("0123456789012345678901234567890123456789abcdefgh: x\r\n\r\n"), "", "x", 1 },
		{ LIT("Return-Path: <>\r\n\r\n"), "return-path", "<>", 1 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct seen s = { .name = cases[i].name };

		(void)scan(cases[i].in, &s);
		assert_string_equal(s.value, cases[i].want);
		assert_int_equal(s.times, cases[i].times);
	}
}

static void test_border(void **state)
{
	static const struct slice in = LIT("A: b\r\n\r\nbody\r\n");
	struct seen s = { .name = "a" };

	(void)state;
	assert_int_equal(scan(in, &s), 8);
	assert_int_equal(s.fields, 1);
	assert_int_equal(scan(SLICE_LIT("\r\nbody"), &s), 2);
	assert_int_equal(scan(SLICE_LIT(""), &s), 0);
	assert_int_equal(s.fields, 1);
}

static void test_caps(void **state)
{
	size_t n = 2u * HEADER_SCAN_MAX;
	char *p = malloc(n);
	struct seen s = { .name = "subject" };

	(void)state;
	assert_non_null(p);
	memset(p, 'x', n);
	memcpy(p, "Subject:", 8);
	assert_int_equal(scan((struct slice){ p, n }, &s), HEADER_SCAN_MAX);
	assert_int_equal(strlen(s.value), HEADER_VALUE - 1);
	assert_true(s.is_cut);
	memset(p, 'x', n); /* an endless name */
	assert_int_equal(scan((struct slice){ p, n }, &s), HEADER_SCAN_MAX);
	for (size_t i = 0; i + 2 <= n; i += 2) /* 131,072 folded lines */
		memcpy(p + i, "\n ", 2);
	memcpy(p, "Subject:", 8);
	assert_int_equal(scan((struct slice){ p, n }, &s), HEADER_SCAN_MAX);
	for (size_t i = 0; i + 4 <= n; i += 4) /* 65,536 fields */
		memcpy(p + i, "a:b\n", 4);
	s.fields = 0;
	assert_int_equal(scan((struct slice){ p, n }, &s), HEADER_SCAN_MAX);
	assert_int_equal(s.fields, HEADER_LINES);
	memcpy(p + 4 * (HEADER_LINES + 100), "\r\n\r\n", 4); /* the end is still found */
	assert_int_equal(scan((struct slice){ p, n }, &s), 4 * (HEADER_LINES + 100) + 2);
	free(p);
}

static void test_any_split(void **state)
{
	static const struct slice in = LIT("Subject: a\r\n b\rc\r\r\nMessage-Id:\r\n <1>\r\nList-Id : x \r\n"
					   "Subject: again\r\n\r\nbody: no\r\n");
	static const char *const names[] = { "subject", "message-id", "list-id" };

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct seen whole = { .name = names[k] };
		size_t used = scan(in, &whole);

		for (size_t i = 0; i <= in.n; i++) {
			for (size_t j = i; j <= in.n; j++) {
				struct seen s = { .name = names[k] };
				struct header_scan h;
				size_t n;

				header_scan_init(&h, NULL);
				n = feed(&h, slice_head(in, i), &s);
				n += feed(&h, (struct slice){ in.p + i, j - i }, &s);
				n += feed(&h, slice_from(in, j), &s);
				header_scan_end(&h);
				note(&h, &s);
				assert_int_equal(n, used);
				assert_string_equal(s.value, whole.value);
				assert_int_equal(s.times, whole.times);
				assert_int_equal(s.fields, whole.fields);
			}
		}
	}
}

static bool wants_subject(struct slice name)
{
	return slice_eq(name, SLICE_LIT("subject"));
}

/* Fields that nobody wants cost nothing and are not shown; nor is any after skip_rest. */
static void test_wanted(void **state)
{
	static const struct slice in = LIT("A: b\r\nSubject: x\r\n y\r\nC:\r\n d\r\nSubject: z\r\n\r\nbody");
	struct seen s = { .name = "subject" };
	struct header_scan h;

	(void)state;
	header_scan_init(&h, wants_subject);
	assert_int_equal(feed(&h, in, &s), in.n - 4);
	assert_true(h.is_done);
	assert_int_equal(s.fields, 2);
	assert_string_equal(s.value, "x y");
	s = (struct seen){ .name = "subject" };
	header_scan_init(&h, wants_subject);
	(void)feed(&h, slice_head(in, 25), &s);
	header_scan_skip_rest(&h);
	(void)feed(&h, slice_from(in, 25), &s);
	assert_true(h.is_done);
	assert_int_equal(s.fields, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_border),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_any_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
