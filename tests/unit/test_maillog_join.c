/*
 * What became of each recipient, out of lines in any order.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/maillog_join.h"

#include <stdio.h>
#include <stdlib.h>

#define T0 UINT64_C(1795298835)
#define OUT 65536

static const uint8_t key[SIPHASH_KEY] = "0123456789abcdef";

static struct maillog_join *join_new(void)
{
	struct maillog_join *j = maillog_join_new(key, 1000);

	assert_non_null(j);
	return j;
}

static void event_print(const struct maillog_event *ev, char *to, size_t size)
{
	static const char *const outcomes[] = { "?", "delivered", "rejected", "tagged", "submitted" };
	char ip[IPADDR_TEXT];

	if (ev->type == MSG_LOG_MAIL)
		(void)snprintf(to, size, "%s%s %s %s <%s> <%s>\n", outcomes[ev->u.mail.outcome],
			ev->u.mail.is_first ? "" : "+", ipaddr_format(&ev->u.mail.client, ip), ev->u.mail.queue_id,
			ev->u.mail.sender, ev->u.mail.recipient);
	else if (ev->type == MSG_LOG_LOGIN)
		(void)snprintf(to, size, "login %s %s <%s>\n", ipaddr_format(&ev->u.login.client, ip),
			ev->u.login.queue_id, ev->u.login.login);
	else
		(void)snprintf(to, size, "rcpt %s %u <%s> <%s>\n", ipaddr_format(&ev->u.rcpt.client, ip),
			ev->u.rcpt.code, ev->u.rcpt.sender, ev->u.rcpt.recipient);
}

static void drain(struct maillog_join *j, char out[OUT])
{
	struct maillog_event ev;

	while (maillog_join_next(j, &ev)) {
		size_t n = strlen(out);

		event_print(&ev, out + n, OUT - n);
	}
}

/* "smtpd 1830CA74321: client=..." at time; the program may have a service before it. */
static void add(struct maillog_join *j, uint64_t time, const char *line, char out[OUT])
{
	struct maillog_line l;
	const char *blank = strchr(line, ' ');
	char ident[64];

	(void)snprintf(ident, sizeof ident, "%s%.*s", line[0] == '!' ? "" : "postfix/",
		(int)(blank - line) - (line[0] == '!'), line + (line[0] == '!'));
	maillog_line_parse_entry(time, slice_str(ident), slice_str(blank + 1), &l);
	assert_int_equal(maillog_join_add(j, &l), ERR_OK);
	drain(j, out);
}

static void flush(struct maillog_join *j, char out[OUT])
{
	maillog_join_flush(j);
	drain(j, out);
}

/* All lines at T0, then everything that waits. */
static void expect(const char *const *lines, const char *want)
{
	struct maillog_join *j = join_new();
	static char out[OUT];

	out[0] = '\0';
	for (; *lines; lines++)
		add(j, T0, *lines, out);
	flush(j, out);
	assert_string_equal(out, want);
	maillog_join_free(j);
}
#define EXPECT(want, ...) expect((const char *const[]){ __VA_ARGS__, NULL }, want)

#define SENT ", delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent "
#define VIRTUAL ", relay=virtual" SENT "(delivered to mailbox)"
#define LOGIN_NONE(id) "login 203.0.113.5 " id " <>\n"

