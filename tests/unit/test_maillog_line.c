/*
 * Lines as Postfix 3.7 and spam filters write them, and forgeries inside them.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/maillog_line.h"
#include "core/maillog_time.h"

#include <stdio.h>

#define NOW UINT64_C(1795298835) /* 2026-11-21 22:07:15 UTC */
#define HEAD "Nov 21 22:07:15 mx "

static struct maillog_line parse(const char *line)
{
	struct maillog_line l;

	if (maillog_line_parse(slice_str(line), NOW, 0, &l) != ERR_OK)
		fail_msg("not parsed: %s", line);
	return l;
}

static void assert_slice(struct slice s, const char *want)
{
	if (!slice_eq(s, slice_str(want)))
		fail_msg("\"%.*s\", wanted \"%s\"", SLICE_ARG(s), want);
}

static void assert_ip(const struct ipaddr *a, const char *want)
{
	char text[IPADDR_TEXT];

	assert_string_equal(ipaddr_format(a, text), want);
}

static void times(void **state)
{
	static const struct {
		const char *text;
		uint64_t now;
		int32_t offset;
		uint64_t want; /* 0: malformed */
	} t[] = {
		{ "Nov 21 22:07:15 x", NOW, 0, NOW },
		{ "Nov 21 23:07:15 x", NOW, 3600, NOW },
		{ "Nov 21 17:07:15 x", NOW, -18000, NOW },
		{ "Nov  1 00:00:00 x", NOW, 0, UINT64_C(1793491200) },
		{ "Nov 22 22:07:15 x", NOW, 0, NOW + 86400 },                           /* a day ahead: this year */
		{ "Nov 23 22:07:15 x", NOW, 0, NOW - 363 * 86400 },                     /* more: last year */
		{ "Dec 31 23:59:59 x", UINT64_C(1798761600), 0, UINT64_C(1798761599) }, /* read at New Year */
		{ "Jan  1 00:00:01 x", UINT64_C(1798761590), 0, UINT64_C(1798761601) },
		{ "Feb 29 12:00:00 x", NOW, 0, UINT64_C(1709208000) }, /* 2024 */
		{ "Nov 21 22:07:60 x", NOW, 0, UINT64_C(1795298880) },
		{ "Nov 31 22:07:15 x", NOW, 0, 0 },
		{ "Feb 30 22:07:15 x", NOW, 0, 0 },
		{ "Nov  0 22:07:15 x", NOW, 0, 0 },
		{ "Nox 21 22:07:15 x", NOW, 0, 0 },
		{ "Nov 21 24:07:15 x", NOW, 0, 0 },
		{ "Nov 21 22:60:15 x", NOW, 0, 0 },
		{ "Nov 21 22:07:15x", NOW, 0, 0 },
		{ "Nov 21 22:07:1", NOW, 0, 0 },
		{ "", NOW, 0, 0 },
		{ "2026-11-21T22:07:15.123456+00:00 x", 0, 77, NOW },
		{ "2026-11-21T23:37:15+01:30 x", 0, 0, NOW },
		{ "2026-11-21T12:07:15-1000 x", 0, 0, NOW },
		{ "2026-11-21T22:07:15Z x", 0, 0, NOW },
		{ "2026-11-21 22:07:15.9Z x", 0, 0, NOW },
		{ "2026-11-21T22:07:15 x", 0, 0, 0 },
		{ "2026-11-21T22:07:15+00:00", 0, 0, 0 },
		{ "2026-13-21T22:07:15Z x", 0, 0, 0 },
		{ "1969-12-31T23:59:59Z x", 0, 0, 0 },
		{ "2026-11-21T22:07:15+24:00 x", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct slice s = slice_str(t[i].text);
		uint64_t is = 0;
		enum err e = maillog_time_take(&s, t[i].now, t[i].offset, &is);

		if ((e == ERR_OK) != (t[i].want != 0) || is != t[i].want)
			fail_msg("%s: %s %llu", t[i].text, err_name(e), (unsigned long long)is);
		if (e == ERR_OK)
			assert_slice(s, "x");
	}
}

/* The same with and without the day of the line before, on all days of years with and without a leap day. */
static void times_in_a_row(void **state)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static const char *const clocks[] = { "00:00:00", "23:59:60", "22:07:15", "22:07:14", "24:00:00" };
	static const uint64_t nows[] = { NOW, NOW + 6, UINT64_C(1798761600), UINT64_C(1709208000), 86400 * 40 };
	static const int32_t offsets[] = { 0, 3600, -18000 };

	(void)state;
	for (size_t k = 0; k < sizeof nows / sizeof nows[0] * 3; k++) {
		struct maillog_clock clock = { .now = nows[k / 3], .utc_offset_s = offsets[k % 3] };

		for (unsigned day = 0; day < 12 * 32 * 2; day++) {
			for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
				unsigned month = day / 2 / 32, of_month = day / 2 % 32;
				char text[64];
				uint64_t one = 7, other = 7;
				struct slice s, t;

				if (day % 2)
					(void)snprintf(text, sizeof text, "2024-%02u-%02uT%s+01:00 x", month + 1,
						of_month, clocks[i]);
				else
					(void)snprintf(text, sizeof text, "%.3s %2u %s x", months + (size_t)month * 3,
						of_month, clocks[i]);
				s = t = slice_str(text);
				assert_int_equal((int)maillog_time_take(&s, clock.now, clock.utc_offset_s, &one),
					(int)maillog_time_take_next(&t, &clock, &other));
				assert_int_equal(one, other);
				assert_int_equal(s.n, t.n);
			}
		}
	}
}

