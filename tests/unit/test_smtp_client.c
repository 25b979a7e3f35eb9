/*
 * test_smtp_client: replies in, commands out; every split of the replies and
 * of the message gives the same bytes.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/smtp_client.h"

#define GREETING "220-mx ESMTP\r\n220 mx\r\n"
#define EHLO_ALL "250-mx\r\n250-size 100\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 XFORWARD NAME ADDR PORT\r\n"
#define EHLO_NONE "250 mx\r\n"
#define OK "250 2.0.0 Ok\r\n"

static struct envelope envelope;
static struct smtp_client client;
static struct buf said;

static void make_envelope(const char *sender, const char *const *to)
{
	struct lmtp_session s;
	struct slice chunk = { 0 };
	char text[8192];
	struct slice in;
	size_t n = 0;

	lmtp_session_init(&s, "x", LMTP_DATA_BYTES, 0);
	n += (size_t)snprintf(text + n, sizeof text - n,
		"LHLO a\r\nXFORWARD NAME=c.example ADDR=192.0.2.7 PORT=99\r\nXFORWARD PROTO=ESMTP HELO=a+20b IDENT=4F1 "
		"SOURCE=REMOTE\r\nMAIL FROM:<%s> BODY=8BITMIME\r\n",
		sender);
	for (; *to; to++)
		n += (size_t)snprintf(text + n, sizeof text - n, "RCPT TO:<%s>\r\n", *to);
	n += (size_t)snprintf(text + n, sizeof text - n, "DATA\r\n");
	in = slice_of(text, n);
	assert_int_equal(lmtp_session_feed(&s, 0, &in, &chunk), LMTP_EVENT_BEGIN);
	envelope_init(&envelope);
	assert_int_equal(envelope_take(&s, &envelope), ERR_OK);
	envelope.size = 20;
	lmtp_session_done(&s);
}

static void take_out(void)
{
	assert_int_equal(buf_add(&said, buf_slice(&client.out)), ERR_OK);
	buf_reset(&client.out);
}

/* The whole conversation; replies and message cut into pieces of at most step bytes. */
static void talk(const char *replies, const char *message, size_t step, bool is_forwarded)
{
	struct slice in = slice_str(replies), body = slice_str(message);
	bool is_ended = false;

	buf_init(&said, 1 << 20);
	smtp_client_init(&client, &envelope, is_forwarded);
	while (in.n && !smtp_client_is_over(&client)) {
		/* never behind the end of a line: the server waits for our next command */
		struct slice piece = slice_head(slice_head(in, slice_find(in, '\n') + 1), step);

		if (!smtp_client_wants_body(&client)) {
			smtp_client_feed(&client, piece);
			in = slice_from(in, piece.n);
		}
		take_out();
		while (smtp_client_wants_body(&client) && !is_ended) {
			if (body.n == 0) {
				smtp_client_end(&client);
				is_ended = true;
			} else {
				smtp_client_add(&client, slice_head(body, step));
				body = slice_from(body, step);
			}
			take_out();
		}
	}
}

static void talk_end(void)
{
	smtp_client_done(&client);
	buf_done(&said);
}

static const char *const two[] = { "a@b.example", "\"c d\"@e.example", NULL };

#define WANTED                                                                                                         \
	"EHLO limetwig\r\nXFORWARD NAME=c.example ADDR=192.0.2.7 PORT=99\r\nXFORWARD PROTO=ESMTP HELO=a+20b "          \
	"IDENT=4F1 "                                                                                                   \
	"SOURCE=REMOTE\r\nMAIL FROM:<s@x.example> SIZE=20 BODY=8BITMIME\r\nRCPT TO:<a@b.example>\r\nRCPT TO:<\"c "     \
	"d\"@e.example>\r\nDATA\r\nS: x\r\n\r\n..\r\n..a\r\n..b\nx\n..y\rz\r\n.\r\n"

