/*
 * test_content_grade: a report is told by its structure, bulk by its headers,
 * and no header makes less than bulk; any split gives the same grade.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/content_grade.h"

/* For tables: a slice as a constant. */
#define LIT(s)                                                                                                         \
	{                                                                                                              \
		(s), sizeof(s) - 1                                                                                     \
	}

#define REPORT_TYPE "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"b1\"\r\n\r\n"
#define TEXT_PART "--b1\r\nContent-Type: text/plain\r\n\r\nIt failed.\r\n\r\n"
#define STATUS_PART                                                                                                    \
	"--b1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"                  \
	"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
#define END_PART "--b1--\r\n"
#define MDN_PART                                                                                                       \
	"--b1\r\nContent-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822;a@b.example\r\n"        \
	"Disposition: automatic-action/MDN-sent-automatically; deleted\r\n\r\n"
#define ARF_PART                                                                                                       \
	"--b1\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: "    \
	"1\r\n\r\n"

static enum grade grade_of(struct slice s, bool is_null_sender)
{
	struct content_grade g;

	content_grade_init(&g, is_null_sender);
	content_grade_feed(&g, s);
	return content_grade_end(&g);
}

static const struct {
	const char *name;
	struct slice in;
	bool is_null_sender;
	enum grade want;
} cases[] = {
	{ "spam", LIT("Subject: buy\r\n\r\nnow\r\n"), false, GRADE_CONFIRMED },
	{ "empty", LIT(""), true, GRADE_CONFIRMED },
	{ "null sender alone", LIT("Subject: Undelivered\r\n\r\nsorry\r\n"), true, GRADE_CONFIRMED },
	{ "dsn", LIT(REPORT_TYPE "preamble\r\n" TEXT_PART STATUS_PART END_PART), true, GRADE_BACKSCATTER },
	{ "dsn, sender postmaster", LIT(REPORT_TYPE TEXT_PART STATUS_PART END_PART), false, GRADE_BACKSCATTER },
	{ "dsn, LF only",
		LIT("Content-Type: multipart/report; report-type=delivery-status; boundary=b1\n\n--b1\n"
		    "Content-Type: message/delivery-status\n\nReporting-MTA: x\nFinal-Recipient: y\nAction: failed"),
		true, GRADE_BACKSCATTER },
	{ "report header, no part", LIT(REPORT_TYPE TEXT_PART END_PART), true, GRADE_CONFIRMED },
	{ "report header, part behind the end", LIT(REPORT_TYPE TEXT_PART END_PART STATUS_PART), true,
		GRADE_CONFIRMED },
	{ "report header, other report", LIT(REPORT_TYPE TEXT_PART ARF_PART END_PART), false, GRADE_CONFIRMED },
	{ "report header, other boundary",
		LIT("Content-Type: multipart/report; report-type=delivery-status; boundary=b2\r\n\r\n" STATUS_PART),
		true, GRADE_CONFIRMED },
	{ "a field empty",
		LIT(REPORT_TYPE "--b1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: x\r\n"
				"Final-Recipient: \r\nAction: failed\r\n" END_PART),
		true, GRADE_CONFIRMED },
	{ "fields in two parts",
		LIT(REPORT_TYPE "--b1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: x\r\n"
				"--b1\r\nContent-Type: text/plain\r\n\r\nFinal-Recipient: y\r\nAction: z\r\n" END_PART),
		true, GRADE_CONFIRMED },
	{ "two content types", LIT("Content-Type: text/plain\r\n" REPORT_TYPE STATUS_PART END_PART), true,
		GRADE_CONFIRMED },
	{ "mixed with a status part, null sender",
		LIT("Content-Type: multipart/mixed; boundary=b1\r\n\r\n" TEXT_PART STATUS_PART END_PART), true,
		GRADE_BACKSCATTER },
	{ "the same, with a sender",
		LIT("Content-Type: multipart/mixed; boundary=b1\r\n\r\n" TEXT_PART STATUS_PART END_PART), false,
		GRADE_CONFIRMED },
	{ "read receipt",
		LIT("Content-Type: Multipart/Report; Report-Type=\"disposition-notification\"; "
		    "boundary=b1\r\n\r\n" TEXT_PART MDN_PART END_PART),
		false, GRADE_BACKSCATTER },
	{ "feedback report",
		LIT("Content-Type: multipart/report (x); boundary=b1; report-type=feedback-report\r\n\r\n" ARF_PART
				END_PART),
		false, GRADE_BACKSCATTER },
	{ "list", LIT("List-Id: <l.example>\r\n\r\n"), false, GRADE_BULK },
	{ "unsubscribe", LIT("List-Unsubscribe: <mailto:u@x>\r\n\r\n"), false, GRADE_BULK },
	{ "precedence", LIT("Precedence: BULK\r\n\r\n"), false, GRADE_BULK },
	{ "precedence other", LIT("Precedence: first-class\r\n\r\n"), false, GRADE_CONFIRMED },
	{ "vacation", LIT("Auto-Submitted: auto-replied\r\n\r\nI am away\r\n"), true, GRADE_BULK },
	{ "by hand", LIT("Auto-Submitted: no\r\n\r\n"), false, GRADE_CONFIRMED },
	{ "empty list id", LIT("List-Id: \r\n\r\n"), false, GRADE_CONFIRMED },
	{ "everything a spammer can add",
		LIT("Auto-Submitted: auto-generated\r\nPrecedence: junk\r\nList-Id: x\r\nReturn-Path: <>\r\n"
		    "X-Failed-Recipients: a@b\r\nFrom: MAILER-DAEMON\r\n\r\n"),
		false, GRADE_BULK },
};
#define CASES (sizeof cases / sizeof cases[0])

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		enum grade g = grade_of(cases[i].in, cases[i].is_null_sender);

		if (g != cases[i].want)
			print_error("%s: %s\n", cases[i].name, grade_name(g));
		assert_int_equal((int)g, (int)cases[i].want);
	}
}

