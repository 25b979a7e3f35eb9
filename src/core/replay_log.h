/*
 * replay_log: from lines of mail logs to what a policy server would have met:
 * connections, accepted messages, refused recipients, and what became of mail.
 * Lines of several machines may come mixed, in the order of their times: each
 * machine has its own core/maillog_join.
 *
 * A refused recipient is held back until its smtpd has ended the transaction,
 * so that it can be told whether a message followed. That is sure only where
 * the log shows one; where all recipients were refused, a log cannot tell a
 * client that would have sent a message from one that only asked.
 *
 * Pure but for memory. Caps, each with what happens there: REPLAY_HOSTS (the
 * others share the last), REPLAY_SESSIONS (all held tries are told as without
 * message), REPLAY_TRIES in one session (the oldest is told early), JOIN_CAP / 2
 * messages under way of a machine.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_REPLAY_LOG_H
#define CORE_REPLAY_LOG_H
#include "base/keymap.h"
#include "core/maillog_join.h"

#define REPLAY_HOSTS 8
#define REPLAY_SESSIONS 8192 /* smtpd processes at one time */
#define REPLAY_TRIES 100     /* refused recipients held of one session */
#define REPLAY_SESSION_S 600 /* without a line: the session is over */

enum replay_type {
	REPLAY_CONNECT = 1, /* client, name, is_ours, is_screened */
	REPLAY_ACCEPT,      /* client, name, message: RCPT accepted, the message gets its queue id */
	REPLAY_TRY,         /* RCPT refused: client, name, sender, recipient, code, is_unknown, is_message, is_ours */
	REPLAY_MAIL,        /* what became of a message of a foreign client, or where ours wrote to: mail, is_bounced */
};

struct replay_event {
	enum replay_type type;
	uint64_t time;
	uint64_t message; /* stands for machine and queue id; 0: none */
	struct ipaddr client;
	struct slice name, sender, recipient; /* good during the call */
	uint16_t code;
	bool is_unknown; /* no such mailbox */
	bool is_message; /* a message came in the same transaction */
	bool is_ours;    /* on a submission service */
	bool is_bounced;
	bool is_screened; /* postscreen refused it: no policy server met it */
	const struct msg_log_mail *mail;
};

typedef void (*replay_log_fn)(const struct replay_event *e, void *ctx);
struct replay_log;

/* own: see maillog_join_set_own. NULL: no memory. */
struct replay_log *replay_log_new(
	const uint8_t key[SIPHASH_KEY], const struct prefix_table *own, replay_log_fn fn, void *ctx);
void replay_log_free(struct replay_log *r);
/* One line, as maillog_line_parse gives it; fn is called for what follows from it. ERR_NOMEM: the line is lost. */
enum err replay_log_add(struct replay_log *r, const struct maillog_line *l) MUST_USE;
/* No more lines: what is held is told. */
void replay_log_end(struct replay_log *r);
/* Lines of machines beyond REPLAY_HOSTS. */
uint64_t replay_log_shared(const struct replay_log *r);

#endif /* CORE_REPLAY_LOG_H */
