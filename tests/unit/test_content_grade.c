/*
 * test_content_grade: a report is told by its structure, bulk and automatic mail
 * by headers and words, which never make weight 0; any split gives the same grade.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/content_grade.h"
#include "core/content_rules.h"

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
#define PDF_PART                                                                                                       \
	"--b1\r\nContent-Type: application/pdf; name=invoice.pdf\r\nContent-Disposition: attachment; "                 \
	"filename=invoice.pdf\r\n\r\nx\r\n"
#define MDN_PART                                                                                                       \
	"--b1\r\nContent-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822;a@b.example\r\n"        \
	"Disposition: automatic-action/MDN-sent-automatically; deleted\r\n\r\n"
#define ARF_PART                                                                                                       \
	"--b1\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: "    \
	"1\r\n\r\n"

/* A returned message that the trap sent, and one that somebody else sent. */
#define RETURNED_PART                                                                                                  \
	"--b1\r\nContent-Type: message/rfc822\r\n\r\nReceived: from a by b\r\nFrom: \"X\" <Trap@ours.example>\r\n"     \
	"Subject: x\r\n\r\nbody\r\n"
#define RETURNED_OTHER                                                                                                 \
	"--b1\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: nottrap@ours.example\r\nTo: trap@ours.example\r\n"     \
	"Sender: trap@ours.example.net\r\n\r\n"
#define QMAIL                                                                                                          \
	"Hi. This is the qmail-send program at mx.example.\r\nI'm afraid I wasn't able to deliver your "               \
	"message.\r\n\r\n"                                                                                             \
	"<a@b.example>:\r\nno such user\r\n\r\n"
#define COPY                                                                                                           \
	"--- Below this line is a copy of the message.\r\n\r\nReturn-Path: <trap@ours.example>\r\n"                    \
	"Received: (qmail 1 invoked from network)\r\n\tby somebody\r\nSubject: x\r\n\r\nbody\r\n"
#define MIXED_TYPE "Content-Type: multipart/mixed; boundary=b1\r\n\r\n"
#define NONE SLICE_LIT("")
#define TRAP SLICE_LIT("trap@ours.example")

static enum grade grade_from(struct slice s, struct slice sender)
{
	static struct content_grade g;

	content_grade_init(&g, sender, TRAP);
	content_grade_feed(&g, s);
	return content_grade_end(&g);
}