/* LF alone does not occur between Postfix and us; it is made safe all the same. */
static void test_any_split(void **state)
{
	(void)state;
	make_envelope("s@x.example", two);
	for (size_t step = 1; step < 200; step++) {
		talk(GREETING EHLO_ALL OK OK OK OK OK "354 go\r\n" OK, "S: x\r\n\r\n.\r\n.a\r\n.b\nx\n.y\rz\r\n", step,
			true);
		assert_string_equal(buf_cstr(&said), WANTED);
		assert_true(smtp_client_is_over(&client) && client.is_taken);
		assert_true(smtp_client_has(&client, 0) && smtp_client_has(&client, 1));
		assert_false(smtp_client_has(&client, 2));
		talk_end();
	}
	envelope_done(&envelope);
}

static void test_plain_server(void **state)
{
	(void)state;
	make_envelope("", two);
	talk("220 x\r\n" EHLO_NONE OK OK OK "354 go\r\n" OK, "no end", 10000, true);
	assert_string_equal(buf_cstr(&said), "EHLO limetwig\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nRCPT TO:<\"c "
					     "d\"@e.example>\r\nDATA\r\nno end\r\n.\r\n");
	assert_true(client.is_taken);
	talk_end();
	envelope.is_utf8 = true;
	talk("220 x\r\n" EHLO_NONE OK, "", 10000, true);
	assert_true(smtp_client_is_over(&client) && !client.is_taken);
	assert_string_equal(client.reply, "SMTPUTF8 is not offered");
	talk_end();
	envelope_done(&envelope);
}

static void test_empty_message(void **state)
{
	(void)state;
	make_envelope("s@x.example", two);
	talk("220 x\r\n" EHLO_NONE OK OK OK "354 go\r\n" OK, "", 10000, false);
	assert_non_null(strstr(buf_cstr(&said), "DATA\r\n.\r\n"));
	talk_end();
	envelope_done(&envelope);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *replies, *reply;
		bool is_taken;
		bool has[2];
	} row[] = {
		{ "554 no\r\n", "554 no", false, { false, false } },
		{ "421 no\r\n", "421 no", false, { false, false } },
		{ "220 x\r\n502 what\r\n", "502 what", false, { false, false } },
		{ "220 x\r\n" EHLO_NONE "452 full\r\n", "452 full", false, { false, false } },
		{ "220 x\r\n" EHLO_NONE OK "450 busy\r\n" OK "354 x\r\n" OK, "450 busy", true, { false, true } },
		{ "220 x\r\n" EHLO_NONE OK OK "550 nobody\r\n354 x\r\n" OK, "550 nobody", true, { true, false } },
		{ "220 x\r\n" EHLO_NONE OK "450 a\r\n550 b\r\n", "550 b", false, { false, false } },
		{ "220 x\r\n" EHLO_NONE OK OK "421 end\r\n", "421 end", false, { false, false } },
		{ "220 x\r\n" EHLO_NONE OK OK OK "451 no\r\n", "451 no", false, { false, false } },
		{ "220 x\r\n" EHLO_NONE OK OK OK "250 odd\r\n", "", false, { false, false } },
		{ "220 x\r\n" EHLO_NONE OK OK OK "354 x\r\n552 big\r\n", "552 big", false, { false, false } },
		{ "220 x\r\n" EHLO_NONE OK OK OK "354 x\r\n354 odd\r\n", "", false, { false, false } },
		{ "what is this\r\n", "a reply that is none", false, { false, false } },
		{ "22\r\n", "a reply that is none", false, { false, false } },
		{ "199 x\r\n", "a reply that is none", false, { false, false } },
		{ "220x\r\n", "a reply that is none", false, { false, false } },
	};

	(void)state;
	make_envelope("s@x.example", two);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		talk(row[i].replies, "S: x\r\n", 7, false);
		assert_true(smtp_client_is_over(&client));
		assert_int_equal(client.is_taken, row[i].is_taken);
		assert_int_equal(smtp_client_has(&client, 0), row[i].has[0]);
		assert_int_equal(smtp_client_has(&client, 1), row[i].has[1]);
		assert_string_equal(client.reply, row[i].reply);
		talk_end();
	}
	envelope_done(&envelope);
}

