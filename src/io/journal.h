/*
 * journal: the mail entries of systemd's journal, oldest first. Open it before
 * the sandbox; new journal files are opened by libsystemd while it reads, so
 * the sandbox must leave JOURNAL_DIRS readable.
 *
 * Any local user can write any identifier into the journal: entries of a user
 * id of people (JOURNAL_UID_PEOPLE and above) are left out.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_JOURNAL_H
#define IO_JOURNAL_H
#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

#define JOURNAL_DIRS "/var/log/journal", "/run/log/journal"
#define JOURNAL_UID_PEOPLE 1000
#define JOURNAL_CURSOR 512

struct journal;

/* dir: NULL for this machine's journal. ERR_DENIED, ERR_NOTFOUND: there is none; ERR_IO, ERR_NOMEM. */
enum err journal_open(const char *dir, struct journal **ret) MUST_USE;
/* NULL is fine. */
void journal_close(struct journal *j);
/* Go on behind cursor; "" or one that is gone: at the start. */
enum err journal_resume(struct journal *j, const char *cursor) MUST_USE;
/* Go back up to so many entries before where reading would go on. */
enum err journal_step_back(struct journal *j, uint64_t entries) MUST_USE;
/* Was the last entry given one of those that journal_step_back went back to? */
bool journal_is_back(const struct journal *j);
/*
 * The next entry: Unix seconds, syslog identifier ("postfix/smtpd") and text,
 * good until the next call. ERR_AGAIN: none yet; ERR_IO.
 */
enum err journal_next(struct journal *j, uint64_t *ret_time, struct slice *ret_ident, struct slice *ret_text) MUST_USE;
/* Cursor of the last entry given, "" before the first. Returns to. */
const char *journal_position(struct journal *j, char to[JOURNAL_CURSOR]);

#endif /* IO_JOURNAL_H */
