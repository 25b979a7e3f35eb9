/*
 * setup_postfix: `limetwig setup postfix`: puts limetwig into a Postfix
 * configuration and takes it out again. Edits main.cf and master.cf in place
 * (core/main_cf, core/master_cf), writes ETC/postfix.conf, keeps the texts as
 * they were under STATE/setup. A run that fails puts everything back.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_SETUP_POSTFIX_H
#define CTL_SETUP_POSTFIX_H
#include <stdbool.h>

/*
 * argv[0] is "postfix"; etc, state: where --etc and --state do not say. Exit
 * status: 0 done, or nothing to do; 1 refused or failed; 2 usage.
 */
int setup_postfix_main(int argc, char **argv, const char *etc, const char *state);

/* As --revert of all instances; dir: the Postfix to look at where none is remembered. None there: said, and done. */
struct setup_postfix_removal {
	const char *etc, *state, *dir;
	bool is_dry_run, is_force;
};
int setup_postfix_remove(const struct setup_postfix_removal *r);

#endif /* CTL_SETUP_POSTFIX_H */
