/*
 * trial: what a role tries in itself when a test asks it to (MSG_SELFTEST):
 * calls that its sandbox forbids or allows, in the process as it serves. Only
 * where limetwigd was started with LIMETWIG_TEST_HOOKS=1. A trial may end the
 * process: that is an answer too.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_TRIAL_H
#define ROLE_TRIAL_H
#include "core/conf.h"
#include "core/role.h"

#include <sys/types.h>

#define TRIAL_NONE 255 /* errno of a trial that has no meaning for this role */

struct trial_place {
	enum role role;
	const struct conf *conf;
	pid_t sibling;
	int shared; /* a descriptor it was given to read; -1 */
};

/* LIMETWIG_TEST_HOOKS=1 in the environment. */
bool trial_is_on(void);
/* "openat /etc/passwd" ...; NULL: no such number, and none behind it. */
const char *trial_name(unsigned number);
/* 0: it was allowed; else errno. */
int trial_run(unsigned number, const struct trial_place *p);

#endif /* ROLE_TRIAL_H */
