/*
 * replay_traps: the traps and the allow lists of a replay: of files of this
 * server, of files or addresses on the command line, or suggested ones.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_REPLAY_TRAPS_H
#define CTL_REPLAY_TRAPS_H
#include "core/allow.h"
#include "core/subject.h"
#include "core/trap_table.h"
#include "ctl/ctl.h"
#include "io/trap_pattern.h"

struct replay_traps {
	struct trap_table *table; /* ids 1 .. count */
	struct trap_patterns *patterns;
	size_t patterns_used, asleep, bad;
	char from[600]; /* for people */
	struct allow allow;
	struct prefix_table own; /* for maillog_join */
	struct subject_rules rules;
	size_t spf; /* entries of allow files that need DNS and so are not used */
};

/* CTL_DONE, or the error was shown. No trap yet. */
int replay_traps_init(struct ctl *c, const uint8_t key[SIPHASH_KEY], struct replay_traps *ret);
void replay_traps_done(struct replay_traps *t);
/* "FILE" or "address,address": those of --traps. */
int replay_traps_given(struct ctl *c, struct replay_traps *t, const char *what);
/* The trap files of the configuration. *ret_any: there is at least one trap. */
int replay_traps_installed(struct ctl *c, struct replay_traps *t, bool *ret_any);
/* One line of a trap file. ERR_EXISTS is no error. */
enum err replay_traps_line(
	struct replay_traps *t, struct slice line, unsigned number, char *text, size_t size) MUST_USE;
/* For struct replay_setup. */
const struct trap *replay_traps_pattern(const struct replay_traps *t, const struct address *a);

#endif /* CTL_REPLAY_TRAPS_H */
