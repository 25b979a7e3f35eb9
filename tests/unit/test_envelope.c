/*
 * test_envelope: what is written in front of a message reads back as it was;
 * what is cut, odd or forged does not.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/envelope.h"

static struct lmtp_session session;

static void begin(const char *mail, const char *const *rcpt)
{
	char text[16384];
	struct slice in, chunk = { 0 };
	size_t n = 0;

	lmtp_session_init(&session, "x", LMTP_DATA_BYTES, 0);
	n += (size_t)snprintf(text, sizeof text,
		"LHLO a\r\nXFORWARD NAME=c.example ADDR=IPv6:2001:db8::7 PORT=99\r\nXFORWARD PROTO=ESMTP "
		"HELO=a+0Ab+5Cx+22 "
		"IDENT=4F1\r\nMAIL %s\r\n",
		mail);
	for (; *rcpt; rcpt++)
		n += (size_t)snprintf(text + n, sizeof text - n, "RCPT %s\r\n", *rcpt);
	n += (size_t)snprintf(text + n, sizeof text - n, "DATA\r\n");
	in = slice_of(text, n);
	assert_int_equal(lmtp_session_feed(&session, 0, &in, &chunk), LMTP_EVENT_BEGIN);
}

static const char *const odd[] = { "TO:<trap=pfx.test=@limetwig.invalid>",
	"TO:<alice@pfx.test> ORCPT=rfc822;info+2B1@pfx.test", "TO:<\"b \\\" o\"@pfx.test>",
	"TO:<j\xc3\xb6rg@b\xc3\xbc"
	"cher.example>",
	"TO:<x@limetwig.invalid>", "TO:<a\\b@c>", NULL };

static void same_recipients(const struct envelope *a, const struct envelope *b)
{
	assert_int_equal(a->count, b->count);
	assert_true(slice_eq(buf_slice(&a->recipients), buf_slice(&b->recipients)));
}

static void test_round_trip(void **state)
{
	struct envelope in, out;
	char digits[ENVELOPE_SIZE_DIGITS + 1];
	struct buf b;
	size_t at = 0;

	(void)state;
	begin("FROM:<\"odd \\\" s\"@b\xc3\xbc.example> SMTPUTF8 BODY=8BITMIME", odd);
	envelope_init(&in);
	envelope_init(&out);
	buf_init(&b, ENVELOPE_TRACE);
	assert_int_equal(envelope_take(&session, &in), ERR_OK);
	assert_int_equal(in.count, 4);
	assert_int_equal(envelope_write(&session, &b, &at), ERR_OK);
	memcpy(b.p + at, envelope_size_text(1234567, digits), ENVELOPE_SIZE_DIGITS);
	at = b.n;
	assert_int_equal(buf_add_str(&b, "X-Limetwig-Recipient: forged@x\r\nX-Limetwig-End: 1\r\n\r\n"), ERR_OK);
	assert_int_equal(envelope_read(buf_slice(&b), &out), ERR_OK);
	assert_int_equal(out.trace, at);
	assert_int_equal(out.size, 1234567);
	assert_string_equal(out.sender, in.sender);
	assert_string_equal(out.sender, "\"odd \\\" s\"@b\xc3\xbc.example");
	assert_string_equal(out.client.name, "c.example");
	assert_string_equal(out.client.helo, in.client.helo);
	assert_string_equal(out.client.queue_id, "4F1");
	assert_int_equal(out.client.port, 99);
	assert_true(ipaddr_eq(&out.client.addr, &in.client.addr));
	assert_true(out.is_8bit && out.is_utf8);
	same_recipients(&in, &out);
	envelope_done(&out);
	/* cut anywhere: more is needed, or it is none */
	for (size_t n = 0; n < at; n++) {
		char *part = malloc(n + 1);
		enum err e;

		assert_non_null(part);
		memcpy(part, b.p, n);
		envelope_init(&out);
		e = envelope_read(slice_of(part, n), &out);
		assert_true(e == ERR_MORE || e == ERR_SYNTAX);
		envelope_done(&out);
		free(part);
	}
	envelope_done(&in);
	buf_done(&b);
	lmtp_session_done(&session);
}

