/*
 * setup_postfix: `limetwig setup postfix`: puts limetwig into a Postfix
 * configuration and takes it out again. Edits main.cf and master.cf in place
 * (core/main_cf, core/master_cf), writes ETC/postfix.conf, keeps the texts as
 * they were under STATE/setup. A run that fails puts everything back.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_SETUP_POSTFIX_H
#define CTL_SETUP_POSTFIX_H

/*
 * argv[0] is "postfix". Exit status: 0 done, or nothing to do; 1 refused or
 * failed, nothing changed; 2 usage.
 */
int setup_postfix_main(int argc, char **argv);

#endif /* CTL_SETUP_POSTFIX_H */
