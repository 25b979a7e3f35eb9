/*
 * spamdb: what spamdb.c (the command, its listing) and spamdb_change.c (-a, -d)
 * share. Messages go to standard error as "spamdb: text".
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_SPAMDB_H
#define CTL_SPAMDB_H
#include "core/spamdb_args.h"
#include "ctl/ctl.h"

#define SPAMDB_MANY 255 /* the largest exit status: more failures are as many */

/* The keys of a run, and how many of them failed. */
struct spamdb_run {
	struct ctl *c;
	const struct spamdb_args *args;
	char *const *key;
	size_t keys;
	size_t failed;
};

int spamdb_say(struct ctl *c, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/*
 * Ask about one key. CTL_DONE: *ret_answer is there; CTL_REFUSED: refused, and
 * said why unless is_quiet; SPAMDB_GONE: nobody answers, said.
 */
#define SPAMDB_GONE 3
int spamdb_ask(struct ctl *c, json_t *request, bool is_quiet, json_t **ret_answer);

/* Each gives CTL_DONE with failed counted, or the exit status that ends all. */
int spamdb_add_white(struct spamdb_run *r);
int spamdb_add_trapped(struct spamdb_run *r);
int spamdb_add_traps(struct spamdb_run *r);
int spamdb_delete(struct spamdb_run *r);

#endif /* CTL_SPAMDB_H */