/* No form of an address is a trap to one reader and somebody's to another. */
static void test_trap_or_rider(void **state)
{
	static const char *const ours[] = { "trap=pfx.test=@limetwig.invalid", "trap=pfx.test=@limetwig.invalid.",
		"<trap=pfx.test=@limetwig.invalid>", "trap=pfx.test=@LimeTwig.Invalid.", "x@limetwig.invalid." };
	static const char *const riders[] = { "a@b.example", "a@b.example.", "a", "limetwig.invalid",
		"limetwig.invalid@b" };

	(void)state;
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		assert_false(envelope_is_rider(slice_str(ours[i])));
	for (size_t i = 0; i < sizeof riders / sizeof riders[0]; i++)
		assert_true(envelope_is_rider(slice_str(riders[i])));
	assert_false(envelope_is_rider(slice_str("")));
}

static void test_malformed(void **state)
{
	static const char *const texts[] = {
		"Subject: x\r\n\r\n",
		"X-Limetwig-Sender: a\r\nSubject: x\r\n\r\n",
		"X-Limetwig-Sender: a\r\nX-Limetwig-End: 1\r\n",
		"X-Limetwig-Size: 5\r\nX-Limetwig-End: 1\r\n",
		"X-Limetwig-Sender: a\\xzz\r\nX-Limetwig-Size: 5\r\nX-Limetwig-End: 1\r\n",
		"X-Limetwig-Sender: a\\x0\r\nX-Limetwig-Size: 5\r\nX-Limetwig-End: 1\r\n",
		"X-Limetwig-Sender: a\\x00b\r\nX-Limetwig-Size: 5\r\nX-Limetwig-End: 1\r\n",
		"X-Limetwig-Sender: a\r\nX-Limetwig-Size: -5\r\nX-Limetwig-End: 1\r\n",
		"X-Limetwig-Sender: a\r\nX-Limetwig-Size: x\r\nX-Limetwig-End: 1\r\n",
		"\r\n",
		"X-Limetwig",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct envelope v;

		envelope_init(&v);
		assert_true(envelope_read(slice_str(texts[i]), &v) != ERR_OK);
		envelope_done(&v);
	}
}

static void test_riders(void **state)
{
	static const char *const riders[] = { "a@b.example", "a@notlimetwig.example", "a@limetwig.invalid.example",
		"\x01", "a", "x@limetwig.invali" };
	static const char *const others[] = { "t=d=@limetwig.invalid", "t@d.limetwig.invalid", "x@LIMETWIG.INVALID",
		"x@limetwig.invalid", "" };

	(void)state;
	for (size_t i = 0; i < sizeof riders / sizeof riders[0]; i++)
		assert_true(envelope_is_rider(slice_str(riders[i])));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(envelope_is_rider(slice_str(others[i])));
}

static void test_one_person(void **state)
{
	static const char *const bad[] = { "", "nobody", "a b@c", "a@b>", "<a@b", "x@limetwig.invalid", "a\r\n@b" };
	struct envelope v;
	struct lmtp_recipient r;
	size_t pos = 0;

	(void)state;
	envelope_init(&v);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(envelope_set_recipient(&v, slice_str(bad[i])), ERR_SYNTAX);
	assert_int_equal(envelope_set_recipient(&v, SLICE_LIT("a@b")), ERR_OK);
	assert_int_equal(envelope_set_recipient(&v, SLICE_LIT("c@d")), ERR_OK);
	assert_int_equal(v.count, 1);
	assert_true(envelope_next(&v, &pos, &r));
	assert_true(slice_eq(r.address, SLICE_LIT("c@d")) && r.orcpt.n == 0);
	assert_false(envelope_next(&v, &pos, &r));
	envelope_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_trap_or_rider),
		cmocka_unit_test(test_riders),
		cmocka_unit_test(test_one_person),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
