/*
 * maillog_entry: the messages that maillog_join has under way: a map from queue
 * id to entry, and two lists of the entries by age: those under way, and those
 * that Postfix has removed. A removed entry that re-injected copies came from
 * stays while they are under way. Part of core/maillog_join; pure but for memory.
 *
 *   by_id:  queue id ──▶ entry ──parent (queue id)──▶ entry of the hop before
 *   active: longest untouched ... newest        done: removed first ... last
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MAILLOG_ENTRY_H
#define CORE_MAILLOG_ENTRY_H
#include "base/keymap.h"
#include "core/maillog_line.h"

#include <sys/queue.h>

struct maillog_entry {
	TAILQ_ENTRY(maillog_entry) by_age;
	char queue_id[MAILLOG_QUEUE_ID];
	char parent[MAILLOG_QUEUE_ID]; /* "": none */
	uint64_t parent_serial;
	uint64_t serial; /* tells two messages of one queue id apart */
	uint64_t touched;
	uint64_t mid;      /* hash of Message-ID, 0: none */
	uint32_t children; /* entries whose parent this is */
	struct ipaddr client;
	char *name, *sender, *login; /* NULL: none */
	bool is_again;               /* re-injected: what smtpd knows of the client is hearsay */
	bool has_client, is_local, is_refused, is_spam, has_trap, is_removed;
	bool is_login_told; /* LOG_LOGIN was said */
	bool is_told;       /* a delivery of this message was reported */
	bool is_done;       /* in the list done */
};
TAILQ_HEAD(maillog_entry_list, maillog_entry);

#define MAILLOG_RECENT 256 /* power of two */

struct maillog_entries {
	struct keymap by_id;                          /* of struct maillog_entry * */
	struct maillog_entry *recent[MAILLOG_RECENT]; /* the one last added to in each place: saves most look-ups */
	struct maillog_entry_list active, done;
	size_t cap;
	uint64_t now, serial;
};

void maillog_entry_init(struct maillog_entries *t, const uint8_t key[SIPHASH_KEY], size_t cap);
void maillog_entry_done(struct maillog_entries *t);
/* NULL when there is none. Good until the next add, link or expire. */
struct maillog_entry *maillog_entry_find(const struct maillog_entries *t, struct slice id);
/* Find or add, and make it the newest; at the cap the oldest goes. NULL: no memory. */
struct maillog_entry *maillog_entry_add(struct maillog_entries *t, struct slice id);
/* The queue id is used again: forget what was known of the message before. */
void maillog_entry_renew(struct maillog_entries *t, struct maillog_entry *e);
/* qmgr: "removed". */
void maillog_entry_remove(struct maillog_entries *t, struct maillog_entry *e);
/* child came out of the message parent; both are added where missing. The first parent said stays. */
enum err maillog_entry_link(struct maillog_entries *t, struct slice child, struct slice parent) MUST_USE;
/* The hop before e, NULL: none, or no longer known. */
struct maillog_entry *maillog_entry_parent(const struct maillog_entries *t, const struct maillog_entry *e);
/* Time goes on; never back. */
void maillog_entry_advance(struct maillog_entries *t, uint64_t now);
/* But here: it was ahead. What was touched then was touched now. */
void maillog_entry_set_back(struct maillog_entries *t, uint64_t now);
/* Some of what is too old goes away. */
void maillog_entry_expire(struct maillog_entries *t);

#endif /* CORE_MAILLOG_ENTRY_H */
