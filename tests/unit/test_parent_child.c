/*
 * test_parent_child: a role whose restart could not be noted is not forgotten.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/log.h"
#include "role/parent.h"

#include <errno.h>
#include <sys/socket.h>

static unsigned tries;

/* In place of libc's: no process can be started, and each try is seen. */
int socketpair(int domain, int type, int protocol, int pair[2])
{
	(void)domain;
	(void)type;
	(void)protocol;
	(void)pair;
	tries++;
	errno = EMFILE;
	return -1;
}

static void test_a_lost_role_is_tried_again(void **state)
{
	static struct parent p;
	struct child *lost = &p.child[ROLE_RUN], *waits = &p.child[ROLE_FEED];

	(void)state;
	p.loop = loop_new();
	for (int r = 0; r < ROLE_PROCESSES; r++)
		p.child[r] = (struct child){ .role = (enum role)r, .parent = &p };
	tries = 0;
	parent_check_lost(&p);
	assert_int_equal(tries, 0); /* none is wanted */
	lost->is_wanted = waits->is_wanted = p.child[ROLE_ENGINE].is_wanted = true;
	p.child[ROLE_ENGINE].pid = 1; /* lives */
	p.is_stopping = true;
	parent_check_lost(&p);
	assert_int_equal(tries, 0);
	p.is_stopping = false;
	parent_start_child(waits);
	assert_int_equal(tries, 1);
	assert_non_null(waits->again);
	parent_check_lost(&p);
	assert_int_equal(tries, 2);
	assert_non_null(lost->again); /* from now on it has its own timer */
	parent_check_lost(&p);
	assert_int_equal(tries, 2);
	loop_free(p.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_lost_role_is_tried_again),
	};

	log_setup("test", LOG_LEVEL_ALARM);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