static const struct {
	const char *name;
	struct slice in;
	const char *sender;
	enum grade want;
} cases[] = {
	{ "spam", LIT("Subject: buy\r\n\r\nnow\r\n"), "a@b.example", GRADE_CONFIRMED },
	{ "empty", LIT(""), "", GRADE_CONFIRMED },
	{ "null sender alone", LIT("Subject: Undelivered\r\n\r\nsorry, trap@ours.example\r\n"), "", GRADE_CONFIRMED },
	/* delivery reports */
	{ "dsn", LIT(REPORT_TYPE "preamble\r\n" TEXT_PART STATUS_PART END_PART), "", GRADE_BACKSCATTER },
	{ "dsn, sender postmaster", LIT(REPORT_TYPE TEXT_PART STATUS_PART END_PART), "postmaster@b.example",
		GRADE_AUTOMATIC },
	{ "the same, the trap's mail returned", LIT(REPORT_TYPE TEXT_PART STATUS_PART RETURNED_PART END_PART),
		"postmaster@b.example", GRADE_BACKSCATTER },
	{ "the same, other mail returned", LIT(REPORT_TYPE TEXT_PART STATUS_PART RETURNED_OTHER END_PART),
		"postmaster@b.example", GRADE_AUTOMATIC },
	{ "dsn, LF only",
		LIT("Content-Type: multipart/report; report-type=delivery-status; boundary=b1\n\n--b1\n"
		    "Content-Type: message/delivery-status\n\nReporting-MTA: x\nFinal-Recipient: y\nAction: failed"),
		"", GRADE_BACKSCATTER },
	{ "dsn with a file", LIT(REPORT_TYPE TEXT_PART STATUS_PART PDF_PART END_PART), "", GRADE_AUTOMATIC },
	{ "dsn inside mixed",
		LIT("Content-Type: multipart/mixed; boundary=b0\r\n\r\n--b0\r\n" REPORT_TYPE STATUS_PART END_PART
		    "--b0--\r\n"),
		"", GRADE_BACKSCATTER },
	{ "dsn about the trap itself",
		LIT(REPORT_TYPE "--b1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: x\r\n\r\n"
				"Final-Recipient: rfc822;trap@ours.example\r\nAction: failed\r\n" END_PART),
		"", GRADE_CONFIRMED },
	{ "report header, no part", LIT(REPORT_TYPE TEXT_PART END_PART), "", GRADE_CONFIRMED },
	{ "report header, part behind the end", LIT(REPORT_TYPE TEXT_PART END_PART STATUS_PART), "", GRADE_CONFIRMED },
	{ "report header, other report", LIT(REPORT_TYPE TEXT_PART ARF_PART END_PART), "a@b.example", GRADE_CONFIRMED },
	{ "report header, other boundary",
		LIT("Content-Type: multipart/report; report-type=delivery-status; boundary=b2\r\n\r\n" STATUS_PART), "",
		GRADE_CONFIRMED },
	{ "a field empty",
		LIT(REPORT_TYPE "--b1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: x\r\n"
				"Final-Recipient: \r\nAction: failed\r\n" END_PART),
		"", GRADE_CONFIRMED },
	{ "fields in two parts",
		LIT(REPORT_TYPE "--b1\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: x\r\n"
				"--b1\r\nContent-Type: text/plain\r\n\r\nFinal-Recipient: y\r\nAction: z\r\n" END_PART),
		"", GRADE_CONFIRMED },
	{ "two content types", LIT("Content-Type: text/plain\r\n" REPORT_TYPE STATUS_PART END_PART), "",
		GRADE_CONFIRMED },
	{ "mixed with a status part, null sender", LIT(MIXED_TYPE TEXT_PART STATUS_PART END_PART), "",
		GRADE_BACKSCATTER },
	{ "the same, with a sender", LIT(MIXED_TYPE TEXT_PART STATUS_PART END_PART), "a@b.example", GRADE_CONFIRMED },
	{ "returned mail, null sender", LIT(MIXED_TYPE RETURNED_PART END_PART), "", GRADE_BACKSCATTER },
	{ "returned mail, a sender: somebody forwards", LIT(MIXED_TYPE RETURNED_PART END_PART), "a@b.example",
		GRADE_CONFIRMED },
	{ "other mail returned, null sender", LIT(MIXED_TYPE RETURNED_OTHER END_PART), "", GRADE_CONFIRMED },
	/* bounces of text */
	{ "qmail", LIT("From: MAILER-DAEMON@mx.example\r\n\r\n" QMAIL COPY), "", GRADE_BACKSCATTER },
	{ "qmail, sender", LIT("From: MAILER-DAEMON@mx.example\r\n\r\n" QMAIL COPY), "a@b.example", GRADE_AUTOMATIC },
	{ "qmail, nothing returned", LIT("\r\n" QMAIL), "", GRADE_AUTOMATIC },
	{ "qmail's words in spam", LIT("From: a@b\r\n\r\n" QMAIL), "a@b.example", GRADE_CONFIRMED },
	{ "exim",
		LIT("X-Failed-Recipients: a@b.example\r\nAuto-Submitted: auto-replied\r\nFrom: Mail Delivery System "
		    "<Mailer-Daemon@mx.example>\r\n\r\nThis message was created automatically by mail delivery "
		    "software.\r\n\r\n------ This is a copy ------\r\n\r\nReturn-path: "
		    "<trap@ours.example>\r\nReceived: "
		    "from x\r\nTo: a@b.example\r\n\r\nx\r\n"),
		"", GRADE_BACKSCATTER },
	{ "X-Failed-Recipients alone", LIT("X-Failed-Recipients: a@b.example\r\n\r\nbuy\r\n"), "a@b.example",
		GRADE_CONFIRMED },
	/* bounces known by their subject */
	{ "postmaster returns, no known words",
		LIT("From: postmaster@b.example\r\nSubject: Undeliverable Mail\r\n\r\nOdd final userid: "
		    "x@b.example\r\n"),
		"", GRADE_AUTOMATIC },
	{ "the same, names nobody",
		LIT("From: postmaster@b.example\r\nSubject: Undeliverable Mail\r\n\r\nbuy, trap@ours.example\r\n"), "",
		GRADE_CONFIRMED },
	{ "the same, with a link",
		LIT("From: postmaster@b.example\r\nSubject: Undeliverable Mail\r\n\r\nx@b.example http://x/\r\n"), "",
		GRADE_CONFIRMED },
	{ "the same, a link and words of a mail system",
		LIT("From: postmaster@b.example\r\nSubject: Undeliverable Mail\r\n\r\nx@b.example: user unknown\r\n"
		    "http://x/\r\n"),
		"", GRADE_AUTOMATIC },
	{ "a robot of people's address",
		LIT("From: desk@b.example\r\nSubject: Hello (delivery failed)\r\n\r\nnot be delivered to "
		    "x@b.example\r\n"),
		"desk@b.example", GRADE_BULK },
	{ "words before the first part",
		LIT("From: postmaster@b.example\r\nSubject: Returned mail\r\n" MIXED_TYPE "x@b.example\r\n" END_PART),
		"", GRADE_AUTOMATIC },
	{ "text with a broken parameter",
		LIT("Content-Type: text/plain\r\n charset=us-ascii\r\nFrom: postmaster@b.example\r\n"
		    "Subject: Returned mail\r\n\r\nx@b.example\r\n"),
		"", GRADE_AUTOMATIC },
	{ "a report inside of a returned message",
		LIT("Content-Type: multipart/mixed; boundary=b0\r\n\r\n--b0\r\nContent-Type: message/rfc822\r\n\r\n"
		    "From: postmaster@b.example\r\n" REPORT_TYPE STATUS_PART END_PART "--b0--\r\n"),
		"", GRADE_AUTOMATIC },
	{ "the same, sent on by somebody",
		LIT("Content-Type: multipart/mixed; boundary=b0\r\n\r\n--b0\r\nContent-Type: message/rfc822\r\n\r\n"
		    "From: postmaster@b.example\r\n" REPORT_TYPE STATUS_PART END_PART "--b0--\r\n"),
		"a@b.example", GRADE_CONFIRMED },
	{ "a complaint without a report part",
		LIT("Subject: complaint about message from 192.0.2.1\r\n" MIXED_TYPE RETURNED_OTHER END_PART),
		"staff@b.example", GRADE_BULK },
	/* receipts and reports */
	{ "read receipt",
		LIT("Content-Type: Multipart/Report; Report-Type=\"disposition-notification\"; "
		    "boundary=b1\r\n\r\n" TEXT_PART MDN_PART END_PART),
		"a@b.example", GRADE_AUTOMATIC },
	{ "feedback report",
		LIT("Content-Type: multipart/report (x); boundary=b1; report-type=feedback-report\r\n\r\n" ARF_PART
				RETURNED_PART END_PART),
		"fbl@b.example", GRADE_BACKSCATTER },
	{ "aggregate report",
		LIT("Subject: Report Domain: ours.example Submitter: b.example Report-ID: 1\r\nContent-Type: "
		    "application/gzip; name=\"b.example!ours.example!1700000000!1700086399.xml.gz\"\r\n\r\nH4sI\r\n"),
		"noreply@b.example", GRADE_AUTOMATIC },
	/* lists */
	{ "list", LIT("List-Id: <l.example>\r\n\r\n"), "a@b.example", GRADE_BULK },
	{ "list id of another, with a link", LIT("List-Id: <l.other.test>\r\n\r\nhttp://x/\r\n"), "a@b.example",
		GRADE_CONFIRMED },
	{ "list id of the sender, with a link", LIT("List-Id: News <news.b.example>\r\n\r\nhttp://x/\r\n"),
		"a@mail.b.example", GRADE_BULK },
	{ "list id of the signer, with a link",
		LIT("DKIM-Signature: v=1; a=rsa; d=esp.test; s=x\r\nList-Id: <1.mail.esp.test>\r\n\r\nhttp://x/\r\n"),
		"a@b.example", GRADE_BULK },
	{ "list id of the sending host, with a link",
		LIT("Received: from out.esp.test (out.esp.test [192.0.2.1])\r\n\tby mx\r\nList-Id: <1.esp.test>\r\n\r\n"
		    "http://x/\r\n"),
		"a@b.example", GRADE_BULK },
	{ "precedence, with a link", LIT("Precedence: bulk\r\n\r\nhttp://x/\r\n"), "a@b.example", GRADE_CONFIRMED },
	{ "the same, of a list's sender", LIT("Precedence: bulk\r\n\r\nhttp://x/\r\n"), "owner-l@b.example",
		GRADE_BULK },
	{ "the same, Sender is a list's", LIT("Sender: owner-l@b.example\r\nPrecedence: bulk\r\n\r\nhttp://x/\r\n"),
		"a@b.example", GRADE_BULK },
	{ "the same, errors go to a list's owner",
		LIT("Errors-To: owner-l@b.example\r\nPrecedence: bulk\r\n\r\nhttp://x/\r\n"), "a@b.example",
		GRADE_BULK },
	{ "list software, with a link", LIT("Precedence: list\r\n\r\nhttp://x/\r\n"), "a@b.example", GRADE_BULK },
	{ "unsubscribe without an URL", LIT("List-Unsubscribe: /u?1\r\nList-Help: x\r\nDKIM-Signature: v=1\r\n\r\n"),
		"a@b.example", GRADE_CONFIRMED },
	{ "unsubscribe alone", LIT("List-Unsubscribe: <mailto:u@x>\r\n\r\n"), "a@b.example", GRADE_CONFIRMED },
	{ "unsubscribe and more", LIT("List-Unsubscribe: <mailto:u@x>\r\nList-Help: x\r\nDKIM-Signature: v=1\r\n\r\n"),
		"a@b.example", GRADE_BULK },
	{ "precedence", LIT("Precedence: BULK\r\n\r\n"), "a@b.example", GRADE_BULK },
	{ "precedence other", LIT("Precedence: first-class\r\n\r\n"), "a@b.example", GRADE_CONFIRMED },
	{ "empty list id", LIT("List-Id: \r\n\r\n"), "a@b.example", GRADE_CONFIRMED },
	{ "list confirmation", LIT("Subject: confirm 0123456789abcdef\r\n\r\n"), "l-confirm+0123@b.example",
		GRADE_BULK },
	/* automatic replies */
	{ "vacation", LIT("Auto-Submitted: auto-replied\r\n\r\nI am away\r\n"), "", GRADE_AUTOMATIC },
	{ "auto-submitted alone", LIT("Auto-Submitted: auto-replied\r\n\r\nbuy\r\n"), "a@b.example", GRADE_BULK },
	{ "vacation, encoded subject",
		LIT("Subject: =?utf-8?Q?R=C3=A9ponse?= =?utf-8?B?IGF1dG9tYXRpcXVlIDogeA==?=\r\nX-Autoreply: "
		    "yes\r\n\r\n"),
		"a@b.example", GRADE_AUTOMATIC },
	{ "vacation, latin-1", LIT("Subject: =?iso-8859-1?Q?R=E9ponse_automatique?=\r\n\r\n"), "", GRADE_AUTOMATIC },
	{ "by hand", LIT("Auto-Submitted: no\r\n\r\n"), "a@b.example", GRADE_CONFIRMED },
	{ "a thread alone", LIT("In-Reply-To: <1@x>\r\nReferences: <1@x>\r\n\r\nbuy"), "a@b.example", GRADE_CONFIRMED },
	{ "quota, phishing", LIT("From: postmaster@ours.example\r\nSubject: Mailbox quota\r\n\r\nhttp://x/\r\n"),
		"a@b.example", GRADE_CONFIRMED },
	{ "everything a spammer can add",
		LIT("Auto-Submitted: auto-generated\r\nPrecedence: junk\r\nList-Id: x\r\nReturn-Path: <>\r\n"
		    "X-Loop: a@b\r\nFrom: a@b\r\n\r\n"),
		"a@b.example", GRADE_BULK },
	{ "a list with failed recipients", LIT("List-Id: x\r\nX-Failed-Recipients: a@b\r\n\r\n"), "a@b.example",
		GRADE_CONFIRMED },
	{ "a list refuses a post", LIT("From: l+owner@b.example\r\n" MIXED_TYPE RETURNED_PART END_PART),
		"l+bounces-help@b.example", GRADE_AUTOMATIC },
	{ "away, quoted-printable",
		LIT("Content-Transfer-Encoding: quoted-printable\r\n\r\nich bin i=\r\nm =55rlaub\r\n"), "a@b.example",
		GRADE_BULK },
	{ "away, base64, koi8-r", LIT("Content-Transfer-Encoding: base64\r\n\r\n8SDXIM/U0NXTy8Ug\r\nxM8gNC4K\r\n"),
		"a@b.example", GRADE_BULK },
	{ "away, with a link", LIT("Content-Transfer-Encoding: base64\r\n\r\naW0gdXJsYXViCmh0dHA6Ly94Lwo=\r\n"),
		"a@b.example", GRADE_CONFIRMED },
};
#define CASES (sizeof cases / sizeof cases[0])

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		enum grade g = grade_from(cases[i].in, slice_str(cases[i].sender));

		if (g != cases[i].want)
			fail_msg("%s: %s", cases[i].name, grade_name(g));
	}
}