static void heads(void **state)
{
	static const char *const bad[] = { "", "x", "Nov 21 22:07:15", "Nov 21 22:07:15 mx", "Nov 21 22:07:15 mx ",
		"Nov 21 22:07:15 mx postfix/smtpd[1]", "Nov 21 22:07:15 mx : x", "Nov 21 22:07:15  postfix/smtpd[1]: x",
		"Nov 21 22:07:15 mx last message repeated 3 times" };
	struct maillog_line l;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (maillog_line_parse(slice_str(bad[i]), NOW, 0, &l) != ERR_SYNTAX)
			fail_msg("taken: %s", bad[i]);
	l = parse("2026-11-21T22:07:15.1+00:00 mx postfix-out/smtpd[7]: 1830CA74321: client=a.example[192.0.2.1]");
	assert_int_equal(l.kind, MAILLOG_CLIENT);
	assert_slice(l.service, "postfix-out");
	assert_int_equal(l.time, NOW);
	l = parse(HEAD "postfix/submission/smtpd: 1830CA74321: client=a.example[192.0.2.1]"); /* without a process id */
	assert_slice(l.service, "postfix/submission");
	l = parse("2027-11-21T22:07:15Z mx postfix/qmgr[7]: 1830CA74321: removed");
	assert_int_equal(l.time, NOW); /* a clock that was wrong */
	assert_int_equal(parse(HEAD "sshd[7]: 1830CA74321: removed").kind, MAILLOG_NONE);
	maillog_line_parse_entry(5, SLICE_LIT("postfix/qmgr"), SLICE_LIT("1830CA74321: removed"), &l);
	assert_int_equal(l.kind, MAILLOG_REMOVED);
	assert_int_equal(l.time, 5);
}

