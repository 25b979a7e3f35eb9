/*
 * Logs in which it is known what a policy server would have done.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/replay_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define T0 UINT64_C(1793491200) /* 2026-11-01 00:00 UTC */
#define NOW (T0 + 365 * 86400)
#define DAY 86400
#define TRAP "old@pfx.test"

struct rig {
	struct conf conf;
	struct allow allow;
	struct subject_rules rules;
	struct trap_table *traps;
	struct replay_world *world;
	struct replay_log *log;
	const struct trap *pattern; /* of every address that begins with "x" */
	uint64_t at;
	unsigned ids;
	char good[4000]; /* "sender recipient least|most[ rider]\n" */
};

static struct rig *rig;
static const uint8_t key[SIPHASH_KEY] = { 5 };

static const struct trap *find_pattern(const struct address *a, void *ctx)
{
	(void)ctx;
	return rig->pattern && a->text[0] == 'x' ? rig->pattern : NULL;
}

static void on_good(const struct replay_refusal *f, void *ctx)
{
	size_t n = strlen(rig->good);

	(void)ctx;
	(void)snprintf(rig->good + n, sizeof rig->good - n, "%.*s %.*s %s%s\n", SLICE_ARG(f->sender),
		SLICE_ARG(f->recipient), f->is_in[REPLAY_LEAST] ? "least" : "most", f->is_rider ? " rider" : "");
}

static struct trap *add_trap(const char *line)
{
	struct trap_line t;
	struct trap *trap;
	char why[200];
	bool any;

	assert_int_equal(trap_file_line(slice_str(line), 1, &t, &any, why, sizeof why), ERR_OK);
	assert_int_equal(trap_table_add(rig->traps, &t, &trap), ERR_OK);
	trap->id = (uint32_t)trap_table_count(rig->traps);
	trap->state = TRAP_ARMED;
	return trap;
}

static void start(void)
{
	const struct replay_setup setup = { &rig->conf, &rig->allow, &rig->rules, rig->traps, find_pattern, on_good,
		rig };

	assert_int_equal(allow_seal(&rig->allow), ERR_OK);
	assert_int_equal(subject_rules_make(&rig->rules, &rig->conf), ERR_OK);
	rig->world = replay_world_new(key, &setup);
	assert_non_null(rig->world);
	rig->log = replay_log_new(key, NULL, replay_world_event, rig->world);
	assert_non_null(rig->log);
}

static int setup(void **state)
{
	(void)state;
	rig = calloc(1, sizeof *rig);
	if (!rig)
		return -1;
	conf_defaults(&rig->conf);
	rig->conf.block.jitter = 0;
	allow_init(&rig->allow);
	subject_rules_init(&rig->rules);
	rig->traps = trap_table_new(key, "+");
	rig->at = T0;
	add_trap(TRAP);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	replay_log_free(rig->log);
	replay_world_free(rig->world);
	trap_table_free(rig->traps);
	allow_done(&rig->allow);
	subject_rules_done(&rig->rules);
	free(rig);
	return 0;
}

static void line_of(const char *host, const char *text)
{
	char line[2000];
	struct maillog_line l;
	time_t t = (time_t)rig->at;
	struct tm tm;
	size_t n;

	assert_non_null(gmtime_r(&t, &tm));
	n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ ", &tm);
	(void)snprintf(line + n, sizeof line - n, "%s %s", host, text);
	assert_int_equal(maillog_line_parse(slice_str(line), NOW, 0, &l), ERR_OK);
	assert_int_equal(replay_log_add(rig->log, &l), ERR_OK);
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
	char text[1500];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	line_of("mx", text);
}

static void connect_from(const char *client)
{
	say("postfix/smtpd[7]: connect from h.example[%s]", client);
}

static void disconnect(const char *client)
{
	say("postfix/smtpd[7]: disconnect from h.example[%s] quit=1", client);
}

static void refuse(const char *id, const char *client, const char *from, const char *to, const char *status)
{
	say("postfix/smtpd[7]: %s: reject: RCPT from h.example[%s]: %s <%s>: Recipient address rejected: no; from=<%s> "
	    "to=<%s> proto=ESMTP helo=<h>",
		id, client, status, to, from, to);
}

