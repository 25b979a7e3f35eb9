/*
 * selftest: enters the real sandbox of a role in children of its own and
 * tries what the role must not and must be able to do. For the tests
 * (limetwigd --selftest-sandbox ROLE, tests/unit/test_sandbox.c).
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_SELFTEST_H
#define ROLE_SELFTEST_H
#include "role/parent.h"

enum selftest_result {
	SELFTEST_OK = 0,
	SELFTEST_WRONG, /* the forbidden worked, or the allowed did not */
};

/* Called once for each thing tried; how: "refused", "killed", "works" ... */
typedef void (*selftest_fn)(const char *what, enum selftest_result r, const char *how, void *ctx);

/* With the role, user and configuration of c, its folders in place. Returns how many were wrong. */
unsigned selftest_sandbox(const struct child *c, selftest_fn fn, void *ctx);
/* The hidden option: prints a line each; exit status. */
int selftest_main(const char *role, const struct parent_options *o);

#endif /* ROLE_SELFTEST_H */
