/*
 * ledger: good mail per subject, the counterweight to hits (DESIGN 6). Mail
 * counts once it is 48 h old, and only for a subject seen on >= 3 distinct
 * days; it halves every 30 days and is capped at 100. Mail from a domain our
 * users write to counts three times. Works on struct record_ledger; pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H
#include "core/record.h"

#define LEDGER_MATURE_S (48 * 3600)
#define LEDGER_DAYS 3
#define LEDGER_HALF_LIFE_S (30 * 86400)
#define LEDGER_CAP 100.0
#define LEDGER_RECENT_S (14 * 86400)
#define LEDGER_BUSY 100

/*
 * One good message at time, worth count. Before the entry's newest day by more
 * than three days: counted by ledger_recent only.
 */
void ledger_add(struct record_ledger *l, uint64_t time, double count);
/*
 * What an entry says of days after now was written while the clock was ahead:
 * it is taken for today. Else mail of the true days would come too late for it,
 * for as long as the clock was wrong by.
 */
void ledger_tame(struct record_ledger *l, uint64_t now);
/*
 * The subject mailed a trap: its mail of these days, not yet matured, will not
 * count. So who hits a trap every day never has good mail, and a good sender
 * loses three days of it by one mistake. One that sent LEDGER_BUSY messages in
 * the last two to four days loses nothing: many people send through it.
 */
void ledger_spoil(struct record_ledger *l, uint64_t time);
/* Good mail that counts at now; 0 for an entry that has not matured. */
double ledger_good(const struct record_ledger *l, uint64_t now);
/* Messages of the last 14 days (up to two days more: counted in stretches), matured or not, unweighted. */
uint32_t ledger_recent(const struct record_ledger *l, uint64_t now);
/* True when nothing worth keeping is left at now. */
bool ledger_is_spent(const struct record_ledger *l, uint64_t now);

#endif /* CORE_LEDGER_H */