static void direct(void **state)
{
	(void)state;
	EXPECT(LOGIN_NONE("AAAAA1") "delivered 203.0.113.5 AAAAA1 <b@c.example> <alice@pfx.test>\n"
				    "delivered+ 203.0.113.5 AAAAA1 <b@c.example> <sales@pfx.test>\n",
		"smtpd AAAAA1: client=c.example[203.0.113.5]", "cleanup AAAAA1: message-id=<m@c.example>",
		"qmgr AAAAA1: from=<b@c.example>, size=1, nrcpt=2 (queue active)",
		"virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL,
		"local AAAAA1: to=<bob>, orig_to=<sales@pfx.test>, relay=local" SENT "(delivered to maildir)",
		"qmgr AAAAA1: removed");
	/* nothing without a client, a delivery that failed, the discard transport */
	EXPECT("", "qmgr AAAAA1: from=<b@c.example>, size=1, nrcpt=2 (queue active)",
		"virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL);
	EXPECT(LOGIN_NONE("AAAAA1"), "smtpd AAAAA1: client=c.example[203.0.113.5]",
		"local AAAAA1: to=<a@pfx.test>, relay=local, delay=0, dsn=4.0.0, status=deferred (sent ()",
		"discard AAAAA1: to=<a@pfx.test>, relay=none" SENT "(x)");
}

static void transports(void **state)
{
	(void)state;
	EXPECT(LOGIN_NONE("AAAAA1") "delivered 203.0.113.5 AAAAA1 <> <a@p.test>\ndelivered+ 203.0.113.5 AAAAA1 <> "
				    "<b@p.test>\n"
				    "delivered+ 203.0.113.5 AAAAA1 <> <c@p.test>\ndelivered+ 203.0.113.5 AAAAA1 <> "
				    "<d@p.test>\n"
				    "delivered+ 203.0.113.5 AAAAA1 <> <e@p.test>\n",
		"smtpd AAAAA1: client=c.example[203.0.113.5]",
		"lmtp AAAAA1: to=<a@p.test>, relay=mx[private/dovecot-lmtp]" SENT "(250 2.0.0 <a@p.test> x Saved)",
		"lmtp AAAAA1: to=<b@p.test>, relay=127.0.0.1[127.0.0.1]:24" SENT "(250 2.0.0 Saved)",
		"pipe AAAAA1: to=<c@p.test>, relay=dovecot" SENT "(delivered via dovecot service)",
		"relay/smtp AAAAA1: to=<d@p.test>, relay=gw[198.51.100.9]:25" SENT "(250 Ok: queued as BBBBB1)",
		"smtp AAAAA1: to=<e@p.test>, relay=gw[10.0.0.9]:25" SENT "(250 Ok: queued as BBBBB2)",
		"smtp AAAAA1: to=<f@far.test>, relay=mx.far.test[198.51.100.7]:25" SENT "(250 Ok: queued as BBBBB3)");
}

static void traps_are_no_good_mail(void **state)
{
	(void)state;
	EXPECT(LOGIN_NONE("AAAAA1") "tagged 203.0.113.5 AAAAA1 <> <alice@pfx.test>\n",
		"smtpd AAAAA1: client=c.example[203.0.113.5]", "virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL,
		"limetwig/lmtp AAAAA1: to=<t=pfx.test@limetwig.invalid>, orig_to=<t@pfx.test>, "
		"relay=mx[limetwig/lmtp]" SENT "(250 2.0.0 Ok)");
	EXPECT(LOGIN_NONE("AAAAA1"), "smtpd AAAAA1: client=c.example[203.0.113.5]",
		"lmtp AAAAA1: to=<any@d.test.limetwig.invalid>, relay=mx[limetwig/lmtp]" SENT "(250 2.0.0 Ok)",
		"limetwig/lmtp AAAAA1: to=<x@y>, relay=mx[limetwig/lmtp]" SENT "(250 2.0.0 Ok)");
	EXPECT("", "smtpd NOQUEUE: reject: RCPT from unknown[203.0.113.5]: 451 4.3.0 <t@x>: y; from=<b@c> "
		   "to=<t=x@limetwig.invalid> proto=ESMTP helo=<a>");
}

static void refused_and_rcpt(void **state)
{
	(void)state;
	EXPECT(LOGIN_NONE("AAAAA1") "rejected+ 203.0.113.5 AAAAA1 <b@c.example> <alice@pfx.test>\n",
		"smtpd AAAAA1: client=c.example[203.0.113.5]",
		"cleanup AAAAA1: milter-reject: END-OF-MESSAGE from "
		"c.example[203.0.113.5]: 5.7.1 no; from=<b@c.example> to=<alice@pfx.test> proto=ESMTP helo=<a>",
		"virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL);
	EXPECT(LOGIN_NONE("AAAAA1") "rejected+ 203.0.113.5 AAAAA1 <> <>\n",
		"smtpd AAAAA1: client=c.example[203.0.113.5]",
		"cleanup AAAAA1: discard: body x from c.example[203.0.113.5]; from=<b> proto=ESMTP helo=<a>");
	EXPECT("rcpt 203.0.113.5 550 <b@c.example> <no@pfx.test>\n",
		"smtpd NOQUEUE: reject: RCPT from c[203.0.113.5]: 550 5.1.1 <no@pfx.test>: x; from=<b@c.example> "
		"to=<no@pfx.test> "
		"proto=ESMTP helo=<a>",
		"smtpd NOQUEUE: reject: RCPT from c[10.0.0.5]: 550 5.1.1 <no@pfx.test>: x; "
		"from=<b@c.example> to=<no@pfx.test> proto=ESMTP helo=<a>",
		/* of a host that we block: this says nothing of the mailbox */
		"smtpd NOQUEUE: reject: RCPT from c[203.0.113.5]: 554 5.7.1 <alice@pfx.test>: x; "
		"from=<b@c.example> to=<alice@pfx.test> proto=ESMTP helo=<a>");
}

static void our_own_people(void **state)
{
	(void)state;
	EXPECT("login 203.0.113.5 AAAAA1 <ann>\nsubmitted 203.0.113.5 AAAAA1 <ann@pfx.test> <x@far.test>\n",
		"submission/smtpd AAAAA1: client=h[203.0.113.5], sasl_method=PLAIN, sasl_username=ann",
		"qmgr AAAAA1: from=<ann@pfx.test>, size=1, nrcpt=2 (queue active)",
		"virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL,
		"smtp AAAAA1: to=<x@far.test>, relay=mx.far.test[198.51.100.7]:25" SENT "(250 Ok: queued as BBBBB3)");
	EXPECT("submitted 10.1.2.3 AAAAA1 <ann@pfx.test> <x@far.test>\n", "smtpd AAAAA1: client=h[10.1.2.3]",
		"qmgr AAAAA1: from=<ann@pfx.test>, size=1, nrcpt=2 (queue active)",
		"virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL,
		"smtp AAAAA1: to=<x@far.test>, relay=mx.far.test[198.51.100.7]:25" SENT "(250 Ok)");
	/* vacation replies and bounces make nobody a correspondent */
	EXPECT("", "smtpd AAAAA1: client=localhost[127.0.0.1]",
		"qmgr AAAAA1: from=<ann@pfx.test>, size=1, nrcpt=2 (queue active)",
		"smtp AAAAA1: to=<x@far.test>, relay=mx.far.test[198.51.100.7]:25" SENT "(250 Ok)");
	EXPECT("", "smtpd AAAAA1: client=h[10.1.2.3]", "qmgr AAAAA1: from=<>, size=1, nrcpt=2 (queue active)",
		"smtp AAAAA1: to=<x@far.test>, relay=mx.far.test[198.51.100.7]:25" SENT "(250 Ok)");
	EXPECT("", "pickup AAAAA1: uid=0 from=<root>",
		"qmgr AAAAA1: from=<root@pfx.test>, size=1, nrcpt=2 (queue active)",
		"virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL,
		"smtp AAAAA1: to=<x@far.test>, relay=mx.far.test[198.51.100.7]:25" SENT "(250 Ok)");
}

static void own_hosts(void **state)
{
	struct maillog_join *j = join_new();
	struct prefix_table own;
	struct prefix p;
	static char out[OUT];

	(void)state;
	prefix_table_init(&own);
	assert_int_equal(prefix_parse(SLICE_LIT("203.0.113.0/24"), &p), ERR_OK);
	assert_int_equal(prefix_table_add(&own, &p, 1), ERR_OK);
	assert_int_equal(prefix_table_seal(&own), ERR_OK);
	maillog_join_set_own(j, &own);
	out[0] = '\0';
	add(j, T0, "smtpd AAAAA1: client=mx2.pfx.test[203.0.113.5]", out);
	add(j, T0, "virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL, out);
	flush(j, out);
	assert_string_equal(out, "");
	maillog_join_free(j);
	prefix_table_done(&own);
}

static const char *const filtered[] = { "smtpd AAAAA1: client=c.example[203.0.113.5]",
	"cleanup AAAAA1: message-id=<m@c.example>", "qmgr AAAAA1: from=<b@c.example>, size=1, nrcpt=1 (queue active)",
	"smtp AAAAA1: to=<alice@pfx.test>, relay=127.0.0.1[127.0.0.1]:10024" SENT "(250 Ok: queued as BBBBB1)",
	"qmgr AAAAA1: removed", "reinject/smtpd BBBBB1: client=localhost[127.0.0.1]",
	"cleanup BBBBB1: message-id=<m@c.example>", "qmgr BBBBB1: from=<b@c.example>, size=2, nrcpt=1 (queue active)",
	"virtual BBBBB1: to=<alice@pfx.test>" VIRTUAL, "qmgr BBBBB1: removed", NULL };

static void through_a_filter(void **state)
{
	(void)state;
	expect(filtered, LOGIN_NONE("AAAAA1")
				 LOGIN_NONE("BBBBB1") "delivered 203.0.113.5 AAAAA1 <b@c.example> <alice@pfx.test>\n");
	EXPECT(LOGIN_NONE("AAAAA1") LOGIN_NONE("BBBBB1") "delivered 203.0.113.5 AAAAA1 <> <alice@pfx.test>\n",
		"smtpd AAAAA1: client=c.example[203.0.113.5]",
		"reinject/smtpd BBBBB1: client=localhost[127.0.0.1], orig_queue_id=AAAAA1, "
		"orig_client=c.example[203.0.113.5]",
		"virtual BBBBB1: to=<alice@pfx.test>" VIRTUAL);
	/* before-queue proxy: no queue id in front */
	EXPECT("delivered 203.0.113.5 BBBBB1 <> <alice@pfx.test>\n",
		"smtpd BBBBB1: client=localhost[127.0.0.1], orig_client=c.example[203.0.113.5]",
		"virtual BBBBB1: to=<alice@pfx.test>" VIRTUAL);
	/* a login in front is one behind, too; and is never told as absent because the front was not seen */
	EXPECT("login 203.0.113.5 AAAAA1 <ann>\nlogin 203.0.113.5 BBBBB1 <ann>\nsubmitted 203.0.113.5 AAAAA1 "
	       "<ann@p.test> <x@far.test>\n",
		"smtpd AAAAA1: client=h[203.0.113.5], sasl_method=PLAIN, sasl_username=ann",
		"qmgr AAAAA1: from=<ann@p.test>, size=1, nrcpt=1 (queue active)",
		"smtpd BBBBB1: client=localhost[127.0.0.1], orig_queue_id=AAAAA1, orig_client=h[203.0.113.5]",
		"smtp BBBBB1: to=<x@far.test>, relay=mx.far.test[198.51.100.7]:25" SENT "(250 Ok)");
	EXPECT("", "smtpd BBBBB1: client=localhost[127.0.0.1], orig_queue_id=AAAAA1, orig_client=h[203.0.113.5]");
	/* a foreign server cannot claim a queue id of ours */
	EXPECT(LOGIN_NONE("AAAAA1"), "smtpd AAAAA1: client=c.example[203.0.113.5]",
		"smtpd BBBBB1: client=localhost[127.0.0.1]",
		"smtp AAAAA1: to=<x@far.test>, relay=mx.far.test[198.51.100.7]:25" SENT "(250 Ok: queued as BBBBB1)",
		"virtual BBBBB1: to=<alice@pfx.test>" VIRTUAL);
	/* a filter on another host of ours */
	EXPECT(LOGIN_NONE("AAAAA1") LOGIN_NONE("BBBBB1") "delivered 203.0.113.5 AAAAA1 <> <alice@pfx.test>\n",
		"smtpd AAAAA1: client=c.example[203.0.113.5]", "smtpd BBBBB1: client=filter[10.0.0.8]",
		"smtp AAAAA1: to=<alice@pfx.test>, relay=filter[10.0.0.8]:10024" SENT "(250 Ok: queued as BBBBB1)",
		"virtual BBBBB1: to=<alice@pfx.test>" VIRTUAL);
	EXPECT(LOGIN_NONE("AAAAA1") "delivered 203.0.113.5 AAAAA1 <> <f@p.test>\n",
		"smtpd AAAAA1: client=c.example[203.0.113.5]",
		"local AAAAA1: to=<f@l>, orig_to=<f@p.test>, relay=local" SENT "(forwarded as BBBBB1)",
		"virtual BBBBB1: to=<alice@p.test>, orig_to=<f@p.test>" VIRTUAL);
}

static void called_spam(void **state)
{
	static const char want[] = LOGIN_NONE("AAAAA1") "tagged 203.0.113.5 AAAAA1 <> <alice@pfx.test>\n";

	(void)state;
	EXPECT(want, "smtpd AAAAA1: client=c.example[203.0.113.5]", "cleanup AAAAA1: message-id=<m@c.example>",
		"!spamd spamd: result: Y 15 - X scantime=0.3,mid=<m@c.example>,autolearn=no",
		"virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL);
	EXPECT(want, "smtpd AAAAA1: client=c.example[203.0.113.5]", "virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL,
		"!rspamd <3c1f7a>; task; rspamd_task_write_log: id: <m@c>, qid: <AAAAA1>, (default: F (add header): "
		"[7/15])");
	/* amavis logs after it has handed the message back */
	EXPECT(LOGIN_NONE("AAAAA1") LOGIN_NONE("BBBBB1") "tagged 203.0.113.5 AAAAA1 <> <alice@pfx.test>\n",
		"smtpd AAAAA1: client=c.example[203.0.113.5]", "smtpd BBBBB1: client=localhost[127.0.0.1]",
		"virtual BBBBB1: to=<alice@pfx.test>" VIRTUAL,
		"!amavis (1-1) Passed SPAM {RelayedTaggedInbound}, <b> -> <a>, Queue-ID: AAAAA1, Message-ID: <m@c>, "
		"queued_as: BBBBB1",
		"smtp AAAAA1: to=<alice@pfx.test>, relay=127.0.0.1[127.0.0.1]:10024" SENT "(250 Ok: queued as BBBBB1)");
}

static unsigned random_next(uint64_t *s)
{
	*s = *s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(*s >> 33);
}

static void any_order(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct maillog_join *j = join_new();
		const char *line[16];
		size_t n = 0;
		static char out[OUT];

		for (; filtered[n]; n++)
			line[n] = filtered[n];
		for (size_t i = n; i > 1; i--) {
			size_t k = random_next(&seed) % i;
			const char *swap = line[i - 1];

			line[i - 1] = line[k];
			line[k] = swap;
		}
		out[0] = '\0';
		for (size_t i = 0; i < n; i++)
			add(j, T0 + i, line[i], out);
		flush(j, out);
		if (!strstr(out, "delivered 203.0.113.5 AAAAA1 <b@c.example> <alice@pfx.test>\n") ||
			strstr(out, "delivered+"))
			fail_msg("round %d: %s", round, out);
		maillog_join_free(j);
	}
}

static void time_makes_events_due(void **state)
{
	struct maillog_join *j = join_new();
	static char out[OUT];

	(void)state;
	out[0] = '\0';
	add(j, T0, "smtpd AAAAA1: client=c.example[203.0.113.5]", out);
	out[0] = '\0';
	add(j, T0, "virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL, out);
	add(j, T0 + JOIN_WAIT_S - 1, "qmgr AAAAA1: removed", out);
	assert_string_equal(out, "");
	maillog_join_advance(j, T0 + JOIN_WAIT_S);
	drain(j, out);
	assert_string_equal(out, "delivered 203.0.113.5 AAAAA1 <> <alice@pfx.test>\n");
	maillog_join_advance(j, T0 + JOIN_WAIT_S + JOIN_LINGER_S);
	drain(j, out);
	assert_int_equal(maillog_join_count(j), 0);
	maillog_join_free(j);
}

/* A night without mail: what was due is told before it is forgotten. */
static void time_jumps(void **state)
{
	struct maillog_join *j = join_new();
	static char out[OUT];
	char line[200];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(line, sizeof line, "smtpd A%05X: client=c.example[203.0.113.5]", i);
		add(j, T0, line, out);
		(void)snprintf(line, sizeof line, "virtual A%05X: to=<alice@pfx.test>" VIRTUAL, i);
		add(j, T0, line, out);
		(void)snprintf(line, sizeof line, "qmgr A%05X: removed", i);
		add(j, T0, line, out);
	}
	out[0] = '\0';
	maillog_join_advance(j, T0 + 10 * JOIN_EXPIRE_S);
	drain(j, out);
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(line, sizeof line, "delivered 203.0.113.5 A%05X <> <alice@pfx.test>\n", i);
		if (!strstr(out, line))
			fail_msg("missing: %s", line);
	}
	for (unsigned i = 0; i < 20; i++)
		drain(j, out);
	assert_int_equal(maillog_join_count(j), 0);
	maillog_join_free(j);
}

/* After an hour ahead: a delivery waits for its verdict as before, and what is done with is forgotten. */
static void the_clock_is_set_back(void **state)
{
	struct maillog_join *j = join_new();
	static char out[OUT];

	(void)state;
	add(j, T0 + 3600, "smtpd AAAAA1: client=c.example[203.0.113.5]", out);
	add(j, T0 + 3600, "virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL, out);
	add(j, T0 + 3600, "qmgr AAAAA1: removed", out);
	maillog_join_set_back(j, T0);
	add(j, T0, "smtpd AAAAA2: client=c.example[203.0.113.6]", out);
	add(j, T0 + 1, "virtual AAAAA2: to=<alice@pfx.test>" VIRTUAL, out);
	out[0] = '\0';
	maillog_join_advance(j, T0 + JOIN_WAIT_S);
	drain(j, out);
	assert_string_equal(out, "delivered 203.0.113.5 AAAAA1 <> <alice@pfx.test>\n");
	out[0] = '\0';
	maillog_join_advance(j, T0 + 1 + JOIN_WAIT_S);
	drain(j, out);
	assert_string_equal(out, "delivered 203.0.113.6 AAAAA2 <> <alice@pfx.test>\n");
	maillog_join_advance(j, T0 + JOIN_LINGER_S + 1);
	drain(j, out);
	assert_int_equal(maillog_join_count(j), 1);
	maillog_join_free(j);
}

static void a_queue_id_used_again(void **state)
{
	struct maillog_join *j = join_new();
	static char out[OUT];

	(void)state;
	out[0] = '\0';
	add(j, T0, "smtpd AAAAA1: client=c.example[203.0.113.5]", out);
	add(j, T0, "cleanup AAAAA1: reject: header x", out);
	out[0] = '\0';
	add(j, T0 + 3, "smtpd AAAAA1: client=d.example[203.0.113.6]", out);
	add(j, T0 + 3, "virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL, out);
	flush(j, out);
	assert_string_equal(out, "login 203.0.113.6 AAAAA1 <>\ndelivered 203.0.113.6 AAAAA1 <> <alice@pfx.test>\n");
	maillog_join_free(j);
}

static void caps(void **state)
{
	struct maillog_join *j = maillog_join_new(key, 10);
	static char out[OUT];
	char line[200];

	(void)state;
	assert_non_null(j);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(line, sizeof line, "smtpd A%05X: client=c.example[203.0.113.5]", (unsigned)i);
		out[0] = '\0';
		add(j, T0, line, out);
		(void)snprintf(line, sizeof line,
			"smtp A%05X: to=<a@p>, relay=f[127.0.0.1]:1" SENT "(250 queued as B%05X)", (unsigned)i,
			(unsigned)i);
		add(j, T0, line, out);
		assert_true(maillog_join_count(j) <= 10);
	}
	/* one at a time, everything waits for its parent's turn and goes with it */
	maillog_join_free(j);
	j = maillog_join_new(key, 1);
	assert_non_null(j);
	add(j, T0, "smtpd BBBBB1: client=localhost[127.0.0.1], orig_queue_id=AAAAA1, orig_client=h[203.0.113.5]", out);
	assert_int_equal(maillog_join_count(j), 1);
	maillog_join_free(j);
}

static void expiry(void **state)
{
	struct maillog_join *j = join_new();
	static char out[OUT];

	(void)state;
	add(j, T0, "smtpd AAAAA1: client=c.example[203.0.113.5]", out);
	add(j, T0 + JOIN_EXPIRE_S - 1, "smtpd AAAAA2: client=c.example[203.0.113.5]", out);
	assert_int_equal(maillog_join_count(j), 2);
	maillog_join_advance(j, T0 + JOIN_EXPIRE_S + 1);
	drain(j, out);
	assert_int_equal(maillog_join_count(j), 1);
	out[0] = '\0';
	add(j, T0 + JOIN_EXPIRE_S + 2, "virtual AAAAA1: to=<alice@pfx.test>" VIRTUAL, out);
	flush(j, out);
	assert_string_equal(out, "");
	maillog_join_free(j);
}

static void a_full_ring_tells_early(void **state)
{
	struct maillog_join *j = join_new();
	struct maillog_event ev;
	struct maillog_line l;
	size_t told = 0;
	static char out[OUT];

	(void)state;
	add(j, T0, "smtpd AAAAA1: client=c.example[203.0.113.5]", out);
	for (size_t i = 0; i < JOIN_PENDING + 500; i++) {
		maillog_line_parse_entry(
			T0, SLICE_LIT("postfix/virtual"), SLICE_LIT("AAAAA1: to=<alice@pfx.test>" VIRTUAL), &l);
		assert_int_equal(maillog_join_add(j, &l), ERR_OK);
		while (maillog_join_next(j, &ev))
			told++;
	}
	assert_int_equal(told, 501);
	maillog_join_flush(j);
	while (maillog_join_next(j, &ev))
		told++;
	assert_int_equal(told, JOIN_PENDING + 500);
	maillog_join_free(j);
}

/* What Postfix 3.7.11 wrote for a known set of messages. */
static void a_real_log(void **state)
{
	static const char *const want[] = {
		"rejected+ 203.0.113.5 1AC9EA74322 <bob@client.example> <alice@pfx.test>\n",
		"rejected+ 203.0.113.5 1B158A74322 <bob@client.example> <alice@pfx.test>\n",
		"delivered 203.0.113.5 1830CA74321 <bob@client.example> <alice@pfx.test>\n",
		"delivered 203.0.113.5 1A4BEA74321 <> <sales@pfx.test>\n",
		"delivered+ 203.0.113.5 1A4BEA74321 <> <fwd@pfx.test>\n",
		"delivered 203.0.113.5 1E2B3A74323 <bob@client.example> <alice@pfx.test>\n",
		"delivered+ 203.0.113.5 1E2B3A74323 <bob@client.example> <carl@pfx.test>\n",
		"delivered 203.0.113.5 21FF5A74328 <bob@client.example> <alice@pfx.test>\n",
		"delivered 2001:db8::5 290B3A7432C <bob@client.example> <alice@pfx.test>\n",
		"delivered 203.0.113.5 2823CA74328 <bob@client.example> <g@gw.test>\n",
		"tagged 203.0.113.5 23C4FA7432B <bob@client.example> <alice@pfx.test>\n",
	};
	struct maillog_join *j = join_new();
	const char *dir = getenv("TEST_DATA");
	char path[4096], line[4096];
	static char out[OUT];
	size_t delivered = 0;
	FILE *f;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/fuzz/corpus/maillog/postfix-3.7.log", dir ? dir : "tests");
	f = fopen(path, "r");
	assert_non_null(f);
	out[0] = '\0';
	while (fgets(line, sizeof line, f)) {
		struct maillog_line l;

		assert_int_equal(maillog_line_parse(slice_trim(slice_str(line)), T0 + 100, 0, &l), ERR_OK);
		assert_int_equal(maillog_join_add(j, &l), ERR_OK);
		drain(j, out);
	}
	(void)fclose(f);
	flush(j, out);
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
		if (!strstr(out, want[i]))
			fail_msg("missing: %s", want[i]);
	for (const char *p = out; (p = strstr(p, "delivered")); p++)
		delivered++;
	assert_int_equal(delivered, 9);
	assert_null(strstr(out, "limetwig"));
	assert_null(strstr(out, "far.test"));
	maillog_join_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct),
		cmocka_unit_test(transports),
		cmocka_unit_test(traps_are_no_good_mail),
		cmocka_unit_test(refused_and_rcpt),
		cmocka_unit_test(our_own_people),
		cmocka_unit_test(own_hosts),
		cmocka_unit_test(through_a_filter),
		cmocka_unit_test(called_spam),
		cmocka_unit_test(any_order),
		cmocka_unit_test(time_makes_events_due),
		cmocka_unit_test(time_jumps),
		cmocka_unit_test(the_clock_is_set_back),
		cmocka_unit_test(a_queue_id_used_again),
		cmocka_unit_test(caps),
		cmocka_unit_test(expiry),
		cmocka_unit_test(a_full_ring_tells_early),
		cmocka_unit_test(a_real_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
