/*
 * test_sandbox: for each role, in children that enter its sandbox: what is
 * forbidden fails or kills, and a piece of its own work still goes on. The
 * real processes are looked at end to end.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "folder.h"
#include "io/sandbox.h"
#include "role/selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct parent parent;
#define conf parent.conf

static void on_trial(const char *what, enum selftest_result r, const char *how, void *ctx)
{
	unsigned *count = ctx;

	++*count;
	if (r == SELFTEST_WRONG)
		print_error("%s: %s\n", what, how);
}

static int set_up(void **state)
{
	char path[CONF_TEXT + 16];

	(void)state;
	conf_defaults(&conf);
	if (make_folder(conf.storage.dir, sizeof conf.storage.dir) != 0)
		return -1;
	(void)snprintf(path, sizeof path, "%s/db", conf.storage.dir);
	if (mkdir(path, 0700) != 0)
		return -1;
	(void)snprintf(path, sizeof path, "%s/corpus", conf.storage.dir);
	return mkdir(path, 0700);
}

static int tear_down(void **state)
{
	(void)state;
	clear(conf.storage.dir);
	return 0;
}

static void try_role(enum role role)
{
	struct child child = { .role = role, .parent = &parent, .uid = getuid(), .gid = getgid() };
	unsigned count = 0;

	parent.is_root = geteuid() == 0;
#if defined(__SANITIZE_ADDRESS__)
	skip(); /* its run-time library makes calls of its own */
#endif
	/* 1: LANDLOCK_CREATE_RULESET_VERSION */
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1)
		skip();
	assert_int_equal(selftest_sandbox(&child, on_trial, &count), 0);
	assert_true(count >= 12);
}

#define ROLE_TEST(name, role)                                                                                          \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		try_role(role);                                                                                        \
	}
ROLE_TEST(test_engine, ROLE_ENGINE)
ROLE_TEST(test_firewall, ROLE_FIREWALL)
ROLE_TEST(test_capture, ROLE_CAPTURE)
ROLE_TEST(test_follow, ROLE_FOLLOW)
ROLE_TEST(test_run, ROLE_RUN)
ROLE_TEST(test_aliasmap, ROLE_ALIASMAP)
ROLE_TEST(test_fetch, ROLE_FETCH)
ROLE_TEST(test_tarpit, ROLE_TARPIT)
ROLE_TEST(test_feed, ROLE_FEED)
ROLE_TEST(test_dnsbl, ROLE_DNSBL)
ROLE_TEST(test_publish, ROLE_PUBLISH)
_Static_assert(ROLE_COUNT == 12, "a new role needs its line above");

/* The table itself: who keeps a capability, who may name any call. */
static void test_table(void **state)
{
	static struct sandbox_rights r;

	(void)state;
	for (int role = ROLE_ENGINE; role < ROLE_COUNT; role++) {
		sandbox_rights((enum role)role, &conf, &r);
		if (role == ROLE_FIREWALL)
			assert_int_equal(r.caps, UINT64_C(1) << 12); /* CAP_NET_ADMIN */
		else if (role != ROLE_ALIASMAP)
			assert_int_equal(r.caps, 0);
		assert_int_equal((r.calls & CALLS_ANY) != 0, role == ROLE_RUN || role == ROLE_ALIASMAP);
		for (unsigned i = 0; i < r.paths; i++)
			assert_false(r.path[i].may & MAY_WRITE && r.path[i].may & MAY_EXEC);
	}
	sandbox_rights(ROLE_FIREWALL, &conf, &r);
	assert_int_equal(r.paths, 0);
	sandbox_rights(ROLE_FOLLOW, &conf, &r);
	assert_int_equal(r.paths, 0);
	(void)snprintf(conf.postfix.log, sizeof conf.postfix.log, "journal");
	sandbox_rights(ROLE_FOLLOW, &conf, &r);
	assert_true(r.paths > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine),
		cmocka_unit_test(test_firewall),
		cmocka_unit_test(test_capture),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_aliasmap),
		cmocka_unit_test(test_fetch),
		cmocka_unit_test(test_tarpit),
		cmocka_unit_test(test_feed),
		cmocka_unit_test(test_dnsbl),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