static void test_any_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		for (size_t j = 0; j <= cases[i].in.n; j++) {
			struct content_grade g;

			content_grade_init(&g, cases[i].is_null_sender);
			content_grade_feed(&g, slice_head(cases[i].in, j));
			content_grade_feed(&g, slice_from(cases[i].in, j));
			assert_int_equal((int)content_grade_end(&g), (int)cases[i].want);
		}
	}
}

static void test_bytewise(void **state)
{
	struct content_grade g;

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		content_grade_init(&g, cases[i].is_null_sender);
		for (size_t j = 0; j < cases[i].in.n; j++)
			content_grade_feed(&g, slice_head(slice_from(cases[i].in, j), 1));
		assert_int_equal((int)content_grade_end(&g), (int)cases[i].want);
	}
}

/* The structure must stand within the first 64 kB. */
static void test_body_cap(void **state)
{
	static char text[CONTENT_GRADE_BODY];
	struct content_grade g;

	(void)state;
	memset(text, 'x', sizeof text);
	for (int is_early = 0; is_early < 2; is_early++) {
		content_grade_init(&g, true);
		content_grade_feed(&g, SLICE_LIT(REPORT_TYPE));
		content_grade_feed(&g, slice_of(text, is_early ? 1000 : sizeof text));
		content_grade_feed(&g, SLICE_LIT("\r\n" STATUS_PART END_PART));
		assert_int_equal((int)content_grade_end(&g), is_early ? GRADE_BACKSCATTER : GRADE_CONFIRMED);
	}
}

static void test_content_type(void **state)
{
	static const struct {
		struct slice in;
		enum err want;
		const char *type, *boundary;
	} types[] = {
		{ LIT("text/plain"), ERR_OK, "text/plain", "" },
		{ LIT(" Text / PLAIN ; a=b;"), ERR_OK, "text/plain", "" },
		{ LIT("a/b; boundary=\"x y\\\"z\""), ERR_OK, "a/b", "x y\"z" },
		{ LIT("a/b; boundary=x(comment (nested) \\) )"), ERR_OK, "a/b", "x" },
		{ LIT("a/b; boundary=x; boundary=y"), ERR_SYNTAX, "", "" },
		{ LIT("text"), ERR_SYNTAX, "", "" },
		{ LIT("/plain"), ERR_SYNTAX, "", "" },
		{ LIT("a/b; boundary=\"x"), ERR_SYNTAX, "", "" },
		{ LIT("a/b; boundary"), ERR_SYNTAX, "", "" },
		{ LIT("a/b c/d"), ERR_SYNTAX, "", "" },
		{ LIT(""), ERR_SYNTAX, "", "" },
		{ LIT("a/b; boundary=\"a\0b\""), ERR_SYNTAX, "", "" },
		{ LIT("a/b; "
		      "boundary=0123456789012345678901234567890123456789012345678901234567890123456789012345678901"),
			ERR_LIMIT, "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		struct content_type t = { .type = "" };

		assert_int_equal((int)content_type_parse(types[i].in, &t), (int)types[i].want);
		assert_string_equal(t.type, types[i].type);
		assert_string_equal(t.boundary, types[i].boundary);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_any_split),
		cmocka_unit_test(test_bytewise),
		cmocka_unit_test(test_body_cap),
		cmocka_unit_test(test_content_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