/* One connection that asks for an unknown address and goes. */
static void ask(const char *client, const char *from, const char *to)
{
	connect_from(client);
	refuse("NOQUEUE", client, from, to, "550 5.1.1");
	disconnect(client);
}

static void accepted(char id[16], const char *client)
{
	(void)snprintf(id, 16, "ABCDE%05u", ++rig->ids);
	say("postfix/smtpd[7]: %s: client=h.example[%s]", id, client);
}

static void content(const char *id, const char *from)
{
	say("postfix/cleanup[8]: %s: message-id=<%s@x>", id, id);
	say("postfix/qmgr[9]: %s: from=<%s>, size=1, nrcpt=1 (queue active)", id, from);
}

static void delivered(const char *id, const char *to, const char *status)
{
	say("postfix/virtual[8]: %s: to=<%s>, relay=virtual, delay=1, delays=0/0/0/1, dsn=%s (x)", id, to, status);
	say("postfix/qmgr[9]: %s: removed", id);
}

/* A message to one person, with what became of it. */
static void message(const char *client, const char *from, const char *to, const char *status)
{
	char id[16];

	connect_from(client);
	accepted(id, client);
	content(id, from);
	delivered(id, to, status);
	disconnect(client);
}

static void mail(const char *client, const char *from, const char *to)
{
	message(client, from, to, "2.0.0, status=sent");
}

/* A message to TRAP, which Postfix refused, and to a person. */
static void mail_with_trap(const char *client, const char *from)
{
	char id[16];

	connect_from(client);
	accepted(id, client);
	refuse(id, client, from, TRAP, "550 5.1.1");
	content(id, from);
	delivered(id, "ann@pfx.test", "2.0.0, status=sent");
	disconnect(client);
}

static const struct replay_count *sums(enum replay_bound b)
{
	return &replay_world_sums(rig->world)->all.bound[b];
}

static void end(void)
{
	replay_log_end(rig->log);
	replay_world_end(rig->world);
}

static void a_refused_trap_is_two_stories(void **state)
{
	(void)state;
	start();
	ask("192.0.2.1", "a@s.example", TRAP);
	rig->at += 60;
	mail("192.0.2.1", "a@s.example", "ann@pfx.test");
	mail("192.0.2.2", "b@s.example", "ann@pfx.test");
	end();
	assert_int_equal(sums(REPLAY_LEAST)->grade[GRADE_PROBE], 1);
	assert_int_equal(sums(REPLAY_LEAST)->blocks, 0);
	assert_int_equal(sums(REPLAY_LEAST)->good, 0);
	assert_int_equal(sums(REPLAY_MOST)->grade[GRADE_CONFIRMED], 1);
	assert_int_equal(sums(REPLAY_MOST)->blocks, 1);
	assert_int_equal(sums(REPLAY_MOST)->connections, 1);
	assert_int_equal(sums(REPLAY_MOST)->good, 1);
	assert_string_equal(rig->good, "a@s.example ann@pfx.test most\n");
	assert_int_equal(replay_world_sums(rig->world)->all.good, 2);
	assert_int_equal(replay_world_sums(rig->world)->all.connections, 3);
	assert_int_equal(replay_world_yield(rig->world, 1)->good[REPLAY_MOST], 1);
}

static void screen(const char *client, unsigned port, const char *to)
{
	say("postfix/postscreen[5]: NOQUEUE: reject: RCPT from [%s]:%u: 550 5.7.1 Service unavailable; client [%s] "
	    "blocked using bl.example; from=<a@s.example>, to=<%s>, proto=ESMTP, helo=<h>",
		client, port, client, to);
}