/* The way is told as far as the server wants to hear it; the mail goes on. */
static void test_xforward_refused(void **state)
{
	(void)state;
	make_envelope("s@x.example", two);
	talk("220 x\r\n" EHLO_ALL "503 no\r\n" OK OK OK "354 x\r\n" OK, "S: x\r\n", 100, true);
	assert_true(client.is_taken);
	talk_end();
	talk("220 x\r\n" EHLO_ALL OK "501 no\r\n" OK OK OK "354 x\r\n" OK, "S: x\r\n", 100, true);
	assert_true(client.is_taken);
	talk_end();
	envelope_done(&envelope);
}

static void test_endless_reply(void **state)
{
	char line[4096];

	(void)state;
	make_envelope("s@x.example", two);
	smtp_client_init(&client, &envelope, false);
	for (int i = 0; i < SMTP_CLIENT_LINES; i++)
		smtp_client_feed(&client, SLICE_LIT("220-and\r\n"));
	assert_false(smtp_client_is_over(&client));
	smtp_client_feed(&client, SLICE_LIT("220-more\r\n"));
	assert_true(smtp_client_is_over(&client));
	smtp_client_done(&client);
	smtp_client_init(&client, &envelope, false);
	memset(line, 'x', sizeof line);
	memcpy(line, "220 ", 4);
	for (int i = 0; i < 100; i++)
		smtp_client_feed(&client, slice_of(line, sizeof line));
	smtp_client_feed(&client, SLICE_LIT("\n"));
	assert_int_equal(client.step, SMTP_EHLO);
	smtp_client_done(&client);
	envelope_done(&envelope);
}

/* Addresses that would end the command are not sent; a sender that was cut is none. */
static void test_unsendable(void **state)
{
	static const char *const odd[] = { "a\x01@b", "c@d", NULL };
	char sender[LMTP_SENDER + 20];

	(void)state;
	memset(sender, 's', sizeof sender);
	sender[sizeof sender - 1] = '\0';
	make_envelope(sender, odd);
	talk("220 x\r\n" EHLO_NONE OK OK "354 x\r\n" OK, "S: x\r\n", 100, false);
	assert_string_equal(buf_cstr(&said), "EHLO limetwig\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\nS: x\r\n.\r\n");
	assert_false(smtp_client_has(&client, 0));
	assert_true(smtp_client_has(&client, 1));
	talk_end();
	envelope_done(&envelope);
}

static void test_back_pressure(void **state)
{
	static char chunk[SMTP_CLIENT_CHUNK];
	int n = 0;

	(void)state;
	memset(chunk, '.', sizeof chunk);
	for (size_t i = 1; i < sizeof chunk; i += 2)
		chunk[i] = '\n';
	make_envelope("s@x.example", two);
	smtp_client_init(&client, &envelope, false);
	smtp_client_feed(&client, slice_str("220 x\r\n" EHLO_NONE OK OK OK "354 x\r\n"));
	while (smtp_client_wants_body(&client)) {
		smtp_client_add(&client, slice_of(chunk, sizeof chunk));
		n++;
	}
	assert_int_equal(client.step, SMTP_BODY);
	assert_in_range(n, 1, 3);
	assert_true(client.out.n <= SMTP_CLIENT_OUT);
	smtp_client_done(&client);
	envelope_done(&envelope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_split),
		cmocka_unit_test(test_plain_server),
		cmocka_unit_test(test_empty_message),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_xforward_refused),
		cmocka_unit_test(test_endless_reply),
		cmocka_unit_test(test_unsendable),
		cmocka_unit_test(test_back_pressure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