static void test_any_split(void **state)
{
	static struct content_grade g;

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		for (size_t j = 0; j <= cases[i].in.n; j++) {
			content_grade_init(&g, slice_str(cases[i].sender), TRAP);
			content_grade_feed(&g, slice_head(cases[i].in, j));
			content_grade_feed(&g, slice_from(cases[i].in, j));
			assert_int_equal((int)content_grade_end(&g), (int)cases[i].want);
		}
	}
}

static void test_bytewise(void **state)
{
	static struct content_grade g;

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		content_grade_init(&g, slice_str(cases[i].sender), TRAP);
		for (size_t j = 0; j < cases[i].in.n; j++)
			content_grade_feed(&g, slice_head(slice_from(cases[i].in, j), 1));
		assert_int_equal((int)content_grade_end(&g), (int)cases[i].want);
	}
}

/* Without a trap (several recipients) nothing can be named. */
static void test_no_trap(void **state)
{
	static struct content_grade g;

	(void)state;
	content_grade_init(&g, SLICE_LIT("postmaster@b.example"), NONE);
	content_grade_feed(&g, SLICE_LIT(REPORT_TYPE STATUS_PART RETURNED_PART END_PART));
	assert_int_equal((int)content_grade_end(&g), GRADE_AUTOMATIC);
}