static void queue_ids(void **state)
{
	static const char *const good[] = { "1830CA74321", "4cfbzT2z5Hz1Qp", "A1B2C", "NOQUEUE" };
	static const char *const bad[] = { "", "1830", "warning", "statistics", "fatal", "183 CA74321", "1830CA7432-",
		"123456789012345678901234" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(maillog_line_is_queue_id(slice_str(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(maillog_line_is_queue_id(slice_str(bad[i])));
}

static void clients(void **state)
{
	struct maillog_line l;

	(void)state;
	l = parse(HEAD "postfix/smtpd[1]: 1830CA74321: client=mail.client.example[203.0.113.5]");
	assert_int_equal(l.kind, MAILLOG_CLIENT);
	assert_slice(l.queue_id, "1830CA74321");
	assert_slice(l.name, "mail.client.example");
	assert_ip(&l.client, "203.0.113.5");
	assert_slice(l.login, "");
	l = parse(HEAD "postfix/smtpd[1]: 1830CA74321: client=unknown[2001:db8::5]:52110");
	assert_slice(l.name, "");
	assert_ip(&l.client, "2001:db8::5");
	l = parse(
		HEAD "postfix/submission/smtpd[1]: 1830CA74321: client=h.example[203.0.113.9]:4025, sasl_method=PLAIN, "
		     "sasl_username=ann@pfx.test");
	assert_slice(l.login, "ann@pfx.test");
	assert_ip(&l.client, "203.0.113.9");
	l = parse(HEAD
		"postfix/smtpd[1]: 2453FA7432C: client=localhost[127.0.0.1], sasl_method=LOGIN, sasl_username=bob, "
		"sasl_sender=bob@pfx.test, orig_queue_id=21FF5A74328, orig_client=unknown[203.0.113.5]");
	assert_slice(l.login, "bob");
	assert_slice(l.orig_queue_id, "21FF5A74328");
	assert_ip(&l.orig_client, "203.0.113.5");
	assert_slice(l.orig_name, "");
	l = parse(HEAD "postfix/smtpd[1]: 2453FA7432C: client=localhost[127.0.0.1], orig_queue_id=NOQUEUE, "
		       "orig_client=a.example[203.0.113.5]");
	assert_slice(l.orig_queue_id, "");
	assert_slice(l.orig_name, "a.example");
	assert_int_equal(parse(HEAD "postfix/smtpd[1]: NOQUEUE: client=a.example[203.0.113.5]").kind, MAILLOG_NONE);
	assert_int_equal(parse(HEAD "postfix/smtpd[1]: warning: client=a[203.0.113.5]").kind, MAILLOG_NONE);
}

static void connections(void **state)
{
	struct maillog_line l;

	(void)state;
	l = parse(HEAD "postfix/smtpd[771]: connect from a.example[203.0.113.5]");
	assert_int_equal(l.kind, MAILLOG_CONNECT);
	assert_slice(l.name, "a.example");
	assert_ip(&l.client, "203.0.113.5");
	assert_slice(l.host, "mx");
	assert_int_equal(l.pid, 771);
	l = parse(HEAD "postfix/smtpd[771]: disconnect from unknown[2001:db8::5] ehlo=1 quit=1 commands=2");
	assert_int_equal(l.kind, MAILLOG_DISCONNECT);
	assert_ip(&l.client, "2001:db8::5");
	assert_int_equal(parse(HEAD "postfix/smtpd[771]: connect from nonsense").kind, MAILLOG_NONE);
	assert_int_equal(parse(HEAD "postfix/smtp[771]: connect from a.example[203.0.113.5]").kind, MAILLOG_NONE);
	assert_int_equal(parse(HEAD "postfix/smtpd: connect from a.example[203.0.113.5]").pid, 0);
	assert_int_equal(parse(HEAD "postfix/smtpd[99999999999]: connect from a[203.0.113.5]").pid, 0);
}

static void unknown_mailboxes(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} t[] = {
		{ "550 5.1.1 <x@pfx.test>: Recipient address rejected: User unknown in local recipient table", true },
		{ "450 4.1.1 <x@pfx.test>: Recipient address rejected: unverified address", true },
		{ "554 5.7.1 <5.1.1 @pfx.test>: Relay access denied", false },
		{ "550 5.1.10 <x@pfx.test>: Recipient address rejected", false },
		{ "550", false },
	};
	struct maillog_line l;
	char line[300];

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		(void)snprintf(line, sizeof line,
			HEAD "postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[203.0.113.5]: %s; "
			     "from=<b@c.example> to=<x@pfx.test> proto=ESMTP helo=<h>",
			t[i].text);
		assert_int_equal(parse(line).is_unknown, t[i].want);
	}
	l = parse(HEAD "postfix/virtual[1]: 1830CA74321: to=<x@pfx.test>, relay=virtual, delay=0, delays=0/0/0/0, "
		       "dsn=5.1.1, status=bounced (unknown user: \"x\")");
	assert_true(l.is_bounced && l.is_unknown && !l.is_sent);
	l = parse(HEAD "postfix/virtual[1]: 1830CA74321: to=<x@pfx.test>, relay=virtual, delay=0, delays=0/0/0/0, "
		       "dsn=2.0.0, status=sent (dsn=5.1.1, status=bounced (x))");
	assert_true(l.is_sent && !l.is_bounced && !l.is_unknown);
}

static void postscreen(void **state)
{
	static const char *const others[] = { "CONNECT from [203.0.113.5]:4321 to [198.51.100.1]:25",
		"PASS NEW [203.0.113.5]:4321", "PREGREET 9 after 0.1 from [203.0.113.5]:4321: NOQUEUE: reject: x",
		"NOQUEUE: reject: CONNECT from [203.0.113.5]:4321: too many connections",
		"NOQUEUE: reject: RCPT from [203.0.113.5]4321: 550 x", "NOQUEUE: reject: RCPT from [x]:4321: 550 x",
		"NOQUEUE: reject: RCPT from [203.0.113.5]:43210000: 550 x", "NOQUEUE: reject: RCPT from [203.0.113.5",
		"NOQUEUE: reject: RCPT from [203.0.113.5]:" };
	struct maillog_line l;
	char line[300];

	(void)state;
	l = parse(HEAD "postfix/postscreen[1]: NOQUEUE: reject: RCPT from [203.0.113.5]:4321: 550 5.7.1 Service "
		       "unavailable; client [203.0.113.5] blocked using bl.example; from=<b@c.example>, "
		       "to=<x@pfx.test>, proto=ESMTP, helo=<]:9: h>");
	assert_int_equal(l.kind, MAILLOG_SCREENED);
	assert_ip(&l.client, "203.0.113.5");
	assert_int_equal(l.port, 4321);
	l = parse(HEAD "postfix/postscreen[1]: NOQUEUE: reject: RCPT from [2001:db8::1]:1: 450 4.3.2 Service currently "
		       "unavailable; from=<>, to=<x@pfx.test>, proto=SMTP, helo=<h>");
	assert_int_equal(l.kind, MAILLOG_SCREENED);
	assert_ip(&l.client, "2001:db8::1");
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		(void)snprintf(line, sizeof line, HEAD "postfix/postscreen[1]: %s", others[i]);
		assert_int_equal(parse(line).kind, MAILLOG_NONE);
	}
}

static void queue(void **state)
{
	struct maillog_line l;

	(void)state;
	l = parse(HEAD "postfix/cleanup[2]: 1830CA74321: message-id=<a.b@c.example>");
	assert_int_equal(l.kind, MAILLOG_MESSAGE_ID);
	assert_slice(l.message_id, "a.b@c.example");
	assert_int_equal(parse(HEAD "postfix/cleanup[2]: 1830CA74321: message-id=").kind, MAILLOG_NONE);
	l = parse(HEAD "postfix/qmgr[2]: 1830CA74321: from=<bob@client.example>, size=262, nrcpt=1 (queue active)");
	assert_int_equal(l.kind, MAILLOG_FROM);
	assert_slice(l.sender, "bob@client.example");
	l = parse(HEAD "postfix/qmgr[2]: 1830CA74321: from=<>, size=262, nrcpt=1 (queue active)");
	assert_int_equal(l.kind, MAILLOG_FROM);
	assert_slice(l.sender, "");
	assert_int_equal(parse(HEAD "postfix/qmgr[2]: 1830CA74321: removed").kind, MAILLOG_REMOVED);
	assert_int_equal(parse(HEAD "postfix/qmgr[2]: 1830CA74321: removed: x").kind, MAILLOG_NONE);
	assert_int_equal(parse(HEAD "postfix/pickup[2]: 1830CA74321: uid=0 from=<root>").kind, MAILLOG_LOCAL);
}

static void deliveries(void **state)
{
	struct maillog_line l;

	(void)state;
	l = parse(HEAD "postfix/virtual[3]: 1A4BEA74321: to=<alice@pfx.test>, orig_to=<sales@pfx.test>, relay=virtual, "
		       "delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)");
	assert_int_equal(l.kind, MAILLOG_DELIVERY);
	assert_int_equal(l.agent, AGENT_VIRTUAL);
	assert_true(l.is_sent);
	assert_slice(l.recipient, "alice@pfx.test");
	assert_slice(l.orig_to, "sales@pfx.test");
	assert_slice(l.relay, "virtual");
	assert_slice(l.next_id, "");
	l = parse(
		HEAD "postfix/smtp[3]: 1E2B3A74323: to=<alice@pfx.test>, relay=127.0.0.1[127.0.0.1]:10025, conn_use=2, "
		     "delay=0.02, delays=0/0.01/0.01/0.01, dsn=2.0.0, status=sent (250 2.0.0 from "
		     "MTA(smtp:[127.0.0.1]:10025): "
		     "250 2.0.0 Ok: queued as 2279AA74329)");
	assert_int_equal(l.agent, AGENT_SMTP);
	assert_ip(&l.relay_addr, "127.0.0.1");
	assert_slice(l.next_id, "2279AA74329");
	l = parse(HEAD
		"postfix/local[3]: 1A4BEA74321: to=<fwd@localhost>, orig_to=<fwd@pfx.test>, relay=local, delay=0.01, "
		"delays=0/0.01/0/0, dsn=2.0.0, status=sent (forwarded as 1D086A74323)");
	assert_true(l.is_forwarded);
	assert_slice(l.next_id, "1D086A74323");
	l = parse(HEAD
		"postfix/limetwig/lmtp[3]: 23C4FA7432B: to=<trap=pfx.test@limetwig.invalid>, orig_to=<trap@pfx.test>, "
		"relay=mx[limetwig/lmtp], delay=0.02, delays=0.01/0.02/0/0, dsn=2.2.0, status=sent (250 2.2.0 Ok)");
	assert_int_equal(l.agent, AGENT_LMTP);
	assert_slice(l.service, "postfix/limetwig");
	assert_int_equal(l.relay_addr.family, 0);
	l = parse(
		HEAD "postfix/local[3]: EC7FFA724CB: to=<alice@pfx.test>, relay=local, delay=0.02, delays=0/0/0/0.01, "
		     "dsn=5.1.1, status=bounced (unknown user: \"alice\")");
	assert_int_equal(l.kind, MAILLOG_DELIVERY);
	assert_false(l.is_sent);
	l = parse(HEAD
		"postfix/pipe[3]: 4cfbzT2z5Hz1Qp: to=<a@pfx.test>, relay=dovecot, delay=1, delays=0/0/0/1, dsn=2.0.0, "
		"status=sent (delivered via dovecot service)");
	assert_int_equal(l.agent, AGENT_PIPE);
}

static void refusals(void **state)
{
	struct maillog_line l;

	(void)state;
	l = parse(HEAD
		"postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[203.0.113.5]: 554 5.7.1 <nobody@pfx.test>: "
		"Recipient address rejected: Access denied; from=<bob@client.example> to=<nobody@pfx.test> proto=ESMTP "
		"helo=<client.example>");
	assert_int_equal(l.kind, MAILLOG_RCPT);
	assert_slice(l.queue_id, "");
	assert_int_equal(l.code, 554);
	assert_true(l.has_addresses);
	assert_slice(l.sender, "bob@client.example");
	assert_slice(l.recipient, "nobody@pfx.test");
	assert_ip(&l.client, "203.0.113.5");
	l = parse(HEAD
		"postfix/smtpd[1]: 199ADA74322: milter-reject: RCPT from a.example[203.0.113.5]: 451 4.7.1 Greylisted; "
		"from=<> to=<alice@pfx.test> proto=ESMTP helo=<a>");
	assert_int_equal(l.kind, MAILLOG_RCPT);
	assert_int_equal(l.code, 451);
	l = parse(HEAD "postfix/smtpd[1]: 199ADA74322: reject: END-OF-MESSAGE from a.example[203.0.113.5]: 550 5.7.1 "
		       "<END-OF-MESSAGE>: End-of-data rejected: Message refused; from=<bob@client.example> proto=ESMTP "
		       "helo=<a>");
	assert_int_equal(l.kind, MAILLOG_REFUSED);
	assert_slice(l.queue_id, "199ADA74322");
	assert_false(l.has_addresses);
	l = parse(HEAD "postfix/cleanup[1]: 199ADA74322: milter-reject: END-OF-MESSAGE from a.example[203.0.113.5]: "
		       "5.7.1 Spam "
		       "message rejected; from=<bob@client.example> to=<alice@pfx.test> proto=ESMTP helo=<a>");
	assert_int_equal(l.kind, MAILLOG_REFUSED);
	assert_true(l.has_addresses);
	assert_ip(&l.client, "203.0.113.5");
	l = parse(HEAD
		"postfix/cleanup[1]: 199ADA74322: milter-discard: END-OF-MESSAGE from a[203.0.113.5]: milter triggers "
		"DISCARD action; from=<b@c> to=<d@e> proto=ESMTP helo=<a>");
	assert_int_equal(l.kind, MAILLOG_REFUSED);
	l = parse(HEAD "postfix/cleanup[1]: 1AC9EA74322: reject: header Subject: bad from unknown[203.0.113.5]; "
		       "from=<bob@client.example> to=<alice@pfx.test> proto=ESMTP helo=<client.example>: 5.7.1 no bad");
	assert_int_equal(l.kind, MAILLOG_REFUSED);
	assert_slice(l.recipient, "alice@pfx.test");
	assert_int_equal(l.client.family, 0);
	assert_int_equal(parse(HEAD "postfix/cleanup[1]: 1AC9EA74322: warning: header Subject: reject: header").kind,
		MAILLOG_NONE);
	assert_int_equal(
		parse(HEAD "postfix/smtpd[1]: NOQUEUE: reject: CONNECT from a[203.0.113.5]: 554 x").kind, MAILLOG_NONE);
	assert_int_equal(parse(HEAD "postfix/smtpd[1]: NOQUEUE: reject_warning: RCPT from a[203.0.113.5]: 554 x").kind,
		MAILLOG_NONE);
}

/* As a real Postfix 3.7.11 wrote them, and what else a client could try. */
static void forgeries(void **state)
{
	struct maillog_line l;

	(void)state;
	l = parse(
		HEAD "postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[203.0.113.5]: 554 5.7.1 <nobody@pfx.test>: "
		     "Recipient address rejected: Access denied; from=<\"a> to=<alice@pfx.test> proto=SMTP "
		     "helo=<\"@client.example> to=<nobody@pfx.test> proto=ESMTP helo=<client.example>");
	assert_int_equal(l.kind, MAILLOG_RCPT);
	assert_false(l.has_addresses);
	assert_slice(l.recipient, "");
	l = parse(
		HEAD "postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[203.0.113.5]: 554 5.7.1 <nobody@pfx.test>: "
		     "Access denied; from=<b@c> to=<nobody@pfx.test> proto=ESMTP helo=<x; from=<v@w> "
		     "to=<alice@pfx.test> proto=SMTP>");
	assert_false(l.has_addresses);
	l = parse(
		HEAD "postfix/local[1]: 02DF5A724D8: to=<\"x>, relay=local, delay=0, status=sent (q\"@pfx.test>, "
		     "relay=local, "
		     "delay=0.01, delays=0/0/0/0, dsn=5.1.1, status=bounced (unknown user: \"x>, relay=local, delay=0, "
		     "status=sent (q\")");
	assert_int_equal(l.kind, MAILLOG_NONE);
	l = parse(HEAD "postfix/local[1]: 02DF5A724D8: to=<\"x, relay=local, status=sent (q\"@pfx.test>, relay=local, "
		       "delay=0, "
		       "delays=0/0/0/0, dsn=5.1.1, status=bounced (unknown user)");
	assert_int_equal(l.kind, MAILLOG_DELIVERY);
	assert_false(l.is_sent);
	l = parse(HEAD
		"postfix/virtual[1]: 02DF5A724D8: to=<a@pfx.test>, orig_to=<\"x>, orig_to=<boss@pfx.test\"@pfx.test>, "
		"relay=virtual, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)");
	assert_int_equal(l.kind, MAILLOG_NONE);
	l = parse(HEAD "postfix/qmgr[1]: 02DF5A724D8: from=<\"a>, size=1, nrcpt=1\"@client.example>, size=297, nrcpt=1 "
		       "(queue active)");
	assert_int_equal(l.kind, MAILLOG_NONE);
	l = parse(
		HEAD "postfix/smtpd[1]: warning: a[203.0.113.5]: SASL LOGIN failed: 1830CA74321: client=b[192.0.2.1]");
	assert_int_equal(l.kind, MAILLOG_NONE);
	l = parse(HEAD "postfix/smtpd[1]: improper command pipelining after HELO from a[203.0.113.5]: 1830CA74321: "
		       "client=b[192.0.2.1]");
	assert_int_equal(l.kind, MAILLOG_NONE);
	l = parse(HEAD
		"postfix/cleanup[1]: 1AC9EA74322: reject: header Subject: x; from=<b@c> to=<v@w> proto=SMTP from "
		"unknown[203.0.113.5]; from=<bob@client.example> to=<alice@pfx.test> proto=ESMTP helo=<a>: 5.7.1 no");
	assert_int_equal(l.kind, MAILLOG_REFUSED);
	assert_false(l.has_addresses);
}

static void filters(void **state)
{
	struct maillog_line l;

	(void)state;
	l = parse(HEAD
		"amavis[6431]: (06431-09) Passed SPAM {RelayedTaggedInbound,Quarantined}, [203.0.113.5]:41405 "
		"[203.0.113.5] <s@client.example> -> <alice@pfx.test>, quarantine: spam-x.gz, Queue-ID: 1E2B3A74323, "
		"Message-ID: <m@c.example>, mail_id: kUDkbFHKNQdO, Hits: 9.9, size: 247, queued_as: 2279AA74329, 812 "
		"ms");
	assert_int_equal(l.kind, MAILLOG_SPAM);
	assert_slice(l.queue_id, "1E2B3A74323");
	assert_slice(l.next_id, "2279AA74329");
	assert_slice(l.message_id, "m@c.example");
	assert_int_equal(parse(HEAD "amavis[6]: (1-1) Blocked SPAM {DiscardedInbound}, x").kind, MAILLOG_SPAM);
	assert_int_equal(parse(HEAD "amavis[6]: (1-1) Passed SPAMMY {RelayedTaggedInbound}, x").kind, MAILLOG_SPAM);
	assert_int_equal(parse(HEAD "amavis[6]: (1-1) Passed CLEAN {RelayedInbound}, <\"Passed SPAM\"@x> -> <y>").kind,
		MAILLOG_NONE);
	assert_int_equal(parse(HEAD "amavis[6]: (1-1").kind, MAILLOG_NONE);
	l = parse(HEAD "spamd[77]: spamd: result: Y 15 - BAYES_99,HTML "
		       "scantime=0.3,size=247,user=spam,uid=101,required_score=5.0,"
		       "rhost=127.0.0.1,raddr=127.0.0.1,rport=4001,mid=<m@c.example>,bayes=1.0,autolearn=no");
	assert_int_equal(l.kind, MAILLOG_SPAM);
	assert_slice(l.message_id, "m@c.example");
	assert_int_equal(
		parse(HEAD "spamd[77]: spamd: result: . 1 - X scantime=0.3,mid=<m@c.example>").kind, MAILLOG_NONE);
	l = parse(HEAD "spampd[77]: identified spam <m@c.example> (11.50/5.00) from <s@x> for <r@y> in 1.2s, 2 bytes.");
	assert_slice(l.message_id, "m@c.example");
	l = parse(HEAD
		"rspamd[9]: <3c1f7a>; task; rspamd_task_write_log: id: <m@c.example>, qid: <1E2B3A74323>, ip: "
		"203.0.113.5, "
		"from: <s@client.example>, (default: F (add header): [7.20/15.00] [X(1)]), len: 247, time: 12.1ms");
	assert_int_equal(l.kind, MAILLOG_SPAM);
	assert_slice(l.queue_id, "1E2B3A74323");
	assert_slice(l.message_id, "m@c.example");
	l = parse(HEAD "rspamd[9]: <3c1f7a>; task; rspamd_task_write_log: id: <m@c.example>, qid: <1E2B3A74323>, ip: "
		       "203.0.113.5, "
		       "(default: F (no action): [0.20/15.00] [X(1)]), len: 247");
	assert_int_equal(l.kind, MAILLOG_NONE);
	l = parse(HEAD
		"rspamd[9]: <3c1f7a>; task; rspamd_task_write_log: id: <x>, qid: <AAAAAA>, ip: 203.0.113.5@c.example>, "
		"qid: <1E2B3A74323>, (default: T (reject): [17.20/15.00] [X(1)])");
	assert_slice(l.queue_id, "AAAAAA"); /* forged, but the true one is taken too */
	assert_slice(l.next_id, "1E2B3A74323");
}

/* Every front of a line is read without a fault, and never as a delivery that it does not show. */
static void cut_lines(void **state)
{
	static const char line[] = HEAD "postfix/smtp[3]: 1E2B3A74323: to=<alice@pfx.test>, orig_to=<a@pfx.test>, "
					"relay=127.0.0.1[127.0.0.1]:10025, delay=0.02, delays=0/0/0/0, dsn=2.0.0, "
					"status=sent (250 Ok: queued as 2279AA74329)";
	size_t sent = (size_t)(strstr(line, "sent (") - line) + 6;

	(void)state;
	for (size_t n = 0; n < sizeof line; n++) {
		struct maillog_line l = { 0 };

		if (maillog_line_parse(slice_of(line, n), NOW, 0, &l) == ERR_OK)
			assert_int_equal(l.kind == MAILLOG_DELIVERY && l.is_sent, n >= sent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(times_in_a_row),
		cmocka_unit_test(heads),
		cmocka_unit_test(queue_ids),
		cmocka_unit_test(clients),
		cmocka_unit_test(connections),
		cmocka_unit_test(unknown_mailboxes),
		cmocka_unit_test(postscreen),
		cmocka_unit_test(queue),
		cmocka_unit_test(deliveries),
		cmocka_unit_test(refusals),
		cmocka_unit_test(forgeries),
		cmocka_unit_test(filters),
		cmocka_unit_test(cut_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
