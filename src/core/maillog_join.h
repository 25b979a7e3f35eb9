/*
 * maillog_join: joins lines of the mail log by queue id, through content
 * filters (orig_queue_id, "queued as") and aliases ("forwarded as"), and says
 * what became of each recipient: core/message's LOG_MAIL, LOG_LOGIN, LOG_RCPT.
 *
 * Delivered is what a foreign client without login sent and a mailbox took
 * (local, virtual, lmtp, pipe, the relay transport, an own host by smtp), not
 * the hop into a content filter and nothing that goes to a trap. A delivery is
 * reported JOIN_WAIT_S of log time after its line, so that the verdict of a
 * filter that logs late still counts and lines may come in any order by then.
 * A message of which the log shows only a part may be missed, but is never
 * called delivered without its client and its delivery.
 *
 * Pure but for memory: time is that of the lines. Owns copies of all it keeps.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MAILLOG_JOIN_H
#define CORE_MAILLOG_JOIN_H
#include "base/prefix_table.h"
#include "base/siphash.h"
#include "core/maillog_line.h"
#include "core/message.h"

#define JOIN_CAP 200000           /* messages under way; the one longest untouched goes first */
#define JOIN_EXPIRE_S (5 * 86400) /* Postfix's maximal_queue_lifetime */
#define JOIN_WAIT_S 10
#define JOIN_LINGER_S 60   /* a message is remembered this long after "removed" */
#define JOIN_PENDING 16384 /* deliveries waiting; above it the oldest does not wait */
#define JOIN_SPAM 32768    /* Message-IDs of spam remembered, in each of two halves */
#define JOIN_SPAM_S 1800   /* time of a half */

struct maillog_join;

struct maillog_event {
	enum message_type type; /* MSG_LOG_MAIL, MSG_LOG_LOGIN, MSG_LOG_RCPT */
	bool is_bounced; /* LOG_MAIL, only after maillog_join_tell_all: it was accepted, but could not be delivered */
	bool is_unknown; /* with is_bounced: there is no such mailbox */
	union {
		struct msg_log_mail mail;
		struct msg_log_login login;
		struct msg_log_rcpt rcpt;
	} u;
};

/* cap: messages under way, JOIN_CAP. NULL: no memory. */
struct maillog_join *maillog_join_new(const uint8_t key[SIPHASH_KEY], size_t cap);
void maillog_join_free(struct maillog_join *j);
/*
 * own: hosts and networks that are ours besides the private ones; borrowed until
 * it is replaced; NULL: none.
 */
void maillog_join_set_own(struct maillog_join *j, const struct prefix_table *own);
/* Tell also of deliveries to traps (outcome LOG_TAGGED) and of mail that was accepted and then bounced (replay). */
void maillog_join_tell_all(struct maillog_join *j);
/* One line. Call maillog_join_next until it gives false before the next one. ERR_NOMEM: the line is lost. */
enum err maillog_join_add(struct maillog_join *j, const struct maillog_line *l) MUST_USE;
/* Log time is at least now, though no line says so (idle, journal). */
void maillog_join_advance(struct maillog_join *j, uint64_t now);
/*
 * The clock that wrote the lines was ahead, and is set back to now: what the time before it said begins now. Else
 * nothing would wait for a verdict, and no message be forgotten, until that time comes.
 */
void maillog_join_set_back(struct maillog_join *j, uint64_t now);
/* Nothing waits any longer (stop). */
void maillog_join_flush(struct maillog_join *j);
/* The next event; false: none is due. */
bool maillog_join_next(struct maillog_join *j, struct maillog_event *ret);
/* Messages under way. */
size_t maillog_join_count(const struct maillog_join *j);

#endif /* CORE_MAILLOG_JOIN_H */
