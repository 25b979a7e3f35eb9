/*
 * test_lmtp_session: scripts with their expected replies and message bytes,
 * each fed whole, byte by byte and in every split; limits; smuggling.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/lmtp_session.h"

/* For tables: a slice as a constant. */
#define LIT(s)                                                                                                         \
	{                                                                                                              \
		(s), sizeof(s) - 1                                                                                     \
	}

#define HELLO "LHLO mx.pfx.test\r\n"
#define START HELLO "MAIL FROM:<a@b>\r\nRCPT TO:<t@x>\r\nDATA\r\n"

/* What came out of a session: reply codes ("220 250- ..." cut to three digits a line) and messages. */
struct result {
	char codes[8192];
	char data[4096];
	size_t data_n;
	unsigned messages;
	enum lmtp_state state;
};

static void take_replies(struct lmtp_session *s, struct result *r)
{
	struct slice out = buf_slice(&s->out), line;
	size_t n = strlen(r->codes);

	while (slice_line(&out, &line)) {
		assert_true(line.n >= 4 && n + 5 < sizeof r->codes);
		n += (size_t)snprintf(r->codes + n, 5, "%.3s ", line.p);
	}
	buf_reset(&s->out);
}

static void feed(struct lmtp_session *s, struct slice in, const bool *is_kept, struct result *r)
{
	struct slice chunk;

	for (;;) {
		switch (lmtp_session_feed(s, 0, &in, &chunk)) {
		case LMTP_EVENT_BEGIN:
			break;
		case LMTP_EVENT_CHUNK:
			assert_true(chunk.n > 0 && r->data_n + chunk.n < sizeof r->data);
			memcpy(r->data + r->data_n, chunk.p, chunk.n);
			r->data_n += chunk.n;
			break;
		case LMTP_EVENT_END:
			r->messages++;
			r->data[r->data_n++] = '|';
			take_replies(s, r);
			lmtp_session_finish(s, is_kept, 0);
			break;
		case LMTP_EVENT_NONE:
			take_replies(s, r);
			if (in.n == 0 || s->state == LMTP_STATE_CLOSED)
				return;
		}
	}
}

static void run(struct slice in, size_t cut, size_t step, struct result *r)
{
	static const bool kept[4] = { true, false, true, true };
	struct lmtp_session *s = malloc(sizeof *s);

	assert_non_null(s);
	memset(r, 0, sizeof *r);
	lmtp_session_init(s, "h", LMTP_DATA_BYTES, 0);
	feed(s, slice_head(in, cut), kept, r);
	for (in = slice_from(in, cut); in.n; in = slice_from(in, step))
		feed(s, slice_head(in, step), kept, r);
	r->state = s->state;
	lmtp_session_done(s);
	free(s);
}

#define LHLO_OK "250 250 250 250 250 250 250 250 "