/* What postscreen refused is a connection, one for all its recipients, and never a hit. */
static void postscreen_refuses(void **state)
{
	(void)state;
	start();
	screen("192.0.2.1", 1001, TRAP);
	ask("192.0.2.1", "a@s.example", TRAP);
	rig->at += 60;
	screen("192.0.2.1", 1002, TRAP);
	screen("192.0.2.1", 1002, "ann@pfx.test");
	screen("192.0.2.1", 1003, "ann@pfx.test");
	screen("192.0.2.2", 1003, "ann@pfx.test");
	end();
	assert_int_equal(replay_world_sums(rig->world)->all.connections, 5);
	assert_int_equal(replay_world_sums(rig->world)->all.screened, 4);
	assert_int_equal(replay_world_sums(rig->world)->all.tries, 1);
	assert_int_equal(sums(REPLAY_MOST)->blocks, 1);
	assert_int_equal(sums(REPLAY_MOST)->connections, 2);
	assert_int_equal(sums(REPLAY_LEAST)->connections, 0);
	assert_int_equal(sums(REPLAY_MOST)->grade[GRADE_PROBE], 0);
}

static void a_block_ends(void **state)
{
	(void)state;
	start();
	ask("192.0.2.1", "a@s.example", TRAP);
	rig->at += rig->conf.block.generic_max_s + rig->conf.block.max_s;
	mail("192.0.2.1", "a@s.example", "ann@pfx.test");
	end();
	assert_int_equal(sums(REPLAY_MOST)->blocks, 1);
	assert_int_equal(sums(REPLAY_MOST)->good, 0);
}

static void one_message_is_one_hit(void **state)
{
	(void)state;
	start();
	for (int i = 0; i < 5; i++) {
		ask("192.0.2.1", "a@s.example", TRAP);
		rig->at += 600;
	}
	end();
	assert_int_equal(sums(REPLAY_LEAST)->grade[GRADE_PROBE], 1);
	/* what comes behind the block is a probe, once */
	assert_int_equal(sums(REPLAY_MOST)->grade[GRADE_CONFIRMED], 1);
	assert_int_equal(sums(REPLAY_MOST)->grade[GRADE_PROBE], 1);
	assert_int_equal(replay_world_yield(rig->world, 1)->tries, 5);
}

/* The log shows that a message came: with a trap among its recipients, it is refused at its end. */
static void riders(void **state)
{
	char id[16];

	(void)state;
	start();
	mail_with_trap("192.0.2.1", "a@s.example");
	/* the trap first: Postfix has no queue id yet */
	connect_from("192.0.2.2");
	refuse("NOQUEUE", "192.0.2.2", "b@s.example", TRAP, "550 5.1.1");
	accepted(id, "192.0.2.2");
	content(id, "b@s.example");
	delivered(id, "ann@pfx.test", "2.0.0, status=sent");
	disconnect("192.0.2.2");
	/* another sender: another transaction */
	connect_from("192.0.2.3");
	refuse("NOQUEUE", "192.0.2.3", "c@s.example", TRAP, "550 5.1.1");
	refuse("NOQUEUE", "192.0.2.3", "d@s.example", "nobody@pfx.test", "550 5.1.1");
	disconnect("192.0.2.3");
	end();
	assert_int_equal(sums(REPLAY_LEAST)->grade[GRADE_UNSEEN], 2);
	assert_int_equal(sums(REPLAY_LEAST)->grade[GRADE_PROBE], 1);
	assert_int_equal(sums(REPLAY_LEAST)->blocks, 0);
	assert_int_equal(sums(REPLAY_LEAST)->good, 2);
	assert_string_equal(rig->good, "a@s.example ann@pfx.test least rider\nb@s.example ann@pfx.test least rider\n");
}

static void riders_that_are_delivered(void **state)
{
	(void)state;
	rig->conf.traps.riders = RIDERS_DELIVER;
	start();
	mail_with_trap("192.0.2.1", "a@s.example");
	end();
	assert_int_equal(sums(REPLAY_MOST)->grade[GRADE_CONFIRMED], 1);
	assert_int_equal(sums(REPLAY_MOST)->blocks, 1);
	assert_int_equal(sums(REPLAY_MOST)->good, 0);
}

