/*
 * trap_users: what new traps would do to the users of a list (--users): an
 * address or domain of one of them is refused; of a pattern it is said whom it
 * matches, and the pattern stays: on a living domain it only counts recipients
 * that Postfix refused.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_TRAP_USERS_H
#define CTL_TRAP_USERS_H
#include "ctl/trap_batch.h"
#include "ctl/user_list.h"
#include "io/trap_pattern.h"

/* Looks at all new ones of b; source: named in what is shown. CTL_DONE, or the error was shown. */
int trap_users_compare(struct ctl *c, struct trap_batch *b, const struct user_list *u, const char *source);

#endif /* CTL_TRAP_USERS_H */