static const struct {
	const char *name;
	struct slice in;
	const char *codes;
	struct slice data;
} scripts[] = {
	{ "greeting", LIT(""), "220 ", LIT("") },
	{ "plain", LIT(START "Subject: x\r\n\r\nhi\r\n.\r\nQUIT\r\n"), "220 " LHLO_OK "250 250 354 250 221 ",
		LIT("Subject: x\r\n\r\nhi\r\n|") },
	{ "two recipients, one later", LIT(HELLO "MAIL FROM:<>\r\nRCPT TO:<a>\r\nRCPT TO:<b>\r\nDATA\r\n.\r\n"),
		"220 " LHLO_OK "250 250 250 354 250 451 ", LIT("|") },
	{ "two messages on one connection",
		LIT(START "1\r\n.\r\nRSET\r\nMAIL FROM:<c@d>\r\nRCPT TO:<t@x>\r\nDATA\r\n2\r\n.\r\n"),
		"220 " LHLO_OK "250 250 354 250 250 250 250 354 250 ", LIT("1\r\n|2\r\n|") },
	{ "stuffed dots", LIT(START "..\r\n...a\r\n.b\r\na.\r\n.\r\n"), "220 " LHLO_OK "250 250 354 250 ",
		LIT(".\r\n..a\r\nb\r\na.\r\n|") },
	{ "LF . LF is data", LIT(START "a\n.\nMAIL FROM:<x>\n.\r\nb\r\n.\r\n"), "220 " LHLO_OK "250 250 354 250 ",
		LIT("a\n.\nMAIL FROM:<x>\n.\r\nb\r\n|") },
	{ "CRLF . LF is data", LIT(START "a\r\n.\nb\r\n.\r\n"), "220 " LHLO_OK "250 250 354 250 ",
		LIT("a\r\n\nb\r\n|") },
	{ "CRLF . CR is data", LIT(START "a\r\n.\rb\r\n.\r\r\n.\r\n"), "220 " LHLO_OK "250 250 354 250 ",
		LIT("a\r\n\rb\r\n\r\r\n|") },
	{ "CR . CR is data", LIT(START "a\r.\r\n.\rb\r.\r\n\r\n.\r\n"), "220 " LHLO_OK "250 250 354 250 ",
		LIT("a\r.\r\n\rb\r.\r\n\r\n|") },
	{ "LF . CRLF is data", LIT(START "a\n.\r\nQUIT\r\n.\r\n"), "220 " LHLO_OK "250 250 354 250 ",
		LIT("a\n.\r\nQUIT\r\n|") },
	{ "NUL and 8 bit", LIT(START "a\0b\xff\r\n.\r\n"), "220 " LHLO_OK "250 250 354 250 ", LIT("a\0b\xff\r\n|") },
	{ "data without CRLF before the dot", LIT(START "a.\r\n.\r\n"), "220 " LHLO_OK "250 250 354 250 ",
		LIT("a.\r\n|") },
	{ "address verification",
		LIT(HELLO "MAIL FROM:<>\r\nRCPT TO:<t@x>\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<t@x>\r\nQUIT\r\n"),
		"220 " LHLO_OK "250 250 250 250 250 221 ", LIT("") },
	{ "4 GB announced",
		LIT(HELLO "MAIL FROM:<a@b> SIZE=99999999999999999999999 BODY=8BITMIME RET=FULL ENVID=a+20b SMTPUTF8 "
			  "X=Y\r\n"
			  "RCPT TO:<t@x> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;t+2Bu@x\r\n"),
		"220 " LHLO_OK "250 250 ", LIT("") },
	{ "no 5xx in a transaction",
		LIT("MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n" HELLO "RCPT TO:<b>\r\nDATA\r\nMAIL FROM a\r\n"
		    "MAIL FROM:<a>\r\nMAIL FROM:<a>\r\nDATA\r\nRCPT b\r\nRCPT TO:<b\r\n"),
		"220 451 451 451 " LHLO_OK "451 451 451 250 451 451 451 451 ", LIT("") },
	{ "others",
		LIT("noop x\r\nVRFY t\r\nEHLO x\r\nXFORWARD NAME=x\r\n\r\n" HELLO
		    "XFORWARD NAME=x\r\nXFORWARD NOSUCH=1\r\n"
		    "MAIL FROM:<a>\r\nXFORWARD NAME=y\r\nquit\r\nNOOP\r\n"),
		"220 250 252 500 503 500 " LHLO_OK "250 501 250 503 221 ", LIT("") },
	{ "lines that end in LF", LIT("LHLO x\nMAIL FROM:<a>\nRCPT TO:<b>\n"), "220 " LHLO_OK "250 250 ", LIT("") },
	{ "LHLO ends a transaction", LIT(HELLO "MAIL FROM:<a>\r\n" HELLO "RCPT TO:<b>\r\n"),
		"220 " LHLO_OK "250 " LHLO_OK "451 ", LIT("") },
};
#define SCRIPTS (sizeof scripts / sizeof scripts[0])

static void check(size_t i, const struct result *r)
{
	if (strcmp(r->codes, scripts[i].codes) != 0)
		print_error("%s\n", scripts[i].name);
	assert_string_equal(r->codes, scripts[i].codes);
	assert_int_equal(r->data_n, scripts[i].data.n);
	if (r->data_n)
		assert_memory_equal(r->data, scripts[i].data.p, r->data_n);
}

static void test_scripts(void **state)
{
	struct result r;

	(void)state;
	for (size_t i = 0; i < SCRIPTS; i++) {
		run(scripts[i].in, scripts[i].in.n, 1, &r);
		check(i, &r);
		run(scripts[i].in, 0, 1, &r);
		check(i, &r);
	}
}

static void test_any_split(void **state)
{
	struct result r;

	(void)state;
	for (size_t i = 0; i < SCRIPTS; i++) {
		for (size_t cut = 0; cut <= scripts[i].in.n; cut++) {
			run(scripts[i].in, cut, scripts[i].in.n + 1, &r);
			check(i, &r);
		}
	}
}

