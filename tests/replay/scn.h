/*
 * scn: replay of scenarios in virtual time. A .scn file is a list of
 * statements, one a line; README.md in this folder is the language. The real
 * engine runs with a real store; its peers, the clock and the timers are made
 * up.
 *
 *   scn_text.c    lines, words, {1..200}, repeat, addresses, times
 *   scn_clock.c   the wall clock and the engine's timers
 *   scn_world.c   the engine and what talks to it
 *   scn_fetch.c   the role fetch, over a made-up DNS
 *   scn_mail.c    one message through all its stages
 *   scn_count.c   what was refused, by us and by the old recipe
 *   scn_verb.c    the statements
 *   scn_expect.c  the expectations
 *   run_scenarios.c  one test per file; --table
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_SCN_H
#define TESTS_SCN_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/ipaddr.h"
#include "role/engine.h"

#define SCN_LINES 2000
#define SCN_LINE 2048
#define SCN_WORDS 48
#define SCN_DEPTH 4 /* repeat in repeat */
#define SCN_ERROR 700
#define SCN_ALIASES 16

/* ---- scn_text.c: the file */

struct scn_words {
	char text[SCN_LINE];
	const char *word[SCN_WORDS];
	bool is_used[SCN_WORDS];
	unsigned n;
};

struct scn {
	const char *dir; /* where mail/NAME.eml are */
	const char *file;
	char *text;
	char *line[SCN_LINES];
	unsigned lines, at; /* at: number of the line under way, from 1 */
	unsigned loop[SCN_DEPTH], depth;
	char error[SCN_ERROR];
};

