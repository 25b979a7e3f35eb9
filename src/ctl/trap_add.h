/*
 * trap_add: how new traps get into a trap file: `trap add` and `trap import`
 * fill a batch, and end with the same comparison, question to the engine,
 * writing and reload.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_TRAP_ADD_H
#define CTL_TRAP_ADD_H
#include "ctl/trap_batch.h"

/* --tag, --weight, --arm. False: shown; usage. */
bool trap_add_wish(struct ctl *c, struct trap_batch_wish *ret);
/*
 * Compare, ask, write, reload, show; with --dry-run only show. Either all that
 * is good is written, or nothing. source: of an import, for messages; NULL: the
 * words of the command. Gives the exit status.
 */
int trap_add_finish(
	struct ctl *c, struct trap_batch *b, const char *path, const char *source, const struct trap_batch_wish *w);

#endif /* CTL_TRAP_ADD_H */