static void what_never_blocks(void **state)
{
	(void)state;
	start();
	ask("192.0.2.1", "", TRAP);
	ask("192.0.2.2", "double-bounce@s.example", TRAP);
	ask("192.0.2.3", "postmaster@s.example", TRAP);
	refuse("NOQUEUE", "192.0.2.4", "a@s.example", TRAP, "554 5.7.1"); /* on a block list */
	refuse("NOQUEUE", "192.0.2.5", "a@s.example", TRAP, "450 4.2.0"); /* greylisted */
	mail("192.0.2.6", "", TRAP);                                      /* a bounce, taken by a catch-all */
	ask("192.168.1.1", "a@s.example", TRAP);
	say("postfix/submission/smtpd[17]: NOQUEUE: reject: RCPT from h[192.0.2.9]: 550 5.1.1 <" TRAP
	    ">: x; from=<ann@pfx.test> to=<" TRAP "> proto=ESMTP helo=<h>");
	end();
	for (int b = 0; b < REPLAY_BOUNDS; b++) {
		assert_int_equal(sums((enum replay_bound)b)->grade[GRADE_PROBE], 5);
		assert_int_equal(sums((enum replay_bound)b)->grade[GRADE_BACKSCATTER], 1);
		assert_int_equal(sums((enum replay_bound)b)->blocks, 0);
	}
	assert_int_equal(replay_world_sums(rig->world)->insider, 2);
	assert_int_equal(replay_world_sums(rig->world)->null_sender, 2);
}

static void the_allow_lists(void **state)
{
	static const char *const lines[] = { "192.0.2.1", "name:.good.example" };
	struct allow_line l;
	bool any;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(allow_line_parse(slice_str(lines[i]), &l, &any), ERR_OK);
		assert_int_equal(
			allow_add_line(&rig->allow, &l, i ? ALLOW_TIER_SHARED : ALLOW_TIER_NEVER, NULL, 0), ERR_OK);
	}
	start();
	ask("192.0.2.1", "a@s.example", TRAP);
	say("postfix/smtpd[7]: NOQUEUE: reject: RCPT from mx1.good.example[192.0.2.7]: 550 5.1.1 <" TRAP
	    ">: x; from=<a@freemail.example> to=<" TRAP "> proto=ESMTP helo=<h>");
	end();
	assert_int_equal(replay_world_sums(rig->world)->exempt, 2);
	assert_int_equal(sums(REPLAY_MOST)->blocks, 0);
}

/* A trap that takes mail today: a catch-all, or an address that the mailbox server refuses after Postfix took it. */
static void accepted_today(void **state)
{
	(void)state;
	start();
	mail("192.0.2.1", "a@s.example", TRAP);
	message("192.0.2.2", "b@s.example", TRAP, "5.1.1, status=bounced");
	rig->at += 60;
	mail("192.0.2.1", "c@s.example", "ann@pfx.test");
	end();
	assert_int_equal(sums(REPLAY_LEAST)->grade[GRADE_UNSEEN], 2);
	assert_int_equal(sums(REPLAY_LEAST)->good, 0);
	assert_int_equal(sums(REPLAY_LEAST)->blocks, 0);
	assert_int_equal(sums(REPLAY_MOST)->grade[GRADE_CONFIRMED], 2);
	assert_int_equal(sums(REPLAY_MOST)->blocks, 2);
	assert_int_equal(sums(REPLAY_MOST)->good, 1);
	assert_int_equal(replay_world_sums(rig->world)->all.good, 1);
}

static void good_mail_counts(void **state)
{
	(void)state;
	start();
	for (int day = 0; day < 8; day++, rig->at += DAY)
		for (int i = 0; i < 20; i++)
			mail("192.0.2.1", "news@shop.example", "ann@pfx.test");
	ask("192.0.2.1", "news@shop.example", TRAP);
	rig->at += 60;
	mail("192.0.2.1", "news@shop.example", "ann@pfx.test");
	end();
	assert_int_equal(sums(REPLAY_MOST)->grade[GRADE_CONFIRMED], 1);
	assert_int_equal(sums(REPLAY_MOST)->blocks, 0);
	assert_int_equal(sums(REPLAY_MOST)->good, 0);
	assert_int_equal(replay_world_sums(rig->world)->days, 9);
	assert_int_equal(replay_world_sums(rig->world)->day[0].good, 20);
	assert_int_equal(replay_world_sums(rig->world)->day[8].bound[REPLAY_MOST].grade[GRADE_CONFIRMED], 1);
}