/* The table is searched by halving: each name must be found. */
static void test_fields_found(void **state)
{
	static const char *const names[] = { "auto-submitted", "delivered-to", "in-reply-to", "list-id", "mailing-list",
		"precedence", "references", "user-agent", "x-autoreply", "x-failed-recipients", "x-loop", "x-mailer",
		"x-mailing-list", "x-mailinglist", "x-mailman-version", "x-xarf" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct slice any = SLICE_LIT("autoresponder list-vacation");

		if (strcmp(names[i], "precedence") == 0)
			any = SLICE_LIT(" BULK ");
		if (content_rules_field(slice_str(names[i]), any) == 0)
			fail_msg("%s", names[i]);
	}
	assert_true(content_rules_field(SLICE_LIT("x-nothing"), SLICE_LIT("x")) == 0);
	assert_true(content_rules_field(SLICE_LIT(""), SLICE_LIT("x")) == 0);
}

/* What capture keeps. */
static void test_kept(void **state)
{
	static struct content_grade g;

	(void)state;
	content_grade_init(&g, SLICE_LIT("a@b.example"), TRAP);
	content_grade_feed(&g, SLICE_LIT("Received: from a (b [192.0.2.1]) by c\r\nReceived: x\r\nSubject: one\r\n"
					 "Message-ID: <1@x>\r\nSubject: two\r\n\r\n"));
	(void)content_grade_end(&g);
	assert_string_equal(g.subject, "one");
	assert_string_equal(g.message_id, "<1@x>");
	assert_int_equal(g.hops, 2);
	assert_int_equal(g.hop[0].kind, RECEIVED_FROM);
	assert_int_equal(g.hop[1].kind, RECEIVED_UNKNOWN);
}

/* The structure must stand within the first 64 kB. */
static void test_body_cap(void **state)
{
	static char text[CONTENT_BODY_MAX];
	static struct content_grade g;

	(void)state;
	memset(text, 'x', sizeof text);
	for (int is_early = 0; is_early < 2; is_early++) {
		content_grade_init(&g, NONE, TRAP);
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
		{ LIT("a/b; "
		      "name=\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901\"; "
		      "boundary=x"),
			ERR_OK, "a/b", "x" },
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
		cmocka_unit_test(test_no_trap),
		cmocka_unit_test(test_fields_found),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_body_cap),
		cmocka_unit_test(test_content_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