/* Runs statement(s, words) for every line; false: s->error says "file:line: why". */
bool scn_run(struct scn *s, bool (*statement)(struct scn *s, struct scn_words *w));
/* Sets the error; returns false. */
bool scn_fail(struct scn *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The next word not yet used; NULL: none. */
const char *scn_next(struct scn_words *w);
/* Is the next word this one? Then it is used. */
bool scn_take(struct scn_words *w, const char *word);
/* The word behind this one, wherever they stand; NULL. */
const char *scn_after(struct scn_words *w, const char *word);
/* The value of name=value; NULL. */
const char *scn_attr(struct scn_words *w, const char *name);
/* Does this word stand there? */
bool scn_flag(struct scn_words *w, const char *word);
/* False and an error when a word was not used. */
bool scn_end(struct scn *s, const struct scn_words *w);

/* "192.0.2.1", "198.18.0.0+17", "2001:db8::/64+17": the 17th network of that length behind it. */
bool scn_address(const char *text, struct ipaddr *ret);
/* Seconds; also years: "1y". */
bool scn_duration(const char *text, uint64_t *ret);
/* A local part alone is at example.org; "<>" is the null sender. */
const char *scn_mailbox(const char *text, char *to, size_t size);

/* ---- scn_clock.c */

void scn_clock_reset(void);
/* The engine is gone, and its timers with it. */
void scn_clock_forget_timers(void);
uint64_t scn_clock_now(void);
/* The clock is set; no time passes. */
void scn_clock_jump(int64_t seconds);
/* Time passes, the engine's timers fire on the way; after each stretch step(ctx). */
void scn_clock_pass(uint64_t seconds, void (*step)(void));

/* ---- scn_world.c */

enum scn_world_limits { SCN_WORLD_TRAPS = 4000 };

void scn_world_setup(void);
void scn_world_teardown(void);
/* Before the first statement that needs an engine; later calls do nothing. */
void scn_world_start(void);
bool scn_world_is_started(void);
/*
 * The engine ends and begins anew. is_killed: it comes back to what was on the disk, and nobody had time for
 * anything; what it had not answered is brought again.
 */
void scn_world_restart(bool is_killed);
struct engine *scn_world_engine(void);
struct conf *scn_world_conf(void);
/* A line of the trap or the allow file. False: too many. */
bool scn_world_add_trap(const char *line);
bool scn_world_add_allow(const char *line);
bool scn_world_add_shared(const char *line);
/* A new set of a feed: prefixes between commas, "" none; in force when it returns. */
void scn_world_feed(const char *name, enum conf_feed_action action, const char *list);
/* A message of the role fetch. */
void scn_world_from_fetch(enum message_type t, const struct wr *w);
/* Everything that was sent has come through and is on disk. */
void scn_world_settle(void);
void scn_world_pass(uint64_t seconds);
/* A policy request; the action, without "action=". */
const char *scn_world_ask(const char *request);
/* The transaction under way on the policy connection is over; those on other lines go on. */
void scn_world_hang_up(void);
/* Ask on this policy connection from now on, 0 to 7. Line 0 is closed when time passes, the others stay. */
void scn_world_line(unsigned line);
/* Is this /32 or /64 in the firewall, as far as the engine told it? */
bool scn_world_is_in_firewall(const struct ipaddr *a);
void scn_world_hit(const struct msg_hit *m);
/* How often a hit was answered "later" and had to be brought again. */
unsigned scn_world_later(void);
void scn_world_log_mail(const struct msg_log_mail *m);
void scn_world_log_login(const struct msg_log_login *m);
void scn_world_log_rcpt(const struct msg_log_rcpt *m);
/* A command; NULL and *ret_error (static) when it was refused. Owned by the caller. */
json_t *scn_world_command(json_t *takes, const char **ret_error);
/* Alarms of this event since the start. */
unsigned scn_world_alarms(const char *event);
/* A trap address stands in the log: where, else NULL. */
const char *scn_world_leak(void);

/* ---- scn_fetch.c */

void scn_fetch_reset(void);
/* These addresses pass SPF for the domain: prefixes with commas. False: too many, or no prefixes. */
bool scn_fetch_spf(const char *domain, const char *prefixes);
/* A DNS list of the configuration; before the first event. */
bool scn_fetch_list(struct conf *c, const char *title, bool is_allow, const char *codes);
/* What the DNS answers: name, or "*.zone" for all below; an address, "none" or "fails". The last one that fits counts. */
bool scn_fetch_dns(const char *name, const char *answer);
void scn_fetch_asked(enum message_type t, struct rd *body);
/* Time has passed: the lists are tested every ten minutes. */
void scn_fetch_tick(void);

/* ---- scn_mail.c */

enum scn_kind { SCN_NEITHER = 0, SCN_SPAM, SCN_GOOD };
enum scn_outcome { SCN_ACCEPTED = 0, SCN_REFUSED, SCN_RIDERS, SCN_WITHHELD, SCN_BY_POSTFIX };

struct scn_mail {
	struct ipaddr client;
	char name[256], helo[256], sender[320], to[1024], login[128], queue_id[32], message_id[256], port[8],
		server[64];
	char content[64];      /* name of a file in mail/, without .eml */
	struct ipaddr via;     /* the client is a forwarder, and had it from here; family 0: no */
	char filter_queue[32]; /* the message went through a content filter and came back under this queue id */
	unsigned postfix;      /* reply of Postfix itself to each RCPT that we let pass; 0: takes it */
	bool is_rcpt_only, is_tagged, is_local, has_no_orcpt;
	enum scn_kind kind;
	/* what came of it */
	enum scn_outcome outcome;
	unsigned code; /* of the refusal */
	unsigned asked, refused, people, people_refused, traps;
};

/* Through RCPT, end of message, alias, capture and log. False: s->error. */
bool scn_mail_send(struct scn *s, struct scn_mail *m);
/* Postfix brings the copies of the last message to capture once more. */
bool scn_mail_redeliver(struct scn *s);
bool scn_mail_alias(const char *from, const char *to);
void scn_mail_reset(void);
/* The reply to RCPT, "DUNNO" or "450 ...". */
const char *scn_mail_rcpt_reply(const struct scn_mail *m, const char *recipient);

/* ---- scn_count.c */

struct scn_counts {
	unsigned long spam, spam_refused, spam_recipe; /* connections */
	unsigned long good, good_refused, good_recipe; /* messages to people */
};

void scn_count_reset(void);
/* Before the message: what would "one RCPT to a trap blocks the address for 24 h" say? */
void scn_count_recipe(const struct scn_mail *m, bool has_trap, uint64_t now);
/* After it. */
void scn_count_mail(const struct scn_mail *m);
const struct scn_counts *scn_count_get(void);

/* ---- scn_verb.c, scn_expect.c */

bool scn_verb(struct scn *s, struct scn_words *w);
bool scn_expect(struct scn *s, struct scn_words *w);
/* What the last message met. */
const struct scn_mail *scn_verb_last(void);
void scn_verb_reset(void);

#endif /* TESTS_SCN_H */