/* Much good mail, and then more traps than that outweighs: a person shall look at it. */
static void the_breaker_holds(void **state)
{
	char trap[32];

	(void)state;
	for (int i = 0; i < 8; i++) {
		(void)snprintf(trap, sizeof trap, "t%d@pfx.test", i);
		add_trap(trap);
	}
	start();
	for (int day = 0; day < 6; day++, rig->at += DAY)
		for (int i = 0; i < 2; i++)
			mail("192.0.2.1", "news@shop.example", "ann@pfx.test");
	for (int i = 0; i < 8; i++) {
		(void)snprintf(trap, sizeof trap, "t%d@pfx.test", i);
		ask("192.0.2.1", "news@shop.example", trap);
	}
	rig->at += 60;
	mail("192.0.2.1", "news@shop.example", "ann@pfx.test");
	end();
	assert_int_equal(sums(REPLAY_MOST)->held, 1);
	assert_int_equal(sums(REPLAY_MOST)->blocks, 0);
	assert_int_equal(sums(REPLAY_MOST)->good, 0);
}

static void what_a_blocked_host_sends(void **state)
{
	char id[16];

	(void)state;
	start();
	ask("192.0.2.1", "a@s.example", TRAP);
	rig->at += 60;
	mail("192.0.2.1", "a@s.example", "postmaster@pfx.test"); /* always open */
	connect_from("192.0.2.1");
	accepted(id, "192.0.2.1");
	content(id, "a@s.example");
	say("postfix/cleanup[8]: %s: milter-reject: END-OF-MESSAGE from h.example[192.0.2.1]: 5.7.1 spam; "
	    "from=<a@s.example> to=<ann@pfx.test> proto=ESMTP helo=<h>",
		id);
	accepted(id, "192.0.2.1"); /* never heard of again */
	content(id, "a@s.example");
	refuse("NOQUEUE", "192.0.2.1", "a@s.example", "nobody@pfx.test", "550 5.1.1");
	disconnect("192.0.2.1");
	end();
	assert_int_equal(sums(REPLAY_MOST)->good, 0);
	assert_int_equal(sums(REPLAY_MOST)->spam, 1);
	assert_int_equal(sums(REPLAY_MOST)->unknown, 1);
	assert_int_equal(sums(REPLAY_MOST)->tries, 1);
	assert_int_equal(sums(REPLAY_MOST)->connections, 2);
}

static void domains_and_patterns(void **state)
{
	(void)state;
	add_trap("@dead.test");
	rig->pattern = add_trap("/^x/");
	start();
	ask("192.0.2.1", "a@s.example", "anything@dead.test");
	ask("192.0.2.2", "a@s.example", "x1@pfx.test");
	mail("192.0.2.3", "a@s.example", "xaver@pfx.test"); /* a living user: a pattern there is a probe at most */
	refuse("NOQUEUE", "192.0.2.4", "a@s.example", "xaver@pfx.test", "554 5.7.1");
	end();
	assert_int_equal(sums(REPLAY_MOST)->blocks, 1);
	assert_int_equal(sums(REPLAY_MOST)->grade[GRADE_PROBE], 1);
	assert_int_equal(replay_world_yield(rig->world, 2)->blocks[REPLAY_MOST], 1);
	assert_int_equal(replay_world_yield(rig->world, 3)->tries, 1);
	assert_int_equal(replay_world_sums(rig->world)->all.good, 1);
}

/* Text of the client that looks like parts of a line. */
static void forgeries(void **state)
{
	(void)state;
	start();
	say("postfix/smtpd[7]: NOQUEUE: reject: RCPT from h[192.0.2.1]: 550 5.1.1 <no@pfx.test>: x; from=<a@s.example> "
	    "to=<no@pfx.test> proto=ESMTP helo=<x; from=<a@s.example> to=<" TRAP "> proto=ESMTP helo=<y>");
	say("postfix/smtpd[7]: NOQUEUE: reject: RCPT from h[192.0.2.1]: 550 5.1.1 <no@pfx.test>: x; from=<\"b> "
	    "to=<" TRAP "> proto=x\"@s.example> to=<no@pfx.test> proto=ESMTP helo=<y>");
	say("postfix/smtpd[7]: NOQUEUE: reject: RCPT from h[192.0.2.1]: 550 5.7.1 <\"5.1.1 " TRAP
	    "\"@pfx.test>: x; from=<a@s.example> to=<\"5.1.1 " TRAP "\"@pfx.test> proto=ESMTP helo=<y>");
	say("postfix/smtpd[7]: warning: client=h[192.0.2.1]");
	end();
	assert_int_equal(sums(REPLAY_MOST)->grade[GRADE_CONFIRMED], 0);
	assert_int_equal(sums(REPLAY_MOST)->grade[GRADE_PROBE], 0);
}