static struct lmtp_session *new_session(struct slice script, uint64_t data_max)
{
	struct lmtp_session *s = malloc(sizeof *s);
	struct slice chunk;

	assert_non_null(s);
	lmtp_session_init(s, "h", data_max, 0);
	while (lmtp_session_feed(s, 0, &script, &chunk) != LMTP_EVENT_NONE)
		;
	assert_int_equal(script.n, 0);
	return s;
}

static void free_session(struct lmtp_session *s)
{
	lmtp_session_done(s);
	free(s);
}

static void test_xforward(void **state)
{
	static const struct {
		struct slice in;
		const char *addr, *name, *helo, *queue_id;
		uint16_t port;
		bool is_local;
	} cases[] = {
		{ LIT("XFORWARD NAME=c1.pfx.test ADDR=10.77.1.2 PORT=54733\r\n"
		      "XFORWARD PROTO=ESMTP HELO=client+2Bx IDENT=253C0A8E87E SOURCE=REMOTE\r\n"),
			"10.77.1.2", "c1.pfx.test", "client+x", "253C0A8E87E", 54733, false },
		{ LIT("xforward addr=ipv6:2001:DB8::4 name=[unavailable] helo=[UNAVAILABLE]\r\n"), "2001:db8::4",
			"[unavailable]", "", "", 0, false },
		{ LIT("XFORWARD ADDR=IPv6:::ffff:192.0.2.1 NAME=[TEMPUNAVAIL] PORT=[UNAVAILABLE]\r\n"), "192.0.2.1", "",
			"", "", 0, false },
		{ LIT("XFORWARD SOURCE=LOCAL\r\n"), "", "", "", "", 0, true },
		{ LIT("XFORWARD ADDR=[UNAVAILABLE]\r\n"), "", "", "", "", 0, false },
		{ LIT("XFORWARD ADDR=1.2.3 PORT=99999 HELO=a+0g NAME\r\n"), "", "", "", "", 0, false },
		{ LIT("XFORWARD ADDR=192.0.2.1\r\nRSET\r\n"), "", "", "", "", 0, false },
		{ LIT("XFORWARD ADDR=192.0.2.1\r\nXFORWARD NAME=a NOSUCH=1\r\n"), "192.0.2.1", "", "", "", 0, false },
		{ LIT("XFORWARD ADDR=192.0.2.1 HELO=x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<t>\r\nDATA\r\nx\r\n"), "192.0.2.1",
			"", "x", "", 0, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char script[512], addr[IPADDR_TEXT];
		struct lmtp_session *s;

		(void)snprintf(script, sizeof script, HELLO "%s", cases[i].in.p);
		s = new_session(slice_str(script), LMTP_DATA_BYTES);
		assert_string_equal(ipaddr_format(&s->client.addr, addr), cases[i].addr);
		assert_string_equal(s->client.name, cases[i].name);
		assert_string_equal(s->client.helo, cases[i].helo);
		assert_string_equal(s->client.queue_id, cases[i].queue_id);
		assert_int_equal(s->client.port, cases[i].port);
		assert_int_equal(s->client.is_local, cases[i].is_local);
		free_session(s);
	}
}

/* The client of one message is not the client of the next. */
static void test_client_is_forgotten(void **state)
{
	struct slice in = SLICE_LIT(".\r\n"), chunk;
	struct lmtp_session *s = new_session(SLICE_LIT(HELLO "XFORWARD ADDR=192.0.2.1 HELO=x\r\nMAIL FROM:<a@b>\r\n"
							     "RCPT TO:<t>\r\nDATA\r\n"),
		LMTP_DATA_BYTES);

	(void)state;
	assert_int_equal((int)lmtp_session_feed(s, 0, &in, &chunk), LMTP_EVENT_END);
	assert_int_equal(s->client.addr.family, 4);
	lmtp_session_finish(s, NULL, 0);
	assert_int_equal(s->client.addr.family, 0);
	assert_string_equal(s->client.helo, "");
	assert_string_equal(s->sender, "");
	assert_int_equal(s->recipient_count, 0);
	free_session(s);
}

static void test_recipients(void **state)
{
	static const struct slice script = LIT(HELLO
		"MAIL FROM:<\"a>b\"@c>\r\nRCPT TO:<trap=pfx.test@limetwig.invalid> ORCPT=rfc822;trap+2Bx@pfx.test\r\n"
		"RCPT TO: <\"x\\\"> y\"@d> ORCPT=rfc822;+zz\r\nrcpt to:<> NOTIFY=NEVER\r\n");
	static const char *const want[3][2] = {
		{ "trap=pfx.test@limetwig.invalid", "trap+x@pfx.test" },
		{ "\"x\\\"> y\"@d", "" },
		{ "", "" },
	};
	struct lmtp_session *s = new_session(script, LMTP_DATA_BYTES);
	struct lmtp_recipient r;
	size_t pos = 0;

	(void)state;
	assert_string_equal(s->sender, "\"a>b\"@c");
	for (int i = 0; i < 3; i++) {
		assert_true(lmtp_session_recipient(s, &pos, &r));
		assert_true(slice_eq(r.address, slice_str(want[i][0])));
		assert_true(slice_eq(r.orcpt, slice_str(want[i][1])));
	}
	assert_false(lmtp_session_recipient(s, &pos, &r));
	free_session(s);
}

static size_t count(struct buf *out, const char *head)
{
	struct slice s = buf_slice(out), line;
	size_t n = 0;

	while (slice_line(&s, &line))
		n += slice_starts(line, slice_str(head));
	return n;
}

static void test_recipient_limit(void **state)
{
	struct lmtp_session *s = new_session(SLICE_LIT(HELLO "MAIL FROM:<a@b>\r\n"), LMTP_DATA_BYTES);
	struct slice in, chunk;

	(void)state;
	buf_reset(&s->out);
	for (int i = 0; i < LMTP_RECIPIENTS + 5; i++) {
		char line[64];

		(void)snprintf(line, sizeof line, "RCPT TO:<t%d@x>\r\n", i);
		in = slice_str(line);
		assert_int_equal((int)lmtp_session_feed(s, 0, &in, &chunk), LMTP_EVENT_NONE);
		assert_int_equal(in.n, 0);
	}
	assert_int_equal(count(&s->out, "250 "), LMTP_RECIPIENTS);
	assert_int_equal(count(&s->out, "452 "), 5);
	buf_reset(&s->out);
	in = SLICE_LIT("DATA\r\n");
	assert_int_equal((int)lmtp_session_feed(s, 0, &in, &chunk), LMTP_EVENT_BEGIN);
	in = SLICE_LIT(".\r\n");
	assert_int_equal((int)lmtp_session_feed(s, 0, &in, &chunk), LMTP_EVENT_END);
	lmtp_session_finish(s, NULL, 0);
	assert_int_equal(count(&s->out, "451 "), LMTP_RECIPIENTS);
	free_session(s);
}

/* Long recipients: bytes are capped too, and the answer is 4xx. */
static void test_recipient_bytes(void **state)
{
	struct lmtp_session *s = new_session(SLICE_LIT(HELLO "MAIL FROM:<a@b>\r\n"), LMTP_DATA_BYTES);
	char line[LMTP_LINE - 10];
	struct slice chunk;

	(void)state;
	buf_reset(&s->out);
	memset(line, 'x', sizeof line);
	memcpy(line, "RCPT TO:<", 9);
	memcpy(line + sizeof line - 3, ">\r\n", 3);
	for (int i = 0; i < 500; i++) {
		struct slice in = { line, sizeof line };

		(void)lmtp_session_feed(s, 0, &in, &chunk);
	}
	assert_true(s->recipients.n <= LMTP_RECIPIENT_BYTES);
	assert_true(count(&s->out, "452 ") > 0);
	assert_int_equal(count(&s->out, "250 ") + count(&s->out, "452 "), 500);
	free_session(s);
}

static void test_long_line(void **state)
{
	struct lmtp_session *s = new_session(SLICE_LIT(HELLO), LMTP_DATA_BYTES);
	char text[1000];
	struct slice chunk, in;

	(void)state;
	memset(text, 'x', sizeof text);
	buf_reset(&s->out);
	for (int i = 0; i < 10000; i++) {
		in = slice_of(text, sizeof text);
		assert_int_equal((int)lmtp_session_feed(s, 0, &in, &chunk), LMTP_EVENT_NONE);
	}
	assert_int_equal(s->out.n, 0);
	in = SLICE_LIT("\r\nNOOP\r\n");
	(void)lmtp_session_feed(s, 0, &in, &chunk);
	assert_int_equal(count(&s->out, "451 4.5.2"), 1);
	assert_int_equal(count(&s->out, "250 "), 1);
	free_session(s);
}

static void test_errors_end(void **state)
{
	struct lmtp_session *s = new_session(SLICE_LIT(""), LMTP_DATA_BYTES);
	struct slice chunk, in = SLICE_LIT("");

	(void)state;
	for (int i = 0; i < LMTP_ERRORS + 10; i++) {
		in = SLICE_LIT("WHAT\r\n");
		(void)lmtp_session_feed(s, 0, &in, &chunk);
	}
	assert_int_equal((int)s->state, LMTP_STATE_CLOSED);
	assert_int_equal(count(&s->out, "500 "), LMTP_ERRORS);
	assert_int_equal(count(&s->out, "421 "), 1);
	assert_int_equal(in.n, 6);
	free_session(s);
}

/* Commands stop being read while replies wait, and go on afterwards. */
static void test_back_pressure(void **state)
{
	static char noops[6 * 40000];
	struct lmtp_session *s = new_session(SLICE_LIT(""), LMTP_DATA_BYTES);
	struct slice chunk, in = slice_of(noops, sizeof noops);
	size_t replies = 0;

	(void)state;
	for (size_t i = 0; i < sizeof noops; i += 6)
		memcpy(noops + i, "NOOP\r\n", 6);
	while (in.n) {
		buf_reset(&s->out);
		(void)lmtp_session_feed(s, 0, &in, &chunk);
		assert_true(s->out.n < LMTP_OUT_HIGH + 100);
		replies += count(&s->out, "250 ");
	}
	assert_int_equal(replies, 40000);
	free_session(s);
}

static void test_endless_data(void **state)
{
	struct lmtp_session *s = new_session(SLICE_LIT(START), 10000);
	char text[100];
	struct slice chunk, in;
	size_t chunks = 0;

	(void)state;
	memset(text, 'x', sizeof text);
	for (int i = 0; i < 1000 && s->state == LMTP_STATE_DATA; i++) {
		in = slice_of(text, sizeof text);
		chunks += lmtp_session_feed(s, 0, &in, &chunk) == LMTP_EVENT_CHUNK;
	}
	assert_int_equal(chunks, 100);
	assert_int_equal((int)s->state, LMTP_STATE_CLOSED);
	assert_int_equal(count(&s->out, "421 "), 1);
	free_session(s);
}

/* Between the final dot and its replies nothing is read, closing gives 451. */
static void test_wait(void **state)
{
	struct lmtp_session *s = new_session(SLICE_LIT(START), LMTP_DATA_BYTES);
	struct slice chunk, in = SLICE_LIT(".\r\nRSET\r\n");

	(void)state;
	buf_reset(&s->out);
	assert_int_equal((int)lmtp_session_feed(s, 0, &in, &chunk), LMTP_EVENT_END);
	assert_int_equal((int)lmtp_session_feed(s, 0, &in, &chunk), LMTP_EVENT_NONE);
	assert_int_equal(in.n, 6);
	assert_int_equal(s->out.n, 0);
	lmtp_session_close(s, "bye");
	assert_int_equal(count(&s->out, "451 "), 1);
	assert_int_equal(count(&s->out, "421 "), 1);
	assert_int_equal((int)s->state, LMTP_STATE_CLOSED);
	free_session(s);
}

static void test_deadline(void **state)
{
	struct lmtp_session *s = new_session(SLICE_LIT(""), LMTP_DATA_BYTES);
	struct slice chunk, in = SLICE_LIT("NOOP\r\n");

	(void)state;
	assert_int_equal(s->deadline_ms, LMTP_IDLE_MS);
	(void)lmtp_session_feed(s, 5000, &in, &chunk);
	assert_int_equal(s->deadline_ms, 5000 + LMTP_IDLE_MS);
	(void)lmtp_session_feed(s, 9000, &in, &chunk);
	assert_int_equal(s->deadline_ms, 5000 + LMTP_IDLE_MS);
	free_session(s);
}

static void test_announced(void **state)
{
	static const char *const words[] = { "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES",
		"XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE" };
	struct lmtp_session *s = new_session(SLICE_LIT(HELLO), LMTP_DATA_BYTES);

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		assert_non_null(strstr(buf_cstr(&s->out), words[i]));
	free_session(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_any_split),
		cmocka_unit_test(test_xforward),
		cmocka_unit_test(test_client_is_forgotten),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_recipient_limit),
		cmocka_unit_test(test_recipient_bytes),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_errors_end),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_endless_data),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