/* Two machines use the same process and queue ids. */
static void two_machines(void **state)
{
	(void)state;
	start();
	line_of("mx1", "postfix/smtpd[7]: ABCDE12345: client=h[192.0.2.1]");
	line_of("mx2", "postfix/smtpd[7]: ABCDE12345: client=h[192.0.2.2]");
	line_of("mx1", "postfix/qmgr[9]: ABCDE12345: from=<one@s.example>, size=1, nrcpt=1 (queue active)");
	line_of("mx2", "postfix/qmgr[9]: ABCDE12345: from=<two@s.example>, size=1, nrcpt=1 (queue active)");
	line_of("mx2", "postfix/virtual[8]: ABCDE12345: to=<" TRAP ">, relay=virtual, delay=1, delays=0/0/0/1, "
		       "dsn=2.0.0, status=sent (x)");
	line_of("mx1", "postfix/virtual[8]: ABCDE12345: to=<ann@pfx.test>, relay=virtual, delay=1, delays=0/0/0/1, "
		       "dsn=2.0.0, status=sent (x)");
	end();
	assert_int_equal(sums(REPLAY_MOST)->grade[GRADE_CONFIRMED], 1);
	assert_int_equal(replay_world_sums(rig->world)->all.good, 1);
	assert_string_equal(rig->good, "");
}

static void more_machines_than_fit(void **state)
{
	char host[20];

	(void)state;
	start();
	for (int i = 0; i < REPLAY_HOSTS + 3; i++) {
		(void)snprintf(host, sizeof host, "mx%d", i);
		line_of(host, "postfix/smtpd[7]: connect from h[192.0.2.1]");
	}
	end();
	assert_int_equal(replay_log_shared(rig->log), 3);
	assert_int_equal(replay_world_sums(rig->world)->all.connections, REPLAY_HOSTS + 3);
}

/* More smtpd processes than are followed, more refused recipients than are held: told early, never lost. */
static void more_sessions_than_fit(void **state)
{
	(void)state;
	start();
	for (int i = 0; i < REPLAY_SESSIONS + 10; i++)
		say("postfix/smtpd[%d]: NOQUEUE: reject: RCPT from h[192.0.2.1]: 550 5.1.1 <no@pfx.test>: x; "
		    "from=<a@s.example> to=<no%d@pfx.test> proto=ESMTP helo=<y>",
			i + 1, i);
	for (int i = 0; i < 3 * REPLAY_TRIES; i++)
		refuse("NOQUEUE", "192.0.2.1", "a@s.example", "no@pfx.test", "550 5.1.1");
	end();
	assert_int_equal(replay_world_sums(rig->world)->all.tries, REPLAY_SESSIONS + 10 + 3 * REPLAY_TRIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_refused_trap_is_two_stories, setup, teardown),
		cmocka_unit_test_setup_teardown(postscreen_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(a_block_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(one_message_is_one_hit, setup, teardown),
		cmocka_unit_test_setup_teardown(riders, setup, teardown),
		cmocka_unit_test_setup_teardown(riders_that_are_delivered, setup, teardown),
		cmocka_unit_test_setup_teardown(what_never_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(the_allow_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(accepted_today, setup, teardown),
		cmocka_unit_test_setup_teardown(good_mail_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(the_breaker_holds, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_blocked_host_sends, setup, teardown),
		cmocka_unit_test_setup_teardown(domains_and_patterns, setup, teardown),
		cmocka_unit_test_setup_teardown(forgeries, setup, teardown),
		cmocka_unit_test_setup_teardown(two_machines, setup, teardown),
		cmocka_unit_test_setup_teardown(more_machines_than_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(more_sessions_than_fit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
